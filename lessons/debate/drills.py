"""What the debate lesson's whiteboard prompts grade: a derived result, and mended code."""

from torch import Tensor

from lessons.debate.exercises import honest_win_rate
from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what debate is worth under a judge who adds up evidence",
    hints=[
        "Which pixel does each side want most, whatever the other does?",
        "Can taking it early or late make a difference?",
        "Everybody must reveal on each turn, even when it hurts.",
    ],
    why="Evidence adds up, so what a pixel is worth does not depend on what else is shown. The two "
    "sides want opposite ends of one ranking, and meet only when all is revealed.",
)
def additive_debate_value(weights: Tensor, prior: float, n_honest: int, n_liar: int) -> Tensor:
    """The margin for the truth at the end of a debate before a judge who adds up evidence.

    weights: (pixels,), in nats: what revealing a pixel adds to the margin for the truth. prior:
    the margin before anything is revealed, in nats. The honest side wants the final margin large,
    the liar small; they reveal n_honest and n_liar pixels (n_honest + n_liar at most the number of
    pixels), no pixel twice, and must reveal at each of their turns. Both play perfectly. Returns a
    scalar in nats, of the weights' type.
    """
    ranked = weights.sort(descending=True).values
    best, worst = ranked[:n_honest], ranked[len(ranked) - n_liar :]
    return prior + best.sum() + worst.sum()


@exercise(
    difficulty=2,
    minutes=10,
    teaches="comparing two numbers only when they measure the same thing",
    hints=[
        "What does each of the two rates ask of the judge: to choose among how many answers?",
        "honest_win_rate can be applied to random reveals as well.",
    ],
    why="A difference of two rates means something only if both ask the same of the judge: here to "
    "prefer the truth to every one of nine lies.",
)
def debate_gain(
    random_logits: Tensor, debate_logits: Tensor, truth: Tensor, lies: Tensor
) -> Tensor:
    """What debate adds to random reveals in the paper's metric for it: the truth beats every lie.

    random_logits, debate_logits: (images, lies, labels), the judge's after random reveals (drawn
    afresh for each lie) and after a debate against each lie. truth: (images,). lies: (images,
    lies). Returns a scalar between −1 and 1: the rate with debate less the rate without.
    """
    return honest_win_rate(debate_logits, truth, lies) - honest_win_rate(random_logits, truth, lies)
