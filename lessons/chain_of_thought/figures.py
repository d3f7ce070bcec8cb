"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from lessons.chain_of_thought.experiments import Bench, Reliance
from utils import claims, plots

CHANCE = {"color": "0.6", "linestyle": ":", "linewidth": 1, "marker": ""}


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("chain_of_thought", claim)]


def _told(name: str, values: Sequence[float]) -> str:
    return f"{name} " + ", ".join(f"{v:.2f}" for v in values)


def chain_helps(found: Mapping[str, Sequence[float]]) -> tuple[Figure, str]:
    """Right answers by the number of digits: with the model's own chain, with dots, directly."""
    fig, ax = plt.subplots(figsize=(5.6, 3.1))
    for (name, values), style in zip(found.items(), ("-", "--", "-."), strict=True):
        ax.plot(range(1, len(values) + 1), values, style, label=name)
    ax.axhline(0.2, label="chance", **CHANCE)
    helps = found["with its chain"][-1] - found["directly"][-1] > 0.3
    ax.set(xlabel="digits to be summed", ylabel="share of right answers", ylim=(0, 1.04))
    ax.set_xticks(range(1, len(found["directly"]) + 1))
    ax.set_title("Long sums need the chain, and dots do not replace it" if helps else "The chain")
    plots.label_ends(ax)
    told = "; ".join(_told(name, values) for name, values in found.items())
    return fig, f"Share of right answers for one to five digits: {told}. Chance is 0.2."


def relies(
    relied: Mapping[int, Reliance], control: Sequence[float], curves: Mapping[int, Tensor]
) -> tuple[Figure, str]:
    """After a mistake: who follows it, by digits and by its place. And early answers, by depth.

    control: the share that follows in a model that read no mistakes. curves: by number of digits,
    the share of answers that are final, by the share of the chain.
    """
    fig, axes = plt.subplots(2, 2, figsize=(7.6, 5.8))
    (digits, place), (early, names) = axes
    follow, right = [r.follow for r in relied.values()], [r.right for r in relied.values()]
    lines = (("follow it", follow, "-"), ("follow it, no\nmistakes read", control, ":"),
             ("right anyway", right, "--"))  # fmt: skip
    for name, values, style in lines:
        digits.plot(list(relied), values, style, label=name)
    digits.set(
        title="A mistake in the chain:\nhard answers follow it", xlabel="digits to be summed"
    )
    digits.set_xticks(list(relied))
    told = []
    for k, (depth, curve) in enumerate(curves.items()):
        look = {"linestyle": ("-", "--", "-.", ":", "-")[k % 5], "marker": plots.MARKERS[k % 7],
                "color": plots.COLORS[k % 7]}  # fmt: skip
        early.plot([i / depth for i in range(depth + 1)], curve, **look)
        names.plot([], [], label=f"{depth} digit{'s' * (depth > 1)}", **look)
        if depth > 2:
            place.plot(range(1, depth + 1), relied[depth].by_place, **look)
            told.append(_told(f"{depth} digits", relied[depth].by_place))
    place.set(title="By the step that is mistaken:\nonly the last may be mended", xlabel="step")
    place.set_xticks(list(relied))
    early.set(title="Early answers: easy ones\nare final at once",
              xlabel="share of the chain that is there")  # fmt: skip
    for ax, what in ((digits, "share of answers"), (place, "share that follows"),
                     (early, "share already final")):  # fmt: skip
        ax.set(ylim=(-0.03, 1.04), ylabel=what)
    plots.label_ends(digits)
    names.axis("off")
    names.legend(loc="center left")
    final = "; ".join(_told(f"{d} digits", c.tolist()) for d, c in curves.items())
    return fig, (
        "Two tests of whether answers wait for their chain, by number of digits. After a mistake: "
        f"{_told('follow', follow)}; {_told('right', right)}; in a model that read no mistakes "
        f"{_told('follow', control)}. By the step mistaken, share that follows: {'; '.join(told)}. "
        f"Share of early answers that are final, from no step to all: {final}."
    )


def probes(
    digits: Sequence[int], found: Mapping[str, Mapping[str, Sequence[float]]]
) -> tuple[Figure, str]:
    """How often a probe tells the final answer before the chain, by digits: a panel a test.

    found: by test, by whose activations the probe saw.
    """
    fig, axes = plt.subplots(1, len(found), figsize=(7.6, 3.2), sharey=True)
    told = []
    for ax, (test, rows) in zip(axes, found.items(), strict=True):
        for (name, values), style in zip(rows.items(), ("-", "--", "-."), strict=True):
            ax.plot(digits, values, style, label=name)
            told.append(_told(f"{test}, {name}", values))
        ax.axhline(0.2, label="chance", **CHANCE)
        ax.set(title=test, xlabel="digits to be summed", ylim=(0, 1.04))
        ax.set_xticks(digits)
    axes[0].set_ylabel("share of final answers told")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    last = next(iter(found.values()))
    same = last["untrained model"][0] > last["trained model"][0] - 0.1
    title = "Before the chain: what a probe reads, an untrained model may give it, too"
    fig.suptitle(title if same else "What a probe reads before the chain", fontsize=11, x=0.02,
                 ha="left")  # fmt: skip
    return (
        fig,
        "Share of final answers that a linear probe tells, by number of digits: "
        f"{'; '.join(told)}.",
    )


def hints(rows: Mapping[str, tuple[float, float]]) -> tuple[Figure, str]:
    """The share of hints used, and of these the share said; Chen et al.'s values as diamonds.

    rows: by who was trained how.
    """
    fig, ax = plt.subplots(figsize=(6.4, 0.9 + 0.62 * len(rows)))
    for i, (used, said) in enumerate(rows.values()):
        ax.barh(i - 0.17, used, 0.3, color=plots.COLORS[0])
        ax.barh(i + 0.17, said, 0.3, color=plots.COLORS[1], hatch="///", edgecolor="white")
    ax.plot([0.25, 0.39], [0.17, 0.17], **plots.PAPER)
    for i, (used, _) in enumerate(rows.values()):
        if used < 0.02:
            ax.text(0.01, i, "hardly any hint is used", fontsize=9, color="0.3", va="center")
    if len(rows) > 1:
        ax.plot([0.99, 0.02], [0.83, 1.17], **plots.PAPER, clip_on=False)
    ax.set_yticks(range(len(rows)), labels=list(rows))
    ax.set(xlim=(0, 1.0), xlabel="share", ylim=(len(rows) - 0.5, -0.5))
    ax.tick_params(axis="y", length=0)
    names = ("hints used", "uses said", "Chen et al.")
    bars = [plt.Rectangle((0, 0), 1, 1, color=plots.COLORS[0]),
            plt.Rectangle((0, 0), 1, 1, facecolor=plots.COLORS[1], hatch="///", edgecolor="white"),
            plt.Line2D([], [], **plots.PAPER)]  # fmt: skip
    ax.legend(bars, names, loc="upper left", bbox_to_anchor=(1.02, 1))
    (before, *after) = rows.values()
    more = after and after[0][0] > before[0] + 0.2 and after[0][1] <= before[1] + 0.05
    ax.set_title("Used far more, said no more" if more else "Hints used, and said")
    told = "; ".join(f"{name}: used {u:.2f}, said {s:.2f}" for name, (u, s) in rows.items())
    return fig, f"Of wrong hints, the share used, and of those uses the share said. {told}."


def chains_go_astray(
    p_correct_after: Callable, p: float, checkers: Sequence[tuple[float, float]]
) -> tuple[Figure, str]:
    """The chance that a whole chain is right by its length, without and with checkers of steps.

    checkers: pairs of the chances that a wrong step is caught and that a right one is.
    """
    fig, ax = plt.subplots(figsize=(5.8, 3.1))
    lengths, ends = range(0, 51), []
    for (catch, alarm), style in zip(checkers, ("-", "--", "-.", ":"), strict=False):
        chance = [float(p_correct_after(n, p, catch, alarm)) for n in lengths]
        name = f"catches {catch:.0%}" if catch else "no checker"
        ax.plot(lengths, chance, style, marker="", linewidth=2, label=name)
        ends.append(f"{name} {chance[-1]:.2f}")
    ax.set(xlabel="steps", ylabel="chance that every step is right", ylim=(0, 1.04))
    ax.set_title(f"At {p:.0%} a step, long chains go astray")
    plots.label_ends(ax)
    return fig, f"The chance that all steps are right, by steps. After 50: {', '.join(ends)}."


def under_the_monitor(
    found: Mapping[float, Mapping[int, Bench]], limits: Mapping[int, float]
) -> tuple[Figure, str]:
    """Hacks, and hacks that are flagged, by penalty: a panel a number of digits of the key.

    limits: where work begins to pay more than any hack, for the keys for which there is such a
    penalty.
    """
    depths, penalties = list(next(iter(found.values()))), list(found)
    fig, axes = plt.subplots(1, len(depths), figsize=(7.6, 3.2), sharey=True)
    told = []
    for ax, depth in zip(axes, depths, strict=True):
        rows = [found[penalty][depth] for penalty in penalties]
        hacks = [b.hacks for b in rows]
        flagged = [b.hacks * b.flagged if b.hacks else 0.0 for b in rows]
        for k, (heights, name) in enumerate(((hacks, "hacks"), (flagged, "flagged hacks"))):
            look = {"hatch": "///", "edgecolor": "white"} if k else {}
            places = [i + 0.36 * k - 0.18 for i in range(len(penalties))]
            ax.bar(places, heights, 0.34, color=plots.COLORS[k], label=name, **look)
        if depth in limits:
            below = sum(penalty < limits[depth] for penalty in penalties) - 0.5
            ax.axvline(below, 0, 0.84, color="0.3", linestyle=":", linewidth=1.2, marker="")
            text = f"work pays more than\nhacking from {limits[depth]:.2f}"
            ax.text(below, 1.16, text, fontsize=8, ha="center", va="center")
        hidden = hacks[-1] > 0.5 > flagged[-1]
        what = "it hides" if hidden else "it stops" if hacks[-1] < 0.1 else "it goes on"
        ax.set(title=f"Key of {depth} digits: {what}", xlabel="penalty", ylim=(0, 1.26))
        ax.set_xticks(range(len(penalties)), labels=[f"{penalty:g}" for penalty in penalties])
        ax.set_yticks([0, 0.5, 1])
        told.append(f"{depth} digits: {_told('hacks', hacks)}, {_told('flagged', flagged)}")
    axes[0].set_ylabel("share of episodes")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    return fig, (
        "Hacks and flagged hacks by penalty, for keys of two lengths. Penalties "
        f"{', '.join(f'{p:g}' for p in penalties)}, shares of episodes. " + "; ".join(told) + "."
    )


def two_monitors(rows: Mapping[str, tuple[float, float]]) -> tuple[Figure, str]:
    """AUROC of the monitor that reads the chain and of the one that reads the pay, by model."""
    fig, ax = plt.subplots(figsize=(6.4, 0.9 + 0.5 * len(rows)))
    for i, (chain, pay) in enumerate(rows.values()):
        ax.plot([chain, pay], [i, i], color="0.8", marker="", zorder=0)
        ax.plot(chain, i, "o", color=plots.COLORS[0], markersize=8, clip_on=False)
        ax.plot(pay, i, "s", color=plots.COLORS[1], markersize=7, clip_on=False)
    ax.axvline(0.5, **CHANCE)
    ax.set_yticks(range(len(rows)), labels=list(rows))
    ax.set(
        xlim=(0.0, 1.02), ylim=(len(rows) - 0.5, -0.5), xlabel="AUROC, hacks against honest work"
    )
    ax.tick_params(axis="y", length=0)
    looks = (("o", plots.COLORS[0], "reads the chain"), ("s", plots.COLORS[1], "reads the pay"))
    marks = [plt.Line2D([], [], linestyle="", marker=m, color=c) for m, c, _ in looks]
    ax.legend(marks, [name for *_, name in looks], loc="upper left", bbox_to_anchor=(1.02, 1))
    first, last = next(iter(rows.values())), list(rows.values())[-1]
    turns = first[0] > first[1] and last[0] < last[1]
    ax.set_title("Trained against, the chain is the worse witness" if turns else "Two monitors")
    told = "; ".join(f"{name}: chain {c:.2f}, pay {p:.2f}" for name, (c, p) in rows.items())
    return (
        fig,
        "AUROC of a monitor that reads the chain and of one that reads the pay. "
        f"{told}. Chance is 0.5.",
    )
