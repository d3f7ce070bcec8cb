"""How `potential_shaping` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.specification_gaming.checks.shared import of_policy, world
from lessons.specification_gaming.exercises import potential_shaping
from utils.grading import expect


def potential(seed: int, n: int) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, generator=g, dtype=torch.float64)


def two_states() -> tuple[torch.Tensor, torch.Tensor]:
    """Action 0 stays, action 1 changes the state; nothing is paid."""
    transitions = torch.eye(2, dtype=torch.float64)[torch.tensor([[0, 1], [1, 0]])]
    return torch.zeros(2, 2, dtype=torch.float64), transitions


@potential_shaping.check
def a_step_up_and_a_step_down(fn):
    rewards, transitions = two_states()
    got = fn(rewards, transitions, torch.tensor([0.0, 1.0]).double(), 0.5)
    expect(got, torch.tensor([[0.0, 0.5], [-0.5, -1.0]]).double())


@potential_shaping.check
def without_a_potential_nothing_changes(fn):
    transitions, rewards = world(0, 3, 2)
    expect(fn(rewards, transitions, torch.zeros(3).double(), 0.9), rewards)


@potential_shaping.check
def number_by_number(fn):
    for seed, states, actions in ((1, 3, 2), (2, 3, 3), (3, 2, 4)):
        transitions, rewards = world(seed, states, actions)
        phi = potential(seed, states)
        wanted = rewards.clone()
        for s in range(states):
            for a in range(actions):
                after = sum((transitions[s, a, t] * phi[t]).item() for t in range(states))
                wanted[s, a] = rewards[s, a].item() + 0.8 * after - phi[s].item()
        expect(fn(rewards, transitions, phi, 0.8), wanted)


@potential_shaping.check
def every_policy_loses_the_potential_of_its_start(fn):
    transitions, rewards = world(4, 3, 2)
    phi = potential(4, 3)
    for policy in ((0, 0, 0), (0, 1, 0), (1, 1, 1)):
        shaped = of_policy(transitions, fn(rewards, transitions, phi, 0.9), policy, 0.9)
        expect(shaped, of_policy(transitions, rewards, policy, 0.9) - phi, 1e-6)


@potential_shaping.check
def the_rewards_stay_as_they_are(fn):
    transitions, rewards = world(5, 3, 2)
    before = rewards.clone()
    fn(rewards, transitions, potential(5, 3), 0.9)
    expect(rewards, before)


MISTAKES = {
    "gamma is missing: going there and back pays, or costs": lambda r, p, f, g: (
        r + p @ f - f[:, None]
    ),
    "the sign: after less before, not before less after": lambda r, p, f, g: (
        r - g * (p @ f) + f[:, None]
    ),
    "only steps upwards pay: a round trip is then worth farming": lambda r, p, f, g: (
        r + (g * (p @ f) - f[:, None]).clamp(min=0)
    ),
    "the potential of the next state alone: the one before must be taken off": lambda r, p, f, g: (
        r + g * (p @ f)
    ),
    "the potential before alone": lambda r, p, f, g: r - f[:, None].expand_as(r),
    "gamma stands at the potential before, in place of after": lambda r, p, f, g: (
        r + p @ f - g * f[:, None]
    ),
    "gamma multiplies both": lambda r, p, f, g: r + g * (p @ f - f[:, None]),
    "both are added": lambda r, p, f, g: r + g * (p @ f) + f[:, None],
    "the bonus alone comes back: the reward is missing": lambda r, p, f, g: (
        g * (p @ f) - f[:, None]
    ),
    "the likeliest next state in place of the mean over all": lambda r, p, f, g: (
        r + g * f[p.argmax(-1)] - f[:, None]
    ),
    "the reward is discounted, too": lambda r, p, f, g: g * (r + p @ f) - f[:, None],
    "the size of the change: a step down must cost": lambda r, p, f, g: (
        r + (g * (p @ f) - f[:, None]).abs()
    ),
    "rewards come back as they are": lambda r, p, f, g: r.clone(),
    "the bonus is squared": lambda r, p, f, g: r + (g * (p @ f) - f[:, None]) ** 2,
}
for said, wrong in MISTAKES.items():
    potential_shaping.mistake(said)(wrong)


@potential_shaping.mistake("changes the rewards in place")
def _(rewards, transitions, potential, gamma):
    rewards += gamma * (transitions @ potential) - potential[:, None]
    return rewards


@potential_shaping.right("by a loop over states and actions")
def _(rewards, transitions, potential, gamma):
    shaped = rewards.clone()
    for s in range(rewards.shape[0]):
        for a in range(rewards.shape[1]):
            shaped[s, a] += gamma * torch.dot(transitions[s, a], potential) - potential[s]
    return shaped


@potential_shaping.right("the bonus of each step first, then its mean")
def _(rewards, transitions, potential, gamma):
    bonus = gamma * potential[None, None, :] - potential[:, None, None]
    return rewards + (transitions * bonus).sum(-1)


@potential_shaping.right("with NumPy")
def _(rewards, transitions, potential, gamma):
    r, p, f = (x.numpy() for x in (rewards, transitions, potential))
    return torch.from_numpy(r + gamma * p.dot(f) - f.reshape(-1, 1))
