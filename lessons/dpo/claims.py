"""The findings that this lesson looks for, each measured over ten seeds."""

from functools import cache

import torch

from lessons.dpo import law
from lessons.dpo.experiments import Probe, Run, fall, train, train_rl
from lessons.dpo.tables import (
    ask,
    dpo_by_table,
    fit_rewards,
    rlhf_optimum,
    small_world,
    total_variation,
)
from utils.claims import Finding, claim

FLIPS = (0.0, 0.2, 0.4)
BETAS = (0.01, 0.1, 1.0)

# Each of the next three is trained once a seed, whichever claim asks first.


@cache
def trained(seed: int) -> dict[Run, list[Probe]]:
    """DPO at three β and KTO, on 400 pairs for 300 steps."""
    runs = [*(Run("DPO", beta) for beta in BETAS), Run("KTO", 0.01)]
    return train(seed, runs)[1]


@cache
def ipo(seed: int) -> list[Probe]:
    """The same with IPO for 600 steps, a probe every 25."""
    run = Run("IPO", 0.01)
    return train(seed, [run], steps=600)[1][run]


@cache
def noisy(seed: int) -> dict[Run, float]:
    """Gold where 200 steps on 2,000 pairs at β = 0.1 lead, with so many labels flipped."""
    runs = [Run(method, 0.1, rate) for method in ("DPO", "Dr. DPO") for rate in FLIPS]
    runs += [Run(method, 0.1, 0.4) for method in ("robust", "conservative")]
    probes = train(seed, runs, 2000, steps=200, every=200)[1]
    return {run: found[-1].gold for run, found in probes.items()}


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


@claim(
    "A reward model that is kept from fitting too well regularizes, and DPO has none",
    source="Azar et al. 2023, section 4.2",
    paper="an underfit reward is crucial for staying near the reference, and DPO loses that",
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
    "The log-probability of the chosen answers falls, while the margin grows",
    source="Pal et al. 2024, abstract",
    paper="DPO can reduce the likelihood of preferred examples as the relative probability grows",
    bound="chosen and rejected both less likely than at the start, chosen less so; β = 0.1",
)
def both_log_probabilities_fall(seed: int) -> Finding:
    end = trained(seed)[Run("DPO", 0.1)][-1]
    return Finding(end.chosen, "nats (chosen)", end.rejected < end.chosen < 0)


@claim(
    "Dr. DPO beats DPO, with flipped labels and without",
    source="Wu et al. 2024, abstract",
    paper="enhanced performance in both noisy and noise-free settings",
    bound="higher gold than DPO at each of 0, 20 and 40 % flips; β′ = 1",
)
def dr_dpo_beats_dpo(seed: int) -> Finding:
    gains = [
        noisy(seed)[Run("Dr. DPO", 0.1, rate)] - noisy(seed)[Run("DPO", 0.1, rate)]
        for rate in FLIPS
    ]
    return Finding(min(gains), "sd (the least gain)", min(gains) > 0)


@claim(
    "Under heavy noise robust DPO beats DPO and conservative DPO",
    source="Chowdhury et al. 2024, abstract",
    paper="robust to noise in preference labels compared to vanilla DPO and other heuristics",
    bound="higher gold than both at 40 % flips",
)
def robust_dpo_wins_under_noise(seed: int) -> Finding:
    robust, dpo, conservative = (
        noisy(seed)[Run(method, 0.1, 0.4)] for method in ("robust", "DPO", "conservative")
    )
    gain = robust - max(dpo, conservative)
    return Finding(gain, "sd above the better of both", gain > 0)


OVEROPTIMIZED = {
    "source": "Rafailov et al. 2024 (arXiv 2406.02900), abstract",
    "paper": "at higher KL budgets, degradation patterns similar to classic RLHF",
    "bound": "gold ends at least 0.2 sd below its peak; β = 0.01, 400 pairs, 300 steps",
}


@claim("DPO overoptimizes: gold rises, then falls, as √KL grows", **OVEROPTIMIZED)
def dpo_overoptimizes(seed: int) -> Finding:
    lost = fall(trained(seed)[Run("DPO", 0.01)])
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim("So does IPO", **OVEROPTIMIZED)
def ipo_overoptimizes(seed: int) -> Finding:
    lost = fall(ipo(seed)[:13])  # its first 300 steps
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim(
    "So does IPO when trained longer (added after the row above was seen)",
    **OVEROPTIMIZED | {"bound": "gold ends at least 0.2 sd below its peak; the same, 600 steps"},
)
def ipo_overoptimizes_later(seed: int) -> Finding:
    lost = fall(ipo(seed))
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim("So does KTO (which that paper did not try)", **OVEROPTIMIZED)
def kto_overoptimizes(seed: int) -> Finding:
    lost = fall(trained(seed)[Run("KTO", 0.01)])
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim(
    "So does RL against a reward model learned from the same pairs",
    **OVEROPTIMIZED | {"bound": "gold ends at least 0.2 sd below its peak; no penalty, 100 steps"},
)
def rl_overoptimizes(seed: int) -> Finding:
    lost = fall(train_rl(seed))
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim(
    "It happens before the data have been seen once",
    source="Rafailov et al. 2024 (arXiv 2406.02900), abstract",
    paper="often before even a single epoch of the dataset is completed",
    bound="gold ends at least 0.2 sd below its peak; DPO, β = 0.01, 19,200 draws of 19,200 pairs",
)
def falls_within_one_epoch(seed: int) -> Finding:
    run = Run("DPO", 0.01)
    lost = fall(train(seed, [run], n_pairs=300 * 64)[1][run])
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


SMALLER_BETA = {
    "source": "Rafailov et al. 2024 (arXiv 2406.02900), abstract",
    "paper": "DAAs deteriorate across a wide range of KL budgets",
}


@claim(
    "A smaller β goes further from the reference",
    **SMALLER_BETA,
    bound="of β = 0.01, 0.1 and 1, the first ends at the largest √KL",
)
def small_beta_goes_further(seed: int) -> Finding:
    first, *others = (trained(seed)[Run("DPO", beta)][-1].distance for beta in BETAS)
    return Finding(first - max(others), "√nats beyond the others", first > max(others))


@claim(
    "And ends worse than the best β",
    **SMALLER_BETA,
    bound="of β = 0.01, 0.1 and 1, the first ends 0.2 sd below the best",
)
def small_beta_ends_worse(seed: int) -> Finding:
    ends = [trained(seed)[Run("DPO", beta)][-1].gold for beta in BETAS]
    lost = max(ends) - ends[0]
    return Finding(lost, "sd below the best β", lost >= 0.2)
