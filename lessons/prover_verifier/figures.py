"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import tensor

from lessons.prover_verifier.cuts import tuned
from lessons.prover_verifier.market import Attacked
from lessons.prover_verifier.onesided import PixelRound
from lessons.prover_verifier.provers import STEPS, Trained
from lessons.prover_verifier.shapes import KINDS, NAMES, PATCH, SIDE, Pictures, Round, all_scores
from lessons.prover_verifier.traces import Debated
from utils import claims, plots

BIN = 0.5  # nats
Picture = tuple[Figure, str]
TRUE, FALSE = plots.COLORS[0], plots.COLORS[3]


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("prover_verifier", claim)]


def pointed(pictures: Pictures, i: int, lie: int, played: Round) -> Picture:
    """A picture, and the patches that both provers show a verifier for their names."""
    kind = int(pictures.kind[i])
    one = Pictures(*(part[i : i + 1] for part in pictures))
    fig, axes = plt.subplots(1, 3, figsize=(6.6, 2.9), width_ratios=[1.6, 1, 1])
    plots.image(axes[0], pictures.images[i])
    axes[0].add_patch(Rectangle((-0.5, -0.5), SIDE, SIDE, fill=False, linewidth=0.8))
    axes[0].set_xlabel("all that the provers see")
    told = []
    for ax, name, color, style in ((axes[1], kind, TRUE, "-"), (axes[2], lie, FALSE, "--")):
        scores = all_scores(played.verifier, one, tensor([name]))[0]
        place = int(scores.argmax())
        corner = place % SIDE - 2.5, place // SIDE - 2.5
        box = {"fill": False, "edgecolor": color, "linewidth": 2.5, "linestyle": style}
        axes[0].add_patch(Rectangle(corner, PATCH, PATCH, clip_on=False, **box))
        plots.image(ax, pictures.patches[i, place].view(PATCH, PATCH))
        ax.add_patch(Rectangle((-0.5, -0.5), PATCH, PATCH, clip_on=False, **box))
        ax.add_patch(Rectangle((0.5, 0.5), 3, 3, **box | {"linewidth": 1.5, "linestyle": "-"}))
        score = scores[place].item()
        middle = pictures.patches[i, place].view(PATCH, PATCH)[1:4, 1:4].flatten()
        wrong = int((middle != KINDS[name]).sum())
        shown = f"score {score:.1f} nats".replace("-", "−")
        verdict = "accepted" if score > 0 else "refused"
        ax.set_title(f"“a {NAMES[name]}”: {verdict}", color=color)
        ax.set_xlabel(f"{shown}\nwrong in {wrong} of 9 pixels")
        told.append(f"for the name {NAMES[name]}, {shown}, {verdict}: wrong in {wrong} of the nine")
        fooled = name == lie and score > 0
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    # Beyond the edge all is white, and a patch may reach there by two pixels.
    axes[0].set(xlim=(-2.6, SIDE + 1.6), ylim=(SIDE + 1.6, -2.6))
    title = "passes for one" if fooled else "is refused"
    fig.suptitle(f"No {NAMES[lie]} is there: the best patch for it {title}", x=0.01, ha="left",
                 fontsize=11)  # fmt: skip
    return fig, (
        f"A picture of {SIDE} by {SIDE} black and white pixels with two marked squares, and the "
        f"squares enlarged, in each a frame around the nine pixels in the middle. The helpful "
        f"prover's, {told[0]}; the sneaky prover's, {told[1]}."
    )


def rounds(game: Sequence[Round], control: Sequence[Round]) -> Picture:
    """Soundness by round, with and without an adversary: accepting above 0, and above a cut."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.1), sharey=True)
    ends = len(max(game, control, key=len)) + 0.3
    series = (
        ("completeness, in the game", game, 1, {"color": "0.45", "ls": ":", "marker": "D"}),
        ("soundness, in the game", game, 0, {"color": TRUE}),
        ("soundness, nobody sneaky", control, 0, {"color": FALSE, "ls": "--", "marker": "s"}),
    )
    panels = (
        ("cut at 0", [(r.soundness, r.completeness) for r in game],
         [(r.soundness, r.completeness) for r in control]),
        ("cut that 99 % of true names pass", *([tuned(r) for r in g] for g in (game, control))),
    )  # fmt: skip
    seeds = (
        (by_seed("rounds_make_it_sound"), [1 - v for v in by_seed("unopposed_it_is_fooled")]),
        ([], by_seed("the_cut_does_most")),
    )
    told = []
    for ax, (title, *values), of_seeds in zip(axes, panels, seeds, strict=True):
        for name, who, which, look in series:
            shares = [v[which] for v in values[who is control]]
            ax.plot(range(1, len(shares) + 1), shares, label=name, clip_on=False, **look)
        for shares, color, mark in zip(of_seeds, (TRUE, FALSE), ("_", "x"), strict=True):
            size = 9 if mark == "_" else 5
            ax.plot([ends] * len(shares), shares, mark, color=color, markersize=size)
        ax.text(ends, 0.02, "ten\nseeds", ha="center", fontsize=8, color="0.3")
        ax.set_title(title, fontsize=10)
        ax.set(xticks=range(1, round(ends)  + 1), xlabel="round", ylim=(0, 1.04),
               xlim=(0.9, ends + 0.3))  # fmt: skip
        (first, _), *_, (last, complete) = values[0]
        told.append(
            f"With a {title}: in the game soundness goes from {first:.2f} to {last:.2f}, "
            f"with nobody sneaky from {values[1][0][0]:.2f} to {values[1][-1][0]:.2f}; "
            f"completeness in the game ends at {complete:.2f}. Marks at the end, a seed each: "
            + "; ".join(", ".join(f"{v:.2f}" for v in shares) for shares in of_seeds if shares)
        )
    axes[0].set_ylabel("share of claims")
    axes[1].legend(loc="lower left", bbox_to_anchor=(0.0, 0.12), fontsize=8)
    at_zero, at_cut = ([v[-1][0] for v in values] for _, *values in panels)
    title = "Round by round"
    if at_zero[0] > at_zero[1] + 0.1 and min(at_cut) >= 0.9:
        title = "Above 0 only the attacked verifier resists; with another cut both do"
    fig.suptitle(title, x=0.01, ha="left", fontsize=11)
    return fig, "Two panels, soundness by round. " + ". ".join(told) + "."


def scores(game: Round, pixels: PixelRound) -> Picture:
    """How the last verifiers score the best true and the best false solutions: two panels."""
    fig, axes = plt.subplots(1, 2, figsize=(7, 2.7), sharey=True)
    worlds = (axes[0], game, "a patch"), (axes[1], pixels, "six pixels")
    for ax, last, what in worlds:
        low, high = (f([*last.true.tolist(), *last.false.tolist()]) for f in (min, max))
        low, high = math.floor(min(low, -BIN)), math.ceil(max(high, BIN))
        edges = [low + BIN * i for i in range(round((high - low) / BIN) + 1)]
        for values, color, name, style in (
            (last.false, FALSE, "false", {"hatch": "////"}), (last.true, TRUE, "true", {})
        ):  # fmt: skip
            weights = [1 / len(values)] * len(values)
            ax.hist(values.tolist(), edges, weights=weights, histtype="stepfilled", alpha=0.35,
                    color=color, label=name, **style)  # fmt: skip
            ax.hist(values.tolist(), edges, weights=weights, histtype="step", color=color,
                    linewidth=1.8)  # fmt: skip
        ax.axvline(0, color="black", linestyle=":", linewidth=1.2)
        ax.set(xlabel="verifier's score (nats), accepted above 0", xlim=(low, high))
        sound = f"{what}: {last.soundness:.2f} of false claims refused"
        ax.set_title(sound, fontsize=10)
        ax.legend(loc="upper left" if what == "a patch" else "upper right")
    axes[0].set_ylabel(f"share of claims\n(bins of {BIN:g} nats)")
    title = "Scores of the best solutions"
    if game.soundness > 0.5 and pixels.soundness < 0.2:
        few = "none" if pixels.soundness == 0 else "few"
        title = f"Most false claims fall below 0 with patches, {few} with six pixels"
    fig.suptitle(title, x=0.01, ha="left", fontsize=11)
    return fig, (
        "Two histograms of the last verifier's scores of the best true and the best false "
        f"solutions. With patches {game.soundness:.2f} of false claims lie below 0 and "
        f"{game.completeness:.2f} of true ones above. With six pixels of a digit "
        f"{pixels.soundness:.2f} and {pixels.completeness:.2f}: nearly all lie above 0."
    )


def tax(trained: Trained) -> Picture:
    """Accuracy, legibility to an outsider, and what is refused, by training."""
    fig, ((right, legible), (caught, names)) = plt.subplots(2, 2, figsize=(6, 5))
    x = [STEPS * r for r in range(len(trained.correct))]
    start, alone, game = trained.correct[0], trained.correct, trained.checkable
    for ax, what in ((right, "accuracy"), (legible, "told")):
        for runs, look in ((alone, {"color": FALSE, "linestyle": "--", "marker": "s"}),
                           (game, {"color": TRUE, "marker": "o"})):  # fmt: skip
            ax.plot(x, [getattr(m, what) for m in runs], clip_on=False, **look)
    legible.axhline(start.told, color="0.5", linestyle=":", linewidth=1.2, marker="")
    fewer = game[-1].accuracy < alone[-1].accuracy
    right.set_title("In the game: less often right" if fewer else "How often right")
    both = max(game[-1].told, alone[-1].told) < start.told
    legible.set_title("Both: less legible than before" if both else "Legibility")
    right.set_ylabel("accuracy of the helpful role")
    legible.set_ylabel("outsider right about\nhelpful solutions (share)")
    own, outsider = [m.refuses for m in trained.verified], [m.refuses for m in game]
    sneaky = (
        (x[1:], own, {"color": "black", "marker": "D"}, "verifier, its own sneaky role"),
        (x[1:], trained.searched, {"color": TRUE, "linestyle": "-.", "marker": "x"},
         "verifier, the best of 81"),
        (x, outsider, {"color": "0.5", "linestyle": ":", "marker": "^"},
         "outsider, the sneaky role"),
    )  # fmt: skip
    keys = [
        caught.plot(at, shares, clip_on=False, label=name, **look)[0]
        for at, shares, look, name in sneaky
    ]
    caught.set_ylabel("share of false names refused")
    resists = own[-1] > trained.searched[-1]
    caught.set_title("This verifier resists its own\nprover better than a search" if resists
                     else "Who refuses false names")  # fmt: skip
    for ax in (right, legible, caught):
        ax.set(ylim=(-0.02, 1.02), xlabel="training steps", xticks=x[::2])
    names.axis("off")
    lines = [*right.get_lines(), legible.get_lines()[-1]]
    above = ["for being right", "in the game", "at the start"]
    first = names.legend(lines, above, loc="upper left", title="above, provers trained",
                         alignment="left", bbox_to_anchor=(-0.1, 1.1))  # fmt: skip
    names.add_artist(first)
    names.legend(handles=keys, loc="lower left", title="left, who refuses whom",
                 alignment="left", bbox_to_anchor=(-0.1, -0.1))  # fmt: skip
    told = [f"{name} {start.accuracy:.2f} to {runs[-1].accuracy:.2f}" for name, runs in
            (("for being right", alone), ("in the game", game))]  # fmt: skip
    return fig, (
        f"Three panels by training steps. Accuracy of provers trained {told[0]}, {told[1]}. The "
        f"outsider is right about {start.told:.2f} of the helpful role's solutions at "
        f"the start, at the end about {alone[-1].told:.2f} and {game[-1].told:.2f}. Of the sneaky "
        f"role's wrong ones it refuses {outsider[0]:.2f} at the start, {outsider[1]:.2f} at step "
        f"{x[1]} and {outsider[-1]:.2f} at the end; the verifier in the game, from step {x[1]} to "
        f"the end, {own[0]:.2f} to {own[-1]:.2f}, and if all places are searched "
        f"{trained.searched[0]:.2f} to {trained.searched[-1]:.2f}."
    )


def looks(steps: Sequence[int], found: Mapping[str, Sequence[Debated]], error: float) -> Picture:
    """Questions and looks by the length of a computation; and who is caught."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.9), width_ratios=[1, 1.15])
    fig.get_layout_engine().set(w_pad=0.1)
    first = next(iter(found.values()))
    audit, asked, looked = (
        [getattr(d, of) for d in first] for of in ("audit", "questions", "looks")
    )
    left.plot(steps, audit, color=FALSE, linestyle="--", marker="s", label="audit: looks",
              clip_on=False)  # fmt: skip
    left.plot(steps, asked, color=TRUE, label="debate: questions", clip_on=False)
    left.plot(steps, looked, color="black", marker="D", label="debate: looks",
              clip_on=False)  # fmt: skip
    left.set(xscale="log", yscale="log", xlabel="steps T", ylabel="looks or questions (mean)")
    one = max(looked) == 1
    left.set_title("One look, log T questions" if one else "Looks and questions", fontsize=10)
    left.legend(loc="upper left", fontsize=8, handlelength=1.6, borderaxespad=0)
    styles = (TRUE, "-", "o"), (FALSE, "--", "s"), ("black", "-", "D")
    for (name, debates), (color, style, marker) in zip(found.items(), styles, strict=True):
        right.plot(steps, [d.caught for d in debates], color=color, linestyle=style,
                   marker=marker, label=name.replace(", liar", ",\nliar"), fillstyle="none",
                   markersize=10 if color == TRUE else 5, clip_on=False)  # fmt: skip
    law = [(1 - error) ** t for t in steps]
    right.plot(
        steps, law, color="0.5", linestyle=":", marker="", label=f"(1 − ε)ᵀ, ε = {error:.2f}"
    )
    right.set(
        xscale="log", xlabel="steps T", ylabel="false computations caught", ylim=(-0.03, 1.05)
    )
    for ax in (left, right):
        ax.set_xticks(list(steps), labels=[str(t) for t in steps])
        ax.minorticks_off()
    gap = any(debates[-1].caught < 0.5 for debates in found.values())
    right.set_title("A liar finds the one judge's gap" if gap else "Who is caught", fontsize=10)
    right.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
    told = "; ".join(
        f"{name}: " + ", ".join(f"{d.caught:.2f}" for d in debates)
        for name, debates in found.items()
    )
    return fig, (
        f"Left: looks and questions for computations of {steps[0]} to {steps[-1]} steps, on "
        f"average; an audit takes {audit[0]:.1f} to {audit[-1]:.1f} looks, a debate {looked[-1]:g} "
        f"and {asked[0]:.0f} to {asked[-1]:.0f} questions. Right: share of false "
        f"computations caught. {told}."
    )


def pooled(right: Mapping[str, float], log_scores: Mapping[str, float]) -> Picture:
    """How often each way of combining traders is right, and its mean log-probability."""
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.6), width_ratios=[1, 1.1])
    for ax, rows, label in (
        (axes[0], right, "digits named right"),
        (axes[1], log_scores, "log-probability of the truth\n(nats, 0 is best)"),
    ):
        values = list(rows.values())
        colors = [TRUE if name == "market" else "0.6" for name in rows]
        ax.barh(range(len(rows)), values, color=colors, height=0.6)
        ax.set_yticks(range(len(rows)), labels=list(rows))
        ax.invert_yaxis()
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(label)
        for i, value in enumerate(values):
            ax.text(value, i, f" {value:.2f} ".replace("-", "−"), va="center", fontsize=9,
                    ha="left" if value >= 0 else "right")  # fmt: skip
    axes[0].set_xlim(0, 1.1)
    axes[1].set_xlim(1.28 * min(log_scores.values()), 0)
    most = right["market"] == max(right.values())
    axes[0].set_title("The market names most digits right" if most else "Digits named right")
    worse = log_scores["market"] < log_scores["mean belief"]
    axes[1].set_title("… but forecasts worse than the mean" if worse else "How good a forecast")
    told = [", ".join(f"{k} {v:.2f}" for k, v in rows.items()) for rows in (right, log_scores)]
    return fig, (
        "Two panels of bars, a way to combine the traders each. Digits named right: "
        f"{told[0]}. Mean log-probability of the truth: {told[1]}."
    )


def manipulated(budgets: Sequence[float], found: Mapping[str, Sequence[Attacked]]) -> Picture:
    """Accuracy by the manipulator's budget and turn; and what an honest trader earns."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.8))
    styles = (TRUE, "-", "o"), (plots.COLORS[2], "-.", "^"), (FALSE, "--", "s")
    for (name, runs), (color, style, marker) in zip(found.items(), styles, strict=False):
        look = {"color": color, "linestyle": style, "marker": marker, "label": name}
        left.plot(budgets, [r.accuracy for r in runs], **look)
        right.plot(budgets, [r.profit for r in runs], **look)
    left.set(xlabel="budget (in what a share pays)", ylabel="digits named right", ylim=(-0.03, 1))
    right.set(
        xlabel="budget (in what a share pays)",
        ylabel="profit of an honest trader\n(in what a share pays)",
    )
    if min(r.profit for runs in found.values() for r in runs) > 0:
        right.set_ylim(bottom=0)
    answered = [runs for name, runs in found.items() if name != "last"]
    little = all(runs[0].accuracy - runs[-1].accuracy < 0.05 for runs in answered)
    pays = all(runs[-1].profit > runs[0].profit for runs in answered)
    left.set_title("Who is answered does little harm" if little else "Accuracy under manipulation")
    right.set_title("… and pays those who answer" if little and pays else "What the others earn")
    left.legend(title="manipulator trades", loc="center right", title_fontsize=9)
    told = "; ".join(
        f"{name}: accuracy {runs[0].accuracy:.2f} to {runs[-1].accuracy:.2f}, profit "
        f"{runs[0].profit:.2f} to {runs[-1].profit:.2f}" for name, runs in found.items()
    )  # fmt: skip
    return fig, (
        f"Two panels by the manipulator's budget, {budgets[0]:g} to {budgets[-1]:g}, and turn. "
        f"{told}."
    )


def advice(one: Mapping[str, tuple[float, float]], two: Mapping[str, float]) -> Picture:
    """How often a judge is right with one adviser, and with two that contradict each other.

    one: at the best cut, and accepting above 0.
    """
    fig, axes = plt.subplots(
        2, 1, figsize=(5.6, 5.8), sharex=True, height_ratios=[len(one), len(two)]
    )
    at_best = {name: best for name, (best, _) in one.items()}
    panels = (axes[0], at_best, "One adviser, who lies half of the time (best cut)"), (
        axes[1], two, "Two advisers, one of whom lies")  # fmt: skip
    told = []
    for ax, rows, title in panels:
        for i, (name, value) in enumerate(rows.items()):
            color = TRUE if "patch" in name else "0.6"
            ax.barh(i, round(value, 2), color=color, height=0.6)  # equal numbers, equal bars
            ax.text(round(value, 2), i, f" {value:.2f}", va="center", fontsize=9)
        told.append(f"{title}: " + ", ".join(f"{name} {value:.2f}" for name, value in rows.items()))
        ax.axvline(0.5, color="black", linestyle=":", linewidth=1.2)
        ax.set_yticks(range(len(rows)), labels=[name.replace(", ", ",\n") for name in rows])
        ax.invert_yaxis()
        ax.tick_params(axis="y", length=0)
        ax.set_xlim(0, 1.15)
        ax.set_title(title, fontsize=10)
    zero = [at_zero for _, at_zero in one.values()]
    axes[0].plot(zero, range(len(zero)), "|", color="black", markersize=16, markeredgewidth=2,
                 label="accepting above 0")  # fmt: skip
    axes[0].legend(loc="upper right", fontsize=8)
    axes[1].set_xlabel("judge right (share; dotted: a guess)")
    worth = list(at_best.values())
    more = worth[1] > worth[0] + 0.1 and min(worth[2:]) > worth[1] + 0.1
    fig.suptitle("One adviser: the more can be checked, the better" if more
                 else "What advice is worth", x=0.01, ha="left", fontsize=11)  # fmt: skip
    return fig, (
        "Two panels of bars, how often a judge is right. " + "; ".join(told) + ". Marks: one "
        f"adviser, accepting above 0, {', '.join(f'{v:.2f}' for v in zero)}. Bars of a patch are "
        "blue. A dotted line marks a guess."
    )
