"""How `win_rate` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.ai_feedback.exercises import win_rate
from utils.grading import expect, require


def outcomes(wins, losses, ties=0):
    return torch.tensor([1.0] * wins + [0.0] * losses + [0.5] * ties)


def three(got):
    require(isinstance(got, tuple | list) and len(got) == 3, "three numbers: rate, low, high", got)
    return [float(x) for x in got]


@win_rate.check
def the_rate_counts_a_tie_half(fn):
    for wins, losses, ties, rate in ((3, 1, 0, 0.75), (1, 1, 2, 0.5), (2, 0, 2, 0.75)):
        expect(three(fn(outcomes(wins, losses, ties)))[0], rate)


@win_rate.check
def one_win_is_hardly_evidence(fn):
    rate, low, high = three(fn(outcomes(1, 0)))
    expect(rate, 1.0)
    expect(low, 1 / (1 + 1.96**2))  # (1 − p)² = z² p (1 − p), so p = 1 / (1 + z²)
    expect(high, 1.0)


@win_rate.check
def ends_lie_z_standard_errors_away(fn):
    for wins, losses, ties, z in ((7, 3, 0, 1.96), (40, 60, 0, 1.0), (5, 0, 4, 2.58), (0, 9, 0, 2)):
        rate, low, high = three(fn(outcomes(wins, losses, ties), z))
        n = wins + losses + ties
        for end in (low, high):
            off = (rate - end) ** 2 - z**2 * end * (1 - end) / n
            require(abs(off) < 1e-5, "(rate − end)² = z² end (1 − end) / n", end, end=end)
        require(low <= rate + 1e-6 and rate <= high + 1e-6, "low ≤ rate ≤ high", (rate, low, high))
        require(high - low > 1e-3, "two different ends", (low, high))


@win_rate.check
def wins_and_losses_exchanged_turn_the_interval_around(fn):
    _, low, high = three(fn(outcomes(8, 2)))
    _, other_low, other_high = three(fn(outcomes(2, 8)))
    expect(low, 1 - other_high)
    expect(high, 1 - other_low)


@win_rate.check
def four_times_the_comparisons_nearly_halve_it(fn):
    _, a, b = three(fn(outcomes(60, 40)))
    _, c, d = three(fn(outcomes(240, 160)))
    require(0.48 < (d - c) / (b - a) < 0.53, "half as wide, nearly", (d - c) / (b - a))


@win_rate.check
def whole_numbers_are_outcomes_too(fn):
    expect(three(fn(torch.tensor([1, 1, 0, 1])))[0], 0.75)


def _rate(outcomes):
    return outcomes.double().mean().item(), len(outcomes)


@win_rate.mistake("rate ± z standard errors: no width after wins alone, and ends beyond 0 and 1")
def _(outcomes, z=1.96):
    rate, n = _rate(outcomes)
    half = z * math.sqrt(rate * (1 - rate) / n)
    return rate, rate - half, rate + half


@win_rate.mistake("ties are left out")
def _(outcomes, z=1.96):
    return win_rate.reference(outcomes[outcomes != 0.5], z)


@win_rate.mistake("a tie counts as a win")
def _(outcomes, z=1.96):
    return win_rate.reference((outcomes > 0).double(), z)


@win_rate.mistake("a tie counts as a loss")
def _(outcomes, z=1.96):
    return win_rate.reference((outcomes == 1).double(), z)


@win_rate.mistake("the interval is centered on the rate, where Wilson's leans towards one half")
def _(outcomes, z=1.96):
    rate, low, high = win_rate.reference(outcomes, z)
    half = (high - low) / 2
    return rate, rate - half, rate + half


@win_rate.mistake("z is ignored: always 95 %")
def _(outcomes, z=1.96):
    return win_rate.reference(outcomes, 1.96)


@win_rate.mistake("the center is returned in place of the rate")
def _(outcomes, z=1.96):
    _, low, high = win_rate.reference(outcomes, z)
    return (low + high) / 2, low, high


@win_rate.right("by the roots of the quadratic equation")
def _(outcomes, z=1.96):
    n, rate = len(outcomes), float(outcomes.float().mean())
    a, b, c = 1 + z * z / n, -(2 * rate + z * z / n), rate * rate
    root = math.sqrt(max(0.0, b * b - 4 * a * c))
    return rate, (-b - root) / (2 * a), (-b + root) / (2 * a)


@win_rate.right("by bisection on each side")
def _(outcomes, z=1.96):
    n, rate = len(outcomes), sum(outcomes.tolist()) / len(outcomes)

    def end(inside, outside):
        for _ in range(80):
            middle = (inside + outside) / 2
            if (rate - middle) ** 2 * n < z * z * middle * (1 - middle):
                inside = middle
            else:
                outside = middle
        return (inside + outside) / 2

    start = (rate * n + z * z / 2) / (n + z * z)
    return rate, end(start, 0.0), end(start, 1.0)
