"""The map of the course: every lesson of the syllabus, part by part, what is written in color.

Plain HTML and inline style alone, and sense without the style: JupyterLab strips SVG and scripts
from a notebook that has not been run yet, GitHub strips style, and the map must be there at once.
"""

import html
import sys

from utils import syllabus
from utils.syllabus import Entry

BOX = "display: inline-block; padding: 3px 8px; margin: 3px 3px 3px 0; border-radius: 4px; "
WRITTEN = BOX + "border: 2px solid #0072B2; background-color: #0072B2; color: #ffffff"
PLANNED = BOX + "border: 1px dashed #808080"


def map_html() -> str:
    """A heading a part, and under it a box a lesson: filled and a link where it is written."""
    parts: dict[str, list[str]] = {}
    for entry in syllabus.entries():
        parts.setdefault(entry.part, []).append(_box(entry))
    return "\n".join(
        f"<p><b>{html.escape(part)}</b><br>{' '.join(boxes)}</p>" for part, boxes in parts.items()
    )


def _box(entry: Entry) -> str:
    numbers = sorted(syllabus.entry(topic).number for topic in entry.after)
    after = f" <small>after&nbsp;{', '.join(map(str, numbers))}</small>" if numbers else ""
    name = f"{entry.number} {html.escape(entry.title)}"
    if not entry.written:
        return f'<span style="{PLANNED}">○ <i>{name}</i>{after}</span>'
    on_colab = "google.colab" in sys.modules
    link = syllabus.colab_url(f"notebooks/{entry.filename}") if on_colab else entry.filename
    return (
        f'<span style="{WRITTEN}"><a href="{link}" style="color: #ffffff"><b>{name}</b></a>'
        f"{after}</span>"
    )
