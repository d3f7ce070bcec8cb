"""How `attempts_needed` is judged: checks, mistakes, right answers."""

import math
import numbers

import numpy as np

from lessons.red_teaming.drills import attempts_needed
from utils.grading import expect, require


def _brute(rate, confidence):
    n, missed = 0, 1.0
    while missed > 1 - confidence + 1e-12:
        n, missed = n + 1, missed * (1 - rate)
    return n


def _expect(got, want):
    require(isinstance(got, numbers.Real) and got == int(got), "a whole number", got)
    expect(int(got), want)


@attempts_needed.check
def a_coin(fn):
    _expect(fn(0.5, 0.95), 5)  # 1/32 < 0.05 < 1/16


@attempts_needed.check
def where_it_comes_out_even(fn):
    _expect(fn(0.5, 0.75), 2)  # 1/4 is what the confidence leaves
    _expect(fn(0.5, 0.5), 1)


@attempts_needed.check
def one_after_the_other(fn):
    for rate in (0.8, 0.3, 0.07, 0.01):
        for confidence in (0.5, 0.9, 0.95, 0.99):
            _expect(fn(rate, confidence), _brute(rate, confidence))


@attempts_needed.check
def rare_flaws_need_many(fn):
    got = fn(1e-6, 0.95)
    require(isinstance(got, numbers.Real) and abs(got - 2_995_731) <= 1, "2995731", got)


@attempts_needed.mistake("the rule of three: it is the limit for rare flaws, not exact")
def _(rate, confidence):
    return math.ceil(3 / rate)


@attempts_needed.mistake("rounded down: one attempt too few")
def _(rate, confidence):
    return math.floor(math.log(1 - confidence) / math.log1p(-rate))


@attempts_needed.mistake("one too many where it comes out even: rounded down, plus 1")
def _(rate, confidence):
    return math.floor(math.log(1 - confidence) / math.log1p(-rate)) + 1


@attempts_needed.mistake("not rounded up to a whole number")
def _(rate, confidence):
    return math.log(1 - confidence) / math.log1p(-rate)


@attempts_needed.mistake("confidence in place of what is left over")
def _(rate, confidence):
    return math.ceil(math.log(confidence) / math.log1p(-rate))


@attempts_needed.mistake("the expected number until the first success")
def _(rate, confidence):
    return math.ceil(1 / rate)


@attempts_needed.mistake("the confidence is ignored")
def _(rate, confidence):
    return math.ceil(math.log(0.05) / math.log1p(-rate))


@attempts_needed.right("by logarithms")
def _(rate, confidence):
    return math.ceil(math.log(1 - confidence) / math.log(1 - rate) - 1e-9)


@attempts_needed.right("by numpy's ceil")
def _(rate, confidence):
    return np.ceil(np.log1p(-confidence) / np.log1p(-rate))


@attempts_needed.right("by doubling and bisection")
def _(rate, confidence):
    def enough(n):
        return n * math.log1p(-rate) <= math.log(1 - confidence) + 1e-12

    high = 1
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
