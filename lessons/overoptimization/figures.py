"""What the overoptimization lesson draws: a function a figure, which gives its alt text too."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lessons.overoptimization.experiments import Curve, Pair, Start
from lessons.overoptimization.readings import (
    ASKED,
    LAWS,
    SEEN,
    better_law,
    prediction_errors,
    up_to,
    value_at,
)
from utils import plots

DISTANCE = "d = √KL (√nats)"
REWARD = "reward above the start's (sd)"


def what_gold_pays(begin: Start, shown: Sequence[int] = (0, 1, 2)) -> tuple[Figure, str]:
    """What a token is worth by how often it occurs, and how often it does."""
    world = begin.world
    counts = torch.arange(world.length + 1)
    worth = world.weight[:, None] * world.appetite(counts / world.best_count[:, None])
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.5), sharex=True)
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
    _headline(fig, "Gold turns down where samples thin out")
    most = counts[worth[list(shown)].argmax(1)].tolist()
    rare, three = (max(share[k:].sum() for share in shares) for k in (5, 3))
    return fig, (
        "Left, the worth of three tokens against how often each occurs in a sequence: highest at "
        f"{_listed(most)} times, then back down to nothing. Right, how often each occurs in "
        f"samples: three times or more in at most {three:.0f} % of them, five times or more in at "
        f"most {rare:.0f} %."
    )


Rows = Mapping[str, Mapping[str, Sequence[Curve]]]  # optimizer, what differs, one curve a model


def gold_and_proxy(rows: Rows, title: str) -> tuple[Figure, str]:
    """Gold and proxy, a panel for each optimizer and each thing that differs; the peak is marked.

    Several curves of one panel are drawn as thin lines with their mean. As far as best-of-n goes.
    The mark is hollow where the highest point is the last, so that nothing has turned.
    """
    n_columns = max(map(len, rows.values()))
    fig, axes = plt.subplots(
        len(rows), n_columns, figsize=(7, 1.1 + 1.25 * len(rows)), sharex=True, sharey=True,
        squeeze=False,
    )  # fmt: skip
    said = []
    for optimizer, line, panels in zip(rows, axes, rows.values(), strict=True):
        for i, (ax, (name, curves)) in enumerate(zip(line, panels.items(), strict=True)):
            grid = torch.linspace(0, ASKED, 28)
            look = {"color": plots.COLORS[i]}
            gold = _along(curves, "gold", grid)
            drawn = plots.seed_lines(ax, grid, gold, "gold", **look, marker="", **plots.GOLD)
            plots.seed_lines(
                ax, grid, _along(curves, "proxy", grid), "proxy", **look, **plots.PROXY
            )
            peak_d, peak, turned = _top(curves)
            mark = {"color": "black", "fillstyle": "full" if turned else "none"}
            ax.plot(peak_d, peak, "v", markersize=7, zorder=6, clip_on=False, **mark)
            ax.axhline(0, color="0.8", linewidth=0.7, marker="", zorder=0)
            ax.set_title(f"{optimizer}, {name}", fontsize=9)
            height = torch.as_tensor(drawn.get_ydata())
            last = height[height.isfinite()][-1]
            then = f"then {last:.1f}" if turned else "still rising where we stop"
            said.append(f"{optimizer}, {name}: {peak:.1f} sd at d = {peak_d:.1f}, {then}")
        plots.label_ends(line[-1])
        line[0].set_ylabel("reward (sd)")
    for ax in axes[-1]:
        ax.set(xlabel="d = √KL", xlim=(0, ASKED))
    _headline(fig, title)
    return fig, (
        "Gold, solid, and proxy, dashed, above the start's, against the square root of KL; a "
        f"triangle marks where mean gold is highest, hollow at the last point. {'; '.join(said)}."
    )


def _top(curves: Sequence[Curve]) -> tuple[float, float, bool]:
    """Where mean gold is highest up to best-of-4,096: d, gold, and whether it turns there."""
    grid = torch.linspace(0, ASKED, 28)
    mean = _along(curves, "gold", grid).mean(0)
    top = int(mean.nan_to_num(nan=-torch.inf).argmax())
    turned = top + 1 < len(grid) and bool(mean[top + 1].isfinite())
    return grid[top].item(), mean[top].item(), turned


def higher_and_further(what: str, rows: Rows) -> str:
    """A title from the data: does the last panel of each row peak higher, and further, than the
    first? "Further" is said only of rows whose last panel turns."""
    higher, further = [], []
    for optimizer, panels in rows.items():
        first, *_, last = panels.values()
        (d, peak, _), (last_d, last_peak, turned) = _top(first), _top(last)
        higher += [optimizer] * (last_peak > peak)
        further += [optimizer] * (turned and last_d > d)
    if len(higher) < len(rows):
        return f"{what}: gold is higher under {higher[0] if higher else 'neither optimizer'}"
    where = f", and under {' and '.join(further)} further" if further else ""
    return f"{what} take gold higher{where}"


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
        f"{gold.min():.1f} to {gold.max():.1f}; the first reads "
        f"{''.join('abcdefgh'[t] for t in curve.samples[i][0].tolist())}."
    )


def laws(pairs: Mapping[str, Pair]) -> tuple[Figure, str]:
    """Both laws fitted to the nearer points, drawn on to the further ones. pairs: by model."""
    fig, axes = plt.subplots(2, len(pairs), figsize=(7, 3.6), sharex=True, sharey=True)
    looks = {"bon law": {"linestyle": "-", "label": "d (α − β d)"},
             "rl law": {"linestyle": ":", "label": "d (α − β log d)"}}  # fmt: skip
    for column, (name, pair) in zip(axes.T, pairs.items(), strict=True):
        for ax, curve, optimizer in zip(column, pair, ("best-of-n", "RL"), strict=True):
            d, gold = up_to(curve, ASKED)
            seen = d <= SEEN + 1e-6
            ax.plot(d[seen], gold[seen], "o", color=plots.COLORS[0])
            ax.plot(d[~seen], gold[~seen], "o", color=plots.COLORS[0], fillstyle="none")
            grid = torch.linspace(0, ASKED, 100)
            for (law, look), color in zip(looks.items(), ("0.2", plots.COLORS[3]), strict=True):
                fit, form = LAWS[law]
                fitted = form(grid, *fit(*up_to(curve, SEEN)).tolist())
                ax.plot(grid, fitted, marker="", linewidth=1.5, color=color, **look)
            ax.axvline(SEEN, color="0.8", linewidth=0.7, marker="", zorder=0)
            ax.set_title(f"{optimizer}, {name}", fontsize=9)
    for ax in axes[:, -1]:
        plots.label_ends(ax)
    for ax in axes[:, 0]:
        ax.set_ylabel("gold (sd)")
    for ax in axes[-1]:
        ax.set(xlabel="d = √KL", xlim=(0, None))
    errors = [prediction_errors([pair[i] for pair in pairs.values()]) for i in (0, 1)]
    axes[0, 0].text(SEEN - 0.06, 0.04, "fitted", ha="right", fontsize=7,
                    transform=axes[0, 0].get_xaxis_transform())  # fmt: skip
    axes[0, 0].text(SEEN + 0.06, 0.04, "asked", fontsize=7,
                    transform=axes[0, 0].get_xaxis_transform())  # fmt: skip
    called = {"bon law": "best-of-n's law", "rl law": "RL's law", "neither": "a tie"}
    first, second = (
        "no curve gets there" if math.isnan(error["rl law"]) else called[better_law(error)]
        for error in errors
    )
    _headline(fig, f"Who predicts beyond the gray line? Best-of-n: {first}. RL: {second}")
    told = [
        f"{optimizer}: mean error {e['bon law']:.2f} sd with d (α − β d), {e['rl law']:.2f} sd "
        "with d (α − β log d)"
        for optimizer, e in zip(("Best-of-n", "RL"), errors, strict=True)
    ]
    return fig, (
        "Gold as points against the square root of KL, for each reward model under both "
        "optimizers. Two laws are fitted to the filled points and drawn on to the open ones. At "
        f"d = {ASKED:.1f}, {'; '.join(told)}."
    )


def penalty(
    lines: Mapping[str, Sequence[Curve]], held: Mapping[float, Curve], end: float = 2.0
) -> tuple[Figure, str]:
    """Proxy and gold near the start; a cross where RL with each β ends, against the first RL."""
    fig, axes = plt.subplots(1, 2, figsize=(7, 2.8), sharex=True, sharey=True)
    grid = torch.linspace(0, end, 21)
    for ax, what in zip(axes, ("proxy", "gold"), strict=True):
        for i, (name, curves) in enumerate(lines.items()):
            look = plots.GOLD if what == "gold" else plots.PROXY
            drawn = _along(curves, what, grid)
            plots.seed_lines(
                ax, grid, drawn, name, color=plots.COLORS[i], **(look | {"marker": ""})
            )
        for beta, curve in held.items():
            at = (curve.d[-1].item(), getattr(curve, what)[-1].item())
            ax.plot(*at, "X", color="black", markersize=8, zorder=6)
            beside = (9, -3) if what == "gold" else (7, -11)  # clear of the lines
            ax.annotate(f"β = {beta:g}", at, beside, textcoords="offset points", fontsize=8)
        ax.set(xlabel="d = √KL", xlim=(0, end))
        ax.set_title(what, fontsize=10)
        ax.margins(y=0.1)
    axes[0].set_ylabel(REWARD)
    plots.label_ends(axes[1])
    free = lines["RL"][0]
    gains = {
        beta: (c.gold[-1] - value_at(free.d, free.gold, c.d[-1].item())).item()
        for beta, c in held.items()
    }
    above = all(gain > 0 for gain in gains.values())
    more = "has more gold" if above else "does not always have more gold"
    _headline(fig, f"At the same KL, RL with a penalty (crosses) {more}")
    told = ", ".join(f"{gain:+.2f} sd at β = {beta:g}" for beta, gain in gains.items())
    return fig, (
        "Proxy and gold against the square root of KL for RL and best-of-n, two reward models "
        "each, and the exact optimum for the proxy. Crosses: where RL with a KL penalty "
        "ends, a run each. "
        f"Against RL without one at that distance, its gold is {told}."
    )


def judges(
    bons: Mapping[str, Sequence[Curve]], rls: Mapping[str, Sequence[Curve]]
) -> tuple[Figure, str]:
    """Gold under single reward models and under several combined."""
    fig, axes = plt.subplots(1, 2, figsize=(7, 2.6), sharey=True)
    names = ("each alone", "mean", "worst", "uncertainty", "judge 1 alone", "judge 2 alone")
    ends = {}
    for ax, group, optimizer in zip(axes, (bons, rls), ("best-of-n", "RL"), strict=True):
        furthest = max(c.d.max().item() for curves in group.values() for c in curves)
        grid = torch.linspace(0, furthest, 28)
        for name, curves in group.items():
            i = names.index(name)
            look = {"color": plots.COLORS[i], "marker": plots.MARKERS[i], "markevery": 3}
            gold = _along(curves, "gold", grid)
            plots.seed_lines(ax, grid, gold, name, **look, **plots.GOLD)
            mean = gold.mean(0)
            ends[optimizer, name] = mean[mean.isfinite()][-1].item(), mean.nan_to_num(-9).max()
        ax.axhline(0, color="0.8", linewidth=0.7, marker="", zorder=0)
        ax.set(xlabel="d = √KL", xlim=(0, furthest))
        ax.set_title(optimizer, fontsize=10)
        plots.label_ends(ax)
    axes[0].set_ylabel("gold above the start's (sd)")
    fall = sum(c.fall for c in rls["worst"]) / len(rls["worst"])
    alone, worst = (ends["best-of-n", name][0] for name in ("each alone", "worst"))
    side = "above" if worst > alone else "below"
    _headline(
        fig, f"Worst case: best-of-n ends {side} its members' mean, RL falls by {fall:.1f} sd"
    )
    told = [
        f"{optimizer}, {name}: highest {top:.2f} sd, at the end {end:.2f}"
        for (optimizer, name), (end, top) in ends.items()
    ]
    return fig, f"Gold against the square root of KL. {'; '.join(told)}."


def second_world(curves: Mapping[str, Curve]) -> tuple[Figure, str]:
    """Gold and proxy of best-of-n, a panel for each kind of noise."""
    fig, axes = plt.subplots(1, len(curves), figsize=(7, 2.5), sharex=True, sharey=True)
    top = 9.0  # the heavy-tailed proxy goes on to several times that
    grid = torch.linspace(0, ASKED, 100)
    for i, (ax, (name, curve)) in enumerate(zip(axes, curves.items(), strict=True)):
        look = {"color": plots.COLORS[i]}
        ax.plot(curve.d, curve.gold, label="gold", marker=plots.MARKERS[i], **look, **plots.GOLD)
        (promised,) = _along([curve], "proxy", grid)
        shown = promised.where(promised <= top, torch.nan)
        ax.plot(grid, shown, label="proxy", **look, **plots.PROXY)
        if curve.proxy[-1] > top:
            text = f"proxy, on to {curve.proxy[-1]:.0f}"
            ax.text(0.04, 0.96, text, transform=ax.transAxes, va="top", fontsize=8)
        ax.axhline(0, color="0.8", linewidth=0.7, marker="", zorder=0)
        ax.set(xlabel="d = √KL", xlim=(0, ASKED), ylim=(-0.3, top))
        ax.set_title(name, fontsize=10)
    plots.label_ends(axes[-1])
    axes[0].set_ylabel("reward (sd of gold)")
    _headline(fig, "Same gold, same variance of the noise: only heavy tails turn gold down")
    told = [
        f"{name}: gold is highest at d = {c.peak_d:.1f}, {c.peak:.2f} sd, and "
        f"{c.gold[-1]:.2f} at best-of-4,096, where the proxy is {c.proxy[-1]:.1f}"
        for name, c in curves.items()
    ]
    return fig, f"Best-of-n when the proxy is gold plus noise. {'; '.join(told)}."


def _along(curves: Sequence[Curve], what: str, grid: Tensor) -> Tensor:
    """Each curve's gold or proxy where it first reaches each d of a grid, NaN beyond its end."""
    return torch.stack(
        [
            torch.tensor([value_at(c.d, getattr(c, what), d - 1e-6) for d in grid.tolist()])
            for c in curves
        ]
    )


def _listed(numbers: Sequence[int]) -> str:
    return " or ".join(map(str, sorted(set(numbers))))


def _signed(value: Tensor) -> str:
    return f"{value.item():+.1f}".replace("-", "−")


def _headline(fig: Figure, text: str) -> None:
    fig.suptitle(text, fontsize=11, x=0.02, ha="left")
