"""How `fit_bradley_terry` is judged: checks, mistakes, right answers in other styles."""

import math

import torch
import torch.nn.functional as F

from lessons.preference_aggregation.checks.shared import random_wins
from lessons.preference_aggregation.exercises import fit_bradley_terry
from utils.grading import expect, require

F64 = torch.float64


def _is_fit(got, n):
    require(
        torch.is_tensor(got) and got.shape == (n,) and got.dtype == F64,
        f"a float64 tensor of shape ({n},)", got,
    )  # fmt: skip
    require(bool(got.isfinite().all()), "finite scores", got)
    require(abs(got.mean().item()) < 1e-6, "scores whose mean is 0", got)
    return got


def _slope(won, scores, prior):
    """The derivative of the log-posterior, once scores stand where the imaginary answer has 0."""
    met = won + won.T
    own = (won - met * (scores[:, None] - scores).sigmoid()).sum(1)
    return own + prior * (1 - 2 * scores.sigmoid())


def _expect_flat(got, won, prior, **given):
    """All slopes are 0 for one shift of the scores: only their differences were returned."""
    low, high = -30.0, 30.0
    for _ in range(80):  # the sum of slopes falls with the shift
        middle = (low + high) / 2
        low, high = (middle, high) if _slope(won, got + middle, prior).sum() > 0 else (low, middle)
    slope = _slope(won, got + low, prior) if prior else _slope(won, got, 0.0)
    weight = (won + won.T).sum(1) / 4 + prior  # a score off by 1e-5 gives about this times 1e-5
    require(
        bool((slope.abs() < 2e-4 * weight + 1e-7).all()),
        "scores at which every slope of the log-posterior is 0 (the largest here: "
        f"{slope.abs().max():.1e}; is it settled, and is the prior right?)", got, **given,
    )  # fmt: skip


@fit_bradley_terry.check
def two_answers_without_a_prior(fn):
    wins = torch.tensor([[0, 3], [1, 0]], dtype=F64)
    half = math.log(3) / 2  # the odds are 3 to 1
    expect(_is_fit(fn(wins, prior=0.0), 2), torch.tensor([half, -half], dtype=F64))


@fit_bradley_terry.check
def a_tie_is_half_a_win_for_both(fn):
    wins = torch.tensor([[0, 2], [0, 0]], dtype=F64)
    ties = torch.tensor([[0, 2], [2, 0]], dtype=F64)  # 3 to 1 again
    half = math.log(3) / 2
    expect(_is_fit(fn(wins, ties, 0.0), 2), torch.tensor([half, -half], dtype=F64))


@fit_bradley_terry.check
def an_undefeated_answer_stays_finite(fn):
    wins = torch.tensor([[0, 4], [0, 0]], dtype=F64)
    got = _is_fit(fn(wins, prior=0.5), 2)
    require(0 < got[0] - got[1] < 20, "the winner ahead, by less than 20", got)
    _expect_flat(got, wins, 0.5, wins=wins)


@fit_bradley_terry.check
def the_slopes_are_zero_at_the_scores(fn):
    for seed, n, prior in ((0, 3, 0.0), (1, 4, 0.1), (2, 5, 2.0)):
        wins = random_wins(seed, n)
        _expect_flat(_is_fit(fn(wins, prior=prior), n), wins, prior, wins=wins)


@fit_bradley_terry.check
def with_ties_too(fn):
    wins, ties = random_wins(4, 4), random_wins(5, 4)
    ties = (ties + ties.T).floor()
    got = _is_fit(fn(wins, ties, prior=0.3), 4)
    _expect_flat(got, wins + ties / 2, 0.3, wins=wins, ties=ties)


@fit_bradley_terry.check
def pairs_that_never_met_are_no_trouble(fn):
    wins = torch.tensor([[0, 5, 0], [3, 0, 2], [0, 4, 0]], dtype=F64)
    got = _is_fit(fn(wins, prior=0.0), 3)
    wanted = torch.tensor([math.log(5 / 3), 0.0, math.log(2)], dtype=F64)
    expect(got, wanted - wanted.mean(), tol=2e-5)


@fit_bradley_terry.check
def an_answer_that_nobody_compared_has_the_imaginary_ones_score(fn):
    wins = torch.zeros(3, 3, dtype=F64)
    wins[0, 1], wins[1, 0] = 6.0, 2.0
    got = _is_fit(fn(wins, prior=0.5), 3)
    require(
        bool(got[1] < got[2] < got[0]) and abs((got[0] + got[1] - 2 * got[2]).item()) < 1e-4,
        "the third halfway between the first and the second", got,
    )  # fmt: skip


@fit_bradley_terry.check
def fractions_of_wins_are_allowed(fn):
    scores = torch.tensor([0.8, -0.1, -0.7], dtype=F64)
    shares = (scores[:, None] - scores).sigmoid().fill_diagonal_(0)
    expect(_is_fit(fn(shares, prior=0.0), 3), scores, tol=2e-5)


@fit_bradley_terry.check
def the_default_prior_is_a_tenth(fn):
    wins = torch.tensor([[0, 3, 1], [0, 0, 2], [0, 0, 0]], dtype=F64)
    _expect_flat(_is_fit(fn(wins), 3), wins, 0.1, wins=wins)


def _mm(won, prior, steps=10_000, met=None, losses=2, settled=1e-9, scale=False):
    met = won + won.T if met is None else met
    g = torch.ones(len(won), dtype=F64)
    for _ in range(steps):
        rivals = (met / (g[:, None] + g)).sum(1) + losses * prior / (g + 1)
        new = (won.sum(1) + prior) / rivals
        new = new / new.log().mean().exp() if scale else new
        change, g = (new / g).log().abs().max(), new
        if change < settled:
            break
    return g


def _best(won, prior):
    """Where the log-posterior is highest, by Newton's method: strengths, as _mm gives them."""
    met, n = won + won.T, len(won)
    r = torch.zeros(n, dtype=F64)
    for _ in range(60):
        p, s = (r[:, None] - r).sigmoid(), r.sigmoid()
        slope = (won - met * p).sum(1) + prior * (1 - 2 * s)
        weight = met * p * (1 - p)
        curve = torch.diag(weight.sum(1) + 2 * prior * s * (1 - s)) - weight
        # Without a prior the curve is flat along a common shift.
        step = torch.linalg.solve(curve + torch.ones(n, n, dtype=F64) * (prior == 0), slope)
        size = step.abs().max()
        r = r + step * (1 / size.clamp(min=1e-12)).clamp(max=1)
        if size < 1e-11:
            break
    return r.exp()


def _centered(strength):
    scores = strength.log()
    return scores - scores.mean()


def _won(wins, ties):
    return wins if ties is None else wins + ties / 2


@fit_bradley_terry.mistake("ties are ignored")
def _(wins, ties=None, prior=0.1):
    return _centered(_best(wins, prior))


@fit_bradley_terry.mistake("a tie counts as a whole win for both")
def _(wins, ties=None, prior=0.1):
    return _centered(_best(wins if ties is None else wins + ties, prior))


@fit_bradley_terry.mistake("the prior is ignored: undefeated answers run off to infinity")
def _(wins, ties=None, prior=0.1):
    return _centered(_mm(_won(wins, ties), 0.0, 200))


@fit_bradley_terry.mistake("the imaginary answer only loses: `prior` wins, and no losses")
def _(wins, ties=None, prior=0.1):
    won = _won(wins, ties)
    met = won + won.T
    g = torch.ones(len(won), dtype=F64)
    for _ in range(800):
        g = (won.sum(1) + prior) / ((met / (g[:, None] + g)).sum(1) + prior / (g + 1))
    return _centered(g)


@fit_bradley_terry.mistake(
    "the prior is added to every pair: another prior, which makes answers alike"
)
def _(wins, ties=None, prior=0.1):
    won = _won(wins, ties)
    return _centered(_best(won + prior * (1 - torch.eye(len(won), dtype=F64)), 0.0))


@fit_bradley_terry.mistake("strengths are returned, not their logarithms")
def _(wins, ties=None, prior=0.1):
    g = _best(_won(wins, ties), prior)
    return g - g.mean()


@fit_bradley_terry.mistake("the scores are not centered: their mean is not 0")
def _(wins, ties=None, prior=0.1):
    return _best(_won(wins, ties), prior).log()


@fit_bradley_terry.mistake("the first answer is put at 0, not the mean")
def _(wins, ties=None, prior=0.1):
    scores = _best(_won(wins, ties), prior).log()
    return scores - scores[0]


@fit_bradley_terry.mistake("winner and loser are swapped: columns where rows should be")
def _(wins, ties=None, prior=0.1):
    return _centered(_best(_won(wins, ties).T, prior))


@fit_bradley_terry.mistake("stopped after a few steps: the scores have not settled")
def _(wins, ties=None, prior=0.1):
    return _centered(_mm(_won(wins, ties), prior, 5))


@fit_bradley_terry.mistake(
    "the log-odds of each answer's own share of wins: rivals are not weighed"
)
def _(wins, ties=None, prior=0.1):
    won = _won(wins, ties)
    scores = ((won.sum(1) + prior) / (won.sum(0) + prior)).log()
    return scores - scores.mean()


# The same in the plainest style, as the hints say it: some end elsewhere where there is no best.


@fit_bradley_terry.mistake("ties are ignored")
def _(wins, ties=None, prior=0.1):
    return _centered(_mm(wins, prior))


@fit_bradley_terry.mistake("the imaginary answer only loses: `prior` wins, and no losses")
def _(wins, ties=None, prior=0.1):
    return _centered(_mm(_won(wins, ties), prior, losses=1))


@fit_bradley_terry.mistake("strengths are returned, not their logarithms")
def _(wins, ties=None, prior=0.1):
    return _mm(_won(wins, ties), prior)


@fit_bradley_terry.mistake("the scores are not centered: their mean is not 0")
def _(wins, ties=None, prior=0.1):
    return _mm(_won(wins, ties), prior).log()


@fit_bradley_terry.mistake("stopped after a few steps: the scores have not settled")
def _(wins, ties=None, prior=0.1):
    return _centered(_mm(_won(wins, ties), prior, 100))


@fit_bradley_terry.mistake("stopped while scores still move by 1e-4: they have not settled")
def _(wins, ties=None, prior=0.1):
    return _centered(_mm(_won(wins, ties), prior, settled=1e-4))


@fit_bradley_terry.mistake(
    "strengths are rescaled each step: the imaginary answer's, 1, is not rescaled with them"
)
def _(wins, ties=None, prior=0.1):
    return _centered(_mm(_won(wins, ties), prior, scale=True))


@fit_bradley_terry.mistake("ties are counted above the line only: two that tie have met, too")
def _(wins, ties=None, prior=0.1):
    return _centered(_mm(_won(wins, ties), prior, 5000, met=wins + wins.T))


@fit_bradley_terry.mistake("a normal prior on scores, where an imaginary answer was asked")
def _(wins, ties=None, prior=0.1):
    won = _won(wins, ties)
    r = torch.zeros(len(won), dtype=F64, requires_grad=True)
    best = torch.optim.LBFGS([r], max_iter=500, line_search_fn="strong_wolfe")

    def closure():
        best.zero_grad()
        loss = prior * r.square().sum() / 2 - (won * F.logsigmoid(r[:, None] - r)).sum()
        loss.backward()
        return loss

    best.step(closure)
    scores = r.detach()
    return scores - scores.mean()


@fit_bradley_terry.right("by Newton's method")
def _(wins, ties=None, prior=0.1):
    return _centered(_best(_won(wins, ties), prior))


@fit_bradley_terry.right("by L-BFGS on the log-posterior")
def _(wins, ties=None, prior=0.1):
    won = _won(wins, ties)
    r = torch.zeros(len(won), dtype=F64, requires_grad=True)
    best = torch.optim.LBFGS(
        [r], max_iter=500, tolerance_grad=1e-10, tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure():
        best.zero_grad()
        loss = -(won * F.logsigmoid(r[:, None] - r)).sum()
        loss = loss - prior * (F.logsigmoid(r) + F.logsigmoid(-r)).sum()
        loss.backward()
        return loss

    best.step(closure)
    scores = r.detach()
    return scores - scores.mean()


@fit_bradley_terry.right("by loops, one answer after the other")
def _(wins, ties=None, prior=0.1):
    won = _won(wins, ties).tolist()
    n = len(won)
    g = [1.0] * n
    for _ in range(3000):
        before = list(g)
        for i in range(n):
            above, below = prior, 2 * prior / (g[i] + 1)
            for j in range(n):
                if i != j:
                    above += won[i][j]
                    below += (won[i][j] + won[j][i]) / (g[i] + g[j])
            g[i] = above / below
        if max(abs(math.log(a / b)) for a, b in zip(g, before, strict=True)) < 1e-10:
            break
    scores = torch.tensor(g, dtype=F64).log()
    return scores - scores.mean()
