"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lessons.weak_to_strong.debated import Taught
from lessons.weak_to_strong.distillation import TEMPERATURES
from lessons.weak_to_strong.elicitation import DEMONSTRATIONS
from lessons.weak_to_strong.experiments import ALPHAS, GAPS, IMAGES, METHODS, PIXELS
from lessons.weak_to_strong.imitation import Followed
from utils import plots


def _log_ticks(ax: Axes, values: Sequence[float]) -> None:
    """A logarithmic axis with these values on it, and nothing else."""
    ax.set_xscale("log")
    ax.set_xticks(values, labels=[f"{v:g}" for v in values])
    ax.minorticks_off()


def soft_targets(found: dict[str, Tensor]) -> tuple[Figure, str]:
    """Accuracy after 60 examples against temperature; found: (seeds, temperatures) by name."""
    fig, ax = plt.subplots(figsize=(6, 3.2))
    for i, name in enumerate(("soft targets", "half soft, half hard", "the same, T² forgotten")):
        look = {"color": plots.COLORS[i], "marker": plots.MARKERS[i]}
        plots.seed_lines(ax, TEMPERATURES, found[name], name, **look)
    for name in ("teacher", "hard labels"):
        level = found[name].mean()
        ax.axhline(level, color="black", linestyle=":", marker="", linewidth=1, label=name)
    _log_ticks(ax, TEMPERATURES)
    ax.set(xlabel="temperature", ylabel="test accuracy")
    ax.set_title("The warmer the targets, the more 60 examples teach")
    plots.label_ends(ax)
    ends = {name: f"{values.mean(0)[-1]:.2f}" for name, values in found.items()}
    return fig, (
        "Test accuracy against temperature, thin lines a seed. Soft targets rise to "
        f"{ends['soft targets']} at temperature 20, half soft and half hard to "
        f"{ends['half soft, half hard']}; with T squared forgotten the line ends at "
        f"{ends['the same, T² forgotten']}. Hard labels reach {ends['hard labels']}, the teacher "
        f"{ends['teacher']}."
    )


def never_shown(plain: list[float], raised: list[float]) -> tuple[Figure, str]:
    """Share of 3s recognized by a student that never saw one, by temperature."""
    fig, ax = plt.subplots(figsize=(5.5, 2.8))
    for values, name in ((plain, "as trained"), (raised, "bias for 3 set right")):
        ax.plot(TEMPERATURES, values, label=name)
    _log_ticks(ax, TEMPERATURES)
    ax.set(xlabel="temperature", ylabel="share of 3s recognized", ylim=(-0.03, 1.03))
    ax.set_title("From T = 2 on the 3s are known, if not named")
    plots.label_ends(ax)
    return fig, (
        "Share of threes recognized against temperature by a student that never saw one. As "
        f"trained it rises from {plain[0]:.2f} at temperature 1 to {plain[-1]:.2f} at 20; with the "
        f"bias for three set right it is {raised[0]:.2f} at 1, {raised[1]:.2f} at 2 and "
        f"{raised[-1]:.2f} at 20."
    )


def bias_raised(bias: float, both: list[tuple[float, float]]) -> tuple[Figure, str]:
    """3s recognized and all digits right by temperature, when the bias is raised by so much."""
    fig, ax = plt.subplots(figsize=(5.5, 2.6))
    for i, what in enumerate(("3s recognized", "all digits right")):
        ax.plot(TEMPERATURES, [shares[i] for shares in both], label=what)
    _log_ticks(ax, TEMPERATURES)
    ax.set(xlabel="temperature", ylabel="share", ylim=(-0.03, 1.03))
    ax.set_title(
        f"Bias + {bias:g}: at T = 20, {both[-1][0]:.0%} of the 3s and {both[-1][1]:.0%} of all"
    )
    plots.label_ends(ax)
    shares = ", ".join(f"{a:.2f} and {b:.2f}" for a, b in both)
    return fig, (
        f"Bias for 3 raised by {bias:g}. Share of 3s recognized and of all digits right at "
        f"temperatures 1, 2, 4, 8 and 20: {shares}."
    )


def between(found: dict[str, Tensor]) -> tuple[Figure, str]:
    """Accuracy by task and method; found: (seeds, supervisor and methods and ceiling) by task."""
    fig, ax = plt.subplots(figsize=(7.2, 4))
    for row, values in enumerate(found.values()):
        for column, color in ((0, "0.45"), (-1, "black")):
            ends = values[:, column].mean().expand(2)
            ax.plot(ends, (row - 0.38, row + 0.38), color=color, marker="", linewidth=2.5)
        for i, name in enumerate(METHODS):
            look = {"color": plots.COLORS[i], "marker": plots.MARKERS[i], "linestyle": ""}
            y, accuracies = row + 0.14 * (i - 2), values[:, i + 1]
            ax.plot(accuracies, [y] * len(values), **look, markersize=3, alpha=0.35)
            ax.plot(accuracies.mean(), y, **look, markersize=7, label=name if row == 0 else "")
    ax.set_yticks(range(len(found)), labels=list(found))
    ax.invert_yaxis()
    ax.set(xlabel="test accuracy (large: mean of three seeds; small: each)", ylim=(4.5, -0.5))
    ax.set_title("Students land between supervisor (gray bar) and ceiling (black bar)")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    rows = []
    for task, values in found.items():
        weak, *methods, top = values.mean(0).tolist()
        each = ", ".join(f"{m} {a:.2f}" for m, a in zip(METHODS, methods, strict=True))
        rows.append(f"{task}: supervisor {weak:.2f}, {each}, ceiling {top:.2f}")
    return fig, "Mean test accuracy by task and method. " + "; ".join(rows) + "."


def grid(found: dict[str, Tensor], intervals: dict[str, Tensor]) -> tuple[Figure, str]:
    """PGR by supervisor and student, a map a method: (seeds, 3, 3), and intervals (2, 3, 3)."""
    fig, axes = plt.subplots(1, 3, figsize=(7.5, 3), sharey=True)
    said = []
    for ax, (name, values) in zip(axes, found.items(), strict=True):
        mean, (low, high) = values.mean(0), intervals[name]
        plots.image(ax, mean, 1.6, signed=True, aspect="auto", origin="lower")
        for i, j in np.ndindex(3, 3):
            text = "hardly\na gap"
            if not mean[i, j].isnan():
                text = f"{mean[i, j]:.2f}\n{low[i, j]:.2f} to\n{high[i, j]:.2f}".replace("-", "−")
            ax.text(j, i, text, ha="center", va="center", fontsize=8)
        ax.set_xticks(range(3), labels=PIXELS)
        ax.set_yticks(range(3), labels=["none", *IMAGES[1:]])
        ax.set(title=name, xlabel="supervisor's pixels")
        known = ["hardly a gap" if m.isnan() else f"{m:.2f}" for m in mean[2]]
        said.append(f"{name} {', '.join(known)}")
    axes[0].set_ylabel("images behind the features")
    title = "Features learned beforehand decide what comes back (PGR, 95 % interval)"
    fig.suptitle(title, fontsize=11, x=0, ha="left")
    return fig, (
        "Maps of the gap recovered by supervisor and student, with intervals, a map a method. "
        f"With features from 500 images, at 8, 16 and 32 pixels: {'; '.join(said)}. Naive students "
        f"with random features, at 8 pixels: {found['naive'].mean(0)[0, 0]:.2f}."
    )


def by_alpha(swept: dict[str, Tensor]) -> tuple[Figure, str]:
    """Points above naive by alpha, a panel a supervisor: (seeds, 2, alphas) by threshold."""
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.8), sharey=True)
    said = []
    for j, (ax, k) in enumerate(zip(axes, GAPS, strict=True)):
        ax.axhline(0, color="0.6", linewidth=0.8, marker="", zorder=0)
        for i, (name, values) in enumerate(swept.items()):
            look = {"color": plots.COLORS[3 * i], "marker": plots.MARKERS[i]}
            plots.seed_lines(ax, ALPHAS, 100 * values[:, j], name, **look)
            points = ", ".join(f"{v:+.1f}" for v in 100 * values[:, j].mean(0))
            said.append(f"{k} pixels, {name}: {points}")
        ax.set(xlabel="α, the weight of its own answer", xticks=ALPHAS)
    axes[0].set(title="8 pixels: a gain at α = ½", ylabel="points above naive")
    axes[1].set_title("32 pixels: little to gain")
    plots.label_ends(axes[1])
    return fig, (
        "Points of accuracy above naive at alpha 0.25, 0.5 and 0.75, means over seeds, thin lines "
        f"a seed. {'; '.join(said)}."
    )


def imitation(runs: list[Followed]) -> tuple[Figure, str]:
    """Test accuracy, and the share of the supervisor's errors repeated, while training goes on."""
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.9))
    last = {}
    for i, name in enumerate(("naive", "confidence")):
        steps = [point.step for point in runs[0].points[name]]
        look = {"color": plots.COLORS[3 * i], "marker": plots.MARKERS[i], "markevery": 4}
        for ax, what in zip(axes, ("test", "repeated"), strict=True):
            values = [[getattr(p, what) for p in run.points[name]] for run in runs]
            mean = plots.seed_lines(ax, steps, values, name, **look).get_ydata()
            last[name, what] = mean[-1], mean.max()
    floor = sum(run.floor for run in runs) / len(runs)
    look = {"color": "black", "linestyle": ":", "linewidth": 1.2, "marker": ""}
    axes[0].axhline(floor, **look, label="supervisor")
    axes[0].set(
        title="First better than its supervisor …", ylabel="test accuracy", ylim=(0.74, 0.92)
    )
    axes[1].set(title="… then it copies the errors", ylabel="share of errors repeated")
    axes[1].set_ylim(0.5, 1.01)
    for ax in axes:
        ax.set(xlabel="training step", xlim=(0, steps[-1]))
        plots.label_ends(ax)
    end, best = last["naive", "test"]
    bold = last["confidence", "test"][0]
    copied = [last[name, "repeated"][0] for name in ("naive", "confidence")]
    return fig, (
        f"Test accuracy, mean over seeds (supervisor: {floor:.2f}): the naive student reaches "
        f"{best:.2f} and ends at {end:.2f}, the confidence student ends at {bold:.2f}. Share of "
        f"the supervisor's errors repeated at the end: {copied[0]:.2f} and {copied[1]:.2f}."
    )


def evidence(runs: list[dict[str, Taught]]) -> tuple[Figure, str]:
    """Right labels, what students make of them, and errors copied, by what the labeler went by."""
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.5), width_ratios=(3, 2), sharey=True)
    kinds, said = [kind for kind in runs[0] if kind != "truth"], []
    for row, kind in enumerate(kinds):
        found = torch.tensor([run[kind] for run in runs])
        labels, student, copied, _ = found.mean(0).tolist()
        for ax, values, color, marker, name in (
            (axes[0], found[:, 0], "0.4", "s", "labels"),
            (axes[0], found[:, 1], plots.COLORS[0], "o", "student"),
            (axes[1], found[:, 2], plots.COLORS[3], "D", ""),
        ):
            look = {"color": color, "marker": marker, "linestyle": ""}
            ax.plot(values, [row] * len(values), **look, markersize=3, alpha=0.4)
            ax.plot(values.mean(), row, **look, markersize=8)
            if row == 0 and name:
                ax.annotate(name, (values.mean(), row), (0, 8), textcoords="offset points",
                            ha="right" if name == "labels" else "left", color=color)  # fmt: skip
        said.append(f"{kind}: labels {labels:.2f}, student {student:.2f}, copied {copied:.2f}")
    top = sum(run["truth"].student for run in runs) / len(runs)
    axes[0].axvline(top, color="black", linewidth=2.5, marker="")
    axes[0].annotate("ceiling", (top, len(kinds) - 0.6), (5, 0), textcoords="offset points")
    axes[0].set_yticks(range(len(kinds)), labels=kinds)
    axes[0].set(
        ylim=(len(kinds) - 0.4, -0.7), xlabel="share right (small: each seed)", xlim=(0.65, 1)
    )
    axes[0].set_title("Poor labels can teach as well as good ones")
    axes[1].set(xlabel="share of wrong labels copied", xlim=(0, 1))
    axes[1].set_title("Random errors are not copied")
    return fig, f"Mean shares by evidence. {'; '.join(said)}. Ceiling {top:.2f}."


def unlocking(curves: dict[str, list[list[float]]], with_it: float) -> tuple[Figure, str]:
    """Accuracy without the password by demonstrations: (seeds, sizes) by where it starts from."""
    fig, ax = plt.subplots(figsize=(6, 3))
    said = []
    for i, (name, runs) in enumerate(curves.items()):
        look = {"color": plots.COLORS[3 * i], "marker": plots.MARKERS[i]}
        plots.seed_lines(ax, DEMONSTRATIONS, runs, name, **look)
        said.append(f"{name} " + ", ".join(f"{v:.2f}" for v in torch.tensor(runs).mean(0)))
    look = {"color": "black", "linestyle": ":", "linewidth": 1.2, "marker": ""}
    ax.axhline(with_it, **look, label="with the password")
    _log_ticks(ax, DEMONSTRATIONS)
    ax.set(xlabel="demonstrations, no password", ylabel="accuracy, no password")
    ax.set_title("Unlocking takes fewer demonstrations than learning")
    plots.label_ends(ax)
    return fig, (
        "Accuracy without the password after 5, 10, 20, 50 and 200 demonstrations: "
        f"{'; '.join(said)}. With the password: {with_it:.2f}."
    )
