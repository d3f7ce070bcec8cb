"""The four kinds of autoencoder: how each is made, what it pays for sparsity, how it is trained."""

import math
from collections.abc import Sequence
from functools import partial
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.optim.lr_scheduler import CosineAnnealingLR

import utils
from lessons.sparse_autoencoders.exercises import (
    SparseAutoencoder,
    jumprelu,
    normalize_decoder_,
    remove_parallel_gradient_,
    resample_dead_latents_,
    sae_loss,
    topk_activation,
)
from utils import progress


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
    if kind == "L1":
        x_hat, latents = sae(x)
        return sae_loss(x, x_hat, latents, level, sae.W_dec)
    pre = (x - sae.b_dec) @ sae.W_enc + sae.b_enc  # the forward pass step by step: pre is needed
    x_hat = sae.activation(pre) @ sae.W_dec + sae.b_dec
    squared_error = ((x - x_hat) ** 2).sum(-1).mean()
    if kind == "JumpReLU":
        return squared_error + level * sae.activation.l0(pre)
    if kind == "gated":  # the penalty falls on the gate, which must reconstruct as well
        gate, frozen = torch.relu(pre), sae.W_dec.detach()
        by_gate = gate @ frozen + sae.b_dec.detach()
        return squared_error + sae_loss(x, by_gate, gate, level, frozen)
    return squared_error


def train_sae(kind: str, x: Tensor, n_latents: int, level: float, seed: int, steps: int = 1000,
              batch: int = 256, lr: float = 0.01, resamplings: int = 4) -> nn.Module:  # fmt: skip
    """Adam on batches of x (n, n_inputs); dead latents are resampled at 15, 30, 45 and 60 %."""
    generator = utils.generator(seed)
    sae = make_sae(kind, x.shape[1], n_latents, level, generator)
    adam = torch.optim.Adam(sae.parameters(), lr=lr, fused=True)
    schedule = CosineAnnealingLR(adam, steps)
    for step in progress.track(range(steps), f"{kind}, {n_latents} latents"):
        some = x[torch.randint(len(x), (batch,), generator=generator)]
        loss = objective(kind, sae, some, level)
        adam.zero_grad()
        loss.backward()
        remove_parallel_gradient_(sae.W_dec.grad, sae.W_dec)
        adam.step()
        schedule.step()
        normalize_decoder_(sae.W_dec)
        if step in [15 * steps * i // 100 for i in range(1, resamplings + 1)]:
            dead = (sae(x[:4096])[1] == 0).all(0)
            resample_dead_latents_(sae, x[:4096], dead, adam, generator)
    return sae.requires_grad_(False)


class Objective(nn.Module):
    """`objective` as the forward of a module, so that torch.func can swap its parameters."""

    def __init__(self, kind: str, sae: nn.Module):
        super().__init__()
        self.kind, self.sae = kind, sae

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        return objective(self.kind, self.sae, x, level)


def train_side_by_side(
    kind: str, x: Tensor, n_latents: int, levels: Sequence[float], seed: int,
    steps: int = 1000, batch: int = 256, lr: float = 0.01, resamplings: int = 4,
) -> list[nn.Module]:  # fmt: skip
    """What `train_sae` gives for each level, in half the time: parameters stand in one tensor."""
    if kind == "TopK":  # k is the length of a result, which vmap wants to be the same for all
        return [
            train_sae(kind, x, n_latents, k, seed, steps, batch, lr, resamplings) for k in levels
        ]
    generators = [utils.generator(seed) for _ in levels]
    each = [
        Objective(kind, make_sae(kind, x.shape[1], n_latents, level, g))
        for level, g in zip(levels, generators, strict=True)
    ]
    together = _stacked(each)
    W_dec = together["sae.W_dec"]
    losses = vmap(partial(functional_call, each[0]))
    adam = torch.optim.Adam(together.values(), lr=lr, fused=True)
    schedule = CosineAnnealingLR(adam, steps)
    for step in progress.track(range(steps), f"{len(levels)} × {kind}, {n_latents} latents"):
        rows = [torch.randint(len(x), (batch,), generator=g) for g in generators]
        loss = losses(together, (x[torch.stack(rows)], torch.tensor(levels))).sum()
        adam.zero_grad()
        loss.backward()
        remove_parallel_gradient_(W_dec.grad, W_dec)
        adam.step()
        schedule.step()
        normalize_decoder_(W_dec)
        if step in [15 * steps * i // 100 for i in range(1, resamplings + 1)]:
            for i, (one, g) in enumerate(zip(each, generators, strict=True)):
                dead = (one.sae(x[:4096])[1] == 0).all(0)
                resample_dead_latents_(one.sae, x[:4096], dead, _part(adam, together, one, i), g)
    return [one.sae.requires_grad_(False) for one in each]


def _stacked(each: list[Objective]) -> dict[str, nn.Parameter]:
    """The parameters of all, along a new first dimension; each one's own become views of them."""
    together = {
        name: nn.Parameter(torch.stack([one.get_parameter(name).data for one in each]))
        for name, _ in each[0].named_parameters()
    }
    for i, one in enumerate(each):
        for name, p in one.named_parameters():
            p.data = together[name].data[i]
    return together


def _part(
    adam: torch.optim.Adam, together: dict[str, nn.Parameter], one: Objective, i: int
) -> SimpleNamespace:
    """Adam's moments of the i-th autoencoder, as views, under its own parameters."""
    moments = {
        p: {m: adam.state[together[name]][m][i] for m in ("exp_avg", "exp_avg_sq")}
        for name, p in one.named_parameters()
    }
    return SimpleNamespace(state=moments)
