"""What the whiteboard prompts of this lesson grade beside its exercises."""

from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="why, over all policies, only an equivalent proxy is safe",
    why="Two unit vectors that differ have a product below 1. So each gains along its own, and "
    "loses along the other.",
    hints=[
        "Bring both to length 1. What is u · v if they point in different directions?",
        "Try a combination of u and v with coefficients 1 and −1.",
        "(u − v) · u = 1 − u · v, and (u − v) · v = u · v − 1.",
    ],
)
def hacking_direction(r: Tensor, r_proxy: Tensor) -> Tensor:
    """A direction in which the proxy's return rises while the true return falls by the same share.

    r, r_proxy: (d,), neither 0, and r_proxy no positive multiple of r. Visits may change in any
    direction. Returns (d,): a change of the visits along which r_proxy / |r_proxy| gains exactly
    what r / |r| loses, of the form "a unit vector less a unit vector".
    """
    return r_proxy / r_proxy.norm() - r / r.norm()
