"""The worlds of this lesson: corridors with a coin, keys and chests, and a choice of two things."""

import torch
from torch import Tensor

from utils.worlds.grids import Boards, Kind, distances, place

HEIGHT, WIDTH = 5, 9
START, END = (HEIGHT - 1) * WIDTH, HEIGHT * WIDTH - 1  # bottom left, bottom right
COIN = (Kind("coin"),)
KEYS_AND_CHESTS = (Kind("key"), Kind("chest", reward=1.0, needs=0))
CELLS = 81  # in view: four to each side


class Corridor(Boards):
    """Boards in which arriving at one cell pays 1 and ends the episode."""

    def __init__(self, walls: Tensor, coin: Tensor, start: Tensor, pays: Tensor | None = None):
        """walls: (B, H, W). coin, start, pays: (B,), cells. Without `pays` the coin's cell pays."""
        n, height, width = walls.shape
        self.coin, self.pays = coin, coin if pays is None else pays
        items = torch.nn.functional.one_hot(coin, height * width).bool()
        super().__init__(walls, items.view(n, 1, height, width), start, COIN, radius=4)

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """Move. action: (B,) -> reward (B,), done (B,)."""
        active = ~self.done
        super().step(action)
        arrived = (self.position == self.pays) & active
        self.done |= arrived
        return arrived.float(), self.done.clone()


def corridors(
    n: int, g: torch.Generator, density: float = 0.1, anywhere: float = 0.0, rows: int = HEIGHT,
    width: int = WIDTH, below: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """n corridors with a random place for a coin: walls (n, H, W), starts (n,), places (n,).

    anywhere: the share of starts that are not bottom left. rows: the coin's place lies in so many
    upper rows. below: starts are top left instead, places in so many lower rows and not in the last
    column. From the start a way leads to the place and to the end. Raises ValueError if there are
    too many walls for that.
    """
    if not 0 <= density <= 0.4:
        raise ValueError(f"density is a share of walls from 0 to 0.4, not {density}")
    if n < 1:
        raise ValueError(f"ask for at least one corridor, not {n}")
    if width < 2:
        raise ValueError(f"a corridor has at least two columns, not {width}")
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    start, end = 0 if below else (HEIGHT - 1) * width, HEIGHT * width - 1
    while sum(len(part[1]) for part in found) < n:
        walls = torch.rand(2 * n, HEIGHT, width, generator=g) < density
        walls.flatten(1)[:, [start, end]] = False
        free = ~walls
        free.flatten(1)[:, end] = False
        elsewhere = torch.rand(2 * n, generator=g) < anywhere
        starts = torch.where(elsewhere, place(free, g), start)
        if below:
            free[:, : HEIGHT - rows] = False
            free[:, :, -1] = False
        else:
            free[:, rows:] = False
        free[torch.arange(2 * n), starts // width, starts % width] = False
        there = free.flatten(1).any(1)  # where those rows are all wall, no coin fits
        walls, free, starts = walls[there], free[there], starts[there]
        places = place(free, g)
        way = distances(walls, starts).flatten(1)
        fits = torch.maximum(way.gather(1, places[:, None])[:, 0], way[:, end]) < HEIGHT * width
        found.append((walls[fits], starts[fits], places[fits]))
    return tuple(torch.cat(parts)[:n] for parts in zip(*found, strict=True))


def mixture(n: int, shares: Tensor, pays_end: Tensor, g: torch.Generator) -> Corridor:
    """n corridors for each of len(shares) agents, alike but for where the coin lies.

    shares: (agents,), which share of each agent's coins lies at random, the others at the end.
    pays_end: (agents,), bool: who is paid for the end in place of the coin.
    """
    walls, starts, places = corridors(n, g, anywhere=0.5)
    moved = torch.rand(n, generator=g) < shares[:, None]
    coin = torch.where(moved, places, END).flatten()
    pays = torch.where(pays_end[:, None], END, coin.view(len(shares), n)).flatten()
    agents = len(shares)
    return Corridor(walls.repeat(agents, 1, 1), coin, starts.repeat(agents), pays)


def trials(
    n: int, agents: int, moved: bool, seed: int, width: int = WIDTH, below: bool = False
) -> Corridor:
    """n corridors, the same for each agent, from the start bottom left; nothing is paid for.

    moved: whether the coin lies in the three upper rows, or at the end. below: the start is top
    left, and a moved coin in the three lower rows, but for the last column. Episodes do not end.
    """
    g = torch.Generator().manual_seed(seed)
    walls, starts, places = corridors(n, g, rows=3, width=width, below=below)
    coin = places if moved else torch.full((n,), HEIGHT * width - 1)
    never = torch.full((n * agents,), -1)
    return Corridor(walls.repeat(agents, 1, 1), coin.repeat(agents), starts.repeat(agents), never)


class Chests(Boards):
    """Boards with keys and chests; a key opens one chest. Once all chests are open, it is over."""

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """Move. action: (B,) -> reward (B,), done (B,)."""
        reward, _ = super().step(action)
        self.done |= self.taken[:, 1] == self.items[:, 1].sum((1, 2))
        return reward, self.done.clone()


def scattered(n: int, keys: Tensor, chests: Tensor, g: torch.Generator, side: int = 6) -> Chests:
    """Boards without walls, n an agent; things at random cells, none on another.

    keys, chests: (agents,), how many of each an agent's boards have. Raises ValueError if they do
    not fit on a board.
    """
    agents, cells = len(keys), side * side
    if (keys + chests >= cells).any() or (keys < 0).any() or (chests < 1).any():
        raise ValueError(f"a board has {cells} cells, for an agent, keys and at least one chest")
    order = torch.rand(n, cells, generator=g).argsort(1)
    rank = order.argsort(1)[None]  # rank 0 is where the agent starts
    is_key = (rank > 0) & (rank <= keys[:, None, None])
    is_chest = (rank > keys[:, None, None]) & (rank <= (keys + chests)[:, None, None])
    items = torch.stack([x.reshape(-1, side, side) for x in (is_key, is_chest)], 1)
    walls = torch.zeros(agents * n, side, side, dtype=torch.bool)
    return Chests(walls, items, order[:, 0].repeat(agents), KEYS_AND_CHESTS, radius=4)
