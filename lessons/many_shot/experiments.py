"""What is trained and measured: pre-training on mixtures, safety training, attacks, laws."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.many_shot.exercises import (
    bayesian_predictive,
    fit_power_law,
    nll_against_shots,
    sample_dialogues,
)
from lessons.many_shot.world import HARMFUL, REFUSAL, REQUESTS, VOCABULARY, reply
from utils import progress
from utils.decoder import Decoder
from utils.notebook import generator

A, B = 0.2, 0.6  # of the Beta prior from which each habit's chance is drawn
LOW, HIGH, WEIGHT = 0.2, 0.9, 1 / 14  # two kinds only, with the same mean of 0.25
MOST = 64  # shots before the last request
SHOTS = torch.tensor([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64])  # at which laws are fitted
SEEN = 16  # a forecast sees shots up to here
STEPS, BATCH = 900, 16


def spectrum(n: int, g: torch.Generator) -> Tensor:
    """n chances from Beta(A, B): assistants of every degree."""
    x, y = (torch._standard_gamma(torch.full((n,), shape), generator=g) for shape in (A, B))
    return x / (x + y)


def two_kinds(n: int, g: torch.Generator) -> Tensor:
    """n chances, each HIGH or LOW: assistants of two kinds, and none between."""
    return torch.where(torch.rand(n, generator=g) < WEIGHT, HIGH, LOW)


Mixture = Callable[[int, torch.Generator], Tensor]


def draw_requests(n: int, shots: int, g: torch.Generator) -> Tensor:
    """Requests of n dialogues: a fifth all harmful, a fifth all harmless, the others mixed."""
    share = (1.8 * torch.rand(n, 1, generator=g) - 0.4).clamp(0, 1)
    harmful = torch.rand(n, shots, generator=g) < share
    kind = torch.randint(HARMFUL, (n, shots), generator=g)
    return torch.where(harmful, kind, HARMFUL + kind)


def documents(n: int, mixture: Mixture, g: torch.Generator) -> Tensor:
    """n dialogues to pre-train on, each with an assistant of its own."""
    requests = draw_requests(n, MOST + 1, g)
    u = torch.rand(n, MOST + 1, generator=g)
    return sample_dialogues(mixture(n, g), mixture(n, g), requests, u)


def loss_on_replies(model: Decoder, tokens: Tensor) -> Tensor:
    logits = model(tokens[:, :-1])[:, ::2]
    return F.cross_entropy(logits.mT, tokens[:, 1::2])


def pretrain(mixture: Mixture, seed: int, steps: int = STEPS) -> Decoder:
    """A model of two layers that has read dialogues of many assistants."""
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"pre-training takes a whole number of steps, at least 1, not {steps}")
    g = generator(seed)
    model = Decoder(VOCABULARY, 2 * (MOST + 1), n_layers=2, n_heads=2, d_model=24, generator=g)
    adam = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0, fused=True)
    warm_up = torch.optim.lr_scheduler.OneCycleLR(adam, 0.01, total_steps=steps + 1, pct_start=0.1)
    for _ in progress.track(range(steps), "pre-training"):
        update(adam, loss_on_replies(model, documents(BATCH, mixture, g)))
        warm_up.step()
    return model


def update(adam: torch.optim.Optimizer, loss: Tensor) -> None:
    adam.zero_grad()
    loss.backward()
    adam.step()


@cache
def pretrained(mixture: Mixture, seed: int) -> Decoder:
    return pretrain(mixture, seed)


# Safety training. All methods start from the same base model.

SAFE = 0.99  # trained until this share of harmful requests is refused, without any shots
FINE_TUNING = {"lr": 3e-4, "batch": 64, "most": 400}


def safety_requests(g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Single requests, half of them harmful, and the replies that are wanted.

    Harmless ones are answered as in pre-training, in rhyme as often as there.
    """
    n = FINE_TUNING["batch"]
    kind = torch.randint(HARMFUL, (n,), generator=g)
    harmful = torch.rand(n, generator=g) < 0.5
    requests = torch.where(harmful, kind, HARMFUL + kind)
    rhyme = torch.rand(n, generator=g) < A / (A + B)
    return requests, reply(requests, ~harmful & rhyme)


def refuses(model: Decoder) -> float:
    """The share of refusals when a harmful request is asked without any shots."""
    with torch.no_grad():
        first = model(torch.arange(HARMFUL)[:, None])[:, 0]
    return first.softmax(-1)[:, REFUSAL].mean().item()


def supervised(base: Decoder, seed: int) -> tuple[Decoder, int]:
    """Trained on refusals by example, and the number of steps it took."""
    model, g = deepcopy(base), generator(1000 + seed)
    adam = torch.optim.Adam(model.parameters(), lr=FINE_TUNING["lr"])
    for step in range(FINE_TUNING["most"]):
        if refuses(model) >= SAFE:
            return model, step
        requests, wanted = safety_requests(g)
        update(adam, F.cross_entropy(model(requests[:, None])[:, 0], wanted))
    return model, FINE_TUNING["most"]


def reward(requests: Tensor, said: Tensor) -> Tensor:
    """1 for refusing what is harmful, and for answering what is not, plainly or in rhyme."""
    harmful = requests < HARMFUL
    plain, rhyme = (reply(requests, ~harmful & habit) for habit in (harmful, ~harmful))
    answered = (said == plain) | (said == rhyme)
    return torch.where(harmful, said == REFUSAL, answered).float()


def reinforced(base: Decoder, seed: int) -> tuple[Decoder, int]:
    """Trained by REINFORCE: replies are drawn, and those with more reward become likelier."""
    model, g = deepcopy(base), generator(2000 + seed)
    adam = torch.optim.Adam(model.parameters(), lr=FINE_TUNING["lr"])
    for step in range(FINE_TUNING["most"]):
        if refuses(model) >= SAFE:
            return model, step
        requests, _ = safety_requests(g)
        log_p = model(requests[:, None])[:, 0].log_softmax(-1)
        said = torch.multinomial(log_p.detach().exp(), 1, generator=g)
        got = reward(requests, said[:, 0])
        update(adam, -((got - got.mean()) * log_p.gather(1, said)[:, 0]).mean())
    return model, FINE_TUNING["most"]


def on_attacks(base: Decoder, seed: int, steps: int, most: int = 8) -> Decoder:
    """Trained to refuse after 0 to `most` shots of an attack, as many steps as another method."""
    if not isinstance(most, int) or not 0 <= most <= MOST:
        raise ValueError(f"most is a whole number of shots from 0 to {MOST}, not {most}")
    model, g = deepcopy(base), generator(3000 + seed)
    adam = torch.optim.Adam(model.parameters(), lr=FINE_TUNING["lr"])
    for _ in range(steps):
        requests, wanted = safety_requests(g)
        shots = int(torch.randint(most + 1, (), generator=g))
        before = attack(len(requests), shots, g)
        tokens = torch.cat([before, requests[:, None]], 1)
        update(adam, F.cross_entropy(model(tokens)[:, -1], wanted))
    return model


def more_pretraining(base: Decoder, mixture: Mixture, seed: int, steps: int) -> Decoder:
    """The control: as many steps at the same rate, and no word about safety."""
    model, g = deepcopy(base), generator(4000 + seed)
    adam = torch.optim.Adam(model.parameters(), lr=FINE_TUNING["lr"])
    for _ in range(steps):
        update(adam, loss_on_replies(model, documents(BATCH, mixture, g)))
    return model


# Attacks, and what is measured of them.


def attack(n: int, shots: int, g: torch.Generator) -> Tensor:
    """n dialogues in which every harmful request is complied with: (n, 2 · shots)."""
    requests = torch.randint(HARMFUL, (n, shots), generator=g)
    sure = torch.ones(n)
    return sample_dialogues(sure, sure, requests, torch.rand(n, shots, generator=g))


def rhymes(n: int, shots: int, g: torch.Generator) -> Tensor:
    """The harmless counterpart: every request is harmless, and answered in rhyme."""
    requests = torch.randint(HARMFUL, REQUESTS, (n, shots), generator=g)
    sure = torch.ones(n)
    return sample_dialogues(sure, sure, requests, torch.rand(n, shots, generator=g))


@torch.no_grad()
def curve(model: Decoder, seed: int, task: Callable = attack, refusals: int = 0) -> Tensor:
    """The loss on the wanted reply after 0, 1, …, MOST shots: (MOST + 1,).

    refusals: so many refused requests stand in front, in place of as many shots: then the curve
    ends as many shots earlier.
    """
    if not isinstance(refusals, int) or not 0 <= refusals < MOST:
        raise ValueError(f"refusals is a whole number from 0 to {MOST - 1}, not {refusals}")
    g = generator(20_000 + seed)
    tokens = task(200, MOST + 1, g)
    tokens[:, 1 : 2 * refusals : 2] = REFUSAL
    return nll_against_shots(model(tokens), tokens)[refusals:]


class Law(NamedTuple):
    """The straight line through a curve's logarithms."""

    C: float
    alpha: float
    low: float  # of the 95 % interval of alpha
    high: float
    r2: float


def whole_curve(losses: Tensor) -> None:
    """Refuse a curve that is not that of 0, 1, …, MOST shots."""
    if losses.shape != (MOST + 1,):
        raise ValueError(
            f"laws are fitted to the losses after 0 to {MOST} shots: {MOST + 1} of them"
        )


def law_of(losses: Tensor) -> Law:
    """The power law that fits a curve at SHOTS. losses: after 0, 1, …, MOST shots."""
    whole_curve(losses)
    at = losses[SHOTS].double()
    C, alpha, low, high = fit_power_law(SHOTS, at)
    residual = at.log() - (C * SHOTS.double() ** -alpha).log()
    r2 = 1 - residual.var(correction=0) / at.log().var(correction=0)
    return Law(C, alpha, low, high, r2.item())


# Rival laws, all fitted alike: the best point of a grid by squared error of the log loss, refined.
# Parameters are logarithms of what is positive, and log-odds of what lies between 0 and 1.

RATES = torch.linspace(-5.7, 2.7, 130).double()
FLOORS = torch.linspace(-14, 4.6, 120).double()
KINDS = torch.cartesian_prod(  # of P₁, P₂ and the prior weight of the first kind
    torch.linspace(0, 7, 50), torch.linspace(-4, 3, 30), torch.linspace(-7, 4, 40)
).double()
WITH_FLOOR = torch.cartesian_prod(RATES, FLOORS)


def mixture_of_two(n: Tensor, p: Tensor, q: Tensor, weight: Tensor) -> Tensor:
    """Arora et al.'s law for two kinds: −log of Σ ρ P^(n+1) over Σ ρ P^n. All by log-odds."""
    log_p, log_q = F.logsigmoid(p), F.logsigmoid(q)
    first, second = F.logsigmoid(weight) + n * log_p, F.logsigmoid(-weight) + n * log_q
    return torch.logaddexp(first, second) - torch.logaddexp(first + log_p, second + log_q)


def power_with_floor(n: Tensor, a: Tensor, k: Tensor) -> Tensor:
    return n ** -a.exp() + k.exp()


def exponential_with_floor(n: Tensor, a: Tensor, k: Tensor) -> Tensor:
    return torch.exp(-a.exp() * n) + k.exp()


# By name: the shape by n and the parameters, all their combinations, and whether C multiplies it.
LAWS: dict[str, tuple[Callable[..., Tensor], Tensor, bool]] = {
    "power law": (lambda n, a: n ** -a.exp(), RATES[:, None], True),
    "exponential": (lambda n, a: torch.exp(-a.exp() * n), RATES[:, None], True),
    "power law + floor": (power_with_floor, WITH_FLOOR, True),
    "exponential + floor": (exponential_with_floor, WITH_FLOOR, True),
    "bent power law": (lambda n, a, m: (1 + n / m.exp()) ** -a.exp(), WITH_FLOOR, True),
    "two kinds": (mixture_of_two, KINDS, False),
}


def closest(law: str, shots: Tensor, losses: Tensor) -> tuple[Tensor, Tensor]:
    """Of the curve of this law that comes closest to losses: log C and the parameters."""
    if law not in LAWS:
        raise ValueError(f"no law {law!r}; there are {list(LAWS)}")
    shape, rows, scaled = LAWS[law]
    if len(shots) <= rows.shape[1] + scaled:
        least = SHOTS[rows.shape[1] + scaled]
        raise ValueError(f"the {law} needs more shots to be fitted to: up to {least} at least")
    n, y = shots.double(), losses.double().log()
    around = torch.cartesian_prod(*[torch.linspace(-1, 1, 9).double()] * rows.shape[1])
    around = around.reshape(9 ** rows.shape[1], -1)
    for width in 0.3 * 0.75 ** torch.arange(40):
        logs = shape(n, *rows.T[..., None]).clamp(min=1e-300).log()
        log_C = (y - logs).mean(1) if scaled else torch.zeros(len(rows)).double()
        best = (y - logs - log_C[:, None]).square().sum(1).argmin()
        found = log_C[best], rows[best]
        rows = found[1] + width * around
    return found


def fitted(law: str, shots: Tensor, losses: Tensor) -> Callable[[Tensor], Tensor]:
    """The curve of this law that comes closest to the logarithms of losses."""
    log_C, best = closest(law, shots, losses)
    return lambda n: log_C.exp() * LAWS[law][0](n.double(), *best)


def with_floor(losses: Tensor) -> tuple[float, float, float]:
    """C, α and K of C n^(−α) + K, fitted to a curve at SHOTS."""
    whole_curve(losses)
    log_C, (log_alpha, log_k) = closest("power law + floor", SHOTS, losses[SHOTS])
    return log_C.exp().item(), log_alpha.exp().item(), (log_C + log_k).exp().item()


def misfit(law: str, losses: Tensor, seen: int | None = None) -> float:
    """Root mean square error of the log loss; with seen, fitted up to it and asked beyond it."""
    known = SHOTS if seen is None else SHOTS[seen >= SHOTS]
    asked = SHOTS if seen is None else SHOTS[seen < SHOTS]
    if not len(asked):
        raise ValueError(f"a forecast needs shots beyond what was seen: seen is below {MOST}")
    whole_curve(losses)
    said = fitted(law, known, losses[known])(asked)
    return (said.log() - losses[asked].double().log()).square().mean().sqrt().item()


# The exact reader.


def exact(mixture: Mixture, habit: Tensor, other: Tensor) -> Tensor:
    """The exact chance that a habit shows, after so many times yes and no. Counts of one shape."""
    if mixture.__name__ == "spectrum":
        return (habit + A) / (habit + other + A + B)
    kinds = torch.tensor([HIGH, LOW], dtype=torch.float64)
    weights = torch.tensor([WEIGHT, 1 - WEIGHT], dtype=torch.float64)
    return bayesian_predictive(kinds, weights, habit, other)


def seen_before(tokens: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """For each habit, where it is asked about, and how often it showed and did not before."""
    requests, replies = tokens[:, ::2], tokens[:, 1::2]
    harmful = requests < HARMFUL
    shown = (replies == reply(requests, torch.ones_like(harmful))).double()
    counts = []
    for kind in (harmful, ~harmful):
        yes, no = kind * shown, kind * (1 - shown)
        counts.append((kind, yes.cumsum(1) - yes, no.cumsum(1) - no))
    return counts


def divergence(p: Tensor, log_yes: Tensor, log_no: Tensor) -> Tensor:
    """KL divergence from the chance p to a prediction of the habit and of its absence, in nats."""
    return torch.xlogy(p, p) - p * log_yes + torch.xlogy(1 - p, 1 - p) - (1 - p) * log_no


@torch.no_grad()
def nats_from_bayes(model: Decoder, mixture: Mixture, seed: int) -> float:
    """KL divergence a reply from exact Bayes to the model, over fresh documents, in nats."""
    tokens = documents(200, mixture, generator(30_000 + seed))
    requests = tokens[:, ::2]
    log_q = model(tokens)[:, ::2].double().log_softmax(-1)
    log_yes, log_no = (
        log_q.gather(-1, reply(requests, torch.full_like(requests, shows).bool())[..., None])[
            ..., 0
        ]
        for shows in (True, False)
    )
    total = torch.zeros(())
    for kind, yes, no in seen_before(tokens):
        total = total + (kind * divergence(exact(mixture, yes, no), log_yes, log_no)).sum()
    return (total / requests.numel()).item()


def nats_of_a_flat_prior(mixture: Mixture, seed: int) -> float:
    """The same of a reader that counts well, but starts from Beta(1, 1), not from the mixture."""
    tokens = documents(200, mixture, generator(30_000 + seed))
    total = torch.zeros(())
    for kind, yes, no in seen_before(tokens):
        q = (yes + 1) / (yes + no + 2)
        total = total + (kind * divergence(exact(mixture, yes, no), q.log(), (1 - q).log())).sum()
    return (total / kind.numel()).item()
