"""What the whiteboard prompts of this lesson grade beside its exercises."""

import math

from utils.exercises import exercise


@exercise(
    difficulty=3,
    minutes=10,
    teaches="what an ideal reader makes of wrong answers to one task",
    why="Each author's weight is their prior times what they would have answered, answer by "
    "answer. A wrong answer to the narrow task is as likely from a liar as from a specialist: only "
    "the prior and the right answers elsewhere tell them apart.",
    hints=[
        "Three weights: prior times the probability of all answers so far. Honest: a wrong answer "
        "is a slip, everywhere.",
        "A liar gives a right answer by a slip. A specialist gives a wrong one to the narrow task "
        "and a right one elsewhere, but for slips.",
        "With a thousand answers the weights are 0 in floating point. Take logarithms, and "
        "subtract the largest before you exponentiate.",
    ],
)
def wrong_elsewhere(
    prior: tuple[float, float, float], slip: float, n_wrong: int, n_right: int
) -> float:
    """The probability that the next answer, to another task, is wrong.

    prior: of three kinds of author: right in everything; wrong in everything; wrong in one task,
    the narrow one, and right in all others. slip: in (0, 1), the chance that an answer is not of
    its author's kind, each on its own. n_wrong: wrong answers to the narrow task seen so far from
    this author; n_right: right answers to other tasks. Counts may be in the thousands.
    """
    kept, slipped = math.log(1 - slip), math.log(slip)
    of_kind = (  # log-likelihood of the answers seen
        n_wrong * slipped + n_right * kept,
        n_wrong * kept + n_right * slipped,
        n_wrong * kept + n_right * kept,
    )
    log_weights = [
        math.log(p) + s if p > 0 else -math.inf for p, s in zip(prior, of_kind, strict=True)
    ]
    largest = max(log_weights)
    weights = [math.exp(w - largest) for w in log_weights]
    liar = weights[1] / sum(weights)
    return liar * (1 - slip) + (1 - liar) * slip
