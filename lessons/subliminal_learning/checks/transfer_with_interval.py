"""How `transfer_with_interval` is judged: checks, mistakes, right answers."""

import math
import statistics

import numpy as np

from lessons.subliminal_learning.exercises import transfer_with_interval
from utils.grading import expect, require

STUDENT, CONTROL = [0.6, 0.4, 0.8, 0.5], [0.1, 0.15, 0.05, 0.2]
TEACHER = [0.9, 0.95, 1.0, 0.8]


def _is(got, wanted):
    fits = isinstance(got, tuple | list) and len(got) == 3
    require(fits, "three numbers (mean, low, high)", got)
    for ours, theirs in zip(got, wanted, strict=True):
        number = isinstance(ours, float) or getattr(ours, "shape", None) == ()
        require(number and math.isfinite(ours), "three finite numbers", got)
        require(abs(float(ours) - theirs) < 1e-6, tuple(wanted), got)


@transfer_with_interval.check
def two_seeds_by_hand(fn):
    # Shares 1/2 and 1: mean 0.75, deviation √0.125, standard error 0.25.
    _is(fn([0.5, 1.0], [0.0, 0.0], [1.0, 1.0], 2.0), (0.75, 0.25, 1.25))


@transfer_with_interval.check
def the_control_counts_as_nothing(fn):
    _is(fn([0.2, 0.3], [0.2, 0.3], [0.9, 0.8], 1.0), (0.0, 0.0, 0.0))
    _is(fn([0.9, 0.8], [0.2, 0.3], [0.9, 0.8], 1.0), (1.0, 1.0, 1.0))


@transfer_with_interval.check
def within_each_seed(fn):
    triples = zip(STUDENT, CONTROL, TEACHER, strict=True)
    shares = [(s - c) / (t - c) for s, c, t in triples]
    mean, reach = statistics.mean(shares), 3.182 * statistics.stdev(shares) / 2
    _is(fn(STUDENT, CONTROL, TEACHER, 3.182), (mean, mean - reach, mean + reach))


@transfer_with_interval.check
def teachers_that_differ_and_a_student_below_the_control(fn):
    # Shares 1, 1 and −1/2: mean 1/2, deviation √3/2, standard error 1/2.
    _is(fn([0.4, 0.9, 0.05], [0.1, 0.1, 0.1], [0.4, 0.9, 0.2], 1.0), (0.5, 0.0, 1.0))


@transfer_with_interval.check
def t_widens_the_interval(fn):
    for t in (0.0, 1.0, 2.776):
        got = fn([0.5, 1.0], [0.0, 0.0], [1.0, 1.0], t)
        _is(got, (0.75, 0.75 - t / 4, 0.75 + t / 4))


@transfer_with_interval.check
def one_seed_has_no_interval(fn):
    for n in (0, 1):
        try:
            got = fn([0.5] * n, [0.1] * n, [1.0] * n, 2.0)
        except ValueError:
            continue
        require(False, "a ValueError", got)


@transfer_with_interval.check
def inputs_stay_as_they_are(fn):
    lists = [list(STUDENT), list(CONTROL), list(TEACHER)]
    fn(*lists, 2.0)
    expect(lists, [STUDENT, CONTROL, TEACHER])


def _shares(student, control, teacher):
    if len(student) < 2:
        raise ValueError("at least two seeds")
    s, c, t = (np.asarray(v, dtype=float) for v in (student, control, teacher))
    return (s - c) / (t - c)


def _around(mean, reach):
    return float(mean), float(mean - reach), float(mean + reach)


@transfer_with_interval.mistake("the standard deviation divides by n, not by n − 1")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher)
    return _around(x.mean(), t * x.std() / len(x) ** 0.5)


@transfer_with_interval.mistake("the spread of seeds, not of their mean: √n is missing")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher)
    return _around(x.mean(), t * x.std(ddof=1))


@transfer_with_interval.mistake("divided by n, where the standard error has √n")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher)
    return _around(x.mean(), t * x.std(ddof=1) / len(x))


@transfer_with_interval.mistake("variance in place of the standard deviation")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher)
    return _around(x.mean(), t * x.var(ddof=1) / len(x) ** 0.5)


@transfer_with_interval.mistake("t is ignored: 1.96 holds for many seeds only")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher)
    return _around(x.mean(), 1.96 * x.std(ddof=1) / len(x) ** 0.5)


@transfer_with_interval.mistake("t is ignored: 2.776 holds for five seeds only")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher)
    return _around(x.mean(), 2.776 * x.std(ddof=1) / len(x) ** 0.5)


@transfer_with_interval.mistake("the reach to each side, not where the interval ends")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher)
    reach = float(t * x.std(ddof=1) / len(x) ** 0.5)
    return float(x.mean()), -reach, reach


@transfer_with_interval.mistake("the means' share, not the mean of the shares")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher)
    s, c, b = (sum(v) / len(v) for v in (student, control, teacher))
    return _around((s - c) / (b - c), t * x.std(ddof=1) / len(x) ** 0.5)


@transfer_with_interval.mistake("the control is not taken off")
def _(student, control, teacher, t):
    x = _shares(student, [0] * len(student), teacher)
    return _around(x.mean(), t * x.std(ddof=1) / len(x) ** 0.5)


@transfer_with_interval.mistake("a difference, not a share of the teacher's way")
def _(student, control, teacher, t):
    _shares(student, control, teacher)
    x = np.asarray(student) - np.asarray(control)
    return _around(x.mean(), t * x.std(ddof=1) / len(x) ** 0.5)


@transfer_with_interval.mistake("divided by the teacher's accuracy, control not taken off there")
def _(student, control, teacher, t):
    _shares(student, control, teacher)
    x = (np.asarray(student) - np.asarray(control)) / np.asarray(teacher)
    return _around(x.mean(), t * x.std(ddof=1) / len(x) ** 0.5)


@transfer_with_interval.mistake("chance, 0.1, in place of the control")
def _(student, control, teacher, t):
    x = _shares(student, [0.1] * len(student), teacher)
    return _around(x.mean(), t * x.std(ddof=1) / len(x) ** 0.5)


@transfer_with_interval.mistake("shares are cut off at 0 and 1: an interval needs them as they are")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher).clip(0, 1)
    return _around(x.mean(), t * x.std(ddof=1) / len(x) ** 0.5)


@transfer_with_interval.mistake("the interval is cut off at 0 and 1")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher)
    mean, low, high = _around(x.mean(), t * x.std(ddof=1) / len(x) ** 0.5)
    return mean, max(0.0, low), min(1.0, high)


@transfer_with_interval.mistake("low and high have changed places")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher)
    return _around(x.mean(), -t * x.std(ddof=1) / len(x) ** 0.5)


@transfer_with_interval.mistake("half of the interval: t standard errors to each side")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher)
    return _around(x.mean(), t * x.std(ddof=1) / len(x) ** 0.5 / 2)


@transfer_with_interval.mistake("the median, not the mean")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher)
    return _around(np.median(x), t * x.std(ddof=1) / len(x) ** 0.5)


@transfer_with_interval.mistake("one seed passes: n − 1 is 0 there")
def _(student, control, teacher, t):
    x = np.array(
        [(s - c) / (b - c) for s, c, b in zip(student, control, teacher, strict=True)] or [0.0]
    )
    deviation = x.std(ddof=1) if len(x) > 1 else 0.0
    return _around(x.mean(), t * deviation / len(x) ** 0.5)


@transfer_with_interval.right("in numpy")
def _(student, control, teacher, t):
    x = _shares(student, control, teacher)
    return _around(x.mean(), t * np.std(x, ddof=1) / np.sqrt(len(x)))


@transfer_with_interval.right("by the statistics module")
def _(student, control, teacher, t):
    if len(student) < 2:
        raise ValueError("one seed says nothing of spread")
    x = [1 - (b - s) / (b - c) for s, c, b in zip(student, control, teacher, strict=True)]
    return _around(statistics.fmean(x), t * math.sqrt(statistics.variance(x) / len(x)))
