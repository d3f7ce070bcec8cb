"""The debate lesson's pieces that no exercise checks: who searches how far, and the trees."""

import math

import pytest
import torch
from torch.nn import functional as F

import utils
from lessons.debate import experiments, figures
from lessons.debate.exercises import best_reveal, elo_from_wins, minimax_reveal, tree_value
from utils import whiteboard


def judge(view):
    """Adds up evidence for label 0, with pixels that interact."""
    lead = (view[..., :5] * torch.tensor([3.0, 1, -1, -2, 0.5])).sum(-1) - 4 * view[..., 0] * view[
        ..., 3
    ]
    return torch.stack([lead, torch.zeros_like(lead)], -1)


def games(n):
    image = torch.rand(n, 5, generator=utils.generator(1)) + 0.1
    nothing = torch.zeros(n, 5, dtype=torch.bool)
    return image, nothing, torch.zeros(n, dtype=torch.long), torch.ones(n, dtype=torch.long)


def test_two_plies_ask_the_search_for_few_games_at_a_time(monkeypatch):
    sizes = []

    def spy(judge, image, *rest):
        sizes.append(len(image))
        return minimax_reveal(judge, image, *rest)

    monkeypatch.setattr(experiments, "minimax_reveal", spy)
    got = experiments.two_plies(4)(judge, *games(23))
    assert torch.equal(got, minimax_reveal(judge, *games(23)))
    assert max(sizes) <= 10, "a search of all pairs in one batch would take gigabytes"


def test_the_best_of_all_pixels_is_greedy_and_the_best_of_one_is_random():
    greedy = experiments.best_of(64, utils.generator(0))(judge, *games(40))
    assert torch.equal(greedy, best_reveal(judge, *games(40)))
    drawn = experiments.best_of(1, utils.generator(0))(judge, *games(500))
    share = drawn.bincount(minlength=5) / 500
    assert ((share - 0.2).abs() < 0.08).all()


def test_who_sees_the_whole_tree_ends_where_the_root_says():
    g = utils.generator(0)
    for depth in (1, 3, 6):
        trees = experiments.random_trees(200, depth, g)
        assert torch.equal(experiments.tree_debate(trees, depth, depth, g), tree_value(trees))
        assert experiments.honest_in_trees(trees, depth, 0, g) == 100
        assert experiments.honest_in_trees(trees, depth, depth, g) == 100


def test_an_obfuscated_tree_is_false_and_each_guess_of_no_halves_its_chance():
    g = utils.generator(0)
    trees = experiments.obfuscated_trees(4000, 6, g)
    assert not tree_value(trees).any()
    assert (trees.logical_not().sum(1) == 2**3).all()  # of 2^6 leaves
    for liar_sees in (0, 6):
        won = experiments.honest_in_trees(trees, 0, liar_sees, g)
        assert won == pytest.approx(100 / 2**3, abs=2.5)


def test_the_path_of_perfect_play_is_drawn_for_either_root():
    for leaves in ([0, 1, 1, 1], [0, 1, 1, 0], [1] * 8, [0]):
        alt = figures.tree(torch.tensor(leaves).bool())[1]
        assert f"root is {tree_value(torch.tensor([leaves]).bool()).item()}" in alt


def test_a_player_who_never_lost_stops_no_lesson(capsys):
    won = torch.full((5, 5), 0.9, dtype=torch.float64)
    won[4] = 1.0
    honest, liars = experiments.elo_by_skill(won)
    assert honest.isfinite().all() and liars.isfinite().all() and honest.argmax() == 4
    assert "prior" in capsys.readouterr().out


def climb(mean, **options):
    """elo_from_wins by L-BFGS in float64, on the mean or the summed loss."""

    def elo(wins):
        elo_from_wins.reference(wins)  # raises where it must
        wins = wins.double().clone().fill_diagonal_(0)
        s = torch.zeros(len(wins), dtype=torch.float64, requires_grad=True)
        descent = torch.optim.LBFGS([s], max_iter=200, **options)

        def closure():
            descent.zero_grad()
            loss = -(wins * F.logsigmoid(s[:, None] - s)).sum()
            loss = loss / wins.sum() if mean else loss
            loss.backward()
            return loss

        descent.step(closure)
        return 400 / math.log(10) * (s.detach() - s.detach().mean())

    return elo


@pytest.mark.parametrize("mean", [True, False])
def test_a_climber_of_its_own_precision_is_right(mean):
    grade = elo_from_wins.grade(climb(mean, line_search_fn="strong_wolfe"))
    assert grade.passed, grade.failing_case


def test_whoever_defends_is_asked_what_is_scored():
    defend = next(p for p in whiteboard.of("debate") if p.kind == "Defend")
    assert "change your mind" in defend.text and "Follow-up:" in defend.text
