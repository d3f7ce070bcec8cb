"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence

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
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.1), sharey=True)
    for name, look in (("monitored", {"color": WATCHED}), ("unmonitored", {"color": ALONE})):
        look |= {"marker": "o" if name == "monitored" else "s"}
        plots.seed_lines(left, visible, [getattr(run, name) for run in runs], name, **look)
    left.plot(3.45, 0.14, clip_on=False, **plots.PAPER)
    left.plot(3.45, 0.0, clip_on=False, **plots.PAPER)
    left.text(3.45, 0.2, "paper", fontsize=9, ha="center")
    left.set_title("Seen clearly, the flag decides")
    gaps = [[gap[0] for gap in run.gaps] for run in runs]
    plots.seed_lines(right, visible, gaps, "gap", color="black", marker="o")
    other = [gap[0] for gap in separate.gaps]
    right.plot(visible, other, "--", color="0.45", marker="D", label="gap, two flags")
    right.plot(visible, found, ":", color=THOUGHT, marker="^", label="detector's AUROC")
    right.set_title("Detected at 0.5, a gap from 1 on")
    for ax in (left, right):
        ax.set(xlabel="visibility of the flag", ylim=(-0.03, 1.05), xlim=(-0.1, 3.6))
        plots.label_ends(ax)
    left.set_ylabel("harmful requests complied with")
    right.set_ylabel("gap, AUROC")
    means = [sum(run.unmonitored[i] for run in runs) / len(runs) for i in range(len(visible))]
    told = ", ".join(f"{v:g}: {u:.2f}" for v, u in zip(visible, means, strict=True))
    return fig, (
        "Compliance with harmful requests by visibility of the flag. Monitored it is near 1 "
        f"throughout; unmonitored, mean of {len(runs)} seeds, {told}. The detector's AUROC: "
        + ", ".join(f"{a:.2f}" for a in found)
        + ". Gap with two flags at a right angle: "
        + ", ".join(f"{a:.2f}" for a in other)
        + ". Diamonds: Claude 3 Opus, 0.14 and almost 0."
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
    ax.set(xlabel="share of unmonitored cases that are trained on", ylabel="compliance gap",
           ylim=(-0.06, 1))  # fmt: skip
    ax.legend(loc="upper right")
    closed = all(abs(run.gaps[-1][0]) < 0.05 for run in runs)
    ax.set_title("One in ten closes the gap" if closed else "What closes the gap")
    return fig, "Compliance gap with 95 % interval at rates " + ", ".join(
        f"{r:g}" for r in rates
    ) + ". " + "; ".join(told) + "."  # fmt: skip


def who_hides(scores: Mapping[str, Tensor], found: Mapping[str, float]) -> tuple[Figure, str]:
    """A row a test, a mark a policy: its score, and the AUROC with which the test finds fakers."""
    fig, ax = plt.subplots(figsize=(7, 4.1))
    told = []
    for i, (name, score) in enumerate(scores.items()):
        if score.max() > 1:  # not a share: the largest becomes 1
            score = score / score.max()
        for part, y, look in (
            (score[:HALF], i - 0.14, {"marker": "o", "color": ALONE}),
            (score[HALF:], i + 0.14, {"marker": "s", "color": WATCHED, "fillstyle": "none"}),
        ):
            ax.plot(part, [y] * len(part), linestyle="", markersize=6, clip_on=False, **look)
        ax.text(1.06, i, f"{found[name]:.2f}", va="center", fontsize=10)
        told.append(f"{name}: {found[name]:.2f}")
    ax.text(1.06, -0.75, "AUROC", va="center", fontsize=9)
    ax.set_yticks(range(len(scores)), labels=list(scores))
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(-0.16, 1.02), ylim=(len(scores) - 0.5, -0.5))
    ax.axvline(0, color="0.8", linewidth=0.8, marker="", zorder=0)
    ax.set_xlabel("share refused; of the probe its AUROC; of the next two, share of the largest")
    names = (f"{HALF} conditional", f"{HALF} unconditional")
    handles = [
        plt.plot([], [], "o", color=ALONE, markersize=6)[0],
        plt.plot([], [], "s", color=WATCHED, markersize=6, fillstyle="none")[0],
    ]
    ax.legend(handles, names, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    known = found["a step along the flag"] > 0.95 > 0.8 > found["a probe reads the flag"]
    ax.set_title(
        "Both read the flag; only one acts on it" if known else "Who has something to hide?"
    )
    return fig, (
        "Scores of 24 policies by seven tests of what a tester may see, and the AUROC with which "
        "each test finds the twelve conditional ones. " + "; ".join(told) + "."
    )


def planner_map(m: Mapped) -> tuple[Figure, str]:
    """Worlds by chance of being modified and stake: who comes out with its goal?"""
    fig, ax = plt.subplots(figsize=(5.6, 3.4))
    for kept, look in (
        (True, {"marker": "o", "color": GOAL, "label": "goal kept"}),
        (False, {"marker": "X", "color": ALONE, "label": "goal lost"}),
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
    agree = sum((k >= 0.5) == f for k, f in zip(m.kept, m.first, strict=True))
    ax.set_title(f"The closed form is right in {agree} of {len(m.kept)} trained worlds"
                 if agree >= 80 else "Who comes out with its goal")  # fmt: skip
    return fig, (
        "Worlds drawn at random. Above the line p times stake = cost planners comply and keep "
        f"their goal, below they refuse and lose it; {agree} of {len(m.kept)} lie as predicted."
    )


def race(out: Trained, names: Sequence[str]) -> tuple[Figure, str]:
    """Left: the first planner, episode by episode. Right: the goal of each."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.1))
    lines = (
        ("reasons about training", out.reasons, {"color": THOUGHT, "linestyle": ":"}),
        ("complies, monitored", out.monitored, {"color": WATCHED}),
        ("complies, unmonitored", out.unmonitored, {"color": ALONE, "linestyle": "--"}),
    )
    for name, values, look in lines:
        left.plot(values[:, 0], label=name, marker="", linewidth=1.8, **look)
    last = len(out.goal) - 1
    left.plot([0, last], [0.12, 0.78], clip_on=False, **plots.PAPER)
    left.set(ylim=(-0.02, 1.02), xlim=(0, last), xlabel="training episode", ylabel="share")
    more = out.reasons[-1, 0] >= 0.5
    left.set_title("Rewarded, it reasons more" if more else "Rewarded, it minds harm less")
    styles = ("-", ":", "--", "-.")
    for i, name in enumerate(names):
        color = (GOAL, ALONE, WATCHED, "black")[i % 4]
        right.plot(out.goal[:, i], styles[i % 4], color=color, label=name, marker="", linewidth=1.8)
    right.set(
        ylim=(-0.1, 3.2), xlim=(0, last), xlabel="training episode", ylabel="goal: weight of harm"
    )
    right.set_title("What is left of the goal")
    for ax in (left, right):
        plots.label_ends(ax)
    told = "; ".join(f"{n} {out.goal[-1, i]:.2f}" for i, n in enumerate(names))
    return fig, (
        f"Over {last} training episodes the share with reasoning about training goes from 0.12 to "
        f"{out.reasons[-1, 0]:.2f}, compliance when monitored to {out.monitored[-1, 0]:.2f}, "
        f"unmonitored to {out.unmonitored[-1, 0]:.2f}. Goal, from 3 to: {told}. Diamonds: "
        "reasoning in the paper, 0.12 and 0.78."
    )


def mitigated(rows: Mapping[str, Sequence[tuple[float, float]]]) -> tuple[Figure, str]:
    """By mitigation, for each seed: the gap in training, and the refusals kept afterwards."""
    fig, ax = plt.subplots(figsize=(6.4, 3.5))
    told = []
    for i, (name, points) in enumerate(rows.items()):
        x, y = zip(*points, strict=True)
        ax.plot(x, y, linestyle="", marker=plots.MARKERS[i % 7], color=plots.COLORS[i % 7],
                markersize=max(5, 14 - 3 * i), fillstyle="none", markeredgewidth=1.8, label=name,
                clip_on=False)  # fmt: skip
        told.append(f"{name}: gap {sum(x) / len(x):.2f}, kept {sum(y) / len(y):.2f}")
    ax.set(xlim=(-0.05, 1.02), ylim=(0, 1.05), xlabel="gap at the end of training",
           ylabel="refusals kept\nonce training is over")  # fmt: skip
    ax.axhline(0.5, color="0.75", linewidth=0.8, marker="", zorder=0)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    ax.set_title("No gap is not the same as no goal")
    return fig, "Gap at the end of training and refusals kept afterwards: " + "; ".join(told) + "."


def priced(prices: Sequence[float], runs: Sequence[Trained]) -> tuple[Figure, str]:
    """What training leaves, by the price of a thought of the training: a thin line a seed."""
    fig, ax = plt.subplots(figsize=(5.6, 3.1))
    kept = [(run.deployed[-1] / run.deployed[0]).tolist() for run in runs]
    reasons = [run.reasons[-1].tolist() for run in runs]
    plots.seed_lines(ax, prices, kept, "refusals kept", color=GOAL, marker="o")
    plots.seed_lines(ax, prices, reasons, "reasoning", color=THOUGHT, marker="^", linestyle=":")
    ax.set(ylim=(-0.03, 1.05), ylabel="share", xlabel="price of a thought, of the reward")
    ax.set_title("A small price leaves the goal, a large one does not")
    plots.label_ends(ax)
    means = [sum(column) / len(runs) for column in zip(*kept, strict=True)]
    told = ", ".join(f"{q:g}: {m:.2f}" for q, m in zip(prices, means, strict=True))
    return fig, f"Refusals kept after training by price, mean of {len(runs)} seeds, {told}."


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
    ax.set_title("Twice the oversight, twice the capability at the turn")
    return fig, "Capability at the turn by oversight " + ", ".join(
        f"{o:g}: {c:.1f}" for o, c in zip(oversight, exact, strict=True)
    ) + f"; {len(learned)} Q-learners lie near."  # fmt: skip
