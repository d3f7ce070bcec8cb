"""How `compliance_gap` is judged: checks, mistakes, right answers."""

import math

import numpy as np
import torch

from lessons.alignment_faking.exercises import compliance_gap
from utils.grading import require


def _group(hits, n):
    return torch.tensor([True] * hits + [False] * (n - hits))


def _three(fn, *args, **named):
    got = fn(*args, **named)
    try:
        return [float(x) for x in got]
    except (TypeError, ValueError):
        require(False, "three numbers: gap, lower end, upper end", got)


def _near(fn, wanted, *args, tol=1e-4, **named):
    got = _three(fn, *args, **named)
    require(len(got) == 3, "three numbers: gap, lower end, upper end", got)
    right = all(abs(a - b) <= tol for a, b in zip(got, wanted, strict=True))  # NaN is not
    require(right, tuple(round(x, 5) for x in wanted), tuple(round(x, 5) for x in got))


def _end(p, n, z, up):
    """A Wilson limit by bisection: the farthest rate that p is within z standard errors of."""
    inside, outside = p, float(up)
    for _ in range(80):
        q = (inside + outside) / 2
        if abs(p - q) <= z * math.sqrt(q * (1 - q) / n):
            inside = q
        else:
            outside = q
    return inside


@compliance_gap.check
def the_gap_is_a_difference_of_rates(fn):
    got = _three(fn, _group(3, 4), _group(1, 2))
    require(abs(got[0] - 0.25) < 1e-6, "a gap of 0.25 first", got)
    got = _three(fn, _group(1, 4), _group(3, 4))
    require(abs(got[0] + 0.5) < 1e-6, "a gap of −0.5 first", got)


@compliance_gap.check
def newcombe_s_own_examples(fn):
    _near(fn, (0.2, 0.0524, 0.3339), _group(56, 70), _group(48, 80), tol=2e-4)
    _near(fn, (0.6, 0.1705, 0.8090), _group(9, 10), _group(3, 10), tol=2e-4)


@compliance_gap.check
def rates_of_one_and_zero_are_not_certain(fn):
    _near(fn, (1.0, 0.6075, 1.0), _group(10, 10), _group(0, 10), tol=2e-4)
    _near(fn, (0.0, -0.2775, 0.2775), _group(0, 10), _group(0, 10), tol=2e-4)


@compliance_gap.check
def ends_by_bisection(fn):
    for a, n, b, m, z in ((7, 50, 1, 200, 1.96), (30, 31, 2, 9, 1.0), (1, 1, 0, 1, 2.58)):
        p, q = a / n, b / m
        falls, rises = p - _end(p, n, z, False), _end(q, m, z, True) - q
        low = p - q - math.hypot(falls, rises)
        high = p - q + math.hypot(_end(p, n, z, True) - p, q - _end(q, m, z, False))
        _near(fn, (p - q, low, high), _group(a, n), _group(b, m), z=z)


@compliance_gap.check
def ones_and_zeros_will_do(fn):
    _near(fn, (0.2, 0.0524, 0.3339), _group(56, 70).float(), _group(48, 80).long(), tol=2e-4)


def _wilson(p, n, z):
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5 / (1 + z**2 / n)
    return middle - half, middle + half


def _made(description, ends):
    """A mistake in how the ends are put together: ends(p, low1, high1, q, low2, high2)."""

    @compliance_gap.mistake(description)
    def _(monitored, unmonitored, z=1.96):
        p, q = (x.double().mean().item() for x in (monitored, unmonitored))
        sides = *_wilson(p, len(monitored), z), *_wilson(q, len(unmonitored), z)
        return p - q, *ends(p, *sides[:2], q, *sides[2:])


_made("the intervals' ends are subtracted: too wide, as if both were off at once",
      lambda p, a, b, q, c, d: (a - d, b - c))  # fmt: skip
_made("each end uses the same side of both rates: the first falls while the second rises",
      lambda p, a, b, q, c, d: (p - q - math.hypot(p - a, q - c),
                                p - q + math.hypot(b - p, d - q)))  # fmt: skip
_made("lower and upper end are swapped",
      lambda p, a, b, q, c, d: (p - q + math.hypot(b - p, q - c),
                                p - q - math.hypot(p - a, d - q)))  # fmt: skip
_made("the root is missing: squares of the distances",
      lambda p, a, b, q, c, d: (p - q - (p - a) ** 2 - (d - q) ** 2,
                                p - q + (b - p) ** 2 + (q - c) ** 2))  # fmt: skip


@compliance_gap.mistake("a normal interval (Wald): of width 0 when both rates are 0 or 1")
def _(monitored, unmonitored, z=1.96):
    p, q = (x.double().mean().item() for x in (monitored, unmonitored))
    se = (p * (1 - p) / len(monitored) + q * (1 - q) / len(unmonitored)) ** 0.5
    return p - q, p - q - z * se, p - q + z * se


@compliance_gap.mistake("unmonitored less monitored: the sign is turned")
def _(monitored, unmonitored, z=1.96):
    return compliance_gap.reference(unmonitored, monitored, z)


@compliance_gap.mistake("the size of the gap: its sign is lost")
def _(monitored, unmonitored, z=1.96):
    gap, low, high = compliance_gap.reference(monitored, unmonitored, z)
    return abs(gap), low, high


@compliance_gap.mistake("z is ignored: 1.96 whatever is given")
def _(monitored, unmonitored, z=1.96):
    return compliance_gap.reference(monitored, unmonitored)


@compliance_gap.mistake("both groups are given the size of the first")
def _(monitored, unmonitored, z=1.96):
    p, q = (x.double().mean().item() for x in (monitored, unmonitored))
    n = len(monitored)
    (a, b), (c, d) = _wilson(p, n, z), _wilson(q, n, z)
    return p - q, p - q - math.hypot(p - a, d - q), p - q + math.hypot(b - p, q - c)


@compliance_gap.mistake("counts in place of rates")
def _(monitored, unmonitored, z=1.96):
    _, low, high = compliance_gap.reference(monitored, unmonitored, z)
    return (monitored.double().sum() - unmonitored.double().sum()).item(), low, high


@compliance_gap.right("in NumPy, the quadratic solved by its coefficients")
def _(monitored, unmonitored, z=1.96):
    rates, ends = [], []
    for group in (monitored, unmonitored):
        hits = np.asarray(group, dtype=float)
        n, p = hits.size, hits.mean()
        roots = np.roots([1 + z**2 / n, -2 * p - z**2 / n, p**2])
        rates.append(p)
        ends.append(sorted(roots.real))
    gap = rates[0] - rates[1]
    low = gap - np.sqrt((rates[0] - ends[0][0]) ** 2 + (ends[1][1] - rates[1]) ** 2)
    high = gap + np.sqrt((ends[0][1] - rates[0]) ** 2 + (rates[1] - ends[1][0]) ** 2)
    return gap, low, high


@compliance_gap.right("with tensors throughout, in a list")
def _(monitored, unmonitored, z=1.96):
    p, q = monitored.double().mean(), unmonitored.double().mean()
    (a, b), (c, d) = _wilson(p, len(monitored), z), _wilson(q, len(unmonitored), z)
    return [p - q, p - q - torch.hypot(p - a, d - q), p - q + torch.hypot(b - p, q - c)]
