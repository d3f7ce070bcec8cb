"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lessons.ai_feedback.constitution import PHRASES
from lessons.ai_feedback.drills import debiased_label
from lessons.ai_feedback.experiments import Compromise, Measured
from lessons.ai_feedback.feedback import NS, Arm, Round
from utils import plots

HATCHES = ("", "//", "xx", "\\\\", "..", "", "--", "++")
ORDER = (0, 2, 3, 1, 4, 7, 5, 6)  # of phrases in a bar: harm, help, closed, open
FACES = ("#D55E00", "#E69F00", "#CC79A7", "#F0C8DC", "0.75", "#0072B2", "#56B4E9", "0.35")


def rounds(
    harm: Mapping[str, Sequence[Sequence[float]]], helpful: Sequence[Sequence[float]]
) -> tuple[Figure, str]:
    """Harm after each revision by constitution, helpfulness beside it; a row a seed."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3), width_ratios=(3, 2))
    x = range(len(helpful[0]))
    for name, rows in harm.items():
        percent = [[100 * y for y in row] for row in rows]
        plots.seed_lines(left, x, percent, name)
    left.set(xlabel="revisions", ylabel="replies that do harm (%)", ylim=(0, 85))
    left.set_xticks(list(x))
    left.set_title("Each revision removes harm, less each time")
    plots.label_ends(left)
    plots.seed_lines(right, x, helpful)  # the look of the first set on the left
    right.set(xlabel="revisions", ylabel="helpfulness score (nats)")
    right.set_xticks(list(x))
    right.set_title("All eight: help falls")
    ends = "; ".join(
        f"{name} from {100 * sum(r[0] for r in rows) / len(rows):.0f} to "
        f"{100 * sum(r[-1] for r in rows) / len(rows):.0f} percent"
        for name, rows in harm.items()
    )
    return fig, (
        f"Left: share of replies that do harm over {len(x) - 1} revisions, mean of {len(helpful)} "
        f"seeds, each a thin line: {ends}. Right: the helpfulness score by a model of people's "
        f"preferences falls from {sum(r[0] for r in helpful) / len(helpful):.2f} to "
        f"{sum(r[-1] for r in helpful) / len(helpful):.2f} nats."
    )


def front(
    paths: Mapping[tuple[str, str], Sequence[Sequence[Measured]]], help_reached: Sequence[float]
) -> tuple[Figure, str]:
    """Harm against helpfulness along β, a panel a world, a path for each (who labels, start).

    Each path begins where RL starts. help_reached: by world, where the claims compare.
    """
    fig, axes = plt.subplots(1, len(help_reached), figsize=(7.4, 3.2), sharey=True)
    people = next(who for who, _ in paths)
    told = []
    for (who, begins), runs in paths.items():
        look = {
            "color": plots.COLORS[int(who != people)],
            "marker": plots.MARKERS[int(who != people)],
            "linestyle": "--" if begins == "assistant" else "-",
            "linewidth": 1.2,
        }
        for ax, run in zip(axes, runs, strict=True):
            x, y = [m.helpful for m in run], [100 * m.harm for m in run]
            ax.plot(x, y, label=f"{who},\n from {begins}", **look)
            ax.plot(x[0], y[0], color="black", marker="o", fillstyle="none", markersize=8)
        told.append(
            f"{who} from {begins}: harm from {100 * runs[0][0].harm:.0f} to "
            f"{100 * runs[0][-1].harm:.0f}"
        )
    for world, (ax, reached) in enumerate(zip(axes, help_reached, strict=True)):
        ax.axvline(reached, color="0.6", linewidth=0.8, linestyle=":", marker="")
        ax.set(xlabel="helpfulness, harmless prompts (nats)", ylim=(0, 90))
        ax.text(0.98, 0.95, f"world {world}", transform=ax.transAxes, ha="right", fontsize=9)
    axes[0].set(ylabel="harm on red-team prompts (%)")
    axes[0].set_title("Who starts after phase 1 does less harm, whoever labels")
    plots.label_ends(axes[-1])
    return fig, (
        "Harm on red-team prompts against helpfulness on harmless prompts while each policy is "
        f"optimized harder, a panel a world. In the first, percent: {'; '.join(told)}. Paths from "
        "phase 1 start lower and stay below; at the dotted line, "
        "the helpfulness of people's labels from the assistant at a strength of one half, people's "
        "labels do as little harm or less from either start."
    )


def what_they_say(found: Mapping[str, Measured]) -> tuple[Figure, str]:
    """Shares of the eight phrases on red-team prompts, a bar a route."""
    fig, ax = plt.subplots(figsize=(7.4, 3.3))
    for row, measured in enumerate(found.values()):
        left, shares = 0.0, measured.phrases.tolist()
        for i in ORDER:
            share = shares[i]
            ax.barh(
                row, share, left=left, color=FACES[i], hatch=HATCHES[i], edgecolor="white",
                label=PHRASES[i] if row == 0 else None,
            )  # fmt: skip
            left += share
        for x, value in ((1.02, measured.harm), (1.13, measured.evasive)):
            ax.text(x, row, f"{100 * value:.0f} %", va="center", fontsize=9)
    for x, name in ((1.02, "harm"), (1.13, "evasive")):
        ax.text(x, -0.75, name, fontsize=9)
    ax.set_yticks(range(len(found)), labels=list(found))
    ax.set(xlim=(0, 1), xlabel="share of phrases on red-team prompts")
    ax.invert_yaxis()
    ax.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.4, -0.22), columnspacing=1.5,
              handlelength=2.4, handleheight=1.3, fontsize=8)  # fmt: skip
    ax.set_title("25 % harm: by dodging, or by saying why")
    told = [
        f"{name}: dodge {100 * m.phrases[4]:.0f}, reason {100 * m.phrases[5]:.0f}, instead "
        f"{100 * m.phrases[6]:.0f} percent of phrases, {100 * m.harm:.0f} percent of replies do "
        f"harm, {100 * m.evasive:.0f} percent are evasive"
        for name, m in found.items()
    ]
    return fig, f"What policies say on red-team prompts. {'; '.join(told)}."


def arms(by_seed: Mapping[tuple[str, int], Sequence[Arm]]) -> tuple[Figure, str]:
    """Gold and the judge's taste against n of best-of-n, by who labels how much; a line a seed."""
    fig, axes = plt.subplots(1, 3, figsize=(8.2, 3))
    sizes = sorted({n for _, n in by_seed})
    told = []
    for (who, n), found in by_seed.items():
        look = {"color": plots.COLORS[int(who == "AI")], "marker": plots.MARKERS[int(who == "AI")]}
        gold = axes[sizes.index(n)]
        plots.seed_lines(gold, NS, [a.gold.tolist() for a in found], who, **look)
        if n == sizes[0]:
            plots.seed_lines(axes[2], NS, [a.taste.tolist() for a in found], who, **look)
        ends = [sum(a[i][-1].item() for a in found) / len(found) for i in (2, 3)]
        told.append(f"{who}, {n:,}: gold {ends[0]:.2f}, its token {ends[1]:.2f}")
    for ax in axes:
        ax.set(xscale="log", xlabel="n of best-of-n")
        ax.set_xticks([1, 16, 1024], labels=["1", "16", "1,024"])
        ax.minorticks_off()
    low, high = (f(ax.get_ylim()[i] for ax in axes[:2]) for i, f in enumerate((min, max)))
    for ax, n, what in zip(axes, sizes, ("the AI overtakes", "people lead"), strict=False):
        ax.set(ylim=(low, high))
        ax.set_title(f"{n:,}: {what}")
        ax.legend(loc="lower right")
    axes[0].set(ylabel="gold (sd)")
    axes[2].set(ylabel="the judge's token (sd)")
    axes[2].set_title(f"{sizes[0]:,}: its taste shows")
    plots.label_ends(axes[2])
    return fig, (
        f"Gold against n of best-of-n, from {sizes[0]:,} and from {sizes[-1]:,} labels, and copies "
        f"of the token that the AI judge is fond of; mean of {len(next(iter(by_seed.values())))} "
        f"worlds, each a thin line. At n = {NS[-1]:,}, in sd: {'; '.join(told)}. The AI's use of "
        "its token rises steeply at first and no further at large n."
    )


def both_orders(
    gold: Mapping[str, Mapping[str, Sequence[float]]],
) -> tuple[Figure, str]:
    """The mean label against the position bias, in closed form; gold by judge and way of asking."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3))
    bias = torch.linspace(0, 6, 25).tolist()
    for quality in (3.0, 1.0, 0.3):
        y = [debiased_label(quality, b) for b in bias]
        left.plot(bias, y, label=f"d = {quality:g} nats", markevery=6)
    left.axhline(0.5, color="0.6", linewidth=0.8, marker="")
    left.set(xlabel="position bias (nats)", ylabel="mean label of both orders", ylim=(0.45, 1))
    left.set_title("Bias shrinks the label, never flips it")
    plots.label_ends(left)
    base, *ways = next(iter(gold.values()))
    told = []
    for x, (judge, found) in enumerate(gold.items()):
        gains = [[a - b for a, b in zip(found[w], found[base], strict=True)] for w in ways]
        at = [x + 0.22 * (i - 1) for i in range(len(ways))]
        for one_seed in zip(*gains, strict=True):
            right.plot(at, one_seed, color="0.7", linewidth=0.8, marker="", zorder=1)
        for i, (way, gain) in enumerate(zip(ways, gains, strict=True)):
            right.plot([at[i]] * len(gain), gain, linestyle="", color=plots.COLORS[i],
                       marker=plots.MARKERS[i], label=way if x == 0 else "_")  # fmt: skip
            told.append(f"{judge}, {way}: {sum(gain) / len(gain):.2f}")
    right.axhline(0, color="0.6", linewidth=0.8, marker="")
    right.set_xticks(range(len(gold)), labels=list(gold))
    right.set(xlim=(-0.5, len(gold) - 0.5), ylabel=f"gain over {base} (sd)")
    low, high = right.get_ylim()
    right.set_ylim(low, high + 0.5 * (high - low))
    right.legend(loc="upper left", fontsize=8)
    right.set_title("Large bias: both orders or a constant")
    return fig, (
        "Left: the mean label over both orders against the position bias: it falls towards one "
        f"half and never below. Right: gold at best of 64, more than from {base}, a mark a world "
        f"and a line through its marks; means in sd: {'; '.join(told)}."
    )


def over_rounds(found: Mapping[str, Sequence[Sequence[Round]]]) -> tuple[Figure, str]:
    """The policy's taste and the judge's own bias over rounds, by who labels; a line a seed."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3))
    told = []
    for name, runs in found.items():
        x = range(len(runs[0]))
        plots.seed_lines(left, x, [[r.taste for r in run] for run in runs], name)
        plots.seed_lines(right, x, [[r.bias for r in run] for run in runs], name)
        taste, bias = (sum(r[-1][i] for r in runs) / len(runs) for i in (1, 2))
        told.append(f"{name}: the policy's token {taste:.2f}, the judge's bias {bias:.2f}")
    for ax in (left, right):
        ax.set(xlabel="rounds")
        ax.set_xticks(list(x))
    left.set(ylabel="its favorite token (sd)")
    left.set_title("The policy drifts with either judge")
    right.set(ylabel="bias of the judge (sd of gold)")
    right.set_title("Only people's labels end the bias")
    plots.label_ends(right)
    left.legend(loc="upper left", fontsize=8)
    return fig, (
        "Left: copies of the judge's favorite token in what the policy writes, over rounds of "
        "optimizing and labeling; right: how much that token is worth to the judge. After the last "
        f"round, means of {len(next(iter(found.values())))} seeds: {'; '.join(told)}."
    )


def compromise_at(weight: float, points: Mapping[float, Compromise], ordered: Compromise,
                  on_front: Tensor) -> tuple[Figure, str]:  # fmt: skip
    """Harm against help on red-team prompts over the weights, and the phrases at one of them."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.9), width_ratios=(3, 2))
    along = [points[w] for w in sorted(points)]
    x, y = [p.helpful for p in along], [100 * p.harm for p in along]
    left.plot(x, y, color=plots.COLORS[0], linewidth=1)
    here = points[weight]
    left.plot(here.helpful, 100 * here.harm, color="black", marker="o", markersize=10,
              fillstyle="none")  # fmt: skip
    left.plot(ordered.helpful, 100 * ordered.harm, color=plots.COLORS[3], marker="D", markersize=7)
    left.annotate("harm first", (ordered.helpful, 100 * ordered.harm), (8, -4),
                  textcoords="offset points", color=plots.COLORS[3], fontsize=9)  # fmt: skip
    left.set(xlabel="help on red-team prompts (nats)", ylabel="harm (%)")
    weights = list(points)  # on_front is in their order, then harm first
    off = [points[w] for w, on in zip(weights, on_front.tolist(), strict=False) if not on]
    left.plot([p.helpful for p in off], [100 * p.harm for p in off], color="black", marker="x",
              markersize=9, linestyle="")  # fmt: skip
    for p, name in ((along[0], "0"), (along[-1], "1")):
        left.annotate(name, (p.helpful, 100 * p.harm), (-9, 2), textcoords="offset points",
                      fontsize=9)  # fmt: skip
    left.margins(0.1)
    beaten = len(on_front) - int(on_front.sum())
    left.set_title(f"{beaten} of {len(on_front)} policies is off the front (×)" if beaten == 1
                   else f"{beaten} of {len(on_front)} policies are off the front (×)")  # fmt: skip
    shares = here.phrases.tolist()
    right.barh(range(len(PHRASES)), shares, color=FACES, hatch=HATCHES, edgecolor="white")
    right.set_yticks(range(len(PHRASES)), labels=PHRASES)
    right.set(xlim=(0, 0.6), xlabel="share of phrases")
    right.invert_yaxis()
    right.set_title(f"“harm” drawn with {weight:g}")
    said = ", ".join(f"{name} {100 * s:.0f}" for name, s in zip(PHRASES, shares, strict=True))
    return fig, (
        f"Harm against help as the principle on harm gets more weight. At {weight:g}: harm "
        f"{100 * here.harm:.0f} percent, help {here.helpful:.2f} nats; phrases in percent: {said}. "
        f"With harm first, {100 * ordered.harm:.0f} percent and {ordered.helpful:.2f} nats."
    )
