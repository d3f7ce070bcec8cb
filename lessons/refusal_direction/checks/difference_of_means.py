"""How `difference_of_means` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.refusal_direction.checks.shared import vectors
from lessons.refusal_direction.exercises import difference_of_means
from utils.grading import expect


@difference_of_means.check
def one_of_each(fn):
    a, b = torch.tensor([[3.0, 1.0]]), torch.tensor([[1.0, 5.0]])
    expect(fn(a, b), torch.tensor([2.0, -4.0]))


@difference_of_means.check
def sets_of_different_size(fn):
    a = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 9.0]])
    b = torch.tensor([[0.0, 1.0], [2.0, 2.0]])
    expect(fn(a, b), torch.tensor([2.0, 1.5]))


@difference_of_means.check
def what_is_shared_cancels(fn):
    a, b, shared = vectors(0, 5, 4), vectors(1, 3, 4), vectors(2, 4)
    expect(fn(a + shared, b + shared), fn(a, b), harmful=a + shared, harmless=b + shared)
    expect(fn(a, a), torch.zeros(4))


@difference_of_means.check
def positions_stay_apart(fn):
    a, b = vectors(3, 6, 2, 4), vectors(4, 5, 2, 4)
    by_hand = [
        [sum(a[:, p, j].tolist()) / 6 - sum(b[:, p, j].tolist()) / 5 for j in range(4)]
        for p in range(2)
    ]
    expect(fn(a, b), torch.tensor(by_hand))


@difference_of_means.mistake("the signs are turned: it points from harmful to harmless")
def _(harmful, harmless):
    return harmless.mean(0) - harmful.mean(0)


@difference_of_means.mistake("scaled to length 1: its length is the distance of the means, keep it")
def _(harmful, harmless):
    r = harmful.mean(0) - harmless.mean(0)
    return r / r.norm()


@difference_of_means.mistake("averaged over the last dimension, d_model, not over requests")
def _(harmful, harmless):
    return harmful.mean(-1) - harmless.mean(-1)


@difference_of_means.mistake("averaged over positions, too: only requests are averaged")
def _(harmful, harmless):
    d = harmful.shape[-1]
    return harmful.reshape(-1, d).mean(0) - harmless.reshape(-1, d).mean(0)


@difference_of_means.mistake("averaged over everything: one number is left")
def _(harmful, harmless):
    return harmful.mean() - harmless.mean()


@difference_of_means.mistake("sums in place of means: then the larger set weighs more")
def _(harmful, harmless):
    return harmful.sum(0) - harmless.sum(0)


@difference_of_means.mistake("medians in place of means")
def _(harmful, harmless):
    return harmful.median(0).values - harmless.median(0).values


@difference_of_means.mistake("the mean of harmful ones alone: what both sets share is still in it")
def _(harmful, harmless):
    return harmful.mean(0)


@difference_of_means.mistake("paired off, request by request: the rest of the larger set is lost")
def _(harmful, harmless):
    n = min(len(harmful), len(harmless))
    return (harmful[:n] - harmless[:n]).mean(0)


@difference_of_means.mistake("scaled to length 1 at each position: keep the lengths")
def _(harmful, harmless):
    r = harmful.mean(0) - harmless.mean(0)
    return r / r.norm(dim=-1, keepdim=True)


@difference_of_means.mistake("averaged over d_model as well, after the requests")
def _(harmful, harmless):
    return (harmful.mean(0) - harmless.mean(0)).mean(-1)


@difference_of_means.mistake("less the mean of all requests, not of the harmless ones")
def _(harmful, harmless):
    return harmful.mean(0) - torch.cat([harmful, harmless]).mean(0)


@difference_of_means.right("by sums over counts")
def _(harmful, harmless):
    return harmful.sum(0) / len(harmful) - harmless.sum(0) / len(harmless)


@difference_of_means.right("request by request, in a loop")
def _(harmful, harmless):
    total = torch.zeros_like(harmful[0])
    for x in harmful:
        total = total + x / len(harmful)
    for x in harmless:
        total = total - x / len(harmless)
    return total


@difference_of_means.right("in numpy")
def _(harmful, harmless):
    return torch.from_numpy(harmful.numpy().mean(axis=0) - harmless.numpy().mean(axis=0))
