"""What the superposition lesson draws: a function a figure, which gives its alt text too."""

import math

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor

from lessons.superposition.experiments import features_per_neuron, smooth_points_near
from utils import plots

EDGES = (-1 / 28, 2 + 1 / 28, -1 - 1 / 28, 1 + 1 / 28)  # half a cell beyond the grids

# The paper's lines for the dimensionality of single features: solids and polygons.
FRACTIONS = {"1": 1, "3/4": 3 / 4, "2/3": 2 / 3, "1/2": 1 / 2, "2/5": 2 / 5, "3/8": 3 / 8}


def arrows(ax: Axes, W: Tensor, density: Tensor) -> None:
    """The columns of W as arrows in its first two dimensions, numbered by feature, in a panel."""
    for i, (x, y) in enumerate(_plane(W).T.tolist()):
        if x**2 + y**2 > 0.01:
            ax.plot([0, x], [0, y], color=plots.COLORS[i % 7], marker="", linewidth=2)
            ax.plot([x], [y], color=plots.COLORS[i % 7], marker=plots.MARKERS[i % 7], markersize=6)
            ax.text(1.25 * x, 1.25 * y, i + 1, ha="center", va="center")
    ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal")
    ax.set_axis_off()
    ax.set_title(f"density {density:.2g}", loc="center", fontsize=10)


def _plane(W: Tensor) -> Tensor:
    """The first two rows of W, or its one row and zeros: what can be drawn flat."""
    return W[:2] if len(W) > 1 else torch.cat([W, torch.zeros_like(W)])


def from_right_angle_to_pentagon(W: Tensor, densities: Tensor) -> tuple[Figure, str]:
    """Five of the trained densities side by side. W: (densities, 2, 5)."""
    fig, axes = plt.subplots(1, 5, figsize=(7.5, 2))
    shown = torch.linspace(0, len(W) - 1, 5).long().tolist()
    for ax, k in zip(axes, shown, strict=True):
        arrows(ax, W[k], densities[k])
    n = [int((W[k].norm(dim=0) > 0.5).sum()) for k in shown]
    more = (
        "The sparser the features, the more of them share"
        if n == sorted(n) and n[0] < n[-1]
        else "Features that share"
    )
    fig.suptitle(f"{more} {W.shape[1]} dimensions (one seed)", fontsize=11, x=0.02, ha="left")
    return fig, (
        f"Five panels of arrows, one per density from {densities[0]:.2g} to {densities[-1]:.2g}. "
        f"Longer than 1/2 are {n[0]}, {n[1]}, {n[2]}, {n[3]} and {n[4]} arrows."
        + (
            " Two stand at a right angle, four form pairs, five a pentagon."
            if n == [2, 4, 4, 5, 5]
            else ""
        )
    )


def arrows_and_products(W: Tensor, density: Tensor) -> tuple[Figure, str]:
    """One density: its arrows, and WᵀW, what each output reads from each input. W: (2, 5)."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.9))
    arrows(left, W, density)
    products = W.T @ W
    plots.image(right, products, largest=1.2, signed=True)
    n = W.shape[1]
    for i in range(n):
        for j in range(n):
            shade = "white" if products[i, j].abs() > 0.6 else "black"
            number = f"{products[i, j]:.1f}".replace("-0.0", "0.0")
            right.text(j, i, number, ha="center", va="center", color=shade, fontsize=9)
    right.set(xlabel="input feature", ylabel="output feature")
    right.set_title("WᵀW: what outputs read from inputs", fontsize=10)
    right.set_xticks(range(n), labels=range(1, n + 1))
    right.set_yticks(range(n), labels=range(1, n + 1))
    off = products - products.diag().diag()
    return fig, (
        f"Arrows and WᵀW at density {density:.2f}: off the diagonal the entries run from "
        f"{off.min():.1f} to {off.max():.1f}."
    )


def interference_grows(densities: Tensor, received: Tensor) -> tuple[Figure, str]:
    """Mean interference over the stored features, one value a density."""
    fig, ax = plt.subplots(figsize=(5, 2.8))
    ax.plot(1 / densities, received)
    ax.axhline(1, color="0.5", linestyle="--", linewidth=1, marker="", label="its own, at length 1")
    ax.set(
        xscale="log",
        xlabel="1 / density",
        ylabel="interference, mean over\nstored features",
        ylim=(-0.1, max(2.1, received.max() + 0.2)),
    )
    rises = received[-1] > received[0]
    ax.set_title("Interference grows with sparsity" if rises else "Interference and sparsity")
    plots.label_ends(ax)
    return fig, (
        "Mean interference of the stored features against 1 over density, log axis: from "
        f"{received[0]:.1f} to {received[-1]:.1f}."
    )


def dimensions_stick(
    densities: Tensor, per_feature: Tensor, dimensionality: Tensor, kept: Tensor
) -> tuple[Figure, str]:
    """D* a density as a line, each stored feature's dimensionality as a dot.

    densities, per_feature: (densities,). dimensionality, kept: (densities, n_features).
    """
    fig, ax = plt.subplots(figsize=(7, 3.8))
    x = (1 / densities)[:, None].expand_as(dimensionality)
    ax.plot(x[kept], dimensionality[kept], ".", color="0.6", markersize=3)
    (line,) = ax.plot(1 / densities, per_feature)
    for name, level in FRACTIONS.items():
        ax.axhline(level, color="0.8", linewidth=0.7, marker="", zorder=0, label=name)
    steps = torch.linspace(0, 1, len(densities))
    smooth = per_feature[0] * (per_feature[-1] / per_feature[0]) ** steps
    ax.plot(1 / densities, smooth, color="0.3", linestyle="--", linewidth=1, marker="")
    near = (1 / densities)[(per_feature / 0.5 - 1).abs() < 0.05]
    if len(near):
        ax.axvspan(near[0], near[-1], color="0.93", zorder=-1)
        ax.annotate(
            f"plateau: {len(near)} densities\nwithin 5 % of 1/2", (near[0], 0.17), (4, 0),
            textcoords="offset points", fontsize=9, va="bottom",
        )  # fmt: skip
    ax.text(3.2, 0.9, "line: D*, dimensions per feature", color=line.get_color(), fontsize=9)
    ax.text(3.2, 0.83, "dots: the stored features, one by one", color="0.4", fontsize=9)
    ax.text(3.2, 0.76, "dashed: a smooth decline of D*", color="0.3", fontsize=9)
    ax.set(xscale="log", xlabel="1 / density", ylabel="dimensions", ylim=(0.15, 1.05))
    n_smooth = smooth_points_near(per_feature, 0.5)
    longer = len(near) > n_smooth
    ax.set_title(
        "A stretch at one half, longer than on a smooth decline (one seed)"
        if longer
        else "Dimensions per feature, dense to sparse (one seed)"
    )
    plots.label_ends(ax)
    for label in ax.texts:
        if label.get_text() in FRACTIONS:
            label.set_color("0.3")
    return fig, (
        "Dimensions per feature fall as features become sparser; the densities near one half are "
        "shaded, and a dashed line shows a smooth decline. Gray dots, the single features, scatter "
        "at the dense end, gather at one half, then fall to a quarter, a little above the line."
    )


def phase_maps(trained: Tensor, optimal: Tensor) -> tuple[Figure, str]:
    """The phase of each of 29 densities by 29 importances, trained and by brute force."""
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.3), sharey=True)
    colors = ListedColormap(["#E69F00", "#56B4E9", "#0072B2"])
    names = ("trained", "least loss, by brute force")
    for ax, phases, title in zip(axes, (trained, optimal), names, strict=True):
        ax.imshow(phases.view(29, 29).T.numpy(), origin="lower", cmap=colors, extent=EDGES)
        r = 10 ** torch.linspace(-1, 1, 101)
        less = torch.minimum(r, 1 / r)
        by_hand = -torch.log10(4 * less / (2 + 5 * less))
        ax.plot(by_hand, r.log10(), color="black", linestyle="--", linewidth=1, marker="")
        ax.plot([-math.log10(4 / 7)], [0], color="black", marker="o", markersize=4)
        ax.text(0.28, -0.06, "4/7", fontsize=9, color="white", va="top")
        ax.text(0.05, -0.85, "second\nleft out", fontsize=9)
        ax.text(0.05, 0.6, "first\nleft out", fontsize=9)
        ax.text(0.75, 0.25, "both, in superposition", color="white", fontsize=9)
        ax.set_xticks([0, 1, 2], labels=["1", "0.1", "0.01"])
        ax.set_yticks([-1, 0, 1], labels=["0.1", "1", "10"])
        ax.set(xlabel="density")
        ax.set_title(title, loc="center", fontsize=10)
    axes[0].set_ylabel("importance of the second,\nrelative to the first")
    agree = (trained == optimal).float().mean()
    title = "Training finds the cheapest phase nearly everywhere" if agree > 0.9 else "Phases"
    fig.suptitle(f"{title} (dashed: by hand)", fontsize=11, x=0.02, ha="left")
    return fig, (
        "Two maps of density against relative importance. In both, dense features give two wedges: "
        "one feature left out, below or above equal importance. Everything sparser is "
        "superposition. A dashed line, the border by hand, runs close to theirs and at equal "
        "importance through 4/7."
    )


def what_neurons_answer(dense: Tensor, sparse: Tensor) -> tuple[Figure, str]:
    """What each feature alone does to each neuron, trained on dense and on sparse features.

    dense, sparse: weights (5 neurons, 10 features).
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.5, 2.6), sharey=True)
    for ax, W, density in zip(axes, (dense, sparse), ("1", "0.03"), strict=True):
        drive = torch.relu(W[W.argmax(1).argsort()])  # neurons in the order of their strongest
        shown = plots.image(ax, drive / drive.amax(1, keepdim=True))
        ax.set(xlabel="feature present alone")
        ax.set_title(f"density {density}", loc="center", fontsize=10)
        neuron, feature = (drive > 0.5 * drive.amax(1, keepdim=True)).nonzero().T.tolist()
        ax.scatter(feature, neuron, s=9, color="white", edgecolors="black", linewidths=0.5)
        ax.set_xticks(range(10), labels=range(1, 11))
        ax.set_yticks(range(5), labels=range(1, 6))
    axes[0].set_ylabel("neuron")
    several = [int((features_per_neuron(W) >= 2).sum()) for W in (dense, sparse)]
    title = "Neurons and the features that they answer"
    if several[0] < several[1]:
        title = "Sparse features make neurons answer several of them"
    fig.colorbar(shown, ax=axes, label="drive / the\nneuron's strongest", ticks=[0, 0.5, 1])
    fig.suptitle(f"{title} (dot: answers, one seed)", fontsize=11, x=0.02, ha="left")
    return fig, (
        "Two maps of five neurons by ten features. Of five neurons, "
        f"{several[0]} answer several features when trained on dense ones, {several[1]} when "
        "trained on sparse ones. A dot marks each answer."
    )
