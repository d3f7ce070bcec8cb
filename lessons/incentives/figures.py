"""What the lesson on incentives draws: a function a figure, with its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from lessons.incentives.exercises import off_switch_value
from lessons.incentives.goals import HOUSE
from lessons.incentives.interruptions import CORRIDOR
from lessons.incentives.pricing import Sold, market
from lessons.incentives.tolerance import PLACES, Behavior
from utils import plots
from utils.floors import draw_floor, draw_way

BLUE, ORANGE, GREEN, RED = plots.COLORS[:4]
GRAY = "0.45"
STYLES = ("-", "--", "-.", ":")


def _errs(error: float | str) -> str:
    """A label for people's error τ. Words stay as they are."""
    if isinstance(error, str):
        return error
    return "never errs" if error == 0 else f"τ = {error:g}"


def _some(runs: Sequence, what: str) -> None:
    """A clear refusal where there is nothing to draw."""
    if not len(runs):
        raise ValueError(f"there is nothing to draw: no {what}")


def hub_and_power(
    gammas: Sequence[float],
    shares: Sequence[Sequence[float]],
    powers: Mapping[str, float],
    lowest: float,
) -> tuple[Figure, str]:
    """Which goals prefer the hub, against the horizon; and the POWER of each state.

    lowest: the share in the worst orbit that was tried, at a horizon of 100 steps.
    """
    _some(shares, "seeds")
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.9), width_ratios=(3, 2))
    horizon = [1 / (1 - g) for g in gammas]
    mean = plots.seed_lines(left, horizon, shares, color=BLUE, marker="o")
    left.axhline(0.6, color="black", linestyle="--", linewidth=1, marker="")
    left.text(1.05, 0.615, "exact, endless horizon: 0.600", fontsize=9)
    left.plot([100], [lowest], color="black", marker="D", fillstyle="none", linestyle="")
    left.text(115, lowest - 0.005, "worst of\n20 orbits", fontsize=9, va="center")
    left.axhline(1 / 3, color=GRAY, linestyle=":", linewidth=1, marker="")
    left.text(1000, 0.345, "one way of three", fontsize=9, color=GRAY, ha="right")
    left.set(xscale="log", ylim=(0.25, 0.68), xlabel="horizon 1 / (1 − γ), in steps")
    left.set_ylabel("share of goals whose\nbest way is the hub")
    left.set_title("The longer the horizon, the more goals\nprefer the hub (thin: a seed)")
    names = list(powers)
    bars = right.barh(names, list(powers.values()), color=BLUE, edgecolor="black", height=0.6)
    right.bar_label(bars, fmt="%.2f", padding=3, fontsize=9)
    right.invert_yaxis()
    right.set(xlim=(0, 0.95), xlabel="POWER at γ = 0.99")
    right.set_title("The hub has more POWER\nthan any state that is an end")
    return fig, (
        "Left: share of goals whose best way is the hub, by horizon: "
        + ", ".join(
            f"{h:.3g} steps {y:.2f}" for h, y in zip(horizon, mean.get_ydata(), strict=True)
        )
        + f", mean of {len(shares)} seeds. It nears the exact 0.6; but at 100 steps the worst of "
        f"twenty orbits has {lowest:.2f}. Right: POWER, "
        + ", ".join(f"{k} {v:.2f}" for k, v in powers.items()) + "."
    )  # fmt: skip


def twenty_goals(
    steps: Sequence[int], goals: Sequence[Sequence[float]], opposites: Sequence[Sequence[float]],
    passing: Mapping[tuple[int, int], float],
) -> tuple[Figure, str]:  # fmt: skip
    """How goals and their opposites are learned, and where the learned agents go.

    passing: for each cell the mean share of agents that pass it.
    """
    _some(goals, "seeds")
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.0), width_ratios=(2, 3))
    for runs, label, look in (
        (goals, "ten goals", {"color": BLUE, "marker": "o"}),
        (opposites, "their opposites", {"color": RED, "marker": "s", "linestyle": "--"}),
    ):
        plots.seed_lines(left, steps, runs, label=label, **look)
    left.set(xscale="log", ylim=(-0.05, 1.05), xlabel="steps of learning")
    left.set_ylabel("share of what can be had\n(0: random walk)")
    left.legend(loc="lower right")
    left.set_title("All twenty goals are learned,\nten and their opposites\n(thin: a seed)")
    draw_floor(right, HOUSE, {"K": "", "M": "", "D": "", "S": ""})
    for (row, column), share in passing.items():
        right.add_patch(
            plt.Rectangle((column - 0.5, row - 0.5), 1, 1, color=BLUE, alpha=0.75 * share)
        )
        name = {"K": "key\n", "M": "M\n", "D": "door\n", "S": "start\n"}
        letter = HOUSE.rows[row][column]
        said = f"{name.get(letter, '')}{100 * share:.0f}"
        right.text(column, row, said, ha="center", va="center", fontsize=9)
    key, mirror = (100 * passing[HOUSE.cell(x)] for x in "KM")
    right.set_title(
        f"{key:.0f} % fetch the key, {mirror:.0f} % pass M, its mirror\n"
        f"(numbers: % that pass, mean of {len(goals)} seeds)"
    )
    return fig, (
        "Left: how much of what can be had is had, by steps of learning; ten goals end at "
        f"{np.mean(goals, 0)[-1]:.2f}, their opposites at {np.mean(opposites, 0)[-1]:.2f}. Right: "
        f"a house; {key:.0f} percent of agents pass the key, {mirror:.0f} percent the cell that "
        "mirrors it."
    )


def who_waits(
    examples: Sequence[int], waits: Mapping[float | str, Sequence[float]],
    forced: Mapping[str, Sequence[float]],
) -> tuple[Figure, str]:  # fmt: skip
    """How many robots wait, by what they have seen; and how often harm is forced on people.

    waits: by the person's error τ, or by words.
    """
    _some(examples, "examples")
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 2.9))
    x = range(len(examples))
    for i, (error, shares) in enumerate(waits.items()):
        look = {"color": plots.COLORS[i], "linestyle": STYLES[i % 4]}
        if isinstance(error, str):
            look = {"color": RED, "linestyle": ":"}
        left.plot(x, [100 * s for s in shares], label=_errs(error), **look)
    left.set(ylim=(-6, 104), xlabel="examples a robot has seen", ylabel="robots that wait (%)")
    left.set_title("With people who err, robots that\nhave learned enough do not wait")
    plots.label_ends(left)
    looks = (
        {"color": BLUE, "marker": "o"}, {"color": RED, "marker": "s", "linestyle": "--"},
        {"color": GREEN, "marker": "^", "linestyle": ":"},
    )  # fmt: skip
    for look, (name, shares) in zip(looks, forced.items(), strict=True):
        right.plot(x, [100 * s for s in shares], label=name, **look)
    right.set(ylim=(-0.6, None), xlabel="examples a robot has seen")
    right.set_ylabel("forced and harmful\n(% of proposals)")
    right.set_title("Who does not see what it lacks\nforces it on people (τ = 0.5)")
    plots.label_ends(right)
    for ax in (left, right):
        ax.set_xticks(x, labels=[str(k) for k in examples])
    ends = ", ".join(f"{_errs(e)} {100 * s[-1]:.0f} percent" for e, s in waits.items())
    ends = ends.replace(chr(10), " ")
    harm = ", ".join(
        f"{name.replace(chr(10), ' ')} {100 * s[-1]:.0f} percent" for name, s in forced.items()
    )
    return fig, (
        f"Left: robots that wait, by examples seen. After {examples[-1]}: {ends}. Right: actions "
        f"that are forced and harmful. After {examples[-1]}: {harm}."
    )


def who_presses(
    chances: Sequence[float], runs: Mapping[str, Sequence[Sequence[float]]]
) -> tuple[Figure, str]:
    """The floor with its two ways, and which learners take the one by the button."""
    for shares in runs.values():
        _some(shares, "seeds")
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 2.7), width_ratios=(3, 4))
    draw_floor(left, CORRIDOR)
    start, goal, button = (CORRIDOR.cell(x) for x in "SGB")
    along = [(0, c) for c in range(goal[1] + 1)]
    draw_way(left, along, shift=-0.3, color=BLUE, linewidth=1.6)
    draw_way(left, [start, button], shift=-0.3, color=RED, linestyle="--", linewidth=1.6)
    draw_way(left, [button, *along], shift=0.32, color=RED, linestyle="--", linewidth=1.6)
    left.set_title("From S to G: straight, 6 steps,\nor by the button B, 8 (dashed)")
    looks = (
        (BLUE, ""), (ORANGE, ".."), (RED, "//"), (GREEN, "xx"),
    )  # fmt: skip
    x = np.arange(len(chances))
    width, said = 0.2, []
    for i, ((name, shares), (color, hatch)) in enumerate(zip(runs.items(), looks, strict=True)):
        mean = 100 * np.mean(shares, 0)
        bars = right.bar(x + (i - 1.5) * width, mean, width * 0.9, color=color, edgecolor="black",
                         hatch=hatch, label=name)  # fmt: skip
        right.bar_label(bars, fmt="%.0f", fontsize=8, padding=2)
        said.append(f"{name}: " + ", ".join(f"{y:.0f}" for y in mean))
    right.set_xticks(x, labels=[f"{100 * c:.0f} %" for c in chances])
    right.set(
        ylim=(0, 190),
        yticks=(0, 50, 100),
        xlabel="chance of an interruption at I",
        ylabel="learners that press (%)",
    )
    right.legend(loc="upper left", fontsize=8, title="bars from left to right", title_fontsize=8)
    right.set_title("SARSA presses, and Q-learning if the\n"
                    f"intended action is credited ({len(shares)} seeds)")  # fmt: skip
    return fig, (
        "Left: a corridor with a start, a cell where a person may interrupt, a goal, and a button "
        "beside the start. Right: percent that press, at chances of an interruption of "
        + ", ".join(f"{100 * c:.0f}" for c in chances)
        + f" percent. {'; '.join(said)}."
    )


def tolerates(
    found: Mapping[str, Sequence[Mapping[str, Mapping[str, Behavior]]]],
) -> tuple[Figure, str]:
    """How many buttons are pressed, by view, training and place; the mean of seeds."""
    for seeds in found.values():
        _some(seeds, "seeds")
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 2.9), sharey=True)
    said, places = [], list(PLACES)
    titles = {
        "map": "On a map: no tolerance\non the right",
        "self": "From where one stands:\nit carries over, at some skill",
    }
    for ax, (view, seeds) in zip(axes, found.items(), strict=True):
        for i, (name, color, marker, label) in enumerate((
            ("no penalty", GRAY, "s", "more training, no penalty"),
            ("penalty", RED, "o", "penalty, left buttons only"),
        )):  # fmt: skip
            shares = np.array([[100 * one[name][p].presses for p in places] for one in seeds])
            ax.plot(np.arange(4) + 0.12 * (2 * i - 1), shares.mean(0), color=color, marker=marker,
                    linestyle="", markersize=8, fillstyle="none", label=label)  # fmt: skip
            said.append(f"{view}, {name}: " + ", ".join(
                f"{p} {y:.0f}" for p, y in zip(places, shares.mean(0), strict=True)))  # fmt: skip
        ax.axvspan(-0.4, 0.4, color="0.92", zorder=0)
        ax.set_xticks(range(4), labels=[p.replace(" ", "\n") for p in places])
        ax.set(xlim=(-0.5, 3.5), ylim=(-4, 104))
        ax.set_title(titles[view])
    axes[0].set_ylabel("pressed, where it pays (%)")
    axes[1].legend(loc="center right", fontsize=8)
    for ax in axes:
        ax.text(0, 30, "more\ntraining\nhere", fontsize=8, ha="center", color="0.3")
    return fig, f"Percent of buttons pressed where pressing pays. {'; '.join(said)}."


def races(
    ns: Sequence[int],
    exact: Mapping[tuple[float, float], Sequence[tuple]],
    learned: Mapping[str, Sequence[float]],
) -> tuple[Figure, str]:
    """The winner's safety by the number of teams, exact, in two settings (tax, enmity).

    learned: marks in the first setting, in the order of what teams know.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 2.9), sharey=True)
    names = ("know nothing", "know their own", "know all")
    looks = ((BLUE, "o", "-"), (ORANGE, "s", "--"), (RED, "^", ":"))
    said = []
    for ax, ((tax, enmity), rows) in zip(axes, exact.items(), strict=True):
        columns = list(zip(*rows, strict=True))
        for (color, _, style), name, values in zip(looks, names, columns, strict=True):
            ax.plot(ns, values, color=color, linestyle=style, marker="", label=name)
        ax.text(ns[-1], 0.97, f"tax {tax:g}, enmity {enmity:g}", ha="right", fontsize=9)
        ax.set(xlabel="teams", ylim=(0, 1.04), xlim=(ns[0] - 0.2, ns[-1] + 0.2))
        ax.set_xticks(list(ns))
        shares = ", ".join(
            f"{n} teams " + "/".join(f"{v:.2f}" for v in row)
            for n, row in zip(ns, rows, strict=True)
        )
        said.append(f"tax {tax:g}, enmity {enmity:g}: {shares}")
    for (color, marker, _), values in zip(looks, learned.values(), strict=False):
        axes[0].plot(ns, values, color=color, marker=marker, linestyle="", markersize=6)
    axes[0].set_title("More rivals, or knowing oneself:\nless safety (marks: learned, one seed)")
    axes[1].set_title("Here knowing all is safer\nthan knowing oneself alone")
    axes[0].set_ylabel("mean safety of the winner")
    axes[0].legend(loc="upper right", bbox_to_anchor=(1, 0.95), fontsize=8)
    plots.label_ends(axes[1])
    return fig, (
        "Winner's safety if teams know nothing / their own capability / everyone's. "
        + "; ".join(said) + ". Marks: learned races, at the first tax, near their lines."
    )  # fmt: skip


def prices(found: Mapping[str, Sold], shown: int = 12) -> tuple[Figure, str]:
    """Profit gains of all kinds of pairs, and what follows when one seller undercuts."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.0), width_ratios=(6, 5))
    said = []
    for x, (name, sold) in enumerate(found.items()):
        spread = np.linspace(-0.25, 0.25, len(sold.gain))
        left.plot(
            x + spread, 100 * np.sort(sold.gain), marker=".", linestyle="", color=plots.COLORS[x]
        )
        mean = 100 * sold.gain.mean()
        left.plot([x - 0.3, x + 0.3], [mean, mean], color="black", marker="", linewidth=1.8)
        said.append(f"{name} {mean:.0f}")
    left.set_xticks(
        range(len(found)),
        labels=[n.replace(", ", "\n") for n in found],
    )
    for x, height, word in ((2, 0, "competition"), (3.5, 100, "monopoly")):
        left.axhline(height, color=GRAY, linestyle=":", linewidth=1, marker="", zorder=0)
        left.text(x, height + 3, word, color=GRAY, fontsize=9, ha="center")
    left.set(xlim=(-0.5, 4.5), ylim=(-30, 118), ylabel="profit gain (%)")
    left.set_title("The patient blind gain most,\nunless told what every price earns\n"
                   "(dot: a pair, bar: mean)")  # fmt: skip
    sold, here = found["sees, patient"], market()
    for label, path, look in (
        ("who undercuts", sold.own_after, {"color": RED, "marker": "s", "linestyle": "--"}),
        ("the rival", sold.rival_after, {"color": BLUE, "marker": "o"}),
    ):
        right.plot(range(shown), path[:shown], label=label, **look)
    right.axhline(sold.before, color="black", linestyle="-.", linewidth=1, marker="")
    right.text(shown - 1, sold.before + 0.035, "nobody undercuts", fontsize=9, ha="right")
    for height, word in ((here.nash, "competition"), (here.monopoly, "monopoly")):
        right.axhline(height, color=GRAY, linestyle=":", linewidth=1, marker="", zorder=0)
        right.text(shown - 1, height + 0.01, word, color=GRAY, fontsize=9, ha="right")
    right.set(ylim=(1.42, 1.98), xlabel="periods after the undercut", ylabel="mean price")
    right.legend(loc="lower right", bbox_to_anchor=(1, 0.16))
    right.set_title(
        f"Undercutting once is answered,\nthen prices climb back\n(mean of {len(sold.gain)} pairs)"
    )
    return fig, (
        f"Left: mean profit gain in percent: {', '.join(said)}. Right: mean prices when one seller "
        f"undercuts: {sold.own_after[0]:.2f}; the rival goes from {sold.rival_after[0]:.2f} to "
        f"{sold.rival_after[1]:.2f}, and both climb back towards {sold.before:.2f}."
    )


def waiting_at(mean: float) -> tuple[Figure, str]:
    """What waiting is worth over deciding alone, by doubt and error, at a mean worth above 0."""
    fig, ax = plt.subplots(figsize=(6.2, 2.9))
    doubts, said = [0.05 * i for i in range(1, 61)], []
    for i, error in enumerate((0.0, 0.5, 1.0, 2.0)):
        gain = [off_switch_value(mean, doubt, error) - max(mean, 0.0) for doubt in doubts]
        ax.plot(
            doubts, gain, color=plots.COLORS[i], marker="", linestyle=STYLES[i], label=_errs(error)
        )
        pays = next((f"{d:.2f}" for d, y in zip(doubts, gain, strict=True) if y > 1e-9), "none")
        said.append(f"{_errs(error)}: {gain[0]:.2f} to {gain[-1]:.2f}, above 0 from {pays}")
    ax.axhline(0, color="black", linewidth=0.8, marker="")
    ax.set(xlabel=f"the robot's doubt σ (mean worth {mean:g})", ylabel="gain by waiting (in worth)")
    ax.set_xticks([0, 0.5, 1, 1.5, 2, 2.5, 3])
    ax.set_title("The more a person errs, the more doubt\nit takes before waiting pays")
    plots.label_ends(ax)
    return fig, (
        f"Gain by waiting at a mean worth of {mean:g}, from the least doubt to the largest. "
        + "; ".join(said) + "."
    )  # fmt: skip
