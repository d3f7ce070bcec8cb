"""What this lesson computes without sampling: pushes on the length, and the optima of two KLs."""

import numpy as np
import torch
from torch import Tensor

from lessons.verifiable_rewards.exercises import group_advantages


def chances(s: float) -> np.ndarray:
    """How likely 0, 1, 2, … fillers are, if each token after the answer stops with chance s."""
    n = np.arange(int(40 / s))
    return s * (1 - s) ** n


def slopes(s: float) -> np.ndarray:
    """By how much the stop logit changes log π of an answer with 0, 1, 2, … fillers."""
    return (1 - s) - s * np.arange(int(40 / s))


def push(s: float, group: int) -> float:
    """The mean of slope over divisor, for an advantage of 1, as a share of one constant divisor's.

    The divisor is the mean length of `group` answers, its own among them: with 1 GRPO's, with
    more that of a mean over their tokens. In units of 1 / (mean length).
    """
    p, slope = chances(s), slopes(s)
    length = np.arange(len(p)) + 2  # the answer, fillers, the stop
    size = len(p) * group
    others = np.fft.irfft(np.fft.rfft(p, size) ** (group - 1), size).clip(0)  # fillers of the rest
    rest = np.arange(size) + 2 * (group - 1)
    inverse = np.array([(others / (one + rest)).sum() for one in length])
    return float(group * (p * slope * inverse).sum() * (p * length).sum())


def group_weight(right: int, group: int, how: str) -> float:
    """The sum of absolute advantages of a group with so many right answers."""
    rewards = (torch.arange(group) < right).double()[None]
    return group_advantages(rewards, how).abs().sum().item()


def right_under_kl(right: float, beta: float) -> float:
    """Where reward less β KL(π‖π_ref) is highest: the chance of a right answer; right: π_ref's."""
    logit = np.log(right / (1 - right)) + 1 / beta
    return float(1 / (1 + np.exp(-logit)))


def right_under_k3(right: float, beta: float) -> float:
    """Where reward and k3 as a loss balance: the best of reward less β KL(π_ref‖π); bisection."""
    low, high = right, 1 - 1e-15
    for _ in range(100):
        p = (low + high) / 2
        slope = 1 + beta * (right / p - (1 - right) / (1 - p))
        low, high = (p, high) if slope > 0 else (low, p)
    return (low + high) / 2


def gradient_of_kl(logits: Tensor, ref_logprobs: Tensor, other: bool = False) -> Tensor:
    """The exact gradient of KL(π‖π_ref) in a softmax's logits, or of the other KL, by autograd."""
    x = logits.detach().clone().requires_grad_()
    p = x.log_softmax(0)
    kl = (ref_logprobs.exp() * (ref_logprobs - p)) if other else p.exp() * (p - ref_logprobs)
    return torch.autograd.grad(kl.sum(), x)[0]
