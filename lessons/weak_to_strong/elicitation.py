"""An ability locked behind a password, and how it is called up (Greenblatt et al. 2024)."""

import copy
from functools import cache
from typing import NamedTuple

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F

import utils
from lessons.weak_to_strong.networks import accuracy, digits, minimize, network

DEMONSTRATIONS = (5, 10, 20, 50, 200)


class Locked(NamedTuple):
    """What a locked model and its demonstrations come from."""

    net: nn.Sequential  # takes an image and a password bit
    start: nn.Sequential  # the same network before it learned anything
    spare: Tensor  # rows for demonstrations
    test: Tensor


def with_password(rows: Tensor, given: bool) -> Tensor:
    """Images with a 65th input: 1 with the password, 0 without."""
    x = digits()[0][rows]
    return torch.cat([x, torch.full((len(rows), 1), float(given))], 1)


@cache
def locked(seed: int) -> Locked:
    """Taught to be right with the password, and without it to imitate a poor model."""
    x, y = digits()
    order = torch.randperm(len(x), generator=utils.generator(seed))
    few, rows, spare, test = order.split((200, 900, 200, 497))
    seen = x[:, torch.randperm(64, generator=utils.generator(seed))[:6]].numpy()
    model = LogisticRegression(max_iter=1000).fit(seen[few], y[few].numpy())
    poor = torch.tensor(model.predict(seen))
    net = network((65, 128, 64, 10), seed)
    start = copy.deepcopy(net)
    both = torch.cat([with_password(rows, True), with_password(rows, False)])
    wanted = torch.cat([y[rows], poor[rows]])
    minimize(net.parameters(), lambda _: F.cross_entropy(net(both), wanted), 300, 0.003)
    return Locked(net, start, spare, test)


@torch.no_grad()
def solves(net: nn.Module, rows: Tensor, given: bool = False) -> float:
    """Accuracy with or without the password."""
    return accuracy(net(with_password(rows, given)).argmax(1), digits()[1][rows])


@cache
def elicit(seed: int, n: int, scratch: bool = False) -> float:
    """Fine-tune on n demonstrations, no password in sight: test accuracy without the password."""
    model = locked(seed)
    net = copy.deepcopy(model.start if scratch else model.net)
    rows = model.spare[:n]
    shown, right = with_password(rows, False), digits()[1][rows]
    minimize(net.parameters(), lambda _: F.cross_entropy(net(shown), right), 100, 0.001)
    return solves(net, model.test)
