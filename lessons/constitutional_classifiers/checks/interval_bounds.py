"""How `interval_bounds` is judged: checks, mistakes, right answers in other styles."""

from itertools import product

import torch
from torch import nn

from lessons.constitutional_classifiers.exercises import interval_bounds
from utils.grading import expect, require


def layer_of(weight, bias):
    layer = nn.Linear(len(weight[0]), len(weight)).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def some(seed, d=3, m=2, n=4):
    g = torch.Generator().manual_seed(seed)
    layer = layer_of(torch.randn(m, d, generator=g).tolist(), torch.randn(m, generator=g).tolist())
    low = torch.randn(n, d, generator=g).double()
    return layer, low, low + torch.rand(n, d, generator=g).double()


def bounds(fn, layer, low, high):
    got = fn(layer, low.clone(), high.clone())
    require(isinstance(got, tuple | list) and len(got) == 2, "two bounds", got)
    shape = (len(low), layer.out_features)
    require(all(x.shape == shape for x in got), f"both of shape {shape}", got)
    return got


@interval_bounds.check
def one_negative_weight_turns_the_interval_round(fn):
    layer = layer_of([[-2.0]], [1.0])
    low, high = bounds(fn, layer, torch.tensor([[1.0]]).double(), torch.tensor([[3.0]]).double())
    expect(low.detach(), torch.tensor([[-5.0]]).double())
    expect(high.detach(), torch.tensor([[-1.0]]).double())


@interval_bounds.check
def the_high_end_of_one_positive_weight(fn):
    layer = layer_of([[2.0]], [1.0])
    low, high = bounds(fn, layer, torch.tensor([[1.0]]).double(), torch.tensor([[3.0]]).double())
    expect(high.detach(), torch.tensor([[7.0]]).double())
    expect(low.detach(), torch.tensor([[3.0]]).double())


@interval_bounds.check
def a_point_passes_as_through_the_layer(fn):
    layer, x, _ = some(0)
    low, high = bounds(fn, layer, x, x)
    expect(low.detach(), layer(x).detach())
    expect(high.detach(), layer(x).detach())


@interval_bounds.check
def every_corner_tried(fn):
    for seed, (d, m, n) in enumerate(((2, 3, 1), (4, 1, 3), (3, 3, 2))):
        layer, low, high = some(seed + 1, d, m, n)
        corners = [
            layer(torch.where(torch.tensor(c), high, low)).detach()
            for c in product((False, True), repeat=d)
        ]
        got_low, got_high = bounds(fn, layer, low, high)
        expect(got_low.detach(), torch.stack(corners).amin(0))
        expect(got_high.detach(), torch.stack(corners).amax(0))


@interval_bounds.check
def gradients_reach_the_weights(fn):
    layer, low, high = some(9)
    got_low, _ = bounds(fn, layer, low, high)
    require(got_low.requires_grad, "a bound with a gradient", got_low)
    got_low.sum().backward()
    want = torch.where(layer.weight > 0, low.sum(0), high.sum(0))
    expect(layer.weight.grad, want.detach())


@interval_bounds.mistake("both ends through the layer: wrong where a weight is negative")
def _(layer, low, high):
    return layer(low), layer(high)


@interval_bounds.mistake("both ends through the layer, sorted: wrong where signs are mixed")
def _(layer, low, high):
    a, b = layer(low), layer(high)
    return torch.minimum(a, b), torch.maximum(a, b)


@interval_bounds.mistake("the bias is added to the radius, too")
def _(layer, low, high):
    center, radius = (low + high) / 2, (high - low) / 2
    spread = torch.nn.functional.linear(radius, layer.weight.abs(), layer.bias)
    return layer(center) - spread, layer(center) + spread


@interval_bounds.mistake("the bias is left out")
def _(layer, low, high):
    center, radius = (low + high) / 2, (high - low) / 2
    spread = radius @ layer.weight.abs().T
    return center @ layer.weight.T - spread, center @ layer.weight.T + spread


@interval_bounds.mistake("the whole width for the radius: the bounds are twice too wide")
def _(layer, low, high):
    spread = (high - low) @ layer.weight.abs().T
    return layer((low + high) / 2) - spread, layer((low + high) / 2) + spread


@interval_bounds.mistake("high comes first")
def _(layer, low, high):
    a, b = interval_bounds(layer, low, high)
    return b, a


@interval_bounds.mistake("a ReLU is in it: a lower bound below 0 is lost")
def _(layer, low, high):
    a, b = interval_bounds(layer, low, high)
    return a.relu(), b.relu()


@interval_bounds.mistake("no gradient reaches the weights")
def _(layer, low, high):
    with torch.no_grad():
        return interval_bounds(layer, low, high)


@interval_bounds.right("by positive and negative weights")
def _(layer, low, high):
    plus, minus = layer.weight.clamp(min=0), layer.weight.clamp(max=0)
    lower = low @ plus.T + high @ minus.T + layer.bias
    return lower, high @ plus.T + low @ minus.T + layer.bias


@interval_bounds.right("each product at both ends, the lesser and the greater summed")
def _(layer, low, high):
    a, b = low[:, None] * layer.weight, high[:, None] * layer.weight
    lower = torch.minimum(a, b).sum(-1) + layer.bias
    return lower, torch.maximum(a, b).sum(-1) + layer.bias


@interval_bounds.right("by F.linear with the absolute weights")
def _(layer, low, high):
    mid, half = torch.lerp(low, high, 0.5), 0.5 * (high - low)
    half = torch.nn.functional.linear(half, layer.weight.abs())
    return layer(mid) - half, layer(mid) + half
