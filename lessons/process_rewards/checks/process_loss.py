"""How `process_loss` is judged: checks, mistakes, right answers in other styles."""

import math

import torch
import torch.nn.functional as F

from lessons.process_rewards.exercises import process_loss
from utils.grading import expect, require


def _cost(logit, label):
    """Cross-entropy of one label, by hand."""
    log_p, log_q = -math.log1p(math.exp(-logit)), -math.log1p(math.exp(logit))
    return -label * log_p - (1 - label) * log_q


def _by_hand(logits, labels, stop):
    costs = []
    for row, known in zip(logits, labels, strict=True):
        for logit, label in zip(row, known, strict=True):
            if label >= 0:
                costs.append(_cost(logit, label))
            if stop and label == 0:
                break
    return sum(costs) / len(costs)


def _try(fn, logits, labels, stop, dtype=torch.float32):
    wanted = torch.tensor(_by_hand(logits, labels, stop), dtype=dtype)
    expect(fn(torch.tensor(logits, dtype=dtype), torch.tensor(labels), stop), wanted)


@process_loss.check
def one_step_right_or_wrong(fn):
    for label in (1, 0):
        _try(fn, [[0.8]], [[label]], True)


@process_loss.check
def a_step_without_a_label_does_not_count(fn):
    _try(fn, [[0.8, -3.0]], [[1, -1]], False)
    _try(fn, [[5.0, 0.8]], [[-1, 0]], True)


@process_loss.check
def the_first_error_counts_and_nothing_after_it(fn):
    for stop in (True, False):
        _try(fn, [[0.5, 1.0, 2.0, -1.0]], [[1, 0, 1, 0]], stop)


@process_loss.check
def each_solution_stops_by_itself(fn):
    logits = [[0.5, 1.0, 2.0], [0.3, -0.2, 0.9], [-1.0, 0.4, 0.1]]
    for labels in ([[0, 1, 1], [1, 1, 1], [1, 0, 0]], [[-1, 0, -1], [1, -1, 1], [-1, -1, 1]]):
        for stop in (True, False):
            _try(fn, logits, labels, stop)


@process_loss.check
def labels_between_0_and_1_are_chances(fn):
    _try(fn, [[0.5, -1.0]], [[0.25, 0.9]], False, torch.float64)
    _try(fn, [[0.5, -1.0, 2.0]], [[0.25, 0.0, 0.9]], True, torch.float64)


@process_loss.check
def stopping_is_what_happens_unless_told_otherwise(fn):
    logits, labels = torch.tensor([[1.0, 2.0]]), torch.tensor([[0, 1]])
    expect(fn(logits, labels), torch.tensor(_cost(1.0, 0)))


@process_loss.check
def extreme_logits_stay_finite(fn):
    got = fn(torch.tensor([[1000.0, -1000.0, 3.0]]), torch.tensor([[0, 1, 1]]), False)
    expect(got, torch.tensor((2000 + _cost(3.0, 1)) / 3))


@process_loss.check
def no_gradient_reaches_what_does_not_count(fn):
    logits = torch.zeros(1, 4, requires_grad=True)
    fn(logits, torch.tensor([[1, 0, 1, -1]]), True).backward()
    expect(logits.grad, torch.tensor([[-0.25, 0.25, 0.0, 0.0]]))


@process_loss.check
def the_labels_are_left_as_they_were(fn):
    labels = torch.tensor([[1, 0, 1, -1]])
    fn(torch.zeros(1, 4), labels, True)
    require(labels.tolist() == [[1, 0, 1, -1]], [[1, 0, 1, -1]], labels.tolist())


def _counts(labels, stop):
    counts = labels >= 0
    if stop:
        wrong = (labels == 0).long()
        counts &= (wrong.cumsum(1) - wrong) == 0
    return counts


def _mean(logits, labels, counts):
    return F.binary_cross_entropy_with_logits(logits[counts], labels[counts].to(logits.dtype))


@process_loss.mistake("steps without a label are learned as wrong")
def _(logits, labels, stop_at_first_error=True):
    labels = labels.clamp(min=0)
    return _mean(logits, labels, _counts(labels, stop_at_first_error))


FIRST = "the first error itself does not count: it is the one that teaches most"


@process_loss.mistake(FIRST)
def _(logits, labels, stop_at_first_error=True):
    counts = labels >= 0
    if stop_at_first_error:
        counts &= (labels == 0).long().cumsum(1) == 0
    return _mean(logits, labels, counts)  # nan, where no step is left


@process_loss.mistake(FIRST + " (and what is then empty costs 0)")
def _(logits, labels, stop_at_first_error=True):
    counts = labels >= 0
    if stop_at_first_error:
        counts &= (labels == 0).long().cumsum(1) == 0
    return _mean(logits, labels, counts) if counts.any() else logits.sum() * 0


@process_loss.mistake("it goes on after the first error, although told to stop")
def _(logits, labels, stop_at_first_error=True):
    return _mean(logits, labels, labels >= 0)


@process_loss.mistake("it always stops at the first error, told or not")
def _(logits, labels, stop_at_first_error=True):
    return _mean(logits, labels, _counts(labels, True))


@process_loss.mistake("divided by all steps, those without a label included")
def _(logits, labels, stop_at_first_error=True):
    counts = _counts(labels, stop_at_first_error)
    return _mean(logits, labels, counts) * counts.sum() / counts.numel()


@process_loss.mistake("the mean of each solution's mean: steps of short solutions count more")
def _(logits, labels, stop_at_first_error=True):
    counts = _counts(labels, stop_at_first_error)
    cost = F.binary_cross_entropy_with_logits(
        logits, labels.clamp(min=0).to(logits.dtype), reduction="none"
    )
    return ((cost * counts).sum(1) / counts.sum(1).clamp(min=1)).mean()


@process_loss.mistake("errors are counted through the whole batch, not each solution by itself")
def _(logits, labels, stop_at_first_error=True):
    counts = labels >= 0
    if stop_at_first_error:
        wrong = (labels == 0).long().flatten()
        counts &= ((wrong.cumsum(0) - wrong) == 0).view_as(labels)
    return _mean(logits, labels, counts)


@process_loss.mistake("log of sigmoid: a logit of −1000 gives infinity")
def _(logits, labels, stop_at_first_error=True):
    counts = _counts(labels, stop_at_first_error)
    p, known = torch.sigmoid(logits[counts]), labels[counts].to(logits.dtype)
    return -(known * p.log() + (1 - known) * (1 - p).log()).mean()


@process_loss.mistake("right and wrong are swapped")
def _(logits, labels, stop_at_first_error=True):
    return _mean(-logits, labels, _counts(labels, stop_at_first_error))


@process_loss.mistake("any label below 1 counts as an error: a chance is none")
def _(logits, labels, stop_at_first_error=True):
    counts = labels >= 0
    if stop_at_first_error:
        wrong = ((labels >= 0) & (labels < 1)).long()
        counts &= (wrong.cumsum(1) - wrong) == 0
    return _mean(logits, labels, counts)


@process_loss.mistake("the sum over the steps that count, not their mean")
def _(logits, labels, stop_at_first_error=True):
    counts = _counts(labels, stop_at_first_error)
    return _mean(logits, labels, counts) * counts.sum()


@process_loss.mistake("all labels are learned, −1 as wrong, and it never stops")
def _(logits, labels, stop_at_first_error=True):
    return F.binary_cross_entropy_with_logits(logits, labels.clamp(min=0).to(logits.dtype))


@process_loss.mistake("steps without a label are learned as wrong, after the stop was found")
def _(logits, labels, stop_at_first_error=True):
    clear = (labels == 0).long().cumsum(1) - (labels == 0).long() == 0
    counts = clear | torch.full_like(clear, not stop_at_first_error)
    return _mean(logits, labels.clamp(min=0), counts)


@process_loss.mistake("a small number inside the logarithm: extreme logits cost too little")
def _(logits, labels, stop_at_first_error=True):
    counts = _counts(labels, stop_at_first_error)
    p, known = torch.sigmoid(logits[counts]), labels[counts].to(logits.dtype)
    return -(known * (p + 1e-8).log() + (1 - known) * (1 - p + 1e-8).log()).mean()


@process_loss.mistake("binary_cross_entropy of sigmoids: it clamps the logarithm at −100")
def _(logits, labels, stop_at_first_error=True):
    counts = _counts(labels, stop_at_first_error)
    p = torch.sigmoid(logits[counts])
    return F.binary_cross_entropy(p, labels[counts].to(logits.dtype))


@process_loss.mistake("the sign: a log-likelihood, where a loss was asked for")
def _(logits, labels, stop_at_first_error=True):
    return -_mean(logits, labels, _counts(labels, stop_at_first_error))


@process_loss.mistake("errors are counted over the solutions (cumsum(0)), not over the steps")
def _(logits, labels, stop_at_first_error=True):
    counts = labels >= 0
    if stop_at_first_error:
        wrong = (labels == 0).long()
        counts &= (wrong.cumsum(0) - wrong) == 0
    return _mean(logits, labels, counts)


@process_loss.mistake("labels as whole numbers: a chance of 0.9 becomes 0, wrong")
def _(logits, labels, stop_at_first_error=True):
    labels = labels.long()
    return _mean(logits, labels, _counts(labels, stop_at_first_error))


@process_loss.mistake("it stops only when told so: stopping should be what happens by default")
def _(logits, labels, stop_at_first_error=False):
    return _mean(logits, labels, _counts(labels, stop_at_first_error))


@process_loss.mistake("only right steps count (labels > 0): errors teach nothing")
def _(logits, labels, stop_at_first_error=True):
    return _mean(logits, labels, _counts(labels, stop_at_first_error) & (labels > 0))


@process_loss.right("by two loops")
def _(logits, labels, stop_at_first_error=True):
    costs = []
    for row, known in zip(logits, labels, strict=True):
        for logit, label in zip(row, known.tolist(), strict=True):
            if label >= 0:
                costs.append(-label * F.logsigmoid(logit) - (1 - label) * F.logsigmoid(-logit))
            if stop_at_first_error and label == 0:
                break
    return torch.stack(costs).mean()


@process_loss.right("by weights of 0 and 1")
def _(logits, labels, stop_at_first_error=True):
    weight = (labels >= 0).to(logits.dtype)
    if stop_at_first_error:
        still_right = torch.cumprod((labels != 0).to(logits.dtype), 1)
        weight = weight * torch.cat([torch.ones_like(weight[:, :1]), still_right[:, :-1]], 1)
    cost = F.softplus(logits) - labels.clamp(min=0) * logits
    return (weight * cost).sum() / weight.sum()
