"""Our interval, our loss and our fit beside SciPy's, torch's and scikit-learn's.

`make parity` runs this in an environment of its own (scipy 1.17.1, scikit-learn 1.9.1).
"""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from torch.nn import functional as F

from lessons.ai_feedback.exercises import soft_preference_loss, win_rate
from lessons.ai_feedback.preference_model import fit_preferences


@pytest.mark.parametrize("wins, n", [(0, 1), (1, 1), (3, 10), (50, 100), (480, 1000), (0, 7)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_wilson(wins, n, confidence):
    z = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor((1 + confidence) / 2).double())
    rate, low, high = win_rate(torch.tensor([1.0] * wins + [0.0] * (n - wins)), z.item())
    theirs = binomtest(wins, n).proportion_ci(confidence, method="wilson")
    assert (rate, low, high) == pytest.approx((wins / n, theirs.low, theirs.high), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_soft_loss(seed):
    g = torch.Generator().manual_seed(seed)
    one, two = torch.randn(2, 9, generator=g, dtype=torch.float64)
    label = torch.rand(9, generator=g, dtype=torch.float64)
    theirs = F.binary_cross_entropy_with_logits(one - two, label)
    assert torch.isclose(soft_preference_loss(one, two, label), theirs)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spread", [0.3, 1.0, 5.0])
def test_fit_to_soft_labels_is_weighted_logistic_regression(seed, spread):
    """A soft label is two hard ones, weighted; scikit-learn's C is the spread squared."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(300, 4, generator=g, dtype=torch.float64)
    label = torch.rand(300, generator=g, dtype=torch.float64)
    twice, weight = np.concatenate([x, x]), np.concatenate([label, 1 - label])
    model = LogisticRegression(C=spread**2, fit_intercept=False, tol=1e-10, max_iter=1000)
    model.fit(twice, np.repeat([1, 0], 300), sample_weight=weight)
    ours = fit_preferences(x, label, spread)
    assert np.allclose(ours, model.coef_[0], atol=1e-5)
