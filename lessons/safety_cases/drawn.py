"""The settings in which four findings are measured: each seed draws one of its own."""

import math
from typing import NamedTuple

import numpy as np


class Judges(NamedTuple):
    """How leaves lie, and how far off judges are, in log odds: what `judged` takes."""

    middle: float
    spread: float
    noise: float


class Campaign(NamedTuple):
    """How alike attackers are, how many there are, and the attempts of each."""

    likeness: float
    attackers: int
    each: int


class Race(NamedTuple):
    """How safe systems are, how well one sees it, in log odds, and what failing costs."""

    middle: float
    spread: float
    noise: float
    loss: float


def judges(seed: int) -> Judges:
    g = np.random.default_rng([seed, 1])
    return Judges(*(float(g.uniform(*ends)) for ends in ((2.5, 3.5), (0.9, 1.5), (0.3, 1.5))))


def campaign(seed: int) -> Campaign:
    """Likeness from 0.01 to 0.3 (even in its logarithm), 5 to 40 attackers, 10 to 100 attempts."""
    g = np.random.default_rng([seed, 2])
    likeness = math.exp(g.uniform(math.log(0.01), math.log(0.3)))
    return Campaign(likeness, int(g.integers(5, 41)), int(g.integers(10, 101)))


def race(seed: int) -> Race:
    g = np.random.default_rng([seed, 3])
    ends = ((-0.5, 1.5), (1.0, 2.0), (0.5, 2.5), (2.0, 8.0))
    return Race(*(float(g.uniform(*pair)) for pair in ends))
