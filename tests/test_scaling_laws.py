"""Scaling laws: what is written by hand, held against SciPy, scikit-learn and torch."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.optimize import approx_fprime, curve_fit, least_squares
from sklearn.linear_model import Ridge

from lessons.scaling_laws import figures, grokking, laws, negation, pictures, recall, ridge, splits
from lessons.scaling_laws import warmup as sgd
from lessons.scaling_laws.exercises import (
    bootstrap_exponent,
    fit_power_law,
    inverse_scaling_slope,
    isoflop_minima,
)


def test_a_fit_without_outliers_is_scipys_curve_fit():
    n = np.array([8.0, 16, 32, 64, 128, 256])
    loss = (0.3 + 2 * n**-0.6) * np.exp(0.01 * np.random.default_rng(0).standard_normal(6))
    theirs, _ = curve_fit(lambda n, E, A, p: np.log(E + A * n**-p), n, np.log(loss), (0.3, 2, 0.6))
    ours = fit_power_law(n, loss, delta=10.0)
    curve = ours[0] + ours[1] * n ** -ours[2]
    np.testing.assert_allclose(curve, theirs[0] + theirs[1] * n ** -theirs[2], rtol=1e-3)


def test_the_law_is_scipys_with_its_own_huber_loss():
    n, d, loss = laws.chinchilla_like(0, 120, noise=0.002)
    law = laws.fit_law(n, d, loss)

    def miss(t):
        p = np.exp(t[0]) + np.exp(t[1] - t[3] * np.log(n / 1e9))
        return np.log(p + np.exp(t[2] - t[4] * np.log(d / 1e10))) - np.log(loss)

    start = np.array([0.6, -1.0, -1.0, 0.35, 0.37])
    found = least_squares(miss, start, loss="huber", f_scale=laws.DELTA, xtol=1e-12, ftol=1e-14)
    assert law.a == pytest.approx(found.x[4] / (found.x[3] + found.x[4]), abs=2e-3)
    assert pytest.approx(np.exp(found.x[0]), rel=2e-3) == law.E


def test_the_objectives_gradient():
    rng = np.random.default_rng(0)
    terms, theta, y = rng.standard_normal((9, 3, 5)), rng.standard_normal(5), rng.standard_normal(9)
    _, gradient = laws.huber_in_logs(theta, terms, y, 0.5)
    wanted = approx_fprime(theta, lambda t: laws.huber_in_logs(t, terms, y, 0.5)[0], 1e-7)
    np.testing.assert_allclose(gradient, wanted, atol=1e-5)


def test_a_law_is_found_again_and_E_can_be_held():
    n, d = (v.ravel() for v in np.meshgrid(np.geomspace(8, 512, 7), np.geomspace(8, 512, 7)))
    truth = laws.Law(0.05, 3.0, 2.0, 0.8, 0.6)
    np.testing.assert_allclose(laws.fit_law(n, d, truth.loss(n, d)), truth, rtol=1e-2)
    assert laws.fit_law(n, d, truth.loss(n, d), E=0.0).E == 0


def test_the_bootstrap_is_scipys():
    runs = np.random.default_rng(0).standard_normal((60, 1)) + 2
    low, high = bootstrap_exponent(runs, lambda t: float(t.mean()), draws=2000)
    theirs = stats.bootstrap((runs[:, 0],), np.mean, confidence_level=0.8, method="percentile",
                             n_resamples=2000, random_state=1).confidence_interval  # fmt: skip
    assert (low, high) == pytest.approx(tuple(theirs), abs=0.02)


def test_the_slope_is_scipys():
    size, y = torch.tensor([1.0, 3.0, 9.0, 40.0]), torch.tensor([0.5, 0.2, 0.4, 0.1])
    theirs = stats.linregress(np.log2(size), y).slope
    assert inverse_scaling_slope(size, y).item() == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize(("n", "d"), [(8, 30), (30, 8)])
def test_ridge_is_scikit_learns(n, d):
    g = torch.Generator().manual_seed(0)
    mix = torch.randn(ridge.M, n, generator=g) / ridge.M**0.5
    x = torch.randn(d, ridge.M, generator=g) * ridge.SPECTRUM[: ridge.M].sqrt()
    z, y = x @ mix, x.sum(1)
    top = torch.linalg.eigvalsh(z.T @ z / d)[-1]
    losses = []
    for r in ridge.RIDGES:
        model = Ridge(alpha=(r * top * d).item(), fit_intercept=False, solver="svd")
        v = model.fit(z.double(), y.double()).coef_
        losses.append(ridge.loss_of(mix.double() @ torch.tensor(v)).item())
    assert ridge.best_ridge(z, y, mix) == pytest.approx(min(losses), rel=1e-3)


def test_a_minimum_counts_only_within_the_sizes_tried():
    examples = np.geomspace(4, 1e5, 60)
    n = np.array(sgd.WIDTHS, float)
    for best, seen in ((30.0, True), (2.0, False)):
        losses = np.exp(np.log(n / best) ** 2 * 0.1) * np.ones((60, 1))
        found = sgd.best_sizes(examples, losses)
        assert np.isfinite(found).all() == seen
        assert np.isnan(found).all() or np.allclose(found, best, rtol=1e-3)


def test_means_over_sums_are_the_waves_of_equal_frequency():
    values = torch.randn(2, 7, 7, 3, generator=torch.Generator().manual_seed(0)).double()
    a = torch.arange(7)
    spectrum = torch.fft.fft2(values, dim=(-3, -2)) * torch.eye(7)[..., None]
    wanted = torch.fft.ifft2(spectrum, dim=(-3, -2)).real
    torch.testing.assert_close(grokking.by_sum(values)[:, (a[:, None] + a) % 7], wanted)
    only = grokking.by_sum(values)[:, (a[:, None] + a) % 7]
    torch.testing.assert_close(grokking.sum_share(only), torch.ones(2).double())


def test_networks_that_learn_together_learn_as_they_would_alone():
    kinds = [grokking.FULL, grokking.SHUFFLED]
    both, one = grokking.grow(0, kinds, steps=40), grokking.grow(0, kinds[:1], steps=40)
    torch.testing.assert_close(both.nats[:, 0], one.nats[:, 0], rtol=1e-3, atol=1e-3)


def test_theory_gives_the_exponent_of_data_that_the_lesson_prints():
    """The known limit of ridge regression's risk, with the best penalty, in place of draws."""
    spectrum = ridge.SPECTRUM.double().numpy()

    def least(d, noise):
        found = []
        for k in np.geomspace(1e-6, 1, 200):  # stands for the penalty
            kept = spectrum / (spectrum + k)
            if kept.sum() < d:  # so that some penalty above 0 belongs to it
                bias = (spectrum * (1 - kept) ** 2).sum()
                found.append((bias + noise) / (1 - (kept**2).sum() / d) - noise)
        return min(found)

    x = np.log([8, 11, 16, 23, 32, 45, 64])
    with_noise, without = (
        -np.polyfit(x, np.log([least(math.exp(v), s) for v in x]), 1)[0] for s in (ridge.NOISE, 0)
    )
    assert with_noise == pytest.approx(0.63, abs=0.01)
    assert with_noise < without < 0.72


def test_what_cannot_be_run_says_so():
    for call in (
        lambda: ridge.measured(0, []),
        lambda: ridge.limits(0, [], 1),
        lambda: ridge.limits(0, [0, 8], 1),
        lambda: ridge.measured(0, [8.0, 16.0]),
        lambda: fit_power_law([8], [0.5]),
        lambda: isoflop_minima([[8, 16]], [[0.5, 0.4]]),
        lambda: splits.at_budget(np.ones((4, 3)), 1000),
        lambda: splits.warned(torch.zeros(3), torch.zeros(3), 1),
        lambda: figures.two_limits([8], np.ones(1), np.ones(1), 0.02, 0),
        lambda: pictures.u_shapes({}),
        lambda: sgd.trained(0, sgd.no_warmup, steps=0),
        lambda: recall.learn_strings(0, steps=0),
        lambda: negation.learn_questions(0, 1.5),
        lambda: grokking.grow(0, []),
        lambda: laws.fit_law([1, 2], [1, 2], [1.0, 2.0]),
        lambda: laws.chinchilla_like(0, 3),
    ):
        with pytest.raises(ValueError):
            call()
