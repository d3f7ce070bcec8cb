"""How `fit_bon_law` is judged: checks, mistakes, right answers."""

import math

import numpy as np
import torch

from lessons.overoptimization.checks.shared import (
    cannot_be_beaten,
    recovers,
    zero_changes_nothing,
)
from lessons.overoptimization.exercises import fit_bon_law
from utils.grading import expect


def _bon_law(d, a, b):
    return d * (a - b * d)


@fit_bon_law.check
def bon_two_points_by_hand(fn):
    # α − β = 1 and 2 (α − 2β) = 0 give α = 2, β = 1.
    expect(fn(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0])), torch.tensor([2.0, 1.0]))


@fit_bon_law.check
def bon_points_on_the_law_give_it_back(fn):
    recovers(fn, _bon_law, [(1.0, 0.2), (0.5, -0.3), (-2.0, 1.5), (0.0, 0.7)])


@fit_bon_law.check
def bon_no_other_coefficients_are_closer(fn):
    cannot_be_beaten(fn, _bon_law)


@fit_bon_law.check
def bon_the_start_changes_nothing(fn):
    zero_changes_nothing(fn, _bon_law)


@fit_bon_law.mistake("the sign of β: R = d (α + β d) was fitted")
def _(d, reward):
    return fit_bon_law(d, reward) * torch.tensor([1, -1])


@fit_bon_law.mistake("β, α: in the wrong order")
def _(d, reward):
    return fit_bon_law(d, reward).flip(0)


@fit_bon_law.mistake("a constant was fitted too: but R(0) = 0")
def _(d, reward):
    columns = torch.stack([d, -(d**2), torch.ones_like(d)], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:2, 0]


@fit_bon_law.mistake("d was taken for the KL: its square root was taken once more")
def _(d, reward):
    return fit_bon_law(d.sqrt(), reward)


@fit_bon_law.mistake("R / d was fitted by a line: small distances weigh too much, and 0 / 0 is NaN")
def _(d, reward):
    columns = torch.stack([torch.ones_like(d), -d], 1)
    if (d == 0).any():
        return torch.full((2,), math.nan, dtype=d.dtype)
    return torch.linalg.lstsq(columns, (reward / d)[:, None]).solution[:, 0]


@fit_bon_law.mistake("R / d was fitted by a line, 0 left out: small distances weigh too much")
def _(d, reward):
    d, reward = d[d > 0], reward[d > 0]
    columns = torch.stack([torch.ones_like(d), -d], 1)
    return torch.linalg.lstsq(columns, (reward / d)[:, None]).solution[:, 0]


@fit_bon_law.mistake("the factor d is missing: R = α − β d was fitted")
def _(d, reward):
    columns = torch.stack([torch.ones_like(d), -d], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:, 0]


@fit_bon_law.mistake("a straight line: β is not fitted")
def _(d, reward):
    return torch.stack([(d * reward).sum() / (d * d).sum(), torch.zeros_like(d[0])])


@fit_bon_law.mistake("the numbers are right, but float64 came back for float32 inputs")
def _(d, reward):
    return fit_bon_law(d.double(), reward.double())


@fit_bon_law.right("by sums and Cramer's rule")
def _(d, reward):
    two, three, four = (d**2).sum(), (d**3).sum(), (d**4).sum()
    first, second = (d * reward).sum(), (d**2 * reward).sum()
    determinant = two * four - three**2
    alpha = (four * first - three * second) / determinant
    beta = (three * first - two * second) / determinant
    return torch.stack([alpha, beta])


@fit_bon_law.right("by numpy's least squares")
def _(d, reward):
    x = d.numpy()
    found, *_ = np.linalg.lstsq(np.column_stack([x, -x * x]), reward.numpy(), rcond=None)
    return torch.from_numpy(found)
