"""lessons/process_rewards: what its experiments stand on, where no exercise checks it."""

import itertools

import pytest
import torch

import utils
from lessons.process_rewards.experiments import (
    Verifier,
    agreement,
    ask,
    cost,
    finds_first_error,
    fit_every_prefix,
    fit_outcome,
    fit_process,
    fit_recomputing,
    homework,
    hopes,
    pool,
    reached,
    reading,
    tilted,
    worth,
)
from lessons.process_rewards.labels import fit_having_read
from lessons.process_rewards.verifiers import N_STEPS, PUPIL, balanced
from utils.worlds.chains import PRIME, Problems, draw_problems, right_answers, step_index


def small(n=60):
    return homework(0, 400).rows(slice(n))


def random_verifier(how="product"):
    g = utils.generator(1)
    return Verifier(-torch.rand(N_STEPS, generator=g, dtype=torch.float64), how)


def test_labels_cost_a_step_each_up_to_the_first_error():
    data = small()
    for labels, paid in zip(data.labels.tolist(), cost(data).tolist(), strict=True):
        real = [x for x in labels if x >= 0]
        assert paid == (real.index(0) + 1 if 0 in real else len(real))
    some = worth(data, 50)
    assert cost(some).sum() <= 50 < cost(data.rows(slice(len(some.right) + 1))).sum()
    assert len(worth(data, 0).right) == 1


def test_a_process_verifier_trusts_what_was_right_and_not_what_was_wrong():
    data = small()
    chance = fit_process(data).table.exp()[data.steps]
    first = data.labels.eq(0).long().cumsum(1)
    assert chance[(data.labels == 1) & (first == 0)].min() > 0.5
    assert chance[(data.labels == 0) & (first == 1)].mean() < 0.5
    never = torch.ones(N_STEPS, dtype=torch.bool)
    never[data.steps.flatten()] = False
    assert torch.allclose(fit_process(data).table.exp()[never], torch.tensor(0.5).double())


@pytest.mark.parametrize("how", ["sum", "product"])
def test_an_outcome_verifier_tells_its_own_solutions_apart(how):
    data = homework(0, 400)
    scores = fit_outcome(data, how).scores(data.steps, data.labels >= 0)
    assert scores[data.right].mean() > scores[~data.right].mean() + 1


def test_a_recomputing_verifier_gives_each_step_distributions():
    table = fit_recomputing(small()).table.view(-1, PRIME)
    assert torch.allclose(table.exp().sum(1), torch.ones(len(table)).double())
    before = reading(0, 300)
    nobody = fit_recomputing(small().rows(slice(0, 0)), before)
    assert torch.allclose(nobody.table, before.log_softmax(1).flatten())


def test_completions_arrive_as_often_as_the_exact_chance_says():
    data = small(40)
    share = reached(data, 400, seed=3).double().mean(2)
    exact = PUPIL.hopes(data.problems)[:, 1:].gather(2, data.results[..., None])[..., 0]
    assert (share - exact)[data.labels >= 0].abs().max() < 0.12


def test_agreement_is_the_share_of_true_hard_labels():
    found = hopes(small())
    true = (1 - (1 - found.right) ** 3).sum() + ((1 - found.wrong) ** 3).sum()
    share = true / (len(found.right) + len(found.wrong))
    assert agreement(found, 3)[0] == pytest.approx(share.item())


@pytest.mark.parametrize("how", ["product", "sum"])
def test_the_tilt_is_that_of_whole_solutions(how):
    verifier, strength = random_verifier(how), 1.7
    problems = Problems(*(x[:2] for x in draw_problems(2, utils.generator(4), 2, 3)))
    every = torch.tensor([*itertools.product(range(PRIME), repeat=3)])
    every = every[None].expand(2, -1, -1)
    steps, real = step_index(problems, every), problems.real[:, None].expand_as(every)
    chance = torch.where(real, PUPIL.chances.flatten()[steps], 1).prod(2)
    chance = torch.where((every * ~real).sum(2) == 0, chance, 0)  # each solution counted once
    weight = chance * (strength * verifier.scores(steps, real)).exp()
    policy = weight / weight.sum(1, keepdim=True)
    end = tilted(problems, verifier, strength)
    right = right_answers(problems, every)
    assert torch.allclose(end.solved, (policy * right).sum(1))
    kl = torch.where(policy > 0, policy * (policy / chance).log(), 0).sum(1)
    assert torch.allclose(end.kl, kl)
    still = tilted(problems, verifier, 0.0)
    assert torch.allclose(still.kl, torch.zeros(2).double(), atol=1e-9)
    assert torch.allclose(still.solved, (chance * right).sum(1))
    assert (still.sound <= still.solved + 1e-12).all()


def test_who_asks_gets_wrong_answers_and_who_does_not_gets_any():
    asked = ask(0, 5, read=False, n=20)
    wrong = (~asked.convincing.right).view(5, 20).sum(0)
    assert (wrong >= 4).double().mean() > 0.8  # of some problems few solutions are wrong
    assert 0 < asked.by_chance.right.double().mean() < 1
    assert len(asked.first.right) == 20


def test_a_pool_of_longer_problems_has_longer_problems():
    longer = pool(0, 5, 8, 10, 12)
    assert longer.real.sum(2).min() >= 10 and longer.steps.shape == (5, 8, 12)
    assert (longer.sound <= longer.right).all()


def test_who_always_says_the_same_agrees_by_one_half():
    true = torch.tensor([True, True, True, False])
    for verdict in (torch.ones(4).bool(), torch.zeros(4).bool()):
        assert balanced(verdict, true) == 0.5
    assert balanced(true, true) == 1
    assert balanced(torch.tensor([True, True, False, False]), true) == pytest.approx(5 / 6)


def test_who_knows_every_step_finds_every_first_error_and_who_knows_none_finds_none():
    data = homework(0, 400)
    table = torch.zeros(N_STEPS, dtype=torch.float64)
    table[data.steps[data.labels == 0]] = -9.0
    assert finds_first_error(Verifier(table), data) == 1
    assert finds_first_error(Verifier(torch.zeros_like(table)), data) == 0
    assert 0.1 < data.sound.double().mean() < data.right.double().mean()


def test_a_verifier_of_every_prefix_is_calibrated_on_what_it_learned_from():
    data = homework(0, 400)
    told, real = fit_every_prefix(data), data.labels >= 0
    logits = torch.where(real, told.table[data.steps], 0).cumsum(1) + told.bias
    right = data.right[:, None].expand_as(real)[real].double()
    assert abs(torch.sigmoid(logits[real]).mean() - right.mean()) < 0.02


def test_a_classifier_that_has_read_and_was_told_nothing_says_what_it_read():
    read = reading(0, 300)
    some = small(1)
    table = fit_having_read(some, read).table
    untold = torch.ones(N_STEPS, dtype=torch.bool)
    untold[some.steps.flatten()] = False
    assert torch.allclose(table[untold], read.log_softmax(1).flatten()[untold], atol=1e-6)
