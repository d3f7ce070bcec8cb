"""What the checks of both losses share: a look at the loss, and at its gradient."""

import torch

from utils.grading import require


def one_number(loss):
    """See that a loss is one finite number."""
    require(torch.is_tensor(loss) and loss.shape == (), "a scalar tensor", loss)
    require(bool(torch.isfinite(loss)), "a finite loss", loss)
    return loss


def gradient(fn, logits, *args):
    """What a loss sends back to the student's logits."""
    logits = logits.clone().requires_grad_()
    loss = one_number(fn(logits, *args))
    require(loss.requires_grad, "a loss through which the student learns", loss)
    return torch.autograd.grad(loss, logits)[0]
