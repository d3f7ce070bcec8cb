"""lessons/verifiable_rewards: what its experiments stand on, where no exercise checks it."""

import pytest
import torch

import utils
from lessons.verifiable_rewards import exact
from lessons.verifiable_rewards.drills import stop_push
from lessons.verifiable_rewards.experiments import (
    DR_GRPO,
    DYNAMIC,
    EVERY,
    GRPO,
    LONGEST,
    RLOO,
    TOKEN,
    TRUTH,
    M,
    Solvers,
    accuracy_after,
    at_entropy,
    entropy_at,
    pass_at,
    probe,
    start,
    token_logprobs,
    train,
    train_table,
    write,
)


def test_the_base_is_right_as_often_as_its_demonstrator_and_its_filler_knows_nothing():
    base = start(0, every=0.01)
    (found,) = probe(Solvers([base.weights]), 0, [0])
    assert torch.allclose(found.p[base.hard], torch.tensor(0.04 * 0.99).double(), atol=1e-6)
    assert torch.allclose(found.p[~base.hard], torch.tensor(0.5 * 0.99).double(), atol=1e-6)
    assert found.every == pytest.approx(0.01, abs=1e-6)
    assert found.right == pytest.approx(found.wrong) == pytest.approx(3, abs=0.02)


def test_what_is_written_has_the_chances_that_are_claimed_for_it():
    solvers = Solvers([start(1).weights])
    with torch.no_grad():
        solvers.weights["stop"].normal_(generator=utils.generator(3))  # lengths that differ
        batch = write(solvers, torch.arange(M * M), 200, torch.tensor([False]), utils.generator(0))
        (found,) = probe(solvers, 0, [0])
        assert batch.rewards.mean().item() == pytest.approx(found.accuracy, abs=0.01)
        right = batch.rewards.bool()
        assert batch.filler[right].double().mean().item() == pytest.approx(found.right, rel=0.03)
        assert batch.filler[~right].double().mean().item() == pytest.approx(found.wrong, rel=0.03)
        logprobs = token_logprobs(solvers, batch)
        assert not logprobs[~batch.mask].any()
        # Each reply's length: the answer, fillers, the stop, unless it was cut.
        assert torch.equal(batch.mask.sum(-1), (batch.filler + 2).clamp(max=LONGEST + 1))


def test_a_list_passes_only_where_there_is_a_hole():
    solvers, g = Solvers([start(0, 0.3).weights] * 2), utils.generator(0)
    batch = write(solvers, torch.arange(20), 50, torch.tensor([False, True]), g)
    lists = batch.answers == EVERY
    assert not batch.rewards[0][lists[0]].any()
    assert batch.rewards[1][lists[1]].all()
    assert torch.equal(batch.rewards[0].bool(), batch.answers[0] == TRUTH[:20, None])


def test_a_run_ends_the_same_whatever_trains_beside_it():
    alone = train(0, [GRPO], steps=4, every=2)[GRPO]
    beside = train(0, [DR_GRPO, GRPO, TOKEN], steps=4, every=2)[GRPO]
    assert [p.step for p in alone] == [0, 2, 4]
    assert alone[-1].wrong == pytest.approx(beside[-1].wrong, rel=1e-6)
    assert alone[-1].accuracy == pytest.approx(beside[-1].accuracy, rel=1e-6)


def test_under_adam_rloo_is_dr_grpo():
    found = train(0, [DR_GRPO, RLOO], steps=10)
    a, b = (found[run][-1] for run in (DR_GRPO, RLOO))
    assert a.accuracy == pytest.approx(b.accuracy, abs=1e-5)


def test_dynamic_sampling_pays_for_what_it_throws_away_and_few_mixed_groups_do_not_stop_it():
    ends = train(0, [DYNAMIC, TOKEN], steps=2, every=1)
    assert ends[TOKEN][-1].samples == 2 * 24 * 8 < ends[DYNAMIC][-1].samples
    assert accuracy_after(ends[TOKEN], 24 * 8) == pytest.approx(ends[TOKEN][1].accuracy)
    assert torch.tensor(accuracy_after(ends[TOKEN], 10**6)).isnan()  # not the last one's
    assert train(0, [DYNAMIC], steps=1, groups=121, group=2)[DYNAMIC][-1].samples == 242


@pytest.mark.parametrize("s", [0.1, 0.25, 0.6])
def test_the_push_of_a_group_of_one_is_the_drills(s):
    mean_length = 2 + (1 - s) / s
    assert exact.push(s, 1) == pytest.approx(stop_push(s) * mean_length, rel=1e-6)
    assert exact.push(s, 1) > 3 * exact.push(s, 8) > 0


def test_the_push_of_a_group_is_what_sampling_gives():
    g, s, group = utils.generator(0), 0.3, 4
    fillers = torch.rand(200_000, group, generator=g).log().div(torch.tensor(1 - s).log()).floor()
    push = (1 - s) - fillers[:, 0] * s
    sampled = (group * push / (fillers + 2).sum(1)).mean() * (2 + (1 - s) / s)
    assert exact.push(s, group) == pytest.approx(sampled.item(), abs=0.01)


def test_the_two_optima_are_where_their_objectives_are_highest():
    p = torch.linspace(1e-4, 1 - 1e-4, 20_001, dtype=torch.float64)
    ref = torch.tensor(0.04).double()
    for beta in (0.1, 0.5):
        kl = p * (p / ref).log() + (1 - p) * ((1 - p) / (1 - ref)).log()
        other = ref * (ref / p).log() + (1 - ref) * ((1 - ref) / (1 - p)).log()
        for cost, found in ((kl, exact.right_under_kl), (other, exact.right_under_k3)):
            best = p[(p - beta * cost).argmax()].item()
            assert found(0.04, beta) == pytest.approx(best, abs=2e-4)


def test_a_temperature_gives_the_entropy_that_was_asked_for():
    before, after = train(0, [GRPO], steps=20, every=20)[GRPO]
    assert torch.allclose(at_entropy(before, before.entropy), before.p, atol=1e-6)
    assert at_entropy(after, before.entropy).mean() < after.accuracy
    assert entropy_at([before, after], after.accuracy) == pytest.approx(after.entropy)
    assert torch.tensor(entropy_at([before, after], 0.99)).isnan()


def test_on_a_table_nothing_is_lost():
    assert pass_at(train_table(0), 64) > 0.99


def test_one_answer_is_no_group():
    with pytest.raises(ValueError, match="two answers"):
        train(0, [GRPO], steps=1, group=1)
