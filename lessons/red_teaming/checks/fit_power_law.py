"""How `fit_power_law` is judged: checks, mistakes, right answers."""

import warnings

import numpy as np
import torch

from lessons.red_teaming.exercises import fit_power_law
from utils.grading import expect, require


def _law(n, a, b):
    return (-a * n**-b).exp()


def _expect(got, a, b, tol=1e-3):
    require(isinstance(got, tuple | list) and len(got) == 2, "a pair (a, b)", got)
    expect(float(got[0]), a, tol=tol)
    expect(float(got[1]), b, tol=tol)


@fit_power_law.check
def an_exact_law_is_found_again(fn):
    for a, b in ((3.0, 0.5), (1.0, 0.2), (5.0, 1.0)):
        n = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0], dtype=torch.float64)
        _expect(fn(n, _law(n, a, b)), a, b)


@fit_power_law.check
def two_points_are_enough(fn):
    n = torch.tensor([1.0, 10.0], dtype=torch.float64)
    _expect(fn(n, torch.tensor([0.1, 0.5], dtype=torch.float64)), 2.302585, 0.521390)


@fit_power_law.check
def points_at_zero_and_one_are_left_out(fn):
    n = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0], dtype=torch.float64)
    asr = _law(n, 2.0, 0.7)
    asr[0], asr[-1] = 0.0, 1.0
    _expect(fn(n, asr), 2.0, 0.7)


@fit_power_law.check
def noise_is_fitted_by_least_squares_in_logs(fn):
    for seed, first in ((0, 4.0), (1, 12.0)):  # the second begins at a rate of 0.0004
        g = torch.Generator().manual_seed(seed)
        n = torch.tensor([3.0, 5.0, 9.0, 30.0, 100.0, 300.0], dtype=torch.float64)
        bend = torch.randn(6, generator=g, dtype=torch.float64) * 0.5
        bend[0] = 0
        asr = (-(first * n**-0.4) * bend.exp()).exp()
        slope, intercept = np.polyfit(np.log(n.numpy()), np.log(-np.log(asr.numpy())), 1)
        _expect(fn(n, asr), float(np.exp(intercept)), float(-slope))


@fit_power_law.check
def whole_numbers_will_do(fn):
    n = torch.tensor([1, 2, 4, 8])
    _expect(fn(n, _law(n.double(), 3.0, 0.5).float()), 3.0, 0.5)


def _line(n, asr, x, y):
    inside = (asr > 0) & (asr < 1)
    x, y = x(n[inside].double()), y(asr[inside].double())
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return slope.item(), (y.mean() - slope * x.mean())


@fit_power_law.mistake("b has the sign of the slope: the law says N^(−b)")
def _(n, asr):
    slope, start = _line(n, asr, torch.log, lambda y: (-y.log()).log())
    return start.exp().item(), slope


@fit_power_law.mistake("log a is returned, not a")
def _(n, asr):
    slope, start = _line(n, asr, torch.log, lambda y: (-y.log()).log())
    return start.item(), -slope


@fit_power_law.mistake("one logarithm too few: a power law of ASR, not of −log ASR")
def _(n, asr):
    slope, start = _line(n, asr, torch.log, torch.log)
    return start.exp().item(), -slope


@fit_power_law.mistake("linear in N, not in log N")
def _(n, asr):
    slope, start = _line(n, asr, lambda x: x, lambda y: (-y.log()).log())
    return start.exp().item(), -slope


@fit_power_law.mistake("logarithms to base 10 outside, and e to undo them")
def _(n, asr):
    slope, start = _line(n, asr, torch.log10, lambda y: (-y.log()).log10())
    return start.exp().item(), -slope


@fit_power_law.mistake("points at 0 and 1 are kept: their logarithms are infinite")
def _(n, asr):
    x, y = n.double().log(), (-asr.double().log()).log()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return (y.mean() - slope * x.mean()).exp().item(), -slope.item()


@fit_power_law.mistake("fitted to −log ASR itself, not to its logarithm")
def _(n, asr):
    from scipy.optimize import curve_fit

    keep = (asr > 0) & (asr < 1)
    x, y = n[keep].double().numpy(), -np.log(asr[keep].double().numpy())
    with warnings.catch_warnings(action="ignore"):  # two points leave no error to estimate
        a, b = curve_fit(lambda x, a, b: a * x**-b, x, y, p0=(y[0], 0.5))[0]
    return float(a), float(b)


@fit_power_law.mistake("rates below 0.001 are left out, too")
def _(n, asr):
    keep = (asr > 1e-3) & (asr < 1 - 1e-3)
    return fit_power_law.reference(n[keep], asr[keep])


@fit_power_law.mistake("the line is drawn through the first and last point, not through all")
def _(n, asr):
    inside = (asr > 0) & (asr < 1)
    x, y = n[inside].double().log(), (-asr[inside].double().log()).log()
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    return (y[0] - slope * x[0]).exp().item(), -slope.item()


@fit_power_law.mistake("the line is forced through the origin: a is always 1")
def _(n, asr):
    inside = (asr > 0) & (asr < 1)
    x, y = n[inside].double().log(), (-asr[inside].double().log()).log()
    return 1.0, -((x * y).sum() / (x * x).sum()).item()


@fit_power_law.mistake("a and b are swapped")
def _(n, asr):
    return fit_power_law.reference(n, asr)[::-1]


@fit_power_law.right("by numpy's polyfit")
def _(n, asr):
    n, asr = np.asarray(n, float), np.asarray(asr, float)
    keep = (asr > 0) & (asr < 1)
    slope, intercept = np.polyfit(np.log(n[keep]), np.log(-np.log(asr[keep])), 1)
    return float(np.exp(intercept)), float(-slope)


@fit_power_law.right("by lstsq")
def _(n, asr):
    keep = (asr > 0) & (asr < 1)
    x, y = n[keep].double().log(), (-asr[keep].double().log()).log()
    design = torch.stack([torch.ones_like(x), x], 1)
    start, slope = torch.linalg.lstsq(design, y[:, None]).solution[:, 0]
    return start.exp(), -slope
