"""How `dynamic_sampling` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.verifiable_rewards.exercises import dynamic_sampling
from utils.grading import expect, require


def _rewards(*rights, n=4):
    """Groups of n answers, with so many right ones."""
    return (torch.arange(n) < torch.tensor(rights)[:, None]).float()


def _both(fn, rewards, wanted):
    got = fn(rewards, wanted)
    require(isinstance(got, tuple | list) and len(got) == 2, "indices, and a number", got)
    kept, drawn = got
    kept = torch.as_tensor(kept)
    whole = not kept.is_floating_point() or not kept.numel()  # torch.tensor([]) is float32
    require(kept.dim() == 1 and whole, "a row of whole numbers", kept)
    drawn = drawn.item() if torch.is_tensor(drawn) else drawn
    return kept.tolist(), drawn


def _expect(fn, rewards, wanted, kept, drawn):
    got = _both(fn, rewards, wanted)
    expect(list(got[0]), kept)
    require(got[1] == drawn, f"{drawn} groups drawn", got[1])


@dynamic_sampling.check
def all_right_and_all_wrong_are_left_out(fn):
    _expect(fn, _rewards(4, 2, 0, 1), 2, [1, 3], 4)


@dynamic_sampling.check
def it_stops_drawing_when_it_has_enough(fn):
    _expect(fn, _rewards(1, 0, 3, 2, 4, 2), 2, [0, 2], 3)
    _expect(fn, _rewards(1, 1, 1), 1, [0], 1)


@dynamic_sampling.check
def too_few_are_all_there_are_and_every_group_was_paid_for(fn):
    _expect(fn, _rewards(4, 2, 0, 0), 3, [1], 4)
    _expect(fn, _rewards(4, 0), 1, [], 2)


@dynamic_sampling.check
def the_last_one_wanted_may_be_the_last_one_drawn_or_not(fn):
    _expect(fn, _rewards(0, 2, 4, 1, 0), 2, [1, 3], 4)


@dynamic_sampling.check
def rewards_need_not_be_0_and_1(fn):
    rewards = torch.tensor([[-1.0, -1.0, -1.0], [-1, 1, 1], [0.5, 0.5, 0.5], [0.2, 0.5, 0.5]])
    _expect(fn, rewards, 2, [1, 3], 4)
    _expect(fn, torch.tensor([[1.0, -1.0], [2.0, 2.0]]), 2, [0], 2)


@dynamic_sampling.check
def a_small_difference_is_one_and_rounding_is_none(fn):
    _expect(fn, torch.tensor([[0.5, 0.5, 0.5, 0.51], [0.9, 0.9, 1.0, 1.0]]), 2, [0, 1], 2)
    for value in (0.1, 0.3, 0.7, 1.3):  # in float32 the deviation of most of these is not quite 0
        for n in (7, 8):
            _expect(fn, torch.tensor([[value] * n]), 1, [], 1)


@dynamic_sampling.check
def it_is_a_walk_through_the_groups(fn):
    g = torch.Generator().manual_seed(0)
    for n in (2, 5, 8):
        rewards = (torch.rand(30, n, generator=g) < torch.rand(30, 1, generator=g)).double()
        for wanted in (1, 4, 12, 40):
            kept, drawn = [], 0
            for i, row in enumerate(rewards.tolist()):
                if len(kept) == wanted:
                    break
                drawn = i + 1
                if len(set(row)) > 1:
                    kept.append(i)
            _expect(fn, rewards, wanted, kept, drawn)


def _mistake(text, mixed=None, drawn=None, cut=True):
    @dynamic_sampling.mistake(text)
    def _(rewards, wanted):
        is_mixed = mixed(rewards) if mixed else (rewards != rewards[:, :1]).any(1)
        kept = is_mixed.nonzero().flatten()
        kept = kept[:wanted] if cut else kept
        if drawn:
            return kept, drawn(rewards, kept, wanted)
        return kept, int(kept[-1]) + 1 if len(kept) >= wanted else len(rewards)


_mistake("groups that are all wrong are kept", lambda r: ~(r == 1).all(1))
_mistake("groups that are all right are kept", lambda r: (r != 0).any(1))
_mistake("only 0 and 1 are known: a group of −1 or of 0.5 counts as mixed",
         lambda r: (r.mean(1) != 0) & (r.mean(1) != 1))  # fmt: skip
_mistake("only 0 and 1 are known: a mean between 0 and 1 counts as mixed",
         lambda r: (r.mean(1) > 0) & (r.mean(1) < 1))  # fmt: skip
_mistake("the deviation is compared with 0: where all are 0.1, rounding leaves a little",
         lambda r: r.std(1) > 0)  # fmt: skip
_mistake("the deviation is compared with a threshold: a small difference is one, too",
         lambda r: r.std(1) > 0.1)  # fmt: skip
_mistake("mixed and unmixed are swapped", lambda r: (r == r[:, :1]).all(1))
_mistake("a group counts as mixed only if every answer differs from the first",
         lambda r: (r[:, 1:] != r[:, :1]).all(1))  # fmt: skip
_mistake("the groups kept are counted, not those drawn", drawn=lambda r, k, w: len(k))
_mistake("the groups kept are counted, not those drawn, where there are enough",
         drawn=lambda r, k, w: len(k) if len(k) == w else len(r))  # fmt: skip
_mistake("replies are counted, not groups",
         drawn=lambda r, k, w: r.shape[1] * (int(k[-1]) + 1 if len(k) == w else len(r)),
         )  # fmt: skip
_mistake("all groups are counted, although it could have stopped", drawn=lambda r, k, w: len(r))
_mistake("off by one: the last group kept was drawn, too",
         drawn=lambda r, k, w: int(k[-1]) if len(k) == w else len(r))  # fmt: skip
_mistake("too few were found, but the count stops at the last of them",
         drawn=lambda r, k, w: int(k[-1]) + 1 if len(k) else 0)  # fmt: skip
_mistake("more than `wanted` are kept", cut=False)


@dynamic_sampling.mistake("the mask itself, not the indices")
def _(rewards, wanted):
    _, drawn = dynamic_sampling.reference(rewards, wanted)
    return (rewards != rewards[:, :1]).any(1), drawn


@dynamic_sampling.mistake("indices of shape (n, 1), as nonzero gives them: flatten them")
def _(rewards, wanted):
    kept, drawn = dynamic_sampling.reference(rewards, wanted)
    return kept[:, None], drawn


@dynamic_sampling.right("by a loop, with torch.tensor of a list that may be empty")
def _(rewards, wanted):
    kept = [i for i, row in enumerate(rewards.tolist()) if len(set(row)) > 1][:wanted]
    return torch.tensor(kept), kept[-1] + 1 if len(kept) == wanted else len(rewards)


@dynamic_sampling.right("by a loop")
def _(rewards, wanted):
    kept = []
    for i in range(len(rewards)):
        if rewards[i].min() != rewards[i].max():
            kept.append(i)
        if len(kept) == wanted:
            return torch.tensor(kept), i + 1
    return torch.tensor(kept, dtype=torch.long), len(rewards)


@dynamic_sampling.right("by a running count")
def _(rewards, wanted):
    mixed = rewards.amax(1) > rewards.amin(1)
    count = mixed.cumsum(0)
    kept = torch.where(mixed & (count <= wanted))[0]
    return kept, int((count < wanted).sum().clamp(max=len(rewards) - 1)) + 1
