"""How `reconstruction_bias` is judged: checks, mistakes, right answers."""

from itertools import pairwise

import torch
from scipy.integrate import quad

from lessons.sparse_autoencoders.drills import reconstruction_bias
from utils.grading import expect, require


def _by_enumeration(l1_coefficient, n=500):
    """γ from a fine grid of sizes, the best f of each found on a grid of values."""
    a = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    f = torch.linspace(0, 1, 2001, dtype=torch.float64)
    best = f[((a[:, None] - f) ** 2 + l1_coefficient * f).argmin(1)]
    return ((best**2).sum() / (best * a).sum()).item()


@reconstruction_bias.check
def no_penalty_no_shrinkage(fn):
    expect(fn(0.0), 1.0)


@reconstruction_bias.check
def it_is_what_enumeration_finds(fn):
    for l1_coefficient in (0.1, 0.5, 1.0, 1.5):
        found = _by_enumeration(l1_coefficient)
        expect(fn(l1_coefficient), found, 3e-3, l1_coefficient=l1_coefficient)


@reconstruction_bias.check
def it_is_what_simulation_finds_near_both_ends(fn):
    a = torch.rand(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for l1_coefficient in (0.02, 1.9):
        # Projected gradient descent finds the best f of every size.
        f = torch.zeros_like(a)
        for _ in range(30):
            f = (f - 0.25 * (2 * (f - a) + l1_coefficient)).clamp_min(0)
        found = ((f**2).sum() / (f * a).sum()).item()
        expect(fn(l1_coefficient), found, 1e-2, l1_coefficient=l1_coefficient)


@reconstruction_bias.check
def more_penalty_more_shrinkage(fn):
    values = [float(fn(x / 10)) for x in range(20)]
    falling = all(a > b > 0 for a, b in pairwise(values))
    require(falling, "γ falls from 1 towards 0 as λ goes from 0 to 2", values)


@reconstruction_bias.mistake("a factor 2 is lost: the square's derivative is 2 (f − a)")
def _(l1_coefficient):
    return 2 * (1 - l1_coefficient) / (2 + l1_coefficient)


@reconstruction_bias.mistake("sizes too small to fire are counted as if f were negative there")
def _(l1_coefficient):
    t = l1_coefficient / 2
    return (1 / 3 - t + t**2) / (1 / 3 - t / 2)


@reconstruction_bias.mistake(
    "the ratio of means, E f / E a, where the least squares were asked for"
)
def _(l1_coefficient):
    return (1 - l1_coefficient / 2) ** 2


@reconstruction_bias.mistake("1/γ: the factor by which to enlarge, not the bias")
def _(l1_coefficient):
    t = l1_coefficient / 2
    return (2 + t) / (2 * (1 - t))


@reconstruction_bias.mistake("only the largest size, a = 1, is looked at")
def _(l1_coefficient):
    return 1 - l1_coefficient / 2


@reconstruction_bias.mistake("the integral in the denominator starts at 0, not where f begins")
def _(l1_coefficient):
    t = l1_coefficient / 2
    return ((1 - t) ** 3 / 3) / (1 / 3 - t / 2)


@reconstruction_bias.mistake("E f² / E a²: the cross term is forgotten")
def _(l1_coefficient):
    return (1 - l1_coefficient / 2) ** 3


@reconstruction_bias.right("the integrals, by adaptive quadrature")
def _(l1_coefficient):
    t = l1_coefficient / 2
    squared = quad(lambda a: (a - t) ** 2, t, 1)[0]
    return squared / quad(lambda a: (a - t) * a, t, 1)[0]


@reconstruction_bias.right("in powers of λ, not shortened")
def _(l1_coefficient):
    return (4 - 2 * l1_coefficient) / (4 + l1_coefficient)
