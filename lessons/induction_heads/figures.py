"""What the induction-heads lesson draws: a function a figure, which gives its alt text too."""

import math

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lessons.induction_heads.experiments import FLIPS, VOCABULARY, curve
from utils import plots

CURVES = (  # what `look` calls it, the panel's title, the unit
    ("repeat loss", "loss on repeats", "nats"),
    ("score", "in-context learning score", "nats"),
    ("matching", "prefix matching, best head", "share of attention"),
)


def phase(seen: list[dict]) -> tuple[int, int]:
    """The steps at which prefix matching has made a tenth and nine tenths of its way."""
    matching = curve(seen, "matching")
    way = (matching - matching[0]) / (matching[-1] - matching[0])
    start, end = (seen[int((way > share).float().argmax())]["step"] for share in (0.1, 0.9))
    return start, end


def phase_change(seen: list[dict]) -> tuple[Figure, str]:
    """Three quantities over training; the stretch in which prefix matching rises is shaded."""
    steps, span = [s["step"] for s in seen], phase(seen)
    fig, axes = plt.subplots(1, 3, figsize=(7.5, 2.8), sharex=True)
    for i, (ax, (name, title, unit)) in enumerate(zip(axes, CURVES, strict=True)):
        ax.axvspan(*span, color="0.9", zorder=0)
        ax.plot(steps, curve(seen, name), color=plots.COLORS[i], marker=plots.MARKERS[i])
        ax.set(xlabel="training step", ylabel=unit, xlim=(0, steps[-1]))
        ax.set_title(title, fontsize=10)
    guess = math.log(VOCABULARY)
    axes[0].axhline(guess, color="0.4", linestyle="--", linewidth=0.8, marker="")
    axes[0].text(steps[-1], guess + 0.08, "a guess", ha="right", fontsize=8)
    axes[1].text(span[0] - 10, -4, "phase\nchange", fontsize=8, ha="right")
    fig.suptitle("Three things change at once", fontsize=11, x=0.02, ha="left")
    return fig, (
        "Three curves over 500 steps. Loss on repeats drifts from 4.5 to 3.5 nats, then drops to "
        "almost 0. The in-context learning score drifts to minus 1, then drops below minus 4. "
        "Prefix matching stays near 0.1, then rises above 0.9. All turn in one shaded stretch, "
        f"steps {span[0]} to {span[1]}."
    )


def before_and_after(before: dict, after: dict, period: int) -> tuple[Figure, str]:
    """One head of layer 1 on one sequence, at two moments; period: that of the sequence."""
    fig, axes = plt.subplots(1, 2, figsize=(7, 4.3), sharey=True)
    head = int(after["matching"][1].argmax())
    for ax, s in zip(axes, (before, after), strict=True):
        plots.image(ax, s["patterns"][1][head])
        ax.set(xlabel="key position")
        ax.set_title(f"step {s['step']}", fontsize=10)
    axes[0].set_ylabel("query position")
    axes[1].text(21, 6, f"this sequence repeats\nafter {period} tokens", fontsize=9)
    fig.suptitle(
        "A head learns to attend to what followed its token", x=0.02, ha="left", fontsize=11
    )
    return fig, (
        "Attention pattern of one head of layer 1 on one sequence, before and after. Before: "
        "a gray smear. After: two dark stripes parallel to the diagonal, the first of them one "
        "period less one below it, both only over the first 20 keys."
    )


def moment(s: dict) -> tuple[Figure, str]:
    """The patterns of all heads at one checkpoint."""
    fig, axes = plt.subplots(2, 4, figsize=(7.5, 4.3), sharex=True, sharey=True)
    for layer in range(2):
        for h, ax in enumerate(axes[layer]):
            plots.image(ax, s["patterns"][layer][h])
            ax.set_title(f"{layer}.{h}  matching {s['matching'][layer, h]:.2f}", fontsize=8)
        axes[layer, 0].set_ylabel("query position", fontsize=9)
    for ax in axes[1]:
        ax.set_xlabel("key position", fontsize=9)
    title = f"Step {s['step']}: loss on repeats {s['repeat loss']:.2f} nats"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    best = s["matching"].max()
    return fig, (
        f"Attention patterns of all eight heads at step {s['step']}; the highest prefix matching "
        f"score is {best:.2f}."
    )


def where_it_looks(pattern: Tensor, head: tuple[int, int]) -> tuple[Figure, str]:
    """The pattern of the previous-token head on one sequence: (query, key)."""
    fig, ax = plt.subplots(figsize=(4.4, 3.9))
    plots.image(ax, pattern)
    ax.set(xlabel="key position", ylabel="query position")
    ax.set_title(f"Head {head[0]}.{head[1]} looks one back, up to position 20")
    return fig, (
        "Attention pattern of the previous-token head of layer 0: black just below the diagonal "
        "for the first 20 queries. From there on a gray smear."
    )


def knocked_out(lines: dict[str, list[float]], alone: float) -> tuple[Figure, str]:
    """The score against how many heads are gone; alone: without the previous-token head."""
    fig, ax = plt.subplots(figsize=(5.6, 3.2))
    for i, (name, scores) in enumerate(lines.items()):
        ax.plot(range(len(scores)), scores, color=plots.COLORS[i], label=name)
    ax.plot([1], [alone], color="black", marker="D", linestyle="")
    ax.annotate("the previous-token\nhead alone", (1, alone), (-6, 0), textcoords="offset points",
                ha="right", va="center", fontsize=9)  # fmt: skip
    ax.set(xlabel="heads knocked out", ylabel="in-context learning score (nats)")
    ax.set_title("Without its induction heads nothing is learned in context")
    ax.set_xticks(range(5))
    ax.set_xlim(-1.1, 4.1)
    plots.label_ends(ax)
    return fig, (
        "In-context learning score against heads knocked out; 0 is none. Induction heads: from "
        "below minus 4 gradually up to 0 with all four gone. Others of layer 0: no loss. The "
        "previous-token head alone: most of the score is gone."
    )


def who_reads_whom(tables: dict[str, Tensor], previous: Tensor) -> tuple[Figure, str]:
    """Composition scores (earlier head, later head) by kind; previous: attention one back."""
    fig, axes = plt.subplots(1, 3, figsize=(7.5, 3.1), sharey=True)
    for ax, (kind, table) in zip(axes, tables.items(), strict=True):
        plots.image(ax, table, largest=0.35)
        for i in range(4):
            for j in range(4):
                ink = "white" if table[i, j] > 0.2 else "black"
                ax.text(j, i, f"{table[i, j]:.2f}", ha="center", va="center", fontsize=8, color=ink)
        ax.set(xlabel="head of layer 1")
        ax.set_title(f"{kind}-composition", fontsize=10)
        ax.set_xticks(range(4), labels=[f"1.{h}" for h in range(4)])
        ax.set_yticks(range(4), labels=[f"0.{h}: {p:.2f}" for h, p in enumerate(previous)])
    axes[0].set_ylabel("head of layer 0:\nattention one back")
    title = "Induction heads read the previous-token head, and by their keys"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    return fig, (
        "Three four-by-four tables of composition scores, Q, K and V. Only the K table has a dark "
        "row: the head of layer 0 that looks one token back, with all four heads of layer 1. In "
        "the Q and V tables that same head's row is the lightest."
    )


def burstier_is_earlier(
    returns: list[float], changed: list[int], periods: tuple[tuple[int, int], ...]
) -> tuple[Figure, str]:
    """Steps until half of the repeats are right, against how often a token occurs."""
    fig, ax = plt.subplots(figsize=(5, 2.9))
    ax.plot(returns, changed)
    for x, y, (a, b) in zip(returns, changed, periods, strict=True):
        right = x == max(returns)
        ax.annotate(
            f"periods {a} to {b}",
            (x, y),
            (4 if right else 6, 14 if right else 8),
            textcoords="offset points",
            ha="right" if right else "left",
            fontsize=9,
        )
    ax.set(xlabel="how often each token occurs in a sequence, about", ylabel="training steps")
    ax.set_ylim(0, max(changed) + 40)
    ax.set_title("The sooner tokens return, the sooner half of the repeats are right")
    return fig, (
        "Training steps until half of the repeats are right, against how often each token occurs "
        f"in a sequence: {changed[0]}, {changed[1]} and {changed[2]} steps as tokens occur more "
        "often."
    )


def distance_to_bayes(far: dict[str, Tensor]) -> tuple[Figure, str]:
    """KL divergence from the posterior predictive against flips seen, by who predicts."""
    fig, ax = plt.subplots(figsize=(5.6, 3))
    for i, (name, kl) in enumerate(far.items()):
        ax.plot(torch.arange(FLIPS), kl.clamp(min=1e-6), label=name,
                marker=plots.MARKERS[i], markevery=4)  # fmt: skip
    ax.set(xlabel="flips seen", ylabel="KL divergence (nats)", yscale="log")
    ax.set_ylim(1e-6, 0.5)
    ax.set_title("The transformer predicts coins almost as Bayes does")
    plots.label_ends(ax)
    return fig, (
        "KL divergence to Bayes against flips seen, log axis. The flat prior starts above 0.1 nats "
        "and falls below 0.001. The transformer stays below about 0.001 from the first flip to the "
        "last, where the two meet."
    )
