"""How `best_of_n` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.overoptimization.exercises import best_of_n
from utils.grading import expect, require


@best_of_n.check
def two_samples_one_group(fn):
    expect(fn(torch.tensor([5, 9]), torch.tensor([0.1, 0.2]), 2), torch.tensor([9]))
    expect(fn(torch.tensor([5, 9]), torch.tensor([0.2, 0.1]), 2), torch.tensor([5]))


@best_of_n.check
def best_of_one_is_the_sample_itself(fn):
    samples = torch.tensor([3, 1, 2])
    expect(fn(samples, torch.tensor([-1.0, 5.0, 0.0]), 1), samples.clone())


@best_of_n.check
def rewards_may_be_negative_or_huge(fn):
    samples, reward = torch.tensor([7, 8, 9, 6]), torch.tensor([-3.0, -1.0, -1000.0, -2000.0])
    expect(fn(samples, reward, 2), torch.tensor([8, 9]))
    expect(fn(samples, torch.tensor([1000.0, -math.inf, -5.0, 5.0]), 2), torch.tensor([7, 6]))


@best_of_n.check
def groups_are_consecutive_and_a_rest_is_left_out(fn):
    samples = torch.tensor([10, 11, 12, 13, 14, 15, 16])
    reward = torch.tensor([0.3, 0.1, 0.2, 0.4, 0.6, 0.5, 9.0])
    expect(fn(samples, reward, 3), torch.tensor([10, 14]))
    expect(fn(samples, reward, 2), torch.tensor([10, 13, 14]))


@best_of_n.check
def each_groups_winner_by_hand(fn):
    g = torch.Generator().manual_seed(0)
    for shape in ((24,), (24, 5), (24, 3, 2)):
        samples = torch.randint(8, shape, generator=g)
        reward = torch.randn(24, generator=g, dtype=torch.float64)
        for n in (2, 3, 5, 24):
            rows = []
            for start in range(0, 24 - n + 1, n):
                best = start
                for i in range(start, start + n):
                    if reward[i] > reward[best]:
                        best = i
                rows.append(samples[best])
            expect(fn(samples, reward, n), torch.stack(rows))


@best_of_n.check
def samples_keep_their_type(fn):
    got = fn(torch.tensor([[1, 2], [3, 4]]), torch.tensor([0.0, 1.0]), 2)
    kind = got.dtype if torch.is_tensor(got) else type(got)
    require(kind == torch.int64, "a tensor of int64, as the samples are", kind)


@best_of_n.mistake("keeps the worst: argmin for argmax")
def _(samples, proxy_reward, n):
    k = len(samples) // n
    winner = proxy_reward[: k * n].reshape(k, n).argmin(1)
    return samples[torch.arange(k) * n + winner]


@best_of_n.mistake("the winner's place in its group is used as its place among all samples")
def _(samples, proxy_reward, n):
    k = len(samples) // n
    return samples[proxy_reward[: k * n].reshape(k, n).argmax(1)]


@best_of_n.mistake("the best samples of the whole pool, instead of one from each group")
def _(samples, proxy_reward, n):
    return samples[proxy_reward.topk(len(samples) // n).indices]


@best_of_n.mistake("groups of every k-th sample instead of n consecutive ones")
def _(samples, proxy_reward, n):
    k = len(samples) // n
    winner = proxy_reward[: k * n].reshape(n, k).argmax(0)
    return samples[winner * k + torch.arange(k)]


@best_of_n.mistake("the winning rewards are returned, not the samples")
def _(samples, proxy_reward, n):
    k = len(samples) // n
    return proxy_reward[: k * n].reshape(k, n).amax(1)


@best_of_n.mistake("compares absolute values: a very bad sample wins")
def _(samples, proxy_reward, n):
    k = len(samples) // n
    winner = proxy_reward[: k * n].reshape(k, n).abs().argmax(1)
    return samples[torch.arange(k) * n + winner]


@best_of_n.mistake("a last group of fewer than n counts as well")
def _(samples, proxy_reward, n):
    groups = zip(samples.split(n), proxy_reward.split(n), strict=True)
    return torch.stack([s[r.argmax()] for s, r in groups])


@best_of_n.right("by a loop over groups")
def _(samples, proxy_reward, n):
    winners = []
    for first in range(0, len(samples) - n + 1, n):
        group = slice(first, first + n)
        winners.append(samples[group][proxy_reward[group].argmax()])
    return torch.stack(winners)


@best_of_n.right("by unfolding, a mask of the winners")
def _(samples, proxy_reward, n):
    rewards = proxy_reward.unfold(0, n, n)
    wins = torch.arange(n) == rewards.max(1, keepdim=True).indices
    return samples[: rewards.numel()][wins.flatten()]
