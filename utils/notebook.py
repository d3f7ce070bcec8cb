"""What a notebook talks to: `utils.lesson("topic")`, then check, hint, solution, claims."""

import os
from collections.abc import Callable

import torch
from IPython import get_ipython
from IPython.display import Markdown, display

import __main__
from utils import claims, exercises, plots, progress, syllabus


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


class Lesson:
    """One lesson's exercises and claims, as its notebook uses them."""

    def __init__(self, topic: str):
        self.entry = syllabus.entry(topic)
        self.exercises = {e.name: e for e in exercises.of(topic)}
        self._hints_given = dict.fromkeys(self.exercises, 0)
        if get_ipython() is not None:
            # Until the learner's own cell defines it, each name stands for a blank: a cell that is
            # empty or does not even parse then counts as not written, and stops nothing.
            for name in self.exercises:
                vars(__main__).setdefault(name, _blank(name))

    def check(self, answer: Callable, record: bool = True) -> Callable:
        """Grade an answer and say so; hand it back if it passes, else the reference.

        record: whether a pass counts in the learner's record (not in the edition with solutions).
        """
        ex = self._find(answer)
        grade = exercises.Grade(False, blank=True) if answer is ex else ex.grade(answer)
        if grade.passed:
            print(f"{ex.name}: {grade}")
            if record:
                _record(ex)
            return answer
        verdict, *diagnosis = str(grade).split("\n", 1)
        print(f"{ex.name}: {verdict} The lesson goes on with the reference.", *diagnosis, sep="\n")
        if not grade.blank:
            print(f'  stuck?    lesson.hint("{ex.name}")')
        return ex

    def hint(self, which: Callable | str) -> None:
        """Print the next hint."""
        ex = self._find(which)
        given = self._hints_given[ex.name]
        if given == len(ex.hints):
            print(f'No more hints. lesson.solution("{ex.name}") shows the answer.')
            return
        print(f"Hint {given + 1} of {len(ex.hints)}: {ex.hints[given]}")
        self._hints_given[ex.name] += 1

    def solution(self, which: Callable | str) -> None:
        """Print the reference: the answer, when asked for."""
        print(self._find(which).source)

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


def _blank(name: str) -> Callable:
    def blank(*args: object, **kwargs: object) -> None:
        raise NotImplementedError(f"{name} is not written yet")

    blank.__name__ = name
    return blank


def _record(ex: exercises.Exercise) -> None:
    try:
        progress.record(ex.topic, ex.name)
    except OSError as error:  # a read-only disk must not stop the lesson
        print(f"  (your progress could not be saved: {error})")
