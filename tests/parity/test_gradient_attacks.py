"""Our F1 and logistic regression beside scikit-learn's, on random inputs."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score as sklearn_f1

from lessons.gradient_attacks.exercises import f1_score, surrogate_classifier


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_f1(seed, share):
    g = torch.Generator().manual_seed(seed)
    predicted, actual = torch.rand(2, 60, generator=g) < share
    theirs = sklearn_f1(actual.numpy(), predicted.numpy(), zero_division=0.0)
    assert f1_score(predicted, actual) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ridge", [0.003, 0.01, 0.3])
def test_logistic_regression(seed, ridge):
    """The convention: their C multiplies the sum of losses, our ridge stands beside their mean."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(150, 6, generator=g, dtype=torch.float64)
    y = torch.rand(150, generator=g) < torch.sigmoid(2 * x[:, 0] - x[:, 1] + 1)
    theirs = LogisticRegression(C=1 / (150 * ridge), tol=1e-9, max_iter=2000)
    theirs.fit(x.numpy(), y.numpy())
    weight, bias = surrogate_classifier(x, y, ridge)
    assert torch.allclose(weight, torch.tensor(theirs.coef_[0]), atol=1e-4)
    assert bias.item() == pytest.approx(theirs.intercept_[0], abs=1e-4)
