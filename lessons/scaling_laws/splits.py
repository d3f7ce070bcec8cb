"""What several experiments are read by: best sizes, their exponent, and what gave warning."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from lessons.scaling_laws.exercises import isoflop_minima

NEAREST = 7  # sizes around the best one, for a parabola


def columns(measured: Mapping[tuple[int, int], float]) -> NDArray:
    """Runs as a table: size, data, loss."""
    return np.array([(n, d, loss) for (n, d), loss in measured.items()])


def at_budget(runs: NDArray, budget: float) -> NDArray:
    """The runs of a budget: of all whose n · d is within a tenth of it, size and loss."""
    found = runs[np.abs(runs[:, 0] * runs[:, 1] / budget - 1) < 0.1][:, [0, 2]]
    if len(found) < 3:
        raise ValueError(f"fewer than three runs cost {budget}: budgets are powers of 2 here")
    return found


def by_envelope(runs: NDArray, budgets: Sequence[float]) -> NDArray:
    """Approach 1: of each budget the best size that was trained."""
    each = [at_budget(runs, c) for c in budgets]
    return np.array([table[table[:, 1].argmin(), 0] for table in each])


def by_parabolas(runs: NDArray, budgets: Sequence[float]) -> NDArray:
    """Approach 2: of each budget the minimum of a parabola through its best runs."""
    each = [at_budget(runs, c) for c in budgets]
    best = [table[table[:, 1].argsort()[:NEAREST]] for table in each]
    return isoflop_minima([t[:, 0] for t in best], [t[:, 1] for t in best])


def exponent(budgets: ArrayLike, sizes: ArrayLike) -> float:
    """a of N_opt ∝ C^a, by a line in logs."""
    if len(budgets) < 3:
        raise ValueError("an exponent needs at least three budgets")
    return float(np.polyfit(np.log(budgets), np.log(sizes), 1)[0])


def warned(accuracy: Tensor, nats: Tensor, choices: int) -> float:
    """How far the log-likelihood had come when accuracy was last below 0.1, from 0 for a uniform
    guess to 1 for certainty; below 0 if it was worse than the guess.

    accuracy, nats (a token): by size, or by step of training.
    """
    if choices < 2:
        raise ValueError("there must be at least two choices to guess among")
    low = (accuracy < 0.1).nonzero()
    if len(low) == 0:
        return math.nan
    return 1 - nats[int(low.max())].item() / math.log(choices)
