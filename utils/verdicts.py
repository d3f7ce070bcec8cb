"""What grading found, in words: the verdict, why it is so, the smallest failing case."""

import textwrap
import traceback
from dataclasses import dataclass
from typing import Any

import torch

from utils import syllabus
from utils.answers import TimeLimit

LONG = 400  # characters of a value that are shown
OURS = (str(syllabus.ROOT / "utils"), str(syllabus.ROOT / "lessons"))  # no code of a learner's


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
        for name, value in self.input.items():  # a text in quotes, unlike what a check says
            rows.append(
                ("input", f"{name} = {show(repr(value) if isinstance(value, str) else value)}")
            )
        if self.expected is not None:
            rows.append(("expected", show(self.expected)))
        label = "raised" if isinstance(self.got, BaseException) else "got"
        rows.append((label, show(self.got)))
        if told := difference(self.expected, self.got, self.input):
            rows.append(("", told))
        elif show(self.got) == show(self.expected):
            rows.append(("", "alike in the digits shown" + _single(self.expected)))
        return "\n".join(
            textwrap.indent(f"{k:<10}" + textwrap.indent(v, " " * 10).lstrip(), "  ")
            for k, v in rows
        )


@dataclass(frozen=True)
class Grade:
    """What `grade` found: passed, or the smallest failing case and the mistake it looks like.

    reason: what is wrong in a sentence, where no planted mistake is recognized. slow: passed, in
    over ten times the reference's CPU time (memory is not measured).
    """

    passed: bool
    failing_case: FailingCase | None = None
    looks_like: str | None = None
    blank: bool = False
    checks: int = 0
    reason: str = ""
    slow: bool = False

    @property
    def mark(self) -> str:
        """The verdict as a sign, for those who look before they read."""
        return "✓" if self.passed else "○" if self.blank else "✗"

    @property
    def word(self) -> str:
        """The verdict itself."""
        return "correct" if self.passed else "not written yet" if self.blank else "not right yet"

    @property
    def told(self) -> str:
        """What comes after the word, in the same line: how it was found, or what is wrong."""
        if self.passed:
            slow = " It takes over ten times as long as the reference." * self.slow
            return f", {self.checks} checks passed.{slow}"
        if self.blank:
            return "."
        return f". It looks like {self.looks_like}" if self.looks_like else f". {self.reason}"

    def __str__(self) -> str:
        """The verdict as a learner reads it; the first line says it all."""
        case = [str(self.failing_case)] if self.failing_case else []
        return "\n".join([f"{self.mark} {self.word}{self.told}", *case])


def difference(expected: Any, got: Any, given: dict[str, Any]) -> str:
    """In what form `got` differs from `expected`, if it does: kind, shape, dtype, nan.

    given: the inputs. Where all of them have the dtype that is expected, that is why.
    """
    try:
        return _difference(expected, got, given)
    except Exception:  # sparse, nested, on no device: it is shown as it is
        return ""


def _difference(expected: Any, got: Any, given: dict[str, Any]) -> str:
    if torch.is_tensor(expected):
        if not torch.is_tensor(got):
            is_value = got is not None and not isinstance(got, BaseException)
            kind = f"a {type(got).__name__}, expected a tensor of {_shape(expected)}"
            return kind if is_value else ""
        if got.shape != expected.shape:
            return f"{_shape(got)}, expected {tuple(expected.shape)}"
        if got.dtype != expected.dtype:
            of_inputs = _float_dtypes(given) == {expected.dtype}
            why = ", the dtype of the inputs" * (got.is_floating_point() and of_inputs)
            return f"{_name(got.dtype)}, expected {_name(expected.dtype)}{why}"
        if not got.dtype.is_complex and (got.isnan() & ~expected.isnan()).any():
            return "nan, expected a number"
    elif isinstance(expected, torch.dtype) and isinstance(got, torch.dtype):
        return f"{_name(got)}, expected {_name(expected)}"
    elif isinstance(expected, int | float) and torch.is_tensor(got) and got.dim():
        return f"{_shape(got)}, expected a number"
    return ""


def _single(expected: Any) -> str:
    """What to look for where float64 was expected to its last digits."""
    double = torch.is_tensor(expected) and expected.dtype == torch.float64
    return ": is a part of it computed in float32?" if double else ""


def _shape(value: torch.Tensor) -> str:
    return f"shape {tuple(value.shape)}"


def _float_dtypes(given: dict[str, Any]) -> set[torch.dtype]:
    return {v.dtype for v in given.values() if torch.is_tensor(v) and v.is_floating_point()}


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def show(value: Any) -> str:
    """A value as a learner reads it: long ones cut, exceptions in a line."""
    try:
        return _show(value)
    except Exception:  # an answer may return what cannot even be printed
        return f"a {type(value).__name__} that cannot be shown"


def _show(value: Any) -> str:
    if isinstance(value, TimeLimit):
        return str(value)
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}{_where(value)}"
    if torch.is_tensor(value):
        text = repr(value.detach())
        if len(text) > LONG:
            flat = ", ".join(f"{x:.4g}" for x in value.detach().flatten()[:6].tolist())
            text = f"tensor of shape {tuple(value.shape)}: {flat}, …"
        return text
    if isinstance(value, torch.Generator):
        return f"a generator seeded with {value.initial_seed()}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if callable(value):  # its repr would be another one each time
        return f"the {type(value).__name__} {getattr(value, '__name__', '')}".rstrip()
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= LONG else text[:LONG] + " …"


def _where(error: BaseException) -> str:
    """The learner's own line in which it was raised, if the traceback knows it."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.line and not frame.filename.startswith(OURS) and "-packages" not in frame.filename
    ]
    return f"  (line {frames[-1].lineno}: {frames[-1].line})" if frames else ""
