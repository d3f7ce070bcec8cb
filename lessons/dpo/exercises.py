"""What the learner writes in the DPO lesson (Rafailov et al. 2023 and its relatives)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=6,
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

    Only up to a constant that depends on the prompt alone: leave out β log Z.
    logprobs, ref_logprobs: log-probabilities of whole answers, in nats, of any one shape.
    Returns that shape and dtype, in units of reward.
    """
    log_ratio = logprobs - ref_logprobs  # blank: log of policy over reference
    return beta * log_ratio  # blank: from nats to reward


@exercise(
    difficulty=2,
    minutes=15,
    teaches="RLHF as a classification loss, and what label smoothing assumes",
    why="Bradley and Terry ask only for the difference of two rewards, in which Z cancels: what is "
    "left is a classifier of pairs whose logit is the margin.",
    given="blanks",
    hints=[
        "Put the implicit reward into Bradley-Terry: the probability that chosen beats rejected "
        "is σ of the difference of their rewards.",
        "F.logsigmoid is exact where log(sigmoid(x)) is minus infinity.",
        "label_smoothing is the chance that a label is flipped: with it, rejected should have won. "
        "Weigh the two losses by their chances.",
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

    With label_smoothing = ε each label is believed with chance 1 − ε only, and with chance ε the
    other order was right: the loss is the expected one (conservative DPO, Mitchell 2023).
    The first four: (pairs,), log-probabilities of answers, in nats. label_smoothing: from 0 to 1/2.
    Returns a scalar, in nats, of their dtype. Margins of ±1000 must stay finite.
    """
    chosen = implicit_reward(policy_chosen, ref_chosen, beta)
    rejected = implicit_reward(policy_rejected, ref_rejected, beta)
    margin = chosen - rejected  # blank: by how much chosen leads
    right, flipped = F.logsigmoid(margin), F.logsigmoid(-margin)  # the two log-likelihoods
    loss = -(1 - label_smoothing) * right - label_smoothing * flipped  # blank: expected over both
    return loss.mean()  # blank: over the pairs


@exercise(
    difficulty=2,
    minutes=12,
    teaches="which pairs DPO learns from: those that it still gets wrong",
    why="The slope of −log σ(m) is −σ(−m): the chance that the policy's own reward gives to the "
    "other order.",
    hints=[
        "The chain rule first: how does the margin change with log π(chosen), and with "
        "log π(rejected)? That gives β and the bracket. What is left is the slope of −log σ(m).",
        "−log σ(m) = log(1 + exp(−m)). Differentiate that.",
        "The slope is −exp(−m) / (1 + exp(−m)). Which sigmoid is it? The weight is its size.",
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

    The gradient of the loss is −β E[ w · (∇ log π(chosen) − ∇ log π(rejected)) ]. Differentiate,
    and return w: (pairs,), each between 0 and 1. β in front is not part of it.
    The first four: (pairs,), log-probabilities of answers, in nats. Weights far below 1e-7, of
    pairs long learned, must not be rounded to 0.
    """
    chosen = implicit_reward(policy_chosen, ref_chosen, beta)
    rejected = implicit_reward(policy_rejected, ref_rejected, beta)
    return torch.sigmoid(rejected - chosen)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="a margin that stops growing: regression to a target instead of a sigmoid",
    why="A squared distance is least at its target, 1/(2β), so the margin stops there, even where "
    "no comparison was ever lost.",
    given="page",
    hints=[
        "The margin here is in nats: the log-ratio of chosen minus that of rejected, no beta.",
        "The target is halfway between that of a won comparison, 1/β, and that of a lost one, 0.",
        "Overshooting costs as much as falling short.",
    ],
)
def ipo_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta):
    """Identity preference optimization (Azar et al. 2023, eq. 17), the mean over pairs.

    A regression: the squared distance of each pair's margin from its target. The margin h is
    the log-ratio of policy over reference, chosen less rejected, in nats. Their τ is our β.
    The first four: (pairs,), log-probabilities of whole answers, in nats. Returns a scalar, nats².
    """
    h = (policy_chosen - ref_chosen) - (policy_rejected - ref_rejected)
    return ((h - 1 / (2 * beta)) ** 2).mean()


@exercise(
    difficulty=3,
    minutes=20,
    teaches="learning from thumbs up and down: gains, losses and a reference point",
    why="σ is flat far from the reference point, so that neither a large gain nor a large loss "
    "pulls much further. Without a gradient through z the policy cannot win by moving it.",
    hints=[
        "z first: the mean of kl_logprobs − kl_ref_logprobs, not below 0, detached.",
        "A desirable answer gains where its log-ratio is above z, an undesirable one below it: "
        "turn the sign of the whole difference inside the sigmoid.",
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
    """Kahneman-Tversky optimization (Ethayarajh et al. 2024): the mean of λ − v over all answers.

    v is the value of an answer, from 0 to λ: λ_D times σ of β times its gain if it is desirable,
    λ_U times σ of β times minus its gain if not. The gain is counted in nats from z, an estimate
    of KL(π‖π_ref) that is never negative and through which no gradient flows.
    First two: (answers,), nats; desirable: same, bool; kl_*: (m,), answers to measure z on.
    Returns a scalar. Labels may all be alike.
    """
    z = (kl_logprobs - kl_ref_logprobs).mean().clamp(min=0).detach()
    gain = logprobs - ref_logprobs - z
    signed_gain = torch.where(desirable, gain, -gain)
    weight = torch.where(desirable, lambda_desirable, lambda_undesirable)
    value = weight * torch.sigmoid(beta * signed_gain)
    return (weight - value).mean()


@exercise(
    difficulty=3,
    minutes=15,
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
    """Distributionally robust DPO (Wu et al. 2024): DPO that softly leaves out pairs of high loss.

    Every pair has a likelihood under DPO, at β. Raise each to the power 1/β′, take the mean over
    the pairs, and turn the mean back into a loss in nats, so that any number of equal pairs costs
    what one of them costs.
    The first four: (pairs,), log-probabilities of answers, in nats. Returns a scalar. Margins of
    ±1000 must stay finite.
    """
    chosen = implicit_reward(policy_chosen, ref_chosen, beta)
    rejected = implicit_reward(policy_rejected, ref_rejected, beta)
    log_likelihood = F.logsigmoid(chosen - rejected)
    log_mean = torch.logsumexp(log_likelihood / beta_prime, 0) - math.log(len(log_likelihood))
    return -beta_prime * log_mean
