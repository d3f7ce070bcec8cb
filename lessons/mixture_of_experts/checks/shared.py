"""What several checks of this lesson share: inputs without ties, and sums by hand."""

import math

import torch


def logits_without_ties(n_tokens, n_experts, seed=0):
    """Rows that are permutations of evenly spaced numbers, shifted at random: no two are equal."""
    g = torch.Generator().manual_seed(seed)
    order = torch.rand(n_tokens, n_experts, generator=g).argsort(-1)
    return 0.7 * order.float() - 1.5 + torch.randn(n_tokens, 1, generator=g)


def softmax_by_hand(row):
    high = max(row)
    parts = [math.exp(v - high) for v in row]
    return [v / sum(parts) for v in parts]


def loss_by_hand(probs, chosen):
    """N Σ f P in plain loops."""
    n_tokens, n = probs.shape
    k = chosen.shape[1]
    total = 0.0
    for i in range(n):
        f = sum(c == i for row in chosen.tolist() for c in row) / (n_tokens * k)
        total += f * sum(row[i] for row in probs.tolist()) / n_tokens
    return n * total
