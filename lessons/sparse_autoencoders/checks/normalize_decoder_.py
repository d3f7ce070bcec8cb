"""How `normalize_decoder_` is judged: checks, mistakes, right answers."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from lessons.sparse_autoencoders.exercises import normalize_decoder_
from utils.grading import expect, require


def _normalized(fn, decoder):
    """Call an answer on a copy, and hand the copy back."""
    decoder = decoder.clone()
    fn(decoder)
    return decoder


@normalize_decoder_.check
def one_row(fn):
    for row, unit in (
        ([3.0, 4.0], [0.6, 0.8]),
        ([-2.0, 0.0], [-1.0, 0.0]),
        ([0.0, 1.0], [0.0, 1.0]),
    ):
        given = torch.tensor([row])
        expect(_normalized(fn, given), torch.tensor([unit]), decoder=given)


@normalize_decoder_.check
def each_row_by_its_own_length(fn):
    square = torch.tensor([[3.0, 4.0], [0.0, 0.5]])
    expect(_normalized(fn, square), torch.tensor([[0.6, 0.8], [0.0, 1.0]]), decoder=square)
    for shape in ((3, 3), (5, 2), (2, 6)):
        decoder = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 4
        rows = [[v / math.sqrt(sum(w * w for w in r)) for v in r] for r in decoder.tolist()]
        expect(_normalized(fn, decoder), torch.tensor(rows), decoder=decoder)


@normalize_decoder_.check
def short_rows_grow_and_long_ones_shrink(fn):
    for size in (1e-3, 1e4):
        given = torch.tensor([[0.6 * size, -0.8 * size]])
        expect(_normalized(fn, given), torch.tensor([[0.6, -0.8]]), decoder=given)


@normalize_decoder_.check
def a_row_of_zeros_stays(fn):
    given = torch.tensor([[0.0, 0.0], [0.0, 2.0]])
    expect(_normalized(fn, given), torch.tensor([[0.0, 0.0], [0.0, 1.0]]), decoder=given)


@normalize_decoder_.check
def a_parameter_stays_a_leaf_and_records_nothing(fn):
    decoder = nn.Parameter(torch.tensor([[3.0, 4.0], [1.0, 0.0]]))
    fn(decoder)
    require(decoder.is_leaf and decoder.requires_grad, "a leaf that still learns", decoder)
    expect(decoder.detach(), torch.tensor([[0.6, 0.8], [1.0, 0.0]]))
    (decoder * torch.tensor([[1.0, 0.0], [0.0, 0.0]])).sum().backward()
    expect(decoder.grad, torch.tensor([[1.0, 0.0], [0.0, 0.0]]), gradient_of="its first entry")


@normalize_decoder_.mistake("columns are normalized, where a direction is a row")
def _(decoder):
    with torch.no_grad():
        decoder /= decoder.norm(dim=0, keepdim=True).clamp_min(1e-12)


@normalize_decoder_.mistake("the whole matrix is divided by one number")
def _(decoder):
    with torch.no_grad():
        decoder /= decoder.norm().clamp_min(1e-12)


@normalize_decoder_.mistake("a new tensor comes back, and the decoder stays as it was")
def _(decoder):
    return F.normalize(decoder, dim=-1)


@normalize_decoder_.mistake("divided by the squared length")
def _(decoder):
    with torch.no_grad():
        decoder /= (decoder**2).sum(-1, keepdim=True).clamp_min(1e-12)


@normalize_decoder_.mistake("divided by zero: a row of zeros becomes NaN")
def _(decoder):
    with torch.no_grad():
        decoder /= decoder.norm(dim=-1, keepdim=True)


@normalize_decoder_.mistake("only long rows are shortened, short ones stay short")
def _(decoder):
    with torch.no_grad():
        decoder /= decoder.norm(dim=-1, keepdim=True).clamp_min(1.0)


@normalize_decoder_.mistake("the sum of absolute values is made 1, not the length")
def _(decoder):
    with torch.no_grad():
        decoder /= decoder.abs().sum(-1, keepdim=True).clamp_min(1e-12)


@normalize_decoder_.right("row by row")
@torch.no_grad()
def _(decoder):
    for row in decoder:
        if row.any():
            row /= row.norm()


@normalize_decoder_.right("by torch's normalize, copied into place")
def _(decoder):
    decoder.data.copy_(F.normalize(decoder.data, dim=1))
