"""How `share_returned` is judged: checks, mistakes, right answers."""

import torch

from lessons.superposition.drills import share_returned
from utils.grading import expect, require


@share_returned.check
def its_mean_is_no_knowledge(fn):
    x = torch.tensor([[0.0], [1.0]])
    expect(fn(x, torch.full((2, 1), 0.5)), torch.zeros(1))
    x = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.5, 0.6]])
    expect(fn(x, x.mean(0).expand(3, 2).clone()), torch.zeros(2))


@share_returned.check
def what_comes_back_exactly_is_all_there(fn):
    x = torch.tensor([[0.0, 0.3], [1.0, 0.5], [0.2, 0.0]])
    expect(fn(x, x.clone()), torch.ones(2))


@share_returned.check
def half_of_every_deviation_leaves_a_quarter_of_the_spread(fn):
    x = torch.tensor([[0.0], [1.0], [0.8]])
    expect(fn(x, (x + x.mean(0)) / 2), torch.tensor([0.75]))


@share_returned.check
def a_wrong_level_counts_as_error(fn):
    x = torch.tensor([[0.0], [1.0]])  # spread 1/4
    expect(fn(x, x + 0.5), torch.zeros(1))
    expect(fn(x, x + 1.0), torch.tensor([-3.0]))
    expect(fn(x, torch.zeros(2, 1)), torch.tensor([-1.0]))


@share_returned.check
def it_is_the_share_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for shape in ((4, 1), (5, 3), (40, 6)):
        x, back = torch.rand(shape, generator=g), torch.rand(shape, generator=g)
        want = []
        for column, guess in zip(x.T.tolist(), back.T.tolist(), strict=True):
            mean = sum(column) / len(column)
            spread = sum((v - mean) ** 2 for v in column)
            error = sum((v - w) ** 2 for v, w in zip(column, guess, strict=True))
            want.append(1 - error / spread)
        expect(fn(x, back), torch.tensor(want), tol=1e-4)


@share_returned.check
def where_zero_lies_does_not_matter(fn):
    g = torch.Generator().manual_seed(1)
    x, back = torch.rand(20, 2, generator=g), torch.rand(20, 2, generator=g)
    got = fn(x, back)
    require(torch.is_tensor(got) and got.shape == (2,), "shape (2,)", got)
    expect(fn(x + 10, back + 10), got, tol=1e-3)
    expect(fn(-3 * x, -3 * back), got, tol=1e-3)


@share_returned.mistake("measured from 0: a constant, the mean, then seems to give much back")
def _(x, x_reconstructed):
    return 1 - ((x - x_reconstructed) ** 2).mean(0) / (x**2).mean(0)


@share_returned.mistake("the spread divides by n − 1, the error by n")
def _(x, x_reconstructed):
    return 1 - ((x - x_reconstructed) ** 2).mean(0) / x.var(0)


@share_returned.mistake("one number for all features: one that is stored hides one that is not")
def _(x, x_reconstructed):
    error, spread = ((x - x_reconstructed) ** 2).mean(), x.var(0, correction=0).mean()
    return (1 - error / spread).expand(x.shape[1])


@share_returned.mistake("the error's own mean is subtracted: a wrong level is forgiven")
def _(x, x_reconstructed):
    return 1 - (x - x_reconstructed).var(0, correction=0) / x.var(0, correction=0)


@share_returned.mistake("squared correlation: blind to a wrong scale or level")
def _(x, x_reconstructed):
    a, b = x - x.mean(0), x_reconstructed - x_reconstructed.mean(0)
    both = (a**2).sum(0) * (b**2).sum(0)
    return (a * b).sum(0) ** 2 / both.clamp(min=1e-12)


@share_returned.mistake("square roots were taken: the share of the standard deviation")
def _(x, x_reconstructed):
    return 1 - ((x - x_reconstructed) ** 2).mean(0).sqrt() / x.std(0, correction=0)


@share_returned.mistake("the share that is lost, not the share that comes back")
def _(x, x_reconstructed):
    return ((x - x_reconstructed) ** 2).mean(0) / x.var(0, correction=0)


@share_returned.right("by one feature after the other, both sums in the open")
def _(x, x_reconstructed):
    shares = []
    for a, b in zip(x.T, x_reconstructed.T, strict=True):
        shares.append(1 - ((a - b) ** 2).sum() / ((a - a.mean()) ** 2).sum())
    return torch.stack(shares)


@share_returned.right("by what a constant costs, less what the model costs")
def _(x, x_reconstructed):
    constant = (x - x.mean(0)).square().mean(0)
    return (constant - (x_reconstructed - x).square().mean(0)) / constant
