"""What the learner writes in this lesson."""

import math

import torch
from torch import Tensor

from utils.exercises import exercise, expect, require


@exercise(
    difficulty=1,
    minutes=5,
    teaches="the mean surprise of a distribution, and its limit at zero",
    hints=["A term with p = 0 counts as 0, but 0 · log 0 is NaN.", "torch.xlogy(p, p) knows that."],
)
def entropy(p: Tensor) -> Tensor:
    """Shannon entropy −Σ p log p, in nats (Shannon 1948).

    p: (..., n), probabilities that sum to 1 over the last dimension. Returns (...,).
    """
    return -torch.xlogy(p, p).sum(-1)


@entropy.check
def certainty_has_none(fn):
    expect(fn(torch.tensor([1.0, 0.0])), torch.tensor(0.0))


@entropy.check
def n_equal_chances_have_log_n(fn):
    for n in (1, 2, 5):
        expect(fn(torch.full((n,), 1 / n)), torch.tensor(math.log(n)))


@entropy.check
def independent_choices_add_up(fn):
    p, q = torch.tensor([0.2, 0.8]), torch.tensor([0.5, 0.3, 0.2])
    both = fn((p[:, None] * q).flatten())
    require(torch.is_tensor(both) and both.shape == (), "a scalar tensor", both)
    expect(both, fn(p) + fn(q))


@entropy.check
def each_row_has_its_own(fn):
    expect(fn(torch.tensor([[1.0, 0.0], [0.5, 0.5]])), torch.tensor([0.0, math.log(2)]))


@entropy.mistake("the sign is missing")
def _(p):
    return torch.xlogy(p, p).sum(-1)


@entropy.mistake("measured in bits, where nats were asked for")
def _(p):
    return -torch.xlogy(p, p).sum(-1) / math.log(2)


@entropy.mistake("0 · log 0 gives NaN")
def _(p):
    return -(p * p.log()).sum(-1)
