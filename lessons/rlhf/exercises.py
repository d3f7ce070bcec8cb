"""What the learner writes in the RLHF lesson (Christiano 2017; Schulman 2017; Ouyang 2022)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=8,
    teaches="the log-probability of a whole sequence, and what a mask is for",
    given="blanks",
    hints=[
        "log_softmax over which dimension makes the scores of one position a distribution?",
        "gather needs an index with as many dimensions as its input: tokens[..., None].",
        "0 · (−inf) is NaN, so do not multiply by the mask: torch.where(mask, value, 0).",
    ],
)
def sequence_logprobs(logits: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
    """log π(y) = Σ_t log π(y_t | y_<t) in nats, over the positions where mask is True.

    logits: (..., length, vocab); logits[..., t, :] are the model's scores for tokens[..., t],
    given the tokens before it (so nothing is to be shifted). tokens: (..., length), integers.
    mask: (..., length), bool. Where it is False nothing counts, not even −inf.
    Returns (...): a sum, not a mean.
    """
    every_token = F.log_softmax(logits, dim=-1)  # blank: (..., length, vocab), logs that sum to 1
    chosen = every_token.gather(-1, tokens[..., None])[..., 0]  # blank: those of the tokens taken
    counted = torch.where(mask, chosen, torch.zeros_like(chosen))  # blank: 0 where mask is False
    return counted.sum(-1)  # blank: (...)


@exercise(
    difficulty=1,
    minutes=8,
    teaches="the loss that turns comparisons into a reward, and why it must not overflow",
    given="blanks",
    hints=[
        "Under Bradley and Terry the chosen one wins with probability σ(r_chosen − r_rejected).",
        "The loss is −log of that, averaged over the pairs. A tie must cost log 2 = 0.693.",
        "σ(−1000) is 0 in floating point, and its log −inf. F.logsigmoid takes both steps in one.",
    ],
)
def bradley_terry_loss(reward_chosen: Tensor, reward_rejected: Tensor) -> Tensor:
    """Mean negative log-likelihood of the preferences (Ouyang et al. 2022, eq. 1, K = 2), in nats.

    −E[log σ(r(chosen) − r(rejected))], for one pair per comparison. It must stay finite, and keep
    its gradient, for differences of ±1000.
    reward_chosen, reward_rejected: (batch,). Returns a scalar tensor.
    """
    margin = reward_chosen - reward_rejected  # blank: (batch,), by how much the chosen one leads
    return -F.logsigmoid(margin).mean()  # blank: a scalar


@exercise(
    difficulty=2,
    minutes=12,
    teaches="where the penalty goes, with which sign, and where the reward goes",
    hints=[
        "Summed over a sequence the result must be reward − β (log π(y) − log π_ref(y)).",
        "Every token pays for its own log-ratio. The reward model has read only whole sequences.",
        "The policy learns from these numbers, not through them: no gradient may flow.",
    ],
)
def kl_penalized_reward(
    reward: Tensor, logprobs: Tensor, ref_logprobs: Tensor, beta: float
) -> Tensor:
    """The reward of each token: its KL penalty, and at the last token the reward model's score.

    Token t gets −β (log π(y_t) − log π_ref(y_t)), and the last one the sequence's reward on top,
    so that a sequence sums to r(y) − β log(π(y) / π_ref(y)) (Ouyang et al. 2022, eq. 2).
    reward: (batch,). logprobs, ref_logprobs: (batch, length), per token, in nats; ref is the
    frozen SFT policy. Returns (batch, length), constants: no gradient flows through them.
    """
    penalty = -beta * (logprobs - ref_logprobs).detach()
    last = torch.zeros_like(penalty)
    last[:, -1] = reward.detach()
    return penalty + last


@exercise(
    difficulty=2,
    minutes=12,
    teaches="estimating a KL from samples: what is unbiased, and what is quiet",
    hints=[
        "Samples come from the policy. Schulman's r is p / q = reference / policy.",
        "So log r = ref_logprobs − logprobs, and k1 = −log r.",
        "k3 adds to k1 something whose mean is 0: E[r] = Σ q · p/q = 1, so E[r − 1] = 0.",
    ],
)
def kl_estimates(logprobs: Tensor, ref_logprobs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Schulman's k1, k2 and k3 of KL(π ‖ π_ref), one number each per sample drawn from π.

    With r = π_ref / π at the sample: k1 = −log r, k2 = (log r)² / 2, k3 = (r − 1) − log r
    (Schulman 2020, "Approximating KL Divergence"). Average them over samples to estimate the KL.
    logprobs, ref_logprobs: any shape, in nats. Returns three tensors of that shape,
    differentiable in both.
    """
    log_r = ref_logprobs - logprobs
    return -log_r, log_r**2 / 2, torch.expm1(log_r) - log_r


@exercise(
    difficulty=3,
    minutes=18,
    teaches="which token deserves how much of a reward that comes at the end",
    hints=[
        "First δ_t = r_t + γ V_{t+1} − V_t. What is V_{t+1} at the last token? The sequence ends.",
        "Then from the end to the front: A_t = δ_t + γ λ A_{t+1}, with A = 0 beyond the end.",
        "lam=1 must give the discounted sum of the remaining rewards minus V_t; lam=0 just δ_t.",
    ],
)
def generalized_advantages(rewards: Tensor, values: Tensor, gamma: float, lam: float) -> Tensor:
    """Generalized advantage estimation: A_t = Σ_l (γλ)^l δ_{t+l} (Schulman et al. 2016, eq. 16).

    δ_t = r_t + γ V_{t+1} − V_t, where V_t = values[:, t] is the critic's estimate before token t.
    After the last token the sequence is over: beyond it V = 0.
    rewards, values: (batch, length). Returns (batch, length), constants: no gradient flows through
    them, and they are not normalized.
    """
    values = values.detach()
    after = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], 1)
    delta = rewards.detach() + gamma * after - values
    advantages, running = [], torch.zeros_like(delta[:, 0])
    for t in reversed(range(delta.shape[1])):
        running = delta[:, t] + gamma * lam * running
        advantages.append(running)
    return torch.stack(advantages[::-1], 1)


@exercise(
    difficulty=3,
    minutes=15,
    teaches="what the clip cuts, what it must not cut, and which way the sign goes",
    given="page",
    hints=[
        "The ratio is π / π_old. Both come as logs: subtract first, then exp.",
        "Two candidates: ratio · A, and the ratio clamped to [1 − clip, 1 + clip], times A.",
        "PPO takes the smaller, the pessimistic one, and maximizes it. A loss is minimized.",
        "exp overflows beyond 88 nats: clamp the log-ratio from above before it is taken.",
    ],
)
def ppo_clipped_loss(logprobs, old_logprobs, advantages, clip):
    """PPO's clipped objective, as a loss to minimize (Schulman et al. 2017, eq. 7).

    −E[min(ρ A, clip(ρ, 1 − ε, 1 + ε) A)] with ρ = π(y_t) / π_old(y_t), ε = clip, and the mean over
    all entries. Only logprobs has a gradient: old_logprobs and advantages are constants, even when
    they come with a graph of their own. Loss and gradient stay finite for log-ratios of ±1000,
    where ρ itself overflows: a log-ratio above 80 counts as 80, one below it in full. The loss has
    a graph even where its gradient is 0.
    logprobs, old_logprobs, advantages: one shape, any, logs in nats. Returns a scalar tensor.
    """
    log_ratio = (logprobs - old_logprobs.detach()).clamp(max=80)  # exp(89) is infinite in float32
    ratio = torch.exp(log_ratio)
    advantages = advantages.detach()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantages, clipped * advantages).mean()
