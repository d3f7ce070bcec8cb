"""How `excess_exponent` is judged: checks, mistakes, right answers in other styles."""

import numpy as np
from scipy.optimize import minimize_scalar

from lessons.scaling_laws.drills import excess_exponent
from utils.grading import expect, require


def _lowest(c, alpha, beta):
    """The least A / N^α + B / D^β at N D = c, by a search."""

    def log_loss(x):
        return np.logaddexp(0.5 - alpha * x, 1.5 - beta * (np.log(c) - x))

    return minimize_scalar(log_loss, bounds=(-60, 160), method="bounded",
                           options={"xatol": 1e-10}).fun  # fmt: skip


@excess_exponent.check
def by_a_search_at_two_budgets(fn):
    for alpha, beta in ((0.2, 0.9), (0.34, 0.28), (0.5, 0.5), (1.0, 0.3)):
        c = 1e12, 1e24
        wanted = (_lowest(c[0], alpha, beta) - _lowest(c[1], alpha, beta)) / np.log(c[1] / c[0])
        expect(fn(alpha, beta), float(wanted), tol=1e-4)


@excess_exponent.check
def two_equal_terms_fall_half_as_fast_as_either_would(fn):
    for alpha in (0.2, 0.5, 1.4):
        expect(fn(alpha, alpha), alpha / 2)


@excess_exponent.check
def the_two_are_alike(fn):
    require(
        abs(fn(0.3, 0.7) - fn(0.7, 0.3)) < 1e-9, "the same with α and β exchanged", fn(0.3, 0.7)
    )


MISTAKES = {
    "the sum: α + β": lambda alpha, beta: alpha + beta,
    "the product alone": lambda alpha, beta: alpha * beta,
    "the mean of the two": lambda alpha, beta: (alpha + beta) / 2,
    "the smaller of the two: that is what one gets for N or D alone": min,
    "N's exponent, not the loss's": lambda alpha, beta: beta / (alpha + beta),
    "twice: the harmonic mean": lambda alpha, beta: 2 * alpha * beta / (alpha + beta),
    "α and β over their sum, squared": lambda alpha, beta: alpha * beta / (alpha + beta) ** 2,
    "the sign: γ is above 0": lambda alpha, beta: -alpha * beta / (alpha + beta),
}
for said, wrong in MISTAKES.items():
    excess_exponent.mistake(said)(wrong)


@excess_exponent.right("by reciprocals")
def _(alpha, beta):
    return 1 / (1 / alpha + 1 / beta)


@excess_exponent.right("α times N's exponent")
def _(alpha, beta):
    return alpha * (beta / (alpha + beta))
