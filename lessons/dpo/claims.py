"""The findings that this lesson looks for, each measured over ten seeds."""

from functools import cache

import torch

from lessons.dpo.experiments import Probe, Run, fall, train, train_rl
from lessons.dpo.tables import (
    PEOPLE,
    dpo_by_table,
    rlhf_optimum,
    shares,
    small_world,
    total_variation,
)
from utils.claims import Finding, claim

FLIPS = (0.0, 0.2, 0.4)

# Each of the next three is trained once a seed, whichever claim asks first.


@cache
def trained(seed: int) -> dict[Run, list[Probe]]:
    """DPO at three β and KTO, on 400 pairs for 300 steps."""
    runs = [*(Run("DPO", beta) for beta in (0.01, 0.1, 1.0)), Run("KTO", 0.01)]
    return train(seed, runs)[1]


@cache
def ipo(seed: int) -> list[Probe]:
    """The same with IPO for 1,000 steps, a probe every 25."""
    run = Run("IPO", 0.01)
    return train(seed, [run], steps=1000)[1][run]


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
    return Finding(sum(gains) / len(gains), "sd (mean gain)", min(gains) > 0)


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
    return Finding(robust - dpo, "sd above DPO", robust > max(dpo, conservative))


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
    **OVEROPTIMIZED | {"bound": "gold ends at least 0.2 sd below its peak; the same, 1,000 steps"},
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
    "A smaller β goes further from the reference and ends worse than a middle one",
    source="Rafailov et al. 2024 (arXiv 2406.02900), abstract",
    paper="DAAs deteriorate across a wide range of KL budgets",
    bound="of β = 0.01, 0.1 and 1, the first ends at the largest √KL and 0.2 sd below the best",
)
def small_beta_goes_too_far(seed: int) -> Finding:
    ends = [trained(seed)[Run("DPO", beta)][-1] for beta in (0.01, 0.1, 1.0)]
    furthest = ends[0].distance > max(ends[1].distance, ends[2].distance)
    lost = max(e.gold for e in ends) - ends[0].gold
    return Finding(lost, "sd below the best β", furthest and lost >= 0.2)


@claim(
    "Preference collapse: what 10 % of people like all but disappears",
    source="Xiao et al. 2024, abstract",
    paper="minority preferences are virtually disregarded, in extreme cases",
    bound="below 1 % under RLHF and under DPO; even reference, β = 0.2",
)
def minority_disappears(seed: int) -> Finding:
    found = shares(seed, 0.2)
    most = max(found["RLHF"][2].item(), found["DPO"][2].item())
    return Finding(100 * most, "% of answers", most < 0.01)


@claim(
    "Entropy matching keeps what people prefer",
    source="Xiao et al. 2024, abstract",
    paper="preference matching provably gives the reward model's preference distribution",
    bound="every answer within 3 percentage points of its share of people",
)
def entropy_matching_keeps_shares(seed: int) -> Finding:
    off = (shares(seed, 0.2)["entropy matching"] - PEOPLE).abs().max().item()
    return Finding(100 * off, "points off at most", off < 0.03)
