"""What the learner writes in the DPO lesson (Rafailov et al. 2023 and its relatives)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=5,
    teaches="the reward that a policy itself implies",
    why="RLHF's optimum is π_ref exp(r/β) / Z. Solved for r: β log(π/π_ref) + β log Z, and Z is "
    "the same for every answer to a prompt.",
    given="blanks",
    hints=[
        "How much more likely does the policy make this answer than the reference does, in logs?",
        "A difference of log-probabilities is the log of a ratio.",
        "beta is the price of a nat of KL, so it turns nats into reward: it multiplies.",
    ],
)
def implicit_reward(logprobs: Tensor, ref_logprobs: Tensor, beta: float) -> Tensor:
    """The reward for which this policy would be the RLHF optimum (Rafailov et al. 2023, eq. 5).

    r̂(y) = β log(π(y) / π_ref(y)), up to a constant that depends on the prompt alone.
    logprobs, ref_logprobs: log-probabilities of whole answers, in nats, of any one shape.
    Returns that shape, in units of reward.
    """
    log_ratio = logprobs - ref_logprobs  # blank: log of policy over reference
    return beta * log_ratio  # blank: from nats to reward


@exercise(
    difficulty=2,
    minutes=12,
    teaches="RLHF as a classification loss, and what label smoothing assumes",
    why="Bradley and Terry ask only for the difference of two rewards, in which Z cancels: what is "
    "left is a classifier of pairs whose logit is the margin.",
    given="blanks",
    hints=[
        "Put the implicit reward into Bradley-Terry: the probability that chosen beats rejected "
        "is σ of the difference of their rewards.",
        "F.logsigmoid is exact where log(sigmoid(x)) is minus infinity.",
        "label_smoothing is the chance that a label is flipped: with it, rejected should have won.",
    ],
)
def dpo_loss(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    beta: float,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Direct preference optimization (Rafailov et al. 2023, eq. 7), the mean over pairs.

    −(1 − ε) log σ(m) − ε log σ(−m), with margin m = r̂(chosen) − r̂(rejected), the implicit rewards
    at β, and ε = label_smoothing (conservative DPO, Mitchell 2023; 0 is DPO).
    The first four: (pairs,), log-probabilities of answers, in nats. Returns a scalar, in nats.
    """
    chosen = implicit_reward(policy_chosen, ref_chosen, beta)
    rejected = implicit_reward(policy_rejected, ref_rejected, beta)
    margin = chosen - rejected  # blank: by how much chosen leads
    right, flipped = F.logsigmoid(margin), F.logsigmoid(-margin)  # the two log-likelihoods
    loss = -(1 - label_smoothing) * right - label_smoothing * flipped  # blank: expected over both
    return loss.mean()  # blank: over the pairs


@exercise(
    difficulty=2,
    minutes=8,
    teaches="which pairs DPO learns from: those that it still gets wrong",
    why="The slope of −log σ(m) is −σ(−m): the chance that the policy's own reward gives to the "
    "other order.",
    hints=[
        "Differentiate −log σ(m) with respect to m. What is left of the sigmoid?",
        "d/dm −log σ(m) = −σ(−m): near −1 for a pair in the wrong order, near 0 for one long "
        "learned. The weight is its size.",
    ],
)
def dpo_gradient_weight(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    beta: float,
) -> Tensor:
    """What each pair weighs in DPO's gradient (Rafailov et al. 2023, section 4).

    ∇L = −β E[ w · (∇ log π(chosen) − ∇ log π(rejected)) ]: w = σ(r̂(rejected) − r̂(chosen)), r̂ the
    implicit reward at β. Returns (pairs,), each between 0 and 1. β itself is not part of w.
    """
    chosen = implicit_reward(policy_chosen, ref_chosen, beta)
    rejected = implicit_reward(policy_rejected, ref_rejected, beta)
    return torch.sigmoid(rejected - chosen)


@exercise(
    difficulty=2,
    minutes=8,
    teaches="a margin that stops growing: regression to a target instead of a sigmoid",
    why="A squared distance is least at its target, 1/(2β), so the margin stops there, even where "
    "no comparison was ever lost.",
    given="page",
    hints=[
        "The margin here is in nats: the log-ratio of chosen minus that of rejected, no beta.",
        "beta sets the target: half of 1/beta.",
        "Overshooting costs as much as falling short.",
    ],
)
def ipo_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    """Identity preference optimization (Azar et al. 2023, eq. 17), the mean over pairs.

    (h − 1/(2β))², with h = log(π/π_ref)(chosen) − log(π/π_ref)(rejected). Their τ is our β.
    The first four: (pairs,), log-probabilities of whole answers, in nats. Returns a scalar, nats².
    """
    h = (policy_chosen - ref_chosen) - (policy_rejected - ref_rejected)
    return ((h - 1 / (2 * beta)) ** 2).mean()


@exercise(
    difficulty=3,
    minutes=15,
    teaches="learning from thumbs up and down: gains, losses and a reference point",
    why="σ is flat far from the reference point, so that neither a large gain nor a large loss "
    "pulls much further. Without a gradient through z the policy cannot win by moving it.",
    hints=[
        "z_ref first: the mean of kl_logprobs − kl_ref_logprobs, not below 0, detached.",
        "A desirable answer gains where its log-ratio is above z_ref, an undesirable one below it: "
        "turn the sign inside the sigmoid.",
        "The loss is λ − v: at v = λ (all is gained) it is 0. torch.where chooses by label.",
    ],
)
def kto_loss(
    logprobs: Tensor,
    ref_logprobs: Tensor,
    desirable: Tensor,
    kl_logprobs: Tensor,
    kl_ref_logprobs: Tensor,
    beta: float,
    lambda_desirable: float = 1.0,
    lambda_undesirable: float = 1.0,
) -> Tensor:
    """Kahneman-Tversky optimization (Ethayarajh et al. 2024, eq. 8): the mean of λ − v.

    v = λ_D σ(β(r − z)) if desirable, else λ_U σ(β(z − r)). r is the answer's log(π/π_ref), and
    z = max(0, mean(kl_logprobs − kl_ref_logprobs)) estimates KL(π‖π_ref), without a gradient.
    First two: (answers,), nats; desirable: same, bool; kl_*: (m,), answers to measure z on.
    """
    z = (kl_logprobs - kl_ref_logprobs).mean().clamp(min=0).detach()
    gain = torch.where(desirable, 1, -1) * (logprobs - ref_logprobs - z)
    weight = torch.where(desirable, lambda_desirable, lambda_undesirable)
    return (weight * (1 - torch.sigmoid(beta * gain))).mean()


@exercise(
    difficulty=3,
    minutes=12,
    teaches="a soft way to leave out pairs that look mislabeled",
    why="The gradient of a log mean exp is a weighted mean, each pair weighted by its likelihood "
    "to the power 1/β′: a pair of high loss weighs little.",
    hints=[
        "Start from log σ(margin) of each pair, a log-likelihood: larger is better.",
        "log mean exp = logsumexp − log n. Divide by β′ before it, multiply by −β′ after.",
        "β′ → ∞ must give the DPO loss, β′ → 0 that of the easiest pair alone: try both.",
    ],
)
def dr_dpo_loss(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    ref_chosen: Tensor,
    ref_rejected: Tensor,
    beta: float,
    beta_prime: float,
) -> Tensor:
    """Distributionally robust DPO (Wu et al. 2024): −β′ log mean exp(log σ(margin) / β′).

    margin = r̂(chosen) − r̂(rejected), implicit rewards at β; the mean is over pairs. β′ → ∞
    gives the DPO loss; a small β′ leaves out the pairs of high loss, which may be mislabeled.
    The first four: (pairs,), log-probabilities of answers, in nats. Returns a scalar, in nats.
    """
    chosen = implicit_reward(policy_chosen, ref_chosen, beta)
    rejected = implicit_reward(policy_rejected, ref_rejected, beta)
    log_likelihood = F.logsigmoid(chosen - rejected)
    log_mean = torch.logsumexp(log_likelihood / beta_prime, 0) - math.log(len(log_likelihood))
    return -beta_prime * log_mean
