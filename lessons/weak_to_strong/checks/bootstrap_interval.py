"""How `bootstrap_interval` is judged: checks, mistakes, right answers."""

import math

import numpy as np
import torch

from lessons.weak_to_strong.exercises import bootstrap_interval
from utils.grading import expect, require


def _interval(fn, values, seed=0, steady=True):
    """Call an answer, and see that it returns a low and a high end of the right shape."""
    if steady:  # so that an answer that forgets the generator fails the check about it alone
        torch.manual_seed(seed)
    got = fn(values, torch.Generator().manual_seed(seed))
    require(torch.is_tensor(got), "a tensor", got)
    shape = (2, *values.shape[1:])
    require(tuple(got.shape) == shape, f"shape {shape}", tuple(got.shape))
    require(bool((got[0] <= got[1] + 1e-6).all()), "low first, then high", got)
    return got


@bootstrap_interval.check
def what_never_varies_has_no_width(fn):
    expect(_interval(fn, torch.tensor([3.0])), torch.tensor([3.0, 3.0]))
    expect(_interval(fn, torch.full((4,), -2.0)), torch.tensor([-2.0, -2.0]))
    same = torch.tensor([1.0, 2.0, 3.0]).expand(4, 3)
    expect(_interval(fn, same), torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]))


@bootstrap_interval.check
def two_values_may_both_be_drawn_twice(fn):
    expect(_interval(fn, torch.tensor([0.0, 1.0])), torch.tensor([0.0, 1.0]))
    expect(_interval(fn, torch.tensor([5.0, -3.0])), torch.tensor([-3.0, 5.0]))


def _exact(zeros, ones):
    """The interval for zeros and ones, from the binomial distribution of the mean."""
    n = zeros + ones
    chance = [math.comb(n, k) * ones**k * zeros ** (n - k) / n**n for k in range(n + 1)]
    return torch.tensor(
        [
            next(k / n for k in range(n + 1) if sum(chance[: k + 1]) >= level)
            for level in (0.025, 0.975)
        ]
    )


@bootstrap_interval.check
def zeros_and_ones_follow_the_binomial_distribution(fn):
    for zeros, ones in ((4, 1), (3, 1), (1, 3), (5, 5), (9, 1)):
        values = torch.tensor([0.0] * zeros + [1.0] * ones)
        expect(_interval(fn, values, seed=zeros), _exact(zeros, ones), values=values)


@bootstrap_interval.check
def its_width_is_nearly_four_standard_errors(fn):
    values = torch.linspace(-1, 1, 50)
    half = [(_interval(fn, values, seed).diff() / 2).item() for seed in range(5)]
    normal = 1.96 * values.std(correction=0).item() / math.sqrt(50)
    mean = sum(half) / len(half)
    require(abs(mean / normal - 1) < 0.04, f"half the width is nearly {normal:.4f}", mean)


@bootstrap_interval.check
def it_resamples_often_enough_to_be_steady(fn):
    values = torch.linspace(-1, 1, 50)
    ends = torch.stack([_interval(fn, values, seed) for seed in range(8)])
    noise = (ends.std(0) / (values.std() / math.sqrt(50))).mean().item()
    require(noise < 0.12, "ends that differ little from one generator to the next", noise)


@bootstrap_interval.check
def it_runs_over_the_first_axis(fn):
    values = torch.tensor([[0.0, 10.0, 5.0], [1.0, 10.0, 5.0]])
    expect(_interval(fn, values), torch.tensor([[0.0, 10.0, 5.0], [1.0, 10.0, 5.0]]))
    deep = torch.stack([torch.zeros(2, 3), torch.ones(2, 3)])
    expect(_interval(fn, deep), deep)


@bootstrap_interval.check
def whole_rows_are_drawn(fn):
    g = torch.Generator().manual_seed(5)
    one = torch.randn(12, generator=g)
    got = _interval(fn, torch.stack([one, one, 3 * one + 1], 1))
    expect(got[:, 1], got[:, 0])
    expect(got[:, 2], 3 * got[:, 0] + 1, tol=1e-4)


@bootstrap_interval.check
def it_moves_and_scales_with_the_values(fn):
    g = torch.Generator().manual_seed(6)
    values = torch.randn(9, generator=g) ** 2
    expect(_interval(fn, 10 + 2 * values), 10 + 2 * _interval(fn, values), tol=1e-4)


@bootstrap_interval.check
def the_generator_decides(fn):
    before = torch.random.get_rng_state()
    values = torch.linspace(0, 1, 30) ** 2
    a, b, c = (_interval(fn, values, seed, steady=False) for seed in (0, 0, 1))
    untouched = torch.equal(before, torch.random.get_rng_state())
    require(untouched, "all randomness from `generator`", "torch's global random state was used")
    require(torch.equal(a, b), "the same generator state gives the same interval", "another one")
    require(not torch.equal(a, c), "another seed gives another", "the same one")


@bootstrap_interval.check
def double_precision_is_kept(fn):
    got = _interval(fn, torch.tensor([0.0, 1.0], dtype=torch.float64))
    expect(got, torch.tensor([0.0, 1.0], dtype=torch.float64))
    require(got.dtype == torch.float64, "float64 from float64", str(got.dtype))
    got = _interval(fn, torch.tensor([0.0, 1.0]))
    require(got.dtype == torch.float32, "float32 from float32", str(got.dtype))


def _resampled(values, generator, resamples=4000):
    """For the mistakes: the means of resamples."""
    n = len(values)
    return values[torch.randint(n, (resamples, n), generator=generator)].mean(1)


def _middle(means, low=0.025, high=0.975):
    return torch.quantile(means, torch.tensor([low, high], dtype=means.dtype), dim=0)


@bootstrap_interval.mistake("drawn without replacement: every resample is the same set of rows")
def _(values, generator):
    n = len(values)
    rows = torch.stack([torch.randperm(n, generator=generator) for _ in range(2000)])
    return _middle(values[rows].mean(1))


@bootstrap_interval.mistake("resamples and averages over the last axis")
def _(values, generator):
    n = values.shape[-1]
    rows = torch.randint(n, (4000, n), generator=generator)
    return _middle(values[..., rows].mean(-1).movedim(-1, 0))


@bootstrap_interval.mistake("the middle 90 %: 5 % are left on either side")
def _(values, generator):
    return _middle(_resampled(values, generator), 0.05, 0.95)


@bootstrap_interval.mistake("quantiles of the values themselves: not the spread of their mean")
def _(values, generator):
    torch.randint(2, (1,), generator=generator)
    return _middle(values)


@bootstrap_interval.mistake("each entry is drawn by itself: rows do not stay together")
def _(values, generator):
    n = len(values)
    flat = values.reshape(n, -1)
    rows = torch.randint(n, (4000, n, flat.shape[1]), generator=generator)
    means = torch.stack([flat[rows[..., j], j].mean(1) for j in range(flat.shape[1])], 1)
    return _middle(means).reshape(2, *values.shape[1:])


@bootstrap_interval.mistake("the median of each resample instead of its mean")
def _(values, generator):
    n = len(values)
    return _middle(values[torch.randint(n, (4000, n), generator=generator)].median(1).values)


@bootstrap_interval.mistake("mean ± 1.96 standard errors: skewed values have no such interval")
def _(values, generator):
    means = _resampled(values, generator)
    half = 1.96 * means.std(0)
    return torch.stack([values.mean(0) - half, values.mean(0) + half])


@bootstrap_interval.mistake("averaged over the resamples, not over the n rows of each")
def _(values, generator):
    n = len(values)
    return _middle(values[torch.randint(n, (4000, n), generator=generator)].mean(0))


@bootstrap_interval.mistake("quantiles of single draws: their means are not taken")
def _(values, generator):
    return _middle(values[torch.randint(len(values), (4000,), generator=generator)])


@bootstrap_interval.mistake("mean ± 1.96 standard errors from a formula: nothing is resampled")
def _(values, generator):
    n = len(values)
    half = 1.96 * values.std(0, correction=0) / math.sqrt(n)
    return torch.stack([values.mean(0) - half, values.mean(0) + half])


@bootstrap_interval.mistake("quantile levels in float32 whatever the values: float64 values raise")
def _(values, generator):
    return torch.quantile(_resampled(values, generator), torch.tensor([0.025, 0.975]), dim=0)


@bootstrap_interval.mistake("float64 ends from float32 values: numpy's default is kept")
def _(values, generator):
    return _middle(_resampled(values, generator)).double()


@bootstrap_interval.mistake("reflected about the mean: the basic interval, not the percentile one")
def _(values, generator):
    return (2 * values.mean(0) - _middle(_resampled(values, generator))).flip(0)


@bootstrap_interval.mistake("the lowest and the highest mean of all resamples")
def _(values, generator):
    means = _resampled(values, generator)
    return torch.stack([means.amin(0), means.amax(0)])


@bootstrap_interval.mistake("the generator is not used: the global random state is")
def _(values, generator):
    n = len(values)
    return _middle(values[torch.randint(n, (4000, n))].mean(1))


@bootstrap_interval.mistake("a hundred resamples: too few to say where 2.5 % lie")
def _(values, generator):
    return _middle(_resampled(values, generator, 100))


@bootstrap_interval.right("by a loop over resamples")
def _(values, generator):
    n = len(values)
    means = []
    for _ in range(2000):
        means.append(values[torch.randint(n, (n,), generator=generator)].mean(0))
    ends = torch.tensor([0.025, 0.975], dtype=values.dtype)
    return torch.stack(means).quantile(ends, 0)


@bootstrap_interval.right("by torch.multinomial, with the ends read off the sorted means")
def _(values, generator):
    n, resamples = len(values), 4000
    rows = torch.multinomial(torch.ones(n), resamples * n, replacement=True, generator=generator)
    means = values[rows].unflatten(0, (resamples, n)).mean(1).sort(0).values
    return means[[int(0.025 * resamples), int(0.975 * resamples) - 1]]


@bootstrap_interval.right("by numpy's percentile, rows from uniform numbers")
def _(values, generator):
    n = len(values)
    rows = (torch.rand(2500, n, generator=generator) * n).long()
    means = values.numpy()[rows.numpy()].mean(1)
    low, high = np.percentile(means, [2.5, 97.5], axis=0)
    return torch.tensor(np.stack([low, high]), dtype=values.dtype)
