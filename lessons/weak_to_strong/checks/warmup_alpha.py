"""How `warmup_alpha` is judged: checks, mistakes, right answers."""

import itertools
import math

import numpy as np

from lessons.weak_to_strong.drills import warmup_alpha
from utils.grading import expect, require


@warmup_alpha.check
def it_starts_at_zero_and_ends_at_alpha(fn):
    for alpha in (0.5, 0.75):
        expect(fn(0.0, alpha, 0.1), 0.0)
        expect(fn(1.0, alpha, 0.1), alpha)
        expect(fn(0.1, alpha, 0.1), alpha)


@warmup_alpha.check
def half_way_through_the_warm_up_it_is_half_of_alpha(fn):
    for warmup in (0.1, 0.2, 0.5, 1.0):
        expect(fn(warmup / 2, 0.5, warmup), 0.25)
        expect(fn(warmup / 4, 0.8, warmup), 0.2)


@warmup_alpha.check
def it_never_jumps_and_never_falls(fn):
    for warmup in (0.1, 0.2):
        values = [fn(step / 1000, 0.5, warmup) for step in range(1001)]
        steps = [b - a for a, b in itertools.pairwise(values)]
        largest = max(steps, key=abs)
        limit = 0.5 / (warmup * 1000)
        require(0 <= largest <= 1.01 * limit, f"no step above {limit:g}", largest)
        require(min(steps) >= 0, "no step down", min(steps))


@warmup_alpha.check
def without_a_warm_up_it_is_alpha_at_once(fn):
    for step in (0.0, 0.3, 1.0):
        got = fn(step, 0.6, 0.0)
        require(isinstance(got, float) and math.isfinite(got), "a finite float", got)
        expect(got, 0.6)


@warmup_alpha.mistake("not divided by the warm-up's length: it creeps to a tenth, then jumps")
def _(step_frac, alpha, warmup_frac):
    coef = 1.0 if step_frac > warmup_frac else step_frac
    return coef * alpha


@warmup_alpha.mistake("it rises over all of training: the warm-up is ignored")
def _(step_frac, alpha, warmup_frac):
    return alpha * step_frac


@warmup_alpha.mistake("no min: the weight goes on rising after the warm-up")
def _(step_frac, alpha, warmup_frac):
    return alpha * step_frac / warmup_frac if warmup_frac else alpha


@warmup_alpha.mistake("0 until the end of the warm-up, then alpha at once")
def _(step_frac, alpha, warmup_frac):
    return alpha if step_frac >= warmup_frac else 0.0


@warmup_alpha.mistake("divides by a warm-up of length 0")
def _(step_frac, alpha, warmup_frac):
    return alpha * min(1.0, step_frac / warmup_frac)


@warmup_alpha.mistake("warms up to 1, not to alpha")
def _(step_frac, alpha, warmup_frac):
    return 1.0 if step_frac >= warmup_frac else step_frac / warmup_frac


@warmup_alpha.right("by min, and a case for no warm-up")
def _(step_frac, alpha, warmup_frac):
    if warmup_frac == 0:
        return alpha
    return min(1.0, step_frac / warmup_frac) * alpha


@warmup_alpha.right("by interpolation between two points")
def _(step_frac, alpha, warmup_frac):
    if not warmup_frac:
        return alpha
    return float(np.interp(step_frac, [0, warmup_frac], [0, alpha]))
