"""How figures look and are shown: one style, one look a meaning, alt text, and the one slider.

A lesson's figure function draws and returns `(fig, alt)`; a cell is `plots.show(*function(data))`.
"""

import base64
import html
import io
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.text import Annotation, Text
from numpy.typing import ArrayLike
from PIL import Image

# Okabe & Ito 2008, told apart under every common color blindness; yellow left out: faint on white.
COLORS = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]

# One meaning, one look, in every lesson. The color tells which model; these tell what of it is
# drawn: what people want, what stands in for it, what a paper reports.
GOLD = {"linestyle": "-", "linewidth": 1.8}
PROXY = {"linestyle": "--", "linewidth": 1.2, "marker": ""}
PAPER = {"linestyle": "", "marker": "D", "color": "black", "fillstyle": "none", "markersize": 6.5,
         "zorder": 5}  # fmt: skip

DPI = 192  # twice what a page's pixels are, for screens of any density
PAGE_DPI = 96  # of a page, by the definition of its pixel: fixes the size a figure is shown in
SMALLEST = 8  # points: nothing in a figure is written smaller
END = "end of a line"  # marks what `label_ends` wrote


def use_style() -> None:
    """Set the course's look for every figure that follows, whatever the user's own style is."""
    matplotlib.rcdefaults()  # a matplotlibrc or a startup file may have set anything; keeps backend
    plt.rcParams.update(
        {
            "axes.formatter.min_exponent": 4,  # log axes say 100, not 10 to the 2
            "axes.prop_cycle": cycler(color=COLORS, marker=MARKERS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "axes.xmargin": 0.02,
            "figure.constrained_layout.use": True,
            "figure.dpi": PAGE_DPI,
            "font.family": "DejaVu Sans",
            "font.size": 10,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "lines.markersize": 4,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
        }
    )


def show(fig: Figure, alt: str) -> None:
    """Display a figure with the text that stands for it where it cannot be seen, and close it."""
    png, width = _picture(fig, alt)
    _display(png, width, alt, f"<figure: {alt[:60]}>")


def slider(draw: Callable[[Any], tuple[Figure, str]], values: Sequence[Any], label: str) -> None:
    """A slider over `values`, each a value or (its name, the value), above what `draw` draws of it.

    Its first picture is shown at once, and is what a page without a kernel shows.
    """
    control = ipywidgets.SelectionSlider(
        options=list(values),
        description=label,
        continuous_update=False,
        style={"description_width": "initial"},
        layout={"width": "90%"},
    )
    png, width, alt = _drawn(draw, control.value)
    # Not an Output widget: Colab adds to those what should replace, and loses alt text elsewhere.
    below = ipywidgets.HTML(_img(png, width, alt))

    def redraw(change: dict[str, Any]) -> None:
        below.value = _img(*_drawn(draw, change["new"]))

    control.observe(redraw, names="value")
    text = f"[A slider over {label}: run this cell to use it. It begins with: {alt[:60]}]"
    _display(png, width, alt, text, ipywidgets.VBox([control, below]))


def show_widget(widget: ipywidgets.Widget, what: str) -> None:
    """Display a widget; a page which cannot run it (GitHub, print) has a sentence in its place."""
    display({"text/plain": f"[{what}: run this cell to use it.]", **_view(widget)}, raw=True)


def seed_lines(ax: Axes, x: ArrayLike, runs: ArrayLike, label: str = "", **look: Any) -> Line2D:
    """One thin line a seed, and their mean as a line with markers, which is handed back.

    runs: shape (seeds, len(x)).
    """
    runs = np.asarray(runs)
    (mean,) = ax.plot(x, runs.mean(0), label=label, **look)
    thin = {"color": mean.get_color(), "linestyle": mean.get_linestyle(), "marker": ""}
    ax.plot(x, runs.T, **thin, linewidth=0.6, alpha=0.55, zorder=1.5)
    return mean


def label_ends(ax: Axes, *lines: Line2D) -> None:
    """Write each line's label right of the axes, at the height of its end and in its color.

    lines: those to label; all that have a label if none are named. `show` moves labels apart.
    """
    for line in lines or ax.get_lines():
        label, heights = str(line.get_label()), np.asarray(line.get_ydata(), float)
        heights = heights[np.isfinite(heights)]
        if label and not label.startswith("_") and len(heights):
            ax.annotate(
                label, (1, heights[-1]), (6, 0), ("axes fraction", "data"), "offset points",
                color=line.get_color(), fontsize=9, va="center", gid=END, annotation_clip=False,
            )  # fmt: skip


def image(
    ax: Axes, values: ArrayLike, largest: float = 1, signed: bool = False, **look: Any
) -> AxesImage:
    """imshow of an array or tensor, shape (rows, columns), white at 0 and darkest at `largest`.

    signed: values run from minus to plus `largest`: purple above zero, orange below.
    """
    # As an array: imshow's own conversion of tensors makes numpy warn.
    cmap, least = ("PuOr", -largest) if signed else ("Greys", 0)
    return ax.imshow(np.asarray(values), cmap=cmap, vmin=least, vmax=largest, **look)


def _picture(fig: Figure, alt: str) -> tuple[bytes, int]:
    """A figure as PNG, and the width in pixels of a page to show it at; closes it."""
    if not alt.strip():
        raise ValueError("a figure needs alt text: say what it shows to someone who cannot see it")
    for text in fig.findobj(Text):
        text.set_fontsize(max(SMALLEST, text.get_fontsize()))
    for ax in fig.axes:
        _spread(ax)
    full, small = io.BytesIO(), io.BytesIO()
    fig.savefig(full, format="png", dpi=DPI, facecolor="white", bbox_inches="tight")
    plt.close(fig)
    picture = Image.open(full).convert("RGB")
    # Few colors take a quarter of the room, of which a notebook has 400 kB. Lines need 24; without
    # the rounds of k-means thin blue ones turn green. A map needs more, cut where its own colors
    # are, or its pale cells, an attention of 5 %, turn white.
    if any(ax.images for ax in fig.axes):
        few = picture.quantize(96, method=Image.Quantize.MEDIANCUT)
    else:
        few = picture.quantize(24, method=Image.Quantize.MAXCOVERAGE, kmeans=1)
    few.save(small, "PNG", optimize=True)
    return small.getvalue(), round(picture.width * PAGE_DPI / DPI)


def _spread(ax: Axes) -> None:
    """Move the labels at the lines' ends up and down until none overlaps another."""
    labels = [t for t in ax.texts if t.get_gid() == END and isinstance(t, Annotation)]
    if not labels:
        return
    ax.figure.draw_without_rendering()  # where things are is known only after layout
    low, high = ax.bbox.intervaly
    ends = [np.clip(ax.transData.transform((1, t.xy[1]))[1], low, high) for t in labels]
    tall = [t.get_window_extent().height for t in labels]
    stacks: list[list[int]] = []  # labels that touch, each stack centered on the ends it names

    def edge(stack: list[int], side: int) -> float:
        return np.mean([ends[i] for i in stack]) + side * sum(tall[i] for i in stack) / 2

    for i in sorted(range(len(labels)), key=ends.__getitem__):
        stacks.append([i])
        while len(stacks) > 1 and edge(stacks[-2], 1) > edge(stacks[-1], -1):
            stacks[-2:] = [stacks[-2] + stacks[-1]]
    for stack in stacks:
        foot = edge(stack, -1)
        for i in stack:
            middle = foot + tall[i] / 2
            labels[i].xy = (1, ax.transData.inverted().transform((0, middle))[1])
            foot += tall[i]


def _drawn(draw: Callable[[Any], tuple[Figure, str]], value: Any) -> tuple[bytes, int, str]:
    fig, alt = draw(value)
    return (*_picture(fig, alt), alt)


def _img(png: bytes, width: int, alt: str) -> str:
    """A picture as HTML."""
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<img alt="{html.escape(alt)}" width="{width}" style="max-width: 100%" src="{source}">'


def _display(
    png: bytes, width: int, alt: str, text: str, widget: ipywidgets.Widget | None = None
) -> None:
    """Display a picture, or a widget that shows it to whoever can run one."""
    content = {"text/plain": text, "image/png": png, **(_view(widget) if widget else {})}
    display(content, metadata={"image/png": {"alt": alt, "width": width}}, raw=True)


def _view(widget: ipywidgets.Widget) -> dict[str, Any]:
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"application/vnd.jupyter.widget-view+json": view}
