"""Arguments as small typed graphs: what is claimed, what it rests on, what would defeat it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Beliefs = Mapping[str, float]
MOST_LEAVES = 16  # whoever adds up all worlds looks at 2 to this power of them


@dataclass(frozen=True)
class Node:
    """One claim of an argument. kind: "leaf", "and" (it needs all its parts) or "or" (any part).

    A defeater is a claim, too: if one of them is true, this one no longer follows.
    """

    kind: str
    parts: tuple[str, ...] = ()
    defeaters: tuple[str, ...] = ()


Argument = Mapping[str, Node]  # by name; the claim at the top is called "top"
LEAF = Node("leaf")


def leaves(argument: Argument) -> list[str]:
    """The names of its leaves, each once: what somebody must look into."""
    return [name for name, node in argument.items() if node.kind == "leaf"]


def checked(argument: Argument, beliefs: Beliefs, top: str = "top") -> None:
    """Raise ValueError, in a sentence, for an argument or beliefs that nothing can be said of."""

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"{name!r} rests on itself: {' → '.join((*above, name))}")
        if name not in argument:
            raise ValueError(f"the argument has no claim {name!r}: add it, LEAF if it is a leaf")
        node = argument[name]
        if node.kind not in ("leaf", "and", "or"):
            raise ValueError(f"{name!r} is of kind {node.kind!r}: leaf, and, or are possible")
        if (node.kind == "leaf") == bool(node.parts):
            raise ValueError(f"{name!r}: a leaf has no parts, and everything else needs some")
        if node.kind == "leaf" and not 0 <= beliefs.get(name, -1) <= 1:
            raise ValueError(f"the leaf {name!r} needs a belief from 0 to 1")
        for below in (*node.parts, *node.defeaters):
            visit(below, (*above, name))

    visit(top, ())
    if len(leaves(argument)) > MOST_LEAVES:
        raise ValueError(f"at most {MOST_LEAVES} leaves: their worlds are counted one by one")


Truth = Mapping[str, "bool | np.ndarray"]  # of each leaf: in one world, or in each of many


def holds(argument: Argument, truth: Truth, name: str = "top") -> "bool | np.ndarray":
    """Whether a claim holds, in one world or in many at once: leaves are true or false there."""
    node = argument[name]
    if node.kind == "leaf":
        stands = np.asarray(truth[name])
    else:
        every = np.logical_and if node.kind == "and" else np.logical_or
        stands = every.reduce([holds(argument, truth, part) for part in node.parts])
    for defeater in node.defeaters:
        stands = stands & ~holds(argument, truth, defeater)
    return stands


def by_worlds(argument: Argument, beliefs: Beliefs, top: str = "top") -> float:
    """The belief in a claim, all worlds added up: right, too, where a leaf stands in many places.

    The leaves are independent of each other. Raises ValueError where `checked` does.
    """
    checked(argument, beliefs, top)
    names = leaves(argument)
    # Each number from 0 to 2ⁿ − 1 is a world: its binary digits say which leaves are true.
    worlds = (np.arange(2 ** len(names))[:, None] >> np.arange(len(names))) & 1 == 1
    p = np.array([beliefs.get(name, 0.0) for name in names])
    chance = np.where(worlds, p, 1 - p).prod(1)
    truth = {name: worlds[:, i] for i, name in enumerate(names)}
    return chance[holds(argument, truth, top)].sum().item()
