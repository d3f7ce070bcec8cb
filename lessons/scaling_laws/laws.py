"""Fits of the scaling law, and the published ones."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

DELTA = 1e-3  # of the Huber loss, as Hoffmann et al. have it


class Law(NamedTuple):
    """L(N, D) = E + A / N^α + B / D^β."""

    E: float
    A: float
    B: float
    alpha: float
    beta: float

    def loss(self, n: ArrayLike, d: ArrayLike) -> NDArray:
        n, d = np.asarray(n, float), np.asarray(d, float)
        return self.E + self.A * n**-self.alpha + self.B * d**-self.beta

    @property
    def a(self) -> float:
        """The exponent of N_opt ∝ C^a."""
        return self.beta / (self.alpha + self.beta)


HOFFMANN = Law(1.69, 406.4, 410.7, 0.34, 0.28)  # as printed in the paper, their eq. 10
UNROUNDED = Law(1.69337, 406.401, 410.723, 0.339171, 0.284908)  # the same fit, in their TeX source
BESIROGLU = Law(1.8172, 482.01, 2085.43, 0.3478, 0.3658)  # refitted to 240 of the same runs


def huber_in_logs(
    theta: NDArray, terms: NDArray, log_loss: NDArray, delta: float = DELTA
) -> tuple[float, NDArray]:
    """Sum of Huber losses of log L̂ − log L, and its gradient.

    The law is a sum of terms, each the exponential of something linear in θ, so that log L̂ is the
    log-sum-exp of terms @ θ. terms: (points, terms of the law, parameters).
    """
    exponents = terms @ theta
    top = exponents.max(1, keepdims=True)
    share = np.exp(exponents - top)
    total = share.sum(1, keepdims=True)
    miss = (top + np.log(total))[:, 0] - log_loss
    near = np.abs(miss) <= delta
    value = np.where(near, miss**2 / 2, delta * (np.abs(miss) - delta / 2)).sum()
    slope = np.clip(miss, -delta, delta)
    return value, np.einsum("p,pt,ptk->k", slope, share / total, terms)


def fit_law(
    n: ArrayLike,
    d: ArrayLike,
    loss: ArrayLike,
    E: float | None = None,
    delta: float = DELTA,
    start: Law | None = None,
) -> Law:
    """The law of least Huber loss in logs, from several starts. E: held at this value if given."""
    n, d, loss = (np.asarray(v, float) for v in (n, d, loss))
    if len(loss) < 5 or min(loss.min(), n.min(), d.min()) <= 0:
        raise ValueError("five parameters need at least five points, with all values above 0")
    n0, d0 = np.exp(np.log(n).mean()), np.exp(np.log(d).mean())
    terms = np.zeros((len(loss), 3, 5))  # of θ = (log E, log A', log B', α, β)
    terms[:, 0, 0] = terms[:, 1, 1] = terms[:, 2, 2] = 1
    terms[:, 1, 3], terms[:, 2, 4] = -np.log(n / n0), -np.log(d / d0)
    middle, lowest = np.log(np.median(loss) / 3), np.log(loss.min())
    starts = [(lowest + e, middle, middle, p, p) for e in (-3, -0.5) for p in (0.3, 1.0)]
    if start is not None:
        at = np.log([start.E, start.A * n0**-start.alpha, start.B * d0**-start.beta])
        starts = [(*at, start.alpha, start.beta)]
    free = slice(0 if E is None else 1, 5)

    def objective(theta: NDArray) -> tuple[float, NDArray]:
        whole = theta if E is None else np.concatenate([[np.log(max(E, 1e-30))], theta])
        value, gradient = huber_in_logs(whole, terms, np.log(loss), delta)
        return value / delta, gradient[free] / delta  # of order 1, or the search stops too soon

    tries = [minimize(objective, np.array(s[free]), jac=True, method="BFGS") for s in starts]
    best = min(tries, key=lambda t: t.fun).x
    *_, a, b, alpha, beta = best
    return Law(
        float(np.exp(best[0])) if E is None else float(E),
        float(np.exp(a + alpha * np.log(n0))),
        float(np.exp(b + beta * np.log(d0))),
        float(alpha),
        float(beta),
    )


def chinchilla_like(
    seed: int, runs: int = 240, law: Law = BESIROGLU, noise: float = 0.0075
) -> tuple[NDArray, NDArray, NDArray]:
    """Made-up runs: a law, a design of the paper's range, and noise in logs.

    Models of 57 million to 16 billion parameters, budgets of 6e18 to 3e21, spread evenly in logs;
    245 million to 318 billion tokens. noise: the standard deviation of the logs.
    """
    if runs < 5:
        raise ValueError("five parameters need at least five runs")
    rng = np.random.default_rng(seed)
    n, c = np.zeros(0), np.zeros(0)
    while len(n) < runs:
        new_n = np.exp(rng.uniform(np.log(5.7e7), np.log(1.6e10), runs))
        new_c = np.exp(rng.uniform(np.log(6e18), np.log(3e21), runs))
        inside = (new_c / 6 / new_n > 2.45e8) & (new_c / 6 / new_n < 3.18e11)
        n, c = np.append(n, new_n[inside])[:runs], np.append(c, new_c[inside])[:runs]
    d = c / 6 / n
    return n, d, law.loss(n, d) * np.exp(noise * rng.standard_normal(runs))


EMBEDDING = 47491  # Pearce & Song: N = N' + 47491 N'^(1/3), N' without embeddings


def seen_without_embeddings(
    law: Law, budgets: Sequence[float], sizes: ArrayLike
) -> tuple[NDArray, NDArray]:
    """Best size by budget as someone sees it who counts neither embeddings nor their compute.

    budgets: of 6 N' D. sizes: N' of the models that are tried. Returns N' and total N.
    """
    small = np.asarray(sizes, float)
    total = small + EMBEDDING * small ** (1 / 3)
    best = [np.argmin(law.loss(total, c / 6 / small)) for c in budgets]
    return small[best], total[best]
