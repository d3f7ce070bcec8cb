"""The digit network, whose truth is not known: its autoencoder, and what latents are worth there.

Three tests, each beside its rivals: selectivity, steering, probing.
"""

from dataclasses import dataclass
from functools import cache

import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F

import utils
from lessons.sparse_autoencoders.autoencoders import train_sae
from lessons.sparse_autoencoders.measures import random_units, things_answered

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


def loss_recovered(world: DigitWorld, sae: nn.Module) -> float:
    """Share of what the neurons are worth that comes through the autoencoder (Bricken et al. 2023).

    Their worth is the rise of the test loss when all of them are set to 0.
    """
    whole = world.test_hidden
    hiddens = torch.zeros_like(whole), sae(whole)[0], whole
    nothing, through, all_ = (F.cross_entropy(world.read_out(h), world.test_digit) for h in hiddens)
    return ((nothing - through) / (nothing - all_)).item()


def mean_by_digit(units: Tensor, digit: Tensor) -> Tensor:
    """Mean of every unit over the images of every digit: (n_units, 10)."""
    return torch.stack([units[digit == d].mean(0) for d in range(10)], 1)


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


def steering_success(world: DigitWorld, direction: Tensor, target: int, strength: float) -> float:
    """Share of test images, not named `target` before, that are once `strength` d̂ is added."""
    before = world.test_hidden[world.answers(world.test_hidden) != target]
    after = world.answers(before + strength * F.normalize(direction, dim=-1))
    return (after == target).float().mean().item()


def mean_directions(world: DigitWorld) -> Tensor:
    """Mean activation of each digit less the mean of all: (10, 32). The rival that uses labels."""
    means = mean_by_digit(world.hidden, world.digit).T
    return means - world.hidden.mean(0)


@cache
def steering_curves(seed: int) -> dict[str, list[float]]:
    """Mean success at every strength, for the live latents and for their rivals."""
    world, sae = digit_world(seed), digit_sae(seed)
    by_digit = mean_by_digit(sae(world.hidden)[1], world.digit)
    live = by_digit.amax(1) > 0
    target = by_digit[live].argmax(1).tolist()  # what we predict: the digit it fires most for
    directions = {
        "latent": sae.W_dec[live],
        "random direction": torch.randn(len(target), 32, generator=utils.generator(seed + 50)),
        "another latent": sae.W_dec[live].roll(1, 0),
        "difference of means": mean_directions(world)[target],
    }
    return {
        name: [
            sum(steering_success(world, d, t, s) for d, t in zip(rows, target, strict=True))
            / len(target)
            for s in STRENGTHS
        ]
        for name, rows in directions.items()
    }


def probe_accuracy(
    x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor, n: int, seed: int
) -> float:
    """Test accuracy of logistic regression on n labels; C is chosen on a fifth of them."""
    chosen = torch.randperm(len(y), generator=utils.generator(seed))[:n]
    val, fit = chosen[: n // 5], chosen[n // 5 :]
    scale = x[fit].norm(dim=-1).mean()
    probes = [
        LogisticRegression(C=c, max_iter=1000).fit(x[fit] / scale, y[fit])
        for c in (0.1, 1, 10, 100)
    ]
    best = max(probes, key=lambda probe: probe.score(x[val] / scale, y[val]))
    return best.score(test_x / scale, test_y)


@cache
def probe_table(seed: int, repeats: int = 2) -> dict[str, list[float]]:
    """Mean accuracy over concepts and draws of labels: for each representation, by LABELS."""
    world = digit_world(seed)
    table = {}
    for name, (x, test_x) in representations(seed).items():
        table[name] = []
        for n_labels in LABELS:
            cells = []
            for digits in CONCEPTS.values():
                y, test_y = (
                    torch.isin(d, torch.tensor(digits)) for d in (world.digit, world.test_digit)
                )
                draws = range(100 * seed, 100 * seed + repeats)
                cells += [probe_accuracy(x, y, test_x, test_y, n_labels, s) for s in draws]
            table[name].append(sum(cells) / len(cells))
    return table


def balanced(fires: Tensor, y: Tensor) -> Tensor:
    """Mean of the shares of yes and of no that are told right, over samples (dimension 0)."""
    return (fires[y].float().mean(0) + (~fires[~y]).float().mean(0)) / 2


def best_unit_accuracy(x: Tensor, y: Tensor, test_x: Tensor, test_y: Tensor) -> float:
    """Balanced test accuracy of the one unit and threshold that are best in training."""
    best = (-1.0, 0, 0.0)
    for unit in range(x.shape[1]):
        cuts = x[:, unit].quantile(torch.linspace(0, 1, 41)).unique()
        accuracy, at = balanced(x[:, unit, None] > cuts, y).max(0)
        best = max(best, (accuracy.item(), unit, cuts[at].item()))
    return balanced(test_x[:, best[1]] > best[2], test_y).item()


def single_unit_accuracy(seed: int, name: str) -> float:
    """Mean over the ten digits of what the best single unit tells, or difference of means."""
    world = digit_world(seed)
    if name == "difference of means":
        x, test_x = (h @ mean_directions(world).T for h in (world.hidden, world.test_hidden))
    else:
        x, test_x = representations(seed)[name]
    each = [
        best_unit_accuracy(x, world.digit == d, test_x, world.test_digit == d) for d in range(10)
    ]
    return sum(each) / 10
