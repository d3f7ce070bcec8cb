"""The figures of this lesson: each function draws one and gives its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from lessons.evals.exercises import false_trigger_and_miss, wilson_interval
from lessons.evals.experiments import DEMOS, NOISES, SHARES
from lessons.evals.failures import CHAINS, LOOKS, Contaminated, Pleased, incoherence
from utils import claims, plots

DARK = ("#0072B2", "#8A5A00", "#006B4F", "#B34700", "#8C3A6E")  # readable as text, in gray, too


def _lines(ax: Axes, x: Sequence, rows: Mapping[str, Sequence], start: int = 0) -> None:
    """A labeled line with markers a row, each with a color and marker of its own."""
    lines = [
        ax.plot(
            x,
            row,
            label=name,
            color=DARK[start + i],
            marker=plots.MARKERS[start + i],
            clip_on=False,
        )[0]
        for i, (name, row) in enumerate(rows.items())
    ]
    plots.label_ends(ax, *lines)


def in_ten_worlds(claim: str) -> str:
    """From the least to the most that a claim of this lesson gave by seed, as it is stored."""
    found = [f for key, f in claims.measured().items() if key[:2] == ("evals", claim)]
    values = [f.value for f in found]
    if not values:
        return "not measured yet: `make claims LESSON=evals`"
    return f"in {len(values)} worlds {min(values):.2g} to {max(values):.2g} {found[0].unit}"


def intervals(scores: Sequence[float], errors: Sequence[Sequence[float]], true: float):
    """95 % intervals of as many tests as scores: naive ones on the left, clustered on the right.

    errors: naive, clustered.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 3.6), sharex=True, sharey=True)
    told = []
    for ax, name, error in zip(axes, ("plain", "clustered"), errors, strict=True):
        missed = 0
        for i, (score, e) in enumerate(zip(scores, error, strict=True)):
            holds = abs(score - true) <= 1.96 * e
            missed += not holds
            color, marker, width = (DARK[0], "o", 1) if holds else ("black", "X", 2.2)
            ax.errorbar(score, i, xerr=1.96 * e, color=color, marker=marker, lw=width, ms=3)
        ax.axvline(true, color="0.4", ls="--", lw=1)
        ax.set(
            title=f"{name}: {missed} of {len(scores)} miss the truth", xlabel="score of the test"
        )
        told.append(f"{name}: {missed} of {len(scores)} intervals miss")
    axes[0].set(ylabel="test", yticks=[])
    axes[0].xaxis.set_major_locator(MaxNLocator(4))
    return fig, (
        f"Intervals of {len(scores)} tests around the true score {true:.2f}. {'; '.join(told)}. "
        "Those that miss are black and thick, with a cross."
    )


def formats(free: Tensor, choice: Tensor) -> tuple[Figure, str]:
    """The score of each developer's model in two formats, a line a model."""
    fig, ax = plt.subplots(figsize=(5.2, 3.4))
    told = []
    for i, share in enumerate(SHARES):
        y = [free[i].float().mean().item(), choice[i].float().mean().item()]
        label = f"read {share:.0%} of the objects"
        look = {"color": (*DARK[:3], DARK[4])[i], "marker": plots.MARKERS[i]}
        (line,) = ax.plot([0, 1], y, **look, label=label)
        plots.label_ends(ax, line)
        told.append(f"{label}: {y[0]:.2f} free, {y[1]:.2f} choice")
    ax.set(xticks=[0, 1], xlim=(-0.08, 1.03), ylim=(0, 1), ylabel="share of right answers")
    ax.set_xticklabels(["free form", "multiple choice"])
    best = [SHARES[int(x.float().mean(1).argmax())] for x in (free, choice)]
    turned = best[0] != best[1]
    ax.set_title("Another format, another winner" if turned else "The same winner in both formats")
    return fig, f"Scores of four models trained for as many steps. {'; '.join(told)}."


def wordings(scores: Tensor, n: int = 200) -> tuple[Figure, str]:
    """The score in twelve wordings, for two networks, beside the 95 % interval of n questions."""
    fig, ax = plt.subplots(figsize=(6, 2.7))
    told = []
    for i, (name, row) in enumerate(zip(("read unevenly", "read evenly"), scores, strict=True)):
        mean = row.mean().item()
        low, high = wilson_interval(round(n * mean), n)
        ax.fill_betweenx([i - 0.32, i + 0.32], low, high, color="0.85", zorder=0)
        spread = np.linspace(-0.22, 0.22, len(row))
        ax.plot(row, i + spread, plots.MARKERS[i], color=DARK[i], ls="", clip_on=False)
        told.append(f"{name}: {row.min():.2f} to {row.max():.2f}, interval {low:.2f} to {high:.2f}")
    ax.set(yticks=[0, 1], ylim=(-0.5, 1.5), xlabel="score in one wording")
    ax.set_yticklabels(["wordings\nread unevenly", "wordings\nread evenly"])
    low, high = wilson_interval(round(n * scores[0].mean().item()), n)  # the first row's
    ratio = scores[0].std().item() / ((high - low) / 2)
    wide = "spread beyond the interval" if ratio > 1 else "stay near the interval"
    ax.set_title(f"Read unevenly, wordings {wide} (gray)")
    return (
        fig,
        f"Twelve scores a network, and the 95 % interval of {n} questions. {'; '.join(told)}.",
    )


def contamination(found: Mapping[str, Contaminated]) -> tuple[Figure, str]:
    """Scores on the test, its reordered copy and new questions, by what was read of the test."""
    fig, ax = plt.subplots(figsize=(6.4, 3.1))
    names = list(found)
    rows = {
        "the test itself": [c.test for c in found.values()],
        "reordered copy": [c.reordered for c in found.values()],
        "new questions": [c.fresh for c in found.values()],
    }
    for i, (name, row) in enumerate(rows.items()):
        look = {"color": DARK[i], "marker": plots.MARKERS[i], "clip_on": False}
        ax.plot(range(4), row[:4], label=name, **look)
        ax.plot(4 + (i - 1) * 0.12, row[4], **look)
    ax.legend(loc="upper left", ncols=1, labelcolor="linecolor")
    ax.set(
        xticks=range(5), ylim=(0.5, 1.12), xlim=(-0.2, 4.3), ylabel="share right (guessing: 0.5)"
    )
    ax.set_xticklabels([name.replace(", ", ",\n") for name in names])
    ax.set_xlabel("what of the test was read in training")
    gained = rows["the test itself"][3] - rows["the test itself"][0]
    ax.set_title(f"Reading the test lifts its score by {gained:.2f}")
    told = "; ".join(f"{name}: {', '.join(f'{x:.2f}' for x in row)}" for name, row in rows.items())
    return fig, f"By contamination ({', '.join(n.replace(',', '') for n in names)}). {told}."


def elicitation(
    demos: Mapping[str, Sequence[float]], noise: Mapping[str, Sequence[float]], opened: float,
    prompt: float, shares: Sequence[float] = (),
) -> tuple[Figure, str]:  # fmt: skip
    """Scores of the locked and the weak network: after demonstrations, and under noise.

    shares: in other worlds, what 16 demonstrations bring back of the password's score.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.1), sharey=True)
    x = range(len(DEMOS) + 1)
    _lines(axes[0], x, demos)
    axes[0].axhline(opened, color="0.4", ls="--", lw=1)
    axes[0].text(0, opened - 0.07, "with the password", fontsize=9, color="0.3")
    axes[0].plot(0, prompt, "^", color="black", markersize=6)
    axes[0].annotate("best of 60 prompts", (0, prompt), (7, 4), textcoords="offset points",
                     fontsize=9)  # fmt: skip
    if shares:
        axes[0].plot([len(DEMOS)] * len(shares), [opened * s for s in shares], "_", color="0.5",
                     markersize=9, zorder=1)  # fmt: skip
        axes[0].text(len(DEMOS) + 0.25, opened * min(shares), "ten worlds", ha="left",
                     fontsize=9, color="0.3")  # fmt: skip
    axes[0].set(xticks=list(x), ylim=(0, 1.05), xlabel="demonstrations")
    axes[0].set_xticklabels([0, *DEMOS])
    axes[0].set(ylabel="right on harmful requests", title="Demonstrations open much")
    _lines(axes[1], NOISES, noise)
    rise = max(noise["locked"][1:]) - noise["locked"][0]
    axes[1].set(xlabel="noise, in sd of the weights")
    axes[1].set_title("Noise opens nothing" if rise < 0.05 else "Noise opens it, too")
    told = "; ".join(f"{k}: {', '.join(f'{v:.2f}' for v in row)}" for k, row in demos.items())
    return fig, (
        f"Left, right answers to harmful requests after 0, 1, 2, 4, 8, 16 demonstrations. {told}. "
        f"With the password {opened:.2f}, best of 60 prompts {prompt:.2f}. "
        f"In ten worlds 16 demonstrations bring back {min(shares, default=0):.2f} to "
        f"{max(shares, default=0):.2f} of the password's score. Right, under noise the "
        f"locked network's score rises by at most {max(rise, 0):.2f}."
    )


def thresholds(
    models: Mapping[str, tuple[float, float]], threshold: float = 0.5
) -> tuple[Figure, str]:
    """Errors against the number of questions.

    models: by name, the chance to be right of a harmless model and of a dangerous one.
    """
    fig, ax = plt.subplots(figsize=(5.8, 3.1))
    sizes = [1, 3, 9, 25, 75, 199]
    rows, told = {}, []
    for name, (harmless, dangerous) in models.items():
        errors = [false_trigger_and_miss(threshold, n, harmless, dangerous) for n in sizes]
        if "false triggers" not in rows:
            rows["false triggers"] = [e[0] for e in errors]
        rows[f"misses, {name}"] = [e[1] for e in errors]
    _lines(ax, sizes, rows)
    ax.set(xscale="log", xticks=sizes, ylim=(-0.03, 1.06), xlabel="questions in the test")
    ax.set_ylabel("chance of the error")
    ax.set_xticklabels(sizes)
    ax.minorticks_off()
    ax.set_title("More questions do not replace elicitation")
    told = "; ".join(f"{k}: {row[0]:.2f} to {row[-1]:.2f}" for k, row in rows.items())
    return fig, f"Errors at a threshold of {threshold}, from 1 to 199 questions. {told}."


def pleasing(found: Mapping[str, Pleased]) -> tuple[Figure, str]:
    """Agreement with wrong users, and right answers to each kind of user, against the KL."""
    fig, axes = plt.subplots(1, 2, figsize=(8.4, 3.1))
    told = []
    for i, (name, p) in enumerate(found.items()):
        look = {"color": DARK[i], "marker": plots.MARKERS[i]}
        (line,) = axes[0].plot(p.kl, p.agrees, label=name.replace(" who", "\nwho"), **look)
        plots.label_ends(axes[0], line)
        told.append(f"{name}: agrees with wrong users {p.agrees[0]:.3f} to {p.agrees[-1]:.3f}")
    liked = found["raters who like agreement"]
    rows = {"user right": liked.right_with, "user wrong": liked.right}
    for i, (name, row) in enumerate(rows.items()):
        (line,) = axes[1].plot(
            liked.kl,
            row,
            label=name,
            color=DARK[0],
            marker=plots.MARKERS[2 + i],
            ls="-" if i else "--",
        )
        plots.label_ends(axes[1], line)
    for ax in axes:
        ax.set_xlabel("KL from the policy before (nats)")
    axes[0].set(ylabel="agrees with a wrong user", ylim=0)
    more = liked.agrees[-1] > liked.agrees[0]
    axes[0].set_title("Pressure makes it agree" if more else "It does not agree more")
    axes[1].set(ylabel="answers right", ylim=(0.4, 1))
    helped = liked.right_with[-1] > liked.right[-1]
    axes[1].set_title("Right more often if the user is" if helped else "The user changes little")
    return fig, (
        f"Left, against the KL. {'; '.join(told)}. Right, with raters who like agreement: right "
        f"with a user who is right {liked.right_with[0]:.2f} to {liked.right_with[-1]:.2f}, who is "
        f"wrong {liked.right[0]:.2f} to {liked.right[-1]:.2f}."
    )


def games(found: Mapping[str, Mapping[str, Sequence[float]]]) -> tuple[Figure, str]:
    """The share of games won by each auditor against looks, a panel a network."""
    fig, axes = plt.subplots(1, 2, figsize=(8.8, 3.1), sharey=True)
    told = []
    for ax, (name, rows) in zip(axes, found.items(), strict=True):
        _lines(ax, LOOKS, rows)
        lead = float(np.mean(rows["twin"]) - np.mean(rows["behavior"]))
        ax.set(xscale="log", xticks=LOOKS, ylim=(0, 1.05), xlabel="looks")
        ax.set_title(f"{name}: " + ("the twin leads" if lead > 0.1 else "level in this world"))
        ax.set_xticklabels(LOOKS)
        ax.minorticks_off()
        shares = "; ".join(f"{k} {row[0]:.2f} to {row[-1]:.2f}" for k, row in rows.items())
        told.append(f"{name}: {shares}")
    axes[0].set_ylabel("games in which the quirk is named")
    return fig, f"From 32 to 512 looks. {'. '.join(told)}."


def coherence(known: Tensor, misled: Tensor) -> tuple[Figure, str]:
    """The share of variance in the error against the length of the chain, a thin line a network."""
    fig, axes = plt.subplots(1, 2, figsize=(7.8, 3.1))
    told = []
    for i, (name, parts) in enumerate(
        {"rules learned right": known, "some learned wrong": misled}.items()
    ):
        share = incoherence(parts)
        look = {"color": DARK[i], "marker": plots.MARKERS[i]}
        line = plots.seed_lines(axes[0], range(len(CHAINS)), share.T, label=name, **look)
        error = plots.seed_lines(axes[1], range(len(CHAINS)), parts.sum(-1).T, label=name, **look)
        plots.label_ends(axes[0], line)
        plots.label_ends(axes[1], error)
        told.append(f"{name}: {share.mean(1)[0]:.2f} to {share.mean(1)[-1]:.2f}")
    axes[0].axhline(0.5, color="0.4", ls="--", lw=1)
    axes[0].text(0, 0.52, "uniform guessing", fontsize=9, color="0.3")
    axes[0].set(ylim=(0, 1.02), ylabel="share of the error that is variance")
    axes[0].set_title("Both go toward one half")
    axes[1].set(ylim=(0, 2), ylabel="mean squared error", title="The error grows in both")
    for ax in axes:
        ax.set(xticks=range(len(CHAINS)), xlabel="steps in the chain")
        ax.set_xticklabels(CHAINS)
    return fig, (
        "Eight networks, thin lines, and their mean. Share of variance from 1 to 16 steps: "
        f"{'; '.join(told)}. Errors grow in both."
    )
