"""How `expected_scores` is judged: checks, mistakes, right answers."""

import math

import numpy as np
from scipy.special import expit

from lessons.oversight_scaling.exercises import expected_scores
from utils.grading import require


def _three(fn, agent, judge, beta):
    got = fn(agent, judge, beta)
    three = isinstance(got, tuple | list) and len(got) == 3
    require(three, "three floats: p, the agent's, the judge's", got)
    return tuple(float(x) for x in got)


def _compare(fn, agent, judge, beta, p):
    got = _three(fn, agent, judge, beta)
    wanted = p, p * agent[0] + (1 - p) * agent[1], p * judge[0] + (1 - p) * judge[1]
    near = all(
        math.isfinite(a) and abs(a - b) <= 1e-6 * (1 + abs(b))
        for a, b in zip(got, wanted, strict=True)
    )
    require(near, wanted, got)


@expected_scores.check
def equal_scores_are_a_coin(fn):
    _compare(fn, (-1.0, -1.0), (-1.0, -3.0), 1.0, 0.5)


@expected_scores.check
def odds_of_three_to_one(fn):
    _compare(fn, (0.0, -math.log(3)), (-0.5, -2.5), 1.0, 0.75)
    _compare(fn, (-math.log(3), 0.0), (-0.5, -2.5), 1.0, 0.25)


@expected_scores.check
def a_larger_beta_heeds_less(fn):
    _compare(fn, (-1.0, -5.0), (-1.0, -7.0), 4.0, math.e / (math.e + 1))
    _compare(fn, (-2.0, -1.0), (-0.1, -3.0), 0.5, 1 / (1 + math.exp(2)))


@expected_scores.check
def at_beta_0_it_takes_the_better(fn):
    _compare(fn, (-1.0, -1.5), (-0.2, -4.0), 0.0, 1.0)
    _compare(fn, (-1.5, -1.0), (-0.2, -4.0), 0.0, 0.0)
    _compare(fn, (-1.5, -1.5), (-0.2, -4.0), 0.0, 0.5)
    _compare(fn, (-1.5, -1.0), (-0.2, -4.0), 0, 0.0)


@expected_scores.check
def scores_of_any_size(fn):
    _compare(fn, (-0.5, -4e4), (-0.5, -3.0), 0.01, 1.0)
    _compare(fn, (-4e4, -0.5), (-0.5, -3.0), 0.01, 0.0)
    _compare(fn, (-40.0, -30.0), (-0.5, -3.0), 0.01, 0.0)
    # far out the small probability itself counts: it is exp(−600)
    got = _three(fn, (-600.0, 0.0), (0.0, 0.0), 1.0)
    near = math.isclose(got[0], math.exp(-600), rel_tol=1e-6)
    require(near, math.exp(-600), got[0])


@expected_scores.check
def scores_may_be_above_0(fn):
    _compare(fn, (2.0, 1.0), (5.0, -5.0), 1.0, 1 / (1 + math.exp(-1)))


@expected_scores.check
def a_negative_beta_raises(fn):
    try:
        got = fn((-1.0, -2.0), (-1.0, -2.0), -0.5)
    except ValueError:
        return
    require(False, "ValueError", got, beta=-0.5)


def _sigmoid(x):
    return float(expit(x))


def _with(p_of, agent_of=None, judge_of=None):
    """For the mistakes: the three numbers with one part exchanged."""

    def scores(agent, judge, beta):
        if beta < 0:
            raise ValueError
        p = p_of(agent, judge, beta)
        mean = lambda pair: p * pair[0] + (1 - p) * pair[1]  # noqa: E731
        return p, (agent_of or mean)(agent), (judge_of or mean)(judge)

    return scores


def _p(agent, judge, beta):
    return expected_scores.reference(agent, judge, beta)[0]


for _text, _fn in {
    "the sign is wrong: what scores less is argued for more": _with(
        lambda a, j, b: 1 - _p(a, j, b)
    ),
    "beta multiplies where it divides": _with(lambda a, j, b: _sigmoid((a[0] - a[1]) * b)),
    "beta is ignored": _with(lambda a, j, b: _sigmoid(a[0] - a[1])),
    "the agent goes by the judge's scores": _with(lambda a, j, b: _p(j, j, b)),
    "half and half, whatever it scores: random consultancy": _with(lambda a, j, b: 0.5),
    "the better answer, always: beta 0 throughout": _with(lambda a, j, b: _p(a, j, 0)),
    "shares of the scores, not of their exponentials": _with(
        lambda a, j, b: a[0] / (a[0] + a[1]) if a[0] + a[1] else 0.5
    ),
    "the agent's expected score is its better score": _with(_p, agent_of=max),
    "the agent's expected score is the plain mean": _with(_p, agent_of=lambda a: sum(a) / 2),
    "the judge's expected score is the plain mean": _with(_p, judge_of=lambda j: sum(j) / 2),
    "the judge's expected score is that after the truth was argued for": _with(
        _p, judge_of=lambda j: j[0]
    ),
    "a tie at beta 0 goes to the lie": _with(
        lambda a, j, b: float(a[0] > a[1]) if b == 0 else _p(a, j, b)
    ),
    "a tie at beta 0 goes to the truth": _with(
        lambda a, j, b: float(a[0] >= a[1]) if b == 0 else _p(a, j, b)
    ),
}.items():
    expected_scores.mistake(_text)(_fn)


@expected_scores.mistake("e to the power A / β overflows or underflows: 0 / 0")
def _(agent, judge, beta):
    if beta <= 0:
        return expected_scores.reference(agent, judge, beta)
    with np.errstate(all="ignore"):
        true, false = np.exp(agent[0] / np.float64(beta)), np.exp(agent[1] / np.float64(beta))
        p = float(true / (true + false))
    return p, p * agent[0] + (1 - p) * agent[1], p * judge[0] + (1 - p) * judge[1]


@expected_scores.mistake("a beta of 0 divides by zero")
def _(agent, judge, beta):
    if beta < 0:
        raise ValueError
    p = _sigmoid((agent[0] - agent[1]) / beta)
    return p, p * agent[0] + (1 - p) * agent[1], p * judge[0] + (1 - p) * judge[1]


@expected_scores.mistake("a negative beta is taken as it comes")
def _(agent, judge, beta):
    if beta < 0:
        p = _sigmoid((agent[0] - agent[1]) / beta)
        return p, p * agent[0] + (1 - p) * agent[1], p * judge[0] + (1 - p) * judge[1]
    return expected_scores.reference(agent, judge, beta)


@expected_scores.right("by scipy's expit")
def _(agent, judge, beta):
    if beta < 0:
        raise ValueError("beta")
    difference = agent[0] - agent[1]
    p = expit(difference / beta) if beta else (np.sign(difference) + 1) / 2
    weights = np.array([p, 1 - p])
    return float(p), float(weights @ np.array(agent)), float(weights @ np.array(judge))


@expected_scores.right("by a softmax, the larger score taken out first")
def _(agent, judge, beta):
    if beta < 0:
        raise ValueError("beta")
    top = max(agent)
    if beta == 0:
        weights = [float(a == top) for a in agent]
    else:
        weights = [math.exp((a - top) / beta) for a in agent]
    p, q = (w / sum(weights) for w in weights)
    return p, p * agent[0] + q * agent[1], p * judge[0] + q * judge[1]
