"""What the learner writes in the lesson on red teaming."""

import math

import torch
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=12,
    teaches="an interval for a rate that still says something at 0 and near 1",
    why="The rates p that the count does not reject at z standard errors, where the standard error "
    "is p's own. Solved for p it is a quadratic: center and half width are its two roots.",
    given="blanks",
    hints=[
        "Which p lie z standard errors away: |rate − p| = z √(p(1 − p)/n). Square it.",
        "(1 + z²/n) p² − (2 rate + z²/n) p + rate² = 0. The center is half the sum of the roots.",
        "half = z/(1 + z²/n) · √( rate(1 − rate)/n + z²/(4n²) ).",
    ],
)
def wilson_interval(successes: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The score interval for a success rate (Wilson 1927), as (low, high).

    All p with |successes/n − p| ≤ z √(p (1 − p) / n). n: at least 1. Exact to 1e-6.
    """
    rate = successes / n
    shrink = 1 + z**2 / n
    center = (rate + z**2 / (2 * n)) / shrink  # blank: the middle of the two roots
    half = z / shrink * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))  # blank: half width
    return center - half, center + half


@exercise(
    difficulty=1,
    minutes=8,
    teaches="what finding nothing proves",
    why="At rate p all n attempts fail with chance (1 − p)ⁿ. The bound is the p at which that is "
    "just as unlikely as the confidence allows: any larger one would have shown itself.",
    given="signature",
    hints=[
        "With what chance do n independent attempts all fail, if each succeeds with chance p?",
        "Set that chance to 1 − confidence, and solve for p.",
        "For n = 198,000 the n-th root is within 1e-5 of 1: math.expm1 keeps the digits.",
    ],
)
def upper_bound_when_none_found(n: int, confidence: float = 0.95) -> float:
    """The largest success rate that n failures in n independent attempts leave possible.

    The exact one-sided bound: at that rate, finding nothing has chance 1 − confidence. Right to
    five digits for n from 1 to 1e9.
    """
    return -math.expm1(math.log(1 - confidence) / n)


@exercise(
    difficulty=2,
    minutes=12,
    teaches="an attacker's policy gradient, and the price it gets for variety",
    why="The derivative of an expectation over samples is the mean of reward times the gradient of "
    "their log-probability. Less the mean reward it is the same on average, and less noisy.",
    given="signature",
    hints=[
        "What should become likelier: attacks that earn more than the batch's mean. Weigh each "
        "log-probability by that advantage.",
        "No gradient flows through the advantage; rewards are numbers, so none does here.",
        "A loss is to fall: minus in front of both terms. The entropy is already one number.",
    ],
)
def attacker_loss(logprobs: Tensor, rewards: Tensor, entropy: Tensor, bonus: float) -> Tensor:
    """REINFORCE with the batch's mean reward as baseline, and a bonus for each nat of entropy.

    logprobs: (batch,), of the sampled attacks, in nats. rewards: (batch,), 1.0 for each that
    succeeded. entropy: scalar, of the attacker's policy, in nats. Returns the scalar to minimize,
    of logprobs' dtype: less the mean over the batch, less the bonus.
    """
    advantage = rewards - rewards.mean()
    return -(advantage * logprobs).mean() - bonus * entropy


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how varied a set of attacks is, which its success rate does not say",
    why="Of all pairs of two different attacks: the diagonal, each attack with itself, differs "
    "nowhere and would count as sameness.",
    given="signature",
    hints=[
        "attacks[:, None] != attacks[None] compares each with each, word by word.",
        "How many ordered pairs are there, without each attack and itself?",
        "Two copies of one attack are a pair: they differ in no place.",
    ],
)
def diversity(attacks: Tensor) -> float:
    """The share of places in which two attacks differ, over all pairs of two rows.

    attacks: (n, places), tokens, n at least 2. A row never makes a pair with itself, but two equal
    rows make one. Returns a number from 0 (all alike) to 1.
    """
    n = len(attacks)
    differ = (attacks[:, None] != attacks[None]).double().mean(-1)
    return (differ.sum() / (n * (n - 1))).item()


@exercise(
    difficulty=2,
    minutes=10,
    teaches="which seed or probe to try next: the best it can still be, not the best so far",
    why="The second term is how far a mean of so few tries may lie below the truth. It shrinks "
    "with the arm's own tries and grows, slowly, with everyone's.",
    given="page",
    hints=[
        "The mean of an arm: its successes by its tries.",
        "The width: c √(log(all tries together) / tries of this arm).",
        "An arm without tries: 0/0 is NaN, and NaN is never the largest. It must be infinity.",
    ],
)
def ucb(successes, tries, c):
    """Upper confidence bound of each arm (UCB1, Auer et al. 2002, has c = √2): mean plus width.

    successes, tries: (arms,), float tensors of counts. c: at least 0. An arm never tried has the
    score infinity, whatever c is. Returns a tensor (arms,) of their dtype, without NaN.
    """
    width = c * (tries.sum().clamp(min=1).log() / tries.clamp(min=1)).sqrt()
    score = successes / tries.clamp(min=1) + width
    return torch.where(tries > 0, score, torch.inf)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="a law that is a line once both axes are logarithms",
    why="log(−log ASR) = log a − b log N: a straight line in log N, which least squares fits.",
    given="signature",
    hints=[
        "Take the logarithm of both sides of −log ASR = a · N^(−b).",
        "A line through (log N, log(−log ASR)): slope −b, intercept log a. torch.linalg.lstsq, or "
        "covariance over variance.",
        "Where ASR is 0 or 1 the left side has no finite logarithm: leave those points out.",
    ],
)
def fit_power_law(n: Tensor, asr: Tensor) -> tuple[float, float]:
    """a and b of −log ASR(N) = a N^(−b) (Hughes et al. 2024), by least squares in log-log.

    n, asr: (points,). Points where asr is exactly 0 or 1 are left out; at least two others, at
    different n, remain. Right to four digits.
    """
    inside = (asr > 0) & (asr < 1)
    x, y = n[inside].double().log(), (-asr[inside].double().log()).log()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    intercept = y.mean() - slope * x.mean()
    return intercept.exp().item(), -slope.item()
