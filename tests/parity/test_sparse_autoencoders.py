"""Our sparse-autoencoder pieces beside those of the dictionary-learning package, to 1e-5.

Only its modules for training are used. It imports nnsight for buffers of language-model
activations, which nothing here touches: an empty module stands in.
Decoders there are nn.Linear: a direction is a column, where ours is a row.
"""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

nnsight = ModuleType("nnsight")
nnsight.LanguageModel = object
sys.modules.setdefault("nnsight", nnsight)

from dictionary_learning.dictionary import AutoEncoder, GatedAutoEncoder  # noqa: E402
from dictionary_learning.evaluation import evaluate  # noqa: E402
from dictionary_learning.trainers.gdm import GatedSAETrainer  # noqa: E402
from dictionary_learning.trainers.jumprelu import JumpReLUFunction, StepFunction  # noqa: E402
from dictionary_learning.trainers.standard import (  # noqa: E402
    StandardTrainer,
    StandardTrainerAprilUpdate,
)
from dictionary_learning.trainers.top_k import AutoEncoderTopK  # noqa: E402
from dictionary_learning.trainers.trainer import ConstrainedAdam  # noqa: E402

from lessons.sparse_autoencoders.exercises import (  # noqa: E402
    SparseAutoencoder,
    fraction_of_variance_explained,
    jumprelu,
    normalize_decoder_,
    remove_parallel_gradient_,
    resample_dead_latents_,
    sae_loss,
    topk_activation,
)
from lessons.sparse_autoencoders.experiments import JumpReLU, make_sae, objective  # noqa: E402

every_seed = pytest.mark.parametrize("seed", range(3))
N, D, F = 11, 5, 8  # samples, inputs, latents


def close(ours, theirs):
    assert torch.allclose(ours, theirs, rtol=1e-5, atol=1e-5), (ours, theirs)


def data(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def filled(sae, seed):
    """Random numbers for every parameter of one of our autoencoders."""
    with torch.no_grad():
        for i, p in enumerate(sae.parameters()):
            p.copy_(data(100 * seed + i, *p.shape))
    return sae


def pair(seed, theirs):
    """One of our autoencoders with random weights, and one of theirs with the same."""
    ours = filled(SparseAutoencoder(D, F), seed)
    with torch.no_grad():
        theirs.encoder.weight.copy_(ours.W_enc.T)
        theirs.encoder.bias.copy_(ours.b_enc)
        theirs.decoder.weight.copy_(ours.W_dec.T)
        bias = theirs.b_dec if hasattr(theirs, "b_dec") else theirs.bias
        bias.copy_(ours.b_dec)
    return ours, theirs


@every_seed
def test_the_autoencoder(seed):
    ours, theirs = pair(seed, AutoEncoder(D, F))
    x = data(seed, N, D)
    for a, b in zip(ours(x), theirs(x, output_features=True), strict=True):
        close(a, b)


@every_seed
@pytest.mark.parametrize("l1_coefficient", [0.0, 0.1, 3.0])
def test_the_loss_with_decoder_norms_and_its_gradients(seed, l1_coefficient):
    ours, theirs = pair(seed, AutoEncoder(D, F))
    x = data(seed, N, D)
    x_hat, latents = ours(x)
    loss = sae_loss(x, x_hat, latents, l1_coefficient, ours.W_dec)
    stub = SimpleNamespace(
        ae=theirs, l1_penalty=l1_coefficient, sparsity_warmup_fn=lambda step: 1.0
    )
    other = StandardTrainerAprilUpdate.loss(stub, x, step=0)
    close(loss, other)
    loss.backward()
    other.backward()
    close(ours.W_dec.grad, theirs.decoder.weight.grad.T)
    close(ours.W_enc.grad, theirs.encoder.weight.grad.T)
    close(ours.b_enc.grad, theirs.encoder.bias.grad)
    close(ours.b_dec.grad, theirs.bias.grad)


@every_seed
def test_with_unit_rows_it_is_the_loss_without_norms(seed):
    ours, theirs = pair(seed, AutoEncoder(D, F))
    normalize_decoder_(ours.W_dec)
    with torch.no_grad():
        theirs.decoder.weight.copy_(ours.W_dec.T)
    x = data(seed, N, D)
    stub = SimpleNamespace(
        ae=theirs, l1_penalty=0.3, sparsity_warmup_fn=lambda step: 1.0, steps_since_active=None
    )
    loss = sae_loss(x, *ours(x), 0.3, ours.W_dec)
    close(loss, StandardTrainer.loss(stub, x, step=0))


@every_seed
def test_three_steps_with_the_parallel_gradient_removed_and_rows_restored(seed):
    ours, theirs = pair(seed, AutoEncoder(D, F))
    adam = torch.optim.Adam(ours.parameters(), lr=0.01)
    constrained = ConstrainedAdam(theirs.parameters(), theirs.decoder.parameters(), lr=0.01)
    for step in range(3):
        x = data(10 * seed + step, N, D)
        for optimizer, loss in (
            (adam, ((x - ours(x)[0]) ** 2).sum(-1).mean()),
            (constrained, ((x - theirs(x)) ** 2).sum(-1).mean()),
        ):
            optimizer.zero_grad()
            loss.backward()
        remove_parallel_gradient_(ours.W_dec.grad, ours.W_dec)
        adam.step()
        constrained.step()
        normalize_decoder_(ours.W_dec)
        close(ours.W_dec, theirs.decoder.weight.T)
        close(ours.W_enc, theirs.encoder.weight.T)


@every_seed
@pytest.mark.parametrize("k", [1, 3, F])
def test_topk(seed, k):
    ours, theirs = pair(seed, AutoEncoderTopK(D, F, k))
    ours.activation = lambda pre: topk_activation(pre, k)
    x = data(seed, N, D)
    for a, b in zip(ours(x), theirs(x, output_features=True), strict=True):
        close(a, b)


@every_seed
@pytest.mark.parametrize("bandwidth", [0.001, 0.1, 1.0])
def test_jumprelu_and_both_of_its_gradients(seed, bandwidth):
    found = []
    for fn in (jumprelu, JumpReLUFunction.apply):
        pre = data(seed, 40, F).requires_grad_()
        threshold = data(seed + 1, F).abs().requires_grad_()
        out = fn(pre, threshold, bandwidth)
        (out * data(seed + 2, 40, F)).sum().backward()
        found.append((out.detach(), pre.grad, threshold.grad))
    for a, b in zip(*found, strict=True):
        close(a, b)


@every_seed
def test_the_gradient_of_l0_to_the_threshold(seed):
    activation = JumpReLU(F, bandwidth=0.5)
    with torch.no_grad():
        activation.log_threshold.copy_(data(seed, F))
    pre = data(seed + 1, 40, F)
    ours = activation.l0(pre)
    ours.backward()
    threshold = data(seed, F).exp().requires_grad_()
    theirs = StepFunction.apply(pre, threshold, 0.5).sum(-1).mean()
    theirs.backward()
    close(ours, theirs)
    close(activation.log_threshold.grad, threshold.grad * threshold.detach())  # the chain rule


@every_seed
def test_gated_and_its_loss(seed):
    ours, theirs = filled(make_sae("gated", D, F, 0.3, None), seed), GatedAutoEncoder(D, F)
    scale = ours.activation.log_scale.exp()
    with torch.no_grad():
        theirs.encoder.weight.copy_(ours.W_enc.T)
        normalize_decoder_(ours.W_dec)  # there L1 has no norms: they are kept at 1
        theirs.decoder.weight.copy_(ours.W_dec.T)
        theirs.decoder_bias.copy_(ours.b_dec)
        theirs.gate_bias.copy_(ours.b_enc)
        theirs.r_mag.copy_(ours.activation.log_scale)
        theirs.mag_bias.copy_(ours.activation.shift + scale * ours.b_enc)  # ours is made from pre
    x = data(seed, N, D)
    for a, b in zip(ours(x), theirs(x, output_features=True), strict=True):
        close(a, b)
    stub = SimpleNamespace(ae=theirs, l1_penalty=0.3, sparsity_warmup_fn=lambda step: 1.0)
    close(objective("gated", ours, x, 0.3), GatedSAETrainer.loss(stub, x, step=0))


@every_seed
def test_variance_explained(seed):
    ours, theirs = pair(seed, AutoEncoder(D, F))
    with torch.no_grad():
        theirs.bias.zero_()
        ours.b_dec.zero_()
    x = data(seed, 4000, D)
    # There the variance of the residual about its own mean is taken: alike where that mean is zero.
    x_hat = ours(x)[0].detach()
    residual = (x - x_hat).mean(0)
    theirs.decoder.register_forward_hook(lambda module, args, out: out + residual)
    report = evaluate(theirs, iter([x]), device="cpu")
    close(
        fraction_of_variance_explained(x, x_hat + residual),
        torch.tensor(report["frac_variance_explained"]),
    )


@every_seed
def test_resampling(seed):
    """One sample, so that nothing is left to chance. There the encoder takes it at its own length,
    here at length one, as Bricken et al. say. There it is drawn by its error, not its square.
    """
    ours, theirs = pair(seed, AutoEncoder(D, F))
    adam = torch.optim.Adam(ours.parameters(), lr=0.01)
    other = ConstrainedAdam(theirs.parameters(), theirs.decoder.parameters(), lr=0.01)
    dead = torch.arange(F) == 2
    sample = data(seed, 1, D)
    sample /= sample.norm()
    stub = SimpleNamespace(ae=theirs, optimizer=other)
    for x_hat, optimizer in ((theirs(sample), other), (ours(sample)[0], adam)):
        ((sample - x_hat) ** 2).sum().backward()
        optimizer.step()  # both resets need moments to reset
    with torch.no_grad():
        for mine, its in (
            (ours.W_enc, theirs.encoder.weight.T), (ours.b_enc, theirs.encoder.bias),
            (ours.W_dec, theirs.decoder.weight.T), (ours.b_dec, theirs.bias),
        ):  # fmt: skip
            mine.copy_(its)
    StandardTrainer.resample_neurons(stub, dead.clone(), sample)
    resample_dead_latents_(ours, sample, dead, adam, torch.Generator().manual_seed(seed))
    close(ours.W_dec, theirs.decoder.weight.T)
    close(ours.W_enc, theirs.encoder.weight.T)
    close(ours.b_enc, theirs.encoder.bias)
