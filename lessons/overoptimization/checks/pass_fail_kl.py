"""How `pass_fail_kl` is judged: checks, mistakes, right answers."""

import functools
import itertools
import math

import torch

from lessons.overoptimization.drills import pass_fail_kl
from utils.grading import expect, require


@functools.cache
def _kl_over_answers(chances, passes, n):
    """Every draw of n answers, the one that is kept from each, and the KL of what is kept."""
    kept = [0.0] * len(chances)
    for draw in itertools.product(range(len(chances)), repeat=n):
        winner = next((i for i in draw if passes[i]), draw[0])
        kept[winner] += math.prod(chances[i] for i in draw)
    return sum(k * math.log(k / c) for k, c in zip(kept, chances, strict=True) if k)


@pass_fail_kl.check
def best_of_one_goes_nowhere(fn):
    for q in (0.5, 0.1, 0.99):
        expect(fn(q, 1), 0.0)


@pass_fail_kl.check
def every_sequence_of_tosses(fn):
    for q in (0.5, 0.2, 0.9):
        for n in (2, 3, 6, 10):
            expect(fn(q, n), _kl_over_answers((q, 1 - q), (True, False), n), tol=1e-5)


@pass_fail_kl.check
def every_draw_from_six_answers(fn):
    chances = (0.05, 0.25, 0.1, 0.3, 0.2, 0.1)
    for n_passing in (1, 2, 4):
        passes = tuple(i < n_passing for i in range(6))
        for n in (2, 4):
            want = _kl_over_answers(chances, passes, n)
            expect(fn(sum(chances[:n_passing]), n), want, tol=1e-5)


@pass_fail_kl.check
def when_all_pass_only_the_passing_answers_are_left(fn):
    # Of 10 equal answers 3 pass: in the end each of those has 1/3 where it had 1/10.
    expect(fn(0.3, 60), sum(1 / 3 * math.log((1 / 3) / (1 / 10)) for _ in range(3)), tol=1e-5)
    expect(fn(0.5, 100), sum(1 / 5 * math.log((1 / 5) / (1 / 10)) for _ in range(5)), tol=1e-5)


@pass_fail_kl.check
def ties_bring_it_no_further_than_no_ties_would(fn):
    u = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    for n in (2, 5, 20):
        p = n * u ** (n - 1)  # the quantile of the best of n, when no two are alike
        limit = torch.xlogy(p, p).mean().item()
        for q in (0.02, 0.3, 0.7):
            got = float(fn(q, n))
            require(0 < got < limit + 1e-5, f"above 0, at most {limit:.4f}", got, q=q, n=n)


@pass_fail_kl.mistake("log n − (n − 1)/n: true only if no two answers have the same reward")
def _(q, n):
    return math.log(n) - (n - 1) / n


@pass_fail_kl.mistake("the failing answers are forgotten: KL has a term for them, too")
def _(q, n):
    p = 1 - (1 - q) ** n
    return p * math.log(p / q)


@pass_fail_kl.mistake("the other direction, KL(start ‖ best-of-n)")
def _(q, n):
    p = 1 - (1 - q) ** n
    return q * math.log(q / p) - (1 - q) * (n - 1) * math.log(1 - q)


@pass_fail_kl.mistake("best of n passes only where all n pass: the worst of n")
def _(q, n):
    p = q**n
    return p * (n - 1) * math.log(q) + (1 - p) * math.log((1 - p) / (1 - q))


@pass_fail_kl.mistake("the limit for large n, −log q, at every n")
def _(q, n):
    return -math.log(q)


@pass_fail_kl.mistake("measured in bits, where nats were asked for")
def _(q, n):
    return pass_fail_kl(q, n) / math.log(2)


@pass_fail_kl.mistake("the failing term has n log(1 − q): its denominator 1 − q is missing")
def _(q, n):
    fail = (1 - q) ** n
    return (1 - fail) * math.log((1 - fail) / q) + fail * n * math.log(1 - q)


@pass_fail_kl.mistake("an entropy: the start is missing under the logarithm")
def _(q, n):
    fail = (1 - q) ** n
    return -(1 - fail) * math.log(1 - fail) - fail * n * math.log(1 - q)


@pass_fail_kl.right("by the KL of two coins, in torch")
def _(q, n):
    start = torch.tensor(q, dtype=torch.float64)
    best = torch.distributions.Bernoulli(1 - (1 - start) ** n)
    kl = torch.distributions.kl_divergence(best, torch.distributions.Bernoulli(start))
    return kl.item()


@pass_fail_kl.right("by a sum over the place of the first answer that passes")
def _(q, n):
    passes = sum(q * (1 - q) ** before for before in range(n))
    fails = (1 - q) ** n
    return passes * math.log(passes / q) + fails * math.log(fails / (1 - q))
