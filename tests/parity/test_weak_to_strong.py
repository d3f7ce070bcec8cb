"""The weak-to-strong lesson's pieces beside torch's own primitives, scipy's and the published loss.

torch: F.kl_div with reduction="batchmean", F.cross_entropy with class probabilities as target.
The published logconf loss (openai/weak-to-strong, weak_to_strong/loss.py) is restated here in torch
calls: a quantile at the weak labels' mean, hardened labels mixed in, two-column cross-entropy.
"""

import numpy as np
import pytest
import scipy.stats
import torch
from torch.nn import functional as F

from lessons.weak_to_strong.exercises import (
    bootstrap_interval,
    confidence_loss,
    distillation_loss,
    performance_gap_recovered,
)

SEEDS = range(5)


def draw(seed, *shape, scale=2.0):
    g = torch.Generator().manual_seed(seed)
    return scale * torch.randn(shape, generator=g, dtype=torch.float64)


def same_with_gradients(ours, theirs, inputs, atol=1e-9):
    torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)
    pairs = (torch.autograd.grad(loss, inputs)[0] for loss in (ours, theirs))
    torch.testing.assert_close(*pairs, rtol=0, atol=atol)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0, 20.0])
@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_distillation_loss_is_torchs_kl_div_and_cross_entropy(seed, temperature, alpha):
    student, teacher = draw(seed, 9, 6).requires_grad_(), draw(seed + 50, 9, 6)
    labels = torch.randint(6, (9,), generator=torch.Generator().manual_seed(seed))
    soft = F.kl_div(
        F.log_softmax(student / temperature, -1), F.log_softmax(teacher / temperature, -1),
        reduction="batchmean", log_target=True,
    )  # fmt: skip
    theirs = alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student, labels)
    same_with_gradients(
        distillation_loss(student, teacher, labels, temperature, alpha), theirs, student
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_its_gradient_is_that_of_cross_entropy_with_soft_targets(seed):
    student, teacher = draw(seed, 9, 6).requires_grad_(), draw(seed + 50, 9, 6)
    labels = torch.zeros(9, dtype=torch.long)
    soft = F.cross_entropy(student / 3.0, (teacher / 3.0).softmax(-1))
    ours = distillation_loss(student, teacher, labels, 3.0, 1.0)
    pairs = (torch.autograd.grad(loss, student)[0] for loss in (ours, 9 * soft))
    torch.testing.assert_close(*pairs, rtol=0, atol=1e-9)


def two_columns(logits):
    """Logits of no and of yes whose softmax is the sigmoid of ours."""
    return torch.stack([torch.zeros_like(logits), logits], 1)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.75, 1.0])
@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7])
def test_confidence_loss_is_cross_entropy_with_two_soft_targets(seed, alpha, threshold):
    logits, weak = draw(seed, 40).requires_grad_(), draw(seed + 50, 40).sigmoid()
    hardened = (logits.sigmoid() > threshold).double().detach()
    theirs = sum(
        weight * F.cross_entropy(two_columns(logits), torch.stack([1 - y, y], 1))
        for weight, y in ((1 - alpha, weak), (alpha, hardened))
    )
    same_with_gradients(confidence_loss(logits, weak, alpha, threshold), theirs, logits)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.75])
def test_the_balanced_confidence_loss_is_the_published_one(seed, alpha):
    logits, weak = draw(seed, 41).requires_grad_(), draw(seed + 50, 41).sigmoid()
    columns, labels = two_columns(logits), torch.stack([1 - weak, weak], 1)
    no = columns.softmax(-1)[:, 0]
    threshold = torch.quantile(no, labels.mean(0)[1])
    own = torch.stack([no >= threshold, no < threshold], 1).double()
    theirs = F.cross_entropy(columns, (1 - alpha) * labels + alpha * own)
    same_with_gradients(confidence_loss(logits, weak, alpha), theirs, logits)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n", [8, 40])
def test_bootstrap_interval_is_scipys_percentile_bootstrap(seed, n):
    values = draw(seed, n, 3) ** 2
    ours = torch.stack(
        [bootstrap_interval(values, torch.Generator().manual_seed(s)) for s in range(10)]
    ).mean(0)
    found = scipy.stats.bootstrap(
        (values.numpy(),), np.mean, axis=0, method="percentile", confidence_level=0.95,
        n_resamples=40_000, rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    width = torch.tensor(found.high - found.low)
    for mine, his in zip(ours, (found.low, found.high), strict=True):
        assert ((mine - torch.tensor(his)).abs() < 0.03 * width).all()


def test_performance_gap_recovered_is_interpolation_undone():
    weak, ceiling = torch.rand(50) / 2, 0.6 + torch.rand(50) / 3
    share = torch.linspace(-1, 2, 50)
    found = performance_gap_recovered(weak, torch.lerp(weak, ceiling, share), ceiling)
    torch.testing.assert_close(found, share, atol=1e-4, rtol=1e-4)
