"""How `balancing_gradient` is judged: checks, mistakes, right answers."""

import torch

from lessons.mixture_of_experts.checks.shared import logits_without_ties, loss_by_hand
from lessons.mixture_of_experts.drills import balancing_gradient
from utils.grading import expect


def parts(logits, chosen):
    f = torch.bincount(chosen.flatten(), minlength=logits.shape[-1]) / chosen.numel()
    return f, logits.softmax(-1), logits.shape


def numerically(logits, chosen, h=1e-4):
    """Differences of the loss, which is itself summed in loops: its choices are held fixed."""
    grad, wide = torch.zeros_like(logits), logits.double()
    for t in range(len(logits)):
        for i in range(logits.shape[1]):
            step = torch.zeros_like(wide)
            step[t, i] = h
            up = loss_by_hand((wide + step).softmax(-1), chosen)
            down = loss_by_hand((wide - step).softmax(-1), chosen)
            grad[t, i] = (up - down) / (2 * h)
    return grad


@balancing_gradient.check
def an_even_load_asks_for_nothing(fn):
    expect(fn(torch.zeros(2, 2), torch.tensor([[0], [1]])), torch.zeros(2, 2))


@balancing_gradient.check
def one_token_two_experts(fn):
    expect(fn(torch.zeros(1, 2), torch.tensor([[0]])), torch.tensor([[0.5, -0.5]]))


@balancing_gradient.check
def it_is_the_slope_of_the_loss(fn):
    for n_tokens, n, k in ((2, 3, 1), (4, 2, 1), (3, 5, 2)):
        logits = logits_without_ties(n_tokens, n, seed=n)
        chosen = logits.topk(k, dim=-1).indices
        expect(fn(logits, chosen), numerically(logits, chosen), tol=1e-4)


@balancing_gradient.check
def choices_that_are_not_the_largest_logits(fn):
    logits = logits_without_ties(4, 3, seed=9)
    chosen = torch.tensor([[0], [0], [0], [2]])
    expect(fn(logits, chosen), numerically(logits, chosen), tol=1e-4)


@balancing_gradient.check
def the_logits_of_a_token_are_pushed_by_nothing_in_sum(fn):
    logits = logits_without_ties(6, 4, seed=4)
    chosen = torch.tensor([[0], [0], [1], [0], [3], [0]])
    expect(fn(logits, chosen).sum(-1), torch.zeros(6))
    expect(fn(logits, chosen), numerically(logits, chosen), tol=1e-4)


@balancing_gradient.mistake("the mean over tokens is forgotten: T times too large")
def _(logits, chosen):
    return balancing_gradient(logits, chosen) * len(logits)


@balancing_gradient.mistake("the factor N is forgotten")
def _(logits, chosen):
    return balancing_gradient(logits, chosen) / logits.shape[1]


@balancing_gradient.mistake("the sign: the way down, where the slope was asked for")
def _(logits, chosen):
    return -balancing_gradient(logits, chosen)


@balancing_gradient.mistake("the slope by p, not by the logit: the softmax was not differentiated")
def _(logits, chosen):
    f, _, (t, n) = parts(logits, chosen)
    return (n / t * f).expand(t, n).contiguous()


@balancing_gradient.mistake("only the diagonal of the softmax's derivative, p (1 − p)")
def _(logits, chosen):
    f, p, (t, n) = parts(logits, chosen)
    return n / t * p * (1 - p) * f


@balancing_gradient.mistake("1/N in the place of the token's own mean Σ p f")
def _(logits, chosen):
    f, p, (t, n) = parts(logits, chosen)
    return n / t * p * (f - 1 / n)


@balancing_gradient.mistake("the mean over the batch, Σ P f, in the place of the token's own")
def _(logits, chosen):
    f, p, (t, n) = parts(logits, chosen)
    return n / t * p * (f - (p.mean(0) * f).sum())


@balancing_gradient.mistake("the factor p is missing")
def _(logits, chosen):
    f, p, (t, n) = parts(logits, chosen)
    return n / t * (f - (p * f).sum(-1, keepdim=True))


@balancing_gradient.mistake("f is divided by the tokens: k times too large")
def _(logits, chosen):
    return balancing_gradient(logits, chosen) * chosen.shape[1]


@balancing_gradient.mistake("chosen is ignored: f is that of the largest logits")
def _(logits, chosen):
    return balancing_gradient(logits, logits.topk(chosen.shape[1]).indices)


@balancing_gradient.right("by autograd")
def _(logits, chosen):
    logits = logits.detach().clone().requires_grad_()
    f, p, (_, n) = parts(logits, chosen)
    (n * (f * p.mean(0)).sum()).backward()
    return logits.grad


@balancing_gradient.right("by the softmax's Jacobian, token by token")
def _(logits, chosen):
    f, p, (t, n) = parts(logits, chosen)
    return torch.stack([(torch.diag(row) - torch.outer(row, row)) @ f * n / t for row in p])
