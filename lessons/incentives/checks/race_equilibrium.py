"""How `race_equilibrium` is judged: checks, mistakes, right answers in other styles."""

import numpy as np
from scipy.integrate import quad

from lessons.incentives.exercises import race_equilibrium
from utils.grading import expect, require

CASES = ((2, 1.0, 1.0), (3, 0.5, 1.0), (5, 1.0, 0.5), (2, 2.0, 0.3), (4, 0.2, 0.6), (10, 0.7, 0.9),
         (3, 2.0, 1.0))  # fmt: skip


def _three(got):
    require(isinstance(got, tuple | list) and len(got) == 3, "three numbers (none, own, all)", got)
    return [float(x) for x in got]


@race_equilibrium.check
def two_teams_by_hand(fn):
    none, own, everyone = _three(fn(2, 1.0, 1.0))
    expect(none, 0.5)
    expect(own, 1 / 3)
    expect(everyone, 1 / 3)


@race_equilibrium.check
def where_safety_is_nearly_free_all_are_safe(fn):
    for got in _three(fn(2, 1e-3, 1.0)):
        require(0.98 <= got <= 1, "nearly 1, and at most 1", got)


@race_equilibrium.check
def who_knows_nothing_cannot_gain_by_another_safety(fn):
    n, tax, enmity = 3, 0.8, 0.9
    none = _three(fn(n, tax, enmity))[0]
    c = (np.arange(4000) + 0.5) / 4000

    def paid(safety):
        # Own score c − tax · safety against the best of n − 1 rivals' capabilities.
        wins = np.clip(c - tax * safety + tax * none, 0, 1) ** (n - 1)
        return (wins * safety + (1 - wins) * none * (1 - enmity)).mean()

    require(0 < none < 1, "between 0 and 1", none, n=n, safety_tax=tax, enmity=enmity)
    for other in (none - 0.05, none + 0.05):
        require(paid(other) < paid(none), "no gain by another", none, n=n, safety_tax=tax,
                enmity=enmity)  # fmt: skip


def _own(n, tax, enmity):
    """The mean of min(1, k times the best capability), by an integral."""
    k = 1 / (tax * (1 + (n - 1) * enmity))
    inside = min(1.0, 1 / k)
    low = quad(lambda c: k * c * n * c ** (n - 1), 0, inside)[0]
    return low + quad(lambda c: n * c ** (n - 1), inside, 1)[0]


def _all(n, tax, enmity):
    """The mean of min(1, lead / (tax enmity)), by an integral."""
    b = tax * enmity
    edge = min(1.0, b)
    low = quad(lambda g: g / b * n * (1 - g) ** (n - 1), 0, edge)[0]
    return low + (1 - edge) ** n


@race_equilibrium.check
def nobody_knows_the_formula(fn):
    for n, tax, enmity in CASES:
        expect(_three(fn(n, tax, enmity))[0], min(1.0, 1 / (n * tax * enmity)), tol=1e-4)


@race_equilibrium.check
def each_knows_its_own_as_the_integral_says(fn):
    for case in CASES:
        expect(_three(fn(*case))[1], _own(*case), tol=1e-4)


@race_equilibrium.check
def all_know_all_as_the_integral_says(fn):
    for case in CASES:
        expect(_three(fn(*case))[2], _all(*case), tol=1e-4)


def _with(n, tax, enmity, none=None, own=None, everyone=None):
    right = race_equilibrium.reference(n, tax, enmity)
    return tuple(
        r if other is None else other for r, other in zip(right, (none, own, everyone), strict=True)
    )


@race_equilibrium.mistake("enmity is ignored")
def _(n, safety_tax, enmity):
    return race_equilibrium.reference(n, safety_tax, 1.0)


@race_equilibrium.mistake("the tax is ignored")
def _(n, safety_tax, enmity):
    return race_equilibrium.reference(n, 1.0, enmity)


@race_equilibrium.mistake("the tax stands above the line: it makes safety dearer, and so rarer")
def _(n, safety_tax, enmity):
    return race_equilibrium.reference(n, 1 / safety_tax, enmity)


@race_equilibrium.mistake("none: not capped at 1")
def _(n, safety_tax, enmity):
    return _with(n, safety_tax, enmity, none=1 / (n * safety_tax * enmity))


@race_equilibrium.mistake("none: n − 1 rivals in place of n teams")
def _(n, safety_tax, enmity):
    return _with(n, safety_tax, enmity, none=min(1.0, 1 / ((n - 1) * safety_tax * enmity)))


@race_equilibrium.mistake("own: not capped at 1 for the most capable")
def _(n, safety_tax, enmity):
    slope = 1 / (safety_tax * (1 + (n - 1) * enmity))
    return _with(n, safety_tax, enmity, own=slope * n / (n + 1))


@race_equilibrium.mistake("own: the mean is capped, and not each team")
def _(n, safety_tax, enmity):
    slope = 1 / (safety_tax * (1 + (n - 1) * enmity))
    return _with(n, safety_tax, enmity, own=min(1.0, slope * n / (n + 1)))


@race_equilibrium.mistake("own: the mean team, and not the winner, who is the most capable")
def _(n, safety_tax, enmity):
    slope = 1 / (safety_tax * (1 + (n - 1) * enmity))
    edge = min(1.0, 1 / slope)
    return _with(n, safety_tax, enmity, own=slope * edge**2 / 2 + 1 - edge)


@race_equilibrium.mistake("own: 1 / (1 + n · enmity), where n − 1 are rivals")
def _(n, safety_tax, enmity):
    other = race_equilibrium.reference(n, safety_tax * (1 + n * enmity) / (1 + (n - 1) * enmity),
                                       enmity)[1]  # fmt: skip
    return _with(n, safety_tax, enmity, own=other)


@race_equilibrium.mistake("all: the mean lead is capped, and not each lead")
def _(n, safety_tax, enmity):
    return _with(n, safety_tax, enmity, everyone=min(1.0, 1 / ((n + 1) * safety_tax * enmity)))


@race_equilibrium.mistake("all: a lead is at most 1, whatever tax times enmity is")
def _(n, safety_tax, enmity):
    b = safety_tax * enmity
    return _with(n, safety_tax, enmity, everyone=(1 - (1 - b) ** (n + 1)) / (b * (n + 1)))


@race_equilibrium.mistake("own: who is safe altogether, beyond the edge, is left out")
def _(n, safety_tax, enmity):
    slope = 1 / (safety_tax * (1 + (n - 1) * enmity))
    edge = min(1.0, 1 / slope)
    return _with(n, safety_tax, enmity, own=slope * n / (n + 1) * edge ** (n + 1))


@race_equilibrium.mistake("own: 1 / (n · enmity), where one's own risk, the 1, counts as well")
def _(n, safety_tax, enmity):
    slope = 1 / (safety_tax * n * enmity)
    edge = min(1.0, 1 / slope)
    own = slope * n / (n + 1) * edge ** (n + 1) + 1 - edge**n
    return _with(n, safety_tax, enmity, own=own)


@race_equilibrium.mistake("all: the leader's capability in place of its lead")
def _(n, safety_tax, enmity):
    k = 1 / (safety_tax * enmity)
    edge = min(1.0, 1 / k)
    return _with(n, safety_tax, enmity, everyone=k * n / (n + 1) * edge ** (n + 1) + 1 - edge**n)


@race_equilibrium.mistake("all: (1 − g)^(n − 1), where a lead has the chance (1 − g)^n")
def _(n, safety_tax, enmity):
    b = safety_tax * enmity
    wrong = (1 - (1 - min(1.0, b)) ** n) / (b * n)
    return _with(n, safety_tax, enmity, everyone=wrong)


@race_equilibrium.mistake("the order: (none, own, all) was asked for")
def _(n, safety_tax, enmity):
    return race_equilibrium.reference(n, safety_tax, enmity)[::-1]


@race_equilibrium.mistake("the danger, 1 less the safety")
def _(n, safety_tax, enmity):
    return tuple(1 - x for x in race_equilibrium.reference(n, safety_tax, enmity))


@race_equilibrium.right("by integrals")
def _(n, safety_tax, enmity):
    case = n, safety_tax, enmity
    return min(1.0, 1 / (n * safety_tax * enmity)), _own(*case), _all(*case)


@race_equilibrium.right("by quantiles of the best and of the lead")
def _(n, safety_tax, enmity):
    x = (np.arange(400_000) + 0.5) / 400_000
    best, lead = x ** (1 / n), 1 - x ** (1 / n)
    slope = 1 / (safety_tax * (1 + (n - 1) * enmity))
    own = np.minimum(1, slope * best).mean()
    everyone = np.minimum(1, lead / (safety_tax * enmity)).mean()
    return min(1.0, 1 / (n * safety_tax * enmity)), float(own), float(everyone)
