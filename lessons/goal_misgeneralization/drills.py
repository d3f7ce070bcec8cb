"""What the whiteboard prompts of this lesson grade beside its exercises."""

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="why the initial weights decide between two cues that always agree",
    why="Both weights get the same gradient, so their difference only shrinks by the decay. Their "
    "sum is what training sets.",
    hints=[
        "Write down one step for each weight and subtract the two.",
        "The gradients cancel. What is left multiplies the difference by a constant.",
        "From the sum and the difference both weights follow.",
    ],
)
def cue_weights(
    first: float, second: float, total: float, lr: float, decay: float, steps: int
) -> tuple[float, float]:
    """The weights of two cues after training in which the cues were always equal.

    first, second: the weights before. total: the sum of both weights after. Training is `steps`
    steps of gradient descent with rate lr on a loss plus decay / 2 times the squared weights.
    Returns both weights after training.
    """
    gap = (first - second) * (1 - lr * decay) ** steps
    return (total + gap) / 2, (total - gap) / 2
