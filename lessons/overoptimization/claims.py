"""The findings that this lesson looks for, each measured over ten seeds."""

import itertools

from lessons.overoptimization.exercises import fit_bon_law
from lessons.overoptimization.experiments import WIDTHS, where_more_is_better
from lessons.overoptimization.readings import (
    SEEN,
    bends,
    gap_at,
    gold_apart,
    prediction_errors,
    share_explained,
    value_at,
)
from lessons.overoptimization.runs import (
    COMPARISONS,
    bon_by_ensemble,
    by_comparisons,
    by_penalty,
    by_policy,
    by_width,
    rl_by_ensemble,
    rl_by_policy,
)
from utils.claims import Finding, claim

GAO = "Gao, Schulman & Hilton 2022"


@claim(
    "Best-of-n: gold rises, then falls",
    source=f"{GAO}, Fig. 1",
    paper="gold peaks and declines as n grows",
    bound="smallest reward model, n to 4,096: both by over 0.1 sd",
)
def gold_falls_under_best_of_n(seed: int) -> Finding:
    curve = by_width(seed)[WIDTHS[0]][0]
    return Finding(curve.fall, "sd lost after the peak", bends(curve))


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
    source=f"{GAO}, Sec. 3.3",
    paper="more data leads to better gold scores",
    bound="peaks in the order of 500, 2,000 and 8,000 comparisons",
)
def more_comparisons_peak_higher_under_best_of_n(seed: int) -> Finding:
    peaks = [bon.peak for bon, _ in by_comparisons(seed).values()]
    return Finding(peaks[-1] - peaks[0], "sd, 8,000 less 500", rises_in_order(peaks))


@claim(
    "More comparisons put the peak higher under RL",
    source=f"{GAO}, Sec. 3.3",
    paper="more data leads to better gold scores",
    bound="peaks in the order of 500, 2,000 and 8,000 comparisons",
)
def more_comparisons_peak_higher_under_rl(seed: int) -> Finding:
    peaks = [rl.peak for _, rl in by_comparisons(seed).values()]
    return Finding(peaks[-1] - peaks[0], "sd, 8,000 less 500", rises_in_order(peaks))


@claim(
    "More comparisons put the peak later",
    source=f"{GAO}, Sec. 3.3",
    paper="more data leads to less goodharting",
    bound="at a larger d with 8,000 comparisons than with 500, under both optimizers",
)
def more_comparisons_peak_later(seed: int) -> Finding:
    few, many = (by_comparisons(seed)[n] for n in (COMPARISONS[0], COMPARISONS[-1]))
    later = [b.peak_d - a.peak_d for a, b in zip(few, many, strict=True)]
    return Finding(later[1], "in d, under RL", min(later) > 0)


@claim(
    "R = d(α − βd) predicts best-of-n further out",
    source=f"{GAO}, Sec. 3.1",
    paper="form fixed at n ≤ 1,000; predicts n = 60,000",
    bound="fitted to n ≤ 256, it misses gold at n = 4,096 by over 0.05 sd less than RL's law, "
    "mean of four",
)
def bon_law_predicts(seed: int) -> Finding:
    error = prediction_errors([bon for bon, _ in by_width(seed).values()])
    lead = error["rl law"] - error["bon law"]
    return Finding(lead, "sd less error than RL's law", lead > 0.05)


@claim(
    "R = d(α − β log d) predicts RL further out",
    source=f"{GAO}, Sec. 3.1 and Fig. 26",
    paper="extrapolates from low to unseen larger KL",
    bound="same distances: it misses gold by over 0.05 sd less than best-of-n's law, mean of four",
)
def rl_law_predicts(seed: int) -> Finding:
    error = prediction_errors([rl for _, rl in by_width(seed).values()])
    lead = error["bon law"] - error["rl law"]
    return Finding(lead, "sd less error than best-of-n's law", lead > 0.05)


@claim(
    "The coefficients vary smoothly with the reward model's size",
    source=f"{GAO}, Sec. 1",
    paper="α and β follow approximately logarithmic trends",
    bound="α and β of best-of-n each change in one direction over the four widths",
)
def coefficients_vary_smoothly(seed: int) -> Finding:
    found = [fit_bon_law(bon.d, bon.gold.float()).tolist() for bon, _ in by_width(seed).values()]
    alphas, betas = (list(x) for x in zip(*found, strict=True))
    one_way = all(rises_in_order(x) or rises_in_order(x[::-1]) for x in (alphas, betas))
    return Finding(alphas[-1] - alphas[0], "α, widest less linear", one_way)


@claim(
    "One α serves RL against reward models of every size; β is what differs",
    source=f"{GAO}, Sec. 3.2",
    paper="α_RL nearly independent of the reward model's size: held constant, β scales cleanly",
    bound="one α and four β explain more of the four curves than one β and four α",
)
def one_alpha_serves_all_sizes(seed: int) -> Finding:
    curves = [rl for _, rl in by_width(seed).values()]
    lead = share_explained(curves, "α") - share_explained(curves, "β")
    return Finding(lead, "R², one α less one β", lead > 0)


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
    "Seen over the proxy, the two optimizers are more alike than seen over KL",
    source=f"{GAO}, Sec. 3.5",
    paper="over the proxy score they look more similar than over KL",
    bound="n = 2 to 4,096: gold differs less at the same proxy than at the same d, mean of four",
)
def more_alike_over_proxy(seed: int) -> Finding:
    apart = {
        by: [gold_apart(*pair, by) for pair in by_width(seed).values()] for by in ("d", "proxy")
    }
    less = (sum(apart["d"]) - sum(apart["proxy"])) / 4
    return Finding(less, "sd, at the same d less at the same proxy", less > 0)


@claim(
    "At first RL has less gold than best-of-n for the same proxy",
    source=f"{GAO}, Sec. 3.5",
    paper="RL initially has the larger proxy-gold gap",
    bound="less gold at the proxy of best-of-16, mean of four reward models",
)
def rl_has_the_larger_gap_at_first(seed: int) -> Finding:
    gaps = [
        value_at(r.proxy, r.gold, b.proxy[4].item()) - b.gold[4].item()
        for b, r in by_width(seed).values()
    ]
    return Finding(sum(gaps) / 4, "sd, RL less best-of-16", sum(gaps) < 0)


@claim(
    "In the end RL peaks at more gold than best-of-n",
    source=f"{GAO}, Sec. 3.5",
    paper="then RL peaks at a higher gold score",
    bound="a higher peak, mean of four reward models",
)
def rl_peaks_higher(seed: int) -> Finding:
    more = sum(rl.peak - bon.peak for bon, rl in by_width(seed).values()) / 4
    return Finding(more, "sd, RL less best-of-n", more > 0)


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
    "A KL penalty makes the gap between proxy and gold larger",
    source=f"{GAO}, Sec. 3.6",
    paper="a strictly larger proxy-gold gap with the penalty",
    bound="there, the proxy exceeds gold, and by more than in the run without",
)
def penalty_has_the_larger_gap(seed: int) -> Finding:
    more = gain_from_penalty(seed, "proxy") - gain_from_penalty(seed, "gold")
    held = by_penalty(seed)[1]
    gap = (held.proxy[-1] - held.gold[-1]).item()
    return Finding(min(more, gap), "sd, the smaller of gap and its growth", min(more, gap) > 0)


@claim(
    "A larger policy gains less",
    source=f"{GAO}, Sec. 3.4",
    paper="a larger policy sees less benefit, most visibly under best-of-n",
    bound="best-of-n: gold rises less to its peak with 64 units than with 8, mean of four",
)
def larger_policy_gains_less(seed: int) -> Finding:
    large, small = ([bon.peak for bon in bons] for bons in by_policy(seed))
    less = (sum(small) - sum(large)) / 4
    return Finding(less, "sd, 8 units less 64", less > 0)


@claim(
    "A larger policy does not peak earlier",
    source=f"{GAO}, Sec. 3.4",
    paper="both sizes peak at almost the same KL",
    bound="RL against the linear model: d at the peak with 64 units within a quarter of 8's",
)
def policy_size_leaves_the_peak(seed: int) -> Finding:
    large, small = (curve.peak_d for curve in rl_by_policy(seed))
    less = abs(large - small) / max(small, 1e-3)
    return Finding(large - small, "in d, 64 units less 8", less <= 0.25)


@claim(
    "A larger policy does not exploit the proxy more",
    source=f"{GAO}, Sec. 3.4",
    paper="the gap between proxy and gold is almost the same",
    bound="RL against the linear model, past its peak, at d = 2.1: proxy less gold within 0.2 sd",
)
def policy_size_leaves_the_gap(seed: int) -> Finding:
    large, small = (gap_at(curve, SEEN) for curve in rl_by_policy(seed))
    return Finding(large - small, "sd, 64 units less 8", abs(large - small) <= 0.2)


@claim(
    "The worst case of an ensemble reduces overoptimization by RL",
    source="Coste et al. 2023, Sec. 5.2",
    paper="reduces it and ends higher; does not eliminate it",
    bound="no penalty: loses less after its peak and ends higher than two members do on average",
)
def ensemble_reduces_overoptimization(seed: int) -> Finding:
    alone, worst, _, _ = rl_by_ensemble(seed)
    less = sum(c.fall for c in alone) / len(alone) - worst.fall
    higher = worst.gold[-1].item() - sum(c.gold[-1].item() for c in alone) / len(alone)
    return Finding(min(less, higher), "sd, the smaller of both", min(less, higher) > 0)


@claim(
    "With a small KL penalty as well, the ensemble prevents it",
    source="Coste et al. 2023, Sec. 5.2",
    paper="a small penalty prevents it without a notable loss",
    bound="falls by at most 0.1 sd and ends at most 0.1 below its peak without penalty; "
    "one member with the same penalty falls by more than 0.1",
)
def ensemble_with_a_small_penalty(seed: int) -> Finding:
    _, worst, member, held = rl_by_ensemble(seed)
    loss = max(held.fall, worst.peak - held.gold[-1].item())
    margin = min(0.1 - loss, member.fall - 0.1)
    return Finding(margin, "sd, the smallest margin", margin >= 0)


@claim(
    "The worst case of an ensemble nearly ends overoptimization by best-of-n",
    source="Coste et al. 2023, abstract",
    paper="practically eliminates it, and improves performance",
    bound="to n = 4,096 it falls by at most 0.1 sd, five members on average by more than 0.1, "
    "and it peaks higher than they do",
)
def ensemble_helps_best_of_n(seed: int) -> Finding:
    alone, worst = bon_by_ensemble(seed)
    higher = worst.peak - sum(c.peak for c in alone) / len(alone)
    fall = sum(c.fall for c in alone) / len(alone)
    margin = min(higher, fall - 0.1, 0.1 - worst.fall)
    return Finding(margin, "sd, the smallest margin", margin > 0)


@claim(
    "Where more is always better, gold does not fall",
    source="this lesson's control",
    paper="(not in the paper)",
    bound="the widest model from only 500 comparisons: falls by at most 0.1 sd, both optimizers",
)
def no_fall_where_more_is_better(seed: int) -> Finding:
    falls = [curve.fall for curve in where_more_is_better(seed)[1]]
    return Finding(max(falls), "sd, the larger fall", max(falls) <= 0.1)
