"""What is read without running it, on GitHub or nbviewer: pages render, links lead somewhere."""

import logging
import re
import sys
from functools import cache
from pathlib import Path

import pytest
from nbconvert import HTMLExporter

from utils import syllabus
from utils.syllabus import ROOT

NOTEBOOKS = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("solutions/*.ipynb")])
# docs/template is the source of a lesson, whose links are resolved when it is built.
TEXTS = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def rendered(path: Path) -> tuple[str, list[str]]:
    """A notebook as HTML, by nbviewer's template, and what was warned of on the way.

    nbconvert's own default, like JupyterLab 4.6 and GitHub, leaves a figure's alt text out; there
    it can be read in the code above the figure.
    """
    warned = []
    watch = logging.Handler(logging.WARNING)
    watch.emit = lambda record: warned.append(record.getMessage())
    logging.getLogger().addHandler(watch)
    try:
        return HTMLExporter(template_name="basic").from_filename(str(path))[0], warned
    finally:
        logging.getLogger().removeHandler(watch)


def page(path: Path) -> str:
    """A notebook as HTML."""
    return rendered(path)[0]


def prose(path: Path) -> str:
    """A Markdown file without its blocks of code."""
    return re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)


def headings(path: Path) -> set[str]:
    """The anchors of a page: GitHub's for Markdown, nbconvert's for a notebook."""
    if path.suffix == ".ipynb":
        return set(re.findall(r'<h\d id="([^"]+)"', page(path)))
    titles = re.findall(r"^#+ (.+)$", prose(path), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links(path: Path) -> set[str]:
    """Where a page leads: every link and picture in it that is not on another site."""
    if path.suffix == ".ipynb":
        found = re.findall(r'<(?:a|img)\b[^>]*?\b(?:href|src)="([^"]*)"', page(path))
    else:
        text = re.sub(r"`[^`\n]+`", "", prose(path))
        found = re.findall(r'\]\(([^)\s]+)\)|\b(?:href|src)="([^"]*)"', text)
        found = [a or b for a, b in found]
    return {link for link in found if not re.match(r"https?:|data:|mailto:", link)}


def broken(path: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    wrong = []
    for link in links(path):
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        inside = target.is_relative_to(ROOT) and target.exists()
        if not inside or (anchor and anchor not in headings(target)):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_notebook_renders_without_a_warning_and_with_alt_text(path):
    html, warned = rendered(path)
    assert warned == []
    pictures = re.findall(r"<img\b[^>]*>", html)
    assert pictures
    for picture in pictures:
        alt = re.search(r'\balt="([^"]+)"', picture)
        assert alt and "No description" not in alt[1], picture[:80]
    assert "widget-view" not in html and "widget-state" not in html


@pytest.mark.parametrize("path", [*NOTEBOOKS, *TEXTS], ids=name)
def test_links_inside_the_repository_lead_somewhere(path):
    assert broken(path) == []


@pytest.mark.parametrize("path", [*NOTEBOOKS, *TEXTS], ids=name)
def test_links_to_the_repository_name_files_that_it_has(path):
    repository = syllabus.repository().removeprefix("https://github.com/")
    text = page(path) if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")
    named = re.findall(rf"{repository}/(?:blob|tree)/main/([^\s)\"#?]+)", text)
    named += re.findall(rf"{repository}/main\?urlpath=lab/tree/([^\s)\"#&]+)", text)
    assert [file for file in named if not (ROOT / file).exists()] == []


def test_a_broken_link_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "a.md").write_text("# A *new* page\n\n[b](b.md#here), [b](b.md#there), [c](c.md)")
    (tmp_path / "b.md").write_text("## Here\n\n[a](a.md#a-new-page) [a](#here) [out](../d.md)")
    (tmp_path.parent / "d.md").touch()
    assert sorted(broken(tmp_path / "a.md")) == ["b.md#there", "c.md"]
    assert broken(tmp_path / "b.md") == ["../d.md"]
