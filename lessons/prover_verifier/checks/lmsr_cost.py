"""How `lmsr_cost` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.prover_verifier.checks.shared import numbers
from lessons.prover_verifier.exercises import lmsr_cost
from utils.grading import expect, require


def by_hand(row, b):
    """The formula as it stands, for shares of moderate size."""
    return b * math.log(sum(math.exp(q / b) for q in row))


@lmsr_cost.check
def nobody_has_bought(fn):
    for n, b in ((2, 1.0), (10, 1.0), (10, 3.0)):
        expect(fn(torch.zeros(n), b), torch.tensor(b * math.log(n)))


@lmsr_cost.check
def two_outcomes_by_hand(fn):
    expect(fn(torch.tensor([1.0, 0.0]), 1.0), torch.tensor(math.log(math.e + 1)))
    expect(fn(torch.tensor([2.0, 0.0]), 2.0), torch.tensor(2 * math.log(math.e + 1)))
    expect(fn(torch.tensor([0.0, 2.0]), 0.5), torch.tensor(0.5 * math.log(1 + math.exp(4))))


@lmsr_cost.check
def a_share_of_everything_costs_one(fn):
    shares = numbers(0, 5)
    expect(fn(shares + 1, 0.7) - fn(shares, 0.7), torch.tensor(1.0, dtype=torch.float64))


@lmsr_cost.check
def of_any_shape(fn):
    for shape, b in (((3, 4), 1.5), ((2, 3, 5), 0.5), ((4, 4), 2.0)):
        shares = numbers(len(shape), *shape)
        rows = [by_hand(row, b) for row in shares.reshape(-1, shape[-1]).tolist()]
        expect(fn(shares, b), torch.tensor(rows, dtype=torch.float64).reshape(shape[:-1]))


@lmsr_cost.check
def finite_for_any_number_of_shares(fn):
    for sign in (1.0, -1.0):
        got = fn(torch.tensor([[1000.0 * sign, 1000.0 * sign]]), 1.0)
        expect(got, torch.tensor([1000.0 * sign + math.log(2)]))
    expect(fn(torch.tensor([5000.0, 0.0]), 0.5), torch.tensor(5000.0))
    two = torch.tensor([[0.0, 0.0], [1000.0, 1000.0]])
    expect(fn(two, 1.0), torch.tensor([0.0, 1000.0]) + math.log(2))


@lmsr_cost.check
def a_gradient_passes_and_the_input_stays(fn):
    shares = torch.tensor([0.0, math.log(3)], dtype=torch.float64, requires_grad=True)
    got = fn(shares, 1.0)
    require(torch.is_tensor(got) and got.requires_grad, "a cost that gradients pass through", got)
    (slope,) = torch.autograd.grad(got, shares)
    expect(slope, torch.tensor([0.25, 0.75], dtype=torch.float64))
    plain = numbers(9, 2, 3)
    before = plain.clone()
    fn(plain, 1.0)
    expect(plain, before)


def _mistake(description, answer):
    lmsr_cost.mistake(description)(answer)


_mistake("exp overflows for many shares: use logsumexp",
         lambda q, b: b * (q / b).exp().sum(-1).log())  # fmt: skip
_mistake("b does not multiply the result", lambda q, b: torch.logsumexp(q / b, -1))
_mistake("the shares are not divided by b", lambda q, b: b * torch.logsumexp(q, -1))
_mistake("b is ignored", lambda q, b: torch.logsumexp(q, -1))
_mistake("multiplied by b inside, divided by it outside",
         lambda q, b: torch.logsumexp(q * b, -1) / b)  # fmt: skip
_mistake("a mean of exponentials instead of a sum",
         lambda q, b: b * (torch.logsumexp(q / b, -1) - math.log(q.shape[-1])))  # fmt: skip
_mistake(
    "over the first dimension: outcomes are the last", lambda q, b: b * torch.logsumexp(q / b, 0)
)
_mistake("over all markets at once",
         lambda q, b: b * torch.logsumexp((q / b).flatten(), 0))  # fmt: skip
_mistake("the sign is turned", lambda q, b: -b * torch.logsumexp(q / b, -1))
_mistake("the largest number of shares: only close to it when one leads",
         lambda q, b: q.amax(-1))  # fmt: skip
_mistake("without the logarithm", lambda q, b: b * (q / b).exp().sum(-1))
_mistake("in bits instead of nats",
         lambda q, b: b * torch.logsumexp(q / b, -1) / math.log(2))  # fmt: skip
_mistake("the last dimension is kept", lambda q, b: b * torch.logsumexp(q / b, -1, keepdim=True))
_mistake("the largest is taken out and not put back",
         lambda q, b: b * torch.logsumexp((q - q.amax(-1, keepdim=True)) / b, -1))  # fmt: skip
_mistake("the largest of all markets is taken out: each market has its own",
         lambda q, b: q.max() + b * ((q - q.max()) / b).exp().sum(-1).log())  # fmt: skip
_mistake("detached: no gradient passes", lambda q, b: b * torch.logsumexp(q.detach() / b, -1))


@lmsr_cost.mistake("changes the shares in place")
def _(shares, b):
    with torch.no_grad():
        shares /= b
    return b * torch.logsumexp(shares, -1)


@lmsr_cost.right("with the largest taken out by hand")
def _(shares, b):
    most = shares.max(dim=-1).values
    return most + b * ((shares - most[..., None]) / b).exp().sum(-1).log()


@lmsr_cost.right("outcome by outcome, by logaddexp")
def _(shares, b):
    total = shares[..., 0] / b
    for i in range(1, shares.shape[-1]):
        total = torch.logaddexp(total, shares[..., i] / b)
    return b * total
