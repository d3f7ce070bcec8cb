"""The course's decoder against GPT-2's, with the same weights."""

import torch
import transformers

from utils.decoder import Decoder


def test_the_decoder_is_gpt2_s():
    generator = torch.Generator().manual_seed(0)
    ours = Decoder(vocabulary=50, length=12, n_layers=2, n_heads=3, d_model=24, generator=generator)
    with torch.no_grad():
        for weight in ours.parameters():  # biases and LayerNorms, too, so that each is seen
            weight += 0.1 * torch.randn(weight.shape, generator=generator)
    config = transformers.GPT2Config(
        vocab_size=50, n_positions=12, n_embd=24, n_layer=2, n_head=3, tie_word_embeddings=False,
        activation_function="gelu",
    )  # fmt: skip
    theirs = transformers.GPT2LMHeadModel(config).eval()
    weights = {
        "transformer.wte.weight": ours.embedding.weight,
        "transformer.wpe.weight": ours.positions.weight,
        "lm_head.weight": ours.unembedding.weight,
        "transformer.ln_f.weight": ours.norm.weight,
        "transformer.ln_f.bias": ours.norm.bias,
    }
    for i, layer in enumerate(ours.layers):
        query, key, value = layer.attention.query, layer.attention.key, layer.attention.value
        parts = {
            "ln_1": layer.norm_1, "attn.c_proj": layer.attention.out, "ln_2": layer.norm_2,
            "mlp.c_fc": layer.mlp.up, "mlp.c_proj": layer.mlp.down,
        }  # fmt: skip
        for name, part in parts.items():  # GPT-2 keeps its linear maps transposed
            weights[f"transformer.h.{i}.{name}.weight"] = part.weight.t()
            weights[f"transformer.h.{i}.{name}.bias"] = part.bias
        qkv = torch.cat([query.weight, key.weight, value.weight]).t()
        weights[f"transformer.h.{i}.attn.c_attn.weight"] = qkv
        weights[f"transformer.h.{i}.attn.c_attn.bias"] = torch.cat(
            [query.bias, key.bias, value.bias]
        )
    theirs.load_state_dict(weights)
    tokens = torch.randint(50, (4, 12), generator=generator)
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), theirs(tokens).logits, rtol=1e-4, atol=1e-4)
