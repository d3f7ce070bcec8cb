"""LoRA beside peft, NF4 and its packed weights beside bitsandbytes, both on the CPU.

`make parity` runs this in an environment of its own (peft 0.21.2, bitsandbytes 0.50.2).
"""

import pytest
import torch
from bitsandbytes import functional as bnb
from peft import LoraConfig, get_peft_model
from torch import nn

from lessons.fine_tuning.exercises import LoRALinear, nf4_levels, quantize
from lessons.fine_tuning.experiments import dequantize


def adapted(rank, alpha, bias, seed):
    """The same linear layer under peft's LoRA and under ours, with the same A and B."""
    g = torch.Generator().manual_seed(seed)
    linear = nn.Linear(12, 7, bias=bias)
    for p in linear.parameters():
        p.data = torch.randn(p.shape, generator=g)
    ours = LoRALinear(linear, rank, alpha)
    model = nn.Sequential(nn.Linear(12, 7, bias=bias))
    model[0].load_state_dict(linear.state_dict())
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=["0"], lora_dropout=0.0)
    theirs = get_peft_model(model, config)
    layer = theirs.base_model.model[0]
    A, B = torch.randn(rank, 12, generator=g), torch.randn(7, rank, generator=g)
    ours.A.data, ours.B.data = A.clone(), B.clone()
    layer.lora_A["default"].weight.data = A.clone()
    layer.lora_B["default"].weight.data = B.clone()
    return ours, theirs, layer, torch.randn(5, 12, generator=g)


every_case = pytest.mark.parametrize(
    "rank, alpha, bias", [(1, 1, True), (4, 16, True), (8, 4, False)]
)


@every_case
def test_lora_and_its_gradients(rank, alpha, bias):
    ours, theirs, layer, x = adapted(rank, alpha, bias, seed=rank)
    assert torch.allclose(ours(x), theirs(x), atol=1e-5)
    ours(x).square().sum().backward()
    theirs(x).square().sum().backward()
    for mine, name in ((ours.A, "lora_A"), (ours.B, "lora_B")):
        grad = getattr(layer, name)["default"].weight.grad
        assert torch.allclose(mine.grad, grad, rtol=1e-4, atol=1e-4)
    trained = sum(p.numel() for p in theirs.parameters() if p.requires_grad)
    assert trained == sum(p.numel() for p in ours.parameters() if p.requires_grad)


@every_case
def test_merging(rank, alpha, bias):
    ours, theirs, _, x = adapted(rank, alpha, bias, seed=10 + rank)
    merged = theirs.merge_and_unload()[0]
    assert torch.allclose(ours.merge().weight, merged.weight, atol=1e-5)
    assert torch.allclose(ours.merge()(x), merged(x), atol=1e-5)


def test_a_fresh_adapter_of_either_changes_nothing():
    model = nn.Sequential(nn.Linear(6, 3))
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    before = model(x).detach()
    assert torch.equal(LoRALinear(model[0], 2, 4)(x), before)
    config = LoraConfig(r=2, lora_alpha=4, target_modules=["0"])
    assert torch.equal(get_peft_model(model, config)(x), before)


def test_the_levels_of_nf4():
    theirs = bnb.get_4bit_type("nf4", device="cpu").double()
    assert torch.allclose(nf4_levels(), theirs, atol=1e-4)  # theirs are stored as rounded constants
    theirs = bnb.create_normal_map().double().unique()  # its formula, by scipy; padded with zeros
    assert torch.allclose(nf4_levels(), theirs, atol=1e-6)


@pytest.mark.parametrize("block", [64, 128])
@pytest.mark.parametrize("seed", [0, 1])
def test_quantized_weights(block, seed):
    g = torch.Generator().manual_seed(seed)
    weights = torch.randn(16, 256, generator=g)
    packed, state = bnb.quantize_4bit(weights, blocksize=block, quant_type="nf4")
    theirs = bnb.dequantize_4bit(packed, state)
    levels = bnb.get_4bit_type("nf4", device="cpu")  # the same table for both
    codes, scales = quantize(weights, levels, block)
    assert torch.allclose(scales, state.absmax.float())
    ours = dequantize(codes, scales, levels, like=weights)
    same = torch.isclose(ours, theirs, atol=1e-6)
    assert same.float().mean() > 0.999  # a weight half-way between two levels may go either way
    with_ours = dequantize(*quantize(weights, nf4_levels().float(), block), nf4_levels(), weights)
    assert (with_ours - theirs).abs().mean() < 1e-3
