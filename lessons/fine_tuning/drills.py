"""What the whiteboard prompts of this lesson grade, beside its exercises."""

import math

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how a constraint on the loss lets go of tokens that have moved",
    why="d/dx of −(2/β) log σ(βx) is −2 σ(−βx): the 2/β in front and the inner β leave 2, and the "
    "slope of log σ is 1 − σ.",
    hints=[
        "Call x = log π − log π_safe. The slope of log σ(u) is σ(−u).",
        "The chain rule gives a factor β, which 2/β cancels down to 2.",
        "Plain fine-tuning has the loss −log π, whose slope is −1: the weight is the ratio.",
    ],
)
def constrained_weight(logprob: float, safe_logprob: float, beta: float) -> float:
    """What a token weighs in the gradient of the constrained loss, relative to plain fine-tuning.

    logprob: of the token now; safe_logprob: under the safe model; both in nats. beta: above 0.
    Returns a float, right to four digits.
    """
    return 2 / (1 + math.exp(beta * (logprob - safe_logprob)))
