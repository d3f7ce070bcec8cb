"""How `fitted_win_rates` is judged: checks, mistakes, right answers in other styles."""

import torch
import torch.nn.functional as F

from lessons.preference_aggregation.checks.shared import random_preferences
from lessons.preference_aggregation.drills import fitted_win_rates
from utils.grading import expect

F64 = torch.float64


def _scores(shares):
    """A maximum-likelihood fit by L-BFGS."""
    wins = shares.clone().fill_diagonal_(0)
    r = torch.zeros(len(wins), dtype=F64, requires_grad=True)
    best = torch.optim.LBFGS(
        [r], max_iter=300, tolerance_grad=1e-11, tolerance_change=1e-15,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure():
        best.zero_grad()
        loss = -(wins * F.logsigmoid(r[:, None] - r)).sum()
        loss.backward()
        return loss

    best.step(closure)
    return r.detach()


def _fitted(shares):
    r = _scores(shares)
    return (r[:, None] - r).sigmoid().fill_diagonal_(0).sum(1) / (len(r) - 1)


def _mild(seed, n):
    return 0.5 + 0.8 * (random_preferences(seed, n) - 0.5)


@fitted_win_rates.check
def two_answers_by_hand(fn):
    shares = torch.tensor([[0.5, 0.8], [0.2, 0.5]], dtype=F64)
    expect(fn(shares), torch.tensor([0.8, 0.2], dtype=F64))


@fitted_win_rates.check
def as_a_fit_by_brute_force_says(fn):
    for n in (3, 4, 6):
        shares = _mild(n, n)
        expect(fn(shares), _fitted(shares), tol=1e-4)


@fitted_win_rates.check
def three_that_go_round(fn):
    shares = torch.tensor([[0, 0.7, 0.4], [0.3, 0, 0.8], [0.6, 0.2, 0]], dtype=F64)
    expect(fn(shares), _fitted(shares), tol=1e-4)


@fitted_win_rates.mistake("scores, not chances")
def _(preferences):
    return _scores(preferences)


@fitted_win_rates.mistake("the answer itself counts as a rival: the others were asked for")
def _(preferences):
    return preferences.clone().fill_diagonal_(0.5).mean(1)


@fitted_win_rates.mistake("the softmax of the scores: chances of a policy, not of a win")
def _(preferences):
    return _scores(preferences).softmax(0)


@fitted_win_rates.mistake("columns where rows should be: how often it loses")
def _(preferences):
    return preferences.clone().fill_diagonal_(0).sum(0) / (len(preferences) - 1)


@fitted_win_rates.mistake("divided by n, although there are n − 1 rivals")
def _(preferences):
    return preferences.clone().fill_diagonal_(0).mean(1)


@fitted_win_rates.mistake("the diagonal is taken as it comes")
def _(preferences):
    return preferences.sum(1) / (len(preferences) - 1)


@fitted_win_rates.mistake("the diagonal is taken as it comes")
def _(preferences):
    return preferences.mean(1)


@fitted_win_rates.right("by fitting the model after all")
def _(preferences):
    return _fitted(preferences)


@fitted_win_rates.right("by loops")
def _(preferences):
    n = len(preferences)
    rows = [[preferences[i, j] for j in range(n) if j != i] for i in range(n)]
    return torch.stack([torch.stack(row).mean() for row in rows])
