"""What the lesson on gradient attacks draws: a function a figure, with its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from lessons.gradient_attacks.experiments import SUFFIX, Outcome
from utils import claims, plots
from utils.decoder import Decoder
from utils.worlds.assistant import OBJECTS, OPENINGS, REFUSALS, WORDS, Requests, ids, say

BLUE, ORANGE, GREEN, RED = plots.COLORS[:4]


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("gradient_attacks", claim)]


def strip(ax: Axes, claim: str, x: float = 0, marker: str = "s") -> str:
    """A mark for what a claim measured in each seed, side by side around x; the values as text."""
    values = by_seed(claim)
    spread = [x + 0.07 * (i - (len(values) - 1) / 2) for i in range(len(values))]
    ax.plot(spread, values, linestyle="", marker=marker, color="black")
    return ", ".join(f"{v:.2f}" for v in values)


def gradient_proposes(estimate: Tensor, true: Tensor, k: int = 8) -> tuple[Figure, str]:
    """Change of the loss by each swap, estimated and true, for one request; the best of a few."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.1), width_ratios=(3, 2))
    top = torch.zeros_like(estimate, dtype=torch.bool)
    top.scatter_(2, (-estimate).topk(k, -1).indices, True)
    one, chosen = 0, top[0]
    dots = {"linestyle": "", "markersize": 3.5}
    left.plot(estimate[one][~chosen], true[one][~chosen], marker="o", color="0.6", **dots)
    left.plot(estimate[one][chosen], true[one][chosen], marker="^", color=BLUE, **dots)
    left.axhline(0, color="0.7", linewidth=0.8, marker="")
    ends = [estimate[one].min(), estimate[one].max()]
    left.plot(ends, ends, color="black", linestyle=":", linewidth=1.2, marker="")
    left.annotate("exact", (ends[1], ends[1]), (-4, 3), textcoords="offset points", ha="right",
                  fontsize=8)  # fmt: skip
    left.set(xlabel="by the gradient (nats)", ylabel="true change of the loss (nats)")
    left.set_title(f"One request's swaps (▲: {k} proposed at each place)", fontsize=10)
    few = true[one].flatten().topk(6, largest=False).indices
    hits = chosen.flatten()[few].sum().item()
    both = torch.stack([x[one].flatten().argsort().argsort().double() for x in (estimate, true)])
    rho = torch.corrcoef(both)[0, 1].item()
    flat, n_all = true.flatten(1), true[0].numel()
    proposed = true.masked_fill(~top, torch.inf).flatten(1)
    generator = torch.Generator().manual_seed(0)
    draws = torch.rand(100, *flat.shape, generator=generator).argsort(-1)[..., : 4 * k]
    random = flat.expand(100, -1, -1).gather(2, draws).min(2).values.mean(0)  # mean of 100 draws
    best = {
        f"all {n_all}": flat.min(1).values,
        f"{4 * k} proposed": proposed.min(1).values,
        f"{4 * k} random": random,
    }
    mean = {name: values.mean().item() for name, values in best.items()}
    bars = right.bar(list(mean), list(mean.values()), color=[BLUE, BLUE, "0.6"])
    for bar, hatch in zip(bars, ("//", "", ""), strict=True):
        bar.set(hatch=hatch, edgecolor="white")
        right.annotate(
            f"−{-bar.get_height():.1f}",
            (bar.get_x() + bar.get_width() / 2, bar.get_height()),
            (0, -11), textcoords="offset points", ha="center",
        )  # fmt: skip
    right.set_ylim(1.15 * min(mean.values()), 0)
    right.set(ylabel="best swap, mean (nats)")
    lead = random - best[f"{4 * k} proposed"]
    ahead = lead.mean() > 2 * lead.std() / len(lead) ** 0.5  # twice the standard error
    title = "Proposed ones beat random ones" if ahead else "The best swap among a few"
    right.set_title(title, fontsize=10)
    said = ", ".join(f"{name} {value:.1f}" for name, value in mean.items())
    return fig, (
        "Left: for one request, the change of loss that the gradient predicts for each swap "
        f"against the true one: rank correlation {rho:.2f}; of the six best swaps the gradient "
        f"proposes {hits}. Right: true change by the best swap among so many, mean of the "
        f"requests, in nats: {said}."
    )


LEADS = (("gcg_beats_autoprompt", "Auto-\nPrompt,\n2, 4, 10"),
         ("gcg_beats_random_search_early", "random\nsearch,\n4"))  # fmt: skip


def race(curves: Mapping[str, Sequence[Outcome]]) -> tuple[Figure, str]:
    """Share past and share complied by candidates tried; GCG's leads in the seeds of the claims."""
    fig, axes = plt.subplots(1, 3, figsize=(8.4, 3.2), width_ratios=(3, 3, 2))
    said = []
    for i, (name, found) in enumerate(curves.items()):
        tried = [16 * t for t in range(len(found))]
        look = {"color": plots.COLORS[i], "marker": plots.MARKERS[i], "label": name}
        look["markevery"] = (i, 4)
        axes[0].plot(tried, [o.past for o in found], **look)
        axes[1].plot(tried, [o.complied for o in found], **look)
        four = found[min(4, len(found) - 1)]
        said.append(
            f"{name}: past {four.past:.2f} after 64, {found[-1].past:.2f} at the end, complied "
            f"{found[-1].complied:.2f}"
        )
    for ax in axes[:2]:
        ax.set(xlabel="different candidates tried", ylim=(-0.02, 1.02))
    leads = [curves["GCG"][:5][-1].past - found[:5][-1].past for found in curves.values()]
    ends = [found[-1].past for found in curves.values()]
    early = max(leads) >= 0.1 and max(ends) - min(ends) <= 0.1
    axes[0].set(ylabel="share of requests")
    axes[0].set_title("Not refused: all meet" if early else "Not refused", fontsize=10)
    useless = sum(1 - found[-1].complied / max(found[-1].past, 1e-9) for found in curves.values())
    axes[1].set_title(f"Complied: {useless / len(curves):.0%} fewer", fontsize=10)
    plots.label_ends(axes[1])
    for x, (claim, _) in enumerate(LEADS):
        listed = strip(axes[2], claim, x, plots.MARKERS[2 - x])
        said.append(f"lead in the claims' seeds, {claim}: {listed}")
    axes[2].axhline(0, color="0.7", linewidth=0.8, marker="")
    axes[2].set_xticks(range(2), labels=[name for _, name in LEADS], fontsize=8)
    axes[2].set(xlim=(-0.6, 1.6), xlabel="over whom, at steps")
    axes[2].set_ylabel("GCG's lead, a mark a seed")
    ahead = all(v > 0 for claim, _ in LEADS for v in by_seed(claim))
    axes[2].set_title("GCG ahead in all seeds" if ahead else "GCG's lead by seed", fontsize=10)
    return fig, (
        "Shares of requests past the refusal, and complied with, by candidates tried: "
        f"{'; '.join(said)}."
    )


def universal(past: Mapping[str, Mapping[int, Sequence[float]]], random: float) -> tuple:
    """Share past of suffixes made on n requests: on topics they were made on, and on others."""
    fig, (ax, right) = plt.subplots(1, 2, figsize=(8.2, 3), width_ratios=(4, 1.4))
    said = []
    for i, (name, runs) in enumerate(past.items()):
        sizes, look = list(runs), {"color": plots.COLORS[i], "marker": ""}
        for x, found in enumerate(runs.values()):
            at, mean = x + 0.3 * (i - 0.5), sum(found) / len(found)
            ax.plot([at - 0.1, at + 0.1], [mean, mean], linewidth=2.5, label=f"_{name}", **look)
            dots = {"markersize": 6, "fillstyle": ("full", "none")[i], "linestyle": ""}
            ax.plot([at] * len(found), found, **look | dots | {"marker": plots.MARKERS[i]})
        ax.get_lines()[-2].set_label(name)  # the mean at the right
        said.append(f"{name} " + ", ".join(f"{n}: {sum(runs[n]) / len(runs[n]):.2f}" for n in runs))
    ax.axhline(random, color="black", linestyle="--", marker="", label="random suffixes")
    ax.set(xlim=(-0.5, len(sizes) - 0.5), ylim=(-0.02, 1.05), ylabel="share not refused")
    ax.set(xlabel="requests that the suffix was made on")
    ax.set_xticks(range(len(sizes)), labels=[str(n) for n in sizes])
    last = [sum(runs[sizes[-1]]) / len(runs[sizes[-1]]) for runs in past.values()]
    carries = last[1] > 5 * random and last[1] > last[0] / 2
    ax.set_title(
        f"One suffix gets {last[1]:.0%} past on other topics" if carries else "One suffix for many"
    )
    plots.label_ends(ax)
    seeds = strip(right, "one_suffix_for_many")
    right.plot([0.55, 0.55], [0.98, 0.84], **plots.PAPER)
    for value, name in ((0.98, "Vicuna"), (0.84, "Llama 2")):
        right.annotate(name, (0.55, value), (7, -3), textcoords="offset points", fontsize=8)
    right.set(xlim=(-0.5, 1.3), ylim=(-0.02, 1.05))
    right.set_xticks([0], labels=["made on 25,\nother topics"])
    right.set_title("All seeds (◇: paper)")
    return fig, (
        f"Share of requests past the refusal with one suffix for all, by how many requests it was "
        f"made on: {'; '.join(said)}. Random suffixes {random:.2f}. In the claims' seeds, made on "
        f"25, on other topics: {seeds}; the paper 0.98 and 0.84."
    )


def transfer(past: Mapping[str, float]) -> tuple[Figure, str]:
    """Share of requests past each model by the safe model's suffixes; by strangers' in Claims."""
    fig, (ax, right) = plt.subplots(1, 2, figsize=(8, 3), width_ratios=(3, 2))
    names, values, noisy = list(past), list(past.values()), ("1 round, noise", "3 rounds, noise")
    bars = ax.barh(names, values, color=BLUE, edgecolor="white")
    for bar, name, value in zip(bars, names, values, strict=True):
        bar.set_hatch("//" if name in noisy else "")
        ax.annotate(f"{value:.2f}", (value, bar.get_y() + 0.4), (4, 0),
                    textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    ax.invert_yaxis()
    ax.set(xlim=(0, 1.12), xlabel="share not refused")
    ax.spines.bottom.set_bounds(0, 1)
    falls = past["cousin"] >= past["safe model, itself"] / 2
    helps = past["3 rounds, noise"] < past["3 rounds, no noise"] - 0.1
    said = [w for w, so in (("a cousin falls", falls), ("noise protects", helps)) if so]
    ax.set_title(", ".join(said).capitalize() or "The same suffixes, other models")
    seeds = strip(right, "transfers_to_strangers")
    for value, name in ((0.879, "GPT-3.5"), (0.536, "GPT-4"), (0.021, "Claude 2")):
        right.plot([1], [value], **plots.PAPER)
        right.annotate(name, (1, value), (7, -3), textcoords="offset points", fontsize=9)
    right.set(xlim=(-0.5, 2), ylim=(-0.04, 1.04), ylabel="share not refused")
    right.set_xticks([0, 1], labels=["ours, a mark\na seed", "Zou et al.,\n2–4 models"], fontsize=8)
    right.set_title("By strangers: best of 3")
    listed = "; ".join(f"{name} {value:.2f}" for name, value in past.items())
    return fig, (
        "Share of requests past a model with the suffixes that were made on the safe model: "
        f"{listed}. In the claims' seeds, best of three universal suffixes made on two strangers, "
        f"tried on the safe model: {seeds}; Zou et al. 0.879, 0.536 and 0.021."
    )


def surrogates(
    f1: Mapping[int | str, tuple[float, float]], past: Mapping[str, Sequence[float]]
) -> tuple[Figure, str]:
    """F1 by depth and of rules without a model, held out and attacked; share past by step."""
    fig, (left, right, seeds) = plt.subplots(1, 3, figsize=(9, 3.4), width_ratios=(4, 3, 1.2))
    layers = max(n for n in f1 if isinstance(n, int))
    for j, (where, color) in enumerate((("other pairs", BLUE), ("under attack", ORANGE))):
        values = [pair[j] for pair in f1.values()]
        at = [i + 0.4 * (j - 0.5) for i in range(len(f1))]
        left.bar(at, values, 0.38, color=color, hatch=("", "//")[j], edgecolor="white", label=where)
    left.axhline(0.8, color="0.4", linewidth=0.8, marker="", linestyle=":")
    left.set_xticks(
        range(len(f1)), labels=[f"{n} of {layers}\nlayers" if isinstance(n, int) else n for n in f1]
    )
    left.tick_params(axis="x", labelsize=8)
    left.annotate("paper", (-0.38, 0.8), (2, 2), textcoords="offset points", fontsize=8)
    left.set(ylim=(0, 1.02), ylabel="F1 with the model's decisions")
    left.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.98), ncols=2, fontsize=8)
    alone, one, two = f1["words\nalone"], f1[1], f1[2]
    no_model = max(alone[1], f1["always\nrefuse"][1])  # the better rule under attack
    title = "Words alone agree, until attacked" if alone[1] < alone[0] - 0.1 else "Agreement"
    if one[1] <= no_model + 0.02 < two[1]:
        title = "Attacked, one layer is not enough"
    left.set_title(title, pad=20)
    for i, (name, shares) in enumerate(past.items()):
        look = {"color": "black", "linestyle": "--"} if name == "direct" else {"color": COLORS3[i]}
        right.plot(range(len(shares)), shares, marker=plots.MARKERS[i], label=name, **look)
    right.set(ylim=(-0.02, 1.02), xlabel="step", ylabel="share not refused")
    lead = past[f"2 of {layers} layers"][:5][-1] - past["direct"][:5][-1]
    how = "ahead" if lead >= 0.1 else "behind" if lead <= -0.1 else "level"
    right.set_title(f"2 layers {how} at step 4", pad=20)
    plots.label_ends(right)
    listed = strip(seeds, "surrogate_beats_direct")
    seeds.axhline(0, color="0.7", linewidth=0.8, marker="")
    seeds.set(xlim=(-0.5, 0.5), ylabel="lead of 2 layers at step 4")
    seeds.set_xticks([0], labels=["a mark\na seed"], fontsize=8)
    seeds.set_title("All seeds", pad=20)
    said = "; ".join(f"{name} {s[:5][-1]:.2f}, {s[-1]:.2f}" for name, s in past.items())
    agree = ", ".join(f"{n} {a:.2f} and {b:.2f}" for n, (a, b) in f1.items()).replace("\n", " ")
    return fig, (
        "Left: F1 of surrogates by layers used, and of rules without a model, on other "
        f"pairs and on prompts under attack: {agree}; the paper 0.8 from 20 % of the model, "
        f"dotted. Right: share past after 4 steps and at the end: {said}. "
        f"Lead of two layers after 4 steps in the claims' seeds: {listed}."
    )


COLORS3 = (BLUE, ORANGE, GREEN, RED)


def inside(cosines: Mapping[str, Sequence[float]]) -> tuple[Figure, str]:
    """Mean cosine with the direction at the ask mark by layer, for kinds of prompts."""
    fig, (ax, seeds) = plt.subplots(1, 2, figsize=(7.6, 3.1), width_ratios=(4, 1.2))
    for i, (name, values) in enumerate(cosines.items()):
        ax.plot(range(1, len(values) + 1), values, label=name, color=plots.COLORS[i],
                marker=plots.MARKERS[i])  # fmt: skip
    ax.axhline(0, color="0.7", linewidth=0.8, marker="")
    ax.set_xticks(range(1, len(values) + 1))
    ax.set(xlabel="after layer", ylabel="cosine with the refusal direction")
    high, strange, attack, _ = (values[1] for values in cosines.values())
    lowers = high - attack > 2 * (high - strange)
    ax.set_title("Attacks lower the direction, noise hardly" if lowers else "The direction")
    plots.label_ends(ax)
    listed = strip(seeds, "the_direction_is_suppressed")
    seeds.set(xlim=(-0.5, 0.5), ylim=(0, 1.02), ylabel="of the way to harmless, layer 2")
    seeds.set_xticks([0], labels=["attack, a mark\na seed"], fontsize=8)
    seeds.set_title("All seeds")
    said = "; ".join(f"{n} " + ", ".join(f"{v:.2f}" for v in vs) for n, vs in cosines.items())
    return fig, (
        f"Cosine with the refusal direction at the ask mark after each layer: {said}. Share of the "
        f"way from harmful to harmless under attack, after layer 2, in the claims' seeds: {listed}."
    )


def rounds(
    past: Mapping[str, Sequence[float]], strong: Mapping[str, float], n: int
) -> tuple[Figure, str]:
    """Share of fresh attacks past n requests by round; after the last also of a stronger one."""
    fig, (ax, seeds) = plt.subplots(1, 2, figsize=(8, 3.2), width_ratios=(4, 1.2))
    for i, (name, shares) in enumerate(past.items()):
        look = {"color": plots.COLORS[i], "marker": plots.MARKERS[i]}
        ax.plot(range(len(shares)), shares, linestyle=("-", "--")[i], **look)
        at = len(shares) - 0.5  # the label stands at the height of the strong attack's mark
        ax.plot([at], [strong[name]], linestyle="", markersize=8, label=name, **look)
    last = len(shares) - 1
    ax.plot([0], [shares[0]], linestyle="", marker="D", color="black")  # before: the same model
    ax.axvline(last + 0.25, color="0.8", linewidth=0.8, marker="")
    ax.set(xlim=(-0.1, last + 0.75), ylim=(-0.04, 1.04), xlabel="rounds of safety training")
    ax.set_ylabel(f"share of {n} requests not refused")
    labels = [*(str(t) for t in range(last + 1)), f"{last}, strong\nattack"]
    ax.set_xticks([*range(last + 1), last + 0.5], labels=labels)
    stopped = [name for name, share in strong.items() if share <= 0.1]
    ax.set_title(
        "Training on attacks stops them, noise does less"
        if stopped == list(past)[:1]
        else "Attacks past, by round of training"
    )
    plots.label_ends(ax)
    listed = strip(seeds, "adversarial_training_helps")
    seeds.axhline(0, color="0.7", linewidth=0.8, marker="")
    seeds.set(xlim=(-0.5, 0.5), ylabel="more broken after noise, strong attack")
    seeds.yaxis.label.set_fontsize(9)
    seeds.set_xticks([0], labels=["a mark\na seed"], fontsize=8)
    seeds.set_title("All seeds")
    said = "; ".join(f"{n} " + ", ".join(f"{v:.2f}" for v in vs) for n, vs in past.items())
    more = ", ".join(f"{n} {v:.2f}" for n, v in strong.items())
    return fig, (
        f"Share of requests past in a fresh attack, by round of safety training: {said}. By the "
        f"stronger attack after the last round: {more}. In the claims' seeds it broke this much "
        f"more after training on random suffixes than after training on attacks: {listed}."
    )


@torch.no_grad()
def first_word(model: Decoder, requests: Requests, path: Sequence[Tensor], step: int) -> tuple:
    """What the model would say first, for the first request, by step; and the suffix at one."""
    prompts = torch.stack([prompts[0] for prompts in path])
    chances = model(prompts)[:, -1].softmax(-1)
    asked = OBJECTS[requests.object[0]]
    groups = {
        "a refusal": ids(tuple(sentence[0] for sentence in REFUSALS)),
        f'"{asked}", as asked': ids((asked,)),
        '"sure", "yes", …': ids(OPENINGS),
    }
    shares = {name: chances[:, words].sum(1) for name, words in groups.items()}
    shares["another word"] = (1 - sum(shares.values())).clamp(min=0)
    fig, ax = plt.subplots(figsize=(6.6, 2.8))
    looks = zip((RED, BLUE, GREEN, "0.45"), plots.MARKERS, ("--", "-", "-", ":"), strict=False)
    for (name, values), (color, marker, line) in zip(shares.items(), looks, strict=True):
        ax.plot(values, label=name, color=color, marker=marker, linestyle=line)
    ax.axvline(step, color="0.7", linewidth=5, alpha=0.5, marker="", zorder=0)
    ax.set(ylim=(-0.03, 1.03), xlabel="step of the attack", ylabel="chance to be said first")
    suffix = " ".join(WORDS[i] for i in prompts[step][SUFFIX])
    ax.set_title(f"Suffix at step {step}: {suffix}")
    plots.label_ends(ax)
    said = "; ".join(
        f"{name} " + ", ".join(f"{v:.2f}" for v in values) for name, values in shares.items()
    ).replace('"', "")
    return fig, (
        f"Chances of the first word after 0, 1, … {len(path) - 1} steps: {said}. At step {step} "
        f"the prompt is: {say(prompts[step])}."
    )
