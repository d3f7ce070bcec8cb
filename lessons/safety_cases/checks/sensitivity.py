"""How `sensitivity` is judged: checks, mistakes, right answers in other styles."""

from lessons.safety_cases.arguments import leaves
from lessons.safety_cases.checks.shared import (
    ANY,
    DEEP,
    STRUCK,
    TWO,
    expect_by_leaf,
    of,
    truth,
)
from lessons.safety_cases.exercises import propagate, sensitivity
from utils.grading import expect


def _by_worlds(argument, beliefs):
    return {
        leaf: truth(argument, {**beliefs, leaf: 1.0}) - truth(argument, {**beliefs, leaf: 0.0})
        for leaf in beliefs
    }


@sensitivity.check
def of_two_that_are_needed_each_hangs_on_the_other(fn):
    expect_by_leaf(fn(TWO, of(TWO)), {"a": 0.7, "b": 0.9})


@sensitivity.check
def of_three_that_would_do_each_counts_where_the_others_fail(fn):
    expect_by_leaf(fn(ANY, of(ANY)), {"a": 0.3 * 0.4, "b": 0.1 * 0.4, "c": 0.1 * 0.3})


@sensitivity.check
def a_defeater_pulls_down(fn):
    expect_by_leaf(fn(STRUCK, of(STRUCK)), _by_worlds(STRUCK, of(STRUCK)))


@sensitivity.check
def deep_arguments(fn):
    for changed in ({}, {"d": 0.95, "e": 0.9}, {"a": 0.0, "f": 1.0}):
        expect_by_leaf(fn(DEEP, of(DEEP, **changed)), _by_worlds(DEEP, of(DEEP, **changed)))


@sensitivity.check
def beliefs_are_left_as_they_are(fn):
    beliefs = of(TWO)
    fn(TWO, beliefs)
    expect(beliefs, of(TWO))


def _change(argument, beliefs, leaf, to):
    return propagate(argument, {**beliefs, leaf: to})


def _each(rule):
    """A mistake: a rule of (argument, beliefs, leaf) for every leaf."""
    return lambda argument, beliefs: {
        leaf: rule(argument, beliefs, leaf) for leaf in leaves(argument)
    }


MISTAKES = {
    "the sign is turned: false less true": lambda a, b, x: (
        _change(a, b, x, 0.0) - _change(a, b, x, 1.0)),
    "without its sign: a defeater looks like support": lambda a, b, x: abs(
        _change(a, b, x, 1.0) - _change(a, b, x, 0.0)),
    "weighted by the leaf's own belief: only what is lost if it is false": lambda a, b, x: (
        propagate(a, b) - _change(a, b, x, 0.0)),
    "only what is gained if the leaf is true": lambda a, b, x: (
        _change(a, b, x, 1.0) - propagate(a, b)),
    "the belief if the leaf is true, without the other one": lambda a, b, x: _change(a, b, x, 1.0),
    "relative to the top belief": lambda a, b, x: (
        (_change(a, b, x, 1.0) - _change(a, b, x, 0.0)) / max(propagate(a, b), 1e-12)),
    "the effect of a hundredth more belief, not of knowing": lambda a, b, x: (
        _change(a, b, x, b[x] + 0.01) - propagate(a, b)),
}  # fmt: skip
for said, rule in MISTAKES.items():
    sensitivity.mistake(said)(_each(rule))


@sensitivity.mistake("changes the beliefs it was given: leaves judged before stay false")
def _(argument, beliefs):
    found = {}
    for leaf in leaves(argument):
        beliefs[leaf] = 1.0
        high = propagate(argument, beliefs)
        beliefs[leaf] = 0.0
        found[leaf] = high - propagate(argument, beliefs)
    return found


@sensitivity.mistake("only the leaves that the top claim names itself")
def _(argument, beliefs):
    named = {*argument["top"].parts, *argument["top"].defeaters}
    return {k: v for k, v in sensitivity(argument, beliefs).items() if k in named}


@sensitivity.right("as a slope: the belief moved a little, divided by how far")
def _(argument, beliefs):
    found = {}
    for leaf, p in beliefs.items():
        step = 0.5 if p < 0.5 else -0.5
        moved = propagate(argument, {**beliefs, leaf: p + step})
        found[leaf] = (moved - propagate(argument, beliefs)) / step
    return found


@sensitivity.right("by adding up all worlds")
def _(argument, beliefs):
    return _by_worlds(argument, beliefs)
