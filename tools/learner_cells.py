"""One learner's exercise cells, run and graded: the child process of `make progress`.

It takes a task as JSON on stdin and writes a JSON line before each cell and for each exercise, so
that its parent knows what happened even if a cell ends it. The limits hold back accidents and
simple mischief. They are no prison: code that means harm needs a container around all of this.
"""

import ast
import builtins
import json
import math
import os
import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import torch

from utils import exercises
from utils.exercises import Exercise, TimeLimit, show

MEMORY = 2 * 10**9  # bytes beyond what Python and torch take
CPU_SECONDS = 900
FILE_BYTES = 10**7
REFUSED = ("socket.", "subprocess.", "shutil.", "ctypes.dlopen", *(f"os.{what}" for what in (
    "system", "exec", "spawn", "posix_spawn", "fork", "kill", "remove", "rename", "rmdir", "link",
    "symlink", "truncate", "chmod", "chown")))  # fmt: skip
DEFINING = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


def set_limits() -> None:
    """Memory, processor time, file size. Windows has no such limits: there time alone ends it."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    statm = Path("/proc/self/statm")
    if statm.exists():
        limit = int(statm.read_text().split()[0]) * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def refuse(folder: str, event: str, args: tuple) -> None:
    """An audit hook, which Python code cannot take off: no network, no programs, no writing."""
    writes = event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    inside = writes and os.path.realpath(str(args[0])).startswith(folder)
    if event.startswith(REFUSED) or (writes and not inside):
        raise PermissionError(f"{event} is not allowed in `make progress`")


def foundations(declared: dict[str, Exercise]) -> dict[str, Any]:
    """All that grading stands on, by name: where one is replaced, a cell wrote over its grader."""
    module = sys.modules[next(iter(declared.values())).reference.__module__]
    spaces = [exercises, Exercise, exercises.Grade, exercises._Recorder, module, builtins, math]
    spaces += [torch, torch.Tensor, torch.nn.functional]
    found = {f"{s.__name__}.{name}": value for s in spaces for name, value in vars(s).items()}
    for ex in declared.values():
        found |= {f"{ex.name}.{name}": value for name, value in vars(ex).items()}
        found[f"{ex.name}: number of checks"] = len(ex.checks)
        found |= {f"{ex.name}: {check}": fn for check, fn in ex.checks}
    code = {k: v.__code__ for k, v in found.items() if isinstance(v, FunctionType)}
    return found | {f"{name}'s code": value for name, value in code.items()}


def overwritten(before: dict[str, Any], declared: dict[str, Exercise]) -> str | None:
    """The first of the foundations that is not what it was."""
    now = foundations(declared)
    return next((name for name, value in before.items() if now.get(name) is not value), None)


def defined(source: str, names: list[str]) -> list[str]:
    """Which exercises a cell writes: by def, class or assignment, even if it does not parse."""
    cell = re.compile(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=(?!=|\s*lesson\.check)", re.MULTILINE)
    written = {a or b for a, b in cell.findall(source)}
    return [name for name in names if name in written]


def execute(source: str, namespace: dict[str, Any], whole: bool) -> BaseException | None:
    """Run a cell, or only what it imports and defines; hand back what it raised."""
    try:
        tree = ast.parse(re.sub(r"^[%!].*$", "", source, flags=re.MULTILINE))
        if not whole:
            tree.body = [node for node in tree.body if isinstance(node, DEFINING)]
        exec(compile(tree, "notebook", "exec"), namespace)
    except BaseException as error:  # SystemExit too
        return error
    return None


def verdict(ex: Exercise, answer: Any, error: BaseException | None) -> str:
    """What the table says of one exercise."""
    if error is not None:
        return f"wrong: the cell raises {brief(error)}"
    if answer is ex:
        return "blank"
    grade = ex.grade(answer)
    if grade.passed or grade.blank:
        return "passed" if grade.passed else "blank"
    got = grade.failing_case.got
    if isinstance(got, TimeLimit):
        return f"stopped: {show(got)}"
    raised = f"raises {brief(got)}" if isinstance(got, BaseException) else None
    return f"wrong: {grade.looks_like or raised or 'fails: ' + grade.failing_case.check}"


def brief(error: BaseException) -> str:
    """An exception in a line."""
    return show(error).splitlines()[0][:160]


def run(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Go through the cells in order; an exercise not passed is its reference for those after it."""
    declared = {ex.name: ex for ex in exercises.of(task["topic"])}
    before = foundations(declared)
    quiet = SimpleNamespace(check=lambda answer, **_: answer, hint=print, solution=print)
    namespace = {"__name__": "__main__", **declared, "lesson": quiet}
    for i, source in enumerate(task["cells"]):
        if i in task["skip"]:
            continue
        yield {"at": i}
        names = defined(source, list(declared))
        error = execute(source, namespace, whole=bool(names))
        for name in names:
            said = verdict(declared[name], namespace.get(name), error)
            if said != "passed":
                namespace[name] = declared[name]
            if changed := overwritten(before, declared):
                said = f"tampered: the cell replaces {changed}"
            yield {"exercise": name, "said": said}
        if overwritten(before, declared):
            return  # nothing that this process says from here on is worth anything
    yield {"done": True}


def main() -> None:
    """Keep stdout for the reports alone, close the doors, run."""
    task = json.load(sys.stdin)
    reports = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    torch.set_num_threads(1)
    exercises.of(task["topic"])  # imported before the doors close
    set_limits()
    sys.dont_write_bytecode = True
    sys.addaudithook(partial(refuse, os.path.realpath(os.getcwd()) + os.sep))
    for report in run(task):
        print(json.dumps(report), file=reports, flush=True)
    os._exit(0)  # at once, whatever threads an answer left behind


if __name__ == "__main__":
    main()
