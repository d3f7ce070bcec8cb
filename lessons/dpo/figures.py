"""What the DPO lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lessons.dpo import law
from lessons.dpo.experiments import Probe, Run, fall
from lessons.dpo.tables import BIASED, EVEN, PEOPLE, rlhf_optimum
from utils import claims, plots

REWARDS = 30.0  # implicit rewards are drawn to this; those beyond lie on the edge
LOWEST = -1.3  # sd of gold: RL falls out of the picture


def few_pairs(
    reward: Tensor, enough: Tensor, few: Tensor, wins: Tensor, sizes: Sequence[int],
    apart: Mapping[str, Sequence[Sequence[float]]], far: float,
) -> tuple[Figure, str]:  # fmt: skip
    """Implicit against true reward of each answer; distance to RLHF's optimum against pairs.

    enough, few: implicit rewards with every pair and with those of wins. apart: of DPO, RLHF on the
    same pairs, and both with a ridge, a row a draw of pairs. far: of the reference itself.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.1))
    n_pairs, never = int(wins.sum()), (wins + wins.T).sum(0) == 0
    shown = (few - few.median()).clamp(-REWARDS, REWARDS)
    blue, orange, green, red = plots.COLORS[:4]
    dots = {"linestyle": "", "marker": "o", "markersize": 3}
    left.plot(reward[~never], shown[~never], color=blue, **dots)
    left.plot(reward[never], shown[never], color="0.6", **dots)
    left.plot(reward, enough - enough.median(), color=orange, **dots | {"marker": "s"})
    left.text(-4.6, 19, f"{n_pairs:,} pairs", color=blue, fontsize=9)
    if never.any():
        left.text(-4.6, 7, "never drawn", color="0.4", fontsize=9)
    left.text(-4.6, -12, "every pair", color="#A06A00", fontsize=9)  # the orange, dark for text
    left.set_yticks([-REWARDS, 0, REWARDS], labels=[f"≤ −{REWARDS:g}", "0", f"≥ {REWARDS:g}"])
    left.set(xlabel="true reward", ylabel="implicit reward, less its median")
    left.set_title(f"Rewards implied by {n_pairs:,} pairs")
    mean = {name: [sum(x) / len(x) for x in zip(*row, strict=True)] for name, row in apart.items()}
    dpo, same, dpo_ridge, ridge = mean
    hollow = {"linestyle": "", "fillstyle": "none", "markersize": 9}
    for row in apart[dpo]:  # no mean: between two draws there may be nothing
        right.plot(sizes, row, color=blue, marker="o", linewidth=1)
    right.plot(sizes[: len(mean[same])], mean[same], color=red, marker="s", **hollow)
    plots.seed_lines(right, sizes, apart[ridge], color=green, marker="^")
    right.plot(sizes[: len(mean[dpo_ridge])], mean[dpo_ridge], color=blue, marker="D", **hollow)
    right.axhline(far, color="black", linestyle="--", linewidth=1, marker="")
    for y, color, said in (
        (0.81, blue, "● DPO"),
        (0.71, red, "□ RLHF, same pairs"),
        (far + 0.03, "black", "the reference itself"),
        (0.17, green, "▲ RLHF, with a ridge"),
        (0.07, blue, "◇ DPO, with a ridge"),
    ):
        right.text(sizes[0], y, said, color=color, fontsize=9)
    right.set(xscale="log", ylim=(0, 1.05), xlabel="pairs", ylabel="total variation to π*")
    right.set_xticks(sizes, labels=[f"{n:,}" for n in sizes])
    helps = max(*mean[ridge], *mean[dpo_ridge]) < far < min(mean[dpo][0], mean[same][0])
    right.set_title("A ridge helps RLHF and DPO alike" if helps else "Distance to RLHF's optimum")
    outside = int(((few - few.median()).abs() > REWARDS).sum())
    alike = torch.corrcoef(torch.stack([reward, shown]))[0, 1].item()
    ways = [f"{name} {row[0]:.2f} to {row[-1]:.2f}" for name, row in mean.items()]
    return fig, (
        "Left: with every pair the implicit reward is the true reward, a straight line; with "
        f"{n_pairs:,} pairs its correlation with the true reward is {alike:.2f}, {outside} of "
        f"{len(few)} answers lie {REWARDS:g} or more from the median, and {int(never.sum())} were "
        f"never drawn. Right: total variation to RLHF's optimum, from {sizes[0]:,} pairs on: "
        f"{'; '.join(ways)}. The reference is {far:.2f} away."
    )


def both_fall(probes: Sequence[Probe]) -> tuple[Figure, str]:
    """By step: change of log-probability of chosen, rejected and fresh answers; gold beside it."""
    fig, (ax, right) = plt.subplots(1, 2, figsize=(7.4, 3), width_ratios=(3, 2))
    steps = [p.step for p in probes]
    ax.plot(steps, [p.chosen - p.rejected for p in probes], label="chosen − rejected")
    ax.plot(steps, [p.chosen for p in probes], label="chosen")
    ax.plot(steps, [p.rejected for p in probes], label="rejected")
    ax.plot(steps, [p.fresh for p in probes], "--", color="0.45", marker="", label="fresh answers")
    ax.axhline(0, color="0.7", linewidth=0.8, marker="")
    ax.set(xlabel="step", ylabel="change of log-probability (nats)")
    end = probes[-1]
    both = end.rejected < end.chosen < 0
    ax.set_title("Both get less likely" if both else "How answers moved")
    plots.label_ends(ax)
    gold = [p.gold for p in probes]
    right.plot(steps, gold, color="black", **plots.GOLD)
    right.set(xlabel="step", ylabel="gold (sd)")
    right.set_title("And yet gold rises" if both and gold[-1] > gold[0] + 0.2 else "Gold meanwhile")
    return fig, (
        f"Change of log-probability over {end.step} steps: chosen answers end at "
        f"{end.chosen:.0f} nats, rejected ones at {end.rejected:.0f}, fresh answers of the "
        f"reference at {end.fresh:.0f}. "
        f"Chosen less rejected is {end.chosen - end.rejected:.0f}. "
        f"Right: gold goes from {gold[0]:.1f} to {gold[-1]:.1f} sd."
    )


# What a path's fall was in each seed: claim, method, look.
FALLS = (
    ("dpo_overoptimizes", "DPO"), ("ipo_overoptimizes_later", "IPO"), ("kto_overoptimizes", "KTO"),
)  # fmt: skip


def gold_turns_down(
    curves: Mapping[Run, Sequence[Probe]], rl: Sequence[Probe]
) -> tuple[Figure, str]:
    """Gold against √KL: DPO and the law fitted to it, the others and RL; falls in the claims."""
    fig, axes = plt.subplots(1, 3, figsize=(8.4, 3.3), width_ratios=(3, 3, 2))
    ordered = sorted(curves.items(), key=lambda item: -item[0].beta)
    dpo = {f"β = {run.beta:g}": probes for run, probes in ordered if run.method == "DPO"}
    others = {run.method: probes for run, probes in ordered if run.method != "DPO"} | {"RL": rl}
    looks = cycle(zip(plots.COLORS, plots.MARKERS, strict=True))
    colors = {}
    for ax, panel in zip(axes[:2], (dpo, others), strict=True):
        for name, probes in panel.items():
            color, marker = colors[name] = next(looks)
            _path(ax, probes, name, "black" if name == "RL" else color, marker)
        ax.set(xlabel="√KL to the reference (√nats)")
        shown = [p.distance for probes in panel.values() for p in probes if p.gold > LOWEST]
        ax.set_xlim(-0.05, 1.03 * max(shown))
    top = max(ax.get_ylim()[1] for ax in axes[:2])
    for ax in axes[:2]:
        ax.set_ylim(LOWEST, top)
    d = torch.linspace(0, axes[0].get_xlim()[1], 100, dtype=torch.float64)
    distance, gold = law.seen([*dpo.values()])
    weights, _ = law.fit(law.rl_law(distance), gold)
    axes[0].plot(d, law.rl_law(d) @ weights, color="0.45", linestyle=":", marker="")
    said = "dotted: d (a − b log d),\nd = √KL, fitted to all"
    axes[0].text(0.03 * d[-1], -0.9, said, color="0.35", fontsize=9)
    axes[0].set(ylabel="gold (sd)", title="DPO, one seed")
    axes[1].set_title(f"{', '.join(others)}, the same seed")
    told = _falls(axes[2], colors)
    ends = [f"{name} {fall(probes):.2f}" for name, probes in (dpo | others).items()]
    return fig, (
        "Gold against the square root of KL in one seed, DPO at its values of beta left, "
        f"{', '.join(others)} in the middle; large marks are the ends. Dotted beside DPO the law "
        "d times (a minus b log d), fitted to all its probes. By so many sd gold ends below its "
        f"peak, neighboring probes averaged: {', '.join(ends)}. {told}"
    )


def _falls(ax: Axes, colors: Mapping[str, tuple[str, str]]) -> str:
    """The falls that the claims measured, a mark a seed, and the bound. Returns what it shows."""
    counts, told = [], []
    for x, (claim, name) in enumerate(FALLS):
        found = by_seed(claim)
        color, marker = colors.get(name, (plots.COLORS[2], plots.MARKERS[2]))  # of β = 0.01
        spread = [x + 0.06 * (i - len(found) / 2) for i in range(len(found))]
        ax.plot(spread, found, linestyle="", color=color, marker=marker, markersize=5)
        counts.append(f"{sum(y >= 0.2 for y in found)}")
        told.append(f"{name} " + ", ".join(f"{y:.2f}" for y in found))
    ax.axhline(0.2, color="black", linestyle="--", linewidth=1, marker="")
    ax.set_xticks(range(len(FALLS)), labels=[name for _, name in FALLS])
    ax.set(xlim=(-0.5, len(FALLS) - 0.5), ylabel="fall (sd), a mark a seed")
    ax.set_title(f"≥ 0.2 in {', '.join(counts)} of 10")
    return f"Right: the fall in ten seeds at beta 0.01: {'; '.join(told)}; the bound is 0.2."


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


# Gains over DPO that the claims measured: claim, method, name.
GAINS = (
    ("dr_dpo_beats_dpo_on_clean_labels", "Dr. DPO", "Dr. DPO,\nno flips"),
    ("dr_dpo_beats_dpo_on_flipped_labels", "Dr. DPO", "Dr. DPO,\n40 %"),
    ("robust_dpo_beats_dpo", "robust", "robust,\n40 %"),
)


def noise(gold: Mapping[Run, float]) -> tuple[Figure, str]:
    """Gold against the share of flipped labels, a line a method.

    Right of it the gains over DPO that the claims found, a mark a seed.
    """
    fig, (ax, right) = plt.subplots(1, 2, figsize=(7.4, 3.1), width_ratios=(3, 2))
    methods = list(dict.fromkeys(run.method for run in gold))
    said = []
    for method in methods:
        points = sorted((100 * r.flip_rate, y) for r, y in gold.items() if r.method == method)
        ax.plot(*zip(*points, strict=True), label=method)
        said.append(f"{method} " + ", ".join(f"{y:.1f}" for _, y in points))
    ax.set(xlabel="flipped labels (%)", ylabel="gold at the end (sd)")
    rates = sorted({run.flip_rate for run in gold})
    ax.set_xticks([100 * rate for rate in rates])
    worst, best = (max(y for r, y in gold.items() if r.flip_rate == x) for x in (rates[-1], 0))
    halved = worst < best / 2
    ax.set_title("Flips cost all over half, one seed" if halved else "Gold with flips, one seed")
    plots.label_ends(ax)
    better = []
    for x, (claim, method, name) in enumerate(GAINS):
        found, look = by_seed(claim), methods.index(method)
        spread = [x + 0.05 * (i - len(found) / 2) for i in range(len(found))]
        color, marker = plots.COLORS[look], plots.MARKERS[look]
        right.plot(spread, found, linestyle="", color=color, marker=marker)
        better.append(f"{sum(y > 0 for y in found)}")
        name = name.replace("\n", " ")
        said.append(f"{name}: gains over DPO, by seed " + ", ".join(f"{y:.2f}" for y in found))
    right.axhline(0, color="0.7", linewidth=0.8, marker="")
    right.set_xticks(range(len(GAINS)), labels=[name for *_, name in GAINS])
    right.set(xlim=(-0.5, len(GAINS) - 0.5), ylabel="gain over DPO (sd), a mark a seed")
    right.set_title(f"Claims: above DPO in {', '.join(better)} of 10")
    return fig, f"Gold at the end of training, fewest to most flipped labels: {'; '.join(said)}."


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("dpo", claim)]


def shares_by_beta() -> tuple[Figure, str]:
    """What share of answers RLHF's or DPO's optimum gives to each of three answers, against β."""
    betas = torch.logspace(-1, 1, 13, dtype=torch.float64)
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.9), sharey=True)
    titles = "Even reference: right at β = 1 alone", "80, 15, 5 %: right at no β"
    for ax, reference, title in zip(axes, (EVEN, BIASED), titles, strict=True):
        optima = [rlhf_optimum(PEOPLE.log(), reference.log(), b).exp() for b in betas.tolist()]
        for i, share in enumerate(PEOPLE.tolist()):
            color, marker = plots.COLORS[i], plots.MARKERS[i]
            label = f"{100 * share:.0f} % like it"
            ax.plot(betas, torch.stack(optima)[:, i], color=color, marker=marker, label=label)
            ax.axhline(share, color=color, linestyle="--", linewidth=1, marker="")
            ax.plot(13, reference[i], color=color, marker="<", fillstyle="none", clip_on=False)
        ax.set(
            xscale="log", xlabel="β (dashed: people, ◁: reference)", ylim=(-0.02, 1.02), title=title
        )
    axes[0].set_ylabel("share of answers")
    plots.label_ends(axes[1])
    return fig, (
        "Share of each of three answers against beta. At small beta the answer that 60 percent "
        "like takes everything. With the even reference the three shares are people's at beta 1 "
        "and come near each other beyond; with the biased one, of 80, 15 and 5 percent, they come "
        "near the reference's and are never people's."
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
    even, biased = favorite[1:]
    ax.set_title(f"β = {beta:g}: the favorite gets {even:.0f} % (even) or {biased:.0f} % (biased)")
    said = [
        f"{name} {', '.join(f'{100 * x:.0f} %' for x in shares.tolist())}"
        for name, shares in rows.items()
    ]
    return fig, f"Shares of three answers at beta {beta:g}: {'; '.join(said)}."
