"""The same game with pixels of a digit in the place of patches: what one prover alone can show."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lessons.debate.exercises import best_reveal, play_debate, sparse_view
from lessons.prover_verifier.exercises import verifier_loss
from lessons.prover_verifier.shapes import playable
from utils import progress
from utils.worlds.pixels import (
    Digits,
    Games,
    Judge,
    against_every_lie,
    digits,
    held_out,
    margin,
    mask_of,
    random_pixels,
    train_judges,
)

PIXELS = 6


class Shown(NamedTuple):
    """What a verifier sees, the digit that is claimed, and whether the claim is true."""

    views: Tensor
    claims: Tensor
    right: Tensor


def show_best(verifier: Judge, images: Tensor, claims: Tensor, n_pixels: int = PIXELS) -> Tensor:
    """The views that a prover ends with who always reveals what raises the claim's score most."""
    mask = torch.zeros_like(images, dtype=torch.bool)
    each = torch.eye(images.shape[1], dtype=torch.bool)
    for _ in range(n_pixels):
        tried = mask[:, None] | each
        scores = verifier(sparse_view(images[:, None], tried))
        scores = scores.gather(-1, claims[:, None, None].expand(-1, len(each), 1))[..., 0]
        best = scores.masked_fill(mask | (images == 0), -torch.inf).argmax(1)
        mask = mask | each[best]
    return sparse_view(images, mask)


def false_claims(labels: Tensor, g: torch.Generator) -> Tensor:
    """A wrong label for each picture."""
    return (labels + torch.randint(1, 10, labels.shape, generator=g)) % 10


def at_random(data: Digits, g: torch.Generator) -> list[Shown]:
    """True and false claims beside random pixels."""
    shown = []
    for claims in (data.labels, false_claims(data.labels, g)):
        views = sparse_view(data.images, random_pixels(data.images, PIXELS, g))
        shown.append(Shown(views, claims, claims == data.labels))
    return shown


def best_shown(verifier: Judge, data: Digits, g: torch.Generator) -> list[Shown]:
    """True and false claims beside the pixels that serve them best before this verifier."""
    shown = []
    for claims in (data.labels, false_claims(data.labels, g)):
        views = show_best(verifier, data.images, claims)
        shown.append(Shown(views, claims, claims == data.labels))
    return shown


def train(pool: list[Shown], g: torch.Generator, steps: int = 400) -> nn.Module:
    """A verifier with a score for each of ten claims, from what was shown in all rounds."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (), generator=g)))
        verifier = nn.Sequential(nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    views, claims, true = (torch.cat(parts) for parts in zip(*pool, strict=True))
    adam = torch.optim.AdamW(verifier.parameters(), lr=0.01)
    for _ in range(steps):
        batch = torch.randint(len(views), (256,), generator=g)
        scores = verifier(views[batch]).gather(1, claims[batch, None])[:, 0]
        loss = verifier_loss(scores, true[batch])
        adam.zero_grad()
        loss.backward()
        adam.step()
    return verifier.requires_grad_(False)


class PixelRound(NamedTuple):
    """A round with pixels: false claims refused, true ones accepted, and how scores compare."""

    soundness: float
    completeness: float
    auc: float  # the chance that a true claim scores above a false one, about any two pictures
    chosen: float  # the same about one picture
    true: Tensor  # the score of each true claim
    false: Tensor  # the score of a false claim about the same picture
    shown: list[Shown]  # what the two provers showed


def examined(verifier: Judge, test: Digits, g: torch.Generator) -> PixelRound:
    """A verifier on held-out digits against provers who search, one pixel after the other."""
    both = best_shown(verifier, test, g)
    true, false = (verifier(one.views).gather(1, one.claims[:, None])[:, 0] for one in both)
    above = (true[:, None] > false).double() + (true[:, None] == false).double() / 2
    return PixelRound(
        (false <= 0).double().mean().item(),
        (true > 0).double().mean().item(),
        above.mean().item(),
        above.diagonal().mean().item(),
        true,
        false,
        both,
    )


def twins(shown: Shown, seed: int, within: float = 0.25) -> float:
    """The share of views that a real digit of the claimed kind would show nearly alike.

    Nearly: at each revealed pixel the two differ by no more than this, of 1. The digits looked
    through are the 1,397 that are not held out.
    """
    images, labels = digits(seed)[0]
    found = 0
    for view, claim in zip(shown.views, shown.claims, strict=True):
        values, mask = view.chunk(2)
        apart = ((values - images[labels == claim]).abs() * mask).amax(-1)
        found += bool((apart <= within).any())
    return found / len(shown.claims)


def play_pixels(seed: int, rounds: int = 5) -> list[PixelRound]:
    """Rounds of the game with pixels: each verifier learns from all that was shown before it."""
    playable(seed, rounds)
    g = torch.Generator().manual_seed(seed)
    train_set, test = Digits(*(part[:600] for part in digits(seed)[0])), held_out(seed, 200)
    pool, played = at_random(train_set, g), []
    for _ in progress.track(range(rounds), "rounds with pixels"):
        verifier = train(pool, g)
        played.append(examined(verifier, test, g))
        pool = pool + best_shown(verifier, train_set, g)
    return played


def pixel_judge(seed: int) -> nn.Module:
    """The judge of the lesson on debate: up to 6 random pixels, ten labels."""
    playable(seed)
    return train_judges(seed, (PIXELS,), sparse_view)[PIXELS]


def debated(judge: nn.Module, seed: int, n: int = 50) -> float:
    """How often that judge believes the truth after a debate of 6 pixels about each of 9 lies.

    The honest side begins for half of the pictures.
    """
    games, leads = against_every_lie(*held_out(seed, n)), []
    first = torch.arange(len(games.truth)) < 9 * (n // 2)
    for honest_first, part in ((True, first), (False, ~first)):
        some = Games(*(values[part] for values in games))
        moves = play_debate(judge, *some, PIXELS, honest_first)
        logits = judge(sparse_view(some.images, mask_of(some.images, moves)))
        leads.append(margin(logits, some.truth, some.lies))
    return (torch.cat(leads) > 0).float().mean().item()


def unanswered(judge: nn.Module, seed: int, n: int = 50) -> float:
    """The control of `debated`: as many pixels, but each side picks its three on its own.

    Judge, pictures and lies are the same. Neither side sees what the other has revealed.
    """
    games = against_every_lie(*held_out(seed, n))
    shown = torch.zeros_like(games.images, dtype=torch.bool)
    for claim, other in ((games.truth, games.lies), (games.lies, games.truth)):
        own = torch.zeros_like(shown)
        for _ in range(PIXELS // 2):
            pixel = best_reveal(judge, games.images, own, claim, other)
            own = own.scatter(1, pixel[:, None], True)
        shown = shown | own
    logits = judge(sparse_view(games.images, shown))
    return (margin(logits, games.truth, games.lies) > 0).float().mean().item()
