"""What this lesson trains and measures: races, rooms, tampering, an arrow."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

from lessons.specification_gaming.exercises import impact_penalty, q_learning_step
from utils.notebook import generator
from utils.worlds.grids import Cell, FiniteWorld, Floor, check_gamma, enumerate_world, optimal

AGENTS = 24  # that learn side by side for each seed


class Race(NamedTuple):
    """A track, and three tables over its states and actions, (S, A)."""

    floor: Floor
    way: list[Cell]  # the track, clockwise
    world: FiniteWorld
    score: Tensor  # what the game pays
    laps: Tensor  # net progress clockwise, in laps: what is wanted
    finish: Tensor  # 1 for crossing the line clockwise, −1 for crossing back


def outline(rows: int, columns: int) -> list[Cell]:
    """The cells around the edge of a floor, clockwise from the top left."""
    top = [(0, c) for c in range(columns)]
    right = [(r, columns - 1) for r in range(1, rows)]
    bottom = [(rows - 1, c) for c in range(columns - 2, -1, -1)]
    return top + right + bottom + [(r, 0) for r in range(rows - 2, 0, -1)]


def progress_tables(floor: Floor, way: list[Cell], cells: Sequence[Cell]) -> tuple[Tensor, Tensor]:
    """Net progress in laps, and crossings of the line, of each action in each cell: (S, 4)."""
    place, n = {cell: i for i, cell in enumerate(way)}, len(way)
    steps = torch.zeros(len(cells), 4, dtype=torch.float64)
    finish = torch.zeros_like(steps)
    for (i, cell), action in product(enumerate(cells), range(4)):
        after = floor.move(cell, action)
        if cell in place and after in place:
            steps[i, action] = (place[after] - place[cell] + 1) % n - 1
            if {place[cell], place[after]} == {0, n - 1}:
                finish[i, action] = steps[i, action]
    return steps / n, finish


def race(rows: int = 3, columns: int = 3, checkpoints: int = 2) -> Race:
    """A track around a floor. Each entry of a checkpoint pays 1, from either side."""
    if min(rows, columns) < 3 or not 0 < checkpoints <= 2 * (rows + columns) - 4:
        raise ValueError("a track needs 3 rows, 3 columns and a checkpoint that has a cell")
    way = outline(rows, columns)
    first = len(way) // 4
    marks = {way[(first + i * len(way) // checkpoints) % len(way)] for i in range(checkpoints)}
    letter = {cell: "." for cell in way} | {way[0]: "S"} | dict.fromkeys(marks, "C")
    rows_of_text = ["".join(letter.get((r, c), "#") for c in range(columns)) for r in range(rows)]
    floor = Floor(*rows_of_text)

    def rule(cell: Cell, action: int) -> list:
        after = floor.move(cell, action)
        return [(1.0, after, float(after in marks and after != cell))]

    world = enumerate_world(rule, [way[0]], 4)
    return Race(floor, way, world, world.rewards, *progress_tables(floor, way, world.states))


def lagoon(bay: int = 4, rows: int = 3, columns: int = 5, checkpoints: int = 4) -> Race:
    """A track whose checkpoints pay in their order only, and a bay with a target at its end.

    A state is a cell and the checkpoint that is due. The target pays 1 at every entry.
    """
    if bay < 1 or rows < 3 or columns < 3:
        raise ValueError("a lagoon needs a bay of at least 1 cell, 3 rows and 3 columns")
    way, n = outline(rows, columns), checkpoints
    marks = [way[i * len(way) // n] for i in range(n)]
    text = []
    for r in range(rows):
        ring = "".join("." if (r, c) in way else "#" for c in range(columns))
        text.append(ring + ("." * (bay - 1) + "T" if r == 1 else "#" * bay))
    floor = Floor(*text)

    def rule(state: tuple[Cell, int], action: int) -> list:
        cell, due = state
        after = floor.move(cell, action)
        hit = after == marks[due] and after != cell
        target = after == floor.cell("T") and after != cell
        return [(1.0, (after, (due + 1) % n if hit else due), float(hit) + float(target))]

    world = enumerate_world(rule, [(way[0], 1 % n)], 4)
    tables = progress_tables(floor, way, [cell for cell, _ in world.states])
    return Race(floor, way, world, world.rewards, *tables)


def restarted(
    world: FiniteWorld, state: Tensor, age: Tensor, g: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Episodes start anywhere and end after 20 steps: state and age of each agent's, (n,) each."""
    alive = (~world.terminal).nonzero().flatten()
    over = (age >= 20) | world.terminal[state]
    anywhere = alive[torch.randint(len(alive), state.shape, generator=g)]
    return torch.where(over, anywhere, state), torch.where(over, 0, age) + 1


def explored(q: Tensor, state: Tensor, g: torch.Generator) -> Tensor:
    """A random action in 7 steps of 10, else the best that each agent knows of: (n,)."""
    n, _, n_actions = q.shape
    random = torch.randint(n_actions, (n,), generator=g)
    tries = torch.rand(n, generator=g) < 0.7
    return torch.where(tries, random, q[torch.arange(n), state].argmax(-1))


def learn(
    world: FiniteWorld, rewards: Tensor, gamma: float, seed: int, steps: int, at: Sequence[int] = ()
) -> dict[int, Tensor]:
    """Q-learning of many agents: their tables after each step of `at`, and after the last."""
    if steps < 1:
        raise ValueError(f"training takes at least 1 step, not {steps}")
    g, kept = generator(seed), {}
    q = 1e-3 * torch.rand(AGENTS, *rewards.shape, generator=g, dtype=torch.float64)
    state, age = torch.zeros(AGENTS, dtype=torch.long), torch.full((AGENTS,), 20)
    for step in range(1, steps + 1):
        state, age = restarted(world, state, age, g)
        action = explored(q, state, g)
        after, _, done = world.step(state, action, g)
        paid = rewards[state, action]
        q = q_learning_step(q, state, action, paid, after, done, lr=1.0, gamma=gamma)
        state = after
        if step in at or step == steps:
            kept[step] = q
    return kept


def drive(r: Race, policy: Tensor, moves: int = 100, hold: int = 1) -> tuple[Tensor, Tensor]:
    """Score and laps of each policy, (n, S), in so many moves from the start: (n,), (n,).

    hold: each decision is held for so many moves.
    """
    following, who = r.world.transitions.argmax(-1), torch.arange(len(policy))
    state = torch.zeros(len(policy), dtype=torch.long)
    score = torch.zeros(len(policy), dtype=torch.float64)
    laps = torch.zeros_like(score)
    for move in range(moves):
        if move % hold == 0:
            action = policy[who, state]
        score += r.score[state, action]
        laps += r.laps[state, action]
        state = following[state, action]
    return score, laps


def way_of(world: FiniteWorld, policy: Tensor, moves: int = 60) -> list[Cell]:
    """The cells that one policy, (S,), passes from the start, to the end or for so many moves."""
    following, state, cells = world.transitions.argmax(-1), 0, []
    for _ in range(moves + 1):
        place = world.states[state]
        cells.append(place if isinstance(place[0], int) else place[0])
        if world.terminal[state]:
            break
        state = int(following[state, policy[state]])
    return cells


def held(world: FiniteWorld, hold: int, gamma: float) -> FiniteWorld:
    """The world of an agent that decides only every `hold` moves (plan with gamma ** hold)."""
    if hold < 1:
        raise ValueError(f"a decision is held for at least 1 move, not {hold}")
    each = world.transitions.transpose(0, 1)  # (A, S, S)
    chain = torch.eye(len(world.states), dtype=torch.float64).expand_as(each)
    rewards = torch.zeros_like(world.rewards)
    for i in range(hold):
        rewards = rewards + gamma**i * (chain @ world.rewards.T.unsqueeze(-1)).squeeze(-1).T
        chain = chain @ each
    return replace(world, transitions=chain.transpose(0, 1).contiguous(), rewards=rewards)


def visits(transitions: Tensor, start: Tensor, policies: Tensor, gamma: float) -> Tensor:
    """Discounted visits of each policy, (n, S, A), to each state and action: (n, S, A)."""
    check_gamma(gamma)
    if (policies < 0).any():
        raise ValueError("a policy's probabilities are not negative")
    chain = torch.einsum("nsa,sat->nts", policies, transitions)
    eye = torch.eye(len(start), dtype=torch.float64)
    states = torch.linalg.solve(eye - gamma * chain, start.expand(len(policies), -1)[..., None])
    return states * policies


class Room(NamedTuple):
    """A room with things in it. A state is a cell and, for each thing, whether it was changed."""

    floor: Floor
    world: FiniteWorld  # ends at G, which pays 1
    fragile: Tensor  # (things,), bool: vases break for good, lamps go on and off
    penalties: dict[str, Tensor]  # by name, of each state: (S,)


def reachability(world: FiniteWorld) -> Tensor:
    """1.0 where a state can be reached from another in any number of steps, else 0.0: (S, S)."""
    known = (world.transitions.sum(1) > 0) | torch.eye(len(world.states), dtype=torch.bool)
    while True:
        further = known.float() @ known.float() > 0
        if torch.equal(further, known):
            return known.double()
        known = further


ROOM = Floor(".......", ".#####.", ".#.L.#.", ".#.#.#.", "S..V..G")


def room(floor: Floor = ROOM) -> Room:
    """A walk from S to G, past vases (V) and lamps (L)."""
    goal, things = floor.cell("G"), floor.cells("VL")
    fragile = [thing in floor.cells("V") for thing in things]

    def step(state: tuple[Cell, tuple[bool, ...]], action: int) -> list:
        cell, changed = state
        after = floor.move(cell, action)
        hit = [after == thing and after != cell for thing in things]
        now = zip(changed, hit, fragile, strict=True)
        changed = tuple((was or h) if breaks else was != h for was, h, breaks in now)
        return [(1.0, (after, changed), float(after == goal and cell != goal))]

    start = [(floor.cell("S"), (False,) * len(things))]
    world = enumerate_world(lambda s, a: [] if s[0] == goal else step(s, a), start, 4)
    # At G the episode ends, but not the world: what can be reached is asked without that end.
    endless = enumerate_world(step, start, 4)
    lost = impact_penalty(reachability(endless), endless.index(start[0]))
    penalties = {
        "none": torch.zeros(len(world.states), dtype=torch.float64),
        "any change": torch.tensor([float(sum(s[1])) for s in world.states], dtype=torch.float64),
        "reachability": lost[[endless.index(s) for s in world.states]],
    }
    return Room(floor, world, torch.tensor(fragile, dtype=torch.bool), penalties)


def penalized(r: Room, name: str, weight: float) -> Tensor:
    """Rewards less a penalty for the state that each step leads to: (S, A)."""
    penalty = weight * (r.world.transitions @ r.penalties[name])
    return r.world.rewards - torch.where(r.world.terminal[:, None], 0.0, penalty)


def walk(r: Room, policy: Tensor, moves: int = 60) -> dict[str, Tensor]:
    """What is left when each policy, (n, S), has walked: by name, (n,)."""
    following, who = r.world.transitions.argmax(-1), torch.arange(len(policy))
    state = torch.zeros(len(policy), dtype=torch.long)
    taken = torch.zeros(len(policy))
    for _ in range(moves):
        taken += ~r.world.terminal[state]
        state = following[state, policy[who, state]]
    changed = torch.tensor([r.world.states[s][1] for s in state.tolist()]).reshape(len(policy), -1)
    return {
        "moves": taken,
        "arrived": r.world.terminal[state].float(),
        "broken": changed[:, r.fragile].sum(1).float(),
        "switched": changed[:, ~r.fragile].sum(1).float(),
    }


def random_room(g: torch.Generator) -> Room | None:
    """A room of 4 x 5 with two vases, a lamp and three walls: one in which the shortest way breaks
    a vase and another breaks none, else None."""
    letters = dict(zip(torch.randperm(20, generator=g).tolist(), "SGVVL###", strict=False))
    rows = ["".join(letters.get(5 * r + c, ".") for c in range(5)) for r in range(4)]
    r = room(Floor(*rows))
    ends = [s for s, end in zip(r.world.states, r.world.terminal, strict=True) if end]
    if not any(not any(changed[i] for i in r.fragile.nonzero()) for _, changed in ends):
        return None
    return r if walk(r, optimal(r.world, 0.95).policy[None])["broken"].item() else None


NEAR = Floor("S...G", "..L..", ".....")
FAR = Floor("S...G", ".....", "..L..")


def tampering(
    floor: Floor, how: str, seed: int, advised: Callable[..., Tensor], steps: int = 3000
) -> tuple[Tensor, Tensor]:
    """Whether each of many agents tampers, and how many of 20 moves it is at G: (n,), (n,).

    At G each move truly pays 1. From the lever L on, all feedback reads 1, whatever was done.
    how: "reward" (Q-learning on the reward as observed), "approval" (of the action taken) or
    "decoupled" (approval of another action). Approval is the true optimal action value, scaled
    to 0 to 1. advised: how agents learn from it, by_approval.
    """
    if how not in ("reward", "approval", "decoupled"):
        raise ValueError(f'agents learn from "reward", "approval" or "decoupled", not "{how}"')
    goal, lever, gamma = floor.cell("G"), floor.cell("L"), 0.9

    def rule(state: tuple[Cell, bool], action: int) -> list:
        after = floor.move(state[0], action)
        return [(1.0, (after, state[1] or after == lever), float(after == goal))]

    world = enumerate_world(rule, [(floor.cell("S"), False)], 4)
    following = world.transitions.argmax(-1)
    tampered = torch.tensor([s[1] for s in world.states])
    if how == "reward":
        observed = torch.where(tampered[following], 1.0, world.rewards)
        policy = learn(world, observed, gamma, seed, steps)[steps].argmax(-1)
    else:
        approval = (1 - gamma) * optimal(world, gamma).action_values
        policy = advised(world, approval, tampered, how == "decoupled", seed, steps)
    who, state = torch.arange(AGENTS), torch.zeros(AGENTS, dtype=torch.long)
    paid = torch.zeros(AGENTS, dtype=torch.float64)
    for _ in range(20):
        action = policy[who, state]
        paid += world.rewards[state, action]
        state = following[state, action]
    return tampered[state], paid


def by_approval(
    world: FiniteWorld, approval: Tensor, tampered: Tensor, decoupled: bool, seed: int, steps: int
) -> Tensor:
    """The policies, (n, S), of agents that learn from advice on single actions."""
    g, who = generator(seed), torch.arange(AGENTS)
    logits = torch.zeros(AGENTS, *approval.shape, dtype=torch.float64)
    usual = torch.zeros(AGENTS, len(approval), dtype=torch.float64)  # mean feedback in a state
    for step in range(steps):
        if step % 20 == 0:
            state = torch.zeros(AGENTS, dtype=torch.long)
        p = 0.9 * torch.softmax(logits[who, state], -1) + 0.1 / approval.shape[1]
        action = torch.multinomial(p, 1, generator=g).squeeze(1)
        asked = torch.multinomial(p, 1, generator=g).squeeze(1) if decoupled else action
        following, _, _ = world.step(state, action, g)  # the action has its effect first
        feedback = torch.where(tampered[following], 1.0, approval[state, asked])
        surprise = feedback - usual[who, state]
        usual[who, state] += 0.1 * surprise
        logits[who, state] += surprise[:, None] * (torch.eye(4, dtype=torch.float64)[asked] - p)
        state = following
    return logits.argmax(-1)


def two_by_two(
    seed: int, paid: str, both_ways: bool, shared: bool = True, steps: int = 5000
) -> tuple[Tensor, Tensor]:
    """Laps along the arrow, with the arrow as in training and turned around: (n,), (n,).

    The track shows an arrow. Wanted are laps along it. paid: "laps" along the arrow, or
    "score" for checkpoints. both_ways: whether training shows the arrow both ways or clockwise
    only. The value of an action is a part for the cell plus a part for cell and arrow; if not
    shared, the second part alone.
    """
    if paid not in ("laps", "score"):
        raise ValueError(f'agents are paid for "laps" or "score", not "{paid}"')
    r, g, who = race(), generator(seed), torch.arange(AGENTS)
    n_states, turn = len(r.way), torch.tensor([1.0, -1.0], dtype=torch.float64)
    reward = 8 * r.laps * turn[:, None, None] if paid == "laps" else r.score.expand(2, -1, -1)
    by_cell = 1e-3 * torch.rand(AGENTS, n_states, 4, generator=g, dtype=torch.float64)
    by_both = torch.zeros(AGENTS, 2, n_states, 4, dtype=torch.float64)
    following = r.world.transitions.argmax(-1)
    for step in range(steps):
        if step % 20 == 0:
            state = torch.randint(n_states, (AGENTS,), generator=g)
            arrow = torch.randint(1 + both_ways, (AGENTS,), generator=g)
        q = by_cell[who, state] + by_both[who, arrow, state]
        random = torch.randint(4, (AGENTS,), generator=g)
        explores = torch.rand(AGENTS, generator=g) < 0.5
        action = torch.where(explores, random, q.argmax(-1))
        after = following[state, action]
        best = (by_cell[who, after] + by_both[who, arrow, after]).max(-1).values
        error = reward[arrow, state, action] + 0.9 * best - q[who, action]
        by_cell[who, state, action] += 0.1 * error * shared
        by_both[who, arrow, state, action] += 0.1 * error
        state = after
    seen, turned = ((by_cell + by_both[:, k]).argmax(-1) for k in (0, 1))
    return drive(r, seen)[1], -drive(r, turned)[1]
