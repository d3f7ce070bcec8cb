"""`make build`: from lessons/ the executed notebooks, README's tables, the instructor's guide.

What stands in a notebook is composed in tools/notebooks.py; here it is run and written.
"""

import argparse
import base64
import copy
import os
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from tqdm import tqdm

from tools import instructors, papers, readme
from tools.notebooks import EDITIONS, KERNEL, BuildError, cells_digest, every_notebook, is_fresh
from tools.setup_cell import setup_cell
from utils import syllabus
from utils.measured import RANGES
from utils.syllabus import ROOT


def run(notebook: NotebookNode, path: Path) -> None:
    """Run a notebook from a fresh kernel in its own folder. BuildError if a cell complains."""
    client = NotebookClient(
        notebook, timeout=600, kernel_name=KERNEL["name"], record_timing=False,
        coalesce_streams=True,  # else where the text is cut differs at each run
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


def fill(solved: NotebookNode, learner: NotebookNode, path: Path) -> None:
    """Give the edition with solutions the learner's outputs, but for the checks, which are run.

    An exercise that is not written is its reference in the rest of the lesson, so all other cells
    do the same in both editions. A test compares what is stored, `make processors` runs all.
    """
    needed = [c for c in solved.cells if c.cell_type == "code" and is_graded(c)]
    short = new_notebook(cells=copy.deepcopy(needed))
    run(short, path)
    graded = {cell.id: cell.outputs for cell in short.cells if "check" in tags_of(cell)}
    for cell, twin in zip(solved.cells, learner.cells, strict=True):
        if cell.cell_type == "code":
            cell.execution_count = twin.execution_count
            cell.outputs = graded.get(cell.id, copy.deepcopy(twin.outputs))


def tags_of(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def is_graded(cell: NotebookNode) -> bool:
    """Whether grading needs a cell: it enters the lesson, is an exercise or its check, or defines
    what an answer may call."""
    enters = cell.source == setup_cell() or "lesson = utils.lesson(" in cell.source
    return enters or bool({"check", "exercise", "source"} & {*tags_of(cell)})


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook with no more metadata than it needs."""
    set_aside_edits(path)
    path.parent.mkdir(exist_ok=True)
    notebook.metadata = NotebookNode(
        kernelspec=KERNEL,
        language_info={"name": "python"},
        course=notebook.metadata["course"],
    )
    nbformat.write(notebook, path)


def make(editions: list[tuple[Path, NotebookNode]]) -> None:
    """Run and write one lesson in both editions, or the practice notebook."""
    (path, learner), *others = editions
    run(learner, path)
    write(learner, path)
    for path, solved in others:
        fill(solved, learner, path)
        write(solved, path)


def without(url: str, source: str) -> str:
    """A cell with gaps where the course's address stands, and the names made from it."""
    owner_and_name = url.removeprefix("https://github.com/")
    for part in (url, owner_and_name, f'/ "{url.rsplit("/", 1)[1]}"'):
        source = source.replace(part, "")
    return source


def with_new_address(path: Path, wanted: NotebookNode) -> NotebookNode | None:
    """The wanted notebook with the stored outputs, if nothing differs but the course's address.

    It stands in the header and in the set-up cell, which prints nothing. All that outputs are made
    from must have the fingerprint that it had, and every other cell be the same; else None.
    """
    stored = nbformat.read(path, as_version=4) if path.exists() else new_notebook()
    found = re.search(r"git clone -q --depth 1 (\S+)", "".join(c.source for c in stored.cells[1:2]))
    if not found or len(stored.cells) != len(wanted.cells):
        return None
    old, new = found[1], syllabus.repository()
    course = stored.metadata.get("course", {})
    same = course.get("digest") == wanted.metadata["course"]["digest"]
    same = same and course.get("cells") == cells_digest(stored)  # not edited by hand
    for i, (cell, twin) in enumerate(zip(stored.cells, wanted.cells, strict=True)):
        same = same and (cell.id, cell.cell_type, cell.metadata) == (
            twin.id, twin.cell_type, twin.metadata
        )  # fmt: skip
        sources = (cell.source, twin.source)
        if i < 2:
            sources = (without(old, cell.source), without(new, twin.source))
        same = same and sources[0] == sources[1]
        same = same and old.removeprefix("https://") not in str(cell.get("outputs", ""))
    if not same:
        return None
    kept = copy.deepcopy(wanted)
    for cell, twin in zip(stored.cells, kept.cells, strict=True):
        if twin.cell_type == "code":
            twin.outputs, twin.execution_count = cell.outputs, cell.execution_count
    return kept


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


def build_notebooks(topic: str) -> None:
    """Write what is missing or stale, two lessons at a time; of one lesson, if it is named."""
    wanted: dict[str, list[tuple[Path, NotebookNode]]] = {}
    moved = 0
    for path, notebook in every_notebook(topic):
        if not is_fresh(path, notebook) and (kept := with_new_address(path, notebook)):
            write(kept, path)
            moved += 1
        wanted.setdefault(path.name, []).append((path, notebook))
    if moved:
        print(f"{moved} notebooks got the course's new address, and keep their outputs.")
    jobs = {
        name: editions
        for name, editions in wanted.items()
        if not all(is_fresh(path, notebook) for path, notebook in editions)
    }
    if not jobs:
        print("The notebooks are fresh.")
        return
    with tempfile.TemporaryDirectory() as home, ThreadPoolExecutor(2) as pool:
        os.environ |= {"TQDM_DISABLE": "1", RANGES: "1", "ALIGNMENT_IN_MINIATURE_HOME": home}
        runs = {pool.submit(make, editions): name for name, editions in jobs.items()}
        bar = tqdm(as_completed(runs), total=len(runs), desc="notebooks", disable=False)
        for done in bar:
            bar.set_postfix_str(runs[done])
            done.result()


def pages() -> dict[Path, str]:
    """Every page that is made wholly or in parts, and what must stand in it."""
    return {
        path: readme.with_parts(path, parts)
        for path, parts in (
            (readme.README, readme.parts()),
            (instructors.GUIDE, instructors.parts()),
            (readme.INSTALL, {"clone": readme.clone()}),
            (papers.PAGE, {"papers": papers.table()}),
        )
    } | {readme.CLAIMS_PAGE: readme.claims_page()}


def copy_readme_figure() -> None:
    """README's figure is the one that a lesson draws in its cell tagged `readme-figure`."""
    for entry in syllabus.written():
        path = ROOT / "solutions" / entry.filename
        if not path.exists():  # with LESSON=topic others may not be built yet
            continue
        for cell in nbformat.read(path, as_version=4).cells:
            if "readme-figure" in cell.metadata.get("tags", []):
                (output,) = (o for o in cell.outputs if "image/png" in o.get("data", {}))
                picture = base64.b64decode(output["data"]["image/png"])
                (ROOT / "docs" / f"{entry.topic}.png").write_bytes(picture)


def main() -> None:
    """Build, or say in one line what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--lesson", default="", help="one lesson's topic; all without it")
    try:
        remove_orphans()
        build_notebooks(parser.parse_args().lesson)
        copy_readme_figure()
        for path, text in pages().items():
            path.write_text(text, encoding="utf-8")
    except (BuildError, ValueError) as error:
        sys.exit(f"make build: {error}")


if __name__ == "__main__":
    main()
