"""How figures look and are shown: one style, alt text for each, and the one slider."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import matplotlib.pyplot as plt
from cycler import cycler
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

# Okabe & Ito 2008, told apart under every common colour blindness; yellow left out: faint on white.
COLOURS = ["#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]


def use_style() -> None:
    """Set the course's look for every figure that follows."""
    plt.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=COLOURS, marker=MARKERS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "font.size": 10,
            "lines.markersize": 4,
            "legend.frameon": False,
        }
    )


def show(fig: Figure, alt: str) -> None:
    """Display a figure with the text that stands for it where it cannot be seen, and close it."""
    if not alt.strip():
        raise ValueError("a figure needs alt text: say what it shows to someone who cannot see it")
    full, small = io.BytesIO(), io.BytesIO()
    fig.savefig(full, format="png", facecolor="white", bbox_inches="tight")
    # 128 colours look the same and take a third of the room: a notebook stays under 300 kB.
    Image.open(full).convert("RGB").quantize(128).save(small, "PNG", optimize=True)
    content = {"image/png": small.getvalue(), "text/plain": repr(fig)}
    display(content, metadata={"image/png": {"alt": alt}}, raw=True)
    plt.close(fig)


def slider(
    draw: Callable[[Any], Figure], values: Sequence[Any], label: str, alt: Callable[[Any], str]
) -> ipywidgets.VBox:
    """A slider over `values`; moving it shows `draw(value)` below, with `alt(value)`.

    Nothing is drawn until it is moved: the static figure above it is the first picture.
    """
    control = ipywidgets.SelectionSlider(
        options=list(values),
        description=label,
        continuous_update=False,
        style={"description_width": "initial"},
        layout={"width": "90%"},
    )
    below = ipywidgets.Output()

    def redraw(change: dict[str, Any]) -> None:
        fig = draw(change["new"])
        below.clear_output(wait=True)
        with below:
            show(fig, alt(change["new"]))

    control.observe(redraw, names="value")
    box = ipywidgets.VBox([control, below])
    show_widget(box, f"A slider over {label}")
    return box


def show_widget(widget: ipywidgets.Widget, what: str) -> None:
    """Display a widget; a page which cannot run it (GitHub, print) has a sentence in its place."""
    display(
        {
            "text/plain": f"[{what}: run this cell to use it.]",
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": widget.model_id,
            },
        },
        raw=True,
    )
