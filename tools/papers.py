"""The table of docs/coming_from.md: which toy stands for which paper, and what came out."""

import re

from tools import readme
from utils import claims, syllabus
from utils.claims import Claim
from utils.syllabus import ROOT, Entry

PAGE = ROOT / "docs" / "coming_from.md"
PAPER = r"(?:[^\W\d_a-z][^;:]*?) \d{4}[a-z]?\b"  # "Gao, Schulman & Hilton 2022", before a figure


def paper_of(claim: Claim, entry: Entry, before: str | None) -> str | None:
    """The paper whose finding a claim looks for; None for a question of the course's own.

    before: the paper of the claim above, to which "same section" refers.
    """
    if named := re.match(PAPER, claim.source):
        return named[0]
    if claim.source.startswith("same "):
        return before
    return entry.paper if re.match("figure|section|appendix", claim.source) else None


def rows() -> list[tuple[str, Entry, Claim]]:
    """Every finding of a paper, in the order of the papers' names, then of the lessons."""
    found = []
    for entry in syllabus.written():
        paper = None
        for claim in claims.of(entry.topic):
            paper = paper_of(claim, entry, paper)
            if paper:
                found.append((paper, entry, claim))
    return sorted(found, key=lambda row: (row[0].casefold(), row[1].number))


def table() -> str:
    """The table, in Markdown."""
    stored, lines = claims.measured(), ["| paper | lesson | finding |", "| :-- | :-- | :-- |"]
    last = ""
    for paper, entry, claim in rows():
        lesson = f"[{entry.number} {entry.title}](claims.md#{readme.anchor(entry)})"
        found = f"{claims.dots(claim, stored)} {claim.statement}"
        lines.append(f"| {paper if paper != last else '″'} | {lesson} | {found} |")
        last = paper
    return "\n".join(lines)
