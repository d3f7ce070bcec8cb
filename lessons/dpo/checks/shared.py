"""What several checks of this lesson share: small inputs and truths by hand."""

import math

import torch

from utils.grading import expect, require


def log_sigmoid(x: float) -> float:
    """log σ(x) for a plain number, right for large |x| too."""
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


def sigmoid(x: float) -> float:
    return math.exp(log_sigmoid(x))


def random_pairs(seed, n, dtype=torch.float32, scale=3.0):
    """Four vectors of log-probabilities, as a policy and its reference might give."""
    g = torch.Generator().manual_seed(seed)
    draws = torch.randn(4, n, generator=g, dtype=torch.float64) * scale - 10
    return tuple(draws.to(dtype))


def margins_by_hand(policy_chosen, policy_rejected, ref_chosen, ref_rejected):
    """The log-ratio of the chosen minus that of the rejected answer, pair by pair."""
    rows = zip(policy_chosen, policy_rejected, ref_chosen, ref_rejected, strict=True)
    return [(a.item() - c.item()) - (b.item() - d.item()) for a, b, c, d in rows]


def of_margin(*margins, dtype=torch.float32):
    """Four vectors with these margins, all other things 0."""
    zero = torch.zeros(len(margins), dtype=dtype)
    return torch.tensor(margins, dtype=dtype), zero.clone(), zero.clone(), zero.clone()


def one_number(loss):
    """See that a loss is one number, finite, and on the graph if its inputs are."""
    require(torch.is_tensor(loss) and loss.shape == (), "a scalar tensor", loss)
    require(bool(torch.isfinite(loss)), "a finite loss", loss)
    return loss


def gradients(fn, inputs, *args, **kwargs):
    """What a loss sends back to the policy's two log-probabilities."""
    a, b, c, d = (x.clone() for x in inputs)
    a.requires_grad_()
    b.requires_grad_()
    loss = one_number(fn(a, b, c, d, *args, **kwargs))
    require(loss.requires_grad, "a loss through which the policy learns", loss)
    return torch.autograd.grad(loss, (a, b), allow_unused=True)


def expect_both(grads, wanted):
    """The gradient of policy_chosen is `wanted`, that of policy_rejected its opposite."""
    for got, sign, name in zip(grads, (1, -1), ("chosen", "rejected"), strict=True):
        require(got is not None, f"a gradient for policy_{name}", got)
        expect(got, sign * wanted)


def margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected):
    """For mistakes and right answers: the margin of each pair, without β."""
    return (policy_chosen - ref_chosen) - (policy_rejected - ref_rejected)
