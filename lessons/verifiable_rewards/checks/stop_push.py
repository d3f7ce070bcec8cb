"""How `stop_push` is judged: checks, mistakes, right answers in other styles."""

import math

from lessons.verifiable_rewards.drills import stop_push
from utils.grading import expect, require


def _sum(s, divisor=lambda n: n + 2):
    """By brute force: the chance of n fillers, times the slope, over the divisor."""
    return math.fsum(
        s * (1 - s) ** n * ((1 - s) - n * s) / divisor(n) for n in range(int(60 / s) + 10)
    )


@stop_push.check
def a_third_and_a_half(fn):
    for s in (1 / 3, 0.5):
        expect(fn(s), _sum(s), tol=1e-6)


@stop_push.check
def it_is_the_sum_over_lengths(fn):
    for s in (0.9, 0.75, 0.25, 0.1, 0.03, 0.01):
        expect(fn(s), _sum(s), tol=1e-6)


@stop_push.check
def it_pushes_towards_stopping_always(fn):
    for s in (0.02, 0.3, 0.6, 0.95):
        got = fn(s)
        require(got > 1e-9, "above 0", got)


@stop_push.check
def next_to_certainty_it_keeps_its_digits(fn):
    for s in (0.999, 1 - 1e-5):
        got, wanted = fn(s), _sum(s)
        require(abs(got - wanted) < 1e-3 * wanted, f"{wanted:.3g}, to a thousandth", got)


def _mean(s):
    return s * sum((1 - s) ** n / (n + 2) for n in range(20_000))


@stop_push.mistake(
    "0, as a constant divisor or a quotient of means gives; the mean of the quotient is asked for"
)
def _(s):
    return 0.0


@stop_push.mistake("the sign: an answer that is rewarded learns to stop")
def _(s):
    return s - (1 + s) * _mean(s)


@stop_push.mistake(
    "the length counts no answer, L = n + 1, or the score no filler: both give the same number"
)
def _(s):
    return _sum(s, lambda n: n + 1)


@stop_push.mistake("too few terms are summed: at s = 0.01 a hundred fillers are the mean")
def _(s):
    return math.fsum(s * (1 - s) ** n * ((1 - s) - n * s) / (n + 2) for n in range(200))


@stop_push.mistake("the stop is missing from the score: n fillers alone")
def _(s):
    return sum(-s * n * s * (1 - s) ** n / (n + 2) for n in range(20_000))


@stop_push.mistake("the slope in s, not in the logit: divided by s (1 − s)")
def _(s):
    return ((1 + s) * _mean(s) - s) / (s * (1 - s))


@stop_push.mistake("the mean of 1/L alone: the score it multiplies is missing")
def _(s):
    return _mean(s)


@stop_push.mistake("a filler's slope and the stop's are swapped")
def _(s):
    return sum(s * (1 - s) ** n * (n * (1 - s) - s) / (n + 2) for n in range(20_000))


@stop_push.right("by summing")
def _(s):
    q, total, chance = 1 - s, 0.0, s
    for n in range(20_000):
        total += chance * (q - n * s) / (n + 2)
        chance *= q
    return total


@stop_push.right("by the covariance of score and 1/L")
def _(s):
    lengths = range(2, 20_000)
    chance = [s * (1 - s) ** (n - 2) for n in lengths]
    mean = math.fsum(p / n for p, n in zip(chance, lengths, strict=True))
    return math.fsum(
        p * (1 / n - mean) * (1 + s - s * n) for p, n in zip(chance, lengths, strict=True)
    )
