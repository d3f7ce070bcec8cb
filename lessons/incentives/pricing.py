"""Two sellers whose prices are set by Q-learning (Calvano et al. 2020, in miniature)."""

import math
from typing import NamedTuple

import numpy as np

QUALITY, COST, SPREAD = 2.0, 1.0, 0.25  # of both goods; a − c = 1, μ = 1/4, as the paper
RATE = 0.15  # of learning, as the paper's


def profits(price: np.ndarray, rival: np.ndarray) -> np.ndarray:
    """Profit a period at a price, the rival's price beside it, with logit demand."""
    own, other = (np.exp((QUALITY - p) / SPREAD) for p in (price, rival))
    return (price - COST) * own / (own + other + 1.0)


class Market(NamedTuple):
    """Prices to choose from, and what lies at both ends."""

    prices: np.ndarray  # (m,)
    nash: float  # the price from which neither gains by moving, alone
    monopoly: float  # the price that is best for both together


def market(m: int = 7) -> Market:
    """m prices from a little below the competitive to a little above the monopoly price."""
    grid = np.linspace(1.0, 2.5, 15001)
    together = grid[profits(grid, grid).argmax()]
    nash = 1.5
    for _ in range(60):
        nash = grid[profits(grid, np.full_like(grid, nash)).argmax()]
    margin = 0.1 * (together - nash)
    return Market(np.linspace(nash - margin, together + margin, m), nash, together)


class Sellers(NamedTuple):
    """Pairs of sellers after learning: for each remembered pair of prices the price to set."""

    choice: np.ndarray  # (2, pairs, m * m), by m times the own last price plus the rival's
    last: np.ndarray  # (2, pairs), the prices of the last period
    sees: np.ndarray  # (pairs,), whether they see any last prices


def learn_from(
    q: np.ndarray, pay: np.ndarray, state: np.ndarray, action: np.ndarray, following: np.ndarray,
    delta: np.ndarray, every: np.ndarray,
) -> None:  # fmt: skip
    """One period's Q-learning of all sellers, in place.

    q: (2, pairs, states, prices). pay: by the own price and the rival's. state, action, following:
    (2, pairs). every: (pairs,), who is told what every price would have earned, in state 0.
    """
    seller, pair = np.arange(2)[:, None], np.arange(len(delta))[None, :]
    target = pay[action, action[::-1]] + delta * q[seller, pair, following].max(-1)
    q[seller, pair, state, action] += RATE * (target - q[seller, pair, state, action]) * ~every
    told, rival = q[:, every, 0], action[::-1][:, every]
    would = np.moveaxis(pay[:, rival], 0, -1) + (delta[every] * told.max(-1))[..., None]
    q[:, every, 0] += RATE * (would - told)


def learn_prices(
    seed: int, delta: np.ndarray, sees: np.ndarray, every: np.ndarray, periods: int = 60_000,
    m: int = 7,
) -> Sellers:  # fmt: skip
    """Pairs of Q-learners that see the last two prices, and set the next.

    delta: (pairs,), how much next period's profit counts. sees: (pairs,), bool: who does not see
    has one state only. every: (pairs,), bool, of those who do not see: they are told what every
    price would have earned, and update all values. They try prices at random ever more seldom, at
    the end once in a thousand.
    """
    if m < 3 or periods < 1:
        raise ValueError(f"a market needs 3 prices and a period, not {m} and {periods}")
    if (sees & every).any():
        raise ValueError("who sees last prices cannot know what would follow other prices")
    rng = np.random.default_rng(seed)
    pairs, prices = len(delta), market(m).prices
    pay = profits(prices[:, None], prices[None, :])  # by the own price and the rival's
    # At first as if the rival set prices at random, as in the paper.
    q = pay.mean(1) / (1 - delta[None, :, None, None]) + np.zeros((2, pairs, m * m, m))
    seller, pair = np.arange(2)[:, None], np.arange(pairs)[None, :]
    last = rng.integers(m, size=(2, pairs))
    state = (last * m + last[::-1]) * sees
    decay = np.log(1000) / periods
    for t in range(periods):
        action = q[seller, pair, state].argmax(-1)
        explores = rng.random((2, pairs)) < np.exp(-decay * t)
        action = np.where(explores, rng.integers(m, size=(2, pairs)), action)
        following = (action * m + action[::-1]) * sees
        learn_from(q, pay, state, action, following, delta, every)
        state, last = following, action
    return Sellers(q.argmax(-1), last, sees)


def play(sellers: Sellers, periods: int, deviation: np.ndarray | None = None) -> np.ndarray:
    """Prices by place, (periods, 2, pairs), as learned; once the first seller is made to deviate.

    deviation: (pairs,), the place of the price that it must set in the first period.
    """
    last = sellers.last
    seller, pair = np.arange(2)[:, None], np.arange(len(sellers.sees))[None, :]
    m = math.isqrt(sellers.choice.shape[-1])
    path = []
    for t in range(periods):
        last = sellers.choice[seller, pair, (last * m + last[::-1]) * sellers.sees]
        if t == 0 and deviation is not None:
            last = np.stack([deviation, last[1]])
        path.append(last)
    return np.array(path)


def gain(sellers: Sellers, m: int = 7) -> np.ndarray:
    """The profit gain of each pair: 0 as competition has it, 1 as one monopolist would. (pairs,)"""
    here = market(m)
    path = play(sellers, 60)[30:]
    mean = profits(here.prices[path], here.prices[path[:, ::-1]]).mean((0, 1))
    low, high = (profits(np.array(p), np.array(p)) for p in (here.nash, here.monopoly))
    return (mean - low) / (high - low)


class Sold(NamedTuple):
    """What pairs of one kind came to."""

    gain: np.ndarray  # (pairs,)
    unpaid: np.ndarray  # bool: whether undercutting once did not pay, of pairs with a lower price
    own_after: np.ndarray  # (periods,), mean price of who is made to undercut in the first
    rival_after: np.ndarray  # (periods,), mean price of the other
    before: float  # mean price of all, had nobody undercut


KINDS = {  # whether they see, value the future, and update all values at once
    "sees, patient": (True, 0.95, False),
    "sees, myopic": (True, 0.0, False),
    "blind, patient": (False, 0.95, False),
    "blind, told all": (False, 0.95, True),
    "blind, myopic": (False, 0.0, False),
}


def sold(seed: int, pairs: int, m: int = 7) -> dict[str, Sold]:
    """Pairs of five kinds, as KINDS has them; and what follows when the first seller undercuts.

    It must set the price that pays best that period against its rival's (as the paper has it), if
    that is a lower price than its own; else it goes on as it was.
    """
    if pairs < 1:
        raise ValueError(f"a market needs a pair of sellers, not {pairs}")
    sees, delta, every = (np.repeat(column, pairs) for column in zip(*KINDS.values(), strict=True))
    sellers = learn_prices(seed, delta, sees, every, m=m)
    prices = market(m).prices
    quiet = play(sellers, 60)
    best = profits(prices[:, None], prices[None, :]).argmax(0)[quiet[0, 1]]
    lower = best < quiet[0, 0]
    broken = play(sellers, 60, np.where(lower, best, quiet[0, 0]))
    weight = 0.95 ** np.arange(60)[:, None]
    earned = [
        (weight * profits(prices[path[:, 0]], prices[path[:, 1]])).sum(0)
        for path in (quiet, broken)
    ]
    unpaid, gains = earned[1] < earned[0] - 1e-9, gain(sellers, m)
    found = {}
    for i, name in enumerate(KINDS):
        mine = slice(i * pairs, (i + 1) * pairs)
        own, rival = (prices[broken[:, s, mine]].mean(-1) for s in (0, 1))
        before = prices[quiet[..., mine]].mean().item()
        found[name] = Sold(gains[mine], unpaid[mine][lower[mine]], own, rival, before)
    return found
