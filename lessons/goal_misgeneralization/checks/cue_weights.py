"""How an answer to cue_weights is judged."""

import torch

from lessons.goal_misgeneralization.drills import cue_weights
from utils.grading import expect, require


def pair(got):
    require(isinstance(got, tuple | list) and len(got) == 2, "two numbers", got)
    return torch.tensor([float(x) for x in got], dtype=torch.float64)


def trained(first, second, lr, decay, steps, seed=0):
    """Both weights after real gradient descent on squared errors, the cues always equal."""
    g = torch.Generator().manual_seed(seed)
    w = torch.tensor([first, second], dtype=torch.float64)
    for _ in range(steps):
        x = torch.randn(8, generator=g, dtype=torch.float64)
        cues = torch.stack([x, x], 1)
        error = cues @ w - 1.5 * x
        w = w - lr * (cues.T @ error / 8 + decay * w)
    return w


@cue_weights.check
def without_decay_the_difference_stays(answer):
    expect(pair(answer(0.5, -0.5, 2.0, 0.1, 0.0, 100)), torch.tensor([1.5, 0.5]).double())


@cue_weights.check
def no_step_leaves_them_as_they_were(answer):
    expect(pair(answer(0.3, 0.1, 0.4, 0.1, 0.5, 0)), torch.tensor([0.3, 0.1]).double())


@cue_weights.check
def they_are_what_gradient_descent_ends_at(answer):
    for case in ((0.4, -0.2, 0.05, 0.0, 30), (0.4, -0.2, 0.05, 0.3, 30), (-1.0, 0.7, 0.1, 1.0, 7)):
        w = trained(*case)
        expect(pair(answer(case[0], case[1], w.sum().item(), *case[2:])), w)


@cue_weights.mistake("both get the same weight")
def _(first, second, total, lr, decay, steps):
    return total / 2, total / 2


@cue_weights.mistake("decay is forgotten: the difference stays")
def _(first, second, total, lr, decay, steps):
    return (total + first - second) / 2, (total - first + second) / 2


@cue_weights.mistake("the two are swapped")
def _(first, second, total, lr, decay, steps):
    return cue_weights.reference(second, first, total, lr, decay, steps)


@cue_weights.mistake("the ratio of the weights is kept, not their difference")
def _(first, second, total, lr, decay, steps):
    sum_ = first + second or 1e-9
    return total * first / sum_, total * second / sum_


@cue_weights.mistake("the decay acts once, not in each step")
def _(first, second, total, lr, decay, steps):
    return cue_weights.reference(first, second, total, lr, decay, min(steps, 1))


@cue_weights.mistake("the decay is taken off without the rate")
def _(first, second, total, lr, decay, steps):
    return cue_weights.reference(first, second, total, 1.0, decay, steps)


@cue_weights.mistake("the difference is not halved")
def _(first, second, total, lr, decay, steps):
    gap = (first - second) * (1 - lr * decay) ** steps
    return total / 2 + gap, total / 2 - gap


@cue_weights.right("by a loop over the steps")
def _(first, second, total, lr, decay, steps):
    gap = first - second
    for _ in range(steps):
        gap -= lr * decay * gap
    return [total / 2 + gap / 2, total / 2 - gap / 2]


@cue_weights.right("by the larger weight, and the rest")
def _(first, second, total, lr, decay, steps):
    one = 0.5 * total + 0.5 * (first - second) * pow(1 - decay * lr, steps)
    return one, total - one
