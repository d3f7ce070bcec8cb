"""How the derived bound `success_bound` is judged: brute force, and mistakes."""

import math

from lessons.oversight_scaling.checks.shared import ladder, win
from lessons.oversight_scaling.drills import success_bound
from utils.grading import expect, require

CASES = (
    (0.0, 1.0, 1.0, 400.0, 1),
    (-554.0, 0.72, 1.95, 400.0, 2),
    (-29.0, 1.1, 0.05, 400.0, 3),
    (121.0, 1.5, 0.8, 600.0, 5),
    (-300.0, 0.4, 1.7, 900.0, 7),
    (250.0, 2.0, 0.5, 1000.0, 10),
)


def _by_hand(lead, guard, houdini, gap, steps):
    """The mean margin by adding up the steps."""
    margins = [
        guard * gap * i / steps - lead - houdini * gap * (i + 1) / steps for i in range(steps)
    ]
    return win(sum(margins) / steps) ** steps


@success_bound.check
def one_step_is_the_game_itself(fn):
    expect(fn(0.0, 1.0, 1.0, 400.0, 1), 1 / 11)
    expect(fn(-200.0, 3.0, 0.5, 400.0, 1), 0.5)


@success_bound.check
def it_is_the_mean_margin_added_up(fn):
    for case in CASES:
        expect(fn(*case), _by_hand(*case), tol=1e-9)


@success_bound.check
def no_success_exceeds_it(fn):
    for lead, guard, houdini, gap, steps in CASES:
        success = ladder(gap, (guard, 0.0), (houdini, lead), steps)
        got = fn(lead, guard, houdini, gap, steps)
        require(got >= success * (1 - 1e-9), f"at least the success, {success:.6g}", got)


@success_bound.check
def it_is_reached_where_all_steps_are_equally_hard(fn):
    for steps in (1, 2, 4, 9):
        success = ladder(500.0, (0.9, 0.0), (0.9, -200.0), steps)
        expect(fn(-200.0, 0.9, 0.9, 500.0, steps), success, tol=1e-9)


def _mistake(text, mean, power=lambda p, n: p**n):
    @success_bound.mistake(text)
    def _(lead, guard, houdini, gap, steps):
        return power(win(mean(lead, guard, houdini, gap, steps)), steps)


def _mean(a, g, h, d, n):
    return (g - h) * d * (n - 1) / (2 * n) - a - h * d / n


_mistake("the lead has the wrong sign", lambda a, g, h, d, n: _mean(-a, g, h, d, n))
_mistake("guard and Houdini are exchanged", lambda a, g, h, d, n: _mean(a, h, g, d, n))
_mistake("the Houdini of a step is as capable as its guard: houdini · gap / steps is missing",
         lambda a, g, h, d, n: (g - h) * d * (n - 1) / (2 * n) - a)  # fmt: skip
_mistake("the mean over the whole gap: overseers stop one step below its top",
         lambda a, g, h, d, n: (g - h) * d / 2 - a - h * d / n)  # fmt: skip
_mistake("the last step's margin, not the mean",
         lambda a, g, h, d, n: (g - h) * d * (n - 1) / n - a - h * d / n)  # fmt: skip
_mistake("the first step's margin, not the mean", lambda a, g, h, d, n: -a - h * d / n)
_mistake("one step's bound: the power is missing", _mean, power=lambda p, n: p)
_mistake("divided by the number of steps, where it is the exponent", _mean,
         power=lambda p, n: p / n)  # fmt: skip


@success_bound.mistake("the success itself, not the bound")
def _(lead, guard, houdini, gap, steps):
    return ladder(gap, (guard, 0.0), (houdini, lead), steps)


@success_bound.right("by adding up the margins")
def _(lead, guard, houdini, gap, steps):
    return _by_hand(lead, guard, houdini, gap, steps)


@success_bound.right("by the logarithm")
def _(lead, guard, houdini, gap, steps):
    first = -lead - houdini * gap / steps
    last = first + (guard - houdini) * gap * (steps - 1) / steps
    return math.exp(-steps * math.log1p(10 ** (-(first + last) / 800)))
