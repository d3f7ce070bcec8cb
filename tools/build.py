"""`make build`: from lessons/ the executed notebooks, README's tables, the instructor's guide.

A lesson.md is MyST notebook text (jupytext). Two kinds of code cell are more than code:
    :tags: [exercise]   its one line names an exercise: becomes heading, blank (or answer), check
    :tags: [source]     its one line names a function of experiments.py: becomes its source
and `(lesson:topic)` in a link becomes the file of that lesson's notebook. The tags `slide` and
`sheet`, on any cell (on markdown by `+++ {"tags": ["slide"]}`), say what `make slides` and
`make sheets` take.
"""

import argparse
import base64
import hashlib
import importlib
import inspect
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from tqdm import tqdm

from utils import claims, exercises, syllabus
from utils.syllabus import ROOT, Entry

EDITIONS = ("notebooks", "solutions")
PRACTICE, PRACTICE_FILE = ROOT / "lessons" / "whiteboard.md", "whiteboard.ipynb"
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


class BuildError(Exception):
    """Something in a lesson's source is wrong; the message says where and what to do."""


def setup_cell() -> str:
    """The set-up cell, the same in every notebook: finds the course, or on Colab fetches it."""
    url = syllabus.repository()
    name = url.rsplit("/", 1)[1]
    return f"""\
import os, sys  # set-up: finds the course, on Colab fetches it; silent when all is well

if "google.colab" in sys.modules and not os.path.exists("lessons/syllabus.toml"):
    ![ -d {name} ] || git clone -q --depth 1 {url} && {{sys.executable}} {name}/utils/environment.py
up = [p for p in (".", "..", "../..") if os.path.exists(f"{{p}}/lessons/syllabus.toml")]
os.chdir(up[0] if up else "{name}")"""


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
        f"{' · '.join(facts)} · [all lessons]({start.filename}) · "
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
    return [new_markdown_cell(text), body, check]


def whiteboard(entry: Entry, edition: str) -> list[NotebookNode]:
    """The lesson's whiteboard prompts; their rubrics only beside the solutions."""
    path = entry.folder / "whiteboard.md"
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8").strip()
    if edition == "notebooks":
        text = re.sub(r"^### Rubric\n.*?(?=^## |\Z)", "", text, flags=re.MULTILINE | re.DOTALL)
    prompts = re.sub(r"^(#+) ", r"#\1 ", text, flags=re.MULTILINE)  # one level down in the lesson
    way = PRACTICE_FILE if edition == "notebooks" else f"../notebooks/{PRACTICE_FILE}"
    intro = f"## Whiteboard\n\nAgainst the clock and graded: [whiteboard practice]({way}).\n\n"
    return [
        new_markdown_cell(resolve_links(part.strip(), str(path)))
        for part in re.split(r"^(?=### )(?!#### )", intro + prompts, flags=re.MULTILINE)
    ]


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
    return [new_code_cell(cell.source, metadata=tagged)]


def digest(entry: Entry) -> str:
    """A fingerprint of everything that a lesson's outputs are made from."""
    files = sorted(p for p in entry.folder.iterdir() if p.is_file())
    text = "".join(p.read_text(encoding="utf-8") for p in files)
    built_on = set(re.findall(r"lessons\.(\w+)\.exercises", text)) - {entry.topic}
    files += [syllabus.entry(topic).folder / "exercises.py" for topic in sorted(built_on)]
    files += sorted((ROOT / "utils").glob("*.py"))
    parts = [p.read_bytes() for p in files]
    # Only a lesson that looks at the syllabus (the map) depends on all of its entries.
    entries = syllabus.entries() if "syllabus." in text else entry
    parts += [claims.table(entry.topic).encode(), repr(entries).encode()]
    return fingerprint(parts)


def compose(entry: Entry, edition: str) -> NotebookNode:
    """The notebook as it must be, not yet run."""
    source = jupytext.reads((entry.folder / "lesson.md").read_text(encoding="utf-8"), fmt="md:myst")
    cells = [new_markdown_cell(header(entry, edition)), new_code_cell(setup_cell())]
    for cell in source.cells:
        cells += expand(cell, entry, edition)
    cells += whiteboard(entry, edition)
    cells.append(new_markdown_cell(footer(entry)))
    return finished(cells, entry.topic, digest(entry))


def compose_practice() -> NotebookNode:
    """The notebook of whiteboard practice, which belongs to no lesson: lessons/whiteboard.md."""
    text = PRACTICE.read_text(encoding="utf-8")
    title = f"# Whiteboard practice\n\n{syllabus.badges(PRACTICE_FILE)}"
    cells = [new_markdown_cell(title), new_code_cell(setup_cell())]
    for cell in jupytext.reads(text, fmt="md:myst").cells:
        make = new_markdown_cell if cell.cell_type == "markdown" else new_code_cell
        cells.append(make(resolve_links(cell.source, "lessons/whiteboard.md")))
    # It shows a prompt and a table of all lessons, so it depends on every one of them.
    files = [PRACTICE, *sorted((ROOT / "lessons").glob("*/whiteboard.md"))]
    files += [
        *sorted((ROOT / "lessons").glob("*/drills.py")),
        *sorted((ROOT / "utils").glob("*.py")),
    ]
    return finished(cells, "whiteboard", fingerprint([p.read_bytes() for p in files]))


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


def fingerprint(parts: list[bytes]) -> str:
    """Sixteen hexadecimal digits that change with any of the parts."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def cells_digest(notebook: NotebookNode) -> str:
    """A fingerprint of the cells' sources, by which an edit by hand is seen."""
    text = "\0".join(f"{c.cell_type}\1{c.source}" for c in notebook.cells)
    return fingerprint([text.encode()])


def is_fresh(path: Path, wanted: NotebookNode) -> bool:
    """Whether the stored notebook is what the sources make, cell for cell."""
    if not path.exists():
        return False
    stored = nbformat.read(path, as_version=4)
    same_cells = [(c.id, c.source) for c in stored.cells] == [
        (c.id, c.source) for c in wanted.cells
    ]
    return same_cells and stored.metadata.get("course") == wanted.metadata["course"]


def execute(notebook: NotebookNode, path: Path) -> None:
    """Run a notebook from a fresh kernel in its own folder, and write it clean."""
    client = NotebookClient(
        notebook, timeout=600, kernel_name=KERNEL["name"], record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )  # fmt: skip
    try:
        client.execute()
    except CellExecutionError as error:
        raise BuildError(f"{path.relative_to(ROOT)} does not run:\n{error}") from None
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" or output.get("name") == "stderr":
                said = output.get("text") or f"{output.ename}: {output.evalue}"
                raise BuildError(f"{path.relative_to(ROOT)}, cell {cell.id}, wrote:\n{said}")
            # Widget state makes GitHub call a notebook invalid; the sentence beside it stays.
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    notebook.metadata = NotebookNode(
        kernelspec=KERNEL,
        language_info={"name": "python"},
        course=notebook.metadata["course"],
    )
    nbformat.write(notebook, path)


def set_aside_edits(path: Path) -> None:
    """Keep a copy of a notebook that somebody edited before it is written anew."""
    if not path.exists():
        return
    stored = nbformat.read(path, as_version=4)
    if stored.metadata.get("course", {}).get("cells") != cells_digest(stored):
        kept = path.parent / ".edited" / path.name
        kept.parent.mkdir(exist_ok=True)
        shutil.copy(path, kept)
        print(f"{path.relative_to(ROOT)} had been edited by hand: kept as {kept.relative_to(ROOT)}")


def remove_orphans() -> None:
    """Remove built notebooks whose lesson is gone or has another number now."""
    wanted = {e.filename for e in syllabus.written()}
    for edition in EDITIONS:
        for path in (ROOT / edition).glob("*.ipynb"):
            if path.name not in wanted and re.fullmatch(r"\d\d_[a-z_0-9]+\.ipynb", path.name):
                set_aside_edits(path)
                path.unlink()
                print(f"removed {path.relative_to(ROOT)}: no lesson has this number and name now")


def every_notebook() -> Iterator[tuple[Path, NotebookNode]]:
    """Each notebook's place, and what must stand there."""
    for entry in syllabus.written():
        for edition in EDITIONS:
            yield ROOT / edition / entry.filename, compose(entry, edition)
    yield ROOT / "notebooks" / PRACTICE_FILE, compose_practice()


def build_notebooks() -> None:
    """Write what is missing or stale, two notebooks at a time."""
    jobs = []
    for path, wanted in every_notebook():
        if not is_fresh(path, wanted):
            set_aside_edits(path)
            path.parent.mkdir(exist_ok=True)
            jobs.append((wanted, path))
    if not jobs:
        print("The notebooks are fresh.")
        return
    with tempfile.TemporaryDirectory() as home, ThreadPoolExecutor(2) as pool:
        os.environ.update(TQDM_DISABLE="1", ALIGNMENT_IN_MINIATURE_HOME=home)
        runs = {pool.submit(execute, *job): job[1] for job in jobs}
        bar = tqdm(as_completed(runs), total=len(runs), desc="notebooks", disable=False)
        for run in bar:
            bar.set_postfix_str(str(runs[run].relative_to(ROOT)))
            run.result()


def readme_parts() -> dict[str, str]:
    """The parts of README.md that are made, by the name of their marker."""
    url = syllabus.repository()
    rows = ["| | lesson | paper | minutes | open it |", "|---|---|---|---|---|"]
    for e in syllabus.written():
        link = f"[{e.title}](notebooks/{e.filename}) ([solutions](solutions/{e.filename}))"
        rows.append(
            f"| {e.number} | {link} | {e.paper} | {e.minutes} | {syllabus.badges(e.filename)} |"
        )
    practice = f"[Whiteboard practice](notebooks/{PRACTICE_FILE}): drills against the clock"
    rows.append(f"| | {practice} | | | {syllabus.badges(PRACTICE_FILE)} |")
    planned = ", ".join(e.title for e in syllabus.entries() if not e.written)
    found = [
        f"**{e.title}**\n\n{claims.table(e.topic)}"
        for e in syllabus.written()
        if claims.of(e.topic)
    ]
    name = url.rsplit("/", 1)[1]
    return {
        "clone": f"```sh\ngit clone {url}\ncd {name}\nmake lab\n```",
        "syllabus": "\n".join(rows) + f"\n\nPlanned, and on the map in lesson 0: {planned}.",
        "claims": "\n\n".join(found),
    }


def with_parts(path: Path, parts: dict[str, str]) -> str:
    """A file's text with each `<!-- begin X -->…<!-- end X -->` filled in."""
    text = path.read_text(encoding="utf-8")
    for name, part in parts.items():
        pattern = rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)"
        if not re.search(pattern, text, flags=re.DOTALL):
            raise BuildError(f"{path.name} has lost its marker <!-- begin {name} -->")
        text = re.sub(pattern, lambda m, p=part: f"{m[1]}{p}\n{m[2]}", text, flags=re.DOTALL)
    return text


def copy_readme_figure() -> None:
    """README's figure is the one that a lesson draws in its cell tagged `readme-figure`."""
    for entry in syllabus.written():
        for cell in nbformat.read(ROOT / "solutions" / entry.filename, as_version=4).cells:
            if "readme-figure" in cell.metadata.get("tags", []):
                (output,) = (o for o in cell.outputs if "image/png" in o.get("data", {}))
                picture = base64.b64decode(output["data"]["image/png"])
                (ROOT / "docs" / f"{entry.topic}.png").write_bytes(picture)


def main() -> None:
    """Build, or say in one line what is wrong."""
    argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]).parse_args()
    try:
        remove_orphans()
        build_notebooks()
        copy_readme_figure()
        from tools import instructors  # which stands on this module

        readme = ROOT / "README.md"
        readme.write_text(with_parts(readme, readme_parts()), encoding="utf-8")
        guide = with_parts(instructors.GUIDE, instructors.parts())
        instructors.GUIDE.write_text(guide, encoding="utf-8")
    except (BuildError, ValueError) as error:
        sys.exit(f"make build: {error}")


if __name__ == "__main__":
    main()
