"""What the induction-heads lesson draws: a function a figure, which gives its alt text too."""

import math

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lessons.induction_heads.experiments import (
    FLIPS,
    STEPS,
    VOCABULARY,
    curve,
    half_right,
    steepest_quarter,
)
from utils import plots

CURVES = (  # what `look` calls it, the panel's title, the unit
    ("repeat loss", "loss on repeats", "nats"),
    ("score", "in-context learning score", "nats"),
    ("matching", "prefix matching, best head", "share of attention"),
)
READERS = {"Q": "queries", "K": "keys", "V": "values"}
D_MODEL = 64  # of the models trained here: sets what composition is by chance


def circuit(tokens: list[str]) -> tuple[Figure, str]:
    """What the two heads do on [A] [B] … [A]: who attends to whom, and what is written where."""
    fig, ax = plt.subplots(figsize=(7, 3.1))
    rows = {"the stream": 0, "after layer 0": 1, "after layer 1": 2}
    for name, y in rows.items():
        ax.text(-1.5, y, name, ha="left", va="center", fontsize=9, color="0.35")
    beside = [tokens[0], *tokens[:-1]]
    box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "0.6"}
    for i, token in enumerate(tokens):
        ax.text(i, 0, token, ha="center", va="center", bbox=box)
        ax.text(i, 1, f"{token}\nafter {beside[i]}" if i else token, ha="center", va="center",
                bbox=box, fontsize=9)  # fmt: skip
        if i:
            _arrow(ax, (i - 1, 0), (i, 1), plots.COLORS[0])
    last = len(tokens) - 1
    ax.text(last, 2, f"next: {tokens[1]}", ha="center", va="center", bbox=box, weight="bold")
    _arrow(ax, (1, 1), (last, 2), plots.COLORS[3])
    ax.text(-1.5, 0.5, "layer 0: copy to the right", ha="left", va="center", fontsize=9,
            color=plots.COLORS[0])  # fmt: skip
    ax.text(-1.5, 1.55, f"layer 1: I am “{tokens[-1]}”, who stands after “{tokens[-1]}”?",
            ha="left", va="center", fontsize=9, color=plots.COLORS[3])  # fmt: skip
    ax.set(xlim=(-1.6, last + 0.5), ylim=(-0.4, 2.4))
    ax.axis("off")
    ax.set_title("A previous-token head writes what an induction head looks for")
    return fig, (
        f"Diagram for the tokens {' '.join(tokens)}. In layer 0 each position receives the token "
        f"before it. In layer 1 the last {tokens[last]} finds the position that stands after "
        f"{tokens[0]}, and copies {tokens[1]} from there."
    )


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], color: str) -> None:
    """An arrow from one box of the diagram to another."""
    look = {"arrowstyle": "->", "color": color, "linewidth": 1.4, "shrinkA": 13, "shrinkB": 17}
    ax.annotate("", end, start, arrowprops=look)


def phase_change(seen: list[dict]) -> tuple[Figure, str]:
    """Three quantities over training; the quarter in which prefix matching rises most is shaded."""
    steps = [s["step"] for s in seen]
    start, end = (steps[i] for i in steepest_quarter(seen))
    fig, axes = plt.subplots(1, 3, figsize=(7.5, 2.8), sharex=True)
    for i, (ax, (name, title, unit)) in enumerate(zip(axes, CURVES, strict=True)):
        ax.axvspan(start, end, color="0.9", zorder=0)
        ax.plot(steps, curve(seen, name), color=plots.COLORS[i], marker=plots.MARKERS[i],
                markevery=4)  # fmt: skip
        ax.set(xlabel="training step", ylabel=unit, xlim=(0, steps[-1]))
        ax.set_title(title, fontsize=10)
    guess = math.log(VOCABULARY)
    axes[0].axhline(guess, color="0.4", linestyle="--", linewidth=0.8, marker="")
    axes[0].text(steps[-1], guess + 0.08, "a guess", ha="right", fontsize=8)
    fig.suptitle(
        "In-context learning forms while the induction heads do", fontsize=11, x=0.02, ha="left"
    )
    return fig, (
        f"Three curves over {steps[-1]} steps. Loss on repeats drifts slowly down, then drops to "
        "almost 0. The in-context learning score drifts to minus 1, then drops below minus 4. "
        "Prefix matching stays near 0.1, then rises above 0.9. All turn in one shaded quarter of "
        f"training, steps {start} to {end}."
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
    n_layers, n_heads = s["matching"].shape
    size = (7.5, 0.1 + 2.1 * n_layers)
    fig, axes = plt.subplots(
        n_layers, n_heads, figsize=size, sharex=True, sharey=True, squeeze=False
    )
    for layer in range(n_layers):
        for h, ax in enumerate(axes[layer]):
            plots.image(ax, s["patterns"][layer][h])
            ax.set_title(f"{layer}.{h}  matching {s['matching'][layer, h]:.2f}", fontsize=8)
        axes[layer, 0].set_ylabel("query position", fontsize=9)
    for ax in axes[-1]:
        ax.set_xlabel("key position", fontsize=9)
    title = f"Step {s['step']}: loss on repeats {s['repeat loss']:.2f} nats"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    best = s["matching"].max()
    return fig, (
        f"Attention patterns of all heads at step {s['step']}; the highest prefix matching "
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


def each_head(
    full: dict[tuple[int, int], float],
    frozen: dict[tuple[int, int], float],
    previous: tuple[int, int],
) -> tuple[Figure, str]:
    """What each head costs when it alone is knocked out, in full and with patterns frozen."""
    fig, ax = plt.subplots(figsize=(6.4, 3.1))
    x = range(len(full))
    ax.axhline(0, color="0.6", linewidth=0.8, marker="")
    ax.vlines(x, list(frozen.values()), list(full.values()), color="0.8", zorder=1)
    looks = (
        ("in full", full, {"color": plots.COLORS[3], "marker": "o", "markersize": 8}),
        ("patterns frozen", frozen, {"color": plots.COLORS[0], "marker": "s", "markersize": 5}),
    )
    for name, cost, look in looks:
        ax.plot(x, list(cost.values()), linestyle="", label=name, **look)
    place = list(full).index(previous)
    ax.annotate("the previous-\ntoken head", (place, full[previous]), (9, 0),
                textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    ax.set(xlabel="head knocked out (layer.head)", ylabel="in-context learning lost (nats)")
    ax.set_xticks(x, labels=[f"{layer}.{h}" for layer, h in full])
    ax.set_xlim(-0.4, len(full) - 0.6)
    ax.margins(y=0.1)
    ax.set_title("With patterns frozen the previous-token head looks harmless")
    ax.legend(loc="upper right")
    return fig, (
        "In-context learning lost, in nats, by the head knocked out. In layer 1 every head costs "
        f"about {max(frozen.values()):.1f}, in full and with patterns frozen alike. In layer 0 all "
        f"cost about 0, except the previous-token head in full: {full[previous]:.1f}."
    )


def knocked_out(lines: dict[str, list[float]]) -> tuple[Figure, str]:
    """The score against how many heads are gone."""
    fig, ax = plt.subplots(figsize=(5.6, 3))
    for i, (name, scores) in enumerate(lines.items()):
        color, end = plots.COLORS[i], len(scores) - 1
        ax.plot(range(len(scores)), scores, color=color, marker=plots.MARKERS[i])
        ax.annotate(name, (end, scores[end]), (9, 0), textcoords="offset points", color=color,
                    fontsize=9, va="center")  # fmt: skip
    ax.set(xlabel="heads knocked out, in full", ylabel="in-context learning score (nats)")
    ax.set_title("Each induction head taken costs more than the one before")
    ax.set_xticks(range(5))
    return fig, (
        "In-context learning score against heads knocked out; 0 is none. Induction heads: from "
        "below minus 4 gradually, and faster and faster, up to 0 with all four gone. Others of "
        "layer 0: no loss."
    )


def who_reads_whom(tables: dict[str, Tensor], previous: Tensor) -> tuple[Figure, str]:
    """Composition scores by kind, a dot a head of layer 1; previous: attention one back."""
    fig, axes = plt.subplots(1, 3, figsize=(7.5, 3), sharey=True)
    first, top = int(previous.argmax()), float(max(table.max() for table in tables.values()))
    n_earlier, n_later = tables["K"].shape
    for ax, (kind, table) in zip(axes, tables.items(), strict=True):
        ax.axhline(D_MODEL**-0.5, color="0.4", linestyle="--", linewidth=0.9, marker="")
        for i in range(n_earlier):
            color = plots.COLORS[3] if i == first else "0.55"
            marker = "D" if i == first else "o"
            spread = i + 0.12 * (torch.arange(n_later) - (n_later - 1) / 2)
            ax.plot(spread, table[i], linestyle="", marker=marker, color=color, markersize=5)
        ax.set(xlabel="head of layer 0", ylim=(0, top + 0.14), xlim=(-0.5, n_earlier - 0.5))
        ax.set_title(f"{kind}: read in the {READERS[kind]}", fontsize=10)
        ax.set_xticks(range(n_earlier), labels=[f"0.{h}" for h in range(n_earlier)])
    axes[0].set_ylabel("composition score")
    axes[0].text(-0.4, D_MODEL**-0.5 + 0.008, "chance", fontsize=8, color="0.3")
    axes[1].text(first, top + 0.13, "the previous-token\nhead: a mark for each\nhead of layer 1",
                 color=plots.COLORS[3], fontsize=8, va="top",
                 ha="left" if first < n_earlier / 2 else "right")  # fmt: skip
    title = "Induction heads read the previous-token head by their keys, and avoid it elsewhere"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    return fig, (
        "Composition scores of each head of layer 0 with the four heads of layer 1, in three "
        "panels: queries, keys, values. Chance is a line at 0.125. In the keys the previous-token "
        "head lies far above it, with all four. In queries and values it lies below, lowest of all."
    )


def who_learns_it_when(runs: dict[str, list[dict]]) -> tuple[Figure, str]:
    """The share of repeats predicted over training, a line a model."""
    fig, ax = plt.subplots(figsize=(6.2, 3.1))
    for name, seen in runs.items():
        one, smeared = "one" in name, "smeared" in name
        color = plots.COLORS[3] if one else plots.COLORS[0]
        steps, right = [s["step"] for s in seen], curve(seen, "accuracy")
        ax.plot(steps, right, color=color, linestyle="--" if smeared else "-", marker="",
                label="" if smeared else name)  # fmt: skip
        if smeared:  # its line ends inside: the label stands beside its steep part
            at = (half_right(seen), 0.62 if one else 0.3)
            ax.annotate(name.replace(", ", ",\n"), at, (-7 if one else 3, 0),
                        textcoords="offset points", color=color, fontsize=9, va="center",
                        ha="right" if one else "left")  # fmt: skip
    ax.set(xlabel="training step", ylabel="share of repeats predicted", ylim=(0, 1.03))
    ax.set_xlim(0, STEPS)
    plots.label_ends(ax)
    ax.set_title("With smeared keys one layer does it, and two layers do it sooner")
    return fig, (
        f"Share of repeated tokens predicted against training steps, up to {STEPS}. One plain "
        "layer stays below 0.4. Two plain layers rise steeply to 1 after 200 to 300 steps. With "
        "smeared keys both one and two layers rise to 0.9 before that, and training ends there."
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
