"""What several checks of this lesson share: small worlds, and truths by plain loops."""

import itertools

import torch
from torch import Tensor


def world(seed: int, states: int, actions: int, **kind: torch.dtype) -> tuple[Tensor, Tensor]:
    """Random transitions, (S, A, S), and rewards, (S, A)."""
    g = torch.Generator().manual_seed(seed)
    weight = torch.rand(states, actions, states, generator=g, dtype=torch.float64) + 0.05
    rewards = torch.randn(states, actions, generator=g, dtype=torch.float64)
    dtype = kind.get("dtype", torch.float64)
    return (weight / weight.sum(-1, keepdim=True)).to(dtype), rewards.to(dtype)


def of_policy(transitions: Tensor, rewards: Tensor, policy: tuple, gamma: float) -> Tensor:
    """The value of each state under a deterministic policy, by solving for it."""
    here = torch.arange(len(policy))
    chain, paid = transitions[here, list(policy)], rewards[here, list(policy)]
    return torch.linalg.solve(torch.eye(len(policy), dtype=chain.dtype) - gamma * chain, paid)


def best_by_trying(transitions: Tensor, rewards: Tensor, gamma: float) -> Tensor:
    """The optimal action values, by trying every deterministic policy."""
    n_states, n_actions = rewards.shape
    tried = itertools.product(range(n_actions), repeat=n_states)
    values = torch.stack([of_policy(transitions, rewards, p, gamma) for p in tried]).amax(0)
    q = torch.empty_like(rewards)
    for s, a in itertools.product(range(n_states), range(n_actions)):
        q[s, a] = rewards[s, a] + gamma * sum(
            transitions[s, a, t] * values[t] for t in range(n_states)
        )
    return q


def returns(r: Tensor, visits: Tensor) -> list[float]:
    """The return of each policy, number by number."""
    cells = list(itertools.product(range(r.shape[0]), range(r.shape[1])))
    return [sum((v[c] * r[c]).item() for c in cells) for v in visits]
