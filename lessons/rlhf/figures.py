"""What the RLHF lesson draws: a function a figure, which gives its alt text too."""

import math

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from utils import plots


def written(tokens: Tensor) -> str:
    """A string as letters from a on."""
    return "".join("abcdefgh"[t] for t in tokens)


def imitation(losses: list[float], floor: float) -> tuple[Figure, str]:
    """Stage 1: nats per letter against step; floor: the demonstrator's entropy."""
    fig, ax = plt.subplots(figsize=(5, 2.8))
    ax.plot(losses, marker="")
    ax.axhline(floor, color="0.4", linestyle="--", marker="", label="entropy of the\ndemonstrator")
    ax.set(xlabel="step", ylabel="loss (nats per letter)", ylim=(floor - 0.13, 2.15))
    ax.set_title("Stage 1: soon no model could imitate better")
    plots.label_ends(ax)
    return fig, (
        "Loss of supervised fine-tuning against step. It falls from log 8, about 2.1 nats per "
        "letter, and soon wavers around the dashed line, the entropy of the demonstrator."
    )


def reward_model_fit(losses: list[float]) -> tuple[Figure, str]:
    """Stage 2: nats per pair against step, on the pairs that it is fitted to."""
    fig, ax = plt.subplots(figsize=(5, 2.8))
    ax.plot(losses, marker="")
    ax.axhline(math.log(2), color="0.4", linestyle="--", marker="", label="a coin: log 2")
    ax.set(xlabel="step", ylabel="loss (nats per pair)", ylim=(0.2, 0.85))
    ax.set_title("Stage 2: the reward model fits its own pairs")
    plots.label_ends(ax)
    return fig, (
        "Loss of the reward model on its own comparisons against step: from log 2, what a coin "
        f"gets, down to about {losses[-1]:.2f}."
    )


def accuracy_against_comparisons(
    budgets: tuple[int, ...], curves: dict[str, Tensor]
) -> tuple[Figure, str]:
    """% of new pairs right against comparisons bought, by how the pairs were picked."""
    fig, ax = plt.subplots(figsize=(5.6, 3))
    for name, values in curves.items():
        ax.plot(budgets, values, label=name)
    ax.set(xscale="log", xlabel="comparisons", ylabel="% of new pairs right")
    ax.set_xticks(budgets, labels=budgets)
    ax.minorticks_off()
    ax.set_title("More comparisons help; picking them hardly does")
    plots.label_ends(ax)
    apart = max(abs(a - b) for a, b in zip(*curves.values(), strict=True))
    return fig, (
        "Accuracy on new pairs against the number of comparisons, log axis, for pairs picked at "
        "random and by disagreement. Both rise with each doubling. The two lines are never more "
        f"than {apart:.1f} points apart."
    )


def what_the_clip_keeps(
    ratio: Tensor, kept: dict[float, Tensor], clip: float
) -> tuple[Figure, str]:
    """PPO's objective for one letter against its ratio; kept: by advantage, +1 and −1."""
    fig, axes = plt.subplots(1, 2, figsize=(7, 2.6))
    for ax, (advantage, values) in zip(axes, kept.items(), strict=True):
        ax.axvspan(1 - clip, 1 + clip, color="0.93", zorder=0)
        ax.plot(ratio, ratio * advantage, color="0.6", marker="", linestyle="--", label="no clip")
        ax.plot(ratio, values, marker="", label="PPO")
        what = "a good letter" if advantage > 0 else "a bad letter"
        ax.set(xlabel="ratio ρ")
        ax.set_title(f"{what}, A = {advantage:+.0f}", fontsize=10)
        plots.label_ends(ax)
    axes[0].set_ylabel("objective")
    fig.suptitle("Past the clip there is nothing to gain", fontsize=11, x=0.02, ha="left")
    return fig, (
        "PPO's objective for one letter against the ratio. With positive advantage it rises and is "
        "flat above 1.2. With negative advantage it is flat below 0.8 and falls from there on "
        "without end. Dashed: the same without a clip."
    )


def _score_and_gold(ax: Axes, score: Tensor, gold: Tensor) -> None:
    steps = range(1, len(score) + 1)
    look = {"color": plots.COLORS[0]}
    ax.plot(steps, score, label="score", **look, **plots.PROXY)
    ax.plot(steps, gold, label="gold", marker="", **look, **plots.GOLD)
    ax.axhline(0, color="0.8", linewidth=0.7, marker="", zorder=0)
    ax.set_xlabel("PPO step")
    plots.label_ends(ax)


def score_and_gold(score: Tensor, gold: Tensor, kl: Tensor) -> tuple[Figure, str]:
    """Stage 3: the reward model's score and gold, and the KL from the SFT policy, by step."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.5, 2.9))
    _score_and_gold(left, score, gold)
    left.set(ylabel="reward (score; sd of gold)")
    left.set_title("Gold rises less than the score", fontsize=10)
    right.plot(range(1, len(kl) + 1), kl, marker="", color=plots.COLORS[2])
    right.set(xlabel="PPO step", ylabel="KL (nats)")
    right.set_title("The policy moves away, then stays", fontsize=10)
    return fig, (
        f"Left: the reward model's score rises to {score[-1]:.1f} over 60 PPO steps; gold rises "
        f"too, to {gold[-1]:.1f}. Right: the KL from the SFT policy rises, then levels off at "
        f"{kl[-1]:.1f} nats."
    )


def with_and_without(
    runs: dict[str, tuple[Tensor, Tensor]],
) -> tuple[Figure, str]:
    """Score and gold by PPO step, a panel for each run."""
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 3), sharey=True)
    for ax, (title, (score, gold)) in zip(axes, runs.items(), strict=True):
        _score_and_gold(ax, score, gold)
        ax.set_title(title, fontsize=10)
    axes[0].set_ylabel("reward (score; sd of gold)")
    title = "Without the penalty the score rises and gold falls"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    return fig, (
        "Score, dashed, and gold, solid, over 60 PPO steps, with and without the penalty. With it "
        "both rise. Without it the score rises much higher, while gold falls far below zero, where "
        "it began."
    )


def against_the_optimum(
    exact: Tensor, found: Tensor, betas: tuple[float, ...]
) -> tuple[Figure, str]:
    """Score and gold against exact KL: π* at every β as a line, what PPO reached as points.

    exact, found: rows of (KL, score, gold).
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 3.2))
    for ax, column, name in zip(axes, (1, 2), ("score E[r]", "gold (sd)"), strict=True):
        order = exact[:, 0].argsort()
        ax.plot(exact[order, 0], exact[order, column], marker="", color="0.4", label="π*")
        ax.plot(found[:, 0], found[:, column], "o", color=plots.COLORS[3], markersize=5)
        for i, (beta, x) in enumerate(zip(betas, found, strict=True)):
            name_of = f"β = {beta}" if i == 0 else f"{beta}"
            ax.annotate(
                name_of, (x[0], x[column]), (5, -12), textcoords="offset points", fontsize=8
            )
        ax.set(xlabel="KL from the reference (nats)", ylabel=name)
        plots.label_ends(ax)
    axes[0].set_title("PPO (points) comes near the best", fontsize=10)
    axes[1].set_title("Even for the best, gold turns", fontsize=10)
    return fig, (
        "Score and gold against KL. A gray line is the exact optimum for every penalty; five dots "
        "are what PPO reached, labeled by β. The dots lie on or just below the line for score. "
        "Gold rises steeply over the first nats and then turns, while score still rises."
    )


def likeliest_strings(
    beta: float, logprobs: Tensor, ref_logprobs: Tensor, strings: Tensor, gold: Tensor
) -> tuple[Figure, str]:
    """The eight likeliest strings under π* at one β, beside what the reference gives them."""
    top = logprobs.topk(8).indices
    fig, ax = plt.subplots(figsize=(6.6, 3))
    ax.bar(range(8), logprobs[top].exp().numpy(), color=plots.COLORS[0], label="π*")
    reference = {"color": "black", "fillstyle": "none", "markersize": 6}
    ax.plot(range(8), ref_logprobs[top].exp(), "s", label="reference", **reference)
    names = [f"{written(strings[i])}\ngold {gold[i]:+.1f}" for i in top]
    ax.set_xticks(range(8), labels=names, fontsize=8)
    ax.set(ylabel="probability")
    ax.set_title(f"β = {beta:g}: the eight likeliest strings under π*")
    ax.legend()
    share = logprobs[top].exp().sum()
    return fig, (
        f"Probabilities of the eight likeliest strings under π* at β = {beta:g}: together "
        f"{share:.2f}; the likeliest, {written(strings[top[0]])}, has gold {gold[top[0]]:+.1f}."
    )


def estimators(exact: Tensor, means: Tensor, sds: Tensor) -> tuple[Figure, str]:
    """Mean over exact KL, and standard deviation, of k1, k2 and k3: (policies, 3) each."""
    order = exact.argsort()
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 3))
    for i, name in enumerate(("k1", "k2", "k3")):
        look = {"color": plots.COLORS[i], "marker": plots.MARKERS[i], "label": name}
        dashed = "--" if i == 2 else "-"  # k1 and k3 lie on each other
        ax, ratio = axes[0], means[order, i] / exact[order]
        ax.plot(exact[order], ratio, linestyle=dashed, **look)
        axes[1].plot(exact[order], sds[order, i], **look)
    axes[0].set(xscale="log", xlabel="exact KL (nats)", ylabel="mean / exact KL")
    axes[0].set_title("k1 and k3 are right on average", fontsize=10)
    axes[1].set(
        xscale="log", yscale="log", xlabel="exact KL (nats)", ylabel="sd of one sample (nats)"
    )
    axes[1].set_title("Far from the reference k3 is noisiest", fontsize=10)
    for ax in axes:
        ax.set_xticks([0.2, 0.5, 1, 2, 5], labels=["0.2", "0.5", "1", "2", "5"])
        ax.minorticks_off()
        plots.label_ends(ax)
    return fig, (
        "Left: mean over exact KL is 1 for k1 and k3 at every KL; for k2 it is below 1 at small KL "
        "and far above 1 at large. Right: standard deviations, log axis. k3's explodes with the "
        "KL, k1's stays near one to a few nats."
    )


def what_it_writes(
    groups: dict[str, Tensor], scores: list[Tensor], golds: list[Tensor]
) -> tuple[Figure, str]:
    """Strings as rows of letters, a block a group, each with its score and gold."""
    fig, ax = plt.subplots(figsize=(6, 4.4))
    ax.set(xlim=(0, 20), ylim=(20, -1))
    ax.set_axis_off()
    colors, row = [*plots.COLORS, "0.6"], 0
    for (name, group), score, gold in zip(groups.items(), scores, golds, strict=True):
        ax.text(0, row, name, weight="bold")
        ax.text(16, row, "score   gold", ha="center", color="0.3")
        for tokens, s, g in zip(group, score, gold, strict=True):
            row += 1
            for i, t in enumerate(tokens):
                style = {"color": colors[t], "weight": "bold", "ha": "center"}
                ax.text(0.5 + i, row, "abcdefgh"[t], family="monospace", **style)
            ax.text(16, row, f"{s:+5.1f} {g:+6.1f}", family="monospace", ha="center")
        row += 2
    best = torch.stack([g.mean() for g in golds])
    return fig, (
        "Strings as rows of letters with score and gold. Without penalty: one letter over and "
        f"over, score high, gold {best[0]:.1f} on average. With it, and from SFT: varied letters, "
        f"gold {best[1]:.1f} and {best[2]:.1f}."
    )
