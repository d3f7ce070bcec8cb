"""Our intervals, policy gradient and power law beside SciPy's and torch's own, to 1e-6."""

import numpy as np
import pytest
import torch
from scipy.optimize import curve_fit
from scipy.stats import binomtest
from torch.distributions import Categorical

from lessons.red_teaming.exercises import (
    attacker_loss,
    diversity,
    fit_power_law,
    upper_bound_when_none_found,
    wilson_interval,
)

Z95 = 1.959963984540054


@pytest.mark.parametrize("successes, n", [(0, 5), (1, 10), (7, 9), (40, 1000), (1000, 1000)])
def test_wilson_is_scipys(successes, n):
    theirs = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes, n, Z95) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize("n", [1, 7, 300, 198_000])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_bound_is_clopper_and_pearsons_one_sided(n, confidence):
    theirs = binomtest(0, n, alternative="less").proportion_ci(confidence, method="exact").high
    assert upper_bound_when_none_found(n, confidence) == pytest.approx(theirs, rel=1e-6)


def test_the_loss_gives_the_gradient_of_torchs_categorical():
    g = torch.Generator().manual_seed(0)
    logits = torch.randn(9, generator=g, dtype=torch.float64).requires_grad_()
    policy = Categorical(logits=logits)
    drawn = torch.randint(9, (20,), generator=g)
    rewards = (torch.rand(20, generator=g) < 0.3).double()
    ours = attacker_loss(policy.log_prob(drawn), rewards, policy.entropy(), 0.1)
    surrogate = -((rewards - rewards.mean()) * policy.log_prob(drawn)).mean()
    theirs = surrogate - 0.1 * policy.entropy()
    gradients = [torch.autograd.grad(x, logits, retain_graph=True)[0] for x in (ours, theirs)]
    assert torch.allclose(*gradients, rtol=1e-6)


def test_diversity_is_scipys_mean_hamming_distance():
    from scipy.spatial.distance import pdist

    tails = torch.randint(5, (12, 4), generator=torch.Generator().manual_seed(0))
    assert diversity(tails) == pytest.approx(pdist(tails.numpy(), "hamming").mean(), abs=1e-9)


def test_the_power_law_is_curve_fits():
    rng = np.random.default_rng(0)
    n = np.array([1, 2, 4, 8, 16, 32.0])
    asr = np.exp(-3 * n**-0.4 * np.exp(0.1 * rng.standard_normal(6)))
    (start, slope), _ = curve_fit(lambda x, a, b: a + b * x, np.log(n), np.log(-np.log(asr)))
    ours = fit_power_law(torch.tensor(n), torch.tensor(asr))
    assert ours == pytest.approx((np.exp(start), -slope), rel=1e-5)
