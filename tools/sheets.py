"""`make sheets`: two pages to print for each lesson, into site/sheets/, as HTML and as PDF.

The first holds the question, and the formulas and figures from the cells tagged `sheet`; what is
left of it is for notes. The second holds the signatures of the exercises, the Derive prompt, and
room to derive. PDF needs Chromium or Chrome.
"""

import argparse
import ast
import copy
import html
import inspect
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from tools.site import MATHJAX, SITE, WAY_BACK, head, hide_needless_code, is_marked, library, solved
from utils import exercises, syllabus, whiteboard
from utils.exercises import Exercise
from utils.syllabus import ROOT, Entry

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PAGE = """\
<!doctype html><html lang="en"><head>{head}<title>{title}</title>
{mathjax}
<style>
@page {{ size: A4; margin: 14mm; }}
body {{ width: 182mm; margin: 0 auto; font: 10pt/1.35 "Source Serif 4", Georgia, serif; }}
.page {{ min-height: 267mm; display: flex; flex-direction: column; }}
.front {{ height: 267mm; }}
/* Figures are as wide as the page, and shrink together where the text needs the room, but no
   further than they can be read: then the front takes two pages, which `make sheets` refuses. */
.front > * {{ flex-shrink: 0; }}
.front div:has(img) {{ display: flex; flex-direction: column; flex: 0 1 auto;
  min-height: 48mm; max-height: 95mm; }}
.front img {{ flex: 0 1 auto; min-height: 0; width: 100%; object-fit: contain; }}
.page + .page {{ break-before: page; }}
h1 {{ font-size: 17pt; margin: 0 0 1mm; }} h2 {{ font-size: 12.5pt; margin: 4mm 0 1mm; }}
p, ul {{ margin: 1.5mm 0; }} code, pre {{ font: 8.5pt/1.3 "DejaVu Sans Mono", monospace; }}
pre {{ white-space: pre-wrap; margin: 0; }} li {{ margin: 1mm 0; }} a {{ color: inherit; }}
.back .room {{ min-height: 60mm; border: 0.3mm solid #888; }}
.prompt, .anchor-link {{ display: none; }}
.room {{ flex: 1; margin-top: 3mm;
  background: radial-gradient(#bbb 0.25mm, transparent 0.3mm) 0 0 / 5mm 5mm; }}
@media print {{ .way-back {{ display: none; }} }}
@media screen and (max-width: 700px) {{
  body {{ width: auto; margin: 4mm; overflow-wrap: anywhere; }}
  .front {{ height: auto !important; }}
  .front div:has(img) {{ max-height: none; }}
  mjx-container {{ max-width: 100%; overflow-x: auto; overflow-y: hidden; }}
}}
</style></head><body>
{way_back}
<div class="page front">{front}<div class="room"></div></div>
<div class="page back">{back}<div class="room"></div></div>
<script>
function spill() {{  // what does not fit would be printed over the back
  const front = document.querySelector(".front");
  if (front.scrollHeight > front.clientHeight + 4) front.style.height = "auto";
}}
window.addEventListener("load", () => window.MathJax.startup?.promise.then(spill));
</script>
</body></html>
"""


def body(cells: list[NotebookNode]) -> str:
    """Cells as HTML without a page around them."""
    return HTMLExporter(template_name="basic").from_notebook_node(new_notebook(cells=cells))[0]


def question(notebook: NotebookNode) -> str:
    """What the lesson asks: the first paragraph of its first section."""
    text = next(c.source for c in notebook.cells if c.source.startswith("## "))
    return text.split("\n\n")[1]


def unlinked(text: str) -> str:
    """Markdown as paper shows it, which has no links."""
    return re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)


def front(entry: Entry, notebook: NotebookNode) -> list[NotebookNode]:
    """The first page: the question, then what is marked, without its headings."""
    cells = [new_markdown_cell(f"# {entry.title}\n\n{entry.paper}\n\n{question(notebook)}")]
    cells += copy.deepcopy([c for c in notebook.cells if is_marked(c, "sheet")])
    for cell in cells[1:]:
        cell.source = re.sub(r"^#+ (.*)$", r"**\1**", cell.source, flags=re.MULTILINE)
        hide_needless_code(cell)
    for cell in cells:
        cell.source = unlinked(cell.source)
    return cells


def signature(ex: Exercise) -> str:
    """An exercise's name and arguments, as its declaration writes them."""
    node = ast.parse(ex.source).body[0]
    if isinstance(node, ast.ClassDef):
        own = [n for n in node.body if getattr(n, "name", "") == "__init__"]
        if not own:  # it inherits how it is made
            return f"{ex.name}{inspect.signature(ex.reference)}"
        (node,) = own
        node.args.args.pop(0)  # self
    result = f" -> {ast.unparse(node.returns)}" if node.returns and node.name == ex.name else ""
    arguments = ast.unparse(node.args)
    if any(arg.annotation for arg in node.args.args):
        arguments = arguments.replace("=", " = ")
    return f"{ex.name}({arguments}){result}"


def back(entry: Entry) -> list[NotebookNode]:
    """The second page, but for the blank space."""
    lines = ["## What you write"]
    for ex in exercises.of(entry.topic):
        says = ex.reference.__doc__.strip().splitlines()[0]
        lines.append(f"- `{signature(ex)}`  \n  {says}")
    prompts = [p for p in whiteboard.of(entry.topic) if p.kind == "Derive"]
    lines += [f"\n## Derive ({p.minutes} minutes)\n\n{p.text}" for p in prompts]
    return [new_markdown_cell("\n".join(lines))]


def sheet(entry: Entry, notebook: NotebookNode) -> str:
    """The two pages as HTML."""
    return PAGE.format(
        head=head(), way_back=WAY_BACK, title=html.escape(entry.title),
        mathjax=MATHJAX.format(mathjax=library("mathjax")),
        front=body(front(entry, notebook)), back=body(back(entry)),
    )  # fmt: skip


def print_pdf(browser: str, page: Path) -> int:
    """Print a page to a PDF beside it, by a headless browser; the number of pages it took."""
    target = page.with_suffix(".pdf")
    with tempfile.TemporaryDirectory() as profile:
        # The page is our own. A sandbox is not to be had for root, nor where Chromium comes from a
        # zip file and Ubuntu asks for a profile, as on GitHub's machines.
        command = [browser, "--headless=new", "--no-sandbox", "--disable-gpu"]
        command += [f"--user-data-dir={profile}", "--virtual-time-budget=20000"]
        command += ["--no-pdf-header-footer", f"--print-to-pdf={target}", page.as_uri()]
        target.unlink(missing_ok=True)
        try:
            ran = subprocess.run(
                command, capture_output=True, encoding="utf-8", errors="replace", timeout=120
            )
            wrong = ran.returncode and (ran.stderr.strip().splitlines() or ["no word of why"])[-1]
        except subprocess.TimeoutExpired:
            wrong = "no answer in two minutes"
    if wrong or not target.exists():
        sys.exit(
            f"make sheets: {browser} cannot print {page.name} ({wrong or 'it wrote no PDF'}): see "
            "whether it starts by itself, install Google Chrome or Chromium anew, or take it off "
            "PATH; without a browser the sheets are HTML, to print from any"
        )
    return len(re.findall(rb"/Type\s*/Page\b", target.read_bytes()))


def main() -> None:
    """Write the sheet of every lesson that marks cells for one."""
    argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]).parse_args()
    folder = SITE / "sheets"
    folder.mkdir(parents=True, exist_ok=True)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    count = 0
    for entry in syllabus.written():
        notebook = solved(entry)
        if not any(is_marked(cell, "sheet") for cell in notebook.cells):
            continue
        path = folder / f"{entry.number:02d}_{entry.topic}.html"
        path.write_text(sheet(entry, notebook), encoding="utf-8")
        if browser and (pages := print_pdf(browser, path)) != 2:
            sys.exit(f"make sheets: {entry.topic} takes {pages} pages; tag fewer cells `sheet`")
        count += 1
    how = "HTML and PDF" if browser else "HTML (print it from a browser; PDF needs Chromium)"
    print(f"{count} sheets in {folder.relative_to(ROOT)}/, as {how}")


if __name__ == "__main__":
    main()
