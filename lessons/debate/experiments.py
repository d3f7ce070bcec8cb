"""What the debate lesson trains and measures (Irving et al. 2018; Khan et al. 2024; and others)."""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lessons.debate.exercises import (
    best_reveal,
    elo_from_wins,
    honest_win_rate,
    minimax_reveal,
    play_debate,
    sparse_view,
    tree_value,
)
from utils import progress
from utils.worlds.pixels import (
    OPEN,
    Judge,
    Reveal,
    accuracy,
    against_every_lie,
    consult,
    digits,
    margin,
    mask_of,
    nine_lies,
    random_pixels,
    skilled,
)

# Shown in the notebook beside those above.
from utils.worlds.pixels import strength as strength
from utils.worlds.pixels import train_judges as train_judges

PAPER = {  # Irving et al. 2018, Table 2, in %: honest first, liar first
    ("committed", 4): (83.8, 86.7),
    ("committed", 6): (87.4, 90.4),
    ("open", 4): (51.0, 68.4),
    ("open", 6): (67.4, 81.5),
}

STEPS = 1500  # of the judges' training
SKILLS = (0.0, 0.25, 0.5, 0.75, 1.0)
OWN_PIXELS = (0, 1, 2, 4, 8, 12)


# Table 2: all nine lies of an image, and the metric.


def debate_logits(
    judge: Judge, images: Tensor, truth: Tensor, lies: Tensor, n_pixels: int, honest_first: bool,
    honest_reveal: Reveal = best_reveal, liar_reveal: Reveal = best_reveal,
) -> Tensor:  # fmt: skip
    """The judge's logits after a debate for each lie: (images, n) lies to (images, n, 10)."""
    n, rules, ends = lies.shape[1], (honest_reveal, liar_reveal), []
    games = images.repeat(n, 1), truth.repeat(n), lies.T.flatten()
    for some in zip(*(x.split(200) for x in games), strict=True):  # more at once is slower
        moves = play_debate(judge, *some, n_pixels, honest_first, *rules)
        ends.append(judge(sparse_view(some[0], mask_of(some[0], moves))))
    return torch.cat(ends).unflatten(0, (n, -1)).transpose(0, 1)


def table_cell(
    judge: Judge, images: Tensor, truth: Tensor, n_pixels: int, committed: bool,
    rule: Reveal = best_reveal,
) -> tuple[float, float]:  # fmt: skip
    """One cell of Table 2: the honest win rate with the honest side first, and the liar first."""
    lies = nine_lies(truth) if committed else torch.full((len(truth), 1), OPEN)
    rates = []
    for honest_first in (True, False):
        logits = debate_logits(judge, images, truth, lies, n_pixels, honest_first, rule, rule)
        rates.append(honest_win_rate(logits, truth, lies).item())
    return rates[0], rates[1]


def both_metrics(logits: Tensor, truth: Tensor) -> tuple[float, float, float]:
    """Three scores of the same reveals, in %. logits: (images, 9, 10), one row for each lie.

    Accuracy among ten labels; truth against one lie, mean over the nine; truth against all nine.
    """
    lies = nine_lies(truth)
    ten = accuracy(logits, truth[:, None])
    return 100 * ten, right(logits, truth), 100 * honest_win_rate(logits, truth, lies).item()


# Ways to play.


def two_plies(n_pixels: int) -> Reveal:
    """Look at the opponent's reply, except on the last turn, when there is none.

    Ten games at a time: a search of all pairs of pixels in one batch then takes ten times less.
    """

    def reveal(judge, image, revealed, claim, other_claim):
        last = int(revealed.sum(-1).max()) == n_pixels - 1
        rule = best_reveal if last else minimax_reveal
        parts = zip(*(x.split(10) for x in (image, revealed, claim, other_claim)), strict=True)
        return torch.cat([rule(judge, *part) for part in parts])

    return reveal


def best_of(tries: int, generator: torch.Generator) -> Reveal:
    """The best of so many random legal pixels: 1 is random play, all of them greedy play."""

    def reveal(judge, image, revealed, claim, other_claim):
        legal = ~revealed & (image > 0)
        lot = torch.rand(image.shape, generator=generator).masked_fill(~legal, -1.0)
        least = lot.topk(min(tries, lot.shape[1]), -1).values[:, -1:]
        seen = image.masked_fill(~revealed & (lot < least), 0.0)  # what is 0 is not tried
        return best_reveal(judge, seen, revealed, claim, other_claim)

    return reveal


def committing_after(turn: int, lying: bool) -> Reveal:
    """Greedy play in which the lie stays open for so many turns, and is fixed from then on."""

    def reveal(judge, image, revealed, claim, other_claim):
        if int(revealed.sum(-1).max()) < turn:
            nothing = torch.full_like(claim, OPEN)
            claim, other_claim = (nothing, other_claim) if lying else (claim, nothing)
        return best_reveal(judge, image, revealed, claim, other_claim)

    return reveal


def scripted(pixels: list[int]) -> Reveal:
    """Reveal these pixels, one a turn, in one game; without a legal one the machine plays."""

    def reveal(judge, image, revealed, claim, other_claim):
        turn = int(revealed.sum()) // 2
        if turn < len(pixels) and 0 <= pixels[turn] < image.shape[-1]:
            pixel = pixels[turn]
            if image[0, pixel] > 0 and not revealed[0, pixel]:
                return torch.tensor([pixel])
            print(f"Pixel {pixel} is empty or revealed already: the machine plays for you.")
        return best_reveal(judge, image, revealed, claim, other_claim)

    return reveal


# A judge who chooses between two answers: debate and consultancy.


def right(logits: Tensor, truth: Tensor) -> float:
    """How often a judge who chooses between truth and lie chooses the truth, in %.

    logits: (images, 9, 10), one row for each of the nine lies.
    """
    return 100 * (margin(logits, truth[:, None], nine_lies(truth)) > 0).float().mean().item()


def one_on_one(
    judge: Judge, images: Tensor, truth: Tensor, honest_reveal: Reveal, liar_reveal: Reveal,
    n_pixels: int = 6,
) -> Tensor:  # fmt: skip
    """A debate against each of nine lies, half of the images with the liar first: (images, 9, 10).

    Returns the judge's logits.
    """
    half, lies, ends = len(images) // 2, nine_lies(truth), []
    for honest_first, part in ((True, slice(half)), (False, slice(half, None))):
        games = images[part], truth[part], lies[part]
        rules = honest_reveal, liar_reveal
        ends.append(debate_logits(judge, *games, n_pixels, honest_first, *rules))
    return torch.cat(ends)


def consultancy(
    judge: Judge, images: Tensor, truth: Tensor, reveal: Reveal, n_pixels: int = 6
) -> tuple[Tensor, Tensor]:
    """The judge's logits after an honest consultant, and after a lying one: (images, 9, 10)."""
    honest, lying = [], []
    for lie in nine_lies(truth).unbind(1):
        for ends, claim, other in ((honest, truth, lie), (lying, lie, truth)):
            seen = consult(judge, images, claim, other, n_pixels, reveal)
            ends.append(judge(sparse_view(images, seen)))
    return torch.stack(honest, 1), torch.stack(lying, 1)


def consultancy_accuracy(judge: Judge, images: Tensor, truth: Tensor, reveal: Reveal) -> float:
    """The judge's accuracy, in %, when the consultant argues for the truth half of the time."""
    return sum(right(logits, truth) for logits in consultancy(judge, images, truth, reveal)) / 2


def questioned(
    judge: Judge, images: Tensor, truth: Tensor, reveal: Reveal, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """The judge's logits after an honest and a lying consultant who is questioned: (images, 9, 10).

    The consultant reveals every second pixel, the judge asks for the others, at random.
    """
    asks = skilled(reveal, 0.0, generator)
    return (
        one_on_one(judge, images, truth, reveal, asks),
        one_on_one(judge, images, truth, asks, reveal),
    )


def skill_matrix(judge: Judge, images: Tensor, truth: Tensor, generator: torch.Generator) -> Tensor:
    """Share of the debates that the honest side wins, by its skill (row) and the liar's: (5, 5)."""
    won = torch.zeros(len(SKILLS), len(SKILLS), dtype=torch.float64)
    for i in progress.track(range(len(SKILLS)), "skills"):
        for j, liar in enumerate(SKILLS):
            rules = (skilled(best_reveal, skill, generator) for skill in (SKILLS[i], liar))
            won[i, j] = right(one_on_one(judge, images, truth, *rules), truth) / 100
    return won


# Elo.


def elo_by_skill(won: Tensor, games: int = 900) -> tuple[Tensor, Tensor]:
    """Elo of the honest debaters and of the liars, of each skill, who meet only each other."""
    n = len(won)
    wins = torch.zeros(2 * n, 2 * n, dtype=torch.float64)
    wins[:n, n:] = games * won
    wins[n:, :n] = games * (1 - won.T)
    try:
        rating = elo_from_wins(wins)
    except ValueError:
        print("No finite ratings. Half a win is added on both sides of each pairing: a prior.")
        wins[:n, n:] += 0.5
        wins[n:, :n] += 0.5
        rating = elo_from_wins(wins)
    return rating[:n], rating[n:]


def expected_score(difference: Tensor) -> Tensor:
    """The chance to win that a difference in Elo means."""
    return 1 / (1 + 10 ** (-difference / 400))


def slope(x: Sequence[float], y: Tensor) -> float:
    """Of the least-squares line."""
    x = torch.tensor(x, dtype=y.dtype)
    return (((x - x.mean()) * y).sum() / ((x - x.mean()) ** 2).sum()).item()


# When the judge knows something already.


class Informed(NamedTuple):
    """Accuracy between truth and lie, in %, of a judge with some random pixels of its own."""

    own: int
    alone: float
    with_random: float  # and as many random pixels as the debate reveals
    with_debate: float

    @property
    def errors_removed(self) -> float:
        """Share of the errors after random pixels that are none after a debate, in %."""
        return 100 * (self.with_debate - self.with_random) / max(100 - self.with_random, 1e-9)


def information_sweep(
    judge: Judge, images: Tensor, truth: Tensor, generator: torch.Generator, n_reveals: int = 4,
    own_pixels: Sequence[int] = OWN_PIXELS,
) -> list[Informed]:  # fmt: skip
    """What a debate of four reveals adds to a judge who has seen 0 to 12 pixels already."""
    games, rows = against_every_lie(images, truth), []
    for own in progress.track(own_pixels, "own pixels"):
        start = random_pixels(games.images, own, generator)
        moves = play_debate(judge, *games, n_reveals, start=start)
        more = random_pixels(games.images.masked_fill(start, 0), n_reveals, generator)
        masks = start, start | more, mask_of(games.images, moves, start)
        views = [sparse_view(games.images, mask) for mask in masks]
        alone, *others = [right(judge(view).view(len(truth), 9, -1), truth) for view in views]
        rows.append(Informed(own, alone if own else 50.0, *others))  # no pixel: a guess
    return rows


# A judge under attack.


def attacks(
    judge: Judge, honest_first: bool, generator: torch.Generator, seed: int
) -> tuple[Tensor, Tensor]:
    """What the judge sees of 256 debates about its training digits, and their true labels.

    The honest side reveals at random, the liar picks the best pixels against this judge.
    """
    images, labels = digits(seed)[0]
    drawn = torch.randint(len(images), (256,), generator=generator)
    picture, truth = images[drawn], labels[drawn]
    lie = (truth + torch.randint(1, 10, (256,), generator=generator)) % 10
    rules = skilled(best_reveal, 0.0, generator), best_reveal
    with torch.no_grad():
        moves = play_debate(judge, picture, truth, lie, 6, honest_first, *rules)
    return sparse_view(picture, mask_of(picture, moves)), truth


def retrain(judge: nn.Module, seed: int, rounds: int = 50) -> nn.Module:
    """The judge, trained on: in each round against attacks on it as it now is, for ten steps."""
    generator = torch.Generator().manual_seed(seed)
    judge = copy.deepcopy(judge).requires_grad_(True)
    adam = torch.optim.AdamW(judge.parameters(), lr=2e-3)
    for turn in progress.track(range(rounds), "retraining"):
        shown, truth = attacks(judge, turn % 2 == 0, generator, seed)
        for _ in range(10):
            loss = F.cross_entropy(judge(shown), truth)
            adam.zero_grad()
            loss.backward()
            adam.step()
    return judge.requires_grad_(False)


# And-or trees.


def random_trees(n: int, depth: int, generator: torch.Generator) -> Tensor:
    """Leaves that are True with a chance that makes 0.618 of the roots True, at any depth.

    0.618 stays 0.618 under an `and` of two and then an `or` of two. At an odd depth an `or` comes
    first, and makes 0.618 of 0.382.
    """
    golden = (5**0.5 - 1) / 2
    return torch.rand(n, 2**depth, generator=generator) < (1 - golden if depth % 2 else golden)


def obfuscated_trees(n: int, depth: int, generator: torch.Generator) -> Tensor:
    """Trees whose root is False, and in which at each of no's turns one branch alone shows it."""
    leaves = torch.zeros(n, 1, dtype=torch.bool)
    for turn in reversed(range(depth)):
        other = leaves if turn % 2 == 0 else torch.ones_like(leaves)  # yes's turn: both are False
        order = torch.rand(n, 1, generator=generator) < 0.5
        pair = torch.where(order, leaves, other), torch.where(order, other, leaves)
        leaves = torch.cat(pair, 1)
    return leaves


def tree_debate(leaves: Tensor, yes_sees: int, no_sees: int, generator: torch.Generator) -> Tensor:
    """What the judge finds at the end of a debate down each tree: bool, (trees,).

    A side sees so many levels ahead. If the rest of the tree is not deeper it plays perfectly,
    else it guesses.
    """
    depth = leaves.shape[-1].bit_length() - 1
    for turn in range(depth):
        yes_moves, halves = turn % 2 == 0, leaves.chunk(2, -1)
        coin = torch.rand(len(leaves), generator=generator) < 0.5
        if (yes_sees if yes_moves else no_sees) >= depth - turn:
            if yes_moves:  # in the halves no moves first: the same tree with True and False swapped
                good = [~tree_value(~half) for half in halves]
            else:
                good = [~tree_value(half) for half in halves]
            coin = torch.where(good[0] == good[1], coin, good[1])
        leaves = torch.where(coin[:, None], halves[1], halves[0])
    return leaves[:, 0]


def honest_in_trees(
    leaves: Tensor, honest_sees: int, liar_sees: int, generator: torch.Generator
) -> float:
    """How often the honest side wins, in %: the one that claims what the root is worth."""
    truth, won = tree_value(leaves), 0
    for root, sees in ((True, (honest_sees, liar_sees)), (False, (liar_sees, honest_sees))):
        trees = leaves[truth == root]
        won += int((tree_debate(trees, *sees, generator) == root).sum())
    return 100 * won / len(leaves)
