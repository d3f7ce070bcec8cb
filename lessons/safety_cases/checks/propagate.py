"""How `propagate` is judged: checks, mistakes, right answers in other styles."""

import math

from lessons.safety_cases.arguments import Node
from lessons.safety_cases.checks.shared import ANY, DEEP, STRUCK, TWO, graph, of, truth
from lessons.safety_cases.exercises import propagate
from utils.grading import expect

LEAF_ONLY = graph("", top=Node("leaf"))


@propagate.check
def a_leaf_is_what_is_believed_of_it(fn):
    expect(fn(LEAF_ONLY, {"top": 0.3}), 0.3)
    expect(fn(TWO, of(TWO), "b"), 0.7)


@propagate.check
def all_parts_multiply(fn):
    expect(fn(TWO, of(TWO)), 0.63)
    three = graph("abc", top=Node("and", ("a", "b", "c")))
    expect(fn(three, {"a": 0.5, "b": 0.5, "c": 0.2}), 0.05)


@propagate.check
def any_part_will_do(fn):
    expect(fn(ANY, of(ANY)), 1 - 0.1 * 0.3 * 0.4)
    expect(fn(ANY, {"a": 0.0, "b": 0.0, "c": 0.0}), 0.0)
    expect(fn(graph("a", top=Node("or", ("a",))), {"a": 0.4}), 0.4)


@propagate.check
def a_defeater_strikes(fn):
    one = graph("ab", top=Node("and", ("a",), ("b",)))
    expect(fn(one, {"a": 0.8, "b": 0.25}), 0.6)
    expect(fn(one, {"a": 0.8, "b": 1.0}), 0.0)
    expect(fn(one, {"a": 0.8, "b": 0.0}), 0.8)


@propagate.check
def several_defeaters_and_one_at_a_leaf(fn):
    expect(fn(STRUCK, of(STRUCK)), truth(STRUCK, of(STRUCK)))
    leaf = {**graph("b"), "top": Node("leaf", (), ("b",))}
    expect(fn(leaf, {"top": 0.9, "b": 0.5}), 0.45)


@propagate.check
def a_defeater_can_be_defeated(fn):
    for changed in ({}, {"f": 1.0}, {"d": 1.0, "e": 1.0, "f": 0.0}):
        beliefs = of(DEEP, **changed)
        expect(fn(DEEP, beliefs), truth(DEEP, beliefs))


@propagate.check
def any_claim_can_be_asked_for(fn):
    for name in ("mid", "weak", "c"):
        expect(fn(DEEP, of(DEEP), name), truth(DEEP, of(DEEP), name))


@propagate.check
def a_leaf_in_two_places_is_multiplied_in_twice(fn):
    shared = graph("abs", top=Node("or", ("x", "y")), x=Node("and", ("a", "s")),
                   y=Node("and", ("b", "s")))  # fmt: skip
    expect(fn(shared, {"a": 0.9, "b": 0.8, "s": 0.7}), 1 - (1 - 0.63) * (1 - 0.56))


@propagate.check
def beliefs_are_left_as_they_are(fn):
    beliefs = of(DEEP)
    fn(DEEP, beliefs)
    expect(beliefs, of(DEEP))


def _walk(both, any_of, struck):
    """A recursion like the reference, with its three rules put in: how mistakes are planted."""

    def fn(argument, beliefs, node="top"):
        this = argument[node]
        parts = [fn(argument, beliefs, part) for part in this.parts]
        rules = {"and": both, "or": any_of}
        belief = beliefs[node] if this.kind == "leaf" else rules[this.kind](parts)
        return struck(belief, [fn(argument, beliefs, d) for d in this.defeaters])

    return fn


def _any(parts):
    return 1 - math.prod(1 - p for p in parts)


def _struck(belief, defeaters):
    return belief * math.prod(1 - d for d in defeaters)


MISTAKES = {
    "defeaters are left out": (math.prod, _any, lambda b, ds: b),
    "a defeater supports: multiplied by its belief, not by one less that": (
        math.prod, _any, lambda b, ds: b * math.prod(ds)),
    "a defeater is subtracted: its belief counts where the claim fails anyway": (
        math.prod, _any, lambda b, ds: b - sum(ds)),
    "all parts hold with the least of their beliefs: that is for parts that go together": (
        min, _any, _struck),
    "the least of an and, the greatest of an or: fuzzy logic, for parts that go together": (
        min, max, _struck),
    "the mean of the parts in place of the product": (
        lambda ps: sum(ps) / len(ps), _any, _struck),
    "any part holds with the greatest of their beliefs: that is for parts that go together": (
        math.prod, max, _struck),
    "beliefs of an or are added up, and can pass 1": (math.prod, sum, _struck),
    "added up and cut at 1, where both may hold": (
        math.prod, lambda ps: min(1.0, sum(ps)), _struck),
    "1 less the product of the beliefs: that is the chance that not all hold": (
        math.prod, lambda ps: 1 - math.prod(ps), _struck),
    "the chance that none holds, where at least one was asked for": (
        math.prod, lambda ps: math.prod(1 - p for p in ps), _struck),
    "and and or are exchanged": (_any, math.prod, _struck),
    "only the strongest defeater counts": (
        math.prod, _any, lambda b, ds: b * (1 - max(ds, default=0.0))),
    "defeaters strike only if all of them hold": (
        math.prod, _any, lambda b, ds: b * (1 - math.prod(ds)) if ds else b),
}  # fmt: skip
for said, rules in MISTAKES.items():
    propagate.mistake(said)(_walk(*rules))


@propagate.mistake("a leaf's own defeaters are left out")
def leaves_bare(argument, beliefs, node="top"):
    this = argument[node]
    if this.kind == "leaf":
        return beliefs[node]
    parts = [leaves_bare(argument, beliefs, part) for part in this.parts]
    belief = math.prod(parts) if this.kind == "and" else _any(parts)
    return _struck(belief, [leaves_bare(argument, beliefs, d) for d in this.defeaters])


@propagate.mistake("a defeater's own defeaters are left out")
def unanswered(argument, beliefs, node="top"):
    this = argument[node]
    parts = [unanswered(argument, beliefs, part) for part in this.parts]
    rules = {"and": math.prod, "or": _any, "leaf": lambda _: beliefs[node]}
    struck = [_bare(argument, beliefs, d) for d in this.defeaters]
    return _struck(rules[this.kind](parts), struck)


def _bare(argument, beliefs, node):
    alone = Node(argument[node].kind, argument[node].parts)
    return propagate({**argument, node: alone}, beliefs, node)


@propagate.mistake("all worlds added up: right of the claim, but here each use counts by itself")
def _(argument, beliefs, node="top"):
    return truth(argument, beliefs, node)


@propagate.mistake("always the claim at the top, whichever was asked for")
def _(argument, beliefs, node="top"):
    return propagate(argument, beliefs)


@propagate.mistake("fills the beliefs it was given with those it computes")
def _(argument, beliefs, node="top"):
    for name in argument:
        if name not in beliefs:
            beliefs[name] = propagate(argument, {**beliefs}, name)
    return propagate(argument, beliefs, node)


@propagate.right("by what fails: an or, and each defeater, as an and of what does not hold")
def by_failures(argument, beliefs, node="top"):
    this = argument[node]
    parts = [by_failures(argument, beliefs, part) for part in this.parts]
    if this.kind == "or":
        holds = 1 - math.prod([1 - p for p in parts])
    else:
        holds = math.prod(parts) if parts else beliefs[node]
    return holds * math.prod([1 - by_failures(argument, beliefs, d) for d in this.defeaters])


@propagate.right("with loops, and or by its complement step by step")
def in_steps(argument, beliefs, node="top"):
    this = argument[node]
    if this.kind == "leaf":
        p = beliefs[node]
    elif this.kind == "and":
        p = 1.0
        for part in this.parts:
            p *= in_steps(argument, beliefs, part)
    else:
        p = 0.0
        for part in this.parts:
            q = in_steps(argument, beliefs, part)
            p = p + q - p * q
    for d in this.defeaters:
        p -= p * in_steps(argument, beliefs, d)
    return p
