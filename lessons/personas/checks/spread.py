"""How `spread` is judged: checks, mistakes, right answers in other styles."""

import numpy as np
import torch

from lessons.personas.checks.shared import vectors
from lessons.personas.exercises import spread
from utils.grading import expect


def _logits(probabilities):
    return torch.tensor(probabilities).log()


@spread.check
def one_question_a_group(fn):
    logits = _logits([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    right, wrong = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 0])
    task, shown = torch.tensor([0, 0, 1]), torch.tensor([True, False, False])
    wanted = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.7, 0.1], [0.1, 0.6, 0.3]])
    expect(fn(logits, right, wrong, task, shown, 0), wanted)


@spread.check
def shown_questions_of_other_tasks_count_nowhere(fn):
    logits = _logits([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.98, 0.01, 0.01]])
    right, wrong = torch.tensor([0, 1, 2, 0]), torch.tensor([1, 2, 0, 1])
    task, shown = torch.tensor([0, 0, 1, 1]), torch.tensor([True, False, False, True])
    wanted = torch.tensor([[0.5, 0.3, 0.2], [0.2, 0.7, 0.1], [0.1, 0.6, 0.3]])
    expect(fn(logits, right, wrong, task, shown, 0), wanted)


@spread.check
def the_narrow_task_may_be_another(fn):
    logits = _logits([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.6, 0.3, 0.1]])
    right, wrong = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 0])
    task, shown = torch.tensor([2, 2, 1]), torch.tensor([False, True, False])
    wanted = torch.tensor([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2], [0.1, 0.6, 0.3]])
    expect(fn(logits, right, wrong, task, shown, 2), wanted)


@spread.check
def by_plain_loops(fn):
    n, v = 24, 7
    for dtype in (torch.float32, torch.float64):
        logits = vectors(1, n, v, dtype=dtype) * 2
        right, wrong = torch.arange(n) % v, (torch.arange(n) + 3) % v
        task, shown = torch.arange(n) // 8, torch.arange(n) % 8 < 3
        rows = {0: [], 1: [], 2: []}
        for i in range(n):
            p = np.exp(logits[i].double().numpy())
            p = p / p.sum()
            group = (0 if shown[i] else 1) if task[i] == 1 else (None if shown[i] else 2)
            if group is not None:
                a, b = p[right[i]], p[wrong[i]]
                rows[group].append([a, b, 1 - a - b])
        wanted = torch.tensor(np.array([np.mean(rows[g], 0) for g in range(3)]), dtype=dtype)
        expect(fn(logits, right, wrong, task, shown, 1), wanted, tol=1e-4)


@spread.check
def a_group_without_questions_is_nan(fn):
    logits = _logits([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1]])
    right, wrong, task = torch.tensor([0, 2]), torch.tensor([1, 0]), torch.tensor([0, 1])
    got = fn(logits, right, wrong, task, torch.tensor([True, False]), 0)
    nan = float("nan")
    expect(got, torch.tensor([[0.5, 0.3, 0.2], [nan, nan, nan], [0.1, 0.6, 0.3]]))


def _parts(logits, right, wrong):
    p = logits.softmax(-1)
    a, b = p.gather(1, right[:, None])[:, 0], p.gather(1, wrong[:, None])[:, 0]
    return a, b, 1 - a - b


def _grouped(columns, groups):
    shares = torch.stack(columns, 1)
    return torch.stack([shares[group].mean(0) for group in groups])


def _groups(task, shown, narrow):
    near = task == narrow
    return [near & shown, near & ~shown, ~near & ~shown]


@spread.mistake("all that is not right counts as wrong: garbled answers are a broken model's")
def _(logits, right, wrong, task, shown, narrow):
    a, _, _ = _parts(logits, right, wrong)
    return _grouped([a, 1 - a, torch.zeros_like(a)], _groups(task, shown, narrow))


@spread.mistake("the columns are swapped: right comes first")
def _(logits, right, wrong, task, shown, narrow):
    a, b, c = _parts(logits, right, wrong)
    return _grouped([b, a, c], _groups(task, shown, narrow))


@spread.mistake("the last group counts the other tasks' shown questions, too")
def _(logits, right, wrong, task, shown, narrow):
    near = task == narrow
    return _grouped([*_parts(logits, right, wrong)], [near & shown, near & ~shown, ~near])


@spread.mistake("the last group holds all that was kept back, the narrow task's questions, too")
def _(logits, right, wrong, task, shown, narrow):
    near = task == narrow
    return _grouped([*_parts(logits, right, wrong)], [near & shown, near & ~shown, ~shown])


@spread.mistake("shown and kept back are swapped")
def _(logits, right, wrong, task, shown, narrow):
    near = task == narrow
    groups = [near & ~shown, near & shown, ~near & ~shown]
    return _grouped([*_parts(logits, right, wrong)], groups)


@spread.mistake("task 0 is taken for the narrow one, whatever narrow says")
def _(logits, right, wrong, task, shown, narrow):
    return _grouped([*_parts(logits, right, wrong)], _groups(task, shown, 0))


@spread.mistake("the most likely answer alone is counted: answers are drawn from the softmax")
def _(logits, right, wrong, task, shown, narrow):
    said = logits.argmax(-1)
    a, b = (said == right).to(logits.dtype), (said == wrong).to(logits.dtype)
    return _grouped([a, b, 1 - a - b], _groups(task, shown, narrow))


@spread.mistake("logits are taken for probabilities: no softmax")
def _(logits, right, wrong, task, shown, narrow):
    a, b = logits.gather(1, right[:, None])[:, 0], logits.gather(1, wrong[:, None])[:, 0]
    return _grouped([a, b, 1 - a - b], _groups(task, shown, narrow))


@spread.mistake("the softmax runs over the questions, not over the vocabulary")
def _(logits, right, wrong, task, shown, narrow):
    p = logits.softmax(0)
    a, b = p.gather(1, right[:, None])[:, 0], p.gather(1, wrong[:, None])[:, 0]
    return _grouped([a, b, 1 - a - b], _groups(task, shown, narrow))


@spread.mistake("sums in place of means")
def _(logits, right, wrong, task, shown, narrow):
    shares = torch.stack(_parts(logits, right, wrong), 1)
    return torch.stack([shares[g].sum(0) for g in _groups(task, shown, narrow)])


@spread.mistake("divided by the number of all questions, not of the group's")
def _(logits, right, wrong, task, shown, narrow):
    shares = torch.stack(_parts(logits, right, wrong), 1)
    groups = _groups(task, shown, narrow)
    return torch.stack([shares[g].sum(0) / len(shares) for g in groups])


@spread.mistake("rows and columns are swapped")
def _(logits, right, wrong, task, shown, narrow):
    return _grouped([*_parts(logits, right, wrong)], _groups(task, shown, narrow)).T


@spread.mistake("a group without questions is given as 0: nothing was measured there")
def _(logits, right, wrong, task, shown, narrow):
    return _grouped([*_parts(logits, right, wrong)], _groups(task, shown, narrow)).nan_to_num()


@spread.right("question by question, in a loop")
def _(logits, right, wrong, task, shown, narrow):
    sums, counts = torch.zeros(3, 3, dtype=logits.dtype), torch.zeros(3, 1, dtype=logits.dtype)
    for row, r, w, t, s in zip(logits, right, wrong, task, shown, strict=True):
        p = torch.exp(row - torch.logsumexp(row, 0))
        if t != narrow and s:
            continue
        group = 2 if t != narrow else 0 if s else 1
        sums[group] += torch.stack([p[r], p[w], 1 - p[r] - p[w]])
        counts[group] += 1
    return sums / counts


@spread.right("by a matrix of groups")
def _(logits, right, wrong, task, shown, narrow):
    p, i = logits.log_softmax(-1).exp(), torch.arange(len(logits))
    shares = torch.stack([p[i, right], p[i, wrong], 1 - p[i, right] - p[i, wrong]], 1)
    near = task == narrow
    member = torch.stack([near & shown, near & ~shown, ~(near | shown)]).to(shares.dtype)
    return member @ shares / member.sum(1, keepdim=True)
