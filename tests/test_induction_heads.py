"""What the induction-heads lesson measures, against definitions written out another way."""

import math

import pytest
import torch

from lessons.induction_heads import experiments
from lessons.induction_heads.exercises import composition_score, induction_head_by_hand
from utils import transformer


def random_model(seed, n_layers=2):
    generator = torch.Generator().manual_seed(seed)
    return transformer.AttentionOnlyTransformer(
        experiments.VOCABULARY, experiments.LENGTH, n_layers, init_std=1.0, generator=generator
    )


def score_of(model, tokens, hooks):
    losses = experiments.next_token_losses(model.run_with_hooks(tokens, hooks), tokens)
    return experiments.in_context_learning_score(losses).item()


@pytest.mark.parametrize("seed", range(3))
@torch.no_grad()
def test_a_frozen_ablation_subtracts_every_term_that_holds_the_head(seed):
    """With attention fixed the model is linear, so paths through a head can be left out one by one
    (Olsson et al. 2022, on pattern-preserving ablations)."""
    model, tokens = random_model(seed), experiments.test_sequences(seed, 8)
    pattern = [model.run_with_cache(tokens)[1][f"pattern.{layer}"] for layer in range(2)]
    W_OV = model.W_V @ model.W_O
    start = model.W_E[tokens] + model.W_pos

    def through(x, layer, h):
        return pattern[layer][:, h] @ x @ W_OV[layer, h]

    for out in ((0, 1), (1, 2)):
        kept = [[h for h in range(4) if (layer, h) != out] for layer in range(2)]
        first = start + sum(through(start, 0, h) for h in kept[0])
        logits = (first + sum(through(first, 1, h) for h in kept[1])) @ model.W_U
        losses = experiments.next_token_losses(logits, tokens)
        expected = experiments.in_context_learning_score(losses).item()
        got = experiments.frozen_score(model, [out], tokens)
        assert got == pytest.approx(expected, abs=1e-3)


@torch.no_grad()
def test_in_the_last_layer_both_ablations_agree_and_none_of_no_heads():
    model, tokens = random_model(3), experiments.test_sequences(3, 8)
    assert experiments.frozen_score(model, [], tokens) == pytest.approx(
        score_of(model, tokens, {}), abs=1e-4
    )
    full, frozen = (
        experiments.costs(model, tokens, score)
        for score in (experiments.ablated_score, experiments.frozen_score)
    )
    for h in range(4):
        assert full[1, h] == pytest.approx(frozen[1, h], abs=1e-4)
    assert any(abs(full[0, h] - frozen[0, h]) > 1e-3 for h in range(4))


@torch.no_grad()
def test_smeared_keys_are_the_mix_that_the_paper_writes_down():
    model = experiments.SmearedKeys(2, torch.Generator().manual_seed(0), heads=3)
    model.alpha.copy_(torch.randn(model.alpha.shape, generator=torch.Generator().manual_seed(1)))
    tokens = experiments.test_sequences(0, 2)
    _, cache = model.run_with_cache(tokens)
    for layer in range(2):
        plain = torch.einsum("bpm,hmd->bhpd", cache[f"residual.{layer}"], model.W_K[layer])
        for h in range(4):
            own = torch.sigmoid(model.alpha[layer, h, 0, 0]).item() if h < 3 else 1.0
            for j in (0, 1, 17, 39):
                mixed = own * plain[:, h, j] + (1 - own) * plain[:, h, j - 1]
                expected = mixed if j else plain[:, h, 0]
                assert torch.allclose(cache[f"key.{layer}"][:, h, j], expected, atol=1e-5)


@torch.no_grad()
def test_keys_that_are_all_their_own_make_the_plain_model():
    smeared = experiments.SmearedKeys(1, torch.Generator().manual_seed(4))
    plain = random_model(0, n_layers=1)
    state = {name: w for name, w in smeared.state_dict().items() if name != "alpha"}
    plain.load_state_dict(state)
    tokens = experiments.test_sequences(0, 2)
    smeared.alpha.fill_(100.0)
    assert torch.allclose(smeared(tokens), plain(tokens), atol=1e-5)
    zeroed = smeared.run_with_hooks(tokens, {"key.0": lambda key: 0 * key})
    expected = plain.run_with_hooks(tokens, {"key.0": lambda key: 0 * key})
    assert torch.allclose(zeroed, expected, atol=1e-5)


def test_unrelated_matrices_compose_by_chance():
    generator = torch.Generator().manual_seed(0)
    W_a, W_b = torch.randn(2, 50, 64, 64, generator=generator)
    assert composition_score(W_a, W_b).mean() == pytest.approx(1 / math.sqrt(64), rel=0.02)


def test_a_head_made_by_hand_matches_and_copies_by_its_weights():
    model = induction_head_by_hand(12, 16)
    assert experiments.matching_by_weights(model, 0).item() == pytest.approx(1.0, abs=1e-3)
    copied = experiments.copying(model)[1]
    assert copied.item() == pytest.approx(1.0, abs=1e-3)


def test_the_steepest_quarter_and_what_forms_in_it():
    seen = [
        {"step": i, "matching": torch.tensor([[m]]), "score": s, "accuracy": a}
        for i, (m, s, a) in enumerate(
            [(0, 0, 0.0), (0.1, -1, 0.1), (0.8, -3, 0.6), (0.9, -3.5, 0.9), (0.9, -4, 1.0)]
        )
    ]
    assert experiments.steepest_quarter(seen) == (1, 2)
    assert experiments.formed_in(seen, 1, 2) == pytest.approx(0.5)
    assert experiments.half_right(seen) == 2
    assert experiments.half_right(seen[:2]) == math.inf
