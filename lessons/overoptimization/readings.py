"""What is read off the curves of the overoptimization lesson."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.overoptimization.exercises import best_of_n_kl, fit_bon_law, fit_rl_law
from lessons.overoptimization.experiments import NS, Curve

SEEN, ASKED = (best_of_n_kl(NS[i]).sqrt().item() for i in (8, 12))  # d of best-of-256, of 4,096


def bends(curve: Curve) -> bool:
    """Gold rises, then falls, while the proxy ends higher than it was at gold's peak."""
    peak = curve.gold.argmax()
    return curve.peak > 0.1 and curve.fall > 0.1 and bool(curve.proxy[-1] > curve.proxy[peak])


def value_at(x: Tensor, y: Tensor, at: float) -> float:
    """y where x first reaches `at`, by a straight line between the points. NaN if it never does."""
    reached = (x >= at).nonzero()
    if len(reached) == 0:
        return float("nan")
    i = max(int(reached[0]), 1)
    share = (at - x[i - 1]) / (x[i] - x[i - 1])
    return (y[i - 1] + share * (y[i] - y[i - 1])).item()


def up_to(curve: Curve, d: float) -> tuple[Tensor, Tensor]:
    """Distance and gold of the points before a curve first goes beyond d."""
    beyond = (curve.d > d + 1e-6).nonzero()
    end = int(beyond[0]) if len(beyond) else len(curve.d)
    return curve.d[:end].double(), curve.gold[:end].double()


def bon_law(d: Tensor, alpha: float, beta: float) -> Tensor:
    """R(d) = d (α − β d)."""
    return d * (alpha - beta * d)


def rl_law(d: Tensor, alpha: float, beta: float) -> Tensor:
    """R(d) = d (α − β log d), 0 at 0."""
    return alpha * d - beta * torch.xlogy(d, d)


LAWS = {"bon law": (fit_bon_law, bon_law), "rl law": (fit_rl_law, rl_law)}


def prediction_error(curve: Curve, law: str) -> float:
    """How far a law, fitted to what lies within best-of-256, is off at best-of-4,096: |error|.

    NaN if the curve does not get there.
    """
    fit, form = LAWS[law]
    coefficients = fit(*up_to(curve, SEEN)).tolist()
    came_out = value_at(curve.d, curve.gold, ASKED - 1e-6)
    return abs(form(torch.tensor(ASKED), *coefficients).item() - came_out)


def prediction_errors(curves: Sequence[Curve]) -> dict[str, float]:
    """The mean of it for each law, over the curves that get to best-of-4,096. NaN if none does."""
    there = [c for c in curves if c.d.max() >= ASKED - 1e-6]
    return {
        law: sum(prediction_error(c, law) for c in there) / (len(there) or math.nan) for law in LAWS
    }


def better_law(errors: dict[str, float], close: float = 0.05) -> str:
    """The law whose error is smaller by more than `close`, or "neither"."""
    least, most = sorted(errors.values())
    return min(errors, key=errors.get) if most - least > close else "neither"


def share_explained(curves: Sequence[Curve], shared: str, unit: float = 1.0) -> float:
    """R² of R = d (α − β log d) on several curves at once, with one α, or one β, for all of them.

    shared: "α" or "β"; the other has a value for each curve. So both have as many coefficients.
    Points beyond best-of-4,096 are left out. unit: what d is measured in, in √nats.
    """
    points = [up_to(curve, ASKED) for curve in curves]
    whose = torch.cat([torch.full((len(d),), i) for i, (d, _) in enumerate(points)])
    d, gold = (torch.cat(x) for x in zip(*points, strict=True))
    d = d / unit
    own = F.one_hot(whose, len(curves)).double()
    common, each = (d, -torch.xlogy(d, d)) if shared == "α" else (-torch.xlogy(d, d), d)
    columns = torch.cat([common[:, None], own * each[:, None]], 1)
    coefficients = torch.linalg.lstsq(columns, gold[:, None]).solution
    return r_squared((columns @ coefficients)[:, 0], gold)


def r_squared(fitted: Tensor, reward: Tensor) -> float:
    """The share of the reward's variance that a fit explains; below 0 if a constant does better."""
    return (1 - ((reward - fitted) ** 2).sum() / ((reward - reward.mean()) ** 2).sum()).item()


def gold_apart(bon: Curve, rl: Curve, by: str) -> float:
    """Mean difference in gold between the optimizers where they have the same d, or proxy.

    by: "d" or "proxy". Compared at best-of-2 to best-of-4,096, as far as RL gets.
    """
    own, other = getattr(bon, by)[1:].tolist(), getattr(rl, by)
    apart = [
        abs(value_at(other, rl.gold, at - 1e-6) - gold.item())
        for at, gold in zip(own, bon.gold[1:], strict=True)
        if other.max() >= at
    ]
    return sum(apart) / len(apart) if apart else float("nan")


def gap_at(curve: Curve, d: float) -> float:
    """Proxy less gold where a curve first reaches d: what was promised and not delivered.

    Negative where the proxy still promises less than gold delivers.
    """
    return value_at(curve.d, curve.proxy - curve.gold, d)
