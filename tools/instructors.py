"""The made parts of docs/instructors.md: tracks, what each lesson needs, the sizes of a hub."""

import math
import re
from collections import defaultdict
from urllib.parse import quote

import jupytext

from tools import bench, slides
from utils import environment, exercises, syllabus
from utils.syllabus import ROOT, Entry

GUIDE = ROOT / "docs" / "instructors.md"
TRACKS = {"A talk": 60, "Half a day": 210, "Two days": 720}  # minutes without breaks
SERVER_MB = 150  # JupyterLab's own, beside the kernel
RULE = (
    "Each track goes round the parts of the map and takes from each the next lesson whose "
    "prerequisites it has and that still fits, until nothing fits; in a talk nobody does "
    "exercises, so there a lesson counts its minutes less those of its exercises."
)


def talk_minutes(entry: Entry) -> int:
    """What a lesson takes if nobody does its exercises."""
    return entry.minutes - sum(ex.minutes for ex in exercises.of(entry.topic))


def track(minutes: int, cost: dict[str, int]) -> list[Entry]:
    """The lessons of a track, in the syllabus's order; the rule is RULE."""
    waiting = defaultdict(list)
    for entry in syllabus.written():
        waiting[entry.part].append(entry)
    taken: list[Entry] = []
    while True:
        before = len(taken)
        for rest in waiting.values():
            left = minutes - sum(cost[e.topic] for e in taken)
            topics = {e.topic for e in taken}
            fits = [e for e in rest if cost[e.topic] <= left and topics.issuperset(e.after)]
            if fits:
                taken.append(fits[0])
                rest.remove(fits[0])
        if len(taken) == before:
            return sorted(taken, key=lambda e: e.number)


def tracks() -> str:
    """The three tracks as a table."""
    rows = [RULE, "", "| track | minutes | lessons |", "|---|---|---|"]
    for name, minutes in TRACKS.items():
        talk = name == "A talk"
        cost = {e.topic: talk_minutes(e) if talk else e.minutes for e in syllabus.written()}
        chosen = track(minutes, cost)
        total = sum(cost[e.topic] for e in chosen)
        lessons = ", ".join(f"{link(e)} ({cost[e.topic]})" for e in chosen)
        rows.append(f"| {name} | {total} of {minutes} | {lessons} |")
    return "\n".join(rows)


def link(entry: Entry) -> str:
    """The solved edition, which is what an instructor projects."""
    return f"[{entry.title}](../solutions/{entry.filename})"


def predict(entry: Entry) -> str:
    """The lesson's Predict section and the guesses it asks for, as a list."""
    text = (entry.folder / "lesson.md").read_text(encoding="utf-8")
    found = re.search(
        r"^(?:## Predict\n|\*\*Predict\*\*).*?(?=^## )", text, re.MULTILINE | re.DOTALL
    )
    asked = re.findall(r"^guess\w* = None  # (.*)$", found[0] if found else "", re.MULTILINE)
    return "\n".join(f"  - {question}" for question in asked)


def lesson(entry: Entry) -> str:
    """What an instructor needs to know of one lesson."""
    chosen = exercises.of(entry.topic)
    duration = f"{entry.minutes} minutes; {talk_minutes(entry)} without the exercises."
    goals = "\n".join(f"  - {ex.teaches} (`{ex.name}`, {ex.minutes} minutes)" for ex in chosen)
    stuck = "\n".join(
        f"  - `{ex.name}`: " + "; ".join(list(dict.fromkeys(what for what, _ in ex.mistakes))[:3])
        for ex in chosen
    )
    source = jupytext.read(entry.folder / "lesson.md", fmt="md:myst")
    titles = list(dict.fromkeys(heading for heading, _ in slides.slides(source.cells)))
    drawn = [c for c in source.cells if re.search(r"plots\.(show|slider)\(", c.source)]
    figures = sum(slides.is_marked(cell, "slide") for cell in drawn)
    project = f"{'; '.join(titles)}. {figures} figures." if titles else "nothing is marked `slide`."
    return (
        f"### {entry.number} · {link(entry)}\n\n{duration}\n\n"
        f"- **Goals.** They learn\n{goals}\n"
        f"- **Ask before the experiment runs**, and have the room commit:\n{predict(entry)}\n"
        f"- **Where people get stuck**, three mistakes for each exercise:\n{stuck}\n"
        f"- **Project** (`make slides`): {project}"
    )


def hub() -> str:
    """The sizes of a hub, with settings for both kinds."""
    measured = bench.read()
    rows = ["| lesson | peak of the kernel, MB | CPU seconds to run it all |", "|---|---|---|"]
    for e in syllabus.written():
        cost = measured.get(e.topic, {"peak_mb": "not measured", "notebook_s": "–"})
        rows.append(f"| {e.title} | {cost['peak_mb']} | {cost['notebook_s']} |")
    need = max(cost["peak_mb"] for cost in measured.values()) + SERVER_MB
    limit = math.ceil(1.5 * need / 256) * 256
    wanted = environment.requirements()
    (torch,) = (w for w in wanted if w.startswith("torch>="))
    floor = torch.removeprefix("torch")
    rest = " ".join(f'"{w}"' for w in wanted if w is not torch)
    url = syllabus.repository()
    name = url.rsplit("/", 1)[1]
    start = f"lab/tree/{name}/notebooks/{syllabus.entries()[0].filename}"
    query = f"repo={quote(url, safe='')}&branch=main&urlpath={quote(start, safe='')}"
    return f"""\
{chr(10).join(rows)}

The largest kernel and JupyterLab's own {SERVER_MB} MB make {need} MB. Guarantee that.
Limit at half as much again, {limit} MB. One CPU is enough: lessons compute on one thread.

**The link** for learners, with your hub's address in place of `hub.example.org`:

```
https://hub.example.org/hub/user-redirect/git-pull?{query}
```

**The Littlest JupyterHub**, one machine, up to about a hundred learners. nbgitpuller is part of it.

```sh
sudo -E conda install -c conda-forge "pytorch-cpu{floor}"   # as admin, in a terminal
sudo -E pip install {rest}
sudo tljh-config set limits.memory {limit}M
sudo tljh-config set limits.cpu 1
sudo tljh-config set user_environment.default_app jupyterlab
sudo tljh-config reload
```

**Zero to JupyterHub**, on Kubernetes. Build the image once, with nbgitpuller in it, and push it:

```sh
jupyter-repo2docker --no-run --image-name registry.example.org/{name}:1 \\
  --appendix 'RUN pip install --no-cache-dir nbgitpuller' {url}
docker push registry.example.org/{name}:1
```

and in `values.yaml`:

```yaml
singleuser:
  image: {{name: registry.example.org/{name}, tag: "1"}}
  defaultUrl: /lab
  memory: {{guarantee: {need}M, limit: {limit}M}}
  cpu: {{guarantee: 0.1, limit: 1}}
```"""


def parts() -> dict[str, str]:
    """The parts of docs/instructors.md that are made, by the name of their marker."""
    lessons = "\n\n".join(lesson(e) for e in syllabus.written())
    return {"tracks": tracks(), "lessons": lessons, "hub": hub()}
