"""utils/worlds/pixels.py: the pixel game that the lessons on oversight share."""

import pytest
import torch

import utils
from lessons.debate.exercises import best_reveal, minimax_reveal, play_debate, sparse_view
from utils.worlds import pixels
from utils.worlds.pixels import (
    OPEN,
    against_every_lie,
    consult,
    held_out,
    margin,
    mask_of,
    nine_lies,
    random_pixels,
    skilled,
    strength,
    train_judges,
)


def test_pictures_are_held_out_and_other_seeds_split_them_otherwise():
    train, test = pixels.digits(0)
    assert train.images.shape == (1397, 64) and test.images.shape == (400, 64)
    assert test.images.min() == 0 and test.images.max() == 1
    both = torch.cat([train.images, test.images])
    assert len(both.unique(dim=0)) == 1797  # all different, so none of them is on both sides
    assert not torch.equal(pixels.digits(1)[1].images, test.images)
    assert torch.equal(held_out(0, 5).images, test.images[:5])
    assert 0.4 < (test.images > 0).float().mean() < 0.6


def test_random_pixels_are_nonzero_and_as_many_as_asked_for():
    images = held_out(0).images
    for n in (0, 1, 6):
        mask = random_pixels(images, n, utils.generator(0))
        assert (mask.sum(1) == n).all() and (images[mask] > 0).all()
    n = torch.arange(100)[:, None] % 7
    assert torch.equal(random_pixels(images, n, utils.generator(0)).sum(1, keepdim=True), n)
    few = torch.zeros(2, 64)
    few[0, 3] = few[1, 5] = few[1, 6] = 1.0
    assert torch.equal(random_pixels(few, 4, utils.generator(0)), few > 0)


def test_of_several_numbers_the_larger_adds_pixels():
    images = held_out(0).images
    masks = random_pixels(images, torch.tensor([2, 5])[:, None, None], utils.generator(1))
    assert masks.shape == (2, 100, 64)
    assert (masks.sum(-1) == torch.tensor([[2], [5]])).all()
    assert not (masks[0] & ~masks[1]).any()


def test_every_pixel_is_drawn_as_often_as_another():
    image = torch.zeros(1, 64)
    image[0, :8] = 0.5
    drawn = random_pixels(image.expand(8000, -1), 2, utils.generator(0)).float().mean(0)
    assert (drawn[:8] - 0.25).abs().max() < 0.03 and (drawn[8:] == 0).all()


def test_margin_by_hand():
    logits = torch.tensor([[3.0, 1.0, 2.5], [0.0, 4.0, 1.0]])
    first, second = torch.tensor([0, 1]), torch.tensor([1, 2])
    nothing = torch.full_like(first, OPEN)
    assert margin(logits, first, second).tolist() == [2.0, 3.0]
    assert strength(logits, nothing, first).tolist() == [2.5, 1.0]  # the best besides the other's
    assert margin(logits, first, nothing).tolist() == [0.5, 3.0]
    assert torch.equal(margin(logits, nothing, first), -margin(logits, first, nothing))
    many = margin(logits[:, None].expand(-1, 2, -1), first[:, None], torch.tensor([[1, 2], [0, 2]]))
    assert many.tolist() == [[2.0, 0.5], [4.0, 3.0]]


def test_nine_lies_are_the_other_labels():
    truth = torch.arange(10)
    for label, lies in zip(truth, nine_lies(truth), strict=True):
        assert sorted([label.item(), *lies.tolist()]) == list(range(10))
    images = torch.rand(10, 64)
    games = against_every_lie(images, truth)
    assert torch.equal(games.images[17], images[1]) and games.truth[17] == 1
    assert torch.equal(games.lies.view(10, 9), nine_lies(truth))


def test_masks_grow_from_the_start_by_the_moves():
    images, start = torch.ones(2, 4), torch.tensor([[True, False, False, False]] * 2)
    moves = torch.tensor([[1, 2], [3, 1]])
    assert mask_of(images, moves).int().tolist() == [[0, 1, 1, 0], [0, 1, 0, 1]]
    assert mask_of(images, moves, start).int().tolist() == [[1, 1, 1, 0], [1, 1, 0, 1]]


@pytest.fixture(scope="module")
def judges():
    return train_judges(0, (2, 6), sparse_view, steps=300)


def test_judges_learn_and_the_one_of_more_pixels_is_better_on_them(judges):
    _, test = pixels.digits(0)
    view = sparse_view(test.images, random_pixels(test.images, 6, utils.generator(0)))
    of_two, of_six = (pixels.accuracy(judges[n](view), test.labels) for n in (2, 6))
    assert of_six > 0.4 and of_six > of_two


def test_a_judge_does_not_depend_on_who_learns_beside_it():
    alone = train_judges(1, [4], sparse_view, steps=3)[4]
    beside = train_judges(1, [2, 4], sparse_view, steps=3)[4]
    # 4 and lcm(2, 4) draw the same numbers of pixels.
    for a, b in zip(alone.parameters(), beside.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)
        assert not a.requires_grad


def test_judges_leave_the_callers_random_numbers_alone():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    train_judges(0, [3], sparse_view, steps=2)
    assert torch.equal(torch.rand(3), wanted)


def test_skill_is_the_share_of_games_in_which_the_rule_is_asked(judges):
    games = against_every_lie(*held_out(0))
    nothing = torch.zeros_like(games.images, dtype=torch.bool)
    args = judges[6], games.images, nothing, games.truth, games.lies
    greedy = best_reveal(*args)
    assert torch.equal(skilled(best_reveal, 1.0, utils.generator(0))(*args), greedy)
    for skill in (0.0, 0.5):
        chosen = skilled(best_reveal, skill, utils.generator(0))(*args)
        assert (games.images.gather(1, chosen[:, None]) > 0).all()
        same = (chosen == greedy).float().mean()
        assert abs(same - (skill + (1 - skill) / 32)) < 0.08  # 32 legal pixels on average


def test_a_consultant_argues_for_one_claim_alone(judges):
    judge, (images, truth) = judges[6], held_out(0)
    lies = nine_lies(truth)[:, 0]
    honest, lying = (
        margin(judge(sparse_view(images, consult(judge, images, *claims, 6, best_reveal))), *pair)
        for claims, pair in (((truth, lies), (truth, lies)), ((lies, truth), (truth, lies)))
    )
    assert (honest > lying).float().mean() > 0.95 and honest.mean() > 2 and lying.mean() < -2


def test_ten_lines_set_up_a_game(judges):
    images, truth = held_out(0, 20)
    games = against_every_lie(images, truth)
    moves = play_debate(judges[6], *games, n_pixels=6)
    seen = mask_of(games.images, moves)
    assert (seen.sum(1) == 6).all() and (games.images[seen] > 0).all()
    right = margin(judges[6](sparse_view(games.images, seen)), games.truth, games.lies) > 0
    assert right.float().mean() > 0.8


def test_search_sees_the_refutation_that_greed_does_not(judges):
    """After the opponent's best reply two plies leave no less than greedy play, in every game."""
    judge, (images, truth) = judges[6], held_out(0, 20)
    games, nothing = against_every_lie(images, truth), torch.zeros(180, 64, dtype=torch.bool)
    left = []
    for rule in (minimax_reveal, best_reveal):
        pixel = rule(judge, games.images, nothing, games.truth, games.lies)[:, None]
        after = nothing.scatter(1, pixel, True)
        reply = best_reveal(judge, games.images, after, games.lies, games.truth)[:, None]
        end = judge(sparse_view(games.images, after.scatter(1, reply, True)))
        left.append(margin(end, games.truth, games.lies))
    assert (left[0] >= left[1] - 1e-4).all() and (left[0] > left[1] + 0.1).any()
