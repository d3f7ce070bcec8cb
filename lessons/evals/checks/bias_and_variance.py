"""How `bias_and_variance` is judged: checks, mistakes, right answers in other styles."""

import torch
from torch.nn import functional as F

from lessons.evals.checks.wilson_interval import pair
from lessons.evals.exercises import bias_and_variance
from utils.grading import expect


@bias_and_variance.check
def always_right_and_always_wrong(fn):
    bias, variance = pair(fn(torch.tensor([[0.0, 1.0, 0.0]]), torch.tensor([1])))
    expect(bias, 0.0)
    expect(variance, 0.0)
    bias, variance = pair(fn(torch.tensor([[0.0, 1.0, 0.0]]), torch.tensor([2])))
    expect(bias, 2.0)
    expect(variance, 0.0)


@bias_and_variance.check
def a_coin_between_right_and_wrong(fn):
    bias, variance = pair(fn(torch.tensor([[0.5, 0.5]]), torch.tensor([0])))
    expect(bias, 0.5)
    expect(variance, 0.5)


@bias_and_variance.check
def the_mean_over_questions(fn):
    chances = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, 0.25], [0.0, 0.2, 0.8, 0.0]])
    bias, variance = pair(fn(chances, torch.tensor([0, 3, 1])))
    expect(bias, (0.0 + 0.75 + 1.28) / 3)
    expect(variance, (0.0 + 0.75 + 0.32) / 3)


@bias_and_variance.check
def the_parts_add_up_to_the_error_of_drawn_answers(fn):
    g = torch.Generator().manual_seed(3)
    chances = torch.rand(7, 5, generator=g, dtype=torch.float64)
    chances = chances / chances.sum(1, keepdim=True)
    truth = torch.randint(5, (7,), generator=g)
    each = F.one_hot(torch.arange(5)).double()  # the five answers that may be drawn
    error = (each[None] - F.one_hot(truth, 5)[:, None]).square().sum(-1)
    around = (each[None] - chances[:, None]).square().sum(-1)
    bias, variance = pair(fn(chances, truth))
    expect(variance, (chances * around).sum(1).mean().item())
    expect(bias + variance, (chances * error).sum(1).mean().item())


@bias_and_variance.check
def a_label_that_is_never_right_nor_said(fn):
    bias, variance = pair(fn(torch.tensor([[0.5, 0.5, 0.0, 0.0]] * 2), torch.tensor([0, 1])))
    expect(bias, 0.5)
    expect(variance, 0.5)


def _target(chances, truth):
    return F.one_hot(truth, chances.shape[-1]).to(chances)


@bias_and_variance.mistake("the variance comes first")
def _(chances, truth):
    return bias_and_variance(chances, truth)[::-1]


@bias_and_variance.mistake("the bias is not squared: its absolute parts are summed")
def _(chances, truth):
    away = (chances - _target(chances, truth)).abs().sum(-1)
    return away.mean().item(), bias_and_variance(chances, truth)[1]


@bias_and_variance.mistake("mean over labels, where the squared distance sums over them")
def _(chances, truth):
    bias = (chances - _target(chances, truth)).square().mean(-1)
    variance = (chances * (1 - chances)).mean(-1)
    return bias.mean().item(), variance.mean().item()


@bias_and_variance.mistake("only the right label counts: the other labels' part is missing")
def _(chances, truth):
    p = chances.gather(-1, truth[:, None])[:, 0]
    return (1 - p).square().mean().item(), (p * (1 - p)).mean().item()


@bias_and_variance.mistake("questions are averaged before the squares: errors cancel")
def _(chances, truth):
    away = (chances - _target(chances, truth)).mean(0)
    return away.square().sum().item(), bias_and_variance(chances, truth)[1]


@bias_and_variance.mistake("the variance is over questions, not over drawn answers")
def _(chances, truth):
    bias = bias_and_variance(chances, truth)[0]
    return bias, chances.var(0, correction=0).sum().item()


@bias_and_variance.mistake("the second is the whole error: bias² is still in it")
def _(chances, truth):
    bias, variance = bias_and_variance(chances, truth)
    return bias, bias + variance


@bias_and_variance.mistake("the chance of a wrong answer is taken for the bias")
def _(chances, truth):
    wrong = 1 - chances.gather(-1, truth[:, None])[:, 0]
    return wrong.mean().item(), bias_and_variance(chances, truth)[1]


@bias_and_variance.mistake("summed over questions, not averaged")
def _(chances, truth):
    bias, variance = bias_and_variance(chances, truth)
    return bias * len(truth), variance * len(truth)


@bias_and_variance.mistake("the root of the bias: bias² is asked for")
def _(chances, truth):
    away = (chances - _target(chances, truth)).square().sum(-1).sqrt()
    return away.mean().item(), bias_and_variance(chances, truth)[1]


@bias_and_variance.mistake("the bias of the most frequent answer, not of the mean of answers")
def _(chances, truth):
    most = F.one_hot(chances.argmax(-1), chances.shape[-1]).to(chances)
    bias = (most - _target(chances, truth)).square().sum(-1)
    return bias.mean().item(), bias_and_variance(chances, truth)[1]


@bias_and_variance.right("by the chance of the right label")
def _(chances, truth):
    squares = (chances**2).sum(1)
    p = torch.stack([row[t] for row, t in zip(chances, truth, strict=True)])
    return (squares - 2 * p + 1).mean().item(), (1 - squares).mean().item()


@bias_and_variance.right("by loops")
def _(chances, truth):
    bias = variance = 0.0
    for row, t in zip(chances.tolist(), truth.tolist(), strict=True):
        bias += sum((p - (label == t)) ** 2 for label, p in enumerate(row))
        variance += sum(p * (1 - p) for p in row)
    return bias / len(truth), variance / len(truth)
