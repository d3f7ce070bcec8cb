"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lessons.refusal_direction.experiments import POSITIONS, Candidate
from utils import claims, plots

# Arditi et al. 2024, Table 5: depth l*/L, bypass_score and induce_score of each chosen direction.
PAPER = (
    (15 / 24, -4.415, 1.641), (17 / 32, -5.355, 1.107), (23 / 40, -5.085, 1.606),
    (62 / 80, -4.246, 1.885), (20 / 32, -6.693, 1.968), (37 / 60, -11.14, 1.865),
    (10 / 18, -14.435, 6.709), (14 / 28, -12.239, 6.851), (14 / 32, -5.295, 5.941),
    (26 / 40, -4.377, 2.794), (21 / 80, -4.565, 5.191), (12 / 32, -9.715, 7.681),
    (25 / 80, -7.839, 0.126),
)  # fmt: skip
KINDS = ("complied", "refused", "garbled")
LOOKS = {
    "complied": {"facecolor": plots.COLORS[1]},
    "refused": {"facecolor": plots.COLORS[0]},
    "garbled": {"facecolor": "0.88", "hatch": "////", "edgecolor": "0.55", "linewidth": 0},
}


def which_candidate(
    found: Sequence[Candidate], n_layers: int, picked: Candidate
) -> tuple[Figure, str]:
    """Both scores of each candidate by depth, a line a position; the paper's choices, diamonds."""
    fig, axes = plt.subplots(1, 3, figsize=(7.6, 3.2))
    here, fillers = ([c for c in found if (c.position == -1) == asks] for asks in (True, False))
    most = min(c.bypass for c in here) < min(c.bypass for c in fillers)
    only = max(c.induce for c in here) > 0 >= max(c.induce for c in fillers)
    for ax, name, place, said, scale in (
        (axes[0], "bypass", 1, "Erased: ⟨ask⟩ frees most" if most else "Erased", "harmful"),
        (axes[1], "induce", 2, "Added: only it induces" if only else "Added", "harmless"),
        (axes[2], "kl", 0, "It costs over 0.1 nats" if picked.kl > 0.1 else "The cost", ""),
    ):
        for position in POSITIONS:
            line = [c for c in found if c.position == position]
            depth = [c.layer / n_layers for c in line]
            score = [getattr(c, name) for c in line]
            mark = position == POSITIONS[-1]
            look = {"color": plots.COLORS[0], "linewidth": 2} if mark else {"color": "0.65"}
            label = "at ⟨ask⟩" if mark else "at the four fillers" if position == -2 else "_"
            ax.plot(depth, score, marker="o" if mark else "", label=label, **look)
        ax.plot(picked.layer / n_layers, getattr(picked, name), "o", color="black",
                fillstyle="none", markersize=11, label="chosen")  # fmt: skip
        if place:
            dots = plots.PAPER | {"markersize": 4.5, "label": "13 chat models (Table 5)"}
            ax.plot([p[0] for p in PAPER], [p[place] for p in PAPER], **dots)
            ax.axhline(0, color="0.8", linewidth=0.8, marker="", zorder=0)
        ax.axvline(0.8, color="0.4", linestyle=":", linewidth=1, marker="", label="limits")
        ax.set(xlim=(-0.05, 1.05), title=said)
        ax.set_ylabel(f"refusal metric, {scale} (nats)" if scale else "kl of the first word (nats)")
    axes[2].axhline(0.1, color="0.4", linestyle=":", linewidth=1, marker="")
    axes[2].set_ylim(0)
    axes[1].set_xlabel("depth: layer over number of layers")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5,
               columnspacing=1, handlelength=1.3)  # fmt: skip
    where = "the mark ask" if picked.position == -1 else f"position {picked.position}"
    return fig, (
        f"{axes[0].get_title('left')}. {axes[1].get_title('left')}. Refusal metric by the depth "
        "from which a direction is taken: left, on harmful requests with it ablated, middle, on "
        "harmless ones with it added; right, the kl. Chosen: layer "
        f"{picked.layer} of {n_layers} at {where}, {picked.bypass:.1f} and {picked.induce:.1f} "
        f"nats; its kl is {picked.kl:.2f} nats. Gray: at the fillers. "
        "Diamonds are the choices for 13 chat models in the paper: −14 to −4 and 0 to 8."
    )


def _bars(ax: Axes, rows: Mapping[str, Tensor], first: int) -> list[str]:
    """Stacked bars of three shares, a row each, from place `first` down. Returns them in words."""
    told = []
    for i, (name, share) in enumerate(rows.items()):
        left = 0.0
        for kind, part in zip(KINDS, share.tolist(), strict=True):
            ax.barh(first + i, part, left=left, height=0.64, **LOOKS[kind])
            if part >= 0.08:
                white = {"facecolor": "white", "edgecolor": "none", "pad": 1}
                box = {"bbox": white} if kind == "garbled" else {}
                dark = "white" if kind == "refused" else "black"
                ax.text(left + part / 2, first + i, f"{part:.2f}", ha="center", va="center",
                        fontsize=9, color=dark, **box)  # fmt: skip
            left += part
        parts = zip(KINDS, share.tolist(), strict=True)
        told.append(f"{name.strip()}: " + ", ".join(f"{kind} {x:.2f}" for kind, x in parts))
    return told


BARS = {  # the claim that stored each world's value, and the share that follows from it
    "r ablated": ("ablated_it_complies", lambda v: v),
    "r added": ("added_it_refuses", lambda v: v),
    "r ablated ": ("the_rest_is_kept", lambda lost: 1 - lost),
    "r set to its mean ": ("the_mean_costs_less", lambda lost: 1 - lost),
}


def what_moves(harmful: Mapping[str, Tensor], harmless: Mapping[str, Tensor]) -> tuple[Figure, str]:
    """Shares of replies by kind, a bar an intervention: to harmful and to harmless requests."""
    n, gap = len(harmful), 0.9
    fig, ax = plt.subplots(figsize=(7.2, 0.9 + 0.37 * (n + len(harmless) + 1)))
    told = [f"harmful, {x}" for x in _bars(ax, harmful, 0)]
    told += [f"harmless, {x}" for x in _bars(ax, harmless, n + gap)]
    places = [*range(n), *(n + gap + i for i in range(len(harmless)))]
    for name, (claim, share) in BARS.items():
        at = places[[*harmful, *harmless].index(name)] + 0.42
        values = [share(v) for v in by_seed(claim)]
        ax.plot(values, [at] * len(values), "|", color="black", markersize=5, clip_on=False)
        seen = ", ".join(f"{v:.2f}" for v in values)
        kind = "refused" if "added" in name else "complied"
        group = "harmful" if name in harmful else "harmless"
        told.append(f"{group}, {name.strip()}, {kind} in each world: {seen}")
    ax.set_yticks(places, labels=[name.strip() for name in (*harmful, *harmless)])
    ax.tick_params(axis="y", length=0)
    ax.invert_yaxis()
    for y, said in ((-0.62, "harmful requests, held-out topics"), (n + gap - 0.62, "harmless")):
        ax.text(0, y, said, fontsize=9, fontweight="bold", va="bottom")
    ax.set(xlim=(0, 1), xlabel="share of replies")
    ax.spines["left"].set_visible(False)
    handles = [plt.Rectangle((0, 0), 1, 1, **LOOKS[kind]) for kind in KINDS]
    handles += plt.plot([], [], "|", color="black", markersize=7)
    labels = [*KINDS, "where the first part\nends, each world"]
    ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1, 1))
    refused, garbled = harmful["r ablated"][1].item(), harmful["r ablated"][2].item()
    ends = f"Without r no refusal is left, and {garbled:.2f} of replies are garbled"
    ax.set_title(ends if refused < 0.02 else "What each intervention does", pad=22)
    return fig, "Shares of replies. " + ". ".join(told) + "."


def strength(strengths: Sequence[float], steered: Mapping[str, Tensor]) -> tuple[Figure, str]:
    """Shares of replies by the multiple of r that is added: a panel a kind of request.

    steered: by kind of request, (strengths, 3).
    """
    fig, axes = plt.subplots(1, len(steered), figsize=(7.4, 2.9), sharey=True)
    colors, told = (plots.COLORS[1], plots.COLORS[0], "0.45"), []
    for ax, (kind, share) in zip(axes, steered.items(), strict=True):
        for k, (name, color) in enumerate(zip(KINDS, colors, strict=True)):
            mark, style = plots.MARKERS[k], ("-", "-", "--")[k]
            values = share[:, k].tolist()
            ax.plot(strengths, values, style, color=color, marker=mark, markersize=5, label=name)
            told.append(f"{kind}, {name} " + ", ".join(f"{v:.2f}" for v in values))
        ax.set(title=f"{kind} requests", xlabel="multiple of r that is added", ylim=(-0.03, 1.03))
    axes[0].set_ylabel("share of replies")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    broken = min(share[i, 2].item() for share in steered.values() for i in (0, -1))
    title = (
        "Far from r's own length, replies break" if broken > 0.3 else "Steering by a multiple of r"
    )
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    span = f"from {strengths[0]:g} to {strengths[-1]:g} times r"
    return fig, f"Shares of replies, {span}: " + "; ".join(told) + "."


def reading_against_moving(
    rows: Mapping[str, tuple[float, float, float]], chance: Sequence[float]
) -> tuple[Figure, str]:
    """A row a direction: AUROC on held-out topics; refused when it is ablated, and when added.

    chance: the AUROC of other random directions, ticks in the last row. Small ticks in the middle:
    every measured world.
    """
    fig, axes = plt.subplots(1, 3, figsize=(7.2, 0.9 + 0.3 * len(rows)), sharey=True)
    y = range(len(rows))
    heads = ("It reads", "Ablated, it frees", "Added, it stops")
    xs = ("AUROC, held-out topics", "harmful, not refused", "harmless, refused")
    for k, (ax, head, x) in enumerate(zip(axes, heads, xs, strict=True)):
        values = [row[k] if k != 1 else 1 - row[1] for row in rows.values()]
        start = 0.5 if k == 0 else 0.0
        ax.hlines(y, start, values, color="0.8", linewidth=1.5)
        ax.plot(values, y, linestyle="", marker=plots.MARKERS[k], color=plots.COLORS[k],
                markersize=7)  # fmt: skip
        low = -0.03
        ax.set(xlim=(low, 1.06), xlabel=x, title=head)
        ax.axvline(start, color="0.6", linewidth=0.8, marker="")
        ax.tick_params(axis="y", length=0)
    last = len(rows) - 1
    axes[0].plot(chance, [last + 0.3] * len(chance), "|", color="0.5", markersize=6, alpha=0.6)
    for k, name, claim in WORLDS:
        found = [v if k == 2 else 1 - v for v in by_seed(claim)]
        place = [list(rows).index(name) + 0.3] * len(found)
        axes[k].plot(found, place, "|", color="0.3", markersize=6, clip_on=False)
    axes[0].set_yticks(y, labels=list(rows))
    axes[0].set_ylim(last + 0.6, -0.5)
    if rows["whitened"][0] > 0.95 and rows["whitened"][1] > 0.9:
        fig.suptitle(
            "Whitened, it reads perfectly and ends no refusal (ticks: ten worlds, 100 draws)",
            fontsize=11,
            x=0.02,
            ha="left",
        )
    told = [
        f"{name}: AUROC {a:.2f}, not refused when ablated {1 - b:.2f}, refused when added {c:.2f}"
        for name, (a, b, c) in rows.items()
    ]
    far = sum(abs(a - 0.5) >= 0.2 for a in chance)
    return fig, (
        "Three numbers of each direction. " + ". ".join(told) + f". Of {len(chance)} random "
        f"directions {far} have an AUROC of at least 0.7 or at most 0.3."
    )  # fmt: skip


def along_the_layers(curves: Mapping[str, tuple[Tensor, Tensor]]) -> tuple[Figure, str]:
    """Mean cosine with r at ⟨ask⟩ before each layer, its standard deviation over requests as band.

    curves: by name (means, deviations), both (layers,). Those of "base" and "stopped": dashed, a
    bar at the end. Those of "alias" have a panel of their own.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.3), sharey=True)
    told, layers = [], len(next(iter(curves.values()))[0])
    dark = dict(zip(curves, ("#0072B2", "#8A5A00", "#006B4F", "#B34700"), strict=False))
    for name, (mean, sd) in curves.items():
        ax = axes[int("alias" in name)]
        style = "--" if "base" in name or "stopped" in name else "-"
        color = dark.get(name, "#8C3A6E")
        marker = plots.MARKERS[list(curves).index(name)]
        x = range(1, layers + 1)
        ax.plot(x, mean, style, color=color, marker=marker, label=name.removeprefix("alias, "))
        if style == "-":  # more bands than these hide each other
            ax.fill_between(x, mean - sd, mean + sd, color=color, alpha=0.15, linewidth=0)
        else:
            ax.errorbar(x[-1], mean[-1], sd[-1], color=color, marker="", capsize=3)
        if name.startswith("safe"):
            axes[1].plot(x, mean, "-", color="0.45", linewidth=1, marker="", label=name)
        told.append(f"{name} {', '.join(f'{v:.2f}' for v in mean.tolist())}")
    ends = {name: mean[-1].item() for name, (mean, _) in curves.items()}
    gaps = [ends[f"{who}, harmful"] - ends[f"{who}, harmless"] for who in ("base", "safe")]
    wider = "Safety training drives the kinds apart"
    if ratios := by_seed("base_expresses_it"):
        wider += f"\n(base gap {min(ratios):.2f} to {max(ratios):.2f} of the\nsafe one's, in "
        wider += f"{len(ratios)} worlds)"
    axes[0].set_title(wider if gaps[0] < gaps[1] / 1.5 else "Who expresses the direction")
    axes[1].set_title("Harmful, by alias (safe model)")
    for ax in axes:
        ax.axhline(0, color="0.7", linewidth=0.8, marker="", zorder=0)
        ax.set_xticks(range(1, layers + 1), labels=[*map(str, range(1, layers)), "end"])
        ax.set_xlabel("before layer")
        plots.label_ends(ax)
    axes[0].set_ylabel("cosine with r at ⟨ask⟩\n(band, bar: ± 1 sd of requests)")
    return fig, (
        "The safe model's two kinds part along r, the base model's much less. Mean cosine with r "
        "at the ask mark, before each layer and at the end: " + "; ".join(told) + "."
    )


WORLDS = (  # panel, direction, and the claim that stored each world's share refused
    (1, "difference of means", "ablated_it_does_not_refuse"),
    (2, "difference of means", "added_it_refuses"),
    (1, "whitened", "whitened_reads_and_does_not_move"),
)


def defence(rows: Mapping[str, tuple[float, float]]) -> tuple[Figure, str]:
    """Refused when r, and when the direction found anew, is ablated.

    rows: by model; "against r" has a mark for every measured world, too.
    """
    fig, ax = plt.subplots(figsize=(6.6, 0.9 + 0.7 * len(rows)))
    told, names = [], list(rows)
    for i, (name, (old, new)) in enumerate(rows.items()):
        ax.plot(old, i - 0.16, "s", color="0.45", markersize=7, clip_on=False)
        ax.plot(new, i + 0.06, "o", color=plots.COLORS[0], markersize=8, clip_on=False)
        told.append(f"{name}: {old:.2f} and {new:.2f}")
    if "against r" in rows:
        i, found = names.index("against r"), by_seed("another_direction_takes_over")
        look = {"linestyle": "", "marker": "_", "color": plots.COLORS[0], "markersize": 8}
        down = [i + 0.2 + 0.05 * sum(abs(v - w) < 0.03 for w in found[:k]) for k, v in
                enumerate(found)]  # fmt: skip
        ax.plot(found, down, **look)
        told.append("against r, found anew, in each world: " + ", ".join(f"{v:.2f}" for v in found))
    ax.set_yticks(range(len(names)), labels=names)
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0)
    ax.set(
        xlim=(-0.04, 1.04),
        ylim=(len(names) - 0.2, -0.5),
        xlabel="share of harmful requests refused (held-out topics)",
    )
    looks = ("s", "0.45"), ("o", plots.COLORS[0]), ("_", plots.COLORS[0])
    handles = [plt.plot([], [], m, color=c, markersize=8)[0] for m, c in looks]
    labels = [
        "r ablated",
        "found anew, ablated",
        "the same in each of ten\nworlds (equal ones stacked)",
    ]
    ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.03, 1))
    new = {name: pair[1] for name, pair in rows.items()}
    over = "In this world another direction takes over,\nunless training follows it"
    follows = new.get("against r", 1) < 0.5 < new.get("against a moving r", 0)
    ax.set_title(over if follows else "Who withstands the ablation")
    return fig, (
        "Share refused with r ablated, and with the direction that is found anew in the model: "
        + "; ".join(told) + "."
    )  # fmt: skip


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("refusal_direction", claim)]
