"""`make claims`: every claim over the seeds, in parallel, to data/claims.csv.

Without SEEDS it measures the seen seeds, with SEEDS=fresh the fresh ones, with SEEDS=all both.
Other seeds are printed and not stored. With a Dask scheduler's address the same runs go to its
workers: they need the course's packages, and get its code from here.
"""

import argparse
import csv
import math
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
from utils.claims import CSV, FRESH_SEEDS, SEEDS, Finding, Stored
from utils.syllabus import ROOT

COLUMNS = ["lesson", "claim", "seed", "value", "unit", "holds"]
PATIENCE = 30  # seconds in which a Dask scheduler must answer, and have a worker
STORED_SEEDS = {"": SEEDS, "fresh": FRESH_SEEDS, "all": SEEDS + FRESH_SEEDS}


def run(topic: str, seed: int) -> Stored:
    """Measure a lesson's claims for one seed, on one thread: the processes share the cores.

    A job is a lesson and a seed, not a claim: the claims of a lesson share the models they train.
    """
    torch.set_num_threads(1)
    os.environ["TQDM_DISABLE"] = "1"  # one bar over all runs says enough
    return {(topic, name, seed): found for name, found in claims.run(topic, seed).items()}


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

    with Client(scheduler, timeout=PATIENCE) as client:
        upload_course(client)
        with joblib.parallel_config("dask", client=client, wait_for_workers_timeout=PATIENCE):
            yield


def measure(jobs: list[tuple[str, int]]) -> Stored:
    """Run each (topic, seed), in order, with a progress bar."""
    found = joblib.Parallel(return_as="generator")(joblib.delayed(run)(*job) for job in jobs)
    results: Stored = {}
    for one in tqdm(found, total=len(jobs), desc="lessons × seeds"):
        results |= one
    return results


def alike(a: Finding, b: Finding) -> bool:
    """Whether two runs gave the same; the file keeps six digits."""
    return a.holds == b.holds and math.isclose(a.value, b.value, rel_tol=1e-4, abs_tol=1e-9)


def merged(old: Stored, new: Stored) -> tuple[Stored, list[str]]:
    """What the file must hold after a measurement, and the claims whose fresh seeds it lost.

    Rows of other lessons and of other seeds stay. A claim that is gone from a measured lesson goes.
    If a seen seed comes out otherwise than stored, the experiment is another one (or the processor
    is): then the claim's rows for seeds not measured now belong to what no longer exists, and go.
    """
    topics = {topic for topic, _, _ in new}
    names = {key[:2] for key in new}
    seen = [key for key in new if key in old and key[2] in SEEDS]
    changed = {key[:2] for key in seen if not alike(new[key], old[key])}
    kept = {k: f for k, f in old.items() if k[0] not in topics or k[:2] in names - changed}
    lost = {k[:2] for k in old if k[:2] in changed and k not in new and k[2] in FRESH_SEEDS}
    return kept | new, sorted(".".join(name) for name in lost)


def write(results: Stored) -> list[str]:
    """Bring the results into data/claims.csv; return the claims whose fresh seeds are lost."""
    rows, lost = merged(claims.measured(), results)
    order = [e.topic for e in syllabus.entries()]
    names = list(dict.fromkeys(key[:2] for key in [*results, *rows]))  # as the lesson declares them
    stored = [key for key in rows if key[0] in order]
    stored.sort(key=lambda key: (order.index(key[0]), names.index(key[:2]), key[2]))
    with CSV.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for key in stored:
            f = rows[key]
            writer.writerow([*key, f"{f.value:.6g}", f.unit, "yes" if f.holds else "no"])
    return lost


def report(results: Stored) -> str:
    """What was measured, a line a claim."""
    lines = []
    for name in dict.fromkeys(key[:2] for key in results):
        found = [f for key, f in results.items() if key[:2] == name]
        values = " ".join(f"{f.value:.4g}" for f in found)
        holds = f"{sum(f.holds for f in found)}/{len(found)}"
        lines.append(f"{holds:>5}  {'.'.join(name)}: {values} {found[0].unit}")
    return "\n".join(lines)


def seeds_of(text: str) -> list[int]:
    """The seeds that SEEDS names. Raises ValueError for what is no list of numbers."""
    return list(STORED_SEEDS[text]) if text in STORED_SEEDS else [int(s) for s in text.split(",")]


def main() -> None:
    """Parse what make hands over; every mistake in it gets a line that says what to do."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--seeds", default="", help="fresh, all, or for example 11,12,13, which is not stored"
    )
    parser.add_argument("--lesson", default="", help="one lesson's topic; all without it")
    parser.add_argument("--backend", default="loky", choices=["loky", "dask"])
    parser.add_argument("--scheduler", default="", help="of a Dask cluster, tcp://host:port")
    args = parser.parse_args()
    try:
        seeds = seeds_of(args.seeds)
    except ValueError:
        sys.exit(
            f"make claims: SEEDS={args.seeds} is neither fresh nor all, and not a list of whole "
            "numbers such as 11,12,13"
        )
    if args.backend == "dask" and not args.scheduler:
        sys.exit("make claims: BACKEND=dask needs SCHEDULER=tcp://host:port")
    if args.scheduler and args.backend != "dask":
        sys.exit("make claims: SCHEDULER needs BACKEND=dask")
    try:
        topics = [syllabus.entry(args.lesson).topic] if args.lesson else []
    except ValueError as error:
        sys.exit(f"make claims: {error}")
    topics = topics or [e.topic for e in syllabus.written()]
    jobs = [(topic, seed) for topic in topics if claims.of(topic) for seed in seeds]
    try:
        with backend(args.backend, args.scheduler):
            results = measure(jobs)
    except (OSError, TimeoutError) as error:
        if args.backend == "loky":
            raise
        sys.exit(f"make claims: no Dask scheduler answers at {args.scheduler} ({error})")
    print(report(results))
    if tuple(seeds) not in STORED_SEEDS.values():
        print(f"Seeds {args.seeds}: printed only; data/claims.csv holds seeds 0 to 9.")
        return
    lost = write(results)
    print("Written to data/claims.csv. `make build` brings it into the lessons and the pages.")
    if lost:
        print(
            "Their seen seeds gave other values than before, so their fresh seeds are no longer "
            f"stored; when the lesson is finished, `make claims SEEDS=fresh`: {', '.join(lost)}"
        )


if __name__ == "__main__":
    main()
