"""The findings that this lesson looks for, each measured over ten seeds."""

from lessons.rlhf.experiments import (
    BETA,
    BETAS,
    bought,
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
    bound="accuracy on held-out pairs rises at each doubling from 125 to 4,000 comparisons",
)
def more_comparisons_help(seed: int) -> Finding:
    gains = 100 * bought(seed, actively=False).diff()
    return Finding(gains.mean(), "points per doubling", (gains > 0).all())


@claim(
    "Asking about pairs on which an ensemble disagrees is better at times, and worse at others",
    source="Christiano et al. 2017, Sec. 2.2.4 and 3.3",
    paper="the ablation is mixed: random queries do worse in some tasks and better in others",
    bound="of the five budgets after the first, it is ahead at one at least, and behind at one",
)
def active_is_mixed(seed: int) -> Finding:
    leads = (bought(seed, actively=True) - bought(seed, actively=False))[1:]
    mixed = (leads > 0).any() and (leads < 0).any()
    return Finding(100 * leads.mean(), "points ahead, on average", bool(mixed))


@claim(
    "PPO finds the optimum of the penalized reward, π* ∝ π_ref exp(r/β)",
    source="Schulman et al. 2017; optimum as in Rafailov et al. 2023, eq. 4",
    paper="PPO maximizes E[r] − β KL, whose maximum is known in closed form",
    bound="at each of five β it has at least 90 % of what can be gained over the reference",
)
def ppo_reaches_the_optimum(seed: int) -> Finding:
    shares = shares_of_optimum(seed)
    return Finding(100 * shares.min(), "% at the worst β", (shares >= 0.9).all())


@claim(
    "Without a KL penalty the score keeps rising and what it stands for gets worse",
    source="Stiennon et al. 2020, Fig. 5",
    paper="at the smallest KL coefficients, summaries become worse than where they started",
    bound="at the end the score is in the run's highest tenth, and gold is below the SFT policy's",
)
def unpenalized_gold_falls(seed: int) -> Finding:
    world, _, _ = prepared(seed)
    _, batches = trained(seed, 0.0)
    score, gold = curve(batches, "score"), gold_curve(world, batches)
    holds = score[-1] >= score.quantile(0.9) and gold[-1] < gold[0]
    return Finding(gold[-1] - gold[0], "sd of gold, end − start", holds)


@claim(
    "The KL penalty holds that back",
    source="Ouyang et al. 2022, Sec. 3.5",
    paper="a per-token KL penalty mitigates over-optimization of the reward model",
    bound="gold at the end is higher with β = 0.2 than without a penalty",
)
def penalty_helps(seed: int) -> Finding:
    world, _, _ = prepared(seed)
    ends = [gold_curve(world, trained(seed, beta)[1])[-5:].mean() for beta in (BETA, 0.0)]
    return Finding(ends[0] - ends[1], "sd of gold", ends[0] > ends[1])


@claim(
    "k3 is less noisy than k1",
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
    paper="mean normalized score 0.82 with clip 0.2, −0.39 without, because of one environment",
    bound="score − β KL over the last ten steps is higher with clip 0.2 than without",
)
def clipping_helps(seed: int) -> Finding:
    reached = []
    for _, batches in (trained(seed, BETA), trained(seed, BETA, clip=float("inf"))):
        reached.append((curve(batches, "score") - BETA * curve(batches, "kl"))[-10:].mean())
    return Finding(reached[0] - reached[1], "of penalized reward", reached[0] > reached[1])
