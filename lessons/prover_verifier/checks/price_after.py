"""How `price_after` is judged: checks, mistakes, right answers in other styles."""

import math

from lessons.prover_verifier.checks.shared import is_number
from lessons.prover_verifier.drills import price_after

CASES = ((0.5, 1.0, 1.0), (0.1, 5.0, 1.0), (0.1, 2.0, 4.0), (0.9, 0.3, 0.5), (0.02, 3.0, 2.0))


def cost_of(price, after, b):
    """What it costs to move a price, by the definition of the cost, with two outcomes."""
    shares = b * (math.log(after / (1 - after)) - math.log(price / (1 - price)))
    start = b * math.log(price / (1 - price))
    return b * math.log(math.exp((start + shares) / b) + 1) - b * math.log(math.exp(start / b) + 1)


@price_after.check
def without_money_nothing_moves(fn):
    for price in (0.1, 0.5, 0.8):
        is_number(fn(price, 0.0, 1.0), price)


@price_after.check
def what_it_costs_to_get_there_is_the_budget(fn):
    for price, budget, b in CASES:
        got = fn(price, budget, b)
        low, high = price, 1 - 1e-15  # by halving, with the cost alone
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if cost_of(price, middle, b) < budget else (low, middle)
        is_number(got, low)


@price_after.check
def ten_outcomes_move_as_two_do(fn):
    # Shares of the nine others are all 0, the bought one's are q before and after.
    for budget, b in ((1.0, 1.0), (2.5, 2.0)):
        total = 10 * math.exp(budget / b)
        is_number(fn(0.1, budget, b), 1 - 9 / total)


def _mistake(description, answer):
    price_after.mistake(description)(answer)


_mistake("a budget in proportion: price + budget / b", lambda p, m, b: min(p + m / b, 1.0))
_mistake("the price itself grows by exp(budget / b)", lambda p, m, b: min(p * math.exp(m / b), 1.0))
_mistake("the log-odds grow by budget / b: that is what shares do, and they cost less than 1 each",
         lambda p, m, b: 1 / (1 + (1 - p) / p * math.exp(-m / b)))  # fmt: skip
_mistake("b is ignored", lambda p, m, b: 1 - (1 - p) * math.exp(-m))
_mistake("multiplied by b instead of divided", lambda p, m, b: 1 - (1 - p) * math.exp(-m * b))
_mistake("the price that is left to the others", lambda p, m, b: (1 - p) * math.exp(-m / b))
_mistake("the sign of the exponent is turned", lambda p, m, b: 1 - (1 - p) * math.exp(m / b))
_mistake("starts from 0 whatever the price was", lambda p, m, b: 1 - math.exp(-m / b))
_mistake("p and 1 − p are mixed up", lambda p, m, b: 1 - p * math.exp(-m / b))
_mistake("the budget is ignored", lambda p, m, b: p)
_mistake("powers of 2 instead of e", lambda p, m, b: 1 - (1 - p) * 2 ** (-m / b))


@price_after.right("by the shares that the budget buys")
def _(price, budget, b):
    factor = (math.exp(budget / b) - (1 - price)) / price  # of the outcome's exponential
    return price * factor / (price * factor + 1 - price)


@price_after.right("by the sum of exponentials")
def _(price, budget, b):
    others = 1 - price  # the sum before is 1
    after = math.exp(budget / b)
    return (after - others) / after
