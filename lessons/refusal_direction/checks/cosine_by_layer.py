"""How `cosine_by_layer` is judged: checks, mistakes, right answers in other styles."""

import torch
from torch.nn import functional as F

from lessons.refusal_direction.checks.shared import dot, length, vectors
from lessons.refusal_direction.exercises import cosine_by_layer
from utils.grading import expect


@cosine_by_layer.check
def one_request_one_layer(fn):
    x = torch.tensor([[[3.0, 4.0]]])
    expect(fn(x, torch.tensor([1.0, 0.0])), torch.tensor([0.6]))
    expect(fn(x, torch.tensor([0.0, -1.0])), torch.tensor([-0.8]))


@cosine_by_layer.check
def no_length_matters(fn):
    x = torch.tensor([[[3.0, 4.0]], [[0.3, 0.4]]])
    expect(fn(x, torch.tensor([5.0, 0.0])), torch.tensor([0.6]))


@cosine_by_layer.check
def a_cosine_first_a_mean_after(fn):
    # cosines 1 and 0, of activations of length 9 and 1
    x = torch.tensor([[[9.0, 0.0]], [[0.0, 1.0]]])
    expect(fn(x, torch.tensor([1.0, 0.0])), torch.tensor([0.5]))


@cosine_by_layer.check
def signs_count(fn):
    x = torch.tensor([[[1.0, 0.0]], [[-1.0, 0.0]]])
    expect(fn(x, torch.tensor([2.0, 0.0])), torch.tensor([0.0]))


@cosine_by_layer.check
def every_layer_by_hand(fn):
    for n, layers, d in ((5, 3, 4), (3, 3, 3), (1, 4, 2)):
        x, r = vectors(n, n, layers, d), vectors(9, d) * 3
        wanted = [
            sum(dot(v, r) / length(v) / length(r) for v in x[:, layer]) / n
            for layer in range(layers)
        ]
        expect(fn(x, r), torch.tensor(wanted))


@cosine_by_layer.mistake("the cosine of the mean activation: long ones count for more")
def _(activations, direction):
    return F.cosine_similarity(activations.mean(0), direction, dim=-1)


@cosine_by_layer.mistake("activations are not divided by their length: a projection, no cosine")
def _(activations, direction):
    return (activations @ direction / direction.norm()).mean(0)


@cosine_by_layer.mistake("the direction is not divided by its length")
def _(activations, direction):
    return (activations @ direction / activations.norm(dim=-1)).mean(0)


@cosine_by_layer.mistake("the sign is lost")
def _(activations, direction):
    return F.cosine_similarity(activations, direction, dim=-1).abs().mean(0)


@cosine_by_layer.mistake("averaged over layers: one number for each request is left")
def _(activations, direction):
    return F.cosine_similarity(activations, direction, dim=-1).mean(1)


@cosine_by_layer.mistake("one number for all layers together")
def _(activations, direction):
    return F.cosine_similarity(activations, direction, dim=-1).mean()


@cosine_by_layer.mistake("a sum over requests in place of the mean")
def _(activations, direction):
    return F.cosine_similarity(activations, direction, dim=-1).sum(0)


@cosine_by_layer.mistake("nothing is divided by its length: a dot product, no cosine")
def _(activations, direction):
    return (activations @ direction).mean(0)


@cosine_by_layer.mistake("normalized along dimension 1, the layers: give dim=-1")
def _(activations, direction):
    return (F.normalize(activations) @ (direction / direction.norm())).mean(0)


@cosine_by_layer.mistake("mean dot product over mean length: divide each request by its own")
def _(activations, direction):
    along = (activations @ (direction / direction.norm())).mean(0)
    return along / activations.norm(dim=-1).mean(0)


@cosine_by_layer.mistake("divided by the length of the whole tensor, not of each activation")
def _(activations, direction):
    return (activations @ (direction / direction.norm()) / activations.norm()).mean(0)


@cosine_by_layer.mistake("the mean over requests is missing")
def _(activations, direction):
    return F.cosine_similarity(activations, direction, dim=-1)


@cosine_by_layer.mistake("the mean activation is taken away first: a cosine does not center")
def _(activations, direction):
    return F.cosine_similarity(activations - activations.mean(0), direction, dim=-1).mean(0)


@cosine_by_layer.right("by torch's cosine_similarity")
def _(activations, direction):
    return F.cosine_similarity(activations, direction.expand_as(activations), dim=-1).mean(0)


@cosine_by_layer.right("layer by layer, in a loop")
def _(activations, direction):
    means = []
    for layer in range(activations.shape[1]):
        x = F.normalize(activations[:, layer], dim=-1)
        means.append((x @ F.normalize(direction, dim=0)).mean())
    return torch.stack(means)


@cosine_by_layer.right("by einsum")
def _(activations, direction):
    lengths = activations.pow(2).sum(-1).sqrt() * direction.pow(2).sum().sqrt()
    return (torch.einsum("nld,d->nl", activations, direction) / lengths).mean(0)
