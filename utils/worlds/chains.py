"""Chains of arithmetic modulo a prime, written by a pupil with slips and one misconception.

A problem is a number and some steps, such as 4, + 9, − 7, × 3. A solution states a result after
each step, and each step starts from the result stated before it, be that right or wrong.
Everything is an index: numbers 0 … prime − 1, operators 0 … 2 of `OPS`.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

OPS = "+−×"
MINUS, TIMES = 1, 2
PRIME = 11


class Problems(NamedTuple):
    """n problems, padded to the longest of them. `real` says which steps there are."""

    start: Tensor  # (n,)
    op: Tensor  # (n, steps), as indices of OPS
    operand: Tensor  # (n, steps)
    real: Tensor  # (n, steps), bool; each row True up to its length

    def rows(self, index: Tensor | slice) -> "Problems":
        return Problems(*(x[index] for x in self))

    @property
    def last(self) -> Tensor:
        """The index of each problem's last real step: (n,)."""
        return self.real.sum(1) - 1


def draw_problems(
    n: int, generator: torch.Generator, shortest: int = 4, longest: int = 6, prime: int = PRIME
) -> Problems:
    """n problems, each of `shortest` to `longest` steps; numbers and operators evenly drawn."""
    start = torch.randint(prime, (n,), generator=generator)
    op = torch.randint(len(OPS), (n, longest), generator=generator)
    operand = torch.randint(prime, (n, longest), generator=generator)
    length = torch.randint(shortest, longest + 1, (n, 1), generator=generator)
    return Problems(start, op, operand, torch.arange(longest) < length)


def right_results(prime: int = PRIME) -> Tensor:
    """What each step gives, as a table: (3, prime, prime), by operator, number and operand."""
    number, operand = torch.arange(prime)[:, None], torch.arange(prime)
    return torch.stack([number + operand, number - operand, number * operand]) % prime


def truth(problems: Problems, prime: int = PRIME) -> Tensor:
    """The right results: (n, steps). After the last real step they are of no meaning."""
    table, now, results = right_results(prime), problems.start, []
    for op, operand in zip(problems.op.T, problems.operand.T, strict=True):
        now = table[op, now, operand]
        results.append(now)
    return torch.stack(results, 1)


def befores(problems: Problems, results: Tensor) -> Tensor:
    """What each step started from. results and what comes back: (n, solutions, steps)."""
    start = problems.start[:, None, None].expand(-1, results.shape[1], 1)
    return torch.cat([start, results[:, :, :-1]], 2)


def is_right(problems: Problems, results: Tensor, prime: int = PRIME) -> Tensor:
    """Whether each step is right, given what it started from: (n, solutions, steps), bool."""
    op, operand = problems.op[:, None], problems.operand[:, None]
    return results == right_results(prime)[op, befores(problems, results), operand]


def is_neutral(problems: Problems) -> Tensor:
    """Whether a step changes nothing: + 0, − 0 and × 1. (n, steps), bool."""
    return problems.operand == (problems.op == TIMES).long()


def answers(problems: Problems, results: Tensor) -> Tensor:
    """The last real result of each solution: (n, solutions, steps) to (n, solutions)."""
    last = problems.last[:, None, None].expand(-1, results.shape[1], 1)
    return results.gather(2, last)[:, :, 0]


def right_answers(problems: Problems, results: Tensor, prime: int = PRIME) -> Tensor:
    """Whether each solution ends in the right answer, by whatever steps. (n, solutions), bool."""
    right = truth(problems, prime).gather(1, problems.last[:, None])
    return answers(problems, results) == right


def step_index(problems: Problems, results: Tensor, prime: int = PRIME) -> Tensor:
    """Which of the 3 · prime³ steps each one is: (n, solutions, steps).

    Steps are counted by operator, number, operand, stated result: the place of the step in a
    flattened table of the shape of `Pupil.chances`.
    """
    op, operand = problems.op[:, None], problems.operand[:, None]
    return ((op * prime + befores(problems, results)) * prime + operand) * prime + results


def as_text(problems: Problems, results: Tensor, i: int, j: int) -> str:
    """Solution j of problem i, such as "4 +9→ 2 −7→ 5": after each step what it states."""
    said = [str(int(problems.start[i]))]
    for t in range(int(problems.last[i]) + 1):
        op, operand = OPS[int(problems.op[i, t])], int(problems.operand[i, t])
        said.append(f"{op}{operand}→ {int(results[i, j, t])}")
    return " ".join(said)


class Pupil:
    """Who writes solutions. `chances`: of each result of a step, (3, prime, prime, prime), float64.

    The misconception is children's "smaller from larger" (Brown & Burton 1978): asked to take a
    number from a smaller one, the pupil takes the smaller from the larger, 3 − 7 = 4, with chance
    `belief`. And with chance `slip` any step ends one too high or one too low.
    """

    def __init__(self, slip: float = 0.08, belief: float = 0.75, prime: int = PRIME):
        self.prime = prime
        number, operand = torch.arange(prime)[:, None], torch.arange(prime)
        meant = F.one_hot(right_results(prime), prime).double()
        turned_round = F.one_hot((operand - number) % prime, prime).double()
        mixed = belief * turned_round + (1 - belief) * meant[MINUS]
        meant[MINUS] = torch.where((number < operand)[..., None], mixed, meant[MINUS])
        beside = (meant.roll(1, -1) + meant.roll(-1, -1)) / 2
        self.chances = (1 - slip) * meant + slip * beside

    def write(self, problems: Problems, n: int, generator: torch.Generator) -> Tensor:
        """n solutions of each problem: (problems, n, steps)."""
        begun = torch.zeros(len(problems.start), n, 0, dtype=torch.long)
        return self.complete(problems, begun, generator)

    def complete(self, problems: Problems, begun: Tensor, generator: torch.Generator) -> Tensor:
        """Go on to the end from the steps begun, (problems, n, so far): (problems, n, steps)."""
        n, so_far = begun.shape[1:]
        now = begun[:, :, -1] if so_far else problems.start[:, None].expand(-1, n)
        results = [*begun.unbind(2)]
        for t in range(so_far, problems.op.shape[1]):
            chances = self.chances[problems.op[:, t, None], now, problems.operand[:, t, None]]
            u = torch.rand(*now.shape, 1, generator=generator, dtype=torch.float64)
            # Rounding may leave the sum of the chances just below 1.
            now = (chances.cumsum(-1) < u).sum(-1).clamp(max=self.prime - 1)
            results.append(now)
        return torch.stack(results, 2)

    def hopes(self, problems: Problems) -> Tensor:
        """The chance that the pupil ends in the right answer, by what is stated after a step.

        Exact, backwards from the end: (problems, steps + 1, prime), where [:, t] is after t steps.
        """
        right = truth(problems, self.prime).gather(1, problems.last[:, None])[:, 0]
        hope = F.one_hot(right, self.prime).double()
        hopes = [hope]
        for t in reversed(range(problems.op.shape[1])):
            ahead = self.chances[problems.op[:, t], :, problems.operand[:, t]]  # (n, from, to)
            before = (ahead @ hope[:, :, None])[:, :, 0]
            hope = torch.where(problems.real[:, t, None], before, hope)
            hopes.append(hope)
        return torch.stack(hopes[::-1], 1)
