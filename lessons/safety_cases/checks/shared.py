"""What several checks of this lesson share: small arguments, and truths by adding up worlds."""

import itertools
import math

from lessons.safety_cases.arguments import LEAF, Node, holds
from utils.grading import require


def graph(leaf_names: str, **claims: Node) -> dict:
    """An argument: its claims, and its leaves by their letters."""
    return {**claims, **dict.fromkeys(leaf_names, LEAF)}


TWO = graph("ab", top=Node("and", ("a", "b")))
ANY = graph("abc", top=Node("or", ("a", "b", "c")))
# A part that is an "or", with a defeater that has a defeater of its own.
DEEP = graph(
    "abcdef",
    top=Node("and", ("mid", "c")),
    mid=Node("or", ("a", "b"), ("weak",)),
    weak=Node("and", ("d", "e"), ("f",)),
)
# The claim at the top has two defeaters, and one leaf has one.
STRUCK = {**graph("bcde", top=Node("or", ("a", "b"), ("c", "d"))), "a": Node("leaf", (), ("e",))}
BELIEFS = {"a": 0.9, "b": 0.7, "c": 0.6, "d": 0.4, "e": 0.25, "f": 0.8}


def of(argument: dict, **changed: float) -> dict[str, float]:
    """Beliefs in an argument's leaves."""
    names = [name for name, node in argument.items() if node.kind == "leaf"]
    return {name: {**BELIEFS, **changed}[name] for name in names}


def truth(argument: dict, beliefs: dict[str, float], top: str = "top") -> float:
    """The belief in a claim: each world of true and false leaves, with its probability."""
    total = 0.0
    for world in itertools.product((True, False), repeat=len(beliefs)):
        told = dict(zip(beliefs, world, strict=True))
        chance = math.prod(p if told[name] else 1 - p for name, p in beliefs.items())
        total += chance * holds(argument, told, top)
    return total


def number(x: object) -> float:
    """A number of whatever library, as a float; nan for what is none."""
    try:
        return float(x)
    except (TypeError, ValueError, RuntimeError):
        return math.nan


def expect_by_leaf(got: object, wanted: dict[str, float]) -> None:
    """Each leaf has its number, and nothing else has one."""
    keys = sorted(got) if isinstance(got, dict) else None
    require(keys == sorted(wanted), f"a dict with the leaves {sorted(wanted)}", got)
    close = all(abs(number(got[k]) - v) < 1e-6 * (1 + abs(v)) for k, v in wanted.items())
    require(close, {k: round(v, 6) for k, v in wanted.items()}, got)
