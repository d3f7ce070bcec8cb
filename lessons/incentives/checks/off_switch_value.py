"""How `off_switch_value` is judged: checks, mistakes, right answers in other styles."""

import math
from itertools import pairwise

import numpy as np
import torch
from scipy.integrate import quad
from scipy.stats import norm

from lessons.incentives.exercises import off_switch_value
from utils.grading import expect, require


def _by_integral(mean, spread, error):
    """E[U · chance that the person allows it], integrated over U."""
    if spread == 0:
        allowed = float(mean > 0) if error == 0 else norm.cdf(mean / error)
        return mean * allowed

    def inside(u):
        allowed = float(u > 0) if error == 0 else norm.cdf(u / error)
        return u * allowed * norm.pdf(u, mean, spread)

    edges = sorted({mean - 12 * spread, min(max(0.0, mean - 12 * spread), mean + 12 * spread),
                    mean + 12 * spread})  # fmt: skip
    return sum(quad(inside, a, b, limit=200)[0] for a, b in pairwise(edges))


CASES = ((0.5, 1.0, 0.5), (-0.5, 1.0, 0.5), (0.3, 0.2, 2.0), (2.0, 1.5, 1.0), (-1.0, 2.0, 0.1))


@off_switch_value.check
def who_knows_and_does_not_err_gets_what_is_best(fn):
    for mean in (1.5, -1.5, 0.0):
        expect(fn(mean, 0.0, 0.0), max(mean, 0.0))


@off_switch_value.check
def a_level_belief_and_a_rational_person(fn):
    for spread in (1.0, 3.0):
        expect(fn(0.0, spread, 0.0), spread / math.sqrt(2 * math.pi))


@off_switch_value.check
def a_robot_that_knows_gets_what_the_person_allows(fn):
    for mean, error in ((1.0, 1.0), (-1.0, 1.0), (0.5, 2.0)):
        expect(fn(mean, 0.0, error), mean * norm.cdf(mean / error).item())


@off_switch_value.check
def a_rational_person_never_harms(fn):
    for mean, spread in ((0.5, 1.0), (-0.3, 0.4), (2.0, 0.5)):
        got = fn(mean, spread, 0.0)
        require(got >= max(mean, 0.0) - 1e-9, f"at least {max(mean, 0.0)}", got)
        expect(got, float(mean * norm.cdf(mean / spread) + spread * norm.pdf(mean / spread)))


@off_switch_value.check
def as_the_integral_over_worth_says(fn):
    for case in CASES:
        got = fn(*case)
        require(isinstance(got, float), "a float", got)
        expect(got, _by_integral(*case), tol=1e-4)


@off_switch_value.check
def a_person_of_huge_errors_tosses_a_coin(fn):
    expect(fn(1.0, 1.0, 1e6), 0.5, tol=1e-3)


def _parts(mean, spread, error):
    total = math.hypot(spread, error)
    if total == 0:
        return max(mean, 0.0), 0.0, 0.0
    return total, norm.cdf(mean / total).item(), norm.pdf(mean / total).item()


@off_switch_value.mistake("the person's part is missing: only the mean times the chance to go on")
def _(mean, spread, error):
    return mean * _parts(mean, spread, error)[1]


@off_switch_value.mistake("the person's errors are ignored: the value with a rational person")
def _(mean, spread, error):
    return off_switch_value.reference(mean, spread, 0.0)


@off_switch_value.mistake("spread plus error, and not the root of the sum of their squares")
def _(mean, spread, error):
    total = spread + error
    if total == 0:
        return max(mean, 0.0)
    return mean * norm.cdf(mean / total).item() + spread**2 / total * norm.pdf(mean / total).item()


@off_switch_value.mistake("the errors count as worth: √(spread² + error²) for spread² over it")
def _(mean, spread, error):
    total = math.hypot(spread, error)
    if total == 0:
        return max(mean, 0.0)
    return mean * norm.cdf(mean / total).item() + total * norm.pdf(mean / total).item()


@off_switch_value.mistake("spread for spread²: the part is too large by spread")
def _(mean, spread, error):
    total = math.hypot(spread, error)
    if total == 0:
        return max(mean, 0.0)
    return mean * norm.cdf(mean / total).item() + spread / total * norm.pdf(mean / total).item()


@off_switch_value.mistake("spread times φ: what the person errs by makes that part smaller")
def _(mean, spread, error):
    total = math.hypot(spread, error)
    if total == 0:
        return max(mean, 0.0)
    return mean * norm.cdf(mean / total).item() + spread * norm.pdf(mean / total).item()


@off_switch_value.mistake("the variance for the deviation: a root is missing")
def _(mean, spread, error):
    total = spread**2 + error**2
    if total == 0:
        return max(mean, 0.0)
    return mean * norm.cdf(mean / total).item() + spread**2 / total * norm.pdf(mean / total).item()


@off_switch_value.mistake("without doubt it is max(mean, 0), and not 0")
def _(mean, spread, error):
    return off_switch_value.reference(mean, spread, error) if spread or error else 0.0


@off_switch_value.mistake("without doubt it is max(mean, 0), and not the mean")
def _(mean, spread, error):
    return off_switch_value.reference(mean, spread, error) if spread or error else mean


@off_switch_value.mistake("max(mean, 0): that is deciding alone")
def _(mean, spread, error):
    return max(mean, 0.0)


@off_switch_value.mistake("what deciding alone is worth is taken away: that is the gain by waiting")
def _(mean, spread, error):
    return off_switch_value.reference(mean, spread, error) - max(mean, 0.0)


@off_switch_value.mistake("the sign: the person allows what is bad")
def _(mean, spread, error):
    return mean - off_switch_value.reference(mean, spread, error)


@off_switch_value.mistake("Φ without √2: erf(x) is not the normal distribution")
def _(mean, spread, error):
    total = math.hypot(spread, error)
    if total == 0:
        return max(mean, 0.0)
    x = mean / total
    return mean * (1 + math.erf(x)) / 2 + spread**2 / total * norm.pdf(x).item()


@off_switch_value.mistake("the density lacks 1 / √(2π)")
def _(mean, spread, error):
    total = math.hypot(spread, error)
    if total == 0:
        return max(mean, 0.0)
    x = mean / total
    return mean * norm.cdf(x).item() + spread**2 / total * math.exp(-x * x / 2)


@off_switch_value.mistake("divides by 0 where nobody is in doubt")
def _(mean, spread, error):
    total = (spread**2 + error**2) ** 0.5
    return mean * norm.cdf(mean / total).item() + spread**2 / total * norm.pdf(mean / total).item()


@off_switch_value.right("by torch's normal distribution")
def _(mean, spread, error):
    total = torch.tensor(spread**2 + error**2, dtype=torch.float64).sqrt()
    if total == 0:
        return mean if mean > 0 else 0.0
    unit = torch.distributions.Normal(torch.zeros_like(total), 1.0)
    x = mean / total
    return (mean * unit.cdf(x) + spread**2 / total * unit.log_prob(x).exp()).item()


@off_switch_value.right("by an integral")
def _(mean, spread, error):
    return _by_integral(mean, spread, error)


@off_switch_value.right("by a fine grid over both, cell by cell")
def _(mean, spread, error):
    z = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    u = mean + spread * z
    if error == 0:
        return float(np.mean(np.where(u > 0, u, 0.0)))
    return float(np.mean(u * norm.cdf(u / error)))
