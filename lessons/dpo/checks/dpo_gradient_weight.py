"""How `dpo_gradient_weight` is judged: checks, mistakes, right answers in other styles."""

import torch
import torch.nn.functional as F

from lessons.dpo.checks.shared import (
    log_sigmoid,
    margin_in_nats,
    margins_by_hand,
    of_margin,
    random_pairs,
    sigmoid,
)
from lessons.dpo.exercises import dpo_gradient_weight
from utils.grading import expect, require


@dpo_gradient_weight.check
def at_the_start_every_pair_weighs_one_half(fn):
    for n in (1, 3):
        a, b, *_ = random_pairs(0, n)
        expect(fn(a, b, a.clone(), b.clone(), 0.3), torch.full((n,), 0.5))


@dpo_gradient_weight.check
def a_pair_in_the_wrong_order_weighs_one_and_a_learned_one_nothing(fn):
    expect(fn(*of_margin(-1000.0), 1.0), torch.tensor([1.0]))
    expect(fn(*of_margin(1000.0), 1.0), torch.tensor([0.0]))


@dpo_gradient_weight.check
def one_pair_by_hand(fn):
    for margin in (1.0, -2.0):
        for beta in (0.1, 1.0, 3.0):
            expect(fn(*of_margin(margin), beta), torch.tensor([sigmoid(-beta * margin)]))


@dpo_gradient_weight.check
def each_of_the_four_pulls_its_way(fn):
    for which, sign in enumerate((1, -1, -1, 1)):
        inputs = [torch.zeros(1) for _ in range(4)]
        inputs[which] = torch.tensor([1.5])
        expect(fn(*inputs, 2.0), torch.tensor([sigmoid(-3.0 * sign)]))


@dpo_gradient_weight.check
def it_is_what_a_finite_difference_of_the_loss_gives(fn):
    beta, step = 0.6, 1e-4
    inputs = random_pairs(11, 5, torch.float64)

    def cost(margin):
        return -log_sigmoid(beta * margin)

    margins = margins_by_hand(*inputs)
    slopes = [(cost(m + step / 2) - cost(m - step / 2)) / step for m in margins]
    wanted = torch.tensor([-s / beta for s in slopes], dtype=torch.float64)
    expect(fn(*inputs, beta), wanted, tol=1e-6)


@dpo_gradient_weight.check
def small_weights_are_not_rounded_away(fn):
    got = fn(*of_margin(40.0), 1.0)
    require(torch.is_tensor(got) and got.shape == (1,), "shape (1,)", got)
    require(bool((got * 1e17 - 0.4248).abs() < 0.01), "about 4.25e-18 at a margin of 40", got)


@dpo_gradient_weight.mistake("chosen and rejected are swapped: pairs long learned weigh most")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return torch.sigmoid(
        beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    )


@dpo_gradient_weight.mistake("beta is part of the weight: it stands before the expectation")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return beta * torch.sigmoid(-beta * m)


@dpo_gradient_weight.mistake("beta is missing inside the sigmoid")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return torch.sigmoid(-margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected))


@dpo_gradient_weight.mistake("the reference is missing")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return torch.sigmoid(beta * (policy_rejected - policy_chosen))


@dpo_gradient_weight.mistake("the loss of each pair, not the slope of it")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -F.logsigmoid(beta * m)


@dpo_gradient_weight.mistake("the gradient with its sign: the weight itself is positive")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -torch.sigmoid(-beta * m)


@dpo_gradient_weight.mistake("averaged: each pair has a weight of its own")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return torch.sigmoid(-beta * m).mean()


@dpo_gradient_weight.mistake(
    "small weights are lost, to rounding in 1 − σ(m) or to a clamp: σ(−m) keeps them"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return 1 - torch.sigmoid(beta * m)


@dpo_gradient_weight.mistake("beta twice inside the sigmoid: implicit rewards have it already")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return torch.sigmoid(-beta * beta * m)


@dpo_gradient_weight.mistake(
    "σ(1 − σ) is the slope of the sigmoid: the logarithm was not differentiated, which divides by σ"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    p = torch.sigmoid(
        beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    )
    return p * (1 - p)


@dpo_gradient_weight.mistake(
    "σ(m) σ(−m) is the slope of the sigmoid: the logarithm was not differentiated, which divides "
    "by σ(m)"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return torch.sigmoid(m) * torch.sigmoid(-m)


@dpo_gradient_weight.mistake(
    "the slope with its sign, and exp(−m) overflows: the weight is its size, σ(−m)"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -torch.exp(-m) / (1 + torch.exp(-m))


@dpo_gradient_weight.mistake("exp(−m) overflows where the pair is far in the wrong order: σ(−m)")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return torch.exp(-m) / (1 + torch.exp(-m))


@dpo_gradient_weight.mistake("divided by the number of pairs: the expectation does that")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return torch.sigmoid(-beta * m) / len(m)


@dpo_gradient_weight.right("by torch's own gradient of the loss with respect to the margin")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    m = m.detach().requires_grad_()
    return torch.autograd.grad(F.logsigmoid(m).sum(), m)[0]


@dpo_gradient_weight.right("by softmax over the two rewards")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    rewards = torch.stack([policy_chosen - ref_chosen, policy_rejected - ref_rejected], -1)
    return (beta * rewards).softmax(-1)[:, 1]


@dpo_gradient_weight.right("by exp")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return 1 / (1 + torch.exp(beta * m))
