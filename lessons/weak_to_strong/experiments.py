"""A weak supervisor, a strong student (Burns et al. 2023), and what the notebook shows of the rest.

distillation.py and elicitation.py hold the lesson's other two experiments.
"""

import copy
import itertools
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

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
from lessons.weak_to_strong.networks import accuracy, copies, digits, minimize, network
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
GRID_TASKS = ("odd", "prime")
PIXELS = (8, 16, 32)  # what supervisors of growing strength see
IMAGES = (0, 50, 500)  # what students of growing strength learned their features from
ALPHAS = (0.25, 0.5, 0.75)
GAPS = (8, 32)  # the pixels that leave a wide gap, and a narrow one


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
    return torch.stack([supervisor(at, n_inputs, seed, member) for member in range(5)]).mean(0)


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


def confidence_losses(
    logits: Tensor, weak: Tensor, alphas: Tensor, threshold: float | None = None
) -> Tensor:
    """`confidence_loss` of each student: logits and weak (students, rows), alphas (students,)."""
    bold = alphas > 0  # the others are not asked for answers of their own
    logits_now, labels = logits.detach()[bold], weak[bold]
    if threshold is None:
        place = (1 - labels.mean(1, keepdim=True)) * (labels.shape[1] - 1)
        cut = logits_now.sort(1).values.gather(1, place.long())
    else:
        cut = torch.tensor(threshold).logit()
    target = weak.clone()
    target[bold] = torch.lerp(labels, (logits_now > cut).to(weak.dtype), alphas[bold, None])
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(1)


def teach_all(
    parameters: Sequence[Tensor], logits: Callable[[], Tensor], weak: Tensor,
    alphas: Sequence[float], threshold: float | None = None, steps: int = 200, lr: float = 0.03,
    watch: Callable[[int], None] = lambda step: None, label: str = "",
) -> None:  # fmt: skip
    """`teach` for students side by side: logits() gives (students, rows), weak has that shape."""
    strengths = torch.tensor(alphas, dtype=torch.float32)

    def loss(step: int) -> Tensor:
        watch(step)
        now = strengths * min(1.0, step / (0.2 * steps))
        return confidence_losses(logits(), weak, now, threshold).sum()

    minimize(parameters, loss, steps, lr, label)
    watch(steps)


def students(
    x: Tensor, weak: Sequence[Tensor], rows: Tensor, alphas: Sequence[float],
    threshold: float | None = None,
) -> Tensor:  # fmt: skip
    """`student` for each of the labelings, as one linear layer with an output for each."""
    heads = nn.Linear(x.shape[1], len(weak))
    nn.init.zeros_(heads.weight)
    nn.init.zeros_(heads.bias)
    seen, labels = x[rows], torch.stack(list(weak))[:, rows]
    teach_all(list(heads.parameters()), lambda: heads(seen).T, labels, alphas, threshold)
    with torch.no_grad():
        return (heads(x).T > 0).float()


# What comes out: by method, by strength, by alpha.


def labels_for(method: str, at: World, n_inputs: int, seed: int) -> tuple[Tensor, float]:
    """What a method teaches with: a label for every row, and the weight of the confidence term."""
    if method == "ceiling":
        return at.y, 0.0
    several = method.startswith("ensemble")
    weak = crowd(at, n_inputs, seed) if several else supervisor(at, n_inputs, seed)
    labels = (weak > 0.5).float() if method == "hardened" else weak
    return labels, 0.5 if "confidence" in method else 0.0


@cache
def scores(
    seed: int, n_images: int = 500, kind: str = "ten digits",
    methods: tuple[str, ...] = GRID_METHODS, inputs: tuple[int, ...] = PIXELS,
    tasks: tuple[str, ...] = tuple(TASKS),
) -> dict[tuple[str, str, int], float]:  # fmt: skip
    """Test accuracies by (task, method, inputs): the supervisors', and of students side by side.

    "supervisor" counts as a method, and so does "ceiling", at 0 inputs.
    """
    keys = [*itertools.product(tasks, methods, inputs), *((t, "ceiling", 0) for t in tasks)]
    weak, alphas = zip(*(labels_for(m, world(t, seed), k, seed) for t, m, k in keys), strict=True)
    x, rows = features(tasks[0], seed, n_images, kind), world(tasks[0], seed).transfer
    answers = dict(zip(keys, students(x, weak, rows, alphas), strict=True))
    for task, k in itertools.product(tasks, inputs):
        answers[task, "supervisor", k] = (supervisor(world(task, seed), k, seed) > 0.5).float()
    return {
        key: accuracy(said, world(key[0], seed).y, world(key[0], seed).test)
        for key, said in answers.items()
    }


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
    """PGR of the mean accuracies over tasks: a single task's gap may be tiny, or none."""
    got = scores(seed, n_images, kind)
    named = ("supervisor", n_inputs), (method, n_inputs), ("ceiling", 0)
    three = (torch.tensor([got[task, *key] for task in tasks]).mean() for key in named)
    return performance_gap_recovered(*three).item()


def grid(seeds: range) -> dict[str, Tensor]:
    """PGR by method: (seeds, students, supervisors), pooled over two tasks."""
    found: dict[str, list] = {method: [] for method in GRID_METHODS}
    for seed in progress.track(seeds, "the grid"):
        for method, rows in found.items():
            rows.append(
                [[pooled(seed, k, method, n, tasks=GRID_TASKS) for k in PIXELS] for n in IMAGES]
            )
    return {method: torch.tensor(rows) for method, rows in found.items()}


def gain(seed: int, n_inputs: int) -> float:
    """What the confidence loss adds to naive accuracy, mean over the four digit tasks."""
    got = scores(seed)
    gains = [got[t, "confidence", n_inputs] - got[t, "naive", n_inputs] for t in TASKS]
    return sum(gains) / len(gains)


def by_alpha(seed: int, threshold: float | None = None) -> Tensor:
    """Accuracy gained over naive at each of GAPS and ALPHAS, (2, 3), mean over two tasks."""
    keys = list(itertools.product([world(t, seed) for t in GRID_TASKS], GAPS, (0.0, *ALPHAS)))
    weak = [supervisor(at, k, seed) for at, k, _ in keys]
    x, rows = features(GRID_TASKS[0], seed), keys[0][0].transfer
    answers = students(x, weak, rows, [alpha for *_, alpha in keys], threshold)
    right = [accuracy(said, at.y, at.test) for said, (at, *_) in zip(answers, keys, strict=True)]
    mean = torch.tensor(right).view(len(GRID_TASKS), len(GAPS), -1).mean(0)
    return mean[:, 1:] - mean[:, :1]


# What a student imitates, when the whole of it is trained for long.


class Imitation(NamedTuple):
    """A student at one step of training."""

    step: int
    test: float  # accuracy on half of the test rows
    gold: float  # accuracy on the other half: what only somebody with true labels can look at
    weak: float  # agreement with the supervisor on that half: anybody can look at this
    repeated: float  # share of the supervisor's test errors that the student repeats


@cache
def imitate(seed: int, task: str = "prime") -> dict[str, list[Imitation]]:
    """Fine-tune whole networks on weak labels (12 pixels), and look at them as training goes on.

    "naive", "confidence" (α = 0.5), and "truth", taught with true labels.
    """
    at, seen = world(task, seed), {"naive": [], "confidence": [], "truth": []}
    weak = supervisor(at, 12, seed)
    said = (weak > 0.5).float()
    wrong = at.test[said[at.test] != at.y[at.test]]
    held_out, test = at.test.chunk(2)
    pairs = ((at.y, test), (at.y, held_out), (said, held_out), (said, wrong))
    net = nn.Sequential(copy.deepcopy(learned_body(seed)), network((64, 1), seed))
    parameters, outputs = copies(net, len(seen))

    @torch.no_grad()
    def watch(step: int) -> None:
        if step in (0, 5) or step % 20 == 0:
            for points, logits in zip(seen.values(), outputs(at.x), strict=True):
                answers = (logits[:, 0] > 0).float()
                points.append(Imitation(step, *(accuracy(answers, *pair) for pair in pairs)))

    x, labels = at.x[at.transfer], torch.stack([weak, weak, at.y])[:, at.transfer]
    teach_all(
        parameters, lambda: outputs(x)[..., 0], labels, (0.0, 0.5, 0.0),
        steps=800, lr=0.001, watch=watch, label="whole networks",
    )  # fmt: skip
    return seen


def stopping(seed: int, who: str = "naive") -> dict[str, float]:
    """PGR at the end of training, at the best weak agreement, and (cheating) at the best gold."""
    seen, ceiling = imitate(seed)[who], imitate(seed)["truth"][-1].test
    at = world("prime", seed)
    said = (supervisor(at, 12, seed) > 0.5).float()
    floor = accuracy(said, at.y, at.test.chunk(2)[1])
    points = {
        "the end": seen[-1],
        "weak labels": max(seen, key=lambda point: point.weak),
        "gold labels": max(seen, key=lambda point: point.gold),
    }
    return {
        name: performance_gap_recovered(*torch.tensor([floor, p.test, ceiling])).item()
        for name, p in points.items()
    }
