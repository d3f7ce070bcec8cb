"""The claim contract: a paper's finding as a function of a seed, measured over five of them."""

import csv
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean

from utils import syllabus

SEEDS = (0, 1, 2, 3, 4)
CSV = syllabus.ROOT / "data" / "claims.csv"


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
    in words, taken from the paper's statement before the first run and not moved afterwards.
    """

    def declare(fn: Callable[[int], Finding]) -> Claim:
        return Claim(fn, statement, source, paper, bound)

    return declare


def of(topic: str) -> list[Claim]:
    """The claims of a lesson, in the order in which they are declared."""
    if not (syllabus.entry(topic).folder / "experiments.py").exists():
        return []
    module = importlib.import_module(f"lessons.{topic}.experiments")
    found = [x for x in vars(module).values() if isinstance(x, Claim)]
    return [x for x in found if x.topic == topic]


def measured() -> dict[tuple[str, str, int], Finding]:
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


def table(topic: str) -> str:
    """The claims of a lesson with what was measured, as a Markdown table."""
    rows = [
        ["finding", "the paper", "holds if", "ours: mean (lowest to highest)", "holds in"],
        ["---"] * 5,
    ]
    results = measured()
    for c in of(topic):
        said = [c.statement, f"{c.paper} ({c.source})", c.bound]
        found = [results[key] for key in results if key[:2] == (topic, c.name)]
        if not found:
            rows.append([*said, "not measured", "–"])
            continue
        values = [f.value for f in found]
        spread = f"{mean(values):.3g} ({min(values):.3g} to {max(values):.3g}) {found[0].unit}"
        rows.append([*said, spread, f"{sum(f.holds for f in found)} of {len(found)} seeds"])
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows
    )
