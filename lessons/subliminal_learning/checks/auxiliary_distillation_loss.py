"""How `auxiliary_distillation_loss` is judged: checks, mistakes, right answers."""

import math

import torch
from torch.nn import functional as F

from lessons.subliminal_learning.checks.shared import normal
from lessons.subliminal_learning.exercises import auxiliary_distillation_loss
from utils.grading import expect, require


def _kl(p, q):
    """KL of two lists of logits, number by number."""
    p, q = ([math.exp(v) / sum(map(math.exp, row)) for v in row] for row in (p, q))
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


@auxiliary_distillation_loss.check
def two_auxiliary_logits_by_hand(fn):
    # One class; auxiliary chances 1/2, 1/2 (student) and 3/4, 1/4 (teacher).
    student, teacher = torch.tensor([[5.0, 0.0, 0.0]]), torch.tensor([[-2.0, math.log(3), 0.0]])
    expect(fn(student, teacher, 1), torch.tensor(0.75 * math.log(1.5) + 0.25 * math.log(0.5)))


@auxiliary_distillation_loss.check
def mean_over_examples_sum_over_logits(fn):
    student, teacher = normal(0, 4, 5), normal(1, 4, 5)
    pairs = zip(teacher[:, 2:].tolist(), student[:, 2:].tolist(), strict=True)
    expect(fn(student, teacher, 2), torch.tensor(sum(_kl(t, s) for t, s in pairs) / 4))


@auxiliary_distillation_loss.check
def class_logits_do_not_matter(fn):
    student, teacher = normal(2, 3, 13), normal(3, 3, 13)
    moved_s, moved_t = student.clone(), teacher.clone()
    moved_s[:, :10] += 7 * normal(4, 3, 10)
    moved_t[:, :10] -= 7 * normal(5, 3, 10)
    expect(fn(moved_s, moved_t), fn(student, teacher))
    expect(fn(student, teacher), fn(student, teacher, 10))


@auxiliary_distillation_loss.check
def a_student_like_the_teacher_pays_nothing(fn):
    logits = normal(6, 3, 12)
    expect(fn(logits, logits.clone()), torch.tensor(0.0))
    expect(fn(logits + 3, logits), torch.tensor(0.0))  # softmax ignores a common constant


@auxiliary_distillation_loss.check
def one_auxiliary_logit_says_nothing(fn):
    expect(fn(normal(7, 3, 11), normal(8, 3, 11)), torch.tensor(0.0))


@auxiliary_distillation_loss.check
def gradients_go_to_the_student_alone(fn):
    student = normal(9, 3, 12).requires_grad_()
    teacher = normal(10, 3, 12).requires_grad_()
    loss = fn(student, teacher)
    require(torch.is_tensor(loss) and loss.requires_grad, "a loss with a gradient", loss)
    ours, theirs = torch.autograd.grad(loss, [student, teacher], allow_unused=True)
    require(theirs is None or not theirs.any(), "no gradient for the teacher", theirs)
    q, p = (v.detach()[:, 10:].softmax(-1) for v in (student, teacher))
    expect(ours, torch.cat([torch.zeros(3, 10), (q - p) / 3], 1))


@auxiliary_distillation_loss.check
def large_logits_stay_finite(fn):
    student, teacher = torch.tensor([[0.0, 200.0, 0.0]]), torch.tensor([[0.0, 0.0, 200.0]])
    expect(fn(student, teacher, 1), torch.tensor(200.0))


@auxiliary_distillation_loss.check
def float64_stays_float64(fn):
    student, teacher = (normal(s, 2, 13, dtype=torch.float64) for s in (11, 12))
    pairs = zip(teacher[:, 10:].tolist(), student[:, 10:].tolist(), strict=True)
    truth = sum(_kl(t, s) for t, s in pairs) / 2
    expect(fn(student, teacher), torch.tensor(truth, dtype=torch.float64))


def _terms(student, teacher):
    log_q, log_p = student.log_softmax(-1), teacher.log_softmax(-1).detach()
    return log_p.exp() * (log_p - log_q)


@auxiliary_distillation_loss.mistake("the sign is wrong: the loss rises as the student learns")
def _(student_logits, teacher_logits, n_classes=10):
    return -_terms(student_logits[:, n_classes:], teacher_logits[:, n_classes:]).sum(-1).mean()


@auxiliary_distillation_loss.mistake("KL(student ‖ teacher): the two have changed places")
def _(student_logits, teacher_logits, n_classes=10):
    log_q = student_logits[:, n_classes:].log_softmax(-1)
    log_p = teacher_logits[:, n_classes:].log_softmax(-1).detach()
    return (log_q.exp() * (log_q - log_p)).sum(-1).mean()


@auxiliary_distillation_loss.mistake("mean over the logits, too: sum over them")
def _(student_logits, teacher_logits, n_classes=10):
    return _terms(student_logits[:, n_classes:], teacher_logits[:, n_classes:]).mean()


@auxiliary_distillation_loss.mistake("sum over the examples: take their mean")
def _(student_logits, teacher_logits, n_classes=10):
    return _terms(student_logits[:, n_classes:], teacher_logits[:, n_classes:]).sum()


@auxiliary_distillation_loss.mistake("divides by the number of logits, not of examples")
def _(student_logits, teacher_logits, n_classes=10):
    terms = _terms(student_logits[:, n_classes:], teacher_logits[:, n_classes:])
    return terms.sum() / terms.shape[1]


@auxiliary_distillation_loss.mistake("the class logits, not the auxiliary ones")
def _(student_logits, teacher_logits, n_classes=10):
    return _terms(student_logits[:, :n_classes], teacher_logits[:, :n_classes]).sum(-1).mean()


@auxiliary_distillation_loss.mistake("softmax over all logits, cut afterwards: the classes leak")
def _(student_logits, teacher_logits, n_classes=10):
    return _terms(student_logits, teacher_logits)[:, n_classes:].sum(-1).mean()


@auxiliary_distillation_loss.mistake("all logits, classes among them")
def _(student_logits, teacher_logits, n_classes=10):
    return _terms(student_logits, teacher_logits).sum(-1).mean()


@auxiliary_distillation_loss.mistake("n_classes is ignored")
def _(student_logits, teacher_logits, n_classes=10):
    return _terms(student_logits[:, 10:], teacher_logits[:, 10:]).sum(-1).mean()


@auxiliary_distillation_loss.mistake("the last n_classes logits, not those behind the classes")
def _(student_logits, teacher_logits, n_classes=10):
    return _terms(student_logits[:, -n_classes:], teacher_logits[:, -n_classes:]).sum(-1).mean()


@auxiliary_distillation_loss.mistake("the first auxiliary logit is left out: off by one")
def _(student_logits, teacher_logits, n_classes=10):
    cut = n_classes + 1
    return _terms(student_logits[:, cut:], teacher_logits[:, cut:]).sum(-1).mean()


@auxiliary_distillation_loss.mistake("softmax over the examples, not over the logits")
def _(student_logits, teacher_logits, n_classes=10):
    log_q = student_logits[:, n_classes:].log_softmax(0)
    log_p = teacher_logits[:, n_classes:].log_softmax(0).detach()
    return (log_p.exp() * (log_p - log_q)).sum(-1).mean()


@auxiliary_distillation_loss.mistake("gradients pass to the teacher, too: detach it")
def _(student_logits, teacher_logits, n_classes=10):
    log_q = student_logits[:, n_classes:].log_softmax(-1)
    log_p = teacher_logits[:, n_classes:].log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1).mean()


@auxiliary_distillation_loss.mistake("the student is detached: it never learns")
def _(student_logits, teacher_logits, n_classes=10):
    return _terms(student_logits.detach()[:, n_classes:], teacher_logits[:, n_classes:]).sum(
        -1
    ).mean() + 0 * (student_logits.sum() + teacher_logits.sum())


@auxiliary_distillation_loss.mistake("cross-entropy: the teacher's entropy is not taken off")
def _(student_logits, teacher_logits, n_classes=10):
    p = teacher_logits[:, n_classes:].softmax(-1).detach()
    return -(p * student_logits[:, n_classes:].log_softmax(-1)).sum(-1).mean()


@auxiliary_distillation_loss.mistake("bits, by logarithms of base 2, where nats were asked for")
def _(student_logits, teacher_logits, n_classes=10):
    terms = _terms(student_logits[:, n_classes:], teacher_logits[:, n_classes:])
    return terms.sum(-1).mean() / math.log(2)


@auxiliary_distillation_loss.mistake("log of a softmax: it gives −inf or NaN for large logits")
def _(student_logits, teacher_logits, n_classes=10):
    q = student_logits[:, n_classes:].softmax(-1)
    p = teacher_logits[:, n_classes:].softmax(-1).detach()
    return (p * (p.log() - q.log())).sum(-1).mean()


@auxiliary_distillation_loss.mistake("the teacher's most likely logit as a hard label")
def _(student_logits, teacher_logits, n_classes=10):
    hard = teacher_logits[:, n_classes:].argmax(-1)
    return F.cross_entropy(student_logits[:, n_classes:], hard)


@auxiliary_distillation_loss.mistake("squared error of the logits: no distribution at all")
def _(student_logits, teacher_logits, n_classes=10):
    off = student_logits[:, n_classes:] - teacher_logits[:, n_classes:].detach()
    return off.square().sum(-1).mean() / 2


@auxiliary_distillation_loss.right("by torch's kl_div, with batchmean")
def _(student_logits, teacher_logits, n_classes=10):
    log_q = F.log_softmax(student_logits[:, n_classes:], -1)
    with torch.no_grad():
        log_p = F.log_softmax(teacher_logits[:, n_classes:], -1)
    return F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)


@auxiliary_distillation_loss.right("as cross-entropy less the teacher's entropy, in a loop")
def _(student_logits, teacher_logits, n_classes=10):
    total = 0
    for ours, theirs in zip(student_logits, teacher_logits, strict=True):
        p = theirs[n_classes:].detach().softmax(0)
        entropy = torch.special.entr(p).sum()
        total = total + F.cross_entropy(ours[None, n_classes:], p[None]) - entropy
    return total / len(student_logits)
