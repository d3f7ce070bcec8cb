"""The figures of this lesson: each function draws one and gives its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lessons.many_shot.experiments import MOST, SHOTS, fitted, law_of, misfit
from utils import claims, plots

DARK = ("#0072B2", "#8A5A00", "#006B4F", "#B34700", "#8C3A6E")  # readable as text, in gray, too
# The same model has the same color and marker in every figure.
LOOK = {
    name: {"color": DARK[i], "marker": plots.MARKERS[i if i < 3 else 4]}
    for i, name in enumerate(("base", "supervised", "reinforced", "on attacks"))
}


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("many_shot", claim)]


def _log_log(ax: Axes, low: float = 0.005, high: float = 8) -> None:
    ax.set(xscale="log", yscale="log", xlim=(0.9, 70), ylim=(low, high))
    ax.set_xticks([1, 2, 4, 8, 16, 32, 64], labels=["1", "2", "4", "8", "16", "32", "64"])
    ticks = [tick for tick in (0.01, 0.1, 1) if tick >= low]
    ax.set_yticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_xlabel("shots before the request")


def _told(losses: Tensor) -> str:
    return ", ".join(f"{losses[n]:.3g} after {n}" for n in (1, 4, 16, 64))


def two_scales(losses: Tensor) -> tuple[Figure, str]:
    """The loss against the shots: on plain axes, and on axes of logarithms with the fitted line."""
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 3))
    law = law_of(losses)
    axes[0].plot(range(MOST + 1), losses, color=DARK[0], marker="")
    axes[0].plot(0, losses[0], "o", color=DARK[0], clip_on=False)
    axes[0].annotate("no shots", (0, losses[0]), xytext=(6, -3), textcoords="offset points")
    axes[0].set(xlabel="shots before the request", ylabel="loss on complying (nats)")
    axes[0].set(xlim=(0, MOST), ylim=0, title="Most is gained at first")
    axes[1].plot(SHOTS, losses[SHOTS], "o", color=DARK[0])
    axes[1].plot(SHOTS, law.C * SHOTS.double() ** -law.alpha, "-", color="0.3", marker="")
    axes[1].text(
        0.95, 0.95, f"line: α = {law.alpha:.2f}\nR² = {law.r2:.3f}",
        ha="right", va="top", transform=axes[1].transAxes,
    )  # fmt: skip
    _log_log(axes[1], low=0.02, high=1.5)
    straight = "By logarithms, nearly a line" if law.r2 >= 0.9 else "By logarithms, no line"
    axes[1].set_title(straight)
    return fig, (
        f"{straight}. The base model's loss on complying: {losses[0]:.3g} nats without shots, "
        f"{_told(losses)} shots. Left on plain axes, right on logarithmic ones with the line "
        f"C = {law.C:.2f}, α = {law.alpha:.2f}, R² {law.r2:.3f}."
    )


def mixtures(rows: Mapping[str, tuple[Tensor, Tensor]]) -> tuple[Figure, str]:
    """A panel a mixture: the trained model, exact Bayes, and the closest laws with a floor.

    rows: by mixture (the model's losses, the exact reader's losses), both after 0, 1, … shots.
    """
    fig, axes = plt.subplots(1, len(rows), figsize=(7.4, 3.3), sharey=True)
    told, n = [], torch.logspace(0, np.log10(MOST), 200)
    for ax, (name, (losses, exact)) in zip(axes, rows.items(), strict=True):
        ax.plot(SHOTS, losses[SHOTS], "o", color=DARK[0], label="trained model")
        ax.plot(range(1, MOST + 1), exact[1:], "--", color="black", marker="", label="exact Bayes")
        errors = {}
        for law, color, style in (("power law", DARK[4], "-"), ("exponential", "0.45", ":")):
            curve = fitted(f"{law} + floor", SHOTS, losses[SHOTS])(n)
            ax.plot(n, curve, style, color=color, marker="", label=f"{law} + floor")
            errors[law] = misfit(f"{law} + floor", losses)
        _log_log(ax, low=0.006, high=2)
        r2 = law_of(losses).r2
        ax.set_title(f"{name}: {'nearly a line' if r2 >= 0.9 else 'no line'}")
        ax.text(
            0.97, 0.97,
            f"R² of a straight line: {r2:.2f}\n"
            f"misfit, power law + floor: {errors['power law']:.3f}\n"
            f"exponential + floor: {errors['exponential']:.3f}",
            ha="right", va="top", fontsize=8, transform=ax.transAxes,
        )  # fmt: skip
        told.append(
            f"{name} (R² of a line {r2:.2f}): trained {_told(losses)} shots; exact "
            f"{_told(exact)}; the closest power law with a floor misses by "
            f"{errors['power law']:.3f}, the exponential by {errors['exponential']:.3f}"
        )
    axes[0].set_ylabel("loss on complying (nats)")
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=4)
    return fig, "Loss on complying against shots, logarithmic axes. " + "; ".join(told) + "."


def prior(b: float, a: float = 0.2) -> tuple[Figure, str]:
    """The exact Bayesian loss under Beta(a, b), with b / n, to which it comes."""
    if a <= 0 or b <= 0:
        raise ValueError(f"a and b of a Beta prior are above 0, not {a} and {b}")
    n = torch.logspace(0, 4, 200).double()
    fig, ax = plt.subplots(figsize=(5.2, 3))
    losses = torch.log1p(b / (n + a))
    ax.plot(n, losses, "-", color=DARK[0], marker="", linewidth=3, label=f"Beta({a:g}, {b:g})")
    ax.plot(n, b / n, "--", color="black", marker="", label="b / n")
    ax.axvspan(1, MOST, color="0.93", zorder=0)
    ax.annotate("the lesson's shots", (1.1, 4e-6), xytext=(0, 3), textcoords="offset points")
    ax.set(xscale="log", yscale="log", xlim=(1, 1e4), ylim=(4e-6, 80))
    ax.set(xlabel="shots", ylabel="exact loss (nats)", title="Far out, the loss is b / n")
    ax.legend(loc="upper right")
    return fig, (
        f"The exact loss under Beta({a:g}, {b:g}) from 1 to 10,000 shots: {losses[0]:.3g} nats at "
        f"first, {losses[-1]:.2g} at the end, where b / n is {b / 1e4:.2g}."
    )


PAPER_SUCCESS = ((5, 0.0), (256, 0.8))  # Claude 2.0, malicious use cases; 0.8 read off a figure


def safety(curves: Mapping[str, Tensor]) -> tuple[Figure, str]:
    """Left, loss against shots with fitted lines; right, the chance of complying.

    curves: by model, losses after 0, 1, … shots.
    """
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.5))
    fig.get_layout_engine().set(wspace=0.06)
    told = []
    for name, losses in curves.items():
        look = LOOK[name] | {"markersize": 4}
        law = law_of(losses)
        axes[0].plot(SHOTS, losses[SHOTS], linestyle="", **look)
        line = law.C * SHOTS.double() ** -law.alpha
        told_alpha = f"α = {law.alpha:.2f}"
        axes[0].plot(SHOTS, line, "-", color=look["color"], marker="", label=told_alpha)
        chance = (-losses).exp()
        axes[1].plot(0.5, chance[0], linestyle="", **look)
        axes[1].plot(SHOTS, chance[SHOTS], "-", label=name, **look)
        told.append(
            f"{name}: C {law.C:.2f}, α {law.alpha:.2f}; complies with {chance[0]:.2f} without "
            f"shots and {chance[MOST]:.2f} after {MOST}"
        )
    _log_log(axes[0], low=0.02, high=7)
    axes[0].set_ylabel("loss on complying (nats)")
    laws = {name: law_of(losses) for name, losses in curves.items()}
    flat = [name for name, law in laws.items() if law.alpha < 0.8 * laws["base"].alpha]
    raised = all(law.C > laws["base"].C for name, law in laws.items() if name != "base")
    only = raised and flat == ["on attacks"]
    title = "Training lifts every line, flattens one" if only else "Lines and their slopes"
    axes[0].set_title(title)
    plots.label_ends(axes[0])
    x, y = zip(*PAPER_SUCCESS, strict=True)
    axes[1].plot(x, y, **plots.PAPER, label="Claude 2.0 (reported)")
    axes[1].set(xscale="log", xlim=(0.45, 300), ylim=(-0.03, 1.03))
    axes[1].set_xticks([0.5, 1, 4, 16, 64, 256], labels=["0", "1", "4", "16", "64", "256"])
    axes[1].minorticks_off()
    axes[1].set(xlabel="shots before the request", ylabel="chance of complying")
    last = [(-curves[name][MOST]).exp().item() for name in ("supervised", "reinforced")]
    axes[1].set_title(
        f"After {MOST} shots, SL {last[0]:.2f}, RL {last[1]:.2f}"
        if min(last) > 0.5
        else "Chance of complying"
    )
    fig.legend(
        *axes[1].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=5,
        handlelength=1.5,
        columnspacing=1.2,
    )
    return fig, (
        "Left: loss on complying against shots, logarithmic axes, with a line each. Right: the "
        "chance of complying. " + "; ".join(told) + ". Diamonds, Claude 2.0 on malicious use "
        "cases, from the paper's figure: 0 at 5 shots, about 0.8 at 256."
    )


def over_seeds() -> tuple[Figure, str]:
    """The exponent after each training as a share of the base model's: a mark a measured seed."""
    rows = {
        "supervised": "supervised_moves_the_intercept",
        "reinforced": "reinforced_moves_the_intercept",
        "on attacks": "training_on_attacks_only_delays",
        "on attacks, by odds": "the_odds_keep_their_exponent",
        "on attacks: harmless": "harmless_learning_suffers",
    }
    fig, ax = plt.subplots(figsize=(6.4, 2.6))
    told, measured = [], {}
    for i, (name, claim) in enumerate(rows.items()):
        values = measured[name] = by_seed(claim)
        at = [i + 0.06 * (seed - (len(values) - 1) / 2) for seed in range(len(values))]
        look = LOOK.get(name, LOOK["on attacks"] | {"fillstyle": "none"})
        ax.plot(values, at, linestyle="", markersize=6, **look)
        told.append(f"{name}: " + ", ".join(f"{v:.2f}" for v in values))
    ax.axvline(1, color="0.4", linewidth=0.8, marker="")
    ax.axvline(0.8, color="0.4", linewidth=0.8, linestyle=":", marker="")
    ax.set_yticks(range(len(rows)), labels=list(rows))
    ax.set(xlim=(0, 1.45), ylim=(len(rows) - 0.5, -0.5))
    ax.set_xlabel("exponent after training / the base model's (dotted: the claims' bound, 0.8)")
    ax.tick_params(axis="y", length=0)
    alike = measured["supervised"] + measured["reinforced"]
    only = min(alike, default=0) >= 0.8 > max(measured["on attacks"], default=1)
    only = only and min(measured["on attacks, by odds"], default=0) > max(measured["on attacks"])
    title = "Training on attacks flattens the loss; its odds, less" if only else "Exponents"
    ax.set_title(f"{title} (a mark a seed)")
    return fig, "The exponent as a share of the base model's, by seed. " + "; ".join(told) + "."


def refusals_in_front(
    refusals: Sequence[int], left: Sequence[float], exact: Sequence[float], safe: Sequence[float]
) -> tuple[Figure, str]:
    """The success that refusals in front of an attack leave, as a share of that without them.

    refusals: their numbers, with MOST less as many shots. left: the supervised model's
    share. exact: that of the exact reader of the base model's documents; safe: of the same, its
    odds of refusing raised as safety training raised the model's.
    """
    if not refusals:
        raise ValueError("name at least one number of refusals to put in front")
    share = [k / (MOST - k) for k in refusals]
    fig, ax = plt.subplots(figsize=(5.6, 3))
    ax.plot(share, exact, "--", color="0.35", marker="", label="exact Bayes")
    ax.plot(share, safe, ":", color="black", marker="", label="exact, odds raised")
    ax.plot(share, left, "-", label="supervised model", **LOOK["supervised"])
    ax.plot(20 / 205, 54 / 61, **plots.PAPER)
    ax.annotate("the paper: 0.89", (20 / 205, 54 / 61), xytext=(5, -24), textcoords="offset points")
    ax.set(xlim=(0, max(*share, 0.12) * 1.02), ylim=(0, 1.05))
    ax.set(
        xlabel="refusals in front, per shot of the attack", ylabel="success left (1: as without)"
    )
    plots.label_ends(ax)
    more = left[min(2, len(left) - 1)] < 54 / 61
    ax.set_title("Refusals cost more than in the paper" if more else "Refusals cost some success")

    def of(shares: Sequence[float]) -> str:
        return ", ".join(f"{v:.2f} with {k}" for k, v in zip(refusals, shares, strict=True))

    return fig, (
        "The supervised model's success, as a share of that of as many shots without refusals: "
        f"{of(left)} refusals in front; by the exact reader {of(exact)}; by the exact reader with "
        f"raised odds {of(safe)}. The axis is refusals a shot. A diamond: in the paper 0.89 is "
        "left with 20 refusals before 205 shots."
    )
