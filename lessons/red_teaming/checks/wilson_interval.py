"""How `wilson_interval` is judged: checks, mistakes, right answers."""

import math

from lessons.red_teaming.exercises import wilson_interval
from utils.grading import expect, require


def _pair(got):
    require(isinstance(got, tuple | list) and len(got) == 2, "a pair (low, high)", got)
    return [float(x) for x in got]


@wilson_interval.check
def nothing_found_still_leaves_room(fn):
    for n in (1, 10, 100):
        low, high = _pair(fn(0, n))
        require(abs(low) < 1e-6, "low = 0", low)
        expect(high, 1.96**2 / (n + 1.96**2), tol=1e-6)


@wilson_interval.check
def failures_mirror_successes(fn):
    for k, n in ((0, 7), (2, 9), (5, 50)):
        (low, high), (low_, high_) = _pair(fn(k, n)), _pair(fn(n - k, n))
        expect(low_, 1 - high, tol=1e-6)
        expect(high_, 1 - low, tol=1e-6)


@wilson_interval.check
def at_its_ends_the_count_lies_z_standard_errors_away(fn):
    for k, n, z in ((1, 10, 1.96), (30, 40, 1.96), (5, 1000, 1.0), (20, 50, 3.0)):
        for p in _pair(fn(k, n, z)):
            require(0 < p < 1, "between 0 and 1", p)
            expect(abs(k / n - p), z * math.sqrt(p * (1 - p) / n), tol=1e-6)


@wilson_interval.check
def low_comes_first_and_the_rate_is_inside(fn):
    for k, n in ((1, 4), (3, 4), (17, 200)):
        low, high = _pair(fn(k, n))
        require(low < k / n < high, f"low < {k}/{n} < high", (low, high))


@wilson_interval.mistake("Wald's interval: at 0 successes it has no width")
def _(successes, n, z=1.96):
    rate = successes / n
    half = z * math.sqrt(rate * (1 - rate) / n)
    return rate - half, rate + half


@wilson_interval.mistake("Wald's interval, cut off at 0 and 1: at 0 successes it has no width")
def _(successes, n, z=1.96):
    rate = successes / n
    half = z * math.sqrt(rate * (1 - rate) / n)
    return max(0.0, rate - half), min(1.0, rate + half)


@wilson_interval.mistake("the center was not divided by 1 + z²/n")
def _(successes, n, z=1.96):
    rate, shrink = successes / n, 1 + z**2 / n
    half = z / shrink * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return rate + z**2 / (2 * n) - half, rate + z**2 / (2 * n) + half


@wilson_interval.mistake("the half width was not divided by 1 + z²/n")
def _(successes, n, z=1.96):
    rate, shrink = successes / n, 1 + z**2 / n
    center = (rate + z**2 / (2 * n)) / shrink
    half = z * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return center - half, center + half


@wilson_interval.mistake("z²/(4n) in the root, where it is z²/(4n²)")
def _(successes, n, z=1.96):
    rate, shrink = successes / n, 1 + z**2 / n
    center = (rate + z**2 / (2 * n)) / shrink
    half = z / shrink * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n))
    return center - half, center + half


@wilson_interval.mistake("centered on the observed rate, where it is drawn toward one half")
def _(successes, n, z=1.96):
    rate, shrink = successes / n, 1 + z**2 / n
    half = z / shrink * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return rate - half, rate + half


@wilson_interval.mistake("z is ignored: 1.96 whatever is asked for")
def _(successes, n, z=1.96):
    return wilson_interval.reference(successes, n)


@wilson_interval.mistake("high comes before low")
def _(successes, n, z=1.96):
    return wilson_interval.reference(successes, n, z)[::-1]


@wilson_interval.mistake("the center moves by z²/n, where it is z²/(2n)")
def _(successes, n, z=1.96):
    rate, shrink = successes / n, 1 + z**2 / n
    center = (rate + z**2 / n) / shrink
    half = z / shrink * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return center - half, center + half


@wilson_interval.right("by the roots of the quadratic")
def _(successes, n, z=1.96):
    a, b, c = n + z * z, 2 * successes + z * z, successes**2 / n
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    return (b - root) / (2 * a), (b + root) / (2 * a)


@wilson_interval.right("by counts")
def _(successes, n, z=1.96):
    center = (successes + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(successes * (n - successes) / n + z * z / 4)
    return [center - half, center + half]
