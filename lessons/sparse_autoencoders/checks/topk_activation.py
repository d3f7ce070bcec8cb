"""How `topk_activation` is judged: checks, mistakes, right answers."""

import torch

from lessons.sparse_autoencoders.exercises import topk_activation
from utils.grading import expect, require


@topk_activation.check
def a_row_by_hand(fn):
    pre = torch.tensor([3.0, 1.0, 2.0])
    for k, kept in ((1, [3.0, 0.0, 0.0]), (2, [3.0, 0.0, 2.0]), (3, [3.0, 1.0, 2.0])):
        expect(fn(pre, k), torch.tensor(kept))
    expect(fn(torch.tensor([4.0]), 1), torch.tensor([4.0]))


@topk_activation.check
def largest_by_value_and_never_negative(fn):
    expect(fn(torch.tensor([-9.0, 2.0, 1.0]), 2), torch.tensor([0.0, 2.0, 1.0]))
    expect(fn(torch.tensor([-9.0, 2.0, -1.0]), 2), torch.tensor([0.0, 2.0, 0.0]))
    expect(fn(torch.tensor([-1000.0, -0.5]), 1), torch.tensor([0.0, 0.0]))


@topk_activation.check
def ties_never_keep_more_than_k(fn):
    for k in (1, 2, 3):
        out = fn(torch.full((5,), 2.0), k)
        require(torch.is_tensor(out) and out.shape == (5,), "a tensor of shape (5,)", out)
        expect(out.sort().values, torch.tensor([0.0] * (5 - k) + [2.0] * k))


@topk_activation.check
def each_row_keeps_its_own(fn):
    g = torch.Generator().manual_seed(0)
    for shape, k in (((4, 4), 2), ((3, 7), 3), ((2, 3, 5), 2), ((1, 6), 1), ((6, 3), 1)):
        pre = torch.randn(shape, generator=g) * 3
        rows = []
        for row in pre.reshape(-1, shape[-1]).tolist():
            bar = sorted(row, reverse=True)[k - 1]
            rows.append([max(v, 0.0) if v >= bar else 0.0 for v in row])
        expect(fn(pre, k), torch.tensor(rows).reshape(shape))


@topk_activation.check
def small_and_large_values_stay_exact(fn):
    pre = torch.tensor([[1e-4, 2e-4, 0.0], [1000.0, 999.0, -1000.0]])
    kept = fn(pre, 1)
    require(
        torch.equal(kept, torch.tensor([[0.0, 2e-4, 0.0], [1000.0, 0.0, 0.0]])),
        "the largest of each row",
        kept,
    )
    wide = fn(pre.double(), 2)
    require(wide.dtype == torch.float64, "float64 in, float64 out", str(wide.dtype))


@topk_activation.check
def the_gradient_reaches_what_stays(fn):
    pre = torch.tensor([[3.0, 1.0, 2.0], [-1.0, -3.0, 5.0]], requires_grad=True)
    out = fn(pre, 2)
    require(torch.is_tensor(out) and out.requires_grad, "a result with a gradient", out)
    (out * torch.tensor([1.0, 10.0, 100.0])).sum().backward()
    slope = torch.tensor([[1.0, 0.0, 100.0], [0.0, 0.0, 100.0]])
    expect(pre.grad, slope, pre=pre, k=2, gradient_of="out · (1, 10, 100)")


@topk_activation.mistake("largest in absolute value: strongly negative ones push others out")
def _(pre, k):
    keep = torch.zeros_like(pre).scatter(-1, pre.abs().topk(k, dim=-1).indices, 1.0)
    return torch.relu(pre) * keep


@topk_activation.mistake("no ReLU: negative values stay when fewer than k are positive")
def _(pre, k):
    values, indices = pre.topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, indices, values)


@topk_activation.mistake("a threshold at the k-th value: ties keep more than k")
def _(pre, k):
    return torch.relu(pre) * (pre >= pre.topk(k, dim=-1).values[..., -1:])


@topk_activation.mistake("everything above the k-th value: one too few stay")
def _(pre, k):
    return torch.relu(pre) * (pre > pre.topk(k, dim=-1).values[..., -1:])


@topk_activation.mistake("one too many stay: off by one")
def _(pre, k):
    values, indices = pre.topk(min(k + 1, pre.shape[-1]), dim=-1)
    return torch.zeros_like(pre).scatter(-1, indices, torch.relu(values))


@topk_activation.mistake("the k largest over samples, not over latents")
def _(pre, k):
    values, indices = pre.topk(min(k, pre.shape[0]), dim=0)
    return torch.zeros_like(pre).scatter(0, indices, torch.relu(values))


@topk_activation.mistake("the k largest of the whole batch: some rows get none")
def _(pre, k):
    values, indices = pre.flatten().topk(k)
    return torch.zeros_like(pre).flatten().scatter(0, indices, torch.relu(values)).view_as(pre)


@topk_activation.mistake("ones where values were asked for: a mask, not an activation")
def _(pre, k):
    return torch.zeros_like(pre).scatter(-1, pre.topk(k, dim=-1).indices, 1.0)


@topk_activation.mistake("the k smallest")
def _(pre, k):
    values, indices = pre.topk(k, dim=-1, largest=False)
    return torch.zeros_like(pre).scatter(-1, indices, torch.relu(values))


@topk_activation.mistake("detached: the encoder never learns")
def _(pre, k):
    values, indices = pre.detach().topk(k, dim=-1)
    return torch.zeros_like(pre).scatter(-1, indices, torch.relu(values))


@topk_activation.right("by ranks: two sorts")
def _(pre, k):
    rank = pre.argsort(-1, descending=True).argsort(-1)
    return torch.where(rank < k, pre, 0.0).clamp_min(0)


@topk_activation.right("by taking the largest k times")
def _(pre, k):
    kept, left = torch.zeros_like(pre), pre
    for _ in range(k):
        at = left.argmax(-1, keepdim=True)
        kept = kept.scatter(-1, at, 1.0)
        left = left.scatter(-1, at, float("-inf"))
    return pre.relu() * kept
