"""How `feature_dimensionality` is judged: checks, mistakes, right answers."""

import torch

from lessons.superposition.checks.shared import overlaps_by_hand, pentagon
from lessons.superposition.exercises import feature_dimensionality, interference
from utils.grading import expect


@feature_dimensionality.check
def a_feature_alone_in_its_direction_has_a_whole_dimension(fn):
    for n in (1, 2, 4):
        expect(fn(torch.eye(n)), torch.ones(n))
    expect(fn(torch.diag(torch.tensor([2.0, 0.5]))), torch.ones(2))


@feature_dimensionality.check
def an_antipodal_pair_shares_a_dimension(fn):
    expect(fn(torch.tensor([[1.0, -1.0]])), torch.tensor([0.5, 0.5]))
    expect(fn(torch.tensor([[2.0, -1.0]])), torch.tensor([0.8, 0.2]))


@feature_dimensionality.check
def regular_polygons_get_two_nths(fn):
    for n in (3, 5, 7):
        expect(fn(pentagon(n)), torch.full((n,), 2 / n), W=pentagon(n))


@feature_dimensionality.check
def an_absent_feature_has_none(fn):
    expect(fn(torch.tensor([[1.0, 0.0], [0.0, 0.0]])), torch.tensor([1.0, 0.0]))
    expect(fn(torch.tensor([[0.0, 1.0], [0.0, 0.0]])), torch.tensor([0.0, 1.0]))
    expect(fn(torch.zeros(2, 3)), torch.zeros(3))
    some = torch.tensor([[[1.0, -1.0]], [[0.0, 2.0]]])  # absent in one instance only
    expect(fn(some), torch.tensor([[0.5, 0.5], [0.0, 1.0]]))


@feature_dimensionality.check
def it_is_the_fraction_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for shape in ((2, 3), (3, 6), (5, 4)):
        W = torch.randn(shape, generator=g)
        lengths = [sum(v * v for v in W[:, i].tolist()) for i in range(shape[1])]
        shared = [sum(v * v for v in row) for row in overlaps_by_hand(W)]
        expect(fn(W), torch.tensor([a / b for a, b in zip(lengths, shared, strict=True)]), tol=1e-4)


@feature_dimensionality.check
def scaling_or_turning_all_features_changes_nothing(fn):
    g = torch.Generator().manual_seed(1)
    W = torch.randn(4, 6, generator=g)
    for scale in (3, 100, 1e-3):
        expect(fn(scale * W), fn(W), tol=1e-3, W=scale * W)
    W = torch.diag(torch.tensor([1.0, 1e-3]))  # short, not absent
    expect(fn(W), torch.ones(2), tol=0.02, W=W)
    W = torch.randn(4, 6, generator=g)
    turned = torch.linalg.qr(torch.randn(4, 4, generator=g)).Q @ W
    expect(fn(turned), fn(W), tol=1e-4)


@feature_dimensionality.check
def each_instance_has_fractions_of_its_own(fn):
    W = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(2))
    expect(fn(W.view(1, 3, 1, 2, 4)), fn(W).view(1, 3, 1, 4), tol=1e-4)
    each = [
        [
            sum(v * v for v in w[:, i].tolist()) / sum(v * v for v in row)
            for i, row in enumerate(overlaps_by_hand(w))
        ]
        for w in W
    ]
    expect(fn(W), torch.tensor(each), tol=1e-4)


@feature_dimensionality.mistake("the feature itself is left out of the denominator")
def _(W):
    others = interference.reference(W)
    return (W**2).sum(-2) / others


@feature_dimensionality.mistake("the numerator is the length, not its square")
def _(W):
    shared = ((torch.nn.functional.normalize(W, dim=-2).mT @ W) ** 2).sum(-1)
    return torch.nan_to_num(W.norm(dim=-2) / shared)


@feature_dimensionality.mistake("W_i is not normalized in the denominator")
def _(W):
    return torch.nan_to_num((W**2).sum(-2) / ((W.mT @ W) ** 2).sum(-1))


@feature_dimensionality.mistake(
    "summed over the wrong axis, or both sides normalized (it comes to the same): how long the "
    "others are is lost"
)
def _(W):
    shared = ((torch.nn.functional.normalize(W, dim=-2).mT @ W) ** 2).sum(-2)
    return torch.nan_to_num((W**2).sum(-2) / shared)


@feature_dimensionality.mistake("the fraction is upside down")
def _(W):
    shared = ((torch.nn.functional.normalize(W, dim=-2).mT @ W) ** 2).sum(-1)
    length = (W**2).sum(-2)
    return torch.where(length > 0, shared / length.clamp(min=1e-38), 0)


@feature_dimensionality.mistake("a length in the denominator: its root was taken")
def _(W):
    shared = ((torch.nn.functional.normalize(W, dim=-2).mT @ W) ** 2).sum(-1)
    return torch.nan_to_num((W**2).sum(-2) / shared.sqrt())


@feature_dimensionality.mistake("overlaps are not squared")
def _(W):
    unit = torch.nn.functional.normalize(W, dim=-2)
    return torch.nan_to_num((W**2).sum(-2) / (unit.mT @ W).abs().sum(-1))


@feature_dimensionality.mistake("an absent feature gives 0/0 = NaN")
def _(W):
    shared = (((W / W.norm(dim=-2, keepdim=True)).mT @ W) ** 2).sum(-1)
    return (W**2).sum(-2) / shared


@feature_dimensionality.mistake(
    "the same number for all: dimensions per feature, m/‖W‖², is the average"
)
def _(W):
    return (W.shape[-2] / (W**2).sum((-2, -1), keepdim=True))[..., 0].expand(
        *W.shape[:-2], W.shape[-1]
    )


@feature_dimensionality.mistake("a constant was added to the denominator: short features lose")
def _(W):
    shared = ((torch.nn.functional.normalize(W, dim=-2).mT @ W) ** 2).sum(-1)
    return (W**2).sum(-2) / (shared + 1e-6)


@feature_dimensionality.mistake(
    "1 stands where ‖W_i‖² belongs: right for features of length 1 only"
)
def _(W):
    return 1 / (1 + interference.reference(W))


@feature_dimensionality.mistake("1 stands for ‖W_i‖² in the denominator")
def _(W):
    return (W**2).sum(-2) / (1 + interference.reference(W))


@feature_dimensionality.mistake("lengths for squared lengths, above and below")
def _(W):
    length = W.norm(dim=-2)
    return torch.nan_to_num(length / (length + interference.reference(W)))


@feature_dimensionality.mistake("summed before squaring: overlaps of opposite sign cancel")
def _(W):
    unit = torch.nn.functional.normalize(W, dim=-2)
    return torch.nan_to_num((W**2).sum(-2) / (unit.mT @ W).sum(-1) ** 2)


@feature_dimensionality.mistake("W.T turns all dimensions around: .mT keeps instances apart")
def _(W):
    shared = ((torch.nn.functional.normalize(W, dim=-2).T @ W) ** 2).sum(-1)
    return torch.nan_to_num((W**2).sum(-2) / shared)


@feature_dimensionality.right("by way of interference: the own part of the denominator is ‖W‖²")
def _(W):
    length = (W**2).sum(-2)
    return torch.nan_to_num(length / (length + interference(W)), nan=0.0)


@feature_dimensionality.right("by a loop over features")
def _(W):
    columns = []
    for i in range(W.shape[-1]):
        own = W[..., :, i : i + 1]
        square = (own**2).sum((-2, -1))
        shared = ((own * W).sum(-2) ** 2).sum(-1)  # ‖W_i‖² times the denominator
        columns.append(torch.where(shared > 0, square**2 / shared.clamp(min=1e-38), 0.0))
    return torch.stack(columns, -1)
