"""What the worlds and measurements of specification gaming do, against plain truths."""

import math

import numpy as np
import pytest
import torch
from scipy.sparse.csgraph import shortest_path

from lessons.specification_gaming import chances as c
from lessons.specification_gaming import experiments as e
from lessons.specification_gaming.exercises import is_unhackable, potential_shaping, value_iteration
from utils.notebook import generator
from utils.worlds.grids import optimal, policy_values


@pytest.mark.parametrize("size", [(3, 3, 2), (4, 6, 3), (3, 3, 8)])
def test_a_lap_is_a_lap(size):
    r = e.race(*size)
    n = len(r.way)
    clockwise = torch.tensor([int(r.laps[s].argmax()) for s in range(n)])
    score, laps = e.drive(r, clockwise[None], moves=3 * n)
    assert score.item() == 3 * size[2] and laps.item() == pytest.approx(3)
    assert e.way_of(r.world, clockwise, n) == [*r.way, r.way[0]]
    assert r.finish.sum() == 0 and r.laps.sum().abs() < 1e-12
    with pytest.raises(ValueError, match="a track needs"):
        e.race(2, 5)


def test_checkpoints_in_order_cannot_be_circled():
    r = e.lagoon()
    ring = e.drive(r, optimal(r.world, 0.5).policy[None])
    bay = e.drive(r, optimal(r.world, 0.95).policy[None])
    assert ring[1].item() == pytest.approx(100 / 12) and bay[1].item() < 1
    assert bay[0] > ring[0]


def test_holding_a_decision_is_what_a_loop_does():
    r, gamma = e.lagoon(), 0.9
    slow = e.held(r.world, 3, gamma)
    following = r.world.transitions.argmax(-1)
    for s in range(0, len(r.world.states), 7):
        for a in range(4):
            state, paid = s, 0.0
            for i in range(3):
                paid += gamma**i * r.world.rewards[state, a].item()
                state = following[state, a].item()
            assert slow.rewards[s, a].item() == pytest.approx(paid)
            assert slow.transitions[s, a, state] == 1
    assert torch.equal(e.held(r.world, 1, gamma).rewards, r.world.rewards)


def test_value_iteration_is_policy_iteration():
    for r in (e.race(), e.lagoon()):
        ours = value_iteration(r.world.transitions, r.score, 0.95, 1e-9)
        torch.testing.assert_close(ours, optimal(r.world, 0.95).action_values)


def test_agents_learn_the_exact_values():
    r = e.race()
    q = e.learn(r.world, r.score, 0.9, seed=0, steps=5000)[5000]
    exact = optimal(r.world, 0.9, r.score).action_values
    assert (q - exact).abs().max() < 0.05
    ended = e.room().world
    q = e.learn(ended, ended.rewards, 0.9, seed=0, steps=50, at=(10,))
    assert list(q) == [10, 50] and (q[50][:, ended.terminal] < 2e-3).all()


def test_shaping_leaves_the_best_policy():
    r = e.race(4, 5, 2)
    g = generator(0)
    phi = torch.randn(len(r.world.states), generator=g, dtype=torch.float64)
    shaped = potential_shaping(r.finish, r.world.transitions, phi, 0.9)
    before, after = (optimal(r.world, 0.9, x) for x in (r.finish, shaped))
    torch.testing.assert_close(after.values, before.values - phi)


def test_visits_times_rewards_are_returns():
    world = e.race().world
    policies = torch.softmax(torch.randn(4, 8, 4, generator=generator(0)).double(), -1)
    v = e.visits(world.transitions, world.start, policies, 0.9)
    assert v.sum((1, 2)).tolist() == pytest.approx([10.0] * 4)
    returns = policy_values(world, policies, 0.9) @ world.start
    torch.testing.assert_close((v * world.rewards).sum((1, 2)), returns)


def test_proxies_correlate_as_asked():
    r, proxy = c.reward_pairs(0, 0.9, 4000)
    both = torch.corrcoef(torch.stack([r.flatten(), proxy.flatten()]))
    assert both[0, 1].item() == pytest.approx(0.9, abs=0.01)
    assert c.share_unhackable(c.random_policies(0, "deterministic"), r[:20], 2 * r[:20]) == 1


def test_plans_are_those_of_sampled_drivers():
    base, score, laps = c.plans(0, drivers=1, moves=5)
    assert base.sum().item() == pytest.approx(1)
    g = generator(0)
    ahead = 0.9 * torch.rand(1, generator=g, dtype=torch.float64).item()
    back = 0.1 * torch.rand(1, generator=g, dtype=torch.float64).item()
    assert (base @ laps).item() == pytest.approx(5 * (ahead - back) / 8)
    only = base[(laps - 5 / 8).abs() < 1e-9]
    assert only.sum().item() == pytest.approx(ahead**5)
    assert score.max() == 2  # steps 2, 4 at the first checkpoint; or 2 with a step back and ahead


def test_control_raises_the_proxy():
    for proxy, true in c.misspecified(3, n=8).values():
        assert (proxy[:, 1:] >= proxy[:, :-1] - 1e-9).all() and proxy[:, -1].max() <= 1 + 1e-9
        assert (true <= 1 + 1e-9).all() and (true[:, 0] == 0).all()


def test_random_worlds_leave_room_to_move():
    for seed in range(20):
        assert 15 <= len(c.random_world(generator(seed)).states) <= 25


def test_a_tie_makes_an_unhackable_pair_that_is_not_equivalent():
    """Theorem 2 of Skalse et al. by its construction: turn the reward until two policies tie."""
    visits = c.random_policies(0, "deterministic").flatten(1)
    r, other = torch.randn(2, 6, generator=generator(0), dtype=torch.float64)
    i, j = torch.triu_indices(8, 8, 1)
    before, change = ((visits @ x)[i] - (visits @ x)[j] for x in (r, other - r))
    when = -before / change  # how far each pair's gap has to be turned to be 0
    first = when[when > 0].min()
    proxy = r + first * (other - r)
    gaps = before + first * change
    assert is_unhackable(r.view(3, 2), proxy.view(3, 2), visits.view(8, 3, 2))
    assert (gaps.abs() < 1e-9).sum() == 1 and (before.abs() > 1e-9).all()  # a tie, where none was


def test_plain_unreachability_is_no_worse_in_these_rooms():
    g, rooms = generator(0), [e.room()]
    while len(rooms) < 10:
        found = e.random_room(g)
        rooms += [found] if found else []
    for r in rooms:
        fragile = r.fragile.tolist()
        lost = [float(any(x and f for x, f in zip(s[1], fragile, strict=True)))
                for s in r.world.states]  # fmt: skip
        r.penalties["unreachability"] = torch.tensor(lost, dtype=torch.float64)
        ends = [e.walk(r, optimal(r.world, 0.95, e.penalized(r, k, 1.0)).policy[None])
                for k in ("reachability", "unreachability")]  # fmt: skip
        assert all(end["broken"] == 0 and end["arrived"] == 1 for end in ends)


def test_what_a_room_remembers():
    r = e.room()
    price = r.penalties["reachability"]
    for state, p in zip(r.world.states, price.tolist(), strict=True):
        vase = state[1][r.fragile.tolist().index(True)]
        assert p == pytest.approx(48 / 98 if vase else 0.0)
    none = e.walk(r, optimal(r.world, 0.95, e.penalized(r, "none", 1.0)).policy[None])
    assert none["moves"].item() == 6 and none["broken"].item() == 1
    assert e.way_of(r.world, optimal(r.world, 0.95).policy)[-1] == r.floor.cell("G")


def test_reachability_is_that_of_a_graph_search():
    world = e.room().world
    steps = shortest_path((world.transitions.sum(1) > 0).numpy(), unweighted=True)
    assert torch.equal(e.reachability(world), torch.from_numpy(np.isfinite(steps)).double())


def test_decoupled_feedback_has_no_direction_once_the_channel_is_taken():
    p = torch.tensor([0.7, 0.2, 0.1])
    update = sum(p[b] * (torch.eye(3)[b] - p) for b in range(3))
    assert math.isclose(update.abs().max().item(), 0, abs_tol=1e-7)
