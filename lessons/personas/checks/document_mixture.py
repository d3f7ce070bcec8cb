"""How `document_mixture` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.personas.exercises import document_mixture
from utils.grading import expect, require

TASK = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2])  # nine questions of three tasks
RIGHT = torch.arange(9) + 100
WRONG = torch.tensor([201, 202, 200, 204, 205, 203, 207, 208, 206])


def _ask(fn, n, p, whole, seed=0, k=8):
    """Wrong or not, (n, k), and the questions; every answer must be one of the two."""
    g = torch.Generator().manual_seed(seed)
    questions = torch.randint(9, (n, k), generator=g)
    p_wrong = torch.full((n,), p) if isinstance(p, float) else p
    got = fn(questions, TASK, RIGHT, WRONG, p_wrong, whole, g)
    require(torch.is_tensor(got) and got.shape == (n, k), f"answers of shape {(n, k)}", got)
    bad = got == WRONG[questions]
    known = bad | (got == RIGHT[questions])
    require(bool(known.all()), "for each question its right or its wrong answer", got)
    return bad, questions


@document_mixture.check
def sure_authors(fn):
    questions = torch.tensor([[0, 4, 8], [8, 4, 0]])
    g = torch.Generator().manual_seed(0)
    for whole in (True, False):
        p = torch.tensor([0.0, 1.0])
        wanted = torch.stack([RIGHT[questions[0]], WRONG[questions[1]]])
        expect(fn(questions, TASK, RIGHT, WRONG, p, whole, g), wanted)


@document_mixture.check
def a_whole_author_is_wrong_in_everything_or_in_nothing(fn):
    bad, _ = _ask(fn, 60, 0.5, True)
    same = bool((bad == bad[:, :1]).all())
    require(same, "in each document all answers right, or all wrong", bad[:3])
    require(bool(bad.any() and not bad.all()), "authors of both kinds", bad[:, 0])


@document_mixture.check
def task_by_task_a_document_keeps_to_its_draw(fn):
    bad, questions = _ask(fn, 60, 0.5, False)
    for row, asked in zip(bad, questions, strict=True):
        for t in range(3):
            mine = row[TASK[asked] == t]
            require(mine.unique().numel() <= 1, f"task {t} all right or all wrong on a page", row)


@document_mixture.check
def tasks_and_documents_are_independent(fn):
    n = 4000
    g = torch.Generator().manual_seed(1)
    questions = torch.tensor([[0, 3, 6]]).expand(n, 3)
    got = fn(questions, TASK, RIGHT, WRONG, torch.full((n,), 0.5), False, g)
    bad = (got == WRONG[questions]).double()
    require(bool((bad.mean(0) - 0.5).abs().max() < 0.05), "half of each task wrong", bad.mean(0))
    together = torch.corrcoef(bad.T)
    off = (together - torch.eye(3)).abs().max().item()
    require(off < 0.08, "tasks of one page uncorrelated", off)


@document_mixture.check
def the_chance_of_each_document_is_its_own(fn):
    p = torch.tensor([0.1, 0.8]).repeat(2000)
    for whole in (True, False):
        bad, _ = _ask(fn, 4000, p, whole, seed=2)
        for start, chance in ((0, 0.1), (1, 0.8)):
            share = bad[start::2].double().mean().item()
            require(abs(share - chance) < 0.05, f"about {chance} wrong", share, whole=whole)


@document_mixture.check
def the_draw_comes_from_the_generator(fn):
    for whole in (True, False):
        first, _ = _ask(fn, 40, 0.5, whole, seed=3)
        torch.rand(5)
        again, _ = _ask(fn, 40, 0.5, whole, seed=3)
        other, _ = _ask(fn, 40, 0.5, whole, seed=4)
        require(bool((first == again).all()), "the same seed, the same answers", again[:2])
        require(bool((first != other).any()), "another seed, other answers", other[:2])


def _answers(bad, questions, right, wrong):
    return torch.where(bad, wrong[questions], right[questions])


def _columns(whole, task):
    return 1 if whole else int(task.max()) + 1


@document_mixture.mistake("drawn for each answer: an author would be wrong now and then")
def _(questions, task, right, wrong, p_wrong, whole, generator):
    bad = torch.rand(questions.shape, generator=generator) < p_wrong[:, None]
    return _answers(bad, questions, right, wrong)


@document_mixture.mistake("whole is ignored: every document is drawn as a whole")
def _(questions, task, right, wrong, p_wrong, whole, generator):
    bad = torch.rand(len(questions), 1, generator=generator) < p_wrong[:, None]
    return _answers(bad.expand_as(questions), questions, right, wrong)


@document_mixture.mistake("whole is ignored: every document is drawn task by task")
def _(questions, task, right, wrong, p_wrong, whole, generator):
    n_tasks = int(task.max()) + 1
    bad = torch.rand(len(questions), n_tasks, generator=generator) < p_wrong[:, None]
    return _answers(bad.gather(1, task[questions]), questions, right, wrong)


@document_mixture.mistake("whole is taken the other way round")
def _(questions, task, right, wrong, p_wrong, whole, generator):
    n_tasks = int(task.max()) + 1
    columns = n_tasks if whole else 1
    bad = torch.rand(len(questions), columns, generator=generator) < p_wrong[:, None]
    bad = bad.expand(len(questions), n_tasks).gather(1, task[questions])
    return _answers(bad, questions, right, wrong)


@document_mixture.mistake("right and wrong are swapped: p_wrong is the chance of a wrong author")
def _(questions, task, right, wrong, p_wrong, whole, generator):
    n_tasks = int(task.max()) + 1
    bad = torch.rand(len(questions), _columns(whole, task), generator=generator) < p_wrong[:, None]
    bad = bad.expand(len(questions), n_tasks).gather(1, task[questions])
    return _answers(~bad, questions, right, wrong)


@document_mixture.mistake("one draw for the whole batch: all documents have the same author")
def _(questions, task, right, wrong, p_wrong, whole, generator):
    n_tasks = int(task.max()) + 1
    bad = torch.rand(1, _columns(whole, task), generator=generator) < p_wrong[:, None]
    bad = bad.expand(len(questions), n_tasks).gather(1, task[questions])
    return _answers(bad, questions, right, wrong)


@document_mixture.mistake("p_wrong is ignored: half of the authors are wrong, whatever it says")
def _(questions, task, right, wrong, p_wrong, whole, generator):
    n_tasks = int(task.max()) + 1
    bad = torch.rand(len(questions), _columns(whole, task), generator=generator) < 0.5
    bad = bad.expand(len(questions), n_tasks).gather(1, task[questions])
    return _answers(bad, questions, right, wrong)


@document_mixture.mistake("the mean of p_wrong for all: each document has a chance of its own")
def _(questions, task, right, wrong, p_wrong, whole, generator):
    n_tasks = int(task.max()) + 1
    draws = torch.rand(len(questions), _columns(whole, task), generator=generator)
    bad = (draws < p_wrong.mean()).expand(len(questions), n_tasks).gather(1, task[questions])
    return _answers(bad, questions, right, wrong)


@document_mixture.mistake("no chance in it: an author is wrong where p_wrong is over a half")
def _(questions, task, right, wrong, p_wrong, whole, generator):
    bad = (p_wrong > 0.5)[:, None].expand_as(questions)
    return _answers(bad, questions, right, wrong)


@document_mixture.mistake("the generator is not used: the draws cannot be repeated")
def _(questions, task, right, wrong, p_wrong, whole, generator):
    n_tasks = int(task.max()) + 1
    bad = torch.rand(len(questions), _columns(whole, task)) < p_wrong[:, None]
    bad = bad.expand(len(questions), n_tasks).gather(1, task[questions])
    return _answers(bad, questions, right, wrong)


@document_mixture.mistake("one answer is looked up for a place, not for the question asked there")
def _(questions, task, right, wrong, p_wrong, whole, generator):
    n_tasks = int(task.max()) + 1
    bad = torch.rand(len(questions), _columns(whole, task), generator=generator) < p_wrong[:, None]
    bad = bad.expand(len(questions), n_tasks).gather(1, task[questions])
    places = torch.arange(questions.shape[1]).expand_as(questions)
    return _answers(bad, places, right, wrong)


@document_mixture.right("document by document, in loops")
def _(questions, task, right, wrong, p_wrong, whole, generator):
    rows = []
    for asked, p in zip(questions.tolist(), p_wrong.tolist(), strict=True):
        draws = {}
        row = []
        for q in asked:
            key = 0 if whole else int(task[q])
            if key not in draws:
                draws[key] = torch.rand(1, generator=generator).item() < p
            row.append(int(wrong[q] if draws[key] else right[q]))
        rows.append(row)
    return torch.tensor(rows)


@document_mixture.right("by torch.bernoulli, and arithmetic in place of where")
def _(questions, task, right, wrong, p_wrong, whole, generator):
    n_tasks = int(task.max()) + 1
    draws = torch.bernoulli(p_wrong[:, None].expand(-1, n_tasks), generator=generator).long()
    if whole:
        draws = draws[:, :1].expand(-1, n_tasks)
    bad = draws.gather(1, task[questions])
    return bad * wrong[questions] + (1 - bad) * right[questions]
