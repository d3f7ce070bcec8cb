"""The learner's record: one small JSON file, and a line to carry it. And the bar over a long run.

The record holds {"passed": {"topic/exercise": day}, "drills": {"topic/Kind": …}, "sessions": …};
utils.practice writes the last two. Days are ISO dates. Two notebooks may write at once, the disk
may take nothing, the file may be anything: what can be kept is kept, and nothing is raised.
"""

import base64
import contextlib
import errno
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import platformdirs

from utils import syllabus
from utils.bars import track as track  # lessons know it by this module

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

    fcntl = None

PREFIX = "aim1:"  # what a carried line begins with: the course, and the version of its form
DAMAGED = "it is damaged"
PATIENCE = 5.0  # seconds to wait for another notebook that is writing; it needs milliseconds

Record = dict[str, dict[str, Any]]
_said: set[str] = set()


def record_path() -> Path:
    """In the user's data directory, or in ALIGNMENT_IN_MINIATURE_HOME if that is set."""
    home = os.environ.get("ALIGNMENT_IN_MINIATURE_HOME")
    return Path(home or platformdirs.user_data_dir("alignment-in-miniature")) / "progress.json"


def read() -> Record:
    """The whole record. What is wrong with the file is said once, and the record is empty then."""
    found, wrong = _load()
    if wrong == DAMAGED:
        with contextlib.suppress(OSError), _locked():
            found, wrong = _load()  # another notebook may have set it aside meanwhile
            if wrong == DAMAGED:
                _set_aside()
                wrong = ""
    if wrong and wrong not in _said:
        _said.add(wrong)
        print(f"Your record of progress cannot be read, and stays as it is: {wrong}")
    return found


def update(change: Callable[[Record], None]) -> bool:
    """Change the record, with no other notebook between reading and writing. Whether it was kept.

    Where it cannot be kept, the learner is told so in one line.
    """
    read()  # sets a damaged file aside, and says so
    try:
        with _locked():
            whole, wrong = _load()
            if wrong:
                raise OSError(wrong)
            change(whole)
            write(whole)
    except OSError as error:
        print(f"  (your progress could not be saved: {_reason(error)})")
        return False
    return True


def write(whole: Record) -> None:
    """Write the whole record. Raises OSError where the disk does not take it."""
    path = record_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"progress.new-{os.getpid()}.json")  # beside it, then moved:
    try:  # never half a file
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(whole, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)


def _load() -> tuple[Record, str]:
    """The record, or an empty one and what is wrong with the file."""
    try:
        return _valid(json.loads(record_path().read_text(encoding="utf-8"))), ""
    except FileNotFoundError:
        return _valid({}), ""
    except (ValueError, RecursionError):
        return _valid({}), DAMAGED
    except OSError as error:
        return _valid({}), _reason(error)


def _set_aside() -> None:
    """Keep a damaged file under another name, and say so. Raises OSError if the disk refuses."""
    path = record_path()
    now = datetime.now().isoformat(timespec="microseconds").replace(":", "-")
    aside = path.with_name(f"progress.damaged-{now}.json")
    path.replace(aside)
    print(f"Your record of progress could not be read. It is kept as {aside}; a new one starts.")


def _reason(error: OSError) -> str:
    """What an error says, without its number."""
    return f"{error.strerror.lower()} ({error.filename})" if error.strerror else str(error)


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Alone with the record. The system frees the lock of a kernel that ends, however it ends."""
    path = record_path().with_name("progress.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        end = time.monotonic() + PATIENCE
        while not _try_lock(file.fileno()):
            if time.monotonic() > end:
                raise TimeoutError(f"another notebook has held it for {PATIENCE:.0f} seconds")
            time.sleep(0.01)
        yield  # closing the file frees it


def _try_lock(number: int) -> bool:
    try:
        if fcntl:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        # A disk that knows no locks (some network homes) does not keep anybody from learning.
        return error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
    return True


def _valid(record: Any) -> Record:
    """The record with all of its parts. Raises ValueError when it is not one."""
    if not isinstance(record, dict):
        raise ValueError("a record is a JSON object")
    parts = record | {name: record.get(name, {}) for name in ("passed", "drills", "sessions")}
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


def passed() -> dict[str, str]:
    """The exercises passed so far, as "topic/exercise": ISO date."""
    return read()["passed"]


def record(topic: str, exercise: str) -> None:
    """Note that an exercise was passed. The day of the first time stays."""
    name = f"{topic}/{exercise}"
    if name not in passed():
        update(lambda whole: whole["passed"].setdefault(name, date.today().isoformat()))


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

    def merge(whole: Record) -> None:
        for name, day in carried["passed"].items():
            whole["passed"][name] = min(day, whole["passed"].get(name, day))
        for name, drill in carried["drills"].items():
            here = whole["drills"].get(name, drill)
            whole["drills"][name] = max(here, drill, key=lambda d: d["last"])

    if update(merge):
        n, m = (len(read()[part]) for part in ("passed", "drills"))
        print(f"Your record now holds {n} exercises passed and {m} prompts practiced.")


def report() -> str:
    """How many exercises of each written lesson are passed, a line a lesson."""
    from utils import exercises  # here: the record itself needs no torch

    done = passed()
    lines = []
    for entry in syllabus.written():
        names = [f"{entry.topic}/{e.name}" for e in exercises.of(entry.topic)]
        if names:
            n = sum(name in done for name in names)
            bar = "■" * n + "□" * (len(names) - n)
            lines.append(f"{entry.title}: {n} of {len(names)} exercises  {bar}")
    return "\n".join(lines)
