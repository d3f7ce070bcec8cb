"""What several checks of this lesson share: small inputs and truths by hand."""

import math

import torch


def overlaps_by_hand(W):
    """Ŵ_i·W_j for every i and j, in plain loops; rows of zeros for absent features."""
    n = W.shape[1]
    rows = []
    for i in range(n):
        length = math.sqrt(sum(v * v for v in W[:, i].tolist()))
        direction = [v / length if length else 0.0 for v in W[:, i].tolist()]
        rows.append(
            [sum(a * b for a, b in zip(direction, W[:, j].tolist(), strict=True)) for j in range(n)]
        )
    return rows


def pentagon(n=5):
    angles = torch.arange(n) * 2 * math.pi / n
    return torch.stack([angles.cos(), angles.sin()])
