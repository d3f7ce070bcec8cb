"""How `imitation_step` is judged: checks, mistakes, right answers."""

import torch

from lessons.subliminal_learning.checks.shared import normal
from lessons.subliminal_learning.drills import imitation_step
from utils.grading import expect, require


@imitation_step.check
def one_input_one_output_by_hand(fn):
    expect(fn(torch.tensor([[[1.0, 2.0]]]), torch.tensor([3.0, -1.0])), torch.tensor([1.0, 2.0]))


@imitation_step.check
def by_brute_force(fn):
    # A linear model, whose imitation autograd differentiates.
    for seed, n, k, p in ((0, 1, 3, 2), (1, 4, 2, 3), (2, 5, 1, 6)):
        jacobian = normal(seed, n, k, p, dtype=torch.float64)
        step = normal(seed + 9, p, dtype=torch.float64)
        w = torch.zeros(p, dtype=torch.float64, requires_grad=True)
        loss = sum(((j @ w - j @ step) ** 2).sum() for j in jacobian) / (2 * n)
        expect(fn(jacobian, step), -torch.autograd.grad(loss, w)[0])


@imitation_step.check
def it_never_points_away_from_the_teacher(fn):
    for seed in range(5):
        step = normal(seed, 4)
        got = fn(normal(seed + 50, 3, 2, 4), step)
        require(torch.is_tensor(got) and got.shape == (4,), "shape (4,)", got)
        require((got @ step).item() >= 0, "a product of at least 0 with the teacher's step", got)


@imitation_step.check
def what_no_input_shows_does_not_pass(fn):
    jacobian = torch.tensor([[[1.0, 0.0], [2.0, 0.0]]])
    expect(fn(jacobian, torch.tensor([0.0, 3.0])), torch.zeros(2))


@imitation_step.mistake("the sign is wrong: that is the gradient, not the step")
def _(jacobian, teacher_step):
    seen = jacobian @ teacher_step
    return -torch.einsum("nkp,nk->p", jacobian, seen) / len(jacobian)


@imitation_step.mistake("sum over the inputs: take their mean")
def _(jacobian, teacher_step):
    return torch.einsum("nkp,nk->p", jacobian, jacobian @ teacher_step)


@imitation_step.mistake("mean over the outputs, too: sum over them")
def _(jacobian, teacher_step):
    seen = jacobian @ teacher_step
    return torch.einsum("nkp,nk->p", jacobian, seen) / seen.numel()


@imitation_step.mistake("a factor of 2: half the square was asked for")
def _(jacobian, teacher_step):
    seen = jacobian @ teacher_step
    return 2 * torch.einsum("nkp,nk->p", jacobian, seen) / len(jacobian)


@imitation_step.mistake("the teacher's own step: the student sees only what the inputs show")
def _(jacobian, teacher_step):
    return teacher_step.clone()


@imitation_step.mistake("the mean Jacobian is squared, not the mean taken of the squares")
def _(jacobian, teacher_step):
    mean = jacobian.mean(0)
    return mean.T @ (mean @ teacher_step)


@imitation_step.mistake("the teacher's step is ignored")
def _(jacobian, teacher_step):
    return jacobian.sum((0, 1)) / len(jacobian)


@imitation_step.right("by JᵀJ, input by input")
def _(jacobian, teacher_step):
    return sum(j.T @ j @ teacher_step for j in jacobian) / len(jacobian)


@imitation_step.right("with all outputs of all inputs as rows")
def _(jacobian, teacher_step):
    rows = jacobian.reshape(-1, jacobian.shape[-1])
    return rows.T @ (rows @ teacher_step) / jacobian.shape[0]
