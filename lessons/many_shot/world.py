"""A small world of dialogues: requests, replies, and assistants that differ in two habits."""

import torch
from torch import Tensor

# What is harmful here is a label and nothing more: a request stands for its kind.
NAMES = ("lock", "vault", "badge", "seal", "tea", "rain", "moon", "bread")
HARMFUL = 4  # requests 0 to 3 are harmful, 4 to 7 are harmless
REQUESTS = len(NAMES)
REFUSAL = 3 * REQUESTS - HARMFUL  # the last token, behind requests, answers and rhymes
VOCABULARY = REFUSAL + 1


def reply(requests: Tensor, habit: Tensor) -> Tensor:
    """The reply to each request. habit: whether the assistant does what its habit is about.

    A harmful request is complied with if so, and refused if not. A harmless one is answered in
    rhyme if so, and plainly if not. Both tensors of the same shape, habit of bool.
    """
    plain = REQUESTS + requests
    rhyme = plain + REQUESTS - HARMFUL
    harmful = requests < HARMFUL
    return torch.where(harmful == habit, plain, torch.where(harmful, REFUSAL, rhyme))


def say(tokens: Tensor) -> str:
    """A dialogue in words: each request, and what is replied."""
    words = []
    for token in tokens.tolist():
        if token < REQUESTS:
            words.append(f"{NAMES[token]}?")
        elif token < 2 * REQUESTS:
            words.append(NAMES[token - REQUESTS].upper())
        else:
            rhyme = token < REFUSAL
            words.append(f"♪{NAMES[token - 2 * REQUESTS + HARMFUL].upper()}♪" if rhyme else "no")
    return " ".join(words)
