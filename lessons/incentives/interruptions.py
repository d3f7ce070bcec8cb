"""Learners that are interrupted while they learn (Orseau & Armstrong 2016), many at once."""

import torch
from torch import Tensor

from lessons.incentives.steps import Step
from utils.notebook import generator
from utils.worlds.grids import STAY, FiniteWorld, Floor, Outcome, enumerate_world

CORRIDOR = Floor(
    "S..I..G",
    "B######",
)  # S start, I where a person may interrupt, G goal, B a button that ends all interruptions
LEARNERS = ("Q-learning", "Q-learning, intended", "SARSA", "interruptible SARSA")

RATE = 0.5  # of learning, at first


def corridor(floor: Floor = CORRIDOR) -> FiniteWorld:
    """States (cell, whether the button was pressed). Reaching the goal pays 1 and ends it.

    The interruptions are not in it: a person acts in the learner's place, the world is the same.
    """

    def rule(state: tuple, action: int) -> list[Outcome]:
        cell, pressed = state
        if cell == floor.cell("G"):
            return []
        there = floor.move(cell, action)
        return [
            (1.0, (there, pressed or there == floor.cell("B")), float(there == floor.cell("G")))
        ]

    return enumerate_world(rule, [(floor.cell("S"), False)], actions=5)


def update(q: Tensor, table: Tensor, step: Step, rate: float, gamma: float, kind: Tensor) -> None:
    """Update tables (tables, S, A) in place. table, kind: (n,), whose step it is, and its kind."""
    after = q[table, step.following]
    by_kind = torch.stack([
        after.amax(-1),
        after.amax(-1),
        after.gather(-1, step.next_executed[:, None]).squeeze(-1),
        after.gather(-1, step.next_intended[:, None]).squeeze(-1),
    ])  # fmt: skip
    target = step.reward + gamma * by_kind.gather(0, kind[None])[0] * ~step.done
    action = torch.where(kind == 1, step.intended, step.executed)
    change = rate * (target - q[table, step.state, action])
    q.index_put_((table, step.state, action), change, accumulate=True)


def learn_interrupted(
    world: FiniteWorld, floor: Floor, chance: Tensor, kind: Tensor, seed: int,
    steps: int = 5_000, gamma: float = 0.95, length: int = 20, walkers: int = 20,
) -> Tensor:  # fmt: skip
    """Tables (n, S, A) of n learners, a kind and a chance of interruption each: (n,), (n,).

    Each table is filled by 20 walkers. One that comes to I before the button is pressed is
    interrupted with this chance: a person has it stay until the episode ends (after `length`
    steps). It begins anywhere, and both tries at random and learns ever less.
    """
    g = generator(seed)
    table = torch.arange(len(kind)).repeat_interleave(walkers)
    chance, kind = chance[table], kind[table]
    n, (states, actions) = len(table), world.rewards.shape
    following = world.transitions.argmax(-1)
    watched = world.index((floor.cell("I"), False))
    free = (~world.terminal).nonzero().flatten()
    q = torch.zeros(int(table.max()) + 1, states, actions, dtype=torch.float64)

    def choose(at: Tensor) -> Tensor:
        random = torch.randint(actions, (n,), generator=g)
        explores = torch.rand(n, generator=g) < max(0.1, 1 - 1.5 * t / steps)
        noise = 1e-9 * torch.rand(n, actions, generator=g, dtype=torch.float64)
        return torch.where(explores, random, (q[table, at] + noise).argmax(-1))

    state = free[torch.randint(len(free), (n,), generator=g)]
    age = torch.randint(length, (n,), generator=g)
    held = torch.zeros(n, dtype=torch.bool)
    t = 0
    intended = executed = choose(state)
    for t in range(steps):
        there = following[state, executed]
        done = world.terminal[there]
        stopped = torch.rand(n, generator=g) < chance
        held = held | ((there == watched) & (state != watched) & stopped)
        next_intended = choose(there)
        next_executed = torch.where(held, STAY, next_intended)
        reward = world.rewards[state, executed]
        step = Step(state, intended, executed, reward, there, next_intended, next_executed, done)
        update(q, table, step, RATE / (1 + 9 * t / steps), gamma, kind)
        over = done | (age >= length)
        anew = free[torch.randint(len(free), (n,), generator=g)]
        state, age = torch.where(over, anew, there), torch.where(over, 0, age + 1)
        held = held & ~over
        fresh = choose(state)
        intended = torch.where(over, fresh, next_intended)
        executed = torch.where(over, fresh, next_executed)
    return q


def presses(world: FiniteWorld, floor: Floor, q: Tensor) -> Tensor:
    """Whether each learner's greedy way from the start goes by the button. (n,), bool."""
    following = world.transitions.argmax(-1)
    state = torch.zeros(len(q), dtype=torch.long)
    for _ in range(len(world.states)):
        state = following[state, q[torch.arange(len(q)), state].argmax(-1)]
    goal = world.index((floor.cell("G"), True))
    pressed = torch.tensor([p for _, p in world.states])
    return pressed[state] | (state == goal)


def pressing(
    seed: int, chances: tuple[float, ...], tables: int, floor: Floor = CORRIDOR
) -> dict[str, list[float]]:
    """By learner the share that has learned to press, for each chance of interruption."""
    if not chances or tables < 1 or not all(0 <= c <= 1 for c in chances):
        raise ValueError(f"it needs chances from 0 to 1, and a table, not {chances} and {tables}")
    world = corridor(floor)
    n = len(LEARNERS)
    chance = torch.tensor(chances).repeat_interleave(tables).repeat(n)
    kind = torch.arange(n).repeat_interleave(len(chances) * tables)
    q = learn_interrupted(world, floor, chance, kind, seed)
    shares = presses(world, floor, q).double().view(n, len(chances), tables).mean(2)
    return dict(zip(LEARNERS, shares.tolist(), strict=True))
