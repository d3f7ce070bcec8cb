"""How `false_trigger_and_miss` is judged: checks, mistakes, right answers in other styles."""

import itertools
import math

import numpy as np

from lessons.evals.checks.wilson_interval import pair
from lessons.evals.exercises import false_trigger_and_miss
from utils.grading import expect


@false_trigger_and_miss.check
def one_question(fn):
    false, miss = pair(fn(0.5, 1, 0.2, 0.9))
    expect(false, 0.2)
    expect(miss, 0.1)


@false_trigger_and_miss.check
def at_the_threshold_it_triggers(fn):
    false, miss = pair(fn(0.5, 2, 0.1, 0.6))  # one right of two is enough
    expect(false, 1 - 0.9**2)
    expect(miss, 0.4**2)


@false_trigger_and_miss.check
def three_questions_written_out(fn):
    for threshold in (0.3, 0.6, 0.9):
        wanted = []
        for p in (0.25, 0.75):
            total = 0.0
            for answers in itertools.product((0, 1), repeat=3):
                k = sum(answers)
                total += (k / 3 >= threshold) * p**k * (1 - p) ** (3 - k)
            wanted.append(total)
        false, miss = pair(fn(threshold, 3, 0.25, 0.75))
        expect(false, wanted[0])
        expect(miss, 1 - wanted[1])


@false_trigger_and_miss.check
def the_share_is_compared_as_it_is(fn):  # 0.55 · 100 is 55.00000000000001 in floats
    false, miss = pair(fn(0.55, 100, 0.5, 0.6))
    expect(false, _tail(100, 0.5, lambda k: k >= 55), tol=1e-6)
    expect(miss, 1 - _tail(100, 0.6, lambda k: k >= 55), tol=1e-6)


@false_trigger_and_miss.check
def thresholds_of_zero_and_above_one(fn):
    false, miss = pair(fn(0.0, 4, 0.3, 0.7))
    expect(false, 1.0)
    expect(miss, 0.0, tol=1e-9)
    false, miss = pair(fn(1.1, 4, 0.3, 0.7))
    expect(false, 0.0)
    expect(miss, 1.0)


@false_trigger_and_miss.check
def capabilities_of_zero_and_one(fn):
    false, miss = pair(fn(0.5, 5, 0.0, 1.0))
    expect(false, 0.0)
    expect(miss, 0.0)


@false_trigger_and_miss.check
def a_thousand_questions(fn):
    false, miss = pair(fn(0.5, 999, 0.5, 0.5))  # by symmetry
    expect(false, 0.5, tol=1e-6)
    expect(miss, 0.5, tol=1e-6)
    false, miss = pair(fn(0.4, 40, 0.3, 0.5))
    expect(false, 0.11515, tol=1e-4)
    expect(miss, 0.07693, tol=1e-4)


def _tail(n, p, counts):
    return sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1) if counts(k))


@false_trigger_and_miss.mistake("it triggers above the threshold only: at it, too")
def _(threshold, n, harmless, dangerous):
    return (
        _tail(n, harmless, lambda k: k / n > threshold),
        1 - _tail(n, dangerous, lambda k: k / n > threshold),
    )


@false_trigger_and_miss.mistake("the two errors are swapped")
def _(threshold, n, harmless, dangerous):
    return false_trigger_and_miss(threshold, n, harmless, dangerous)[::-1]


@false_trigger_and_miss.mistake("the second is how often it triggers: a miss is when it does not")
def _(threshold, n, harmless, dangerous):
    false, miss = false_trigger_and_miss(threshold, n, harmless, dangerous)
    return false, 1 - miss


@false_trigger_and_miss.mistake("the first is how often it stays quiet")
def _(threshold, n, harmless, dangerous):
    false, miss = false_trigger_and_miss(threshold, n, harmless, dangerous)
    return 1 - false, miss


@false_trigger_and_miss.mistake("both are taken for the same model")
def _(threshold, n, harmless, dangerous):
    false = false_trigger_and_miss(threshold, n, harmless, dangerous)[0]
    return false, 1 - false


@false_trigger_and_miss.mistake("all n right is forgotten: range(n) ends before n")
def _(threshold, n, harmless, dangerous):
    return (
        _tail(n, harmless, lambda k: k < n and k / n >= threshold),
        1 - _tail(n, dangerous, lambda k: k < n and k / n >= threshold),
    )


@false_trigger_and_miss.mistake("the binomial coefficient is missing")
def _(threshold, n, harmless, dangerous):
    def tail(p):
        return sum(p**k * (1 - p) ** (n - k) for k in range(n + 1) if k / n >= threshold)

    return tail(harmless), 1 - tail(dangerous)


@false_trigger_and_miss.mistake("by the normal approximation: exactly, it says")
def _(threshold, n, harmless, dangerous):
    def tail(p):
        sd = math.sqrt(max(p * (1 - p) / n, 1e-12))
        return 0.5 * math.erfc((threshold - p) / sd / math.sqrt(2))

    return tail(harmless), 1 - tail(dangerous)


@false_trigger_and_miss.mistake(
    "the chance of exactly that many right answers, not of as many or more"
)
def _(threshold, n, harmless, dangerous):
    least = math.ceil(threshold * n)
    return _tail(n, harmless, lambda k: k == least), 1 - _tail(n, dangerous, lambda k: k == least)


@false_trigger_and_miss.mistake("n is ignored: one question decides")
def _(threshold, n, harmless, dangerous):
    return harmless, 1 - dangerous


@false_trigger_and_miss.mistake(
    "math.ceil(threshold · n): 0.55 · 100 is a little above 55 in floats; compare k / n"
)
def _(threshold, n, harmless, dangerous):
    least = math.ceil(threshold * n)
    return _tail(n, harmless, lambda k: k >= least), 1 - _tail(n, dangerous, lambda k: k >= least)


@false_trigger_and_miss.mistake(
    "round(threshold · n): a share below the threshold may trigger then; compare k / n"
)
def _(threshold, n, harmless, dangerous):
    least = round(threshold * n)
    return _tail(n, harmless, lambda k: k >= least), 1 - _tail(n, dangerous, lambda k: k >= least)


@false_trigger_and_miss.mistake(
    "int(threshold · n): rounded down, a share below the threshold may trigger; compare k / n"
)
def _(threshold, n, harmless, dangerous):
    least = int(threshold * n)
    return _tail(n, harmless, lambda k: k >= least), 1 - _tail(n, dangerous, lambda k: k >= least)


@false_trigger_and_miss.right("by adding one question after another")
def _(threshold, n, harmless, dangerous):
    def quiet(p):
        chances = np.array([1.0])
        for _ in range(n):
            chances = np.append(chances * (1 - p), 0) + np.append(0, chances * p)
        return sum(c for k, c in enumerate(chances) if k / n < threshold)

    return 1 - quiet(harmless), quiet(dangerous)


@false_trigger_and_miss.right("by logarithms of factorials")
def _(threshold, n, harmless, dangerous):
    def chance(k, p):
        if p in (0, 1):
            return float(k == n * p)
        ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        return math.exp(ways + k * math.log(p) + (n - k) * math.log(1 - p))

    rows = [k for k in range(n + 1) if k / n >= threshold]
    rest = [k for k in range(n + 1) if k / n < threshold]
    return math.fsum(chance(k, harmless) for k in rows), math.fsum(
        chance(k, dangerous) for k in rest
    )
