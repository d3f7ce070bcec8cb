"""`make binder`: the lowest versions that pyproject.toml allows can be installed together.

pip resolves them for the oldest Python of the course, and installs nothing. A floor that nobody
can have beside the others promises what does not exist.
"""

import subprocess
import sys
import tomllib

from packaging.requirements import Requirement

from utils.syllabus import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def floors(extra: str | None = None) -> list[str]:
    """What a group of requirements begins with, as exact versions."""
    texts = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    found = []
    for wanted in map(Requirement, texts):
        (bound,) = wanted.specifier
        assert bound.operator == ">=", f"{wanted} is no floor"
        found.append(f"{wanted.name}=={bound.version}")
    return found


def resolve(wanted: list[str], folder) -> str:
    """What pip says against installing these together, or nothing."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    command += ["--target", str(folder / "nothing"), "--only-binary", ":all:"]
    command += ["--python-version", "3.11"]
    for platform in ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"):
        command += ["--platform", platform]
    ran = subprocess.run([*command, *wanted], capture_output=True, text=True)
    return ran.stderr if ran.returncode else ""


def test_the_floors_can_be_installed_together(tmp_path):
    assert resolve(floors() + floors("lab") + floors("dev"), tmp_path) == ""


def test_floors_that_exclude_each_other_are_seen(tmp_path):
    assert "matplotlib" in resolve(["numpy==2.0.0", "matplotlib==3.8.0"], tmp_path)
