"""Networks that search inside: value iteration over a map of rewards that they make themselves."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from utils import progress
from utils.worlds.grids import MOVES, distances, place

SIDE = 5
DISCOUNT = 0.9  # of the planners' own search
SHARP = 8.0  # how strongly they prefer what their search finds better


class Mazes(NamedTuple):
    """B mazes of side x side cells."""

    walls: Tensor  # (B, side, side), bool
    things: Tensor  # (B, cells, 2), float: whether a red thing, whether a gem lies there
    following: Tensor  # (B, cells, 4): where each action leads
    start: Tensor  # (B,)
    first: Tensor  # (B,), the cell of the (red) thing
    second: Tensor  # (B,), the cell of the gem; in training the same thing, the same cell


def mazes(n: int, apart: bool, g: torch.Generator, side: int = SIDE) -> Mazes:
    """n mazes in which the start reaches everything.

    apart: a red thing and a gem, each at a cell of its own and as near; else one red gem. Raises
    ValueError if n < 1 or side < 2.
    """
    if n < 1 or side < 2:
        raise ValueError("ask for at least one maze, and at least two cells to a side")
    parts: list[list[Tensor]] = []
    while sum(len(p[1]) for p in parts) < n:
        walls = torch.rand(4 * n, side, side, generator=g) < 0.2
        free = ~walls
        free.flatten(1)[:, :3] = True  # so that three cells are free in any maze
        walls, cells = ~free, side * side
        start = place(free, g)
        way = distances(walls, start).flatten(1)
        fair = (way > 0) & (way < cells)
        there = fair.any(1)
        walls, way, fair, start = walls[there], way[there], fair[there], start[there]
        first = place(fair.view(-1, side, side), g)
        second = first
        if apart:
            near = fair & (way == way.gather(1, first[:, None]))
            near[torch.arange(len(near)), first] = False
            there = near.any(1)
            walls, near, start, first = walls[there], near[there], start[there], first[there]
            second = place(near.view(-1, side, side), g)
        parts.append([walls, start, first, second])
    walls, start, first, second = (torch.cat(p)[:n] for p in zip(*parts, strict=True))
    things = torch.stack([F.one_hot(c, side * side) for c in (first, second)], -1)
    return Mazes(walls, things.float(), neighbors(walls), start, first, second)


def neighbors(walls: Tensor) -> Tensor:
    """Where each action leads from each cell: (B, H, W), bool -> (B, H * W, 4)."""
    n, height, width = walls.shape
    rim = F.pad(walls, (1, 1, 1, 1), value=True)
    here, found = torch.arange(height * width).view(height, width).expand(n, -1, -1), []
    for row, column in MOVES:
        blocked = rim[:, 1 + row : 1 + row + height, 1 + column : 1 + column + width]
        found.append(torch.where(blocked, here, here + row * width + column))
    return torch.stack(found, -1).flatten(1, 2)


class Planners:
    """n networks: a shared encoder makes a reward of what lies in a cell, then they search."""

    def __init__(self, n: int, g: torch.Generator):
        self.n = n
        shapes = {"cues": (n, 2, 8), "offsets": (n, 1, 8), "out": (n, 8, 1), "empty": (n, 1, 1)}
        scale = {"cues": 0.7, "offsets": 0.0, "out": 0.35, "empty": 0.0}
        self.weights = {
            name: (torch.randn(shape, generator=g) * scale[name]).requires_grad_()
            for name, shape in shapes.items()
        }

    def rewards(self, things: Tensor) -> Tensor:
        """The map of rewards that each planner makes: (B, cells, 2) -> (n, B, cells)."""
        w, flat = self.weights, things.flatten(0, 1).expand(self.n, -1, -1)
        hidden = F.leaky_relu(torch.baddbmm(w["offsets"], flat, w["cues"]), 0.1)
        return torch.baddbmm(w["empty"], hidden, w["out"]).view(self.n, *things.shape[:2])

    def search(self, rewards: Tensor, following: Tensor) -> Tensor:
        """Value iteration, unrolled: action values (n, B, cells, 4) of a map of rewards."""
        values = torch.zeros_like(rewards)
        for _ in range(3 * int(following.shape[1] ** 0.5)):
            q = at(rewards + DISCOUNT * values, following)
            values = q.amax(-1)
        return q

    def policy(self, mazes: Mazes, rewards: Tensor | None = None) -> Tensor:
        """Chances of the actions in each cell: (n, B, cells, 4). rewards: in place of its own."""
        rewards = self.rewards(mazes.things) if rewards is None else rewards
        return (SHARP * self.search(rewards, mazes.following)).softmax(-1)


def at(values: Tensor, following: Tensor) -> Tensor:
    """values (n, B, cells) at the cells that follow, (B, cells, 4): (n, B, cells, 4)."""
    index = following.flatten(1).expand(len(values), -1, -1)
    return values.gather(2, index).view(len(values), *following.shape)


def reach(policy: Tensor, mazes: Mazes, goal: Tensor, other: Tensor, gamma: float) -> Tensor:
    """Discounted chance to arrive at `goal` before `other` from the start: (n, B), exactly.

    By dynamic programming over 4 * side steps; differentiable in the policy.
    """
    cells = policy.shape[2]
    is_goal = F.one_hot(goal, cells).float()
    ends = torch.maximum(is_goal, F.one_hot(other, cells).float())
    v = torch.zeros(policy.shape[:3])
    for _ in range(4 * int(cells**0.5)):
        v = (policy * at(gamma * (is_goal + (1 - ends) * v), mazes.following)).sum(-1)
    return v[:, torch.arange(len(goal)), mazes.start]


def train_planners(planners: Planners, seed: int, iterations: int = 100, batch: int = 32,
                   lr: float = 0.02) -> list[float]:  # fmt: skip
    """Gradient ascent on the exact return in mazes with one red gem, new mazes each time."""
    g, kept = torch.Generator().manual_seed(seed), []
    adam = torch.optim.Adam(planners.weights.values(), lr=lr)
    for _ in progress.track(range(iterations), "planners"):
        m = mazes(batch, False, g)
        gain = reach(planners.policy(m), m, m.first, m.second, 0.95)
        adam.zero_grad()
        (-gain.mean(1).sum()).backward()
        adam.step()
        kept.append(gain.mean().item())
    return kept
