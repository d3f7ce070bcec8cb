"""What the course needs of a Python environment, what is missing, and how to mend it.

The set-up cell of every notebook runs this file by its path and calls `enter`, before anything is
known to be installed and on whatever Python the kernel has: standard library only.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import logging
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
SLOW = {"torch": "PyTorch", "matplotlib.pyplot": "Matplotlib", "utils.notebook": "the course"}


class Stop(Exception):
    """Ends a cell, and Run All with it; the notebook shows its sentence and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def requirements() -> list[str]:
    """What a lesson needs at run time, with its floors, from pyproject.toml."""
    return _project()["dependencies"]


def extra(name: str) -> list[str]:
    """What one of pyproject.toml's extras holds, with its floors."""
    return _project()["optional-dependencies"][name]


def _project() -> dict:
    import tomllib  # here: a Python too old to have it must still be told so

    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]


def _parts(version: str) -> list[int]:
    """A version's numbers, to compare: 2.0.0+cpu is 2, 0, 0."""
    release = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(n) for n in release[0].split(".")] if release else []
    return numbers + [0] * (4 - len(numbers))


def problems() -> dict[str, str]:
    """What is wrong: the requirement as pip takes it, and a sentence. Empty when all is well."""
    found = {}
    for wanted in map(str, requirements()):
        name, _, floor = wanted.partition(">=")
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[wanted] = f"{name} is not installed"
            continue
        if _parts(version) < _parts(floor):
            found[wanted] = f"{name} is {version}; the course needs >={floor}"
    return found


def _missing() -> list[str]:
    return [want for want, what in problems().items() if what.endswith("is not installed")]


def _mend(wanted: list[str]) -> str:
    return "%pip install " + " ".join(f'"{w}"' for w in wanted)


def report() -> str:
    """The environment in words: all well, or each problem with the command that mends it."""
    wrong = problems()
    if not wrong:
        return f"All is well: Python and {len(requirements())} packages are new enough."
    mend = f"Mend it in a cell, then restart the kernel:  {_mend(list(wrong))}"
    return "\n".join([*wrong.values(), mend])


def install_missing() -> None:
    """Install what is not there. A package that is there stays as it is, even below its floor."""
    if missing := _missing():
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *missing], check=True)


def install_extra(name: str) -> None:
    """Install what an extra holds, and nothing of what that asks for in turn."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *extra(name)]
    subprocess.run(command, check=True)
    importlib.invalidate_caches()


def enter() -> None:
    """Stand in the course, with its own modules first and what it needs loaded, silently.

    Raises Stop, with one sentence that says what to do, where that cannot be.
    """
    if sys.version_info < OLDEST:
        raise Stop(
            f"This kernel is Python {sys.version.split()[0]}, and the course needs 3.11 or newer: "
            "choose another in the menu Kernel, Change Kernel."
        )
    if "google.colab" in sys.modules:
        with contextlib.suppress(OSError, subprocess.CalledProcessError):  # said below if so
            install_missing()
    if missing := _missing():
        names = ", ".join(re.split(">=", want)[0] for want in missing)
        raise Stop(
            f"This kernel ({sys.executable}) lacks {names}. Choose the kernel of the course's "
            f"own .venv, or run this in a cell and restart the kernel:  {_mend(missing)}"
        )
    os.chdir(ROOT)
    _our_modules_first()
    # On arrays this small a second thread costs more than it brings; torch's are set in a lesson.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # That it builds its list of fonts, on a slow machine, is no warning.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    if not os.access(os.path.expanduser("~"), os.W_OK):  # else Matplotlib complains in red
        os.environ.setdefault("MPLCONFIGDIR", tempfile.mkdtemp(prefix="matplotlib-"))
    _load()


def _our_modules_first() -> None:
    """`import utils` gets the course's, whatever else of this name is on the path or loaded."""
    sys.path[:] = [str(ROOT), *(p for p in sys.path if p != str(ROOT))]
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("utils", "lessons"):
            homes = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", [])]
            if not any(str(home).startswith(str(ROOT) + os.sep) for home in homes):
                del sys.modules[name]
    importlib.invalidate_caches()


def in_notebook() -> bool:
    """Whether somebody looks at this in a notebook: no terminal, no build, no test."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel") and not os.environ.get("TQDM_DISABLE")


def _load() -> None:
    """Import what takes seconds the first time, and meanwhile say so."""
    slow = [name for name in SLOW if name not in sys.modules]
    note = None
    try:
        for name in slow:
            if in_notebook():
                from IPython.display import HTML, display

                line = HTML(f"<small>Loading {SLOW[name]} …</small>")
                if note is None:
                    note = display(line, display_id=True)
                else:
                    note.update(line)
            importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise Stop(f"{SLOW[name]} is installed but cannot be loaded: {error}") from None
    finally:
        if note is not None:
            note.update(HTML(""))
