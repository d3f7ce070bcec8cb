"""What the mixture-of-experts lesson draws: a function a figure, which gives its alt text too."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from lessons.mixture_of_experts.experiments import SHARES, Success, size_for_half
from utils import claims, plots


def _box(ax: Axes, x: float, y: float, text: str, width: float = 1.5, shade: str = "white") -> None:
    ax.add_patch(
        FancyBboxPatch((x - width / 2, y - 0.3), width, 0.6, boxstyle="round,pad=0.05",
                       facecolor=shade, edgecolor="black", linewidth=1)
    )  # fmt: skip
    ax.text(x, y, text, ha="center", va="center", fontsize=9)


def _arrow(ax: Axes, start: tuple, end: tuple, text: str = "", style: str = "-") -> None:
    look = {"arrowstyle": "-|>", "color": "black", "linestyle": style, "linewidth": 1.1}
    ax.annotate("", end, start, arrowprops=look)
    if text:
        middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.2
        ax.text(*middle, text, ha="center", va="bottom", fontsize=8)


def one_layer() -> tuple[Figure, str]:
    """How a token goes through the layer."""
    fig, ax = plt.subplots(figsize=(7.4, 2.7))
    _box(ax, 0.6, 2, "h, a token's\nhidden vector", 1.5)
    _box(ax, 3.0, 3.5, "router: a score\nfor each expert", 1.7)
    for i, y in enumerate((2.75, 2.0, 1.25, 0.5)):
        chosen = i == 1
        _box(ax, 5.6, y, f"expert {i + 1}", 1.3, "#cfe3f2" if chosen else "white")
    _arrow(ax, (1.45, 2.2), (2.1, 3.3))
    _arrow(ax, (1.45, 2.0), (4.85, 2.0), "only to the chosen one")
    _arrow(ax, (3.6, 3.1), (4.85, 2.2), style="--")
    _arrow(ax, (6.35, 2.0), (7.75, 2.0), "times its gate")
    _box(ax, 8.6, 2.0, "h + gate ·\nexpert(h)", 1.5)
    ax.plot([0.6, 0.6, 8.6], [1.6, -0.15, -0.15], color="black", linewidth=1.1, marker="")
    _arrow(ax, (8.6, -0.15), (8.6, 1.6))
    ax.text(1.0, -0.08, "h passes around the layer unchanged", fontsize=8, va="bottom")
    ax.set(xlim=(-0.3, 9.5), ylim=(-0.3, 4.0))
    ax.set_axis_off()
    ax.set_title("Each token is computed by one expert, the router's choice")
    return fig, (
        "A diagram. A hidden vector h goes to the router, which scores four experts. It is sent to "
        "the one chosen expert only, whose output is multiplied by the gate and added to h, which "
        "also passes around the layer."
    )


def loads_by_balance(loads: Mapping[str, Tensor]) -> tuple[Figure, str]:
    """The load of each expert relative to an even one, busiest first, a panel a model."""
    if not loads:
        raise ValueError("loads_by_balance draws the loads of at least one model")
    fig, axes = plt.subplots(1, len(loads), figsize=(7.4, 2.4), sharey=True, squeeze=False)
    for ax, (name, load) in zip(axes[0], loads.items(), strict=True):
        relative = load.sort(descending=True).values * len(load)
        ax.bar(range(1, len(load) + 1), relative.tolist(), color=plots.COLORS[0])
        ax.axhline(1, color="black", linestyle="--", linewidth=1, marker="")
        ax.set(xlabel="expert, busiest first")
        title = {"nothing": "no balancing", "bias": "biases"}.get(name, f"loss, {name}")
        ax.set_title(title, loc="center", fontsize=10)
    axes[0, 0].set_ylabel("load, in even shares")
    four = {name: load.topk(min(4, len(load))).values.sum().item() for name, load in loads.items()}
    uneven = four.get("nothing", 0) > 0.5 and four["nothing"] == max(four.values())
    title = "Left alone, four of 16 experts take most tokens" if uneven else "Loads"
    fig.suptitle(f"{title} (one seed)", fontsize=11, x=0.02, ha="left")
    said = ", ".join(
        f"{(load.max() * len(load)).item():.1f} with {name}" for name, load in loads.items()
    )
    return fig, (
        f"{title}. Bars of the experts' loads, busiest first. The busiest has, in even shares: "
        f"{said}."
    )


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("mixture_of_experts", claim)]


DIFFERENCES = {  # of test losses: the claim that measured it, and the paper's value
    "nothing, above\nthe worse remedy": ("without_balancing_the_loss_is_higher", 0.109),
    "α = 0.1, above\nα = 0.01": ("a_strong_auxiliary_loss_costs_quality", None),
    "α = 0.01, above\nbias": ("biases_beat_the_auxiliary_loss", 0.0005),  # with a softmax
}


def _squares(ax: Axes, values: Sequence[float], at: float, across: bool = False) -> None:
    """A square a seed, spread a little around the row `at`, or across: around the column."""
    spread = [at + 0.05 * (k - (len(values) - 1) / 2) for k in range(len(values))]
    look = {"linestyle": "", "marker": "s", "color": "black", "markersize": 3.5}
    ax.plot(*((spread, values) if across else (values, spread)), **look)


def price_of_balance(
    violation: Mapping[str, float], loss: Mapping[str, float]
) -> tuple[Figure, str]:
    """Left: test loss against MaxVio, a marker a way to balance. Right: differences, all seeds."""
    fig, (ax, right) = plt.subplots(1, 2, figsize=(8, 3.1), width_ratios=(1, 1.05))
    last = max(violation.values())
    for i, name in enumerate(violation):
        marker = plots.MARKERS[i % len(plots.MARKERS)]
        ax.plot(violation[name], loss[name], marker=marker, color=plots.COLORS[i], markersize=7)
        far = violation[name] > 0.7 * last  # its label is left of it, the others' right
        ax.annotate(
            name, (violation[name], loss[name]), (-8 if far else 8, 0), fontsize=9, va="center",
            textcoords="offset points", ha="right" if far else "left",
        )  # fmt: skip
    ax.set(xlabel="MaxVio: busiest over mean, minus 1", ylabel="test loss, nats a token")
    ax.set(xlim=(0, last * 1.06))
    ax.margins(y=0.1)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.yaxis.set_major_formatter("{x:.3f}")
    ax.set_title("loss and balance (one seed)", loc="center", fontsize=10)
    said, both_ways = [], []
    for row, (label, (claim, paper)) in enumerate(DIFFERENCES.items()):
        values = by_seed(claim)
        _squares(right, values, row)
        said.append(f"{label.replace(chr(10), ' ')} {min(values):.3f} to {max(values):.3f}")
        both_ways.append(min(values) < 0 < max(values))
        if paper:  # above the squares, or it would be lost among them
            right.plot([paper], [row - 0.36], **plots.PAPER)
            right.annotate("paper", (paper, row - 0.36), (-9 if paper > 0.06 else 9, 0), fontsize=8,
                           textcoords="offset points", va="center",
                           ha="right" if paper > 0.06 else "left")  # fmt: skip
    right.axvline(0, color="0.6", linewidth=0.8, marker="")
    right.set_yticks(range(len(DIFFERENCES)), labels=list(DIFFERENCES))
    right.invert_yaxis()
    right.set(xlabel="nats a token", ylim=(2.5, -0.6), xlim=(-0.02, 0.125))
    right.set_xticks([0, 0.05, 0.1])
    right.set_title("differences (a square a seed)", loc="center", fontsize=10)
    changes = "Which way to balance predicts best changes with the seed"
    title = changes if all(both_ways) else "Balance and loss"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    each = ", ".join(f"{n} at {loss[n]:.3f} nats and {violation[n]:.2f}" for n in violation)
    return fig, (
        f"{title}. Left, test loss and MaxVio of one seed: {each}. Right, differences of test "
        f"losses over the seeds: {'; '.join(said)}. The papers' values are 0.109 for the first, "
        "0.0005 for the last."
    )


def what_experts_follow(scores: Mapping[str, Mapping[str, float]]) -> tuple[Figure, str]:
    """Normalized mutual information with several labels, a group of bars a label."""
    if not scores:
        raise ValueError("what_experts_follow draws the scores of at least one model")
    fig, (ax, right) = plt.subplots(1, 2, figsize=(8.2, 3.3), width_ratios=(4.6, 1))
    labels = list(next(iter(scores.values())))
    width = 0.8 / len(scores)
    for i, (name, score) in enumerate(scores.items()):
        at = [k + (i - (len(scores) - 1) / 2) * width for k in range(len(labels))]
        shade = ("0.25", "0.55", "0.82")[i % 3]
        ax.bar(at, list(score.values()), width, color=shade, edgecolor="black", label=name)
    names = {"random groups of words": "best of 20\nrandom groups"}
    shown = [names.get(label, label.replace(" ", "\n", 1)) for label in labels]
    ax.set_xticks(range(len(labels)), labels=shown)
    ax.set(ylabel="normalized mutual\ninformation with expert")
    ax.legend(title="balanced by", loc="upper left")
    ax.set_title("one seed", loc="center", fontsize=10)
    ratios = by_seed("forms_tell_more_than_random_groups_of_words")
    _squares(right, ratios, 0, across=True)
    right.axhline(1, color="0.6", linewidth=0.8, marker="")
    right.set(xlim=(-0.6, 0.6), xticks=[])
    right.set_title("forms / groups\n(α = 0.01)", loc="center", fontsize=10)
    right.set_xlabel("a square a seed")
    words = min(score["single words"] for score in scores.values())
    more = words > 2 * max(score["topics"] for score in scores.values())
    title = "Experts follow the word far more than the topic" if more else "What experts follow"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    each = " ".join(
        f"{name}: " + ", ".join(f"{label} {value:.2f}" for label, value in score.items()) + "."
        for name, score in scores.items()
    )
    return fig, (
        f"{title}. Bars of normalized mutual information, one seed. {each} Beside them, with α = "
        f"0.01, forms over the best of 20 random groups of words, seed by seed: from "
        f"{min(ratios):.2f} to {max(ratios):.2f}, above 1 in {sum(r > 1 for r in ratios)} of "
        f"{len(ratios)}."
    )


def one_expert_each(
    chosen: Tensor, topics: Tensor, forms: Tensor, n: int, name: str
) -> tuple[Figure, str]:
    """Where each expert's tokens come from: its shares by topic and by form; below, of all."""
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.6), sharey=True)
    largest = []
    for ax, labels, kind in zip(axes, (topics, forms), ("topic", "form"), strict=True):
        table = torch.zeros(n, 8).index_put_(
            (chosen, labels), torch.ones(len(chosen)), accumulate=True
        )
        everything = (table.sum(0) / table.sum())[None]
        shares = table / table.sum(1, keepdim=True).clamp(min=1)
        gap = torch.full((1, 8), torch.nan)
        shown = plots.image(ax, torch.cat([shares, gap, everything]), aspect="auto")
        ax.set_xticks(range(8), labels=range(1, 9) if kind == "topic" else "abcdefgh")
        ax.set(xlabel=kind)
        largest.append((shares.amax(1).mean().item(), everything.max().item()))
    rows = list(range(0, n, 3))
    axes[0].set_yticks([*rows, n + 1], labels=[*(row + 1 for row in rows), "all tokens"])
    axes[0].set_ylabel("expert")
    fig.colorbar(shown, ax=axes, label="share of the\nexpert's tokens", ticks=[0, 0.5, 1])
    title = f"What each expert's tokens are (balanced by {name}, one seed)"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    (topic, any_topic), (form, any_form) = largest
    return fig, (
        f"{title}. Two maps of {n} experts, by topic and by form. An expert's commonest topic has "
        f"{topic:.2f} of its tokens on average, where the commonest of all has {any_topic:.2f}; "
        f"its commonest form {form:.2f}, where the commonest of all has {any_form:.2f}."
    )


def more_experts(
    experts: Sequence[int], losses: Sequence[float], curves: Mapping[str, Tensor]
) -> tuple[Figure, str]:
    """Test loss along training, and what is gained at its end against the number of experts.

    curves: "dense, equal compute", "16 experts" and "dense, equal weights", each (16,).
    """
    if len(experts) != len(losses) or not losses:
        raise ValueError(
            f"{len(experts)} numbers of experts need as many losses, not {len(losses)}"
        )
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 3.1), width_ratios=(1.1, 1))
    looks = (plots.COLORS[3], plots.COLORS[0], plots.COLORS[2])
    for i, (name, curve) in enumerate(curves.items()):
        steps = [50 * (k + 1) for k in range(len(curve))]
        left.plot(steps[1:], curve[1:], color=looks[i], marker=plots.MARKERS[i], label=name)
    dense, sparse, large = (curve[-1].item() for curve in curves.values())
    reached = [i for i, loss in enumerate(curves["16 experts"].tolist()) if loss <= dense]
    left.set(xlabel="training steps", ylabel="test loss, nats a token")
    left.legend(fontsize=8)
    left.set_title("one seed", loc="center", fontsize=10)
    gains = by_seed("more_experts_predict_better")
    places = range(len(experts))
    right.plot(places, [dense - loss for loss in losses], color=looks[1], label="this seed")
    _squares(right, gains, len(experts) - 1 + 0.55, across=True)
    right.axhline(dense - large, color=looks[2], linestyle="--", linewidth=1.2, marker="")
    at = {"xytext": (0, 3), "textcoords": "offset points", "fontsize": 8}
    right.annotate("dense, equal weights (this seed)", (0, dense - large), **at)
    right.set(xlabel="experts", ylabel="nats below dense,\nequal compute", ylim=(0, None))
    right.set_xticks(
        [*places, len(experts) - 1 + 0.55], labels=[*experts, f"16,\n{len(gains)} seeds"]
    )
    right.set_xlim(-0.3, len(experts) - 1 + 0.95)
    right.set_title(f"at the end, and of {len(gains)} seeds", loc="center", fontsize=10)
    better = min(gains) > 0 and sparse < dense
    title = "At equal compute 16 experts beat a dense layer in every seed" if better else "Experts"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    when = (
        f" The 16 experts reach the dense layer's end after {50 * (reached[0] + 1)} steps."
        if reached
        else ""
    )
    return fig, (
        f"{title}. Left, test loss along training, one seed: dense of equal compute ends at "
        f"{dense:.3f}, 16 experts at {sparse:.3f}, dense of equal weights at {large:.3f}.{when} "
        "Right, how far below the dense layer of equal compute each number of experts ends: "
        + ", ".join(f"{n} experts {dense - x:.3f}" for n, x in zip(experts, losses, strict=True))
        + f". Over the seeds 16 experts end {min(gains):.3f} to {max(gains):.3f} below it."
    )


def ways_past_the_refusal(success: Mapping[str, Success]) -> tuple[Figure, str]:
    """Left: the share of tries that leave. Right: of requests complied with in any try. By size."""
    fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.2), sharey=True)
    names = {"random": "random", "route": "route", "output": "output",
             "dense": "output,\ndense model"}  # fmt: skip
    for kind, values in success.items():
        i = list(names).index(kind)
        look = {"color": plots.COLORS[(6, 0, 3, 2)[i]], "marker": plots.MARKERS[i]}
        look |= {"linestyle": "--"} if kind == "dense" else {}
        if kind != "dense":  # it has no expert to leave
            axes[0].plot(SHARES, values.tries_left, **look)
        axes[1].plot(SHARES, values.complied, **look, label=names[kind])
    route, output = success["route"], success["output"]
    look = {"color": plots.COLORS[0], "marker": plots.MARKERS[5], "linestyle": ":"}
    axes[1].plot(SHARES, route.both, **look, label="route, in a try\nthat leaves")
    axes[0].set(ylabel="share", ylim=(-0.04, 1.05))
    tries = "tries that leave their expert", "requests with ⟨yes⟩ in any of 15 tries"
    for ax, name in zip(axes, tries, strict=True):
        ax.set(xscale="log", xlabel="nudge, in a hidden vector's length")
        ax.set_xticks([0.05, 0.1, 0.3, 1], labels=["1/20", "1/10", "3/10", "1"])
        ax.minorticks_off()
        ax.set_title(name, loc="center", fontsize=10)
    axes[1].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), title="nudge")
    none = route.tries_left[-1] > 0.9 and route.both.max() < 0.01
    cheaper = size_for_half(output.complied) <= size_for_half(route.complied)
    title = "Ways past the refusal"
    if none:
        title = "Tries that the route leads to another expert get no ⟨yes⟩"
    elif cheaper:
        title = "A push on the output needs to be no longer than one along the route"
    fig.suptitle(f"{title} (one seed)", fontsize=11, x=0.02, ha="left")
    k = 2
    peak = int(route.complied.argmax())
    plain = {**names, "dense": "output on the dense model"}
    return fig, (
        f"{title}. Shares against the size of the nudge. At a tenth of a vector's length "
        f"{route.tries_left[k]:.2f} of the route's tries leave, and requests get a ⟨yes⟩: "
        + ", ".join(f"{plain[n]} {s.complied[k]:.2f}" for n, s in success.items())
        + f". By the route it is at most {route.complied[peak]:.2f}, at {SHARES[peak]:.2g} of a "
        f"length, where {route.tries_left[peak]:.2f} of the tries leave, and "
        f"{route.complied[-1]:.2f} at a whole length, where {route.tries_left[-1]:.2f} leave. "
        f"Counting only tries that leave it is at most {route.both.max():.2f}."
    )
