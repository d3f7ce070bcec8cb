"""What an autoencoder is judged by: reconstruction, sparsity, matches with a truth, selectivity."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional as F

import utils
from lessons.sparse_autoencoders.exercises import fraction_of_variance_explained


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


def random_rows(n: int, n_inputs: int, seed: int) -> Tensor:
    """Directions of length 1, evenly over the sphere: (n, n_inputs)."""
    return F.normalize(torch.randn(n, n_inputs, generator=utils.generator(seed)), dim=-1)


def random_units(x: Tensor, n: int, rate: float, seed: int) -> Callable[[Tensor], Tensor]:
    """Random directions, each with a threshold at which it fires on a share `rate` of x."""
    rows = random_rows(n, x.shape[1], seed)
    threshold = (x[:16384] @ rows.T).quantile(1 - rate, dim=0)
    return lambda some: torch.relu(some @ rows.T - threshold)
