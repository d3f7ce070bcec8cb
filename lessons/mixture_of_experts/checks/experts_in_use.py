"""How `experts_in_use` is judged: checks, mistakes, right answers."""

import math
from collections import Counter

import numpy as np
import torch

from lessons.mixture_of_experts.checks.shared import logits_without_ties
from lessons.mixture_of_experts.drills import experts_in_use
from utils.grading import expect


def by_hand(logits, k):
    rows = logits.tolist()
    best = [i for row in rows for i in sorted(range(len(row)), key=lambda i, r=row: -r[i])[:k]]
    shares = [c / len(best) for c in Counter(best).values()]
    return math.exp(-sum(p * math.log(p) for p in shares))


@experts_in_use.check
def one_does_everything(fn):
    expect(fn(torch.tensor([[1.0, 0.0], [3.0, 0.0]]), 1), 1.0)
    expect(fn(torch.tensor([[0.01, 0.0, 0.0], [0.01, 0.0, 0.0]]), 1), 1.0)


@experts_in_use.check
def all_alike(fn):
    expect(fn(torch.eye(4), 1), 4.0)
    expect(fn(torch.tensor([[3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [2.0, 1.0, 3.0]]), 2), 3.0)


@experts_in_use.check
def sure_or_unsure_makes_no_difference(fn):
    logits = logits_without_ties(9, 4, seed=2)
    for factor in (1.0, 1e-3, 1e3):
        expect(fn(factor * logits, 1), by_hand(logits, 1))


@experts_in_use.check
def it_is_the_entropy_of_the_choices(fn):
    for n_tokens, n, k in ((5, 3, 1), (8, 5, 2), (7, 4, 4)):
        logits = logits_without_ties(n_tokens, n, seed=n)
        expect(fn(logits, k), by_hand(logits, k))


@experts_in_use.mistake("the mean probability is not the load: the printed code")
def _(logits, k):
    share = logits.softmax(-1).mean(0)
    return (-(share * share.log()).sum()).exp().item()


@experts_in_use.mistake("how unsure the router is of each token, not how the tokens spread")
def _(logits, k):
    p = logits.softmax(-1)
    return (-torch.xlogy(p, p).sum(-1)).mean().exp().item()


@experts_in_use.mistake("only the first choice is counted")
def _(logits, k):
    return experts_in_use.reference(logits, 1)


@experts_in_use.mistake("the entropy itself, not e to it")
def _(logits, k):
    return math.log(experts_in_use.reference(logits, k))


@experts_in_use.mistake("experts that got any token at all: one token counts as much as a thousand")
def _(logits, k):
    return float(len(logits.topk(k, dim=-1).indices.unique()))


@experts_in_use.mistake("gates instead of choices: sure experts count for more")
def _(logits, k):
    values, chosen = logits.softmax(-1).topk(k, dim=-1)
    share = torch.zeros(logits.shape[-1]).index_add(0, chosen.flatten(), values.flatten())
    share = share / share.sum()
    return (-torch.xlogy(share, share).sum()).exp().item()


@experts_in_use.mistake("divided by the tokens, so that the shares sum to k")
def _(logits, k):
    share = torch.bincount(logits.topk(k).indices.flatten()).double() / len(logits)
    return (-torch.xlogy(share, share).sum()).exp().item()


@experts_in_use.mistake("one over the sum of squares: another count, by Simpson")
def _(logits, k):
    share = torch.bincount(logits.topk(k).indices.flatten()).double()
    return 1 / ((share / share.sum()) ** 2).sum().item()


@experts_in_use.right("by NumPy")
def _(logits, k):
    best = np.argsort(-logits.numpy(), axis=1)[:, :k]
    _, counts = np.unique(best, return_counts=True)
    share = counts / counts.sum()
    return float(np.prod(share**-share))


@experts_in_use.right("by hand, in loops")
def _(logits, k):
    return by_hand(logits, k)
