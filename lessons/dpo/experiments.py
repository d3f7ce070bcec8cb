"""What the DPO lesson trains: policies by each loss, side by side, and one by RL.

Where every answer can be listed, tables.py does without networks.
"""

import copy
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

import utils
from lessons.dpo.exercises import dpo_loss, dr_dpo_loss, ipo_loss, kto_loss
from lessons.dpo.tables import (  # noqa: F401 (lesson.md shows these, too)
    ask,
    asked,
    dpo_by_table,
    entropy_matching,
    fit_rewards,
    ipo_by_table,
    label_loss,
    least,
    ridge,
    rlhf_optimum,
)
from utils import progress
from utils.worlds.preferences import (
    Policies,
    Policy,
    RewardModel,
    World,
    preference_pairs,
    sft,
    train_reward_model,
)


class Run(NamedTuple):
    """One policy to train: by which loss, at which β, on which pairs, for how long."""

    method: str = "DPO"  # or conservative, robust, Dr. DPO, IPO, KTO
    beta: float = 0.1
    flip_rate: float = 0.0  # the share of labels flipped; robust DPO needs less than 0.5
    n_pairs: int = 400
    steps: int = 300


class Pairs(NamedTuple):
    """Preference pairs, (n, length) each, with the reference's log-probabilities of them, (n,)."""

    chosen: Tensor
    rejected: Tensor
    ref_chosen: Tensor
    ref_rejected: Tensor

    def rows(self, index: Tensor | slice) -> "Pairs":
        return Pairs(*(x[index] for x in self))


def log_probability(policy: Policy | Policies, answers: Tensor) -> Tensor:
    """Log-probability of whole answers, in nats: (…, length) to (…)."""
    return policy.token_logprobs(answers).sum(-1)


# The world of the two lessons before: 8 tokens, 12 places.


@cache
def start(seed: int) -> tuple[World, Policy]:
    """A world and its reference: a policy that imitates 5,000 demonstrations."""
    world, generator = World(seed), utils.generator(seed)
    reference = Policy(embedding=16, hidden=32, seed=seed)  # half of RLHF's: many are trained
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
    run: Run, batch: Pairs, logprobs: Tensor, kl: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """One run's loss. Methods that ask for the flip rate are told the true one; KTO asks for kl.

    logprobs: the policy's, of all chosen, then of all rejected answers. kl: as kto_loss's kl_*.
    """
    method, beta, flip_rate, *_ = run
    four = (*logprobs.chunk(2), batch.ref_chosen, batch.ref_rejected)
    if method == "KTO":  # thumbs up for the chosen, down for the rejected
        good = torch.arange(len(logprobs)) < len(batch.chosen)
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
    fresh: float  # the same on new answers of the reference: −KL(π_ref‖π)


@cache
@torch.no_grad()
def fresh_answers(reference: Policy) -> tuple[Tensor, Tensor]:
    """200 answers of the reference that no pair contains, and its log-probabilities of them."""
    answers = reference.sample(200, utils.generator(1))
    return answers, log_probability(reference, answers)


@torch.no_grad()
def probe(step: int, policy: Policy, reference: Policy, world: World, pairs: Pairs) -> Probe:
    """Measure a policy on 1,000 answers of its own, 200 of the reference, 200 pairs at most."""
    own, some = policy.sample(1000, utils.generator(0)), pairs.rows(slice(200))
    theirs, before = fresh_answers(reference)
    answers = [own[:500], some.chosen, some.rejected, theirs]
    at_start = [log_probability(reference, own[:500]), some.ref_chosen, some.ref_rejected, before]
    moved = log_probability(policy, torch.cat(answers)) - torch.cat(at_start)
    kl, *changes = (part.mean() for part in moved.split([len(x) for x in answers]))
    distance = kl.clamp(min=0).sqrt()
    return Probe(step, *(x.item() for x in (distance, world.gold(own).mean(), *changes)))


@torch.no_grad()
def kl_logprobs(
    policy: Policy, reference: Policy, n: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Log-probabilities of n of a policy's answers, under it and under the reference."""
    own = policy.sample(n, generator)
    return log_probability(policy, own), log_probability(reference, own)


def total_loss(
    policies: Policies, reference: Policy, runs: Sequence[Run], batches: Sequence[Pairs],
    generator: torch.Generator,
) -> Tensor:  # fmt: skip
    """The sum of the runs' losses, each on its own batch: each reaches its own policy alone."""
    answers = torch.stack([torch.cat([b.chosen, b.rejected]) for b in batches])
    logprobs = log_probability(policies, answers)
    losses = []
    for i, (run, batch) in enumerate(zip(runs, batches, strict=True)):
        kl = None
        if run.method == "KTO":
            kl = kl_logprobs(policies[i], reference, 32, generator)
        losses.append(loss_on(run, batch, logprobs[i], kl))
    return sum(losses)


def batches(run: Run, seed: int) -> Tensor:
    """Which 64 pairs each step takes, (steps, 64): none twice if there are enough, else drawn."""
    generator, taken = utils.generator(seed), 64 * run.steps
    if run.n_pairs >= taken:
        return torch.randperm(run.n_pairs, generator=generator)[:taken].view(-1, 64)
    return torch.randint(run.n_pairs, (run.steps, 64), generator=generator)


def first(policies: Policies, n: int) -> Policies:
    """The first n of them: what trains these trains those."""
    part = copy.copy(policies)
    part.weights = {name: value[:n] for name, value in policies.weights.items()}
    return part


def train(seed: int, runs: Sequence[Run], every: int = 25) -> tuple[dict, dict]:
    """Train a policy a run, side by side. Returns, by run, the policy and a probe each `every`."""
    world, reference = start(seed)
    runs = sorted(runs, key=lambda run: -run.steps)  # those that others leave behind come first
    pairs = [collect_pairs(world, reference, run.n_pairs, seed, run.flip_rate) for run in runs]
    rows = [batches(run, seed) for run in runs]
    policies, generator = Policies(reference, len(runs)), utils.generator(seed)
    adam = torch.optim.Adam(policies.parameters(), lr=2e-3)
    trained, probes = {}, {run: [probe(0, reference, reference, world, pairs[0])] for run in runs}
    for step in progress.track(range(1, runs[0].steps + 1), "training"):
        going = [run for run in runs if step <= run.steps]
        batch = [pairs[i].rows(rows[i][step - 1]) for i in range(len(going))]
        adam.zero_grad()
        total_loss(first(policies, len(going)), reference, going, batch, generator).backward()
        adam.step()
        for i, run in enumerate(going):
            if step % every == 0 or step == run.steps:
                trained[run] = policies[i]  # at last the finished one
                probes[run].append(probe(step, trained[run], reference, world, pairs[i]))
    return trained, probes


def train_rl(seed: int, n_pairs: int = 400, steps: int = 100, every: int = 10) -> list[Probe]:
    """The classic way with the same pairs: a reward model, then policy gradients, no KL penalty."""
    world, reference = start(seed)
    pairs = collect_pairs(world, reference, n_pairs, seed)
    generator, judge = utils.generator(seed), RewardModel(64, seed=seed)
    train_reward_model(judge, pairs.chosen, pairs.rejected, generator)
    policy = copy.deepcopy(reference).requires_grad_(True)
    adam = torch.optim.Adam(policy.parameters(), lr=1.2e-3)
    probes = [probe(0, policy, reference, world, pairs)]
    for step in progress.track(range(1, steps + 1), "RL"):
        own = policy.sample(256, generator)
        reward = judge(own).detach()
        loss = -((reward - reward.mean()) * log_probability(policy, own)).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        if step % every == 0 or step == steps:
            probes.append(probe(step, policy, reference, world, pairs))
    return probes


def sft_on(reference: Policy, pairs: Pairs, seed: int) -> Policy:
    """A copy of the reference that imitates all answers of the pairs, chosen and rejected alike."""
    policy = copy.deepcopy(reference).requires_grad_(True)
    answers = torch.cat([pairs.chosen, pairs.rejected])
    sft(policy, answers, utils.generator(seed), steps=200, batch=128)
    return policy.requires_grad_(False)


def fall(probes: list[Probe]) -> float:
    """By how much gold ends below its peak, in sd; means of two neighboring probes each."""
    gold = torch.tensor([p.gold for p in probes])
    smooth = (gold[1:] + gold[:-1]) / 2
    return (smooth.max() - smooth[-1]).item()
