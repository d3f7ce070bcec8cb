"""What several checks of this lesson share: small inputs and truths by hand."""

import torch
from torch import Tensor

ROUND = torch.tensor([[0, 0.4, -0.2], [-0.4, 0, 0.6], [0.2, -0.6, 0]], dtype=torch.float64)


def random_margins(seed: int, n: int) -> Tensor:
    """Antisymmetric margins between −1 and 1, none of them 0 off the diagonal."""
    g = torch.Generator().manual_seed(seed)
    upper = torch.triu(2 * torch.rand(n, n, generator=g, dtype=torch.float64) - 1, 1)
    return upper - upper.T


def random_preferences(seed: int, n: int, dtype=torch.float64) -> Tensor:
    """Shares, [i, j] + [j, i] = 1, and nan on the diagonal."""
    shares = (1 + random_margins(seed, n)) / 2
    return shares.fill_diagonal_(float("nan")).to(dtype)


def random_wins(seed: int, n: int, most: int = 9) -> Tensor:
    """Counts of wins, every pair won at least once each way."""
    g = torch.Generator().manual_seed(seed)
    wins = torch.randint(1, most + 1, (n, n), generator=g).double()
    return wins.fill_diagonal_(0)
