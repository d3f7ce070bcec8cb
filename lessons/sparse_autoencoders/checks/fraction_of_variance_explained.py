"""How `fraction_of_variance_explained` is judged: checks, mistakes, right answers."""

import torch

from lessons.sparse_autoencoders.exercises import fraction_of_variance_explained
from utils.grading import expect


@fraction_of_variance_explained.check
def perfect_is_one_and_the_mean_is_zero(fn):
    x = torch.tensor([[1.0, 5.0], [3.0, 9.0], [8.0, -2.0]])
    expect(fn(x, x.clone()), torch.tensor(1.0))
    expect(fn(x, x.mean(0).expand(3, 2).clone()), torch.tensor(0.0))


@fraction_of_variance_explained.check
def two_samples_by_hand(fn):
    x = torch.tensor([[0.0], [2.0]])  # variance: 1 + 1
    for x_hat, explained in (([[0.0], [1.0]], 0.5), ([[0.0], [0.0]], -1.0), ([[2.0], [0.0]], -3.0)):
        expect(fn(x, torch.tensor(x_hat)), torch.tensor(explained))


@fraction_of_variance_explained.check
def a_constant_added_to_both_changes_nothing(fn):
    x, x_hat = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    shift = torch.tensor([50.0, -20.0, 3.0])
    expect(fn(x + shift, x_hat + shift), fn(x, x_hat), 1e-3)
    expect(fn(10 * x, 10 * x_hat), fn(x, x_hat), 1e-4)


@fraction_of_variance_explained.check
def it_is_the_ratio_written_out(fn):
    g = torch.Generator().manual_seed(1)
    for shape in ((2, 3), (4, 4), (5, 1), (3, 6)):
        scale = torch.arange(1.0, shape[1] + 1) ** 2  # dimensions of very different variance
        x = torch.randn(shape, generator=g) * scale + 2
        x_hat = x + torch.randn(shape, generator=g)
        mean = [sum(c) / len(c) for c in zip(*x.tolist(), strict=True)]
        pairs = list(zip(x.tolist(), x_hat.tolist(), strict=True))
        residual = sum((a - b) ** 2 for r, h in pairs for a, b in zip(r, h, strict=True))
        total = sum((a - m) ** 2 for r, _ in pairs for a, m in zip(r, mean, strict=True))
        expect(fn(x, x_hat), torch.tensor(1 - residual / total), 1e-4)


@fraction_of_variance_explained.check
def a_constant_dimension_does_no_harm(fn):
    x = torch.tensor([[1.0, 7.0], [3.0, 7.0]])
    expect(fn(x, torch.tensor([[1.0, 7.0], [2.0, 7.0]])), torch.tensor(0.5))


@fraction_of_variance_explained.check
def below_zero_when_worse_than_the_mean(fn):
    x = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    expect(fn(x, 1000 * x), torch.tensor(1 - 999.0**2), 1e-4)


@fraction_of_variance_explained.mistake("the mean is not taken off: a large offset looks explained")
def _(x, x_hat):
    return 1 - ((x - x_hat) ** 2).sum() / (x**2).sum()


@fraction_of_variance_explained.mistake("the share that is not explained")
def _(x, x_hat):
    return ((x - x_hat) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()


@fraction_of_variance_explained.mistake("one mean over samples and dimensions together")
def _(x, x_hat):
    return 1 - ((x - x_hat) ** 2).sum() / ((x - x.mean()) ** 2).sum()


@fraction_of_variance_explained.mistake("the mean over dimensions of each sample, not over samples")
def _(x, x_hat):
    return 1 - ((x - x_hat) ** 2).sum() / ((x - x.mean(1, keepdim=True)) ** 2).sum()


@fraction_of_variance_explained.mistake(
    "a ratio per dimension, then their mean: small dimensions rule"
)
def _(x, x_hat):
    return (1 - ((x - x_hat) ** 2).sum(0) / ((x - x.mean(0)) ** 2).sum(0)).mean()


@fraction_of_variance_explained.mistake("variance of the reconstruction over variance of the data")
def _(x, x_hat):
    return ((x_hat - x_hat.mean(0)) ** 2).sum() / ((x - x.mean(0)) ** 2).sum()


@fraction_of_variance_explained.mistake("the mean of the reconstruction, not of the data")
def _(x, x_hat):
    return 1 - ((x - x_hat) ** 2).sum() / ((x - x_hat.mean(0)) ** 2).sum()


@fraction_of_variance_explained.mistake("sums over n for the error, over n − 1 for the variance")
def _(x, x_hat):
    return 1 - ((x - x_hat) ** 2).mean(0).sum() / x.var(0).sum()


@fraction_of_variance_explained.mistake("the variance of the reconstruction as the measure")
def _(x, x_hat):
    return 1 - ((x - x_hat) ** 2).sum() / ((x_hat - x_hat.mean(0)) ** 2).sum()


@fraction_of_variance_explained.mistake("errors are not squared: absolute deviations")
def _(x, x_hat):
    return 1 - (x - x_hat).abs().sum() / (x - x.mean(0)).abs().sum()


@fraction_of_variance_explained.mistake(
    "the residual's own mean is taken off: a constant error is forgiven"
)
def _(x, x_hat):
    return 1 - (x - x_hat).var(0).sum() / x.var(0).sum()


@fraction_of_variance_explained.right("by means: mean squared error over variance")
def _(x, x_hat):
    error = torch.nn.functional.mse_loss(x_hat, x)
    return 1 - error / x.var(dim=0, correction=0).mean()


@fraction_of_variance_explained.right("by Frobenius norms, (total − residual) / total")
def _(x, x_hat):
    total = torch.linalg.matrix_norm(x - torch.mean(x, 0, keepdim=True)) ** 2
    residual = torch.linalg.matrix_norm(x - x_hat) ** 2
    return (total - residual) / total
