"""What the learner writes in the lesson on verifiable rewards (Shao 2024 and its critics)."""

from math import comb

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=8,
    teaches="the group as its own baseline, and what else is done to it",
    why="What the other answers to the same question got tells what was to be expected of it. "
    "Leave-one-out is the plain difference times n / (n − 1), since r less the mean of the others "
    "is (n r − sum) / (n − 1).",
    given="blanks",
    hints=[
        "One row is one question. Over which dimension is the mean, and with keepdim or without?",
        "The mean of the others is (sum − own) / (n − 1).",
        "torch's std divides by n − 1 unless told otherwise. That is the one asked for.",
    ],
)
def group_advantages(rewards: Tensor, how: str) -> Tensor:
    """How much better each answer did than its group (Shao et al. 2024, section 4.1.2).

    how = "std": reward less the group's mean, over the group's standard deviation plus 1e-4, with
    n − 1 in the deviation, as the library trl writes GRPO. "mean": less the mean alone (Dr. GRPO).
    "leave-one-out": less the mean of the *other* answers, as RLOO does.
    rewards: (groups, answers), a row a question, two answers or more. Returns that shape and dtype.
    """
    n, total = rewards.shape[1], rewards.sum(1, keepdim=True)
    if how == "leave-one-out":
        return rewards - (total - rewards) / (n - 1)  # blank: less the mean of the others
    centered = rewards - total / n  # blank: less the group's own mean
    if how == "std":
        return centered / (rewards.std(1, keepdim=True) + 1e-4)  # blank: in standard deviations
    return centered


@exercise(
    difficulty=2,
    minutes=10,
    teaches="a clip with two sides, and which side an unlikely token meets",
    why="The minimum picks the clipped term only where going on would look like a gain: above "
    "1 + high if the advantage is positive, below 1 − low if it is negative.",
    given="blanks",
    hints=[
        "The ratio is π / π_old, and you have logs.",
        "One advantage an answer, one ratio a token: advantages[..., None].",
        "As in PPO: the smaller of the two products. Here it is an objective, to be raised.",
    ],
)
def clip_higher(
    logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, low: float, high: float
) -> Tensor:
    """PPO's clipped objective of each token, with two bounds (Yu et al. 2025, eq. 10).

    min(ρ A, clip(ρ, 1 − low, 1 + high) A), with ρ = π / π_old of the token and A the advantage of
    its whole answer. No mean, no sign turned: larger is better.
    logprobs, old_logprobs: (..., tokens), in nats. advantages: (...). Gradients flow through
    logprobs alone. Returns (..., tokens).
    """
    ratio = (logprobs - old_logprobs.detach()).exp()  # blank: (..., tokens)
    a = advantages.detach()[..., None]  # one number an answer, the same for all its tokens
    clipped = ratio.clamp(1 - low, 1 + high)  # blank: two different bounds
    return torch.minimum(ratio * a, clipped * a)  # blank: the pessimistic one of the two


@exercise(
    difficulty=2,
    minutes=15,
    teaches="three ways to average over tokens, which are three different objectives",
    why="A mean of means counts each answer once and so each token of a long answer less. A mean "
    "over all tokens counts tokens, and a constant divisor only scales.",
    hints=[
        "Put 0 where the mask is False before clip_higher, in both log-probabilities. Around its "
        "result, torch.where would leave NaN in the gradient.",
        '"answer": sum over tokens, over its own length; then the mean over answers.',
        '"token": one sum over everything, divided by the number of tokens that count.',
        '"constant": as "answer", but divided by logprobs.shape[-1], however long the answer is.',
    ],
)
def grpo_loss(
    logprobs: Tensor,
    old_logprobs: Tensor,
    advantages: Tensor,
    mask: Tensor,
    divide_by: str,
    low: float = 0.2,
    high: float = 0.2,
) -> Tensor:
    """GRPO's policy loss without its KL term (Shao et al. 2024, eq. 3), to be minimized.

    Each token's objective is that of `clip_higher`. divide_by = "answer": the mean over an answer's
    own tokens, then over answers, as GRPO does. "token": the mean over all tokens of the batch,
    as DAPO's code does. "constant": the sum over an answer's tokens divided by the longest length
    there can be, logprobs.shape[-1], then the mean over answers, as Dr. GRPO does.
    logprobs, old_logprobs, mask: (groups, answers, tokens); mask is bool, and where it is False
    nothing counts, in value or gradient, not even NaN. Every answer has a token. advantages:
    (groups, answers). Returns a scalar.
    """
    zero = torch.zeros_like(logprobs)
    logprobs, old_logprobs = (torch.where(mask, x, zero) for x in (logprobs, old_logprobs))
    objective = torch.where(mask, clip_higher(logprobs, old_logprobs, advantages, low, high), zero)
    if divide_by == "token":
        return -objective.sum() / mask.sum()
    length = mask.sum(-1) if divide_by == "answer" else mask.shape[-1]
    return -(objective.sum(-1) / length).mean()


@exercise(
    difficulty=2,
    minutes=10,
    teaches="which groups teach nothing, and what it costs to leave them out",
    why="Where all rewards are equal, every advantage is 0. Such a group costs its samples and "
    "gives no gradient.",
    hints=[
        "A group is mixed when its rewards are not all equal. Rewards need not be 0 and 1.",
        "The indices of mixed groups in order: mixed.nonzero().flatten(). Keep the first few.",
        "Paid for is everything up to the last group kept; everything, if there were too few.",
    ],
)
def dynamic_sampling(rewards: Tensor, wanted: int) -> tuple[Tensor, int]:
    """Go through groups as they are drawn, until `wanted` have mixed rewards (Yu et al. 2025, 3.2).

    rewards: (groups, answers), in the order in which groups were drawn. A group is mixed if its
    answers did not all get the same reward. Returns the indices of the first `wanted` mixed groups,
    integers, in order, and how many groups had to be drawn for them. If there are fewer, all mixed
    ones and the number of all groups. wanted: 1 or more.
    """
    mixed = (rewards != rewards[:, :1]).any(1)
    kept = mixed.nonzero().flatten()[:wanted]
    drawn = int(kept[-1]) + 1 if len(kept) == wanted else len(rewards)
    return kept, drawn


@exercise(
    difficulty=2,
    minutes=12,
    teaches="what a KL estimator pushes, which is not what it estimates",
    why="In the reward an estimator is a number that weighs ∇ log π. As a loss it is "
    "differentiated itself, and the draw is not: what is left is its slope in log π.",
    hints=[
        "In the reward: the policy gradient weighs ∇ log π with the reward. A cost of k weighs it "
        "with k, in a loss that is minimized.",
        "As a loss: d k / d θ = (d k / d log π) ∇ log π. Differentiate each k in log π.",
        "log r = log π_ref − log π, so d log r / d log π = −1, and d r / d log π = −r.",
    ],
)
def kl_gradient_weight(
    logprobs: Tensor, ref_logprobs: Tensor, estimator: str, place: str
) -> Tensor:
    """What a KL penalty multiplies each sample's ∇ log π(y) with, in a loss to be minimized.

    estimator: "k1" = −log r, "k2" = (log r)² / 2, "k3" = r − 1 − log r, with r = π_ref(y) / π(y)
    (Schulman 2020). place = "reward": the estimate is a cost in the reward, a constant. "loss": the
    estimate is added to the loss and differentiated, with the samples as they are.
    logprobs, ref_logprobs: any shape, nats, of samples drawn from π. Returns that shape: w, so that
    the gradient of the penalty is the mean of w ∇ log π(y). w is a constant, without a graph.
    """
    log_r = (ref_logprobs - logprobs).detach()
    r = log_r.exp()
    value = {"k1": -log_r, "k2": log_r**2 / 2, "k3": r - 1 - log_r}
    slope = {"k1": torch.ones_like(log_r), "k2": -log_r, "k3": 1 - r}
    return (value if place == "reward" else slope)[estimator]


@exercise(
    difficulty=2,
    minutes=10,
    teaches="an unbiased estimate of what k tries would bring",
    why="Of all sets of k among the n samples, C(n − c, k) hold only wrong ones. Each set is as "
    "good a draw of k as any other.",
    given="page",
    hints=[
        "How many ways are there to take k of the n samples? How many take only wrong ones?",
        "math.comb(n − c, k) is 0 when k > n − c: then some right one is always among them.",
    ],
)
def pass_at_k(n, c, k):
    """The chance that at least one of k tries is right, from n samples of which c were right.

    Unbiased: its mean over draws of n samples is 1 − (1 − p)^k for every chance p of a right sample
    (Chen et al. 2021, eq. 1). n, c, k: whole numbers, 0 ≤ c ≤ n, 1 ≤ k ≤ n. Returns a float, to
    six digits, also for n = 2,000.
    """
    return 1 - comb(n - c, k) / comb(n, k)
