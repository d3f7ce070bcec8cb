"""How `compute_optimal` is judged: checks, mistakes, right answers in other styles."""

import numpy as np
from scipy.optimize import minimize_scalar

from lessons.scaling_laws.exercises import compute_optimal
from utils.grading import require

CASES = [  # C, A, B, alpha, beta, k
    (6e4, 2.0, 2.0, 0.5, 0.5, 6.0),
    (5.76e23, 406.4, 410.7, 0.34, 0.28, 6.0),
    (1e21, 482.01, 2085.43, 0.3478, 0.3658, 6.0),
    (4096.0, 3.0, 2.0, 0.8, 0.6, 1.0),
    (1e9, 1.5, 30.0, 0.2, 0.7, 2.0),
]


def _pair(got):
    right = isinstance(got, tuple | list | np.ndarray) and len(got) == 2
    require(right, "two numbers: N, D", got)
    return tuple(float(v) for v in got)


def _best(C, A, B, alpha, beta, k):
    """By a search over log N: no formula."""

    def loss(x):
        return A * np.exp(-alpha * x) + B * np.exp(-beta * (np.log(C / k) - x))

    return np.exp(minimize_scalar(loss, bounds=(-20, 80), method="bounded",
                                  options={"xatol": 1e-9}).x)  # fmt: skip


@compute_optimal.check
def equal_terms_split_evenly(fn):
    n, d = _pair(fn(6e4, 2.0, 2.0, 0.5, 0.5))
    require(abs(n - 100) < 0.1 and abs(d - 100) < 0.1, (100.0, 100.0), (n, d))


@compute_optimal.check
def the_budget_is_spent(fn):
    for case in CASES:
        n, d = _pair(fn(*case))
        require(abs(case[-1] * n * d / case[0] - 1) < 1e-9, f"k N D = {case[0]:g}", (n, d))


@compute_optimal.check
def a_search_finds_no_better(fn):
    for case in CASES:
        n, _ = _pair(fn(*case))
        require(abs(n / _best(*case) - 1) < 1e-3, f"N near {_best(*case):.5g}", n)


@compute_optimal.check
def six_is_what_k_is_if_nobody_says(fn):
    n, d = _pair(fn(1e9, 1.0, 5.0, 0.3, 0.4))
    best = _best(1e9, 1.0, 5.0, 0.3, 0.4, 6.0)
    require(abs(n / best - 1) < 1e-3, f"N near {best:.5g}", n)
    require(abs(6 * n * d / 1e9 - 1) < 1e-9, f"D near {1e9 / 6 / best:.5g}, so that 6 N D = C", d)


def _by(ratio, n_power, swap=False, budget=lambda C, k: C / k):
    def answer(C, A, B, alpha, beta, k=6.0):
        G = ratio(A, B, alpha, beta) ** (1 / (alpha + beta))
        n = G * budget(C, k) ** n_power(alpha, beta)
        d = budget(C, k) / n
        return (d, n) if swap else (n, d)

    return answer


def _right(A, B, alpha, beta):
    return alpha * A / (beta * B)


def _power(alpha, beta):
    return beta / (alpha + beta)


MISTAKES = {
    "N and D have changed places": _by(_right, _power, swap=True),
    "the exponents of N and D have changed places": _by(_right, lambda a, b: a / (a + b)),
    "α and β are missing from G: the slopes are equal, not the terms": _by(
        lambda A, B, a, b: A / B, _power
    ),
    "G is turned upside down": _by(lambda A, B, a, b: b * B / (a * A), _power),
    "D is G (C/k)^b: it is (C/k)^b / G": lambda C, A, B, alpha, beta, k=6.0: tuple(
        _right(A, B, alpha, beta) ** (1 / (alpha + beta)) * (C / k) ** power
        for power in (_power(alpha, beta), 1 - _power(alpha, beta))
    ),
    "k is ignored": _by(_right, _power, budget=lambda C, k: C),
    "6 whatever k is": _by(_right, _power, budget=lambda C, k: C / 6),
    "half of the exponent each, whatever α and β are": _by(_right, lambda a, b: 0.5),
    "multiplied by k: N D = C / k": _by(_right, _power, budget=lambda C, k: C * k),
}
for said, wrong in MISTAKES.items():
    compute_optimal.mistake(said)(wrong)


@compute_optimal.mistake("G without its root 1 / (α + β)")
def _(C, A, B, alpha, beta, k=6.0):
    n = alpha * A / (beta * B) * (C / k) ** (beta / (alpha + beta))
    return n, C / k / n


@compute_optimal.mistake("D without k: it is C / (k N)")
def _(C, A, B, alpha, beta, k=6.0):
    n, _ = compute_optimal.reference(C, A, B, alpha, beta, k)
    return n, C / n


@compute_optimal.mistake("twenty tokens a parameter, whatever the law")
def _(C, A, B, alpha, beta, k=6.0):
    n = (C / k / 20) ** 0.5
    return n, 20 * n


@compute_optimal.mistake("the coarse grid of a search shows: N must be right to 0.1 %")
def _(C, A, B, alpha, beta, k=6.0):
    n = np.logspace(0, np.log10(C / k), 60)
    best = n[np.argmin(A * n**-alpha + B * (C / k / n) ** -beta)]
    return float(best), float(C / k / best)


@compute_optimal.right("in logs, from αA/N^α = βB/D^β")
def _(C, A, B, alpha, beta, k=6.0):
    budget = np.log(C) - np.log(k)
    x = (np.log(alpha * A) - np.log(beta * B) + beta * budget) / (alpha + beta)
    return np.exp(x), np.exp(budget - x)


@compute_optimal.right("by a search")
def _(C, A, B, alpha, beta, k=6.0):
    n = _best(C, A, B, alpha, beta, k)
    return [n, C / k / n]
