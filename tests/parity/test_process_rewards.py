"""Our process loss beside transformers' loss for token classification, to 1e-6.

`make parity` runs this in an environment of its own (transformers 5.23.0). Process reward models
are commonly trained as token classifiers with two classes, where −100 marks what has no label.
(trl 1.16 has no trainer for them any more.)
"""

from types import SimpleNamespace

import pytest
import torch
from transformers.loss.loss_utils import ForTokenClassification

from lessons.process_rewards.exercises import process_loss

CONFIG = SimpleNamespace(num_labels=2)


def theirs(logits, labels):
    """The classifier's loss, if class "right" is ahead of class "wrong" by our logits."""
    two = torch.stack([-logits / 2, logits / 2], -1)
    return ForTokenClassification(two, torch.where(labels < 0, -100, labels), CONFIG)


def case(seed, unlabeled=0.3):
    g = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(5, 7, generator=g, dtype=torch.float64)
    labels = (torch.rand(5, 7, generator=g) < 0.7).long()
    return logits.requires_grad_(), labels.masked_fill(
        torch.rand(5, 7, generator=g) < unlabeled, -1
    )


@pytest.mark.parametrize("seed", range(5))
def test_process_loss_and_its_gradient(seed):
    logits, labels = case(seed)
    ours, other = process_loss(logits, labels, False), theirs(logits.float(), labels)
    assert torch.allclose(ours.float(), other, rtol=1e-6, atol=1e-6)
    grad = torch.autograd.grad(ours, logits)[0]
    assert torch.allclose(grad, torch.autograd.grad(other, logits)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_stopping_at_the_first_error_is_masking_what_follows(seed):
    logits, labels = case(seed)
    wrong = (labels == 0).long()
    masked = torch.where(wrong.cumsum(1) - wrong > 0, -1, labels)
    ours = process_loss(logits, labels)
    assert torch.allclose(ours.float(), theirs(logits.float(), masked), rtol=1e-6, atol=1e-6)
