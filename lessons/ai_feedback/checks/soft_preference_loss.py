"""How `soft_preference_loss` is judged: checks, mistakes, right answers."""

import math

import torch
from torch.nn import functional as F

from lessons.ai_feedback.exercises import soft_preference_loss
from utils.grading import expect, require


def log_sigmoid(x):
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


def random_pairs(seed, n, dtype=torch.float32):
    g = torch.Generator().manual_seed(seed)
    rewards = 2 * torch.randn(2, n, generator=g, dtype=torch.float64)
    return *rewards.to(dtype), torch.rand(n, generator=g, dtype=torch.float64).to(dtype)


def by_hand(one, two, label):
    terms = [
        -p * log_sigmoid(a - b) - (1 - p) * log_sigmoid(b - a)
        for a, b, p in zip(one.tolist(), two.tolist(), label.tolist(), strict=True)
    ]
    return torch.tensor(sum(terms) / len(terms), dtype=one.dtype)


def loss_at(fn, margin, label):
    return fn(torch.tensor([margin]), torch.zeros(1), torch.tensor([label]))


@soft_preference_loss.check
def equal_rewards_cost_log_two(fn):
    for label in (0.0, 0.5, 0.9):
        expect(loss_at(fn, 0.0, label), torch.tensor(math.log(2)))


@soft_preference_loss.check
def a_hard_label_is_bradley_and_terry(fn):
    expect(loss_at(fn, 2.0, 1.0), torch.tensor(-log_sigmoid(2.0)))
    expect(loss_at(fn, 2.0, 0.0), torch.tensor(-log_sigmoid(-2.0)))


@soft_preference_loss.check
def the_mean_by_hand(fn):
    for n in (1, 2, 7):
        inputs = random_pairs(n, n)
        expect(fn(*inputs), by_hand(*inputs))


@soft_preference_loss.check
def only_the_difference_counts(fn):
    one, two, label = random_pairs(5, 4)
    expect(fn(one + 3, two + 3, label), by_hand(one, two, label))


@soft_preference_loss.check
def it_is_least_where_the_model_says_the_label(fn):
    for label in (0.2, 0.6, 0.9):
        best = math.log(label / (1 - label))
        margin = torch.tensor([best], requires_grad=True)
        loss = fn(margin, torch.zeros(1), torch.tensor([label]))
        require(torch.is_tensor(loss) and loss.requires_grad, "a loss to learn through", loss)
        (slope,) = torch.autograd.grad(loss, margin)
        expect(slope, torch.zeros(1))


@soft_preference_loss.check
def extreme_rewards_stay_finite(fn):
    expect(loss_at(fn, -1000.0, 1.0), torch.tensor(1000.0))
    expect(loss_at(fn, 1000.0, 1.0), torch.tensor(0.0))
    expect(loss_at(fn, 1000.0, 0.4), torch.tensor(600.0))


@soft_preference_loss.check
def float64_stays_float64(fn):
    inputs = random_pairs(9, 3, torch.float64)
    got = fn(*inputs)
    require(torch.is_tensor(got) and got.dtype == torch.float64, "float64 from float64", got)
    expect(got, by_hand(*inputs), tol=1e-9)


@soft_preference_loss.mistake("the second term is missing: a label of 0.4 asks for a win, too")
def _(reward_1, reward_2, label):
    return -(label * F.logsigmoid(reward_1 - reward_2)).mean()


@soft_preference_loss.mistake("the responses are swapped")
def _(reward_1, reward_2, label):
    m = reward_2 - reward_1
    return -(label * F.logsigmoid(m) + (1 - label) * F.logsigmoid(-m)).mean()


@soft_preference_loss.mistake("the sign is missing: the loss falls when the model is wrong")
def _(reward_1, reward_2, label):
    m = reward_1 - reward_2
    return (label * F.logsigmoid(m) + (1 - label) * F.logsigmoid(-m)).mean()


@soft_preference_loss.mistake("the label is rounded to 0 or 1")
def _(reward_1, reward_2, label):
    m = reward_1 - reward_2
    return -torch.where(label > 0.5, F.logsigmoid(m), F.logsigmoid(-m)).mean()


@soft_preference_loss.mistake("summed over the pairs, where the mean was asked for")
def _(reward_1, reward_2, label):
    m = reward_1 - reward_2
    return -(label * F.logsigmoid(m) + (1 - label) * F.logsigmoid(-m)).sum()


@soft_preference_loss.mistake("log(sigmoid(x)) is minus infinity where logsigmoid is finite")
def _(reward_1, reward_2, label):
    m = reward_1 - reward_2
    return -(label * m.sigmoid().log() + (1 - label) * (-m).sigmoid().log()).mean()


@soft_preference_loss.mistake("a squared distance to the label, not a cross-entropy")
def _(reward_1, reward_2, label):
    return (torch.sigmoid(reward_1 - reward_2) - label).square().mean()


@soft_preference_loss.right("by torch's binary cross-entropy with logits")
def _(reward_1, reward_2, label):
    return F.binary_cross_entropy_with_logits(reward_1 - reward_2, label)


@soft_preference_loss.right("by a softmax over the two rewards, as Lee et al. write it")
def _(reward_1, reward_2, label):
    targets = torch.stack([label, 1 - label], 1)
    return F.cross_entropy(torch.stack([reward_1, reward_2], 1), targets)


@soft_preference_loss.right("by softplus")
def _(reward_1, reward_2, label):
    m = reward_1 - reward_2
    return (F.softplus(-m) + (1 - label) * m).mean()
