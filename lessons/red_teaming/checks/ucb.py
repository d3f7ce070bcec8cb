"""How `ucb` is judged: checks, mistakes, right answers."""

import math

import numpy as np
import torch

from lessons.red_teaming.exercises import ucb
from utils.grading import expect, require


def _expect(got, want):
    expect(got, torch.tensor(want))


@ucb.check
def an_untried_arm_comes_first(fn):
    for c in (1.0, 0.0):
        got = fn(torch.tensor([2.0, 0.0]), torch.tensor([3.0, 0.0]), c)
        require(torch.is_tensor(got) and got.shape == (2,), "a tensor of shape (2,)", got)
        require(not got.isnan().any(), "no NaN", got)
        require(bool(got[1] == torch.inf) and bool(got[0] < torch.inf), "inf for arm 1 alone", got)
        _expect(got[:1], [2 / 3 + c * math.sqrt(math.log(3) / 3)])


@ucb.check
def nothing_tried_yet(fn):
    got = fn(torch.zeros(3), torch.zeros(3), 0.5)
    require(torch.is_tensor(got) and bool((got == torch.inf).all()), "infinity for each", got)


@ucb.check
def without_width_it_is_the_mean(fn):
    got = fn(torch.tensor([1.0, 3.0, 0.0]), torch.tensor([4.0, 4.0, 2.0]), 0.0)
    _expect(got, [0.25, 0.75, 0.0])


@ucb.check
def by_hand(fn):
    for tries, c in (([2, 8], 1.0), ([1, 1, 30], 0.3), ([5], 2.0), ([10, 20, 70], 0.2)):
        wins = [t / 2 for t in tries]
        total = math.log(sum(tries))
        want = [w / t + c * math.sqrt(total / t) for w, t in zip(wins, tries, strict=True)]
        got = fn(torch.tensor(wins), torch.tensor(tries, dtype=torch.float32), c)
        _expect(got, want)


@ucb.check
def a_single_first_try_has_no_width(fn):
    _expect(fn(torch.tensor([1.0]), torch.tensor([1.0]), 1.0), [1.0])


def _score(successes, tries, width):
    score = successes / tries.clamp(min=1) + width
    return torch.where(tries > 0, score, torch.inf)


@ucb.mistake("log of the arm's own tries: what others learn never makes it worth another look")
def _(successes, tries, c):
    own = tries.clamp(min=1)
    return _score(successes, tries, c * (own.log() / own).sqrt())


@ucb.mistake("0/0: an arm never tried scores NaN")
def _(successes, tries, c):
    return successes / tries + c * (tries.sum().log() / tries).sqrt()


@ucb.mistake("an arm never tried scores 0, so it is never tried")
def _(successes, tries, c):
    got = ucb.reference(successes, tries, c)
    return torch.where(tries > 0, got, 0.0)


@ucb.mistake("an arm never tried counts as one try, in its score and in the total")
def _(successes, tries, c):
    n = tries.clamp(min=1)
    return successes / n + c * (n.sum().log() / n).sqrt()


@ucb.mistake("an arm never tried counts as one try in the total")
def _(successes, tries, c):
    n = tries.clamp(min=1)
    return _score(successes, tries, c * (n.sum().log() / n).sqrt())


@ucb.mistake("an arm never tried is scored as if it had been tried once, not as infinity")
def _(successes, tries, c):
    n = tries.clamp(min=1)
    return successes / n + c * (tries.sum().clamp(min=1).log() / n).sqrt()


@ucb.mistake("c is forgotten")
def _(successes, tries, c):
    return ucb.reference(successes, tries, 1.0)


@ucb.mistake("the root is missing")
def _(successes, tries, c):
    n = tries.clamp(min=1)
    return _score(successes, tries, c * tries.sum().clamp(min=1).log() / n)


@ucb.mistake("c stands inside the root")
def _(successes, tries, c):
    n = tries.clamp(min=1)
    return _score(successes, tries, (c * tries.sum().clamp(min=1).log() / n).sqrt())


@ucb.mistake("a lower bound: the width is subtracted")
def _(successes, tries, c):
    n = tries.clamp(min=1)
    return _score(successes, tries, -c * (tries.sum().clamp(min=1).log() / n).sqrt())


@ucb.mistake("counts of successes, not their share")
def _(successes, tries, c):
    n = tries.clamp(min=1)
    width = c * (tries.sum().clamp(min=1).log() / n).sqrt()
    return torch.where(tries > 0, successes + width, torch.inf)


@ucb.mistake("c is ignored: √2 whatever is asked for")
def _(successes, tries, c):
    return ucb.reference(successes, tries, 2**0.5)


@ucb.mistake("2 log in the root beside c: the factor is counted twice")
def _(successes, tries, c):
    return ucb.reference(successes, tries, c * 2**0.5)


@ucb.right("by a loop")
def _(successes, tries, c):
    total, scores = float(tries.sum()), []
    for won, n in zip(successes.tolist(), tries.tolist(), strict=True):
        scores.append(won / n + c * math.sqrt(math.log(total) / n) if n else math.inf)
    return torch.tensor(scores)


@ucb.right("in NumPy")
def _(successes, tries, c):
    won, n = successes.numpy().astype(float), tries.numpy().astype(float)
    scores, known = np.full(len(n), np.inf), n > 0
    scores[known] = won[known] / n[known] + c * np.sqrt(np.log(max(n.sum(), 1)) / n[known])
    return torch.from_numpy(scores).to(successes.dtype)


@ucb.right("by filling in a tensor of infinities")
def _(successes, tries, c):
    scores, known = torch.full_like(successes, torch.inf), tries > 0
    n = tries[known]
    scores[known] = successes[known] / n + c * torch.sqrt(n.sum().log() / n)
    return scores
