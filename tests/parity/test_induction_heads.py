"""Our attention-only transformer beside transformer_lens's, with the same weights, to 1e-5.

`make parity` runs this in an environment of its own (transformer-lens 3.9.0: 4.0 has no
HookedTransformer any more).
"""

import pytest
import torch
from transformer_lens import HookedTransformer, HookedTransformerConfig

from lessons.induction_heads import exercises
from utils import transformer

SHAPES = [  # vocabulary, length, n_heads, d_model, d_head
    (7, 5, 1, 8, 8),
    (16, 12, 2, 12, 4),
    (64, 40, 4, 64, 16),
    (30, 20, 3, 32, 5),
]
CASES = [(seed, n_layers, shape) for seed in range(3) for n_layers in (1, 2) for shape in SHAPES]
every_case = pytest.mark.parametrize("seed, n_layers, shape", CASES)


def pair(seed, n_layers, shape):
    """A model of ours with random weights, transformer_lens's with the same, and some tokens."""
    vocabulary, length, n_heads, d_model, d_head = shape
    generator = torch.Generator().manual_seed(seed)
    ours = transformer.AttentionOnlyTransformer(
        vocabulary, length, n_layers, n_heads, d_model, d_head, generator=generator
    )
    config = HookedTransformerConfig(
        n_layers=n_layers, d_model=d_model, n_ctx=length, d_head=d_head, n_heads=n_heads,
        d_vocab=vocabulary, attn_only=True, normalization_type=None,
        positional_embedding_type="standard", device="cpu",
    )  # fmt: skip
    theirs = HookedTransformer(config)
    state = {name: torch.zeros_like(value) for name, value in theirs.state_dict().items()}
    for name, value in theirs.state_dict().items():
        if name.endswith(("mask", "IGNORE")):  # buffers, not weights
            state[name] = value
    names = {"embed.W_E": ours.W_E, "pos_embed.W_pos": ours.W_pos, "unembed.W_U": ours.W_U}
    for layer in range(n_layers):
        for name in ("W_Q", "W_K", "W_V", "W_O"):
            names[f"blocks.{layer}.attn.{name}"] = getattr(ours, name)[layer]
    assert set(names) <= set(state)
    state |= {name: value.detach().clone() for name, value in names.items()}
    theirs.load_state_dict(state)
    tokens = torch.randint(vocabulary, (3, length), generator=generator)
    return ours, theirs, tokens


def close(a, b):
    assert a.shape == b.shape
    assert torch.allclose(a, b, rtol=1e-5, atol=1e-5), (a - b).abs().max()


@every_case
@torch.no_grad()
def test_logits_are_theirs(seed, n_layers, shape):
    ours, theirs, tokens = pair(seed, n_layers, shape)
    close(ours(tokens), theirs(tokens))
    close(ours(tokens[:, :3]), theirs(tokens[:, :3]))


@every_case
@torch.no_grad()
def test_the_exercise_gives_the_same_logits(seed, n_layers, shape):
    ours, theirs, tokens = pair(seed, n_layers, shape)
    vocabulary, length, n_heads, d_model, d_head = shape
    written = exercises.AttentionOnlyTransformer(
        vocabulary, length, n_layers, n_heads, d_model, d_head
    )
    written.load_state_dict(ours.state_dict())
    close(written(tokens), theirs(tokens))


@every_case
@torch.no_grad()
def test_what_the_hooks_see_is_theirs(seed, n_layers, shape):
    ours, theirs, tokens = pair(seed, n_layers, shape)
    _, cache = ours.run_with_cache(tokens)
    _, their_cache = theirs.run_with_cache(tokens)
    for layer in range(n_layers):
        for name, hook in (("query", "q"), ("key", "k"), ("value", "v"), ("head", "z")):
            theirs_by_head = their_cache[f"blocks.{layer}.attn.hook_{hook}"].transpose(1, 2)
            close(cache[f"{name}.{layer}"], theirs_by_head)
        close(cache[f"pattern.{layer}"], their_cache[f"blocks.{layer}.attn.hook_pattern"])
        close(cache[f"residual.{layer}"], their_cache[f"blocks.{layer}.hook_resid_pre"])


@every_case
@torch.no_grad()
def test_an_ablated_head_is_theirs_with_its_hook_at_zero(seed, n_layers, shape):
    ours, theirs, tokens = pair(seed, n_layers, shape)
    layer, head = n_layers - 1, shape[2] - 1

    def zero(z, hook):
        z[:, :, head] = 0
        return z

    hooks = [(f"blocks.{layer}.attn.hook_z", zero)]
    expected = theirs.run_with_hooks(tokens, fwd_hooks=hooks)
    close(exercises.ablate_heads(ours, [(layer, head)])(tokens), expected)


@pytest.mark.parametrize("seed", range(3))
@torch.no_grad()
def test_composition_scores_are_theirs(seed):
    ours, theirs, _ = pair(seed, 2, (16, 12, 2, 12, 4))
    W_OV, W_QK = ours.W_V @ ours.W_O, ours.W_Q @ ours.W_K.mT
    read = {"Q": W_QK[1], "K": W_QK[1].mT, "V": W_OV[1]}
    for mode, W_b in read.items():
        scores = theirs.all_composition_scores(mode)[0, :, 1, :]
        for a in range(2):
            for b in range(2):
                close(exercises.composition_score(W_OV[0, a], W_b[b]), scores[a, b])
