"""How `ensemble_reward` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.overoptimization.exercises import ensemble_reward
from utils.grading import expect, require


@ensemble_reward.check
def two_judges_one_answer(fn):
    rewards = torch.tensor([[1.0], [4.0]])
    for how, truth in (("mean", 2.5), ("worst", 1.0), ("uncertainty", 2.5 - 1.5**2)):
        expect(fn(rewards, how), torch.tensor([truth]))


@ensemble_reward.check
def one_judge_alone_is_believed(fn):
    rewards = torch.tensor([[0.5, -2.0, 1000.0]])
    for how in ("mean", "worst", "uncertainty"):
        expect(fn(rewards, how), rewards[0].clone())


@ensemble_reward.check
def each_answer_has_its_own_reward(fn):
    g = torch.Generator().manual_seed(0)
    for shape in ((3, 2), (5, 4), (4, 2, 3)):
        rewards = torch.randn(shape, generator=g) * 3
        columns = rewards.reshape(shape[0], -1).T.tolist()
        for weight in (0.0, 0.5, 2.0):
            rows = []
            for column in columns:
                mean = sum(column) / len(column)
                variance = sum((r - mean) ** 2 for r in column) / len(column)
                rows.append((mean, min(column), mean - weight * variance))
            truth = torch.tensor(rows).T.reshape(3, *shape[1:])
            expect(fn(rewards, "mean", weight), truth[0])
            expect(fn(rewards, "worst", weight), truth[1])
            expect(fn(rewards, "uncertainty", weight), truth[2])


@ensemble_reward.check
def what_they_agree_on_is_not_punished(fn):
    rewards = torch.tensor([-4.0, 0.0, 7.0]).expand(6, 3).clone()
    for how in ("mean", "worst", "uncertainty"):
        expect(fn(rewards, how), rewards[0].clone())


@ensemble_reward.check
def a_large_common_reward_hides_no_disagreement(fn):
    # mean(r²) − mean(r)² would lose this variance to rounding.
    rewards = torch.tensor([[2999.5, 3000.0], [3000.5, 3000.0]])
    expect(fn(rewards, "uncertainty", 8.0), torch.tensor([2998.0, 3000.0]), tol=1e-5)


@ensemble_reward.check
def another_word_raises_value_error(fn):
    raised = "no error: a value was returned"
    try:
        fn(torch.ones(2, 3), "median")
    except Exception as error:
        raised = error
    require(isinstance(raised, ValueError), "ValueError", raised, how="median")


@ensemble_reward.mistake("the best case: max for min rewards just what one judge gets wrong")
def _(rewards, how, weight=1.0):
    if how == "worst":
        return rewards.amax(0)
    return ensemble_reward(rewards, how, weight)


@ensemble_reward.mistake("an unknown `how` gets the mean: it should raise ValueError")
def _(rewards, how, weight=1.0):
    return ensemble_reward(
        rewards, how if how in ("mean", "worst", "uncertainty") else "mean", weight
    )


@ensemble_reward.mistake("the strictest model judges all answers: take the lowest of each answer")
def _(rewards, how, weight=1.0):
    if how == "worst":
        return rewards[rewards.flatten(1).mean(1).argmin()]
    return ensemble_reward(rewards, how, weight)


@ensemble_reward.mistake("disagreement is rewarded: the variance is added")
def _(rewards, how, weight=1.0):
    return ensemble_reward(rewards, how, -weight)


@ensemble_reward.mistake("the standard deviation instead of the variance")
def _(rewards, how, weight=1.0):
    if how == "uncertainty":
        return rewards.mean(0) - weight * rewards.std(0, correction=0)
    return ensemble_reward(rewards, how, weight)


@ensemble_reward.mistake("the variance divides by n_models − 1: NaN for a single judge")
def _(rewards, how, weight=1.0):
    k = len(rewards)
    return ensemble_reward(rewards, how, weight * k / (k - 1) if k > 1 else math.nan)


@ensemble_reward.mistake("the weight is ignored")
def _(rewards, how, weight=1.0):
    return ensemble_reward(rewards, how)


@ensemble_reward.mistake("reduced over the answers instead of the judges")
def _(rewards, how, weight=1.0):
    return ensemble_reward(rewards.transpose(0, -1), how, weight)


@ensemble_reward.mistake("min(0) gives values and where they stand: the values alone are asked for")
def _(rewards, how, weight=1.0):
    return rewards.min(0) if how == "worst" else ensemble_reward(rewards, how, weight)


@ensemble_reward.mistake("one number for all: reduced over judges and answers at once")
def _(rewards, how, weight=1.0):
    if how not in ("mean", "worst", "uncertainty"):
        raise ValueError(how)
    spread = weight * rewards.var(correction=0)
    return {"mean": rewards.mean(), "worst": rewards.min(), "uncertainty": rewards.mean() - spread}[
        how
    ]


@ensemble_reward.mistake("the numbers are right, but float64 came back for float32 rewards")
def _(rewards, how, weight=1.0):
    return ensemble_reward(rewards.double(), how, weight)


@ensemble_reward.mistake("always the mean: `how` is ignored")
def _(rewards, how, weight=1.0):
    return rewards.mean(0)


@ensemble_reward.right("by a loop over judges")
def _(rewards, how, weight=1.0):
    if how not in ("mean", "worst", "uncertainty"):
        raise ValueError(how)
    mean, worst, spread = sum(rewards) / len(rewards), rewards[0], 0
    for one in rewards:
        worst = torch.minimum(worst, one)
        spread = spread + (one - mean) ** 2 / len(rewards)
    return {"mean": mean, "worst": worst, "uncertainty": mean - weight * spread}[how]


@ensemble_reward.right("by sorting, and by torch.var_mean")
def _(rewards, how, weight=1.0):
    match how:
        case "mean":
            return torch.mean(rewards, dim=0)
        case "worst":
            return rewards.sort(dim=0).values[0]
        case "uncertainty":
            variance, mean = torch.var_mean(rewards, dim=0, unbiased=False)
            return mean - weight * variance
    raise ValueError(how)
