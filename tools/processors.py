"""`make claims-processors`: seed 0 of every claim under each kind of vector instructions.

What training makes chaotic ends elsewhere on another processor. data/processors.csv stores how far,
and `wrong` judges by it whether a claim that is measured again still says what is stored.
"""

import argparse
import csv
import json
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path

import torch
from tqdm import tqdm

from utils import claims, syllabus
from utils.claims import Finding, Stored

CSV = syllabus.ROOT / "data" / "processors.csv"
COLUMNS = ["lesson", "claim", "instructions", "value", "unit", "holds"]
# torch's own kernels, and the libraries that multiply its matrices.
INSTRUCTIONS = {
    "default": {"MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "avx2": {"MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "avx512": {},
}
Elsewhere = dict[tuple[str, str, str], Finding]


def here() -> str:
    """The kind of instructions that torch computes with in this process."""
    return torch.backends.cpu.get_cpu_capability().lower()


def available() -> list[str]:
    """The kinds of instructions that this machine can be told to use."""
    kinds = list(INSTRUCTIONS)
    return kinds[: kinds.index(here()) + 1] if here() in kinds else ["default"]


def measure(topic: str, kind: str) -> Elsewhere:
    """Seed 0 of a lesson's claims under one kind of instructions, in a process of its own."""
    environment = os.environ | {"ATEN_CPU_CAPABILITY": kind, "TQDM_DISABLE": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "tools.processors", "--here", "--lesson", topic],
        env=environment | INSTRUCTIONS[kind], cwd=syllabus.ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    if ran.returncode:
        sys.exit(f"make claims-processors: {topic} does not run with {kind} instructions")
    found = json.loads(ran.stdout.splitlines()[-1])
    return {(topic, name, kind): Finding(*fields) for name, fields in found.items()}


def stored(path: Path = CSV) -> Elsewhere:
    """What data/processors.csv holds, by (topic, claim, instructions)."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (r["lesson"], r["claim"], r["instructions"]): Finding(
                float(r["value"]), r["unit"], r["holds"] == "yes"
            )
            for r in csv.DictReader(file)
        }


def write(results: Elsewhere, path: Path = CSV) -> None:
    """Put these lessons' rows in place of their old ones of the same instructions."""
    measured = {(topic, kind) for topic, _, kind in results}
    kept = {k: f for k, f in stored(path).items() if (k[0], k[2]) not in measured}
    order = [e.topic for e in syllabus.entries()]
    rows = {k: f for k, f in (results | kept).items() if k[0] in order}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for key in sorted(rows, key=lambda k: (order.index(k[0]), k[1], k[2])):
            f = rows[key]
            writer.writerow([*key, f"{f.value:.6g}", f.unit, "yes" if f.holds else "no"])


def wrong(
    name: tuple[str, str], found: Finding, seeds: Stored, elsewhere: Elsewhere, kind: str
) -> str:
    """Why what seed 0 gave now contradicts what is stored of a claim; empty when it does not.

    kind: the instructions that `found` was computed with. A claim is exact when seed 0 came out
    alike (to 1e-4 of its value) wherever it was measured, this kind among them: then it must come
    out so again, value and verdict. A claim that training makes chaotic must lie
    in the range of its ten seeds and all processors, widened by half its width on each side: the
    stored seed 0 is one draw from that range, and another processor draws another. Its verdict is
    compared only where all seeds and all processors agree, since there the value is clear of the
    bound; where they do not, either verdict is what is stored.
    """
    kinds = {key[2]: f for key, f in elsewhere.items() if key[:2] == name}
    runs = [*kinds.values()] + [f for key, f in seeds.items() if key[:2] == name]
    zero = seeds[*name, 0]
    if found.unit != zero.unit:
        return f"the unit is {found.unit!r}, stored is {zero.unit!r}"
    exact = kind in kinds and all(_close(f.value, zero.value) for f in kinds.values())
    if exact and not _close(found.value, zero.value):
        return f"{found.value:.6g}, stored is {zero.value:.6g} on every processor"
    low, high = min(f.value for f in runs), max(f.value for f in runs)
    margin = (high - low) / 2
    if not exact and not (low - margin <= found.value <= high + margin):
        return f"{found.value:.6g}, far outside of {low:.6g} to {high:.6g}, where all runs lie"
    agreed = {f.holds for f in ([*kinds.values(), zero] if exact else runs)}
    if agreed == {not found.holds}:
        return f"{found}, and in every stored run the claim " + (
            "fails" if found.holds else "holds"
        )
    return ""


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-9)


def main() -> None:
    """Measure every written lesson under every kind of instructions, and store it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--lesson", default="", help="one lesson's topic; all without it")
    parser.add_argument("--here", action="store_true", help="in this process, printed as JSON")
    args = parser.parse_args()
    if args.here:
        torch.set_num_threads(1)
        found = claims.run(args.lesson, 0)
        print(json.dumps({name: astuple(f) for name, f in found.items()}))
        return
    try:
        topics = [syllabus.entry(args.lesson).topic] if args.lesson else []
    except ValueError as error:
        sys.exit(f"make claims-processors: {error}")
    topics = [t for t in topics or [e.topic for e in syllabus.written()] if claims.of(t)]
    jobs = [(topic, kind) for topic in topics for kind in available()]
    results: Elsewhere = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for one in tqdm(pool.map(lambda job: measure(*job), jobs), total=len(jobs), desc="claims"):
            results |= one
    write(results)
    values: dict[str, list[str]] = {}
    for (topic, name, kind), f in results.items():
        values.setdefault(f"{topic}.{name}", []).append(f"{kind} {f.value:.4g}")
    print("\n".join(f"{name}: {', '.join(found)}" for name, found in values.items()))
    print("Written to data/processors.csv.")


if __name__ == "__main__":
    main()
