"""The sparse-autoencoder lesson: training side by side is training one after another."""

import pytest
import torch

import utils
from lessons.sparse_autoencoders.autoencoders import make_sae, train_sae, train_side_by_side
from lessons.sparse_autoencoders.experiments import LEVELS

# All in one narrow cone, so that about half of random directions never fire.
X = 1 + 0.1 * torch.randn(300, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", LEVELS)
@pytest.mark.parametrize("resamplings", [0, 4])
def test_side_by_side_is_one_after_another(kind, resamplings):
    at_first = make_sae(kind, 4, 32, 1, utils.generator(3))(X)[1]
    assert (at_first == 0).all(0).sum() > 4, "nothing is dead, so nothing would be resampled"
    options = {"seed": 3, "steps": 20, "batch": 16, "resamplings": resamplings}
    together = train_side_by_side(kind, X, 32, LEVELS[kind], **options)
    for level, one in zip(LEVELS[kind], together, strict=True):
        alone = train_sae(kind, X, 32, level, **options)
        for ours, theirs in zip(one.parameters(), alone.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
        assert not any(p.requires_grad for p in one.parameters())


def test_resampling_changes_what_is_trained_side_by_side():
    with_, without = (
        train_side_by_side("L1", X, 32, (0.1, 0.3), 3, 20, 16, resamplings=n) for n in (4, 0)
    )
    for a, b in zip(with_, without, strict=True):
        assert ((a.W_dec - b.W_dec).norm(dim=1) > 0.1).sum() > 4
