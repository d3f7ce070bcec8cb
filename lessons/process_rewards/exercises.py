"""What the learner writes in the lesson on process rewards (Lightman et al. 2023 and others)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=1,
    minutes=10,
    teaches="one score for a whole solution, from scores of its steps",
    why="The chance that every step is right is the product of their chances, if errors come "
    "independently; in logarithms a sum. What is padding must be neutral: 0 in a sum, infinity in "
    "a minimum.",
    given="blanks",
    hints=[
        "A product of probabilities is a sum of their logarithms.",
        "What may stand at a padded step so that a sum does not notice it? So that a minimum "
        "does not?",
        "The last real step stands at the number of real steps, less one.",
    ],
)
def solution_score(step_logprobs: Tensor, real: Tensor, how: str) -> Tensor:
    """The log-probability that a solution is right, from those of its steps.

    how: "product" of the steps' chances (Lightman et al. 2023, section 2.6), "minimum" of them
    (Wang et al. 2023), or "last": the chance of the last real step alone.
    step_logprobs: (..., steps), nats. real: the same shape, bool, True up to a solution's length,
    at least once; padding may hold any number, infinite ones, too. Returns (...).
    """
    if how == "product":
        return torch.where(real, step_logprobs, 0).sum(-1)  # blank: padding does not count
    if how == "minimum":
        return torch.where(real, step_logprobs, torch.inf).amin(-1)  # blank: of real steps
    last = real.sum(-1, keepdim=True) - 1  # blank: where the last real step stands
    return step_logprobs.gather(-1, last).squeeze(-1)


@exercise(
    difficulty=2,
    minutes=15,
    teaches="learning from labels of steps, and which steps have none",
    why="A mask, no zero weight after the fact: a label of −1 must not be learned as 'wrong', and "
    "the mean is over the steps that count, or long padding would make the loss small.",
    given="blanks",
    hints=[
        "First make a bool tensor of the steps that count.",
        "cumsum of the errors, this step's own not included, says how many came before it.",
        "F.binary_cross_entropy_with_logits on the steps that count alone takes their mean.",
    ],
)
def process_loss(logits: Tensor, labels: Tensor, stop_at_first_error: bool = True) -> Tensor:
    """Mean cross-entropy of step labels, in nats (Lightman et al. 2023, section 2.6).

    logits: (solutions, steps), of each step being right. labels: the same shape: 1 right, 0 wrong,
    between them the chance of right, −1 no label (padding, or nobody knows). With
    stop_at_first_error nothing counts after the first label 0 of a solution; that label counts.
    At least one step counts. Returns a scalar of the logits' dtype; logits of ±1000 stay finite.
    """
    counts = labels >= 0  # blank: which steps have a label
    if stop_at_first_error:
        wrong = (labels == 0).long()
        before = wrong.cumsum(1) - wrong  # blank: how many errors came before each step
        counts = counts & (before == 0)
    known = labels[counts].to(logits.dtype)
    return F.binary_cross_entropy_with_logits(logits[counts], known)  # blank: over these alone


@exercise(
    difficulty=2,
    minutes=12,
    teaches="learning from final answers, with the logarithm of 1 − p computed safely",
    why="exp(log p) rounds to 1 where p is close to 1, and log(1 − 1) is minus infinity. expm1 "
    "keeps the digits that the subtraction loses.",
    hints=[
        "A right solution costs −log p, a wrong one −log(1 − p).",
        "1 − exp(x) for x just below 0: what does torch.expm1 compute?",
        "log(1 − p) = log(−expm1(log p)). torch.where chooses by the answer.",
    ],
)
def outcome_loss(logprobs: Tensor, right: Tensor) -> Tensor:
    """Mean cross-entropy of final answers, in nats.

    logprobs: (solutions,), the log-probability of each solution being right, below 0.
    right: the same shape, bool: whether its final answer is. Returns a scalar. In float64 a
    log-probability of −1e-15 and one of −1000 must stay exact to five digits.
    """
    log_wrong = torch.log(-torch.expm1(logprobs))  # log(1 − p)
    return -torch.where(right, logprobs, log_wrong).mean()


@exercise(
    difficulty=3,
    minutes=25,
    teaches="best-of-n without luck: every choice of n from a pool at once, ties included",
    why="The best of n scores at most s if all n do: C(#≤s, n) of C(N, n) choices. The difference "
    "to those that score less is the chance of a level, and its members share it.",
    hints=[
        "With which chance do all n draws come from the c solutions that score at most s?",
        "C(c, n) / C(N, n). The chance that the best scores exactly s is a difference of two.",
        "Solutions of equal score share their level's chance evenly. torch.searchsorted counts, "
        "with right=True those that score as much or less; lgamma keeps binomials finite.",
    ],
)
def best_of_n_accuracy(right: Tensor, scores: Tensor, n: int) -> Tensor:
    """The chance that the best-scored of n solutions is right, over all choices of n from a pool.

    Drawn without replacement; of equally good scores one is taken evenly by chance. The mean over
    problems. right: (problems, N), bool. scores: the same shape, any order-preserving unit.
    n: 1 to N; N may be 1,000. Returns a scalar float64 tensor, right to 1e-5.
    """
    count = torch.arange(scores.shape[1] + 1, dtype=torch.float64)
    log_ways = torch.lgamma(count + 1) - torch.lgamma((count - n + 1).clamp(min=1))
    log_ways = torch.where(count >= n, log_ways, -torch.inf)  # log C(count, n), up to a constant
    all_among = (log_ways - log_ways[-1]).exp()  # the chance that all n come from so many

    ranked = scores.sort(1).values
    no_better = torch.searchsorted(ranked, scores.contiguous(), right=True)
    worse = torch.searchsorted(ranked, scores.contiguous())
    level = all_among[no_better] - all_among[worse]
    return (level / (no_better - worse) * right).sum(1).mean()


@exercise(
    difficulty=2,
    minutes=12,
    teaches="voting where some votes count for more",
    why="Weights are added per answer, so they must be chances: logarithms are negative, and every "
    "further vote would count against its answer.",
    hints=[
        "An answer's votes are the sum of the weights of the solutions that gave it.",
        "F.one_hot(answers, n_answers), or scatter_add into zeros of (problems, n_answers).",
    ],
)
def weighted_vote(answers: Tensor, weights: Tensor, n_answers: int) -> Tensor:
    """Each problem's answer with the largest sum of weights (Uesato et al. 2022; Wang et al. 2023).

    answers: (problems, n), whole numbers from 0 to n_answers − 1. weights: the same shape, float,
    0 or more, at least one of a problem above 0; all equal, it is majority voting.
    Returns (problems,), int64; of equal sums the smallest answer.
    """
    given = F.one_hot(answers, n_answers) * weights[..., None]
    return given.sum(1).argmax(1)


@exercise(
    difficulty=1,
    minutes=8,
    teaches="labels of steps from nothing but final answers",
    why="A completion tells whether the pupil can still get there. 'At least once' is generous to "
    "wrong steps, the share strict with right ones.",
    hints=[
        "reached is bool: any over the completions, or their mean.",
        "Padded steps have no label: −1, as process_loss takes it.",
    ],
)
def rollout_labels(reached: Tensor, real: Tensor, how: str) -> Tensor:
    """Labels of steps by completing the solution from each of them (Wang et al. 2023).

    reached: (solutions, steps, k), bool, whether each of k completions from after that step ends
    in the right answer. real: (solutions, steps), bool. how: "hard", 1 if at least one does and
    else 0, or "soft", the share. Padded steps get −1. Returns (solutions, steps), float32.
    """
    labels = reached.any(2).float() if how == "hard" else reached.float().mean(2)
    return torch.where(real, labels, -1.0)


@exercise(
    difficulty=2,
    minutes=15,
    teaches="which solutions to have labeled: those that fool the verifier",
    why="A wrong answer that scores high proves that some step is wrong which the verifier likes. "
    "The answer is free to check; the label says which step.",
    given="page",
    hints=[
        "How many wrong ones: round(share · k). The others may be of either kind.",
        "Put the right ones at minus infinity to rank the wrong ones among themselves.",
        "Give those chosen first a score of plus infinity; the best k of all are then the answer.",
    ],
)
def most_convincing_wrong(scores, right, k, share=0.8):
    """Which k solutions of each problem to have labeled (Lightman et al. 2023, section 4.2).

    First the round(share · k) best-scored among those whose answer is wrong, or all of these if
    there are fewer. Then, up to k in all, the best-scored of the others, right or wrong.
    scores: (problems, N), no two of a problem alike. right: the same shape, bool. k: 1 to N.
    Returns (problems, k), the places of the chosen in their rows, in any order.
    """
    among_wrong = torch.where(right, -torch.inf, scores)
    place = among_wrong.argsort(1, descending=True).argsort(1)  # 0: the most convincing one
    first = ~right & (place < round(share * k))
    return torch.where(first, torch.inf, scores).topk(k).indices
