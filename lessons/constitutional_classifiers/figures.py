"""What the lesson on constitutional classifiers draws: a function a figure, with its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from torch import Tensor

from lessons.constitutional_classifiers import robust
from lessons.constitutional_classifiers.consistency import Outcome
from lessons.constitutional_classifiers.guards import HELD_OUT, SHOWN, Row, average
from lessons.constitutional_classifiers.monitors import Point
from lessons.constitutional_classifiers.robust import Robustness
from utils import claims, plots

BLUE, ORANGE, GREEN, RED = plots.COLORS[:4]


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [f.value for key, f in stored if key[:2] == ("constitutional_classifiers", claim)]


def bars(ax: Axes, names: Sequence[str], values: Sequence[float], two: bool, second: bool) -> None:
    """A bar a name with its value in percent; of two bars a name the second one is hatched."""
    shift = (0.2 if second else -0.2) if two else 0.0
    at = [y + shift for y in range(len(names))]
    look = {"color": ORANGE, "hatch": "//"} if second else {"color": BLUE}
    ax.barh(at, values, 0.38 if two else 0.6, edgecolor="white", **look)
    for y, value in zip(at, values, strict=True):
        if value != value:  # not measured
            continue
        said = f"{100 * value:.{1 if value < 0.01 else 3}g}" if value else "0"
        ax.annotate(said, (value, y), (3, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set_yticks(range(len(names)), labels=list(names))
    ax.set(ylim=(len(names) - 0.5, -0.5), xlim=(0, 1.14))
    ax.xaxis.set_major_formatter(PercentFormatter(1))


def explain(fig: Figure, ax: Axes, one: str, two: str) -> None:
    """Say below the figure what plain and hatched bars are."""
    keys = [
        ax.barh([0], [0], color=BLUE, label=f"plain: {one}"),
        ax.barh([0], [0], color=ORANGE, hatch="//", edgecolor="white", label=f"hatched: {two}"),
    ]
    fig.legend(handles=keys, loc="outside lower center", ncols=2)


def guards(tables: Mapping[str, Mapping[str, Row]]) -> tuple[Figure, str]:
    """Attack success and refusals by guard, for wordings shown in training and held out."""
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.6), sharey=True)
    rows = {n: (average(t, SHOWN), average(t, HELD_OUT)) for n, t in tables.items()}
    first = next(iter(rows.values()))
    bare = tuple(Row(r.unguarded, r.unguarded, 0.0, 0.0) for r in first)
    every = tuple(Row(r.unguarded, 0.0, 1.0, 1.0) for r in first)
    rows = {"no guard": bare, **rows, "refuse everything": every}
    for ax, field, label in (
        (axes[0], "success", "harmful requests answered (%)"),
        (axes[1], "refused", "harmless requests refused (%)"),
    ):
        for i in (0, 1):
            bars(ax, list(rows), [getattr(r[i], field) for r in rows.values()], True, bool(i))
        ax.set_xlabel(label)
    left = 100 * rows["no permitted clauses"][0].success if "no permitted clauses" in rows else 0
    linear = 100 * rows["linear in words"][1].refused if "linear in words" in rows else 0
    axes[0].set_title(f"Without permitted clauses\n{left:.0f} % of attacks get through")
    axes[1].set_title(f"A rule on words refuses {linear:.0f} %\nin wordings that it never saw")
    explain(fig, axes[0], "wordings shown in training", "held-out wordings")
    said = "; ".join(
        f"{n}: answered {100 * a.success:.1f} and {100 * b.success:.1f}, refused "
        f"{100 * a.refused:.1f} and {100 * b.refused:.1f}"
        for n, (a, b) in rows.items()
    )
    return fig, (
        "Only no guard and the guard without permitted clauses have long bars on the left; on the "
        "right the rule on words has one for held-out wordings, and refusing everything has two. "
        f"Percent in wordings shown in training and held out: {said}."
    )


def monitors(found: Mapping[str, Mapping[int, float]]) -> tuple[Figure, str]:
    """AUROC by labels for each monitor; the probe's lead over its rivals in the claims' seeds."""
    fig, (ax, right) = plt.subplots(1, 2, figsize=(8.6, 3.3), width_ratios=(3, 2))
    for i, (name, runs) in enumerate(found.items()):
        line = {"linestyle": ("-", "--", "-.", ":", (0, (5, 1)))[i % 5]}
        ax.plot(list(runs), list(runs.values()), label=name, color=plots.COLORS[i % 7],
                marker=plots.MARKERS[i], **line)  # fmt: skip
    ax.set(xscale="log", xlabel="labels", ylabel="AUROC on new requests", ylim=(0.5, 1.01))
    sizes = list(next(iter(found.values())))
    ax.set_xticks(sizes, labels=[str(n) for n in sizes])
    ax.minorticks_off()
    few = {name: runs[sizes[0]] for name, runs in found.items()}
    ax.set_title(f"With {sizes[0]} labels the first is:\n{max(few, key=few.get)}")
    plots.label_ends(ax)
    said = []
    shown = (("a_probe_where_the_model_refuses", "⟨desk⟩, 50 labels,\nover the others"),
             ("a_probe_keeps_up", "⟨user⟩, 1,000,\nover the small"))  # fmt: skip
    for x, (claim, label) in enumerate(shown):
        values = by_seed(claim)
        spread = [x + 0.05 * (i - len(values) / 2) for i in range(len(values))]
        right.plot(spread, values, linestyle="", marker=plots.MARKERS[x], color="black")
        said.append(label.replace("\n", " ") + ": " + ", ".join(f"{v + 0.0:.2f}" for v in values))
    firsts = [sum(v > 0 for v in by_seed(claim)) for claim, _ in shown]
    worlds = len(by_seed(shown[0][0]))
    right.set_title(f"⟨desk⟩ leads in {firsts[0]} of {worlds} worlds,\n⟨user⟩ in {firsts[1]}")
    right.axhline(0, color="0.7", linewidth=0.8, marker="")
    right.set_xticks(range(2), labels=[label for _, label in shown])
    right.set(xlim=(-0.5, 1.5), ylabel="probe's lead in AUROC, a dot a world")
    curves = "; ".join(
        f"{n} " + ", ".join(f"{v:.2f}" for v in r.values()) for n, r in found.items()
    )
    return fig, (
        "The probe asked by ⟨desk⟩ is on top from the fewest labels on; the user's probe starts "
        "high and is overtaken by the small classifier and the rule on words. AUROC by labels "
        f"{sizes}: {curves}. The probe's lead in each world, {'; '.join(said)}."
    )


def cascades(
    found: Mapping[str, Sequence[Point]], single: Mapping[str, Point]
) -> tuple[Figure, str]:
    """Recall against cost: cascades by their first stage, and monitors that decide alone."""
    fig, ax = plt.subplots(figsize=(6.8, 3.4))
    for i, (name, points) in enumerate(found.items()):
        ax.plot([p.cost for p in points], [p.recall for p in points], color=plots.COLORS[i % 7],
                marker=plots.MARKERS[i], linestyle=("-", "--", ":")[i % 3])  # fmt: skip
        last = points[-1]
        ax.annotate(f"first: {name}", (last.cost, last.recall), (7, 3 - 12 * (i == 0)),
                    textcoords="offset points", color=plots.COLORS[i % 7], fontsize=9)  # fmt: skip
    least = 0.008
    for i, (name, p) in enumerate(single.items()):
        look = {"linestyle": "", "marker": "PXv"[i % 3], "color": "black", "markersize": 7}
        ax.plot([max(p.cost, least)], [p.recall], **look)
        more = p.cost > 0.5
        where = f"\n← at {p.cost:.5f}" if p.cost < least else ""
        ax.annotate(f"{name} alone{where}", (max(p.cost, least), p.recall),
                    (0 if more else 8, -16 if more else -4 if where else 7),
                    textcoords="offset points",
                    fontsize=8, ha="right" if more else "left", va="top" if where else "baseline",
                    )  # fmt: skip
    ax.axvline(1 / 40, color="0.6", linestyle=":", marker="")
    ax.annotate("a fortieth", (1 / 40, 0.18), (4, 0), textcoords="offset points", fontsize=8)
    ax.set(xscale="log", ylim=(0, 1.04), xlim=(least * 0.95, 1.15))
    ax.set_xticks([0.01, 0.03, 0.1, 0.3, 1], labels=["0.01", "0.03", "0.1", "0.3", "1"])
    ax.minorticks_off()
    ax.set(xlabel="cost, as a share of the exchange classifier's")
    ax.set(ylabel="harmful exchanges stopped (share)")
    tenth = {n: min(ps, key=lambda p: abs(p.cost - 0.1)).recall for n, ps in found.items()}
    ax.set_title("Passing on a tenth of the traffic stops\n" + ", ".join(
        f"{v:.2f} ({n})" for n, v in tenth.items() if n != "at random"), fontsize=10)  # fmt: skip
    said = "; ".join(
        f"{n} " + ", ".join(f"{p.recall:.2f} at {p.cost:.3f}" for p in ps)
        for n, ps in found.items()
    )
    one = "; ".join(f"{n} {p.recall:.2f} at {p.cost:.5f}" for n, p in single.items())
    return fig, (
        "Both cascades rise steeply with cost toward the exchange classifier's recall, escalation "
        f"at random stays at the bottom. Harmful exchanges stopped by cost. First stage {said}. "
        f"Alone: {one}."
    )


def consistency(outcomes: Mapping[str, Outcome]) -> tuple[Figure, str]:
    """What each training does in wrappers: attacks let through, harmless answered and refused."""
    fig, axes = plt.subplots(1, 3, figsize=(9, 3.4), sharey=True, width_ratios=(4, 3, 3))
    names = list(outcomes)
    for i, field in enumerate(("success", "found_again")):
        bars(axes[0], names, [getattr(o, field) for o in outcomes.values()], True, bool(i))
    for ax, field in ((axes[1], "right"), (axes[2], "refused")):
        bars(ax, names, [getattr(o, field) for o in outcomes.values()], False, False)
    axes[0].set(xlabel="harmful, not refused (%)", title="What is trained in wrappers\nholds …")
    axes[1].set(xlabel="harmless, answered rightly (%)", title="… answers improve\nor stay …")
    axes[2].set(xlabel="harmless, refused (%)", title="… but not where\nall is refused")
    explain(fig, axes[0], "held-out wrappers (all panels)", "a new search, for two")
    said = "; ".join(
        f"{n}: not refused {100 * o.success:.0f}, "
        + (f"new search {100 * o.found_again:.0f}, " if o.found_again >= 0 else "")
        + f"harmless right {100 * o.right:.0f}, refused {100 * o.refused:.0f}"
        for n, o in outcomes.items()
    )
    return fig, (
        "The first two rows, untrained and clean examples alone, let much through; the other four "
        f"next to nothing, of which the last refuses harmless requests. Percent: {said}."
    )


def trade(
    trained: Mapping[str, Robustness], rules: Mapping[str, Robustness], path: Sequence[Robustness]
) -> tuple[Figure, str]:
    """Let through against refused, as they come and at worst: trained nets, and blind rules.

    path: a net before and after each adversarial round, joined by a line.
    """
    fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.5), sharey=True, sharex=True)
    for ax, field in ((axes[0], "missed"), (axes[1], "worst")):
        ax.plot([r.refused for r in rules.values()], [getattr(r, field) for r in rules.values()],
                color="black", linestyle=":", marker="o", fillstyle="none", markersize=7,
                label="blind to the attacked words")  # fmt: skip
        ax.plot([r.refused for r in path], [getattr(r, field) for r in path],
                color=plots.COLORS[1], marker="D", markersize=4, label="by round")  # fmt: skip
        for i, (name, r) in enumerate(trained.items()):
            ax.plot([r.refused], [getattr(r, field)], linestyle="", color=plots.COLORS[i % 7],
                    marker="sD^v"[i % 4], markersize=7, label=name)  # fmt: skip
        ax.set(xlabel="harmless requests refused (share)", xlim=(-0.012, 0.34), ylim=(-0.02, 0.62))
    for name, r in rules.items():
        axes[1].annotate(name, (r.refused, r.worst), (9, 2), textcoords="offset points",
                         fontsize=8)  # fmt: skip
    axes[0].set(ylabel="harmful requests let through (share)")
    axes[0].set_title("As they come, standard training\nis better than the rules …")
    axes[1].set_title("… at worst, a rule that ignores the\nattacked words is better than all")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    said = "; ".join(
        f"{n} ({r.refused:.2f}, {r.missed:.2f}, {r.worst:.2f})"
        for n, r in {**trained, **rules}.items()
    )
    said += "; round by round " + ", ".join(
        f"({r.refused:.2f}, {r.missed:.2f}, {r.worst:.2f})" for r in path
    )
    return fig, (
        "On the left standard training lies below the dotted line of the blind rules; on the right "
        "all trained guards lie above it. Harmless refused, harmful let through as they come and "
        f"at worst: {said}."
    )


def certificates(found: Mapping[str, Robustness]) -> tuple[Figure, str]:
    """Harmful requests let through: as they come, under attack, at worst, and not certified."""
    fig, ax = plt.subplots(figsize=(7, 3.2))
    fields = ("missed", "found", "worst", "uncertified", "refused")
    labels = ("as they\ncome", "greedy\nattack", "worst of\n3,876", "not\ncertified",
              "harmless,\nrefused")  # fmt: skip
    for i, (name, r) in enumerate(found.items()):
        at = [x + 0.26 * (i - 1) + 0.4 * (x == 4) for x in range(5)]
        values = [getattr(r, f) for f in fields]
        ax.bar(at, values, 0.24, color=plots.COLORS[i % 7], hatch=("", "//", "..")[i % 3],
               edgecolor="white", label=name)  # fmt: skip
        for x, value in zip(at, values, strict=True):
            ax.annotate(f"{value:.2f}", (x, value), (0, 2), textcoords="offset points",
                        fontsize=8, ha="center")  # fmt: skip
    ax.set_xticks([0, 1, 2, 3, 4.4], labels=labels)
    ax.axvline(3.7, color="0.7", linewidth=0.8, marker="")
    ax.set(ylim=(0, 1.08), ylabel="harmful let through,\nor not certified (share)")
    ax.set_title("Only training for the bound makes the bound say something")
    fig.legend(loc="outside lower center", ncols=3)
    said = "; ".join(
        f"{n} " + ", ".join(f"{getattr(r, f):.2f}" for f in fields) for n, r in found.items()
    )
    return fig, (
        "The bars of not certified reach 1 but for interval training, where they equal the worst "
        "case. Harmful let through as they come, attacked, at worst, not certified; harmless "
        f"refused: {said}."
    )


def slots(found: Mapping[str, Sequence[tuple[float, float]]]) -> tuple[Figure, str]:
    """By how many slots are attacked: harmful requests not certified, and let through at worst."""
    fig, ax = plt.subplots(figsize=(6.4, 3))
    for i, (name, pairs) in enumerate(found.items()):
        color, marker = plots.COLORS[i % 7], "sD^v"[i % 4]
        bound, worst = zip(*pairs, strict=True)
        ax.plot(bound, color=color, marker=marker, label=name)
        ax.plot(worst, color=color, marker=marker, fillstyle="none", linestyle="--")
    ax.set(xlabel="owned slots that are attacked", ylabel="share of harmful requests")
    ax.set(ylim=(-0.02, 1.04))
    ax.set_xticks(range(len(next(iter(found.values())))))
    gaps = [max(low - worst for low, worst in pairs) for pairs in found.values()]
    ax.set_title(
        f"Bound and worst case part by up to {max(gaps):.2f},\n"
        f"after interval training by {gaps[-1]:.2f}"
    )
    ax.plot([], [], color="0.3", marker="", label="not certified")
    ax.plot([], [], color="0.3", marker="", linestyle="--", label="let through at worst")
    fig.legend(*ax.get_legend_handles_labels(), loc="outside right center")
    said = "; ".join(
        f"{name} {', '.join(f'{low:.2f} ({worst:.2f})' for low, worst in pairs)}"
        for name, pairs in found.items()
    )
    return fig, (
        "The more slots are attacked, the fewer requests are certified; after interval training "
        "the bound stays at the worst case. Not certified (let through at worst) for 0 to 4 "
        f"slots: {said}."
    )


def frontier(trained: Mapping[float, Tensor], eps: float = 0.6) -> tuple[Figure, str]:
    """Accuracy without attack and under an attack of size eps, by the weight of the strong one."""
    fig, ax = plt.subplots(figsize=(6.4, 3.3))
    ratios = torch.logspace(-0.5, 3.3, 300, dtype=torch.float64)
    under = robust.accuracy(ratios, eps)
    good = ratios[under >= under.max() - 0.001]
    low, high = good[0].item(), good[-1].item()
    ax.axvspan(low, high, color="0.9", zorder=0)
    for i, (name, values, line) in enumerate(
        (("no attack", robust.accuracy(ratios, 0.0), "-"), (f"attack, ε = {eps:g}", under, "--"))
    ):
        ax.plot(ratios, values, color=plots.COLORS[i % 7], marker="", label=name, linestyle=line)
    said = []
    for marker, at in (("o", 0.0), ("s", eps)):
        weight = trained[at]
        ratio = (weight[0] / weight[1:].mean()).clamp(max=2000).item()
        found = robust.measured_accuracy(weight, eps, 100, 5000)
        ax.plot([ratio], [found], linestyle="", color="black", marker=marker, markersize=6)
        where = (0, -15 if found > 0.1 else 7)
        ax.annotate(f"trained for ε = {at:g}", (ratio, found), where, fontsize=8, ha="center",
                    textcoords="offset points")  # fmt: skip
        said.append(f"trained for ε {at:g}: weight {ratio:.0f}, accuracy {found:.3f}")
    ax.set(xscale="log", ylim=(-0.02, 1.15), ylabel="accuracy", yticks=[0, 0.25, 0.5, 0.75, 1])
    ax.set(xlabel="weight of the strong feature, in weights of a weak one")
    best, end = under.max().item(), ratios[-1].item()
    which = f"over {low:.0f}" if high >= 0.99 * end else f"of {low:.0f} to {high:.0f}"
    ax.set_title(f"Under ε = {eps:g} any weight {which} keeps {best:.3f} (shaded)")
    plots.label_ends(ax)
    return fig, (
        f"The dashed curve, under attack, is highest in the shaded range of weights {which}, at "
        f"{best:.3f}. Points under the attack: {'; '.join(said)}."
    )
