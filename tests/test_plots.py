"""Figures look the same everywhere and can be read; the slider's callback works."""

import io
import os
import subprocess
import sys
import warnings
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.colors import rgb_to_hsv
from PIL import Image

from utils import plots
from utils.syllabus import ROOT


@pytest.fixture(autouse=True)
def shell():
    InteractiveShell.instance()
    plt.switch_backend("agg")
    plt.close("all")
    plots.use_style()


def figure(value=1):
    fig, ax = plt.subplots(figsize=(5, 3))
    ax.plot([0, value])
    return fig, f"A line from 0 to {value}."


def shown(fig, alt="a figure"):
    """What `show` displays."""
    with capture_output() as captured:
        plots.show(fig, alt)
    (output,) = captured.outputs
    return output


def test_a_figure_carries_its_alt_text_and_width_and_is_closed():
    output = shown(*figure())
    about = output.metadata["image/png"]
    assert about["alt"] == "A line from 0 to 1." and abs(about["width"] - 5 * 96) < 15
    assert output.data["text/plain"] == "<figure: A line from 0 to 1.>"
    picture = Image.open(io.BytesIO(output.data["image/png"]))
    assert abs(picture.width - 2 * about["width"]) <= 1, "sharp where a pixel is two"
    assert min(picture.convert("RGB").getpixel((0, 0))) >= 250, "white on a dark page too"
    assert plt.get_fignums() == []


def test_a_figure_without_alt_text_is_refused():
    with pytest.raises(ValueError, match="alt text"):
        plots.show(figure()[0], alt=" ")


def test_nothing_is_written_smaller_than_can_be_read():
    fig, _ = figure()
    fig.axes[0].set_xticks([0, 1], labels=["a", "b"], fontsize=5)
    fig.axes[0].text(0, 0, "small", fontsize=4)
    fig.axes[0].text(0, 0, "large", fontsize=12)
    shown(fig)
    sizes = {t.get_text(): t.get_fontsize() for t in fig.findobj(plt.Text) if t.get_text()}
    assert sizes["small"] == sizes["a"] == 8 and sizes["large"] == 12


DRAW = """
import hashlib, sys, matplotlib.pyplot as plt
STARTUP
from utils import plots
plots.use_style()
fig, ax = plt.subplots(figsize=(5, 3))
ax.plot([0, 1], label="a line")
ax.set(title="a title", xlabel="x")
plots.label_ends(ax)
print(plt.get_backend(), hashlib.sha256(plots._picture(fig, "a line")[0]).hexdigest())
"""


def test_the_users_own_style_changes_nothing(tmp_path):
    (tmp_path / "matplotlibrc").write_text(
        "text.color: white\naxes.titlecolor: white\nfont.family: No Such Font\nfigure.dpi: 30\n"
        "savefig.transparent: True\nlines.linewidth: 9\naxes.grid: True\n"
    )
    dark = "plt.style.use(['dark_background', 'ggplot'])"
    drawn = []
    for rc, startup in (("", ""), (str(tmp_path), ""), ("", dark)):
        own = {"MATPLOTLIBRC": rc} if rc else {}
        done = subprocess.run(
            [sys.executable, "-W", "error::DeprecationWarning", "-c",
             DRAW.replace("STARTUP", startup)],
            cwd=ROOT, capture_output=True, text=True, check=True,
            env=os.environ | own | {"MPLBACKEND": "svg"},
        )  # fmt: skip
        assert "findfont" not in done.stderr
        drawn.append(done.stdout)
    assert drawn[0].startswith("svg ") and drawn[0] == drawn[1] == drawn[2]


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_labels_at_the_lines_ends_stand_outside_and_do_not_overlap(scale):
    fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3))
    for ax in (left, right):
        for i in range(6):
            ax.plot(
                [1, 2, 3], [1, 5, 100 * 1.001**i], label=f"line {i}\nof six" if i == 2 else str(i)
            )
        ax.plot([1, 3], [1, 1], label="_not named")
        ax.plot([1, 3], [1, float("nan")], label="ends early", color="black")
        ax.set_yscale(scale)
        plots.label_ends(ax)
        ax.set_title("set after the labels\nin two lines")
    shown(fig)
    fig.draw_without_rendering()  # back at the figure's own density, for the measuring
    for ax in (left, right):
        names = [t.get_text() for t in ax.texts]
        assert names == ["0", "1", "line 2\nof six", "3", "4", "5", "ends early"]
        assert [t.get_color() for t in ax.texts[:2]] == plots.COLORS[:2]
        boxes = [t.get_window_extent() for t in ax.texts]
        assert all(box.x0 >= ax.bbox.x1 for box in boxes)
        for a, b in combinations(boxes, 2):
            assert min(a.y1, b.y1) - max(a.y0, b.y0) < 0.5
        heights = [box.y0 for box in boxes]
        assert heights[:6] == sorted(heights[:6]), "in the order of the lines"
    assert max(t.get_window_extent().x1 for t in left.texts) < right.bbox.x0


def test_a_label_with_room_stands_at_the_height_of_its_line():
    fig, ax = plt.subplots()
    ax.plot([0, 1], label="low")
    (high,) = ax.plot([0, 5], label="high")
    plots.label_ends(ax, high)
    shown(fig)
    (label,) = ax.texts
    assert label.get_text() == "high" and label.xy[1] == pytest.approx(5)


def test_seeds_are_thin_lines_in_the_color_and_dash_of_their_mean():
    fig, ax = plt.subplots()
    runs = torch.tensor([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]])
    mean = plots.seed_lines(ax, torch.arange(3), runs, "proxy", color="red", **plots.PROXY)
    assert mean.get_ydata().tolist() == [1, 2, 3] and mean.get_label() == "proxy"
    thin = [line for line in ax.get_lines() if line is not mean]
    assert [line.get_ydata().tolist() for line in thin] == runs.tolist()
    for line in thin:
        assert (line.get_color(), line.get_linestyle()) == ("red", "--")
        assert line.get_linewidth() < mean.get_linewidth()
    plots.label_ends(ax)
    assert [t.get_text() for t in ax.texts] == ["proxy"]
    plt.close(fig)


def test_tensors_are_drawn_without_a_warning_and_signed_ones_about_white():
    fig, (left, right) = plt.subplots(1, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gray = plots.image(left, torch.eye(3), origin="lower")
        signed = plots.image(right, -torch.eye(3), largest=2, signed=True)
        shown(fig)
    assert gray.get_clim() == (0, 1) and gray.to_rgba(0.0) == (1, 1, 1, 1)
    assert signed.get_clim() == (-2, 2) and min(signed.to_rgba(0.0)) > 0.95


def test_the_slider_stores_its_first_picture_and_draws_each_value(monkeypatch):
    drawn, boxes = [], []

    def draw(value):
        drawn.append(value)
        return figure(value)

    view = plots._view
    monkeypatch.setattr(plots, "_view", lambda widget: boxes.append(widget) or view(widget))
    with capture_output() as captured:
        assert plots.slider(draw, [("few", 3), ("many", 5)], 'how "many"') is None
    (output,) = captured.outputs
    assert drawn == [3] and plt.get_fignums() == []
    assert output.metadata["image/png"]["alt"] == "A line from 0 to 3."
    assert output.data["image/png"] == shown(*figure(3)).data["image/png"]
    assert "application/vnd.jupyter.widget-view+json" in output.data
    assert "run this cell" in output.data["text/plain"]
    control, below = boxes[0].children
    first = below.value
    assert 'alt="A line from 0 to 3."' in first
    with capture_output() as captured:
        control.value = 5
    assert captured.outputs == [] and drawn == [3, 5]
    assert 'alt="A line from 0 to 5."' in below.value
    control.value = 3
    assert below.value == first


def test_colors_are_told_apart_by_marker_too():
    assert len(plots.COLORS) == len(plots.MARKERS) == len(set(plots.MARKERS))


def test_few_colors_are_true_colors():
    """A map's cells keep their colors, as far as one sees: none turns white, or another hue."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3))
    values = np.linspace(-1, 1, 144).reshape(12, 12)
    plots.image(left, values, signed=True)
    for i in range(5):
        right.plot([0, 1], [0, i])
    fig.draw_without_rendering()
    fig.set_layout_engine("none")  # else each time that it is saved it moves a little
    full = io.BytesIO()
    fig.savefig(full, format="png", dpi=plots.DPI, facecolor="white", bbox_inches="tight")
    drawn = np.asarray(Image.open(full).convert("RGB")).astype(int)
    shown = np.asarray(Image.open(io.BytesIO(plots._picture(fig, "x" * 50)[0])).convert("RGB"))
    assert np.quantile(np.abs(drawn - shown), 0.99) < 16  # of 255; the rest are edges of letters


def test_thin_lines_keep_their_hue():
    fig, ax = plt.subplots(figsize=(5, 3))
    for i, color in enumerate(plots.COLORS[:4]):
        ax.plot([0, 1], [i, i + 0.5], color=color)
        ax.axhline(i + 0.7, color=color, linestyle="--", linewidth=0.8)
    fig.draw_without_rendering()
    fig.set_layout_engine("none")
    full = io.BytesIO()
    fig.savefig(full, format="png", dpi=plots.DPI, facecolor="white", bbox_inches="tight")
    drawn = rgb_to_hsv(np.asarray(Image.open(full).convert("RGB")) / 255)
    png = io.BytesIO(plots._picture(fig, "x" * 50)[0])
    shown = rgb_to_hsv(np.asarray(Image.open(png).convert("RGB")) / 255)
    turned = np.abs(drawn - shown)[..., 0][drawn[..., 1] > 0.25]  # of pixels that have a hue
    assert (np.minimum(turned, 1 - turned) > 0.08).mean() < 0.01


def test_pale_cells_of_a_map_can_be_told_apart():
    fig, ax = plt.subplots(figsize=(3, 3))
    values = np.linspace(0, 0.12, 9).reshape(3, 3)
    plots.image(ax, values)
    shown = np.asarray(Image.open(io.BytesIO(plots._picture(fig, "x" * 50)[0])).convert("L"))
    cells = [value for value, n in zip(*np.unique(shown, return_counts=True), strict=True)
             if n > shown.size / 30]  # fmt: skip
    assert len(cells) >= 9
