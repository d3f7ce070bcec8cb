"""How `swap_estimate` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.gradient_attacks.drills import swap_estimate
from utils.grading import expect


@swap_estimate.check
def a_word_for_itself_changes_nothing(fn):
    g = torch.Generator().manual_seed(0)
    table, gradient = torch.randn(4, 3, generator=g), torch.randn(3, generator=g)
    expect(fn(table, gradient, 2, 2), 0.0)


@swap_estimate.check
def two_words_by_hand(fn):
    table = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 1.0]])
    gradient = torch.tensor([0.5, -1.0])
    expect(fn(table, gradient, 0, 1), -2.5)
    expect(fn(table, gradient, 1, 0), 2.5)
    expect(fn(table, gradient, 0, 2), 0.0)


@swap_estimate.check
def it_is_the_slope_of_the_loss_on_the_way_from_old_to_new(fn):
    g = torch.Generator().manual_seed(1)
    table = torch.randn(6, 4, generator=g, dtype=torch.float64)
    mix = torch.randn(4, generator=g, dtype=torch.float64)

    def loss(e):
        return torch.tanh(e * mix).sum() + (e @ mix) ** 2

    for old, new in ((0, 5), (3, 1), (2, 4)):
        e = table[old].clone().requires_grad_()
        gradient = torch.autograd.grad(loss(e), e)[0]
        step = 1e-6
        one = loss((1 - step) * table[old] + step * table[new])
        two = loss((1 + step) * table[old] - step * table[new])
        expect(fn(table, gradient, old, new), ((one - two) / (2 * step)).item(), tol=1e-4)


@swap_estimate.mistake("the new word alone: the old one is not taken out")
def _(embedding, gradient, old, new):
    return (embedding[new] @ gradient).item()


@swap_estimate.mistake("the sign: old less new")
def _(embedding, gradient, old, new):
    return ((embedding[old] - embedding[new]) @ gradient).item()


@swap_estimate.mistake("the squared distance of the embeddings, without the gradient")
def _(embedding, gradient, old, new):
    return (embedding[new] - embedding[old]).square().sum().item()


@swap_estimate.mistake("both are added")
def _(embedding, gradient, old, new):
    return ((embedding[new] + embedding[old]) @ gradient).item()


@swap_estimate.mistake("a cosine: divided by lengths, it is no longer in nats")
def _(embedding, gradient, old, new):
    return torch.cosine_similarity(embedding[new] - embedding[old], gradient, dim=0).item()


@swap_estimate.right("by the gradient of the one-hot row")
def _(embedding, gradient, old, new):
    row = embedding @ gradient
    return float(row[new] - row[old])


@swap_estimate.right("by a sum in a loop")
def _(embedding, gradient, old, new):
    pairs = zip(embedding[new].tolist(), embedding[old].tolist(), gradient.tolist(), strict=True)
    return sum((a - b) * g for a, b, g in pairs)
