"""What the whiteboard prompts of this lesson grade beside its exercises."""

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how fast loss can fall with compute when both size and data are chosen well",
    why="At the optimum both terms are in a fixed ratio, and both fall as the same power of C.",
    hints=[
        "N ∝ C^(β / (α + β)) at the optimum. Put it into A / N^α.",
        "The exponents multiply.",
    ],
)
def excess_exponent(alpha: float, beta: float) -> float:
    """γ in L − E ∝ C^(−γ), for L = E + A / N^α + B / D^β with the best N and D for each C ∝ N D.

    alpha, beta: above 0. Returns γ, above 0.
    """
    return alpha * beta / (alpha + beta)
