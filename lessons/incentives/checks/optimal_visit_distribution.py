"""How `optimal_visit_distribution` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.incentives.checks.shared import F64, best_value, noisy, policies, tree, walk
from lessons.incentives.exercises import optimal_visit_distribution
from utils.grading import expect, require
from utils.notebook import generator
from utils.worlds.grids import optimal


@optimal_visit_distribution.check
def a_straight_way_by_hand(fn):
    world = tree()
    # By the fork to its first end: 1, then γ, then γ² + γ³ + …
    reward = torch.tensor([0.0, 0.1, 0.0, 1.0, 0.0], dtype=F64)
    expect(fn(world, reward, 0, 0.5), torch.tensor([1.0, 0.0, 0.5, 0.5, 0.0], dtype=F64))
    reward = torch.tensor([0.0, 9.0, 0.0, 1.0, 0.0], dtype=F64)
    expect(fn(world, reward, 0, 0.5), torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0], dtype=F64))


@optimal_visit_distribution.check
def it_begins_where_it_is_told_to(fn):
    reward = torch.tensor([0.0, 9.0, 0.0, 0.0, 1.0], dtype=F64)
    expect(fn(tree(), reward, 2, 0.8), torch.tensor([0.0, 0.0, 1.0, 0.0, 4.0], dtype=F64))


@optimal_visit_distribution.check
def of_equally_good_ways_the_first(fn):
    reward = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0], dtype=F64)
    expect(fn(tree(), reward, 0, 0.5), torch.tensor([1.0, 0.0, 0.5, 0.5, 0.0], dtype=F64))


@optimal_visit_distribution.check
def all_visits_together_are_one_over_one_less_gamma(fn):
    for seed, gamma in ((0, 0.5), (1, 0.9)):
        reward = torch.randn(4, generator=generator(seed), dtype=F64)
        got = fn(noisy(seed), reward, 1, gamma)
        require(torch.is_tensor(got) and got.shape == (4,), "a tensor of shape (4,)", got)
        expect(got.sum().item(), 1 / (1 - gamma))


@optimal_visit_distribution.check
def weighed_by_the_reward_they_give_the_best_value(fn):
    for seed, gamma in ((3, 0.7), (4, 0.9)):
        world = noisy(seed, states=5, actions=3)
        reward = torch.randn(5, generator=generator(seed), dtype=F64)
        got = fn(world, reward, 2, gamma)
        expect((got @ reward).item(), best_value(world, reward, 2, gamma))


@optimal_visit_distribution.check
def as_walking_by_the_best_of_all_policies_gives(fn):
    for seed, start in ((5, 0), (6, 3)):
        world, gamma = noisy(seed), 0.8
        reward = torch.randn(4, generator=generator(seed), dtype=F64)
        best = max(
            (walk(world, p, start, gamma, 150) for p in policies(world)),
            key=lambda f: (f @ reward).item(),
        )
        expect(fn(world, reward, start, gamma), best)


@optimal_visit_distribution.check
def the_reward_stays_as_it_is(fn):
    reward = torch.rand(5, generator=generator(0), dtype=F64)
    before = reward.clone()
    fn(tree(), reward, 0, 0.9)
    require(torch.equal(reward, before), "unchanged reward", reward)


def _chain(world, reward, gamma):
    paid = reward[:, None].expand(-1, world.rewards.shape[1])
    policy = optimal(world, gamma, paid).policy
    return world.transitions[torch.arange(len(reward)), policy]


def _solved(matrix, start):
    begin = torch.zeros(len(matrix), dtype=F64)
    begin[start] = 1.0
    return torch.linalg.solve(matrix, begin)


def _eye(n):
    return torch.eye(n, dtype=F64)


@optimal_visit_distribution.mistake("the transpose is missing: that asks from where one comes")
def _(world, reward, start, gamma):
    chain = _chain(world, reward, gamma)
    return _solved(_eye(len(chain)) - gamma * chain, start)


@optimal_visit_distribution.mistake("divided by their sum: visits add up to 1 / (1 − γ), not to 1")
def _(world, reward, start, gamma):
    chain = _chain(world, reward, gamma)
    return (1 - gamma) * _solved(_eye(len(chain)) - gamma * chain.T, start)


@optimal_visit_distribution.mistake("the start does not count: t begins at 0")
def _(world, reward, start, gamma):
    chain = _chain(world, reward, gamma)
    visits = _solved(_eye(len(chain)) - gamma * chain.T, start)
    visits[start] -= 1.0
    return visits


@optimal_visit_distribution.mistake("not discounted, and cut off after 100 steps")
def _(world, reward, start, gamma):
    chain = _chain(world, reward, gamma)
    at = torch.zeros(len(chain), dtype=F64)
    at[start] = 1.0
    visits = at.clone()
    for _ in range(99):
        at = at @ chain
        visits = visits + at
    return visits


@optimal_visit_distribution.mistake("all actions alike, and not the best ones")
def _(world, reward, start, gamma):
    chain = world.transitions.mean(1)
    return _solved(_eye(len(chain)) - gamma * chain.T, start)


@optimal_visit_distribution.mistake("the worst policy: the sign of the reward is turned")
def _(world, reward, start, gamma):
    chain = _chain(world, -reward, gamma)
    return _solved(_eye(len(chain)) - gamma * chain.T, start)


@optimal_visit_distribution.mistake("the best next reward only, without what comes later")
def _(world, reward, start, gamma):
    policy = (world.transitions @ reward).argmax(-1)
    chain = world.transitions[torch.arange(len(reward)), policy]
    return _solved(_eye(len(chain)) - gamma * chain.T, start)


@optimal_visit_distribution.mistake("`start` is ignored: it always begins in state 0")
def _(world, reward, start, gamma):
    chain = _chain(world, reward, gamma)
    return _solved(_eye(len(chain)) - gamma * chain.T, 0)


@optimal_visit_distribution.mistake("the world's own start, and not the one asked for")
def _(world, reward, start, gamma):
    chain = _chain(world, reward, gamma)
    return torch.linalg.solve(_eye(len(chain)) - gamma * chain.T, world.start)


@optimal_visit_distribution.mistake("equally good actions are shared evenly: take the first")
def _(world, reward, start, gamma):
    paid = reward[:, None].expand(-1, world.rewards.shape[1])
    values = optimal(world, gamma, paid).action_values
    best = (values >= values.amax(-1, keepdim=True) - 1e-9).double()
    even = best / best.sum(-1, keepdim=True)
    chain = (world.transitions * even[..., None]).sum(1)
    return _solved(_eye(len(chain)) - gamma * chain.T, start)


@optimal_visit_distribution.mistake("a single step: the start and γ times the next state")
def _(world, reward, start, gamma):
    chain = _chain(world, reward, gamma)
    begin = torch.zeros(len(chain), dtype=F64)
    begin[start] = 1.0
    return begin + gamma * begin @ chain


@optimal_visit_distribution.mistake("times the reward: that is what is earned, not where one is")
def _(world, reward, start, gamma):
    chain = _chain(world, reward, gamma)
    return _solved(_eye(len(chain)) - gamma * chain.T, start) * reward


@optimal_visit_distribution.right("by the inverse matrix")
def _(world, reward, start, gamma):
    chain = _chain(world, reward, gamma)
    return torch.linalg.inv(_eye(len(chain)) - gamma * chain)[start]


@optimal_visit_distribution.right("step by step, in a loop")
def _(world, reward, start, gamma):
    chain = _chain(world, reward, gamma)
    at = torch.zeros(len(chain), dtype=F64)
    at[start] = 1.0
    visits = torch.zeros_like(at)
    for _ in range(600):
        visits = visits + at
        at = gamma * at @ chain
    return visits
