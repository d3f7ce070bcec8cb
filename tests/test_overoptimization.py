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
from lessons.overoptimization.experiments import Curve, noisy_curve
from lessons.overoptimization.readings import (
    ASKED,
    LAWS,
    better_law,
    gold_apart,
    prediction_error,
    share_explained,
)
from lessons.overoptimization.writers import Writers
from utils.worlds.preferences import Policy


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


def test_writers_write_and_read_as_their_policy_does():
    policy = Policy(seed=1, hidden=8)
    with torch.no_grad():
        tokens, logprobs = Writers(policy, 2).write(50, torch.Generator().manual_seed(0))
    sampled = policy.sample(50, torch.Generator().manual_seed(0))
    assert (tokens == sampled).all(), "both copies, with the same random numbers"
    truth = policy.logits(sampled).log_softmax(-1).detach()
    for said in (logprobs, Writers(policy, 2).read(tokens)):
        torch.testing.assert_close(said, truth.expand_as(said), atol=1e-5, rtol=1e-5)


def curve_of(law, alpha, beta):
    d = torch.linspace(0, ASKED, 20, dtype=torch.float64)
    gold = LAWS[law][1](d, alpha, beta)
    return Curve(d, gold, d.clone())


@pytest.mark.parametrize("law", LAWS)
def test_a_law_predicts_its_own_curve_and_the_rival_does_not(law):
    curve = curve_of(law, 1.0, 0.6)
    errors = {other: prediction_error(curve, other) for other in LAWS}
    assert errors[law] < 1e-4 < 0.05 < max(errors.values())
    assert better_law(errors) == law
    assert better_law({"bon law": 0.20, "rl law": 0.23}) == "neither"


def test_a_shared_coefficient_explains_curves_that_share_it():
    one_alpha = [curve_of("rl law", 1.0, beta) for beta in (0.2, 0.5, 0.9)]
    one_beta = [curve_of("rl law", alpha, 0.5) for alpha in (0.4, 1.0, 2.0)]
    assert share_explained(one_alpha, "α") > 1 - 1e-9 > share_explained(one_alpha, "β")
    assert share_explained(one_beta, "β") > 1 - 1e-9 > share_explained(one_beta, "α")


def test_optimizers_that_differ_by_a_known_amount_are_so_far_apart():
    d = torch.linspace(0, 3, 13)
    bon, rl = Curve(d, d.clone(), d.clone()), Curve(d, d - 0.25, 2 * d)
    assert abs(gold_apart(bon, rl, "d") - 0.25) < 1e-4
    assert abs(gold_apart(bon, rl, "proxy") - (bon.proxy[1:] / 2 + 0.25).mean()) < 1e-4


def test_normal_noise_leaves_gold_a_fixed_share_of_the_proxy():
    # Gao et al. 2022, eq. 1: Var X / (Var X + Var Z).
    g = torch.Generator().manual_seed(0)
    gold, noise = torch.randn(2, 100_000, generator=g)
    curve = noisy_curve(gold, 2 * noise)
    torch.testing.assert_close(curve.gold[1:5] / curve.proxy[1:5], torch.full((4,), 0.2).double(),
                               atol=0.01, rtol=0)  # fmt: skip
