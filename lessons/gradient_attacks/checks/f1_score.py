"""How `f1_score` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.gradient_attacks.exercises import f1_score
from utils.grading import expect


def bools(text):
    return torch.tensor([c == "1" for c in text])


@f1_score.check
def four_cases_by_hand(fn):
    expect(fn(bools("1"), bools("1")), 1.0)
    expect(fn(bools("1100"), bools("1010")), 0.5)
    expect(fn(bools("1110"), bools("1000")), 0.5)  # precision 1/3, recall 1
    expect(fn(bools("1000"), bools("1110")), 0.5)  # precision 1, recall 1/3


@f1_score.check
def precision_and_recall_put_in(fn):
    for tp, fp, fn_, tn in ((3, 1, 2, 10), (1, 4, 0, 3), (5, 0, 5, 1), (2, 2, 2, 50)):
        predicted = bools("1" * (tp + fp) + "0" * (fn_ + tn))
        actual = bools("1" * tp + "0" * fp + "1" * fn_ + "0" * tn)
        p, r = tp / (tp + fp), tp / (tp + fn_)
        expect(fn(predicted, actual), 2 * p * r / (p + r))


@f1_score.check
def without_a_true_positive_it_is_0(fn):
    for a, b in (("0000", "1100"), ("1100", "0011"), ("00", "00"), ("11", "00")):
        expect(fn(bools(a), bools(b)), 0.0)


def _counts(predicted, actual):
    tp = (predicted & actual).sum().item()
    return tp, (predicted & ~actual).sum().item(), (~predicted & actual).sum().item()


@f1_score.mistake("accuracy: it counts the true negatives")
def _(predicted, actual):
    return (predicted == actual).double().mean().item()


@f1_score.mistake("the arithmetic mean of precision and recall")
def _(predicted, actual):
    tp, fp, fn = _counts(predicted, actual)
    return (tp / max(tp + fp, 1) + tp / max(tp + fn, 1)) / 2


@f1_score.mistake("precision alone")
def _(predicted, actual):
    tp, fp, _ = _counts(predicted, actual)
    return tp / max(tp + fp, 1)


@f1_score.mistake("recall alone")
def _(predicted, actual):
    tp, _, fn = _counts(predicted, actual)
    return tp / max(tp + fn, 1)


@f1_score.mistake("without the factor 2: TP/(TP + FP + FN) is the Jaccard index")
def _(predicted, actual):
    tp, fp, fn = _counts(predicted, actual)
    return tp / max(tp + fp + fn, 1)


@f1_score.mistake("divides by zero where there is no true positive")
def _(predicted, actual):
    tp, fp, fn = _counts(predicted, actual)
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return 2 * precision * recall / (precision + recall)


@f1_score.mistake("NaN where nothing was predicted and nothing was there")
def _(predicted, actual):
    both = (predicted & actual).sum()
    return (2 * both / (predicted.sum() + actual.sum())).item()


@f1_score.mistake("the geometric mean of precision and recall")
def _(predicted, actual):
    tp, fp, fn = _counts(predicted, actual)
    return (tp / max(tp + fp, 1) * tp / max(tp + fn, 1)) ** 0.5


@f1_score.mistake("False is taken for the positive class")
def _(predicted, actual):
    tp, fp, fn = _counts(~predicted, ~actual)
    return 2 * tp / max(2 * tp + fp + fn, 1)


@f1_score.right("by counts, in a loop")
def _(predicted, actual):
    pairs = list(zip(predicted.tolist(), actual.tolist(), strict=True))
    tp, wrong = sum(p and a for p, a in pairs), sum(p != a for p, a in pairs)
    return 2 * tp / (2 * tp + wrong) if tp else 0.0


@f1_score.right("by scikit-learn")
def _(predicted, actual):
    from sklearn.metrics import f1_score as theirs

    return float(theirs(actual.numpy(), predicted.numpy(), zero_division=0.0))
