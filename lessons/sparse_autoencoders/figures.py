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
        f"{len(best)} of {latents.shape[1]} latents, in the features' order": latents.T[best],
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
        f"of gray. The {len(best)} latents that match best are put in the features' order: dark is "
        "mostly the diagonal."
    )


def recovery(grid: Tensor, chance: Sequence[float]) -> tuple[Figure, str]:
    """MMCS against λ, a line a dictionary size. grid: (SIZES, levels of L1); chance: by SIZES."""
    penalties = LEVELS["L1"]
    fig, ax = plt.subplots(figsize=(6, 3.1))
    ends = [penalties[0], penalties[-1]]
    for n_latents, row, low in zip(SIZES, grid.tolist(), chance, strict=True):
        (line,) = ax.plot(penalties, row, label=f"{n_latents} latents")
        ax.plot(ends, [low] * 2, "--", color=line.get_color(), marker="", linewidth=1)
    ax.set(xscale="log", xlabel="λ (dashed: as many random directions)")
    ax.set_ylabel("MMCS with the true features")
    ax.set_xticks(penalties, labels=penalties)
    ax.minorticks_off()
    ax.set_title("How much is found depends on the dictionary's size and on λ")
    plots.label_ends(ax)
    sizes = "; ".join(
        f"{n} latents {min(row):.2f} to {max(row):.2f}, best at {penalties[row.index(max(row))]}"
        for n, row in zip(SIZES, grid.tolist(), strict=True)
    )
    return fig, (
        f"MMCS against the L1 penalty for three dictionary sizes: {sizes}. Dashed, as many random "
        f"directions: {', '.join(f'{low:.2f}' for low in chance)}."
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
    ax.set_title("Variance explained at each sparsity, by kind")
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
    ax.set(xlabel="λ", ylabel="γ (1: x̂ has the right size)", ylim=(0, 1.05))
    ax.set_title("The size of reconstructions under L1 and with a gate")
    plots.label_ends(ax)
    return fig, (
        f"γ against λ. L1 falls to {by_kind['L1'][-1].bias:.2f}; the derived line, dashed, to "
        f"{alone[-1]:.2f}; "
        f"gated stays at {min(s.bias for s in by_kind['gated']):.2f} or above."
    )


def splitting(found: dict[str, list[tuple[int, int]]]) -> tuple[Figure, str]:
    """Parents and children found against the dictionary's size, a panel for each of FAMILY_RUNS."""
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.9), sharey=True)
    for ax, (kind, level, sizes) in zip(axes, FAMILY_RUNS, strict=True):
        for i, name in enumerate(("parents, of 8", "children, of 32")):
            style = "-" if len(sizes) > 2 else ""  # two points are no curve
            counts = [members[i] for members in found[kind]]
            ax.plot(sizes, counts, linestyle=style, label=name)
        ax.set(xscale="log", xlabel="latents")
        ax.set_title(f"{kind}, {'k' if kind == 'TopK' else 'λ'} = {level}", fontsize=10)
        ax.set_xticks(sizes, labels=sizes)
        ax.minorticks_off()
        plots.label_ends(ax)
        ax.tick_params(labelleft=True)
    axes[0].set_ylabel("found at cos > 0.95")
    fig.suptitle("Members of families found, by dictionary size", x=0.02, ha="left", fontsize=11)
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
        f"Mean images of {len(shown)} latents, by the digit they fire most for",
        x=0.02, ha="left", fontsize=11,
    )  # fmt: skip
    digits = sorted({int(by_digit[i].argmax()) for i in shown})
    return fig, (
        f"Mean image of {len(shown)} often active latents, each headed by the digit for which it "
        f"fires most. Digits that occur: {', '.join(map(str, digits))}."
    )


def top_images(world: DigitWorld, latents: Tensor, by_digit: Tensor, i: int) -> tuple[Figure, str]:
    """The six images for which latent i fires most, and its mean over each digit's images."""
    fig, axes = plt.subplots(1, 7, figsize=(7.5, 1.9), width_ratios=[1] * 6 + [2.4])
    top = latents[:, i].topk(6).indices.tolist()
    for ax, j in zip(axes, top, strict=False):
        plots.image(ax, world.x[j].view(8, 8))
        ax.set_axis_off()
    shares = by_digit[i] / by_digit[i].max()
    axes[6].bar(range(10), shares)
    axes[6].set(xlabel="digit", yticks=[0, 1], xticks=range(10))
    axes[6].set_title("mean, share of largest", fontsize=9)
    digit = int(by_digit[i].argmax())
    title = f"Latent {i} fires most for {digit} on average; six images for which it fires most"
    fig.suptitle(title, x=0.02, ha="left", fontsize=11)
    seen = ", ".join(str(int(world.digit[j])) for j in top)
    return fig, (
        f"The six images for which latent {i} fires most, of the digits {seen}. Mean activity as a "
        f"share of the largest, for 0 to 9: {', '.join(f'{s:.2f}' for s in shares.tolist())}."
    )


def _in_percent(ax: Axes, x: Sequence[float], curves: dict[str, list[float]]) -> str:
    """A labeled line a name; in words, where each begins and ends."""
    for name, curve in curves.items():
        ax.plot(x, [100 * share for share in curve], label=name)
    plots.label_ends(ax)
    return "; ".join(f"{name} {100 * c[0]:.0f} to {100 * c[-1]:.0f}" for name, c in curves.items())


def steering(curves: dict[str, list[float]]) -> tuple[Figure, str]:
    """Success against the length of what is added, a line a direction."""
    fig, ax = plt.subplots(figsize=(6.6, 4))
    names = {"latent": "its latent (mean of all live)", "one image": "one training image",
             "random direction": "random, latent's digit", "random unit": "random, its own digit",
             "chosen latent": "its best latent"}  # fmt: skip
    ends = _in_percent(ax, STRENGTHS, {names.get(name, name): c for name, c in curves.items()})
    ax.set(xticks=(0, 0.5, 1, 1.5), xlabel="length added (1: mean length of an activation)")
    ax.set_ylabel("% moved to the predicted digit")
    ax.set_title("How often a direction that is added gives the predicted digit")
    return fig, (
        f"Percent of images moved to the predicted digit, as the length added grows from 0 to "
        f"{STRENGTHS[-1]}: {ends}."
    )


def probes(table: dict[str, list[float]]) -> tuple[Figure, str]:
    """Test accuracy against the number of labels, a line a representation."""
    fig, ax = plt.subplots(figsize=(6.2, 3.3))
    names = {"activations": "neurons", "neighbors": "neurons, nearest neighbors"}
    ends = _in_percent(ax, LABELS, {names.get(name, name): row for name, row in table.items()})
    ax.set(xscale="log", xlabel="labels to train on", ylabel="mean test accuracy (%)")
    ax.set_xticks(LABELS, labels=LABELS)
    ax.minorticks_off()
    ax.set_title("Probes for odd, five or more, has a loop: mean of the three")
    return fig, f"Percent right on test images, from {LABELS[0]} to {LABELS[-1]} labels: {ends}."
