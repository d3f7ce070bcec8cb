"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

import math
from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib import patheffects
from matplotlib.figure import Figure
from torch import Tensor

from lessons.chain_of_thought.experiments import Bench, Reliance
from utils import claims, plots

CHANCE = {"color": "0.6", "linestyle": ":", "linewidth": 1, "marker": ""}
PENALTY = 2.0  # of the claims whose ten seeds are drawn or counted below
ON_THE_BENCH = {2: ("penalized_it_hides", "hides"), 5: ("needed_it_stops", "stops")}
SEED = {"linestyle": "", "marker": "o", "color": "0.2", "fillstyle": "none", "markersize": 4,
        "clip_on": False, "zorder": 4}  # fmt: skip


def by_seed(claim: str) -> list[claims.Finding]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found for key, found in stored if key[:2] == ("chain_of_thought", claim)]


def beside(values: Sequence[float], step: float) -> list[float]:
    """For each value how far to shift its circle, so that equal ones do not hide each other."""
    places: list[int] = []
    for i, value in enumerate(values):
        near = {place for place, w in zip(places, values[:i], strict=True) if abs(value - w) < 0.03}
        places.append(min(set(range(i + 1)) - near))
    return [step * place for place in places]


def _told(name: str, values: Sequence[float]) -> str:
    return f"{name} " + ", ".join(f"{v:.2f}" for v in values)


def _digits(depth: int) -> str:
    return f"{depth} digit{'s' * (depth > 1)}"


def _sentence(title: str) -> str:
    """A figure's title on one line, for its alt text."""
    return title.replace("\n", " ") + "."


def chain_helps(found: Mapping[str, Sequence[float]]) -> tuple[Figure, str]:
    """Right answers by the number of digits: with the model's own chain, with dots, directly."""
    fig, ax = plt.subplots(figsize=(5.6, 3.1))
    looks = (("-", "o", 4), ("--", "s", 6.5), ("-.", "^", 4))
    for (name, values), (style, marker, size) in zip(found.items(), looks, strict=True):
        look = {"linestyle": style, "marker": marker, "markersize": size}
        if marker == "s":
            look |= {"fillstyle": "none"}
        ax.plot(range(1, len(values) + 1), values, label=name, **look)
    ax.axhline(0.2, **CHANCE)
    ax.text(1, 0.185, "chance", fontsize=9, color="0.4", va="top")
    chain, dots, directly = (found[n][-1] for n in ("with its chain", "with dots", "directly"))
    helps = chain - directly > 0.3 and dots - directly <= 0.05
    ax.set(xlabel="digits to be summed", ylabel="share of right answers", ylim=(0, 1.04))
    ax.set_xticks(range(1, len(found["directly"]) + 1))
    title = "Long sums need the chain, and dots do not replace it"
    if not helps:
        title = f"The longest sums: {chain:.2f} right with the chain, {directly:.2f} directly"
    ax.set_title(title)
    plots.label_ends(ax)
    told = "; ".join(_told(name, values) for name, values in found.items())
    return fig, (
        f"{_sentence(title)} Share of right answers for one to five digits: {told}. Chance is 0.2."
    )


def relies(
    relied: Mapping[int, Reliance], control: Sequence[float], curves: Mapping[int, Tensor]
) -> tuple[Figure, str]:
    """After a mistake: who follows it, by digits and by its place. And early answers, by depth.

    control: the share that follows in a model that read no mistakes. curves: by number of digits,
    the share of answers that are final, by the share of the chain.
    """
    fig, axes = plt.subplots(2, 2, figsize=(7.6, 5.8))
    fig.get_layout_engine().set(w_pad=0.12)
    (digits, place), (early, names) = axes
    follow, right = [r.follow for r in relied.values()], [r.right for r in relied.values()]
    lines = (("follow it", follow, "-", "black"), ("right anyway", right, "--", "black"),
             ("follow it (control:\nread no mistakes)", control, ":", "0.4"))  # fmt: skip
    for name, values, style, color in lines:
        digits.plot(list(relied), values, style, label=name, color=color, marker="")
    seeds = [found.value for found in by_seed("hard_answers_follow_mistakes")]
    (circles,) = digits.plot([max(relied) + 0.2 + by for by in beside(seeds, 0.15)], seeds, **SEED)
    hard = follow[-1] > 0.5 > follow[0]
    titles = ["A mistake in the chain:\n" + ("hard answers follow it" if hard else "who follows")]
    told = []
    for k, (depth, curve) in enumerate(curves.items()):
        look = {"linestyle": ("-", "--", "-.", ":", "-")[k % 5], "marker": plots.MARKERS[k % 7],
                "color": plots.COLORS[k % 7]}  # fmt: skip
        if depth == 2:  # often as high as the line of 1 digit, whose markers stand inside
            look |= {"fillstyle": "none", "markersize": 8}
        area = (1 - (curve[1:] + curve[:-1]) / 2).mean().item()
        early.plot([i / depth for i in range(depth + 1)], curve, **look)
        names.plot([], [], label=f"{_digits(depth)}, area over {area:.2f}", **look)
        if depth > 2:
            place.plot(range(1, depth + 1), relied[depth].by_place, **look)
            told.append(_told(_digits(depth), relied[depth].by_place))
    places = [r.by_place for depth, r in relied.items() if depth > 2]
    last = all(p[-1] < 0.5 and p[-1] == min(p) for p in places)
    titles.append("By the step that is mistaken:\n"
                  + ("here the last is mended most" if last else "how many follow"))  # fmt: skip
    at_once = all(curve[0] > 0.9 for depth, curve in curves.items() if depth < 3)
    titles.append("Early answers: easy ones\n" + ("are final" if at_once else "are not all final")
                  + " at once")  # fmt: skip
    digits.set(title=titles[0], xlabel="digits to be summed", xlim=(0.85, max(relied) + 0.85))
    place.set(title=titles[1], xlabel="step")
    early.set(title=titles[2], xlabel="share of the chain that is there", xlim=(-0.05, 1.05))
    for ax, what in ((digits, "share of answers"), (place, "share that follows"),
                     (early, "share already final")):  # fmt: skip
        ax.set(ylim=(-0.03, 1.04), ylabel=what)
    for ax in (digits, place):
        ax.set_xticks(list(relied))
    plots.label_ends(digits)
    names.axis("off")
    key = names.legend(loc="upper left", title="panels with markers:", alignment="left")
    names.add_artist(key)
    names.legend([circles], ["five digits: follow it,\neach of ten seeds"], loc="lower left",
                 title="first panel:", alignment="left")  # fmt: skip
    final = "; ".join(_told(_digits(d), c.tolist()) for d, c in curves.items())
    return fig, (
        f"{' '.join(_sentence(title) for title in titles)} After a mistake, for one to five "
        f"digits: {_told('follow', follow)}; {_told('right', right)}; in a model that read no "
        f"mistakes {_told('follow', control)}. {_told('Of five digits, by seed, follow', seeds)}. "
        f"By the step mistaken, share that follows: {'; '.join(told)}. "
        f"Share of early answers that are final, from no step to all: {final}."
    )


def _who_tells(trained: float, untrained: float) -> str:
    """Of two digits: whose activations give a probe the answer."""
    if max(trained, untrained) < 0.4:
        return "neither does"
    if untrained > trained - 0.1:
        return "untrained does as well"
    return "trained only" if untrained < 0.4 else "trained does better"


def probes(
    digits: Sequence[int], found: Mapping[str, Mapping[str, Sequence[float]]]
) -> tuple[Figure, str]:
    """How often a probe tells the final answer, by digits: a panel a test.

    found: by test, by whose activations the probe saw. The first is on combinations that the probe
    has seen, the others on new ones.
    """
    fig, axes = plt.subplots(1, len(found), figsize=(7.6, 3.6), sharey=True)
    looks = (("-", "o", 5, "full"), ("--", "s", 8.5, "none"), ("-.", "^", 4, "full"))
    told = []
    for ax, (test, rows) in zip(axes, found.items(), strict=True):
        for (name, values), (style, marker, size, fill) in zip(rows.items(), looks, strict=True):
            ax.plot(digits, values, label=name, linestyle=style, marker=marker, markersize=size,
                    fillstyle=fill)  # fmt: skip
        told.append(f"{test}: " + "; ".join(_told(name, v) for name, v in rows.items()))
        trained, untrained, _ = (values[0] for values in rows.values())
        ax.set(xlabel="digits to be summed", ylim=(-0.05, 1.05), xticks=digits)
        ax.set_title(f"{test}:\n{_who_tells(trained, untrained)}", fontsize=10)
        ax.margins(x=0.08)
        if max(values[0] for values in rows.values()) < 0.02:
            ax.annotate("pairs: none", (digits[0], 0.03), (digits[0], 0.3), fontsize=9,
                        arrowprops={"arrowstyle": "-", "color": "0.4"})  # fmt: skip
    axes[0].axhline(0.2, **CHANCE)
    axes[0].text(digits[0] - 0.1, 0.185, "chance", fontsize=8, color="0.4", va="top")
    axes[0].set_ylabel("share of final answers told")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    seen, new, *_ = (next(iter(rows.values())) for rows in found.values())
    title = "At ⟨think⟩ a probe tells pairs that it has seen, and no others"
    if seen[0] < 0.7 or max(new) > 0.3:
        title = f"At ⟨think⟩ a probe tells {seen[0]:.2f} of seen pairs and {new[0]:.2f} of new ones"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    return fig, (
        f"{_sentence(title)} Share of final answers that a linear probe tells, for "
        f"{', '.join(map(str, digits))} digits. {'. '.join(told)}."
    )


def hints(rows: Mapping[str, tuple[float, float, float]]) -> tuple[Figure, str]:
    """The share of hints used, and of these the share named; Chen et al.'s values as diamonds.

    rows: by who was trained how: these two, and the share of answers that are right.
    """
    fig, ax = plt.subplots(figsize=(6.4, 0.9 + 0.62 * len(rows)))
    told = []
    for i, (name, (used, said, is_right)) in enumerate(rows.items()):
        ax.barh(i - 0.17, used, 0.3, color=plots.COLORS[0])
        if used < 0.02:
            text = f"hardly any hint used; answers right: {is_right:.2f}"
            ax.text(0.015, i, text, fontsize=9, color="0.3", va="center")
            told.append(f"{name}: {text}")
            continue
        ax.barh(i + 0.17, said, 0.3, color=plots.COLORS[1], hatch="///", edgecolor="white")
        told.append(f"{name}: used {used:.2f}, of these named {said:.2f}, right {is_right:.2f}")
    paper = [(0.25, 0.17, "Claude"), (0.39, 0.17, "R1")]
    if len(rows) > 1:
        paper += [(0.99, 0.83, "> 0.99"), (0.02, 1.17, "< 0.02")]
    edge = [patheffects.withStroke(linewidth=3.5, foreground="white")]
    for x, y, text in paper:
        ax.plot(x, y, **plots.PAPER, clip_on=False, path_effects=edge)
        side = {"xytext": (8, 0), "va": "center"} if x > 0.9 else {"xytext": (0, -12), "va": "top"}
        ax.annotate(text, (x, y), textcoords="offset points", fontsize=8, annotation_clip=False,
                    ha="left" if not 0.1 < x < 0.9 else "center", **side)  # fmt: skip
    ax.set_yticks(range(len(rows)), labels=list(rows))
    ax.set(xlim=(0, 1.0), xlabel="share of hints, or of their uses", ylim=(len(rows) - 0.5, -0.5))
    ax.tick_params(axis="y", length=0)
    names = ("hints used", "of these, named", "Chen et al.")
    bars = [plt.Rectangle((0, 0), 1, 1, color=plots.COLORS[0]),
            plt.Rectangle((0, 0), 1, 1, facecolor=plots.COLORS[1], hatch="///", edgecolor="white"),
            plt.Line2D([], [], **plots.PAPER)]  # fmt: skip
    ax.legend(bars, names, loc="upper left", bbox_to_anchor=(1.02, 1))
    (before, *after) = rows.values()
    key, (used, said, _) = list(rows)[bool(after)], (after or [before])[0]
    title = f"{key}: {used:.2f} of hints used, {said:.2f} of these named".capitalize()
    if after and used > before[0] + 0.2 and said < before[1] - 0.05:
        title = f"{key}: hints used more, named less".capitalize()
    ax.set_title(title)
    return fig, (
        f"{_sentence(title)} Of wrong hints, the share used, and of these uses the share that the "
        f"chain names. {'; '.join(told)}. Chen et al.: named 0.25 (Claude 3.7 Sonnet) and 0.39 "
        "(DeepSeek R1) without a planted hack; with one, used over 0.99, named under 0.02."
    )


def chains_go_astray(
    p_correct_after: Callable, p: float, checkers: Sequence[tuple[float, float]]
) -> tuple[Figure, str]:
    """The chance that a whole chain is right by its length, without and with checkers of steps.

    checkers: pairs of the chances that a wrong step is caught and that a right one is.
    """
    fig, ax = plt.subplots(figsize=(5.8, 3.3))
    lengths, ends = range(0, 51), {}
    for (catch, alarm), style in zip(checkers, ("-", "--", "-.", ":"), strict=False):
        chance = [float(p_correct_after(n, p, catch, alarm)) for n in lengths]
        name = f"catches {catch:.0%}" if catch else "no checker"
        ax.plot(lengths, chance, style, marker="", linewidth=2, label=name)
        ends[name] = chance[-1]
    alarms = {f"{alarm:.0%}" for catch, alarm in checkers if catch}
    note = f" (checkers also reject {' or '.join(sorted(alarms))} of right ones)" if alarms else ""
    ax.set(xlabel=f"steps{note}", ylabel="chance that every step is right", ylim=(0, 1.04))
    title = f"At {p:.0%} a step, the longest chains are right with chance {min(ends.values()):.2f}"
    if ends.get("no checker", 1) < 0.3 and max(ends.values()) > 0.7:
        title = f"At {p:.0%} a step long chains go astray,\nunless a checker catches most slips"
    ax.set_title(title)
    plots.label_ends(ax)
    told = ", ".join(f"{name} {end:.2f}" for name, end in ends.items())
    return fig, f"{_sentence(title)} The chance that all of 50 steps are right: {told}{note}."


def under_the_monitor(
    found: Mapping[float, Mapping[int, Bench]], limits: Mapping[int, tuple[str, float]]
) -> tuple[Figure, str]:
    """Hacks, and hacks that are flagged, by penalty: a panel a number of digits of the key.

    limits: by digits of the key, what pays more than an open hack, and from which penalty on.
    """
    depths, penalties = list(next(iter(found.values()))), list(found)
    fig, axes = plt.subplots(1, len(depths), figsize=(7.6, 3.8), sharey=True)
    titles, told = [], []
    for ax, depth in zip(axes, depths, strict=True):
        rows = [found[penalty][depth] for penalty in penalties]
        hacks = [b.hacks for b in rows]
        flagged = [b.hacks * b.flagged if b.hacks else 0.0 for b in rows]
        for k, (heights, name) in enumerate(((hacks, "hacks"), (flagged, "flagged hacks"))):
            look = {"hatch": "///", "edgecolor": "white"} if k else {}
            places = [i + 0.36 * k - 0.18 for i in range(len(penalties))]
            ax.bar(places, heights, 0.34, color=plots.COLORS[k], label=name, **look)
            for x, height in zip(places, heights, strict=True):
                if height < 0.005:
                    ax.text(x, 0.02, "0", fontsize=9, color="0.3", ha="center")
        told.append(f"{_digits(depth)}: {_told('hacks', hacks)}, {_told('flagged', flagged)}")
        what, limit = limits.get(depth, ("", math.nan))
        if math.isfinite(limit):
            below = sum(penalty < limit for penalty in penalties) - 0.5
            ax.axvline(below, 0, 0.83, color="0.3", linestyle=":", linewidth=1.2, marker="")
            text = f"{what} pays more than an\nopen hack from {limit:.2f}"
            ax.text(below, 1.16, text, fontsize=9, ha="center", va="center")
            told[-1] += f"; {what} pays more than an open hack from {limit:.2f}"
        hidden = hacks[-1] > 0.5 > flagged[-1]
        what = "hides" if hidden else "stops" if hacks[-1] < 0.1 else "goes on"
        titles.append(f"Key of {_digits(depth)}: here it {what}")
        claim, says = ON_THE_BENCH.get(depth, ("", ""))
        seeds = by_seed(claim)
        if seeds and penalties[-1] == PENALTY:
            count = f"{sum(s.holds for s in seeds)} of {len(seeds)} seeds"
            titles[-1] += f",\nas in {count}" if what == says else f"\n(it {says} in {count})"
            if says == "hides":
                values = [s.value for s in seeds]
                places = [len(penalties) - 0.55 + by for by in beside(values, 0.075)]
                ax.plot(places, values, label="hacks, each of ten seeds", **SEED)
                told[-1] += f"; by seed, under penalty {PENALTY:g}, {_told('hacks', values)}"
        ax.set(title=titles[-1], xlabel="penalty λ (not to scale)", ylim=(0, 1.26))
        ax.set_xticks(range(len(penalties)), labels=[f"{penalty:g}" for penalty in penalties])
        ax.set_yticks([0, 0.5, 1])
        ax.spines["left"].set_bounds(0, 1)
    axes[0].set_ylabel("share of episodes")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig, (
        f"{' '.join(_sentence(title) for title in titles)} Hacks and flagged hacks as shares of "
        f"episodes, under penalties {', '.join(f'{p:g}' for p in penalties)}. {'. '.join(told)}."
    )


def two_monitors(rows: Mapping[str, tuple[float, float]]) -> tuple[Figure, str]:
    """AUROC of the monitor that reads the chain and of the one that reads the pay, by model."""
    fig, ax = plt.subplots(figsize=(6.4, 0.9 + 0.5 * len(rows)))
    for i, (chain, pay) in enumerate(rows.values()):
        ax.plot([chain, pay], [i, i], color="0.8", marker="", zorder=0)
        ax.plot(chain, i, "o", color=plots.COLORS[0], markersize=8, clip_on=False)
        ax.plot(pay, i, "s", color=plots.COLORS[1], markersize=7, clip_on=False)
    ax.axvline(0.5, **CHANCE)
    ax.text(0.49, -0.42, "chance", fontsize=8, color="0.4", ha="right", va="center")
    ax.set_yticks(range(len(rows)), labels=list(rows))
    ax.set(xlim=(0.0, 1.02), ylim=(len(rows) - 0.5, -0.5))
    ax.set_xlabel("AUROC, hacks against honest work (key of 2 digits)")
    ax.tick_params(axis="y", length=0)
    looks = (("o", plots.COLORS[0], "reads the chain"), ("s", plots.COLORS[1], "reads the pay"))
    marks = [plt.Line2D([], [], linestyle="", marker=m, color=c) for m, c, _ in looks]
    ax.legend(marks, [name for *_, name in looks], loc="upper left", bbox_to_anchor=(1.02, 1))
    (name, (chain, pay)), first = list(rows.items())[-1], next(iter(rows.values()))
    title = f"Under {name}: the chain's AUROC {chain:.2f}, the pay's {pay:.2f}"
    if first[0] > first[1] and chain < pay:
        title = f"Under {name} the chain is the worse witness"
    ax.set_title(title)
    told = "; ".join(f"{name}: chain {c:.2f}, pay {p:.2f}" for name, (c, p) in rows.items())
    return fig, (
        f"{_sentence(title)} AUROC of a monitor that reads the chain and of one that reads the "
        f"pay, for a key of two digits. {told}. Chance is 0.5."
    )
