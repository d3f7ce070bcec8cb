"""What this lesson draws of scaling laws: a function a figure, which gives its alt text too."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lessons.scaling_laws.exercises import compute_optimal
from lessons.scaling_laws.laws import BESIROGLU, HOFFMANN, UNROUNDED, Law
from lessons.scaling_laws.splits import NEAREST, at_budget
from utils import claims, plots

Picture = tuple[Figure, str]
BLUE, ORANGE, GREEN, RED = plots.COLORS[:4]


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("scaling_laws", claim)]


def logs(ax: Axes, xticks: Sequence[float], yticks: Sequence[float] = ()) -> None:
    """Both axes in logs, with plain numbers at these places alone."""
    ax.set(xscale="log", yscale="log")
    ax.set_xticks(xticks, labels=[f"{v:g}" for v in xticks])
    ax.xaxis.minorticks_off()
    if len(yticks):
        ax.set_yticks(yticks, labels=[f"{v:g}" for v in yticks])
        ax.yaxis.minorticks_off()


def two_limits(
    sizes: Sequence[int], by_n: NDArray, by_d: NDArray, floor: float, fitted: int
) -> Picture:
    """L(N) and L(D), as they are and less E, with lines fitted to all but the largest size."""
    x = np.array(sizes, float)
    if fitted < 2 or not len(x) == len(by_n) == len(by_d):
        raise ValueError("at least three sizes, and by_n and by_d measured at these: run that cell")
    fig, axes = plt.subplots(1, 2, figsize=(7.0, 2.9), sharey=True)
    told = []
    for ax, loss, name in ((axes[0], by_n, "features N"), (axes[1], by_d, "examples D")):
        above = loss - floor
        slope, start = np.polyfit(np.log(x[:fitted]), np.log(above[:fitted]), 1)
        line = np.exp(start) * x**slope
        ax.plot(x, loss, "s", color="0.4", linestyle=":", label="loss")
        ax.plot(x[:fitted], above[:fitted], "o", color=BLUE, markersize=6)
        ax.plot(x[fitted:], above[fitted:], "o", color=BLUE, fillstyle="none", markersize=8,
                clip_on=False)  # fmt: skip
        ax.plot(x, line, "-", color=BLUE, marker="", label="loss − E")
        logs(ax, [8, 16, 32, 64, 256], [0.05, 0.1, 0.2, 0.5])
        ax.set(xlabel=name, xlim=(7, 300))
        ax.set_title(f"loss − E falls as ${name[-1]}^{{{slope:.2f}}}$")
        plots.label_ends(ax)
        ends = f"{above[-1]:.3f} measured, {line[-1]:.3f} predicted"
        told.append(f"by {name}: slope {slope:.2f}, at {sizes[-1]} {ends}")
    axes[0].set_ylabel(f"loss (E = {floor:g})")
    off = by_seed("power_laws_extrapolate")
    many = f" to 10 % in {sum(v <= 0.1 for v in off)} of {len(off)} seeds" if off else ""
    said = f"A line through {sizes[fitted - 1]} and below (filled) meets {sizes[-1]} (open)"
    fig.suptitle(said + many, fontsize=11, x=0.02, ha="left")
    return fig, "Two log-log plots of loss; less its irreducible part it is a line; " + "; ".join(
        told
    ) + "."


def isoflops(runs: NDArray, budgets: Sequence[int], best: NDArray) -> Picture:
    """Loss by size for every second budget, its parabola, and where all parabolas are lowest."""
    fig, ax = plt.subplots(figsize=(6.2, 3.4))
    for i, (c, top) in enumerate(zip(budgets, best, strict=True)):
        table = at_budget(runs, c)
        table = table[table[:, 0].argsort()]
        near = table[table[:, 1].argsort()[:NEAREST]]
        curve = np.polyfit(np.log(near[:, 0]), near[:, 1], 2)
        ax.plot(top, np.polyval(curve, np.log(top)), "x", color="black", markersize=8, zorder=4)
        if i % 2:
            continue
        fill = "full" if i % 4 else "none"
        ax.plot(table[:, 0], table[:, 1], "o", color=BLUE, linestyle=":", linewidth=0.8,
                fillstyle=fill, markersize=4.5)  # fmt: skip
        x = np.geomspace(near[:, 0].min(), near[:, 0].max(), 50)
        ax.plot(x, np.polyval(curve, np.log(x)), color=BLUE, marker="", linewidth=1.4)
        ax.annotate(f"$2^{{{round(np.log2(c))}}}$", table[-1], (7, 0), fontsize=10, va="center",
                    textcoords="offset points")  # fmt: skip
    logs(ax, [8, 16, 32, 64, 128, 256, 512], [0.1, 0.2, 0.5])
    ax.set(xlabel="features N", ylabel="loss", xlim=(7, 800), ylim=(0.09, 0.8))
    ax.set_title("The best size (×) grows with the budget N · D (right of each curve)")
    said = ", ".join(f"{c}: {n:.0f}" for c, n in zip(budgets, best, strict=True))
    return fig, (
        "Loss by size at equal compute, a curve for every second budget, a cross for all; the best "
        f"sizes are {said}."
    )


def fits_of_E(runs: NDArray, laws: Mapping[str, Law], fitted_to: float, truth: float) -> Picture:
    """What laws with different E say along N = D: within what was fitted, and far beyond."""
    fig, ax = plt.subplots(figsize=(6.2, 3.0))
    side = np.geomspace(24, 8000, 60)
    looks = zip(laws.items(), (BLUE, RED, "0.4"), ("-", "--", ":"), strict=True)
    told = []
    for (name, law), color, style in looks:
        ax.plot(side**2, law.loss(side, side), style, color=color, marker="", label=name)
        told.append(f"{name}: {law.loss(8000, 8000):.3f} at the right end")
    even = runs[runs[:, 0] == runs[:, 1]]
    inside = even[:, 0] * even[:, 1] < 1.1 * fitted_to
    ax.plot(even[inside, 0] ** 2, even[inside, 2], "o", color="black", markersize=6, label="_")
    ax.plot(even[~inside, 0] ** 2, even[~inside, 2], "o", color="black", fillstyle="none",
            markersize=7, label="_")  # fmt: skip
    ax.axhline(truth, color="0.7", linewidth=0.8, marker="")
    ax.text(700, truth * 1.05, "the true E", fontsize=9, color="0.35")
    logs(ax, [1e3, 1e4, 1e5, 1e6, 1e7], [0.02, 0.05, 0.1, 0.2, 0.5])
    ax.set_xticks([1e3, 1e4, 1e5, 1e6, 1e7], labels=["10³", "10⁴", "10⁵", "10⁶", "10⁷"])
    ax.set(xlabel="compute N · D, with N = D", ylabel="loss", ylim=(0.011, 1))
    ends = [law.loss(8000, 8000) for law in laws.values()]
    ax.set_title("Three E fit the runs (filled) alike; at the right end they differ by "
                 f"{max(ends) / min(ends):.1f} times")  # fmt: skip
    plots.label_ends(ax)
    held = "; ".join(
        f"{n * d:.0f}: {loss:.3f} measured, "
        + ", ".join(f"{name} {law.loss(n, d):.3f}" for name, law in laws.items())
        for n, d, loss in even[~inside]
    )
    return fig, (
        f"Loss by compute on log axes, three fits of the same runs, and the true E, {truth:g}. "
        + "; ".join(told) + f". Not fitted (hollow), by compute: {held}."
    )  # fmt: skip


def interval_widths(by_runs: Mapping[int, Sequence[float]], published: float) -> Picture:
    """Width of the 80 % interval of a by the number of runs, and what was reported."""
    fig, ax = plt.subplots(figsize=(6.2, 3.0))
    runs = np.array(list(by_runs), float)
    for n, widths in by_runs.items():
        ax.plot([n] * len(widths), widths, "o", color=BLUE, markersize=4)
    middle = np.array([np.mean(w) for w in by_runs.values()])
    scale = np.exp(np.mean(np.log(middle * runs**0.5)))
    real = 0.051 * 240**0.5
    x = np.geomspace(runs[0], 3e6, 50)
    ax.plot(x, scale / x**0.5, "--", color=BLUE, marker="", linewidth=1.2)
    ax.plot(x, real / x**0.5, ":", color="0.35", marker="", linewidth=1.4)
    needed = [(s / published) ** 2 for s in (scale, real)]
    ax.plot(400, published, **plots.PAPER)
    ax.plot(240, 0.051, **plots.PAPER)
    ax.axhline(published, color="0.75", linewidth=0.8, marker="", zorder=0)
    ax.text(470, published * 1.12, "reported, over 400 runs", fontsize=9)
    ax.text(270, 0.058, "240 real runs, refitted", fontsize=9)
    ax.text(1.6e4, real / 1.6e4**0.5 * 1.2, "∝ 1 / √runs, from the real ones", fontsize=9)
    ax.text(7e3, scale / 7e3**0.5 * 0.75, "from the made-up ones", fontsize=9, color=BLUE,
            ha="right", va="top")  # fmt: skip
    logs(ax, [60, 240, 960, 1e4, 1e5, 1e6], [0.001, 0.01, 0.05])
    ax.set_xticks([60, 240, 960, 1e4, 1e5, 1e6], labels=["60", "240", "960", "10⁴", "10⁵", "10⁶"])
    ax.set(xlabel="runs", ylabel="width of interval of a", ylim=(6e-4, 0.16))
    below = 10 ** np.floor(np.log10(needed[0]))
    ax.set_title(f"An interval of 0.001 takes over {below:,.0f} runs, not 400")
    told = ", ".join(f"{n} runs: {np.mean(w):.3f}" for n, w in by_runs.items())
    return fig, (
        f"Interval width by number of made-up runs, log axes: {told}. As 1 over the root it would "
        f"reach 0.001 at about {needed[0]:,.0f} runs, from the real runs' width at about "
        f"{needed[1]:,.0f}. Diamonds: 0.001 was reported; 0.051 is what 240 of the real runs give."
    )


def counting(law: Law, budgets: NDArray, small: NDArray, slope: float) -> Picture:
    """Best sizes by compute under one law, with embeddings counted or not.

    small: the best sizes without embeddings. slope: the exponent that a line through them has.
    """
    fig, ax = plt.subplots(figsize=(6.2, 3.0))
    inside = small < 0.95 * small.max()  # the largest size tried is where the curve would stop
    budgets, small = budgets[inside], small[inside]
    every = np.array([compute_optimal(c, *law[1:])[0] for c in budgets])
    ax.plot(budgets, every, "--", color=BLUE, marker="", label=f"all parameters: {law.a:.2f}")
    ax.plot(budgets, small, "-", color=RED, marker="", label=f"without embeddings:\n{slope:.2f}")
    logs(ax, [1e14, 1e16, 1e18, 1e20], [1e4, 1e6, 1e8])
    ax.set_xticks([1e14, 1e16, 1e18, 1e20], labels=["10¹⁴", "10¹⁶", "10¹⁸", "10²⁰"])
    ax.set_yticks([1e4, 1e6, 1e8], labels=["10⁴", "10⁶", "10⁸"])
    ax.set(xlabel="compute, as each way counts it (FLOPs)", ylabel="best size (parameters)")
    ax.set_ylim(1e3, 4e10)
    ax.set_title(f"Without embeddings, one law's exponent {law.a:.2f} looks like {slope:.2f}")
    plots.label_ends(ax)
    return fig, (
        f"Best model size by compute under one law, log axes. All parameters counted: a line of "
        f"slope {law.a:.2f}. Without embeddings: below it, {every[0] / small[0]:.0f} times at the "
        f"left end, steep there, and {every[-1] / small[-1]:.1f} times at the right; a line "
        f"through it has slope {slope:.2f}."
    )


def warmups(budgets: NDArray, sizes: Mapping[str, NDArray], a: Mapping[str, float]) -> Picture:
    """Best sizes by compute under three warm-ups."""
    fig, ax = plt.subplots(figsize=(6.2, 3.0))
    looks = zip(sizes.items(), (BLUE, GREEN, RED), ("o-", "^--", "s:"), strict=True)
    for (name, best), color, look in looks:
        ax.plot(budgets, best, look, color=color, label=f"{name}: a = {a[name]:.2f}")
    logs(ax, budgets, [8, 16, 32, 64, 128])
    ax.set_xticks(budgets, labels=[f"$2^{{{round(np.log2(c))}}}$" for c in budgets])
    ax.set(xlabel="compute N · D", ylabel="best size N (features)")
    shifts = by_seed("warmup_shifts_the_exponent")
    many = f", in {sum(v >= 0.1 for v in shifts)} of {len(shifts)} seeds by 0.1 or more"
    ax.set_title("A fixed warm-up adds to the exponent" + (many if shifts else ""))
    plots.label_ends(ax)
    told = "; ".join(f"{k}: a {a[k]:.2f}, from {v[0]:.0f} to {v[-1]:.0f}" for k, v in sizes.items())
    return fig, f"Best size by compute on log axes, three lines. {told}."


def ratios(budgets: NDArray) -> Picture:
    """Tokens for each parameter at the optimum, by compute, under both published laws."""
    fig, ax = plt.subplots(figsize=(6.2, 2.8))

    told = []
    for law, name, color, style in (
        (HOFFMANN, "Hoffmann et al., as printed", RED, "--"),
        (UNROUNDED, "theirs, not rounded", "0.35", ":"),
        (BESIROGLU, "refitted, Besiroglu et al.", BLUE, "-"),
    ):
        pairs = [compute_optimal(c, *law[1:]) for c in budgets]
        ratio = np.array([d / n for n, d in pairs])
        ax.plot(budgets, ratio, style, color=color, marker="", label=name)
        told.append(f"{name}: {ratio[0]:.0f} to {ratio[-1]:.0f}")
    ax.plot(5.88e23, 20, **plots.PAPER)
    ax.text(5.88e23, 22.5, "Chinchilla itself", fontsize=9, ha="center")
    logs(ax, [1e19, 1e21, 1e23, 1e25], [10, 20, 50, 100])
    ax.set_xticks([1e19, 1e21, 1e23, 1e25], labels=["10¹⁹", "10²¹", "10²³", "10²⁵"])
    ax.set(xlabel="compute (FLOPs)", ylabel="best tokens per parameter")
    ax.set_title("The printed law disagrees with the model that was built on it")
    plots.label_ends(ax)
    return fig, "Tokens a parameter by compute, log axes. " + "; ".join(told) + "; Chinchilla: 20."
