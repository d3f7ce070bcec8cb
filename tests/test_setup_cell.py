"""The set-up cell, from any folder of the course and on Colab. `make colab` runs it there too, as
far as one can: in an environment with Colab's versions."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest
from packaging.requirements import Requirement

from utils import syllabus
from utils.syllabus import ROOT

COURSE = syllabus.repository().rsplit("/", 1)[1]
NOTEBOOKS = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("solutions/*.ipynb")])


def setup_cells():
    """The first code cell of every notebook; each text once, with the notebooks it stands in."""
    cells = {}
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        first = next(c for c in notebook["cells"] if c["cell_type"] == "code")
        cells.setdefault("".join(first["source"]), []).append(str(path.relative_to(ROOT)))
    return cells


every_cell = pytest.mark.parametrize(
    "cell", setup_cells(), ids=[f"{len(v)} notebooks" for v in setup_cells().values()]
)


def run_cell(cell, folder, *, colab, env=None):
    """Run a set-up cell twice in a fresh IPython, as a notebook in `folder` would."""
    script = [
        "import os, sys, types",
        "from IPython.core.interactiveshell import InteractiveShell",
        "shell = InteractiveShell.instance()",
        "sys.modules['google.colab'] = types.ModuleType('google.colab')" if colab else "",
        "sys.path.insert(0, '')",  # as in a kernel
        f"for _ in range(2): shell.run_cell({cell!r}, store_history=False)",
        "print('AT', os.getcwd())",
        "import utils; print('LESSON', utils.lesson('superposition').entry.topic)",
    ]
    return subprocess.run(
        [sys.executable, "-c", "\n".join(script)],
        cwd=folder, env={**os.environ, "PYTHONPATH": "", **(env or {})},
        capture_output=True, text=True,
    )  # fmt: skip


def git(*arguments, cwd):
    who = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    command = ["git", *who, *arguments]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


def publish(folder, edit=lambda pyproject: pyproject):
    """Put the course as it is here into a repository; the settings with which git takes the
    course's address for that repository's."""
    left_out = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, folder, ignore=left_out)
    pyproject = folder / "pyproject.toml"
    pyproject.write_text(edit(pyproject.read_text(encoding="utf-8")), encoding="utf-8")
    git("init", "--quiet", cwd=folder)
    git("add", "--all", cwd=folder)
    for message in ("all of it", "and one commit more"):
        git("commit", "--quiet", "--allow-empty", "--message", message, cwd=folder)
    bare = folder.with_suffix(".git")
    git("clone", "--quiet", "--bare", folder.name, bare.name, cwd=folder.parent)
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{bare}.insteadOf",
        "GIT_CONFIG_VALUE_0": syllabus.repository(),
    }


def installed(env):
    """What pip sees, name and version."""
    command = [sys.executable, "-m", "pip", "freeze", "--all"]
    ran = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": "", **env}, check=True, capture_output=True
    )
    return set(ran.stdout.decode().split())


@every_cell
def test_it_finds_the_course_from_any_folder_of_it_silently(cell):
    for folder in (ROOT, ROOT / "notebooks", ROOT / "lessons" / "superposition"):
        ran = run_cell(cell, folder, colab=False)
        assert ran.stdout.splitlines() == [f"AT {ROOT}", "LESSON superposition"], ran.stderr


@every_cell
def test_it_says_what_it_looked_for(cell, tmp_path):
    ran = run_cell(cell, tmp_path, colab=False)
    assert f"No such file or directory: '{COURSE}'" in ran.stdout + ran.stderr


@every_cell
def test_on_colab_it_fetches_the_course_into_an_empty_folder(cell, tmp_path):
    content = tmp_path / "content"
    content.mkdir()
    env = {**publish(tmp_path / "course"), "PIP_NO_INDEX": "1"}  # nothing is missing
    before = installed(env)
    ran = run_cell(cell, content, colab=True, env=env)
    clone = content / COURSE
    assert ran.stdout.splitlines() == [f"AT {clone}", "LESSON superposition"], ran.stderr
    assert installed(env) == before
    assert git("rev-list", "--count", "HEAD", cwd=clone).strip() == "1"


def write_wheel(folder, name, version):
    """A package with nothing in it, as pip installs it."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


def test_on_colab_what_is_missing_is_installed_and_nothing_is_upgraded(tmp_path):
    """A course that needs one package more, and a newer numpy than there is."""
    content, wheels = tmp_path / "content", tmp_path / "wheels"
    for folder in (content, wheels):
        folder.mkdir()
    more = ('"numpy>=', '"onepackagemore>=1",\n    "numpy>=9')
    env = publish(tmp_path / "course", edit=lambda pyproject: pyproject.replace(*more))
    write_wheel(wheels, "onepackagemore", "1.0")
    write_wheel(wheels, "numpy", "99.0")
    extra = str(tmp_path / "installed")  # where pip puts things, so that the environment stays
    env |= {"PYTHONPATH": extra, "PIP_TARGET": extra}
    env |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    before = installed(env)
    (cell,) = setup_cells()
    ran = run_cell(cell, content, colab=True, env=env)
    assert ran.stdout.splitlines()[-1] == "LESSON superposition", ran.stdout + ran.stderr
    assert installed(env) == before | {"onepackagemore==1.0"}


def test_the_floors_let_colab_keep_what_it_has():
    lines = (ROOT / "tests" / "places" / "colab.txt").read_text(encoding="utf-8").splitlines()
    colab = dict(line.split("==") for line in lines if line and line[0] != "#")
    colab["torch"] = "2.11.0"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for wanted in map(Requirement, project["dependencies"]):
        assert wanted.name in colab, f"has Colab {wanted.name}? enter it in tests/places/colab.txt"
        assert wanted.specifier.contains(colab[wanted.name]), wanted
