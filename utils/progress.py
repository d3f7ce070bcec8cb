"""The bar over a long run, and the learner's record of exercises passed."""

import json
import os
import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import platformdirs
from tqdm import tqdm

from utils import exercises, syllabus


def track(steps: Iterable, label: str) -> Iterable:
    """Iterate with a plain-text progress bar on stderr; TQDM_DISABLE=1 keeps it silent."""
    silent = bool(os.environ.get("TQDM_DISABLE"))
    return tqdm(steps, label, file=sys.stderr, leave=False, mininterval=0.3, disable=silent)


def record_path() -> Path:
    """In the user's data directory, or in ALIGNMENT_IN_MINIATURE_HOME if that is set."""
    home = os.environ.get("ALIGNMENT_IN_MINIATURE_HOME")
    return Path(home or platformdirs.user_data_dir("alignment-in-miniature")) / "progress.json"


def passed() -> dict[str, str]:
    """The exercises passed so far, as "topic/exercise": ISO date. A damaged record is set aside."""
    path = record_path()
    try:
        record = json.loads(path.read_text(encoding="utf-8"))["passed"]
        return {str(key): str(day) for key, day in record.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        aside = path.with_name(f"progress.damaged-{date.today()}.json")
        path.replace(aside)
        print(
            f"Your record of progress could not be read. It is kept as {aside}; a new one starts."
        )
        return {}


def record(topic: str, exercise: str) -> None:
    """Note that an exercise was passed. The day of the first time stays."""
    done = passed()
    if f"{topic}/{exercise}" in done:
        return
    path = record_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name("progress.new.json")  # written beside it, then moved: never half a file
    entry = {"passed": {**done, f"{topic}/{exercise}": date.today().isoformat()}}
    fresh.write_text(json.dumps(entry, indent=1), encoding="utf-8")
    fresh.replace(path)


def report() -> str:
    """How many exercises of each written lesson are passed, a line a lesson."""
    done = passed()
    lines = []
    for entry in syllabus.written():
        names = [f"{entry.topic}/{e.name}" for e in exercises.of(entry.topic)]
        if names:
            n = sum(name in done for name in names)
            bar = "■" * n + "□" * (len(names) - n)
            lines.append(f"{entry.title}: {n} of {len(names)} exercises  {bar}")
    return "\n".join(lines)
