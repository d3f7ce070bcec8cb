"""How `clip_higher` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.verifiable_rewards.checks.shared import draws, token_objective
from lessons.verifiable_rewards.exercises import clip_higher
from utils.grading import expect, require


def _one(fn, ratio, advantage, low=0.2, high=0.28):
    logs = torch.tensor([math.log(ratio)], dtype=torch.float64)
    return fn(logs, torch.zeros_like(logs), torch.tensor(advantage).double(), low, high)


@clip_higher.check
def where_nothing_moved_it_is_the_advantage(fn):
    for advantage in (1.0, -2.0):
        expect(_one(fn, 1.0, advantage), torch.tensor([advantage]).double())


@clip_higher.check
def a_token_that_rose_and_should_is_cut_at_the_upper_bound(fn):
    expect(_one(fn, 2.0, 1.0), torch.tensor([1.28]).double())
    expect(_one(fn, 1.25, 1.0), torch.tensor([1.25]).double())


@clip_higher.check
def a_token_that_fell_and_should_is_cut_at_the_lower_bound(fn):
    expect(_one(fn, 0.5, -1.0), torch.tensor([-0.8]).double())
    expect(_one(fn, 0.75, -1.0), torch.tensor([-0.8]).double())


@clip_higher.check
def what_moved_the_wrong_way_is_never_cut(fn):
    expect(_one(fn, 0.5, 1.0), torch.tensor([0.5]).double())
    expect(_one(fn, 3.0, -1.0), torch.tensor([-3.0]).double())


@clip_higher.check
def each_token_has_its_answers_advantage(fn):
    for seed, shape in enumerate([(2, 3), (3, 3), (2, 3, 4), (1, 5)]):
        new, old, advantages = draws(seed, *shape), draws(seed + 9, *shape), draws(7, *shape[:-1])
        spread = advantages[..., None].expand(shape)
        numbers = (x.flatten().tolist() for x in (new - old, spread))
        flat = [token_objective(x, a, 0.1, 0.4) for x, a in zip(*numbers, strict=True)]
        wanted = torch.tensor(flat).double().view(shape)
        expect(fn(new, old, advantages, 0.1, 0.4), wanted, tol=1e-5)


@clip_higher.check
def gradients_flow_through_logprobs_alone_and_stop_at_the_clip(fn):
    new = torch.tensor([0.0, 1.0, -1.0, 1.0], dtype=torch.float64, requires_grad=True)
    old = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    advantage = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    got = fn(new, old, advantage, 0.2, 0.28)
    require(torch.is_tensor(got) and got.requires_grad, "a graph to logprobs", got)
    grads = torch.autograd.grad(got.sum(), (new, old, advantage), allow_unused=True)
    wanted = torch.tensor([1.0, 0.0, math.exp(-1), 0.0]).double()
    require(grads[0] is not None, "a gradient for logprobs", grads[0])
    expect(grads[0], wanted, tol=1e-4)
    for grad, name in zip(grads[1:], ("old_logprobs", "advantages"), strict=True):
        require(grad is None or not bool(grad.any()), f"no gradient for {name}", grad)


def _ratio(logprobs, old_logprobs):
    return (logprobs - old_logprobs.detach()).exp()


@clip_higher.mistake("one bound for both sides: `high` is ignored")
def _(logprobs, old_logprobs, advantages, low, high):
    r, a = _ratio(logprobs, old_logprobs), advantages.detach()[..., None]
    return torch.minimum(r * a, r.clamp(1 - low, 1 + low) * a)


@clip_higher.mistake("one bound for both sides: `low` is ignored")
def _(logprobs, old_logprobs, advantages, low, high):
    r, a = _ratio(logprobs, old_logprobs), advantages.detach()[..., None]
    return torch.minimum(r * a, r.clamp(1 - high, 1 + high) * a)


@clip_higher.mistake("low and high are swapped")
def _(logprobs, old_logprobs, advantages, low, high):
    r, a = _ratio(logprobs, old_logprobs), advantages.detach()[..., None]
    return torch.minimum(r * a, r.clamp(1 - high, 1 + low) * a)


@clip_higher.mistake("the larger of the two, where the smaller was asked for")
def _(logprobs, old_logprobs, advantages, low, high):
    r, a = _ratio(logprobs, old_logprobs), advantages.detach()[..., None]
    return torch.maximum(r * a, r.clamp(1 - low, 1 + high) * a)


@clip_higher.mistake("only the clipped term: what moved the wrong way gets no gradient back")
def _(logprobs, old_logprobs, advantages, low, high):
    r, a = _ratio(logprobs, old_logprobs), advantages.detach()[..., None]
    return r.clamp(1 - low, 1 + high) * a


@clip_higher.mistake("clamped between low and high: the bounds are 1 − low and 1 + high")
def _(logprobs, old_logprobs, advantages, low, high):
    r, a = _ratio(logprobs, old_logprobs), advantages.detach()[..., None]
    return torch.minimum(r * a, r.clamp(low, high) * a)


@clip_higher.mistake("the ratio of whole answers: logs are summed over tokens, before exp")
def _(logprobs, old_logprobs, advantages, low, high):
    whole = (logprobs - old_logprobs.detach()).sum(-1, keepdim=True).exp()
    r, a = whole.expand_as(logprobs), advantages.detach()[..., None]
    return torch.minimum(r * a, r.clamp(1 - low, 1 + high) * a)


@clip_higher.mistake("there is no clip")
def _(logprobs, old_logprobs, advantages, low, high):
    return _ratio(logprobs, old_logprobs) * advantages.detach()[..., None]


@clip_higher.mistake("the sign is turned: an objective was asked for, not a loss")
def _(logprobs, old_logprobs, advantages, low, high):
    return -clip_higher.reference(logprobs, old_logprobs, advantages, low, high)


@clip_higher.mistake("the ratio is upside down: π over π_old")
def _(logprobs, old_logprobs, advantages, low, high):
    r, a = (old_logprobs.detach() - logprobs).exp(), advantages.detach()[..., None]
    return torch.minimum(r * a, r.clamp(1 - low, 1 + high) * a)


@clip_higher.mistake("the log-ratio stands where the ratio should: exp is missing")
def _(logprobs, old_logprobs, advantages, low, high):
    r, a = logprobs - old_logprobs.detach(), advantages.detach()[..., None]
    return torch.minimum(r * a, r.clamp(1 - low, 1 + high) * a)


@clip_higher.mistake(
    "the minimum of ratio and clipped ratio, before the advantage: its sign matters"
)
def _(logprobs, old_logprobs, advantages, low, high):
    r, a = _ratio(logprobs, old_logprobs), advantages.detach()[..., None]
    return torch.minimum(r, r.clamp(1 - low, 1 + high)) * a


@clip_higher.mistake("gradients flow through the old policy, too: they cancel")
def _(logprobs, old_logprobs, advantages, low, high):
    r, a = (logprobs - old_logprobs).exp(), advantages[..., None]
    return torch.minimum(r * a, r.clamp(1 - low, 1 + high) * a)


@clip_higher.mistake("the mean over tokens: one number a token was asked for")
def _(logprobs, old_logprobs, advantages, low, high):
    return clip_higher.reference(logprobs, old_logprobs, advantages, low, high).mean(-1)


@clip_higher.mistake(
    "advantages are spread over the wrong dimension: one an answer, a last one added"
)
def _(logprobs, old_logprobs, advantages, low, high):
    r, a = _ratio(logprobs, old_logprobs), advantages.detach()
    return torch.minimum(r * a, r.clamp(1 - low, 1 + high) * a)


@clip_higher.right("by cases of the advantage's sign")
def _(logprobs, old_logprobs, advantages, low, high):
    ratio = torch.exp(logprobs - old_logprobs.detach())
    a = advantages.detach().unsqueeze(-1)
    return torch.where(a > 0, ratio.clamp(max=1 + high), ratio.clamp(min=1 - low)) * a


@clip_higher.right("by torch.min and torch.clip, the old policy under no_grad")
def _(logprobs, old_logprobs, advantages, low, high):
    with torch.no_grad():
        old, a = old_logprobs + 0, advantages[..., None] + 0
    ratio = torch.exp(logprobs) / torch.exp(old)
    return torch.min(ratio * a, torch.clip(ratio, 1 - low, 1 + high) * a)
