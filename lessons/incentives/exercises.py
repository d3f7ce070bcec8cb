"""What the learner writes in the lesson on power, shutdown and incentives."""

import math

import torch
from torch import Tensor

from lessons.incentives.steps import Step
from utils.exercises import exercise
from utils.worlds.grids import FiniteWorld, optimal


@exercise(
    difficulty=1,
    minutes=8,
    teaches="a state's power is how well it serves a goal that you do not know yet",
    why="The best value is taken for each goal first, the mean over goals afterwards: whoever has "
    "power can choose once the goal is known.",
    given="blanks",
    hints=[
        "optimal(world, gamma, paid).values has a row for each goal and a column for each state.",
        "What is earned in the state itself says nothing about where one can go: take it away.",
        "Then the mean over goals, times (1 − γ) / γ.",
    ],
)
def power(world: FiniteWorld, rewards: Tensor, state: int, gamma: float) -> float:
    """POWER of a state (Turner et al. 2021): mean best value of what comes after it, per step.

    rewards: (N, S), float64, what each state pays by each of N goals. state: its place.
    gamma: between 0 and 1, both excluded. Returns (1 − γ)/γ · mean over goals of
    (best value of the state − what the state itself pays), a float.
    """
    paid = rewards.unsqueeze(-1).expand(-1, -1, world.rewards.shape[1])  # (N, S, A)
    values = optimal(world, gamma, paid).values[:, state]  # blank: (N,), the state's best values
    later = values - rewards[:, state]  # blank: without what the state itself pays
    return ((1 - gamma) / gamma * later.mean()).item()  # blank: per step, the mean over goals


@exercise(
    difficulty=2,
    minutes=15,
    teaches="a policy is where one will be; a goal only weighs the places",
    why="The expected visits satisfy f = e + γ Pᵀ f: one is at the start now, and tomorrow where "
    "the policy leads from where one is today.",
    hints=[
        "optimal(world, gamma, paid).policy is the best action in each state; paid, (S, A), is "
        "reward[:, None].expand(-1, A): what a state pays, it pays whatever one does.",
        "The chain of that policy: P[s, t] = transitions[s, policy[s], t].",
        "f = Σ γᵗ (Pᵀ)ᵗ e, so (I − γ Pᵀ) f = e. torch.linalg.solve.",
    ],
)
def optimal_visit_distribution(
    world: FiniteWorld, reward: Tensor, start: int, gamma: float
) -> Tensor:
    """How often an optimal policy will be in each state, discounted: Σ γᵗ P(state at t).

    reward: (S,), float64, what each state pays. start: where it begins, at t = 0. The policy is
    that of `optimal` (of several best actions the first). world.transitions: (S, A, S), the
    chance of the next state by state and action. Returns (S,), float64.
    """
    paid = reward[:, None].expand(-1, world.rewards.shape[1])
    policy = optimal(world, gamma, paid).policy
    chain = world.transitions[torch.arange(len(reward)), policy]
    begin = torch.zeros_like(reward)
    begin[start] = 1.0
    return torch.linalg.solve(torch.eye(len(reward), dtype=reward.dtype) - gamma * chain.T, begin)


@exercise(
    difficulty=2,
    minutes=12,
    teaches="what it is worth to let a person decide, if the person may err",
    why="Waiting takes the worth where the person allows it and 0 elsewhere. Its mean has a part "
    "for what the robot knows and a part for what the person knows better.",
    hints=[
        "Let s = √(spread² + error²). The person sees a number of mean `mean` and deviation s.",
        "It is above 0 with the chance Φ(mean / s): Φ(x) = (1 + erf(x / √2)) / 2.",
        "The rest is spread² / s · φ(mean / s), φ(x) = exp(−x² / 2) / √(2π).",
        "If s is 0, nobody is in doubt: the value is max(mean, 0).",
    ],
)
def off_switch_value(mean: float, spread: float, error: float) -> float:
    """What waiting is worth to the robot: E[U · 1(U + error · Z > 0)].

    By the robot's belief the action's worth U is normal, with this mean and standard deviation. The
    person sees U plus an error of their own (Z standard normal, independent), lets the robot act
    if that is above 0, and else switches it off, which is worth 0. spread and error may be 0.
    Returns a float.
    """
    total = math.hypot(spread, error)
    if total == 0:
        return max(mean, 0.0)
    x = mean / total
    allowed = (1 + math.erf(x / math.sqrt(2))) / 2
    density = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return mean * allowed + spread**2 / total * density


@exercise(
    difficulty=3,
    minutes=15,
    teaches="what an interruption may change: where a learner goes, and nothing that it expects",
    why="What was done earned the reward, so it gets the credit. What would have been done next "
    "says what the learner's own policy is worth: a person's action there is no part of it.",
    hints=[
        "The intended and the executed action may differ. Which of them did the world answer?",
        "SARSA's target is reward + γ · q[following, next action]. Which next action is the "
        "learner's own?",
        "Nothing follows where done: the target is the reward. Clone q before you change it.",
    ],
)
def interruptible_update(q: Tensor, step: Step, rate: float, gamma: float) -> Tensor:
    """SARSA made safely interruptible (Orseau & Armstrong 2016): tables after one step each.

    q: (n, S, A), the tables of n learners. step: see Step, one step of each. rate: how far a value
    moves to its target. SARSA's target is what the step paid and, discounted, the value of what
    the learner does next; a person's interruptions must leave the targets as they are without them.
    Returns new tables; q stays as it is.
    """
    each = torch.arange(len(q))
    after = q[each, step.following, step.next_intended]
    target = step.reward + gamma * torch.where(step.done, 0.0, after)
    new = q.clone()
    new[each, step.state, step.executed] += rate * (target - q[each, step.state, step.executed])
    return new


@exercise(
    difficulty=3,
    minutes=15,
    teaches="an incentive to control something is measured by an experiment in the mind",
    why="The decision stays, and with it all it does by other ways. Only the shutdown happens as "
    "under another decision. If that changes what the agent gets, it wants a say in the shutdown.",
    hints=[
        "First the best decision d: the largest Σ over outcomes of chance · utility, with the "
        "shutdown that d itself brings about.",
        "Then for each other decision e: the same sum for d, but in each outcome shut down where "
        "e would be shut down in that outcome.",
        "The largest absolute difference counts. Of several best decisions, that with the least.",
    ],
)
def shutdown_incentive(chances: Tensor, shutdown: Tensor, utility: Tensor) -> float:
    """How much an agent's prospects change if its shutdown happens as under another decision.

    For Everitt et al. 2021 an agent has an instrumental control incentive on the shutdown if this
    is not 0. chances: (n,), float64, of each outcome of what the agent does not control. shutdown:
    (D, n), bool, whether it is shut down, by decision and outcome. utility: (D, n, 2), float64, by
    decision, outcome, and whether it is shut down (1) or not (0).
    Take the best decision d. Returns the largest absolute change of its expected utility if the
    shutdown, and nothing else, were outcome by outcome as under another decision; a float, 0.0 if
    there is no other decision. Of several best decisions that with the smallest such change
    counts, since the definition asks a change of every optimal policy.
    """
    own = torch.where(shutdown, utility[..., 1], utility[..., 0]) @ chances  # (D,)
    changes = []
    for d in (own >= own.max() - 1e-9).nonzero().flatten():
        as_under = torch.where(shutdown, utility[d, :, 1], utility[d, :, 0]) @ chances  # (D,)
        changes.append((as_under - own[d]).abs().max().item())
    return min(changes)


@exercise(
    difficulty=3,
    minutes=15,
    teaches="how safe a race is, by how many race and by what they know",
    why="To be a little faster wins more often, and pays if one would rather win at one's own "
    "risk than lose at the rival's. In equilibrium the two just balance.",
    given="blanks",
    hints=[
        "Nobody knows: s = 1 / (n · tax · enmity), as derived above, and at most 1.",
        "Each knows its own capability c: s = c / (tax · (1 + (n − 1) · enmity)). The winner is "
        "the most capable. The largest of n uniform numbers has the density n c^(n−1).",
        "∫ min(1, k c) n c^(n−1) dc: if k ≤ 1 it is k n/(n + 1). Else split it at 1/k.",
        "All know: s = gap / (tax · enmity), and P(gap > g) = (1 − g)^n. E min(1, gap/b) is "
        "(1/b) ∫ from 0 to min(b, 1) of (1 − g)^n dg, with b = tax · enmity.",
    ],
)
def race_equilibrium(n: int, safety_tax: float, enmity: float) -> tuple[float, float, float]:
    """The winner's mean safety if teams know nothing, their own capability, or everyone's.

    n: teams, at least 2; their capabilities are uniform in 0..1. safety_tax, above 0: what full
    safety costs a team, in capability. enmity, above 0 and at most 1: how much worse than one's
    own safe success a rival's is. Armstrong, Bostrom & Shulman (2016) in other letters.
    Returns (none, own, all), floats from 0 to 1.
    """
    none = min(1.0, 1 / (n * safety_tax * enmity))  # blank: all choose alike
    slope = 1 / (safety_tax * (1 + (n - 1) * enmity))  # blank: safety is slope times capability
    edge = min(1.0, 1 / slope)  # who is more capable than this is safe altogether
    own = slope * n / (n + 1) * edge ** (n + 1) + 1 - edge**n  # blank: mean of min(1, slope · best)
    reach = safety_tax * enmity  # the lead from which on the leader is safe altogether
    everyone = (1 - (1 - min(1.0, reach)) ** (n + 1)) / (reach * (n + 1))  # blank: by the lead
    return none, own, everyone
