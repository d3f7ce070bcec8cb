"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lessons.safety_cases.arguments import by_worlds
from lessons.safety_cases.drawn import judges
from lessons.safety_cases.evidence import beliefs_in, three_routes
from lessons.safety_cases.exercises import correlated_evidence, propagate
from lessons.safety_cases.experiments import Judged
from lessons.safety_cases.thresholds import RULES, triggered
from utils import claims, plots

DARK = dict(zip(plots.COLORS, ("#0072B2", "#8A5A00", "#006B4F", "#B34700"), strict=False))  # text


def label_ends(ax: Axes) -> None:
    """`plots.label_ends`, in colors that can be read as words: orange ones are pale."""
    plots.label_ends(ax)
    for text in ax.texts:
        text.set_color(DARK.get(text.get_color(), text.get_color()))


def by_seed(claim: str) -> list[float]:
    """What each seed gave for a claim of this lesson, as it is stored."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [f.value for key, f in stored if key[:2] == ("safety_cases", claim)]


def agreeing(prior: float, if_safe: float, if_unsafe: float, flaws: Sequence[float]) -> tuple:
    """The belief that a system is safe by the number of tests passed, a line a shared flaw."""
    fig, ax = plt.subplots(figsize=(6, 3.2))
    counts = list(range(41))
    told = []
    for flaw, color in zip(flaws, plots.COLORS, strict=False):
        p = [correlated_evidence(prior, if_safe, if_unsafe, n, flaw) for n in counts]
        label = f"c = {flaw:g}" if flaw else "c = 0, independent"
        ax.plot(counts, p, label=label, color=color, marker="")
        told.append(f"{label}: highest {max(p):.3f} after {p.index(max(p))}, {p[-1]:.3f} after 40")
    most = max(flaws)
    ceiling = prior / (prior + (1 - prior) * most)
    ax.axhline(ceiling, color="0.5", linestyle=":", linewidth=1, marker="")
    ax.annotate(f"ceiling for c = {most:g}", (40, ceiling), (-2, 2), textcoords="offset points",
                ha="right", va="bottom", fontsize=8)  # fmt: skip
    ax.set(xlabel="tests, all passed", ylabel="belief that it is safe")
    ax.set(xlim=(0, 40), ylim=(0.45, 1.02))
    ax.set_title("With a flaw that all share, more agreement proves less in the end")
    label_ends(ax)
    told = "; ".join(told)
    return fig, (
        f"Belief that a system is safe by the number of tests it passed, by the chance c "
        f"of a shared flaw. {told}. Dotted: the ceiling for c = {most:g}, {ceiling:.3f}."
    )


def half_a_toy() -> tuple[Figure, str]:
    """The top belief by how far the toys are trusted: leaf by leaf, and as one assumption."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.1), sharey=True)
    fig.get_layout_engine().set(wspace=0.06)
    trust = np.linspace(0, 1, 21)
    told = []
    dealt = ("hiding", "reading", "ruler", "kin", "proxies", "seeds")
    for ax, answered, title, places in (
        (axes[0], (), "With their defeaters: low at any trust", ((0.1, 0.29), (0.3, 0.04))),
        (axes[1], dealt, "All answered: as good as the assumption", ((0.03, 0.6), (0.55, 0.4))),
    ):
        argument = three_routes(answered)
        told.append(title)
        for (name, rule, color, style), place in zip(
            (("each use by itself", propagate, plots.COLORS[1], "--"),
             ("one assumption", by_worlds, plots.COLORS[0], "-")), places, strict=True,
        ):  # fmt: skip
            p = [rule(argument, beliefs_in(argument, t)) for t in trust]
            ax.plot(trust, p, style, color=color, marker="")
            ax.annotate(name, place, color=DARK[color], fontsize=9)
            told.append(f"{name}: highest {max(p):.2f} at trust {trust[p.index(max(p))]:.2f}, "
                        f"{p[10]:.2f} at 0.50, {p[-1]:.2f} at 1")  # fmt: skip
        ax.set(xlabel="belief that the toys carry over", title=title, xlim=(0, 1), ylim=(-0.02, 1))
    axes[0].set_ylabel("belief in the top claim")
    return fig, "Belief in the top claim by trust in the toys. " + ". ".join(told) + "."


def what_to_ask(swing: Mapping[str, float], worth: Mapping[str, float]) -> tuple[Figure, str]:
    """By leaf: how much the top belief swings, and what knowing it is worth."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 0.5 + 0.42 * len(swing)), sharey=True)
    fig.get_layout_engine().set(wspace=0.06)
    names = list(swing)
    for ax, values, title, label in (
        (axes[0], swing, "What hangs on it", "top belief, if true less if false"),
        (axes[1], worth, "What an answer is worth", "gain of a safe deployment = 1"),
    ):
        ax.barh(names, [values[n] for n in names], color=plots.COLORS[0], height=0.6)
        for y, name in enumerate(names):
            left = values[name] < 0
            ax.annotate(f"{values[name]:.3f}" if ax is axes[1] else f"{values[name]:.2f}",
                        (values[name], y), (-3 if left else 3, 0), textcoords="offset points",
                        ha="right" if left else "left", va="center", fontsize=8)  # fmt: skip
        ax.axvline(0, color="black", linewidth=0.8, marker="")
        ax.set(title=title, xlabel=label)
        ax.margins(x=0.2)
        ax.tick_params(axis="y", length=0)
    axes[0].invert_yaxis()
    told = "; ".join(f"{n}: swing {swing[n]:+.2f}, value {worth[n]:.3f}" for n in names)
    return fig, f"Sensitivity and value of information by leaf. {told}."


def apart(counted: Mapping[str, float], expected: Mapping[str, float]) -> tuple[Figure, str]:
    """Unsafe cases that three auditors pass: counted, if independent, and all seeds' ratios."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.9))
    x = np.arange(len(counted))
    axes[0].bar(x - 0.2, [100 * v for v in counted.values()], 0.36, color=plots.COLORS[0],
                label="counted")  # fmt: skip
    axes[0].bar(x + 0.2, [100 * v for v in expected.values()], 0.36, facecolor="0.88",
                edgecolor="0.4", hatch="////", label="if independent")  # fmt: skip
    axes[0].set_xticks(x, labels=list(counted))
    axes[0].set(
        ylabel="% of unsafe cases that\nall three pass",
        title="Seed 0: with one view they fail together",
    )
    axes[0].legend(loc="upper right")
    stored = {"the same pixels": by_seed("apart_they_fail_together"),
              "pixels of their own": by_seed("own_views_fail_less_together")}  # fmt: skip
    for i, values in enumerate(stored.values()):
        x = i + np.linspace(-0.15, 0.15, len(values))
        axes[1].plot(x[1:], values[1:], "o", color=plots.COLORS[0], alpha=0.6)
        axes[1].plot(x[:1], values[:1], "kD", fillstyle="none", markersize=6)
        if values:
            axes[1].annotate("seed 0", (x[0], values[0]), (-6, 0), textcoords="offset points",
                             ha="right", va="center", fontsize=8)  # fmt: skip
    axes[1].axhline(1, color="black", linestyle=":", marker="", linewidth=1)
    axes[1].annotate("independent", (-0.55, 1), (0, -3), textcoords="offset points", va="top",
                     fontsize=8)  # fmt: skip
    axes[1].set_xticks([0, 1], labels=list(stored))
    axes[1].set(xlim=(-0.6, 1.6), ylim=(0, None), title="Ten seeds: one view, most together",
                ylabel="times as often as\nif independent")  # fmt: skip
    told = "; ".join(f"{n}: {100 * counted[n]:.1f} % counted, {100 * expected[n]:.1f} % if "
                     "independent" for n in counted)  # fmt: skip
    spans = "; ".join(f"{n} {min(v):.1f} to {max(v):.1f} times" for n, v in stored.items() if v)
    return (
        fig,
        f"Unsafe cases that three auditors pass together. Seed 0: {told}. Ten seeds: {spans}.",
    )


def stated_and_real(raw: Judged, read: Judged, bar: float) -> tuple[Figure, str]:
    """Real share of top claims that hold by the stated belief; failures over the bar, by seed."""
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.3), width_ratios=(1.15, 1))
    ax = axes[0]
    ax.plot([0, 1], [0, 1], color="0.6", linestyle=":", marker="", linewidth=1)
    ax.annotate("as it is stated", (0.62, 0.6), fontsize=8, va="top")
    ax.axvline(bar, color="0.5", linewidth=1, marker="")
    ax.annotate(f"bar {bar:g}", (bar, 0.22), (-3, 0), textcoords="offset points", ha="right",
                fontsize=8)  # fmt: skip
    told = []
    for name, of, style in (("as stated", raw, 0), ("read through a record", read, 1)):
        edges = np.linspace(0, 1, 11)
        place = np.digitize(of.stated, edges[1:-1])
        full = [i for i in range(10) if (place == i).sum() >= 200]
        if not full:
            raise ValueError("no tenth of the beliefs has 200 arguments: judge more of them")
        x = [of.stated[place == i].mean() for i in full]
        y = [of.true[place == i].mean() for i in full]
        ax.plot(x, y, marker=plots.MARKERS[style], color=plots.COLORS[style], label=name)
        told.append(f"{name}: " + ", ".join(f"{a:.2f} stated {b:.2f} hold"
                                            for a, b in zip(x, y, strict=True)))  # fmt: skip
    ax.set(xlim=(0.2, 1), ylim=(0.2, 1), xlabel="stated belief", ylabel="share that holds")
    ax.set_title("Seed 0: only the top is too high")
    ax.legend(loc="upper left")
    stored = {"as stated": by_seed("chosen_arguments_disappoint"),
              "read through a record": by_seed("a_record_cures_it")}  # fmt: skip
    for i, values in enumerate(stored.values()):
        noise = [judges(seed).noise for seed in range(len(values))]
        axes[1].plot(noise, values, plots.MARKERS[i], color=plots.COLORS[i])
    axes[1].axhline(1, color="black", linestyle=":", marker="", linewidth=1)
    axes[1].annotate("as often as stated", (0.74, 1), (0, 3), textcoords="offset points",
                     va="bottom", fontsize=8)  # fmt: skip
    axes[1].set(xlim=(0.25, 1.55), ylim=(0, 2), title="Over the bar, ten settings",
                xlabel="noise of the judges, in log odds",
                ylabel="failures, over\nthe doubt as stated")  # fmt: skip
    spans = "; ".join(f"{' '.join(n.split())} {min(v):.2f} to {max(v):.2f}"
                      for n, v in stored.items() if v)  # fmt: skip
    return fig, (
        f"Share of arguments that hold by stated belief, seed 0. {'; '.join(told)}. "
        f"Failures over the bar, in multiples of the stated doubt, ten settings: {spans}."
    )


def developers(counts: Sequence[int], worth: Sequence[Mapping[str, float]]) -> tuple[Figure, str]:
    """Mean worth by the number of developers, a line a rule."""
    if not counts:
        raise ValueError("name a number of developers at least")
    fig, ax = plt.subplots(figsize=(5.6, 3.1))
    names = {"any": "any one can deploy", "most": "most must agree", "pooled": "they pool"}
    told = []
    for i, (rule, name) in enumerate(names.items()):
        values = [w[rule] for w in worth]
        ax.plot(counts, values, color=plots.COLORS[i], marker=plots.MARKERS[i], label=name)
        pairs = zip(counts, values, strict=True)
        told.append(f"{name}: " + ", ".join(f"{value:.3f} with {n}" for n, value in pairs))
    one = worth[0]["any"]
    ax.axhline(0, color="black", linewidth=0.8, marker="")
    ax.axhline(one, color="0.5", linestyle=":", linewidth=1, marker="")
    ax.annotate(f"as with {counts[0]}", (counts[-1], one), (0, -3), textcoords="offset points",
                ha="right", va="top", fontsize=8)  # fmt: skip
    ax.set_xticks(list(counts))
    ax.set(xlabel="developers", ylabel="mean worth (a safe\ndeployment's gain = 1)")
    ax.set_title("If any one can deploy, five do worse than one")
    label_ends(ax)
    return fig, "Mean worth by number of developers. " + "; ".join(told) + "."


def in_order(counts: Sequence[int], shares: Sequence[float]) -> str:
    """Shares with their number of questions, for an alt text."""
    return ", ".join(f"{share:.2f} at {n}" for n, share in zip(counts, shares, strict=True))


def crossing(bar: float, off: float, short: float, counts: Sequence[int]) -> tuple[Figure, str]:
    """Misses and false triggers of three rules by the number of questions."""
    if not counts:
        raise ValueError("name a number of questions at least")
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.1), sharey=True)
    told = []
    over = [triggered(n, bar + off, bar) for n in counts]
    under = [triggered(n, bar - off, bar) for n in counts]
    weak = [triggered(n, bar + off - short, bar) for n in counts]
    for i, rule in enumerate(RULES):
        look = {"color": plots.COLORS[i], "marker": plots.MARKERS[i], "label": rule}
        missed = [1 - found[rule] for found in over]
        axes[0].plot(counts, missed, **look)
        axes[1].plot(counts, [found[rule] for found in under], **look)
        false = [found[rule] for found in under]
        told.append(f"{rule}: missed {in_order(counts, missed)}; false {in_order(counts, false)}")
    hidden = [1 - found[RULES[2]] for found in weak]
    axes[0].plot(counts, hidden, "--", color=plots.COLORS[2], marker="")
    axes[0].annotate(f"hides {100 * short:.0f} points", (counts[-1], hidden[-1]), (0, 4),
                     textcoords="offset points", ha="right", color=DARK[plots.COLORS[2]],
                     fontsize=8)  # fmt: skip
    told.append(f"{RULES[2]}, ability hidden: missed {in_order(counts, hidden)}")
    axes[0].set(xscale="log", xlabel="questions", ylabel="share of tests that miss it",
                ylim=(-0.02, 1.02),
                title=f"{100 * (bar + off):.0f} % able: the third rule misses least")  # fmt: skip
    axes[1].set(xscale="log", xlabel="questions", ylabel="share that trigger falsely",
                title=f"{100 * (bar - off):.0f} % able: the third alarms most")  # fmt: skip
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig, "Misses and false triggers by the number of questions. " + ". ".join(told) + "."


def survey() -> tuple[Figure, str]:
    """Grace et al. 2024: the same people, asked in different words. All values are published."""
    fig, axes = plt.subplots(2, 1, figsize=(6, 4.8))
    when = {"tasks, asked for years": 2040, "tasks, combined": 2047,
            "tasks, asked for chances": 2057, "occupations, combined": 2116}  # fmt: skip
    axes[0].plot(list(when.values()), list(when), **plots.PAPER)
    for y, (_, year) in enumerate(when.items()):
        axes[0].annotate(str(year), (year, y), (0, 7), textcoords="offset points", ha="center",
                         fontsize=8)  # fmt: skip
    axes[0].set(xlim=(2025, 2127), ylim=(3.4, -0.75), xlabel="year of an even chance",
                title="By wording, 76 years apart")  # fmt: skip
    bad = {"“extremely bad” in the long run": (5, 9), "extinction or the like": (5, 16.2),
           "extinction, by inability to control": (10, 19.4),
           "extinction, within 100 years": (5, 14.4)}  # fmt: skip
    for y, (median, mean) in enumerate(bad.values()):
        axes[1].plot([median, mean], [y, y], color="0.75", marker="", zorder=0)
    axes[1].plot([m for m, _ in bad.values()], list(bad), **plots.PAPER)
    axes[1].plot([m for _, m in bad.values()], list(bad), "k|", markersize=10)
    for x, name in ((5, "median"), (16.2, "mean")):
        axes[1].annotate(name, (x, 1), (0, 7), textcoords="offset points", ha="center", fontsize=8)
    axes[1].set(xlim=(0, 22), ylim=(3.4, -0.75), xlabel="probability (%)",
                title="The worst: 5 or 10 %, means higher")  # fmt: skip
    told = ", ".join(f"{k} {v}" for k, v in when.items())
    worst = ", ".join(f"{k} median {a} mean {b} %" for k, (a, b) in bad.items())
    return fig, f"Published survey values by wording. Year of an even chance: {told}. {worst}."
