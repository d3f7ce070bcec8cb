"""How `break_even_penalty` is judged: checks, mistakes, right answers in other styles."""

import math

from lessons.chain_of_thought.drills import break_even_penalty
from utils.grading import expect, require

CASES = ((1.0, 0.45, 0.9, 0.1), (0.8, 0.2, 0.5, 0.4), (2.0, 0.5, 1.0, 0.0), (0.6, 0.5, 0.7, 0.3))


@break_even_penalty.check
def a_monitor_without_errors(fn):
    expect(float(fn(1.0, 0.5, 1.0, 0.0)), 0.5)


@break_even_penalty.check
def both_sides_are_flagged(fn):
    expect(float(fn(1.0, 0.4, 0.8, 0.5)), 2.0)


@break_even_penalty.check
def it_is_where_the_two_bring_the_same(fn):
    for hack, honest, flag_hack, flag_honest in CASES:
        penalty = float(fn(hack, honest, flag_hack, flag_honest))
        expect(hack - penalty * flag_hack, honest - penalty * flag_honest)
        for beside, wins in ((penalty * 0.99, True), (penalty * 1.01, False)):
            more = hack - beside * flag_hack > honest - beside * flag_honest
            require(more is wins, f"hacking pays more at {beside:.3f}: {wins}", more)


@break_even_penalty.check
def hacking_pays_no_more_anyway(fn):
    expect(float(fn(0.2, 0.45, 0.9, 0.1)), 0.0)
    expect(float(fn(0.5, 0.5, 0.9, 0.1)), 0.0)
    expect(float(fn(0.2, 0.45, 0.1, 0.1)), 0.0)


@break_even_penalty.check
def a_blind_monitor_never_stops_it(fn):
    got = fn(1.0, 0.45, 0.1, 0.1)
    require(float(got) == math.inf, math.inf, got)


def _guarded(formula):
    def mistaken(pay_hack, pay_honest, flag_hack, flag_honest):
        if pay_hack <= pay_honest:
            return 0.0
        if flag_hack <= flag_honest:
            return math.inf
        return formula(pay_hack, pay_honest, flag_hack, flag_honest)

    return mistaken


for text, fn in (
    ("flags on honest work are left out", _guarded(lambda a, b, f, h: (a - b) / f)),
    ("honest pay is left out", _guarded(lambda a, b, f, h: a / (f - h))),
    ("honest pay and flags on honest work are left out", _guarded(lambda a, b, f, h: a / f)),
    ("upside down", _guarded(lambda a, b, f, h: (f - h) / (a - b))),
    ("multiplied, not divided, by the difference", _guarded(lambda a, b, f, h: (a - b) * (f - h))),
    ("the flags are added", _guarded(lambda a, b, f, h: (a - b) / (f + h))),
    ("the sign is turned", _guarded(lambda a, b, f, h: (b - a) / (f - h))),
    ("the gain alone", _guarded(lambda a, b, f, h: a - b)),
    ("a ratio of ratios", _guarded(lambda a, b, f, h: (a / b) / (f / max(h, 1e-9)))),
    (
        "below 0 where hacking pays less anyway",
        lambda a, b, f, h: math.inf if f == h and a > b else (a - b) / max(f - h, 1e-9),
    ),
    (
        "0 where the monitor is blind: there no penalty helps",
        lambda a, b, f, h: max(a - b, 0) / (f - h) if f > h else 0.0,
    ),
):
    break_even_penalty.mistake(text)(fn)


@break_even_penalty.right("by cases, honest work first")
def _(pay_hack, pay_honest, flag_hack, flag_honest):
    if pay_honest >= pay_hack:
        return 0.0
    if flag_honest == flag_hack:
        return float("inf")
    return (pay_honest - pay_hack) / (flag_honest - flag_hack)


@break_even_penalty.right("by bisection")
def _(pay_hack, pay_honest, flag_hack, flag_honest):
    def wins(penalty):
        return pay_hack - penalty * flag_hack > pay_honest - penalty * flag_honest

    if not wins(0):
        return 0.0
    low, high = 0.0, 1e6
    if wins(high):
        return math.inf
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if wins(middle) else (low, middle)
    return high
