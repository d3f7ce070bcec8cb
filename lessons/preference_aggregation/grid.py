"""Inverse reinforcement learning where everything can be listed: a 5 × 5 grid with three prizes."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

import utils

SIDE, PLACES = 5, (4, 20, 12)  # two corners and the middle
VALUES = (-2.0, 0.0, 1.0, 2.0, 4.0)  # what a prize may be worth, per step spent there
MOVES = ((0, 0), (0, 1), (0, -1), (1, 0), (-1, 0))


class Demonstrator(NamedTuple):
    """How somebody plans: rationality β, and what a step later counts (discount γ)."""

    beta: float = 2.0
    discount: float = 0.9


FARSIGHTED, MYOPIC = Demonstrator(), Demonstrator(discount=0.4)


@cache
def after() -> Tensor:
    """Where each move leads from each cell, walls in mind: (25, 5) int64."""
    cells = [
        [
            min(max(row + up, 0), SIDE - 1) * SIDE + min(max(column + right, 0), SIDE - 1)
            for up, right in MOVES
        ]
        for row in range(SIDE)
        for column in range(SIDE)
    ]
    return torch.tensor(cells)


def candidates() -> Tensor:
    """Every reward there may be: the three prizes' values, all combinations, (125, 3)."""
    values = torch.tensor(VALUES, dtype=torch.float64)
    return torch.cartesian_prod(values, values, values)


def worth_of_moves(rewards: Tensor, discount: float, steps: int = 100) -> Tensor:
    """Q: a move's reward at once, and discounted what comes after at best. (n, 3) → (n, 25, 5)."""
    paid = rewards.new_zeros(len(rewards), SIDE * SIDE)
    paid[:, list(PLACES)] = rewards
    value = torch.zeros_like(paid)
    for _ in range(steps):
        moves = (paid + discount * value)[:, after()]
        value = moves.amax(-1)
    return moves


def log_policy(rewards: Tensor, who: Demonstrator) -> Tensor:
    """Log-chances of every move in every cell, P ∝ exp(β Q): (n, 25, 5)."""
    moves = worth_of_moves(rewards, who.discount)
    return (who.beta * moves).log_softmax(-1)


def demonstrate(
    rewards: Tensor, who: Demonstrator, generator: torch.Generator, walks: int = 3, steps: int = 6
) -> tuple[Tensor, Tensor]:
    """Walks from random cells for each row of rewards: cells, moves; (n, walks · steps) int64."""
    chances = log_policy(rewards, who).exp()
    n, row = len(rewards), torch.arange(len(rewards))[:, None]
    cell = torch.randint(SIDE * SIDE, (n, walks), generator=generator)
    cells, moves = [], []
    for _ in range(steps):
        here = chances[row, cell]
        move = torch.multinomial(here.flatten(0, 1), 1, generator=generator).reshape(n, walks)
        cells.append(cell)
        moves.append(move)
        cell = after()[cell, move]
    return torch.cat(cells, 1), torch.cat(moves, 1)


def posterior(cells: Tensor, moves: Tensor, assumed: Demonstrator) -> Tensor:
    """Log-probabilities of all candidates after these moves, from an even prior: (n, 125)."""
    return log_policy(candidates(), assumed)[:, cells, moves].sum(-1).T.log_softmax(1)


def reward_loss(true: Demonstrator, assumed: Demonstrator, seed: int, people: int = 400) -> float:
    """Mean −log posterior of the true reward, nats: what somebody assumed to plan so costs."""
    generator = utils.generator(seed)
    which = torch.randint(len(candidates()), (people,), generator=generator)
    seen = demonstrate(candidates()[which], true, generator)
    believed = posterior(*seen, assumed)
    return -believed[torch.arange(people), which].mean().item()
