"""What a notebook's outputs are made from: the files that its cells import; a fingerprint."""

import ast
import hashlib
from functools import cache
from pathlib import Path

from utils import claims, exercises, syllabus
from utils.syllabus import ROOT, Entry

# What every lesson's notebook runs through, whatever it imports itself.
ENTRANCE = ROOT / "utils" / "notebook.py"


def file_of(module: str) -> Path | None:
    """The file of one of the course's own modules; None for any other."""
    if module.split(".")[0] not in ("lessons", "utils"):
        return None
    path = ROOT.joinpath(*module.split("."))
    found = [p for p in (path.with_suffix(".py"), path / "__init__.py") if p.exists()]
    return found[0] if found else None


def imported(code: str) -> set[Path]:
    """The course's own files that some Python code imports, at any depth of the code."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from lessons.dpo import figures`: the name may be a module
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        found |= {file_of(name) for name in names}
    return found - {None}


@cache
def imports_of(path: Path) -> frozenset[Path]:
    """What one file imports of the course."""
    return frozenset(imported(path.read_text(encoding="utf-8")))


def reached(start: set[Path]) -> set[Path]:
    """These files, and all that they import, directly or not."""
    seen: set[Path] = set()
    waiting = set(start)
    while waiting:
        path = waiting.pop()
        seen.add(path)
        waiting |= imports_of(path) - seen
    return seen


def made_from(entry: Entry, code: str) -> list[Path]:
    """The files on which a lesson's outputs depend. code: all of its cells.

    Checks are imported by name when something is graded, so no import shows them.
    """
    text = (entry.folder / "lesson.md").read_text(encoding="utf-8")
    declared = exercises.of(entry.topic)
    start = imported(code) | {ENTRANCE, entry.folder / "exercises.py"}
    start |= {entry.folder / "checks" / f"{ex.name}.py" for ex in declared}
    # Only a lesson that looks at the syllabus (the map) depends on all of its entries.
    map_of_all = {ROOT / "lessons" / "syllabus.toml"} if "course_map" in text else set()
    return sorted(reached(start) | map_of_all)


def digest(entry: Entry, code: str) -> str:
    """A fingerprint of everything that a lesson's outputs are made from."""
    parts = [claims.table(entry.topic), repr(entry)]
    return fingerprint(contents(made_from(entry, code)) + parts)


def practice_digest(text: str) -> str:
    """The fingerprint of whiteboard practice, which shows a table and prompts of all lessons."""
    start = {ROOT / "utils" / "practice.py"}
    files = [*reached(start), *ROOT.glob("lessons/*/whiteboard.md")]
    files += ROOT.glob("lessons/*/drills.py")
    return fingerprint([text, *contents(sorted(files)), repr(syllabus.entries())])


def contents(files: list[Path]) -> list[str]:
    """The text of each file, after its name."""
    return [
        text
        for p in files
        for text in (p.relative_to(ROOT).as_posix(), p.read_text(encoding="utf-8"))
    ]


def fingerprint(parts: list[str]) -> str:
    """Sixteen hexadecimal digits that change with any of the parts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
