"""The worlds, agents and planners of the lesson, held against plain loops and other libraries."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from lessons.goal_misgeneralization import experiments as e
from lessons.goal_misgeneralization.agents import Agents, act, shuffled, take
from lessons.goal_misgeneralization.exercises import ensemble_disagreement, probe_for_goal
from lessons.goal_misgeneralization.planners import Planners, mazes, reach
from lessons.goal_misgeneralization.worlds import END, corridors, mixture, scattered, trials
from utils.notebook import generator
from utils.worlds.grids import DOWN, RIGHT, Floor, distances, enumerate_world, policy_values

ALONE = torch.zeros(1)
NO = torch.tensor([False])


def test_a_coin_can_be_fetched_and_lies_where_it_is_said_to():
    walls, starts, places = corridors(300, generator(0), rows=3)
    way = distances(walls, starts).flatten(1)
    assert (way.gather(1, places[:, None]) < 45).all() and (way[:, END] < 45).all()
    assert (places // 9 < 3).all() and (starts == 36).all() and (places != starts).all()
    assert (trials(50, 2, False, 0).coin == END).all()
    with pytest.raises(ValueError, match="density"):
        corridors(2, generator(0), density=0.9)


def test_in_the_fairer_test_the_coin_lies_below_and_right_of_the_start():
    boards = trials(200, 2, True, 0, below=True)
    assert (boards.position == 0).all() and torch.equal(boards.coin[:200], boards.coin[200:])
    assert (boards.coin // 9 >= 2).all() and (boards.coin % 9 < 8).all()
    with pytest.raises(ValueError, match="at least one"):
        trials(0, 1, True, 0)


def test_only_inputs_at_which_a_coin_was_seen_are_trained():
    one = e.NARROW[:1]
    never = e.untouched(e.drawn(one, 0), e.trained(one, 0, iterations=4)).view(9, 9)
    seen = torch.zeros(9, 9, dtype=torch.bool)
    seen[4:, 4:] = True  # level or below, level or to the right
    seen[4, 4] = False  # on the coin the episode is over
    assert torch.equal(never, ~seen) and never.sum() == 57


@pytest.mark.parametrize("known", [False, True])
def test_states_have_the_coin_where_it_is_said_to_be(known):
    seen, offset = e.states(Agents(1, e.FEATURES, generator(0)), 0, known)
    place = (offset[:, 0] + 4) * 9 + offset[:, 1] + 4
    assert torch.equal(seen[:, 81:162].argmax(-1), place.long())
    assert ((offset >= 0).all(-1) == known).all()


def test_with_all_coins_at_the_end_both_rewards_pay_for_the_same_cells():
    right, broken = (mixture(60, ALONE, torch.tensor([p]), generator(1)) for p in (False, True))
    assert torch.equal(right.pays, broken.pays) and torch.equal(right.walls, broken.walls)
    wide = mixture(60, torch.ones(1), torch.tensor([True]), generator(1))
    assert (wide.pays == END).all() and (wide.coin != END).any()


def test_arriving_pays_once_and_ends():
    boards = mixture(1, ALONE, NO, generator(0))
    walls = torch.zeros(1, 5, 9, dtype=torch.bool)
    boards = type(boards)(walls, torch.tensor([END]), torch.tensor([END - 2]))
    paid = [boards.step(torch.tensor([RIGHT]))[0].item() for _ in range(4)]
    assert paid == [0, 1, 0, 0] and boards.done.all()


def test_opening_all_chests_ends_and_a_board_holds_what_fits():
    boards = scattered(40, torch.tensor([2, 6]), torch.tensor([6, 2]), generator(0))
    counts = boards.items.sum((2, 3))
    assert (counts[:40] == torch.tensor([2, 6])).all() and (
        counts[40:] == torch.tensor([6, 2])
    ).all()
    boards.taken[:, 1] = counts[:, 1]
    assert boards.step(torch.full((80,), DOWN))[1].all()
    with pytest.raises(ValueError, match="cells"):
        scattered(2, torch.tensor([30]), torch.tensor([9]), generator(0))


def test_agents_side_by_side_act_as_each_would_alone():
    agents = Agents(3, e.FEATURES, generator(0))
    done = act(agents, trials(20, 3, True, 0), 5, generator(1))
    alone = Agents(1, e.FEATURES, generator(9))
    alone.weights = [w[1:2].detach() for w in agents.weights]
    alone.biases = [b[1:2].detach() for b in agents.biases]
    one = act(alone, trials(20, 1, True, 0), 5, generator(1))
    assert torch.equal(done.positions[1], one.positions[0])
    torch.testing.assert_close(done.values[1:2], one.values)


def test_the_order_of_decisions_leaves_nothing_out():
    active = torch.rand(2, 50, generator=generator(0)) < 0.5
    order = shuffled(active, generator(1))
    assert order.shape[1] == active.sum(1).max()
    assert torch.equal(take(active, order).sum(1), active.sum(1))


def test_training_repeats_itself():
    weights = []
    for _ in range(2):
        agents = Agents(1, e.FEATURES, generator(0))
        e.train(agents, lambda n, g: mixture(n, ALONE, NO, g), 0, iterations=2, batch=8)
        weights.append(agents.weights[0].detach().clone())
    assert torch.equal(*weights)
    with pytest.raises(ValueError, match="share"):
        e.trained((e.Setting("odd", 1.5),), 0)
    with pytest.raises(ValueError, match="tuple"):
        e.trained(e.NARROW[0], 0)


def test_a_maze_of_one_cell_and_an_ensemble_of_none_are_refused():
    with pytest.raises(ValueError, match="two cells"):
        mazes(1, True, generator(0), side=1)
    with pytest.raises(ValueError, match="members"):
        e.alarms(Agents(1, e.FEATURES, generator(0)), [0, 1], 0, torch.zeros(81, dtype=torch.bool))


def test_the_chance_to_arrive_is_that_of_the_whole_world_solved():
    m = mazes(1, True, generator(3))
    policy = Planners(1, generator(0)).policy(m)
    rows = ["".join("#" if w else "." for w in row) for row in m.walls[0].tolist()]
    floor, goal, other = Floor(*rows), m.first.item(), m.second.item()

    def rule(state, action):
        if state in (divmod(goal, 5), divmod(other, 5)):
            return []
        cell = floor.move(state, action)
        return [(1.0, cell, float(cell == divmod(goal, 5)))]

    world = enumerate_world(rule, [divmod(m.start.item(), 5)], 4)
    chances = torch.stack([policy[0, 0, r * 5 + c] for r, c in world.states]).detach()
    exact = policy_values(world, chances.double(), 0.9)[0].item()
    assert reach(policy, m, m.first, m.second, 0.9).item() == pytest.approx(exact, abs=0.02)


def test_cues_that_agree_leave_the_weights_difference_as_it_was():
    before, after = e.Planners(3, generator(0)), e.planners(0, 3)
    gaps = [p.weights["cues"][:, 0] - p.weights["cues"][:, 1] for p in (before, after)]
    torch.testing.assert_close(gaps[0], gaps[1], atol=1e-4, rtol=1e-3)
    assert not torch.allclose(before.weights["cues"], after.weights["cues"], atol=1e-2)


def test_the_probe_is_scikit_learns_ridge():
    g = np.random.default_rng(0)
    x, y, z = g.normal(size=(30, 6)), g.normal(size=(30, 2)), g.normal(size=(5, 6))
    theirs = Ridge(alpha=2.0).fit(x, y).predict(z)
    ours = probe_for_goal(*map(torch.from_numpy, (x, y, z)), 2.0)
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-8)


def test_auroc_is_scikit_learns_and_disagreement_is_bounded():
    low, high = torch.randn(40, generator=generator(0)), torch.randn(30, generator=generator(1)) + 1
    truth = [0] * 40 + [1] * 30
    assert e.auroc(low, high) == pytest.approx(roc_auc_score(truth, torch.cat([low, high])))
    logprobs = torch.randn(5, 100, 4, generator=generator(2)).mul(9).log_softmax(-1)
    assert (ensemble_disagreement(logprobs) <= np.log(5) + 1e-6).all()
