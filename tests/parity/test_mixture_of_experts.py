"""Gates, the load-balancing loss and a whole sparse layer beside those of transformers.

Two of its functions are called load_balancing_loss_func. Switch's divides f by the tokens at one
choice each, as ours does. Mixtral's divides by the tokens whatever k is: k times ours.
"""

from types import SimpleNamespace

import pytest
import torch
from transformers import MixtralConfig, SwitchTransformersConfig
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssTopKRouter
from transformers.models.mixtral import modeling_mixtral as mixtral
from transformers.models.olmoe.modeling_olmoe import OlmoeTopKRouter
from transformers.models.switch_transformers import modeling_switch_transformers as switch

from lessons.mixture_of_experts.exercises import (
    dispatch_and_combine,
    load_balancing_loss,
    top_k_gate,
)

SEEDS = range(4)


def drawn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n", [2, 5, 8])
def test_load_balancing_loss_is_that_of_switch(seed, n):
    probs = drawn(seed, 30, n).softmax(-1)
    chosen = probs.argmax(-1, keepdim=True)
    theirs = switch.load_balancing_loss_func(probs[None], chosen[None, :, 0])
    torch.testing.assert_close(load_balancing_loss(probs, chosen), theirs)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("n, k", [(4, 1), (8, 2), (5, 3)])
def test_load_balancing_loss_is_that_of_mixtral_over_k(seed, n, k):
    logits = drawn(seed, 30, n)
    ours = load_balancing_loss(logits.softmax(-1), logits.topk(k).indices)
    theirs = mixtral.load_balancing_loss_func((logits,), num_experts=n, top_k=k)
    torch.testing.assert_close(k * ours, theirs)


def dense_weights(values, indices, n):
    return torch.zeros(len(values), n).scatter(-1, indices, values)


ROUTERS = {  # whether the softmax comes before the cut
    "Mixtral": (mixtral.MixtralTopKRouter, False),
    "gpt-oss": (GptOssTopKRouter, False),
    "OLMoE": (OlmoeTopKRouter, True),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ROUTERS)
def test_gates_are_those_of_its_routers(seed, name):
    kind, first = ROUTERS[name]
    n, k, d = 8, 2, 6
    config = SimpleNamespace(
        num_experts_per_tok=k, num_local_experts=n, num_experts=n, hidden_size=d,
        norm_topk_prob=False,
    )  # fmt: skip
    router = kind(config)
    router.weight.data = drawn(seed, n, d)
    logits, values, indices = router(drawn(seed + 100, 20, d))
    ours = top_k_gate(logits, k, first)
    torch.testing.assert_close(ours, dense_weights(values, indices, n))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("capacity", [1, 4, 30])
def test_a_sparse_layer_is_that_of_switch_with_its_capacity(seed, capacity):
    config = SwitchTransformersConfig(
        d_model=6, d_ff=10, num_experts=4, expert_capacity=capacity, dropout_rate=0.0,
        router_jitter_noise=0.0,
    )  # fmt: skip
    torch.manual_seed(seed)
    layer = switch.SwitchTransformersSparseMLP(config).eval()
    x = drawn(seed, 30, 6)
    logits = layer.router.classifier(x)
    chosen = logits.argmax(-1, keepdim=True)
    gates = top_k_gate(logits, 1, True).gather(-1, chosen)
    experts = [layer.experts[f"expert_{i}"] for i in range(4)]
    ours = dispatch_and_combine(x, chosen, gates, experts, capacity)
    torch.testing.assert_close(ours, layer(x[None])[0])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sparse_layer_is_that_of_mixtral_which_drops_nothing(seed):
    config = MixtralConfig(
        hidden_size=6, intermediate_size=10, num_local_experts=4, num_experts_per_tok=2,
        num_attention_heads=1, num_key_value_heads=1, vocab_size=10, num_hidden_layers=1,
    )  # fmt: skip
    layer = mixtral.MixtralSparseMoeBlock(config).eval()
    for i, weight in enumerate(layer.parameters()):
        weight.data = drawn(10 * seed + i, *weight.shape)
    x = drawn(seed, 20, 6)
    _, gates, chosen = layer.gate(x)

    def expert(i):
        def run(rows):
            gate, up = (rows @ layer.experts.gate_up_proj[i].T).chunk(2, dim=-1)
            return (layer.experts.act_fn(gate) * up) @ layer.experts.down_proj[i].T

        return run

    ours = dispatch_and_combine(x, chosen, gates, [expert(i) for i in range(4)], len(x))
    torch.testing.assert_close(ours, layer(x[None])[0], rtol=1e-4, atol=1e-4)
