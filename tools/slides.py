"""`make slides`: each lesson as reveal.js slides, from its cells tagged `slide`, into site/slides/.

A marked text begins a slide; marked code right after it stays on that slide, and so does a marked
text right after that, unless it has a heading. Above each slide stands the heading of its section.
"""

import argparse
import copy
import html
import re
from collections.abc import Iterator

from nbconvert import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from tools.site import MATHJAX, SITE, hide_needless_code, is_marked, library, solved
from utils import syllabus
from utils.syllabus import ROOT, Entry

SIZE = (1280, 720)
ROWS = 4  # of a table on one slide

# nbconvert's template needs three more libraries to load reveal.js, where a script tag does, and
# drops the figures' alt text.
TEMPLATE = """\
{%- extends 'index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}MATHJAX{%- endblock -%}
{%- block html_head_css -%}<style>STYLE</style>{%- endblock -%}
{%- block data_png scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output"><img alt="{{ output | get_metadata('alt',
'image/png') | escape_html }}" src="data:image/png;base64,{{ output.data['image/png'] }}"></div>
{%- endblock -%}
{%- block footer_js -%}
<script src="REVEAL/dist/reveal.js"></script>
<script>
  Reveal.initialize({width: WIDTH, height: HEIGHT, margin: 0.04, center: false, hash: true,
                     controls: false, slideNumber: "c/t", transition: "none"});
</script>
{%- endblock -%}
"""
STYLE = """
.reveal { font-size: 26px; }
.reveal .slides { text-align: left; }
.reveal .slides section h1 { font-size: 60px; margin-top: 180px; text-transform: none; }
.reveal .slides section h2 { font-size: 38px; margin: 0 0 16px; text-transform: none; }
.jp-Notebook { --jp-content-font-size1: 26px; --jp-code-font-size: 20px; background: white; }
.jp-Notebook .jp-Cell { padding: 2px 0; }
.jp-InputPrompt, .jp-OutputPrompt, .jp-Collapser, .jp-InputCollapser { display: none !important; }
.reveal .jp-RenderedImage img { display: block; margin: 0 auto; width: 1180px; max-height: 500px;
                                object-fit: contain; }
.reveal section:has(.jp-MarkdownCell ~ .jp-MarkdownCell) img { max-height: 270px; }
.reveal pre { box-shadow: none; width: 100%; margin: 0; }
.reveal .jp-RenderedHTMLCommon table { font-size: 19px; line-height: 1.25; width: 100%; }
.reveal .jp-RenderedHTMLCommon :is(td, th) { text-align: left; white-space: normal; }
mjx-container[display="true"] { margin: 10px 0 !important; }
"""


def pieces(cell: NotebookNode) -> list[NotebookNode]:
    """The cell; if its output is a table of many rows, copies that show a few rows each."""
    for i, output in enumerate(cell.get("outputs", [])):
        lines = output.get("data", {}).get("text/markdown", "").splitlines()
        if len(lines) > 2 and set(lines[1]) <= set("|- "):
            parts = []
            for start in range(2, len(lines), ROWS):
                part = copy.deepcopy(cell)
                part.id = f"{cell.id}-{start}"
                rows = [*lines[:2], *lines[start : start + ROWS]]
                part.outputs[i].data["text/markdown"] = "\n".join(rows)
                parts.append(part)
            return parts
    return [copy.deepcopy(cell)]


def slides(cells: list[NotebookNode]) -> Iterator[tuple[str, list[NotebookNode]]]:
    """The marked cells, slide by slide, each with its heading."""
    section, slide = "", []
    for cell in [*cells, new_markdown_cell()]:
        is_text = cell.cell_type == "markdown"
        headings = re.findall(r"^## (.*)$", cell.source, re.MULTILINE) if is_text else []
        after_text = bool(slide) and slide[-1].cell_type == "markdown"
        if slide and (headings or not is_marked(cell, "slide") or (is_text and after_text)):
            *before, last = slide
            first, *more = pieces(last)
            yield section, [*before, first]
            yield from ((section, [piece]) for piece in more)
            slide = []
        section = [section, *headings][-1]
        if is_marked(cell, "slide"):
            slide.append(copy.deepcopy(cell))
            if headings:
                slide[-1].source = re.sub(r"\A## .*\n*", "", cell.source)


def deck(entry: Entry, notebook: NotebookNode) -> NotebookNode:
    """The notebook of a lesson's slides, as SlidesExporter takes it."""
    title = new_markdown_cell(f"# {entry.title}\n\n{entry.paper}")
    shown = [[title]]
    for heading, cells in slides(notebook.cells):
        shown.append([new_markdown_cell(f"## {heading}"), *cells])
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
    body = f'<!doctype html><meta charset="utf-8"><title>Slides</title><ol>{"".join(links)}</ol>'
    (folder / "index.html").write_text(body, encoding="utf-8")
    print(f"{len(links)} decks in {folder.relative_to(ROOT)}/: open index.html in a browser")


if __name__ == "__main__":
    main()
