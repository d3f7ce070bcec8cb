"""How `correlated_evidence` is judged: checks, mistakes, right answers in other styles."""

import itertools
import math

import numpy as np

from lessons.safety_cases.exercises import correlated_evidence
from utils.grading import expect, require


def _counted(prior, if_safe, if_unsafe, n, flaw):
    """Every world: safe or not, flaw or not, each test passed or not; those with n passes kept."""
    kept = {True: 0.0, False: 0.0}
    for safe, flawed in itertools.product((True, False), repeat=2):
        chance = (prior if safe else 1 - prior) * (flaw if flawed else 1 - flaw)
        one = 1.0 if flawed else (if_safe if safe else if_unsafe)
        for results in itertools.product((True, False), repeat=n):
            p = chance * math.prod(one if r else 1 - one for r in results)
            kept[safe] += p * all(results)
    return kept[True] / (kept[True] + kept[False])


@correlated_evidence.check
def no_test_leaves_the_prior(fn):
    expect(fn(0.3, 0.9, 0.2, 0, 0.1), 0.3)


@correlated_evidence.check
def without_a_flaw_it_is_bayes(fn):
    expect(fn(0.5, 0.8, 0.2, 1, 0.0), 0.8)
    expect(fn(0.5, 0.8, 0.2, 2, 0.0), 16 / 17)


@correlated_evidence.check
def a_certain_flaw_tells_nothing(fn):
    for n in (1, 5, 40):
        expect(fn(0.35, 0.9, 0.1, n, 1.0), 0.35)


@correlated_evidence.check
def every_world_counted(fn):
    for case in ((0.1, 0.9, 0.3, 3, 0.4), (0.2, 0.7, 0.6, 4, 0.3), (0.9, 0.95, 0.05, 5, 0.02)):
        expect(fn(*case), _counted(*case))


@correlated_evidence.check
def extremes(fn):
    expect(fn(0.5, 1.0, 0.0, 3, 0.0), 1.0)
    expect(fn(0.0, 0.9, 0.2, 4, 0.1), 0.0)
    expect(fn(0.5, 1.0, 0.0, 2, 0.25), 0.8)


@correlated_evidence.check
def so_many_passes_that_only_the_flaw_explains_them(fn):
    got = fn(0.4, 0.9, 0.5, 5000, 0.01)
    require(abs(float(got) - 0.4) < 1e-6, "the prior again, 0.4", got)


def _posterior(prior, a, b):
    return prior * a / (prior * a + (1 - prior) * b)


@correlated_evidence.mistake("the flaw is left out: as if all tests were independent")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    return _posterior(prior, pass_if_safe**n, pass_if_unsafe**n)


@correlated_evidence.mistake("a flaw in each test of its own, not one that they share")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    a, b = (flaw + (1 - flaw) * p for p in (pass_if_safe, pass_if_unsafe))
    return _posterior(prior, a**n, b**n)


@correlated_evidence.mistake("with the flaw only systems that are not safe pass")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    a = (1 - flaw) * pass_if_safe**n
    return _posterior(prior, a, flaw + (1 - flaw) * pass_if_unsafe**n)


@correlated_evidence.mistake("with the flaw a system passes one test, and the others as ever")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    a, b = (flaw * p ** max(n - 1, 0) + (1 - flaw) * p**n for p in (pass_if_safe, pass_if_unsafe))
    return _posterior(prior, a, b)


@correlated_evidence.mistake("the two beliefs, with the flaw and without, are averaged by the flaw")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    without = _posterior(prior, pass_if_safe**n, pass_if_unsafe**n)
    return flaw * prior + (1 - flaw) * without


@correlated_evidence.mistake("the prior is left out")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    a, b = (flaw + (1 - flaw) * p**n for p in (pass_if_safe, pass_if_unsafe))
    return a / (a + b)


@correlated_evidence.mistake("times n, where n tests multiply")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    a, b = (flaw + (1 - flaw) * p * n for p in (pass_if_safe, pass_if_unsafe))
    return _posterior(prior, a, b)


@correlated_evidence.mistake("the two rates are exchanged")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    a, b = (flaw + (1 - flaw) * p**n for p in (pass_if_unsafe, pass_if_safe))
    return _posterior(prior, a, b)


@correlated_evidence.mistake("the weight 1 − flaw is left out")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    return _posterior(prior, flaw + pass_if_safe**n, flaw + pass_if_unsafe**n)


@correlated_evidence.mistake("odds are handed back, not a belief")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    a, b = (flaw + (1 - flaw) * p**n for p in (pass_if_safe, pass_if_unsafe))
    return prior * a / max((1 - prior) * b, 1e-12)


@correlated_evidence.mistake("the odds are capped at 1/flaw times the odds before: a ceiling only")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    a, b = pass_if_safe**n, pass_if_unsafe**n
    return _posterior(prior, min(a, b / flaw) if flaw else a, b)


@correlated_evidence.mistake("on the safe side 1 − flaw is left out")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    return _posterior(prior, flaw + pass_if_safe**n, flaw + (1 - flaw) * pass_if_unsafe**n)


@correlated_evidence.right("by odds, with a case for a belief of 0")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    if prior == 0:
        return 0.0
    ratio = (flaw + (1 - flaw) * pass_if_unsafe**n) / (flaw + (1 - flaw) * pass_if_safe**n)
    return 1 / (1 + (1 - prior) / prior * ratio)


@correlated_evidence.right("by a table of four worlds, in NumPy")
def _(prior, pass_if_safe, pass_if_unsafe, n, flaw):
    belief = np.outer([prior, 1 - prior], [flaw, 1 - flaw])
    passes = np.array([[1.0, pass_if_safe**n], [1.0, pass_if_unsafe**n]])
    joint = belief * passes
    return joint[0].sum() / joint.sum()
