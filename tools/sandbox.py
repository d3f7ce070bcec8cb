"""A learner's notebook graded in a process of its own: what it does there stays there.

Limits of time here, of memory and the rest in the child (tools/learner_cells.py). A cell that ends
the child is noted as such, and the child starts again without it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

from tools.cell_code import defined
from tools.learner_cells import TOO_LONG
from utils import exercises
from utils.syllabus import ROOT

PATIENCE = 60  # CPU seconds for a cell and its grading, which itself stops at 20
BACKSTOP = 300  # seconds by the clock without a report: for cells that sleep, and for Windows
START = 300  # seconds to load Python and torch on a busy machine, before any cell runs


@cache
def isolation() -> list[str]:
    """A command without a network that ends all it started, where the system has one."""
    command = ["unshare", "-rnpf", "--kill-child"]
    works = shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True)
    return command if works and works.returncode == 0 else []


def attempt(task: dict, folder: Path) -> tuple[list[dict], str]:
    """Run the child once: its reports, and why it ended."""
    keep = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "SYSTEMROOT")}
    work = folder / "work"  # the child may write here, and not over its own reports
    work.mkdir()
    env = keep | {"PYTHONPATH": str(ROOT), "HOME": str(work), "TMPDIR": str(work),
                  "MPLBACKEND": "agg", "PYTHONUTF8": "1", "IPYTHONDIR": str(work),
                  "TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1",
                  "ALIGNMENT_IN_MINIATURE_HOME": str(work)}  # fmt: skip
    (folder / "task").write_text(json.dumps(task | {"patience": PATIENCE}), encoding="utf-8")
    command = [*isolation(), sys.executable, "-m", "tools.learner_cells"]
    with (folder / "task").open() as given, (folder / "said").open("w+") as said:
        child = subprocess.Popen(
            command, cwd=work, env=env, stdin=given, stdout=said, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        size, since, why = 0, time.monotonic(), ""
        while child.poll() is None and not why:
            time.sleep(0.1)
            if (now := os.fstat(said.fileno()).st_size) != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > (BACKSTOP if size else START):
                why = f"no end within {BACKSTOP} seconds" if size else "it did not start"
        if why and hasattr(os, "killpg"):
            os.killpg(child.pid, signal.SIGKILL)
        elif why:
            child.kill()
        child.wait()
        said.seek(0)
        reports = [json.loads(line) for line in said if line.endswith("}\n")]
    if child.returncode == TOO_LONG:
        why = f"no end within {PATIENCE} seconds"
    return reports, why or f"Python ended (exit code {child.returncode})"


def grade(topic: str, cells: list[str]) -> dict[str, str]:
    """What to say of each exercise. A cell that ends the child is left out in the next try."""
    names = [ex.name for ex in exercises.of(topic)]
    results, skip = {}, []
    for _ in range(len(names) + 2):
        with tempfile.TemporaryDirectory() as folder:
            reports, why = attempt({"topic": topic, "cells": cells, "skip": skip}, Path(folder))
        results |= {r["exercise"]: r["said"] for r in reports if "exercise" in r}
        if not reports:
            return dict.fromkeys(names, f"stopped: before the first cell, {why}")
        if "done" in reports[-1]:
            break
        at = [r["at"] for r in reports if "at" in r][-1]
        for name in defined(cells[at], names):
            results.setdefault(name, f"stopped: {why}")
        skip.append(at)
    return {name: results.get(name, "blank") for name in names}
