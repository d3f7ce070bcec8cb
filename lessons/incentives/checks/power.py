"""How `power` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.incentives.checks.shared import F64, best_value, noisy, tree
from lessons.incentives.exercises import power
from utils.grading import expect, require
from utils.notebook import generator
from utils.worlds.grids import optimal


@power.check
def it_gives_a_float_and_no_tensor(fn):
    got = fn(tree(), torch.zeros(1, 5, dtype=F64), 0, 0.5)
    require(isinstance(got, int | float), "a float", got)


@power.check
def a_state_that_leads_to_itself_is_worth_what_it_pays(fn):
    world = tree()
    rewards = torch.tensor([[0.0, 0.25, 0.0, 0.0, 0.0], [0.0, 0.75, 0.0, 0.0, 0.0]], dtype=F64)
    for gamma in (0.5, 0.9):
        expect(fn(world, rewards, 1, gamma), 0.5)


@power.check
def a_fork_is_worth_the_better_end_of_each_goal(fn):
    world = tree()
    rewards = torch.tensor([[9.0, 0.0, 5.0, 1.0, 0.0], [9.0, 0.0, 5.0, 0.0, 0.5]], dtype=F64)
    for gamma in (0.5, 0.9):
        expect(fn(world, rewards, 2, gamma), 0.75)


@power.check
def a_constant_is_what_everybody_gets(fn):
    for gamma in (0.3, 0.95):
        expect(fn(noisy(1), torch.full((3, 4), 2.0, dtype=F64), 0, gamma), 2.0)


@power.check
def as_value_iteration_says(fn):
    for seed, n, gamma, state in ((0, 1, 0.6, 0), (1, 5, 0.8, 3), (2, 7, 0.9, 1)):
        world, g = noisy(seed, states=5, actions=3), generator(seed)
        rewards = torch.randn(n, 5, generator=g, dtype=F64)
        each = [best_value(world, r, state, gamma) - r[state].item() for r in rewards]
        got = fn(world, rewards, state, gamma)
        require(isinstance(got, float), "a float", got)
        expect(got, (1 - gamma) / gamma * sum(each) / n)


@power.check
def the_rewards_stay_as_they_are(fn):
    rewards = torch.rand(3, 5, generator=generator(0), dtype=F64)
    before = rewards.clone()
    fn(tree(), rewards, 0, 0.9)
    require(torch.equal(rewards, before), "unchanged rewards", rewards)


def _values(world, rewards, gamma):
    paid = rewards.unsqueeze(-1).expand(-1, -1, world.rewards.shape[1])
    return optimal(world, gamma, paid).values


@power.mistake("the mean goal is solved: the best value must be taken for each goal, then the mean")
def _(world, rewards, state, gamma):
    mean = rewards.mean(0, keepdim=True)
    return ((1 - gamma) / gamma * (_values(world, mean, gamma)[0, state] - mean[0, state])).item()


@power.mistake("what the state itself pays is left in")
def _(world, rewards, state, gamma):
    return ((1 - gamma) / gamma * _values(world, rewards, gamma)[:, state].mean()).item()


@power.mistake("divided by γ is missing: what comes after begins a step later")
def _(world, rewards, state, gamma):
    later = _values(world, rewards, gamma)[:, state] - rewards[:, state]
    return ((1 - gamma) * later.mean()).item()


@power.mistake("γ / (1 − γ) for (1 − γ) / γ")
def _(world, rewards, state, gamma):
    later = _values(world, rewards, gamma)[:, state] - rewards[:, state]
    return (gamma / (1 - gamma) * later.mean()).item()


@power.mistake("not scaled: (1 − γ) / γ is missing")
def _(world, rewards, state, gamma):
    return (_values(world, rewards, gamma)[:, state] - rewards[:, state]).mean().item()


@power.mistake("the sum over goals, not the mean")
def _(world, rewards, state, gamma):
    later = _values(world, rewards, gamma)[:, state] - rewards[:, state]
    return ((1 - gamma) / gamma * later.sum()).item()


@power.mistake("the mean over states as well: only the one state counts")
def _(world, rewards, state, gamma):
    return ((1 - gamma) / gamma * (_values(world, rewards, gamma) - rewards).mean()).item()


@power.mistake("the best of all goals, not their mean")
def _(world, rewards, state, gamma):
    later = _values(world, rewards, gamma)[:, state] - rewards[:, state]
    return ((1 - gamma) / gamma * later.max()).item()


@power.mistake("the first goal only")
def _(world, rewards, state, gamma):
    later = _values(world, rewards, gamma)[0, state] - rewards[0, state]
    return ((1 - gamma) / gamma * later).item()


@power.mistake("the world's own rewards, and not the goals")
def _(world, rewards, state, gamma):
    later = optimal(world, gamma).values[state] - rewards[:, state]
    return ((1 - gamma) / gamma * later.mean()).item()


@power.right("goal by goal, in a loop")
def _(world, rewards, state, gamma):
    total = 0.0
    for reward in rewards:
        paid = reward[:, None].expand(-1, world.rewards.shape[1])
        total += optimal(world, gamma, paid).values[state].item() - reward[state].item()
    return (1 - gamma) / gamma * total / len(rewards)


@power.right("as the best of what comes next, (1 − γ) times its value")
def _(world, rewards, state, gamma):
    nearby = world.transitions[state] @ _values(world, rewards, gamma).T  # (A, N)
    return (1 - gamma) * nearby.amax(0).mean().item()


@power.right("by value iteration")
def _(world, rewards, state, gamma):
    each = [best_value(world, r, state, gamma, 900) - r[state].item() for r in rewards]
    return (1 - gamma) / gamma * sum(each) / len(each)
