"""How `group_aware_consensus` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.preference_aggregation.exercises import group_aware_consensus
from utils.grading import expect, require

NAN = float("nan")


def _random_votes(seed, people=9, statements=5, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    votes = torch.randint(-1, 2, (people, statements), generator=g).to(dtype)
    votes[torch.rand(people, statements, generator=g) < 0.3] = NAN
    return votes, torch.randint(0, 3, (people,), generator=g)


def _by_hand(votes, groups):
    result = []
    for column in votes.T.tolist():
        product = 1.0
        for group in sorted(set(groups.tolist())):
            theirs = [
                v for v, label in zip(column, groups.tolist(), strict=True)
                if label == group and not math.isnan(v)
            ]  # fmt: skip
            product *= (sum(v == 1 for v in theirs) + 1) / (len(theirs) + 2)
        result.append(product)
    return torch.tensor(result, dtype=votes.dtype)


@group_aware_consensus.check
def one_group_that_agrees(fn):
    votes = torch.ones(3, 1)
    expect(fn(votes, torch.zeros(3, dtype=torch.int64)), torch.tensor([4 / 5]))


@group_aware_consensus.check
def two_groups_of_which_one_objects(fn):
    votes = torch.tensor([[1.0, 1.0], [1.0, 1.0], [-1.0, 1.0]])
    groups = torch.tensor([0, 0, 1])
    expect(fn(votes, groups), torch.tensor([3 / 4 * 1 / 3, 3 / 4 * 2 / 3]))


@group_aware_consensus.check
def a_pass_was_seen_and_is_no_agreement(fn):
    votes = torch.tensor([[0.0], [1.0]])
    expect(fn(votes, torch.tensor([5, 5])), torch.tensor([2 / 4]))


@group_aware_consensus.check
def who_was_never_asked_does_not_count(fn):
    votes = torch.tensor([[1.0, NAN], [NAN, NAN]])
    expect(fn(votes, torch.tensor([0, 0])), torch.tensor([2 / 3, 1 / 2]))


@group_aware_consensus.check
def counted_by_hand(fn):
    for seed in range(4):
        votes, groups = _random_votes(seed)
        expect(fn(votes, groups), _by_hand(votes, groups))


@group_aware_consensus.check
def labels_may_be_any_numbers(fn):
    votes, groups = _random_votes(7, people=12)
    expect(fn(votes, 10 * groups - 7), _by_hand(votes, groups))


@group_aware_consensus.check
def a_large_group_does_not_outvote_a_small_one(fn):
    votes = torch.ones(102, 2)
    votes[100:, 0] = -1
    groups = (torch.arange(102) >= 100).long()
    got = fn(votes, groups)
    require(
        torch.is_tensor(got) and got.shape == (2,) and bool(got[0] < 0.3) and bool(got[1] > 0.7),
        "below 0.3 where the two of the small group object, above 0.7 where nobody does", got,
    )  # fmt: skip


@group_aware_consensus.check
def float32_stays_float32(fn):
    votes, groups = _random_votes(9, dtype=torch.float32)
    expect(fn(votes, groups), _by_hand(votes, groups))


def _shares(votes, groups, share):
    parts = torch.stack([share(votes[groups == g]) for g in groups.unique()])
    return parts.to(votes.dtype)


def _smoothed(theirs):
    return ((theirs == 1).sum(0) + 1) / ((~theirs.isnan()).sum(0) + 2)


@group_aware_consensus.mistake("not smoothed: a statement that a group has not seen is 0/0")
def _(votes, groups):
    return _shares(votes, groups, lambda x: (x == 1).sum(0) / (~x.isnan()).sum(0)).prod(0)


@group_aware_consensus.mistake("only agreement is smoothed: below the line two are missing")
def _(votes, groups):
    return _shares(votes, groups, lambda x: ((x == 1).sum(0) + 1) / (~x.isnan()).sum(0)).prod(0)


@group_aware_consensus.mistake("one is added below the line, where two votes were imagined")
def _(votes, groups):
    return _shares(votes, groups, lambda x: ((x == 1).sum(0) + 1) / ((~x.isnan()).sum(0) + 1)).prod(
        0
    )


@group_aware_consensus.mistake("the groups' shares are averaged: one group's no is bought back")
def _(votes, groups):
    return _shares(votes, groups, _smoothed).mean(0)


@group_aware_consensus.mistake("the groups' shares are added")
def _(votes, groups):
    return _shares(votes, groups, _smoothed).sum(0)


@group_aware_consensus.mistake("the smallest share alone, not the product")
def _(votes, groups):
    return _shares(votes, groups, _smoothed).amin(0)


@group_aware_consensus.mistake("passes are left out below the line")
def _(votes, groups):
    return _shares(
        votes, groups, lambda x: ((x == 1).sum(0) + 1) / ((x.abs() == 1).sum(0) + 2)
    ).prod(0)


@group_aware_consensus.mistake("missing votes count as seen: all members stand below the line")
def _(votes, groups):
    return _shares(votes, groups, lambda x: ((x == 1).sum(0) + 1) / (len(x) + 2)).prod(0)


@group_aware_consensus.mistake("groups are ignored: the whole crowd is one")
def _(votes, groups):
    return _smoothed(votes).to(votes.dtype)


@group_aware_consensus.mistake("a pass counts as agreement")
def _(votes, groups):
    return _shares(votes, groups, lambda x: ((x >= 0).sum(0) + 1) / ((~x.isnan()).sum(0) + 2)).prod(
        0
    )


@group_aware_consensus.mistake("labels are taken for 0, 1, …, so other labels are empty groups")
def _(votes, groups):
    out = torch.ones(votes.shape[1], dtype=votes.dtype)
    for g in range(len(groups.unique())):
        out = out * _smoothed(votes[groups == g])
    return out


@group_aware_consensus.mistake("not smoothed: a statement that a group has not seen is 0/0")
def _(votes, groups):
    return _shares(
        votes, groups, lambda x: (x == 1).sum(0) / (~x.isnan()).sum(0).clamp(min=1)
    ).prod(0)


@group_aware_consensus.mistake("labels are taken for 0, 1, …, so other labels are empty groups")
def _(votes, groups):
    out = torch.ones(votes.shape[1], dtype=votes.dtype)
    for g in range(int(groups.max()) + 1):
        out = out * _smoothed(votes[groups == g])
    return out


@group_aware_consensus.mistake("each group overwrites the one before: multiply into consensus")
def _(votes, groups):
    return _shares(votes, groups, _smoothed)[-1]


@group_aware_consensus.mistake(
    "nan ≠ 0 is True: who was never asked counts as seen, and a pass not"
)
def _(votes, groups):
    return _shares(votes, groups, lambda x: ((x == 1).sum(0) + 1) / ((x != 0).sum(0) + 2)).prod(0)


@group_aware_consensus.mistake("votes are added up: a disagreement takes an agreement away")
def _(votes, groups):
    return _shares(votes, groups, lambda x: (x.nansum(0) + 1) / ((~x.isnan()).sum(0) + 2)).prod(0)


@group_aware_consensus.right("by loops")
def _(votes, groups):
    return _by_hand(votes, groups)


@group_aware_consensus.right("by one-hot groups and a matrix product")
def _(votes, groups):
    member = (groups[None] == groups.unique()[:, None]).to(votes.dtype)
    agreed, seen = member @ (votes == 1).to(votes.dtype), member @ (~votes.isnan()).to(votes.dtype)
    return ((agreed + 1) / (seen + 2)).prod(0)


@group_aware_consensus.right("by logarithms")
def _(votes, groups):
    return _shares(votes, groups, _smoothed).log().sum(0).exp()
