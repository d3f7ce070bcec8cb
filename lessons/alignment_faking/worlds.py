"""Planners in many worlds drawn at random, and agents that grow until they turn."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.alignment_faking.exercises import best_response_to_training
from lessons.alignment_faking.experiments import Planner, train_planners
from utils.notebook import generator


class Mapped(NamedTuple):
    """Planners that always reason, in worlds drawn at random."""

    p: list[float]  # the chance that a refusal changes the goal
    stake: list[float]  # what the goal is worth after training, in costs of one compliance
    first: list[bool]  # whether the planner is to comply in the first episode: the closed form
    kept: list[float]  # the goal after training, as a share of what it was


def planners_at_random(seed: int, n: int = 100, episodes: int = 40) -> Mapped:
    """n worlds without discount: the chance from 0.1 to 1, chance · stake from 1/8 to 8 costs.

    So half of the worlds lie below the line chance · stake = cost, and half above.
    """
    g = generator(3100 + seed)
    chance = 0.1 + 0.9 * torch.rand(n, generator=g)
    product = 8 ** (2 * torch.rand(n, generator=g) - 1)
    p, stake = chance.tolist(), (product / chance).tolist()
    worlds = zip(p, stake, strict=True)
    planners = [Planner(1.0, 1.0, d, 1.0, chance, 0.0, chance) for chance, d in worlds]
    out = train_planners(seed, planners, episodes, torch.ones(1), 0.0, 4.0, (1.0, 0.0))
    first = [best_response_to_training(1.0, w.after, w.believed, episodes)[0] for w in planners]
    return Mapped(p, stake, first, (out.goal[-1] / out.goal[0]).tolist())


def at_random_rates(seed: int, n: int = 100, price: float = 0.1) -> tuple[Tensor, Tensor]:
    """How often planners reason after training, each at rates of its own: (n,), (n,).

    Both rates, of the goal and of the habit, are drawn from 0.1 to 1, evenly on a log scale. Each
    thought of the training costs `price`. The second half are controls at the same rates: they do
    not believe that a refusal changes them, so that the thought is of no use.
    """
    g = generator(6000 + seed)
    rates = tuple(10 ** (torch.rand(n, generator=g) - 1).repeat(2) for _ in range(2))
    kinds = [Planner(penalty=price)] * n + [Planner(penalty=price, believed=0.0)] * n
    return train_planners(seed, kinds, rates=rates).reasons[-1].split(n)


DOUBLINGS = (1.0, 2.0, 4.0, 8.0, 16.0)  # of oversight
GROWTH = [2 ** (t / 5) for t in range(40)]  # capability doubles in five steps
TERMS = {"prize": 20.0, "wage": 1.0, "discount": 0.9}


def learned_turns(
    seed: int, capability: Sequence[float], oversight: Sequence[float], prize: float, wage: float,
    discount: float, rounds: int = 300
) -> list[int | None]:  # fmt: skip
    """At which step a Q-learner defects, for each oversight: it tries both, again and again."""
    g, strength = generator(4000 + seed), torch.tensor([*capability])
    win = strength / (strength + torch.tensor([*oversight])[:, None])
    work, defect = torch.zeros_like(win), torch.zeros_like(win)
    for r in range(rounds):
        won = torch.bernoulli(win.expand(64, -1, -1), generator=g).mean(0) * prize
        defect = defect + (won - defect) / (r + 1)
        after = F.pad(torch.maximum(work, defect)[:, 1:], (0, 1))
        work = work + 0.1 * (wage + discount * after - work)
    return [next((t for t, x in enumerate(row) if x), None) for row in (defect > work).tolist()]
