"""`make bench`: how long each lesson's experiments take, how that grows, and what memory it needs.

A lesson's experiments.py may have `bench()`, which yields rows (what, run): `run()` does the work
and returns how many optimiser steps it took (0 if none) and the loss it reached (or None). The
peak of memory is that of the kernel that runs the whole notebook; over all lessons it goes to
data/memory.csv, from which docs/instructors.md says how large a hub must be. It fails nothing.
"""

import argparse
import csv
import importlib
import json
import os
import subprocess
import sys
import time

import torch

from utils import claims, syllabus
from utils.syllabus import ROOT, Entry

MEMORY = ROOT / "data" / "memory.csv"
# Of all that a process waited for, so that in a process of its own it is the kernel's alone.
RUN = """\
import json, resource, sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=600).execute()
used = resource.getrusage(resource.RUSAGE_CHILDREN)
unit = 1e6 if sys.platform == "darwin" else 1e3
print(json.dumps([round(used.ru_maxrss / unit), round(used.ru_utime + used.ru_stime)]))
"""


def line(what: str, seconds: float, steps: int = 0, loss: float | None = None) -> str:
    """One row of the table."""
    rate = f"{steps / seconds:>9.0f}" if steps else f"{'–':>9}"
    reached = f"{loss:>11.3e}" if loss is not None else f"{'–':>11}"
    return f"{what:<64}{seconds:>9.2f}{rate}{reached}"


def notebook_needs(entry: Entry) -> tuple[int, int]:
    """Peak of memory in MB and CPU seconds of a kernel that runs the lesson with solutions."""
    folder = ROOT / "solutions"
    command = [sys.executable, "-c", RUN, entry.filename]
    ran = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    peak, seconds = json.loads(ran.stdout)
    return peak, seconds


def write_memory(needs: dict[str, tuple[int, int]]) -> None:
    """What `make build` brings into docs/instructors.md."""
    with MEMORY.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["lesson", "peak_mb", "cpu_s"])
        writer.writerows([topic, *both] for topic, both in needs.items())


def main() -> None:
    """Print CPU seconds of this process on one thread, which a busy machine changes least."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--lesson", default="", help="one lesson's topic; all without it")
    args = parser.parse_args()
    torch.set_num_threads(1)
    os.environ["TQDM_DISABLE"] = "1"
    try:
        entries = [syllabus.entry(args.lesson)] if args.lesson else list(syllabus.written())
    except ValueError as error:
        sys.exit(f"make bench: {error}")
    needs = {}
    for entry in entries:
        print(f"\n{entry.topic:<64}{'CPU s':>9}{'steps/s':>9}{'loss':>11}")
        peak, seconds = needs[entry.topic] = notebook_needs(entry)
        print(line(f"the whole notebook, at most {peak} MB of memory", seconds), flush=True)
        if not claims.of(entry.topic):
            continue
        module = importlib.import_module(f"lessons.{entry.topic}.experiments")
        for what, run in getattr(module, "bench", list)():
            start = time.process_time()
            steps, loss = run()
            print(line(what, time.process_time() - start, steps, loss), flush=True)
        for c in claims.of(entry.topic):
            start = time.process_time()
            c.run(0)
            print(line(f"claim {c.name}", time.process_time() - start), flush=True)
    if not args.lesson:
        write_memory(needs)
        print(
            "\nMemory written to data/memory.csv. `make build` brings it into docs/instructors.md."
        )


if __name__ == "__main__":
    main()
