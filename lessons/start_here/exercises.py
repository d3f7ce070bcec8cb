"""What the learner writes in the start lesson: one small exercise, to see how exercises work."""

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=2,
    teaches="selection looks at the proxy and pays in the goal",
    given="blanks",
    hints=[
        "Only the first n columns compete. Along which dimension is argmax a place in each trial?",
        "goal[:, best] takes all these columns in every trial. With torch.arange(len(goal)) in "
        "place of the colon it takes one of each.",
    ],
    why="The choice may look at the proxy alone. What you get is the goal of whatever it chose.",
)
def goal_of_best_by_proxy(goal: Tensor, proxy: Tensor, n: int) -> Tensor:
    """What you really get when you choose the best of n by a proxy.

    goal, proxy: (trials, candidates), in any unit. In each trial the one of the first n candidates
    with the highest proxy is chosen. Returns the mean goal of the chosen, a scalar tensor
    of goal's dtype.
    """
    best = proxy[:, :n].argmax(1)  # blank: the place of the chosen candidate in each trial
    return goal[torch.arange(len(goal)), best].mean()  # blank: the mean goal of the chosen
