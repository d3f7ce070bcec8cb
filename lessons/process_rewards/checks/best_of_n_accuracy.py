"""How `best_of_n_accuracy` is judged: checks, mistakes, right answers in other styles."""

import itertools
import math

import torch

from lessons.process_rewards.exercises import best_of_n_accuracy
from utils.grading import expect


def _listed(right, scores, n):
    """Every choice of n, one after another."""
    of_problems = []
    for ok, score in zip(right.tolist(), scores.tolist(), strict=True):
        found = []
        for chosen in itertools.combinations(range(len(score)), n):
            top = max(score[i] for i in chosen)
            best = [i for i in chosen if score[i] == top]
            found.append(sum(ok[i] for i in best) / len(best))
        of_problems.append(sum(found) / len(found))
    return torch.tensor(sum(of_problems) / len(of_problems), dtype=torch.float64)


def _pool(problems, size, seed, levels=0):
    g = torch.Generator().manual_seed(seed)
    right = torch.rand(problems, size, generator=g) < 0.4
    scores = torch.randn(problems, size, generator=g)
    if levels:
        scores = torch.randint(levels, (problems, size), generator=g).float()
    return right, scores


@best_of_n_accuracy.check
def the_best_of_one_is_a_random_one(fn):
    right, scores = torch.tensor([[True, False, False, True]]), torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    expect(fn(right, scores, 1), torch.tensor(0.5, dtype=torch.float64))


@best_of_n_accuracy.check
def the_best_of_all_is_the_best(fn):
    scores = torch.tensor([[3.0, 1.0, 2.0], [0.0, 5.0, 4.0]])
    right = torch.tensor([[True, False, False], [True, False, True]])
    expect(fn(right, scores, 3), torch.tensor(0.5, dtype=torch.float64))


@best_of_n_accuracy.check
def two_of_three_by_hand(fn):
    # Of three pairs the best wins two, the middle one one, the worst none.
    scores = torch.tensor([[0.1, 0.2, 0.3]])
    for i, wanted in enumerate((0.0, 1 / 3, 2 / 3)):
        right = torch.arange(3)[None] == i
        expect(fn(right, scores, 2), torch.tensor(wanted, dtype=torch.float64))


@best_of_n_accuracy.check
def equals_are_drawn_evenly(fn):
    right = torch.tensor([[True, True, False]])
    for n in (1, 2, 3):
        got = fn(right, torch.zeros(1, 3), n)
        expect(got, torch.tensor(2 / 3, dtype=torch.float64))
    right = torch.tensor([[False, True, True, False]])
    scores = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    expect(fn(right, scores, 2), _listed(right, scores, 2))


@best_of_n_accuracy.check
def every_choice_listed(fn):
    for size, n, levels in ((5, 2, 0), (6, 3, 0), (6, 4, 3), (7, 3, 2)):
        right, scores = _pool(3, size, size + n, levels)
        expect(fn(right, scores, n), _listed(right, scores, n))


@best_of_n_accuracy.check
def any_unit_that_keeps_the_order(fn):
    right, scores = _pool(4, 8, 3)
    wanted = _listed(right, scores, 3)
    for unit in (scores - 1000, scores.exp(), scores.double() / 7):
        expect(fn(right, unit, 3), wanted)


@best_of_n_accuracy.check
def large_pools_stay_within_a_float(fn):
    size, n = 1000, 256
    right = torch.zeros(1, size, dtype=torch.bool)
    right[0, -1] = True  # it is in the choice with chance n / N, and then it is the best
    scores = torch.arange(size, dtype=torch.float64)[None]
    expect(fn(right, scores, n), torch.tensor(n / size, dtype=torch.float64))
    right[0] = torch.arange(size) >= 500
    none = math.lgamma(501) - math.lgamma(501 - n) - math.lgamma(1001) + math.lgamma(1001 - n)
    expect(fn(right, scores, n), torch.tensor(1 - math.exp(none), dtype=torch.float64))


def _by_rank(right, scores, n, descending=False, per_problem=True):
    ranked = right.gather(1, scores.argsort(1, descending=descending)).double()
    below = torch.arange(n - 1, scores.shape[1], dtype=torch.float64)
    ways = torch.lgamma(below + 1) - torch.lgamma(below - n + 2)
    return (ranked[:, n - 1 :] @ ways.softmax(0)).mean()


@best_of_n_accuracy.mistake("ties are broken by the place in the pool, not evenly")
def _(right, scores, n):
    return _by_rank(right, scores, n)


WORST = "the worst of n instead of the best"


@best_of_n_accuracy.mistake(WORST)
def _(right, scores, n):
    return best_of_n_accuracy(right, -scores, n)


@best_of_n_accuracy.mistake(WORST + ", and ties are broken by the place in the pool")
def _(right, scores, n):
    return _by_rank(right, scores, n, descending=True)


@best_of_n_accuracy.mistake("one draw: the best of the first n")
def _(right, scores, n):
    best = scores[:, :n].argmax(1, keepdim=True)
    return right.gather(1, best).double().mean()


@best_of_n_accuracy.mistake("the pool cut into groups of n: unbiased, but a matter of luck")
def _(right, scores, n):
    groups = scores.shape[1] // n
    s = scores[:, : groups * n].reshape(-1, groups, n)
    r = right[:, : groups * n].reshape(-1, groups, n)
    return r.gather(2, s.argmax(2, keepdim=True)).double().mean()


@best_of_n_accuracy.mistake("drawn with replacement: (c / N) to the power n")
def _(right, scores, n):
    ranked = scores.sort(1).values
    upto = torch.searchsorted(ranked, scores.contiguous(), right=True).double()
    below = torch.searchsorted(ranked, scores.contiguous()).double()
    size = scores.shape[1]
    chance = (upto / size) ** n - (below / size) ** n
    return (chance / (upto - below) * right).sum(1).mean()


@best_of_n_accuracy.mistake("the chance that any of n is right: that is pass@n, and asks no scores")
def _(right, scores, n):
    size, wrong = right.shape[1], (~right).sum(1).double()
    logs = torch.lgamma(wrong + 1) - torch.lgamma((wrong - n + 1).clamp(min=1))
    logs = logs - math.lgamma(size + 1) + math.lgamma(size - n + 1)
    return (1 - torch.where(wrong >= n, logs.exp(), 0.0)).mean()


@best_of_n_accuracy.mistake("equals do not share: each gets the chance of its whole level")
def _(right, scores, n):
    ranked = scores.sort(1).values
    upto = torch.searchsorted(ranked, scores.contiguous(), right=True).double()
    below = torch.searchsorted(ranked, scores.contiguous()).double()

    def log_ways(count):
        safe = count.clamp(min=n)
        ways = torch.lgamma(safe + 1) - torch.lgamma(safe - n + 1)
        return torch.where(count >= n, ways, -torch.inf)

    total = log_ways(torch.tensor(float(scores.shape[1]), dtype=torch.float64))
    chance = (log_ways(upto) - total).exp() - (log_ways(below) - total).exp()
    return (chance * right).sum(1).mean()


@best_of_n_accuracy.mistake("the chance of at most this score, not of exactly this score")
def _(right, scores, n):
    ranked = scores.sort(1).values
    upto = torch.searchsorted(ranked, scores.contiguous(), right=True).double()
    below = torch.searchsorted(ranked, scores.contiguous()).double()
    size = torch.tensor(float(scores.shape[1]), dtype=torch.float64)
    ways = torch.lgamma(upto + 1) - torch.lgamma((upto - n + 1).clamp(min=1))
    total = torch.lgamma(size + 1) - torch.lgamma(size - n + 1)
    chance = torch.where(upto >= n, (ways - total).exp(), 0)
    return (chance / (upto - below) * right).sum(1).mean()


@best_of_n_accuracy.mistake("the best of the whole pool, whatever n is")
def _(right, scores, n):
    return best_of_n_accuracy(right, scores, scores.shape[1])


@best_of_n_accuracy.mistake("one pool of all problems: solutions of different ones compete")
def _(right, scores, n):
    return best_of_n_accuracy(right.reshape(1, -1), scores.reshape(1, -1), n)


@best_of_n_accuracy.right("level by level, with whole numbers")
def _(right, scores, n):
    found = []
    for ok, score in zip(right, scores, strict=True):
        size, chance = len(score), 0.0
        for level in score.unique():
            here = score == level
            upto, below = int((score <= level).sum()), int((score < level).sum())
            ways = math.comb(upto, n) - math.comb(below, n)
            chance += ways / math.comb(size, n) * ok[here].double().mean().item()
        found.append(chance)
    return torch.tensor(found, dtype=torch.float64).mean()


@best_of_n_accuracy.right("by rank, the chances averaged within each level")
def _(right, scores, n):
    size = scores.shape[1]
    i = torch.arange(size, dtype=torch.float64)
    logs = torch.lgamma(i + 1) - torch.lgamma((i - n + 2).clamp(min=1))
    by_rank = torch.where(i >= n - 1, logs, -torch.inf).softmax(0)
    found = []
    for ok, score in zip(right, scores, strict=True):
        order = score.argsort()
        _, level = score[order].unique_consecutive(return_inverse=True)
        n_levels = int(level.max()) + 1
        total = torch.zeros(n_levels, dtype=torch.float64).index_add_(0, level, by_rank)
        many = torch.bincount(level, minlength=n_levels)
        good = torch.bincount(level, weights=ok[order].double(), minlength=n_levels)
        found.append((total * good / many).sum())
    return torch.stack(found).mean()
