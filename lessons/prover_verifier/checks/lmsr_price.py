"""How `lmsr_price` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.prover_verifier.checks.shared import numbers
from lessons.prover_verifier.exercises import lmsr_price
from utils.grading import expect, require


def cost(row, b):
    return b * math.log(sum(math.exp(q / b) for q in row))


@lmsr_price.check
def at_first_all_cost_the_same(fn):
    expect(fn(torch.zeros(4), 1.0), torch.full((4,), 0.25))


@lmsr_price.check
def two_outcomes_by_hand(fn):
    expect(fn(torch.tensor([math.log(3), 0.0]), 1.0), torch.tensor([0.75, 0.25]))
    expect(fn(torch.tensor([0.0, 2 * math.log(4)]), 2.0), torch.tensor([0.2, 0.8]))


@lmsr_price.check
def what_the_next_tiny_share_costs(fn):
    for seed, b in ((0, 1.0), (1, 0.5), (2, 3.0)):
        row, tiny = numbers(seed, 5).tolist(), 1e-6
        slopes = []
        for i in range(5):
            up, down = ([q + sign * tiny * (i == j) for j, q in enumerate(row)] for sign in (1, -1))
            slopes.append((cost(up, b) - cost(down, b)) / (2 * tiny))
        wanted = torch.tensor(slopes, dtype=torch.float64)
        expect(fn(torch.tensor(row, dtype=torch.float64), b), wanted)


@lmsr_price.check
def prices_of_each_market_sum_to_one(fn):
    for shape in ((3, 4), (2, 3, 5), (4, 4)):
        shares = 3 * numbers(len(shape), *shape)
        got = fn(shares, 2.0)
        require(torch.is_tensor(got) and got.shape == shares.shape, f"shape {shape}", got)
        expect(got.sum(-1), torch.ones(shape[:-1], dtype=torch.float64))
        single = fn(shares.reshape(-1, shape[-1])[0], 2.0)
        expect(got.reshape(-1, shape[-1])[0], single)


@lmsr_price.check
def finite_for_any_number_of_shares(fn):
    expect(fn(torch.tensor([1000.0, 1000.0]), 1.0), torch.tensor([0.5, 0.5]))
    expect(fn(torch.tensor([-1000.0, -1000.0]), 1.0), torch.tensor([0.5, 0.5]))
    expect(fn(torch.tensor([5000.0, 0.0]), 0.5), torch.tensor([1.0, 0.0]))
    expect(fn(torch.tensor([[0.0, 0.0], [1000.0, 1000.0]]), 1.0), torch.full((2, 2), 0.5))


@lmsr_price.check
def the_input_is_left_as_it_is(fn):
    shares = numbers(9, 2, 3)
    before = shares.clone()
    fn(shares, 2.0)
    expect(shares, before)


def _mistake(description, answer):
    lmsr_price.mistake(description)(answer)


_mistake("b is ignored", lambda shares, b: torch.softmax(shares, -1))
_mistake("multiplied by b instead of divided", lambda shares, b: torch.softmax(shares * b, -1))
_mistake("b times the price: the b of the cost and the 1/b of the exponent cancel",
         lambda shares, b: b * torch.softmax(shares / b, -1))  # fmt: skip
_mistake("divided by b: the b of the cost and the 1/b of the exponent cancel",
         lambda shares, b: torch.softmax(shares / b, -1) / b)  # fmt: skip
_mistake("over the first dimension: outcomes are the last",
         lambda shares, b: torch.softmax(shares / b, 0))  # fmt: skip
_mistake("exp overflows for many shares: use softmax",
         lambda q, b: (q / b).exp() / (q / b).exp().sum(-1, keepdim=True))  # fmt: skip
_mistake("shares over all shares: that is no slope of the cost",
         lambda shares, b: shares / shares.sum(-1, keepdim=True))  # fmt: skip
_mistake("not divided by the sum of all", lambda shares, b: (shares / b).exp())
_mistake("the logarithm of the price", lambda shares, b: torch.log_softmax(shares / b, -1))
_mistake("the sign is turned: what is bought gets cheaper",
         lambda shares, b: torch.softmax(-shares / b, -1))  # fmt: skip
_mistake("each outcome on its own: prices do not sum to 1",
         lambda shares, b: torch.sigmoid(shares / b))  # fmt: skip


def _one_largest(q, b):
    raised = ((q - q.max()) / b).exp()
    return raised / raised.sum(-1, keepdim=True)


_mistake("the largest of all markets is taken out: each market has its own", _one_largest)
_mistake("the same price for all", lambda shares, b: torch.full_like(shares, 1 / shares.shape[-1]))
_mistake("over all markets at once",
         lambda shares, b: torch.softmax((shares / b).flatten(), 0).view(shares.shape))  # fmt: skip
_mistake("the price of a whole further share instead of a tiny one", lambda shares, b: torch.stack(
    [b * (torch.logsumexp((shares + torch.eye(shares.shape[-1], dtype=shares.dtype)[i]) / b, -1)
          - torch.logsumexp(shares / b, -1)) for i in range(shares.shape[-1])], -1))  # fmt: skip


@lmsr_price.mistake("changes the shares in place")
def _(shares, b):
    shares /= b
    return torch.softmax(shares, -1)


@lmsr_price.right("with the largest taken out by hand")
def _(shares, b):
    raised = ((shares - shares.amax(-1, keepdim=True)) / b).exp()
    return raised / raised.sum(-1, keepdim=True)


@lmsr_price.right("by autograd, from the cost")
def _(shares, b):
    q = shares.detach().clone().requires_grad_()
    (price,) = torch.autograd.grad((b * torch.logsumexp(q / b, -1)).sum(), q)
    return price


@lmsr_price.right("by the log of each price")
def _(shares, b):
    return (shares / b - torch.logsumexp(shares / b, -1, keepdim=True)).exp()
