"""What this lesson measures and computes (Engels et al. 2025; Pallavi Sudhir et al. 2025)."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.debate.exercises import agent_score_difference, best_reveal, sparse_view

# Shown in the notebook beside those below.
from lessons.oversight_scaling.agents import (
    PIXELS,
    Agents,
    Round,
    debate_views,
    knowing,
)
from lessons.oversight_scaling.agents import held_out_error as held_out_error
from lessons.oversight_scaling.agents import play_debates as play_debates
from lessons.oversight_scaling.agents import play_proofs as play_proofs
from lessons.oversight_scaling.agents import train_agents as train_agents
from lessons.oversight_scaling.backdoors import Notion as Notion
from lessons.oversight_scaling.backdoors import play_backdoors as play_backdoors
from lessons.oversight_scaling.backdoors import suspicion as suspicion
from lessons.oversight_scaling.exercises import (
    Line,
    best_steps,
    double_relu_fit,
    nested_success,
)
from utils.worlds.pixels import Judge, consult, margin, random_pixels, skilled

# The authors' fits, (slope, intercept) of domain Elo by Arena Elo, as they stand in
# elo/theory-predictions.ipynb of subhashk01/oversight-scaling-laws at commit dc2c952 (April 2025).
PUBLISHED: dict[str, tuple[Line, Line]] = {  # guard, Houdini
    "Debate": (
        (1.0983942546126946, -47.49890598669299),
        (0.04936115584058696, 1080.3983558810423),
    ),
    "Mafia": (
        (1.5305382247861692, -622.9317463747565),
        (0.8344154600833648, 173.2206142928111),
    ),
    "Backdoor Code": (
        (0.7192614624976502, 552.0221384375485),
        (1.9518243250891987, -1361.61176329289),
    ),
    "Wargames": (
        (1.1666737577004682, -229.07366870912878),
        (0.6795738441484533, 422.0053838057133),
    ),
}
# Of these eight only the Houdini's in Backdoor Code is no straight line in elo/all_analysis.ipynb:
# the authors chose the curve that is flat from this Arena Elo on.
FLAT_FROM = 1320.2906445983103
START = 1103.0  # the weakest of their models on Chatbot Arena, from which the authors' code starts
ABSTRACT = {"Debate": 51.7, "Mafia": 13.5, "Backdoor Code": 10.0, "Wargames": 9.4}  # %, gap 400


# Curves.


def double_relu(x: Tensor, x_low: float, x_high: float, e_low: float, e_high: float) -> Tensor:
    """e_low up to x_low, e_high from x_high on, and a straight line between."""
    steepness = (e_high - e_low) / (x_high - x_low)
    return e_low + steepness * ((x - x_low).relu() - (x - x_high).relu())


def knots(levels: Sequence[float]) -> Tensor:
    """Where a curve may bend: every quarter of a level, from the lowest to the highest."""
    if len(levels) < 2:
        raise ValueError("a curve needs two levels at least")
    return torch.arange(4 * min(levels), 4 * max(levels) + 1, dtype=torch.float64) / 4


def line_fit(x: Tensor, y: Tensor) -> Line:
    """Slope and intercept of the least-squares line."""
    m = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return m.item(), (y.mean() - m * x.mean()).item()


def aic(errors: Tensor, parameters: int) -> float:
    """Akaike's criterion, n ln(mean squared error) + 2 parameters: less is better.

    errors: what a fit with so many parameters leaves, (n,).
    """
    n = len(errors)
    return n * math.log((errors**2).mean().item()) + 2 * parameters


def four_curves(x: Tensor, elo: Tensor) -> dict[str, float]:
    """Akaike's criterion for the four curves among which the authors choose (points unweighted).

    A curve with one plateau is a double ReLU whose other bend lies at the end of the data.
    """
    bends = knots(x.tolist())
    line = line_fit(x, elo)
    found = {"line": aic(line[0] * x + line[1] - elo, 2)}
    ends = {"upper plateau": (bends[:1], bends[1:]), "lower plateau": (bends[-1:], bends[:-1])}
    for name, (end, others) in ends.items():
        pairs = [torch.cat([end, other[None]]).sort().values for other in others]
        errors = [double_relu(x, *double_relu_fit(x, elo, pair)) - elo for pair in pairs]
        found[name] = min(aic(e, 3) for e in errors)
    both = double_relu(x, *double_relu_fit(x, elo, bends))
    return found | {"two plateaus": aic(both - elo, 4)}


def best_curve(x: Tensor, elo: Tensor) -> str:
    """The one of the four curves with the least criterion."""
    found = four_curves(x, elo)
    return min(found, key=found.__getitem__)


# Nested oversight.


def by_steps(guard: Line, houdini: Line, gap: float, start: float, most: int = 10) -> list[float]:
    """The success of nested oversight with 1, 2, … steps; a gap is 0 or more."""
    if gap < 0 or most < 1:
        raise ValueError(f"a gap of 0 or more and at least one step, not {gap} and {most}")
    return [nested_success(gap, guard, houdini, n, start) for n in range(1, most + 1)]


def by_gap(
    guard: Line, houdini: Line, gaps: Sequence[float], start: float
) -> tuple[list[float], list[int]]:
    """The best success of nested oversight at each gap, and the number of steps that gives it."""
    if not gaps or min(gaps) < 0:
        raise ValueError("name at least one gap, of 0 or more")
    found = [best_steps(gap, guard, houdini, start) for gap in gaps]
    return [success for _, success in found], [steps for steps, _ in found]


def flat_top_success(
    gap: float, guard: Line, houdini: Line, flat_from: float, steps: int, start: float
) -> float:
    """nested_success for a Houdini whose line is flat from a general capability on."""
    if steps < 1:
        raise ValueError(f"at least one step, not {steps}")
    plateau = 0.0, houdini[0] * flat_from + houdini[1]
    places = [start + gap * k / steps for k in range(steps + 1)]
    return math.prod(
        nested_success(b - a, guard, plateau if b > flat_from else houdini, 1, a)
        for a, b in pairwise(places)
    )


def flat_top_best(
    gap: float, guard: Line, houdini: Line, flat_from: float, start: float, most: int = 20
) -> tuple[int, float]:
    """The number of steps that is likeliest to hold, and how likely: best_steps for such a one."""
    tried = [flat_top_success(gap, guard, houdini, flat_from, n, start) for n in range(1, most + 1)]
    return 1 + tried.index(max(tried)), max(tried)


def ahead(guard: Line, houdini: Line, general: float) -> float:
    """By how many points of domain Elo the guard is ahead of a Houdini of equal capability."""
    return (guard[0] - houdini[0]) * general + guard[1] - houdini[1]


def measured_ladder(won: Tensor, first: int, last: int, steps: int) -> float:
    """The product of measured win rates along a ladder of levels, numbered from 0."""
    if steps < 1 or last <= first or (last - first) % steps:
        raise ValueError(f"{steps} equal steps up from level {first} to {last} do not exist")
    places = range(first, last + 1, (last - first) // steps)
    rates = [won[i, j].item() for i, j in pairwise(places)]
    return math.prod(rates)


# Protocols.


class Protocol(NamedTuple):
    """The judge's logits after an agent argued for the truth, and after it argued for the lie."""

    honest: Tensor  # (rounds, labels)
    lying: Tensor

    def honesty_pays(self, games: Round) -> float:
        """The agent score difference, in nats."""
        return agent_score_difference(self.honest, self.lying, games.truth, games.lies).item()

    def scores(self, games: Round) -> tuple[tuple[float, float], tuple[float, float]]:
        """Mean log scores (agent: honest, lying) and (judge: so), in nats."""
        judge = [F.logsigmoid(margin(x, games.truth, games.lies)).mean().item() for x in self]
        lying = F.logsigmoid(margin(self.lying, games.lies, games.truth)).mean().item()
        return (judge[0], lying), (judge[0], judge[1])


def protocols(judge: Judge, agent: Judge, games: Round, g: torch.Generator) -> dict[str, Protocol]:
    """Four protocols in which the judge sees six pixels in the end.

    Propaganda: the agent reveals all. Consultancy: three, and the judge asks for three at random.
    """
    own = knowing(agent)
    asks = skilled(own, 0.0, g)  # at random
    nobody = judge(sparse_view(games.images, random_pixels(games.images, PIXELS, g)))
    alone = [
        judge(sparse_view(games.images, consult(agent, games.images, *claims, PIXELS, best_reveal)))
        for claims in ((games.truth, games.lies), (games.lies, games.truth))
    ]
    advised = [judge(debate_views(games, *rules)) for rules in ((own, asks), (asks, own))]
    both = judge(debate_views(games, own, own))
    return {
        "random pixels": Protocol(nobody, nobody),
        "propaganda": Protocol(*alone),
        "consultancy": Protocol(*advised),
        "debate": Protocol(both, both),
    }


def protocols_by_level(
    agents: Agents, games: Round, g: torch.Generator, levels: Sequence[int] = (1, 3, 5, 7, 9)
) -> dict[str, list[Protocol]]:
    """Each protocol before the best judge, for agents of some levels, which are counted from 0."""
    if not levels or not all(0 <= level < len(agents.houdinis) for level in levels):
        raise ValueError(f"levels are numbered 0 to {len(agents.houdinis) - 1}, one at least")
    found: dict[str, list[Protocol]] = {}
    for level in levels:
        for name, p in protocols(agents.guards[-1], agents.houdinis[level], games, g).items():
            found.setdefault(name, []).append(p)
    return found


def honesty_by_level(
    agents: Agents, games: Round, g: torch.Generator, levels: Sequence[int] = (1, 3, 5, 7, 9)
) -> dict[str, list[float]]:
    """The agent score difference by protocol, for agents of some levels, before the best judge."""
    found = protocols_by_level(agents, games, g, levels)
    return {name: [p.honesty_pays(games) for p in some] for name, some in found.items()}


# People who read.


def simulated_days(
    read: float, rate: float, outputs: int, days: int, g: torch.Generator
) -> tuple[float, float]:
    """Share of days on which a bad output is read, and how many bad ones go unread a day."""
    if days < 1 or outputs < 0:
        raise ValueError("at least one day, and 0 or more outputs")
    bad = torch.binomial(
        torch.full((days,), float(outputs)), torch.full((days,), float(rate)), generator=g
    )
    seen = torch.binomial(bad, torch.full((days,), float(read)), generator=g)
    return (seen > 0).double().mean().item(), (bad - seen).double().mean().item()


def doubling_gain(x: Sequence[float], y: Sequence[float]) -> float:
    """The slope of the least-squares line through y by x."""
    return line_fit(torch.tensor(x).double(), torch.tensor(y).double())[0]
