"""What the overoptimization lesson draws: a function a figure, which gives its alt text too."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from lessons.overoptimization.experiments import Curve, Pair, Start, value_at
from utils import plots

DISTANCE = "d = √KL (√nats)"
REWARD = "reward above the start's (sd)"


def what_gold_pays(begin: Start, shown: Sequence[int] = (0, 1, 2)) -> tuple[Figure, str]:
    """What a token is worth by how often it occurs, and how often it does."""
    world = begin.world
    counts = torch.arange(world.length + 1)
    worth = world.weight[:, None] * world.appetite(counts / world.best_count[:, None])
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8), sharex=True)
    shares = []
    for k in shown:
        seen = (begin.pool == k).sum(1).bincount(minlength=len(counts))
        shares.append(100 * seen / len(begin.pool))
        look = {"color": plots.COLORS[k], "marker": plots.MARKERS[k]}
        left.plot(counts, worth[k], **look, **plots.GOLD)
        right.plot(counts, shares[-1], label=f"token {'abcdefgh'[k]}", **look)
    left.set(xlabel="times it occurs", ylabel="worth, before scaling")
    left.set_title("what gold pays for a token", fontsize=10)
    left.set_xticks(range(0, len(counts), 3))
    right.set(xlabel="times it occurs", ylabel="% of samples")
    right.set_title("how often the policy writes it", fontsize=10)
    right.legend()  # all lines end in one place
    _headline(fig, "Gold turns down where samples are rare")
    most = counts[worth[list(shown)].argmax(1)].tolist()
    rare = max(share[5:].sum() for share in shares)
    return fig, (
        "Left, the worth of three tokens against how often each occurs in a sequence: highest at "
        f"{_listed(most)} times, then back down to nothing. Right, how often each occurs in "
        f"samples: five times or more in at most {rare:.0f} % of them."
    )


def gold_and_proxy(pairs: Iterable[Pair], names: Sequence[str], title: str) -> tuple[Figure, str]:
    """Gold and proxy of several reward models under both optimizers, as far as best-of-n goes."""
    bons, rls = zip(*pairs, strict=True)
    end = bons[0].d[-1].item()
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 3.5), sharex=True, sharey=True)
    for ax, curves, optimizer in zip(axes, (bons, rls), ("best-of-n", "RL"), strict=True):
        for i, (curve, name) in enumerate(zip(curves, names, strict=True)):
            look = {"color": plots.COLORS[i]}
            marked = {"marker": plots.MARKERS[i], "label": name}
            _line(ax, curve.d, curve.gold, end, **look, **marked, **plots.GOLD)
            _line(ax, curve.d, curve.proxy, end, **look, **plots.PROXY)
        ax.axhline(0, color="0.8", linewidth=0.7, marker="", zorder=0)
        ax.set(xlabel=DISTANCE, xlim=(0, end))
        ax.set_title(f"{optimizer}, by {_what(names)}", fontsize=10)
        plots.label_ends(ax)
    axes[0].set_ylabel(REWARD)
    _gold_solid_proxy_dashed(axes[0])
    _headline(fig, title)
    lowest = min(curve.proxy[-1].item() for curve in (*bons, *rls))
    return fig, (
        "Gold, solid, and proxy, dashed, against the square root of KL, both above the start's. "
        f"Best-of-n: {_peaks(bons, names)}. RL: {_peaks(rls, names)}. Proxies end at "
        f"{lowest:.1f} sd or more."
    )


def one_run(curve: Curve, gold: Tensor, i: int, width: int) -> tuple[Figure, str]:
    """Where one RL run is at its i-th point, and eight samples from there. gold: (8,), of them."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9))
    look = {"color": plots.COLORS[2]}
    left.plot(curve.d, curve.gold, label="gold", marker="", **look, **plots.GOLD)
    left.plot(curve.d, curve.proxy, label="proxy", **look, **plots.PROXY)
    for line in (curve.gold, curve.proxy):
        left.plot(curve.d[i], line[i], "o", color="black", markersize=7)
    left.axhline(0, color="0.8", linewidth=0.7, marker="", zorder=0)
    left.set(xlabel=DISTANCE, ylabel=REWARD)
    left.set_title(f"at d = {curve.d[i]:.1f}", fontsize=10)
    plots.label_ends(left)
    right.set_axis_off()
    right.set_title("   eight samples, and the gold of each (sd)", fontsize=10)
    for row, (tokens, worth) in enumerate(zip(curve.samples[i].tolist(), gold, strict=True)):
        text = " ".join("abcdefgh"[t] for t in tokens)
        line = f"{text}  {_signed(worth)}"
        right.text(0.04, 0.92 - row / 8.5, line, family="monospace", fontsize=9)
    _headline(fig, f"RL against the model of width {width}: gold {_signed(curve.gold[i])}, "
                   f"proxy {_signed(curve.proxy[i])}")  # fmt: skip
    return fig, (
        f"One RL run at d = {curve.d[i]:.1f} of {curve.d[-1]:.1f}: gold {_signed(curve.gold[i])}, "
        f"proxy {_signed(curve.proxy[i])}. Of its eight samples the gold is "
        f"{gold.min():.1f} to {gold.max():.1f}."
    )


def laws(
    pairs: Sequence[Pair], bon: Sequence[Tensor], rl: Sequence[Tensor], names: Sequence[str]
) -> tuple[Figure, str]:
    """Gold as points, each optimizer's fitted law as a line. bon, rl: α and β, a model each."""
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 3.2))
    off: list[list[float]] = [[], []]
    for i, name in enumerate(names):
        for which, (ax, (alpha, beta)) in enumerate(zip(axes, (bon[i], rl[i]), strict=True)):
            curve = pairs[i][which]
            look = {"color": plots.COLORS[i], "marker": plots.MARKERS[i]}
            ax.plot(curve.d, curve.gold, linestyle="", **look)
            d = torch.cat([torch.linspace(0, curve.d.max().item(), 200), curve.d])
            law = d * alpha - beta * (torch.xlogy(d, d) if which else d**2)
            off[which].append((law[200:] - curve.gold).abs().max().item())
            look = {"color": look["color"], "marker": "", "linewidth": 1.2, "label": name}
            ax.plot(d[:200], law[:200], **look)
    axes[0].set(xlabel=DISTANCE, ylabel="gold above the start's (sd)")
    axes[0].set_title("best-of-n: d (α − β d)", fontsize=10)
    axes[1].set(xlabel=DISTANCE)
    axes[1].set_title("RL: d (α − β log d)", fontsize=10)
    for ax in axes:
        plots.label_ends(ax)
    _headline(fig, "Two coefficients follow most of each curve")
    return fig, (
        "Gold under best-of-n and RL as points, the fitted laws as lines, for four reward models. "
        f"A point is at most {max(off[0]):.1f} sd from its line under best-of-n, and at "
        f"most {max(off[1]):.1f} sd under RL."
    )


def penalty(
    lines: Mapping[str, Curve], held: Mapping[float, Curve], end: float = 2.0
) -> tuple[Figure, str]:
    """Proxy and gold near the start; a cross where RL with each β ends."""
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 3.1), sharex=True)
    for ax, what in zip(axes, ("proxy", "gold"), strict=True):
        for i, (name, curve) in enumerate(lines.items()):
            look = {"color": plots.COLORS[i], **(plots.GOLD if what == "gold" else plots.PROXY)}
            look |= {"marker": plots.MARKERS[i], "label": name}
            _line(ax, curve.d, getattr(curve, what), end, **look)
        for curve in held.values():
            ax.plot(curve.d[-1], getattr(curve, what)[-1], "X", color="black", markersize=8)
        ax.set(xlabel=DISTANCE)
        ax.set_title(what, fontsize=10)
    axes[0].set_ylabel(REWARD)
    betas = sorted(held, key=lambda beta: held[beta].d[-1].item())
    crosses = "crosses, from the left:\nβ = " + ", ".join(f"{beta:g}" for beta in betas)
    axes[0].text(0.97, 0.06, crosses, transform=axes[0].transAxes, ha="right", fontsize=9)
    plots.label_ends(axes[1])
    _headline(fig, "RL with a penalty (crosses) ends above RL without one")
    ends = [(c, value_at(lines["RL"].d, lines["RL"].gold, c.d[-1].item())) for c in held.values()]
    gains = ", ".join(f"{c.gold[-1] - free:+.2f} sd" for c, free in ends)
    return fig, (
        "Proxy and gold against the square root of KL for RL, best-of-n and the exact optimum for "
        "the proxy, which best-of-n nearly reaches; RL is below both. Crosses: where RL with a KL "
        f"penalty ends. Against RL without one at that distance, gold there is {gains}."
    )


def judges(judged: Mapping[str, Pair]) -> tuple[Figure, str]:
    """Gold under one reward model and under several combined."""
    bons, rls = zip(*judged.values(), strict=True)
    end = bons[0].d[-1].item()
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 3), sharex=True, sharey=True)
    for ax, curves, optimizer in zip(axes, (bons, rls), ("best-of-n", "RL"), strict=True):
        for i, (name, curve) in enumerate(zip(judged, curves, strict=True)):
            look = {"color": plots.COLORS[i], "marker": plots.MARKERS[i], "label": name}
            _line(ax, curve.d, curve.gold, end, **look, **plots.GOLD)
        ax.axhline(0, color="0.8", linewidth=0.7, marker="", zorder=0)
        ax.set(xlabel=DISTANCE, xlim=(0, end))
        ax.set_title(optimizer, fontsize=10)
        plots.label_ends(ax)
    axes[0].set_ylabel("gold above the start's (sd)")
    _headline(fig, "Several judges help best-of-n, and RL hardly")
    return fig, (
        "Gold against the square root of KL for one reward model and for three ways to combine "
        f"five. Best-of-n: {_peaks(bons, [*judged])}. RL: {_peaks(rls, [*judged])}."
    )


def _line(ax: Axes, d: Tensor, y: Tensor, end: float, **look: Any) -> None:
    """A curve as far as d first reaches `end`, with marks where it was measured."""
    there = value_at(d, y, end)
    cut = int((d >= end).nonzero()[0]) if math.isfinite(there) else len(d)
    n_measured = cut + int((d[cut : cut + 1] == end).sum())
    x, y = d[:cut].tolist(), y[:cut].tolist()
    if cut < len(d):
        x, y = [*x, end], [*y, there]
    ax.plot(x, y, markevery=list(range(n_measured)), clip_on=False, **look)


def _peaks(curves: Sequence[Curve], names: Sequence[str]) -> str:
    """Where each curve's gold is highest and where it ends, in words."""
    return "; ".join(
        f"{name} peaks at {c.peak:.1f} sd, d = {c.peak_d:.1f}, and ends at {c.gold[-1]:.1f}"
        for c, name in zip(curves, names, strict=True)
    )


def _what(names: Sequence[str]) -> str:
    return "width" if "linear" in names else "comparisons"


def _listed(numbers: Sequence[int]) -> str:
    return " or ".join(map(str, sorted(set(numbers))))


def _signed(value: Tensor) -> str:
    return f"{value.item():+.1f}".replace("-", "−")


def _gold_solid_proxy_dashed(ax: Axes) -> None:
    gold = Line2D([], [], color="0.3", label="gold", **plots.GOLD)
    proxy = Line2D([], [], color="0.3", label="proxy", **plots.PROXY)
    ax.legend(handles=[gold, proxy], loc="upper left")


def _headline(fig: Figure, text: str) -> None:
    fig.suptitle(text, fontsize=11, x=0.02, ha="left")
