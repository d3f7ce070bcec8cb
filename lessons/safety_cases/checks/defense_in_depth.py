"""How `defense_in_depth` is judged: checks, mistakes, right answers in other styles."""

import math

from lessons.safety_cases.arguments import LEAF, Node, by_worlds
from lessons.safety_cases.drills import defense_in_depth
from utils.grading import expect


def _argument(shared, layers):
    """The truth from the graph, in which the shared assumption stands in each layer."""
    names = [f"layer {i}" for i in range(len(layers))]
    argument = {"top": Node("or", tuple(names)), "shared": LEAF}
    for name in names:
        argument |= {name: Node("and", (f"own {name}", "shared")), f"own {name}": LEAF}
    return by_worlds(argument, {"shared": shared} | {f"own {n}": p for n, p in
                                                     zip(names, layers, strict=True)})  # fmt: skip


@defense_in_depth.check
def one_layer_is_a_product(fn):
    expect(fn(0.8, [0.9]), 0.72)


@defense_in_depth.check
def no_layer_and_no_assumption(fn):
    expect(fn(0.7, []), 0.0)
    expect(fn(0.0, [0.9, 0.9]), 0.0)
    expect(fn(1.0, [0.5, 0.5]), 0.75)


@defense_in_depth.check
def all_worlds_added_up(fn):
    for shared, layers in ((0.8, [0.9, 0.9, 0.9]), (0.5, [0.3, 0.6]), (0.95, [0.1, 0.2, 0.7, 0.4])):
        expect(fn(shared, layers), _argument(shared, layers))


@defense_in_depth.mistake("each layer with an assumption of its own: they fail independently")
def _(shared, layers):
    return 1 - math.prod(1 - shared * p for p in layers)


@defense_in_depth.mistake("all layers are needed, where one would do")
def _(shared, layers):
    return shared * math.prod(layers) if layers else 0.0


@defense_in_depth.mistake("the product of the layers: all are needed then, and nothing is shared")
def _(shared, layers):
    return math.prod(layers) if layers else 0.0


@defense_in_depth.mistake("the shared assumption is left out")
def _(shared, layers):
    return 1 - math.prod(1 - p for p in layers)


@defense_in_depth.mistake("only the best layer counts")
def _(shared, layers):
    return shared * max(layers, default=0.0)


@defense_in_depth.mistake("layers are added up")
def _(shared, layers):
    return shared * sum(layers)


@defense_in_depth.right("by two cases")
def _(shared, layers):
    left = 1.0
    for p in layers:
        left *= 1 - p
    return shared - shared * left
