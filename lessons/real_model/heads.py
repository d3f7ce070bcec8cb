"""What is measured of the model's heads. An experiment takes model, tokenizer and seed, and gives
what can be stored: dictionaries, lists, numbers."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.real_model.exercises import (
    grouped_query_attention,
    induction_scores,
    pattern_preserving_ablation,
    rotary,
)
from lessons.real_model.texts import MANNERS, QUESTIONS, prose
from utils.llama import Hooks, Llama, Tokenizer
from utils.notebook import generator

Heads = list[tuple[int, int]]
Found = dict[str, Any]
PERIOD, SHOTS = 24, 12


@torch.no_grad()
def says(
    model: Llama, tokenizer: Tokenizer, seed: int, text: str = "The capital of France is"
) -> Found:
    """The five likeliest next words, each with its probability. No seed matters."""
    if not text:
        raise ValueError("an empty text has no next word: type at least one")
    logits = model(torch.tensor([tokenizer.encode(text)]))[0, -1]
    likeliest = logits.softmax(-1).topk(5)
    words = [tokenizer.decode([token]) for token in likeliest.indices.tolist()]
    return {"words": words, "probabilities": likeliest.values.tolist()}


@torch.no_grad()
def apart(model: Llama, tokenizer: Tokenizer, seed: int, layer: int = 15) -> Found:
    """By how much these two functions differ from what the model does in a layer."""
    if not 0 <= layer < model.n_layers:
        raise ValueError(f"a layer is a number from 0 to {model.n_layers - 1}, not {layer}")
    tokens = torch.tensor([tokenizer.encode("The capital of France is Paris.")])
    _, cache = model.run_with_cache(tokens)
    q, k = (rotary(cache[f"{name}.{layer}"], model.shape.base) for name in ("query", "key"))
    head, pattern = grouped_query_attention(q, k, cache[f"value.{layer}"])
    return {
        "pattern": (pattern - cache[f"pattern.{layer}"]).abs().max().item(),
        "head": (head - cache[f"head.{layer}"]).abs().max().item(),
    }


def repeated(tokenizer: Tokenizer, seed: int, n: int = 4, period: int = PERIOD) -> Tensor:
    """Random words, once and again: (n, 2 · period). Nothing but the first time predicts them."""
    words = [i for i, w in enumerate(tokenizer.words) if len(w) > 4 and w[0] == "Ġ"]
    words = torch.tensor([i for i in words if tokenizer.words[i][1:].isalpha()])
    once = words[torch.randint(len(words), (n, period), generator=generator(seed))]
    return torch.cat([once, once], 1)


def losses(logits: Tensor, tokens: Tensor) -> Tensor:
    """What each next token costs, in nats: (batch, position − 1)."""
    return F.cross_entropy(logits[:, :-1].mT, tokens[:, 1:], reduction="none")


def without(heads: Heads) -> Hooks:
    """Hooks with which these heads write nothing; later heads look where they then would."""
    layers: dict[int, list[int]] = {}
    for layer, head in heads:
        layers.setdefault(layer, []).append(head)
    return {
        f"head.{layer}": lambda z, out=out: z.index_fill(1, torch.tensor(out), 0.0)
        for layer, out in layers.items()
    }


class Shuffled(dict):
    """The weights of a model, the rows and columns of every matrix in a random order of its own."""

    def __init__(self, weights: dict[str, Tensor], seed: int):
        super().__init__(weights)
        self.seed = {name: 1000 * seed + i for i, name in enumerate(weights)}

    def __getitem__(self, name: str) -> Tensor:
        weight = super().__getitem__(name)
        if weight.ndim == 1 or name == "token_embd.weight":
            return weight
        rows, columns = (torch.randperm(n, generator=generator(self.seed[name]))
                         for n in weight.shape)  # fmt: skip
        return weight[rows][:, columns]


def scores_of(model: Llama, tokens: Tensor) -> Tensor:
    """The induction score of every head on repeated words: (layers, heads)."""
    names = [f"pattern.{layer}" for layer in range(model.n_layers)]
    patterns = model.run_with_cache(tokens, names)[1]
    return induction_scores(torch.stack([patterns[n] for n in names]), tokens.shape[1] // 2)


@torch.no_grad()
def search(model: Llama, tokenizer: Tokenizer, seed: int) -> Found:
    """Every head's score; the five best; theirs on other words; the best of a shuffled model."""
    scores = scores_of(model, repeated(tokenizer, seed))
    best = scores.flatten().topk(5).indices.tolist()
    five = [divmod(i, model.n_heads) for i in best]
    again = scores_of(model, repeated(tokenizer, seed + 1000, n=2))
    control = Llama(model.shape, Shuffled(model.weights, seed))
    return {
        "scores": scores.tolist(),
        "five": five,
        "again": [again[head].item() for head in five],
        "shuffled": scores_of(control, repeated(tokenizer, seed, n=2)).max().item(),
    }


def others(found: Found, seed: int) -> Heads:
    """As many heads of the same layers, drawn from those that score below 0.1."""
    drawn, g = [], generator(seed)
    for layer, _ in found["five"]:
        low = [h for h, score in enumerate(found["scores"][layer]) if score < 0.1]
        free = [(layer, h) for h in low if (layer, h) not in drawn]
        drawn.append(free[int(torch.randint(len(free), (1,), generator=g))])
    return drawn


def loudest(model: Llama, tokens: Tensor, found: Found) -> Heads:
    """As many heads of the same layers: of those that score below 0.1 the ones that write most."""
    layers = sorted({layer for layer, _ in found["five"]})
    heads = model.run_with_cache(tokens, [f"head.{layer}" for layer in layers])[1]
    sizes = {}
    for layer in layers:
        z = heads[f"head.{layer}"]
        out = model.weights[f"blk.{layer}.attn_output.weight"].unflatten(1, (z.shape[1], -1))
        size = torch.einsum("bhpd,ohd->bhpo", z, out).norm(dim=-1).mean((0, 2))
        low = (h for h, score in enumerate(found["scores"][layer]) if score < 0.1)
        sizes |= {(layer, h): size[h].item() for h in low}
    return sorted(sizes, key=sizes.get)[-len(found["five"]) :]


@torch.no_grad()
def copying(model: Llama, tokenizer: Tokenizer, seed: int, found: Found) -> Found:
    """Mean loss on repeated words and on prose: intact, without the five, without others."""
    tokens, period = repeated(tokenizer, seed + 2000, n=2, period=20), 20
    rest = [others(found, seed), loudest(model, tokens, found)]
    sets = {"the five": [found["five"]], "others": rest}
    intact = losses(model(tokens), tokens)
    told = {"first time": intact[:, : period - 1].mean().item()}
    told["intact"] = intact[:, period:].mean().item()
    for name, each in sets.items():
        whole = [losses(model.run_with_hooks(tokens, without(h)), tokens) for h in each]
        frozen = [losses(pattern_preserving_ablation(model, tokens, h), tokens) for h in each]
        told[f"{name}, whole"] = [loss[:, period:].mean().item() for loss in whole]
        told[f"{name}, patterns kept"] = [loss[:, period:].mean().item() for loss in frozen]
    text, longer = chunks(tokenizer, seed)[:3], chunks(tokenizer, seed, 192)[:2]
    again = seen_before(longer)
    for name, hooks in (("intact", {}), *((n, without(h[0])) for n, h in sets.items())):
        loss = losses(model.run_with_hooks(text, hooks), text)
        early, late = loss[:, :16].mean().item(), loss[:, -16:].mean().item()
        pairs = losses(model.run_with_hooks(longer, hooks), longer)[again].mean().item()
        told[f"prose, {name}"] = {"all": loss.mean().item(), "early": early, "late": late}
        told[f"prose, {name}"]["pairs again"] = pairs
    return told


def seen_before(tokens: Tensor) -> Tensor:
    """Which tokens, from the second on, stood before in the text behind the same token."""
    pairs = torch.stack([tokens[:, :-1], tokens[:, 1:]], -1)
    same = (pairs[:, :, None] == pairs[:, None]).all(-1)  # (text, pair, pair)
    return same.tril(-1).any(-1)


def chunks(tokenizer: Tokenizer, seed: int, length: int = 64) -> Tensor:
    """The prose in pieces, in an order by the seed: (pieces, length)."""
    books = [tokenizer.encode(book) for book in prose()]
    rows = [b[i : i + length] for b in books for i in range(0, len(b) - length, length)]
    return torch.tensor(rows)[torch.randperm(len(rows), generator=generator(seed))]


def dialogue(
    tokenizer: Tokenizer, before: list[int], after: list[int], seed: int
) -> tuple[Tensor, Tensor]:
    """Questions, each answered in the same manner. Also of each token which shot's manner it is."""
    asked = list(QUESTIONS.items())
    order = torch.randperm(len(asked), generator=generator(seed))[:SHOTS].tolist()
    tokens, shot = [], []
    for n, (question, answer) in enumerate(asked[i] for i in order):
        start = tokenizer.encode(f"Question: {question}\nAnswer:")
        parts = (start, -1), (before, n), (tokenizer.encode(f" {answer}"), -1), (after, n)
        for part, which in (*parts, (tokenizer.encode("\n"), -1)):
            tokens += part
            shot += [which] * len(part)
    return torch.tensor([tokens]), torch.tensor(shot)


@torch.no_grad()
def many_shots(model: Llama, tokenizer: Tokenizer, seed: int, found: Found) -> Found:
    """The loss of a manner's tokens by how many answers in it came before, heads in and out."""
    drawn = MANNERS[int(torch.randint(len(MANNERS), (1,), generator=generator(seed)))]
    manners = {
        "a phrase": [tokenizer.encode(part) for part in drawn],
        "random words": [[], repeated(tokenizer, seed + 3000, 1, 3)[0, :3].tolist()],
    }
    sets = {"intact": {}, "the five out": without(found["five"])}
    sets["five others out"] = without(others(found, seed))
    told: Found = {"manner": "{}".join(drawn)}
    for name, (before, after) in manners.items():
        tokens, shot = dialogue(tokenizer, before, after, seed)
        for what, hooks in sets.items():
            loss = losses(model.run_with_hooks(tokens, hooks), tokens)[0]
            curve = [loss[shot[1:] == n].mean().item() for n in range(SHOTS)]
            told.setdefault(name, {})[what] = curve
    return told
