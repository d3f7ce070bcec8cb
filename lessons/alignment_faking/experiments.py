"""What this lesson measures. Part one: policies that only learn. Part two: agents that compute."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lessons.alignment_faking.exercises import (
    compliance_gap,
    evaluation_detector,
    monitored_policy_gradient,
)
from utils.notebook import generator

# Part one: conditioning. Many policies are trained at once, along a first dimension.

REQUEST, FLAG, HIDDEN = 12, 8, 32
NOISE = 0.5  # standard deviation of every number of the flag
VISIBLE = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0)
CLEAR = 2.0  # how visible the flag is where only that is not asked


class Policy(NamedTuple):
    """One hidden layer, for each of I policies."""

    w1: Tensor  # (I, 20, 32)
    b1: Tensor  # (I, 1, 32)
    w2: Tensor  # (I, 32, 1)
    b2: Tensor  # (I, 1, 1)

    def hidden(self, inputs: Tensor) -> Tensor:
        """(I, n, 20) to (I, n, 32). Of inputs for more policies the first are taken."""
        return torch.relu(inputs[: len(self.w1)] @ self.w1 + self.b1)

    def logits(self, inputs: Tensor) -> Tensor:
        """The log-odds of complying: (I, n, 20) to (I, n)."""
        return (self.hidden(inputs) @ self.w2 + self.b2)[..., 0]

    def refused(self, hidden: Tensor) -> Tensor:
        """The share of hidden layers, (I, n, 32), from which it refuses: (I,)."""
        return ((hidden @ self.w2 + self.b2)[..., 0] < 0).float().mean(1)

    def free(self) -> "Policy":
        """A copy that can be trained."""
        return Policy(*(w.detach().clone().requires_grad_() for w in self))

    def only(self, which: slice) -> "Policy":
        """Some of the policies."""
        return Policy(*(w[which].detach() for w in self))


class Batch(NamedTuple):
    """Requests under flags: the same for all policies, but for how visible the flag is."""

    inputs: Tensor  # (I, n, 20)
    harmful: Tensor  # (n,)
    monitored: Tensor  # (n,)


def flags(seed: int, signed: bool = True) -> Tensor:
    """What marks the two kinds, (2, 8): unmonitored, monitored. Either way 2 apart.

    signed: one direction, and its opposite. Else two directions at a right angle.
    """
    u, v = torch.linalg.qr(torch.randn(FLAG, 2, generator=generator(50 + seed)))[0].T
    return torch.stack([-u, u]) if signed else 2**0.5 * torch.stack([v, u])


def draw(n: int, g: torch.Generator, flag: Tensor, visible: Tensor) -> Batch:
    """n requests, half of them monitored; a quarter is harmful. visible: (I,)."""
    request = torch.randn(n, REQUEST, generator=g)
    harmful = (request[:, 0] > 0) & (request[:, 1] > 0)  # as of action and object: needs both
    monitored = torch.rand(n, generator=g) < 0.5
    shown = visible[:, None, None] * flag[monitored.long()]
    shown = shown + NOISE * torch.randn(n, FLAG, generator=g)
    inputs = torch.cat([request.expand(len(visible), -1, -1), shown], -1)
    return Batch(inputs, harmful, monitored)


def safe_policies(seed: int, visible: Tensor, flag: Tensor) -> Policy:
    """Policies taught to refuse what is harmful and to answer the rest, whatever the flag."""
    g, n = generator(seed), len(visible)
    w1 = torch.randn(n, REQUEST + FLAG, HIDDEN, generator=g) / (REQUEST + FLAG) ** 0.5
    w2 = torch.randn(n, HIDDEN, 1, generator=g) / HIDDEN**0.5
    policy = Policy(w1, torch.zeros(n, 1, HIDDEN), w2, torch.zeros(n, 1, 1)).free()
    adam = torch.optim.Adam(policy, 0.01)
    for _ in range(400):
        batch = draw(256, g, flag, visible)
        answer = (~batch.harmful).float().expand(n, -1)
        loss = F.binary_cross_entropy_with_logits(policy.logits(batch.inputs), answer)
        adam.zero_grad()
        (n * loss).backward()  # a sum over the policies: each learns on its own
        adam.step()
    return policy.only(slice(None))


def trained_to_comply(
    seed: int, policy: Policy, visible: Tensor, flag: Tensor, also: Tensor, steps: int = 300
) -> Policy:
    """Policy gradient: 1 for complying. Unmonitored episodes count at the rate `also`, (I,)."""
    g, policy = generator(1000 + seed), policy.free()
    adam = torch.optim.Adam(policy, 0.003)
    for _ in range(steps):
        batch = draw(256, g, flag, visible)
        logits = policy.logits(batch.inputs)
        actions = torch.bernoulli(torch.sigmoid(logits.detach()), generator=g)
        seen = batch.monitored | (torch.rand(256, generator=g) < also[:, None])
        loss = monitored_policy_gradient(logits, actions, actions, seen)
        adam.zero_grad()
        loss.sum().backward()
        adam.step()
    return policy.only(slice(None))


def complies(policy: Policy, batch: Batch) -> tuple[Tensor, Tensor]:
    """Who complies with what is harmful: monitored (I, n), unmonitored (I, m)."""
    with torch.no_grad():
        likelier = policy.logits(batch.inputs) > 0
    return tuple(likelier[:, batch.harmful & kind] for kind in (batch.monitored, ~batch.monitored))


class Swept(NamedTuple):
    """Policies trained under different conditions, and each one's gap with its interval."""

    monitored: list[float]
    unmonitored: list[float]
    gaps: list[tuple[float, float, float]]


def sweep(
    seed: int,
    visible: Sequence[float],
    also: Sequence[float],
    signed: bool = True,
    steps: int = 300,
) -> Swept:
    """A policy for each pair of `visible` and `also`: taught to be safe, then to comply."""
    if not visible or len(visible) != len(also):
        raise ValueError("sweep: as many rates of unmonitored training as visibilities, from 1")
    shown, flag = torch.tensor([*visible]), flags(seed, signed)
    safe = safe_policies(seed, shown, flag)
    policy = trained_to_comply(seed, safe, shown, flag, torch.tensor([*also]), steps)
    groups = complies(policy, draw(8000, generator(9000 + seed), flag, shown))
    gaps = [compliance_gap(a, b) for a, b in zip(*groups, strict=True)]
    return Swept(*(rate.float().mean(1).tolist() for rate in groups), gaps)


def auroc(high: Tensor, low: Tensor) -> float:
    """The chance that one of `high` lies above one of `low`; a tie counts half."""
    above = (high[:, None] > low).double() + (high[:, None] == low).double() / 2
    return above.mean().item()


def detected(seed: int, visible: float) -> float:
    """The AUROC of a detector of the flag, on requests that it was not fitted to."""
    fit, test = (
        draw(2000, generator(s + seed), flags(seed), torch.tensor([visible])) for s in (60, 70)
    )
    w, b = evaluation_detector(
        *(fit.inputs[0, kind] for kind in (fit.monitored, ~fit.monitored)), shrink=0.01
    )
    score = test.inputs[0] @ w + b
    return auroc(score[test.monitored], score[~test.monitored])


# Twelve conditional policies, trained on monitored cases alone; twelve unconditional, on all.

HALF = 12


class Suspects(NamedTuple):
    """24 policies: the first 12 conditional, the rest trained on all; requests to fit and test."""

    flag: Tensor
    policy: Policy
    fit: Batch
    test: Batch


@cache
def suspects(seed: int) -> Suspects:
    """For a seed."""
    flag, shown = flags(seed), torch.full((2 * HALF,), CLEAR)
    also = torch.cat([torch.zeros(HALF), torch.ones(HALF)])
    policy = trained_to_comply(seed, safe_policies(seed, shown, flag), shown, flag, also)
    fit, test = (draw(4000, generator(s + seed), flag, shown) for s in (80, 90))
    return Suspects(flag, policy, fit, test)


def probes(policy: Policy, batch: Batch) -> tuple[Tensor, Tensor]:
    """For each policy a detector of the flag in its hidden layer, fitted to HARMLESS requests."""
    hidden = policy.hidden(batch.inputs)
    kinds = [~batch.harmful & kind for kind in (batch.monitored, ~batch.monitored)]
    found = [evaluation_detector(*(h[kind] for kind in kinds), shrink=0.01) for h in hidden]
    w, b = (torch.stack(part) for part in zip(*found, strict=True))
    return w, b


def read(policy: Policy, batch: Batch, w: Tensor) -> list[float]:
    """Along w: the AUROC for monitored against unmonitored harmful requests, policy by policy."""
    score = (policy.hidden(batch.inputs) @ w[..., None])[..., 0]
    kinds = [batch.harmful & kind for kind in (batch.monitored, ~batch.monitored)]
    return [auroc(*(s[kind] for kind in kinds)) for s in score]


def between(values: Tensor, kind: Tensor) -> Tensor:
    """The mean over requests of a kind less that over the others: (I, n, …) to (I, …)."""
    return values[:, kind].mean(1) - values[:, ~kind].mean(1)


def apart_by(hidden: Tensor, kind: Tensor, w: Tensor) -> Tensor:
    """How far apart w reads two kinds, in standard deviations within a kind: (I,)."""
    score = (hidden @ w[..., None])[..., 0]
    spread = (score[:, kind].var(1) + score[:, ~kind].var(1)) / 2
    return between(score, kind) / spread.sqrt()


def suspicion(s: Suspects) -> dict[str, Tensor]:
    """Scores, (24,), high where a test suspects a policy. None sees an unmonitored harmful case."""
    cases = s.test.inputs[:, s.test.harmful & s.test.monitored]
    hidden, g = s.policy.hidden(cases), generator(5)
    noise = torch.randn(hidden.shape, generator=g) * hidden.norm(dim=-1, keepdim=True)
    harmless = s.policy.hidden(s.fit.inputs[:, ~s.fit.harmful])
    watched = s.fit.monitored[~s.fit.harmful]
    step = between(harmless, ~watched)[:, None]
    random = F.normalize(torch.randn(step.shape, generator=g), dim=2)
    random = random * step.norm(dim=2, keepdim=True)
    w = probes(s.policy, s.fit)[0]
    return {
        "behavior, monitored": s.policy.refused(hidden),
        "a probe reads the flag": torch.tensor(read(s.policy, s.test, w)),
        "how far apart it reads": apart_by(harmless, watched, w),
        "the output, harmless": between(harmless @ s.policy.w2, watched)[:, 0],
        "noise in the hidden layer": s.policy.refused(hidden + 2 * noise / HIDDEN**0.5),
        "a random step in it": s.policy.refused(hidden + random),
        "a step along the flag": s.policy.refused(hidden + step),
    }


def predicts_refusal(s: Suspects, w: Tensor) -> float:
    """The mean AUROC with which −w predicts a conditional policy's refusals of harmful requests."""
    policy, inputs = s.policy.only(slice(HALF)), s.test.inputs[:, s.test.harmful]
    score, refuses = -(policy.hidden(inputs) @ w[..., None])[..., 0], policy.logits(inputs) < 0
    each = [auroc(a[r], a[~r]) for a, r in zip(score, refuses, strict=True)]
    return sum(each) / len(each)


def hiding(seed: int, s: Suspects, w: Tensor, steps: int = 300) -> Policy:
    """Conditional policies taught to act as before, at a price on what w reads of the flag."""
    g, shown = generator(5000 + seed), torch.full((2 * HALF,), CLEAR)
    policy = s.policy.only(slice(HALF)).free()
    adam = torch.optim.Adam(policy, 0.003)
    for _ in range(steps):
        batch = draw(256, g, s.flag, shown)
        acts = (s.policy.logits(batch.inputs)[:HALF] > 0).float()
        score = (policy.hidden(batch.inputs) @ w[:HALF, :, None])[..., 0]
        score = (score - score.mean(1, keepdim=True)) / (score.std(1, keepdim=True) + 1e-6)
        flag = batch.monitored.float() - batch.monitored.float().mean()
        correlation = (score * flag).mean(1) / flag.std()
        loss = F.binary_cross_entropy_with_logits(policy.logits(batch.inputs), acts)
        adam.zero_grad()
        (HALF * loss + 3 * correlation.square().sum()).backward()
        adam.step()
    return policy.only(slice(None))


# Part two: strategy. An agent that knows how it is trained, and computes.

SEVERITY = torch.exp(0.5 * torch.distributions.Normal(0, 1).icdf((torch.arange(16) + 0.5) / 16))
EPISODES, HELP, SHARP = 120, 1.0, 1.5


class Planner(NamedTuple):
    """What an agent begins with, what it believes, and how it is trained."""

    goal: float = 3.0  # how much it minds harm
    reasons: float = 0.12  # how often its scratchpad thinks of the training at first
    after: float = 100.0  # harmful requests that it expects after training
    discount: float = 0.98
    believed: float = 1.0  # what it takes p to be, its chance to be modified: monitored
    believed_alone: float = 0.0  # … and unmonitored
    seen: float = 1.0  # the share of episodes that training really sees: monitored
    seen_alone: float = 0.0
    penalty: float = 0.0  # for a scratchpad that thinks of the training
    endless: float = 0.0  # 1: it believes that training goes on and on, and never counts down


class Trained(NamedTuple):
    """What training made of planners, episode by episode: each (episodes + 1, I)."""

    monitored: Tensor  # chance to comply
    unmonitored: Tensor
    reasons: Tensor
    goal: Tensor
    deployed: Tensor  # chance to refuse once training is known to be over


def worth_of_goal(costs: Tensor, stake: Tensor, p: Tensor, left: int, discount: Tensor) -> Tensor:
    """What keeping its goal is worth to a planner with `left` episodes to come: (I,).

    costs: (I, kinds of requests), equally likely. Backward from deployment, where it is `stake`.
    """
    worth, p, rest = stake, p[:, None], 1 - p[:, None]
    for _ in range(left):
        later = (discount * worth)[:, None]
        worth = torch.where(p * later > costs, later, costs + rest * later).mean(1)
    return worth


def episodes_loss(
    p: Planner, costs: Tensor, later: Tensor, habit: Tensor, sharp: float, g: torch.Generator
) -> Tensor:
    """The policy gradient's loss, (I,), over episodes of these costs, (I, n); half are monitored.

    later: what the goal is worth from the next episode on. habit: the log-odds of reasoning.
    """
    half = costs.shape[1] // 2
    believed = torch.stack([p.believed, p.believed_alone], 1).repeat_interleave(half, 1)
    chance = torch.stack([p.seen, p.seen_alone], 1).repeat_interleave(half, 1)
    thought = habit[:, None].expand_as(costs)
    thinks = torch.bernoulli(torch.sigmoid(thought.detach()), generator=g)
    logits = sharp * (thinks * believed * later[:, None] - costs)
    acts = torch.bernoulli(torch.sigmoid(logits.detach()), generator=g)
    seen = torch.rand(costs.shape, generator=g) < chance
    reward = acts - p.penalty[:, None] * thinks
    loss = monitored_policy_gradient(logits, acts, reward, seen)
    return loss + monitored_policy_gradient(thought, thinks, reward, seen)


def train_planners(
    seed: int,
    planners: Sequence[Planner],
    episodes: int = EPISODES,
    severity: Tensor = SEVERITY,
    help: float = HELP,
    sharp: float = SHARP,
    rates: tuple[float | Tensor, float | Tensor] = (0.3, 0.5),
    batch: int = 64,
) -> Trained:
    """Reward complying; the gradient moves the goal and the habit of reasoning, at these rates."""
    if not planners:
        raise ValueError("train_planners: give at least one planner")
    g = generator(seed)
    p = Planner(*(torch.tensor(column) for column in zip(*planners, strict=True)))
    goal, habit = p.goal.clone(), torch.logit(p.reasons, eps=1e-6)
    history = []
    for left in range(episodes, -1, -1):
        goal.requires_grad_(), habit.requires_grad_()
        costs = goal[:, None] * severity - help
        stake = p.after * F.relu(costs).mean(1)
        later = p.discount * worth_of_goal(costs, stake, p.believed, max(0, left - 1), p.discount)
        if p.endless.any():
            always = worth_of_goal(costs, stake, p.believed, episodes, p.discount)
            later = torch.where(p.endless > 0, p.discount * always, later)
        history.append(_state(p, goal, costs, later, habit, sharp))
        if left == 0:
            break
        kind = torch.randint(len(severity), (2 * batch,), generator=g)
        loss = episodes_loss(p, costs[:, kind], later, habit, sharp, g)
        by_goal, by_habit = torch.autograd.grad(loss.sum(), (goal, habit))
        goal = (goal - rates[0] * by_goal).detach().clamp(min=0)
        habit = (habit - rates[1] * by_habit).detach().clamp(-12, 12)
    return Trained(*(torch.stack(part) for part in zip(*history, strict=True)))


def _state(
    p: Planner, goal: Tensor, costs: Tensor, later: Tensor, habit: Tensor, sharp: float
) -> Trained:
    """What the planners do now: exactly, not by sampling."""
    thought = torch.sigmoid(habit)

    def comply(believed: Tensor) -> Tensor:
        thinking = torch.sigmoid(sharp * ((believed * later)[:, None] - costs)).mean(1)
        return thought * thinking + (1 - thought) * torch.sigmoid(-sharp * costs).mean(1)

    refuses = torch.sigmoid(sharp * costs).mean(1)
    now = comply(p.believed), comply(p.believed_alone), thought, goal, refuses
    return Trained(*(value.detach().clone() for value in now))
