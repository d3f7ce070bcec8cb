"""What the whiteboard prompts of the weak-to-strong lesson grade: a derived result, mended code."""

import itertools
import math

import torch
from torch import Tensor

from utils.exercises import exercise, expect, require


@exercise(
    difficulty=3,
    minutes=10,
    teaches="which doubts a confidence loss lets a student keep",
    hints=[
        "For a fixed hardened label the loss is one cross-entropy, with a mixed target.",
        "The best f is that target. Is it on the side of the threshold it came from?",
        "Two conditions on w, one for each side. Probabilities end at 0 and 1.",
    ],
)
def both_ways_range(alpha: float, threshold: float) -> Tensor:
    """The weak probabilities w for which both answers of a student hold themselves up.

    One example, confidence loss with weight alpha (0 to 1, not 1) and a fixed threshold (between 0
    and 1). A student that says yes holds itself up if the f that minimizes the loss, its hardened
    label kept at 1, is above the threshold; one that says no, if that f, kept at 0, is not above.
    Returns a float tensor (2,): the lowest and the highest w for which both do (ends of the closed
    interval, within 0 and 1).
    """
    low = (threshold - alpha) / (1 - alpha)
    high = threshold / (1 - alpha)
    return torch.tensor([max(low, 0.0), min(high, 1.0)])


W = torch.linspace(0, 1, 201, dtype=torch.float64)


def _best(alpha, hardened):
    """For each w of W the f that minimizes the loss, by search over a grid."""
    f = torch.linspace(0, 1, 2001, dtype=torch.float64)[1:-1]
    weak = -W[:, None] * f.log() - (1 - W[:, None]) * (1 - f).log()
    own = -hardened * f.log() - (1 - hardened) * (1 - f).log()
    return f[((1 - alpha) * weak + alpha * own).argmin(1)]


def _range(fn, alpha, threshold):
    got = fn(alpha, threshold)
    require(torch.is_tensor(got) and got.shape == (2,), "a tensor of shape (2,)", got)
    return got.double()


@both_ways_range.check
def without_alpha_only_the_threshold_itself_is_in_doubt(fn):
    for threshold in (0.3, 0.5, 0.8):
        expect(_range(fn, 0.0, threshold), torch.tensor([threshold] * 2), tol=1e-5)


@both_ways_range.check
def from_one_half_on_every_doubt_may_stay(fn):
    for alpha in (0.5, 0.75, 0.9):
        expect(_range(fn, alpha, 0.5), torch.tensor([0.0, 1.0]), alpha=alpha, threshold=0.5)


@both_ways_range.check
def it_is_where_a_search_over_f_finds_both(fn):
    for alpha, threshold in ((0.25, 0.5), (0.4, 0.5), (0.3, 0.4), (0.3, 0.7), (0.6, 0.2)):
        both = W[(_best(alpha, 1.0) > threshold) & (_best(alpha, 0.0) <= threshold)]
        ends = torch.stack([both[0], both[-1]])
        expect(_range(fn, alpha, threshold), ends, tol=6e-3, alpha=alpha, threshold=threshold)


@both_ways_range.check
def yes_and_no_may_change_names(fn):
    for alpha, threshold in ((0.2, 0.3), (0.35, 0.6)):
        mirrored = 1 - _range(fn, alpha, 1 - threshold).flip(0)
        expect(_range(fn, alpha, threshold), mirrored, tol=1e-5)


@both_ways_range.mistake("the factor 1 − α of the weak label is lost")
def _(alpha, threshold):
    return torch.tensor([max(threshold - alpha, 0.0), min(threshold + alpha, 1.0)])


@both_ways_range.mistake("alpha on both sides: saying no gives the target (1 − α) w, without + α")
def _(alpha, threshold):
    low, high = (threshold - alpha) / (1 - alpha), (threshold + alpha) / (1 - alpha)
    return torch.tensor([max(low, 0.0), min(high, 1.0)])


@both_ways_range.mistake("not cut to probabilities")
def _(alpha, threshold):
    return torch.tensor([(threshold - alpha) / (1 - alpha), threshold / (1 - alpha)])


@both_ways_range.mistake("the threshold is taken for one half")
def _(alpha, threshold):
    return torch.tensor([max((0.5 - alpha) / (1 - alpha), 0.0), min(0.5 / (1 - alpha), 1.0)])


@both_ways_range.mistake("alpha and 1 − alpha are swapped")
def _(alpha, threshold):
    low, high = (threshold - 1 + alpha) / max(alpha, 1e-9), threshold / max(alpha, 1e-9)
    return torch.tensor([max(low, 0.0), min(high, 1.0)])


@both_ways_range.mistake("high first, then low")
def _(alpha, threshold):
    low, high = (threshold - alpha) / (1 - alpha), threshold / (1 - alpha)
    return torch.tensor([min(high, 1.0), max(low, 0.0)])


@exercise(
    difficulty=1,
    minutes=10,
    teaches="to print a schedule before training on it",
    hints=[
        "What is the coefficient just before, and just after, the end of the warm-up?",
        "It shall reach alpha at the end of the warm-up: divide by its length.",
        "min(1, ...) stops the rise.",
    ],
)
def warmup_alpha(step_frac: float, alpha: float, warmup_frac: float) -> float:
    """The weight of the confidence term at a point of training, without a jump.

    step_frac: the share of training that is done, 0 to 1. The weight rises linearly from 0 at the
    start to alpha when warmup_frac of training is done, and then stays. warmup_frac 0: no warm-up,
    alpha from the start. Returns a float.
    """
    return alpha if step_frac >= warmup_frac else alpha * step_frac / warmup_frac


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
