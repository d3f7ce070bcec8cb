"""How `pair_loss` is judged: checks, mistakes, right answers in other styles."""

import functools
import math

import torch
from scipy import optimize

from lessons.dpo.drills import pair_loss
from utils.grading import expect, require


@functools.cache
def _world(seed, n, beta):
    """Rewards and a reference over n answers, and the best policy, found by ascent alone."""
    g = torch.Generator().manual_seed(seed)
    reward, scores = torch.randn(2, n, generator=g, dtype=torch.float64)
    ref = scores.log_softmax(0)

    def loss(at):
        free = torch.tensor(at, requires_grad=True)
        logprobs = free.log_softmax(0)
        value = -(logprobs.exp() * (reward - beta * (logprobs - ref))).sum()
        return value.item(), torch.autograd.grad(value, free)[0].numpy()

    # By scipy: the first optimizer of torch in a process takes two seconds to import.
    found = optimize.minimize(loss, ref.numpy(), jac=True, options={"gtol": 1e-9})
    return reward.tolist(), ref.tolist(), torch.tensor(found.x).log_softmax(0).tolist()


def _label_costs(reward_chosen, reward_rejected):
    """−log of Bradley and Terry's probability, from the rewards themselves."""
    wins = math.exp(reward_chosen) / (math.exp(reward_chosen) + math.exp(reward_rejected))
    return -math.log(wins)


@pair_loss.check
def a_policy_that_has_not_moved_has_no_opinion(fn):
    for beta in (0.1, 1.0, 5.0):
        expect(fn(-1.0, -4.0, -1.0, -4.0, beta), -math.log(0.5))


@pair_loss.check
def two_answers_and_the_reward_that_the_policy_was_made_for(fn):
    for seed, beta in enumerate((1.0, 0.4, 3.0)):
        reward, ref, best = _world(seed, 2, beta)
        for w, l in ((0, 1), (1, 0)):  # noqa: E741
            want = _label_costs(reward[w], reward[l])
            expect(fn(best[w], best[l], ref[w], ref[l], beta), want, tol=1e-4)


@pair_loss.check
def every_pair_of_five_answers(fn):
    for seed, beta in ((10, 0.5), (11, 1.0), (12, 2.0)):
        reward, ref, best = _world(seed, 5, beta)
        for w in range(5):
            for l in range(5):  # noqa: E741
                want = _label_costs(reward[w], reward[l])
                expect(fn(best[w], best[l], ref[w], ref[l], beta), want, tol=1e-4)


@pair_loss.check
def one_of_two_answers_is_chosen(fn):
    for policy, ref, beta in (((-1.0, -2.5), (-2.0, -0.5), 0.7), ((-3.0, -3.5), (-1.0, -4.0), 2.0)):
        one = math.exp(-float(fn(*policy, *ref, beta)))
        other = math.exp(-float(fn(*policy[::-1], *ref[::-1], beta)))
        require(abs(one + other - 1) < 1e-5, "chances of 1 in sum", one + other)


@pair_loss.check
def answers_that_were_not_compared_do_not_count(fn):
    # A prompt with a thousand more answers leaves less for these two, and the same odds.
    one = fn(-1.0, -2.0, -1.5, -1.2, 0.6)
    for less in (3.0, 7.0):
        got = fn(-1.0 - less, -2.0 - less, -1.5, -1.2, 0.6)
        expect(got, float(one), tol=1e-5)
        expect(fn(-1.0, -2.0, -1.5 - less, -1.2 - less, 0.6), float(one), tol=1e-5)


def _cost(margin):
    return math.log1p(math.exp(-margin))


@pair_loss.mistake("beta is lost on the way: the reward is β times the log-ratio")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return _cost(policy_chosen - ref_chosen - policy_rejected + ref_rejected)


@pair_loss.mistake("divided by beta: that belongs inside exp(r/β), before solving for r")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return _cost((policy_chosen - ref_chosen - policy_rejected + ref_rejected) / beta)


@pair_loss.mistake("beta stands in front of the logarithm, not inside the sigmoid")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return beta * _cost(policy_chosen - ref_chosen - policy_rejected + ref_rejected)


@pair_loss.mistake("the reference has dropped out together with Z: it stays")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return _cost(beta * (policy_chosen - policy_rejected))


@pair_loss.mistake("the reference's margin is added instead of subtracted")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return _cost(beta * (policy_chosen + ref_chosen - policy_rejected - ref_rejected))


@pair_loss.mistake("chosen and rejected are swapped: the sign inside the sigmoid")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return _cost(-beta * (policy_chosen - ref_chosen - policy_rejected + ref_rejected))


@pair_loss.mistake("the probability itself: the negative logarithm is missing")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return math.exp(-pair_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta))


@pair_loss.mistake("the sign: a log-likelihood, where a loss was asked for")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return -pair_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta)


@pair_loss.mistake("each answer on its own: two classifiers, in which Z does not cancel")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return _cost(beta * (policy_chosen - ref_chosen)) + _cost(
        beta * (ref_rejected - policy_rejected)
    )


@pair_loss.mistake("beta twice: solving exp(r/β) for r gives it once")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    return _cost(beta * beta * (policy_chosen - ref_chosen - policy_rejected + ref_rejected))


@pair_loss.right("by the probabilities of both orders")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    chosen = math.exp(beta * (policy_chosen - ref_chosen))
    rejected = math.exp(beta * (policy_rejected - ref_rejected))
    return -math.log(chosen / (chosen + rejected))


@pair_loss.right("by logsigmoid of a tensor")
def _(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    rewards = [beta * (policy_chosen - ref_chosen), beta * (policy_rejected - ref_rejected)]
    chosen, rejected = torch.tensor(rewards, dtype=torch.float64)
    return -torch.nn.functional.logsigmoid(chosen - rejected).item()
