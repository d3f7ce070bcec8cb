"""How long a lesson takes: by one rule for all, which docs/contributing.md states."""

import math
import re

import jupytext
import pytest

from utils import exercises, syllabus


def minutes(entry: syllabus.Entry) -> int:
    """Its exercises' minutes, one for 120 words, one for a figure; rounded up to the next ten."""
    cells = jupytext.read(entry.folder / "lesson.md", fmt="md:myst").cells
    prose = " ".join(c.source for c in cells if c.cell_type == "markdown")
    words = len(re.sub(r"\$\$.*?\$\$|\(http[^)]*\)", " ", prose, flags=re.DOTALL).split())
    code = "\n".join(c.source for c in cells if c.cell_type == "code")
    figures = len(re.findall(r"plots\.(?:show|slider)\(", code))
    written = sum(ex.minutes for ex in exercises.of(entry.topic))
    return 10 * math.ceil((written + words / 120 + figures) / 10)


@pytest.mark.parametrize("entry", syllabus.written(), ids=lambda e: e.topic)
def test_a_lesson_takes_the_minutes_that_the_rule_gives(entry):
    assert entry.minutes == minutes(entry), f"in lessons/syllabus.toml: minutes = {minutes(entry)}"
