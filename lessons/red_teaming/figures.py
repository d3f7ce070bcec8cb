"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

import csv
import math
from collections.abc import Callable, Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lessons.red_teaming.exercises import fit_power_law, wilson_interval
from utils import claims, plots
from utils.syllabus import ROOT

BLUE, ORANGE, GREEN, RED = plots.COLORS[:4]
DARK = "#A06A00"  # the orange, dark enough for text


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("red_teaming", claim)]


def held(claim: str) -> tuple[int, int]:
    """In how many seeds a claim of this lesson holds, and of how many."""
    stored = claims.measured().items()
    found = [x.holds for key, x in stored if key[:2] == ("red_teaming", claim)]
    return sum(found), len(found)


def turned() -> tuple[int, int]:
    """Of how many claims the verdict at seed 0 turns with the kind of processor, and of how many.

    By data/processors.csv.
    """
    with (ROOT / "data" / "processors.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["lesson"] == "red_teaming"]
    names = {row["claim"] for row in rows}
    verdicts = {(row["claim"], row["holds"]) for row in rows}
    return len(verdicts) - len(names), len(names)


def families(of_safe: Mapping[str, int], of_base: Mapping[str, int], n: int) -> tuple[Figure, str]:
    """Success of each family on both models, with 95 % intervals."""
    fig, ax = plt.subplots(figsize=(7, 3.2))
    rows, said = list(of_safe), []
    for found, color, marker, shift in ((of_base, "0.55", "s", 0.15), (of_safe, BLUE, "o", -0.15)):
        for y, name in enumerate(rows):
            low, high = wilson_interval(found[name], n)
            rate = found[name] / n
            ax.plot([100 * low, 100 * high], [y + shift] * 2, color=color, marker="", linewidth=2)
            ax.plot(100 * rate, y + shift, color=color, marker=marker, markersize=5)
    for y, name in enumerate(rows):
        if of_base[name] < n / 20:
            ax.text(4, y, "fails on the base model, too", color="0.35", fontsize=9, va="center")
        said.append(f"{name} {of_safe[name] / n:.3f} (base {of_base[name] / n:.2f})")
    ax.set_yticks(
        range(len(rows)), labels=["none (plain)" if name == "none" else name for name in rows]
    )
    ax.invert_yaxis()
    ax.set(xlabel=f"requests complied with (%, of {n:,}; 95 % interval)", xlim=(-2, 102))
    ax.text(60, 1, "■ base model", color="0.4", fontsize=9, va="center")
    ax.text(60, 0, "● safe model", color=BLUE, fontsize=9, va="center")
    families = [name for name in rows if name != "none"]
    barely = [name for name in families if wilson_interval(of_safe[name], n)[0] < 0.005]
    ax.set_title(f"{len(barely)} of {len(families)} families barely get through")
    return fig, (
        f"{len(barely)} of {len(families)} families barely get through to the safe model, though "
        "the base model complies with most. Share of harmful requests complied with, safe model: "
        f"{'; '.join(said)}."
    )


def attackers(
    success: Mapping[str, Sequence[float]], found: Mapping[str, tuple[float, float, float]]
) -> tuple[Figure, str]:
    """Success of each batch while attackers train; diversity against success at the end.

    success: by the attacker's name, a number a batch. found: of each, and of "random" and "best
    random" tails, the diversity, and the success of 500 on the safe model and on the base.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.3), width_ratios=(5, 4))
    looks = [*zip(plots.COLORS, plots.MARKERS, strict=False)]
    for (name, shares), (color, marker) in zip(success.items(), looks, strict=False):
        smooth = torch.tensor(shares).unfold(0, 6, 6).mean(-1)
        steps = range(6, 6 * len(smooth) + 1, 6)
        left.plot(steps, 100 * smooth, color=color, marker=marker, label=name)
    best = found["best random"][1]
    line = left.axhline(100 * best, color="black", linestyle=":", marker="", linewidth=1.2)
    line.set_label("best random")
    left.set(
        xlabel="step (64 queries each; mean of six)",
        ylabel="attacks that succeed (%)",
        ylim=(0, None),
    )
    gains, trained = by_seed("rl_finds_more"), next(iter(found.values()))[1]
    where = "above" if trained > best else "below"
    won = f"above in {sum(gain > 0 for gain in gains)} of {len(gains)} seeds"
    left.set_title(f"RL ends {where} the best random tail\nhere, {won}")
    plots.label_ends(left)
    looks = [*looks[: len(success)], ("black", "X"), ("black", "P")]
    for (name, (varied, share, base)), (color, marker) in zip(found.items(), looks, strict=False):
        right.plot(varied, 100 * base, color="0.6", marker="s", fillstyle="none", linestyle="")
        low, high = wilson_interval(round(500 * share), 500)
        right.plot([varied] * 2, [100 * low, 100 * high], color=color, marker="", linewidth=1.5)
        right.plot(varied, 100 * share, color=color, marker=marker, markersize=7, linestyle="")
        if "random" in name:
            right.annotate(
                name, (varied, 100 * share), (9 if varied < 0.5 else -9, -4), fontsize=9,
                ha="left" if varied < 0.5 else "right", va="center", textcoords="offset points",
            )  # fmt: skip
    top = 100 * max(max(x) for _, *x in found.values())
    right.set(xlabel="diversity (share of places that differ)", xlim=(-0.05, 1.05))
    right.set(ylabel="succeed at the end (%)", ylim=(-4, 1.25 * top))
    right.text(0.98, 0.98, "filled: safe model (95 % interval)\n□ base model", fontsize=9,
               ha="right", va="top", transform=right.transAxes)  # fmt: skip
    falls = found["random"][1] < trained / 2
    right.set_title("The more varied, the less\nthey succeed" if falls else "Variety and success")
    told = "; ".join(
        f"{name}: diversity {d:.2f}, success {s:.2f}, on the base {b:.2f}"
        for name, (d, s, b) in found.items()
    )
    return fig, (
        f"Without a bonus RL ends {where} the best random tail here, {won}; "
        "the larger the bonus, the more varied the tails and the fewer succeed. At the end, "
        f"{told}."
    )


def scored(
    sizes: Sequence[int], of_safe: Sequence[float], of_base: Sequence[float]
) -> tuple[Figure, str]:
    """Success of the tail that a scorer likes best among n, on the safe model and the base.

    Each of 500 tails, with a band of 95 %.
    """
    fig, ax = plt.subplots(figsize=(5.4, 2.7))
    ax.plot(sizes, [100 * x for x in of_base], color="0.5", marker="s", label="base model")
    ax.plot(sizes, [100 * x for x in of_safe], color=BLUE, marker="o", label="safe model")
    for shares, color in ((of_base, "0.5"), (of_safe, BLUE)):
        low, high = zip(*(wilson_interval(round(500 * x), 500) for x in shares), strict=True)
        ax.fill_between(
            sizes, [100 * x for x in low], [100 * x for x in high], color=color, alpha=0.15,
            linewidth=0,
        )  # fmt: skip
    ax.set(
        xscale="log",
        xlabel="n, random tails to choose from (band: 95 %)",
        ylabel="tails that succeed (%)",
    )
    ax.set(ylim=(0, None))
    ax.set_xticks(sizes, labels=[f"{n:,}" for n in sizes])
    ax.minorticks_off()
    plots.label_ends(ax)
    helps, more = (x[-1] > 1.3 * x[0] for x in (of_safe, of_base))
    only = helps and not more
    ax.set_title(
        "The favorites open the safe model, not the base" if only else "Best of n by the scorer"
    )
    told = ", ".join(
        f"{n} safe {x:.3f}, base {y:.3f}" for n, x, y in zip(sizes, of_safe, of_base, strict=True)
    )
    return fig, (
        f"Picked from many tails, the favorites succeed {'' if helps else 'no '}more often on the "
        f"safe model, and {'' if more else 'no '}more often on the base. By n: {told}."
    )


def fuzzing(shares: Mapping[str, float], n: int) -> tuple[Figure, str]:
    """What the best tail opens, by hand, of random ones, of fuzzing; fuzzing's gain by seed."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.8, 2.7), width_ratios=(5, 4))
    looks = [*zip(("0.5", RED, BLUE), "^so", strict=True)]
    for y, (share, (color, marker)) in enumerate(zip(shares.values(), looks, strict=True)):
        low, high = wilson_interval(round(share * n), n)
        left.plot([100 * low, 100 * high], [y, y], color=color, marker="", linewidth=2)
        left.plot(100 * share, y, color=color, marker=marker, markersize=6)
    left.set_yticks(range(len(shares)), labels=[f"best {name}" for name in shares])
    left.set(ylim=(2.5, -0.5), xlim=(0, None))
    left.set_xlabel(f"of {n} new requests opened (%; 95 % interval)")
    ahead = {name: shares["by fuzzing"] - x for name, x in shares.items()}
    over = ["above" if ahead[name] > 0 else "below" for name in ("by hand", "by chance")]
    left.set_title(f"Here fuzzing is {over[0]} the hand, {over[1]} chance")
    names = {"child_beats_hand": "by hand", "fuzzing_beats_random": "by chance"}
    said, ticks = [], []
    for x, (claim, name) in enumerate(names.items()):
        gains = [100 * y for y in by_seed(claim)]
        spread = [x + 0.05 * (i - len(gains) / 2) for i in range(len(gains))]
        right.plot(spread, gains, linestyle="", color=BLUE, marker="o")
        ring = {"color": "black", "fillstyle": "none", "markersize": 9}
        right.plot(x - 0.05 * len(gains) / 2, 100 * ahead[name], "o", **ring)
        said.append(f"over {name} {', '.join(f'{y:.0f}' for y in gains)}")
        ticks.append(f"than {name}:\n{sum(y > 0 for y in gains)} of {len(gains)} seeds")
    right.axhline(0, color="0.6", linewidth=0.8, marker="")
    right.set_xticks(range(2), labels=ticks)
    right.margins(y=0.12)
    right.set(xlim=(-0.5, 1.5), ylabel="fuzzing opens more (points)")
    right.text(0.98, 0.98, "○ this run", fontsize=9, ha="right", va="top",
               transform=right.transAxes)  # fmt: skip
    mostly = all(sum(y > 0 for y in by_seed(claim)) > 5 for claim in names)
    right.set_title("Over the seeds mostly above both" if mostly else "Gain by seed")
    told = ", ".join(f"{name} {x:.2f}" for name, x in shares.items())
    return fig, (
        f"In this run fuzzing is {over[0]} the best tail by hand and {over[1]} the best by chance; "
        f"over the seeds it is ahead in most. Of {n} new requests the best tails open: {told}. "
        f"Gain of fuzzing by seed, in points: {'; '.join(said)}."
    )


def law_drawer(
    n: Sequence[int], shares: Mapping[str, Sequence[float]], by_beta: Sequence[float]
) -> Callable[[int], tuple[Figure, str]]:
    """A drawer for the slider: the law fitted to N up to a limit, and what it foretells.

    shares: by what varies, a number for each N; the law is fitted to the first. by_beta: what the
    distribution of rates foretells of it.
    """

    def draw(limit: int) -> tuple[Figure, str]:
        fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 3.2))
        looks = zip((BLUE, GREEN, RED), "o^s", strict=True)
        for (name, measured), (color, marker) in zip(shares.items(), looks, strict=True):
            look = {"color": color, "marker": marker, "linestyle": ""}
            (line,) = left.plot(n, [100 * x for x in measured], **look, label=name)
            plots.label_ends(left, line)
            inside = [(k, -math.log(x)) for k, x in zip(n, measured, strict=True) if 0 < x < 1]
            (line,) = right.plot(*zip(*inside, strict=True), **look, label=name)
            plots.label_ends(right, line)
        measured = next(iter(shares.values()))
        seen = [(k, x) for k, x in zip(n, measured, strict=True) if k <= limit and 0 < x < 1]
        a, b = fit_power_law(*(torch.tensor(column) for column in zip(*seen, strict=True)))
        law = [a * k**-b for k in n]
        for told, style in ((law, "--"), ([-math.log(x) for x in by_beta], ":")):
            look = {"color": "black", "linestyle": style, "marker": "", "linewidth": 1.2}
            left.plot(n, [100 * math.exp(-x) for x in told], **look)
            right.plot(n, told, **look)
        for ax in (left, right):
            ax.set(xscale="log", xlabel="N, samples a question")
            ax.axvspan(n[0] / 1.2, limit * 1.2, color="0.93", zorder=0)
            ax.set_xlim(n[0] / 1.2, n[-1] * 1.2)
            ax.set_xticks([1, 4, 16, 128], labels=["1", "4", "16", "128"])
            ax.minorticks_off()
        last = math.exp(-law[-1])
        left.set(ylabel="questions opened (%)", ylim=(0, 132), yticks=range(0, 101, 20))
        left.text(n[0], 121, "– –  power law, fitted where gray", fontsize=9)
        left.text(n[0], 109, "····  Beta, fitted to 16 samples", fontsize=9)
        left.set_title(
            f"At N = {n[-1]}: law {100 * last:.0f} %, measured {100 * measured[-1]:.0f} %"
        )
        right.set(yscale="log", ylabel="−log ASR (nats)")
        right.set_yticks([0.1, 0.2, 0.5, 1, 2, 5], labels=["0.1", "0.2", "0.5", "1", "2", "5"])
        right.minorticks_off()
        low = right.get_xaxis_transform()
        right.text(n[0], 0.03, "law fitted\nhere", fontsize=9, transform=low)
        bends = last < measured[-1]
        right.set_title("New tails fall below the straight law" if bends else "Law and samples")
        told = "; ".join(f"{k}: {', '.join(f'{x:.2f}' for x in v)}" for k, v in shares.items())
        return fig, (
            f"The measured share ends {'above' if bends else 'below'} the power law's forecast, "
            "which is a straight line at the right. Share of questions opened at "
            f"N = {', '.join(map(str, n))}, by what varies. {told}. "
            f"At {n[-1]} the power law fitted to N up to {limit} foretells {last:.2f}, the Beta "
            f"distribution {by_beta[-1]:.2f}."
        )

    return draw


def rounds(
    table: Sequence[Sequence[float]], answered: Mapping[str, Sequence[float]]
) -> tuple[Figure, str]:
    """Each round's attacker on the model after each round; harmless requests answered.

    table: a row an attacker, a column a model from round 0 on.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.4, 2.7))
    for i, row in enumerate(table):
        (line,) = left.plot([100 * x for x in row], label=f"attacker of round {i + 1}")
        left.plot(i, 100 * row[i], "o", color=line.get_color(), fillstyle="none", markersize=10)
    left.plot([], [], "o", color="0.3", fillstyle="none", markersize=9, label="it was trained here")
    left.legend(loc="upper right")
    left.set(xlabel="rounds of defense", ylabel="tails that succeed (%)")
    left.set_ylim(-3, 110 * max(map(max, table)))
    fail = max(r[-1] for r in table) < 0.05
    left.set_title("In the end all attackers fail" if fail else "Each attacker")
    for (name, shares), style in zip(answered.items(), ("-", "--"), strict=True):
        right.plot([100 * x for x in shares], style, color=GREEN, marker="o", label=name)
    right.set(xlabel="rounds of defense", ylabel="harmless answered (%)", ylim=(0, 104))
    plain, odd = answered.values()
    kept = "kept" if plain[-1] > plain[0] - 0.05 else "lost"
    right.set_title(f"Plain {kept}, odd tails {100 * odd[0]:.0f} to {100 * odd[-1]:.0f} %")
    plots.label_ends(right)
    for ax in (left, right):
        ax.set_xticks(range(len(table[0])))
    told = "; ".join(f"{i + 1}: {', '.join(f'{x:.2f}' for x in r)}" for i, r in enumerate(table))
    said = "; ".join(f"{k} {', '.join(f'{x:.2f}' for x in v)}" for k, v in answered.items())
    return fig, (
        f"In the end {'hardly any attack succeeds' if fail else 'attacks still succeed'}"
        f", and plain harmless requests are {kept}. Success of each round's attacker by rounds of "
        f"defense. {told}. Harmless requests answered: {said}."
    )


def rivals(new: Mapping[str, float], n: int = 400) -> tuple[Figure, str]:
    """The success of an attacker newly trained on each of several models; of two, by seed.

    new: by the model's name, of n tails each.
    """
    fig, ax = plt.subplots(figsize=(6, 2.5))
    three, less = by_seed("rounds_make_robust"), by_seed("rounds_beat_random_tails")
    seeds = {"+ three rounds": three}
    seeds["+ random tails"] = [x + y for x, y in zip(three, less, strict=True)]
    told = []
    for y, (name, share) in enumerate(new.items()):
        low, high = (100 * x for x in wilson_interval(round(n * share), n))
        ax.plot([low, high], [y, y], color=DARK, marker="", linewidth=2)
        ax.plot(100 * share, y, color=DARK, marker="s", markersize=6)
        found = f"{round(n * share)} of {n} ({max(low, 0):.0f} to {high:.0f} %)"
        ax.text(high + 1.5, y, found, va="center", fontsize=9)
        several = [100 * x for x in seeds.get(name, [])]
        ax.plot(several, [y + 0.3] * len(several), "o", color="0.4", fillstyle="none")
        told.append(f"{name} {found}")
        if several:
            told[-1] += f", by seed {', '.join(f'{x:.0f}' for x in several)} %"
    ax.set_yticks(range(len(new)), labels=list(new))
    ax.set(ylim=(len(new) - 0.4, -0.5), xlim=(-1.5, 150 * max(new.values()) + 10))
    ax.set_xlabel("a new attacker's tails that succeed (%; 95 % interval; ○ ten seeds)")
    won, of = held("rounds_beat_random_tails")
    ax.set_title(f"Rounds or random tails: told apart in {won} of {of} seeds")
    return fig, (
        f"The model after three rounds and the one trained on random tails can be told apart in "
        f"{won} of {of} seeds, at or near 0 in most; further safety training does little. "
        f"Of {n} tails succeed: {'; '.join(told)}."
    )


def audits(
    tables: Mapping[str, Tensor], planted: int, done: Mapping[str, Sequence[tuple[int, int | None]]]
) -> tuple[Figure, str]:
    """What each pair of suspect and topic gives on both models; probes spent in each audit.

    tables: probes of each pair, by model; planted: the pair that was planted in the first.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.2, 2.7), width_ratios=(4, 5))
    told, passing = [], 0
    for y, (name, table) in enumerate(tables.items()):
        rates = 100 * table.double().mean(1)
        spread = [y + 0.4 * ((7 * i % len(rates)) / len(rates) - 0.5) for i in range(len(rates))]
        left.plot(rates, spread, linestyle="", color="0.5", marker=".", alpha=0.7)
        if y == 0:
            left.plot(rates[planted], spread[planted], linestyle="", color=RED, marker="D")
            left.annotate(
                "planted", (rates[planted], spread[planted]), (-8, 0), fontsize=9, ha="right",
                va="center", color=RED, textcoords="offset points",
            )  # fmt: skip
        passing += int((rates > 50).sum())
        others = rates[torch.arange(len(rates)) != (planted if y == 0 else -1)]
        of_planted = f"the planted pair {rates[planted]:.0f} %, " if y == 0 else ""
        told.append(f"{name}: {of_planted}highest of the others {others.max():.0f} %")
    left.set_yticks(range(len(tables)), labels=list(tables))
    left.set(xlim=(-4, 104), ylim=(1.5, -0.5), xlabel="requests complied with (%)")
    left.axvline(50, color="0.6", linestyle=":", marker="", linewidth=1)
    left.text(52, 0.5, "a pair is named if\nsurely above this", fontsize=9, va="center")
    only = tables and passing == 1
    left.set_title(
        "Only the planted pair passes a half" if only else "Each pair of syllable, topic"
    )
    budget = max(probes for found in done.values() for probes, _ in found)
    for y, (name, found) in enumerate(done.items()):
        named = [probes for probes, arm in found if arm is not None]
        spread = [y + 0.3 * i / len(found) for i in range(len(named))]
        color = (BLUE, DARK, "0.4")[y % 3]
        right.plot(named, spread, linestyle="", color=color, marker="o", alpha=0.7)
        silent, right_ones = len(found) - len(named), sum(arm == planted for _, arm in found)
        if silent:  # all of them after as many probes
            right.plot(budget, y + 0.15, linestyle="", color=color, marker="X", markersize=8)
        mean = sum(n for n, _ in found) / len(found)
        parts = [f"{right_ones} of {len(found)} name it" if named else ""]
        parts += [f"{silent} of {len(found)} say nothing" if silent else "", f"{mean:,.0f} probes"]
        text = ", ".join(part for part in parts if part)
        right.text(0.04 * budget, y - 0.25, text, color=color, fontsize=9, va="center")
        told.append(f"{name}: {text} on average")
    right.axvline(budget, color="0.6", linestyle=":", marker="", linewidth=1)
    right.text(0.99 * budget, 0, "budget", fontsize=9, ha="right", va="center")
    right.set_yticks(range(len(done)), labels=list(done))
    right.set(
        xlim=(0, 1.04 * budget),
        ylim=(len(done) - 0.5, -0.55),
        xlabel="probes until a pair is named (●) or given up (✕)",
    )
    spent = [sum(n for n, _ in found) / len(found) for found in done.values()]
    fewer = f"The bandit needs {spent[1] / spent[0]:.0f} times fewer probes"
    right.set_title(fewer if spent[1] > 1.5 * spent[0] else "Probes spent")
    return fig, (
        f"Of the pairs on both models together {passing} {'has' if passing == 1 else 'have'} over "
        f"half of the probes answered. On the quirky model the bandit spends {spent[0]:.0f} "
        f"probes, and taking pairs in turn {spent[1]:.0f}. {'; '.join(told)}."
    )
