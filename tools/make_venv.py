"""`make .venv`: an environment with what requirements.txt pins, or one line that says why not.

Runs on the interpreter that make found, before anything is installed: standard library only.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
WHEELS = ROOT / "wheels"  # in a bundle (`make bundle`): then no network is needed, or used
NEEDED_GB = 3  # with pip's downloads; a build of torch with GPU libraries takes more

# What pip prints when something outside it is missing, and what to tell the reader.
CAUSES = [
    (
        r"No space left on device",
        f"the disk is full; free {NEEDED_GB} GB and run make again",
    ),
    (
        r"NewConnectionError|NameResolutionError|ConnectTimeout|Temporary failure in name"
        r" resolution|Network is unreachable|ProxyError|Read timed out|Connection refused",
        "no network: pip cannot reach the package index; connect and run make again",
    ),
    (
        r"requires a different Python: (\S+) not in '([^']+)'",
        "this Python is {0}, and a package needs {1}; try another: make PYTHON=python3.12",
    ),
    (
        r"No matching distribution found for (\S+)",
        "there is no {0} for this Python and system; try another: make PYTHON=python3.12",
    ),
]


def stop(why: str) -> None:
    """End with one line that says what is missing; what was half made is removed."""
    shutil.rmtree(VENV, ignore_errors=True)
    sys.exit(f"make: {why}")


def run_pip(log: Path) -> int:
    """Install the pins; show a line for each package as it comes; keep everything in the log."""
    command = [VENV / "bin" / "python", "-m", "pip", "install", "--progress-bar", "off"]
    command += ["--retries", "2", "-r", ROOT / "requirements.txt"]
    if WHEELS.exists():
        command += ["--no-index", "--find-links", WHEELS]
    with log.open("w") as file, subprocess.Popen(
        [str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:  # fmt: skip
        count = 0
        for line in pip.stdout:
            file.write(line)
            if line.startswith("Collecting "):
                count += 1
                print(f"\r  {count} packages found, now {line.split()[1][:40]:<40}", end="")
            elif line.startswith("Installing "):
                print(f"\r  {'unpacking them all: a minute or two':<70}", end="")
            sys.stdout.flush()
    print()
    return pip.returncode


def main() -> None:
    """Check, create, install, and mark it done."""
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < NEEDED_GB:
        sys.exit(f"make: not enough disk: {NEEDED_GB} GB needed, {free:.1f} GB free at {ROOT}")
    print(f"Making .venv with Python {sys.version.split()[0]} (once, a few minutes)", flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True
    )
    if made.returncode:
        stop("this Python has no venv module; on Debian and Ubuntu: apt install python3-venv")
    log = VENV / "install.log"
    if run_pip(log):
        said = log.read_text()
        if WHEELS.exists() and re.search("No matching distribution|different Python", said):
            stop("the wheels in this bundle are for another Python or system: INSTALL says which")
        for pattern, why in CAUSES:
            if match := re.search(pattern, said):
                stop(why.format(*match.groups()))
        errors = [line for line in said.splitlines() if line.startswith("ERROR")]
        stop(f"pip failed: {errors[0] if errors else said.strip()[-200:]}")
    (VENV / "installed").touch()


if __name__ == "__main__":
    main()
