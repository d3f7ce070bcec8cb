"""How `pass_at_k` is judged: checks, mistakes, right answers in other styles."""

import itertools
import math
import statistics

import torch

from lessons.verifiable_rewards.exercises import pass_at_k
from utils.grading import expect


@pass_at_k.check
def one_try_is_the_share_of_right_ones(fn):
    for n, c in ((1, 0), (1, 1), (4, 1), (10, 7)):
        expect(fn(n, c, 1), c / n)


@pass_at_k.check
def all_or_none_right(fn):
    for n, k in ((3, 1), (5, 5), (8, 3)):
        expect(fn(n, 0, k), 0.0)
        expect(fn(n, n, k), 1.0)


@pass_at_k.check
def too_few_wrong_ones_to_fill_k(fn):
    expect(fn(5, 3, 3), 1.0)
    expect(fn(10, 1, 10), 1.0)


@pass_at_k.check
def it_is_the_share_of_sets_with_a_right_one(fn):
    for n, c, k in ((4, 2, 2), (6, 1, 3), (7, 3, 2), (8, 2, 5)):
        sets = list(itertools.combinations([i < c for i in range(n)], k))
        expect(fn(n, c, k), statistics.fmean(any(s) for s in sets), tol=1e-6)


@pass_at_k.check
def its_mean_over_samples_is_the_truth(fn):
    n = 6
    for p in (0.1, 0.5):
        for k in (2, 4):
            chance = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
            mean = sum(x * float(fn(n, c, k)) for c, x in enumerate(chance))
            expect(mean, 1 - (1 - p) ** k, tol=1e-6)


@pass_at_k.check
def two_thousand_samples(fn):
    wrong = math.exp(
        sum(math.log(1990 - i) - math.log(2000 - i) for i in range(500))
    )  # none of ten right ones among 500
    expect(fn(2000, 10, 500), 1 - wrong, tol=1e-6)
    expect(fn(2000, 1000, 1000), 1.0, tol=1e-6)


@pass_at_k.mistake(
    "1 − (1 − c/n)^k: biased, since the same samples set the rate and are drawn from"
)
def _(n, c, k):
    return 1 - (1 - c / n) ** k


@pass_at_k.mistake("the chance that all k are right, not that one is")
def _(n, c, k):
    return math.comb(c, k) / math.comb(n, k)


@pass_at_k.mistake("the chance that none is right: 1 minus is missing")
def _(n, c, k):
    return math.comb(n - c, k) / math.comb(n, k)


@pass_at_k.mistake("the sets of k right ones are subtracted, not those of k wrong ones")
def _(n, c, k):
    return 1 - math.comb(c, k) / math.comb(n, k)


@pass_at_k.mistake("whether one of the first n is right: k is ignored")
def _(n, c, k):
    return float(c > 0)


@pass_at_k.mistake("k is ignored: the share of right ones")
def _(n, c, k):
    return c / n


@pass_at_k.mistake("k times the share: tries are no disjoint events")
def _(n, c, k):
    return min(1.0, k * c / n)


@pass_at_k.mistake("factorials as floats overflow: math.comb works with whole numbers")
def _(n, c, k):
    f = [1.0]
    for i in range(1, n + 1):
        f.append(f[-1] * i)
    if n - c < k:
        return 1.0
    return 1 - f[n - c] * f[n - k] / (f[n - c - k] * f[n])


@pass_at_k.right("by a product")
def _(n, c, k):
    if n - c < k:
        return 1.0
    wrong = 1.0
    for i in range(k):
        wrong *= (n - c - i) / (n - i)
    return 1.0 - wrong


@pass_at_k.right("by logs of gamma functions")
def _(n, c, k):
    if n - c < k:
        return 1.0
    x = torch.tensor([n - c + 1, n - k + 1, n - c - k + 1, n + 1], dtype=torch.float64).lgamma()
    return (1 - (x[0] + x[1] - x[2] - x[3]).exp()).item()
