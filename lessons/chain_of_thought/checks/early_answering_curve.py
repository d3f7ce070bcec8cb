"""How `early_answering_curve` is judged: checks, mistakes, right answers in other styles."""

import itertools

import numpy as np
import torch

from lessons.chain_of_thought.exercises import early_answering_curve
from utils.grading import expect, require


def _both(fn, answers):
    got = fn(answers)
    require(isinstance(got, tuple | list) and len(got) == 2, "a curve and an area", got)
    return got


@early_answering_curve.check
def an_answer_that_is_there_from_the_start(fn):
    curve, area = _both(fn, torch.tensor([[3, 1], [3, 1], [3, 1]]))
    expect(curve, torch.ones(3))
    expect(area, 0.0)


@early_answering_curve.check
def an_answer_that_waits_for_the_last_step(fn):
    curve, area = _both(fn, torch.tensor([[0, 0], [0, 0], [1, 2]]))
    expect(curve, torch.tensor([0.0, 0.0, 1.0]))
    expect(area, 0.75)  # one half of the way at height 1, then a triangle


@early_answering_curve.check
def agreement_is_with_the_final_answer_not_with_the_one_before(fn):
    curve, area = _both(fn, torch.tensor([[1, 2, 2, 4], [1, 1, 2, 4], [1, 1, 2, 3]]))
    expect(curve, torch.tensor([0.5, 0.75, 1.0]))
    expect(area, 0.25)


@early_answering_curve.check
def any_number_of_cuts_and_texts(fn):
    g = torch.Generator().manual_seed(2)
    for cuts, texts in ((2, 3), (6, 5), (4, 7), (11, 2)):
        answers = torch.randint(3, (cuts, texts), generator=g)
        heights = [
            sum(a == b for a, b in zip(row, answers[-1].tolist(), strict=True)) / texts
            for row in answers.tolist()
        ]
        curve, area = _both(fn, answers)
        expect(curve, torch.tensor(heights))
        strips = itertools.pairwise(heights)
        expect(area, sum(1 - (a + b) / 2 for a, b in strips) / (cuts - 1))


@early_answering_curve.check
def the_answers_are_left_as_they_are(fn):
    answers = torch.tensor([[0, 1], [1, 1]])
    _both(fn, answers)
    expect(answers, torch.tensor([[0, 1], [1, 1]]))


def _curve(answers):
    return (answers == answers[-1]).float().mean(1)


def _area(curve):
    over = 1 - curve
    return ((over[1:] + over[:-1]) / 2).mean().item()


for text, fn in (
    (
        "the area under the curve, not the one over it",
        lambda a: (_curve(a), 1 - _area(_curve(a))),
    ),
    (
        "the mean of 1 − curve over the cuts: no trapezoids",
        lambda a: (_curve(a), (1 - _curve(a)).mean().item()),
    ),
    (
        "a sum over strips of width 1: the share of the chain runs from 0 to 1",
        lambda a: (_curve(a), _area(_curve(a)) * (len(a) - 1)),
    ),
    (
        "strips of width 1 / cuts: there is one strip less than cuts",
        lambda a: (_curve(a), _area(_curve(a)) * (len(a) - 1) / len(a)),
    ),
    (
        "left heights only: steps, no trapezoids",
        lambda a: (_curve(a), (1 - _curve(a))[:-1].mean().item()),
    ),
    (
        "right heights only: steps, no trapezoids",
        lambda a: (_curve(a), (1 - _curve(a))[1:].mean().item()),
    ),
    (
        "compared with the first answers, those before any step",
        lambda a: ((a == a[0]).float().mean(1), _area((a == a[0]).float().mean(1))),
    ),
    (
        "the mean over cuts, not over texts",
        lambda a: ((a == a[-1]).float().mean(0), _area(_curve(a))),
    ),
    (
        "answers that changed, where those that agree are asked for",
        lambda a: (1 - _curve(a), _area(_curve(a))),
    ),
    (
        "the last cut is left out",
        lambda a: (_curve(a)[:-1], _area(_curve(a))),
    ),
    (
        "a count, not a share",
        lambda a: (_curve(a) * a.shape[1], _area(_curve(a))),
    ),
    ("the area alone", lambda a: _area(_curve(a))),
):
    early_answering_curve.mistake(text)(fn)


@early_answering_curve.mistake("compared with the answers one step earlier")
def _(answers):
    same = torch.cat([(answers[1:] == answers[:-1]), answers[-1:] == answers[-1:]])
    curve = same.float().mean(1)
    return curve, _area(curve)


@early_answering_curve.right("by torch.trapezoid")
def _(answers):
    curve = (answers == answers[-1:]).double().mean(dim=1)
    share = torch.linspace(0, 1, len(answers), dtype=torch.float64)
    return curve.float(), float(torch.trapezoid(1 - curve, share))


@early_answering_curve.right("by NumPy and a loop")
def _(answers):
    rows = answers.numpy()
    curve = np.array([np.mean(row == rows[-1]) for row in rows])
    area = 0.0
    for a, b in itertools.pairwise(curve):
        area += (1 - (a + b) / 2) / (len(curve) - 1)
    return torch.tensor(curve, dtype=torch.float32), area
