"""The syllabus: order, titles, parts and prerequisites, read from lessons/syllabus.toml."""

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAP = "All-lessons"  # the heading in the start lesson under which the map stands, as an anchor


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
