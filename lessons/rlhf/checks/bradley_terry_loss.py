"""How `bradley_terry_loss` is judged: checks, mistakes, right answers."""

import math

import torch
from torch.nn import functional as F

from lessons.rlhf.checks.shared import gradient, same_dtype
from lessons.rlhf.exercises import bradley_terry_loss
from utils.grading import expect


@bradley_terry_loss.check
def a_tie_costs_log_two(fn):
    for r in (0.0, 3.0, -20.0):
        expect(fn(torch.tensor([r]), torch.tensor([r])), torch.tensor(math.log(2)))


@bradley_terry_loss.check
def odds_of_three_to_one_cost_log_four_thirds_or_log_four(fn):
    lead = torch.tensor([math.log(3.0)])
    expect(fn(lead, torch.zeros(1)), torch.tensor(math.log(4 / 3)))
    expect(fn(torch.zeros(1), lead), torch.tensor(math.log(4.0)))


@bradley_terry_loss.check
def it_is_the_mean_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for n in (2, 3, 50):
        a, b = 2 * torch.randn(n, generator=g), 2 * torch.randn(n, generator=g)
        pairs = zip(a.tolist(), b.tolist(), strict=True)
        terms = [-math.log(math.exp(x) / (math.exp(x) + math.exp(y))) for x, y in pairs]
        expect(fn(a, b), torch.tensor(sum(terms) / n))


@bradley_terry_loss.check
def only_the_difference_counts(fn):
    for both in (-50.0, 7.0, 100.0):
        a, b = torch.tensor([both + 1, both]), torch.tensor([both, both + 2])
        want = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(2))) / 2
        expect(fn(a, b), torch.tensor(want))


@bradley_terry_loss.check
def a_difference_of_a_thousand_is_finite_both_ways(fn):
    far, zero = torch.tensor([1000.0]), torch.zeros(1)
    expect(fn(far, zero), torch.tensor(0.0))
    expect(fn(zero, far), torch.tensor(1000.0))


@bradley_terry_loss.check
def the_gradient_is_the_probability_of_the_other_answer(fn):
    a = torch.tensor([0.0, 2.0, -1.0, -1000.0], requires_grad=True)
    b = torch.tensor([0.0, 0.0, 1.0, 1000.0], requires_grad=True)
    to_a, to_b = gradient(fn(a, b), a, b)
    want = -torch.sigmoid((b - a).detach()) / 4
    shown = {"reward_chosen": a, "reward_rejected": b}
    expect(to_a, want, **shown)
    expect(to_b, -want, **shown)


@bradley_terry_loss.check
def a_double_loss_for_double_rewards(fn):
    a = torch.tensor([0.5, 1.0], dtype=torch.float64)
    same_dtype(fn(a, -a), a)


@bradley_terry_loss.mistake("chosen and rejected swapped: the loss falls when the model is wrong")
def _(reward_chosen, reward_rejected):
    return -F.logsigmoid(reward_rejected - reward_chosen).mean()


@bradley_terry_loss.mistake("the log of a sigmoid in two steps: −inf where the model is very wrong")
def _(reward_chosen, reward_rejected):
    return -torch.log(torch.sigmoid(reward_chosen - reward_rejected)).mean()


@bradley_terry_loss.mistake(
    "log(σ + 1e-8): finite, but without a gradient just where the model is most wrong"
)
def _(reward_chosen, reward_rejected):
    return -torch.log(torch.sigmoid(reward_chosen - reward_rejected) + 1e-8).mean()


@bradley_terry_loss.mistake("the sign: the log-likelihood itself, which is to rise, not to fall")
def _(reward_chosen, reward_rejected):
    return F.logsigmoid(reward_chosen - reward_rejected).mean()


@bradley_terry_loss.mistake("the sum over pairs, where the mean was asked for")
def _(reward_chosen, reward_rejected):
    return -F.logsigmoid(reward_chosen - reward_rejected).sum()


@bradley_terry_loss.mistake("no logarithm: the probability of the other answer")
def _(reward_chosen, reward_rejected):
    return torch.sigmoid(reward_rejected - reward_chosen).mean()


@bradley_terry_loss.mistake("a hinge: pairs with a lead above 1 teach nothing")
def _(reward_chosen, reward_rejected):
    return torch.relu(1 - (reward_chosen - reward_rejected)).mean()


@bradley_terry_loss.mistake("the mean is taken before the log-sigmoid, over the differences")
def _(reward_chosen, reward_rejected):
    return -F.logsigmoid((reward_chosen - reward_rejected).mean())


@bradley_terry_loss.mistake("each reward on its own: two classifiers, not a comparison")
def _(reward_chosen, reward_rejected):
    return -(F.logsigmoid(reward_chosen) + F.logsigmoid(-reward_rejected)).mean()


@bradley_terry_loss.mistake("the rejected reward is detached: only the chosen one learns")
def _(reward_chosen, reward_rejected):
    return -F.logsigmoid(reward_chosen - reward_rejected.detach()).mean()


@bradley_terry_loss.mistake("no log-sigmoid: the mean difference alone, which falls without end")
def _(reward_chosen, reward_rejected):
    return -(reward_chosen - reward_rejected).mean()


@bradley_terry_loss.mistake("the difference is clamped: beyond the clamp there is no gradient")
def _(reward_chosen, reward_rejected):
    return -torch.log(torch.sigmoid((reward_chosen - reward_rejected).clamp(-20, 20))).mean()


@bradley_terry_loss.mistake("the mean is taken before the log, over the probabilities")
def _(reward_chosen, reward_rejected):
    return -torch.log(torch.sigmoid(reward_chosen - reward_rejected).mean())


@bradley_terry_loss.right("by softplus")
def _(reward_chosen, reward_rejected):
    return F.softplus(reward_rejected - reward_chosen).mean()


@bradley_terry_loss.right("by a two-way cross-entropy")
def _(reward_chosen, reward_rejected):
    two = torch.stack([reward_chosen, reward_rejected], -1)
    return F.cross_entropy(two, torch.zeros(len(two), dtype=torch.long))
