"""How `expected_best_of_n` is judged: checks, mistakes, right answers."""

import itertools
import math

import torch

from lessons.overoptimization.exercises import best_of_n, expected_best_of_n
from utils.grading import expect, require


@expected_best_of_n.check
def two_samples(fn):
    gold, proxy = torch.tensor([1.0, 4.0]), torch.tensor([0.5, -0.5])
    for n, truth in ((1, 2.5), (2, 1.0)):
        expect(fn(gold, proxy, n), torch.tensor(truth).double())


@expected_best_of_n.check
def it_is_the_mean_over_every_subset(fn):
    g = torch.Generator().manual_seed(0)
    for size in (3, 5, 8):
        gold, proxy = torch.randn(size, generator=g), torch.randn(size, generator=g)
        for n in range(1, size + 1):
            subsets = list(itertools.combinations(range(size), n))
            best = [gold[max(s, key=lambda i: proxy[i].item())].item() for s in subsets]
            expect(fn(gold, proxy, n), torch.tensor(sum(best) / len(best)).double())


@expected_best_of_n.check
def the_order_of_the_pool_does_not_matter(fn):
    g = torch.Generator().manual_seed(1)
    gold, proxy = torch.randn(50, generator=g), torch.randn(50, generator=g)
    mixed = torch.randperm(50, generator=g)
    a, b = fn(gold, proxy, 7), fn(gold[mixed], proxy[mixed], 7)
    require(torch.is_tensor(a) and a.shape == (), "a scalar tensor", a)
    expect(b, a, tol=1e-5)


@expected_best_of_n.check
def a_large_pool_has_a_closed_form(fn):
    # Of n whole numbers from 1 … N drawn without replacement the largest is n (N + 1) / (n + 1) on
    # average. With C(N, n) beyond any float, overflow shows here.
    N = 3000
    ranks = torch.arange(1, N + 1, dtype=torch.float64)
    for n in (1, 2, 100, 1000, N):
        truth = torch.tensor(n * (N + 1) / (n + 1), dtype=torch.float64)
        expect(fn(ranks, ranks * 0.01 - 7, n), truth, n=n, tol=1e-5)
        expect(fn(ranks, -ranks, n), N + 1 - truth, n=n, tol=1e-5)


@expected_best_of_n.check
def gold_the_same_everywhere_stays_so(fn):
    for n in (1, 10, 500):
        proxy = torch.randn(1000, generator=torch.Generator().manual_seed(2))
        expect(fn(torch.full((1000,), -3.0), proxy, n), torch.tensor(-3.0).double())


@expected_best_of_n.mistake("drawn with replacement: the same sample may be drawn twice")
def _(gold, proxy, n):
    edge = torch.arange(len(gold) + 1, dtype=torch.float64) / len(gold)
    return (edge[1:] ** n - edge[:-1] ** n) @ gold[proxy.argsort()].double()


@expected_best_of_n.mistake("sorted by gold: nobody who has only the proxy can choose so")
def _(gold, proxy, n):
    return expected_best_of_n(gold, gold, n)


@expected_best_of_n.mistake("sorted the wrong way round: the worst of n")
def _(gold, proxy, n):
    return expected_best_of_n(gold, -proxy, n)


@expected_best_of_n.mistake("off by one: C(i, n) where C(i − 1, n − 1) belongs")
def _(gold, proxy, n):
    i = torch.arange(n, len(gold) + 1, dtype=torch.float64)
    ways = torch.lgamma(i + 1) - torch.lgamma(i - n + 1)
    return ways.softmax(0) @ gold[proxy.argsort()].double()[n - 1 :]


@expected_best_of_n.mistake("off by one: C(i, n − 1) where C(i − 1, n − 1) belongs")
def _(gold, proxy, n):
    i = torch.arange(n, len(gold) + 1, dtype=torch.float64)
    ways = torch.lgamma(i + 1) - torch.lgamma(i - n + 2)
    return ways.softmax(0) @ gold[proxy.argsort()].double()[n - 1 :]


@expected_best_of_n.mistake("the binomials overflow: work with their logarithms")
def _(gold, proxy, n):
    i = torch.arange(n, len(gold) + 1, dtype=torch.float64)
    ways = (torch.lgamma(i) - torch.lgamma(i - n + 1)).exp()
    return (ways / ways.sum()) @ gold[proxy.argsort()].double()[n - 1 :]


@expected_best_of_n.mistake(
    "the logarithms are in float32: of numbers in the thousands little is left"
)
def _(gold, proxy, n):
    below = torch.arange(n - 1, len(gold), dtype=torch.float32)
    log_ways = torch.lgamma(below + 1) - torch.lgamma(below - n + 2)
    return log_ways.double().softmax(0) @ gold[proxy.argsort()].double()[n - 1 :]


@expected_best_of_n.mistake("the weights lack their common factor: they do not add up to 1")
def _(gold, proxy, n):
    below = torch.arange(n - 1, len(gold), dtype=torch.float64)
    log_ways = torch.lgamma(below + 1) - torch.lgamma(below - n + 2)
    return log_ways.exp() @ gold[proxy.argsort()].double()[n - 1 :]


@expected_best_of_n.mistake("the mean of the top N / n: all of them count alike")
def _(gold, proxy, n):
    top = max(1, len(gold) // n)
    return gold[proxy.argsort(descending=True)[:top]].double().mean()


@expected_best_of_n.mistake("the pool's proxy is averaged, not its gold")
def _(gold, proxy, n):
    return expected_best_of_n(proxy, proxy, n)


@expected_best_of_n.mistake("the pool was cut into groups of n: one draw of many, a noisy estimate")
def _(gold, proxy, n):
    return best_of_n(gold, proxy, n).double().mean()


@expected_best_of_n.right("by ratios of neighboring weights, from the top down")
def _(gold, proxy, n):
    size = len(gold)
    rank = torch.arange(size, n, -1, dtype=torch.float64)
    falls = torch.cumprod((rank - n) / (rank - 1), 0)
    weights = n / size * torch.cat([torch.ones(1, dtype=torch.float64), falls])
    return (weights * gold[proxy.argsort(descending=True)].double()[: len(weights)]).sum()


@expected_best_of_n.right("by a loop, counting draws in whole numbers")
def _(gold, proxy, n):
    ranked = sorted(zip(proxy.tolist(), gold.tolist(), strict=True))
    total, ways, draws = 0.0, 1, math.comb(len(ranked), n)
    for below in range(n - 1, len(ranked)):  # ways is C(below, n - 1)
        total += ways / draws * ranked[below][1]
        ways = ways * (below + 1) // (below + 2 - n)
    return torch.tensor(total, dtype=torch.float64)
