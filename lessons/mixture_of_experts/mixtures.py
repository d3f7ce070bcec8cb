"""The invented language of the mixture-of-experts lesson, its models, and what is measured."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import utils
from lessons.mixture_of_experts.exercises import specialization

TOPICS, FORMS, WORDS = 8, 8, 64  # eight words of each grammatical form
ASK, YES, NO = 64, 65, 66  # three marks besides the words
SYMBOLS = 67
WINDOW = 8  # how many earlier words a model sees, as a bag
LENGTH = 25  # words of a document: eight to begin with, sixteen to read, the last one to predict


def whole(name: str, value: float, least: int) -> int:
    """`value` as an int. ValueError if it is no whole number, or below `least`."""
    if value != int(value) or value < least:
        raise ValueError(f"{name} is a whole number of at least {least}, not {value}")
    return int(value)


def pick(values: Mapping, names: Sequence) -> dict:
    """Some of `values`, in the order of `names`. ValueError if one is unknown, or none is named."""
    names = [names] if isinstance(names, str) else names
    known = ", ".join(str(name) for name in values)
    for name in names:
        if name not in values:
            raise ValueError(f"{name!r} is not there: there are {known}")
    if not names:
        raise ValueError(f"name at least one of {known}")
    return {name: values[name] for name in names}


class Language:
    """`chances` of the next symbol by topic and current symbol: (topics, symbols, symbols).

    A word has a form, and the grammar says which form follows which. Which word of that form
    follows depends on the current word, on the topic, and on the two together. One time in
    sixteen ⟨ask⟩ follows instead, and after ⟨ask⟩ always ⟨yes⟩.
    """

    def __init__(self, seed: int):
        draw = utils.generator(seed)
        grammar = (1.5 * torch.randn(FORMS, FORMS, generator=draw)).log_softmax(-1)
        by_word = torch.randn(WORDS, WORDS, generator=draw)
        by_topic = 2 * torch.randn(TOPICS, 1, WORDS, generator=draw)
        by_both = 2 * torch.randn(TOPICS, WORDS, WORDS, generator=draw)

        def within_forms(taste: Tensor) -> Tensor:
            return taste.unflatten(-1, (FORMS, -1)).log_softmax(-1)

        follows = grammar[torch.arange(WORDS) // (WORDS // FORMS)]
        words = within_forms(by_word + by_topic + by_both) + follows[None, :, :, None]
        self.chances = torch.zeros(TOPICS, SYMBOLS, SYMBOLS)
        self.chances[:, :WORDS, :WORDS] = 15 / 16 * words.exp().flatten(-2)
        self.chances[:, :WORDS, ASK] = 1 / 16
        self.chances[:, ASK, YES] = 1
        anything = within_forms(by_topic[:, 0]).exp().flatten(-2) / FORMS
        self.chances[:, YES, :WORDS] = self.chances[:, NO, :WORDS] = anything

    def documents(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Documents of one topic each: topics (n,) and symbols (n, 25)."""
        topics = torch.randint(TOPICS, (n,), generator=generator)
        symbols = [torch.randint(WORDS, (n,), generator=generator)]
        below = self.chances.cumsum(-1)
        for _ in range(LENGTH - 1):
            coin = torch.rand(n, 1, generator=generator)
            drawn = torch.searchsorted(below[topics, symbols[-1]], coin)
            symbols.append(drawn.clamp(max=SYMBOLS - 1)[:, 0])
        return topics, torch.stack(symbols, 1)


def tokens(symbols: Tensor) -> tuple[Tensor, Tensor]:
    """What a model reads, and what it is to predict, at 16 places of each document.

    Returns (n · 16, 134): the current symbol as a one-hot, then the last eight before it as a bag
    of shares; and (n · 16,): the next symbol.
    """
    now = F.one_hot(symbols[:, :-1], SYMBOLS).float()
    so_far = F.pad(now.cumsum(1), (0, 0, 1, 0))
    bag = (so_far[:, WINDOW:-1] - so_far[:, : -WINDOW - 1]) / WINDOW
    return torch.cat([now[:, WINDOW:], bag], -1).flatten(0, 1), symbols[:, WINDOW + 1 :].flatten()


class MoE(nn.Module):
    """Embed, one mixture-of-experts layer around which h passes, unembed. One expert: dense.

    Several models of one shape and one start train side by side along the first dimension. All
    experts are computed, then weighed by gates that are 0 for all but one: the same numbers as
    by sending each token to its expert alone, and here faster.
    """

    def __init__(self, n_models: int, n_experts: int, width: int, seed: int, d: int = 24):
        super().__init__()
        sizes = {"n_models": n_models, "n_experts": n_experts, "width": width, "d": d}
        for name, size in sizes.items():
            whole(name, size, 1)
        generator = utils.generator(whole("seed", seed, 0))
        self.n_experts, self.width = n_experts, width

        def weights(rows: int, columns: int, scale: float) -> nn.Parameter:
            start = scale * torch.randn(rows, columns, generator=generator)
            return nn.Parameter(start.repeat(n_models, 1, 1))

        self.embed = weights(2 * SYMBOLS, d, 0.5)
        self.router = weights(d, n_experts, d**-0.5)
        self.inward = weights(d, n_experts * width, d**-0.5)
        self.threshold = nn.Parameter(torch.zeros(n_models, 1, n_experts * width))
        self.outward = weights(n_experts * width, d, 0.5 * width**-0.5)
        self.unembed = weights(d, SYMBOLS, d**-0.5)
        self.bias = torch.zeros(n_models, n_experts)  # moved by bias_update, never by a gradient

    def route(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (models, tokens, experts), and the expert of each: (models, tokens, 1)."""
        probs = (h @ self.router).softmax(-1)
        return probs, (probs.detach() + self.bias[:, None]).argmax(-1, keepdim=True)

    def layer(self, h: Tensor, probs: Tensor, chosen: Tensor, on: Tensor | None = None) -> Tensor:
        """What the layer makes of h. on: (experts,), 0 for each that is switched off."""
        gates = torch.zeros_like(probs).scatter(-1, chosen, probs.gather(-1, chosen))
        gates = gates if on is None else gates * on
        hidden = torch.relu(h @ self.inward + self.threshold)
        hidden = hidden.unflatten(-1, (self.n_experts, self.width)) * gates[..., None]
        return h + hidden.flatten(-2) @ self.outward

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        probs, chosen = self.route(h)
        return self.layer(h, probs, chosen) @ self.unembed, probs, chosen


def experts_of(model: MoE, which: int) -> list[Callable[[Tensor], Tensor]]:
    """The experts of one of the models as functions from (n, d) to (n, d)."""
    n = model.n_experts
    inward = model.inward[which].unflatten(1, (n, -1)).transpose(0, 1)
    threshold = model.threshold[which, 0].unflatten(0, (n, -1))
    outward = model.outward[which].unflatten(0, (n, -1))

    def one(i: int) -> Callable[[Tensor], Tensor]:
        return lambda rows: torch.relu(rows @ inward[i] + threshold[i]) @ outward[i]

    return [one(i) for i in range(n)]


def say(symbols: Tensor) -> str:
    """Symbols as a reader sees them: a form's letter and the word's number in it, or a mark."""
    marks = {ASK: "⟨ask⟩", YES: "⟨yes⟩", NO: "⟨no⟩"}
    each = WORDS // FORMS
    return " ".join(
        marks.get(s) or f"{'abcdefgh'[s // each]}{s % each + 1}" for s in symbols.tolist()
    )


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Nats a token, a number a model: logits (models, tokens, symbols) -> (models,)."""
    many = targets.expand(len(logits), -1)
    return F.cross_entropy(logits.transpose(1, 2), many, reduction="none").mean(1)


class Balance(NamedTuple):
    """How one model is balanced: weights of the two auxiliary losses, rate of the biases."""

    auxiliary: float = 0.0  # α of the loss over a whole batch
    document: float = 0.0  # α of the same loss within each document
    rate: float = 0.0  # u of the biases


BALANCES = {
    "nothing": Balance(),
    "α = 0.01": Balance(auxiliary=0.01),
    "α = 0.1": Balance(auxiliary=0.1),
    "α = 1": Balance(auxiliary=1.0),
    "per document": Balance(document=0.01),
    "bias": Balance(rate=0.001),
}


def within_documents(probs: Tensor, chosen: Tensor) -> Tensor:
    """The mean over documents of the load-balancing loss within each. One model."""
    n_experts = probs.shape[-1]
    f = F.one_hot(chosen[:, 0], n_experts).float().unflatten(0, (-1, LENGTH - WINDOW - 1)).mean(1)
    P = probs.unflatten(0, (-1, LENGTH - WINDOW - 1)).mean(1)
    return n_experts * (f * P).sum(-1).mean()


@torch.no_grad()
def test_loss(model: MoE, symbols: Tensor) -> Tensor:
    """Nats a token on documents: (models,). Read in parts, which takes less memory."""
    x, targets = tokens(symbols)
    logits = [model(part @ model.embed)[0] for part in x.split(4000)]
    return cross_entropy(torch.cat(logits, 1), targets)


def cost(n_experts: int, width: int, k: int = 1, d: int = 24) -> tuple[int, int]:
    """Multiplications a token in the layer, router and k experts; and all weights of the layer."""
    router = d * n_experts if n_experts > 1 else 0
    return router + 2 * k * d * width, router + 2 * d * width * n_experts


@torch.no_grad()
def routes(model: MoE, symbols: Tensor) -> Tensor:
    """Which expert each token goes to: (models, tokens)."""
    x, _ = tokens(symbols)
    return model.route(x @ model.embed)[1][..., 0]


class Labels(NamedTuple):
    """What the tokens of some documents are: those that are words, and each word's labels."""

    is_word: Tensor  # (tokens,), False for the three marks: a mark has no form
    topics: Tensor  # the rest are of the words alone
    forms: Tensor
    words: Tensor


def labels(topics: Tensor, symbols: Tensor) -> Labels:
    """topics (n,) and symbols (n, 25) of documents."""
    current = symbols[:, WINDOW:-1]
    is_word = (current < WORDS).flatten()
    words = current.flatten()[is_word]
    each = topics[:, None].expand_as(current).flatten()[is_word]
    return Labels(is_word, each, words // (WORDS // FORMS), words)


def follows(experts: Tensor, truth: Labels, seed: int) -> dict[str, float]:
    """How far one model's experts, (tokens,), follow topics, forms, words, and two controls.

    The controls: the best of 20 random divisions of the words in groups of eight, and topics that
    were shuffled among the tokens.
    """
    experts, draw = experts[truth.is_word], utils.generator(seed + 500)
    groups = [
        torch.randperm(WORDS, generator=draw)[truth.words] // (WORDS // FORMS) for _ in range(20)
    ]
    shuffled = truth.topics[torch.randperm(len(experts), generator=draw)]
    return {
        "shuffled topics": specialization(experts, shuffled),
        "topics": specialization(experts, truth.topics),
        "forms": specialization(experts, truth.forms),
        "random groups of words": max(specialization(experts, group) for group in groups),
        "single words": specialization(experts, truth.words),
    }


def loads(chosen: Tensor, n_experts: int) -> Tensor:
    """The share of tokens that each expert is given: (..., tokens) -> (..., experts)."""
    return F.one_hot(chosen, n_experts).float().mean(-2)


def max_violation(load: Tensor) -> Tensor:
    """(largest load − mean) / mean, MaxVio of Wang et al. 2024: 0 when all is even."""
    return load.amax(-1) / load.mean(-1) - 1


def dropped(load: Tensor, factor: float) -> Tensor:
    """The share of tokens that do not fit if an expert takes factor times its even share."""
    if factor < 0:
        raise ValueError(f"a capacity factor is 0 or more, not {factor}")
    return (load - factor / load.shape[-1]).clamp(min=0).sum(-1)
