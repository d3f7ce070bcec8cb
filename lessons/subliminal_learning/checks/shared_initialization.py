"""How `shared_initialization` is judged: checks, mistakes, right answers."""

from copy import deepcopy

import torch

from lessons.subliminal_learning.checks.shared import normal
from lessons.subliminal_learning.exercises import shared_initialization
from utils.grading import expect, require


def _start(seed, parts=("first", "second", "head")):
    names = [f"{part}.{kind}" for part in parts for kind in ("weight", "bias")]
    return {name: normal(100 * seed + i, 2, 2) for i, name in enumerate(names)}


def _same(got, wanted):
    require(isinstance(got, dict), "a dict of weights", got)
    require(list(got) == list(wanted), f"the names {list(wanted)}, in this order", list(got))
    for name, value in wanted.items():
        expect(got[name], value)


@shared_initialization.check
def one_part_is_shared_weight_and_bias(fn):
    a, b = _start(1, ("in", "out")), _start(2, ("in", "out"))
    _same(fn(a, b, {"out"}), {n: (a if n.startswith("out") else b)[n] for n in a})


@shared_initialization.check
def all_or_none(fn):
    a, b = _start(1), _start(2)
    _same(fn(a, b, ["first", "second", "head"]), a)
    _same(fn(a, b, []), b)


@shared_initialization.check
def every_set_of_parts(fn):
    a, b = _start(3), _start(4)
    for shared in (("first",), ("second",), ("head",), ("first", "head"), {"second", "head"}):
        _same(fn(a, b, shared), {n: (a if n.split(".")[0] in shared else b)[n] for n in a})


@shared_initialization.check
def a_part_is_named_in_full(fn):
    a, b = _start(5, ("head", "headless")), _start(6, ("head", "headless"))
    _same(fn(a, b, ("head",)), {n: (a if n.startswith("head.") else b)[n] for n in a})


@shared_initialization.check
def training_in_place_leaves_both_as_they_are(fn):
    a, b = _start(7), _start(8)
    before = deepcopy((a, b))
    got = fn(a, b, {"first"})
    _same(a, before[0])
    _same(b, before[1])
    for value in got.values():
        value += 1
    _same(a, before[0])
    _same(b, before[1])


@shared_initialization.check
def a_part_that_does_not_exist(fn):
    a, b = _start(9), _start(10)
    for wrong in ("third", "first.weight"):
        try:
            got = fn(a, b, {"first", wrong})
        except ValueError:
            continue
        require(False, "a ValueError", got)


def _checked(theirs, shared):
    unknown = set(shared) - {name.split(".")[0] for name in theirs}
    if unknown:
        raise ValueError(f"no part {unknown}")


@shared_initialization.mistake("theirs and fresh have changed places")
def _(theirs, fresh, shared):
    _checked(theirs, shared)
    return {n: (fresh if n.split(".")[0] in shared else theirs)[n].clone() for n in theirs}


@shared_initialization.mistake("no copies: training the student changes the teacher's start")
def _(theirs, fresh, shared):
    _checked(theirs, shared)
    return {n: (theirs if n.split(".")[0] in shared else fresh)[n] for n in theirs}


@shared_initialization.mistake("changes the teacher's start in place")
def _(theirs, fresh, shared):
    _checked(theirs, shared)
    for name in theirs:
        if name.split(".")[0] not in shared:
            theirs[name] = fresh[name].clone()
    return theirs


@shared_initialization.mistake("a bias is not shared: only weights are")
def _(theirs, fresh, shared):
    _checked(theirs, shared)
    names = {f"{part}.weight" for part in shared}
    return {n: (theirs if n in names else fresh)[n].clone() for n in theirs}


@shared_initialization.mistake("compares by how a name begins: two parts may begin alike")
def _(theirs, fresh, shared):
    _checked(theirs, shared)
    like = tuple(shared)
    return {n: (theirs if n.startswith(like) else fresh)[n].clone() for n in theirs}


@shared_initialization.mistake("shared is ignored: everything is the teacher's")
def _(theirs, fresh, shared):
    _checked(theirs, shared)
    return {n: w.clone() for n, w in theirs.items()}


@shared_initialization.mistake("only the shared parts come back")
def _(theirs, fresh, shared):
    _checked(theirs, shared)
    return {n: w.clone() for n, w in theirs.items() if n.split(".")[0] in shared}


@shared_initialization.mistake("an unknown part passes without a word")
def _(theirs, fresh, shared):
    return {n: (theirs if n.split(".")[0] in shared else fresh)[n].clone() for n in theirs}


@shared_initialization.mistake("the mean of both starts where a part is shared")
def _(theirs, fresh, shared):
    _checked(theirs, shared)
    mean = {n: (theirs[n] + fresh[n]) / 2 for n in theirs}
    return {n: (mean if n.split(".")[0] in shared else fresh)[n].clone() for n in theirs}


@shared_initialization.right("by a copy of fresh that is overwritten")
def _(theirs, fresh, shared):
    start = deepcopy(dict(fresh))
    for part in shared:
        names = [n for n in theirs if n.rpartition(".")[0] == part]
        if not names:
            raise ValueError(f"there is no part {part!r}")
        for n in names:
            start[n] = theirs[n].detach().clone()
    return {n: start[n] for n in theirs}


@shared_initialization.right("by where, in new memory")
def _(theirs, fresh, shared):
    _checked(theirs, shared)
    take = {n: torch.tensor(n.split(".")[0] in shared) for n in theirs}
    return {n: torch.where(take[n], theirs[n], fresh[n]) for n in theirs}
