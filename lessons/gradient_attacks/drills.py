"""What the whiteboard prompts of the lesson on gradient attacks grade."""

from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what a gradient by one-hot rows says of a swap",
    why="The embedding is the one-hot row times the table, so the chain rule gives each word's row "
    "of the table times the embedding's gradient; a swap takes one word out and puts one in.",
    hints=[
        "The embedding at one place is e = x W, where x is the one-hot row.",
        "By the chain rule the derivative by x[w] is the row of W of word w times dL/de.",
        "A swap changes two entries of x: which falls by 1, which rises by 1?",
    ],
)
def swap_estimate(embedding: Tensor, gradient: Tensor, old: int, new: int) -> float:
    """By how much the loss changes, to first order, if word old is swapped for word new.

    embedding: (n_words, d), the embedding table. gradient: (d,), the gradient of the loss by the
    embedding at that place, in nats per unit. old, new: words. Returns nats.
    """
    return ((embedding[new] - embedding[old]) @ gradient).item()
