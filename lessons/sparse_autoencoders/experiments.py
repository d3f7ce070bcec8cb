"""What the sparse-autoencoder lesson trains and measures (Bricken et al. 2023 and relatives)."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR

import utils
from lessons.sparse_autoencoders.exercises import (
    SparseAutoencoder,
    fraction_of_variance_explained,
    jumprelu,
    mean_max_cosine_similarity,
    normalise_decoder_,
    remove_parallel_gradient_,
    resample_dead_latents_,
    sae_loss,
    topk_activation,
)
from lessons.superposition.exercises import (
    ToyModel,
    importance_weighted_loss,
    sample_sparse_features,
)
from utils import progress
from utils.claims import Finding, claim

DENSITY = 0.03  # of each of 64 features, so that about two are present at a time
ACTIVE = 64 * DENSITY  # features present at a time, on average
LEVELS = {  # what each kind is given to choose its sparsity: λ, or k
    "L1": (0.03, 0.3, 0.6, 1.0),
    "gated": (0.3, 0.6, 1.0),
    "TopK": (1, 2, 3),
    "JumpReLU": (0.01, 0.03, 0.1),
}
SIZES = (32, 64, 128)  # of the dictionary
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)  # of steering, in mean lengths of an activation
CONCEPTS = {"odd": (1, 3, 5, 7, 9), "five or more": (5, 6, 7, 8, 9), "has a loop": (0, 6, 8, 9)}
LABELS = (30, 100, 300)


@cache
def true_dictionary(seed: int, n_features: int = 64, n_hidden: int = 16) -> Tensor:
    """Train the toy model of superposition; row i is the direction of feature i, mean length 1."""
    generator, importance = utils.generator(seed), torch.ones(n_features)
    model = ToyModel(n_features, n_hidden, generator=generator)
    adam = torch.optim.Adam(model.parameters(), lr=0.03, fused=True)
    schedule = CosineAnnealingLR(adam, 1500)
    for _ in progress.track(range(1500), "toy model"):
        x = sample_sparse_features(512, n_features, DENSITY, generator)
        loss = 1000 * importance_weighted_loss(x, model(x), importance)
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    W = model.W.detach()
    return W.T / W.norm(dim=0).mean()


def toy_activations(true: Tensor, n: int, seed: int) -> Tensor:
    """Hidden activations of the toy model on n samples: (n, n_hidden)."""
    return sample_sparse_features(n, len(true), DENSITY, utils.generator(seed)) @ true


class JumpReLU(nn.Module):
    """A threshold of its own for every latent, kept positive as exp(log θ)."""

    def __init__(self, n_latents: int, bandwidth: float = 0.1):
        super().__init__()
        self.log_threshold = nn.Parameter(torch.full((n_latents,), math.log(0.1)))
        self.bandwidth = bandwidth

    def forward(self, pre: Tensor) -> Tensor:
        return jumprelu(pre, self.log_threshold.exp(), self.bandwidth)

    def l0(self, pre: Tensor) -> Tensor:
        """Mean number of active latents, with the pseudo-gradient −K((z − θ)/ε)/ε to θ."""
        threshold = self.log_threshold.exp()
        inside = ((pre - threshold).abs() < self.bandwidth / 2).float()
        slope = -inside / self.bandwidth
        active = (pre > threshold) + slope * (threshold - threshold.detach())
        return active.sum(-1).mean()


class Gated(nn.Module):
    """One pre-activation, used twice: to say whether a latent is active, and how much."""

    def __init__(self, n_latents: int):
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(n_latents))
        self.shift = nn.Parameter(torch.zeros(n_latents))

    def forward(self, pre: Tensor) -> Tensor:
        return (pre > 0) * torch.relu(self.log_scale.exp() * pre + self.shift)


def make_sae(
    kind: str, n_inputs: int, n_latents: int, level: float, generator: torch.Generator | None
) -> nn.Module:
    """The four kinds differ here only in the activation."""
    activation = {
        "L1": lambda: torch.relu,
        "gated": lambda: Gated(n_latents),
        "TopK": lambda: partial(topk_activation, k=level),
        "JumpReLU": lambda: JumpReLU(n_latents),
    }[kind]()
    return SparseAutoencoder(n_inputs, n_latents, activation, generator)


def objective(kind: str, sae: nn.Module, x: Tensor, level: float) -> Tensor:
    """Squared error, plus what each kind pays to be sparse."""
    x_hat, latents = sae(x)
    if kind == "L1":
        return sae_loss(x, x_hat, latents, level, sae.W_dec)
    squared_error = sae_loss(x, x_hat, latents, 0.0, sae.W_dec)
    pre = (x - sae.b_dec) @ sae.W_enc + sae.b_enc
    if kind == "JumpReLU":
        return squared_error + level * sae.activation.l0(pre)
    if kind == "gated":  # the penalty falls on the gate, which must reconstruct as well
        gate, frozen = torch.relu(pre), sae.W_dec.detach()
        by_gate = gate @ frozen + sae.b_dec.detach()
        return squared_error + sae_loss(x, by_gate, gate, level, frozen)
    return squared_error


def train_sae(kind: str, x: Tensor, n_latents: int, level: float, seed: int, steps: int = 1000,
              batch: int = 512, lr: float = 0.01, resamplings: int = 4) -> nn.Module:  # fmt: skip
    """Adam on batches of x (n, n_inputs); dead latents are resampled at 15, 30, 45 and 60 %."""
    generator = utils.generator(seed)
    sae = make_sae(kind, x.shape[1], n_latents, level, generator)
    adam = torch.optim.Adam(sae.parameters(), lr=lr, fused=True)
    schedule = CosineAnnealingLR(adam, steps)
    for step in range(steps):
        some = x[torch.randint(len(x), (batch,), generator=generator)]
        loss = objective(kind, sae, some, level)
        adam.zero_grad()
        loss.backward()
        remove_parallel_gradient_(sae.W_dec.grad, sae.W_dec)
        adam.step()
        schedule.step()
        normalise_decoder_(sae.W_dec)
        if step in [15 * steps * i // 100 for i in range(1, resamplings + 1)]:
            dead = (sae(x[:4096])[1] == 0).all(0)
            resample_dead_latents_(sae, x[:4096], dead, adam, generator)
    return sae.requires_grad_(False)


@dataclass(frozen=True)
class Score:
    """What an autoencoder does on data that it was not trained on."""

    l0: float  # mean number of active latents
    explained: float  # fraction of variance
    bias: float  # γ of Rajamanoharan et al. 2024a: below 1, reconstructions are too small
    dead: int  # latents that never fire


def score(sae: nn.Module, x: Tensor) -> Score:
    """Measure it on x (n, n_inputs)."""
    x_hat, latents = sae(x)
    active = latents > 0
    bias = (x_hat**2).sum() / (x_hat * x).sum()
    explained = fraction_of_variance_explained(x, x_hat)
    return Score(active.sum(-1).float().mean().item(), explained.item(), bias.item(),
                 int((~active).all(0).sum()))  # fmt: skip


def one_to_one(learned: Tensor, true: Tensor) -> Tensor:
    """Cosines of the best matching in which no learned direction serves two true ones."""
    cosines = F.normalize(true, dim=-1) @ F.normalize(learned, dim=-1).T
    rows, columns = linear_sum_assignment(-cosines.numpy())
    return cosines[rows, columns]


def things_answered(drive: Tensor) -> Tensor:
    """How many things drive a unit at least half as much as its strongest does.

    drive: (n_units, n_things), not negative. Returns (n_units,); 0 for a unit that nothing drives.
    """
    strongest = drive.amax(-1, keepdim=True)
    return ((drive > 0.5 * strongest) & (strongest > 0)).sum(-1)


def families(seed: int, n: int = 8, children: int = 4, n_inputs: int = 32) -> tuple[Tensor, Tensor]:
    """Directions in families: (n, n_inputs), and their children (n, children, n_inputs)."""
    g = utils.generator(seed)
    parents = F.normalize(torch.randn(n, n_inputs, generator=g), dim=-1)
    own = F.normalize(torch.randn(n, children, n_inputs, generator=g), dim=-1)
    own = own - own.mean(1, keepdim=True)  # so that a parent is its children's mean
    return parents, parents[:, None] + 0.5 * own


def family_activations(kids: Tensor, n_samples: int, seed: int) -> Tensor:
    """Each family is there with probability 0.1, as one of its children, of size 0.5 to 1."""
    g = utils.generator(seed)
    n, children, _ = kids.shape
    size = 0.5 + 0.5 * torch.rand(n_samples, n, generator=g)
    there = torch.rand(n_samples, n, generator=g) < 0.1
    which = F.one_hot(torch.randint(children, (n_samples, n), generator=g), children)
    return torch.einsum("sf,sfc,fci->si", size * there, which.float(), kids)


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
def digit_sae(seed: int, resamplings: int = 4) -> nn.Module:
    """128 latents on the 32 neurons of the digit network."""
    x = digit_world(seed).hidden
    return train_sae("L1", x, 128, 0.1, seed, batch=256, resamplings=resamplings)


def mean_by_digit(units: Tensor, digit: Tensor) -> Tensor:
    """Mean of every unit over the images of every digit: (n_units, 10)."""
    return torch.stack([units[digit == d].mean(0) for d in range(10)], 1)


def random_units(x: Tensor, n: int, rate: float, seed: int) -> Callable[[Tensor], Tensor]:
    """Random directions, each with a threshold at which it fires on a share `rate` of x."""
    rows = F.normalize(torch.randn(n, x.shape[1], generator=utils.generator(seed)), dim=-1)
    threshold = (x[:16384] @ rows.T).quantile(1 - rate, dim=0)
    return lambda some: torch.relu(some @ rows.T - threshold)


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
    """Mean over the ten digits of what the best single unit of a representation tells."""
    world, (x, test_x) = digit_world(seed), representations(seed)[name]
    each = [
        best_unit_accuracy(x, world.digit == d, test_x, world.test_digit == d) for d in range(10)
    ]
    return sum(each) / 10


@cache
def toy_sae(seed: int, kind: str = "L1", n_latents: int = 128, level: float = 0.3) -> nn.Module:
    """An autoencoder on the toy model of superposition."""
    return train_sae(kind, toy_activations(true_dictionary(seed), 32768, seed + 100), n_latents,
                     level, seed)  # fmt: skip


def toy_score(seed: int, sae: nn.Module) -> Score:
    """On fresh samples of the toy model."""
    return score(sae, toy_activations(true_dictionary(seed), 16384, seed + 7000))


@cache
def fronts(seed: int) -> dict[str, list[Score]]:
    """Every kind at every level of sparsity, 128 latents."""
    runs = [(kind, level) for kind, levels in LEVELS.items() for level in levels]
    found = {kind: [] for kind in LEVELS}
    for kind, level in progress.track(runs, "fronts"):
        found[kind].append(toy_score(seed, toy_sae(seed, kind, 128, level)))
    return found


def explained_at(front: list[Score], l0: float) -> float:
    """Variance explained at a given L0, by a straight line in log L0; NaN outside the front."""
    points = sorted((math.log(s.l0), s.explained) for s in front if s.l0 > 0)
    x, y = zip(*points, strict=True)
    return float(np.interp(math.log(l0), x, y, left=math.nan, right=math.nan))


def nearest(front: list[Score], l0: float) -> Score:
    """The autoencoder of a front whose L0 is nearest, in ratio."""
    return min(front, key=lambda s: abs(math.log(s.l0 / l0)) if s.l0 > 0 else math.inf)


@cache
def recovery_grid(seed: int) -> Tensor:
    """MMCS by size of the dictionary and L1 penalty: (len(SIZES), len(LEVELS["L1"]))."""
    true, rows = true_dictionary(seed), []
    for n_latents in progress.track(SIZES, "dictionary sizes"):
        saes = [toy_sae(seed, "L1", n_latents, level) for level in LEVELS["L1"]]
        rows.append([mean_max_cosine_similarity(sae.W_dec, true) for sae in saes])
    return torch.tensor(rows)


def baseline_directions(seed: int, n: int = 128) -> dict[str, Tensor]:
    """What a dictionary must beat: n random directions, n activations, both ends of each axis."""
    x = toy_activations(true_dictionary(seed), 4096, seed + 200)
    x = x[x.norm(dim=-1) > 0]
    axes = torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh
    return {
        "random directions": torch.randn(n, x.shape[1], generator=utils.generator(seed + 300)),
        "activations": x[:n],
        "± principal axes": torch.cat([axes, -axes]),
    }


def toy_answers(seed: int) -> dict[str, Tensor]:
    """How many of the 64 features each unit answers, when each feature stands alone."""
    true, sae = true_dictionary(seed), toy_sae(seed)
    x = toy_activations(true, 16384, seed + 100)
    rate = (sae(x)[1] > 0).float().mean().item()
    units = random_units(x, 128, rate, seed + 400)
    drives = {
        "neurons": torch.relu(torch.cat([true, -true], 1)),  # each side of each coordinate
        "latents": sae(true)[1],
        "random units": units(true),
    }
    return {name: things_answered(drive.T) for name, drive in drives.items()}


def digit_answers(seed: int) -> dict[str, Tensor]:
    """How many of the ten digits each unit answers, by its mean over a digit's test images."""
    digit = digit_world(seed).test_digit
    names = {"activations": "neurons", "latents": "latents", "random units": "random units"}
    units = {names[k]: test for k, (_, test) in representations(seed).items() if k in names}
    return {name: things_answered(mean_by_digit(u, digit)) for name, u in units.items()}


def dead_and_alive(seed: int, resamplings: int, kind: str, level: float, lr: float) -> nn.Module:
    """64 latents for the toy model's 64 features: none may be lost."""
    x = toy_activations(true_dictionary(seed), 32768, seed + 100)
    return train_sae(kind, x, 64, level, seed, lr=lr, resamplings=resamplings)


@cache
def family_sae(seed: int, n_latents: int, kind: str = "L1", level: float = 0.2) -> nn.Module:
    """An autoencoder on features that come in families."""
    x = family_activations(families(seed)[1], 32768, seed + 100)
    return train_sae(kind, x, n_latents, level, seed, steps=800)


def members_found(seed: int, sae: nn.Module) -> tuple[int, int]:
    """How many of 8 parents and of 32 children have a latent of their own, at cos > 0.95."""
    parents, kids = families(seed)
    found = [(one_to_one(sae.W_dec, rows) > 0.95).sum() for rows in (parents, kids.flatten(0, 1))]
    return int(found[0]), int(found[1])


def share_of_one(answers: Tensor) -> float:
    """Of the units that answer anything, the share that answers one thing."""
    return (answers[answers > 0] == 1).float().mean().item()


@claim(
    "A neuron answers several features, a latent one",
    source="Bricken et al. 2023, summary",
    paper="neurons are polysemantic, most features of the dictionary monosemantic",
    bound="over half of the neurons answer several features, over half of live latents just one",
)
def latents_answer_one_feature(seed: int) -> Finding:
    answers = toy_answers(seed)
    ones = share_of_one(answers["latents"])
    return Finding(
        100 * ones, "% of latents answer one", ones > 0.5 > share_of_one(answers["neurons"])
    )


@claim(
    "The same for the digits that a unit of the digit network answers",
    source="same section",
    paper="features are more monosemantic than neurons",
    bound="live latents answer fewer digits on average than neurons do",
)
def latents_answer_fewer_digits(seed: int) -> Finding:
    mean = {k: a[a > 0].float().mean() for k, a in digit_answers(seed).items()}
    return Finding(mean["latents"] / mean["neurons"], "of the neurons' number",
                   mean["latents"] < mean["neurons"])  # fmt: skip


@claim(
    "And fewer than random directions that fire as rarely",
    source="our control; none in the paper",
    paper="not compared: a threshold alone makes any direction more selective",
    bound="live latents answer fewer digits on average than random units of the same firing rate",
)
def latents_answer_fewer_digits_than_random_units(seed: int) -> Finding:
    mean = {k: a[a > 0].float().mean() for k, a in digit_answers(seed).items()}
    return Finding(mean["latents"] / mean["random units"], "of the random units' number",
                   mean["latents"] < mean["random units"])  # fmt: skip


@claim(
    "The true dictionary is recovered, feature by feature",
    source="Sharkey et al. 2022, summary",
    paper="an autoencoder with an L1 penalty recovers the ground-truth features",
    bound="90 % of features have a latent of their own at cos > 0.9, and MMCS beats each baseline",
)
def dictionary_is_recovered(seed: int) -> Finding:
    true, learned = true_dictionary(seed), toy_sae(seed).W_dec
    found = (one_to_one(learned, true) > 0.9).float().mean()
    rivals = [mean_max_cosine_similarity(d, true) for d in baseline_directions(seed).values()]
    beats = mean_max_cosine_similarity(learned, true) > max(rivals)
    return Finding(100 * found, "% of features found", found >= 0.9 and beats)


@claim(
    "Recovery wants enough latents, and a penalty neither too small nor too large",
    source="Sharkey et al. 2022, sweeps over dictionary size and L1 coefficient",
    paper="as reported in the course's sources: best in a middle range of both",
    bound="the best MMCS has 64 latents or more, and in its row both ends of λ score lower",
)
def recovery_has_a_middle(seed: int) -> Finding:
    grid = recovery_grid(seed)
    row, column = divmod(int(grid.argmax()), grid.shape[1])
    middle = 0 < column < grid.shape[1] - 1
    return Finding(grid.max(), "best MMCS", SIZES[row] >= 64 and middle)


def _front_claim(seed: int, kind: str, rivals: tuple[str, ...], slack: float = 0.0) -> Finding:
    at = {k: explained_at(fronts(seed)[k], ACTIVE) for k in (kind, *rivals)}
    lead = at[kind] - max(at[k] for k in rivals)
    return Finding(100 * lead, "points of variance ahead", lead > -slack)


@claim(
    "Gated beats L1 on the front of L0 against reconstruction",
    source="Rajamanoharan et al. 2024a, abstract",
    paper="a Pareto improvement over prevailing methods",
    bound="explains more variance at L0 = 1.92, the number of features present",
)
def gated_beats_l1(seed: int) -> Finding:
    return _front_claim(seed, "gated", ("L1",))


@claim(
    "TopK beats L1",
    source="Gao et al. 2024, Fig. 2",
    paper="at a fixed number of latents a better trade-off than ReLU",
    bound="explains more variance at L0 = 1.92",
)
def topk_beats_l1(seed: int) -> Finding:
    return _front_claim(seed, "TopK", ("L1",))


@claim(
    "JumpReLU matches or beats gated and TopK",
    source="Rajamanoharan et al. 2024b, abstract",
    paper="state-of-the-art fidelity at a given sparsity, compared with gated and TopK",
    bound="explains at least as much variance at L0 = 1.92 as both, to half a point",
)
def jumprelu_is_at_the_front(seed: int) -> Finding:
    return _front_claim(seed, "JumpReLU", ("gated", "TopK"), slack=0.005)


@claim(
    "The L1 penalty shrinks what is reconstructed; the other three are free of it",
    source="Rajamanoharan et al. 2024a, section on shrinkage; 2024b and Gao et al. 2024",
    paper="L1 underestimates activations; gated solves it, TopK and JumpReLU need no L1",
    bound="nearest to L0 = 1.92: γ below 0.95 for L1, within 0.05 of 1 for the three",
)
def only_l1_shrinks(seed: int) -> Finding:
    bias = {kind: nearest(front, ACTIVE).bias for kind, front in fronts(seed).items()}
    l1 = bias.pop("L1")
    return Finding(l1, "γ of L1", l1 < 0.95 and all(abs(b - 1) < 0.05 for b in bias.values()))


@claim(
    "Resampling leaves fewer dead latents and a lower loss",
    source="Bricken et al. 2023, appendix on neuron resampling",
    paper="more features and a lower total loss",
    bound="toy model, L1 at a high learning rate: fewer dead, and a lower loss on fresh samples",
)
def resampling_helps_l1(seed: int) -> Finding:
    fresh = toy_activations(true_dictionary(seed), 16384, seed + 7000)
    with_, without = (dead_and_alive(seed, n, "L1", 0.6, 0.03) for n in (4, 0))
    fewer = score(without, fresh).dead - score(with_, fresh).dead
    lower = objective("L1", with_, fresh, 0.6) < objective("L1", without, fresh, 0.6)
    return Finding(fewer, "of 64 fewer dead", fewer > 0 and lower)


@claim(
    "With TopK too, and more of the truth is found",
    source="same section, carried over to TopK; Gao et al. 2024 use an auxiliary loss instead",
    paper="dead latents are capacity wasted",
    bound="fewer dead, and more of the 64 features with a latent of their own at cos > 0.9",
)
def resampling_helps_topk(seed: int) -> Finding:
    true = true_dictionary(seed)
    fresh = toy_activations(true, 16384, seed + 7000)
    with_, without = (dead_and_alive(seed, n, "TopK", 2, 0.01) for n in (4, 0))
    fewer = score(without, fresh).dead - score(with_, fresh).dead
    more, less = ((one_to_one(s.W_dec, true) > 0.9).sum() for s in (with_, without))
    return Finding(more - less, "of 64 features more", fewer > 0 and more > less)


@claim(
    "On the digit network as well",
    source="same section",
    paper="more features and a lower total loss",
    bound="128 latents, L1: fewer dead on the training images, and a lower loss there",
)
def resampling_helps_on_digits(seed: int) -> Finding:
    x = digit_world(seed).hidden
    with_, without = digit_sae(seed), digit_sae(seed, resamplings=0)
    fewer = score(without, x).dead - score(with_, x).dead
    lower = objective("L1", with_, x, 0.1) < objective("L1", without, x, 0.1)
    return Finding(fewer, "of 128 fewer dead", fewer > 0 and lower)


@claim(
    "Features split as the dictionary grows",
    source="Bricken et al. 2023, section on feature splitting",
    paper="a feature of a small dictionary becomes several of a larger one",
    bound="8 latents: all 8 parents at cos > 0.95; 64 latents: over half of the 32 children",
)
def features_split(seed: int) -> Finding:
    parents, _ = members_found(seed, family_sae(seed, 8))
    _, kids = members_found(seed, family_sae(seed, 64))
    return Finding(kids, "of 32 children found", parents == 8 and kids > 16)


@claim(
    "Adding a latent's direction makes the network name its digit more often than controls do",
    source="Bricken et al. 2023 and Templeton et al. 2024 on steering",
    paper="turning a feature up changes the output as its meaning predicts",
    bound="at one mean length, at least twice as often as a random direction and another latent's",
)
def steering_works_as_predicted(seed: int) -> Finding:
    at = {name: curve[STRENGTHS.index(1.0)] for name, curve in steering_curves(seed).items()}
    holds = at["latent"] >= 2 * max(at["random direction"], at["another latent"])
    return Finding(100 * at["latent"], "% moved to the predicted digit", holds)


@claim(
    "Directions made with labels steer better than latents",
    source="Wu et al. 2025 (AxBench), abstract",
    paper="even simple baselines outperform sparse autoencoders; SAEs are not competitive",
    bound="the difference of class means succeeds more often at every strength above 0",
)
def difference_of_means_steers_better(seed: int) -> Finding:
    curves = steering_curves(seed)
    pairs = list(zip(curves["difference of means"], curves["latent"], strict=True))[1:]
    lead = sum(a - b for a, b in pairs) / len(pairs)
    return Finding(100 * lead, "points more", all(a > b for a, b in pairs))


@claim(
    "A probe on raw activations is no worse than one on latents",
    source="Kantamneni et al. 2025, abstract",
    paper="SAEs do not consistently improve on baselines in probing",
    bound="mean accuracy over three concepts and 30, 100, 300 labels at least that on latents",
)
def raw_probe_is_no_worse(seed: int) -> Finding:
    table = probe_table(seed)
    lead = (sum(table["activations"]) - sum(table["latents"])) / len(LABELS)
    return Finding(100 * lead, "points ahead", lead >= 0)


@claim(
    "Latents are no better for a probe than random units that fire as rarely",
    source="our control",
    paper="not compared: any wide layer of ReLUs makes a linear probe stronger",
    bound="mean accuracy on random units at least that on latents",
)
def random_units_probe_is_no_worse(seed: int) -> Finding:
    table = probe_table(seed)
    lead = (sum(table["random units"]) - sum(table["latents"])) / len(LABELS)
    return Finding(100 * lead, "points ahead", lead >= 0)


@claim(
    "The best single latent tells a digit better than the best single neuron",
    source="Gao et al. 2024, probe loss; after Gurnee et al. 2023",
    paper="single latents recover hypothesized features",
    bound="higher mean balanced accuracy over ten digits, than neurons and than random units",
)
def single_latents_beat_single_neurons(seed: int) -> Finding:
    latents, *rivals = (
        single_unit_accuracy(seed, name) for name in ("latents", "activations", "random units")
    )
    lead = latents - max(rivals)
    return Finding(100 * lead, "points ahead of the better rival", lead > 0)


def bench() -> Iterator[tuple[str, Callable[[], tuple[int, float | None]]]]:
    """Rows for `make bench`: the subjects, then one autoencoder of every kind and size."""

    def toy() -> tuple[int, None]:
        true_dictionary(0)
        return 1500, None

    def digits() -> tuple[int, float]:
        world = digit_world(0)
        right = world.answers(world.test_hidden) == world.test_digit
        return 600, right.float().mean().item()

    def one(kind: str, n_latents: int, level: float) -> Callable:
        def run() -> tuple[int, float]:
            x = toy_activations(true_dictionary(0), 32768, 100)
            return 1000, toy_score(0, train_sae(kind, x, n_latents, level, 0)).explained

        return run

    yield "toy model of superposition", toy
    yield "digit network, and its test accuracy", digits
    for kind, level in (("L1", 0.3), ("gated", 0.6), ("TopK", 2), ("JumpReLU", 0.03)):
        yield f"{kind}: 128 latents, variance explained", one(kind, 128, level)
    for n_latents in (32, 64, 256):
        yield f"L1: {n_latents} latents, variance explained", one("L1", n_latents, 0.3)
