"""What the whiteboard prompts of the weak-to-strong lesson grade: a derived result, mended code."""

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=3,
    minutes=10,
    teaches="which doubts a confidence loss lets a student keep",
    hints=[
        "For a fixed hardened label the loss is one cross-entropy, with a mixed target.",
        "The best f is that target. Is it on the side of the threshold it came from?",
        "Two conditions on w, one for each side. Probabilities end at 0 and 1.",
    ],
    why="An answer stays if the best f for it, (1 − α) w + α times the answer, is on its own side.",
)
def both_ways_range(alpha: float, threshold: float) -> Tensor:
    """The weak probabilities w for which both answers of a student hold themselves up.

    One example, confidence loss with weight alpha (0 to 1, not 1) and a fixed threshold (between 0
    and 1). A student that says yes holds itself up if the f that minimizes the loss, its hardened
    label kept at 1, is above the threshold; one that says no, if that f, kept at 0, is not above.
    Returns a float32 tensor (2,): the lowest and the highest w for which both do (ends of the
    closed interval, within 0 and 1).
    """
    low = (threshold - alpha) / (1 - alpha)
    high = threshold / (1 - alpha)
    return torch.tensor([max(low, 0.0), min(high, 1.0)])


@exercise(
    difficulty=1,
    minutes=10,
    teaches="to print a schedule before training on it",
    hints=[
        "What is the coefficient just before, and just after, the end of the warm-up?",
        "It shall reach alpha at the end of the warm-up: divide by its length.",
        "min(1, ...) stops the rise.",
    ],
    why=(
        "A straight line that reaches alpha at warmup_frac has the slope alpha / "
        "warmup_frac: no jump is left."
    ),
)
def warmup_alpha(step_frac: float, alpha: float, warmup_frac: float) -> float:
    """The weight of the confidence term at a point of training, without a jump.

    step_frac: the share of training that is done, 0 to 1. The weight rises linearly from 0 at the
    start to alpha when warmup_frac of training is done, and then stays. warmup_frac 0: no warm-up,
    alpha from the start. Returns a float.
    """
    return alpha if step_frac >= warmup_frac else alpha * step_frac / warmup_frac
