"""How `critique_gain` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.amplification.exercises import critique_gain
from utils.grading import expect

FLAWS = torch.tensor([[True, False, True, False], [False, True, False, False]])
CRITIC = torch.tensor([[0.9, 0.1, 0.8, 0.2], [0.3, 0.7, 0.1, 0.2]])
GLANCE = torch.tensor([[0.5, 0.6, 0.1, 0.2], [0.4, 0.3, 0.2, 0.1]])


def _case(seed, pages, items, dtype=torch.float32):
    g = torch.Generator().manual_seed(seed)
    flaws = torch.rand(pages, items, generator=g) < 0.4
    scores = [torch.rand(2, items, pages, generator=g).mT[i].to(dtype) for i in range(2)]
    return flaws, *scores


def _by_hand(flaws, scores, budget):
    found = 0
    for page, row in zip(flaws.tolist(), scores.tolist(), strict=True):
        order = sorted(range(len(row)), key=lambda i: -row[i])
        found += sum(page[i] for i in order[:budget])
    return found


@critique_gain.check
def two_pages_by_hand(fn):
    # critic: items 0 and 2 of page one, 1 of page two: three flaws. glance: item 0, item 1: two.
    expect(fn(FLAWS, CRITIC, GLANCE, 2), 1.5)


@critique_gain.check
def without_difference_there_is_no_gain(fn):
    expect(fn(FLAWS, GLANCE, GLANCE, 2), 1.0)


@critique_gain.check
def who_looks_at_all_needs_no_help(fn):
    expect(fn(FLAWS, CRITIC, GLANCE, 4), 1.0)


@critique_gain.check
def help_can_hurt(fn):
    expect(fn(FLAWS, GLANCE, CRITIC, 2), 2 / 3)


@critique_gain.check
def inputs_are_left_as_they_are(fn):
    given = FLAWS.clone(), CRITIC.clone(), GLANCE.clone()
    fn(*given, 2)
    for was, now in zip((FLAWS, CRITIC, GLANCE), given, strict=True):
        expect(now, was)


@critique_gain.check
def many_pages_by_hand(fn):
    for seed, pages, items, dtype in (
        (0, 6, 5, torch.float32),
        (1, 5, 5, torch.float64),
        (2, 9, 16, torch.float32),
    ):
        flaws, critic, glance = _case(seed, pages, items, dtype)
        for budget in (1, 2, 4):
            without = _by_hand(flaws, glance, budget)
            expect(fn(flaws, critic, glance, budget), _by_hand(flaws, critic, budget) / without)


def _found(flaws, scores, budget, largest=True):
    return flaws.gather(1, scores.topk(budget, 1, largest=largest).indices).sum().item()


@critique_gain.mistake("the lowest scores are looked at: high means doubtful")
def _(flaws, critic, glance, budget):
    return _found(flaws, critic, budget, False) / max(1, _found(flaws, glance, budget, False))


@critique_gain.mistake("the ratio is upside down")
def _(flaws, critic, glance, budget):
    return _found(flaws, glance, budget) / max(1, _found(flaws, critic, budget))


@critique_gain.mistake("the difference, not the ratio")
def _(flaws, critic, glance, budget):
    return float(_found(flaws, critic, budget) - _found(flaws, glance, budget))


@critique_gain.mistake("the best of all pages together: the budget is for each page")
def _(flaws, critic, glance, budget):
    k = budget * len(flaws)
    with_help, without = (
        flaws.flatten()[s.flatten().topk(k).indices].sum().item() for s in (critic, glance)
    )
    return with_help / max(1, without)


@critique_gain.mistake("compared with looking at random: she has her own glance")
def _(flaws, critic, glance, budget):
    return _found(flaws, critic, budget) / (flaws.sum().item() * budget / flaws.shape[1])


@critique_gain.mistake("the mean of the pages' ratios: count over all pages, then divide")
def _(flaws, critic, glance, budget):
    ratios = [
        _found(flaws[i : i + 1], critic[i : i + 1], budget)
        / max(1, _found(flaws[i : i + 1], glance[i : i + 1], budget))
        for i in range(len(flaws))
    ]
    return sum(ratios) / len(ratios)


@critique_gain.mistake("the budget is left out: only the top item is looked at")
def _(flaws, critic, glance, budget):
    return _found(flaws, critic, 1) / max(1, _found(flaws, glance, 1))


@critique_gain.mistake("one item too many is looked at")
def _(flaws, critic, glance, budget):
    k = min(budget + 1, flaws.shape[1])
    return _found(flaws, critic, k) / max(1, _found(flaws, glance, k))


@critique_gain.mistake("pages are counted on which something is found, not flaws")
def _(flaws, critic, glance, budget):
    with_help, without = (
        flaws.gather(1, s.topk(budget, 1).indices).any(1).sum().item() for s in (critic, glance)
    )
    return with_help / max(1, without)


@critique_gain.mistake("the share of all flaws found with help: nothing is compared")
def _(flaws, critic, glance, budget):
    return _found(flaws, critic, budget) / flaws.sum().item()


@critique_gain.mistake("with help she looks at both lists: that is twice the effort")
def _(flaws, critic, glance, budget):
    looked = torch.zeros_like(flaws)
    for s in (critic, glance):
        looked.scatter_(1, s.topk(budget, 1).indices, True)
    return (flaws & looked).sum().item() / max(1, _found(flaws, glance, budget))


@critique_gain.mistake("scores above 0.5 are looked at, however many")
def _(flaws, critic, glance, budget):
    return (flaws & (critic > 0.5)).sum().item() / max(1, (flaws & (glance > 0.5)).sum().item())


@critique_gain.mistake("flaws that are passed by are counted, not flaws that are found")
def _(flaws, critic, glance, budget):
    total = flaws.sum().item()
    return (total - _found(flaws, critic, budget)) / max(1, total - _found(flaws, glance, budget))


@critique_gain.mistake("strikes out the items looked at in the caller's scores")
def _(flaws, critic, glance, budget):
    found = []
    for s in (critic, glance):
        total = 0
        for _ in range(budget):
            best = s.argmax(1, keepdim=True)
            total += flaws.gather(1, best).sum().item()
            s.scatter_(1, best, -float("inf"))
        found.append(total)
    return found[0] / max(1, found[1])


@critique_gain.right("page by page, with sorted")
def _(flaws, critic, glance, budget):
    return _by_hand(flaws, critic, budget) / _by_hand(flaws, glance, budget)


@critique_gain.right("with NumPy's argsort and a mask")
def _(flaws, critic, glance, budget):
    import numpy as np

    def found(scores):
        rank = np.argsort(np.argsort(-scores.numpy(), axis=1), axis=1)
        return int((flaws.numpy() & (rank < budget)).sum())

    return found(critic) / found(glance)


@critique_gain.right("as a tensor, by the budget-th highest score as a threshold")
def _(flaws, critic, glance, budget):
    cut = [s >= s.sort(1, descending=True).values[:, budget - 1, None] for s in (critic, glance)]
    with_help, without = ((flaws & c).sum() for c in cut)
    return with_help / without
