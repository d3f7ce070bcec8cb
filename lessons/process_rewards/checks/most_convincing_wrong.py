"""How `most_convincing_wrong` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.process_rewards.exercises import most_convincing_wrong
from utils.grading import expect, require

#                        0    1    2    3    4    5
SCORES = torch.tensor([[0.9, 0.8, 0.7, 0.6, 0.5, 0.4]])
RIGHT = torch.tensor([[True, False, True, False, False, True]])


def _same(got, wanted):
    """Whether the chosen are these, in any order."""
    shape = torch.is_tensor(got) and tuple(got.shape) == (len(wanted), len(wanted[0]))
    require(shape, f"a tensor of shape {(len(wanted), len(wanted[0]))}", got)
    whole = not (got.is_floating_point() or got.dtype == torch.bool)
    require(whole, "places in a row, whole numbers", got)
    found = [sorted(int(i) for i in row) for row in got.tolist()]
    require(found == [sorted(row) for row in wanted], wanted, found)


@most_convincing_wrong.check
def the_one_to_ask_about(fn):
    _same(fn(SCORES, RIGHT, 1), [[1]])


@most_convincing_wrong.check
def four_wrong_ones_and_the_best_of_the_others(fn):
    scores = torch.tensor([[0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]])
    right = torch.tensor([[True, False, True, False, False, False, False]])
    _same(fn(scores, right, 5), [[0, 1, 3, 4, 5]])


@most_convincing_wrong.check
def the_others_may_be_wrong_too(fn):
    right = torch.tensor([[False, False, False, False, False, True]])
    _same(fn(SCORES, right, 5), [[0, 1, 2, 3, 4]])


@most_convincing_wrong.check
def another_share(fn):
    _same(fn(SCORES, RIGHT, 2, 0.5), [[0, 1]])
    _same(fn(SCORES, RIGHT, 3, 1.0), [[1, 3, 4]])
    _same(fn(SCORES, RIGHT, 2, 0.0), [[0, 1]])


@most_convincing_wrong.check
def with_too_few_wrong_ones_the_best_others_fill_up(fn):
    right = torch.tensor([[True, True, True, False, True, True]])
    _same(fn(SCORES, right, 3), [[0, 1, 3]])
    _same(fn(SCORES, torch.ones(1, 6).bool(), 2), [[0, 1]])
    _same(fn(SCORES, right, 6), [[0, 1, 2, 3, 4, 5]])
    rising, right = SCORES.flip(1), torch.tensor([[True, True, False, True, True, True]])
    _same(fn(rising, right, 5), [[1, 2, 3, 4, 5]])


@most_convincing_wrong.check
def by_their_scores_and_not_by_their_places(fn):
    g = torch.Generator().manual_seed(0)
    scores = torch.randn(5, 9, generator=g)
    right = torch.rand(5, 9, generator=g) < 0.4
    for k in (1, 3, 5):
        wanted = []
        for score, ok in zip(scores.tolist(), right.tolist(), strict=True):
            order = sorted(range(9), key=lambda i: -score[i])
            first = [i for i in order if not ok[i]][: round(0.8 * k)]
            wanted.append((first + [i for i in order if i not in first])[:k])
        _same(fn(scores, right, k), wanted)


@most_convincing_wrong.check
def log_scores_do_as_well(fn):
    logs = SCORES.double().log() * 50
    kept = logs.clone()
    _same(fn(logs, RIGHT, 2), [[1, 3]])
    expect(logs, kept)  # the scores are left as they were


@most_convincing_wrong.mistake("the best of all, right ones among them")
def _(scores, right, k, share=0.8):
    return scores.topk(k).indices


@most_convincing_wrong.mistake("wrong ones alone, where one in five may be of either kind")
def _(scores, right, k, share=0.8):
    return torch.where(right, scores - 1e6, scores).topk(k).indices


@most_convincing_wrong.mistake("wrong ones alone: all right ones are put at minus infinity")
def _(scores, right, k, share=0.8):
    return scores.masked_fill(right, -torch.inf).topk(k).indices


@most_convincing_wrong.mistake("share · k is cut off (int), where it is to be rounded")
def _(scores, right, k, share=0.8):
    return most_convincing_wrong(scores, right, k, int(share * k) / k)


@most_convincing_wrong.mistake("the least convincing wrong ones: those the verifier knows already")
def _(scores, right, k, share=0.8):
    place = torch.where(right, torch.inf, scores).argsort(1).argsort(1)
    first = ~right & (place < round(share * k))
    return torch.where(first, torch.inf, scores).topk(k).indices


@most_convincing_wrong.mistake("the most convincing right ones")
def _(scores, right, k, share=0.8):
    return most_convincing_wrong(scores, ~right, k, share)


@most_convincing_wrong.mistake("the others must be right")
def _(scores, right, k, share=0.8):
    place = torch.where(right, -torch.inf, scores).argsort(1, descending=True).argsort(1)
    first = ~right & (place < round(share * k))
    return torch.where(first, torch.inf, torch.where(right, scores, scores - 1e6)).topk(k).indices


@most_convincing_wrong.mistake("share is ignored: always 0.8")
def _(scores, right, k, share=0.8):
    return most_convincing_wrong(scores, right, k, 0.8)


@most_convincing_wrong.mistake("a solution is chosen twice: once as wrong, once among the best")
def _(scores, right, k, share=0.8):
    n_wrong = round(share * k)
    wrong = torch.where(right, -torch.inf, scores).topk(n_wrong).indices
    return torch.cat([wrong, scores.topk(k - n_wrong).indices], 1)


@most_convincing_wrong.mistake("in too short a list of wrong ones it takes right ones as they come")
def _(scores, right, k, share=0.8):
    n_wrong = round(share * k)
    wrong = torch.where(right, -torch.inf, scores).argsort(1, descending=True)[:, :n_wrong]
    rest = scores.scatter(1, wrong, -torch.inf).topk(k - n_wrong).indices
    return torch.cat([wrong, rest], 1)


@most_convincing_wrong.right("by sorted lists")
def _(scores, right, k, share=0.8):
    rows = []
    for score, ok in zip(scores.tolist(), right.tolist(), strict=True):
        order = sorted(range(len(score)), key=score.__getitem__, reverse=True)
        chosen = [i for i in order if not ok[i]][: round(share * k)]
        chosen += [i for i in order if i not in chosen][: k - len(chosen)]
        rows.append(chosen)
    return torch.tensor(rows)


@most_convincing_wrong.right("by counting wrong ones from the best down")
def _(scores, right, k, share=0.8):
    order = scores.argsort(1, descending=True)
    wrong = ~right.gather(1, order)
    first = wrong & (wrong.long().cumsum(1) <= round(share * k))
    chosen = first.long().sort(dim=1, descending=True, stable=True).indices[:, :k]
    return order.gather(1, chosen)
