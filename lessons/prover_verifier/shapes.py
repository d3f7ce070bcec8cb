"""The world of this lesson: pictures of 9 by 9 pixels with a whole shape of one of four kinds.

All else in a picture is noise and near misses: shapes of the other kinds with one pixel wrong. The
rest of this file is Anil et al.'s game on it: who proves has no limits, who verifies sees a patch.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons.prover_verifier.exercises import soundness_and_completeness, verifier_loss
from utils import progress

SIDE, PATCH = 9, 5
NAMES = ("plus", "cross", "tee", "ring")
KINDS = torch.tensor(
    [
        [0, 1, 0, 1, 1, 1, 0, 1, 0],
        [1, 0, 1, 0, 1, 0, 1, 0, 1],
        [1, 1, 1, 0, 1, 0, 0, 1, 0],
        [1, 1, 1, 1, 0, 1, 1, 1, 1],
    ]
).float()
PLACES = SIDE * SIDE


class Pictures(NamedTuple):
    """Pictures (n, 9, 9), the kind of shape in each, the place of its middle, and all patches."""

    images: Tensor
    kind: Tensor
    place: Tensor
    patches: Tensor  # (n, 81, 25): what there is to be seen around each place


def around(images: Tensor, side: int) -> Tensor:
    """The square around each pixel, 0 beyond the edge: (n, 9, 9) to (n, 81, side²)."""
    return F.unfold(images[:, None], side, padding=side // 2).mT


def whole(images: Tensor) -> Tensor:
    """Where each kind of shape stands without a flaw: (n, 81, 4), bool."""
    return (around(images, 3)[:, :, None] == KINDS).all(-1)


def paste(images: Tensor, shapes: Tensor, g: torch.Generator) -> None:
    """Put a shape of 3 by 3 pixels somewhere in each picture, in place."""
    corner = torch.randint(SIDE - 2, (len(images), 2, 1), generator=g) + torch.arange(3)
    rows, columns = corner[:, 0, :, None], corner[:, 1, None, :]
    images[torch.arange(len(images))[:, None, None], rows, columns] = shapes.view(-1, 3, 3)


def draw(n: int, g: torch.Generator) -> Pictures:
    """n pictures: noise, a near miss of each other kind, and a whole shape (or several alike)."""
    if n < 1:
        raise ValueError(f"draw at least one picture: n = {n}")
    kind = torch.randint(4, (4 * n,), generator=g)
    images = (torch.rand(4 * n, SIDE, SIDE, generator=g) < 0.3).float()
    for other in range(1, 4):
        near = KINDS[(kind + other) % 4]
        wrong = torch.randint(9, (4 * n, 1), generator=g)
        paste(images, near.scatter(1, wrong, 1 - near.gather(1, wrong)), g)
    paste(images, KINDS[kind], g)
    there = whole(images).any(1)  # a shape may be covered, or made by chance: such are sorted out
    ok = (there == F.one_hot(kind, 4).bool()).all(1)
    images, kind = images[ok][:n], kind[ok][:n]
    place = whole(images)[torch.arange(len(kind)), :, kind].float().argmax(1)
    return Pictures(images, kind, place, around(images, PATCH))


def other_kind(kind: Tensor, g: torch.Generator) -> Tensor:
    """A false name for each picture."""
    return (kind + torch.randint(1, 4, kind.shape, generator=g)) % 4


# The verifier: it hears a name, and sees one patch.


class Verifier(nn.Module):
    """A network of few hidden units: the score of accepting a patch for a name."""

    def __init__(self, hidden: int = 8):
        super().__init__()
        self.see, self.hear = nn.Linear(PATCH * PATCH, hidden), nn.Embedding(4, hidden)
        self.accept = nn.Linear(hidden, 1)

    def forward(self, patch: Tensor, name: Tensor) -> Tensor:
        """patch: (…, 25); name: (…); to logits (…)."""
        return self.accept((self.see(patch) + self.hear(name)).relu())[..., 0]


class Solutions(NamedTuple):
    """What a verifier learns from: patches, the names claimed for them, whether they are right."""

    patches: Tensor
    names: Tensor
    right: Tensor


def pooled(pool: Sequence[Solutions]) -> Solutions:
    """All solutions of several rounds in one."""
    return Solutions(*(torch.cat(parts) for parts in zip(*pool, strict=True)))


def train_verifier(
    pool: Sequence[Solutions], g: torch.Generator, hidden: int = 8, steps: int = 400
) -> Verifier:
    """A fresh verifier, trained on the solutions of all rounds so far."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (), generator=g)))
        verifier = Verifier(hidden)
    seen = pooled(pool)
    adam = torch.optim.Adam(verifier.parameters(), lr=0.01)
    for _ in range(steps):
        batch = torch.randint(len(seen.names), (256,), generator=g)
        patches, names, right = (part[batch] for part in seen)
        loss = verifier_loss(verifier(patches, names), right)
        adam.zero_grad()
        loss.backward()
        adam.step()
    return verifier.requires_grad_(False)


def all_scores(verifier: Verifier, pictures: Pictures, names: Tensor) -> Tensor:
    """The score of every place of each picture for a claimed name: (n, 81)."""
    return verifier(pictures.patches, names[:, None].expand(-1, PLACES))


def pointing(pictures: Pictures, names: Tensor, places: Tensor) -> Solutions:
    """The solutions that claim these names and point at these places."""
    patches = pictures.patches[torch.arange(len(names)), places]
    return Solutions(patches, names, names == pictures.kind)


# The game. Provers search: they send the patch that convinces the verifier of the day most.


class Round(NamedTuple):
    """A verifier, and how it does on held-out pictures against provers who search."""

    verifier: Verifier
    soundness: float
    completeness: float
    chosen: float  # two provers, a true name and a false one: how often the true one scores higher
    true: Tensor  # the best score that a true name gets, picture by picture
    false: Tensor  # the same of a false name


def examined(verifier: Verifier, test: Pictures, lies: Tensor) -> Round:
    """A verifier on held-out pictures, each with its true name and one false name."""
    true, false = (all_scores(verifier, test, names) for names in (test.kind, lies))
    best, worst = true.amax(1), false.amax(1)
    chosen = (best > worst).double().mean().item()
    return Round(verifier, *soundness_and_completeness(true, false), chosen, best, worst)


def unopposed(pictures: Pictures, g: torch.Generator) -> list[Solutions]:
    """What a verifier sees if nobody tries to fool it: the shape itself, or any patch at all."""
    anywhere = torch.randint(PLACES, pictures.kind.shape, generator=g)
    return [
        pointing(pictures, pictures.kind, pictures.place),
        pointing(pictures, other_kind(pictures.kind, g), anywhere),
    ]


def best_replies(verifier: Verifier, pictures: Pictures, g: torch.Generator) -> list[Solutions]:
    """What helpful and sneaky provers send to this verifier: a true name, a false name."""
    replies = []
    for names in (pictures.kind, other_kind(pictures.kind, g)):
        best = all_scores(verifier, pictures, names).argmax(1)
        replies.append(pointing(pictures, names, best))
    return replies


def playable(seed: int, rounds: int = 1) -> None:
    """Say so where a seed is no whole number, or a game is to be played for no round."""
    if not isinstance(seed, int):
        raise ValueError(f"a seed is a whole number, such as 0, not {seed!r}")
    if not isinstance(rounds, int) or rounds < 1:
        raise ValueError(f"a game needs at least one round, and a whole number: rounds = {rounds}")


def play(seed: int, rounds: int = 5, hidden: int = 8, adversarial: bool = True) -> list[Round]:
    """Rounds of the game, from a verifier that nobody has tried to fool.

    Each later verifier also learns from what provers sent to the one before; or, if the game is
    not adversarial, from as many more solutions of the first kind.
    """
    playable(seed, rounds)
    g = torch.Generator().manual_seed(seed)
    pictures, test = draw(1500, g), draw(1000, g)
    lies, pool, played = other_kind(test.kind, g), unopposed(pictures, g), []
    for _ in progress.track(range(rounds), "rounds of the game"):
        if played and adversarial:
            pool = pool + best_replies(played[-1].verifier, pictures, g)
        elif played:
            pool = pool + unopposed(pictures, g)
        verifier = train_verifier(pool, g, hidden)
        played.append(examined(verifier, test, lies))
    return played
