"""How `group_advantages` is judged: checks, mistakes, right answers in other styles."""

import statistics

import torch

from lessons.verifiable_rewards.checks.shared import draws
from lessons.verifiable_rewards.exercises import group_advantages
from utils.grading import expect, require

HOWS = ("mean", "std", "leave-one-out")


def _by_hand(row, how):
    mean = statistics.fmean(row)
    if how == "mean":
        return [x - mean for x in row]
    if how == "std":
        return [(x - mean) / (statistics.stdev(row) + 1e-4) for x in row]
    return [x - statistics.fmean(row[:i] + row[i + 1 :]) for i, x in enumerate(row)]


@group_advantages.check
def two_answers_less_a_mean(fn):
    rewards = torch.tensor([[1.0, 0.0]])
    expect(fn(rewards, "mean"), torch.tensor([[0.5, -0.5]]))
    expect(fn(rewards, "leave-one-out"), torch.tensor([[1.0, -1.0]]))


@group_advantages.check
def two_answers_in_standard_deviations(fn):
    wanted = torch.tensor([[0.5, -0.5]]) / (0.5**0.5 + 1e-4)
    expect(fn(torch.tensor([[1.0, 0.0]]), "std"), wanted)


@group_advantages.check
def a_group_with_one_reward_has_no_advantage(fn):
    for how in HOWS:
        for value in (0.0, 1.0, 0.5):
            rewards = torch.full((2, 4), value)
            expect(fn(rewards, how), torch.zeros(2, 4))


@group_advantages.check
def it_is_what_each_row_gives_by_hand(fn):
    for seed, shape in enumerate([(1, 2), (3, 4), (4, 3), (2, 8)]):
        rewards = draws(seed, *shape)
        for how in HOWS:
            wanted = torch.tensor([_by_hand(r, how) for r in rewards.tolist()]).double()
            expect(fn(rewards, how), wanted, tol=1e-6)


@group_advantages.check
def one_group_does_not_see_another(fn):
    rewards = torch.tensor([[1.0, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]])
    for how in HOWS:
        alone = torch.cat([torch.as_tensor(fn(row[None], how)) for row in rewards])
        expect(fn(rewards, how), alone)


@group_advantages.check
def rewards_keep_their_dtype_and_are_not_changed(fn):
    for dtype in (torch.float32, torch.float64):
        rewards = draws(3, 2, 5, dtype=dtype)
        before = rewards.clone()
        got = fn(rewards, "std")
        require(torch.is_tensor(got) and got.dtype == dtype, dtype, got)
        require(torch.equal(rewards, before), "rewards as they were", rewards)


def _mistake(text, **ways):
    """Plant a wrong way for some of the three, the right one for the others."""

    @group_advantages.mistake(text)
    def _(rewards, how):
        return ways[how.replace("-", "_")](rewards) if how.replace("-", "_") in ways else (
            group_advantages.reference(rewards, how)
        )  # fmt: skip


_mistake(
    "the mean is over the whole batch, not over each group",
    mean=lambda r: r - r.mean(),
    std=lambda r: (r - r.mean()) / (r.std(1, keepdim=True) + 1e-4),
)
_mistake(
    "the mean is over the wrong dimension: a row is a group",
    mean=lambda r: r - r.mean(0, keepdim=True),
    std=lambda r: (r - r.mean(0, keepdim=True)) / (r.std(0, keepdim=True) + 1e-4),
)
_mistake(
    "the deviation is over the whole batch, not over each group",
    std=lambda r: (r - r.mean(1, keepdim=True)) / (r.std() + 1e-4),
)
_mistake(
    "the deviation divides by n; n − 1 was asked for",
    std=lambda r: (r - r.mean(1, keepdim=True)) / (r.std(1, keepdim=True, correction=0) + 1e-4),
)
_mistake(
    "nothing is added to the deviation: 0 / 0 where all rewards are equal",
    std=lambda r: (r - r.mean(1, keepdim=True)) / r.std(1, keepdim=True),
)
_mistake(
    "another small number than 1e-4, or in another place: std(…) + 1e-4 was asked for",
    std=lambda r: (r - r.mean(1, keepdim=True)) / (r.std(1, keepdim=True) + 1e-8),
)
_mistake(
    "divided by the variance, not by the deviation",
    std=lambda r: (r - r.mean(1, keepdim=True)) / (r.var(1, keepdim=True) + 1e-4),
)
_mistake(
    "the mean is not subtracted before dividing by the deviation",
    std=lambda r: r / (r.std(1, keepdim=True) + 1e-4),
)
_mistake(
    "leave-one-out divides the sum of the others by n, not by n − 1",
    leave_one_out=lambda r: r - (r.sum(1, keepdim=True) - r) / r.shape[1],
)
_mistake(
    "leave-one-out: the answer's own reward is still in the sum that n − 1 divides",
    leave_one_out=lambda r: r - r.sum(1, keepdim=True) / (r.shape[1] - 1),
)
_mistake(
    "leave-one-out by the factor (n − 1) / n: it is n / (n − 1)",
    leave_one_out=lambda r: (r - r.mean(1, keepdim=True)) * (r.shape[1] - 1) / r.shape[1],
)
_mistake(
    "leave-one-out has the answer itself in its baseline: that is the plain mean",
    leave_one_out=lambda r: r - r.mean(1, keepdim=True),
)
_mistake(
    "the sign is turned: better answers get a negative advantage",
    mean=lambda r: r.mean(1, keepdim=True) - r,
    std=lambda r: (r.mean(1, keepdim=True) - r) / (r.std(1, keepdim=True) + 1e-4),
    leave_one_out=lambda r: (r.sum(1, keepdim=True) - r) / (r.shape[1] - 1) - r,
)


@group_advantages.mistake("`how` is ignored: always GRPO's")
def _(rewards, how):
    return group_advantages.reference(rewards, "std")


@group_advantages.right("by a loop over groups")
def _(rewards, how):
    rows = []
    for row in rewards:
        if how == "leave-one-out":
            others = [torch.cat([row[:i], row[i + 1 :]]).mean() for i in range(len(row))]
            rows.append(row - torch.stack(others))
        elif how == "std":
            rows.append((row - row.mean()) / (row.std() + 1e-4))
        else:
            rows.append(row - row.mean())
    return torch.stack(rows)


@group_advantages.right("leave-one-out as n / (n − 1) times the plain difference")
def _(rewards, how):
    n = rewards.size(1)
    centered = rewards - rewards.mean(dim=-1, keepdim=True)
    scale = {"mean": 1.0, "leave-one-out": n / (n - 1)}
    if how in scale:
        return centered * scale[how]
    return centered / ((centered**2).sum(-1, keepdim=True).div(n - 1).sqrt() + 1e-4)
