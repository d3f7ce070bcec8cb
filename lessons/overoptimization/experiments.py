"""What the overoptimization lesson trains and measures (Gao, Schulman & Hilton 2022)."""

import copy
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

import utils
from lessons.overoptimization.exercises import (
    best_of_n_kl,
    ensemble_reward,
    expected_best_of_n,
    fit_bon_law,
    fit_rl_law,
)
from utils import progress
from utils.claims import Finding, claim
from utils.preferences import (
    Policy,
    RewardModel,
    World,
    preference_pairs,
    sft,
    the_more_the_better,
    too_much_of_a_good_thing,
    train_reward_model,
)

WIDTHS = (0, 4, 16, 64)  # hidden units of the reward models; 0 is linear
COMPARISONS = (500, 2000, 8000)
NS = 2 ** torch.arange(13)  # best of 1 to best of 4,096
HOWS = ("mean", "worst", "uncertainty")

Proxy = Callable[[Tensor], Tensor]  # tokens (batch, length) to reward (batch,), in gold's unit


@dataclass(frozen=True, eq=False)
class Start:
    """Where optimization begins: a world, a policy that imitates it, and samples of that policy."""

    world: World
    policy: Policy
    pool: Tensor  # (40,000, length): 16,000 for comparisons, the rest for best-of-n
    gold: Tensor  # (40,000,)
    seed: int


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
def imitate(seed: int) -> tuple[Policy, Tensor]:
    """A policy after SFT on 5,000 demonstrations, and 40,000 samples of it."""
    world, generator, policy = World(seed), utils.generator(seed), Policy(seed=seed)
    sft(policy, world.demonstrations(5000, generator), generator)
    return policy, policy.sample(40_000, generator)


def start(seed: int, appetite: Callable = too_much_of_a_good_thing) -> Start:
    """The world of a seed and its policy after SFT. What gold likes changes neither."""
    world = World(seed, appetite=appetite)
    policy, pool = imitate(seed)
    return Start(world, policy, pool, world.gold(pool), seed)


def learn_proxy(begin: Start, width: int, n_pairs: int = 8000, member: int = 0) -> Proxy:
    """A reward model fitted to comparisons of the policy's samples; its mean on the pool is 0.

    member: the same comparisons, another initialization and order of batches.
    """
    first, second = begin.pool[:n_pairs], begin.pool[8000 : 8000 + n_pairs]
    labels, own_seed = utils.generator(begin.seed), begin.seed + 1000 * member
    chosen, rejected = preference_pairs(begin.world, first, second, labels)
    model = RewardModel(width, seed=own_seed)
    train_reward_model(model, chosen, rejected, utils.generator(own_seed))
    middle = model(begin.pool).mean().item()

    @torch.no_grad()
    def proxy(tokens: Tensor) -> Tensor:
        # People choose with σ(2 · gold difference), so half a reward is in gold's own unit.
        return (model(tokens) - middle) / 2

    return proxy


def bon_curve(begin: Start, proxy: Proxy) -> Curve:
    """Gold and proxy of best-of-n, n = 1 to 4,096, from samples that no label was asked about."""
    gold, score = begin.gold[16_000:], proxy(begin.pool[16_000:])
    gold, score = gold - gold.mean(), score - score.mean()
    golds = [expected_best_of_n(gold, score, n) for n in NS.tolist()]
    scores = [expected_best_of_n(score, score, n) for n in NS.tolist()]
    return Curve(best_of_n_kl(NS).sqrt(), torch.stack(golds), torch.stack(scores))


def leave_one_out(reward: Tensor) -> Tensor:
    """Each reward less the mean of the others: an advantage without a value network. (batch,)"""
    return (reward - reward.mean()) * len(reward) / (len(reward) - 1)


def rl_curve(begin: Start, proxy: Proxy, beta: float = 0.0, steps: int = 88) -> Curve:
    """REINFORCE with a leave-one-out baseline. beta: of the KL penalty, in proxy units per nat."""
    policy, generator = copy.deepcopy(begin.policy), utils.generator(begin.seed)
    adam, points = torch.optim.Adam(policy.parameters(), lr=1.2e-3), []
    for step in progress.track(range(steps + 1), "RL"):
        if step % 4 == 0:
            points.append(measure(begin, policy, proxy))
        tokens = policy.sample(256, generator)
        logprob = policy.token_logprobs(tokens).sum(1)
        with torch.no_grad():
            log_ratio = logprob - begin.policy.token_logprobs(tokens).sum(1)
        advantage = leave_one_out(proxy(tokens) - beta * log_ratio)
        loss = -(advantage * logprob).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    d, gold, score, samples = map(torch.stack, zip(*points, strict=True))
    return Curve(d, gold - gold[0], score - score[0], samples)


@torch.no_grad()
def measure(begin: Start, policy: Policy, proxy: Proxy) -> tuple[Tensor, ...]:
    """Distance, gold and proxy of a policy from 512 samples, and eight of them to look at.

    The same random numbers every time, so that neighboring points differ by the policy alone.
    """
    tokens = policy.sample(512, utils.generator(begin.seed + 1))
    log_p, log_q = (p.logits(tokens).log_softmax(-1) for p in (policy, begin.policy))
    kl = (log_p.exp() * (log_p - log_q)).sum((1, 2)).mean()  # exact token by token
    return kl.sqrt(), begin.world.gold(tokens).mean(), proxy(tokens).mean(), tokens[:8]


def tilted_curve(begin: Start, proxy: Proxy) -> Curve:
    """The most proxy that a KL can buy: π ∝ π_start · exp(proxy / β), by weighing the samples."""
    gold, score = begin.gold[16_000:], proxy(begin.pool[16_000:])
    temperature = torch.logspace(1, -1, 21)[:, None]
    weights = (score.double() / temperature).softmax(1)
    kl = torch.xlogy(weights, weights * len(score)).sum(1).clamp(min=0)
    trusted = kl < 3  # beyond, too few samples carry the weight
    golds, scores = weights @ (gold - gold.mean()).double(), weights @ score.double()
    return Curve(kl[trusted].sqrt(), golds[trusted], scores[trusted])


@cache
def by_width(seed: int) -> dict[int, tuple[Curve, Curve]]:
    """Best-of-n and RL against a reward model of each width: the lesson's main figure."""
    begin = start(seed)
    proxies = {width: learn_proxy(begin, width) for width in WIDTHS}
    return {w: (bon_curve(begin, p), rl_curve(begin, p)) for w, p in proxies.items()}


@cache
def by_comparisons(seed: int) -> dict[int, tuple[Curve, Curve]]:
    """The same for the widest reward model and each number of comparisons."""
    begin = start(seed)
    proxies = {n: learn_proxy(begin, WIDTHS[-1], n) for n in COMPARISONS[:-1]}
    curves = {n: (bon_curve(begin, p), rl_curve(begin, p)) for n, p in proxies.items()}
    return curves | {COMPARISONS[-1]: by_width(seed)[WIDTHS[-1]]}


@cache
def by_penalty(seed: int, beta: float = 0.1, width: int = 16) -> tuple[Curve, Curve]:
    """RL against one proxy without a KL penalty and with one."""
    begin = start(seed)
    return by_width(seed)[width][1], rl_curve(begin, learn_proxy(begin, width), beta)


def combine(members: list[Proxy], how: str) -> Proxy:
    """One proxy from several."""
    return lambda tokens: ensemble_reward(torch.stack([m(tokens) for m in members]), how)


@cache
def by_ensemble(seed: int, hows: tuple[str, ...] = ("worst",)) -> dict[str, list]:
    """Five reward models of width 16 on 2,000 comparisons: three of them alone, and combined.

    Returns lists of (best-of-n, RL) under "alone" and each of `hows`.
    """
    begin = start(seed)
    members = [learn_proxy(begin, 16, 2000, member) for member in range(5)]
    proxies = {"alone": members[:3], **{how: [combine(members, how)] for how in hows}}
    return {k: [(bon_curve(begin, p), rl_curve(begin, p)) for p in ps] for k, ps in proxies.items()}


@cache
def where_more_is_better(seed: int) -> dict[int, tuple[Curve, Curve]]:
    """The same world under a gold without "too much": the linear and the widest reward model."""
    begin = start(seed, the_more_the_better)
    proxies = {width: learn_proxy(begin, width) for width in (WIDTHS[0], WIDTHS[-1])}
    return {w: (bon_curve(begin, p), rl_curve(begin, p)) for w, p in proxies.items()}


def value_at(x: Tensor, y: Tensor, at: float) -> float:
    """y where x first reaches `at`, by a straight line between the points. NaN if it never does."""
    reached = (x >= at).nonzero()
    if len(reached) == 0:
        return float("nan")
    i = max(int(reached[0]), 1)
    share = (at - x[i - 1]) / (x[i] - x[i - 1])
    return (y[i - 1] + share * (y[i] - y[i - 1])).item()


def r_squared(fitted: Tensor, reward: Tensor) -> float:
    """The share of the reward's variance that a fit explains; below 0 if a constant does better."""
    return (1 - ((reward - fitted) ** 2).sum() / ((reward - reward.mean()) ** 2).sum()).item()


def fits(curve: Curve) -> dict[str, float]:
    """R² of both laws and of two rivals on one curve."""
    d, gold = curve.d.double(), curve.gold.double()
    a, b = fit_bon_law(d, gold)
    found = {"bon law": r_squared(d * (a - b * d), gold)}
    a, b = fit_rl_law(d, gold)
    found["rl law"] = r_squared(d * a - b * torch.xlogy(d, d), gold)
    for name, degree in (("line", 1), ("quadratic", 2)):  # both with a constant
        columns = d[:, None] ** torch.arange(degree + 1)
        found[name] = r_squared(
            columns @ torch.linalg.lstsq(columns, gold[:, None]).solution[:, 0], gold
        )
    return found


def exact_bon_kl(probability: Tensor, reward: Tensor, n: int) -> float:
    """KL(best-of-n ‖ start) in nats for listed outcomes; ties are broken by chance.

    probability, reward: (n_outcomes,). All with the same reward keep their relative probabilities.
    """
    levels, level = reward.unique(return_inverse=True)
    mass = torch.zeros(len(levels), dtype=torch.float64).index_add(0, level, probability.double())
    up_to = mass.cumsum(0)
    won = up_to**n - (up_to - mass).clamp(min=0) ** n
    return torch.xlogy(won, won / mass).sum().item()


# Claims. GAO: Gao, Schulman & Hilton 2022. A drop or rise below 0.1 standard deviations of gold
# counts as none: about two standard errors of a mean over 512 samples.

GAO = "Gao, Schulman & Hilton 2022"


def bends(curve: Curve) -> bool:
    """Gold rises, then falls, while the proxy ends higher than it was at gold's peak."""
    peak = curve.gold.argmax()
    return curve.peak > 0.1 and curve.fall > 0.1 and bool(curve.proxy[-1] > curve.proxy[peak])


@claim(
    "Best-of-n: gold rises, then falls, while the proxy keeps rising",
    source=f"{GAO}, Fig. 1",
    paper="gold peaks and declines as n grows",
    bound="smallest reward model, n to 4,096: both by over 0.1 sd, and the proxy never falls",
)
def gold_falls_under_best_of_n(seed: int) -> Finding:
    curve = by_width(seed)[WIDTHS[0]][0]
    rises = bool((curve.proxy.diff() > 0).all())
    return Finding(curve.fall, "sd lost after the peak", bends(curve) and rises)


@claim(
    "RL: gold rises, then falls, while the proxy keeps rising",
    source=f"{GAO}, Fig. 1",
    paper="gold peaks and declines as the policy moves away",
    bound="all four reward models: both by over 0.1 sd, and the proxy ends above where gold peaks",
)
def gold_falls_under_rl(seed: int) -> Finding:
    n = sum(bends(rl) for _, rl in by_width(seed).values())
    return Finding(n, "of 4 reward models", n == 4)


def rises_in_order(values: list[float]) -> bool:
    return all(a < b for a, b in itertools.pairwise(values))


@claim(
    "Larger reward models peak higher under best-of-n",
    source=f"{GAO}, Fig. 1",
    paper="the larger the reward model, the higher the gold score reached",
    bound="peaks in the order of the four widths",
)
def wider_peaks_higher_under_best_of_n(seed: int) -> Finding:
    peaks = [bon.peak for bon, _ in by_width(seed).values()]
    return Finding(peaks[-1] - peaks[0], "sd, widest less linear", rises_in_order(peaks))


@claim(
    "Larger reward models peak higher under RL",
    source=f"{GAO}, Fig. 1",
    paper="the larger the reward model, the higher the gold score reached",
    bound="peaks in the order of the four widths",
)
def wider_peaks_higher_under_rl(seed: int) -> Finding:
    peaks = [rl.peak for _, rl in by_width(seed).values()]
    return Finding(peaks[-1] - peaks[0], "sd, widest less linear", rises_in_order(peaks))


@claim(
    "Larger reward models peak later",
    source=f"{GAO}, Fig. 1",
    paper="the larger the reward model, the later overoptimization sets in",
    bound="the widest peaks at a larger d than the linear one, under both optimizers",
)
def wider_peaks_later(seed: int) -> Finding:
    linear, widest = (by_width(seed)[w] for w in (WIDTHS[0], WIDTHS[-1]))
    later = [b.peak_d - a.peak_d for a, b in zip(linear, widest, strict=True)]
    return Finding(later[1], "in d, under RL", min(later) > 0)


@claim(
    "More comparisons put the peak higher under best-of-n",
    source=GAO,
    paper="more data: higher gold scores (as reported in the course's sources)",
    bound="peaks in the order of 500, 2,000 and 8,000 comparisons",
)
def more_comparisons_peak_higher_under_best_of_n(seed: int) -> Finding:
    peaks = [bon.peak for bon, _ in by_comparisons(seed).values()]
    return Finding(peaks[-1] - peaks[0], "sd, 8,000 less 500", rises_in_order(peaks))


@claim(
    "More comparisons put the peak higher under RL",
    source=GAO,
    paper="more data: higher gold scores (as reported in the course's sources)",
    bound="peaks in the order of 500, 2,000 and 8,000 comparisons",
)
def more_comparisons_peak_higher_under_rl(seed: int) -> Finding:
    peaks = [rl.peak for _, rl in by_comparisons(seed).values()]
    return Finding(peaks[-1] - peaks[0], "sd, 8,000 less 500", rises_in_order(peaks))


@claim(
    "More comparisons put the peak later",
    source=GAO,
    paper="more data: less overoptimization (as reported in the course's sources)",
    bound="at a larger d with 8,000 comparisons than with 500, under both optimizers",
)
def more_comparisons_peak_later(seed: int) -> Finding:
    few, many = (by_comparisons(seed)[n] for n in (COMPARISONS[0], COMPARISONS[-1]))
    later = [b.peak_d - a.peak_d for a, b in zip(few, many, strict=True)]
    return Finding(later[1], "in d, under RL", min(later) > 0)


def lowest_fit(seed: int, which: int, name: str) -> float:
    return min(fits(curves[which])[name] for curves in by_width(seed).values())


def margin(seed: int, which: int, name: str, rival: str) -> float:
    """How much more of the variance one form explains than another, mean over reward models."""
    found = [fits(curves[which]) for curves in by_width(seed).values()]
    return sum(f[name] - f[rival] for f in found) / len(found)


@claim(
    "R = d(α − βd) fits best-of-n",
    source=f"{GAO}, Sec. 1",
    paper="the functional form makes accurate predictions",
    bound="R² of at least 0.9 for each of the four reward models",
)
def bon_law_fits(seed: int) -> Finding:
    lowest = lowest_fit(seed, 0, "bon law")
    return Finding(lowest, "lowest R² of four", lowest >= 0.9)


@claim(
    "R = d(α − β log d) fits RL",
    source=f"{GAO}, Sec. 1",
    paper="the functional form makes accurate predictions",
    bound="R² of at least 0.9 for each of the four reward models",
)
def rl_law_fits(seed: int) -> Finding:
    lowest = lowest_fit(seed, 1, "rl law")
    return Finding(lowest, "lowest R² of four", lowest >= 0.9)


@claim(
    "Best-of-n follows its own law better than RL's, or a straight line",
    source=f"{GAO}, Sec. 1",
    paper="a different functional form for each method",
    bound="mean R² above that of both rivals, which have two coefficients too",
)
def bon_law_wins(seed: int) -> Finding:
    lead = min(margin(seed, 0, "bon law", rival) for rival in ("rl law", "line"))
    return Finding(lead, "R² above the better rival", lead > 0)


@claim(
    "RL follows its own law better than best-of-n's (a quadratic), or a straight line",
    source=f"{GAO}, Sec. 1",
    paper="a different functional form for each method",
    bound="mean R² above that of both rivals, which have two coefficients too",
)
def rl_law_wins(seed: int) -> Finding:
    lead = min(margin(seed, 1, "rl law", rival) for rival in ("bon law", "line"))
    return Finding(lead, "R² above the better rival", lead > 0)


@claim(
    "The coefficients vary smoothly with the reward model's size",
    source=f"{GAO}, Sec. 1",
    paper="α and β follow approximately logarithmic trends",
    bound="α and β of best-of-n each change in one direction over the four widths",
)
def coefficients_vary_smoothly(seed: int) -> Finding:
    found = torch.stack(
        [fit_bon_law(bon.d, bon.gold.float()) for bon, _ in by_width(seed).values()]
    )
    steps = found.diff(dim=0)
    one_way = bool(((steps > 0).all(0) | (steps < 0).all(0)).all())
    return Finding((found[-1, 0] - found[0, 0]).item(), "α, widest less linear", one_way)


@claim(
    "At the same KL, best-of-n gains more than RL",
    source=f"{GAO}, Sec. 1",
    paper="RL is slower at optimization, as a function of KL",
    bound="more gold at d = 1 for each of the four reward models",
)
def best_of_n_spends_kl_better(seed: int) -> Finding:
    gaps = [
        value_at(b.d, b.gold, 1.0) - value_at(r.d, r.gold, 1.0) for b, r in by_width(seed).values()
    ]
    return Finding(sum(gaps) / 4, "sd at d = 1, mean of four", min(gaps) > 0)


@claim(
    "At the same KL, RL overoptimizes later than best-of-n",
    source=f"{GAO}, Sec. 1",
    paper="RL is slower at overoptimization, too, as a function of KL",
    bound="for the smallest reward model RL peaks at a larger d",
)
def rl_overoptimizes_later(seed: int) -> Finding:
    bon, rl = by_width(seed)[WIDTHS[0]]
    return Finding(rl.peak_d - bon.peak_d, "in d, RL less best-of-n", rl.peak_d > bon.peak_d)


@claim(
    "At the same proxy score, both optimizers reach the same gold",
    source=f"{GAO}, Sec. 1",
    paper="proxy and gold are related similarly for both methods",
    bound="within 0.2 sd where best-of-16 is, mean of four reward models",
)
def gold_at_the_same_proxy(seed: int) -> Finding:
    gaps = [
        value_at(r.proxy, r.gold, b.proxy[4].item()) - b.gold[4].item()
        for b, r in by_width(seed).values()
    ]
    gap = sum(gaps) / 4
    return Finding(gap, "sd, RL less best-of-16", abs(gap) <= 0.2)


def gain_from_penalty(seed: int, what: str) -> float:
    """What RL with a KL penalty ends at, less what RL without one has when it passes that KL."""
    free, held = by_penalty(seed)
    d, end = held.d[-1].item(), getattr(held, what)[-1].item()
    return end - value_at(free.d, getattr(free, what), d)


@claim(
    "A KL penalty raises the proxy that is reached at a given KL",
    source=f"{GAO}, Fig. 9",
    paper="higher proxy score at the same KL",
    bound="where the run with β = 0.1 ends, a higher proxy than without at that KL",
)
def penalty_raises_proxy(seed: int) -> Finding:
    gain = gain_from_penalty(seed, "proxy")
    return Finding(gain, "sd of gold", gain > 0)


@claim(
    "A KL penalty does not move the frontier of gold against KL",
    source=f"{GAO}, Fig. 9",
    paper="no measurable improvement: it acts like early stopping",
    bound="there, gold within 0.1 sd of the run without",
)
def penalty_leaves_gold_frontier(seed: int) -> Finding:
    gain = gain_from_penalty(seed, "gold")
    return Finding(gain, "sd of gold", abs(gain) <= 0.1)


@claim(
    "The worst case of an ensemble delays the peak under RL",
    source="Coste et al. 2023, abstract",
    paper="always reduces overoptimization, and outperforms a single reward model",
    bound="a larger d at the peak, and a higher peak, than the mean of three members alone",
)
def ensemble_delays_the_peak(seed: int) -> Finding:
    found = by_ensemble(seed)
    alone, worst = [rl for _, rl in found["alone"]], found["worst"][0][1]
    later = worst.peak_d - sum(c.peak_d for c in alone) / 3
    higher = worst.peak - sum(c.peak for c in alone) / 3
    return Finding(later, "in d", later > 0 and higher > 0)


@claim(
    "The worst case of an ensemble nearly ends overoptimization by best-of-n",
    source="Coste et al. 2023, abstract",
    paper="practically eliminates it, and improves performance",
    bound="falls by at most 0.1 sd to n = 4,096, and peaks higher than three members on average",
)
def ensemble_helps_best_of_n(seed: int) -> Finding:
    found = by_ensemble(seed)
    alone, worst = [bon for bon, _ in found["alone"]], found["worst"][0][0]
    higher = worst.peak - sum(c.peak for c in alone) / 3
    return Finding(higher, "sd at the peak", worst.fall <= 0.1 and higher > 0)


@claim(
    "Where more is always better, gold does not fall",
    source="this lesson's control",
    paper="(not in the paper)",
    bound="falls by at most 0.1 sd, under both optimizers, linear and widest reward model",
)
def no_fall_where_more_is_better(seed: int) -> Finding:
    falls = [curve.fall for pair in where_more_is_better(seed).values() for curve in pair]
    return Finding(max(falls), "sd, the largest fall", max(falls) <= 0.1)


def bench() -> Iterator[tuple[str, Callable[[], tuple[int, float]]]]:
    """Rows for `make bench`: one RL run per width, with the gold it ends at as its loss."""
    begin = start(0)
    for width in WIDTHS:

        def run(width: int = width) -> tuple[int, float]:
            return 88, -rl_curve(begin, learn_proxy(begin, width)).gold[-1].item()

        yield f"RL against a reward model of width {width}", run
