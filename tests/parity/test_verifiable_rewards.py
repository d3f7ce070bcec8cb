"""Our GRPO loss, its gradients and its KL term beside trl's, on random inputs, to 1e-6.

`make parity` runs this in an environment of its own (trl 1.16.0). trl has no loss function to
call: the trainer's own method is called unbound, on a stub in the trainer's place that returns the
log-probabilities we hand it. Its advantages are computed in the middle of a method that generates
text: for those its formula is written out here.
"""

from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch
from trl import GRPOTrainer
from trl.trainer.utils import nanstd

from lessons.verifiable_rewards.exercises import (
    group_advantages,
    grpo_loss,
    kl_gradient_weight,
)

SHAPE = (3, 4, 6)  # groups, answers, tokens
TRL = {"answer": "grpo", "token": "bnpo", "constant": "dr_grpo"}
ACCELERATOR = SimpleNamespace(
    gather=lambda x: x, reduce=lambda x, reduction: x, num_processes=1, device=torch.device("cpu")
)


def case(seed):
    """Log-probabilities of policy, old policy and reference, advantages, and a mask, float64."""
    g = torch.Generator().manual_seed(seed)
    new, old, ref = (torch.randn(3, *SHAPE, generator=g, dtype=torch.float64) / 3).unbind(0)
    advantages = torch.randn(SHAPE[:2], generator=g, dtype=torch.float64)
    lengths = torch.randint(1, SHAPE[2] + 1, SHAPE[:2], generator=g)
    return new, old, ref, advantages, torch.arange(SHAPE[2]) < lengths[..., None]


def trl_loss(new, old, advantages, mask, loss_type, low=0.2, high=0.2, beta=0.0, ref=None):
    """trl's GRPOTrainer on token log-probabilities, (groups, answers, tokens)."""
    new, old, mask = (x.flatten(0, 1) for x in (new, old, mask))
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True), accelerator=ACCELERATOR, loss_type=loss_type,
        beta=beta, epsilon_low=low, epsilon_high=high, importance_sampling_level="token",
        top_entropy_quantile=1.0, off_policy_mask_threshold=None, use_vllm=False,
        aux_loss_enabled=False, current_gradient_accumulation_steps=1,
        max_completion_length=SHAPE[2], _entropy_bonus_enabled=False,
        args=SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1),
        _metrics=defaultdict(lambda: defaultdict(list)),
        _get_per_token_logps_and_entropies=lambda *a, **k: (new, torch.zeros_like(new), None),
    )  # fmt: skip
    ids = torch.zeros(new.shape, dtype=torch.long)
    inputs = {
        "prompt_ids": ids[:, :1],
        "prompt_mask": torch.ones_like(ids[:, :1]),
        "completion_ids": ids,
        "completion_mask": mask.long(),
        "advantages": advantages.flatten(),
        "old_per_token_logps": old,
        "num_items_in_batch": mask.sum(),
    }
    if ref is not None:
        inputs["ref_per_token_logps"] = ref.flatten(0, 1)
    return GRPOTrainer._compute_loss(trainer, None, inputs)


def close(ours, theirs):
    assert torch.allclose(ours.double(), theirs.double(), rtol=1e-6, atol=1e-6), (ours, theirs)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("divide_by", TRL)
@pytest.mark.parametrize("low, high", [(0.2, 0.2), (0.2, 0.28), (0.05, 0.4)])
def test_grpo_loss_and_its_gradient(seed, divide_by, low, high):
    new, old, _, advantages, mask = case(seed)
    new.requires_grad_()
    ours = grpo_loss(new, old, advantages, mask, divide_by, low, high)
    theirs = trl_loss(new, old, advantages, mask, TRL[divide_by], low, high)
    close(ours, theirs)
    close(*(torch.autograd.grad(loss, new)[0] for loss in (ours, theirs)))


@pytest.mark.parametrize("seed", range(3))
def test_its_dapo_is_the_mean_over_the_tokens_of_the_batch(seed):
    """The convention: not over each group's, as eq. 12 of the paper has it."""
    new, old, _, advantages, mask = case(seed)
    theirs = trl_loss(new, old, advantages, mask, "dapo")
    close(grpo_loss(new, old, advantages, mask, "token"), theirs)
    by_group = [grpo_loss(*(x[i : i + 1] for x in (new, old, advantages, mask)), "token")
                for i in range(SHAPE[0])]  # fmt: skip
    assert not torch.isclose(torch.stack(by_group).mean(), theirs)


@pytest.mark.parametrize("seed", range(3))
def test_its_kl_term_is_k3_as_a_loss(seed):
    new, old, ref, advantages, mask = case(seed)
    new.requires_grad_()
    losses = [
        trl_loss(new, old, advantages, mask, "dr_grpo", beta=beta, ref=ref) for beta in (1.0, 0.0)
    ]
    with_it, without = (torch.autograd.grad(loss, new)[0] for loss in losses)
    weight = kl_gradient_weight(new, ref, "k3", "loss")
    close((with_it - without) * new.numel(), torch.where(mask, weight, 0.0))


@pytest.mark.parametrize("seed", range(3))
def test_advantages_are_trls_formula_written_out(seed):
    g = torch.Generator().manual_seed(seed)
    rewards = (torch.rand(6, 5, generator=g) < 0.5).float()
    flat, n = rewards.flatten(), rewards.shape[1]
    mean = torch.nanmean(flat.view(-1, n), dim=1).repeat_interleave(n)
    std = nanstd(flat.view(-1, n), dim=1).repeat_interleave(n)
    close(group_advantages(rewards, "mean").flatten(), flat - mean)
    close(group_advantages(rewards, "std").flatten(), (flat - mean) / (std + 1e-4))
