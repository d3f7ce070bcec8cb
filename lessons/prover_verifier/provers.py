"""Provers that learn (Kirchner et al. 2024): one network that names a shape and points at a place.

Its expected reward is summed over all 4 · 81 solutions, so nothing is sampled where it is trained.
"""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons.prover_verifier.exercises import prover_loss
from lessons.prover_verifier.shapes import (
    PATCH,
    Pictures,
    Solutions,
    Verifier,
    draw,
    examined,
    other_kind,
    playable,
    pointing,
    pooled,
    train_verifier,
)
from utils import progress

ROLES = ("helpful", "sneaky")
STEPS, ROUNDS = 100, 4


class Prover(nn.Module):
    """Reads the whole picture. In either role: a name, and a place for each name."""

    def __init__(self, width: int = 8):
        super().__init__()
        self.look, self.think = nn.Linear(PATCH * PATCH + 1, width), nn.Linear(width, width)
        self.name, self.place = nn.Linear(width, 4), nn.Linear(width, 4)

    def forward(self, patches: Tensor, role: str) -> tuple[Tensor, Tensor]:
        """patches: (n, 81, 25). Log-probabilities of names (n, 4), of places given one (n, 4, 81).

        What it makes of each place is kept for the pointing; the name goes by the largest of it.
        """
        told = torch.full_like(patches[..., :1], float(role == "sneaky"))
        seen = self.think(self.look(torch.cat([patches, told], -1)).relu()).relu()
        names, places = self.name(seen.amax(1)), self.place(seen).mT
        return names.log_softmax(-1), places.log_softmax(-1)


def imitate(shown: Pictures, g: torch.Generator, steps: int = 150) -> Prover:
    """A prover that has read some solved pictures, in both roles; each points at the true shape."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (), generator=g)))
        prover = Prover()
    adam = torch.optim.Adam(prover.parameters(), lr=0.01)
    for _ in range(steps):
        batch = torch.randint(len(shown.kind), (64,), generator=g)
        kind, place, loss = shown.kind[batch], shown.place[batch], 0
        for role in ROLES:
            names, places = prover(shown.patches[batch], role)
            said = kind if role == "helpful" else other_kind(kind, g)
            loss = loss + F.nll_loss(names, said)
            loss = loss + F.nll_loss(places[torch.arange(64), kind], place)
        adam.zero_grad()
        loss.backward()
        adam.step()
    return prover


def scores_of(verifier: Verifier, pictures: Pictures) -> Tensor:
    """A verifier's score of every solution of every picture: (n, 4, 81)."""
    patches = pictures.patches[:, None].expand(-1, 4, -1, -1)
    return verifier(patches, torch.arange(4)[:, None].expand(len(patches), -1, patches.shape[2]))


def reinforce(
    prover: Prover,
    pictures: Pictures,
    scores: Tensor | None,
    g: torch.Generator,
    roles: Sequence[str] = ROLES,
    steps: int = STEPS,
) -> None:
    """Train a prover for its reward in its roles, in place. Without scores: for being right."""
    adam = torch.optim.Adam(prover.parameters(), lr=0.01)
    for _ in range(steps):
        batch = torch.randint(len(pictures.kind), (64,), generator=g)
        kind, loss = pictures.kind[batch], 0
        for role in roles if scores is not None else ("helpful",):
            names, places = prover(pictures.patches[batch], role)
            if scores is None:
                loss = loss - names.exp().gather(1, kind[:, None]).mean()
            else:
                loss = loss + prover_loss(names, places, scores[batch], kind, role)
        adam.zero_grad()
        loss.backward()
        adam.step()


@torch.no_grad()
def solutions(prover: Prover, pictures: Pictures, g: torch.Generator) -> Solutions:
    """A sampled solution of each picture in each role."""
    made = []
    for role in ROLES:
        names, places = prover(pictures.patches, role)
        said = torch.multinomial(names.exp(), 1, generator=g)[:, 0]
        chances = places[torch.arange(len(said)), said].exp()
        made.append(pointing(pictures, said, torch.multinomial(chances, 1, generator=g)[:, 0]))
    return pooled(made)


class Measured(NamedTuple):
    """A prover and a judge of its solutions, in expectation over all that the prover may say."""

    accuracy: float  # of the helpful role: how often its name is the true one
    accepts: float  # the share of the helpful role's right solutions that the judge accepts
    refuses: float  # the share of the sneaky role's wrong solutions that the judge refuses
    own_wrong: float  # the share of the helpful role's own wrong solutions that it refuses

    @property
    def told(self) -> float:
        """Legibility: how well the judge tells right and wrong solutions of this role apart."""
        return (self.accepts + self.own_wrong) / 2


@torch.no_grad()
def measure(prover: Prover, judge: Verifier, test: Pictures) -> Measured:
    """What a prover does in both roles, and what a judge makes of it."""
    accepted = scores_of(judge, test) > 0
    true = F.one_hot(test.kind, 4).bool()[:, :, None]
    shares = {}
    for role in ROLES:
        names, places = prover(test.patches, role)
        chance = (names[:, :, None] + places).exp()
        right, wrong = chance * true, chance * ~true
        shares[role] = (
            right.sum().item() / len(chance),
            (right * accepted).sum().item() / max(right.sum().item(), 1e-9),
            (wrong * ~accepted).sum().item() / max(wrong.sum().item(), 1e-9),
        )
    (accuracy, accepts, own_wrong), (_, _, refuses) = shares["helpful"], shares["sneaky"]
    return Measured(accuracy, accepts, refuses, own_wrong)


class Trained(NamedTuple):
    """What came of a seed: measures at the start and after each round, by who judges."""

    start: Prover
    correct: list[Measured]  # rewarded for being right; judged by the outsider
    checkable: list[Measured]  # rewarded for being right and accepted; judged by the outsider
    verified: list[Measured]  # the same provers, judged by the verifier that they trained against
    searched: list[float]  # the share of false names that no place of 81 gets past that verifier


def train_provers(seed: int, rounds: int = ROUNDS, roles: Sequence[str] = ROLES) -> Trained:
    """One start, trained on in two ways: for being right, and in the game with a verifier."""
    playable(seed, rounds)
    g = torch.Generator().manual_seed(seed)
    pictures, test = draw(1000, g), draw(500, g)
    start = imitate(Pictures(*(part[:200] for part in pictures)), g)
    # Judges as those who learned from other people's solutions: fewer units, fewer steps.
    outsider = train_verifier([solutions(start, pictures, g)], g, hidden=4, steps=200)
    right, prover = copy.deepcopy(start), copy.deepcopy(start)
    correct, verified = [measure(start, outsider, test)], []
    checkable, pool = [correct[0]], [solutions(start, pictures, g)]
    lies, searched = other_kind(test.kind, torch.Generator().manual_seed(seed)), []
    for _ in progress.track(range(rounds), "rounds with provers that learn"):
        reinforce(right, pictures, None, g)
        correct.append(measure(right, outsider, test))
        verifier = train_verifier(pool, g)
        reinforce(prover, pictures, scores_of(verifier, pictures), g, roles)
        pool.append(solutions(prover, pictures, g))
        checkable.append(measure(prover, outsider, test))
        verified.append(measure(prover, verifier, test))
        searched.append(examined(verifier, test, lies).soundness)
    return Trained(start, correct, checkable, verified, searched)
