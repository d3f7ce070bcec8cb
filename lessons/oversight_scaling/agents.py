"""Agents that have seen more or less, and the two games that they play about pictures.

An agent's capability is how often what it has learned from was doubled: it has seen 2^c examples.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR

from lessons.debate.exercises import best_reveal, elo_from_wins, play_debate, sparse_view
from utils import progress
from utils.worlds.pixels import (
    Digits,
    Judge,
    Reveal,
    consult,
    digits,
    held_out,
    margin,
    mask_of,
    random_pixels,
)

LEVELS = tuple(range(1, 11))  # capabilities: 2, 4, …, 1,024 examples seen
SEEN = tuple(2**level for level in LEVELS)
ROUNDS, PIXELS = 400, 6  # of each pairing; revealed in a round


class Agents(NamedTuple):
    """Networks by capability: those that play guard, and those that play Houdini."""

    guards: list[Judge]
    houdinis: list[Judge]


def train_agents(seed: int, steps: int = 600, batch: int = 128) -> Agents:
    """Twenty classifiers of 1 to 6 random pixels, side by side: two for each number of pictures.

    All have the same size and the same number of steps. Each has pictures of its own, drawn from
    the 1,397 for training, so that no Houdini knows what a guard knows.
    """
    if steps < 1:
        raise ValueError(f"training takes at least one step, not {steps}")
    (images, labels), _ = digits(seed)
    g, k = torch.Generator().manual_seed(seed), 2 * len(SEEN)
    seen = torch.zeros(k, max(SEEN), dtype=torch.long)
    many = torch.tensor(SEEN * 2)
    for row, n in zip(seen, many.tolist(), strict=True):
        row[:n] = torch.randperm(len(images), generator=g)[:n]
    w1, b1, w2, b2 = weights = _start(k, g)
    adam = torch.optim.AdamW(weights, lr=0.01, fused=True)
    schedule = CosineAnnealingLR(adam, steps)
    for _ in progress.track(range(steps), "agents"):
        drawn = (torch.rand(k, batch, generator=g) * many[:, None]).long()
        which = seen.gather(1, drawn)
        n = 1 + torch.randint(PIXELS, (k, batch, 1), generator=g)
        shown = sparse_view(images[which], random_pixels(images[which], n, g))
        hidden = torch.baddbmm(b1[:, None], shown, w1.mT).relu()
        logits = torch.baddbmm(b2[:, None], hidden, w2.mT)
        loss = F.cross_entropy(logits.flatten(0, 1), labels[which].flatten())
        adam.zero_grad()
        (k * loss).backward()  # the sum of what each agent minimizes
        adam.step()
        schedule.step()
    every = [_network(*(w.detach()[i] for w in weights)) for i in range(k)]
    return Agents(every[: k // 2], every[k // 2 :])


def _start(k: int, g: torch.Generator) -> list[Tensor]:
    """Weights of k networks as nn.Linear draws them: uniform, up to 1 / √inputs."""
    shapes = ((64, 128), 128), ((64,), 128), ((10, 64), 64), ((10,), 64)
    drawn = [(2 * torch.rand(k, *shape, generator=g) - 1) / n**0.5 for shape, n in shapes]
    return [w.requires_grad_() for w in drawn]


def _network(w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Judge:
    return lambda shown: F.linear(F.linear(shown, w1, b1).relu(), w2, b2)


class Round(NamedTuple):
    """Held-out pictures, their true labels, and a false one for each."""

    images: Tensor
    truth: Tensor
    lies: Tensor


def rounds(seed: int, n: int = ROUNDS) -> Round:
    """The first n held-out pictures, with a random lie about each."""
    if not 2 <= n <= ROUNDS:
        raise ValueError(f"from 2 to {ROUNDS} rounds, since there are as many pictures, not {n}")
    test: Digits = held_out(seed, n)
    g = torch.Generator().manual_seed(seed)
    lies = (test.labels + torch.randint(1, 10, (len(test.labels),), generator=g)) % 10
    return Round(test.images, test.labels, lies)


def knowing(agent: Judge) -> Reveal:
    """Reveal what would persuade the agent itself most: it cannot ask the guard, only guess."""

    def reveal(_, image, revealed, claim, other_claim):
        return best_reveal(agent, image, revealed, claim, other_claim)

    return reveal


def debate_views(games: Round, honest: Reveal, lying: Reveal) -> Tensor:
    """What the judge sees after each debate; the honest side begins in the first half."""
    half, views = len(games.truth) // 2, []
    for honest_first, part in ((True, slice(half)), (False, slice(half, None))):
        some = [x[part] for x in games]
        moves = play_debate(None, *some, PIXELS, honest_first, honest, lying)
        views.append(sparse_view(some[0], mask_of(some[0], moves)))
    return torch.cat(views)


def play_debates(agents: Agents, games: Round) -> Tensor:
    """Share of debates that each guard judges rightly: (guards, Houdinis).

    The Houdini's network chooses the pixels of both sides, as in Engels et al.'s debate game.
    """
    won = torch.zeros(len(agents.guards), len(agents.houdinis))
    for j, houdini in enumerate(agents.houdinis):
        view = debate_views(games, knowing(houdini), knowing(houdini))
        for i, guard in enumerate(agents.guards):
            won[i, j] = (margin(guard(view), games.truth, games.lies) > 0).float().mean()
    return won


def play_proofs(agents: Agents, games: Round, g: torch.Generator) -> Tensor:
    """Share of pairs of proofs in which each guard trusts the honest one more: (guards, Houdinis).

    In each pair a Houdini has chosen six pixels for a lie about one picture. Of another picture the
    true label is claimed, with six random pixels. Trust: the log-probability of what is claimed.
    """
    won = torch.zeros(len(agents.guards), len(agents.houdinis))
    random = sparse_view(games.images, random_pixels(games.images, PIXELS, g))
    other = torch.randperm(len(games.truth), generator=g)
    for j, houdini in enumerate(agents.houdinis):
        chosen = consult(houdini, games.images, games.lies, games.truth, PIXELS, best_reveal)
        lying = sparse_view(games.images, chosen)
        for i, guard in enumerate(agents.guards):
            trusted = [
                guard(view).log_softmax(-1).gather(1, claim[:, None])[:, 0]
                for view, claim in ((random[other], games.truth[other]), (lying, games.lies))
            ]
            won[i, j] = (trusted[0] > trusted[1]).float().mean()
    return won


# Ratings.


def ratings(won: Tensor, games: float = ROUNDS) -> tuple[Tensor, Tensor]:
    """Elo of the guards and of the Houdinis, who meet only each other.

    won: share of the games that each guard wins, (guards, Houdinis). The mean of all is 0.
    """
    return rated(won, torch.full_like(won, games))


def rated(won: Tensor, games: Tensor) -> tuple[Tensor, Tensor]:
    """As `ratings`, with so many games of each pairing; 0 for one that has not met."""
    n, total = len(won), sum(won.shape)
    wins = torch.zeros(total, total, dtype=torch.float64)
    wins[:n, n:], wins[n:, :n] = games * won, (games * (1 - won)).T
    try:
        both = elo_from_wins(wins)
    except ValueError:
        print("No finite ratings. Half a win is added on both sides of each pairing: a prior.")
        wins[:n, n:] += 0.5
        wins[n:, :n] += 0.5
        both = elo_from_wins(wins)
    return both[:n], both[n:]


def slope(elo: Tensor) -> float:
    """Elo points for a doubling of what was seen: the least-squares line through all levels."""
    x = torch.arange(len(elo), dtype=elo.dtype)
    x = x - x.mean()
    return ((x * elo).sum() / (x**2).sum()).item()


def held_out_error(won: Tensor, g: torch.Generator) -> tuple[float, float]:
    """Of pairings that the ratings have not seen, in points: the mean error, and a control's.

    Half of the pairings are rated, and the win rates of the other half predicted. The control
    predicts the mean of the half that was rated.
    """
    kept = (torch.rand(won.shape, generator=g).argsort(1) < won.shape[1] // 2).float()
    guards, houdinis = rated(won, ROUNDS * kept)
    meant = torch.sigmoid((guards[:, None] - houdinis) * math.log(10) / 400)
    mean = (won * kept).sum() / kept.sum()
    errors = ((meant - won).abs(), (mean - won).abs())
    return tuple(100 * (e * (1 - kept)).sum().item() / (1 - kept).sum().item() for e in errors)
