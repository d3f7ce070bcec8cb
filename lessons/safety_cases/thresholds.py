"""A capability threshold, a test of n questions, and three rules for when it counts as crossed."""

import math

import numpy as np

Z = 1.645  # one-sided 95 %
RULES = ("shown to be over", "best guess is over", "cannot be ruled out")


def limits(right: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's lower and upper limit of a share, each one-sided at 95 %."""
    share, zz = right / n, Z * Z / n
    middle = (share + zz / 2) / (1 + zz)
    half = Z / (1 + zz) * np.sqrt(share * (1 - share) / n + zz / (4 * n))
    return middle - half, middle + half


def triggered(n: int, measured: float, bar: float) -> dict[str, float]:
    """How often each rule says that the threshold is crossed, over all outcomes of n questions.

    measured: the chance of a right answer to one question, as the test elicits it.
    """
    if n < 1 or n != int(n) or not 0 < measured < 1 or not 0 < bar < 1:
        raise ValueError("needs a whole number of questions from 1, and shares between 0 and 1")
    right = np.arange(n + 1)
    ways = np.array([math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
                     for k in right])  # fmt: skip
    chance = np.exp(ways + right * math.log(measured) + (n - right) * math.log(1 - measured))
    low, high = limits(right, n)
    says = (low >= bar, right / n >= bar, high >= bar)
    return {rule: chance[yes].sum().item() for rule, yes in zip(RULES, says, strict=True)}
