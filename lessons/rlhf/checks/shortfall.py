"""How `shortfall` is judged: checks, mistakes, right answers."""

import functools
import math

import torch
from scipy import optimize

from lessons.rlhf.drills import shortfall
from utils.grading import expect, require


def _objective(logprobs, reward, ref_logprobs, beta):
    """Expected reward less beta per nat of KL, as defined."""
    return (logprobs.exp() * (reward - beta * (logprobs - ref_logprobs))).sum(-1)


@functools.cache
def _case(seed, n, beta):
    """A policy, rewards, a reference, and the largest objective that an ascent on it finds."""
    g = torch.Generator().manual_seed(seed)
    a, reward, b = torch.randn(3, n, generator=g, dtype=torch.float64)
    logprobs, ref = a.log_softmax(0), b.log_softmax(0)

    def loss(at):
        scores = torch.tensor(at, requires_grad=True)
        value = -_objective(scores.log_softmax(0), reward, ref, beta)
        return value.item(), torch.autograd.grad(value, scores)[0].numpy()

    # By scipy: the first optimizer of torch in a process takes two seconds to import.
    found = optimize.minimize(loss, ref.numpy(), jac=True, options={"gtol": 1e-9})
    return logprobs, reward, ref, -found.fun, torch.tensor(found.x).log_softmax(0)


@functools.cache
def _most_of_two(reward, p_ref, beta):
    """The largest objective among 40,001 policies over two answers."""
    p = torch.linspace(-20, 20, 40_001, dtype=torch.float64).sigmoid()
    every = torch.stack([p, 1 - p], 1).log()
    ref = torch.tensor([p_ref, 1 - p_ref], dtype=torch.float64).log()
    return _objective(every, torch.tensor(reward, dtype=torch.float64), ref, beta).max().item()


@shortfall.check
def two_answers_and_every_policy_on_a_fine_grid(fn):
    ref = torch.tensor([0.3, 0.7], dtype=torch.float64).log()
    for reward in ((1.0, 0.0), (-0.5, 2.0)):
        r = torch.tensor(reward, dtype=torch.float64)
        for beta in (0.2, 1.0, 3.0):
            for p in (0.1, 0.5, 0.95):
                logprobs = torch.tensor([p, 1 - p], dtype=torch.float64).log()
                here = _objective(logprobs, r, ref, beta).item()
                expect(fn(logprobs, r, ref, beta), _most_of_two(reward, 0.3, beta) - here, tol=1e-4)


@shortfall.check
def without_rewards_the_reference_is_the_best(fn):
    ref = torch.tensor([0.3, 0.7]).log()
    expect(fn(ref, torch.zeros(2), ref, 1.0), torch.tensor(0.0))


@shortfall.check
def several_answers_and_an_ascent_on_the_objective(fn):
    for seed, (n, beta) in enumerate(((3, 1.0), (5, 0.3), (5, 2.0), (8, 0.7))):
        logprobs, reward, ref, most, _ = _case(seed, n, beta)
        want = most - _objective(logprobs, reward, ref, beta).item()
        expect(fn(logprobs, reward, ref, beta), want, tol=1e-4)


@shortfall.check
def the_reference_itself_falls_short_too(fn):
    for seed, (n, beta) in enumerate(((3, 0.5), (6, 1.5))):
        _, reward, ref, most, _ = _case(seed, n, beta)
        want = most - _objective(ref, reward, ref, beta).item()
        expect(fn(ref.clone(), reward, ref, beta), want, tol=1e-4)


@shortfall.check
def the_best_policy_misses_nothing(fn):
    for seed, (n, beta) in enumerate(((3, 1.0), (5, 0.3))):
        _, reward, ref, _, best = _case(seed, n, beta)
        expect(fn(best, reward, ref, beta), 0.0, tol=1e-4)


@shortfall.check
def with_one_reward_for_all_only_the_distance_costs(fn):
    policy, ref = torch.tensor([0.8, 0.2]).double(), torch.tensor([0.5, 0.5]).double()
    kl = 0.8 * math.log(0.8 / 0.5) + 0.2 * math.log(0.2 / 0.5)
    for c in (0.0, 7.0, -3.0):
        for beta in (0.1, 1.0, 10.0):
            got = fn(policy.log(), torch.full((2,), c).double(), ref.log(), beta)
            expect(got, beta * kl, tol=1e-4)


@shortfall.check
def nobody_is_above_the_maximum(fn):
    g = torch.Generator().manual_seed(9)
    for _ in range(20):
        a, reward, b = torch.randn(3, 4, generator=g, dtype=torch.float64)
        got = float(fn(a.log_softmax(0), reward, b.log_softmax(0), 0.8))
        require(got >= -1e-9, "0 or more", got)


def _log_best(reward, ref_logprobs, beta):
    return (ref_logprobs + reward / beta).log_softmax(0)


def _kl(p, q):
    return (p.exp() * (p - q)).sum()


@shortfall.mistake("beta in front is lost: that is the KL in nats, not its price")
def _(logprobs, reward, ref_logprobs, beta):
    return _kl(logprobs, _log_best(reward, ref_logprobs, beta))


@shortfall.mistake("the KL is taken the other way round, from the best policy to this one")
def _(logprobs, reward, ref_logprobs, beta):
    return beta * _kl(_log_best(reward, ref_logprobs, beta), logprobs)


@shortfall.mistake("Z is forgotten: what is left is the objective with its sign turned")
def _(logprobs, reward, ref_logprobs, beta):
    return beta * _kl(logprobs, ref_logprobs + reward / beta)


@shortfall.mistake("the reward is multiplied by beta in the exponent, not divided")
def _(logprobs, reward, ref_logprobs, beta):
    return beta * _kl(logprobs, _log_best(reward * beta**2, ref_logprobs, beta))


@shortfall.mistake("the distance to the reference, where that to the best policy was asked for")
def _(logprobs, reward, ref_logprobs, beta):
    return beta * _kl(logprobs, ref_logprobs)


@shortfall.mistake("the best policy is taken for the best answer, as if distance were free")
def _(logprobs, reward, ref_logprobs, beta):
    return reward.max() - _objective(logprobs, reward, ref_logprobs, beta)


@shortfall.mistake("the reference drops out of the best policy, which is exp(r/β) alone")
def _(logprobs, reward, ref_logprobs, beta):
    return beta * _kl(logprobs, _log_best(reward, 0 * ref_logprobs, beta))


@shortfall.mistake("log Z without its factor beta")
def _(logprobs, reward, ref_logprobs, beta):
    log_z = torch.logsumexp(ref_logprobs + reward / beta, 0)
    return log_z - _objective(logprobs, reward, ref_logprobs, beta)


@shortfall.right("by the maximum, β log Z, less what the policy reaches")
def _(logprobs, reward, ref_logprobs, beta):
    highest = beta * torch.logsumexp(ref_logprobs + reward / beta, -1)
    p = logprobs.exp()
    return highest - (p @ reward - beta * (p @ (logprobs - ref_logprobs)))


@shortfall.right("by torch's own KL divergence")
def _(logprobs, reward, ref_logprobs, beta):
    best = (ref_logprobs + reward / beta).log_softmax(0)
    kl = torch.nn.functional.kl_div(best, logprobs, reduction="sum", log_target=True)
    return beta * kl
