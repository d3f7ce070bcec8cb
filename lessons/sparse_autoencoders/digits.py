"""The digit network, whose truth is not known: its autoencoder, and what latents are worth there.

Three tests, each beside its rivals: selectivity, steering, probing.
"""

from dataclasses import dataclass
from functools import cache

import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn
from torch.nn import functional as F

import utils
from lessons.sparse_autoencoders.autoencoders import train_sae
from lessons.sparse_autoencoders.measures import random_rows, random_units, things_answered

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)  # of steering, in mean lengths of an activation
CONCEPTS = {"odd": (1, 3, 5, 7, 9), "five or more": (5, 6, 7, 8, 9), "has a loop": (0, 6, 8, 9)}
LABELS = (30, 100, 300)  # how many a probe learns from


@dataclass(frozen=True)
class DigitWorld:
    """A small network that tells digits apart, and its hidden activations, of mean length 1."""

    read_out: nn.Module  # from hidden activations to ten logits
    x: Tensor  # images, (n, 64)
    hidden: Tensor  # (n, 32)
    digit: Tensor  # (n,)
    test_x: Tensor
    test_hidden: Tensor
    test_digit: Tensor

    def answers(self, hidden: Tensor) -> Tensor:
        """Which digit the network names for these hidden activations."""
        return self.read_out(hidden).argmax(-1)


@cache
def digit_world(seed: int, n_hidden: int = 32) -> DigitWorld:
    """Train 64 → 32 ReLU neurons → 10 on 1,300 of scikit-learn's digits, and keep 497 apart."""
    x, digit = (torch.tensor(a) for a in load_digits(return_X_y=True))
    x, generator = x.float() / 16, utils.generator(seed)
    train, test = torch.randperm(len(x), generator=generator).split([1300, len(x) - 1300])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # nn.Linear takes no generator
        below, read_out = nn.Linear(64, n_hidden), nn.Linear(n_hidden, 10)
    adam = torch.optim.Adam([*below.parameters(), *read_out.parameters()], lr=3e-3, fused=True)
    for _ in range(600):
        some = train[torch.randint(len(train), (128,), generator=generator)]
        loss = F.cross_entropy(read_out(torch.relu(below(x[some]))), digit[some])
        adam.zero_grad()
        loss.backward()
        adam.step()
    with torch.no_grad():
        hidden = torch.relu(below(x))
        length = hidden[train].norm(dim=-1).mean()
        read_out.weight *= length  # so that hidden activations may be counted in mean lengths
    read_out.requires_grad_(False)
    parts = [(x[i], hidden[i] / length, digit[i]) for i in (train, test)]
    return DigitWorld(read_out, *parts[0], *parts[1])


@cache
def digit_sae(seed: int, n_latents: int = 128, resamplings: int = 4) -> nn.Module:
    """A dictionary for the 32 neurons of the digit network."""
    x = digit_world(seed).hidden
    return train_sae("L1", x, n_latents, 0.1, seed, resamplings=resamplings)


def loss_recovered(world: DigitWorld, hidden: Tensor) -> float:
    """Share of what the neurons are worth that is left when `hidden` replaces their test values.

    Their worth is the rise of the test loss when all of them are set to 0 (Bricken et al. 2023).
    """
    hiddens = 0 * world.test_hidden, hidden, world.test_hidden
    nothing, through, all_ = (F.cross_entropy(world.read_out(h), world.test_digit) for h in hiddens)
    return ((nothing - through) / (nothing - all_)).item()


def by_components(world: DigitWorld, n: int) -> Tensor:
    """Test activations rebuilt from the n principal components of the training activations."""
    mean = world.hidden.mean(0)
    axes = torch.linalg.svd(world.hidden - mean, full_matrices=False).Vh[:n]
    return mean + (world.test_hidden - mean) @ axes.T @ axes


def mean_by_digit(units: Tensor, digit: Tensor) -> Tensor:
    """Mean of every unit over the images of every digit: (n_units, 10)."""
    return torch.stack([units[digit == d].mean(0) for d in range(10)], 1)


@cache
def representations(seed: int) -> dict[str, tuple[Tensor, Tensor]]:
    """What a probe may read, of training and of test images."""
    world, sae = digit_world(seed), digit_sae(seed)
    rate = (sae(world.hidden)[1] > 0).float().mean().item()
    units = random_units(world.hidden, 128, rate, seed + 60)
    x, test = world.hidden, world.test_hidden
    return {
        "activations": (x, test),
        "latents": (sae(x)[1], sae(test)[1]),
        "random units": (units(x), units(test)),
        "pixels": (world.x, world.test_x),
    }


def digit_answers(seed: int) -> dict[str, Tensor]:
    """How many of the ten digits each unit answers, by its mean over a digit's test images."""
    digit = digit_world(seed).test_digit
    names = {"activations": "neurons", "latents": "latents", "random units": "random units"}
    units = {names[k]: test for k, (_, test) in representations(seed).items() if k in names}
    return {name: things_answered(mean_by_digit(u, digit)) for name, u in units.items()}


def steering_success(
    world: DigitWorld, hidden: Tensor, directions: Tensor, targets: Tensor, strength: float
) -> Tensor:
    """For each direction: of images not named its target, the share that is once it is added.

    hidden: (n_images, 32). directions: (n, 32). targets: (n,). strength: the length added.
    The read-out is linear, so what a direction adds to the logits is the same for all images.
    """
    logits, target = world.read_out(hidden), targets[:, None]
    push = strength * F.normalize(directions, dim=-1) @ world.read_out.weight.T
    after = (logits + push[:, None]).argmax(-1)  # (n, n_images)
    others = logits.argmax(-1) != target
    return ((after == target) & others).sum(-1) / others.sum(-1)


def mean_directions(world: DigitWorld) -> Tensor:
    """Mean activation of each digit less the mean of all: (10, 32). The rival that uses labels."""
    means = mean_by_digit(world.hidden, world.digit).T
    return means - world.hidden.mean(0)


def fires_most_for(units: Tensor, digit: Tensor) -> Tensor:
    """What we predict that a unit's direction does: name the digit for which it fires most."""
    return mean_by_digit(units, digit).argmax(1)


def chosen_latents(world: DigitWorld, rows: Tensor) -> Tensor:
    """For each digit the row that steers best towards it on training images: (10, 32)."""
    return torch.stack([
        rows[steering_success(world, world.hidden, rows, torch.full((len(rows),), d), 1.0).argmax()]
        for d in range(10)
    ])  # fmt: skip


@cache
def steering_curves(seed: int) -> dict[str, list[float]]:
    """Mean success at every strength, for the live latents and for their rivals."""
    world, sae = digit_world(seed), digit_sae(seed)
    latents, units = (representations(seed)[name][0] for name in ("latents", "random units"))
    live = (latents > 0).any(0)
    rows, target = sae.W_dec[live], fires_most_for(latents[:, live], world.digit)
    other = rows.roll(1, 0), target.roll(1, 0)
    first = (world.digit == torch.arange(10)[:, None]).float().argmax(1)  # an image of each digit
    one_image = world.hidden[first] - world.hidden.mean(0)
    apart = other[1] != target
    directions = {
        "latent": (rows, target),
        "random direction": (random_rows(len(rows), 32, seed + 50), target),
        "another latent": (other[0][apart], target[apart]),
        "random unit": (random_rows(128, 32, seed + 60), fires_most_for(units, world.digit)),
        "one image": (one_image[target], target),
        "chosen latent": (chosen_latents(world, rows)[target], target),
        "difference of means": (mean_directions(world)[target], target),
    }
    return {
        name: [steering_success(world, world.test_hidden, *d, s).mean().item() for s in STRENGTHS]
        for name, d in directions.items()
    }


def probe_accuracy(
    x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor, n: int, seed: int, neighbors: bool
) -> float:
    """Test accuracy of a probe on n labels; a fifth of them chooses C, or how many neighbors."""
    chosen = torch.randperm(len(y), generator=utils.generator(seed))[:n]
    val, fit = chosen[: n // 5], chosen[n // 5 :]
    scale = x[fit].norm(dim=-1).mean()
    if neighbors:
        kinds = [KNeighborsClassifier(k) for k in (1, 3, 5)]
    else:
        kinds = [LogisticRegression(C=c, max_iter=1000) for c in (0.1, 1, 10, 100)]
    probes = [kind.fit(x[fit] / scale, y[fit]) for kind in kinds]
    best = max(probes, key=lambda probe: probe.score(x[val] / scale, y[val]))
    return best.score(test_x / scale, test_y)


@cache
def probe_row(seed: int, name: str, repeats: int = 2) -> list[float]:
    """Mean accuracy over concepts and draws of labels, by LABELS. Linear, but for "neighbors"."""
    world, neighbors = digit_world(seed), name == "neighbors"
    x, test_x = representations(seed)["activations" if neighbors else name]
    row = []
    for n_labels in LABELS:
        cells = []
        for digits in CONCEPTS.values():
            y, test_y = (
                torch.isin(d, torch.tensor(digits)) for d in (world.digit, world.test_digit)
            )
            draws = range(100 * seed, 100 * seed + repeats)
            cells += [probe_accuracy(x, y, test_x, test_y, n_labels, s, neighbors) for s in draws]
        row.append(sum(cells) / len(cells))
    return row


def probe_table(seed: int) -> dict[str, list[float]]:
    """Linear probes on each representation, and nearest neighbors on the activations."""
    names = ("activations", "neighbors", "latents", "random units", "pixels")
    return {name: probe_row(seed, name) for name in names}


def balanced(fires: Tensor, digit: Tensor) -> Tensor:
    """Mean of the shares of yes and of no that are told right, for each digit: (10, n_columns)."""
    yes = F.one_hot(digit, 10).float().T  # (10, n_images)
    hits, n_yes = yes @ fires, yes.sum(1, keepdim=True)
    false_alarms = (fires.sum(0) - hits) / (len(digit) - n_yes)
    return (hits / n_yes + 1 - false_alarms) / 2


@cache
def single_unit_accuracy(seed: int, name: str) -> float:
    """Mean over digits of the test accuracy of the one unit and threshold best in training.

    "difference of means" has ten units: the activations along each digit's mean direction.
    """
    world = digit_world(seed)
    if name == "difference of means":
        x, test_x = (h @ mean_directions(world).T for h in (world.hidden, world.test_hidden))
    else:
        x, test_x = representations(seed)[name]
    cuts = x.quantile(torch.linspace(0, 1, 41), dim=0)  # (41, n_units)
    best = balanced((x[:, None] > cuts).float().flatten(1), world.digit).argmax(1)
    unit, cut = best % x.shape[1], cuts.flatten()[best]
    return balanced((test_x[:, unit] > cut).float(), world.test_digit).diagonal().mean().item()
