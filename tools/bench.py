"""`make bench`: how long each lesson's experiments take, and how that grows. It fails nothing.

A lesson's experiments.py may have `bench()`, which yields rows (what, run): `run()` does the work
and returns how many optimiser steps it took (0 if none) and the loss it reached (or None).
"""

import argparse
import importlib
import os
import sys
import time

import torch

from utils import claims, syllabus


def line(what: str, seconds: float, steps: int = 0, loss: float | None = None) -> str:
    """One row of the table."""
    rate = f"{steps / seconds:>9.0f}" if steps else f"{'–':>9}"
    reached = f"{loss:>11.3e}" if loss is not None else f"{'–':>11}"
    return f"{what:<64}{seconds:>9.2f}{rate}{reached}"


def main() -> None:
    """Print CPU seconds of this process on one thread, which a busy machine changes least."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--lesson", default="", help="one lesson's topic; all without it")
    args = parser.parse_args()
    torch.set_num_threads(1)
    os.environ["TQDM_DISABLE"] = "1"
    try:
        topics = [args.lesson and syllabus.entry(args.lesson).topic]
    except ValueError as error:
        sys.exit(f"make bench: {error}")
    if not args.lesson:
        topics = [e.topic for e in syllabus.written() if claims.of(e.topic)]
    for topic in topics:
        module = importlib.import_module(f"lessons.{topic}.experiments")
        print(f"\n{topic:<64}{'CPU s':>9}{'steps/s':>9}{'loss':>11}")
        for what, run in getattr(module, "bench", list)():
            start = time.process_time()
            steps, loss = run()
            print(line(what, time.process_time() - start, steps, loss), flush=True)
        for c in claims.of(topic):
            start = time.process_time()
            c.run(0)
            print(line(f"claim {c.name}", time.process_time() - start), flush=True)


if __name__ == "__main__":
    main()
