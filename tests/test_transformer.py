"""The attention-only transformer of utils: its shapes, its hooks, and what it may not see."""

import pytest
import torch

from utils.transformer import AttentionOnlyTransformer, attention_pattern


def model_and_tokens(seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    shape = {"n_layers": 2, "n_heads": 3, "d_model": 12} | options
    model = AttentionOnlyTransformer(7, 9, **shape, init_std=1.0, generator=generator)
    return model, torch.randint(7, (4, 9), generator=generator)


def close(a, b):
    return a.shape == b.shape and torch.allclose(a, b, atol=1e-5)


def test_attention_is_torchs_own():
    g = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, 6, 4, generator=g) for _ in range(3))
    theirs = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert close(attention_pattern(q, k) @ v, theirs)


@pytest.mark.parametrize("n_layers, n_heads, d_head", [(1, 1, None), (2, 3, 5), (3, 4, 2)])
def test_every_activation_has_its_shape(n_layers, n_heads, d_head):
    model, tokens = model_and_tokens(n_layers=n_layers, n_heads=n_heads, d_head=d_head)
    logits, cache = model.run_with_cache(tokens)
    assert logits.shape == (4, 9, 7)
    assert list(cache) == model.names()
    inside = d_head or 12 // n_heads
    for layer in range(n_layers):
        for name in ("query", "key", "value", "head"):
            assert cache[f"{name}.{layer}"].shape == (4, n_heads, 9, inside)
        assert cache[f"residual.{layer}"].shape == (4, 9, 12)
        pattern = cache[f"pattern.{layer}"]
        assert pattern.shape == (4, n_heads, 9, 9)
        assert close(pattern.sum(-1), torch.ones(4, n_heads, 9))
        assert (pattern.triu(1) == 0).all()
    assert close(cache[f"residual.{n_layers}"] @ model.W_U, logits)


def test_the_stream_is_the_embedding_and_all_that_heads_write():
    model, tokens = model_and_tokens()
    _, cache = model.run_with_cache(tokens)
    stream = model.W_E[tokens] + model.W_pos
    for layer in range(2):
        assert close(cache[f"residual.{layer}"], stream)
        for head in range(3):
            stream = stream + cache[f"head.{layer}"][:, head] @ model.W_O[layer, head]
    assert close(cache["residual.2"], stream)


def test_looking_changes_nothing():
    model, tokens = model_and_tokens()
    assert torch.equal(model.run_with_cache(tokens)[0], model(tokens))
    assert torch.equal(model.run_with_hooks(tokens, {"head.0": lambda z: None}), model(tokens))


def test_the_future_has_no_influence():
    model, tokens = model_and_tokens()
    changed = tokens.clone()
    changed[:, 5:] = (changed[:, 5:] + 1) % 7
    assert close(model(tokens)[:, :5], model(changed)[:, :5])
    assert not close(model(tokens)[:, 5:], model(changed)[:, 5:])


def test_short_sequences_are_beginnings_of_long_ones():
    model, tokens = model_and_tokens()
    assert close(model(tokens[:, :4]), model(tokens)[:, :4])


@pytest.mark.parametrize("name", ["residual", "query", "key", "value", "pattern", "head"])
def test_what_a_hook_returns_takes_the_place(name):
    model, tokens = model_and_tokens()
    other = model_and_tokens(seed=1)[1]
    _, cache = model.run_with_cache(other)
    seen = {}
    hooks = {f"{name}.1": lambda x: cache[f"{name}.1"], "residual.2": lambda x: seen.update(x=x)}
    logits = model.run_with_hooks(tokens, hooks)
    assert not close(logits, model(tokens))
    assert close(seen["x"] @ model.W_U, logits)
    if name == "residual":  # everything above it is then the other run
        assert close(logits, model(other))


def test_the_last_residual_stream_can_be_replaced():
    model, tokens = model_and_tokens()
    logits = model.run_with_hooks(tokens, {"residual.2": torch.zeros_like})
    assert (logits == 0).all()


def test_gradients_flow_through_hooks_to_every_weight():
    model, tokens = model_and_tokens()
    model.run_with_hooks(tokens, {"pattern.0": lambda p: p * 1.0}).square().sum().backward()
    assert all(w.grad is not None and w.grad.abs().sum() > 0 for w in model.parameters())


def test_an_unknown_name_is_said():
    model, tokens = model_and_tokens()
    with pytest.raises(ValueError, match=r"no activation \['pattern.2'\]; there are .*pattern.1"):
        model.run_with_hooks(tokens, {"pattern.2": lambda x: x})


def test_the_generator_decides():
    a, b, c = (model_and_tokens(seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not any(torch.equal(a[name], c[name]) for name in a)
