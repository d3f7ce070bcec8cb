"""The exercise contract: declare a function once; its blank, its checks and its diagnosis follow.

    # lessons/topic/exercises.py
    @exercise(difficulty=1, minutes=5, teaches="...", hints=["..."])
    def double(x): ...                     # the reference

    # lessons/topic/checks/double.py, imported when something is graded
    @double.check
    def zero_stays_zero(fn):               # an independent truth, smallest cases first
        expect(fn(torch.zeros(1)), torch.zeros(1))

    @double.mistake("squares instead of doubling")
    def _(x): ...                          # must fail a check, and a learner who does it is told so

    @double.right("by addition")
    def _(x): ...                          # a right answer in another style: must pass

`double` stays callable and is the reference; `double.grade(fn)` is the one door to the checks.
"""

import ast
import functools
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

from utils import syllabus
from utils.grading import Grade, grade


@dataclass(eq=False)
class Exercise:
    """One exercise: the reference, and all that is made from it. Call it to call the reference."""

    reference: Callable
    difficulty: int
    minutes: int
    teaches: str
    hints: list[str]
    given: str
    why: str = ""
    known: dict = field(default_factory=dict)  # what each check says of each planted mistake
    _checks: list[tuple[str, Callable]] = field(default_factory=list)
    _mistakes: list[tuple[str, Callable]] = field(default_factory=list)
    _rights: list[tuple[str, Callable]] = field(default_factory=list)
    _loaded: bool = False

    def __post_init__(self) -> None:
        functools.update_wrapper(self, self.reference, updated=())
        self.name = self.reference.__name__
        self.topic = self.reference.__module__.removeprefix("lessons.").split(".")[0]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.reference(*args, **kwargs)

    def __reduce__(self) -> str:
        return self.name  # pickled by name, as functions are

    @property
    def checks(self) -> list[tuple[str, Callable]]:
        """The checks by name, from the smallest on."""
        self._load()
        return self._checks

    @property
    def mistakes(self) -> list[tuple[str, Callable]]:
        """The planted mistakes by the words in which a learner is told of them."""
        self._load()
        return self._mistakes

    @property
    def rights(self) -> list[tuple[str, Callable]]:
        """Right answers in other styles by name: each must pass."""
        self._load()
        return self._rights

    def _load(self) -> None:
        # What judges an answer is imported when something is graded, not when a lesson begins.
        if not self._loaded and self.reference.__module__.startswith("lessons."):
            self._loaded = True
            importlib.import_module(f"lessons.{self.topic}.checks.{self.name}")

    def check(self, fn: Callable) -> Callable:
        """Register a check: takes an answer, calls it, raises Mismatch by `expect` or `require`."""
        self._checks.append((fn.__name__.replace("_", " "), fn))
        return fn

    def mistake(self, description: str) -> Callable:
        """Register a plausible wrong answer under the words in which a learner is told of it."""
        return self._register(self._mistakes, description)

    def right(self, description: str) -> Callable:
        """Register another right answer, as in `@double.right("by addition")`: it must pass."""
        return self._register(self._rights, description)

    @staticmethod
    def _register(where: list[tuple[str, Callable]], description: str) -> Callable:
        def register(fn: Callable) -> Callable:
            where.append((description, fn))
            return fn

        return register

    def grade(self, answer: Callable) -> Grade:
        """Run every check on `answer`: see utils/grading.py."""
        return grade(self, answer)

    def is_unwritten(self, answer: Any) -> bool:
        """Whether an answer is our blank, untouched: whatever else there is, somebody wrote."""
        if answer is None or answer is ... or isinstance(answer, Unwritten):
            return True
        return self.given != "page" and bool(_code(answer)) and _code(answer) == self._stub_code

    @functools.cached_property
    def _stub_code(self) -> tuple:
        scope = dict(vars(sys.modules[self.reference.__module__]))
        try:
            exec(self.stub, scope)
            return _code(scope[self.name])
        except Exception:  # no source, or another one by now: the course was updated meanwhile
            return ()

    @property
    def source(self) -> str:
        """The reference as a learner may read it: no decorator, no marks."""
        return re.sub(r"# blank: ?", "# ", self._marked)

    @property
    def _marked(self) -> str:
        """The reference's text without its decorator, but with the marks of what is a blank."""
        text = textwrap.dedent(inspect.getsource(self.reference))
        first = ast.parse(text).body[0].lineno
        return "\n".join(text.splitlines()[first - 1 :])

    @property
    def stub(self) -> str:
        """What stands in the learner's edition, by `given`.

        "blanks": the reference with its lines marked `# blank: what goes here` emptied;
        "signature": name, arguments and docstring; "page": nothing but the name.
        """
        if self.given == "page":
            signature = inspect.signature(self.reference)
            return f"# A blank page: write {self.name}{signature} here."
        if self.given == "signature":
            return _signature_only(self.source)
        line = r"^(\s*(?:.*? = |return )).*?  # blank: ?(.*)$"
        return re.sub(line, r"\1...  # \2", self._marked, flags=re.MULTILINE)


class Unwritten:
    """What a name of an exercise stands for in a notebook until its cell defines it."""

    def __init__(self, name: str):
        self.__name__ = name

    def __call__(self, *args: object, **kwargs: object) -> None:
        raise NotImplementedError(f"{self.__name__} is not written yet")


def _code(answer: Any) -> tuple:
    """What a function, or each function of a class, does: to tell whether two are the same text.

    By bytecode and not by source, which is not to be had of everything that a cell defines.
    """
    if inspect.isclass(answer):
        return tuple((name, _code(value)) for name, value in vars(answer).items() if _code(value))
    answer = getattr(answer, "fget", getattr(answer, "__func__", answer))
    if not isinstance(answer, FunctionType):
        return ()
    return _frozen(inspect.unwrap(answer).__code__)


def _frozen(code: CodeType) -> tuple:
    consts = (_frozen(c) if isinstance(c, CodeType) else (type(c), c) for c in code.co_consts)
    return code.co_code, code.co_names, code.co_varnames, tuple(consts)


def _signature_only(source: str) -> str:
    node = ast.parse(source).body[0]
    first = node.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    end = first.end_lineno if has_docstring else first.lineno - 1
    return "\n".join([*source.splitlines()[:end], "    raise NotImplementedError"])


def exercise(
    *,
    difficulty: int,
    minutes: int,
    teaches: str,
    hints: list[str],
    given: str = "signature",
    why: str = "",
) -> Callable[[Callable], Exercise]:
    """Declare an exercise. Raises ValueError when the declaration itself is wrong.

    difficulty: 1 to 3. minutes: for a learner, not for you. given: "blanks", "signature" or "page".
    why: a sentence on why the answer is so, shown beside it when it is asked for.
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
        return Exercise(reference, difficulty, minutes, teaches, list(hints), given, why)

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
