"""What the learner writes in the weak-to-strong lesson (Hinton et al. 2015; Burns et al. 2023)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.exercises import exercise


@exercise(
    difficulty=2,
    minutes=15,
    teaches="soft targets, temperature, and why T² stands in front",
    given="blanks",
    hints=[
        "Divide both sets of logits by the temperature, then take log_softmax over the classes.",
        "The teacher is the truth here: KL(p‖q) = Σ p (log p − log q), p the teacher's.",
        "Soft gradients shrink as 1/T². What factor brings them back to the size of the hard ones?",
    ],
    why=(
        "T² undoes the 1/T² by which soft gradients shrink, so alpha alone says how much "
        "each part counts."
    ),
)
def distillation_loss(
    student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float, alpha: float
) -> Tensor:
    """α T² KL(p ‖ q) + (1 − α) CE, each the mean over examples (Hinton et al. 2015, section 2).

    p and q: the teacher's and the student's softmax at this temperature; no gradient reaches the
    teacher. CE: cross-entropy of the student at temperature 1 with the labels.
    Logits: (batch, classes), also of ±1000. labels: (batch,), class numbers. Returns a scalar in
    nats (natural logarithms), in the dtype of the logits.
    """
    log_q = F.log_softmax(student_logits / temperature, dim=-1)  # blank: student's log q
    log_p = F.log_softmax(teacher_logits.detach() / temperature, dim=-1)  # blank: teacher's log p
    kl = (log_p.exp() * (log_p - log_q)).sum(-1)  # blank: KL(p ‖ q) of each example
    hard = F.cross_entropy(student_logits, labels)  # the labels, at temperature 1
    return alpha * temperature**2 * kl.mean() + (1 - alpha) * hard  # blank: both, weighted


@exercise(
    difficulty=1,
    minutes=8,
    teaches="the yardstick of the field, and where it stops meaning anything",
    hints=[
        "Two differences: what was gained over the supervisor, and what there was to gain.",
        "0 is as good as the supervisor, 1 as good as the ceiling. Negative and above 1 may occur.",
        "If the ceiling is not above the supervisor, nothing could be recovered: torch.where, nan.",
    ],
    why=(
        "A gain counts only against the gain that was possible; where none was, no share of "
        "it exists, and nan says so."
    ),
)
def performance_gap_recovered(
    weak: Tensor, weak_to_strong: Tensor, strong_ceiling: Tensor
) -> Tensor:
    """The share of the gap between supervisor and ceiling that the student closes.

    What it gains over the supervisor, as a share of what the ceiling has over the supervisor (Burns
    et al. 2023, section 3).

    Performances, such as accuracies, as float tensors of shapes that broadcast; so is the result,
    in their dtype.
    nan where the ceiling is not above the supervisor: there was nothing to recover.
    """
    gap = strong_ceiling - weak
    return torch.where(gap > 0, (weak_to_strong - weak) / gap, torch.nan)


@exercise(
    difficulty=3,
    minutes=20,
    teaches="letting a student disagree with its supervisor",
    hints=[
        "Both terms are cross-entropies of the same student answers, with two different targets.",
        "If a share s of the batch shall lie above a threshold, it is the (1 − s)-quantile.",
        "A comparison has no gradient, so f̂ is a constant of itself: (f > t).to(dtype).",
        "f > t is logit f > log(t / (1 − t)); logits do not saturate.",
    ],
    why=(
        "Cross-entropy is linear in its target, so two weighted targets are one mixed "
        "target; a comparison passes no gradient."
    ),
)
def confidence_loss(
    student_logits: Tensor, weak_probabilities: Tensor, alpha: float, threshold: float | None = None
) -> Tensor:
    """(1 − α) CE(f, w) + α CE(f, f̂), the mean over the batch (Burns et al. 2023, appendix).

    f = σ(student_logits): the student's probability of yes. w: the supervisor's.
    f̂ is f hardened: 1 where f > threshold, else 0; a constant. Both: (batch,). α from 0 to 1.
    threshold None: balanced, the (1 − mean of w)-quantile of f over the batch, so that f̂ says yes
    as often as w does. CE(f, y) = −y log f − (1 − y) log(1 − f), also at logits of ±1000. Returns
    a scalar in nats, in the dtype of the inputs (so f̂ has that dtype too).
    """
    if threshold is None:
        cut = torch.quantile(student_logits.detach(), 1 - weak_probabilities.mean())
    else:
        cut = torch.tensor(threshold).logit().to(student_logits.dtype)
    hardened = (student_logits > cut).to(student_logits.dtype)
    target = (1 - alpha) * weak_probabilities + alpha * hardened
    return F.binary_cross_entropy_with_logits(student_logits, target)


@exercise(
    difficulty=2,
    minutes=15,
    teaches="how sure a mean over a few seeds is",
    given="page",
    hints=[
        "torch.randint(n, (resamples, n), generator=generator) draws with replacement.",
        "values[rows] has the shape (resamples, n, ...): average over the n, not the resamples.",
        "95 % in the middle leaves 2.5 % on either side: torch.quantile(means, ..., dim=0).",
    ],
    why=(
        "Sets of rows drawn with replacement stand in for other samples of the same size, "
        "and their means spread as such means would."
    ),
)
def bootstrap_interval(values, generator):
    """The 95 % percentile bootstrap interval of the mean over the first axis (Efron 1979).

    values: (n, ...), a row per independent repetition. Draw n rows with replacement, whole rows, at
    least 2,000 times, average each draw, and return the 2.5 % and 97.5 % quantiles of these means:
    shape (2, ...), low then high, in the dtype of values. All randomness comes from `generator`.
    """
    n = len(values)
    rows = torch.randint(n, (4000, n), generator=generator)
    means = values[rows].mean(1)
    return torch.quantile(means, torch.tensor([0.025, 0.975], dtype=values.dtype), dim=0)
