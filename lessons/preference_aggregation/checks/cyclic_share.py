"""How `cyclic_share` is judged: checks, mistakes, right answers in other styles."""

from itertools import combinations, permutations

import torch

from lessons.preference_aggregation.checks.shared import ROUND, random_margins
from lessons.preference_aggregation.exercises import cyclic_share
from utils.grading import expect, require


def _by_hand(margins):
    n = len(margins)
    rounds = 0
    for i, j, k in combinations(range(n), 3):
        one = margins[i, j] > 0 and margins[j, k] > 0 and margins[k, i] > 0
        other = margins[j, i] > 0 and margins[k, j] > 0 and margins[i, k] > 0
        rounds += bool(one or other)
    return rounds / max(1, n * (n - 1) * (n - 2) // 6)


@cyclic_share.check
def three_that_go_round_and_three_that_do_not(fn):
    expect(fn(ROUND), 1.0)
    expect(fn(-ROUND), 1.0)
    line = torch.tensor([[0, 0.2, 0.6], [-0.2, 0, 0.1], [-0.6, -0.1, 0]])
    expect(fn(line), 0.0)


@cyclic_share.check
def fewer_than_three_have_no_triple(fn):
    expect(fn(torch.zeros(1, 1)), 0.0)
    expect(fn(torch.tensor([[0, 0.3], [-0.3, 0]])), 0.0)


@cyclic_share.check
def a_tie_beats_nobody(fn):
    tied = ROUND.clone()
    tied[0, 1] = tied[1, 0] = 0.0
    expect(fn(tied), 0.0)
    expect(fn(torch.zeros(4, 4)), 0.0)


@cyclic_share.check
def counted_by_hand(fn):
    for n in (4, 5, 7):
        for seed in range(3):
            margins = random_margins(10 * n + seed, n)
            expect(fn(margins), _by_hand(margins))


@cyclic_share.check
def renaming_answers_changes_nothing(fn):
    margins = random_margins(3, 5)
    wanted = _by_hand(margins)
    for order in list(permutations(range(5)))[::29]:
        expect(fn(margins[list(order)][:, list(order)]), wanted)


@cyclic_share.check
def the_most_there_can_be(fn):
    n = 5  # each beats the next two: 5 of 10 triples go round, and more is not possible
    margins = torch.zeros(n, n, dtype=torch.float64)
    for i in range(n):
        for step in (1, 2):
            margins[i, (i + step) % n], margins[(i + step) % n, i] = 1.0, -1.0
    expect(fn(margins), 0.5)


@cyclic_share.check
def the_answer_is_a_plain_number(fn):
    got = fn(random_margins(0, 4))
    require(isinstance(got, float), "a float", got)


def _trace(margins):
    beats = (margins > 0).double()
    return (beats @ beats @ beats).trace().item()


def _triples(n):
    return n * (n - 1) * (n - 2) / 6


@cyclic_share.mistake("each round is counted three times, once from each of its answers")
def _(margins):
    n = len(margins)
    return _trace(margins) / _triples(n) if n > 2 else 0.0


@cyclic_share.mistake("divided by ordered triples, of which there are six times as many")
def _(margins):
    n = len(margins)
    return _trace(margins) / 3 / (6 * _triples(n)) if n > 2 else 0.0


@cyclic_share.mistake("only rounds of one direction are counted: i → j → k → i with i < j < k")
def _(margins):
    n = len(margins)
    found = sum(
        bool(margins[i, j] > 0 and margins[j, k] > 0 and margins[k, i] > 0)
        for i, j, k in combinations(range(n), 3)
    )
    return found / _triples(n) if n > 2 else 0.0


@cyclic_share.mistake("a tie counts, where only a margin above 0 beats anybody")
def _(margins):
    n = len(margins)
    if n < 3:
        return 0.0
    beats = ((margins >= 0) & ~torch.eye(n, dtype=torch.bool)).double()
    found = 0
    for i, j, k in combinations(range(n), 3):
        found += bool(
            beats[i, j] * beats[j, k] * beats[k, i] or beats[j, i] * beats[k, j] * beats[i, k]
        )
    return found / _triples(n)


@cyclic_share.mistake("a tie counts, where only a margin above 0 beats anybody")
def _(margins):
    n = len(margins)
    beats = (margins >= 0).double()
    return (beats @ beats @ beats).trace().item() / 3 / _triples(n) if n > 2 else 0.0


@cyclic_share.mistake("the number of rounds, not their share")
def _(margins):
    return _trace(margins) / 3


@cyclic_share.mistake("whether there is any round at all")
def _(margins):
    return float(_trace(margins) > 0)


@cyclic_share.mistake("below three answers it divides by 0")
def _(margins):
    n = len(margins)
    return _trace(margins) / 3 / (n * (n - 1) * (n - 2) // 6)


@cyclic_share.mistake("margins themselves are multiplied: only their signs say who beats whom")
def _(margins):
    n = len(margins)
    up = margins.clamp(min=0).double()
    return (up @ up @ up).trace().item() / 3 / _triples(n) if n > 2 else 0.0


@cyclic_share.mistake("margins themselves are multiplied: only their signs say who beats whom")
def _(margins):
    n = len(margins)
    return (margins @ margins @ margins).trace().item() / 3 / _triples(n) if n > 2 else 0.0


@cyclic_share.mistake("below three answers it divides by 0")
def _(margins):
    beats = (margins > 0).double()
    return ((beats @ beats @ beats).trace() / 3 / _triples(len(margins))).item()


@cyclic_share.right("by all triples")
def _(margins):
    return float(_by_hand(margins))


@cyclic_share.right("by sign sums: each of the three beats exactly one of the other two")
def _(margins):
    n = len(margins)
    if n < 3:
        return 0.0
    s = torch.sign(margins)
    triples = list(combinations(range(n), 3))
    return sum(bool(s[i, j] == s[j, k] == s[k, i] != 0) for i, j, k in triples) / len(triples)


@cyclic_share.right("by einsum")
def _(margins):
    n = len(margins)
    b = (margins > 0).double()
    rounds = torch.einsum("ij,jk,ki->", b, b, b) / 3
    return float(rounds) / max(1, n * (n - 1) * (n - 2) // 6)
