"""docs/contributing.md, followed to the letter in a copy of the course."""

import re
import shutil
import subprocess
import sys

import pytest

from utils.syllabus import ROOT

STEPS = re.findall(
    r"```sh\n(.*?)```", (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8"), re.DOTALL
)


@pytest.mark.skipif(not (ROOT / ".venv").exists(), reason="needs the environment `make` makes")
def test_its_steps_make_a_lesson_that_passes(tmp_path):
    course = tmp_path / "course"
    left_out = shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, course, ignore=left_out)
    (course / ".venv").symlink_to(ROOT / ".venv")
    environment, *steps, tests = STEPS
    assert environment.strip() == "make .venv" and tests.strip() == "make test LESSON=my_topic"
    for step in steps:
        ran = subprocess.run(["sh", "-e", "-c", step], cwd=course, capture_output=True, text=True)
        assert ran.returncode == 0, f"{step}\n{ran.stdout}{ran.stderr}"
    # Of `make test LESSON=my_topic`, the files that say most of a lesson.
    files = [f"tests/test_{name}.py" for name in ("exercises", "build", "claims")]
    files += course.glob("notebooks/*_my_topic.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", *files, "-k", "my_topic"]
    ran = subprocess.run(command, cwd=course, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
    assert "my_topic" in (course / "README.md").read_text(encoding="utf-8")
    assert re.search(r"\d+ passed", ran.stdout)
