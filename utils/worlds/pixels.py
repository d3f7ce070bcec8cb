"""The pixel game of the lessons on oversight: debaters see a picture, the judge a few pixels of it.

What holds in this world, by construction (Irving, Christiano & Amodei 2018, section 3.1):

- The pictures are scikit-learn's digits: 8 by 8 pixels from 0 to 1, about half of them above 0.
- Nobody can lie about a pixel. One can only choose which one to reveal, nonzero and not seen yet.
- Whoever reveals sees the whole picture and can ask the judge anything. Only the judge is weak.
- The judge learned from random pixels of other pictures. Nobody chose those in order to mislead.
- Exactly one of ten labels is right. A lie is one of the other nine, or OPEN: any of them.

How a picture with revealed pixels becomes the network's input (a `View`) and how to play well (a
`Reveal`) is for a lesson to say. A game takes ten lines:

    images, truth = held_out(seed=0)
    judge = train_judges(seed=0, most=[6], view=sparse_view)[6]
    games = against_every_lie(images, truth)                 # 900 of them
    moves = play_debate(judge, *games, n_pixels=6)           # from lessons/debate
    logits = judge(sparse_view(games.images, mask_of(games.images, moves)))
    right = margin(logits, games.truth, games.lies) > 0      # whom the judge believes
"""

import copy
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR

from utils import progress

View = Callable[[Tensor, Tensor], Tensor]  # pictures and what is revealed, to what the judge gets
Judge = Callable[[Tensor], Tensor]  # what it is shown, (..., 2 · pixels), to logits (..., labels)

# A rule for one's turn: judge, images, what is revealed, own claim, other claim, to a pixel a game.
Reveal = Callable[[Judge, Tensor, Tensor, Tensor, Tensor], Tensor]

OPEN = -1  # in the place of a label: a claim that is not committed to


# The pictures, and what of them is revealed.


class Digits(NamedTuple):
    """Pictures of 64 pixels between 0 and 1, and their labels."""

    images: Tensor
    labels: Tensor


@cache
def digits(seed: int) -> tuple[Digits, Digits]:
    """scikit-learn's 1,797 digits in random order: 1,397 for the judge's training, 400 held out."""
    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    images, labels = torch.tensor(images / 16).float()[order], torch.tensor(labels)[order]
    return Digits(images[:1397], labels[:1397]), Digits(images[1397:], labels[1397:])


def held_out(seed: int, n: int = 100) -> Digits:
    """The first n of the pictures that the judge was not trained on; there are 400."""
    images, labels = digits(seed)[1]
    return Digits(images[:n], labels[:n])


def random_pixels(images: Tensor, n: int | Tensor, generator: torch.Generator) -> Tensor:
    """A mask of n random nonzero pixels per image, of all if there are fewer.

    n may differ by image: (images, 1). Of several n, (k, images, 1), larger ones add pixels.
    """
    height = torch.rand(images.shape, generator=generator).masked_fill(images == 0, -1.0)
    n = torch.as_tensor(n)
    highest = height.topk(min(int(n.max()), images.shape[-1])).indices
    highest, taken = torch.broadcast_tensors(highest, torch.arange(highest.shape[-1]) < n)
    nothing = torch.zeros(*taken.shape[:-1], images.shape[-1], dtype=torch.bool)
    return nothing.scatter(-1, highest, taken) & (images > 0)


def mask_of(images: Tensor, moves: Tensor, start: Tensor | None = None) -> Tensor:
    """The mask after these pixels were revealed. moves: (games, n)."""
    nothing = torch.zeros_like(images, dtype=torch.bool)
    return (nothing if start is None else start).scatter(1, moves, True)


# The judge.


def train_judges(
    seed: int, most: Sequence[int], view: View, steps: int = 1500
) -> dict[int, nn.Module]:
    """For each n of `most` a network that classifies digits from 1 to n random nonzero pixels.

    They begin alike and learn from the same pictures side by side, along a first dimension.
    """
    (images, labels), _ = digits(seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judge = nn.Sequential(nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    w1, b1, w2, b2 = weights = [
        torch.stack([w.detach()] * len(most)).requires_grad_() for w in judge.parameters()
    ]
    adam = torch.optim.AdamW(weights, lr=0.01, fused=True)
    schedule = CosineAnnealingLR(adam, steps)
    for _ in progress.track(range(steps), f"judges of up to {max(most)} pixels"):
        batch = torch.randint(len(images), (256,), generator=generator)
        drawn = torch.randint(math.lcm(*most), (256, 1), generator=generator)
        n = 1 + drawn % torch.tensor(most)[:, None, None]  # each evenly: (judges, 256, 1)
        shown = view(images[batch], random_pixels(images[batch], n, generator))
        hidden = torch.baddbmm(b1[:, None], shown, w1.mT).relu()
        logits = torch.baddbmm(b2[:, None], hidden, w2.mT)
        loss = F.cross_entropy(logits.flatten(0, 1), labels[batch].repeat(len(most)))
        adam.zero_grad()
        (len(most) * loss).backward()  # the sum of what each judge minimizes
        adam.step()
        schedule.step()
    judges = {}
    for i, up_to in enumerate(most):
        judges[up_to] = copy.deepcopy(judge).requires_grad_(False)
        for weight, learned in zip(judges[up_to].parameters(), weights, strict=True):
            weight.copy_(learned[i].detach())
    return judges


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """How often the judge's best label of ten is the true one."""
    return (logits.argmax(-1) == labels).float().mean().item()


# Claims, and whom the judge believes.


def nine_lies(truth: Tensor) -> Tensor:
    """The nine other labels: (images,) to (images, 9)."""
    return (truth[:, None] + torch.arange(1, 10)) % 10


class Games(NamedTuple):
    """A picture, its true label and a false one for each game, in the order `play_debate` takes."""

    images: Tensor
    truth: Tensor
    lies: Tensor


def against_every_lie(images: Tensor, truth: Tensor) -> Games:
    """Nine games for each picture, one after the other: the truth against each lie."""
    return Games(
        images.repeat_interleave(9, 0), truth.repeat_interleave(9), nine_lies(truth).flatten()
    )


def strength(logits: Tensor, claim: Tensor, other_claim: Tensor) -> Tensor:
    """The logit of a claim; of an OPEN one, the best but the other's. (..., labels) to (...)."""
    claim, other = (x.expand(logits.shape[:-1])[..., None] for x in (claim, other_claim))
    own = logits.gather(-1, claim.clamp(min=0))
    rest = logits.scatter(-1, other.clamp(min=0), -torch.inf).amax(-1, keepdim=True)
    return torch.where(claim == OPEN, rest, own)[..., 0]


def margin(logits: Tensor, claim: Tensor, other_claim: Tensor) -> Tensor:
    """By how much the judge prefers `claim` to `other_claim`, in nats. (..., labels) to (...)."""
    return strength(logits, claim, other_claim) - strength(logits, other_claim, claim)


# Who reveals.


def skilled(rule: Reveal, skill: float, generator: torch.Generator) -> Reveal:
    """The pixel of `rule` with probability `skill`, else a random legal one."""

    def reveal(judge, image, revealed, claim, other_claim):
        legal = ~revealed & (image > 0)
        pixel = torch.multinomial(legal.float(), 1, generator=generator)[:, 0]
        able = torch.rand(len(image), generator=generator) < skill
        if able.any():  # in these games the rule is asked
            asked = (x[able] for x in (image, revealed, claim, other_claim))
            pixel[able] = rule(judge, *asked)
        return pixel

    return reveal


def consult(
    judge: Judge, images: Tensor, claims: Tensor, others: Tensor, n_pixels: int, reveal: Reveal
) -> Tensor:
    """One advisor reveals every pixel, always for its own claim. Returns the mask at the end."""
    revealed = torch.zeros_like(images, dtype=torch.bool)
    for _ in range(n_pixels):
        pixel = reveal(judge, images, revealed, claims, others)
        revealed = revealed.scatter(1, pixel[:, None], True)
    return revealed
