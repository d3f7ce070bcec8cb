"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from lessons.weak_to_strong.debated import Taught
from lessons.weak_to_strong.distillation import TEMPERATURES
from lessons.weak_to_strong.elicitation import DEMONSTRATIONS
from lessons.weak_to_strong.experiments import ALPHAS, GAPS, IMAGES, METHODS, PIXELS
from lessons.weak_to_strong.imitation import Followed
from utils import plots

WARM = ("soft targets", "half soft, half hard")


def _log_ticks(ax: Axes, values: Sequence[float]) -> None:
    """A logarithmic axis with these values on it, and nothing else."""
    ax.set_xscale("log")
    ax.set_xticks(values, labels=[f"{v:g}" for v in values])
    ax.minorticks_off()


def _title(seen: bool, text: str, otherwise: str) -> str:
    """A title that states the result where the data show it; a learner may change the numbers."""
    return text if seen else otherwise


def soft_targets(found: dict[str, Tensor]) -> tuple[Figure, str]:
    """Accuracy after 60 examples against temperature; found: (seeds, temperatures) by name."""
    fig, ax = plt.subplots(figsize=(6, 3.2))
    for i, name in enumerate((*WARM, "half and half, T² forgotten")):
        look = {"color": plots.COLORS[i], "marker": plots.MARKERS[i]}
        plots.seed_lines(ax, TEMPERATURES, found[name], name, **look)
    for name in ("teacher", "hard labels"):
        for level in found[name][:, 0]:
            ax.axhline(level, color="black", linestyle=":", linewidth=0.4, marker="", alpha=0.6)
        level = found[name].mean()
        ax.axhline(level, color="black", linestyle=":", marker="", linewidth=1.2, label=name)
    _log_ticks(ax, TEMPERATURES)
    ax.set(xlabel="temperature", ylabel="test accuracy")
    means = {name: values.mean(0) for name, values in found.items()}
    rise = all(means[name][-1] > means[name][0] for name in WARM)
    text = "Warmer targets teach more, unless T² is forgotten"
    ax.set_title(_title(rise, text, "Accuracy after few examples, by temperature"))
    plots.label_ends(ax)
    said = [f"{n} {', '.join(f'{v:.2f}' for v in mean)}" for n, mean in means.items()]
    return fig, (
        "Test accuracy at temperatures 1, 2, 4, 8 and 20, means over seeds, thin lines a seed: "
        f"{'; '.join(said).replace('T²', 'T squared')}."
    )


def never_shown(plain: list[float], raised: list[float]) -> tuple[Figure, str]:
    """Share of 3s recognized by a student that never saw one, by temperature."""
    fig, ax = plt.subplots(figsize=(5.5, 2.8))
    for values, name in ((plain, "as trained"), (raised, "bias chosen on the test set")):
        ax.plot(TEMPERATURES, values, label=name)
    _log_ticks(ax, TEMPERATURES)
    ax.set(xlabel="temperature", ylabel="share of 3s recognized", ylim=(-0.03, 1.03))
    seen = plain[0] < 0.2 and min(raised[1:]) > 0.7
    text = "One student: from T = 2 on the 3s are known, if not named"
    ax.set_title(_title(seen, text, "One student: 3s recognized, by temperature"))
    plots.label_ends(ax)
    return fig, (
        "Share of threes recognized against temperature by a student that never saw one. As "
        f"trained it goes from {plain[0]:.2f} at temperature 1 to {plain[-1]:.2f} at 20; with the "
        f"bias for three chosen on the test set it is {raised[0]:.2f} at 1, {raised[1]:.2f} at 2 "
        f"and {raised[-1]:.2f} at 20."
    )


def bias_raised(bias: float, both: list[tuple[float, float]]) -> tuple[Figure, str]:
    """3s recognized and all digits right by temperature, when the bias is raised by so much."""
    fig, ax = plt.subplots(figsize=(5.5, 2.6))
    for i, what in enumerate(("3s recognized", "all digits right")):
        ax.plot(TEMPERATURES, [shares[i] for shares in both], label=what)
    _log_ticks(ax, TEMPERATURES)
    ax.set(xlabel="temperature", ylabel="share right", ylim=(-0.03, 1.03))
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
            bar = {"color": color, "marker": ""}
            for level in (*values[:, column], mean := values[:, column].mean()):
                ends = (row - 0.38, row + 0.38)
                ax.plot((level, level), ends, **bar, linewidth=2.5 if level is mean else 0.7)
        for i, name in enumerate(METHODS):
            look = {"color": plots.COLORS[i], "marker": plots.MARKERS[i], "linestyle": ""}
            y, accuracies = row + 0.14 * (i - 2), values[:, i + 1]
            ax.plot(accuracies, [y] * len(values), **look, markersize=4, alpha=0.5)
            ax.plot(accuracies.mean(), y, **look, markersize=7, label=name if row == 0 else "")
    ax.set_yticks(range(len(found)), labels=list(found))
    ax.invert_yaxis()
    ax.set(xlabel="test accuracy (thin, small: each seed)", ylim=(4.5, -0.5))
    means = torch.stack([values.mean(0) for values in found.values()])
    inside = (means > means[:, :1]) & (means < means[:, -1:])
    most = bool(inside[:, 1:-1].double().mean() > 0.8)
    text = "Nearly all students land between supervisor (gray) and ceiling (black)"
    ax.set_title(_title(most, text, "Students, supervisor (gray bar) and ceiling (black bar)"))
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    rows = []
    for task, values in found.items():
        weak, *methods, top = values.mean(0).tolist()
        each = ", ".join(f"{m} {a:.2f}" for m, a in zip(METHODS, methods, strict=True))
        spread = (values[:, 1].max() - values[:, 1].min()).item()
        each += f" (naive seeds {spread:.2f} apart)"
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
            three = [_two_digits(v) for v in (mean[i, j], low[i, j], high[i, j])]
            text = "{}\n{} to\n{}".format(*three)
            if mean[i, j].isnan():
                text = "hardly\na gap"
                box = {"fill": False, "hatch": "///", "edgecolor": "0.75", "linewidth": 0}
                ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, **box))
            ax.text(j, i, text, ha="center", va="center", fontsize=8)
        ax.set_xticks(range(3), labels=PIXELS)
        ax.set_yticks(range(3), labels=["none", *IMAGES[1:]])
        ax.set(title=name, xlabel="supervisor's pixels")
        rows = [", ".join("no gap" if m.isnan() else _two_digits(m) for m in row) for row in mean]
        said.append(f"{name}: {'; '.join(rows)}")
    axes[0].set_ylabel("images behind the features")
    naive, five = (found[name].mean(0)[:, 0] for name in ("naive", "ensemble"))
    seen = bool(naive[0] < 0.1 < naive[2] and five[0] > 0.1)
    text = "Naive: learned features decide. An ensemble recovers some without"
    title = f"{_title(seen, text, 'The gap recovered')} (PGR, 95 % interval)"
    fig.suptitle(title, fontsize=11, x=0, ha="left")
    return fig, (
        "Maps of the gap recovered, with intervals, a map a method. Rows: features from no images, "
        f"from 50, from 500; at 8, 16 and 32 pixels. {'. '.join(said)}."
    )


def _two_digits(value: Tensor) -> str:
    """0.25, −0.03 with a minus sign, and no −0.00."""
    return f"{round(value.item(), 2) + 0.0:.2f}".replace("-", "−")


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
    wide, narrow = swept["balanced"].mean(0) if "balanced" in swept else torch.zeros(2, 3)
    text = _title(bool(wide[1] > 0.005), "8 pixels: a gain at α = ½", "8 pixels")
    axes[0].set(title=text, ylabel="percentage points above naive")
    lost = bool(narrow[1] < 0.005 and narrow[2] < -0.01)
    axes[1].set_title(_title(lost, "32 pixels: no gain, and a loss at α = ¾", "32 pixels"))
    plots.label_ends(axes[1])
    return fig, (
        "Percentage points of accuracy above naive at alpha 0.25, 0.5 and 0.75, means over seeds, "
        f"thin lines a seed. {'; '.join(said)}."
    )


def imitation(runs: list[Followed]) -> tuple[Figure, str]:
    """Test accuracy, and the share of the supervisor's errors repeated, while training goes on."""
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.9))
    last = {}
    for i, name in enumerate(("naive", "confidence")):
        steps = [point.step for point in runs[0].points[name]]
        look = {"color": plots.COLORS[3 * i], "marker": plots.MARKERS[i], "markevery": 4}
        for ax, what in zip(axes, ("test", "repeated"), strict=True):
            zero = [run.floor if what == "test" else 0 for run in runs]
            values = [
                [100 * (getattr(p, what) - z) for p in run.points[name]]
                for run, z in zip(runs, zero, strict=True)
            ]
            mean = plots.seed_lines(ax, steps, values, name, **look).get_ydata()
            last[name, what] = mean[-1], mean.max()
    look = {"color": "black", "linestyle": ":", "linewidth": 1.2, "marker": ""}
    axes[0].axhline(0, **look, label="its supervisor")
    end, best = last["naive", "test"]
    seen = best > 1 and end < best - 1
    axes[0].set_title(_title(seen, "First better than its supervisor …", "Against its supervisor"))
    axes[0].set(ylabel="percentage points above", ylim=(-8, None))
    axes[1].set_title(_title(seen, "… then it copies the errors", "Errors repeated"))
    axes[1].set_ylabel("% of errors repeated")
    for ax in axes:
        ax.set(xlabel="training step", xlim=(0, steps[-1]))
        plots.label_ends(ax)
    bold = last["confidence", "test"][0]
    copied = [last[name, "repeated"][0] for name in ("naive", "confidence")]
    return fig, (
        "Test accuracy above each student's own supervisor, mean over seeds, in percentage points: "
        f"the naive student reaches {best:.1f} and ends at {end:.1f}, the confidence student ends "
        f"at {bold:.1f}. Supervisor's errors repeated at the end: {copied[0]:.0f} % and "
        f"{copied[1]:.0f} %."
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
                            ha="right" if color == "0.4" else "left", color=color)  # fmt: skip
        said.append(f"{kind}: labels {labels:.2f}, student {student:.2f}, copied {copied:.2f}")
    top = sum(run["truth"].student for run in runs) / len(runs)
    axes[0].axvline(top, color="black", linewidth=2.5, marker="")
    axes[0].annotate("ceiling", (top, len(kinds) - 0.6), (5, 0), textcoords="offset points")
    axes[0].set_yticks(range(len(kinds)), labels=kinds)
    axes[0].set(
        ylim=(len(kinds) - 0.4, -0.7),
        xlabel="share right: labels on training images, students on test",
        xlim=(0.65, 1),
    )
    mean = {kind: torch.tensor([run[kind] for run in runs]).mean(0) for kind in kinds}
    close = abs(mean["random pixels"][1] - mean["a debate"][1]) < 0.02
    text = "Random pixels teach about as well as a debate"
    axes[0].set_title(_title(bool(close), text, "Labels, and what they teach"), fontsize=9.5)
    least = min(kinds, key=lambda kind: mean[kind][2]) == "random pixels"
    axes[1].set(xlabel="share of wrong labels copied", xlim=(0, 1))
    axes[1].set_title(_title(least, "Random errors are copied least", "Errors copied"), fontsize=10)
    return fig, f"Mean shares by evidence. {'; '.join(said)}. Ceiling {top:.2f}."


def unlocking(
    curves: dict[str, list[list[float]]], with_it: float, without: float
) -> tuple[Figure, str]:
    """Accuracy without the password by demonstrations: (seeds, sizes) by where it starts from."""
    fig, ax = plt.subplots(figsize=(6, 3))
    said = []
    for i, (name, runs) in enumerate(curves.items()):
        look = {"color": plots.COLORS[3 * i], "marker": plots.MARKERS[i]}
        plots.seed_lines(ax, DEMONSTRATIONS, runs, name, **look)
        said.append(f"{name} " + ", ".join(f"{v:.2f}" for v in torch.tensor(runs).mean(0)))
    look = {"color": "black", "linestyle": ":", "linewidth": 1.2, "marker": ""}
    ax.axhline(with_it, **look, label="with the password")
    ax.axhline(without, **look | {"linestyle": "--"}, label="locked, none shown")
    _log_ticks(ax, DEMONSTRATIONS)
    ax.set(xlabel="demonstrations, no password", ylabel="accuracy, no password")
    start, scratch = (torch.tensor(runs).mean(0) for runs in curves.values())
    ahead = bool((start[:3] > scratch[:3] + 0.05).all())
    text = "The locked model starts, and stays, ahead of learning"
    ax.set_title(_title(ahead, text, "Unlocking and learning"))
    plots.label_ends(ax)
    return fig, (
        "Accuracy without the password after 5, 10, 20, 50 and 200 demonstrations: "
        f"{'; '.join(said)}. With the password: {with_it:.2f}; locked, before any: {without:.2f}."
    )
