"""The world of digits: readers, small networks that see an image or a part of it, side by side."""

from collections.abc import Callable
from functools import cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F

from utils.notebook import generator

Reader = Callable[[Tensor], Tensor]  # inputs (readers, rows, d) to scores (readers, rows, answers)


@cache
def digits() -> tuple[Tensor, Tensor]:
    """scikit-learn's 1,797 digits: images (n, 64) from 0 to 1, and the digits, (n,)."""
    data = load_digits()
    return torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)


def shuffled(seed: int) -> tuple[Tensor, Tensor]:
    """The digits in an order of this seed."""
    images, truth = digits()
    order = torch.randperm(len(truth), generator=generator(seed))
    return images[order], truth[order]


def readers(
    x: Tensor, y: Tensor, seed: int, steps: int = 150, width: int = 32, answers: int = 10,
    decay: float = 1e-3, lr: float = 0.01, alike: bool = False,
) -> Reader:  # fmt: skip
    """Networks of one hidden layer, a reader for each x[i], y[i]. Full-batch Adam.

    x: (readers, n, d); y: (readers, n). alike: all begin with the same weights.
    """
    count, _, d = x.shape
    g = generator(seed)
    starts = 1 if alike else count
    first = torch.randn(starts, d, width, generator=g).expand(count, -1, -1) * (2 / d) ** 0.5
    last = torch.randn(starts, width, answers, generator=g).expand(count, -1, -1) / width**0.5
    weights = [first, torch.zeros(count, 1, width), last, torch.zeros(count, 1, answers)]
    a, b, c, e = parameters = [w.clone().requires_grad_() for w in weights]

    def scores(inputs: Tensor) -> Tensor:
        return torch.baddbmm(e, torch.baddbmm(b, inputs, a).relu(), c)

    adam = torch.optim.AdamW(parameters, lr, weight_decay=decay, fused=True)
    for _ in range(steps):
        loss = F.cross_entropy(scores(x).flatten(0, 1), y.flatten()) * count
        adam.zero_grad()
        loss.backward()
        adam.step()
    frozen = [p.detach() for p in parameters]

    def read(inputs: Tensor) -> Tensor:
        a, b, c, e = frozen
        return torch.baddbmm(e, torch.baddbmm(b, inputs.expand(count, -1, -1), a).relu(), c)

    return read
