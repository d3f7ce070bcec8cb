"""How `stake_to_comply` is judged: checks, mistakes, right answers."""

import itertools
import math

from lessons.alignment_faking.checks.best_response_to_training import loss_of
from lessons.alignment_faking.drills import stake_to_comply
from utils.grading import expect


def _searched(cost, p, n, discount):
    """By bisection over the stake: where complying throughout begins to be best of all plans."""
    low, high = 0.0, 1e4
    for _ in range(60):
        stake = (low + high) / 2
        throughout = loss_of([True] * n, cost, stake, p, discount)
        others = itertools.islice(itertools.product((False, True), repeat=n), 2**n - 1)
        if all(throughout < loss_of(plan, cost, stake, p, discount) for plan in others):
            high = stake
        else:
            low = stake
    return high


@stake_to_comply.check
def one_certain_episode(fn):
    expect(fn(2.0, 1.0, 1, 1.0), 2.0)
    expect(fn(1.0, 0.5, 1, 1.0), 2.0)
    expect(fn(1.0, 0.5, 1, 0.5), 4.0)


@stake_to_comply.check
def by_trying_every_plan(fn):
    for case in ((1.0, 0.5, 2, 0.9), (2.0, 0.3, 3, 0.8), (0.5, 1.0, 4, 0.6), (1.0, 0.2, 5, 1.0)):
        expect(fn(*case), _searched(*case), tol=1e-4)


@stake_to_comply.check
def one_more_episode_asks_for_one_more_discount(fn):
    for n in (1, 2, 30):
        expect(fn(1.0, 0.7, n + 1, 0.5) / fn(1.0, 0.7, n, 0.5), 2.0)
    expect(fn(6.0, 0.7, 9, 0.8), 3 * fn(2.0, 0.7, 9, 0.8))


@stake_to_comply.mistake("the discount is missing")
def _(cost, p_modified, horizon, discount):
    return cost / p_modified


@stake_to_comply.mistake("one discount too few: deployment is `horizon` steps ahead of the first")
def _(cost, p_modified, horizon, discount):
    return cost / (p_modified * discount ** (horizon - 1))


@stake_to_comply.mistake("the costs of all episodes are counted: each refusal saves one")
def _(cost, p_modified, horizon, discount):
    return cost * horizon / (p_modified * discount**horizon)


@stake_to_comply.mistake("the chance is missing")
def _(cost, p_modified, horizon, discount):
    return cost / discount**horizon


@stake_to_comply.mistake("the chance that any of all refusals is seen")
def _(cost, p_modified, horizon, discount):
    return cost / ((1 - (1 - p_modified) ** horizon) * discount**horizon)


@stake_to_comply.mistake("multiplied by the discounts: a far deployment needs a larger stake")
def _(cost, p_modified, horizon, discount):
    return cost * discount**horizon / p_modified


@stake_to_comply.right("episode by episode")
def _(cost, p_modified, horizon, discount):
    stake = cost / p_modified
    for _ in range(horizon):
        stake /= discount
    return stake


@stake_to_comply.right("by logarithms")
def _(cost, p_modified, horizon, discount):
    return math.exp(math.log(cost) - math.log(p_modified) - horizon * math.log(discount))
