"""lessons/dpo: what its experiments stand on, where no exercise and no claim checks it."""

import pytest
import torch

import utils
from lessons.dpo.exercises import dpo_loss
from lessons.dpo.experiments import Probe, Run, collect_pairs, fall, robust_dpo_loss, train
from lessons.dpo.tables import ask
from utils.worlds.preferences import Policy, World


@pytest.mark.parametrize("flip_rate", [0.1, 0.4])
def test_over_the_noise_robust_dpo_is_dpo_on_clean_labels(flip_rate):
    chosen, rejected, *ref = torch.randn(4, 6, generator=utils.generator(0), dtype=torch.float64)
    clean = dpo_loss(chosen, rejected, *ref, 0.5)
    kept = robust_dpo_loss(chosen, rejected, *ref, 0.5, flip_rate)
    flipped = robust_dpo_loss(rejected, chosen, *reversed(ref), 0.5, flip_rate)
    assert torch.isclose((1 - flip_rate) * kept + flip_rate * flipped, clean)


def test_flips_change_labels_and_nothing_else():
    world, reference = World(0), Policy(seed=0)
    clean, noisy = (collect_pairs(world, reference, 500, 3, rate) for rate in (0.0, 0.4))
    flipped = (clean.chosen != noisy.chosen).any(1)
    assert torch.equal(clean.chosen[flipped], noisy.rejected[flipped])
    assert torch.equal(clean.rejected[~flipped], noisy.rejected[~flipped])
    assert 0.3 < flipped.float().mean() < 0.5


def test_a_run_ends_the_same_whatever_trains_beside_it():
    run = Run("DPO", beta=0.01)
    alone = train(0, [run], n_pairs=80, steps=6, every=3)[1][run]
    beside = train(0, [Run("KTO"), run, Run("IPO")], n_pairs=80, steps=6, every=3)[1][run]
    assert [p.step for p in alone] == [0, 3, 6]
    assert alone[2].rejected < alone[1].rejected < alone[0].rejected < 0.001
    for a, b in zip(alone, beside, strict=True):
        assert a.chosen == pytest.approx(b.chosen, abs=1e-2)
        assert a.rejected == pytest.approx(b.rejected, abs=1e-2)


def test_labels_asked_for_follow_the_reward():
    reward = torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64)
    wins = ask(reward, torch.full((3,), 1 / 3, dtype=torch.float64).log(), 90_000, seed=0)
    assert wins.sum() == 90_000
    share = wins / (wins + wins.T)
    assert torch.allclose(share, (reward[:, None] - reward).sigmoid(), atol=0.02)


def test_the_fall_is_from_the_highest_pair_of_neighbors_to_the_last():
    def probes(*gold):
        return [Probe(i, 0.0, g, 0.0, 0.0) for i, g in enumerate(gold)]

    assert fall(probes(0.0, 1.0, 1.0, 0.0, 0.0)) == pytest.approx(1.0)
    assert fall(probes(0.0, 1.0, 2.0)) == 0.0
