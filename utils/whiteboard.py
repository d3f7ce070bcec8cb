"""Whiteboard practice: the prompts of every lesson's whiteboard.md, with their rubrics.

## Derive: pair_loss (10 minutes)     kind, what is graded (an exercise or a drill), minutes
the prompt
### Rubric
- `pair_loss.grade` passes (4 points).    scored by the machine
- Names each step (2 points).             scored by whoever reads the answer
"""

import re
from dataclasses import dataclass

from utils import exercises, syllabus

ALWAYS = ("Derive", "Code", "Defend", "Flaw")  # in every lesson; the other kinds in some
KINDS = {"Derive": 10, "Code": 20, "Defend": 5, "Flaw": 10, "Design": 15, "Logs": 10,
         "Abstract": 10}  # minutes  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One line of a rubric and what it is worth."""

    text: str
    points: int
    graded: bool  # by the checks of the prompt's drill, not by a reader


@dataclass(frozen=True)
class Prompt:
    """One of a lesson's prompts. `drill` is the exercise that grades it, None for words alone."""

    topic: str
    kind: str
    minutes: int
    text: str
    rubric: list[Step]
    drill: exercises.Exercise | None

    @property
    def points(self) -> int:
        return sum(step.points for step in self.rubric)


def of(topic: str) -> list[Prompt]:
    """The prompts of a lesson, in order. Raises ValueError that says what is wrong and where."""
    path = syllabus.entry(topic).folder / "whiteboard.md"
    if not path.exists():
        return []
    parts = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [_prompt(topic, part) for part in parts]


def _prompt(topic: str, text: str) -> Prompt:
    title, body = text.split("\n", 1)
    where = f"lessons/{topic}/whiteboard.md, {title!r}"
    head = re.fullmatch(r"(\w+)(?:: (\w+))? \((\d+) minutes\)", title.strip())
    if head is None or head[1] not in KINDS:
        raise ValueError(
            f"{where}: a title is `## Kind: drill (n minutes)`, Kind one of {[*KINDS]}"
        )
    known = {ex.name: ex for ex in exercises.of(topic) + exercises.drills(topic)}
    if head[2] and head[2] not in known:
        raise ValueError(f"{where}: neither exercises.py nor drills.py declares {head[2]}")
    if body.count("### Rubric") != 1:
        raise ValueError(f"{where}: it needs one `### Rubric`")
    prompt, rubric = body.split("### Rubric")
    steps = []
    for line in re.findall(r"^- (.*)$", rubric, flags=re.MULTILINE):
        worth = re.fullmatch(r"(.*) \((\d+) points?\)\.?", line)
        if worth is None:
            raise ValueError(f"{where}: {line!r} does not end with its points, as in (2 points).")
        steps.append(Step(worth[1], int(worth[2]), worth[1].startswith(f"`{head[2]}.grade`")))
    return Prompt(topic, head[1], int(head[3]), prompt.strip(), steps, known.get(head[2]))
