"""How `policy_preference` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.preference_aggregation.checks.shared import random_preferences
from lessons.preference_aggregation.drills import policy_preference
from utils.grading import expect

F64 = torch.float64


def _policies(seed, n):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(2, n, generator=g, dtype=F64).softmax(-1)


def _by_hand(policy, rival, shares):
    total = 0.0
    for i, p in enumerate(policy.tolist()):
        for j, q in enumerate(rival.tolist()):
            total += p * q * (0.5 if i == j else shares[i, j].item())
    return total


@policy_preference.check
def single_answers_are_read_off(fn):
    shares = torch.tensor([[0, 0.7], [0.3, 0]], dtype=F64)
    first, second = torch.eye(2, dtype=F64)
    expect(fn(first, second, shares), 0.7)
    expect(fn(second, first, shares), 0.3)


@policy_preference.check
def against_itself_it_is_one_half(fn):
    for n in (2, 5):
        policy = _policies(n, n)[0]
        expect(fn(policy, policy, random_preferences(n, n)), 0.5)


@policy_preference.check
def a_double_sum_by_hand(fn):
    for n in (3, 6):
        policy, rival = _policies(10 + n, n)
        shares = random_preferences(n, n)
        expect(fn(policy, rival, shares), _by_hand(policy, rival, shares))


@policy_preference.check
def three_that_go_round(fn):
    shares = torch.tensor([[9, 0.7, 0.2], [0.3, 9, 0.9], [0.8, 0.1, 9]], dtype=F64)
    policy, rival = torch.tensor([[0.5, 0.5, 0], [0, 0.2, 0.8]], dtype=F64)
    expect(fn(policy, rival, shares), _by_hand(policy, rival, shares))


def _filled(shares, own):
    return shares.clone().fill_diagonal_(own)


@policy_preference.mistake("policy and rival are swapped")
def _(policy, rival, preferences):
    return (rival @ _filled(preferences, 0.5) @ policy).item()


@policy_preference.mistake("an answer against itself counts 0")
def _(policy, rival, preferences):
    return (policy @ _filled(preferences, 0.0) @ rival).item()


@policy_preference.mistake("the diagonal is taken as it comes")
def _(policy, rival, preferences):
    return (policy @ preferences @ rival).item()


@policy_preference.mistake("the margin, not the chance")
def _(policy, rival, preferences):
    return (2 * (policy @ _filled(preferences, 0.5) @ rival) - 1).item()


@policy_preference.mistake("the two policies' likeliest answers are compared, not their mixtures")
def _(policy, rival, preferences):
    return _filled(preferences, 0.5)[policy.argmax(), rival.argmax()].item()


@policy_preference.mistake("both draw the same answer: the draws are independent")
def _(policy, rival, preferences):
    return (policy * rival * _filled(preferences, 0.5).mean(1)).sum().item()


@policy_preference.right("by a double sum")
def _(policy, rival, preferences):
    return _by_hand(policy, rival, preferences)


@policy_preference.right("by einsum")
def _(policy, rival, preferences):
    wins = torch.where(torch.eye(len(policy), dtype=torch.bool), 0.5, preferences)
    return float(torch.einsum("i,ij,j->", policy, wins, rival))
