"""Questions with a rare negation: networks of seven widths learn them at once."""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.notebook import generator

WIDTHS = [1, 2, 4, 8, 16, 32, 64]
QUESTIONS, INPUTS, STEPS, RATE, DRAWS = 128, 16, 400, 0.01, 3
FAINT = 0.2  # how strongly the "not" shows in the input; a question has length 4 or so


class Answers(NamedTuple):
    """By width: right answers to plain questions, to negated ones trained on, and to new ones."""

    plain: Tensor
    negated: Tensor
    new: Tensor


def learn_questions(seed: int, share: float, steps: int = STEPS) -> Answers:
    """Yes-or-no questions, `share` of them with a "not", which turns the answer around.

    Half of the questions occur with a "not" in training, each as often; the others never do: with
    a "not" they are the new ones. Means over several draws of questions and weights.
    """
    if not 0 <= share < 1 or steps < 1:
        raise ValueError("share is from 0 to below 1, and there must be at least one step")
    g, n, top = generator(seed), len(WIDTHS), max(WIDTHS)
    faces = torch.randn(DRAWS, QUESTIONS, INPUTS, generator=g)
    answers = torch.randint(2, (DRAWS, QUESTIONS), generator=g)
    plain = torch.cat([faces, torch.full((DRAWS, QUESTIONS, 1), -FAINT)], -1)
    negated = torch.cat([faces, torch.full((DRAWS, QUESTIONS, 1), FAINT)], -1)
    x, y = torch.cat([plain, negated], 1), torch.cat([answers, 1 - answers], 1)
    x, y = x[:, None], y[:, None].expand(-1, n, -1)
    half = QUESTIONS // 2
    weight = torch.cat([torch.full((QUESTIONS,), (1 - share) / QUESTIONS),
                        torch.full((half,), share / half), torch.zeros(half)])  # fmt: skip
    own = torch.stack([(torch.arange(top) < w).float() for w in WIDTHS])[:, None]
    scale = (own[:, 0] / torch.tensor(WIDTHS)[:, None] ** 0.5)[..., None]
    weights = [
        torch.randn(DRAWS, n, INPUTS + 1, top, generator=g) / math.sqrt(INPUTS),
        torch.zeros(DRAWS, n, 1, top),
        torch.randn(DRAWS, n, top, 2, generator=g) * scale,
        torch.zeros(DRAWS, n, 1, 2),
    ]
    for w in weights:
        w.requires_grad_()

    def logits() -> Tensor:
        return ((x @ weights[0] + weights[1]).relu() * own) @ weights[2] + weights[3]

    adam = torch.optim.Adam(weights, lr=RATE)
    for _ in range(steps):
        each = F.cross_entropy(logits().flatten(0, 2), y.flatten(), reduction="none")
        adam.zero_grad()
        (each.view(y.shape) * weight).sum().backward()
        adam.step()
    with torch.no_grad():
        right = (logits().argmax(-1) == y).double().mean(0)
    parts = right.split([QUESTIONS, half, half], -1)
    return Answers(*(p.mean(-1) for p in parts))
