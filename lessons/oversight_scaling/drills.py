"""What the whiteboard prompts of this lesson grade beside its exercises."""

import torch

from lessons.oversight_scaling.exercises import elo_win_probability
from utils.exercises import exercise


@exercise(
    difficulty=3,
    minutes=10,
    teaches="what slopes and lead say about a ladder of overseers, without adding up its steps",
    why="log σ is concave, so the mean of its values is at most its value at the mean margin. "
    "Times the number of steps, that bounds the logarithm of the product.",
    hints=[
        "The margin of step i, from 0, is linear in i. Its mean is that of its first and last.",
        "First: −lead − houdini · gap / steps. Last: the same, plus (guard − houdini) times the "
        "capability of the last overseer, gap · (steps − 1) / steps.",
        "log of 1 / (1 + 10^(−m / 400)) is a concave function of m: use Jensen's inequality.",
    ],
)
def success_bound(lead: float, guard: float, houdini: float, gap: float, steps: int) -> float:
    """The bound that Jensen's inequality gives on the success of nested oversight.

    At the start a Houdini is `lead` points of domain Elo ahead of a guard of equal capability.
    guard, houdini: Elo points for a point of capability, in each role. The way up the gap is cut
    into so many equal steps, 1 or more. Returns a float that no success exceeds, and that it
    equals if all steps are equally hard.
    """
    mean = (guard - houdini) * gap * (steps - 1) / (2 * steps) - lead - houdini * gap / steps
    mean = torch.tensor(mean, dtype=torch.float64)
    return elo_win_probability(mean, torch.zeros_like(mean)).item() ** steps
