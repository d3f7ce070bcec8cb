"""How `dpo_loss` is judged: checks, mistakes, right answers in other styles."""

import math

import torch
import torch.nn.functional as F

from lessons.dpo.checks.shared import (
    expect_both,
    gradients,
    log_sigmoid,
    margin_in_nats,
    margins_by_hand,
    of_margin,
    one_number,
    random_pairs,
    sigmoid,
)
from lessons.dpo.exercises import dpo_loss
from utils.grading import expect, require


def _dpo_by_hand(inputs, beta, eps=0.0):
    m = [beta * x for x in margins_by_hand(*inputs)]
    terms = [-(1 - eps) * log_sigmoid(x) - eps * log_sigmoid(-x) for x in m]
    return sum(terms) / len(terms)


@dpo_loss.check
def at_the_start_every_pair_costs_log_two(fn):
    for n in (1, 3):
        a, b, *_ = random_pairs(0, n)
        for beta in (0.1, 5.0):
            expect(one_number(fn(a, b, a.clone(), b.clone(), beta)), torch.tensor(math.log(2)))


@dpo_loss.check
def one_pair_of_known_margin(fn):
    for margin in (1.0, -1.0, 3.0):
        inputs = of_margin(margin)
        expect(fn(*inputs, 1.0), torch.tensor(-log_sigmoid(margin)))
        expect(fn(*inputs, 0.5), torch.tensor(-log_sigmoid(0.5 * margin)))


@dpo_loss.check
def each_of_the_four_has_its_sign(fn):
    for which, sign in enumerate((1, -1, -1, 1)):
        inputs = [torch.zeros(1) for _ in range(4)]
        inputs[which] = torch.tensor([1.5])
        expect(fn(*inputs, 2.0), torch.tensor(-log_sigmoid(3.0 * sign)))


@dpo_loss.check
def it_is_the_mean_written_out(fn):
    for n, beta in ((2, 0.1), (5, 0.5), (7, 2.0)):
        inputs = random_pairs(n, n)
        expect(fn(*inputs, beta), torch.tensor(_dpo_by_hand(inputs, beta)))


@dpo_loss.check
def smoothing_by_hand(fn):
    expect(fn(*of_margin(2.0), 1.0, 0.0), torch.tensor(-log_sigmoid(2.0)))
    even = torch.tensor(-(log_sigmoid(2.0) + log_sigmoid(-2.0)) / 2)
    expect(fn(*of_margin(2.0), 1.0, 0.5), even)
    for eps in (0.1, 0.3):
        inputs = random_pairs(20, 6)
        expect(fn(*inputs, 0.5, label_smoothing=eps), torch.tensor(_dpo_by_hand(inputs, 0.5, eps)))


@dpo_loss.check
def smoothing_wants_the_margin_whose_odds_are_those_of_a_right_label(fn):
    for eps in (0.1, 0.25, 0.4):
        best = math.log((1 - eps) / eps)  # there σ(m) = 1 − ε
        inputs = of_margin(best)
        grads = gradients(fn, inputs, 1.0, label_smoothing=eps)
        require(grads[0] is not None, "a gradient for policy_chosen", grads[0])
        names = ("policy_chosen", "policy_rejected", "ref_chosen", "ref_rejected")
        given = {**dict(zip(names, inputs, strict=True)), "beta": 1.0, "label_smoothing": eps}
        given["shown below"] = "the gradient of the loss with respect to policy_chosen"
        expect(grads[0], torch.zeros(1), **given)


@dpo_loss.check
def gradients_are_those_of_the_formula(fn):
    for eps in (0.0, 0.2):
        inputs, beta = random_pairs(3, 4), 0.7
        weights = [sigmoid(-beta * m) - eps for m in margins_by_hand(*inputs)]
        wanted = torch.tensor([-beta * w / 4 for w in weights])
        grads = gradients(fn, inputs, beta, label_smoothing=eps)
        expect_both(grads, wanted)


@dpo_loss.check
def extreme_margins_stay_finite(fn):
    expect(fn(*of_margin(-1000.0), 1.0), torch.tensor(1000.0))
    expect(fn(*of_margin(1000.0), 1.0), torch.tensor(0.0))
    expect(fn(*of_margin(1000.0), 1.0, 0.5), torch.tensor(500.0))
    grads = gradients(fn, of_margin(-1000.0), 1.0)
    expect(grads[0], torch.tensor([-1.0]))


@dpo_loss.check
def float64_stays_float64(fn):
    inputs = random_pairs(5, 3, torch.float64)
    got = fn(*inputs, 0.3)
    require(torch.is_tensor(got) and got.dtype == torch.float64, "float64 from float64", got)
    expect(got, torch.tensor(_dpo_by_hand(inputs, 0.3), dtype=torch.float64), tol=1e-10)


def _smoothed(margin, eps):
    return -((1 - eps) * F.logsigmoid(margin) + eps * F.logsigmoid(-margin)).mean()


@dpo_loss.mistake(
    "chosen and rejected are swapped, or ε and 1 − ε: the loss falls when the policy is wrong"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed(-beta * m, label_smoothing)


@dpo_loss.mistake("the reference is missing: then nothing holds the policy near it")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    return _smoothed(beta * (policy_chosen - policy_rejected), label_smoothing)


@dpo_loss.mistake("the reference's margin is added instead of subtracted")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = (policy_chosen - policy_rejected) + (ref_chosen - ref_rejected)
    return _smoothed(beta * m, label_smoothing)


@dpo_loss.mistake("beta stands outside the sigmoid: it scales the loss, not the margin")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return beta * _smoothed(m, label_smoothing)


@dpo_loss.mistake("the margin is divided by beta")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed(m / beta, label_smoothing)


@dpo_loss.mistake("log(sigmoid(x)) is minus infinity where logsigmoid is finite")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    right = (1 - label_smoothing) * torch.sigmoid(m).log()
    if label_smoothing:
        right = right + label_smoothing * torch.sigmoid(-m).log()
    return -right.mean()


@dpo_loss.mistake("summed over pairs, where the mean was asked for")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed(beta * m, label_smoothing) * m.numel()


@dpo_loss.mistake("margins are averaged before the sigmoid: one easy pair then hides a hard one")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed(beta * m.mean(), label_smoothing)


@dpo_loss.mistake("label smoothing on the wrong side: ε weighs the label as given")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    eps = 1 - label_smoothing if label_smoothing else 0.0
    return _smoothed(beta * m, eps)


@dpo_loss.mistake("label smoothing is ignored")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed(beta * m, 0.0)


@dpo_loss.mistake("the flipped term is subtracted: that is robust DPO without its divisor 1 − 2ε")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    right, flipped = F.logsigmoid(m), F.logsigmoid(-m)
    return -((1 - label_smoothing) * right - label_smoothing * flipped).mean()


@dpo_loss.mistake("the rejected answer is detached: it is never pushed down")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected.detach(), ref_chosen, ref_rejected)
    return _smoothed(beta * m, label_smoothing)


@dpo_loss.mistake("the minus is missing: a log-likelihood, which falls as the policy unlearns")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -_smoothed(beta * m, label_smoothing)


@dpo_loss.mistake("beta twice: implicit rewards have it already")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed(beta * beta * m, label_smoothing)


@dpo_loss.mistake(
    "ε/2 for the flipped order: F.cross_entropy smooths so, towards an even label. Here ε is its "
    "whole chance"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed(beta * m, label_smoothing / 2)


@dpo_loss.mistake(
    "smoothing inside the logarithm: that is the loss of the mixed probability, and the mean of "
    "the two losses was asked for"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    right, flipped = torch.sigmoid(m), torch.sigmoid(-m)
    return -((1 - label_smoothing) * right + label_smoothing * flipped).log().mean()


@dpo_loss.mistake(
    "smoothing inside the sigmoid: (1 − 2ε) scales the margin, where ε should weigh the two losses"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed((1 - 2 * label_smoothing) * beta * m, 0.0)


@dpo_loss.mistake(
    "smoothing inside the sigmoid: (1 − ε) scales the margin, where ε should weigh the two losses"
)
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return _smoothed((1 - label_smoothing) * beta * m, 0.0)


@dpo_loss.mistake("only the label as given is weighed, by 1 − ε: the flipped order is left out")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return (1 - label_smoothing) * _smoothed(beta * m, 0.0)


@dpo_loss.mistake("one loss per pair: the mean over pairs is missing")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return -(1 - label_smoothing) * F.logsigmoid(m) - label_smoothing * F.logsigmoid(-m)


@dpo_loss.right("by cross-entropy with a soft label")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = beta * margin_in_nats(policy_chosen, policy_rejected, ref_chosen, ref_rejected)
    return F.binary_cross_entropy_with_logits(m, torch.full_like(m, 1 - label_smoothing))


@dpo_loss.right("by cross-entropy over the two orders, whose own smoothing wants twice ε")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    rewards = [policy_chosen - ref_chosen, policy_rejected - ref_rejected]
    first = torch.zeros(len(policy_chosen), dtype=torch.long)
    scores = beta * torch.stack(rewards, -1)
    return F.cross_entropy(scores, first, label_smoothing=2 * label_smoothing)


@dpo_loss.right("by a loop over pairs, and log(1 + exp) of two numbers")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    total, zero = 0.0, torch.zeros_like(policy_chosen[0])
    pairs = list(zip(policy_chosen, policy_rejected, ref_chosen, ref_rejected, strict=True))
    for a, b, c, d in pairs:
        m = beta * (a - b - c + d)
        total = total + (1 - label_smoothing) * torch.logaddexp(zero, -m)
        total = total + label_smoothing * torch.logaddexp(zero, m)
    return total / len(pairs)


@dpo_loss.right("by softplus, the flipped term as what it lacks: −log σ(−m) = m − log σ(m)")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta, label_smoothing=0.0):
    m = beta * (policy_chosen - policy_rejected) - beta * (ref_chosen - ref_rejected)
    return torch.mean(F.softplus(-m) + label_smoothing * m)
