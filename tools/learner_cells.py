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
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

import IPython
import torch
from IPython.display import display

from tools.cell_code import as_python, defined, needed
from utils import answers, exercises, grading, verdicts
from utils.exercises import Exercise
from utils.grading import TimeLimit, show

MEMORY = 2 * 10**9  # bytes beyond what Python and torch take
CPU_SECONDS = 900
FILE_BYTES = 10**7
TOO_LONG = 77  # how this process ends when a cell uses up its time
REFUSED = ("socket.", "subprocess.", "shutil.", "ctypes.dlopen", *(f"os.{what}" for what in (
    "system", "exec", "spawn", "posix_spawn", "fork", "kill", "remove", "rename", "rmdir", "link",
    "symlink", "truncate", "chmod", "chown")))  # fmt: skip


class Shell:
    """Stands in for IPython: what magics and shell commands would do is left undone."""

    def __getattr__(self, name: str) -> Callable[..., list]:
        return lambda *args, **kwargs: []


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
    signal.signal(signal.SIGXCPU, lambda *_: os._exit(TOO_LONG))


def allow(seconds: float) -> None:
    """From here on so many CPU seconds, which do not depend on what else the machine does."""
    try:
        import resource
    except ImportError:
        return
    until = int(time.process_time() + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (min(until, CPU_SECONDS), CPU_SECONDS))


def refuse(folder: str, event: str, args: tuple) -> None:
    """An audit hook, which Python code cannot take off: no network, no programs, no writing."""
    writes = event == "open" and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    inside = writes and os.path.realpath(str(args[0])).startswith(folder)
    if event.startswith(REFUSED) or (writes and not inside):
        raise PermissionError(f"{event} is not allowed in `make progress`")


def foundations(declared: dict[str, Exercise]) -> dict[str, Any]:
    """All that grading stands on, by name: where one is replaced, a cell wrote over its grader.

    The first call also imports what judges the answers.
    """
    judges = [fn for ex in declared.values() for _, fn in ex.checks]
    judges += [ex.reference for ex in declared.values()]
    spaces = [sys.modules[name] for name in {fn.__module__ for fn in judges}]
    spaces += [exercises, grading, answers, verdicts, Exercise, grading.Grade, answers.Recorder]
    spaces += [answers.Budget, builtins, math, torch, torch.Tensor, torch.nn.functional]
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


def execute(code: ast.Module | str, namespace: dict[str, Any]) -> BaseException | None:
    """Run a cell, or a statement of one; hand back what it raised."""
    try:
        exec(compile(code, "notebook", "exec"), namespace)
    except BaseException as error:  # SystemExit too
        return error
    return None


def verdict(ex: Exercise, answer: Any) -> str:
    """What the table says of an answer."""
    grade = ex.grade(answer)
    if grade.passed or grade.blank:
        return "passed" if grade.passed else "blank"
    if isinstance(grade.failing_case.got, TimeLimit):
        return f"stopped: {show(grade.failing_case.got)}"
    said = grade.looks_like or grade.reason
    return f"wrong: {said[0].lower()}{said[1:]}".splitlines()[0].rstrip(".")[:160]


def brief(error: BaseException) -> str:
    """An exception in a line."""
    return show(error).splitlines()[0][:160]


def run(task: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Go through the exercises' cells in order, and before each through what it needs of others.

    An exercise not passed is its reference for those after it.
    """
    declared = {ex.name: ex for ex in exercises.of(task["topic"])}
    before = foundations(declared)
    cells = ["" if i in task["skip"] else cell for i, cell in enumerate(task["cells"])]
    quiet = SimpleNamespace(check=lambda answer, **_: answer, hint=print, solution=print)
    namespace = {"__name__": "__main__", **declared, "lesson": quiet, "display": display}
    namespace["get_ipython"] = IPython.get_ipython = Shell
    done = set()
    for i, source in enumerate(cells):
        names = defined(source, declared)
        if not names:
            continue
        for statement in needed(i, cells, {*declared, "lesson"}):
            if (place := (statement.cell, statement.place)) not in done:
                done.add(place)
                yield {"at": statement.cell}
                execute(ast.Module([statement.node], []), namespace)
        yield {"at": i}
        there = dict(namespace)
        error = attempt(source, namespace)
        for name in names:
            answer = namespace.get(name)
            if answer is there.get(name):  # the cell did not get as far as that
                said = f"wrong: the cell raises {brief(error)}" if error else "blank"
            else:  # if the cell raises further down, the answer is there all the same
                said = verdict(declared[name], answer)
            if said != "passed":
                namespace[name] = declared[name]
            if changed := overwritten(before, declared):
                said = f"tampered: the cell replaces {changed}"
            yield {"exercise": name, "said": said}
        if overwritten(before, declared):
            return  # nothing that this process says from here on is worth anything
    yield {"done": True}


def attempt(source: str, namespace: dict[str, Any]) -> BaseException | None:
    """Run a cell as a whole; hand back what it raised, be it only on reading."""
    try:
        code = as_python(source)
    except SyntaxError as error:
        return error
    return execute(code, namespace)


def main() -> None:
    """Keep stdout for the reports alone, close the doors, run."""
    task = json.load(sys.stdin)
    reports = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    torch.set_num_threads(1)
    foundations({ex.name: ex for ex in exercises.of(task["topic"])})  # before the doors close
    set_limits()
    sys.dont_write_bytecode = True
    sys.addaudithook(partial(refuse, os.path.realpath(os.getcwd()) + os.sep))
    for report in run(task):
        print(json.dumps(report), file=reports, flush=True)
        allow(task["patience"])
    os._exit(0)  # at once, whatever threads an answer left behind


if __name__ == "__main__":
    main()
