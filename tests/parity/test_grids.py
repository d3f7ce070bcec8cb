"""The grid worlds as gymnasium environments: its own checker, and another library's agent."""

import pytest
import torch
from gymnasium.utils.env_checker import check_env
from stable_baselines3 import PPO

from utils.notebook import generator
from utils.worlds.environments import BoardEnv, FiniteEnv
from utils.worlds.grids import Boards, Floor, Kind, enumerate_world, optimal, place

FLOOR = Floor("S...", ".##.", "...G")


def rule(state, action):
    if state == FLOOR.cell("G"):
        return []
    cell = FLOOR.move(state, action)
    return [(1.0, cell, float(cell == FLOOR.cell("G")) - 0.1)]


def coins(n, g):
    walls = torch.zeros(n, 3, 3, dtype=torch.bool)
    coin, start = place(~walls, g), place(~walls, g)
    items = torch.zeros(n, 1, 9, dtype=torch.bool)
    items[torch.arange(n), 0, coin] = True
    kinds = (Kind("coin", reward=1.0, ends=True),)
    return Boards(walls, items.view(n, 1, 3, 3), start, kinds, radius=2)


def environments():
    return [FiniteEnv(enumerate_world(rule, FLOOR.cells("S"), 4), 30), BoardEnv(coins, 10)]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("env", environments(), ids=lambda env: type(env).__name__)
def test_gymnasium_finds_nothing_wrong(env):
    check_env(env, skip_render_check=True)


@pytest.mark.parametrize("env", environments(), ids=lambda env: type(env).__name__)
def test_an_episode_ends_in_time(env):
    env.reset(seed=0)
    for step in range(1, env.steps + 1):
        *_, late, _ = env.step(0)
        assert late == (step == env.steps)
    with pytest.raises(ValueError, match="at least one step"):
        type(env)(env.world if isinstance(env, FiniteEnv) else coins, steps=0)


def test_an_agent_of_another_library_finds_the_best_way():
    world = enumerate_world(rule, FLOOR.cells("S."), 4)
    env = FiniteEnv(world, 30)
    agent = PPO("MlpPolicy", env, n_steps=256, batch_size=64, learning_rate=3e-3, seed=0)
    agent.learn(6_000)
    best = optimal(world, 1 - 1e-9).values
    for seed in range(5):
        start, _ = env.reset(seed=seed)
        observation, paid, done = start, 0.0, False
        while not done:
            action, _ = agent.predict(observation, deterministic=True)
            observation, reward, ended, late, _ = env.step(action)
            paid, done = paid + reward, ended or late
        assert paid == pytest.approx(best[start].item(), abs=1e-6)


def test_an_agent_of_another_library_learns_on_boards():
    env = BoardEnv(coins, 10)
    agent = PPO("MlpPolicy", env, n_steps=512, batch_size=64, learning_rate=3e-3, seed=0)
    agent.learn(8_000)
    boards = coins(500, generator(3))
    for _ in range(10):
        action, _ = agent.predict(boards.observe().numpy(), deterministic=True)
        _, done = boards.step(torch.from_numpy(action))
    assert done.float().mean() > 0.9
