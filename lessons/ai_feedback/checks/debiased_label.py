"""How `debiased_label` is judged: checks, mistakes, right answers."""

import itertools
import math

from lessons.ai_feedback.drills import debiased_label
from utils.grading import expect, require


def _sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


@debiased_label.check
def equal_responses_get_one_half_whatever_the_bias(fn):
    for bias in (0.0, 1.0, -3.0):
        expect(fn(0.0, bias), 0.5)


@debiased_label.check
def without_a_bias_it_is_the_sigmoid(fn):
    for quality in (1.0, -2.0, 0.3):
        expect(fn(quality, 0.0), _sigmoid(quality))


@debiased_label.check
def it_is_the_mean_of_both_orders(fn):
    for quality in (1.0, -0.5, 3.0):
        for bias in (4.0, 0.7, -1.5):
            expect(fn(quality, bias), (_sigmoid(quality + bias) + _sigmoid(quality - bias)) / 2)


@debiased_label.check
def the_sign_is_that_of_the_quality_and_a_bias_shrinks_it(fn):
    labels = [float(fn(1.0, bias)) for bias in (0.0, 1.0, 2.0, 4.0, 8.0)]
    falling = all(a > b for a, b in itertools.pairwise(labels)) and labels[-1] > 0.5
    require(falling, "falling towards 1/2, above it, as the bias grows", labels)


@debiased_label.check
def large_numbers_do_not_overflow(fn):
    for quality, bias in ((50.0, 0.0), (-50.0, 3.0), (50.0, 50.0), (0.5, 50.0)):
        expect(fn(quality, bias), (_sigmoid(quality + bias) + _sigmoid(quality - bias)) / 2)


@debiased_label.mistake("the mean of the log-odds: the bias cancels before σ, so nothing shrinks")
def _(quality, bias):
    return _sigmoid(quality)


@debiased_label.mistake("the bias counts half in each order: it is added in full in both")
def _(quality, bias):
    return (_sigmoid(quality + bias / 2) + _sigmoid(quality - bias / 2)) / 2


@debiased_label.mistake("one order alone: the bias is still in it")
def _(quality, bias):
    return _sigmoid(quality + bias)


@debiased_label.mistake("the second order is not turned back: there response 1 is shown second")
def _(quality, bias):
    return (_sigmoid(quality + bias) + _sigmoid(-quality + bias)) / 2


@debiased_label.mistake("summed over the two orders, where the mean was asked for")
def _(quality, bias):
    return _sigmoid(quality + bias) + _sigmoid(quality - bias)


@debiased_label.right("by two sigmoids")
def _(quality, bias):
    return (_sigmoid(quality + bias) + _sigmoid(quality - bias)) / 2


@debiased_label.right("by the closed form")
def _(quality, bias):
    return 0.5 + math.sinh(quality) / (math.cosh(quality) + math.cosh(bias)) / 2
