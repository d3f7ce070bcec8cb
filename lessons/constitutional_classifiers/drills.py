"""What the whiteboard prompts of the lesson on constitutional classifiers grade."""

import math

from utils.exercises import exercise


@exercise(
    difficulty=3,
    minutes=12,
    teaches="what an attack of a given size costs a linear classifier, in closed form",
    why="Under attack each margin falls by eps times the sum of the absolute weights. Given "
    "whether the strong feature is right, the margin is Gaussian, so each part is a normal "
    "distribution function of mean over standard deviation.",
    hints=[
        "The margin is y (w · x). What is it if the strong feature is right, and if it is wrong?",
        "The sum of the weak features, times y, is Gaussian: mean d · eta, variance d.",
        "The worst perturbation moves each feature by eps against y: the margin loses "
        "eps · (ratio + d).",
    ],
)
def robust_accuracy(p: float, eta: float, d: int, ratio: float, eps: float) -> float:
    """Accuracy of a linear classifier under the worst attack in which no feature moves by over eps.

    y = ±1, each as likely. The strong feature is y with chance p, else −y; each of d weak ones is
    Gaussian with mean eta · y and variance 1; all independent given y. The classifier says the sign
    of ratio · (strong) + the sum of the weak ones; ratio ≥ 0. eps 0: no attack. Right to 1e-6.
    """
    weak, lost = d * eta, eps * (ratio + d)

    def share_above_zero(mean: float) -> float:
        return 0.5 * (1 + math.erf(mean / math.sqrt(2 * d)))

    right = share_above_zero(ratio + weak - lost)
    return p * right + (1 - p) * share_above_zero(-ratio + weak - lost)
