"""How `required_items` is judged: checks, mistakes, right answers in other styles."""

import math
from statistics import NormalDist

from scipy import stats

from lessons.evals.exercises import required_items
from utils.grading import expect


def _shown(n, effect, sd, z):
    """The chance that the mean of n differences is z standard errors above 0."""
    return stats.norm.sf(z - abs(effect) / sd * math.sqrt(n))


def _least(effect, sd, power, z):
    """By trying one number of questions after another."""
    n = 1
    while _shown(n, effect, sd, z) < power - 1e-9:
        n += 1
    return n


@required_items.check
def an_even_chance_takes_no_luck(fn):
    expect(fn(1.0, 1.0, 0.5, 3.0), 9)
    expect(fn(0.5, 1.0, 0.5, 3.0), 36)
    expect(fn(0.1, 0.5, 0.5, 2.0), 100)


@required_items.check
def the_least_number_with_that_power(fn):
    for effect, sd, power, z in (
        (0.9, 0.4, 0.9, 2.58),
        (0.2, 0.7, 0.9, 1.64),
        (0.3, 0.5, 0.99, 1.0),
        (0.05, 0.6, 0.8, 1.96),
    ):
        expect(fn(effect, sd, power, z), _least(effect, sd, power, z))


@required_items.check
def without_z_it_is_at_95_percent(fn):
    expect(fn(0.1, 0.5, 0.8), _least(0.1, 0.5, 0.8, 1.96))


@required_items.check
def the_sign_of_the_effect_does_not_matter(fn):
    expect(fn(-0.5, 1.0, 0.5, 3.0), 36)
    expect(fn(-0.2, 0.5, 0.8, 2.0), _least(0.2, 0.5, 0.8, 2.0))


def _plant(said, length, square=lambda x: x * x, up=lambda n: math.ceil(n - 1e-6)):
    """length: of the effect, in standard errors of one question's difference."""

    def fn(effect, sd, power, z=1.96):
        luck = NormalDist().inv_cdf(power)
        return up(square(abs(length(z, luck, power) * sd / effect)))

    required_items.mistake(said)(fn)


_plant("the power is forgotten: half of such tests will miss the effect", lambda z, luck, _: z)
_plant("the squares of the two are added: the sum is squared",
       lambda z, luck, _: math.hypot(z, luck))  # fmt: skip
_plant("the power itself is added, not the standard errors that belong to it",
       lambda z, _, power: z + power)  # fmt: skip
_plant("the luck is taken off: chance may take errors away, so the effect must be longer",
       lambda z, luck, _: z - luck)  # fmt: skip
_plant("the power as if chance could go to either side: inv_cdf((1 + power) / 2)",
       lambda z, _, power: z + NormalDist().inv_cdf((1 + power) / 2))  # fmt: skip
_plant("not squared", lambda z, luck, _: z + luck, square=lambda x: x)
_plant("rounded down: one question too few", lambda z, luck, _: z + luck,
       up=lambda n: math.floor(n + 1e-6))  # fmt: skip
_plant("rounded to the nearest: the power may be missed by one question",
       lambda z, luck, _: z + luck, up=round)  # fmt: skip
_plant("twice as many, as for two separate groups of questions",
       lambda z, luck, _: math.sqrt(2) * (z + luck))  # fmt: skip
_plant("a whole number is rounded up to the next", lambda z, luck, _: z + luck,
       up=lambda n: math.floor(n + 1e-6) + 1)  # fmt: skip


@required_items.mistake("sd and effect the wrong way round")
def _(effect, sd, power, z=1.96):
    return math.ceil(((z + NormalDist().inv_cdf(power)) * effect / sd) ** 2 - 1e-6)


@required_items.mistake("z is ignored: always 1.96")
def _(effect, sd, power, z=1.96):
    return math.ceil(((1.96 + NormalDist().inv_cdf(power)) * sd / effect) ** 2 - 1e-6)


@required_items.mistake("sd is not squared")
def _(effect, sd, power, z=1.96):
    return math.ceil(((z + NormalDist().inv_cdf(power)) / effect) ** 2 * sd - 1e-6)


@required_items.mistake("by a negative effect the number shrinks: its sign does not matter")
def _(effect, sd, power, z=1.96):
    return math.ceil(max(0.0, (z + NormalDist().inv_cdf(power)) * sd / effect) ** 2 - 1e-6)


@required_items.mistake("comes as a float: a number of questions is an int")
def _(effect, sd, power, z=1.96):
    return float(math.ceil(((z + NormalDist().inv_cdf(power)) * sd / effect) ** 2 - 1e-6))


@required_items.right("by counting up")
def _(effect, sd, power, z=1.96):
    n, needed = 1, (z + NormalDist().inv_cdf(power)) * sd * (1 - 1e-9)
    while abs(effect) * math.sqrt(n) < needed:
        n += 1
    return n


@required_items.right("by the variance, with SciPy")
def _(effect, sd, power, z=1.96):
    n = (z + stats.norm.ppf(power)) ** 2 * sd**2 / effect**2
    return -int(-(n - 1e-6) // 1)


@required_items.right("by bisection on the chance that it is shown")
def _(effect, sd, power, z=1.96):
    low, high = 0, 1
    while _shown(high, effect, sd, z) < power - 1e-9:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (middle, high) if _shown(middle, effect, sd, z) < power - 1e-9 else (low, middle)
        )
    return high
