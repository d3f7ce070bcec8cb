"""How `minimax_reveal` is judged: checks, mistakes, right answers."""

import torch

from lessons.debate.checks.shared import (
    CLAIM,
    OTHER,
    bent_judge,
    expect_pixels,
    lead_of,
    linear_judge,
    may_reveal,
    random_games,
    reveal_like,
)
from lessons.debate.exercises import best_reveal, minimax_reveal, sparse_view
from utils.grading import require
from utils.worlds.pixels import OPEN, margin, strength


def _worst_reply(judge, image, shown, claim, other, pixel):
    """The smallest lead of `claim` once `pixel` is revealed and then one more."""
    now = shown | {pixel}
    return min(lead_of(judge, image, now | {j}, claim, other) for j in may_reveal(image, now))


def _best_after_replies(got, judge, image, revealed, claim, other):
    """An answer's pixels are legal, and none does better against the replies (two may tie)."""
    whole = torch.is_tensor(got) and got.shape == claim.shape and not got.is_floating_point()
    require(whole, f"{len(claim)} pixel numbers", got)
    rows = zip(image.tolist(), revealed.tolist(), claim.tolist(), other.tolist(), strict=True)
    for game, (picture, seen, a, b) in enumerate(rows):
        shown = {i for i, r in enumerate(seen) if r}
        first = may_reveal(picture, shown)
        worth = {i: _worst_reply(judge, picture, shown, a, b, i) for i in first}
        best = [i for i in worth if worth[i] > max(worth.values()) - 1e-9]
        said = f"in game {game} one of the pixels {best}"
        require(got[game].item() in best, said, got)


@minimax_reveal.check
def the_greedy_pixel_may_have_a_refutation(fn):
    # Pixel 0 gains most, but pixel 1 beside it ruins it. Pixel 2 gains little and is safe.
    def judge(view):
        a, b, c, d = view[..., :4].unbind(-1)
        lead = 3 * a + c + 0.1 * d - 9 * a * b
        return torch.stack([lead, torch.zeros_like(lead)], -1)

    image, nothing = torch.ones(1, 4, dtype=torch.float64), torch.zeros(1, 4, dtype=torch.bool)
    expect_pixels(fn(judge, image, nothing, CLAIM, OTHER), torch.tensor([2]))
    # With pixel 1 black the refutation is not legal.
    image[0, 1] = 0
    expect_pixels(fn(judge, image, nothing, CLAIM, OTHER), torch.tensor([0]))
    # Nor once it is the only one revealed that would hurt: the damage is done.
    seen = torch.tensor([[False, True, False, False]])
    expect_pixels(fn(judge, torch.ones(1, 4).double(), seen, CLAIM, OTHER), torch.tensor([2]))


@minimax_reveal.check
def with_two_pixels_left_both_will_be_revealed_so_any_will_do(fn):
    judge, args = bent_judge(2, 4, 3), random_games(2, 6, 4, 3, 1)
    got = fn(judge, *args)
    whole = torch.is_tensor(got) and got.shape == (6,) and not got.is_floating_point()
    require(whole, "six pixel numbers", got)
    legal = (~args[1] & (args[0] > 0)).gather(1, got[:, None])
    require(bool(legal.all()), "legal pixels", got)


@minimax_reveal.check
def the_reply_is_the_opponents_best_not_ours(fn):
    # A judge who adds up: the reply takes the most harmful pixel left, or spares a harmful one.
    judge = linear_judge([[0.0, 5.0], [2.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    image, nothing = torch.ones(1, 4, dtype=torch.float64), torch.zeros(1, 4, dtype=torch.bool)
    expect_pixels(fn(judge, image, nothing, CLAIM, OTHER), torch.tensor([1]))
    expect_pixels(fn(judge, image, nothing, OTHER, CLAIM), torch.tensor([0]))


@minimax_reveal.check
def it_is_what_nested_loops_say(fn):
    for seed, (games, pixels, labels) in enumerate(((1, 4, 2), (3, 6, 3), (6, 6, 4), (5, 8, 10))):
        for n_revealed in (0, 1):
            judge = bent_judge(seed + 20, pixels, labels)
            args = random_games(seed + 20, games, pixels, labels, n_revealed)
            _best_after_replies(fn(judge, *args), judge, *args)


@minimax_reveal.check
def it_searches_for_and_against_an_open_claim(fn):
    judge = bent_judge(31, 8, 5)
    image, revealed, claim, _ = random_games(31, 9, 8, 5)
    nothing = torch.full_like(claim, OPEN)
    for pair in ((claim, nothing), (nothing, claim)):
        got = fn(judge, image, revealed, *pair)
        _best_after_replies(got, judge, image, revealed, *pair)


@minimax_reveal.check
def games_may_differ_in_what_is_legal(fn):
    judge = bent_judge(41, 7, 4)
    image, _, claim, other = random_games(41, 8, 7, 4, 0)
    order = torch.rand(8, 7, generator=torch.Generator().manual_seed(3)).argsort(1)
    revealed = (order < (torch.arange(8) % 3)[:, None]) & (image > 0)
    args = image, revealed, claim, other
    _best_after_replies(fn(judge, *args), judge, *args)


@minimax_reveal.check
def single_precision_and_large_logits(fn):
    w = torch.tensor([[1000.0, 0.0], [990.0, 0.0], [0.0, 900.0], [0.0, 905.0]])
    image, nothing = torch.ones(2, 4), torch.zeros(2, 4, dtype=torch.bool)
    got = fn(linear_judge(w), image, nothing, torch.tensor([0, 1]), torch.tensor([1, 0]))
    expect_pixels(got, torch.tensor([0, 3]))


def _search_like(reply_of, score=margin, pick=torch.argmax, legal_of=None, see_reply=True):
    """For the mistakes: minimax_reveal with one part exchanged."""

    def search(judge, image, revealed, claim, other_claim):
        legal = (legal_of or (lambda image, r: ~r & (image > 0)))(image, revealed)
        worst = torch.full(image.shape, torch.nan, dtype=torch.float64)
        for pixel in range(image.shape[-1]):
            after = revealed.clone()
            after[:, pixel] = True
            reply = reply_of(judge, image, after, claim, other_claim)
            both = after.scatter(1, reply[:, None], True) if see_reply else after
            worst[:, pixel] = score(judge(sparse_view(image, both)), claim, other_claim).double()
        none = -torch.inf if pick is torch.argmax else torch.inf
        return pick(worst.masked_fill(~legal, none), -1)

    return search


def _average_reply(judge, image, revealed, claim, other_claim):
    chosen = []
    for x, seen, own, other in zip(image, revealed, claim, other_claim, strict=True):
        legal = (~seen & (x > 0)).nonzero()[:, 0]
        both = (seen | torch.eye(len(x), dtype=torch.bool)[legal])[:, None]
        both = both | torch.eye(len(x), dtype=torch.bool)[legal]
        gain = margin(judge(sparse_view(x, both)), own, other).double()
        gain = gain.masked_fill(torch.eye(len(legal), dtype=torch.bool), 0.0)  # no reply is itself
        chosen.append(legal[gain.sum(1).argmax()])
    return torch.stack(chosen)


minimax_reveal.mistake("the average over the replies, where the worst one counts")(_average_reply)


def _their_best(judge, image, revealed, claim, other_claim):
    return best_reveal(judge, image, revealed, other_claim, claim)


for _text, _fn in {
    "the reply is forgotten: this is greedy play": _search_like(_their_best, see_reply=False),
    "the opponent replies in our favor": _search_like(best_reveal),
    "it looks for the smallest of the margins after the reply, not for the largest": _search_like(
        _their_best, pick=torch.argmin
    ),
    "the claims are exchanged throughout: it searches for the opponent": (
        lambda judge, image, revealed, claim, other: minimax_reveal(
            judge, image, revealed, other, claim
        )
    ),
    "the opponent may reply with a black pixel": _search_like(
        lambda judge, image, r, claim, other: reveal_like(legal_of=lambda i, seen: ~seen)(
            judge, image, r, other, claim
        )
    ),
    "the opponent may pass, by revealing an old pixel again": _search_like(
        lambda judge, image, r, claim, other: reveal_like(legal_of=lambda i, seen: i > 0)(
            judge, image, r, other, claim
        )
    ),
    "it reveals again what is revealed": _search_like(
        _their_best, legal_of=lambda image, r: image > 0
    ),
    "only its own claim is scored, not its lead over the other": _search_like(
        _their_best, strength
    ),
    "the reply is chosen as if nothing were revealed yet": _search_like(
        lambda judge, image, r, claim, other: _their_best(judge, image, r & False, claim, other)
    ),
}.items():
    minimax_reveal.mistake(_text)(_fn)


@minimax_reveal.right("by a loop over pixels, best_reveal as the opponent")
def _(judge, image, revealed, claim, other_claim):
    worst = torch.full(image.shape, -torch.inf, dtype=torch.float64)
    for pixel in range(image.shape[-1]):
        legal = ~revealed[:, pixel] & (image[:, pixel] > 0)  # in these games
        if legal.any():
            picture, ours, theirs = image[legal], claim[legal], other_claim[legal]
            after = revealed[legal].clone()
            after[:, pixel] = True
            reply = best_reveal(judge, picture, after, theirs, ours)
            logits = judge(sparse_view(picture, after.scatter(1, reply[:, None], True)))
            worst[legal, pixel] = margin(logits, ours, theirs).double()
    return worst.argmax(-1)


@minimax_reveal.right("by plain loops over our pixel and the reply")
def _(judge, image, revealed, claim, other_claim):
    chosen = []
    for x, seen, own, other in zip(image, revealed, claim, other_claim, strict=True):
        legal = [i for i in range(len(x)) if x[i] > 0 and not seen[i]]
        worth = {}
        for ours in legal:
            ends = []
            for reply in legal:
                if reply != ours:
                    both = seen.clone()
                    both[[ours, reply]] = True
                    ends.append(margin(judge(sparse_view(x, both)), own, other).item())
            worth[ours] = min(ends)
        chosen.append(max(worth, key=worth.get))
    return torch.tensor(chosen)


@minimax_reveal.right("by all pairs of all pixels in one batch, which takes much memory")
def _(judge, image, revealed, claim, other_claim):
    one = torch.eye(image.shape[1], dtype=torch.bool)
    both = revealed[:, None, None] | one[:, None] | one
    logits = judge(sparse_view(image[:, None, None], both))
    gain = margin(logits, claim[:, None, None], other_claim[:, None, None])
    legal = ~revealed & (image > 0)
    reply = legal[:, None] & ~one
    worst = gain.masked_fill(~reply, torch.inf).amin(-1)
    return worst.masked_fill(~legal, -torch.inf).argmax(-1)
