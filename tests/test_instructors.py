"""What the instructor gets: slides, sheets, the bundle, the tracks."""

import math
import os
import re
import subprocess

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import bench, bundle, instructors, notebooks, sheets, site, slides
from utils import claims, exercises, syllabus, whiteboard
from utils.syllabus import ROOT

MARKED = {"tags": ["slide"]}
LESSONS = [e.topic for e in syllabus.written()]


def text(source, **metadata):
    return new_markdown_cell(source, metadata=metadata)


def figure(source="plot()", tags=("slide",)):
    data = {"image/png": "aGVsbG8=", "text/plain": "fig"}
    output = new_output("display_data", data, metadata={"image/png": {"alt": "a rising line"}})
    return new_code_cell(source, outputs=[output], metadata={"tags": list(tags)})


def headings(cells):
    return [(heading, len(cells)) for heading, cells in slides.slides(cells)]


def test_a_sections_cells_share_a_slide_while_there_is_room():
    long = "\n\n".join(["a paragraph"] * 8)
    cells = [
        text("## One\n\nsaid", **MARKED), figure(), text("after the figure", **MARKED),
        text(long, **MARKED), text("not marked\n\n## Two"), figure(), figure(), figure("x", ()),
        text("of section two", **MARKED), text("## Three", **MARKED),
    ]  # fmt: skip
    assert headings(cells) == [("One", 3), ("One", 1), ("Two", 1), ("Two", 2), ("Three", 1)]


def test_a_list_longer_than_a_slide_goes_on_on_the_next():
    items = [f"- {i}: " + "x" * slides.COLUMNS for i in range(8)]
    (first, one), (second, two) = slides.slides([text("\n".join(["## One", "", *items]), **MARKED)])
    assert first == second == "One"
    assert [c.source for c in one + two if c.source] == items


def test_a_formula_of_many_rows_takes_the_room_of_its_rows():
    def high(rows):
        return slides.lines(
            text(r"$$\begin{aligned} " + r" \\ ".join("x" * rows) + r"\end{aligned}$$")
        )

    assert high(1) == pytest.approx(3) and high(5) > high(3) + 3


@pytest.mark.parametrize(
    ("after", "caption"),
    [
        (text("It rises. Then it falls.\n\nMore."), ["It rises. Then it falls."]),
        (text("It rises. " + "X" * slides.CAPTION + ". Then it falls."), ["It rises."]),
        (
            text("$x$ rises, by 3.5 (Fig. 2). *Then* it falls."),
            ["$x$ rises, by 3.5 (Fig. 2). *Then* it falls."],
        ),
        (text("It rises. (Why? " + "X" * slides.CAPTION + ".) It falls."), ["It rises."]),
        (text("It rises. (Why? It must.) It falls."), ["It rises. (Why? It must.) It falls."]),
        (text("It rises.", **MARKED), ["It rises."]),
        (text("## Next\n\nSomething else."), []),
        (text("- a list"), []),
        (text("**Exercise · `f`**"), []),
        (figure("x", ()), []),
    ],
)
def test_a_figure_alone_gets_the_sentences_after_it(after, caption):
    (_, [shown, *said]), *_ = slides.slides([text("## One"), figure(), after])
    assert slides.is_figure(shown) and [c.source for c in said] == caption


def test_claims_are_shown_as_dots_each_once_and_few_a_slide():
    topic = "overoptimization"
    claimed = claims.of(topic)
    called = new_code_cell("lesson.claims()", metadata=MARKED)
    cells = [text("## One\n\nWhy?", **MARKED), text("## Claims"), called]
    sources = [
        c.source for c in slides.deck(syllabus.entry(topic), new_notebook(cells=cells)).cells
    ]
    tables = [s.splitlines()[2:] for s in sources if s.startswith("| ")]
    assert sources.count("## Claims") == len(tables) == math.ceil(len(claimed) / slides.CLAIMS) > 1
    assert max(map(len, tables)) <= slides.CLAIMS and min(map(len, tables)) > slides.CLAIMS / 2
    stored = claims.measured()
    expected = [f"| {claims.dots(c, stored)} | {c.statement} |" for c in claimed]
    assert [row for rows in tables for row in rows] == expected


def test_the_question_stands_on_the_titles_slide():
    cells = [text("## The question\n\nWhy?", **MARKED), text("## Two\n\ntwo", **MARKED)]
    made = slides.deck(syllabus.entry("rlhf"), new_notebook(cells=cells)).cells
    assert [c.source.split("\n")[0] for c in made] == ["# RLHF", "Why?", "## Two", "two"]
    begins = [c.metadata["slideshow"]["slide_type"] == "slide" for c in made]
    assert begins == [True, False, True, False]


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(slides, "library", lambda name: f"../lib/{name}")
    monkeypatch.setattr(sheets, "library", lambda name: f"../lib/{name}")


def test_a_deck_hides_plotting_shows_sources_and_loads_nothing_from_elsewhere(offline):
    source = figure("the_algorithm()", ("source", "slide"))
    cells = [text("## The question"), text("why", **MARKED),
             text("## One\n\n$x^2$ and [on](06_rlhf.ipynb)", **MARKED), figure("ax.plot()"),
             text("off"), source, new_code_cell("guess = None", metadata=MARKED)]  # fmt: skip
    page = slides.page(syllabus.entry("rlhf"), new_notebook(cells=cells))
    assert "the_algorithm" in page and "guess" in page and "ax.plot" not in page
    assert 'alt="a rising line"' in page and "06_rlhf.html" in page and "$x^2$" in page
    loaded = re.findall(
        r"(?:<script[^>]* src=|<link[^>]* href=|@import |import )['\"]([^'\"]+)", page
    )
    assert len(loaded) >= 4 and all(url.startswith(("../lib/", "data:")) for url in loaded)


@pytest.mark.parametrize("topic", LESSONS)
def test_every_lesson_has_slides_with_a_figure(topic):
    notebook = notebooks.compose(syllabus.entry(topic), "solutions")
    found = list(slides.slides(notebook.cells))
    assert 5 <= len(found) <= 21
    cells = [cell for _, cells in found for cell in cells]
    assert any("plots.show(" in cell.source for cell in cells)
    assert any("guess" in cell.source for cell in cells), "what to predict is on a slide"
    learner = notebooks.compose(syllabus.entry(topic), "notebooks")
    marks = [[c.metadata.get("tags", []) for c in nb.cells[1:]] for nb in (notebook, learner)]
    assert marks[0] == marks[1], "the marks stand in both editions"


@pytest.mark.parametrize("topic", [t for t in LESSONS if exercises.of(t) and t != "start_here"])
def test_every_lesson_has_a_sheet_with_its_formulas_signatures_and_prompt(topic, offline):
    entry = syllabus.entry(topic)
    notebook = nbformat.read(ROOT / "solutions" / entry.filename, as_version=4)
    fresh = {c.source: c for c in notebooks.compose(entry, "solutions").cells}
    for cell in notebook.cells:
        cell.metadata = fresh[cell.source].metadata if cell.source in fresh else {}
    page = sheets.sheet(entry, notebook)
    first = page.index("</h1>"), page.index(sheets.unlinked(sheets.question(notebook))[:20])
    assert 0 < first[1] - first[0] < 200, "it begins with the question"
    assert page.count('class="page ') == 2 and "<img" in page
    for ex in exercises.of(topic):
        assert f"{ex.name}(" in page and "<code>self" not in page
    (derive,) = (p for p in whiteboard.of(topic) if p.kind == "Derive")
    assert f"Derive ({derive.minutes} minutes)" in page
    assert "Rubric" not in page


def test_slides_and_sheets_load_nothing_from_the_network(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "SITE", tmp_path)
    site.library.cache_clear()
    entry = syllabus.entry("superposition")
    notebook = site.solved(entry)
    for made in (slides.page(entry, notebook), sheets.sheet(entry, notebook)):
        loaded = re.findall(r"""(?:<script|<link|<img)[^>]* (?:src|href)=["']([^"']+)""", made)
        loaded = [address for address in loaded if not address.startswith("data:")]
        assert loaded
        for address in loaded:
            assert (tmp_path / "slides" / address).resolve().exists(), address
    site.library.cache_clear()


def test_the_bundle_says_what_it_is_for(tmp_path):
    folder = tmp_path / "course"
    folder.mkdir()
    bundle.export_course(folder)
    said = (folder / "INSTALL").read_text()
    assert bundle.platform() in said and "{" not in said
    assert (folder / "tools" / "make_venv.py").exists() and not (folder / ".git").exists()


@pytest.mark.parametrize("minutes", [0, 60, 210, 720, 10_000])
def test_a_track_fits_and_has_its_prerequisites(minutes):
    cost = {e.topic: e.minutes for e in syllabus.written()}
    chosen = instructors.track(minutes, cost)
    topics = {e.topic for e in chosen}
    assert sum(cost[e.topic] for e in chosen) <= minutes
    assert all(topics.issuperset(e.after) for e in chosen)
    left = minutes - sum(cost[e.topic] for e in chosen)
    for e in syllabus.written():
        open_to = e.topic not in topics and topics.issuperset(e.after)
        assert not (open_to and cost[e.topic] <= left), f"{e.topic} would still fit"


def test_a_track_takes_nothing_whose_prerequisites_do_not_fit():
    cost = {e.topic: 10 for e in syllabus.written()} | {"rlhf": 1000}
    chosen = {e.topic for e in instructors.track(500, cost)}
    assert "superposition" in chosen and not chosen & {"rlhf", "dpo", "overoptimization"}


def test_a_track_goes_round_the_parts():
    cost = {e.topic: e.minutes for e in syllabus.written()}
    parts = [e.part for e in instructors.track(210, cost)]
    assert len(set(parts)) == len(parts) >= 3


def test_the_hubs_settings_are_yaml_and_the_link_points_at_the_course():
    made = instructors.hub()
    (values,) = re.findall(r"```yaml\n(.*?)```", made, re.DOTALL)
    single = yaml.safe_load(values)["singleuser"]
    need, limit = (int(single["memory"][k][:-1]) for k in ("guarantee", "limit"))
    assert max(cost["peak_mb"] for cost in bench.read().values()) < need < limit
    assert "repo=https%3A%2F%2Fgithub.com%2F" in made and "%2F00_start_here.ipynb" in made


@pytest.mark.parametrize("tool", ["slides", "sheets", "bundle", "learners"])
def test_the_tools_are_targets_of_make_and_stand_in_its_help(tool):
    target = "progress" if tool == "learners" else tool
    said = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True).stdout
    assert f"tools.{tool}" in said
    made = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    assert f"make {target} " in made


def test_the_guide_names_no_mistake_of_an_exercise_twice():
    guide = (ROOT / "docs" / "instructors.md").read_text()
    rows = re.findall(r"^  - `\w+`: (.*; .*)$", guide, re.MULTILINE)
    named = [row.split("; ") for row in rows]
    assert named and all(len(row) == len(set(row)) for row in named)


FAKE = """#!/bin/sh
case " $* " in *" --no-sandbox "*) ;; *) echo "No usable sandbox!" >&2; exit 133;; esac
for part in "$@"; do case $part in --print-to-pdf=*) to=${part#--print-to-pdf=};; esac; done
"""


@pytest.mark.skipif(os.name == "nt", reason="the browser here is a shell script")
def test_the_printing_browser_gets_no_sandbox_and_its_complaint_is_one_line(tmp_path):
    browser, page = tmp_path / "chromium", tmp_path / "sheet.html"
    browser.write_text(FAKE + 'echo "<</Type /Page>> <</Type /Page>>" > "$to"')
    browser.chmod(0o755)
    assert sheets.print_pdf(str(browser), page) == 2
    for ends, said in (("echo first >&2; echo no fonts >&2; exit 1", "no fonts"), ("", "no PDF")):
        browser.write_text(FAKE + ends)
        with pytest.raises(SystemExit) as stopped:
            sheets.print_pdf(str(browser), page)
        assert said in str(stopped.value) and "first" not in str(stopped.value)
        assert "\n" not in str(stopped.value) and "install Google Chrome" in str(stopped.value)
