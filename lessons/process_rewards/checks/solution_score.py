"""How `solution_score` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.process_rewards.exercises import solution_score
from utils.grading import expect

WAYS = ("product", "minimum", "last")


def _by_hand(chances, how):
    p = {"product": math.prod(chances), "minimum": min(chances), "last": chances[-1]}[how]
    return math.log(p)


@solution_score.check
def a_single_step_is_the_solution(fn):
    for how in WAYS:
        got = fn(torch.tensor([[-0.7]]), torch.tensor([[True]]), how)
        expect(got, torch.tensor([-0.7]))


@solution_score.check
def three_chances_by_hand(fn):
    for chances in ([0.5, 0.8, 0.9], [0.9, 0.2, 0.7]):
        logs = torch.tensor([chances]).log()
        for how in WAYS:
            expect(fn(logs, torch.ones(1, 3).bool(), how), torch.tensor([_by_hand(chances, how)]))


@solution_score.check
def padding_changes_nothing(fn):
    logs = torch.tensor([[0.5, 0.8, 0.9]]).log()
    for pad in (0.0, -50.0, -math.inf, 3.0):
        padded = torch.cat([logs, torch.full((1, 2), pad)], 1)
        real = torch.tensor([[True, True, True, False, False]])
        for how in WAYS:
            wanted = _by_hand([0.5, 0.8, 0.9], how)
            expect(fn(padded, real, how), torch.tensor([wanted]))


@solution_score.check
def solutions_of_several_lengths_side_by_side(fn):
    g = torch.Generator().manual_seed(0)
    chances = torch.rand(4, 5, generator=g, dtype=torch.float64) * 0.9 + 0.05
    lengths = [1, 5, 3, 4]
    real = torch.arange(5) < torch.tensor(lengths)[:, None]
    for how in WAYS:
        wanted = [_by_hand(row[:n], how) for row, n in zip(chances.tolist(), lengths, strict=True)]
        expect(fn(chances.log(), real, how), torch.tensor(wanted, dtype=torch.float64))


@solution_score.check
def any_dimensions_in_front(fn):
    g = torch.Generator().manual_seed(1)
    logs = -torch.rand(2, 3, 4, generator=g)
    real = (torch.arange(4) < torch.tensor([2, 4, 3])[:, None]).expand(2, 3, 4)
    for how in WAYS:
        flat = fn(logs.view(6, 4), real.reshape(6, 4), how)
        expect(fn(logs, real, how), flat.view(2, 3))


def _score(step_logprobs, real, how, pad_sum=0.0, pad_min=math.inf):
    if how == "product":
        return torch.where(real, step_logprobs, pad_sum).sum(-1)
    if how == "minimum":
        return torch.where(real, step_logprobs, pad_min).amin(-1)
    return step_logprobs.gather(-1, real.sum(-1, keepdim=True) - 1).squeeze(-1)


@solution_score.mistake("padded steps are counted as if they were real")
def _(step_logprobs, real, how):
    return _score(step_logprobs, torch.ones_like(real), how)


@solution_score.mistake("the product of the logarithms: the logarithm of a product is a sum")
def _(step_logprobs, real, how):
    if how == "product":
        return torch.where(real, step_logprobs, 1.0).prod(-1)
    return _score(step_logprobs, real, how)


@solution_score.mistake("the mean of the steps, not their sum: long solutions cost nothing")
def _(step_logprobs, real, how):
    total = _score(step_logprobs, real, how)
    return total / real.sum(-1) if how == "product" else total


@solution_score.mistake("padding is multiplied by 0: in a minimum of log-probabilities 0 is fine, "
                        "but infinity times 0 is nan")  # fmt: skip
def _(step_logprobs, real, how):
    masked = step_logprobs * real
    if how == "product":
        return masked.sum(-1)
    return masked.amin(-1) if how == "minimum" else _score(step_logprobs, real, how)


@solution_score.mistake("the largest step instead of the smallest")
def _(step_logprobs, real, how):
    if how == "minimum":
        return torch.where(real, step_logprobs, -torch.inf).amax(-1)
    return _score(step_logprobs, real, how)


@solution_score.mistake("the last column, which may be padding")
def _(step_logprobs, real, how):
    return step_logprobs[..., -1] if how == "last" else _score(step_logprobs, real, how)


@solution_score.mistake("one step too far: the last of n real steps stands at n − 1")
def _(step_logprobs, real, how):
    if how != "last":
        return _score(step_logprobs, real, how)
    place = real.sum(-1, keepdim=True).clamp(max=real.shape[-1] - 1)
    return step_logprobs.gather(-1, place).squeeze(-1)


@solution_score.mistake("chances come back, where log-probabilities were asked for")
def _(step_logprobs, real, how):
    return _score(step_logprobs, real, how).exp()


@solution_score.mistake("how is ignored: always the product")
def _(step_logprobs, real, how):
    return _score(step_logprobs, real, "product")


@solution_score.mistake("the minimum is padded with −inf, which is always the smallest")
def _(step_logprobs, real, how):
    return _score(step_logprobs, real, how, pad_min=-math.inf)


@solution_score.mistake("in the product padded steps are counted as if they were real")
def _(step_logprobs, real, how):
    return step_logprobs.sum(-1) if how == "product" else _score(step_logprobs, real, how)


@solution_score.right("a minimum padded with 0: no log-probability is above it")
def _(step_logprobs, real, how):
    return _score(step_logprobs, real, how, pad_min=0.0)


@solution_score.right("by a loop over solutions")
def _(step_logprobs, real, how):
    flat, mask = (
        step_logprobs.reshape(-1, step_logprobs.shape[-1]),
        real.reshape(-1, real.shape[-1]),
    )
    found = []
    for row, there in zip(flat, mask, strict=True):
        steps = row[there]
        found.append({"product": steps.sum(), "minimum": steps.min(), "last": steps[-1]}[how])
    return torch.stack(found).view(step_logprobs.shape[:-1])


@solution_score.right("by masked_fill and indexing")
def _(step_logprobs, real, how):
    if how == "product":
        return step_logprobs.masked_fill(~real, 0.0).sum(dim=-1)
    if how == "minimum":
        return step_logprobs.masked_fill(~real, float("inf")).min(dim=-1).values
    position = torch.arange(real.shape[-1])
    last = (position == real.sum(-1, keepdim=True) - 1) & real
    return torch.where(last, step_logprobs, torch.zeros_like(step_logprobs)).sum(-1)
