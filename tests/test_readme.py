"""What README and docs/claims.md say of the claims: counted, not typed, and it fits a telephone."""

import re

import pytest

from tools import readme
from tools.readme import Count
from utils import claims, syllabus

WITH_CLAIMS = [e for e in syllabus.written() if claims.of(e.topic)]


@pytest.mark.parametrize(
    "count, mark",
    [
        (Count(5, 5), "●"),
        (Count(5, None), "●"),
        (Count(5, 4), "◐"),  # a finding that does not come back in a fresh seed
        (Count(0, 1), "◐"),
        (Count(0, 0), "○"),
        (Count(0, None), "○"),
        (Count(None, None), "·"),
    ],
)
def test_a_dot_tells_every_seed_some_or_none(count, mark):
    assert count.mark == mark


def test_the_total_counts_seen_and_fresh_seeds(monkeypatch):
    found = [Count(5, 5), Count(5, 4), Count(5, 2), Count(4, 5), Count(3, 0), Count(0, 0)]
    monkeypatch.setattr(syllabus, "written", lambda: [syllabus.entries()[0]])
    monkeypatch.setattr(readme, "counts", lambda topic: found)
    said = readme.total()
    assert (
        "**3 of 6 findings hold in all five seen seeds**, 1 in four, 1 in one to three, 1" in said
    )
    assert "Of 3 that hold in all seen seeds, **1 hold in all of seeds 5 to 9 too**" in said
    assert "1 in four, 1 in fewer." in said
    monkeypatch.setattr(readme, "counts", lambda topic: [Count(5, None), Count(None, None)])
    said = readme.total()
    assert "1 are not measured yet" in said and "fresh seeds are not measured yet" in said


def test_the_diagnosis_is_a_real_one_and_fits():
    text = readme.diagnosis()
    assert f"def {readme.MISTAKEN[1]}(" in text and "looks like" in " ".join(text.split())
    assert re.search(r"expected +tensor", text) and re.search(r"got +tensor", text)
    assert max(map(len, text.splitlines())) <= readme.WIDTH


def test_every_finding_stands_on_the_page_of_claims():
    page = readme.claims_page()
    for entry in WITH_CLAIMS:
        for c in claims.of(entry.topic):
            assert c.statement.replace("|", r"\|") in page


def test_a_row_of_dots_has_one_for_each_finding_and_leads_to_them():
    page = readme.claims_page()
    for entry in WITH_CLAIMS:
        (dots,) = re.findall(r"\[([●◐○· ]+)\]\(docs/claims.md#", readme.row(entry))
        assert len(dots.replace(" ", "")) == len(claims.of(entry.topic))
        assert all(len(five) <= 5 for five in dots.split())
        assert f"\n## {readme.heading(entry)}\n" in page


def test_each_part_stands_once_above_its_lessons():
    rows = readme.lessons().splitlines()
    for part in dict.fromkeys(entry.part for entry in syllabus.written()):
        (at,) = [i for i, row in enumerate(rows) if row == f"| **{part}** | | |"]
        first = next(entry for entry in syllabus.written() if entry.part == part)
        assert rows[at + 1] == readme.row(first)


def test_the_first_pages_findings_are_the_claims_pages_and_one_does_not_come_out():
    _, _, *rows = readme.findings().splitlines()
    page, (topic, names) = readme.claims_page().splitlines(), readme.FINDINGS
    assert len(rows) == len(names) == 3 and all(row in page for row in rows)
    counted = dict(zip((c.name for c in claims.of(topic)), readme.counts(topic), strict=True))
    assert counted[names[0]] == Count(5, 5), "one that holds in all seeds"
    assert any(counted[name].seen == 0 for name in names), "one that does not come out"
    front = (syllabus.ROOT / "docs" / "site" / "index.md").read_text(encoding="utf-8")
    assert syllabus.entry(topic).filename in front


def test_the_sites_first_page_says_of_the_seeds_what_readme_says():
    text = readme.README.read_text(encoding="utf-8")
    (said,) = re.findall(r"Seeds 0 to 4 are .*? Each lesson says where\.", text)
    assert said in (syllabus.ROOT / "docs" / "site" / "index.md").read_text(encoding="utf-8")
