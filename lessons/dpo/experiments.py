"""What the DPO lesson trains and measures (Rafailov et al. 2023 and its relatives)."""

import copy
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

import utils
from lessons.dpo.exercises import (
    dpo_gradient_weight,
    dpo_loss,
    dr_dpo_loss,
    implicit_reward,
    ipo_loss,
    kto_loss,
)
from utils import progress
from utils.claims import Finding, claim
from utils.preferences import (
    Policy,
    RewardModel,
    World,
    preference_pairs,
    sft,
    train_reward_model,
)

METHODS = ("DPO", "conservative", "robust", "Dr. DPO", "IPO", "KTO")
FLIPS = (0.0, 0.2, 0.4)


# A world small enough to enumerate: 4 tokens, 4 places, 256 answers.


@cache
def small_world(seed: int) -> tuple[Tensor, Tensor]:
    """Every answer's reward, 2 · gold as the labelers use it, and log π_ref, both (256,)."""
    world, generator = World(seed, n_tokens=4, length=4), utils.generator(seed)
    reference = Policy(4, 4, seed=seed)
    sft(reference, world.demonstrations(5000, generator), generator, steps=100)
    answers = world.all_sequences()
    with torch.no_grad():
        ref_logprobs = log_probability(reference, answers).double().log_softmax(0)
    return 2 * world.gold(answers).double(), ref_logprobs


def rlhf_optimum(reward: Tensor, ref_logprobs: Tensor, beta: float) -> Tensor:
    """Log-probabilities of π* ∝ π_ref exp(reward / β), the best under reward − β KL. (answers,)"""
    return (ref_logprobs + reward / beta).log_softmax(0)


def least(loss: Callable[[Tensor], Tensor], start: Tensor, steps: int = 500) -> Tensor:
    """Where a smooth loss is least, by L-BFGS from `start`; stops after so many steps at most."""
    x = start.clone().requires_grad_()
    lbfgs = torch.optim.LBFGS([x], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        lbfgs.zero_grad()
        value = loss(x)
        value.backward()
        return value

    lbfgs.step(closure)
    return x.detach()


def dpo_by_table(wins: Tensor, ref_logprobs: Tensor, beta: float) -> Tensor:
    """Least DPO loss over all policies there are: one logit per answer.

    wins: (n, n), how often answer i was preferred to j. Returns log-probabilities, (n,).
    """

    def loss(logits: Tensor) -> Tensor:
        r = implicit_reward(logits.log_softmax(0), ref_logprobs, beta)
        return -(wins * F.logsigmoid(r[:, None] - r)).sum() / wins.sum()

    return least(loss, ref_logprobs).log_softmax(0)


def ask(reward: Tensor, ref_logprobs: Tensor, n: int, seed: int) -> Tensor:
    """Draw n pairs from the reference and have each labeled once. Returns wins, (answers, answers).

    Answer i is preferred to j with probability σ(reward_i − reward_j) (Bradley & Terry 1952).
    """
    generator = utils.generator(seed)
    drawn = torch.multinomial(ref_logprobs.exp(), 2 * n, replacement=True, generator=generator)
    first, second = drawn.chunk(2)
    likes_first = torch.rand(n, generator=generator) < (reward[first] - reward[second]).sigmoid()
    won = torch.where(likes_first, first, second)
    lost = torch.where(likes_first, second, first)
    wins = torch.zeros(len(reward), len(reward), dtype=reward.dtype)
    return wins.index_put_((won, lost), torch.ones(n, dtype=reward.dtype), accumulate=True)


def total_variation(logp: Tensor, logq: Tensor) -> float:
    """Half the summed difference of two distributions: the share of probability in dispute."""
    return 0.5 * (logp.exp() - logq.exp()).abs().sum().item()


# The world of the other two lessons: 8 tokens, 12 places.


class Pairs(NamedTuple):
    """Preference pairs, (n, length) each, with the reference's log-probabilities of them, (n,)."""

    chosen: Tensor
    rejected: Tensor
    ref_chosen: Tensor
    ref_rejected: Tensor

    def rows(self, index: Tensor) -> "Pairs":
        return Pairs(*(x[index] for x in self))


def log_probability(policy: Policy, answers: Tensor) -> Tensor:
    """Log-probability of whole answers, in nats: (n, length) to (n,)."""
    return policy.token_logprobs(answers).sum(-1)


@cache
def start(seed: int) -> tuple[World, Policy]:
    """A world and its reference: a policy that imitates 5,000 demonstrations."""
    world, generator = World(seed), utils.generator(seed)
    reference = Policy(seed=seed)
    sft(reference, world.demonstrations(5000, generator), generator)
    return world, reference.requires_grad_(False)


def collect_pairs(
    world: World, reference: Policy, n: int, seed: int, flip_rate: float = 0.0
) -> Pairs:
    """n pairs of the reference's own answers, labeled by the gold reward with noise."""
    generator = utils.generator(seed)
    answers = reference.sample(2 * n, generator)
    pairs = preference_pairs(world, answers[:n], answers[n:], generator, flip_rate)
    return Pairs(*pairs, *(log_probability(reference, x) for x in pairs))


def robust_dpo_loss(
    policy_chosen: Tensor, policy_rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor,
    beta: float, flip_rate: float,
) -> Tensor:  # fmt: skip
    """Noise cancels on average: in expectation the DPO loss of clean labels (Chowdhury 2024)."""
    right = dpo_loss(policy_chosen, policy_rejected, ref_chosen, ref_rejected, beta)
    flipped = dpo_loss(policy_rejected, policy_chosen, ref_rejected, ref_chosen, beta)
    return ((1 - flip_rate) * right - flip_rate * flipped) / (1 - 2 * flip_rate)


def loss_on(
    method: str, policy: Policy, reference: Policy, batch: Pairs, beta: float, flip_rate: float,
    generator: torch.Generator,
) -> Tensor:  # fmt: skip
    """One method's loss on a batch. The two that ask for the flip rate are told the true one."""
    logprobs = log_probability(policy, torch.cat([batch.chosen, batch.rejected]))
    four = (*logprobs.chunk(2), batch.ref_chosen, batch.ref_rejected)
    if method == "KTO":  # thumbs up for the chosen, down for the rejected
        good = torch.arange(len(logprobs)) < len(batch.chosen)
        own = policy.sample(32, generator)
        with torch.no_grad():
            kl = log_probability(policy, own), log_probability(reference, own)
        return kto_loss(logprobs, torch.cat(four[2:]), good, *kl, beta)
    return {
        "DPO": lambda: dpo_loss(*four, beta),
        "conservative": lambda: dpo_loss(*four, beta, label_smoothing=flip_rate),
        "robust": lambda: robust_dpo_loss(*four, beta, flip_rate),
        "Dr. DPO": lambda: dr_dpo_loss(*four, beta, beta_prime=1.0),
        "IPO": lambda: ipo_loss(*four, beta),
    }[method]()


class Probe(NamedTuple):
    """What a policy is like at one step of its training."""

    step: int
    distance: float  # √KL(π‖π_ref), in √nats
    gold: float  # mean over fresh samples, in sd of the demonstrations
    chosen: float  # mean change of log π on the training pairs since the start, in nats
    rejected: float


@torch.no_grad()
def probe(
    step: int, policy: Policy, reference: Policy, world: World, pairs: Pairs,
    generator: torch.Generator,
) -> Probe:  # fmt: skip
    """Measure a policy on 2,000 samples of its own and on (at most 500 of) the training pairs."""
    own = policy.sample(2000, generator)
    kl = (log_probability(policy, own) - log_probability(reference, own)).mean()
    some = pairs.rows(slice(500))
    chosen = (log_probability(policy, some.chosen) - some.ref_chosen).mean()
    rejected = (log_probability(policy, some.rejected) - some.ref_rejected).mean()
    gold = world.gold(own).mean()
    numbers = (kl.clamp(min=0).sqrt(), gold, chosen, rejected)
    return Probe(step, *(x.item() for x in numbers))


def train(
    seed: int, method: str = "DPO", beta: float = 0.1, n_pairs: int = 400, flip_rate: float = 0.0,
    steps: int = 300, every: int = 25,
) -> tuple[Policy, list[Probe]]:  # fmt: skip
    """Train from the reference on n_pairs, 64 at a time; measure at the start and `every` steps."""
    world, reference = start(seed)
    pairs = collect_pairs(world, reference, n_pairs, seed, flip_rate)
    policy = copy.deepcopy(reference).requires_grad_(True)
    generator = utils.generator(seed)
    adam = torch.optim.Adam(policy.parameters(), lr=1e-3)
    probes = [probe(0, policy, reference, world, pairs, generator)]
    for step in progress.track(range(1, steps + 1), f"{method}, β = {beta:g}"):
        batch = pairs.rows(torch.randint(n_pairs, (64,), generator=generator))
        loss = loss_on(method, policy, reference, batch, beta, flip_rate, generator)
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % every == 0:
            probes.append(probe(step, policy, reference, world, pairs, generator))
    return policy, probes


trained = cache(train)  # several claims look at the same run


@cache
def train_rl(seed: int, n_pairs: int = 400, steps: int = 100, every: int = 10) -> list[Probe]:
    """The classic way with the same pairs: a reward model, then policy gradients, no KL penalty."""
    world, reference = start(seed)
    pairs = collect_pairs(world, reference, n_pairs, seed)
    generator, judge = utils.generator(seed), RewardModel(64, seed=seed)
    train_reward_model(judge, pairs.chosen, pairs.rejected, generator)
    policy = copy.deepcopy(reference).requires_grad_(True)
    adam = torch.optim.Adam(policy.parameters(), lr=1.2e-3)
    probes = [probe(0, policy, reference, world, pairs, generator)]
    for step in progress.track(range(1, steps + 1), "RL"):
        own = policy.sample(256, generator)
        reward = judge(own).detach()
        loss = -((reward - reward.mean()) * log_probability(policy, own)).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % every == 0:
            probes.append(probe(step, policy, reference, world, pairs, generator))
    return probes


def fall(probes: list[Probe]) -> float:
    """By how much gold ends below its peak, in sd; means of two neighbouring probes each."""
    gold = torch.tensor([p.gold for p in probes])
    smooth = (gold[1:] + gold[:-1]) / 2
    return (smooth.max() - smooth[-1]).item()


def with_flips(seed: int, method: str, flip_rate: float) -> Probe:
    """Where 200 steps on 2,000 pairs at β = 0.1 lead, with so many labels flipped."""
    return trained(seed, method, 0.1, 2000, flip_rate, steps=200, every=200)[1][-1]


def weights_by_label(seed: int, flip_rate: float = 0.2) -> tuple[float, float]:
    """What pairs weigh in DPO's gradient after 200 steps: those labeled rightly, those flipped."""
    world, reference = start(seed)
    clean = collect_pairs(world, reference, 2000, seed)
    pairs = collect_pairs(world, reference, 2000, seed, flip_rate)
    flipped = (pairs.chosen != clean.chosen).any(1)
    policy = trained(seed, "DPO", 0.1, 2000, flip_rate, steps=200, every=200)[0]
    with torch.no_grad():
        now = log_probability(policy, pairs.chosen), log_probability(policy, pairs.rejected)
    weight = dpo_gradient_weight(*now, pairs.ref_chosen, pairs.ref_rejected, 0.1)
    return weight[~flipped].mean().item(), weight[flipped].mean().item()


# Three answers, liked by 60, 30 and 10 % of people.

PEOPLE = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
EVEN = torch.full((3,), 1 / 3, dtype=torch.float64)
BIASED = torch.tensor([0.8, 0.15, 0.05], dtype=torch.float64)


def fit_rewards(wins: Tensor) -> Tensor:
    """The reward model of most likelihood under Bradley & Terry, one number per answer."""

    def loss(reward: Tensor) -> Tensor:
        return -(wins * F.logsigmoid(reward[:, None] - reward)).sum() / wins.sum()

    return least(loss, torch.zeros(len(wins), dtype=wins.dtype))


def entropy_matching(reward: Tensor) -> Tensor:
    """The policy that maximizes reward + entropy: softmax of the reward, as log-probabilities."""
    return reward.log_softmax(0)


@cache
def shares(seed: int, beta: float) -> dict[str, Tensor]:
    """What RLHF, DPO and entropy matching make of 20,000 comparisons of the three answers."""
    wins = ask(PEOPLE.log(), EVEN.log(), 20_000, seed)
    reward = fit_rewards(wins)
    found = {
        "RLHF": rlhf_optimum(reward, EVEN.log(), beta),
        "DPO": dpo_by_table(wins, EVEN.log(), beta),
        "entropy matching": entropy_matching(reward),
    }
    return {name: logprobs.exp() for name, logprobs in found.items()}


@claim(
    "On a world small enough to enumerate, DPO's optimum is the RLHF optimum",
    source="Rafailov et al. 2023, section 4",
    paper="DPO optimizes the RLHF objective, without a reward model or sampling",
    bound="total variation below 0.01 at β = 0.3, 1 and 3, every pair's true preferences known",
)
def dpo_optimum_is_the_rlhf_optimum(seed: int) -> Finding:
    reward, ref = small_world(seed)
    prefers = torch.sigmoid(reward[:, None] - reward)
    apart = max(
        total_variation(dpo_by_table(prefers, ref, beta), rlhf_optimum(reward, ref, beta))
        for beta in (0.3, 1.0, 3.0)
    )
    return Finding(apart, "total variation", apart < 0.01)


@claim(
    "The log-probability of the chosen answers falls, while the margin grows",
    source="Pal et al. 2024, abstract",
    paper="DPO can reduce the likelihood of preferred examples as the relative probability grows",
    bound="chosen and rejected both less likely than at the start, chosen less so; β = 0.1",
)
def both_log_probabilities_fall(seed: int) -> Finding:
    end = trained(seed, "DPO", 0.1)[1][-1]
    return Finding(end.chosen, "nats (chosen)", end.rejected < end.chosen < 0)


@claim(
    "Dr. DPO beats DPO, with flipped labels and without",
    source="Wu et al. 2024, abstract",
    paper="enhanced performance in both noisy and noise-free settings",
    bound="higher gold than DPO at each of 0, 20 and 40 % flips; β′ = 1",
)
def dr_dpo_beats_dpo(seed: int) -> Finding:
    gains = [
        with_flips(seed, "Dr. DPO", rate).gold - with_flips(seed, "DPO", rate).gold
        for rate in FLIPS
    ]
    return Finding(sum(gains) / len(gains), "sd (mean gain)", min(gains) > 0)


@claim(
    "Under heavy noise robust DPO beats DPO and conservative DPO",
    source="Chowdhury et al. 2024, abstract",
    paper="robust to noise in preference labels compared to vanilla DPO and other heuristics",
    bound="higher gold than both at 40 % flips",
)
def robust_dpo_wins_under_noise(seed: int) -> Finding:
    robust, dpo, conservative = (
        with_flips(seed, method, 0.4).gold for method in ("robust", "DPO", "conservative")
    )
    return Finding(robust - dpo, "sd above DPO", robust > max(dpo, conservative))


OVEROPTIMIZED = {
    "source": "Rafailov et al. 2024 (arXiv 2406.02900), abstract",
    "paper": "at higher KL budgets, degradation patterns similar to classic RLHF",
    "bound": "gold ends at least 0.2 sd below its peak; β = 0.01, 400 pairs, 300 steps",
}


@claim("DPO overoptimizes: gold rises, then falls, as √KL grows", **OVEROPTIMIZED)
def dpo_overoptimizes(seed: int) -> Finding:
    lost = fall(trained(seed, "DPO", 0.01)[1])
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim("So does IPO", **OVEROPTIMIZED)
def ipo_overoptimizes(seed: int) -> Finding:
    lost = fall(trained(seed, "IPO", 0.01)[1])
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim(
    "So does IPO when trained longer (added after the row above was seen)",
    **OVEROPTIMIZED | {"bound": "gold ends at least 0.2 sd below its peak; the same, 1,000 steps"},
)
def ipo_overoptimizes_later(seed: int) -> Finding:
    lost = fall(trained(seed, "IPO", 0.01, steps=1000, every=100)[1])
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim("So does KTO (which that paper did not try)", **OVEROPTIMIZED)
def kto_overoptimizes(seed: int) -> Finding:
    lost = fall(trained(seed, "KTO", 0.01)[1])
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim(
    "So does RL against a reward model learned from the same pairs",
    **OVEROPTIMIZED | {"bound": "gold ends at least 0.2 sd below its peak; no penalty, 100 steps"},
)
def rl_overoptimizes(seed: int) -> Finding:
    lost = fall(train_rl(seed))
    return Finding(lost, "sd below the peak", lost >= 0.2)


@claim(
    "A smaller β goes further from the reference and ends worse than a middle one",
    source="Rafailov et al. 2024 (arXiv 2406.02900), abstract",
    paper="DAAs deteriorate across a wide range of KL budgets",
    bound="of β = 0.01, 0.1 and 1, the first ends at the largest √KL and 0.2 sd below the best",
)
def small_beta_goes_too_far(seed: int) -> Finding:
    ends = [trained(seed, "DPO", beta)[1][-1] for beta in (0.01, 0.1, 1.0)]
    furthest = ends[0].distance > max(ends[1].distance, ends[2].distance)
    lost = max(e.gold for e in ends) - ends[0].gold
    return Finding(lost, "sd below the best β", furthest and lost >= 0.2)


@claim(
    "Preference collapse: what 10 % of people like all but disappears",
    source="Xiao et al. 2024, abstract",
    paper="minority preferences are virtually disregarded, in extreme cases",
    bound="below 1 % under RLHF and under DPO; even reference, β = 0.2",
)
def minority_disappears(seed: int) -> Finding:
    found = shares(seed, 0.2)
    most = max(found["RLHF"][2].item(), found["DPO"][2].item())
    return Finding(100 * most, "% of answers", most < 0.01)


@claim(
    "Entropy matching keeps what people prefer",
    source="Xiao et al. 2024, abstract",
    paper="preference matching provably gives the reward model's preference distribution",
    bound="every answer within 3 percentage points of its share of people",
)
def entropy_matching_keeps_shares(seed: int) -> Finding:
    off = (shares(seed, 0.2)["entropy matching"] - PEOPLE).abs().max().item()
    return Finding(100 * off, "points off at most", off < 0.03)


def bench() -> Iterator[tuple[str, Callable[[], tuple[int, float | None]]]]:
    """Rows for `make bench`."""

    def by_table() -> tuple[int, None]:
        reward, ref = small_world(0)
        dpo_by_table(torch.sigmoid(reward[:, None] - reward), ref, 1.0)
        return 500, None

    def method(name: str) -> Callable:
        return lambda: (300, train(0, name, 0.01)[1][-1].gold)

    yield "DPO by table: 256 answers, every pair", by_table
    for name in ("DPO", "IPO", "KTO"):
        yield f"{name}: 400 pairs, 300 steps of 64", method(name)
    yield "RL: 100 steps of 256 samples", lambda: (100, train_rl(0)[-1].gold)
