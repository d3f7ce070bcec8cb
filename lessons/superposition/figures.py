"""What the superposition lesson draws: a function a figure, which gives its alt text too."""

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor

from utils import plots

# The paper's lines for the dimensionality of single features: solids and polygons.
FRACTIONS = {"1": 1, "3/4": 3 / 4, "2/3": 2 / 3, "1/2": 1 / 2, "2/5": 2 / 5, "3/8": 3 / 8}


def arrows(ax: Axes, W: Tensor, density: Tensor) -> None:
    """The columns of W (2, n_features) as arrows, numbered by feature, in a panel of its own."""
    for i, (x, y) in enumerate(W.T.tolist()):
        if x**2 + y**2 > 0.01:
            ax.plot([0, x], [0, y], color=plots.COLORS[i], marker="", linewidth=2)
            ax.plot([x], [y], color=plots.COLORS[i], marker=plots.MARKERS[i], markersize=6)
            ax.text(1.25 * x, 1.25 * y, i + 1, ha="center", va="center")
    ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal")
    ax.set_axis_off()
    ax.set_title(f"density {density:.2g}", loc="center", fontsize=10)


def from_right_angle_to_pentagon(W: Tensor, densities: Tensor) -> tuple[Figure, str]:
    """Five of the trained densities side by side. W: (densities, 2, 5)."""
    fig, axes = plt.subplots(1, 5, figsize=(7.5, 2))
    for ax, k in zip(axes, (0, 2, 4, 6, 9), strict=True):
        arrows(ax, W[k], densities[k])
    fig.suptitle(
        "The sparser the features, the more of them share two dimensions",
        fontsize=11,
        x=0.02,
        ha="left",
    )
    return fig, (
        "Five panels of arrows, one per density from 1 to 0.05. Dense: two arrows at a right "
        "angle, features 1 and 2. Then four arrows in two opposite pairs. Sparse: five arrows, a "
        "pentagon."
    )


def arrows_and_products(W: Tensor, density: Tensor) -> tuple[Figure, str]:
    """One density: its arrows, and WᵀW, what each output reads from each input. W: (2, 5)."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.8, 2.9))
    arrows(left, W, density)
    products = W.T @ W
    plots.image(right, products, largest=1.2, signed=True)
    for i in range(5):
        for j in range(5):
            shade = "white" if products[i, j].abs() > 0.6 else "black"
            number = f"{products[i, j]:.1f}".replace("-0.0", "0.0")
            right.text(j, i, number, ha="center", va="center", color=shade, fontsize=9)
    right.set(xlabel="input feature", ylabel="output feature")
    right.set_title("WᵀW: what outputs read from inputs", fontsize=10)
    right.set_xticks(range(5), labels=range(1, 6))
    right.set_yticks(range(5), labels=range(1, 6))
    off = (products - products.diag().diag()).abs().max()
    return fig, (
        f"Arrows and WᵀW at density {density:.2f}: the largest entry off the diagonal has the size "
        f"{off:.1f}."
    )


def interference_grows(densities: Tensor, received: Tensor) -> tuple[Figure, str]:
    """Mean interference over the stored features, one value a density."""
    fig, ax = plt.subplots(figsize=(5, 2.8))
    ax.plot(1 / densities, received)
    ax.axhline(1, color="0.5", linestyle="--", linewidth=1, marker="", label="in superposition")
    ax.set(xscale="log", xlabel="1 / density", ylabel="interference", ylim=(-0.1, 2.1))
    ax.set_title("Sharing costs more as more features share")
    plots.label_ends(ax)
    return fig, (
        "Mean interference of the stored features against 1 over density, log axis: zero where two "
        f"are stored, about 1 where there are four, {received[-1]:.1f} where all five are."
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
    near = (1 / densities)[(per_feature / 0.5 - 1).abs() < 0.05]
    if len(near):
        ax.axvspan(near[0], near[-1], color="0.93", zorder=-1)
        ax.annotate(
            f"plateau: {len(near)} densities\nwithin 5 % of 1/2", (near[0], 0.17), (4, 0),
            textcoords="offset points", fontsize=9, va="bottom",
        )  # fmt: skip
    ax.text(3.2, 0.9, "line: D*, dimensions per feature", color=line.get_color(), fontsize=9)
    ax.text(3.2, 0.83, "dots: the stored features, one by one", color="0.4", fontsize=9)
    ax.set(xscale="log", xlabel="1 / density", ylabel="dimensions", ylim=(0.15, 1.05))
    ax.set_title("64 features in 16 dimensions: a short stretch at one half")
    plots.label_ends(ax)
    for label in ax.texts:
        if label.get_text() in FRACTIONS:
            label.set_color("0.3")
    return fig, (
        "Dimensions per feature fall from 1 to 0.2 as features become sparser, with a flat stretch "
        "at one half, shaded. Gray dots, the single features, scatter between a quarter and 0.6 at "
        "first, are all at one half on the flat stretch, then follow the line down."
    )


def phase_maps(trained: Tensor, optimal: Tensor) -> tuple[Figure, str]:
    """The phase of each of 30 densities by 30 importances, trained and by brute force."""
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.3), sharey=True)
    colors = ListedColormap(["#E69F00", "#56B4E9", "#0072B2"])
    for ax, phases, title in zip(axes, (trained, optimal), ("trained", "best"), strict=True):
        ax.imshow(phases.view(30, 30).T.numpy(), origin="lower", cmap=colors, extent=(0, 2, -1, 1))
        ax.text(0.05, -0.85, "second\nleft out", fontsize=9)
        ax.text(0.05, 0.6, "first\nleft out", fontsize=9)
        ax.text(0.75, 0.0, "both, in superposition", color="white", fontsize=9)
        ax.set_xticks([0, 1, 2], labels=["1", "0.1", "0.01"])
        ax.set_yticks([-1, 0, 1], labels=["0.1", "1", "10"])
        ax.set(xlabel="density")
        ax.set_title(title, loc="center", fontsize=10)
    axes[0].set_ylabel("importance of the second feature")
    fig.suptitle("Training finds the phase that costs least", fontsize=11, x=0.02, ha="left")
    return fig, (
        "Two maps of density against relative importance. In both, dense features give two wedges: "
        "one feature left out, below or above equal importance. Everything sparser is "
        "superposition. The trained map follows the best one but for a few cells at the borders."
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
        ax.set_xticks(range(10), labels=range(1, 11))
        ax.set_yticks(range(5), labels=range(1, 6))
    axes[0].set_ylabel("neuron")
    fig.colorbar(shown, ax=axes, label="share of its\nstrongest", ticks=[0, 0.5, 1])
    fig.suptitle(
        "Sparse features make neurons answer several of them", fontsize=11, x=0.02, ha="left"
    )
    return fig, (
        "Two maps of five neurons by ten features. Trained on dense features each neuron answers "
        "one feature, a black cell; trained on sparse features a neuron answers several alike."
    )
