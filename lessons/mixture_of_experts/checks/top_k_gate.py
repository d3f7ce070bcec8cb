"""How `top_k_gate` is judged: checks, mistakes, right answers."""

import math

import numpy as np
import torch

from lessons.mixture_of_experts.checks.shared import logits_without_ties, softmax_by_hand
from lessons.mixture_of_experts.exercises import top_k_gate
from utils.grading import expect, require


def by_hand(row, k, softmax_first):
    best = sorted(range(len(row)), key=lambda i: -row[i])[:k]
    if softmax_first:
        p = softmax_by_hand(row)
        return [p[i] if i in best else 0.0 for i in range(len(row))]
    kept = dict(zip(best, softmax_by_hand([row[i] for i in best]), strict=True))
    return [kept.get(i, 0.0) for i in range(len(row))]


@top_k_gate.check
def one_of_two(fn):
    logits = torch.tensor([[math.log(3.0), 0.0]])
    expect(fn(logits, 1, True), torch.tensor([[0.75, 0.0]]))
    expect(fn(logits, 1, False), torch.tensor([[1.0, 0.0]]))
    expect(fn(logits, 2, True), torch.tensor([[0.75, 0.25]]))


@top_k_gate.check
def all_of_them_is_the_plain_softmax(fn):
    logits = logits_without_ties(3, 5)
    for first in (True, False):
        expect(fn(logits, 5, first), logits.softmax(-1))


@top_k_gate.check
def it_is_what_sorting_by_hand_gives(fn):
    for n_tokens, n, k in ((1, 4, 2), (4, 3, 1), (5, 7, 3)):
        logits = logits_without_ties(n_tokens, n, seed=n)
        for first in (True, False):
            rows = [by_hand(row, k, first) for row in logits.tolist()]
            expect(fn(logits, k, first), torch.tensor(rows))


@top_k_gate.check
def negative_logits_are_as_good_as_others(fn):
    logits = torch.tensor([[-5.0, -3.0, -4.0]])
    rest = softmax_by_hand([-3.0, -4.0])
    expect(fn(logits, 2, False), torch.tensor([[0.0, *rest]]))
    whole = softmax_by_hand([-5.0, -3.0, -4.0])
    expect(fn(logits, 2, True), torch.tensor([[0.0, whole[1], whole[2]]]))


@top_k_gate.check
def ties_do_not_let_more_than_k_through(fn):
    for first in (True, False):
        gate = fn(torch.zeros(2, 4), 2, first)
        counts = (gate > 0).sum(-1)
        require(counts.tolist() == [2, 2], "two experts a token", gate)
        expect(gate.sum(-1), torch.full((2,), 0.5 if first else 1.0))


@top_k_gate.check
def huge_logits_do_not_overflow(fn):
    logits = torch.tensor([[1e4, -1e4, 0.0], [-1e4, -1e4 - 1, -2e4]])
    for first in (True, False):
        rows = [by_hand(row, 2, first) for row in logits.tolist()]
        # near 1e4 float32 steps by 0.001: log-sum-exp, taken off, is right to no more
        expect(fn(logits, 2, first), torch.tensor(rows), tol=1e-3)


@top_k_gate.check
def batches_and_double_precision(fn):
    logits = logits_without_ties(6, 5, seed=3).view(2, 3, 5).double()
    for first in (True, False):
        rows = [by_hand(row, 2, first) for row in logits.view(6, 5).tolist()]
        expected = torch.tensor(rows, dtype=torch.float64).view(2, 3, 5)
        expect(fn(logits, 2, first), expected)


@top_k_gate.check
def the_input_is_left_as_it_was(fn):
    for first in (True, False):
        logits = logits_without_ties(3, 4, seed=2)
        before = logits.clone()
        fn(logits, 1, first)
        expect(logits, before)


@top_k_gate.check
def gradients_reach_the_logits(fn):
    # of one expert: before the cut dp/dh = p (1 − p), after it the weight is 1 whatever h
    for first, slope in ((True, 3 / 16), (False, 0.0)):
        logits = torch.tensor([[math.log(3.0), 0.0]], requires_grad=True)
        gate = fn(logits, 1, first)
        require(torch.is_tensor(gate) and gate.requires_grad, "a result with a gradient", gate)
        gate.sum().backward()
        expect(logits.grad, torch.tensor([[slope, -slope]]), gradient_of="the sum", first=first)


@top_k_gate.mistake("the two orders are swapped")
def _(logits, k, softmax_first):
    return top_k_gate.reference(logits, k, not softmax_first)


@top_k_gate.mistake("softmax_first is ignored: always before the cut")
def _(logits, k, softmax_first):
    return top_k_gate.reference(logits, k, True)


@top_k_gate.mistake("softmax_first is ignored: always after the cut")
def _(logits, k, softmax_first):
    return top_k_gate.reference(logits, k, False)


@top_k_gate.mistake("cut with 0 instead of −inf: e to the 0 is 1, so the others get weight, too")
def _(logits, k, softmax_first):
    if softmax_first:
        return top_k_gate.reference(logits, k, True)
    chosen = logits.topk(k, dim=-1).indices
    kept = torch.zeros_like(logits).scatter(-1, chosen, logits.gather(-1, chosen))
    return kept.softmax(-1)


@top_k_gate.mistake("the k smallest are kept")
def _(logits, k, softmax_first):
    chosen = logits.topk(k, dim=-1, largest=False).indices
    cut = torch.full_like(logits, -torch.inf).scatter(-1, chosen, logits.gather(-1, chosen))
    if softmax_first:
        return torch.where(cut.isfinite(), logits.softmax(-1), 0)
    return cut.softmax(-1)


@top_k_gate.mistake("softmax over tokens instead of experts: the wrong axis")
def _(logits, k, softmax_first):
    chosen = logits.topk(k, dim=-1).indices
    cut = torch.full_like(logits, -torch.inf).scatter(-1, chosen, logits.gather(-1, chosen))
    if softmax_first:
        return torch.where(cut.isfinite(), logits.softmax(0), 0)
    return cut.softmax(0)


@top_k_gate.mistake(
    "everything that ties with the k-th largest is let through: a threshold, no cut"
)
def _(logits, k, softmax_first):
    low = logits.topk(k, dim=-1).values[..., -1:]
    if softmax_first:
        return torch.where(logits >= low, logits.softmax(-1), 0)
    return torch.where(logits >= low, logits, -torch.inf).softmax(-1)


@top_k_gate.mistake("only the k weights come back: (..., k), not one for every expert")
def _(logits, k, softmax_first):
    if softmax_first:
        return logits.softmax(-1).topk(k, dim=-1).values
    return logits.topk(k, dim=-1).values.softmax(-1)


@top_k_gate.mistake("k is ignored: a single expert")
def _(logits, k, softmax_first):
    return top_k_gate.reference(logits, 1, softmax_first)


@top_k_gate.mistake("one expert too many: the cut is off by one")
def _(logits, k, softmax_first):
    return top_k_gate.reference(logits, min(k + 1, logits.shape[-1]), softmax_first)


@top_k_gate.mistake("a softmax twice: over all experts, and over what the cut left of it")
def _(logits, k, softmax_first):
    if softmax_first:
        return top_k_gate.reference(logits, k, True)
    return top_k_gate.reference(logits.softmax(-1), k, False)


@top_k_gate.mistake("exp without taking off the largest: huge logits overflow")
def _(logits, k, softmax_first):
    chosen = logits.topk(k, dim=-1).indices
    mask = torch.zeros_like(logits).scatter(-1, chosen, 1)
    parts = logits.exp()
    kept = parts * mask
    return kept / (parts if softmax_first else kept).sum(-1, keepdim=True)


@top_k_gate.mistake("cut in place: the caller's logits are overwritten")
def _(logits, k, softmax_first):
    probs = logits.softmax(-1)
    low = torch.ones_like(logits, dtype=torch.bool).scatter(-1, logits.topk(k).indices, False)
    if not logits.requires_grad:
        logits[low] = -torch.inf
        return probs.masked_fill(low, 0) if softmax_first else logits.softmax(-1)
    return top_k_gate.reference(logits, k, softmax_first)


@top_k_gate.right("after: the weights before the cut, divided by their sum")
def _(logits, k, softmax_first):
    probs = logits.softmax(-1)
    values, chosen = probs.topk(k, dim=-1)
    if not softmax_first:
        values = values / values.sum(-1, keepdim=True)
    return torch.zeros_like(probs).scatter(-1, chosen, values)


@top_k_gate.right("by a loop over tokens")
def _(logits, k, softmax_first):
    rows = []
    for row in logits.reshape(-1, logits.shape[-1]):
        best = torch.argsort(row, descending=True)[:k]
        weight = row.softmax(0)[best] if softmax_first else row[best].softmax(0)
        rows.append(torch.zeros_like(row).index_put((best,), weight))
    return torch.stack(rows).view(logits.shape)


@top_k_gate.right("by log-sum-exp, taken off before exp")
def _(logits, k, softmax_first):
    values, chosen = logits.topk(k, dim=-1)
    whole = logits if softmax_first else values
    weights = (values - whole.logsumexp(-1, keepdim=True)).exp()
    return torch.zeros_like(logits).scatter(-1, chosen, weights)


@top_k_gate.right("by ranks, with masked_fill")
def _(logits, k, softmax_first):
    rank = logits.argsort(-1, descending=True).argsort(-1)
    if softmax_first:
        return logits.softmax(-1).masked_fill(rank >= k, 0.0)
    return logits.masked_fill(rank >= k, -np.inf).softmax(-1)
