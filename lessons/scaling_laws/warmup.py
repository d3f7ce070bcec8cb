"""The toy of ridge.py in miniature, trained step by step: what a long warm-up does."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lessons.scaling_laws.exercises import isoflop_minima
from lessons.scaling_laws.ridge import EXPONENT, NOISE
from utils.notebook import generator

INPUTS, BATCH, STEPS, DRAWS, RATE = 500, 4, 3000, 8, 0.5
WIDTHS = [round(2 ** (k / 2)) for k in range(5, 15)]  # 6 … 128 features
BUDGETS = [2**k for k in range(11, 18)]  # n · examples
LOOKS = sorted({round(1.12**k) for k in range(1, 80) if 1.12**k <= STEPS})

Schedule = Callable[[int, int], float]  # of step and size: the share of the full learning rate


def no_warmup(step: int, n: int) -> float:
    return 1.0


def fixed_warmup(step: int, n: int) -> float:
    """Grows for 300 steps, whatever the model."""
    return min(1.0, step / 300)


def warmup_of_own_size(step: int, n: int) -> float:
    """Grows for as many examples as the model has parameters."""
    return min(1.0, step * BATCH / n)


def trained(seed: int, schedule: Schedule, steps: int = STEPS) -> tuple[NDArray, NDArray]:
    """Mean loss over draws by stochastic gradient descent, each example seen once.

    All sizes learn at once, from the same examples and nested features. Returns the numbers of
    examples seen when the loss was taken, and the losses, (looks, sizes).
    """
    if steps < 10:
        raise ValueError("train for at least ten steps")
    g, top = generator(seed), WIDTHS[-1]
    variance = torch.arange(1, INPUTS + 1, dtype=torch.float32) ** -(1 + EXPONENT)
    mix = torch.randn(DRAWS, INPUTS, top, generator=g) / math.sqrt(INPUTS)
    own = torch.stack([(torch.arange(top) < n).float() for n in WIDTHS])  # which features are its
    covariance, target = (mix.mT * variance) @ mix, mix.mT @ variance
    rate = RATE / (torch.diagonal(covariance, dim1=1, dim2=2)[:, None] * own).sum(-1)
    v, looks = torch.zeros(DRAWS, len(WIDTHS), top), [t for t in LOOKS if t <= steps]
    losses = []
    for step in range(1, steps + 1):
        x = torch.randn(DRAWS, BATCH, INPUTS, generator=g) * variance.sqrt()
        y = x.sum(-1) + math.sqrt(NOISE) * torch.randn(DRAWS, BATCH, generator=g)
        z = x @ mix
        gradient = (v @ z.mT - y[:, None]) @ z / BATCH * own
        share = torch.tensor([schedule(step, n) for n in WIDTHS])
        v = v - (rate * share)[..., None] * gradient
        if step in looks:
            losses.append(exact_loss(v, covariance, target, variance.sum()).mean(0))
    return np.array(looks) * BATCH, torch.stack(losses).numpy()


def exact_loss(v: Tensor, covariance: Tensor, target: Tensor, total: Tensor) -> Tensor:
    """Expected squared error, (draws, sizes), of weights v, (draws, sizes, features)."""
    explained = 2 * (v @ target[..., None])[..., 0] - ((v @ covariance) * v).sum(-1)
    return total - explained + NOISE


def at_budgets(
    examples: NDArray, losses: NDArray, budgets: Sequence[int] = BUDGETS
) -> list[tuple[NDArray, NDArray]]:
    """For each budget: the sizes that were trained long enough for it, and their losses there."""
    found = []
    for c in budgets:
        inside = [i for i, n in enumerate(WIDTHS) if examples[0] <= c / n <= examples[-1]]
        logs = [
            np.interp(math.log(c / WIDTHS[i]), np.log(examples), np.log(losses[:, i]))
            for i in inside
        ]
        found.append((np.array([WIDTHS[i] for i in inside], float), np.exp(logs)))
    return found


def best_sizes(examples: NDArray, losses: NDArray) -> NDArray:
    """For each budget the minimum of a parabola through the five sizes around the best one.

    NaN where it is not within the sizes that were tried: there no minimum was seen (Hoffmann et
    al., section 3.2, train enough sizes to see one at every budget).
    """
    tried = at_budgets(examples, losses)
    sizes, values = [], []
    for n, loss in tried:
        first = min(max(0, int(loss.argmin()) - 2), max(0, len(n) - 5))
        sizes.append(n[first : first + 5])
        values.append(np.log(loss[first : first + 5]))
    best = isoflop_minima(sizes, values)
    inside = [n[0] <= b <= n[-1] for (n, _), b in zip(tried, best, strict=True)]
    return np.where(inside, best, np.nan)
