"""How `sharing_gain` is judged: checks, mistakes, right answers."""

import functools
import itertools

import torch

from lessons.superposition.drills import sharing_gain
from utils.grading import expect


@functools.cache
def _errors_by_quadrature(steps=200):
    """The model on a grid of magnitudes: mean square by which each output is off, case by case."""
    grid, errors = (torch.arange(steps) + 0.5) / steps, {}
    W = torch.tensor([[1.0, -1.0]])
    for case in itertools.product((0, 1), repeat=2):  # which of the two features are there
        x = torch.cartesian_prod(case[0] * grid, case[1] * grid)
        off = x - torch.relu(x @ W.T @ W)
        errors[case] = (off**2).double().mean(0).tolist()
    return errors


@functools.cache
def _cheapest_constant(p, steps=200):
    """What the best of 1,001 constants costs in the place of a feature."""
    grid, constants = (torch.arange(steps) + 0.5) / steps, torch.linspace(0, 1, 1001)
    there = ((grid - constants[:, None]) ** 2).double().mean(1)
    return (p * there + (1 - p) * constants.double() ** 2).min().item()


def _gain_by_quadrature(p, r):
    shared = 0.0
    for (first, second), (off_first, off_second) in _errors_by_quadrature().items():
        chance = (p if first else 1 - p) * (p if second else 1 - p)
        shared += chance * (off_first + r * off_second)
    return round(r * _cheapest_constant(p) - shared, 5)


@sharing_gain.check
def features_that_are_never_there_cost_nothing(fn):
    for r in (0.0, 1.0, 2.5):
        expect(fn(0.0, r), 0.0)


@sharing_gain.check
def features_that_are_always_there(fn):
    for r in (0.0, 1.0, 0.5, 4.0):
        expect(fn(1.0, r), _gain_by_quadrature(1.0, r), tol=1e-4)


@sharing_gain.check
def a_second_feature_that_does_not_matter(fn):
    for p in (0.2, 0.5, 0.9):
        expect(fn(p, 0.0), _gain_by_quadrature(p, 0.0), tol=1e-4)


@sharing_gain.check
def it_is_the_difference_of_the_two_integrals(fn):
    for p in (0.1, 0.3, 0.6, 0.8):
        for r in (0.5, 1.0, 3.0):
            expect(fn(p, r), _gain_by_quadrature(p, r), tol=1e-4)


@sharing_gain.check
def drawn_features_agree(fn):
    g = torch.Generator().manual_seed(0)
    for p, r in ((0.4, 1.0), (0.7, 2.0)):
        x = torch.rand(100_000, 2, generator=g) * (torch.rand(100_000, 2, generator=g) < p)
        back = torch.relu(x[:, 0] - x[:, 1]), torch.relu(x[:, 1] - x[:, 0])
        shared = (x[:, 0] - back[0]) ** 2 + r * (x[:, 1] - back[1]) ** 2
        alone = r * (x[:, 1] - x[:, 1].mean()) ** 2
        expect(fn(p, r), (alone - shared).mean().item(), tol=6e-3)


@sharing_gain.mistake("the square of the mean, E[min]² = 1/9, where the mean square is asked for")
def _(p, r):
    return r * (p / 3 - p**2 / 4) - (1 + r) * p**2 / 9


@sharing_gain.mistake("they meet with probability p², not p")
def _(p, r):
    return r * (p / 3 - p**2 / 4) - (1 + r) * p / 6


@sharing_gain.mistake("left out is left at 0: its mean costs less")
def _(p, r):
    return r * p / 3 - (1 + r) * p**2 / 6


@sharing_gain.mistake("where they meet both outputs are wrong: the first one's error is missing")
def _(p, r):
    return r * (p / 3 - p**2 / 4) - r * p**2 / 6


@sharing_gain.mistake("the mean over both features, where the sum was asked for")
def _(p, r):
    return sharing_gain(p, r) / 2


@sharing_gain.mistake("the sign: shared minus alone")
def _(p, r):
    return -sharing_gain(p, r)


@sharing_gain.mistake("1/12 is the variance of a feature that is never absent")
def _(p, r):
    return r * p / 12 - (1 + r) * p**2 / 6


@sharing_gain.mistake("E[min] = 1/3, where the mean square of the smaller, E[min²], is asked for")
def _(p, r):
    return r * (p / 3 - p**2 / 4) - (1 + r) * p**2 / 3


@sharing_gain.mistake(
    "r is missing in the shared cost: the second feature's error weighs r there too"
)
def _(p, r):
    return r * (p / 3 - p**2 / 4) - 2 * p**2 / 6


@sharing_gain.mistake("p(1 − p) is the variance of the coin, not of the feature")
def _(p, r):
    return r * p * (1 - p) - (1 + r) * p**2 / 6


@sharing_gain.right("by the cases: one of them, the other, both")
def _(p, r):
    mean_square, mean_minimum_square = 1 / 3, 1 / 6
    left_out = p * mean_square - (p / 2) ** 2
    return r * left_out - p * p * (mean_minimum_square + r * mean_minimum_square)


@sharing_gain.right("multiplied out")
def _(p, r):
    return r * p / 3 - p * p * (1 / 6 + r * 5 / 12)
