"""`make e2e`, too: what an instructor shows and prints has the room that it needs."""

import subprocess
import sys

from playwright.sync_api import Page

from tools.site import SITE
from tools.slides import SIZE
from utils import syllabus
from utils.syllabus import ROOT

HEIGHTS = """async () => {
    await window.MathJax.startup.promise;
    return [...Array(Reveal.getTotalSlides()).keys()].map(i => {
        Reveal.slide(i);
        const slide = Reveal.getCurrentSlide();
        return [slide.innerText.trim().split("\\n")[0], slide.scrollHeight];
    });
}"""


def make(what: str) -> str:
    """What `make slides` or `make sheets` prints; both stop where something is wrong."""
    command = [sys.executable, "-m", f"tools.{what}"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_every_sheet_takes_two_pages() -> None:
    assert "as HTML and PDF" in make("sheets")


def test_no_slide_is_higher_than_the_screen(page: Page) -> None:
    make("slides")
    page.set_viewport_size({"width": SIZE[0], "height": SIZE[1]})
    too_high = []
    for entry in syllabus.written():
        page.goto((SITE / "slides" / f"{entry.number:02d}_{entry.topic}.html").as_uri())
        page.wait_for_function("() => window.Reveal?.isReady()")
        slides = page.evaluate(HEIGHTS)
        too_high += [(entry.topic, *slide) for slide in slides if slide[1] > SIZE[1] + 4]
    assert not too_high
