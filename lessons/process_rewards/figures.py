"""What the lesson on process rewards draws: a function a figure, which gives its alt text too."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lessons.process_rewards.experiments import (
    SOUND,
    By,
    Chosen,
    Verifier,
    agreement,
    tilted,
)
from lessons.process_rewards.labels import Hopes
from utils import plots
from utils.worlds.chains import OPS, PRIME, Problems, truth

BLUE, ORANGE, GREEN, RED, PINK, SKY, BLACK = plots.COLORS
LOOKS: dict[str, dict[str, Any]] = {
    "process": {"color": BLUE, "marker": "o"},
    "structured outcome": {"color": GREEN, "marker": "^"},
    "outcome": {"color": RED, "marker": "D", "linestyle": "--"},
    SOUND: {"color": PINK, "marker": "v", "linestyle": "-."},
    "majority": {"color": "0.35", "marker": "s", "linestyle": ":"},
}
PAPER = "the paper, on MATH, n = 1,860: process 78.2 %,\noutcome 72.4 %, majority 69.6 %"  # Fig. 3


def _percent(rows: Sequence[Sequence[float]]) -> np.ndarray:
    return 100 * np.asarray(rows)


def _ends(by: By) -> str:
    """First and last mean of each, and a top or bottom between them, for alt text."""
    said = []
    for name, rows in by.items():
        mean = _percent(rows).mean(0)
        low, high, (a, b) = float(mean.min()), float(mean.max()), sorted((mean[0], mean[-1]))
        turns = [x for x, there in ((high, high > b + 3), (low, low < a - 3)) if there]
        by_way = "".join(f" by way of {x:.0f}" for x in turns)
        said.append(f"{name} {mean[0]:.0f}{by_way} to {mean[-1]:.0f} %")
    return "; ".join(said)


def _log2(ax: Axes, ticks: Sequence[float], label: str) -> None:
    ax.set_xscale("log", base=2)
    ax.set_xticks(ticks, labels=[f"{x:,}" for x in ticks])
    ax.minorticks_off()
    ax.set_xlabel(label)


def best_of_n(chosen: Chosen) -> tuple[Figure, str]:
    """The share solved and the trace error of what each verifier picks, against n."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.3), width_ratios=(5, 4))
    for ax, by in ((left, chosen.solved), (right, chosen.trace)):
        for name, rows in by.items():
            label = name.replace(", ", ",\n")
            plots.seed_lines(ax, chosen.at, _percent(rows), label=label, **LOOKS[name])
    left.text(1.1, 4, PAPER, fontsize=8)
    ticks = [n for n in chosen.at if n in (1, 4, 16, 64, 256)]
    for ax in (left, right):
        _log2(ax, ticks, "solutions to choose from, n")
    left.set(ylabel="problems solved (%)", ylim=(0, 102))
    right.set(ylabel="trace error (% of right answers)", ylim=(0, None))
    ends = {name: _percent(rows).mean(0)[-1] for name, rows in chosen.solved.items()}
    best = max(ends, key=ends.get)
    left.set_title(f"Best of {chosen.at[-1]}: {best} solves most")
    errors = {name: _percent(rows).mean(0) for name, rows in chosen.trace.items()}
    rises = errors["outcome"][-1] > errors["outcome"][0]
    right.set_title("Outcome picks wrong steps" if rises else "Wrong steps, right answers")
    for ax in (left, right):
        plots.label_ends(ax)
    return fig, (
        f"Best-of-n from n = {chosen.at[0]} to {chosen.at[-1]}. Problems solved: "
        f"{_ends(chosen.solved)}. In the paper, at 1,860: process 78.2, outcome 72.4, majority "
        f"69.6 %. Trace error of the right answers picked: {_ends(chosen.trace)}."
    )


def labels_and_solved(bought: Chosen, n: int = 64) -> tuple[Figure, str]:
    """Solved by best-of-n, and its trace error, against the number of labels."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2))
    for ax, by in ((left, bought.solved), (right, bought.trace)):
        for name, rows in by.items():
            plots.seed_lines(ax, bought.at, _percent(rows), label=name, **LOOKS[name])
        _log2(ax, bought.at, "labels (of steps, or of answers)")
    left.set(ylabel=f"solved by best of {n} (%)", ylim=(0, 102))
    right.set(ylabel="trace error (% of right answers)", ylim=(0, None))
    ends = {name: _percent(rows).mean(0) for name, rows in bought.solved.items()}
    ahead = (ends["structured outcome"] >= ends["process"] - 2).all()
    title = "Label for label, answers read as a\nproduct buy as much as steps"
    left.set_title(title if ahead else "Solved by labels")
    errors = {name: _percent(rows).mean(0) for name, rows in bought.trace.items()}
    no_more = (errors["structured outcome"] <= errors["process"]).all()
    title = "and no more right answers\nwith wrong steps"
    right.set_title(title if no_more else "Wrong steps by labels")
    for ax in (left, right):
        plots.label_ends(ax)
    return fig, (
        f"Best of {n}, {bought.at[0]} to {bought.at[-1]:,} labels. Solved: {_ends(bought.solved)}. "
        f"Trace error: {_ends(bought.trace)}."
    )


ROLLED = {
    "hard, to first 0": {"color": ORANGE, "marker": "s"},
    "hard, all steps": {"color": ORANGE, "marker": "s", "linestyle": ":", "fillstyle": "none"},
    "soft, to first 0": {"color": SKY, "marker": "P"},
    "soft, all steps": {"color": SKY, "marker": "P", "linestyle": ":", "fillstyle": "none"},
}


def rollouts(
    found: Sequence[Hopes], ks: Sequence[int], formula: float, by: By,
    levels: Mapping[str, float], n: int = 64,
) -> tuple[Figure, str]:  # fmt: skip
    """How often hard labels are true, and what verifiers on rollout labels solve, against k.

    found: of each seed. formula: the best k if all hopes were their means. levels: other verifiers.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.2))
    many = range(1, ks[-1] + 1)
    curves = 100 * np.array([[agreement(one, k) for k in many] for one in found])
    marks = [k - 1 for k in ks]
    for i, name, look in (
        (0, "of all steps:\nlabel is true", {"color": BLACK, "marker": "X"}),
        (1, "of wrong steps:\ncalled right", {"color": "0.35", "linestyle": "--", "marker": "P"}),
        (2, "of right steps:\ncalled wrong", {"color": "0.35", "linestyle": ":", "marker": "s"}),
    ):
        plots.seed_lines(left, many, curves[:, :, i], label=name, markevery=marks, **look)
    agrees, slips, missed = curves.mean(0).T
    best = int(agrees.argmax()) + 1
    left.plot(best, agrees[best - 1], marker="*", markersize=12, color="black")
    left.axvline(formula, color="0.6", linewidth=1, marker="")
    left.text(formula * 1.06, 60, f"formula:\nk* = {formula:.1f}", color="0.4", fontsize=9)
    _log2(left, ks, "completions a step, k")
    left.set(ylabel="share (%)", ylim=(-2, 100), title=f"Hard labels are truest at k = {best}")
    for name, rows in by.items():
        plots.seed_lines(right, ks, _percent(rows), label=name, **ROLLED[name])
    for name, value in levels.items():
        look = LOOKS[name] | {"marker": "", "linewidth": 1}
        label = "process, by hand" if name == "process" else name
        right.plot(ks, [100 * value] * len(ks), label=label, **look)
    _log2(right, ks, "completions a step, k")
    right.set(ylabel=f"solved by best of {n} (%)", ylim=(0, 102))
    every = {name: np.asarray(rows)[:, 1:] for name, rows in by.items()}
    better = (every["hard, to first 0"] > every["hard, all steps"]).all()
    right.set_title("Hard labels are better to the first 0" if better else "Solved, by labels")
    plots.label_ends(left)
    plots.label_ends(right)
    others = ", ".join(f"{name} {100 * y:.0f} %" for name, y in levels.items())
    return fig, (
        f"Left, k from 1 to {ks[-1]}, the formula's {formula:.1f}: hard labels are true for "
        f"{agrees[0]:.0f} % of the steps, at most {agrees.max():.0f} % at k = {best}, at last "
        f"{agrees[-1]:.0f} %; wrong steps called right rise to {slips[-1]:.0f} %, right ones "
        f"called wrong fall to {missed[-1]:.0f} %. "
        f"Right: solved with labels by rollouts: {_ends(by)}; with others: {others}."
    )


FORMS = {
    "classifies": LOOKS["process"],
    "re-computes": {"color": BLACK, "marker": "X", "linestyle": "--"},
    "has read, classifies": {"color": SKY, "marker": "P", "linestyle": "-."},
    "has read, re-computes": {"color": BLACK, "marker": "X"},
}


def fewer_labels(
    budgets: Sequence[int], forms: By, untold: Sequence[float],
    asked: Mapping[str, Sequence[Sequence[tuple[float, float]]]], n: int = 64,
) -> tuple[Figure, str]:  # fmt: skip
    """Solved against labels: by the form of the verifier, and by what was asked about."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.4))
    for name, rows in forms.items():
        plots.seed_lines(left, budgets, _percent(rows), label=name, **FORMS[name])
    none = 100 * float(np.mean(untold))
    left.axhline(none, color="0.5", linewidth=1, marker="")
    left.text(budgets[0], none - 7, "has read, no labels", color="0.4", fontsize=9)
    _log2(left, budgets, "labels of steps")
    mean = {name: _percent(rows).mean(0) for name, rows in forms.items()}
    both = mean.pop("has read, re-computes")
    ahead = all((both - other)[1:-1].min() > 2 for other in mean.values())
    left.set_title("Form and reading save labels together" if ahead else "Four verifiers")
    told, gains = [], {}
    for name, runs in asked.items():
        who, how = name.split(", ")
        look = FORMS["has read, re-computes" if who == "has read" else "classifies"]
        fill = "full" if how == "convincing" else "none"
        x, y = np.asarray(runs, float).transpose(2, 0, 1)
        x, y = x.mean(0), 100 * y
        dash = "-" if how == "convincing" else ":"
        label = name.replace(", ", ": ")
        plots.seed_lines(right, x, y, label=label, **look | {"fillstyle": fill, "linestyle": dash})
        y = gains[name] = y.mean(0)
        told.append(f"{name} {y[0]:.0f} % at {x[0]:,.0f} to {y[-1]:.0f} % at {x[-1]:,.0f}")
    right.set(xscale="log", xlim=(600, None))
    right.set_xlabel("labels of steps (1, 2, 4 solutions of 200 problems)")
    right.set_xticks([750, 1500, 3000], labels=["750", "1,500", "3,000"])
    right.minorticks_off()
    helps, hurts = (
        gains[f"{who}, convincing"][0] - gains[f"{who}, by chance"][0]
        for who in ("has read", "classifies")
    )
    right.set_title("Asking well helps who has read" if helps > 2 and hurts < 0 else "Asking")
    for ax in (left, right):
        ax.set(ylabel=f"solved by best of {n} (%)", ylim=(0, 102))
        plots.label_ends(ax)
    return fig, (
        f"Solved by best of {n}. Left, {budgets[0]} to {budgets[-1]:,} labels: {_ends(forms)}; "
        f"with no labels, after reading, {none:.0f} %. Right, 1, 2 and 4 solutions of 200 "
        f"problems: {'; '.join(told)} labels."
    )


def gamed(
    strengths: Sequence[float],
    found: Mapping[str, Sequence[Sequence[tuple[float, float, float]]]],
) -> tuple[Figure, str]:
    """The tilted pupil: the share solved and the trace error against the strength of the tilt."""
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.2))
    places, told = range(len(strengths)), []
    numbers = {name: np.asarray(runs).transpose(2, 0, 1) for name, runs in found.items()}
    for name, (far, solved, trace) in numbers.items():
        for ax, y in zip(axes, (solved, trace), strict=True):
            plots.seed_lines(ax, places, 100 * y, label=name, **LOOKS[name])
        told.append(f"√KL to {far.mean(0)[-1]:.1f} with {name}")
    for ax in axes:
        ax.set_xticks(places, labels=[f"{s:g}" for s in strengths])
        ax.set_xlabel("strength λ of the tilt")
    axes[0].set(ylabel="problems solved (%)", ylim=(0, 102))
    axes[1].set(ylabel="trace error (% of right answers)", ylim=(0, None))
    solved, trace = numbers["outcome"][1:]
    below, worse = (solved[:, -1] < solved[:, 0]).all(), (trace[:, -1] > trace[:, 0]).all()
    title = f"Outcome at {strengths[-1]:g} solves less than at 0"
    axes[0].set_title(title if below else "Solved by the tilted pupil")
    axes[1].set_title(
        "and by more wrong steps" if below and worse else "Wrong steps, right answers"
    )
    for ax in axes:
        plots.label_ends(ax)
    by = [{name: rows[i] for name, rows in numbers.items()} for i in (1, 2)]
    return fig, (
        f"The pupil tilted to each verifier, strength {strengths[0]:g} to {strengths[-1]:g}. "
        f"Solved: {_ends(by[0])}. Trace error: {_ends(by[1])}. {'; '.join(told)}."
    )


def answers_at(
    problems: Problems, i: int, both: Mapping[str, Verifier], strength: float
) -> tuple[Figure, str]:
    """What the tilted pupil answers to problem i, by two verifiers."""
    one = problems.rows(slice(i, i + 1))
    right = int(truth(one).gather(1, one.last[:, None]))
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.9), sharey=True)
    steps = zip(one.op[0].tolist(), one.operand[0].tolist(), strict=True)
    asked = [f"{OPS[op]} {operand}" for op, operand in list(steps)[: int(one.last) + 1]]
    problem = f"{int(one.start)}, then {', '.join(asked)}"
    fig.suptitle(f"{problem}, at strength {strength:g}", fontsize=10)
    said = []
    for ax, (name, verifier) in zip(axes, both.items(), strict=True):
        chances = 100 * tilted(one, verifier, strength).answers[0].numpy()
        bars = ax.bar(range(PRIME), chances, color="0.75", edgecolor="0.35")
        bars[right].set(facecolor=LOOKS[name]["color"], edgecolor="black", hatch="///")
        ax.set(
            xlabel="answer (hatched: right)",
            ylim=(0, 100),
            title=f"{name}: {chances[right]:.0f} % right",
        )
        ax.set_xticks(range(PRIME))
        favorite = int(chances.argmax())
        said.append(f"{name}: right {chances[right]:.0f} %, most often {favorite}")
    axes[0].set_ylabel("chance (%)")
    return fig, f"{problem}: at strength {strength:g}; right is {right}. {'; '.join(said)}."
