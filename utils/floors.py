"""How the floor plans of utils/worlds/grids.py are drawn, and ways through them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from utils.worlds.grids import Cell, Floor

WALL, EDGE = "#606060", "#c8c8c8"


def draw_floor(ax: Axes, floor: Floor, names: dict[str, str] | None = None) -> None:
    """Walls dark, cells in a thin frame, and in a cell its letter, or what `names` has for it."""
    names = names or {}
    for row, letters in enumerate(floor.rows):
        for column, letter in enumerate(letters):
            fill = WALL if letter == "#" else "white"
            corner = (column - 0.5, row - 0.5)
            ax.add_patch(Rectangle(corner, 1, 1, facecolor=fill, edgecolor=EDGE, linewidth=0.8))
            if letter not in "#.":
                ax.text(column, row, names.get(letter, letter), ha="center", va="center")
    ax.set(
        xlim=(-0.55, len(floor.rows[0]) - 0.45), ylim=(len(floor.rows) - 0.45, -0.55),
        aspect="equal", xticks=[], yticks=[],
    )  # fmt: skip
    ax.spines[:].set_visible(False)


def draw_way(ax: Axes, cells: Sequence[Cell], shift: float = 0.0, **look: Any) -> None:
    """A way through a floor: a line over its cells, with an arrow head at its end.

    shift: in cells, right and down, which keeps two ways apart. look: of the line (color,
    linestyle, label). A way of one cell is a dot.
    """
    points = np.array(cells, dtype=float)[:, ::-1] + shift
    (line,) = ax.plot(*points.T, **({"marker": "" if len(points) > 1 else "o"} | look))
    moved = np.flatnonzero(np.any(np.diff(points, axis=0), axis=1))
    if len(moved):
        tail, head = points[moved[-1]], points[moved[-1] + 1]
        style = {"arrowstyle": "-|>", "color": line.get_color(), "linewidth": 1.4}
        ax.annotate("", head, (tail + head) / 2, arrowprops=style)
