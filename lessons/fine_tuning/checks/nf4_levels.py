"""How `nf4_levels` is judged: checks, mistakes, right answers."""

from statistics import NormalDist

import torch
from scipy.stats import norm

from lessons.fine_tuning.exercises import nf4_levels
from utils.grading import expect, require

DELTA = 0.9677083


def _levels(fn):
    got = fn()
    require(torch.is_tensor(got) and got.shape == (16,), "a tensor of shape (16,)", got)
    require(got.dtype == torch.float64, "float64", got)
    return got


@nf4_levels.check
def there_are_sixteen_from_minus_one_to_one(fn):
    got = _levels(fn)
    require(bool((got.diff() > 0).all()), "ascending, none twice", got)
    expect(got[[0, -1]], torch.tensor([-1.0, 1.0], dtype=torch.float64))


@nf4_levels.check
def seven_below_zero_eight_above(fn):
    got = _levels(fn)
    counts = [int((got < -1e-12).sum()), int((got.abs() <= 1e-12).sum()), int((got > 1e-12).sum())]
    require(counts == [7, 1, 8], "7 below, one zero, 8 above", counts)


@nf4_levels.check
def between_neighbors_lies_an_equal_share_of_the_normal_distribution(fn):
    # By Python's own normal distribution, back from levels to probabilities.
    largest = NormalDist().inv_cdf(DELTA)
    at = [NormalDist().cdf(x * largest) for x in _levels(fn).tolist()]
    shares = torch.tensor(at, dtype=torch.float64).diff()
    want = [(DELTA - 0.5) / 7] * 7 + [(DELTA - 0.5) / 8] * 8
    expect(shares, torch.tensor(want, dtype=torch.float64), 1e-6, what="shares between levels")


@nf4_levels.check
def they_are_those_that_were_published(fn):
    # Dettmers et al. 2023, appendix E, to four digits.
    published = [-1.0, -0.6962, -0.5251, -0.3949, -0.2844, -0.1848, -0.0911, 0.0]
    published += [0.0796, 0.1609, 0.2461, 0.3379, 0.4407, 0.5626, 0.7230, 1.0]
    expect(_levels(fn), torch.tensor(published, dtype=torch.float64), 2e-4)


def _sides(n_above, n_below, low=0.5, high=DELTA):
    above = norm.ppf(torch.linspace(low, high, n_above, dtype=torch.float64)).tolist()
    below = (-norm.ppf(torch.linspace(low, high, n_below, dtype=torch.float64))).tolist()
    return torch.tensor(sorted({*above, *(x for x in below if x)}), dtype=torch.float64)


@nf4_levels.mistake("equally spaced: those are the levels of an integer")
def _():
    return torch.linspace(-1, 1, 16, dtype=torch.float64)


@nf4_levels.mistake("not divided by the largest")
def _():
    return _sides(9, 8)


@nf4_levels.mistake("the two sides are exchanged: 8 levels below zero, 7 above")
def _():
    levels = _sides(9, 8)
    return -levels.flip(0) / levels.max()


@nf4_levels.mistake("two zeros: the zero of each side is kept, and the lowest level lost")
def _():
    levels = _sides(9, 8) / _sides(9, 8).max()
    return torch.cat([levels[1:8], torch.zeros(1, dtype=torch.float64), levels[8:]])


@nf4_levels.mistake("16 quantiles in one row, from 1 − δ to δ: there is no zero")
def _():
    levels = torch.tensor(norm.ppf(torch.linspace(1 - DELTA, DELTA, 16, dtype=torch.float64)))
    return levels / levels.max()


@nf4_levels.mistake("the density where the quantile belongs: pdf instead of ppf")
def _():
    above = norm.pdf(torch.linspace(0.5, DELTA, 9, dtype=torch.float64))
    below = -norm.pdf(torch.linspace(0.5, DELTA, 8, dtype=torch.float64))[1:]
    levels = torch.tensor(sorted([*above, *below]), dtype=torch.float64)
    return levels / levels.abs().max()


@nf4_levels.mistake("descending")
def _():
    levels = _sides(9, 8)
    return levels.flip(0) / levels.max()


@nf4_levels.mistake("float32: the scale of a block would carry its error into every weight")
def _():
    levels = _sides(9, 8)
    return (levels / levels.max()).float()


@nf4_levels.mistake("17 levels: the zero of each side is kept")
def _():
    levels = _sides(9, 8) / _sides(9, 8).max()
    return torch.cat([levels[:8], torch.zeros(1, dtype=torch.float64), levels[8:]])


@nf4_levels.mistake("17 levels: nine p for each side, where the lower side has eight")
def _():
    above = torch.tensor(norm.ppf(torch.linspace(0.5, DELTA, 9, dtype=torch.float64)))
    levels = torch.cat([-above[1:].flip(0), above])
    return levels / levels[-1]


@nf4_levels.mistake("eight p for each side, and two zeros")
def _():
    half = torch.tensor(norm.ppf(torch.linspace(0.5, DELTA, 8, dtype=torch.float64)))
    return torch.cat([-half.flip(0), half]) / half[-1]


@nf4_levels.mistake("the lower side is not turned round: it runs from near 0 down to −1")
def _():
    levels = _sides(9, 8) / _sides(9, 8).max()
    return torch.cat([levels[:7].flip(0), levels[7:]])


@nf4_levels.mistake("quantiles at (i + 1/2)/16: there is no zero, and the sides are equal")
def _():
    p = (torch.arange(16, dtype=torch.float64) + 0.5) / 16
    levels = torch.tensor(norm.ppf(p))
    return levels / levels.max()


@nf4_levels.right("by torch's own quantile function")
def _():
    normal = torch.distributions.Normal(*torch.tensor([0.0, 1.0], dtype=torch.float64))
    p = torch.arange(1, 9, dtype=torch.float64) / 8 * (DELTA - 0.5) + 0.5
    q = torch.arange(1, 8, dtype=torch.float64) / 7 * (DELTA - 0.5) + 0.5
    zero = torch.zeros(1, dtype=torch.float64)
    levels = torch.cat([-normal.icdf(q).flip(0), zero, normal.icdf(p)])
    return levels / levels[-1]


@nf4_levels.right("by Python's statistics, in loops")
def _():
    inverse = NormalDist().inv_cdf
    levels = [-inverse(0.5 + i * (DELTA - 0.5) / 7) for i in range(7, 0, -1)]
    levels += [inverse(0.5 + i * (DELTA - 0.5) / 8) for i in range(9)]
    return torch.tensor([x / levels[-1] for x in levels], dtype=torch.float64)
