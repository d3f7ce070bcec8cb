"""How `generalized_advantages` is judged: checks, mistakes, right answers."""

import torch

from lessons.rlhf.checks.shared import same_dtype
from lessons.rlhf.exercises import generalized_advantages
from utils.grading import expect, require


def _advantages_by_hand(rewards, values, gamma, lam):
    """The double sum of the definition, in plain loops."""
    rows = []
    for r, v in zip(rewards.tolist(), values.tolist(), strict=True):
        n = len(r)
        delta = [r[t] + gamma * (v[t + 1] if t + 1 < n else 0.0) - v[t] for t in range(n)]
        rows.append(
            [sum((gamma * lam) ** k * delta[t + k] for k in range(n - t)) for t in range(n)]
        )
    return torch.tensor(rows)


def _some_rewards(seed, *shape):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=g), torch.randn(shape, generator=g)


@generalized_advantages.check
def one_token_is_reward_minus_value(fn):
    got = fn(torch.tensor([[2.0]]), torch.tensor([[0.5]]), 0.9, 0.8)
    expect(got, torch.tensor([[1.5]]))


@generalized_advantages.check
def two_tokens_by_hand(fn):
    # δ = (0 + 0.5·1 − 2, 4 − 1) = (−1.5, 3), so A = (−1.5 + 0.5·0.5·3, 3).
    got = fn(torch.tensor([[0.0, 4.0]]), torch.tensor([[2.0, 1.0]]), 0.5, 0.5)
    expect(got, torch.tensor([[-0.75, 3.0]]))


@generalized_advantages.check
def lambda_one_is_what_is_still_to_come_minus_the_value(fn):
    rewards, values = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[3.0, -1.0, 0.5]])
    expect(fn(rewards, values, 1.0, 1.0), torch.tensor([[4.0, 7.0, 3.5]]))
    to_come = torch.tensor([[1 + 0.5 * 2 + 0.25 * 4, 2 + 0.5 * 4, 4.0]])
    expect(fn(rewards, values, 0.5, 1.0), to_come - values)


@generalized_advantages.check
def lambda_zero_is_one_step(fn):
    rewards, values = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[3.0, -1.0, 0.5]])
    expect(fn(rewards, values, 1.0, 0.0), torch.tensor([[-3.0, 3.5, 3.5]]))
    expect(fn(rewards, values, 0.5, 0.0), torch.tensor([[-2.5, 3.25, 3.5]]))


@generalized_advantages.check
def gamma_zero_looks_at_the_next_reward_only(fn):
    rewards, values = _some_rewards(0, 2, 3)
    expect(fn(rewards, values, 0.0, 0.9), rewards - values)


@generalized_advantages.check
def a_perfect_critic_leaves_nothing_to_learn(fn):
    rewards = torch.tensor([[0.0, 0.0, 8.0]])
    for lam in (0.0, 0.5, 1.0):
        expect(fn(rewards, torch.tensor([[2.0, 4.0, 8.0]]), 0.5, lam), torch.zeros(1, 3))


@generalized_advantages.check
def it_is_the_double_sum_written_out(fn):
    for seed, shape in enumerate(((2, 3), (3, 3), (3, 2), (5, 1), (4, 12))):
        rewards, values = _some_rewards(seed, *shape)
        for gamma, lam in ((1.0, 0.95), (0.9, 0.7), (0.7, 0.9)):
            want = _advantages_by_hand(rewards, values, gamma, lam)
            expect(fn(rewards, values, gamma, lam), want, tol=1e-4)


@generalized_advantages.check
def sequences_do_not_touch_each_other(fn):
    rewards, values = _some_rewards(6, 3, 4)
    alone = [fn(rewards[i : i + 1], values[i : i + 1], 0.9, 0.8) for i in range(3)]
    expect(fn(rewards, values, 0.9, 0.8), torch.cat(alone))


@generalized_advantages.check
def no_gradient_flows_through_them(fn):
    rewards, values = (x.requires_grad_() for x in _some_rewards(7, 2, 3))
    got = fn(rewards, values, 0.9, 0.8)
    require(torch.is_tensor(got) and not got.requires_grad, "constants, detached", got)


@generalized_advantages.check
def double_advantages_for_double_rewards(fn):
    rewards, values = (x.double() for x in _some_rewards(8, 2, 3))
    same_dtype(fn(rewards, values, 0.9, 0.8), rewards)


def _gae(rewards, values, after, gamma, decay):
    """The recursion, for the mistakes to get wrong."""
    delta, out = (rewards + gamma * after - values).detach(), []
    running = torch.zeros_like(delta[:, 0])
    for t in reversed(range(delta.shape[1])):
        running = delta[:, t] + decay * running
        out.append(running)
    return torch.stack(out[::-1], 1)


def _after(values, beyond=0.0):
    return torch.cat([values[:, 1:], torch.zeros_like(values[:, :1]) + beyond], 1)


@generalized_advantages.mistake("it bootstraps past the end: beyond the last token V is 0")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, _after(values, values[:, -1:]), gamma, gamma * lam)


@generalized_advantages.mistake("roll wraps around: after the last token comes the first one's V")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, values.roll(-1, 1), gamma, gamma * lam)


@generalized_advantages.mistake("lam is ignored: δ alone")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, _after(values), gamma, 0.0)


@generalized_advantages.mistake("lam is ignored: the full return minus the value")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, _after(values), gamma, gamma)


@generalized_advantages.mistake("the sum decays by λ instead of γλ")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, _after(values), gamma, lam)


@generalized_advantages.mistake("γ is missing in δ: the next value is not discounted")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, _after(values), 1.0, gamma * lam)


@generalized_advantages.mistake("the next value is discounted by γλ")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, _after(values), gamma * lam, gamma * lam)


@generalized_advantages.mistake("summed from the front: a token is paid for what came before it")
def _(rewards, values, gamma, lam):
    back = _gae(
        (rewards + gamma * _after(values) - values).flip(1), values * 0, values * 0, 0, gamma * lam
    )
    return back.flip(1)


@generalized_advantages.mistake("returns, not advantages: V is added back")
def _(rewards, values, gamma, lam):
    return (_gae(rewards, values, _after(values), gamma, gamma * lam) + values).detach()


@generalized_advantages.mistake("the value of the token itself is not subtracted")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values * 0, _after(values), gamma, gamma * lam)


@generalized_advantages.mistake("the sign of δ: value minus reward")
def _(rewards, values, gamma, lam):
    return -_gae(rewards, values, _after(values), gamma, gamma * lam)


@generalized_advantages.mistake("normalized: that is a later step, and not what was asked for")
def _(rewards, values, gamma, lam):
    a = _gae(rewards, values, _after(values), gamma, gamma * lam)
    return (a - a.mean()) / (a.std(unbiased=False) + 1e-8)


@generalized_advantages.mistake("not detached: the policy's loss would train the critic")
def _(rewards, values, gamma, lam):
    delta, total = rewards + gamma * _after(values) - values, 0.0
    out = []
    for t in reversed(range(delta.shape[1])):
        total = delta[:, t] + gamma * lam * total
        out.append(total)
    return torch.stack(out[::-1], 1)


@generalized_advantages.mistake("the list runs from the end to the front, and is not turned back")
def _(rewards, values, gamma, lam):
    return _gae(rewards, values, _after(values), gamma, gamma * lam).flip(1)


@generalized_advantages.mistake("V is shifted the wrong way: the value before, not the one after")
def _(rewards, values, gamma, lam):
    before = torch.cat([torch.zeros_like(values[:, :1]), values[:, :-1]], 1)
    return _gae(rewards, values, before, gamma, gamma * lam)


@generalized_advantages.right("by a matrix of weights (γλ)^l")
@torch.no_grad()
def _(rewards, values, gamma, lam):
    n = rewards.shape[1]
    following = torch.nn.functional.pad(values, (0, 1))[:, 1:]
    delta = rewards + gamma * following - values
    apart = torch.arange(n)[None, :] - torch.arange(n)[:, None]  # [t, s]: how long after t
    decay = torch.as_tensor(gamma * lam, dtype=delta.dtype)
    weight = torch.where(apart >= 0, decay ** apart.clamp(min=0), 0)
    return delta @ weight.T.to(delta.dtype)


@generalized_advantages.right("by lambda-returns, less the values")
def _(rewards, values, gamma, lam):
    rewards, values = rewards.detach(), values.detach()
    out = torch.zeros_like(rewards)
    after_value = torch.zeros_like(values[:, 0])
    after_return = torch.zeros_like(values[:, 0])
    for t in range(rewards.shape[1] - 1, -1, -1):
        mixed = (1 - lam) * after_value + lam * after_return
        after_return = rewards[:, t] + gamma * mixed
        after_value = values[:, t]
        out[:, t] = after_return - after_value
    return out
