"""What the learner writes in the lesson on AI feedback (Bai et al. 2022; Lee et al. 2023)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=15,
    teaches="the loop of the first phase: draw a principle, criticize, revise, and again",
    why="Each round works on what the round before left, and each reply draws its own principle: "
    "so what one principle does not object to, a later one may.",
    given="blanks",
    hints=[
        "torch.multinomial(weights, n, replacement=True, generator=generator) draws n numbers.",
        "Both critique and revise are asked about the latest replies, not about the first.",
        "torch.where(flagged, proposed, latest) takes a new phrase only where one was flagged.",
    ],
)
def critique_and_revise(
    replies: Tensor,
    critique: Callable[[Tensor, Tensor], Tensor],
    revise: Callable[[Tensor, Tensor], Tensor],
    weights: Tensor,
    rounds: int,
    generator: torch.Generator,
) -> Tensor:
    """Rounds of critique and revision, a principle drawn anew for each reply in each round.

    replies: (n, length), phrases by number. critique(replies, which) says what the principles
    numbered `which`, (n,), object to: (n, length), bool. revise(replies, which) proposes other
    phrases: (n, length). Only what was objected to is replaced. weights: (principles,), how often
    each is drawn, of any sum above 0; draws come from generator. Returns (rounds + 1, n, length):
    the replies, and each revision. The replies given stay as they are.
    """
    revisions = [replies]
    for _ in range(rounds):
        latest = revisions[-1]
        which = torch.multinomial(weights, len(latest), True, generator=generator)  # blank: draw
        flagged = critique(latest, which)  # blank: what do the principles object to?
        latest = torch.where(flagged, revise(latest, which), latest)  # blank: replace that alone
        revisions.append(latest)
    return torch.stack(revisions)


@exercise(
    difficulty=2,
    minutes=15,
    teaches="from a multiple-choice answer to a label: normalized, both orders, clamped",
    why="A judge that likes what is shown first gives one response too much in one order and as "
    "much too little in the other, as far as probabilities near 0 and 1 leave room.",
    given="blanks",
    hints=[
        "The two letters need not have all of the probability: normalize over the two.",
        "In the swapped order response 1 is shown as B: its column is the other one.",
        "Average probabilities, not log-probabilities. Clamp the average.",
    ],
)
def preference_from_judge(
    logprobs: Tensor, swapped: Tensor | None = None, clamp: float | None = None
) -> Tensor:
    """Soft labels from a judge's multiple choice (Bai et al. 2022, 4.1; Lee et al. 2023, 2.1.1).

    logprobs: (pairs, 2), the judge's log-probabilities of the letters A and B, nats; response 1 was
    shown as A. swapped: the same with response 1 shown as B, or None if that was not asked.
    clamp: None, or an upper bound c from 1/2 to 1: labels are held between 1 − c and c.
    Returns (pairs,): the probability that response 1 is preferred, given that the answer is A or B,
    the mean over the orders asked, in the dtype of logprobs. Log-probabilities of −1000 must work.
    """
    label = logprobs.softmax(-1)[:, 0]  # blank: response 1, shown as A
    if swapped is not None:
        label = (label + swapped.softmax(-1)[:, 1]) / 2  # blank: and shown as B
    if clamp is not None:
        label = label.clamp(1 - clamp, clamp)  # blank: not beyond
    return label


@exercise(
    difficulty=1,
    minutes=8,
    teaches="learning from a label that is not sure of itself",
    why="The cross-entropy to a label p is least where the model itself says p: a label of 0.6 "
    "asks for a difference of 0.405 nats and no more, a label of 1 for an infinite one.",
    hints=[
        "The chance that the model gives to response 1 is σ of the difference of the two rewards.",
        "Two terms: label times the log of that chance, and the rest times the log of the other.",
        "F.logsigmoid is exact where log(sigmoid(x)) is minus infinity.",
    ],
)
def soft_preference_loss(reward_1: Tensor, reward_2: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy of a preference model to soft labels, the mean over pairs, in nats.

    reward_1, reward_2: (pairs,), the model's rewards. label: (pairs,), from 0 to 1, how probably
    response 1 is the better. Bradley and Terry's model turns the rewards into a probability.
    Returns a scalar. Differences of ±1000 must stay finite.
    """
    margin = reward_1 - reward_2
    return -(label * F.logsigmoid(margin) + (1 - label) * F.logsigmoid(-margin)).mean()


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what a preference model learns when each label is by a principle drawn at random",
    why="Over many labels the model fits their mean. A mean of probabilities is not the "
    "probability of a mean logit: one principle that is sure cannot shout the others down.",
    hints=[
        "With chance w a label comes from this principle. What is the mean label?",
        "First from logits to probabilities, then the mean.",
        "The weights need not sum to 1: divide by their sum.",
    ],
)
def ensemble_of_principles(logits: Tensor, weights: Tensor) -> Tensor:
    """The expected label of a pair, if a principle is drawn for each label (Bai et al. 2022, 4.1).

    logits: (principles, pairs), log-odds in nats that response 1 is better, by each principle.
    weights: (principles,), from 0 up, how often each is drawn, of any sum above 0.
    Returns (pairs,), probabilities.
    """
    chances = weights / weights.sum()
    return (chances[:, None] * torch.sigmoid(logits)).sum(0)


@exercise(
    difficulty=2,
    minutes=15,
    teaches="when two policies are level, and when there were only too few comparisons",
    why="Wilson's ends are the win rates from which the rate that was seen lies z standard errors "
    "away: unlike rate ± z standard errors they stay within 0 and 1, and are wide for few trials.",
    hints=[
        "A tie counts half, so the rate is the mean of the outcomes.",
        "An end p solves (rate − p)² = z² p (1 − p) / n. That is a quadratic equation in p.",
        "center = (rate + z²/2n) / (1 + z²/n); half = z/(1 + z²/n) · √(rate(1 − rate)/n + z²/4n²).",
    ],
)
def win_rate(outcomes: Tensor, z: float = 1.96) -> tuple[float, float, float]:
    """Win rate of one policy over another, with Wilson's interval (1927).

    outcomes: (n,), at least one: 1 where the first policy was preferred, 0 where the second, 0.5
    for a tie; floats, or whole numbers where there is no tie. The interval's ends are the p for
    which the rate lies z standard errors √(p (1 − p) / n) away from p.
    Returns (rate, low, high), plain floats.
    """
    n, rate = len(outcomes), outcomes.double().mean().item()
    shrink = 1 + z**2 / n
    center = (rate + z**2 / (2 * n)) / shrink
    half = z / shrink * math.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return rate, center - half, center + half


@exercise(
    difficulty=2,
    minutes=12,
    teaches="which policies nobody has a reason to refuse",
    why="A policy is off the front only if another is at least as good on both counts and better "
    "on one. Equal policies do not drive each other out.",
    given="page",
    hints=[
        "Compare each with each: (n, n) tables by harm[:, None] <= harm.",
        "j beats i if it is at least as good on both, and better on one of them.",
        "Two strict comparisons at once are too much: think of equal harm, less help.",
    ],
)
def harmless_helpful_front(harm, helpful):
    """Which policies lie on the front: no other is as good on both counts and better on one.

    harm, helpful: tensors (n,), one number a policy; less harm is better, more help is better.
    Returns (n,), bool.
    """
    no_worse = (harm[:, None] <= harm) & (helpful[:, None] >= helpful)  # [j, i]: j than i
    better = (harm[:, None] < harm) | (helpful[:, None] > helpful)
    return ~(no_worse & better).any(0)
