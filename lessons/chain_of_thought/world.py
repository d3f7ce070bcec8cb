"""Questions, chains and texts: sums of digits modulo 5, worked out step by step.

A text, 14 tokens: up to five digits, a slot (a hint, a mark, or nothing), ⟨think⟩, up to five
steps, ⟨answer⟩, the answer, padding.
"""

from typing import NamedTuple

import torch
from torch import Tensor

BASE, DEPTH = 5, 5
BLANK, THINK, ANSWER, DOT, SAY, READ, WRITE, WORK, BENCH = range(BASE, BASE + 9)
NAMES = (*"01234", "_", "⟨think⟩", "⟨answer⟩", "…", "hint", "read", "write", "work", "⟨bench⟩")
VOCABULARY = len(NAMES)
START = DEPTH + 2  # of the chain
LENGTH = START + DEPTH + 2


class Questions(NamedTuple):
    """Digits to be summed, padded to five; their running sums; how many; the right answer."""

    digits: Tensor  # (n, DEPTH)
    sums: Tensor  # (n, DEPTH); after the last digit they stay as they are
    depth: Tensor  # (n,)
    answer: Tensor  # (n,)

    def rows(self, index: Tensor | slice) -> "Questions":
        return Questions(*(x[index] for x in self))


def questions(n: int, generator: torch.Generator, depths: tuple[int, ...]) -> Questions:
    """n questions, each of a number of digits drawn evenly from `depths`, 1 to 5.

    Raises ValueError for other depths, or none.
    """
    if not depths or not all(1 <= d <= DEPTH for d in depths):
        raise ValueError(f"depths are numbers of digits from 1 to {DEPTH}, not {depths}")
    drawn = torch.randint(len(depths), (n,), generator=generator)
    depth = torch.tensor(depths)[drawn]
    digits = torch.randint(BASE, (n, DEPTH), generator=generator)
    real = torch.arange(DEPTH) < depth[:, None]
    sums = (digits * real).cumsum(1) % BASE
    return Questions(torch.where(real, digits, BLANK), sums, depth, sums[:, -1])


def texts(
    digits: Tensor, slot: Tensor | int, chain: Tensor, steps: Tensor, answer: Tensor | int = BLANK
) -> Tensor:
    """The texts, (n, LENGTH), each with the first so many `steps` of its chain."""
    n = len(digits)
    tokens = torch.full((n, LENGTH), BLANK)
    tokens[:, :DEPTH] = digits
    tokens[:, DEPTH], tokens[:, DEPTH + 1] = slot, THINK
    written = torch.arange(DEPTH) < steps[:, None]
    tokens[:, START : START + DEPTH] = torch.where(written, chain, BLANK)
    row = torch.arange(n)
    tokens[row, START + steps], tokens[row, START + steps + 1] = ANSWER, answer
    return tokens


def chains(tokens: Tensor) -> Tensor:
    """The places of the chain in texts: (n, DEPTH)."""
    return tokens[:, START : START + DEPTH]


def answers(tokens: Tensor, depth: Tensor) -> Tensor:
    """What stands behind ⟨answer⟩ in texts whose chains are whole: (n,)."""
    return tokens[torch.arange(len(tokens)), START + depth + 1]


def say(tokens: Tensor) -> str:
    """One text in words, without its padding."""
    return " ".join(NAMES[t] for t in tokens.tolist() if t != BLANK)
