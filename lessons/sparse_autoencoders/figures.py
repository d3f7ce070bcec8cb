"""What the sparse-autoencoder lesson draws: a function a figure, which gives its alt text too."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from lessons.sparse_autoencoders.digits import LABELS, STRENGTHS, DigitWorld
from lessons.sparse_autoencoders.experiments import ACTIVE, FAMILY_RUNS, LEVELS, SIZES
from lessons.sparse_autoencoders.measures import Score
from utils import plots

KINDS = dict(zip(LEVELS, zip(plots.COLORS, plots.MARKERS, strict=False), strict=False))


def what_units_answer(neurons: Tensor, latents: Tensor) -> tuple[Figure, str]:
    """What each feature, present alone, gives in each unit. Both: (features, units), from 0 up."""
    best = linear_sum_assignment(-latents.numpy())[1]  # latent i is feature i's best
    panels = {
        f"{neurons.shape[1]} half-neurons (both signs)": neurons.T,
        f"{len(best)} of the {latents.shape[1]} latents, one to one": latents.T[best],
    }
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 3.5))
    for ax, (name, rows) in zip(axes, panels.items(), strict=True):
        shares = rows / rows.amax(1, keepdim=True).clamp_min(1e-6)
        image = plots.image(ax, shares, aspect="auto")
        ax.set(xlabel="feature present alone", ylabel="unit")
        ax.set_title(name, fontsize=10)
    fig.colorbar(image, ax=axes, label="share of the unit's strongest")
    fig.suptitle("A neuron answers many features, a latent one", x=0.02, ha="left", fontsize=11)
    return fig, (
        f"Two maps against {len(latents)} features. Neurons answer many features each, in shades "
        "of gray. Each latent answers one feature: a clean black diagonal on white."
    )


def recovery(grid: Tensor, chance: float) -> tuple[Figure, str]:
    """MMCS against λ, a line a dictionary size. grid: (SIZES, levels of L1)."""
    penalties = LEVELS["L1"]
    fig, ax = plt.subplots(figsize=(6, 3.1))
    for n_latents, row in zip(SIZES, grid.tolist(), strict=True):
        ax.plot(penalties, row, label=f"{n_latents} latents")
    ends = [penalties[0], penalties[-1]]
    ax.plot(ends, [chance] * 2, "k--", marker="", label="128 random directions")
    ax.set(xscale="log", xlabel="λ", ylabel="MMCS with the true features")
    ax.set_xticks(penalties, labels=penalties)
    ax.minorticks_off()
    ax.set_title("Found only with enough latents and the right penalty")
    plots.label_ends(ax)
    sizes = "; ".join(
        f"{n} latents {min(row):.2f} to {max(row):.2f}, best at {penalties[row.index(max(row))]}"
        for n, row in zip(SIZES, grid.tolist(), strict=True)
    )
    return fig, (
        f"MMCS against the L1 penalty for three dictionary sizes: {sizes}. Random directions: "
        f"{chance:.2f}, dashed."
    )


def fronts(by_kind: dict[str, list[Score]]) -> tuple[Figure, str]:
    """Variance explained against L0, a line a kind."""
    fig, ax = plt.subplots(figsize=(6, 3.4))
    ax.axvline(ACTIVE, color="0.6", linestyle=":", marker="", zorder=0)
    ax.annotate("features\npresent", (ACTIVE, 0.02), (4, 0), ("data", "axes fraction"),
                "offset points", fontsize=9, color="0.35")  # fmt: skip
    beside = {"L1": (8, -4), "gated": (-8, -4), "TopK": (8, -6), "JumpReLU": (-2, 12)}
    for kind, front in by_kind.items():
        points = sorted((s.l0, s.explained) for s in front)
        color, marker = KINDS[kind]
        ax.plot(*zip(*points, strict=True), color=color, marker=marker)
        left, up = beside[kind]  # of the line's left end, where the lines lie apart
        ax.annotate(kind, points[0], (left, up), textcoords="offset points", color=color,
                    fontsize=10, ha="right" if kind == "gated" else "left")  # fmt: skip
    ax.set(xscale="log", xlabel="L0: mean number of active latents")
    ax.set_ylabel("variance explained")
    ax.set_title("At the same sparsity L1 explains least")
    ax.set_xlim(left=0.86)  # room for a label
    ticks = [1, 2, 3, 5, 10, 20]
    ax.set_xticks(ticks, labels=ticks)
    ax.minorticks_off()
    ranges = "; ".join(
        f"{kind} from {min(s.explained for s in front):.2f} at {min(s.l0 for s in front):.1f} to "
        f"{max(s.explained for s in front):.2f} at {max(s.l0 for s in front):.1f}"
        for kind, front in by_kind.items()
    )
    return fig, f"Variance explained against the mean number of active latents: {ranges}."


def shrinkage(by_kind: dict[str, list[Score]]) -> tuple[Figure, str]:
    """γ against λ, beside that of one feature alone, whose best latent is max(a − λ/2, 0)."""
    penalties = torch.linspace(0, max(LEVELS["L1"]), 50)
    a = torch.linspace(0, 1, 2000)  # every size of one feature
    f = torch.relu(a - penalties[:, None] / 2)
    alone = (f**2).mean(1) / (f * a).mean(1)
    fig, ax = plt.subplots(figsize=(6, 3))
    ax.plot(penalties, alone, "k--", marker="", label="one feature alone")
    for kind in ("L1", "gated"):
        color, marker = KINDS[kind]
        biases = [s.bias for s in by_kind[kind]]
        ax.plot(LEVELS[kind], biases, color=color, marker=marker, label=kind)
    ax.set(xlabel="λ", ylabel="γ: size of x̂ beside x", ylim=(0, 1.05))
    ax.set_title("L1 makes reconstructions too small, gated does not")
    plots.label_ends(ax)
    return fig, (
        f"γ against λ. L1 falls to {by_kind['L1'][-1].bias:.2f} along the derived dashed line; "
        f"gated stays at {min(s.bias for s in by_kind['gated']):.2f} or above."
    )


def splitting(found: dict[str, list[tuple[int, int]]]) -> tuple[Figure, str]:
    """Parents and children found against the dictionary's size, a panel for each of FAMILY_RUNS."""
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.9), sharey=True)
    for ax, (kind, level, sizes) in zip(axes, FAMILY_RUNS, strict=True):
        for i, name in enumerate(("parents, of 8", "children, of 32")):
            ax.plot(sizes, [members[i] for members in found[kind]], label=name)
        ax.set(xscale="log", xlabel="latents")
        ax.set_title(f"{kind}, {'k' if kind == 'TopK' else 'λ'} = {level}", fontsize=10)
        ax.set_xticks(sizes, labels=sizes)
        ax.minorticks_off()
        plots.label_ends(ax)
    axes[0].set_ylabel("found at cos > 0.95")
    fig.suptitle("With L1 families split, with TopK they do not", x=0.02, ha="left", fontsize=11)
    ends = [
        f"{kind} {pairs[-1][0]} parents and {pairs[-1][1]} children"
        for kind, pairs in found.items()
    ]
    return fig, (
        "Members of families found against dictionary size, with L1 and with TopK. Found by the "
        f"largest dictionary: {', '.join(ends)}."
    )


def mean_images(
    world: DigitWorld, latents: Tensor, by_digit: Tensor, shown: list[int]
) -> tuple[Figure, str]:
    """For each latent shown the mean image, weighed by how strongly it fires. latents: (n, all)."""
    fig, axes = plt.subplots(3, 8, figsize=(7.5, 3.5))
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, i in zip(axes.flat, shown, strict=False):
        mean = (latents[:, i] / latents[:, i].sum()) @ world.x
        plots.image(ax, mean.view(8, 8), largest=mean.max())
        ax.set_title(f"for {by_digit[i].argmax()}", fontsize=9, loc="center")
    fig.suptitle(
        "Most latents stand for a way of writing one digit", x=0.02, ha="left", fontsize=11
    )
    digits = sorted({int(by_digit[i].argmax()) for i in shown})
    return fig, (
        f"Mean image of {len(shown)} often active latents, each headed by the digit for which it "
        f"fires most. Digits that occur: {', '.join(map(str, digits))}. Most look like one way of "
        "writing one digit."
    )


def top_images(world: DigitWorld, latents: Tensor, by_digit: Tensor, i: int) -> tuple[Figure, str]:
    """The six images for which latent i fires most, and its mean over each digit's images."""
    fig, axes = plt.subplots(1, 7, figsize=(7.5, 1.9), width_ratios=[1] * 6 + [2.4])
    top = latents[:, i].topk(6).indices.tolist()
    for ax, j in zip(axes, top, strict=False):
        plots.image(ax, world.x[j].view(8, 8))
        ax.set_axis_off()
    axes[6].bar(range(10), by_digit[i])
    axes[6].set(xlabel="digit", yticks=[], xticks=range(10))
    axes[6].set_title("mean activity", fontsize=9)
    digit = int(by_digit[i].argmax())
    title = f"Latent {i} fires most for images of {digit} on average, and most of all for these"
    fig.suptitle(title, x=0.02, ha="left", fontsize=11)
    seen = ", ".join(str(int(world.digit[j])) for j in top)
    return fig, (
        f"The six images for which latent {i} fires most, of the digits {seen}; on average it "
        f"fires most for {digit}."
    )


def _in_percent(ax: Axes, x: Sequence[float], curves: dict[str, list[float]]) -> str:
    """A labeled line a name; in words, where each begins and ends."""
    for name, curve in curves.items():
        ax.plot(x, [100 * share for share in curve], label=name)
    plots.label_ends(ax)
    return "; ".join(f"{name} {100 * c[0]:.0f} to {100 * c[-1]:.0f}" for name, c in curves.items())


def steering(curves: dict[str, list[float]]) -> tuple[Figure, str]:
    """Success against the length of what is added, a line a direction."""
    fig, ax = plt.subplots(figsize=(6.2, 3.3))
    ends = _in_percent(ax, STRENGTHS, curves)
    ax.set(xticks=(0, 0.5, 1, 1.5), xlabel="length added (mean length of an activation)")
    ax.set_ylabel("% moved to the predicted digit")
    ax.set_title("Latents steer, and differences of means steer better")
    return fig, (
        f"Percent of images moved to the predicted digit, as the length added grows from 0 to "
        f"{STRENGTHS[-1]}: {ends}."
    )


def probes(table: dict[str, list[float]]) -> tuple[Figure, str]:
    """Test accuracy against the number of labels, a line a representation."""
    fig, ax = plt.subplots(figsize=(6.2, 3.3))
    ends = _in_percent(ax, LABELS, table)
    ax.set(xscale="log", xlabel="labels", ylabel="test accuracy (%)")
    ax.set_xticks(LABELS, labels=LABELS)
    ax.minorticks_off()
    ax.set_title("Odd, five or more, has a loop: a probe on latents is best")
    return fig, f"Percent right on test images, from {LABELS[0]} to {LABELS[-1]} labels: {ends}."
