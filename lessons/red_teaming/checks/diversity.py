"""How `diversity` is judged: checks, mistakes, right answers."""

import itertools

import torch

from lessons.red_teaming.exercises import diversity
from utils.grading import expect


def _rows(n, places, words, seed):
    return torch.randint(words, (n, places), generator=torch.Generator().manual_seed(seed))


@diversity.check
def two_attacks(fn):
    expect(fn(torch.tensor([[1, 2], [1, 3]])), 0.5)
    expect(fn(torch.tensor([[1, 2], [3, 4]])), 1.0)


@diversity.check
def copies_of_one_have_none(fn):
    for n in (2, 5):
        expect(fn(torch.full((n, 4), 7)), 0.0)


@diversity.check
def all_different_is_one_however_many(fn):
    for n in (2, 3, 10):
        expect(fn(torch.arange(4 * n).view(n, 4)), 1.0)


@diversity.check
def copies_count(fn):
    expect(fn(torch.tensor([[1, 1], [1, 1], [2, 2]])), 2 / 3)


@diversity.check
def the_same_words_elsewhere_differ(fn):
    expect(fn(torch.tensor([[1, 2, 3], [3, 1, 2]])), 1.0)


@diversity.check
def pair_by_pair(fn):
    for n, places, words in ((3, 4, 2), (6, 5, 3), (9, 1, 4)):
        rows = _rows(n, places, words, n)
        pairs = list(itertools.combinations(rows.tolist(), 2))
        differ = [sum(x != y for x, y in zip(a, b, strict=True)) / places for a, b in pairs]
        expect(fn(rows), sum(differ) / len(pairs))


@diversity.mistake("the diagonal counts: each attack makes a pair with itself")
def _(attacks):
    return (attacks[:, None] != attacks[None]).double().mean().item()


@diversity.mistake("the share of places that agree, not of those that differ")
def _(attacks):
    return 1 - diversity.reference(attacks)


@diversity.mistake("copies are dropped first, so that many copies of two attacks look varied")
def _(attacks):
    rows = attacks.unique(dim=0)
    return diversity.reference(rows) if len(rows) > 1 else 0.0


@diversity.mistake("the number of places, not the share")
def _(attacks):
    return diversity.reference(attacks) * attacks.shape[1]


@diversity.mistake("whether two attacks differ at all, not in how many places")
def _(attacks):
    n = len(attacks)
    return (attacks[:, None] != attacks[None]).any(-1).sum().item() / (n * (n - 1))


@diversity.mistake("the share of attacks that are distinct")
def _(attacks):
    return len(attacks.unique(dim=0)) / len(attacks)


@diversity.mistake("only neighbors in the list are compared")
def _(attacks):
    return (attacks[1:] != attacks[:-1]).double().mean().item()


@diversity.mistake("each pair is counted twice against the number of unordered pairs")
def _(attacks):
    return 2 * diversity.reference(attacks)


@diversity.mistake("each pair is counted once against the number of ordered pairs")
def _(attacks):
    return diversity.reference(attacks) / 2


@diversity.mistake("the order of words is ignored")
def _(attacks):
    return diversity.reference(attacks.sort(-1).values)


@diversity.right("by counting words in each place")
def _(attacks):
    n, places = attacks.shape
    same = sum(
        c * (c - 1) for column in attacks.T for c in column.unique(return_counts=True)[1].tolist()
    )
    return 1 - same / (n * (n - 1) * places)


@diversity.right("by pairs in a loop")
def _(attacks):
    pairs = list(itertools.combinations(range(len(attacks)), 2))
    return sum((attacks[i] != attacks[j]).float().mean() for i, j in pairs) / len(pairs)
