"""How `sparse_view` is judged: checks, mistakes, right answers."""

import torch

from lessons.debate.checks.shared import see
from lessons.debate.exercises import sparse_view
from utils.grading import expect, require


@sparse_view.check
def one_pixel_shown_and_hidden(fn):
    expect(fn(torch.tensor([0.5]), torch.tensor([True])), torch.tensor([0.5, 1.0]))
    expect(fn(torch.tensor([0.5]), torch.tensor([False])), torch.tensor([0.0, 0.0]))


@sparse_view.check
def a_black_pixel_that_was_revealed_is_not_a_hidden_one(fn):
    got = fn(torch.tensor([[0.0, 0.7]]), torch.tensor([[True, False]]))
    expect(got, torch.tensor([[0.0, 0.0, 1.0, 0.0]]))
    got = fn(torch.tensor([[0.0, 0.7]]), torch.tensor([[True, True]]))
    expect(got, torch.tensor([[0.0, 0.7, 1.0, 1.0]]))


@sparse_view.check
def it_is_what_plain_loops_say(fn):
    g = torch.Generator().manual_seed(0)
    for n, pixels in ((2, 2), (3, 5), (4, 1)):
        images = torch.randn(n, pixels, generator=g, dtype=torch.float64) * 3
        revealed = torch.rand(n, pixels, generator=g) < 0.5
        rows = [
            see(x, {i for i, r in enumerate(seen) if r})
            for x, seen in zip(images.tolist(), revealed.tolist(), strict=True)
        ]
        expect(fn(images, revealed), torch.stack(rows).double())


@sparse_view.check
def one_picture_under_many_masks(fn):
    image, eye = torch.tensor([0.2, 0.4, 0.6]), torch.eye(3, dtype=torch.bool)
    wanted = torch.cat([torch.diag(image), torch.eye(3)], 1)
    expect(fn(image, eye), wanted)
    images = torch.stack([image, 2 * image])
    got = fn(images[:, None], eye)
    expect(got, torch.stack([wanted, torch.cat([2 * torch.diag(image), torch.eye(3)], 1)]))
    got = fn(images, torch.tensor([True, False, True]))
    expect(got[:, 3:], torch.tensor([[1.0, 0.0, 1.0]] * 2))
    masks = torch.stack([eye, ~eye])
    got = fn(images[:, None], masks)
    expect(got[1, 2], torch.tensor([0.4, 0.8, 0.0, 1.0, 1.0, 0.0]))


@sparse_view.check
def hidden_pixels_leave_no_trace(fn):
    revealed = torch.tensor([[True, False, True, False]])
    wanted = torch.tensor([[0.1, 0.0, 0.3, 0.0, 1.0, 0.0, 1.0, 0.0]])
    for hidden in (0.9, 0.0, 1000.0):
        expect(fn(torch.tensor([[0.1, hidden, 0.3, hidden]]), revealed), wanted)


@sparse_view.check
def the_type_is_that_of_the_images(fn):
    for dtype in (torch.float32, torch.float64):
        got = fn(torch.ones(2, 3, dtype=dtype), torch.ones(2, 3, dtype=torch.bool))
        require(torch.is_tensor(got) and got.dtype == dtype, f"dtype {dtype}", got)


def _view_mistake(description, view):
    @sparse_view.mistake(description)
    def _(images, revealed):
        values = torch.where(revealed, images, 0)
        return view(images, values, revealed.to(images.dtype).expand_as(values))


_view_mistake("the mask is left out: a black pixel looks like a hidden one", lambda i, v, m: v)
_view_mistake("the mask comes first", lambda i, v, m: torch.cat([m, v], -1))
_view_mistake(
    "the mask is not applied: the judge sees the whole picture",
    lambda i, v, m: torch.cat([i.expand_as(m), m], -1),
)
_view_mistake(
    "the mask marks what is hidden, 1 and 0 exchanged",
    lambda i, v, m: torch.cat([v, 1 - m], -1),
)
_view_mistake(
    "the mask marks bright pixels: a revealed black one is missing in it",
    lambda i, v, m: torch.cat([v, (v > 0).to(v.dtype)], -1),
)
_view_mistake(
    "stacked in a dimension of their own, not joined along the last",
    lambda i, v, m: torch.stack([v, m], -2),
)
_view_mistake(
    "values and mask alternate, pixel by pixel",
    lambda i, v, m: torch.stack([v, m], -1).flatten(-2),
)
_view_mistake(
    "the values of the hidden pixels are shown, not those of the revealed",
    lambda i, v, m: torch.cat([i * (1 - m), m], -1),
)


@sparse_view.right("by products with the mask")
def _(images, revealed):
    mask = revealed.to(images.dtype)
    values = images * mask
    return torch.cat([values, mask + 0 * values], -1)


@sparse_view.right("by filling in a tensor of zeros")
def _(images, revealed):
    images, revealed = torch.broadcast_tensors(images, revealed)
    n = images.shape[-1]
    view = torch.zeros(*images.shape[:-1], 2 * n, dtype=images.dtype)
    view[..., :n] = images.masked_fill(~revealed, 0)
    view[..., n:] = revealed
    return view
