"""How `one_step_alignment` is judged: checks, mistakes, right answers."""

import torch

from lessons.subliminal_learning.checks.shared import normal
from lessons.subliminal_learning.exercises import one_step_alignment
from utils.grading import expect, require

D = torch.float64


def _linear(w, x):
    """One output that is linear in the weights."""
    return (x @ w)[:, None]


def _two(w, x):
    """A small network of six weights with two outputs."""
    hidden = torch.tanh(x @ w[:4].reshape(2, 2))
    return torch.stack([hidden @ w[4:], hidden[:, 0] * w[5]], 1)


def _bowl(w):
    return (w - 1).square().sum() / 2


def _vector(*numbers):
    return torch.tensor(numbers, dtype=D)


def _cosine(a, b):
    return (a @ b) / (a.norm() * b.norm())


@one_step_alignment.check
def a_linear_model_by_hand(fn):
    # The teacher goes from (0, 0) along (1, 1); on x = (1, 0) the student goes along (1, 0).
    start, x = _vector(0, 0), _vector(1, 0)[None]
    for rate in (0.1, 1e-3):
        expect(fn(start, start, _linear, _bowl, x, rate), _vector(0.5**0.5)[0])


@one_step_alignment.check
def several_inputs_and_a_student_elsewhere(fn):
    start, student = _vector(0.5, -1, 2), _vector(3, 0.2, -1)
    x = normal(1, 5, 3, dtype=D)
    for s in (start, student):
        step = -0.2 * (start - 1)
        apart = x @ (start + step) - x @ s
        expect(fn(start, s, _linear, _bowl, x, 0.2), _cosine(step, x.T @ apart))


@one_step_alignment.check
def two_outputs_of_a_small_network(fn):
    # Against finite differences.
    start, student, x = (normal(s, *n, dtype=D) for s, n in ((2, (6,)), (3, (6,)), (4, (3, 2))))

    def slope(f, w):
        eye = 1e-5 * torch.eye(6, dtype=D)
        return torch.stack([(f(w + e) - f(w - e)) / 2e-5 for e in eye])

    def loss(w):
        return w.pow(4).sum() + w[0] * w[5]

    step = -0.05 * slope(loss, start)
    targets = _two(start + step, x)
    for s in (start, student):
        away = -slope(lambda w: sum((a - b).dot(a - b) for a, b in zip(_two(w, x), targets)), s)  # noqa: B905
        expect(fn(start, s, _two, loss, x, 0.05), _cosine(step, away), tol=1e-4)


@one_step_alignment.check
def from_one_start_a_small_step_never_points_away(fn):
    for seed in range(5):
        start = normal(10 + seed, 6, dtype=D)
        got = fn(start, start, _two, _bowl, normal(20 + seed, 4, 2, dtype=D), 1e-4)
        require(torch.is_tensor(got) and got.shape == (), "a tensor of shape ()", got)
        require(got.item() >= -1e-9, "a cosine of at least 0", got)


@one_step_alignment.check
def nothing_to_imitate_gives_zero(fn):
    start = _vector(0.5, 2)
    x = torch.ones(2, 2, dtype=D)
    expect(fn(_vector(1, 1), _vector(1, 1), _linear, _bowl, x, 0.1), _vector(0)[0])
    expect(fn(start, start, _linear, _bowl, torch.zeros(2, 2, dtype=D), 0.1), _vector(0)[0])


@one_step_alignment.check
def inputs_stay_as_they_are(fn):
    start, student = normal(5, 3), normal(6, 3)
    kept = start.clone(), student.clone()
    got = fn(start, student, _linear, _bowl, normal(7, 4, 3), 0.1)
    for name, w in (("start", start), ("student", student)):
        require(not w.requires_grad, f"{name} as it came, without a gradient: take a copy", w)
    require(torch.is_tensor(got), "a tensor", got)
    expect(got, got.detach().float())  # x's dtype
    expect(start, kept[0])
    expect(student, kept[1])


def _grad(f, at):
    w = at.detach().clone().requires_grad_()
    return torch.autograd.grad(f(w), w)[0]


def _steps(start, student, outputs, loss, x, rate):
    teacher = -rate * _grad(loss, start)
    targets = outputs(start + teacher, x).detach()

    def half(w):
        return (outputs(w, x) - targets).square().sum(-1).mean() / 2

    return teacher, -_grad(half, student)


def _cos(a, b):
    lengths = a.norm() * b.norm()
    return torch.zeros_like(lengths) if lengths == 0 else a @ b / lengths


@one_step_alignment.mistake("the student's gradient, not its step: the sign is wrong")
def _(*args):
    a, b = _steps(*args)
    return _cos(a, -b)


@one_step_alignment.mistake("the teacher climbs: its step is minus the gradient")
def _(start, student, outputs, loss, x, rate):
    up = rate * _grad(loss, start)
    targets = outputs(start + up, x).detach()
    step = -_grad(lambda w: (outputs(w, x) - targets).square().sum(-1).mean() / 2, student)
    return _cos(-up, step)


@one_step_alignment.mistake("the teacher climbs, and its step is the gradient")
def _(start, student, outputs, loss, x, rate):
    return _cos(*_steps(start, student, outputs, loss, x, -rate))


@one_step_alignment.mistake("the teacher's step is taken from `student`: it starts at `start`")
def _(start, student, outputs, loss, x, rate):
    step = -rate * _grad(loss, start)
    targets = outputs(student + step, x).detach()
    away = _grad(lambda w: (outputs(w, x) - targets).square().sum(-1).mean() / 2, student)
    return _cos(step, -away)


@one_step_alignment.mistake("the cosine's size: its sign is lost")
def _(*args):
    return _cos(*_steps(*args)).abs()


@one_step_alignment.mistake("the dot product, not divided by the lengths")
def _(*args):
    a, b = _steps(*args)
    return a @ b


@one_step_alignment.mistake("divided by one of the two lengths only")
def _(*args):
    a, b = _steps(*args)
    return torch.zeros_like(a[0]) if a.norm() == 0 else a @ b / a.norm()


@one_step_alignment.mistake("0 / 0 where nothing moves")
def _(*args):
    a, b = _steps(*args)
    return a @ b / (a.norm() * b.norm())


@one_step_alignment.mistake("the student starts where the teacher does: `student` is ignored")
def _(start, student, outputs, loss, x, rate):
    return _cos(*_steps(start, start, outputs, loss, x, rate))


@one_step_alignment.mistake("the teacher starts where the student does: `start` is ignored")
def _(start, student, outputs, loss, x, rate):
    return _cos(*_steps(student, student, outputs, loss, x, rate))


@one_step_alignment.mistake("the student imitates the untrained teacher")
def _(start, student, outputs, loss, x, rate):
    targets = outputs(start, x).detach()
    step = -_grad(lambda w: (outputs(w, x) - targets).square().sum(-1).mean() / 2, student)
    return _cos(-rate * _grad(loss, start), step)


@one_step_alignment.mistake("the way to the teacher's weights, in place of the student's step")
def _(start, student, outputs, loss, x, rate):
    a, _b = _steps(start, student, outputs, loss, x, rate)
    return _cos(a, start + a - student)


@one_step_alignment.mistake("rate is ignored: the teacher takes a step of rate 1")
def _(start, student, outputs, loss, x, rate):
    return _cos(*_steps(start, student, outputs, loss, x, 1.0))


@one_step_alignment.mistake("only the first output is imitated")
def _(start, student, outputs, loss, x, rate):
    return _cos(*_steps(start, student, lambda w, v: outputs(w, v)[:, :1], loss, x, rate))


@one_step_alignment.mistake("only the first input is imitated")
def _(start, student, outputs, loss, x, rate):
    return _cos(*_steps(start, student, outputs, loss, x[:1], rate))


@one_step_alignment.mistake("the distance itself, not its square")
def _(start, student, outputs, loss, x, rate):
    teacher = -rate * _grad(loss, start)
    targets = outputs(start + teacher, x).detach()

    def distance(w):
        return ((outputs(w, x) - targets).square().sum(-1) + 1e-30).sqrt().mean()

    return _cos(teacher, -_grad(distance, student))


@one_step_alignment.right("with a step of the student at some rate, by backward")
def _(start, student, outputs, loss, x, rate):
    t = start.clone().requires_grad_()
    loss(t).backward()
    taught = start - rate * t.grad
    s = student.clone().requires_grad_()
    off = outputs(s, x) - outputs(taught, x).detach()
    ((off**2).sum() / (2 * len(x))).backward()
    moved = -0.3 * s.grad
    if not moved.any() or not t.grad.any():
        return torch.zeros((), dtype=start.dtype)
    return torch.nn.functional.cosine_similarity(taught - start, moved, dim=0, eps=0)


@one_step_alignment.right("by jacobians: the student's step is Jᵀ times what is missing")
def _(start, student, outputs, loss, x, rate):
    a = -rate * torch.func.grad(loss)(start)
    missing = (outputs(start + a, x) - outputs(student, x)).flatten()
    jacobian = torch.func.jacrev(lambda w: outputs(w, x).flatten())(student)
    b = (jacobian * missing[:, None]).sum(0)
    size = a.square().sum().sqrt() * b.square().sum().sqrt()
    return (a * b).sum() / size if size > 0 else size
