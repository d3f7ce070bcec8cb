"""How `upfront_best_response` is judged: checks, mistakes, right answers."""

import math

from scipy import optimize

from lessons.ai_control.checks.shared import pair
from lessons.ai_control.drills import upfront_best_response
from utils.grading import expect


def _lost(attacks, budget, works):
    return math.exp(-budget * attacks) * -math.expm1(-works * (1 - budget) * attacks)


def _searched(budget, works):
    """The best number of attacks by search."""
    top = 60 / (works * (1 - budget))
    got = optimize.minimize_scalar(
        lambda x: -_lost(x, budget, works), bounds=(0, top), method="bounded",
        options={"xatol": 1e-10},
    )  # fmt: skip
    return float(got.x), 1 + float(got.fun)


def _expect(fn, budget, works):
    got = pair(fn(budget, works))
    for value, wanted in zip(got, _searched(budget, works), strict=True):
        expect(value, wanted, 2e-4)


@upfront_best_response.check
def half_of_the_run_is_audited(fn):
    got = pair(fn(0.5, 1.0))  # e^(−x/2) (1 − e^(−x/2)) is largest where e^(−x/2) is one half
    expect(got[0], 2 * math.log(2))
    expect(got[1], 0.75)


@upfront_best_response.check
def the_papers_numbers(fn):
    got = pair(fn(0.02, 0.53))
    expect(got[1], 0.1519, 1e-3)
    expect(got[0], 6.343, 1e-3)


@upfront_best_response.check
def by_search(fn):
    for budget, works in ((0.02, 1.0), (0.1, 0.3), (0.3, 0.05), (0.7, 0.9)):
        _expect(fn, budget, works)


@upfront_best_response.check
def in_a_run_played_with_many_problems(fn):
    budget, works, n = 0.05, 0.4, 10**6
    attacks, safety = pair(fn(budget, works))
    p = float(attacks) / n
    lost = (1 - p) ** (budget * n) * (1 - (1 - p * works) ** ((1 - budget) * n))
    expect(safety, 1 - lost, 1e-4)


def _mistake(description, attacks, lost=_lost):
    @upfront_best_response.mistake(description)
    def _(budget, works):
        x = attacks(budget, works * (1 - budget), works)
        return x, 1 - lost(x, budget, works)


def _best(b, s, w):
    return math.log((b + s) / b) / s


_mistake("one attack in a run", lambda b, s, w: 1.0)
_mistake("as many as bring one into the audits", lambda b, s, w: 1 / b)
_mistake("attacks during the audits may work, too: later is all of the run",
         lambda b, s, w: math.log((b + w) / b) / w)  # fmt: skip
_mistake("every attack works", lambda b, s, w: math.log(1 / b) / (1 - b))
_mistake(
    "log of s / b: the derivative's own b is lost", lambda b, s, w: max(math.log(s / b), 0) / s
)
_mistake("divided by b + s", lambda b, s, w: math.log((b + s) / b) / (b + s))


@upfront_best_response.mistake("red's chance to win, not the safety")
def _(budget, works):
    x = _best(budget, works * (1 - budget), works)
    return x, _lost(x, budget, works)


@upfront_best_response.mistake("the share of problems attacked, as if the run had 5,000")
def _(budget, works):
    x = _best(budget, works * (1 - budget), works)
    return x / 5000, 1 - _lost(x, budget, works)


@upfront_best_response.mistake("safety with the audits forgotten")
def _(budget, works):
    x = _best(budget, works * (1 - budget), works)
    return x, math.exp(-works * (1 - budget) * x)


@upfront_best_response.right("by search")
def _(budget, works):
    return _searched(budget, works)


@upfront_best_response.right("with the chances put in")
def _(budget, works):
    later = works * (1 - budget)
    none = budget / (budget + later)  # the chance that no attack works later
    x = -math.log(none) / later
    return x, 1 - none ** (budget / later) * (1 - none)
