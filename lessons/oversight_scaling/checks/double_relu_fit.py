"""How `double_relu_fit` is judged: checks, mistakes, right answers."""

import itertools
import math

import numpy as np
import torch

from lessons.oversight_scaling.exercises import double_relu_fit
from utils.grading import require


def _t(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def _curve(x, x_low, x_high, e_low, e_high):
    """The curve at one point, case by case."""
    if x <= x_low:
        return e_low
    if x >= x_high:
        return e_high
    return e_low + (e_high - e_low) * (x - x_low) / (x_high - x_low)


def _error(fit, x, y):
    pairs = zip(x.tolist(), y.tolist(), strict=True)
    return sum((_curve(a, *fit) - b) ** 2 for a, b in pairs)


def _fitted(fn, x, y, knots):
    got = fn(x, y, knots)
    four = isinstance(got, tuple | list) and len(got) == 4
    require(four and all(math.isfinite(float(v)) for v in got), "four finite floats", got)
    fit = tuple(float(v) for v in got)
    among = all(min(abs(fit[i] - k) for k in knots.tolist()) < 1e-9 for i in (0, 1))
    require(among and fit[0] < fit[1], "x_low < x_high, both among the knots", got)
    return fit


def _least(x, y, knots):
    """The least error over all pairs of knots: normal equations of two heights, by hand."""
    least = math.inf
    for low, high in itertools.combinations(knots.tolist(), 2):
        t = [min(1.0, max(0.0, (a - low) / (high - low))) for a in x.tolist()]
        a, b, c = (sum(f(s) for s in t) for f in (
            lambda s: (1 - s) ** 2, lambda s: s * (1 - s), lambda s: s**2))  # fmt: skip
        p = sum((1 - s) * v for s, v in zip(t, y.tolist(), strict=True))
        q = sum(s * v for s, v in zip(t, y.tolist(), strict=True))
        det = a * c - b * b
        if det < 1e-12:  # all points at one t: a mean
            height = sum(y.tolist()) / len(t)
            error = sum((height - v) ** 2 for v in y.tolist())
        else:
            heights = (p * c - q * b) / det, (q * a - p * b) / det
            error = _error((low, high, *heights), x, y)
        least = min(least, error)
    return least


def _check_least(fn, x, y, knots):
    fit = _fitted(fn, x, y, knots)
    got, least = _error(fit, x, y), _least(x, y, knots)
    scale = 1 + float(((y - y.mean()) ** 2).sum())
    require(got <= least + 1e-7 * scale, f"a sum of squared errors of {least:.6g}",
            f"{got:.6g}, of {tuple(round(v, 4) for v in fit)}")  # fmt: skip


@double_relu_fit.check
def two_points_two_knots(fn):
    fit = _fitted(fn, _t(0, 1), _t(5, 7), _t(0, 1))
    require(max(abs(a - b) for a, b in zip(fit, (0, 1, 5, 7), strict=True)) < 1e-6,
            (0.0, 1.0, 5.0, 7.0), fit)  # fmt: skip


@double_relu_fit.check
def a_curve_of_this_kind_comes_back(fn):
    for true in ((2.0, 5.0, -100.0, 300.0), (1.0, 4.0, 50.0, -250.0), (3.0, 6.0, 1000.0, 1001.5)):
        x = torch.arange(9, dtype=torch.float64)
        y = _t(*(_curve(a, *true) for a in x.tolist()))
        fit = _fitted(fn, x, y, torch.arange(0, 9, dtype=torch.float64))
        near = max(abs(a - b) for a, b in zip(fit, true, strict=True)) < 1e-4
        require(near, true, fit)


@double_relu_fit.check
def a_line_is_such_a_curve(fn):
    x = torch.arange(6, dtype=torch.float64)
    fit = _fitted(fn, x, 30 * x - 7, x)
    require(_error(fit, x, 30 * x - 7) < 1e-6, "no error on a straight line", fit)


@double_relu_fit.check
def one_plateau_alone(fn):
    x, y = _t(1, 2, 3, 4), _t(2, 2, 2, 2)
    fit = _fitted(fn, x, y, _t(1, 2.5, 4))
    require(_error(fit, x, y) < 1e-9, "no error on a level line", fit)


@double_relu_fit.check
def of_noisy_points_the_least_error(fn):
    g = torch.Generator().manual_seed(3)
    for n, k in ((5, 4), (8, 7), (12, 9), (7, 11), (20, 6), (10, 10)):
        x = torch.rand(n, generator=g).double().sort().values * 10
        y = 100 * torch.randn(n, generator=g).double()
        _check_least(fn, x, y, torch.linspace(0, 10, k, dtype=torch.float64))


@double_relu_fit.check
def points_in_any_order(fn):
    x, y = _t(7, 1, 4, 2, 9, 5), _t(250, -80, 90, -95, 240, 160)
    _check_least(fn, x, y, torch.linspace(1, 9, 9, dtype=torch.float64))


@double_relu_fit.check
def knots_may_lie_outside_the_points(fn):
    # every point on one plateau of some pairs: one height is undetermined there
    x, y = _t(4, 5, 6), _t(1, 5, 3)
    _check_least(fn, x, y, _t(0, 2, 5, 8, 9))


@double_relu_fit.check
def the_inputs_stay_as_they_are(fn):
    x, y, knots = _t(1, 2, 3, 4, 5), _t(0, 0, 5, 9, 9), _t(1, 2, 3, 4, 5)
    before = x.clone(), y.clone(), knots.clone()
    fn(x, y, knots)
    same = all(torch.equal(a, b) for a, b in zip((x, y, knots), before, strict=True))
    require(same, "inputs that stay as they are", (x, y, knots))


def _search(pairs=itertools.combinations, columns=None, badness=None, swap=False):
    """For the mistakes: the fit with one part exchanged."""

    def fit(capability, elo, knots):
        best, least = (float(knots[0]), float(knots[-1]), 0.0, 0.0), math.inf
        for low, high in pairs(knots.tolist(), 2):
            t = (capability - low) / (high - low)
            made = (columns or (lambda t: torch.stack([1 - t.clamp(0, 1), t.clamp(0, 1)], 1)))(t)
            heights = torch.linalg.lstsq(made, elo, driver="gelsd").solution
            left = made @ heights - elo
            error = (badness or (lambda r: (r**2).sum()))(left).item()
            if error < least:
                best, least = (low, high, *heights.tolist()), error
        return (*best[:2], best[3], best[2]) if swap else best

    return fit


def _heights(rule):
    """For the mistakes: heights by a rule of thumb, bends by search."""

    def fit(capability, elo, knots):
        best, least = None, math.inf
        for low, high in itertools.combinations(knots.tolist(), 2):
            heights = rule(capability, elo, low, high)
            error = _error((low, high, *heights), capability, elo)
            if best is None or error < least:
                best, least = (low, high, *heights), error
        return best

    return fit


def _mean_or(values, other):
    return float(values.mean()) if len(values) else float(other)


for _text, _fn in {
    "the line is not clipped: no plateaus": _search(
        columns=lambda t: torch.stack([1 - t, t], 1)
    ),
    "clipped above only: the lower plateau is missing": _search(
        columns=lambda t: torch.stack([1 - t.clamp(max=1), t.clamp(max=1)], 1)
    ),
    "clipped below only: the upper plateau is missing": _search(
        columns=lambda t: torch.stack([1 - t.clamp(min=0), t.clamp(min=0)], 1)
    ),
    "the two heights are exchanged": _search(swap=True),
    "the largest error is made small, not the sum of squares": _search(
        badness=lambda r: r.abs().max()
    ),
    "the sum of absolute errors decides between the bends": _search(
        badness=lambda r: r.abs().sum()
    ),
    "errors of different sign cancel: they are not squared": _search(
        badness=lambda r: r.sum().abs()
    ),
    "only bends at neighboring knots are tried": _search(
        pairs=lambda k, _: itertools.pairwise(k)
    ),
    "the first bend is always the first knot": _search(
        pairs=lambda k, _: ((k[0], b) for b in k[1:])
    ),
    "the second bend is always the last knot": _search(
        pairs=lambda k, _: ((a, k[-1]) for a in k[:-1])
    ),
    "the heights are the lowest and the highest point, not a least-squares fit": _heights(
        lambda x, y, low, high: (y.min().item(), y.max().item())
    ),
    "the heights are the first and the last point": _heights(
        lambda x, y, low, high: (y[0].item(), y[-1].item())
    ),
    "the heights are means over the plateaus: the points on the slope have no say": _heights(
        lambda x, y, low, high: (
            _mean_or(y[x <= low], y.min()), _mean_or(y[x >= high], y.max())
        )
    ),
    "the curve may only rise: of a falling one nothing is left": _heights(
        lambda x, y, low, high: _rising(x, y, low, high)
    ),
}.items():  # fmt: skip
    double_relu_fit.mistake(_text)(_fn)


def _rising(x, y, low, high):
    t = ((x - low) / (high - low)).clamp(0, 1)
    columns = torch.stack([1 - t, t], 1)
    heights = torch.linalg.lstsq(columns, y, driver="gelsd").solution
    return (y.mean().item(),) * 2 if heights[1] < heights[0] else tuple(heights.tolist())


@double_relu_fit.mistake("bends and heights come back in another order")
def _(capability, elo, knots):
    x_low, x_high, e_low, e_high = double_relu_fit.reference(capability, elo, knots)
    return e_low, e_high, x_low, x_high


@double_relu_fit.mistake("slope and intercept come back, not heights")
def _(capability, elo, knots):
    x_low, x_high, e_low, e_high = double_relu_fit.reference(capability, elo, knots)
    slope = (e_high - e_low) / (x_high - x_low)
    return x_low, x_high, slope, e_low - slope * x_low


@double_relu_fit.mistake("the ratings are centered in place: the input changes")
def _(capability, elo, knots):
    mean = elo.mean().item()
    elo -= mean
    x_low, x_high, e_low, e_high = double_relu_fit.reference(capability, elo, knots)
    return x_low, x_high, e_low + mean, e_high + mean


@double_relu_fit.right("by the two ReLUs of its name")
def _(capability, elo, knots):
    best, least = None, math.inf
    for low, high in itertools.combinations(knots.tolist(), 2):
        ramp = (capability - low).relu() - (capability - high).relu()
        columns = torch.stack([torch.ones_like(ramp), ramp], 1)
        e_low, steep = torch.linalg.lstsq(columns, elo, driver="gelsd").solution.tolist()
        fit = low, high, e_low, e_low + steep * (high - low)
        error = _error(fit, capability, elo)
        if error < least:
            best, least = fit, error
    return best


@double_relu_fit.right("in NumPy, all pairs of bends at once")
def _(capability, elo, knots):
    x, y = capability.numpy(), elo.numpy()
    i, j = np.triu_indices(len(knots), 1)
    low, high = knots.numpy()[i], knots.numpy()[j]
    t = np.clip((x - low[:, None]) / (high - low)[:, None], 0, 1)
    columns = np.stack([1 - t, t], -1)
    heights = np.linalg.pinv(columns) @ y
    error = ((np.einsum("kna,ka->kn", columns, heights) - y) ** 2).sum(1)
    k = error.argmin()
    return float(low[k]), float(high[k]), float(heights[k, 0]), float(heights[k, 1])
