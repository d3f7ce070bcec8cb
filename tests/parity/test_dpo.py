"""Our preference losses beside trl's, on random inputs, to 1e-6.

`make parity` runs this in an environment of its own (trl 1.16.0, transformers 5.23.0).
trl has no loss functions to call any more: the trainers' own methods are called unbound, on a stub
in the trainer's place and a stub model that returns the log-probabilities we hand it.
"""

from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch
from trl import DPOTrainer, KTOTrainer
from trl.experimental.cpo import CPOTrainer

from lessons.dpo.exercises import (
    dpo_gradient_weight,
    dpo_loss,
    implicit_reward,
    ipo_loss,
    kto_loss,
)
from lessons.dpo.experiments import robust_dpo_loss

CASES = [(seed, beta) for seed in range(3) for beta in (0.05, 0.1, 0.5, 2.0)]
every_case = pytest.mark.parametrize("seed, beta", CASES)
ACCELERATOR = SimpleNamespace(
    device=torch.device("cpu"), gather=lambda x: x, gather_for_metrics=lambda x: x
)


def random_pairs(seed, n=7, length=1):
    """Token log-probabilities of policy and reference, (n, length) each, in float64."""
    g = torch.Generator().manual_seed(seed)
    draws = torch.randn(4, n, length, generator=g, dtype=torch.float64) * 2 - 3
    return draws.unbind(0)


def close(ours, theirs):
    assert torch.allclose(ours.double(), theirs.double(), rtol=1e-6, atol=1e-6), (ours, theirs)


class Model:
    """Returns given token log-probabilities, whatever it is asked."""

    training = True

    def __init__(self, log_probs):
        zeros = torch.zeros_like(log_probs.detach())
        self.out = SimpleNamespace(
            log_probs=log_probs, entropy=zeros, mean_logits=zeros, is_top1=zeros.bool()
        )

    def __call__(self, **kwargs):
        return self.out


def trl_dpo(tokens, loss_type, beta, label_smoothing=0.0):
    """trl's DPOTrainer on token log-probabilities (policy's two, then reference's)."""
    policy = torch.cat(tokens[:2])
    shape = (policy.shape[0], policy.shape[1] + 1)  # one prompt token in front
    mask = torch.ones(shape, dtype=torch.long)
    mask[:, 0] = 0
    model = Model(policy)
    trainer = SimpleNamespace(
        model=model, accelerator=ACCELERATOR, precompute_ref_logps=True, beta=beta,
        f_divergence_type="reverse_kl", loss_types=[loss_type], loss_weights=[1.0],
        label_smoothing=label_smoothing, ld_alpha=None, use_weighting=False,
        aux_loss_enabled=False, _metrics=defaultdict(lambda: defaultdict(list)),
        _total_train_tokens=0, _tp_size=1,
    )  # fmt: skip
    inputs = {
        "input_ids": torch.zeros(shape, dtype=torch.long),
        "attention_mask": torch.ones(shape, dtype=torch.long),
        "completion_mask": mask,
        "ref_chosen_logps": tokens[2].sum(1),
        "ref_rejected_logps": tokens[3].sum(1),
    }
    loss = DPOTrainer._compute_loss(trainer, model, inputs, False)
    return loss, {k: v[-1] for k, v in trainer._metrics["train"].items() if isinstance(v, list)}


def answers(tokens):
    """Whole answers' log-probabilities."""
    return [x.sum(1) for x in tokens]


@every_case
@pytest.mark.parametrize("length", [1, 5])
def test_dpo(seed, beta, length):
    tokens = random_pairs(seed, length=length)
    close(dpo_loss(*answers(tokens), beta), trl_dpo(tokens, "sigmoid", beta)[0])


@every_case
def test_dpo_gradients_and_their_weights(seed, beta):
    tokens = [x.requires_grad_() for x in random_pairs(seed, length=3)]
    theirs = torch.autograd.grad(trl_dpo(tokens, "sigmoid", beta)[0], tokens[:2])
    ours = torch.autograd.grad(dpo_loss(*answers(tokens), beta), tokens[:2])
    for a, b in zip(ours, theirs, strict=True):
        close(a, b)
    weight = dpo_gradient_weight(*answers(tokens), beta)
    close(-beta * weight / len(weight), theirs[0][:, 0])


@every_case
def test_implicit_rewards(seed, beta):
    tokens = random_pairs(seed, length=3)
    chosen, rejected, ref_chosen, ref_rejected = answers(tokens)
    metrics = trl_dpo(tokens, "sigmoid", beta)[1]
    for name, ours in (
        ("chosen", implicit_reward(chosen, ref_chosen, beta)),
        ("rejected", implicit_reward(rejected, ref_rejected, beta)),
    ):
        close(ours.mean(), torch.tensor(metrics[f"rewards/{name}"]))


@every_case
def test_trl_dpo_trainer_ignores_label_smoothing(seed, beta):
    """The convention: trl's "sigmoid" is plain DPO; conservative DPO is in CPOTrainer."""
    tokens = random_pairs(seed)
    with_it = trl_dpo(tokens, "sigmoid", beta, label_smoothing=0.3)[0]
    close(dpo_loss(*answers(tokens), beta), with_it)


@every_case
@pytest.mark.parametrize("eps", [0.0, 0.1, 0.4])
def test_conservative_dpo(seed, beta, eps):
    """CPOTrainer.cpo_loss has no reference: it is handed log-ratios where it asks for log-probs."""
    chosen, rejected, ref_chosen, ref_rejected = answers(random_pairs(seed))
    trainer = SimpleNamespace(
        alpha=0.0, beta=beta, label_smoothing=eps, loss_type="sigmoid", accelerator=ACCELERATOR
    )
    theirs = CPOTrainer.cpo_loss(trainer, chosen - ref_chosen, rejected - ref_rejected)[0]
    ours = dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta, label_smoothing=eps)
    close(ours, theirs.mean())


@every_case
@pytest.mark.parametrize("eps", [0.0, 0.1, 0.4])
def test_robust_dpo(seed, beta, eps):
    tokens = random_pairs(seed)
    ours = robust_dpo_loss(*answers(tokens), beta, eps)
    close(ours, trl_dpo(tokens, "robust", beta, label_smoothing=eps)[0])


@every_case
def test_ipo_on_answers_of_one_token(seed, beta):
    tokens = random_pairs(seed)
    close(ipo_loss(*answers(tokens), beta), trl_dpo(tokens, "ipo", beta)[0])


@every_case
def test_ipo_on_longer_answers_is_divided_by_their_length(seed, beta):
    """The convention: trl's "ipo" takes log-ratios per token, ours (eq. 17) their sum."""
    tokens = random_pairs(seed, length=5)
    per_token = [x / 5 for x in answers(tokens)]
    theirs = trl_dpo(tokens, "ipo", beta)[0]
    close(ipo_loss(*per_token, beta), theirs)
    # With answers of one length L it is ours at beta / L, over L squared.
    close(ipo_loss(*answers(tokens), beta / 5) / 25, theirs)
    assert not torch.allclose(ipo_loss(*answers(tokens), beta), theirs)


def trl_kto(logps, ref_logps, labels, kl_logps, ref_kl_logps, beta, good, bad):
    """trl's KTOTrainer on answers of one token."""
    model = Model(logps[:, None])
    trainer = SimpleNamespace(
        model=model, accelerator=ACCELERATOR, precompute_ref_logps=True, beta=beta,
        calculate_KL=True, loss_type="kto", desirable_weight=good, undesirable_weight=bad,
        aux_loss_enabled=False, _metrics=defaultdict(lambda: defaultdict(list)),
        _total_train_tokens=0, _tp_size=1, _compute_kl_logps=lambda model, batch: kl_logps,
    )  # fmt: skip
    ones = torch.ones(len(logps), 2, dtype=torch.long)
    inputs = {
        "input_ids": torch.zeros_like(ones),
        "attention_mask": ones,
        "completion_mask": ones,
        "label": labels,
        "ref_logps": ref_logps,
        "ref_KL_logps": ref_kl_logps,
    }
    return KTOTrainer._compute_loss(trainer, model, inputs, False)


@every_case
@pytest.mark.parametrize("lambdas", [(1.0, 1.0), (1.3, 0.7)])
@pytest.mark.parametrize("shift", [-4.0, 0.0, 1.5])
def test_kto(seed, beta, lambdas, shift):
    """shift moves the estimate of the KL: below 0, where both clamp it, to well above."""
    logps, kl, ref, ref_kl = (x[:, 0] for x in random_pairs(seed))
    kl = kl + shift
    labels = torch.arange(len(logps)) % 3 == 0
    logps.requires_grad_()
    theirs = trl_kto(logps, ref, labels, kl, ref_kl, beta, *lambdas)
    ours = kto_loss(logps, ref, labels, kl, ref_kl, beta, *lambdas)
    close(ours, theirs)
    close(torch.autograd.grad(ours, logps)[0], torch.autograd.grad(theirs, logps)[0])


@pytest.mark.parametrize("label", [True, False])
def test_kto_when_all_labels_are_alike(label):
    logps, kl, ref, ref_kl = (x[:, 0] for x in random_pairs(0))
    labels = torch.full((len(logps),), label)
    theirs = trl_kto(logps, ref, labels, kl, ref_kl, 0.3, 1.0, 1.0)
    close(kto_loss(logps, ref, labels, kl, ref_kl, 0.3), theirs)


# Dr. DPO is not in trl 1.16: its checks (closed forms, both limits) have to do.
