"""What the whiteboard prompts of the superposition lesson grade."""

from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="when two features should share a dimension, from the integrals up",
    hints=[
        "Go through the four cases: none is there, one of them, the other, both.",
        "Where both are there, each output is off by the smaller of the two features.",
        "The best constant for a feature that is left out is its mean. What is left is a variance.",
    ],
)
def sharing_gain(p: float, r: float) -> float:
    """By how much sharing one dimension lowers the expected loss of two features.

    Each feature is there with probability p, independently, and is then uniform on [0, 1]; else it
    is 0. The loss is the squared error summed over both features; the first weighs 1, the second
    r. Shared: W = [1, −1] and b = 0, read back through the ReLU. Alone: the first comes back
    exactly, the second is replaced by the constant that costs least.
    p: 0 to 1. r: 0 or more. Returns the loss alone minus the loss shared, positive where sharing
    wins.
    """
    alone = r * (p / 3 - p**2 / 4)
    shared = (1 + r) * p**2 / 6
    return alone - shared


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what counts as stored: more than a constant could give",
    hints=[
        "What does it say of a model that ignores its input and returns each feature's mean?",
        "That model knows nothing and must get 0. What has its error to be divided by?",
    ],
)
def share_returned(x: Tensor, x_reconstructed: Tensor) -> Tensor:
    """How much of each feature a model gives back: 1 for all of it, 0 for a constant, its mean.

    In between, the share of the feature's spread (mean square, divided by n_samples) that the
    reconstruction takes away. Worse than the mean is negative. Every feature varies.
    x, x_reconstructed: (n_samples, n_features). Returns (n_features,).
    """
    error = ((x - x_reconstructed) ** 2).mean(0)
    return 1 - error / x.var(0, correction=0)
