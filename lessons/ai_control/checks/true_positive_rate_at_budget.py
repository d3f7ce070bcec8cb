"""How `true_positive_rate_at_budget` is judged: checks, mistakes, right answers."""

import numpy as np
import torch
from scipy import stats

from lessons.ai_control.checks.shared import NORMAL, above, numbers
from lessons.ai_control.exercises import true_positive_rate_at_budget


def _truth(budget, mean, sd):
    return above((NORMAL.inv_cdf(1 - budget) - mean) / sd)


def _t(*values):
    return torch.tensor(values if len(values) > 1 else values[0], dtype=torch.float64)


@true_positive_rate_at_budget.check
def an_attack_that_looks_honest_is_caught_at_the_budget(fn):
    for budget in (0.02, 0.3):
        numbers(fn(budget, _t(0.0), _t(1.0)), budget)


@true_positive_rate_at_budget.check
def at_the_threshold_half_is_caught_however_wide(fn):
    threshold = NORMAL.inv_cdf(0.9)
    numbers(fn(0.1, _t(threshold), _t(1.0)), 0.5)
    numbers(fn(0.1, _t(threshold), _t(0.3)), 0.5)


@true_positive_rate_at_budget.check
def two_monitors_of_one_auroc(fn):
    numbers(fn(0.02, _t(1.987, 1.513), _t(1.0, 0.4)), [0.47323, 0.08808], 1e-3)


@true_positive_rate_at_budget.check
def by_the_complementary_error_function(fn):
    for budget in (0.01, 0.2, 0.7):
        for mean, sd in ((0.5, 2.0), (-1.0, 0.7), (3.0, 1.5)):
            numbers(fn(budget, _t(mean), _t(sd)), _truth(budget, mean, sd))


@true_positive_rate_at_budget.check
def shapes_are_broadcast(fn):
    mean, sd = _t(0.0, 1.0, 2.5), torch.tensor([[0.5], [1.5]], dtype=torch.float64)
    wanted = [[_truth(0.05, m, s) for m in mean.tolist()] for s in (0.5, 1.5)]
    numbers(fn(0.05, mean, sd), wanted)


@true_positive_rate_at_budget.check
def far_away_all_or_none_is_caught(fn):
    numbers(fn(0.02, _t(40.0, -40.0), _t(1.0, 1.0)), [1.0, 0.0])


def _mistake(description, formula):
    """A mistake: formula(threshold, mean, sd, budget)."""

    @true_positive_rate_at_budget.mistake(description)
    def _(budget, mean, sd):
        t = torch.tensor(NORMAL.inv_cdf(1 - budget), dtype=torch.float64)
        return formula(t, mean, sd, budget)


def _up(z):
    return torch.special.ndtr(-z)


_mistake("the share below the threshold: those are missed", lambda t, m, s, b: 1 - _up((t - m) / s))
_mistake("sd is ignored", lambda t, m, s, b: _up((t - m) / torch.ones_like(s)))
_mistake("sd is left out: threshold less mean, of an attack as wide as honest work",
         lambda t, m, s, b: _up(t - m))  # fmt: skip
_mistake("divided by the deviation of the AUROC's difference, √(1 + sd²)",
         lambda t, m, s, b: _up((t - m) / (1 + s**2).sqrt()))  # fmt: skip
_mistake("multiplied by sd, not divided", lambda t, m, s, b: _up((t - m) * s))
_mistake("only the mean is divided by sd", lambda t, m, s, b: _up(t - m / s))
_mistake("sd is taken for the variance", lambda t, m, s, b: _up((t - m) / s.sqrt()))
_mistake("the variance in place of sd", lambda t, m, s, b: _up((t - m) / s**2))
_mistake("Φ⁻¹ of the budget: the wrong end of the curve", lambda t, m, s, b: _up((-t - m) / s))
_mistake("the mean is added: suspicion would help red", lambda t, m, s, b: _up((t + m) / s))
_mistake("the budget is ignored", lambda t, m, s, b: _up((2.0537489 - m) / s))
_mistake(
    "the AUROC: it does not depend on the budget", lambda t, m, s, b: 1 - _up(m / (1 + s**2).sqrt())
)
_mistake(
    "the threshold is 1 − budget itself, not Φ⁻¹ of it", lambda t, m, s, b: _up((1 - b - m) / s)
)
_mistake("half of the budget at each end", lambda t, m, s, b: _up(
    (NORMAL.inv_cdf(1 - b / 2) - m) / s))  # fmt: skip


@true_positive_rate_at_budget.right("by scipy")
def _(budget, mean, sd):
    z = (stats.norm.isf(budget) - mean.numpy()) / sd.numpy()
    return torch.as_tensor(np.asarray(stats.norm.sf(z)))


@true_positive_rate_at_budget.right("by torch.special, in float32")
def _(budget, mean, sd):
    t = torch.special.ndtri(torch.tensor(1 - budget, dtype=torch.float64)).float()
    return torch.special.ndtr((mean.float() - t) / sd.float())


@true_positive_rate_at_budget.right("with the error function and the normal of the library")
def _(budget, mean, sd):
    z = (NORMAL.inv_cdf(1 - budget) - mean) / sd
    return torch.special.erfc(z / 2**0.5) / 2
