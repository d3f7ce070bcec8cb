"""What the whiteboard prompts of this lesson grade beside its exercises."""

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="why a probe of affirmed statements is turned around by ‘not’",
    why="The probe is g + p, and what truth does to a negated statement is g − p. Their product is "
    "g·g − p·p: the cross terms cancel.",
    hints=[
        "The probe is the difference of means of the affirmed statements: write it by g and p.",
        "Along it, the true negated statements lie higher than the false ones by (g + p)·(g − p).",
        "The cross terms cancel. Divide by the length of g + p.",
    ],
)
def margin_on_negated(general: Tensor, by_form: Tensor) -> float:
    """How much higher true negated statements lie than false ones, along a probe of affirmed ones.

    True statements lie, in the mean, general + by_form away from false ones if they are affirmed,
    and general − by_form if they are negated; both are vectors (d,). The probe is the difference of
    means of the affirmed statements, at length 1. A float, below 0 where the probe orders them the
    wrong way round.
    """
    probe = general + by_form
    return ((general @ general - by_form @ by_form) / probe.norm()).item()


@exercise(
    difficulty=2,
    minutes=10,
    teaches="that a shuffle can leave in what it is to take out",
    why="A plain shuffle leaves one group with more of one kind by chance, and that share of the "
    "difference stays. Dealt kind by kind, it cancels.",
    hints=[
        "What does the control give for two kinds that have no scatter at all?",
        "It must be nothing, in every draw. Deal each kind into halves by itself.",
    ],
)
def shuffle_control(a: Tensor, b: Tensor, generator: torch.Generator) -> Tensor:
    """A difference of means of two random groups that have nothing of the difference of a and b.

    a: (n, d), b: (m, d), n and m even. Every example is in one of the two groups. Returns (d,).
    """
    dealt = [x[torch.randperm(len(x), generator=generator)] for x in (a, b)]
    first = torch.cat([x[: len(x) // 2] for x in dealt])
    second = torch.cat([x[len(x) // 2 :] for x in dealt])
    return first.mean(0) - second.mean(0)
