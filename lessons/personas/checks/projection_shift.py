"""How `projection_shift` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.personas.checks.shared import vectors
from lessons.personas.exercises import projection_shift
from utils.grading import expect


@projection_shift.check
def along_an_axis(fn):
    before, after = torch.tensor([[1.0, 1.0]]), torch.tensor([[4.0, 9.0]])
    expect(fn(before, after, torch.tensor([1.0, 0.0])), torch.tensor(3.0))
    expect(fn(after, before, torch.tensor([0.0, 1.0])), torch.tensor(-8.0))


@projection_shift.check
def the_length_of_the_vector_does_not_matter(fn):
    before, after = torch.tensor([[1.0, 1.0]]), torch.tensor([[4.0, 9.0]])
    for length in (0.5, 3.0):
        expect(fn(before, after, torch.tensor([length, 0.0])), torch.tensor(3.0))
    expect(fn(before, after, torch.tensor([-2.0, 0.0])), torch.tensor(-3.0))


@projection_shift.check
def what_moves_elsewhere_does_not_count(fn):
    before = vectors(0, 5, 3)
    v, aside = torch.tensor([1.0, 2.0, 2.0]), torch.tensor([2.0, -2.0, 1.0])
    expect(fn(before, before + 4 * aside, v), torch.tensor(0.0))
    expect(fn(before, before + 4 * aside + 2 * v, v), torch.tensor(6.0))


@projection_shift.check
def by_hand(fn):
    for dtype in (torch.float32, torch.float64):
        before, after = (vectors(seed, 6, 4, dtype=dtype) for seed in (1, 2))
        v = vectors(3, 4, dtype=dtype)
        moved = [sum((after[i, j] - before[i, j]).item() for i in range(6)) / 6 for j in range(4)]
        length = math.sqrt(sum(x * x for x in v.tolist()))
        wanted = sum(m * x for m, x in zip(moved, v.tolist(), strict=True)) / length
        expect(fn(before, after, v), torch.tensor(wanted, dtype=dtype))


@projection_shift.mistake("the vector is not brought to length 1")
def _(before, after, vector):
    return (after.mean(0) - before.mean(0)) @ vector


@projection_shift.mistake("divided by the length twice: that is a multiple of the vector")
def _(before, after, vector):
    return (after.mean(0) - before.mean(0)) @ vector / vector.norm() ** 2


@projection_shift.mistake("before less after: a move toward the trait comes out negative")
def _(before, after, vector):
    return (before.mean(0) - after.mean(0)) @ vector / vector.norm()


@projection_shift.mistake("after alone: where the model stood before is not taken away")
def _(before, after, vector):
    return after.mean(0) @ vector / vector.norm()


@projection_shift.mistake("a cosine: the length of the move is lost")
def _(before, after, vector):
    return torch.nn.functional.cosine_similarity(after.mean(0) - before.mean(0), vector, dim=0)


@projection_shift.mistake("the length of the whole move, whatever its direction")
def _(before, after, vector):
    return (after.mean(0) - before.mean(0)).norm()


@projection_shift.mistake("without its sign: a move away from the trait counts as one toward it")
def _(before, after, vector):
    return ((after.mean(0) - before.mean(0)) @ vector / vector.norm()).abs()


@projection_shift.mistake("a sum over prompts in place of the mean")
def _(before, after, vector):
    return (after.sum(0) - before.sum(0)) @ vector / vector.norm()


@projection_shift.mistake("a number for each prompt: average them")
def _(before, after, vector):
    return (after - before) @ vector / vector.norm()


@projection_shift.mistake("the projected vector, not how long it is")
def _(before, after, vector):
    unit = vector / vector.norm()
    return (after.mean(0) - before.mean(0)) @ unit * unit


@projection_shift.mistake("the mean over coordinates in place of their sum")
def _(before, after, vector):
    return ((after.mean(0) - before.mean(0)) * vector / vector.norm()).mean()


@projection_shift.mistake("the activations are brought to length 1 as well")
def _(before, after, vector):
    unit = torch.nn.functional.normalize
    return (unit(after, dim=1).mean(0) - unit(before, dim=1).mean(0)) @ unit(vector, dim=0)


@projection_shift.right("prompt by prompt, then the mean")
def _(before, after, vector):
    unit = torch.nn.functional.normalize(vector, dim=0)
    return torch.stack([a @ unit - b @ unit for a, b in zip(after, before, strict=True)]).mean()


@projection_shift.right("by one sum over everything")
def _(before, after, vector):
    return ((after - before) * vector).sum() / (len(before) * vector.pow(2).sum().sqrt())


@projection_shift.right("in numpy")
def _(before, after, vector):
    v = vector.numpy()
    moved = (after.numpy() - before.numpy()).mean(axis=0)
    return torch.tensor((moved * v).sum() / (v**2).sum() ** 0.5)
