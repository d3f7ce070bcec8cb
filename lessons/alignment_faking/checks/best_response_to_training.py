"""How `best_response_to_training` is judged: checks, mistakes, right answers."""

import itertools

from lessons.alignment_faking.exercises import best_response_to_training
from utils.grading import require


def loss_of(plan, cost, stake, p, discount):
    """What a plan is expected to lose, summed over all that may happen."""
    n, lost, own = len(plan), 0.0, 1.0  # own: the chance that the goal is still its own
    for i, complies in enumerate(plan):
        if complies:
            lost += own * cost * discount**i
        else:
            later = sum(cost * discount**j for j in range(i + 1, n))
            lost += own * p * (later + discount**n * stake)
            own *= 1 - p
    return lost


def _expect(fn, wanted, *args, **named):
    got = fn(*args, **named)
    try:
        plain = [bool(x) for x in got]
    except TypeError:
        plain = got
    require(plain == wanted, wanted, got)


@best_response_to_training.check
def one_episode(fn):
    _expect(fn, [True], 1.0, 3.0, 0.5, 1)
    _expect(fn, [False], 1.0, 1.5, 0.5, 1)
    _expect(fn, [True], 2.0, 5.0, 0.9, 1, 0.5)
    _expect(fn, [False], 2.0, 4.0, 0.9, 1, 0.5)


@best_response_to_training.check
def where_both_are_equal_it_refuses(fn):
    _expect(fn, [False], 1.0, 2.0, 0.5, 1)
    _expect(fn, [False, False], 1.0, 4.0, 0.25, 2)
    _expect(fn, [False, False], 1.0, 0.0, 1.0, 2)


@best_response_to_training.check
def the_impatient_begin_late(fn):
    _expect(fn, [False, False, True, True], 1.0, 5.0, 0.9, 4, 0.5)


@best_response_to_training.check
def every_plan_enumerated(fn):
    worlds = itertools.product((0.7, 2.0), (0.0, 0.9, 3.1, 26.0), (0.0, 0.23, 0.8, 1.0),
                               (1, 2, 5), (0.0, 0.4, 0.77, 1.0))  # fmt: skip
    for cost, stake, p, n, discount in worlds:
        plans = itertools.product((False, True), repeat=n)
        losses = {plan: loss_of(plan, cost, stake, p, discount) for plan in plans}
        least = min(losses.values())
        best = [list(plan) for plan, lost in losses.items() if lost <= least + 1e-9]
        got = fn(cost, stake, p, n, discount)
        try:
            plain = [bool(x) for x in got]
        except TypeError:
            plain = got
        require(plain in best, best[0], got)


@best_response_to_training.check
def no_discount_unless_one_is_given(fn):
    _expect(fn, [True] * 30, 1.0, 3.0, 0.5, 30)
    _expect(fn, [False] * 30, 1.0, 1.9, 0.5, 30)


def _rule(description, complies):
    """A mistake in the rule: complies(cost, stake, p, k, n, discount), k episodes being left."""

    @best_response_to_training.mistake(description)
    def _(cost, stake, p_modified, horizon, discount=1.0):
        n = horizon
        return [complies(cost, stake, p_modified, n - i, n, discount) for i in range(n)]


_rule("the chance is left out: a refusal does not change the goal for certain",
      lambda c, s, p, k, n, d: d**k * s > c)  # fmt: skip
_rule("the discount is left out", lambda c, s, p, k, n, d: p * s > c)
_rule("one step too near: in the last episode deployment is one step ahead",
      lambda c, s, p, k, n, d: p * d ** (k - 1) * s > c)  # fmt: skip
_rule("one step too far: with k episodes left, itself included, deployment is k ahead",
      lambda c, s, p, k, n, d: p * d ** (k + 1) * s > c)  # fmt: skip
_rule("turned in time: late episodes are nearer to deployment, not farther",
      lambda c, s, p, k, n, d: p * d ** (n - k + 1) * s > c)  # fmt: skip
_rule("discounted by the whole horizon in every episode",
      lambda c, s, p, k, n, d: p * d**n * s > c)  # fmt: skip
_rule("discounted once in every episode", lambda c, s, p, k, n, d: p * d * s > c)
_rule("a changed planner pays the later costs, too: only the cost of this episode is saved",
      lambda c, s, p, k, n, d: p * d**k * s > c * k)  # fmt: skip
_rule("complies in a tie", lambda c, s, p, k, n, d: p * d**k * s >= c)
_rule("turned round: complies where refusing is best", lambda c, s, p, k, n, d: p * d**k * s <= c)
_rule("the stake is spread over the episodes", lambda c, s, p, k, n, d: p * d**k * s / n > c)
_rule("1 − p in place of p", lambda c, s, p, k, n, d: (1 - p) * d**k * s > c)
_rule("it always complies", lambda c, s, p, k, n, d: True)
_rule("it always refuses", lambda c, s, p, k, n, d: False)
_rule("discount · k in place of discount^k", lambda c, s, p, k, n, d: p * d * k * s > c)


@best_response_to_training.mistake("one answer for all: horizon of them are asked for")
def _(cost, stake, p_modified, horizon, discount=1.0):
    return best_response_to_training.reference(cost, stake, p_modified, horizon, discount)[-1:]


@best_response_to_training.right("backward, by what the goal is worth")
def _(cost, stake, p_modified, horizon, discount=1.0):
    worth, plan = stake, []
    for _ in range(horizon):
        comply = p_modified * discount * worth - cost > 1e-12
        worth = discount * worth if comply else cost + (1 - p_modified) * discount * worth
        plan.insert(0, comply)
    return plan


@best_response_to_training.right("by what each choice is expected to lose, from the end")
def _(cost, stake, p_modified, horizon, discount=1.0):
    own, modified = 0.0, stake  # what is lost from here on, with the goal and without it
    plan = []
    for _ in range(horizon):
        comply = cost + discount * own
        refuse = discount * (p_modified * modified + (1 - p_modified) * own)
        plan.append(comply < refuse - 1e-12)
        own, modified = min(comply, refuse), cost + discount * modified
    return tuple(reversed(plan))
