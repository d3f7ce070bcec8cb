"""The constitution of the classifiers: read from a small file, clause by clause."""

import tomllib
from typing import NamedTuple

import torch
from torch import Tensor

from utils.syllabus import ROOT
from utils.worlds.assistant import ACTIONS, TOPICS, World

FOLDER = ROOT / "data" / "constitutions" / "classifiers"


class Clause(NamedTuple):
    """What one clause is about: a sentence, whether it restricts, and which pairs it names."""

    says: str
    restricted: bool
    pairs: Tensor  # (6, 8), bool: actions and topics


def read_clauses(source: str = "requests") -> list[Clause]:
    """The clauses of a file in data/constitutions/classifiers, by its name, or of TOML text itself.

    Raises ValueError that says where it is wrong and what would be right.
    """
    text, where = source, "your constitution"
    if "[[" not in source:
        path = FOLDER / f"{source}.toml"
        if not path.exists():
            raise ValueError(f"no constitution {source!r} in data/constitutions/classifiers")
        text, where = path.read_text(encoding="utf-8"), path.name
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{where} is no TOML: {error}") from None
    if others := set(content) - {"restricted", "permitted"}:
        raise ValueError(f"{where}: {others.pop()!r} is neither [[restricted]] nor [[permitted]]")
    clauses = []
    for kind in ("restricted", "permitted"):
        for entry in content.get(kind, []):
            pairs = torch.zeros(len(ACTIONS), len(TOPICS), dtype=torch.bool)
            for key, known in (("actions", ACTIONS), ("topics", tuple(TOPICS))):
                if unknown := set(entry.get(key, ["none given"])) - set(known):
                    raise ValueError(f"{where}: {unknown.pop()!r} is none of the {key} {known}")
            rows = [ACTIONS.index(a) for a in entry["actions"]]
            pairs[torch.tensor(rows)[:, None], [list(TOPICS).index(t) for t in entry["topics"]]] = 1
            clauses.append(Clause(entry.get("says", ""), kind == "restricted", pairs))
    if not any(c.restricted for c in clauses):
        raise ValueError(f"{where} restricts nothing: a clause begins with [[restricted]]")
    return clauses


def tables(clauses: list[Clause]) -> tuple[Tensor, Tensor]:
    """Which actions on which topics some clause restricts, and which some permits: (6, 8), bool."""
    found = [torch.zeros(len(ACTIONS), len(TOPICS), dtype=torch.bool) for _ in range(2)]
    for clause in clauses:
        found[0 if clause.restricted else 1] |= clause.pairs
    return found[0], found[1]


def clauses_for(world: World, source: str = "requests") -> list[Clause]:
    """The clauses, where they restrict just what this world calls harmful.

    Else a guard would be made by one rule and tested by another: ValueError says where they part.
    """
    clauses = read_clauses(source)
    apart = (tables(clauses)[0] != world.harmful).nonzero().tolist()
    if apart:
        action, topic = apart[0]
        says = "harmful, but not restricted" if world.harmful[action, topic] else "only restricted"
        raise ValueError(
            f"the constitution restricts another table than this world's: {ACTIONS[action]!r} on "
            f"{list(TOPICS)[topic]!r} is {says} ({len(apart)} of {world.harmful.numel()} pairs "
            "differ). Change [[restricted]] or the world."
        )
    return clauses
