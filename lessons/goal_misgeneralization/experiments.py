"""What this lesson trains and measures: agents, and how they fare where the coin has moved."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from lessons.goal_misgeneralization.agents import (
    GAMMA,
    LAMBDA,
    Agents,
    Episodes,
    act,
    normalized,
    shuffled,
    take,
)
from lessons.goal_misgeneralization.exercises import (
    actor_critic_loss,
    capability_and_goal,
    ensemble_disagreement,
    generalized_return,
    probe_for_goal,
)
from lessons.goal_misgeneralization.planners import Mazes, Planners, mazes, reach, train_planners
from lessons.goal_misgeneralization.worlds import (
    CELLS,
    END,
    HEIGHT,
    WIDTH,
    mixture,
    scattered,
    trials,
)
from utils import progress
from utils.notebook import generator
from utils.worlds.grids import Boards, distances

STEPS, ITERATIONS = 24, 70
FEATURES = 2 * CELLS + 1  # walls and coin in view, and the coins carried


class Setting(NamedTuple):
    """How one agent is trained."""

    name: str
    share: float = 0.0  # of coins that lie at random, the others at the end
    pays_end: bool = False  # the reward is for the end, not for the coin
    sees_coin: bool = True


NARROW = (Setting("narrow"), Setting("narrow 2"), Setting("narrow 3"),
          Setting("blind", sees_coin=False))  # fmt: skip
WIDER = (Setting("2 %", 0.02), Setting("10 %", 0.1), Setting("100 %", 1.0),
         Setting("paid for the end", 1.0, pays_end=True))  # fmt: skip


def train(
    agents: Agents, boards: Callable[[int, torch.Generator], Boards], seed: int,
    iterations: int = 70, steps: int = 24, batch: int = 128, lr: float = 4e-3,
) -> None:  # fmt: skip
    """Proximal policy optimization (Schulman et al. 2017), for all agents at once, in place.

    boards(batch, generator) makes new boards, so many an agent.
    """
    g = torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam(agents.parameters(), lr=lr)
    for i in progress.track(range(iterations), "training"):
        left = 1 - i / iterations  # smaller steps and less trying toward the end
        adam.param_groups[0]["lr"] = lr * max(left, 0.1)
        done = act(agents, boards(batch, g), steps, g)
        improve(agents, adam, done, 0.02 * left, g)


def improve(
    agents: Agents, adam: torch.optim.Adam, done: Episodes, entropy: float, g: torch.Generator
) -> None:
    """Three passes over episodes, in four parts each. A loss reaches its own agent alone."""
    ended = ~torch.cat([done.active[..., 1:], done.active[..., -1:]], -1)
    returns = generalized_return(done.rewards, done.values, ended, GAMMA, LAMBDA)
    advantages = normalized(returns - done.values[..., :-1], done.active)
    parts = (done.seen, done.actions, done.logprobs, advantages, returns, done.active)
    flat = [x.flatten(1, 2) for x in parts]
    orders = (shuffled(flat[-1], g) for _ in range(3))
    for index in (order[:, k::4] for order in orders for k in range(4)):
        seen, actions, old, advantage, target, counts = (take(x, index) for x in flat)
        logits, values = agents(seen)
        loss = actor_critic_loss(logits, actions, old, advantage, values, target, counts,
                                 entropy_weight=entropy)  # fmt: skip
        adam.zero_grad()
        loss.sum().backward()
        adam.step()


def drawn(settings: tuple[Setting, ...], seed: int) -> Agents:
    """The agents of some settings before training."""
    sees = torch.ones(len(settings), FEATURES)
    sees[[not s.sees_coin for s in settings], CELLS:] = 0
    return Agents(len(settings), FEATURES, generator(seed), sees)


@cache
def trained(settings: tuple[Setting, ...], seed: int, iterations: int = ITERATIONS) -> Agents:
    """Train an agent a setting, side by side: the same corridors, the same luck."""
    if not settings or isinstance(settings, Setting):
        raise ValueError("give a tuple of settings, at least one: (NARROW[0],)")
    for s in settings:
        if not 0 <= s.share <= 1:
            raise ValueError(f"{s.name}: a share lies between 0 and 1, not at {s.share}")
    shares = torch.tensor([s.share for s in settings])
    pays_end = torch.tensor([s.pays_end for s in settings])
    agents = drawn(settings, seed)
    train(agents, lambda n, g: mixture(n, shares, pays_end, g), seed, iterations, STEPS)
    return agents


def untouched(before: Agents, after: Agents, which: int = 0) -> Tensor:
    """The inputs for a coin whose weights training left as they were drawn, to the bit: (81,)."""
    same = before.weights[0][which] == after.weights[0][which]
    return same[CELLS : 2 * CELLS].all(-1)


class Fares(NamedTuple):
    """How some agents fare on the same corridors, a number an agent."""

    capability: Tensor  # share of episodes that get to the coin or to the end
    goal: Tensor  # of those, the share that get to the coin first
    coin: Tensor  # share of episodes that get to the coin first
    end: Tensor  # ... to the end first
    ever: Tensor  # ... to the end at any time
    coin_ever: Tensor  # ... to the coin at any time


def fares(
    agents: Agents, moved: bool, seed: int, n: int = 400, width: int = WIDTH, below: bool = False
) -> Fares:
    """Try the agents on n corridors that they never saw, so many columns wide."""
    boards = trials(n, agents.n, moved, 1000 + seed, width, below)
    end = HEIGHT * width - 1
    done = act(agents, boards, STEPS * width // WIDTH, generator(2000 + seed))
    capability, goal = capability_and_goal(done.positions, boards.coin[:n], end)
    coin = boards.coin[:n, None]
    ever, coin_ever = ((done.positions == x).any(-1).float().mean(-1) for x in (end, coin))
    first = (capability * goal).nan_to_num()
    return Fares(capability, goal, first, capability - first, ever, coin_ever)


@cache
def key_agents(seed: int, iterations: int = ITERATIONS) -> Agents:
    """Two agents: trained on 2 keys and 6 chests, and on 6 keys and 2 chests."""
    few, many = torch.tensor([2, 6]), torch.tensor([6, 2])
    agents = Agents(2, 3 * CELLS + 2, generator(seed))
    train(agents, lambda n, g: scattered(n, few, many, g), seed, iterations, 30)
    return agents


def looted(agents: Agents, keys: int, chests: int, seed: int, n: int = 400) -> Tensor:
    """Keys taken and chests opened on average: (agents, 2)."""
    number = torch.ones(agents.n, dtype=torch.long)
    boards = scattered(n, keys * number, chests * number, generator(1000 + seed))
    act(agents, boards, 30, generator(2000 + seed))
    return boards.taken.view(agents.n, n, 2).mean(1)


class Shift(NamedTuple):
    """The first steps of one agent in corridors with the coin at the end, and with it moved."""

    usual: Episodes
    moved: Episodes


def first_steps(agents: Agents, seed: int, below: bool = False, n: int = 300) -> Shift:
    """Let all agents go four steps, in the same corridors, coin at the end and coin moved."""
    return Shift(*(
        act(agents, trials(n, agents.n, moved, 3000 + seed, below=below), 4, generator(4000 + seed))
        for moved in (False, True)
    ))  # fmt: skip


@torch.no_grad()
def opinions(agents: Agents, seen: Tensor) -> tuple[Tensor, Tensor]:
    """What every agent would do and expects where the first one is: log-probabilities, values.

    seen: (B, T, features) -> (n, B, T, 4) and (n, B, T).
    """
    logits, values = agents(seen.flatten(0, 1).expand(agents.n, -1, -1))
    shape = (agents.n, *seen.shape[:2])
    return logits.log_softmax(-1).view(*shape, -1), values.view(shape)


def auroc(low: Tensor, high: Tensor) -> float:
    """The chance that a number of the second sample is higher than one of the first."""
    pairs = high.flatten()[:, None] - low.flatten()
    return ((pairs > 0).float() + 0.5 * (pairs == 0).float()).mean().item()


def alarms(
    agents: Agents, members: list[int], seed: int, unseen: Tensor, below: bool = False
) -> dict[str, float]:
    """How well three alarms tell corridors with a moved coin from others, in the first steps.

    members: the ensemble, whose first one acts. unseen: (81,), the inputs that no coin ever lit in
    training. AUROC of the members' mean disagreement over the steps, of how low the first one's
    critic is, and of whether a coin was seen at an unseen input.
    """
    if not members or max(members) >= agents.n:
        raise ValueError(f"members: at least one number below {agents.n}, not {members}")
    found: dict[str, list[Tensor]] = {"disagreement": [], "low value": [], "novelty": []}
    for done in first_steps(agents, seed, below):
        seen = done.seen[members[0]]
        logprobs, values = opinions(agents, seen)
        found["disagreement"].append(ensemble_disagreement(logprobs[members]).mean(-1))
        found["low value"].append(-values[members[0]].mean(-1))
        found["novelty"].append(seen[..., CELLS : 2 * CELLS][..., unseen].any(-1).any(-1).float())
    return {name: auroc(*pair) for name, pair in found.items()}


class Reading(NamedTuple):
    """What of the coin can be read in an agent, and what it does to the agent."""

    r2: float  # of the place read by a probe, on corridors that it was not fitted on
    moves: float  # by how much another coin changes the policy (total variation, 0 to 1)


def read(agents: Agents, which: int, seen: Tensor, offset: Tensor, l2: float = 1.0) -> Reading:
    """Probe one agent's activations for where the coin is, and then put the coin elsewhere.

    seen: (states, features). offset: (states, 2), rows and columns to the coin.
    """
    n, half = len(seen), len(seen) // 2
    with torch.no_grad():
        every = seen.expand(agents.n, -1, -1)
        x = agents.hidden(every)[which].double()
        other = seen.clone()
        other[:, CELLS:] = seen.roll(n // 3, 0)[:, CELLS:]
        before, after = (agents(e)[0][which].softmax(-1) for e in (every, other.expand_as(every)))
    guess = probe_for_goal(x[:half], offset[:half], x[half:], l2)
    error = (guess - offset[half:]).square().sum()
    spread = (offset[half:] - offset[half:].mean(0)).square().sum()
    return Reading(1 - (error / spread).item(), ((before - after).abs().sum(-1) / 2).mean().item())


def states(agents: Agents, seed: int, known: bool) -> tuple[Tensor, Tensor]:
    """Observations with a moved coin in view, from the first agent's steps; rows, columns to it.

    known: the coin lies where training showed coins, level or below and level or to the right, and
    the start is top left; else it lies anywhere else, and the start is bottom left.
    """
    boards = trials(400, agents.n, True, 5000 + seed, below=known)
    done = act(agents, boards, 8, generator(6000 + seed))
    seen, where = done.seen[0], done.positions[0, :, :-1]
    coin = boards.coin[:400, None]
    offset = torch.stack([coin // 9 - where // 9, coin % 9 - where % 9], -1)
    kept = seen[..., CELLS : 2 * CELLS].any(-1) & ((offset >= 0).all(-1) == known)
    return seen[kept], offset[kept].double()


@cache
def planners(seed: int, n: int = 10) -> Planners:
    """n planners that differ in nothing but the weights they begin with."""
    found = Planners(n, generator(seed))
    train_planners(found, seed)
    return found


@torch.no_grad()
def prefers(found: Planners, m: Mazes, rewards: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Chance to reach the red thing before the gem, and to reach either: (n, B), exactly."""
    policy = found.policy(m, rewards)
    red, gem = reach(policy, m, m.first, m.second, 1.0), reach(policy, m, m.second, m.first, 1.0)
    return red, red + gem


def maze_pairs(seed: int, side: int = 5, n: int = 200) -> tuple[Mazes, Mazes]:
    """n new mazes with one red gem, and n with a red thing and a gem apart."""
    return tuple(mazes(n, apart, generator(7000 + seed), side) for apart in (False, True))


@torch.no_grad()
def first_moves(found: Planners, m: Mazes) -> Tensor:
    """Log-probabilities of each planner's first action: (n, B, 4)."""
    return found.policy(m)[:, torch.arange(len(m.start)), m.start].log()


def planner_alarm(found: Planners, seed: int) -> float:
    """AUROC of the planners' disagreement before the first step: cues apart against together."""
    return auroc(*(ensemble_disagreement(first_moves(found, m)) for m in maze_pairs(seed)))


@torch.no_grad()
def read_rewards(found: Planners) -> Tensor:
    """What each planner pays itself for a red thing, a gem, a red gem, and nothing: (n, 4)."""
    return found.rewards(torch.tensor([[[1.0, 0], [0, 1], [1, 1], [0, 0]]]))[:, 0]


@torch.no_grad()
def walk(found: Planners, which: int, m: Mazes, maze: int, steps: int = 20) -> list[int]:
    """Cells on the way of one planner in one maze, if it always takes its likeliest action."""
    best = found.policy(m)[which, maze].argmax(-1)
    cells = [m.start[maze].item()]
    for _ in range(steps):
        cells.append(m.following[maze, cells[-1], best[cells[-1]]].item())
    return cells


class Expected(NamedTuple):
    """Means over corridors, at the start."""

    critic: float  # what the critic expects
    coin: float  # what the best way to the coin is worth, exactly
    end: float  # what the best way to the end would be worth, if it were paid for
    got: float  # what this policy was really paid, discounted


def expected(agents: Agents, which: int, moved: bool, seed: int, n: int = 400) -> Expected:
    """An agent's critic beside exact values: distances by dynamic programming, a step each."""
    boards = trials(n, agents.n, moved, 1000 + seed)
    walls, start, coin = boards.walls[:n], boards.position[:n], boards.coin[:n]
    done = act(agents, boards, STEPS, generator(2000 + seed))
    best = [
        (GAMMA ** (distances(walls, goal).flatten(1).gather(1, start[:, None]) - 1)).mean().item()
        for goal in (coin, torch.full_like(coin, END))
    ]
    hit = done.positions[which] == coin[:, None]
    paid = torch.where(hit.any(-1), GAMMA ** (hit.int().argmax(-1) - 1), 0.0).mean().item()
    return Expected(done.values[which, :, 0].mean().item(), *best, paid)
