"""What the lesson runs: the toy model, whose truth is known, and features that come in families.

The digit network stands in digits.py. What lesson.md shows is named in `__all__`, wherever it is.
"""

import math
from functools import cache, lru_cache

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR

import utils
from lessons.sparse_autoencoders.autoencoders import (
    Gated,
    JumpReLU,
    make_sae,
    objective,
    train_sae,
    train_side_by_side,
)
from lessons.sparse_autoencoders.digits import loss_recovered, steering_success
from lessons.sparse_autoencoders.exercises import mean_max_cosine_similarity
from lessons.sparse_autoencoders.measures import (
    Score,
    one_to_one,
    random_units,
    score,
    things_answered,
)
from lessons.superposition.exercises import (
    ToyModel,
    importance_weighted_loss,
    sample_sparse_features,
)
from utils import progress

__all__ = [
    "Gated",
    "JumpReLU",
    "loss_recovered",
    "make_sae",
    "objective",
    "one_to_one",
    "steering_success",
    "things_answered",
    "train_sae",
]

DENSITY = 0.03  # of each of 64 features, so that about two are present at a time
ACTIVE = 64 * DENSITY  # features present at a time, on average
LEVELS = {  # what each kind is given to choose its sparsity: λ, or k
    "L1": (0.03, 0.3, 0.6, 1.0),
    "gated": (0.3, 0.6, 1.0),
    "TopK": (1, 2, 3),
    "JumpReLU": (0.01, 0.03, 0.1),
}
SIZES = (32, 64, 128)  # of the dictionary
FAMILY_RUNS = (  # where features come in families: kind, λ or k, sizes of the dictionary
    ("L1", 0.2, (8, 16, 32, 64)),
    ("TopK", 2, (8, 64)),
)


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


@lru_cache(maxsize=4)
def toy_activations(true: Tensor, n: int, seed: int) -> Tensor:
    """Hidden activations of the toy model on n samples: (n, n_hidden)."""
    return sample_sparse_features(n, len(true), DENSITY, utils.generator(seed)) @ true


@cache
def toy_saes(seed: int, kind: str, n_latents: int) -> dict[float, nn.Module]:
    """Autoencoders on the toy model, one for each level of sparsity of their kind."""
    x = toy_activations(true_dictionary(seed), 32768, seed + 100)
    saes = train_side_by_side(kind, x, n_latents, LEVELS[kind], seed)
    return dict(zip(LEVELS[kind], saes, strict=True))


@cache
def fronts(seed: int) -> dict[str, list[Score]]:
    """Every kind at every level of sparsity, 128 latents, scored on fresh samples."""
    fresh = toy_activations(true_dictionary(seed), 16384, seed + 7000)
    return {
        kind: [score(sae, fresh) for sae in toy_saes(seed, kind, 128).values()] for kind in LEVELS
    }


def explained_at(front: list[Score], l0: float) -> float:
    """Variance explained at a given L0, by a straight line in log L0; NaN outside the front."""
    points = sorted((math.log(s.l0), s.explained) for s in front if s.l0 > 0)
    x, y = zip(*points, strict=True)
    return float(np.interp(math.log(l0), x, y, left=math.nan, right=math.nan))


@cache
def recovery_grid(seed: int) -> Tensor:
    """MMCS by size of the dictionary and L1 penalty: (len(SIZES), len(LEVELS["L1"]))."""
    true = true_dictionary(seed)
    saes = [toy_saes(seed, "L1", n_latents).values() for n_latents in SIZES]
    return torch.tensor(
        [[mean_max_cosine_similarity(sae.W_dec, true) for sae in row] for row in saes]
    )


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
    true, sae = true_dictionary(seed), toy_saes(seed, "L1", 128)[0.3]
    x = toy_activations(true, 16384, seed + 100)
    rate = (sae(x)[1] > 0).float().mean().item()
    units = random_units(x, 128, rate, seed + 400)
    drives = {
        "neurons": torch.relu(torch.cat([true, -true], 1)),  # each side of each coordinate
        "latents": sae(true)[1],
        "random units": units(true),
    }
    return {name: things_answered(drive.T) for name, drive in drives.items()}


def dead_and_alive(seed: int, resamplings: int, kind: str, level: float, lr: float) -> nn.Module:
    """64 latents for the toy model's 64 features: none may be lost."""
    x = toy_activations(true_dictionary(seed), 32768, seed + 100)
    return train_sae(kind, x, 64, level, seed, batch=512, lr=lr, resamplings=resamplings)


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


@cache
def family_sae(seed: int, n_latents: int, kind: str = "L1", level: float = 0.2) -> nn.Module:
    """An autoencoder on features that come in families."""
    x = family_activations(families(seed)[1], 32768, seed + 100)
    return train_sae(kind, x, n_latents, level, seed, steps=800)


def members_found(seed: int, sae: nn.Module) -> tuple[int, int]:
    """How many of 8 parents and of 32 children have a latent of their own, at cos > 0.95.

    All 40 are matched together, so that one latent never counts as a parent and as its child.
    """
    parents, kids = families(seed)
    members = F.normalize(torch.cat([parents, kids.flatten(0, 1)]), dim=-1)
    cosines = members @ F.normalize(sae.W_dec, dim=-1).T
    rows, columns = linear_sum_assignment(-cosines.numpy())
    found = torch.tensor(rows)[cosines[rows, columns] > 0.95]
    return int((found < len(parents)).sum()), int((found >= len(parents)).sum())
