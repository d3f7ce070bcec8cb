"""Networks that learn strings by heart, of eight widths at once: emergence, or its appearance."""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.notebook import generator

WIDTHS = [4, 6, 8, 12, 16, 24, 32, 48, 64]
KEYS, LENGTH, TOKENS, INPUTS, STEPS, RATE = 400, 6, 10, 24, 350, 0.015


class Recall(NamedTuple):
    """By width: loss in nats a token, shares of right tokens and of wholly right strings."""

    nats: Tensor
    token: Tensor
    exact: Tensor
    right: Tensor  # (widths, keys, LENGTH), which tokens are right


def learn_strings(seed: int, steps: int = STEPS, length: int = LENGTH) -> Recall:
    """One hidden layer reads a key and writes all tokens of its string. All widths at once."""
    if steps < 1 or length < 1:
        raise ValueError("there must be at least one step and one token")
    g, n, top = generator(seed), len(WIDTHS), max(WIDTHS)
    strings = torch.randint(TOKENS, (KEYS, length), generator=g)
    keys = torch.randn(KEYS, INPUTS, generator=g) * 2 / math.sqrt(INPUTS)
    own = torch.stack([(torch.arange(top) < w).float() for w in WIDTHS])[:, None]
    scale = (own[:, 0] / torch.tensor(WIDTHS)[:, None] ** 0.5)[..., None]
    weights = [
        torch.randn(n, INPUTS, top, generator=g) / math.sqrt(INPUTS),
        torch.zeros(n, 1, top),
        torch.randn(n, top, length * TOKENS, generator=g) * scale,
        torch.zeros(n, 1, length * TOKENS),
    ]
    for w in weights:
        w.requires_grad_()

    def logits() -> Tensor:
        hidden = (keys @ weights[0] + weights[1]).relu() * own
        return (hidden @ weights[2] + weights[3]).view(n, KEYS, length, TOKENS)

    targets = strings.expand(n, -1, -1)
    adam = torch.optim.Adam(weights, lr=RATE)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        adam.zero_grad()
        (F.cross_entropy(logits().flatten(0, 2), targets.flatten()) * n).backward()
        adam.step()
        slower.step()
    with torch.no_grad():
        out = logits()
        nats = -out.log_softmax(-1).gather(-1, targets[..., None])[..., 0]
        right = out.argmax(-1) == targets
    return Recall(
        nats.mean((1, 2)), right.float().mean((1, 2)), right.all(-1).float().mean(1), right
    )
