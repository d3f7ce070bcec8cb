"""What this lesson draws: each function returns a figure and its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from utils import claims, plots
from utils.floors import draw_floor, draw_way
from utils.worlds.grids import Floor

WANTED, PROXY, NOWHERE = plots.COLORS[0], plots.COLORS[1], "0.8"


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("goal_misgeneralization", claim)]


def _floor(walls: Tensor, letters: Mapping[int, str]) -> Floor:
    """A floor plan of one board, with a letter in some cells."""
    width = walls.shape[1]
    cells = ["#" if wall else "." for wall in walls.flatten().tolist()]
    for cell, letter in letters.items():
        cells[cell] = letter
    return Floor(*("".join(cells[i : i + width]) for i in range(0, len(cells), width)))


def _way(path: Sequence[int], stops: Sequence[int], width: int) -> list[tuple[int, int]]:
    """The cells of a path as rows and columns, up to the first stop."""
    kept = []
    for cell in path:
        kept.append(divmod(cell, width))
        if cell in stops:
            break
    return kept


def _on_top(ax: Axes) -> None:
    """Names of cells in white boxes, above the ways."""
    for text in ax.texts:
        text.set_fontsize(8)
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6})
        text.set_zorder(6)


def ways(walls: Tensor, coin: int, paths: Mapping[str, Sequence[int]]) -> tuple[Figure, str]:
    """A panel for each agent: its way through the same corridor, until the coin or the end."""
    height, width = walls.shape
    end, start = height * width - 1, (height - 1) * width
    fig, axes = plt.subplots(1, len(paths), figsize=(3.7 * len(paths), 2.5), squeeze=False)
    floor, told = _floor(walls, {start: "S", coin: "C", end: "E"}), []
    for ax, (name, path) in zip(axes[0], paths.items(), strict=True):
        draw_floor(ax, floor, {"S": "start", "C": "coin", "E": "end"})
        _on_top(ax)
        way = _way(path, (coin, end), width)
        last = way[-1][0] * width + way[-1][1]
        color = {coin: WANTED, end: PROXY}.get(last, "0.5")
        draw_way(ax, way, 0.0, color=color, linewidth=3, alpha=0.55)
        where = {coin: "to the coin", end: "to the end"}.get(last, "nowhere in time")
        ax.set_title(f"{name}: {where}")
        told.append(f"the agent {name} goes {where} in {len(way) - 1} steps")
    start = "The ways of two agents through one corridor in which the coin has moved: "
    return fig, start + "; ".join(told) + "."


def _share_bars(ax: Axes, rows: Mapping[str, tuple[float, float]]) -> list[str]:
    """Stacked bars, a row each: coin first, end first, and the rest neither."""
    told = []
    for i, (name, (coin, end)) in enumerate(rows.items()):
        left = 0.0
        looks = ((coin, WANTED, "white"), (end, PROXY, "black"), (1 - coin - end, NOWHERE, "black"))
        for value, color, ink in looks:
            ax.barh(i, value, left=left, height=0.62, color=color, edgecolor="white")
            if value >= 0.07:
                ax.text(left + value / 2, i, f"{value:.2f}", ha="center", va="center", color=ink,
                        fontsize=9)  # fmt: skip
            elif value >= 0.01 and color == WANTED:
                ax.text(value + 0.008, i, f"{value:.2f}", va="center", fontsize=9)
            left += value
        told.append(f"{name} {coin:.2f} and {end:.2f}")
    ax.set_yticks(range(len(rows)), labels=list(rows))
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlim(0, 1)
    return told


def _first(rows: Mapping[str, tuple[float, float]], where: str, title: str) -> tuple[Figure, str]:
    """Coin first, end first or neither, a bar an agent."""
    fig, ax = plt.subplots(figsize=(6.8, 1.2 + 0.4 * len(rows)))
    told = _share_bars(ax, rows)
    patches = [plt.Rectangle((0, 0), 1, 1, color=c) for c in (WANTED, PROXY, NOWHERE)]
    ax.legend(patches, ["coin first", "end first", "neither"], loc="upper left",
              bbox_to_anchor=(1, 1))  # fmt: skip
    ax.set(title=title or "What comes first", xlabel=f"share of episodes, coin {where}")
    start = f"Shares of episodes by what an agent reaches first, coin {where}, coin and end: "
    return fig, start + "; ".join(told) + "."


def what_comes_first(rows: Mapping[str, tuple[float, float]]) -> tuple[Figure, str]:
    """What agents reach first where training never showed a coin."""
    coin, end = rows["narrow"]
    fails = end > 0.7 and coin < 0.2 and rows["blind"][1] > 0.7
    title = "The narrow agent goes to the end, as one that cannot see coins"
    return _first(rows, "above: never shown there", title if fails else "")


def where_it_was_shown(rows: Mapping[str, tuple[float, float]]) -> tuple[Figure, str]:
    """What agents reach first where training did show coins."""
    blind = rows["blind"][0]
    best = max(coin for name, (coin, _) in rows.items() if name.startswith("narrow"))
    title = "Where training showed coins, narrow agents partly go for them"
    halfway = blind + 0.1 < best < rows["100 % random"][0] - 0.1
    return _first(rows, "below: shown there", title if halfway else "")


def curve(shares: Sequence[float], coin: Sequence[float]) -> tuple[Figure, str]:
    """Coin first by the share of random coins; and, seed by seed, the part of the way mended."""
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.9), width_ratios=(1.2, 1))
    x = range(len(shares))
    names = [f"{100 * s:g} %" for s in shares]
    axes[0].plot(x, coin, "o", color=WANTED, markersize=7)
    for i, value in zip(x, coin, strict=True):
        below = i == len(shares) - 1
        axes[0].annotate(f"{value:.2f}", (i, value), (0, -13 if below else 7), va="center",
                         textcoords="offset points", ha="center", fontsize=9)  # fmt: skip
    axes[0].set_xticks(x, labels=names)
    axes[0].set(xlabel="random coins in training (not to scale)", ylabel="coin first, coin moved",
                ylim=(0, 1.05), xlim=(-0.3, len(shares) - 0.7), title="This seed")  # fmt: skip
    told = []
    for i, (name, claim) in enumerate((("2 %", "two_percent_mend_it"),
                                       ("10 %", "ten_percent_mend_it"))):  # fmt: skip
        found = by_seed(claim)
        axes[1].plot(found, [i] * len(found), "|", color=WANTED, markersize=16, markeredgewidth=1.6)
        told.append(f"{name}: " + ", ".join(f"{v:.2f}" for v in found))
    axes[1].axvline(0.5, color="0.5", linestyle=":", linewidth=1, marker="")
    axes[1].text(0.51, -0.45, "half", fontsize=8.5, color="0.3", va="center")
    axes[1].set_yticks([0, 1], labels=["2 %", "10 %"])
    axes[1].set(xlim=(-0.1, 1.05), ylim=(1.6, -0.6),
                xlabel="share of the failure mended",
                ylabel="random coins")  # fmt: skip
    axes[1].set_title("Ten seeds, a tick each")
    part = [(c - coin[0]) / max(coin[-1] - coin[0], 1e-9) for c in coin]
    title = "Ten random coins in a hundred mend most of the failure; two less than half"
    fig.suptitle(title if part[1] < 0.5 < part[2] else "How many random coins mend the goal?",
                 fontsize=11, x=0.02, ha="left")  # fmt: skip
    steps = ", ".join(f"{n} {v:.2f}" for n, v in zip(names, coin, strict=True))
    start = "Shares of episodes with the coin first, by the share of random coins in training: "
    return fig, f"{start}{steps}. Share of the failure mended by seed, " + "; ".join(told) + "."


def hoard(rows: Mapping[str, tuple[float, float]]) -> tuple[Figure, str]:
    """Keys taken and chests opened on boards with 6 keys and 2 chests, a row an agent."""
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 1.9), sharey=True, gridspec_kw={"wspace": 0.15})
    told = [f"{name}: {k:.2f} keys, {c:.2f} chests" for name, (k, c) in rows.items()]
    for k, (ax, what, most) in enumerate(zip(axes, ("keys taken", "chests opened"), (6, 2),
                                             strict=True)):  # fmt: skip
        values = [row[k] for row in rows.values()]
        ax.barh(range(len(rows)), values, height=0.55, color=[PROXY, WANTED][k])
        for i, value in enumerate(values):
            ax.text(value - most * 0.02, i, f"{value:.2f}", ha="right", va="center", fontsize=9,
                    color=["black", "white"][k])  # fmt: skip
        ax.set(xlim=(0, most), xlabel=f"{what}, of {most}")
        ax.tick_params(axis="y", length=0)
    axes[0].axvline(2, color="0.2", linestyle=":", linewidth=1.2, marker="")
    axes[0].text(2.06, -0.5, "2 are of use", fontsize=8.5, va="bottom", ha="left")
    axes[0].set_yticks(range(len(rows)), labels=list(rows))
    axes[0].invert_yaxis()
    (keys, chests), (control, opened) = rows.values()
    more = keys > control + 1 and chests < opened
    fig.suptitle("Raised on scarce keys, it hoards keys and misses chests" if more else
                 "Keys and chests", fontsize=11, x=0.02, ha="left")  # fmt: skip
    start = "Keys taken and chests opened by two agents on boards with 6 keys and 2 chests. "
    return fig, start + "; ".join(told) + "."


def what_it_pays(pays: Tensor, small: Tensor, large: Tensor) -> tuple[Figure, str]:
    """Each planner: share of red first against what it pays itself for red, less for the gem."""
    gap = (pays[:, 0] - pays[:, 1]).tolist()
    fig, ax = plt.subplots(figsize=(5.6, 3.1))
    ax.plot(gap, small, "o", color=plots.COLORS[0], markersize=7, label="mazes of 5 x 5")
    ax.plot(gap, large, "D", color=plots.COLORS[3], fillstyle="none", markersize=9,
            label="mazes of 7 x 7")  # fmt: skip
    ax.axvline(0, color="0.7", linewidth=0.8, marker="", zorder=0)
    ax.axhline(0.5, color="0.7", linewidth=0.8, marker="", zorder=0)
    ax.margins(x=0.08)
    ax.set(ylim=(-0.05, 1.07), xlabel="reward for red less reward for a gem",
           ylabel="share of choices: red first")  # fmt: skip
    ax.legend(loc="lower right")
    right = sum((g > 0) == (r > 0.5) for g, r in zip(gap, small.tolist(), strict=True))
    ax.set_title(f"What it pays itself tells what it wants ({right} of {len(gap)} planners)")
    told = ", ".join(f"{g:.2f} {r:.2f} {b:.2f}" for g, r, b in
                     zip(gap, small.tolist(), large.tolist(), strict=True))  # fmt: skip
    start = "For each planner what red pays it more than a gem, red first in 5 x 5, and in 7 x 7: "
    return fig, f"{start}{told}."


def inside(walls: Tensor, things: Mapping[int, str], rewards: Tensor, values: Tensor,
           path: Sequence[int], name: str) -> tuple[Figure, str]:  # fmt: skip
    """One planner in one maze: the rewards it makes, the values of its search, and its way."""
    side = walls.shape[0]
    fig, axes = plt.subplots(1, 3, figsize=(7.4, 2.5))
    titles = ("rewards it makes", "values of its search", "where it goes")
    for ax, field, title in zip(axes, (rewards, values, None), titles, strict=True):
        if field is None:
            draw_floor(ax, _floor(walls, {c: n[0].upper() for c, n in things.items()}),
                       {n[0].upper(): n for n in things.values()})  # fmt: skip
            _on_top(ax)
            draw_way(ax, _way(path, list(things)[:2], side), color=WANTED, linewidth=3, alpha=0.55)
        else:
            low, high = field.min().item(), field.max().item()
            shown = ((field - low) / max(high - low, 1e-9)).view(side, side)
            plots.image(ax, torch.where(walls, 0.0, shown))
            for cell in range(side * side):
                row, column = divmod(cell, side)
                if walls[row, column]:
                    ax.add_patch(
                        plt.Rectangle(
                            (column - 0.5, row - 0.5),
                            1,
                            1,
                            facecolor="white",
                            hatch="////",
                            edgecolor="0.6",
                            linewidth=0,
                        )
                    )
                else:
                    ink = "white" if shown[row, column] > 0.55 else "black"
                    ax.text(column, row, f"{field[cell].item():.1f}", ha="center", va="center",
                            fontsize=8, color=ink)  # fmt: skip
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        ax.set_title(title, fontsize=10)
    last = _way(path, list(things)[:2], side)[-1]
    where = {"red": "red thing", "gem": "gem"}.get(
        things.get(last[0] * side + last[1], ""), "neither in time"
    )
    found = ", ".join(f"{n} {rewards[c].item():.1f}" for c, n in list(things.items())[:2])
    way = where if where.startswith("neither") else f"to the {where}"
    fig.suptitle(f"{name} pays itself {found}, and goes {way}", fontsize=11, x=0.02, ha="left")
    start = "Rewards, values and the way of a planner in one maze with a red thing and a gem: "
    return fig, f"{start}{name}, rewards {found}; it goes {way}."


def alarm(rows: Mapping[str, Sequence[float]], planned: float) -> tuple[Figure, str]:
    """AUROC of each alarm of the narrow agents, coin above and below, and of the planners."""
    names = [*(f"narrow: {name}" for name in rows), "planners: disagreement"]
    fig, ax = plt.subplots(figsize=(6.6, 0.9 + 0.45 * (len(names) + 1)))
    looks = (
        ("o", WANTED, "coin above (new)"),
        ("D", PROXY, "coin below (known)"),
    )
    for k, (marker, color, label) in enumerate(looks):
        found = [pair[k] for pair in rows.values()]
        ax.plot(found, range(len(found)), marker, color=color, markersize=9 - 2 * k, label=label)
    ax.plot(planned, len(rows), "s", color="0.2", markersize=7, label="cues apart")
    for i, claim in ((len(rows) + 1, "no_alarm"), (len(rows), "planners_disagree")):
        ticks = by_seed(claim)
        y = i if claim == "no_alarm" else i + 0.28
        ax.plot(ticks, [y] * len(ticks), "|", color="0.35", markersize=9)
    names.append("outputs, furthest of four,\nten seeds")
    ax.axvline(0.5, color="0.5", linestyle=":", linewidth=1, marker="")
    ax.text(0.505, -0.6, "says nothing", fontsize=8.5, color="0.3", va="center")
    ax.set_yticks(range(len(names)), labels=names)
    ax.set(xlim=(0.3, 1.03), ylim=(len(names) - 0.4, -0.9),
           xlabel="AUROC: shifted worlds against usual ones")  # fmt: skip
    ax.tick_params(axis="y", length=0)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    outputs = [v for name, pair in rows.items() if name != "novelty" for v in pair]
    silent = max(abs(v - 0.5) for v in outputs) < 0.2 < rows["novelty"][0] - 0.5
    ax.set_title("Their outputs stay silent; what they see would tell" if silent else
                 "Which alarms go off")  # fmt: skip
    told = [f"{name} {above:.2f} and {below:.2f}" for name, (above, below) in rows.items()]
    start = "AUROC of alarms, one half says nothing. Narrow agents, coin above and below: "
    seeds = ", ".join(f"{v:.2f}" for v in by_seed("no_alarm"))
    end = f"planners: disagreement {planned:.2f}; outputs, the furthest of four by seed, {seeds}."
    return fig, start + "; ".join(told) + "; " + end
