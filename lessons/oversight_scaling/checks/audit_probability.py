"""How `audit_probability` is judged: checks, mistakes, right answers."""

import itertools
import math
from decimal import Decimal, getcontext

import numpy as np

from lessons.oversight_scaling.exercises import audit_probability
from utils.grading import require


def _near(got, wanted):
    number = isinstance(got, float | np.floating) and math.isclose(
        got, wanted, rel_tol=1e-6, abs_tol=1e-300
    )
    require(number, wanted, got)


def _enumerated(read, rate, outputs):
    """Over all patterns of bad and read outputs."""
    found = 0.0
    for pattern in itertools.product(itertools.product((0, 1), (0, 1)), repeat=outputs):
        p = math.prod((rate if b else 1 - rate) * (read if r else 1 - read) for b, r in pattern)
        found += p * any(b and r for b, r in pattern)
    return found


@audit_probability.check
def one_output(fn):
    _near(fn(0.5, 0.1, 1), 0.05)


@audit_probability.check
def two_outputs(fn):
    _near(fn(1.0, 0.1, 2), 0.19)
    _near(fn(0.5, 0.5, 2), 1 - 0.75**2)


@audit_probability.check
def all_patterns_of_a_few_outputs(fn):
    for read, rate, outputs in ((0.3, 0.2, 3), (0.9, 0.6, 4), (0.05, 0.5, 4), (0.25, 1.0, 2)):
        _near(fn(read, rate, outputs), _enumerated(read, rate, outputs))


@audit_probability.check
def nothing_read_nothing_bad_nothing_there(fn):
    for args in ((0.0, 0.3, 10), (0.3, 0.0, 10), (0.3, 0.3, 0), (1.0, 1.0, 0), (0.0, 0.0, 5)):
        got = fn(*args)
        require(isinstance(got, int | float | np.floating) and got == 0, 0.0, got)


@audit_probability.check
def everything_read_and_everything_bad(fn):
    _near(fn(1.0, 1.0, 3), 1.0)
    _near(fn(1.0, 1.0, 1), 1.0)


@audit_probability.check
def a_days_work(fn):
    _near(fn(0.075, 0.001, 2000), 1 - (1 - 0.000075) ** 2000)
    _near(fn(0.2, 0.01, 100_000), 1.0)


@audit_probability.check
def tiny_chances_keep_their_digits(fn):
    getcontext().prec = 60
    for read, rate, outputs in ((1e-6, 1e-9, 1000), (1e-8, 1e-8, 7), (1e-3, 1e-14, 20_000)):
        exact = 1 - (1 - Decimal(read) * Decimal(rate)) ** outputs
        _near(fn(read, rate, outputs), float(exact))


@audit_probability.check
def what_cannot_be_raises(fn):
    for args in ((-0.1, 0.5, 3), (1.1, 0.5, 3), (0.5, -0.1, 3), (0.5, 1.5, 3), (0.5, 0.5, -1)):
        try:
            got = fn(*args)
        except ValueError:
            continue
        require(False, "ValueError", got, read=args[0], rate=args[1], outputs=args[2])


def _mistake(text, formula):
    @audit_probability.mistake(text)
    def _(read, rate, outputs):
        audit_probability.reference(read, rate, outputs)  # raises where it must
        return float(formula(read, rate, outputs))


def _stable(x, n):
    if x >= 1:
        return 1.0 if n else 0.0
    return -math.expm1(n * math.log1p(-x))


_mistake("1 − (1 − x)^n as it stands: for tiny x all digits are lost",
         lambda b, q, n: 1 - (1 - b * q) ** n)  # fmt: skip


@audit_probability.mistake("1 − (1 − x)^n, without a look at tiny x or at what cannot be")
def _(read, rate, outputs):
    return 1 - (1 - read * rate) ** outputs


_mistake("the expected number that is caught, which is no probability", lambda b, q, n: b * q * n)
_mistake("the expected number, cut off at 1", lambda b, q, n: min(1.0, b * q * n))
_mistake("Poisson's approximation: 1 − exp(−x n)", lambda b, q, n: -math.expm1(-b * q * n))
_mistake("the chance that nothing is caught", lambda b, q, n: 1 - _stable(b * q, n))
_mistake("all outputs are read: the share that people read is ignored",
         lambda b, q, n: _stable(q, n))  # fmt: skip
_mistake("the rate of bad outputs is ignored", lambda b, q, n: _stable(b, n))
_mistake("read and bad are added, not multiplied", lambda b, q, n: _stable(min(1, b + q), n))
_mistake("the number of outputs is ignored", lambda b, q, n: b * q if n else 0.0)
_mistake("a whole number of outputs is read, which differs from each being read by chance",
         lambda b, q, n: _stable(q, round(b * n)))  # fmt: skip
_mistake("the chance that every bad one is read", lambda b, q, n: (1 - q * (1 - b)) ** n)
_mistake("that exactly one is caught, not at least one",
         lambda b, q, n: n * b * q * (1 - b * q) ** (n - 1) if n else 0.0)  # fmt: skip
_mistake("percent, where a probability was asked for", lambda b, q, n: 100 * _stable(b * q, n))


@audit_probability.mistake("numbers outside their range are taken as they come")
def _(read, rate, outputs):
    x = read * rate
    return 1.0 if x >= 1 and outputs else -math.expm1(outputs * math.log1p(-min(x, 0.999)))


@audit_probability.mistake("the logarithm of 0: all read and all bad raises")
def _(read, rate, outputs):
    audit_probability.reference(read, rate, outputs)
    return -math.expm1(outputs * math.log1p(-read * rate))


@audit_probability.right("in NumPy")
def _(read, rate, outputs):
    if min(read, rate, outputs) < 0 or max(read, rate) > 1:
        raise ValueError("out of range")
    if outputs == 0:
        return 0.0
    with np.errstate(divide="ignore"):
        return float(-np.expm1(outputs * np.log1p(-np.float64(read * rate))))


@audit_probability.right("by repeated squaring of 'not yet caught', kept as what was caught")
def _(read, rate, outputs):
    if not 0 <= read <= 1 or not 0 <= rate <= 1 or outputs < 0:
        raise ValueError("out of range")
    caught, power, left = 0.0, float(read * rate), outputs
    while left:
        if left % 2:
            caught = caught + power - caught * power
        power, left = 2 * power - power * power, left // 2
    return caught
