"""The preference model of this lesson: a reward for each phrase's first, second and third use.

Linear in its weights, so its fit to labels has one optimum, and Newton's method finds it exactly.
"""

from functools import cache

import torch
from torch import Tensor

from lessons.ai_feedback.replies import PROMPTS, counts

COPIES = 3
SPREAD = 1.0  # of a weight that all prompts share, beforehand
OWN = 0.4  # of what a prompt adds to it: so what is learned on one prompt leaks to others


def fit_preferences(
    difference: Tensor, label: Tensor, spread: Tensor | float = 1.0, steps: int = 10
) -> Tensor:
    """The weights with which σ(difference @ weights) fits the labels best, by a ridge: (features,).

    difference: (pairs, features), what the first reply has more than the second. label: (pairs,),
    0 to 1. spread: standard deviation of a normal prior on the weights. Newton's method: the
    gradient is the model's probability less the label, times the difference, plus the ridge's.
    """
    weights = difference.new_zeros(difference.shape[1])
    ridge = torch.diag(torch.as_tensor(spread, dtype=weights.dtype).expand(len(weights)) ** -2)
    for _ in range(steps):
        chance = torch.sigmoid(difference @ weights)
        gradient = difference.T @ (chance - label) + ridge @ weights
        curvature = (difference * (chance * (1 - chance))[:, None]).T @ difference + ridge
        weights = weights - torch.linalg.solve(curvature, gradient)
    return weights


@cache
def features() -> Tensor:
    """Whether each phrase stands in a reply once, twice, three times: (32768, 24)."""
    return torch.cat([(counts() > i).double() for i in range(COPIES)], 1)


def _with_prompt(prompt: Tensor, reply: Tensor) -> Tensor:
    """Features that all prompts share, and a copy for each prompt of its own: (n, 168)."""
    shared = features()[reply]
    size = shared.shape[1]
    own = shared.new_zeros(len(reply), size * len(PROMPTS))
    own.scatter_(1, prompt[:, None] * size + torch.arange(size), shared)
    return torch.cat([shared, own], 1)


def fit_rewards(prompt: Tensor, first: Tensor, second: Tensor, label: Tensor) -> Tensor:
    """A preference model fitted to labeled pairs: the reward of every reply, (6, 32768), nats."""
    difference = _with_prompt(prompt, first) - _with_prompt(prompt, second)
    size = features().shape[1]
    spread = difference.new_full((difference.shape[1],), OWN)
    spread[:size] = SPREAD
    weights = fit_preferences(difference, label, spread)
    shared, own = weights[:size], weights[size:].view(len(PROMPTS), size)
    return (shared + own) @ features().T
