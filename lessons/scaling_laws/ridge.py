"""A toy whose limits are known: ridge regression on random features of a power-law spectrum.

Inputs have `M` independent coordinates, the i-th of variance i^(−1.7); the target is their sum plus
noise. A model of size n sees n random mixtures of the coordinates and is fitted to d examples. Its
loss is computed exactly, without test examples.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from utils.notebook import generator

M = 4000  # inputs; for the limits, where the rest would show, more
M_LIMITS = 16000
EXPONENT = 0.7  # what n^(−0.7) and, for little noise, d^(−0.7) of the loss are due to
SPECTRUM = torch.arange(1, M_LIMITS + 1, dtype=torch.float32) ** -(1 + EXPONENT)
NOISE = 0.02  # the target's noise variance: the loss that no model gets below
DRAWS = 24  # of inputs and features, the same number for each point
RIDGES = torch.logspace(-6, 0, 13)  # shares of the largest eigenvalue; the best one counts

SIZES = [round(2 ** (k / 2)) for k in range(6, 19)]  # 8 … 512, of models and of data sets
BUDGETS = [2**k for k in range(10, 17)]  # n · d
WIDE = 40  # models and data sets that differ by more are not measured


def check_sizes(sizes: Sequence[int], least: int, draws: int) -> None:
    """Raise ValueError without draws or sizes, or for sizes that are no whole numbers."""
    if not sizes or any(not isinstance(s, int) or s < least for s in sizes):
        raise ValueError(
            f"sizes: at least one, whole numbers from {least}, such as [8, 16, 32, 64]"
        )
    if draws < 1:
        raise ValueError("there must be at least one draw")


def loss_of(weights: Tensor) -> Tensor:
    """Exact test loss, noise included, of a predictor of the inputs. weights: (M, …)."""
    gap = 1 - weights
    return torch.tensordot(SPECTRUM[: len(gap)].to(gap.dtype), gap * gap, 1) + NOISE


def best_ridge(z: Tensor, y: Tensor, mix: Tensor | None) -> float:
    """The loss of ridge regression of y, (d,), on features z, (d, n), with the best penalty.

    mix: (M, n), which inputs a feature mixes; None if the features are the inputs themselves.
    """
    d, n = z.shape
    if n <= d:
        values, vectors = torch.linalg.eigh(z.T @ z / d)
        right = (vectors.T @ (z.T @ y))[:, None] / d
    else:
        values, vectors = torch.linalg.eigh(z @ z.T / d)
        right = (vectors.T @ y)[:, None] / d
    penalties = RIDGES * values[-1]
    solved = vectors @ (right / (values.clamp(min=0)[:, None] + penalties))
    solved = solved if n <= d else z.T @ solved
    return loss_of(solved if mix is None else mix @ solved).min().item()


def measured(
    seed: int, sizes: Sequence[int] = SIZES, draws: int = DRAWS, largest: int = BUDGETS[-1]
) -> dict[tuple[int, int], float]:
    """Mean loss by (n, d), for all pairs with n · d up to `largest` and not too lopsided.

    Within a draw the smaller models' features are among the larger ones', and so are the examples:
    points are compared on the same draws. Raises ValueError without sizes or draws.
    """
    check_sizes(sizes, 2, draws)
    g, top = generator(seed), max(sizes)
    pairs = [
        (n, d)
        for n in sizes
        for d in sizes
        if BUDGETS[0] * 0.8 < n * d < largest * 1.1 and max(n, d) <= WIDE * min(n, d)
    ]
    found = dict.fromkeys(pairs, 0.0)
    for _ in range(draws):
        mix = torch.randn(M, top, generator=g) / math.sqrt(M)
        x = torch.randn(top, M, generator=g) * SPECTRUM[:M].sqrt()
        y = x.sum(1) + math.sqrt(NOISE) * torch.randn(top, generator=g)
        z = x @ mix
        for n, d in pairs:
            found[n, d] += best_ridge(z[:d, :n], y[:d], mix[:, :n]) / draws
    return found


def limits(seed: int, sizes: Sequence[int], draws: int = DRAWS) -> tuple[Tensor, Tensor]:
    """L(N), with endless data, and L(D), all inputs being features: mean losses of each size."""
    check_sizes(sizes, 1, draws)
    g, top = generator(1000 + seed), max(sizes)
    by_n, by_d = torch.zeros(2, draws, len(sizes), dtype=torch.float64)
    for k in range(draws):
        mix = torch.randn(M_LIMITS, top, generator=g) / M_LIMITS**0.5
        covariance, target = (mix.T * SPECTRUM) @ mix, mix.T @ SPECTRUM
        x = torch.randn(top, M_LIMITS, generator=g) * SPECTRUM.sqrt()
        y = x.sum(1) + math.sqrt(NOISE) * torch.randn(top, generator=g)
        for i, size in enumerate(sizes):
            inside = covariance[:size, :size].double()
            v = torch.linalg.solve(inside, target[:size].double())
            by_n[k, i] = loss_of(mix[:, :size].double() @ v)
            by_d[k, i] = best_ridge(x[:size], y[:size], None)
    return by_n.mean(0), by_d.mean(0)
