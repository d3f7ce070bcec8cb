"""What the whiteboard prompts of the lesson on red teaming grade."""

import math

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how many attempts it takes to say that a flaw is rare",
    why="All n fail with chance (1 − rate)ⁿ, which has to be at most what the confidence leaves.",
    hints=[
        "With what chance do n independent attempts at this rate all fail?",
        "That has to be at most 1 − confidence. Take logarithms; both are negative.",
        "A whole number of attempts: round up.",
    ],
)
def attempts_needed(rate: float, confidence: float) -> int:
    """The least number of independent attempts that, if all fail, exclude a rate at a confidence.

    rate, confidence: between 0 and 1. Excluded: at that rate, finding nothing has a chance of at
    most 1 − confidence. Returns an int, right for rates down to 1e-6.
    """
    return math.ceil(math.log(1 - confidence) / math.log1p(-rate) - 1e-9)
