"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lessons.amplification.exercises import catch_rate
from lessons.amplification.oversight import Judges, Pages, Shared, Spliced
from lessons.amplification.powers import N
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
        name = f"{2**j} step{'s' * (j > 0)}"
        left.plot(
            x, seen[:, j], ("-", "--", "-.", ":")[i], color=plots.COLORS[i], label=name,
            marker=plots.MARKERS[i], markevery=(i, 4),
        )  # fmt: skip
        half = next((a for a, v in zip(x, seen[:, j], strict=True) if v >= 0.5), None)
        told.append(f"{name}: half right after {half}")
    left.legend(loc="lower right")
    left.set(xlabel="training steps", title="Longer ways are learned after shorter")
    _share(left)
    levels = range(seen.shape[1])
    right.plot(levels, seen[-1], "-o", color=plots.COLORS[0], label="amplified")
    right.plot(levels, alone, "--s", color=plots.COLORS[1], label="labels alone")
    right.set_xticks(levels, labels=[2**j for j in levels])
    chance = 1 / N
    right.axhline(chance, **GRAY)
    right.text(2.3, 0.09, "chance", fontsize=9, color="0.4")
    suffice = seen[-1].min() >= 0.9 and alone[1:].max() <= 0.5
    title = "One-step labels suffice, if amplified" if suffice else "One-step labels, two ways"
    right.set(xlabel="steps in one question", title=title)
    plots.label_ends(right)
    return fig, (
        "Shares right are means over the permutations. Left, while learning; " + "; ".join(told)
        + f". Right, at the end by length: amplified {_list(seen[-1].tolist())}; with the labels "
        f"alone {_list(alone.tolist())}; dotted, chance: {chance:.2f}."
    )  # fmt: skip


def unseen(runs: Mapping[str, Learned]) -> tuple[Figure, str]:
    """Accuracy on four steps of held-out permutations, by how it was taught: true labels first."""
    fig, ax = plt.subplots(figsize=(6.6, 3))
    told = []
    for i, (name, run) in enumerate(runs.items()):
        look = {"color": plots.COLORS[i - 1], "linestyle": "--", "marker": plots.MARKERS[i - 1]}
        if i == 0:
            look = {**plots.GOLD, "color": "black", "marker": "", "zorder": 1.5}
        four = run.accuracy[:, 2].tolist()
        ax.plot(run.steps, four, markevery=4, label=name, **look)
        at = next((s for s, v in zip(run.steps, four, strict=True) if v >= 0.95), None)
        when = "never above 0.95" if at is None else f"above 0.95 after {at} steps"
        told.append(f"{name}: {four[-1]:.2f} at the end, {when}")
    ax.axhline(0.5, **GRAY)
    ax.text(1, 0.48, "answers x itself", fontsize=9, color="0.4", ha="right", va="top",
            transform=ax.get_yaxis_transform())  # fmt: skip
    learned = "learned" if four[-1] >= 0.95 else "not learned yet"
    ax.set(xlabel="training steps",
           title=f"Four steps of unseen permutations: {learned} from one-step labels")  # fmt: skip
    ax.legend(loc="lower right")
    _share(ax)
    return fig, (
        "Share right on four steps of held-out permutations. " + "; ".join(told) + ". Dotted, at "
        "0.50: who answers x itself."
    )


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
            name = "one try a node" if votes == 1 else f"{votes} tries a node"
            color = plots.COLORS[i]
            style = ("-", "--")[i % 2]
            ax.plot(range(len(law)), law, style, color=color, marker="", label=name)
            ax.plot(range(len(seen)), seen, plots.MARKERS[i], color=color, markersize=6,
                    clip_on=False)  # fmt: skip
            told.append(f"error {error:g}, {name}: law {_list(law)}; trees {_list(seen)}")
        ax.set_xticks(range(len(law)), labels=[2**j for j in range(len(law))])
        law = laws[error, max(v for _, v in laws)]
        ends = "votes hold" if law[-1] >= law[0] else "votes fall, too"
        ax.set(xlabel="steps in one question", title=f"Leaves err in {100 * error:g} %: {ends}")
    ax.legend(title="lines: the formula\nmarks: trees of people", title_fontsize=9, loc="best",
              alignment="left")  # fmt: skip
    _share(axes[0, 0])
    return fig, "Share right by length, lines by the formula, marks simulated. " + ". ".join(
        told
    ) + "."


def mistakes(
    rows: Mapping[str, Sequence[float]], alone: Tensor, law: Sequence[float]
) -> tuple[Figure, str]:
    """Accuracy by level of distilled models, by how the person errs, and the law of a product.

    alone: (levels, permutations), one person who misreads for good; a thin line four permutations,
    so many as the other lines are the mean of.
    """
    fig, ax = plt.subplots(figsize=(6.4, 3.4))
    ax.plot(range(len(law)), law, label="product law", **{**GRAY, "linewidth": 2.4})
    for i, (name, values) in enumerate(rows.items()):
        ax.plot(range(len(values)), values, ("-", "--", "-.")[i % 3], color=plots.COLORS[i],
                marker=plots.MARKERS[i], label=name)  # fmt: skip
    fours = [part.mean(1).tolist() for part in alone.split(4, 1)]
    mean, color = alone.mean(1).tolist(), plots.COLORS[3]
    ax.plot(range(len(mean)), mean, "-D", color=color, label="misread for good")
    for values in fours:
        ax.plot(range(len(mean)), values, color=color, marker="", lw=0.6, alpha=0.6, zorder=1.5)
    ax.set_xticks(range(len(law)), labels=[2**j for j in range(len(law))])
    ax.set(xlabel="steps in one question (thin lines: four permutations each)",
           title="One label in 16 is wrong: how it errs decides")  # fmt: skip
    _share(ax)
    plots.label_ends(ax)
    told = [f"{name}: {_list(values)}" for name, values in rows.items()]
    told.append(f"misread for good: {_list(mean)}")
    told.append(f"thin lines, four permutations each, end at {_list([v[-1] for v in fours])}")
    return fig, "Share right by length. " + ". ".join(told) + f". The law: {_list(law)}."


def judged(
    labels: Mapping[str, Sequence[float]], agents: Mapping[str, Sequence[float]], chance: float,
    others: Sequence[Sequence[float]] = (),
) -> tuple[Figure, str]:  # fmt: skip
    """Left: how often her comparisons are right. Right: the answers of agents trained on them.

    chance: the share of answers that are right by luck. others: the agents of other people who
    misread, as thin lines.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.2), sharey=True)
    told = []
    for values in others:
        thin = {"color": plots.COLORS[2], "linestyle": "-.", "linewidth": 0.8, "marker": ""}
        axes[1].plot(range(len(values)), values, **thin)
        told.append(f"answers right, another who misreads: {_list(values)}")
    lost = labels["alone"][-1] < 0.6 and agents["alone"][-1] < 0.2
    titles = ("Her comparisons", "The agents' answers")
    if lost:
        titles = ("Her comparisons: alone, a coin", "The agents: alone, near chance")
    whats, lucky = ("comparisons right", "answers right"), (0.5, chance)
    parts = zip(axes, (labels, agents), titles, whats, lucky, ("coin", "chance"), strict=True)
    for ax, rows, title, what, luck, word in parts:
        for i, (name, values) in enumerate(rows.items()):
            look = {"color": plots.COLORS[i], "linestyle": ("-", "--", "-.")[i]}
            ax.plot(range(len(values)), values, marker=plots.MARKERS[i], label=name, **look)
            told.append(f"{what}, {name}: {_list(values)}")
        ax.set_xticks(range(len(values)), labels=[2**j for j in range(len(values))])
        ax.set(xlabel="steps in one question", title=title)
        _share(ax, f"share of {what}")
        ax.axhline(luck, **GRAY)
        ax.text(0, luck + 0.02, word, fontsize=9, color="0.4")
        told.append(f"{what}, dotted, by luck: {luck:.2f}")
    plots.label_ends(axes[1], *axes[1].get_lines()[len(others) : len(others) + len(agents)])
    return fig, "By length, share of " + "; ".join(told) + "."


def team(
    right: Mapping[str, Sequence[float]], paper: Mapping[str, Sequence[float]],
    best: Sequence[float] = (),
) -> tuple[Figure, str]:  # fmt: skip
    """Accuracy by who answers, a dot a seed; the paper's two tasks as diamonds, wide and narrow.

    right: by who, a share a seed. paper: by task, the shares of the first three. best: by task, the
    paper's model where it is prompted best.
    """
    fig, ax = plt.subplots(figsize=(6.8, 3.3))
    names = list(right)
    for i, (_name, values) in enumerate(right.items()):
        ax.bar(i, sum(values) / len(values), width=0.55, color=plots.COLORS[i], alpha=0.75)
        at = [i - 0.2 + 0.06 * k for k in range(len(values))]
        ax.plot(at, values, "o", color="black", markersize=3, label="" if i else "a seed")
    for k, (task, values) in enumerate(paper.items()):
        x = [i + 0.06 + 0.13 * k for i in range(len(values))]
        look = {**plots.PAPER, "marker": "Dd"[k % 2]}
        ax.plot(x, values, **look, label=f"Bowman et al., {task}")
    for k, value in enumerate(best):
        ax.plot(1.06 + 0.13 * k, value, "_", color="black", markersize=10, markeredgewidth=1.8,
                label="" if k else "their model at its best")  # fmt: skip
    ax.set_xticks(range(len(names)), labels=names)
    means = [sum(v) / len(v) for v in right.values()]
    ax.set_title("Together they beat both" if means[2] > max(means[:2]) else "Each, and the team")
    ax.legend(loc="upper left", ncols=2)
    _share(ax)
    ax.set_ylim(-0.03, 1.25)
    ax.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    ax.spines.left.set_bounds(-0.03, 1)
    told = [f"{name} {m:.2f}" for name, m in zip(names, means, strict=True)]
    told += [f"{task}: {_list(values)}" for task, values in paper.items()]
    told += [f"the paper's model at its best: {_list(best)}"] * bool(best)
    return fig, "Share right: " + "; ".join(told) + "."


def _found(pages: Pages, scores: Tensor, looks: int) -> float:
    """The share of all flaws that so many close looks a page find, where the scores point."""
    at = scores.topk(looks, 1).indices
    return (pages.seen.gather(1, at).sum() / pages.flaws.sum()).item()


def critiques(natural: Sequence[Pages], planted: Sequence[Pages]) -> tuple[Figure, str]:
    """The share of flaws found by the number of close looks a page, by who points; a run a seed."""
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.2), sharey=True)
    told, budgets = [], (1, 2, 4, 8)
    for ax, runs, what, title in (
        (axes[0], natural, "its own flaws", "A critic finds more flaws"),
        (axes[1], planted, "planted flaws", "… and more of planted ones"),
    ):
        for i, who in enumerate(runs[0].scores):
            found = [[_found(p, p.scores[who], b) for b in budgets] for p in runs]
            look = {"color": plots.COLORS[i], "linestyle": ("-", "-.", "--")[i]}
            mean = plots.seed_lines(
                ax, range(len(budgets)), found, label=who, marker=plots.MARKERS[i], **look
            )
            two = [f[1] for f in found]
            told.append(f"{what}, {who}: {_list(mean.get_ydata())}, by seed at 2: {_list(two)}")
        ax.set_xticks(range(len(budgets)), labels=budgets)
        ax.set(xlabel="close looks a page of 16 (thin: seeds)", title=title)
    axes[1].plot([-1, -1], [0.27, 0.45], **plots.PAPER)
    for share, how in ((0.27, "without"), (0.45, "with")):
        axes[1].annotate(how, (-1, share), (6, 0), textcoords="offset points", fontsize=9,
                         va="center")  # fmt: skip
    axes[1].set_xticks(range(-1, len(budgets)), labels=["paper", *budgets])
    axes[1].set_xlim(left=-1.4)
    _share(axes[0], "share of flaws found")
    plots.label_ends(axes[1])
    return fig, (
        f"Share of flaws found for 1, 2, 4 and 8 looks, means of {len(natural)} seeds. "
        + "; ".join(told)
        + ". Diamonds beside the planted ones: Saunders et al., 0.27 without critiques and 0.45 "
        "with them."
    )


def shared(
    runs: Sequence[Sequence[Shared]], shares: Sequence[float], sizes: Sequence[int],
    able: Sequence[Sequence[Shared]],
) -> tuple[Figure, str]:  # fmt: skip
    """Left: errors caught by the correlation of errors. Right: that correlation by accuracy."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.2))
    for i, run in enumerate(runs):
        x, y = [s.correlation for s in run], [s.caught for s in run]
        look = {"marker": plots.MARKERS[i], "color": plots.COLORS[i]}
        left.plot(x, y, "-", linewidth=1, **look)
        left.plot(x, [s.knows for s in run], linestyle="", fillstyle="none", **look)
    for share, s in zip(shares, runs[0], strict=True):
        name = f"{share:.0%}" + " shared" * (share == shares[0])
        left.annotate(
            name, (s.correlation, s.caught), (5, 6), textcoords="offset points", fontsize=9
        )
    wrong = 1 - sum(s.accuracy for s in runs[0]) / len(runs[0])
    left.plot([0, 1], [catch_rate(wrong, wrong, rho) for rho in (0.0, 1.0)], **GRAY)
    left.text(0.03, 0.62, "formula", fontsize=9, color="0.4")
    left.text(0.08, 0.12, "hollow: the assistant is right", fontsize=9)
    left.plot(1, 0, "x", color="black", markersize=7)
    left.annotate("a copy", (1, 0), (8, 13), textcoords="offset points", fontsize=9, ha="center")
    left.set(xlim=(0, 1.03), xlabel="correlation of errors (a line a seed)",
             title="The more images shared,\nthe fewer errors caught")  # fmt: skip
    _share(left, "share of the policy's\nerrors caught")
    for i, run in enumerate(able):
        x, y = [s.accuracy for s in run], [s.correlation for s in run]
        right.plot(x, y, "-", marker=plots.MARKERS[i], color=plots.COLORS[i], linewidth=1)
    for size, s in zip(sizes, able[0], strict=True):
        right.annotate(
            f"{size}" + " images" * (size == sizes[0]), (s.accuracy, s.correlation), (0, -14),
            textcoords="offset points", fontsize=9, ha="center",
        )  # fmt: skip
    right.margins(x=0.18)
    right.locator_params(axis="x", nbins=6, steps=[1, 5, 10])
    right.set(ylim=(0, 0.7), xlabel="share right (a line a seed)", ylabel="correlation of errors",
              title="No image shared: the better,\nthe more alike")  # fmt: skip
    told = [f"{share:.0%} shared: correlation {s.correlation:.2f}, caught {s.caught:.2f}, "
            f"assistant right {s.knows:.2f}"
            for share, s in zip(shares, runs[0], strict=True)]  # fmt: skip
    told += [f"{size} images each: {s.accuracy:.2f} right, correlation {s.correlation:.2f}"
             for size, s in zip(sizes, able[0], strict=True)]  # fmt: skip
    return fig, (
        f"{len(runs)} seeds; dotted the formula, below what is caught; hollow marks, on it: the "
        "share on which the assistant is right. First seed: "
        + "; ".join(told) + "."
    )  # fmt: skip


def splices(found: Spliced, by_seed: Sequence[Spliced]) -> tuple[Figure, str]:
    """Four pictures, and how well each way of asking tells them, a dot a seed."""
    fig = plt.figure(figsize=(7.4, 2.7))
    grid = fig.add_gridspec(2, 5, width_ratios=(1, 1, 0.3, 3, 0.1))
    shown = zip(found.pictures, found.whole.tolist(), found.digits.tolist(), strict=True)
    for i, (picture, whole, (a, b)) in enumerate(shown):
        ax = fig.add_subplot(grid[i // 2, i % 2])
        plots.image(ax, picture)
        ax.axvline(3.5, color=plots.COLORS[3], linewidth=1, linestyle=":", marker="")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        ax.set_title(f"{a} | {b}", loc="center", fontsize=9)
        if i % 2 == 0:
            ax.set_ylabel("whole" if whole else "spliced", fontsize=9)
    ax = fig.add_subplot(grid[:, 3])
    for k, name in enumerate(found.auroc):
        values = [s.auroc[name] for s in by_seed]
        at = [k + 0.2 * (i - (len(values) - 1) / 2) for i in range(len(values))]
        ax.plot(values, at, "o", color=plots.COLORS[k], markersize=5)
    ax.axvline(0.5, **GRAY)
    ax.set_yticks(range(len(found.auroc)), labels=list(found.auroc))
    ax.set(xlim=(0.4, 1.02), ylim=(2.5, -0.5), xlabel="AUROC (0.5: chance; a dot a seed)",
           title="The wrong question sees nothing")  # fmt: skip
    told = [f"{name} {value:.2f}" for name, value in found.auroc.items()]
    halves = "; ".join(f"{a} and {b}" for a, b in found.digits.tolist())
    return fig, (
        f"Four pictures of two halves each: {halves}. AUROC of telling spliced from whole, first "
        "seed: " + ", ".join(told) + "."
    )


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
    ax.set(xlabel="cost in glimpses (thin lines: seeds)", ylabel="share right", ylim=(0.4, 0.9))
    ax.set_title("One critique beats a vote, critiques of critiques do not")
    plots.label_ends(ax)
    return fig, (
        "Share right for 1, 3, 5 and 7 glimpses, first seed: " + "; ".join(told) + ". Thin lines: "
        f"{len(runs)} seeds. One of the first two answers is right in {reach:.2f}."
    )
