"""Parity of the RLHF lesson's pieces with production code: torch's own primitives, trl, torchrl.

trl's RewardTrainer minimizes -logsigmoid(chosen - rejected).mean(): that line is repeated here.
"""

import pytest
import torch
from torch.nn import functional as F
from torchrl.objectives.value.functional import generalized_advantage_estimate
from trl.trainer.utils import selective_log_softmax

from lessons.rlhf.exercises import (
    bradley_terry_loss,
    generalized_advantages,
    kl_estimates,
    kl_penalized_reward,
    ppo_clipped_loss,
    sequence_logprobs,
)

SEEDS = range(5)


def draw(seed, *shapes, scale=1.0):
    g = torch.Generator().manual_seed(seed)
    return [scale * torch.randn(shape, generator=g, dtype=torch.float64) for shape in shapes]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_bradley_terry_loss_is_trls_reward_loss(seed, scale):
    chosen, rejected = (x.requires_grad_() for x in draw(seed, (64,), (64,), scale=scale))
    ours = bradley_terry_loss(chosen, rejected)
    theirs = -F.logsigmoid(chosen - rejected).mean()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    for a, b in zip(
        torch.autograd.grad(ours, (chosen, rejected)),
        torch.autograd.grad(theirs, (chosen, rejected)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_bradley_terry_loss_is_torchs_binary_cross_entropy_and_its_soft_margin(seed):
    chosen, rejected = draw(seed, (64,), (64,))
    ours, margin = bradley_terry_loss(chosen, rejected), chosen - rejected
    one = torch.ones_like(margin)
    torch.testing.assert_close(ours, F.binary_cross_entropy_with_logits(margin, one))
    torch.testing.assert_close(ours, F.soft_margin_loss(margin, one))


@pytest.mark.parametrize("seed", SEEDS)
def test_sequence_logprobs_is_torchs_cross_entropy(seed):
    (logits,) = draw(seed, (6, 9, 11), scale=3.0)
    g = torch.Generator().manual_seed(seed)
    tokens = torch.randint(11, (6, 9), generator=g)
    mask = torch.rand(6, 9, generator=g) < 0.7
    labels = torch.where(mask, tokens, -100)  # the ignored index of torch and of transformers
    theirs = -F.cross_entropy(logits.transpose(1, 2), labels, reduction="none").sum(-1)
    torch.testing.assert_close(sequence_logprobs(logits, tokens, mask), theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_sequence_logprobs_is_trls_selective_log_softmax(seed):
    (logits,) = draw(seed, (6, 9, 11), scale=3.0)
    g = torch.Generator().manual_seed(seed)
    tokens = torch.randint(11, (6, 9), generator=g)
    mask = torch.rand(6, 9, generator=g) < 0.7
    theirs = (selective_log_softmax(logits, tokens) * mask).sum(-1)
    torch.testing.assert_close(sequence_logprobs(logits, tokens, mask), theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_mean_k1_is_the_kl_of_torch_distributions(seed):
    p, q = (torch.distributions.Categorical(logits=x) for x in draw(seed, (20,), (20,)))
    exact = torch.distributions.kl_divergence(p, q)
    k1, _, k3 = kl_estimates(p.logits, q.logits)
    torch.testing.assert_close((p.probs * k1).sum(), exact, rtol=0, atol=1e-9)
    torch.testing.assert_close((p.probs * k3).sum(), exact, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("gamma, lam", [(1.0, 0.95), (0.99, 0.9), (0.9, 0.0), (0.95, 1.0)])
def test_generalized_advantages_is_the_double_sum(seed, gamma, lam):
    rewards, values = draw(seed, (4, 12), (4, 12))
    delta = rewards - values
    delta[:, :-1] += gamma * values[:, 1:]
    steps = torch.arange(12)
    gap = steps[None] - steps[:, None]  # (t, s)
    weights = torch.where(gap >= 0, (gamma * lam) ** gap.clamp(min=0).double(), 0.0)
    ours = generalized_advantages(rewards, values, gamma, lam)
    torch.testing.assert_close(ours, delta @ weights.T, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("gamma, lam", [(1.0, 0.95), (0.99, 0.9), (0.95, 1.0)])
def test_generalized_advantages_is_torchrls(seed, gamma, lam):
    rewards, values = draw(seed, (4, 12), (4, 12))
    after = torch.cat([values[:, 1:], torch.full((4, 1), 7.0, dtype=values.dtype)], 1)
    done = torch.zeros(4, 12, 1, dtype=torch.bool)
    done[:, -1] = True  # so that the 7 beyond the end must not count
    theirs, _ = generalized_advantage_estimate(
        gamma, lam, values[..., None], after[..., None], rewards[..., None], done, done
    )
    ours = generalized_advantages(rewards, values, gamma, lam)
    torch.testing.assert_close(ours, theirs[..., 0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_ppo_clipped_loss_is_the_maximum_form_of_stable_baselines_and_trl(seed):
    """Production code minimizes max(−A ρ, −A clip(ρ)): the same by another way."""
    old, change, advantages = draw(seed, (8, 12), (8, 12), (8, 12))
    new = (old + 0.4 * change).requires_grad_()
    ratio = torch.exp(new - old)
    theirs = torch.max(-advantages * ratio, -advantages * ratio.clamp(0.8, 1.2)).mean()
    ours = ppo_clipped_loss(new, old, advantages, 0.2)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)
    a, b = torch.autograd.grad(ours, new)[0], torch.autograd.grad(theirs, new)[0]
    torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_penalized_rewards_sum_to_the_objective(seed):
    reward, logprobs, ref = draw(seed, (8,), (8, 12), (8, 12))
    total = kl_penalized_reward(reward, logprobs, ref, 0.3).sum(-1)
    k1, _, _ = kl_estimates(logprobs.sum(-1), ref.sum(-1))
    torch.testing.assert_close(total, reward - 0.3 * k1, rtol=0, atol=1e-6)
