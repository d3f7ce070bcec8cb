"""What the whiteboard prompts of this lesson grade beside its exercises."""

import math

from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how far a budget moves a price, and why no budget moves it to 1",
    why="Buying one outcome leaves the other exponentials as they are. Their share of the sum, "
    "1 − p, shrinks by exactly the factor by which the sum grows: exp(budget / b).",
    hints=[
        "Only the bought outcome's exponential changes. What happens to the sum of the others?",
        "The cost is b · log of the sum of all. By which factor does a budget let that sum grow?",
        "1 − p is the others' sum over the sum of all, before and after.",
    ],
)
def price_after(price: float, budget: float, b: float) -> float:
    """The price of an outcome after somebody spent a whole budget on shares of it.

    price: of that outcome before, strictly between 0 and 1, in a market by the logarithmic scoring
    rule with liquidity b, above 0. budget: what is paid, 0 or more. Returns a float.
    """
    return 1 - (1 - price) * math.exp(-budget / b)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="to compare two verifiers where both let the same share of true claims pass",
    why="A verifier's 0 is where its training put it. A constant added to all of its scores moves "
    "that, and changes nothing of what it tells apart.",
    hints=[
        "Which score must a claim reach, so that enough of the true ones do? Sort them.",
        "Of n true claims at least share · n have to pass, rounded up: so many from the top.",
        "A claim exactly at the cut passes. The false ones below it are refused.",
    ],
)
def refused_at(true: Tensor, false: Tensor, share: float) -> float:
    """The share of false claims that a verifier refuses where it lets enough true ones pass.

    true: (n,), the scores of true claims, in any order; false: (k,), of false ones. The cut is the
    highest score of a true claim that at least this share of the true claims reach. share: above 0,
    up to 1. A claim passes if its score is the cut or higher. Returns a float.
    """
    passing = math.ceil(share * len(true) - 1e-9)
    cut = true.sort(descending=True).values[passing - 1]
    return (false < cut).double().mean().item()
