"""The worlds of utils/worlds/grids.py as gymnasium environments, for agents of other libraries.

    pip install gymnasium

    env = FiniteEnv(world, steps=100)                    # observations are numbers of states
    env = BoardEnv(boards, steps=30)                     # boards(1, generator) makes a new board

gymnasium is no part of the course's own installation: nothing else imports this module.
"""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch

from utils.worlds.grids import MOVES, Boards, FiniteWorld


class _Timed(gymnasium.Env):
    """What both share: an own stream of random numbers, and an end after `steps` steps."""

    def __init__(self, steps: int) -> None:
        if steps < 1:
            raise ValueError(f"an episode needs at least one step, not {steps}")
        self.steps, self.time = steps, 0

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> None:
        super().reset(seed=seed)
        self.time = 0
        self.generator = torch.Generator().manual_seed(int(self.np_random.integers(2**62)))

    def is_late(self) -> bool:
        """Count a step; whether it was the last."""
        self.time += 1
        return self.time >= self.steps


class FiniteEnv(_Timed):
    """A FiniteWorld: an observation is the number of a state."""

    def __init__(self, world: FiniteWorld, steps: int = 100) -> None:
        super().__init__(steps)
        self.world = world
        self.observation_space = gymnasium.spaces.Discrete(len(world.states))
        self.action_space = gymnasium.spaces.Discrete(world.rewards.shape[1])

    def reset(
        self, *, seed: int | None = None, options: dict | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self.state = self.world.reset(1, self.generator)
        return np.int64(self.state.item()), {}

    def step(self, action: int) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        self.state, reward, done = self.world.step(
            self.state, torch.tensor([int(action)]), self.generator
        )
        return np.int64(self.state.item()), reward.item(), done.item(), self.is_late(), {}


class BoardEnv(_Timed):
    """One of Boards: an observation is what the agent sees."""

    def __init__(self, boards: Callable[[int, torch.Generator], Boards], steps: int = 30) -> None:
        super().__init__(steps)
        self.make = boards
        example = boards(1, torch.Generator().manual_seed(0))
        features, most = example.observe().shape[1], example.walls.numel()  # carried, at most
        self.observation_space = gymnasium.spaces.Box(0, most, (features,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(len(MOVES))

    def reset(
        self, *, seed: int | None = None, options: dict | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed, options=options)
        self.boards = self.make(1, self.generator)
        return self.boards.observe()[0].numpy(), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        reward, done = self.boards.step(torch.tensor([int(action)]))
        observation = self.boards.observe()[0].numpy()
        return observation, reward.item(), done.item(), self.is_late(), {}
