"""How `outcome_loss` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.process_rewards.exercises import outcome_loss
from utils.grading import expect


def _by_hand(logprobs, right):
    costs = [-x if ok else -math.log(-math.expm1(x)) for x, ok in zip(logprobs, right, strict=True)]
    return sum(costs) / len(costs)


def _try(fn, logprobs, right, dtype=torch.float64):
    wanted = torch.tensor(_by_hand(logprobs, right), dtype=dtype)
    expect(fn(torch.tensor(logprobs, dtype=dtype), torch.tensor(right)), wanted)


@outcome_loss.check
def one_solution_right_or_wrong(fn):
    for right in (True, False):
        _try(fn, [math.log(0.8)], [right], torch.float32)


@outcome_loss.check
def the_mean_over_solutions(fn):
    _try(fn, [math.log(p) for p in (0.8, 0.3, 0.6)], [True, False, False])
    _try(fn, [math.log(p) for p in (0.1, 0.9, 0.5, 0.5)], [False, True, True, False])


@outcome_loss.check
def nearly_sure_and_wrong_stays_exact(fn):
    _try(fn, [-1e-15], [False])
    _try(fn, [-2e-15, -1e-15], [False, False])
    _try(fn, [-1e-9, -0.1], [False, True])


@outcome_loss.check
def nearly_impossible_stays_exact(fn):
    for right in (True, False):
        _try(fn, [-1000.0], [right])
        _try(fn, [-40.0], [right])


@outcome_loss.check
def gradients_by_the_chain_rule(fn):
    logprobs = torch.tensor([0.8, 0.8], dtype=torch.float64).log().requires_grad_()
    fn(logprobs, torch.tensor([True, False])).backward()
    expect(logprobs.grad, torch.tensor([-0.5, 0.5 * 0.8 / 0.2], dtype=torch.float64))


def _mean(logprobs, right, log_wrong):
    return -torch.where(right, logprobs, log_wrong).mean()


@outcome_loss.mistake("1 − exp(log p) loses its digits where p is nearly 1")
def _(logprobs, right):
    return _mean(logprobs, right, torch.log(1 - torch.exp(logprobs)))


@outcome_loss.mistake("only right solutions are learned from: wrong ones cost nothing")
def _(logprobs, right):
    return -torch.where(right, logprobs, 0.0).mean()


@outcome_loss.mistake("the mean over right solutions alone")
def _(logprobs, right):
    return -logprobs[right].sum() / right.sum().clamp(min=1)


@outcome_loss.mistake("wrong solutions cost log p: its price has no floor, 1 − p is missing")
def _(logprobs, right):
    return -torch.where(right, logprobs, -logprobs).mean()


@outcome_loss.mistake("right and wrong are swapped")
def _(logprobs, right):
    return _mean(logprobs, ~right, torch.log(-torch.expm1(logprobs)))


@outcome_loss.mistake("the sign: a log-likelihood, where a loss was asked for")
def _(logprobs, right):
    return -_mean(logprobs, right, torch.log(-torch.expm1(logprobs)))


@outcome_loss.mistake("the log-probabilities are taken for logits")
def _(logprobs, right):
    return torch.nn.functional.binary_cross_entropy_with_logits(logprobs, right.to(logprobs.dtype))


@outcome_loss.mistake("the sum over solutions, not their mean")
def _(logprobs, right):
    return _mean(logprobs, right, torch.log(-torch.expm1(logprobs))) * len(right)


@outcome_loss.mistake("binary_cross_entropy of exp(log p): it clamps the logarithm at −100")
def _(logprobs, right):
    p = logprobs.exp()
    return torch.nn.functional.binary_cross_entropy(p, right.to(p.dtype))


@outcome_loss.mistake("1 − p is clamped from below: what is nearly sure and wrong costs too little")
def _(logprobs, right):
    return _mean(logprobs, right, torch.log((1 - logprobs.exp()).clamp(min=1e-12)))


@outcome_loss.mistake("a small number is added inside the logarithm: 1 − p + 1e-9")
def _(logprobs, right):
    return _mean(logprobs, right, torch.log(1 - logprobs.exp() + 1e-9))


@outcome_loss.mistake("the mean of two means, of right and of wrong solutions")
def _(logprobs, right):
    log_wrong = torch.log(-torch.expm1(logprobs))
    return -(logprobs[right].mean() + log_wrong[~right].mean()) / 2


@outcome_loss.right("by a loop")
def _(logprobs, right):
    costs = []
    for x, ok in zip(logprobs, right.tolist(), strict=True):
        costs.append(-x if ok else -torch.log(-torch.expm1(x)))
    return sum(costs) / len(costs)


@outcome_loss.right("from the logit: log p − log(1 − p)")
def _(logprobs, right):
    logit = logprobs - torch.log(-torch.expm1(logprobs))
    return torch.nn.functional.softplus(torch.where(right, -logit, logit)).mean()
