"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections import Counter
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from lessons.specification_gaming.experiments import Race, Room
from utils import plots
from utils.floors import draw_floor, draw_way
from utils.worlds.grids import Cell

PAY_COLORS = (plots.COLORS[1], plots.COLORS[0])  # the score is orange here, and the laps are blue


def circles(
    r: Race, ways: Mapping[str, Sequence[Cell]], driven: Mapping[str, tuple[float, float]]
) -> tuple[Figure, str]:
    """A way on the track for each kind of pay, and what 100 moves bring: score and laps."""
    fig, axes = plt.subplots(1, len(ways) + 1, figsize=(7.4, 2.5), width_ratios=[1, 1, 1.5])
    tours = []
    for (name, way), ax in zip(ways.items(), axes, strict=False):
        draw_floor(ax, r.floor, {"S": "start", "C": "C"})
        ax.texts[0].set_fontsize(8)
        color = PAY_COLORS[list(ways).index(name)]
        draw_way(ax, way, shift=0.22, color=color)
        again = max(Counter(way).values())
        over = f"on and off, {again} times" if again > 2 else "around, and on"
        ax.set_title(f"paid for {name}:\n{over}")
        tours.append(f"paid for {name}, in {len(way) - 1} moves: {over}")
    ax, told = axes[-1], []
    for i, (name, (score, laps)) in enumerate(driven.items()):
        color = PAY_COLORS[i]
        ax.barh(i - 0.18, score, 0.32, facecolor="white", edgecolor=color, hatch="////")
        ax.barh(i + 0.18, laps, 0.32, color=color)
        ax.text(score + 1, i - 0.18, f"score {score:.0f}", va="center", fontsize=8.5)
        shown = f"laps {laps:.1f}" if laps >= 0.5 else "laps: less than one"
        ax.text(max(laps, 0) + 1, i + 0.18, shown, va="center", fontsize=8.5)
        told.append(f"paid for {name}: score {score:.0f}, {shown}")
    ax.set_yticks(range(len(driven)), labels=[f"paid for\n{name}" for name in driven])
    ax.set(xlim=(0, 72), xlabel="score or laps in 100 moves, mean of agents", ylim=(1.5, -0.5))
    ax.set_xticks([0, 25, 50])
    ax.tick_params(axis="y", length=0)
    (hack, honest) = (driven[k] for k in ("checkpoints", "laps"))
    if 1.8 * honest[0] < hack[0] < 2.2 * honest[0] and abs(hack[1]) < 1:
        fig.suptitle("Paid for checkpoints, the boat scores twice as much and gets nowhere",
                     fontsize=11, x=0.02, ha="left")  # fmt: skip
    return fig, (
        "A track of a few cells with two checkpoints, C. "
        + "; ".join(tours)
        + ". In 100 moves: "
        + "; ".join(told)
        + "."
    )


def learning(at: Sequence[int], laps: Mapping[str, Tensor], best: float) -> tuple[Figure, str]:
    """Laps by steps of training for each reward: (len(at), agents), thin lines a few agents."""
    fig, ax = plt.subplots(figsize=(6.2, 3))
    told = []
    for name, runs in laps.items():
        (line,) = ax.plot(at, runs.mean(1), label=name)
        look = {"color": line.get_color(), "marker": ""}
        ax.plot(at, runs[:, :6], **look, linewidth=0.5, alpha=0.4, zorder=1.5)
        told.append(f"{name}: {runs[-1].mean():.1f} at the end")
    ax.axhline(best, color="0.6", linewidth=0.8, marker="", zorder=0)
    ax.text(at[0], best * 1.02, "the best possible", color="0.4", fontsize=8.5, va="bottom")
    plots.label_ends(ax)
    ax.set(xscale="log", xlabel="steps of training, per agent", ylabel="laps in 100 moves")
    ax.set_xticks([100, 300, 1000, 3000], labels=["100", "300", "1,000", "3,000"])
    ax.minorticks_off()
    ax.set_ylim(-0.4, best * 1.15)
    ends = [runs[-1].mean().item() for runs in laps.values()]
    if len(ends) == 3 and ends[1] < 0.5 < ends[0] and ends[2] > 0.5:
        ax.set_title("A potential speeds learning up; paid for checkpoints, no laps come")
    return fig, (
        "Laps by steps of training on the large track; thin lines are six single agents. "
        + "; ".join(told)
        + "."
    )


def capability(
    panels: Mapping[str, tuple[Sequence[float], Tensor, Tensor]], foreseen: Sequence[float]
) -> tuple[Figure, str]:
    """Score and laps, each as a share of the best possible, by three capabilities.

    panels: by the name of the capability its values, the score and the laps: (values,), or
    (values, agents). foreseen: the best discounted score a move, in the same unit, by sight.
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(7.6, 3), sharey=True)
    told = []
    for ax, (name, (x, score, laps)) in zip(axes, panels.items(), strict=True):
        for label, y, look in (("score", score, plots.PROXY), ("laps", laps, plots.GOLD)):
            color = plots.COLORS[1 if label == "score" else 0]
            mean = y.mean(1) if y.ndim == 2 else y
            marker = "o" if label == "laps" else "s"
            ax.plot(x, mean, **look | {"marker": marker, "markersize": 3}, color=color, label=label)
            if y.ndim == 2 and label == "laps":
                ax.plot(x, y[:, :6], color=color, linewidth=0.6, alpha=0.5, marker="", zorder=1)
            told.append(f"{name}, {label}: " + ", ".join(f"{v:.2f}" for v in mean.tolist()))
        ax.set(xlabel=name, ylim=(-0.1, 1.12))
        ax.set_xscale("log")
        ax.minorticks_off()
    axes[0].plot(panels[next(iter(panels))][0], foreseen, ":", color="0.35", marker="",
                 label="discounted score, which is maximized (sight only)")  # fmt: skip
    axes[0].set_xticks([1, 3, 10, 30, 100], labels=["1", "3", "10", "30", "100"])
    axes[1].set_xticks([1, 2, 4], labels=["1", "2", "4"])
    axes[1].invert_xaxis()
    axes[2].set_xticks([300, 1000, 3000, 8000], labels=["300", "1k", "3k", "8k"])
    axes[0].set_ylabel("share of the best possible")
    axes[0].set_title("further sight (exact)")
    axes[1].set_title("finer action (exact)")
    axes[2].set_title("longer training (thin: single agents)", fontsize=9.5)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    fell = all(laps[-1].mean() < 0.5 * laps.reshape(len(laps), -1).mean(1).max()
               for _, _, laps in panels.values())  # fmt: skip
    if fell:
        fig.suptitle("More of each capability (to the right): more score in the end, few laps",
                     fontsize=11, x=0.02, ha="left")  # fmt: skip
    return fig, (
        "As each capability grows, the score ends high and the laps end low. Shares of the best "
        "possible. " + "; ".join(told) + "."
    )


def unhackable(
    sizes: Sequence[int], shares: Mapping[float, Sequence[float]], plain: Mapping[float, float]
) -> tuple[Figure, str]:
    """The share of unhackable proxies by number of policies, a line a correlation."""
    fig, ax = plt.subplots(figsize=(5.8, 3.2))
    told = []
    for (correlation, share), marker in zip(shares.items(), "os^D", strict=False):
        ax.plot(sizes, share, marker=marker, label=f"correlation {correlation:g}")
        told.append(f"correlation {correlation:g}: " + ", ".join(f"{v:.3f}" for v in share))
    ax.plot([8] * len(plain), list(plain.values()), **plots.PAPER | {"marker": "x"})
    highest = max(plain.values(), default=0.0)
    ax.annotate("×: over all 8 deterministic\npolicies, by correlation", (8, highest),
                (13, min(0.6, highest)), fontsize=8.5, va="top",
                arrowprops={"arrowstyle": "-", "color": "0.5"})  # fmt: skip
    ax.set(xscale="log", xlabel="number of policies that are compared",
           ylabel="share of proxies unhackable", ylim=(-0.03, 1.03))  # fmt: skip
    ax.set_xticks(sizes, labels=[str(n) for n in sizes])
    ax.minorticks_off()
    ax.legend(loc="upper right", fontsize=8.5)
    if all(s and s[-1] < 0.1 for s in shares.values()):
        ax.set_title("The more policies, the fewer proxies are unhackable")
    return fig, (
        f"Share of unhackable proxies over {', '.join(map(str, sizes))} random policies. "
        + "; ".join(told)
        + ". Over all 8 deterministic ones: "
        + ", ".join(f"{v:.3f}" for v in plain.values())
        + "."
    )


def quantiles(qs: Sequence[float], score: Tensor, laps: Tensor) -> tuple[Figure, str]:
    """Mean score and mean laps by q, a thin line a seed: (seeds, len(qs)) each."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.9))
    for ax, runs, name, look, color in (
        (axes[0], score, "score", plots.PROXY, plots.COLORS[1]),
        (axes[1], laps, "laps", plots.GOLD, plots.COLORS[0]),
    ):
        plots.seed_lines(ax, qs, runs, color=color, marker="", **{
            k: v for k, v in look.items() if k != "marker"
        })  # fmt: skip
        ax.set(xscale="log", xlabel="q: the share that is kept (log scale)",
               ylabel=f"mean {name} in 24 moves")  # fmt: skip
        ax.invert_xaxis()
        ax.set_ylim(0)
        ax.set_xticks([1, 1e-4, 1e-8, 1e-12], labels=["1", "10⁻⁴", "10⁻⁸", "10⁻¹²"])
        ax.minorticks_off()
    mean = laps.mean(0)
    best = int(mean.argmax())
    if (score[:, 1:] >= score[:, :-1]).all():
        axes[0].set_title("The score rises all the way")
    axes[0].axhline(6, color="0.4", linestyle=":", marker="", zorder=0)
    axes[0].text(qs[-1], 5.8, "6: all that racing brings", fontsize=8.5, ha="right", va="top")
    axes[1].set_title(
        f"Laps are most near q = {qs[best]:g}" if best else "Laps fall from the start"
    )
    axes[1].text(1, 0.08, "people", fontsize=8.5, ha="left")
    axes[1].text(qs[-1], 0.02, "optimizer", fontsize=8.5, ha="right", va="bottom")
    return fig, (
        "Mean score and laps of a quantilizer, from q = 1 down to 10⁻¹²; thin lines are seeds. "
        f"Laps: {mean[0]:.2f} at q = 1, {mean[best]:.2f} at q = {qs[best]:g}, {mean[-1]:.2f} at "
        f"the end. Score: {score.mean(0)[0]:.1f} to {score.mean(0)[-1]:.1f}."
    )


def ways_through(r: Room, ways: Mapping[str, Sequence[Cell]]) -> tuple[Figure, str]:
    """The best way through a room under each penalty."""
    fig, axes = plt.subplots(1, len(ways), figsize=(7.6, 2.5))
    told = []
    for i, (ax, (name, way)) in enumerate(zip(axes, ways.items(), strict=True)):
        draw_floor(ax, r.floor)
        draw_way(ax, way, color=plots.COLORS[i])
        for text in ax.texts:  # the letters over the way, each on a white ground
            if text.get_text():
                text.set(zorder=5, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
        broken = any(cell in r.floor.cells("V") for cell in way)
        lamp = any(cell in r.floor.cells("L") for cell in way)
        what = "breaks the vase" if broken else "switches the lamp" if lamp else "touches nothing"
        ax.set_title(f"{name}:\n{len(way) - 1} moves, {what}")
        told.append(f"{name}: {len(way) - 1} moves, {what}")
    return fig, "The best way from S to G in a room with a vase V and a lamp L. " + "; ".join(
        told
    ) + "."


def levers(shares: Mapping[str, Mapping[str, float]]) -> tuple[Figure, str]:
    """The share of agents that tamper, a panel a room, a bar a kind of feedback."""
    fig, axes = plt.subplots(1, len(shares), figsize=(7.2, 2.2), sharey=True)
    told = []
    for ax, (place, rows) in zip(axes, shares.items(), strict=True):
        for i, (how, share) in enumerate(rows.items()):
            ax.barh(i, share, 0.6, color=plots.COLORS[0])
            ax.text(share + 0.02, i, f"{share:.2f}", va="center", fontsize=9)
            told.append(f"{place}, {how}: {share:.2f}")
        ax.set_yticks(range(len(rows)), labels=list(rows))
        ax.set(xlim=(0, 1.15), ylim=(len(rows) - 0.5, -0.5), xlabel="share of agents that tamper")
        ax.set_xticks([0, 0.5, 1])
        ax.tick_params(axis="y", length=0)
        ax.set_title(place)
    told_by = [list(rows.values()) for rows in shares.values()]
    decoupled = [rows[-1] for rows in told_by]
    if min(rows[0] for rows in told_by) > 0.5 > max(decoupled):
        said = "Decoupled, the agents leave the lever alone"
        if len(told_by) == 2 and told_by[0][1] > 0.5 > told_by[1][1]:
            said = "Reward seeks the lever, approval meets it on its way, decoupled leaves it alone"
        fig.suptitle(said, fontsize=11, x=0.02, ha="left")
    return fig, "Share of agents that tamper. " + "; ".join(told) + "."
