"""What the whiteboard prompts of this lesson grade."""

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=10,
    teaches="why a reward model ranks by Borda count",
    why="At the optimum each answer's expected wins under the model equal its observed ones, and "
    "under the model they rise with its score. So the order of scores is that of the win rates.",
    hints=[
        "Write the log-likelihood of all pairs, and its derivative in one score r[i].",
        "Set it to 0: observed wins of i on one side. What stands on the other?",
        "You need no fit: the model's own expected wins are already known.",
    ],
)
def fitted_win_rates(preferences: Tensor) -> Tensor:
    """How often each answer wins according to Bradley and Terry's model fitted to these people.

    All pairs of different answers are compared equally often, by so many people that [i, j] is the
    exact share who prefer i to j. The model is fitted by maximum likelihood, no prior. Return for
    every answer the model's chance that it beats a rival drawn evenly from the others.
    preferences: (n, n), float64, each strictly between 0 and 1; its diagonal may hold anything.
    Returns (n,).
    """
    wins = preferences.clone()
    wins.fill_diagonal_(0.0)
    return wins.sum(1) / (len(wins) - 1)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="a preference between mixtures is a product with the matrix on both sides",
    why="Both draw independently, so the chance is a double sum over the two draws; an answer "
    "against itself ties, and a tie is half.",
    hints=[
        "Draw an answer from each policy. Which pairs can come, and how often?",
        "An answer against itself is neither won nor lost.",
    ],
)
def policy_preference(policy: Tensor, rival: Tensor, preferences: Tensor) -> float:
    """How probably people prefer an answer drawn from `policy` to one drawn from `rival`.

    policy, rival: (n,), float64, chances. preferences: (n, n), float64, [i, j] the share who prefer
    i to j; its diagonal may hold anything: of two equal answers each is preferred half of the time.
    Returns a float.
    """
    wins = preferences.clone()
    wins.fill_diagonal_(0.5)
    return torch.dot(policy, wins @ rival).item()
