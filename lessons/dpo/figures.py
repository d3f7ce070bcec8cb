"""What the DPO lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lessons.dpo import law
from lessons.dpo.experiments import Probe, Run
from lessons.dpo.tables import BIASED, EVEN, PEOPLE, rlhf_optimum
from utils import claims, plots

REWARDS = 30.0  # implicit rewards are drawn to this; those beyond lie on the edge
LOWEST = -1.3  # sd of gold: RL falls out of the picture


def few_pairs(
    reward: Tensor, enough: Tensor, few: Tensor, n_pairs: int, sizes: Sequence[int],
    apart: Mapping[str, Sequence[Sequence[float]]], far: float,
) -> tuple[Figure, str]:  # fmt: skip
    """Implicit against true reward of each answer; distance to RLHF's optimum against pairs.

    enough, few: implicit rewards with every pair and with n_pairs. apart: of DPO, RLHF on the same
    pairs and RLHF with a ridge, a row a draw of pairs. far: of the reference itself.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.1))
    for implied in (few, enough):
        shown = (implied - implied.median()).clamp(-REWARDS, REWARDS)
        left.plot(reward, shown, linestyle="", markersize=3)
    blue, _, green = plots.COLORS[:3]
    left.text(-4.6, 19, f"{n_pairs:,} pairs", color=blue, fontsize=9)
    left.text(-4.6, -12, "every pair", color="#A06A00", fontsize=9)  # the orange, dark for text
    left.set_yticks([-REWARDS, 0, REWARDS], labels=[f"≤ −{REWARDS:g}", "0", f"≥ {REWARDS:g}"])
    left.set(xlabel="true reward", ylabel="implicit reward, less its median")
    left.set_title(f"{n_pairs:,} pairs leave rewards unknown")
    dpo, same, ridge = apart.values()
    red = plots.COLORS[3]
    plots.seed_lines(right, sizes, dpo, color=blue, marker="o")
    mean = [sum(x) / len(x) for x in zip(*same, strict=True)]
    look = {"linestyle": "", "fillstyle": "none", "markersize": 9}
    right.plot(sizes[: len(mean)], mean, color=red, marker="s", **look)
    plots.seed_lines(right, sizes, ridge, color=green, marker="^")
    right.axhline(far, color="black", linestyle="--", linewidth=1, marker="")
    for y, color, said in (
        (0.81, blue, "● DPO"),
        (0.71, red, "□ RLHF, same pairs"),
        (far + 0.03, "black", "the reference itself"),
        (0.1, green, "▲ RLHF, with a ridge"),
    ):
        right.text(sizes[0], y, said, color=color, fontsize=9)
    right.set(xscale="log", ylim=(0, 1.05), xlabel="pairs", ylabel="total variation to π*")
    right.set_title("RLHF is no better without a ridge")
    outside = int(((few - few.median()).abs() > REWARDS).sum())
    first, last = ([sum(x) / len(x) for x in zip(*runs, strict=True)] for runs in (dpo, ridge))
    return fig, (
        "Left: with every pair the implicit reward is the true reward, a straight line; with "
        f"{n_pairs:,} pairs it is unrelated to it, and {outside} of {len(few)} answers lie "
        f"{REWARDS:g} or more from the median. "
        "Right: total variation to RLHF's optimum against pairs. DPO and RLHF on "
        f"rewards of the same pairs coincide, from {first[0]:.2f} at {sizes[0]:,} to "
        f"{first[-1]:.2f} at {sizes[-1]:,}; with a ridge it is {last[0]:.2f} to {last[-1]:.2f}; "
        f"the reference is {far:.2f} away."
    )


def both_fall(probes: Sequence[Probe]) -> tuple[Figure, str]:
    """Change of log-probability by step: chosen, rejected and fresh answers, and the margin."""
    fig, ax = plt.subplots(figsize=(5.4, 3))
    steps = [p.step for p in probes]
    ax.plot(steps, [p.chosen - p.rejected for p in probes], label="margin")
    ax.plot(steps, [p.chosen for p in probes], label="chosen")
    ax.plot(steps, [p.rejected for p in probes], label="rejected")
    ax.plot(steps, [p.fresh for p in probes], "--", color="0.45", marker="", label="fresh answers")
    ax.axhline(0, color="0.7", linewidth=0.8, marker="")
    ax.set(xlabel="step", ylabel="change of log-probability (nats)")
    ax.set_title("Both get less likely, and the margin grows")
    plots.label_ends(ax)
    end = probes[-1]
    return fig, (
        f"Change of log-probability over {end.step} steps: chosen answers end at "
        f"{end.chosen:.0f} nats, rejected ones at {end.rejected:.0f}, fresh answers of the "
        f"reference between them at {end.fresh:.0f}. "
        f"The margin is {end.chosen - end.rejected:.0f}."
    )


def gold_turns_down(
    curves: Mapping[Run, Sequence[Probe]], rl: Sequence[Probe]
) -> tuple[Figure, str]:
    """Gold against √KL: DPO and the law fitted to it left, the others and RL right."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.2), sharey=True)
    ordered = sorted(curves.items(), key=lambda item: -item[0].beta)
    dpo = {f"β = {run.beta:g}": probes for run, probes in ordered if run.method == "DPO"}
    others = {run.method: probes for run, probes in ordered if run.method != "DPO"} | {"RL": rl}
    looks = cycle(zip(plots.COLORS, plots.MARKERS, strict=True))
    for ax, panel in zip(axes, (dpo, others), strict=True):
        for name, probes in panel.items():
            color, marker = next(looks)
            _path(ax, probes, name, "black" if name == "RL" else color, marker)
        ax.set(xlabel="√KL to the reference (√nats)", ylim=(LOWEST, None))
        shown = [p.distance for probes in panel.values() for p in probes if p.gold > LOWEST]
        ax.set_xlim(-0.05, 1.03 * max(shown))
    d = torch.linspace(0, axes[0].get_xlim()[1], 100, dtype=torch.float64)
    distance, gold = law.seen([*dpo.values()])
    weights, _ = law.fit(law.rl_law(distance), gold)
    axes[0].plot(d, law.rl_law(d) @ weights, color="0.45", linestyle=":", marker="")
    said = "dotted: d (α − β log d),\nfitted to all three"
    axes[0].text(0.03 * d[-1], -0.5, said, color="0.35", fontsize=9)
    axes[0].set(ylabel="gold (sd)", title="DPO turns down at a small β")
    axes[1].set_title("So do IPO and KTO at a small β, and RL")
    ends = [
        f"{name} {max(p.gold for p in probes):.1f} and {probes[-1].gold:.1f}"
        for name, probes in (dpo | others).items()
    ]
    return fig, (
        "Gold against the square root of KL, a curve a run, each from the reference outwards, and "
        "left the law of Gao et al. fitted to DPO's three curves, which rises and then levels off. "
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
    elif name.startswith("β"):  # two end close to each other
        offset = (7, 4 if name == "β = 0.1" else -11)
    ax.annotate(name, (x[end], y[end]), offset, textcoords="offset points", color=color, ha=side)


def noise(gold: Mapping[Run, float]) -> tuple[Figure, str]:
    """Gold against the share of flipped labels, a line a method.

    Right of it the gains over DPO that the claims found, a mark a seed.
    """
    of_claims = {"Dr. DPO": "dr_dpo_beats_dpo", "robust": "robust_dpo_wins_under_noise"}
    gains = {method: _by_seed(name) for method, name in of_claims.items()}
    fig, (ax, right) = plt.subplots(1, 2, figsize=(7.4, 3.1), width_ratios=(3, 2))
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
    for x, (method, found) in enumerate(gains.items()):
        look = methods.index(method)
        spread = [x + 0.03 * (i - len(found) / 2) for i in range(len(found))]
        color, marker = plots.COLORS[look], plots.MARKERS[look]
        right.plot(spread, found, linestyle="", color=color, marker=marker)
        said.append(f"{method} gains over DPO, by seed " + ", ".join(f"{y:.2f}" for y in found))
    right.axhline(0, color="0.7", linewidth=0.8, marker="")
    labels = {"Dr. DPO": "Dr. DPO, the least\nof three rates", "robust": "robust,\nat 40 % flips"}
    right.set_xticks(range(len(gains)), labels=[labels[method] for method in gains])
    right.set(xlim=(-0.5, len(gains) - 0.5), ylabel="gain (sd), a mark a seed")
    better = " and ".join(str(sum(y > 0 for y in found)) for found in gains.values())
    right.set_title(f"Gains in {better} of {max(map(len, gains.values()))} seeds")
    return fig, f"Gold at the end of training, fewest to most flipped labels: {'; '.join(said)}."


def _by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("dpo", claim)]


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
