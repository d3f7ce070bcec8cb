"""A weak supervisor, a strong student (Burns et al. 2023), and what the notebook shows of the rest.

imitation.py follows whole networks through training; game.py and debated.py let the supervisor hear
a debate; distillation.py and elicitation.py hold the lesson's other two experiments.
"""

import itertools
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F

import utils
from lessons.weak_to_strong.distillation import distill as distill
from lessons.weak_to_strong.elicitation import elicit as elicit
from lessons.weak_to_strong.elicitation import locked as locked
from lessons.weak_to_strong.exercises import confidence_loss, performance_gap_recovered
from lessons.weak_to_strong.game import debate as debate
from lessons.weak_to_strong.networks import accuracy, digits, minimize, network
from utils import progress

# Yes-or-no questions about a digit. The last is about breast tumors: malignant or benign.
TASKS = {
    "odd": (1, 3, 5, 7, 9),
    "five or more": (5, 6, 7, 8, 9),
    "has a loop": (0, 4, 6, 8, 9),
    "prime": (2, 3, 5, 7),
}
CANCER = "benign"

METHODS = ("naive", "hardened", "confidence", "ensemble", "ensemble + confidence")
GRID_METHODS = ("naive", "confidence", "ensemble")
SUPERVISORS = 5  # each with random pixels of its own: one alone may be lucky in them
PIXELS = (8, 16, 32)  # what supervisors of growing strength see
IMAGES = (0, 50, 500)  # what students of growing strength learned their features from
ALPHAS = (0.25, 0.5, 0.75)
GAPS = (8, 32)  # the pixels that leave a wide gap, and a narrow one
SMALLEST_GAP = 0.02  # ten test images: a share of less is noise


# Who sees what: the tasks, the supervisors, the students' features.


class World(NamedTuple):
    """A yes-or-no task, and who may see which rows."""

    x: Tensor  # (n, inputs)
    y: Tensor  # (n,), 1.0 for yes
    pretrain: Tensor  # rows for the student's features; no labels of the task
    supervise: Tensor  # rows with true labels, for the supervisors
    transfer: Tensor  # rows that a supervisor labels for the student
    test: Tensor


@cache
def world(task: str, seed: int) -> World:
    """A task with its four disjoint splits, which are the same for all tasks about digits."""
    if task == CANCER:
        data = load_breast_cancer()
        x = torch.tensor(data.data, dtype=torch.float32)
        x, y, sizes = (x - x.mean(0)) / x.std(0), torch.tensor(data.target), (170, 60, 170, 169)
    else:
        x, digit = digits()
        y, sizes = torch.isin(digit, torch.tensor(TASKS[task])), (500, 200, 600, 497)
    order = torch.randperm(len(x), generator=utils.generator(seed))
    return World(x, y.float(), *order.split(sizes))


@cache
def supervisor(at: World, n_inputs: int, seed: int, member: int = 0) -> Tensor:
    """Logistic regression that sees only n_inputs random inputs: probabilities of yes, (n,)."""
    order = torch.randperm(at.x.shape[1], generator=utils.generator(1000 * seed + member))
    varied = order[at.x[at.supervise][:, order].std(0) > 0.1]  # border pixels are always blank
    seen = at.x[:, varied[:n_inputs]].numpy()
    model = LogisticRegression(solver="newton-cholesky")  # on so few inputs the fastest
    model.fit(seen[at.supervise], at.y[at.supervise].numpy())
    return torch.tensor(model.predict_proba(seen)[:, 1], dtype=torch.float32)


def crowd(at: World, n_inputs: int, seed: int) -> Tensor:
    """The mean answer of five supervisors, each with inputs of its own."""
    answers = [supervisor(at, n_inputs, seed, member) for member in range(SUPERVISORS)]
    return torch.stack(answers).mean(0)


def dichotomies(seed: int, n: int = 8) -> Tensor:
    """n random halvings of the ten digits, (10, n) of 0 and 1. None of them is a task of ours."""
    generator, found = utils.generator(seed + 77), []
    ours = [set(yes) for yes in TASKS.values()]
    while len(found) < n:
        half = set(torch.randperm(10, generator=generator)[:5].tolist())
        if half not in ours and set(range(10)) - half not in ours:
            found.append(torch.tensor([float(d in half) for d in range(10)]))
    return torch.stack(found, 1)


def pretrained(x: Tensor, targets: Tensor | None, seed: int, width: int = 64) -> nn.Sequential:
    """Learn features by predicting the targets; without targets, by filling in blanked inputs."""
    n_out = x.shape[1] if targets is None else targets.shape[1]
    net, generator = network((x.shape[1], 128, width, n_out), seed), utils.generator(seed)
    one_hot = targets is not None and bool((targets.sum(1) == 1).all())

    def loss(step: int) -> Tensor:
        if targets is None:
            return F.mse_loss(net(x * (torch.rand(x.shape, generator=generator) > 0.3)), x)
        fit = F.cross_entropy if one_hot else F.binary_cross_entropy_with_logits
        return fit(net(x), targets)

    if len(x):
        minimize(net.parameters(), loss, 300, 0.001)
    return nn.Sequential(*net[:-1], nn.ReLU())  # the last layer is thrown away


@cache
def learned_body(seed: int, n_images: int = 500, kind: str = "ten digits") -> nn.Sequential:
    """Layers to 64 features, learned on the pretraining rows alone. 0 images: left at random."""
    x, digit = digits()
    rows = world("odd", seed).pretrain[:n_images]
    classes = {
        "ten digits": F.one_hot(digit, 10).float(),
        "8 dichotomies": dichotomies(seed)[digit],
    }
    return pretrained(x[rows], classes[kind][rows] if kind in classes else None, seed)


@cache
def features(task: str, seed: int, n_images: int = 500, kind: str = "ten digits") -> Tensor:
    """What a student sees: its 64 (tumors: 32) features of every row, scaled, (n, 64)."""
    at = world(task, seed)
    if task == CANCER:
        body = pretrained(at.x[at.pretrain], None, seed, width=32)
    else:
        body = learned_body(seed, n_images, kind)
    with torch.no_grad():
        found = body(at.x)
    return (found - found.mean(0)) / (found.std(0) + 1e-3) / 8


# How students are taught: one as the notebook shows it, and many side by side.


def teach(
    net: nn.Module, x: Tensor, weak: Tensor, alpha: float = 0.0, threshold: float | None = None,
    steps: int = 200, lr: float = 0.03,
) -> None:  # fmt: skip
    """Train a student on a supervisor's labels; α rises over the first fifth of training."""

    def loss(step: int) -> Tensor:
        now = alpha * min(1.0, step / (0.2 * steps))
        return confidence_loss(net(x)[:, 0], weak, now, threshold)

    minimize(net.parameters(), loss, steps, lr)


def student(x: Tensor, weak: Tensor, rows: Tensor, alpha: float = 0.0, **options) -> Tensor:
    """A new linear head on features x, taught the labels `weak` of these rows: yes or no to all."""
    head = nn.Linear(x.shape[1], 1)
    nn.init.zeros_(head.weight)  # from zero, so that a run has no luck of its own
    nn.init.zeros_(head.bias)
    teach(head, x[rows], weak[rows], alpha, **options)
    with torch.no_grad():
        return (head(x)[:, 0] > 0).float()


def own_answers(logits: Tensor, weak: Tensor, threshold: float | None = None) -> Tensor:
    """f̂ in `confidence_loss` of each student: its hardened answers, (students, rows)."""
    if threshold is None:
        place = (1 - weak.mean(1, keepdim=True)) * (weak.shape[1] - 1)
        ordered = torch.from_numpy(np.sort(logits.detach().numpy()))  # ten times torch's speed
        cut = ordered.gather(1, place.long())
    else:
        cut = torch.tensor(threshold).logit()
    return (logits.detach() > cut).to(weak.dtype)


def students(
    x: Tensor, weak: Sequence[Tensor], rows: Tensor, alphas: Sequence[float],
    threshold: float | None = None, steps: int = 200, lr: float = 0.03,
) -> Tensor:  # fmt: skip
    """`student` for each of the labelings, as one linear layer with an output for each."""
    seen = torch.cat([x[rows], torch.ones(len(rows), 1)], 1)
    labels, strengths = torch.stack(list(weak))[:, rows], torch.tensor(alphas)
    bold = strengths.nonzero()[:, 0]  # the others are not asked for answers of their own
    theirs = labels[bold]
    heads = torch.zeros(len(labels), seen.shape[1])
    adam = torch.optim.Adam([heads], lr=lr, fused=True)
    for step in range(steps):
        logits = heads @ seen.T
        error = logits.sigmoid().sub_(labels)  # answer minus target: the gradient of cross-entropy
        if step and len(bold):
            now = strengths[bold, None] * min(1, step / (0.2 * steps))
            own = own_answers(logits[bold], theirs, threshold)
            error.index_add_(0, bold, now * (theirs - own))
        heads.grad = error @ seen / len(rows)
        adam.step()
    return (x @ heads[:, :-1].T + heads[:, -1] > 0).float().T


# What comes out: by method, by strength, by alpha.


def labels_for(
    method: str, at: World, n_inputs: int, seed: int, member: int = 0
) -> tuple[Tensor, float]:
    """What a method teaches with: a label for every row, and the weight of the confidence term."""
    if method == "ceiling":
        return at.y, 0.0
    several = method.startswith("ensemble")
    weak = crowd(at, n_inputs, seed) if several else supervisor(at, n_inputs, seed, member)
    labels = (weak > 0.5).float() if method == "hardened" else weak
    return labels, 0.5 if "confidence" in method else 0.0


def scores(
    seed: int, n_images: int = 500, kind: str = "ten digits",
    methods: tuple[str, ...] = GRID_METHODS, inputs: tuple[int, ...] = PIXELS,
    tasks: tuple[str, ...] = tuple(TASKS),
) -> dict[tuple[str, str, int], float]:  # fmt: skip
    """Test accuracies by (task, method, inputs): the supervisors', and of students side by side.

    Each of the five supervisors teaches a student of its own, and the mean is given; an ensemble
    is all five as one. "supervisor" counts as a method, and so do "ceiling", at 0 inputs, and
    "repeated": the share of a supervisor's errors that its naive student repeats.
    """
    return _scores(seed, n_images, kind, methods, inputs, tasks)


@cache
def _scores(
    seed: int, n_images: int, kind: str, methods: tuple[str, ...], inputs: tuple[int, ...],
    tasks: tuple[str, ...],
) -> dict[tuple[str, str, int], float]:  # fmt: skip
    """`scores`, remembered however its arguments were given."""
    keys = [(task, "ceiling", 0, 0) for task in tasks]
    for task, method, k in itertools.product(tasks, methods, inputs):
        members = range(1 if method.startswith("ensemble") else SUPERVISORS)
        keys += [(task, method, k, member) for member in members]
    taught = [labels_for(m, world(t, seed), k, seed, member) for t, m, k, member in keys]
    weak, alphas = zip(*taught, strict=True)
    x, rows = features(tasks[0], seed, n_images, kind), world(tasks[0], seed).transfer
    answers = dict(zip(keys, students(x, weak, rows, alphas), strict=True))
    found: dict[tuple[str, str, int], list[float]] = {}
    for (task, method, k, member), given in answers.items():
        at = world(task, seed)
        found.setdefault((task, method, k), []).append(accuracy(given, at.y, at.test))
        if method == "naive":
            said = (supervisor(at, k, seed, member) > 0.5).float()
            wrong = at.test[said[at.test] != at.y[at.test]]
            found.setdefault((task, "supervisor", k), []).append(accuracy(said, at.y, at.test))
            found.setdefault((task, "repeated", k), []).append(accuracy(given, said, wrong))
    return {key: sum(each) / len(each) for key, each in found.items()}


def by_method(seeds: range) -> dict[str, Tensor]:
    """Accuracies by task: (seeds, supervisor, METHODS and ceiling); 12 pixels, 2 measurements."""
    found: dict[str, list] = {task: [] for task in (*TASKS, CANCER)}
    for seed in progress.track(seeds, "five methods"):
        for tasks, k in ((tuple(TASKS), 12), ((CANCER,), 2)):
            got = scores(seed, methods=METHODS, inputs=(k,), tasks=tasks)
            for task in tasks:
                row = [got[task, how, k] for how in ("supervisor", *METHODS)]
                found[task].append([*row, got[task, "ceiling", 0]])
    return {task: torch.tensor(rows) for task, rows in found.items()}


def pooled(
    seed: int, n_inputs: int, method: str, n_images: int = 500, kind: str = "ten digits",
    tasks: tuple[str, ...] = tuple(TASKS),
) -> float:  # fmt: skip
    """PGR of the mean accuracies over supervisors and tasks: a single gap may be tiny, or none."""
    all_at_once = kind == "ten digits" and n_inputs in PIXELS
    got = scores(seed, n_images, kind, inputs=PIXELS if all_at_once else (n_inputs,))
    named = ("supervisor", n_inputs), (method, n_inputs), ("ceiling", 0)
    three = (torch.tensor([got[task, *key] for task in tasks]).mean() for key in named)
    return performance_gap_recovered(*three).item()


def five_together(seed: int, n_inputs: int) -> dict[str, float]:
    """Test accuracies, mean over the four digit tasks: how good are an ensemble's own labels?"""
    got, at = scores(seed), {task: world(task, seed) for task in TASKS}
    five = [accuracy(crowd(w, n_inputs, seed) > 0.5, w.y > 0.5, w.test) for w in at.values()]
    named = {
        "one supervisor": ("supervisor", n_inputs),
        "the student of the five": ("ensemble", n_inputs),
        "ceiling": ("ceiling", 0),
    }
    means = {name: sum(got[t, *key] for t in TASKS) / len(TASKS) for name, key in named.items()}
    one, student, top = means.items()
    return dict([one, ("five together", sum(five) / len(five)), student, top])


def grid(seeds: range) -> dict[str, Tensor]:
    """PGR by method: (seeds, students, supervisors), pooled over the four tasks.

    nan where the ceiling is on average less than SMALLEST_GAP above the supervisors.
    """
    found: dict[str, list] = {method: [] for method in GRID_METHODS}
    gaps = []
    for seed in progress.track(seeds, "the grid"):
        gaps.append([[gap(seed, k, n) for k in PIXELS] for n in IMAGES])
        for method, rows in found.items():
            rows.append([[pooled(seed, k, method, n) for k in PIXELS] for n in IMAGES])
    there = torch.tensor(gaps).mean(0) >= SMALLEST_GAP
    return {method: torch.tensor(rows).where(there, torch.nan) for method, rows in found.items()}


def gap(seed: int, n_inputs: int, n_images: int = 500) -> float:
    """By how much the ceiling is above the supervisors, mean over the four digit tasks."""
    got = scores(seed, n_images)
    return sum(got[t, "ceiling", 0] - got[t, "supervisor", n_inputs] for t in TASKS) / len(TASKS)


def gain(seed: int, n_inputs: int, method: str = "confidence", over: str = "naive") -> float:
    """What a method adds to another's accuracy, mean over the four digit tasks."""
    got = scores(seed)
    gains = [got[t, method, n_inputs] - got[t, over, n_inputs] for t in TASKS]
    return sum(gains) / len(gains)


def by_alpha(seed: int, threshold: float | None = None) -> Tensor:
    """Accuracy gained over naive at each of GAPS and ALPHAS, (2, 3), mean over all else."""
    keys = list(itertools.product(TASKS, range(3), GAPS, (0.0, *ALPHAS)))  # of the supervisors
    weak = [supervisor(world(t, seed), k, seed, member) for t, member, k, _ in keys]
    x, rows = features("odd", seed), world("odd", seed).transfer
    answers = students(x, weak, rows, [alpha for *_, alpha in keys], threshold)
    right = []
    for said, (task, *_) in zip(answers, keys, strict=True):
        at = world(task, seed)
        right.append(accuracy(said, at.y, at.test))
    mean = torch.tensor(right).view(-1, len(GAPS), 1 + len(ALPHAS)).mean(0)
    return mean[:, 1:] - mean[:, :1]
