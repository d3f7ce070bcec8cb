"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import tensor

from lessons.prover_verifier.market import Attacked
from lessons.prover_verifier.onesided import PixelRound
from lessons.prover_verifier.provers import STEPS, Trained
from lessons.prover_verifier.shapes import NAMES, PATCH, SIDE, Pictures, Round, all_scores
from lessons.prover_verifier.traces import Debated
from utils import claims, plots

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
    fig, axes = plt.subplots(1, 3, figsize=(6.6, 2.7), width_ratios=[1.5, 1, 1])
    plots.image(axes[0], pictures.images[i])
    axes[0].set_title("all that the provers see")
    told = []
    for ax, name, color, style in ((axes[1], kind, TRUE, "-"), (axes[2], lie, FALSE, "--")):
        scores = all_scores(played.verifier, one, tensor([name]))[0]
        place = int(scores.argmax())
        corner = place % SIDE - 2.5, place // SIDE - 2.5
        box = {"fill": False, "edgecolor": color, "linewidth": 2.5, "linestyle": style}
        axes[0].add_patch(Rectangle(corner, PATCH, PATCH, clip_on=False, **box))
        plots.image(ax, pictures.patches[i, place].view(PATCH, PATCH))
        ax.add_patch(Rectangle((-0.5, -0.5), PATCH, PATCH, clip_on=False, **box))
        score = scores[place].item()
        verdict = "accepted" if score > 0 else "refused"
        ax.set_title(f"“a {NAMES[name]}”: {verdict}", color=color)
        ax.set_xlabel(f"score {score:.1f}")
        told.append(f"for the name {NAMES[name]}, score {score:.1f}, {verdict}")
        fooled = name == lie and score > 0
    for ax in axes:
        ax.set(xticks=[], yticks=[])
        ax.spines[["top", "right"]].set_visible(True)
    title = "passes for one" if fooled else "is refused"
    fig.suptitle(f"No {NAMES[lie]} is there: the best patch for it {title}", x=0.01, ha="left",
                 fontsize=11)  # fmt: skip
    return fig, (
        f"A picture of {SIDE} by {SIDE} black and white pixels with two marked squares, and the "
        f"squares enlarged. The helpful prover's, {told[0]}; the sneaky prover's, {told[1]}."
    )


def rounds(game: Sequence[Round], control: Sequence[Round]) -> Picture:
    """Soundness by round, with and without an adversary, and completeness."""
    fig, ax = plt.subplots(figsize=(5.6, 2.9))
    x = range(1, max(len(game), len(control)) + 1)
    for values, look in (
        ([r.completeness for r in game], {"color": "0.45", "ls": ":", "label": "completeness"}),
        ([r.soundness for r in game], {"color": TRUE, "label": "soundness, in the game"}),
        ([r.soundness for r in control], {"color": FALSE, "ls": "--", "marker": "s",
                                          "label": "soundness, nobody sneaky"}),
    ):  # fmt: skip
        ax.plot(range(1, len(values) + 1), values, **look)
    ends = (by_seed("rounds_make_it_sound"), TRUE), (
        [1 - v for v in by_seed("unopposed_it_is_fooled")], FALSE)  # fmt: skip
    for values, color in ends:
        ax.plot([max(x) + 0.12] * len(values), values, "_", color=color, markersize=9)
    ax.set(xticks=list(x), xlabel="round", ylabel="share of claims", ylim=(0, 1.04))
    better = game[-1].soundness > control[-1].soundness + 0.1
    ax.set_title("Only a verifier that was attacked resists attack" if better else "Round by round")
    plots.label_ends(ax)
    return fig, (
        "Soundness by round, in the game and with nobody sneaky. "
        f"In the game from {game[0].soundness:.2f} to {game[-1].soundness:.2f};"
        f" with nobody sneaky from {control[0].soundness:.2f} to {control[-1].soundness:.2f}. "
        f"Completeness ends at {game[-1].completeness:.2f}. Dashes at the end, a seed each: "
        + "; ".join(", ".join(f"{v:.2f}" for v in values) for values, _ in ends)
        + "."
    )


def scores(game: Round, pixels: PixelRound) -> Picture:
    """How the last verifiers score the best true and the best false solutions: two panels."""
    fig, axes = plt.subplots(1, 2, figsize=(7, 2.7))
    worlds = (axes[0], game, "a patch"), (axes[1], pixels, "six pixels")
    for ax, last, what in worlds:
        low, high = (f([*last.true.tolist(), *last.false.tolist()]) for f in (min, max))
        low, high = min(low, 0) - 1, max(high, 0) + 1
        edges = [low + (high - low) * i / 40 for i in range(41)]
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
    axes[0].set_ylabel("share of claims")
    proves = game.soundness > 0.8 and pixels.soundness < 0.2
    title = "A patch can prove, six pixels cannot" if proves else "Scores of the best solutions"
    fig.suptitle(title, x=0.01, ha="left", fontsize=11)
    return fig, (
        "Two histograms of the last verifier's scores of the best true and the best false "
        f"solutions. With patches {game.soundness:.2f} of false claims lie below 0 and "
        f"{game.completeness:.2f} of true ones above. With six pixels of a digit "
        f"{pixels.soundness:.2f} and {pixels.completeness:.2f}: nearly all lie above 0."
    )


def tax(trained: Trained) -> Picture:
    """Accuracy, legibility to an outsider, and what is refused, by training."""
    fig, axes = plt.subplots(1, 3, figsize=(8.2, 2.9))
    x = [STEPS * r for r in range(len(trained.correct))]
    alone, game = {"color": FALSE, "linestyle": "--", "marker": "s"}, {"color": TRUE}
    panels = (
        (axes[0], "accuracy", "Less often right"),
        (axes[1], "told", "Less legible, both"),
    )
    for ax, what, title in panels:
        ends = []
        for runs, look, name in ((trained.correct, alone, "for being right"),
                                 (trained.checkable, game, "in the game")):  # fmt: skip
            values = [getattr(m, what) for m in runs]
            ax.plot(x, values, label=name, **look)
            ends.append(values[-1])
        start = getattr(trained.correct[0], what)
        true = ends[1] < ends[0] if what == "accuracy" else max(ends) < start
        ax.set_title(title if true else what.replace("told", "legibility"))
    axes[0].set_ylabel("accuracy of the helpful role")
    axes[1].axhline(trained.correct[0].told, color="0.5", linestyle=":", linewidth=1.2)
    axes[1].set_ylabel("outsider right about\nhelpful solutions")
    sneaky = [m.refuses for m in trained.verified], [m.refuses for m in trained.checkable]
    axes[2].plot(x[1:], sneaky[0], color="black", marker="D", label="sneaky role's, verifier")
    axes[2].plot(x[1:], trained.searched, color=TRUE, linestyle="-.", marker="x",
                 label="best of 81, verifier")  # fmt: skip
    axes[2].plot(
        x, sneaky[1], color="0.5", linestyle=":", marker="^", label="sneaky role's, outsider"
    )
    axes[2].set_ylabel("false ones refused")
    better = sneaky[0][-1] > sneaky[0][0] and trained.searched[-1] > trained.searched[0]
    learns = better and sneaky[1][-1] <= sneaky[1][0]
    axes[2].set_title("Only the verifier learns" if learns else "Who catches the lies")
    for ax in axes:
        ax.set(ylim=(-0.02, 1.04), xlabel="training steps", xticks=x[::2])
        ax.legend(loc="lower right", fontsize=8, handlelength=2.4)
    axes[2].set_ylim(-0.02, 1.45)
    axes[2].set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes[2].legend(loc="upper center", fontsize=8, handlelength=2.4)
    told = [f"{name} {runs[0].accuracy:.2f} to {runs[-1].accuracy:.2f}" for name, runs in
            (("for being right", trained.correct), ("in the game", trained.checkable))]  # fmt: skip
    seen = [f"{runs[-1].told:.2f}" for runs in (trained.correct, trained.checkable)]
    return fig, (
        f"Three panels by training steps. Accuracy of provers trained {told[0]}, {told[1]}. The "
        f"outsider is right about {trained.correct[0].told:.2f} of the helpful role's solutions at "
        f"the start, at the end about {seen[0]} and {seen[1]}. Of the sneaky role's wrong ones it "
        "refuses "
        f"{sneaky[1][0]:.2f} at the start and {sneaky[1][-1]:.2f} at the end, the verifier in the "
        f"game {sneaky[0][0]:.2f} and {sneaky[0][-1]:.2f}; if all places are searched "
        f"{trained.searched[0]:.2f} and {trained.searched[-1]:.2f}."
    )


def looks(steps: Sequence[int], found: Mapping[str, Sequence[Debated]], error: float) -> Picture:
    """Questions and looks by the length of a computation; and who is caught."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 2.9), width_ratios=[1, 1.25])
    asked = [d.questions for d in next(iter(found.values()))]
    left.plot(steps, steps, color=FALSE, linestyle="--", marker="s", label="audit: looks")
    left.plot(steps, asked, color=TRUE, label="debate: questions")
    left.plot(steps, [1] * len(steps), color="black", marker="D", label="debate: looks")
    left.set(xscale="log", yscale="log", xlabel="steps T", ylabel="number", xticks=list(steps))
    left.set_title("One look, log T questions")
    left.legend(loc="upper left", fontsize=8)
    styles = (TRUE, "-", "o"), (FALSE, "--", "s"), ("black", "-", "D")
    for (name, debates), (color, style, marker) in zip(found.items(), styles, strict=True):
        right.plot(steps, [d.caught for d in debates], color=color, linestyle=style,
                   marker=marker, label=name.replace(", liar", ",\nliar"), fillstyle="none",
                   markersize=10 if color == TRUE else 5)  # fmt: skip
    law = [(1 - error) ** t for t in steps]
    right.plot(steps, law, color="0.5", linestyle=":", marker="", label="(1 − ε)ᵀ")
    right.set(
        xscale="log", xlabel="steps T", ylabel="false computations caught", ylim=(-0.03, 1.05)
    )
    for ax in (left, right):
        ax.set_xticks(list(steps), labels=[str(t) for t in steps])
        ax.minorticks_off()
    right.set_title("A liar finds the one judge's gap")
    right.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=9)
    told = "; ".join(
        f"{name}: " + ", ".join(f"{d.caught:.2f}" for d in debates)
        for name, debates in found.items()
    )
    return fig, (
        f"Left: looks and questions for computations of {steps[0]} to {steps[-1]} steps; an audit "
        f"takes as many looks as steps, a debate one look and {asked[0]:.0f} to {asked[-1]:.0f} "
        f"questions. Right: share of false computations caught. {told}."
    )


def pooled(right: Mapping[str, float], log_scores: Mapping[str, float]) -> Picture:
    """How often each way of combining traders is right, and its mean log-probability."""
    fig, axes = plt.subplots(1, 2, figsize=(7.2, 2.6), width_ratios=[1.15, 1])
    for ax, rows, label in (
        (axes[0], right, "digits named right"),
        (axes[1], log_scores, "log-probability of the truth (nats)"),
    ):
        values = list(rows.values())
        colors = [TRUE if name == "market" else "0.6" for name in rows]
        ax.barh(range(len(rows)), values, color=colors, height=0.6)
        ax.set_yticks(range(len(rows)), labels=list(rows))
        ax.invert_yaxis()
        ax.tick_params(axis="y", length=0)
        ax.set_xlabel(label)
        for i, value in enumerate(values):
            ax.text(value, i, f" {value:.2f} ", va="center", fontsize=9,
                    ha="left" if value >= 0 else "right")  # fmt: skip
    axes[0].set_xlim(0, 1.1)
    axes[1].set_xlim(1.28 * min(log_scores.values()), 0)
    most = right["market"] == max(right.values())
    axes[0].set_title("The market names most digits right" if most else "Digits named right")
    worse = log_scores["market"] < log_scores["mean belief"]
    axes[1].set_title("… and is too sure of it" if worse else "How good a forecast")
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
    left.set(xlabel="budget (in what a share pays)", ylabel="digits named right", ylim=(0, 1))
    right.set(
        xlabel="budget (in what a share pays)",
        ylabel="profit of an honest trader\n(in what a share pays)",
    )
    left.set_title("Who is answered does little harm")
    right.set_title("… and pays those who answer")
    left.legend(title="manipulator trades", loc="center right", title_fontsize=9)
    told = "; ".join(
        f"{name}: accuracy {runs[0].accuracy:.2f} to {runs[-1].accuracy:.2f}, profit "
        f"{runs[0].profit:.2f} to {runs[-1].profit:.2f}" for name, runs in found.items()
    )  # fmt: skip
    return fig, (
        f"Two panels by the manipulator's budget, {budgets[0]:g} to {budgets[-1]:g}, and turn. "
        f"{told}."
    )


def advice(one: Mapping[str, float], two: Mapping[str, float]) -> Picture:
    """How often a judge is right with one adviser, and with two that contradict each other."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.7))
    panels = (axes[0], one, "One adviser, who lies half of the time"), (
        axes[1], two, "Two advisers, one of whom lies")  # fmt: skip
    told = []
    for ax, rows, title in panels:
        for i, (name, value) in enumerate(rows.items()):
            ax.barh(i, value, color=TRUE if value > 0.9 else "0.6", height=0.6)
            ax.text(value, i, f" {value:.2f}", va="center", fontsize=9)
            told.append(f"{name} {value:.2f}")
        ax.axvline(0.5, color="black", linestyle=":", linewidth=1.2)
        ax.set_yticks(range(len(rows)), labels=list(rows))
        ax.invert_yaxis()
        ax.tick_params(axis="y", length=0)
        ax.set(xlim=(0, 1.15), xlabel="judge right")
        ax.set_title(title, fontsize=10)
    good = sum(v > 0.9 for v in (*one.values(), *two.values()))
    fig.suptitle("Advice helps as far as it can be checked" if good else "What advice is worth",
                 x=0.01, ha="left", fontsize=11)  # fmt: skip
    return fig, "How often a judge is right, with one adviser and with two. " + ", ".join(
        told
    ) + ". A dotted line marks a guess."
