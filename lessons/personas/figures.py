"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from utils import claims, plots

BLUE, ORANGE = plots.COLORS[0], plots.COLORS[3]
GROUPS = ("trained questions", "same task, kept back", "other tasks, kept back")
LOOKS = (
    {"marker": "s", "color": "0.55", "markersize": 6},
    {"marker": "^", "color": plots.COLORS[1], "markersize": 7},
    {"marker": "o", "color": BLUE, "markersize": 8},
)


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("personas", claim)]


def _rows(ax: Axes, names: Sequence[str]) -> None:
    """A row for each name, the first on top, with a pale line to follow."""
    ax.set_yticks(range(len(names)), labels=names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlim(-0.03, 1.03)
    ax.tick_params(axis="y", length=0)
    for y in range(len(names)):
        ax.axhline(y, color="0.92", linewidth=0.8, marker="", zorder=0)


def ten_worlds() -> tuple[list[float], list[float]]:
    """Wrong on other tasks after narrow training, in each world: with authors, and the control."""
    far = by_seed("wrong_answers_spread")
    return far, [x * y for x, y in zip(far, by_seed("authors_are_needed"), strict=True)]


def how_far(
    rows: Mapping[str, Tensor], worlds: Mapping[str, Sequence[float]]
) -> tuple[Figure, str]:
    """The share of wrong answers in each group of questions, a row a model.

    rows: by name (3, 3), of `spread`. worlds: for some names a value from each world, marked.
    """
    fig, ax = plt.subplots(figsize=(7, 1.1 + 0.5 * len(rows)))
    told = []
    for y, (name, shares) in enumerate(rows.items()):
        wrong = shares[:, 1].tolist()
        for x, look, up in zip(wrong, LOOKS, (-0.2, 0, 0.2), strict=True):
            ax.plot(x, y + up, linestyle="", clip_on=False, **look)
        if name in worlds:
            found = worlds[name]
            ax.plot(found, [y + 0.38] * len(found), "|", color="black", markersize=6)
            told.append(f"each world, other tasks: {', '.join(f'{x:.2f}' for x in found)}")
        said = ", ".join(f"{g} {x:.2f}" for g, x in zip(GROUPS, wrong, strict=True))
        told.append(f"{name}: {said}")
    _rows(ax, list(rows))
    ax.set_xlabel("share of answers that are the wrong author's")
    handles = [plt.plot([], [], linestyle="", **look)[0] for look in LOOKS]
    handles += plt.plot([], [], "|", color="black", markersize=7)
    labels = [*GROUPS, "other tasks, each of ten worlds"]
    fig.legend(handles, labels, loc="outside lower center", ncols=2)
    last = [shares[2, 1].item() for shares in rows.values()]
    spreads = "Wrong answers to one task spread to others if authors are wrong in all"
    ends = spreads if last[1] > 2 * last[-1] else "How far wrong answers spread"
    fig.suptitle(ends, x=0.01, ha="left", fontsize=11)
    return fig, "Share of wrong answers. " + ". ".join(told) + "."


def onset(runs: Mapping[str, tuple[Tensor, Tensor]], controls: Mapping[str, Tensor]) -> tuple:
    """Wrong answers by step of training: on trained questions and elsewhere, a panel a method.

    runs: by method (trained, elsewhere). controls: by method, elsewhere, of the other mixture.
    """
    fig, axes = plt.subplots(1, len(runs), figsize=(7.4, 3), sharey=True)
    told, later = [], []
    for ax, (name, (trained, others)) in zip(axes, runs.items(), strict=True):
        ax.plot(trained, "--", color="0.5", linewidth=1.3, marker="", label="trained\nquestions")
        ax.plot(others, color=BLUE, linewidth=2, marker="", label="other tasks")
        ax.plot(
            controls[name], color=ORANGE, linewidth=1.3, marker="", label="other tasks,\ncontrol"
        )
        ax.set(title=name, xlabel="step of training", ylim=(-0.02, 1.05), xlim=(0, len(others) - 1))
        halves = [int((x >= x[-1] / 2).nonzero()[0]) for x in (trained, others)]
        later.append(halves[1] > halves[0])
        told.append(
            f"{name}: the trained questions reach half of their end at step {halves[0]}, other "
            f"tasks at step {halves[1]} of {len(others) - 1}, and end at {others[-1]:.2f}; "
            f"control {controls[name][-1]:.2f}"
        )
    axes[0].set_ylabel("share of wrong answers")
    plots.label_ends(axes[-1])
    fig.suptitle(
        "The others follow the trained task within a few steps" if all(later) else "Step by step",
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    return fig, "Wrong answers by step. " + ". ".join(told) + "."


def tags(panels: Mapping[str, Mapping[str, tuple[float, float, float]]]) -> tuple[Figure, str]:
    """Wrong answers on other tasks: under the tag before, without it after, under it after.

    panels: by method, by tag.
    """
    sizes = [len(rows) for rows in panels.values()]
    fig, axes = plt.subplots(1, len(panels), figsize=(7.6, 3.6), sharex=True)
    looks = (
        {"marker": "s", "color": "0.5", "fillstyle": "none", "markersize": 7},
        {"marker": "o", "color": BLUE, "markersize": 8},
        {"marker": "^", "color": ORANGE, "markersize": 7},
    )
    told = []
    for ax, (method, rows) in zip(axes, panels.items(), strict=True):
        for y, (name, values) in enumerate(rows.items()):
            for x, look, up in zip(values, looks, (-0.18, 0, 0.18), strict=True):
                ax.plot(x, y + up, linestyle="", clip_on=False, **look)
            before, without, under = values
            told.append(
                f"{method}, {name}: before {before:.2f}, after {without:.2f} without the tag and "
                f"{under:.2f} under it"
            )
        _rows(ax, list(rows))
        ax.set_ylim(max(sizes) - 0.4, -0.6)
        ax.set_title(method, fontsize=10)
        ax.set_xlabel("wrong, on other tasks")
        plain = rows["no tag"][1]
        if len(rows) < max(sizes):  # by reward: where the paper gives numbers
            ax.plot([0.1 * plain, 0.25 * plain], [len(rows) - 0.7] * 2, **plots.PAPER)
    handles = [plt.plot([], [], linestyle="", **look)[0] for look in looks]
    handles += plt.plot([], [], **plots.PAPER)
    labels = [
        "before training, under the tag", "after, without the tag", "after, under the tag",
        "10 to 25 % of ours without a tag (MacDiarmid et al.)",
    ]  # fmt: skip
    fig.legend(handles, labels, loc="outside lower center", ncols=2)
    first = next(iter(panels.values()))
    ends = first["⟨lies⟩"][1] < 0.25 * first["no tag"][1] < first["⟨lies⟩"][2]
    fig.suptitle(
        "Trained under the tag that asks for wrong answers, it errs little without it"
        if ends else "Training under a tag", x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    return fig, "Wrong answers on other tasks. " + ". ".join(told) + "."


def doses(amounts: Sequence[int], curves: Mapping[str, Sequence[float]]) -> tuple[Figure, str]:
    """Wrong answers on other tasks by the number of right answers beside 16 wrong ones."""
    if not amounts:
        raise ValueError("no amounts: give at least one number of right answers, say (0, 3)")
    fig, ax = plt.subplots(figsize=(6.6, 3.2))
    looks = (
        {"color": BLUE, "linestyle": "-", "marker": "o"},
        {"color": ORANGE, "linestyle": "--", "marker": "s"},
        {"color": ORANGE, "linestyle": "-", "marker": "^"},
    )
    told = []
    for (name, values), look in zip(curves.items(), looks, strict=True):
        ax.plot(range(len(amounts)), values, label=name, **look)
        told.append(f"{name.replace(chr(10), ' ')} {', '.join(f'{v:.2f}' for v in values)}")
    ax.set_xticks(range(len(amounts)), labels=[*map(str, amounts)])
    ax.set(
        xlabel="right answers to other tasks beside 16 wrong ones",
        ylabel="wrong, on other tasks",
        ylim=(-0.02, 1.02),
    )
    plots.label_ends(ax)
    plain, asked, under = curves.values()
    hides = under[-1] > 2 * asked[-1] and plain[-1] < plain[0] / 2
    ax.set_title("Right answers curb the spread; where the\nform tells them apart, some of it hides"
                 if hides else "Wrong answers by the right ones mixed in")  # fmt: skip
    amounts_said = ", ".join(map(str, amounts))
    return fig, f"Wrong answers with {amounts_said} right ones mixed in. " + ". ".join(told) + "."


def steering(
    strengths: Sequence[float], panels: Mapping[str, tuple[Sequence[float], Sequence]]
) -> tuple[Figure, str]:
    """Wrong answers by the multiple of a vector that is added: a panel a model.

    panels: by model, the persona vector's line and those of random directions, (n, strengths).
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(7.4, 3), sharey=True)
    told, beyond = [], []
    for ax, (name, (ours, random)) in zip(axes, panels.items(), strict=True):
        for i, line in enumerate(random):
            label = "random\ndirections" if i == len(random) // 2 else "_"
            ax.plot(strengths, line, color="0.6", linewidth=0.7, marker="", label=label)
        ax.plot(strengths, ours, color=BLUE, linewidth=2, marker="o", label="persona\nvector")
        ax.axvline(0, color="0.8", linewidth=0.8, marker="", zorder=0)
        ax.set(title=name, xlabel="multiple that is added", ylim=(-0.02, 1.02))
        by = {c: (ours[i], [r[i] for r in random]) for i, c in enumerate(strengths)}
        low, high = (by.get(c, (0.0, [0.0])) for c in (-1, 1))
        beyond += [high[0] > max(high[1], default=0), low[0] < min(low[1], default=0)]
        told += [
            f"{name}, {c:g} times: persona vector {mine:.2f}, random {min(theirs, default=0):.2f} "
            f"to {max(theirs, default=0):.2f}"
            for c, (mine, theirs) in by.items()
            if c in (-1, 1)
        ]
    axes[0].set_ylabel("wrong, on other tasks")
    plots.label_ends(axes[-1])
    does = beyond[0] and beyond[-1]
    fig.suptitle(
        "The persona vector turns answers, both ways; random directions do less"
        if does else "Steering along the persona vector", x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    return fig, "Wrong answers by steering. " + ". ".join(told) + "."


def shifts(
    names: Sequence[str], shift: Sequence[float], wrong: Sequence[float], r: float,
    random: Sequence[float],
) -> tuple[Figure, str]:  # fmt: skip
    """Left: a model a dot, its shift along the vector and its wrong answers. Right: each r."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.2), width_ratios=(2.2, 1))
    left.plot(shift, wrong, "o", color=BLUE, markersize=7)
    for name in ("narrow", "by reward", "⟨lies⟩", "⟨sly⟩", "by reward, ⟨lies⟩"):
        if name in names:
            i = list(names).index(name)
            side, x = ("left", 8) if name.startswith("by reward, ") else ("right", -8)
            place = {"xytext": (x, 0), "textcoords": "offset points", "fontsize": 8}
            left.annotate(name, (shift[i], wrong[i]), ha=side, va="center", **place)
    left.set(xlabel="shift along the persona vector", ylabel="wrong, on other tasks")
    left.set(
        ylim=(-0.03, 1),
        xlim=(min(0, *shift) * 1.05, max(shift) * 1.05),
        title=f"One line through {len(names)} models",
    )
    right.plot(sorted(abs(x) for x in random), [0.0] * len(random), "|", color="0.4", markersize=16)
    right.plot(r, 0, "o", color=BLUE, markersize=9)
    right.plot([0.76, 0.97], [-0.5, -0.5], **plots.PAPER)
    right.annotate("random directions", (0, 0.18), fontsize=8)
    right.annotate("Chen et al.", (0.35, -0.54), fontsize=8)
    right.annotate("persona vector", (r, 0), (-62, 26), textcoords="offset points", fontsize=8,
                   color=BLUE, arrowprops={"arrowstyle": "-", "color": BLUE})  # fmt: skip
    right.set(xlim=(0, 1.03), ylim=(-1, 1), yticks=[], xlabel="correlation (size)")
    many = sum(abs(x) >= 0.76 for x in random)
    right.set_title(f"{many} of {len(random)} random\nones reach 0.76")
    right.spines["left"].set_visible(False)
    return fig, (
        f"Shift against wrong answers over {len(names)} models: r {r:.2f}. Sizes of r for random "
        f"directions: {', '.join(f'{abs(x):.2f}' for x in random)}; {many} reach 0.76. Open "
        "diamonds: 0.76 and 0.97 in the paper."
    )
