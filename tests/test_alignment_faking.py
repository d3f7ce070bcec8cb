"""What the experiments of alignment faking do, and what others say of the pieces."""

import math

import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from lessons.alignment_faking import experiments as e
from lessons.alignment_faking import worlds
from lessons.alignment_faking.exercises import best_response_to_training, evaluation_detector
from utils.notebook import generator


@pytest.mark.parametrize("shrink", [0.0, 0.3])
def test_the_detector_is_sklearns(shrink):
    a, b = (
        torch.randn(60, 5, generator=generator(0)) + 1,
        torch.randn(90, 5, generator=generator(1)),
    )
    a, b = a.double(), b.double()
    w, bias = evaluation_detector(a, b, shrink)
    theirs = LinearDiscriminantAnalysis("lsqr", shrinkage=shrink or None, priors=[0.5, 0.5])
    theirs.fit(torch.cat([b, a]).numpy(), [0] * 90 + [1] * 60)
    assert torch.allclose(w, torch.tensor(theirs.coef_[0]), rtol=1e-6)
    assert bias.item() == pytest.approx(theirs.intercept_[0])


def test_either_code_of_the_flag_is_equally_far_apart():
    for signed in (True, False):
        off, on = e.flags(3, signed)
        assert (on - off).norm().item() == pytest.approx(2, abs=1e-5)
    off, on = e.flags(3, signed=False)
    assert abs((on @ off).item()) < 1e-5


def test_a_detector_reads_as_well_as_two_normals_part():
    parted = 2 * 0.5 / e.NOISE  # in standard deviations
    best = 0.5 * (1 + math.erf(parted / 2))
    assert e.detected(0, 0.5) == pytest.approx(best, abs=0.02)


def test_nobody_monitored_nothing_learned():
    shown, flag = torch.tensor([1.0]), e.flags(0)
    policy = e.safe_policies(0, shown, flag)
    batch = e.draw(50, generator(1), flag, shown)._replace(monitored=torch.zeros(50).bool())
    watched, alone = e.complies(policy, batch)
    assert watched.shape == (1, 0) and alone.shape[1] == batch.harmful.sum()


def test_auroc_is_the_chance_to_lie_higher():
    assert e.auroc(torch.tensor([2.0, 3.0]), torch.tensor([0.0, 1.0])) == 1
    assert e.auroc(torch.tensor([0.0, 2.0]), torch.tensor([1.0])) == 0.5
    assert e.auroc(torch.zeros(3), torch.zeros(2)) == 0.5


def test_the_planner_computes_what_the_closed_form_says():
    for cost, stake, p, discount in (
        (1.0, 5.0, 1.0, 0.9),
        (2.0, 3.0, 0.4, 1.0),
        (1.0, 9.0, 0.3, 0.7),
    ):
        plan = best_response_to_training(cost, stake, p, 12, discount)
        c, d, chance, gamma = (torch.tensor([x], dtype=torch.float64) for x in
                               (cost, stake, p, discount))  # fmt: skip
        for i, complies in enumerate(plan):
            worth = e.worth_of_goal(c[:, None], d, chance, 12 - i - 1, gamma)
            assert (p * discount * worth.item() > cost) == complies


def test_a_planner_that_is_never_seen_keeps_its_goal():
    out = e.train_planners(0, [e.Planner(seen=0.0)], episodes=5)
    assert torch.equal(out.goal, torch.full((6, 1), 3.0))
    assert out.reasons[-1].item() == pytest.approx(0.12)


def test_a_learner_may_change_what_is_trained():
    assert len(e.sweep(0, [1.0], [0.5]).gaps) == 1
    assert e.train_planners(1, [e.Planner(), e.Planner()], episodes=1).goal.shape == (2, 2)
    assert len(worlds.planners_at_random(1, n=3, episodes=2).kept) == 3
    assert worlds.learned_turns(0, [1.0], [1e9], 1.0, 1.0, 0.9, rounds=3) == [None]


def test_a_planner_without_an_end_never_counts_down():
    kinds = [e.Planner(reasons=1.0, after=0.0, endless=x) for x in (0.0, 1.0)]
    out = e.train_planners(0, kinds, episodes=20)
    counted, endless = out.monitored[-2].tolist()
    assert counted < 0.2 < 0.8 < endless


def test_what_is_asked_of_nothing_says_so():
    with pytest.raises(ValueError, match="at least one"):
        e.train_planners(0, [])
    with pytest.raises(ValueError, match="as many rates"):
        e.sweep(0, [1.0, 2.0], [0.0])
