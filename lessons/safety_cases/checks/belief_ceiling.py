"""How `belief_ceiling` is judged: checks, mistakes, right answers in other styles."""

from lessons.safety_cases.drills import belief_ceiling
from lessons.safety_cases.exercises import correlated_evidence
from utils.grading import expect, require

RATES = [(1.0, 0.0), (1.0, 0.1), (1.0, 0.5), (0.9, 0.0), (0.9, 0.3), (0.6, 0.5)]


def _highest(prior, flaw):
    """The highest belief by search, over many tests of many kinds."""
    counts = (1, 2, 3, 5, 10, 20, 50, 100, 1000)
    return max(correlated_evidence(prior, h, f, n, flaw) for h, f in RATES for n in counts)


@belief_ceiling.check
def a_certain_flaw_leaves_the_prior(fn):
    for prior in (0.3, 0.8):
        expect(fn(prior, 1.0), prior)


@belief_ceiling.check
def nothing_found_by_search_goes_beyond_and_some_gets_there(fn):
    for prior, flaw in ((0.1, 0.3), (0.2, 0.01), (0.9, 0.3), (0.05, 0.5)):
        expect(fn(prior, flaw), _highest(prior, flaw))


@belief_ceiling.check
def rarer_flaws_leave_more_room(fn):
    values = [float(fn(0.4, flaw)) for flaw in (0.9, 0.3, 0.1, 0.01, 0.001)]
    require(values == sorted(set(values)), "rising as the flaw gets rarer", values)


@belief_ceiling.mistake("1 − flaw: the prior plays no part")
def _(prior, flaw):
    return 1 - flaw


@belief_ceiling.mistake("odds are handed back, not a belief")
def _(prior, flaw):
    return prior / (1 - prior) / flaw


@belief_ceiling.mistake("the belief is divided by the flaw, where odds are")
def _(prior, flaw):
    return min(1.0, prior / flaw)


@belief_ceiling.mistake("1 / flaw bounds the odds only if the prior is one half")
def _(prior, flaw):
    return 1 / (1 + flaw)


@belief_ceiling.mistake("the prior and the doubt are exchanged")
def _(prior, flaw):
    return (1 - prior) / (1 - prior + prior * flaw)


@belief_ceiling.mistake("averaged: the prior if the flaw is there, else certain")
def _(prior, flaw):
    return flaw * prior + (1 - flaw)


@belief_ceiling.mistake("(1 − flaw) / flaw in place of 1 / flaw")
def _(prior, flaw):
    odds = prior / (1 - prior) * (1 - flaw) / flaw
    return odds / (1 + odds)


@belief_ceiling.right("by odds")
def _(prior, flaw):
    odds = prior / (1 - prior) / flaw
    return odds / (1 + odds)


@belief_ceiling.right("as perfect tests give it")
def _(prior, flaw):
    return correlated_evidence(prior, 1.0, 0.0, 1, flaw)
