"""Which whiteboard prompts come up: of the lessons you have done, what is due first."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from utils import progress, syllabus, whiteboard
from utils.whiteboard import ALWAYS, KINDS, Prompt

DAYS = (1, 7, 21)  # a prompt done well once, twice, three times in a row comes back after these


def today() -> date:
    """The day on which answers are noted."""
    return date.today()


def every_prompt() -> dict[str, Prompt]:
    """All prompts of the written lessons, as "topic/Kind"."""
    found = (p for e in syllabus.written() for p in whiteboard.of(e.topic))
    return {f"{p.topic}/{p.kind}": p for p in found}


def of_lessons(lessons: str | Sequence[str] | None) -> tuple[list[str], str]:
    """The names of these lessons' prompts, and a sentence if the record chose the lessons.

    None takes the lessons that the record shows begun, once an exercise of one is passed, else
    all. Raises ValueError, with the lessons there are, for one that has no prompts.
    """
    names = list(every_prompt())
    topics = list(dict.fromkeys(map(_topic, names)))
    if lessons == "all":
        return names, ""
    if lessons is not None:
        wanted = [lessons] if isinstance(lessons, str) else list(lessons)
        wrong = [topic for topic in wanted if topic not in topics]
        if wrong or not wanted:
            which = ", ".join(map(repr, wrong)) or "an empty list of lessons"
            raise ValueError(f"no whiteboard prompts for {which}; there are: {', '.join(topics)}")
        return [name for name in names if _topic(name) in wanted], ""
    record = progress.read()
    begun = {_topic(name) for name in record["passed"]} & {*topics}
    if not begun:
        return names, ""
    begun |= {_topic(name) for name in record["drills"]}
    titles = ", ".join(syllabus.entry(topic).title for topic in topics if topic in begun)
    said = f'From the lessons that you have begun: {titles}. With lessons="all", from all.'
    return [name for name in names if _topic(name) in begun], said


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


def in_order(names: list[str], chance: random.Random) -> list[str]:
    """What is due comes first (the longest first), then what is new, then what comes back later."""
    drills, now = progress.read()["drills"], today().isoformat()

    def rank(name: str) -> tuple[int, str]:
        day = drills[name]["due"] if name in drills else now
        return (1 if name not in drills else 0 if day <= now else 2, day)

    return sorted(chance.sample(names, len(names)), key=rank)


def draw(kinds: list[str], names: list[str], chance: random.Random) -> list[str]:
    """A prompt for each of `kinds`, of a lesson not drawn yet wherever there is one."""
    order, there, drawn = in_order(names, chance), Counter(map(_kind, names)), []
    for kind in sorted(kinds, key=lambda k: there[k]):  # the rare ones have the least choice
        left = [n for n in order if n not in drawn and _kind(n) == kind]
        topics = {_topic(n) for n in drawn}
        drawn += sorted(left, key=lambda n: _topic(n) in topics)[:1]
    return sorted(drawn, key=lambda n: kinds.index(_kind(n)))


def draw_in_turn(n: int, names: list[str], chance: random.Random) -> list[str]:
    """Up to n prompts: one of each kind, then a second of each."""
    drawn: list[str] = []
    while len(drawn) < min(n, len(names)):
        left = [name for name in names if name not in drawn]
        kinds = list(dict.fromkeys(map(_kind, in_order(left, chance))))
        drawn += draw(kinds, left, chance)
    return drawn[:n]


def balanced(minutes: int, names: list[str]) -> list[str]:
    """The kinds of a mock interview: each that still fits once before any twice.

    Those that every lesson has come first, the shortest first; then the longest that still fits.
    """
    there = Counter(map(_kind, names))
    kinds: list[str] = []

    def rank(kind: str) -> tuple[int, bool, int]:
        first = kind in ALWAYS and kind not in kinds
        return (kinds.count(kind), kind not in ALWAYS, KINDS[kind] if first else -KINDS[kind])

    while True:
        left = minutes - sum(KINDS[kind] for kind in kinds)
        fits = [k for k in KINDS if KINDS[k] <= left and kinds.count(k) < there[k]]
        if not fits:
            return sorted(kinds, key=list(KINDS).index)
        kinds.append(min(fits, key=rank))


def _topic(name: str) -> str:
    return name.split("/")[0]


def _kind(name: str) -> str:
    return name.split("/")[1]
