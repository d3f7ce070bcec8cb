"""Verifiers, what they learn from, and how well they choose.

A verifier is a table with a number for each of the 3,993 steps that can be written. What differs
between verifiers is what they are told, and how the numbers of a solution's steps are read.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

import utils
from lessons.process_rewards.exercises import (
    best_of_n_accuracy,
    outcome_loss,
    process_loss,
    solution_score,
)
from utils.worlds.chains import (
    OPS,
    PRIME,
    Problems,
    Pupil,
    answers,
    draw_problems,
    is_right,
    right_answers,
    step_index,
    truth,
)

PUPIL = Pupil()
N_STEPS = len(OPS) * PRIME**3


class Labeled(NamedTuple):
    """Solutions to learn from, (n, steps), and what people say of them."""

    problems: Problems
    results: Tensor  # what each step states
    steps: Tensor  # which of the 3,993 steps it is
    labels: Tensor  # 1 right, 0 wrong, −1 padding
    right: Tensor  # (n,), whether the final answer is right

    @property
    def sound(self) -> Tensor:
        """Whether every step of a solution is right, (n,)."""
        return (self.labels != 0).all(1)

    def rows(self, index: Tensor | slice) -> "Labeled":
        return Labeled(self.problems.rows(index), *(x[index] for x in self[1:]))


def label(problems: Problems, results: Tensor) -> Labeled:
    """Label solutions by hand, one a problem: results (n, steps)."""
    one = results[:, None]
    labels = torch.where(problems.real, is_right(problems, one)[:, 0].long(), -1)
    steps, right = step_index(problems, one)[:, 0], right_answers(problems, one)[:, 0]
    return Labeled(problems, results, steps, labels, right)


@cache
def homework(seed: int, n: int = 8000) -> Labeled:
    """n solutions of as many problems, labeled; whoever needs fewer takes the first."""
    generator = utils.generator(seed)
    problems = draw_problems(n, generator)
    return label(problems, PUPIL.write(problems, 1, generator)[:, 0])


def cost(data: Labeled) -> Tensor:
    """How many labels each solution's steps take, up to the first error: (n,)."""
    wrong = (data.labels == 0).long()
    return ((data.labels >= 0) & (wrong.cumsum(1) - wrong == 0)).sum(1)


def worth(data: Labeled, n_labels: int) -> Labeled:
    """As many of the first solutions as n_labels labels of steps pay for, at least one."""
    return data.rows(slice(max(1, int((cost(data).cumsum(0) <= n_labels).sum()))))


class Pool(NamedTuple):
    """Many solutions of each of some new problems to choose from: (problems, solutions, steps)."""

    problems: Problems
    results: Tensor
    steps: Tensor
    real: Tensor
    right: Tensor  # (problems, solutions), the final answer is right
    sound: Tensor  # and every step, too


@cache
def pool(
    seed: int, n: int = 200, solutions: int = 512, shortest: int = 4, longest: int = 6
) -> Pool:
    """New problems with many solutions each."""
    generator = utils.generator(10_000 + seed)
    problems = draw_problems(n, generator, shortest, longest)
    results = PUPIL.write(problems, solutions, generator)
    real = problems.real[:, None].expand_as(results)
    right = right_answers(problems, results)
    sound = right & (is_right(problems, results) | ~real).all(2)
    return Pool(problems, results, step_index(problems, results), real, right, sound)


# Verifiers.


class Verifier(NamedTuple):
    """A number for each step, (3,993,), and how those of a solution are read.

    how: "product", "minimum", "last" of log-probabilities, as solution_score; or "sum" of logits.
    """

    table: Tensor
    how: str = "product"
    bias: float = 0.0  # of a verdict by logits: right if bias + sum > 0; choosing needs none

    def scores(self, steps: Tensor, real: Tensor) -> Tensor:
        """Scores of solutions, (..., steps) to (...,)."""
        numbers = self.table[steps]
        if self.how == "sum":
            return torch.where(real, numbers, 0).sum(-1)
        return solution_score(numbers, real, self.how)


def least(loss: Callable[[Tensor], Tensor], start: Tensor, steps: int = 200) -> Tensor:
    """Where a smooth loss is least, by L-BFGS from `start`; stops after so many steps at most."""
    x = start.clone().requires_grad_()
    lbfgs = torch.optim.LBFGS([x], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        lbfgs.zero_grad()
        value = loss(x)
        value.backward()
        return value

    lbfgs.step(closure)
    return x.detach()


def ridge(table: Tensor) -> Tensor:
    """What it costs to believe in numbers far from 0, in nats: a normal prior of spread √2."""
    return table.square().sum() / 4


def fit_process(
    data: Labeled,
    labels: Tensor | None = None,
    stop: bool = True,
    how: str = "product",
    start: Tensor | None = None,
) -> Verifier:
    """A process reward model. labels: others than by hand; start: log-odds to be held near."""
    labels = data.labels if labels is None else labels
    before = torch.zeros(N_STEPS, dtype=torch.float64) if start is None else start
    wrong = (labels == 0).long()
    counts = (labels >= 0) & ((wrong.cumsum(1) - wrong == 0) | (not stop))

    def loss(table: Tensor) -> Tensor:
        told = process_loss(table[data.steps], labels, stop)
        return told + ridge(table - before) / counts.sum()

    return Verifier(F.logsigmoid(least(loss, before)), how)


def fit_outcome(data: Labeled, how: str = "sum", right: Tensor | None = None) -> Verifier:
    """An outcome reward model. how: "sum" of logits, or "product" of the chances of the steps.

    right: other labels of solutions than whether the answer is right.
    """
    real, right = data.labels >= 0, data.right if right is None else right

    def loss(table: Tensor) -> Tensor:
        logits, bias = table[:-1][data.steps], table[-1]
        if how == "sum":
            told = F.logsigmoid(torch.where(real, logits, 0).sum(1) + bias)
        else:
            told = solution_score(F.logsigmoid(logits), real, how)
        return outcome_loss(told.clamp(max=-1e-12), right) + ridge(table) / len(right)

    *_, bias = table = least(loss, torch.zeros(N_STEPS + 1, dtype=torch.float64))
    if how == "sum":
        return Verifier(table[:-1], how, bias.item())
    return Verifier(F.logsigmoid(table[:-1]), how)


def fit_every_prefix(data: Labeled) -> Verifier:
    """An outcome reward model as Uesato et al. have it: the answer's label after every step."""
    real = data.labels >= 0
    right = data.right[:, None].expand_as(real)[real]

    def loss(table: Tensor) -> Tensor:
        logits = torch.where(real, table[:-1][data.steps], 0).cumsum(1) + table[-1]
        return outcome_loss(F.logsigmoid(logits[real]), right) + ridge(table) / len(right)

    table = least(loss, torch.zeros(N_STEPS + 1, dtype=torch.float64))
    return Verifier(table[:-1], "sum", table[-1].item())


def balanced(verdict: Tensor, true: Tensor) -> float:
    """Agreement where "true" and "false" weigh the same: one half for who always says the same."""
    return (verdict[true].double().mean() + (~verdict[~true]).double().mean()).item() / 2


def agreements(verifier: Verifier, data: Labeled) -> tuple[float, float]:
    """Balanced agreement after each step: with 'all so far are right', 'the answer will be'."""
    real = data.labels >= 0
    logits = torch.where(real, verifier.table[data.steps], 0).cumsum(1) + verifier.bias
    so_far = (data.labels == 1).long().cumprod(1).bool()
    will_be = data.right[:, None].expand_as(real)
    verdict = logits[real] > 0
    return balanced(verdict, so_far[real]), balanced(verdict, will_be[real])


def finds_first_error(verifier: Verifier, data: Labeled) -> float:
    """ProcessBench's F1: the harmonic mean of two shares, of solutions with a wrong step in which
    the first is found, and of solutions without in which none is seen. Wrong: chance below half.
    """
    half = -math.log(2) - 1e-9  # a step never seen has a chance of one half: no error is seen
    suspect = (data.labels >= 0) & (verifier.table[data.steps] < half)
    none = ~suspect.any(1)
    same = suspect.long().argmax(1) == (data.labels == 0).long().argmax(1)
    found = (same & ~none)[~data.sound].double().mean().item()
    spared = none[data.sound].double().mean().item()
    return 2 * found * spared / (found + spared)


VERIFIERS = ("process", "structured outcome", "outcome")


@cache
def verifiers(seed: int, n: int = 1000) -> dict[str, Verifier]:
    """The three, on the same n solutions."""
    data = homework(seed).rows(slice(n))
    told = fit_process(data), fit_outcome(data, "product"), fit_outcome(data, "sum")
    return dict(zip(VERIFIERS, told, strict=True))


# Choosing.


def solved(pool: Pool, verifier: Verifier, n: int) -> float:
    """The share of problems that best-of-n solves."""
    scores = verifier.scores(pool.steps, pool.real)
    return best_of_n_accuracy(pool.right, scores, n).item()


def trace_error(pool: Pool, verifier: Verifier, n: int) -> float:
    """Of the right answers that best-of-n picks, the share with a wrong step on the way."""
    scores = verifier.scores(pool.steps, pool.real)
    right, sound = (best_of_n_accuracy(x, scores, n).item() for x in (pool.right, pool.sound))
    return 1 - sound / right


def curves(pool: Pool, verifier: Verifier, ns: Sequence[int]) -> tuple[list[float], list[float]]:
    """The share solved, and the trace error, at each n."""
    scores = verifier.scores(pool.steps, pool.real)
    right, sound = (
        [best_of_n_accuracy(x, scores, n).item() for n in ns] for x in (pool.right, pool.sound)
    )
    return right, [1 - s / r for s, r in zip(sound, right, strict=True)]


def groups(pool: Pool, n: int, draws: int = 20, seed: int = 0) -> list[Tensor]:
    """`draws` choices of n solutions, for what has no closed form: voting."""
    generator = utils.generator(seed)
    return [torch.randperm(pool.right.shape[1], generator=generator)[:n] for _ in range(draws)]


def majority(pool: Pool, n: int) -> float:
    """The share of problems solved by the most frequent answer of n, over 20 draws."""
    given, right = answers(pool.problems, pool.results), truth(pool.problems)
    right = right.gather(1, pool.problems.last[:, None])[:, 0]
    votes = [F.one_hot(given[:, group], PRIME).sum(1).argmax(1) for group in groups(pool, n)]
    return torch.stack([vote == right for vote in votes]).double().mean().item()
