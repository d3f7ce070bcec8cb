"""How `best_of_n_kl` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.overoptimization.exercises import best_of_n_kl
from utils.grading import expect, require


@best_of_n_kl.check
def best_of_one_goes_nowhere(fn):
    expect(fn(torch.tensor(1.0)), torch.tensor(0.0))


@best_of_n_kl.check
def it_is_the_integral(fn):
    # The proxy's quantile of the best of n has density n uⁿ⁻¹; at the start it is uniform.
    u = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    for n in (2, 3, 10):
        p = n * u ** (n - 1)
        expect(fn(torch.tensor(float(n))), (p * p.log()).mean().float(), n=n, tol=1e-4)


@best_of_n_kl.check
def many_equal_chances_come_close_from_below(fn):
    # Best of n among 4,000 outcomes of equal chance: the maximum has P(rank ≤ i) = (i / 4000)ⁿ.
    edge = torch.arange(4001, dtype=torch.float64) / 4000
    for n in (2, 16, 64):
        p = edge[1:] ** n - edge[:-1] ** n
        exact = (torch.xlogy(p, p) + p * math.log(4000)).sum().item()
        got = float(fn(torch.tensor(float(n))))
        require(exact <= got + 1e-4 and got - exact < 1e-2, f"just above {exact:.4f}", got, n=n)


@best_of_n_kl.check
def whole_numbers_of_any_size_and_shape(fn):
    n = torch.tensor([[1, 2], [4, 1_000_000]])
    nats = [[math.log(x) - (x - 1) / x for x in row] for row in n.tolist()]
    expect(fn(n), torch.tensor(nats), tol=1e-4)


@best_of_n_kl.mistake("log n alone: what it costs to say which of the n it was, not the KL")
def _(n):
    return torch.log(n)


@best_of_n_kl.mistake("the second term is added instead of subtracted")
def _(n):
    return torch.log(n) + (n - 1) / n


@best_of_n_kl.mistake("measured in bits, where nats were asked for")
def _(n):
    return torch.log2(n) - (n - 1) / n / math.log(2)


@best_of_n_kl.mistake("the other direction, KL(start ‖ best-of-n)")
def _(n):
    return (n - 1) - torch.log(n)


@best_of_n_kl.mistake("log n − 1: true only for large n, and not 0 at n = 1")
def _(n):
    return torch.log(n) - 1


@best_of_n_kl.mistake("the entropy of the best quantile: its sign is the other way round")
def _(n):
    return (n - 1) / n - torch.log(n)


@best_of_n_kl.mistake("the fraction is upside down: n / (n − 1), infinite at n = 1")
def _(n):
    return torch.log(n) - n / (n - 1)


@best_of_n_kl.mistake("n / (n + 1) where (n − 1) / n belongs")
def _(n):
    return torch.log(n) - n / (n + 1)


@best_of_n_kl.mistake("log2 for the natural logarithm, in the first term")
def _(n):
    return torch.log2(n) - (n - 1) / n


@best_of_n_kl.mistake("the square root was taken already: that is the distance d, not the KL")
def _(n):
    return (torch.log(n) - (n - 1) / n).clamp(min=0).sqrt()


@best_of_n_kl.right("by log1p, the terms collected")
def _(n):
    return torch.log1p(n - 1) + 1 / n - 1


@best_of_n_kl.right("by the entropy of the best quantile, a Beta(n, 1) variable")
def _(n):
    best = torch.distributions.Beta(n.double(), torch.ones(n.shape, dtype=torch.float64))
    return -best.entropy().to(n.dtype if n.is_floating_point() else torch.float32)
