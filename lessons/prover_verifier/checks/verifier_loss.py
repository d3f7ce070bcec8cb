"""How `verifier_loss` is judged: checks, mistakes, right answers in other styles."""

import math

import torch
from torch.nn import functional as F

from lessons.prover_verifier.checks.shared import is_scalar, numbers, sigmoid
from lessons.prover_verifier.exercises import verifier_loss
from utils.grading import expect, require


def truth(scores, right):
    """Both means, number by number."""
    pairs = list(zip(scores.tolist(), right.tolist(), strict=True))
    accept = [-math.log(sigmoid(s)) for s, r in pairs if r]
    refuse = [-math.log(sigmoid(-s)) for s, r in pairs if not r]
    return (sum(accept) / len(accept) + sum(refuse) / len(refuse)) / 2


@verifier_loss.check
def undecided_costs_log_two(fn):
    is_scalar(fn(torch.zeros(2), torch.tensor([True, False])), math.log(2))


@verifier_loss.check
def one_of_each_by_hand(fn):
    # Accepting a wrong solution by 2 nats costs log(1 + e²), accepting a right one little.
    wanted = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(2))) / 2
    is_scalar(fn(torch.tensor([1.0, 2.0]), torch.tensor([True, False])), wanted)
    is_scalar(fn(torch.tensor([2.0, 1.0]), torch.tensor([False, True])), wanted)


@verifier_loss.check
def the_rarer_kind_weighs_as_much(fn):
    scores = torch.tensor([3.0, -1.0, -1.0, -1.0])
    right = torch.tensor([False, True, True, True])
    is_scalar(fn(scores, right), truth(scores, right))
    is_scalar(fn(-scores, ~right), truth(-scores, ~right))


@verifier_loss.check
def of_many_in_either_precision(fn):
    for seed, n in ((0, 5), (1, 12), (2, 40)):
        scores = numbers(seed, n)
        right = torch.arange(n) % 3 == 0
        is_scalar(fn(scores, right), truth(scores, right))
        is_scalar(fn(scores.float(), right), truth(scores, right), tol=1e-4)


@verifier_loss.check
def the_type_is_that_of_the_scores(fn):
    for dtype in (torch.float32, torch.float64):
        wanted = torch.tensor(math.log(2), dtype=dtype)
        expect(fn(torch.zeros(2, dtype=dtype), torch.tensor([True, False])), wanted)


@verifier_loss.check
def finite_however_sure(fn):
    is_scalar(fn(torch.tensor([-200.0, 200.0]), torch.tensor([True, False])), 200.0)
    is_scalar(fn(torch.tensor([200.0, -200.0]), torch.tensor([True, False])), 0.0)


@verifier_loss.check
def a_gradient_reaches_every_score(fn):
    scores = torch.tensor([0.0, 0.0, 0.0], requires_grad=True)
    got = fn(scores * 1, torch.tensor([True, False, False]))
    require(torch.is_tensor(got) and got.requires_grad, "a loss that gradients pass through", got)
    (gradient,) = torch.autograd.grad(got, scores)
    expect(gradient, torch.tensor([-0.25, 0.125, 0.125]))


@verifier_loss.check
def the_inputs_are_left_as_they_are(fn):
    scores, right = torch.tensor([1.0, -2.0]), torch.tensor([True, False])
    fn(scores, right)
    expect(scores, torch.tensor([1.0, -2.0]))
    expect(right, torch.tensor([True, False]))


@verifier_loss.mistake("one mean over all solutions: the commoner kind decides")
def _(scores, right):
    return F.binary_cross_entropy_with_logits(scores, right.to(scores.dtype))


@verifier_loss.mistake("the two kinds are swapped: wrong solutions get accepted")
def _(scores, right):
    return -(F.logsigmoid(scores[~right]).mean() + F.logsigmoid(-scores[right]).mean()) / 2


@verifier_loss.mistake("the minus is missing: minimized, it would make the verifier worse")
def _(scores, right):
    return (F.logsigmoid(scores[right]).mean() + F.logsigmoid(-scores[~right]).mean()) / 2


@verifier_loss.mistake("wrong solutions count as if they were to be accepted: the sign is missing")
def _(scores, right):
    return -(F.logsigmoid(scores[right]).mean() + F.logsigmoid(scores[~right]).mean()) / 2


@verifier_loss.mistake("only right solutions count: a verifier that accepts all would be best")
def _(scores, right):
    return -F.logsigmoid(scores[right]).mean()


@verifier_loss.mistake("only wrong solutions count: a verifier that refuses all would be best")
def _(scores, right):
    return -F.logsigmoid(-scores[~right]).mean()


@verifier_loss.mistake("sums instead of means")
def _(scores, right):
    return -(F.logsigmoid(scores[right]).sum() + F.logsigmoid(-scores[~right]).sum()) / 2


@verifier_loss.mistake("the sum of the two means: half of it was asked for")
def _(scores, right):
    return -F.logsigmoid(scores[right]).mean() - F.logsigmoid(-scores[~right]).mean()


@verifier_loss.mistake("log of a sigmoid: infinite for large scores. Use F.logsigmoid")
def _(scores, right):
    p = scores.sigmoid()
    return -(p[right].log().mean() + (1 - p[~right]).log().mean()) / 2


@verifier_loss.mistake("a sigmoid with a small number added: far off for large scores")
def _(scores, right):
    p = scores.sigmoid()
    return -((p[right] + 1e-12).log().mean() + (1 - p[~right] + 1e-12).log().mean()) / 2


@verifier_loss.mistake("a sigmoid that is clamped: far off for large scores. Use F.logsigmoid")
def _(scores, right):
    p = scores.sigmoid().clamp(1e-6, 1 - 1e-6)
    return -(p[right].log().mean() + (1 - p[~right]).log().mean()) / 2


@verifier_loss.mistake("probabilities without the logarithm")
def _(scores, right):
    p = scores.sigmoid()
    return 1 - (p[right].mean() + (1 - p[~right]).mean()) / 2


@verifier_loss.mistake("squared errors instead of log-probabilities")
def _(scores, right):
    p = scores.sigmoid()
    return ((1 - p[right]).square().mean() + p[~right].square().mean()) / 2


@verifier_loss.mistake("in bits instead of nats")
def _(scores, right):
    nats = F.logsigmoid(scores[right]).mean() + F.logsigmoid(-scores[~right]).mean()
    return -nats / 2 / math.log(2)


@verifier_loss.mistake("detached: no gradient passes")
def _(scores, right):
    scores = scores.detach()
    return -(F.logsigmoid(scores[right]).mean() + F.logsigmoid(-scores[~right]).mean()) / 2


@verifier_loss.mistake("divided by all solutions instead of those of a kind")
def _(scores, right):
    total = F.logsigmoid(scores[right]).sum() + F.logsigmoid(-scores[~right]).sum()
    return -total / len(scores) / 2


@verifier_loss.right("by softplus")
def _(scores, right):
    return (F.softplus(-scores[right]).mean() + F.softplus(scores[~right]).mean()) / 2


@verifier_loss.right("by a weighted binary cross-entropy")
def _(scores, right):
    y = right.to(scores.dtype)
    weight = torch.where(right, 0.5 / y.sum(), 0.5 / (1 - y).sum())
    return F.binary_cross_entropy_with_logits(scores, y, weight=weight, reduction="sum")


@verifier_loss.right("by a loop")
def _(scores, right):
    costs = {True: [], False: []}
    for score, r in zip(scores, right.tolist(), strict=True):
        costs[r].append(torch.logaddexp(torch.zeros_like(score), -score if r else score))
    return sum(torch.stack(c).mean() for c in costs.values()) / 2
