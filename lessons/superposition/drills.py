"""What the whiteboard prompts of the superposition lesson grade."""

import functools
import itertools

import torch
from torch import Tensor

from utils.exercises import exercise, expect, require


@exercise(
    difficulty=2,
    minutes=10,
    teaches="when two features should share a dimension, from the integrals up",
    hints=[
        "Go through the four cases: none is there, one of them, the other, both.",
        "Where both are there, each output is off by the smaller of the two features.",
        "The best constant for a feature that is left out is its mean. What is left is a variance.",
    ],
)
def sharing_gain(p: float, r: float) -> float:
    """By how much sharing one dimension lowers the expected loss of two features.

    Each feature is there with probability p, independently, and is then uniform on [0, 1]; else it
    is 0. The loss is the squared error summed over both features; the first weighs 1, the second
    r. Shared: W = [1, −1] and b = 0, read back through the ReLU. Alone: the first comes back
    exactly, the second is replaced by the constant that costs least.
    p: 0 to 1. r: 0 or more. Returns the loss alone minus the loss shared, positive where sharing
    wins.
    """
    alone = r * (p / 3 - p**2 / 4)
    shared = (1 + r) * p**2 / 6
    return alone - shared


@functools.cache
def _errors_by_quadrature(steps=200):
    """The model on a grid of magnitudes: mean square by which each output is off, case by case."""
    grid, errors = (torch.arange(steps) + 0.5) / steps, {}
    W = torch.tensor([[1.0, -1.0]])
    for case in itertools.product((0, 1), repeat=2):  # which of the two features are there
        x = torch.cartesian_prod(case[0] * grid, case[1] * grid)
        off = x - torch.relu(x @ W.T @ W)
        errors[case] = (off**2).double().mean(0).tolist()
    return errors


@functools.cache
def _cheapest_constant(p, steps=200):
    """What the best of 1,001 constants costs in the place of a feature."""
    grid, constants = (torch.arange(steps) + 0.5) / steps, torch.linspace(0, 1, 1001)
    there = ((grid - constants[:, None]) ** 2).double().mean(1)
    return (p * there + (1 - p) * constants.double() ** 2).min().item()


def _gain_by_quadrature(p, r):
    shared = 0.0
    for (first, second), (off_first, off_second) in _errors_by_quadrature().items():
        chance = (p if first else 1 - p) * (p if second else 1 - p)
        shared += chance * (off_first + r * off_second)
    return r * _cheapest_constant(p) - shared


@sharing_gain.check
def features_that_are_never_there_cost_nothing(fn):
    for r in (0.0, 1.0, 2.5):
        expect(fn(0.0, r), 0.0)


@sharing_gain.check
def features_that_are_always_there(fn):
    for r in (0.0, 1.0, 0.5, 4.0):
        expect(fn(1.0, r), _gain_by_quadrature(1.0, r), tol=1e-4)


@sharing_gain.check
def a_second_feature_that_does_not_matter(fn):
    for p in (0.2, 0.5, 0.9):
        expect(fn(p, 0.0), _gain_by_quadrature(p, 0.0), tol=1e-4)


@sharing_gain.check
def it_is_the_difference_of_the_two_integrals(fn):
    for p in (0.1, 0.3, 0.6, 0.8):
        for r in (0.5, 1.0, 3.0):
            expect(fn(p, r), _gain_by_quadrature(p, r), tol=1e-4)


@sharing_gain.check
def drawn_features_agree(fn):
    g = torch.Generator().manual_seed(0)
    for p, r in ((0.4, 1.0), (0.7, 2.0)):
        x = torch.rand(100_000, 2, generator=g) * (torch.rand(100_000, 2, generator=g) < p)
        back = torch.relu(x[:, 0] - x[:, 1]), torch.relu(x[:, 1] - x[:, 0])
        shared = (x[:, 0] - back[0]) ** 2 + r * (x[:, 1] - back[1]) ** 2
        alone = r * (x[:, 1] - x[:, 1].mean()) ** 2
        expect(fn(p, r), (alone - shared).mean().item(), tol=6e-3)


@sharing_gain.mistake("the square of the mean, E[min]² = 1/9, where the mean square is asked for")
def _(p, r):
    return r * (p / 3 - p**2 / 4) - (1 + r) * p**2 / 9


@sharing_gain.mistake("they meet with probability p², not p")
def _(p, r):
    return r * (p / 3 - p**2 / 4) - (1 + r) * p / 6


@sharing_gain.mistake("left out is left at 0: its mean costs less")
def _(p, r):
    return r * p / 3 - (1 + r) * p**2 / 6


@sharing_gain.mistake("where they meet both outputs are wrong: the first one's error is missing")
def _(p, r):
    return r * (p / 3 - p**2 / 4) - r * p**2 / 6


@sharing_gain.mistake("the mean over both features, where the sum was asked for")
def _(p, r):
    return sharing_gain(p, r) / 2


@sharing_gain.mistake("the sign: shared minus alone")
def _(p, r):
    return -sharing_gain(p, r)


@sharing_gain.mistake("1/12 is the variance of a feature that is never absent")
def _(p, r):
    return r * p / 12 - (1 + r) * p**2 / 6


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what counts as stored: more than a constant could give",
    hints=[
        "What does it say of a model that ignores its input and returns each feature's mean?",
        "That model knows nothing and must get 0. What has its error to be divided by?",
    ],
)
def share_returned(x: Tensor, x_reconstructed: Tensor) -> Tensor:
    """How much of each feature a model gives back: 1 for all of it, 0 for a constant, its mean.

    In between, the share of the feature's spread (mean square, divided by n_samples) that the
    reconstruction takes away. Worse than the mean is negative. Every feature varies.
    x, x_reconstructed: (n_samples, n_features). Returns (n_features,).
    """
    error = ((x - x_reconstructed) ** 2).mean(0)
    return 1 - error / x.var(0, correction=0)


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
