"""How `performance_gap_recovered` is judged: checks, mistakes, right answers."""

import torch

from lessons.weak_to_strong.exercises import performance_gap_recovered
from utils.grading import expect, require


def _three(*values):
    return tuple(torch.tensor(v) for v in values)


@performance_gap_recovered.check
def supervisor_and_ceiling_are_zero_and_one(fn):
    expect(fn(*_three(0.6, 0.6, 0.9)), torch.tensor(0.0))
    expect(fn(*_three(0.6, 0.9, 0.9)), torch.tensor(1.0))
    expect(fn(*_three(0.6, 0.75, 0.9)), torch.tensor(0.5))


@performance_gap_recovered.check
def a_quarter_of_the_way_is_a_quarter(fn):
    for low, high in ((0.5, 0.9), (0.75, 1.0), (-2.0, 6.0), (10.0, 110.0)):
        for share in (0.25, 0.8):
            student = low + share * (high - low)
            expect(fn(*_three(low, student, high)), torch.tensor(share), tol=1e-4)


@performance_gap_recovered.check
def it_may_be_negative_or_above_one(fn):
    expect(fn(*_three(0.5, 0.25, 1.0)), torch.tensor(-0.5))
    expect(fn(*_three(0.5, 1.0, 0.75)), torch.tensor(2.0))


@performance_gap_recovered.check
def without_a_gap_there_is_no_share_of_it(fn):
    nan = torch.tensor(torch.nan)
    for student in (0.6, 0.7, 0.5):
        expect(fn(*_three(0.6, student, 0.6)), nan)
    expect(fn(*_three(0.9, 0.8, 0.7)), nan)


@performance_gap_recovered.check
def a_whole_grid_at_once(fn):
    weak = torch.tensor([[0.5, 0.8], [0.5, 0.5]])
    student, ceiling = (
        torch.tensor([[0.7, 0.8], [0.4, 0.6]]),
        torch.tensor([[0.9, 0.8], [0.6, 0.6]]),
    )
    expect(fn(weak, student, ceiling), torch.tensor([[0.5, torch.nan], [-1.0, 1.0]]), tol=1e-4)
    weak, ceiling = torch.tensor([[0.5], [0.0]]), torch.tensor([1.0, 2.0, 0.5])
    student = torch.tensor([[0.75], [0.5]])
    expected = torch.tensor([[0.5, 1 / 6, torch.nan], [0.5, 0.25, 1.0]])
    expect(fn(weak, student, ceiling), expected)


@performance_gap_recovered.check
def every_entry_has_its_own_gap(fn):
    weak, student = torch.tensor([0.5, 0.5]), torch.tensor([0.55, 0.8])
    expect(fn(weak, student, torch.tensor([0.6, 1.0])), torch.tensor([0.5, 0.6]), tol=1e-4)


@performance_gap_recovered.check
def small_gaps_and_precision_are_kept(fn):
    numbers = (0.9, 0.90000003, 0.9000001)
    values = [torch.tensor([x], dtype=torch.float64) for x in numbers]
    named = zip(("weak", "weak_to_strong", "strong_ceiling"), numbers, strict=True)
    given = {name: f"[{x!r}], float64" for name, x in named}
    got = fn(*values)
    double = torch.is_tensor(got) and got.dtype == torch.float64
    require(double, "float64 from float64", str(getattr(got, "dtype", got)), **given)
    expect(got, torch.tensor([0.3], dtype=torch.float64), tol=1e-5, **given)


@performance_gap_recovered.mistake("divided by the ceiling, not by the gap")
def _(weak, weak_to_strong, strong_ceiling):
    return torch.where(strong_ceiling > weak, (weak_to_strong - weak) / strong_ceiling, torch.nan)


@performance_gap_recovered.mistake("the share of the ceiling that is reached: 0.6 of 0.9 is no 0")
def _(weak, weak_to_strong, strong_ceiling):
    return torch.where(strong_ceiling > weak, weak_to_strong / strong_ceiling, torch.nan)


@performance_gap_recovered.mistake("the share that is missing, not the share recovered")
def _(weak, weak_to_strong, strong_ceiling):
    gap = strong_ceiling - weak
    return torch.where(gap > 0, (strong_ceiling - weak_to_strong) / gap, torch.nan)


@performance_gap_recovered.mistake("no gap counts as 0 recovered, and pulls every mean down")
def _(weak, weak_to_strong, strong_ceiling):
    gap = strong_ceiling - weak
    return torch.where(gap > 0, (weak_to_strong - weak) / gap, 0.0)


@performance_gap_recovered.mistake("divides by a gap of 0, or a negative one: inf, or a false gain")
def _(weak, weak_to_strong, strong_ceiling):
    return (weak_to_strong - weak) / (strong_ceiling - weak)


@performance_gap_recovered.mistake("cut to between 0 and 1: harm no longer shows")
def _(weak, weak_to_strong, strong_ceiling):
    gap = strong_ceiling - weak
    return torch.where(gap > 0, ((weak_to_strong - weak) / gap).clamp(0, 1), torch.nan)


@performance_gap_recovered.mistake("a small number is added to the gap: small gaps come out wrong")
def _(weak, weak_to_strong, strong_ceiling):
    gap = strong_ceiling - weak
    return torch.where(gap > 0, (weak_to_strong - weak) / (gap + 1e-8), torch.nan)


@performance_gap_recovered.mistake("one gap for all entries: the mean's")
def _(weak, weak_to_strong, strong_ceiling):
    gap = strong_ceiling - weak
    return torch.where(gap > 0, (weak_to_strong - weak) / gap.mean(), torch.nan)


@performance_gap_recovered.mistake("divided by the supervisor: a relative gain, no share of a gap")
def _(weak, weak_to_strong, strong_ceiling):
    return torch.where(strong_ceiling > weak, (weak_to_strong - weak) / weak, torch.nan)


@performance_gap_recovered.right("divides first, then blanks by masked_fill")
def _(weak, weak_to_strong, strong_ceiling):
    gap = strong_ceiling - weak
    return ((weak_to_strong - weak) / gap).masked_fill(gap <= 0, torch.nan)


@performance_gap_recovered.right("as one minus the share that is missing")
def _(weak, weak_to_strong, strong_ceiling):
    weak, student, ceiling = torch.broadcast_tensors(weak, weak_to_strong, strong_ceiling)
    share = torch.full_like(student, torch.nan)
    there = ceiling > weak
    share[there] = 1 - (ceiling - student)[there] / (ceiling - weak)[there]
    return share


@performance_gap_recovered.right("by a loop over entries")
def _(weak, weak_to_strong, strong_ceiling):
    three = torch.broadcast_tensors(weak, weak_to_strong, strong_ceiling)
    shares = [
        (s - w) / (c - w) if c > w else torch.nan
        for w, s, c in zip(*(t.flatten().tolist() for t in three), strict=True)
    ]
    return torch.tensor(shares, dtype=weak.dtype).view(three[0].shape)
