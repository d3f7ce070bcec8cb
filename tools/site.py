"""What slides, sheets and the site share: the marked cells, and the libraries for the browser."""

import base64
import importlib.util
import shutil
import sys
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools import notebooks
from utils.syllabus import ROOT, Entry

SITE = ROOT / "site"
# In which installed package, and where in it, a library for the browser comes: no network is used.
LIBRARIES = {
    "mathjax": ("sphinx-mathjax-offline", "static/mathjax"),
    "reveal.js": ("sphinx_revealjs", "_static/revealjs"),
}
WAY_BACK = "<!-- on the site: the way back -->"  # `make site` puts a link there
MATHJAX = (  # in the page's head; MathJax 3 in one file, where nbconvert's own is MathJax 2
    "<script>window.MathJax = {{tex: {{inlineMath: [['$', '$']], processEscapes: true}}}}</script>"
    '<script src="{mathjax}/tex-svg.js"></script>'
)


@cache
def head() -> str:
    """What stands in the head of each page that Sphinx does not make; the icon is in it."""
    icon = (ROOT / "docs" / "site" / "static" / "favicon.svg").read_bytes()
    return (
        '<meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:image/svg+xml;base64,{base64.b64encode(icon).decode()}">'
    )


@cache
def library(name: str) -> str:
    """Where a page in site/*/ finds a library, copied there from the package that brings it."""
    package, inside = LIBRARIES[name]
    (folder,) = importlib.util.find_spec(package).submodule_search_locations
    shutil.copytree(Path(folder, inside), SITE / "lib" / name, dirs_exist_ok=True)
    return f"../lib/{name}"


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
