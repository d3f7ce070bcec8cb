"""lessons/dpo: what its experiments stand on, where no exercise and no claim checks it."""

import pytest
import torch
import torch.nn.functional as F

import utils
from lessons.dpo.exercises import dpo_loss
from lessons.dpo.experiments import (
    Probe,
    Run,
    batches,
    collect_pairs,
    fall,
    robust_dpo_loss,
    train,
)
from lessons.dpo.law import fit, quadratic, rl_law
from lessons.dpo.tables import (
    ask,
    asked,
    dpo_by_table,
    fit_rewards,
    ipo_by_table,
    label_loss,
    rlhf_optimum,
)
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
    run, kto = (Run(method, 0.01, n_pairs=80, steps=6) for method in ("DPO", "KTO"))
    longer = Run("IPO", n_pairs=80, steps=9)
    alone = train(0, [run], every=3)[1][run]
    beside = train(0, [kto, run, longer], every=3)[1][run]
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
        return [Probe(i, 0.0, g, 0.0, 0.0, 0.0) for i, g in enumerate(gold)]

    assert fall(probes(0.0, 1.0, 1.0, 0.0, 0.0)) == pytest.approx(1.0)
    assert fall(probes(0.0, 1.0, 2.0)) == 0.0


def test_the_loss_of_labels_is_the_mean_over_all_comparisons():
    g = utils.generator(0)
    reward = torch.randn(5, generator=g, dtype=torch.float64)
    wins = torch.randint(0, 3, (5, 5), generator=g).double()
    dense = -(wins * F.logsigmoid(reward[:, None] - reward)).sum() / wins.sum()
    assert torch.isclose(label_loss(reward, *asked(wins)), dense)


def test_rlhf_on_the_likeliest_rewards_of_the_same_pairs_is_dpo():
    reward = torch.tensor([1.0, 0.5, 0.0, -1.0], dtype=torch.float64)
    ref = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64).log()
    wins = ask(reward, ref, 500, seed=1)
    for beta in (0.5, 2.0):
        by_dpo = dpo_by_table(wins, ref, beta)
        assert torch.allclose(
            by_dpo.exp(), rlhf_optimum(fit_rewards(wins), ref, beta).exp(), atol=1e-4
        )


def test_a_ridge_keeps_rewards_finite_and_small():
    wins = torch.tensor([[0.0, 9.0], [0.0, 0.0]], dtype=torch.float64)
    free, held = fit_rewards(wins), fit_rewards(wins, spread=2.0)
    assert (free[0] - free[1]) > 10
    assert 0 < held[0] < 3
    # Where it is least, the pull of 9 comparisons and that of the prior are equal.
    assert torch.isclose(9 * torch.sigmoid(held[1] - held[0]), held[0] / 4, atol=1e-4)


def test_a_fit_finds_a_law_that_holds_and_leaves_the_rest_of_one_that_does_not():
    d = torch.linspace(0, 3, 30, dtype=torch.float64)
    gold = 0.8 * d - 0.3 * torch.xlogy(d, d)
    weights, error = fit(rl_law(d), gold)
    assert torch.allclose(weights, torch.tensor([0.8, -0.3], dtype=torch.float64))
    assert error < 1e-9 < fit(quadratic(d), gold)[1]


def test_with_enough_pairs_none_is_taken_twice():
    enough, few = (batches(Run(n_pairs=n, steps=5), seed=0) for n in (320, 319))
    assert enough.shape == few.shape == (5, 64)
    assert len(enough.unique()) == 320 > len(few.unique())


def test_ipo_on_a_table_meets_the_target_of_a_single_comparison():
    wins = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    ref = torch.tensor([0.5, 0.5], dtype=torch.float64).log()
    for beta in (0.2, 1.0):
        policy = ipo_by_table(wins, ref, beta)
        assert (policy[0] - policy[1]).item() == pytest.approx(1 / (2 * beta), abs=1e-3)
