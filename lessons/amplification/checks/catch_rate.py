"""How `catch_rate` is judged: checks, mistakes, right answers in other styles."""

import numpy as np

from lessons.amplification.exercises import catch_rate
from utils.grading import expect

# How often both err, only the policy errs, only the assistant errs, neither does.
COUNTS = (
    (12, 36, 0, 52),
    (30, 10, 5, 55),
    (4, 16, 6, 74),
    (10, 10, 10, 70),
    (3, 2, 20, 75),
    (2, 38, 18, 42),
)


def _from_counts(both, policy, assistant, neither):
    """Errors, correlation and the share caught of a table of counts, by NumPy."""
    p = np.array([1] * both + [1] * policy + [0] * assistant + [0] * neither)
    a = np.array([1] * both + [0] * policy + [1] * assistant + [0] * neither)
    rho = float(np.corrcoef(p, a)[0, 1])
    return float(p.mean()), float(a.mean()), rho, policy / (both + policy)


@catch_rate.check
def without_correlation_it_is_the_assistants_accuracy(fn):
    expect(fn(0.2, 0.1, 0.0), 0.9)
    expect(fn(0.5, 0.3, 0.0), 0.7)


@catch_rate.check
def a_copy_catches_nothing(fn):
    for error in (0.3, 0.1, 0.5):
        expect(fn(error, error, 1.0), 0.0)


@catch_rate.check
def equal_error_rates(fn):
    expect(fn(0.2, 0.2, 0.5), 0.4)  # (1 − 0.2) (1 − 0.5)


@catch_rate.check
def counted_tables(fn):
    for counts in COUNTS:
        *given, caught = _from_counts(*counts)
        expect(fn(*given), caught, tol=1e-6)


def _spread(p, q):
    return (p * (1 - p) * q * (1 - q)) ** 0.5


@catch_rate.mistake("one minus the correlation, whatever the error rates")
def _(policy_error, assistant_error, correlation):
    return 1 - correlation


@catch_rate.mistake("(1 − q)(1 − ρ): true only where both err equally often")
def _(policy_error, assistant_error, correlation):
    return (1 - assistant_error) * (1 - correlation)


@catch_rate.mistake("(1 − p)(1 − ρ): true only where both err equally often")
def _(policy_error, assistant_error, correlation):
    return (1 - policy_error) * (1 - correlation)


@catch_rate.mistake("the sign of the correlation is lost: below 0 more is caught, not less")
def _(policy_error, assistant_error, correlation):
    spread = abs(correlation) * _spread(policy_error, assistant_error)
    return 1 - (policy_error * assistant_error + spread) / policy_error


@catch_rate.mistake("a correlation below 0 is taken for 0")
def _(policy_error, assistant_error, correlation):
    spread = max(0.0, correlation) * _spread(policy_error, assistant_error)
    return 1 - (policy_error * assistant_error + spread) / policy_error


@catch_rate.mistake("the share of all questions, not of the policy's errors: divide by them")
def _(policy_error, assistant_error, correlation):
    both = policy_error * assistant_error + correlation * _spread(policy_error, assistant_error)
    return policy_error - both


@catch_rate.mistake("the share that is missed in place of the share that is caught")
def _(policy_error, assistant_error, correlation):
    both = policy_error * assistant_error + correlation * _spread(policy_error, assistant_error)
    return both / policy_error


@catch_rate.mistake("divided by the assistant's error rate: the policy's errors are to be caught")
def _(policy_error, assistant_error, correlation):
    both = policy_error * assistant_error + correlation * _spread(policy_error, assistant_error)
    return 1 - both / assistant_error


@catch_rate.mistake("variances in place of standard deviations: those are √(p (1 − p))")
def _(policy_error, assistant_error, correlation):
    both = policy_error * assistant_error
    both += correlation * _spread(policy_error, assistant_error) ** 2
    return 1 - both / policy_error


@catch_rate.mistake("the covariance has the wrong sign: shared errors would be caught more often")
def _(policy_error, assistant_error, correlation):
    both = policy_error * assistant_error - correlation * _spread(policy_error, assistant_error)
    return 1 - both / policy_error


@catch_rate.mistake("the product of the means is left out: that is the covariance alone")
def _(policy_error, assistant_error, correlation):
    return 1 - correlation * _spread(policy_error, assistant_error) / policy_error


@catch_rate.mistake("the correlation is taken for the chance that both err")
def _(policy_error, assistant_error, correlation):
    return 1 - correlation / policy_error


@catch_rate.mistake("correlation ignored: the assistant's accuracy")
def _(policy_error, assistant_error, correlation):
    return 1 - assistant_error


@catch_rate.mistake("the covariance is correlation times the means, not times the spreads")
def _(policy_error, assistant_error, correlation):
    both = policy_error * assistant_error * (1 + correlation)
    return 1 - both / policy_error


@catch_rate.mistake("the standard deviations of accuracy and error are mixed up: √p √q")
def _(policy_error, assistant_error, correlation):
    p, q = policy_error, assistant_error
    return 1 - (p * q + correlation * (p * q) ** 0.5) / p


@catch_rate.mistake("the assistant's catch and its error are added: 1 − q − ρ")
def _(policy_error, assistant_error, correlation):
    return 1 - assistant_error - correlation


@catch_rate.mistake("the regression has the spreads upside down")
def _(policy_error, assistant_error, correlation):
    p, q = policy_error, assistant_error
    slope = correlation * (p * (1 - p) / (q * (1 - q))) ** 0.5
    return 1 - q - slope * (1 - p)


@catch_rate.right("by the line of regression: q plus slope times what is left")
def _(policy_error, assistant_error, correlation):
    p, q = policy_error, assistant_error
    slope = correlation * np.sqrt(q * (1 - q)) / np.sqrt(p * (1 - p))
    return float(1 - (q + slope * (1 - p)))


@catch_rate.right("by the covariance of error and of being right, which is its negative")
def _(policy_error, assistant_error, correlation):
    p, right = policy_error, 1 - assistant_error
    covariance = -correlation * (p * (1 - p)) ** 0.5 * (right * (1 - right)) ** 0.5
    return right + covariance / p
