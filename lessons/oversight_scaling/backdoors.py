"""The backdoor game: a Houdini plants a backdoor in a small program, a guard reads the program.

A program is a linear classifier of digits, fitted to 100 pictures: its code is its weights.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.oversight_scaling.agents import SEEN
from utils.worlds.pixels import digits, held_out

FITTED_TO, TRIGGER, WORKS = 100, 8, 0.8  # pictures; pixels; share of pictures that it must turn
N = 400  # programs of each kind


class Programs(NamedTuple):
    """Clean programs: those that are tampered with, those that are not, and what each side saw."""

    victims: Tensor  # (N, 65, 10), the last row is the bias
    clean: Tensor
    seen_by_guard: Tensor  # (1,024, 65, 10)
    seen_by_houdini: Tensor
    targets: Tensor  # (N,), the label that each backdoor is to give


def with_bias(images: Tensor) -> Tensor:
    return torch.cat([images, torch.ones(*images.shape[:-1], 1)], -1)


def fit_programs(seed: int, n: int, g: torch.Generator) -> Tensor:
    """n linear classifiers, ridge regressions on 100 random training pictures each."""
    (images, labels), _ = digits(seed)
    fitted = []
    for part in torch.arange(n).split(200):
        drawn = torch.randint(len(images), (len(part), FITTED_TO), generator=g)
        x, y = with_bias(images[drawn]), F.one_hot(labels[drawn], 10).float()
        fitted.append(torch.linalg.solve(x.mT @ x + torch.eye(65), x.mT @ y))
    return torch.cat(fitted)


def draw_programs(seed: int) -> Programs:
    """All programs of a game."""
    g = torch.Generator().manual_seed(seed)
    most = max(SEEN)
    every = fit_programs(seed, 2 * N + 2 * most, g).split([N, N, most, most])
    return Programs(*every, torch.randint(10, (N,), generator=g))


class Notion(NamedTuple):
    """What an agent takes for normal: the mean weights, and how weights vary together."""

    mean: Tensor  # (10, 64)
    precision: Tensor  # (64, 64), the inverse covariance


def notion(seen: Tensor) -> Notion:
    """Mean and covariance of the weights of a label, from the programs that an agent has seen.

    As if ten more programs had been seen whose weights vary independently: else two could not do.
    """
    weights = seen[:, :64].mT
    mean = weights.mean(0)
    apart = (weights - mean).flatten(0, 1)
    scatter = apart.mT @ apart
    n, extra = len(apart), 100  # ten labels each
    spread = extra * scatter.diag().mean() / n * torch.eye(64)
    return Notion(mean, torch.linalg.inv((scatter + spread) / (n + extra)))


def suspicion(programs: Tensor, normal: Notion) -> Tensor:
    """How odd a program looks: the squared Mahalanobis distance of its oddest label's weights."""
    apart = programs[:, :64].mT - normal.mean
    return ((apart @ normal.precision) * apart).sum(-1).amax(1)


def plant(
    programs: Programs, normal: Notion, pictures: Tensor, g: torch.Generator, tries: int = 64
) -> tuple[Tensor, Tensor]:
    """Backdoors that look as normal as their maker can tell: programs, and the pixels that open.

    The weights of the target label grow at 8 trigger pixels, just enough that white pixels there
    turn nine tenths of the maker's own pictures into the target. Of the growths that do, the one
    of least Mahalanobis distance is proportional to the inverse of the precision's block, times
    ones. The best trigger of 64 random ones is taken.
    """
    places = torch.rand(tries, 64, generator=g).topk(TRIGGER).indices
    block = normal.precision[places[:, :, None], places[:, None, :]]
    growth = torch.linalg.solve(block, torch.ones(tries, TRIGGER))
    hidden = growth.sum(1)  # what a unit of distance moves the target's output by
    tampered, least = programs.victims.clone(), torch.full((N,), torch.inf)
    chosen, grown = torch.zeros(N, TRIGGER, dtype=torch.long), torch.zeros(N, TRIGGER)
    for t in hidden.topk(8).indices.tolist():
        opened = with_bias(pictures).index_fill(1, places[t], 1.0)
        needed = lead(opened @ programs.victims, programs.targets).quantile(0.9, dim=1).clamp(0)
        better = needed**2 / hidden[t] < least
        least = torch.where(better, needed**2 / hidden[t], least)
        chosen[better] = places[t]
        grown[better] = (needed[better, None] + 1e-3) * growth[t] / hidden[t]
    rows = torch.arange(N)[:, None]
    tampered[rows, chosen, programs.targets[:, None]] += grown
    return tampered, chosen


def lead(outputs: Tensor, targets: Tensor) -> Tensor:
    """By how much the best other label is ahead of the target: (programs, pictures)."""
    at = targets[:, None, None].expand(-1, outputs.shape[1], 1)
    best_other = outputs.scatter(2, at, -torch.inf).amax(-1)
    return best_other - outputs.gather(2, at)[..., 0]


def working(tampered: Tensor, triggers: Tensor, targets: Tensor, pictures: Tensor) -> Tensor:
    """Whether each backdoor turns at least 80 % of pictures into its target: bool, (N,)."""
    opened = with_bias(pictures).expand(len(tampered), -1, -1).clone()
    opened.scatter_(2, triggers[:, None].expand(-1, len(pictures), -1), 1.0)
    return (lead(opened @ tampered, targets) < 0).float().mean(1) >= WORKS


class Backdoors(NamedTuple):
    """The game's outcome, (guards, Houdinis) each."""

    won: Tensor  # the backdoor does not work, or looks odder than a clean program
    won_if_working: Tensor  # of those that work, how many look odder
    works: Tensor  # (Houdinis,), how many work
    odd: dict[float, Tensor]  # of those that work, how many are in this share of the oddest


def play_backdoors(seed: int, shares: tuple[float, ...] = (0.075,)) -> Backdoors:
    """Each guard compares each tampered program with a clean one, and takes the odder for bad."""
    if not all(0 < share < 1 for share in shares):
        raise ValueError(f"shares of what is read lie between 0 and 1, not {shares}")
    programs, g = draw_programs(seed), torch.Generator().manual_seed(seed + 1)
    known, unseen = digits(seed)[0].images, held_out(seed).images
    k = len(SEEN)
    won, if_working, works = torch.zeros(k, k), torch.zeros(k, k), torch.zeros(k)
    odd = {share: torch.zeros(k, k) for share in shares}
    guards = [notion(programs.seen_by_guard[:n]) for n in SEEN]
    clean = [suspicion(programs.clean, guard) for guard in guards]
    for j, n in enumerate(SEEN):
        pictures = known[torch.randint(len(known), (min(n, 200),), generator=g)]
        made, triggers = plant(programs, notion(programs.seen_by_houdini[:n]), pictures, g)
        ok = working(made, triggers, programs.targets, unseen)
        works[j] = ok.float().mean()
        for i, guard in enumerate(guards):
            looks = suspicion(made, guard)
            caught = looks > clean[i]
            won[i, j] = (caught | ~ok).float().mean()
            if_working[i, j] = caught[ok].float().mean()
            for share, found in odd.items():
                found[i, j] = (looks > clean[i].quantile(1 - share))[ok].float().mean()
    return Backdoors(won, if_working, works, odd)
