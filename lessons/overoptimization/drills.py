"""What the whiteboard prompts of the overoptimization lesson grade."""

import math

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how far best-of-n goes when the proxy has ties",
    why="Given the verdict, best-of-n draws as the start does, so only the two verdicts' chances "
    "change: from q and 1 − q to 1 − (1 − q)ⁿ and (1 − q)ⁿ.",
    hints=[
        "Best of n fails only where all n fail.",
        "Among answers with the same verdict best-of-n has no favorite, so only the chances of "
        "the two verdicts count.",
        "KL has one term for passing and one for failing.",
    ],
)
def pass_fail_kl(q: float, n: int) -> float:
    """KL(best-of-n ‖ start) for a proxy that gives every answer one of two rewards: pass or fail.

    An answer passes with probability q at the start. Of n answers drawn independently the first
    that passes is kept; if none does, the first of all.
    q: above 0 and below 1. n: a whole number from 1. Returns nats.
    """
    fail = (1 - q) ** n
    return (1 - fail) * math.log((1 - fail) / q) + fail * (n - 1) * math.log(1 - q)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="a judge who helped to choose cannot say how good the choice was",
    why="A member among those whose minimum chooses has already approved what wins; a member held "
    "out has not, so its mean over noise stays where it was.",
    hints=[
        "Try it on rewards that are pure noise. What should the score be, whatever n?",
        "Hold one member out at a time: who may choose then, and who judges?",
    ],
)
def held_out_score(rewards: Tensor, n: int) -> Tensor:
    """The score of best-of-n under an ensemble, by judges that had no part in the choice.

    Each member is held out once. The others choose, of every n consecutive answers, the one whose
    lowest reward among them is highest; the member held out scores what was chosen. Answers that
    do not fill a last group of n are left out.
    rewards: (n_models, answers), two models or more, no ties. Returns a scalar tensor: the mean
    over groups and over members held out.
    """
    n_groups = rewards.shape[1] // n
    groups = rewards[:, : n_groups * n].reshape(len(rewards), n_groups, n)
    scores = []
    for k, judge in enumerate(groups):
        others = torch.cat([groups[:k], groups[k + 1 :]])
        winner = others.amin(0).argmax(1, keepdim=True)
        scores.append(judge.gather(1, winner).mean())
    return torch.stack(scores).mean()
