"""What the induction-heads lesson draws: a function a figure, which gives its alt text too."""

import itertools
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
    formed_in,
    half_right,
    induction_heads,
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
    fig, axes = plt.subplots(1, 3, figsize=(7, 2.6), sharex=True)
    for i, (ax, (name, title, unit)) in enumerate(zip(axes, CURVES, strict=True)):
        ax.axvspan(start, end, color="0.9", zorder=0)
        ax.plot(steps, curve(seen, name), color=plots.COLORS[i], marker=plots.MARKERS[i],
                markevery=4)  # fmt: skip
        ax.set(xlabel="training step", ylabel=unit, xlim=(0, steps[-1]))
        ax.set_title(title, fontsize=10)
    guess = math.log(VOCABULARY)
    axes[0].axhline(guess, color="0.4", linestyle="--", linewidth=0.8, marker="")
    axes[0].text(steps[-1], guess + 0.08, "a guess", ha="right", fontsize=8)
    together = bool(induction_heads(seen[-1])) and formed_in(seen, *steepest_quarter(seen)) > 0.5
    axes[2].text(end + 8, 0.3, "shaded: the\nsteepest quarter\nof this curve", fontsize=8)
    title = "In-context learning forms while the induction heads do, in this seed"
    fig.suptitle(
        title if together else "Three quantities over training", fontsize=11, x=0.02, ha="left"
    )
    from_to = {
        name: (s := curve(seen, name), f"{s[0]:.1f} to {s[-1]:.1f}")[1] for name, *_ in CURVES
    }
    return fig, (
        "Three curves over training, a quarter of it shaded: loss on repeats goes from "
        f"{from_to['repeat loss']}, "
        f"the in-context learning score from {from_to['score']}, prefix matching from "
        f"{from_to['matching']}. Prefix matching rises most in the shaded quarter of training, "
        f"steps {start} to {end}."
    )


def before_and_after(before: dict, after: dict, period: int) -> tuple[Figure, str]:
    """One head of layer 1 on one sequence, at two moments; period: that of the sequence."""
    fig, axes = plt.subplots(1, 2, figsize=(6, 3.7), sharey=True)
    head = int(after["matching"][1].argmax())
    for ax, s in zip(axes, (before, after), strict=True):
        plots.image(ax, s["patterns"][1][head].sqrt())
        ax.set(xlabel="key position")
        ax.set_title(f"step {s['step']}", fontsize=10)
    axes[0].set_ylabel("query position")
    axes[1].text(21, 6, f"this sequence repeats\nafter {period} tokens", fontsize=9)
    learned = (1, head) in induction_heads(after)
    title = f"Head 1.{head} learns to attend to what followed its token"
    title = title if learned else f"Head 1.{head} at two moments"
    fig.suptitle(title, x=0.02, ha="left", fontsize=11)
    stripes = (
        " Afterwards dark stripes parallel to the diagonal, the first of them one period less one "
        "below it." if learned else ""
    )  # fmt: skip
    score = [s["matching"][1, head].item() for s in (before, after)]
    return fig, (
        f"Attention pattern of one head of layer 1 on one sequence at steps {before['step']} and "
        f"{after['step']}: prefix matching {score[0]:.2f}, then {score[1]:.2f}.{stripes}"
    )


def moment(s: dict) -> tuple[Figure, str]:
    """The patterns of all heads at one checkpoint."""
    n_layers, n_heads = s["matching"].shape
    size = (6.6, 0.1 + 1.9 * n_layers)
    fig, axes = plt.subplots(
        n_layers, n_heads, figsize=size, sharex=True, sharey=True, squeeze=False
    )
    for layer in range(n_layers):
        for h, ax in enumerate(axes[layer]):
            plots.image(ax, s["patterns"][layer][h].sqrt())
            ax.set_title(f"head {layer}.{h}: {s['matching'][layer, h]:.2f}", fontsize=8)
        axes[layer, 0].set_ylabel("query position", fontsize=9)
    for ax in axes[-1]:
        ax.set_xlabel("key position", fontsize=9)
    title = f"Step {s['step']}: prefix matching of each head; loss on repeats "
    title += f"{s['repeat loss']:.2f} nats"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    best = s["matching"].max()
    return fig, (
        f"Attention patterns of all heads at step {s['step']}; the highest prefix matching "
        f"score is {best:.2f}."
    )


def where_it_looks(pattern: Tensor, head: tuple[int, int]) -> tuple[Figure, str]:
    """The pattern of the previous-token head on one sequence: (query, key)."""
    fig, ax = plt.subplots(figsize=(4.4, 3.9))
    plots.image(ax, pattern.sqrt())
    ax.set(xlabel="key position", ylabel="query position")
    back = pattern.diagonal(-1)  # of queries 1, 2, …
    first, rest = back[:19].mean().item(), back[19:].mean().item()
    name = f"Head {head[0]}.{head[1]}"
    if first > 0.8 and rest < 0.5:
        ax.set_title(f"{name} looks one back for the first 20 queries")
    else:
        ax.set_title(f"{name}: {back.mean():.0%} of attention one back")
    return fig, (
        f"Attention pattern of the head of layer 0 that looks back most, {name[5:]}: attention "
        f"on the token before is {first:.2f} for queries 1 to 19, and {rest:.2f} for later ones."
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
        (
            "in full",
            full,
            {"color": plots.COLORS[3], "marker": "o", "markersize": 9, "mfc": "none"},
        ),
        ("patterns frozen", frozen, {"color": plots.COLORS[0], "marker": "s", "markersize": 5}),
    )
    for name, cost, look in looks:
        ax.plot(x, list(cost.values()), linestyle="", label=name, **look)
    place = list(full).index(previous)
    ax.annotate("the head that\nlooks one back", (place, full[previous]), (9, 0),
                textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    ax.set(xlabel="head knocked out (layer.head)", ylabel="in-context learning lost (nats)")
    ax.set_xticks(x, labels=[f"{layer}.{h}" for layer, h in full])
    ax.set_xlim(-0.4, len(full) - 0.6)
    ax.margins(y=0.1)
    harmless = full[previous] > 0.5 and abs(frozen[previous]) < 0.1 * full[previous]
    ax.set_title(
        "With patterns frozen the previous-token head looks harmless" if harmless
        else "What each head costs alone, by two kinds of ablation"
    )  # fmt: skip
    ax.legend(loc="lower left", bbox_to_anchor=(1, 0), fontsize=9)
    last = [cost for (layer, _), cost in frozen.items() if layer == max(frozen)[0]]
    return fig, (
        "In-context learning lost, in nats, by the head knocked out. With patterns frozen the "
        f"heads of the last layer cost {min(last):.1f} to {max(last):.1f}. The head of layer 0 "
        f"that looks back most costs {full[previous]:.1f} in full, {frozen[previous]:.1f} frozen."
    )


def knocked_out(lines: dict[str, list[float]]) -> tuple[Figure, str]:
    """The score against how many heads are gone."""
    fig, ax = plt.subplots(figsize=(5.6, 3))
    for i, (name, scores) in enumerate(lines.items()):
        color, end = plots.COLORS[i], len(scores) - 1
        ax.plot(range(len(scores)), scores, color=color, marker=plots.MARKERS[i])
        ax.annotate(name, (end, scores[end]), (9, 0), textcoords="offset points", color=color,
                    fontsize=9, va="center")  # fmt: skip
    ax.set(
        xlabel="heads knocked out, in full",
        ylabel="in-context learning score\n(nats; lower: more learned)",
    )
    scores = lines["induction heads"]
    steps = [b - a for a, b in itertools.pairwise(scores)]
    title = "Each induction head taken costs more than the one before"
    rising = len(steps) > 1 and steps == sorted(steps)
    ax.set_title(title if rising else "The score as heads are taken, one after the other")
    ax.set_xticks(range(max(map(len, lines.values()))))
    said = [f"{name}: " + ", ".join(f"{x:.1f}" for x in ys) for name, ys in lines.items()]
    return fig, (
        "In-context learning score against heads knocked out, from none on. "
        + "; ".join(said) + " nats."
    )  # fmt: skip


def who_reads_whom(tables: dict[str, Tensor], previous: Tensor) -> tuple[Figure, str]:
    """Composition scores by kind, a dot a head of layer 1; previous: attention one back."""
    fig, axes = plt.subplots(1, 3, figsize=(7, 2.8), sharey=True)
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
    mine = {kind: table[first] for kind, table in tables.items()}
    chance = D_MODEL**-0.5
    read = mine["K"].min() > chance > max(mine["Q"].max(), mine["V"].max())
    title = "Layer 1 reads the previous-token head by its keys, and little elsewhere"
    title = title if read else "How much layer 1 reads of each head of layer 0"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    said = [f"{READERS[kind]} {x.min():.2f} to {x.max():.2f}" for kind, x in mine.items()]
    return fig, (
        "Composition scores of each head of layer 0 with the heads of layer 1, in three panels: "
        f"queries, keys, values. Chance is a line at {chance:.3f}. The head of layer 0 that looks "
        f"back most: {', '.join(said)}."
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
        if smeared and right[-1] > 0.5:  # it ends inside: the label stands beside its steep part
            at = (half_right(seen), 0.62 if one else 0.3)
            ax.annotate(name.replace(", ", ",\n"), at, (-7 if one else 3, 0),
                        textcoords="offset points", color=color, fontsize=9, va="center",
                        ha="right" if one else "left")  # fmt: skip
        elif smeared:
            ax.get_lines()[-1].set_label(name)
    ax.set(xlabel="training step", ylabel="share of repeats predicted", ylim=(0, 1.03))
    ax.set_xlim(0, STEPS)
    ax.text(0.02, 0.93, "dashed: ends at 0.9", transform=ax.transAxes, fontsize=8, color="0.35")
    plots.label_ends(ax)
    half = {name: half_right(seen) for name, seen in runs.items()}
    both = half["one layer"] > STEPS >= half["one layer, smeared"]
    both = both and half["two layers"] > max(x for name, x in half.items() if "smeared" in name)
    ax.set_title(
        "With smeared keys one layer does it, and both do it sooner than two plain ones" if both
        else "Repeats predicted, with and without smeared keys",
        fontsize=11,
    )  # fmt: skip
    said = [f"{name} {f'at step {x}' if x <= STEPS else 'never'}" for name, x in half.items()]
    return fig, (
        f"Share of repeated tokens predicted against training steps, up to {STEPS}. Half of them "
        f"are right: {', '.join(said)}. With smeared keys training ends at 0.9."
    )


def burstier_is_earlier(
    returns: list[float], changed: list[int], periods: tuple[tuple[int, int], ...]
) -> tuple[Figure, str]:
    """Steps until half of the repeats are right, against how often a token occurs."""
    fig, ax = plt.subplots(figsize=(5, 2.9))
    never = [x > STEPS for x in changed]
    changed = [min(x, STEPS) for x in changed]
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
    ax.set(xlabel="how often each token occurs in a sequence, about")
    ax.set_ylabel("steps until half are right")
    ax.set_ylim(0, max(changed) + 40)
    sooner = not any(never) and changed == sorted(set(changed), reverse=True)
    ax.set_title(
        "The sooner tokens return, the sooner half of the repeats are right" if sooner
        else "Steps until half of the repeats are right (at most all)"
    )  # fmt: skip
    return fig, (
        "Training steps until half of the repeats are right, against how often each token occurs "
        f"in a sequence: {', '.join(map(str, changed))} steps as tokens occur more often."
    )


def distance_to_bayes(far: dict[str, Tensor]) -> tuple[Figure, str]:
    """KL divergence from the posterior predictive against flips seen, by who predicts."""
    fig, ax = plt.subplots(figsize=(5.6, 3))
    for i, (name, kl) in enumerate(far.items()):
        ax.plot(torch.arange(FLIPS), kl.clamp(min=1e-6), label=name,
                marker=plots.MARKERS[i], markevery=4)  # fmt: skip
    ax.set(xlabel="flips seen", ylabel="KL divergence (nats)", yscale="log")
    ax.set_ylim(1e-6, 0.5)
    most = math.ceil(1000 * far["transformer"].max()) / 1000
    ax.set_title(
        f"Within {most:g} nats of Bayes from the first flip on" if most < 0.01
        else "How far two predictions of coins are from Bayes"
    )  # fmt: skip
    plots.label_ends(ax)
    said = [f"{name} {kl[0]:.3g} at first, {kl.max():.3g} at most, {kl[-1]:.3g} at last"
            for name, kl in far.items()]  # fmt: skip
    return fig, f"KL divergence to Bayes in nats against flips seen, log axis: {'; '.join(said)}."
