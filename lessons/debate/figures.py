"""What the debate lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from lessons.debate.exercises import sparse_view, tree_value
from lessons.debate.experiments import OWN_PIXELS, PAPER, SKILLS, Informed
from utils import plots
from utils.worlds.pixels import Judge, mask_of

HONEST, LIAR = plots.COLORS[0], plots.COLORS[1]  # the liar's marks are hatched or dotted too
SIDES = ("honest", "liar")

Picture = tuple[Figure, str]


def _title(holds: bool, finding: str, topic: str) -> str:
    """A finding as a title where the numbers drawn show it, else what is drawn."""
    return finding if holds else topic


# One debate on the board.


def debate(
    judge: Judge, image: Tensor, moves: Tensor, truth: int, lie: int,
    names: Sequence[str] = SIDES, honest_first: bool = True,
) -> Picture:  # fmt: skip
    """The board after each turn, and below it what the judge thinks of the two claims."""
    turns, (first, second) = len(moves), names if honest_first else names[::-1]
    fig = plt.figure(figsize=(6.2, 2.9), layout="none")
    left, wide = 0.105, 0.885 / (turns + 1)  # a column a turn: each board above its tick
    boards = [fig.add_axes((left + k * wide, 0.57, wide, 0.26)) for k in range(turns + 1)]
    plots.image(boards[0], image.view(8, 8), extent=(0, 8, 8, 0))
    boards[0].set(xlim=(-0.2, 8.2), ylim=(8.2, -0.2))
    boards[0].set_title(f"{truth}, not {lie}", loc="center", fontsize=10)
    boards[0].set_axis_off()
    for turn in range(1, turns + 1):
        _board(boards[turn], image, moves[:turn], honest_first)
        boards[turn].set_title(first if turn % 2 else second, loc="center", fontsize=10)
    share = [_share(judge, image, moves[:turn], truth, lie) for turn in range(turns + 1)]
    ax = fig.add_axes((left, 0.14, wide * (turns + 1), 0.36))
    ax.axhline(50, color="0.6", linestyle="--", linewidth=1, marker="")
    ax.plot(share, color="black", marker="")
    for k, (color, marker) in enumerate(((HONEST, "o"), (LIAR, "s"))[:: 1 if honest_first else -1]):
        ax.plot(range(k + 1, turns + 1, 2), share[k + 1 :: 2], marker, color=color, markersize=7)
    ax.set(xlim=(-0.5, turns + 0.5), ylim=(0, 100), yticks=[0, 50, 100], xticks=range(turns + 1))
    ax.set(xlabel="pixels revealed", ylabel=f"belief in the {truth}\nagainst the {lie} (%)")
    end = "believes the truth" if share[-1] > 50 else "believes the lie"
    fig.suptitle(
        f"At the end the judge {end}, {share[-1]:.0f} : {100 - share[-1]:.0f}",
        x=left, y=0.99, ha="left", va="top", fontsize=11,
    )  # fmt: skip
    said = ", ".join(f"{value:.0f}" for value in share)
    return fig, (
        f"A digit, and a board after each reveal, each with one more pixel. {first} began. Pixels "
        "of the honest side have a solid frame, those of the liar a dotted one. Below, the judge's "
        f"probability of {truth} against {lie}, in percent: {said}."
    )


def turn_of(judge: Judge, image: Tensor, moves: Tensor, truth: int, lie: int, turn: int) -> Picture:
    """One turn: the board, and what the judge believes of all ten digits."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.6), width_ratios=[1, 1.9])
    _board(left, image, moves[:turn])
    left.set_title(f"turn {turn}: {SIDES[(turn - 1) % 2]}")
    shown = mask_of(image[None], moves[None, :turn])
    belief = (100 * judge(sparse_view(image[None], shown))[0].softmax(-1)).tolist()
    bars = right.bar(range(10), belief, color="0.85")
    for label, color, hatch in ((truth, HONEST, ""), (lie, LIAR, "////")):
        bars[label].set(facecolor=color, hatch=hatch, edgecolor="black")
    for label, name in ((truth, "truth"), (lie, "lie")):
        right.text(label, belief[label] + 2, name, ha="center")
    right.set(ylim=(0, 112), yticks=[0, 50, 100], xticks=range(10))
    share = _share(judge, image, moves[:turn], truth, lie)
    right.set_title(f"truth against lie {share:.0f} : {100 - share:.0f}")
    right.set(xlabel="digit", ylabel="the judge's belief (%)")
    return fig, (
        f"The board after {turn} of {len(moves)} reveals, and the judge's belief in each of ten "
        f"digits: {belief[truth]:.0f} percent in the truth, {truth}, {belief[lie]:.0f} in the lie, "
        f"{lie}."
    )


def numbered(image: Tensor, truth: int) -> Picture:
    """The picture with the number of every pixel that may be revealed."""
    fig, ax = plt.subplots(figsize=(3.6, 3.6))
    plots.image(ax, image.view(8, 8))
    for pixel, value in enumerate(image.tolist()):
        if value > 0:
            y, x = divmod(pixel, 8)
            color = "white" if value > 0.5 else "black"
            ax.text(x, y, str(pixel), ha="center", va="center", fontsize=10, color=color)
    ax.spines[:].set_visible(True)
    ax.set(xticks=[], yticks=[], title=f"A {truth}: what you may reveal")
    return fig, f"A digit with the number of every nonzero pixel on it, a {truth}."


def _board(ax: Axes, image: Tensor, moves: Tensor, honest_first: bool = True) -> None:
    """Revealed pixels in gray with the frame of who revealed them, the rest hidden."""
    ax.add_patch(Rectangle((0, 0), 8, 8, facecolor="0.85"))
    for turn, pixel in enumerate(moves.tolist()):
        y, x = divmod(pixel, 8)
        lying = turn % 2 if honest_first else 1 - turn % 2
        ink, side = str(1 - image[pixel].item()), (HONEST, LIAR)[lying]
        line = ("-", (0, (1.6, 0.9)))[lying]
        look = {"linewidth": 2, "linestyle": line, "capstyle": "butt"}
        ax.add_patch(Rectangle((x + 0.1, y + 0.1), 0.8, 0.8, fc=ink, ec=side, **look))
    ax.set(xlim=(-0.2, 8.2), ylim=(8.2, -0.2), aspect="equal")
    ax.set_axis_off()


def _share(judge: Judge, image: Tensor, moves: Tensor, truth: int, lie: int) -> float:
    """The judge's probability of the truth, of the two claims, in %."""
    logits = judge(sparse_view(image[None], mask_of(image[None], moves[None])))[0]
    return 100 * (logits[truth] - logits[lie]).sigmoid().item()


# Rates.


def table_2(cells: dict[tuple[str, int], Sequence[float]], n_images: int) -> Picture:
    """Honest win rates, ours with a standard error and the paper's, by who moves last."""
    fig, ax = plt.subplots(figsize=(6, 2.8))
    names = [f"{kind}, {n} pixels, honest {who}" for kind, n in cells for who in ("first", "last")]
    height = [2.5 * row + k for row in range(len(cells)) for k in range(2)]
    ours = torch.tensor([rate for rates in cells.values() for rate in rates])
    error = (ours * (100 - ours) / n_images).sqrt()
    ax.errorbar(ours, height, xerr=error, fmt="o", markersize=7, label="ours ± standard error")
    ax.plot(
        [rate for key in cells for rate in PAPER[key]], height, **plots.PAPER, label="the paper"
    )
    ax.set_yticks(height, labels=names)
    ax.invert_yaxis()
    ax.legend(loc="upper left")
    ax.set(xlabel="honest win rate against all nine lies (%)")
    ax.set_xlim(min(30, (ours - error).min().item() - 2), 100)
    opened = [rates for (kind, _), rates in cells.items() if kind == "open"]
    fixed = [rates for (kind, _), rates in cells.items() if kind == "committed"]
    holds = max(map(max, opened)) < min(map(min, fixed)) and all(a < b for a, b in opened)
    finding = "An open lie wins more often, above all when it is last"
    ax.set_title(_title(holds, finding, "Who wins, by what the liar may do and who begins"))
    said = "; ".join(f"{name}: {rate:.0f}" for name, rate in zip(names, ours.tolist(), strict=True))
    return fig, (
        f"Honest win rates in percent, ours beside the paper's. Ours: {said}. The "
        f"paper's, in the same order: {[rate for key in cells for rate in PAPER[key]]}."
    )


def fixed_late(by_turn: Sequence[Sequence[float]]) -> Picture:
    """Honest win rate by the number of reveals before the lie is fixed; rows: (first, last)."""
    fig, ax = plt.subplots(figsize=(5.4, 2.9))
    for name, rates in zip(("honest first", "liar first"), zip(*by_turn, strict=True), strict=True):
        ax.plot(rates, label=name)
    low = min(40, min(map(min, by_turn)) - 5)
    ax.set(
        xlabel="reveals before the lie is fixed", ylabel="beats all nine lies (%)", ylim=(low, 100)
    )
    holds = sum(by_turn[-1]) < sum(by_turn[0])
    ax.set_title(_title(holds, "A lie that is fixed late fares better", "When the lie is fixed"))
    plots.label_ends(ax)
    first, last = (", ".join(f"{x:.0f}" for x in rates) for rates in zip(*by_turn, strict=True))
    return fig, (
        "Honest win rate, in percent, by the number of reveals before the lie is fixed, 0 to "
        f"{len(by_turn) - 1}. With the honest side first: {first}. With the liar first: {last}."
    )


def by_skill(
    debate: Sequence[float], questioned: Sequence[float], consultancy: Sequence[float]
) -> Picture:
    """The judge's accuracy by the skill of whoever reveals."""
    fig, ax = plt.subplots(figsize=(5.8, 3))
    ax.plot(SKILLS, debate, label="debate")
    ax.plot(SKILLS, questioned, label="consultant, questioned")
    ax.plot(SKILLS, consultancy, label="consultant, alone")
    ax.axhline(50, color="0.4", linestyle="--", linewidth=1, marker="")
    ax.text(0, 51, "a guess", fontsize=9, color="0.3")
    ax.set(
        xlabel="skill: chance of the greedy reveal",
        ylabel="judge right, of two answers (%)",
        ylim=(45, 101),
    )
    holds = debate[-1] > debate[0] and max(questioned[-1], consultancy[-1]) < questioned[0]
    finding = "Skill helps in debate and harms with a consultant"
    ax.set_title(_title(holds, finding, "The judge, by the skill of who reveals"))
    plots.label_ends(ax)
    return fig, (
        "Judge's accuracy between two answers against skill. Debate goes from "
        f"{debate[0]:.0f} to {debate[-1]:.0f} percent. A consultant who is questioned goes from "
        f"{questioned[0]:.0f} to {questioned[-1]:.0f}, one alone from {consultancy[0]:.0f} to "
        f"{consultancy[-1]:.0f}; a guess is 50."
    )


def metrics(scored: dict[str, Sequence[float]]) -> Picture:
    """Four kinds of reveals, a row each, scored in three ways, a panel each, in %."""
    titles = "best of ten labels", "beats one lie", "beats all nine lies"
    fig, axes = plt.subplots(1, 3, figsize=(7, 2.4), sharey=True)
    rows = range(len(scored))
    for k, (ax, title) in enumerate(zip(axes, titles, strict=True)):
        values = [found[k] for found in scored.values()]
        ax.hlines(rows, 0, values, color="0.8", linewidth=1)
        ax.plot(values, rows, "o", color="black", markersize=7)
        for row, value in zip(rows, values, strict=True):
            ax.annotate(f"{value:.0f}", (value, row), (-6, 5), textcoords="offset points",
                        ha="right", fontsize=9)  # fmt: skip
        ax.set(xlim=(0, 102), ylim=(-0.6, len(scored) - 0.4), xticks=[0, 50, 100])
        ax.set_title(title, fontsize=10)
    axes[0].set_yticks(rows, labels=list(scored))
    axes[0].invert_yaxis()
    axes[1].set_xlabel("the truth wins (%)")
    base, *_, fixed = scored.values()
    holds = fixed[0] < base[0] and fixed[1] > base[1] and fixed[2] > base[2]
    finding = "Debating a fixed lie wins contests of two, not among ten labels"
    title = _title(holds, finding, "The same reveals, scored in three ways")
    fig.suptitle(title, x=0.01, ha="left", fontsize=11)
    said = "; ".join(
        f"{name}: {', '.join(f'{x:.0f}' for x in found)}" for name, found in scored.items()
    )
    return fig, (
        "How often the truth wins, in percent, as best of ten labels, against one lie, and against "
        f"all nine lies. {said}."
    )


def own_pixels(sweep: Sequence[Informed]) -> Picture:
    """What a debate adds to a judge who has seen some pixels already, and what is left to add."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.6, 2.6), width_ratios=[1.3, 1])
    for what, name in (("with_debate", "own + debate of 4"),
                       ("with_random", "own + 4 random"), ("alone", "own alone")):  # fmt: skip
        left.plot(OWN_PIXELS, [getattr(row, what) for row in sweep], label=name)
    left.set(xlabel="pixels of its own", ylabel="judge right, of two (%)", ylim=(45, 101))
    none, most = sweep[0], sweep[-1]
    fewer = most.with_debate - most.with_random < none.with_debate - none.with_random
    left.set_title(_title(fewer, "Who knows much gains little", "What four reveals add"))
    plots.label_ends(left)
    removed = [row.errors_removed for row in sweep]
    right.plot(OWN_PIXELS, removed, color=plots.COLORS[6], marker=plots.MARKERS[6])
    right.set(xlabel="pixels of its own", xticks=range(0, 13, 2), ylabel="errors removed (%)")
    right.set_ylim(min(0, *removed), 100)
    right.set_title("Of the errors after 4 random")
    return fig, (
        f"Left: judge's accuracy between two answers against its own pixels, 0 to {most.own}. With "
        f"a debate it goes from {none.with_debate:.0f} to {most.with_debate:.0f} percent, with 4 "
        f"more random pixels from {none.with_random:.0f} to {most.with_random:.0f}, alone from a "
        f"guess to {most.alone:.0f}. Right: the share of the errors after random pixels that a "
        f"debate removes, from {removed[0]:.0f} to {removed[-1]:.0f} percent."
    )


def attacked(tries: Sequence[int], lines: dict[str, Sequence[float]]) -> Picture:
    """The judge's accuracy by how many pixels the liar tries at each of its turns."""
    fig, ax = plt.subplots(figsize=(5.8, 2.8))
    for name, rates in lines.items():
        ax.plot(rates, label=name)
    ax.axhline(50, color="0.4", linestyle="--", linewidth=1, marker="")
    ax.text(0, 51, "a guess", fontsize=9, color="0.3")
    ax.set_xticks(range(len(tries)), labels=[*map(str, tries[:-1]), "all"])
    ax.set(xlabel="pixels that the liar tries a turn", ylabel="judge right, of two (%)")
    ax.set(ylim=(min(30, min(map(min, lines.values())) - 3), 101))
    able, _, retrained, alone = (rates[-1] for rates in lines.values())
    holds = able - alone > 20 and retrained - alone < (able - alone) / 4
    finding = "An opponent protects the judge, retraining hardly does"
    ax.set_title(_title(holds, finding, "A liar who tries more pixels"))
    plots.label_ends(ax)
    said = "; ".join(f"{name}: {r[0]:.0f} to {r[-1]:.0f} percent" for name, r in lines.items())
    return fig, f"Judge's accuracy against the pixels that the liar tries. {said}."


# Trees.


def tree(leaves: Tensor) -> Picture:
    """An and-or tree with the value of every node, and the debate of perfect play down it."""
    depth = len(leaves).bit_length() - 1
    fig, ax = plt.subplots(figsize=(6.7, 2.8))
    node, path = 0, [0]
    for turn in range(depth):  # who moves takes a branch that is good for it, the left one if both
        wish = turn % 2 == 0
        good = _value(leaves, turn + 1, 2 * node) == wish
        node = 2 * node + (0 if good else 1)
        path.append(node)
    for level in range(depth + 1):
        for k in range(2**level):
            x, y = (k + 0.5) / 2**level, -level
            if level:
                over = (k // 2 + 0.5) / 2 ** (level - 1)
                taken = path[level] == k and path[level - 1] == k // 2
                look = ("black", 2.5) if taken else ("0.75", 1)
                ax.plot([over, x], [1 - level, y], color=look[0], linewidth=look[1], marker="")
            value = _value(leaves, level, k)
            ax.plot(x, y, "o", markersize=13, color=HONEST if value else "white",
                    markeredgecolor="black", zorder=3)  # fmt: skip
            ink = "white" if value else "black"
            ax.text(x, y - 0.01, "T" if value else "F", color=ink, ha="center", va="center",
                    fontsize=8, zorder=4)  # fmt: skip
    for turn in range(depth):
        who = "yes chooses: or" if turn % 2 == 0 else "no chooses: and"
        ax.text(-0.02, -turn, who, ha="right", va="center", fontsize=9)
    ax.text(-0.02, -depth, "the judge looks at one", ha="right", va="center", fontsize=9)
    ax.set(xlim=(-0.02, 1), ylim=(-depth - 0.35, 0.35))
    ax.set_axis_off()
    root = "True" if _value(leaves, 0, 0) else "False"
    ax.set_title(f"Perfect play ends at a leaf that says what the root says: {root}")
    said = "".join("T" if x else "F" for x in leaves.tolist())
    return fig, (
        f"A binary tree of depth {depth} with the leaves {said}. Nodes in which yes chooses are "
        f"the or of their branches, the others the and. The root is {root}, and so is every node "
        "on the path of perfect play, down to the one leaf that the judge looks at."
    )


def _value(leaves: Tensor, level: int, k: int) -> bool:
    """The value of node k of a level, which counts from the root."""
    part = leaves.view(2**level, -1)[k : k + 1]
    return bool(tree_value(part)) if level % 2 == 0 else not bool(tree_value(~part))


def searchers(sees: Sequence[int], lines: dict[str, Sequence[float]]) -> Picture:
    """Honest win rate by how many levels the honest side sees ahead."""
    fig, ax = plt.subplots(figsize=(6.4, 2.8))
    for name, rates in lines.items():
        ax.plot(sees, rates, label=name)
    ax.axhline(50, color="0.4", linestyle="--", linewidth=1, marker="")
    ax.set(xlabel=f"levels that the honest side sees, of {sees[-1]}", ylabel="honest side wins (%)")
    ax.text(sees[-1], 51, "a guess", fontsize=9, color="0.3", ha="right")
    ax.set(ylim=(-2, 102), xticks=sees)
    holds = all(rates[-1] == 100 > max(rates[:-1]) for rates in lines.values())
    finding = "The truth is safe only if its side sees the whole argument"
    ax.set_title(_title(holds, finding, "How far the honest side has to see"))
    ax.legend(loc="upper left")  # at their ends the lines meet
    said = "; ".join(f"{name}: {r[0]:.0f} to {r[-1]:.0f} percent" for name, r in lines.items())
    return fig, (
        f"How often the honest side wins, by the levels that it sees, 0 to {sees[-1]}. {said}."
    )


def elo(honest: Tensor, liars: Tensor, meant: Tensor, won: Tensor) -> Picture:
    """Ratings by skill, and the win rates that they mean beside those that were observed, in %."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.6), width_ratios=[1.15, 1])
    for name, ratings in (("honest", honest), ("liars", liars)):
        left.plot(SKILLS, ratings, label=name)
    steeper = honest[-1] - honest[0] > liars[-1] - liars[0]
    title = _title(bool(steeper), "Skill lifts the honest side more", "Elo by skill")
    left.set(xlabel="skill", ylabel="Elo (0: mean of the ten)", title=title)
    plots.label_ends(left)
    low = min(meant.min().item(), won.min().item()) - 2
    right.plot([low, 100], [low, 100], color="0.6", linestyle="--", marker="")
    right.plot(meant.flatten(), won.flatten(), "o", color="black")
    right.set(xlabel="fitted by Elo (%)", ylabel="honest wins (%)")
    right.set(title=f"Ten numbers fit {won.numel()} pairings", aspect="equal")
    return fig, (
        "Left: Elo by skill, of honest debaters from "
        f"{honest[0]:.0f} to {honest[-1]:.0f} and of liars from {liars[0]:.0f} to {liars[-1]:.0f}. "
        f"Right: {won.numel()} observed win rates against those that the ratings predict, at most "
        f"{(meant - won).abs().max():.0f} points apart."
    )
