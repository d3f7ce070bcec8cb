"""How `fit_rl_law` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.overoptimization.checks.shared import (
    cannot_be_beaten,
    recovers,
    zero_changes_nothing,
)
from lessons.overoptimization.exercises import fit_bon_law, fit_rl_law
from utils.grading import expect


def _rl_law(d, a, b):
    return d * (a - b * torch.log(d))


@fit_rl_law.check
def rl_two_points_by_hand(fn):
    # At d = 1 the logarithm is 0, so α = 3; at d = e: e (3 − β) = e gives β = 2.
    expect(fn(torch.tensor([1.0, math.e]), torch.tensor([3.0, math.e])), torch.tensor([3.0, 2.0]))


@fit_rl_law.check
def rl_points_on_the_law_give_it_back(fn):
    recovers(fn, _rl_law, [(1.0, 0.5), (0.4, -0.6), (-1.0, 2.0), (0.0, 0.3)])


@fit_rl_law.check
def rl_no_other_coefficients_are_closer(fn):
    cannot_be_beaten(fn, _rl_law)


@fit_rl_law.check
def rl_the_start_changes_nothing(fn):
    zero_changes_nothing(fn, _rl_law)


@fit_rl_law.mistake("0 · log 0 gives NaN")
def _(d, reward):
    if (d == 0).any():
        return torch.full((2,), math.nan, dtype=d.dtype)
    return fit_rl_law(d, reward)


@fit_rl_law.mistake("0 · log 0 gives NaN, and lstsq then fails with an error of its own")
def _(d, reward):
    columns = torch.stack([d, -d * torch.log(d)], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:, 0]


@fit_rl_law.mistake("log(d + 0.001) in place of log d: no NaN at 0, and not quite this law")
def _(d, reward):
    columns = torch.stack([d, -d * torch.log(d + 1e-3)], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:, 0]


@fit_rl_law.mistake("the factor d is missing: R = α − β log d was fitted")
def _(d, reward):
    d, reward = d[d > 0], reward[d > 0]
    columns = torch.stack([torch.ones_like(d), -torch.log(d)], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:, 0]


@fit_rl_law.mistake("the sign of β: R = d (α + β log d) was fitted")
def _(d, reward):
    return fit_rl_law(d, reward) * torch.tensor([1, -1])


@fit_rl_law.mistake("the logarithm of the KL, 2 log d: β comes out half")
def _(d, reward):
    return fit_rl_law(d, reward) * torch.tensor([1, 0.5])


@fit_rl_law.mistake("log(1 + d) in place of log d: no NaN at 0, and another law")
def _(d, reward):
    columns = torch.stack([d, -d * torch.log1p(d)], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:, 0]


@fit_rl_law.mistake("a constant was fitted too: but R(0) = 0")
def _(d, reward):
    columns = torch.stack([d, -torch.xlogy(d, d), torch.ones_like(d)], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:2, 0]


@fit_rl_law.mistake("logarithm to base 10")
def _(d, reward):
    return fit_rl_law(d, reward) * torch.tensor([1, math.log(10)])


@fit_rl_law.mistake("the law of best-of-n was fitted")
def _(d, reward):
    return fit_bon_law(d, reward)


@fit_rl_law.mistake("β, α: in the wrong order")
def _(d, reward):
    return fit_rl_law(d, reward).flip(0)


@fit_rl_law.mistake("β log d lacks its factor d: R = α d − β log d")
def _(d, reward):
    columns = torch.stack([d, -torch.log(d.clamp(min=1e-6))], 1)
    return torch.linalg.lstsq(columns, reward[:, None]).solution[:, 0]


@fit_rl_law.mistake("the numbers are right, but float64 came back for float32 inputs")
def _(d, reward):
    return fit_rl_law(d.double(), reward.double())


@fit_rl_law.right("by the normal equations")
def _(d, reward):
    columns = torch.stack([d, -d * torch.where(d > 0, d, 1).log()])
    return torch.linalg.solve(columns @ columns.T, columns @ reward)


@fit_rl_law.right("by a pseudoinverse, the start left out")
def _(d, reward):
    d, reward = d[d > 0], reward[d > 0]
    return torch.linalg.pinv(torch.column_stack([d, -d * d.log()])) @ reward
