"""What the overoptimization lesson trains and measures (Gao, Schulman & Hilton 2022)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR

import utils
from lessons.overoptimization.exercises import (
    best_of_n_kl,
    ensemble_reward,
    expected_best_of_n,
)
from lessons.overoptimization.writers import Writers
from utils import progress
from utils.worlds.preferences import (
    Policies,
    Policy,
    RewardModel,
    World,
    preference_pairs,
    the_more_the_better,
    too_much_of_a_good_thing,
)

WIDTHS = (0, 4, 16, 64)  # hidden units of the reward models; 0 is linear
NS = 2 ** torch.arange(13)  # best of 1 to best of 4,096
LOOKS = (*range(0, 32, 2), *range(32, 1000, 4))  # steps at which a run of RL is measured
HOWS = ("mean", "worst", "uncertainty")  # to combine an ensemble

Proxy = Callable[[Tensor], Tensor]  # tokens (batch, length) to reward (batch,), in gold's unit


# Where optimization begins, and what a run of it leaves behind.


@dataclass(frozen=True, eq=False)
class Start:
    """Where optimization begins: a world, a policy that imitates it, and samples of that policy."""

    world: World
    policy: Policy
    pool: Tensor  # (40,000, length): 16,000 for comparisons, the rest for best-of-n
    gold: Tensor  # (40,000,)
    seed: int

    def says(self, tokens: Tensor) -> Tensor:
        """Log-probabilities of every token at every place: (..., length) to (..., n_tokens)."""
        read = Writers(self.policy, 1).read(tokens.reshape(1, -1, tokens.shape[-1]))
        return read.view(*tokens.shape, -1)


@dataclass(frozen=True, eq=False)
class Curve:
    """One optimization: distance d = √KL from the start, and mean rewards above the start's."""

    d: Tensor  # (n_points,)
    gold: Tensor  # (n_points,), in standard deviations of gold
    proxy: Tensor  # (n_points,), in the same unit
    samples: Tensor | None = None  # (n_points, 8, length)

    @property
    def peak(self) -> float:
        """The highest gold on the way."""
        return self.gold.max().item()

    @property
    def peak_d(self) -> float:
        """The distance at which it is reached."""
        return self.d[self.gold.argmax()].item()

    @property
    def fall(self) -> float:
        """What is lost between the peak and the end."""
        return self.peak - self.gold[-1].item()


@cache
def imitate(seed: int, hidden: int = 64, steps: int = 100) -> tuple[Policy, Tensor]:
    """A policy after SFT on 5,000 demonstrations, and 40,000 samples of it."""
    generator, learner = utils.generator(seed), Policies(Policy(seed=seed, hidden=hidden), 1)
    demonstrations = World(seed).demonstrations(5000, generator)
    adam = torch.optim.Adam(learner.parameters(), lr=1e-2)
    schedule = CosineAnnealingLR(adam, steps)
    for _ in progress.track(range(steps), "SFT"):
        rows = torch.randint(len(demonstrations), (256,), generator=generator)
        loss = -learner.token_logprobs(demonstrations[None, rows]).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    policy = learner[0]
    return policy, policy.sample(40_000, generator)


@cache
def start(seed: int, appetite: Callable = too_much_of_a_good_thing, hidden: int = 64) -> Start:
    """The world of a seed and its policy after SFT. What gold likes changes neither.

    hidden: the policy's size, in units of its GRU.
    """
    world = World(seed, appetite=appetite)
    policy, pool = imitate(seed, hidden)
    return Start(world, policy, pool, world.gold(pool), seed)


# Proxies.


def learn_proxies(
    begin: Start, widths: Sequence[int], n_pairs: int = 8000, members: Sequence[int] = (0,)
) -> list[Proxy]:
    """A reward model of each width, all fitted to the same comparisons of the policy's samples.

    members: more numbers than one give more models, each with its own initialization and batches.
    """
    if n_pairs > 8000:
        print("The pool has 8,000 pairs of samples for comparisons: all of them are used.")
    first, second = (half[:n_pairs] for half in begin.pool[:16_000].chunk(2))
    pairs = preference_pairs(begin.world, first, second, utils.generator(begin.seed))
    seeds = [begin.seed + 1000 * member for member in members]
    models = [[RewardModel(width, seed=seed) for seed in seeds] for width in widths]
    fit_together(models, *pairs, [utils.generator(seed) for seed in seeds])
    return [in_golds_unit(model, begin.pool) for same in models for model in same]


def fit_together(
    models: Sequence[Sequence[RewardModel]], chosen: Tensor, rejected: Tensor,
    generators: Sequence[torch.Generator], steps: int = 400,
) -> None:  # fmt: skip
    """Fit comparisons by maximum likelihood (Bradley & Terry), in place.

    models: a row a width, a column a member, who draws its batches by its own generator. One by
    one they would come out the same: a sum of losses sends each the gradient of its own.
    """
    rows = [[torch.stack(p) for p in zip(*(m.parameters() for m in same), strict=True)]
            for same in models]  # fmt: skip
    weights = [p.detach().requires_grad_() for row in rows for p in row]
    adam = torch.optim.AdamW(weights, lr=3e-3, weight_decay=0.01, fused=True)
    schedule = CosineAnnealingLR(adam, steps)
    both = torch.stack([chosen, rejected], 1)
    both = F.one_hot(both, models[0][0].n_tokens).flatten(2).float()  # (pairs, 2, inputs)
    for _ in progress.track(range(steps), "reward models"):
        drawn = [torch.randint(len(both), (256,), generator=g) for g in generators]
        inputs = both[torch.stack(drawn)].flatten(1, 2)  # (members, 512, inputs)
        loss, unused = torch.zeros(()), iter(weights)
        for same in models:
            reward = inputs
            for layer in same[0].layers:
                if isinstance(layer, torch.nn.Linear):
                    weight, bias = next(unused), next(unused)
                    reward = torch.baddbmm(bias[:, None], reward, weight.mT)
                else:
                    reward = layer(reward)
            better, worse = reward.view(len(drawn), -1, 2).unbind(-1)
            loss = loss - F.logsigmoid(better - worse).mean(1).sum()
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    with torch.no_grad():
        learned = iter(weights)
        for same in models:
            for own in zip(*(m.parameters() for m in same), strict=True):
                for mine, value in zip(own, next(learned), strict=True):
                    mine.copy_(value)


def in_golds_unit(model: RewardModel, pool: Tensor) -> Proxy:
    """A reward model as a proxy: its mean on the pool is 0, its unit that of gold."""
    model.requires_grad_(False)
    middle = model(pool).mean()
    # People choose with σ(2 · gold difference), so half a reward is in gold's own unit.
    return lambda tokens: (model(tokens) - middle) / 2


def combine(members: Sequence[Proxy], how: str) -> Proxy:
    """One proxy from several."""
    return lambda tokens: ensemble_reward(torch.stack([m(tokens) for m in members]), how)


# The first optimizer: best-of-n.


def bon_curve(begin: Start, proxy: Proxy) -> Curve:
    """Gold and proxy of best-of-n, n = 1 to 4,096, from samples that no label was asked about."""
    gold, score = begin.gold[16_000:], proxy(begin.pool[16_000:])
    gold, score = gold - gold.mean(), score - score.mean()
    golds = [expected_best_of_n(gold, score, n) for n in NS.tolist()]
    scores = [expected_best_of_n(score, score, n) for n in NS.tolist()]
    return Curve(best_of_n_kl(NS).sqrt(), torch.stack(golds), torch.stack(scores))


def exact_bon_kl(probability: Tensor, reward: Tensor, n: int) -> float:
    """KL(best-of-n ‖ start) in nats for listed outcomes; ties are broken by chance.

    probability, reward: (n_outcomes,). All with the same reward keep their relative probabilities.
    """
    levels, level = reward.unique(return_inverse=True)
    mass = torch.zeros(len(levels), dtype=torch.float64).index_add(0, level, probability.double())
    up_to = mass.cumsum(0)
    won = up_to**n - (up_to - mass).clamp(min=0) ** n
    return torch.xlogy(won, won / mass).sum().item()


# The second: RL. Several policies are trained side by side, each against its own proxy.


def leave_one_out(reward: Tensor) -> Tensor:
    """Each reward less the mean of the others: an advantage without a value network.

    reward: (..., batch), one row a policy. Returns (..., batch).
    """
    n = reward.shape[-1]
    return (reward - reward.mean(-1, keepdim=True)) * n / (n - 1)


def reinforce_loss(
    begin: Start, writers: Writers, proxies: Sequence[Proxy], beta: Tensor,
    generator: torch.Generator,
) -> Tensor:  # fmt: skip
    """REINFORCE on 256 fresh samples of each policy. beta: (policies,). Returns (policies,)."""
    tokens, logprobs = writers.write(256, generator)
    logprob = logprobs.gather(-1, tokens[..., None]).sum((2, 3))  # (policies, 256)
    reward = scores(proxies, tokens)
    held = beta > 0
    if held.any():
        log_start = begin.says(tokens[held]).gather(-1, tokens[held][..., None]).sum((2, 3))
        reward[held] -= beta[held, None] * (logprob.detach()[held] - log_start)
    return -(leave_one_out(reward) * logprob).mean(1)


def rl_curves(
    begin: Start, proxies: Sequence[Proxy], beta: float | Sequence[float] = 0.0, steps: int = 48
) -> list[Curve]:
    """RL against each proxy. beta: of the KL penalty, proxy units per nat, for all or for each."""
    writers, generator = Writers(begin.policy, len(proxies)), utils.generator(begin.seed)
    beta = torch.as_tensor(beta, dtype=torch.float32).expand(len(proxies))
    adam, points = torch.optim.Adam(writers.parameters(), lr=1.2e-3), []
    hurry = LambdaLR(adam, lambda step: 1 + min(step / 32, 1))  # slowly while gold still rises
    for step in progress.track(range(steps + 1), "RL"):
        if step in LOOKS:
            points.append(measure(begin, writers, proxies))
        loss = reinforce_loss(begin, writers, proxies, beta, generator)
        adam.zero_grad()
        loss.sum().backward()  # a sum: each policy gets the gradient of its own loss
        adam.step()
        hurry.step()
    runs = zip(*(torch.stack(x, 1) for x in zip(*points, strict=True)), strict=True)
    return [Curve(d, gold - gold[0], score - score[0], seen) for d, gold, score, seen in runs]


@torch.no_grad()
def measure(begin: Start, writers: Writers, proxies: Sequence[Proxy]) -> tuple[Tensor, ...]:
    """Distance, gold and proxy of each policy from 256 samples, and eight of them to look at.

    The same random numbers every time, so that neighboring points differ by the policy alone.
    """
    tokens, log_p = writers.write(256, utils.generator(begin.seed + 1))
    kl = (log_p.exp() * (log_p - begin.says(tokens))).sum((2, 3)).mean(1)  # exact token by token
    gold, score = begin.world.gold(tokens).mean(1), scores(proxies, tokens).mean(1)
    return kl.clamp(min=0).sqrt(), gold, score, tokens[:, :8]


def scores(proxies: Sequence[Proxy], tokens: Tensor) -> Tensor:
    """What each proxy says of its own policy's samples: (policies, n, length) to (policies, n)."""
    return torch.stack([proxy(own) for proxy, own in zip(proxies, tokens, strict=True)])


Pair = tuple[Curve, Curve]  # best-of-n and RL against one proxy


def both(begin: Start, proxies: Sequence[Proxy], steps: int = 48) -> list[Pair]:
    """Both optimizers against each proxy."""
    bons = [bon_curve(begin, proxy) for proxy in proxies]
    return list(zip(bons, rl_curves(begin, proxies, steps=steps), strict=True))


# What either is compared with.


def tilted_curve(begin: Start, proxy: Proxy) -> Curve:
    """The most proxy that a KL can buy: π ∝ π_start · exp(proxy / β), by weighing the samples."""
    gold, score = begin.gold[16_000:], proxy(begin.pool[16_000:])
    temperature = torch.logspace(1, -1.5, 26)[:, None]
    weights = (score.double() / temperature).softmax(1)
    kl = torch.xlogy(weights, weights * len(score)).sum(1).clamp(min=0)
    trusted = kl < 3  # beyond, too few samples carry the weight
    golds, scores = weights @ (gold - gold.mean()).double(), weights @ score.double()
    return Curve(kl[trusted].sqrt(), golds[trusted], scores[trusted])


@cache
def where_more_is_better(seed: int, n_pairs: int = 500, steps: int = 48) -> tuple[Proxy, Pair]:
    """A gold without "too much": the widest reward model, from few comparisons, and its curves."""
    begin = start(seed, the_more_the_better)
    proxies = learn_proxies(begin, WIDTHS[-1:], n_pairs)
    return proxies[0], both(begin, proxies, steps)[0]


# A second world: gold is a number, and the proxy is gold with noise of its own.


def student_t(n: int, generator: torch.Generator, freedom: int = 3) -> Tensor:
    """n draws of Student's t: a normal one over the root of a mean of `freedom` squared others."""
    normal = torch.randn(1 + freedom, n, generator=generator)
    return normal[0] / normal[1:].square().mean(0).sqrt()


def noisy_curve(gold: Tensor, noise: Tensor) -> Curve:
    """Best-of-1, 4, 16 … 4,096 where the proxy is gold plus noise. gold, noise: (pool,)."""
    proxy, ns = gold + noise, NS[::2]
    golds = [expected_best_of_n(gold, proxy, n) for n in ns.tolist()]
    promised = [expected_best_of_n(proxy, proxy, n) for n in ns.tolist()]
    return Curve(best_of_n_kl(ns).sqrt(), torch.stack(golds), torch.stack(promised))
