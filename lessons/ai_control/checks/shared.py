"""What several checks of this lesson share: truths by the standard library, and loops."""

import math
from statistics import NormalDist

import torch

from utils.grading import expect, require

NORMAL = NormalDist()


def above(z: float) -> float:
    """The share of a standard normal above z."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def numbers(got, wanted, tol=1e-4, **given) -> None:
    """A tensor of these numbers, whatever its float type, or one number where one is wanted."""
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    if not torch.is_tensor(got) and wanted.ndim == 0:
        expect(got, wanted.item(), tol, **given)
        return
    expect(got.double() if torch.is_tensor(got) else got, wanted, tol, **given)


def pair(got) -> tuple:
    """Both parts of what should be a pair."""
    require(isinstance(got, tuple | list) and len(got) == 2, "a pair", got)
    return tuple(got)


def spread(seed: int, *shape: int) -> torch.Tensor:
    """Standard normal numbers."""
    g = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=g, dtype=torch.float64)
