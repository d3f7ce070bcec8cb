"""Crowds of people who differ: what each wants of a few answers, and what comparisons make of it.

Where many crowds are measured they stand along the first dimensions of a tensor.
"""

from itertools import permutations
from typing import NamedTuple

import torch
from torch import Tensor

import utils
from lessons.preference_aggregation.exercises import borda_scores, von_neumann_winner


class Crowd(NamedTuple):
    """People of a few types: what each answer is worth to each type, and how many are of it."""

    utilities: Tensor  # (…, types, answers)
    shares: Tensor  # (…, types), sum 1


def preferences(crowd: Crowd) -> Tensor:
    """The share of people who prefer answer i to j, a tie as half: (…, answers, answers)."""
    difference = crowd.utilities[..., :, None] - crowd.utilities[..., None, :]
    likes = (difference > 0).double() + (difference == 0).double() / 2
    return (crowd.shares[..., None, None] * likes).sum(-3)


def welfare(crowd: Crowd) -> Tensor:
    """What each answer is worth on average over people: (…, answers)."""
    return (crowd.shares[..., None] * crowd.utilities).sum(-2)


def random_crowds(seed: int, n: int, types: int = 3, answers: int = 5) -> Crowd:
    """n crowds: utilities from a normal distribution, sizes of types from an even one."""
    generator = utils.generator(seed)
    utilities = torch.randn(n, types, answers, generator=generator, dtype=torch.float64)
    sizes = torch.rand(n, types, generator=generator, dtype=torch.float64)
    return Crowd(utilities, sizes / sizes.sum(-1, keepdim=True))


def pairs_of(policy: Tensor) -> Tensor:
    """How often each pair is compared if both answers come from a policy: (…, n, n), sum 1."""
    both = policy[..., :, None] * policy[..., None, :]
    both = both * (1 - torch.eye(policy.shape[-1], dtype=policy.dtype))
    return both / both.sum((-2, -1), keepdim=True)


def ask_crowd(prefers: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Ask n people, each about one pair of different answers, all pairs alike. Returns wins.

    prefers: (…, answers, answers), shares. wins: the same shape, [i, j]: how often i beat j.
    """
    flat = prefers.reshape(-1, *prefers.shape[-2:])
    answers = flat.shape[-1]
    first = torch.randint(answers, (len(flat), n), generator=generator)
    second = (first + torch.randint(1, answers, first.shape, generator=generator)) % answers
    which = torch.arange(len(flat))[:, None]
    draw = torch.rand(first.shape, generator=generator, dtype=torch.float64)
    likes_first = draw < flat[which, first, second]
    won, lost = torch.where(likes_first, first, second), torch.where(likes_first, second, first)
    one = torch.ones(first.shape, dtype=torch.float64)
    wins = torch.zeros_like(flat).index_put_((which.expand_as(won), won, lost), one, True)
    return wins.reshape(prefers.shape)


def newton_scores(wins: Tensor, prior: float = 0.1, steps: int = 60) -> Tensor:
    """What `fit_bradley_terry` finds, for many crowds at once and in fewer steps, by Newton.

    wins: (…, n, n). Returns (…, n), less their mean.
    """
    met, n = wins + wins.mT, wins.shape[-1]
    score = wins.new_zeros(*wins.shape[:-2], n)
    for _ in range(steps):
        chance = (score[..., :, None] - score[..., None, :]).sigmoid()
        own = score.sigmoid()
        slope = (wins - met * chance).sum(-1) + prior - 2 * prior * own
        weight = met * chance * (1 - chance)
        curve = torch.diag_embed(weight.sum(-1) + 2 * prior * own * (1 - own)) - weight
        step = torch.linalg.solve(curve, slope[..., None])[..., 0]
        size = step.abs().amax(-1, keepdim=True).clamp(min=1e-12)
        score = score + step * (1 / size).clamp(max=1)  # no score moves by more than 1
        if size.max() < 1e-10:
            break
    return score - score.mean(-1, keepdim=True)


def log_loss(scores: Tensor, prefers: Tensor) -> tuple[Tensor, Tensor]:
    """Mean log-loss of Bradley and Terry's model over all pairs, and the least there is; nats."""
    chance = (scores[..., :, None] - scores[..., None, :]).sigmoid()
    n = prefers.shape[-1]
    pairs = n * (n - 1) / 2
    off = 1 - torch.eye(n, dtype=prefers.dtype)
    model = -(prefers * chance.log() * off).sum((-2, -1)) / pairs
    return model, -(torch.xlogy(prefers, prefers) * off).sum((-2, -1)) / pairs


def worst_margin(policy: Tensor, margins: Tensor) -> Tensor:
    """The policy's margin against the answer that does best against it; 0 at the best. (…,)"""
    return (policy[..., None, :] @ margins)[..., 0, :].amin(-1)


def learned_margins(wins: Tensor) -> Tensor:
    """Margins as wins have them, each pair's share smoothed by half a win for both."""
    share = (wins + 0.5) / (wins + wins.mT + 1)
    return share - share.mT


def learned_lotteries(wins: Tensor) -> Tensor:
    """Maximal lotteries of learned margins."""
    margins = learned_margins(wins).reshape(-1, *wins.shape[-2:])
    return torch.stack([von_neumann_winner(m) for m in margins]).reshape(wins.shape[:-1])


def lie_pays(crowd: Crowd, of_type: int) -> bool:
    """Whether one type can get a better Borda winner, in its own eyes, by another ranking."""
    true = crowd.utilities[of_type]
    honest = true[borda_scores(preferences(crowd)).argmax()]
    for ranking in permutations(range(len(true))):
        told = crowd.utilities.clone()
        told[of_type] = torch.tensor(ranking, dtype=told.dtype)
        if true[borda_scores(preferences(crowd._replace(utilities=told))).argmax()] > honest:
            return True
    return False


def some_cycle(margins: Tensor) -> Tensor:
    """Whether the majority goes round somewhere: (…,) booleans. margins: (…, n, n)."""
    beats = (margins > 0).double()
    return (beats @ beats @ beats).diagonal(dim1=-2, dim2=-1).sum(-1) > 0


def nash_md(
    prefers: Tensor, reference: Tensor, tau: float, steps: int, drawn_back: bool = True
) -> list[Tensor]:
    """Policies of Nash-MD, step by step; unless drawn_back, of self-play at the same price.

    prefers: (n, n), P(i beats j), 1/2 on its diagonal. tau: the price of a nat of KL to the
    reference. Steps are 2 / (tau (t + 2)), without a price 1/2.
    """
    log_policy = reference.log()
    path = [log_policy.exp()]
    for t in range(steps):
        step = 2 / (tau * (t + 2)) if tau > 0 else 0.5
        mix = (1 - step * tau) * log_policy + step * tau * reference.log()
        rival = (mix if drawn_back else log_policy).softmax(0)
        log_policy = (mix + step * (prefers @ rival)).log_softmax(0)
        path.append(log_policy.exp())
    return path


def regularized_nash(prefers: Tensor, reference: Tensor, tau: float, steps: int = 20_000) -> Tensor:
    """The policy π ∝ μ exp(P(· beats π) / τ), which no other beats at that price of KL.

    Where τ is so small that it is not found in so many steps, that is printed.
    """
    log_policy, part = reference.log(), min(0.5, tau / 2, 20 * tau**2)
    for _ in range(steps):
        best = reference.log() + prefers @ log_policy.exp() / tau
        new = ((1 - part) * log_policy + part * best).log_softmax(0)
        if (new - log_policy).abs().max() < 1e-13:
            break
        log_policy = new
    best = (reference.log() + prefers @ log_policy.exp() / tau).log_softmax(0)
    if (log_policy - best).abs().max() > 1e-6:
        print(f"τ = {tau:g}: the equilibrium was not found in {steps:,} steps")
    return log_policy.exp()


def kl(policy: Tensor, other: Tensor) -> float:
    """KL(policy ‖ other), nats."""
    return (policy * (policy / other).log()).sum().item()
