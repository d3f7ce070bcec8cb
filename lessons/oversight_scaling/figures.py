"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lessons.oversight_scaling.agents import LEVELS
from lessons.oversight_scaling.experiments import (
    ABSTRACT,
    PUBLISHED,
    START,
    by_steps,
    double_relu,
)
from utils import claims, plots

Picture = tuple[Figure, str]

GUARD = {"color": plots.COLORS[0], "marker": "o", "linestyle": "-"}
HOUDINI = {"color": plots.COLORS[3], "marker": "s", "linestyle": "--"}
GAMES = {"Debate": "o", "Mafia": "s", "Backdoor Code": "^", "Wargames": "v"}
RATIOS = {  # our games, the claim that holds their ratios, and the paper's games beside them
    "debate": ("debate_is_the_guards", ("Debate",)),
    "proofs": ("one_speaker_lets_houdini_rise", ("Mafia", "Wargames")),
    "backdoors": ("backdoors_favor_houdini", ("Backdoor Code",)),
}
SEEN = "capability (doublings of what was seen)"


def who_wins(won: Mapping[str, Tensor]) -> Picture:
    """The guards' win rates in each game, a square a pairing."""
    fig, axes = plt.subplots(1, len(won), figsize=(7.6, 2.9), sharey=True)
    said = []
    for ax, (name, rates) in zip(axes, won.items(), strict=True):
        percent = 100 * rates
        shown = plots.image(ax, percent, 100, origin="lower", extent=(0.5, 10.5, 0.5, 10.5))
        ax.set(title=name, xticks=(1, 4, 7, 10), yticks=(1, 4, 7, 10))
        for i, j in ((0, 0), (0, 9), (9, 0), (9, 9)):
            dark = percent[i, j] > 60
            ax.text(LEVELS[j], LEVELS[i], f"{percent[i, j]:.0f}", ha="center", va="center",
                    fontsize=8, color="white" if dark else "black")  # fmt: skip
        said.append(
            f"{name}: weakest guard {percent[0, 0]:.0f} against the weakest and "
            f"{percent[0, -1]:.0f} against the strongest Houdini, strongest guard "
            f"{percent[-1, 0]:.0f} and {percent[-1, -1]:.0f}"
        )
    axes[0].set_ylabel("guard's capability")
    axes[1].set_xlabel("Houdini's capability (doublings of what was seen)")
    fig.colorbar(shown, ax=axes, label="guard wins (%)", shrink=0.8)
    fig.suptitle("Who is overseen matters in two games of three", x=0.01, ha="left", fontsize=11)
    return (
        fig,
        "In debate rows hardly change, else they pale to the right. Win rates of ten guards "
        "against ten Houdinis, in percent. " + ". ".join(said) + ".",
    )


def elo_curves(
    elo: Mapping[str, tuple[Tensor, Tensor]], fits: Mapping[str, Sequence[Sequence[float]]]
) -> Picture:
    """Ratings by capability, and the double ReLU through them, guard and Houdini in each game."""
    fig, axes = plt.subplots(1, len(elo), figsize=(7.8, 3), sharey=True)
    x = torch.linspace(min(LEVELS), max(LEVELS), 181, dtype=torch.float64)
    said, titles = [], ("Debate: the guard rises", "Proofs: both rise", "Backdoors: mostly Houdini")
    for ax, title, (name, pair) in zip(axes, titles, elo.items(), strict=True):
        for who, look, points, fit in zip(
            ("guard", "Houdini"), (GUARD, HOUDINI), pair, fits[name], strict=True
        ):
            ax.plot(LEVELS, points, **(look | {"linestyle": ""}), label="_")
            ax.plot(x, double_relu(x, *fit), **(look | {"marker": ""}), label=who)
            said.append(f"{name}, {who}: {points[0]:.0f} to {points[-1]:.0f}")
        ax.set(title=title, xticks=(1, 4, 7, 10))
        plots.label_ends(ax)
    axes[0].set_ylabel("Elo in this game")
    axes[1].set_xlabel(SEEN)
    return fig, "Elo by capability with plateau-line-plateau fits. " + "; ".join(said) + "."


def slope_ratios() -> Picture:
    """The Houdini's slope over the guard's: ours by seed, the paper's as diamonds."""
    fig, ax = plt.subplots(figsize=(6.6, 2.3))
    stored, said = claims.measured(), []
    for y, (game, (name, papers)) in enumerate(RATIOS.items()):
        ours = [f.value for key, f in stored.items() if key[:2] == ("oversight_scaling", name)]
        ax.plot(ours, [y] * len(ours), "|", color=plots.COLORS[0], markersize=13, label="_")
        theirs = [PUBLISHED[p][1][0] / PUBLISHED[p][0][0] for p in papers]
        ax.plot(theirs, [y + 0.33] * len(theirs), **plots.PAPER)
        ax.annotate(" and ".join(papers), (max(theirs), y + 0.33), (8, 0),
                    textcoords="offset points", va="center", fontsize=8,
                    bbox={"color": "white", "pad": 1})  # fmt: skip
        if ours:
            said.append(f"{game} {min(ours):.2f} to {max(ours):.2f}, paper "
                        + " and ".join(f"{t:.2f}" for t in theirs))  # fmt: skip
    ax.annotate("ticks: ten seeds\ndiamonds: the paper", (0.98, 0.06), xycoords="axes fraction",
                ha="right", fontsize=8)  # fmt: skip
    ax.axvline(1, color="0.6", linewidth=0.8, linestyle=":", marker="")
    ax.set_yticks(range(3), list(RATIOS))
    ax.set_xscale("symlog", linthresh=1, linscale=0.8)
    ax.set_xticks((0, 0.5, 1, 2, 5, 10, 20, 50), ("0", "0.5", "1", "2", "5", "10", "20", "50"))
    ax.minorticks_off()
    ax.set(ylim=(-0.4, 2.7), xlim=(-0.3, 60))
    ax.set_xlabel("slope of a line through all ten, Houdini over guard (logarithmic above 1)")
    ax.set_title("The paper's order, but other sizes")
    return fig, (
        "Houdini's slope over the guard's: ten seeds as ticks, the paper's fits as diamonds. "
        + "; ".join(said) + "."
    )  # fmt: skip


def _styled(i: int, game: str) -> dict:
    return {"color": plots.COLORS[(0, 1, 3, 2)[i]], "marker": GAMES[game], "markevery": 0.2}


def published(
    gaps: Sequence[float],
    success: Mapping[str, list[float]],
    steps: Mapping[str, list[int]],
    flat: Sequence[float],
) -> Picture:
    """Nested oversight by the authors' published lines: success, and the best number of steps.

    flat: the success in Backdoor Code if its Houdini's line ends in the plateau that was fitted.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.1))
    for i, game in enumerate(success):
        left.plot(gaps, [100 * p for p in success[game]], **_styled(i, game), label=game)
        right.plot(gaps, steps[game], **_styled(i, game), label=game, drawstyle="steps-mid")
    for p in ABSTRACT.values():
        left.plot(400, p, **plots.PAPER)
    at = min(range(len(gaps)), key=lambda k: abs(gaps[k] - 400))
    name = "Backdoor Code"
    ends = (100 * success[name][at], ABSTRACT[name])
    left.plot((400, 400), ends, color=plots.COLORS[3], linewidth=1, marker="", label="_")
    left.annotate(f"{name}:\nabstract {ends[1]:.1f}", (560, 20), fontsize=8)
    left.plot(gaps, [100 * p for p in flat], "--", color=plots.COLORS[3], marker="", label="_")
    left.annotate(f"{name}, with plateau", (gaps[-1], 100 * flat[-1] - 2), fontsize=8, ha="right",
                  va="top")  # fmt: skip
    for ax in (left, right):
        ax.axvspan(0, 274, color="0.87", zorder=0)
    left.annotate("diamonds: the paper's abstract,\ngap 400; shaded: measured", (0.3, 0.86),
                  xycoords="axes fraction", fontsize=8)  # fmt: skip
    left.axhline(50, color="0.6", linewidth=0.8, linestyle=":", marker="")
    left.set(xlabel="gap in Arena Elo", ylabel="oversight succeeds (%)", ylim=(0, 100))
    left.set_title("By their lines: success falls")
    right.set(xlabel="gap in Arena Elo", ylabel="best number of steps", ylim=(0, None))
    right.set_title("Wide gaps need more steps, except in one")
    for ax in (left, right):
        plots.label_ends(ax)
    said = "; ".join(f"{g} {100 * p[at]:.1f} (paper {ABSTRACT[g]})" for g, p in success.items())
    last = ", ".join(f"{g} {n[-1]}" for g, n in steps.items())
    return fig, (
        f"Left: best success of nested oversight by the gap. At 400, in percent: {said}. Right: "
        f"the best number of steps, at the widest gap {last}. Backdoor Code needs two in between. "
        f"Dashed, left: Backdoor Code with the plateau that was fitted, {100 * flat[0]:.0f} to "
        f"{100 * flat[-1]:.0f}."
    )


def steps_at(gap: float) -> Picture:
    """Success by the number of steps at one gap, in the paper's four games."""
    fig, ax = plt.subplots(figsize=(6, 2.8))
    said = []
    for i, (game, lines) in enumerate(PUBLISHED.items()):
        percent = [100 * p for p in by_steps(*lines, gap, START)]
        shown = [p if p >= 0.01 else math.nan for p in percent]
        ax.plot(range(1, 11), shown, **(_styled(i, game) | {"markevery": 1}), label=game)
        best = max(range(10), key=percent.__getitem__)
        said.append(f"{game} {best + 1} ({percent[best]:.1f} percent)")
    ax.set(xlabel="number of steps", ylabel="oversight succeeds (%)", xticks=range(1, 11))
    ax.set_yscale("log")
    ax.set_ylim(0.01, 100)
    ax.set_yticks((0.01, 0.1, 1, 10, 100), ("0.01", "0.1", "1", "10", "100"))
    below = [g for g, lines in PUBLISHED.items() if max(by_steps(*lines, gap, START)) < 1e-4]
    never = f" ({' and '.join(below)} below 0.01 %)" if below else ""
    ax.set_title(f"Success by the number of steps, gap {gap:g}{never}")
    plots.label_ends(ax)
    return fig, f"At a gap of {gap:g} the best numbers of steps are: " + ", ".join(said) + "."


def honesty(levels: Sequence[int], found: Mapping[str, list[float]]) -> Picture:
    """What honesty pays under four protocols, by the agents' capability."""
    fig, ax = plt.subplots(figsize=(6.4, 3))
    for name, scores in found.items():
        plain = {"color": "0.45", "linestyle": ":", "marker": ""}
        ax.plot(levels, scores, label=name, **(plain if name == "random pixels" else {}))
    ax.axhline(0, color="0.6", linewidth=0.8, marker="", label="_")
    ax.set(xticks=levels, xlabel="agent's " + SEEN, ylabel="agent score difference (nats)")
    ax.set_title("Capable agents: debate pays honesty more, one speaker less")
    plots.label_ends(ax)
    said = "; ".join(f"{name} {s[0]:.1f} to {s[-1]:.1f}" for name, s in found.items())
    return fig, f"Agent score difference in nats, weakest to strongest agent. {said}."


def looks(counts: Sequence[int], chances: Mapping[str, list[float]]) -> Picture:
    """The chance that a random reading finds a bad output, by how many are read a day."""
    if not counts:
        raise ValueError("name at least one number of outputs that people read")
    fig, ax = plt.subplots(figsize=(6, 2.8))
    for name, chance in chances.items():
        ax.plot(counts, [100 * c for c in chance], label=name, markevery=4)
    ax.axvspan(100, 200, color="0.9", zorder=0)
    ax.annotate("100 to 200\na day", (150, 36), ha="center", fontsize=8)
    ax.set(xlabel="outputs that people read, of 2,000", ylabel="chance that one is found (%)")
    ax.set(ylim=(0, 102), title="A few looks find common faults, not rare ones")
    plots.label_ends(ax)
    said = "; ".join(f"{name} {100 * c[-1]:.0f}" for name, c in chances.items())
    return fig, (
        f"Chance that random reading finds one bad output, at {counts[-1]} read, in percent: "
        f"{said}. Shaded: 100 to 200 a day."
    )


def triage(odd: Tensor, guards: Sequence[int], share: float) -> Picture:
    """Share of the working backdoors among what a guard finds oddest, by Houdini and guard."""
    fig, ax = plt.subplots(figsize=(6.4, 2.9))
    said = []
    for row in guards:
        found = 100 * odd[row, 2:]  # of the two weakest few work, in some seeds hardly any
        ax.plot(LEVELS[2:], found, label=f"guard of capability {LEVELS[row]}")
        said.append(f"guard {LEVELS[row]}: {found[0]:.0f} to {found[-1]:.0f}")
    _dashed(ax, 100 * share, f"read at random: {100 * share:g} %")
    ax.set(xlabel="Houdini's " + SEEN, ylabel="working backdoors read (%)", ylim=(0, None))
    ax.set_title("Triage finds less of what capable Houdinis hide")
    ax.legend(loc="upper right")  # at their ends the lines meet
    return fig, (
        f"Share of working backdoors among the {100 * share:g} percent oddest programs, capability "
        f"3 to 10 of the Houdini, in percent. {'; '.join(said)}. Random reading: {100 * share:g}."
    )


def _dashed(ax: Axes, y: float, label: str) -> None:
    ax.axhline(y, color="0.4", linewidth=1, linestyle="--", marker="", label=label)
