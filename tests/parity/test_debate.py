"""Parity of the debate lesson's pieces with other libraries: scikit-learn, choix, torch.

Elo is logistic regression on indicator columns without penalty (scikit-learn), and Bradley-Terry's
model (choix). The judge's metric is scikit-learn's accuracy on one set of
reveals.
"""

import math

import choix
import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss

from lessons.debate.exercises import (
    agent_score_difference,
    elo_from_wins,
    honest_win_rate,
    sparse_view,
)

ELO = 400 / math.log(10)
SEEDS = range(6)


def tournament(seed, n, games=40, spread=1.0):
    """A random table of wins in which everybody has beaten and lost to somebody."""
    g = np.random.default_rng(seed)
    strength = spread * g.standard_normal(n)
    chance = 1 / (1 + np.exp(strength[None] - strength[:, None]))
    upper = np.triu(g.binomial(games, chance), 1)
    wins = upper + np.tril((games - upper.T), -1) * (np.tri(n, k=-1) > 0)
    np.fill_diagonal(wins, 0)
    return wins + 1.0 - np.eye(n)  # a win each at least: else there may be no finite ratings


def by_scikit_learn(wins):
    """Logistic regression of who won on +1 and −1 for the two players, without penalty."""
    rows, won, weight = [], [], []
    for i in range(len(wins)):
        for j in range(len(wins)):
            if wins[i, j] > 0:
                row = np.zeros(len(wins))
                row[i], row[j] = 1, -1
                rows += [row, -row]  # both ways around, so that both classes occur
                won += [1, 0]
                weight += [wins[i, j], wins[i, j]]
    model = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10, max_iter=10_000)
    s = model.fit(np.array(rows), won, sample_weight=weight).coef_[0]
    return ELO * (s - s.mean())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n", [2, 3, 6, 10])
def test_elo_is_logistic_regression(seed, n):
    wins = tournament(seed, n)
    ours = elo_from_wins(torch.tensor(wins)).numpy()
    np.testing.assert_allclose(ours, by_scikit_learn(wins), atol=0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_elo_is_the_maximum_that_scipy_finds(seed):
    wins = tournament(seed, 5, games=12, spread=0.5)

    def loss(s):
        lead = s[:, None] - s[None]
        return (wins * np.logaddexp(0, -lead)).sum() + s.mean() ** 2

    s = minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-9}).x
    ours = elo_from_wins(torch.tensor(wins)).numpy()
    np.testing.assert_allclose(ours, ELO * (s - s.mean()), atol=0.01)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n", [3, 8])
def test_elo_is_choixs_bradley_terry(seed, n):
    wins = tournament(seed, n)
    theirs = choix.ilsr_pairwise_dense(wins, alpha=0.0, max_iter=1000, tol=1e-12)
    ours = elo_from_wins(torch.tensor(wins)).numpy()
    np.testing.assert_allclose(ours, ELO * (theirs - theirs.mean()), atol=1e-4)


def test_elo_refuses_what_choix_cannot_fit_either():
    wins = np.array([[0.0, 5.0], [0.0, 0.0]])
    with pytest.raises(ValueError):
        elo_from_wins(torch.tensor(wins))
    with pytest.raises((RuntimeError, ValueError)):
        choix.ilsr_pairwise_dense(wins, alpha=0.0, max_iter=100)


@pytest.mark.parametrize("seed", SEEDS)
def test_on_one_set_of_reveals_the_win_rate_is_accuracy(seed):
    g = torch.Generator().manual_seed(seed)
    logits, truth = torch.randn(200, 10, generator=g), torch.randint(10, (200,), generator=g)
    lies = (truth[:, None] + torch.arange(1, 10)) % 10
    rate = honest_win_rate(logits[:, None].expand(-1, 9, -1), truth, lies).item()
    assert rate == pytest.approx(accuracy_score(truth, logits.argmax(1)), abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_agent_score_difference_is_a_difference_of_log_losses(seed):
    g = torch.Generator().manual_seed(seed)
    honest, lying = 2 * torch.randn(2, 50, 2, generator=g, dtype=torch.float64)
    truth = torch.randint(2, (50,), generator=g)
    ours = agent_score_difference(honest, lying, truth, 1 - truth).item()
    told_truth = log_loss(truth, honest.softmax(-1)[:, 1], labels=[0, 1])
    told_lie = log_loss(1 - truth, lying.softmax(-1)[:, 1], labels=[0, 1])
    assert ours == pytest.approx(told_lie - told_truth, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_sparse_view_is_numpys_masked_array(seed):
    g = np.random.default_rng(seed)
    images, revealed = g.random((7, 64)), g.random((7, 64)) < 0.1
    wanted = np.concatenate([np.ma.array(images, mask=~revealed).filled(0), revealed], 1)
    ours = sparse_view(torch.tensor(images), torch.tensor(revealed)).numpy()
    np.testing.assert_array_equal(ours, wanted)
