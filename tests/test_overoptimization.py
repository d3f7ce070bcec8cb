"""The overoptimization lesson's pieces against other libraries and published estimators."""

import math

import pytest
import torch
from scipy.optimize import curve_fit

from lessons.overoptimization.exercises import (
    best_of_n_kl,
    expected_best_of_n,
    fit_bon_law,
    fit_rl_law,
)


@pytest.mark.parametrize(
    "fit, law",
    [
        (fit_bon_law, lambda d, a, b: d * (a - b * d)),
        (fit_rl_law, lambda d, a, b: d * (a - b * torch.as_tensor(d).log().numpy())),
    ],
    ids=["best-of-n", "RL"],
)
def test_the_laws_are_fitted_as_scipy_fits_them(fit, law):
    g = torch.Generator().manual_seed(0)
    d = torch.linspace(0.2, 4, 40, dtype=torch.float64)
    reward = torch.as_tensor(law(d.numpy(), 1.0, 0.4)) + 0.2 * torch.randn(40, generator=g)
    truth = torch.as_tensor(curve_fit(law, d.numpy(), reward.numpy(), p0=(1, 1))[0])
    torch.testing.assert_close(fit(d, reward), truth, atol=1e-6, rtol=1e-6)


def test_best_of_n_with_a_perfect_judge_is_pass_at_k():
    # Chen et al. 2021: 1 − C(N − c, k) / C(N, k) for c right answers among N.
    N, right = 200, 17
    gold = (torch.arange(N) < right).double()
    proxy = gold + torch.linspace(0, 0.5, N, dtype=torch.float64)  # distinct, in gold's order
    for k in (1, 5, 50, 150):
        truth = 1 - math.comb(N - right, k) / math.comb(N, k)
        assert abs(expected_best_of_n(gold, proxy, k).item() - truth) < 1e-6


def test_the_kl_is_that_of_torchs_beta_distribution():
    # The best of n has the quantile of a Beta(n, 1) variable; the start that of Beta(1, 1).
    one = torch.tensor(1.0, dtype=torch.float64)
    for n in (1, 2, 7, 64, 4096):
        best = torch.distributions.Beta(n * one, one)
        truth = torch.distributions.kl_divergence(best, torch.distributions.Beta(one, one))
        torch.testing.assert_close(best_of_n_kl(n * one), truth, atol=1e-6, rtol=1e-6)
