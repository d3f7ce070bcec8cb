"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lessons.amplification.exercises import catch_rate
from lessons.amplification.oversight import Judges, Pages, Shared, Spliced
from lessons.amplification.unseen import Learned
from utils import plots

GRAY = {"color": "0.5", "marker": "", "linestyle": ":"}


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{v:.2f}" for v in values)


def _share(ax: Axes, what: str = "share right") -> None:
    ax.set(ylim=(-0.03, 1.03), ylabel=what)


def level_by_level(seen: Tensor, steps: int, alone: Tensor) -> tuple[Figure, str]:
    """Left: accuracy while learning, a line a level. Right: at the end, with and without."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.2), sharey=True)
    x = [steps * i // max(1, len(seen) - 1) for i in range(len(seen))]
    told = []
    for i, j in enumerate((0, 2, 4, 6)):
        left.plot(
            x, seen[:, j], ("-", "--", "-.", ":")[i], color=plots.COLORS[i], marker="",
            label=f"{2**j} step{'s' * (j > 0)}",
        )  # fmt: skip
        half = next((a for a, v in zip(x, seen[:, j], strict=True) if v >= 0.5), None)
        k = min(2 * i + 1, len(x) - 1)
        left.plot(x[k], seen[k, j], plots.MARKERS[i], color=plots.COLORS[i])
        told.append(f"{2**j} steps: half right after {half}")
    left.legend(loc="lower right")
    left.set(xlabel="training steps", title="Longer ways are learned after shorter")
    _share(left)
    levels = range(seen.shape[1])
    right.plot(levels, seen[-1], "-o", color=plots.COLORS[0], label="amplified")
    right.plot(levels, alone, "--s", color=plots.COLORS[1], label="labels alone")
    right.set_xticks(levels, labels=[2**j for j in levels])
    right.set(xlabel="steps in one question", title="One-step labels, amplified or not")
    plots.label_ends(right)
    return fig, (
        "Left, share right while learning; " + "; ".join(told) + ". Right, at the end by length: "
        f"amplified {_list(seen[-1].tolist())}; with the labels alone {_list(alone.tolist())}."
    )


def unseen(runs: Mapping[str, Learned]) -> tuple[Figure, str]:
    """Accuracy on four steps of held-out permutations, by how it was taught."""
    fig, ax = plt.subplots(figsize=(6.6, 3))
    told = []
    for i, (name, run) in enumerate(runs.items()):
        four = run.accuracy[:, 2].tolist()
        look = plots.GOLD if i else {"linestyle": "--", "linewidth": 1.8}
        ax.plot(run.steps, four, color=plots.COLORS[i], marker=plots.MARKERS[i], markevery=4,
                label=name, **look)  # fmt: skip
        at = next((s for s, v in zip(run.steps, four, strict=True) if v >= 0.95), None)
        told.append(f"{name}: {four[-1]:.2f} at the end, above 0.95 after {at} steps")
    ax.set(
        xlabel="training steps", title="Four steps of unseen permutations, learned without a label"
    )
    ax.legend(loc="lower right")
    _share(ax)
    return fig, "Share right on four steps of held-out permutations. " + "; ".join(told) + "."


def trees(
    laws: Mapping[tuple[float, int], Sequence[float]],
    drawn: Mapping[tuple[float, int], Sequence[float]],
) -> tuple[Figure, str]:
    """A panel a leaf error: the closed form as lines, simulated trees as marks."""
    errors = sorted({error for error, _ in laws})
    if not errors:
        raise ValueError("at least one rate of slips")
    fig, axes = plt.subplots(1, len(errors), figsize=(7.4, 3), sharey=True, squeeze=False)
    told = []
    for ax, error in zip(axes[0], errors, strict=True):
        for i, votes in enumerate(sorted({v for _, v in laws})):
            law, seen = laws[error, votes], drawn[error, votes]
            name = "one try a node" if votes == 1 else f"{votes} tries"
            color = plots.COLORS[i]
            style = ("-", "--")[i % 2]
            ax.plot(range(len(law)), law, style, color=color, marker="", label=name)
            ax.plot(range(len(seen)), seen, plots.MARKERS[i], color=color, markersize=6)
            told.append(f"error {error:g}, {name}: law {_list(law)}; trees {_list(seen)}")
        ax.set_xticks(range(len(law)), labels=[2**j for j in range(len(law))])
        law = laws[error, max(v for _, v in laws)]
        ends = "votes hold" if law[-1] >= law[0] else "votes fall, too"
        ax.set(xlabel="steps in one question", title=f"Leaves err in {100 * error:g} %: {ends}")
        plots.label_ends(ax)
    _share(axes[0, 0])
    return fig, "Share right by length, lines by the formula, marks simulated. " + ". ".join(
        told
    ) + "."


def mistakes(rows: Mapping[str, Sequence[float]], law: Sequence[float]) -> tuple[Figure, str]:
    """Accuracy by level of distilled models, by how the person errs, and the law of a product."""
    fig, ax = plt.subplots(figsize=(6.4, 3.4))
    for i, (name, values) in enumerate(rows.items()):
        style = ("-", "--", "-.", "-")[i % 4]
        ax.plot(range(len(values)), values, style, color=plots.COLORS[i], marker=plots.MARKERS[i],
                label=name)  # fmt: skip
    ax.plot(range(len(law)), law, label="(1 − 1/16)^steps", **GRAY)
    ax.set_xticks(range(len(law)), labels=[2**j for j in range(len(law))])
    ax.set(xlabel="steps in one question", title="One label in 16 is wrong: how it errs decides")
    _share(ax)
    plots.label_ends(ax)
    told = [f"{name}: {_list(values)}" for name, values in rows.items()]
    return fig, "Share right by length. " + ". ".join(told) + f". The law: {_list(law)}."


def judged(
    labels: Mapping[str, Sequence[float]], agents: Mapping[str, Sequence[float]]
) -> tuple[Figure, str]:
    """Left: how often her comparisons are right. Right: the agents that they train."""
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.2), sharey=True)
    told = []
    lost = labels["alone"][-1] < 0.6 and agents["alone"][-1] < 0.2
    titles = ("What she can judge", "What the agents learn")
    if lost:
        titles = ("Alone she ends with a coin", "… and her agents learn nothing there")
    for ax, rows, title in zip(axes, (labels, agents), titles, strict=True):
        for i, (name, values) in enumerate(rows.items()):
            look = {"color": plots.COLORS[i], "linestyle": ("-", "--", "-.")[i]}
            ax.plot(range(len(values)), values, marker=plots.MARKERS[i], label=name, **look)
            told.append(f"{title}, {name}: {_list(values)}")
        ax.set_xticks(range(len(values)), labels=[2**j for j in range(len(values))])
        ax.set(xlabel="steps in one question", title=title)
    _share(axes[0])
    axes[0].axhline(0.5, **GRAY)
    axes[0].text(0, 0.46, "coin", fontsize=9, color="0.4", va="top")
    plots.label_ends(axes[1])
    return fig, ". ".join(told) + "."


def team(
    right: Mapping[str, Sequence[float]], paper: Mapping[str, Sequence[float]]
) -> tuple[Figure, str]:
    """Accuracy by who answers, a dot a seed; the paper's two tasks as diamonds.

    right: by who, a share a seed. paper: by task, the shares of the first three.
    """
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    names = list(right)
    for i, (_name, values) in enumerate(right.items()):
        ax.bar(i, sum(values) / len(values), width=0.55, color=plots.COLORS[i], alpha=0.75)
        ax.plot([i - 0.12] * len(values), values, "o", color="black", markersize=3)
    for k, (task, values) in enumerate(paper.items()):
        x = [i + 0.1 + 0.12 * k for i in range(len(values))]
        ax.plot(x, values, **plots.PAPER)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8}
        ax.annotate(task, (x[2], values[2]), (7, 6 - 14 * (k == 0)), textcoords="offset points",
                    fontsize=9, va="center", bbox=box)  # fmt: skip
    ax.set_xticks(range(len(names)), labels=names)
    means = [sum(v) / len(v) for v in right.values()]
    ax.set_title("Together they beat both (dots: seeds; diamonds: Bowman et al.)")
    _share(ax)
    told = [f"{name} {m:.2f}" for name, m in zip(names, means, strict=True)]
    told += [f"{task}: {_list(values)}" for task, values in paper.items()]
    return fig, "Share right: " + "; ".join(told) + "."


def critiques(natural: Pages, planted: Pages) -> tuple[Figure, str]:
    """The share of flaws found by the number of close looks a page, by who points."""
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.2), sharey=True)
    told, budgets = [], (1, 2, 4, 8)
    for ax, pages, title in (
        (axes[0], natural, "A critic finds more flaws"),
        (axes[1], planted, "… and more of those planted"),
    ):
        for i, (who, scores) in enumerate(pages.scores.items()):
            found = [
                (pages.seen.gather(1, scores.topk(b, 1).indices).sum() / pages.flaws.sum()).item()
                for b in budgets
            ]
            look = {"color": plots.COLORS[i], "linestyle": ("-", "-.", "--")[i]}
            ax.plot(range(len(budgets)), found, marker=plots.MARKERS[i], label=who, **look)
            told.append(f"{title}, {who}: {_list(found)}")
        ax.set_xticks(range(len(budgets)), labels=budgets)
        ax.set(xlabel="close looks a page of 16", title=title)
    axes[1].plot([1, 1], [0.27, 0.45], **plots.PAPER)
    axes[1].text(1, 0.18, "◇ Saunders et al.", fontsize=9, ha="center", va="top")
    _share(axes[0], "share of flaws found")
    plots.label_ends(axes[1])
    return fig, (
        "A critic finds more than her own glance at each effort. Share of flaws found for 1, 2, 4 "
        "and 8 looks. " + ". ".join(told) + ". Diamonds: Saunders et al., 0.27 without help and "
        "0.45 with it."
    )


def shared(
    runs: Sequence[Sequence[Shared]], shares: Sequence[float], sizes: Sequence[int],
    able: Sequence[Sequence[Shared]],
) -> tuple[Figure, str]:  # fmt: skip
    """Left: errors caught by the correlation of errors. Right: that correlation by accuracy."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.2))
    for i, run in enumerate(runs):
        x, y = [s.correlation for s in run], [s.caught for s in run]
        left.plot(x, y, "-", marker=plots.MARKERS[i], color=plots.COLORS[i], linewidth=1)
    for share, s in zip(shares, runs[0], strict=True):
        left.annotate(
            f"{share:.0%}",
            (s.correlation, s.caught),
            (5, 6),
            textcoords="offset points",
            fontsize=8,
        )
    wrong = 1 - sum(s.accuracy for s in runs[0]) / len(runs[0])
    left.plot([0, 1], [catch_rate(wrong, wrong, rho) for rho in (0.0, 1.0)], **GRAY)
    left.text(0.03, 0.62, "formula", fontsize=9, color="0.4")
    left.plot(1, 0, "x", color="black", markersize=7)
    left.annotate("a copy", (1, 0), (-14, 4), textcoords="offset points", fontsize=9, ha="right")
    left.set(
        xlim=(0, 1.03),
        xlabel="correlation of errors (a line a seed)",
        title="What is shared is not caught\n(in %: images shared with the policy)",
    )
    _share(left, "of the policy's errors caught")
    for i, run in enumerate(able):
        x, y = [s.accuracy for s in run], [s.correlation for s in run]
        right.plot(x, y, "-", marker=plots.MARKERS[i], color=plots.COLORS[i], linewidth=1)
    for size, s in zip(sizes, able[0], strict=True):
        right.annotate(
            f"{size}",
            (s.accuracy, s.correlation),
            (0, -14),
            textcoords="offset points",
            fontsize=8,
            ha="center",
        )
    right.margins(x=0.1)
    right.set(ylim=(0, 0.7), xlabel="share right (a line a seed)", ylabel="correlation of errors",
              title="No image shared: the better,\nthe more alike (numbers: images)")  # fmt: skip
    told = [f"{share:.0%} shared: correlation {s.correlation:.2f}, caught {s.caught:.2f}"
            for share, s in zip(shares, runs[0], strict=True)]  # fmt: skip
    told += [f"{size} images each: {s.accuracy:.2f} right, correlation {s.correlation:.2f}"
             for size, s in zip(sizes, able[0], strict=True)]  # fmt: skip
    return fig, (
        f"{len(runs)} seeds, and dotted the formula, below both. First seed: "
        + "; ".join(told) + "."
    )  # fmt: skip


def splices(found: Spliced, by_seed: Sequence[Spliced]) -> tuple[Figure, str]:
    """Four pictures, and how well each way of asking tells them, a dot a seed."""
    fig = plt.figure(figsize=(7.4, 2.7))
    grid = fig.add_gridspec(2, 5, width_ratios=(1, 1, 0.3, 3, 0.1))
    for i, (picture, whole) in enumerate(zip(found.pictures, found.whole.tolist(), strict=True)):
        ax = fig.add_subplot(grid[i // 2, i % 2])
        plots.image(ax, picture)
        ax.axvline(3.5, color=plots.COLORS[3], linewidth=1, linestyle=":", marker="")
        ax.set(xticks=[], yticks=[])
        if i % 2 == 0:
            ax.set_ylabel("whole" if whole else "spliced", fontsize=9)
    ax = fig.add_subplot(grid[:, 3])
    for k, name in enumerate(found.auroc):
        values = [s.auroc[name] for s in by_seed]
        ax.plot(values, [k] * len(values), "o", color=plots.COLORS[k], markersize=7, alpha=0.8)
    ax.axvline(0.5, **GRAY)
    ax.set_yticks(range(len(found.auroc)), labels=list(found.auroc))
    ax.set(xlim=(0.4, 1.02), ylim=(2.5, -0.5), xlabel="AUROC (0.5 is chance)",
           title="The wrong question sees nothing")  # fmt: skip
    told = [f"{name} {value:.2f}" for name, value in found.auroc.items()]
    return fig, "Four pictures of two halves each; AUROC of telling them: " + ", ".join(told) + "."


def orders(runs: Sequence[Judges]) -> tuple[Figure, str]:
    """Accuracy by what it costs in glimpses, thin lines for seeds."""
    fig, ax = plt.subplots(figsize=(6.4, 3.3))
    costs, told = (1, 3, 5, 7), []
    for i, (field, name) in enumerate(
        (("pooled", "all glimpses pooled"), ("votes", "a vote"), ("critiques", "critiques"))
    ):
        values = [getattr(run, field) for run in runs]
        look = {"color": plots.COLORS[(2, 1, 0)[i]], "linestyle": (":", "--", "-")[i]}
        plots.seed_lines(ax, costs, values, label=name, marker=plots.MARKERS[i], **look)
        told.append(f"{name} {_list(values[0])}")
    reach = sum(run.reachable for run in runs) / len(runs)
    ax.plot(costs, [reach] * 4, label="one of the first two is right", **GRAY)
    ax.set_xticks(costs)
    ax.set(xlabel="cost in glimpses", ylabel="share right", ylim=(0.4, 0.9))
    ax.set_title("One critique beats a vote, critiques of critiques do not")
    plots.label_ends(ax)
    return fig, (
        "Share right for 1, 3, 5 and 7 glimpses, first seed: " + "; ".join(told) + ". Thin lines: "
        f"{len(runs)} seeds. One of the first two answers is right in {reach:.2f}."
    )
