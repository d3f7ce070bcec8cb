"""How `detection_rate` is judged: checks, mistakes, right answers in other styles."""

import itertools
import math

from lessons.amplification.drills import detection_rate
from utils.grading import expect


def _by_all_sets(n, wrong, checks):
    sets = list(itertools.combinations(range(n), checks))
    return sum(any(i < wrong for i in chosen) for chosen in sets) / len(sets)


@detection_rate.check
def one_wrong_among_many(fn):
    expect(fn(4, 1, 1), 0.25)
    expect(fn(10, 1, 3), 0.3)


@detection_rate.check
def nothing_wrong_or_nothing_checked(fn):
    expect(float(fn(8, 0, 3)), 0.0)
    expect(float(fn(8, 3, 0)), 0.0)


@detection_rate.check
def all_checked_or_all_wrong(fn):
    expect(float(fn(8, 1, 8)), 1.0)
    expect(float(fn(8, 8, 1)), 1.0)


@detection_rate.check
def by_all_sets(fn):
    for n in (5, 8):
        for wrong in range(n + 1):
            for checks in range(n + 1):
                expect(float(fn(n, wrong, checks)), _by_all_sets(n, wrong, checks), tol=1e-9)


@detection_rate.check
def a_long_argument(fn):
    expect(fn(64, 4, 8), 1 - math.prod((60 - i) / (64 - i) for i in range(8)), tol=1e-9)


@detection_rate.mistake("with replacement: the same sub-claim may then be checked twice")
def _(n, wrong, checks):
    return 1 - (1 - wrong / n) ** checks


@detection_rate.mistake("the expected number of wrong ones found, not the chance to find any")
def _(n, wrong, checks):
    return checks * wrong / n


@detection_rate.mistake("the chance to find nothing")
def _(n, wrong, checks):
    return math.comb(n - wrong, checks) / math.comb(n, checks)


@detection_rate.mistake("the chance to find exactly one")
def _(n, wrong, checks):
    if checks == 0 or wrong == 0:
        return 0.0
    return wrong * math.comb(n - wrong, checks - 1) / math.comb(n, checks)


@detection_rate.mistake("the chance that all that is checked is wrong")
def _(n, wrong, checks):
    return math.comb(wrong, checks) / math.comb(n, checks) if checks and wrong else 0.0


@detection_rate.mistake("the number of checks is left out")
def _(n, wrong, checks):
    return wrong / n


@detection_rate.mistake("one check too few")
def _(n, wrong, checks):
    k = max(0, checks - 1)
    return 1 - math.comb(n - wrong, k) / math.comb(n, k)


@detection_rate.right("check after check, by a product")
def _(n, wrong, checks):
    missed = 1.0
    for i in range(checks):
        missed *= max(0, n - wrong - i) / (n - i)
    return 1 - missed


@detection_rate.right("by summing over how many wrong ones are found")
def _(n, wrong, checks):
    ways = sum(math.comb(wrong, k) * math.comb(n - wrong, checks - k) for k in range(1, checks + 1))
    return ways / math.comb(n, checks)
