"""How `constrained_weight` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.fine_tuning.drills import constrained_weight
from utils.grading import expect, require


def _loss(logprob, safe_logprob, beta):
    """−(2/β) log σ(β (log π − log π_safe)), for any size."""
    x = beta * (logprob - safe_logprob)
    return 2 / beta * (max(-x, 0.0) + math.log1p(math.exp(-abs(x))))


def _slope(logprob, safe_logprob, beta, h=1e-5):
    up, down = (_loss(logprob + s * h, safe_logprob, beta) for s in (1, -1))
    return -(up - down) / (2 * h)


@constrained_weight.check
def at_the_start_it_is_plain_fine_tuning(fn):
    for logprob, beta in ((-1.0, 0.1), (-8.0, 0.5), (-3.0, 2.0)):
        expect(fn(logprob, logprob, beta), 1.0)


@constrained_weight.check
def it_is_the_slope_found_by_brute_force(fn):
    for logprob in (-0.1, -2.0, -6.5):
        for safe_logprob in (-7.5, -3.0, -0.2):
            for beta in (0.1, 0.5, 2.0):
                want = _slope(logprob, safe_logprob, beta)
                expect(fn(logprob, safe_logprob, beta), want, 1e-4)


@constrained_weight.check
def it_falls_with_what_was_gained_and_stays_between_0_and_2(fn):
    for beta in (0.5, 2.0):
        found = [float(fn(x - 8.0, -8.0, beta)) for x in (-6.0, -3.0, 0.0, 1.0, 4.0, 8.0)]
        falls = found == sorted(found, reverse=True)
        require(falls and min(found) >= 0 and max(found) <= 2, "falling, within 0 and 2", found)


def _sigmoid(x):
    return 1 / (1 + math.exp(-x))


@constrained_weight.mistake("the sign inside the sigmoid: it grows with what was gained")
def _(logprob, safe_logprob, beta):
    return 2 * _sigmoid(beta * (logprob - safe_logprob))


@constrained_weight.mistake("the 2 is lost: plain fine-tuning has weight 1")
def _(logprob, safe_logprob, beta):
    return _sigmoid(-beta * (logprob - safe_logprob))


@constrained_weight.mistake("2/β is still there: the inner derivative β cancels it")
def _(logprob, safe_logprob, beta):
    return 2 / beta * _sigmoid(-beta * (logprob - safe_logprob))


@constrained_weight.mistake("β stays in front, as in DPO: here 2/β cancels it")
def _(logprob, safe_logprob, beta):
    return 2 * beta * _sigmoid(-beta * (logprob - safe_logprob))


@constrained_weight.mistake("the derivative of σ, not of log σ")
def _(logprob, safe_logprob, beta):
    s = _sigmoid(beta * (logprob - safe_logprob))
    return 2 * s * (1 - s)


@constrained_weight.mistake("β is lost inside the sigmoid")
def _(logprob, safe_logprob, beta):
    return 2 * _sigmoid(safe_logprob - logprob)


@constrained_weight.mistake("the safe model is left out")
def _(logprob, safe_logprob, beta):
    return 2 * _sigmoid(-beta * logprob)


@constrained_weight.mistake("the sign: the gradient has a minus in front, the weight has not")
def _(logprob, safe_logprob, beta):
    return -2 * _sigmoid(-beta * (logprob - safe_logprob))


@constrained_weight.mistake("2 exp(−βx): that is what it comes near to once x is large")
def _(logprob, safe_logprob, beta):
    return 2 * math.exp(-beta * (logprob - safe_logprob))


@constrained_weight.mistake("the loss itself, not its slope")
def _(logprob, safe_logprob, beta):
    return _loss(logprob, safe_logprob, beta)


@constrained_weight.right("by powers of the two probabilities")
def _(logprob, safe_logprob, beta):
    now, before = math.exp(beta * logprob), math.exp(beta * safe_logprob)
    return 2 * before / (before + now)


@constrained_weight.right("by autograd")
def _(logprob, safe_logprob, beta):
    x = torch.tensor(float(logprob), dtype=torch.float64, requires_grad=True)
    loss = -2 / beta * torch.nn.functional.logsigmoid(beta * (x - safe_logprob))
    return -torch.autograd.grad(loss, x)[0].item()
