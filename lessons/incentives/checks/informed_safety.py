"""How `informed_safety` is judged: checks, mistakes, right answers in other styles."""

import numpy as np

from lessons.incentives.drills import informed_safety
from utils.grading import expect, require

CASES = ((0.6, 2, 1.0, 1.0), (0.3, 3, 0.8, 0.5), (0.9, 5, 1.0, 0.7), (0.5, 2, 1.5, 0.4))


@informed_safety.check
def two_enemies_split_it(fn):
    expect(fn(0.6, 2, 1.0, 1.0), 0.3)
    expect(fn(0.2, 2, 1.0, 1.0), 0.1)


@informed_safety.check
def nobody_is_safer_than_safe(fn):
    expect(fn(0.9, 2, 0.1, 0.5), 1.0)


@informed_safety.check
def no_other_safety_pays_more(fn):
    """Against rivals who follow the same rule: by an integral over the best of them."""
    for c, n, tax, enmity in CASES:
        y = ((np.arange(20_000) + 0.5) / 20_000) ** (1 / (n - 1))  # the best rival's capability
        theirs = np.array([float(fn(x, n, tax, enmity)) for x in y[::200]])
        theirs = np.interp(y, y[::200], theirs)
        score = y - tax * theirs

        def paid(s, c=c, tax=tax, score=score, theirs=theirs, enmity=enmity):
            wins = c - tax * s > score
            return np.where(wins, s, (1 - enmity) * theirs).mean()

        got = float(fn(c, n, tax, enmity))
        for other in (got - 0.06, got + 0.06):
            require(
                paid(other) < paid(got) + 1e-6, "a safety that no other beats", got,
                capability=c, n=n, tax=tax, enmity=enmity,
            )  # fmt: skip


@informed_safety.check
def in_proportion_to_capability(fn):
    for _, n, tax, enmity in CASES:
        expect(fn(0.4, n, tax, enmity), 2 * float(fn(0.2, n, tax, enmity)))


@informed_safety.check
def by_the_slope_that_follows(fn):
    for c, n, tax, enmity in CASES:
        expect(fn(c, n, tax, enmity), min(1.0, c / (tax * (1 + (n - 1) * enmity))))


@informed_safety.mistake("n rivals: only n − 1 are")
def _(capability, n, tax, enmity):
    return min(1.0, capability / (tax * (1 + n * enmity)))


@informed_safety.mistake("the 1 is missing: a safer team is safe itself, and not only slower")
def _(capability, n, tax, enmity):
    return min(1.0, capability / (tax * (n - 1) * enmity))


@informed_safety.mistake("enmity is ignored")
def _(capability, n, tax, enmity):
    return min(1.0, capability / (tax * n))


@informed_safety.mistake("not capped at 1")
def _(capability, n, tax, enmity):
    return capability / (tax * (1 + (n - 1) * enmity))


@informed_safety.mistake("what teams do that know nothing")
def _(capability, n, tax, enmity):
    return min(1.0, 1 / (n * tax * enmity))


@informed_safety.mistake("the tax is ignored")
def _(capability, n, tax, enmity):
    return min(1.0, capability / (1 + (n - 1) * enmity))


@informed_safety.right("as a fraction")
def _(capability, n, tax, enmity):
    share = capability / (n * enmity - enmity + 1)
    return share / tax if share < tax else 1.0


@informed_safety.right("by the balance of gain and loss, halving an interval")
def _(capability, n, tax, enmity):
    def balance(k):  # in s = k c / tax; falls through 0 where no team moves
        return (1 - k) - (n - 1) * k * enmity

    low, high = 0.0, 1.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if balance(middle) > 0 else (low, middle)
    return min(1.0, low * capability / tax)
