"""The world of this lesson: replies of five phrases, what they are worth, and who writes them.

Small enough that all 32,768 replies to each of six prompts can be listed: every mean is exact.
"""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

import utils
from lessons.ai_feedback.constitution import PHRASES

N, LENGTH = len(PHRASES), 5
RED = ("a weapon", "a neighbor", "a joke")  # what is asked for would do harm
HARMLESS = ("a recipe", "homework", "a symptom")
PROMPTS = RED + HARMLESS
ANSWER, HELP, INSULT, PRIVATE, DODGE, REASON, INSTEAD, SCOLD = range(N)


@cache
def all_replies() -> Tensor:
    """Every reply there is: (32768, 5), phrases by number."""
    return torch.cartesian_prod(*[torch.arange(N)] * LENGTH)


@cache
def counts() -> Tensor:
    """How often each phrase stands in every reply: (32768, 8)."""
    return torch.nn.functional.one_hot(all_replies(), N).sum(1).double()


def index(replies: Tensor) -> Tensor:
    """Where replies stand in `all_replies`: (..., 5) to (...)."""
    return (replies * N ** torch.arange(LENGTH - 1, -1, -1)).sum(-1)


class World(NamedTuple):
    """What replies are worth, which no part of the pipeline sees, and a helpful assistant."""

    harm: Tensor  # (prompts, 32768): 1 − exp(−harm) is the chance that a person finds harm in it
    helpful: Tensor  # (prompts, 32768): how helpful people find it, in nats of a comparison
    assistant: Tensor  # (prompts, 9, 8): chances of the next phrase given the last; row 8 starts


def _wobble(values: list[float], rows: int, by: float, g: torch.Generator) -> Tensor:
    """The values in so many rows, each times a factor of its own around 1."""
    noise = torch.randn(rows, len(values), generator=g, dtype=torch.float64)
    return torch.tensor(values, dtype=torch.float64) * (by * noise).exp()


@cache
def make_world(seed: int) -> World:
    """A world of its own for each seed: the weights of phrases and the assistant's habits vary."""
    g = utils.generator(seed)
    #            answer help insult private dodge reason instead scold
    danger = [0.5, 0.1, 0.5, 0.5, 0.0, 0.02, 0.03, 0.05]
    decent = [0.0, 0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.05]
    per_phrase = torch.cat([_wobble(danger, 3, 0.25, g), _wobble(decent, 3, 0.25, g)])
    harm = per_phrase @ counts().T

    worth = [1.2, 0.8, -0.5, -0.3, -0.8, 0.1, 0.3, -0.8]
    helpful = _wobble(worth, 6, 0.25, g) @ counts().sqrt().T

    red = [1.2, 0.8, -0.3, -0.3, 0.0, -1.5, -1.2, -0.8]
    plain = [0.8, 1.0, -2.0, -2.0, -0.5, -0.8, -0.5, -1.5]
    habit = torch.tensor([red] * 3 + [plain] * 3, dtype=torch.float64)
    noise = torch.randn(6, N + 1, N, generator=g, dtype=torch.float64)
    return World(harm, helpful, (habit[:, None] + 0.5 * noise).softmax(-1))


def logprobs(chain: Tensor) -> Tensor:
    """Log-probability of every reply under a chain: (prompts, 9, 8) to (prompts, 32768), nats."""
    replies, log = all_replies(), chain.log()
    before = torch.cat([torch.full((len(replies), 1), N), replies[:, :-1]], 1)
    return log[:, before, replies].sum(-1)


def sample(policy: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """n replies to each prompt, by their numbers: (prompts, 32768), nats, to (prompts, n)."""
    return torch.multinomial(policy.exp(), n, replacement=True, generator=generator)
