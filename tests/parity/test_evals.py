"""Parity of the evaluation lesson's intervals and errors with statsmodels."""

import numpy as np
import pytest
import torch
from statsmodels import api
from statsmodels.stats import power, proportion

from lessons.evals.exercises import (
    clustered_standard_error,
    paired_difference,
    required_items,
    wilson_interval,
)


def theirs(scores, clusters):
    """The clustered standard error of a regression on a constant alone."""
    groups = np.unique(clusters, return_inverse=True)[1]
    options = {"groups": groups, "use_correction": False}
    fit = api.OLS(scores, np.ones(len(scores))).fit(cov_type="cluster", cov_kwds=options)
    return fit.params[0], fit.bse[0]


@pytest.mark.parametrize("seed", range(4))
def test_clustered_standard_error(seed):
    g = torch.Generator().manual_seed(seed)
    first, second = torch.rand(2, 80, generator=g, dtype=torch.float64)
    clusters = torch.randint(9, (80,), generator=g)
    assert clustered_standard_error(first, clusters) == pytest.approx(
        theirs(first.numpy(), clusters.numpy())[1], rel=1e-9
    )
    assert paired_difference(first, second, clusters) == pytest.approx(
        theirs((first - second).numpy(), clusters.numpy()), rel=1e-9
    )


@pytest.mark.parametrize(("right", "n"), [(0, 5), (3, 10), (450, 1000), (7, 7)])
def test_wilson_interval(right, n):
    wanted = proportion.proportion_confint(right, n, alpha=0.05, method="wilson")
    assert wilson_interval(right, n, 1.959963984540054) == pytest.approx(wanted, abs=1e-9)


def test_required_items():
    # Of a normal test, two-sided: the far tail, which the formula leaves out, is below 1e-6 here.
    n = power.NormalIndPower(ddof=0).solve_power(effect_size=0.1, alpha=0.05, power=0.9, ratio=0)
    assert required_items(0.1, 1.0, 0.9, 1.959963984540054) == np.ceil(n)
