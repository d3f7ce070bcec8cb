"""What the induction-heads lesson trains and measures (Olsson et al. 2022 in miniature)."""

from collections.abc import Callable, Iterator
from functools import cache, partial

import torch
from torch import Tensor, nn

import utils
from lessons.induction_heads.exercises import (
    AttentionOnlyTransformer,
    ablate_heads,
    composition_score,
    copying_score,
    in_context_learning_score,
    prefix_matching_score,
)
from utils import progress, transformer

VOCABULARY, LENGTH = 64, 40
STEPS, BATCH, LOOK_EVERY = 400, 32, 10


def repeated_sequences(
    n: int, generator: torch.Generator, shortest: int = 8, longest: int = 20
) -> Tensor:
    """Random distinct tokens, repeated over and over: (n, LENGTH).

    Each sequence has a period of its own, so that no fixed distance says where to look.
    """
    order = torch.rand(n, VOCABULARY, generator=generator).argsort(1)
    period = torch.randint(shortest, longest + 1, (n, 1), generator=generator)
    return order.gather(1, torch.arange(LENGTH) % period)


def late_repeats(n: int, generator: torch.Generator) -> Tensor:
    """Nothing repeats for 20 positions; then 8 new tokens come over and over: (n, LENGTH)."""
    order = torch.rand(n, VOCABULARY, generator=generator).argsort(1)
    place = torch.arange(LENGTH)
    return order[:, torch.where(place < 20, place, 20 + (place - 20) % 8)]


def seen_before(tokens: Tensor) -> Tensor:
    """Whether the token at a position stands earlier in its sequence too: (batch, position)."""
    return (tokens[:, :, None] == tokens[:, None]).tril(-1).any(2)


def next_token_losses(logits: Tensor, tokens: Tensor) -> Tensor:
    """Loss of each predicted token, in nats: (batch, position − 1)."""
    return nn.functional.cross_entropy(logits[:, :-1].mT, tokens[:, 1:], reduction="none")


@torch.no_grad()
def look(model: nn.Module, tokens: Tensor) -> dict:
    """What the curves and pictures need of a model at one moment."""
    logits, inside = model.run_with_cache(tokens)
    patterns = [inside[f"pattern.{layer}"] for layer in range(model.n_layers)]
    losses, repeat = next_token_losses(logits, tokens), seen_before(tokens)[:, :-1]
    right = (logits[:, :-1].argmax(-1) == tokens[:, 1:])[repeat]
    return {
        "loss": losses.mean().item(),
        "repeat loss": losses[repeat].mean().item(),  # where an induction head could know
        "accuracy": right.float().mean().item(),
        "score": in_context_learning_score(losses).item(),
        "matching": torch.stack([prefix_matching_score(p, tokens) for p in patterns]),
        "previous": patterns[0].diagonal(-1, 2, 3).mean((0, 2)),  # attention one back, by head
        "patterns": [p[0].clone() for p in patterns],  # of the first sequence
    }


def test_sequences(seed: int, n: int = 64) -> Tensor:
    """Sequences that training does not see: (n, LENGTH)."""
    return repeated_sequences(n, utils.generator(10_000 + seed))


def train_step(model: nn.Module, adam: torch.optim.Optimizer, tokens: Tensor) -> None:
    """One step on the mean loss of all next tokens."""
    loss = next_token_losses(model(tokens), tokens).mean()
    adam.zero_grad()
    loss.backward()
    adam.step()


def batches(generator: torch.Generator, shortest: int = 8, longest: int = 20) -> Iterator[Tensor]:
    """Training data without end."""
    while True:
        yield repeated_sequences(BATCH, generator, shortest, longest)


def train(
    model: nn.Module,
    data: Iterator[Tensor],
    tokens: Tensor,
    steps: int = STEPS,
    enough: float = 1,  # training ends once more of the repeats in `tokens` are predicted
    every: int = LOOK_EVERY,
) -> list[dict]:
    """Train a model in place, and look at it at times: what was seen on `tokens`."""
    adam = torch.optim.AdamW(model.parameters(), lr=0.007, weight_decay=0, fused=True)
    seen = []
    for step in progress.track(range(steps + 1), f"{model.n_layers} layers"):
        if step % every == 0:
            seen.append({"step": step, **look(model, tokens)})
        if step == steps or seen[-1]["accuracy"] > enough:
            break
        train_step(model, adam, next(data))
    return seen


@cache
def trained(seed: int) -> tuple[nn.Module, list[dict]]:
    """A trained model of two layers and what was seen of it; most claims look at the same one."""
    generator = utils.generator(seed)
    model = AttentionOnlyTransformer(VOCABULARY, LENGTH, generator=generator)
    return model, train(model, batches(generator), test_sequences(seed))


@cache
def one_layer_twice_as_long(seed: int) -> dict:
    """What is seen at the end of one plain layer, after twice the steps."""
    generator = utils.generator(seed)
    model = AttentionOnlyTransformer(VOCABULARY, LENGTH, n_layers=1, generator=generator)
    tokens, steps = test_sequences(seed), 2 * STEPS
    return train(model, batches(generator), tokens, steps, every=steps)[-1]


def curve(seen: list[dict], name: str) -> Tensor:
    """One quantity over training; of prefix matching that of the best head: (checkpoints,)."""
    return torch.tensor([float(s[name].max()) if name == "matching" else s[name] for s in seen])


def half_right(seen: list[dict]) -> float:
    """The first step at which half of the repeats are predicted; infinity if never."""
    return next((s["step"] for s in seen if s["accuracy"] > 0.5), float("inf"))


def steepest_quarter(seen: list[dict]) -> tuple[int, int]:
    """The two checkpoints, a quarter of all apart, between which prefix matching rises most."""
    k = max((len(seen) - 1) // 4, 1)
    matching = curve(seen, "matching")
    start = int((matching[k:] - matching[:-k]).argmax())
    return start, start + k


def formed_in(seen: list[dict], start: int, end: int) -> float:
    """The share of the final in-context learning score that forms between two checkpoints."""
    score = curve(seen, "score")
    return ((score[end] - score[start]) / score[-1]).item()


class SmearedKeys(transformer.AttentionOnlyTransformer):
    """Each key is mixed with the one before it (Olsson et al. 2022), in the first `heads` heads."""

    def __init__(self, n_layers: int, generator: torch.Generator, heads: int = 4):
        super().__init__(VOCABULARY, LENGTH, n_layers, generator=generator)
        self.alpha = nn.Parameter(torch.zeros(n_layers, self.n_heads, 1, 1))
        self.smeared = (torch.arange(self.n_heads) < heads)[:, None, None]

    def smear(self, key: Tensor, layer: int, then: Callable | None) -> Tensor:
        own = self.alpha[layer].sigmoid().where(self.smeared, 1.0)
        mixed = own * key[:, :, 1:] + (1 - own) * key[:, :, :-1]
        key = torch.cat([key[:, :, :1], mixed], 2)  # the first one stays as it is
        instead = then(key) if then else None
        return key if instead is None else instead

    def run_with_hooks(self, tokens: Tensor, hooks: transformer.Hooks) -> Tensor:
        names = [f"key.{layer}" for layer in range(self.n_layers)]
        smears = {x: partial(self.smear, layer=i, then=hooks.get(x)) for i, x in enumerate(names)}
        return super().run_with_hooks(tokens, hooks | smears)


@cache
def smeared(seed: int, n_layers: int = 1, heads: int = 4) -> tuple[SmearedKeys, list[dict]]:
    """A model with smeared keys, trained until it predicts nine repeats of ten; what was seen."""
    generator = utils.generator(seed)
    model = SmearedKeys(n_layers, generator, heads)
    return model, train(model, batches(generator), test_sequences(seed), enough=0.9)


def induction_heads(last: dict) -> list[tuple[int, int]]:
    """The heads with a prefix matching score above 1/2, the highest first."""
    score = last["matching"]
    return [divmod(int(i), score.shape[1]) for i in score.flatten().argsort(descending=True)
            if score.flatten()[i] > 0.5]  # fmt: skip


def previous_token_head(last: dict) -> tuple[int, int]:
    """The head of layer 0 that attends most to the token before."""
    return 0, int(last["previous"].argmax())


def other_heads(last: dict) -> list[tuple[int, int]]:
    """Neither induction head nor the previous-token head."""
    everything = [(layer, h) for layer, row in enumerate(last["matching"]) for h in range(len(row))]
    circuit = [*induction_heads(last), previous_token_head(last)]
    return [head for head in everything if head not in circuit]


@torch.no_grad()
def ablated_score(model: nn.Module, heads: list[tuple[int, int]], tokens: Tensor) -> float:
    """The in-context learning score without these heads, in nats."""
    logits = ablate_heads(model, heads)(tokens)
    return in_context_learning_score(next_token_losses(logits, tokens)).item()


@torch.no_grad()
def frozen_score(model: nn.Module, heads: list[tuple[int, int]], tokens: Tensor) -> float:
    """The same when all attention stays where it was: a pattern-preserving ablation."""
    patterns = model.run_with_cache(tokens)[1]
    hooks = {}
    for layer in range(model.n_layers):
        out = torch.tensor([h for at, h in heads if at == layer], dtype=torch.long)
        hooks[f"pattern.{layer}"] = lambda _, name=f"pattern.{layer}": patterns[name]
        hooks[f"head.{layer}"] = lambda z, out=out: z.index_fill(1, out, 0.0)
    logits = model.run_with_hooks(tokens, hooks)
    return in_context_learning_score(next_token_losses(logits, tokens)).item()


def costs(model: nn.Module, tokens: Tensor, score: Callable) -> dict[tuple[int, int], float]:
    """What each head costs in in-context learning, in nats, knocked out alone."""
    whole = score(model, [], tokens)
    heads = [(layer, h) for layer in range(model.n_layers) for h in range(model.n_heads)]
    return {head: score(model, [head], tokens) - whole for head in heads}


@torch.no_grad()
def compositions(model: nn.Module) -> dict[str, Tensor]:
    """Q-, K- and V-composition of each head of layer 0 with each of layer 1: (earlier, later).

    A later head scores x_query W_Q W_Kᵀ x_keyᵀ. So its query side reads by W_Q W_Kᵀ, its key side
    by the transpose, and its value side by W_V W_O.
    """
    W_OV, W_QK = model.W_V @ model.W_O, model.W_Q @ model.W_K.mT
    reads = {"Q": W_QK[1], "K": W_QK[1].mT, "V": W_OV[1]}
    return {kind: composition_score(W_OV[0][:, None], W[None]) for kind, W in reads.items()}


@torch.no_grad()
def copying(model: nn.Module) -> Tensor:
    """The copying score of each head: (n_layers, n_heads)."""
    return copying_score(model.W_E, model.W_V, model.W_O, model.W_U)


@torch.no_grad()
def matching_by_weights(model: nn.Module, earlier: int) -> Tensor:
    """How far each head of layer 1 matches what head `earlier` of layer 0 wrote: (head,).

    The same Σ λ / Σ |λ|, of the table that scores a query's token against the token before a key.
    """
    written = model.W_E @ model.W_V[0, earlier] @ model.W_O[0, earlier]
    return copying_score(model.W_E, model.W_Q[1], model.W_K[1].mT, written.mT)


BURSTS = ((8, 20), (6, 15), (4, 10))  # of periods: the shorter, the more often each token returns


@cache
def bursty(seed: int, periods: tuple[int, int]) -> list[dict]:
    """What is seen of a model trained on such periods, until half of the usual repeats are right.

    It begins with the same weights whatever the periods, and is tested on the same sequences.
    """
    if periods == BURSTS[0]:
        return trained(seed)[1]
    generator = utils.generator(seed)
    model = AttentionOnlyTransformer(VOCABULARY, LENGTH, generator=generator)
    return train(model, batches(generator, *periods), test_sequences(seed), enough=0.5)


FLIPS, PRIOR = 32, 3.0  # the coins' chances of heads are drawn from Beta(PRIOR, 1)


def coin_flips(n: int, generator: torch.Generator) -> Tensor:
    """Sequences of flips, each of a coin of its own: (n, FLIPS) of 0 and 1."""
    chance = torch.rand(n, 1, generator=generator) ** (1 / PRIOR)  # Beta(PRIOR, 1), inverted
    return (torch.rand(n, FLIPS, generator=generator) < chance).long()


def start_and_past(flips: Tensor) -> Tensor:
    """What the model reads: token 2 for the start, then all flips but the last."""
    return torch.cat([torch.full_like(flips[:, :1], 2), flips[:, :-1]], 1)


def train_on_coins(seed: int, steps: int = 300) -> nn.Module:
    """A one-layer model that learns to predict flips of coins it has never seen."""
    generator = utils.generator(seed)
    model = AttentionOnlyTransformer(
        3, FLIPS, n_layers=1, n_heads=2, d_model=32, generator=generator
    )
    adam = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in progress.track(range(steps), "coins"):
        flips = coin_flips(64, generator)
        logits = model(start_and_past(flips))[..., :2]
        loss = nn.functional.cross_entropy(logits.mT, flips)
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return model


def posterior_predictive(flips: Tensor, a: float, b: float = 1.0) -> Tensor:
    """Bayes: the chance of heads at each flip given those before, under Beta(a, b)."""
    before = torch.arange(flips.shape[1])
    heads = flips.cumsum(1) - flips
    return (heads + a) / (before + a + b)


def distance(p: Tensor, q: Tensor) -> Tensor:
    """KL divergence in nats from the prediction q to the truth p, by position: (position,)."""
    kl = torch.xlogy(p, p / q) + torch.xlogy(1 - p, (1 - p) / (1 - q))
    return kl.mean(0)


@torch.no_grad()
def distances_to_bayes(model: nn.Module, seed: int) -> dict[str, Tensor]:
    """Distance to Bayes by position: the model's, and that of Bayes with a flat prior."""
    flips = coin_flips(2000, utils.generator(20_000 + seed))
    bayes = posterior_predictive(flips, PRIOR)
    said = model(start_and_past(flips))[..., :2].softmax(-1)[..., 1]
    flat = posterior_predictive(flips, 1.0)
    return {"transformer": distance(bayes, said), "flat prior": distance(bayes, flat)}
