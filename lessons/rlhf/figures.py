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
    ax.set_title("Stage 1: imitation, beside the best that any model can do")
    plots.label_ends(ax)
    return fig, (
        "Loss of supervised fine-tuning against step, in nats per letter: "
        f"from {losses[0]:.2f} to "
        f"{sum(losses[-20:]) / 20:.2f} over the last 20 batches, which scatter. Dashed: the "
        f"entropy of the demonstrator, {floor:.2f}."
    )


def reward_model_fit(losses: list[float]) -> tuple[Figure, str]:
    """Stage 2: nats per pair against step, on the pairs that it is fitted to."""
    fig, ax = plt.subplots(figsize=(5, 2.8))
    ax.plot(losses, marker="")
    ax.axhline(math.log(2), color="0.4", linestyle="--", marker="", label="a coin: log 2")
    ax.set(xlabel="step", ylabel="loss (nats per pair)", ylim=(0, 0.85))
    ax.set_title("Stage 2: the reward model, on its own pairs")
    plots.label_ends(ax)
    return fig, (
        "Loss of the reward model on its own comparisons against step: from "
        f"{losses[0]:.2f} to {losses[-1]:.2f}. A coin gets log 2, the dashed line."
    )


def accuracy_against_comparisons(
    budgets: tuple[int, ...], curves: dict[str, Tensor]
) -> tuple[Figure, str]:
    """% of new pairs right against comparisons bought, by how the pairs were picked."""
    fig, ax = plt.subplots(figsize=(5.6, 3))
    for name, values in curves.items():
        ax.plot(budgets, values, label=name)
    ax.set(xscale="log", xlabel="comparisons", ylabel="% of new pairs right\n(by gold; a coin: 50)")
    ax.set_xticks(budgets, labels=budgets)
    ax.minorticks_off()
    ax.set_title("How many comparisons, and which (one seed)")
    plots.label_ends(ax)
    apart = max(abs(a - b) for a, b in zip(*curves.values(), strict=True))
    return fig, (
        "Accuracy on new pairs against the number of comparisons, log axis, for pairs picked at "
        "random and where three models disagree. "
        + "; ".join(f"{name}: from {y[0]:.1f} to {y[-1]:.1f} %" for name, y in curves.items())
        + f". The two lines are never more than {apart:.1f} points apart."
    )


def what_the_clip_keeps(
    ratio: Tensor, kept: dict[float, Tensor], clip: float
) -> tuple[Figure, str]:
    """PPO's objective for one letter against its ratio; kept: by advantage, +1 and −1."""
    fig, axes = plt.subplots(1, 2, figsize=(7, 2.6))
    for ax, (advantage, values) in zip(axes, kept.items(), strict=True):
        ax.axvspan(1 - clip, 1 + clip, color="0.93", zorder=0)
        ax.plot(ratio, ratio * advantage, color="0.6", marker="", linestyle="--")
        ax.plot(ratio, values, marker="", label="PPO")
        what = "a good letter" if advantage > 0 else "a bad letter"
        ax.set(xlabel="ratio ρ")
        ax.set_title(f"{what}, A = {advantage:+.0f}", fontsize=10)
        at = 1 + 1.6 * clip if advantage > 0 else 1 - 1.6 * clip
        side = {"ha": "right" if advantage > 0 else "left", "va": "bottom"}
        ax.text(at, at * advantage + 0.06, "no clip", color="0.4", fontsize=9, **side)
        ax.text(1, 0.03, "1 ± ε", transform=ax.get_xaxis_transform(), ha="center", fontsize=8)
        plots.label_ends(ax)
    axes[0].set_ylabel("objective")
    title = "Past the clip nothing is gained, but errors are still pulled back"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    return fig, (
        "PPO's objective for one letter against the ratio. With positive advantage it rises and is "
        f"flat above {1 + clip:.2g}. With negative advantage it is flat below {1 - clip:.2g} and "
        "falls from there on without end. Dashed: the same without a clip."
    )


def _score_and_gold(ax: Axes, score: Tensor, gold: Tensor) -> None:
    steps = range(1, len(score) + 1)
    look = {"color": plots.COLORS[0]}
    ax.plot(steps, score / 2, label="score / 2", **look, **plots.PROXY)
    ax.plot(steps, gold, label="gold", marker="", **look, **plots.GOLD)
    ax.axhline(0, color="0.8", linewidth=0.7, marker="", zorder=0)
    ax.set_xlabel("PPO step")
    plots.label_ends(ax)


def score_and_gold(score: Tensor, gold: Tensor, kl: Tensor) -> tuple[Figure, str]:
    """Stage 3: the reward model's score and gold, and the KL from the SFT policy, by step."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.5, 2.9))
    _score_and_gold(left, score, gold)
    left.set(ylabel="sd of gold (score halved)")
    left.set_title("Half the score, and gold", fontsize=10)
    right.plot(range(1, len(kl) + 1), kl, marker="", color=plots.COLORS[2])
    right.set(xlabel="PPO step", ylabel="KL (nats)")
    right.set_title("Distance from the SFT policy", fontsize=10)
    return fig, (
        f"Over {len(score)} PPO steps, means of the last five. Left: half the reward model's score "
        f"goes to {score[-5:].mean() / 2:.2f}, gold to {gold[-5:].mean():.2f}. Right: the KL from "
        f"the SFT policy goes to {kl[-5:].mean():.2f} nats."
    )


def with_and_without(
    runs: dict[str, tuple[Tensor, Tensor, Tensor]],
) -> tuple[Figure, str]:
    """Score and gold by PPO step, a panel for each run, and gold by KL for all; score, gold, KL."""
    fig, axes = plt.subplots(1, 3, figsize=(9.2, 3), width_ratios=(1, 1, 1.15))
    low = min(x[:2][i].min() for x in runs.values() for i in (0, 1)) - 0.3
    high = max(max(score.max() / 2, gold.max()) for score, gold, _ in runs.values()) + 0.3
    ends = []
    for i, (title, (score, gold, kl)) in enumerate(runs.items()):
        _score_and_gold(axes[i], score, gold)
        axes[i].set_title(title, fontsize=10)
        axes[i].set(ylim=(low, high))
        look = {"color": plots.COLORS[(0, 3)[i]], "marker": plots.MARKERS[i], "markersize": 3}
        axes[2].plot(kl, gold, label=title, **plots.GOLD, **look)
        ends.append(
            f"{title}: half the score {score[-5:].mean() / 2:.1f}, gold {gold[-5:].mean():.1f} "
            f"(highest {gold.max():.1f}), KL {kl[-5:].mean():.1f}"
        )
    axes[2].axhline(0, color="0.8", linewidth=0.7, marker="", zorder=0)
    axes[2].set(xlabel="KL from SFT (nats)", xscale="symlog", ylim=(low, high))
    axes[2].set_xticks([0, 1, 10], labels=["0", "1", "10"])
    axes[2].set_title("gold by distance", fontsize=10)
    plots.label_ends(axes[2])
    axes[0].set_ylabel("sd of gold (score halved)")
    fig.suptitle("The same PPO with and without the penalty", fontsize=11, x=0.02, ha="left")
    return fig, (
        "Half the score, dashed, and gold, solid, by PPO step, a panel a run; right: gold by KL. "
        f"Means of the last five steps: {'; '.join(ends)}."
    )


def against_the_optimum(
    exact: Tensor, best: Tensor, found: Tensor, betas: tuple[float, ...]
) -> tuple[Figure, str]:
    """Score and gold against exact KL: π* at every β as a line, what PPO reached as points.

    exact, best, found: rows of (KL, score, gold); best is π* at the β of found.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 3.2))
    for ax, column, name in zip(axes, (1, 2), ("score E[r]", "gold (sd)"), strict=True):
        order = exact[:, 0].argsort()
        ax.plot(exact[order, 0], exact[order, column], marker="", color="0.4", label="π*")
        hollow = {"color": "0.3", "fillstyle": "none", "markersize": 7}
        ax.plot(best[:, 0], best[:, column], "o", **hollow)
        ax.plot(found[:, 0], found[:, column], "o", color=plots.COLORS[3], markersize=5)
        for i, (beta, x) in enumerate(zip(betas, found, strict=True)):
            name_of = f"β = {beta}" if i == 0 else f"{beta}"
            ax.annotate(
                name_of, (x[0], x[column]), (5, -12), textcoords="offset points", fontsize=8
            )
        ax.set(xlabel="KL from the reference (nats)", ylabel=name)
        plots.label_ends(ax)
    axes[0].set_title("score (hollow: π* at the same β)", fontsize=10)
    axes[1].set_title("gold of the same policies", fontsize=10)
    title = "Small world: the optimum at every β (line), and what PPO found (points)"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    return fig, (
        "Score and gold against KL in the small world. A gray line is the exact optimum for every "
        f"penalty, hollow at {len(betas)} β; dots are what PPO reached at those. "
        + "; ".join(
            f"β = {beta}: score {x[1]:.2f} of {y[1]:.2f}, gold {x[2]:.2f} at KL {x[0]:.1f}"
            for beta, x, y in zip(betas, found, best, strict=True)
        )
        + "."
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
    share = logprobs[top].exp().sum()
    ax.set(ylabel="probability (log axis)", yscale="log", ylim=(1e-5, 1))
    ax.set_title(f"β = {beta:g}: {share:.0%} of the probability on eight strings")
    ax.legend(loc="upper right", ncols=2)
    before = ref_logprobs[top].exp().sum()
    return fig, (
        f"Probabilities of the eight likeliest strings under π* at β = {beta:g}: together "
        f"{share:.2f}, where the reference has {before:.2g}. The likeliest, "
        f"{written(strings[top[0]])}, has gold {gold[top[0]]:+.1f}."
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
    axes[0].set_title("Mean: k1 and k3 are unbiased", fontsize=10)
    axes[1].set(
        xscale="log", yscale="log", xlabel="exact KL (nats)", ylabel="sd of one sample (nats)"
    )
    axes[1].set_title("Noise of a whole string's estimate", fontsize=10)
    for ax in axes:
        ax.set_xticks([0.2, 0.5, 1, 2, 5], labels=["0.2", "0.5", "1", "2", "5"])
        ax.minorticks_off()
        plots.label_ends(ax)
    near, far = order[0], order[-1]
    bias = f"{means[near, 1] / exact[near]:.2g} to {means[far, 1] / exact[far]:.2g}"
    noise = [", ".join(f"{x:.2g}" for x in sds[i]) for i in (near, far)]
    return fig, (
        f"Left: mean over exact KL is 1 for k1 and k3; for k2 it goes from {bias}. Right: standard "
        f"deviations of k1, k2, k3, log axis, from {noise[0]} at a KL of {exact[near]:.2g} to "
        f"{noise[1]} at {exact[far]:.2g}."
    )


def _tenths(x: Tensor) -> float:
    return round(x.item(), 1) + 0.0  # no −0.0


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
        ax.text(16, row, "score/2   gold", ha="center", color="0.3")
        for tokens, s, g in zip(group, score, gold, strict=True):
            row += 1
            for i, t in enumerate(tokens):
                style = {"color": colors[t], "weight": "bold", "ha": "center"}
                ax.text(0.5 + i, row, "abcdefgh"[t], family="monospace", **style)
            ax.text(
                16, row, f"{_tenths(s):+5.1f} {_tenths(g):+6.1f}", family="monospace", ha="center"
            )
        row += 2
    best = torch.stack([g.mean() for g in golds])
    return fig, (
        "Strings as rows of letters with half their score and gold, as they come. Mean gold of "
        "those shown: "
        + ", ".join(f"{name} {x:.1f}" for name, x in zip(groups, best, strict=True))
        + "."
    )
