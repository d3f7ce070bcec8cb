"""What the lesson on whose preferences draws: a function a figure, with its alt text."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lessons.preference_aggregation.crowds import kl
from lessons.preference_aggregation.exercises import von_neumann_winner
from lessons.preference_aggregation.measures import GRID, RISKY, Judged, Learned
from lessons.preference_aggregation.rewards import gamble_borda
from lessons.preference_aggregation.votes import Conversation
from utils import plots

BLUE, ORANGE, GREEN, RED = plots.COLORS[:4]
CYCLE = 1 / 4 - 1.5 * math.asin(1 / 3) / math.pi  # three answers, a large crowd: 8.77 %
CORNERS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, 0.866]], dtype=torch.float64)
PAPER = {"one number": 25.1, "mean": 30.5, "cautious": 20.3}  # Siththaranjan et al., their data


def gamble_learned(learned: Sequence[Learned]) -> tuple[Figure, str]:
    """What one number follows, and where the spread is large; a thin line a seed."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.1), width_ratios=(3, 2))
    borda = gamble_borda(GRID)
    safe = ~RISKY
    scaled = []
    for one, *_ in learned:  # a score has no zero and no unit: put it where it is nearest to Borda
        slope = ((one - one.mean()) * (borda - borda.mean())).mean() / one.var(correction=0)
        scaled.append((borda.mean() + slope * (one - one.mean())).tolist())
    left.plot(GRID, GRID, color="0.45", linestyle="--", marker="", label="mean worth")
    for part, name in ((safe, ""), (RISKY, "Borda count")):
        left.plot(GRID[part], borda[part], color="black", marker="", linewidth=1.8, label=name)
    look = {"color": BLUE, "marker": "o", "markevery": 8, "markersize": 4}
    plots.seed_lines(left, GRID, scaled, label=f"reward model,\n{len(scaled)} seeds", **look)
    left.axvline(0.8, color="0.75", linewidth=0.8, marker="")
    left.text(0.78, 0.02, "a gamble from here on", ha="right", fontsize=9, color="0.35")
    left.set(xlabel="answer a", ylabel="score (reward shifted and scaled)", ylim=(0, 1.02))
    left.set_title("One number follows Borda, not mean worth")
    plots.label_ends(left)
    two = [x for x in learned if x.spread.any()]  # of others one number alone was learned
    ratios = [(x.spread / (x.mean.max() - x.mean.min())).tolist() for x in two]
    plots.seed_lines(right, GRID, ratios, color=ORANGE, marker="s", markevery=8)
    right.axvline(0.8, color="0.75", linewidth=0.8, marker="", zorder=0)
    right.axhline(1, color="black", linestyle="--", linewidth=0.8, marker="")
    right.set(yscale="log", xlabel="answer a", ylabel="σ / range of all means μ")
    right.set_ylim(1e-3, 3 * max(map(max, ratios)))
    right.set_title("In the gamble σ exceeds\nthe range of all means")
    lows, highs = (
        [min(r[i] for r in ratios) for i in (60, 95)], [max(r[i] for r in ratios) for i in (60, 95)]
    )  # fmt: skip
    return fig, (
        "Left: mean worth rises as a straight line to 1; Borda count rises to 0.9 at a = 0.8 and "
        "falls to about 0.5 beyond; the learned reward, thin lines of seeds on top of each other, "
        "falls with it. Right: σ over the range of all means rises smoothly, from "
        f"{lows[0]:.0e} to {highs[0]:.0e} at a = 0.6 "
        f"through 1 near 0.8 to {lows[1]:.0f} to {highs[1]:.0f} at 0.95."
    )


def jailbreaks(crowds: Mapping[str, Sequence[Judged]]) -> tuple[Figure, str]:
    """How often the harmful reply is above, by crowd and score; a mark a seed."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.9), sharey=True)
    names, said = list(PAPER), []
    for ax, (crowd, judged) in zip(axes, crowds.items(), strict=True):
        for x, name in enumerate(names):
            found = [100 * j.jailbreak[name] for j in judged]
            spread = [x + 0.07 * (i - (len(found) - 1) / 2) for i in range(len(found))]
            ax.plot(spread, found, linestyle="", color=plots.COLORS[x], marker=plots.MARKERS[x])
            said.append(f"{crowd}, {name}: " + ", ".join(f"{y:.0f}" for y in found))
        ax.set_xticks(range(3), labels=["one\nnumber", "DPL,\nmean", "DPL,\nlowest 1 %"])
        ax.set(xlim=(-0.5, 2.5), ylim=(-2, 52))
        mean = {n: sum(j.jailbreak[n] for j in judged) for n in names}
        fewer = mean["cautious"] < mean["one number"]
        ax.set_title(f"{crowd}:\ncaution lets {'fewer' if fewer else 'more'} jailbreaks through")
    axes[0].plot([0.3, 1.3, 2.3], list(PAPER.values()), **plots.PAPER)
    axes[0].text(-0.4, 45, "◇ paper (language models)", fontsize=9)
    axes[0].set_ylabel("harmful reply above (% of pairs)")
    return fig, f"Percent of pairs, a mark a seed. {'; '.join(said)}. The paper: 25.1, 30.5, 20.3."


def cycles_grow(answers: Sequence[int], runs: Sequence[Sequence[tuple]]) -> tuple[Figure, str]:
    """The share of random crowds whose majority goes round, against the number of answers."""
    fig, ax = plt.subplots(figsize=(6.2, 3))
    some, all_beaten = ([[100 * pair[k] for pair in run] for run in runs] for k in (0, 1))
    first = plots.seed_lines(ax, answers, some, label="some cycle", color=BLUE, marker="o")
    plots.seed_lines(ax, answers, all_beaten, label="every answer is beaten", color=RED, marker="s")
    ax.plot([2.7, 3.3], [100 * CYCLE] * 2, color="black", linewidth=1.5, marker="")
    ax.annotate("— exact, large crowds: 8.77 %", (3, 0), (3.7, 2), fontsize=9)
    ax.set(xlabel="number of answers", ylabel="crowds (%)", ylim=(0, 103))
    ax.set_xticks(list(answers))
    ax.set_title("25 people who rank ten answers at random nearly always go round")
    plots.label_ends(ax)
    return fig, (
        "Share of crowds of 25 people who rank at random. With a cycle somewhere, by answers: "
        + ", ".join(f"{n}: {y:.0f} %" for n, y in zip(answers, first.get_ydata(), strict=True))
        + ". The share in which every answer is beaten grows more slowly."
    )


def _place(policy: Tensor) -> Tensor:
    """Where a policy over three answers stands in the triangle: the corners' weighted mean."""
    return policy @ CORNERS


def _triangle(ax: Axes, margins: Tensor | None = None) -> None:
    """The triangle of policies; with margins an arrow from each loser to its winner."""
    ring = torch.cat([CORNERS, CORNERS[:1]])
    ax.plot(*ring.T.tolist(), color="0.6", linewidth=1, marker="")
    for name, (x, y), (dx, dy) in zip(
        "ABC", CORNERS.tolist(), ((-0.06, -0.05), (0.06, -0.05), (0, 0.05)), strict=True
    ):
        ax.text(x + dx, y + dy, name, ha="center", va="center", fontsize=12, weight="bold")
    if margins is not None:
        for i, j in ((0, 1), (1, 2), (2, 0)):
            won, lost = (i, j) if margins[i, j] >= 0 else (j, i)
            size = abs(margins[i, j].item())
            start, end = (
                CORNERS[lost].lerp(CORNERS[won], 0.2),
                CORNERS[lost].lerp(CORNERS[won], 0.8),
            )
            look = {"arrowstyle": "-|>", "color": "black", "lw": 0.8 + 3 * size}
            if size > 1e-9:
                ax.annotate("", end.tolist(), start.tolist(), arrowprops=look)
            middle = CORNERS[[i, j]].mean(0)
            out = middle - CORNERS.mean(0)
            spot = middle + 0.13 * out / out.norm()
            ax.text(*spot.tolist(), f"{100 * size:.0f} %", ha="center", va="center", fontsize=9)
    ax.set(xlim=(-0.25, 1.25), ylim=(-0.17, 1.0), aspect="equal")
    ax.axis("off")


def majority_goes_round(
    margins: Tensor, paths: Mapping[str, Sequence[Tensor]], goal: Tensor
) -> tuple[Figure, str]:
    """The majority's arrows with the lottery in them; and where three kinds of learning end.

    paths: of Nash-MD, of self-play at the same price, and of self-play without a price.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.3))
    lottery = von_neumann_winner(margins)
    _triangle(left, margins)
    look = {"linestyle": "", "color": RED, "marker": "*", "markersize": 13}
    left.plot(*_place(lottery)[:, None].tolist(), **look)
    x, y = _place(lottery).tolist()
    chances = ", ".join(f"{n} {100 * p:.0f}" for n, p in zip("ABC", lottery.tolist(), strict=True))
    left.text(x + 0.04, y + 0.03, f"{chances} %".replace(", ", "\n"), fontsize=9, color=RED)
    left.set_title("Each is beaten; the lottery ★ is not")
    left.text(0.5, -0.25, "arrow: to the winner, with its margin", ha="center", fontsize=9)
    _triangle(right)
    looks = ((BLUE, "-", "o", 8), (GREEN, "--", "^", 5), ("0.55", ":", "s", 6))
    told = [("× start", "black", 0.95), ("+ equilibrium at τ", "black", 0.86)]
    start = next(iter(paths.values()))[0]
    for row, ((name, policies), (color, style, marker, size)) in enumerate(
        zip(paths.items(), looks, strict=True)
    ):
        points = torch.stack([_place(p) for p in policies])
        right.plot(*points.T.tolist(), color=color, linestyle=style, marker="", linewidth=1.4)
        ends = points[[-1]].T.tolist()
        right.plot(*ends, color=color, marker=marker, markersize=size, linestyle="")
        sign = {"o": "●", "^": "▲", "s": "■"}[marker]
        told.append((f"{sign} {name}", "0.4" if marker == "s" else color, 0.77 - 0.09 * row))
    right.plot(*_place(start)[:, None].tolist(), color="black", marker="x", linestyle="")
    right.plot(
        *_place(goal)[:, None].tolist(), color="black", marker="+", markersize=14, linestyle=""
    )
    look = {"linestyle": "", "color": RED, "marker": "*", "markersize": 12, "fillstyle": "none"}
    right.plot(*_place(lottery)[:, None].tolist(), **look)
    told.append(("☆ lottery", RED, 0.5))
    for words, color, height in told:
        right.text(-0.3, height, words, color=color, fontsize=9)
    off = [kl(goal, policies[-1]) for policies in paths.values()]
    settled = max(off[:2]) < 1e-3 < off[2]
    right.set_title("With a price the last policy settles at +" if settled else "Last policies ●▲■")
    shares = [f"{100 * m:.0f}" for m in (margins[0, 1], margins[1, 2], margins[2, 0])]
    return fig, (
        f"Left: a triangle of answers A, B, C with arrows from loser to winner, margins "
        f"{', '.join(shares)} percent, and the maximal lottery inside: {chances} percent. Right: "
        "where the last policies are, nats from the equilibrium: "
        + ", ".join(f"{name} {x:.0e}" for name, x in zip(paths, off, strict=True))
        + ". Self-play without a price circles outward."
    )


def lottery_at(margin: float) -> tuple[Figure, str]:
    """The triangle and its lottery for one margin of A over B; B beats C by 60, C beats A by 20."""
    margins = torch.tensor(
        [[0, margin, -0.2], [-margin, 0, 0.6], [0.2, -0.6, 0]], dtype=torch.float64
    )
    lottery = von_neumann_winner(margins)
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.6, 2.7), width_ratios=(3, 2))
    _triangle(left, margins)
    left.plot(*_place(lottery)[:, None].tolist(), color=RED, marker="*", markersize=13)
    bars = right.barh(
        range(3), (100 * lottery).tolist(), color=[BLUE, ORANGE, GREEN], edgecolor="black"
    )
    for bar, hatch in zip(bars, ("", "//", ".."), strict=True):
        bar.set_hatch(hatch)
    right.set_yticks(range(3), labels=["A", "B", "C"])
    right.set(xlim=(0, 100), xlabel="chance in the lottery (%)")
    right.invert_yaxis()
    names = [n for n, p in zip("ABC", lottery.tolist(), strict=True) if p > 1e-6]
    word = "a mixture" if len(names) > 1 else f"{names[0]} beats all"
    over = "A over B" if margin >= 0 else "B over A"
    left.set_title(f"{over} by {100 * abs(margin):.0f} %: {word}")
    shares = ", ".join(f"{n} {100 * p:.0f} %" for n, p in zip("ABC", lottery.tolist(), strict=True))
    return fig, f"A's margin over B is {100 * margin:.0f} percent; the lottery is {shares}."


def opinions(
    talk: Conversation, places: Tensor, groups: Tensor, picks: Mapping[str, Tensor]
) -> tuple[Figure, str]:
    """People in the plane of their votes; statements by how much either camp agrees."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.4))
    for group in groups.unique().tolist():
        mine = groups == group
        look = {"linestyle": "", "marker": plots.MARKERS[group], "markersize": 4}
        minority = talk.camp[mine].double().mean() > 0.5
        color, name = (GREEN, "minority") if minority else ("0.25", "majority")
        look |= {"color": color}
        height = places[:, 1].max() + 0.5
        left.text(places[mine, 0].mean(), height, f"mostly {name}", color=color, fontsize=9)
        left.plot(*places[mine].T.tolist(), alpha=0.6, markeredgewidth=0, **look)
    wrong = torch.zeros(len(groups), dtype=torch.bool)
    for group in groups.unique():
        mine = groups == group
        wrong |= mine & (talk.camp != talk.camp[mine].mode().values)
    left.plot(*places[wrong].T.tolist(), "o", color="black", fillstyle="none", markersize=7)
    left.set(xlabel="first direction of votes", ylabel="second direction")
    left.set_ylim(top=places[:, 1].max() + 1.1)
    right_ones = len(groups) - int(wrong.sum())
    left.set_title(f"{right_ones} of {len(groups)} are found; ○ are not")
    agrees = 100 * talk.agrees
    right.plot(*agrees.tolist(), linestyle="", marker=".", color="0.6")
    looks = {
        "by all": {"marker": "s", "color": ORANGE, "fillstyle": "none", "markersize": 9},
        "by groups": {"marker": "^", "color": BLUE, "markersize": 5},
    }
    said = []
    for name, chosen in picks.items():
        right.plot(*agrees[:, chosen].tolist(), linestyle="", **looks[name])
        said.append(f"{name}, {agrees[1, chosen].mean():.0f} percent")
    right.text(2, 13, "□ most agreement of all", color="#A06A00", fontsize=9)
    right.text(2, 4, "▲ group-aware consensus", color=BLUE, fontsize=9)
    right.set(xlim=(0, 102), ylim=(0, 102), xlabel="majority agrees (%)")
    by_all, by_groups = (100 * talk.agrees[1, chosen].mean() for chosen in picks.values())
    right.set_ylabel("minority agrees (%)")
    right.set_title(
        f"By groups the minority agrees with\n{by_groups:.0f} %, not {by_all:.0f} % (one seed)"
    )
    both = len(set.intersection(*(set(chosen.tolist()) for chosen in picks.values())))
    return fig, (
        f"Left: {len(places)} people by the two main directions of their votes, in "
        f"{len(groups.unique())} groups; {int(wrong.sum())} stand in the other camp's group. "
        "Right: statements by both camps' agreement. Of the ten adopted, the minority "
        f"agrees with: {'; '.join(said)}. {both} are adopted both ways."
    )


def assumed_rationality(
    betas: Sequence[float],
    losses: Mapping[str, Sequence[Sequence[float]]],
    prior: float,
    known: Sequence[float],
) -> tuple[Figure, str]:
    """What the true reward costs, against the rationality assumed; a thin line a seed.

    known: what it costs of the myopic if they are rightly modeled, a value a seed.
    """
    fig, ax = plt.subplots(figsize=(6.4, 3.1))
    looks = ((BLUE, "o"), (RED, "s"))
    said = []
    for (name, runs), (color, marker) in zip(losses.items(), looks, strict=True):
        line = plots.seed_lines(ax, betas, runs, label=name, color=color, marker=marker)
        found = line.get_ydata()
        said.append(f"{name} " + ", ".join(f"{y:.1f}" for y in found))
    look = {"color": "black", "linestyle": "--", "linewidth": 1, "marker": ""}
    ax.axhline(prior, label="knowing nothing", **look)
    ax.axvline(2, color="0.8", linewidth=0.8, marker="", zorder=0)
    look = {"color": RED, "marker": "s", "fillstyle": "none", "linestyle": "", "markersize": 9}
    ax.plot([2] * len(known), known, **look)
    ax.text(0.1, 2.7, "□ myopic, rightly modeled", color=RED, fontsize=9)
    ax.set(xscale="log", yscale="log", xlabel="rationality β assumed (true: 2)")
    ax.set_ylabel("cost of the true reward (nats)")
    ax.set_xticks(betas, labels=[f"{b:g}" for b in betas])
    ax.set_yticks([3, 5, 10, 20, 50], labels=["3", "5", "10", "20", "50"])
    ax.minorticks_off()
    ax.set_title("Taken for farsighted, the myopic mislead from β = 1/4 on")
    plots.label_ends(ax)
    return fig, (
        f"Nats that the true reward costs, for β assumed {', '.join(f'{b:g}' for b in betas)}: "
        f"{'; '.join(said)}; the prior alone costs {prior:.1f}. "
        f"The myopic, rightly modeled, cost {known[0]:.1f}."
    )
