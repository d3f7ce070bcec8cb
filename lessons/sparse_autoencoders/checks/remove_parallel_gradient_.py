"""How `remove_parallel_gradient_` is judged: checks, mistakes, right answers."""

import torch
from torch import nn
from torch.nn import functional as F

from lessons.sparse_autoencoders.exercises import remove_parallel_gradient_
from utils.grading import expect, require


def _removed(fn, gradient, decoder):
    """Call an answer on copies; see that it works in place and leaves the decoder alone."""
    gradient, same = gradient.clone(), decoder.clone()
    fn(gradient, same)
    require(torch.equal(same, decoder), "the decoder unchanged", same)
    return gradient


@remove_parallel_gradient_.check
def along_an_axis(fn):
    for g, d, left in (
        ([2.0, 3.0], [1.0, 0.0], [0.0, 3.0]),
        ([2.0, 3.0], [0.0, -1.0], [2.0, 0.0]),
        ([5.0, 0.0], [1.0, 0.0], [0.0, 0.0]),
        ([0.0, 7.0], [1.0, 0.0], [0.0, 7.0]),
    ):
        g, d = torch.tensor([g]), torch.tensor([d])
        expect(_removed(fn, g, d), torch.tensor([left]), gradient=g, decoder=d)


@remove_parallel_gradient_.check
def rows_need_not_be_of_length_one(fn):
    for size in (0.1, 3.0, 100.0):
        g, d = torch.tensor([[2.0, 1.0]]), torch.tensor([[0.6, 0.8]]) * size
        expect(_removed(fn, g, d), torch.tensor([[0.8, -0.6]]), gradient=g, decoder=d)


@remove_parallel_gradient_.check
def each_row_is_its_own_projection(fn):
    g = torch.Generator().manual_seed(0)
    for shape in ((1, 3), (3, 3), (4, 2), (2, 5)):
        gradient, decoder = torch.randn(2, *shape, generator=g) * 2
        rows = []
        for row, d in zip(gradient.tolist(), decoder.tolist(), strict=True):
            along = sum(a * b for a, b in zip(row, d, strict=True)) / sum(b * b for b in d)
            rows.append([a - along * b for a, b in zip(row, d, strict=True)])
        expect(_removed(fn, gradient, decoder), torch.tensor(rows), 1e-4)


@remove_parallel_gradient_.check
def nothing_is_left_along_the_rows_and_twice_is_once(fn):
    gradient, decoder = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(1))
    once = _removed(fn, gradient, decoder)
    expect((once * decoder).sum(-1), torch.zeros(6), 1e-4, gradient=gradient, decoder=decoder)
    expect(_removed(fn, once, decoder), once, 1e-4)


@remove_parallel_gradient_.check
def a_row_of_zeros_has_no_direction(fn):
    gradient, decoder = (
        torch.tensor([[1.0, 2.0], [1.0, 2.0]]),
        torch.tensor([[0.0, 0.0], [1.0, 0.0]]),
    )
    left = _removed(fn, gradient, decoder)
    expect(left, torch.tensor([[1.0, 2.0], [0.0, 2.0]]), gradient=gradient, decoder=decoder)


@remove_parallel_gradient_.check
def it_works_on_a_parameter_and_its_gradient(fn):
    decoder = nn.Parameter(torch.tensor([[0.6, 0.8], [1.0, 0.0]]))
    (decoder * torch.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    fn(decoder.grad, decoder)
    expect(decoder.grad, torch.tensor([[-0.32, 0.24], [0.0, 4.0]]))
    kept = torch.tensor([[0.6, 0.8], [1.0, 0.0]])
    require(
        torch.equal(decoder.detach(), kept) and decoder.is_leaf, "the decoder unchanged", decoder
    )
    require(not decoder.grad.requires_grad, "a gradient that records nothing", decoder.grad)


@remove_parallel_gradient_.mistake("the orthogonal part is removed and the parallel one kept")
def _(gradient, decoder):
    with torch.no_grad():
        unit = F.normalize(decoder, dim=-1)
        gradient.copy_((gradient * unit).sum(-1, keepdim=True) * unit)


@remove_parallel_gradient_.mistake("the decoder's rows are taken for unit vectors")
def _(gradient, decoder):
    with torch.no_grad():
        gradient -= (gradient * decoder).sum(-1, keepdim=True) * decoder


@remove_parallel_gradient_.mistake("projected on columns, where a direction is a row")
def _(gradient, decoder):
    with torch.no_grad():
        unit = F.normalize(decoder, dim=0)
        gradient -= (gradient * unit).sum(0, keepdim=True) * unit


@remove_parallel_gradient_.mistake("the parallel part is added instead of taken away")
def _(gradient, decoder):
    with torch.no_grad():
        unit = F.normalize(decoder, dim=-1)
        gradient += (gradient * unit).sum(-1, keepdim=True) * unit


@remove_parallel_gradient_.mistake("a new tensor comes back, and the gradient stays as it was")
def _(gradient, decoder):
    unit = F.normalize(decoder, dim=-1)
    return gradient - (gradient * unit).sum(-1, keepdim=True) * unit


@remove_parallel_gradient_.mistake("the gradient itself records now: torch.no_grad() is missing")
def _(gradient, decoder):
    unit = F.normalize(decoder, dim=-1)
    gradient -= (gradient * unit).sum(-1, keepdim=True) * unit


@remove_parallel_gradient_.mistake("one inner product over the whole matrix, not one per row")
def _(gradient, decoder):
    with torch.no_grad():
        unit = F.normalize(decoder, dim=-1)
        gradient -= (gradient * unit).sum() * unit


@remove_parallel_gradient_.mistake(
    "the element-wise product is removed: the sum over the row is missing"
)
def _(gradient, decoder):
    with torch.no_grad():
        unit = F.normalize(decoder, dim=-1)
        gradient -= gradient * unit * unit


@remove_parallel_gradient_.right("row by row, by the projection g − (g · d / d · d) d")
@torch.no_grad()
def _(gradient, decoder):
    for g, d in zip(gradient, decoder, strict=True):
        if d.any():
            g -= g.dot(d) / d.dot(d) * d


@remove_parallel_gradient_.right("by einsum on what is detached")
def _(gradient, decoder):
    unit = torch.nn.functional.normalize(decoder.detach(), dim=1)
    along = torch.einsum("ij,ij->i", gradient.detach(), unit)
    gradient.data.sub_(torch.einsum("i,ij->ij", along, unit))
