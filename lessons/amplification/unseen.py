"""Permutations that nobody labeled: a small transformer that reads a permutation as its context."""

from functools import cache
from itertools import permutations
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons.amplification.powers import follow, powers, slow_copy
from utils.notebook import generator

N, LEVELS, WIDTH = 6, 3, 32  # σ, σ², σ⁴ of six symbols: 720 permutations, 120 of them held out


class Block(nn.Module):
    """Attention over the symbols, one head, then an MLP."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(3))
        self.write = nn.Linear(WIDTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        parts = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2 * WIDTH), nn.ReLU()
        self.mlp = nn.Sequential(*parts, nn.Linear(2 * WIDTH, WIDTH))

    def forward(self, stream: Tensor) -> Tensor:
        h = self.norm(stream)
        pattern = (self.query(h) @ self.key(h).mT / WIDTH**0.5).softmax(-1)
        stream = stream + self.write(pattern @ self.value(h))
        return stream + self.mlp(stream)


class Reader(nn.Module):
    """Reads σ as pairs (x, σ(x)) and a level; scores for each x where 2^level steps end."""

    def __init__(self, seed: int):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.symbol, self.image = nn.Embedding(N, WIDTH), nn.Embedding(N, WIDTH)
            self.level = nn.Embedding(LEVELS, WIDTH)
            self.blocks = nn.Sequential(Block(), Block(), Block())
            self.out = nn.Linear(WIDTH, N)

    def forward(self, table: Tensor, level: Tensor) -> Tensor:
        """Permutations (b, n) and levels (b,) to scores (b, n, n)."""
        pairs = self.symbol.weight + self.image(table) + self.level(level)[:, None]
        return self.out(self.blocks(pairs))


class Learned(NamedTuple):
    """Accuracy on held-out permutations while learning: steps, and (len(steps), levels)."""

    steps: list[int]
    accuracy: Tensor


@cache
def unseen(seed: int, amplified: bool, steps: int = 900, batch: int = 48) -> Learned:
    """Learn powers from labels of level 0 and amplification, or from true labels of all levels."""
    g = generator(seed)
    every = torch.tensor(list(permutations(range(N))))[torch.randperm(720, generator=g)]
    train, test = every[:600], every[600:]
    truth, targets = powers(train, LEVELS), powers(test, LEVELS)
    student = Reader(seed)
    teacher = slow_copy(student)
    adam = torch.optim.Adam(student.parameters(), lr=0.008, fused=True)
    when, seen = [], []
    for step in range(steps + 1):
        rows = torch.randint(600, (batch,), generator=g)
        level = torch.randint(LEVELS, (batch,), generator=g)
        if amplified:
            with torch.no_grad():
                half = teacher(train[rows], (level - 1).clamp(min=0)).argmax(-1)
            label = torch.where(level[:, None] == 0, train[rows], half.gather(1, half))
        else:
            label = truth[level, rows]
        loss = F.cross_entropy(student(train[rows], level).flatten(0, 1), label.flatten())
        adam.zero_grad()
        loss.backward()
        adam.step()
        follow(teacher, student)
        if step % 25 == 0:
            when.append(step)
            seen.append(_accuracy(teacher, test, targets))
    return Learned(when, torch.stack(seen))


def _accuracy(model: Reader, test: Tensor, targets: Tensor) -> Tensor:
    """The share of right answers on these permutations, (levels,)."""
    with torch.no_grad():
        said = [model(test, torch.full((len(test),), j)).argmax(-1) for j in range(LEVELS)]
    return (torch.stack(said) == targets).double().mean((1, 2))
