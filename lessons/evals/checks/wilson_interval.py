"""How `wilson_interval` is judged: checks, mistakes, right answers in other styles."""

import math

from scipy import stats

from lessons.evals.exercises import wilson_interval
from utils.grading import expect, require


def pair(got):
    """The two ends as numbers, of whatever holds two."""
    require(hasattr(got, "__len__") and len(got) == 2, "two numbers: (low, high)", got)
    return float(got[0]), float(got[1])


@wilson_interval.check
def one_right_of_one_with_z_of_one(fn):
    low, high = pair(fn(1, 1, 1.0))
    expect(low, 0.5)
    expect(high, 1.0)


@wilson_interval.check
def none_and_all_right(fn):
    for n in (1, 4, 50):
        for z in (1.0, 2.0):
            low, high = pair(fn(0, n, z))
            expect(low, 0.0)
            expect(high, z * z / (n + z * z))
            low, high = pair(fn(n, n, z))
            expect(low, n / (n + z * z))
            expect(high, 1.0)


@wilson_interval.check
def at_each_end_the_share_is_z_standard_errors_away(fn):
    for right, n, z in ((3, 10, 1.0), (45, 60, 1.96), (7, 9, 3.0), (1, 200, 2.5)):
        low, high = pair(fn(right, n, z))
        require(low < right / n < high, "low < share < high", (low, high))
        for p in (low, high):
            away = abs(right / n - p) / math.sqrt(p * (1 - p) / n)
            expect(away, z, tol=1e-4, right=right, n=n, z=z)


@wilson_interval.check
def without_z_it_is_the_95_percent_interval(fn):
    low, high = pair(fn(8, 10))
    expect(low, 0.49016, tol=1e-4)
    expect(high, 0.94332, tol=1e-4)


@wilson_interval.mistake("the normal interval, p̂ ± z·√(p̂(1−p̂)/n): at 0 right it is a point")
def _(right, n, z=1.96):
    p = right / n
    half = z * math.sqrt(p * (1 - p) / n)
    return p - half, p + half


@wilson_interval.mistake("the center is not drawn towards one half")
def _(right, n, z=1.96):
    p, shrink = right / n, 1 + z**2 / n
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / shrink
    return p - half, p + half


@wilson_interval.mistake("the center is not divided by 1 + z²/n")
def _(right, n, z=1.96):
    p, shrink = right / n, 1 + z**2 / n
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / shrink
    center = p + z**2 / (2 * n)
    return center - half, center + half


@wilson_interval.mistake("half the width is not divided by 1 + z²/n")
def _(right, n, z=1.96):
    p, shrink = right / n, 1 + z**2 / n
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    center = (p + z**2 / (2 * n)) / shrink
    return center - half, center + half


@wilson_interval.mistake("under the root stands z²/(4n), not z²/(4n²)")
def _(right, n, z=1.96):
    p, shrink = right / n, 1 + z**2 / n
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n)) / shrink
    center = (p + z**2 / (2 * n)) / shrink
    return center - half, center + half


@wilson_interval.mistake("the second term under the root is missing")
def _(right, n, z=1.96):
    p, shrink = right / n, 1 + z**2 / n
    half = z * math.sqrt(p * (1 - p) / n) / shrink
    center = (p + z**2 / (2 * n)) / shrink
    return center - half, center + half


@wilson_interval.mistake("the root is forgotten")
def _(right, n, z=1.96):
    p, shrink = right / n, 1 + z**2 / n
    half = z * (p * (1 - p) / n + z**2 / (4 * n**2)) / shrink
    center = (p + z**2 / (2 * n)) / shrink
    return center - half, center + half


@wilson_interval.mistake("z is ignored: always 1.96")
def _(right, n, z=1.96):
    p, z = right / n, 1.96
    shrink = 1 + z**2 / n
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / shrink
    center = (p + z**2 / (2 * n)) / shrink
    return center - half, center + half


@wilson_interval.mistake(
    "two right and two wrong answers are added (Agresti & Coull): near, not it"
)
def _(right, n, z=1.96):
    p = (right + 2) / (n + 4)
    half = z * math.sqrt(p * (1 - p) / (n + 4))
    return p - half, p + half


@wilson_interval.mistake(
    "Agresti & Coull: its center is Wilson's, its width is that of a normal interval around it"
)
def _(right, n, z=1.96):
    p = (right + z**2 / 2) / (n + z**2)
    half = z * math.sqrt(p * (1 - p) / (n + z**2))
    return p - half, p + half


@wilson_interval.mistake("Clopper & Pearson: by binomial tails, wider than asked for")
def _(right, n, z=1.96):
    tail = stats.norm.sf(z)
    low = stats.beta.ppf(tail, right, n - right + 1) if right else 0.0
    return low, stats.beta.isf(tail, right + 1, n - right) if right < n else 1.0


@wilson_interval.mistake("the normal interval around (k + 1) / (n + 2)")
def _(right, n, z=1.96):
    p = (right + 1) / (n + 2)
    half = z * math.sqrt(p * (1 - p) / n)
    return p - half, p + half


@wilson_interval.mistake("the high end comes first")
def _(right, n, z=1.96):
    low, high = wilson_interval(right, n, z)
    return high, low


@wilson_interval.right("by the roots of a quadratic equation")
def _(right, n, z=1.96):
    p = right / n
    a, b, c = 1 + z * z / n, -(2 * p + z * z / n), p * p
    root = math.sqrt(max(b * b - 4 * a * c, 0))
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


@wilson_interval.right("with counts instead of shares")
def _(right, n, z=1.96):
    wrong = n - right
    half = z * math.sqrt(right * wrong / n + z * z / 4)
    return [(right + z * z / 2 + sign * half) / (n + z * z) for sign in (-1, 1)]
