"""lessons/preference_aggregation: what its experiments stand on, where no exercise checks it."""

import pytest
import torch
from sklearn.metrics import adjusted_rand_score

import utils
from lessons.preference_aggregation import measures
from lessons.preference_aggregation.crowds import (
    Crowd,
    ask_crowd,
    lie_pays,
    log_loss,
    nash_md,
    newton_scores,
    pairs_of,
    preferences,
    random_crowds,
    regularized_nash,
    worst_margin,
)
from lessons.preference_aggregation.exercises import (
    borda_scores,
    fit_bradley_terry,
    von_neumann_winner,
)
from lessons.preference_aggregation.grid import (
    FARSIGHTED,
    Demonstrator,
    after,
    candidates,
    demonstrate,
    log_policy,
    posterior,
    worth_of_moves,
)
from lessons.preference_aggregation.rewards import fit_spread, gamble, gamble_borda
from lessons.preference_aggregation.votes import approval, converse, find_groups, opinion_map

F64 = torch.float64


def test_shares_count_people_and_ties_as_half():
    crowd = Crowd(torch.tensor([[2.0, 1, 1], [0.0, 1, 2]], dtype=F64), torch.tensor([0.7, 0.3]))
    shares = preferences(crowd)
    assert shares[0, 1] == pytest.approx(0.7) and shares[1, 2] == pytest.approx(0.35)
    assert torch.allclose(shares + shares.mT, torch.ones(3, 3, dtype=F64))


def test_newton_finds_what_the_exercise_finds_for_many_crowds_at_once():
    wins = ask_crowd(preferences(random_crowds(0, 3)), 200, utils.generator(0))
    assert wins.shape == (3, 5, 5) and (wins.sum((1, 2)) == 200).all()
    assert (wins.diagonal(dim1=1, dim2=2) == 0).all()
    for one, scores in zip(wins, newton_scores(wins, prior=0.5), strict=True):
        assert torch.allclose(fit_bradley_terry(one, prior=0.5), scores, atol=1e-4)


def test_asked_often_wins_are_the_shares():
    prefers = preferences(random_crowds(1, 1))[0]
    wins = ask_crowd(prefers, 200_000, utils.generator(0))
    share = wins / (wins + wins.T)
    off = ~torch.eye(5, dtype=torch.bool)
    assert (share - prefers)[off].abs().max() < 0.02


def test_with_even_pairs_the_fit_ranks_by_borda_and_with_others_it_need_not():
    crowds = random_crowds(2, 20)
    prefers = preferences(crowds)
    even = newton_scores(2000 * pairs_of(torch.ones(20, 5, dtype=F64)) * prefers)
    for shares, scores in zip(prefers, even, strict=True):
        borda = borda_scores(shares)
        gap = (borda[:, None] - borda) * (scores[:, None] - scores)
        assert gap.min() > -1e-9
    assert 0 < measures.reordered(2, n=50)[0] < 1


def test_people_of_one_reward_leave_no_log_loss_over():
    scores = torch.tensor([0.5, 0.0, -0.5], dtype=F64)
    prefers = (scores[:, None] - scores).sigmoid()
    model, least = log_loss(scores, prefers)
    assert model == pytest.approx(least.item())
    assert log_loss(-scores, prefers)[0] > least + 0.01


def test_burying_the_rival_pays_and_needs_a_rival():
    four = torch.tensor([[3.0, 2, 1, 0], [2.0, 3, 1, 0]], dtype=F64)
    crowd = Crowd(four, torch.tensor([0.55, 0.45], dtype=F64))
    assert lie_pays(crowd, 1) and not lie_pays(crowd, 0)


def test_nash_md_stands_still_at_the_equilibrium_and_finds_it():
    prefers = measures.crowd_that_goes_round(0)
    reference = torch.tensor([0.2, 0.3, 0.5], dtype=F64)
    goal = regularized_nash(prefers, reference, 0.2)
    tilted = (reference.log() + prefers @ goal / 0.2).softmax(0)
    assert torch.allclose(goal, tilted, atol=1e-9)
    assert torch.allclose(nash_md(prefers, reference, 0.2, 400)[-1], goal, atol=1e-3)
    lottery = von_neumann_winner(prefers - prefers.T)
    near = regularized_nash(prefers, reference, 0.01)
    assert torch.allclose(near, lottery, atol=0.05)
    assert worst_margin(lottery, prefers - prefers.T) > -1e-6


def test_the_gamble_is_worth_a_on_average_and_its_borda_count_is_exact():
    a = torch.full((100_000,), 0.9, dtype=F64)
    assert gamble(a, utils.generator(0)).mean() == pytest.approx(0.9, abs=0.01)
    rivals = torch.rand(100_000, generator=utils.generator(1), dtype=F64)
    mine, theirs = gamble(a, utils.generator(2)), gamble(rivals, utils.generator(3))
    wins = (mine > theirs).double() + (mine == theirs).double() / 2
    assert wins.mean() == pytest.approx(gamble_borda(a[:1]).item(), abs=0.01)


def test_spread_is_large_for_the_answer_that_ties_with_everybody():
    prefers = torch.tensor([[0.5, 0.95, 0.5], [0.05, 0.5, 0.5], [0.5, 0.5, 0.5]], dtype=F64)
    wins = 200 * prefers.fill_diagonal_(0)
    mean, spread = fit_spread(wins)
    assert spread[2] > 2 * spread[:2].max() and mean[0] > mean[1]


def test_groups_of_far_camps_are_found_and_approval_is_of_camps():
    talk = converse(0, divide=3.0, asked=30)
    groups = find_groups(opinion_map(talk.votes))
    assert adjusted_rand_score(talk.camp, groups) > 0.95
    assert ((~talk.votes.isnan()).sum(1) == 30).all()
    everybody, least, most = approval(talk, torch.arange(5))
    assert least <= everybody <= most


def test_walls_stop_and_a_farsighted_planner_knows_the_way():
    moves = after()
    assert moves[0].tolist() == [0, 1, 0, 5, 0] and moves[24].tolist() == [24, 24, 23, 24, 19]
    worth = worth_of_moves(torch.tensor([[1.0, 0.0, 0.0]], dtype=F64), 0.9)[0]
    assert worth[4, 0] == pytest.approx(10, abs=0.01)  # a prize of 1 for ever, discounted
    assert worth[2].argmax() == 1 and worth[9].argmax() == 4


def test_many_walks_give_the_reward_away():
    truth = candidates()[[69, 117]]  # 1, 2, 4 and 4, 2, 1
    seen = demonstrate(truth, FARSIGHTED, utils.generator(0), walks=200)
    believed = posterior(*seen, FARSIGHTED).exp()
    assert believed[1, 117] > 0.99
    # With the best prize in the middle nobody goes to the corners: what is there stays unknown.
    assert 0.1 < believed[0, 69] < 0.6
    chances = log_policy(truth, Demonstrator(beta=0.0)).exp()
    assert torch.allclose(chances, torch.full_like(chances, 0.2))
