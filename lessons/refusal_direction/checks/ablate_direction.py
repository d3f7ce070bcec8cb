"""How `ablate_direction` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.refusal_direction.checks.shared import dot, vectors, without
from lessons.refusal_direction.exercises import ablate_direction
from utils.grading import expect, require


@ablate_direction.check
def along_an_axis(fn):
    x = torch.tensor([3.0, 4.0])
    expect(fn(x, torch.tensor([1.0, 0.0])), torch.tensor([0.0, 4.0]))
    expect(fn(-x, torch.tensor([0.0, 1.0])), torch.tensor([-3.0, 0.0]))


@ablate_direction.check
def the_length_of_the_direction_does_not_matter(fn):
    x = torch.tensor([3.0, 4.0])
    for length in (0.5, 3.0, -2.0):
        expect(fn(x, torch.tensor([length, 0.0])), torch.tensor([0.0, 4.0]))


@ablate_direction.check
def a_slanted_direction_by_hand(fn):
    x, r = vectors(0, 2, 3), torch.tensor([1.0, -2.0, 2.0])
    expect(fn(x, r), torch.stack([without(row, r) for row in x]))


@ablate_direction.check
def of_any_shape(fn):
    for shape in ((4,), (3, 4), (2, 3, 4), (4, 4)):
        x, r = vectors(len(shape), *shape), vectors(9, 4)
        wanted = torch.stack([without(row, r) for row in x.reshape(-1, 4)]).reshape(shape)
        expect(fn(x, r), wanted, tol=1e-4)


@ablate_direction.check
def nothing_is_left_along_it_and_once_is_enough(fn):
    x, r = vectors(5, 3, 6, dtype=torch.float64), 7 * vectors(6, 6, dtype=torch.float64)
    got = fn(x, r)
    require(torch.is_tensor(got) and got.shape == x.shape, "a tensor of x's shape", got)
    left = max(abs(dot(row, r)) for row in got)
    require(left < 1e-9, "dot products of 0 with the direction", left)
    expect(fn(got, r), got, tol=1e-10)


@ablate_direction.check
def the_input_is_left_as_it_is(fn):
    x, r = vectors(7, 2, 3), vectors(8, 3)
    before = x.clone()
    fn(x, r)
    expect(x, before)


@ablate_direction.check
def gradients_pass_through(fn):
    x, r = vectors(10, 2, 3).requires_grad_(), torch.tensor([1.0, -2.0, 2.0])
    got = fn(x * 1, r)
    require(torch.is_tensor(got) and got.requires_grad, "a result that x's gradient reaches", got)
    (gradient,) = torch.autograd.grad(got.sum(), x)
    wanted = without(torch.ones(3), r).expand(2, 3)
    expect(gradient, wanted)


@ablate_direction.mistake("the direction is not brought to length 1")
def _(x, direction):
    return x - (x @ direction)[..., None] * direction


@ablate_direction.mistake("normalized in one of its two places only")
def _(x, direction):
    return x - (x @ (direction / direction.norm()))[..., None] * direction


@ablate_direction.mistake("the component is added: it doubles instead of going away")
def _(x, direction):
    unit = direction / direction.norm()
    return x + (x @ unit)[..., None] * unit


@ablate_direction.mistake("the component is all that is kept")
def _(x, direction):
    unit = direction / direction.norm()
    return (x @ unit)[..., None] * unit


@ablate_direction.mistake("the same vector is taken from every activation, however far each goes")
def _(x, direction):
    return x - direction / direction.norm()


@ablate_direction.mistake("x * unit multiplies coordinate by coordinate: the dot product sums them")
def _(x, direction):
    unit = direction / direction.norm()
    return x - x * unit * unit


@ablate_direction.mistake("only positive components are taken away: ablation zeroes both signs")
def _(x, direction):
    unit = direction / direction.norm()
    return x - (x @ unit).clamp(min=0)[..., None] * unit


@ablate_direction.mistake("the mean component is taken away: each activation has its own")
def _(x, direction):
    unit = direction / direction.norm()
    return x - (x @ unit).mean() * unit


@ablate_direction.mistake("changes x in place: the caller's activations are lost")
def _(x, direction):
    unit = direction / direction.norm()
    x -= (x @ unit)[..., None] * unit
    return x


@ablate_direction.mistake(
    "no gradient passes (no_grad, or detach): training could not go through it"
)
@torch.no_grad()
def _(x, direction):
    unit = direction / direction.norm()
    return x - (x @ unit)[..., None] * unit


@ablate_direction.mistake("the component is taken for a constant: it is detached from x")
def _(x, direction):
    unit = direction / direction.norm()
    return x - (x.detach() @ unit)[..., None] * unit


@ablate_direction.mistake("the direction itself is taken from every activation")
def _(x, direction):
    return x - direction


@ablate_direction.mistake("the component loses its sign: those that go the other way get longer")
def _(x, direction):
    unit = direction / direction.norm()
    return x - (x @ unit).abs()[..., None] * unit


@ablate_direction.mistake("taken away twice: that is a mirror, the component changes its sign")
def _(x, direction):
    unit = direction / direction.norm()
    return x - 2 * (x @ unit)[..., None] * unit


@ablate_direction.mistake("multiplied by 1 − unit, coordinate by coordinate")
def _(x, direction):
    return x * (1 - direction / direction.norm())


@ablate_direction.mistake("brought back to the old length: the rest is to stay as it is")
def _(x, direction):
    unit = direction / direction.norm()
    rest = x - (x @ unit)[..., None] * unit
    return rest / rest.norm(dim=-1, keepdim=True) * x.norm(dim=-1, keepdim=True)


@ablate_direction.right("by a projection matrix")
def _(x, direction):
    unit = direction / direction.norm()
    return x @ (torch.eye(len(unit), dtype=x.dtype) - torch.outer(unit, unit))


@ablate_direction.right("by one division, with sums and no matmul")
def _(x, direction):
    share = (x * direction).sum(-1, keepdim=True) / (direction * direction).sum()
    return x - share * direction


@ablate_direction.right("by einsum")
def _(x, direction):
    unit = torch.nn.functional.normalize(direction, dim=0)
    return x - torch.einsum("...d,d,e->...e", x, unit, unit)
