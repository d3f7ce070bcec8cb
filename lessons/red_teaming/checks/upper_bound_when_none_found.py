"""How `upper_bound_when_none_found` is judged: checks, mistakes, right answers."""

import math

from lessons.red_teaming.exercises import upper_bound_when_none_found, wilson_interval
from utils.grading import expect, require


@upper_bound_when_none_found.check
def one_attempt_excludes_almost_nothing(fn):
    expect(fn(1), 0.95)
    expect(fn(1, 0.9), 0.9)


@upper_bound_when_none_found.check
def at_the_bound_finding_nothing_has_the_chance_that_is_left(fn):
    for n in (2, 10, 300):
        for confidence in (0.5, 0.95, 0.99):
            bound = float(fn(n, confidence))
            require(0 < bound < 1, "a rate between 0 and 1", bound)
            expect((1 - bound) ** n, 1 - confidence)


@upper_bound_when_none_found.check
def large_n_keeps_its_digits(fn):
    for n in (198_000, 10**9):
        got = float(fn(n)) * n
        require(
            abs(got - math.log(20)) < 1e-4, f"about log 20 / n = {math.log(20) / n:.5g}", got / n
        )


@upper_bound_when_none_found.mistake("the rule of three: it is the limit for large n, not exact")
def _(n, confidence=0.95):
    return 3 / n


@upper_bound_when_none_found.mistake("−log(1 − confidence)/n: the limit for large n, not exact")
def _(n, confidence=0.95):
    return -math.log(1 - confidence) / n


@upper_bound_when_none_found.mistake("confidence and what is left over are swapped")
def _(n, confidence=0.95):
    return -math.expm1(math.log(confidence) / n)


@upper_bound_when_none_found.mistake("two-sided: half of what is left over")
def _(n, confidence=0.95):
    return -math.expm1(math.log((1 - confidence) / 2) / n)


@upper_bound_when_none_found.mistake("the chance of n failures at the bound, not the bound")
def _(n, confidence=0.95):
    return math.exp(math.log(1 - confidence) / n)


@upper_bound_when_none_found.mistake("Wilson's high end: it is two-sided and not exact")
def _(n, confidence=0.95):
    return wilson_interval.reference(0, n)[1]


@upper_bound_when_none_found.mistake("the observed rate: 0")
def _(n, confidence=0.95):
    return 0.0


@upper_bound_when_none_found.mistake("the confidence is ignored")
def _(n, confidence=0.95):
    return -math.expm1(math.log(0.05) / n)


@upper_bound_when_none_found.right("by a power")
def _(n, confidence=0.95):
    return 1 - (1 - confidence) ** (1 / n)


@upper_bound_when_none_found.right("by bisection")
def _(n, confidence=0.95):
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        likely = middle < 1 and n * math.log1p(-middle) > math.log(1 - confidence)
        low, high = (middle, high) if likely else (low, middle)
    return high
