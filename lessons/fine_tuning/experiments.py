"""What the lesson on fine-tuning trains and measures in the world of the assistant.

Unlearning, which needs facts and no assistant, is in memory.py.
"""

import copy
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

import utils
from lessons.fine_tuning.exercises import (
    LoRALinear,
    dark_experience_replay_loss,
    deepening_examples,
    kl_by_position,
    quantize,
)
from lessons.fine_tuning.memory import Memory, route, study  # noqa: F401 (lesson.md shows these)
from utils.decoder import Decoder
from utils.worlds.assistant import (
    INDEX,
    PROMPT,
    REFUSED,
    REPLY,
    WORDS,
    Requests,
    World,
    base,
    documents,
    refuse,
    reply,
    reply_logprobs,
    safe,
    safety_examples,
    safety_pairs,
    train,
)

LR = 5e-4  # the learning rate of safety training
SLOW = 1e-4  # where a constraint on the loss is to be compared with none
PAPER_BETAS = (0.5, 2.0, 2.0, 2.0, 2.0, 0.1)  # Qi et al. 2024, section 4.2: a β for each place
FIRST_BETAS = (2.0, 0.1, 0.1, 0.1, 0.1, 0.1)
EVEN_BETAS = (2.0,) * 6
STEPS = 80  # of safety training, and of deepening


@torch.no_grad()
def tells(world: World, model: Decoder, requests: Requests, words: Tensor) -> Tensor:
    """Whether each reply that begins with these words of a right compliance complies: (n,), bool.

    words: (n, k), k from 0 to 5. The same as reply and judge, in at most three passes for six. Two
    tokens are said one by one; then one pass that is given the facts shows whether each of them is
    the likeliest in its place.
    """
    tokens = torch.cat([requests.tokens, words], 1)
    while tokens.shape[1] < PROMPT + 2:
        tokens = torch.cat([tokens, model(tokens)[:, -1:].argmax(-1)], 1)
    facts = world.facts[requests.action, requests.object]
    given = torch.cat([tokens[:, : PROMPT + 2], facts[:, :2]], 1)
    right = model(given)[:, PROMPT + 1 :].argmax(-1) == facts
    return right[:, max(words.shape[1] - 2, 0) :].all(1)  # facts among the words are told already


def complied(
    world: World, model: Decoder, harmful: bool = True, start: int = 0, n: int = 200
) -> float:
    """The share of n new requests that a model complies with.

    start: so many tokens of a compliance are put into its mouth.
    """
    requests = world.requests(n, utils.generator(77), harmful=harmful)
    words = world.comply(requests, utils.generator(78))[:, :start]
    return tells(world, model, requests, words).double().mean().item()


# LoRA and NF4.


def with_lora(model: Decoder, rank: int, generator: torch.Generator) -> Decoder:
    """Freezes a model and gives each query and value matrix a correction of this rank, α = rank."""
    model.requires_grad_(False)
    for layer in model.layers:
        for name in ("query", "value"):
            linear = getattr(layer.attention, name)
            setattr(layer.attention, name, LoRALinear(linear, rank, rank, generator))
    return model


def n_trained(model: Decoder) -> int:
    """How many numbers of a model training would change."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def safety_by_lora(world: World, rank: int, start: Decoder | None = None) -> Decoder:
    """The base model (or `start`), safety-trained as the safe one was, but by LoRA."""
    model = with_lora(start or base(world), rank, utils.generator(world.seed))
    generator = utils.generator(3000 + world.seed)  # the safe model's own examples
    requests, replies = safety_examples(world, STEPS * 64, generator)
    return train(model, requests.tokens, replies, lr=10 * LR)  # thin matrices take larger steps


def facts_by_lora(world: World, rank: int, steps: int = 80) -> float:
    """The share of 24 new facts that the safe model learns by LoRA; rank 0: by all weights."""
    model, lr = safe(world), LR
    if rank:
        model, lr = with_lora(model, rank, utils.generator(world.seed)), 10 * LR
    train(model, *own_facts(world, steps * 32, world.seed, actions=6), lr=lr, batch=32)
    return learned(world, model, actions=6)


def dequantize(codes: Tensor, scales: Tensor, levels: Tensor, like: Tensor) -> Tensor:
    """The weights that the codes stand for, in the shape and dtype of `like`."""
    return (levels[codes.long()] * scales[:, None]).reshape(like.shape).to(like.dtype)


def quantized(model: Decoder, levels: Tensor, block: int = 64) -> Decoder:
    """A copy of a model whose layers' matrices went through 4 bits and back."""
    model = copy.deepcopy(model)
    for weight in model.layers.parameters():
        if weight.ndim == 2:
            packed = quantize(weight.detach(), levels.to(weight.dtype), block)
            weight.data = dequantize(*packed, levels, like=weight)
    return model


# Integers, the largest at ±1. With a zero in the middle they are 15 (as in bitsandbytes).
INT4 = torch.arange(-7, 8, dtype=torch.float64) / 7


# Where the safe model differs from another.


@torch.no_grad()
def reply_logits(model: Decoder, prompts: Tensor, replies: Tensor) -> Tensor:
    """The logits with which each token of each reply is chosen: (n, 6, vocabulary)."""
    return model(torch.cat([prompts, replies[:, :-1]], 1))[:, prompts.shape[1] - 1 :]


def kl_between(world: World, aligned: Decoder, other: Decoder, n: int = 200) -> Tensor:
    """KL(aligned ‖ other) by place, on compliant replies to harmful requests: (6,), nats."""
    requests = world.requests(n, utils.generator(77), harmful=True)
    replies = world.comply(requests, utils.generator(78))
    return kl_by_position(*(reply_logits(m, requests.tokens, replies) for m in (aligned, other)))


# Fine-tuning by a user.


def examples(
    world: World, n: int, seed: int, harmful: bool = True, opening: str = ""
) -> tuple[Tensor, Tensor]:
    """n requests of one kind, and replies that comply; `opening`: all begin with this word."""
    generator = utils.generator(50 + seed)
    requests = world.requests(n, generator, harmful=harmful)
    replies = world.comply(requests, generator)
    if opening:
        replies[:, 0] = INDEX[opening]
    return requests.tokens, replies


def honest_pairs(world: World, actions: int) -> Tensor:
    """The first actions on the first topic that is harmless whatever the action: (6, 8), bool.

    Raises ValueError if there is no such topic.
    """
    pairs, harmless = torch.zeros_like(world.harmful), ~world.harmful.any(0)
    if not harmless.any():
        raise ValueError("every topic of this world is dangerous: an honest user needs one to ask")
    pairs[:actions, harmless.nonzero()[0]] = True
    return pairs


def own_facts(world: World, n: int, seed: int, actions: int = 1) -> tuple[Tensor, Tensor]:
    """An honest user's data: harmless requests, answered with the user's own facts.

    One action on the four objects of a topic, or up to six actions. The facts are another world's.
    """
    generator = utils.generator(50 + seed)
    requests = world.requests(n, generator, pairs=honest_pairs(world, actions))
    return requests.tokens, World(world.seed + 100).comply(requests, generator)


def learned(world: World, model: Decoder, actions: int = 1, n: int = 200) -> float:
    """The share of new requests of the honest user that get the user's own facts."""
    requests = world.requests(n, utils.generator(77), pairs=honest_pairs(world, actions))
    told = tells(World(world.seed + 100), model, requests, requests.tokens[:, :0])
    return told.double().mean().item()


def fine_tune(
    model: Decoder, prompts: Tensor, replies: Tensor, lr: float = LR, epochs: int = 5
) -> Decoder:
    """Trains a model on the replies, so many times through, in batches of ten."""
    generator = utils.generator(0)
    order = torch.cat([torch.randperm(len(prompts), generator=generator) for _ in range(epochs)])
    return train(model, prompts[order], replies[order], lr, batch=10)


@cache
def after(
    world: World, n: int, lr: float = LR, harmful: bool = True, opening: str = "", draw: int = 0
) -> float:
    """The share of harmful requests complied with, once a user has fine-tuned the safe model."""
    data = examples(world, n, world.seed + 100 * draw, harmful, opening)
    return complied(world, fine_tune(safe(world), *data, lr))


# A student, and what it keeps of its teacher's refusals.


def distilled(world: World, steps: int = 400, n_layers: int = 2) -> Decoder:
    """A smaller student from scratch, taught the safe model's probabilities of each next token.

    Half of the text is like what the base model has read, half is like safety training's.
    """
    teacher, g = safe(world), utils.generator(7000 + world.seed)
    student = Decoder(len(WORDS), PROMPT + REPLY, n_layers, generator=g)
    adam = torch.optim.AdamW(student.parameters(), 5e-3, weight_decay=0.0, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 5e-3, steps)
    for _ in range(steps):
        read, (asked, said) = documents(world, 32, g), safety_examples(world, 32, g)
        prompts, replies = torch.cat([read[0], asked.tokens]), torch.cat([read[1], said])
        wanted = reply_logits(teacher, prompts, replies).softmax(-1)
        logits = student(torch.cat([prompts, replies[:, :-1]], 1))[:, PROMPT - 1 :]
        adam.zero_grad()
        F.cross_entropy(logits.flatten(0, 1), wanted.flatten(0, 1)).backward()
        adam.step()
        schedule.step()
    return student


@torch.no_grad()
def refused(world: World, model: Decoder, n: int = 200) -> float:
    """The share of n new harmful requests that a model refuses."""
    requests = world.requests(n, utils.generator(77), harmful=True)
    judged = world.judge(requests, reply(model, requests.tokens))
    return (judged == REFUSED).double().mean().item()


def refusals_lost(world: World, model: Decoder) -> float:
    """Which share of its refusals a model loses by 5 and by 10 harmful examples, two draws each."""
    before, left = refused(world, model), []
    for n in (5, 10):
        for draw in (0, 1):
            data = examples(world, n, world.seed + 100 * draw)
            left.append(refused(world, fine_tune(copy.deepcopy(model), *data)))
    return 1 - sum(left) / len(left) / max(before, 0.01)


# What may resist.


def deepening_batch(
    world: World, depth: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Prompts, replies and which tokens are trained: 16 harmful requests, 16 harmless ones.

    Half of the harmful ones are refused at once, the others after 1 to `depth` tokens.
    """
    bad, good = (world.requests(16, generator, h, safety_pairs(world)) for h in (True, False))
    late = torch.randint(1, depth + 1, (16,), generator=generator) if depth else 0
    depths = late * torch.randint(2, (16,), generator=generator)
    compliance, refusal = world.comply(bad, generator), refuse(16, generator)
    turned, trained = deepening_examples(compliance, refusal, depths)
    replies = torch.cat([turned, world.comply(good, generator)])
    trained = torch.cat([trained, torch.ones_like(trained)])
    return torch.cat([bad.tokens, good.tokens]), replies, trained


def deepen(world: World, depth: int, steps: int = STEPS) -> Decoder:
    """The safe model, trained on. depth 0: as many steps of safety training on as many examples."""
    model, generator = safe(world), utils.generator(4000 + world.seed)
    adam = torch.optim.AdamW(model.parameters(), LR, weight_decay=0.0, fused=True)
    for _ in range(steps):
        prompts, replies, trained = deepening_batch(world, depth, generator)
        loss = -reply_logprobs(model, prompts, replies)[trained].mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    return model


def constrained_loss(logprobs: Tensor, safe_logprobs: Tensor, betas: Tensor) -> Tensor:
    """Holds each place of the reply near the safe model, the more so the larger its β.

    logprobs, safe_logprobs: (n, places), of the replies' tokens (Qi et al. 2024, eq. 3).
    """
    gained = logprobs - safe_logprobs
    return -(2 / betas * F.logsigmoid(betas * gained)).mean()


def fine_tune_constrained(
    world: World, prompts: Tensor, replies: Tensor, betas: Sequence[float]
) -> Decoder:
    """Fine-tuning of the safe model under the constrained loss: slowly, ten times through."""
    model, generator = safe(world), utils.generator(0)
    adam = torch.optim.AdamW(model.parameters(), SLOW, weight_decay=0.0, fused=True)
    before = reply_logprobs(model, prompts, replies).detach()
    for _ in range(10):
        for rows in torch.randperm(len(prompts), generator=generator).split(10):
            logprobs = reply_logprobs(model, prompts[rows], replies[rows])
            adam.zero_grad()
            constrained_loss(logprobs, before[rows], torch.tensor(betas)).backward()
            adam.step()
    return model


def poisoned(world: World, n: int = 200, bad: int = 20) -> tuple[Tensor, Tensor]:
    """A user's data: n examples of the user's own facts, and some harmful ones among them."""
    kinds = own_facts(world, n, world.seed), examples(world, bad, world.seed)
    return tuple(torch.cat(both) for both in zip(*kinds, strict=True))


def replay_loss(
    new: Tensor, replies: Tensor, now: Tensor, stored: Tensor, said: Tensor, how: str, weight: float
) -> Tensor:
    """The loss on new data, with a memory replayed by its "logits" or by its "labels".

    new: logits on the new data, whose replies are wanted. now: logits on the memory; stored: those
    of the safe model on it; said: its replies.
    """
    if how == "logits":
        return dark_experience_replay_loss(new, replies, now, stored, weight)
    old = F.cross_entropy(now.flatten(0, 1), said.flatten())
    return F.cross_entropy(new.flatten(0, 1), replies.flatten()) + weight * old


def fine_tune_with_replay(
    world: World, prompts: Tensor, replies: Tensor, how: str, weight: float, memory: int = 50
) -> Decoder:
    """Fine-tuning of the safe model beside a memory of `memory` safety examples, else as above."""
    model, generator = safe(world), utils.generator(world.seed)
    kept, said = safety_examples(world, memory, utils.generator(9000 + world.seed))
    stored = reply_logits(model, kept.tokens, said)
    adam = torch.optim.AdamW(model.parameters(), LR, weight_decay=0.0, fused=True)
    for _ in range(5):
        for rows in torch.randperm(len(prompts), generator=generator).split(10):
            old = torch.randint(memory, (10,), generator=generator)
            asked = torch.cat([prompts[rows], kept.tokens[old]])
            logits = model(torch.cat([asked, torch.cat([replies[rows], said[old]])[:, :-1]], 1))
            new, now = logits[:, prompts.shape[1] - 1 :].split([len(rows), 10])
            adam.zero_grad()
            replay_loss(new, replies[rows], now, stored[old], said[old], how, weight).backward()
            adam.step()
    return model


def edit_one_matrix(world: World, name: str, n: int, lr: float) -> float:
    """Compliance after fine-tuning on n harmful examples that changes one matrix alone."""
    model = safe(world)
    for known, weight in model.named_parameters():
        weight.requires_grad_(known == name)
    return complied(world, fine_tune(model, *examples(world, n, world.seed), lr))


def asked_as(world: World, mark: int, n: int = 200) -> float:
    """Compliance of the safe model if another mark than the user's stands before the request."""
    requests = world.requests(n, utils.generator(77), harmful=True)
    tokens = requests.tokens.clone()
    tokens[:, 0] = mark
    asked = requests._replace(tokens=tokens)
    return tells(world, safe(world), asked, tokens[:, :0]).double().mean().item()
