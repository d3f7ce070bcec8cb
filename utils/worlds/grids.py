"""Small worlds to act in: finite ones with exact values, and boards by the hundred to learn on.

A finite world is a rule, and all states that it reaches become tensors:

    floor = Floor("S.#G", "....")
    world = enumerate_world(rule, starts=floor.cells("S"), actions=4)
    best = optimal(world, gamma=0.9)                     # exact: values, action values, policy
    state, reward, done = world.step(state, action, generator)       # many states at once

`Boards` are B pictures of walls and items, all stepped together, seen from where the agent stands:

    boards = Boards(walls, items, position, kinds=(Kind("coin", reward=1.0, ends=True),))
    boards.observe()                                     # (B, features), for a network
    reward, done = boards.step(action)

Both go to other libraries through utils/worlds/environments.py, as gymnasium environments.
What they lack: anything hidden behind the view but walls and items, other agents, and size.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

Cell = tuple[int, int]  # row and column
Outcome = tuple[float, Hashable, float]  # probability, next state, reward
MOVES: tuple[Cell, ...] = ((-1, 0), (0, 1), (1, 0), (0, -1))
UP, RIGHT, DOWN, LEFT, STAY = range(5)
MOST_STATES = 5000  # a dense table of transitions grows with their square


class Floor:
    """A floor plan drawn in text, a string a row: `#` is wall, `.` is free, letters name cells."""

    def __init__(self, *rows: str) -> None:
        """Raises ValueError if the rows are not equally long."""
        if not rows or len({len(row) for row in rows}) != 1 or not rows[0]:
            raise ValueError(f"a floor needs rows of one length, not {[len(r) for r in rows]}")
        self.rows = rows

    def cells(self, letters: str) -> list[Cell]:
        """The cells that carry one of these letters, row by row."""
        return [
            (r, c) for r, row in enumerate(self.rows) for c, x in enumerate(row) if x in letters
        ]

    def cell(self, letter: str) -> Cell:
        """The one cell that carries a letter. Raises ValueError if there is not exactly one."""
        found = self.cells(letter)
        if len(found) != 1:
            raise ValueError(f"the floor has {len(found)} cells {letter!r}, not one")
        return found[0]

    def move(self, cell: Cell, action: int) -> Cell:
        """The cell that an action leads to; a wall or an edge holds one back."""
        if action == STAY:
            return cell
        row, column = cell[0] + MOVES[action][0], cell[1] + MOVES[action][1]
        inside = 0 <= row < len(self.rows) and 0 <= column < len(self.rows[0])
        return (row, column) if inside and self.rows[row][column] != "#" else cell


@dataclass(frozen=True)
class FiniteWorld:
    """A Markov decision process of S states and A actions, whole, in float64.

    A terminal state leads to itself and pays nothing, so values need no exception for it.
    """

    states: list[Hashable]  # what each index stands for
    transitions: Tensor  # (S, A, S), probabilities of the next state
    rewards: Tensor  # (S, A), expected reward of a step
    terminal: Tensor  # (S,), bool
    start: Tensor  # (S,), probabilities

    def index(self, state: Hashable) -> int:
        """The place of a state. Raises ValueError if the world never reaches it."""
        try:
            return self.states.index(state)
        except ValueError:
            raise ValueError(f"the world reaches no state {state!r}") from None

    def reset(self, n: int, generator: torch.Generator) -> Tensor:
        """n states to start in: (n,)."""
        return torch.multinomial(self.start, n, replacement=True, generator=generator)

    def step(
        self, state: Tensor, action: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One step of many agents. state, action: (n,) -> next state, reward, whether it ended."""
        rows = self.transitions[state, action].cumsum(-1)
        draw = torch.rand(len(state), 1, generator=generator, dtype=torch.float64)
        following = torch.searchsorted(rows, draw * rows[:, -1:], right=True).flatten()
        return following, self.rewards[state, action], self.terminal[following]


def enumerate_world(
    rule: Callable[[Hashable, int], list[Outcome]], starts: Iterable[Hashable], actions: int
) -> FiniteWorld:
    """Every state that `rule` reaches from `starts`, which are all as likely.

    rule(state, action) lists (probability, next state, reward); an empty list for action 0 says
    that the state is terminal. Raises ValueError if there are no starts, if probabilities do not
    sum to one, or if there are more than 5,000 states.
    """
    states = list(dict.fromkeys(starts))
    if not states:
        raise ValueError("a world needs a state to start in")
    first = len(states)
    places = {state: i for i, state in enumerate(states)}
    found: list[tuple[int, int, int, float]] = []
    paid: list[tuple[int, int, float]] = []
    terminal: list[int] = []
    for here, state in enumerate(states):  # grows while it runs
        if not rule(state, 0):
            terminal.append(here)
            found += [(here, action, here, 1.0) for action in range(actions)]
            continue
        for action in range(actions):
            outcomes = rule(state, action)
            if abs(sum(p for p, _, _ in outcomes) - 1) > 1e-9:
                raise ValueError(f"action {action} in {state!r}: probabilities do not sum to one")
            paid.append((here, action, sum(p * reward for p, _, reward in outcomes)))
            for p, following, _ in outcomes:
                if following not in places:
                    places[following] = len(states)
                    states.append(following)
                found.append((here, action, places[following], p))
        if len(states) > MOST_STATES:
            raise ValueError(f"over {MOST_STATES} states: make the world smaller")
    n = len(states)
    transitions = torch.zeros(n, actions, n, dtype=torch.float64)
    where = torch.tensor([f[:3] for f in found]).T
    chance = torch.tensor([f[3] for f in found], dtype=torch.float64)
    transitions.index_put_(tuple(where), chance, accumulate=True)
    rewards = torch.zeros(n, actions, dtype=torch.float64)
    for here, action, reward in paid:
        rewards[here, action] = reward
    ends = torch.zeros(n, dtype=torch.bool)
    ends[terminal] = True
    start = torch.zeros(n, dtype=torch.float64)
    start[:first] = 1 / first
    return FiniteWorld(states, transitions, rewards, ends, start)


class Solution(NamedTuple):
    """What is best in a finite world; of N reward functions at once, with N in front."""

    values: Tensor  # (..., S), optimal value of each state
    action_values: Tensor  # (..., S, A)
    policy: Tensor  # (..., S), a best action; the first of several, up to 1e-9


def check_gamma(gamma: float) -> None:
    """Raises ValueError unless the discount factor makes every sum finite."""
    if not 0 <= gamma < 1:
        raise ValueError(f"gamma must be at least 0 and below 1, not {gamma}")


def policy_values(
    world: FiniteWorld, policy: Tensor, gamma: float, rewards: Tensor | None = None
) -> Tensor:
    """The value of each state under a policy, exactly: v = (I - gamma P)^-1 r. (..., S).

    policy: (..., S), actions, or (..., S, A), probabilities, float. rewards: (..., S, A) in place
    of the world's own. Raises ValueError if gamma is not in [0, 1).
    """
    check_gamma(gamma)
    rewards = world.rewards if rewards is None else rewards
    if not policy.is_floating_point():
        policy = torch.nn.functional.one_hot(policy, world.rewards.shape[1]).double()
    chain = torch.einsum("...sa,sat->...st", policy.double(), world.transitions)
    expected = (policy * rewards).sum(-1)
    eye = torch.eye(len(world.states), dtype=torch.float64)
    return torch.linalg.solve(eye - gamma * chain, expected.unsqueeze(-1)).squeeze(-1)


def optimal(world: FiniteWorld, gamma: float, rewards: Tensor | None = None) -> Solution:
    """The best that can be had, exactly, by policy iteration (Howard 1960).

    rewards: (..., S, A), as many reward functions as you like at once, in place of the world's
    own. Raises ValueError if gamma is not in [0, 1).
    """
    check_gamma(gamma)
    rewards = world.rewards if rewards is None else rewards.double()
    policy = torch.zeros(rewards.shape[:-1], dtype=torch.long)
    while True:
        values = policy_values(world, policy, gamma, rewards)
        action_values = rewards + gamma * torch.einsum("sat,...t->...sa", world.transitions, values)
        best = action_values.max(-1).values
        # Only what is better by more than rounding: between equals the policy would never settle.
        now = action_values.gather(-1, policy.unsqueeze(-1)).squeeze(-1)
        if not (best > now + 1e-9).any():
            first = (action_values >= best.unsqueeze(-1) - 1e-9).int().argmax(-1)
            return Solution(values, action_values, first)
        policy = torch.where(best > now + 1e-9, action_values.argmax(-1), policy)


class Kind(NamedTuple):
    """A kind of item. needs: the place among the kinds of what must be carried, and is used up."""

    name: str
    reward: float = 0.0
    needs: int | None = None
    ends: bool = False  # whether taking one ends the episode


@dataclass
class Boards:
    """B boards of H x W cells, with K kinds of items; `step` changes them in place.

    walls: (B, H, W), bool. items: (B, K, H, W), bool. position: (B,), row * W + column.
    radius: how far the agent sees. An agent takes what lies where it arrives, if it may.
    Raises ValueError if the shapes do not fit together, or an agent starts in a wall.
    """

    walls: Tensor
    items: Tensor
    position: Tensor
    kinds: tuple[Kind, ...]
    radius: int = 4
    taken: Tensor = field(init=False)  # (B, K), how many of each kind so far
    carried: Tensor = field(init=False)  # (B, K), taken and not used up
    done: Tensor = field(init=False)  # (B,), bool

    def __post_init__(self) -> None:
        n, height, width = self.walls.shape
        if self.items.shape != (n, len(self.kinds), height, width):
            raise ValueError(
                f"walls {tuple(self.walls.shape)} and {len(self.kinds)} kinds ask for items "
                f"{(n, len(self.kinds), height, width)}, not {tuple(self.items.shape)}"
            )
        if self.position.shape != (n,):
            raise ValueError(f"{n} boards need {n} positions, not {tuple(self.position.shape)}")
        if self.walls.flatten(1)[torch.arange(n), self.position].any():
            raise ValueError("an agent starts in a wall")
        r = self.radius
        self._padded = height + 2 * r, width + 2 * r
        board = torch.nn.functional.pad(self.walls.float(), (r, r, r, r), value=1.0)
        things = torch.nn.functional.pad(self.items.float(), (r, r, r, r))
        # Walls and items in one picture, with a rim of wall as wide as the view.
        self._picture = torch.cat([board[:, None], things], 1).flatten(2)  # (B, 1 + K, cells)
        row, column = self.position // width, self.position % width
        self._at = (row + r) * self._padded[1] + column + r
        view = torch.arange(-r, r + 1)
        self._view = (view[:, None] * self._padded[1] + view).flatten()
        self._steps = torch.tensor([row * self._padded[1] + column for row, column in MOVES])
        self.taken = torch.zeros(n, len(self.kinds))
        self.carried = torch.zeros(n, len(self.kinds))
        self.done = torch.zeros(n, dtype=torch.bool)

    def observe(self) -> Tensor:
        """What each agent sees: (B, (1 + K) (2 radius + 1)^2 + K), float32.

        Walls, then each kind of item, around the agent (outside is wall); then how many of each
        kind it carries.
        """
        around = (
            (self._at[:, None] + self._view).unsqueeze(1).expand(-1, self._picture.shape[1], -1)
        )
        return torch.cat([self._picture.gather(2, around).flatten(1), self.carried], 1)

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """Move, and take what lies there. action: (B,) in UP..LEFT -> reward (B,), done (B,).

        A board that is done stays as it is, and pays nothing.
        """
        going = self._at + self._steps[action]
        here = torch.arange(len(going))
        active = ~self.done
        free = (self._picture[here, 0, going] == 0) & active
        self._at = torch.where(free, going, self._at)
        row, column = self._at // self._padded[1], self._at % self._padded[1]
        width = self.walls.shape[2]
        self.position = (row - self.radius) * width + column - self.radius
        reward = torch.zeros(len(going))
        for k, kind in enumerate(self.kinds):
            takes = (self._picture[here, 1 + k, self._at] == 1) & active
            if kind.needs is not None:
                takes &= self.carried[:, kind.needs] > 0
                self.carried[:, kind.needs] -= takes.float()
            self._picture[here, 1 + k, self._at] -= takes.float()
            self.taken[:, k] += takes
            self.carried[:, k] += takes
            reward += kind.reward * takes
            if kind.ends:
                self.done |= takes
        return reward, self.done.clone()


def place(free: Tensor, generator: torch.Generator) -> Tensor:
    """A random free cell of each board. free: (B, H, W), bool -> (B,), row * W + column.

    Raises ValueError if a board has no free cell.
    """
    flat = free.flatten(1)
    if not flat.any(1).all():
        raise ValueError("a board has no free cell left")
    return torch.multinomial(flat.float(), 1, generator=generator).squeeze(1)


def distances(walls: Tensor, target: Tensor) -> Tensor:
    """Steps from each cell to the target: (B, H, W), int64, and H * W where no way leads.

    walls: (B, H, W), bool. target: (B,), row * W + column. All boards at once, a step a round:
    what dynamic programming gives where each step costs one.
    """
    n, height, width = walls.shape
    far = torch.full((n, height * width), height * width)
    far[torch.arange(n), target] = 0
    far = far.view(n, height, width)
    while True:
        rim = torch.nn.functional.pad(far, (1, 1, 1, 1), value=height * width)
        near = torch.stack(
            [rim[:, :-2, 1:-1], rim[:, 2:, 1:-1], rim[:, 1:-1, :-2], rim[:, 1:-1, 2:]]
        ).amin(0)
        closer = torch.where(walls, height * width, torch.minimum(far, near + 1))
        if torch.equal(closer, far):
            return far
        far = closer
