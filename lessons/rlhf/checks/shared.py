"""What several checks of this lesson share: small inputs and truths by hand."""

import torch

from utils.grading import require


def same_dtype(got, *inputs):
    """An answer keeps the precision of its inputs."""
    require(torch.is_tensor(got), "a tensor", got)
    require(got.dtype == inputs[0].dtype, inputs[0].dtype, got.dtype)


def gradient(result, *inputs):
    """d result / d inputs for a scalar result; None where no gradient arrives."""
    there = torch.is_tensor(result) and result.requires_grad
    require(there, "a result with a gradient", result)
    return torch.autograd.grad(result, inputs, allow_unused=True)


def some_logprobs(seed, *shape):
    """Log-probabilities of tokens under two policies."""
    g = torch.Generator().manual_seed(seed)
    return -3 * torch.rand(shape, generator=g), -3 * torch.rand(shape, generator=g)
