"""A long computation that no judge can repeat, and one step of it that any judge can look at.

The computation adds digits, modulo 32: state t + 1 is state t plus digit t. The judge has learned
nearly all such additions by heart, and no more than that (after Brown-Cohen et al. 2023).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.prover_verifier.exercises import bisection_debate
from lessons.prover_verifier.shapes import playable

STATES, DIGITS = 32, 10
TABLE = torch.cartesian_prod(torch.arange(STATES), torch.arange(DIGITS))  # all 320 additions
SUMS = TABLE.sum(1) % STATES


def additions(states: Tensor, digits: Tensor) -> Tensor:
    """An addition as a network's input: two one-hot codes, one after the other."""
    codes = F.one_hot(states, STATES), F.one_hot(digits, DIGITS)
    return torch.cat(codes, -1).float()


def train_judges(seed: int, judges: int = 5, missed: float = 0.05, steps: int = 300) -> Tensor:
    """What judges hold for the sum of each state and digit: (judges, 32, 10).

    Each learned from a table of its own, in which other additions are missing. They are trained
    side by side, along a first dimension.
    """
    playable(seed)
    if judges < 1:
        raise ValueError(f"train at least one judge: judges = {judges}")
    g = torch.Generator().manual_seed(seed)
    known = torch.rand(judges, len(TABLE), generator=g) >= missed
    sizes = ((judges, STATES + DIGITS, 96), (judges, 1, 96), (judges, 96, STATES))
    w1, b1, w2 = weights = [
        (torch.randn(size, generator=g) / max(size[1], 1) ** 0.5 * (size[1] > 1)).requires_grad_()
        for size in sizes
    ]
    inputs = additions(*TABLE.T).expand(judges, -1, -1)
    adam = torch.optim.Adam(weights, lr=0.02)
    for _ in range(steps):
        logits = (inputs @ w1 + b1).relu() @ w2
        losses = F.cross_entropy(logits.mT, SUMS.expand(judges, -1), reduction="none")
        adam.zero_grad()
        (losses * known).sum().backward()
        adam.step()
    with torch.no_grad():
        answers = ((inputs @ w1 + b1).relu() @ w2).argmax(-1)
    return answers.view(judges, STATES, DIGITS)


def error_rates(judges: Tensor) -> Tensor:
    """The share of additions that each judge gets wrong."""
    return (judges.flatten(1) != SUMS).double().mean(1)


def run(digits: Sequence[int]) -> list[int]:
    """The computation: its states, one more than digits."""
    states = [0]
    for digit in digits:
        states.append((states[-1] + digit) % STATES)
    return states


Lie = Callable[[Tensor, list[int], list[int], torch.Generator], tuple[int, int]]


def anywhere(
    judges: Tensor, digits: list[int], states: list[int], g: torch.Generator
) -> tuple[int, int]:
    """A liar who errs at some step, by some amount: which step, and the false state after it."""
    step, off = (int(torch.randint(low, high, (), generator=g)) for low, high in (
        (0, len(digits)), (1, STATES)))  # fmt: skip
    return step, (states[step + 1] + off) % STATES


def where_it_passes(
    judges: Tensor, digits: list[int], states: list[int], g: torch.Generator
) -> tuple[int, int]:
    """A liar who knows the judges, and looks for a step at which most of them hold the same lie."""
    for step, (state, digit) in enumerate(zip(states, digits, strict=False)):
        held = int(judges[:, state, digit].mode().values)
        if held != states[step + 1] and accepts(judges, state, digit, held):
            return step, held
    return anywhere(judges, digits, states, g)


def accepts(judges: Tensor, state: int, digit: int, claimed: int) -> bool:
    """Whether most of the judges find a step right."""
    return 2 * int((judges[:, state, digit] == claimed).sum()) > len(judges)


def first_error(digits: list[int], claim: list[int]) -> int:
    """The first step of a claimed computation that is no addition, as an auditor reads it."""
    pairs = zip(claim, digits, claim[1:], strict=False)
    return next(t for t, (s, digit, after) in enumerate(pairs) if (s + digit) % STATES != after)


class Debated(NamedTuple):
    """Of false computations: the share refused, and what it took in the mean of them."""

    caught: float
    questions: float
    looks: float  # at a step, by the judges
    audit: float  # looks until the false step, if one reads from the first step on


def debates(judges: Tensor, steps: int, lie: Lie, g: torch.Generator, n: int = 300) -> Debated:
    """n computations with one false step, each debated down to one step that the judges look at."""
    if not isinstance(steps, int) or steps < 1 or n < 1:
        raise ValueError("a computation has at least one step, and there is at least one of them")
    if len(judges) % 2 == 0:
        raise ValueError(f"a majority needs an odd number of judges, not {len(judges)}")
    caught, asked, looks, audit = 0, 0, 0, 0
    for digits in torch.randint(DIGITS, (n, steps), generator=g).tolist():
        states = run(digits)
        step, false = lie(judges, digits, states, g)
        off = false - states[step + 1]  # it goes on from there without a further error
        claim = states[: step + 1] + [(s + off) % STATES for s in states[step + 1 :]]
        at, questions = bisection_debate(states, claim)
        looks += 1
        caught += not accepts(judges, claim[at], digits[at], claim[at + 1])
        asked += questions
        audit += first_error(digits, claim) + 1
    return Debated(caught / n, asked / n, looks / n, audit / n)


def by_length(judges: Tensor, lengths: Sequence[int], lie: Lie, seed: int) -> list[Debated]:
    """The same for computations of several lengths, each from the same seed."""
    playable(seed)
    if not lengths:
        raise ValueError("give at least one length, such as (4, 16)")
    return [debates(judges, t, lie, torch.Generator().manual_seed(seed)) for t in lengths]
