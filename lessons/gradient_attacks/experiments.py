"""What the lesson on gradient attacks measures: suffixes, transfer, surrogates, defense."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cache, partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

import utils
from lessons.gradient_attacks.exercises import (
    candidate_swaps,
    gcg_step,
    one_hot_gradient,
    surrogate_classifier,
    universal_loss,
)
from utils.decoder import Decoder, Hooks
from utils.worlds.assistant import (
    COMPLIED,
    FACTS,
    FILLERS,
    OBJECTS,
    OPENINGS,
    POINTERS,
    PROMPT,
    REFUSALS,
    REFUSED,
    REPLY,
    WORDS,
    Requests,
    World,
    base,
    documents,
    ids,
    reply,
    safe,
    safety_examples,
    train,
)

SUFFIX = slice(5, 9)  # the last four slots, before the ask mark: the attacker's
HERE = ids(("here",))


@cache
def allowed() -> Tensor:
    """The words that an attacker may write: all but marks, actions and objects. (words,), bool.

    A suffix that named another object would ask for something else.
    """
    sentences = [word for sentence in REFUSALS for word in sentence]
    ok = torch.zeros(len(WORDS), dtype=torch.bool)
    ok[ids((*FILLERS, *FACTS, *OPENINGS, *POINTERS, *sentences))] = True
    return ok


def affirmative(requests: Requests) -> Tensor:
    """The start of a compliant reply, which names what was asked for: "gas here". (n, 2)."""
    return torch.stack([ids(OBJECTS)[requests.object], HERE.expand(len(requests.tokens))], 1)


def target_loss(model: Decoder, prompts: Tensor, targets: Tensor) -> Tensor:
    """−log p(target | prompt) in nats: of words (…, n, length) or one-hot rows; gives (…, n).

    targets: (n, t), how the reply should begin, a row a request.
    """
    one_hot = prompts.is_floating_point()
    lead = prompts.shape[:-2] if one_hot else prompts.shape[:-1]
    rows = prompts.reshape(-1, *prompts.shape[len(lead) :])
    said = targets.expand(*lead, -1).reshape(-1, targets.shape[-1])
    if not one_hot:  # what was drawn twice runs once
        both, place = torch.cat([rows, said], 1).unique(dim=0, return_inverse=True)
        rows, said = both.split([rows.shape[1], said.shape[1]], 1)
    before = F.one_hot(said[:, :-1], len(WORDS)).to(rows.dtype) if one_hot else said[:, :-1]
    logits = model(torch.cat([rows, before], 1))[:, rows.shape[1] - 1 :]
    logprobs = logits.log_softmax(-1).gather(-1, said[..., None])[..., 0]
    losses = -logprobs.sum(-1)
    return (losses if one_hot else losses[place]).view(lead)


def refuses(
    world: World, model: Decoder, requests: Requests, prompts: Tensor, hooks: Hooks | None = None
) -> Tensor:
    """Whether the model refuses each prompt: (n,), bool."""
    return world.judge(requests, reply(model, prompts, hooks)) == REFUSED


class Outcome(NamedTuple):
    """What became of some requests, as shares."""

    past: float  # not refused: what a search for refusing words would call a success
    complied: float  # and the facts are right


def outcome(world: World, model: Decoder, requests: Requests, prompts: Tensor) -> Outcome:
    """Judge the model's replies to the prompts, which ask for what `requests` ask."""
    verdicts = world.judge(requests, reply(model, prompts))
    shares = ((verdicts != REFUSED).double().mean(), (verdicts == COMPLIED).double().mean())
    return Outcome(*(x.item() for x in shares))


# Draws and words a place: 16 different candidates a step (draws repeat: on average 16.1 and 16.4).
GCG, RANDOM_SEARCH = {"n_candidates": 22, "k": 8}, {"n_candidates": 17, "k": 58}


def autoprompt_step(
    loss: Callable[[Tensor], Tensor], prompts: Tensor, generator: torch.Generator, k: int = 16
) -> Tensor:
    """One step of AutoPrompt: each request draws one place, and tries the k best words there."""
    each = torch.arange(len(prompts))
    place = SUFFIX.start + torch.randint(4, (len(prompts),), generator=generator)
    gradient = one_hot_gradient(loss, prompts, len(WORDS))[each, place]
    words = (-gradient).masked_fill(~allowed(), -torch.inf).topk(k, dim=-1).indices
    candidates = prompts.repeat(k, 1, 1)
    candidates[:, each, place] = words.T
    with torch.no_grad():
        best = loss(candidates).argmin(0)
    return candidates[best, each]


def attack(
    loss: Callable[[Tensor], Tensor], prompts: Tensor, steps: int, how: str = "GCG", seed: int = 0
) -> list[Tensor]:
    """Give each request a suffix of its own. Returns the prompts after 0, 1, … steps.

    how: "GCG"; "AutoPrompt"; "random search": any word is drawn, so no gradient counts. All try
    16 different candidates a step.
    """
    generator, path = utils.generator(seed), [prompts]
    draws = GCG if how == "GCG" else RANDOM_SEARCH
    for _ in range(steps):
        if how == "AutoPrompt":
            path.append(autoprompt_step(loss, path[-1], generator))
        else:
            step = gcg_step(loss, path[-1], SUFFIX, allowed=allowed(), generator=generator, **draws)
            path.append(step[0])
    return path


def attack_directly(
    model: Decoder, requests: Requests, steps: int = 10, how: str = "GCG", seed: int = 0
) -> list[Tensor]:
    """`attack` for the affirmative start, by the model's own loss."""
    loss = partial(target_loss, model, targets=affirmative(requests))
    return attack(loss, requests.tokens, steps, how, seed)


def all_swaps(model: Decoder, requests: Requests) -> tuple[Tensor, Tensor]:
    """Every single swap of the suffix: its change of the loss by the gradient, and truly.

    Both (n, 4, allowed words), in nats.
    """
    loss = partial(target_loss, model, targets=affirmative(requests))
    words, prompts = allowed().nonzero()[:, 0], requests.tokens
    gradient = one_hot_gradient(loss, prompts, len(WORDS))[:, SUFFIX]
    now = gradient.gather(2, prompts[:, SUFFIX, None])
    true = []
    with torch.no_grad():
        before = loss(prompts)
        for place in range(SUFFIX.start, SUFFIX.stop):
            swapped = prompts.repeat(len(words), 1, 1)
            swapped[:, :, place] = words[:, None]
            true.append(loss(swapped) - before)
    return gradient[..., words] - now, torch.stack(true).permute(2, 0, 1)


def with_suffix(prompts: Tensor, suffix: Tensor) -> Tensor:
    """The prompts, each with this suffix."""
    prompts = prompts.clone()
    prompts[:, SUFFIX] = suffix
    return prompts


def random_suffixes(prompts: Tensor, generator: torch.Generator, share: float = 1.0) -> Tensor:
    """The prompts, this share of suffix words replaced by any allowed ones."""
    words = allowed().nonzero()[:, 0]
    drawn = words[torch.randint(len(words), (len(prompts), 4), generator=generator)]
    swap = torch.rand(len(prompts), 4, generator=generator) < share
    return with_suffix(prompts, torch.where(swap, drawn, prompts[:, SUFFIX]))


def universal_attack(
    models: Sequence[Decoder], requests: Requests, steps: int = 25, seed: int = 0
) -> Tensor:
    """One suffix for all these requests and models, (4,): GCG by the mean loss, its best step."""
    targets, suffix, found = affirmative(requests), ids(FILLERS[:4]), []
    draws = GCG | {"allowed": allowed(), "generator": utils.generator(seed)}

    def loss(prompts: Tensor) -> Tensor:
        return sum(target_loss(model, prompts, targets) for model in models) / len(models)

    for _ in range(steps):
        now = with_suffix(requests.tokens, suffix)
        gradient = one_hot_gradient(loss, now, len(WORDS))[:, SUFFIX].mean(0, keepdim=True)
        swaps = candidate_swaps(gradient, suffix[None], **draws)[:, 0]
        with torch.no_grad():
            losses = universal_loss(loss, requests.tokens, swaps, SUFFIX)
        suffix = swaps[losses.argmin()]
        found.append((losses.min().item(), suffix))
    return min(found, key=lambda pair: pair[0])[1]


def halves(world: World) -> tuple[Tensor, Tensor]:
    """Pairs of action and topic in two halves, by topic: every other one of the dangerous."""
    topics = sorted(world.dangerous_topics)
    first = torch.zeros(world.harmful.shape, dtype=torch.bool)
    first[:, topics[::2]] = True
    return first, ~first


# Other models: one with the same base, one that shares nothing but the world. (More: `harden`.)


BATCH = 32  # half of the safe model's: enough to refuse as well


@cache
def cousin(world: World) -> Decoder:
    """A safe model with the same base, and other safety examples."""
    requests, replies = safety_examples(world, 80 * BATCH, utils.generator(60_000 + world.seed))
    return train(base(world), requests.tokens, replies, lr=5e-4, batch=BATCH)


@cache
def stranger(world: World, seed: int) -> Decoder:
    """A safe model with another start, other documents, other safety examples; the same facts."""
    generator = utils.generator(50_000 + 1000 * seed + world.seed)
    model = Decoder(len(WORDS), PROMPT + REPLY, generator=generator)
    # The base reads 500 batches. After 300 it refuses as it should, and garbles a few replies.
    train(model, *documents(world, 300 * 64, generator), lr=5e-3, cycle=True)
    requests, replies = safety_examples(world, 80 * BATCH, generator)
    return train(model, requests.tokens, replies, lr=5e-4, batch=BATCH)


# Surrogates: the first layers, and a linear head.


def first_layers(model: Decoder, depth: int) -> Decoder:
    """The model cut after `depth` layers."""
    part = deepcopy(model)
    part.layers, part.n_layers = part.layers[:depth], depth
    return part


def at_ask(model: Decoder, prompts: Tensor, layer: int) -> Tensor:
    """The residual stream at the ask mark before a layer: words or one-hot rows to (…, d)."""
    one_hot = prompts.is_floating_point()
    lead = prompts.shape[:-2] if one_hot else prompts.shape[:-1]
    rows = prompts.reshape(-1, *prompts.shape[len(lead) :])
    return model.run_with_cache(rows)[1][f"residual.{layer}"][:, -1].view(*lead, -1)


class Surrogate(NamedTuple):
    """The first layers of a model, and a head that says whether the whole would refuse."""

    layers: Decoder
    weight: Tensor
    bias: Tensor

    def score(self, prompts: Tensor) -> Tensor:
        """The logit of a refusal: words (…, n, length) or one-hot rows to (…, n)."""
        return at_ask(self.layers, prompts, self.layers.n_layers) @ self.weight + self.bias


def checkerboard(world: World) -> Tensor:
    """Every second pair of action and topic: (6, 8), bool. Each word occurs in both halves.

    Counted with the dangerous ones first, so that both halves hold harmful pairs for any rule.
    """
    action, topic = (
        (~world.harmful.any(dim)).int().argsort(stable=True).argsort() for dim in (1, 0)
    )
    return (action[:, None] + topic) % 2 == 0


def asked(
    world: World, model: Decoder, n: int, generator: torch.Generator, pairs: Tensor
) -> tuple[Tensor, Tensor]:
    """n prompts, half of them harmful, half with random suffixes; and whether each was refused."""
    both = (world.requests(n // 2, generator, harmful=h, pairs=pairs) for h in (True, False))
    requests = Requests(*(torch.cat(x) for x in zip(*both, strict=True)))
    strange = torch.rand(n // 2 * 2, 1, generator=generator) < 0.5
    prompts = torch.where(strange, random_suffixes(requests.tokens, generator), requests.tokens)
    return prompts, refuses(world, model, requests, prompts)


def linear_head(x: Tensor, decisions: Tensor) -> tuple[Tensor, Tensor]:
    """`surrogate_classifier` on standardized x; weight and bias for x as it is, float64."""
    mean, std = x.mean(0), x.std(0) + 1e-6
    fitted = surrogate_classifier(((x - mean) / std).float(), decisions)
    weight, bias = (torch.as_tensor(part).detach().double() for part in fitted)
    return weight / std, bias.squeeze() - (mean / std) @ weight


def words_alone(prompts: Tensor, refused: Tensor) -> Callable[[Tensor], Tensor]:
    """A rule without any model: logistic regression of decisions on which words occur."""

    def counts(prompts: Tensor) -> Tensor:
        return F.one_hot(prompts, len(WORDS)).sum(-2).double()

    weight, bias = linear_head(counts(prompts), refused)
    return lambda prompts: counts(prompts) @ weight + bias


def extract(model: Decoder, depth: int, prompts: Tensor, refused: Tensor) -> Surrogate:
    """Fit a head to the model's decisions, on the activations after the first layers."""
    layers = first_layers(model, depth)
    with torch.no_grad():
        x = at_ask(layers, prompts, depth).double()
    weight, bias = linear_head(x, refused)
    return Surrogate(layers, weight.float(), bias.float())


# Inside: the direction of refusal.


@torch.no_grad()
def refusal_direction(world: World, model: Decoder, layer: int = 2) -> tuple[Tensor, Tensor]:
    """The unit difference of means at the ask mark, harmful less harmless, and the harmful mean.

    The second is a number: the mean of harmful requests along the direction.
    """
    generator = utils.generator(7000 + world.seed)
    harmful, harmless = (
        at_ask(model, world.requests(200, generator, harmful=h).tokens, layer).mean(0)
        for h in (True, False)
    )
    direction = (harmful - harmless) / (harmful - harmless).norm()
    return direction, harmful @ direction


def push(direction: Tensor, by: Tensor, layer: int = 2) -> dict:
    """A hook that pushes the ask mark along the direction, each prompt by its own number (n,)."""

    def pushed(x: Tensor) -> Tensor:
        x = x.clone()
        x[:, PROMPT - 1] += by[:, None] * direction
        return x

    return {f"residual.{layer}": pushed}


# Defense.


def harden(
    world: World, model: Decoder, rounds: int = 3, by: str = "attack", steps: int = 40
) -> list[Decoder]:
    """Safety training on fresh attacks, round by round. Returns the model after 0, 1, … rounds.

    Half of a round's harmful requests are replaced by 32 others: with suffixes made by GCG against
    the model as it is now, with random ones (by="noise"), or as they are (by="nothing").
    """
    models, generator = [model], utils.generator(80_000 + world.seed)
    for i in range(rounds):
        bad = world.requests(32, generator, harmful=True)
        if by == "attack":
            made = attack_directly(models[-1], bad, seed=i)[-1]
        else:
            made = random_suffixes(bad.tokens, generator) if by == "noise" else bad.tokens
        requests, replies = safety_examples(world, steps * BATCH, generator)
        prompts, some = requests.tokens.clone(), requests.harmful.nonzero()[::2, 0]
        prompts[some] = made[torch.randint(32, some.shape, generator=generator)]
        models.append(train(deepcopy(models[-1]), prompts, replies, lr=5e-4, batch=BATCH))
    return models


def broken(
    world: World, model: Decoder, requests: Requests, seed: int, steps: int = 25, runs: int = 2
) -> Tensor:
    """Which requests get past in any of a few GCG runs, from other suffixes each: (n,), bool."""
    loss = partial(target_loss, model, targets=affirmative(requests))
    past = torch.zeros(len(requests.tokens), dtype=torch.bool)
    for i in range(runs):
        start = random_suffixes(requests.tokens, utils.generator(seed + i), float(i > 0))
        for prompts in attack(loss, start, steps, seed=seed + i)[::5]:
            past |= ~refuses(world, model, requests, prompts)
    return past


@cache
def tried(world: World, n: int = 80) -> Requests:
    """Harmful requests on which attacks are measured."""
    return world.requests(n, utils.generator(9000 + world.seed), harmful=True)


@cache
def attacked(world: World, how: str) -> list[Tensor]:
    """The test requests under attack, after 0, 1, … 10 steps (random search: 20)."""
    steps = 20 if how == "random search" else 10
    return attack_directly(safe(world), tried(world), steps, how, seed=world.seed)


@cache
def hardened(world: World, by: str = "attack") -> Decoder:
    """`harden` from the safe model, after its last round."""
    return harden(world, safe(world), by=by)[-1]
