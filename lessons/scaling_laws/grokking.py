"""Addition modulo a prime from part of its table: networks of several kinds learn it at once."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.notebook import generator

PRIME, WIDTH, HIDDEN, STEPS, RATE, LOOK_EVERY = 47, 32, 96, 1600, 0.01, 40
BETAS = 0.9, 0.98


class Kind(NamedTuple):
    """What a network is trained on: its share of the table, its weight decay, its labels."""

    share: float = 0.5
    decay: float = 2.0
    shuffled: bool = False


FULL, NO_DECAY, SHUFFLED = Kind(), Kind(decay=0.0), Kind(shuffled=True)
SHARES = [Kind(share=0.3), Kind(share=0.4), FULL]
KINDS = [*SHARES, NO_DECAY, SHUFFLED]


class Grown(NamedTuple):
    """Of each kind, at each look, (looks, kinds): accuracies, test loss, measures, norm."""

    steps: list[int]
    kinds: list[Kind]
    train: Tensor
    test: Tensor
    nats: Tensor  # test loss
    rank: Tensor  # how many wrong answers stand above the right one, mean over test pairs
    share: Tensor  # see `sum_share`
    restricted: Tensor  # test accuracy of the logits' part that depends on a + b alone
    norm: Tensor

    def of(self, kind: Kind, name: str) -> Tensor:
        """One measure of one kind, (looks,)."""
        return getattr(self, name)[:, self.kinds.index(kind)]


def by_sum(values: Tensor) -> Tensor:
    """The mean over all pairs (a, b) with the same sum modulo p, for each sum.

    values: (…, p, p, classes), a table over (a, b). Returns (…, p, classes).
    """
    p = values.shape[-3]
    a = torch.arange(p)
    return torch.stack([values[..., a, (s - a) % p, :].mean(-2) for s in range(p)], -2)


def sum_share(values: Tensor) -> Tensor:
    """Which share of a table's variance over (a, b) depends on a + b alone, (…)."""
    within = by_sum(values).var(-2, correction=0).sum(-1)
    return within / values.flatten(-3, -2).var(-2, correction=0).sum(-1)


def grow(seed: int, kinds: Sequence[Kind] = KINDS, steps: int = STEPS) -> Grown:
    """Train one network of each kind, all at once, on the whole of their training pairs.

    Pairs are unordered: (a, b) is never in training while (b, a) is in the test.
    """
    if not kinds or steps < LOOK_EVERY:
        raise ValueError(f"there must be at least one kind and {LOOK_EVERY} steps")
    if any(not 0.02 <= k.share <= 0.95 or k.decay < 0 for k in kinds):
        raise ValueError("shares are from 0.02 to 0.95, weight decay is not negative")
    g, n = generator(seed), len(kinds)
    a, b = torch.triu_indices(PRIME, PRIME)
    pairs, order = len(a), torch.randperm(len(a), generator=g)
    true = (a + b) % PRIME
    mixed = true[torch.randperm(pairs, generator=g)]
    labels = torch.stack([mixed if k.shuffled else true for k in kinds])
    seen = torch.zeros(n, pairs)
    for i, k in enumerate(kinds):
        seen[i, order[: round(k.share * pairs)]] = 1
    some = order[: int(seen.sum(1).max())]  # pairs that any of them trains on
    weight = seen[:, some] / seen.sum(1, keepdim=True)
    shapes = ((PRIME, WIDTH), (WIDTH, HIDDEN), (HIDDEN, PRIME))
    scales = (WIDTH, WIDTH, HIDDEN)
    start = [
        torch.randn(s, generator=g) / math.sqrt(c) for s, c in zip(shapes, scales, strict=True)
    ]
    weights = [w.expand(n, -1, -1).clone().requires_grad_() for w in start]
    table = torch.zeros(PRIME, PRIME, dtype=torch.long)
    table[a, b] = table[b, a] = torch.arange(pairs)
    decay = torch.tensor([k.decay for k in kinds])[:, None, None]

    def logits(which: Tensor) -> Tensor:
        embedding, inside, out = weights
        return ((embedding[:, a[which]] + embedding[:, b[which]]) @ inside).relu() @ out

    def look() -> tuple[Tensor, ...]:
        every = logits(torch.arange(pairs))
        nats = -every.log_softmax(-1).gather(-1, labels[..., None])[..., 0]
        above = (every > every.gather(-1, labels[..., None])).sum(-1)
        whole = every[:, table]
        only_sums = by_sum(whole)[:, true]
        right, still = (x.argmax(-1) == labels for x in (every, only_sums))
        tested = 1 - seen

        def mean(x: Tensor, where: Tensor) -> Tensor:
            return (x * where).sum(1) / where.sum(1)

        norm = sum(w.square().sum((1, 2)) for w in weights).sqrt()
        return (mean(right, seen), mean(right, tested), mean(nats, tested), mean(above, tested),
                sum_share(whole), mean(still, tested), norm)  # fmt: skip

    looks = []
    first, second = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    for step in range(steps + 1):
        if step % LOOK_EVERY == 0:
            with torch.no_grad():
                looks.append(look())
        each = F.cross_entropy(
            logits(some).flatten(0, 1), labels[:, some].flatten(), reduction="none"
        )
        gradients = torch.autograd.grad((each.view(n, -1) * weight).sum(), weights)
        with torch.no_grad():  # AdamW, with a decay for each network
            for w, grad, m, v in zip(weights, gradients, first, second, strict=True):
                m.lerp_(grad, 1 - BETAS[0])
                v.lerp_(grad.square(), 1 - BETAS[1])
                w.mul_(1 - RATE * decay)
                unbiased = (v / (1 - BETAS[1] ** (step + 1))).sqrt() + 1e-8
                w.addcdiv_(m / (1 - BETAS[0] ** (step + 1)), unbiased, value=-RATE)
    measures = (torch.stack(m) for m in zip(*looks, strict=True))
    return Grown([*range(0, steps + 1, LOOK_EVERY)], list(kinds), *measures)
