"""How `rotary` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.real_model.checks.shared import numbers
from lessons.real_model.exercises import rotary
from utils.grading import expect, require


def _by_complex_numbers(x, base):
    """Each pair as a complex number, multiplied by e^(i · angle), one by one."""
    n, d = x.shape[-2:]
    rows = []
    for row in x.reshape(-1, n, d).tolist():
        turned = []
        for p, vector in enumerate(row):
            out = []
            for i in range(d // 2):
                angle = p * base ** (-2 * i / d)
                z = complex(vector[2 * i], vector[2 * i + 1])
                z *= complex(math.cos(angle), math.sin(angle))
                out += [z.real, z.imag]
            turned.append(out)
        rows.append(turned)
    return torch.tensor(rows, dtype=x.dtype).reshape(x.shape)


@rotary.check
def one_pair_by_hand(fn):
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    wanted = torch.tensor([[1.0, 0.0], [math.cos(1), math.sin(1)], [-math.sin(2), math.cos(2)]])
    expect(fn(x, 100.0), wanted)


@rotary.check
def the_second_pair_turns_more_slowly(fn):
    x = torch.tensor([[1.0, 0.0, 1.0, 0.0]] * 2)
    turned = [math.cos(1), math.sin(1), math.cos(0.1), math.sin(0.1)]
    wanted = torch.tensor([[1.0, 0.0, 1.0, 0.0], turned])
    expect(fn(x, 100.0), wanted)


@rotary.check
def as_complex_numbers_turn(fn):
    for seed, shape, base in ((0, (5, 6), 50.0), (1, (2, 7, 4), 1e4), (2, (2, 3, 4, 8), 1e5)):
        x = numbers(seed, *shape)
        expect(fn(x, base), _by_complex_numbers(x, base), tol=1e-4)


@rotary.check
def doubles_stay_doubles(fn):
    x = numbers(7, 4, 6, dtype=torch.float64)
    expect(fn(x, 30.0), _by_complex_numbers(x, 30.0), tol=1e-5)


@rotary.check
def the_base_is_that_of_the_model_unless_given(fn):
    x = numbers(3, 6, 8)
    expect(fn(x), _by_complex_numbers(x, 100_000.0), tol=1e-4)


@rotary.check
def dot_products_depend_on_the_distance_alone(fn):
    q, k = (numbers(s, 1, 6, dtype=torch.float64).expand(9, 6) for s in (4, 5))
    turned = [fn(x, 20.0) for x in (q, k)]
    for x in turned:
        require(torch.is_tensor(x) and x.shape == (9, 6), "shape (9, 6)", x)
    scores = turned[0] @ turned[1].mT
    for distance in (0, 1, 4):
        along = scores.diagonal(-distance)
        expect(along, along[:1].expand_as(along).contiguous(), tol=1e-5)


@rotary.check
def the_input_is_left_as_it_is(fn):
    x = numbers(6, 3, 4)
    before = x.clone()
    fn(x, 10.0)
    expect(x, before)


def _turn(x, angle, sign=1):
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = angle.cos().to(x.dtype), sign * angle.sin().to(x.dtype)
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


def _angles(x, base, first=0):
    n, d = x.shape[-2:]
    return torch.arange(first, first + n)[:, None] * base ** (-torch.arange(0, d, 2) / d)


@rotary.mistake("turned the other way: the sine's sign belongs to the other line")
def _(x, base=100_000.0):
    return _turn(x, _angles(x, base), -1)


@rotary.mistake("positions are counted from 1: the first one is not to be turned")
def _(x, base=100_000.0):
    return _turn(x, _angles(x, base, 1))


@rotary.mistake("coordinate i goes with i + d/2 (the other convention), not 2i with 2i + 1")
def _(x, base=100_000.0):
    a, b = x.chunk(2, -1)
    angle = _angles(x, base)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


@rotary.mistake("turned rightly, but the pairs are not put side by side again")
def _(x, base=100_000.0):
    turned = _turn(x, _angles(x, base))
    return torch.cat((turned[..., 0::2], turned[..., 1::2]), -1)


@rotary.mistake("the exponent is −i/d: pair i turns by base^(−2i/d)")
def _(x, base=100_000.0):
    n, d = x.shape[-2:]
    return _turn(x, torch.arange(n)[:, None] * base ** (-torch.arange(d // 2) / d))


@rotary.mistake("the exponent is +2i/d: the later pairs turn faster instead of more slowly")
def _(x, base=100_000.0):
    n, d = x.shape[-2:]
    return _turn(x, torch.arange(n)[:, None] * base ** (torch.arange(0, d, 2) / d))


@rotary.mistake("every pair turns at the same speed: base is ignored")
def _(x, base=100_000.0):
    n, d = x.shape[-2:]
    return _turn(x, torch.arange(n)[:, None] * torch.ones(d // 2))


@rotary.mistake("base is fixed at 100,000, whatever is given")
def _(x, base=100_000.0):
    return _turn(x, _angles(x, 100_000.0))


@rotary.mistake("base is fixed at 10,000, as in the paper: this model has another")
def _(x, base=100_000.0):
    return _turn(x, _angles(x, 10_000.0))


@rotary.mistake("angles are taken for turns: 2π too much")
def _(x, base=100_000.0):
    return _turn(x, 2 * math.pi * _angles(x, base))


@rotary.mistake("the second line uses the first one's new value")
def _(x, base=100_000.0):
    angle = _angles(x, base)
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    even = even * cos - odd * sin
    return torch.stack((even, even * sin + odd * cos), -1).flatten(-2)


@rotary.mistake("a sine is added, as positions are in older models: nothing turns")
def _(x, base=100_000.0):
    angle = _angles(x, base)
    return x + torch.stack((angle.sin(), angle.cos()), -1).flatten(-2).to(x.dtype)


@rotary.mistake("angles are taken for degrees: they are in radians")
def _(x, base=100_000.0):
    return _turn(x, _angles(x, base) * math.pi / 180)


@rotary.mistake("the second line has a minus, too: (a, b) turns to (…, a sin α + b cos α)")
def _(x, base=100_000.0):
    angle, (even, odd) = _angles(x, base), (x[..., 0::2], x[..., 1::2])
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.stack((even * cos - odd * sin, even * sin - odd * cos), -1).flatten(-2)


@rotary.mistake("both lines have a plus: (a, b) turns to (a cos α − b sin α, …)")
def _(x, base=100_000.0):
    angle, (even, odd) = _angles(x, base), (x[..., 0::2], x[..., 1::2])
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.stack((even * cos + odd * sin, even * sin + odd * cos), -1).flatten(-2)


@rotary.mistake("cosine and sine have changed places")
def _(x, base=100_000.0):
    angle, (even, odd) = _angles(x, base), (x[..., 0::2], x[..., 1::2])
    sin, cos = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


@rotary.mistake("positions are counted along dimension −3: x is (…, position, d)")
def _(x, base=100_000.0):
    if x.dim() < 3:
        return _turn(x, _angles(x, base))
    return _turn(x.transpose(-2, -3), _angles(x.transpose(-2, -3), base)).transpose(-2, -3)


@rotary.mistake("changes x in place: the caller's queries are lost")
def _(x, base=100_000.0):
    x[...] = _turn(x, _angles(x, base))
    return x


@rotary.mistake("x comes back as it was")
def _(x, base=100_000.0):
    return x.clone()


@rotary.right("by complex numbers")
def _(x, base=100_000.0):
    n, d = x.shape[-2:]
    angle = torch.arange(n, dtype=torch.float64)[:, None] * base ** (
        -torch.arange(0, d, 2, dtype=torch.float64) / d
    )
    z = torch.view_as_complex(x.double().unflatten(-1, (-1, 2)).contiguous())
    return (
        torch.view_as_real(z * torch.polar(torch.ones_like(angle), angle)).flatten(-2).to(x.dtype)
    )


@rotary.right("by a matrix for each position")
def _(x, base=100_000.0):
    out = torch.empty_like(x)
    n, d = x.shape[-2:]
    for p in range(n):
        turn = torch.zeros(d, d, dtype=x.dtype)
        for i in range(0, d, 2):
            a = p * base ** (-i / d)
            turn[i, i] = turn[i + 1, i + 1] = math.cos(a)
            turn[i, i + 1], turn[i + 1, i] = -math.sin(a), math.sin(a)
        out[..., p, :] = x[..., p, :] @ turn.T
    return out


@rotary.right("by swapped neighbors")
def _(x, base=100_000.0):
    angle = _angles(x, base).repeat_interleave(2, -1)
    swapped = torch.stack((-x[..., 1::2], x[..., 0::2]), -1).flatten(-2)
    return x * angle.cos().to(x.dtype) + swapped * angle.sin().to(x.dtype)
