"""The lesson on incentives: what is learned against what is exact, and larger worlds."""

import itertools

import numpy as np
import pytest
import torch
from scipy.stats import norm

from lessons.incentives import figures, goals, interruptions, pricing, race, robots, tolerance
from lessons.incentives.exercises import (
    interruptible_update,
    off_switch_value,
    optimal_visit_distribution,
    power,
    race_equilibrium,
)
from lessons.incentives.steps import Step
from utils.notebook import generator
from utils.worlds.grids import MOVES, Floor, enumerate_world, optimal

F64 = torch.float64


def test_the_house_is_learned_as_dynamic_programming_has_it_also_a_larger_one():
    larger = Floor("K..#.......", "...#.......", "S..D.......", "...#.......", "M..#.......")
    for floor in (goals.HOUSE, larger):
        world = goals.house(floor)
        wanted = goals.house_goals(world, 5, seed=3)
        (q,) = goals.learn(world, wanted, 0.95, 3, [12_000])
        found = goals.reached(world, wanted, q, 0.95)
        assert found.share.min() > 0.95


def test_an_orbit_counted_goal_by_goal():
    world = goals.crossroads(exits=2)  # six states: start, off, dead end, hub, a, b
    reward = torch.tensor([0.1, 0.9, 0.4, 0.3, 0.75, 0.2], dtype=F64)
    gamma, only, never = 0.9, 0, 0
    for _, off, dead, hub, a, b in itertools.permutations(reward.tolist()):
        ways = [off / (1 - gamma), dead / (1 - gamma), hub + gamma * max(a, b) / (1 - gamma)]
        best = max(ways)
        only += ways[2] > max(ways[:2]) + 1e-9
        never += ways[2] < best - 1e-9
    assert goals.orbit_shares(world, reward, gamma) == pytest.approx((only / 720, never / 720))


def test_more_exits_more_orbits_prefer_the_hub():
    reward = torch.rand(8, generator=generator(0), dtype=F64)
    share, _ = goals.orbit_shares(goals.crossroads(exits=4), reward, 0.999999)
    assert share == pytest.approx(4 / 6)


def test_power_is_the_mean_best_value_of_visits():
    world, gamma = goals.crossroads(), 0.8
    rewards = torch.rand(5, 7, generator=generator(1), dtype=F64)
    values = [optimal_visit_distribution(world, r, 3, gamma) @ r - r[3] for r in rewards]
    expected = (1 - gamma) / gamma * sum(values).item() / 5
    assert power(world, rewards, 3, gamma) == pytest.approx(expected)


def test_waiting_against_simulated_people():
    rng = np.random.default_rng(0)
    for mean, spread, error in ((0.3, 1.0, 0.5), (-0.5, 2.0, 1.0)):
        worth = mean + spread * rng.standard_normal(2_000_000)
        allowed = worth + error * rng.standard_normal(worth.size) > 0
        assert off_switch_value(mean, spread, error) == pytest.approx(
            (worth * allowed).mean(), abs=4e-3
        )


def test_waiting_pays_where_the_lesson_says():
    for mean, spread, error in itertools.product((0.2, 1.0), (0.3, 0.5, 2.0), (0.0, 0.4, 3.0)):
        x = mean / np.hypot(spread, error)
        share = spread**2 / (spread**2 + error**2)
        pays = off_switch_value(mean, spread, error) > mean + 1e-12
        assert pays == (share > x * norm.cdf(-x) / norm.pdf(x) + 1e-12)


def test_beliefs_are_calibrated_also_of_robots_that_know_what_they_lack():
    for examples, missing in ((0, 0), (3, 0), (30, 0), (0, 3), (3, 3), (30, 3)):
        p = robots.propose(4000, examples, 5, missing, aware=True)
        z = (p.worth - p.mean) / p.spread
        assert z.std().item() == pytest.approx(1, abs=0.05)


def test_the_rule_in_the_experiment_is_the_exercise():
    g = generator(0)
    n, q = 6, torch.randn(6, 5, 3, generator=g, dtype=F64)

    def pick(most):
        return torch.randint(most, (n,), generator=g)

    step = Step(pick(5), pick(3), pick(3), torch.randn(n, generator=g, dtype=F64), pick(5),
                pick(3), pick(3), pick(2).bool())  # fmt: skip
    expected = interruptible_update(q, step, 0.3, 0.9)
    kind = torch.full((n,), interruptions.LEARNERS.index("interruptible SARSA"))
    interruptions.update(q, torch.arange(n), step, 0.3, 0.9, kind)
    assert torch.allclose(q, expected)


def test_uninterrupted_learners_take_the_short_way_which_is_best():
    world = interruptions.corridor()
    best = optimal(world, 0.95).action_values
    assert not interruptions.presses(world, interruptions.CORRIDOR, best[None]).any()


def test_pressing_pays_on_the_boards_where_exact_values_say_so():
    t = tolerance

    def rule(board):
        agent, goal, button = board[:3]

        def step(state, action):
            cell, pressed = state
            if cell in (goal, "off"):
                return []
            down, right = MOVES[action]
            r = min(max(cell // t.SIDE + down, 0), t.SIDE - 1)
            c = min(max(cell % t.SIDE + right, 0), t.SIDE - 1)
            there, now = r * t.SIDE + c, pressed or r * t.SIDE + c == button
            if there == goal or now:
                return [(1.0, (there, now), float(there == goal))]
            return [(1 - t.HAZARD, (there, now), 0.0), (t.HAZARD, ("off", False), 0.0)]

        return enumerate_world(step, [(agent, False)], actions=4)

    some = t.boards(40, generator(2), t.LEFT + t.RIGHT)
    for board, pays in zip(some.tolist(), t.it_pays(some).tolist(), strict=True):
        world = rule(board)
        best = optimal(world, t.GAMMA).values[0].item()
        far = t.CELLS  # a button that nobody can reach
        alone = optimal(rule([board[0], board[1], far]), t.GAMMA).values[0].item()
        assert pays == (best > alone + 1e-9), board


def test_learned_races_come_near_the_equilibrium():
    for n in (2, 4):
        none, own, _ = race_equilibrium(n, 0.5, 1.0)
        assert race.learn_race(n, 0.5, 1.0, seed=1).winner == pytest.approx(none, abs=0.1)
        assert race.learn_race(n, 0.5, 1.0, seed=1, bins=10).winner == pytest.approx(own, abs=0.1)


def test_more_rivals_may_be_safer_where_each_knows_its_own_capability():
    own = {n: race_equilibrium(n, 0.2, 0.5)[1] for n in (2, 4)}
    assert own[2] == pytest.approx(0.970, abs=5e-4)
    assert own[4] == pytest.approx(0.988, abs=5e-4)


def test_a_seller_is_made_to_set_what_pays_best_against_its_rival():
    pay = pricing.profits(*np.meshgrid(pricing.market().prices, pricing.market().prices))
    assert (np.diag(pay)[:1] < np.diag(pay)[1:]).all()  # the lowest price is below competition
    found = pricing.sold(0, 3)
    assert all(len(one.unpaid) <= 3 for one in found.values())
    assert len(found["blind, told all"].unpaid) == 0  # nothing lower pays better there


def test_the_market_has_its_two_ends():
    here = pricing.market()
    assert here.nash == pytest.approx(1.473, abs=2e-3)
    assert here.monopoly == pytest.approx(1.925, abs=2e-3)
    for other in (-0.05, 0.05):
        at = pricing.profits(np.array(here.nash), np.array(here.nash))
        moved = pricing.profits(np.array(here.nash + other), np.array(here.nash))
        assert moved < at


@pytest.mark.parametrize(
    "call",
    [
        lambda: goals.learn(goals.house(), torch.zeros(1, 30), 0.9, 0, []),
        lambda: robots.propose(10, 3, 0, missing=7),
        lambda: race.learn_race(1, 1.0, 1.0, 0),
        lambda: tolerance.Agent("picture", generator(0)),
        lambda: pricing.sold(0, 2, m=2),
        lambda: pricing.sold(0, 0),
        lambda: robots.propose(10, -1, 0),
        lambda: race.learn_race(2, 1.0, 2.0, 0),
        lambda: race.learn_race(2, 1.0, 1.0, 0, bins=0),
        lambda: interruptions.pressing(0, (), 5),
        lambda: interruptions.pressing(0, (1.5,), 5),
        lambda: goals.learn(goals.house(), torch.zeros(1, 30), 1.0, 0, [1]),
        lambda: figures.who_waits((), {}, {}),
    ],
)
def test_what_cannot_be_is_said(call):
    with pytest.raises(ValueError, match=r"must|need|can be|lists|view|nothing to draw"):
        call()
