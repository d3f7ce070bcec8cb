"""`make bench`: what each lesson costs beside what it may cost, and the whole course.

Three costs, on one thread: CPU seconds of a kernel that runs the whole notebook (with solutions),
and of its dearest cell; CPU seconds of all its claims for one seed; the kernel's peak of memory.
CPU seconds differ by machine and by what else it does, so a yardstick is timed in between, and all
are given in seconds of the machine that the budgets were written for. It prints, and fails nothing.
It writes data/costs.csv, from which docs/instructors.md says how large a hub must be.
"""

import argparse
import csv
import json
import os
import subprocess
import sys

import nbformat
import torch
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from tools.yardstick import USUAL, yardstick
from utils import claims, syllabus
from utils.syllabus import ROOT, Entry

COSTS = ROOT / "data" / "costs.csv"
BUDGET = {"notebook_s": 30, "dearest_cell_s": 15, "claims_s": 30, "peak_mb": 700}
# What may cost more: a real language model, larger than any toy; agents trained by reinforcement.
LARGER = {
    "real_model": {"notebook_s": 60, "claims_s": 60, "peak_mb": 1400},
    "chain_of_thought": {"notebook_s": 45},
}
HEADINGS = ("notebook", "dearest cell", "claims, a seed", "peak memory", "times slower")

# The first cell and the last of a notebook that is measured.
BEFORE = """\
import time
_costs, _began = [], [0.0]
get_ipython().events.register("pre_run_cell", lambda _: _began.__setitem__(0, time.process_time()))
get_ipython().events.register(
    "post_run_cell", lambda _: _costs.append(time.process_time() - _began[0]))"""
AFTER = """\
import json, sys
try:
    import resource
    _peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _peak /= 1e6 if sys.platform == "darwin" else 1e3
except ImportError:  # Windows
    import psutil
    _peak = psutil.Process().memory_info().peak_wset / 1e6
print(json.dumps([time.process_time(), max(_costs[1:]), _peak]))"""
CLAIMS = """\
import sys, time
import torch
from utils import claims
torch.set_num_threads(1)
start = time.process_time()
for claim in claims.of(sys.argv[1]):
    claim.run(0)
print(time.process_time() - start)"""


def of_notebook(entry: Entry) -> tuple[float, float, float]:
    """CPU seconds of the kernel and of its dearest cell, and its peak in MB."""
    folder = ROOT / "solutions"
    notebook = nbformat.read(folder / entry.filename, as_version=4)
    notebook.cells = [new_code_cell(BEFORE), *notebook.cells, new_code_cell(AFTER)]
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}})
    client.execute(stderr=subprocess.DEVNULL)  # a kernel's remarks; errors come by themselves
    said = "".join(o.get("text", "") for o in notebook.cells[-1].outputs)
    seconds, dearest, peak = json.loads(said)
    return seconds, dearest, peak


def of_claims(topic: str) -> float:
    """CPU seconds of all claims of a lesson for one seed, in a process of their own."""
    if not claims.of(topic):
        return 0.0
    command = [sys.executable, "-c", CLAIMS, topic]
    env = os.environ | {"TQDM_DISABLE": "1"}
    ran = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return float(ran.stdout)


def costs(entry: Entry) -> tuple[dict[str, float], float]:
    """What one lesson costs, by the names of BUDGET; how many times slower this machine was."""
    before = yardstick()
    seconds, dearest, peak = of_notebook(entry)
    between = yardstick()
    claimed = of_claims(entry.topic)
    first, second = (before + between) / 2 / USUAL, (between + yardstick()) / 2 / USUAL
    found = (seconds / first, dearest / first, claimed / second, peak)
    return dict(zip(BUDGET, found, strict=True)), (first + second) / 2


def row(name: str, found: dict[str, float]) -> str:
    """A line of the table; what is over the lesson's budget carries a !"""
    budget = BUDGET | LARGER.get(name, {})
    cells = [f"{v:.0f}{'!' if v > budget[k] else ''}" for k, v in found.items()]
    return f"{name:<28}" + "".join(f"{cell:>16}" for cell in cells)


def write(measured: dict[str, dict[str, float]]) -> None:
    """Bring what was measured into data/costs.csv, where `make build` finds it."""
    measured = {e.topic: c for e in syllabus.written() if (c := (read() | measured).get(e.topic))}
    with COSTS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["lesson", *BUDGET])
        for topic, found in measured.items():
            writer.writerow([topic, *(round(v) for v in found.values())])


def read() -> dict[str, dict[str, int]]:
    """What data/costs.csv holds, a lesson's topic to its costs."""
    with COSTS.open(encoding="utf-8", newline="") as file:
        return {r.pop("lesson"): {k: int(v) for k, v in r.items()} for r in csv.DictReader(file)}


def main() -> None:
    """Print a row a lesson, and the sums over the course."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--lesson", default="", help="one lesson's topic; all without it")
    topic = parser.parse_args().lesson
    try:
        entries = [syllabus.entry(topic)] if topic else list(syllabus.written())
    except ValueError as error:
        sys.exit(f"make bench: {error}")
    torch.set_num_threads(1)
    print(f"In seconds of a machine whose yardstick takes {USUAL}; last, how much longer here.\n")
    print(" " * 28 + "".join(f"{heading:>16}" for heading in HEADINGS))
    budget = BUDGET | LARGER.get(topic, {})
    print(f"{'budget (CPU s, MB)':<28}" + "".join(f"{v:>16}" for v in budget.values()))
    measured = {}
    for entry in entries:
        measured[entry.topic], slower = costs(entry)
        print(row(entry.topic, measured[entry.topic]) + f"{slower:>16.1f}", flush=True)
    if not topic:
        for key, what in (("notebook_s", "all notebooks"), ("claims_s", "all claims of one seed")):
            print(f"{what}: {sum(found[key] for found in measured.values()):.0f} CPU s")
    write(measured)
    print("Written to data/costs.csv. `make build` brings it into docs/instructors.md.")


if __name__ == "__main__":
    main()
