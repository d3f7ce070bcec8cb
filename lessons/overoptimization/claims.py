"""The findings that this lesson looks for, each measured over ten seeds."""

import itertools
from functools import cache

import torch

from lessons.overoptimization.exercises import fit_bon_law
from lessons.overoptimization.experiments import (
    WIDTHS,
    Pair,
    Proxy,
    bends,
    both,
    combine,
    fits,
    learn_proxies,
    rl_curves,
    start,
    value_at,
    where_more_is_better,
)
from utils.claims import Finding, claim

COMPARISONS = (500, 2000, 8000)


@cache
def proxies_by_width(seed: int) -> dict[int, Proxy]:
    """A reward model of each width."""
    return dict(zip(WIDTHS, learn_proxies(start(seed), WIDTHS), strict=True))


@cache
def by_width(seed: int) -> dict[int, Pair]:
    """Both against a reward model of each width: the lesson's main figure."""
    pairs = both(start(seed), [*proxies_by_width(seed).values()])
    return dict(zip(WIDTHS, pairs, strict=True))


@cache
def by_comparisons(seed: int) -> dict[int, Pair]:
    """The same for the widest reward model and each number of comparisons."""
    begin, widest = start(seed), WIDTHS[-1:]
    fewer = COMPARISONS[:-1]
    proxies = [learn_proxies(begin, widest, n)[0] for n in fewer]
    found = dict(zip(fewer, both(begin, proxies), strict=True))
    return found | {COMPARISONS[-1]: by_width(seed)[WIDTHS[-1]]}


@cache
def by_penalty(seed: int, beta: float = 0.1, width: int = 16) -> Pair:
    """RL against one proxy without a KL penalty and with one."""
    (held,) = rl_curves(start(seed), [proxies_by_width(seed)[width]], beta)
    return by_width(seed)[width][1], held


@cache
def by_ensemble(seed: int) -> tuple[list[Pair], Pair]:
    """Five reward models of width 16 on 2,000 comparisons: three of them alone, and the worst."""
    begin = start(seed)
    members = learn_proxies(begin, [16], 2000, range(5))
    *alone, worst = both(begin, [*members[:3], combine(members, "worst")])
    return alone, worst


GAO = "Gao, Schulman & Hilton 2022"


@claim(
    "Best-of-n: gold rises, then falls, while the proxy keeps rising",
    source=f"{GAO}, Fig. 1",
    paper="gold peaks and declines as n grows",
    bound="smallest reward model, n to 4,096: both by over 0.1 sd, and the proxy never falls",
)
def gold_falls_under_best_of_n(seed: int) -> Finding:
    curve = by_width(seed)[WIDTHS[0]][0]
    rises = bool((curve.proxy.diff() > 0).all())
    return Finding(curve.fall, "sd lost after the peak", bends(curve) and rises)


@claim(
    "RL: gold rises, then falls, while the proxy keeps rising",
    source=f"{GAO}, Fig. 1",
    paper="gold peaks and declines as the policy moves away",
    bound="all four reward models: both by over 0.1 sd, and the proxy ends above where gold peaks",
)
def gold_falls_under_rl(seed: int) -> Finding:
    n = sum(bends(rl) for _, rl in by_width(seed).values())
    return Finding(n, "of 4 reward models", n == 4)


def rises_in_order(values: list[float]) -> bool:
    return all(a < b for a, b in itertools.pairwise(values))


@claim(
    "Larger reward models peak higher under best-of-n",
    source=f"{GAO}, Fig. 1",
    paper="the larger the reward model, the higher the gold score reached",
    bound="peaks in the order of the four widths",
)
def wider_peaks_higher_under_best_of_n(seed: int) -> Finding:
    peaks = [bon.peak for bon, _ in by_width(seed).values()]
    return Finding(peaks[-1] - peaks[0], "sd, widest less linear", rises_in_order(peaks))


@claim(
    "Larger reward models peak higher under RL",
    source=f"{GAO}, Fig. 1",
    paper="the larger the reward model, the higher the gold score reached",
    bound="peaks in the order of the four widths",
)
def wider_peaks_higher_under_rl(seed: int) -> Finding:
    peaks = [rl.peak for _, rl in by_width(seed).values()]
    return Finding(peaks[-1] - peaks[0], "sd, widest less linear", rises_in_order(peaks))


@claim(
    "Larger reward models peak later",
    source=f"{GAO}, Fig. 1",
    paper="the larger the reward model, the later overoptimization sets in",
    bound="the widest peaks at a larger d than the linear one, under both optimizers",
)
def wider_peaks_later(seed: int) -> Finding:
    linear, widest = (by_width(seed)[w] for w in (WIDTHS[0], WIDTHS[-1]))
    later = [b.peak_d - a.peak_d for a, b in zip(linear, widest, strict=True)]
    return Finding(later[1], "in d, under RL", min(later) > 0)


@claim(
    "More comparisons put the peak higher under best-of-n",
    source=GAO,
    paper="more data: higher gold scores (as reported in the course's sources)",
    bound="peaks in the order of 500, 2,000 and 8,000 comparisons",
)
def more_comparisons_peak_higher_under_best_of_n(seed: int) -> Finding:
    peaks = [bon.peak for bon, _ in by_comparisons(seed).values()]
    return Finding(peaks[-1] - peaks[0], "sd, 8,000 less 500", rises_in_order(peaks))


@claim(
    "More comparisons put the peak higher under RL",
    source=GAO,
    paper="more data: higher gold scores (as reported in the course's sources)",
    bound="peaks in the order of 500, 2,000 and 8,000 comparisons",
)
def more_comparisons_peak_higher_under_rl(seed: int) -> Finding:
    peaks = [rl.peak for _, rl in by_comparisons(seed).values()]
    return Finding(peaks[-1] - peaks[0], "sd, 8,000 less 500", rises_in_order(peaks))


@claim(
    "More comparisons put the peak later",
    source=GAO,
    paper="more data: less overoptimization (as reported in the course's sources)",
    bound="at a larger d with 8,000 comparisons than with 500, under both optimizers",
)
def more_comparisons_peak_later(seed: int) -> Finding:
    few, many = (by_comparisons(seed)[n] for n in (COMPARISONS[0], COMPARISONS[-1]))
    later = [b.peak_d - a.peak_d for a, b in zip(few, many, strict=True)]
    return Finding(later[1], "in d, under RL", min(later) > 0)


def lowest_fit(seed: int, which: int, name: str) -> float:
    return min(fits(curves[which])[name] for curves in by_width(seed).values())


def margin(seed: int, which: int, name: str, rival: str) -> float:
    """How much more of the variance one form explains than another, mean over reward models."""
    found = [fits(curves[which]) for curves in by_width(seed).values()]
    return sum(f[name] - f[rival] for f in found) / len(found)


@claim(
    "R = d(α − βd) fits best-of-n",
    source=f"{GAO}, Sec. 1",
    paper="the functional form makes accurate predictions",
    bound="R² of at least 0.9 for each of the four reward models",
)
def bon_law_fits(seed: int) -> Finding:
    lowest = lowest_fit(seed, 0, "bon law")
    return Finding(lowest, "lowest R² of four", lowest >= 0.9)


@claim(
    "R = d(α − β log d) fits RL",
    source=f"{GAO}, Sec. 1",
    paper="the functional form makes accurate predictions",
    bound="R² of at least 0.9 for each of the four reward models",
)
def rl_law_fits(seed: int) -> Finding:
    lowest = lowest_fit(seed, 1, "rl law")
    return Finding(lowest, "lowest R² of four", lowest >= 0.9)


@claim(
    "Best-of-n follows its own law better than RL's, or a straight line",
    source=f"{GAO}, Sec. 1",
    paper="a different functional form for each method",
    bound="mean R² above that of both rivals, which have two coefficients too",
)
def bon_law_wins(seed: int) -> Finding:
    lead = min(margin(seed, 0, "bon law", rival) for rival in ("rl law", "line"))
    return Finding(lead, "R² above the better rival", lead > 0)


@claim(
    "RL follows its own law better than best-of-n's (a quadratic), or a straight line",
    source=f"{GAO}, Sec. 1",
    paper="a different functional form for each method",
    bound="mean R² above that of both rivals, which have two coefficients too",
)
def rl_law_wins(seed: int) -> Finding:
    lead = min(margin(seed, 1, "rl law", rival) for rival in ("bon law", "line"))
    return Finding(lead, "R² above the better rival", lead > 0)


@claim(
    "The coefficients vary smoothly with the reward model's size",
    source=f"{GAO}, Sec. 1",
    paper="α and β follow approximately logarithmic trends",
    bound="α and β of best-of-n each change in one direction over the four widths",
)
def coefficients_vary_smoothly(seed: int) -> Finding:
    found = torch.stack(
        [fit_bon_law(bon.d, bon.gold.float()) for bon, _ in by_width(seed).values()]
    )
    steps = found.diff(dim=0)
    one_way = bool(((steps > 0).all(0) | (steps < 0).all(0)).all())
    return Finding((found[-1, 0] - found[0, 0]).item(), "α, widest less linear", one_way)


@claim(
    "At the same KL, best-of-n gains more than RL",
    source=f"{GAO}, Sec. 1",
    paper="RL is slower at optimization, as a function of KL",
    bound="more gold at d = 1 for each of the four reward models",
)
def best_of_n_spends_kl_better(seed: int) -> Finding:
    gaps = [
        value_at(b.d, b.gold, 1.0) - value_at(r.d, r.gold, 1.0) for b, r in by_width(seed).values()
    ]
    return Finding(sum(gaps) / 4, "sd at d = 1, mean of four", min(gaps) > 0)


@claim(
    "At the same KL, RL overoptimizes later than best-of-n",
    source=f"{GAO}, Sec. 1",
    paper="RL is slower at overoptimization, too, as a function of KL",
    bound="for the smallest reward model RL peaks at a larger d",
)
def rl_overoptimizes_later(seed: int) -> Finding:
    bon, rl = by_width(seed)[WIDTHS[0]]
    return Finding(rl.peak_d - bon.peak_d, "in d, RL less best-of-n", rl.peak_d > bon.peak_d)


@claim(
    "At the same proxy score, both optimizers reach the same gold",
    source=f"{GAO}, Sec. 1",
    paper="proxy and gold are related similarly for both methods",
    bound="within 0.2 sd where best-of-16 is, mean of four reward models",
)
def gold_at_the_same_proxy(seed: int) -> Finding:
    gaps = [
        value_at(r.proxy, r.gold, b.proxy[4].item()) - b.gold[4].item()
        for b, r in by_width(seed).values()
    ]
    gap = sum(gaps) / 4
    return Finding(gap, "sd, RL less best-of-16", abs(gap) <= 0.2)


def gain_from_penalty(seed: int, what: str) -> float:
    """What RL with a KL penalty ends at, less what RL without one has when it passes that KL."""
    free, held = by_penalty(seed)
    d, end = held.d[-1].item(), getattr(held, what)[-1].item()
    return end - value_at(free.d, getattr(free, what), d)


@claim(
    "A KL penalty raises the proxy that is reached at a given KL",
    source=f"{GAO}, Fig. 9",
    paper="higher proxy score at the same KL",
    bound="where the run with β = 0.1 ends, a higher proxy than without at that KL",
)
def penalty_raises_proxy(seed: int) -> Finding:
    gain = gain_from_penalty(seed, "proxy")
    return Finding(gain, "sd of gold", gain > 0)


@claim(
    "A KL penalty does not move the frontier of gold against KL",
    source=f"{GAO}, Fig. 9",
    paper="no measurable improvement: it acts like early stopping",
    bound="there, gold within 0.1 sd of the run without",
)
def penalty_leaves_gold_frontier(seed: int) -> Finding:
    gain = gain_from_penalty(seed, "gold")
    return Finding(gain, "sd of gold", abs(gain) <= 0.1)


@claim(
    "The worst case of an ensemble delays the peak under RL",
    source="Coste et al. 2023, abstract",
    paper="always reduces overoptimization, and outperforms a single reward model",
    bound="a larger d at the peak, and a higher peak, than the mean of three members alone",
)
def ensemble_delays_the_peak(seed: int) -> Finding:
    members, (_, worst) = by_ensemble(seed)
    alone = [rl for _, rl in members]
    later = worst.peak_d - sum(c.peak_d for c in alone) / 3
    higher = worst.peak - sum(c.peak for c in alone) / 3
    return Finding(later, "in d", later > 0 and higher > 0)


@claim(
    "The worst case of an ensemble nearly ends overoptimization by best-of-n",
    source="Coste et al. 2023, abstract",
    paper="practically eliminates it, and improves performance",
    bound="falls by at most 0.1 sd to n = 4,096, and peaks higher than three members on average",
)
def ensemble_helps_best_of_n(seed: int) -> Finding:
    members, (worst, _) = by_ensemble(seed)
    alone = [bon for bon, _ in members]
    higher = worst.peak - sum(c.peak for c in alone) / 3
    return Finding(higher, "sd at the peak", worst.fall <= 0.1 and higher > 0)


@claim(
    "Where more is always better, gold does not fall",
    source="this lesson's control",
    paper="(not in the paper)",
    bound="falls by at most 0.1 sd, under both optimizers, linear and widest reward model",
)
def no_fall_where_more_is_better(seed: int) -> Finding:
    falls = [curve.fall for pair in where_more_is_better(seed).values() for curve in pair]
    return Finding(max(falls), "sd, the largest fall", max(falls) <= 0.1)
