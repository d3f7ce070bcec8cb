"""The law of Gao et al. (2022) for reinforcement learning, and a rival, fitted to any policies."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lessons.dpo.experiments import Probe


def rl_law(d: Tensor) -> Tensor:
    """The two terms of R(d) = d (α − β log d), with d = √KL: (..., 2). α and −β weigh them."""
    return torch.stack([d, torch.xlogy(d, d)], -1)


def quadratic(d: Tensor) -> Tensor:
    """Its rival, a parabola in KL = d²: three terms, (..., 3)."""
    return torch.stack([torch.ones_like(d), d**2, d**4], -1)


def fit(terms: Tensor, gold: Tensor) -> tuple[Tensor, float]:
    """Least squares: the weight of each term, and the root mean square of what is left."""
    weights = torch.linalg.lstsq(terms, gold).solution
    return weights, (terms @ weights - gold).square().mean().sqrt().item()


def seen(runs: Sequence[Sequence[Probe]]) -> tuple[Tensor, Tensor]:
    """Distance and gold of every probe of these runs, in float64."""
    probes = [p for run in runs for p in run]
    distance = torch.tensor([p.distance for p in probes], dtype=torch.float64)
    return distance, torch.tensor([p.gold for p in probes], dtype=torch.float64)
