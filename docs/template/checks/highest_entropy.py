"""How `highest_entropy` is judged: checks, mistakes, right answers."""

import itertools
import math

from lessons.my_topic.drills import highest_entropy

from utils.grading import expect, require


def _on_a_grid(n, steps):
    """The highest entropy among all distributions whose chances are multiples of 1 / steps."""
    best = 0.0
    for head in itertools.product(range(steps + 1), repeat=n - 1):
        counts = [*head, steps - sum(head)]
        if counts[-1] >= 0:
            best = max(best, -sum(c / steps * math.log(c / steps) for c in counts if c))
    return best


@highest_entropy.check
def a_single_outcome_is_no_surprise(fn):
    expect(fn(1), 0.0)


@highest_entropy.check
def every_coin_on_a_grid(fn):
    expect(fn(2), _on_a_grid(2, 1000))


@highest_entropy.check
def every_distribution_on_a_grid(fn):
    for n, steps in ((3, 60), (4, 20), (5, 10)):
        expect(fn(n), _on_a_grid(n, steps))


@highest_entropy.check
def one_more_outcome_makes_room_for_more(fn):
    values = [float(fn(n)) for n in range(1, 50)]
    require(values == sorted(set(values)), "rising with n", values)


@highest_entropy.mistake("measured in bits, where nats were asked for")
def _(n):
    return math.log2(n)


@highest_entropy.mistake("the weights 1/n are missing in the sum: n log n")
def _(n):
    return n * math.log(n)


@highest_entropy.mistake("one term of the sum, not all n of them")
def _(n):
    return math.log(n) / n


@highest_entropy.right("by adding up n equal terms")
def _(n):
    return -sum(1 / n * math.log(1 / n) for _ in range(n))
