"""utils/worlds/chains.py: arithmetic modulo a prime, and the pupil who writes it."""

import pytest
import torch

import utils
from utils.worlds.chains import (
    MINUS,
    OPS,
    PRIME,
    Problems,
    Pupil,
    answers,
    as_text,
    draw_problems,
    is_neutral,
    is_right,
    right_answers,
    right_results,
    step_index,
    truth,
)


def by_hand(problems, i):
    now, found = int(problems.start[i]), []
    for t in range(int(problems.last[i]) + 1):
        op, b = OPS[int(problems.op[i, t])], int(problems.operand[i, t])
        now = {"+": now + b, "−": now - b, "×": now * b}[op] % PRIME
        found.append(now)
    return found


def test_problems_have_the_lengths_asked_for_and_padding_at_their_ends():
    problems = draw_problems(500, utils.generator(0), 4, 6)
    lengths = problems.real.sum(1)
    assert set(lengths.tolist()) == {4, 5, 6}
    assert torch.equal(problems.last, lengths - 1)
    assert (problems.real[:, 1:] <= problems.real[:, :-1]).all()
    assert len(problems.rows(slice(7)).start) == 7


def test_right_results_are_arithmetic():
    problems = draw_problems(50, utils.generator(1))
    found = truth(problems)
    for i in range(50):
        assert found[i, : problems.last[i] + 1].tolist() == by_hand(problems, i)
    assert right_results(7).max() == 6


def test_a_pupil_without_faults_makes_none():
    problems = draw_problems(40, utils.generator(2))
    results = Pupil(slip=0, belief=0).write(problems, 3, utils.generator(3))
    assert torch.equal(results, truth(problems)[:, None].expand(-1, 3, -1))
    assert right_answers(problems, results).all()
    assert is_right(problems, results).all()


def test_chances_sum_to_one_and_hold_the_misconception():
    pupil = Pupil(slip=0.1, belief=0.6)
    assert torch.allclose(pupil.chances.sum(-1), torch.ones(3, PRIME, PRIME).double())
    assert pupil.chances[MINUS, 3, 7, 4].item() == pytest.approx(0.9 * 0.6)
    assert pupil.chances[MINUS, 3, 7, 7].item() == pytest.approx(0.9 * 0.4)  # 3 − 7 = −4 = 7
    assert pupil.chances[MINUS, 7, 3, 4].item() == pytest.approx(0.9)
    assert pupil.chances[MINUS, 7, 3, 5].item() == pytest.approx(0.05)


def test_solutions_follow_the_chances_and_their_own_numbers():
    problems = draw_problems(1, utils.generator(5), 2, 2)
    pupil = Pupil()
    results = pupil.write(problems, 20_000, utils.generator(6))
    index = step_index(problems, results)[0]
    chance = pupil.chances.flatten()[index].prod(1)
    assert (chance > 0).all()
    pairs, counts = results[0].unique(dim=0, return_counts=True)
    for pair, count in zip(pairs, counts, strict=True):
        exact = chance[(results[0] == pair).all(1)][0].item()
        assert abs(count / 20_000 - exact) < 0.02


def test_hopes_are_how_often_completions_arrive():
    problems = draw_problems(5, utils.generator(7))
    pupil, g = Pupil(), utils.generator(8)
    hopes = pupil.hopes(problems)
    begun = pupil.write(problems, 1, g)[:, :, :2].expand(-1, 4000, -1)
    ends = right_answers(problems, pupil.complete(problems, begun, g)).double().mean(1)
    exact = hopes[:, 2].gather(1, begun[:, 0, 1:])[:, 0]
    assert torch.allclose(ends, exact, atol=0.03)
    start = hopes[:, 0].gather(1, problems.start[:, None])[:, 0]
    whole = right_answers(problems, pupil.write(problems, 4000, g)).double().mean(1)
    assert torch.allclose(whole, start, atol=0.03)


def test_a_right_answer_may_come_by_wrong_steps():
    one = Problems(*(torch.tensor(x) for x in ([4], [[1, 2, 0]], [[7, 0, 5]], [[True] * 3])))
    results = torch.tensor([[[3, 0, 5], [8, 0, 5], [8, 0, 6]]])
    assert is_right(one, results)[0].tolist() == [
        [False, True, True], [True, True, True], [True, True, False],
    ]  # fmt: skip
    assert right_answers(one, results).tolist() == [[True, True, False]]
    assert answers(one, results).tolist() == [[5, 5, 6]]
    assert as_text(one, results, 0, 0) == "4 −7→ 3 ×0→ 0 +5→ 5"


def test_a_step_has_a_place_in_the_table_of_all_steps():
    problems = draw_problems(30, utils.generator(9))
    results = Pupil().write(problems, 4, utils.generator(10))
    index = step_index(problems, results)
    assert index.min() >= 0 and index.max() < 3 * PRIME**3
    right = right_results()[..., None] == torch.arange(PRIME)
    assert torch.equal(right.flatten()[index], is_right(problems, results))


def test_neutral_steps_change_nothing():
    problems = draw_problems(300, utils.generator(11))
    before = torch.cat([problems.start[:, None], truth(problems)[:, :-1]], 1)
    same = truth(problems) == before
    neutral = is_neutral(problems)
    assert neutral.any() and same[neutral].all()


def test_seeds_decide_everything():
    a, b = (draw_problems(9, utils.generator(1)) for _ in range(2))
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    first, second = (Pupil().write(a, 5, utils.generator(2)) for _ in range(2))
    assert torch.equal(first, second)
