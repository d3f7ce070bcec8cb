"""What the lesson on verifiable rewards trains: tiny solvers of a + b modulo 11, side by side."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import utils
from lessons.verifiable_rewards.exercises import (
    clip_higher,
    dynamic_sampling,
    group_advantages,
    grpo_loss,
)
from utils import progress

M = 11  # questions are a + b modulo 11
LONGEST = 20  # tokens that may follow the answer
FEATURES, LOOKS = 128, 16  # widths of the two layers
FIRST, SECOND = (x.flatten() for x in torch.meshgrid(*[torch.arange(M)] * 2, indexing="ij"))
TRUTH = (FIRST + SECOND) % M  # (121,), the right answer to each question
ANSWERS = M + 1  # the numbers, and EVERY
EVERY = M  # "0 1 2 … 10": a list of every number, which contains the right one


class Run(NamedTuple):
    """One way to train."""

    name: str
    how: str = "std"  # advantages: std, mean, leave-one-out, running mean, critic
    divide_by: str = "answer"  # or token, constant, group
    high: float = 0.2  # the clip's upper bound; the lower one is 0.2
    dynamic: bool = False  # leave out groups without a gradient, and draw others
    hole: bool = False  # the checker looks for the right number anywhere in the reply
    every: float = 1e-3  # how often the base lists every number


GRPO = Run("GRPO")
NO_DEVIATION = Run("without the deviation", "mean")
NO_LENGTH = Run("without the length", "std", "constant")
DR_GRPO = Run("Dr. GRPO", "mean", "constant")  # without both
TOKEN = Run("mean over the batch's tokens", "std", "token")
GROUP = Run("mean over the group's tokens", "std", "group")
RLOO = Run("RLOO", "leave-one-out", "constant")
REINFORCE = Run("REINFORCE", "running mean", "constant")
CRITIC = Run("critic", "critic", "constant")
DYNAMIC = TOKEN._replace(name="dynamic sampling", dynamic=True)
CLIP_HIGHER = TOKEN._replace(name="clip higher", high=0.28)


class Start(NamedTuple):
    """A base policy: its weights, and which questions are hard for it."""

    weights: dict[str, Tensor]
    hard: Tensor  # (121,), bool


def normal(g: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=g, dtype=torch.float64)


def demonstrator(g: torch.Generator, every: float) -> tuple[Tensor, Tensor]:
    """Log-probabilities of a demonstrator's answers, (121, 12), and which questions are hard.

    Right half of the time, on hard questions 4 %. every: how often it lists every number.
    """
    every = min(max(every, 1e-9), 1 - 1e-9)  # a chance of 0 has no logarithm
    hard = torch.zeros(M * M, dtype=torch.bool)
    hard[torch.randperm(M * M, generator=g)[: M * M // 2]] = True
    right = torch.where(hard, 0.04, 0.5).double()[:, None]
    is_right = F.one_hot(TRUTH, M)
    slips = normal(g, M * M, M).exp() * (1 - is_right)
    numbers = right * is_right + (1 - right) * slips / slips.sum(1, keepdim=True)
    lists = torch.full((M * M, 1), every, dtype=torch.float64)
    return torch.cat([numbers * (1 - every), lists], 1).log(), hard


@cache
def start(seed: int, every: float = 1e-3) -> Start:
    """A policy that answers just as a demonstrator does, with as much filler after any answer."""
    g = utils.generator(seed)
    wanted, hard = demonstrator(g, every)
    weights = {"first": normal(g, M, FEATURES), "second": normal(g, M, FEATURES)}
    # 121 questions, 128 features: there is an exact solution, so nothing has to be trained.
    weights["answer"] = torch.linalg.pinv(features(weights)) @ (wanted - wanted.mean(1, True))
    weights |= {
        "look": normal(g, FEATURES, LOOKS) / FEATURES**0.5,
        "said": normal(g, ANSWERS, LOOKS) / 2,
        "sure": 2 * normal(g, 1, LOOKS),
        "stop": torch.zeros(LOOKS, 1, dtype=torch.float64),  # so at first it stops alike everywhere
        "bias": torch.full((1, 1), 1 / 3, dtype=torch.float64).log(),  # chance 1/4: 3 fillers
    }
    return Start(weights, hard)


def features(weights: dict[str, Tensor]) -> Tensor:
    """What one policy's first layer makes of each question: (121, 128)."""
    return torch.tanh(weights["first"][FIRST] + weights["second"][SECOND])


def rows(table: Tensor, index: Tensor) -> Tensor:
    """Rows of a stack of tables: (policies, n, width) at (policies, …), to (policies, …, width)."""
    policies, n, width = table.shape
    offset = n * torch.arange(policies).view(-1, *[1] * (index.dim() - 1))
    return table.flatten(0, 1).index_select(0, (index + offset).flatten()).view(*index.shape, width)


class Solvers:
    """A stack of policies. Each writes one token for its answer, then filler, then stops."""

    def __init__(self, weights: Sequence[dict[str, Tensor]]) -> None:
        stacked = {name: torch.stack([w[name] for w in weights]) for name in weights[0]}
        self.weights = {name: w.requires_grad_() for name, w in stacked.items()}

    def __call__(self, questions: Tensor) -> tuple[Tensor, Tensor]:
        """log π of each answer, (policies, n, 12), and what the stop layer sees of the question."""
        w = self.weights
        x = torch.tanh(rows(w["first"], FIRST[questions]) + rows(w["second"], SECOND[questions]))
        return (x @ w["answer"]).log_softmax(-1), x @ w["look"]

    def stop_logits(self, logprobs: Tensor, seen: Tensor, answers: Tensor) -> Tensor:
        """Logits of stopping after answers, (policies, n, group). It knows how sure it was."""
        w, sure = self.weights, logprobs.detach().gather(-1, answers).exp()
        x = seen[:, :, None] + rows(w["said"], answers) + sure[..., None] * w["sure"][:, None]
        return (torch.tanh(x) @ w["stop"][:, None]).squeeze(-1) + w["bias"]


class Batch(NamedTuple):
    """Replies to questions, a group each."""

    questions: Tensor  # (policies, groups)
    answers: Tensor  # (policies, groups, group)
    filler: Tensor  # the same: how many tokens between the answer and the stop
    mask: Tensor  # (policies, groups, group, 21): the answer, filler, stop; True where a token is
    rewards: Tensor  # (policies, groups, group)

    def take(self, index: Tensor) -> "Batch":
        """Other groups for each policy: (policies, groups)."""
        return Batch(*(x[torch.arange(len(index))[:, None], index] for x in self))


@torch.no_grad()
def write(
    solvers: Solvers, questions: Tensor, group: int, holes: Tensor, g: torch.Generator
) -> Batch:
    """Let each policy answer the same questions, (groups,), with the same luck.

    holes: (policies,), bool: whose checker accepts a list of every number.
    """
    questions = questions.expand(len(holes), -1)
    logprobs, seen = solvers(questions)
    luck = torch.rand(2, questions.shape[1], group, generator=g, dtype=torch.float64)
    below = logprobs.exp().cumsum(-1)[:, :, None] < luck[0, ..., None]
    answers = below.sum(-1).clamp(max=ANSWERS - 1)
    go_on = F.logsigmoid(-solvers.stop_logits(logprobs, seen, answers))
    filler = (luck[1].log() / go_on).floor().clamp(max=LONGEST).long()  # geometric
    tokens = torch.arange(LONGEST + 1)
    mask = tokens <= filler[..., None] + 1
    right = answers == TRUTH[questions][..., None]
    passed = right | ((answers == EVERY) & holes[:, None, None])
    return Batch(questions, answers, filler, mask, passed.double())


def token_logprobs(solvers: Solvers, batch: Batch) -> Tensor:
    """log π of each token of each reply: (policies, groups, group, 21), 0 where there is none."""
    logprobs, seen = solvers(batch.questions)
    stop = solvers.stop_logits(logprobs, seen, batch.answers)[..., None]
    stops_here = torch.arange(LONGEST) == batch.filler[..., None]
    after = torch.where(stops_here, F.logsigmoid(stop), F.logsigmoid(-stop))
    of_answer = logprobs.gather(-1, batch.answers)[..., None]
    return torch.where(batch.mask, torch.cat([of_answer, after], -1), 0.0)


def loss_on(run: Run, logprobs: Tensor, old: Tensor, advantages: Tensor, mask: Tensor) -> Tensor:
    """One run's loss on its own batch: (groups, group, 21), advantages (groups, group)."""
    if run.divide_by == "group":  # the tokens of each group; logprobs are 0 where none counts
        objective = torch.where(mask, clip_higher(logprobs, old, advantages, 0.2, run.high), 0.0)
        return -(objective.sum((1, 2)) / mask.sum((1, 2))).mean()
    return grpo_loss(logprobs, old, advantages, mask, run.divide_by, high=run.high)


class Probe(NamedTuple):
    """What a policy is like at one step: exact, over all questions and all it could answer."""

    step: int
    samples: int  # replies written so far
    p: Tensor  # (121,), the chance of a right answer to each question
    logprobs: Tensor  # (121, 12), of each answer to each question
    accuracy: float
    right: float  # mean filler after right answers, in tokens
    wrong: float  # the same after wrong ones
    entropy: float  # of the answer, in nats
    every: float  # how often it lists every number
    same: float  # chance that a group of 8 has all the same reward


@torch.no_grad()
def probe(solvers: Solvers, step: int, samples: Sequence[int]) -> list[Probe]:
    """Measure each policy."""
    policies = len(samples)
    questions = torch.arange(M * M).expand(policies, -1)
    logprobs, seen = solvers(questions)
    answers = torch.arange(ANSWERS).expand(policies, M * M, -1)
    go_on = torch.sigmoid(-solvers.stop_logits(logprobs, seen, answers))
    filler = sum(go_on**t for t in range(1, LONGEST + 1))
    chance = logprobs.exp()
    right = chance * (answers == TRUTH[:, None])
    wrong = chance - right
    p = right.sum(-1)
    found = zip(
        p,
        logprobs,
        p.mean(-1),
        (right * filler).sum((1, 2)) / right.sum((1, 2)),
        (wrong * filler).sum((1, 2)) / wrong.sum((1, 2)),
        -(chance * logprobs).sum(-1).mean(-1),
        chance[..., EVERY].mean(-1),
        (p**8 + (1 - p) ** 8).mean(-1),
        strict=True,
    )
    return [
        Probe(step, n, p, answers, *(x.item() for x in rest))
        for n, (p, answers, *rest) in zip(samples, found, strict=True)
    ]


class Baselines:
    """What each run compares rewards with; REINFORCE's and PPO's learn as they go."""

    def __init__(self, runs: Sequence[Run], weights: dict[str, Tensor]) -> None:
        self.runs, self.features = runs, features(weights)
        self.running = torch.zeros(len(runs), 1, 1, dtype=torch.float64)
        # A line in the features that the policy had at the start.
        self.critic = torch.zeros(len(runs), FEATURES, 1, dtype=torch.float64, requires_grad=True)
        self.adam = torch.optim.Adam([self.critic], lr=0.02)

    def advantages(self, batch: Batch) -> Tensor:
        """Each run's advantages, (policies, groups, group). Learns from the batch afterwards."""
        known = {"running mean": batch.rewards - self.running}
        self.running = 0.9 * self.running + 0.1 * batch.rewards.mean((1, 2), keepdim=True)
        if any(run.how == "critic" for run in self.runs):
            known["critic"] = batch.rewards - self.value(batch)
        return torch.stack([
            known[run.how][i] if run.how in known else group_advantages(batch.rewards[i], run.how)
            for i, run in enumerate(self.runs)
        ])  # fmt: skip

    def value(self, batch: Batch) -> Tensor:
        """What the critic expects of each question, (policies, groups, 1), before it learns."""
        value = self.features[batch.questions] @ self.critic
        self.adam.zero_grad()
        (batch.rewards - value).square().mean((1, 2)).sum().backward()
        self.adam.step()
        return value.detach()


def choose(run: Run, rewards: Tensor, groups: int) -> tuple[Tensor, int]:
    """Which of the groups drawn a run trains on, and how many it had to draw for that."""
    if not run.dynamic:
        return torch.arange(groups), groups
    kept, drawn = dynamic_sampling(rewards, groups)
    kept = torch.as_tensor(kept, dtype=torch.long)
    idle = (rewards == rewards[:, :1]).all(1).nonzero().flatten()
    return torch.cat([kept, idle])[:groups], drawn  # too few: filled up with idle ones


def collect(
    solvers: Solvers, runs: Sequence[Run], groups: int, group: int, g: torch.Generator
) -> tuple[Batch, Tensor]:
    """A batch for each run, and how many groups it drew for it, (policies,)."""
    if group < 2:
        raise ValueError("a group is two answers or more: they are compared with each other")
    groups = min(groups, M * M)
    several = any(run.dynamic for run in runs)  # then draw all questions, in random order
    questions = torch.randperm(M * M, generator=g)[: M * M if several else groups]
    batch = write(solvers, questions, group, torch.tensor([run.hole for run in runs]), g)
    taken = [choose(run, batch.rewards[i], groups) for i, run in enumerate(runs)]
    index, drawn = zip(*taken, strict=True)
    return batch.take(torch.stack(index)), torch.tensor(drawn)


def update(
    solvers: Solvers, adam: torch.optim.Adam, runs: Sequence[Run], batch: Batch,
    advantages: Tensor, times: int,
) -> None:  # fmt: skip
    """Take so many gradient steps on one batch: each run's loss reaches its own policy alone."""
    old = None
    for _ in range(times):
        now = token_logprobs(solvers, batch)
        old = now.detach() if old is None else old
        parts = zip(runs, now, old, advantages, batch.mask, strict=True)
        adam.zero_grad()
        sum(loss_on(*part) for part in parts).backward()
        adam.step()


def train(
    seed: int, runs: Sequence[Run], steps: int = 150, updates: int = 1, every: int = 10,
    lr: float = 2e-3, groups: int = 24, group: int = 8,
) -> dict[Run, list[Probe]]:  # fmt: skip
    """Train a policy a run, with the same questions and luck; a probe each `every` batches.

    updates: gradient steps on each batch.
    """
    weights, g = [start(seed, run.every).weights for run in runs], utils.generator(seed)
    solvers, baselines = Solvers(weights), Baselines(runs, weights[0])
    adam, samples = torch.optim.Adam(solvers.weights.values(), lr=lr), 0
    probes = [probe(solvers, 0, [0] * len(runs))]
    for step in progress.track(range(1, steps + 1), "training"):
        batch, drawn = collect(solvers, runs, groups, group, g)
        samples = samples + group * drawn
        update(solvers, adam, runs, batch, baselines.advantages(batch), updates)
        if step % max(every, 1) == 0 or step == steps:
            probes.append(probe(solvers, step, samples.tolist()))
    return {run: list(found) for run, found in zip(runs, zip(*probes, strict=True), strict=True)}


def pass_at(p: Tensor, k: int) -> float:
    """The chance that one of k tries is right, over questions with chances p of a right answer."""
    return (1 - (1 - p) ** k).mean().item()


def accuracy_after(probes: Sequence[Probe], samples: int) -> float:
    """Accuracy after so many replies, on a straight line between probes; NaN after the last one."""
    x = [p.samples for p in probes]
    return float(np.interp(samples, x, [p.accuracy for p in probes], right=np.nan))


def entropy_at(probes: Sequence[Probe], accuracy: float) -> float:
    """Entropy of the answers when accuracy first was that high; NaN if it never was."""
    best = np.maximum.accumulate([p.accuracy for p in probes])
    return float(np.interp(accuracy, best, [p.entropy for p in probes], right=np.nan))


def at_entropy(probe: Probe, entropy: float) -> Tensor:
    """A policy's chances of right answers, (121,), at the temperature that gives it an entropy."""
    low, high = 1e-2, 1e2
    for _ in range(60):
        middle = (low * high) ** 0.5
        logprobs = (probe.logprobs / middle).log_softmax(1)
        more = -(logprobs.exp() * logprobs).sum(1).mean() < entropy
        low, high = (middle, high) if more else (low, middle)
    return logprobs.exp()[torch.arange(M * M), TRUTH]


def train_table(
    seed: int, steps: int = 150, lr: float = 0.05, groups: int = 24, group: int = 8
) -> Tensor:
    """GRPO on a table of logits, where no question shares a weight with another: (121,) chances."""
    g = utils.generator(seed)
    table = demonstrator(g, 1e-3)[0].requires_grad_()
    adam = torch.optim.Adam([table], lr=lr)
    for _ in range(steps):
        questions = torch.randperm(M * M, generator=g)[:groups]
        logprobs = table[questions].log_softmax(1)
        answers = torch.multinomial(logprobs.detach().exp(), group, True, generator=g)
        rewards = (answers == TRUTH[questions, None]).double()
        adam.zero_grad()
        (-group_advantages(rewards, "std") * logprobs.gather(1, answers)).mean().backward()
        adam.step()
    return table.detach().softmax(1)[torch.arange(M * M), TRUTH]
