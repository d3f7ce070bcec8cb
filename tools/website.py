"""`make site`: the course as web pages, from the executed notebooks, into site/.

Sphinx with myst-nb makes the pages, under sphinx-book-theme: between them they have search, launch
buttons, light and dark, and need no network. Here stands only what they cannot know: which hints
and which answer belong behind an exercise, and where a link of the repository leads on the site.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from tools import notebooks, readme
from tools.notebooks import PRACTICE_FILE, closed
from tools.site import SITE, WAY_BACK, head, is_marked, library
from utils import claims, course_map, exercises, syllabus
from utils.exercises import Exercise
from utils.syllabus import ROOT, Entry

CONFIG = ROOT / "docs" / "site"  # conf.py, the pages that only the site has, and its style
SLIDER = "*In the notebook this is a slider. Here you see where it begins.*"
GUIDES = ("coming_from", "claims", "instructors", "install", "contributing")


def target(link: str, where: str) -> str:
    """Where a link of the repository leads on the site, seen from a page in the same folder.

    where: the folder of the page, "notebooks" or "docs". Of a lesson the site has one page, in
    notebooks/. What it does not have, a source file say, stands in the repository.
    """
    if re.match(r"[a-z]+:|#", link):
        return link
    path, _, anchor = link.partition("#")
    place = os.path.normpath(Path(where, path))
    place = re.sub(r"^solutions/", "notebooks/", place)
    end = f"#{anchor}" if anchor else ""
    if place == "README.md":
        place = "index.md"
    on_site = place == "index.md" or place.startswith("notebooks/")
    on_site = on_site or place in {f"docs/{name}.md" for name in GUIDES}
    if on_site:
        return os.path.relpath(place, where) + end
    kind = "tree" if (ROOT / place).is_dir() else "blob"
    return f"{syllabus.repository()}/{kind}/main/{place}{end}"


def relinked(text: str, where: str) -> str:
    """Markdown with its links changed, outside of code."""
    pieces = re.split(r"(^```.*?^```|`[^`\n]+`)", text, flags=re.DOTALL | re.MULTILINE)
    for i in range(0, len(pieces), 2):
        pieces[i] = re.sub(
            r"(\]\()([^)\s]+)(\))", lambda m: m[1] + target(m[2], where) + m[3], pieces[i]
        )
    return "".join(pieces)


def help_with(ex: Exercise) -> NotebookNode:
    """The hints of an exercise, one by one, and one answer, each behind a line to click on."""
    hints = [closed(f"Hint {i} of {len(ex.hints)}", h) for i, h in enumerate(ex.hints, 1)]
    answer = f"```python\n{ex.source}\n```" + (f"\n\n{ex.why}" if ex.why else "")
    return new_markdown_cell("\n\n".join([*hints, closed("Show one answer", answer)]))


def sheet(name: str) -> str:
    """Where a lesson's sheet stands: the PDF, or what there is where no browser could print it."""
    printed = (SITE / "sheets" / f"{name}.pdf").exists()
    return f"../sheets/{name}.{'pdf' if printed else 'html'}"


def heading(entry: Entry) -> NotebookNode:
    """The title, and what belongs to the lesson. The theme's buttons launch it."""
    name = Path(entry.filename).stem
    facts = [x for x in (entry.paper, f"{entry.minutes} minutes") if x]
    if claims.of(entry.topic):
        facts.append(f"[what came out](../docs/claims.md#{readme.anchor(entry)})")
    facts.append(f'<a href="../slides/{name}.html">slides</a>')
    if claims.of(entry.topic):
        facts.append(f'<a href="{sheet(name)}">sheet to print</a>')
    return new_markdown_cell(f"# {entry.number} · {entry.title}\n\n{' · '.join(facts)}")


def page(entry: Entry) -> NotebookNode:
    """A lesson's learner's edition, as the site shows it. Exits if it is not fresh."""
    path = ROOT / "notebooks" / entry.filename
    wanted = notebooks.compose(entry, "notebooks")
    if not notebooks.is_fresh(path, wanted):
        sys.exit(f"make site: {path.relative_to(ROOT)} is not fresh; run `make build`")
    notebook = nbformat.read(path, as_version=4)
    by_name = {ex.name: ex for ex in exercises.of(entry.topic)}
    cells = [heading(entry)]
    for cell in notebook.cells[2:-1]:  # without the badges, the set-up cell and the ways on
        cells.append(shown(cell))
        if "plots.slider(" in cell.source:
            cells.append(new_markdown_cell(SLIDER))
        name = re.match(r"(\w+) = lesson\.check\(", cell.source)
        if is_marked(cell, "check") and name:
            cells.append(help_with(by_name[name[1]]))
    notebook.cells = cells
    return notebook


def shown(cell: NotebookNode) -> NotebookNode:
    """A cell with what the pages' maker needs to know of it."""
    if cell.cell_type == "markdown":
        text = re.sub(r" Stuck\? `lesson\.hint\(.*?\)`, one hint at a time\.", "", cell.source)
        cell.source = relinked(text, "notebooks")
        return cell
    tags = cell.metadata.setdefault("tags", [])
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        tags.append("hide-input")
    for output in cell.outputs:
        if markup := output.get("data", {}).get("text/html"):  # the map
            output.data["text/html"] = re.sub(r'href="(\w+)\.ipynb"', r'href="\1.html"', markup)
        alt = output.get("metadata", {}).get("image/png", {}).get("alt")
        if alt:
            cell.metadata["mystnb"] = {"image": {"alt": alt}}
    return cell


def practice() -> NotebookNode:
    """Whiteboard practice, without badges and set-up cell."""
    notebook = nbformat.read(ROOT / "notebooks" / PRACTICE_FILE, as_version=4)
    title = notebook.cells[0].source.splitlines()[0]
    notebook.cells = [new_markdown_cell(title), *map(shown, notebook.cells[2:])]
    return notebook


def to_project_and_print() -> str:
    """A page that leads to each lesson's slides and sheet."""
    rows = []
    for entry in syllabus.written():
        name = Path(entry.filename).stem
        to_print = f'<a href="{sheet(name)}">sheet</a>' if claims.of(entry.topic) else ""
        slides = f'<a href="../slides/{name}.html">slides</a>'
        rows.append(f"| {entry.number} {entry.title} | {slides} | {to_print} |")
    return "\n".join(
        [
            "# Slides and sheets\n",
            "Arrow keys move through slides, F fills the screen. A sheet has two pages to print.\n",
            "| lesson | to project | to print |",
            "| :-- | :-- | :-- |",
            *rows,
        ]
    )


def map_of_lessons() -> str:
    """The map that the start lesson shows, for the first page: a box a lesson, to click on."""
    return re.sub(r'href="(\w+)\.ipynb"', r'href="notebooks/\1.html"', course_map.map_html())


def stage(folder: Path) -> None:
    """Write what Sphinx is to make pages of into a folder, laid out as in the repository."""
    for name in ("notebooks", "docs"):
        (folder / name).mkdir(parents=True)
    parts = {
        "diagnosis": readme.diagnosis(),
        "findings": readme.findings(),
        "total": readme.total(),
        "map": map_of_lessons(),
        "toc": toc(),
    }
    (folder / "index.md").write_text(
        readme.with_parts(CONFIG / "index.md", parts), encoding="utf-8"
    )
    shutil.copy(ROOT / "docs" / "superposition.png", folder)
    for entry in syllabus.written():
        nbformat.write(page(entry), folder / "notebooks" / entry.filename)
    nbformat.write(practice(), folder / "notebooks" / PRACTICE_FILE)
    (folder / "docs" / "slides.md").write_text(to_project_and_print(), encoding="utf-8")
    for name in GUIDES:
        text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        (folder / "docs" / f"{name}.md").write_text(relinked(text, "docs"), encoding="utf-8")


def toc() -> str:
    """The side bar: the lessons by their parts, then practice and the guides."""
    parts: dict[str, list[str]] = {}
    for entry in syllabus.written():
        parts.setdefault(entry.part, []).append(f"notebooks/{Path(entry.filename).stem}")
    parts["Practice"] = [f"notebooks/{Path(PRACTICE_FILE).stem}"]
    parts["About the course"] = [f"docs/{name}" for name in (*GUIDES, "slides")]
    return "\n\n".join(
        "\n".join([f"```{{toctree}}\n:hidden:\n:caption: {part}\n", *pages, "```"])
        for part, pages in parts.items()
    )


def lead_back() -> None:
    """Put the way to its lesson into each page of slides and each sheet."""
    for path in [*SITE.glob("slides/*.html"), *SITE.glob("sheets/*.html")]:
        lesson = SITE / "notebooks" / path.name
        to, what = f"../notebooks/{path.name}", "the lesson"
        if not lesson.exists():
            to, what = "../index.html", "the course"
        link = f'<a class="way-back" href="{to}">{what}</a>'
        text = path.read_text(encoding="utf-8").replace(WAY_BACK, link)
        path.write_text(text, encoding="utf-8")


def not_found() -> str:
    """What GitHub Pages shows where no page is. It may stand at any depth: no link is relative."""
    site = readme.site_url()
    return f"""\
<!doctype html><html lang="en"><head>{head()}<title>No such page — Alignment in Miniature</title>
<style>:root {{ color-scheme: light dark; }} body {{ font: 1rem/1.5 sans-serif; margin: 3rem auto;
max-width: 32rem; padding: 0 1rem; }}</style></head><body>
<h1>There is no such page</h1>
<p>A lesson's address holds its number, which can change when lessons are added.</p>
<ul><li><a href="{site}index.html#the-map">All lessons</a></li>
<li><a href="{site}search.html">Search the course</a></li>
<li><a href="{site}">Alignment in Miniature</a></li></ul></body></html>
"""


def main() -> None:
    """Build the site, or say in one line what is wrong; then the site of before stays."""
    address = {"COURSE_REPOSITORY": syllabus.repository(), "COURSE_SITE": readme.site_url()}
    address["COURSE_MATHJAX"] = library("mathjax")
    with tempfile.TemporaryDirectory() as scratch:
        source, made = Path(scratch, "source"), Path(scratch, "html")
        stage(source)
        command = [sys.executable, "-m", "sphinx", "-q", "-j", "2", "-W", "--keep-going"]
        command += ["-c", CONFIG, "-d", Path(scratch, "doctrees"), source, made]
        if subprocess.run([str(part) for part in command], env=os.environ | address).returncode:
            sys.exit("make site: Sphinx says above what is wrong")
        for old in ("notebooks", "docs", "_images"):
            shutil.rmtree(SITE / old, ignore_errors=True)
        shutil.copytree(made, SITE, dirs_exist_ok=True)
    lead_back()
    (SITE / "404.html").write_text(not_found(), encoding="utf-8")
    (SITE / ".nojekyll").touch()  # GitHub Pages would leave out what begins with an underscore
    print(f"site: {SITE / 'index.html'}")


if __name__ == "__main__":
    main()
