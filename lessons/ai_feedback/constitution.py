"""Constitutions: read from a small file, with an error that says what to do about a wrong one."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from utils.syllabus import ROOT

FOLDER = ROOT / "data" / "constitutions"
PHRASES = ("answer", "help", "insult", "private", "dodge", "reason", "instead", "scold")
SENTENCES = ("critique", "revise", "choose")
KEYS = {"name", *SENTENCES, "avoid", "put", "weight"}


class Principle(NamedTuple):
    """One principle: sentences for a reader, and the rule by which the toy's critic applies it."""

    name: str
    critique: str
    revise: str
    choose: str
    avoid: tuple[str, ...]
    put: tuple[str, ...]
    weight: float = 1.0


def read_constitution(source: str) -> list[Principle]:
    """The principles of a file in data/constitutions, by its name, or of TOML text itself.

    Raises ValueError that says where it is wrong and what would be right.
    """
    text, where = source, "your constitution"
    if source.strip() and "[[" not in source and "\n" not in source.strip():
        path = FOLDER / f"{Path(source).stem}.toml"
        if not path.exists():
            there = ", ".join(sorted(p.stem for p in FOLDER.glob("*.toml")))
            raise ValueError(
                f"no constitution {source!r} in data/constitutions; there are: {there}"
            )
        where = f"data/constitutions/{path.name}"
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError(f"{where} is not in UTF-8: save it so in your editor") from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(
            f"{where} is no TOML: {error}. A text stands in quotes, a list in [ ], with commas; "
            "each principle begins with [[principle]]."
        ) from None
    found = content.get("principle")
    if not isinstance(found, list) or not found or not all(isinstance(x, dict) for x in found):
        raise ValueError(f"{where} has no principle: each begins with a line [[principle]]")
    if others := sorted(set(content) - {"principle"}):
        raise ValueError(f"{where}: {others[0]!r} stands outside a [[principle]]; put it into one")
    principles = [_principle(entry, i, where) for i, entry in enumerate(found, 1)]
    names = [p.name for p in principles]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{where}: two principles are called {twice[0]!r}; rename one")
    if not any(p.weight for p in principles):
        raise ValueError(
            f"{where}: every weight is 0, so none can be drawn; give one a weight of 1"
        )
    return principles


def _principle(entry: dict, i: int, where: str) -> Principle:
    here = f"{where}, principle {i}" + (f" ({entry['name']})" if "name" in entry else "")
    for key in ("name", "avoid", "put"):
        if key not in entry:
            raise ValueError(f"{here}: {key} is missing; add a line {key} = {_example(key)}")
    if unknown := sorted(set(entry) - KEYS):
        raise ValueError(f"{here}: {unknown[0]!r} is no key; there are: {', '.join(sorted(KEYS))}")
    for key in ("name", *SENTENCES):
        if not isinstance(entry.get(key, ""), str):
            raise ValueError(f"{here}: {key} has to be a text in quotes, as in {_example(key)}")
    for key in ("avoid", "put"):
        listed = entry[key]
        if not isinstance(listed, list) or not all(isinstance(x, str) for x in listed):
            raise ValueError(f"{here}: {key} has to be a list of phrases, as in {_example(key)}")
        if wrong := [x for x in listed if x not in PHRASES]:
            raise ValueError(
                f"{here}: {wrong[0]!r} in {key} is no phrase; use {', '.join(PHRASES)}"
            )
    if not entry["put"]:
        raise ValueError(f"{here}: put is empty: a revision has nothing to write; name a phrase")
    if both := sorted(set(entry["avoid"]) & set(entry["put"])):
        raise ValueError(f"{here}: {both[0]!r} is in avoid and in put; take it out of one")
    weight = entry.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < 1e9:
        raise ValueError(f"{here}: weight has to be a number from 0 up, as in weight = 2")
    sentences = (entry.get(key, "").strip() for key in SENTENCES)
    return Principle(entry["name"], *sentences, tuple(entry["avoid"]), tuple(entry["put"]), weight)


def _example(key: str) -> str:
    return {"avoid": '["insult"]', "put": '["reason"]'}.get(key, '"…"')


def rules(principles: Sequence[Principle]) -> tuple[Tensor, Tensor, Tensor]:
    """What the critic works with: avoid and put, (principles, 8), 0 or 1; weights that sum to 1."""
    if not any(p.weight for p in principles):
        raise ValueError("no principle with a weight above 0 is among these: none can be drawn")
    avoid = [[float(x in p.avoid) for x in PHRASES] for p in principles]
    put = [[float(x in p.put) for x in PHRASES] for p in principles]
    weight = torch.tensor([p.weight for p in principles], dtype=torch.float64)
    return *(torch.tensor(x, dtype=torch.float64) for x in (avoid, put)), weight / weight.sum()
