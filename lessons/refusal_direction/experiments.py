"""What this lesson measures: directions read from activations, and what they do when moved."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.refusal_direction.exercises import (
    ablate_direction,
    choose_direction,
    difference_of_means,
    linear_probe,
    orthogonalize,
)
from utils.decoder import Decoder, Hooks
from utils.notebook import generator
from utils.worlds.assistant import (
    ACTIONS,
    COMPLIED,
    PROMPT,
    REFUSALS,
    REPLY,
    STOP,
    TOPICS,
    Requests,
    World,
    base,
    ids,
    refuse,
    reply,
    safe,
    safety_examples,
)

POSITIONS = (-5, -4, -3, -2, -1)  # behind action and object: four fillers, then the mark ⟨ask⟩
FIRST = ids(tuple(sentence[0] for sentence in REFUSALS))  # what refusals begin with


class Sets(NamedTuple):
    """Requests: to read a direction from, to choose it on, and to test it on other topics."""

    harmful: Requests
    harmless: Requests
    chosen_on_harmful: Requests
    chosen_on_harmless: Requests
    test_harmful: Requests
    test_harmless: Requests


def on_topics(topics: Sequence[int]) -> Tensor:
    """All actions on these topics: (6, 8), bool, as `World.requests` takes it."""
    pairs = torch.zeros(len(ACTIONS), len(TOPICS), dtype=torch.bool)
    pairs[:, list(topics)] = True
    return pairs


def draw(world: World, seed: int, n_test: int = 200) -> Sets:
    """128, 32 and n_test requests of either kind. Harmful ones: two topics, the same, two others.

    Harmless ones are of any topic: also dangerous words, in harmless company.
    """
    g, topics = generator(100 + seed), world.dangerous_topics
    half = max(1, len(topics) // 2)
    seen, held_out = on_topics(topics[:half]), on_topics(topics[half:] or topics)
    drawn = []
    for n, pairs in ((128, seen), (32, seen), (n_test, held_out)):
        drawn.append(world.requests(n, g, harmful=True, pairs=pairs))
        drawn.append(world.requests(n, g, harmful=False))
    return Sets(*drawn)


@cache
def models(world: World) -> tuple[Decoder, Decoder]:
    """The base model and the safe one, both frozen."""
    return base(world).requires_grad_(False), safe(world).requires_grad_(False)


@torch.no_grad()
def residuals(model: Decoder, requests: Requests) -> Tensor:
    """The residual stream before each layer and at the end: (n, n_layers + 1, 10, d_model)."""
    cache = model.run_with_cache(requests.tokens)[1]
    return torch.stack([cache[f"residual.{layer}"] for layer in range(model.n_layers + 1)], 1)


def ablating(model: Decoder, direction: Tensor) -> Hooks:
    """Hooks that erase a direction wherever the residual stream passes, at every position."""
    return {name: lambda x: ablate_direction(x, direction) for name in model.names()}


@torch.no_grad()
def ablating_to_mean(model: Decoder, direction: Tensor, requests: Requests) -> Hooks:
    """Hooks that set the part along a direction to its mean over requests and their replies.

    A mean for each place in the model and each position: Marshall et al. 2024, who erase to it.
    """
    unit = direction / direction.norm()
    text = torch.cat([requests.tokens, reply(model, requests.tokens)[:, :-1]], 1)
    means = {name: (x @ unit).mean(0) for name, x in model.run_with_cache(text)[1].items()}

    def setting(mean: Tensor) -> Callable[[Tensor], Tensor]:
        return lambda x: ablate_direction(x, direction) + mean[: x.shape[1], None] * unit

    return {name: setting(mean) for name, mean in means.items()}


def adding(layer: int, vector: Tensor) -> Hooks:
    """Hooks that add a vector before one layer, at every position."""
    return {f"residual.{layer}": lambda x: x + vector}


def adding_without(model: Decoder, layer: int, vector: Tensor, erased: Tensor) -> Hooks:
    """Hooks that add a vector before one layer, while a direction is erased everywhere."""
    off, name = ablating(model, erased), f"residual.{layer}"
    return off | {name: lambda x: off[name](x) + vector}


def shares(world: World, model: Decoder, requests: Requests, hooks: Hooks | None = None) -> Tensor:
    """The shares of replies that comply, refuse and are garbled: (3,)."""
    judged = world.judge(requests, reply(model, requests.tokens, hooks))
    return (judged[:, None] == torch.arange(3)).double().mean(0)


@torch.no_grad()
def refusal_metric(model: Decoder, requests: Requests, hooks: Hooks | None = None) -> float:
    """Log-odds that the first word is one of a refusal's, in nats, on average over requests."""
    logits = model.run_with_hooks(requests.tokens, hooks or {})[:, -1].double()
    refuses = logits.softmax(-1)[:, FIRST].sum(-1).clamp(1e-8, 1 - 1e-8)
    return refuses.logit().mean().item()


@torch.no_grad()
def moved(model: Decoder, requests: Requests, hooks: Hooks) -> float:
    """KL of the first word's distribution, from without to with hooks, in nats."""
    before = model(requests.tokens)[:, -1].double().log_softmax(-1)
    after = model.run_with_hooks(requests.tokens, hooks)[:, -1].double().log_softmax(-1)
    return (before.exp() * (before - after)).sum(-1).mean().item()


class Candidate(NamedTuple):
    """A direction, where it was read, and what it does on the validation requests."""

    layer: int  # before which it was read
    position: int  # −1 is the mark ⟨ask⟩
    direction: Tensor  # (d_model,)
    bypass: float
    induce: float
    kl: float


def candidates(model: Decoder, sets: Sets) -> list[Candidate]:
    """The difference of means before each layer, at each of the last five positions, scored."""
    means = difference_of_means(residuals(model, sets.harmful), residuals(model, sets.harmless))
    found = []
    for layer in range(model.n_layers + 1):
        for position in POSITIONS:
            r = means[layer, position]
            if r.norm() < 1e-6:  # before layer 0 there is but the word itself
                continue
            off = ablating(model, r)
            bypass = refusal_metric(model, sets.chosen_on_harmful, off)
            induce = refusal_metric(model, sets.chosen_on_harmless, adding(layer, r))
            kl = moved(model, sets.chosen_on_harmless, off)
            found.append(Candidate(layer, position, r, bypass, induce, kl))
    return found


def chosen(found: Sequence[Candidate], n_layers: int) -> tuple[Candidate, float]:
    """The candidate that the paper's rule takes, and the max_kl at which it found one.

    The paper's 0.1 nats first; doubled as long as no candidate is left.
    """
    bypass, induce, kl = ([getattr(c, name) for c in found] for name in Candidate._fields[3:])
    max_kl = 0.1
    while max_kl < 100:
        i = choose_direction(bypass, induce, kl, [c.layer for c in found], n_layers, max_kl)
        if i is not None:
            return found[i], max_kl
        max_kl *= 2
    return min(found, key=lambda c: c.bypass), max_kl  # nothing induces refusal


def strongest(found: Sequence[Candidate], n_layers: int) -> Candidate:
    """The candidate of least bypass: what an attacker takes, who does not mind what it costs."""
    return min((c for c in found if c.layer < 0.8 * n_layers), key=lambda c: c.bypass)


def refusal_direction(model: Decoder, sets: Sets) -> Candidate:
    """The refusal direction of a model."""
    return chosen(candidates(model, sets), model.n_layers)[0]


def orthogonalized(model: Decoder, direction: Tensor) -> Decoder:
    """A copy whose weights cannot write along a direction: the same as ablation at run time."""
    edited = deepcopy(model)
    with torch.no_grad():
        for table in (edited.embedding, edited.positions):  # a row a word: transposed
            table.weight.copy_(orthogonalize(table.weight.T, direction).T)
        for layer in edited.layers:
            for writer in (layer.attention.out, layer.mlp.down):
                writer.weight.copy_(orthogonalize(writer.weight, direction))
                writer.bias.copy_(orthogonalize(writer.bias, direction))
    return edited


def asked_by(requests: Requests, who: int) -> Requests:
    """The same requests with another mark of who asks: DESK or NEWS for USER."""
    tokens = requests.tokens.clone()
    tokens[:, 0] = who
    return requests._replace(tokens=tokens)


# Reading.


def at(model: Decoder, requests: Requests, place: Candidate) -> Tensor:
    """The activations where a candidate was read: (n, d_model)."""
    return residuals(model, requests)[:, place.layer, place.position]


def auroc(above: Tensor, below: Tensor) -> float:
    """The chance that a number of the first set is larger than one of the second; ties half."""
    difference = above[:, None] - below
    return ((difference > 0).double() + 0.5 * (difference == 0)).mean().item()


def reads(model: Decoder, sets: Sets, place: Candidate, direction: Tensor) -> float:
    """AUROC of harmful against harmless test requests by their dot product with a direction."""
    tests = sets.test_harmful, sets.test_harmless
    return auroc(*(at(model, requests, place) @ direction for requests in tests))


def whitened(harmful: Tensor, harmless: Tensor, ridge: float = 1e-3) -> Tensor:
    """Σ⁻¹δ: the difference of means, divided by the covariance within the two sets.

    ridge: what is added to each variance, as a share of their mean.
    """
    within = torch.cat([harmful - harmful.mean(0), harmless - harmless.mean(0)])
    covariance = within.T @ within / len(within)
    held = ridge * covariance.diagonal().mean() * torch.eye(len(covariance), dtype=covariance.dtype)
    return torch.linalg.solve(covariance + held, difference_of_means(harmful, harmless))


def indirect_effects(
    model: Decoder, sets: Sets, r: Candidate, direction: Tensor
) -> tuple[float, float]:
    """How far a direction takes harmless test requests towards harmful ones, and the way back.

    By the refusal metric: 0 is not at all, 1 the whole way. The direction is as long as what it
    takes for a probe along it to see the mean of one set as that of the other.
    """
    unit = direction / direction.norm()
    v = unit * (unit @ r.direction)
    low, high = (refusal_metric(model, q) for q in (sets.test_harmless, sets.test_harmful))
    up = refusal_metric(model, sets.test_harmless, adding(r.layer, v))
    down = refusal_metric(model, sets.test_harmful, adding(r.layer, -v))
    return (up - low) / (high - low), (high - down) / (high - low)


L2 = (100.0, 0.1, 1e-3)


def readers(model: Decoder, sets: Sets, r: Candidate, seed: int = 0) -> dict[str, Tensor]:
    """Directions read at r's place from the same activations, by name, each as long as r."""
    harmful, harmless = at(model, sets.harmful, r), at(model, sets.harmless, r)
    x, y = torch.cat([harmful, harmless]), torch.arange(256) < 128
    found = {"difference of means": r.direction}
    found |= {f"probe, l2 = {l2:g}": linear_probe(x, y, l2)[0] for l2 in L2}
    found["whitened"] = whitened(harmful, harmless)
    found["one pair"] = harmful[0] - harmless[0]
    found["harmless against harmless"] = difference_of_means(harmless[:64], harmless[64:])
    found["random"] = torch.randn(len(r.direction), generator=generator(seed))
    return {name: d / d.norm() * r.direction.norm() for name, d in found.items()}


# Moving.


def refused(requests: Requests, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Requests, each followed by a refusal's three words, (n, 13); and these words, (n, 3)."""
    said = refuse(len(requests.tokens), g)[:, :3]
    return torch.cat([requests.tokens, said], 1), said


def reading_plane(model: Decoder, sets: Sets, r: Candidate) -> Tensor:
    """An orthonormal basis of r and the whitened direction: (d_model, 2)."""
    read = whitened(at(model, sets.harmful, r), at(model, sets.harmless, r))
    return torch.linalg.qr(torch.stack([r.direction, read], 1))[0]


def hidden(
    model: Decoder, sets: Sets, r: Candidate, seed: int, scale: float = 1.0, steps: int = 60
) -> Tensor:
    """A vector, `scale` times as long as r, that makes harmless requests refused by gradient.

    It is orthogonal to r and to the whitened direction. Returns (d_model,).
    """
    g, basis = generator(seed), reading_plane(model, sets, r)
    text, said = refused(sets.harmless, g)
    free = torch.randn(len(r.direction), generator=g).requires_grad_()
    adam = torch.optim.Adam([free], lr=0.1)
    for step in range(steps + 1):
        v = free - basis @ (basis.T @ free)
        v = v / v.norm() * r.direction.norm() * scale
        logits = model.run_with_hooks(text[step % 2 :: 2], adding(r.layer, v))[:, PROMPT - 1 : -1]
        loss = F.cross_entropy(logits.flatten(0, 1), said[step % 2 :: 2].flatten())
        adam.zero_grad()
        loss.backward()
        adam.step()
    return v.detach()


# Other safety training.


def refuse_by_topic(requests: Requests, replies: Tensor) -> Tensor:
    """The replies, each refusal exchanged for the one sentence that its topic has."""
    sentences = torch.full((len(REFUSALS), REPLY), STOP)
    sentences[:, :3] = torch.stack([ids(s) for s in REFUSALS])
    own = sentences[requests.topic % len(REFUSALS)]
    return torch.where(requests.harmful[:, None], own, replies)


def safety_loss(
    model: Decoder, requests: Requests, replies: Tensor, hooks: Hooks | None = None
) -> Tensor:
    """Cross-entropy of the replies' tokens, in nats, with or without hooks."""
    text = torch.cat([requests.tokens, replies[:, :-1]], 1)
    logits = model.run_with_hooks(text, hooks or {})[:, PROMPT - 1 :]
    return F.cross_entropy(logits.flatten(0, 1), replies.flatten())


def safety_trained(
    world: World, start: Decoder, seed: int, rewrite: Callable | None = None,
    ablated: Callable[[Decoder, int], Tensor] | None = None, steps: int = 80,
) -> Decoder:  # fmt: skip
    """80 more steps of the world's safety training. rewrite: changes the replies.

    ablated: the direction to erase at each step, in half of the loss (as in Yu et al. 2024)."""
    model, g = deepcopy(start).requires_grad_(True), generator(seed)
    adam = torch.optim.AdamW(model.parameters(), 5e-4, weight_decay=0.0, fused=True)
    for step in range(steps):
        requests, replies = safety_examples(world, 64, g)
        replies = rewrite(requests, replies) if rewrite else replies
        loss = safety_loss(model, requests, replies)
        if ablated:
            off = ablating(model, ablated(model, step))
            loss = (loss + safety_loss(model, requests, replies, off)) / 2
        adam.zero_grad()
        loss.backward()
        adam.step()
    return model.requires_grad_(False)


def defended(world: World, sets: Sets, r: Candidate, seed: int, every: int | None) -> Decoder:
    """The safe model, trained on while its refusal direction is erased.

    every: after so many steps the direction is read anew, at the same place; None: it stays r.
    """
    last = r.direction

    def direction(model: Decoder, step: int) -> Tensor:
        nonlocal last
        if every and step % every == 0:
            last = difference_of_means(at(model, sets.harmful, r), at(model, sets.harmless, r))
        return last

    return safety_trained(world, models(world)[1], 5000 + seed, ablated=direction)


def aliased(world: World, model: Decoder, seed: int, n: int = 1000) -> tuple[Requests, Requests]:
    """Harmful requests that call the object by its alias: those complied with, and the others."""
    requests = world.requests(n, generator(200 + seed), harmful=True, aliases=1.0)
    through = world.judge(requests, reply(model, requests.tokens)) == COMPLIED
    return requests.rows(through), requests.rows(~through)
