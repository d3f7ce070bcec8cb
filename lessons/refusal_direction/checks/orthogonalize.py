"""How `orthogonalize` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.refusal_direction.checks.shared import vectors, without
from lessons.refusal_direction.exercises import orthogonalize
from utils.grading import expect, require


@orthogonalize.check
def a_bias_by_hand(fn):
    b = torch.tensor([3.0, 4.0])
    for r in (torch.tensor([1.0, 0.0]), torch.tensor([5.0, 0.0])):
        expect(fn(b, r), torch.tensor([0.0, 4.0]))


@orthogonalize.check
def each_column_loses_its_part(fn):
    weight, r = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), torch.tensor([0.0, 2.0])
    expect(fn(weight, r), torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]))


@orthogonalize.check
def square_wide_and_tall(fn):
    for inputs in (3, 5, 2):
        weight, r = vectors(inputs, 3, inputs), torch.tensor([1.0, -2.0, 2.0])
        wanted = torch.stack([without(column, r) for column in weight.T], 1)
        expect(fn(weight, r), wanted)


@orthogonalize.check
def whatever_comes_in_nothing_goes_out_along_it(fn):
    weight, r = vectors(1, 6, 6, dtype=torch.float64), 4 * vectors(2, 6, dtype=torch.float64)
    got = fn(weight, r)
    require(torch.is_tensor(got) and got.shape == (6, 6), "shape (6, 6)", got)
    written = got @ vectors(3, 6, 10, dtype=torch.float64)
    left = (r @ written).abs().max().item()
    require(left < 1e-9, "no output with a part along the direction", left)


@orthogonalize.check
def the_weight_is_left_as_it_is(fn):
    weight, r = vectors(4, 3, 2), vectors(5, 3)
    before = weight.clone()
    fn(weight, r)
    expect(weight, before)


@orthogonalize.mistake("the direction is not brought to length 1")
def _(weight, direction):
    return weight - torch.tensordot(
        direction[:, None], (direction @ weight).reshape(1, -1), 1
    ).reshape(weight.shape)


@orthogonalize.mistake("r̂ stands on the input's side, W − W r̂ r̂ᵀ: what it reads changes")
def _(weight, direction):
    unit = direction / direction.norm()
    if weight.ndim == 1:
        return weight - (unit @ weight) * unit
    return weight - torch.outer(weight @ unit, unit)


@orthogonalize.mistake("only the part along the direction is kept")
def _(weight, direction):
    unit = direction / direction.norm()
    part = torch.outer(unit, unit @ weight.reshape(len(unit), -1))
    return part.reshape(weight.shape)


@orthogonalize.mistake("the part is added: the layer writes twice as much along it")
def _(weight, direction):
    unit = direction / direction.norm()
    part = torch.outer(unit, unit @ weight.reshape(len(unit), -1))
    return weight + part.reshape(weight.shape)


@orthogonalize.mistake("the unit vector itself is taken from every column")
def _(weight, direction):
    unit = direction / direction.norm()
    return weight - (unit if weight.ndim == 1 else unit[:, None])


@orthogonalize.mistake("a bias comes back as a matrix: r̂ᵀb is one number, not an outer product")
def _(weight, direction):
    unit = direction / direction.norm()
    return weight - torch.outer(unit, (unit @ weight).reshape(-1))


@orthogonalize.mistake("changes the weight in place: the caller's model is changed")
def _(weight, direction):
    unit = direction / direction.norm()
    weight -= torch.outer(unit, unit @ weight.reshape(len(unit), -1)).reshape(weight.shape)
    return weight


@orthogonalize.mistake("a bias is left as it is: it writes to the stream, too")
def _(weight, direction):
    unit = direction / direction.norm()
    return weight.clone() if weight.ndim == 1 else weight - torch.outer(unit, unit @ weight)


@orthogonalize.mistake("normalized in one of its two places only")
def _(weight, direction):
    part = torch.outer(direction, direction @ weight.reshape(len(weight), -1)) / direction.norm()
    return weight - part.reshape(weight.shape)


@orthogonalize.mistake("changed on both sides: what it reads is to stay as it is")
def _(weight, direction):
    unit = direction / direction.norm()
    p = torch.eye(len(unit), dtype=weight.dtype) - torch.outer(unit, unit)
    return p @ weight if weight.ndim == 1 else p @ weight @ p


@orthogonalize.mistake("on the left where shapes demand it, on the right where both would do")
def _(weight, direction):
    unit = direction / direction.norm()
    p = torch.eye(len(unit), dtype=weight.dtype) - torch.outer(unit, unit)
    return weight @ p if weight.shape == p.shape else p @ weight


@orthogonalize.right("by a projection matrix from the left")
def _(weight, direction):
    unit = direction / direction.norm()
    return (torch.eye(len(unit), dtype=weight.dtype) - torch.outer(unit, unit)) @ weight


@orthogonalize.right("column by column")
def _(weight, direction):
    columns = weight.reshape(len(direction), -1).clone()
    for j in range(columns.shape[1]):
        share = columns[:, j] @ direction / (direction @ direction)
        columns[:, j] = columns[:, j] - share * direction
    return columns.reshape(weight.shape)


@orthogonalize.right("as an ablation of the transposed weight's rows")
def _(weight, direction):
    unit = direction / direction.norm()
    rows = weight.T if weight.ndim == 2 else weight[None]
    rows = rows - (rows @ unit)[:, None] * unit
    return rows.T.contiguous() if weight.ndim == 2 else rows[0]
