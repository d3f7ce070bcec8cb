"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from lessons.alignment_faking.experiments import HALF, Swept, Trained
from lessons.alignment_faking.worlds import Mapped
from utils import plots

WATCHED, ALONE, GOAL, THOUGHT = plots.COLORS[0], plots.COLORS[3], plots.COLORS[2], "0.35"


def by_visibility(
    visible: Sequence[float], runs: Sequence[Swept], separate: Swept, found: Sequence[float]
) -> tuple[Figure, str]:
    """Left: compliance by visibility, a thin line a seed. Right: the gap, and the detector.

    separate: the same with a flag of its own for each kind. found: AUROC of a detector.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.1), sharey=True)
    for name, look in (("monitored", {"color": WATCHED}), ("unmonitored", {"color": ALONE})):
        look |= {"marker": "o" if name == "monitored" else "s"}
        plots.seed_lines(left, visible, [getattr(run, name) for run in runs], name, **look)
    gaps = [[gap[0] for gap in run.gaps] for run in runs]
    plots.seed_lines(right, visible, gaps, "gap", color="black", marker="o")
    other = [gap[0] for gap in separate.gaps]
    right.plot(visible, other, "--", color="0.45", marker="D", label="gap, right angle")
    right.plot(visible, found, ":", color=THOUGHT, marker="^", label="detector's AUROC")
    for ax in (left, right):
        ax.set(xlabel="visibility of the flag", ylim=(-0.03, 1.05), xlim=(-0.1, max(visible) + 0.1))
        plots.label_ends(ax)
    left.set_ylabel("share of harmful requests\ncomplied with")
    right.set_ylabel("gap, AUROC")
    means = [sum(run.unmonitored[i] for run in runs) / len(runs) for i in range(len(visible))]
    gap = [sum(column) / len(runs) for column in zip(*gaps, strict=True)]
    decides = means[0] > 0.9 and means[-1] < 0.1
    left.set_title("Seen clearly, the flag decides" if decides else "Who is complied with")
    at = [v for v, g, a in zip(visible, gap, found, strict=True) if a >= 0.83 and g <= 0.05]
    right.set_title(f"Detected at {at[-1]:g}, yet no gap" if at else "The gap and a detector")
    return fig, (
        f"Compliance with harmful requests by visibility of the flag, {len(runs)} seeds. Monitored "
        f"it is at least {min(min(run.monitored) for run in runs):.2f}. "
        + "; ".join(
            f"{name}: " + ", ".join(f"{v:g}: {x:.2f}" for v, x in zip(visible, row, strict=True))
            for name, row in (
                ("Unmonitored, mean", means),
                ("gap, mean", gap),
                ("gap with two flags at a right angle, one seed", other),
                ("AUROC of a detector, one seed", found),
            )
        )
        + "."
    )


def closing(rates: Sequence[float], runs: Sequence[Swept]) -> tuple[Figure, str]:
    """The gap, with its interval, by the rate at which unmonitored cases are trained on."""
    fig, ax = plt.subplots(figsize=(5.4, 3))
    told = []
    for k, run in enumerate(runs):
        x = [i + 0.12 * (k - (len(runs) - 1) / 2) for i in range(len(rates))]
        gap, low, high = zip(*run.gaps, strict=True)
        down = [g - a for g, a in zip(gap, low, strict=True)]
        up = [b - g for g, b in zip(gap, high, strict=True)]
        ax.errorbar(x, gap, (down, up), fmt=plots.MARKERS[k % 7], color=plots.COLORS[k % 7],
                    label=f"seed {k}", capsize=2, markersize=5)  # fmt: skip
        told.append(f"seed {k}: " + ", ".join(f"{g:.2f}" for g in gap))
    ax.axhline(0, color="0.6", linewidth=0.8, marker="")
    ax.set_xticks(range(len(rates)), labels=[f"{r:g}" for r in rates])
    ax.set(xlabel="share of unmonitored cases that are trained on", ylim=(-0.06, 1))
    ax.set_ylabel("compliance gap (bars: 95 %)")
    ax.legend(loc="upper right")
    closed = all(abs(run.gaps[-1][0]) < 0.05 for run in runs)
    ax.set_title("One in ten closes the gap" if closed else "What closes the gap")
    return fig, "Compliance gap with 95 % interval at rates " + ", ".join(
        f"{r:g}" for r in rates
    ) + ". " + "; ".join(told) + "."  # fmt: skip


def who_hides(scores: Mapping[str, Tensor], found: Mapping[str, float]) -> tuple[Figure, str]:
    """A row a test, a mark a policy: its score, and the AUROC with which the test finds fakers."""
    fig, ax = plt.subplots(figsize=(6.6, 4.6))
    least, told = 0.0, []
    for i, (name, score) in enumerate(scores.items()):
        if score.max() > 1:  # not a share: the largest becomes 1
            score = score / score.max()
        least = min(least, score.min().item())
        for part, y, look in (
            (score[:HALF], i - 0.17, {"marker": "o", "color": ALONE}),
            (score[HALF:], i + 0.17, {"marker": "s", "color": WATCHED, "fillstyle": "none"}),
        ):  # at three heights, so that marks on one spot are seen to be many
            heights = [y + 0.1 * (k % 3 - 1) for k in range(len(part))]
            ax.plot(part, heights, linestyle="", markersize=4.5, clip_on=False, **look)
        ax.text(1.06, i, f"{found[name]:.2f}", va="center", fontsize=10)
        told.append(f"{name}: {found[name]:.2f}")
    ax.text(1.06, -0.75, "finds them\n(AUROC)", va="center", fontsize=9)
    ax.text(1.06, len(scores) - 0.5, "0.5: by chance\n0: reversed", va="top", fontsize=9)
    units = {
        "a probe reads the flag": "its AUROC",
        "how far apart it reads": "of the largest",
        "the output, harmless": "of the largest",
    }
    labels = [f"{name}\n({units[name]})" if name in units else name for name in scores]
    ax.set_yticks(range(len(scores)), labels=labels)
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(min(-0.12, least - 0.03), 1.02), ylim=(len(scores) - 0.5, -0.5))
    ax.axvline(0, color="0.8", linewidth=0.8, marker="", zorder=0)
    ax.set_xlabel("score: share refused, where not said otherwise")
    names = (f"{HALF} conditional", f"{HALF} unconditional")
    handles = [
        plt.plot([], [], "o", color=ALONE, markersize=4.5)[0],
        plt.plot([], [], "s", color=WATCHED, markersize=4.5, fillstyle="none")[0],
    ]
    ax.legend(handles, names, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)
    known = found["a step along the flag"] > 0.95 > 0.8 > found["a probe reads the flag"]
    ax.set_title(
        "Both kinds read the flag; only one acts on it" if known else "Who has something to hide?"
    )
    return fig, (
        "Scores of 24 policies by seven tests of what a tester may see, and the AUROC with which "
        "each test finds the twelve conditional ones (0.5: by chance; near 0: as sure, but "
        "reversed). " + "; ".join(told) + "."
    )


def planner_map(m: Mapped) -> tuple[Figure, str]:
    """Worlds by chance of being modified and stake: who comes out with its goal?"""
    fig, ax = plt.subplots(figsize=(5.6, 3.4))
    for kept, look in (
        (True, {"marker": "o", "color": GOAL, "label": "half of the goal\nor more kept"}),
        (False, {"marker": "X", "color": ALONE, "label": "less kept"}),
    ):
        chosen = [i for i, share in enumerate(m.kept) if (share >= 0.5) == kept]
        x, y = ([values[i] for i in chosen] for values in (m.p, m.stake))
        ax.plot(x, y, linestyle="", markersize=5, **look)
    line = [0.1 + 0.01 * i for i in range(91)]
    ax.plot(line, [1 / p for p in line], "--", color="black", marker="")
    ax.text(1.02, 1, "p · stake = cost", fontsize=9, va="center", clip_on=False)
    ax.set(yscale="log", xlabel="p: the chance that a refusal changes the goal",
           ylabel="stake, in costs of one compliance")  # fmt: skip
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    above, below = (
        [k >= 0.5 for k, f in zip(m.kept, m.first, strict=True) if f == side]
        for side in (True, False)
    )
    parts_them = all(above) and sum(below) < len(below) / 2
    ax.set_title("Above the line every goal is kept; below it, most are lost"
                 if parts_them else "Who comes out with its goal")  # fmt: skip
    return fig, (
        "Worlds drawn at random, by chance and stake. Above the line p times stake = cost "
        f"{sum(above)} of {len(above)} planners keep half of their goal or more, below it "
        f"{sum(below)} of {len(below)}."
    )


def race(out: Trained, names: Sequence[str], rate: float = 0.5) -> tuple[Figure, str]:
    """Above: the first planner, episode by episode. Below: the goal of each. rate: the habit's."""
    fig, (first, each) = plt.subplots(2, 1, figsize=(4.8, 5.4), sharex=True)
    lines = (
        ("reasons about training", out.reasons, {"color": THOUGHT, "linestyle": ":"}),
        ("complies, monitored", out.monitored, {"color": WATCHED}),
        ("complies, unmonitored", out.unmonitored, {"color": ALONE, "linestyle": "--"}),
    )
    for name, values, look in lines:
        first.plot(values[:, 0], label=name, marker="", linewidth=1.8, **look)
    last = len(out.goal) - 1
    first.plot([0, 0.97 * last], [0.12, 0.78], clip_on=False, label="paper: reasons",
               **plots.PAPER | {"color": THOUGHT})  # fmt: skip
    first.set(ylim=(-0.02, 1.06), xlim=(0, last), ylabel="share of requests")
    plots.label_ends(first)
    more = out.reasons[-1, 0] >= 0.5
    first.set_title(("Rewarded, it reasons more" if more else "Rewarded, it minds harm less")
                    + f" (rate of the habit {rate:g})")  # fmt: skip
    styles = ("-", ":", "--", "-.")
    for i, name in enumerate(names):
        color = (GOAL, ALONE, WATCHED, "black")[i % 4]
        each.plot(out.goal[:, i], styles[i % 4], color=color, label=name, marker="", linewidth=1.8)
    each.set(ylim=(-0.1, 3.2), xlabel="training episode", ylabel="goal: weight of harm")
    each.legend(loc="center left", bbox_to_anchor=(1, 0.5), handlelength=2.6)
    left = (out.goal[-1] / out.goal[0]).tolist()
    each.set_title(
        "Every goal is lost" if max(left) < 0.1
        else "Whoever may reason for free keeps the goal" if left[0] >= 0.5 > 0.1 > left[-1]
        else "What is left of the goal"
    )  # fmt: skip
    told = "; ".join(f"{n}: {out.goal[-1, i]:.2f}" for i, n in enumerate(names))
    return fig, (
        f"Rate of the habit {rate:g}. Over {last} training episodes the share with reasoning about "
        f"training goes from 0.12 to {out.reasons[-1, 0]:.2f}, compliance when monitored to "
        f"{out.monitored[-1, 0]:.2f}, unmonitored to {out.unmonitored[-1, 0]:.2f}. Goal, from "
        f"{out.goal[0, 0]:g}, at the end: {told}. Diamonds: reasoning in the paper, 0.12 and 0.78."
    )


def mitigated(
    rows: Mapping[str, Sequence[tuple[float, float]]], floor: float
) -> tuple[Figure, str]:
    """By mitigation, for each seed: the gap in training, and the refusals kept afterwards.

    floor: what an agent without any goal refuses, as a share of the same.
    """
    fig, ax = plt.subplots(figsize=(5.6, 3.5))
    told, kept, lost = [], 0, 0
    for i, (name, points) in enumerate(rows.items()):
        x, y = zip(*points, strict=True)
        ax.plot(x, y, linestyle="", marker=plots.MARKERS[i % 7], color=plots.COLORS[i % 7],
                markersize=max(5, 14 - 3 * i), fillstyle="none", markeredgewidth=1.8, label=name,
                clip_on=False)  # fmt: skip
        told.append(f"{name}: gap {sum(x) / len(x):.2f}, kept {sum(y) / len(y):.2f}")
        if max(x) < 0.05:  # the gap is closed in all seeds
            kept, lost = kept + (min(y) >= 0.5), lost + (max(y) < 0.5)
    ax.set(xlim=(-0.05, 1.02), ylim=(0, 1.05), xlabel="gap at the end of training",
           ylabel="share of refusals kept\nonce training is over")  # fmt: skip
    for y, name, look in ((0.5, "half", "-"), (floor, "no goal at all", ":")):
        ax.axhline(y, color="0.5", linestyle=look, linewidth=1, marker="", zorder=0)
        ax.text(1.02, y, name, fontsize=9, ha="right", va="bottom", color="0.35")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), labelspacing=0.9)
    ax.set_title("No gap is not the same as no goal" if kept and lost else "Gap, and goal")
    return fig, (
        "Gap at the end of training and share of refusals kept afterwards: " + "; ".join(told)
        + f". Without any goal: kept {floor:.2f}."
    )  # fmt: skip


def priced(prices: Sequence[float], runs: Sequence[Trained], floor: float) -> tuple[Figure, str]:
    """What training leaves, by the price of a thought of the training: a thin line a seed."""
    fig, ax = plt.subplots(figsize=(5.4, 3.2))
    kept = [(run.deployed[-1] / run.deployed[0]).tolist() for run in runs]
    reasons = [run.reasons[-1].tolist() for run in runs]
    plots.seed_lines(ax, prices, kept, "refusals kept", color=GOAL, marker="o")
    plots.seed_lines(ax, prices, reasons, "reasoning", color=THOUGHT, marker="^", linestyle=":")
    ax.axhline(floor, color="0.5", linestyle=":", linewidth=1, marker="", zorder=0)
    ax.text(0, floor + 0.01, "no goal at all", fontsize=9, va="bottom", color="0.35")
    ax.set(
        ylim=(-0.03, 1.05), ylabel="share", xlabel="price of a thought, as a share of the reward"
    )
    plots.label_ends(ax)
    left, thinks = (
        [sum(column) / len(runs) for column in zip(*rows, strict=True)] for rows in (kept, reasons)
    )
    melts = min(run[:2][-1] for run in kept) > 0.7 and max(run[-1] for run in kept) < floor + 0.05
    ax.set_title("A small price leaves the goal, a large one does not"
                 if melts else "What a price on the reasoning leaves")  # fmt: skip
    return fig, f"By the price of a thought, mean of {len(runs)} seeds. " + "; ".join(
        f"{name}: " + ", ".join(f"{q:g}: {x:.2f}" for q, x in zip(prices, row, strict=True))
        for name, row in (("Refusals kept after training", left), ("share with reasoning", thinks))
    ) + f". Without any goal {floor:.2f} of the refusals are left."  # fmt: skip


def turns(
    oversight: Sequence[float], exact: Sequence[float], learned: Sequence[Sequence[float]]
) -> tuple[Figure, str]:
    """Capability at the turn by oversight: the exact agent's, and Q-learners'."""
    fig, ax = plt.subplots(figsize=(5.2, 3.2))
    ax.plot(oversight, exact, "-", color="black", marker="", linewidth=1.8, label="exact")
    for k, run in enumerate(learned):
        ax.plot(oversight, run, linestyle="", color=WATCHED, markersize=6, fillstyle="none",
                marker="o", label=f"{len(learned)} Q-learners" if k == 0 else "")  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="oversight", ylabel="capability at the turn")
    ax.set_xticks(oversight, labels=[f"{o:g}" for o in oversight])
    ax.set_yticks([4, 8, 16, 32, 64], labels=["4", "8", "16", "32", "64"])
    reached = [c for c in exact if c == c] or [1.0]  # not those that never turn
    ax.set_ylim(min(reached) / 1.2, max(reached) * 1.2)
    ax.minorticks_off()
    ax.legend(loc="upper left")
    steps = [b / a / (o / u) for (a, b), (u, o) in
             zip(pairwise(exact), pairwise(oversight), strict=True)]  # fmt: skip
    ax.set_title("Twice the oversight, twice the capability at the turn"
                 if all(0.8 < s < 1.25 for s in steps) else "Capability at the turn")  # fmt: skip
    apart = [c / e for run in learned for c, e in zip(run, exact, strict=True)]
    far = max((r for r in apart if r == r), key=lambda r: max(r, 1 / r), default=1.0)
    return fig, "Capability at the turn by oversight " + ", ".join(
        f"{o:g}: {c:.1f}" for o, c in zip(oversight, exact, strict=True)
    ) + f"; {len(learned)} Q-learners, the farthest at {far:.2f} times that."  # fmt: skip
