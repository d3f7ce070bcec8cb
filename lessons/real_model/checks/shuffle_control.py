"""How `shuffle_control` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.real_model.drills import shuffle_control
from utils.grading import expect, require


def _g(seed):
    return torch.Generator().manual_seed(seed)


@shuffle_control.check
def kinds_without_scatter_leave_nothing(fn):
    for n, m in ((4, 4), (2, 6)):
        a, b = torch.full((n, 2), 5.0), torch.full((m, 2), -1.0)
        for seed in range(6):
            expect(fn(a, b, _g(seed)), torch.zeros(2))


@shuffle_control.check
def every_example_is_in_one_group(fn):
    a, b = torch.eye(10)[:6], torch.eye(10)[6:]
    got = fn(a, b, _g(0))
    expect(got.abs() if torch.is_tensor(got) else got, torch.full((10,), 0.2))


@shuffle_control.check
def it_is_random(fn):
    a, b = torch.eye(16)[:8], torch.eye(16)[8:]
    several = {tuple(fn(a, b, _g(seed)).tolist()) for seed in range(12)}
    require(len(several) > 6, "other groups in other draws", len(several))
    expect(fn(a, b, _g(3)), fn(a, b, _g(3)))
    stuck = torch.stack([fn(a, b, _g(seed)).sign() for seed in range(40)]).mean(0).abs().max()
    require(stuck < 0.9, "no example that always falls to one side", stuck.item())


@shuffle_control.mistake("all examples in one heap, as before")
def _(a, b, generator):
    x = torch.cat([a, b])[torch.randperm(len(a) + len(b), generator=generator)]
    first, second = x.chunk(2)
    return first.mean(0) - second.mean(0)


@shuffle_control.mistake("the difference is projected out of the heap: groups of another make")
def _(a, b, generator):
    x = torch.cat([a, b])[torch.randperm(len(a) + len(b), generator=generator)]
    first, second = x.chunk(2)
    gap, v = a.mean(0) - b.mean(0), first.mean(0) - second.mean(0)
    return v - (v @ gap) / (gap @ gap) * gap


@shuffle_control.mistake("only a is dealt into halves")
def _(a, b, generator):
    x = a[torch.randperm(len(a), generator=generator)]
    return x[: len(a) // 2].mean(0) - x[len(a) // 2 :].mean(0)


@shuffle_control.mistake("a is dealt at random, b in the order given")
def _(a, b, generator):
    x = a[torch.randperm(len(a), generator=generator)]
    first = torch.cat([x[: len(a) // 2], b[: len(b) // 2]])
    second = torch.cat([x[len(a) // 2 :], b[len(b) // 2 :]])
    return first.mean(0) - second.mean(0)


@shuffle_control.mistake("halves in the order given: nothing is random")
def _(a, b, generator):
    first = torch.cat([a[: len(a) // 2], b[: len(b) // 2]])
    second = torch.cat([a[len(a) // 2 :], b[len(b) // 2 :]])
    return first.mean(0) - second.mean(0)


@shuffle_control.right("by signs")
def _(a, b, generator):
    total = torch.zeros_like(a[0])
    for x in (a, b):
        sign = torch.tensor([1.0, -1.0]).repeat(len(x) // 2)
        total = total + sign[torch.randperm(len(x), generator=generator)] @ x
    return 2 * total / (len(a) + len(b))


@shuffle_control.right("example by example")
def _(a, b, generator):
    groups = [[], []]
    for x in (a, b):
        for place, i in enumerate(torch.randperm(len(x), generator=generator).tolist()):
            groups[place % 2].append(x[i])
    return torch.stack(groups[0]).mean(0) - torch.stack(groups[1]).mean(0)
