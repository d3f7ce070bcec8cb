"""Two worlds in which what an agent wants is drawn at random, and agents that learn to get it."""

from itertools import permutations
from typing import NamedTuple

import torch
from torch import Tensor

from utils.notebook import generator
from utils.worlds.grids import FiniteWorld, Floor, Outcome, enumerate_world, optimal, policy_values

STEPS = {"start": ("off", "dead end", "hub"), "hub": ("a", "b", "c")}
HOUSE = Floor(
    "K.#.......",
    "S.D.......",
    "M.#.......",
)  # K the key, M as far from the start S as the key is, D the door


def crossroads(exits: int = 3) -> FiniteWorld:
    """Seven states (with three exits): a start, an off state, a dead end, and a hub with exits.

    Off, the dead end and the exits lead to themselves for ever. Nothing pays: rewards are drawn.
    """
    names = tuple("abcdefghijklmnopqrstuvwxyz"[:exits])
    steps = STEPS | {"hub": names}

    def rule(state: str, action: int) -> list[Outcome]:
        ways = steps.get(state, (state,))
        return [(1.0, ways[action % len(ways)], 0.0)]

    return enumerate_world(rule, ["start"], actions=max(3, exits))


def per_action(world: FiniteWorld, rewards: Tensor) -> Tensor:
    """Rewards of states, (..., S), as rewards of states and actions, (..., S, A)."""
    return rewards.unsqueeze(-1).expand(*rewards.shape, world.rewards.shape[1])


def chosen_ways(world: FiniteWorld, rewards: Tensor, gamma: float) -> Tensor:
    """Whether it is best from the start to go to (off, dead end, hub). rewards: (N, S) -> (N, 3).

    Ways whose values differ by less than 1e-9 are both best.
    """
    best = optimal(world, gamma, per_action(world, rewards)).action_values
    first = best[:, world.index("start"), :3]
    return first >= first.max(1, keepdim=True).values - 1e-9


def orbit_shares(world: FiniteWorld, rewards: Tensor, gamma: float) -> tuple[float, float]:
    """Of all permutations of one reward: the share for which only the hub is best, never the hub.

    rewards: (S,). Permuting what which state pays gives the reward's orbit.
    """
    orbit = rewards[torch.tensor(list(permutations(range(len(rewards)))))]
    ways = chosen_ways(world, orbit, gamma)
    only = ways[:, 2] & ~ways[:, :2].any(1)
    return only.double().mean().item(), (~ways[:, 2]).double().mean().item()


def house(floor: Floor = HOUSE) -> FiniteWorld:
    """A house whose right part opens to whoever has picked up the key. States: (cell, has key)."""

    def rule(state: tuple, action: int) -> list[Outcome]:
        cell, key = state
        there = floor.move(cell, action)
        if there == floor.cell("D") and not key:
            there = cell
        return [(1.0, (there, key or there == floor.cell("K")), 0.0)]

    return enumerate_world(rule, [(floor.cell("S"), False)], actions=5)


def house_goals(world: FiniteWorld, n: int, seed: int) -> Tensor:
    """n goals and their n opposites: what each cell pays, normal. (2n, S).

    The key itself pays nothing: a cell pays the same with and without it. The opposite of a goal
    pays what the goal charges.
    """
    cells = list(dict.fromkeys(cell for cell, _ in world.states))
    of_cell = torch.randn(n, len(cells), generator=generator(seed), dtype=torch.float64)
    goals = of_cell[:, [cells.index(cell) for cell, _ in world.states]]
    return torch.cat([goals, -goals])


def learn(
    world: FiniteWorld, goals: Tensor, gamma: float, seed: int, until: list[int], walkers: int = 16
) -> list[Tensor]:
    """Q-learning of all goals at once: tables (goals, S, A) after so many steps each in `until`.

    Each goal has a table and some walkers that fill it, starting anywhere, a new walk every 40
    steps; three steps in ten are random.
    """
    if not until or min(until) < 0:
        raise ValueError(f"`until` lists after how many steps to look, from 0 up, not {until}")
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma must be from 0 to less than 1, not {gamma}")
    g = generator(seed)
    n, (states, actions) = len(goals), world.rewards.shape
    following = world.transitions.argmax(-1)  # nothing in this world is left to chance
    q = torch.zeros(n, states, actions, dtype=torch.float64)
    goal = torch.arange(n).repeat_interleave(walkers)
    kept = [q.clone()] if 0 in until else []
    for step in range(max(until)):
        if step % 40 == 0:
            state = torch.randint(states, (n * walkers,), generator=g)
        random = torch.randint(actions, state.shape, generator=g)
        explores = torch.rand(state.shape, generator=g) < 0.3
        action = torch.where(explores, random, q[goal, state].argmax(-1))
        there = following[state, action]
        target = goals[goal, state] + gamma * q[goal, there].amax(-1)
        q[goal, state, action] = target  # at a rate of 1, as nothing is left to chance
        state = there
        if step + 1 in until:
            kept.append(q.clone())
    return kept


class Reached(NamedTuple):
    """What tables of action values are worth, against the best and against walking at random."""

    share: Tensor  # (goals,), 0 as at random, 1 as well as can be
    walks: list[list]  # the states that each goes through from the start


def reached(world: FiniteWorld, goals: Tensor, q: Tensor, gamma: float, steps: int = 60) -> Reached:
    """How well greedy agents do from the start, exactly, and which way they go."""
    rewards = per_action(world, goals)
    policy = q.argmax(-1)
    start = 0
    even = torch.full(world.rewards.shape, 1 / world.rewards.shape[1], dtype=torch.float64)
    low, high = (
        policy_values(world, even, gamma, rewards)[:, start],
        optimal(world, gamma, rewards).values[:, start],
    )
    got = policy_values(world, policy, gamma, rewards)[:, start]
    following = world.transitions.argmax(-1)
    state = torch.full((len(goals),), start)
    walk = [state]
    for _ in range(steps):
        state = following[state, policy[torch.arange(len(goals)), state]]
        walk.append(state)
    walks = [[world.states[i] for i in one] for one in torch.stack(walk, 1).tolist()]
    return Reached((got - low) / (high - low), walks)


def visits(walks: list[list], cell: tuple[int, int]) -> float:
    """The share of walks that pass a cell."""
    return sum(any(c == cell for c, _ in walk) for walk in walks) / len(walks)


def passing(world: FiniteWorld, walks: list[list]) -> dict[tuple[int, int], float]:
    """The share of walks that pass each cell."""
    return {cell: visits(walks, cell) for cell in dict.fromkeys(c for c, _ in world.states)}
