"""How `kl_estimates` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.rlhf.checks.shared import gradient, same_dtype, some_logprobs
from lessons.rlhf.exercises import kl_estimates
from utils.grading import expect, require


def _three(fn, logprobs, ref):
    """Call an answer, and see that three tensors of the right shape come back."""
    got = fn(logprobs, ref)
    three = isinstance(got, tuple | list) and len(got) == 3
    require(three, "three tensors: k1, k2, k3", got)
    for k in got:
        shape = tuple(k.shape) if torch.is_tensor(k) else k
        require(shape == tuple(logprobs.shape), f"shape {tuple(logprobs.shape)}", shape)
    return got


def _two_policies():
    """Probabilities of five sequences under a policy and its reference, as logs."""
    policy = torch.tensor([0.4, 0.3, 0.15, 0.1, 0.05], dtype=torch.float64)
    reference = torch.tensor([0.1, 0.3, 0.2, 0.25, 0.15], dtype=torch.float64)
    return policy.log(), reference.log()


@kl_estimates.check
def one_sample_twice_as_likely_as_under_the_reference(fn):
    log2 = math.log(2.0)
    got = _three(fn, torch.tensor([-1.0]), torch.tensor([-1.0 - log2]))
    for k, want in zip(got, (log2, log2**2 / 2, log2 - 0.5), strict=True):
        expect(k, torch.tensor([want]))


@kl_estimates.check
def one_sample_half_as_likely_as_under_the_reference(fn):
    log2 = math.log(2.0)
    got = _three(fn, torch.tensor([-1.0 - log2]), torch.tensor([-1.0]))
    for k, want in zip(got, (-log2, log2**2 / 2, 1 - log2), strict=True):
        expect(k, torch.tensor([want]))


@kl_estimates.check
def equal_policies_give_zero(fn):
    logprobs = torch.tensor([-0.1, -2.0, -50.0])
    for k in _three(fn, logprobs, logprobs.clone()):
        expect(k, torch.zeros(3))


@kl_estimates.check
def on_average_k1_and_k3_are_the_kl_and_k2_is_not(fn):
    logprobs, ref = _two_policies()
    kl = sum(math.exp(a) * (a - b) for a, b in zip(logprobs.tolist(), ref.tolist(), strict=True))
    half_square = sum(
        math.exp(a) * (a - b) ** 2 / 2 for a, b in zip(logprobs.tolist(), ref.tolist(), strict=True)
    )
    got = _three(fn, logprobs, ref)
    means = torch.stack([(logprobs.exp() * k).sum() for k in got])
    truth = torch.tensor([kl, half_square, kl], dtype=logprobs.dtype)
    expect(means, truth, logprobs=logprobs, ref_logprobs=ref)


@kl_estimates.check
def k2_and_k3_are_never_negative(fn):
    logprobs, ref = some_logprobs(0, 50)
    _, k2, k3 = _three(fn, logprobs, ref)
    require(bool((k2 >= 0).all()), "k2 ≥ 0", k2)
    require(bool((k3 >= -1e-6).all()), "k3 ≥ 0", k3)


@kl_estimates.check
def shapes_stay_and_elements_are_apart(fn):
    for shape in ((), (3,), (2, 3), (3, 3), (2, 1, 4)):
        logprobs, ref = some_logprobs(1, *shape)
        got = _three(fn, logprobs, ref)
        pairs = list(zip(logprobs.flatten().tolist(), ref.flatten().tolist(), strict=True))
        wants = (
            [a - b for a, b in pairs],
            [(a - b) ** 2 / 2 for a, b in pairs],
            [math.exp(b - a) - 1 - (b - a) for a, b in pairs],
        )
        for k, want in zip(got, wants, strict=True):
            expect(k, torch.tensor(want).reshape(shape), tol=1e-4)


@kl_estimates.check
def very_unlikely_sequences_are_fine(fn):
    logprobs, ref = torch.tensor([-1000.0, -1000.0]), torch.tensor([-1001.0, -1000.0])
    got = _three(fn, logprobs, ref)
    wants = ([1.0, 0.0], [0.5, 0.0], [math.exp(-1), 0.0])
    for k, want in zip(got, wants, strict=True):
        expect(k, torch.tensor(want))
    k1, k2, k3 = _three(fn, torch.tensor([-1.0]), torch.tensor([-1001.0]))
    expect(torch.cat([k1, k2, k3]), torch.tensor([1000.0, 500000.0, 999.0]))


@kl_estimates.check
def gradients_flow(fn):
    logprobs = torch.tensor([-1.0, -2.0], requires_grad=True)
    ref = torch.tensor([-2.0, -1.0], requires_grad=True)
    wants = (torch.ones(2), torch.tensor([1.0, -1.0]), 1 - torch.tensor([-1.0, 1.0]).exp())
    for k, want in zip(_three(fn, logprobs, ref), wants, strict=True):
        to_policy, to_ref = gradient(k.sum(), logprobs, ref)
        expect(to_policy, want, logprobs=logprobs, ref_logprobs=ref)
        expect(to_ref, -want, logprobs=logprobs, ref_logprobs=ref)


@kl_estimates.check
def double_estimates_for_double_logs(fn):
    logprobs, ref = _two_policies()
    for k in _three(fn, logprobs, ref):
        same_dtype(k, logprobs)


@kl_estimates.mistake("r upside down: policy / reference, which makes it another divergence")
def _(logprobs, ref_logprobs):
    log_r = logprobs - ref_logprobs
    return -log_r, log_r**2 / 2, log_r.exp() - 1 - log_r


@kl_estimates.mistake("k1 is right, and k3 has its r upside down: it is not unbiased")
def _(logprobs, ref_logprobs):
    log_r = logprobs - ref_logprobs
    return log_r, log_r**2 / 2, log_r.exp() - 1 - log_r


@kl_estimates.mistake("k1 has the wrong sign: its mean is −KL")
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return log_r, log_r**2 / 2, log_r.exp() - 1 - log_r


@kl_estimates.mistake("k2 without its half")
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return -log_r, log_r**2, log_r.exp() - 1 - log_r


@kl_estimates.mistake("k3 without the −1: at equal policies it is 1")
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return -log_r, log_r**2 / 2, log_r.exp() - log_r


@kl_estimates.mistake("k3 with + log r: then its mean is −KL")
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return -log_r, log_r**2 / 2, log_r.exp() - 1 + log_r


@kl_estimates.mistake("k2 squares r − 1, not log r")
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return -log_r, (log_r.exp() - 1) ** 2 / 2, log_r.exp() - 1 - log_r


@kl_estimates.mistake("averaged over the samples: one number per sample was asked for")
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return tuple(k.mean() for k in (-log_r, log_r**2 / 2, log_r.exp() - 1 - log_r))


@kl_estimates.mistake("probabilities divided: 0/0 = NaN for long sequences. Subtract the logs")
def _(logprobs, ref_logprobs):
    r = ref_logprobs.exp() / logprobs.exp()
    return -r.log(), r.log() ** 2 / 2, r - 1 - r.log()


@kl_estimates.mistake("detached: the values are right, and nothing can learn from them")
def _(logprobs, ref_logprobs):
    log_r = (ref_logprobs - logprobs).detach()
    return -log_r, log_r**2 / 2, log_r.exp() - 1 - log_r


@kl_estimates.mistake("k2 halves log r before the square: a quarter where a half was asked for")
def _(logprobs, ref_logprobs):
    log_r = ref_logprobs - logprobs
    return -log_r, (log_r / 2) ** 2, torch.expm1(log_r) - log_r


@kl_estimates.mistake("weighted by the reference's probability: an average over samples does that")
def _(logprobs, ref_logprobs):
    log_r, p = ref_logprobs - logprobs, ref_logprobs.exp()
    return -p * log_r, p * log_r**2 / 2, p * (torch.expm1(log_r) - log_r)


@kl_estimates.mistake("r is a ratio of logs: divide probabilities, so subtract their logs")
def _(logprobs, ref_logprobs):
    r = ref_logprobs / logprobs
    return -r.log(), r.log() ** 2 / 2, r - 1 - r.log()


@kl_estimates.right("by k1, and the others from it")
def _(logprobs, ref_logprobs):
    k1 = logprobs - ref_logprobs
    return k1, k1.square() / 2, torch.expm1(-k1) + k1


@kl_estimates.right("by a tuple of formulas, exp less one by expm1")
def _(logprobs, ref_logprobs):
    log_r = torch.sub(ref_logprobs, logprobs)
    return (-log_r, 0.5 * log_r.pow(2), log_r.expm1().sub(log_r))
