"""How `bayesian_predictive` is judged: checks, mistakes, right answers in other styles."""

import math
from fractions import Fraction

import torch

from lessons.many_shot.exercises import bayesian_predictive
from utils.grading import expect, require


def _t(*values):
    return torch.tensor(values, dtype=torch.float64)


def _by_fractions(thetas, weights, complied, refused):
    """In exact fractions, so that nothing can underflow."""
    out = []
    kinds = [(Fraction(t), Fraction(w)) for t, w in zip(thetas, weights, strict=True)]
    for yes, no in zip(complied, refused, strict=True):
        post = [w * t**yes * (1 - t) ** no for t, w in kinds]
        total = sum(post)
        out.append(float(sum(p * t for p, (t, _) in zip(post, kinds, strict=True)) / total))
    return _t(*out)


@bayesian_predictive.check
def an_empty_context_gives_the_prior_mean(fn):
    expect(fn(_t(0.25, 0.75), _t(0.5, 0.5), _t(0.0), _t(0.0)), _t(0.5))
    expect(fn(_t(0.25, 0.75), _t(0.75, 0.25), _t(0.0), _t(0.0)), _t(0.375))


@bayesian_predictive.check
def one_compliance_by_hand(fn):
    # posterior ∝ 0.75 · 0.25 and 0.25 · 0.75: even, so the mean of 0.25 and 0.75
    expect(fn(_t(0.25, 0.75), _t(0.75, 0.25), _t(1.0), _t(0.0)), _t(0.5))


@bayesian_predictive.check
def by_fractions(fn):
    thetas, weights = (0.125, 0.5, 0.875), (0.5, 0.375, 0.125)
    yes, no = (0, 3, 1, 5, 0), (0, 0, 2, 4, 6)
    wanted = _by_fractions(thetas, weights, yes, no)
    expect(fn(_t(*thetas), _t(*weights), _t(*yes), _t(*no)), wanted)
    got = fn(_t(*thetas), _t(*weights), torch.tensor(yes), torch.tensor(no))
    expect(got, wanted)  # counts as whole numbers


@bayesian_predictive.check
def the_scale_of_the_weights_does_not_matter(fn):
    thetas, yes, no = _t(0.1, 0.4, 0.9), _t(2, 0), _t(1, 3)
    once = fn(thetas, _t(0.2, 0.3, 0.5), yes, no)
    expect(fn(thetas, _t(2.0, 3.0, 5.0), yes, no), once)


@bayesian_predictive.check
def counts_of_any_shape(fn):
    yes, no = torch.arange(6.0).double().reshape(2, 3), _t(1, 0, 2).expand(2, 3)
    got = fn(_t(0.2, 0.7), _t(0.9, 0.1), yes, no)
    require(torch.is_tensor(got) and got.shape == (2, 3), "shape (2, 3)", got)
    flat = _by_fractions(
        (0.2, 0.7), (0.9, 0.1), yes.flatten().int().tolist(), no.flatten().int().tolist()
    )
    expect(got, flat.reshape(2, 3))
    (wanted,) = _by_fractions((0.2, 0.7), (0.9, 0.1), [4], [1])
    expect(fn(_t(0.2, 0.7), _t(0.9, 0.1), _t(4).squeeze(), _t(1).squeeze()), wanted)


@bayesian_predictive.check
def thousands_of_replies(fn):
    got = fn(_t(0.25, 0.5), _t(0.5, 0.5), _t(3000, 1000), _t(3000, 5000))
    require(torch.is_tensor(got) and bool(got.isfinite().all()), "finite chances", got)
    expect(got, _t(0.5, 0.25))


@bayesian_predictive.check
def the_dtype_of_thetas_stays(fn):
    for dtype in (torch.float32, torch.float64):
        got = fn(*(_t(*v).to(dtype) for v in ((0.25, 0.75), (0.75, 0.25), (1,), (0,))))
        expect(got, torch.tensor([0.5], dtype=dtype))


@bayesian_predictive.check
def kinds_that_always_or_never_comply(fn):
    expect(fn(_t(0, 0.5, 1), _t(1, 1, 1), _t(0, 2, 0, 1), _t(0, 0, 1, 1)), _t(0.5, 0.9, 1 / 6, 0.5))


@bayesian_predictive.check
def a_fine_grid_of_a_beta_prior_gives_its_formula(fn):
    thetas = (torch.arange(4000).double() + 0.5) / 4000
    weights = 6 * thetas * (1 - thetas)  # Beta(2, 2)
    yes, no = _t(0, 3, 7), _t(0, 1, 20)
    expect(fn(thetas, weights, yes, no), (yes + 2) / (yes + no + 4), tol=1e-4)


def _posterior(thetas, weights, yes, no):
    logs = weights.log() + torch.xlogy(yes[..., None], thetas)
    return (logs + torch.xlogy(no[..., None], 1 - thetas)).softmax(-1)


@bayesian_predictive.mistake("the prior is left out: all kinds count alike")
def _(thetas, weights, complied, refused):
    return (_posterior(thetas, torch.ones_like(weights), complied, refused) * thetas).sum(-1)


@bayesian_predictive.mistake("the context is left out: the mean under the prior")
def _(thetas, weights, complied, refused):
    return ((weights / weights.sum() * thetas).sum() + 0 * complied).double()


@bayesian_predictive.mistake("refusals are left out of the evidence")
def _(thetas, weights, complied, refused):
    return (_posterior(thetas, weights, complied, 0 * refused) * thetas).sum(-1)


@bayesian_predictive.mistake("compliances and refusals are swapped")
def _(thetas, weights, complied, refused):
    return (_posterior(thetas, weights, refused, complied) * thetas).sum(-1)


@bayesian_predictive.mistake("the likeliest kind alone: Bayes averages over all")
def _(thetas, weights, complied, refused):
    return thetas[_posterior(thetas, weights, complied, refused).argmax(-1)]


@bayesian_predictive.mistake("plain powers: with thousands of replies they vanish")
def _(thetas, weights, complied, refused):
    like = thetas ** complied[..., None] * (1 - thetas) ** refused[..., None]
    post = weights * like
    return (post * thetas).sum(-1) / post.sum(-1)


@bayesian_predictive.mistake("not divided by the evidence: the posterior has to sum to 1")
def _(thetas, weights, complied, refused):
    like = thetas ** complied[..., None] * (1 - thetas) ** refused[..., None]
    return (weights * like * thetas).sum(-1)


@bayesian_predictive.mistake("0 · log 0: kinds that always or never comply become nan")
def _(thetas, weights, complied, refused):
    logs = complied[..., None] * thetas.log() + refused[..., None] * (1 - thetas).log()
    return ((weights.log() + logs).softmax(-1) * thetas).sum(-1)


@bayesian_predictive.mistake("the weights are added to log-likelihoods without their logarithm")
def _(thetas, weights, complied, refused):
    logs = torch.xlogy(complied[..., None], thetas) + torch.xlogy(refused[..., None], 1 - thetas)
    return ((weights + logs).softmax(-1) * thetas).sum(-1)


@bayesian_predictive.mistake("the softmax runs over the contexts, not over the kinds")
def _(thetas, weights, complied, refused):
    logs = weights.log() + torch.xlogy(complied[..., None], thetas)
    return ((logs + torch.xlogy(refused[..., None], 1 - thetas)).softmax(0) * thetas).sum(-1)


@bayesian_predictive.mistake("the chance of a refusal, not of compliance")
def _(thetas, weights, complied, refused):
    return (_posterior(thetas, weights, complied, refused) * (1 - thetas)).sum(-1)


@bayesian_predictive.mistake("the share of compliance so far: it ignores which kinds there are")
def _(thetas, weights, complied, refused):
    return ((complied + 1.0) / (complied + refused + 2.0)).double()


@bayesian_predictive.mistake("one compliance too many is counted")
def _(thetas, weights, complied, refused):
    return (_posterior(thetas, weights, complied + 1, refused) * thetas).sum(-1)


@bayesian_predictive.mistake("always float64: the result has the dtype of thetas")
def _(thetas, weights, complied, refused):
    return bayesian_predictive.reference(thetas.double(), weights.double(), complied, refused)


@bayesian_predictive.right("by a loop, with the largest logarithm taken out")
def _(thetas, weights, complied, refused):
    out = torch.zeros(complied.shape, dtype=thetas.dtype)
    for at in range(complied.numel()):
        yes, no = complied.flatten()[at].item(), refused.flatten()[at].item()
        logs = []
        for t, w in zip(thetas.tolist(), weights.tolist(), strict=True):
            seen = (yes * math.log(t) if yes and t else -math.inf if yes else 0.0) + (
                no * math.log(1 - t) if no and t < 1 else -math.inf if no else 0.0
            )
            logs.append(math.log(w) + seen)
        post = [math.exp(v - max(logs)) for v in logs]
        mean = sum(p * t for p, t in zip(post, thetas.tolist(), strict=True)) / sum(post)
        out.view(-1)[at] = mean
    return out


@bayesian_predictive.right("as a ratio of two sums, one with a compliance more")
def _(thetas, weights, complied, refused):
    def log_evidence(yes, no):
        seen = torch.special.xlogy(yes.unsqueeze(-1), thetas)
        return (weights.log() + seen + torch.special.xlogy(no.unsqueeze(-1), 1 - thetas)).logsumexp(
            -1
        )

    return (log_evidence(complied + 1, refused) - log_evidence(complied, refused)).exp()
