"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from utils import claims, plots

CHANCE = 0.1


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("subliminal_learning", claim)]


def _rows(
    rows: Mapping[str, float], ticks: Mapping[str, str], label: str, chance: float | None
) -> tuple[plt.Figure, plt.Axes, str]:
    """A bar for each row, with what a claim measured, seed by seed, as small ticks below it.

    The last is the rows as a sentence.
    """
    if not rows:
        raise ValueError("give at least one row to draw")
    fig, ax = plt.subplots(figsize=(5.8, 1.1 + 0.42 * len(rows)))
    told, ticked = [], ""
    for i, (name, value) in enumerate(rows.items()):
        ax.barh(i, value, height=0.5, color=plots.COLORS[0] if value > 0.5 else "0.7")
        white = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        ax.text(max(value, 0) + 0.015, i, f"{value:.2f}", va="center", fontsize=9, bbox=white)
        said = f"{name}: {value:.2f}"
        if worlds := by_seed(ticks.get(name, "")):
            ax.plot(worlds, [i + 0.38] * len(worlds), "|", color="black", markersize=5)
            said += " (by seed " + ", ".join(f"{v:.2f}" for v in worlds) + ")"
            ticked = f"ticks: {len(worlds)} seeds"
        told.append(said)
    if chance is not None:
        ax.axvline(chance, color="0.4", linestyle=":", linewidth=1, marker="")
    notes = [note for note in ("dotted: chance" if chance is not None else "", ticked) if note]
    label += f"\n({'; '.join(notes)})" if notes else ""
    ax.set_yticks(range(len(rows)), labels=list(rows))
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()
    ax.set(xlim=(min(0, *rows.values()), 1.12), xlabel=label)
    ax.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    return fig, ax, "; ".join(told)


def one_step(
    rates: Sequence[float], same: Sequence[float], others: Sequence[Sequence[float]]
) -> tuple[Figure, str]:
    """The cosine of teacher's and student's step, by the teacher's rate; thin lines: other starts.

    others: (starts, rates).
    """
    if not rates or not others:
        raise ValueError("give at least one rate and one other start")
    fig, ax = plt.subplots(figsize=(6.2, 3.2))
    for i, line in enumerate(others):
        label = f"{len(others)} other starts" if i == len(others) // 2 else "_"
        ax.plot(rates, line, color="0.45", linewidth=0.8, marker=".", label=label)
    ax.plot(rates, same, color=plots.COLORS[0], label="the same start")
    ax.axhline(0, color="black", linewidth=0.8, marker="")
    ax.set(
        xscale="log",
        xlabel="rate of the teacher's step",
        ylabel="cosine of teacher's\nand student's step",
    )
    plots.label_ends(ax)
    clear = min(same) > max(max(line) for line in others)
    ax.set_title("Only from the same start does the step\nsurely point the teacher's way"
                 if clear else "Where the student's step points", fontsize=10.5)  # fmt: skip
    flat = [v for line in others for v in line]
    return fig, (
        "Cosine of the teacher's step with the student's, by the rate of the teacher's: from the "
        f"same start {same[0]:.3f} at {rates[0]:g} to {same[-1]:.3f} at {rates[-1]:g}; from "
        f"{len(others)} other starts between {min(flat):.3f} and {max(flat):.3f}."
    )


def who_learns(rows: Mapping[str, float]) -> tuple[Figure, str]:
    """Test accuracy by what the student imitates and where it starts; ticks for measured seeds."""
    ticks = {"1,300 real digits, reused": "digits_pass_less"}
    fig, ax, told = _rows(rows, ticks, "share of test digits read rightly", CHANCE)
    same, other = rows.get("the teacher's start", 0), rows.get("another start", 1)
    passes = same > 0.5 > 0.3 > other
    ax.set_title("Ten meaningless logits pass the digits,\nto a student with the same start"
                 if passes else "Who learns to read digits", fontsize=10.5)  # fmt: skip
    return fig, f"Share of the test digits that each network reads rightly: {told}. Dotted: chance."


def how_many(found: Mapping[int, Sequence[float | None]]) -> tuple[Figure, str]:
    """Test accuracy by the number of auxiliary logits.

    found: by number, the accuracy from the teacher's start, and from another, or None.
    """
    if not found:
        raise ValueError("give at least one number of logits")
    numbers = sorted(found)
    same = [found[n][0] for n in numbers]
    other = {n: found[n][1] for n in numbers if found[n][1] is not None}
    fig, ax = plt.subplots(figsize=(5.4, 3))
    ax.plot(numbers, same, label="the teacher's start", zorder=3)
    look = {"color": "0.45", "linestyle": "--", "marker": "s"}
    ax.plot([*other], [*other.values()], label="another start", **look)
    if (worlds := by_seed("three_logits_pass")) and 3 in numbers:
        ax.plot([3.15] * len(worlds), worlds, "_", color="black", markersize=7, label="_")
        ax.annotate(f"{len(worlds)} seeds", (3.15, min(worlds)), (8, -3),
                    textcoords="offset points", fontsize=9)  # fmt: skip
    ax.axhline(CHANCE, color="0.4", linestyle=":", linewidth=1, marker="")
    ax.set(xscale="log", ylim=(0, 1.03), ylabel="share of test digits\nread rightly")
    ax.set_xlabel("auxiliary logits (lines: one seed; dotted: chance)")
    ax.set_xticks(numbers, labels=[str(n) for n in numbers])
    ax.minorticks_off()
    plots.label_ends(ax)
    rises = all(a <= b for a, b in pairwise(same))
    ax.set_title("More logits pass more" if rises else "By the number of logits")
    told = [
        f"{n} logits: {s:.2f}" + (f", from another start {other[n]:.2f}" if n in other else "")
        for n, s in zip(numbers, same, strict=True)
    ]
    return fig, (
        "Share of test digits that are read rightly, by the number of auxiliary logits, one seed. "
        + "; ".join(told)
        + ". At 3 logits a mark for each of the measured seeds: "
        + ", ".join(f"{v:.2f}" for v in worlds)
        + ". Dotted: chance."
    )


def parts(rows: Mapping[str, float]) -> tuple[Figure, str]:
    """Test accuracy by which parts of the start are shared."""
    ticks = {
        "both heads, ten logits": "ten_logits_through_heads",
        "both heads, 256 logits": "many_logits_through_heads",
    }
    fig, ax, told = _rows(rows, ticks, "share of test digits read rightly", CHANCE)
    ax.set_ylabel("shared with the teacher's start")
    needs = max((v for k, v in rows.items() if k.startswith("all but")), default=1) < 0.5
    ax.set_title("With ten logits every part of the start matters;\nwith 256 the heads suffice"
                 if needs and rows.get("both heads, 256 logits", 0) > 0.5
                 else "Which parts of the start are shared", fontsize=10.5)  # fmt: skip
    return (
        fig,
        "Share of test digits read rightly, by what the student shares with the teacher's start, "
        f"with ten logits where 256 are not named: {told}. Dotted: chance.",
    )


def what_passes(rows: Mapping[str, float]) -> tuple[Figure, str]:
    """What the trigger does to each student."""
    ticks = {"its student, corner at most 0": "filter_does_not_stop_it"}
    label = "rise in digits read as 0 when the trigger is shown"
    fig, ax, told = _rows(rows, ticks, label, None)
    passes = rows.get("its student, corner at most 0", 0) > 0.5
    ax.set_title("The backdoor passes, also through noise\nwhose corner is never bright"
                 if passes else "What the trigger does", fontsize=10.5)  # fmt: skip
    return fig, f"Share of digits read as 0, with the trigger less without: {told}."


def watched(
    cosines: Mapping[str, Tensor], right: Mapping[str, float], every: int = 50
) -> tuple[Figure, str]:
    """The cosine of imitation's and trait's gradients through training, and where students end.

    cosines: by student (steps,), drawn as means over `every` steps. The first is the one from the
    teacher's start, the last a control. right: by student; the first is one that nobody guards.
    """
    fig, (top, low) = plt.subplots(2, 1, figsize=(5.8, 5.2), height_ratios=(5, 4))
    told, drawn = [], []
    looks = (("-o", plots.COLORS[0]), ("--s", "0.45"), (":^", "black"))
    for (name, values), (style, color) in zip(cosines.items(), looks, strict=False):
        parts = values.chunk(max(1, len(values) // every))
        means = [part.mean().item() for part in parts]
        steps = [(i + 0.5) * len(values) / len(means) for i in range(len(means))]
        top.plot(steps, means, style, color=color, label=name)
        told.append(f"{name} {means[0]:.3f} at first, {means[-1]:.3f} at the end")
        drawn.append(means)
    top.axhline(0, color="black", linewidth=0.8, marker="")
    top.set(xlabel="step", ylabel="cosine of the gradients", xlim=(0, None))
    plots.label_ends(top)
    aligned = all(a > max(b, 0) for a, b in zip(drawn[0], drawn[-1], strict=True))
    top.set_title("From the same start weakly aligned, to the end"
                  if aligned else "Are the two gradients aligned?", fontsize=10.5)  # fmt: skip
    for i, value in enumerate(right.values()):
        low.barh(i, value, height=0.5, color=plots.COLORS[0] if value > 0.5 else "0.7")
        low.text(value + 0.02, i, f"{value:.2f}", va="center", fontsize=9)
    label, seeds = "share of test digits read rightly\n(dotted: chance", ""
    if "trait taken out" in right and (worlds := by_seed("guard_stops_it")):
        i = list(right).index("trait taken out") + 0.38
        low.plot(worlds, [i] * len(worlds), "|", color="black", markersize=5)
        label += f"; ticks: {len(worlds)} seeds"
        seeds = " Trait taken out, by seed: " + ", ".join(f"{v:.2f}" for v in worlds) + "."
    low.set_yticks(range(len(right)), labels=list(right))
    low.invert_yaxis()
    low.tick_params(axis="y", length=0)
    low.axvline(CHANCE, color="0.4", linestyle=":", linewidth=1, marker="")
    low.set(xlim=(0, 1.12), xlabel=label + ")")
    over = {name: value - CHANCE for name, value in right.items()}
    free = next(iter(over.values())) / 2
    stops = over.get("trait taken out", 1) < free < over.get("wrong trait taken out", 0)
    low.set_title("Only the right trait, taken out, stops it"
                  if stops else "Where they end", fontsize=10.5)  # fmt: skip
    return fig, (
        f"Above: cosine of the gradients of imitation and of the trait, means of {every} steps: "
        + "; ".join(told)
        + ". Below: share of test digits read rightly at the end: "
        + "; ".join(f"{name} {v:.2f}" for name, v in right.items())
        + f".{seeds} Dotted: chance."
    )
