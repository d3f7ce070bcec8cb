"""What a learner sees of a step."""

from typing import NamedTuple

from torch import Tensor


class Step(NamedTuple):
    """One step of n learners, as whoever updates a table gets to know it. All are (n,)."""

    state: Tensor
    intended: Tensor  # the action that the learner chose
    executed: Tensor  # the action that was done: a person may have put another in its place
    reward: Tensor
    following: Tensor  # the next state
    next_intended: Tensor  # what the learner chose there
    next_executed: Tensor  # what was done there
    done: Tensor  # bool: the goal is reached, nothing follows
