"""What the whiteboard prompts of this lesson grade beside its exercises."""

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="why the direction that reads best is not the one along which the classes differ",
    why="At the maximum the gradient is 0: Σw is a multiple of δ. A direction has no length, so "
    "that the multiple does not matter.",
    hints=[
        "Write the ratio as (w·δ)² / (wᵀΣw) and set its gradient with respect to w to 0.",
        "2 (w·δ) δ (wᵀΣw) = 2 (w·δ)² Σw. Divide by what is only a number.",
        "Σw is a multiple of δ. Solve for w, and give it length 1.",
    ],
)
def best_reading_direction(delta: Tensor, covariance: Tensor) -> Tensor:
    """The unit vector w along which two classes are told apart best.

    Both classes have this covariance, (d, d), positive definite; their means differ by delta, (d,).
    Best: the squared distance of the two means along w, over the variance within a class along w,
    is largest. Of w and −w return the one on which the first class, whose mean is larger by delta,
    lies higher. Returns (d,), of length 1.
    """
    w = torch.linalg.solve(covariance, delta)
    return w / w.norm()
