"""What the whiteboard prompts on induction heads grade beside the lesson's exercises."""

from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=3,
    minutes=10,
    teaches="what K-composition is, as a product of weights",
    hints=[
        "Write the key as the sum of what the stream held and what the earlier head added to it.",
        "With all its attention on the token before, b, the earlier head adds W_E[b] W_V W_O.",
    ],
)
def match_scores(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_Q: Tensor, W_K: Tensor) -> Tensor:
    """What K-composition with a previous-token head adds to an induction head's scores.

    W_E (vocabulary, d_model). Earlier head: W_V (d_model, d_head), W_O (d_head, d_model); all of
    its attention is on the token before. Later head: W_Q, W_K (d_model, d_head). Returns
    (vocabulary, vocabulary): entry [a, b] is the term of the later head's score, as it enters the
    softmax, that comes from the query's own token being a and the token before the key being b.
    """
    written = W_E @ W_V @ W_O
    return (W_E @ W_Q) @ (written @ W_K).mT / W_Q.shape[-1] ** 0.5
