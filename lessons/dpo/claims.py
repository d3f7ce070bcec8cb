"""The findings that this lesson looks for, each measured over ten seeds."""

import math
from functools import cache

import torch

from lessons.dpo import law
from lessons.dpo.experiments import Probe, Run, fall, train, train_rl
from lessons.dpo.tables import (
    ask,
    dpo_by_table,
    fit_rewards,
    ipo_by_table,
    rlhf_optimum,
    small_world,
    total_variation,
)
from utils.claims import Finding, claim

BETAS = (0.01, 0.1, 1.0)
IPO = Run("IPO", 0.01, steps=600)
KTO = Run("KTO", 0.01)
ONE_EPOCH = Run("DPO", 0.01, n_pairs=300 * 64)

# Each of the next two is trained once a seed, whichever claim asks first.


@cache
def trained(seed: int) -> dict[Run, list[Probe]]:
    """DPO at three β, IPO and KTO on 400 pairs, and DPO on 19,200; a probe every 25 steps."""
    runs = [*(Run("DPO", beta) for beta in BETAS), IPO, KTO, ONE_EPOCH]
    return train(seed, runs)[1]


@cache
def noisy(seed: int) -> dict[tuple[str, float], float]:
    """Gold after 200 steps on 2,000 pairs at β = 0.1, by method and share of flipped labels."""
    of = [("DPO", 0.0), ("Dr. DPO", 0.0)]
    of += [(method, 0.4) for method in ("DPO", "Dr. DPO", "robust", "conservative")]
    runs = [Run(method, 0.1, rate, n_pairs=2000, steps=200) for method, rate in of]
    probes = train(seed, runs, every=200)[1]
    return {(run.method, run.flip_rate): found[-1].gold for run, found in probes.items()}


@claim(
    "On a world small enough to enumerate, DPO's optimum is the RLHF optimum",
    source="Rafailov et al. 2023, section 4",
    paper="DPO optimizes the RLHF objective, without a reward model or sampling",
    bound="total variation below 0.01 at β = 0.3, 1 and 3, every pair's true preferences known",
)
def dpo_optimum_is_the_rlhf_optimum(seed: int) -> Finding:
    reward, ref = small_world(seed)
    prefers = torch.sigmoid(reward[:, None] - reward)
    apart = max(
        total_variation(dpo_by_table(prefers, ref, beta), rlhf_optimum(reward, ref, beta))
        for beta in (0.3, 1.0, 3.0)
    )
    return Finding(apart, "total variation", apart < 0.01)


UNDERFIT = {
    "source": "Azar et al. 2023, section 4.2",
    "paper": "an underfit reward is crucial for staying near the reference, and DPO loses that",
}


@claim(
    "On rewards that a ridge holds back, RLHF ends nearer to its optimum than DPO",
    **UNDERFIT,
    bound="RLHF on rewards with a ridge is nearer to the true optimum than DPO on the same 1,000 "
    "pairs, and than the reference; β = 1",
)
def small_rewards_regularize(seed: int) -> Finding:
    reward, ref = small_world(seed)
    optimum = rlhf_optimum(reward, ref, 1.0)
    wins = ask(reward, ref, 1000, seed)
    ridge = rlhf_optimum(fit_rewards(wins, spread=2.0), ref, 1.0)
    ours = total_variation(ridge, optimum)
    theirs = [total_variation(other, optimum) for other in (dpo_by_table(wins, ref, 1.0), ref)]
    return Finding(ours, "total variation", ours < min(theirs))


@claim(
    "It is the ridge that does it: on DPO's implicit rewards it helps, too",
    **UNDERFIT,
    bound="DPO with the ridge is nearer to the true optimum than DPO without, and than the "
    "reference; the same pairs",
)
def ridge_rescues_dpo(seed: int) -> Finding:
    reward, ref = small_world(seed)
    optimum = rlhf_optimum(reward, ref, 1.0)
    wins = ask(reward, ref, 1000, seed)
    held, free = (
        total_variation(dpo_by_table(wins, ref, 1.0, spread), optimum) for spread in (2.0, math.inf)
    )
    return Finding(held, "total variation", held < min(free, total_variation(ref, optimum)))


@claim(
    "IPO's β holds the policy near the reference, DPO's does not",
    source="Azar et al. 2023, section 5.4",
    paper="DPO ends at the same policy whatever its β; IPO stays near the reference as β grows",
    bound="from β = 0.1 to 1, on 1,000 pairs, IPO's total variation to the reference at least "
    "halves, DPO's changes by less than a tenth",
)
def ipo_stays_near(seed: int) -> Finding:
    reward, ref = small_world(seed)
    wins = ask(reward, ref, 1000, seed)
    (ipo_far, ipo_near), (dpo_far, dpo_near) = (
        [total_variation(fit(wins, ref, beta), ref) for beta in (0.1, 1.0)]
        for fit in (ipo_by_table, dpo_by_table)
    )
    holds = ipo_near <= ipo_far / 2 and abs(dpo_near - dpo_far) < 0.1 * dpo_far
    return Finding(dpo_near - ipo_near, "total variation, DPO's less IPO's at β = 1", holds)


@claim(
    "The log-probability of the chosen answers falls, while the margin grows",
    source="Pal et al. 2024, abstract",
    paper="DPO can lower the likelihood of preferred examples, most where the two differ in little",
    bound="chosen and rejected both less likely than at the start, chosen less so; β = 0.1",
)
def both_log_probabilities_fall(seed: int) -> Finding:
    end = trained(seed)[Run("DPO", 0.1)][-1]
    return Finding(end.chosen, "nats (chosen)", end.rejected < end.chosen < 0)


DR_DPO = {
    "source": "Wu et al. 2024, abstract",
    "paper": "enhanced performance in both noisy and noise-free settings",
}


@claim(
    "Dr. DPO beats DPO on labels that nobody flipped",
    **DR_DPO,
    bound="higher gold than DPO; β′ = 1",
)
def dr_dpo_beats_dpo_on_clean_labels(seed: int) -> Finding:
    gain = noisy(seed)["Dr. DPO", 0.0] - noisy(seed)["DPO", 0.0]
    return Finding(gain, "sd above DPO", gain > 0)


@claim(
    "Dr. DPO beats DPO on flipped labels",
    **DR_DPO,
    bound="higher gold than DPO at 40 % flips; β′ = 1",
)
def dr_dpo_beats_dpo_on_flipped_labels(seed: int) -> Finding:
    gain = noisy(seed)["Dr. DPO", 0.4] - noisy(seed)["DPO", 0.4]
    return Finding(gain, "sd above DPO", gain > 0)


ROBUST = {
    "source": "Chowdhury et al. 2024, abstract",
    "paper": "robust to noise in preference labels compared to vanilla DPO and other heuristics",
}


@claim(
    "Under heavy noise robust DPO beats DPO",
    **ROBUST,
    bound="higher gold at 40 % flips",
)
def robust_dpo_beats_dpo(seed: int) -> Finding:
    gain = noisy(seed)["robust", 0.4] - noisy(seed)["DPO", 0.4]
    return Finding(gain, "sd above DPO", gain > 0)


@claim(
    "Under heavy noise robust DPO beats conservative DPO",
    **ROBUST,
    bound="higher gold at 40 % flips",
)
def robust_dpo_beats_conservative_dpo(seed: int) -> Finding:
    gain = noisy(seed)["robust", 0.4] - noisy(seed)["conservative", 0.4]
    return Finding(gain, "sd above conservative DPO", gain > 0)


OVEROPTIMIZED = {
    "source": "Rafailov et al. 2024 (arXiv 2406.02900), abstract",
    "paper": "at higher KL budgets, degradation patterns similar to classic RLHF",
    "bound": "gold ends at least 0.2 sd below its peak; β = 0.01, 400 pairs, 300 steps",
}


@claim("DPO overoptimizes: gold rises, then falls, as √KL grows", **OVEROPTIMIZED)
def dpo_overoptimizes(seed: int) -> Finding:
    lost = fall(trained(seed)[Run("DPO", 0.01)])
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim("IPO overoptimizes, too", **OVEROPTIMIZED)
def ipo_overoptimizes(seed: int) -> Finding:
    lost = fall(trained(seed)[IPO][:13])  # its first 300 steps
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim(
    "IPO overoptimizes when trained longer",
    **OVEROPTIMIZED | {"bound": "gold ends at least 0.2 sd below its peak; the same, 600 steps"},
)
def ipo_overoptimizes_later(seed: int) -> Finding:
    lost = fall(trained(seed)[IPO])
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim("KTO overoptimizes, too (which that paper did not try)", **OVEROPTIMIZED)
def kto_overoptimizes(seed: int) -> Finding:
    lost = fall(trained(seed)[KTO])
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim(
    "RL against a reward model learned from the same pairs overoptimizes",
    source="Gao, Schulman & Hilton 2022, Fig. 1",
    paper="gold peaks, then declines, for every reward model",
    bound="gold ends at least 0.2 sd below its peak; no price on KL, 100 steps",
)
def rl_overoptimizes(seed: int) -> Finding:
    lost = fall(train_rl(seed))
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim(
    "DPO overoptimizes before the data have been seen once",
    source="Rafailov et al. 2024 (arXiv 2406.02900), abstract",
    paper="often before even a single epoch of the dataset is completed",
    bound="gold ends at least 0.2 sd below its peak; DPO, β = 0.01, 19,200 pairs, each seen once",
)
def falls_within_one_epoch(seed: int) -> Finding:
    lost = fall(trained(seed)[ONE_EPOCH])
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim(
    "The law that Gao et al. found for RL describes DPO: R(d) = d (α − β log d), d = √KL",
    source="Rafailov et al. 2024 (arXiv 2406.02900), section 3",
    paper="accurate for win rates; half the error of a quadratic in KL",
    bound="fitted to every probe at all three β, its error is at most 0.55 of the quadratic's",
)
def rl_law_describes_dpo(seed: int) -> Finding:
    distance, gold = law.seen([trained(seed)[Run("DPO", beta)] for beta in BETAS])
    error, rival = (law.fit(f(distance), gold)[1] for f in (law.rl_law, law.quadratic))
    return Finding(error / rival, "of the quadratic's error", error <= 0.55 * rival)


@claim(
    "A smaller β goes further from the reference",
    source="Rafailov et al. 2023, section 3",
    paper="β controls the deviation from the reference",
    bound="of β = 0.01, 0.1 and 1, the first ends at the largest √KL",
)
def small_beta_goes_further(seed: int) -> Finding:
    first, *others = (trained(seed)[Run("DPO", beta)][-1].distance for beta in BETAS)
    return Finding(first - max(others), "√nats beyond the others", first > max(others))


@claim(
    "A smaller β ends worse than the best",
    source="Rafailov et al. 2024 (arXiv 2406.02900), abstract",
    paper="DPO, IPO and SLiC deteriorate at higher KL budgets",
    bound="of β = 0.01, 0.1 and 1, the first ends 0.2 sd below the best",
)
def small_beta_ends_worse(seed: int) -> Finding:
    ends = [trained(seed)[Run("DPO", beta)][-1].gold for beta in BETAS]
    lost = max(ends) - ends[0]
    return Finding(lost, "sd below the best β", lost >= 0.2)
