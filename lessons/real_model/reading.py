"""What is read in the model's stream and added to it: a probe, steering, an autoencoder."""

import torch
from torch import Tensor, nn

from lessons.real_model.exercises import (
    balanced_shuffle_control,
    probe_with_negation,
    sae_loss_recovered,
)
from lessons.real_model.heads import Found, chunks, losses
from lessons.real_model.texts import (
    CAPITALS,
    CITIES,
    OPEN,
    PAIRS,
    WORDS,
    draw,
    elsewhere,
    statements,
)
from utils.llama import Llama, Tokenizer
from utils.notebook import generator

LAYERS = (12, 16, 20)  # where a probe may read
STEER_AT = (10, 14, 18)
SAE_AT, LATENTS, ACTIVE = 12, 1024, 32


def padded(tokenizer: Tokenizer, texts: list[str]) -> tuple[Tensor, Tensor]:
    """Texts as tokens, filled up on the right; and the place of each one's last token."""
    rows = [tokenizer.encode(text) for text in texts]
    longest = max(map(len, rows))
    filled = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    return filled, torch.tensor([len(row) - 1 for row in rows])


def activations(
    model: Llama, tokenizer: Tokenizer, texts: list[str], layers: tuple[int, ...]
) -> dict[int, Tensor]:
    """The stream at the last token of each text before some layers: (texts, d_model) each."""
    tokens, last = padded(tokenizer, texts)
    kept: dict[int, Tensor] = {}

    def keep(layer: int, x: Tensor) -> None:
        kept[layer] = x[torch.arange(len(x)), last]

    hooks = {f"residual.{n}": lambda x, n=n: keep(n, x) for n in layers}
    model.residual(tokens, max(layers), hooks)
    return kept


def auroc(scores: Tensor, true: Tensor) -> float:
    """The chance that something true scores higher than something false."""
    a, b = scores[true][:, None], scores[~true][None]
    return ((a > b).double() + (a == b).double() / 2).mean().item()


@torch.no_grad()
def truth(model: Llama, tokenizer: Tokenizer, seed: int) -> Found:
    """AUROC of a probe of cities, and of one of cities in both forms, on what they never saw."""
    train, valid = draw(CITIES, 24, seed)
    test, _ = draw(CAPITALS, 24, seed)

    def read(form: str, places: dict[str, str], layers: tuple[int, ...]) -> dict[int, Tensor]:
        texts = statements(form, places, elsewhere(places, generator(seed)))
        return activations(model, tokenizer, texts, layers)

    def truths(form: str, n: int) -> Tensor:
        return (torch.arange(n) < n // 2) ^ ("not" in form)  # true ones first

    seen = {form: read(form, train, LAYERS) for form in ("cities", "cities, not")}
    held = {form: read(form, valid, LAYERS) for form in ("cities", "cities, not")}
    by_layer, probes = {}, {}
    for layer in LAYERS:
        a, b = seen["cities"][layer], seen["cities, not"][layer]
        general, by_form = probe_with_negation(a, b, truths("cities", len(a)))
        probes[layer] = {"cities": general + by_form, "both forms": general}
        by_layer[layer] = {
            form: auroc(x[layer] @ general, truths(form, len(x[layer]))) for form, x in held.items()
        }
    layer = max(LAYERS, key=lambda n: min(by_layer[n].values()))  # by cities that no test uses
    found = probes[layer]
    part = (found["cities"] - found["both forms"]).norm().item()
    told: Found = {"layer": layer, "general": found["both forms"].norm().item(), "by form": part}
    told["new cities"] = by_layer[layer]  # by the general direction
    noise = torch.randn(20, len(found["cities"]), generator=generator(seed))
    for form in ("capitals", "capitals, not", "word pairs"):
        x = read(form, test, (layer,))[layer]
        told[form] = {name: auroc(x @ w, truths(form, len(x))) for name, w in found.items()}
        told[form]["points"] = (x @ found["cities"]).tolist()
        told[form]["random"] = [auroc(x @ w, truths(form, len(x))) for w in noise]
    true, false = torch.tensor(told["capitals"]["points"]).chunk(2)
    told["threshold"] = ((true.mean() + false.mean()) / 2).item()  # midway, of the affirmed ones
    return told


def log_odds(logits: Tensor, tokenizer: Tokenizer, kind: str) -> Tensor:
    """Of the next word: how much likelier a word of the first list is than one of the second."""
    lists = ([tokenizer.encode(f" {word}")[0] for word in words.split()] for words in WORDS[kind])
    first, second = (logits[..., tokens].logsumexp(-1) for tokens in lists)
    return first - second


class Steered:
    """Beginnings of sentences, run up to a layer, to go on from there with something added."""

    def __init__(self, model: Llama, tokenizer: Tokenizer, kind: str, texts: list[str], layer: int):
        tokens, self.last = padded(tokenizer, texts)
        self.model, self.tokenizer, self.kind, self.layer = model, tokenizer, kind, layer
        self.start = model.residual(tokens, layer)

    def effect(self, vector: Tensor) -> float:
        """Half the change of the log-odds from the vector subtracted to the vector added."""
        odds = []
        for sign in (1, -1):
            end = self.model.end(self.start + sign * vector, self.layer)
            logits = self.model.unembed(end[torch.arange(len(end)), self.last])
            odds.append(log_odds(logits, self.tokenizer, self.kind).mean().item())
        return (odds[0] - odds[1]) / 2


@torch.no_grad()
def steering(model: Llama, tokenizer: Tokenizer, seed: int, strength: float = 1.5) -> Found:
    """What a difference of means does to the next word, beside three kinds of control."""
    told: Found = {}
    for kind, pairs in PAIRS.items():
        g = generator(seed)
        chosen = [pairs[i] for i in torch.randperm(len(pairs), generator=g)[:12].tolist()]
        texts = [OPEN[kind][i] for i in torch.randperm(len(OPEN[kind]), generator=g).tolist()]
        both = [list(side) for side in zip(*chosen, strict=True)]
        sides = [activations(model, tokenizer, side, STEER_AT) for side in both]
        gap = {n: strength * (sides[0][n].mean(0) - sides[1][n].mean(0)) for n in STEER_AT}
        tried = {n: Steered(model, tokenizer, kind, texts[:6], n).effect(gap[n]) for n in STEER_AT}
        layer = max(tried, key=tried.get)  # by beginnings that the test does not use
        test, vector = Steered(model, tokenizer, kind, texts[6:], layer), gap[layer]
        a, b = sides[0][layer], sides[1][layer]
        controls = {
            "random": [torch.randn(len(vector), generator=g) for _ in range(5)],
            "balanced shuffle": [balanced_shuffle_control(a, b, g) for _ in range(5)],
            "plain shuffle": [shuffled_means(a, b, g) for _ in range(5)],
        }
        told[kind] = {"layer": layer, "difference of means": test.effect(vector)}
        for name, others in controls.items():
            scaled = [other * vector.norm() / other.norm() for other in others]
            told[kind][name] = [test.effect(other) for other in scaled]
        pushed = {"price": vector, "price of a random one": controls["random"][0]}
        text = chunks(tokenizer, seed)[-2:]
        for name, v in pushed.items():
            told[kind][name] = price(model, text, v * vector.norm() / v.norm(), layer)
    return told


def price(model: Llama, tokens: Tensor, vector: Tensor, layer: int) -> float:
    """By how much the loss on prose rises when a vector is added at every position, in nats."""
    x = model.residual(tokens, layer)
    with_it, without_it = (losses(model.finish(y, layer), tokens) for y in (x + vector, x))
    return (with_it - without_it).mean().item()


def shuffled_means(a: Tensor, b: Tensor, g: torch.Generator) -> Tensor:
    """A difference of means of two groups dealt from all examples: not balanced."""
    x = torch.cat([a, b])
    first, second = x[torch.randperm(len(x), generator=g)].chunk(2)
    return first.mean(0) - second.mean(0)


class TopK(nn.Module):
    """A sparse autoencoder: of a vector's latents the few largest count (Gao et al. 2024)."""

    def __init__(self, d: int, latents: int, active: int, seed: int):
        super().__init__()
        rows = torch.randn(latents, d, generator=generator(seed))
        self.decoder = nn.Parameter(rows / rows.norm(dim=1, keepdim=True))
        self.encoder = nn.Parameter(self.decoder.detach().clone())
        self.bias = nn.Parameter(torch.zeros(d))
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        latents = (x - self.bias) @ self.encoder.T
        values, which = latents.topk(self.active, -1)
        kept = torch.zeros_like(latents).scatter(-1, which, values.relu())
        return kept @ self.decoder + self.bias


def train(sae: TopK, x: Tensor, seed: int, steps: int = 250, batch: int = 128) -> None:
    """Adam on the squared error, its rate falling to 0; rows of the decoder keep length 1."""
    adam, g = torch.optim.Adam(sae.parameters(), lr=2e-3), generator(seed)
    for step in range(steps):
        adam.param_groups[0]["lr"] = 2e-3 * min(1.0, 2 * (1 - step / steps))
        rows = x[torch.randint(len(x), (batch,), generator=g)]
        loss = (sae(rows) - rows).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        with torch.no_grad():
            sae.decoder /= sae.decoder.norm(dim=1, keepdim=True)


def components(x: Tensor) -> Tensor:
    """The principal axes of some vectors around 0, a row each, the longest first."""
    return torch.linalg.eigh(x.T @ x).eigenvectors.T.flip(0)


def autoencoder(model: Llama, tokenizer: Tokenizer, seed: int) -> Found:
    """Loss recovered on other prose: by an autoencoder, untrained and trained, and by PCA."""
    pieces = chunks(tokenizer, seed)
    with torch.no_grad():
        seen, held = (model.residual(t, SAE_AT) for t in (pieces[:32], pieces[32:35]))
    x = seen[:, 1:].flatten(0, 1)  # the first position is 100 times longer than any other
    center = x.mean(0)
    scale = (x - center).square().mean().sqrt()
    x, test = (x - center) / scale, (held[:, 1:] - center) / scale

    @torch.no_grad()
    def loss_of(z: Tensor) -> float:
        whole = torch.cat([held[:, :1], z * scale + center], 1)
        return losses(model.finish(whole, SAE_AT), pieces[32:35])[:, 1:].mean().item()

    sae = TopK(x.shape[1], LATENTS, ACTIVE, seed)
    rebuilt = {"untrained": sae(test).detach()}
    train(sae, x, seed)
    rebuilt["trained"] = sae(test).detach()
    axes = components(x)
    for n in (ACTIVE, 64, 128, 256):
        rebuilt[f"PCA {n}"] = test @ axes[:n].T @ axes[:n]
    found = sae_loss_recovered(loss_of, test, rebuilt)
    size = test.square().mean()
    error = {name: ((z - test).square().mean() / size).item() for name, z in rebuilt.items()}
    return {"recovered": found, "error": error}
