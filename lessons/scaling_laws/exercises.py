"""What the learner writes in this lesson (Hoffmann et al. 2022; Schaeffer et al. 2023)."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=20,
    teaches="a power law with an irreducible term, fitted in logs and robustly",
    why="In logs a miss of 1 % counts the same at a loss of 5 and of 0.05, and beyond δ a point "
    "pulls with a constant force, so that one bad run cannot bend the curve.",
    given="blanks",
    hints=[
        "E + A n^(−α) is exp(e) + exp(a − α log n). np.logaddexp(p, q) is log(exp p + exp q).",
        "The miss is the distance in logs, without its sign.",
        "Huber: miss² / 2 up to δ; beyond, the straight line δ (miss − δ / 2) that goes on from "
        "there. np.where(miss <= delta, …, …).",
    ],
)
def fit_power_law(n: ArrayLike, loss: ArrayLike, delta: float = 1e-3) -> tuple[float, float, float]:
    """E, A and α of L(n) = E + A / n^α that make this least (Hoffmann et al. 2022, eq. 3, for one
    variable):

        sum over points of Huber_δ( log(E + A n^(−α)) − log loss ).

    n, loss: (points,), above 0, at least four. Right to 1 % of E + A n^(−α) at every point.
    """
    x, y = np.log(np.asarray(n, float)), np.log(np.asarray(loss, float))
    if x.size < 4 or x.size != y.size:
        raise ValueError("three parameters need at least four points, as many sizes as losses")
    middle = x.mean()  # from here log n is counted, so that a and α hardly depend on each other

    def objective(theta: NDArray) -> float:
        e, a, alpha = theta
        predicted = np.logaddexp(e, a - alpha * (x - middle))  # blank: log of the law at each point
        miss = np.abs(predicted - y)  # blank: how far off, in logs
        huber = np.where(miss <= delta, miss**2 / 2, delta * (miss - delta / 2))  # blank: of each
        return huber.sum() / delta  # of order 1: with tiny numbers the search stops too soon

    starts = [(y.min() - gap, y.mean(), p) for gap in (0.1, 2) for p in (0.3, 1.0)]
    tries = [minimize(objective, np.array(s), method="BFGS") for s in starts]
    best = min(tries, key=lambda t: t.fun).x
    patient = {"maxiter": 600, "xatol": 1e-6, "fatol": 1e-9}
    e, a, alpha = minimize(objective, best, method="Nelder-Mead", options=patient).x
    return float(np.exp(e)), float(np.exp(a + alpha * middle)), float(alpha)


@exercise(
    difficulty=1,
    minutes=8,
    teaches="reading the best size off losses at equal compute",
    why="Near its minimum any smooth curve is a parabola. Its lowest point can lie between two "
    "sizes that were trained.",
    given="blanks",
    hints=[
        "np.polyfit(x, y, 2) returns the coefficients of x², x and 1, in this order.",
        "a x² + b x + c is lowest where its slope 2 a x + b is 0.",
        "x is log n: what you hand back is a size.",
    ],
)
def isoflop_minima(n: Sequence[ArrayLike], loss: Sequence[ArrayLike]) -> NDArray:
    """The best size for each budget (Hoffmann et al. 2022, section 3.2): where a parabola in log n,
    fitted to that budget's losses by least squares, is lowest.

    n, loss: for each budget a sequence of sizes and of losses, at least three; budgets may have
    different numbers of sizes. Each parabola opens upward. Returns an array, one size a budget.
    """
    best = []
    for sizes, losses in zip(n, loss, strict=True):
        if len(sizes) < 3:
            raise ValueError("a parabola needs at least three sizes at each budget")
        x = np.log(np.asarray(sizes, float))  # blank: what the parabola is a function of
        a, b, _ = np.polyfit(x, np.asarray(losses, float), 2)
        lowest = -b / (2 * a)  # blank: where it is lowest
        best.append(np.exp(lowest))  # a size again
    return np.array(best)


@exercise(
    difficulty=1,
    minutes=5,
    teaches="how a law with two terms splits a budget",
    why="At the optimum a little more compute buys the same from either term: αA/N^α = βB/D^β.",
    hints=[
        "Put D = C / (k N) into A / N^α + B / D^β and set the derivative by log N to 0.",
        "α A N^(−α) = β B D^(−β). E does not matter.",
        "With G = (α A / (β B))^(1 / (α + β)): N = G (C/k)^(β / (α + β)), D = (C/k) / N.",
    ],
)
def compute_optimal(
    C: float, A: float, B: float, alpha: float, beta: float, k: float = 6.0
) -> tuple[float, float]:
    """N and D that make E + A / N^α + B / D^β least with k · N · D = C (Hoffmann et al., eq. 4).

    C: compute, in FLOPs if k = 6. A, B, alpha, beta: above 0. Returns (N, D), floats,
    right to 0.1 %.
    """
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    n = G * (C / k) ** (beta / (alpha + beta))
    return n, C / k / n


@exercise(
    difficulty=2,
    minutes=12,
    teaches="how sure a fitted exponent is, with no formula for its error",
    why="The runs at hand stand for all runs that might have been made. Drawn anew from them, with "
    "replacement, they show how much the fit depends on which ones came up.",
    hints=[
        "A resample has as many rows as there are runs, drawn with replacement: "
        "rng.integers(0, n, n) gives their places.",
        "Take whole rows: a run keeps its own size, data and loss.",
        "A level of 0.8 leaves a tenth on either side: np.quantile(found, [0.1, 0.9]).",
    ],
)
def bootstrap_exponent(
    runs: NDArray,
    fit: Callable[[NDArray], float],
    draws: int = 100,
    level: float = 0.8,
    seed: int = 0,
) -> tuple[float, float]:
    """The interval that holds the middle `level` of what `fit` gives on resampled runs.

    runs: (runs, columns), a row a run; left as it is. fit: takes such an array, returns a number.
    draws: how often it is resampled. The same seed gives the same interval. Returns (low, high).
    """
    rng, n = np.random.default_rng(seed), len(runs)
    found = [fit(runs[rng.integers(0, n, n)]) for _ in range(draws)]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@exercise(
    difficulty=1,
    minutes=5,
    teaches="how a harsh metric turns slow progress into a jump",
    why="All tokens must be right. If their errors are independent, the chances multiply.",
    given="page",
    hints=[
        "One token is right with probability p. Two of two?",
        "The product over a string's tokens, the last dimension.",
    ],
)
def exact_match_from_token_accuracy(token):
    """The share of wholly right strings that token accuracies predict if errors are independent.

    token: a tensor (…, length), the accuracy at each place of the string, from 0 to 1.
    Returns a tensor (…), of the same dtype.
    """
    return token.prod(-1)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="a number for: larger is worse",
    why="A model family is compared over doublings, so the slope is taken by log₂ of the size.",
    given="page",
    hints=[
        "x is log2 of the size. The slope of a line by least squares is "
        "Σ (x − x̄)(y − ȳ) / Σ (x − x̄)².",
        "Sum over sizes, the last dimension: several curves may come at once.",
    ],
)
def inverse_scaling_slope(size, accuracy):
    """By how much accuracy changes with each doubling of size: the slope of the least-squares line.

    size: a tensor (sizes,), above 0, not all equal. accuracy: (…, sizes). Returns (…), negative
    where larger is worse.
    """
    x = size.double().log2()
    x = x - x.mean()
    y = accuracy.double()
    return (x * (y - y.mean(-1, keepdim=True))).sum(-1) / (x * x).sum()
