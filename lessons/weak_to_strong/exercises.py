"""What the learner writes in the weak-to-strong lesson (Hinton et al. 2015; Burns et al. 2023)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from utils.exercises import exercise, expect, require


def _number(loss):
    """See that a loss is one finite number."""
    require(torch.is_tensor(loss) and loss.shape == (), "a scalar tensor", loss)
    require(bool(torch.isfinite(loss)), "a finite loss", loss)
    return loss


def _softmax(row, temperature=1.0):
    """Probabilities of one row of logits, in plain numbers."""
    top = max(row)
    weights = [math.exp((x - top) / temperature) for x in row]
    return [w / sum(weights) for w in weights]


def _gradient(fn, logits, *args):
    """What a loss sends back to the student's logits."""
    logits = logits.clone().requires_grad_()
    loss = _number(fn(logits, *args))
    require(loss.requires_grad, "a loss through which the student learns", loss)
    return torch.autograd.grad(loss, logits)[0]


@exercise(
    difficulty=2,
    minutes=12,
    teaches="soft targets, temperature, and why T² stands in front",
    given="blanks",
    hints=[
        "Divide both sets of logits by the temperature, then take log_softmax over the classes.",
        "The teacher is the truth here: KL(p‖q) = Σ p (log p − log q), p the teacher's.",
        "Soft gradients shrink as 1/T². What factor brings them back to the size of the hard ones?",
    ],
)
def distillation_loss(
    student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float, alpha: float
) -> Tensor:
    """α T² KL(p ‖ q) + (1 − α) CE, each the mean over examples (Hinton et al. 2015, section 2).

    p and q: the teacher's and the student's softmax at this temperature; no gradient reaches the
    teacher. CE: cross-entropy of the student at temperature 1 with the labels.
    Logits: (batch, classes). labels: (batch,), class numbers. Returns a scalar, in nats.
    """
    log_q = F.log_softmax(student_logits / temperature, dim=-1)  # blank: student's log q
    log_p = F.log_softmax(teacher_logits.detach() / temperature, dim=-1)  # blank: teacher's log p
    kl = (log_p.exp() * (log_p - log_q)).sum(-1)  # blank: KL(p ‖ q) of each example
    hard = F.cross_entropy(student_logits, labels)  # the labels, at temperature 1
    return alpha * temperature**2 * kl.mean() + (1 - alpha) * hard  # blank: both, weighted


def _logits(seed, batch, classes, dtype=torch.float32, scale=2.0):
    g = torch.Generator().manual_seed(seed)
    student, teacher = torch.randn(2, batch, classes, generator=g, dtype=torch.float64) * scale
    labels = torch.randint(classes, (batch,), generator=g)
    return student.to(dtype), teacher.to(dtype), labels


def _distillation_by_hand(student, teacher, labels, temperature, alpha):
    total = 0.0
    for s, t, label in zip(student.tolist(), teacher.tolist(), labels.tolist(), strict=True):
        q, p = _softmax(s, temperature), _softmax(t, temperature)
        kl = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
        total += alpha * temperature**2 * kl - (1 - alpha) * math.log(_softmax(s)[label])
    return total / len(labels)


@distillation_loss.check
def a_student_like_its_teacher_costs_nothing(fn):
    for batch in (1, 3):
        student, _, labels = _logits(0, batch, 4)
        for temperature in (1.0, 5.0):
            got = _number(fn(student, student.clone(), labels, temperature, 1.0))
            expect(got, torch.tensor(0.0))


@distillation_loss.check
def one_example_of_two_classes_by_hand(fn):
    student, label = torch.tensor([[0.0, 0.0]]), torch.tensor([0])
    teacher = torch.tensor([[math.log(3.0), 0.0]])  # p = (3/4, 1/4) at temperature 1
    kl = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    expect(fn(student, teacher, label, 1.0, 1.0), torch.tensor(kl))
    expect(fn(student, 2 * teacher, label, 2.0, 1.0), torch.tensor(4 * kl))
    expect(fn(student, teacher, label, 3.0, 0.0), torch.tensor(math.log(2)))


@distillation_loss.check
def the_direction_is_teacher_to_student(fn):
    student, teacher = torch.tensor([[2.0, 0.0, -1.0]]), torch.tensor([[0.0, 0.5, 0.0]])
    label = torch.tensor([2])
    expected = _distillation_by_hand(student, teacher, label, 1.0, 1.0)
    expect(fn(student, teacher, label, 1.0, 1.0), torch.tensor(expected))


@distillation_loss.check
def it_is_the_mean_written_out(fn):
    for batch, classes, temperature, alpha in (
        (2, 3, 1.0, 0.5), (5, 4, 3.0, 0.9), (3, 7, 0.5, 0.3), (4, 4, 8.0, 0.7),
    ):  # fmt: skip
        inputs = _logits(batch, batch, classes)
        expected = _distillation_by_hand(*inputs, temperature, alpha)
        expect(fn(*inputs, temperature, alpha), torch.tensor(expected), tol=1e-4)


@distillation_loss.check
def gradients_are_those_of_the_formula(fn):
    for temperature, alpha in ((1.0, 0.5), (4.0, 0.8), (4.0, 1.0)):
        student, teacher, labels = _logits(9, 3, 5)
        wanted = []
        for s, t, label in zip(student.tolist(), teacher.tolist(), labels.tolist(), strict=True):
            q, p, now = _softmax(s, temperature), _softmax(t, temperature), _softmax(s)
            soft = [temperature * (b - a) for a, b in zip(p, q, strict=True)]  # T² · 1/T
            hard = [x - (i == label) for i, x in enumerate(now)]
            both = zip(soft, hard, strict=True)
            wanted.append([(alpha * a + (1 - alpha) * b) / len(labels) for a, b in both])
        got = _gradient(fn, student, teacher, labels, temperature, alpha)
        expect(got, torch.tensor(wanted), tol=1e-4, temperature=temperature, alpha=alpha)


@distillation_loss.check
def warm_gradients_tend_to_a_difference_of_logits(fn):
    student, teacher, labels = _logits(4, 2, 3)
    centered = (student - student.mean(1, keepdim=True)) - (teacher - teacher.mean(1, keepdim=True))
    got = _gradient(fn, student.double(), teacher.double(), labels, 1000.0, 1.0)
    expect(got, centered.double() / (2 * 3), tol=5e-3, temperature=1000.0)


@distillation_loss.check
def the_teacher_gets_no_gradient(fn):
    student, teacher, labels = _logits(6, 3, 4)
    student.requires_grad_()
    teacher.requires_grad_()
    loss = _number(fn(student, teacher, labels, 2.0, 0.5))
    got = torch.autograd.grad(loss, (student, teacher), allow_unused=True)[1]
    require(got is None or not bool(got.any()), "no gradient for teacher_logits", got)


@distillation_loss.check
def extreme_logits_stay_finite(fn):
    student, teacher = torch.tensor([[1000.0, -1000.0]]), torch.tensor([[-1000.0, 1000.0]])
    label = torch.tensor([1])
    expect(fn(student, teacher, label, 1.0, 1.0), torch.tensor(2000.0))
    expect(fn(student, teacher, label, 4.0, 0.5), torch.tensor(5000.0))
    expect(fn(teacher, teacher.clone(), label, 1.0, 0.5), torch.tensor(0.0))


@distillation_loss.check
def float64_stays_float64(fn):
    inputs = _logits(5, 3, 4, torch.float64)
    got = fn(*inputs, 2.0, 0.4)
    require(torch.is_tensor(got) and got.dtype == torch.float64, "float64 from float64", got)
    expected = _distillation_by_hand(*inputs, 2.0, 0.4)
    expect(got, torch.tensor(expected, dtype=torch.float64), tol=1e-10)


def _parts(student, teacher, labels, temperature):
    """For the mistakes: log q, log p and the hard loss."""
    log_q = F.log_softmax(student / temperature, -1)
    log_p = F.log_softmax(teacher.detach() / temperature, -1)
    return log_q, log_p, F.cross_entropy(student, labels)


def _kl(log_p, log_q):
    return (log_p.exp() * (log_p - log_q)).sum(-1).mean()


@distillation_loss.mistake("T² is forgotten: the warmer, the less the soft targets count")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    return alpha * _kl(log_p, log_q) + (1 - alpha) * hard


@distillation_loss.mistake("the KL runs the wrong way: from the student to the teacher")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    return alpha * temperature**2 * _kl(log_q, log_p) + (1 - alpha) * hard


@distillation_loss.mistake("the softmax runs over the examples instead of the classes")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q = F.log_softmax(student_logits / temperature, 0)
    log_p = F.log_softmax(teacher_logits.detach() / temperature, 0)
    hard = F.cross_entropy(student_logits, labels)
    return alpha * temperature**2 * _kl(log_p, log_q) + (1 - alpha) * hard


@distillation_loss.mistake("alpha weighs the labels instead of the soft targets")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    return (1 - alpha) * temperature**2 * _kl(log_p, log_q) + alpha * hard


@distillation_loss.mistake("averaged over classes too: kl_div's default, off by the class count")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    kl = (log_p.exp() * (log_p - log_q)).mean()
    return alpha * temperature**2 * kl + (1 - alpha) * hard


@distillation_loss.mistake("only the teacher is softened, the student answers at temperature 1")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    log_q = F.log_softmax(student_logits, -1)
    return alpha * temperature**2 * _kl(log_p, log_q) + (1 - alpha) * hard


@distillation_loss.mistake("the labels are compared with softened answers, not at temperature 1")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, _ = _parts(student_logits, teacher_logits, labels, temperature)
    hard = F.nll_loss(log_q, labels)
    return alpha * temperature**2 * _kl(log_p, log_q) + (1 - alpha) * hard


@distillation_loss.mistake("cross-entropy with the teacher instead of KL: not 0 for a perfect copy")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q, log_p, hard = _parts(student_logits, teacher_logits, labels, temperature)
    soft = -(log_p.exp() * log_q).sum(-1).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * hard


@distillation_loss.mistake("the teacher is not detached: it would learn from its student")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    log_q = F.log_softmax(student_logits / temperature, -1)
    log_p = F.log_softmax(teacher_logits / temperature, -1)
    hard = F.cross_entropy(student_logits, labels)
    return alpha * temperature**2 * _kl(log_p, log_q) + (1 - alpha) * hard


@distillation_loss.mistake("log of a softmax that has underflowed to 0: infinite or nan")
def _(student_logits, teacher_logits, labels, temperature, alpha):
    q = (student_logits / temperature).softmax(-1)
    p = (teacher_logits.detach() / temperature).softmax(-1)
    kl = (p * (p / q).log()).sum(-1).mean()
    return alpha * temperature**2 * kl + (1 - alpha) * F.cross_entropy(student_logits, labels)


@exercise(
    difficulty=1,
    minutes=5,
    teaches="the yardstick of the field, and where it stops meaning anything",
    hints=[
        "Two differences: what was gained over the supervisor, and what there was to gain.",
        "0 is as good as the supervisor, 1 as good as the ceiling. Negative and above 1 may occur.",
        "If the ceiling is not above the supervisor, nothing could be recovered: torch.where, nan.",
    ],
)
def performance_gap_recovered(
    weak: Tensor, weak_to_strong: Tensor, strong_ceiling: Tensor
) -> Tensor:
    """The share of the gap between supervisor and ceiling that the student closes.

    What it gains over the supervisor, as a share of what the ceiling has over the supervisor (Burns
    et al. 2023, section 3).

    Performances, such as accuracies, as float tensors of shapes that broadcast; so is the result.
    nan where the ceiling is not above the supervisor: there was nothing to recover.
    """
    gap = strong_ceiling - weak
    return torch.where(gap > 0, (weak_to_strong - weak) / gap, torch.nan)


def _three(*values):
    return tuple(torch.tensor(v) for v in values)


@performance_gap_recovered.check
def supervisor_and_ceiling_are_zero_and_one(fn):
    expect(fn(*_three(0.6, 0.6, 0.9)), torch.tensor(0.0))
    expect(fn(*_three(0.6, 0.9, 0.9)), torch.tensor(1.0))
    expect(fn(*_three(0.6, 0.75, 0.9)), torch.tensor(0.5))


@performance_gap_recovered.check
def a_quarter_of_the_way_is_a_quarter(fn):
    for low, high in ((0.5, 0.9), (0.75, 1.0), (-2.0, 6.0), (10.0, 110.0)):
        for share in (0.25, 0.8):
            student = low + share * (high - low)
            expect(fn(*_three(low, student, high)), torch.tensor(share), tol=1e-4)


@performance_gap_recovered.check
def it_may_be_negative_or_above_one(fn):
    expect(fn(*_three(0.5, 0.25, 1.0)), torch.tensor(-0.5))
    expect(fn(*_three(0.5, 1.0, 0.75)), torch.tensor(2.0))


@performance_gap_recovered.check
def without_a_gap_there_is_no_share_of_it(fn):
    nan = torch.tensor(torch.nan)
    for student in (0.6, 0.7, 0.5):
        expect(fn(*_three(0.6, student, 0.6)), nan)
    expect(fn(*_three(0.9, 0.8, 0.7)), nan)


@performance_gap_recovered.check
def a_whole_grid_at_once(fn):
    weak = torch.tensor([[0.5, 0.8], [0.5, 0.5]])
    student, ceiling = (
        torch.tensor([[0.7, 0.8], [0.4, 0.6]]),
        torch.tensor([[0.9, 0.8], [0.6, 0.6]]),
    )
    expect(fn(weak, student, ceiling), torch.tensor([[0.5, torch.nan], [-1.0, 1.0]]), tol=1e-4)
    weak, ceiling = torch.tensor([[0.5], [0.0]]), torch.tensor([1.0, 2.0, 0.5])
    student = torch.tensor([[0.75], [0.5]])
    expected = torch.tensor([[0.5, 1 / 6, torch.nan], [0.5, 0.25, 1.0]])
    expect(fn(weak, student, ceiling), expected)


@performance_gap_recovered.check
def every_entry_has_its_own_gap(fn):
    weak, student = torch.tensor([0.5, 0.5]), torch.tensor([0.55, 0.8])
    expect(fn(weak, student, torch.tensor([0.6, 1.0])), torch.tensor([0.5, 0.6]), tol=1e-4)


@performance_gap_recovered.check
def small_gaps_and_precision_are_kept(fn):
    values = [torch.tensor([x], dtype=torch.float64) for x in (0.9, 0.90000003, 0.9000001)]
    got = fn(*values)
    require(torch.is_tensor(got) and got.dtype == torch.float64, "float64 from float64", got)
    expect(got, torch.tensor([0.3], dtype=torch.float64), tol=1e-5)


@performance_gap_recovered.mistake("divided by the ceiling, not by the gap")
def _(weak, weak_to_strong, strong_ceiling):
    return torch.where(strong_ceiling > weak, (weak_to_strong - weak) / strong_ceiling, torch.nan)


@performance_gap_recovered.mistake("the share of the ceiling that is reached: 0.6 of 0.9 is no 0")
def _(weak, weak_to_strong, strong_ceiling):
    return torch.where(strong_ceiling > weak, weak_to_strong / strong_ceiling, torch.nan)


@performance_gap_recovered.mistake("the share that is missing, not the share recovered")
def _(weak, weak_to_strong, strong_ceiling):
    gap = strong_ceiling - weak
    return torch.where(gap > 0, (strong_ceiling - weak_to_strong) / gap, torch.nan)


@performance_gap_recovered.mistake("no gap counts as 0 recovered, and pulls every mean down")
def _(weak, weak_to_strong, strong_ceiling):
    gap = strong_ceiling - weak
    return torch.where(gap > 0, (weak_to_strong - weak) / gap, 0.0)


@performance_gap_recovered.mistake("divides by a gap of 0, or a negative one: inf, or a false gain")
def _(weak, weak_to_strong, strong_ceiling):
    return (weak_to_strong - weak) / (strong_ceiling - weak)


@performance_gap_recovered.mistake("cut to between 0 and 1: harm no longer shows")
def _(weak, weak_to_strong, strong_ceiling):
    gap = strong_ceiling - weak
    return torch.where(gap > 0, ((weak_to_strong - weak) / gap).clamp(0, 1), torch.nan)


@performance_gap_recovered.mistake("a small number is added to the gap: small gaps come out wrong")
def _(weak, weak_to_strong, strong_ceiling):
    gap = strong_ceiling - weak
    return torch.where(gap > 0, (weak_to_strong - weak) / (gap + 1e-8), torch.nan)


@performance_gap_recovered.mistake("one gap for all entries: the mean's")
def _(weak, weak_to_strong, strong_ceiling):
    gap = strong_ceiling - weak
    return torch.where(gap > 0, (weak_to_strong - weak) / gap.mean(), torch.nan)


@exercise(
    difficulty=3,
    minutes=15,
    teaches="letting a student disagree with its supervisor",
    hints=[
        "Both terms are cross-entropies of the same student answers, with two different targets.",
        "If a share s of the batch shall lie above a threshold, it is the (1 − s)-quantile.",
        "A comparison has no gradient, so f̂ is a constant of itself: (f > t).to(dtype).",
        "f > t is logit f > log(t / (1 − t)); logits do not saturate.",
    ],
)
def confidence_loss(
    student_logits: Tensor, weak_probabilities: Tensor, alpha: float, threshold: float | None = None
) -> Tensor:
    """(1 − α) CE(f, w) + α CE(f, f̂), the mean over the batch (Burns et al. 2023, appendix).

    f = σ(student_logits): the student's probability of yes. w: the supervisor's.
    f̂ is f hardened: 1 where f > threshold, else 0; a constant. Both: (batch,). α from 0 to 1.
    threshold None: balanced, the (1 − mean of w)-quantile of f over the batch, so that f̂ says yes
    as often as w does. CE(f, y) = −y log f − (1 − y) log(1 − f). Returns a scalar, in nats.
    """
    if threshold is None:
        cut = torch.quantile(student_logits.detach(), 1 - weak_probabilities.mean())
    else:
        cut = torch.tensor(threshold).logit().to(student_logits.dtype)
    hardened = (student_logits > cut).to(student_logits.dtype)
    target = (1 - alpha) * weak_probabilities + alpha * hardened
    return F.binary_cross_entropy_with_logits(student_logits, target)


def _log_sigmoid(x):
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


def _confidence_by_hand(logits, weak, alpha, hardened):
    """The loss for given hardened labels, in plain loops."""
    total = 0.0
    for z, w, h in zip(logits.tolist(), weak.tolist(), hardened, strict=True):
        for y, weight in ((w, 1 - alpha), (h, alpha)):
            total -= weight * (y * _log_sigmoid(z) + (1 - y) * _log_sigmoid(-z))
    return total / len(logits)


def _above(logits, threshold):
    return [float(1 / (1 + math.exp(-z)) > threshold) for z in logits.tolist()]


def _top(logits, k):
    """1 for the k largest, else 0: a balanced threshold, when k is the expected number."""
    cut = sorted(logits.tolist())[-k]
    return [float(z >= cut) for z in logits.tolist()]


def _doubtful(seed, batch, yes, dtype=torch.float32):
    """Logits without ties, and weak probabilities that expect `yes` of the batch to be 1."""
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, generator=g, dtype=torch.float64) * 2 + 1
    noise = torch.rand(batch, generator=g, dtype=torch.float64)
    weak = 0.3 + 0.4 * noise
    return logits.to(dtype), (weak + yes / batch - weak.mean()).to(dtype)


@confidence_loss.check
def without_alpha_it_is_cross_entropy_with_the_weak_labels(fn):
    got = _number(fn(torch.zeros(1), torch.tensor([0.3]), 0.0, 0.5))
    expect(got, torch.tensor(math.log(2)))
    logits, weak = _doubtful(0, 5, 2)
    for threshold in (None, 0.5, 0.9):
        expected = _confidence_by_hand(logits, weak, 0.0, [0.0] * 5)
        expect(fn(logits, weak, 0.0, threshold), torch.tensor(expected))


@confidence_loss.check
def one_answer_by_hand(fn):
    for z, hardened in ((2.0, 1.0), (-1.0, 0.0)):
        logits, weak = torch.tensor([z]), torch.tensor([0.25])
        for alpha in (0.5, 1.0):
            expected = _confidence_by_hand(logits, weak, alpha, [hardened])
            expect(fn(logits, weak, alpha, 0.5), torch.tensor(expected))


@confidence_loss.check
def a_given_threshold_is_a_probability(fn):
    logits, weak = torch.tensor([0.3, 1.0, 2.5, -0.6]), torch.tensor([0.5, 0.2, 0.9, 0.4])
    for threshold in (0.3, 0.5, 0.6, 0.8):
        expected = _confidence_by_hand(logits, weak, 0.6, _above(logits, threshold))
        expect(fn(logits, weak, 0.6, threshold), torch.tensor(expected))


@confidence_loss.check
def the_balanced_threshold_says_yes_as_often_as_the_weak_labels(fn):
    logits = torch.tensor([0.5, 1.0, 2.0, 4.0])  # all above one half
    for yes in (1, 2, 3):
        weak = torch.full((4,), yes / 4)
        expected = _confidence_by_hand(logits, weak, 1.0, _top(logits, yes))
        expect(fn(logits, weak, 1.0), torch.tensor(expected))


@confidence_loss.check
def balanced_and_mixed_written_out(fn):
    for seed, (batch, yes) in enumerate(((2, 1), (5, 1), (10, 3), (10, 7), (20, 11))):
        logits, weak = _doubtful(seed, batch, yes)
        for alpha in (0.25, 0.75):
            expected = _confidence_by_hand(logits, weak, alpha, _top(logits, yes))
            expect(fn(logits, weak, alpha, None), torch.tensor(expected), tol=1e-4)


@confidence_loss.check
def weak_labels_of_one_kind_mostly(fn):
    logits, weak = torch.tensor([-3.0, -2.0, -1.0, -0.5]), torch.tensor([0.1, 0.2, 0.4, 0.3])
    expected = _confidence_by_hand(logits, weak, 0.5, [0.0, 0.0, 0.0, 1.0])
    expect(fn(logits, weak, 0.5), torch.tensor(expected))


@confidence_loss.check
def hardened_labels_are_constants_in_the_gradient(fn):
    for threshold in (None, 0.6):
        logits, weak = _doubtful(7, 6, 3)
        hardened = _top(logits, 3) if threshold is None else _above(logits, threshold)
        for alpha in (0.0, 0.4, 1.0):
            rows = zip(logits.tolist(), weak.tolist(), hardened, strict=True)
            wanted = [
                (math.exp(_log_sigmoid(z)) - (1 - alpha) * w - alpha * h) / 6 for z, w, h in rows
            ]
            got = _gradient(fn, logits, weak, alpha, threshold)
            expect(got, torch.tensor(wanted), threshold=threshold, alpha=alpha)


@confidence_loss.check
def logits_of_a_thousand_stay_finite(fn):
    logits, weak = torch.tensor([1000.0, -1000.0]), torch.tensor([0.0, 1.0])
    for threshold in (None, 0.5):
        expect(fn(logits, weak, 0.0, threshold), torch.tensor(1000.0))
        expect(fn(logits, weak, 1.0, threshold), torch.tensor(0.0))
        expect(fn(logits, weak, 0.25, threshold), torch.tensor(750.0))


@confidence_loss.check
def float64_is_kept(fn):
    logits, weak = _doubtful(3, 8, 3, torch.float64)
    for threshold, hardened in ((None, _top(logits, 3)), (0.7, _above(logits, 0.7))):
        got = fn(logits, weak, 0.3, threshold)
        require(torch.is_tensor(got) and got.dtype == torch.float64, "float64 from float64", got)
        expected = _confidence_by_hand(logits, weak, 0.3, hardened)
        expect(got, torch.tensor(expected, dtype=torch.float64), tol=1e-10)


def _harden(logits, weak, threshold):
    """For the mistakes: the hardened labels as they should be."""
    if threshold is None:
        cut = torch.quantile(logits.detach(), 1 - weak.mean())
    else:
        cut = torch.tensor(threshold).logit().to(logits.dtype)
    return (logits > cut).to(logits.dtype)


def _mixed(logits, weak, hardened, alpha):
    return F.binary_cross_entropy_with_logits(logits, (1 - alpha) * weak + alpha * hardened)


@confidence_loss.mistake("the threshold is one half whatever the balance: one answer can take over")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, 0.5 if threshold is None else threshold)
    return _mixed(student_logits, weak_probabilities, hardened, alpha)


@confidence_loss.mistake("the given threshold is ignored")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, None)
    return _mixed(student_logits, weak_probabilities, hardened, alpha)


@confidence_loss.mistake("always half the batch, though the weak labels say yes more or less often")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    half = torch.full_like(weak_probabilities, 0.5)
    hardened = _harden(student_logits, half, threshold)
    return _mixed(student_logits, weak_probabilities, hardened, alpha)


@confidence_loss.mistake("the quantile of the share of yes, not of 1 minus it: yes and no swap")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, 1 - weak_probabilities, threshold)
    return _mixed(student_logits, weak_probabilities, hardened, alpha)


@confidence_loss.mistake("hardens the supervisor's answers instead of the student's own")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(weak_probabilities.logit(), weak_probabilities, threshold)
    return _mixed(student_logits, weak_probabilities, hardened, alpha)


@confidence_loss.mistake("the student's answers are not hardened: the second term is plain entropy")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    own = student_logits.sigmoid()
    return _mixed(student_logits, weak_probabilities, own, alpha)


@confidence_loss.mistake("soft own answers, detached: they only scale the weak gradient down")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    return _mixed(student_logits, weak_probabilities, student_logits.sigmoid().detach(), alpha)


@confidence_loss.mistake("gradients go through the hardened labels (a straight-through estimate)")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    soft = student_logits.sigmoid()
    hardened = _harden(student_logits, weak_probabilities, threshold) + soft - soft.detach()
    return _mixed(student_logits, weak_probabilities, hardened, alpha)


@confidence_loss.mistake("the student is detached: nothing can be learned from this loss")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, threshold)
    return _mixed(student_logits.detach(), weak_probabilities, hardened, alpha)


@confidence_loss.mistake("alpha weighs the weak labels instead of the student's own")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, threshold)
    return _mixed(student_logits, weak_probabilities, hardened, 1 - alpha)


@confidence_loss.mistake("alpha is added on top: the weak labels keep their full weight")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, threshold)
    weak = _mixed(student_logits, weak_probabilities, hardened, 0.0)
    return weak + alpha * _mixed(student_logits, weak_probabilities, hardened, 1.0)


@confidence_loss.mistake("the logits are compared with a threshold that is a probability")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, None)
    if threshold is not None:
        hardened = (student_logits > threshold).to(student_logits.dtype)
    return _mixed(student_logits, weak_probabilities, hardened, alpha)


@confidence_loss.mistake("log of a sigmoid that has reached 0: infinite or nan")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, threshold)
    target = (1 - alpha) * weak_probabilities + alpha * hardened
    f = student_logits.sigmoid()
    return -(target * f.log() + (1 - target) * (1 - f).log()).mean()


@exercise(
    difficulty=2,
    minutes=12,
    teaches="how sure a mean over a few seeds is",
    given="page",
    hints=[
        "torch.randint(n, (resamples, n), generator=generator) draws with replacement.",
        "values[rows] has the shape (resamples, n, ...): average over the n, not the resamples.",
        "95 % in the middle leaves 2.5 % on either side: torch.quantile(means, ..., dim=0).",
    ],
)
def bootstrap_interval(values, generator):
    """The 95 % percentile bootstrap interval of the mean over the first axis (Efron 1979).

    values: (n, ...), a row per independent repetition. Draw n rows with replacement, whole rows, at
    least 2,000 times, average each draw, and return the 2.5 % and 97.5 % quantiles of these means:
    shape (2, ...), low then high. All randomness comes from `generator`.
    """
    n = len(values)
    rows = torch.randint(n, (4000, n), generator=generator)
    means = values[rows].mean(1)
    return torch.quantile(means, torch.tensor([0.025, 0.975], dtype=values.dtype), dim=0)


def _interval(fn, values, seed=0):
    """Call an answer, and see that it returns a low and a high end of the right shape."""
    got = fn(values, torch.Generator().manual_seed(seed))
    require(torch.is_tensor(got), "a tensor", got)
    shape = (2, *values.shape[1:])
    require(tuple(got.shape) == shape, f"shape {shape}", tuple(got.shape))
    require(bool((got[0] <= got[1] + 1e-6).all()), "low first, then high", got)
    return got


@bootstrap_interval.check
def what_never_varies_has_no_width(fn):
    expect(_interval(fn, torch.tensor([3.0])), torch.tensor([3.0, 3.0]))
    expect(_interval(fn, torch.full((4,), -2.0)), torch.tensor([-2.0, -2.0]))
    same = torch.tensor([1.0, 2.0, 3.0]).expand(4, 3)
    expect(_interval(fn, same), torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]))


@bootstrap_interval.check
def two_values_may_both_be_drawn_twice(fn):
    expect(_interval(fn, torch.tensor([0.0, 1.0])), torch.tensor([0.0, 1.0]))
    expect(_interval(fn, torch.tensor([5.0, -3.0])), torch.tensor([-3.0, 5.0]))


def _exact(zeros, ones):
    """The interval for zeros and ones, from the binomial distribution of the mean."""
    n = zeros + ones
    chance = [math.comb(n, k) * ones**k * zeros ** (n - k) / n**n for k in range(n + 1)]
    return torch.tensor(
        [
            next(k / n for k in range(n + 1) if sum(chance[: k + 1]) >= level)
            for level in (0.025, 0.975)
        ]
    )


@bootstrap_interval.check
def zeros_and_ones_follow_the_binomial_distribution(fn):
    for zeros, ones in ((4, 1), (3, 1), (1, 3), (5, 5), (9, 1)):
        values = torch.tensor([0.0] * zeros + [1.0] * ones)
        expect(_interval(fn, values, seed=zeros), _exact(zeros, ones), values=values)


@bootstrap_interval.check
def its_width_is_nearly_four_standard_errors(fn):
    values = torch.linspace(-1, 1, 50)
    half = [(_interval(fn, values, seed).diff() / 2).item() for seed in range(10)]
    normal = 1.96 * values.std(correction=0).item() / math.sqrt(50)
    mean = sum(half) / len(half)
    require(abs(mean / normal - 1) < 0.04, f"half the width is nearly {normal:.4f}", mean)


@bootstrap_interval.check
def it_resamples_often_enough_to_be_steady(fn):
    values = torch.linspace(-1, 1, 50)
    ends = torch.stack([_interval(fn, values, seed) for seed in range(12)])
    noise = (ends.std(0) / (values.std() / math.sqrt(50))).mean().item()
    require(noise < 0.11, "ends that differ little from one generator to the next", noise)


@bootstrap_interval.check
def it_runs_over_the_first_axis(fn):
    values = torch.tensor([[0.0, 10.0, 5.0], [1.0, 10.0, 5.0]])
    expect(_interval(fn, values), torch.tensor([[0.0, 10.0, 5.0], [1.0, 10.0, 5.0]]))
    deep = torch.stack([torch.zeros(2, 3), torch.ones(2, 3)])
    expect(_interval(fn, deep), deep)


@bootstrap_interval.check
def whole_rows_are_drawn(fn):
    g = torch.Generator().manual_seed(5)
    one = torch.randn(12, generator=g)
    got = _interval(fn, torch.stack([one, one, 3 * one + 1], 1))
    expect(got[:, 1], got[:, 0])
    expect(got[:, 2], 3 * got[:, 0] + 1, tol=1e-4)


@bootstrap_interval.check
def it_moves_and_scales_with_the_values(fn):
    g = torch.Generator().manual_seed(6)
    values = torch.randn(9, generator=g) ** 2
    expect(_interval(fn, 10 + 2 * values), 10 + 2 * _interval(fn, values), tol=1e-4)


@bootstrap_interval.check
def the_generator_decides(fn):
    before = torch.random.get_rng_state()
    values = torch.linspace(0, 1, 30) ** 2
    a, b, c = (_interval(fn, values, seed) for seed in (0, 0, 1))
    require(torch.equal(a, b), "the same generator state gives the same interval", b)
    require(not torch.equal(a, c), "another seed gives another", c)
    untouched = torch.equal(before, torch.random.get_rng_state())
    require(untouched, "torch's global random state unused", "it was used")


@bootstrap_interval.check
def double_precision_is_kept(fn):
    got = _interval(fn, torch.tensor([0.0, 1.0], dtype=torch.float64))
    expect(got, torch.tensor([0.0, 1.0], dtype=torch.float64))
    require(got.dtype == torch.float64, "float64 from float64", str(got.dtype))


def _resampled(values, generator, resamples=4000):
    """For the mistakes: the means of resamples."""
    n = len(values)
    return values[torch.randint(n, (resamples, n), generator=generator)].mean(1)


def _middle(means, low=0.025, high=0.975):
    return torch.quantile(means, torch.tensor([low, high], dtype=means.dtype), dim=0)


@bootstrap_interval.mistake("drawn without replacement: every resample is the same set of rows")
def _(values, generator):
    n = len(values)
    rows = torch.stack([torch.randperm(n, generator=generator) for _ in range(2000)])
    return _middle(values[rows].mean(1))


@bootstrap_interval.mistake("resamples and averages over the last axis")
def _(values, generator):
    n = values.shape[-1]
    rows = torch.randint(n, (4000, n), generator=generator)
    return _middle(values[..., rows].mean(-1).movedim(-1, 0))


@bootstrap_interval.mistake("the middle 90 %: 5 % are left on either side")
def _(values, generator):
    return _middle(_resampled(values, generator), 0.05, 0.95)


@bootstrap_interval.mistake("quantiles of the values themselves: not the spread of their mean")
def _(values, generator):
    torch.randint(2, (1,), generator=generator)
    return _middle(values)


@bootstrap_interval.mistake("each entry is drawn by itself: rows do not stay together")
def _(values, generator):
    n = len(values)
    flat = values.reshape(n, -1)
    rows = torch.randint(n, (4000, n, flat.shape[1]), generator=generator)
    means = torch.stack([flat[rows[..., j], j].mean(1) for j in range(flat.shape[1])], 1)
    return _middle(means).reshape(2, *values.shape[1:])


@bootstrap_interval.mistake("the median of each resample instead of its mean")
def _(values, generator):
    n = len(values)
    return _middle(values[torch.randint(n, (4000, n), generator=generator)].median(1).values)


@bootstrap_interval.mistake("mean ± 1.96 standard errors: skewed values have no such interval")
def _(values, generator):
    means = _resampled(values, generator)
    half = 1.96 * means.std(0)
    return torch.stack([values.mean(0) - half, values.mean(0) + half])


@bootstrap_interval.mistake("reflected about the mean: the basic interval, not the percentile one")
def _(values, generator):
    return (2 * values.mean(0) - _middle(_resampled(values, generator))).flip(0)


@bootstrap_interval.mistake("the lowest and the highest mean of all resamples")
def _(values, generator):
    means = _resampled(values, generator)
    return torch.stack([means.amin(0), means.amax(0)])


@bootstrap_interval.mistake("the generator is not used: the global random state is")
def _(values, generator):
    n = len(values)
    return _middle(values[torch.randint(n, (4000, n))].mean(1))


@bootstrap_interval.mistake("a hundred resamples: too few to say where 2.5 % lie")
def _(values, generator):
    return _middle(_resampled(values, generator, 100))
