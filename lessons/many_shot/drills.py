"""What the whiteboard prompts of this lesson grade beside its exercises."""

import math

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="why an ideal reader's loss falls as one over the shots",
    why="A Beta prior counts as b refusals seen beforehand. n shots outweigh them as b / n.",
    hints=[
        "After n compliances and k refusals, Beta(a, b) becomes Beta(a + n, b + k).",
        "The next reply complies with its mean. The loss is minus the logarithm of that.",
        "Write it as log(1 + x), with a small x: math.log1p keeps the digits.",
    ],
)
def loss_after(a: float, b: float, shots: int, refusals: int) -> float:
    """The loss, in nats, on one more compliance, for an exact Bayesian reader.

    The chance of compliance has the prior Beta(a, b). The context shows as many refusals, then as
    many shots (compliances). a and b are above 0; shots may be 1e15, and the result is to have
    three right digits even then.
    """
    return math.log1p((b + refusals) / (shots + a))
