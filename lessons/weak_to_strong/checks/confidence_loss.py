"""How `confidence_loss` is judged: checks, mistakes, right answers."""

import math

import torch
import torch.nn.functional as F

from lessons.weak_to_strong.checks.shared import gradient, one_number
from lessons.weak_to_strong.exercises import confidence_loss
from utils.grading import expect, require


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
    got = one_number(fn(torch.zeros(1), torch.tensor([0.3]), 0.0, 0.5))
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
def an_answer_at_the_threshold_is_no(fn):
    logits, weak = torch.tensor([0.0, 2.0]), torch.tensor([0.25, 0.5])
    got = gradient(fn, logits, weak, 1.0, 0.5)  # the loss at f = ½ is the same for yes and no
    wanted = [0.25, (math.exp(_log_sigmoid(2.0)) - 1) / 2]
    given = {"student_logits": logits, "weak_probabilities": weak, "alpha": 1.0, "threshold": 0.5}
    expect(got, torch.tensor(wanted), **given)


@confidence_loss.check
def a_threshold_of_zero_is_one(fn):
    logits, weak = torch.tensor([-2.0, 1.0, -0.5]), torch.tensor([0.1, 0.3, 0.2])
    expected = _confidence_by_hand(logits, weak, 1.0, [1.0, 1.0, 1.0])
    expect(fn(logits, weak, 1.0, 0.0), torch.tensor(expected))


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
            got = gradient(fn, logits, weak, alpha, threshold)
            given = {"student_logits": logits, "weak_probabilities": weak}
            expect(got, torch.tensor(wanted), **given, alpha=alpha, threshold=threshold)


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
        double = torch.is_tensor(got) and got.dtype == torch.float64
        require(double, "float64 from float64", str(getattr(got, "dtype", got)))
        expected = _confidence_by_hand(logits, weak, 0.3, hardened)
        close = abs(got.item() - expected) < 1e-10
        require(close, f"{expected!r}, to the precision of float64", f"{got.item()!r}")


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


@confidence_loss.mistake("a float32 target for float64 logits: use .to(student_logits.dtype)")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, threshold).float()
    weak = F.binary_cross_entropy_with_logits(student_logits, weak_probabilities)
    own = F.binary_cross_entropy_with_logits(student_logits, hardened)
    return (1 - alpha) * weak + alpha * own


@confidence_loss.mistake("a loss of probabilities, whose log torch clamps at −100: take the logits")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, threshold)
    target = (1 - alpha) * weak_probabilities + alpha * hardened
    return F.binary_cross_entropy(student_logits.sigmoid(), target)


@confidence_loss.mistake(
    "an answer exactly at the threshold counts as yes: >= where > is asked for"
)
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, threshold)
    if threshold is not None:
        cut = torch.tensor(threshold).logit().to(student_logits.dtype)
        hardened = (student_logits >= cut).to(student_logits.dtype)
    return _mixed(student_logits, weak_probabilities, hardened, alpha)


@confidence_loss.mistake("a threshold of 0 counts as none given: ask `is None`")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, threshold or None)
    return _mixed(student_logits, weak_probabilities, hardened, alpha)


@confidence_loss.mistake("summed over the batch, not averaged")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, threshold)
    return len(student_logits) * _mixed(student_logits, weak_probabilities, hardened, alpha)


@confidence_loss.mistake("the weak labels are hardened too: the supervisor's doubts are lost")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, threshold)
    weak = (weak_probabilities > 0.5).to(student_logits.dtype)
    return _mixed(student_logits, weak, hardened, alpha)


@confidence_loss.mistake("a sigmoid before a loss that takes logits: it is applied twice")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    hardened = _harden(student_logits, weak_probabilities, threshold)
    return _mixed(student_logits.sigmoid(), weak_probabilities, hardened, alpha)


@confidence_loss.right("as two cross-entropies, with the yes by rank")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    with torch.no_grad():
        if threshold is None:
            rank = student_logits.argsort().argsort()
            own = rank > (1 - weak_probabilities.mean()) * (len(rank) - 1)
        else:
            own = student_logits.sigmoid() > threshold
    weak = F.binary_cross_entropy_with_logits(student_logits, weak_probabilities)
    sure = F.binary_cross_entropy_with_logits(student_logits, own.to(student_logits.dtype))
    return (1 - alpha) * weak + alpha * sure


@confidence_loss.right("by softplus, with the quantile of the probabilities")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    f = student_logits.detach().sigmoid()
    if threshold is None:
        threshold = f.quantile(1 - weak_probabilities.mean())
    own = torch.where(f > threshold, 1.0, 0.0).to(f.dtype)
    target = (1 - alpha) * weak_probabilities + alpha * own
    return (F.softplus(student_logits) - target * student_logits).mean()


@confidence_loss.right("as a softmax over two columns, no and yes")
def _(student_logits, weak_probabilities, alpha, threshold=None):
    columns = torch.stack([torch.zeros_like(student_logits), student_logits], 1)
    yes = columns.softmax(1)[:, 1].detach()
    cut = yes.quantile(1 - weak_probabilities.mean()) if threshold is None else threshold
    target = weak_probabilities + alpha * ((yes > cut).to(yes.dtype) - weak_probabilities)
    return F.cross_entropy(columns, torch.stack([1 - target, target], 1))
