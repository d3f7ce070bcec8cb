"""What the lesson on fine-tuning draws: a function a figure, which gives figure and alt text."""

from collections.abc import Mapping, Sequence
from functools import cache

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lessons.fine_tuning.drills import constrained_weight
from lessons.fine_tuning.experiments import INT4
from utils import claims, plots

BLUE, ORANGE, GREEN, RED = plots.COLORS[:4]
DARK_ORANGE = "#A06A00"  # the orange, dark enough for text


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    return [found.value for found in _stored(claim)]


@cache
def _stored(claim: str) -> list[claims.Finding]:
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found for key, found in stored if key[:2] == ("fine_tuning", claim)]


def held(claim: str) -> str:
    """In how many seeds a claim held, such as "9 of 10"."""
    found = _stored(claim)
    return f"{sum(f.holds for f in found)} of {len(found)}"


def _column(ax: Axes, x: float, claim: str, color: str, marker: str) -> None:
    """A mark a seed at x, side by side, and above them in how many seeds the claim held."""
    found = by_seed(claim)
    spread = [x + 0.06 * (i - (len(found) - 1) / 2) for i in range(len(found))]
    for at, one in zip(spread, _stored(claim), strict=True):
        fill = {"fillstyle": "full" if one.holds else "none"}
        ax.plot([at], [one.value], linestyle="", color=color, marker=marker, markersize=5, **fill)
    ax.text(x, 1.02, held(claim), fontsize=9, ha="center", transform=ax.get_xaxis_transform())


def levels(
    nf4: Tensor, errors: Mapping[str, Mapping[str, float]], kinds: Mapping[str, Tensor]
) -> tuple[Figure, str]:
    """Where weights lie in their blocks, and the levels below; error by kind of weights.

    errors: by kind of weights, by "NF4" and "integers", as shares of the weights' size. kinds: the
    weights, of which the first two are drawn, scaled by the largest of each block of 64.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.9), width_ratios=(3, 2))
    edges = torch.linspace(-1, 1, 41, dtype=torch.float64)
    looks = [{"color": "0.8"}, {"color": "black", "histtype": "step", "linewidth": 1.2}]
    for look, (kind, weights) in zip(looks, list(kinds.items())[:2], strict=False):
        rows = weights.reshape(-1, 64)
        unit = (rows / rows.abs().amax(1, keepdim=True)).flatten()
        left.hist(unit.numpy(), edges.numpy(), density=True, label=kind, **look)
    top = left.get_ylim()[1]
    for foot, name, at, color, style in (
        (-0.3, "NF4", nf4, BLUE, "-"),
        (-0.6, "integers", INT4, DARK_ORANGE, "--"),
    ):
        left.vlines(
            at, foot * top, (foot + 0.22) * top, color=color, linewidth=1.5, linestyle=style
        )
        middle = (foot + 0.11) * top
        left.text(1.06, middle, name, color=color, fontsize=9, va="center", clip_on=False)
    left.set(xlabel="weight / largest weight of its block of 64", ylabel="density of weights")
    left.set(ylim=(-0.65 * top, 1.15 * top), xlim=(-1.03, 1.03), yticks=[0, 0.5, 1])
    left.legend(loc="upper left", fontsize=8)
    left.set_title("NF4's levels crowd where weights are")
    for i, kind in enumerate(errors):
        for off, name, color, hatch in ((-0.2, "NF4", BLUE, ""), (0.2, "integers", ORANGE, "//")):
            value = 100 * errors[kind][name]
            label = name if i == 0 else None
            look = {"color": color, "hatch": hatch, "edgecolor": "white"}
            right.bar(i + off, value, 0.38, label=label, **look)
    right.set_xticks(range(len(errors)), labels=[k.replace(" ", "\n") for k in errors])
    most = 100 * max(max(e.values()) for e in errors.values())
    right.set(ylabel="error (% of the weights' size)", ylim=(0, 1.35 * most))
    right.legend(ncol=2, loc="upper left", fontsize=8)
    pays = all(errors[k]["NF4"] < errors[k]["integers"] for k in errors if k != "uniform")
    right.set_title("It pays if weights are normal" if pays else "Error of four bits")
    told = [f"{k}: {100 * e['NF4']:.1f} and {100 * e['integers']:.1f} %" for k, e in errors.items()]
    return fig, (
        "Left: weights divided by the largest of their block, densest around 0. Below, the 16 "
        "levels of NF4, dense around 0 as well, and the 15 of integers, evenly spaced. Right: "
        f"error of NF4 and integers by kind of weights: {'; '.join(told)}."
    )


def first_token(kl: Tensor, prefilled: Sequence[float]) -> tuple[Figure, str]:
    """KL between safe and base model by place; compliance by how many tokens are prefilled."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 2.8))
    places = list(range(1, 1 + len(kl)))
    left.bar(places, kl, color=BLUE)
    left.set(xlabel="place in the reply", ylabel="KL(safe ‖ base) (nats)", xticks=places)
    share, shares = (kl[0] / kl.sum()).item(), by_seed("kl_sits_in_the_first_token")
    left.set_title(f"{100 * share:.0f} % of the KL is at place 1")
    worlds = ""
    if shares:
        worlds = f"{100 * min(shares):.0f} to {100 * max(shares):.0f} % in {len(shares)} worlds"
        left.text(0.95, 0.85, worlds, fontsize=9, ha="right", transform=left.transAxes)
    tokens = list(range(len(prefilled)))
    right.bar(tokens, prefilled, 0.6, color=RED, hatch="//", edgecolor="white", label="this world")
    rates = by_seed("one_token_bypasses")
    spread = [1 + 0.05 * (i - (len(rates) - 1) / 2) for i in range(len(rates))]
    look = {"linestyle": "", "marker": "o", "color": "black", "fillstyle": "none"}
    right.plot(spread, rates, label=f"each of {len(rates)} worlds", **look)
    right.set(xlabel="tokens of compliance prefilled", ylabel="harmful requests\ncomplied with")
    right.set(ylim=(0, 1.35), yticks=[0, 0.5, 1], xticks=tokens)
    right.legend(ncol=2, loc="upper left", fontsize=8)
    right.set_title("One token is enough" if prefilled[1] >= 0.5 else "Prefilling the safe model")
    return fig, (
        f"Left: KL by place in the reply, {kl[0]:.1f} nats at the first, {100 * share:.0f} percent "
        f"of all; {worlds}. Right: share of harmful requests that the safe model complies with "
        f"after 0 to {len(prefilled) - 1} prefilled tokens: "
        + ", ".join(f"{x:.2f}" for x in prefilled)
        + "; after one, world by world: "
        + ", ".join(f"{x:.2f}" for x in rates)
    )


def few_examples(
    found: Mapping[str, tuple[Sequence[int], Sequence[Sequence[float]]]],
) -> tuple[Figure, str]:
    """Compliance against the number of examples, by kind: the numbers, and a row a draw of them."""
    fig, (ax, right) = plt.subplots(1, 2, figsize=(7.8, 3.3), width_ratios=(3, 2))
    told = []
    for i, (name, (sizes, runs)) in enumerate(found.items()):
        color, style = (BLUE, DARK_ORANGE, GREEN, RED)[i % 4], ("-", "--", "-.", ":")[i % 4]
        mean = [sum(x) / len(x) for x in zip(*runs, strict=True)]
        ax.plot(sizes, mean, color=color, linestyle=style, marker="", label=name)
        for run in runs:
            look = {"color": color, "marker": plots.MARKERS[i % 4], "fillstyle": "none"}
            ax.plot(sizes, run, linestyle="", markersize=5, **look)
        each = (f"{n}: {x:.2f}" for n, x in zip(sizes, mean, strict=True))
        told.append(f"{name}: " + ", ".join(each))
    ax.set(xscale="log", xlabel="examples, each seen five times", ylim=(-0.03, 1.05))
    ax.set(ylabel="harmful requests complied with", xlim=(4.5, 560))
    ticks = [5, 10, 20, 50, 100, 200, 500]
    ax.set_xticks(ticks, labels=[str(n) for n in ticks])
    ax.minorticks_off()
    sizes, runs = found["harmful"]
    undone = min(run[list(sizes).index(50)] for run in runs) > 0.5 if 50 in sizes else False
    ax.set_title("Tens of harmful examples undo it" if undone else "Fine-tuned, one world")
    plots.label_ends(ax)
    for x, (claim, bound, name) in enumerate(ERODED):
        _column(right, x, claim, (BLUE, DARK_ORANGE, "black")[x], plots.MARKERS[x])
        right.plot([x - 0.38, x + 0.38], [bound, bound], color="black", linestyle="--", marker="")
        rates = ", ".join(f"{y:.2f}" for y in by_seed(claim))
        flat = name.replace("\n", " ")
        told.append(f"{flat}, by world: {rates} (bound {bound}, held in {held(claim)})")
    right.text(0.42, 0.515, "bound", fontsize=8, ha="left", va="bottom")
    right.set_xticks(range(len(ERODED)), labels=[name for *_, name in ERODED], fontsize=8)
    right.set(xlim=(-0.5, len(ERODED) - 0.5), ylim=(0, 1.05))
    right.set(ylabel="harmful requests complied with")
    fails = any(not f.holds for c, *_ in ERODED for f in _stored(c))
    right.set_title(f"Each kind works in {'most' if fails else 'all'} worlds", pad=18)
    return (
        fig,
        f"Share of harmful requests complied with, by number of examples: {'; '.join(told)}.",
    )


def pull(beta: float) -> tuple[Figure, str]:
    """What a token still weighs under the constraint, against what it has gained."""
    fig, ax = plt.subplots(figsize=(6.6, 2.9))
    gained, at = torch.linspace(-2, 10, 121).tolist(), 6.0
    for known, name, style in (
        (0.1, "β = 0.1", ":"),
        (0.5, "β = 0.5: the paper's, place 1", "-."),
        (2.0, "β = 2: tight", "--"),
    ):
        heights = [constrained_weight(x, 0.0, known) for x in gained]
        ax.plot(gained, heights, color="0.35", linestyle=style, linewidth=1, marker="", label=name)
    plots.label_ends(ax)
    heights = [constrained_weight(x, 0.0, beta) for x in gained]
    ax.plot(gained, heights, color=BLUE, marker="", linewidth=2.2, zorder=1.5)
    weight = constrained_weight(at, 0.0, beta)
    ax.plot([at], [weight], color=RED, marker="D", linestyle="")
    ax.annotate(f"{weight:.2g}", (at, weight), (6, 8), textcoords="offset points", color=RED)
    ax.axhline(1, color="0.6", linewidth=1, marker="")
    ax.text(10, 1.05, "plain fine-tuning", color="0.4", fontsize=9, ha="right")
    ax.set(xlabel=r"$\log\,\pi - \log\,\pi_\mathrm{safe}$ of the token (nats)")
    ax.set(ylabel="weight of its gradient", ylim=(-0.05, 2.05), xlim=(-2, 10))
    does = "still pulls" if weight > 0.05 else "has let go"
    ax.set_title(f"Six nats up, a token with β = {beta:g} {does}: weight {weight:.2g}")
    return fig, (
        "Weight of a token's gradient against the nats it has gained, 1 at 0 for every β. At six "
        f"nats it is {weight:.2g} for β = {beta:g}; "
        + ", ".join(f"{constrained_weight(at, 0.0, b):.2g} for β = {b}" for b in (0.1, 0.5, 2.0))
        + "."
    )


# What the claims on eroding measured: claim, bound, name.
ERODED = (
    ("ten_examples_undo_it", 0.5, "10\nharmful"),
    ("obedient_examples_undo_it", 0.5, "100\nobedient"),
    ("harmless_examples_erode_it", 0.1, "500\nharmless"),
)

# What the claims on resisting measured: claim, name, color, marker.
RESIST = (
    ("deepening_resists_prefilling", "deepened,\nprefilled", BLUE, "o"),
    ("paper_constraint_keeps_refusals", "constraint,\npaper's β", RED, "s"),
    ("tight_constraint_keeps_refusals", "constraint,\ntight at 1", DARK_ORANGE, "^"),
    ("replay_keeps_refusals", "replay,\nlogits", GREEN, "D"),
)


def resistance(
    tried: Sequence[Mapping[str, tuple[float, float]]],
) -> tuple[Figure, str]:
    """Attack against honest task in one world; every defense, world by world.

    tried: on the same data each, what was complied with and what an honest user's model learned,
    by defense; the first is plain fine-tuning.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.4), width_ratios=(2, 3))
    left.fill_between([-0.05, 0.5], 0.89, 1.1, color="0.88", zorder=0)
    points = {"train nothing": (0.0, 0.0), "no defense": (1.0, 1.0)}
    for runs in tried:
        (bad, good), *_ = runs.values()
        for name, (attack, honest) in list(runs.items())[1:]:
            points[name] = (attack / max(bad, 0.01), honest / max(good, 0.01))
    looks = (("0.5", "X"), ("0.5", "P"), (RED, "s"), (DARK_ORANGE, "^"), (GREEN, "v"), (GREEN, "D"))
    for (name, (x, y)), (color, marker) in zip(points.items(), looks, strict=False):
        left.plot([x], [y], linestyle="", color=color, marker=marker, markersize=7, label=name)
    left.set(xlabel="attack: complied with,\nshare of plain", xlim=(-0.05, 1.08))
    left.set(ylabel="honest task: learned,\nshare of plain", ylim=(-0.05, 1.1))
    left.set(xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    left.legend(fontsize=7, loc="lower left", bbox_to_anchor=(0.12, 0.06), framealpha=0.9)
    left.set_title("Wanted: top left", pad=18)
    for x, (claim, _, color, marker) in enumerate(RESIST):
        _column(right, x, claim, color, marker)
    right.axhline(0, color="black", linestyle="--", linewidth=1, marker="")
    right.set_xticks(range(len(RESIST)), labels=[name for _, name, *_ in RESIST], fontsize=8)
    right.set(ylabel="learned less complied with\n(1: best; 0: no use)", yticks=[-1, 0, 1])
    right.set(xlim=(-0.5, len(RESIST) - 0.5), ylim=(-1.1, 1.1))
    worlds = len(by_seed(RESIST[0][0]))
    right.set_title(f"Worth of each defense, in {worlds} worlds", pad=18)
    said = [
        f"{name.replace(chr(10), ' ')} "
        + ", ".join(f"{y:.2f}" for y in by_seed(claim))
        + f" (holds in {held(claim)})"
        for claim, name, *_ in RESIST
    ]
    told = [f"{name} {x:.2f} and {y:.2f}" for name, (x, y) in points.items()]
    return fig, (
        "Left: harmful requests complied with and own facts learned by an honest user, each as a "
        f"share of plain fine-tuning's, in one world: {'; '.join(told)}. Right: the second less "
        f"the first, a mark a world, hollow where the claim fails: {'; '.join(said)}."
    )


def forgotten(
    paths: Mapping[str, Sequence[float]], measures: Mapping[str, Sequence[float]]
) -> tuple[Figure, str]:
    """Facts never shown again while the other half is relearned; three measures of forgetting.

    paths: by method, the share right by step. measures: by method, the share right of the same
    facts: asked, after relearning, by a fresh read-out.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.1), width_ratios=(2, 3))
    colors, styles = (BLUE, DARK_ORANGE, GREEN, RED), ("-", "--", "-.", ":")
    for i, (name, path) in enumerate(paths.items()):
        look = {"color": colors[i % 4], "linestyle": styles[i % 4], "marker": ""}
        left.plot(range(len(path)), path, label=name, **look)
    left.set(xlabel="steps on the other half", ylim=(-0.03, 1.03))
    left.set(ylabel="right, of facts not shown again\n(lower: more forgotten)")
    back = paths.get("fine-tune away", [0.0])[-1] > paths.get("route", [1.0])[-1]
    left.set_title("Fine-tuned away,\nfacts come back" if back else "Relearning\nthe other half")
    plots.label_ends(left)
    names = ["asked", "after\nrelearning", "fresh\nread-out"]
    for i, (name, values) in enumerate(measures.items()):
        x = [j + 0.21 * (i - len(measures) / 2 + 0.5) for j in range(3)]
        look = {"color": colors[i % 4], "hatch": ["", "//", "..", "xx"][i % 4]}
        right.bar(x, values, 0.19, edgecolor="white", label=name, **look)
        for at, value in zip(x, values, strict=True):
            right.text(at, max(value, 1 / 12) + 0.03, f"{value:.1f}", fontsize=8, ha="center")
    right.axhline(1 / 12, color="black", linestyle="--", linewidth=1, marker="")
    right.text(1.02, 1 / 12, "chance", fontsize=8, va="center",
               transform=right.get_yaxis_transform())  # fmt: skip
    right.set_xticks(range(3), labels=names)
    right.set(ylim=(0, 1.45), yticks=[0, 0.5, 1], ylabel="right, of the same facts")
    right.legend(ncol=2, loc="upper center", fontsize=8)
    asked, trained = (
        min(measures, key=lambda m: measures[m][i] if m != "never" else 2) for i in (0, 1)
    )
    right.set_title("Ask, or train: who wins changes" if asked != trained else "Three measures")
    told = [f"{k}: " + ", ".join(f"{x:.2f}" for x in v) for k, v in measures.items()]
    return fig, (
        "Left: share right of facts never shown again, by step of training on others: "
        + "; ".join(f"{k} ends at {v[-1]:.2f}" for k, v in paths.items())
        + f". Right, of the same facts: asked, after relearning, by a fresh read-out: "
        f"{'; '.join(told)}; chance is {1 / 12:.2f}."
    )
