"""How `kto_loss` is judged: checks, mistakes, right answers in other styles."""

import torch
import torch.nn.functional as F

from lessons.dpo.checks.shared import one_number, sigmoid
from lessons.dpo.exercises import kto_loss
from utils.grading import expect, require


def _kto_by_hand(r, desirable, kl, beta, good=1.0, bad=1.0):
    z = max(0.0, sum(kl) / len(kl))
    terms = [
        good - good * sigmoid(beta * (x - z)) if d else bad - bad * sigmoid(beta * (z - x))
        for x, d in zip(r, desirable, strict=True)
    ]
    return sum(terms) / len(terms)


def _kto(fn, r, desirable, kl, *args, **kwargs):
    """Call an answer on given log-ratios, each split over policy and reference."""
    r, kl = torch.tensor(r), torch.tensor(kl)
    return one_number(
        fn(r - 4.0, torch.full_like(r, -4.0), torch.tensor(desirable), kl - 7.0,
           torch.full_like(kl, -7.0), *args, **kwargs)
    )  # fmt: skip


@kto_loss.check
def at_the_start_it_is_half_of_lambda(fn):
    for label in (True, False):
        expect(_kto(fn, [0.0], [label], [0.0], 0.5), torch.tensor(0.5))
    expect(_kto(fn, [0.0], [True], [0.0], 0.5, 3.0, 1.0), torch.tensor(1.5))
    expect(_kto(fn, [0.0], [False], [0.0], 0.5, 3.0, 1.0), torch.tensor(0.5))


@kto_loss.check
def a_desirable_answer_gains_upwards_and_an_undesirable_one_downwards(fn):
    for r in (2.0, -2.0):
        expect(_kto(fn, [r], [True], [0.0], 1.0), torch.tensor(1 - sigmoid(r)))
        expect(_kto(fn, [r], [False], [0.0], 1.0), torch.tensor(1 - sigmoid(-r)))


@kto_loss.check
def gains_are_counted_from_the_reference_point(fn):
    expect(_kto(fn, [1.0], [True], [1.0], 2.0), torch.tensor(0.5))
    expect(_kto(fn, [1.0], [False], [3.0], 0.5), torch.tensor(1 - sigmoid(1.0)))
    expect(_kto(fn, [1.0], [True], [0.0, 6.0], 0.5), torch.tensor(1 - sigmoid(-1.0)))


@kto_loss.check
def the_reference_point_is_clamped_as_a_mean_not_answer_by_answer(fn):
    expect(_kto(fn, [1.0], [True], [-5.0], 1.0), torch.tensor(1 - sigmoid(1.0)))
    expect(_kto(fn, [1.0], [True], [-1.0, 3.0], 1.0), torch.tensor(0.5))


@kto_loss.check
def it_is_the_mean_over_answers_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for n, m, beta in ((2, 1, 0.1), (5, 3, 0.5), (8, 8, 1.5)):
        r, kl = (torch.randn(k, generator=g).tolist() for k in (n, m))
        labels = (torch.arange(n) % 3 == 0).tolist()
        wanted = torch.tensor(_kto_by_hand(r, labels, kl, beta, 1.3, 0.7))
        expect(_kto(fn, r, labels, kl, beta, 1.3, 0.7), wanted, tol=1e-4)


@kto_loss.check
def labels_may_all_be_alike(fn):
    for label in (True, False):
        wanted = torch.tensor(_kto_by_hand([1.0, -0.5], [label] * 2, [0.3], 1.0, 2.0, 0.5))
        expect(_kto(fn, [1.0, -0.5], [label] * 2, [0.3], 1.0, 2.0, 0.5), wanted)


@kto_loss.check
def gradients_flow_to_the_answers_but_not_through_the_reference_point(fn):
    r = torch.tensor([0.5, 0.5, 2.0], requires_grad=True)
    kl = torch.tensor([0.2, 0.6], requires_grad=True)
    labels = torch.tensor([True, False, True])
    loss = one_number(fn(r, torch.zeros(3), labels, kl, torch.zeros(2), 2.0, 1.0, 3.0))
    require(loss.requires_grad, "a loss through which the policy learns", loss)
    got, through = torch.autograd.grad(loss, (r, kl), allow_unused=True)
    slopes = [sigmoid(2 * (x - 0.4)) * sigmoid(-2 * (x - 0.4)) * 2 / 3 for x in (0.5, 0.5, 2.0)]
    wanted = torch.tensor([-slopes[0], 3 * slopes[1], -slopes[2]])
    require(got is not None, "a gradient for logprobs", got)
    expect(got, wanted)
    none = through is None or not bool(through.any())
    require(none, "no gradient for kl_logprobs: the reference point is detached", through)


@kto_loss.check
def extreme_log_ratios_stay_finite(fn):
    labels = [True, False, True, False]
    expect(_kto(fn, [1000.0, 1000.0, -1000.0, -1000.0], labels, [0.0], 1.0), torch.tensor(0.5))
    expect(_kto(fn, [0.0, 0.0], [True, False], [1000.0], 1.0), torch.tensor(0.5))


def _kto_like(value, reference_point=None, reduce=torch.mean):
    """For the mistakes: KTO with another value function, reference point or reduction."""

    def loss(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
             lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
        kl = kl_logprobs - kl_ref_logprobs
        z = kl.mean().clamp(min=0).detach() if reference_point is None else reference_point(kl)
        r = logprobs - ref_logprobs
        weight = torch.where(desirable, lambda_desirable, lambda_undesirable)
        return reduce(weight * (1 - value(r, z, desirable, beta)))

    return loss


def _right_value(r, z, desirable, beta):
    return torch.sigmoid(torch.where(desirable, 1, -1) * beta * (r - z))


def _planted(description, *args, **kwargs):
    kto_loss.mistake(description)(_kto_like(*args, **kwargs))


_planted(
    "undesirable answers have the sign of desirable ones: they too are made more likely",
    lambda r, z, desirable, beta: torch.sigmoid(beta * (r - z)),
)


_planted(
    "all signs are turned, or the value v itself is handed back instead of λ − v: a loss falls, so "
    "desirable answers are made less likely",
    lambda r, z, desirable, beta: 1 - _right_value(r, z, desirable, beta),
)


_planted(
    "the reference point keeps its sign for undesirable answers: σ(β(z − r)) turns both signs",
    lambda r, z, desirable, beta: torch.sigmoid(beta * (torch.where(desirable, r, -r) - z)),
)


_planted(
    "the reference point is not detached: the policy can gain by changing what it is compared with",
    _right_value,
    lambda kl: kl.mean().clamp(min=0),
)


_planted(
    "the reference point is not clamped: a KL is never negative, its estimate can be",
    _right_value,
    lambda kl: kl.mean().detach(),
)


_planted(
    "the reference point is neither clamped nor detached: its estimate can be below 0, and the "
    "policy can gain by moving it",
    _right_value,
    lambda kl: kl.mean(),
)


_planted(
    "the reference point has its sign turned: it is log π less log π_ref",
    _right_value,
    lambda kl: (-kl).mean().clamp(min=0).detach(),
)


_planted(
    "clamped answer by answer before the mean: then noise alone lifts the reference point",
    _right_value,
    lambda kl: kl.clamp(min=0).mean().detach(),
)


_planted(
    "there is no reference point",
    _right_value,
    lambda kl: torch.zeros(()),
)


_planted(
    "beta multiplies the log-ratio only, not the reference point",
    lambda r, z, desirable, beta: torch.sigmoid(torch.where(desirable, 1, -1) * (beta * r - z)),
)


_planted(
    "beta twice on the reference point: z is in nats, and β multiplies the whole difference",
    lambda r, z, desirable, beta: _right_value(r, beta * z, desirable, beta),
)


_planted("beta is ignored", lambda r, z, desirable, beta: _right_value(r, z, desirable, 1.0))


_planted("summed over answers, where the mean was asked for", _right_value, reduce=torch.sum)


@kto_loss.mistake(
    "z from the batch itself: kl_logprobs and kl_ref_logprobs are there to measure it on other "
    "answers, else the labeled ones move the point they are judged from"
)
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    right = _kto_like(_right_value)
    args = (logprobs, ref_logprobs, desirable, logprobs, ref_logprobs, beta)
    return right(*args, lambda_desirable, lambda_undesirable)


def _kto_per_class(join, empty=False):
    """For the mistakes: KTO whose two classes are averaged each on its own, then joined."""

    def loss(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
             lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
        z = (kl_logprobs - kl_ref_logprobs).mean().clamp(min=0).detach()
        lost = 1 - _right_value(logprobs - ref_logprobs, z, desirable, beta)
        classes = ((lambda_desirable, lost[desirable]), (lambda_undesirable, lost[~desirable]))
        return join([weight * x.mean() for weight, x in classes if empty or len(x)])

    return loss


kto_loss.mistake(
    "a mean for each class, then added: the mean is over all answers, so a class with more of "
    "them counts for more"
)(_kto_per_class(sum))


kto_loss.mistake(
    "a mean for each class, then averaged: the mean is over all answers, so a class with more of "
    "them counts for more"
)(_kto_per_class(lambda terms: sum(terms) / len(terms)))


kto_loss.mistake(
    "a mean for each class, then added: the mean is over all answers, and that of an empty class "
    "is nan"
)(_kto_per_class(sum, empty=True))


kto_loss.mistake(
    "a mean for each class, then averaged: the mean is over all answers, and that of an empty "
    "class is nan"
)(_kto_per_class(lambda terms: sum(terms) / len(terms), empty=True))


@kto_loss.mistake("−v alone: λ is missing, so that the loss is not 0 where all is gained")
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    z = (kl_logprobs - kl_ref_logprobs).mean().clamp(min=0).detach()
    weight = torch.where(desirable, lambda_desirable, lambda_undesirable)
    return -(weight * _right_value(logprobs - ref_logprobs, z, desirable, beta)).mean()


@kto_loss.mistake("the reference policy is missing from the log-ratio")
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    z = (kl_logprobs - kl_ref_logprobs).mean().clamp(min=0).detach()
    weight = torch.where(desirable, lambda_desirable, lambda_undesirable)
    return (weight * (1 - _right_value(logprobs, z, desirable, beta))).mean()


@kto_loss.mistake("λ_D and λ_U are swapped")
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    right = _kto_like(_right_value)
    args = (logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta)
    return right(*args, lambda_undesirable, lambda_desirable)


@kto_loss.mistake("the weights λ are ignored")
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    right = _kto_like(_right_value)
    return right(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta)


@kto_loss.mistake("λ multiplies the value alone: the loss is λ − λσ, not 1 − λσ")
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    z = (kl_logprobs - kl_ref_logprobs).mean().clamp(min=0).detach()
    weight = torch.where(desirable, lambda_desirable, lambda_undesirable)
    return (1 - weight * _right_value(logprobs - ref_logprobs, z, desirable, beta)).mean()


@kto_loss.mistake("−log σ instead of 1 − σ: that is DPO's log-likelihood, not a bounded value")
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    z = (kl_logprobs - kl_ref_logprobs).mean().clamp(min=0).detach()
    gain = torch.where(desirable, 1, -1) * beta * (logprobs - ref_logprobs - z)
    weight = torch.where(desirable, lambda_desirable, lambda_undesirable)
    return -(weight * F.logsigmoid(gain)).mean()


@kto_loss.right("by gains and losses apart")
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    with torch.no_grad():
        z = F.relu(torch.mean(kl_logprobs - kl_ref_logprobs))
    x = beta * (logprobs - ref_logprobs - z)
    good = lambda_desirable * torch.sigmoid(-x[desirable])  # 1 − σ(x) = σ(−x)
    bad = lambda_undesirable * torch.sigmoid(x[~desirable])
    return (good.sum() + bad.sum()) / len(logprobs)


@kto_loss.right("by a loop over answers")
def _(logprobs, ref_logprobs, desirable, kl_logprobs, kl_ref_logprobs, beta,
      lambda_desirable=1.0, lambda_undesirable=1.0):  # fmt: skip
    z = max(0.0, (kl_logprobs - kl_ref_logprobs).mean().item())
    terms = []
    for i, is_good in enumerate(desirable):
        r = logprobs[i] - ref_logprobs[i]
        if is_good:
            terms.append(lambda_desirable - lambda_desirable * torch.sigmoid(beta * (r - z)))
        else:
            terms.append(lambda_undesirable - lambda_undesirable * torch.sigmoid(beta * (z - r)))
    return torch.stack(terms).mean()
