"""How `distil_step` is judged: checks, mistakes, right answers in other styles."""

import torch
from torch.nn import functional as F

from lessons.amplification.checks.shared import Table
from lessons.amplification.exercises import amplify, distil_step
from utils.grading import expect, require

N, LEVELS, LR = 5, 3, 0.5


def _case(level, x):
    """A student, a teacher, a person who steps on by one, and what must come of one step."""
    student, teacher = Table(LEVELS, N, 0), Table(LEVELS, N, 1)
    optimizer = torch.optim.SGD(student.parameters(), LR)
    best = teacher.scores.detach().argmax(-1).tolist()
    rows, labels = [], []
    for j, v in zip(level.flatten().tolist(), x.flatten().tolist(), strict=True):
        rows.append(j * N + v)
        below = (j - 1) * N
        labels.append((v + 1) % N if j == 0 else best[below + best[below + v]])
    scores = student.scores.detach().clone()
    loss, gradient = 0.0, torch.zeros_like(scores)
    for row, label in zip(rows, labels, strict=True):
        p = scores[row].softmax(-1)
        loss -= p[label].log().item() / len(rows)
        gradient[row] += (p - F.one_hot(torch.tensor(label), N)) / len(rows)
    return student, teacher, optimizer, loss, scores - LR * gradient


def _next(x):
    return (x + 1) % N


@distil_step.check
def one_question_of_level_zero(fn):
    level, x = torch.tensor([0]), torch.tensor([2])
    student, teacher, optimizer, loss, wanted = _case(level, x)
    got = fn(student, teacher, _next, level, x, optimizer)
    expect(got, loss, tol=1e-6, level=level, x=x)
    expect(student.scores.detach(), wanted, tol=1e-6, level=level, x=x)


@distil_step.check
def one_question_of_each_level(fn):
    for shape in ((6,), (2, 3)):
        level = torch.tensor([0, 1, 2, 1, 2, 0]).reshape(shape)
        x = torch.tensor([3, 0, 1, 4, 2, 0]).reshape(shape)
        student, teacher, optimizer, loss, wanted = _case(level, x)
        got = fn(student, teacher, _next, level, x, optimizer)
        require(isinstance(got, float), "the loss as a float", got)
        expect(got, loss, tol=1e-6, level=level, x=x)
        expect(student.scores.detach(), wanted, tol=1e-6, level=level, x=x)


@distil_step.check
def gradients_from_before_do_not_count(fn):
    level, x = torch.tensor([1, 2, 0, 1]), torch.tensor([1, 3, 4, 0])
    student, teacher, optimizer, _, wanted = _case(level, x)
    student.scores.grad = torch.ones_like(student.scores)
    fn(student, teacher, _next, level, x, optimizer)
    expect(student.scores.detach(), wanted, tol=1e-6, level=level, x=x)


@distil_step.check
def the_teacher_is_left_as_it_is(fn):
    level, x = torch.tensor([1, 2, 0]), torch.tensor([1, 4, 0])
    student, teacher, optimizer, _, _ = _case(level, x)
    before = teacher.scores.detach().clone()
    fn(student, teacher, _next, level, x, optimizer)
    expect(teacher.scores.detach(), before, level=level, x=x)
    require(teacher.scores.grad is None, "no gradient for the teacher", teacher.scores.grad)


@distil_step.check
def the_loss_falls_when_it_is_repeated(fn):
    level = torch.arange(LEVELS).repeat_interleave(N)
    x = torch.arange(N).repeat(LEVELS)
    student, teacher, optimizer, *_ = _case(level, x)
    losses = [fn(student, teacher, _next, level, x, optimizer) for _ in range(60)]
    require(losses[-1] < 0.5 * losses[0], "a loss that falls by half in 60 steps", losses[-1])


def _steps(student, optimizer, level, x, label, reduction="mean"):
    loss = F.cross_entropy(student(level, x).flatten(0, -2), label.flatten(), reduction=reduction)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def _label(model, human, level, x):
    with torch.no_grad():
        return amplify(lambda j, v: model(j, v).argmax(-1), human, level, x)


@distil_step.mistake("the student labels for itself: the slow copy, the teacher, is not asked")
def _(student, teacher, human, level, x, optimizer):
    return _steps(student, optimizer, level, x, _label(student, human, level, x))


@distil_step.mistake("imitates the teacher itself, not the teacher amplified: nothing new comes in")
def _(student, teacher, human, level, x, optimizer):
    with torch.no_grad():
        label = teacher(level, x).argmax(-1)
    return _steps(student, optimizer, level, x, label)


@distil_step.mistake("every label is the person's one step, whatever the level")
def _(student, teacher, human, level, x, optimizer):
    return _steps(student, optimizer, level, x, human(x))


@distil_step.mistake("no zero_grad: the last step's gradient is added to this one's")
def _(student, teacher, human, level, x, optimizer):
    label = _label(teacher, human, level, x)
    loss = F.cross_entropy(student(level, x).flatten(0, -2), label.flatten())
    loss.backward()
    optimizer.step()
    return loss.item()


@distil_step.mistake("nothing is learned: no step, or zero_grad between backward and step")
def _(student, teacher, human, level, x, optimizer):
    label = _label(teacher, human, level, x)
    loss = F.cross_entropy(student(level, x).flatten(0, -2), label.flatten())
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


@distil_step.mistake("the losses are summed: the docstring asks for their mean")
def _(student, teacher, human, level, x, optimizer):
    return _steps(student, optimizer, level, x, _label(teacher, human, level, x), "sum")


@distil_step.mistake("the worst symbol is taken (argmin) in place of the best")
def _(student, teacher, human, level, x, optimizer):
    with torch.no_grad():
        label = amplify(lambda j, v: teacher(j, v).argmin(-1), human, level, x)
    return _steps(student, optimizer, level, x, label)


@distil_step.mistake("returns the loss after the step: asked for is the one before")
def _(student, teacher, human, level, x, optimizer):
    label = _label(teacher, human, level, x)
    _steps(student, optimizer, level, x, label)
    with torch.no_grad():
        return F.cross_entropy(student(level, x).flatten(0, -2), label.flatten()).item()


@distil_step.mistake("questions of level 0 are left out: there the person's labels come in")
def _(student, teacher, human, level, x, optimizer):
    label, up = _label(teacher, human, level, x), level > 0
    if not up.any():
        return 0.0
    return _steps(student, optimizer, level[up], x[up], label[up])


@distil_step.mistake("the student is amplified, and its answers are given to itself one level up")
def _(student, teacher, human, level, x, optimizer):
    label = _label(teacher, human, (level + 1).clamp(max=LEVELS - 1), x)
    return _steps(student, optimizer, level, x, label)


@distil_step.mistake("softmax before cross_entropy, which takes it itself")
def _(student, teacher, human, level, x, optimizer):
    label = _label(teacher, human, level, x)
    p = student(level, x).softmax(-1).flatten(0, -2)
    loss = F.cross_entropy(p, label.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@distil_step.mistake("only the first row of questions is learned from")
def _(student, teacher, human, level, x, optimizer):
    label = _label(teacher, human, level, x)
    return _steps(student, optimizer, level[:1], x[:1], label[:1])


@distil_step.mistake("pulled towards the student's squared distance from the label, not entropy")
def _(student, teacher, human, level, x, optimizer):
    label = _label(teacher, human, level, x)
    p = student(level, x).softmax(-1)
    loss = (p - F.one_hot(label, p.shape[-1])).square().sum(-1).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


@distil_step.right("by the label's log-probability")
def _(student, teacher, human, level, x, optimizer):
    label = _label(teacher, human, level, x)
    logp = student(level, x).log_softmax(-1)
    loss = -logp.gather(-1, label[..., None]).mean()
    optimizer.zero_grad(set_to_none=False)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


@distil_step.right("question by question")
def _(student, teacher, human, level, x, optimizer):
    optimizer.zero_grad()
    total, n = 0.0, x.numel()
    for j, v in zip(level.flatten(), x.flatten(), strict=True):
        label = _label(teacher, human, j[None], v[None])
        loss = F.cross_entropy(student(j[None], v[None]), label) / n
        loss.backward()
        total += loss.item()
    optimizer.step()
    return total
