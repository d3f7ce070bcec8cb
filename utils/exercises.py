"""The exercise contract: declare a function once; its blank, its checks and its diagnosis follow.

    @exercise(difficulty=1, minutes=5, teaches="...", hints=["..."])
    def double(x): ...                     # the reference

    @double.check
    def zero_stays_zero(fn):               # an independent truth, smallest cases first
        expect(fn(torch.zeros(1)), torch.zeros(1))

    @double.mistake("squares instead of doubling")
    def squares(x): ...                    # must fail a check, and a learner who does it is told so

`double` stays callable and is the reference; `double.grade(fn)` is the one door to the checks.
"""

import ast
import contextlib
import ctypes
import functools
import importlib
import inspect
import math
import re
import textwrap
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from utils import syllabus

TIME_LIMIT = 20.0  # seconds for all checks of one answer; the references need well under one


class TimeLimit(BaseException):
    """Ends an answer that runs too long. No Exception, so that `except Exception` lets it pass."""


class Mismatch(Exception):
    """A check found something other than the truth."""

    def __init__(self, expected: Any, got: Any, given: dict[str, Any]):
        super().__init__(f"expected {expected}, got {got}")
        self.expected, self.got, self.given = expected, got, given


@dataclass(frozen=True)
class FailingCase:
    """The input that failed, what the check knows of it, and what came (or was raised)."""

    check: str
    input: dict[str, Any]
    expected: Any
    got: Any

    @property
    def size(self) -> int:
        """How much a reader has to look at: numbers in the input."""
        return sum(v.numel() if torch.is_tensor(v) else 1 for v in self.input.values())

    def __str__(self) -> str:
        rows = [("check", self.check)]
        rows += [("input", f"{name} = {show(value)}") for name, value in self.input.items()]
        if self.expected is not None:
            rows.append(("expected", show(self.expected)))
        label = "raised" if isinstance(self.got, BaseException) else "got"
        rows.append((label, show(self.got)))
        if show(self.got) == show(self.expected):
            rows.append(("", "alike in the digits shown, or of another type"))
        return "\n".join(
            textwrap.indent(f"{k:<10}" + textwrap.indent(v, " " * 10).lstrip(), "  ")
            for k, v in rows
        )


@dataclass(frozen=True)
class Grade:
    """What `grade` found: passed, or the smallest failing case and the mistake it looks like."""

    passed: bool
    failing_case: FailingCase | None = None
    looks_like: str | None = None
    blank: bool = False
    checks: int = 0

    def __str__(self) -> str:
        """The verdict as a learner reads it; the first line says it all."""
        if self.passed:
            return f"correct, {self.checks} checks passed."
        if self.blank:
            return "not written yet."
        looks = [f"  looks like {self.looks_like}"] if self.looks_like else []
        return "\n".join(["not right yet.", *looks, str(self.failing_case)])


def show(value: Any) -> str:
    """A value as a learner reads it: long ones cut, exceptions in a line."""
    try:
        return _show(value)
    except Exception:  # an answer may return what cannot even be printed
        return f"a {type(value).__name__} that cannot be shown"


def _show(value: Any) -> str:
    if isinstance(value, TimeLimit):
        return f"no answer within {TIME_LIMIT:.0f} seconds: a loop that never ends, or a slow one?"
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}{_where(value)}"
    if torch.is_tensor(value):
        text = repr(value.detach())
        if len(text) > 400:
            flat = ", ".join(f"{x:.4g}" for x in value.detach().flatten()[:6].tolist())
            text = f"tensor of shape {tuple(value.shape)}: {flat}, …"
        return text
    if isinstance(value, torch.Generator):
        return f"a generator seeded with {value.initial_seed()}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return value
    text = repr(value)
    return text if len(text) <= 400 else text[:400] + " …"


def _where(error: BaseException) -> str:
    """The learner's own line in which it was raised, if the traceback knows it."""
    ours = (str(syllabus.ROOT / "utils"), str(syllabus.ROOT / "lessons"))
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.line and not frame.filename.startswith(ours) and "-packages" not in frame.filename
    ]
    return f"  (line {frames[-1].lineno}: {frames[-1].line})" if frames else ""


def expect(got: Any, expected: Any, tol: float = 1e-5, **given: Any) -> None:
    """Raise Mismatch unless `got` is what `expected` is: tensor or number, shape, values to `tol`.

    `given` names the inputs to show; without it the answer's last call is shown.
    """
    if torch.is_tensor(expected):
        same = torch.is_tensor(got) and got.shape == expected.shape and not got.is_complex()
        same = same and torch.allclose(got.double(), expected.double(), tol, tol, equal_nan=True)
    elif isinstance(expected, float):
        number = got.item() if torch.is_tensor(got) and got.dim() == 0 else got
        same = isinstance(number, int | float) and abs(number - expected) <= tol * (
            1 + abs(expected)
        )
    else:
        same = type(got) is type(expected) and got == expected
    if not same:
        raise Mismatch(expected, got, given)


def require(truth: bool, expected: str, got: Any, **given: Any) -> None:
    """Raise Mismatch unless `truth` holds: for properties that no single value expresses."""
    if not truth:
        raise Mismatch(expected, got, given)


class _Recorder:
    """Stands in for an answer inside a check: remembers the last call, and guards its inputs."""

    def __init__(self, answer: Callable, reference: Callable):
        self.answer, self.name = answer, reference.__name__
        self.signature = inspect.signature(reference)  # an answer may hide its own in *args
        self.given: dict[str, Any] = {}
        self.got: Any = None
        self.raised: BaseException | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.given = {k: _copy(v) for k, v in self._bind(args, kwargs).items()}
        self.got = None
        try:
            self.got = self.answer(*args, **kwargs)
        except BaseException as error:
            self.raised = error
            raise
        if not self.name.endswith("_"):  # torch's sign for "works in place"
            for name, value in self._bind(args, kwargs).items():
                if torch.is_tensor(value) and not _alike(value, self.given[name], 0.0):
                    raise Mismatch(f"{name} unchanged", f"{name} was changed in place", self.given)
        return self.got

    def _bind(self, args: tuple, kwargs: dict) -> dict[str, Any]:
        try:
            return dict(self.signature.bind(*args, **kwargs).arguments)
        except (TypeError, ValueError):
            return {f"argument {i}": v for i, v in enumerate(args)} | kwargs


def _copy(value: Any) -> Any:
    return value.detach().clone() if torch.is_tensor(value) else value


def _alike(a: Any, b: Any, tol: float) -> bool:
    """Whether two outputs are the same behaviour: for naming the mistake, never for passing."""
    try:
        return _compare(a, b, tol)
    except Exception:  # sparse, nested, quantised: whatever it is, it is not alike
        return False


def _compare(a: Any, b: Any, tol: float) -> bool:
    if torch.is_tensor(a) and torch.is_tensor(b):
        if a.shape != b.shape or a.dtype.is_complex or b.dtype.is_complex:
            return False
        return torch.allclose(a.double(), b.double(), rtol=tol, atol=tol, equal_nan=True)
    if isinstance(a, BaseException) or isinstance(b, BaseException):
        return type(a) is type(b)
    if isinstance(a, float) and isinstance(b, float):  # statistics of random samples wobble
        return a == b or math.isclose(a, b, rel_tol=0.05) or (math.isnan(a) and math.isnan(b))
    return type(a) is type(b) and repr(a) == repr(b)


def _error_of(work: Callable[[], Any], seconds: float) -> BaseException | None:
    """Run `work` in a thread, on any platform; return what it raised, TimeLimit if it took longer.

    Raises KeyboardInterrupt only when the reader interrupts the kernel, not when `work` does.
    """
    raised: list[BaseException] = []

    def target() -> None:
        # Twice, since a second TimeLimit may arrive while the first is being caught.
        try:
            try:
                work()
            except BaseException as error:
                raised.append(error)
        except TimeLimit:
            raised.append(TimeLimit())

    def stop() -> None:
        # A bare `except:` can swallow one such exception, so it is sent until the thread ends. A
        # thread stuck inside one C call is left behind: it is a daemon, and the lesson goes on.
        for _ in range(100):
            if not thread.is_alive():
                break
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(TimeLimit)
            )
            thread.join(0.01)

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    try:
        thread.join(seconds)
    except KeyboardInterrupt:
        stop()
        raise
    if thread.is_alive():
        stop()
        return TimeLimit()
    return raised[0] if raised else None


@contextlib.contextmanager
def _torch_left_alone():
    """What an answer does to torch's global state does not outlive its grading."""
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
            torch.set_num_threads(threads)


@dataclass(eq=False)
class Exercise:
    """One exercise: the reference, and all that is made from it. Call it to call the reference."""

    reference: Callable
    difficulty: int
    minutes: int
    teaches: str
    hints: list[str]
    given: str
    checks: list[tuple[str, Callable]] = field(default_factory=list)
    mistakes: list[tuple[str, Callable]] = field(default_factory=list)

    def __post_init__(self) -> None:
        functools.update_wrapper(self, self.reference, updated=())
        self.name = self.reference.__name__
        self.topic = self.reference.__module__.removeprefix("lessons.").split(".")[0]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.reference(*args, **kwargs)

    def __reduce__(self) -> str:
        return self.name  # pickled by name, as functions are

    def check(self, fn: Callable) -> Callable:
        """Register a check: takes an answer, calls it, raises Mismatch by `expect` or `require`."""
        self.checks.append((fn.__name__.replace("_", " "), fn))
        return fn

    def mistake(self, description: str) -> Callable:
        """Register a plausible wrong answer under the words in which a learner is told of it."""

        def register(fn: Callable) -> Callable:
            self.mistakes.append((description, fn))
            return fn

        return register

    def grade(self, answer: Callable) -> Grade:
        """Run every check on `answer`. Never raises for what the answer does, and ends in time.

        The one thing it cannot end is a single call inside C that never returns and never lets
        Python run, such as sum(itertools.count()): no thread and no signal gets through to that.

        Of the failing cases the smallest is shown. `looks_like` names the planted mistake that
        fails the same checks with the same outputs, if there is one.
        """
        if not callable(answer):
            case = FailingCase("it can be called", {}, f"a function {self.name}", answer)
            return Grade(False, case, blank=answer is None or answer is ...)
        outcomes = self._outcomes(answer)
        failures = [case for case in outcomes if case is not None]
        if not failures:
            return Grade(True, checks=len(self.checks))
        smallest = min(failures, key=lambda case: case.size)
        if self._is_blank(failures):
            return Grade(False, smallest, blank=True)
        if isinstance(smallest.got, TimeLimit):
            return Grade(False, smallest)
        named = (text for text, fn in self.mistakes if self._same(outcomes, self._outcomes(fn)))
        return Grade(False, smallest, looks_like=next(named, None))

    def _outcomes(self, answer: Callable) -> list[FailingCase | None]:
        """For each check in order: None where it passes, else the failing case."""
        outcomes: list[FailingCase | None] = []
        end = time.monotonic() + TIME_LIMIT
        with _torch_left_alone():
            for name, check in self.checks:
                torch.manual_seed(271828)  # unlike any seed a check gives to a generator
                recorder = _Recorder(answer, self.reference)
                left = max(end - time.monotonic(), 0.01)
                error = _error_of(functools.partial(check, recorder), left)
                outcomes.append(self._case(name, recorder, error))
                if isinstance(error, TimeLimit):
                    break
        return outcomes

    def _case(
        self, check: str, recorder: _Recorder, error: BaseException | None
    ) -> FailingCase | None:
        """What a check's error says about the answer."""
        if error is None:
            return None
        if isinstance(error, Mismatch):
            return FailingCase(check, error.given or recorder.given, error.expected, error.got)
        answer_raised = error is recorder.raised or inspect.isclass(self.reference)
        if answer_raised or isinstance(error, TimeLimit):
            return FailingCase(check, recorder.given, None, error)
        # Else the check stumbled over what came back: show that.
        return FailingCase(check, recorder.given, check, recorder.got)

    @staticmethod
    def _same(a: list[FailingCase | None], b: list[FailingCase | None]) -> bool:
        if len(a) != len(b):
            return False
        pairs = zip(a, b, strict=True)
        return all(
            x is y is None or (x is not None and y is not None and _alike(x.got, y.got, 1e-4))
            for x, y in pairs
        )

    def _is_blank(self, failures: list[FailingCase]) -> bool:
        # A class comes with its __init__ written, so some of its checks may pass, others say None.
        is_class = inspect.isclass(self.reference)
        if len(failures) < len(self.checks) and not is_class:
            return False
        return all(
            isinstance(case.got, NotImplementedError)
            or (case.got is None and not is_class)
            or case.got is ...
            # `...` left in and calculated with; a message about einsum's own ellipsis is no blank
            or re.search(r"'ellipsis'|not ellipsis", show(case.got)) is not None
            for case in failures
        )

    @property
    def source(self) -> str:
        """The reference as a learner may read it: no decorator, no marks."""
        lines = inspect.getsource(self.reference).splitlines()
        node = ast.parse("\n".join(lines)).body[0]
        text = "\n".join(lines[node.lineno - 1 :])
        return re.sub(r"# blank: ?", "# ", text)

    @property
    def stub(self) -> str:
        """What stands in the learner's edition, by `given`.

        "blanks": the reference with its lines marked `# blank: what goes here` emptied;
        "signature": name, arguments and docstring; "page": nothing but the name.
        """
        source = self.source
        if self.given == "page":
            signature = inspect.signature(self.reference)
            return f"# A blank page: write {self.name}{signature} here."
        if self.given == "signature":
            return _signature_only(source)
        marked = inspect.getsource(self.reference).splitlines()
        lines = [
            re.sub(r"^(\s*(?:.*? = |return )).*?  # blank: ?(.*)$", r"\1...  # \2", line)
            for line in marked
        ]
        node = ast.parse("\n".join(marked)).body[0]
        return "\n".join(lines[node.lineno - 1 :])


def _signature_only(source: str) -> str:
    node = ast.parse(source).body[0]
    first = node.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    end = first.end_lineno if has_docstring else first.lineno - 1
    return "\n".join([*source.splitlines()[:end], "    raise NotImplementedError"])


def exercise(
    *, difficulty: int, minutes: int, teaches: str, hints: list[str], given: str = "signature"
) -> Callable[[Callable], Exercise]:
    """Declare an exercise. Raises ValueError when the declaration itself is wrong.

    difficulty: 1 to 3. minutes: for a learner, not for you. given: "blanks", "signature" or "page".
    """
    if difficulty not in (1, 2, 3):
        raise ValueError(f"difficulty is 1, 2 or 3, not {difficulty}")
    if given not in ("blanks", "signature", "page"):
        raise ValueError(f'given is "blanks", "signature" or "page", not {given!r}')
    if not hints:
        raise ValueError("an exercise has at least one hint")

    def declare(reference: Callable) -> Exercise:
        if not reference.__doc__:
            raise ValueError(f"{reference.__name__} needs a docstring: it is all a learner has")
        return Exercise(reference, difficulty, minutes, teaches, list(hints), given)

    return declare


def of(topic: str) -> list[Exercise]:
    """The exercises of a lesson, in the order in which they are declared."""
    return _declared(topic, "exercises")


def drills(topic: str) -> list[Exercise]:
    """What a lesson's whiteboard prompts grade beside its exercises: typed results, mended code."""
    return _declared(topic, "drills")


def _declared(topic: str, name: str) -> list[Exercise]:
    if not (syllabus.entry(topic).folder / f"{name}.py").exists():
        return []
    module = importlib.import_module(f"lessons.{topic}.{name}")
    found = [x for x in vars(module).values() if isinstance(x, Exercise)]
    return [x for x in found if x.reference.__module__ == module.__name__]  # not those imported
