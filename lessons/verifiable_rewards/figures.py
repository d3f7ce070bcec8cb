"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lessons.verifiable_rewards import exact
from lessons.verifiable_rewards.exercises import kl_gradient_weight
from lessons.verifiable_rewards.experiments import (
    DR_GRPO,
    GRPO,
    NO_DEVIATION,
    NO_LENGTH,
    TOKEN,
    M,
    Probe,
    Run,
    accuracy_after,
    pass_at,
)
from utils import claims, plots

BLUE, ORANGE, GREEN, RED = plots.COLORS[:4]
LOOKS = {
    GRPO: {"color": BLUE, "marker": "o", "linestyle": "-"},
    NO_DEVIATION: {"color": plots.COLORS[5], "marker": "v", "linestyle": "--"},
    NO_LENGTH: {"color": ORANGE, "marker": "s", "linestyle": "-"},
    DR_GRPO: {"color": RED, "marker": "D", "linestyle": "-"},
    TOKEN: {"color": GREEN, "marker": "^", "linestyle": "--"},
}


def push_by_length(s: float) -> tuple[Figure, str]:
    """What right answers of each length add to the push on the stop logit: two divisors."""
    shown = 18
    p, slope = exact.chances(s), exact.slopes(s)
    length = np.arange(len(p)) + 2
    mean = (p * length).sum()
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.9), sharey=True)
    totals = []
    for ax, divisor in zip(axes, (np.full(len(p), mean), length), strict=True):
        part = p * slope * mean / divisor
        parts = np.append(part[:shown], part[shown:].sum())
        hatch = ["" if y >= 0 else "///" for y in parts]
        colors = [BLUE if y >= 0 else ORANGE for y in parts]
        ax.bar(range(shown + 1), parts, color=colors, hatch=hatch, edgecolor="white")
        ax.axhline(0, color="black", linewidth=0.8)
        totals.append(part.sum())
        ax.set_xticks([0, 4, 8, 12, shown], labels=["0", "4", "8", "12", f"{shown}+"])
        ax.set(xlabel="filler tokens", ylim=(-0.18, 0.52))
    axes[0].set_ylabel("push to stop × chance\n(mean length = 1)")
    axes[0].set_title(f"One divisor: they cancel (sum {abs(totals[0]):.2f})")
    axes[1].set_title(f"Own length: short ones win (sum {totals[1]:+.2f})")
    return fig, (
        f"What right answers with 0 to {shown} or more fillers add to the push on the stop logit, "
        f"at a chance of {s:g} to stop. Those below the mean of {(1 - s) / s:.1f} fillers push "
        "towards stopping, longer ones away. With one divisor for all the sum is "
        f"{abs(totals[0]):.2f}, divided by their own length {totals[1]:.2f}."
    )


def push_by_group() -> tuple[Figure, str]:
    """The push on the stop logit against how long answers are, by how many share a divisor."""
    fig, ax = plt.subplots(figsize=(5.6, 3.1))
    fillers = np.array([0.5, 1, 2, 3, 5, 8, 12, 19])
    told = []
    for group, label, color, marker in (
        (1, "itself (GRPO)", BLUE, "o"),
        (2, "2 answers", ORANGE, "s"),
        (8, "a group of 8", GREEN, "^"),
        (192, "a batch of 192", RED, "D"),
    ):
        y = [exact.push(1 / (1 + f), group) for f in fillers]
        ax.plot(fillers, y, color=color, marker=marker, label=label)
        told.append(f"{label} {y[3]:.3f}")
    ax.axhline(0, color="black", linestyle="--", linewidth=1, marker="", label="a constant")
    ax.set(xlabel="filler after the answer, mean (tokens)")
    ax.set_ylabel("push towards stopping\n(mean length = 1)")
    ax.set_xticks([0, 5, 10, 15, 20])
    ax.set_title("The more answers share a divisor, the smaller the push")
    plots.label_ends(ax)
    return fig, (
        "Push on the stop logit for a right answer against mean filler, by the answers whose mean "
        f"length is the divisor. At 3 fillers: {'; '.join(told)}; a constant 0."
    )


def lengths(runs: Mapping[Run, Sequence[Sequence[Probe]]]) -> tuple[Figure, str]:
    """Filler after right and wrong answers along training; runs: a list of probes a seed."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.1), sharey=True)
    told, first = [], next(iter(runs.values()))
    for ax, which in zip(axes, ("right", "wrong"), strict=True):
        for run, seeds in runs.items():
            y = np.array([[getattr(p, which) for p in probes] for probes in seeds])
            x = [p.step for p in seeds[0]]
            look, label = LOOKS.get(run, {}), run.name if which == "wrong" else ""
            (line,) = ax.plot(x, y.mean(0), label=label, **look, markevery=3)
            if run in (GRPO, DR_GRPO):  # the two whose seeds must not touch
                ax.fill_between(x, y.min(0), y.max(0), color=line.get_color(), alpha=0.2, lw=0)
            told.append(
                f"{run.name}, {which}: {y.mean(0)[-1]:.1f} "
                f"({y.min(0)[-1]:.1f} to {y.max(0)[-1]:.1f})"
            )
        ax.set(xlabel="batch")
    axes[0].set(ylabel="filler (tokens)", ylim=(0, None))
    axes[0].set_title("With the length as divisor,\nright answers shrink …")
    axes[1].set_title("\n… and wrong ones grow")
    plots.label_ends(axes[1])
    return fig, (
        f"Mean filler along training, {len(first)} seeds, with their range shaded for GRPO and Dr. "
        f"GRPO; it begins at {first[0][0].wrong:.1f} tokens. At the end: {'; '.join(told)}."
    )


def difficulty(group: int = 8) -> tuple[Figure, str]:
    """What a group weighs by how many of its answers are right; what that did to hard questions."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.9), width_ratios=(3, 2))
    k = list(range(group + 1))
    for how, label, look in (
        ("std", "divided by the deviation", {"color": BLUE, "marker": "o"}),
        ("mean", "not divided", {"color": RED, "marker": "D", "linestyle": "--"}),
    ):
        y = np.array([exact.group_weight(i, group, how) for i in k])
        left.plot(k, y / y.max(), label=label, **look)
    left.set(xlabel=f"right answers of {group}", ylabel="weight of a group (largest = 1)")
    left.set_title("The deviation lifts groups\nthat are nearly all alike")
    left.legend(loc="lower center")
    gains = by_seed("deviation_helps_hard_questions")
    right.plot(range(len(gains)), gains, linestyle="", color=BLUE, marker="o")
    right.axhline(0, color="black", linewidth=0.8, marker="")
    if gains:
        right.axhline(np.mean(gains), color=BLUE, linestyle="--", marker="", label="mean")
        plots.label_ends(right)
    right.set(xlabel="seed", ylabel="gain on hard\nquestions (points)", xticks=range(len(gains)))
    right.set_title(f"Hard questions gain\nin {sum(g > 0 for g in gains)} of {len(gains)} seeds")
    one, four = (exact.group_weight(i, group, "std") for i in (1, group // 2))
    one_m, four_m = (exact.group_weight(i, group, "mean") for i in (1, group // 2))
    return fig, (
        f"Left: a group's weight, the sum of the {group} absolute advantages. With one right "
        f"answer it is {one / four:.2f} of that with half right if divided by the deviation, else "
        f"{one_m / four_m:.2f}; 0 where all are alike. Right: final accuracy on hard questions "
        "with the deviation less that without, by seed: "
        f"{', '.join(f'{g:.1f}' for g in gains)} points; mean {np.mean(gains or [0]):.1f}."
    )


def two_clocks(
    static: Sequence[Sequence[Probe]], dynamic: Sequence[Sequence[Probe]]
) -> tuple[Figure, str]:
    """Accuracy of dynamic sampling and without it, by batches and by replies; a list a seed."""
    if len(static) != len(dynamic):
        raise ValueError("as many seeds with dynamic sampling as without")
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3), sharey=True)
    for probes_of, label, look in (
        (static, "every group", {"color": GREEN, "marker": "^", "linestyle": "--"}),
        (dynamic, "dynamic sampling", {"color": plots.COLORS[4], "marker": "P"}),
    ):
        for i, probes in enumerate(probes_of):
            accuracy = [p.accuracy for p in probes]
            for ax, x in (
                (left, [p.step for p in probes]),
                (right, [p.samples / 1000 for p in probes]),
            ):
                ax.plot(x, accuracy, label="" if i else label, **look, linewidth=1)
    left.set(xlabel="batch", ylabel="accuracy", ylim=(0.2, None), title="Faster by batches …")
    right.set(
        xlabel="replies written (thousands)", title="… and slower by replies (same step size)"
    )
    left.legend(loc="lower right")
    told = "; ".join(
        f"{d[-1].accuracy:.2f} after {d[-1].step} batches, where training on every group has "
        f"{np.interp(d[-1].step, [p.step for p in s], [p.accuracy for p in s]):.2f}, and after as "
        f"many replies {accuracy_after(s, d[-1].samples):.2f}"
        for s, d in zip(static, dynamic, strict=True)
    )
    return fig, (
        f"Accuracy by batches, left, and by replies, right; {len(static)} seeds, from 0.2 up. "
        f"Dynamic sampling, seed by seed: {told}."
    )


def tries(runs: Sequence[tuple[Tensor, Tensor, Tensor]]) -> tuple[Figure, str]:
    """pass@k, from exact chances: of the base, after GRPO, and that at the base's entropy.

    runs: for each seed three of shape (121,).
    """
    fig, ax = plt.subplots(figsize=(5.6, 3))
    ks = 2 ** np.arange(11)
    base, end, hot = ([[pass_at(p[i], int(k)) for k in ks] for p in runs] for i in range(3))
    guess = 1 - (1 - 1 / M) ** ks
    ax.plot(ks, guess, color="0.6", linestyle=":", marker="", label="guessing")
    plots.seed_lines(ax, ks, base, "base", color="0.35", marker="s", linestyle="--")
    plots.seed_lines(ax, ks, hot, "GRPO at the base's entropy", color=BLUE, marker="v", ls="--")
    plots.seed_lines(ax, ks, end, "after GRPO", color=BLUE, marker="o")
    ax.set(xscale="log", xlabel="tries, k", ylabel="pass@k", ylim=(0, 1.02))
    ax.set_xticks([1, 4, 16, 64, 256, 1024], labels=["1", "4", "16", "64", "256", "1,024"])
    ax.minorticks_off()
    ax.set_title("One try is better, sixty-four are worse")
    ax.legend(loc="lower right")  # three lines end in one place
    mean = [np.mean(y, 0) for y in (base, end, hot)]
    told = ", ".join(
        f"at k = {k} " + ", ".join(f"{y[i]:.2f}" for y in mean) + f" and {guess[i]:.2f}"
        for i, k in ((0, "1"), (6, "64"), (10, "1,024"))
    )
    return fig, (
        "pass@k of the base, after GRPO, after GRPO at the base's entropy, and of guessing; mean "
        f"of {len(runs)} seeds: {told}. The base's seeds coincide."
    )


def two_kls(right: float = 0.04) -> tuple[Figure, str]:
    """What each KL term pushes with, by the log-ratio; where k3 and KL let the policy end."""
    fig, (ax, opt) = plt.subplots(1, 2, figsize=(7.4, 3.1))
    d = torch.linspace(-1, 4, 21, dtype=torch.float64)
    for k, place, label, look in (
        ("k1", "reward", "KL (k1 in reward,\nk2 as loss)", {"color": "black", "marker": ""}),
        ("k3", "loss", "k3 as loss", {"color": BLUE, "marker": "o", "markevery": 3}),
        ("k1", "loss", "k1 as loss", {"color": ORANGE, "marker": "s", "linestyle": "--",
                                      "markevery": 3}),
    ):  # fmt: skip
        ax.plot(d, kl_gradient_weight(d, torch.zeros_like(d), k, place), label=label, **look)
    ax.axhline(0, color="0.7", linewidth=0.8, marker="")
    ax.axvline(0, ymax=1 / 3, color="0.7", linewidth=0.8, marker="")
    ax.set(xlabel="log $\\pi/\\pi_\\mathrm{ref}$ of the sample (nats)")
    ax.set(ylabel=r"weight of $\nabla\,\log\,\pi$", ylim=(-2, 4))
    ax.set_title("Above the reference,\nk3 pulls back by 1 at most")
    ax.legend(loc="upper left")
    betas = np.logspace(-2, 0.5, 21)
    for of, label, look in (
        (exact.right_under_kl, "KL", {"color": "black", "marker": ""}),
        (exact.right_under_k3, "k3 as loss", {"color": BLUE, "marker": "o", "markevery": 2}),
    ):
        opt.plot(betas, [1 - of(right, b) for b in betas], label=label, **look)
    opt.axvline(0.04, color="0.5", linewidth=0.8, linestyle=":", marker="")
    opt.annotate("DeepSeek-\nMath's β", (0.036, 1e-6), fontsize=8, color="0.35", ha="right")
    opt.set(xscale="log", yscale="log", ylim=(1e-10, 2), xlabel="β (reward per nat)")
    opt.set_xticks([0.01, 0.1, 1], labels=["0.01", "0.1", "1"])
    opt.set_yticks([1e-9, 1e-6, 1e-3, 1], labels=["$10^{-9}$", "$10^{-6}$", "$10^{-3}$", "1"])
    opt.set(ylabel="share of wrong answers")
    opt.set_title("At a low price k3 leaves\nfar more wrong answers")
    opt.annotate("KL", (0.1, 5e-5), fontsize=9)
    opt.annotate("k3 as loss", (0.0105, 0.08), fontsize=9, color=BLUE)
    ends = [1 - of(right, 0.04) for of in (exact.right_under_kl, exact.right_under_k3)]
    return fig, (
        "Left: the weight of each sample's gradient by its log-ratio. That of KL is the log-ratio "
        "itself. That of k3 as a loss stays below 1 above the reference and is the stronger one "
        f"below it, {1 - np.e:.1f} at -1; that of k1 as a loss is 1 everywhere. Right: share of "
        f"wrong answers at the optimum, where the reference has {1 - right:.0%}; at β = 0.04 it is "
        f"{ends[0]:.0e} under KL and {ends[1]:.3f} under k3 as a loss. Above β = 0.22 the lines "
        "have crossed."
    )


def hole(seeds: Sequence[Mapping[Run, Sequence[Probe]]]) -> tuple[Figure, str]:
    """True accuracy and what a leaky checker reports, along training: a panel a run."""
    runs, told = list(seeds[0]), []
    fig, (axes,) = plt.subplots(1, len(runs), figsize=(7.4, 3), sharey=True, squeeze=False)
    for ax, run in zip(axes, runs, strict=True):
        x = [p.step for p in seeds[0][run]]
        true, lists = (
            np.array([[getattr(p, what) for p in found[run]] for found in seeds])
            for what in ("accuracy", "every")
        )
        reported = true + lists * run.hole
        plots.seed_lines(ax, x, reported, "reported", color="0.45", **plots.PROXY)
        plots.seed_lines(ax, x, true, "true", color=BLUE, **plots.GOLD, marker="o", markevery=4)
        plots.seed_lines(ax, x, lists, "lists", color=RED, marker="s", markevery=4)
        ax.set(xlabel="batch", ylim=(0, 1))
        ax.set_title(f"{run.name}:\ntrue ends at {true.mean(0)[-1]:.2f}", fontsize=10)
        peaks = [x[i] for i in true.argmax(1)]
        told.append(
            f"{run.name}: reported ends at {reported.mean(0)[-1]:.2f}; true accuracy peaks at "
            f"batch {' / '.join(map(str, peaks))}, at {true.max(1).mean():.2f} on average, and "
            f"ends at {true.mean(0)[-1]:.2f}; replies that list every number end at "
            f"{lists.mean(0)[-1]:.2f}"
        )
    axes[0].set_ylabel("share of replies")
    plots.label_ends(axes[-1])
    return fig, f"Along training, mean of {len(seeds)} seeds: {'; '.join(told)}."


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("verifiable_rewards", claim)]
