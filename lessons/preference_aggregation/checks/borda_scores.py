"""How `borda_scores` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.preference_aggregation.checks.shared import random_preferences
from lessons.preference_aggregation.exercises import borda_scores
from utils.grading import expect, require

NAN = float("nan")


@borda_scores.check
def two_answers_by_hand(fn):
    shares = torch.tensor([[0.5, 0.7], [0.3, 0.5]])
    expect(fn(shares), torch.tensor([0.6, 0.4]))


@borda_scores.check
def the_diagonal_may_hold_anything(fn):
    for own in (0.0, 1.0, NAN):
        shares = torch.tensor([[own, 0.9], [0.1, own]], dtype=torch.float64)
        expect(fn(shares), torch.tensor([0.7, 0.3], dtype=torch.float64))


@borda_scores.check
def a_mean_written_out(fn):
    for n in (3, 6):
        shares = random_preferences(n, n)
        rows = [sum(0.5 if i == j else shares[i, j].item() for j in range(n)) / n for i in range(n)]
        expect(fn(shares), torch.tensor(rows, dtype=torch.float64))


@borda_scores.check
def all_scores_average_to_one_half(fn):
    got = fn(random_preferences(7, 5, torch.float32))
    require(
        torch.is_tensor(got) and got.shape == (5,) and abs(got.mean().item() - 0.5) < 1e-5,
        "five scores whose mean is 1/2", got,
    )  # fmt: skip


@borda_scores.check
def its_input_stays_as_it_was(fn):
    shares = random_preferences(3, 4)
    before = shares.clone()
    fn(shares)
    require(torch.equal(shares.nan_to_num(-1), before.nan_to_num(-1)), before, shares)


@borda_scores.mistake("averaged down the columns: that is how often an answer loses")
def _(preferences):
    wins = preferences.clone()
    wins.fill_diagonal_(0.5)
    return wins.mean(0)


@borda_scores.mistake("the sum over rivals, not the share")
def _(preferences):
    wins = preferences.clone()
    wins.fill_diagonal_(0.5)
    return wins.sum(1)


@borda_scores.mistake("the sum over rivals, not the share")
def _(preferences):
    return preferences.sum(1)


@borda_scores.mistake("divided by n − 1 although the answer itself was counted")
def _(preferences):
    wins = preferences.clone()
    wins.fill_diagonal_(0.5)
    return wins.sum(1) / (len(wins) - 1)


@borda_scores.mistake("an answer against itself counts 0")
def _(preferences):
    wins = preferences.clone()
    wins.fill_diagonal_(0.0)
    return wins.mean(1)


@borda_scores.mistake("an answer against itself is left out: other answers only")
def _(preferences):
    wins = preferences.clone()
    wins.fill_diagonal_(0.0)
    return wins.sum(1) / (len(wins) - 1)


@borda_scores.mistake("the diagonal is taken as it comes")
def _(preferences):
    return preferences.mean(1)


@borda_scores.mistake("rivals that are beaten are counted (Copeland): the margins are lost")
def _(preferences):
    wins = preferences.clone()
    wins.fill_diagonal_(0.5)
    return ((wins > 0.5).to(wins.dtype) + (wins == 0.5).to(wins.dtype) / 2).mean(1)


@borda_scores.mistake("the input itself is changed: work on a copy")
def _(preferences):
    return preferences.fill_diagonal_(0.5).mean(1)


@borda_scores.right("by a mask")
def _(preferences):
    eye = torch.eye(len(preferences), dtype=torch.bool)
    return torch.where(eye, 0.5, preferences).mean(1).to(preferences.dtype)


@borda_scores.right("by loops")
def _(preferences):
    n = len(preferences)
    rows = [sum(0.5 if i == j else preferences[i, j] for j in range(n)) / n for i in range(n)]
    return torch.as_tensor([float(row) for row in rows]).to(preferences.dtype)


@borda_scores.right("by nansum")
def _(preferences):
    other = preferences.clone().fill_diagonal_(NAN)
    return (other.nansum(1) + 0.5) / len(other)
