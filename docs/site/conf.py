"""Sphinx's settings for `make site`; tools/website.py writes what it makes pages of."""

import html
import os
import re

from docutils import nodes

project = "Alignment in Miniature"
author = "the Alignment in Miniature authors"
copyright = f"{author}, CC BY 4.0"
extensions = ["myst_nb", "sphinx.ext.mathjax"]
language = "en"
nitpicky = True
suppress_warnings = ["misc.highlighting_failure"]  # code with … in it, which is not Python

# The notebooks were run by `make build`, and their outputs are what the tests compare.
nb_execution_mode = "off"
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
nb_merge_streams = True
nb_render_markdown_format = "gfm"  # the tables of claims
myst_enable_extensions = ["dollarmath", "amsmath", "html_image"]
myst_heading_anchors = 3
myst_dmath_double_inline = True

# From this disk: seen from _static/, where Sphinx looks for scripts.
mathjax_path = f"{os.environ['COURSE_MATHJAX']}/tex-chtml.js"
mathjax3_config = {"tex": {"macros": {"top": r"{\mathsf T}"}}}  # ⊤ loses its bar on coarse screens

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["search.js"]
html_baseurl = os.environ["COURSE_SITE"]  # for canonical links, and for what is shown elsewhere
html_favicon = "static/favicon.svg"
html_use_index = False
html_context = {"default_mode": "auto"}
# The theme's own but for the search: its button is named otherwise than it reads.
html_sidebars = {
    "**": ["navbar-logo.html", "icon-links.html", "search-field.html", "sbt-sidebar-nav.html"]
}
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "repository_url": os.environ["COURSE_REPOSITORY"],
    "repository_branch": "main",
    "use_repository_button": True,
    "use_download_button": False,
    "launch_buttons": {
        "binderhub_url": "https://mybinder.org",
        "colab_url": "https://colab.research.google.com",
        "notebook_interface": "jupyterlab",
    },
    "navbar_persistent": [],  # the side bar has the search
    "show_toc_level": 1,
    "show_navbar_depth": 1,
}


def name_folds_by_their_text(app, pagename, templatename, context, doctree) -> None:
    """What folds code away is called "Toggle hidden content" whatever it reads: it reads enough."""
    if "body" in context:
        context["body"] = context["body"].replace(' aria-label="Toggle hidden content"', "")


def description(doctree) -> str:
    """A page's own first sentences: as many as tell something, and a search result shows."""
    paragraphs = [p for p in doctree.findall(nodes.paragraph) if not [*p.findall(nodes.raw)]]
    texts = (" ".join(p.astext().split()) for p in paragraphs)
    first, *more = re.split(r"(?<=[.?!]) (?=[A-Z])", next((t for t in texts if len(t) > 60), ""))
    while more and len(first) < 80:
        first += f" {more.pop(0)}"
    return first if len(first) <= 300 else first[:300].rsplit(" ", 1)[0] + " …"


def describe(app, pagename, templatename, context, doctree) -> None:
    """What a search engine and a chat show of a page. The first page's title is not its name."""
    if pagename == "index":
        context["title"] = "AI-alignment findings at toy scale"
    if doctree is None:  # the search
        return
    said, title = description(doctree), html.unescape(re.sub("<.*?>", "", context["title"]))
    tags = {} if pagename == "index" else {"name": {"description": said}}  # it has its own
    tags["property"] = {
        "og:type": "website",
        "og:site_name": project,
        "og:title": title,
        "og:description": said,
        "og:url": f"{html_baseurl}{pagename}.html",
        "og:image": f"{html_baseurl}_images/superposition.png",
    }
    context["metatags"] += "".join(
        f'<meta {kind}="{name}" content="{html.escape(text)}">\n'
        for kind, named in tags.items()
        for name, text in named.items()
    )


def setup(app) -> None:
    """Sphinx calls this."""
    app.connect("html-page-context", name_folds_by_their_text)
    app.connect("html-page-context", describe)
