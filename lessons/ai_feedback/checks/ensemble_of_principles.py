"""How `ensemble_of_principles` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.ai_feedback.exercises import ensemble_of_principles
from utils.grading import expect, require


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def logits(n_principles, n_pairs, seed=0):
    g = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(n_principles, n_pairs, generator=g)


@ensemble_of_principles.check
def one_principle_is_its_own_probability(fn):
    expect(fn(torch.tensor([[0.0, 2.0]]), torch.tensor([1.0])), torch.tensor([0.5, sigmoid(2.0)]))


@ensemble_of_principles.check
def a_sure_principle_has_one_vote(fn):
    table = torch.tensor([[100.0], [-1.0], [-1.0]])
    expect(fn(table, torch.ones(3)), torch.tensor([(1 + 2 * sigmoid(-1.0)) / 3]))


@ensemble_of_principles.check
def weights_by_hand_whatever_their_sum(fn):
    for k, n in ((2, 3), (4, 1), (3, 5)):
        table, weights = logits(k, n, seed=k), torch.arange(1.0, k + 1)
        wanted = [
            sum(w * sigmoid(table[i, j].item()) for i, w in enumerate(weights.tolist()))
            / weights.sum().item()
            for j in range(n)
        ]
        expect(fn(table, weights), torch.tensor(wanted))
        expect(fn(table, weights / 10), torch.tensor(wanted))


@ensemble_of_principles.check
def a_principle_of_weight_zero_is_never_drawn(fn):
    table = torch.tensor([[1.0, -1.0], [50.0, 50.0]])
    expect(fn(table, torch.tensor([2.0, 0.0])), torch.tensor([sigmoid(1.0), sigmoid(-1.0)]))


@ensemble_of_principles.check
def drawn_labels_have_this_mean(fn):
    table, weights = logits(3, 2, seed=7), torch.tensor([1.0, 2.0, 1.0])
    g = torch.Generator().manual_seed(0)
    which = torch.multinomial(weights, 40_000, True, generator=g)
    drawn = torch.sigmoid(table[which]).mean(0)
    got = fn(table, weights)
    near = torch.is_tensor(got) and got.shape == (2,) and bool((got - drawn).abs().max() < 0.02)
    require(near, f"within 0.02 of the mean of drawn labels, {drawn.tolist()}", got)


def _chances(weights):
    return (weights / weights.sum())[:, None]


@ensemble_of_principles.mistake("the mean of the logits, then σ: one sure principle decides alone")
def _(logits, weights):
    return torch.sigmoid((_chances(weights) * logits).sum(0))


@ensemble_of_principles.mistake("the weights are ignored")
def _(logits, weights):
    return torch.sigmoid(logits).mean(0)


@ensemble_of_principles.mistake("the weights are not divided by their sum")
def _(logits, weights):
    return (weights[:, None] * torch.sigmoid(logits)).sum(0)


@ensemble_of_principles.mistake("a mean over the principles of what is weighted already")
def _(logits, weights):
    return (_chances(weights) * torch.sigmoid(logits)).mean(0)


@ensemble_of_principles.mistake("a majority vote: how sure each principle is gets lost")
def _(logits, weights):
    return (_chances(weights) * (logits > 0).float()).sum(0)


@ensemble_of_principles.mistake("softmax of the weights, where shares were asked for")
def _(logits, weights):
    return (weights.softmax(0)[:, None] * torch.sigmoid(logits)).sum(0)


@ensemble_of_principles.right("by a matrix product")
def _(logits, weights):
    return weights @ logits.sigmoid() / weights.sum()


@ensemble_of_principles.right("principle by principle in a loop")
def _(logits, weights):
    total = torch.zeros_like(logits[0])
    for row, weight in zip(logits, weights, strict=True):
        total = total + weight / (1 + torch.exp(-row))
    return total / sum(weights)
