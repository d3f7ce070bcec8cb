"""How `nested_success` is judged: checks, mistakes, right answers."""

import math

import numpy as np

from lessons.oversight_scaling.checks.shared import PRINTED, ladder, win
from lessons.oversight_scaling.exercises import nested_success
from utils.grading import expect, require


@nested_success.check
def no_gap_and_equal_lines_is_a_coin(fn):
    expect(fn(0.0, (1.0, 0.0), (1.0, 0.0), 1), 0.5)
    expect(fn(0.0, (2.0, 50.0), (3.0, 50.0), 3), 0.125)


@nested_success.check
def one_step_is_one_game(fn):
    expect(fn(400.0, (1.0, 0.0), (1.0, 0.0), 1), 1 / 11)
    expect(fn(200.0, (0.5, 300.0), (1.5, -100.0), 1), win(300 - (300 - 100)))


@nested_success.check
def two_steps_multiply(fn):
    # guard 0 against Houdini 100, then guard 200 against Houdini 200
    expect(fn(200.0, (2.0, 0.0), (1.0, 0.0), 2), win(0 - 100) * win(200 - 200))


@nested_success.check
def it_begins_where_it_is_told(fn):
    expect(fn(100.0, (2.0, 0.0), (1.0, 0.0), 1, 300.0), win(600 - 400))
    expect(fn(100.0, (2.0, 0.0), (1.0, 0.0), 2, start=300), win(600 - 350) * win(700 - 400))


@nested_success.check
def it_is_the_product_written_out(fn):
    for guard, houdini, gap, start in (
        ((0.7, 55.0), (1.9, -260.0), 350.0, 20.0),
        ((1.5, -60.0), (0.8, 17.0), 90.0, -130.0),
        ((-0.3, 400.0), (0.2, 10.0), 1000.0, 0.0),
    ):
        for steps in (1, 2, 3, 5, 8):
            wanted = ladder(gap, guard, houdini, steps, start)
            expect(fn(gap, guard, houdini, steps, start), wanted, tol=1e-9)


@nested_success.check
def what_the_authors_code_prints(fn):
    for guard, houdini, steps, printed in PRINTED.values():
        expect(fn(400.0, guard, houdini, steps, 1103.0), printed, tol=1e-9)


@nested_success.check
def without_a_step_it_raises(fn):
    for steps in (0, -1):
        try:
            got = fn(100.0, (1.0, 0.0), (1.0, 0.0), steps)
        except ValueError:
            continue
        require(False, "ValueError", got, steps=steps)


def _product(gap, guard, houdini, steps, start, at=lambda i: (i, i + 1), combine=math.prod, p=win):
    if steps < 1:
        raise ValueError
    places = [start + gap * i / steps for i in range(steps + 2)]
    won = []
    for i in range(steps):
        weak, strong = (places[k] for k in at(i))
        lead = guard[0] * weak + guard[1] - houdini[0] * strong - houdini[1]
        won.append(p(max(-40_000.0, min(40_000.0, lead))))
    return combine(won)


def _mistake(text, **changed):
    @nested_success.mistake(text)
    def _(gap, guard, houdini, steps, start=0.0):
        return _product(gap, guard, houdini, steps, start, **changed)


_mistake("the guard is as capable as the Houdini that it oversees", at=lambda i: (i + 1, i + 1))
_mistake("the Houdini is as capable as its overseer: the step is missing", at=lambda i: (i, i))
_mistake("guard and Houdini are exchanged: the stronger oversees the weaker",
         at=lambda i: (i + 1, i))  # fmt: skip
_mistake("the first overseer takes every step: nobody is promoted", at=lambda i: (0, i + 1))
_mistake("each step is two levels wide", at=lambda i: (i, i + 2))
_mistake("the mean over the steps, where all of them have to hold",
         combine=lambda won: sum(won) / len(won))  # fmt: skip
_mistake("the worst step alone", combine=min)
_mistake("the last step alone", combine=lambda won: won[-1])
_mistake("the chance that some step holds, not that all do",
         combine=lambda won: 1 - math.prod(1 - w for w in won))  # fmt: skip
_mistake("the chance that the Houdini wins all steps", p=lambda lead: win(-lead))
_mistake("base e for base 10 in Elo's formula", p=lambda lead: 1 / (1 + math.exp(-lead / 400)))


@nested_success.mistake("the start is ignored")
def _(gap, guard, houdini, steps, start=0.0):
    return _product(gap, guard, houdini, steps, 0.0)


@nested_success.mistake("the strongest system is the Houdini of every step: it is overseen last")
def _(gap, guard, houdini, steps, start=0.0):
    top = houdini[0] * (start + gap) + houdini[1]
    return _product(gap, guard, (0.0, top), steps, start)


@nested_success.mistake("the gap is counted from 0: what is overseen last has capability gap")
def _(gap, guard, houdini, steps, start=0.0):
    return _product(gap - start, guard, houdini, steps, start)


@nested_success.mistake("the intercepts are left out")
def _(gap, guard, houdini, steps, start=0.0):
    return _product(gap, (guard[0], 0.0), (houdini[0], 0.0), steps, start)


@nested_success.mistake("the whole gap in each step, to the power of their number")
def _(gap, guard, houdini, steps, start=0.0):
    return _product(gap, guard, houdini, 1, start) ** steps if steps > 0 else _raise()


@nested_success.mistake("one step too few")
def _(gap, guard, houdini, steps, start=0.0):
    return math.prod(
        win(guard[0] * a + guard[1] - houdini[0] * b - houdini[1])
        for a, b in ((start + gap * i / steps, start + gap * (i + 1) / steps)
                     for i in range(steps - 1))
    ) if steps > 0 else _raise()  # fmt: skip


def _raise():
    raise ValueError


@nested_success.right("in NumPy, all steps at once")
def _(gap, guard, houdini, steps, start=0.0):
    if steps < 1:
        raise ValueError("steps")
    places = np.linspace(start, start + gap, steps + 1)
    lead = guard[0] * places[:-1] + guard[1] - (houdini[0] * places[1:] + houdini[1])
    return float(np.exp(-np.logaddexp(0, -lead * np.log(10) / 400).sum()))


@nested_success.right("by a recursion from the top")
def _(gap, guard, houdini, steps, start=0.0):
    if steps < 1:
        raise ValueError("steps")

    def up_to(i):
        if i == 0:
            return 1.0
        weak, strong = start + gap / steps * (i - 1), start + gap / steps * i
        behind = houdini[0] * strong + houdini[1] - guard[0] * weak - guard[1]
        return up_to(i - 1) * (0.0 if behind > 120_000 else 1 / (1 + 10 ** (behind / 400)))

    return up_to(steps)
