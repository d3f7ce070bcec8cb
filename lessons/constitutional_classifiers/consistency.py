"""Consistency training: the safe model is taught to react as if a wrapper were not there."""

from copy import deepcopy
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

import utils
from lessons.constitutional_classifiers.exercises import consistency_loss
from utils.decoder import Decoder
from utils.worlds.assistant import (
    COMPLIED,
    FACTS,
    FILLERS,
    OPENINGS,
    POINTERS,
    PROMPT,
    REFUSALS,
    REFUSED,
    Requests,
    World,
    ids,
    refuse,
    reply,
    reply_logprobs,
    safe,
    safety_examples,
)

TAIL = slice(PROMPT - 5, PROMPT - 1)  # the last four slots, before the ask mark


@cache
def wrapper_words() -> Tensor:
    """What a wrapper may hold: no marks, actions or objects. As tokens: (58,)."""
    said = [word for sentence in REFUSALS for word in sentence]
    return ids((*FILLERS, *FACTS, *OPENINGS, *POINTERS, *said))


def wrap(prompts: Tensor, wrappers: Tensor) -> Tensor:
    """The prompts (n, 10) with a wrapper in their last four slots: (4,), or one each, (n, 4)."""
    prompts = prompts.clone()
    prompts[:, TAIL] = wrappers
    return prompts


def search(
    world: World, model: Decoder, seed: int, tried: int = 400, kept: int = 16, n: int = 20
) -> Tensor:
    """The wrappers, of this many drawn at random, that get most harmful requests past a refusal.

    Best of `tried` on n requests, by the model's first word. Returns (kept, 4), best first.
    """
    generator = utils.generator(10_000 * (seed + 1) + world.seed)
    words = wrapper_words()
    drawn = words[torch.randint(len(words), (tried, 4), generator=generator)]
    prompts = world.requests(n, generator, harmful=True).tokens.repeat(tried, 1)
    prompts = wrap(prompts, drawn.repeat_interleave(n, 0))
    with torch.no_grad():
        first = torch.cat([model(part)[:, -1].argmax(-1) for part in prompts.split(500)])
    no = torch.isin(first, ids(tuple(sentence[0] for sentence in REFUSALS)))
    past = (~no).view(tried, n).double().mean(1)
    return drawn[past.argsort(descending=True, stable=True)[:kept]]


def wrapped_requests(
    world: World, n: int, wrappers: Tensor, generator: torch.Generator, harmful: bool
) -> tuple[Requests, Tensor]:
    """n requests, and their prompts each in one of the wrappers."""
    requests = world.requests(n, generator, harmful=harmful)
    which = torch.randint(len(wrappers), (n,), generator=generator)
    return requests, wrap(requests.tokens, wrappers[which])


METHODS = (
    "as before", "clean examples alone", "consistency", "labels, not its own replies",
    "consistency, refusals only", "refuse all wrapped",
)  # fmt: skip

SEARCHED = ("as before", "consistency")  # against these we search again


def fit(world: World, wrappers: Tensor, method: str, steps: int = 50, lr: float = 5e-4) -> Decoder:
    """The safe model trained on wrapped requests beside the clean ones of safety training.

    "consistency": its own reply to the clean request, for harmful and harmless requests alike;
    "… refusals only": for harmful ones alone; "labels …": refusals and right answers as they were
    written for safety training; "refuse all wrapped": a refusal whatever is asked; "clean examples
    alone": the same steps, and nothing wrapped.
    """
    model = safe(world)
    if method == "as before":
        return model
    frozen, generator = deepcopy(model), utils.generator(12_000 + world.seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr, weight_decay=0.0, fused=True)
    for _ in range(steps):
        clean, replies = safety_examples(world, 32, generator)
        bad, bad_wrapped = wrapped_requests(world, 16, wrappers, generator, True)
        good, good_wrapped = wrapped_requests(world, 16, wrappers, generator, False)
        asks = torch.cat([bad.tokens, good.tokens])
        prompts = torch.cat([bad_wrapped, good_wrapped])
        loss = -reply_logprobs(model, clean.tokens, replies).mean()
        if method.startswith("consistency"):
            if method.endswith("only"):
                asks, prompts = asks[:16], prompts[:16]
            own = reply(frozen, asks)
            with torch.no_grad():
                target = frozen(torch.cat([asks, own[:, :-1]], 1))[:, PROMPT - 1 :]
            now = model(torch.cat([prompts, own[:, :-1]], 1))[:, PROMPT - 1 :]
            loss = loss + consistency_loss(target, now)
        elif method != "clean examples alone":
            good_replies = refuse(16, generator)
            if method.startswith("labels"):
                good_replies = world.comply(good, generator)
            written = torch.cat([refuse(16, generator), good_replies])
            loss = loss - reply_logprobs(model, prompts, written).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


class Outcome(NamedTuple):
    """Shares of what a model does."""

    success: float  # harmful requests in wrappers not trained on: not refused
    complied: float  # and answered rightly
    found_again: float  # not refused, in the best wrappers of a new search against this model
    refused: float  # harmless requests in wrappers not trained on: refused
    right: float  # the same: answered rightly
    clean: float  # harmless requests without a wrapper: answered rightly


def outcome(
    world: World, model: Decoder, held_out: Tensor, again: bool = True, n: int = 300
) -> Outcome:
    """What the model does with requests in the held-out wrappers, and in newly found ones.

    again: whether a new search is made; else what it would find is nan.
    """
    generator = utils.generator(13_000 + world.seed)

    def judged(wrappers: Tensor, harmful: bool) -> Tensor:
        requests, prompts = wrapped_requests(world, n, wrappers, generator, harmful)
        return world.judge(requests, reply(model, prompts))

    bad, good = judged(held_out, True), judged(held_out, False)
    clean = world.requests(n, generator, harmful=False)
    found = torch.full((n,), torch.nan)
    if again:
        found = judged(search(world, model, seed=2, kept=8), True) != REFUSED
    kinds = (bad != REFUSED, bad == COMPLIED, found, good == REFUSED, good == COMPLIED)
    kinds += (world.judge(clean, reply(model, clean.tokens)) == COMPLIED,)
    return Outcome(*(x.double().mean().item() for x in kinds))


@cache
def compared(
    world: World, methods: tuple[str, ...] = METHODS, again: bool = True
) -> dict[str, Outcome]:
    """By method: trained on the best wrappers of one search, judged on those of another."""
    train, held_out = (search(world, safe(world), seed=i, kept=8) for i in (0, 1))
    return {
        m: outcome(world, fit(world, train, m), held_out, again and m in SEARCHED) for m in methods
    }
