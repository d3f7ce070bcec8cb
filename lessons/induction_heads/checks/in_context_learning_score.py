"""How `in_context_learning_score` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.induction_heads.checks.shared import randn
from lessons.induction_heads.exercises import in_context_learning_score
from utils.grading import expect


@in_context_learning_score.check
def one_position_learns_nothing(fn):
    expect(fn(torch.tensor([[3.0]])), torch.tensor(0.0))


@in_context_learning_score.check
def the_last_minus_the_first(fn):
    expect(fn(torch.tensor([4.0, 1.0])), torch.tensor(-3.0))
    expect(fn(torch.tensor([4.0, 9.0, 9.0, 1.0])), torch.tensor(-3.0))
    expect(fn(torch.tensor([1.0, 9.0, 9.0, 9.0, 4.0])), torch.tensor(3.0))


@in_context_learning_score.check
def quarters_are_averaged(fn):
    losses = torch.tensor([[4.0, 2.0, 7.0, 7.0, 7.0, 7.0, 1.0, 0.0]])
    expect(fn(losses), torch.tensor(-2.5), losses=losses)


@in_context_learning_score.check
def what_is_in_the_middle_does_not_matter(fn):
    losses = torch.tensor([1.0, 2, 3, 100, -100, 1000, 50, 7, 8, 9, 0, 0, 3])  # quarters of 3
    expect(fn(losses), torch.tensor(1.0 - 2.0), losses=losses)


@in_context_learning_score.check
def it_is_the_definition_written_out_for_any_length(fn):
    for n in (4, 7, 11, 39, 40):
        losses = randn(3, n, seed=n)
        q = max(n // 4, 1)
        rows = losses.double().tolist()
        late = sum(sum(row[n - q :]) for row in rows) / (3 * q)
        early = sum(sum(row[:q]) for row in rows) / (3 * q)
        expect(fn(losses), torch.tensor(late - early), losses=losses)


@in_context_learning_score.check
def a_constant_is_no_learning_and_units_are_kept(fn):
    losses = torch.full((2, 8), 5.0)
    expect(fn(losses), torch.tensor(0.0), losses=losses)
    losses = torch.arange(16.0).reshape(1, 2, 8)
    expect(fn(losses), torch.tensor(6.0), losses=losses)


@in_context_learning_score.mistake("early minus late: the sign is the other way round")
def _(losses):
    q = max(losses.shape[-1] // 4, 1)
    return losses[..., :q].mean() - losses[..., -q:].mean()


@in_context_learning_score.mistake("the last position minus the first: single positions are noisy")
def _(losses):
    return losses[..., -1].mean() - losses[..., 0].mean()


@in_context_learning_score.mistake("halves instead of quarters")
def _(losses):
    q = max(losses.shape[-1] // 2, 1)
    return losses[..., -q:].mean() - losses[..., :q].mean()


@in_context_learning_score.mistake("summed over positions instead of averaged")
def _(losses):
    q = max(losses.shape[-1] // 4, 1)
    return (losses[..., -q:].sum(-1) - losses[..., :q].sum(-1)).mean()


@in_context_learning_score.mistake("converted to bits, where nats were asked for")
def _(losses):
    q = max(losses.shape[-1] // 4, 1)
    return (losses[..., -q:].mean() - losses[..., :q].mean()) / math.log(2)


@in_context_learning_score.mistake("a ratio instead of a difference")
def _(losses):
    q = max(losses.shape[-1] // 4, 1)
    return losses[..., -q:].mean() / losses[..., :q].mean()


@in_context_learning_score.mistake("the wrong axis: quarters of the sequences, not of positions")
def _(losses):
    q = max(losses.shape[-1] // 4, 1)
    return losses[-q:].mean() - losses[:q].mean()


@in_context_learning_score.mistake(
    "the last quarter begins at 3n // 4, which is one position too many where 4 does not divide n"
)
def _(losses):
    n = losses.shape[-1]
    return losses[..., 3 * n // 4 :].mean() - losses[..., : max(n // 4, 1)].mean()


@in_context_learning_score.right("by chunks of positions")
def _(losses):
    n = max(1, int(losses.size(-1) * 0.25))
    by_position = losses.reshape(-1, losses.shape[-1]).mean(0)
    return by_position[len(by_position) - n :].mean() - by_position[:n].mean()


@in_context_learning_score.right("by narrow")
def _(losses):
    length = losses.shape[-1]
    n = length // 4 or 1
    early, late = losses.narrow(-1, 0, n), losses.narrow(-1, length - n, n)
    return (late.sum() - early.sum()) / early.numel()
