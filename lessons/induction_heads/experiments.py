"""What the induction-heads lesson trains and measures (Olsson et al. 2022 in miniature)."""

from functools import cache

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
from utils import progress

VOCABULARY, LENGTH = 64, 40
STEPS = 500


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


def test_sequences(seed: int, n: int = 128) -> Tensor:
    """Sequences that training does not see: (n, LENGTH)."""
    return repeated_sequences(n, utils.generator(10_000 + seed))


def train_step(model: nn.Module, adam: torch.optim.Optimizer, tokens: Tensor) -> None:
    """One step on the mean loss of all next tokens."""
    loss = next_token_losses(model(tokens), tokens).mean()
    adam.zero_grad()
    loss.backward()
    adam.step()


def train(seed: int, n_layers: int = 2, steps: int = STEPS) -> tuple[nn.Module, list[dict]]:
    """Train from scratch; look at the model every 20 steps. Returns the model and what was seen."""
    generator, tokens = utils.generator(seed), test_sequences(seed)
    model = AttentionOnlyTransformer(VOCABULARY, LENGTH, n_layers, generator=generator)
    adam = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=0, fused=True)
    seen = []
    for step in progress.track(range(steps + 1), f"{n_layers} layers"):
        if step % 20 == 0:
            seen.append({"step": step, **look(model, tokens)})
        if step < steps:
            train_step(model, adam, repeated_sequences(64, generator))
    return model, seen


trained = cache(train)  # most claims look at the same run


def curve(seen: list[dict], name: str) -> Tensor:
    """One quantity over training; of prefix matching that of the best head: (checkpoints,)."""
    return torch.tensor([float(s[name].max()) if name == "matching" else s[name] for s in seen])


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
    everything = [(a, b) for a in range(2) for b in range(last["matching"].shape[1])]
    circuit = [*induction_heads(last), previous_token_head(last)]
    return [head for head in everything if head not in circuit]


@torch.no_grad()
def ablated_score(model: nn.Module, heads: list[tuple[int, int]], tokens: Tensor) -> float:
    """The in-context learning score without these heads, in nats."""
    logits = ablate_heads(model, heads)(tokens)
    return in_context_learning_score(next_token_losses(logits, tokens)).item()


@torch.no_grad()
def compositions(model: nn.Module) -> dict[str, Tensor]:
    """Q-, K- and V-composition of each head of layer 0 with each of layer 1: (earlier, later).

    A later head scores x_query W_Q W_Kᵀ x_keyᵀ. So its query side reads by W_Q W_Kᵀ, its key side
    by the transpose, and its value side by W_V W_O.
    """
    W_OV, W_QK = model.W_V @ model.W_O, model.W_Q @ model.W_K.mT
    reads = {"Q": W_QK[1], "K": W_QK[1].mT, "V": W_OV[1]}
    return {kind: composition_score(W_OV[0][:, None], W[None]) for kind, W in reads.items()}


def copying(model: nn.Module) -> Tensor:
    """The copying score of each head: (n_layers, n_heads)."""
    with torch.no_grad():
        return copying_score(model.W_E, model.W_V, model.W_O, model.W_U)


BURSTS = ((8, 20), (6, 15), (4, 10))  # periods: the shorter, the more often each token returns


@cache
def steps_until_half_right(seed: int, shortest: int, longest: int, limit: int = 800) -> int:
    """Training steps until half of the repeated tokens of the usual sequences are predicted."""
    generator, tokens = utils.generator(seed), test_sequences(seed)
    model = AttentionOnlyTransformer(VOCABULARY, LENGTH, generator=generator)
    adam = torch.optim.AdamW(model.parameters(), lr=0.003, weight_decay=0, fused=True)
    for step in progress.track(range(limit), f"periods {shortest} to {longest}"):
        if step % 10 == 0 and look(model, tokens)["accuracy"] > 0.5:
            return step
        train_step(model, adam, repeated_sequences(64, generator, shortest, longest))
    return limit


FLIPS, PRIOR = 32, 3.0  # the coins' chances of heads are drawn from Beta(PRIOR, 1)


def coin_flips(n: int, generator: torch.Generator) -> Tensor:
    """Sequences of flips, each of a coin of its own: (n, FLIPS) of 0 and 1."""
    chance = torch.rand(n, 1, generator=generator) ** (1 / PRIOR)  # Beta(PRIOR, 1), inverted
    return (torch.rand(n, FLIPS, generator=generator) < chance).long()


def start_and_past(flips: Tensor) -> Tensor:
    """What the model reads: token 2 for the start, then all flips but the last."""
    return torch.cat([torch.full_like(flips[:, :1], 2), flips[:, :-1]], 1)


def train_on_coins(seed: int, steps: int = 500) -> nn.Module:
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
