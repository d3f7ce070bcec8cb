"""How `best_rollouts` is judged: checks, mistakes, right answers in other styles."""

import math

from lessons.process_rewards.drills import best_rollouts
from utils.grading import expect

CASES = ((0.8, 0.6, 0.1), (0.9, 0.5, 0.05), (0.5, 0.7, 0.2), (0.7, 0.3, 0.1), (0.95, 0.4, 0.02))


def _agreement(k, share, after_right, after_wrong):
    return share * (1 - (1 - after_right) ** k) + (1 - share) * (1 - after_wrong) ** k


def _search(*case):
    """The best k by ternary search: agreement rises, then falls."""
    low, high = -50.0, 500.0
    for _ in range(300):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        if _agreement(a, *case) < _agreement(b, *case):
            low = a
        else:
            high = b
    return (low + high) / 2


@best_rollouts.check
def powers_of_two_by_hand(fn):
    # With 3/4 and 1/2 completions fail with chance 2⁻² and 2⁻¹: 2ᵏ = 2 s / (1 − s).
    expect(fn(0.8, 0.75, 0.5), 3.0)
    expect(fn(0.5, 0.75, 0.5), 1.0)


@best_rollouts.check
def no_other_number_agrees_more(fn):
    for case in CASES:
        expect(fn(*case), _search(*case), tol=1e-3)


@best_rollouts.check
def below_one_where_few_steps_are_right(fn):
    # 2ᵏ = 2 s / (1 − s) once more, with s = 1/3 and 1/9
    expect(fn(1 / 3, 0.75, 0.5), 0.0)
    expect(fn(1 / 9, 0.75, 0.5), -2.0)


@best_rollouts.check
def the_more_steps_are_right_the_more_completions(fn):
    for share in (0.6, 0.8, 0.99):
        expect(fn(share, 0.5, 0.05), _search(share, 0.5, 0.05), tol=1e-3)


def _k(share, after_right, after_wrong):
    fail_right, fail_wrong = math.log(1 - after_right), math.log(1 - after_wrong)
    return math.log((1 - share) * fail_wrong / (share * fail_right)) / (fail_right - fail_wrong)


@best_rollouts.mistake("right and wrong steps are swapped in the odds")
def _(share_right, after_right, after_wrong):
    return _k(1 - share_right, after_right, after_wrong)


@best_rollouts.mistake("the share of right steps is lost on the way")
def _(share_right, after_right, after_wrong):
    return _k(0.5, after_right, after_wrong)


@best_rollouts.mistake("the logarithms that differentiating brings are missing")
def _(share_right, after_right, after_wrong):
    odds = (1 - share_right) / share_right
    return math.log(odds) / (math.log(1 - after_right) - math.log(1 - after_wrong))


@best_rollouts.mistake("differentiated as a power of k: k (1 − q)^(k − 1)")
def _(share_right, after_right, after_wrong):
    odds = (1 - share_right) / share_right
    return 1 + math.log(odds) / (math.log(1 - after_right) - math.log(1 - after_wrong))


@best_rollouts.mistake("the sign: numerator and denominator do not match")
def _(share_right, after_right, after_wrong):
    return -_k(share_right, after_right, after_wrong)


@best_rollouts.mistake("chances of success where those of failure belong")
def _(share_right, after_right, after_wrong):
    a, b = math.log(after_right), math.log(after_wrong)
    return math.log((1 - share_right) * b / (share_right * a)) / (a - b)


@best_rollouts.mistake("cut off at 1, where the formula itself was asked")
def _(share_right, after_right, after_wrong):
    return max(1.0, _k(share_right, after_right, after_wrong))


@best_rollouts.mistake("cut off at 0, where the formula itself was asked")
def _(share_right, after_right, after_wrong):
    return max(0.0, _k(share_right, after_right, after_wrong))


@best_rollouts.mistake("rounded to a whole number")
def _(share_right, after_right, after_wrong):
    return float(round(_k(share_right, after_right, after_wrong)))


@best_rollouts.right("by halving the interval in which the slope changes its sign")
def _(share_right, after_right, after_wrong):
    a, b = 1 - after_right, 1 - after_wrong

    def slope(k):
        gained = -share_right * a**k * math.log(a)
        return gained + (1 - share_right) * b**k * math.log(b)

    low, high = -100.0, 2000.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return low


@best_rollouts.right("with the odds turned round")
def _(share_right, after_right, after_wrong):
    right = share_right * -math.log1p(-after_right)
    wrong = (1 - share_right) * -math.log1p(-after_wrong)
    return math.log(right / wrong) / math.log((1 - after_wrong) / (1 - after_right))
