"""How `kl_loss` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.verifiable_rewards.checks.shared import draws, exact_gradient, policies, scalar
from lessons.verifiable_rewards.drills import kl_loss
from utils.grading import expect, require


def _gradient(fn, logprobs, ref):
    """The gradient of the loss in each sample's log π."""
    x = logprobs.clone().requires_grad_()
    loss = scalar(fn(x, ref))
    require(loss.requires_grad, "a loss through which the policy learns", loss)
    return torch.autograd.grad(loss, x)[0]


@kl_loss.check
def the_mean_over_all_there_is_to_sample_is_the_gradient_of_kl(fn):
    for seed in range(3):
        logits, ref = draws(seed, 5), policies(seed + 10, 5)[1]
        logprobs = logits.log_softmax(0)
        wanted = exact_gradient(lambda p, ref=ref: (p.exp() * (p - ref)).sum(), logits)
        # One sample at a time, weighed by its chance: that is the mean over samples.
        weight = torch.cat([_gradient(fn, logprobs[i : i + 1], ref[i : i + 1]) for i in range(5)])
        p = logprobs.exp()
        expect(p * (weight - (p * weight).sum()), wanted, tol=1e-5)


@kl_loss.check
def it_is_a_mean_over_samples(fn):
    for n in (2, 5):
        x, ref = draws(1, n), draws(2, n)
        alone = torch.cat([_gradient(fn, x[i : i + 1], ref[i : i + 1]) for i in range(n)])
        expect(_gradient(fn, x, ref), alone / n, tol=1e-6)


@kl_loss.check
def nothing_flows_to_the_reference(fn):
    x, ref = draws(3, 4).requires_grad_(), draws(4, 4).requires_grad_()
    (grad,) = torch.autograd.grad(scalar(fn(x, ref)), ref, allow_unused=True)
    require(grad is None or not bool(grad.any()), "no gradient for ref_logprobs", grad)


@kl_loss.mistake("k1 as a loss: its gradient is ∇ log π, whose mean is 0 whatever the reference is")
def _(logprobs, ref_logprobs):
    return (logprobs - ref_logprobs.detach()).mean()


@kl_loss.mistake(
    "k3 as a loss: its gradient is that of the other KL, of the reference to the policy"
)
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs.detach() - logprobs
    return (log_r.exp() - 1 - log_r).mean()


@kl_loss.mistake("the sign: the policy is driven away from the reference")
def _(logprobs, ref_logprobs):
    return -((logprobs - ref_logprobs.detach()) ** 2 / 2).mean()


@kl_loss.mistake("the half is missing: twice the gradient")
def _(logprobs, ref_logprobs):
    return ((logprobs - ref_logprobs.detach()) ** 2).mean()


@kl_loss.mistake("summed over samples, where the mean was asked for")
def _(logprobs, ref_logprobs):
    return ((logprobs - ref_logprobs.detach()) ** 2 / 2).sum()


@kl_loss.mistake("gradients flow to the reference, too")
def _(logprobs, ref_logprobs):
    return ((logprobs - ref_logprobs) ** 2 / 2).mean()


@kl_loss.mistake("everything is detached: nothing learns from it")
def _(logprobs, ref_logprobs):
    return (logprobs - ref_logprobs).detach().mean() * 1.0


@kl_loss.mistake("the square of the mean, not the mean of the squares")
def _(logprobs, ref_logprobs):
    return (logprobs - ref_logprobs.detach()).mean() ** 2 / 2


@kl_loss.mistake("weighed with π: the samples are drawn from it, so that it counts twice")
def _(logprobs, ref_logprobs):
    return (logprobs.exp() * (logprobs - ref_logprobs.detach())).mean()


@kl_loss.mistake("F.kl_div weighs with its target, the reference: the samples are the policy's")
def _(logprobs, ref_logprobs):
    ref = ref_logprobs.detach()
    return (ref.exp() * (ref - logprobs)).mean()  # F.kl_div(logprobs, ref, log_target=True)


@kl_loss.right("as a policy gradient: the log-ratio as a constant times log π")
def _(logprobs, ref_logprobs):
    return ((logprobs - ref_logprobs).detach() * logprobs).mean()


@kl_loss.right("the same with 1 added, which changes no mean")
def _(logprobs, ref_logprobs):
    return (((logprobs - ref_logprobs).detach() + 1) * logprobs).mean()


@kl_loss.right("by a ratio that is 1, as in PPO")
def _(logprobs, ref_logprobs):
    ratio = (logprobs - logprobs.detach()).exp()
    return (ratio * (logprobs - ref_logprobs.detach())).sum() / len(logprobs)
