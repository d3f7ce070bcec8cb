"""What the course needs of a Python environment, what is missing, and how to mend it.

Run as a script (the set-up cell does so on Colab) it installs what is missing and nothing else.
"""

import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def requirements() -> list[Requirement]:
    """What a lesson needs at run time, with its floors, from pyproject.toml."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return [Requirement(text) for text in project["dependencies"]]


def problems() -> dict[str, str]:
    """What is wrong: the requirement as pip takes it, and a sentence. Empty when all is well."""
    found = {}
    for wanted in requirements():
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            found[str(wanted)] = f"{wanted.name} is not installed"
            continue
        if not wanted.specifier.contains(version, prereleases=True):
            found[str(wanted)] = f"{wanted.name} is {version}; the course needs {wanted.specifier}"
    return found


def report() -> str:
    """The environment in words: all well, or each problem with the command that mends it."""
    wrong = problems()
    lines = list(wrong.values())
    if wrong:
        wants = " ".join(f'"{w}"' for w in wrong)
        lines.append(f"Mend it in a cell, then restart the kernel:  %pip install {wants}")
    if not lines:
        return f"All is well: Python and {len(requirements())} packages are new enough."
    return "\n".join(lines)


def install_missing() -> None:
    """Install what is not there. A package that is there stays as it is, even below its floor."""
    missing = [want for want, what in problems().items() if what.endswith("is not installed")]
    if missing:
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *missing], check=True)


if __name__ == "__main__":
    install_missing()
