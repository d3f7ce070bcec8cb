"""How `upper_bound_when_none_found` is judged: checks, mistakes, right answers in other styles."""

import math

from lessons.safety_cases.exercises import upper_bound_when_none_found
from utils.grading import expect, require


def _fits(rate, effective, confidence):
    """The rate gives silence with just 1 − confidence, by the product of as many misses."""
    return abs((1 - rate) ** effective - (1 - confidence)) < 1e-6


@upper_bound_when_none_found.check
def one_attempt(fn):
    expect(fn(1, 1, 0.0), 0.95)
    expect(fn(1, 1, 0.5, 0.5), 0.5)


@upper_bound_when_none_found.check
def independent_attempts_count_in_full(fn):
    for n, k in ((2, 1), (10, 10), (300, 6)):
        got = float(fn(n, k, 0.0))
        require(_fits(got, n, 0.95), f"a rate q with (1 − q)^{n} = 0.05", got)


@upper_bound_when_none_found.check
def copies_count_once_an_attacker(fn):
    for n, k in ((20, 4), (50, 1), (7, 7)):
        got = float(fn(n, k, 1.0))
        require(_fits(got, k, 0.95), f"a rate q with (1 − q)^{k} = 0.05", got)


@upper_bound_when_none_found.check
def something_between(fn):
    # 12 attempts of 3 attackers, likeness 1/3: 4 count as 4 / (1 + 3 / 3) = 2, so 6 in all.
    got = float(fn(12, 3, 1 / 3))
    require(_fits(got, 6, 0.95), "a rate q with (1 − q)⁶ = 0.05", got)
    got = float(fn(1000, 20, 0.05, 0.9))
    require(_fits(got, 1000 / 3.45, 0.9), "a rate q with (1 − q)^(1000 / 3.45) = 0.1", got)


@upper_bound_when_none_found.check
def more_confidence_more_room(fn):
    values = [float(fn(100, 5, 0.1, c)) for c in (0.5, 0.8, 0.95, 0.99)]
    require(values == sorted(set(values)), "rising with the confidence", values)


@upper_bound_when_none_found.check
def the_attempts_of_each_need_not_be_whole(fn):
    # 10 attempts of 4: on average 2.5 each, so 10 / (1 + 1.5 · 0.4) = 6.25.
    got = float(fn(10, 4, 0.4))
    require(_fits(got, 6.25, 0.95), "a rate q with (1 − q)^6.25 = 0.05", got)


def _plant(said, effective, rate=lambda k, c: 1 - (1 - c) ** (1 / k)):
    def fn(attempts, attackers, likeness, confidence=0.95):
        return rate(effective(attempts, attackers, likeness), confidence)

    upper_bound_when_none_found.mistake(said)(fn)


def _right(n, k, likeness):
    return n / (1 + (n / k - 1) * likeness)


_plant("likeness is left out: attempts count in full", lambda n, k, r: n)
_plant("the attackers are counted, not their attempts", lambda n, k, r: k)
_plant("attempts times 1 − likeness", lambda n, k, r: max(n * (1 - r), 1e-9))
_plant("m · likeness in place of (m − 1) · likeness", lambda n, k, r: n / (1 + n / k * r))
_plant("the number of attackers stands for the attempts of each",
       lambda n, k, r: n / (1 + (k - 1) * r))  # fmt: skip
_plant("all attempts as one attacker's", lambda n, k, r: n / (1 + (n - 1) * r))
_plant("the effective number of one attacker, not of all",
       lambda n, k, r: n / k / (1 + (n / k - 1) * r))  # fmt: skip
_plant("attempts are multiplied by the design effect", lambda n, k, r: n * (1 + (n / k - 1) * r))
_plant("the root of the design effect, as for standard errors",
       lambda n, k, r: n / math.sqrt(1 + (n / k - 1) * r))  # fmt: skip
_plant("attempts of each are rounded down", lambda n, k, r: n / (1 + (n // k - 1) * r))
_plant("3 / k: an approximation, for 95 % and many attempts", _right, lambda k, c: 3 / k)
_plant("the confidence is fixed at 95 %", _right, lambda k, c: 1 - 0.05 ** (1 / k))
_plant("confidence in place of 1 − confidence", _right, lambda k, c: 1 - c ** (1 / k))
_plant("the rate of failure, not of success", _right, lambda k, c: (1 - c) ** (1 / k))
_plant("the rule of succession: a mean, no bound", _right, lambda k, c: 1 / (k + 2))
_plant("two-sided: (1 − confidence) / 2, where the rate has one side only",
       _right, lambda k, c: 1 - ((1 - c) / 2) ** (1 / k))  # fmt: skip
_plant("3 over all attempts: the rule of three, for independent ones", lambda n, k, r: n,
       lambda n, c: 3 / n)  # fmt: skip
_plant("−log(1 − confidence) / k: an approximation for many attempts", _right,
       lambda k, c: -math.log(1 - c) / k)  # fmt: skip


@upper_bound_when_none_found.right("by logarithms")
def _(attempts, attackers, likeness, confidence=0.95):
    m = attempts / attackers
    k = attackers * m / (1 + (m - 1) * likeness)
    return -math.expm1(math.log1p(-confidence) / k)


@upper_bound_when_none_found.right("by bisection")
def _(attempts, attackers, likeness, confidence=0.95):
    k = attempts / (1 - likeness + likeness * attempts / attackers)
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 - middle) ** k > 1 - confidence else (low, middle)
    return low
