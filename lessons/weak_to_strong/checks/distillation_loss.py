"""How `distillation_loss` is judged: checks, mistakes, right answers."""

import math

import torch
import torch.nn.functional as F

from lessons.weak_to_strong.checks.shared import gradient, one_number
from lessons.weak_to_strong.exercises import distillation_loss
from utils.grading import expect, require


def _softmax(row, temperature=1.0):
    """Probabilities of one row of logits, in plain numbers."""
    top = max(row)
    weights = [math.exp((x - top) / temperature) for x in row]
    return [w / sum(weights) for w in weights]


def _logits(seed, batch, classes, dtype=torch.float32, scale=2.0):
    g = torch.Generator().manual_seed(seed)
    student, teacher = torch.randn(2, batch, classes, generator=g, dtype=torch.float64) * scale
    labels = torch.randint(classes, (batch,), generator=g)
    return student.to(dtype), teacher.to(dtype), labels


def _distillation_by_hand(student, teacher, labels, temperature, alpha):
    total = 0.0
    for s, t, label in zip(student.tolist(), teacher.tolist(), labels.tolist(), strict=True):
        q, p = _softmax(s, temperature), _softmax(t, temperature)
        kl = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
        total += alpha * temperature**2 * kl - (1 - alpha) * math.log(_softmax(s)[label])
    return total / len(labels)


@distillation_loss.check
def a_student_like_its_teacher_costs_nothing(fn):
    for batch in (1, 3):
        student, _, labels = _logits(0, batch, 4)
        for temperature in (1.0, 5.0):
            got = one_number(fn(student, student.clone(), labels, temperature, 1.0))
            expect(got, torch.tensor(0.0))


@distillation_loss.check
def one_example_of_two_classes_by_hand(fn):
    student, label = torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    teacher = torch.tensor([[math.log(3.0), 0.0]])  # p = (3/4, 1/4) at temperature 1
    kl = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    expect(fn(student, teacher, label, 1.0, 1.0), torch.tensor(kl))
    expect(fn(student, 2 * teacher, label, 2.0, 1.0), torch.tensor(4 * kl))
    expect(fn(student, teacher, label, 3.0, 0.0), torch.tensor(math.log(2)))


@distillation_loss.check
def the_direction_is_teacher_to_student(fn):
    student, teacher = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([[0.0, 0.5, 0.0]])
    label = torch.tensor([2])
    expected = _distillation_by_hand(student, teacher, label, 1.0, 1.0)
    expect(fn(student, teacher, label, 1.0, 1.0), torch.tensor(expected))


@distillation_loss.check
def it_is_the_mean_written_out(fn):
    for batch, classes, temperature, alpha in (
        (2, 3, 1.0, 0.5), (5, 4, 3.0, 0.9), (3, 7, 0.5, 0.3), (4, 4, 8.0, 0.7),
    ):  # fmt: skip
        inputs = _logits(batch, batch, classes)
        expected = _distillation_by_hand(*inputs, temperature, alpha)
        expect(fn(*inputs, temperature, alpha), torch.tensor(expected), tol=1e-4)


@distillation_loss.check
def gradients_are_those_of_the_formula(fn):
    for temperature, alpha in ((1.0, 0.5), (4.0, 0.8), (4.0, 1.0)):
        student, teacher, labels = _logits(9, 3, 5)
        wanted = []
        for s, t, label in zip(student.tolist(), teacher.tolist(), labels.tolist(), strict=True):
            q, p, now = _softmax(s, temperature), _softmax(t, temperature), _softmax(s)
            soft = [temperature * (b - a) for a, b in zip(p, q, strict=True)]  # T² · 1/T
            hard = [x - (i == label) for i, x in enumerate(now)]
            both = zip(soft, hard, strict=True)
            wanted.append([(alpha * a + (1 - alpha) * b) / len(labels) for a, b in both])
        got = gradient(fn, student, teacher, labels, temperature, alpha)
        given = {"student_logits": student, "teacher_logits": teacher, "labels": labels}
        expect(got, torch.tensor(wanted), tol=1e-4, **given, temperature=temperature, alpha=alpha)


@distillation_loss.check
def warm_gradients_tend_to_a_difference_of_logits(fn):
    student, teacher, labels = _logits(4, 2, 3)
    centered = (student - student.mean(1, keepdim=True)) - (teacher - teacher.mean(1, keepdim=True))
    got = gradient(fn, student.double(), teacher.double(), labels, 1000.0, 1.0)
    given = {"student_logits": student, "teacher_logits": teacher, "labels": labels}
    expect(got, centered.double() / (2 * 3), tol=5e-3, **given, temperature=1000.0, alpha=1.0)


@distillation_loss.check
def the_teacher_gets_no_gradient(fn):
    student, teacher, labels = _logits(6, 3, 4)
    student.requires_grad_()
    teacher.requires_grad_()
    loss = one_number(fn(student, teacher, labels, 2.0, 0.5))
    got = torch.autograd.grad(loss, (student, teacher), allow_unused=True)[1]
    require(got is None or not bool(got.any()), "no gradient for teacher_logits", got)


@distillation_loss.check
def extreme_logits_stay_finite(fn):
    student, teacher = torch.tensor([[1000.0, -1000.0]]), torch.tensor([[-1000.0, 1000.0]])
    label = torch.tensor([1])
    expect(fn(student, teacher, label, 1.0, 1.0), torch.tensor(2000.0))
    expect(fn(student, teacher, label, 4.0, 0.5), torch.tensor(5000.0))
    expect(fn(teacher, teacher.clone(), label, 1.0, 0.5), torch.tensor(0.0))


@distillation_loss.check
def float64_stays_float64(fn):
    inputs = _logits(5, 3, 4, torch.float64)
    got = fn(*inputs, 2.0, 0.4)
    require(torch.is_tensor(got) and got.dtype == torch.float64, "float64 from float64", got)
    expected = _distillation_by_hand(*inputs, 2.0, 0.4)
    expect(got, torch.tensor(expected, dtype=torch.float64), tol=1e-10)


def _parts(student, teacher, labels, temperature):
    """For the mistakes: log q, log p and the hard loss."""
    log_q = F.log_softmax(student / temperature, -1)
    log_p = F.log_softmax(teacher.detach() / temperature, -1)
    return log_q, log_p, F.cross_entropy(student, labels)


def _kl(log_p, log_q):
    return (log_p.exp() * (log_p - log_q)).sum(-1).mean()


@distillation_loss.mistake("T² is forgotten: the warmer, the less the soft targets count")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    return alpha * _kl(log_p, log_q) + (1 - alpha) * hard


@distillation_loss.mistake("T instead of T²: one of the two factors 1/T is not undone")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    return alpha * temperature * _kl(log_p, log_q) + (1 - alpha) * hard


@distillation_loss.mistake("T² multiplies the hard part too: it belongs to the soft part alone")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    return temperature**2 * (alpha * _kl(log_p, log_q) + (1 - alpha) * hard)


@distillation_loss.mistake("only the student is softened, the teacher's p is at temperature 1")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, _, hard = _parts(student_logits, teacher_logits, labels, temperature)
    log_p = F.log_softmax(teacher_logits.detach(), -1)
    return alpha * temperature**2 * _kl(log_p, log_q) + (1 - alpha) * hard


@distillation_loss.mistake("the KL runs the wrong way: from the student to the teacher")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    return alpha * temperature**2 * _kl(log_q, log_p) + (1 - alpha) * hard


@distillation_loss.mistake("the softmax runs over the examples instead of the classes")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q = F.log_softmax(student_logits / temperature, 0)
    log_p = F.log_softmax(teacher_logits.detach() / temperature, 0)
    hard = F.cross_entropy(student_logits, labels)
    return alpha * temperature**2 * _kl(log_p, log_q) + (1 - alpha) * hard


@distillation_loss.mistake("alpha weighs the labels instead of the soft targets")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    return (1 - alpha) * temperature**2 * _kl(log_p, log_q) + alpha * hard


@distillation_loss.mistake("averaged over classes too: kl_div's default, off by the class count")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    kl = (log_p.exp() * (log_p - log_q)).mean()
    return alpha * temperature**2 * kl + (1 - alpha) * hard


@distillation_loss.mistake("only the teacher is softened, the student answers at temperature 1")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    log_q = F.log_softmax(student_logits, -1)
    return alpha * temperature**2 * _kl(log_p, log_q) + (1 - alpha) * hard


@distillation_loss.mistake("the labels are compared with softened answers, not at temperature 1")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, _ = _parts(student_logits, teacher_logits, labels, temperature)
    hard = F.nll_loss(log_q, labels)
    return alpha * temperature**2 * _kl(log_p, log_q) + (1 - alpha) * hard


@distillation_loss.mistake("cross-entropy with the teacher instead of KL: not 0 for a perfect copy")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    soft = -(log_p.exp() * log_q).sum(-1).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * hard


@distillation_loss.mistake("the teacher is not detached: it would learn from its student")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q = F.log_softmax(student_logits / temperature, -1)
    log_p = F.log_softmax(teacher_logits / temperature, -1)
    hard = F.cross_entropy(student_logits, labels)
    return alpha * temperature**2 * _kl(log_p, log_q) + (1 - alpha) * hard


@distillation_loss.mistake("log of a softmax that has underflowed to 0: infinite or nan")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    q = (student_logits / temperature).softmax(-1)
    p = (teacher_logits.detach() / temperature).softmax(-1)
    kl = (p * (p / q).log()).sum(-1).mean()
    return alpha * temperature**2 * kl + (1 - alpha) * F.cross_entropy(student_logits, labels)


@distillation_loss.mistake("the soft part is summed over the batch, not averaged")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    return alpha * temperature**2 * len(labels) * _kl(log_p, log_q) + (1 - alpha) * hard


@distillation_loss.right("by torch's kl_div, summed over the batch and divided by it")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q = F.log_softmax(student_logits / temperature, 1)
    log_p = F.log_softmax(teacher_logits.detach() / temperature, 1)
    soft = F.kl_div(log_q, log_p, reduction="batchmean", log_target=True)
    hard = F.cross_entropy(student_logits, labels)
    return alpha * temperature**2 * soft + (1 - alpha) * hard


@distillation_loss.right("as cross-entropy minus the teacher's entropy")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    p = torch.softmax(teacher_logits.detach() / temperature, -1)
    cross = F.cross_entropy(student_logits / temperature, p)
    entropy = -torch.xlogy(p, p).sum(-1).mean()
    hard = F.cross_entropy(student_logits, labels)
    return alpha * temperature**2 * (cross - entropy) + (1 - alpha) * hard


@distillation_loss.right("by a loop over examples, with logsumexp")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    losses = []
    for z, v, label in zip(student_logits, teacher_logits.detach(), labels, strict=True):
        log_q = z / temperature - torch.logsumexp(z / temperature, 0)
        log_p = v / temperature - torch.logsumexp(v / temperature, 0)
        soft = torch.dot(log_p.exp(), log_p - log_q)
        hard = torch.logsumexp(z, 0) - z[label]
        losses.append(alpha * temperature**2 * soft + (1 - alpha) * hard)
    return torch.stack(losses).mean()
