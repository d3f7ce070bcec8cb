"""`make slides`: each lesson as reveal.js slides, from its cells tagged `slide`, into site/slides/.

The marked cells of a section follow each other on a slide as long as there is room, so that a
figure stands with its text. A figure without a marked text gets the sentences that follow it in
the lesson. The question stands under the title. Claims are shown as dots, a few a slide.
"""

import argparse
import copy
import html
import math
import re
from collections.abc import Iterator

from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from tools.site import MATHJAX, SITE, WAY_BACK, head, hide_needless_code, is_marked, library, solved
from utils import claims, syllabus
from utils.syllabus import ROOT, Entry

SIZE = (1280, 720)
LINES, COLUMNS = 16, 85  # of text on a slide, below its heading
FIGURE = 9  # lines: the least that a figure needs to be read from the last row
CLAIMS = 9  # on a slide
CAPTION = 200  # characters

# nbconvert's template needs three more libraries to load reveal.js, where a script tag does, and
# drops the figures' alt text.
TEMPLATE = """\
{%- extends 'index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}MATHJAX{%- endblock -%}
{%- block html_head_css -%}HEAD<style>STYLE</style>{%- endblock -%}
{%- block data_png scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output"><img alt="{{ output | get_metadata('alt',
'image/png') | escape_html }}" src="data:image/png;base64,{{ output.data['image/png'] }}"></div>
{%- endblock -%}
{%- block footer_js -%}
WAY_BACK
<script src="REVEAL/dist/reveal.js"></script>
<script>
  Reveal.initialize({width: WIDTH, height: HEIGHT, margin: 0.04, center: false, hash: true,
                     controls: matchMedia("(pointer: coarse)").matches,
                     slideNumber: "c/t", transition: "none"});
  function fit() {  // figures take the room that the text of their slide leaves
    const slide = Reveal.getCurrentSlide(), images = [...slide.querySelectorAll("img")];
    images.forEach(image => { image.style.maxHeight = "0"; });
    const room = (HEIGHT - 10 - slide.scrollHeight) / images.length;
    images.forEach(image => { image.style.maxHeight = `${room}px`; });
    const back = document.querySelector(".way-back");  // where a talk begins and ends
    if (back) back.hidden = !(Reveal.isFirstSlide() || Reveal.isLastSlide());
  }
  Reveal.on("ready", fit);
  Reveal.on("slidechanged", fit);
  window.addEventListener("load", () => window.MathJax.startup?.promise.then(fit));
</script>
{%- endblock -%}
"""
STYLE = """
.way-back { position: fixed; z-index: 40; top: 12px; right: 16px; color: #06c;
            font: 16px sans-serif; }
.way-back[hidden] { display: none; }
@media print { .way-back { display: none; } }
.reveal { font-size: 28px; }
.reveal .slides { text-align: left; }
.reveal .slides section h1 { font-size: 60px; margin: 90px 0 0; text-transform: none; }
.reveal .slides section h2 { font-size: 38px; margin: 0 0 12px; text-transform: none; }
.jp-Notebook { --jp-content-font-size1: 28px; --jp-content-line-height: 1.4;
               --jp-code-font-size: 19px; background: white; }
.jp-Notebook .jp-Cell { padding: 2px 0; }
.jp-InputPrompt, .jp-OutputPrompt, .jp-Collapser, .jp-InputCollapser { display: none !important; }
.reveal .jp-RenderedImage img { display: block; margin: 0 auto; width: 1180px;
                                object-fit: contain; }
.reveal pre { box-shadow: none; width: 100%; margin: 0; }
.reveal .jp-RenderedHTMLCommon table { font-size: 23px; line-height: 1.4; margin: 0; width: 100%;
                                        table-layout: auto; }
.reveal .jp-RenderedHTMLCommon :is(td, th) { text-align: left; white-space: normal;
                                             vertical-align: top; }
/* Claims: dots that stay together, and text that takes the rest. */
.reveal .jp-RenderedHTMLCommon tr:not(:has(> :nth-child(3))) > :first-child { white-space: nowrap; }
.reveal .jp-RenderedHTMLCommon tr:not(:has(> :nth-child(3))) > td:last-child { width: 100%; }
mjx-container[display="true"] { margin: 10px 0 !important; }
"""


def is_figure(cell: NotebookNode) -> bool:
    """Whether a cell shows a figure."""
    return cell.cell_type == "code" and (
        re.search(r"plots\.(show|slider)\(", cell.source) is not None
        or any("image/png" in output.get("data", {}) for output in cell.outputs)
    )


def lines(cell: NotebookNode) -> float:
    """How many lines of a slide a cell takes, roughly."""
    if is_figure(cell):
        return FIGURE
    if cell.cell_type == "code":
        return 0.75 * len((cell.source or "").splitlines())
    formulas = re.findall(r"\$\$.+?\$\$", cell.source, re.DOTALL)
    text = re.sub(r"\$\$.+?\$\$", "", cell.source, flags=re.DOTALL)
    rows = [row for row in text.splitlines() if row.strip()]
    high = sum(1.2 + 1.8 * len(formula.split(r"\\")) for formula in formulas)
    return high + sum(math.ceil(len(row) / COLUMNS) + 0.4 for row in rows)


def caption(following: list[NotebookNode]) -> list[NotebookNode]:
    """The first sentences of the text after a figure; nothing if something else comes first."""
    if not following or following[0].cell_type == "code" or is_marked(following[0], "slide"):
        return []
    paragraph = following[0].source.split("\n\n")[0]
    if not re.match(r"\w|\$|\*[^*]", paragraph):  # a heading, a list, a table, an exercise
        return []
    first, *more = re.split(r"(?<=[.?!]) (?=[A-Z$*(])", paragraph)
    told = first
    for sentence in more:
        first += f" {sentence}"
        if len(first) > CAPTION + 1:
            break
        if first.count("(") == first.count(")"):  # not in the middle of a parenthesis
            told = first
    return [new_markdown_cell(told)]


def in_parts(cell: NotebookNode) -> list[NotebookNode]:
    """A list that is longer than a slide, item by item; any other cell as it is."""
    items = re.split(r"(?<=[^\n])\n(?=- )", cell.source)
    if cell.cell_type == "code" or lines(cell) <= LINES:
        return [cell]
    return [new_markdown_cell(item, metadata=cell.metadata) for item in items]


def slides(cells: list[NotebookNode]) -> Iterator[tuple[str, list[NotebookNode]]]:
    """The marked cells, slide by slide, each with the heading of its section."""
    section, slide = "", []
    cells = [part for cell in cells for part in in_parts(cell)]
    for i, cell in enumerate(cells):
        is_text = cell.cell_type == "markdown"
        headings = re.findall(r"^## (.*)$", cell.source, re.MULTILINE) if is_text else []
        marked = is_marked(cell, "slide")
        if slide and (headings or (marked and sum(map(lines, [*slide, cell])) > LINES)):
            yield section, slide
            slide = []
        section = [section, *headings][-1]
        if not marked:
            continue
        slide.append(copy.deepcopy(cell))
        if headings:
            slide[-1].source = re.sub(r"\A## .*\n*", "", cell.source)
        if is_figure(cell) and all(c.cell_type == "code" for c in slide):
            slide += caption(cells[i + 1 :])
    if slide:
        yield section, slide


def verdicts(topic: str) -> list[NotebookNode]:
    """A lesson's claims as tables of dots and statements, of about equal length."""
    declared, stored = claims.of(topic), claims.measured()
    rows = [
        f"| {claims.dots(c, stored)} | {c.statement.replace('|', '&#124;')} |" for c in declared
    ]
    size = math.ceil(len(rows) / math.ceil(len(rows) / CLAIMS)) if rows else 1
    head = ["| seen, then fresh seeds | |", "| --- | --- |"]
    return [
        new_markdown_cell("\n".join(head + rows[start : start + size]))
        for start in range(0, len(rows), size)
    ]


def deck(entry: Entry, notebook: NotebookNode) -> NotebookNode:
    """The notebook of a lesson's slides, as SlidesExporter takes it."""
    title = new_markdown_cell(f"# {entry.title}\n\n{entry.paper}")
    (_, question), *found = slides(notebook.cells)
    shown = [[title, *question]]
    for heading, cells in found:
        is_claims = any("lesson.claims(" in cell.source for cell in cells)
        for part in [[table] for table in verdicts(entry.topic)] if is_claims else [cells]:
            shown.append([new_markdown_cell(f"## {heading}"), *part])
    for first, *rest in shown:
        first.metadata["slideshow"] = {"slide_type": "slide"}
        for cell in rest:
            cell.metadata["slideshow"] = {"slide_type": "-"}
            cell.source = cell.source.replace(".ipynb)", ".html)")  # to the other lesson's slides
            hide_needless_code(cell)
    return new_notebook(cells=[cell for cells in shown for cell in cells])


def page(entry: Entry, notebook: NotebookNode) -> str:
    """The slides as one HTML page."""
    template = TEMPLATE.replace("STYLE", STYLE)
    template = template.replace("MATHJAX", MATHJAX.format(mathjax=library("mathjax")))
    template = template.replace("HEAD", head()).replace("WAY_BACK", WAY_BACK)
    template = template.replace("REVEAL", library("reveal.js"))
    template = template.replace("WIDTH", str(SIZE[0])).replace("HEIGHT", str(SIZE[1]))
    exporter = SlidesExporter(
        raw_template=template, reveal_url_prefix=library("reveal.js"), reveal_theme="white"
    )
    resources = {"metadata": {"name": entry.title}}
    return exporter.from_notebook_node(deck(entry, notebook), resources)[0]


def main() -> None:
    """Write the slides of every lesson, and a page that links to them."""
    argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]).parse_args()
    folder = SITE / "slides"
    folder.mkdir(parents=True, exist_ok=True)
    links = []
    for entry in syllabus.written():
        path = folder / f"{entry.number:02d}_{entry.topic}.html"
        path.write_text(page(entry, solved(entry)), encoding="utf-8")
        links.append(f'<li><a href="{path.name}">{entry.number} · {html.escape(entry.title)}</a>')
    body = f'<!doctype html><html lang="en">{head()}<title>Slides</title>{WAY_BACK}<ul>'
    body += f"{''.join(links)}</ul>"
    (folder / "index.html").write_text(body, encoding="utf-8")
    print(f"{len(links)} decks in {folder.relative_to(ROOT)}/: open index.html in a browser")


if __name__ == "__main__":
    main()
