"""What the whiteboard prompts of this lesson grade beside its exercises."""

import math

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
    difficulty=1,
    minutes=10,
    teaches="a tax is a share of a gain, and both gains begin at one start",
    why="Where training begins says nothing about either reward, so it is taken from both.",
    hints=[
        "Which two numbers are gains, and from where?",
        "The tax is the part of the one gain that the other lacks, as a share of it.",
    ],
)
def legibility_tax(start: float, correct: float, checkable: float) -> float:
    """The share of the accuracy gain that is given up for checkability.

    start: accuracy before training. correct: after training for correctness alone. checkable:
    after as much training for correctness and checkability. 0: nothing is given up; 1: all of the
    gain; negative if the checkable prover is the more accurate one. ValueError if training for
    correctness gained nothing.
    """
    if correct <= start:
        raise ValueError("no gain of which a share could be given up")
    return (correct - checkable) / (correct - start)
