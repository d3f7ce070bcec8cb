"""What several checks of this lesson share."""

import math

import torch

from utils.grading import require


def draws(seed, *shape, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=g, dtype=torch.float64).to(dtype)


def token_objective(log_ratio, advantage, low, high):
    """PPO's clipped objective of one token, by hand on plain numbers."""
    ratio = math.exp(log_ratio)
    clipped = min(max(ratio, 1 - low), 1 + high)
    return min(ratio * advantage, clipped * advantage)


def policies(seed, n=6):
    """Log-probabilities of a policy and a reference over n answers, float64."""
    return tuple(draws(seed + i, n).log_softmax(0) for i in (0, 100))


def exact_gradient(f, logits):
    """The gradient of f(log π) in the logits, by finite differences."""
    step, found = 1e-5, []
    for i in range(len(logits)):
        up, down = logits.clone(), logits.clone()
        up[i] += step
        down[i] -= step
        found.append((f(up.log_softmax(0)) - f(down.log_softmax(0))) / (2 * step))
    return torch.stack(found)


def expected_push(weight, logprobs):
    """Σ_y π(y) w(y) ∇ log π(y) in the logits of a softmax: π_i (w_i − mean of w)."""
    p = logprobs.exp()
    return p * (weight - (p * weight).sum())


def scalar(loss):
    require(torch.is_tensor(loss) and loss.shape == (), "a scalar tensor", loss)
    require(bool(torch.isfinite(loss)), "a finite loss", loss)
    return loss
