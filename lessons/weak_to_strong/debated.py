"""A supervisor who has heard a debate labels for the student (Lang, Huang & Li 2025)."""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import utils
from lessons.weak_to_strong.exercises import performance_gap_recovered
from lessons.weak_to_strong.experiments import (
    SUPERVISORS,
    TASKS,
    features,
    students,
    supervisor,
    world,
)
from lessons.weak_to_strong.game import REVEALS, debate, shown
from lessons.weak_to_strong.networks import accuracy, minimize, network
from utils.worlds.pixels import random_pixels

EVIDENCE = {  # what a labeler goes by, and how many labelings of each kind there are for a task
    "the same pixels": SUPERVISORS,  # of every image: the supervisors of the rest of the lesson
    "random pixels": 3,  # of each image others
    "a debate": 1,
    "truth": 1,
}


@cache
def judge(seed: int) -> nn.Sequential:
    """A weak labeler: taught on 200 images to answer all four questions from 1 to 6 pixels."""
    at, generator = world("odd", seed), utils.generator(seed)
    images = at.x[at.supervise]
    truth = torch.stack([world(task, seed).y[at.supervise] for task in TASKS], 1)
    net = network((128, 64, len(TASKS)), seed)

    def loss(step: int) -> Tensor:
        n = torch.randint(1, REVEALS + 1, (len(images), 1), generator=generator)
        view = shown(images, random_pixels(images, n, generator))
        return F.binary_cross_entropy_with_logits(net(view), truth)

    minimize(net.parameters(), loss, 600, 0.003)
    return net.requires_grad_(False)


def labelings(kind: str, seed: int, task: str) -> list[Tensor]:
    """Probabilities of yes for the transfer rows, by labelers with six pixels as evidence."""
    at, generator = world(task, seed), utils.generator(seed)
    images, i = at.x[at.transfer], list(TASKS).index(task)
    if kind == "truth":
        return [at.y[at.transfer]]
    if kind == "the same pixels":
        members = range(EVIDENCE[kind])
        return [supervisor(at, REVEALS, seed, member)[at.transfer] for member in members]
    if kind == "random pixels":
        masks = [random_pixels(images, REVEALS, generator) for _ in range(EVIDENCE[kind])]
    else:
        masks = [debate(judge(seed), i, images, at.y[at.transfer])]
    return [judge(seed)(shown(images, mask))[:, i].sigmoid() for mask in masks]


class Taught(NamedTuple):
    """What labels of one kind are worth, mean over the four tasks."""

    labels: float  # share of right labels on the transfer rows
    student: float  # test accuracy of the student taught with them
    copied: float  # share of the wrong labels that the student gives too
    recovered: float  # PGR: of the gap from these labels to the ceiling, what the student closes


@cache
def by_evidence(seed: int) -> dict[str, Taught]:
    """What students learn from labels made with each kind of EVIDENCE."""
    at, x = world("odd", seed), features("odd", seed)
    keys = [(kind, task) for kind, n in EVIDENCE.items() for task in TASKS for _ in range(n)]
    weak = [w for kind in EVIDENCE for task in TASKS for w in labelings(kind, seed, task)]
    rows = at.transfer
    labels = torch.zeros(len(weak), len(x)).index_copy(1, rows, torch.stack(weak))
    found: dict[str, list[tuple[float, ...]]] = {kind: [] for kind in EVIDENCE}
    answers = students(x, list(labels), rows, [0.0] * len(labels))
    for (kind, task), given, said in zip(keys, labels > 0.5, answers > 0.5, strict=True):
        truth = world(task, seed).y > 0.5
        wrong = rows[given[rows] != truth[rows]]
        right = accuracy(given, truth, rows), accuracy(said, truth, at.test)
        found[kind].append((*right, accuracy(said, given, wrong)))
    means = {kind: torch.tensor(each).mean(0) for kind, each in found.items()}
    top = means["truth"][1]
    return {
        kind: Taught(*mean.tolist(), performance_gap_recovered(mean[0], mean[1], top).item())
        for kind, mean in means.items()
    }
