"""Teams that learn how safe to be in a race (after Armstrong, Bostrom & Shulman 2016)."""

from typing import NamedTuple

import torch
from torch import Tensor

from utils.notebook import generator

LEVELS = torch.linspace(0, 1, 41, dtype=torch.float64)  # of safety, to choose from

BOLDNESS = 40.0  # of learning


def race_payoffs(score: Tensor, safety: Tensor, own: Tensor, enmity: float) -> Tensor:
    """What each level of safety would have paid each team, the others as they are.

    score: (..., n), capability less tax times safety, of all. safety: (..., n). own: the score that
    a team would have with B capabilities at each level, (..., n, B, L). The fastest team wins; all
    is lost with the chance 1 - its safety; else it gets 1, the others 1 - enmity.
    """
    n = score.shape[-1]
    rivals = score.unsqueeze(-2).expand(*score.shape, n).clone()
    rivals.diagonal(dim1=-2, dim2=-1).fill_(-torch.inf)
    best, who = rivals.max(-1)
    theirs = (1 - enmity) * safety.gather(-1, who)
    return torch.where(own > best[..., None, None], LEVELS, theirs[..., None, None])


class Raced(NamedTuple):
    """How safe teams were in the last third of the rounds."""

    safety: Tensor  # (races, n, bins), the mean of a team's strategy, by its capability
    winner: float  # the mean safety of the team that won


def learn_race(
    n: int, tax: float, enmity: float, seed: int, bins: int = 1, rounds: int = 2000, races: int = 10
) -> Raced:
    """How safe teams become that do more of what would have paid.

    Capabilities are drawn anew each round, uniform in 0..1. With 10 bins a team knows its own up
    to a tenth, and has a strategy for each tenth; with 1 it knows nothing. A strategy is a chance
    for each level, which grows as exp of what the level would have paid so far (Hedge).
    """
    if n < 2 or rounds < 3 or bins < 1:
        raise ValueError(f"a race needs 2 teams, 3 rounds and a bin, not {n}, {rounds} and {bins}")
    if tax <= 0 or not 0 < enmity <= 1:
        raise ValueError(f"tax must be above 0 and enmity from 0 to 1, not {tax} and {enmity}")
    g = generator(seed)
    paid = torch.zeros(races, n, bins, len(LEVELS), dtype=torch.float64)
    mean = torch.zeros(races, n, bins, dtype=torch.float64)
    race, team = torch.arange(races)[:, None], torch.arange(n)[None, :]
    last, winners = rounds // 3, 0.0
    for t in range(rounds):
        policy = (BOLDNESS / (1 + t) ** 0.5 * paid).softmax(-1)
        place = torch.rand(races, n, bins, generator=g, dtype=torch.float64)
        could = (torch.arange(bins) + place) / bins  # a capability in each bin
        group = torch.randint(bins, (races, n), generator=g)
        capability = could[race, team, group]
        chances = policy[race, team, group]
        level = torch.multinomial(chances.flatten(0, 1), 1, generator=g).view(races, n)
        safety = LEVELS[level]
        own = could.unsqueeze(-1) - tax * LEVELS
        score = capability - tax * safety
        paid += race_payoffs(score, safety, own, enmity)
        if t >= rounds - last:
            mean += (policy * LEVELS).sum(-1) / last
            winners += safety.gather(1, score.argmax(1, keepdim=True)).mean().item() / last
    return Raced(mean, winners)
