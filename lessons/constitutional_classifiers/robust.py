"""Doubtful requests and a small classifier of words: attacked, hardened, certified."""

from collections.abc import Callable
from functools import cache
from itertools import combinations_with_replacement
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import utils
from lessons.constitutional_classifiers.exercises import interval_bounds
from utils.worlds.assistant import ACTIONS, FILLERS, TOPICS

# A request here is its action, its topic and six fillers, of which an attacker owns the last four.
CALM, HASTY = range(8), range(8, 16)  # places in FILLERS: two tones, eight words each
FREE, OWNED = 2, 4
WIDTH = len(ACTIONS) + len(TOPICS) + len(FILLERS)
TONE = slice(len(ACTIONS) + len(TOPICS), WIDTH)
TONED = 0.7  # chance that a filler has the tone of its sender's intent


class Asks(NamedTuple):
    """Requests as counts of words, without the owned fillers, and those fillers apart."""

    fixed: Tensor  # (n, 30), float64: action, topic, two fillers
    owned: Tensor  # (n, 16), float64: how often each filler stands in the four owned slots
    harmful: Tensor  # (n,), bool
    doubtful: Tensor  # (n,), bool: the pair does not tell

    def rows(self, index: Tensor) -> "Asks":
        return Asks(*(x[index] for x in self))


def asks(n: int, seed: int, doubtful: float = 0.3) -> Asks:
    """n requests. This share is doubtful: drawing, naming, counting what is dangerous.

    Of the doubtful ones every second is meant harmfully, which only the tone betrays. Of the others
    half are restricted (a dangerous action on a dangerous topic), half harmless.
    """
    generator = utils.generator(seed)
    kind = torch.rand(n, generator=generator)
    doubt, half = kind < doubtful, torch.rand(n, generator=generator) < 0.5
    action = torch.randint(3, (n,), generator=generator)
    topic = torch.randint(4, (n,), generator=generator)
    dull = torch.randint(3, (n,), generator=generator)  # how a harmless one is harmless
    action = action + 3 * (doubt | (~half & (dull != 0)))
    topic = topic + 4 * (~doubt & ~half & (dull != 1))
    sign = torch.where(half, TONED, 1 - TONED)[:, None]  # `half` is also who means harm
    hasty = torch.rand(n, FREE + OWNED, generator=generator) < sign
    word = torch.randint(8, hasty.shape, generator=generator) + 8 * hasty
    counts = F.one_hot(word, len(FILLERS)).double()
    names = [F.one_hot(action, len(ACTIONS)), F.one_hot(topic, len(TOPICS))]
    fixed = torch.cat([*(x.double() for x in names), counts[:, :FREE].sum(1)], 1)
    return Asks(fixed, counts[:, FREE:].sum(1), half, doubt)


class Net(nn.Module):
    """From counts of words by 16 hidden units (ReLU) to the logit of harm."""

    def __init__(self, seed: int, hidden: int = 16):
        super().__init__()
        generator = utils.generator(seed)
        self.first = nn.Linear(WIDTH, hidden).double()
        self.last = nn.Linear(hidden, 1).double()
        for layer in (self.first, self.last):
            nn.init.normal_(layer.weight, std=layer.weight.shape[1] ** -0.5, generator=generator)
            nn.init.zeros_(layer.bias)

    def forward(self, fixed: Tensor, owned: Tensor) -> Tensor:
        tone = owned @ self.first.weight[:, TONE].T
        return self.last(torch.relu(self.first(fixed) + tone))[..., 0]


def certified(net: Net, fixed: Tensor, slots: float = OWNED, kept: Tensor | float = 0.0) -> Tensor:
    """A logit below which no choice of words in the owned slots can push each request: (n,).

    A hidden unit takes from each slot the weight of its word: between the least and the greatest
    over all fillers. From there intervals go on. slots: how many are attacked; kept: (n, 16), the
    counts of words in the others, not counted if not given.
    """
    tone = net.first.weight[:, TONE]
    now = net.first(fixed) + (kept @ tone.T if torch.is_tensor(kept) else 0.0)
    low, high = now + slots * tone.min(1).values, now + slots * tone.max(1).values
    return interval_bounds(net.last, low.relu(), high.relu())[0][:, 0]


@cache
def all_choices(slots: int = OWNED) -> Tensor:
    """Every way to fill the owned slots, as counts: their order does not matter to a Net."""
    ways = torch.tensor(list(combinations_with_replacement(range(len(FILLERS)), slots)))
    return F.one_hot(ways.long(), len(FILLERS)).sum(1).double()


@torch.no_grad()
def worst_case(net: Net, fixed: Tensor, slots: int = OWNED, kept: Tensor | float = 0.0) -> Tensor:
    """The least logit over all fillings (3,876 of four slots), tried one by one: (n,)."""
    words = net.first.weight[:, TONE].T
    tone = all_choices(slots) @ words
    now = net.first(fixed) + (kept @ words if torch.is_tensor(kept) else 0.0)
    return torch.cat(
        [net.last(torch.relu(part[:, None] + tone))[..., 0].min(1).values for part in now.split(20)]
    )


@torch.no_grad()
def attacked(net: Net, asked: Asks) -> Tensor:
    """The attacker's words: slot by slot the filler that lowers the logit most.

    Returns counts like `asked.owned`. A greedy search: it may miss the worst.
    """
    owned, each = torch.zeros_like(asked.owned), torch.arange(len(asked.fixed))
    words = torch.eye(len(FILLERS)).double()
    for _ in range(OWNED):
        tries = owned[:, None] + words
        owned = tries[each, net(asked.fixed[:, None], tries).argmin(1)]
    return owned


def fit(
    net: Net, steps: int, batch: Callable[[int], tuple[Tensor, Tensor, Tensor]], lr: float = 0.02
) -> Net:
    """Adam on the cross-entropy of logits: batch(step) gives fixed, owned, harmful."""
    optimizer = torch.optim.Adam(net.parameters(), lr)
    for step in range(steps):
        fixed, owned, harmful = batch(step)
        loss = F.binary_cross_entropy_with_logits(net(fixed, owned), harmful.double())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


@cache
def rounds(seed: int, n_rounds: int = 3, doubtful: float = 0.3, n: int = 1000) -> list[Net]:
    """Standard training, then adversarial rounds. Returns a copy of the net after each.

    Each round adds every harmful request once more with the attacker's words against the net as it
    is; what earlier rounds found stays in the data. Harmful and harmless requests weigh the same in
    every round: more of one kind alone would move the threshold.
    """
    data, generator, net = asks(n, 10 * seed, doubtful), utils.generator(seed), Net(seed)
    pool, nets = [data], []
    for i in range(n_rounds + 1):
        both = Asks(*(torch.cat(x) for x in zip(*pool, strict=True)))
        sides = [(both.harmful == side).nonzero()[:, 0] for side in (True, False)]

        def batch(_: int, both: Asks = both, sides=sides) -> tuple[Tensor, Tensor, Tensor]:
            drawn = [x[torch.randint(len(x), (150,), generator=generator)] for x in sides]
            rows = torch.cat(drawn)
            return both.fixed[rows], both.owned[rows], both.harmful[rows]

        fit(net, 200 if i == 0 else 100, batch)
        copy = Net(seed)
        copy.load_state_dict(net.state_dict())
        nets.append(copy)
        bad = data.rows(data.harmful.nonzero()[:, 0])
        pool.append(bad._replace(owned=attacked(net, bad)))
    return nets


@cache
def fit_certified(seed: int, steps: int = 400, doubtful: float = 0.3, n: int = 1000) -> Net:
    """Interval training: harmful requests count as they are, and at their bound.

    Over the first half of the steps the bound's weight rises from 0 to ½ and the attack from no
    owned slot to all (after Gowal et al. 2018). Harmful and harmless requests weigh the same.
    """
    data, generator, net = asks(n, 10 * seed, doubtful), utils.generator(seed), Net(seed)
    optimizer = torch.optim.Adam(net.parameters(), 0.02)
    sides = [data.rows((data.harmful == side).nonzero()[:, 0]) for side in (True, False)]
    for step in range(steps):
        grown = min(1.0, 2 * step / steps)
        bad, good = (
            x.rows(torch.randint(len(x.fixed), (250,), generator=generator)) for x in sides
        )
        kept = bad.owned * (1 - grown)  # the slots that are not attacked yet
        bound = certified(net, bad.fixed, OWNED * grown, kept)
        missed = F.softplus(-net(bad.fixed, bad.owned)).mean()
        missed = (1 - grown / 2) * missed + grown / 2 * F.softplus(-bound).mean()
        loss = missed + F.softplus(net(good.fixed, good.owned)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


# Guards written by hand, which never read an owned word: nothing that they read can be changed.
BLIND = {
    "the pair alone": 3,
    "two hasty words": 2,
    "one hasty word": 1,
    "whatever is doubtful": 0,
}


def blind(least: int, asked: Asks) -> Tensor:
    """Stop restricted pairs, and doubtful ones with this many hasty words in the free slots: (n,).

    A doubtful pair is one of action 3 … 5 on topic 0 … 3: those who ask for it harmlessly are
    refused with the rest.
    """
    action, topic = asked.fixed[:, :3].sum(1) > 0, asked.fixed[:, 6:10].sum(1) > 0  # dangerous?
    hasty = asked.fixed[:, TONE.start + 8 : TONE.stop].sum(1)
    return topic & (action | (hasty >= least))


class Robustness(NamedTuple):
    """Shares of new requests: harmful ones let through, harmless ones refused."""

    missed: float  # as they come
    found: float  # under greedy attack
    worst: float  # under the worst filling, tried one by one
    uncertified: float  # the interval bound does not exclude it
    refused: float  # harmless ones, as they come


@torch.no_grad()
def measure(net: Net, seed: int, doubtful: float = 0.3, n: int = 600) -> Robustness:
    new = asks(n, 10 * seed + 5, doubtful)
    bad, good = new.rows(new.harmful.nonzero()[:, 0]), new.rows((~new.harmful).nonzero()[:, 0])
    logits = (
        net(bad.fixed, bad.owned),
        net(bad.fixed, attacked(net, bad)),
        worst_case(net, bad.fixed),
        certified(net, bad.fixed),
    )
    shares = [(x < 0).double().mean().item() for x in logits]
    return Robustness(*shares, (net(good.fixed, good.owned) >= 0).double().mean().item())


def in_slots(owned: Tensor, generator: torch.Generator) -> Tensor:
    """The words behind counts (n, 16), in the owned slots in any order: (n, 4, 16), one-hot."""
    words = torch.arange(len(FILLERS)).repeat(len(owned), 1)
    words = words.flatten().repeat_interleave(owned.long().flatten()).view(len(owned), OWNED)
    order = torch.rand(words.shape, generator=generator).argsort(1)
    return F.one_hot(words.gather(1, order), len(FILLERS)).double()


@torch.no_grad()
def by_slots(net: Net, seed: int, n: int = 600) -> list[tuple[float, float]]:
    """If 0, 1, … 4 slots are attacked: shares of harmful requests not certified, let through."""
    new = asks(n, 10 * seed + 5)
    bad, found = new.rows(new.harmful.nonzero()[:, 0]), []
    words = in_slots(bad.owned, utils.generator(seed))
    for slots in range(OWNED + 1):
        kept = words[:, slots:].sum(1)
        logits = [fn(net, bad.fixed, slots, kept) for fn in (certified, worst_case)]
        found.append(tuple((x < 0).double().mean().item() for x in logits))
    return found


def measure_blind(least: int, seed: int, doubtful: float = 0.3, n: int = 600) -> Robustness:
    """The same of a guard that never reads an owned word: an attack changes nothing."""
    new = asks(n, 10 * seed + 5, doubtful)
    stopped = blind(least, new)
    missed = (~stopped[new.harmful]).double().mean().item()
    return Robustness(*[missed] * 4, stopped[~new.harmful].double().mean().item())


# The trade in closed form (Tsipras et al. 2018): one strong feature, d weak ones.

STRONG, WEAK, ETA = 0.95, 100, 0.3  # chance that the strong feature is right; d; mean of the weak


def accuracy(ratio: Tensor, eps: float) -> Tensor:
    """Accuracy under an ℓ∞ attack of size eps, of weights (ratio, 1, …, 1) with ratio ≥ 0.

    y = ±1; x₁ = y with chance 0.95, else −y; x₂ … x₁₀₁ ~ N(0.3 y, 1). eps 0: no attack.
    """
    spread = torch.sqrt(torch.tensor(2.0 * WEAK))
    shift = (ETA - eps) * WEAK - eps * ratio

    def cdf(z: Tensor) -> Tensor:
        return 0.5 * (1 + torch.erf(z / spread))

    return STRONG * cdf(ratio + shift) + (1 - STRONG) * cdf(-ratio + shift)


def best_accuracy(eps: float) -> float:
    """The highest accuracy under the attack over all ratios, from 0 to 2,000."""
    return accuracy(torch.logspace(-2, 3.3, 2000, dtype=torch.float64), eps).max().item()


def sample(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """n draws of x, (n, 101), and y = ±1, float64."""
    y = 2.0 * torch.randint(2, (n,), generator=generator).double() - 1
    right = torch.where(torch.rand(n, generator=generator) < STRONG, 1.0, -1.0).double()
    weak = torch.randn(n, WEAK, generator=generator, dtype=torch.float64) + ETA * y[:, None]
    return torch.cat([(right * y)[:, None], weak], 1), y


def fit_linear(seed: int, eps: float, n: int = 4000, steps: int = 300) -> Tensor:
    """Weights (101,) by adversarial training: each margin falls by eps · Σ|w| (exact, linear)."""
    x, y = sample(n, utils.generator(seed))
    weight = torch.zeros(1 + WEAK, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([weight], 0.02)
    for _ in range(steps):
        margin = y * (x @ weight) - eps * weight.abs().sum()
        loss = F.softplus(-margin).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return weight.detach()


def measured_accuracy(weight: Tensor, eps: float, seed: int, n: int = 20_000) -> float:
    """The share of new draws that are right under the worst attack of size eps."""
    x, y = sample(n, utils.generator(seed))
    return (y * (x @ weight) > eps * weight.abs().sum()).double().mean().item()
