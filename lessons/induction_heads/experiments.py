"""What the induction-heads lesson trains and measures (Olsson et al. 2022 in miniature)."""

import math
from collections.abc import Callable, Iterator
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
    induction_head_by_hand,
    prefix_matching_score,
)
from utils import progress
from utils.claims import Finding, claim

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


def halfway(seen: list[dict], name: str) -> int:
    """The first checkpoint's step at which a quantity has made half of its way.

    A loss starts from ln(VOCABULARY), which is to know nothing: the untrained model is worse.
    """
    values = curve(seen, name)
    start = math.log(VOCABULARY) if "loss" in name else values[0]
    way = (values - start) / (values[-1] - start)
    return seen[int((way >= 0.5).float().argmax())]["step"]


def largest_share(seen: list[dict], name: str, window: int = 100) -> float:
    """The largest share of its whole way that a quantity makes within `window` steps."""
    values = curve(seen, name)
    start = math.log(VOCABULARY) if "loss" in name else values[0]
    k = window // (seen[1]["step"] - seen[0]["step"])
    return ((values[k:] - values[:-k]) / (values[-1] - start)).max().item()


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


@claim(
    "A phase change: repeats' loss, in-context learning score and prefix matching jump together",
    source="Olsson et al. 2022, Argument 1",
    paper="induction heads develop at the same point as a sudden rise of in-context learning",
    bound="halfway at most 60 of 500 steps apart, each with over half its way within 100 steps",
)
def three_curves_jump_together(seed: int) -> Finding:
    seen = trained(seed)[1]
    names = ("repeat loss", "score", "matching")
    steps = [halfway(seen, name) for name in names]
    sudden = min(largest_share(seen, name) for name in names)
    holds = max(steps) - min(steps) <= 60 and sudden > 0.5
    return Finding(steps[2], "steps (matching halfway)", holds)


@claim(
    "One layer never does it",
    source="Olsson et al. 2022, Argument 1; Elhage et al. 2021",
    paper="one-layer models have no induction heads",
    bound="after twice the steps no prefix matching above 0.25, under half of the repeats right",
)
def one_layer_never_does_it(seed: int) -> Finding:
    last = trained(seed, 1, 2 * STEPS)[1][-1]
    best = last["matching"].max().item()
    return Finding(best, "prefix matching", best < 0.25 and last["accuracy"] < 0.5)


@claim(
    "Without its induction heads the model does not learn in context",
    source="Olsson et al. 2022, Argument 3",
    paper="knocking them out at test time greatly decreases in-context learning in small models",
    bound="at most a tenth of the in-context learning score is left",
)
def induction_heads_are_needed(seed: int) -> Finding:
    model, seen = trained(seed)
    left = ablated_score(model, induction_heads(seen[-1]), test_sequences(seed))
    share = left / seen[-1]["score"]
    return Finding(100 * share, "% of the score left", share <= 0.1)


@claim(
    "As many other heads are not needed",
    source="Olsson et al. 2022, Argument 3",
    paper="strong, causal evidence for induction heads in small attention-only models",
    bound="three induction heads cost over half of the score, three other heads under a tenth",
)
def other_heads_are_not_needed(seed: int) -> Finding:
    model, seen = trained(seed)
    tokens, last = test_sequences(seed), seen[-1]
    few, others = induction_heads(last)[:3], other_heads(last)[:3]
    left, rest = (ablated_score(model, heads, tokens) / last["score"] for heads in (few, others))
    holds = len(few) == len(others) == 3 and left < 0.5 and rest > 0.9
    return Finding(100 * rest, "% left without three others", holds)


@claim(
    "Induction heads read the previous-token head by K-composition",
    source="Elhage et al. 2021, “Induction Heads”",
    paper="induction heads use K-composition with a previous-token head",
    bound="its K score with the best induction head beats its Q and V and every other head's K",
)
def the_previous_token_head_composes_by_keys(seed: int) -> Finding:
    model, seen = trained(seed)
    heads, before = induction_heads(seen[-1]), previous_token_head(seen[-1])[1]
    score = {kind: table[:, heads[0][1]] for kind, table in compositions(model).items()}
    rivals = torch.cat([score["K"][torch.arange(4) != before], score["Q"], score["V"]])
    margin = score["K"][before] - rivals.max()
    return Finding(margin, "above the next score", margin > 0)


@claim(
    "Without the previous-token head the induction heads lose most of their pattern",
    source="Elhage et al. 2021, “Induction Heads”",
    paper="the induction head's keys are shifted by a previous-token head",
    bound="prefix matching falls by over half without it, under a tenth without another of layer 0",
)
def induction_needs_the_previous_token_head(seed: int) -> Finding:
    model, seen = trained(seed)
    tokens, best = test_sequences(seed), seen[-1]["matching"].max()
    kept = torch.tensor([matching_without(model, (0, h), tokens) / best for h in range(4)])
    before = previous_token_head(seen[-1])[1]
    others = kept[torch.arange(4) != before]
    holds = kept[before] < 0.5 and others.min() > 0.9
    return Finding(100 * kept[before], "% of prefix matching left", holds)


@claim(
    "A head made by hand reaches the trained one's loss",
    source="Elhage et al. 2021, “Induction Heads”",
    paper="the circuit they describe suffices for induction",
    bound="mean loss over all tokens at most 0.1 nats above the trained model's",
)
def by_hand_is_as_good(seed: int) -> Finding:
    tokens = test_sequences(seed)
    by_hand = look(induction_head_by_hand(VOCABULARY, LENGTH), tokens)["loss"]
    more = by_hand - trained(seed)[1][-1]["loss"]
    return Finding(more, "nats above", more <= 0.1)


@claim(
    "Burstier data, earlier phase change",
    source="Reddy 2024; Chan et al. 2022",
    paper="burstiness promotes in-context learning",
    bound="each of two shorter ranges of periods brings the change earlier than the one before",
)
def bursts_bring_it_earlier(seed: int) -> Finding:
    steps = [steps_until_half_right(seed, *periods) for periods in BURSTS]
    return Finding(steps[0] - steps[2], "steps earlier", steps[0] > steps[1] > steps[2])


@claim(
    "In-context predictions of coin flips come close to Bayes",
    source="Xie et al. 2022",
    paper="in-context learning as implicit Bayesian inference",
    bound="within 0.01 nats of the posterior predictive; a flat prior is over twice as far from it",
)
def coins_are_learned_as_bayes_would(seed: int) -> Finding:
    far = distances_to_bayes(train_on_coins(seed), seed)
    ours, flat = far["transformer"].mean(), far["flat prior"].mean()
    return Finding(ours, "nats a flip", ours < 0.01 and 2 * ours < flat)


@torch.no_grad()
def matching_without(model: nn.Module, head: tuple[int, int], tokens: Tensor) -> float:
    """The best prefix matching score of layer 1 when one head of layer 0 writes nothing."""
    kept: dict[str, Tensor] = {}

    def knock_out(z: Tensor) -> Tensor:
        return z.index_fill(1, torch.tensor([head[1]]), 0.0)

    def keep(pattern: Tensor) -> None:
        kept["pattern"] = pattern

    model.run_with_hooks(tokens, {f"head.{head[0]}": knock_out, "pattern.1": keep})
    return prefix_matching_score(kept["pattern"], tokens).max().item()


def bench() -> Iterator[tuple[str, Callable[[], tuple[int, float | None]]]]:
    """Rows for `make bench`: the experiments, then how time grows with layers and steps."""

    def run(n_layers: int, steps: int) -> Callable[[], tuple[int, float]]:
        return lambda: (steps, train(0, n_layers, steps)[1][-1]["loss"])

    def coins() -> tuple[int, float]:
        return 500, distances_to_bayes(train_on_coins(0), 0)["transformer"].mean().item()

    yield "first call (torch's own start)", run(1, 2)
    yield "two layers, 500 steps", run(2, STEPS)
    yield "one layer, 1000 steps", run(1, 2 * STEPS)
    yield "coins: one layer, 500 steps", coins
    for n_layers in (1, 2, 4):
        yield f"train: {n_layers} layers, 100 steps", run(n_layers, 100)
    for steps in (50, 100, 200):
        yield f"train: 2 layers, {steps} steps", run(2, steps)
