"""What several checks of this lesson share: small inputs, and truths by plain loops."""

import math

import torch

from utils.grading import require


def numbers(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Standard normal numbers of a shape."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def is_scalar(got, wanted: float, tol: float = 1e-5) -> None:
    """A scalar tensor in floating point, of the right value."""
    scalar = torch.is_tensor(got) and got.dim() == 0 and got.is_floating_point()
    require(scalar, "a scalar tensor in floating point", got)
    require(abs(got.item() - wanted) <= tol * max(1, abs(wanted)), wanted, got.item())


def is_number(got, wanted: float, tol: float = 1e-6) -> None:
    """A number, or a tensor of one, of the right value."""
    try:
        value = float(got)
    except (TypeError, ValueError, RuntimeError):
        require(False, f"a number, {wanted:g}", got)
    require(abs(value - wanted) <= tol * max(1, abs(wanted)), wanted, got)


def raises_value_error(call, what: str) -> None:
    """Whether a call says that what it was given makes no sense."""
    try:
        got = call()
    except ValueError:
        return
    require(False, f"ValueError: {what}", got)
