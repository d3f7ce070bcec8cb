"""What the whiteboard prompts of this lesson grade."""

import math

from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=3,
    minutes=10,
    teaches="how hard dividing by the length pushes a wrong answer to go on",
    why="The push is E[1/L] (1 + s) − s, since the score of n fillers and a stop is 1 + s − s L "
    "with L = n + 2. Divided by a constant it would be E[1 + s − s L] = 0.",
    hints=[
        "One filler's log-probability is log(1 − s), whose slope in the stop logit is −s. That of "
        "stopping is log s, with slope 1 − s.",
        "With n fillers the slopes add up to (1 − s) − n s. Write it by L = n + 2: 1 + s − s L.",
        "Divided by L and averaged: (1 + s) E[1 / L] − s, with chances s (1 − s)^n of n fillers.",
        "Σ q^n / (n + 2) = (−log(1 − q) − q) / q², from the series of the logarithm.",
    ],
)
def stop_push(s: float) -> float:
    """How an answer with advantage 1 pushes the stop logit, if its loss is divided by its length.

    After the answer each token is the stop with chance s, a sigmoid of the stop logit, else a
    filler, without an end to it. The length L counts the answer, n fillers and the stop. Return
    the expected slope, in the stop logit, of log π(answer, fillers, stop) / L.
    s: above 0, below 1. Returns a float, right to six digits.
    """
    q = 1 - s
    if q < 1e-3:  # the formula below loses its digits: take the series
        mean = s * sum(q**n / (n + 2) for n in range(8))
    else:
        mean = s * (-math.log(s) - q) / q**2
    return (1 + s) * mean - s


@exercise(
    difficulty=2,
    minutes=10,
    teaches="a penalty whose gradient is that of KL, on samples of the policy",
    why="The gradient of KL(π‖π_ref) is E[log(π/π_ref) ∇ log π]. That is the gradient of half the "
    "squared log-ratio, k2, and of the log-ratio taken as a constant times log π.",
    hints=[
        "What must ∇ log π be multiplied with, so that its mean is the gradient of KL?",
        "Which function of log π has the log-ratio as its slope?",
    ],
)
def kl_loss(logprobs: Tensor, ref_logprobs: Tensor) -> Tensor:
    """A loss whose gradient is, in the mean over samples from π, that of KL(π‖π_ref).

    Answers are taken whole, one log-probability each.

    logprobs, ref_logprobs: (samples,), log-probabilities of answers drawn from π, in nats;
    gradients flow through logprobs alone. Returns a scalar, the mean over the samples. Only its
    gradient matters, its value does not.
    """
    return ((logprobs - ref_logprobs.detach()) ** 2 / 2).mean()
