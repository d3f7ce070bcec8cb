"""Where labels of steps come from without people, and how to need fewer of them."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

import utils
from lessons.process_rewards.exercises import most_convincing_wrong, rollout_labels
from lessons.process_rewards.verifiers import (
    N_STEPS,
    PUPIL,
    Labeled,
    Verifier,
    fit_process,
    label,
    least,
)
from utils.worlds.chains import PRIME, draw_problems, right_answers, step_index

# Rollouts: the pupil itself completes the solution from each step.


def reached(data: Labeled, k: int, seed: int) -> Tensor:
    """Whether each of k completions from after each step ends right: (n, steps, k), bool."""
    generator, found = utils.generator(seed), []
    for t in range(1, data.steps.shape[1] + 1):
        begun = data.results[:, None, :t].expand(-1, k, -1)
        ends = PUPIL.complete(data.problems, begun, generator)
        found.append(right_answers(data.problems, ends))
    return torch.stack(found, 1)


def by_rollouts(data: Labeled, k: int, how: str, seed: int) -> Tensor:
    """Labels of steps from k completions each."""
    return rollout_labels(reached(data, k, seed), data.labels >= 0, how)


class Hopes(NamedTuple):
    """The exact chance of a right answer after each step that a person would label."""

    right: Tensor  # after steps that are right, and all before them, too
    wrong: Tensor  # after the first wrong step


def hopes(data: Labeled) -> Hopes:
    """How likely the pupil still gets there, from where it is."""
    after = PUPIL.hopes(data.problems)[:, 1:].gather(2, data.results[..., None])[..., 0]
    wrong = (data.labels == 0).long()
    so_far = wrong.cumsum(1)
    return Hopes(after[(data.labels == 1) & (so_far == 0)], after[(wrong == 1) & (so_far == 1)])


def agreement(found: Hopes, k: int) -> tuple[float, float, float]:
    """Of hard labels from k completions, exact: the share that is true, and the two kinds of error.

    Returns agreement, wrong steps that are called right, right steps that are called wrong.
    """
    slips_through = (1 - (1 - found.wrong) ** k).mean().item()
    missed = ((1 - found.right) ** k).mean().item()
    share = len(found.right) / (len(found.right) + len(found.wrong))
    return 1 - share * missed - (1 - share) * slips_through, slips_through, missed


# A verifier that works the step out again.


@cache
def reading(seed: int, n: int = 4000) -> Tensor:
    """What a model learns from n solutions without labels: logits of each result, (363, prime).

    It counts which result follows operator, number and operand in what the pupil wrote.
    """
    generator = utils.generator(20_000 + seed)
    problems = draw_problems(n, generator)
    steps = step_index(problems, PUPIL.write(problems, 1, generator))[:, 0][problems.real]
    return (torch.bincount(steps, minlength=N_STEPS) + 0.3).double().log().view(-1, PRIME)


def fit_recomputing(data: Labeled, start: Tensor | None = None) -> Verifier:
    """A verifier that says which result it would get, and calls a step right by its chance.

    start: logits to begin with and be held near, (363, prime); none: all 0.
    """
    wrong = (data.labels == 0).long()
    counts = (data.labels >= 0) & (wrong.cumsum(1) - wrong == 0)
    steps, is_right = data.steps[counts], data.labels[counts] == 1
    before = torch.zeros(N_STEPS // PRIME, PRIME, dtype=torch.float64) if start is None else start

    def loss(logits: Tensor) -> Tensor:
        chance = logits.log_softmax(1).flatten()[steps].clamp(max=-1e-12)
        told = torch.where(is_right, chance, torch.log(-torch.expm1(chance)))
        return -told.sum() + (logits - before).square().sum() / 4

    return Verifier(least(loss, before).log_softmax(1).flatten())


def fit_having_read(data: Labeled, read: Tensor) -> Verifier:
    """A classifier that has read: it begins with, and is held near, the log-odds of what it read.

    read: logits of each result, (363, prime).
    """
    chance = read.log_softmax(1).flatten()
    return fit_process(data, start=chance - torch.log(-torch.expm1(chance)))


# Asking about what fools the verifier.


class Asked(NamedTuple):
    """What the selector learned from, and two ways to choose what to have labeled next."""

    first: Labeled  # one solution of each problem
    by_chance: Labeled
    convincing: Labeled


def ask(seed: int, k: int, read: bool, n: int = 200, solutions: int = 100) -> Asked:
    """k solutions of each of n problems, out of 100, chosen in either way.

    read: whether the verifier that is to be fooled has read the pupil's solutions (`reading`).
    It has labels of one solution of each problem.
    """
    generator = utils.generator(30_000 + seed)
    problems = draw_problems(n, generator)
    results = PUPIL.write(problems, solutions, generator)
    fooled = fit_recomputing if read else fit_process
    start = (reading(seed),) if read else ()
    first = label(problems, results[:, 0])
    selector = fooled(first, *start)
    real = problems.real[:, None].expand_as(results)
    scores = selector.scores(step_index(problems, results), real)
    # Two solutions may be alike: a little noise decides between them.
    scores = scores + 1e-9 * torch.rand(scores.shape, generator=generator, dtype=scores.dtype)
    convincing = most_convincing_wrong(scores, right_answers(problems, results), k)
    by_chance = torch.rand(n, solutions, generator=generator).topk(k).indices

    def labeled(places: Tensor) -> Labeled:
        rows = torch.arange(n).repeat(k)  # one of each problem, then a second of each
        return label(problems.rows(rows), results[rows, places.T.flatten()])

    return Asked(first, labeled(by_chance), labeled(convincing))
