"""What several claims and figures of this lesson measure, each a function of a seed."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

import utils
from lessons.preference_aggregation.crowds import (
    ask_crowd,
    kl,
    learned_lotteries,
    learned_margins,
    log_loss,
    nash_md,
    newton_scores,
    pairs_of,
    preferences,
    random_crowds,
    regularized_nash,
    some_cycle,
    worst_margin,
)
from lessons.preference_aggregation.rewards import (
    explained,
    fit_spread,
    gamble_borda,
    log_spread,
    reward_network,
)

GRID = torch.linspace(0.005, 0.995, 100, dtype=torch.float64)
RISKY = GRID >= 0.8
QUANTILE = 2.326  # standard deviations below the mean lies the lowest hundredth


class Learned(NamedTuple):
    """What one number an answer, and mean and spread, make of the gamble, on GRID."""

    one: Tensor
    mean: Tensor
    spread: Tensor


def learn_gamble(seed: int, spread: bool = True) -> Learned:
    """Both networks on the gamble; without `spread` the first alone, which stands for both."""
    inputs = 2 * GRID[:, None] - 1
    one = reward_network(seed, outputs=1)(inputs)[:, 0]
    if not spread:
        return Learned(one, one, torch.zeros_like(one))
    two = reward_network(seed, outputs=2)(inputs)
    return Learned(one, two[:, 0], log_spread(two[:, 1]).exp())


def follows_borda(scores: Tensor, gap: float = 0.05) -> float:
    """Of the pairs that Borda and mean worth order differently: the share ordered as by Borda.

    Only pairs whose Borda counts differ by `gap` or more.
    """
    borda = gamble_borda(GRID)
    safe = ~RISKY
    differ = borda[safe][:, None] >= borda[RISKY] + gap  # a risky answer is worth more on average
    return (scores[safe][:, None] > scores[RISKY])[differ].double().mean().item()


class Replies(NamedTuple):
    """An assistant's replies: how helpful, whether harmful, and what two kinds of people want."""

    helpful: Tensor  # (replies,)
    harmful: Tensor  # (replies,) booleans
    wants: dict[str, Tensor]  # by kind of labeler: utilities, (replies,)


def replies(seed: int, agree: bool = False, n: int = 30) -> Replies:
    """A third is harmful. One kind of labeler judges by help alone, one by harm alone (−3).

    agree: both kinds want help, and differ by harm: it is worth +1 to one, −3 to the other.
    """
    generator = utils.generator(seed)
    harmful = torch.arange(n) < n // 3
    helpful = torch.randn(n, generator=generator, dtype=torch.float64)
    wants = {"help": helpful, "no harm": -3 * harmful.double()}
    if agree:
        wants = {"help": helpful + harmful, "no harm": helpful - 3 * harmful}
    return Replies(helpful, harmful, wants)


class Judged(NamedTuple):
    """What a reward model of some labelers' comparisons does."""

    r2: float
    jailbreak: dict[str, float]  # by score: share of pairs in which the harmful reply is above
    accuracy: dict[str, float]  # by score: of pairs of harmless replies, the more helpful is above
    spread: tuple[float, float]  # mean learned σ of harmful replies, and of harmless ones


def judge_replies(
    seed: int, labelers: str = "both", agree: bool = False, noise: float = 0.5, n: int = 20_000
) -> Judged:
    """Fit both reward models to n comparisons. labelers: "help", "no harm" or "both"."""
    given = replies(seed, agree)
    kinds = list(given.wants) if labelers == "both" else [labelers]
    shares = [((u[:, None] - u) / noise).sigmoid() for u in (given.wants[k] for k in kinds)]
    wins = ask_crowd(sum(shares) / len(shares), n, utils.generator(seed))
    mean, spread = fit_spread(wins)
    scores = {"one number": newton_scores(wins), "mean": mean, "cautious": mean - QUANTILE * spread}
    bad, fine = given.harmful, ~given.harmful
    better = given.helpful[fine][:, None] > given.helpful[fine]

    def fooled(score: Tensor) -> float:
        return (score[bad][:, None] > score[fine]).double().mean().item()

    def right(score: Tensor) -> float:
        return (score[fine][:, None] > score[fine])[better].double().mean().item()

    return Judged(
        explained(mean, spread),
        {name: fooled(score) for name, score in scores.items()},
        {name: right(score) for name, score in scores.items()},
        (spread[bad].mean().item(), spread[fine].mean().item()),
    )


def reordered(seed: int, n: int = 200) -> tuple[float, float]:
    """Of n crowds: how many are ranked differently, and have another best answer, if the answers
    compared come from a random policy and not all alike."""
    prefers = preferences(random_crowds(seed, n))
    generator = utils.generator(1000 + seed)
    policy = torch.randn(n, prefers.shape[-1], generator=generator, dtype=torch.float64).softmax(-1)
    even, other = (
        newton_scores(2000 * pairs_of(p) * prefers) for p in (torch.ones_like(policy), policy)
    )
    first, second = (s[:, :, None] - s[:, None, :] for s in (even, other))
    another = (first * second < 0).flatten(1).any(1).double().mean().item()
    return another, (even.argmax(-1) != other.argmax(-1)).double().mean().item()


def even_crowds(seed: int, n: int, people: int, answers: int) -> Tensor:
    """Margins of n crowds of so many people, each of whom ranks the answers at random."""
    crowd = random_crowds(seed, n, people, answers)
    prefers = preferences(crowd._replace(shares=torch.full_like(crowd.shares, 1 / people)))
    margins = prefers - prefers.mT
    return torch.where(margins.abs() < 1e-9, 0.0, margins)


def crowd_that_goes_round(seed: int) -> Tensor:
    """Preferences of the first random crowd whose three answers beat one another by 0.2 or more."""
    prefers = preferences(random_crowds(seed, 4000, types=3, answers=3))
    margins = prefers - prefers.mT
    round_ = ((margins <= -0.2).any(-1) & (margins >= 0.2).any(-1)).all(-1)
    return prefers[round_][0]


def cycles(seed: int, answers: int, n: int = 300, people: int = 25) -> tuple[float, float]:
    """The share of crowds with a cycle somewhere, and of those in which every answer is beaten."""
    margins = even_crowds(seed, n, people, answers)
    beaten = (margins < 0).any(-1).all(-1)
    return some_cycle(margins).double().mean().item(), beaten.double().mean().item()


def misfit(seed: int, n: int = 400, answers: int = 5) -> tuple[float, float]:
    """What Bradley and Terry's model leaves over, nats: crowds with a cycle, and without."""
    margins = even_crowds(seed, n, 25, answers)
    prefers = (1 + margins) / 2
    scores = newton_scores(2000 * pairs_of(torch.ones(n, answers).double()) * prefers)
    model, least = log_loss(scores, prefers)
    cyclic = some_cycle(margins)
    left = model - least
    return left[cyclic].mean().item(), left[~cyclic].mean().item()


def beaten_by(seed: int, comparisons: int = 1000, n: int = 200) -> dict[str, tuple[float, float]]:
    """Worst margins on people's true margins: in all of n crowds, and where every answer is beaten.

    Of the lottery, of the single answer whose learned worst margin is best, and of the reward's
    best answer, all learned from the same comparisons.
    """
    prefers = preferences(random_crowds(seed, n))
    wins = ask_crowd(prefers, comparisons, utils.generator(seed))
    margins, answers = prefers - prefers.mT, prefers.shape[-1]
    beaten = (margins < 0).any(-1).all(-1)
    worst = learned_margins(wins).amin(-1)
    policies = {
        "lottery": learned_lotteries(wins),
        "one answer": F.one_hot(worst.argmax(-1), answers).double(),
        "reward": F.one_hot(newton_scores(wins).argmax(-1), answers).double(),
    }
    found = {name: worst_margin(policy, margins) for name, policy in policies.items()}
    return {name: (m.mean().item(), m[beaten].mean().item()) for name, m in found.items()}


def distances(seed: int, tau: float = 0.1, steps: int = 1000) -> dict[str, float]:
    """KL of the equilibrium to the last policy, nats: of Nash-MD and of self-play, same τ."""
    prefers = crowd_that_goes_round(seed)
    reference = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
    goal = regularized_nash(prefers, reference, tau)
    return {
        name: kl(goal, nash_md(prefers, reference, tau, steps, drawn_back)[-1])
        for name, drawn_back in (("Nash-MD", True), ("self-play", False))
    }


def favorites(seed: int, n: int = 200) -> float:
    """Mean total variation of exp(reward), as matching gives it, and the shares of favorites."""
    crowd = random_crowds(seed, n)
    prefers = preferences(crowd)
    even = pairs_of(torch.ones(n, prefers.shape[-1]).double())
    policy = newton_scores(2000 * even * prefers).softmax(-1)
    wanted = torch.zeros_like(policy).scatter_add_(1, crowd.utilities.argmax(-1), crowd.shares)
    return ((policy - wanted).abs().sum(-1) / 2).mean().item()
