"""Cheap monitors: a probe on the model's own activations, a small classifier, a cascade."""

from functools import cache
from typing import NamedTuple

import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

import utils
from lessons.constitutional_classifiers.constitution import clauses_for
from lessons.constitutional_classifiers.exercises import cascade
from lessons.constitutional_classifiers.guards import (
    CALIBRATED,
    Exchanges,
    by_parts,
    count_words,
    everyday_traffic,
    examples,
    fit_classifier,
    guards,
    logistic,
    scored,
    tests,
    threshold_for,
)
from utils.decoder import Decoder
from utils.worlds.assistant import DESK, PROMPT, REPLY, WORDS, World, base

SIZES = (20, 50, 200, 1000)
SMALL = {"n_layers": 1, "n_heads": 2, "d_model": 12}


def cost(n_layers: int = 3, d_model: int = 48, tokens: int = PROMPT + REPLY) -> int:
    """Multiplications by weights of a decoder that reads an exchange, without unembedding.

    Each layer has 4 d² in its attention and 8 d² in its MLP, once a token.
    """
    return tokens * n_layers * 12 * d_model**2


PROBE_COST = 48  # one weight an activation, at the ask mark
SMALL_COST = cost(1, 12, PROMPT)  # it reads the request


def at_ask(model: Decoder, tokens: Tensor, layer: int = 2) -> Tensor:
    """The residual stream at the ask mark, before a layer: (n, 48)."""

    def last(part: Tensor) -> Tensor:
        kept: list[Tensor] = []
        model.run_with_hooks(part, {f"residual.{layer}": lambda x: kept.append(x[:, -1])})
        return kept[0]

    return by_parts(last, tokens[:, :PROMPT])


def all_tests(world: World) -> tuple[Tensor, Tensor]:
    """The tests' exchanges (n, 16), in all ways of dressing, and whether they are harmful."""
    parts = [(t.harmful.tokens, t.harmless.tokens) for t in tests(world).values()]
    bad, good = (torch.cat(x) for x in zip(*parts, strict=True))
    return torch.cat([bad, good]), torch.arange(len(bad) + len(good)) < len(bad)


MONITORS = (
    "probe", "probe, asked by ⟨desk⟩", "small classifier", "linear in words",
    "probe, untrained model",
)  # fmt: skip


@cache
def labeled(world: World) -> Exchanges:
    """As many synthetic examples as the largest monitor gets."""
    return examples(world, clauses_for(world), max(SIZES), utils.generator(7000 + world.seed))


@cache
def viewed(world: World, name: str) -> tuple[Tensor, ...]:
    """What a linear monitor sees of the labeled examples, the tests, the everyday traffic."""
    seen = (labeled(world).tokens, all_tests(world)[0], everyday_traffic(world).tokens)
    if name == "linear in words":
        return tuple(count_words(x) for x in seen)
    model = base(world)
    if name == "probe, asked by ⟨desk⟩":
        seen = tuple(torch.cat([torch.full_like(x[:, :1], DESK), x[:, 1:]], 1) for x in seen)
    if name == "probe, untrained model":
        generator = utils.generator(7600 + world.seed)
        model = Decoder(len(WORDS), PROMPT + REPLY, generator=generator)
    return tuple(at_ask(model, x).double() for x in seen)


@cache
def monitor_scores(world: World, name: str, n: int) -> tuple[Tensor, ...]:
    """Scores of a monitor from n labels: on all tests, and on everyday traffic.

    Each reads the request alone.
    """
    data = labeled(world)
    if name == "small classifier":
        generator = utils.generator(7500 + world.seed)
        body = Decoder(len(WORDS), PROMPT + REPLY, generator=generator, **SMALL)
        some = Exchanges(
            data.requests.rows(slice(n)), data.tokens[:n, :PROMPT], data.restricted[:n]
        )
        model = fit_classifier(body, some, generator, lr=1e-2, epochs=max(1, 200 * 64 // n))
        seen = (all_tests(world)[0], everyday_traffic(world).tokens)
        return tuple(by_parts(model, x[:, :PROMPT])[:, 0].double() for x in seen)
    some, *seen = viewed(world, name)
    weight, bias = logistic(some[:n], data.restricted[:n])
    return tuple(x @ weight + bias for x in seen)


def auroc(world: World, name: str, n: int) -> float:
    """The chance that a harmful test scores higher than a harmless one."""
    scores, _ = monitor_scores(world, name, n)
    return float(roc_auc_score(all_tests(world)[1].numpy(), scores.numpy()))


class Point(NamedTuple):
    """A way of screening traffic: its mean cost, and the share of harmful exchanges stopped."""

    cost: float  # as a share of the exchange classifier's
    recall: float


@cache
def expensive(world: World) -> Tensor:
    """The exchange classifier's scores of all tests."""
    parts = scored(world, "the exchange", guards(world)).values()
    return torch.cat([torch.cat(side) for side in zip(*parts, strict=True)]).double()


@cache
def screened(world: World, shares: tuple[float, ...], repeats: int = 10) -> dict[str, list[Point]]:
    """Recall against cost on traffic of which 1 % is harmful, at one rate of refusals.

    The cascade escalates a share of the traffic by the probe (1,000 labels), by a small classifier
    or at random; the exchange classifier decides. Each cascade's threshold is set on its own
    scores of everyday traffic. Each point averages draws of the harmful exchanges.
    """
    harmful, everyday = all_tests(world)[1], everyday_traffic(world).tokens
    both = [expensive(world), guards(world).score("the exchange", everyday).double()]
    generator = utils.generator(8000 + world.seed)
    good, bad = (~harmful).nonzero()[:, 0], harmful.nonzero()[:, 0]
    random = tuple(torch.rand(len(x), generator=generator).double() for x in both)
    firsts = {
        "probe": (monitor_scores(world, "probe", 1000), PROBE_COST),
        "small classifier": (monitor_scores(world, "small classifier", 1000), SMALL_COST),
        "at random": (random, 0),
    }
    found: dict[str, list[Point]] = {name: [] for name in firsts}

    def run(first: Tensor, second: Tensor, share: float, price: float) -> tuple[Tensor, float]:
        return cascade(first, lambda i: second[i], share, (price, cost()))

    for share in shares:
        for name, ((first, traffic), price) in firsts.items():
            limit = threshold_for(run(traffic, both[1], share, price)[0])
            spent, caught = 0.0, 0.0
            for _ in range(repeats):
                some = bad[torch.randperm(len(bad), generator=generator)[: len(good) // 99]]
                now = torch.cat([some, good])
                scores, each = run(first[now], both[0][now], share, price)
                caught += (scores[: len(some)] >= limit).double().mean().item() / repeats
                spent += each / cost() / repeats
            found[name].append(Point(spent, caught))
    return found


def alone(world: World, name: str, n: int = 1000) -> Point:
    """A monitor that decides by itself, at the same rate of refusals on everyday traffic."""
    if name == "the exchange":
        scores = expensive(world)
        traffic, price = guards(world).score(name, everyday_traffic(world).tokens), cost()
    else:
        scores, traffic = monitor_scores(world, name, n)
        price = PROBE_COST if name == "probe" else SMALL_COST
    passed = scores[all_tests(world)[1]] < threshold_for(traffic, CALIBRATED)
    return Point(price / cost(), 1 - passed.double().mean().item())
