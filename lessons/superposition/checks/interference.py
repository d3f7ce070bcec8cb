"""How `interference` is judged: checks, mistakes, right answers."""

import torch

from lessons.superposition.checks.shared import overlaps_by_hand, pentagon
from lessons.superposition.exercises import interference
from utils.grading import expect, require


@interference.check
def orthogonal_features_do_not_disturb_each_other(fn):
    for n in (1, 2, 4):
        expect(fn(torch.eye(n)), torch.zeros(n))
    expect(fn(torch.diag(torch.tensor([2.0, 0.5]))), torch.zeros(2))


@interference.check
def an_antipodal_pair_disturbs_by_the_square_of_the_other_length(fn):
    expect(fn(torch.tensor([[1.0, -1.0]])), torch.tensor([1.0, 1.0]))
    expect(fn(torch.tensor([[2.0, -3.0]])), torch.tensor([9.0, 4.0]))
    expect(fn(torch.tensor([[1.0, 1.0]])), torch.tensor([1.0, 1.0]))  # the same direction twice
    expect(fn(torch.tensor([[0.0, 0.0], [1.0, -1.0]])), torch.tensor([1.0, 1.0]))


@interference.check
def a_pentagon_receives_one_and_a_half(fn):
    expect(fn(pentagon()), torch.full((5,), 1.5), W=pentagon())


@interference.check
def an_absent_feature_receives_and_gives_nothing(fn):
    expect(fn(torch.tensor([[1.0, 0.0], [0.0, 0.0]])), torch.zeros(2))
    expect(fn(torch.tensor([[0.0, 1.0], [0.0, 0.0]])), torch.zeros(2))
    expect(fn(torch.zeros(2, 3)), torch.zeros(3))
    some = torch.tensor([[[1.0, -1.0]], [[0.0, 2.0]]])  # absent in one instance only
    expect(fn(some), torch.tensor([[1.0, 1.0], [0.0, 0.0]]))


@interference.check
def small_features_are_not_absent(fn):
    W = torch.tensor([[1e-3, -2e-3]])
    expect(fn(W) * 1e6, torch.tensor([4.0, 1.0]), tol=1e-2, W=W, times="1e6")
    W = torch.tensor([[1.0, 1e-3], [0.0, 1e-3]])
    expect(fn(W), torch.tensor([1e-6, 0.5]), tol=1e-2, W=W)


@interference.check
def it_is_the_sum_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for shape in ((2, 3), (3, 6), (5, 4)):
        W = torch.randn(shape, generator=g)
        rows = overlaps_by_hand(W)
        sums = [sum(v * v for j, v in enumerate(row) if j != i) for i, row in enumerate(rows)]
        expect(fn(W), torch.tensor(sums), tol=1e-4)


@interference.check
def turning_all_features_together_changes_nothing(fn):
    g = torch.Generator().manual_seed(1)
    W = torch.randn(4, 6, generator=g)
    turned = torch.linalg.qr(torch.randn(4, 4, generator=g)).Q @ W
    expect(fn(turned), fn(W), tol=1e-4)


@interference.check
def instances_are_kept_apart(fn):
    W = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(2))
    expect(fn(W), torch.stack([fn(w) for w in W]), tol=1e-4)
    expect(fn(W.view(1, 3, 1, 2, 4)), fn(W).view(1, 3, 1, 4), tol=1e-4)
    sums = [
        [sum(v * v for j, v in enumerate(r) if j != i) for i, r in enumerate(overlaps_by_hand(w))]
        for w in W
    ]
    expect(fn(W), torch.tensor(sums), tol=1e-4)


@interference.check
def gradients_flow_to_the_weights(fn):
    # For two unit vectors with cosine c the sum is 2c², and its gradient 4c W_j − 2c² W_i.
    W = torch.tensor([[1.0, 0.6], [0.0, 0.8]], requires_grad=True)
    total = fn(W)
    require(torch.is_tensor(total) and total.requires_grad, "a result with a gradient", total)
    total.sum().backward()
    expect(W.grad, torch.tensor([[0.72, 1.968], [1.92, -0.576]]), W=W, gradient_of="the sum")


@interference.mistake("the feature itself is counted: the diagonal was not left out")
def _(W):
    return ((torch.nn.functional.normalize(W, dim=-2).mT @ W) ** 2).sum(-1)


@interference.mistake(
    "summed over the wrong axis: what feature i does to others, not what it receives"
)
def _(W):
    overlap = torch.nn.functional.normalize(W, dim=-2).mT @ W
    return (overlap**2 * (1 - torch.eye(W.shape[-1]))).sum(-2)


@interference.mistake("W_i is not normalized: long features seem to receive more")
def _(W):
    return ((W.mT @ W) ** 2 * (1 - torch.eye(W.shape[-1]))).sum(-1)


@interference.mistake("both sides are normalized: the length of the disturbing feature is lost")
def _(W):
    unit = torch.nn.functional.normalize(W, dim=-2)
    return ((unit.mT @ unit) ** 2 * (1 - torch.eye(W.shape[-1]))).sum(-1)


@interference.mistake("overlaps are summed without squaring, so opposite ones cancel")
def _(W):
    overlap = torch.nn.functional.normalize(W, dim=-2).mT @ W
    return (overlap * (1 - torch.eye(W.shape[-1]))).sum(-1)


@interference.mistake("absolute values instead of squares")
def _(W):
    overlap = torch.nn.functional.normalize(W, dim=-2).mT @ W
    return (overlap.abs() * (1 - torch.eye(W.shape[-1]))).sum(-1)


@interference.mistake("divided by zero: an absent feature gives NaN")
def _(W):
    unit = W / W.norm(dim=-2, keepdim=True)
    return ((unit.mT @ W) ** 2 * (1 - torch.eye(W.shape[-1]))).sum(-1)


@interference.mistake("the mean over the other features, where the sum was asked for")
def _(W):
    overlap = torch.nn.functional.normalize(W, dim=-2).mT @ W
    return (overlap**2 * (1 - torch.eye(W.shape[-1]))).mean(-1)


@interference.mistake("columns and rows swapped: features are the columns of W")
def _(W):
    overlap = torch.nn.functional.normalize(W, dim=-1) @ W.mT
    return (overlap**2 * (1 - torch.eye(W.shape[-2]))).sum(-1)


@interference.mistake("summed before squaring: overlaps of opposite sign cancel")
def _(W):
    overlap = torch.nn.functional.normalize(W, dim=-2).mT @ W
    return (overlap * (1 - torch.eye(W.shape[-1]))).sum(-1) ** 2


@interference.mistake("the root of the sum, where the sum of squares was asked for")
def _(W):
    overlap = torch.nn.functional.normalize(W, dim=-2).mT @ W
    return (overlap**2 * (1 - torch.eye(W.shape[-1]))).sum(-1).sqrt()


@interference.mistake("the length was taken over the wrong axis: along a row, not down a column")
def _(W):
    unit = torch.nn.functional.normalize(W, dim=-1)
    return ((unit.mT @ W) ** 2 * (1 - torch.eye(W.shape[-1]))).sum(-1)


@interference.mistake("divided by ‖W_i‖² before squaring: a direction is W_i over its length")
def _(W):
    square = (W**2).sum(-2, keepdim=True)
    unit = W / torch.where(square > 0, square, 1)
    return ((unit.mT @ W) ** 2 * (1 - torch.eye(W.shape[-1]))).sum(-1)


@interference.mistake("1 was subtracted for the feature itself: its own part is ‖W_i‖²")
def _(W):
    return ((torch.nn.functional.normalize(W, dim=-2).mT @ W) ** 2).sum(-1) - 1


@interference.mistake("W.T turns all dimensions around: .mT keeps instances apart")
def _(W):
    unit = torch.nn.functional.normalize(W, dim=-2)
    return ((unit.T @ W) ** 2 * (1 - torch.eye(W.shape[-1]))).sum(-1)


@interference.right("by einsum, less the feature's own part")
def _(W):
    length = W.norm(dim=-2, keepdim=True)
    unit = W / torch.where(length > 0, length, 1)
    overlap = torch.einsum("...hi,...hj->...ij", unit, W)
    return overlap.square().sum(-1) - overlap.diagonal(dim1=-2, dim2=-1).square()


@interference.right("by a loop over features")
def _(W):
    received = []
    for i in range(W.shape[-1]):
        unit = torch.nn.functional.normalize(W[..., :, i], dim=-1)
        others = [(unit * W[..., :, j]).sum(-1) ** 2 for j in range(W.shape[-1]) if j != i]
        received.append(sum(others, torch.zeros_like(W[..., 0, 0])))
    return torch.stack(received, -1)
