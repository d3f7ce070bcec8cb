"""The claim contract: a paper's finding as a function of a seed, measured over ten of them."""

import csv
import importlib
import math
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import mean
from types import ModuleType

from utils import syllabus

SEEDS = (0, 1, 2, 3, 4)  # seen by whoever makes the lesson
FRESH_SEEDS = (5, 6, 7, 8, 9)  # kept back, and run when it is finished
CSV = syllabus.ROOT / "data" / "claims.csv"
DOTS = {True: "●", False: "○", None: "·"}
LEGEND = (
    "A dot a seed: ● holds, ○ does not, · not measured. The first five seeds were seen while the "
    "lesson was made. The second five were kept back and run last. Where a claim or its experiment "
    "was changed after that, they were run again and are no longer fresh: the lesson says where."
)


@dataclass(frozen=True)
class Finding:
    """What one seed gave: a number, its unit, and whether the claim's bound holds of it."""

    value: float
    unit: str
    holds: bool


@dataclass(frozen=True, eq=False)
class Claim:
    """A finding of a paper, and the function that looks for it in the toy."""

    fn: Callable[[int], Finding]
    statement: str
    source: str
    paper: str
    bound: str

    @property
    def name(self) -> str:
        return self.fn.__name__

    @property
    def topic(self) -> str:
        return self.fn.__module__.removeprefix("lessons.").split(".")[0]

    def run(self, seed: int) -> Finding:
        """Measure it for one seed."""
        found = self.fn(seed)
        return Finding(float(found.value), found.unit, bool(found.holds))


def claim(statement: str, *, source: str, paper: str, bound: str) -> Callable[[Callable], Claim]:
    """Declare a claim. The function under it takes a seed and returns a Finding.

    source: paper, section or figure. paper: what it says. bound: when the claim holds of a seed,
    in words, written before the first run: the direction of the paper's statement, its number
    where the paper gives one. Not moved afterwards.
    """

    def declare(fn: Callable[[int], Finding]) -> Claim:
        return Claim(fn, statement, source, paper, bound)

    return declare


def of(topic: str) -> list[Claim]:
    """The claims of a lesson, in the order in which they are declared."""
    if not (syllabus.entry(topic).folder / "claims.py").exists():
        return []
    return _declared(importlib.import_module(f"lessons.{topic}.claims"))


def run(topic: str, seed: int) -> dict[str, Finding]:
    """Measure all claims of a lesson for one seed, by name: they share the models they train.

    Afterwards those are forgotten, so that a process may go on with the next seed.
    """
    # Not through `of`: on a cluster's worker the course is a zip file, in which no folder exists.
    module = importlib.import_module(f"lessons.{topic}.claims")
    found = {c.name: c.run(seed) for c in _declared(module)}
    for name, loaded in list(sys.modules.items()):
        if name.startswith(("lessons.", "utils.worlds.")):
            for cached in vars(loaded).values():
                if hasattr(cached, "cache_clear"):
                    cached.cache_clear()
    return found


def _declared(module: ModuleType) -> list[Claim]:
    found = [x for x in vars(module).values() if isinstance(x, Claim)]
    return [x for x in found if x.fn.__module__ == module.__name__]  # not those imported


Stored = dict[tuple[str, str, int], Finding]


def measured() -> Stored:
    """What data/claims.csv holds, by (topic, claim, seed)."""
    if not CSV.exists():
        return {}
    with CSV.open(encoding="utf-8", newline="") as file:
        return {
            (row["lesson"], row["claim"], int(row["seed"])): Finding(
                float(row["value"]), row["unit"], row["holds"] == "yes"
            )
            for row in csv.DictReader(file)
        }


def verdicts(c: Claim, seeds: Iterable[int], stored: Stored) -> list[bool | None]:
    """For each seed whether the claim holds; None where it is not measured."""
    found = (stored.get((c.topic, c.name, seed)) for seed in seeds)
    return [None if f is None else f.holds for f in found]


def dots(c: Claim, stored: Stored) -> str:
    """A claim as ten dots and their count: the seen seeds, the fresh seeds."""
    seen, fresh = verdicts(c, SEEDS, stored), verdicts(c, FRESH_SEEDS, stored)
    known = [v for v in seen + fresh if v is not None]
    picture = " ".join("".join(DOTS[v] for v in five) for five in (seen, fresh))
    return f"{picture} {sum(known)}\u00a0of\u00a0{len(known)}"


def table(topic: str) -> str:
    """The claims of a lesson with what was measured, as Markdown, with the key to its dots."""
    return f"{LEGEND}\n\n{rows(topic)}"


def rows(topic: str) -> str:
    """The table alone: verdict, the paper, ours. A work cited in consecutive rows is named once."""
    stored = measured()
    lines = [["verdict", "the paper", "ours: mean (lowest to highest)"], [":---"] * 3]
    before = ""
    for c in of(topic):
        source = _shortened(c.source, before)
        before = c.source
        said = f"{c.paper} ({source})" if source else c.paper
        found = [f for key, f in stored.items() if key[:2] == (topic, c.name)]
        ours = f"{_spread(found)}<br>*holds if* {c.bound}"
        lines.append([f"{dots(c, stored)}<br>{c.statement}", said, ours])
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )


def _shortened(source: str, before: str) -> str:
    """A source without the work that the row before names already."""
    if source == before:
        return ""
    work = re.compile(r"(.+? \d{4}[a-z]?), ")
    ours, theirs = work.match(source), work.match(before)
    same = ours and theirs and ours[1] == theirs[1]
    return source[ours.end() :] if same else source


def _spread(found: list[Finding]) -> str:
    """Mean, lowest and highest, to two digits, or to as many as tell lowest from highest."""
    if not found:
        return "not measured"
    values = [f.value for f in found]
    low, high = min(values), max(values)
    if low == high:
        return f"{_digits(low, 2)} {found[0].unit}"
    digits = next((d for d in range(2, 6) if _digits(low, d) != _digits(high, d)), 6)
    ends = f"({_digits(low, digits)} to {_digits(high, digits)})"
    return f"{_digits(mean(values), digits)} {ends} {found[0].unit}"


def _digits(value: float, digits: int) -> str:
    """A number to so many significant digits, with its minus sign, never as 1e-05."""
    if value == int(value):
        return f"{value:.0f}".replace("-", "−")
    short = float(f"{value:.{digits}g}")
    after = max(0, digits - 1 - math.floor(math.log10(abs(short))))
    return f"{short:.{after}f}".replace("-", "−")
