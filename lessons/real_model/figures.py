"""What this lesson draws. Each figure comes with its text for whoever cannot see it."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from lessons.real_model.by_seed import by_seed, stored
from lessons.real_model.heads import Found
from lessons.real_model.negatives import SETTINGS, opinion_less_mention
from utils import claims, plots

BLUE, ORANGE, _, RED = plots.COLORS[:4]
Picture = tuple[Figure, str]


def claimed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    measured = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in measured if key[:2] == ("real_model", claim)]


def numbers(values: list[float], digits: int = 2) -> str:
    """Numbers in words, for alt texts."""
    return ", ".join(f"{v:.{digits}f}" for v in values)


def heads(found: Found) -> Picture:
    """The induction score of every head, the five best with a ring."""
    scores = np.array(found["scores"])
    fig, ax = plt.subplots(figsize=(7.2, 2.9))
    shown = plots.image(ax, scores.T)
    halo = [withStroke(linewidth=4, foreground="white")]
    for layer, head in found["five"]:
        ax.plot(layer, head, "o", color="black", fillstyle="none", markersize=11,
                markeredgewidth=1.6, path_effects=halo)  # fmt: skip
    ax.set(xlabel="layer", ylabel="head", xticks=range(0, len(scores), 5), yticks=range(0, 9, 2))
    bar = fig.colorbar(shown, ax=ax, label="induction score\n(share of attention)", shrink=0.7)
    bar.ax.axhline(0.3, color=RED, linewidth=2, marker="")
    n = int((scores > 0.3).sum())
    none = " (shuffled: none)" if found["shuffled"] < 0.3 else ""
    ax.set_title(f"{n} of {scores.size} heads score over 0.3{none}; rings: the five best")
    places = ", ".join(f"layer {layer} head {head}" for layer, head in found["five"])
    first = int(np.nonzero(scores > 0.3)[0].min())
    return fig, (
        f"{n} heads score over 0.3, of a shuffled model the best {found['shuffled']:.2f}. A map of "
        f"{len(scores)} layers by 9 heads, nearly all pale; those over 0.3 begin in layer {first}. "
        f"The five best, with rings, are {places}."
    )


def without_heads(found: Found) -> Picture:
    """With heads out: the loss on repeated words, and what prose gains from context."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.0), width_ratios=[1.6, 1])
    rows = {
        "intact": [found["intact"]],
        "five others out": found["others, whole"],
        "the five out": found["the five, whole"],
        "five others, patterns kept": found["others, patterns kept"],
        "the five, patterns kept": found["the five, patterns kept"],
    }
    told = []
    for y, (name, values) in enumerate(rows.items()):
        five = "the five" in name
        for value, mark in zip(values, ("D",) if five else ("o", "s"), strict=False):
            axes[0].plot(value, y, mark, color=RED if five else BLUE, markersize=7,
                         fillstyle="none" if mark == "s" else "full")  # fmt: skip
        told.append(f"{name} {numbers(values, 1)}")
    first = found["first time"]
    for x, text in ((first, "the first\ntime"), (np.log(49152), "guessing\nany token")):
        axes[0].axvline(x, color="0.4", linestyle=":", marker="")
        axes[0].text(x - 0.15, 0.2, text, ha="right", va="center", fontsize=9)
    for y, name in enumerate(("intact", "others", "the five")):
        prose = found[f"prose, {name}"]
        fall = prose["early"] - prose["late"]
        color, mark = (RED, "D") if y == 2 else (BLUE, "o")
        axes[1].plot(fall, y, mark, color=color, markersize=7)
        told.append(f"fall in prose, {name}, {fall:.2f}")
    axes[0].set_yticks(range(5), labels=list(rows))
    axes[1].set_yticks(range(3), labels=["intact", "five others out", "the five out"])
    axes[0].set(ylim=(4.6, -0.6), xlim=(0, 16), title="Random words, the second time",
                xlabel="loss (nats a token)\nsquares: the five that write most")  # fmt: skip
    axes[1].set(ylim=(2.6, -0.6), xlim=(0, 1.2), title="Prose",
                xlabel="fall of the loss, first to\nlast 16 tokens (nats)")  # fmt: skip
    for ax in axes:
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="y", color="0.9")
    fig.suptitle("Without the five copying suffers, and what prose gains from context stays",
                 fontsize=11, x=0.02, ha="left")  # fmt: skip
    return fig, (
        "Without the five heads copying suffers, and what prose gains from context stays. Loss on "
        f"random words, in nats: the first time {first:.1f}; {'; '.join(told)}. Where two numbers "
        "stand, the first is of five drawn at random, the second of the five that write most."
    )


def shots(found: Found) -> Picture:
    """The loss of a manner by how many answers in it came before: a panel a manner."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.1), sharey=True)
    looks = {
        "intact": (BLUE, "o", "-"), "five others out": ("0.7", "s", "--"),
        "the five out": (RED, "D", "-"),
    }  # fmt: skip
    told = []
    for ax, kind in zip(axes, ("a phrase", "random words"), strict=True):
        for name, (color, mark, style) in looks.items():
            curve = found[kind][name]
            ax.plot(range(len(curve)), curve, style, color=color, marker=mark, label=name)
            told.append(f"{kind}, {name}: {numbers([curve[0], curve[1], curve[-1]])}")
        ax.set(yscale="log", xlabel="answers in this manner before", xticks=range(0, 12, 2),
               title=f"The manner is {kind}")  # fmt: skip
        plots.label_ends(ax)
        for text in ax.texts:
            text.set_color("black")
    axes[0].set_ylabel("loss of the manner's tokens\n(nats a token, log scale)")
    title = "Without the five, later examples teach less; the first one teaches most"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    return fig, f"{title}. Loss after 0, 1 and 11 answers. " + "; ".join(told) + "."


FORMS = {
    "capitals": "“The capital of France is Paris.”",
    "capitals, not": "“The capital of France is not Paris.”",
    "word pairs": "“Paris and France.”",
}


def along_the_probe(found: Found) -> Picture:
    """How far statements of three forms go along the probe of cities, true ones above false."""
    fig, axes = plt.subplots(3, 1, figsize=(7.0, 4.6), sharex=True)
    verdicts = "true further right", "true further left", "what goes together, further right"
    told = []
    for ax, (form, text), verdict in zip(axes, FORMS.items(), verdicts, strict=True):
        first, second = np.array(found[form]["points"]).reshape(2, -1)
        if form == "capitals, not":
            first, second = second, first  # what holds of the affirmed one does not of this
        names = ("goes together", "does not") if form == "word pairs" else ("true", "false")
        for y, (values, color, mark) in enumerate(((first, BLUE, "o"), (second, RED, "x"))):
            spread = np.linspace(-0.22, 0.22, len(values))
            ax.plot(values, y + spread, mark, color=color, markersize=5, linestyle="")
        ax.set_yticks([0, 1], labels=names)
        ax.set_ylim(1.5, -0.5)
        ax.tick_params(axis="y", length=0)
        if form != "word pairs":
            ax.axvline(found["threshold"], color="0.4", linestyle=":", marker="")
        score = found[form]["cities"]
        ax.set_title(f"{text}: {verdict}, AUROC {score:.2f}", fontsize=10)
        told.append(
            f"{text} {names[0]}: mean {first.mean():.0f}; {names[1]}: mean {second.mean():.0f}; "
            f"AUROC {score:.2f}."
        )
    axes[2].set_xlabel(
        "along the probe of cities, in the stream's own units (dotted: the threshold)"
    )
    fig.suptitle("With “not” the order turns around, and all lie on the false side", fontsize=11,
                 x=0.02, ha="left")  # fmt: skip
    return fig, (
        "With “not” the order turns around, and all lie on the false side of the middle between "
        f"true and false affirmed sentences, {found['threshold']:.0f}. " + " ".join(told) + " The "
        "height of a dot within its row means nothing."
    )


def probes(found: Found) -> Picture:
    """AUROC by form: the probe of cities, the general direction, random directions, all seeds."""
    fig, ax = plt.subplots(figsize=(7.2, 3.5))
    ticks = {
        ("capitals", "cities"): claimed("probe_transfers"),
        ("capitals, not", "cities"): claimed("probe_fails_on_not"),
        ("word pairs", "cities"): claimed("probe_reads_word_pairs"),
        ("capitals", "both forms"): by_seed("general, capitals"),
        ("capitals, not", "both forms"): by_seed("general, negated"),
        ("word pairs", "both forms"): by_seed("general, word pairs"),
    }
    looks = {"cities": (RED, "D", -0.22), "both forms": (BLUE, "o", 0.08)}
    names = {"cities": "probe of cities", "both forms": "general direction"}
    told = []
    for y, form in enumerate(FORMS):
        for name, (color, mark, shift) in looks.items():
            value, seeds = found[form][name], ticks[form, name]
            ax.plot(value, y + shift, mark, color=color, markersize=8, zorder=3)
            ax.plot(seeds, [y + shift - 0.14] * len(seeds), "|", color="black", markersize=6)
            told.append(
                f"{form}, {names[name]} {value:.2f}, in ten seeds {min(seeds):.2f} to "
                f"{max(seeds):.2f}"
            )
        chance = found[form]["random"]
        ax.plot(chance, [y + 0.34] * len(chance), "|", color="0.55", markersize=8)
        ax.axhline(y + 0.5, color="0.85", linewidth=0.8, marker="")
        told.append(f"{form}, random {min(chance):.2f} to {max(chance):.2f}")
    ax.axvline(0.5, color="0.6", linewidth=0.8, marker="")
    ax.set_yticks(range(3), labels=["capitals", "capitals, “not”", "word pairs"])
    ax.set(xlim=(0, 1.02), ylim=(2.5, -0.5), xlabel="AUROC (0.5: reads nothing)")
    ax.tick_params(axis="y", length=0)
    handles = [plt.plot([], [], m, color=c, markersize=8)[0] for c, m, _ in looks.values()]
    handles += [plt.plot([], [], "|", color=c, markersize=9)[0] for c in ("black", "0.55")]
    labels = [*names.values(), "each of ten seeds\n(above its mark)", "20 random directions"]
    ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1, 1))
    title = "At “not” the probe of cities turns around; random ones match the general one"
    ax.set_title(title)
    return fig, f"{title}. AUROC: " + "; ".join(told) + "."


def steering(found: Found) -> Picture:
    """Effects on the next word: the difference of means, and vectors of its length."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.5), sharey=True, sharex=True)
    names = ("difference of means", "random", "balanced shuffle", "plain shuffle")
    told = []
    for ax, (kind, effects) in zip(axes, found.items(), strict=True):
        for y, name in enumerate(names):
            values = effects[name] if y else [effects[name]]
            color, mark = (
                (BLUE, "o") if y == 0 else (("0.45", "s"), ("0.45", "^"), (ORANGE, "v"))[y - 1]
            )
            ax.plot(values, [y] * len(values), mark, color=color, markersize=7, linestyle="",
                    fillstyle="none" if y else "full")  # fmt: skip
            told.append(f"{kind}, {name}: {numbers(values, 1)}")
        ax.axvline(0, color="0.7", linewidth=0.8, marker="")
        title = "Mood: good against bad words" if kind == "mood" else "French against English words"
        ax.set(title=title, xlabel="half the change of log-odds (nats)")
        ax.tick_params(axis="y", length=0)
    axes[0].set_yticks(range(4), labels=names)
    axes[0].set(ylim=(3.5, -0.5))
    axes[0].margins(x=0.06)
    shares = [
        max(map(abs, effects["plain shuffle"])) / effects["difference of means"]
        for effects in found.values()
    ]
    fair = max(
        abs(value) / effects["difference of means"]
        for effects in found.values()
        for name in ("random", "balanced shuffle")
        for value in effects[name]
    )
    beyond = "go beyond fair controls" if fair < 1 else "do not go beyond every fair control"
    title = f"Both directions {beyond}; a plain shuffle reaches {max(shares):.0%} of their effect"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    return fig, f"{title}. Half the change from subtracted to added, in nats: {'; '.join(told)}."


def recovered(found: Found) -> Picture:
    """The share of the loss recovered by how many numbers a token is described with."""
    share = found["recovered"]
    fig, ax = plt.subplots(figsize=(6.6, 3.1))
    pca = {int(name.split()[1]): value for name, value in share.items() if "PCA" in name}
    ax.plot(list(pca), list(pca.values()), color=BLUE, marker="o")
    ax.text(128, share["PCA 128"] - 0.05, "PCA", color=BLUE, va="top", ha="center", fontsize=9)
    ax.plot(32, share["trained"], "D", color=RED, markersize=9)
    ax.plot(32, share["untrained"], "D", color=RED, fillstyle="none", markersize=9)
    for name in ("trained", "untrained"):
        ax.annotate(f"autoencoder, {name}", (32, share[name]), (9, 0),
                    textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    ax.set(xscale="log", xlim=(25, 300), ylim=(0, 1.12), xlabel="numbers a token (log scale)",
           ylabel="share of the loss recovered")  # fmt: skip
    ax.set_xticks(list(pca), labels=list(map(str, pca)))
    ax.minorticks_off()
    ax.axhline(1, color="0.6", linestyle=":", linewidth=1, marker="")
    ax.text(26, 1.015, "the activation itself", fontsize=9)
    ax.set_title("With 32 numbers the autoencoder keeps more, with 128 PCA does")
    parts = [f"{name} {value:.2f}" for name, value in share.items()]
    return fig, (
        "With 32 numbers a token the autoencoder keeps more than PCA, with 128 PCA does. Share of "
        f"the loss recovered: {', '.join(parts)}."
    )


def lens(found: Found) -> Picture:
    """The place of the model's own answer when the stream is unembedded before each layer."""
    place, others = found["median place"], found["of other answers"]
    layers = range(len(place))
    fig, ax = plt.subplots(figsize=(7.0, 3.0))
    ax.plot(layers, others, "--", color="0.45", marker="", label="other texts' answers")
    ax.plot(layers, place, color=BLUE, marker="o", label="its own answer")
    ax.axhline(49152 / 2, color="0.4", linestyle=":", marker="")
    ax.text(0, 17_000, "chance: the middle of all tokens", fontsize=9, va="top")
    ax.set(yscale="log", ylim=(0.8, 40_000), xlabel="unembedded before this layer (30: the end)",
           ylabel="place of the answer\n(median, log scale)")  # fmt: skip
    ax.set_yticks([1, 10, 100, 1000, 10_000], labels=["1", "10", "100", "1,000", "10,000"])
    plots.label_ends(ax)
    best = int(min(place[:22]) // 100 * 100)
    title = f"Before layer 22 the logit lens has the answer no better than {best:,}th"
    ax.set_title(title)
    return fig, (
        f"{title}. The median place among 49,152 tokens, every third layer: "
        f"{numbers(place[::3], 0)}. Other texts' answers: {numbers(others[::3], 0)}."
    )


SAID = {
    "nothing": "(nothing)", "{}, an opinion": "opinion: Lyon", "{}, a mention": "mention: Lyon",
    "an opinion, right": "opinion: Paris", "a mention, right": "mention: Paris",
    "no city": "a small town",
}  # fmt: skip


def hints(found: Found) -> Picture:
    """Probabilities by what the user said; and an opinion against a mention in four settings."""
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.5))
    told = []
    for y, (name, label) in enumerate(SAID.items()):
        chance = found[name.format(SETTINGS[0])]
        _pair(axes[0], y, chance["right"], chance["other"])
        told.append(f"{label}: Paris {chance['right']:.2f}, Lyon {chance['other']:.2f}")
    axes[0].set_yticks(range(len(SAID)), labels=SAID.values())
    axes[0].set(xlim=(0, 1), ylim=(5.5, -0.5), title="Question first, the paper's words",
                xlabel="probability, mean\nover eight countries")  # fmt: skip
    looks = {"more lost": (BLUE, "o", -0.2), "more gained": (RED, "D", 0.2)}
    for y, setting in enumerate(SETTINGS):
        for (what, (color, mark, shift)), value in zip(
            looks.items(), opinion_less_mention(found, setting), strict=True
        ):
            seeds = [row[f"{what} by an opinion"][setting] for row in stored()]
            axes[1].plot(value, y + shift, mark, color=color, markersize=6)
            axes[1].plot(seeds, [y + shift - 0.17] * 10, "|", color="black", markersize=6)
            told.append(f"{setting}, {what} {value:.2f}, {min(seeds):.2f} to {max(seeds):.2f}")
    axes[1].axvline(0, color="0.6", linewidth=0.8, marker="")
    axes[1].set_yticks(range(4), labels=[s.replace(", ", "\n") for s in SETTINGS])
    axes[1].set(ylim=(3.5, -0.6), title="Opinion less mention",
                xlabel="Paris loses, Lyon gains more\nby the opinion (ticks: seeds)")  # fmt: skip
    for ax in axes:
        ax.tick_params(axis="y", length=0)
    handles = [plt.plot([], [], m, color=c, markersize=7)[0] for m, c in (("o", BLUE), ("D", RED))]
    fig.legend(handles, ["Paris (right)", "Lyon (other)"], loc="outside lower center", ncols=2)
    title = "Question first, an opinion costs Paris more than a mention, and gives Lyon less"
    fig.suptitle(title, fontsize=11, x=0.02, ha="left")
    return fig, f"{title}. What was said, and the mean probabilities. " + "; ".join(told) + "."


def _pair(ax: Axes, y: int, right: float, other: float) -> None:
    ax.plot([other, right], [y, y], color="0.8", marker="", zorder=1)
    ax.plot(right, y - 0.08, "o", color=BLUE, markersize=8)
    ax.plot(other, y + 0.08, "D", color=RED, markersize=7)
