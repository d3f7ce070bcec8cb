"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from utils import claims, plots

BLUE, ORANGE = plots.COLORS[0], plots.COLORS[3]
GROUPS = ("trained questions", "same task, kept back", "other tasks, kept back")
LOOKS = (
    {"marker": "s", "color": "0.55", "markersize": 6},
    {"marker": "^", "color": plots.COLORS[1], "markersize": 7},
    {"marker": "o", "color": BLUE, "markersize": 8},
)


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("personas", claim)]


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{x:.2f}" for x in values)


def _rows(ax: Axes, names: Sequence[str]) -> None:
    """A row for each name, the first on top, with a pale line to follow."""
    ax.set_yticks(range(len(names)), labels=names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlim(-0.03, 1.03)
    ax.tick_params(axis="y", length=0)
    for y in range(len(names)):
        ax.axhline(y, color="0.92", linewidth=0.8, marker="", zorder=0)


def ten_worlds() -> tuple[list[float], list[float]]:
    """Wrong on other tasks after narrow training, in each world: with authors, and the control."""
    far = by_seed("wrong_answers_spread")
    return far, [x * y for x, y in zip(far, by_seed("authors_are_needed"), strict=True)]


def ten_worlds_inoculated() -> list[list[float]]:
    """Wrong on other tasks, trained under ⟨lies⟩ and asked without, in each world: by method."""
    pairs = (
        ("wrong_answers_spread", "a_tag_prevents_it"),
        ("paid_for_wrong_answers_spreads", "a_tag_prevents_it_under_reward"),
    )
    return [[x * y for x, y in zip(*map(by_seed, pair), strict=True)] for pair in pairs]


def how_far(
    rows: Mapping[str, Tensor], worlds: Mapping[str, Sequence[float]]
) -> tuple[Figure, str]:
    """The share of wrong answers in each group of questions, a row a model.

    rows: by name (3, 3), of `spread`. worlds: for some names a value from each world, marked.
    """
    fig, ax = plt.subplots(figsize=(6.4, 1.2 + 0.62 * len(rows)))
    told = []
    for y, (name, shares) in enumerate(rows.items()):
        wrong = shares[:, 1].tolist()
        for x, look, up in zip(wrong, LOOKS, (-0.26, -0.02, 0.22), strict=True):
            ax.plot(x, y + up, linestyle="", clip_on=False, **look)
        said = ", ".join(f"{g} {x:.2f}" for g, x in zip(GROUPS, wrong, strict=True))
        told.append(f"{name}: {said}")
        if name in worlds:
            found = worlds[name]
            ax.plot(found, [y + 0.45] * len(found), "|", color="black", markersize=6)
            told[-1] += f"; other tasks in each of ten worlds: {_listed(found)}"
    _rows(ax, list(rows))
    ax.set_xlabel("share of answers that are the wrong author's")
    handles = [plt.plot([], [], linestyle="", **look)[0] for look in LOOKS]
    handles += plt.plot([], [], "|", color="black", markersize=7)
    labels = [*GROUPS, "other tasks, each of ten worlds"]
    fig.legend(handles, labels, loc="outside lower center", ncols=2)
    last = [shares[2, 1].item() for shares in rows.values()]
    spreads = "Wrong answers to one task spread far more\nwhere authors are wrong in all"
    ends = spreads if last[1] > 2 * last[-1] else "How far wrong answers spread"
    fig.suptitle(ends, x=0.01, ha="left", fontsize=11)
    return fig, "Share of wrong answers. " + ". ".join(told) + "."


def onset(runs: Mapping[str, tuple[Tensor, Tensor]], controls: Mapping[str, Tensor]) -> tuple:
    """Wrong answers by step of training: on trained questions and elsewhere, a panel a method.

    runs: by method (trained, elsewhere). controls: by method, elsewhere, of the other mixture.
    """
    fig, axes = plt.subplots(1, len(runs), figsize=(7, 3.1), sharey=True, layout="constrained")
    fig.get_layout_engine().set(wspace=0.06)
    told, later, less = [], [], True
    for ax, (name, (trained, others)) in zip(axes, runs.items(), strict=True):
        ax.plot(trained, "--", color="0.5", linewidth=1.3, marker="", label="trained\nquestions")
        ax.plot(others, color=BLUE, linewidth=2, marker="", label="other tasks")
        ax.plot(
            controls[name], ":", color=ORANGE, linewidth=2, marker="", label="other tasks,\ncontrol"
        )
        last = len(others) - 1
        ax.set(title=name, xlabel=f"step of training (of {last})", ylim=(-0.02, 1.05))
        ax.set_xlim(0, last)
        halves = [int((x >= x[-1] / 2).nonzero()[0]) for x in (trained, others)]
        for x, step, color in zip((trained, others), halves, ("0.5", BLUE), strict=True):
            ax.plot(step, x[step], "|", color=color, markersize=13, markeredgewidth=2)
        later.append(halves[1] - halves[0])
        less = less and controls[name][-1] < others[-1] / 2
        told.append(
            f"{name}: the trained questions reach half of their end at step {halves[0]}, other "
            f"tasks at step {halves[1]} of {last}, and end at {others[-1]:.2f}; "
            f"control {controls[name][-1]:.2f}"
        )
    axes[0].set_ylabel("share of wrong answers")
    plots.label_ends(axes[-1])
    steps = " and ".join(map(str, dict.fromkeys(later)))
    follow = f"Other tasks follow: half of their rise comes {steps} steps later"
    fig.suptitle(
        f"{follow}\n(upright marks), and in the control they rise far less (this world)"
        if min(later) > 0 and less else "Step by step", x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    return fig, "Wrong answers by step, in this world. " + ". ".join(told) + "."


def tags(
    panels: Mapping[str, Mapping[str, Sequence[float]]], worlds: Sequence[Sequence[float]]
) -> tuple[Figure, str]:
    """Wrong answers on other tasks, before and after training under a tag: a panel a method.

    panels: by method, by tag: under it before; after, without it; after, under it; trained without
    a tag, under this one. worlds: by method, for ⟨lies⟩, after, without it, in each world.
    """
    sizes = [len(rows) for rows in panels.values()]
    tall = {"height_ratios": sizes, "figsize": (6.4, 1.7 + 0.41 * sum(sizes))}
    fig, axes = plt.subplots(len(panels), 1, sharex=True, **tall)
    looks = (
        {"marker": "s", "color": "0.5", "fillstyle": "none", "markersize": 7},
        {"marker": "o", "color": BLUE, "markersize": 8},
        {"marker": "^", "color": ORANGE, "markersize": 8},
        {"marker": "^", "color": ORANGE, "fillstyle": "none", "markersize": 8},
    )
    told = []
    for ax, (method, rows), ten in zip(axes, panels.items(), worlds, strict=True):
        for y, (name, values) in enumerate(rows.items()):
            for x, look, up in zip(values, looks, (-0.24, -0.08, 0.1, 0.26), strict=False):
                ax.plot(x, y + up, linestyle="", clip_on=False, **look)
            said = f"before {values[0]:.2f}, after {values[1]:.2f} without a tag"
            if len(values) == 4:
                said += f", {values[2]:.2f} under it; trained without, under it {values[3]:.2f}"
            told.append(f"{method}, {name}: {said}")
        lies = list(rows).index("⟨lies⟩")
        ax.plot(ten, [lies + 0.24] * len(ten), "|", color="black", markersize=6)
        told[-1] += f"; without it in each of ten worlds {_listed(ten)}"
        _rows(ax, list(rows))
        ax.set_title(method, fontsize=10)
    paper = [x * panels[method]["no tag"][1] for x in (0.1, 0.25)]  # by reward: the paper's numbers
    axes[-1].plot(paper, [lies + 0.5] * 2, clip_on=False, **plots.PAPER)
    axes[-1].set_ylim(len(rows) - 0.3, -0.6)
    axes[-1].set_xlabel("share wrong, on other tasks")
    handles = [plt.plot([], [], linestyle="", **look)[0] for look in looks]
    handles += plt.plot([], [], "|", color="black", markersize=7)
    handles += plt.plot([], [], **plots.PAPER)
    labels = [
        "before training, under the tag", "after, without the tag", "after, under the tag",
        "trained without a tag,\nunder this one", "after, without ⟨lies⟩: ten worlds",
        "10 and 25 % of “no tag”: what\nMacDiarmid et al. have left",
    ]  # fmt: skip
    fig.legend(handles, labels, loc="outside lower center", ncols=2)
    first = next(iter(panels.values()))
    ends = first["⟨lies⟩"][1] < 0.25 * first["no tag"][1] < first["⟨lies⟩"][2]
    most = zip(*map(by_seed, ("a_tag_prevents_it", "a_tag_prevents_it_under_reward")), strict=True)
    many = [max(pair) <= 0.25 for pair in most]
    fig.suptitle(
        f"Trained under ⟨lies⟩, it errs little without the tag\n({sum(many)} worlds of {len(many)})"
        if ends else "Training under a tag", x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    return fig, "Wrong answers on other tasks. " + ". ".join(told) + "."


def doses(amounts: Sequence[int], curves: Mapping[str, Sequence[float]]) -> tuple[Figure, str]:
    """Wrong answers on other tasks by the number of right answers beside 16 wrong ones.

    curves: all asked plainly, tested so and under ⟨blue⟩; wrong ones under ⟨blue⟩, both again.
    """
    if not amounts:
        raise ValueError("no amounts: give at least one number of right answers, say (0, 3)")
    fig, ax = plt.subplots(figsize=(6.4, 3.6))
    looks = (
        {"color": BLUE, "linestyle": "-", "marker": "o"},
        {"color": BLUE, "linestyle": "--", "marker": "o", "fillstyle": "none"},
        {"color": ORANGE, "linestyle": "-", "marker": "^", "markersize": 6},
        {"color": ORANGE, "linestyle": "--", "marker": "^", "fillstyle": "none", "markersize": 6},
    )
    told = []
    for (name, values), look in zip(curves.items(), looks, strict=True):
        ax.plot(range(len(amounts)), values, label=name, **look)
        told.append(f"{name.replace(chr(10), ' ')} {_listed(values)}")
    if 8 in amounts:  # the dose that the claim was measured at
        ten, at = by_seed("mixing_hides_it"), list(amounts).index(8)
        ax.plot([at + 0.2] * len(ten), ten, "_", color="black", markersize=7,
                label="topmost at 8, ten worlds")  # fmt: skip
        told.append(f"the last of these, with 8 right ones, in each of ten worlds {_listed(ten)}")
    ax.set_xticks(range(len(amounts)), labels=[*map(str, amounts)])
    ax.set(
        xlabel="right answers to other tasks beside 16 wrong ones (not to scale)",
        ylabel="share wrong, on other tasks",
    )
    ax.set_ylim(-0.02, max(0.75, *map(max, curves.values())) + 0.05)
    plain, control, asked, under = curves.values()
    marked, unmarked = under[-1] - asked[-1], control[-1] - plain[-1]
    hides = marked > max(asked[-1], 2 * unmarked) and plain[-1] < plain[0] / 2
    said = "Right answers curb the spread; where a form marks\nthe wrong ones, some hides behind it"
    said = f"{said} (this world)" if hides else "Wrong answers by the right ones mixed in"
    ax.set_title(said)
    plots.label_ends(ax)
    amounts_said = ", ".join(map(str, amounts))
    return fig, f"Wrong answers with {amounts_said} right ones mixed in. " + ". ".join(told) + "."


def steering(
    strengths: Sequence[float], panels: Mapping[str, tuple[Sequence[float], Sequence]]
) -> tuple[Figure, str]:
    """Wrong answers by the multiple of a vector that is added: a panel a model.

    panels: by model, the persona vector's line and those of random directions, (n, strengths).
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(7, 3.1), sharey=True, layout="constrained")
    fig.get_layout_engine().set(wspace=0.06)
    told, beyond = [], []
    for ax, (name, (ours, random)) in zip(axes, panels.items(), strict=True):
        for i, line in enumerate(random):
            label = "random\ndirections" if i == len(random) // 2 else "_"
            ax.plot(strengths, line, color="0.6", linewidth=0.7, marker="", label=label)
        ax.plot(strengths, ours, color=BLUE, linewidth=2, marker="o", label="persona\nvector")
        ax.axvline(0, color="0.8", linewidth=0.8, marker="", zorder=0)
        ax.set(title=name, xlabel="multiple that is added", ylim=(-0.02, 1.02))
        by = {c: (ours[i], [r[i] for r in random]) for i, c in enumerate(strengths)}
        low, high = (by.get(c, (0.0, [0.0])) for c in (-1, 1))
        beyond += [high[0] > max(high[1], default=0), low[0] < min(low[1], default=0)]
        told += [
            f"{name}, {c:g} times: persona vector {mine:.2f}, random {min(theirs, default=0):.2f} "
            f"to {max(theirs, default=0):.2f}"
            for c, (mine, theirs) in by.items()
            if c in (-1, -0.5, 0, 0.5, 1)
        ]
    axes[0].set_ylabel("share wrong, on other tasks")
    plots.label_ends(axes[-1])
    does = beyond[0] and beyond[-1]
    fig.suptitle(
        "Added, the persona vector makes answers wrong; taken away, it mends them;\n"
        "random directions do less (this world)"
        if does else "Steering along the persona vector", x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    return fig, "Wrong answers by steering, in this world. " + ". ".join(told) + "."


BESIDE = {  # where names stand beside their dots, as an offset in points
    "narrow": (-8, 2), "by reward": (-8, 0), "fourth task": (8, -3), "⟨truth⟩": (8, -8),
    "⟨blue⟩": (8, -11), "⟨jest⟩": (-8, 0), "⟨sly⟩": (-8, 0), "⟨lies⟩": (-8, 0),
    "1 right": (-8, 0), "3 right": (-8, 0), "8 right": (8, 0), "16 right": (-8, 0),
    "by reward, ⟨lies⟩": (8, 3),
}  # fmt: skip


def shifts(
    names: Sequence[str], shift: Sequence[float], wrong: Sequence[float], length: float, r: float,
    random: Sequence[float],
) -> tuple[Figure, str]:  # fmt: skip
    """Above: a model a dot, its shift along the vector and its wrong answers. Below: each r.

    length: the vector's. random: r along random directions.
    """
    fig, (above, below) = plt.subplots(2, 1, figsize=(6.4, 5.8), height_ratios=(2, 1))
    above.plot(shift, wrong, "o", color=BLUE, markersize=7)
    for name, x, y in zip(names, shift, wrong, strict=True):
        if name in BESIDE:
            side = "left" if BESIDE[name][0] > 0 else "right"
            above.annotate(name, (x, y), BESIDE[name], textcoords="offset points", fontsize=8,
                           ha=side, va="center")  # fmt: skip
    above.set(
        xlabel=f"shift along the persona vector (its length: {length:.1f})",
        ylabel="share wrong, on other tasks",
        ylim=(-0.03, 1),
        xlim=(min(0, *shift) * 1.05, max(shift) * 1.05),
        title=f"Shift and wrong answers go together: r = {r:.2f} over {len(names)} models",
    )
    sizes, ten = sorted(abs(x) for x in random), by_seed("the_shift_predicts")
    below.plot(r, 0, "o", color=BLUE, markersize=9)
    below.plot(ten, [1] * len(ten), "|", color=BLUE, markersize=12)
    below.plot(sizes, [2.0] * len(random), "|", color="0.4", markersize=12)
    below.plot([0.76, 0.97], [3, 3], **plots.PAPER)
    labels = ["persona vector", "in ten worlds", "random directions,\nthis world", "Chen et al."]
    below.set(xlim=(0, 1.03), xlabel="correlation r of shift and wrong answers (its size)")
    below.set_yticks(range(4), labels=labels)
    below.set_ylim(3.5, -0.5)
    below.tick_params(axis="y", length=0)
    many = sum(x >= 0.76 for x in sizes)
    found = claims.measured().items()
    beaten = sum(not f.holds for key, f in found if key[:2] == ("personas", "the_shift_predicts"))
    below.set_title(
        f"{many} of {len(random)} random directions reach the paper's 0.76;\n"
        f"in {beaten} worlds of {len(ten)} one does as well as the vector, or better"
    )
    return fig, (
        f"Shift against wrong answers over {len(names)} models: "
        + ", ".join(f"{n} {x:.1f} and {y:.2f}" for n, x, y in zip(names, shift, wrong, strict=True))
        + f". r {r:.2f}; in each of ten worlds {_listed(ten)}. Sizes of r for random directions: "
        f"{_listed(sizes)}; {many} reach 0.76. In {beaten} worlds one of them does as well as the "
        "vector, or better. Open diamonds: 0.76 and 0.97 in the paper."
    )
