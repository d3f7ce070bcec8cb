"""The bar over a long run: in a notebook one quiet line that is taken away when the run is over.

Not tqdm's own there: its widget needs the widget manager, its text goes to stderr, which is painted
pink, and stays in the notebook. Both stay silent with TQDM_DISABLE=1, in builds and tests.
"""

import html
import os
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from IPython import get_ipython
from IPython.display import display
from tqdm import tqdm

from utils.environment import in_notebook

EVERY = 0.2  # seconds between two pictures of a bar


def track(steps: Iterable, label: str) -> Iterable:
    """Iterate, and show how far it is; TQDM_DISABLE=1 keeps it silent."""
    if in_notebook():
        return _Line.of_this_cell().watch(steps, label)
    silent = bool(os.environ.get("TQDM_DISABLE"))
    return tqdm(steps, label, file=sys.stderr, leave=False, mininterval=0.3, disable=silent)


class _Line:
    """The one output in which a cell shows all of its bars, so that none leaves a gap behind."""

    current: "_Line | None" = None

    def __init__(self, cell: int):
        self.cell, self.bars, self.shown, self.handle = cell, [], 0.0, None

    @classmethod
    def of_this_cell(cls) -> "_Line":
        cell = get_ipython().execution_count
        if cls.current is None or cls.current.cell != cell:
            cls.current = cls(cell)
        return cls.current

    def watch(self, steps: Iterable, label: str) -> Iterator[Any]:
        total = len(steps) if hasattr(steps, "__len__") else None
        bar = {"label": label, "done": 0, "total": total}
        self.bars.append(bar)
        try:
            self.show()
            for done, step in enumerate(steps):
                bar["done"] = done
                if time.monotonic() - self.shown > EVERY:
                    self.show()
                yield step
        finally:
            self.bars.remove(bar)
            self.show()

    def show(self) -> None:
        self.shown = time.monotonic()
        pairs = [_drawn(**bar) for bar in self.bars]
        data = {
            "text/html": "<br>".join(h for h, _ in pairs),
            "text/plain": " · ".join(p for _, p in pairs),
        }
        if self.handle is None:
            self.handle = display(data, raw=True, display_id=True)
        else:
            self.handle.update(data, raw=True)


def _drawn(label: str, done: int, total: int | None) -> tuple[str, str]:
    """A bar as HTML, and in words."""
    words = f"{label}: {done}" + (f" of {total}" if total is not None else "")
    picture = f'<progress value="{done}" max="{total}"></progress> ' if total else ""
    return f"<small>{picture}{html.escape(words)}</small>", words
