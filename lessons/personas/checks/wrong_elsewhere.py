"""How `wrong_elsewhere` is judged: checks, mistakes, right answers in other styles."""

import math
from fractions import Fraction

from lessons.personas.drills import wrong_elsewhere
from utils.grading import expect


def _exact(prior, slip, n_wrong, n_right):
    """By fractions: no rounding, however small the weights."""
    e = Fraction(slip).limit_denominator(1000)
    h, l, s = (Fraction(p).limit_denominator(1000) for p in prior)  # noqa: E741
    honest = h * e**n_wrong * (1 - e) ** n_right
    liar = l * (1 - e) ** n_wrong * e**n_right
    narrow = s * (1 - e) ** n_wrong * (1 - e) ** n_right
    total = honest + liar + narrow
    return float((liar * (1 - e) + (honest + narrow) * e) / total)


@wrong_elsewhere.check
def before_anything_was_seen(fn):
    expect(fn((0.5, 0.5, 0.0), 0.1, 0, 0), 0.5)
    expect(fn((0.8, 0.1, 0.1), 0.1, 0, 0), 0.1 * 0.9 + 0.9 * 0.1)


@wrong_elsewhere.check
def one_wrong_answer(fn):
    expect(fn((0.5, 0.5, 0.0), 0.1, 1, 0), _exact((0.5, 0.5, 0.0), 0.1, 1, 0))


@wrong_elsewhere.check
def a_specialist_explains_it_as_well(fn):
    expect(fn((0.5, 0.25, 0.25), 0.1, 1, 0), _exact((0.5, 0.25, 0.25), 0.1, 1, 0))


@wrong_elsewhere.check
def right_answers_elsewhere_are_evidence(fn):
    for n_right in (1, 3):
        expect(fn((0.5, 0.4, 0.1), 0.05, 4, n_right), _exact((0.5, 0.4, 0.1), 0.05, 4, n_right))


@wrong_elsewhere.check
def thousands_of_answers(fn):
    for case in (((0.5, 0.4, 0.1), 0.1, 2000, 1), ((0.9, 0.1, 0.0), 0.02, 3000, 2990)):
        expect(fn(*case), _exact(*case))


def _weights(prior, slip, n_wrong, n_right, likelihoods):
    logs = [
        math.log(p) + x if p > 0 else -math.inf for p, x in zip(prior, likelihoods, strict=True)
    ]
    top = max(logs)
    w = [math.exp(x - top) for x in logs]
    return [x / sum(w) for x in w]


def _likelihoods(slip, n_wrong, n_right):
    k, s = math.log(1 - slip), math.log(slip)
    return [n_wrong * s + n_right * k, n_wrong * k + n_right * s, (n_wrong + n_right) * k]


@wrong_elsewhere.mistake("weights by products: with thousands of answers they are all 0")
def _(prior, slip, n_wrong, n_right):
    h = prior[0] * slip**n_wrong * (1 - slip) ** n_right
    l = prior[1] * (1 - slip) ** n_wrong * slip**n_right  # noqa: E741
    s = prior[2] * (1 - slip) ** (n_wrong + n_right)
    liar = l / (h + l + s) if h + l + s else 0.0
    return liar * (1 - slip) + (1 - liar) * slip


@wrong_elsewhere.mistake("the prior is left out: all three kinds count alike")
def _(prior, slip, n_wrong, n_right):
    liar = _weights((1, 1, 1), slip, n_wrong, n_right, _likelihoods(slip, n_wrong, n_right))[1]
    return liar * (1 - slip) + (1 - liar) * slip


@wrong_elsewhere.mistake("the right answers are not counted: they are evidence, too")
def _(prior, slip, n_wrong, n_right):
    liar = _weights(prior, slip, n_wrong, 0, _likelihoods(slip, n_wrong, 0))[1]
    return liar * (1 - slip) + (1 - liar) * slip


@wrong_elsewhere.mistake("the probability of a liar: a liar slips, and the others do")
def _(prior, slip, n_wrong, n_right):
    return _weights(prior, slip, n_wrong, n_right, _likelihoods(slip, n_wrong, n_right))[1]


@wrong_elsewhere.mistake("a specialist's next answer is taken for wrong: it is to another task")
def _(prior, slip, n_wrong, n_right):
    w = _weights(prior, slip, n_wrong, n_right, _likelihoods(slip, n_wrong, n_right))
    return (w[1] + w[2]) * (1 - slip) + w[0] * slip


@wrong_elsewhere.mistake("the specialist is left out")
def _(prior, slip, n_wrong, n_right):
    two = (prior[0], prior[1], 0.0)
    liar = _weights(two, slip, n_wrong, n_right, _likelihoods(slip, n_wrong, n_right))[1]
    return liar * (1 - slip) + (1 - liar) * slip


@wrong_elsewhere.mistake("nothing is learned from the answers: that is the prior's prediction")
def _(prior, slip, n_wrong, n_right):
    return prior[1] * (1 - slip) + (1 - prior[1]) * slip


@wrong_elsewhere.mistake("the probability that the next answer is right")
def _(prior, slip, n_wrong, n_right):
    liar = _weights(prior, slip, n_wrong, n_right, _likelihoods(slip, n_wrong, n_right))[1]
    return liar * slip + (1 - liar) * (1 - slip)


@wrong_elsewhere.right("by odds against a liar")
def _(prior, slip, n_wrong, n_right):
    step = math.log(1 - slip) - math.log(slip)

    def odds(p, logs):
        return p * math.exp(min(logs, 700)) / prior[1]

    against = odds(prior[0], (n_right - n_wrong) * step) + odds(prior[2], n_right * step)
    return (1 - slip + against * slip) / (1 + against)


@wrong_elsewhere.right("by exact fractions")
def _(prior, slip, n_wrong, n_right):
    return _exact(prior, slip, n_wrong, n_right)
