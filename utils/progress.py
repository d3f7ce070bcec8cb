"""The bar over a long run, and the learner's record: one small JSON file, and a line to carry it.

The record holds {"passed": {"topic/exercise": day}, "drills": {"topic/Kind": …}, "sessions": …};
utils.whiteboard writes the last two. Days are ISO dates.
"""

import base64
import json
import os
import sys
import zlib
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import platformdirs
from tqdm import tqdm

from utils import exercises, syllabus

PREFIX = "aim1:"  # what a carried line begins with: the course, and the version of its form


def track(steps: Iterable, label: str) -> Iterable:
    """Iterate with a plain-text progress bar on stderr; TQDM_DISABLE=1 keeps it silent."""
    silent = bool(os.environ.get("TQDM_DISABLE"))
    return tqdm(steps, label, file=sys.stderr, leave=False, mininterval=0.3, disable=silent)


def record_path() -> Path:
    """In the user's data directory, or in ALIGNMENT_IN_MINIATURE_HOME if that is set."""
    home = os.environ.get("ALIGNMENT_IN_MINIATURE_HOME")
    return Path(home or platformdirs.user_data_dir("alignment-in-miniature")) / "progress.json"


def read() -> dict[str, dict[str, Any]]:
    """The whole record. A damaged file is set aside under another name, with a message."""
    path = record_path()
    try:
        return _valid(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return _valid({})
    except ValueError:
        now = datetime.now().isoformat(timespec="microseconds").replace(":", "-")
        aside = path.with_name(f"progress.damaged-{now}.json")
        path.replace(aside)
        print(
            f"Your record of progress could not be read. It is kept as {aside}; a new one starts."
        )
        return _valid({})


def _valid(record: Any) -> dict[str, dict[str, Any]]:
    """The record with all of its parts. Raises ValueError when it is not one."""
    if not isinstance(record, dict):
        raise ValueError("a record is a JSON object")
    parts = {name: record.get(name, {}) for name in ("passed", "drills", "sessions")}
    if not all(isinstance(part, dict) for part in parts.values()):
        raise ValueError("each part of a record is a JSON object")
    for day in parts["passed"].values():
        date.fromisoformat(_text(day))
    for drill in parts["drills"].values():
        if not isinstance(drill, dict) or not isinstance(drill.get("step"), int):
            raise ValueError("a drill has a step")
        date.fromisoformat(_text(drill.get("due")))
        date.fromisoformat(_text(drill.get("last")))
    return parts


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a date")
    return value


def write(record: dict[str, dict[str, Any]]) -> None:
    """Write the whole record. Raises OSError where the disk does not take it."""
    path = record_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name("progress.new.json")  # written beside it, then moved: never half a file
    fresh.write_text(json.dumps(record, indent=1), encoding="utf-8")
    fresh.replace(path)


def passed() -> dict[str, str]:
    """The exercises passed so far, as "topic/exercise": ISO date."""
    return read()["passed"]


def record(topic: str, exercise: str) -> None:
    """Note that an exercise was passed. The day of the first time stays."""
    whole = read()
    if f"{topic}/{exercise}" not in whole["passed"]:
        whole["passed"][f"{topic}/{exercise}"] = date.today().isoformat()
        write(whole)


def as_line() -> str:
    """The record as one line of text, to copy from a machine whose disk does not last."""
    whole = read()
    del whole["sessions"]  # a clock that runs is of no use elsewhere
    packed = zlib.compress(json.dumps(whole, separators=(",", ":")).encode(), 9)
    return PREFIX + base64.urlsafe_b64encode(packed).decode()


def from_line(line: str) -> None:
    """Add a carried line to the record here: the earlier pass, the later practice of each stays.

    Raises ValueError, and changes nothing, when the line is not whole.
    """
    text = "".join(line.split())  # a line that was wrapped on its way
    try:
        if not text.startswith(PREFIX):
            raise ValueError("another beginning")
        packed = base64.b64decode(text.removeprefix(PREFIX), altchars=b"-_", validate=True)
        carried = _valid(json.loads(zlib.decompress(packed)))
    except (ValueError, zlib.error):  # zlib keeps a checksum
        raise ValueError(
            f"this is not a whole line of progress: it begins with {PREFIX} and must be copied to "
            "its end. Your record here is unchanged."
        ) from None
    whole = read()
    for name, day in carried["passed"].items():
        whole["passed"][name] = min(day, whole["passed"].get(name, day))
    for name, drill in carried["drills"].items():
        here = whole["drills"].get(name, drill)
        whole["drills"][name] = max(here, drill, key=lambda d: d["last"])
    write(whole)
    n, m = len(whole["passed"]), len(whole["drills"])
    print(f"Your record now holds {n} exercises passed and {m} prompts practiced.")


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
