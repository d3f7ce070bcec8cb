"""How `required_items` is judged: checks, mistakes, right answers in other styles."""

import math

from lessons.evals.drills import required_items
from utils.grading import expect


@required_items.check
def whole_numbers(fn):
    expect(fn(1.0, 1.0, 2.0, 1.0), 9)
    expect(fn(0.5, 1.0, 2.0, 1.0), 36)
    expect(fn(0.1, 0.5, 1.0, 1.0), 100)


@required_items.check
def it_is_enough_and_one_less_is_not(fn):
    for effect, sd, z, more in (
        (0.03, 0.6, 1.96, 0.84),
        (0.2, 0.7, 1.64, 1.28),
        (0.9, 0.4, 2.58, 0),
    ):
        n = fn(effect, sd, z, more)
        expect(type(n), int, effect=effect, sd=sd)
        expect(effect >= (z + more) * sd / math.sqrt(n), True, effect=effect, sd=sd)
        enough = n > 1 and effect >= (z + more) * sd / math.sqrt(n - 1)
        expect(enough, False, effect=effect, sd=sd)


@required_items.check
def the_sign_of_the_effect_does_not_matter(fn):
    expect(fn(-0.5, 1.0, 2.0, 1.0), 36)


@required_items.mistake("the power is forgotten: half of such tests will miss the effect")
def _(effect, sd, z_alpha, z_power):
    return math.ceil((z_alpha * sd / effect) ** 2 - 1e-9)


@required_items.mistake("the squares of the two z are added: the sum is squared")
def _(effect, sd, z_alpha, z_power):
    return math.ceil((z_alpha**2 + z_power**2) * (sd / effect) ** 2 - 1e-9)


@required_items.mistake("not squared")
def _(effect, sd, z_alpha, z_power):
    return math.ceil(abs((z_alpha + z_power) * sd / effect) - 1e-9)


@required_items.mistake("rounded down: one question too few")
def _(effect, sd, z_alpha, z_power):
    return math.floor(((z_alpha + z_power) * sd / effect) ** 2 + 1e-9)


@required_items.mistake("twice as many, as for two separate groups of questions")
def _(effect, sd, z_alpha, z_power):
    return math.ceil(2 * ((z_alpha + z_power) * sd / effect) ** 2 - 1e-9)


@required_items.mistake("sd and effect the wrong way round")
def _(effect, sd, z_alpha, z_power):
    return math.ceil(((z_alpha + z_power) * effect / sd) ** 2 - 1e-9)


@required_items.mistake("a whole number is rounded up to the next by the last digit")
def _(effect, sd, z_alpha, z_power):
    return math.ceil(((z_alpha + z_power) * sd / effect) ** 2 + 1e-9)


@required_items.right("by counting up")
def _(effect, sd, z_alpha, z_power):
    n = 1
    while abs(effect) * math.sqrt(n) < (z_alpha + z_power) * sd * (1 - 1e-11):
        n += 1
    return n


@required_items.right("by the variance")
def _(effect, sd, z_alpha, z_power):
    n = (z_alpha + z_power) ** 2 * sd**2 / effect**2
    return -int(-(n - 1e-9) // 1)
