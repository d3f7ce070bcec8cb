"""How `accuracy_by_level` is judged: checks, mistakes, right answers in other styles."""

import itertools
import math

import torch

from lessons.amplification.exercises import accuracy_by_level
from utils.grading import expect, require


def _numbers(got, count):
    """An answer as floats: a list, a tuple, a tensor or an array of `count` numbers."""
    try:
        values = torch.as_tensor(got, dtype=torch.float64).flatten()
    except (TypeError, ValueError, RuntimeError):
        values = None
    right = values is not None and len(values) == count
    require(right, f"{count} numbers, for levels 0 to {count - 1}", got)
    return values.tolist()


def _voted(p, votes):
    """The chance that most of `votes` tries are right, over all ways in which they may come out."""
    total = 0.0
    for tries in itertools.product((0, 1), repeat=votes):
        if sum(tries) * 2 > votes:
            total += math.prod(p if t else 1 - p for t in tries)
    return total


@accuracy_by_level.check
def a_leaf_alone(fn):
    expect(_numbers(fn(0.1, 0), 1)[0], 0.9)


@accuracy_by_level.check
def a_leaf_and_three_votes(fn):
    expect(_numbers(fn(0.1, 0, 3), 1)[0], 0.972)  # 0.9³ + 3 · 0.9² · 0.1


@accuracy_by_level.check
def without_votes_all_leaves_must_be_right(fn):
    for error, depth in ((0.1, 1), (0.06, 3), (0.5, 2), (0.25, 6)):
        got = _numbers(fn(error, depth, 1), depth + 1)
        for j, value in enumerate(got):
            expect(value, (1 - error) ** (2**j), tol=1e-6)


@accuracy_by_level.check
def one_level_of_three_votes_by_all_cases(fn):
    # six questions to the level below: three tries, each right if both of its two are
    below = _voted(0.8, 3)
    chance = 0.0
    for answers in itertools.product((0, 1), repeat=6):
        tries = [answers[2 * i] and answers[2 * i + 1] for i in range(3)]
        if sum(tries) >= 2:
            chance += math.prod(below if a else 1 - below for a in answers)
    expect(_numbers(fn(0.2, 1, 3), 2)[1], chance, tol=1e-6)


@accuracy_by_level.check
def votes_at_every_node(fn):
    for error, depth, votes in ((0.06, 4, 3), (0.25, 4, 3), (0.15, 3, 5), (0.3, 2, 7)):
        got, p = _numbers(fn(error, depth, votes), depth + 1), _voted(1 - error, votes)
        for value in got:
            expect(value, p, tol=1e-6)
            p = _voted(p * p, votes)


@accuracy_by_level.check
def never_wrong_and_always_wrong(fn):
    for votes in (1, 3):
        for value in _numbers(fn(0.0, 3, votes), 4):
            expect(value, 1.0)
        for value in _numbers(fn(1.0, 3, votes), 4):
            expect(value, 0.0)


def _most(p, votes, least=None):
    least = votes // 2 + 1 if least is None else least
    return sum(math.comb(votes, k) * p**k * (1 - p) ** (votes - k) for k in range(least, votes + 1))


@accuracy_by_level.mistake("one leaf more at each level: the number of leaves doubles")
def _(leaf_error, depth, votes=1):
    return [_most(1 - leaf_error, votes) ** (j + 1) for j in range(depth + 1)]


@accuracy_by_level.mistake("votes at the leaves only")
def _(leaf_error, depth, votes=1):
    return [_most(1 - leaf_error, votes) ** (2**j) for j in range(depth + 1)]


@accuracy_by_level.mistake("votes at the top only: every node has its own")
def _(leaf_error, depth, votes=1):
    return [_most((1 - leaf_error) ** (2**j), votes) for j in range(depth + 1)]


@accuracy_by_level.mistake("a node counts as right if any try is: more than half must be")
def _(leaf_error, depth, votes=1):
    p = [_most(1 - leaf_error, votes, 1)]
    for _ in range(depth):
        p.append(_most(p[-1] ** 2, votes, 1))
    return p


@accuracy_by_level.mistake("a node counts as right only if all tries are: more than half will do")
def _(leaf_error, depth, votes=1):
    p = [(1 - leaf_error) ** votes]
    for _ in range(depth):
        p.append((p[-1] ** 2) ** votes)
    return p


@accuracy_by_level.mistake("the leaf has no vote: it is a node like the others")
def _(leaf_error, depth, votes=1):
    p = [1 - leaf_error]
    for _ in range(depth):
        p.append(_most(p[-1] ** 2, votes))
    return p


@accuracy_by_level.mistake("starts at level 1: level 0, the leaf, is missing")
def _(leaf_error, depth, votes=1):
    p = [_most(1 - leaf_error, votes)]
    for _ in range(depth):
        p.append(_most(p[-1] ** 2, votes))
    return [*p[1:], _most(p[-1] ** 2, votes)]


@accuracy_by_level.mistake("one level too few")
def _(leaf_error, depth, votes=1):
    p = [_most(1 - leaf_error, votes)]
    for _ in range(depth - 1):
        p.append(_most(p[-1] ** 2, votes))
    return p


@accuracy_by_level.mistake("errors are added up, 1 − 2^level · error: that is only about right")
def _(leaf_error, depth, votes=1):
    error = 1 - _most(1 - leaf_error, votes)
    return [1 - 2**j * error for j in range(depth + 1)]


@accuracy_by_level.mistake("returns the errors: asked for is how often it is right")
def _(leaf_error, depth, votes=1):
    p = [_most(1 - leaf_error, votes)]
    for _ in range(depth):
        p.append(_most(p[-1] ** 2, votes))
    return [1 - v for v in p]


@accuracy_by_level.mistake("the vote comes before the square: each try asks two nodes, then a vote")
def _(leaf_error, depth, votes=1):
    p = [_most(1 - leaf_error, votes)]
    for _ in range(depth):
        p.append(_most(p[-1], votes) ** 2)
    return p


@accuracy_by_level.mistake("no square: a try one level up needs two right answers")
def _(leaf_error, depth, votes=1):
    p = [_most(1 - leaf_error, votes)]
    for _ in range(depth):
        p.append(_most(p[-1], votes))
    return p


@accuracy_by_level.mistake("only the deepest level is returned")
def _(leaf_error, depth, votes=1):
    p = _most(1 - leaf_error, votes)
    for _ in range(depth):
        p = _most(p**2, votes)
    return [p]


@accuracy_by_level.mistake("half of the votes are enough where more than half must be right")
def _(leaf_error, depth, votes=1):
    p = [_most(1 - leaf_error, votes, votes // 2)]
    for _ in range(depth):
        p.append(_most(p[-1] ** 2, votes, votes // 2))
    return p


@accuracy_by_level.mistake("votes is left out")
def _(leaf_error, depth, votes=1):
    return [(1 - leaf_error) ** (2**j) for j in range(depth + 1)]


@accuracy_by_level.right("with binomial coefficients")
def _(leaf_error, depth, votes=1):
    p = [_most(1 - leaf_error, votes)]
    while len(p) <= depth:
        p.append(_most(p[-1] ** 2, votes))
    return p


@accuracy_by_level.right("by recursion, as a tensor, with NumPy's polynomial of the votes")
def _(leaf_error, depth, votes=1):
    import numpy as np

    def voted(p):
        ways = np.array([1.0])
        for _ in range(votes):
            ways = np.convolve(ways, [1 - p, p])
        return ways[votes // 2 + 1 :].sum()

    def at(level):
        return voted(1 - leaf_error if level == 0 else at(level - 1) ** 2)

    return torch.tensor([at(level) for level in range(depth + 1)])
