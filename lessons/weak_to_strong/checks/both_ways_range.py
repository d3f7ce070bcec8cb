"""How `both_ways_range` is judged: checks, mistakes, right answers."""

import torch

from lessons.weak_to_strong.drills import both_ways_range
from utils.grading import expect, require

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
    return got


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
        ends = torch.stack([both[0], both[-1]]).float()
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


@both_ways_range.right("by clamping both ends at once")
def _(alpha, threshold):
    ends = torch.tensor([threshold - alpha, threshold])
    return (ends / (1 - alpha)).clamp(0, 1)


@both_ways_range.right("from the target itself: where it crosses the threshold, by bisection")
def _(alpha, threshold):
    def crossing(own):
        low, high = 0.0, 1.0
        for _ in range(60):
            w = (low + high) / 2
            above = (1 - alpha) * w + alpha * own > threshold
            low, high = (low, w) if above else (w, high)
        return low

    return torch.tensor([crossing(1.0), crossing(0.0)])
