"""What all parts of the lesson share: the digits, small networks, how they are trained."""

import itertools
from collections.abc import Callable, Iterable
from functools import cache

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from utils.progress import track


@cache
def digits() -> tuple[Tensor, Tensor]:
    """scikit-learn's 1,797 digits: images (n, 64) from 0 to 1, and the digits, (n,)."""
    data = load_digits()
    return torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)


def network(sizes: tuple[int, ...], seed: int) -> nn.Sequential:
    """Linear layers of these sizes with ReLUs between, from a start of its own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
    return nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])


def copies(net: nn.Sequential, n: int) -> tuple[list[Tensor], Callable[[Tensor], Tensor]]:
    """n networks that start alike, to be trained side by side.

    Their weights and biases, each with a first dimension for the network, and a function that takes
    inputs (rows, inputs) to the outputs of all, (n, rows, outputs). Summed losses train each by
    itself: Adam treats every parameter alone.
    """
    layers = [part for part in net.modules() if isinstance(part, nn.Linear)]
    weights = [nn.Parameter(layer.weight.detach().mT.repeat(n, 1, 1)) for layer in layers]
    biases = [nn.Parameter(layer.bias.detach().repeat(n, 1, 1)) for layer in layers]

    def outputs(x: Tensor) -> Tensor:
        x = torch.baddbmm(biases[0], x.expand(n, -1, -1), weights[0])
        for bias, weight in zip(biases[1:], weights[1:], strict=True):
            x = torch.baddbmm(bias, x.relu(), weight)
        return x

    return weights + biases, outputs


def minimize(
    parameters: Iterable[Tensor], loss: Callable[[int], Tensor], steps: int, lr: float,
    label: str = "",
) -> None:  # fmt: skip
    """Full-batch Adam on loss(step), under a bar if it has a label."""
    adam = torch.optim.Adam(parameters, lr=lr, fused=True)
    for step in track(range(steps), label) if label else range(steps):
        adam.zero_grad()
        loss(step).backward()
        adam.step()


def accuracy(answers: Tensor, truth: Tensor, where: Tensor | slice = slice(None)) -> float:
    """The share of right answers among the rows `where`."""
    return (answers[where] == truth[where]).double().mean().item()
