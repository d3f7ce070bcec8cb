"""How `paired_difference` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.evals.checks.wilson_interval import pair
from lessons.evals.exercises import clustered_standard_error, paired_difference
from utils.grading import expect


@paired_difference.check
def one_question_apart(fn):
    first, second = torch.tensor([1.0, 1.0, 0.0, 0.0]), torch.tensor([1.0, 0.0, 0.0, 0.0])
    difference, error = pair(fn(first, second, torch.arange(4)))
    expect(difference, 0.25)
    expect(error, math.sqrt(3 / 64))  # differences 0, 1, 0, 0: variance 3/16, over 4 questions


@paired_difference.check
def always_as_much_better_leaves_no_error(fn):
    second = torch.tensor([0.1, 0.9, 0.4, 0.6, 0.0])
    difference, error = pair(fn(second + 0.25, second, torch.tensor([0, 0, 1, 1, 2])))
    expect(difference, 0.25)
    expect(error, 0.0, tol=1e-6)


@paired_difference.check
def the_first_less_the_second_as_bool(fn):
    first, second = torch.tensor([False, False, True]), torch.tensor([True, True, True])
    difference, error = pair(fn(first, second, torch.arange(3)))
    expect(difference, -2 / 3)
    expect(error, math.sqrt(2 / 27))


@paired_difference.check
def differences_of_a_cluster_count_together(fn):
    first = torch.tensor([1.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    second = torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0, 0.0])
    difference, error = pair(fn(first, second, torch.tensor([8, 8, 3, 3, 1, 1])))
    expect(difference, 0.0)
    expect(error, math.sqrt(8) / 6)  # in sum 2, −2 and 0 away


@paired_difference.check
def against_the_definition(fn):
    g = torch.Generator().manual_seed(1)
    first, second = torch.rand(2, 30, generator=g)
    clusters = torch.randint(5, (30,), generator=g)
    d = (first - second).double()
    sums = [(d - d.mean())[clusters == c].sum().item() for c in range(5)]
    difference, error = pair(fn(first, second, clusters))
    expect(difference, d.mean().item(), tol=1e-4)
    expect(error, math.sqrt(sum(s * s for s in sums)) / 30, tol=1e-4)


@paired_difference.mistake(
    "as if the models had answered different questions: errors squared added"
)
def _(first, second, clusters):
    a, b = first.double(), second.double()
    errors = (clustered_standard_error(x, clusters) for x in (a, b))
    return (a.mean() - b.mean()).item(), math.hypot(*errors)


@paired_difference.mistake("the two errors are subtracted")
def _(first, second, clusters):
    a, b = first.double(), second.double()
    errors = [clustered_standard_error(x, clusters) for x in (a, b)]
    return (a.mean() - b.mean()).item(), abs(errors[0] - errors[1])


@paired_difference.mistake("the second less the first")
def _(first, second, clusters):
    d = second.double() - first.double()
    return d.mean().item(), clustered_standard_error(d, clusters)


@paired_difference.mistake("the difference loses its sign")
def _(first, second, clusters):
    d = (first.double() - second.double()).abs()
    return d.mean().item(), clustered_standard_error(d, clusters)


@paired_difference.mistake("the absolute value of the difference: who is better is lost")
def _(first, second, clusters):
    d = first.double() - second.double()
    return abs(d.mean().item()), clustered_standard_error(d, clusters)


@paired_difference.mistake("clusters are ignored: the standard deviation, n − 1, over √n")
def _(first, second, clusters):
    d = first.double() - second.double()
    return d.mean().item(), (d.std() / len(d) ** 0.5).item()


@paired_difference.mistake("clusters are ignored")
def _(first, second, clusters):
    d = first.double() - second.double()
    return d.mean().item(), clustered_standard_error(d, torch.arange(len(d)))


@paired_difference.mistake("the sum of the differences, not the mean")
def _(first, second, clusters):
    d = first.double() - second.double()
    return d.sum().item(), clustered_standard_error(d, clusters)


@paired_difference.mistake("the variance comes back, not the standard error")
def _(first, second, clusters):
    d = first.double() - second.double()
    return d.mean().item(), clustered_standard_error(d, clusters) ** 2


@paired_difference.mistake("the error of the first model's score alone")
def _(first, second, clusters):
    d = first.double() - second.double()
    return d.mean().item(), clustered_standard_error(first, clusters)


@paired_difference.mistake("the interval's half-width comes back: 1.96 errors")
def _(first, second, clusters):
    d = first.double() - second.double()
    return d.mean().item(), 1.96 * clustered_standard_error(d, clusters)


@paired_difference.right("by a loop, without the other exercise")
def _(first, second, clusters):
    d = [float(a) - float(b) for a, b in zip(first, second, strict=True)]
    mean, sums = sum(d) / len(d), {}
    for x, c in zip(d, clusters.tolist(), strict=True):
        sums[c] = sums.get(c, 0.0) + x - mean
    return mean, math.sqrt(sum(s * s for s in sums.values())) / len(d)


@paired_difference.right("by the variances and the covariance of cluster sums")
def _(first, second, clusters):
    a, b = (x.double() - x.double().mean() for x in (first, second))
    together = (clusters[:, None] == clusters[None]).double()
    variance = a @ together @ a + b @ together @ b - 2 * a @ together @ b
    difference = first.double().mean() - second.double().mean()
    return difference.item(), math.sqrt(max(variance.item(), 0)) / len(a)
