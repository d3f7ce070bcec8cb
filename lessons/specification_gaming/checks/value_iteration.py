"""How `value_iteration` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.specification_gaming.checks.shared import best_by_trying, world
from lessons.specification_gaming.exercises import value_iteration
from utils.grading import expect, require


def chain() -> tuple[torch.Tensor, torch.Tensor]:
    """Three states in a row; action 0 stays, action 1 goes on. Only going into the last pays."""
    transitions = torch.zeros(3, 2, 3, dtype=torch.float64)
    for s in range(3):
        transitions[s, 0, s] = transitions[s, 1, min(s + 1, 2)] = 1
    rewards = torch.tensor([[0.0, 0.0], [0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    return transitions, rewards


@value_iteration.check
def one_state_pays_forever(fn):
    transitions, rewards = torch.ones(1, 1, 1).double(), torch.tensor([[2.0]]).double()
    expect(fn(transitions, rewards, 0.5), torch.tensor([[4.0]]).double())


@value_iteration.check
def without_a_future_only_the_reward_counts(fn):
    transitions, rewards = world(0, 3, 2)
    expect(fn(transitions, rewards, 0.0), rewards)


@value_iteration.check
def a_reward_two_steps_away(fn):
    wanted = torch.tensor([[0.25, 0.5], [0.5, 1.0], [0.0, 0.0]]).double()
    expect(fn(*chain(), 0.5), wanted)


@value_iteration.check
def the_best_of_all_policies(fn):
    for seed, states, actions, gamma in ((1, 2, 3, 0.6), (2, 3, 2, 0.9), (3, 4, 2, 0.8)):
        transitions, rewards = world(seed, states, actions)
        expect(fn(transitions, rewards, gamma), best_by_trying(transitions, rewards, gamma), 1e-5)


@value_iteration.check
def all_rewards_are_negative(fn):
    transitions, rewards = world(4, 3, 2)
    rewards = rewards - 5
    expect(fn(transitions, rewards, 0.9), best_by_trying(transitions, rewards, 0.9), 1e-5)


@value_iteration.check
def a_long_horizon_is_waited_for(fn):
    transitions, rewards = world(5, 3, 2)
    got, wanted = fn(transitions, rewards, 0.99), best_by_trying(transitions, rewards, 0.99)
    require(torch.is_tensor(got) and got.shape == wanted.shape, "a tensor (S, A)", got)
    require(bool((got - wanted).abs().max() < 1e-5), wanted, got, gamma=0.99)


@value_iteration.check
def a_small_tolerance_is_kept(fn):
    transitions, rewards = world(7, 3, 2)
    got, wanted = fn(transitions, rewards, 0.5, 1e-10), best_by_trying(transitions, rewards, 0.5)
    require(torch.is_tensor(got) and got.shape == wanted.shape, "a tensor (S, A)", got)
    require(bool((got - wanted).abs().max() < 1e-9), wanted, got, gamma=0.5, tol=1e-10)


@value_iteration.check
def the_inputs_stay_as_they_are(fn):
    transitions, rewards = world(6, 3, 2)
    before = transitions.clone(), rewards.clone()
    fn(transitions, rewards, 0.5)
    expect(rewards, before[1])
    expect(transitions, before[0])


def sweeping(step, sweeps=3000, start=torch.zeros_like):
    """A wrong answer that sweeps with a step of its own."""

    def answer(transitions, rewards, gamma, tol=1e-6):
        q = start(rewards)
        for _ in range(sweeps):
            q = step(transitions, rewards, gamma, q)
        return q

    return answer


value_iteration.mistake("the next state's actions are averaged: the best of them counts")(
    sweeping(lambda p, r, g, q: r + g * (p @ q.mean(-1)))
)
value_iteration.mistake("the worst next action is taken")(
    sweeping(lambda p, r, g, q: r + g * (p @ q.min(-1).values))
)
value_iteration.mistake("gamma multiplies the reward, too")(
    sweeping(lambda p, r, g, q: g * (r + p @ q.max(-1).values))
)
value_iteration.mistake("the future is not discounted")(
    sweeping(lambda p, r, g, q: r + p @ q.max(-1).values, sweeps=60)
)
value_iteration.mistake("gamma is squared")(
    sweeping(lambda p, r, g, q: r + g * g * (p @ q.max(-1).values))
)
value_iteration.mistake("the future is taken away")(
    sweeping(lambda p, r, g, q: r - g * (p @ q.max(-1).values))
)
value_iteration.mistake("only the likeliest next state counts: average over all")(
    sweeping(lambda p, r, g, q: r + g * q.max(-1).values[p.argmax(-1)])
)
value_iteration.mistake("the best action overall, in place of the best in each next state")(
    sweeping(lambda p, r, g, q: r + g * q.max())
)
value_iteration.mistake("the value stays where it is: the next state's counts")(
    sweeping(lambda p, r, g, q: r + g * q.max(-1, keepdim=True).values)
)
value_iteration.mistake("the rewards come back: nothing after the first step counts")(
    sweeping(lambda p, r, g, q: r, sweeps=1)
)
value_iteration.mistake("one step ahead only")(
    sweeping(lambda p, r, g, q: r + g * (p @ r.max(-1).values), sweeps=1)
)
value_iteration.mistake("a hundred sweeps are too few for a long horizon")(
    sweeping(lambda p, r, g, q: r + g * (p @ q.max(-1).values), sweeps=100)
)


@value_iteration.mistake("stops once a sweep changes less than tol: what is left may be 1/(1 − γ)")
def _(transitions, rewards, gamma, tol=1e-6):
    q = torch.zeros_like(rewards)
    while True:
        new = rewards + gamma * (transitions @ q.max(-1).values)
        if (new - q).abs().max() <= tol:
            return new
        q = new


@value_iteration.mistake("tol is ignored: always 1e-6")
def _(transitions, rewards, gamma, tol=1e-6):
    return value_iteration.reference(transitions, rewards, gamma, 1e-6)


@value_iteration.mistake("starts at 0 and never lets a value fall below it")
def _(transitions, rewards, gamma, tol=1e-6):
    q = torch.zeros_like(rewards)
    for _ in range(3000):
        q = torch.maximum(q, rewards + gamma * (transitions @ q.max(-1).values))
    return q


@value_iteration.mistake("values of states come back: (S,), in place of (S, A)")
def _(transitions, rewards, gamma, tol=1e-6):
    return value_iteration.reference(transitions, rewards, gamma, tol).max(-1).values


@value_iteration.mistake("changes the rewards in place")
def _(transitions, rewards, gamma, tol=1e-6):
    paid = rewards.clone()
    for _ in range(3000):
        rewards.copy_(paid + gamma * (transitions @ rewards.max(-1).values))
    return rewards


@value_iteration.right("by policy iteration")
def _(transitions, rewards, gamma, tol=1e-6):
    here = torch.arange(len(rewards))
    policy = torch.zeros(len(rewards), dtype=torch.long)
    eye = torch.eye(len(rewards), dtype=rewards.dtype)
    while True:
        chain = transitions[here, policy]
        values = torch.linalg.solve(eye - gamma * chain, rewards[here, policy])
        q = rewards + gamma * (transitions @ values)
        if (q.max(-1).values <= q[here, policy] + 1e-9).all():
            return q
        policy = q.argmax(-1)


@value_iteration.right("by loops in plain Python, on state values")
def _(transitions, rewards, gamma, tol=1e-6):
    p, r = transitions.tolist(), rewards.tolist()
    states, actions = range(len(r)), range(len(r[0]))
    v = [0.0 for _ in states]
    while True:
        q = [
            [r[s][a] + gamma * sum(p[s][a][t] * v[t] for t in states) for a in actions]
            for s in states
        ]
        new = [max(row) for row in q]
        if max(abs(x - y) for x, y in zip(new, v, strict=True)) < 1e-10:
            return torch.tensor(q, dtype=rewards.dtype)
        v = new


@value_iteration.right("by einsum and a fixed, large number of sweeps")
def _(transitions, rewards, gamma, tol=1e-6):
    q = rewards.clone()
    for _ in range(2500):
        q = rewards + gamma * torch.einsum("sat,t->sa", transitions, q.amax(1))
    return q
