"""How `implicit_reward` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.dpo.exercises import implicit_reward
from utils.grading import expect, require


@implicit_reward.check
def the_reference_itself_implies_no_reward(fn):
    x = torch.tensor([-3.0, -800.0])
    expect(fn(x, x.clone(), 0.5), torch.zeros(2))


@implicit_reward.check
def twice_as_likely_is_worth_beta_log_two(fn):
    p, q = torch.tensor([0.5]), torch.tensor([0.25])
    expect(fn(p.log(), q.log(), 1.0), torch.tensor([math.log(2)]))
    expect(fn(p.log(), q.log(), 0.1), torch.tensor([0.1 * math.log(2)]))
    expect(fn(q.log(), p.log(), 2.0), torch.tensor([-2 * math.log(2)]))


@implicit_reward.check
def it_gives_the_reward_back_from_the_optimal_policy(fn):
    reward = torch.tensor([1.0, -0.5, 2.0])
    ref = torch.tensor([0.6, 0.3, 0.1])
    for beta in (0.3, 1.0, 4.0):
        weight = ref * (reward / beta).exp()
        got = fn((weight / weight.sum()).log(), ref.log(), beta)
        require(torch.is_tensor(got) and got.shape == (3,), "shape (3,)", got)
        expect(got - got[0], reward - reward[0], tol=1e-4)


@implicit_reward.check
def any_shape_and_any_size_will_do(fn):
    a, b = torch.full((2, 3, 4), -1000.0), torch.full((2, 3, 4), -400.0)
    expect(fn(a, b, 0.5), torch.full((2, 3, 4), -300.0))
    expect(fn(torch.tensor(-1.0), torch.tensor(-2.0), 3.0), torch.tensor(3.0))


@implicit_reward.check
def it_can_be_learned_from(fn):
    x, ref = torch.tensor([-1.0, -2.0, -3.0], requires_grad=True), torch.full((3,), -1.5)
    reward = fn(x, ref, 0.25)
    require(torch.is_tensor(reward) and reward.requires_grad, "gradients reach logprobs", reward)
    reward.sum().backward()
    given = {"logprobs": x.detach(), "ref_logprobs": ref, "beta": 0.25}
    given["shown below"] = "the gradient of the sum of rewards with respect to logprobs"
    expect(x.grad, torch.full((3,), 0.25), **given)


@implicit_reward.check
def precision_is_kept(fn):
    x, y = torch.tensor([-1.0], dtype=torch.float64), torch.tensor([-1.1], dtype=torch.float64)
    got = fn(x, y, 1.0)
    require(torch.is_tensor(got) and got.dtype == torch.float64, "float64 from float64", got)
    expect(got, torch.tensor([0.1], dtype=torch.float64), tol=1e-12)


@implicit_reward.mistake("the reference is missing: an answer that was likely anyway gets a reward")
def _(logprobs, ref_logprobs, beta):
    return beta * logprobs


@implicit_reward.mistake("policy and reference are swapped: the sign is wrong")
def _(logprobs, ref_logprobs, beta):
    return beta * (ref_logprobs - logprobs)


@implicit_reward.mistake("divided by beta: that belongs inside exp(r/β), not here")
def _(logprobs, ref_logprobs, beta):
    return (logprobs - ref_logprobs) / beta


@implicit_reward.mistake("beta is ignored")
def _(logprobs, ref_logprobs, beta):
    return logprobs - ref_logprobs


@implicit_reward.mistake("the ratio of probabilities, without the logarithm")
def _(logprobs, ref_logprobs, beta):
    return beta * (logprobs - ref_logprobs).exp()


@implicit_reward.mistake("a ratio of log-probabilities is not the log of a ratio")
def _(logprobs, ref_logprobs, beta):
    return beta * (logprobs / ref_logprobs)


@implicit_reward.mistake("log(p / q) by way of p and q: long answers underflow to 0/0")
def _(logprobs, ref_logprobs, beta):
    return beta * (logprobs.exp() / ref_logprobs.exp()).log()


@implicit_reward.mistake("only the reference gets beta")
def _(logprobs, ref_logprobs, beta):
    return logprobs - beta * ref_logprobs


@implicit_reward.mistake("the log of a ratio of log-probabilities: the ratio is of probabilities")
def _(logprobs, ref_logprobs, beta):
    return beta * (logprobs / ref_logprobs).log()


@implicit_reward.mistake("centered: what is the same for every answer is left out, not subtracted")
def _(logprobs, ref_logprobs, beta):
    reward = beta * (logprobs - ref_logprobs)
    return reward - reward.mean()


@implicit_reward.mistake("averaged: each answer has a reward of its own")
def _(logprobs, ref_logprobs, beta):
    return (beta * (logprobs - ref_logprobs)).mean()


@implicit_reward.right("by one product per logarithm")
def _(logprobs, ref_logprobs, beta):
    return beta * logprobs - beta * ref_logprobs


@implicit_reward.right("by a loop over answers")
def _(logprobs, ref_logprobs, beta):
    both = zip(logprobs.flatten(), ref_logprobs.flatten(), strict=True)
    return torch.stack([(p - q) * beta for p, q in both]).reshape(logprobs.shape)
