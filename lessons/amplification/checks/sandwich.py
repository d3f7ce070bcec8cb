"""How `sandwich` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.amplification.exercises import sandwich
from utils.grading import expect, require


def _p(*values):
    return torch.tensor(values, dtype=torch.float64).log()


def _world(seed, answers, sights):
    """Two observers of one answer, by plain counting: what each alone and what both should say."""
    g = torch.Generator().manual_seed(seed)

    def shares(*shape):
        drawn = torch.rand(*shape, generator=g, dtype=torch.float64) + 0.05
        return drawn / drawn.sum(-1, keepdim=True)

    prior, a_given, b_given = shares(answers), shares(answers, sights), shares(answers, sights)
    alone_a, alone_b, both = [], [], []
    for i in range(sights):
        for j in range(sights):
            a = [prior[y].item() * a_given[y, i].item() for y in range(answers)]
            b = [prior[y].item() * b_given[y, j].item() for y in range(answers)]
            c = [a[y] * b_given[y, j].item() for y in range(answers)]
            for rows, w in ((alone_a, a), (alone_b, b), (both, c)):
                rows.append([v / sum(w) for v in w])
    logs = [torch.tensor(rows, dtype=torch.float64).log() for rows in (alone_a, alone_b, both)]
    return *logs, prior.log()


@sandwich.check
def two_of_the_same_mind_are_surer(fn):
    half = _p(0.5, 0.5)
    got = fn(_p(0.8, 0.2), _p(0.8, 0.2), half)
    expect(got, _p(16 / 17, 1 / 17))


@sandwich.check
def who_knows_nothing_changes_nothing(fn):
    prior = _p(0.7, 0.2, 0.1)
    other = _p(0.2, 0.3, 0.5)
    expect(fn(other, prior, prior), other)
    expect(fn(prior, other, prior), other)


@sandwich.check
def bayes_by_counting(fn):
    for seed, answers, sights in ((0, 2, 2), (1, 3, 2), (2, 4, 4), (3, 4, 2)):
        a, b, both, prior = _world(seed, answers, sights)
        expect(fn(a, b, prior), both, tol=1e-6)


@sandwich.check
def rows_sum_to_one_whatever_the_shape(fn):
    g = torch.Generator().manual_seed(4)
    for shape in ((3,), (5, 3), (3, 3), (2, 4, 3)):
        a, b = (torch.randn(*shape, generator=g).log_softmax(-1) for _ in range(2))
        got = fn(a, b, torch.randn(3, generator=g).log_softmax(-1))
        require(torch.is_tensor(got) and got.shape == shape, f"shape {shape}", got)
        expect(got.exp().sum(-1), torch.ones(shape[:-1]), tol=1e-4)


@sandwich.check
def very_sure_and_still_a_number(fn):
    a = torch.tensor([-1000.0, 0.0, -1000.0])
    b = torch.tensor([0.0, -1000.0, -2000.0])
    prior = torch.full((3,), 1 / 3).log()
    got = fn(a, b, prior)
    expect(got[:2], torch.full((2,), 0.5).log(), tol=1e-4)
    # one is surer than the other: a probability cut off at 1e-12 would call it even
    got = fn(torch.tensor([-1000.0, 0.0]), torch.tensor([0.0, -500.0]), torch.full((2,), 0.5).log())
    expect(got, torch.tensor([-500.0, 0.0]), tol=1e-4)


@sandwich.check
def inputs_are_left_as_they_are(fn):
    a, b, prior = _p(0.8, 0.2), _p(0.6, 0.4), _p(0.5, 0.5)
    before = [v.clone() for v in (a, b, prior)]
    fn(a, b, prior)
    for was, now in zip(before, (a, b, prior), strict=True):
        expect(now, was)


@sandwich.mistake("the prior counts twice: each observer's answer contains it already")
def _(human, model, prior):
    return (human + model).log_softmax(-1)


@sandwich.mistake("the prior is multiplied in a third time in place of divided out")
def _(human, model, prior):
    return (human + model + prior).log_softmax(-1)


@sandwich.mistake("the prior is divided out twice")
def _(human, model, prior):
    return (human + model - 2 * prior).log_softmax(-1)


@sandwich.mistake("the probabilities are averaged: then two who agree are no surer than one")
def _(human, model, prior):
    return ((human.exp() + model.exp()) / 2).log()


@sandwich.mistake("the log-probabilities are averaged: their sum is asked for")
def _(human, model, prior):
    return ((human + model) / 2).log_softmax(-1)


@sandwich.mistake("not brought back to a sum of 1")
def _(human, model, prior):
    return human + model - prior


@sandwich.mistake("normalized over the rows, not over the answers")
def _(human, model, prior):
    return (human + model - prior).log_softmax(0)


@sandwich.mistake("normalized along dimension 1: the answers are the last, maybe the only one")
def _(human, model, prior):
    return (human + model - prior).log_softmax(1)


@sandwich.mistake("normalized over everything at once: each row is to sum to 1")
def _(human, model, prior):
    joint = human + model - prior
    return joint - joint.flatten().logsumexp(0)


@sandwich.mistake("whoever is surer speaks alone")
def _(human, model, prior):
    surer = human.amax(-1, keepdim=True) >= model.amax(-1, keepdim=True)
    return torch.where(surer, human, model)


@sandwich.mistake("probabilities in place of log-probabilities come back")
def _(human, model, prior):
    return (human + model - prior).softmax(-1)


@sandwich.mistake("through probabilities: where both are very sure, 0/0 or log 0")
def _(human, model, prior):
    p = human.exp() * model.exp() / prior.exp()
    return (p / p.sum(-1, keepdim=True)).log()


@sandwich.mistake("through probabilities, cut off near 0: who is surer is lost where both are sure")
def _(human, model, prior):
    p = human.exp().clamp(min=1e-12) * model.exp().clamp(min=1e-12) / prior.exp()
    return (p / p.sum(-1, keepdim=True)).log()


@sandwich.mistake("the model is left out")
def _(human, model, prior):
    return human + 0.0


@sandwich.mistake("the person is left out")
def _(human, model, prior):
    return model + 0.0


@sandwich.mistake("the model's part is divided by the prior, and the person's left out")
def _(human, model, prior):
    return (model - prior).log_softmax(-1)


@sandwich.mistake("changes human in place")
def _(human, model, prior):
    human += model - prior
    return human.log_softmax(-1)


@sandwich.right("by log_softmax")
def _(human, model, prior):
    return torch.log_softmax(human + model - prior, dim=-1)


@sandwich.right("row by row, taking the largest away first")
def _(human, model, prior):
    flat_h, flat_m = human.reshape(-1, len(prior)), model.reshape(-1, len(prior))
    rows = []
    for h, m in zip(flat_h, flat_m, strict=True):
        w = h + m - prior
        w = w - w.max()
        rows.append(w - w.exp().sum().log())
    return torch.stack(rows).reshape(human.shape)


@sandwich.right("as likelihood ratios times the prior")
def _(human, model, prior):
    posterior = prior + (human - prior) + (model - prior)
    return posterior - torch.logsumexp(posterior, -1, keepdim=True)
