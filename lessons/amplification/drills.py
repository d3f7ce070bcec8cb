"""What the whiteboard prompts of this lesson grade beside its exercises."""

import math

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what spot checks find, and what they leave",
    why="Count the ways to choose only right sub-claims, and divide by all ways to choose.",
    hints=[
        "It is easier to say when nothing is found: all checked sub-claims are right ones.",
        "How many sets of `checks` sub-claims are there? How many of them hold no wrong one?",
        "math.comb(n, k) counts the sets, and is 0 where k > n.",
    ],
)
def detection_rate(n: int, wrong: int, checks: int) -> float:
    """The chance that a spot check finds at least one wrong sub-claim.

    A claim rests on n sub-claims, `wrong` of which are wrong. `checks` different ones, all sets
    equally likely, are checked without error. 0 ≤ wrong ≤ n and 0 ≤ checks ≤ n.
    """
    return 1 - math.comb(n - wrong, checks) / math.comb(n, checks)
