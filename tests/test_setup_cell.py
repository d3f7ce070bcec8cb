"""The set-up cell, from any folder of the course and on Colab. `make colab` runs it there too, as
far as one can: in an environment with Colab's versions."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.setup_cell import setup_cell
from utils import environment, syllabus
from utils.syllabus import ROOT

COURSE = syllabus.repository().rsplit("/", 1)[1]
NOTEBOOKS = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("solutions/*.ipynb")])
CELL = setup_cell()
LESSON = "import utils; print('LESSON', utils.lesson('superposition').entry.topic)"
OURS = "import utils, lessons; print(utils.__file__, lessons.__file__)"


def ours(course):
    return f"{course / 'utils' / '__init__.py'} {course / 'lessons' / '__init__.py'}"


def run_cell(cell, folder, *, colab=False, env=None, before="", after=OURS, course=ROOT):
    """Run a set-up cell twice in a fresh IPython, as a notebook in `folder` would.

    Where no lesson is entered, what takes seconds to load passes for loaded.
    """
    if after == OURS:
        before += (
            "\nfor name in ('torch', 'matplotlib.pyplot', 'utils.notebook'):\n"
            f"    sys.modules[name] = types.ModuleType(name)\n"
            f"    sys.modules[name].__file__ = {str(course / 'utils' / 'notebook.py')!r}"
        )
    script = [
        "import os, sys, types",
        "from IPython.core.interactiveshell import InteractiveShell",
        "shell = InteractiveShell.instance()",
        "shell.run_line_magic('colors', 'nocolor')",
        "sys.modules['google.colab'] = types.ModuleType('google.colab')" if colab else "",
        "sys.path.insert(0, '')",  # as in a kernel
        before,
        f"ran = [shell.run_cell({cell!r}, store_history=False) for _ in range(2)]",
        "if not all(r.success for r in ran): sys.exit(3)",
        "print('AT', os.getcwd())",
        after,
    ]
    return subprocess.run(
        [sys.executable, "-c", "\n".join(script)],
        cwd=folder, env={**os.environ, "PYTHONPATH": "", **(env or {})},
        capture_output=True, text=True,
    )  # fmt: skip


def entered(ran):
    """What is said first and last: the set-up cell itself says nothing, a lesson does."""
    lines = ran.stdout.splitlines()
    return lines[0], lines[-1]


def copy_course(folder):
    """The course as it is here, without its environments and its history."""
    left_out = shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache", "site", "dist")
    return Path(shutil.copytree(ROOT, folder, ignore=left_out))


def test_every_notebook_begins_with_the_same_cell():
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        first = next(c for c in notebook["cells"] if c["cell_type"] == "code")
        assert "".join(first["source"]) == CELL, path.name
        assert first["outputs"] == [], path.name


def test_it_is_short():
    assert len([line for line in CELL.splitlines() if line]) <= 10


def test_it_finds_the_course_from_any_folder_of_it_silently():
    for folder in (ROOT, ROOT / "notebooks", ROOT / "lessons" / "superposition"):
        ran = run_cell(CELL, folder)
        assert ran.stdout.splitlines() == [f"AT {ROOT}", ours(ROOT)], ran.stderr
        assert ran.stderr == ""


def test_a_lesson_can_be_entered_after_it():
    ran = run_cell(CELL, ROOT / "notebooks", after=LESSON)
    assert entered(ran) == (f"AT {ROOT}", "LESSON superposition") and ran.stderr == ""


def test_it_finds_the_course_however_deep_and_from_the_folder_around_it(tmp_path):
    course = copy_course(tmp_path / COURSE)
    deep = course / "notebooks" / "my own" / "copies" / "of it"
    deep.mkdir(parents=True)
    for folder in (deep, tmp_path):
        ran = run_cell(CELL, folder, course=course)
        assert ran.stdout.splitlines() == [f"AT {course}", ours(course)], ran.stderr


def test_a_path_with_a_space_and_an_accent_is_a_path(tmp_path):
    course = copy_course(tmp_path / "my courses, ça va" / "here")
    ran = run_cell(CELL, course / "notebooks", course=course)
    assert ran.stdout.splitlines() == [f"AT {course}", ours(course)], ran.stderr


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("name", ["utils", "lessons"])
def test_another_package_of_the_same_name_does_not_stand_in_for_ours(name, loaded, tmp_path):
    other = tmp_path / "site" / name
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("HERE = 'not the course'")
    before = f"sys.path.insert(0, {str(tmp_path / 'site')!r})"
    before += f"\nimport {name}" if loaded else ""
    ran = run_cell(CELL, ROOT / "notebooks", before=before)
    assert ran.stdout.splitlines() == [f"AT {ROOT}", ours(ROOT)], ran.stderr


def test_a_module_file_called_utils_beside_the_notebook_does_no_harm(tmp_path):
    course = copy_course(tmp_path / "course")
    (course / "notebooks" / "utils.py").write_text("raise RuntimeError('not this one')")
    ran = run_cell(CELL, course / "notebooks", course=course)
    assert ran.stdout.splitlines()[-1] == ours(course), ran.stdout + ran.stderr


def test_outside_the_course_one_sentence_says_what_to_do(tmp_path):
    ran = run_cell(CELL, tmp_path)
    said = set(ran.stdout.splitlines())
    assert ran.returncode == 3 and ran.stderr == ""
    assert len(said) == 1 and f"git clone {syllabus.repository()}" in said.pop()


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """An interpreter of its own, in a folder with a space, that has no package at all."""
    folder = tmp_path_factory.mktemp("an environment")
    venv.create(folder, with_pip=False)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def test_a_kernel_without_the_packages_is_told_so_in_one_sentence(bare_python, tmp_path):
    """Without IPython, which the set-up cell needs to be a cell; what it calls needs nothing."""
    script = (
        "import runpy\n"
        f"there = runpy.run_path({str(ROOT / 'utils' / 'environment.py')!r})\n"
        "try:\n    there['enter']()\n"
        "except there['Stop'] as stop:\n    print(*stop._render_traceback_())"
    )
    ran = subprocess.run([bare_python, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert ran.stderr == "" and len(ran.stdout.splitlines()) == 1
    for part in ("lacks ipywidgets, matplotlib", "torch", str(bare_python), '%pip install "ipy'):
        assert part in ran.stdout
    script = "from utils import environment; print(environment.report())"
    ran = subprocess.run([bare_python, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert "torch is not installed" in ran.stdout and "%pip install" in ran.stdout, ran.stderr


def test_a_package_that_cannot_be_loaded_is_named(tmp_path):
    (tmp_path / "torch.py").write_text("raise OSError('c10.dll: a module was not found')")
    before = f"sys.path.insert(0, {str(tmp_path)!r})"
    ran = run_cell(CELL, ROOT, before=before, after=LESSON)
    assert ran.returncode == 3 and "Traceback" not in ran.stdout
    assert "PyTorch is installed but cannot be loaded: c10.dll" in ran.stdout


def test_an_old_python_is_told_so(monkeypatch):
    monkeypatch.setattr(environment.sys, "version_info", (3, 9, 18))
    with pytest.raises(environment.Stop, match=r"needs 3\.11 or newer"):
        environment.enter()


def test_the_check_of_the_environment_needs_the_standard_library_only():
    script = "import sys; from utils import environment; environment.report(); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    loaded = {name.split(".")[0] for name in ran.stdout.split()}
    assert loaded.isdisjoint({"torch", "numpy", "IPython", "packaging"}) and "utils" in loaded


@pytest.mark.parametrize(
    "version, floor, below",
    [("2.0.0", "2", False), ("2.10", "2.9", False), ("2.6.0+cpu", "2.6", False),
     ("8", "7.7", False), ("1.9.9", "2.0", True), ("3.8.3", "3.8.4", True),
     ("2.6.0rc1", "2.6.1", True)],
)  # fmt: skip
def test_versions_are_compared_as_numbers(version, floor, below, monkeypatch):
    monkeypatch.setattr(environment, "requirements", lambda: [f"torch>={floor}"])
    monkeypatch.setattr(environment.importlib.metadata, "version", lambda name: version)
    assert bool(environment.problems()) is below


def test_a_home_that_cannot_be_written_gets_no_warnings(tmp_path):
    env = {"HOME": "/proc/none", "IPYTHONDIR": str(tmp_path)}
    ran = run_cell(CELL, ROOT, env=env, after=LESSON)
    assert entered(ran) == (f"AT {ROOT}", "LESSON superposition")
    assert ran.stderr == ""


def test_loading_is_said_in_a_notebook_and_taken_back(monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.delenv("TQDM_DISABLE")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    client = NotebookClient(notebook, resources={"metadata": {"path": str(ROOT)}})
    lines, process = [], client.process_message

    def listen(message, *rest):
        lines.extend(filter(None, [message["content"].get("data", {}).get("text/html")]))
        return process(message, *rest)

    client.process_message = listen
    client.execute()
    assert "Loading PyTorch" in lines[0] and len(lines) == len(environment.SLOW)
    (output,) = notebook.cells[0].outputs
    assert output["data"]["text/html"] == ""


def git(*arguments, cwd):
    who = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    command = ["git", *who, *arguments]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


def publish(folder, edit=lambda pyproject: pyproject):
    """Put the course as it is here into a repository; the settings with which git takes the
    course's address for that repository's."""
    pyproject = copy_course(folder) / "pyproject.toml"
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


def test_on_colab_it_fetches_the_course_into_an_empty_folder(tmp_path):
    content = tmp_path / "content"
    content.mkdir()
    env = {**publish(tmp_path / "course"), "PIP_NO_INDEX": "1"}  # nothing is missing
    before = installed(env)
    ran = run_cell(CELL, content, colab=True, env=env, after=LESSON)
    clone = content / COURSE
    assert entered(ran) == (f"AT {clone}", "LESSON superposition"), ran.stderr
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


def course_that_needs_more(tmp_path):
    """A course that needs one package more than there is, and a newer numpy."""
    content, wheels = tmp_path / "content", tmp_path / "wheels"
    for folder in (content, wheels):
        folder.mkdir()
    more = ('"numpy>=', '"onepackagemore>=1",\n    "numpy>=9')
    env = publish(tmp_path / "course", edit=lambda pyproject: pyproject.replace(*more))
    extra = str(tmp_path / "installed")  # where pip puts things, so that the environment stays
    env |= {"PYTHONPATH": extra, "PIP_TARGET": extra}
    return content, wheels, env | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}


def test_on_colab_what_is_missing_is_installed_and_nothing_is_upgraded(tmp_path):
    content, wheels, env = course_that_needs_more(tmp_path)
    write_wheel(wheels, "onepackagemore", "1.0")
    write_wheel(wheels, "numpy", "99.0")
    before = installed(env)
    ran = run_cell(CELL, content, colab=True, env=env, course=content / COURSE)
    assert ran.stdout.splitlines()[-1] == ours(content / COURSE), ran.stdout + ran.stderr
    assert installed(env) == before | {"onepackagemore==1.0"}


def test_on_colab_what_cannot_be_installed_is_named(tmp_path):
    content, _, env = course_that_needs_more(tmp_path)
    ran = run_cell(CELL, content, colab=True, env=env)
    assert ran.returncode == 3 and "lacks onepackagemore" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


def test_the_floors_let_colab_keep_what_it_has():
    lines = (ROOT / "tests" / "places" / "colab.txt").read_text(encoding="utf-8").splitlines()
    colab = dict(line.split("==") for line in lines if line and line[0] != "#")
    colab["torch"] = "2.11.0"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for wanted in map(Requirement, project["dependencies"]):
        assert wanted.name in colab, f"has Colab {wanted.name}? enter it in tests/places/colab.txt"
        assert wanted.specifier.contains(colab[wanted.name]), wanted


def test_a_clone_on_windows_has_the_lines_that_the_notebooks_were_made_from(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in (".gitattributes", "README.md", "docs/superposition.png", "pyproject.toml"):
        (source / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    git("init", "--quiet", cwd=source)
    git("add", "--all", cwd=source)
    git("commit", "--quiet", "--message", "all of it", cwd=source)
    git("clone", "--quiet", "-c", "core.autocrlf=true", "source", "clone", cwd=tmp_path)
    for name in ("README.md", "docs/superposition.png", "pyproject.toml"):
        assert (tmp_path / "clone" / name).read_bytes() == (ROOT / name).read_bytes(), name


def test_no_cell_needs_a_shell_that_splits_paths():
    commands = re.findall(r"^\s*!(.*)$", CELL, re.MULTILINE)
    assert commands == [f"git clone -q --depth 1 {syllabus.repository()}"]
