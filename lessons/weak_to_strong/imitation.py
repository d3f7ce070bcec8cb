"""What a student imitates, when the whole of it is trained for long (Burns et al. 2023, 5.1)."""

import copy
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons.weak_to_strong.exercises import performance_gap_recovered
from lessons.weak_to_strong.experiments import learned_body, own_answers, supervisor, world
from lessons.weak_to_strong.networks import accuracy, copies, minimize, network

FOLLOWED = ("odd", "prime")
STUDENTS = {"naive": 0.0, "confidence": 0.5, "truth": 0.0}  # the weight of their own answers
STEPS = 200


class Imitation(NamedTuple):
    """A student at one step of training; accuracies are means over the tasks."""

    step: int
    gold: tuple[float, float]  # accuracy on each half of the test rows: only true labels tell it
    weak: tuple[float, float]  # agreement with the supervisor on each half: anybody can look
    repeated: float  # share of the supervisor's test errors that the student repeats

    @property
    def test(self) -> float:
        """Accuracy on all test rows."""
        return sum(self.gold) / 2


class Followed(NamedTuple):
    """What came of it: students by name, their supervisors' accuracy, and the ceiling's."""

    points: dict[str, list[Imitation]]
    floor: float
    ceiling: float


def confidence_losses(
    logits: Tensor, weak: Tensor, alphas: Tensor, threshold: float | None = None
) -> Tensor:
    """`confidence_loss` of each student: logits and weak (students, rows), alphas (students,)."""
    target = torch.lerp(weak, own_answers(logits, weak, threshold), alphas[:, None])
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(1)


@cache
def imitate(seed: int, n_inputs: int = 12) -> Followed:
    """Fine-tune whole networks on weak labels, and look at them as training goes on.

    A student of each name for each task of FOLLOWED. "truth" is taught with true labels.
    """
    worlds = [world(task, seed) for task in FOLLOWED]
    x, test, rows = worlds[0].x, worlds[0].test, worlds[0].transfer
    truth = torch.stack([at.y for at in worlds])
    weak = torch.stack([supervisor(at, n_inputs, seed) for at in worlds])
    said = (weak > 0.5).float()
    labels = torch.stack([weak, weak, truth]).flatten(0, 1)[:, rows]
    strengths = torch.tensor(list(STUDENTS.values())).repeat_interleave(len(FOLLOWED))
    net = nn.Sequential(copy.deepcopy(learned_body(seed)), network((64, 1), seed))
    parameters, outputs = copies(net, len(labels))
    points: dict[str, list[Imitation]] = {name: [] for name in STUDENTS}
    halves = [slice(0, len(test) // 2), slice(len(test) // 2, None)]
    wrong = (said != truth)[:, test]

    @torch.no_grad()
    def watch(step: int) -> None:
        answers = (outputs(x[test])[..., 0] > 0).float().unflatten(0, (len(STUDENTS), -1))
        for name, given in zip(STUDENTS, answers, strict=True):
            gold, weak = (
                tuple(accuracy(given[:, half], labels[:, half]) for half in halves)
                for labels in (truth[:, test], said[:, test])
            )
            repeated = accuracy(given, said[:, test], wrong)
            points[name].append(Imitation(step, gold, weak, repeated))

    def loss(step: int) -> Tensor:
        if step in (0, 3) or step % 10 == 0:
            watch(step)
        now = strengths * min(1, step / (0.2 * STEPS))
        return confidence_losses(outputs(x[rows])[..., 0], labels, now).sum()

    minimize(parameters, loss, STEPS, 0.002, "whole networks")
    watch(STEPS)
    ceiling = points.pop("truth")[-1].test
    return Followed(points, accuracy(said[:, test], truth[:, test]), ceiling)


def stopping(seed: int, who: str = "naive") -> dict[str, float]:
    """PGR at the end of training, at the best weak agreement, and (cheating) at the best gold.

    The step is chosen on one half of the test rows and judged on the other, both ways round.
    """
    points, floor, ceiling = imitate(seed)
    seen = points[who]

    def chosen(labels: str) -> float:
        """Accuracy at the step that is best by these labels."""
        best = [max(seen, key=lambda p, half=half: getattr(p, labels)[half]) for half in (0, 1)]
        return (best[0].gold[1] + best[1].gold[0]) / 2

    found = {"the end": seen[-1].test, "weak labels": chosen("weak"), "gold labels": chosen("gold")}
    return {
        name: performance_gap_recovered(*torch.tensor([floor, reached, ceiling])).item()
        for name, reached in found.items()
    }
