"""The grid worlds: exact values against brute force, boards against a plain loop."""

import itertools

import pytest
import torch
from scipy.sparse.csgraph import shortest_path

from utils.notebook import generator
from utils.worlds import grids
from utils.worlds.grids import (
    DOWN,
    LEFT,
    MOVES,
    RIGHT,
    STAY,
    UP,
    Boards,
    Floor,
    Kind,
    distances,
    enumerate_world,
    optimal,
    place,
    policy_values,
)

FLOOR = Floor("S.G", ".#.", "...")
KINDS = (Kind("coin", reward=1.0, ends=True), Kind("key"), Kind("chest", reward=2.0, needs=1))


def to_goal(state, action):
    """Slips in a tenth of all steps; the goal pays one and ends."""
    if state == FLOOR.cell("G"):
        return []
    ways = ((0.9, FLOOR.move(state, action)), (0.1, FLOOR.move(state, (action + 1) % 4)))
    return [(p, cell, float(cell == FLOOR.cell("G"))) for p, cell in ways]


@pytest.fixture(scope="module")
def world():
    return enumerate_world(to_goal, FLOOR.cells("S"), 4)


def test_a_floor_holds_back_at_walls_and_edges():
    assert FLOOR.move((0, 0), RIGHT) == (0, 1)
    assert FLOOR.move((0, 1), DOWN) == (0, 1)
    assert FLOOR.move((0, 0), UP) == FLOOR.move((0, 0), LEFT) == FLOOR.move((0, 0), STAY) == (0, 0)
    assert FLOOR.cells("SG") == [(0, 0), (0, 2)]


def test_a_floor_says_what_is_wrong():
    with pytest.raises(ValueError, match="one length"):
        Floor("..", ".")
    with pytest.raises(ValueError, match="one length"):
        Floor()
    with pytest.raises(ValueError, match="6 cells"):
        FLOOR.cell(".")


def test_every_state_that_can_be_reached_is_there_once(world):
    assert len(world.states) == len(set(world.states)) == 8
    assert world.states[0] == (0, 0) and world.start.tolist() == [1.0] + [0.0] * 7
    torch.testing.assert_close(world.transitions.sum(-1), torch.ones(8, 4, dtype=torch.float64))
    goal = world.index((0, 2))
    assert world.terminal.nonzero().flatten().tolist() == [goal]
    assert (world.transitions[goal, :, goal] == 1).all() and (world.rewards[goal] == 0).all()
    with pytest.raises(ValueError, match="reaches no state"):
        world.index((1, 1))


def test_a_rule_that_makes_no_world_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="a state to start in"):
        enumerate_world(to_goal, [], 4)
    with pytest.raises(ValueError, match="do not sum to one"):
        enumerate_world(lambda s, a: [(0.5, s, 0.0)], [0], 2)
    monkeypatch.setattr(grids, "MOST_STATES", 50)
    with pytest.raises(ValueError, match="over 50 states"):
        enumerate_world(lambda s, a: [(1.0, s + 1, 0.0)], [0], 1)


def test_the_optimum_is_that_of_all_policies_tried(world):
    gamma = 0.8
    every = torch.tensor([*itertools.product(range(4), repeat=len(world.states) - 1)])
    every = every[::7]  # the goal's action is idle; a seventh of the others, and the best
    goal = world.index((0, 2))
    every = torch.cat([every[:, :goal], torch.zeros(len(every), 1).long(), every[:, goal:]], 1)
    values = policy_values(world, every, gamma)
    best = optimal(world, gamma)
    assert (values <= best.values + 1e-9).all()
    torch.testing.assert_close(policy_values(world, best.policy, gamma), best.values)
    backed_up = world.rewards + gamma * world.transitions @ best.values
    torch.testing.assert_close(backed_up, best.action_values)
    torch.testing.assert_close(backed_up.max(-1).values, best.values)


def test_many_reward_functions_at_once_are_each_alone(world):
    rewards = torch.randn(5, 8, 4, generator=generator(0), dtype=torch.float64)
    rewards[:, world.terminal] = 0
    together = optimal(world, 0.9, rewards)
    for i in range(5):
        alone = optimal(world, 0.9, rewards[i])
        torch.testing.assert_close(together.values[i], alone.values)
        assert torch.equal(together.policy[i], alone.policy)


def test_between_equals_the_first_action_is_named():
    world = enumerate_world(lambda s, a: [(1.0, s, 1.0)], [0], 3)
    assert optimal(world, 0.5).policy.tolist() == [0]
    assert optimal(world, 0.5).values.tolist() == pytest.approx([2.0])


def test_values_are_what_acting_pays_on_average(world):
    gamma, policy = 0.8, torch.full((8, 4), 0.25, dtype=torch.float64)
    g = generator(0)
    state = world.reset(20_000, g)
    paid, discount = torch.zeros(20_000, dtype=torch.float64), 1.0
    ended = torch.zeros(20_000, dtype=torch.bool)
    for _ in range(60):
        action = torch.randint(4, (20_000,), generator=g)
        following, _, done = world.step(state, action, g)
        arrived = done & ~ended
        paid += discount * arrived
        ended |= done
        state, discount = following, discount * gamma
    # The reward of a step is its expectation, so what was paid on arrival is counted here.
    exact = policy_values(world, policy, gamma)[0]
    assert paid.mean().item() == pytest.approx(exact.item(), abs=4 * paid.std().item() / 141)


def test_a_state_of_no_probability_is_never_reached():
    world = enumerate_world(lambda s, a: [(0.0, 1 - s, 0.0), (1.0, s, 0.0)], [0], 1)
    state = torch.zeros(5000, dtype=torch.long)
    assert (world.step(state, state, generator(0))[0] == 0).all()


@pytest.mark.parametrize("gamma", [-0.1, 1.0, 2.0])
def test_gamma_must_let_the_sums_end(world, gamma):
    with pytest.raises(ValueError, match="below 1"):
        optimal(world, gamma)
    with pytest.raises(ValueError, match="below 1"):
        policy_values(world, torch.zeros(8).long(), gamma)


def random_boards(n=6, height=4, width=5, radius=2, seed=0):
    g = generator(seed)
    walls = torch.rand(n, height, width, generator=g) < 0.2
    position = place(~walls, g)
    items = torch.rand(n, 3, height, width, generator=g) < 0.15
    items &= ~walls[:, None]
    items.flatten(2)[torch.arange(n), :, position] = False
    return Boards(walls, items, position, KINDS, radius)


def plain_step(walls, items, position, carried, action):
    """One board, one step, in plain Python: the new position, the reward, and whether it ended."""
    height, width = walls.shape
    row, column = position // width + MOVES[action][0], position % width + MOVES[action][1]
    if not (0 <= row < height and 0 <= column < width) or walls[row, column]:
        row, column = position // width, position % width
    reward, ended = 0.0, False
    for k, kind in enumerate(KINDS):
        if items[k, row, column] and (kind.needs is None or carried[kind.needs] > 0):
            if kind.needs is not None:
                carried[kind.needs] -= 1
            items[k, row, column] = False
            carried[k] += 1
            reward += kind.reward
            ended |= kind.ends
    return row * width + column, reward, ended


@pytest.mark.parametrize("seed", range(3))
def test_boards_do_what_a_plain_loop_does(seed):
    boards = random_boards(seed=seed)
    walls, items = boards.walls.clone(), boards.items.clone()
    position, carried = boards.position.tolist(), torch.zeros(6, 3)
    ended = [False] * 6
    g = generator(seed + 10)
    for _ in range(40):
        action = torch.randint(4, (6,), generator=g)
        reward, done = boards.step(action)
        for b in range(6):
            paid = 0.0
            if not ended[b]:
                position[b], paid, ended[b] = plain_step(
                    walls[b], items[b], position[b], carried[b], action[b].item()
                )
            assert reward[b].item() == paid
        assert boards.position.tolist() == position and done.tolist() == ended
        assert torch.equal(boards.carried, carried)
    assert boards.taken.sum() > 0


def test_an_agent_sees_what_lies_around_it():
    boards = random_boards()
    boards.step(torch.tensor([UP, RIGHT, DOWN, LEFT, UP, RIGHT]))
    seen = boards.observe()
    assert seen.shape == (6, 4 * 25 + 3)
    for b in range(6):
        row, column = divmod(boards.position[b].item(), 5)
        for i, j in itertools.product(range(5), repeat=2):
            r, c = row + i - 2, column + j - 2
            wall = not (0 <= r < 4 and 0 <= c < 5) or boards.walls[b, r, c]
            assert seen[b, i * 5 + j] == float(wall)
    torch.testing.assert_close(seen[:, -3:], boards.carried)


def test_boards_that_do_not_fit_together_are_refused():
    walls, items = torch.zeros(2, 3, 3).bool(), torch.zeros(2, 1, 3, 3).bool()
    coin = (Kind("coin"),)
    with pytest.raises(ValueError, match="ask for items"):
        Boards(walls, items[:, :, :2], torch.zeros(2).long(), coin)
    with pytest.raises(ValueError, match="2 positions"):
        Boards(walls, items, torch.zeros(1).long(), coin)
    with pytest.raises(ValueError, match="in a wall"):
        Boards(~walls, items, torch.zeros(2).long(), coin)
    with pytest.raises(ValueError, match="no free cell"):
        place(walls, generator(0))


def test_distances_are_those_of_a_graph_search():
    g = generator(0)
    walls = torch.rand(5, 6, 7, generator=g) < 0.3
    target = place(~walls, g)
    found = distances(walls, target)
    for b in range(5):
        free = ~walls[b].flatten()
        cells = torch.stack([torch.arange(42) // 7, torch.arange(42) % 7], 1)
        apart = (cells[:, None] - cells).abs().sum(-1)
        graph = (apart == 1) & free[:, None] & free
        steps = torch.from_numpy(shortest_path(graph.numpy(), indices=target[b].item()))
        steps[steps.isinf()] = 42
        assert found[b].flatten().tolist() == steps.tolist()
