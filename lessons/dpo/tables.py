"""What the DPO lesson measures where every answer can be listed: a policy is a table of them."""

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

import utils
from lessons.dpo.exercises import implicit_reward, ipo_loss
from utils.worlds.preferences import Policy, World, sft

# A world of 4 tokens and 4 places has 256 answers.


@cache
def small_world(seed: int) -> tuple[Tensor, Tensor]:
    """Every answer's reward, 2 · gold as the labelers use it, and log π_ref, both (256,)."""
    world, generator = World(seed, n_tokens=4, length=4), utils.generator(seed)
    reference = Policy(4, 4, seed=seed)
    sft(reference, world.demonstrations(5000, generator), generator, steps=100)
    answers = world.all_sequences()
    with torch.no_grad():
        ref_logprobs = reference.token_logprobs(answers).sum(-1).double().log_softmax(0)
    return 2 * world.gold(answers).double(), ref_logprobs


def rlhf_optimum(reward: Tensor, ref_logprobs: Tensor, beta: float) -> Tensor:
    """Log-probabilities of π* ∝ π_ref exp(reward / β), the best under reward − β KL. (answers,)"""
    return (ref_logprobs + reward / beta).log_softmax(0)


def least(loss: Callable[[Tensor], Tensor], start: Tensor, steps: int = 500) -> Tensor:
    """Where a smooth loss is least, by L-BFGS from `start`; stops after so many steps at most."""
    x = start.clone().requires_grad_()
    lbfgs = torch.optim.LBFGS([x], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        lbfgs.zero_grad()
        value = loss(x)
        value.backward()
        return value

    lbfgs.step(closure)
    return x.detach()


def asked(wins: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What was compared: the answers that won, those that lost to them, and how often; (pairs,)."""
    won, lost = wins.nonzero().T
    return won, lost, wins[won, lost]


def label_loss(reward: Tensor, won: Tensor, lost: Tensor, times: Tensor) -> Tensor:
    """Bradley and Terry's mean negative log-likelihood of the comparisons, in nats.

    reward: (answers,); the others as `asked` gives them.
    """
    margin = reward.index_select(0, won) - reward.index_select(0, lost)
    return -(times * F.logsigmoid(margin)).sum() / times.sum()


def ridge(reward: Tensor, spread: float) -> Tensor:
    """What it costs, in nats, to believe in rewards larger than `spread`: a normal prior around 0.

    spread: its standard deviation. Infinite: it costs nothing.
    """
    return (reward / spread).square().sum() / 2


def dpo_by_table(
    wins: Tensor, ref_logprobs: Tensor, beta: float, spread: float = math.inf
) -> Tensor:
    """Least DPO loss over all policies there are: one logit per answer. Log-probabilities, (n,).

    wins: (n, n), how often answer i was preferred to j. spread: of a ridge on implicit rewards.
    """
    compared = asked(wins)

    def loss(logits: Tensor) -> Tensor:
        implied = implicit_reward(logits.log_softmax(0), ref_logprobs, beta)
        return label_loss(implied, *compared) + ridge(implied, spread) / wins.sum()

    return least(loss, ref_logprobs).log_softmax(0)


def fit_rewards(wins: Tensor, spread: float = math.inf) -> Tensor:
    """The reward model: one number per answer, fitted to the comparisons by maximum likelihood.

    spread: how large rewards are thought to be beforehand. Infinite: nothing holds them.
    """
    compared = asked(wins)

    def loss(reward: Tensor) -> Tensor:
        return label_loss(reward, *compared) + ridge(reward, spread) / wins.sum()

    return least(loss, torch.zeros(len(wins), dtype=wins.dtype))


def ipo_by_table(wins: Tensor, ref_logprobs: Tensor, beta: float) -> Tensor:
    """Least IPO loss over all policies there are: as dpo_by_table."""
    won, lost, times = asked(wins)
    won, lost = (x.repeat_interleave(times.long()) for x in (won, lost))  # a row a comparison

    def loss(logits: Tensor) -> Tensor:
        policy = logits.log_softmax(0)
        four = policy[won], policy[lost], ref_logprobs[won], ref_logprobs[lost]
        return beta**2 * ipo_loss(*four, beta)  # β² keeps it near 1 at any β

    return least(loss, ref_logprobs).log_softmax(0)


def ask(reward: Tensor, ref_logprobs: Tensor, n: int, seed: int) -> Tensor:
    """Draw n pairs from the reference and have each labeled once. Returns wins, (answers, answers).

    Answer i is preferred to j with probability σ(reward_i − reward_j) (Bradley & Terry 1952).
    """
    generator = utils.generator(seed)
    drawn = torch.multinomial(ref_logprobs.exp(), 2 * n, replacement=True, generator=generator)
    first, second = drawn.chunk(2)
    likes_first = torch.rand(n, generator=generator) < (reward[first] - reward[second]).sigmoid()
    won = torch.where(likes_first, first, second)
    lost = torch.where(likes_first, second, first)
    wins = torch.zeros(len(reward), len(reward), dtype=reward.dtype)
    return wins.index_put_((won, lost), torch.ones(n, dtype=reward.dtype), accumulate=True)


def total_variation(logp: Tensor, logq: Tensor) -> float:
    """Half the summed difference of two distributions: the share of probability in dispute."""
    return 0.5 * (logp.exp() - logq.exp()).abs().sum().item()


# Three answers, liked by 60, 30 and 10 % of people, and two references.
PEOPLE = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
EVEN = torch.full((3,), 1 / 3, dtype=torch.float64)
BIASED = torch.tensor([0.8, 0.15, 0.05], dtype=torch.float64)


def entropy_matching(reward: Tensor) -> Tensor:
    """The policy that maximizes reward + entropy: softmax of the reward, as log-probabilities."""
    return reward.log_softmax(0)
