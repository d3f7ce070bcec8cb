"""What the superposition lesson trains and measures (Elhage et al. 2022)."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.quasirandom import SobolEngine

import utils
from lessons.superposition.exercises import (
    ToyModel,
    importance_weighted_loss,
    sample_sparse_features,
)
from utils import progress

IMPORTANCE = 0.9 ** torch.arange(5)  # as in the paper's published notebook
DENSITIES = 20 ** -torch.linspace(0, 1, 10)  # from 1 to 1/20, as there


@cache
def active_sets(n_features: int) -> Tensor:
    """All 2ⁿ patterns of present (1) and absent (0) features: (n_features, 2ⁿ)."""
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * n_features).T


def draw_inputs(magnitudes: SobolEngine, n_draws: int) -> Tensor:
    """Every active set with n_draws draws of its magnitudes: (n_draws · 2ⁿ, 1, n_features)."""
    present = active_sets(magnitudes.dimension)
    x = present[:, None] * magnitudes.draw(n_draws).T[:, :, None]
    return x.reshape(magnitudes.dimension, -1).T[:, None]


def input_weights(density: Tensor, importance: Tensor, n_draws: int) -> Tensor:
    """What each of those inputs counts: p^|A| (1 − p)^(n − |A|), times the features' importance.

    density: (n_instances,). importance: (n_features,) or (n_instances, n_features).
    Returns (n_draws · 2ⁿ, n_instances, n_features); over the inputs they sum to the importance.
    """
    n = importance.shape[-1]
    size = active_sets(n).sum(0)
    p = density[:, None]
    probability = (p**size * (1 - p) ** (n - size)).repeat(1, n_draws) / n_draws
    return (importance[..., None] * probability[:, None]).permute(2, 0, 1)


def train(
    model: nn.Module, density: Tensor, importance: Tensor, steps: int, n_draws: int, seed: int
) -> None:
    """Train every instance at its density, with Adam and a cosine schedule."""
    magnitudes = SobolEngine(importance.shape[-1], scramble=True, seed=seed)
    weights = input_weights(density, importance, n_draws)
    n_terms = len(weights) * len(density)  # makes a mean over inputs and instances a sum
    adam = torch.optim.Adam(model.parameters(), lr=0.1, betas=(0.8, 0.99), fused=True)
    schedule = CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        x = draw_inputs(magnitudes, n_draws)
        loss = n_terms * importance_weighted_loss(x, model(x), weights)
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()


@torch.no_grad()
def expected_loss(model: nn.Module, density: Tensor, importance: Tensor, seed: int) -> Tensor:
    """The loss of each instance on 128 draws of magnitudes: (n_instances,)."""
    x = draw_inputs(SobolEngine(importance.shape[-1], scramble=True, seed=seed), 128)
    weights = input_weights(density, importance, 128)
    return (weights * (x - model(x)) ** 2).sum(0).mean(-1)


def best_of_restarts(
    make: Callable, density: Tensor, importance: Tensor, seed: int, n_restarts: int = 8
) -> tuple[nn.Module, Tensor]:
    """Try each density n_restarts times briefly, train the best start to the end."""
    generator, n_cells = utils.generator(seed), len(density)
    p, weight = (t.repeat_interleave(n_restarts, 0) for t in (density, importance))
    tries = make(n_instances=len(p), generator=generator)
    train(tries, p, weight, steps=80, n_draws=4, seed=seed)
    loss = expected_loss(tries, p, weight, seed + 2).view(n_cells, n_restarts)
    best = loss.argmin(1) + n_restarts * torch.arange(n_cells)
    model = make(n_instances=n_cells, generator=generator)
    with torch.no_grad():
        for kept, tried in zip(model.parameters(), tries.parameters(), strict=True):
            kept.copy_(tried[best])
    train(model, density, importance, steps=400, n_draws=8, seed=seed + 1)
    return model, expected_loss(model, density, importance, seed + 2)


def five_in_two(seed: int, density: Tensor = DENSITIES, kind: type = ToyModel) -> nn.Module:
    """Five features in two dimensions, the paper's first experiment, one model per density."""

    def make(**options):
        return kind(5, 2, **options)

    return best_of_restarts(make, density, IMPORTANCE.expand(len(density), 5), seed)[0]


def represented(W: Tensor) -> Tensor:
    """Which features a model stores: those whose column is longer than 1/2. (..., n_features)."""
    return W.detach().norm(dim=-2) > 0.5


def phase_cells(n: int = 29) -> tuple[Tensor, Tensor]:
    """Density from 1 to 0.01 and importance of the second feature from 0.1 to 10, on log grids."""
    density, ratio = torch.logspace(0, -2, n), torch.logspace(-1, 1, n)
    return torch.cartesian_prod(density, ratio).unbind(1)


def trained_lengths(seed: int, n: int = 29) -> Tensor:
    """How long two features are in one dimension, best of 8 starts in each cell: (n · n, 2)."""
    density, ratio = phase_cells(n)
    importance = torch.stack([torch.ones_like(ratio), ratio], 1)
    p, weight = (t.repeat_interleave(8, 0) for t in (density, importance))
    model = ToyModel(2, 1, n_instances=len(p), generator=utils.generator(seed))
    train(model, p, weight, steps=100, n_draws=4, seed=seed)
    loss = expected_loss(model, p, weight, seed + 2).view(-1, 8)
    return model.W.detach()[loss.argmin(1) + 8 * torch.arange(n * n), 0].abs()


def phases(lengths: Tensor) -> Tensor:
    """What two features of these lengths (..., 2) make of one dimension: (...) of 0, 1 or 2.

    0: the second feature is not stored. 1: only it is. 2: both are, by the border of 1/2.
    """
    return torch.where((lengths > 0.5).all(-1), 2, lengths.argmax(-1))


def optimal_phases(n: int = 29, n_grid: int = 17) -> Tensor:
    """The cheapest of the three configurations in each cell, by brute force: (n · n,) of 0, 1, 2.

    A feature alone in the dimension costs nothing. The one left out is replaced by its mean and
    costs its variance, p/3 − p²/4. Of the pair W = [s, −t], feature 1 comes back as
    ReLU(s² x₁ − s t x₂ + b): a grid over s, t and b, and over the magnitudes. Pairs with an arrow
    shorter than 1/2 are left out: by the same border they are no pairs.
    """
    density, ratio = phase_cells(n)
    u = (torch.arange(16) + 0.5) / 16
    zero = torch.zeros(16)
    both = torch.cartesian_prod(u, u).T
    x = torch.cat([torch.stack([u, zero]), torch.stack([zero, u]), both], 1)
    p = torch.logspace(0, -2, n)[:, None]
    chance = torch.cat([(p * (1 - p) / 16).expand(n, 32), (p**2 / 256).expand(n, 256)], 1)
    nothing = ((1 - p) ** 2)[:, 0]
    s, t, b = torch.meshgrid(
        torch.linspace(0.5, 1.1, n_grid), torch.linspace(0.5, 1.1, n_grid),
        torch.linspace(-0.1, 0.5, n_grid), indexing="ij",
    )  # fmt: skip
    out = torch.relu((s**2)[..., None] * x[0] - (s * t)[..., None] * x[1] + b[..., None])
    cost = ((out - x[0]) ** 2) @ chance.T + torch.relu(b)[..., None] ** 2 * nothing
    cost = cost.amin(2)  # of feature 1 at each s, t and density, at its best bias
    r = ratio.view(n, n)
    pair = (cost[..., None] + r * cost.transpose(0, 1)[..., None]).amin((0, 1)).flatten()
    left_out = density / 3 - density**2 / 4
    return torch.stack([ratio * left_out, left_out, pair], 1).argmin(1)


MANY_DENSITIES = torch.logspace(0, -1.1, 20)


def train_many(seed: int, n_features: int = 64, n_hidden: int = 16, steps: int = 1000) -> Tensor:
    """Many equally important features, a model per density: W, (20, n_hidden, n_features)."""
    generator, importance = utils.generator(seed), torch.ones(n_features)
    model = ToyModel(n_features, n_hidden, len(MANY_DENSITIES), generator)
    p = MANY_DENSITIES.repeat(64)[:, None]
    adam = torch.optim.Adam(model.parameters(), lr=0.03, fused=True)
    schedule = CosineAnnealingLR(adam, steps)
    for _ in progress.track(range(steps), "many features"):
        x = sample_sparse_features(len(p), n_features, p, generator)
        x = x.view(64, len(MANY_DENSITIES), n_features)
        loss = 1000 * importance_weighted_loss(x, model(x), importance)
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return model.W.detach()


class ReluHiddenModel(ToyModel.reference):
    """ReLU(Wᵀ ReLU(W x) + b): now a hidden unit is a neuron (the paper's "Privileged Basis")."""

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(torch.einsum("...hf,...f->...h", self.W, x))
        return torch.relu(torch.einsum("...hf,...h->...f", self.W, hidden) + self.b)


NEURON_DENSITIES = torch.tensor([1.0, 0.3, 0.15, 0.06, 0.03])  # in five of the paper's six regimes
PAPER_POLYSEMANTIC = (0, 2, 3, 5, 5)  # of five neurons there, in its models of lowest loss


def neuron_losses(model: nn.Module, n_samples: int, generator: torch.Generator) -> Tensor:
    """The loss of each instance: all starts at a density see the same samples. (5, starts)."""
    n_densities, n_starts = len(NEURON_DENSITIES), len(model.W) // len(NEURON_DENSITIES)
    density = NEURON_DENSITIES.repeat(n_samples)[:, None]
    x = sample_sparse_features(n_samples * n_densities, 10, density, generator)
    x = x.view(n_samples, n_densities, 1, 10).expand(-1, -1, n_starts, -1)
    x = x.reshape(n_samples, n_densities * n_starts, 10)
    importance = 0.75 ** torch.arange(10)  # the paper's
    return (importance * (x - model(x)) ** 2).mean((0, 2)).view(n_densities, n_starts)


def train_neurons(seed: int, n_starts: int = 32, n_kept: int = 8) -> Tensor:
    """Ten features, five neurons, the best of many starts at each density: W, (5, 5, 10)."""
    generator, n_densities = utils.generator(seed), len(NEURON_DENSITIES)
    model = ReluHiddenModel(10, 5, n_densities * n_starts, generator)
    for step in progress.track(range(1000), "neurons"):
        if step == 300:
            model = lowest_loss(model, n_kept, generator)
        if step in (0, 300):
            adam = torch.optim.Adam(model.parameters(), lr=0.03, fused=True)
            schedule = CosineAnnealingLR(adam, 700)
        loss = neuron_losses(model, 64, generator)
        adam.zero_grad()
        (loss / NEURON_DENSITIES[:, None]).sum().backward()  # sparse ones are small: level them
        adam.step()
        if step >= 300:
            schedule.step()
    return lowest_loss(model, 1, generator).W.detach()


@torch.no_grad()
def lowest_loss(model: nn.Module, n_kept: int, generator: torch.Generator) -> nn.Module:
    """The n_kept instances of lowest loss at each density, on 4,096 samples, as one model."""
    loss = neuron_losses(model, 4096, generator)
    first = loss.shape[1] * torch.arange(len(loss))[:, None]  # of each density's instances
    best = (loss.topk(n_kept, largest=False).indices + first).flatten()
    kept = type(model)(10, 5, len(best))
    for ours, tried in zip(kept.parameters(), model.parameters(), strict=True):
        ours.copy_(tried[best])
    return kept


def features_per_neuron(W: Tensor) -> Tensor:
    """How many features drive a neuron at least half as much as its strongest: (..., n_hidden)."""
    drive = torch.relu(W)
    strongest = drive.amax(-1, keepdim=True)
    return ((drive > 0.5 * strongest) & (strongest > 0.1)).sum(-1)


def dimensions_per_feature(W: Tensor) -> Tensor:
    """D* = n_hidden / ‖W‖² (Elhage et al. 2022, "The Geometry of Superposition"): (...)."""
    return W.shape[-2] / (W**2).sum((-2, -1))


def points_near(values: Tensor, target: float) -> int:
    """How many of the values lie within 5 % of a target."""
    return int(((values / target - 1).abs() < 0.05).sum())


def smooth_points_near(values: Tensor, target: float) -> int:
    """The same, had the values gone from their first to their last by equal factors."""
    steps = torch.linspace(0, 1, len(values))
    return points_near(values[0] * (values[-1] / values[0]) ** steps, target)
