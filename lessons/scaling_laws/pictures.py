"""What this lesson draws of emergence, grokking and inverse scaling."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from lessons.scaling_laws import grokking, negation, recall
from lessons.scaling_laws.figures import BLUE, GREEN, RED, Picture, by_seed
from lessons.scaling_laws.grokking import FULL, NO_DECAY, SHUFFLED, Grown
from lessons.scaling_laws.negation import Answers
from lessons.scaling_laws.recall import Recall
from utils import plots

NAMES = {FULL: "half of the table", NO_DECAY: "no decay", SHUFFLED: "shuffled labels"}
LOOKS = {FULL: (BLUE, "-"), NO_DECAY: (RED, "--"), SHUFFLED: ("0.4", ":")}


def _widths(ax: Axes, widths: Sequence[int]) -> None:
    ax.set_xscale("log")
    ax.set_xticks(widths, labels=[str(w) for w in widths])
    ax.xaxis.minorticks_off()


def harsh_and_smooth(r: Recall, predicted: Tensor) -> Picture:
    """Strings: exact match, and the same outputs token by token, by width."""
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.9))
    w = recall.WIDTHS
    axes[0].plot(w, r.exact, "o-", color=RED, label="whole strings")
    axes[0].plot(w, predicted, ":", color="black", marker="", linewidth=2, label="product of six")
    axes[1].plot(w, r.token, "s-", color=BLUE, label="right tokens")
    progress = 1 - r.nats / math.log(recall.TOKENS)
    axes[1].plot(w, progress, "^-", color=GREEN, label="log-likelihood")
    low = (r.exact < 0.1).nonzero()
    for ax, title in zip(axes, ("all six tokens right", "token by token"), strict=True):
        _widths(ax, [w[0], 8, 16, 32, w[-1]])
        ax.set(ylim=(-0.03, 1.05), xlabel="hidden width", title=title)
        if len(low):
            ax.axvline(w[int(low.max())], color="0.7", linewidth=0.9, marker="", zorder=0)
        plots.label_ends(ax)
    ways = by_seed("exact_match_is_a_mirage")
    many = f" in {sum(v >= 0.44 for v in ways)} of {len(ways)} seeds" if ways else ""
    fig.suptitle(f"Last below a tenth (line): log-likelihood 0.44 of its way or more{many}",
                 fontsize=11, x=0.02, ha="left")  # fmt: skip
    axes[0].set_ylabel("share right")
    axes[1].set_ylabel("share right; way to certainty")
    both = zip(w, r.exact, progress, strict=True)
    told = ", ".join(f"{a}: {e:.2f} and {p:.2f}" for a, e, p in both)
    return fig, (
        "Two panels of the same outputs by width. Share of whole strings right, and how far the "
        f"log-likelihood has come: {told}. The product of token accuracies predicts the first."
    )


def accuracy_and_loss(g: Grown) -> Picture:
    """Grokking: accuracies, and test loss, by step."""
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.9))
    axes[0].plot(g.steps, g.of(FULL, "train"), "-", color="0.55", marker="", label="_")
    axes[0].text(g.steps[-1] * 0.62, 1.03, "training", fontsize=9, color="0.4")
    guess, late = math.log(grokking.PRIME), int((g.of(FULL, "test") < 0.1).nonzero().max())
    told = []
    for kind, (color, style) in LOOKS.items():
        nats = g.of(kind, "nats")
        cut = f"\n(to {nats.max():.0f})" if nats[-1] > 14 else ""
        look = {"color": color, "linestyle": style, "marker": ""}
        axes[0].plot(g.steps, g.of(kind, "test"), label=NAMES[kind].replace(" of", "\nof"), **look)
        axes[1].plot(g.steps, nats.clamp(max=14), label=NAMES[kind] + cut, **look)
        ends = g.of(kind, "test")[-1].item(), g.of(kind, "nats")[-1].item()
        told.append(f"{NAMES[kind]}: {ends[0]:.2f} and {ends[1]:.1f} nats")
    axes[1].axhline(guess, color="0.75", linewidth=0.9, marker="", zorder=0)
    axes[1].text(g.steps[-1] * 0.5, guess + 0.25, "uniform guess", fontsize=9, color="0.35")
    axes[0].set(ylim=(-0.03, 1.12), xlabel="step", ylabel="accuracy")
    axes[0].set_title("Test accuracy: long near 0")
    axes[1].set(ylim=(0, 17), xlabel="step", ylabel="test loss (nats, cut at 14)")
    axes[1].set_title("Test loss: at the line, near a guess")
    axes[0].text(g.steps[late] - 15, 0.5, "last\nbelow\n0.1", fontsize=8, color="0.35", ha="right")
    for ax in axes:
        ax.axvline(g.steps[late], color="0.7", linewidth=0.9, marker="", zorder=0)
        ax.set_xticks([0, 400, 800, 1200, 1600])
        plots.label_ends(ax)
    return fig, (
        f"Test accuracy and test loss by step. At step {g.steps[late]}, accuracy last below 0.1, "
        f"test loss is {g.of(FULL, 'nats')[late]:.1f} nats, a uniform guess {guess:.1f}. At the "
        "end " + "; ".join(told) + "."
    )


def measures(g: Grown) -> Picture:
    """Three would-be progress measures of the three networks."""
    fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.8))
    late = int((g.of(FULL, "test") < 0.1).nonzero().max())
    panels = (
        ("share", "Share of a + b:\nruns ahead", "share of logit variance"),
        ("restricted", "Restricted accuracy: high\nwithout the rule, too", "restricted accuracy"),
        ("norm", "Weight norm:\nsays little", "norm of all weights"),
    )
    told = []
    for ax, (name, title, label) in zip(axes, panels, strict=True):
        for kind, (color, style) in LOOKS.items():
            values = g.of(kind, name)
            ax.plot(g.steps, values, color=color, linestyle=style, marker="", label=NAMES[kind])
            told.append(f"{name}, {NAMES[kind]}: {values[late]:.2f}")
        ax.axvline(g.steps[late], color="0.7", linewidth=0.9, marker="", zorder=0)
        ax.set(xlabel="step", ylabel=label, title=title)
        ax.set_xticks([0, 800, 1600])
    said = "test accuracy\nlast below 0.1"
    axes[0].text(g.steps[late] + 40, 0.86, said, fontsize=8, color="0.35")
    axes[0].set_ylim(0, 1.03)
    axes[1].set_ylim(0, 1.03)
    axes[2].set_ylim(0)
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig, "Three measures by step; at the line: " + "; ".join(told) + "."


def u_shapes(answers: Mapping[str, Answers]) -> Picture:
    """Right answers by width, a panel a share of negated questions."""
    if not answers:
        raise ValueError("there must be at least one share of negated questions")
    fig, axes = plt.subplots(1, len(answers), figsize=(7.2, 3.1), sharey=True, squeeze=False)
    told, w = [], negation.WIDTHS
    for ax, (name, a) in zip(axes[0], answers.items(), strict=True):
        ax.plot(w, a.plain, "s--", color="0.45", label="plain")
        ax.plot(w, a.negated, "o-", color=RED, label="negated")
        ax.plot(w, a.new, "^:", color=BLUE, label="never trained on")
        ax.text(w[0], 0.515, "chance", fontsize=8, color="0.35", ha="left")
        ax.axhline(0.5, color="0.8", linewidth=0.8, marker="", zorder=0)
        _widths(ax, w)
        ax.set(xlabel="hidden width", ylim=(0, 1.05), title=name)
        plots.label_ends(ax)
        both = zip(w, a.negated.tolist(), a.new.tolist(), strict=True)
        told.append(f"{name}: " + ", ".join(f"{x}: {u:.2f} and {v:.2f}" for x, u, v in both))
    axes[0, 0].set_ylabel("share right")
    falls = [-2 * v for v in by_seed("larger_is_worse_then_better")]  # from width 1 to 4
    many = sum(v >= 0.05 for v in falls)
    said = f"\nBy width 4 the U has fallen by 0.05 or more in {many} of {len(falls)} seeds"
    fig.suptitle("Rarely negated: a U; negated, and not trained on: wrong more and more"
                 + (said if falls else ""), fontsize=11, x=0.02, ha="left")  # fmt: skip
    return fig, "Right answers by width to negated questions, trained on and new. " + "; ".join(
        told
    ) + "."
