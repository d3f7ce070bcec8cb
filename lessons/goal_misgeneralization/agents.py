"""Actors and critics, several side by side, how they act, and what is learned from it."""

from typing import NamedTuple

import torch
from torch import Tensor

from utils.worlds.grids import Boards

GAMMA, LAMBDA = 0.95, 0.95
ACTIONS = 4


class Agents:
    """A stack of networks with two hidden layers and two heads: an actor and a critic each."""

    def __init__(self, n: int, features: int, g: torch.Generator, sees: Tensor | None = None):
        """n agents. sees: (n, features), what of its input each agent is shown (1) or not (0)."""
        sizes = [(features, 64), (64, 64), (64, ACTIONS + 1)]
        gains = (2**0.5, 2**0.5, 0.1)  # small at the end: at first all actions are as likely
        self.weights = [
            (torch.randn(n, i, o, generator=g) * gain / i**0.5).requires_grad_()
            for (i, o), gain in zip(sizes, gains, strict=True)
        ]
        self.biases = [torch.zeros(n, 1, o, requires_grad=True) for _, o in sizes]
        self.sees = None if sees is None else sees[:, None]
        self.n = n

    def parameters(self) -> list[Tensor]:
        return [*self.weights, *self.biases]

    def hidden(self, seen: Tensor) -> Tensor:
        """What the second layer makes of observations: (n, batch, features) -> (n, batch, 64)."""
        x = seen if self.sees is None else seen * self.sees
        for weight, bias in zip(self.weights[:2], self.biases[:2], strict=True):
            x = torch.baddbmm(bias, x, weight).relu()
        return x

    def __call__(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the actions, (n, batch, 4), and the critic's value, (n, batch)."""
        out = torch.baddbmm(self.biases[2], self.hidden(seen), self.weights[2])
        return out[..., :ACTIONS], out[..., ACTIONS]


class Episodes(NamedTuple):
    """What n agents did on B boards each, for T steps."""

    seen: Tensor  # (n, B, T, features)
    actions: Tensor  # (n, B, T)
    logprobs: Tensor  # (n, B, T), of the actions taken
    values: Tensor  # (n, B, T + 1), what the critic expected
    rewards: Tensor  # (n, B, T)
    active: Tensor  # (n, B, T), bool: the episode had not ended before
    positions: Tensor  # (n, B, T + 1), cells


@torch.no_grad()
def act(agents: Agents, boards: Boards, steps: int, g: torch.Generator) -> Episodes:
    """Let the agents act, with the same luck. The boards are in the agents' order, as many each."""
    n, found, positions = agents.n, [], [boards.position]
    for _ in range(steps):
        seen, active = boards.observe().view(n, -1, agents.weights[0].shape[1]), ~boards.done
        logits, values = agents(seen)
        logprobs = logits.log_softmax(-1)
        luck = torch.rand(logits.shape[1:], generator=g).clamp(1e-9, 1 - 1e-7)
        actions = (logprobs - (-luck.log()).log()).argmax(-1)  # Gumbel: a draw from the policy
        rewards, _ = boards.step(actions.flatten())
        taken = logprobs.gather(-1, actions[..., None]).squeeze(-1)
        found.append((seen, actions, taken, values, rewards.view(n, -1), active.view(n, -1)))
        positions.append(boards.position)
    seen, actions, taken, values, rewards, active = (
        torch.stack(x, 2) for x in zip(*found, strict=True)
    )
    last = agents(boards.observe().view(n, -1, agents.weights[0].shape[1]))[1]
    values = torch.cat([values, last[..., None]], 2)
    where = torch.stack(positions, 1).view(n, -1, steps + 1)
    return Episodes(seen, actions, taken, values, rewards, active, where)


def normalized(advantages: Tensor, active: Tensor) -> Tensor:
    """Advantages with mean 0 and deviation 1 for each agent, over decisions that were made."""
    weight = active / active.sum((1, 2), keepdim=True)
    mean = (advantages * weight).sum((1, 2), keepdim=True)
    variance = ((advantages - mean).square() * weight).sum((1, 2), keepdim=True)
    return (advantages - mean) / (variance.sqrt() + 1e-6)


def shuffled(active: Tensor, g: torch.Generator) -> Tensor:
    """Each agent's decisions in random order, those not made last and mostly left out: (n, m)."""
    order = (torch.rand(active.shape[1], generator=g) + 2.0 * ~active).argsort(1)
    return order[:, : int(active.sum(1).max())]


def take(x: Tensor, index: Tensor) -> Tensor:
    """x: (n, decisions, ...), index: (n, m) -> (n, m, ...)."""
    offset = x.shape[1] * torch.arange(len(x))[:, None]
    return (
        x.flatten(0, 1).index_select(0, (index + offset).flatten()).view(*index.shape, *x.shape[2:])
    )
