"""How `loss_after` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.many_shot.drills import loss_after
from utils.grading import expect, require


def _brute_force(a, b, shots, refusals):
    """By summing over a fine grid of assistants; for a and b of at least 1."""
    t = (torch.arange(200_000).double() + 0.5) / 200_000
    logs = (a - 1 + shots) * t.log() + (b - 1 + refusals) * (1 - t).log()
    return -((logs.softmax(0) * t).sum().log()).item()


@loss_after.check
def without_shots_it_is_the_prior_mean(fn):
    expect(float(fn(1.0, 3.0, 0, 0)), math.log(4))
    expect(float(fn(3.0, 1.0, 0, 0)), math.log(4 / 3))


@loss_after.check
def by_brute_force(fn):
    for a, b, n, k in ((1.0, 1.0, 3, 0), (2.0, 1.5, 10, 0), (1.5, 3.0, 4, 2), (1.0, 2.0, 0, 5)):
        expect(float(fn(a, b, n, k)), _brute_force(a, b, n, k), tol=1e-4)


@loss_after.check
def far_out_it_is_b_over_n(fn):
    got = float(fn(0.2, 0.6, 10**15, 0))
    require(abs(got * 10**15 - 0.6) < 1e-3, "0.6e-15", got)


@loss_after.mistake("a and b are swapped")
def _(a, b, shots, refusals):
    return math.log1p((a + refusals) / (shots + b))


@loss_after.mistake("the refusals in front are left out")
def _(a, b, shots, refusals):
    return math.log1p(b / (shots + a))


@loss_after.mistake("the refusals are taken for shots: they count against compliance")
def _(a, b, shots, refusals):
    return math.log1p(b / (shots + refusals + a))


@loss_after.mistake("only the leading term: (b + k) / n is near the loss when n is large")
def _(a, b, shots, refusals):
    return (b + refusals) / max(shots + a, 1e-9)


@loss_after.mistake("the chance, not the loss")
def _(a, b, shots, refusals):
    return (shots + a) / (shots + a + b + refusals)


@loss_after.mistake("a flat prior, whatever a and b are")
def _(a, b, shots, refusals):
    return math.log1p((1 + refusals) / (shots + 1))


@loss_after.mistake(
    "log(1 + x), or −log of a ratio near 1: far out all digits are lost. log1p keeps them"
)
def _(a, b, shots, refusals):
    return -math.log((shots + a) / (shots + a + b + refusals))


@loss_after.right("by a difference of log-beta functions")
def _(a, b, shots, refusals):
    if shots > 1e6:
        return -math.log1p(-(b + refusals) / (shots + a + b + refusals))
    lgamma = math.lgamma
    up = lgamma(a + shots + 1) - lgamma(a + b + shots + refusals + 1)
    return -(up - lgamma(a + shots) + lgamma(a + b + shots + refusals))


@loss_after.right("as minus log1p of the chance of a refusal")
def _(a, b, shots, refusals):
    return -math.log1p(-(b + refusals) / (shots + refusals + a + b))
