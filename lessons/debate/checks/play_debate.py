"""How `play_debate` is judged: checks, mistakes, right answers."""

import itertools

import torch

from lessons.debate.checks.shared import (
    CLAIM,
    OTHER,
    bent_judge,
    expect_pixels,
    greedy,
    random_games,
)
from lessons.debate.exercises import best_reveal, play_debate
from utils.grading import require
from utils.worlds.pixels import OPEN


def _lowest(judge, image, revealed, claim, other_claim):
    return (~revealed & (image > 0)).long().argmax(-1)


def _highest(judge, image, revealed, claim, other_claim):
    legal = (~revealed & (image > 0)).long()
    return image.shape[-1] - 1 - legal.flip(-1).argmax(-1)


def _flat(view):
    return view[..., :2]


@play_debate.check
def two_sides_with_fixed_habits_take_turns(fn):
    # The honest side takes the lowest pixel there is, the liar the highest.
    images, truth, lies = torch.ones(1, 5), torch.tensor([0]), torch.tensor([1])
    for n, first, wanted in (
        (1, True, [0]), (1, False, [4]), (2, True, [0, 4]), (2, False, [4, 0]),
        (4, True, [0, 4, 1, 3]), (5, False, [4, 0, 3, 1, 2]),
    ):  # fmt: skip
        got = fn(_flat, images, truth, lies, n, first, _lowest, _highest)
        expect_pixels(got, torch.tensor([wanted]))


@play_debate.check
def every_game_has_a_row_of_its_own(fn):
    images = torch.tensor([[1.0, 1, 1, 1], [0, 1, 1, 1], [1, 1, 0, 1.0]])
    zero = torch.zeros(3, dtype=torch.long)
    got = fn(_flat, images, zero, zero + 1, 2, True, _lowest, _highest)
    expect_pixels(got, torch.tensor([[0, 3], [1, 3], [0, 3]]))
    got = fn(_flat, images, zero, zero + 1, 3, False, _lowest, _highest)
    expect_pixels(got, torch.tensor([[3, 0, 2], [3, 1, 2], [3, 0, 1]]))


@play_debate.check
def honest_first_is_the_default(fn):
    got = fn(_flat, torch.ones(1, 3), CLAIM, OTHER, 2, honest_reveal=_lowest, liar_reveal=_highest)
    expect_pixels(got, torch.tensor([[0, 2]]))


@play_debate.check
def each_side_argues_for_its_own_claim_and_sees_all_that_is_revealed(fn):
    seen = []

    def spy(name, rule):
        def reveal(judge, image, revealed, claim, other_claim):
            shown = [row.nonzero()[:, 0].tolist() for row in revealed]
            seen.append((name, shown, claim.tolist(), other_claim.tolist(), judge is _flat))
            return rule(judge, image, revealed, claim, other_claim)

        return reveal

    truth, lies = torch.tensor([3, 5]), torch.tensor([7, 2])
    for first in (True, False):
        seen.clear()
        fn(
            _flat,
            torch.ones(2, 4),
            truth,
            lies,
            3,
            first,
            spy("honest", _lowest),
            spy("liar", _highest),
        )
        honest = ("honest", [3, 5], [7, 2])
        liar = ("liar", [7, 2], [3, 5])
        sides = (honest, liar, honest) if first else (liar, honest, liar)
        shown = ([], [0], [0, 3]) if first else ([], [3], [0, 3])
        wanted = [(s[0], [w, w], s[1], s[2], True) for s, w in zip(sides, shown, strict=True)]
        require(seen == wanted, f"reveals called with {wanted}", list(seen))


@play_debate.check
def it_starts_from_what_is_revealed_already(fn):
    start = torch.tensor([[True, False, False, False, True]])
    got = fn(_flat, torch.ones(1, 5), CLAIM, OTHER, 3, True, _lowest, _highest, start)
    expect_pixels(got, torch.tensor([[1, 3, 2]]))
    got = fn(_flat, torch.ones(1, 5), CLAIM, OTHER, 2, False, _lowest, _highest, start=start)
    expect_pixels(got, torch.tensor([[3, 1]]))
    # Whose turn it is does not depend on how many are revealed at the start.
    start = torch.tensor([[False, False, True, False, False]])
    got = fn(_flat, torch.ones(1, 5), CLAIM, OTHER, 2, True, _lowest, _highest, start)
    expect_pixels(got, torch.tensor([[0, 4]]))


def _debate_in_loops(judge, image, truth, lie, n, first):
    shown, order = set(), []
    for turn in range(n):
        honest = first == (turn % 2 == 0)
        pair = (truth, lie) if honest else (lie, truth)
        order.append(greedy(judge, image, shown, *pair))
        shown.add(order[-1])
    return order


@play_debate.check
def greedy_on_both_sides_is_the_default(fn):
    for seed, n, first in ((0, 2, True), (1, 4, False), (2, 5, True)):
        judge = bent_judge(seed, 9, 4)
        images, _, truth, lies = random_games(seed, 5, 9, 4, 0)
        rows = [
            _debate_in_loops(judge, x, a, b, n, first)
            for x, a, b in zip(images.tolist(), truth.tolist(), lies.tolist(), strict=True)
        ]
        expect_pixels(fn(judge, images, truth, lies, n, honest_first=first), torch.tensor(rows))


@play_debate.check
def the_liar_may_be_open(fn):
    judge = bent_judge(7, 8, 4)
    images, _, truth, _ = random_games(7, 4, 8, 4, 0)
    rows = [
        _debate_in_loops(judge, x, a, OPEN, 4, True)
        for x, a in zip(images.tolist(), truth.tolist(), strict=True)
    ]
    got = fn(judge, images, truth, torch.full_like(truth, OPEN), 4)
    expect_pixels(got, torch.tensor(rows))


def _debate_like(turns=None, liar_claims=None, update=None, finish=None, count=None):
    """For the mistakes: play_debate with one part exchanged."""

    def play(judge, images, truth, lies, n_pixels, honest_first=True,
             honest_reveal=best_reveal, liar_reveal=best_reveal, start=None):  # fmt: skip
        revealed = torch.zeros_like(images, dtype=torch.bool) if start is None else start
        moves, n = [], (count or (lambda n: n))(n_pixels)
        for turn in range(n):
            honest = (turn % 2 == 0) == honest_first
            if turns is not None:
                honest = turns(turn, n, honest_first)
            reveal = honest_reveal if honest else liar_reveal
            pair = (truth, lies) if honest else (liar_claims or (lambda t, w: (w, t)))(truth, lies)
            pixel = reveal(judge, images, revealed, *pair)
            revealed = (update or (lambda r, p, h: r.scatter(1, p[:, None], True)))(
                revealed, pixel, honest
            )
            moves.append(pixel)
        return finish(moves, revealed) if finish else torch.stack(moves, 1)

    return play


for _text, _fn in {
    "the honest side always begins: honest_first is ignored": _debate_like(
        lambda turn, n, first: turn % 2 == 0
    ),
    "honest_first is turned around": _debate_like(lambda turn, n, first: (turn % 2 == 1) == first),
    "no turns: one side makes all its reveals, then the other": _debate_like(
        lambda turn, n, first: (turn < (n + 1) // 2) == first
    ),
    "the liar argues for the truth, too": _debate_like(
        liar_claims=lambda truth, lies: (truth, lies)
    ),
    "the mask is never brought up to date": _debate_like(update=lambda r, p, honest: r),
    "only the honest side's reveals are noted: the liar's are forgotten": _debate_like(
        update=lambda r, p, honest: r.scatter(1, p[:, None], True) if honest else r
    ),
    "n_pixels are revealed by each side, not by both together": _debate_like(count=lambda n: 2 * n),
    "the turns run down, not across: the result is (n_pixels, games)": _debate_like(
        finish=lambda moves, revealed: torch.stack(moves)
    ),
    "it returns the mask: the order of the reveals is lost": _debate_like(
        finish=lambda moves, revealed: revealed
    ),
}.items():
    play_debate.mistake(_text)(_fn)


@play_debate.mistake("start is ignored: the debate begins with nothing revealed")
def _(judge, images, truth, lies, n_pixels, honest_first=True, honest_reveal=best_reveal,
      liar_reveal=best_reveal, start=None):  # fmt: skip
    sides = honest_reveal, liar_reveal
    return play_debate(judge, images, truth, lies, n_pixels, honest_first, *sides)


@play_debate.mistake("whose turn it is is read off the mask: pixels of `start` count as turns")
def _(judge, images, truth, lies, n_pixels, honest_first=True, honest_reveal=best_reveal,
      liar_reveal=best_reveal, start=None):  # fmt: skip
    odd = start is not None and int(start[0].sum()) % 2 == 1
    sides = honest_reveal, liar_reveal
    return play_debate(judge, images, truth, lies, n_pixels, honest_first != odd, *sides, start)


@play_debate.mistake("both sides use the honest side's reveal")
def _(judge, images, truth, lies, n_pixels, honest_first=True, honest_reveal=best_reveal,
      liar_reveal=best_reveal, start=None):  # fmt: skip
    sides = honest_reveal, honest_reveal
    return play_debate(judge, images, truth, lies, n_pixels, honest_first, *sides, start)


@play_debate.right("by two iterators of sides, the mask written in place")
def _(judge, images, truth, lies, n_pixels, honest_first=True, honest_reveal=best_reveal,
      liar_reveal=best_reveal, start=None):  # fmt: skip
    revealed = (images < 0) if start is None else start.clone()
    sides = [(honest_reveal, truth, lies), (liar_reveal, lies, truth)]
    turns = itertools.cycle(sides if honest_first else sides[::-1])
    moves = torch.zeros(len(images), n_pixels, dtype=torch.long)
    for turn, (reveal, own, other) in enumerate(itertools.islice(turns, n_pixels)):
        moves[:, turn] = reveal(judge, images, revealed.clone(), own, other)
        revealed[torch.arange(len(images)), moves[:, turn]] = True
    return moves


@play_debate.right("by recursion: one reveal, then the rest with the sides exchanged")
def _(judge, images, truth, lies, n_pixels, honest_first=True, honest_reveal=best_reveal,
      liar_reveal=best_reveal, start=None):  # fmt: skip
    def rest(n, now, then, revealed):
        (reveal, own), (_, other) = now, then
        pixel = reveal(judge, images, revealed, own, other)[:, None]
        after = revealed | (torch.arange(images.shape[1]) == pixel)
        return [pixel, *rest(n - 1, then, now, after)] if n > 1 else [pixel]

    honest, liar = (honest_reveal, truth), (liar_reveal, lies)
    sides = (honest, liar) if honest_first else (liar, honest)
    nothing = torch.zeros(images.shape, dtype=torch.bool)
    return torch.cat(rest(n_pixels, *sides, nothing if start is None else start), 1)
