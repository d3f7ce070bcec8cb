"""What this lesson draws: a function a figure, which gives the figure and its alt text."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from lessons.ai_control.exercises import NORMAL, true_positive_rate_at_budget
from lessons.ai_control.experiments import (
    BUDGET,
    RUN,
    SHARES,
    SURENESS,
    Menu,
    Outcome,
    Played,
    Protocol,
    Watched,
    bars,
    best,
    normal_scores,
    upfront,
)
from utils import claims, plots

BLUE, ORANGE, GREEN, RED, PINK = plots.COLORS[:5]
PAPER = {  # Greenblatt et al. 2023, Table 1, sections 3.3 and 3.5: usefulness and safety
    "upfront": ((1.00, 0.15),),
    "defer 0 to 20 %": ((0.97, 0.62), (0.95, 0.74), (0.93, 0.83), (0.83, 0.92)),
    "edit 5, 20 %": ((0.97, 0.73), (0.94, 0.92)),
    "untrusted": ((0.96, 0.79),),
}


def by_seed(claim: str) -> list[float]:
    """What a claim of this lesson measured, seed by seed."""
    stored = sorted(claims.measured().items(), key=lambda item: item[0])
    return [found.value for key, found in stored if key[:2] == ("ai_control", claim)]


def upfront_rate(works: float, played: Mapping[float, float]) -> tuple[Figure, str]:
    """Safety of upfront auditing by red's attacks in a run: the formula, the toy's runs, the paper.

    works: an attack's chance in the toy. played: safety in simulated runs, by expected attacks.
    """
    fig, ax = plt.subplots(figsize=(6.6, 3.1))
    x = torch.logspace(-0.7, 2.7, 200)
    told = []
    for chance, name, color, style in ((works, "toy", BLUE, "-"), (0.53, "paper", "0.3", "--")):
        left = 1 - torch.exp(-BUDGET * x) * (1 - torch.exp(-chance * (1 - BUDGET) * x))
        ax.plot(x, left, style, color=color, marker="")
        at, least = upfront(chance)
        told.append(
            f"formula with the {name}'s {100 * chance:.0f} percent of attacks that work: least at "
            f"{at:.1f} attacks, {least:.2f} safe"
        )
    ax.plot(list(played), list(played.values()), "o", color=BLUE, markersize=5, label="_")
    ax.plot(upfront(0.53)[0], 0.15, **plots.PAPER)
    ax.annotate("formula with the paper's 53 %\n(diamond: the paper's 15 %)",
                (upfront(0.53)[0], 0.15), (-8, 0), textcoords="offset points",
                ha="right", va="top", fontsize=9)  # fmt: skip
    at, least = upfront(works)
    ax.annotate(f"toy: {100 * works:.0f} % of attacks work,\nat best for red {least:.2f} safe",
                (at, least + 0.02), (at, 0.72), ha="center", fontsize=9,
                arrowprops={"arrowstyle": "-", "color": "0.5", "linewidth": 0.8})  # fmt: skip
    ax.set(xscale="log", ylim=(0, 1.02), xlim=(0.2, 500), ylabel="safety of a run",
           xlabel=f"attacks that red expects to make in {RUN:,} problems",
           title="Rare attacks beat upfront auditing (dots: simulated runs)")  # fmt: skip
    told.append("simulated runs: " + ", ".join(f"{v:.2f} at {k:g}" for k, v in played.items()))
    return fig, "Safety of upfront auditing falls, then rises with red's attacks. " + "; ".join(
        told
    ) + ". The paper reports 0.15."


def two_monitors(monitors: Mapping[str, tuple[float, float]]) -> tuple[Figure, str]:
    """Binormal monitors, by name (mean, sd of attacks): densities, and shares caught."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.0))
    x, told = torch.linspace(-3.5, 5, 300, dtype=torch.float64), []
    axes[0].plot(x, NORMAL.log_prob(x).exp(), color="0.5", marker="", label="honest")
    audited = torch.logspace(-3, 0, 100, dtype=torch.float64)[:-1]
    for (name, (mean, sd)), color, style in zip(
        monitors.items(), (BLUE, RED), ("-", "--"), strict=False
    ):
        density = torch.distributions.Normal(mean, sd).log_prob(x).exp()
        axes[0].plot(x, density, style, color=color, marker="", label=f"attacks, {name}")
        m, s = torch.tensor([mean, sd], dtype=torch.float64)
        caught = torch.stack([true_positive_rate_at_budget(b, m, s) for b in audited.tolist()])
        axes[1].plot(audited, caught, style, color=color, marker="", label=name)
        at = true_positive_rate_at_budget(BUDGET, m, s).item()
        axes[1].plot(BUDGET, at, "o", color=color, markersize=7)
        axes[1].annotate(f"{at:.2f}", (BUDGET, at), (-7, 4), textcoords="offset points",
                         ha="right", fontsize=9)  # fmt: skip
        told.append(f"{name} catches {at:.2f}")
    axes[0].axvline(NORMAL.icdf(torch.tensor(1 - BUDGET)), color="0.3", linestyle=":", marker="")
    axes[0].set(xlabel="suspicion (standard deviations)", ylabel="density", ylim=(0, 1.3),
                title="AUROC is 0.92 for both")  # fmt: skip
    axes[0].text(NORMAL.icdf(torch.tensor(1 - BUDGET)) + 0.1, 1.15, "2 % audited", fontsize=9)
    axes[0].legend(loc="upper left", handlelength=1.5)
    axes[1].axvline(BUDGET, color="0.3", linestyle=":", marker="")
    axes[1].set(xscale="log", xlabel="share of honest work audited", ylabel="attacks caught",
                ylim=(0, 1.03), title="At 2 % one catches 5 times as many")  # fmt: skip
    return fig, "At 2 percent audited, of two monitors of equal AUROC, " + ", ".join(told) + "."


def suspicions(p: Played, shown: Sequence[float] = (0.95, 0.6)) -> tuple[Figure, str]:
    """How each model's suspicion is spread: honest work, and attacks of each sureness."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.9), sharey=True)
    told, edges = [], torch.linspace(0, 15, 46)
    for ax, who in zip(axes, ("trusted", "untrusted"), strict=True):
        honest = p.test.honest[who]
        rows = [("honest", honest, "0.45", "-")] + [
            (f"falsified: {k:g} sure", p.test_attacks[k].scores[who], c, s)
            for k, c, s in zip(shown, (BLUE, RED, GREEN), ("--", "-.", ":"), strict=False)
        ]
        for name, scores, color, style in rows:
            count = torch.histogram(scores.clamp(0, 14.99), edges).hist / len(scores)
            ax.stairs(count.tolist(), edges.tolist(), color=color, linestyle=style, label=name,
                      linewidth=1.6)  # fmt: skip
        above = bars(Protocol(who), p.dev).audit_above
        ax.axvline(above, color="black", linestyle=":", marker="", linewidth=1.2)
        ax.annotate("2 % audited", (above, 1), (4, -3), ("data", "axes fraction"), "offset points",
                    va="top", fontsize=9)  # fmt: skip
        caught = [(s > above).double().mean().item() for _, s, *_ in rows]
        words = ", ".join(f"{n} {c:.2f}" for (n, *_), c in zip(rows, caught, strict=True))
        told.append(f"{who} monitor, share above its dotted threshold: {words}")
        ax.set(xlim=(0, 15), xlabel="suspicion (nats)")
        ax.set_title(f"{who.capitalize()}: {caught[-1]:.2f} of the subtle caught")
    axes[0].set_ylabel("share of submissions")
    axes[0].legend(loc="upper right", bbox_to_anchor=(1, 0.9))
    return fig, "Histograms of suspicion. " + ". ".join(told) + "."


def subtlety(p: Played) -> tuple[Figure, str]:
    """Against how sure red is of what it falsifies: caught, predicted, and works."""
    fig, ax = plt.subplots(figsize=(6.4, 3.2))
    rows: dict[str, list[float]] = {}
    honest = p.dev.honest["trusted"]
    for a in p.test_attacks.values():
        for who in ("trusted", "untrusted"):
            above = bars(Protocol(who), p.dev).audit_above
            caught = (a.scores[who] > above).double().mean().item()
            rows.setdefault(f"caught by {who}", []).append(caught)
        z = normal_scores(honest, a.scores["trusted"])
        said = true_positive_rate_at_budget(BUDGET, z.mean(), z.std()).item()
        rows.setdefault("caught by trusted, by the formula", []).append(said)
        rows.setdefault("works, if not audited", []).append(a.works.double().mean().item())
    looks = (("caught by untrusted", GREEN, "^", "-"), ("caught by trusted", BLUE, "o", "-"),
             ("works, if not audited", RED, "s", "--"))  # fmt: skip
    for name, color, mark, style in looks:
        ax.plot(SURENESS, rows[name], style, color=color, marker=mark, label=name, markersize=6)
    said = rows["caught by trusted, by the formula"]
    ax.plot(SURENESS, said, "x", color="black", markersize=9, label="_")
    ax.annotate("crosses: the formula", (SURENESS[2], said[2]), (14, 10),
                textcoords="offset points", fontsize=9)  # fmt: skip
    ax.invert_xaxis()
    ax.set(xlabel="how sure red is of what it falsifies (right: subtler)", ylim=(-0.03, 1.05),
           ylabel="share of attacks")  # fmt: skip
    ax.set_title("Subtler attacks are caught less, and work less")
    plots.label_ends(ax)
    told = (f"{n}: " + ", ".join(f"{v:.2f}" for v in values) for n, values in rows.items())
    return fig, f"Shares by red's sureness {SURENESS}. " + "; ".join(told) + "."


def responses(found: Menu) -> tuple[Figure, str]:
    """Safety by red's strategy: rows how sure, columns on which share of the problems."""
    fig, ax = plt.subplots(figsize=(6.2, 3.5))
    table = torch.tensor([[found[k, q] for q in SHARES] for k in SURENESS])
    plots.image(ax, 1 - table, largest=2)  # half as dark as it can be: black stays readable
    pick = best(found)
    for i, k in enumerate(SURENESS):
        for j, q in enumerate(SHARES):
            weight = "bold" if (k, q) == pick else "normal"
            ax.text(j, i, f"{table[i, j]:.2f}", ha="center", va="center", color="black",
                    fontsize=9, fontweight=weight)  # fmt: skip
    i, j = SURENESS.index(pick[0]), SHARES.index(pick[1])
    ax.add_patch(plt.Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, color=RED, linewidth=3))
    ax.set_xticks(range(len(SHARES)), labels=[f"{100 * q:g} %" for q in SHARES])
    ax.set_yticks(range(len(SURENESS)), labels=[f"{k:g}" for k in SURENESS])
    ax.set_aspect("auto")
    ax.set(xlabel="share of problems attacked, the most promising first (development stream)",
           ylabel="how sure red is of\nwhat it falsifies")  # fmt: skip
    near = sum(safety < found[pick] + 0.1 for safety in found.values())
    ax.set_title(f"Safety by red's strategy: {near} of {len(found)} within 0.1 of its best")
    return fig, (
        f"Safety under trusted monitoring by red's strategy; least, {found[pick]:.2f}, where red "
        f"is {pick[0]:g} sure of what it falsifies and attacks {100 * pick[1]:g} percent of the "
        f"problems, on the development stream. {near} of {len(found)} leave less than 0.1 more. "
        f"Where red falsifies what it is surest of, at least {table[0].min():.2f} is left."
    )


def front(
    lines: Mapping[str, Mapping[float, Outcome]], upfront_safety: float, untrusted: float
) -> tuple[Figure, str]:
    """Safety against usefulness, ours beside the paper's. lines: "defer" and "edit", by share."""
    if not {0.0, 0.2} <= set(lines["defer"]):
        raise ValueError("lines: keep the shares 0.0 and 0.2, which are drawn beside ten worlds")
    fig, axes = plt.subplots(1, 2, figsize=(7.6, 4.0), sharey=True, sharex=True)
    ours, paper = axes
    told, looks = [], {"defer": (BLUE, "o", "-"), "edit": (GREEN, "^", "--")}
    for name, rows in lines.items():
        color, mark, style = looks[name]
        x, y = ([getattr(o, k) for o in rows.values()] for k in ("usefulness", "safety"))
        ours.plot(x, y, style, color=color, marker=mark, markersize=6)
        told += [
            f"{name} {100 * d:g} percent: {a:.2f} useful, {b:.2f} safe"
            for d, a, b in zip(rows, x, y, strict=True)
        ]
        d = max(rows)
        dx, dy, side = (8, 4, "left") if name == "defer" else (0, 8, "center")
        ours.annotate(f"{name} {100 * d:g} %", (rows[d].usefulness, rows[d].safety), (dx, dy),
                      textcoords="offset points", ha=side, fontsize=9)  # fmt: skip
    at = lines["defer"][0.2]
    ours.annotate("defer 20 %", (at.usefulness, at.safety), (-9, -6), textcoords="offset points",
                  ha="right", va="center", fontsize=9)  # fmt: skip
    start = lines["defer"][0.0].safety
    points = (("upfront", upfront_safety, "s", "red_beats_upfront"),
              ("monitored", start, "o", "monitoring_beats_upfront"),
              ("untrusted", untrusted, "P", "untrusted_sees_more"))  # fmt: skip
    for name, y, mark, _ in points:
        ours.plot(1, y, mark, color=BLUE if name == "monitored" else RED, markersize=7)
        ours.annotate(name, (1, y), (-8, -9), textcoords="offset points", ha="right",
                      va="center", fontsize=9)  # fmt: skip
    shown = [(name, 1.02, claim) for name, *_, claim in points]
    for name, x, claim in (*shown, ("defer 20 percent", at.usefulness, "deferral_buys_safety")):
        found = by_seed(claim)
        ours.plot([x] * len(found), found, "_", color="0.25", markersize=9)
        if found:
            told.append(f"{name}, in ten worlds {min(found):.2f} to {max(found):.2f} safe")
    for name, placed in PAPER.items():
        x, y = zip(*placed, strict=True)
        paper.plot(x, y, ":", color="0.6", marker="")
        mark = {"defer": "o", "edit": "^", "untrusted": "P", "upfront": "s"}[name.split()[0]]
        paper.plot(x, y, **{**plots.PAPER, "marker": mark})
        dx, dy, side = {"edit 5, 20 %": (0, 9, "center"), "untrusted": (9, 0, "left")}.get(
            name, (-9, 0, "right")
        )
        where = {"xytext": (dx, dy), "textcoords": "offset points", "ha": side}
        paper.annotate(name, (x[-1], y[-1]), va="center" if dx else "bottom", fontsize=9, **where)
    ours.set(xlim=(0.33, 1.13), ylim=(0, 1.05), ylabel="safety: share of runs without a backdoor",
             title="Toy (dashes: ten worlds)")  # fmt: skip
    paper.set(title="Paper")
    fig.suptitle("Deferring buys safety, in the toy less than in the paper", x=0.02, ha="left")
    fig.supxlabel("usefulness: 0 is the trusted model alone, 1 the untrusted one", fontsize=10)
    return fig, "Safety against usefulness. " + "; ".join(told) + ". Paper: " + "; ".join(
        f"{n}: " + ", ".join(f"{a:.2f} useful and {b:.2f} safe" for a, b in points)
        for n, points in PAPER.items()) + "."  # fmt: skip


def curse(rows: Mapping[int, Sequence[Tensor]]) -> tuple[Figure, str]:
    """Promised and held-out safety by the number of problems that red picks on; 40 draws each."""
    fig, ax = plt.subplots(figsize=(6.6, 3.3))
    sizes, told = list(rows), []
    names = (("promised by red's pick", RED, "o", "--", 0), ("kept, on held-out problems", RED, "s",
             "-", 1), ("random strategy, promised", "0.4", "^", "--", 2),
             ("random strategy, kept", "0.4", "D", "-", 3))  # fmt: skip
    for name, color, mark, style, k in names:
        means = [rows[n][k].mean().item() for n in sizes]
        ax.plot(sizes, means, style, color=color, marker=mark, markersize=6, label=name)
        told.append(f"{name}: " + ", ".join(f"{m:.2f}" for m in means))
        if k == 0:
            low, high = ([rows[n][k].quantile(v).item() for n in sizes] for v in (0.1, 0.9))
            ax.fill_between(sizes, low, high, color=color, alpha=0.15, linewidth=0)
            told[-1] += " (middle 80 percent at the smallest size: "
            told[-1] += f"{low[0]:.2f} to {high[0]:.2f})"
    ax.set(xscale="log", ylim=(0, 1), xlabel="problems on which red picks its strategy",
           ylabel="safety of a run (low: good for red)",
           title="Picked on few problems, red's best looks better than it is")  # fmt: skip
    ax.set_xticks(sizes, labels=[f"{n:,}" for n in sizes])
    ax.minorticks_off()
    plots.label_ends(ax)
    return fig, f"Safety by sample size {sizes}, means of draws. " + "; ".join(told) + "."


def collusion(cases: Mapping[str, Watched], trusted: float) -> tuple[Figure, str]:
    """Safety by the monitor's bar for lying, a line a protocol; trusted: of trusted monitoring."""
    fig, ax = plt.subplots(figsize=(6.8, 3.4))
    told, looks = [], ((RED, "--"), (ORANGE, "-."), (PINK, ":"), (GREEN, "-"))
    for (name, w), (color, style) in zip(cases.items(), looks, strict=False):
        x, y = list(w.safety), list(w.safety.values())
        ax.plot(x, y, style, color=color, marker="", linewidth=1.8, label=name)
        ax.plot(w.bar, w.held, "o", color=color, markersize=12 if name == "neither" else 7,
                fillstyle="none", clip_on=False)  # fmt: skip
        told.append(
            f"{name}: red's best bar is {w.bar:g} and keeps {w.held:.2f} on the test stream"
        )
    ax.plot([], [], "ok", fillstyle="none", label="red's choice,\non the test stream")
    ax.axhline(trusted, color="0.4", linewidth=1, marker="")
    ax.text(-4, trusted + 0.02, "trusted monitoring", fontsize=9, color="0.25")
    told.append(f"trusted monitoring {trusted:.2f}")
    ax.set(ylim=(-0.02, 1.03), ylabel="safety of a run (lines: development)",
           xlabel="bar: the signal from which the monitor lies (standard deviations)",
           title="Safety by the liar's bar")  # fmt: skip
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    kept = {name: w.held for name, w in cases.items()}
    if kept["paraphrase alone"] < 0.1 and kept["honeypots alone"] < kept["both"] - 0.1:
        ax.set_title("Paraphrase alone is worth nothing, with honeypots it holds")
    return fig, "Safety by the colluding monitor's bar, lines on the development stream. " + (
        "; ".join(told) + "."
    )
