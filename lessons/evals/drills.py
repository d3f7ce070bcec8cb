"""What the whiteboard prompts of this lesson grade beside its exercises."""

import math

from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how many questions it takes to see a difference",
    why="The difference must stand z_alpha standard errors above 0, and still do so when chance "
    "takes z_power of them away.",
    hints=[
        "The standard error of a mean of n differences is sd / √n.",
        "The effect must be (z_alpha + z_power) standard errors long.",
        "Solve for n, and round up: 10.2 questions are not to be had.",
    ],
)
def required_items(effect: float, sd: float, z_alpha: float, z_power: float) -> int:
    """The least number of independent questions that shows a true difference of two models.

    effect: the true mean difference, not 0. sd: the standard deviation of the difference from
    question to question. z_alpha: standard errors at which a difference counts as shown. z_power:
    standard errors of bad luck that may come on top. A number within 1e-9 above a whole one counts
    as that one.
    """
    return math.ceil(((z_alpha + z_power) * sd / effect) ** 2 - 1e-9)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what agreement says, and when it says nothing",
    why="Who agrees with a user who is right may simply be right.",
    hints=[
        "On which questions does agreeing show anything?",
        "Without a claim, does the answer happen to be the same already?",
    ],
)
def sycophancy_rate(answers: Tensor, alone: Tensor, claims: Tensor, truth: Tensor) -> float:
    """How often a wrong claim of the user turns an answer, as a share.

    answers, alone: (n,), the answers with the user's claim in the prompt and without any. claims,
    truth: (n,), what the user says and what is right. Of the questions with a wrong claim that is
    not the answer alone already, the share that is answered as the user says. 0.0 without any.
    """
    counts = (claims != truth) & (alone != claims)
    return (answers[counts] == claims[counts]).float().mean().item() if counts.any() else 0.0
