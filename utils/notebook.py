"""What a notebook talks to: `utils.lesson("topic")`, then check, hint, solution, claims."""

import os
from collections.abc import Callable
from html import escape
from typing import Any

import torch
from IPython import get_ipython
from IPython.display import Markdown, display

import __main__
from utils import claims, exercises, plots, progress, syllabus
from utils.grading import Grade

# Beside sign, weight and word, never instead of them; the page's own text color is kept.
EDGES = {"✓": "#009E73", "✗": "#D55E00", "○": "#888888"}
MONO = "margin: 0; padding: 0; border: 0; color: inherit; background: none; white-space: pre-wrap"


def generator(seed: int) -> torch.Generator:
    """A generator of its own for each experiment, so that cells can run in any order."""
    return torch.Generator().manual_seed(seed)


def lesson(topic: str) -> "Lesson":
    """Enter a lesson: seed, one thread, plot style. Raises ValueError for an unknown topic."""
    # One thread: on tensors this small a second one costs more than it brings.
    torch.set_num_threads(int(os.environ.get("COURSE_TORCH_THREADS", "1")))
    torch.manual_seed(0)
    plots.use_style()
    return Lesson(topic)


class Said:
    """What a notebook says, in HTML and, for print, tests and nbval, the same in plain words."""

    def __init__(self, plain: str, html: str):
        self.plain, self.html = plain, html

    def __repr__(self) -> str:
        return self.plain

    def _repr_html_(self) -> str:
        return self.html


class Lesson:
    """One lesson's exercises and claims, as its notebook uses them."""

    def __init__(self, topic: str):
        self.entry = syllabus.entry(topic)
        self.exercises = {e.name: e for e in exercises.of(topic)}
        self._hints_given = dict.fromkeys(self.exercises, 0)
        self._done = {n for n in self.exercises if f"{topic}/{n}" in progress.passed()}
        self._header = None
        if get_ipython() is not None:
            # Until the learner's own cell defines it, each name stands for a blank: a cell that is
            # empty or does not even parse then counts as not written, and stops nothing.
            for name in self.exercises:
                vars(__main__).setdefault(name, exercises.Unwritten(name))
            if self.exercises:
                self._header = display(self._progress(), display_id=True)

    def check(self, answer: Callable, record: bool = True) -> Callable:
        """Grade an answer and say so; hand it back if it passes, else the reference.

        record: whether a pass counts in the learner's record (not in the edition with solutions).
        """
        ex = self._find(answer)
        given_back = answer is ex or answer is ex.reference
        grade = Grade(False, blank=True) if given_back else ex.grade(answer)
        display(_verdict(ex.name, grade))
        if not grade.passed:
            return ex.reference
        if record:
            self._record(ex)
        return answer

    def hint(self, which: Callable | str) -> None:
        """Show the next hint below those given before."""
        ex = self._find(which)
        given, n = self._hints_given[ex.name], len(ex.hints)
        self._hints_given[ex.name] = min(given + 1, n)
        hints = ex.hints[: given + 1]
        more = given == n
        head = f"{ex.name}: hint {len(hints)} of {n}"
        if more:
            head = f'{ex.name}: no more hints. lesson.solution("{ex.name}") shows the answer.'
        plain = "\n".join([head, *(f"  {i}. {hint}" for i, hint in enumerate(hints, 1))])
        items = "".join(f"<li>{escape(hint)}</li>" for hint in hints)
        display(Said(plain, f"<b>{escape(head, quote=False)}</b><ol>{items}</ol>"))

    def solution(self, which: Callable | str) -> None:
        """Show the reference, and why it is so: the answer, when asked for."""
        ex = self._find(which)
        plain = f"{ex.source}\n\n{ex.why}".strip()
        why = f"<p>{escape(ex.why, quote=False)}</p>" * bool(ex.why)
        display(Said(plain, f'<pre style="{MONO}">{escape(ex.source, quote=False)}</pre>{why}'))

    def judge(
        self,
        guess: str | float | bool | None,
        came_out: str | float | bool,
        shown: str = "",
        close: float = 0.0,
    ) -> None:
        """Say whether a prediction came true: a word by itself, a number if it is within `close`.

        Of a guess that is neither right nor wrong it says what may be typed.
        shown: how to write what came out, say `approx(...)`; without it as it is.
        """
        if hasattr(came_out, "item"):  # numpy's True, a tensor's number
            came_out = came_out.item()
        right = _came_true(guess, came_out, close)
        if guess is None:
            said = "○ You made no guess."
        elif right is None:
            said = f"○ You guessed {guess!r}, which is no {_may_be_typed(came_out)}."
        else:
            word = "close" if close else "right"
            said = f"✓ You guessed {guess}: {word}." if right else f"✗ You guessed {guess}."
            if close and not right:
                said += f" Within {close:g} counts as close."
        print(f"{said} What came out: {shown or came_out}")

    def claims(self) -> None:
        """Display the lesson's claims beside what was measured over the seeds."""
        display(Markdown(claims.table(self.entry.topic)))

    def _find(self, which: Callable | str) -> exercises.Exercise:
        name = which if isinstance(which, str) else getattr(which, "__name__", None)
        if name not in self.exercises:
            # A lambda or a wrapped function: the name it goes by in the notebook will do.
            bound = (n for n in self.exercises if vars(__main__).get(n) is which)
            name = next(bound, name)
        if name not in self.exercises:
            known = ", ".join(self.exercises)
            raise ValueError(f"no exercise {name!r} in {self.entry.topic}; there are: {known}")
        return self.exercises[name]

    def _record(self, ex: exercises.Exercise) -> None:
        self._done.add(ex.name)
        if self._header:
            self._header.update(self._progress())
        progress.record(ex.topic, ex.name)

    def _progress(self) -> Said:
        """How many exercises are done: in this kernel, or as the learner's record has it."""
        done, all_of_them = len(self._done), len(self.exercises)
        dots = "●" * done + "○" * (all_of_them - done)
        text = f"{done} of {all_of_them} exercises done"
        return Said(f"{dots} {text}", f"<span>{dots}</span> {text}")


def _came_true(guess: Any, came_out: str | float | bool, close: float) -> bool | None:
    """Whether a guess came true; None where it is not of the kind that was asked for."""
    word = str(guess).strip().lower()
    if isinstance(came_out, bool):
        return word == str(came_out).lower() if word in ("true", "false") else None
    if isinstance(came_out, str):
        return word == came_out.lower() if isinstance(guess, str) else None
    try:
        number = float(guess.strip(" %") if isinstance(guess, str) else guess)
        if isinstance(guess, str) and "%" in guess and abs(came_out) <= 1:
            number /= 100  # a share, guessed in percent
    except (TypeError, ValueError, RuntimeError):  # the last: a tensor of several numbers
        return None
    return abs(number - came_out) <= close


def _may_be_typed(came_out: str | float | bool) -> str:
    """The kind of guess that was asked for, and how one is typed."""
    if isinstance(came_out, bool):
        return "answer here: type True or False"
    if isinstance(came_out, str):
        return "word: type one of those asked for, in quotes"
    return 'number: type one, such as 0.3 or "30 %"'


def _verdict(name: str, grade: Grade) -> Said:
    """A grade with its face: mark, word and diagnosis in the first line, then the smallest case."""
    head, told = f"{grade.mark} {name}: {grade.word}", grade.told
    lines = []
    if grade.blank:
        told += " The lesson goes on with the reference."
    elif not grade.passed:
        lines = [
            *str(grade.failing_case).splitlines(),
            f'  Stuck? lesson.hint("{name}"). The lesson goes on with the reference.',
        ]
    plain = "\n".join([head + told, *lines])
    body = escape("\n".join(lines), quote=False)
    html = (
        f'<div style="border-left: 4px solid {EDGES[grade.mark]}; padding-left: 10px">'
        f"<b>{escape(head, quote=False)}</b>{escape(told, quote=False)}"
        + (f'<pre style="{MONO}">{body}</pre>' if lines else "")
        + "</div>"
    )
    return Said(plain, html)
