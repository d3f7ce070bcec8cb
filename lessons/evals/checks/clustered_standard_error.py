"""How `clustered_standard_error` is judged: checks, mistakes, right answers in other styles."""

import math

import numpy as np
import torch

from lessons.evals.exercises import clustered_standard_error
from utils.grading import expect, require


@clustered_standard_error.check
def two_clusters_that_go_opposite_ways(fn):
    scores = torch.tensor([1.0, 1.0, 0.0, 0.0])
    expect(fn(scores, torch.tensor([0, 0, 1, 1])), math.sqrt(0.5) / 2)
    expect(fn(scores, torch.tensor([0, 1, 0, 1])), 0.0)  # within each cluster they cancel


@clustered_standard_error.check
def each_by_itself_is_the_plain_standard_error(fn):
    scores = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.5])
    plain = float(np.std(scores.numpy()) / np.sqrt(5))
    expect(fn(scores, torch.arange(5)), plain)


@clustered_standard_error.check
def clusters_of_unlike_size_by_hand(fn):
    scores = torch.tensor([2.0, 5.0, -1.0, 0.0, 3.0, 3.0])  # mean 2
    clusters = torch.tensor([7, 7, 7, 2, 2, -4])  # away in sum: 0, -1, 1
    expect(fn(scores, clusters), math.sqrt(2) / 6)


@clustered_standard_error.check
def names_and_order_of_clusters_do_not_matter(fn):
    g = torch.Generator().manual_seed(0)
    scores, clusters = torch.randn(20, generator=g), torch.randint(4, (20,), generator=g)
    away, total = (scores - scores.mean()).double(), 0.0
    for c in range(4):
        total += away[clusters == c].sum().item() ** 2
    wanted, order = math.sqrt(total) / 20, torch.randperm(20, generator=g)
    expect(fn(scores, clusters), wanted, tol=1e-4)
    expect(fn(scores[order], 1000 - 7 * clusters[order]), wanted, tol=1e-4)


@clustered_standard_error.check
def every_question_asked_twice_changes_nothing(fn):
    scores, clusters = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0]), torch.tensor([0, 0, 1, 2, 2])
    once, twice = (fn(scores.repeat(k), clusters.repeat(k)) for k in (1, 2))
    require(once > 0, "above 0", once)
    expect(twice, float(once))


@clustered_standard_error.check
def right_and_wrong_as_bool(fn):
    scores = torch.tensor([True, True, False, False, True, True])
    away = torch.tensor([2 / 3, -4 / 3, 2 / 3])
    wanted = away.square().sum().sqrt().item() / 6
    expect(fn(scores, torch.tensor([3, 3, 5, 5, 9, 9])), wanted)


@clustered_standard_error.check
def one_score_and_scores_all_alike(fn):
    expect(fn(torch.tensor([0.7]), torch.tensor([4])), 0.0)
    expect(fn(torch.full((6,), 0.25), torch.tensor([0, 0, 0, 1, 1, 2])), 0.0)


@clustered_standard_error.check
def the_inputs_are_left_as_they_are(fn):
    scores, clusters = torch.tensor([1.0, 0.0, 3.0]), torch.tensor([5, 5, 1])
    before = scores.clone(), clusters.clone()
    fn(scores, clusters)
    expect(scores, before[0])
    expect(clusters, before[1])


def _away(scores):
    return scores.double() - scores.double().mean()


def _sums(away, clusters):
    number = clusters.unique(return_inverse=True)[1]
    return torch.zeros(int(number.max()) + 1, dtype=torch.float64).index_add(0, number, away)


@clustered_standard_error.mistake(
    "clusters are ignored, or squares are taken before the sums: the plain standard error"
)
def _(scores, clusters):
    return _away(scores).square().sum().sqrt().item() / len(scores)


@clustered_standard_error.mistake(
    "std() / √n: clusters are ignored, and it divides by n − 1: a sum over clusters is asked for"
)
def _(scores, clusters):
    return (scores.double().std() / math.sqrt(len(scores))).item()


@clustered_standard_error.mistake("the mean is not taken away from the scores")
def _(scores, clusters):
    return _sums(scores.double(), clusters).square().sum().sqrt().item() / len(scores)


@clustered_standard_error.mistake("divided by the root of n: the sum of squares needs all of n")
def _(scores, clusters):
    return (_sums(_away(scores), clusters).square().sum() / len(scores)).sqrt().item()


@clustered_standard_error.mistake("divided by the number of clusters, not of scores")
def _(scores, clusters):
    sums = _sums(_away(scores), clusters)
    return sums.square().sum().sqrt().item() / len(sums)


@clustered_standard_error.mistake("clusters' means are taken for single scores: sizes are lost")
def _(scores, clusters):
    means = torch.stack([scores.double()[clusters == c].mean() for c in clusters.unique()])
    return (means - means.mean()).square().sum().sqrt().item() / len(means)


@clustered_standard_error.mistake("std() of the clusters' means: sizes are lost, and one is nan")
def _(scores, clusters):
    means = torch.stack([scores.double()[clusters == c].mean() for c in clusters.unique()])
    variance = (means - means.mean()).square().sum() / (len(means) - 1)  # std() would warn of one
    return (variance / len(means)).sqrt().item()


@clustered_standard_error.mistake("the root is forgotten: that is the variance")
def _(scores, clusters):
    return _sums(_away(scores), clusters).square().sum().item() / len(scores) ** 2


@clustered_standard_error.mistake("each score's distance is from its own cluster's mean")
def _(scores, clusters):
    away = scores.double().clone()
    for c in clusters.unique():
        away[clusters == c] -= away[clusters == c].mean()
    return away.square().sum().sqrt().item() / len(scores)


@clustered_standard_error.mistake("the absolute sums are added: they are squared first")
def _(scores, clusters):
    return _sums(_away(scores), clusters).abs().sum().item() / len(scores)


@clustered_standard_error.mistake("corrected for few clusters, G/(G−1): this exercise is without")
def _(scores, clusters):
    sums = _sums(_away(scores), clusters)
    many = len(sums) / max(len(sums) - 1, 1)
    return (many * sums.square().sum()).sqrt().item() / len(scores)


@clustered_standard_error.mistake("clusters are taken for runs: the same cluster may come again")
def _(scores, clusters):
    _, runs = clusters.unique_consecutive(return_inverse=True)
    return _sums(_away(scores), runs).square().sum().sqrt().item() / len(scores)


@clustered_standard_error.right("by a loop over the clusters")
def _(scores, clusters):
    away, total = _away(scores), 0.0
    for c in set(clusters.tolist()):
        total += float(away[clusters == c].sum()) ** 2
    return math.sqrt(total) / len(scores)


@clustered_standard_error.right("by all pairs in one cluster")
def _(scores, clusters):
    away = _away(scores)
    together = (clusters[:, None] == clusters[None]).double()
    return math.sqrt(max((away @ together @ away).item(), 0)) / len(away)


@clustered_standard_error.right("with NumPy")
def _(scores, clusters):
    s = scores.numpy().astype(float)
    number = np.unique(clusters.numpy(), return_inverse=True)[1]
    return float(np.sqrt((np.bincount(number, s - s.mean()) ** 2).sum()) / len(s))
