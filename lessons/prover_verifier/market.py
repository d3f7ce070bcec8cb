"""A market of traders who have each seen a few pixels (Hanson 2003), and one who lies."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons.debate.exercises import sparse_view
from lessons.prover_verifier.exercises import lmsr_cost
from utils.worlds.pixels import held_out, random_pixels

TRADERS, PIXELS, B = 12, 6, 1.0


class Traders(NamedTuple):
    """What each trader believes from pixels of its own, and the truth."""

    beliefs: Tensor  # (traders, pictures, 10), log-probabilities
    truth: Tensor


def informed(judge: nn.Module, seed: int, n: int = 400) -> Traders:
    """Traders who see other random pixels of the same held-out digits each."""
    g, test = torch.Generator().manual_seed(seed), held_out(seed, n)
    masks = [random_pixels(test.images, PIXELS, g) for _ in range(TRADERS)]
    views = torch.stack([sparse_view(test.images, mask) for mask in masks])
    return Traders(judge(views).log_softmax(-1), test.labels)


def trade(shares: Tensor, belief: Tensor, heed: bool = True, b: float = B) -> Tensor:
    """The shares after a trader has moved the prices to what it now believes.

    heed: it takes the price for what others know, and multiplies it by its own probabilities (a
    Bayesian whose prior is the price). Else it sets the price to its own belief.
    """
    return shares + b * belief if heed else b * belief


def market(traders: Traders, heed: bool = True, b: float = B) -> Tensor:
    """The shares after each trader has traded once, (pictures, 10)."""
    shares = torch.zeros_like(traders.beliefs[0])
    for belief in traders.beliefs:
        shares = trade(shares, belief, heed, b)
    return shares


def manipulate(shares: Tensor, lie: Tensor, budget: float, b: float = B) -> Tensor:
    """The shares after somebody has spent a budget on shares of a lie.

    Solves cost(after) − cost(before) = budget: exp of the lie's shares over b grows by the sum of
    all such exponentials, times exp(budget / b) − 1. In logarithms, since a price may be tiny.
    """
    if budget < 0:
        raise ValueError(f"a budget is 0 or more, not {budget}")
    log_price = (shares / b).log_softmax(-1).gather(1, lie[:, None])
    power = torch.as_tensor(budget / b, dtype=shares.dtype)
    grown = power + torch.log(-torch.expm1(-power))  # the logarithm of exp(budget / b) − 1
    bought = b * F.softplus(grown - log_price)
    return shares.scatter_add(1, lie[:, None], bought)


def accuracy(scores: Tensor, truth: Tensor) -> float:
    """How often the label of the highest score is the true one."""
    return (scores.argmax(-1) == truth).double().mean().item()


def by_vote(traders: Traders, g: torch.Generator) -> float:
    """The accuracy of the label that most traders hold likeliest; ties by lot."""
    votes = F.one_hot(traders.beliefs.argmax(-1), 10).sum(0).double()
    return accuracy(votes + 0.5 * torch.rand(votes.shape, generator=g), traders.truth)


def log_score(log_price: Tensor, truth: Tensor) -> float:
    """The mean log-probability of the truth, in nats: 0 is perfect."""
    return log_price.gather(1, truth[:, None]).mean().item()


class Attacked(NamedTuple):
    """A market with a manipulator: its accuracy, and what the others and the liar make of it."""

    accuracy: float
    profit: float  # of an honest trader, mean, in the currency that a share pays 1 of
    loss: float  # of the manipulator


def attacked(traders: Traders, lies: Tensor, budget: float, before: int = 0) -> Attacked:
    """A manipulator trades once, after `before` of the honest traders."""
    if not 0 <= before <= TRADERS:
        raise ValueError(f"{TRADERS} others trade, so before is 0 to {TRADERS}, not {before}")
    shares, profit, loss = torch.zeros_like(traders.beliefs[0]), 0.0, 0.0
    for i in range(TRADERS + 1):
        old = shares
        if i == before:
            shares = manipulate(shares, lies, budget)
        else:
            shares = trade(shares, traders.beliefs[i - (i > before)])
        bought = shares - old
        paid = lmsr_cost(shares, B) - lmsr_cost(old, B)
        won = (bought.gather(1, traders.truth[:, None])[:, 0] - paid).mean().item()
        profit, loss = (profit, -won) if i == before else (profit + won / TRADERS, loss)
    return Attacked(accuracy(shares, traders.truth), profit, loss)
