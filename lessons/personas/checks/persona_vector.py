"""How `persona_vector` is judged: checks, mistakes, right answers in other styles."""

import numpy as np
import torch

from lessons.personas.checks.shared import vectors
from lessons.personas.exercises import persona_vector
from utils.grading import expect

ALL = torch.ones(1, 1, dtype=torch.bool)


@persona_vector.check
def one_reply_of_one_place(fn):
    a, b = torch.tensor([[[3.0, 1.0]]]), torch.tensor([[[1.0, 5.0]]])
    expect(fn(a, ALL, b, ALL), torch.tensor([2.0, -4.0]))


@persona_vector.check
def each_reply_counts_once(fn):
    a = torch.tensor([[[2.0], [4.0]], [[9.0], [100.0]]])
    marked = torch.tensor([[True, True], [True, False]])  # means 3 and 9
    b = torch.zeros(1, 1, 1)
    expect(fn(a, marked, b, ALL), torch.tensor([6.0]))
    expect(fn(b, ALL, a, marked), torch.tensor([-6.0]))


@persona_vector.check
def a_reply_without_a_marked_place_is_left_out(fn):
    a = torch.tensor([[[2.0], [4.0]], [[9.0], [100.0]]])
    marked = torch.tensor([[True, True], [False, False]])
    b = torch.ones(1, 1, 1)
    expect(fn(a, marked, b, ALL), torch.tensor([2.0]))


@persona_vector.check
def what_is_shared_cancels(fn):
    a, b, shared = vectors(0, 5, 3, 4), vectors(1, 4, 3, 4), vectors(2, 4)
    ours, theirs = vectors(3, 5, 3) > -0.5, vectors(4, 4, 3) > -0.5
    expect(fn(a + shared, ours, b + shared, theirs), fn(a, ours, b, theirs), tol=1e-4)
    expect(fn(a, ours, a, ours), torch.zeros(4))


@persona_vector.check
def by_plain_loops(fn):
    for dtype in (torch.float32, torch.float64):
        a, b = vectors(5, 6, 4, 3, dtype=dtype), vectors(6, 7, 5, 3, dtype=dtype)
        ours, theirs = vectors(7, 6, 4) > 0.4, vectors(8, 7, 5) > 0.4
        means = []
        for x, marked in ((a, ours), (b, theirs)):
            replies = [r[m].double().numpy() for r, m in zip(x, marked, strict=True)]
            means.append(np.mean([np.mean(r, 0) for r in replies if len(r)], 0))
        expect(fn(a, ours, b, theirs), torch.tensor(means[0] - means[1], dtype=dtype), tol=1e-4)


def _mean(x, marked):
    kept = marked.any(1)
    x, marked = x[kept], marked[kept]
    return ((x * marked[..., None]).sum(1) / marked.sum(1, keepdim=True)).mean(0)


@persona_vector.mistake("the signs are turned: it points away from the trait")
def _(with_trait, in_character, without, out_of_character):
    return _mean(without, out_of_character) - _mean(with_trait, in_character)


@persona_vector.mistake("the masks are ignored: every place counts")
def _(with_trait, in_character, without, out_of_character):
    return with_trait.mean((0, 1)) - without.mean((0, 1))


@persona_vector.mistake("all marked places count alike: a longer reply weighs more")
def _(with_trait, in_character, without, out_of_character):
    return with_trait[in_character].mean(0) - without[out_of_character].mean(0)


@persona_vector.mistake("divided by the length of the reply, not by its marked places")
def _(with_trait, in_character, without, out_of_character):
    def mean(x, marked):
        kept = marked.any(1)
        return (x * marked[..., None]).mean(1)[kept].mean(0)

    return mean(with_trait, in_character) - mean(without, out_of_character)


@persona_vector.mistake("a reply without a marked place is divided by 0: nan")
def _(with_trait, in_character, without, out_of_character):
    def mean(x, marked):
        return ((x * marked[..., None]).sum(1) / marked.sum(1, keepdim=True)).mean(0)

    return mean(with_trait, in_character) - mean(without, out_of_character)


@persona_vector.mistake("a reply without a marked place counts as zeros: leave it out")
def _(with_trait, in_character, without, out_of_character):
    def mean(x, marked):
        count = marked.sum(1, keepdim=True).clamp(min=1)
        return ((x * marked[..., None]).sum(1) / count).mean(0)

    return mean(with_trait, in_character) - mean(without, out_of_character)


@persona_vector.mistake("scaled to length 1: its length is how far apart the characters are")
def _(with_trait, in_character, without, out_of_character):
    v = _mean(with_trait, in_character) - _mean(without, out_of_character)
    return v / v.norm()


@persona_vector.mistake("the mean of the trait alone: what both share is still in it")
def _(with_trait, in_character, without, out_of_character):
    return _mean(with_trait, in_character)


@persona_vector.mistake("the masks are swapped between the two sets")
def _(with_trait, in_character, without, out_of_character):
    return _mean(with_trait, ~in_character) - _mean(without, ~out_of_character)


@persona_vector.mistake("one mask is used for both sets")
def _(with_trait, in_character, without, out_of_character):
    return _mean(with_trait, in_character) - _mean(without, in_character)


@persona_vector.mistake("sums over places in place of means")
def _(with_trait, in_character, without, out_of_character):
    def total(x, marked):
        return (x * marked[..., None]).sum(1)[marked.any(1)].mean(0)

    return total(with_trait, in_character) - total(without, out_of_character)


@persona_vector.mistake("only the last place of each reply counts")
def _(with_trait, in_character, without, out_of_character):
    return with_trait[:, -1].mean(0) - without[:, -1].mean(0)


@persona_vector.right("reply by reply, in a loop")
def _(with_trait, in_character, without, out_of_character):
    means = []
    for x, marked in ((with_trait, in_character), (without, out_of_character)):
        replies = [r[m].mean(0) for r, m in zip(x, marked, strict=True) if m.any()]
        means.append(sum(replies) / len(replies))
    return means[0] - means[1]


@persona_vector.right("by nan and nanmean")
def _(with_trait, in_character, without, out_of_character):
    def mean(x, marked):
        hidden = x.masked_fill(~marked[..., None], float("nan"))
        return hidden.nanmean(1).nanmean(0)

    return mean(with_trait, in_character) - mean(without, out_of_character)


@persona_vector.right("by einsum, with a weight for each place")
def _(with_trait, in_character, without, out_of_character):
    def mean(x, marked):
        weights = marked.to(x.dtype)
        weights = weights / weights.sum(1, keepdim=True).clamp(min=1)
        return torch.einsum("nl,nld->d", weights, x) / marked.any(1).sum()

    return mean(with_trait, in_character) - mean(without, out_of_character)
