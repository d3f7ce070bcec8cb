"""What the learner writes in this lesson (Wilson 1927; Miller 2024; Hägele et al. 2026)."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=10,
    teaches="an interval for a share that stays inside 0 and 1",
    why="It holds every true share from which ours is at most z standard errors away, each error "
    "taken at that true share. So it does not shrink to a point at 0 or at n right answers.",
    given="blanks",
    hints=[
        "The center is the share with z²/2 right and z²/2 wrong answers added.",
        "Under the root stand two terms: p̂(1 − p̂)/n and z²/(4n²).",
    ],
)
def wilson_interval(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The Wilson score interval of a share (Wilson 1927): (low, high).

    right of n answers are right, n at least 1; z standard errors to each side.
    """
    share = right / n
    shrink = 1 + z**2 / n
    center = (share + z**2 / (2 * n)) / shrink  # blank: between the share and one half
    spread = share * (1 - share) / n + z**2 / (4 * n**2)  # blank: what stands under the root
    half = z * math.sqrt(spread) / shrink
    return center - half, center + half


@exercise(
    difficulty=2,
    minutes=15,
    teaches="how uncertain a mean is when questions come in groups",
    why="Errors of one group add up before they are squared: if they go the same way, they count "
    "together and not one by one.",
    given="blanks",
    hints=[
        "How far is each score from the mean of all scores? Not from its cluster's mean.",
        "Sum those within each cluster: index_add_, or a loop over cluster.unique().",
        "Square each cluster's sum, add up, take the root, divide by the number of scores.",
    ],
)
def clustered_standard_error(scores: Tensor, clusters: Tensor) -> float:
    """The standard error of the mean score when whole clusters were drawn (after Miller 2024).

    scores: (n,), of any dtype, bool too. clusters: (n,), a whole number a score, any numbers in
    any order. Without a correction for few clusters. Returns a number.
    """
    away = scores.double() - scores.double().mean()  # blank: of each score, from the mean
    number = clusters.unique(return_inverse=True)[1]  # 0, 1, 2, … in place of the clusters' names
    sums = torch.zeros(int(number.max()) + 1, dtype=torch.float64)
    sums = sums.index_add(0, number, away)  # blank: how far each cluster is away, in sum
    return sums.square().sum().sqrt().item() / len(scores)  # blank: one number


@exercise(
    difficulty=2,
    minutes=10,
    teaches="why two models are compared question by question",
    why="What makes a question hard for both models is in both scores, and cancels in their "
    "difference. Only what they differ in is left to vary.",
    hints=[
        "Subtract question by question first; then it is one model's problem again.",
        "You have a function for the standard error of a mean with clusters.",
    ],
)
def paired_difference(first: Tensor, second: Tensor, clusters: Tensor) -> tuple[float, float]:
    """By how much the first model is better, and the standard error of that: (difference, error).

    first, second: (n,), the scores of two models on the same questions, bool or numbers.
    clusters: (n,), as in clustered_standard_error.
    """
    differences = first.double() - second.double()
    return differences.mean().item(), clustered_standard_error(differences, clusters)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how many questions it takes to see a difference",
    why="The difference must stand z standard errors above 0, and still do so when chance takes as "
    "many of them away as it does at most in the share `power` of tests.",
    hints=[
        "The standard error of a mean of n differences is sd / √n.",
        "NormalDist().inv_cdf(0.8) is 0.84: in 80 % of tests chance takes away less than that.",
        "The effect must be z plus that many standard errors long. Solve for n, and round up: 10.2 "
        "questions are not to be had.",
    ],
)
def required_items(effect: float, sd: float, power: float, z: float = 1.96) -> int:
    """The least number of independent questions that shows a true difference of two models.

    effect: the true mean difference, not 0. sd: the standard deviation of the difference from
    question to question, above 0. power: the chance that the test shows it, from 0.5 to below 1.
    z: as many standard errors from 0, on the side of the effect, a difference counts as shown. The
    mean of the differences is normal. A number within 1e-6 above a whole one counts as that one.
    """
    luck = NormalDist().inv_cdf(power)  # standard errors that chance may take away
    return math.ceil(((z + luck) * sd / effect) ** 2 - 1e-6)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how contamination is looked for, and what that cannot see",
    why="A sequence of n words that stands in both texts is unlikely by chance if n is large. A "
    "question in other words has no such sequence.",
    hints=[
        "An item of k words has k − n + 1 n-grams, if k is at least n.",
        "Put the corpus's n-grams into a set of tuples, each text by itself.",
    ],
)
def contamination_score(item: Sequence[int], corpus: Sequence[Sequence[int]], n: int) -> float:
    """The share of an item's n-grams (n words in a row) that stand somewhere in the corpus.

    item: words, as numbers. corpus: texts, each words as numbers; an n-gram does not run from one
    text into the next. An n-gram that stands in the item twice counts twice. 0.0 if the item has
    fewer than n words. n is at least 1.
    """
    known = {tuple(text[i : i + n]) for text in corpus for i in range(len(text) - n + 1)}
    grams = [tuple(item[i : i + n]) for i in range(len(item) - n + 1)]
    return sum(gram in known for gram in grams) / len(grams) if grams else 0.0


@exercise(
    difficulty=2,
    minutes=15,
    teaches="the two errors of a threshold, each with its own model in mind",
    why="The test sees k right of n. For each k, the rule decides; the chance of k comes from the "
    "true capability. A false trigger and a miss are the same sum for two capabilities.",
    hints=[
        "For which k does the rule trigger? Compare k / n with the threshold.",
        "The chance of k right of n is math.comb(n, k) · p^k · (1 − p)^(n − k).",
    ],
)
def false_trigger_and_miss(
    threshold: float, n: int, harmless: float, dangerous: float
) -> tuple[float, float]:
    """How often a capability threshold errs, exactly: (false trigger, miss).

    A model is asked n independent questions (n at most 1000). The rule triggers if the share of
    right answers, k / n, is at or above the threshold. False trigger: it triggers on a model whose
    chance to be right is `harmless`. Miss: it does not on one whose chance is `dangerous`.
    """

    def triggers(p: float) -> float:
        return sum(
            math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1) if k / n >= threshold
        )

    return triggers(harmless), 1 - triggers(dangerous)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what agreement says, and when it says nothing",
    why="Who agrees with a user who is right may simply be right. Who would have said the same "
    "without the user has not been turned.",
    hints=[
        "On which questions does agreeing show anything?",
        "Without a claim, does the answer happen to be the same already?",
    ],
)
def sycophancy_rate(answers: Tensor, alone: Tensor, claims: Tensor, truth: Tensor) -> float:
    """How often a wrong claim of the user turns an answer, as a share.

    answers, alone: (n,), the answers with the user's claim in the prompt and without any. claims,
    truth: (n,), what the user says and what is right. Of the questions with a wrong claim that is
    not the answer alone already, the share that is answered as the user says. 0.0 without any.
    """
    counts = (claims != truth) & (alone != claims)
    return (answers[counts] == claims[counts]).float().mean().item() if counts.any() else 0.0


@exercise(
    difficulty=2,
    minutes=15,
    teaches="which part of an error is the same every time, and which is not",
    why="The answer is its mean plus what varies around it. In the mean square, what is multiplied "
    "with both parts averages to zero, so the two squares add up.",
    hints=[
        "Write the right answer as a vector: 1 at its place, 0 elsewhere (F.one_hot).",
        "Drawn answers are such vectors, too. Their mean is the row of chances itself.",
        "The squared length of an answer's vector is 1, whichever answer it is.",
    ],
)
def bias_and_variance(chances: Tensor, truth: Tensor) -> tuple[float, float]:
    """The error of drawn answers, in two parts: (bias², variance), each a mean over questions.

    An answer is a vector with a 1 at its label and 0 elsewhere; its error is its squared distance
    from the right answer's. chances: (questions, labels), the chance of each label when a question
    is asked again and again; rows sum to 1. truth: (questions,), the right labels.
    """
    target = F.one_hot(truth, chances.shape[-1])
    squared_bias = (chances - target).square().sum(-1)
    variance = 1 - chances.square().sum(-1)
    return squared_bias.mean().item(), variance.mean().item()
