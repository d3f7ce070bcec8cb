"""What the learner writes in this lesson."""

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=5,
    teaches="the mean surprise of a distribution, and its limit at zero",
    hints=["A term with p = 0 counts as 0, but 0 · log 0 is NaN.", "torch.xlogy(p, p) knows that."],
)
def entropy(p: Tensor) -> Tensor:
    """Shannon entropy −Σ p log p, in nats (Shannon 1948).

    p: (..., n), probabilities that sum to 1 over the last dimension. Returns (...,).
    """
    return -torch.xlogy(p, p).sum(-1)
