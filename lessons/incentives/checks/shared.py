"""Small worlds and long ways round that several checks use."""

from itertools import product

import torch

from utils.notebook import generator
from utils.worlds.grids import FiniteWorld, enumerate_world

F64 = torch.float64


def tree(ends: int = 2) -> FiniteWorld:
    """A start (0) from which one goes to a dead end (1) or to a fork (2) with so many ends."""

    def rule(state, action):
        ways = {"start": ["dead end", "fork"], "fork": [f"end {i}" for i in range(ends)]}
        there = ways.get(state, [state])
        return [(1.0, there[action % len(there)], 0.0)]

    return enumerate_world(rule, ["start"], actions=max(2, ends))


def noisy(seed: int, states: int = 4, actions: int = 2) -> FiniteWorld:
    """A world of random chances that never ends."""
    g = generator(seed)
    chances = torch.rand(states, actions, states, generator=g, dtype=F64)
    chances = chances / chances.sum(-1, keepdim=True)
    zeros = torch.zeros(states, actions, dtype=F64)
    no = torch.zeros(states, dtype=torch.bool)
    start = torch.full((states,), 1 / states, dtype=F64)
    return FiniteWorld(list(range(states)), chances, zeros, no, start)


def policies(world: FiniteWorld):
    """All policies that do not depend on chance, as tuples of actions."""
    return product(range(world.rewards.shape[1]), repeat=len(world.states))


def walk(world: FiniteWorld, policy, start: int, gamma: float, steps: int = 400) -> torch.Tensor:
    """Discounted visits, by walking on step by step."""
    chain = world.transitions[torch.arange(len(world.states)), torch.tensor(policy)]
    at = torch.zeros(len(world.states), dtype=F64)
    at[start] = 1.0
    visits = torch.zeros_like(at)
    for t in range(steps):
        visits = visits + gamma**t * at
        at = at @ chain
    return visits


def best_value(world: FiniteWorld, reward, start: int, gamma: float, steps: int = 400) -> float:
    """By value iteration."""
    value = torch.zeros(len(world.states), dtype=F64)
    for _ in range(steps):
        value = reward + gamma * (world.transitions @ value).amax(-1)
    return value[start].item()
