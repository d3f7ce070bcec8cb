"""How `p_correct_after` is judged: checks, mistakes, right answers in other styles."""

import itertools

import numpy as np

from lessons.chain_of_thought.exercises import p_correct_after
from utils.grading import expect


@p_correct_after.check
def without_a_checker(fn):
    expect(float(fn(1, 0.9)), 0.9)
    expect(float(fn(2, 0.9)), 0.81)
    expect(float(fn(20, 0.95)), 0.3584859)


@p_correct_after.check
def a_chain_of_no_steps(fn):
    expect(float(fn(0, 0.5)), 1.0)
    expect(float(fn(0, 0.5, 0.9, 0.1)), 1.0)


@p_correct_after.check
def a_checker_that_catches_all(fn):
    expect(float(fn(7, 0.3, 1.0)), 1.0)
    expect(float(fn(7, 0.3, 1.0, 0.5)), 1.0)


@p_correct_after.check
def a_checker_that_rejects_at_random_changes_nothing(fn):
    expect(float(fn(3, 0.8, 0.4, 0.4)), 0.512)


@p_correct_after.check
def one_step_by_counting(fn):
    # 100 steps, 80 right: 8 of these are rejected; of the 20 wrong ones 15 are caught.
    expect(float(fn(1, 0.8, 0.75, 0.1)), 72 / 77)
    expect(float(fn(3, 0.8, 0.75, 0.1)), (72 / 77) ** 3)


@p_correct_after.check
def one_step_written_anew_until_it_passes(fn):
    for p, catch, alarm in itertools.product((0.3, 0.9), (0.2, 0.8), (0.0, 0.3)):
        ends_right, still = 0.0, 1.0
        for _ in range(3000):  # try after try
            ends_right += still * p * (1 - alarm)
            still *= p * alarm + (1 - p) * catch
        for n in (1, 4):
            expect(float(fn(n, p, catch, alarm)), ends_right**n, tol=1e-6)


for text, fn in (
    ("one step too few", lambda n, p, c=0.0, a=0.0: _step(p, c, a) ** (n - 1)),
    ("one step too many", lambda n, p, c=0.0, a=0.0: _step(p, c, a) ** (n + 1)),
    ("the checker is ignored", lambda n, p, c=0.0, a=0.0: p**n),
    ("what the checker catches is ignored", lambda n, p, c=0.0, a=0.0: _step(p, 0, a) ** n),
    (
        "a wrong step passes with chance 1 − catch, not catch",
        lambda n, p, c=0.0, a=0.0: (p * (1 - a) / (p * (1 - a) + (1 - p) * c)) ** n,
    ),
    ("times n, where it is to the power of n", lambda n, p, c=0.0, a=0.0: n * _step(p, c, a)),
    ("false alarms are ignored", lambda n, p, c=0.0, a=0.0: _step(p, c, 0) ** n),
    (
        "what is caught counts as right at once: it is written anew, and may be wrong again",
        lambda n, p, c=0.0, a=0.0: (p + (1 - p) * c) ** n,
    ),
    (
        "a single new try, where a step is written until one passes",
        lambda n, p, c=0.0, a=0.0: (p * (1 - a) + (p * a + (1 - p) * c) * p) ** n,
    ),
    (
        "not divided by the share that passes",
        lambda n, p, c=0.0, a=0.0: (p * (1 - a)) ** n,
    ),
    ("catch and alarm are exchanged", lambda n, p, c=0.0, a=0.0: _step(p, a, c) ** n),
    (
        "the chance that the last step is right, however long the chain",
        lambda n, p, c=0.0, a=0.0: _step(p, c, a) if n else 1.0,
    ),
    ("the chance that some step is wrong", lambda n, p, c=0.0, a=0.0: 1 - _step(p, c, a) ** n),
    ("1 − n (1 − p): a line, good for short chains only",
     lambda n, p, c=0.0, a=0.0: 1 - n * (1 - _step(p, c, a))),
    (
        "the chance that some step is right",
        lambda n, p, c=0.0, a=0.0: 1 - (1 - _step(p, c, a)) ** n,
    ),
):  # fmt: skip
    p_correct_after.mistake(text)(fn)


def _step(p, c, a):
    right, wrong = p * (1 - a), (1 - p) * (1 - c)
    return right / (right + wrong) if right + wrong else 0.0


@p_correct_after.right("by odds")
def _(n_steps, p, catch=0.0, alarm=0.0):
    if p == 1 or catch == 1:
        return 1.0
    odds = p / (1 - p) * (1 - alarm) / (1 - catch)
    return (odds / (1 + odds)) ** n_steps


@p_correct_after.right("by a product over steps, with NumPy")
def _(n_steps, p, catch=0.0, alarm=0.0):
    passes = 1 - p * alarm - (1 - p) * catch
    return np.prod(np.full(n_steps, p * (1 - alarm) / passes))
