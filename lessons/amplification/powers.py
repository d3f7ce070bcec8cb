"""The world of powers: a permutation σ, and the question what 2^level steps of it do to x.

Many small networks are trained side by side, each on a permutation of its own, or on labels of its
own. Tensors of answers have a first dimension for the network.
"""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from utils.notebook import generator

N, LEVELS = 32, 7  # 32 symbols; σ¹, σ², σ⁴ … σ⁶⁴

Answer = Callable[[Tensor, Tensor], Tensor]  # levels and symbols, alike in shape, to symbols


def permutations(count: int, seed: int, n: int = N) -> Tensor:
    """Random permutations, (count, n): what one step makes of each symbol."""
    if not (isinstance(count, int) and isinstance(n, int) and count >= 1 and n >= 2):
        raise ValueError(f"whole numbers: 1 permutation or more, 2 symbols or more: not {count, n}")
    return torch.rand(count, n, generator=generator(seed)).argsort(1)


def lookup(table: Tensor) -> Callable[[Tensor], Tensor]:
    """Who knows a table by heart, (count, n): from symbols (count, q) to what one step makes."""
    return lambda x: table.gather(1, x)


def powers(table: Tensor, levels: int = LEVELS) -> Tensor:
    """What 2^level steps make of each symbol, (levels, count, n)."""
    steps = [table]
    for _ in range(levels - 1):
        steps.append(steps[-1].gather(1, steps[-1]))
    return torch.stack(steps)


class Answerers(nn.Module):
    """`count` networks of one hidden layer. Each reads a level and a symbol, and scores symbols."""

    def __init__(self, count: int, seed: int, n: int = N, levels: int = LEVELS, width: int = 128):
        super().__init__()
        g, self.n, self.levels = generator(seed), n, levels
        read = torch.randn(count, levels + n, width, generator=g)
        write = torch.randn(count, width, n, generator=g)
        self.read, self.write = nn.Parameter(read), nn.Parameter(write / width**0.5)
        self.bias = nn.Parameter(torch.zeros(count, 1, n))

    def forward(self, level: Tensor, x: Tensor) -> Tensor:
        """Levels and symbols, (count, q), to scores of each symbol, (count, q, n)."""
        if len(x) != len(self.read):
            raise ValueError(f"{len(self.read)} networks, but questions for {len(x)}")
        if x.numel() and (level.max() >= self.levels or x.max() >= self.n):
            raise ValueError(f"levels 0 to {self.levels - 1}, symbols 0 to {self.n - 1}, no others")
        asked = x.new_zeros(*x.shape, self.levels + self.n, dtype=self.read.dtype)
        asked.scatter_(-1, torch.stack([level, self.levels + x], -1), 1.0)
        return torch.baddbmm(self.bias, (asked @ self.read).relu(), self.write)

    def answer(self, level: Tensor, x: Tensor) -> Tensor:
        """The symbols with the best score, (count, q)."""
        with torch.no_grad():
            return self(level, x).argmax(-1)


def slow_copy(model: nn.Module) -> nn.Module:
    """A copy that will follow the model, and is not trained itself."""
    return copy.deepcopy(model).requires_grad_(False)


def follow(teacher: nn.Module, student: nn.Module, rate: float = 0.05) -> None:
    """Move each weight of the slow copy a little towards the student's."""
    with torch.no_grad():
        torch._foreach_lerp_([*teacher.parameters()], [*student.parameters()], rate)


def by_level(answer: Answer, truth: Tensor) -> Tensor:
    """The share of right answers, (levels, count), to all symbols. truth: from `powers`."""
    levels, count, n = truth.shape
    x = torch.arange(n).expand(count, n)
    right = [answer(torch.full_like(x, j), x) == truth[j] for j in range(levels)]
    return torch.stack(right).double().mean(-1)
