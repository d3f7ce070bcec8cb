"""How `kl_gradient_weight` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.verifiable_rewards.checks.shared import (
    draws,
    exact_gradient,
    expected_push,
    policies,
)
from lessons.verifiable_rewards.exercises import kl_gradient_weight
from utils.grading import expect, require

KS = ("k1", "k2", "k3")


def _ks(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return {"k1": -log_r, "k2": log_r**2 / 2, "k3": log_r.exp() - 1 - log_r}


@kl_gradient_weight.check
def at_the_reference_only_k1_as_a_loss_pushes(fn):
    zeros = torch.zeros(2)
    for place in ("reward", "loss"):
        for k in KS:
            wanted = torch.ones(2) if (k, place) == ("k1", "loss") else torch.zeros(2)
            expect(fn(zeros - 1, zeros - 1, k, place), wanted)


@kl_gradient_weight.check
def in_the_reward_it_is_the_estimate_itself(fn):
    new, ref = draws(0, 5), draws(1, 5)
    for k in KS:
        expect(fn(new, ref, k, "reward"), _ks(new, ref)[k], tol=1e-6)


@kl_gradient_weight.check
def as_a_loss_it_is_what_autograd_gives(fn):
    for shape in ((4,), (2, 3)):
        new, ref = draws(2, *shape).requires_grad_(), draws(3, *shape)
        for k in KS:
            (wanted,) = torch.autograd.grad(_ks(new, ref)[k].sum(), new)
            expect(fn(new.detach(), ref, k, "loss"), wanted, tol=1e-6)


@kl_gradient_weight.check
def k1_in_the_reward_and_k2_as_a_loss_are_the_gradient_of_kl(fn):
    logits, ref = draws(4, 6), policies(5)[1]
    wanted = exact_gradient(lambda p: (p.exp() * (p - ref)).sum(), logits)
    logprobs = logits.log_softmax(0)
    for k, place in (("k1", "reward"), ("k2", "loss")):
        got = fn(logprobs, ref, k, place)
        require(torch.is_tensor(got) and got.shape == (6,), "shape (6,)", got)
        expect(expected_push(got, logprobs), wanted, tol=1e-5, estimator=k, place=place)


@kl_gradient_weight.check
def k3_as_a_loss_is_the_gradient_of_the_other_kl(fn):
    logits, ref = draws(6, 6), policies(7)[1]
    wanted = exact_gradient(lambda p: (ref.exp() * (ref - p)).sum(), logits)
    logprobs = logits.log_softmax(0)
    got = fn(logprobs, ref, "k3", "loss")
    require(torch.is_tensor(got) and got.shape == (6,), "shape (6,)", got)
    expect(expected_push(got, logprobs), wanted, tol=1e-5)


@kl_gradient_weight.check
def nothing_flows_through_it(fn):
    new, ref = draws(8, 3).requires_grad_(), draws(9, 3)
    for k in KS:
        for place in ("reward", "loss"):
            got = fn(new, ref, k, place)
            require(torch.is_tensor(got) and not got.requires_grad, "a constant", got)


def _mistake(text, **ways):
    """Plant other weights under names such as k3_loss; the others are right."""

    @kl_gradient_weight.mistake(text)
    def _(logprobs, ref_logprobs, estimator, place):
        way = ways.get(f"{estimator}_{place}")
        if way is None:
            return kl_gradient_weight.reference(logprobs, ref_logprobs, estimator, place)
        return way((ref_logprobs - logprobs).detach())


def _value(k):
    return {"k1": lambda x: -x, "k2": lambda x: x**2 / 2, "k3": lambda x: x.exp() - 1 - x}[k]


_mistake(
    "as a loss the estimate is differentiated: its value was handed back, as in the reward",
    **{f"{k}_loss": _value(k) for k in KS},
)
_mistake(
    "in the reward the estimate is a constant: it was differentiated, as a loss is",
    k1_reward=torch.ones_like, k2_reward=lambda x: -x, k3_reward=lambda x: 1 - x.exp(),
)  # fmt: skip
_mistake(
    "r and its inverse are swapped: r is the reference over the policy",
    k1_reward=lambda x: x, k2_loss=lambda x: x, k3_loss=lambda x: 1 - (-x).exp(),
    k3_reward=lambda x: (-x).exp() - 1 + x,
)  # fmt: skip
_mistake(
    "the sign of a reward: a cost in a loss that is minimized has a plus",
    k1_reward=lambda x: x,
    k2_reward=lambda x: -(x**2) / 2,
    k3_reward=lambda x: x + 1 - x.exp(),
)
_mistake(
    "k1 as a loss is called 0: its mean is, but each sample pushes by 1",
    k1_loss=torch.zeros_like,
)
_mistake(
    "k3 as a loss is taken for k1 in the reward: unbiased in value, not in gradient",
    k3_loss=lambda x: -x,
)
_mistake("the slope of k3 lost its 1: −r", k3_loss=lambda x: -x.exp())
_mistake("k3's slope is in r, not in log π: 1 − 1/r", k3_loss=lambda x: 1 - (-x).exp())
_mistake("the sign of k3's slope: log π stands below the line in r", k3_loss=lambda x: x.exp() - 1)
_mistake("the sign of k2's slope: d log r / d log π = −1", k2_loss=lambda x: x)
_mistake("a half too much: the slope of x² / 2 is x", k2_loss=lambda x: -x / 2)


_mistake("the sign of k1 as a loss: d(−log r) / d log π = 1", k1_loss=lambda x: -torch.ones_like(x))
_mistake(
    "as a loss the samples are held fixed: the value was added to the slope",
    k1_loss=lambda x: 1 - x,
    k2_loss=lambda x: x**2 / 2 - x,
    k3_loss=lambda x: -x,
)


@kl_gradient_weight.mistake("the weight carries a graph: detach it, or it is differentiated twice")
def _(logprobs, ref_logprobs, estimator, place):
    log_r = ref_logprobs - logprobs
    slope = {"k1": torch.ones_like(log_r), "k2": -log_r, "k3": 1 - log_r.exp()}
    return (_ks(logprobs, ref_logprobs) if place == "reward" else slope)[estimator]


@kl_gradient_weight.right("by autograd")
def _(logprobs, ref_logprobs, estimator, place):
    x = logprobs.detach().clone().requires_grad_()
    value = _ks(x, ref_logprobs.detach())[estimator]
    if place == "reward":
        return value.detach()
    return torch.autograd.grad(value.sum(), x)[0]


@kl_gradient_weight.right("by cases")
def _(logprobs, ref_logprobs, estimator, place):
    with torch.no_grad():
        d = logprobs - ref_logprobs
        if place == "reward":
            return d if estimator == "k1" else d.square() / 2 if estimator == "k2" else (
                torch.expm1(-d) + d
            )  # fmt: skip
        if estimator == "k1":
            return d * 0 + 1
        return d.clone() if estimator == "k2" else -torch.expm1(-d)
