"""Our probe and our whitened direction beside scikit-learn's."""

import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from lessons.refusal_direction.exercises import linear_probe
from lessons.refusal_direction.experiments import auroc, whitened


def two_classes(seed, n=60, d=5):
    g = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=g, dtype=torch.float64)
    x = torch.randn(2 * n, d, generator=g, dtype=torch.float64) @ mix
    x[:n] += torch.randn(d, generator=g, dtype=torch.float64)
    return x, torch.arange(2 * n) < n


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("l2", [1.0, 0.1, 0.001])
def test_probe(seed, l2):
    x, y = two_classes(seed)
    theirs = LogisticRegression(C=1 / (len(x) * l2), tol=1e-10, max_iter=10_000)
    theirs.fit(x.numpy(), y.numpy())
    w, b = linear_probe(x, y, l2)
    assert torch.allclose(w, torch.tensor(theirs.coef_[0]), rtol=1e-4, atol=1e-5)
    assert b.item() == pytest.approx(theirs.intercept_[0], rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_whitened_is_fishers_discriminant(seed):
    x, y = two_classes(seed)
    theirs = LinearDiscriminantAnalysis(solver="lsqr").fit(x.numpy(), y.numpy())
    ours = whitened(x[y], x[~y], ridge=0.0)
    cosine = torch.cosine_similarity(ours, torch.tensor(theirs.coef_[0]), dim=0)
    assert cosine.item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_auroc(seed):
    x, y = two_classes(seed)
    score = x[:, 0].round()  # with ties
    theirs = roc_auc_score(y.numpy(), score.numpy())
    assert auroc(score[y], score[~y]) == pytest.approx(theirs, abs=1e-12)
