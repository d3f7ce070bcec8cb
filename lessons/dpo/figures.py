"""What the DPO lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lessons.dpo.experiments import Probe, Run
from lessons.dpo.tables import BIASED, EVEN, PEOPLE, rlhf_optimum
from utils import plots

REWARDS = 30.0  # implicit rewards are drawn to this; those beyond lie on the edge
LOWEST = -1.3  # sd of gold: RL falls out of the picture


def few_pairs(
    reward: Tensor, enough: Tensor, few: Tensor, sizes: Sequence[int], apart: Sequence[float],
    far: float,
) -> tuple[Figure, str]:  # fmt: skip
    """Implicit against true reward of each answer; distance to RLHF's optimum against pairs.

    enough, few: implicit rewards with every pair and with 1,000. far: of the reference itself.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3))
    for implied, name in ((few, "1,000 pairs"), (enough, "every pair")):
        shown = (implied - implied.median()).clamp(-REWARDS, REWARDS)
        left.plot(reward, shown, linestyle="", markersize=3, label=name)
    left.set_yticks([-REWARDS, 0, REWARDS], labels=[f"≤ −{REWARDS:g}", "0", f"≥ {REWARDS:g}"])
    left.set(xlabel="true reward", ylabel="implicit reward, less its median")
    left.set_title("1,000 pairs leave rewards unknown")
    left.legend(loc="lower right", frameon=True, framealpha=1, handletextpad=0)
    right.plot(sizes, apart)
    right.axhline(far, color="black", linestyle="--", linewidth=1, marker="")
    right.text(sizes[0], far - 0.07, "the reference itself", fontsize=9)
    right.set(xscale="log", ylim=(0, 1.02), xlabel="pairs", ylabel="total variation")
    right.set_title("DPO's optimum nears RLHF's late")
    outside = int(((few - few.median()).abs() > REWARDS).sum())
    return fig, (
        "Left: with every pair the implicit reward is the true reward, a straight line; with 1,000 "
        f"pairs it is unrelated to it, and {outside} of {len(few)} answers lie {REWARDS:g} or more "
        "from the median. Right: total variation between DPO's optimum and RLHF's against pairs, "
        f"from {apart[0]:.2f} at {sizes[0]:,} to {apart[-1]:.2f} at {sizes[-1]:,}; "
        f"the reference is {far:.2f} away."
    )


def both_fall(probes: Sequence[Probe]) -> tuple[Figure, str]:
    """Change of the log-probability of chosen and rejected answers, and the margin, by step."""
    fig, ax = plt.subplots(figsize=(5.4, 3))
    steps = [p.step for p in probes]
    ax.plot(steps, [p.chosen - p.rejected for p in probes], label="margin")
    ax.plot(steps, [p.chosen for p in probes], label="chosen")
    ax.plot(steps, [p.rejected for p in probes], label="rejected")
    ax.axhline(0, color="0.7", linewidth=0.8, marker="")
    ax.set(xlabel="step", ylabel="change of log-probability (nats)")
    ax.set_title("Both get less likely, and the margin grows")
    plots.label_ends(ax)
    end = probes[-1]
    return fig, (
        f"Change of log-probability over {end.step} steps: chosen answers end at "
        f"{end.chosen:.0f} nats, rejected ones at {end.rejected:.0f}, the margin between them at "
        f"{end.chosen - end.rejected:.0f}."
    )


def gold_turns_down(
    curves: Mapping[Run, Sequence[Probe]], rl: Sequence[Probe]
) -> tuple[Figure, str]:
    """Gold against √KL: DPO left, the others and RL right. Each end has a large mark."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.2), sharey=True)
    ordered = sorted(curves.items(), key=lambda item: -item[0].beta)
    dpo = {f"β = {run.beta:g}": probes for run, probes in ordered if run.method == "DPO"}
    others = {run.method: probes for run, probes in ordered if run.method != "DPO"} | {"RL": rl}
    looks = iter(zip(plots.COLORS, plots.MARKERS, strict=True))
    for ax, panel in zip(axes, (dpo, others), strict=True):
        for name, probes in panel.items():
            color, marker = next(looks)
            _path(ax, probes, name, "black" if name == "RL" else color, marker)
        ax.set(xlabel="√KL to the reference (√nats)", ylim=(LOWEST, None))
        shown = [p.distance for probes in panel.values() for p in probes if p.gold > LOWEST]
        ax.set_xlim(-0.05, 1.03 * max(shown))
    axes[0].set(ylabel="gold (sd)", title="DPO turns down at a small β")
    axes[1].set_title("So do IPO and KTO at a small β, and RL")
    ends = [
        f"{name} {max(p.gold for p in probes):.1f} and {probes[-1].gold:.1f}"
        for name, probes in (dpo | others).items()
    ]
    return fig, (
        "Gold against the square root of KL, a curve a run, each from the reference outwards. "
        f"Highest gold and gold at the end, in sd: {', '.join(ends)}."
    )


def _path(ax: Axes, probes: Sequence[Probe], name: str, color: str, marker: str) -> None:
    """One policy's way, named at its end, or before it leaves the picture."""
    x, y = [p.distance for p in probes], [p.gold for p in probes]
    ax.plot(x, y, color=color, marker=marker, **plots.GOLD)
    ax.plot(x[-1:], y[-1:], color=color, marker=marker, markersize=8)
    end, offset, side = -1, (7, -3), "left"
    if y[-1] < LOWEST:
        end = next(i for i, below in enumerate(y[1:]) if below < LOWEST)
        name = f"{name}, on to −{-y[-1]:.0f}"
    elif name == "β = 1":  # others pass it
        offset, side = (2, 8), "right"
    ax.annotate(name, (x[end], y[end]), offset, textcoords="offset points", color=color, ha=side)


def noise(gold: Mapping[Run, float]) -> tuple[Figure, str]:
    """Gold at the end against the share of flipped labels, a line a method."""
    fig, ax = plt.subplots(figsize=(5.4, 3.2))
    methods = list(dict.fromkeys(run.method for run in gold))
    said = []
    for method in methods:
        points = sorted((100 * r.flip_rate, y) for r, y in gold.items() if r.method == method)
        ax.plot(*zip(*points, strict=True), label=method)
        said.append(f"{method} " + ", ".join(f"{y:.1f}" for _, y in points))
    ax.set(xlabel="flipped labels (%)", ylabel="gold at the end (sd)")
    ax.set_xticks(sorted({100 * run.flip_rate for run in gold}))
    ax.set_title("Flipped labels cost every method dear")
    plots.label_ends(ax)
    return fig, f"Gold at the end of training, fewest to most flipped labels: {'; '.join(said)}."


def shares_by_beta() -> tuple[Figure, str]:
    """What share of answers RLHF's or DPO's optimum gives to each of three answers, against β."""
    betas = torch.logspace(-1, 1, 13, dtype=torch.float64)
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.9), sharey=True)
    titles = "Even reference: right at β = 1 alone", "Biased reference: right at no β"
    for ax, reference, title in zip(axes, (EVEN, BIASED), titles, strict=True):
        optima = [rlhf_optimum(PEOPLE.log(), reference.log(), b).exp() for b in betas.tolist()]
        for i, share in enumerate(PEOPLE.tolist()):
            color, marker = plots.COLORS[i], plots.MARKERS[i]
            label = f"{100 * share:.0f} % like it"
            ax.plot(betas, torch.stack(optima)[:, i], color=color, marker=marker, label=label)
            ax.axhline(share, color=color, linestyle="--", linewidth=1, marker="")
        ax.set(xscale="log", xlabel="β (dashed: people's shares)", ylim=(-0.02, 1.02), title=title)
    axes[0].set_ylabel("share of answers")
    plots.label_ends(axes[1])
    return fig, (
        "Share of each of three answers against beta. At small beta the answer that 60 percent "
        "like takes everything. With the even reference the three shares are people's at beta 1 "
        "and become equal beyond; with the biased one they end at the reference's and are never "
        "people's."
    )


def shares_at(beta: float) -> tuple[Figure, str]:
    """The three shares as bars: people's, and the optimum's from either reference."""
    fig, ax = plt.subplots(figsize=(6.6, 2.4))
    rows = {"people, and matching": PEOPLE}
    for name, reference in (("even", EVEN), ("biased", BIASED)):
        rows[f"RLHF or DPO, {name} reference"] = rlhf_optimum(
            PEOPLE.log(), reference.log(), beta
        ).exp()
    for row, shares in enumerate(rows.values()):
        starts = shares.cumsum(0) - shares
        for i, (left, share) in enumerate(zip(starts.tolist(), shares.tolist(), strict=True)):
            ax.barh(row, share, left=left, color=plots.COLORS[i], edgecolor="white")
            if share > 0.06:  # else there is no room
                where = (left + share / 2, row)
                color = "white" if i == 0 else "black"
                ax.annotate(f"{100 * share:.0f} %", where, ha="center", va="center", color=color)
    ax.set_yticks(range(3), labels=list(rows))
    ax.set(xlabel="share of answers (liked by 60, 30 and 10 %)", xlim=(0, 1))
    ax.invert_yaxis()
    favorite = [100 * shares[0].item() for shares in rows.values()]
    ax.set_title(f"β = {beta:g} gives the favorite {favorite[1]:.0f} % or {favorite[2]:.0f} %")
    said = [
        f"{name} {', '.join(f'{100 * x:.0f} %' for x in shares.tolist())}"
        for name, shares in rows.items()
    ]
    return fig, f"Shares of three answers at beta {beta:g}: {'; '.join(said)}."
