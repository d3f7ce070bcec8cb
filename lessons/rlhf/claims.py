"""The findings that this lesson looks for, each measured over ten seeds."""

import torch

from lessons.rlhf.experiments import (
    BETA,
    BETAS,
    buy_comparisons,
    curve,
    estimator_moments,
    gold_curve,
    logprobs_of_all,
    prepared,
    shares_of_optimum,
    sweep,
    trained,
)
from utils.claims import Finding, claim


@claim(
    "More comparisons, a better reward model",
    source="Stiennon et al. 2020, Sec. 4.3",
    paper="doubling the data adds about 1.1 points of validation accuracy",
    bound="accuracy on new pairs, against gold, rises at each doubling from 125 to 4,000",
)
def more_comparisons_help(seed: int) -> Finding:
    world, policy, _ = prepared(seed)
    gains = 100 * torch.tensor(buy_comparisons(world, policy, seed, actively=False)).diff()
    return Finding(gains.mean(), "points per doubling", (gains > 0).all())


@claim(
    "PPO comes near the optimum of the penalized reward, π* ∝ π_ref exp(r/β)",
    source="this lesson's own; the optimum is that of Rafailov et al. 2023, eq. 4",
    paper="gives the maximum of E[r] − β KL in closed form, and not how near PPO comes to it",
    bound="at each of five β it has at least 90 % of what can be gained over the reference",
)
def ppo_reaches_the_optimum(seed: int) -> Finding:
    shares = shares_of_optimum(seed)
    return Finding(100 * shares.min(), "% at the worst β", (shares >= 0.9).all())


@claim(
    "Without a KL penalty the score rises and stays up, and what it stands for gets worse",
    source="Stiennon et al. 2020, Sec. 4.3 and Fig. 5",
    paper="optimized on, true preferences fall off, until the score is anti-correlated with them",
    bound="the score's last ten steps average at least 99 % of the ten before, and over the last "
    "five gold is below the SFT policy's",
)
def unpenalized_gold_falls(seed: int) -> Finding:
    world, _, _ = prepared(seed)
    _, batches = trained(seed, 0.0)
    score, gold = curve(batches, "score"), gold_curve(world, batches)
    fall = gold[-5:].mean() - gold[0]
    holds = score[-10:].mean() >= 0.99 * score[-20:-10].mean() and fall < 0
    return Finding(fall, "sd of gold, end − start", holds)


@claim(
    "The KL penalty holds that back, and still lets gold rise",
    source="Ouyang et al. 2022, Sec. 3.5",
    paper="a per-token KL penalty mitigates over-optimization of the reward model",
    bound="with β = 0.2 gold ends higher than without a penalty, and higher than it began",
)
def penalty_helps(seed: int) -> Finding:
    world, _, _ = prepared(seed)
    tuned, free = (gold_curve(world, trained(seed, beta)[1]) for beta in (BETA, 0.0))
    end = tuned[-5:].mean()
    lead = torch.minimum(end - free[-5:].mean(), end - tuned[0])
    return Finding(lead, "sd of gold (the smaller lead)", lead > 0)


@claim(
    "k3 of a whole sequence is less noisy than k1",
    source='Schulman 2020, "Approximating KL Divergence"',
    paper="k3 is unbiased, with a lower standard deviation than k1, in his two examples",
    bound="exact standard deviation over whole sequences lower for each of the five policies",
)
def k3_is_quieter_than_k1(seed: int) -> Finding:
    sequences, ref_logprobs, _, policies, _ = sweep(seed)
    sds = [
        estimator_moments(logprobs_of_all(policy, sequences), ref_logprobs)[1]
        for policy in policies
    ]
    lower = sum(bool(sd[2] < sd[0]) for sd in sds)
    return Finding(lower, "of 5 policies", lower == len(BETAS))


@claim(
    "Without its clip, PPO's reuse of each batch does harm",
    source="Schulman et al. 2017, Table 1",
    paper="normalized score 0.82 with clip 0.2, −0.39 without, where one of seven environments "
    "is very negative",
    bound="score − β KL over the last ten steps is higher with clip 0.2 than without",
)
def clipping_helps(seed: int) -> Finding:
    reached = []
    for _, batches in (trained(seed, BETA), trained(seed, BETA, clip=float("inf"))):
        reached.append((curve(batches, "score") - BETA * curve(batches, "kl"))[-10:].mean())
    return Finding(reached[0] - reached[1], "of penalized reward", reached[0] > reached[1])
