"""Practice at the whiteboard: draw prompts, run the clock, grade, score, and bring them back.

interview = practice.mock_interview(minutes=45)
interview.show()            the prompt and its countdown; shown again, the clock runs on
interview.grade(answer)     what checks can grade
interview.rubric()          when you are done: the rubric
interview.score(2, 1, 0)    your points for the lines that no check can score
interview.next()            the next prompt, and after the last one the report
interview.back()            the prompt before, to score it after all
"""

import inspect
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from IPython.display import Markdown, display

from utils import drawing, progress, syllabus, whiteboard
from utils.clock import LASTS, Clock, clock_face
from utils.drawing import in_days
from utils.whiteboard import KINDS, Prompt

WELL = 7  # points of ten


def due() -> None:
    """Display which prompts are due, new, or come back later: a row a lesson."""
    drills = progress.read()["drills"]
    rows = ["| lesson | " + " | ".join(KINDS) + " |", "|---|" + "---|" * len(KINDS)]
    for entry in syllabus.written():
        there = {p.kind for p in whiteboard.of(entry.topic)}
        if there:
            when = [drills.get(f"{entry.topic}/{kind}") for kind in KINDS]
            cells = [("new" if d is None else in_days(d["due"])) for d in when]
            shown = [c if k in there else "–" for k, c in zip(KINDS, cells, strict=True)]
            rows.append(f"| {entry.title} (`{entry.topic}`) | {' | '.join(shown)} |")
    display(Markdown("\n".join(rows)))


def session(
    topic: str | None = None,
    kind: str | None = None,
    n: int = 4,
    seed: int | None = None,
    fresh: bool = False,
    lessons: str | Sequence[str] | None = None,
) -> "Session":
    """Up to n prompts: what is due first. topic (or lessons) and kind narrow the choice.

    Without either, the lessons are those you have begun, if there are any; lessons="all" takes all.
    An unfinished session with the same arguments is taken up again, unless `fresh`.
    Raises ValueError for a lesson or kind without prompts, and n below 1.
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"no kind {kind!r}; there are: {', '.join(KINDS)}")
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"n is how many prompts to draw, at least 1, not {n!r}")
    names, said = drawing.of_lessons(lessons if topic is None else topic)
    names = [name for name in names if kind is None or name.endswith(f"/{kind}")]
    if not names:
        raise ValueError(f"none of these lessons has a {kind} prompt; without kind= there are some")
    drawn = drawing.draw_in_turn(n, names, random.Random(seed))
    return _begin(f"session({topic!r}, {kind!r}, {n}{_key(lessons)})", drawn, fresh, said)


def mock_interview(
    minutes: int = 45,
    seed: int | None = None,
    fresh: bool = False,
    lessons: str | Sequence[str] | None = None,
) -> "Session":
    """A balanced set that fits into `minutes`: each kind that still fits once before any twice.

    lessons: those you have done, say ["dpo", "rlhf"]. Without it, those you have begun, if there
    are any, else all; lessons="all" takes all. Raises ValueError for a lesson without prompts, and
    when not even the shortest prompt fits.
    """
    shortest = min(KINDS.values())
    if not isinstance(minutes, int) or minutes < shortest:
        raise ValueError(f"the shortest prompt takes {shortest} minutes; minutes is {minutes!r}")
    names, said = drawing.of_lessons(lessons)
    drawn = drawing.draw(drawing.balanced(minutes, names), names, random.Random(seed))
    return _begin(f"mock_interview({minutes}{_key(lessons)})", drawn, fresh, said)


def _key(lessons: str | Sequence[str] | None) -> str:
    """What tells a request for some lessons from the same for others."""
    if lessons is None:
        return ""
    return f", {lessons if isinstance(lessons, str) else ' '.join(sorted(lessons))}"


def _begin(request: str, drawn: list[str], fresh: bool, said: str) -> "Session":
    """The session noted under this request, if it can be taken up; else a new one."""
    state = progress.read()["sessions"].get(request)
    try:
        going = not fresh and time.time() - state["begun"] < LASTS
        # Its own length counts: lessons may have been added since, and the new draw be another.
        going = going and state["at"] < len(state["prompts"]) == len(state["answers"])
        going = going and set(state["prompts"]) <= set(drawing.every_prompt())
    except (KeyError, TypeError):  # none there, or one that another version of the course wrote
        going = False
    if going:
        print(
            f"Going on with the session that you began; prompt {state['at'] + 1} of "
            f"{len(state['prompts'])} is next. With fresh=True you begin a new one."
        )
        return Session(request, state)
    state = {"prompts": drawn, "at": 0, "begun": time.time(), "answers": [{} for _ in drawn]}
    kinds = [name.split("/")[1] for name in drawn]
    total = sum(KINDS[k] for k in kinds)
    many = "s" * (len(kinds) != 1)
    if said:
        print(said)
    print(
        f"{len(kinds)} prompt{many}, {total} minutes: {', '.join(kinds)}. show() starts the clock."
    )
    return Session(request, state)


class Session:
    """Some prompts in a row. What happens to it is noted, so that a cell can be run again."""

    def __init__(self, request: str, state: dict[str, Any]):
        self._request, self._state = request, state
        every = drawing.every_prompt()
        self.prompts = [every[name] for name in state["prompts"]]
        self._clock: Clock | None = None

    @property
    def _prompt(self) -> Prompt:
        return self.prompts[self._state["at"]]

    @property
    def _answer(self) -> dict[str, Any]:
        return self._state["answers"][self._state["at"]]

    def _over(self) -> bool:
        if self._state["at"] == len(self.prompts):
            print("That was the last prompt. report() shows what to revise.")
            return True
        return False

    def _note(self, drill: dict[str, Any] | None = None) -> None:
        """Write the session, and what it says of the prompt, into the learner's record."""

        def note(record: dict[str, dict[str, Any]]) -> None:
            record["sessions"] = {
                key: s
                for key, s in record["sessions"].items()
                if isinstance(s, dict) and time.time() - s.get("begun", 0) < LASTS
            }
            record["sessions"][self._request] = self._state
            if drill:
                record["drills"][self._state["prompts"][self._state["at"]]] = drill

        progress.update(note)

    def show(self, restart: bool = False) -> None:
        """Show the prompt and its countdown. The clock runs on from the first time, or restarts."""
        if self._over():
            return
        p, n = self._prompt, self._state["at"] + 1
        title = syllabus.entry(p.topic).title
        text = f"**{n} of {len(self.prompts)} · {p.kind} · {title} · {p.minutes} minutes**\n\n"
        display(Markdown(text + p.text + _asked(p)))
        if restart or "shown" not in self._answer:
            self._answer["shown"] = time.time()
            self._note()
        if self._clock:
            self._clock.stop()
        self._clock = Clock(self._answer["shown"] + 60 * p.minutes, p.minutes)

    def grade(self, answer: Callable) -> None:
        """Grade a typed answer. The last one before the rubric is opened counts."""
        if self._over():
            return
        if self._prompt.drill is None:
            print("This prompt is answered in words. rubric() when you are done.")
            return
        if "shown" not in self._answer:
            print("Not asked yet: show() shows the prompt and starts the clock.")
            return
        grade = self._prompt.drill.grade(answer)
        print(f"{self._prompt.drill.name}: {grade}")
        if grade.blank:
            return
        late = time.time() - self._answer["shown"] - 60 * self._prompt.minutes
        if late > 0:
            print(f"Handed in {clock_face(late)} after the time.")
        if "rubric" in self._answer:
            print("The rubric is open already, so this one does not count.")
            return
        self._answer["passed"], self._answer["late"] = grade.passed, max(late, 0)
        self._note()

    def rubric(self) -> None:
        """Open the rubric of the prompt. What is handed in afterwards does not count."""
        if self._over():
            return
        if "shown" not in self._answer:
            print("Not asked yet: show() shows the prompt and starts the clock.")
            return
        lines = []
        for step in self._prompt.rubric:
            worth = f"{step.points} point{'s' * (step.points != 1)}"
            if step.graded:
                worth += ", by the checks: " + self._verdict(self._answer)
            lines.append(f"1. *({worth})* {step.text}")
        lines.append(f"\nScore the lines that no check can: {self._wanted()}.")
        display(Markdown("\n".join(lines)))
        if "rubric" not in self._answer:
            self._answer["rubric"] = time.time()
            self._note()

    @staticmethod
    def _verdict(answer: dict[str, Any]) -> str:
        passed = answer.get("passed")
        return "nothing handed in" if passed is None else "passed" if passed else "not passed"

    def _mine(self) -> list[int]:
        """What the lines of the rubric are worth that no check scores."""
        return [step.points for step in self._prompt.rubric if not step.graded]

    def _wanted(self) -> str:
        """How to score this prompt, in words and as a call."""
        most = self._mine()
        many = f"{len(most)} whole number{'s' * (len(most) != 1)}"
        return (
            f"`score` takes {many}, in the order of those lines; "
            f"`score({', '.join(map(str, most))})` would be full marks"
        )

    def score(self, *points: int) -> None:
        """Your points for the rubric's lines that no check scores, in their order.

        What cannot be is refused in a line that says what is wanted, and nothing is lost.
        """
        if self._over():
            return
        if "rubric" not in self._answer:
            print("First the answer, then rubric(), then the score.")
            return
        most = self._mine()
        fits = len(points) == len(most) and all(isinstance(p, int) for p in points)
        if not fits or not all(0 <= p <= top for p, top in zip(points, most, strict=True)):
            gave = f"score({', '.join(map(repr, points))})"
            print(f"{gave} is not noted: {self._wanted().replace('`', '')}.")
            return
        a, mine = self._answer, iter(points)
        passed = bool(a.get("passed"))
        a["points"] = [
            step.points * passed if step.graded else next(mine) for step in self._prompt.rubric
        ]
        name = self._state["prompts"][self._state["at"]]
        # Scored again, the same answer moves the prompt's day once and not twice.
        a.setdefault("before", progress.read()["drills"].get(name))
        drill = drawing.reschedule(a["before"], sum(a["points"]) >= WELL)
        self._note(drill)
        print(f"{sum(a['points'])} of {self._prompt.points}. Comes back {in_days(drill['due'])}.")

    def next(self) -> None:
        """Show the next prompt; after the last one, the report."""
        if self._over():
            return
        if "rubric" in self._answer and "points" not in self._answer:
            print("The prompt before is not scored. back() returns to it.")
        self._move(1)
        if self._state["at"] < len(self.prompts):
            self.show()
        else:
            self.report()

    def back(self) -> None:
        """Return to the prompt before, to score it after all."""
        if self._state["at"] == 0:
            print("This is the first prompt.")
            return
        self._move(-1)
        title = syllabus.entry(self._prompt.topic).title
        print(f"Back at {self._prompt.kind} · {title}. rubric(), score(), and next() to go on.")

    def _move(self, by: int) -> None:
        if self._clock:
            self._clock.stop()
        self._state["at"] += by
        self._note()

    def report(self) -> None:
        """Display the points, the time each prompt took, when it comes back, and what to revise."""
        drills = progress.read()["drills"]
        rows = ["| prompt | points | time | comes back |", "|---|---|---|---|"]
        revise = []
        asked = zip(self._state["prompts"], self.prompts, self._state["answers"], strict=True)
        for name, p, a in asked:
            e = syllabus.entry(p.topic)
            points = f"{sum(a['points'])} of {p.points}" if "points" in a else "not scored"
            took = clock_face(a["rubric"] - a["shown"]) if "rubric" in a else "–"
            back = in_days(drills[name]["due"]) if "points" in a and name in drills else "–"
            rows.append(f"| {p.kind} · {e.title} | {points} | {took} | {back} |")
            lost = [
                f"  - {step.text}"
                for step, got in zip(p.rubric, a.get("points", []), strict=False)
                if got < step.points
            ]
            if lost:
                revise += [f"- [{e.title}]({e.filename}), {p.kind.lower()}:", *lost]
        text = "\n".join(rows)
        if revise:
            text += "\n\n**To revise**\n\n" + "\n".join(revise)
        display(Markdown(text))


def _asked(p: Prompt) -> str:
    """What to type, as a block of code: never more than a name, arguments and what they are."""
    if p.drill is None:
        return "\n\nAnswer aloud or in writing."
    if p.kind == "Derive":
        return f"\n\nType your result as a function:\n\n```python\n{p.drill.stub}\n```"
    return f"\n\n```python\n{p.drill.name}{inspect.signature(p.drill.reference)}\n```"
