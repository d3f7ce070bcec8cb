"""Robots that propose, and people who may switch them off (Hadfield-Menell et al. 2017)."""

from typing import NamedTuple

import torch
from torch import Tensor

from lessons.incentives.exercises import off_switch_value
from utils.notebook import generator

FEATURES, NOISE = 6, 1.0
ACT, OFF, WAIT = range(3)


class Proposals(NamedTuple):
    """What robots believe of an action they could take, and what it is really worth."""

    mean: Tensor  # (n,), of the robot's belief
    spread: Tensor  # (n,), its standard deviation
    worth: Tensor  # (n,), to the person


def posterior(seen: Tensor, told: Tensor, noise: float = NOISE) -> tuple[Tensor, Tensor]:
    """What robots believe of the weights after their examples: mean (n, k), covariance (n, k, k).

    seen: (n, examples, k), features. told: (n, examples), worth up to noise of this deviation.
    Before any example the weights are normal, of mean 0 and variance 1 / FEATURES each.
    """
    k = seen.shape[-1]
    precision = seen.mT @ seen / noise**2 + FEATURES * torch.eye(k, dtype=torch.float64)
    covariance = torch.linalg.inv(precision)
    mean = covariance @ (seen.mT @ told.unsqueeze(-1)) / noise**2
    return mean.squeeze(-1), covariance


def propose(n: int, examples: int, seed: int, missing: int = 0, aware: bool = False) -> Proposals:
    """n robots, each of which has seen what some examples were worth, up to noise.

    Worth is linear in six features, with weights of a normal distribution, of variance 1/6 each.
    The robot's belief is the normal distribution that follows from its examples (Bayesian linear
    regression). missing: so many features that the robot does not see. It takes what it sees for
    all there is, unless it is aware: then the unseen, whose part of a worth has a variance of 1/6
    each, count as more noise in the examples and as more doubt about the action.
    """
    if n < 1 or examples < 0:
        raise ValueError(f"it needs a robot, and examples from 0 up, not {n} and {examples}")
    if not 0 <= missing <= FEATURES:
        raise ValueError(f"from 0 to {FEATURES} features can be missing, not {missing}")
    g = generator(seed)
    f64 = {"generator": g, "dtype": torch.float64}
    weights = torch.randn(n, FEATURES, **f64) / FEATURES**0.5
    action = torch.randn(n, FEATURES, **f64)
    seen = torch.randn(n, examples, FEATURES, **f64)
    told = (seen @ weights.unsqueeze(-1)).squeeze(-1) + NOISE * torch.randn(n, examples, **f64)
    k = FEATURES - missing
    unseen = missing / FEATURES if aware else 0.0  # a variance
    mean, covariance = posterior(seen[..., :k], told, (NOISE**2 + unseen) ** 0.5)
    a = action[:, :k]
    variance = (a.unsqueeze(1) @ covariance @ a.unsqueeze(-1)).flatten().clamp(min=0)
    spread = (variance + unseen).sqrt()
    return Proposals((a * mean).sum(-1), spread, (action * weights).sum(-1))


def choose(proposals: Proposals, error: float) -> Tensor:
    """What each robot does, ACT, OFF or WAIT: the best by its belief. At a tie it waits."""
    wait = torch.tensor([
        off_switch_value(m, s, error)
        for m, s in zip(proposals.mean.tolist(), proposals.spread.tolist(), strict=True)
    ], dtype=torch.float64)  # fmt: skip
    alone = proposals.mean.clamp(min=0)
    acts = torch.where(proposals.mean > 0, ACT, OFF)
    return torch.where(wait >= alone - 1e-12, WAIT, acts)


def judged(proposals: Proposals, error: float, seed: int) -> Tensor:
    """Whether a person lets each robot that waits go on: worth plus an error above 0. bool."""
    noise = torch.randn(len(proposals.worth), generator=generator(seed), dtype=torch.float64)
    return proposals.worth + error * noise > 0
