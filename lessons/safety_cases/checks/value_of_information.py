"""How `value_of_information` is judged: checks, mistakes, right answers in other styles."""

import itertools
import math

from lessons.safety_cases.arguments import Node, holds, leaves
from lessons.safety_cases.checks.shared import (
    ANY,
    DEEP,
    STRUCK,
    TWO,
    expect_by_leaf,
    graph,
    of,
    truth,
)
from lessons.safety_cases.exercises import propagate, sensitivity, value_of_information
from utils.grading import expect


def _by_plans(argument, beliefs, gain, loss):
    """Every plan: what to do at each answer, by its mean worth over all worlds. The best, less now.

    Independent of the formula: it knows no beliefs after an answer.
    """

    def mean(plan, leaf):
        total = 0.0
        for world in itertools.product((True, False), repeat=len(beliefs)):
            told = dict(zip(beliefs, world, strict=True))
            chance = math.prod(p if told[name] else 1 - p for name, p in beliefs.items())
            if plan[told[leaf]]:
                total += chance * (gain if holds(argument, told) else -loss)
        return total

    found = {}
    for leaf in beliefs:
        plans = [{True: a, False: b} for a in (True, False) for b in (True, False)]
        now = max(mean({True: a, False: a}, leaf) for a in (True, False))
        found[leaf] = max(mean(plan, leaf) for plan in plans) - now
    return found


ONE = graph("a", top=Node("and", ("a",)))


@value_of_information.check
def a_single_leaf_by_hand(fn):
    # At one half the gamble is worth a quarter. Knowing, one gains 1.5 half of the time.
    expect_by_leaf(fn(ONE, {"a": 0.5}, 1.5, 1.0), {"a": 0.5})
    # At 0.9 one deploys anyway; knowing saves the loss of 4 in one case of ten.
    expect_by_leaf(fn(ONE, {"a": 0.9}, 1.0, 4.0), {"a": 0.4})


@value_of_information.check
def what_is_known_is_worth_nothing(fn):
    expect_by_leaf(fn(ONE, {"a": 1.0}, 1.0, 3.0), {"a": 0.0})
    expect_by_leaf(fn(ONE, {"a": 0.0}, 1.0, 3.0), {"a": 0.0})


@value_of_information.check
def only_an_answer_that_changes_the_decision_is_worth_something(fn):
    sure = {"a": 0.99, "b": 0.5, "c": 0.5}
    wanted = {"a": 0.01 * (4 * 0.25 - 0.75), "b": 0.0, "c": 0.0}
    expect_by_leaf(fn(ANY, sure, 1.0, 4.0), wanted)
    expect_by_leaf(fn(TWO, {"a": 0.5, "b": 0.5}, 1.0, 9.0), {"a": 0.0, "b": 0.0})


@value_of_information.check
def every_plan_tried(fn):
    for argument in (TWO, ANY, STRUCK, DEEP):
        for gain, loss in ((1.0, 1.0), (1.0, 0.3), (2.0, 5.0)):
            beliefs = of(argument)
            expect_by_leaf(fn(argument, beliefs, gain, loss), _by_plans(argument, beliefs, gain,
                                                                        loss))  # fmt: skip


@value_of_information.check
def beliefs_are_left_as_they_are(fn):
    beliefs = of(TWO)
    fn(TWO, beliefs, 1.0, 1.0)
    expect(beliefs, of(TWO))


def _worth(argument, beliefs, gain, loss):
    top = propagate(argument, beliefs)
    return max(0.0, top * gain - (1 - top) * loss)


def _at(argument, beliefs, leaf, to, gain, loss):
    return _worth(argument, {**beliefs, leaf: to}, gain, loss)


def _plant(said, rule):
    def fn(argument, beliefs, gain, loss):
        return {leaf: rule(argument, beliefs, leaf, gain, loss) for leaf in leaves(argument)}

    value_of_information.mistake(said)(fn)


def _after(a, b, x, g, k):
    return b[x] * _at(a, b, x, 1.0, g, k) + (1 - b[x]) * _at(a, b, x, 0.0, g, k)


def _deployed(a, b, g, k):
    top = propagate(a, b)
    return top * g - (1 - top) * k


def _full(a, b, g, k):
    """What deploying is worth if the loss is taken off whole."""
    return max(0.0, propagate(a, b) * g - k)


def _always(a, b, x, g, k):
    """Deployed whatever the answer is."""
    true, false = (_deployed(a, {**b, x: to}, g, k) for to in (1.0, 0.0))
    return b[x] * true + (1 - b[x]) * false - _deployed(a, b, g, k)


_plant("the worth of deciding now is not taken off", _after)
_plant("one always deploys: not deploying is forgotten, or the loss is added", _always)
_plant("both answers count the same, however likely", lambda a, b, x, g, k: (
    _at(a, b, x, 1.0, g, k) + _at(a, b, x, 0.0, g, k)) / 2 - _worth(a, b, g, k))  # fmt: skip
_plant("both answers count one half, and deciding now is not taken off", lambda a, b, x, g, k: (
    _at(a, b, x, 1.0, g, k) + _at(a, b, x, 0.0, g, k)) / 2)  # fmt: skip
_plant("the worth of knowing the claim at the top, whichever leaf was asked for",
       lambda a, b, x, g, k: propagate(a, b) * g - _worth(a, b, g, k))  # fmt: skip
_plant("the answer is taken to be good", lambda a, b, x, g, k: (
    _at(a, b, x, 1.0, g, k) - _worth(a, b, g, k)))  # fmt: skip
_plant("the two answers' probabilities are exchanged", lambda a, b, x, g, k: (
    (1 - b[x]) * _at(a, b, x, 1.0, g, k) + b[x] * _at(a, b, x, 0.0, g, k)
    - _worth(a, b, g, k)))  # fmt: skip
_plant("gain and loss are exchanged", lambda a, b, x, g, k: (
    _after(a, b, x, k, g) - _worth(a, b, k, g)))  # fmt: skip
_plant("the loss counts in full, not by the chance to fail", lambda a, b, x, g, k: (
    b[x] * _full(a, {**b, x: 1.0}, g, k) + (1 - b[x]) * _full(a, {**b, x: 0.0}, g, k)
    - _full(a, b, g, k)))  # fmt: skip
_plant("divided by the gain", lambda a, b, x, g, k: (_after(a, b, x, g, k)
                                                     - _worth(a, b, g, k)) / g)  # fmt: skip
_plant("the sign is turned", lambda a, b, x, g, k: _worth(a, b, g, k) - _after(a, b, x, g, k))
_plant("sensitivity times the stakes: it counts where no decision changes",
       lambda a, b, x, g, k: abs(sensitivity(a, b)[x]) * (g + k))  # fmt: skip
_plant("a change of mind is counted, not what it is worth", lambda a, b, x, g, k: float(
    (_at(a, b, x, 1.0, g, k) > 0) != (_at(a, b, x, 0.0, g, k) > 0)))  # fmt: skip


@value_of_information.mistake("changes the beliefs it was given")
def _(argument, beliefs, gain, loss):
    found = {}
    for leaf in leaves(argument):
        p, now = beliefs[leaf], _worth(argument, beliefs, gain, loss)
        beliefs[leaf] = 1.0
        yes = _worth(argument, beliefs, gain, loss)
        beliefs[leaf] = 0.0
        found[leaf] = p * yes + (1 - p) * _worth(argument, beliefs, gain, loss) - now
    return found


@value_of_information.right("as the loss or the gain missed: what one would do otherwise")
def _(argument, beliefs, gain, loss):
    def deployed(b):
        top = truth(argument, b)
        return top * gain - (1 - top) * loss

    found = {}
    for leaf, p in beliefs.items():
        ends = [(p, deployed({**beliefs, leaf: 1.0})), (1 - p, deployed({**beliefs, leaf: 0.0}))]
        if deployed(beliefs) > 0:  # one would deploy: an answer saves what it stops
            found[leaf] = sum(chance * max(0.0, -worth) for chance, worth in ends)
        else:
            found[leaf] = sum(chance * max(0.0, worth) for chance, worth in ends)
    return found


@value_of_information.right("by trying every plan")
def _(argument, beliefs, gain, loss):
    return _by_plans(argument, beliefs, gain, loss)
