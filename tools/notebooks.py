"""A notebook as its sources make it, not yet run: what every other tool stands on.

A lesson.md is MyST notebook text (jupytext). Two kinds of code cell are more than code:
    :tags: [exercise]   its one line names an exercise: becomes heading, blank (or answer), check
    :tags: [source]     its one line names a function of experiments.py: becomes its source
and `(lesson:topic)` in a link becomes the file of that lesson's notebook. The tags `slide` and
`sheet`, on any cell (on markdown by `+++ {"tags": ["slide"]}`), say what `make slides` and
`make sheets` take.
"""

import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import sources
from tools.setup_cell import setup_cell
from utils import exercises, syllabus
from utils.syllabus import ROOT, Entry

EDITIONS = ("notebooks", "solutions")
PRACTICE, PRACTICE_FILE = ROOT / "lessons" / "whiteboard.md", "whiteboard.ipynb"
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


class BuildError(Exception):
    """Something in a lesson's source is wrong; the message says where and what to do."""


def resolve_links(text: str, where: str) -> str:
    """`[text](lesson:topic)` to that lesson's file; to plain text where the lesson is planned."""

    def replace(match: re.Match[str]) -> str:
        try:
            target = syllabus.entry(match[2])
        except ValueError as error:
            raise BuildError(f"{where}: {error}") from None
        return f"[{match[1]}]({target.filename})" if target.written else match[1]

    return re.sub(r"\[([^\]]+)\]\(lesson:(\w+)\)", replace, text)


def header(entry: Entry, edition: str) -> str:
    """Title, launch badges, and the way to the other edition."""
    other = "solutions" if edition == "notebooks" else "notebooks"
    label = "with solutions" if edition == "notebooks" else "with exercises to do"
    filled = " (with solutions)" if edition == "solutions" else ""
    facts = [x for x in (entry.paper, f"{entry.minutes} minutes" if entry.minutes else "") if x]
    start = syllabus.entries()[0]
    return (
        f"# {entry.number} · {entry.title}{filled}\n\n"
        f"{syllabus.badges(entry.filename, edition)}\n\n"
        f"{' · '.join(facts)} · [all lessons]({start.filename}#{syllabus.MAP}) · "
        f"[the same lesson {label}](../{other}/{entry.filename})"
    )


def footer(entry: Entry) -> str:
    """The way on: the written lessons before and after this one."""
    order = list(syllabus.written())
    i = order.index(entry)
    ways = []
    if i > 0:
        ways.append(f"← [{order[i - 1].title}]({order[i - 1].filename})")
    if i + 1 < len(order):
        ways.append(f"[{order[i + 1].title}]({order[i + 1].filename}) →")
    return "---\n" + " · ".join(ways)


def exercise_cells(ex: exercises.Exercise, edition: str) -> list[NotebookNode]:
    """Heading, blank or answer, and check of one exercise."""
    stars = "●" * ex.difficulty + "○" * (3 - ex.difficulty)
    text = (
        f"**Exercise · `{ex.name}`** · difficulty {stars} ({ex.difficulty} of 3) · "
        f"{ex.minutes} minutes  \nTeaches: {ex.teaches}. "
        f'Stuck? `lesson.hint("{ex.name}")`, one hint at a time.'
    )
    if ex.given == "page":
        text += f"\n\n{inspect.getdoc(ex.reference)}"
    solved = edition == "solutions"
    # raises-exception: a cell that does not even parse must not stop Run All.
    body = new_code_cell(ex.source if solved else ex.stub)
    body.metadata["tags"] = ["exercise", "raises-exception"]
    record = ", record=False" if solved else ""
    check = new_code_cell(f"{ex.name} = lesson.check({ex.name}{record})")
    check.metadata["tags"] = ["check"]
    return [new_markdown_cell(text), body, check]


def closed(summary: str, text: str) -> str:
    """Markdown behind a summary to click on; the blank lines let what is inside be rendered."""
    return f"<details>\n<summary>{summary}</summary>\n\n{text.strip()}\n\n</details>"


def whiteboard(entry: Entry, edition: str) -> list[NotebookNode]:
    """The lesson's whiteboard prompts, closed; their rubrics only beside the solutions."""
    path = entry.folder / "whiteboard.md"
    if not path.exists():
        return []
    way = PRACTICE_FILE if edition == "notebooks" else f"../notebooks/{PRACTICE_FILE}"
    cells = [
        "## Whiteboard\n\nThese prompts are closed, because each can surprise you only once: meet "
        f"them first in [whiteboard practice]({way}), against the clock and graded."
    ]
    for part in re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, body = part.split("\n", 1)
        prompt, rubric = body.split("### Rubric")
        cell = f"### {title}\n\n{closed('Prompt', prompt)}"
        if edition == "solutions":
            cell += f"\n\n{closed('Rubric', rubric)}"
        cells.append(resolve_links(cell, str(path)))
    return [new_markdown_cell(cell) for cell in cells]


def hidden(cell: NotebookNode) -> NotebookNode:
    """A cell whose code is collapsed in JupyterLab, and in Colab: it is there, and out of sight."""
    cell.metadata["jupyter"] = {"source_hidden": True}
    cell.metadata["cellView"] = "form"
    return cell


def is_plumbing(source: str) -> bool:
    """Whether a cell only imports and enters the lesson, or only shows a figure."""
    return "lesson = utils.lesson(" in source or source.startswith(("plots.show(", "plots.slider("))


def expand(cell: NotebookNode, entry: Entry, edition: str) -> list[NotebookNode]:
    """What one cell of lesson.md becomes."""
    where = f"lessons/{entry.topic}/lesson.md"
    tags = cell.metadata.get("tags", [])
    tagged = {"tags": tags} if tags else {}
    if cell.cell_type == "markdown":
        return [new_markdown_cell(resolve_links(cell.source, where), metadata=tagged)]
    if "exercise" in tags:
        declared = {ex.name: ex for ex in exercises.of(entry.topic)}
        if cell.source not in declared:
            raise BuildError(f"{where}: no exercise {cell.source!r}; there are {[*declared]}")
        heading, body, check = exercise_cells(declared[cell.source], edition)
        body.metadata["tags"] += [tag for tag in tags if tag != "exercise"]
        return [heading, body, check]
    if "source" in tags:
        module = importlib.import_module(f"lessons.{entry.topic}.experiments")
        if not hasattr(module, cell.source):
            raise BuildError(f"{where}: experiments.py has no {cell.source!r}")
        source = inspect.getsource(getattr(module, cell.source)).strip()
        return [new_code_cell(source, metadata=tagged)]
    made = new_code_cell(cell.source, metadata=tagged)
    return [hidden(made) if is_plumbing(cell.source) else made]


def compose(entry: Entry, edition: str) -> NotebookNode:
    """The notebook as it must be, not yet run."""
    source = jupytext.reads((entry.folder / "lesson.md").read_text(encoding="utf-8"), fmt="md:myst")
    cells = [new_markdown_cell(header(entry, edition)), hidden(new_code_cell(setup_cell()))]
    for cell in source.cells:
        cells += expand(cell, entry, edition)
    cells += whiteboard(entry, edition)
    cells.append(new_markdown_cell(footer(entry)))
    # The blanks need not parse, and import nothing; the set-up cell is not Python alone.
    code = [c.source for c in cells[2:] if c.cell_type == "code" and not is_exercise(c)]
    return finished(cells, entry.topic, sources.digest(entry, "\n".join(code)))


def is_exercise(cell: NotebookNode) -> bool:
    """Whether a cell holds an exercise's blank, or its answer."""
    return "exercise" in cell.metadata.get("tags", [])


def compose_practice() -> NotebookNode:
    """The notebook of whiteboard practice, which belongs to no lesson: lessons/whiteboard.md."""
    text = PRACTICE.read_text(encoding="utf-8")
    title = f"# Whiteboard practice\n\n{syllabus.badges(PRACTICE_FILE)}"
    cells = [new_markdown_cell(title), hidden(new_code_cell(setup_cell()))]
    for cell in jupytext.reads(text, fmt="md:myst").cells:
        make = new_markdown_cell if cell.cell_type == "markdown" else new_code_cell
        cells.append(make(resolve_links(cell.source, "lessons/whiteboard.md")))
    return finished(cells, "whiteboard", sources.practice_digest(text))


def finished(cells: list[NotebookNode], name: str, made_from: str) -> NotebookNode:
    """A notebook of these cells, with ids that stay, and with what it was made from."""
    for i, cell in enumerate(cells):
        cell["id"] = f"{name.replace('_', '-')}-{i:03d}"
    notebook = new_notebook(cells=cells)
    notebook.metadata = NotebookNode(
        kernelspec=KERNEL,
        language_info={"name": "python"},
        course={"digest": made_from, "cells": cells_digest(notebook)},
    )
    return notebook


def cells_digest(notebook: NotebookNode) -> str:
    """A fingerprint of the cells' sources, by which an edit by hand is seen."""
    return sources.fingerprint([f"{c.cell_type}\1{c.source}" for c in notebook.cells])


def is_fresh(path: Path, wanted: NotebookNode) -> bool:
    """Whether the stored notebook is what the sources make, cell for cell."""
    if not path.exists():
        return False
    stored = nbformat.read(path, as_version=4)
    same_cells = [(c.id, c.source, c.metadata) for c in stored.cells] == [
        (c.id, c.source, c.metadata) for c in wanted.cells
    ]
    return same_cells and stored.metadata.get("course") == wanted.metadata["course"]


def every_notebook(topic: str = "") -> Iterator[tuple[Path, NotebookNode]]:
    """Each notebook's place and what must stand there; of one lesson, if it is named."""
    for entry in [syllabus.entry(topic)] if topic else syllabus.written():
        for edition in EDITIONS:
            yield ROOT / edition / entry.filename, compose(entry, edition)
    yield ROOT / "notebooks" / PRACTICE_FILE, compose_practice()
