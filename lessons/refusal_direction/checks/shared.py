"""What several checks of this lesson share: small inputs, and truths by plain loops."""

import math

import torch


def vectors(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Standard normal numbers of a shape."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def dot(a: torch.Tensor, b: torch.Tensor) -> float:
    """A dot product, number by number."""
    return sum(x * y for x, y in zip(a.tolist(), b.tolist(), strict=True))


def length(a: torch.Tensor) -> float:
    return math.sqrt(dot(a, a))


def without(a: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """One vector less its component along a direction, number by number."""
    share = dot(a, direction) / dot(direction, direction)
    kept = [x - share * d for x, d in zip(a.tolist(), direction.tolist(), strict=True)]
    return torch.tensor(kept, dtype=a.dtype)
