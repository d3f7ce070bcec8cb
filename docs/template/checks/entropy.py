"""How `entropy` is judged: checks, mistakes, right answers."""

import math

import torch
from lessons.my_topic.exercises import entropy

from utils.grading import expect, require


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


@entropy.right("by torch's own distribution")
def _(p):
    return torch.distributions.Categorical(probs=p).entropy()


@entropy.right("by where: a term with p = 0 counts as 0")
def _(p):
    safe = torch.where(p > 0, p, 1)
    return (safe * safe.log()).sum(-1).neg()
