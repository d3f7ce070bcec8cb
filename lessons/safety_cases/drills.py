"""What the whiteboard prompts of this lesson grade beside its exercises."""

import math
from collections.abc import Sequence

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what no number of agreeing tests can go beyond",
    why="A system that is not safe passes all tests with at least the probability of the flaw, and "
    "no system does with more than 1. So the odds rise by at most 1/flaw.",
    hints=[
        "Write the odds after n passes: the prior odds, times a ratio of two sums.",
        "How large can the sum above be? How small the one below?",
        "Turn odds into a belief: odds / (1 + odds).",
    ],
)
def belief_ceiling(prior: float, flaw: float) -> float:
    """What the belief that a system is safe cannot exceed, however many tests it passes.

    prior: the belief before. flaw: the probability, above 0, that something all tests share lets
    every system pass. The least such number that serves for all tests and all counts of them.
    """
    return prior / (prior + (1 - prior) * flaw)


@exercise(
    difficulty=1,
    minutes=8,
    teaches="that layers which share an assumption fail together",
    why="If the assumption is false, every layer fails. It is one factor in front, not one in each "
    "layer.",
    hints=["Split into two cases: the shared assumption holds, or it does not."],
)
def defense_in_depth(shared: float, layers: Sequence[float]) -> float:
    """The belief that at least one layer holds, where all need the same assumption.

    shared: the belief in the assumption. layers: each layer's belief, given the assumption, under
    which they are independent; without it all fail. No layers: 0. Returns a float.
    """
    return shared * (1 - math.prod(1 - p for p in layers))
