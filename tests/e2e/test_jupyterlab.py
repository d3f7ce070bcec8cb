"""`make e2e`: a learner's first half hour in JupyterLab, in a browser, and a lesson of each part.

The server runs on a copy of the course with a record of progress of its own. What the learner
would look at is read from the page; the state of the notebook comes from JupyterLab itself.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from utils import exercises, syllabus
from utils.syllabus import ROOT

FAILURE = ROOT / ".e2e"
LESSON = syllabus.entry("superposition")
EXERCISE = "importance_weighted_loss"
WRONG = f"""\
def {EXERCISE}(x, x_reconstructed, importance):
    return ((importance * (x - x_reconstructed)) ** 2).mean()
"""

# The notebook in front: its outputs by kind, and whether each code cell has run.
NOTEBOOK = """() => {
    const panel = window.jupyterapp.shell.currentWidget;
    const cells = [...panel.content.model.cells].map(c => c.toJSON());
    const code = cells.filter(c => c.cell_type === "code");
    const outputs = code.flatMap(c => c.outputs);
    return {
        path: panel.context.path,
        status: panel.sessionContext.session?.kernel?.status,
        waiting: code.filter(c => c.execution_count === null).length,
        errors: outputs.filter(o => o.output_type === "error").map(o => o.evalue),
        stderr: outputs.filter(o => o.name === "stderr").map(o => o.text),
    };
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """JupyterLab on a copy of the course; its address, with the token."""
    tmp_path = tmp_path_factory.mktemp("lab")
    course, home = tmp_path / "course", tmp_path / "home"
    left_out = shutil.ignore_patterns(".git", ".venv*", ".e2e", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, course, ignore=left_out)
    home.mkdir()
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    folders += ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    env = {**os.environ, **{name: str(home / name.lower()) for name in folders}}
    env["ALIGNMENT_IN_MINIATURE_HOME"] = str(home)
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0"]
    command += [f"--ServerApp.root_dir={course}", "--LabApp.expose_app_in_browser=True"]
    log = (tmp_path / "server.log").open("w")
    process = subprocess.Popen(command, cwd=course, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        file = home / "jupyter_runtime_dir" / f"jpserver-{process.pid}.json"
        deadline = time.monotonic() + 60
        while not file.exists():
            assert process.poll() is None and time.monotonic() < deadline, Path(
                log.name
            ).read_text()
            time.sleep(0.1)
        info = json.loads(file.read_text())
        yield f"{info['url']}lab/tree/notebooks/{{}}?token={info['token']}"
    finally:
        process.terminate()
        process.wait(30)
        log.close()


class Lab:
    """What a learner does in JupyterLab, in words."""

    def __init__(self, page: Page):
        self.page = page
        self.panel = page.locator(".jp-NotebookPanel:visible")

    def wait_for_notebook(self, name: str) -> None:
        """Until that notebook is in front and its kernel is ready."""
        self.page.wait_for_function(
            """name => {
                const panel = window.jupyterapp?.shell.currentWidget;
                return panel?.context?.path.endsWith(name) && panel.context.isReady
                    && panel.sessionContext.session?.kernel?.status === "idle";
            }""",
            arg=name,
        )

    def cell(self, text: str) -> Locator:
        """The code cell whose source holds a text, brought into view."""
        index = self.page.evaluate(
            """text => {
                const content = window.jupyterapp.shell.currentWidget.content;
                const cells = [...content.model.cells].map(c => c.toJSON());
                const found = cells.findIndex(
                    c => c.cell_type === "code" && c.source.includes(text));
                content.activeCellIndex = found;
                content.scrollToItem(found, "center");
                return found;
            }""",
            text,
        )
        assert index >= 0, f"no code cell with {text!r}"
        return self.panel.locator(f'.jp-Cell[data-windowed-list-index="{index}"]')

    def menu(self, *path: str) -> None:
        """Choose an entry of the menu bar."""
        self.page.locator("#jp-MainMenu").get_by_text(path[0], exact=True).click()
        self.page.get_by_role("menuitem", name=path[1], exact=True).click()

    def run_all(self) -> None:
        """Clear all outputs, run all cells, and wait until the last has run, or one has failed."""
        self.menu("Edit", "Clear Outputs of All Cells")
        self.menu("Run", "Run All Cells")
        self.page.wait_for_function(
            f"""() => {{
                const now = ({NOTEBOOK})();
                return now.status === "idle" && (!now.waiting || now.errors.length);
            }}""",
            timeout=240_000,
            polling=500,  # ms; at every frame it would take more of the CPU than the lesson does
        )
        assert self.page.evaluate(NOTEBOOK)["errors"] == []

    def answer(self, exercise: str, text: str) -> str:
        """Write an answer in place of what is in the cell, run it and its check: what it says."""
        check = f"{exercise} = lesson.check({exercise})"
        cell = self.cell(f"def {exercise}(")
        cell.locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Shift+Enter")
        cell = self.cell(check)
        said = cell.locator(".jp-OutputArea-output")
        before = said.inner_text()
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")
        expect(said).not_to_have_text(before)
        return said.inner_text()

    def slide(self, key: str) -> str:
        """Press a key on the notebook's slider; the picture below it, once that is a new one."""
        cell = self.cell("plots.slider(")
        pictures = cell.locator(".jp-OutputArea img")
        before = [image.get_attribute("src") for image in pictures.all()]
        cell.locator(".noUi-handle").press(key)
        self.page.wait_for_function(
            """([cell, before]) => {
                const images = [...cell.querySelectorAll(".jp-OutputArea img")].map(i => i.src);
                return images.length === 1 && !before.includes(images[0]);
            }""",
            arg=[cell.element_handle(), before],
        )
        return pictures.get_attribute("src")


def visit(page: Page, address: str) -> None:
    """The story, step by step."""
    lab = Lab(page)
    start = syllabus.entries()[0].filename
    page.goto(address.format(start))
    lab.wait_for_notebook(start)
    assert page.evaluate(NOTEBOOK)["path"] == f"notebooks/{start}"

    lab.cell("map_html()").get_by_role("link", name=LESSON.title).click()
    lab.wait_for_notebook(LESSON.filename)
    expect(lab.panel.get_by_role("heading", name=LESSON.title)).to_be_visible()

    lab.run_all()
    said = lab.answer(EXERCISE, WRONG)
    assert "not right yet" in said and "looks like importance is squared" in said, said
    right = next(ex.source for ex in exercises.of(LESSON.topic) if ex.name == EXERCISE)
    said = lab.answer(EXERCISE, right)
    assert EXERCISE in said and "correct" in said, said

    first = lab.slide("ArrowRight")
    second = lab.slide("ArrowRight")
    assert first.startswith("data:image/png") and first != second

    state = page.evaluate(NOTEBOOK)
    assert state["errors"] == [] and state["stderr"] == []
    assert not page.get_by_text("Invalid Notebook").count()
    expect(page.locator(".jp-Dialog")).to_have_count(0)


def cheapest_of_each_part() -> list[str]:
    """Of each part the lesson that runs fastest, but for those that the story below opens."""
    with (ROOT / "data" / "costs.csv").open(encoding="utf-8", newline="") as file:
        seconds = {row["lesson"]: float(row["notebook_s"]) for row in csv.DictReader(file)}
    parts: dict[str, list[str]] = {}
    for entry in syllabus.written():
        parts.setdefault(entry.part, []).append(entry.topic)
    chosen = [min(topics, key=seconds.__getitem__) for topics in parts.values()]
    return [topic for topic in chosen if topic not in ("start_here", LESSON.topic)]


def test_a_learner_follows_the_map_and_does_an_exercise(page: Page, server: str) -> None:
    with picture_of_failure(page):
        visit(page, server)


@pytest.mark.parametrize("topic", cheapest_of_each_part())
def test_a_lesson_of_each_part_runs_and_grades(page: Page, server: str, topic: str) -> None:
    entry, lab = syllabus.entry(topic), Lab(page)
    ex = next(ex for ex in exercises.of(topic) if ex.stub.startswith("def "))
    with picture_of_failure(page):
        page.goto(server.format(entry.filename))
        lab.wait_for_notebook(entry.filename)
        lab.run_all()
        said = lab.answer(ex.name, f"def {ex.name}(*args, **kwargs):\n    return -12345.678\n")
        assert "not right yet" in said, said
        said = lab.answer(ex.name, ex.source)
        assert ex.name in said and "correct" in said, said
        state = page.evaluate(NOTEBOOK)
        assert state["errors"] == [] and state["stderr"] == []


@contextmanager
def picture_of_failure(page: Page) -> Iterator[None]:
    """Keep what the browser showed when a test failed."""
    try:
        yield
    except BaseException as error:
        FAILURE.mkdir(exist_ok=True)
        page.screenshot(path=FAILURE / "failure.png")
        error.add_note(f"What the browser showed: {FAILURE / 'failure.png'}")
        raise
