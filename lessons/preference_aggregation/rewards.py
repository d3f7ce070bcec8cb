"""Reward models that give an answer one number, or a mean and a spread (distributional ones)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR

import utils
from utils import progress


def gamble(a: Tensor, generator: torch.Generator) -> Tensor:
    """What answers a in [0, 1] are worth to whoever is asked: a; from 0.8 on, 2a or 0 by a coin."""
    heads = torch.rand(a.shape, generator=generator, dtype=a.dtype) < 0.5
    return torch.where(a < 0.8, a, 2 * a * heads)


def gamble_borda(a: Tensor) -> Tensor:
    """Each answer's exact Borda count against answers spread evenly over [0, 1]."""
    return torch.where(a < 0.8, 0.1 + a, 0.275 + 0.25 * a)


def log_spread(raw: Tensor) -> Tensor:
    """A network's second output is log σ + 2: σ starts near e⁻², as in the authors' code."""
    return raw - 2


def log_chance(out: Tensor) -> Tensor:
    """Log-chance that the first of two answers wins. out: (2, batch, 1 or 2) → (batch,).

    One number an answer: log σ of the difference. Mean and log-spread: log Φ(Δμ / √(σ² + σ'²)).
    """
    difference = out[0, :, 0] - out[1, :, 0]
    if out.shape[-1] == 1:
        return F.logsigmoid(difference)
    spread = log_spread(out[..., 1]).exp().square().sum(0).sqrt()
    return torch.special.log_ndtr(difference / spread)


def reward_network(seed: int, outputs: int, steps: int = 400, batch: int = 512) -> nn.Module:
    """Learn from comparisons of random answers their worth. outputs: 1, or 2 with spread."""
    generator = utils.generator(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, outputs)
        network = nn.Sequential(*layers).double()
    adam = torch.optim.Adam(network.parameters(), lr=1e-2)
    schedule = CosineAnnealingLR(adam, steps)
    for _ in progress.track(range(steps), "reward model"):
        answers = torch.rand(2, batch, generator=generator, dtype=torch.float64)
        worth = gamble(answers, generator)
        out = network(2 * answers[..., None] - 1)
        won = torch.where((worth[0] > worth[1])[:, None], out, out.flip(0))  # the winner first
        loss = -log_chance(won).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return network.requires_grad_(False)


def least(loss: Callable[[Tensor], Tensor], start: Tensor, steps: int = 300) -> Tensor:
    """Where a smooth loss is least, by L-BFGS from `start`."""
    x = start.clone().requires_grad_()
    lbfgs = torch.optim.LBFGS([x], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        lbfgs.zero_grad()
        value = loss(x)
        value.backward()
        return value

    lbfgs.step(closure)
    return x.detach()


def fit_spread(wins: Tensor, prior: float = 1.0) -> tuple[Tensor, Tensor]:
    """A mean and a spread for every answer, from wins (n, n): P(i beats j) = Φ(Δμ / √(σᵢ² + σⱼ²)).

    prior: how dearly log σ pays for leaving 0, and μ too: a normal prior of spread 1 / √prior.
    """
    n = len(wins)

    def loss(x: Tensor) -> Tensor:
        mean, raw = x
        spread = (2 * raw).exp()
        total = (spread[:, None] + spread).sqrt()
        chance = torch.special.log_ndtr((mean[:, None] - mean) / total)
        return -(wins * chance).sum() + prior * x.square().sum() / 2

    mean, raw = least(loss, torch.zeros(2, n, dtype=wins.dtype))
    return mean, raw.exp()


def explained(mean: Tensor, spread: Tensor) -> float:
    """r²: the share of the variance of scores that the means explain; the rest is spread."""
    between = mean.var(correction=0)
    return (between / (between + spread.square().mean())).item()
