"""What the whiteboard prompts of this lesson grade beside its exercises."""

import math

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="why red attacks rarely, and how rarely",
    why="Red must stay out of the audits and land once afterwards. At the best rate what one more "
    "attack adds to the second chance is what it takes from the first.",
    hints=[
        "Attacks are rare: with x expected in a run, a Poisson number. None is audited with "
        "chance exp(−budget · x).",
        "At least one works later: 1 − exp(−x · works · (1 − budget)).",
        "Set the derivative of the product to 0 and solve for x.",
    ],
)
def upfront_best_response(budget: float, works: float) -> tuple[float, float]:
    """How often a red without memory attacks when the first problems are audited, and the safety.

    In a long run the first share `budget` of the problems is audited, the rest never. Red attacks
    each problem independently with the same small chance, and cannot tell where in the run it is.
    An audited attack ends the run, safe. Otherwise an attack works with chance `works`, and a run
    in which one works is lost. Both arguments are above 0; budget is below 1, works at most 1.
    Returns (the expected number of attacks in a run that is best for red, the safety it leaves).
    """
    later = works * (1 - budget)
    attacks = math.log((budget + later) / budget) / later
    lost = math.exp(-budget * attacks) * (1 - math.exp(-later * attacks))
    return attacks, 1 - lost
