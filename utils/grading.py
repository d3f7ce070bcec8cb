"""Grading: run an exercise's checks on an answer, show the smallest failing case, name the mistake.

    grade = bradley_terry_loss.grade(answer)       # calls grade(exercise, answer) below
    grade.passed, grade.failing_case, grade.looks_like

A check takes the answer, calls it, and says what it expects by `expect` or `require`.
"""

import functools
import inspect
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from utils.answers import (
    IN_PLACE,
    AskedForInput,
    Budget,
    Mismatch,
    Recorder,
    TimeLimit,
    alike,
    isolated,
)  # fmt: skip
from utils.verdicts import OURS, FailingCase, Grade, difference, show

if TYPE_CHECKING:
    from utils.exercises import Exercise

__all__ = ["FailingCase", "Grade", "TimeLimit", "expect", "grade", "require", "show"]


def expect(got: Any, expected: Any, tol: float = 1e-5, **given: Any) -> None:
    """Raise Mismatch unless `got` is what `expected` is: tensor or number, shape, values to `tol`.

    The dtype is part of it: float64 is refused where float32 is expected, and a count that comes
    as a float, too. A number of NumPy's counts as Python's. `given` names the inputs to show;
    without it the answer's last call is shown.
    """
    got = got.item() if isinstance(got, np.generic) else got
    if torch.is_tensor(expected):
        same = torch.is_tensor(got) and got.shape == expected.shape
        same = same and _same_kind(got.dtype, expected.dtype)
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


def _same_kind(a: torch.dtype, b: torch.dtype) -> bool:
    """The same dtype; of integers any width will do."""
    whole = (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8)
    return a == b or (a in whole and b in whole)


def require(truth: bool, expected: Any, got: Any, **given: Any) -> None:
    """Raise Mismatch unless `truth` holds: for properties that no single value expresses."""
    if not truth:
        raise Mismatch(expected, got, given)


def grade(ex: "Exercise", answer: Callable) -> Grade:
    """Run every check on `answer`. Never raises for what the answer does, and ends in time.

    The one thing it cannot end is a single call inside C that never returns and never lets
    Python run, such as sum(itertools.count()): no thread and no signal gets through to that.

    Of the failing cases the smallest is shown. `looks_like` names the planted mistake that
    fails the same checks, at the same inputs, with the same outputs, if there is one.
    """
    if ex.is_unwritten(answer):
        return Grade(False, blank=True)
    if not callable(answer):
        case = FailingCase("it can be called", {}, f"a function {ex.name}", answer)
        return Grade(False, case, reason=f"It is a {type(answer).__name__}, and no function.")
    outcomes, seconds = _run(ex, answer)
    failures = [case for case in outcomes if case is not None]
    if not failures:
        return Grade(True, checks=len(ex.checks), slow=_is_slow(ex, answer, seconds))
    smallest = min(failures, key=lambda case: case.size)
    looks_like = _looks_like(ex, outcomes)
    return Grade(False, smallest, looks_like, reason=_reason(ex, answer, smallest))


def _run(ex: "Exercise", answer: Callable) -> tuple[list[FailingCase | None], float]:
    """For each check in order None where it passes, else the failing case; and the CPU seconds."""
    outcomes: list[FailingCase | None] = []
    budget = Budget()
    for name, check in ex.checks:
        outcomes.append(_outcome(ex, name, check, answer, budget))
        if outcomes[-1] and isinstance(outcomes[-1].got, TimeLimit):
            break
    return outcomes, budget.used


def _outcome(
    ex: "Exercise", name: str, check: Callable, answer: Callable, budget: Budget
) -> FailingCase | None:
    """What one check says of an answer: None if it passes."""
    recorder = Recorder(answer, ex.reference)
    with isolated():
        error = budget.error_of(functools.partial(check, recorder))
    if error is None:
        return None
    if isinstance(error, Mismatch):
        return FailingCase(name, error.given or recorder.given, error.expected, error.got)
    answer_raised = error is recorder.raised or inspect.isclass(ex.reference)
    if answer_raised or isinstance(error, TimeLimit):
        return FailingCase(name, recorder.given, None, error)
    # Else the check stumbled over what came back: show that.
    return FailingCase(name, recorder.given, name, recorder.got)


def _is_slow(ex: "Exercise", answer: Callable, seconds: float) -> bool:
    """Whether a right answer takes over ten times the reference's time, and enough to notice."""
    if seconds < 0.5:
        return False
    # Again, since the first time may have been that of an import.
    seconds = min(seconds, _run(ex, answer)[1])
    return seconds > 0.5 and seconds > 10 * _run(ex, ex.reference)[1]


def _looks_like(ex: "Exercise", outcomes: list[FailingCase | None]) -> str | None:
    """The first planted mistake with the same outcomes; they are run once, and only as needed."""
    failures = [case for case in outcomes if case]
    # Where all that came is exceptions, two of one type may well be two different mistakes.
    to_the_word = all(isinstance(case.got, Exception) for case in failures)

    def same(i: int, fn: Callable, a: FailingCase | None) -> bool:
        if (fn, i) not in ex.known:
            ex.known[fn, i] = _outcome(ex, *ex.checks[i], fn, Budget())
        b = ex.known[fn, i]
        if a is None or b is None:
            return a is b
        if to_the_word and str(a.got) != str(b.got):
            return False
        return _same_question(a, b) and alike(a.got, b.got, 1e-4)

    for text, fn in ex.mistakes if len(outcomes) == len(ex.checks) else []:
        if all(same(i, fn, case) for i, case in enumerate(outcomes)):
            return text
    return None


def _same_question(a: FailingCase, b: FailingCase) -> bool:
    """Whether two cases of one check ask the same: it may have failed at another of its inputs."""
    plain = torch.Tensor, int, float, str  # of the rest, one run's repr is not the next one's
    return (
        alike(a.expected, b.expected, 1e-4)
        and a.input.keys() == b.input.keys()
        and all(
            alike(a.input[k], b.input[k], 1e-4) for k, v in a.input.items() if isinstance(v, plain)
        )
    )


def _reason(ex: "Exercise", answer: Callable, case: FailingCase) -> str:
    """What is wrong with an answer, in a sentence."""
    got = case.got
    if isinstance(got, TimeLimit):
        return f"{show(got)[0].upper()}{show(got)[1:]}"
    if isinstance(got, AskedForInput):
        return "It asks for input(): a check cannot type."
    if got is ... or (isinstance(got, Exception) and _says_ellipsis(got)):
        return "A blank, ..., is still in it."
    missing = _missing_method(ex, answer)
    if missing and isinstance(got, AttributeError | NotImplementedError):
        return f"It has no method {missing}: is its name misspelt?"
    if isinstance(got, NotImplementedError) and not str(got):
        return "It raises NotImplementedError: does that line of the blank still stand in it?"
    is_none = got is None and case.expected is not None and not ex.name.endswith("_")
    if is_none or (isinstance(got, Exception) and "'NoneType'" in str(got) and _in_check(got)):
        return "It returned None: is a return missing?"
    if isinstance(got, BaseException):
        return f"It raises {show(got).splitlines()[0]}"
    if isinstance(got, str) and got.endswith(IN_PLACE):
        return f"It changes an input: {got}."
    if told := difference(case.expected, got, case.input):
        return f"It gives {told}."
    return f"It fails the check: {case.check}"


def _says_ellipsis(error: Exception) -> bool:
    # `...` left in and calculated with; einsum's own messages about its "..." are not meant
    return "ellipsis" in str(error) and "einsum" not in str(error)


def _in_check(error: Exception) -> bool:
    """Whether it was raised in the check, which calculated with what an answer returned."""
    return traceback.extract_tb(error.__traceback__)[-1].filename.startswith(OURS)


def _missing_method(ex: "Exercise", answer: Callable) -> str | None:
    """A method which the reference's class defines, and the answer's leaves as it inherits it."""
    if not (inspect.isclass(ex.reference) and inspect.isclass(answer)):
        return None
    base = ex.reference.__base__
    names = (name for name, value in vars(ex.reference).items() if inspect.isfunction(value))
    missing = (n for n in names if getattr(answer, n, None) is getattr(base, n, None))
    return next(missing, None)
