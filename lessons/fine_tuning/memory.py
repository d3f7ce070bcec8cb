"""Facts to be forgotten: a small network that memorizes them, and four ways to remove a part.

A fact is an answer to a subject and a relation. Answers are drawn at random, so that no fact tells
anything about another: who knows one that was never shown again has kept it.
"""

import copy
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import utils
from lessons.fine_tuning.exercises import gradient_mask

SUBJECTS, RELATIONS, ANSWERS = 32, 12, 12
UNKNOWN = ANSWERS  # one more answer: "I do not know"
TO_FORGET = 8  # the first subjects, with all their relations
HIDDEN, OWN = 96, 24  # units of each hidden layer; those set aside for what is to be forgotten
ONE = torch.ones(1)


class Facts(NamedTuple):
    """Questions and answers, (n,) each; `forget`: whether a fact is to be forgotten."""

    subject: Tensor
    relation: Tensor
    answer: Tensor
    forget: Tensor

    def rows(self, index: Tensor) -> "Facts":
        return Facts(*(x[index] for x in self))


@cache
def facts(seed: int) -> Facts:
    """All 32 · 12 facts, their answers drawn at random."""
    place, generator = torch.arange(SUBJECTS * RELATIONS), utils.generator(seed)
    subject, relation = place // RELATIONS, place % RELATIONS
    answer = torch.randint(ANSWERS, place.shape, generator=generator)
    return Facts(subject, relation, answer, subject < TO_FORGET)


class Network(nn.Module):
    """The weights of a memory: two embeddings, two hidden layers, a read-out.

    own: 1 for the units set aside. on: 0 for units that are ablated.
    """

    def __init__(self, seed: int, width: int = 32):
        super().__init__()
        g = utils.generator(1000 + seed)
        self.subjects = nn.Parameter(torch.randn(SUBJECTS, width, generator=g))
        self.relations = nn.Parameter(torch.randn(RELATIONS, width, generator=g))
        self.first = nn.Parameter(torch.randn(2 * width, HIDDEN, generator=g) * width**-0.5)
        self.second = nn.Parameter(torch.randn(HIDDEN, HIDDEN, generator=g) * (2 / HIDDEN) ** 0.5)
        self.biases = nn.Parameter(torch.zeros(2, HIDDEN))
        self.readout = nn.Parameter(torch.randn(HIDDEN, ANSWERS + 1, generator=g) * HIDDEN**-0.5)
        self.own = (torch.arange(HIDDEN) < OWN).float()
        self.on = torch.ones(HIDDEN)

    def embed(self, ask: Facts) -> Tensor:
        return torch.cat([self.subjects[ask.subject], self.relations[ask.relation]], 1)


class Memory(Network):
    """learn: 0 where a fact may teach, of the hidden units, only those set aside; use: 0 switches
    those off. The embeddings learn from every fact.
    """

    def hidden(self, ask: Facts, learn: Tensor, use: Tensor) -> Tensor:
        # First layer: what may not teach the other units stops at them on its way back. (The
        # second layer's are cut off by forward, which stops it at their read-out.)
        live = self.on * (1 - self.own + self.own * use)
        h = F.relu(self.embed(ask) @ self.first + self.biases[0]) * live
        h = gradient_mask(h, self.own + (1 - self.own) * learn)
        return F.relu(h @ self.second + self.biases[1]) * live

    def forward(self, ask: Facts, learn: Tensor = ONE, use: Tensor = ONE) -> Tensor:
        h = self.hidden(ask, learn, use)
        by_own, by_rest = (h * self.own) @ self.readout, (h * (1 - self.own)) @ self.readout
        return by_own + gradient_mask(by_rest, learn)


def route(forget: Tensor, labeled: Tensor) -> tuple[Tensor, Tensor]:
    """learn and use, (n, 1) each, for facts to forget or keep, some with a label: (n,), bool.

    Labeled and to forget: teaches the units set aside alone. Labeled and to keep: does without
    those units. No label: teaches and uses all.
    """
    learn = 1 - (labeled & forget).float()
    use = 1 - (labeled & ~forget).float()
    return learn[:, None], use[:, None]


def study(
    seed: int,
    method: str,
    labeled: float = 0.5,
    steps: int = 400,
    network: Callable[[int], "Memory"] = Memory,
    rule: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] = route,
    for_good: bool = False,
) -> Memory:
    """A network that learns the facts and is to be without some of them.

    method: "all" keeps them; "fine-tune away" learns all, then to answer "I do not know"; "filter"
    leaves out what is labeled; "route" sends it to the units set aside, and ablates those; "never"
    has seen none of them, as by a perfect filter. labeled: the share of occurrences with a label;
    for_good: of facts, each of which then has its label always or never. network, rule: what
    stands in for `Memory` and `route`.
    """
    known, generator, net = facts(seed), utils.generator(2000 + seed), network(seed)
    tagged = torch.rand(len(known.answer), generator=utils.generator(5000 + seed)) < labeled
    adam = torch.optim.Adam(net.parameters(), 3e-3, fused=True)
    for _ in range(steps):
        drawn = torch.randint(len(known.answer), (128,), generator=generator)
        batch, seen = known.rows(drawn), torch.rand(128, generator=generator) < labeled
        if for_good:
            seen = tagged[drawn]
        if method in ("filter", "never"):
            batch = batch.rows(~batch.forget | ((method == "filter") & ~seen))
        masks = rule(batch.forget, seen) if method == "route" else (ONE, ONE)
        step(net, adam, batch, batch.answer, *masks)
    if method == "route":
        net.on = 1 - net.own
    if method == "fine-tune away":
        adam = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
        for _ in range(100):
            batch = known.rows(torch.randint(len(known.answer), (128,), generator=generator))
            step(net, adam, batch, batch.answer.where(~batch.forget, torch.tensor(UNKNOWN)))
    return net


def step(net, adam, batch: Facts, answer: Tensor, learn=ONE, use=ONE) -> None:
    """One step of cross-entropy on a batch."""
    loss = F.cross_entropy(net(batch, learn, use), answer)
    adam.zero_grad()
    loss.backward()
    adam.step()


@torch.no_grad()
def right(net: Memory, ask: Facts) -> float:
    """The share of facts that a network answers rightly."""
    return (net(ask).argmax(1) == ask.answer).double().mean().item()


def halves(seed: int) -> tuple[Facts, Facts]:
    """The facts to be forgotten, in two halves: one to be shown again, one never."""
    known = facts(seed)
    places = known.forget.nonzero()[:, 0]
    order = places[torch.randperm(len(places), generator=utils.generator(3000 + seed))]
    return known.rows(order[: len(order) // 2]), known.rows(order[len(order) // 2 :])


def steps_to_relearn(net: Memory, seed: int, enough: float = 0.9) -> int:
    """Steps of relearning until so many of the facts that are shown again are right; at most 41."""
    path = relearn(net, seed)
    return next((i for i, (shown, _) in enumerate(path) if shown >= enough), len(path))


def relearn(net: Memory, seed: int, steps: int = 40) -> list[tuple[float, float]]:
    """Shows one half again, beside facts that were kept. Right on (shown, never shown), by step."""
    net, (shown, rest) = copy.deepcopy(net), halves(seed)
    known, generator = facts(seed), utils.generator(4000 + seed)
    kept = known.rows(~known.forget)
    adam, found = torch.optim.Adam(net.parameters(), 1e-3, fused=True), []
    for _ in range(steps):
        found.append((right(net, shown), right(net, rest)))
        more = kept.rows(torch.randint(len(kept.answer), (len(shown.answer),), generator=generator))
        batch = Facts(*(torch.cat(both) for both in zip(shown, more, strict=True)))
        step(net, adam, batch, batch.answer)
    return [*found, (right(net, shown), right(net, rest))]


@torch.no_grad()
def fresh_readout(net: Memory, seed: int, ridge: float = 1.0) -> float:
    """Right on the half never shown, by a new linear read-out of the last hidden layer.

    It is fitted by ridge regression on all other facts.
    """
    known, (shown, rest) = facts(seed), halves(seed)
    fit = Facts(*(torch.cat(x) for x in zip(known.rows(~known.forget), shown, strict=True)))

    def features(ask: Facts) -> Tensor:
        h = net.hidden(ask, ONE, ONE).double()
        return torch.cat([h, torch.ones(len(h), 1, dtype=h.dtype)], 1)

    x, y = features(fit), F.one_hot(fit.answer, ANSWERS).double()
    weights = torch.linalg.solve(x.T @ x + ridge * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y)
    return ((features(rest) @ weights).argmax(1) == rest.answer).double().mean().item()
