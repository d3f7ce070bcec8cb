"""What the weak-to-strong lesson trains and measures (Hinton et al. 2015; Burns et al. 2023)."""

import copy
import itertools
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F

import utils
from lessons.weak_to_strong.exercises import (
    confidence_loss,
    distillation_loss,
    performance_gap_recovered,
)
from utils import progress
from utils.claims import Finding, claim

# Yes-or-no questions about a digit. The last is about breast tumors: malignant or benign.
TASKS = {
    "odd": (1, 3, 5, 7, 9),
    "five or more": (5, 6, 7, 8, 9),
    "has a loop": (0, 4, 6, 8, 9),
    "prime": (2, 3, 5, 7),
}
CANCER = "benign"
METHODS = ("naive", "hardened", "confidence", "ensemble", "ensemble + confidence")
PIXELS = (8, 16, 32)  # what supervisors of growing strength see
IMAGES = (0, 50, 500)  # what students of growing strength learned their features from
TEMPERATURES = (1.0, 2.0, 4.0, 8.0, 20.0)
DEMONSTRATIONS = (5, 10, 20, 50, 200)


# Distillation


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


def minimize(net: nn.Module, loss: Callable[[int], Tensor], steps: int, lr: float) -> None:
    """Full-batch Adam on loss(step)."""
    adam = torch.optim.Adam(net.parameters(), lr=lr, fused=True)
    for step in range(steps):
        adam.zero_grad()
        loss(step).backward()
        adam.step()


def accuracy(answers: Tensor, truth: Tensor, where: Tensor) -> float:
    """The share of right answers among the rows `where`."""
    return (answers[where] == truth[where]).double().mean().item()


@cache
def teacher(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """A network of 128 units taught 1,300 digits: its logits of all, the 1,300 rows, the rest."""
    x, y = digits()
    order = torch.randperm(len(x), generator=utils.generator(seed))
    train, test = order[:1300], order[1300:]
    net = network((64, 128, 10), seed)
    minimize(net, lambda _: F.cross_entropy(net(x[train]), y[train]), 200, 0.01)
    with torch.no_grad():
        return net(x), train, test


def distill(logits: Tensor, rows: Tensor, temperature: float, alpha: float, seed: int) -> Tensor:
    """A student of 16 units, taught these rows for 300 steps: its logits of all digits."""
    x, y = digits()
    net = network((64, 16, 10), seed + 100)

    def loss(step: int) -> Tensor:
        return distillation_loss(net(x[rows]), logits[rows], y[rows], temperature, alpha)

    minimize(net, loss, 300, 0.01)
    with torch.no_grad():
        return net(x)


def without_square(
    logits: Tensor, rows: Tensor, temperature: float, alpha: float, seed: int
) -> Tensor:
    """The same with T² left out: α T² KL + (1 − α) CE at other weights, to the same total."""
    soft, hard = alpha / temperature**2, 1 - alpha
    return distill(logits, rows, temperature, soft / (soft + hard), seed)


@cache
def few_examples(seed: int, n: int = 60) -> dict[str, list[float]]:
    """Test accuracies after n examples: hard labels, and soft targets at each temperature."""
    logits, train, test = teacher(seed)
    rows, truth = train[:n], digits()[1]

    def at(temperature: float, alpha: float, how: Callable = distill) -> float:
        student = how(logits, rows, temperature, alpha, seed)
        return accuracy(student.argmax(1), truth, test)

    return {
        "teacher": [accuracy(logits.argmax(1), truth, test)],
        "hard labels": [at(1.0, 0.0)],
        "soft targets": [at(t, 1.0) for t in TEMPERATURES],
        "half soft, half hard": [at(t, 0.5) for t in TEMPERATURES],
        "the same, T² forgotten": [at(t, 0.5, without_square) for t in TEMPERATURES],
    }


@cache
def never_shown(seed: int, temperature: float, alpha: float = 1.0, digit: int = 3) -> Tensor:
    """Leave a digit out of the transfer set: the student's logits of all digits."""
    logits, train, _ = teacher(seed)
    rows = train[digits()[1][train] != digit]
    return distill(logits, rows, temperature, alpha, seed)


def recognized(logits: Tensor, seed: int, bias: float = 0.0, digit: int = 3) -> tuple:
    """Test accuracy on one digit and on all, when so much is added to that digit's logit."""
    truth, test = digits()[1], teacher(seed)[2]
    answers = (logits + bias * F.one_hot(torch.tensor(digit), 10)).argmax(1)
    theirs = test[truth[test] == digit]
    return accuracy(answers, truth, theirs), accuracy(answers, truth, test)


def best_bias(logits: Tensor, seed: int) -> float:
    """The bias for digit 3 that is best for accuracy on the test set, as in the paper."""
    return max(torch.arange(0, 12, 0.25).tolist(), key=lambda b: recognized(logits, seed, b)[1])


# Weak to strong


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
    """A task with its four disjoint splits."""
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
    model = LogisticRegression(max_iter=1000)
    model.fit(seen[at.supervise], at.y[at.supervise].numpy())
    return torch.tensor(model.predict_proba(seen)[:, 1], dtype=torch.float32)


def dichotomies(seed: int, n: int = 8) -> Tensor:
    """n random halvings of the ten digits, (10, n) of 0 and 1. None of them is a task of ours."""
    generator, found = utils.generator(seed + 77), []
    ours = [set(yes) for yes in TASKS.values()]
    while len(found) < n:
        half = set(torch.randperm(10, generator=generator)[:5].tolist())
        if half not in ours and set(range(10)) - half not in ours:
            found.append(torch.tensor([float(d in half) for d in range(10)]))
    return torch.stack(found, 1)


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


def pretrained(x: Tensor, targets: Tensor | None, seed: int, width: int = 64) -> nn.Sequential:
    """Learn features by predicting the targets; without targets, by filling in blanked inputs."""
    n_out = x.shape[1] if targets is None else targets.shape[1]
    net, generator = network((x.shape[1], 128, width, n_out), seed), utils.generator(seed)

    def loss(step: int) -> Tensor:
        if targets is None:
            return F.mse_loss(net(x * (torch.rand(x.shape, generator=generator) > 0.3)), x)
        if (targets.sum(1) == 1).all():
            return F.cross_entropy(net(x), targets)
        return F.binary_cross_entropy_with_logits(net(x), targets)

    if len(x):
        minimize(net, loss, 300, 0.001)
    return nn.Sequential(*net[:-1], nn.ReLU())  # the last layer is thrown away


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


def teach(
    net: nn.Module, x: Tensor, weak: Tensor, alpha: float = 0.0, threshold: float | None = None,
    steps: int = 200, lr: float = 0.03, watch: Callable[[int], None] = lambda step: None,
) -> None:  # fmt: skip
    """Train a student on a supervisor's labels; α rises over the first fifth of training."""

    def loss(step: int) -> Tensor:
        watch(step)
        now = alpha * min(1.0, step / (0.2 * steps))
        return confidence_loss(net(x)[:, 0], weak, now, threshold)

    minimize(net, loss, steps, lr)
    watch(steps)


def student(x: Tensor, weak: Tensor, rows: Tensor, alpha: float = 0.0, **options) -> Tensor:
    """A new linear head on features x, taught the labels `weak` of these rows: yes or no to all."""
    head = nn.Linear(x.shape[1], 1)
    nn.init.zeros_(head.weight)  # from zero, so that a run has no luck of its own
    nn.init.zeros_(head.bias)
    teach(head, x[rows], weak[rows], alpha, **options)
    with torch.no_grad():
        return (head(x)[:, 0] > 0).float()


def crowd(at: World, n_inputs: int, seed: int) -> Tensor:
    """The mean answer of five supervisors, each with inputs of its own."""
    return torch.stack([supervisor(at, n_inputs, seed, member) for member in range(5)]).mean(0)


@cache
def score(
    task: str, seed: int, method: str, n_inputs: int = 0, n_images: int = 500,
    kind: str = "ten digits",
) -> float:  # fmt: skip
    """Test accuracy of the supervisor, the ceiling, or a student by one of METHODS."""
    at, x = world(task, seed), features(task, seed, n_images, kind)
    if method == "ceiling":
        return accuracy(student(x, at.y, at.transfer), at.y, at.test)
    several = method.startswith("ensemble")
    weak = crowd(at, n_inputs, seed) if several else supervisor(at, n_inputs, seed)
    said = (weak > 0.5).float()
    if method == "supervisor":
        return accuracy(said, at.y, at.test)
    labels, alpha = said if method == "hardened" else weak, 0.5 if "confidence" in method else 0.0
    return accuracy(student(x, labels, at.transfer, alpha), at.y, at.test)


def pooled(
    seed: int, n_inputs: int, method: str, n_images: int = 500, kind: str = "ten digits",
    tasks: tuple[str, ...] = tuple(TASKS),
) -> float:  # fmt: skip
    """PGR of the mean accuracies over tasks: a single task's gap may be tiny, or none."""

    def mean(name: str, inputs: int) -> Tensor:
        return torch.tensor([score(t, seed, name, inputs, n_images, kind) for t in tasks]).mean()

    three = mean("supervisor", n_inputs), mean(method, n_inputs), mean("ceiling", 0)
    return performance_gap_recovered(*three).item()


GRID_TASKS = ("odd", "prime")


def grid(seeds: range = range(5)) -> dict[str, Tensor]:
    """PGR by method: (seeds, students, supervisors), pooled over two tasks."""
    return {
        method: torch.tensor(
            [
                [[pooled(seed, k, method, n, tasks=GRID_TASKS) for k in PIXELS] for n in IMAGES]
                for seed in progress.track(seeds, method)
            ]
        )
        for method in ("naive", "confidence", "ensemble")
    }


def by_alpha(seed: int, n_inputs: int, alpha: float, threshold: float | None = None) -> float:
    """Accuracy gained over naive by the confidence loss, mean over two tasks."""
    gained = 0.0
    for task in GRID_TASKS:
        at, x = world(task, seed), features(task, seed)
        weak = supervisor(at, n_inputs, seed)
        answers = student(x, weak, at.transfer, alpha, threshold=threshold)
        gained += accuracy(answers, at.y, at.test) - score(task, seed, "naive", n_inputs)
    return gained / len(GRID_TASKS)


class Imitation(NamedTuple):
    """A student at one step of training."""

    step: int
    test: float  # accuracy on half of the test rows
    gold: float  # accuracy on the other half: what only somebody with true labels can look at
    weak: float  # agreement with the supervisor on that half: anybody can look at this
    repeated: float  # share of the supervisor's test errors that the student repeats


@cache
def imitate(seed: int, alpha: float = 0.0, task: str = "prime", truth: bool = False) -> list:
    """Fine-tune a whole network on weak labels (12 pixels), and look at it as training goes on."""
    at = world(task, seed)
    weak = supervisor(at, 12, seed)
    said = (weak > 0.5).float()
    wrong = at.test[said[at.test] != at.y[at.test]]
    held_out, test = at.test.chunk(2)
    net = nn.Sequential(copy.deepcopy(learned_body(seed)), network((64, 1), seed))
    seen: list[Imitation] = []

    @torch.no_grad()
    def watch(step: int) -> None:
        if step in (0, 5) or step % 20 == 0:
            answers = (net(at.x)[:, 0] > 0).float()
            pairs = ((at.y, test), (at.y, held_out), (said, held_out), (said, wrong))
            seen.append(Imitation(step, *(accuracy(answers, *pair) for pair in pairs)))

    labels = at.y if truth else weak
    teach(net, at.x[at.transfer], labels[at.transfer], alpha, steps=800, lr=0.001, watch=watch)
    return seen


@cache
def stopping(seed: int, alpha: float = 0.0) -> dict[str, float]:
    """PGR at the end of training, at the best weak agreement, and (cheating) at the best gold."""
    seen, ceiling = imitate(seed, alpha), imitate(seed, truth=True)[-1].test
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


# A locked ability


class Locked(NamedTuple):
    """What a locked model and its demonstrations come from."""

    net: nn.Sequential  # takes an image and a password bit
    start: nn.Sequential  # the same network before it learned anything
    spare: Tensor  # rows for demonstrations
    test: Tensor
    poor: Tensor  # what the poor model says about every image, (n,)


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
    minimize(net, lambda _: F.cross_entropy(net(both), wanted), 300, 0.003)
    return Locked(net, start, spare, test, poor)


@torch.no_grad()
def solves(net: nn.Module, rows: Tensor, given: bool = False) -> float:
    """Accuracy with or without the password."""
    return accuracy(net(with_password(rows, given)).argmax(1), digits()[1][rows], slice(None))


@cache
def elicit(seed: int, n: int, scratch: bool = False) -> float:
    """Fine-tune on n demonstrations, no password in sight: test accuracy without the password."""
    model = locked(seed)
    net = copy.deepcopy(model.start if scratch else model.net)
    rows = model.spare[:n]
    shown, right = with_password(rows, False), digits()[1][rows]
    minimize(net, lambda _: F.cross_entropy(net(shown), right), 100, 0.001)
    return solves(net, model.test)


# Claims


@claim(
    "Soft targets carry most of what a teacher knows in few examples",
    source="Hinton et al. 2015, section 6, table 5",
    paper="from 3 % of the data: 44.5 % with hard labels, 57.0 % with soft; 58.9 % with all data",
    bound="60 examples, T = 20: at least half of the gap from hard labels to the teacher is closed",
)
def soft_targets_beat_hard_labels(seed: int) -> Finding:
    found = few_examples(seed)
    values = (found["hard labels"][0], found["soft targets"][-1], found["teacher"][0])
    closed = performance_gap_recovered(*torch.tensor(values)).item()
    return Finding(closed, "of the gap", closed >= 0.5)


@claim(
    "A small student learns best at a middle temperature",
    source="Hinton et al. 2015, section 3",
    paper="with 30 units per layer, temperatures of 2.5 to 4 worked significantly better",
    bound="16 units, 60 examples: of T = 1, 2, 4, 8 and 20, the best is 2 or 4",
)
def small_students_want_middle_temperatures(seed: int) -> Finding:
    found = torch.tensor(few_examples(seed)["soft targets"])
    best = TEMPERATURES[int(found.argmax())]
    return Finding(best, "is the best T", best in (2.0, 4.0))


@claim(
    "A student recognizes a digit that it was never shown, once its bias is set right",
    source="Hinton et al. 2015, section 3",
    paper="98.6 % of the 3s, with the bias for 3 raised by 3.5 to suit the test set",
    bound="at least 90 % of the 3s at T = 20, with the bias chosen in the same way",
)
def a_digit_never_shown_is_recognized(seed: int) -> Finding:
    logits = never_shown(seed, 20.0)
    right = recognized(logits, seed, best_bias(logits, seed))[0]
    return Finding(100 * right, "% of the 3s", right >= 0.9)


@claim(
    "Naively taught students are better than their supervisor",
    source="Burns et al. 2023, abstract",
    paper="they consistently perform better than their weak supervisors",
    bound="PGR above 0 in each of the four digit tasks; 16 pixels, 500 images",
)
def students_beat_their_supervisor(seed: int) -> Finding:
    found = [pooled(seed, 16, "naive", tasks=(task,)) for task in TASKS]
    return Finding(min(found), "PGR (lowest of four tasks)", min(found) > 0)


@claim(
    "Even a very weak supervisor brings back more than a fifth",
    source="Burns et al. 2023, section 4.2",
    paper="NLP: with very weak supervisors we recover more than 20 % of the gap",
    bound="naive PGR above 0.2 over the four digit tasks; 8 pixels, 500 images",
)
def weak_supervisors_recover_a_fifth(seed: int) -> Finding:
    found = pooled(seed, 8, "naive")
    return Finding(found, "PGR", found > 0.2)


@claim(
    "PGR grows with the student's strength",
    source="Burns et al. 2023, section 4.2",
    paper="NLP: PGR increases with weak supervisor size and with strong student size",
    bound="naive PGR at 16 pixels over two tasks: 500 images above 50, and 50 above none",
)
def recovery_grows_with_the_student(seed: int) -> Finding:
    none, some, many = (pooled(seed, 16, "naive", n, tasks=GRID_TASKS) for n in IMAGES)
    return Finding(many - none, "PGR (500 images − none)", many > some > none)


@claim(
    "PGR grows with the supervisor's strength",
    source="Burns et al. 2023, section 4.2",
    paper="NLP: PGR increases with weak supervisor size and with strong student size",
    bound="naive PGR, 500 images, four tasks: 32 pixels above 16, and 16 above 8",
)
def recovery_grows_with_the_supervisor(seed: int) -> Finding:
    low, middle, high = (pooled(seed, k, "naive") for k in PIXELS)
    return Finding(high - low, "PGR (32 pixels − 8)", high > middle > low)


LARGE_GAP = {
    "source": "Burns et al. 2023, section 4.3.2",
    "paper": "smallest supervisor, largest student: median PGR from about 25 % to nearly 80 %",
}


@claim(
    "Over a large gap the confidence loss brings back more",
    **LARGE_GAP,
    bound="α = 0.5: PGR above naive over the four digit tasks; 8 pixels, 500 images",
)
def confidence_helps_over_a_large_gap(seed: int) -> Finding:
    gain = pooled(seed, 8, "confidence") - pooled(seed, 8, "naive")
    return Finding(gain, "PGR above naive", gain > 0)


@claim(
    "Over a large gap the confidence loss brings back nearly all",
    **LARGE_GAP,
    bound="α = 0.5: PGR of at least 0.7 over the four digit tasks; 8 pixels, 500 images",
)
def confidence_recovers_nearly_all(seed: int) -> Finding:
    found = pooled(seed, 8, "confidence")
    return Finding(found, "PGR", found >= 0.7)


def gain(seed: int, n_inputs: int) -> float:
    """What the confidence loss adds to naive accuracy, mean over the four digit tasks."""
    gains = [
        score(t, seed, "confidence", n_inputs) - score(t, seed, "naive", n_inputs) for t in TASKS
    ]
    return sum(gains) / len(gains)


@claim(
    "The confidence loss helps most over large gaps",
    source="Burns et al. 2023, section 4.3.2, as reported in published notes",
    paper="it helps at large gaps in compute, and is slightly worse than naive for small students",
    bound="accuracy gained over naive, four tasks: more at 8 pixels than at 32",
)
def confidence_helps_most_over_large_gaps(seed: int) -> Finding:
    wide, narrow = gain(seed, 8), gain(seed, 32)
    return Finding(100 * (wide - narrow), "points more at 8", wide > narrow)


@claim(
    "Labels of five supervisors are better than labels of one",
    source="as reported in the course's sources",
    paper="ensembles and scalable oversight narrow the gap by another 15 to 30 %",
    bound="PGR (from the single supervisor) at least 0.15 above naive; four tasks, 16 pixels",
)
def ensembles_help(seed: int) -> Finding:
    more = pooled(seed, 16, "ensemble") - pooled(seed, 16, "naive")
    return Finding(more, "PGR above naive", more >= 0.15)


@claim(
    "Students learn the supervisor's errors late: stopping on gold labels would help",
    source="Burns et al. 2023, section 5.1, as reported in published notes",
    paper="NLP: the best checkpoint by gold labels is about 15 points of PGR above the last",
    bound="at least 0.15 PGR above the end of training; naive, whole network, prime",
)
def gold_stopping_helps(seed: int) -> Finding:
    more = stopping(seed)["gold labels"] - stopping(seed)["the end"]
    return Finding(more, "PGR above the end", more >= 0.15)


@claim(
    "With the confidence loss stopping on gold labels helps less",
    source="Burns et al. 2023, section 5.1, as reported in published notes",
    paper="NLP: only about 5 points of PGR with the confidence loss, about 15 without",
    bound="gains less over the end of training than with the naive loss; the same run",
)
def confidence_needs_less_stopping(seed: int) -> Finding:
    naive, confident = (
        stopping(seed, a)["gold labels"] - stopping(seed, a)["the end"] for a in (0.0, 0.5)
    )
    return Finding(naive - confident, "PGR gained less", confident < naive)


@claim(
    "The confidence loss makes students repeat fewer of the supervisor's errors",
    source="Burns et al. 2023, section 5.1.3",
    paper="it reduces student-supervisor agreement, mostly where the supervisor is wrong",
    bound="a lower share of the supervisor's test errors repeated at the end; the same run",
)
def confidence_repeats_fewer_errors(seed: int) -> Finding:
    fewer = imitate(seed)[-1].repeated - imitate(seed, 0.5)[-1].repeated
    return Finding(100 * fewer, "% of errors", fewer > 0)


@claim(
    "It does not take features made from the ten digits: random dichotomies will do",
    source="ours, after Burns et al. 2023, section 6.1",
    paper="pretraining leakage may make results optimistic",
    bound="naive PGR above 0 over the four digit tasks; 16 pixels, none of them a dichotomy",
)
def dichotomies_suffice(seed: int) -> Finding:
    found = pooled(seed, 16, "naive", kind="8 dichotomies")
    return Finding(found, "PGR", found > 0)


@claim(
    "It does not take labels for the features at all",
    source="Burns et al. 2023, appendix D.1, as reported in published notes",
    paper="DINO, pretrained without labels, does better on ImageNet than AlexNet, its supervisor",
    bound="features from filling in blanked pixels: naive PGR above 0; four tasks, 16 pixels",
)
def features_without_labels_suffice(seed: int) -> Finding:
    found = pooled(seed, 16, "naive", kind="no labels")
    return Finding(found, "PGR", found > 0)


@claim(
    "A locked ability comes back with fewer demonstrations than it takes to learn it",
    source="Greenblatt et al. 2024, abstract",
    paper="a few high-quality demonstrations are often sufficient to fully elicit it",
    bound="20 demonstrations: the locked model at least 10 points above one trained from scratch",
)
def unlocking_beats_learning(seed: int) -> Finding:
    more = elicit(seed, 20) - elicit(seed, 20, scratch=True)
    return Finding(100 * more, "points above scratch", more >= 0.1)


@claim(
    "A few demonstrations unlock it fully",
    source="Greenblatt et al. 2024, abstract",
    paper="a few high-quality demonstrations are often sufficient to fully elicit it",
    bound="20 demonstrations: within 5 points of the accuracy with the password",
)
def few_demonstrations_unlock_fully(seed: int) -> Finding:
    model = locked(seed)
    missing = solves(model.net, model.test, given=True) - elicit(seed, 20)
    return Finding(100 * missing, "points missing", missing <= 0.05)


def bench() -> Iterator[tuple[str, Callable[[], tuple[int, float | None]]]]:
    """Rows for `make bench`."""

    def head() -> tuple[int, float]:
        at, x = world("odd", 0), features("odd", 0)
        answers = student(x, supervisor(at, 16, 0), at.transfer, 0.5)
        return 200, accuracy(answers, at.y, at.test)

    def body() -> tuple[int, None]:
        learned_body(0)
        return 300, None

    yield "features from 500 images", body
    yield "a head with the confidence loss, 600 labels", head
    yield "a whole network on weak labels", lambda: (800, imitate(0)[-1].test)
    yield "a locked model", lambda: (300, solves(locked(0).net, locked(0).test, given=True))
