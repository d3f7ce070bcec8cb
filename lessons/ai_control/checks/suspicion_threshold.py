"""How `suspicion_threshold` is judged: checks, mistakes, right answers in other styles."""

import math

import numpy as np
import torch

from lessons.ai_control.checks.shared import spread
from lessons.ai_control.exercises import suspicion_threshold
from utils.grading import expect, require


def numbers(got, wanted):
    """One of the scores, as a tensor of their type or as a number."""
    expect(got, torch.tensor(float(wanted)) if torch.is_tensor(got) else float(wanted))


@suspicion_threshold.check
def one_of_five_may_lie_above(fn):
    numbers(fn(0.2, torch.tensor([5.0, 1.0, 4.0, 2.0, 3.0])), 4.0)


@suspicion_threshold.check
def a_budget_of_zero_lets_none_lie_above(fn):
    numbers(fn(0.0, torch.tensor([0.5, -2.0, 7.0])), 7.0)
    numbers(fn(0.0, torch.tensor([-3.0])), -3.0)


@suspicion_threshold.check
def less_than_one_is_none(fn):
    numbers(fn(0.3, torch.tensor([2.0, 9.0, 1.0])), 9.0)
    numbers(fn(0.34, torch.tensor([2.0, 9.0, 1.0])), 2.0)


@suspicion_threshold.check
def one_and_a_bit_is_one(fn):
    numbers(fn(0.3, torch.tensor([2.0, 9.0, 1.0, 5.0])), 5.0)


@suspicion_threshold.check
def a_share_of_a_hundred(fn):
    scores = torch.arange(100.0)[spread(0, 100).argsort()]
    numbers(fn(0.02, scores), 97.0)
    numbers(fn(0.29, scores), 70.0)


@suspicion_threshold.check
def equal_scores_do_not_lie_above(fn):
    numbers(fn(0.5, torch.tensor([3.0, 1.0, 3.0, 3.0])), 3.0)
    numbers(fn(0.5, torch.tensor([3.0, 1.0, 2.0, 3.0])), 2.0)
    numbers(fn(0.25, torch.tensor([-1.0, -1.0, -4.0, -9.0])), -1.0)


@suspicion_threshold.check
def the_share_above_is_within_the_budget_and_no_lower_score_would_do(fn):
    for seed, n, budget in ((1, 37, 0.1), (2, 50, 0.98), (3, 11, 0.45)):
        scores = (2 * spread(seed, n)).round().float()
        got = fn(budget, scores)
        numbers(got, torch.as_tensor(got).reshape(-1)[0])
        require(bool((scores == got).any()), "one of the scores", got)
        share = (scores > got).double().mean().item()
        require(share <= budget + 1e-9, f"at most {budget} above", share)
        lower = scores[scores < got]
        if len(lower):
            share = (scores > lower.max()).double().mean().item()
            require(share > budget, "the smallest such score", got)


@suspicion_threshold.check
def the_scores_are_left_as_they_are(fn):
    scores = torch.tensor([1.0, 3.0, 2.0, 0.0])
    fn(0.5, scores)
    expect(scores, torch.tensor([1.0, 3.0, 2.0, 0.0]))


def _k(budget, scores):
    return int(budget * len(scores) + 1e-6)


@suspicion_threshold.mistake("the smallest scores come first: sort with the largest first")
def _(budget, scores):
    return scores.sort().values[_k(budget, scores)]


@suspicion_threshold.mistake("one place too high: that score would have to be above itself")
def _(budget, scores):
    return scores.sort(descending=True).values[max(_k(budget, scores) - 1, 0)]


@suspicion_threshold.mistake("place k − 1, which is the last one for k = 0: the places start at 0")
def _(budget, scores):
    return scores.sort(descending=True).values[_k(budget, scores) - 1]


@suspicion_threshold.mistake("one place too low: one more lies above than the budget allows")
def _(budget, scores):
    return scores.sort(descending=True).values[min(_k(budget, scores) + 1, len(scores) - 1)]


@suspicion_threshold.mistake("the number is rounded up: more than the budget lies above")
def _(budget, scores):
    k = min(math.ceil(budget * len(scores) - 1e-6), len(scores) - 1)
    return scores.sort(descending=True).values[k]


@suspicion_threshold.mistake("the number is rounded to the nearest, not down")
def _(budget, scores):
    k = min(round(budget * len(scores)), len(scores) - 1)
    return scores.sort(descending=True).values[k]


@suspicion_threshold.mistake("cut off without the small addition: 0.29 of 100 becomes 28")
def _(budget, scores):
    return scores.sort(descending=True).values[int(budget * len(scores))]


@suspicion_threshold.mistake("a quantile between two scores, not one of the scores")
def _(budget, scores):
    return torch.quantile(scores, 1 - budget)


@suspicion_threshold.mistake("the quantile at the budget, not at 1 less the budget")
def _(budget, scores):
    return torch.quantile(scores, budget, interpolation="lower")


@suspicion_threshold.mistake("equal scores are counted once: each of them is a submission")
def _(budget, scores):
    ordered = scores.unique().flip(0)
    return ordered[min(_k(budget, scores), len(ordered) - 1)]


@suspicion_threshold.mistake("the scores are taken in the order in which they come")
def _(budget, scores):
    return scores[_k(budget, scores)]


@suspicion_threshold.mistake("the budget is ignored")
def _(budget, scores):
    return scores.sort(descending=True).values[min(2, len(scores) - 1)]


@suspicion_threshold.mistake("sorts the caller's scores in place")
def _(budget, scores):
    k = _k(budget, scores)
    scores[:] = scores.sort(descending=True).values
    return scores[k].clone()


@suspicion_threshold.mistake("mean and deviation of the scores, as if they were normal")
def _(budget, scores):
    p = torch.tensor(min(max(1 - budget, 1e-6), 1 - 1e-6))
    return scores.mean() + scores.std(correction=0) * torch.distributions.Normal(0, 1).icdf(p)


@suspicion_threshold.right("by topk")
def _(budget, scores):
    return scores.topk(_k(budget, scores) + 1).values[-1]


@suspicion_threshold.right("in numpy")
def _(budget, scores):
    return float(np.sort(scores.numpy())[::-1][math.floor(budget * len(scores) + 1e-6)])


@suspicion_threshold.right("by trying each score")
def _(budget, scores):
    fits = [s for s in scores if (scores > s).sum().item() <= budget * len(scores) + 1e-6]
    return min(fits)
