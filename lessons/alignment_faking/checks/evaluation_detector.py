"""How `evaluation_detector` is judged: checks, mistakes, right answers."""

import numpy as np
import torch

from lessons.alignment_faking.exercises import evaluation_detector
from utils.grading import expect, require


def _cloud(seed, n, d, mean=0.0, dtype=torch.float32):
    g = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=g, dtype=torch.float64)
    return (torch.randn(n, d, generator=g, dtype=torch.float64) @ mix + mean).to(dtype)


def _pair(fn, *args, **named):
    got = fn(*args, **named)
    fits = isinstance(got, tuple | list) and len(got) == 2
    require(fits, "two tensors: w and b", got)
    return got


@evaluation_detector.check
def one_dimension(fn):
    a, b = torch.tensor([[3.0], [5.0]]), torch.tensor([[0.0], [2.0]])
    w, bias = _pair(fn, a, b)  # means 4 and 1, both variances 1
    expect(w, torch.tensor([3.0]))
    expect(bias, torch.tensor(-7.5))


@evaluation_detector.check
def halfway_it_cannot_tell(fn):
    a, b = _cloud(0, 30, 4, 1.0), _cloud(1, 20, 4)
    w, bias = _pair(fn, a, b)
    require(torch.is_tensor(w) and w.shape == (4,), "w of shape (4,)", w)
    middle = (a.mean(0) + b.mean(0)) / 2
    expect(w @ middle + bias, torch.tensor(0.0), tol=1e-3)
    require(bool(w @ (a.mean(0) - b.mean(0)) > 0), "higher for the monitored", w)


@evaluation_detector.check
def groups_of_different_size_count_alike(fn):
    a, b = torch.tensor([[0.0], [2.0]]), torch.tensor([[-9.0], [-7.0], [-5.0], [-7.0]])
    w, bias = _pair(fn, a, b)  # means 1 and −7, variances 1 and 2: 1.5 on average
    expect(w, torch.tensor([8 / 1.5]))
    expect(bias, torch.tensor(8 / 1.5 * 3))


@evaluation_detector.check
def a_sum_that_scatters_is_seen_through(fn):
    a = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.5, 1.0], [-0.5, -1.0]], dtype=torch.float64)
    b = a + torch.tensor([1.0, -2.0], dtype=torch.float64)
    s = [[0.625, 0.25], [0.25, 0.5]]  # the covariance of either, by hand
    det = s[0][0] * s[1][1] - s[0][1] ** 2
    wanted = [(s[1][1] * -1 - s[0][1] * 2) / det, (s[0][0] * 2 - s[0][1] * -1) / det]
    expect(_pair(fn, a, b)[0], torch.tensor(wanted, dtype=torch.float64))


@evaluation_detector.check
def shrunk_all_the_way_it_is_the_difference_of_means(fn):
    a, b = _cloud(2, 40, 3, 1.0, torch.float64), _cloud(3, 50, 3, dtype=torch.float64)
    size = (a.var(0, unbiased=False).sum() + b.var(0, unbiased=False).sum()) / 2 / 3
    expect(_pair(fn, a, b, shrink=1.0)[0], (a.mean(0) - b.mean(0)) / size)


@evaluation_detector.check
def shrunk_by_half_in_two_dimensions(fn):
    a = torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    b = a - torch.tensor([3.0, 1.0], dtype=torch.float64)
    w, _ = _pair(fn, a, b, shrink=0.5)  # covariance diag(2, 0), trace / d is 1: diag(1.5, 0.5)
    expect(w, torch.tensor([2.0, 2.0], dtype=torch.float64))


def _made(description, covariance, difference=lambda a, b: a.mean(0) - b.mean(0), shrinks=True):
    """A mistake in the covariance or the difference."""

    @evaluation_detector.mistake(description)
    def _(monitored, unmonitored, shrink=0.0):
        s = covariance(monitored, unmonitored)
        eye = torch.eye(len(s), dtype=s.dtype)
        if shrinks:
            s = (1 - shrink) * s + shrink * s.trace() / len(s) * eye
        w = torch.linalg.solve(s + 1e-12 * eye, difference(monitored, unmonitored))
        return w, -w @ (monitored.mean(0) + unmonitored.mean(0)) / 2


def _own(x, less=0):
    d = x - x.mean(0)
    return d.T @ d / (len(x) - less)


def _mean(a, b):
    return (_own(a) + _own(b)) / 2


_made("one covariance of all together: the distance of the means is in it",
      lambda a, b: _own(torch.cat([a, b])))  # fmt: skip
_made("divided by n − 1: the docstring divides by the group's size",
      lambda a, b: (_own(a, 1) + _own(b, 1)) / 2)  # fmt: skip
_made("pooled by size: the two groups count alike here",
      lambda a, b: (len(a) * _own(a) + len(b) * _own(b)) / (len(a) + len(b)))  # fmt: skip
_made("the covariances are added, not averaged", lambda a, b: _own(a) + _own(b))
_made("the covariance of the monitored alone", lambda a, b: _own(a))
_made("variances alone: what two numbers share is left out",
      lambda a, b: torch.diag(torch.diag(_mean(a, b))))  # fmt: skip
_made("not centered: second moments, not covariances",
      lambda a, b: (a.T @ a / len(a) + b.T @ b / len(b)) / 2)  # fmt: skip
_made("the sign is turned: high for the unmonitored", _mean, lambda a, b: b.mean(0) - a.mean(0))
_made("shrink is ignored", _mean, shrinks=False)


@evaluation_detector.mistake("multiplied by the covariance, not by its inverse")
def _(monitored, unmonitored, shrink=0.0):
    w = _mean(monitored, unmonitored) @ (monitored.mean(0) - unmonitored.mean(0))
    return w, -w @ (monitored.mean(0) + unmonitored.mean(0)) / 2


@evaluation_detector.mistake("the difference of means: no covariance at all")
def _(monitored, unmonitored, shrink=0.0):
    w = monitored.mean(0) - unmonitored.mean(0)
    return w, -w @ (monitored.mean(0) + unmonitored.mean(0)) / 2


@evaluation_detector.mistake("b is 0: the border goes through the origin, not through the middle")
def _(monitored, unmonitored, shrink=0.0):
    return evaluation_detector.reference(monitored, unmonitored, shrink)[0], torch.tensor(0.0)


@evaluation_detector.mistake("b has the wrong sign")
def _(monitored, unmonitored, shrink=0.0):
    w, b = evaluation_detector.reference(monitored, unmonitored, shrink)
    return w, -b


@evaluation_detector.mistake("the border goes through the mean of all: the larger group pulls it")
def _(monitored, unmonitored, shrink=0.0):
    w, _ = evaluation_detector.reference(monitored, unmonitored, shrink)
    return w, -w @ torch.cat([monitored, unmonitored]).mean(0)


@evaluation_detector.mistake("half is missing in b: the sum of the means is not their middle")
def _(monitored, unmonitored, shrink=0.0):
    w, b = evaluation_detector.reference(monitored, unmonitored, shrink)
    return w, 2 * b


@evaluation_detector.mistake("w is scaled to length 1: log-odds have a scale")
def _(monitored, unmonitored, shrink=0.0):
    w, b = evaluation_detector.reference(monitored, unmonitored, shrink)
    return w / w.norm(), b / w.norm()


@evaluation_detector.mistake("shrunk towards the identity itself: its size is trace Σ / d")
def _(monitored, unmonitored, shrink=0.0):
    s = (1 - shrink) * _mean(monitored, unmonitored)
    s = s + shrink * torch.eye(len(s), dtype=s.dtype)
    w = torch.linalg.solve(s, monitored.mean(0) - unmonitored.mean(0))
    return w, -w @ (monitored.mean(0) + unmonitored.mean(0)) / 2


@evaluation_detector.mistake("not shrunk at all")
def _(monitored, unmonitored, shrink=0.0):
    s = _mean(monitored, unmonitored)
    w = torch.linalg.pinv(s) @ (monitored.mean(0) - unmonitored.mean(0))
    return w, -w @ (monitored.mean(0) + unmonitored.mean(0)) / 2


@evaluation_detector.mistake("the trace is not divided by d")
def _(monitored, unmonitored, shrink=0.0):
    s = _mean(monitored, unmonitored)
    s = (1 - shrink) * s + shrink * s.trace() * torch.eye(len(s), dtype=s.dtype)
    w = torch.linalg.pinv(s) @ (monitored.mean(0) - unmonitored.mean(0))
    return w, -w @ (monitored.mean(0) + unmonitored.mean(0)) / 2


@evaluation_detector.mistake("a ridge: Σ itself is to be taken (1 − shrink) times")
def _(monitored, unmonitored, shrink=0.0):
    s = _mean(monitored, unmonitored)
    s = s + shrink * s.trace() / len(s) * torch.eye(len(s), dtype=s.dtype)
    w = torch.linalg.pinv(s) @ (monitored.mean(0) - unmonitored.mean(0))
    return w, -w @ (monitored.mean(0) + unmonitored.mean(0)) / 2


@evaluation_detector.right("in NumPy, by the inverse")
def _(monitored, unmonitored, shrink=0.0):
    a, b = monitored.double().numpy(), unmonitored.double().numpy()
    s = sum(np.cov(x, rowvar=False, bias=True).reshape(x.shape[1], -1) for x in (a, b)) / 2
    s = (1 - shrink) * s + shrink * np.trace(s) / len(s) * np.eye(len(s))
    w = np.linalg.inv(s) @ (a.mean(0) - b.mean(0))
    bias = -w @ (a.mean(0) + b.mean(0)) / 2
    return torch.tensor(w).to(monitored.dtype), torch.tensor(bias).to(monitored.dtype)


@evaluation_detector.right("by torch.cov and a difference of two log densities")
def _(monitored, unmonitored, shrink=0.0):
    groups = monitored, unmonitored
    s = sum(torch.cov(x.T, correction=0).reshape(x.shape[1], -1) for x in groups) / 2
    s = torch.lerp(s, torch.eye(len(s), dtype=s.dtype) * s.trace() / len(s), shrink)
    p, q = (torch.linalg.solve(s, x.mean(0)) for x in groups)
    return p - q, (q @ unmonitored.mean(0) - p @ monitored.mean(0)) / 2
