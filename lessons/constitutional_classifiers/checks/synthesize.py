"""How `synthesize` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.constitutional_classifiers.exercises import synthesize
from utils.grading import require
from utils.worlds.assistant import Requests, World


def table(*cells):
    pairs = torch.zeros(6, 8, dtype=torch.bool)
    for action, topic in cells:
        pairs[action, topic] = True
    return pairs


def drawn(fn, bad, near, n=400, seed=0):
    g = torch.Generator().manual_seed(seed)
    got = fn(World(0), bad.clone(), near.clone(), n, g)
    ok = isinstance(got, tuple) and len(got) == 2 and isinstance(got[0], Requests)
    require(ok, "requests and labels", got)
    requests, labels = got
    sizes = all(len(x) == n for x in requests)
    require(sizes and torch.as_tensor(labels).shape == (n,), f"{n} requests and labels", labels)
    return requests, torch.as_tensor(labels).bool()


def shares(requests, n, *tables_):
    return [t[requests.action, requests.topic].sum().item() / n for t in tables_]


@synthesize.check
def labels_are_true_or_false(fn):
    g = torch.Generator().manual_seed(0)
    got = fn(World(0), table((0, 0), (1, 0)), table((3, 0), (0, 5)), 8, g)
    ok = isinstance(got, tuple) and len(got) == 2
    require(ok, "requests and labels", got)
    is_bool = torch.as_tensor(got[1]).dtype == torch.bool
    require(is_bool, "labels of type bool: True for restricted ones", got[1])


@synthesize.check
def half_restricted_a_quarter_permitted_a_quarter_everyday(fn):
    bad, near = table((0, 0), (1, 0)), table((3, 0), (0, 5))
    for n in (8, 400):
        requests, _ = drawn(fn, bad, near, n)
        got = shares(requests, n, bad, near, ~(bad | near))
        require(got == [0.5, 0.25, 0.25], "shares of 0.5, 0.25 and 0.25", got)


@synthesize.check
def the_label_follows_the_rule(fn):
    bad, near = table((0, 0), (2, 3)), table((3, 0), (4, 4))
    requests, labels = drawn(fn, bad, near)
    want = bad[requests.action, requests.topic]
    require(torch.equal(labels, want), "True for restricted pairs alone", labels)


@synthesize.check
def where_both_name_a_pair_the_restriction_wins(fn):
    bad, near = table((0, 0), (1, 1)), table((1, 1), (2, 2))
    requests, labels = drawn(fn, bad, near)
    got = shares(requests, 400, bad, table((2, 2)), ~(bad | near))
    require(got == [0.5, 0.25, 0.25], "shares of 0.5, 0.25 and 0.25", got)
    both = (requests.action == 1) & (requests.topic == 1)
    require(both.any() and labels[both].all(), "a pair in both tables is restricted", labels)


@synthesize.check
def every_pair_of_a_part_is_drawn(fn):
    bad = table(*((a, t) for a in (0, 1, 2) for t in (0, 1)))
    near = table(*((a, t) for a in (3, 4) for t in (0, 1)))
    requests, _ = drawn(fn, bad, near, 2000)
    for part, each in ((bad, 1000 / 6), (near, 500 / 4), (~(bad | near), 500 / 38)):
        pair = 8 * requests.action + requests.topic
        counts = pair.bincount(minlength=48)[part.flatten()]
        ok = counts.min() > 0 and (counts - each).abs().max() < 6 * each**0.5 + 1
        require(ok, f"about {each:.0f} of each pair", counts)


@synthesize.check
def the_draws_come_from_the_generator(fn):
    bad, near = table((0, 0), (1, 0)), table((3, 0), (0, 5))
    one, two, other = (drawn(fn, bad, near, 40, seed)[0].tokens for seed in (3, 3, 4))
    require(torch.equal(one, two), "the same from the same seed", two)
    require(not torch.equal(one, other), "others from another seed", other)


def _make(world, generator, labels_of, *parts):
    kinds = [world.requests(n, generator, pairs=p) for n, p in parts]
    requests = Requests(*(torch.cat(x) for x in zip(*kinds, strict=True)))
    return requests, labels_of(requests)


def _by(bad):
    return lambda r: bad[r.action, r.topic]


@synthesize.mistake("the harmless half is everyday talk alone: nothing near the line")
def _(world, restricted, permitted, n, generator):
    far = ~(restricted | permitted)
    return _make(world, generator, _by(restricted), (n // 2, restricted), (n // 2, far))


@synthesize.mistake("the harmless half is permitted by name alone: no everyday talk")
def _(world, restricted, permitted, n, generator):
    near = permitted & ~restricted
    return _make(world, generator, _by(restricted), (n // 2, restricted), (n // 2, near))


@synthesize.mistake("a permission wins over a restriction")
def _(world, restricted, permitted, n, generator):
    far, bad = ~(restricted | permitted), restricted & ~permitted
    return _make(world, generator, _by(bad), (n // 2, bad), (n // 4, permitted), (n // 4, far))


@synthesize.mistake("all pairs are drawn alike: how many are restricted is left to chance")
def _(world, restricted, permitted, n, generator):
    return _make(world, generator, _by(restricted), (n, None))


@synthesize.mistake("everyday is taken for all that is not restricted: permitted pairs are in it")
def _(world, restricted, permitted, n, generator):
    near = permitted & ~restricted
    parts = (n // 2, restricted), (n // 4, near), (n // 4, ~restricted)
    return _make(world, generator, _by(restricted), *parts)


@synthesize.mistake("everyday is taken for all that is not permitted: restricted pairs are in it")
def _(world, restricted, permitted, n, generator):
    near = permitted & ~restricted
    parts = (n // 2, restricted), (n // 4, near), (n // 4, ~permitted)
    return _make(world, generator, _by(restricted), *parts)


@synthesize.mistake("pairs that both kinds name are left out of the restricted half")
def _(world, restricted, permitted, n, generator):
    bad, near, far = restricted & ~permitted, permitted & ~restricted, ~(restricted | permitted)
    return _make(world, generator, _by(restricted), (n // 2, bad), (n // 4, near), (n // 4, far))


@synthesize.mistake("labels as numbers, where True and False were asked for")
def _(world, restricted, permitted, n, generator):
    requests, labels = synthesize(world, restricted, permitted, n, generator)
    return requests, labels.int()


@synthesize.mistake("the labels follow the world's own rule, not the constitution")
def _(world, restricted, permitted, n, generator):
    near, far = permitted & ~restricted, ~(restricted | permitted)
    parts = (n // 2, restricted), (n // 4, near), (n // 4, far)
    return _make(world, generator, lambda r: r.harmful, *parts)


@synthesize.mistake("the requests are shuffled and the labels are not: they come apart")
def _(world, restricted, permitted, n, generator):
    requests, labels = synthesize(world, restricted, permitted, n, generator)
    return requests.rows(torch.randperm(n, generator=generator)), labels


@synthesize.mistake("the labels are turned round")
def _(world, restricted, permitted, n, generator):
    near, far = permitted & ~restricted, ~(restricted | permitted)
    parts = (n // 2, restricted), (n // 4, near), (n // 4, far)
    return _make(world, generator, lambda r: ~restricted[r.action, r.topic], *parts)


@synthesize.right("in another order, labels written down part by part")
def _(world, restricted, permitted, n, generator):
    far = torch.logical_not(torch.logical_or(restricted, permitted))
    near = torch.logical_and(permitted, torch.logical_not(restricted))
    labels = torch.tensor([False] * (n // 2) + [True] * (n // 2))
    parts = (n // 4, far), (n // 4, near), (n // 2, restricted)
    return _make(world, generator, lambda _: labels, *parts)


@synthesize.right("by a loop, shuffled at the end")
def _(world, restricted, permitted, n, generator):
    found = []
    for i in range(n):
        part = (restricted, permitted & ~restricted, restricted, ~(permitted | restricted))[i % 4]
        found.append(world.requests(1, generator, pairs=part))
    order = torch.randperm(n, generator=generator)
    requests = Requests(*(torch.cat(x)[order] for x in zip(*found, strict=True)))
    return requests, restricted[requests.action, requests.topic]
