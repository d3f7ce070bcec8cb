"""How `refused_at` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.prover_verifier.checks.shared import is_number, numbers
from lessons.prover_verifier.drills import refused_at
from utils.grading import expect

TRUE, FALSE = torch.tensor([4.0, 1.0, 3.0, 2.0]), torch.tensor([0.5, 1.5, 2.5, 3.5])


def by_loops(true, false, share):
    """The highest score of a true claim that enough of them reach, by trying each."""
    fits = [
        cut
        for cut in true.tolist()
        if sum(score >= cut for score in true.tolist()) / len(true) >= share - 1e-9
    ]
    return sum(score < max(fits) for score in false.tolist()) / len(false)


@refused_at.check
def four_claims_by_hand(fn):
    # All true ones reach 1, three 2, two 3, one 4.
    for share, wanted in ((1.0, 0.25), (0.75, 0.5), (0.5, 0.75), (0.25, 1.0)):
        is_number(fn(TRUE, FALSE, share), wanted)


@refused_at.check
def a_constant_on_all_scores_changes_nothing(fn):
    for constant in (-8.0, 8.0):
        is_number(fn(TRUE + constant, FALSE + constant, 0.75), 0.5)


@refused_at.check
def rounded_up_to_whole_claims(fn):
    is_number(fn(TRUE, FALSE, 0.6), 0.5)  # 2.4 claims: three have to pass
    is_number(fn(TRUE, FALSE, 0.9), 0.25)


@refused_at.check
def at_the_cut_a_claim_passes(fn):
    is_number(fn(torch.tensor([2.0, 2.0, 2.0, 5.0]), torch.tensor([1.0, 2.0]), 0.75), 0.5)
    is_number(fn(torch.tensor([2.0, 2.0, 2.0, 5.0]), torch.tensor([2.0, 2.0]), 0.5), 0.0)


@refused_at.check
def many_claims_by_hand(fn):
    for seed, n, k in ((0, 10, 7), (1, 16, 30), (2, 40, 20)):
        true, false = numbers(seed, n) + 1, numbers(seed + 10, k)
        for share in (0.1, 0.5, 0.7, 0.9, 1.0):
            is_number(fn(true, false, share), by_loops(true, false, share))


@refused_at.check
def the_scores_are_left_as_they_are(fn):
    true, false = TRUE.clone(), FALSE.clone()
    fn(true, false, 0.75)
    expect(true, TRUE)
    expect(false, FALSE)


def _cut(true, share):
    return true.sort(descending=True).values[max(1, math.ceil(share * len(true) - 1e-9)) - 1]


def _share(refused):
    return refused.double().mean().item()


def _mistake(description, answer):
    refused_at.mistake(description)(answer)


_mistake("the colleague's own: 0 is not the same place for two verifiers",
         lambda t, f, share: _share(f <= 0))  # fmt: skip
_mistake("the share of false claims that pass, not of those refused",
         lambda t, f, share: _share(f >= _cut(t, share)))  # fmt: skip
_mistake("the cut is set on the false claims: the true ones have to pass it",
         lambda t, f, share: _share(f < _cut(f, share)))  # fmt: skip
_mistake("the share is counted from below: so many are refused",
         lambda t, f, share: _share(f < t.quantile(share, interpolation="nearest")))  # fmt: skip
_mistake("a claim exactly at the cut is refused", lambda t, f, share: _share(f <= _cut(t, share)))
_mistake("an interpolated quantile, not the score of a true claim",
         lambda t, f, share: _share(f < t.quantile(1 - share)))  # fmt: skip
_mistake("a share of the highest score, not of the claims",
         lambda t, f, share: _share(f < t.max() * share))  # fmt: skip
_mistake("the mean of the true scores, whatever the share",
         lambda t, f, share: _share(f < t.mean()))  # fmt: skip
_mistake("the lowest true score, whatever the share", lambda t, f, share: _share(f < t.min()))


@refused_at.mistake("rounded down: too few true claims pass")
def _(true, false, share):
    passing = max(1, math.floor(share * len(true) + 1e-9))
    return _share(false < true.sort(descending=True).values[passing - 1])


@refused_at.mistake("the scores are not sorted")
def _(true, false, share):
    return _share(false < true[math.ceil(share * len(true) - 1e-9) - 1])


@refused_at.right("by trying the score of each true claim")
def _(true, false, share):
    enough = [cut for cut in true if (true >= cut).double().mean() >= share - 1e-9]
    return sum(bool(score < max(enough)) for score in false) / len(false)


@refused_at.right("by topk")
def _(true, false, share):
    cut = true.topk(math.ceil(round(share * len(true), 9))).values.min()
    return 1 - (false >= cut).double().mean().item()
