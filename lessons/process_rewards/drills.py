"""What the whiteboard prompts of the lesson on process rewards grade."""

import math

from utils.exercises import exercise


@exercise(
    difficulty=3,
    minutes=10,
    teaches="how many completions make hard labels agree most with the truth",
    why="Each further completion saves right steps that failed so far and lets wrong ones slip "
    "through; at the best number the two gains are equal.",
    hints=[
        "A hard label is 1 unless all k completions fail. Write the chance that it is the truth.",
        "Differentiate by k: the derivative of qᵏ is qᵏ log q. Set it to 0.",
        "Bring the two powers of k to one side and take the logarithm.",
    ],
)
def best_rollouts(share_right: float, after_right: float, after_wrong: float) -> float:
    """The number k of completions, not rounded, at which hard labels are most often true.

    A share of the steps is right. A completion ends in the right answer with chance after_right
    if the step is right, after_wrong if it is wrong, independently; 0 < after_wrong < after_right
    < 1. The label says "right" if at least one of k completions does. Where few steps are right the
    result may be below 1, or below 0; return it as it is.
    """
    fail_right, fail_wrong = math.log(1 - after_right), math.log(1 - after_wrong)
    odds = (1 - share_right) / share_right
    return math.log(odds * fail_wrong / fail_right) / (fail_right - fail_wrong)
