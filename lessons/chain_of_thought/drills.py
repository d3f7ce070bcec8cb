"""What the whiteboard prompts of this lesson grade beside its exercises."""

import math

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="the penalty at which an open hack stops paying",
    why="Both sides pay the penalty as often as they are flagged. Only the difference counts.",
    hints=[
        "What does hacking bring on average, penalty included? What does honest work?",
        "Set the two equal and solve for the penalty.",
        "If hacking is not flagged more often than honest work, no penalty makes it worse.",
    ],
)
def break_even_penalty(
    pay_hack: float, pay_honest: float, flag_hack: float, flag_honest: float
) -> float:
    """The smallest penalty, 0 or more, from which on hacking pays no more than honest work.

    pay: the mean pay of each. flag: the mean score that the monitor gives to each, from 0 to 1; the
    penalty times that score is taken from the pay. Returns a float: 0 where hacking pays no more
    anyway, infinity where it pays more at every penalty. flag_hack is at least flag_honest.
    """
    gain, caught = pay_hack - pay_honest, flag_hack - flag_honest
    if gain <= 0:
        return 0.0
    return gain / caught if caught > 0 else math.inf
