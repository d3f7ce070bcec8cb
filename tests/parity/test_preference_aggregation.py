"""Bradley-Terry beside choix and scikit-learn, the lottery beside another solver of its program.

`make parity` runs this in an environment of its own (choix 0.4.1, scikit-learn 1.9.1).
"""

import choix
import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

from lessons.preference_aggregation.exercises import (
    fit_bradley_terry,
    fit_rationality,
    von_neumann_winner,
)
from lessons.preference_aggregation.votes import converse, opinion_map

SEEDS = range(5)


def random_wins(seed, n=6):
    g = torch.Generator().manual_seed(seed)
    return torch.randint(1, 12, (n, n), generator=g).double().fill_diagonal_(0)


def pairs(wins):
    """(winner, loser) for every single comparison."""
    return [
        (i, j) for i in range(len(wins)) for j in range(len(wins)) for _ in range(int(wins[i, j]))
    ]


def centered(x):
    return np.asarray(x) - np.mean(x)


@pytest.mark.parametrize("seed", SEEDS)
def test_maximum_likelihood_beside_choix(seed):
    wins = random_wins(seed)
    ours = fit_bradley_terry(wins, prior=0.0).numpy()
    assert np.allclose(ours, centered(choix.mm_pairwise(6, pairs(wins))), atol=1e-5)
    assert np.allclose(ours, centered(choix.opt_pairwise(6, pairs(wins))), atol=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("prior", [0.5, 1.0])
def test_with_a_prior_beside_choix_given_the_imaginary_answer(seed, prior):
    """The convention: our prior is comparisons with a seventh answer, ten times as many of all."""
    wins = random_wins(seed)
    wins[0] += 2
    wins[:, 0] = 0  # undefeated
    with_seventh = torch.zeros(7, 7, dtype=torch.float64)
    with_seventh[:6, :6] = 10 * wins
    with_seventh[:6, 6] = with_seventh[6, :6] = 10 * prior
    theirs = choix.mm_pairwise(7, pairs(with_seventh), max_iter=50_000, tol=1e-9)[:6]
    assert np.allclose(fit_bradley_terry(wins, prior=prior).numpy(), centered(theirs), atol=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_maximum_likelihood_beside_logistic_regression(seed):
    wins = random_wins(seed)
    rows = []
    for i, j in pairs(wins):
        row = np.zeros(6)
        row[i], row[j] = 1, -1
        rows.append(row)
    rows = np.array(rows)
    x, y = np.vstack([rows, -rows]), np.r_[np.ones(len(rows)), np.zeros(len(rows))]
    model = LogisticRegression(C=1e10, fit_intercept=False, tol=1e-10, max_iter=10_000).fit(x, y)
    ours = fit_bradley_terry(wins, prior=0.0).numpy()
    assert np.allclose(ours, centered(model.coef_[0]), atol=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n", [3, 5, 7])
def test_the_lottery_beside_a_general_solver(seed, n):
    """Sequential quadratic programming on the same program: another solver, the same value."""
    g = torch.Generator().manual_seed(seed)
    upper = torch.triu(2 * torch.rand(n, n, generator=g, dtype=torch.float64) - 1, 1)
    margins = (upper - upper.T).numpy()
    found = minimize(
        lambda x: -x[-1], np.r_[np.full(n, 1 / n), -1.0], method="SLSQP",
        bounds=[(0, 1)] * n + [(-1, 1)],
        constraints=[
            {"type": "eq", "fun": lambda x: x[:-1].sum() - 1},
            {"type": "ineq", "fun": lambda x: margins.T @ x[:-1] - x[-1]},
        ],
        options={"ftol": 1e-12, "maxiter": 500},
    )  # fmt: skip
    ours = von_neumann_winner(torch.as_tensor(margins)).numpy()
    assert abs((ours @ margins).min()) < 1e-6 and abs(found.x[-1]) < 1e-6
    # With random margins of an odd number of answers the lottery is the only one.
    assert np.allclose(ours, found.x[:-1], atol=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_rationality_beside_logistic_regression(seed):
    """Two options: β is the slope of a logistic regression on the difference of rewards."""
    g = torch.Generator().manual_seed(seed)
    rewards = torch.randn(300, 2, generator=g, dtype=torch.float64)
    choices = torch.multinomial((1.5 * rewards).softmax(1), 1, generator=g)[:, 0]
    x = (rewards[:, 1] - rewards[:, 0]).numpy()[:, None]
    model = LogisticRegression(C=1e10, fit_intercept=False, tol=1e-10).fit(x, choices.numpy())
    assert abs(fit_rationality(choices, rewards) - model.coef_[0, 0]) < 1e-3


@pytest.mark.parametrize("seed", SEEDS)
def test_the_opinion_map_beside_scikit_learns_pca(seed):
    talk = converse(seed, asked=40)  # nothing missing: then the stretch is 1
    ours = opinion_map(talk.votes).numpy()
    theirs = PCA(2, svd_solver="full").fit_transform(talk.votes.numpy())
    assert np.allclose(np.abs(ours), np.abs(theirs), atol=1e-8)
    labels = [KMeans(2, n_init=5, random_state=0).fit_predict(x) for x in (ours, theirs)]
    same = (labels[0] == labels[1]).mean()
    assert same in (0.0, 1.0)
