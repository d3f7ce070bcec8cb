"""`make claims`: every claim over the seeds, in parallel, to data/claims.csv.

With other seeds than 0 to 4 it prints and leaves the file alone. With a Dask scheduler's address
the same runs go to its workers: they need the course's packages, and get its code from here.
"""

import argparse
import csv
import importlib
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import joblib
import torch
from tqdm import tqdm

from utils import claims, syllabus
from utils.claims import CSV, SEEDS, Finding
from utils.syllabus import ROOT

COLUMNS = ["lesson", "claim", "seed", "value", "unit", "holds"]


def run(topic: str, name: str, seed: int) -> tuple[str, str, int, Finding]:
    """Measure one claim for one seed, on one thread: the processes share the cores."""
    torch.set_num_threads(1)
    os.environ["TQDM_DISABLE"] = "1"  # one bar over all runs says enough
    module = importlib.import_module(f"lessons.{topic}.experiments")
    return topic, name, seed, getattr(module, name).run(seed)


def upload_course(client) -> None:
    """Give every worker of a Dask cluster the course's modules, now and when it joins later."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("utils", "lessons", "tools"):
            skip = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, Path(folder, "course", name), ignore=skip)
        bundle = shutil.make_archive(str(Path(folder, "course")), "zip", Path(folder, "course"))
        client.upload_file(bundle)


@contextmanager
def backend(name: str, scheduler: str | None):
    """Where joblib runs: processes on this machine, or the workers of a Dask cluster."""
    if name == "loky":
        with joblib.parallel_config("loky", n_jobs=-1):
            yield
        return
    from distributed import Client  # only needed with a cluster

    with Client(scheduler, timeout=10) as client:
        upload_course(client)
        with joblib.parallel_config("dask", client=client):
            yield


def measure(jobs: list[tuple[str, str, int]]) -> list[tuple[str, str, int, Finding]]:
    """Run each (topic, claim, seed), in order, with a progress bar."""
    found = joblib.Parallel(return_as="generator")(joblib.delayed(run)(*job) for job in jobs)
    return list(tqdm(found, total=len(jobs), desc="claims"))


def write(results: list[tuple[str, str, int, Finding]], topics: list[str]) -> None:
    """Put the results of these lessons in place of their old ones; keep the other lessons' rows."""
    kept = [(*k, f) for k, f in claims.measured().items() if k[0] not in topics]
    order = [e.topic for e in syllabus.entries()]
    rows = sorted([*kept, *results], key=lambda row: order.index(row[0]))
    with CSV.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for topic, name, seed, f in rows:
            holds = "yes" if f.holds else "no"
            writer.writerow([topic, name, seed, f"{f.value:.6g}", f.unit, holds])


def report(results: list[tuple[str, str, int, Finding]]) -> str:
    """What was measured, a line a claim."""
    lines = []
    for key in dict.fromkeys((topic, name) for topic, name, *_ in results):
        found = [f for topic, name, _, f in results if (topic, name) == key]
        values = " ".join(f"{f.value:.4g}" for f in found)
        holds = f"{sum(f.holds for f in found)}/{len(found)}"
        lines.append(f"{holds:>5}  {key[0]}.{key[1]}: {values} {found[0].unit}")
    return "\n".join(lines)


def main() -> None:
    """Parse what make hands over; every mistake in it gets a line that says what to do."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--seeds", default="", help="for example 11,12,13 (then nothing is written)"
    )
    parser.add_argument("--lesson", default="", help="one lesson's topic; all without it")
    parser.add_argument("--backend", default="loky", choices=["loky", "dask"])
    parser.add_argument("--scheduler", default="", help="of a Dask cluster, tcp://host:port")
    args = parser.parse_args()
    try:
        seeds = [int(s) for s in args.seeds.split(",")] if args.seeds else list(SEEDS)
    except ValueError:
        sys.exit(f"make claims: SEEDS={args.seeds} is not a list of whole numbers such as 11,12,13")
    if args.backend == "dask" and not args.scheduler:
        sys.exit("make claims: BACKEND=dask needs SCHEDULER=tcp://host:port")
    if args.scheduler and args.backend != "dask":
        sys.exit("make claims: SCHEDULER needs BACKEND=dask")
    try:
        topics = [syllabus.entry(args.lesson).topic] if args.lesson else []
    except ValueError as error:
        sys.exit(f"make claims: {error}")
    topics = topics or [e.topic for e in syllabus.written()]
    jobs = [(c.topic, c.name, seed) for t in topics for c in claims.of(t) for seed in seeds]
    try:
        with backend(args.backend, args.scheduler):
            results = measure(jobs)
    except (OSError, TimeoutError) as error:
        sys.exit(f"make claims: no Dask scheduler answers at {args.scheduler} ({error})")
    print(report(results))
    if args.seeds:
        print(f"Seeds {args.seeds}: printed only; data/claims.csv holds seeds 0 to 4.")
    else:
        write(results, topics)
        print("Written to data/claims.csv. `make build` brings it into the lessons and README.")


if __name__ == "__main__":
    main()
