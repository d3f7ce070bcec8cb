"""A strong teacher, a weak student: soft targets (Hinton et al. 2015)."""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

import utils
from lessons.weak_to_strong.exercises import distillation_loss
from lessons.weak_to_strong.networks import accuracy, copies, digits, minimize, network

TEMPERATURES = (1.0, 2.0, 4.0, 8.0, 20.0)


@cache
def teacher(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """A network of 128 units taught 1,300 digits: its logits of all, the 1,300 rows, the rest."""
    x, y = digits()
    order = torch.randperm(len(x), generator=utils.generator(seed))
    train, test = order[:1300], order[1300:]
    seen, right = x[train], y[train]
    net = network((64, 128, 10), seed)
    minimize(net.parameters(), lambda step: F.cross_entropy(net(seen), right), 200, 0.01)
    with torch.no_grad():
        return net(x), train, test


def distill(logits: Tensor, rows: Tensor, temperature: float, alpha: float, seed: int) -> Tensor:
    """A student of 16 units, taught these rows for 300 steps: its logits of all digits."""
    x, y = digits()
    net = network((64, 16, 10), seed + 100)

    def loss(step: int) -> Tensor:
        return distillation_loss(net(x[rows]), logits[rows], y[rows], temperature, alpha)

    minimize(net.parameters(), loss, 300, 0.01)
    with torch.no_grad():
        return net(x)


def distill_all(
    logits: Tensor, rows: Tensor, settings: Sequence[tuple[float, float]], seed: int
) -> Tensor:
    """`distill` at each (temperature, alpha), side by side: logits (settings, n, 10)."""
    x, y = digits()
    parameters, outputs = copies(network((64, 16, 10), seed + 100), len(settings))
    temperatures, alphas = torch.tensor(settings, dtype=torch.float32).T
    seen, soft, hard = x[rows], logits[rows], y[rows]
    losses = torch.vmap(distillation_loss.reference, in_dims=(0, None, None, 0, 0))

    def loss(step: int) -> Tensor:
        return losses(outputs(seen), soft, hard, temperatures, alphas).sum()

    minimize(parameters, loss, 300, 0.01)
    with torch.no_grad():
        return outputs(x)


def without_square(temperature: float, alpha: float) -> tuple[float, float]:
    """The setting that T² left out amounts to: α KL + (1 − α) CE, to the same total weight."""
    soft, hard = alpha / temperature**2, 1 - alpha
    return temperature, soft / (soft + hard)


@cache
def few_examples(seed: int, n: int = 60) -> dict[str, list[float]]:
    """Test accuracies after n examples: hard labels, and soft targets at each temperature."""
    logits, train, test = teacher(seed)
    settings = {
        "hard labels": [(1.0, 0.0)],
        "soft targets": [(t, 1.0) for t in TEMPERATURES],
        "half soft, half hard": [(t, 0.5) for t in TEMPERATURES],
        "half and half, T² forgotten": [without_square(t, 0.5) for t in TEMPERATURES],
    }
    every = [setting for some in settings.values() for setting in some]
    answers = distill_all(logits, train[:n], every, seed).argmax(2)
    truth = digits()[1]
    found = iter([accuracy(a, truth, test) for a in answers])
    return {"teacher": [accuracy(logits.argmax(1), truth, test)]} | {
        name: [next(found) for _ in each] for name, each in settings.items()
    }


@cache
def never_shown(seed: int, settings: tuple[tuple[float, float], ...], digit: int = 3) -> Tensor:
    """Leave a digit out of the transfer set: a student's logits of all digits at each setting."""
    logits, train, _ = teacher(seed)
    rows = train[digits()[1][train] != digit]
    return distill_all(logits, rows, settings, seed)


def recognized(logits: Tensor, seed: int, bias: float = 0.0, digit: int = 3) -> tuple[float, float]:
    """Test accuracy on one digit and on all, when so much is added to that digit's logit."""
    truth, test = digits()[1], teacher(seed)[2]
    answers = (logits + bias * F.one_hot(torch.tensor(digit), 10)).argmax(1)
    theirs = test[truth[test] == digit]
    return accuracy(answers, truth, theirs), accuracy(answers, truth, test)


def best_bias(logits: Tensor, seed: int) -> float:
    """The bias for digit 3 that is best for accuracy on the test set, as in the paper."""
    return max(torch.arange(0, 12, 0.25).tolist(), key=lambda b: recognized(logits, seed, b)[1])
