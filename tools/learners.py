"""`make progress DIR=folder`: from learners' notebooks, who passed which exercise, and how not.

A learner is a file in the folder, or a folder in it with any number of notebooks. Each notebook's
exercise cells run in a process of their own, under limits (tools/sandbox.py).
"""

import argparse
import csv
import json
import os
import re
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from tools.sandbox import grade
from utils import exercises, syllabus

RANKS = ("tampered", "passed", "wrong", "stopped", "blank")  # of two copies the first counts

Table = dict[tuple[str, str], dict[str, str]]  # (topic, exercise) -> learner -> what is said


def read(path: Path) -> tuple[str, list[str]]:
    """The topic and the code cells of a learner's notebook. ValueError if it is none of ours."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8-sig"))["cells"]
        code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    except (ValueError, RecursionError):
        raise ValueError("not a notebook: its JSON is broken") from None
    except (KeyError, TypeError, OSError) as error:
        raise ValueError(f"not a notebook ({type(error).__name__})") from None
    found = re.search(r"utils\.lesson\(\s*[\"'](\w+)", "\n".join(code))
    if not found or found[1] not in {e.topic for e in syllabus.written()}:
        raise ValueError("not a notebook of this course: no cell enters a lesson")
    return found[1], code


def collect(folder: Path) -> tuple[Table, dict[str, str]]:
    """The table, and what is wrong with the files that are not in it."""
    table, refused = defaultdict(dict), {}
    paths = [p for p in sorted(folder.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]

    def one(path: Path) -> tuple[Path, str, dict[str, str] | str]:
        try:
            topic, cells = read(path)
            return path, topic, grade(topic, cells)
        except ValueError as error:
            return path, "", str(error)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, topic, found in tqdm(pool.map(one, paths), total=len(paths), desc="notebooks"):
            inside = path.relative_to(folder)
            if isinstance(found, str):
                refused[str(inside)] = found
                continue
            learner = inside.stem if len(inside.parts) == 1 else inside.parts[0]
            for name, said in found.items():
                row = table[topic, name]
                both = (said, row.get(learner, "blank"))
                row[learner] = min(both, key=lambda s: RANKS.index(s.split(":")[0]))
    return table, refused


def report(table: Table, refused: dict[str, str]) -> str:
    """For each lesson learners by exercises, then what is wrong, the most frequent first."""
    lines = []
    for topic in [e.topic for e in syllabus.written() if any(t == e.topic for t, _ in table)]:
        names = [ex.name for ex in exercises.of(topic)]
        learners = sorted({who for name in names for who in table[topic, name]})
        wide = max(map(len, [*learners, topic])) + 2
        lines.append(f"\n{topic:<{wide}}" + "  ".join(names))
        for who in learners:
            words = [
                table[topic, name].get(who, "").split(":")[0].ljust(len(name)) for name in names
            ]
            lines.append(f"{who:<{wide}}" + "  ".join(words).rstrip())
        for name in names:
            groups = defaultdict(list)
            for who, said in table[topic, name].items():
                if ":" in said:
                    groups[said].append(who)
            for said, them in sorted(groups.items(), key=lambda kv: -len(kv[1])):
                lines.append(f"  {name}, {said} ({len(them)}: {', '.join(them)})")
    return "\n".join([*lines, "", *(f"not graded: {path}: {why}" for path, why in refused.items())])


def write(table: Table, refused: dict[str, str], path: Path) -> None:
    """The same as CSV: a row an exercise, a column a learner."""
    learners = sorted({who for row in table.values() for who in row})
    # A file's name may be what no encoding can write.
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["lesson", "exercise", *learners])
        for (topic, name), row in sorted(table.items()):
            writer.writerow([topic, name, *(row.get(who, "") for who in learners)])
        writer.writerows(["", f"not graded: {name}", why] for name, why in refused.items())


def main() -> None:
    """Write the table beside the notebooks, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folder", help="of learners' notebooks")
    folder = parser.parse_args().folder
    if not folder or not Path(folder).is_dir():
        sys.exit(
            f"make progress: name a folder of learners' notebooks, DIR=folder ({folder!r} is none)"
        )
    table, refused = collect(Path(folder))
    if not table and not refused:
        sys.exit(f"make progress: there is no notebook in {folder}")
    target = Path(folder, "progress.csv")
    try:  # before anything is printed: whatever the console makes of that, this is there
        write(table, refused, target)
        written = f"Written to {target}"
    except OSError as error:
        written = f"{target} could not be written: {error.strerror}"
    sys.stdout.reconfigure(errors="replace")  # a console that knows no "≈" shows a "?"
    print(report(table, refused))
    print(written)


if __name__ == "__main__":
    main()
