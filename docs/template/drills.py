"""What the whiteboard prompts of this lesson grade: results of a derivation, typed as functions."""

import math

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=5,
    teaches="which distribution surprises most, and by how much",
    hints=["Move probability from a likelier outcome to a less likely one: what does entropy do?"],
)
def highest_entropy(n: int) -> float:
    """The highest Shannon entropy, in nats, that a distribution over n outcomes can have.

    n: a whole number from 1. Returns a float.
    """
    return math.log(n)
