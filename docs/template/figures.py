"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

import math

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from utils import plots


def too_sure(sizes: list[int], runs: list[list[float]]) -> tuple[Figure, str]:
    """Entropy of observed frequencies against the number of throws; runs: (seeds, sizes), nats."""
    fig, ax = plt.subplots(figsize=(5, 3))
    plots.seed_lines(ax, sizes, runs, "frequencies")
    ax.axhline(math.log(6), color="black", linestyle="--", marker="", label="log 6")
    ax.set(xscale="log", xlabel="throws", ylabel="entropy (nats)")
    ax.set_title("Few throws make a die look less random than it is")
    plots.label_ends(ax)
    return fig, "Entropy of the frequencies against throws: below log 6, and rising towards it."
