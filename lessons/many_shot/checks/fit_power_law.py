"""How `fit_power_law` is judged: checks, mistakes, right answers in other styles."""

import math

import numpy as np
import torch
from scipy import stats
from scipy.stats import t as student

from lessons.many_shot.exercises import fit_power_law
from utils.grading import expect, require

SHOTS = torch.tensor([1.0, 2.0, 5.0, 9.0, 20.0, 64.0])


def _numbers(out, m):
    good = isinstance(out, tuple | list) and len(out) == 4
    good = good and all(isinstance(v, int | float) or (torch.is_tensor(v) and v.dim() == 0)
                        or isinstance(v, np.floating) for v in out)  # fmt: skip
    require(good, f"four numbers: C, α, low, high, from {m} points", out)
    return torch.tensor([float(v) for v in out], dtype=torch.float64)


@fit_power_law.check
def an_exact_law_comes_back(fn):
    for C, alpha in ((1.0, 1.0), (2.0, 0.5), (0.3, 1.7)):
        got = _numbers(fn(SHOTS, C * SHOTS**-alpha), 6)
        require(bool(abs(got[0] - C) < 1e-4 * (1 + C)), f"C = {C}", got)
        require(bool(abs(got[1] - alpha) < 1e-4), f"α = {alpha}", got)
        here = (got[2:] - alpha).abs().max() < 1e-4
        require(bool(here), f"an interval of no width at {alpha}", got)


@fit_power_law.check
def a_loss_that_does_not_fall(fn):
    got = _numbers(fn(SHOTS, torch.full((6,), 4.0)), 6)
    require(bool(abs(got[0] - 4) < 1e-4 and abs(got[1]) < 1e-5), "C = 4 and α = 0", got)


@fit_power_law.check
def a_loss_that_rises(fn):
    got = _numbers(fn(SHOTS, 0.1 * SHOTS**0.5), 6)
    require(bool(abs(got[1] + 0.5) < 1e-4), "α = −0.5", got)


@fit_power_law.check
def three_points_by_hand(fn):
    # log2 of shots 0, 1, 2 and of losses 0, 0, -3: slope -1.5, mean -1, residuals 0.5, -1, 0.5
    # with one degree of freedom Student's t is Cauchy's distribution: its quantile is a tangent
    reach = math.tan(math.pi * 0.475) * math.sqrt(1.5 / 1 / 2)
    shots, losses = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 1.0, 0.125])
    got = _numbers(fn(shots, losses), 3)
    for name, value, wanted in zip(
        ("C", "α", "low", "high"),
        got.tolist(),
        (2**0.5, 1.5, 1.5 - reach, 1.5 + reach),
        strict=True,
    ):
        require(abs(value - wanted) < 1e-3, f"{name} = {wanted:.4f}", value)


@fit_power_law.check
def no_line_is_closer(fn):
    g = torch.Generator().manual_seed(3)
    losses = (SHOTS**-0.6 * (0.4 * torch.randn(6, generator=g)).exp()).double()
    got = _numbers(fn(SHOTS.double(), losses), 6)
    C, alpha, low, high = got.tolist()

    def misses(C, alpha):
        return ((C * SHOTS.double() ** -alpha).log() - losses.log()).square().sum().item()

    here = misses(C, alpha)
    for factor, step in ((1.01, 0), (0.99, 0), (1, 0.01), (1, -0.01)):
        require(here <= misses(C * factor, alpha + step) + 1e-9, "the closest line", got)
    x = SHOTS.double().log()
    error = math.sqrt(here / 4) / (x - x.mean()).square().sum().sqrt().item()
    reach = 2.776445 * error  # the tables' quantile for four degrees of freedom
    expect(low, alpha - reach, tol=1e-4)
    expect(high, alpha + reach, tol=1e-4)


@fit_power_law.check
def shots_may_be_whole_numbers(fn):
    got = _numbers(fn(torch.tensor([1, 3, 10, 30]), 2 * torch.tensor([1.0, 3, 10, 30]) ** -0.8), 4)
    right = abs(got[0] - 2) < 1e-4 and abs(got[1] - 0.8) < 1e-4
    require(bool(right), "C = 2 and α = 0.8", got)


def _line(x, y, freedom=2):
    x, y = x.double(), y.double()
    spread = (x - x.mean()).square().sum()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / spread
    intercept = y.mean() - slope * x.mean()
    left = (y - intercept - slope * x).square().sum() / (len(x) - freedom)
    return intercept.item(), slope.item(), (left / spread).sqrt().item()


def _four(C, alpha, error, shots, quantile=0.975, freedom=None):
    reach = error * student.ppf(quantile, freedom or len(shots) - 2).item()
    return C, alpha, alpha - reach, alpha + reach


@fit_power_law.mistake("1.96 standard errors: few points ask for Student's t, which is wider")
def _(shots, losses):
    a, b, e = _line(shots.log(), losses.log())
    return _four(math.exp(a), -b, e, shots, freedom=10**9)


@fit_power_law.mistake("one standard error each way: that holds two thirds, not 95 %")
def _(shots, losses):
    a, b, e = _line(shots.log(), losses.log())
    return math.exp(a), -b, -b - e, -b + e


@fit_power_law.mistake("the quantile of 0.95: that leaves 5 % on either side, 10 % in all")
def _(shots, losses):
    a, b, e = _line(shots.log(), losses.log())
    return _four(math.exp(a), -b, e, shots, quantile=0.95)


@fit_power_law.mistake("Student's t with m degrees of freedom: two are spent on the line")
def _(shots, losses):
    a, b, e = _line(shots.log(), losses.log())
    return _four(math.exp(a), -b, e, shots, freedom=len(shots))


@fit_power_law.mistake("the interval is around 0, not around α")
def _(shots, losses):
    a, b, e = _line(shots.log(), losses.log())
    _, _, low, high = _four(math.exp(a), 0.0, e, shots)
    return math.exp(a), -b, low, high


@fit_power_law.mistake("the sign of α: the slope of the line is −α")
def _(shots, losses):
    a, b, e = _line(shots.log(), losses.log())
    return _four(math.exp(a), b, e, shots)


@fit_power_law.mistake("log C is returned, not C")
def _(shots, losses):
    a, b, e = _line(shots.log(), losses.log())
    return _four(a, -b, e, shots)


@fit_power_law.mistake("no logarithms: a straight line through shots and losses")
def _(shots, losses):
    a, b, e = _line(shots, losses)
    return _four(a, -b, e, shots)


@fit_power_law.mistake("only the losses' logarithm is taken: that is an exponential")
def _(shots, losses):
    a, b, e = _line(shots, losses.log())
    return _four(math.exp(a), -b, e, shots)


@fit_power_law.mistake("log10, and C by exp: both have to have the same base")
def _(shots, losses):
    a, b, e = _line(shots.log10(), losses.log10())
    return _four(math.exp(a), -b, e, shots)


@fit_power_law.mistake(
    "log(shots + 1): that bends the line. At zero shots a power law says nothing"
)
def _(shots, losses):
    a, b, e = _line((shots + 1).log(), losses.log())
    return _four(math.exp(a), -b, e, shots)


@fit_power_law.mistake("α and C are swapped: C comes first")
def _(shots, losses):
    a, b, e = _line(shots.log(), losses.log())
    return _four(-b, math.exp(a), e, shots)


@fit_power_law.mistake("an interval of no width for any losses: it has to tell how they scatter")
def _(shots, losses):
    a, b, _ = _line(shots.log(), losses.log())
    return _four(math.exp(a), -b, 0.0, shots)


@fit_power_law.mistake("divides by m − 1: a line takes two numbers from the data")
def _(shots, losses):
    a, b, e = _line(shots.log(), losses.log(), freedom=1)
    return _four(math.exp(a), -b, e, shots)


@fit_power_law.mistake("divides by m: a line takes two numbers from the data")
def _(shots, losses):
    a, b, e = _line(shots.log(), losses.log(), freedom=0)
    return _four(math.exp(a), -b, e, shots)


@fit_power_law.mistake("the scatter of the residuals, not the standard error of the slope")
def _(shots, losses):
    a, b, e = _line(shots.log(), losses.log())
    x = shots.double().log()
    wide = e * (x - x.mean()).square().sum().sqrt().item()
    return _four(math.exp(a), -b, wide, shots)


@fit_power_law.mistake("the square of the standard error: a root is missing")
def _(shots, losses):
    a, b, e = _line(shots.log(), losses.log())
    return _four(math.exp(a), -b, e * e, shots)


@fit_power_law.mistake("shots on losses: the line is fitted the other way round")
def _(shots, losses):
    a, b, e = _line(losses.log(), shots.log())
    if not b:
        return _four(losses.mean().item(), 0.0, 0.0, shots)
    return _four(math.exp(-a / b), -1 / b, e, shots)


@fit_power_law.mistake("the line is forced through the first point")
def _(shots, losses):
    x, y = shots.double().log(), losses.double().log()
    dx, dy = x - x[0], y - y[0]
    slope = (dx * dy).sum() / dx.square().sum()
    left = (dy - slope * dx).square().sum() / (len(x) - 2)
    e = (left / (x - x.mean()).square().sum()).sqrt().item()
    return _four((y[0] - slope * x[0]).exp().item(), -slope.item(), e, shots)


@fit_power_law.mistake("no intercept: C is taken to be 1")
def _(shots, losses):
    x, y = shots.double().log(), losses.double().log()
    slope = (x * y).sum() / x.square().sum()
    left = (y - slope * x).square().sum() / (len(x) - 1)
    return _four(1.0, -slope.item(), (left / x.square().sum()).sqrt().item(), shots)


@fit_power_law.mistake("the slope between the first and the last point alone")
def _(shots, losses):
    x, y = shots.double().log(), losses.double().log()
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    return _four((y[0] - slope * x[0]).exp().item(), -slope.item(), 0.0, shots)


@fit_power_law.right("by SciPy's linregress and interval")
def _(shots, losses):
    line = stats.linregress(np.log(shots.double().numpy()), np.log(losses.double().numpy()))
    low, high = -line.slope, -line.slope
    if line.stderr > 0:
        low, high = stats.t.interval(0.95, len(shots) - 2, loc=-line.slope, scale=line.stderr)
    return np.exp(line.intercept), -line.slope, low, high


@fit_power_law.right("by the normal equations")
def _(shots, losses):
    x, y = shots.double().log(), losses.double().log()
    design = torch.stack([torch.ones_like(x), -x], 1)
    inverse = torch.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ y
    residual = y - design @ beta
    error = (residual @ residual / (len(x) - 2) * inverse[1, 1]).sqrt()
    reach = torch.as_tensor(student.isf(0.025, len(x) - 2)) * error
    return [beta[0].exp(), beta[1], beta[1] - reach, beta[1] + reach]
