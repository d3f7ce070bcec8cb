"""How an answer to generalized_return is judged."""

import torch

from lessons.goal_misgeneralization.exercises import generalized_return
from utils.grading import expect

T = torch.tensor


def sample(seed, *shape):
    g = torch.Generator().manual_seed(seed)
    rewards = torch.randn(*shape, generator=g)
    values = torch.randn(*shape[:-1], shape[-1] + 1, generator=g)
    ended = torch.rand(*shape, generator=g) < 0.25
    return rewards, values, ended


@generalized_return.check
def one_step_is_the_reward_and_the_discounted_guess(answer):
    expect(answer(T([1.0]), T([9.0, 2.0]), T([False]), 0.5, 0.3), T([2.0]))


@generalized_return.check
def after_the_end_nothing_follows(answer):
    expect(answer(T([1.0]), T([9.0, 2.0]), T([True]), 0.5, 0.3), T([1.0]))


@generalized_return.check
def lambda_0_looks_one_step_ahead(answer):
    got = answer(T([1.0, 2.0]), T([7.0, 4.0, 6.0]), T([False, False]), 0.5, 0.0)
    expect(got, T([3.0, 5.0]))


@generalized_return.check
def lambda_1_sums_all_rewards_and_the_last_guess(answer):
    got = answer(T([1.0, 2.0, 4.0]), T([7.0, 5.0, 3.0, 8.0]), T([False] * 3), 0.5, 1.0)
    expect(got, T([1 + 1 + 1 + 1, 2 + 2 + 2.0, 4 + 4.0]))


@generalized_return.check
def in_between_it_is_the_mixture_of_all_lengths(answer):
    rewards, values, _ = sample(0, 6)
    gamma, lam, steps = 0.9, 0.7, 6

    def of_length(t, k):  # k rewards from t on, then the critic
        paid = sum(gamma**i * rewards[t + i] for i in range(k))
        return paid + gamma**k * values[t + k]

    expected = []
    for t in range(steps):
        longest = steps - t
        mixed = sum((1 - lam) * lam ** (k - 1) * of_length(t, k) for k in range(1, longest))
        expected.append(mixed + lam ** (longest - 1) * of_length(t, longest))
    none = torch.zeros(6, dtype=torch.bool)
    expect(answer(rewards, values, none, gamma, lam), torch.stack(expected))


@generalized_return.check
def each_row_ends_where_it_ends(answer):
    rewards, values, _ = sample(5, 3, 4)
    ended = T([[False, True, False, False], [False] * 4, [True, False, False, True]])

    def value(row, t):  # of the steps from t on, one call a step
        if t == 4:
            return values[row, 4].item()
        bracket = 0.4 * values[row, t + 1].item() + 0.6 * value(row, t + 1)
        return rewards[row, t].item() + 0.8 * (0.0 if ended[row, t] else bracket)

    expected = T([[value(row, t) for t in range(4)] for row in range(3)])
    expect(answer(rewards, values, ended, 0.8, 0.6), expected)


@generalized_return.check
def what_comes_after_an_end_does_not_matter(answer):
    rewards, values, _ = sample(1, 2, 5)
    ended = T([[False, False, True, False, False]] * 2)
    changed, guesses = rewards.clone(), values.clone()
    changed[:, 3:], guesses[:, 3:] = 50.0, -70.0
    expected = answer(rewards[:, :3], values[:, :4], ended[:, :3], 0.9, 0.8)
    expect(answer(changed, guesses, ended, 0.9, 0.8)[:, :3], expected.clone())


@generalized_return.check
def no_input_is_changed(answer):
    inputs = sample(2, 3, 4)
    before = [x.clone() for x in inputs]
    answer(*inputs, 0.9, 0.8)
    for x, y in zip(inputs, before, strict=True):
        expect(x, y)


@generalized_return.check
def a_stack_of_double_precision_is_row_by_row_the_same(answer):
    rewards, values, ended = sample(3, 2, 3, 5)
    got = answer(rewards.double(), values.double(), ended, 0.8, 0.4)
    row = answer(rewards[1, 2].double(), values[1, 2].double(), ended[1, 2], 0.8, 0.4)
    expect(got[1, 2], row.clone())
    expect(torch.tensor(got.shape), torch.tensor(rewards.shape))


def _loop(bracket, step=None, last=None):
    """The loop with another bracket, or another step from it to the return."""
    step = step or (lambda r, gamma, end, mixed: r + gamma * torch.where(end, 0 * mixed, mixed))

    def fn(rewards, values, ended, gamma, lam):
        returns, after = torch.zeros_like(rewards), values[..., -1]
        if last == "zero":
            after = torch.zeros_like(after)
        for t in reversed(range(rewards.shape[-1])):
            mixed = bracket(lam, values, t, after)
            after = step(rewards[..., t], gamma, ended[..., t], mixed)
            returns[..., t] = after
        return returns

    return fn


def _right(lam, v, t, after):
    return (1 - lam) * v[..., t + 1] + lam * after


def _mistake(text, fn):
    generalized_return.mistake(text)(fn)


_mistake("the value of the state before the step, not after it: index t, not t + 1",
         _loop(lambda lam, v, t, a: (1 - lam) * v[..., t] + lam * a))  # fmt: skip
_mistake("λ and 1 − λ are swapped",
         _loop(lambda lam, v, t, a: lam * v[..., t + 1] + (1 - lam) * a))  # fmt: skip
_mistake("λ is ignored: only the critic's guess, one step ahead",
         _loop(lambda lam, v, t, a: v[..., t + 1]))  # fmt: skip
_mistake("λ is ignored: only rewards, and the guess at the very end",
         _loop(lambda lam, v, t, a: a))  # fmt: skip
_mistake("the weight 1 − λ is missing", _loop(lambda lam, v, t, a: v[..., t + 1] + lam * a))
_mistake("γ is missing", _loop(_right, lambda r, g, e, m: r + torch.where(e, 0 * m, m)))
_mistake("γ discounts the reward, too",
         _loop(_right, lambda r, g, e, m: g * (r + torch.where(e, 0 * m, m))))  # fmt: skip
_mistake("`ended` is ignored: the next episode's values flow into this one",
         _loop(_right, lambda r, g, e, m: r + g * m))  # fmt: skip
_mistake("`ended` is turned around: only what ended goes on",
         _loop(_right, lambda r, g, e, m: r + g * torch.where(e, m, 0 * m)))  # fmt: skip
_mistake("where the episode ended its last reward is lost, too",
         _loop(_right, lambda r, g, e, m: torch.where(e, 0 * m, r + g * m)))  # fmt: skip
_mistake("after the last step follows 0, in place of the critic's guess",
         _loop(_right, last="zero"))  # fmt: skip


@generalized_return.mistake("one end anywhere ends all: `ended` is taken for the whole batch")
def _(rewards, values, ended, gamma, lam):
    return generalized_return.reference(rewards, values, ended | ended.any(), gamma, lam)


@generalized_return.mistake("the advantage, G − V, in place of the return")
def _(rewards, values, ended, gamma, lam):
    return generalized_return.reference(rewards, values, ended, gamma, lam) - values[..., :-1]


@generalized_return.mistake("`ended` is read a step late: index t − 1, not t")
def _(rewards, values, ended, gamma, lam):
    late = torch.cat([torch.zeros_like(ended[..., :1]), ended[..., :-1]], -1)
    return generalized_return.reference(rewards, values, late, gamma, lam)


@generalized_return.mistake("the returns are in reverse order")
def _(rewards, values, ended, gamma, lam):
    return generalized_return.reference(rewards, values, ended, gamma, lam).flip(-1)


@generalized_return.mistake("the rewards are overwritten: write into a tensor of your own")
def _(rewards, values, ended, gamma, lam):
    rewards.copy_(generalized_return.reference(rewards, values, ended, gamma, lam))
    return rewards


@generalized_return.mistake("λ mixes the rewards with the guess, not what follows with it")
def _(rewards, values, ended, gamma, lam):
    one = rewards + gamma * torch.where(ended, 0.0, values[..., 1:])
    everything = generalized_return.reference(rewards, values, ended, gamma, 1.0)
    return (1 - lam) * one + lam * everything


@generalized_return.right("by generalized advantages, and the values added")
def _(rewards, values, ended, gamma, lam):
    on = (~ended).to(rewards.dtype)
    delta = rewards + gamma * on * values[..., 1:] - values[..., :-1]
    kept, advantages = torch.zeros_like(delta[..., 0]), []
    for t in range(rewards.shape[-1] - 1, -1, -1):
        kept = delta[..., t] + gamma * lam * on[..., t] * kept
        advantages.insert(0, kept)
    return torch.stack(advantages, -1) + values[..., :-1]


@generalized_return.right("by recursion over the first step")
def _(rewards, values, ended, gamma, lam):
    if rewards.shape[-1] == 0:
        return torch.zeros_like(rewards)
    if rewards.shape[-1] == 1:
        after = values[..., 1:]
        return rewards + gamma * after.masked_fill(ended, 0)
    rest = generalized_return.reference(
        rewards[..., 1:], values[..., 1:], ended[..., 1:], gamma, lam
    )
    after = (1 - lam) * values[..., 1] + lam * rest[..., 0]
    first = rewards[..., 0] + gamma * after * ~ended[..., 0]
    return torch.cat([first[..., None], rest], -1)
