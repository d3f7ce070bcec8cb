"""Figures have alt text, and the slider's callback (whose errors no run would show) works."""

import matplotlib.pyplot as plt
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from utils import plots


@pytest.fixture(autouse=True)
def shell():
    InteractiveShell.instance()
    plt.switch_backend("agg")
    plots.use_style()


def figure(value=1):
    fig, ax = plt.subplots()
    ax.plot([0, value])
    return fig


def test_a_figure_carries_its_alt_text_and_is_closed():
    with capture_output() as captured:
        plots.show(figure(), alt="A line from 0 to 1.")
    assert captured.outputs[0].metadata == {"image/png": {"alt": "A line from 0 to 1."}}
    assert plt.get_fignums() == []


def test_a_figure_without_alt_text_is_refused():
    with pytest.raises(ValueError, match="alt text"):
        plots.show(figure(), alt=" ")


def test_the_slider_draws_nothing_until_it_is_moved_and_then_each_value():
    drawn = []

    def draw(value):
        drawn.append(value)
        return figure(value)

    with capture_output() as captured:
        box = plots.slider(draw, [("few", 3), ("many", 5)], "how many", alt=lambda v: f"{v} lines")
    assert drawn == []
    assert "run this cell" in captured.outputs[0].data["text/plain"]
    with capture_output():
        box.children[0].value = 5
        box.children[0].value = 3
    assert drawn == [5, 3]


def test_colours_are_told_apart_by_marker_too():
    assert len(plots.COLOURS) == len(plots.MARKERS) == len(set(plots.MARKERS))
