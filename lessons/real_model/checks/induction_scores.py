"""How `induction_scores` is judged: checks, mistakes, right answers in other styles."""

import numpy as np
import torch

from lessons.real_model.checks.shared import numbers
from lessons.real_model.exercises import induction_scores
from utils.grading import expect


def _patterns(seed, layers, batch, heads, n):
    """Attention that nobody trained: causal, each row sums to 1."""
    future = torch.full((n, n), -torch.inf).triu(1)
    return (numbers(seed, layers, batch, heads, n, n) + future).softmax(-1)


def _by_loops(patterns, period):
    layers, batch, heads, n, _ = patterns.shape
    out = torch.zeros(layers, heads)
    for layer in range(layers):
        for h in range(heads):
            found = [
                patterns[layer, b, h, i, i - period + 1].item()
                for b in range(batch)
                for i in range(period, n)
            ]
            out[layer, h] = sum(found) / len(found)
    return out


@induction_scores.check
def a_perfect_head_has_one(fn):
    pattern = torch.zeros(1, 1, 1, 6, 6)
    for i in range(6):
        pattern[..., i, i - 3 + 1 if i >= 3 else 0] = 1
    expect(fn(pattern, 3), torch.ones(1, 1))


@induction_scores.check
def a_head_that_looks_at_the_same_token_has_zero(fn):
    pattern = torch.zeros(1, 1, 2, 6, 6)
    for i in range(6):
        pattern[0, 0, 0, i, max(i - 3, 0)] = 1
        pattern[0, 0, 1, i, max(i - 1, 0)] = 1
    expect(fn(pattern, 3), torch.zeros(1, 2))


@induction_scores.check
def entry_by_entry(fn):
    for seed, shape, period in ((0, (1, 1, 1, 6), 3), (1, (2, 3, 4, 10), 5), (2, (3, 2, 1, 7), 3),
                                (3, (1, 2, 2, 9), 2)):  # fmt: skip
        patterns = _patterns(seed, *shape)
        expect(fn(patterns, period), _by_loops(patterns, period))


@induction_scores.check
def a_period_of_one_looks_at_itself(fn):
    patterns = _patterns(4, 1, 2, 2, 5)
    expect(fn(patterns, 1), _by_loops(patterns, 1))


@induction_scores.mistake("key i − period: that is the same token, not the one after it")
def _(patterns, period):
    i = torch.arange(period, patterns.shape[-1])
    return patterns[..., i, i - period].mean((1, -1))


@induction_scores.mistake("key i − period − 1: one before the same token, not one after it")
def _(patterns, period):
    i = torch.arange(period, patterns.shape[-1])
    return patterns[..., i, (i - period - 1).clamp(min=0)].mean((1, -1))


@induction_scores.mistake("key i − period + 2: two after the same token, not one")
def _(patterns, period):
    i = torch.arange(period, patterns.shape[-1])
    return patterns[..., i, i - period + 2].mean((1, -1))


@induction_scores.mistake("begins at query period + 1: query period has seen its token before")
def _(patterns, period):
    i = torch.arange(period + 1, patterns.shape[-1])
    return patterns[..., i, i - period + 1].mean((1, -1))


@induction_scores.mistake(
    "diagonal(period − 1) lies in the future: keys come earlier, so 1 − period"
)
def _(patterns, period):
    return patterns.diagonal(period - 1, -2, -1).mean((1, -1))


@induction_scores.mistake("key i − 1: those are previous-token heads")
def _(patterns, period):
    i = torch.arange(period, patterns.shape[-1])
    return patterns[..., i, i - 1].mean((1, -1))


@induction_scores.mistake("the whole diagonal: query period − 1 has seen no token twice")
def _(patterns, period):
    return patterns.diagonal(1 - period, -2, -1).mean((1, -1))


@induction_scores.mistake("queries and keys are swapped: that looks into the future")
def _(patterns, period):
    i = torch.arange(period, patterns.shape[-1])
    return patterns[..., i - period + 1, i].mean((1, -1))


@induction_scores.mistake("divided by all n queries: the first period does not count")
def _(patterns, period):
    i = torch.arange(period, patterns.shape[-1])
    return patterns[..., i, i - period + 1].sum(-1).mean(1) / patterns.shape[-1]


@induction_scores.mistake("sums over the queries in place of their mean")
def _(patterns, period):
    i = torch.arange(period, patterns.shape[-1])
    return patterns[..., i, i - period + 1].sum(-1).mean(1)


@induction_scores.mistake("only the first text of the batch")
def _(patterns, period):
    i = torch.arange(period, patterns.shape[-1])
    return patterns[:, 0][..., i, i - period + 1].mean(-1)


@induction_scores.mistake("averaged over layers instead of the batch")
def _(patterns, period):
    i = torch.arange(period, patterns.shape[-1])
    return patterns[..., i, i - period + 1].mean((0, -1))


@induction_scores.mistake("averaged over heads instead of the batch")
def _(patterns, period):
    i = torch.arange(period, patterns.shape[-1])
    return patterns[..., i, i - period + 1].mean((2, -1))


@induction_scores.mistake("the second period alone: a text may have more than two, or part of one")
def _(patterns, period):
    i = torch.arange(period, min(2 * period, patterns.shape[-1]))
    return patterns[..., i, i - period + 1].mean((1, -1))


@induction_scores.mistake("the largest entry in place of the mean")
def _(patterns, period):
    i = torch.arange(period, patterns.shape[-1])
    return patterns[..., i, i - period + 1].amax((1, -1))


@induction_scores.mistake("the largest entry of each text in place of the mean over queries")
def _(patterns, period):
    i = torch.arange(period, patterns.shape[-1])
    return patterns[..., i, i - period + 1].amax(-1).mean(1)


@induction_scores.mistake("medians in place of means")
def _(patterns, period):
    i = torch.arange(period, patterns.shape[-1])
    return patterns[..., i, i - period + 1].mean(1).median(-1).values


@induction_scores.mistake("changes patterns in place: the caller's are lost")
def _(patterns, period):
    patterns[..., :period, :] = -1
    i = torch.arange(period, patterns.shape[-1])
    return patterns[..., i, i - period + 1].mean((1, -1))


@induction_scores.mistake("only the last query counts")
def _(patterns, period):
    n = patterns.shape[-1]
    return patterns[..., n - 1, n - period].mean(1)


@induction_scores.mistake("the period is taken to be half of the text")
def _(patterns, period):
    n = patterns.shape[-1]
    period = n // 2
    i = torch.arange(period, n)
    return patterns[..., i, i - period + 1].mean((1, -1))


@induction_scores.right("in a loop over queries")
def _(patterns, period):
    total, n = 0, patterns.shape[-1]
    for i in range(period, n):
        total = total + patterns[:, :, :, i, i - period + 1]
    return (total / (n - period)).mean(dim=1)


@induction_scores.right("by the diagonal, its first entry left out")
def _(patterns, period):
    return patterns.diagonal(1 - period, dim1=-2, dim2=-1)[..., 1:].mean(-1).mean(1)


@induction_scores.right("in numpy")
def _(patterns, period):
    a = patterns.numpy()
    n = a.shape[-1]
    picked = np.stack([a[..., i, i - period + 1] for i in range(period, n)])
    return torch.from_numpy(picked.mean(axis=(0, 2)))
