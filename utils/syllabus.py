"""The syllabus: order, titles, parts and prerequisites, read from lessons/syllabus.toml."""

import html
import sys
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Entry:
    """One lesson of the syllabus. Its number is its place in the file, counted from 0."""

    number: int
    topic: str
    title: str
    part: str
    minutes: int = 0
    paper: str = ""
    after: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return ROOT / "lessons" / self.topic

    @property
    def written(self) -> bool:
        """An entry without a folder is planned: it stands on the map and has no link."""
        return (self.folder / "lesson.md").exists()

    @property
    def filename(self) -> str:
        return f"{self.number:02d}_{self.topic}.ipynb"


@cache
def entries() -> tuple[Entry, ...]:
    """All entries in order. Raises ValueError that names the entry and the mend."""
    path = ROOT / "lessons" / "syllabus.toml"
    found: dict[str, Entry] = {}
    for number, raw in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["lesson"]):
        topic = raw.get("topic", f"number {number}")
        try:
            entry = Entry(number=number, **raw)
        except TypeError as error:
            raise ValueError(
                f"{path.name}: the entry {topic!r} needs topic, title and part, and may have "
                f"minutes, paper and after ({error})"
            ) from None
        if topic in found:
            raise ValueError(f"{path.name}: {topic!r} stands there twice")
        if unknown := [name for name in entry.after if name not in found]:
            raise ValueError(f"{path.name}: {topic!r} comes after {unknown}, not listed above it")
        found[topic] = entry
    return tuple(found.values())


def written() -> tuple[Entry, ...]:
    """The entries whose lesson exists."""
    return tuple(entry for entry in entries() if entry.written)


def entry(topic: str) -> Entry:
    """The entry of one topic. Raises ValueError with the topics there are."""
    by_topic = {e.topic: e for e in entries()}
    if topic not in by_topic:
        raise ValueError(f"no lesson {topic!r} in lessons/syllabus.toml; there are: {[*by_topic]}")
    return by_topic[topic]


@cache
def repository() -> str:
    """The course's address, from the one place where it stands: pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].rstrip("/")


def badges(filename: str, edition: str = "notebooks") -> str:
    """The two launch badges of a notebook, as Markdown."""
    path = f"{edition}/{filename}"
    binder = f"https://mybinder.org/v2/gh/{_owner_and_name()}/main?urlpath=lab/tree/{path}"
    return (
        "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
        f"({colab_url(path)}) "
        f"[![Open on Binder](https://mybinder.org/badge_logo.svg)]({binder})"
    )


def colab_url(path: str) -> str:
    """Where Colab opens a notebook of the course."""
    return f"https://colab.research.google.com/github/{_owner_and_name()}/blob/main/{path}"


def _owner_and_name() -> str:
    return repository().removeprefix("https://github.com/")


def map_html() -> str:
    """The map of techniques: a row a part, a box a lesson, clickable where the lesson is written.

    Plain HTML and inline style alone: JupyterLab strips SVG and scripts from a notebook that has
    not been run yet, and the map must be there at first sight.
    """
    on_colab = "google.colab" in sys.modules
    leads_to = {e.topic: [x.title for x in entries() if e.topic in x.after] for e in entries()}
    rows = []
    for part in dict.fromkeys(e.part for e in entries()):
        boxes = []
        for e in (e for e in entries() if e.part == part):
            name = html.escape(e.title)
            if e.written:
                link = colab_url(f"notebooks/{e.filename}") if on_colab else e.filename
                name = f'<a href="{link}"><b>{e.number} · {name}</b></a>'
            else:
                name = f"<i>{e.number} · {name}</i> (planned)"
            arrows = "".join(f"<br>→ {html.escape(t)}" for t in leads_to[e.topic])
            border = "2px solid" if e.written else "1px dashed"
            boxes.append(
                f'<td style="border: {border} #0072B2; padding: 6px 10px; text-align: left; '
                f'vertical-align: top">{name}<small>{arrows}</small></td>'
            )
        cells = "".join(boxes)
        rows.append(
            f'<tr><th style="text-align: left; vertical-align: top">{html.escape(part)}</th>'
            f'<td style="padding: 4px"><table><tr>{cells}</tr></table></td></tr>'
        )
    return f"<table>{''.join(rows)}</table>"
