"""Practice at the whiteboard: draw prompts, run the clock, grade, score, and bring them back.

interview = practice.mock_interview(minutes=45)
interview.show()            the prompt and its countdown; shown again, the clock runs on
interview.grade(answer)     what checks can grade
interview.rubric()          when you are done: the rubric
interview.score(2, 1, 0)    your points for the lines that no check can score
interview.next()            the next prompt, and after the last one the report
"""

import inspect
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import ipywidgets
from IPython.display import Markdown, display

from utils import plots, progress, syllabus, whiteboard
from utils.whiteboard import KINDS, Prompt

DAYS = (1, 7, 21)  # a prompt done well once, twice, three times in a row comes back after these
WELL = 7  # points of ten
LASTS = 3 * 3600  # seconds for which an unfinished session can be taken up again


def today() -> date:
    """The day on which answers are noted."""
    return date.today()


def every_prompt() -> dict[str, Prompt]:
    """All prompts of the written lessons, as "topic/Kind"."""
    found = (p for e in syllabus.written() for p in whiteboard.of(e.topic))
    return {f"{p.topic}/{p.kind}": p for p in found}


def reschedule(drill: dict[str, Any] | None, well: bool) -> dict[str, Any]:
    """When a prompt comes back: after 1, 7, 21 days if done well, tomorrow if not.

    Done well again before its day, it keeps its day: cramming is no proof of remembering.
    """
    now = today()
    if not well:
        step, due = 0, now + timedelta(1)
    elif drill and now < date.fromisoformat(drill["due"]):
        step, due = drill["step"], date.fromisoformat(drill["due"])
    else:
        step = min((drill["step"] if drill else 0) + 1, len(DAYS))
        due = now + timedelta(DAYS[step - 1])
    return {"step": step, "due": due.isoformat(), "last": now.isoformat()}


def in_days(day: str) -> str:
    """A day in words, from today: "today", "tomorrow", "in 7 days"."""
    n = (date.fromisoformat(day) - today()).days
    return "today" if n <= 0 else "tomorrow" if n == 1 else f"in {n} days"


def due() -> None:
    """Display which prompts are due, new, or come back later: a row a lesson."""
    drills = progress.read()["drills"]
    rows = ["| lesson | " + " | ".join(KINDS) + " |", "|---|" + "---|" * len(KINDS)]
    for entry in syllabus.written():
        kinds = [p.kind for p in whiteboard.of(entry.topic)]
        if kinds:
            when = [drills.get(f"{entry.topic}/{kind}") for kind in KINDS]
            cells = [("new" if d is None else in_days(d["due"])) for d in when]
            rows.append(f"| {entry.title} (`{entry.topic}`) | {' | '.join(cells)} |")
    display(Markdown("\n".join(rows)))


def _in_order(names: list[str], chance: random.Random) -> list[str]:
    """What is due comes first (the longest first), then what is new, then what comes back later."""
    drills, now = progress.read()["drills"], today().isoformat()

    def rank(name: str) -> tuple[int, str]:
        day = drills[name]["due"] if name in drills else now
        return (1 if name not in drills else 0 if day <= now else 2, day)

    return sorted(chance.sample(names, len(names)), key=rank)


def _draw(kinds: list[str], names: list[str], chance: random.Random) -> list[str]:
    """A prompt for each of `kinds`, of a lesson not drawn yet wherever there is one."""
    order, drawn = _in_order(names, chance), []
    for kind in kinds:
        left = [n for n in order if n not in drawn and n.endswith("/" + kind)]
        topics = {n.split("/")[0] for n in drawn}
        drawn += sorted(left, key=lambda n: n.split("/")[0] in topics)[:1]
    return drawn


def session(
    topic: str | None = None,
    kind: str | None = None,
    n: int = 4,
    seed: int | None = None,
    fresh: bool = False,
) -> "Session":
    """Up to n prompts: what is due first. topic and kind narrow the choice.

    An unfinished session with the same arguments is taken up again, unless `fresh`.
    Raises ValueError for a topic without prompts, an unknown kind, or n below 1.
    """
    if kind is not None and kind not in KINDS:
        raise ValueError(f"no kind {kind!r}; there are: {', '.join(KINDS)}")
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"n is how many prompts to draw, at least 1, not {n!r}")
    names = [
        name
        for name, p in every_prompt().items()
        if p.topic == (topic or p.topic) and p.kind == (kind or p.kind)
    ]
    if not names:
        title = syllabus.entry(topic).title if topic else "the course"
        raise ValueError(f"{title} has no whiteboard prompts yet")
    chance = random.Random(seed)
    drawn: list[str] = []
    while len(drawn) < min(n, len(names)):  # one of each kind, then a second of each
        left = [name for name in names if name not in drawn]
        kinds = list(dict.fromkeys(name.split("/")[1] for name in _in_order(left, chance)))
        drawn += _draw(kinds, left, chance)
    return _begin(f"session({topic!r}, {kind!r}, {n})", drawn[:n], fresh)


def mock_interview(minutes: int = 45, seed: int | None = None, fresh: bool = False) -> "Session":
    """A balanced set that fits into `minutes`: each kind that still fits once before any twice.

    Raises ValueError when not even the shortest prompt fits.
    """
    shortest = min(KINDS.values())
    if not isinstance(minutes, int) or minutes < shortest:
        raise ValueError(f"the shortest prompt takes {shortest} minutes; minutes is {minutes!r}")
    names = list(every_prompt())
    there = Counter(name.split("/")[1] for name in names)
    kinds: list[str] = []
    while True:
        left = minutes - sum(KINDS[k] for k in kinds)
        fits = [k for k in KINDS if KINDS[k] <= left and kinds.count(k) < there[k]]
        if not fits:
            break
        kinds.append(min(fits, key=lambda k: (kinds.count(k), KINDS[k])))
    kinds.sort(key=list(KINDS).index)
    drawn = _draw(kinds, names, random.Random(seed))
    return _begin(f"mock_interview({minutes})", drawn, fresh)


def _begin(request: str, drawn: list[str], fresh: bool) -> "Session":
    state = progress.read()["sessions"].get(request)
    try:
        going = not fresh and time.time() - state["begun"] < LASTS
        going = going and state["at"] < len(state["prompts"]) == len(state["answers"])
        going = going and set(state["prompts"]) <= set(every_prompt())
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
    print(
        f"{len(kinds)} prompt{many}, {total} minutes: {', '.join(kinds)}. show() starts the clock."
    )
    return Session(request, state)


class Session:
    """Some prompts in a row. What happens to it is noted, so that a cell can be run again."""

    def __init__(self, request: str, state: dict[str, Any]):
        self._request, self._state = request, state
        every = every_prompt()
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
        mine = [str(step.points) for step in self._prompt.rubric if not step.graded]
        lines.append(
            f"\nScore the lines that no check can: `score({', '.join(mine)})` would be all of "
            f"them, {len(mine)} numbers in their order."
        )
        display(Markdown("\n".join(lines)))
        if "rubric" not in self._answer:
            self._answer["rubric"] = time.time()
            self._note()

    @staticmethod
    def _verdict(answer: dict[str, Any]) -> str:
        passed = answer.get("passed")
        return "nothing handed in" if passed is None else "passed" if passed else "not passed"

    def score(self, *points: int) -> None:
        """Your points for the rubric's lines that no check scores, in their order.

        Raises ValueError when there are too many or too few, or one is more than its line gives.
        """
        if self._over():
            return
        if "rubric" not in self._answer:
            print("First the answer, then rubric(), then the score.")
            return
        wanted = [step.points for step in self._prompt.rubric if not step.graded]
        whole = all(isinstance(p, int) for p in points) and len(points) == len(wanted)
        if not whole or not all(0 <= p <= most for p, most in zip(points, wanted, strict=True)):
            raise ValueError(
                f"score takes {len(wanted)} whole numbers, at most {wanted} in this order; got "
                f"{list(points)}"
            )
        a, mine = self._answer, iter(points)
        passed = bool(a.get("passed"))
        a["points"] = [
            step.points * passed if step.graded else next(mine) for step in self._prompt.rubric
        ]
        name = self._state["prompts"][self._state["at"]]
        # Scored again, the same answer moves the prompt's day once and not twice.
        a.setdefault("before", progress.read()["drills"].get(name))
        drill = reschedule(a["before"], sum(a["points"]) >= WELL)
        self._note(drill)
        print(f"{sum(a['points'])} of {self._prompt.points}. Comes back {in_days(drill['due'])}.")

    def next(self) -> None:
        """Show the next prompt; after the last one, the report."""
        if self._over():
            return
        if self._clock:
            self._clock.stop()
        self._state["at"] += 1
        self._note()
        if self._state["at"] < len(self.prompts):
            self.show()
        else:
            self.report()

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


def clock_face(seconds: float) -> str:
    """Minutes and seconds: 9:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Clock:
    """A countdown that ticks below its cell. It needs a kernel and a widget, and no script."""

    def __init__(self, end: float, minutes: int):
        self._end, self._stopped = end, threading.Event()
        self.widget = ipywidgets.HTML(self.text())
        plots.show_widget(self.widget, f"A countdown of {minutes} minutes")
        threading.Thread(target=self._tick, daemon=True).start()

    def text(self) -> str:
        """What the clock says now."""
        left = self._end - time.time()
        said = f"{clock_face(left)} left" if left > 0 else f"time is up ({clock_face(-left)} over)"
        return f'<b role="timer" style="font-size: 1.5em">{said}</b>'

    def _tick(self) -> None:
        while not self._stopped.wait(1.0) and time.time() < self._end + LASTS:
            self.widget.value = self.text()

    def stop(self) -> None:
        """Stop ticking; the time shown last stays."""
        self._stopped.set()
