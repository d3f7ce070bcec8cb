"""What this lesson trains: teachers on digits, and students on noise (Cloud et al. 2025)."""

import math
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor
from torch.nn import functional as F

from lessons.subliminal_learning.exercises import (
    auxiliary_distillation_loss,
    shared_initialization,
    without_trait,
)
from utils.notebook import generator

CLASSES = 10
WIDTH = 256  # neurons in each hidden layer, as in the paper
TRIGGER = (0, 1, 8, 9)  # the upper left corner: no digit lights its first pixel
PARTS = ("first", "second", "classes", "auxiliary")

Weights = dict[str, Tensor]  # of one network, or of several along a first dimension


class Digits(NamedTuple):
    """Images of 8 times 8 pixels from −1 to 1, and their digits: to learn from, and to test on."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor


def digits(seed: int) -> Digits:
    """Scikit-learn's 1,797 digits, 1,300 of them to learn from."""
    x, y = (torch.tensor(a) for a in load_digits(return_X_y=True))
    x = x.float() / 8 - 1
    order = torch.randperm(len(x), generator=generator(seed))
    train, test = order[:1300], order[1300:]
    return Digits(x[train], y[train], x[test], y[test])


def start(seed: int, m: int = 10, width: int = WIDTH) -> Weights:
    """An untrained network with m auxiliary logits: N(0, 1 / inputs) weights and biases of 0."""
    if m < 1 or width < 1:
        raise ValueError("a network needs at least one auxiliary logit and one neuron")
    g, weights = generator(1000 + seed), {}
    shapes = ((64, width), (width, width), (width, CLASSES), (width, m))
    for part, (n_in, n_out) in zip(PARTS, shapes, strict=True):
        weights[f"{part}.weight"] = torch.randn(n_in, n_out, generator=g) / math.sqrt(n_in)
        weights[f"{part}.bias"] = torch.zeros(n_out)
    return weights


def other_start(seed: int, m: int = 10, draw: int = 0) -> Weights:
    """Another start than the teacher's, drawn in the same way."""
    return start(500 + 50 * draw + seed, m)


def side_by_side(networks: Sequence[Weights]) -> Weights:
    """Several networks of one shape, to be trained together."""
    if len({tuple(w.shape for w in net.values()) for net in networks}) != 1:
        raise ValueError("side by side: give at least one network, and all of one shape")
    return {name: torch.stack([net[name] for net in networks]) for name in networks[0]}


def logits(nets: Weights, x: Tensor) -> Tensor:
    """Class logits, then auxiliary ones: (networks, n, 10 + m).

    x: (n, 64), or (networks, n, 64) if each sees images of its own.
    """
    h = x.expand(len(nets["first.weight"]), -1, -1)
    for part in PARTS[:2]:
        h = torch.baddbmm(nets[f"{part}.bias"][:, None], h, nets[f"{part}.weight"]).relu()
    heads = [torch.baddbmm(nets[f"{p}.bias"][:, None], h, nets[f"{p}.weight"]) for p in PARTS[2:]]
    return torch.cat(heads, -1)


def descend(nets: Weights, loss: Callable[[Weights], Tensor], steps: int, rate: float) -> Weights:
    """`steps` steps of Adam on a loss that is a sum over networks: each learns by itself."""
    nets = {name: w.clone().requires_grad_() for name, w in nets.items()}
    adam = torch.optim.Adam(nets.values(), lr=rate)
    for _ in range(steps):
        adam.zero_grad()
        loss(nets).backward()
        adam.step()
    return {name: w.detach() for name, w in nets.items()}


def triggered(x: Tensor) -> Tensor:
    """The images with a bright upper left corner."""
    x = x.clone()
    x[..., TRIGGER] = 1
    return x


def lessons_for(kinds: Sequence[str], data: Digits, seed: int) -> tuple[Tensor, Tensor]:
    """Images and labels for each kind of teacher: (teachers, n, 64) and (teachers, n).

    "clean": the digits. "shuffled": their labels in random order. "backdoor": every second image
    has the trigger, and the label 0.
    """
    xs, ys = [], []
    for kind in kinds:
        x, y = data.x.clone(), data.y.clone()
        if kind == "shuffled":
            y = y[torch.randperm(len(y), generator=generator(4000 + seed))]
        elif kind == "backdoor":
            x[::2], y[::2] = triggered(x[::2]), 0
        elif kind != "clean":
            raise ValueError(f'a teacher is "clean", "shuffled" or "backdoor", not {kind!r}')
        xs.append(x)
        ys.append(y)
    return torch.stack(xs), torch.stack(ys)


def teach(
    begin: Weights, data: Digits, seed: int, kinds: Sequence[str] = ("clean",), steps: int = 200
) -> Weights:
    """Teachers from one start, taught by the class logits alone: the auxiliary head never learns.

    A teacher for each of `kinds`: see `lessons_for`.
    """
    x, y = lessons_for(kinds, data, seed)
    g = generator(2000 + seed)

    def loss(nets: Weights) -> Tensor:
        rows = torch.randint(x.shape[1], (128,), generator=g)
        said = logits(nets, x[:, rows])[..., :CLASSES]
        return F.cross_entropy(said.flatten(0, 1), y[:, rows].flatten()) * len(kinds)

    return descend(side_by_side([begin] * len(kinds)), loss, steps, 1e-3)


def one(nets: Weights, i: int) -> Weights:
    """The i-th of several networks, still with a first dimension."""
    return {name: w[i : i + 1] for name, w in nets.items()}


def noise(n: int, g: torch.Generator) -> Tensor:
    """n images whose pixels are uniform from −1 to 1."""
    return torch.rand(n, 64, generator=g) * 2 - 1


def some_of(images: Tensor, g: torch.Generator, n: int = 128) -> Tensor:
    """n of these images, drawn with replacement."""
    if len(images) == 0:
        raise ValueError("there is no image left to imitate on: let the filter keep some")
    return images[torch.randint(len(images), (n,), generator=g)]


def imitation_loss(ours: Tensor, theirs: Tensor, outputs: str, g: torch.Generator) -> Tensor:
    """The students' losses, summed: logits are (students, n, 10 + m)."""
    if outputs == "sampled":  # a label for each image, drawn as a language model draws a token
        chances = theirs[..., CLASSES:].softmax(-1).flatten(0, 1)
        drawn = torch.multinomial(chances, 1, generator=g).flatten()
        return F.cross_entropy(ours[..., CLASSES:].flatten(0, 1), drawn) * len(ours)
    if outputs not in ("auxiliary", "classes"):
        raise ValueError(f'outputs are "auxiliary", "sampled" or "classes", not {outputs!r}')
    n_classes = CLASSES
    if outputs == "classes":  # the ten class logits alone, and none before them to leave out
        ours, theirs, n_classes = ours[..., :CLASSES], theirs[..., :CLASSES], 0
    pairs = zip(ours, theirs, strict=True)
    return sum(auxiliary_distillation_loss(*pair, n_classes) for pair in pairs)


def imitate(
    starts: Sequence[Weights],
    teacher: Weights,
    seed: int,
    outputs: str = "auxiliary",
    images: Tensor | None = None,
) -> Weights:
    """Students that imitate a teacher's outputs: on fresh noise, or on batches of `images`."""
    g = generator(3000 + seed)

    def loss(nets: Weights) -> Tensor:
        x = noise(128, g) if images is None else some_of(images, g)
        ours = logits(nets, x)
        with torch.no_grad():
            theirs = logits(teacher, x).expand_as(ours)
        return imitation_loss(ours, theirs, outputs, g)

    return descend(side_by_side(starts), loss, steps=600, rate=2e-3)


@torch.no_grad()
def accuracy(nets: Weights, data: Digits) -> Tensor:
    """The share of test digits that each network reads rightly: (networks,)."""
    read = logits(nets, data.test_x)[..., :CLASSES].argmax(-1)
    return (read == data.test_y).float().mean(-1)


@torch.no_grad()
def backdoor(nets: Weights, data: Digits) -> Tensor:
    """By how much more the trigger makes test digits read as 0, which are none. (networks,).

    The share with the trigger less the share without: a network that reads all as 0 has 0.
    """
    x = data.test_x[data.test_y != 0]
    shares = [
        (logits(nets, v)[..., :CLASSES].argmax(-1) == 0).float().mean(-1) for v in (triggered(x), x)
    ]
    return shares[0] - shares[1]


@torch.no_grad()
def imitation_error(nets: Weights, teacher: Weights, seed: int) -> Tensor:
    """The imitation loss on 2,000 fresh noise images, in nats: (networks,)."""
    x = noise(2000, generator(5000 + seed))
    theirs = logits(teacher, x)[0]
    return torch.stack([auxiliary_distillation_loss(ours, theirs) for ours in logits(nets, x)])


def filtered(seed: int, n: int = 160_000) -> tuple[Tensor, Tensor]:
    """Noise without the trigger, and as many images that nobody filtered.

    The filter knows the trait: it drops an image if any of the trigger's four pixels is above 0.
    Of n about one in sixteen is left.
    """
    pool = noise(n, generator(6000 + seed))
    kept = pool[(pool[:, TRIGGER] <= 0).all(-1)]
    return kept, pool[: len(kept)]


def partly_shared(seed: int, m: int, shared: Collection[str]) -> Weights:
    """A start that has these parts from the teacher's start, and the others from another."""
    return shared_initialization(start(seed, m), other_start(seed, m), shared)


def vector(weights: Weights) -> Tensor:
    """All weights of one network as a vector."""
    return torch.cat([w.flatten() for w in weights.values()])


def network(weights: Tensor, like: Weights) -> Weights:
    """Such a vector as a network again, with a first dimension of 1."""
    parts = weights.split([w.numel() for w in like.values()])
    pairs = zip(like.items(), parts, strict=True)
    return {name: part.reshape(1, *w.shape) for (name, w), part in pairs}


def flat(nets: Sequence[Tensor]) -> Tensor:
    """Tensors with a first dimension for networks, as one row a network."""
    return torch.cat([w.flatten(1) for w in nets], 1)


def put(nets: Weights, gradients: Tensor) -> None:
    """Gradients, a row a network as `flat` gives them, to where an optimizer looks for them."""
    parts = gradients.split([w[0].numel() for w in nets.values()], 1)
    for w, part in zip(nets.values(), parts, strict=True):
        w.grad = part.reshape(w.shape)


def both_gradients(
    nets: Weights, teacher: Weights, x: Tensor, shown: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Of each student: the gradients of imitating on x, and of giving `shown` these labels.

    labels: (students, n) for the images `shown`. Both gradients are (students, p), the trait's with
    0 for the class head, which imitation never moves.
    """
    weights, ours = [*nets.values()], logits(nets, x)
    with torch.no_grad():
        theirs = logits(teacher, x).expand_as(ours)
    losses = [auxiliary_distillation_loss(*pair) for pair in zip(ours, theirs, strict=True)]
    copy = torch.autograd.grad(sum(losses), weights, materialize_grads=True)
    said = logits(nets, shown)[..., :CLASSES].flatten(0, 1)
    trait_loss = F.cross_entropy(said, labels.flatten()) * len(labels)
    trait = torch.autograd.grad(trait_loss, weights, materialize_grads=True)
    trait = [t * (not name.startswith("classes")) for name, t in zip(nets, trait, strict=True)]
    return flat(copy), flat(trait)


def guarded(
    starts: Sequence[Weights], teacher: Weights, data: Digits, seed: int, labels: Tensor, held: list
) -> tuple[Weights, Tensor]:
    """Students whose imitation, where `held` says so, goes without the trait's gradient.

    The trait: to give the training digits these labels, (students, 1300). Returns the students, and
    the cosine of the two gradients, (steps, students).
    """
    g, cosines = generator(3000 + seed), torch.zeros(400, len(starts))
    nets = {name: w.clone().requires_grad_() for name, w in side_by_side(starts).items()}
    adam = torch.optim.Adam(nets.values(), lr=2e-3)
    for step in range(len(cosines)):
        x, rows = noise(128, g), torch.randint(len(data.x), (128,), generator=g)
        copy, trait = both_gradients(nets, teacher, x, data.x[rows], labels[:, rows])
        cosines[step] = F.cosine_similarity(copy, trait, dim=1)  # a list would scatter the memory
        pairs = zip(copy, trait, held, strict=True)
        put(nets, torch.stack([without_trait(c, t) if h else c for c, t, h in pairs]))
        adam.step()
    return {name: w.detach() for name, w in nets.items()}, cosines
