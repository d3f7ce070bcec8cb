"""A fork changes the repository's address in pyproject.toml, and everything follows."""

import json
import shutil
import subprocess
import sys

import nbformat
import pytest

from tools import build, notebooks
from utils import syllabus
from utils.syllabus import ROOT

OURS = syllabus.repository()
THEIRS = "https://github.com/somebody-else/their-course"
MADE = """
import json
from tools import build, notebooks
from utils import syllabus
lesson = notebooks.compose(syllabus.entry("rlhf"), "notebooks")
practice = notebooks.compose_practice()
cells = [cell.source for made in (lesson, practice) for cell in made.cells]
pages = {str(path.name): text for path, text in build.pages().items()}
print(json.dumps({"notebooks": "\\n".join(cells), **pages}))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict[str, str]:
    """What the build makes in a copy with that one line changed."""
    fork = tmp_path_factory.mktemp("fork") / "course"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "site", "dist", "notebooks", "solutions")
    shutil.copytree(ROOT, fork, ignore=left_out)
    project = fork / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    assert text.count(OURS) == 1
    project.write_text(text.replace(OURS, THEIRS), encoding="utf-8")
    command = [sys.executable, "-c", MADE]
    ran = subprocess.run(command, cwd=fork, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_what_is_made_leads_to_the_fork(made):
    ours, theirs = (url.removeprefix("https://github.com/") for url in (OURS, THEIRS))
    for name, text in made.items():
        assert ours not in text, name
    for name in ("notebooks", "README.md", "install.md", "instructors.md"):
        assert theirs in made[name], name
    assert "https://somebody-else.github.io/their-course/" in made["README.md"]


def test_a_new_address_keeps_the_outputs_and_nothing_else_does(monkeypatch, tmp_path):
    entry = syllabus.entry("rlhf")
    path = tmp_path / entry.filename
    shutil.copy(ROOT / "notebooks" / entry.filename, path)
    stored = nbformat.read(path, as_version=4)
    monkeypatch.setattr(syllabus, "repository", lambda: THEIRS)

    def wanted():
        return notebooks.compose(entry, "notebooks")

    kept = build.with_new_address(path, wanted())
    assert [c.get("outputs") for c in kept.cells] == [c.get("outputs") for c in stored.cells]
    assert [c.source for c in kept.cells] == [c.source for c in wanted().cells]
    build.write(kept, path)
    assert notebooks.is_fresh(path, wanted())
    build.write(stored, path)
    assert not notebooks.is_fresh(path, wanted())
    for at in (0, 1, 5, -1):  # more than the address is new: in the set-up cell, in any other
        other = wanted()
        other.cells[at].source += "\n# more"
        assert build.with_new_address(path, other) is None
    other = wanted()
    other.metadata["course"]["digest"] = "of other files"
    assert build.with_new_address(path, other) is None
    says_it = next(c for c in stored.cells if c.get("outputs"))
    says_it.outputs[0] = nbformat.v4.new_output("stream", text=f"see {OURS}")
    nbformat.write(stored, path)
    assert build.with_new_address(path, wanted()) is None
    assert build.with_new_address(tmp_path / "absent.ipynb", wanted()) is None


def test_workflows_and_the_site_name_no_repository():
    own = [*ROOT.glob(".github/**/*.yml"), *ROOT.glob("docs/site/**/*"), ROOT / "CHANGELOG.md"]
    texts = [p.read_text(encoding="utf-8") for p in own if p.is_file() and p.suffix != ".pyc"]
    assert len(texts) > 8
    assert not any("github.com/" in text for text in texts)
