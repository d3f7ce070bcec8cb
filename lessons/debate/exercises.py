"""What the learner writes in the debate lesson (Irving, Christiano & Amodei 2018)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.exercises import exercise, expect, require

Judge = Callable[[Tensor], Tensor]  # what it is shown, (..., 2 · pixels), to logits (..., labels)
Reveal = Callable[[Judge, Tensor, Tensor, Tensor, Tensor], Tensor]  # as best_reveal

OPEN = -1  # in the place of a label: a claim that is not committed to


def strength(logits: Tensor, claim: Tensor, other_claim: Tensor) -> Tensor:
    """The logit of a claim; of an OPEN one, the best but the other's. (..., labels) to (...)."""
    claim, other = (x.expand(logits.shape[:-1])[..., None] for x in (claim, other_claim))
    own = logits.gather(-1, claim.clamp(min=0))
    rest = logits.scatter(-1, other.clamp(min=0), -torch.inf).amax(-1, keepdim=True)
    return torch.where(claim == OPEN, rest, own)[..., 0]


def margin(logits: Tensor, claim: Tensor, other_claim: Tensor) -> Tensor:
    """By how much the judge prefers `claim` to `other_claim`, in nats. (..., labels) to (...)."""
    return strength(logits, claim, other_claim) - strength(logits, other_claim, claim)


# For the checks: judges with known insides, and the game in plain loops.


def _linear_judge(weights, on_mask=False):
    """Adds up evidence: weights (pixels, labels), times values (or the mask). Any batch shape."""
    w = torch.tensor(weights, dtype=torch.float64) if isinstance(weights, list) else weights

    def judge(view):
        half = view.shape[-1] // 2
        part = view[..., half:] if on_mask else view[..., :half]
        return part.to(w.dtype) @ w

    return judge


def _bent_judge(seed, pixels, labels, hidden=8):
    """A small random network, so that pixels interact and the mask matters."""
    g = torch.Generator().manual_seed(seed)
    first = 2 * torch.randn(2 * pixels, hidden, generator=g, dtype=torch.float64)
    second = 2 * torch.randn(hidden, labels, generator=g, dtype=torch.float64)

    def judge(view):
        return torch.tanh(view.double() @ first) @ second

    return judge


def _games(seed, games, pixels, labels, n_revealed=1):
    """Random pictures with some dark pixels, some revealed, claims: the arguments of a reveal."""
    g = torch.Generator().manual_seed(seed)
    image = torch.rand(games, pixels, generator=g, dtype=torch.float64) + 0.1
    dark = torch.rand(games, pixels, generator=g).argsort(1) < pixels // 4
    image = image.masked_fill(dark, 0.0)
    order = torch.rand(games, pixels, generator=g) + dark  # lit pixels come first
    revealed = order.argsort(1).argsort(1) < n_revealed
    claim = torch.randint(labels, (games,), generator=g)
    other = (claim + 1 + torch.randint(labels - 1, (games,), generator=g)) % labels
    return image, revealed, claim, other


def _see(image, shown):
    """One picture as the judge is shown it, pixel by pixel."""
    values = [v if i in shown else 0.0 for i, v in enumerate(image)]
    return torch.tensor(values + [float(i in shown) for i in range(len(image))]).double()


def _lead(judge, image, shown, claim, other):
    """By how much `claim` leads, in plain Python."""
    logits = judge(_see(image, shown)).tolist()

    def of(label, rival):
        if label >= 0:
            return logits[label]
        return max(x for i, x in enumerate(logits) if i != rival)

    return of(claim, other) - of(other, claim)


def _may(image, shown):
    return [i for i, v in enumerate(image) if v > 0 and i not in shown]


def _greedy(judge, image, shown, claim, other):
    return max(_may(image, shown), key=lambda i: _lead(judge, image, shown | {i}, claim, other))


def _worst_reply(judge, image, shown, claim, other, pixel):
    """The smallest lead of `claim` once `pixel` is revealed and then one more."""
    now = shown | {pixel}
    return min(_lead(judge, image, now | {j}, claim, other) for j in _may(image, now))


def _best_after_replies(got, judge, image, revealed, claim, other):
    """An answer's pixels are legal, and none does better against the replies (two may tie)."""
    whole = torch.is_tensor(got) and got.shape == claim.shape and not got.is_floating_point()
    require(whole, f"{len(claim)} pixel numbers", got)
    rows = zip(image.tolist(), revealed.tolist(), claim.tolist(), other.tolist(), strict=True)
    for game, (picture, seen, a, b) in enumerate(rows):
        shown = {i for i, r in enumerate(seen) if r}
        worth = {i: _worst_reply(judge, picture, shown, a, b, i) for i in _may(picture, shown)}
        best = [i for i in worth if worth[i] > max(worth.values()) - 1e-9]
        said = f"in game {game} one of the pixels {best}"
        require(got[game].item() in best, said, got)


def _each_game(choose, judge, image, revealed, claim, other):
    """What a rule for single games in plain loops says of a batch of them."""
    pixels = [
        choose(judge, x, {i for i, r in enumerate(seen) if r}, a, b)
        for x, seen, a, b in zip(
            image.tolist(), revealed.tolist(), claim.tolist(), other.tolist(), strict=True
        )
    ]
    return torch.tensor(pixels)


def _pixels(got, wanted):
    """An answer's pixels are whole numbers, one a game, and the right ones."""
    whole = torch.is_tensor(got) and not got.is_floating_point() and got.dtype != torch.bool
    require(whole, f"pixel numbers, an integer tensor: {wanted.tolist()}", got)
    expect(got, wanted)


@exercise(
    difficulty=1,
    minutes=5,
    teaches="what the judge is given, and why a black pixel and an unseen one must differ",
    given="blanks",
    hints=[
        "torch.where(condition, a, b) keeps a where the condition holds.",
        "The mask has 1 for every revealed pixel, also for one whose value is 0.",
        "Join the two along the last dimension. Both need the same shape before that: broadcast.",
    ],
)
def sparse_view(images: Tensor, revealed: Tensor) -> Tensor:
    """What the judge's network is given (Irving et al. 2018, section 3.1): values, then mask.

    images: float, (..., pixels). revealed: bool, (..., pixels). The two shapes broadcast.
    Returns (..., 2 · pixels) in the images' type. First half: the values of the revealed pixels,
    zeros elsewhere. Second half: 1 where a pixel is revealed, whatever its value, else 0.
    """
    values = torch.where(revealed, images, 0)  # blank: what is revealed, else 0
    mask = revealed.to(images.dtype).expand_as(values)  # blank: 1 where revealed, else 0
    return torch.cat([values, mask], -1)  # blank: both, values first


@sparse_view.check
def one_pixel_shown_and_hidden(fn):
    expect(fn(torch.tensor([0.5]), torch.tensor([True])), torch.tensor([0.5, 1.0]))
    expect(fn(torch.tensor([0.5]), torch.tensor([False])), torch.tensor([0.0, 0.0]))


@sparse_view.check
def a_black_pixel_that_was_revealed_is_not_a_hidden_one(fn):
    got = fn(torch.tensor([[0.0, 0.7]]), torch.tensor([[True, False]]))
    expect(got, torch.tensor([[0.0, 0.0, 1.0, 0.0]]))
    got = fn(torch.tensor([[0.0, 0.7]]), torch.tensor([[True, True]]))
    expect(got, torch.tensor([[0.0, 0.7, 1.0, 1.0]]))


@sparse_view.check
def it_is_what_plain_loops_say(fn):
    g = torch.Generator().manual_seed(0)
    for n, pixels in ((2, 2), (3, 5), (4, 1)):
        images = torch.randn(n, pixels, generator=g, dtype=torch.float64) * 3
        revealed = torch.rand(n, pixels, generator=g) < 0.5
        rows = [
            _see(x, {i for i, r in enumerate(seen) if r})
            for x, seen in zip(images.tolist(), revealed.tolist(), strict=True)
        ]
        expect(fn(images, revealed), torch.stack(rows).double())


@sparse_view.check
def one_picture_under_many_masks(fn):
    image, eye = torch.tensor([0.2, 0.4, 0.6]), torch.eye(3, dtype=torch.bool)
    wanted = torch.cat([torch.diag(image), torch.eye(3)], 1)
    expect(fn(image, eye), wanted)
    images = torch.stack([image, 2 * image])
    got = fn(images[:, None], eye)
    expect(got, torch.stack([wanted, torch.cat([2 * torch.diag(image), torch.eye(3)], 1)]))
    got = fn(images, torch.tensor([True, False, True]))
    expect(got[:, 3:], torch.tensor([[1.0, 0.0, 1.0]] * 2))
    masks = torch.stack([eye, ~eye])
    got = fn(images[:, None], masks)
    expect(got[1, 2], torch.tensor([0.4, 0.8, 0.0, 1.0, 1.0, 0.0]))


@sparse_view.check
def hidden_pixels_leave_no_trace(fn):
    revealed = torch.tensor([[True, False, True, False]])
    wanted = torch.tensor([[0.1, 0.0, 0.3, 0.0, 1.0, 0.0, 1.0, 0.0]])
    for hidden in (0.9, 0.0, 1000.0):
        expect(fn(torch.tensor([[0.1, hidden, 0.3, hidden]]), revealed), wanted)


@sparse_view.check
def the_type_is_that_of_the_images(fn):
    for dtype in (torch.float32, torch.float64):
        got = fn(torch.ones(2, 3, dtype=dtype), torch.ones(2, 3, dtype=torch.bool))
        require(torch.is_tensor(got) and got.dtype == dtype, f"dtype {dtype}", got)


def _view_mistake(description, view):
    @sparse_view.mistake(description)
    def _(images, revealed):
        values = torch.where(revealed, images, 0)
        return view(images, values, revealed.to(images.dtype).expand_as(values))


_view_mistake("the mask is left out: a black pixel looks like a hidden one", lambda i, v, m: v)
_view_mistake("the mask comes first", lambda i, v, m: torch.cat([m, v], -1))
_view_mistake(
    "the mask is not applied: the judge sees the whole picture",
    lambda i, v, m: torch.cat([i.expand_as(m), m], -1),
)
_view_mistake(
    "the mask marks what is hidden, 1 and 0 exchanged",
    lambda i, v, m: torch.cat([v, 1 - m], -1),
)
_view_mistake(
    "the mask marks bright pixels: a revealed black one is missing in it",
    lambda i, v, m: torch.cat([v, (v > 0).to(v.dtype)], -1),
)
_view_mistake(
    "stacked in a dimension of their own, not joined along the last",
    lambda i, v, m: torch.stack([v, m], -2),
)
_view_mistake(
    "values and mask alternate, pixel by pixel",
    lambda i, v, m: torch.stack([v, m], -1).flatten(-2),
)
_view_mistake(
    "the values of the hidden pixels are shown, not those of the revealed",
    lambda i, v, m: torch.cat([i * (1 - m), m], -1),
)


@exercise(
    difficulty=2,
    minutes=12,
    teaches="looking one reveal ahead, for all games and all candidate pixels in one batch",
    given="blanks",
    hints=[
        "revealed[:, None] | torch.eye(pixels, dtype=torch.bool) is (games, pixels, pixels).",
        "image[:, None] broadcasts against that. The judge takes any batch shape.",
        "claim[:, None] makes claims broadcast over the candidates in margin.",
        "Legal is what is bright and not yet revealed. Put −∞ on the others before the argmax.",
    ],
)
def best_reveal(
    judge: Judge, image: Tensor, revealed: Tensor, claim: Tensor, other_claim: Tensor
) -> Tensor:
    """The pixel whose reveal helps `claim` most at once: greedy play, one ply.

    image, revealed: (games, pixels). claim, other_claim: (games,), labels or OPEN (then `margin`
    takes the best label besides the other's). Legal are pixels above 0 not revealed yet; there is
    one. Returns (games,), integers: the legal pixel with the largest margin(logits, claim,
    other_claim) once it is revealed beside the others.
    """
    one_more = torch.eye(image.shape[-1], dtype=torch.bool)
    tried = revealed[:, None] | one_more  # blank: the mask if so, (games, candidates, pixels)
    logits = judge(sparse_view(image[:, None], tried))  # blank: (games, candidates, labels)
    gain = margin(logits, claim[:, None], other_claim[:, None])  # blank: (games, candidates)
    legal = ~revealed & (image > 0)  # blank: True where the pixel may be revealed
    return gain.masked_fill(~legal, -torch.inf).argmax(-1)


def _some(*values):
    return torch.tensor([values], dtype=torch.float64)


NONE_OF_3, CLAIM, OTHER = torch.zeros(1, 3, dtype=torch.bool), torch.tensor([0]), torch.tensor([1])


@best_reveal.check
def a_judge_that_adds_up_evidence(fn):
    judge = _linear_judge([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]])
    for claim, other, wanted in ((CLAIM, OTHER, 1), (OTHER, CLAIM, 2)):
        got = fn(judge, _some(1, 1, 1), NONE_OF_3, claim, other)
        _pixels(got, torch.tensor([wanted]))


@best_reveal.check
def what_counts_is_one_claim_less_the_other(fn):
    # Pixel 0 raises both claims, pixel 1 lowers only the other, pixel 2 raises a third label.
    judge = _linear_judge([[5.0, 5.0, 0.0], [0.0, -2.0, 0.0], [-3.0, -4.0, 9.0]])
    _pixels(fn(judge, _some(1, 1, 1), NONE_OF_3, CLAIM, OTHER), torch.tensor([1]))
    judge = _linear_judge([[1.0, 0.0, 0.0], [2.0, 0.0, 9.0], [0.0, -1.5, -9.0]])
    _pixels(fn(judge, _some(1, 1, 1), NONE_OF_3, CLAIM, OTHER), torch.tensor([1]))


@best_reveal.check
def black_pixels_may_not_be_revealed(fn):
    # The mask alone would make pixel 1 the best; but its value is 0.
    judge = _linear_judge([[1.0, 0.0], [9.0, 0.0], [2.0, 0.0]], on_mask=True)
    _pixels(fn(judge, _some(1, 0, 1), NONE_OF_3, CLAIM, OTHER), torch.tensor([2]))


@best_reveal.check
def no_pixel_is_revealed_twice(fn):
    # Each further pixel hurts, so revealing an old one again would be the best of all.
    judge = _linear_judge([[4.0, 0.0], [-2.0, 0.0], [-1.0, 0.0]])
    seen = torch.tensor([[True, False, False]])
    _pixels(fn(judge, _some(1, 1, 1), seen, CLAIM, OTHER), torch.tensor([2]))
    only = torch.tensor([[True, False, True]])
    _pixels(fn(judge, _some(1, 1, 1), only, CLAIM, OTHER), torch.tensor([1]))


@best_reveal.check
def what_is_revealed_already_matters(fn):
    # Pixels 1 and 2 count only beside pixel 0, and then with signs of their own.
    def judge(view):
        first, second, third = view[..., :3].unbind(-1)
        lead = 0.5 * second + 0.1 * third + 2 * first * (third - second)
        return torch.stack([lead, torch.zeros_like(lead)], -1)

    for seen, wanted in (([True, False, False], 2), ([False, False, False], 1)):
        got = fn(judge, _some(1, 1, 1), torch.tensor([seen]), CLAIM, OTHER)
        _pixels(got, torch.tensor([wanted]))


@best_reveal.check
def the_judge_is_shown_the_mask(fn):
    judge = _linear_judge([[1.0, 0.0], [0.0, 3.0], [0.0, 1.0]], on_mask=True)
    _pixels(fn(judge, _some(0.1, 0.2, 0.9), NONE_OF_3, CLAIM, OTHER), torch.tensor([0]))
    _pixels(fn(judge, _some(0.1, 0.2, 0.9), NONE_OF_3, OTHER, CLAIM), torch.tensor([1]))


@best_reveal.check
def it_is_what_loops_over_games_and_pixels_say(fn):
    for seed, (games, pixels, labels) in enumerate(((1, 4, 2), (3, 5, 3), (6, 6, 4), (7, 9, 10))):
        for n_revealed in (0, 2):
            judge = _bent_judge(seed, pixels, labels)
            args = _games(seed, games, pixels, labels, n_revealed)
            _pixels(fn(judge, *args), _each_game(_greedy, judge, *args))


@best_reveal.check
def a_claim_may_be_open_on_either_side(fn):
    judge = _bent_judge(5, 8, 5)
    image, revealed, claim, _ = _games(5, 9, 8, 5)
    nothing = torch.full_like(claim, OPEN)
    for pair in ((claim, nothing), (nothing, claim)):
        wanted = _each_game(_greedy, judge, image, revealed, *pair)
        _pixels(fn(judge, image, revealed, *pair), wanted)


@best_reveal.check
def large_logits_in_single_precision(fn):
    w = torch.tensor([[1000.0, -1000.0], [1001.0, -1000.0], [-1000.0, 1000.0]])
    judge, image = _linear_judge(w), torch.ones(2, 3)
    seen = torch.zeros(2, 3, dtype=torch.bool)
    claims = torch.tensor([0, 1]), torch.tensor([1, 0])
    _pixels(fn(judge, image, seen, *claims), torch.tensor([1, 2]))


def _reveal_like(gain_of=margin, legal_of=None, view=None, choose=None, first=None):
    """For the mistakes: best_reveal with one part exchanged."""

    def reveal(judge, image, revealed, claim, other_claim):
        tried = (revealed if first is None else first(revealed))[:, None] | torch.eye(
            image.shape[-1], dtype=torch.bool
        )
        shown = (view or sparse_view)(image[:, None], tried)
        gain = gain_of(judge(shown), claim[:, None], other_claim[:, None])
        legal = (legal_of or (lambda image, revealed: ~revealed & (image > 0)))(image, revealed)
        return (choose or (lambda g: g.argmax(-1)))(gain.masked_fill(~legal, -torch.inf))

    return reveal


def _label_probability(logits, claim, other):
    probability = logits.softmax(-1)
    return strength(probability, claim, other)


for _text, _fn in {
    "claims exchanged, or argmin for argmax: it helps the opponent": _reveal_like(
        lambda logits, claim, other: margin(logits, other, claim)
    ),
    "it reveals again what is revealed": _reveal_like(legal_of=lambda image, r: image > 0),
    "it reveals black pixels": _reveal_like(legal_of=lambda image, r: ~r),
    "the argmax runs over the games, not over the candidates": _reveal_like(
        choose=lambda g: g.argmax(0)
    ),
    "it raises its own claim and forgets the other's": _reveal_like(strength),
    "it lowers the other's claim and forgets its own": _reveal_like(
        lambda logits, claim, other: -strength(logits, other, claim)
    ),
    "it looks at the probability among all labels, not at one claim less the other": _reveal_like(
        _label_probability
    ),
    "it forgets what is already revealed: each candidate is judged alone": _reveal_like(
        first=torch.zeros_like
    ),
    "the judge is not shown the mask": _reveal_like(
        view=lambda i, r: torch.cat([torch.where(r, i, 0), torch.zeros_like(i * r)], -1)
    ),
    "the judge is shown the whole picture": _reveal_like(
        view=lambda i, r: torch.cat([i.expand(r.shape), r.to(i.dtype)], -1)
    ),
}.items():
    best_reveal.mistake(_text)(_fn)


@best_reveal.mistake("it takes the brightest legal pixel and does not ask the judge")
def _(judge, image, revealed, claim, other_claim):
    return image.masked_fill(revealed, 0).argmax(-1)


@exercise(
    difficulty=2,
    minutes=12,
    teaches="the protocol: who moves when, for which claim, and what both can see",
    hints=[
        "Keep one mask for both sides. Each turn one side looks at it and adds a pixel.",
        "The honest side calls honest_reveal(judge, images, revealed, truth, lies). The liar "
        "argues for the lie against the truth.",
        "revealed.scatter(1, pixel[:, None], True) is a new mask with one more pixel per game.",
    ],
)
def play_debate(
    judge: Judge, images: Tensor, truth: Tensor, lies: Tensor, n_pixels: int,
    honest_first: bool = True, honest_reveal: Reveal = best_reveal,
    liar_reveal: Reveal = best_reveal, start: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Two sides reveal n_pixels in all, in turn, one a turn (Irving et al. 2018, section 3.1).

    images: (games, pixels). truth, lies: (games,). Reveals are called like best_reveal, own claim
    first. start: the mask at first, None for nothing. Returns pixels in order: (games, n_pixels).
    """
    revealed = torch.zeros_like(images, dtype=torch.bool) if start is None else start
    moves = []
    for turn in range(n_pixels):
        if (turn % 2 == 0) == honest_first:
            pixel = honest_reveal(judge, images, revealed, truth, lies)
        else:
            pixel = liar_reveal(judge, images, revealed, lies, truth)
        revealed = revealed.scatter(1, pixel[:, None], True)
        moves.append(pixel)
    return torch.stack(moves, 1)


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
        _pixels(got, torch.tensor([wanted]))


@play_debate.check
def every_game_has_a_row_of_its_own(fn):
    images = torch.tensor([[1.0, 1, 1, 1], [0, 1, 1, 1], [1, 1, 0, 1.0]])
    zero = torch.zeros(3, dtype=torch.long)
    got = fn(_flat, images, zero, zero + 1, 2, True, _lowest, _highest)
    _pixels(got, torch.tensor([[0, 3], [1, 3], [0, 3]]))
    got = fn(_flat, images, zero, zero + 1, 3, False, _lowest, _highest)
    _pixels(got, torch.tensor([[3, 0, 2], [3, 1, 2], [3, 0, 1]]))


@play_debate.check
def honest_first_is_the_default(fn):
    got = fn(_flat, torch.ones(1, 3), CLAIM, OTHER, 2, honest_reveal=_lowest, liar_reveal=_highest)
    _pixels(got, torch.tensor([[0, 2]]))


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
    _pixels(got, torch.tensor([[1, 3, 2]]))
    got = fn(_flat, torch.ones(1, 5), CLAIM, OTHER, 2, False, _lowest, _highest, start=start)
    _pixels(got, torch.tensor([[3, 1]]))


def _debate_in_loops(judge, image, truth, lie, n, first):
    shown, order = set(), []
    for turn in range(n):
        honest = first == (turn % 2 == 0)
        pair = (truth, lie) if honest else (lie, truth)
        order.append(_greedy(judge, image, shown, *pair))
        shown.add(order[-1])
    return order


@play_debate.check
def greedy_on_both_sides_is_the_default(fn):
    for seed, n, first in ((0, 2, True), (1, 4, False), (2, 5, True)):
        judge = _bent_judge(seed, 9, 4)
        images, _, truth, lies = _games(seed, 5, 9, 4, 0)
        rows = [
            _debate_in_loops(judge, x, a, b, n, first)
            for x, a, b in zip(images.tolist(), truth.tolist(), lies.tolist(), strict=True)
        ]
        _pixels(fn(judge, images, truth, lies, n, honest_first=first), torch.tensor(rows))


@play_debate.check
def the_liar_may_be_open(fn):
    judge = _bent_judge(7, 8, 4)
    images, _, truth, _ = _games(7, 4, 8, 4, 0)
    rows = [
        _debate_in_loops(judge, x, a, OPEN, 4, True)
        for x, a in zip(images.tolist(), truth.tolist(), strict=True)
    ]
    got = fn(judge, images, truth, torch.full_like(truth, OPEN), 4)
    _pixels(got, torch.tensor(rows))


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


@play_debate.mistake("both sides use the honest side's reveal")
def _(judge, images, truth, lies, n_pixels, honest_first=True, honest_reveal=best_reveal,
      liar_reveal=best_reveal, start=None):  # fmt: skip
    sides = honest_reveal, honest_reveal
    return play_debate(judge, images, truth, lies, n_pixels, honest_first, *sides, start)


@exercise(
    difficulty=2,
    minutes=6,
    teaches="the paper's metric: the truth must beat every lie, not the lies on average",
    hints=[
        "margin(logits, truth[:, None], lies) has one number for each debate.",
        "A debate is won when it is above 0; an image when all of its debates are.",
    ],
)
def honest_win_rate(logits: Tensor, truth: Tensor, lies: Tensor) -> Tensor:
    """Share of images whose truth wins against every lie (Irving et al. 2018, Table 2, precommit).

    logits: (images, lies, labels), the judge's at the end of each debate; in the paper nine lies.
    truth: (images,). lies: (images, lies), labels (or OPEN). A debate goes to the claim of higher
    logit, a tie to the liar. Returns a scalar between 0 and 1, of the logits' type.
    """
    won = margin(logits, truth[:, None], lies) > 0
    return won.all(1).to(logits.dtype).mean()


@honest_win_rate.check
def one_image_and_one_lie(fn):
    truth, lies = torch.tensor([1]), torch.tensor([[0]])
    for logits, wanted in (([0.0, 2.0], 1.0), ([2.0, 0.0], 0.0), ([1.0, 1.0], 0.0)):
        expect(fn(torch.tensor([[logits]]), truth, lies), torch.tensor(wanted))


@honest_win_rate.check
def one_lie_that_succeeds_is_enough(fn):
    # The truth, label 0, wins against label 1 by far and loses to label 2 by little.
    logits = torch.tensor([[[9.0, 0.0, 0.0], [1.0, 0.0, 1.1]]])
    lies = torch.tensor([[1, 2]])
    expect(fn(logits, torch.tensor([0]), lies), torch.tensor(0.0))
    expect(fn(logits.flip(1), torch.tensor([0]), lies.flip(1)), torch.tensor(0.0))
    better = logits.clone()
    better[0, 1, 0] = 1.2
    expect(fn(better, torch.tensor([0]), lies), torch.tensor(1.0))


@honest_win_rate.check
def only_the_two_claims_of_a_debate_count_in_it(fn):
    # Label 2 leads in both debates; nobody claims it in the first.
    logits = torch.tensor([[[1.0, 0.0, 12.0], [8.0, 0.0, 7.0]]])
    expect(fn(logits, torch.tensor([0]), torch.tensor([[1, 2]])), torch.tensor(1.0))


@honest_win_rate.check
def it_is_the_share_of_images(fn):
    g = torch.Generator().manual_seed(0)
    for images, n_lies, labels in ((4, 1, 2), (7, 2, 3), (9, 3, 4), (5, 5, 6), (30, 9, 10)):
        logits = torch.randn(images, n_lies, labels, generator=g, dtype=torch.float64)
        truth = torch.randint(labels, (images,), generator=g)
        lies = (truth[:, None] + 1 + torch.arange(n_lies)) % labels
        logits.scatter_add_(
            2, truth.expand(n_lies, -1).T[..., None], torch.ones_like(logits[..., :1])
        )
        won = [
            all(logits[i, j, truth[i]] > logits[i, j, lies[i, j]] for j in range(n_lies))
            for i in range(images)
        ]
        expect(fn(logits, truth, lies), torch.tensor(sum(won) / images, dtype=torch.float64))


@honest_win_rate.check
def on_the_same_reveals_for_every_lie_it_is_accuracy(fn):
    g = torch.Generator().manual_seed(1)
    logits, truth = torch.randn(40, 5, generator=g), torch.randint(5, (40,), generator=g)
    lies = (truth[:, None] + torch.arange(1, 5)) % 5
    accuracy = (logits.argmax(1) == truth).float().mean()
    expect(fn(logits[:, None].expand(-1, 4, -1), truth, lies), accuracy)
    expect(fn(logits[:, None], truth, torch.full((40, 1), OPEN)), accuracy)


@honest_win_rate.check
def extreme_logits(fn):
    logits = torch.tensor([[[1000.0, 999.0]], [[-1000.0, -999.0]], [[-1000.0, -1001.0]]])
    got = fn(logits, torch.tensor([0, 0, 0]), torch.tensor([[1], [1], [1]]))
    expect(got, torch.tensor(2 / 3))


def _rate_mistake(description, rate):
    @honest_win_rate.mistake(description)
    def _(logits, truth, lies):
        return rate(margin(logits, truth[:, None], lies), logits, truth)


_rate_mistake(
    "the mean over the lies: it should win against all of them, not on average",
    lambda lead, logits, truth: (lead > 0).to(logits.dtype).mean(),
)
_rate_mistake(
    "one lie beaten is enough: any instead of all",
    lambda lead, logits, truth: (lead > 0).any(1).to(logits.dtype).mean(),
)
_rate_mistake(
    "the average lead over the lies has to be positive, not each lead",
    lambda lead, logits, truth: (lead.mean(1) > 0).to(logits.dtype).mean(),
)
_rate_mistake(
    "truth and lie are exchanged: this is the liar's rate",
    lambda lead, logits, truth: (lead < 0).all(1).to(logits.dtype).mean(),
)
_rate_mistake(
    "all labels compete: the judge only chooses between the two claims",
    lambda lead, logits, truth: (
        (logits.argmax(-1) == truth[:, None]).all(1).to(logits.dtype).mean()
    ),
)
_rate_mistake(
    "a tie goes to the honest side",
    lambda lead, logits, truth: (lead >= 0).all(1).to(logits.dtype).mean(),
)
_rate_mistake(
    "the number of images instead of their share",
    lambda lead, logits, truth: (lead > 0).all(1).to(logits.dtype).sum(),
)
_rate_mistake(
    "all() runs over the images, not over the lies",
    lambda lead, logits, truth: (lead > 0).all(0).to(logits.dtype).mean(),
)
_rate_mistake(
    "only the first lie is looked at",
    lambda lead, logits, truth: (lead[:, 0] > 0).to(logits.dtype).mean(),
)
_rate_mistake(
    "the share of images that lose to some lie: one minus the rate",
    lambda lead, logits, truth: (lead <= 0).any(1).to(logits.dtype).mean(),
)


@exercise(
    difficulty=3,
    minutes=15,
    teaches="search: what a reveal is worth once the opponent has answered it",
    hints=[
        "Go through the pixels. Reveal one in every game at once, then let the opponent reply.",
        "The opponent's reply is best_reveal with the two claims exchanged.",
        "Score the mask with both pixels in it, by your own margin. Illegal first pixels get −∞.",
    ],
)
def minimax_reveal(
    judge: Judge, image: Tensor, revealed: Tensor, claim: Tensor, other_claim: Tensor
) -> Tensor:
    """The pixel that leaves `claim` best off after the opponent's best reply: two plies.

    Arguments and result as for best_reveal. The opponent too may reveal only legal pixels, and
    replies so that margin(logits, claim, other_claim) with both pixels revealed is smallest. Of
    these smallest margins the returned legal pixel has the largest. Two pixels are legal at least.
    """
    worst = torch.full(image.shape, -torch.inf, dtype=image.dtype)
    for pixel in range(image.shape[-1]):
        legal = ~revealed[:, pixel] & (image[:, pixel] > 0)  # in these games
        if legal.any():
            picture, ours, theirs = image[legal], claim[legal], other_claim[legal]
            after = revealed[legal].clone()
            after[:, pixel] = True
            reply = best_reveal(judge, picture, after, theirs, ours)
            logits = judge(sparse_view(picture, after.scatter(1, reply[:, None], True)))
            worst[legal, pixel] = margin(logits, ours, theirs).to(worst.dtype)
    return worst.argmax(-1)


@minimax_reveal.check
def the_greedy_pixel_may_have_a_refutation(fn):
    # Pixel 0 gains most, but pixel 1 beside it ruins it. Pixel 2 gains little and is safe.
    def judge(view):
        a, b, c, d = view[..., :4].unbind(-1)
        lead = 3 * a + c + 0.1 * d - 9 * a * b
        return torch.stack([lead, torch.zeros_like(lead)], -1)

    image, nothing = torch.ones(1, 4, dtype=torch.float64), torch.zeros(1, 4, dtype=torch.bool)
    _pixels(fn(judge, image, nothing, CLAIM, OTHER), torch.tensor([2]))
    # With pixel 1 black the refutation is not legal.
    image[0, 1] = 0
    _pixels(fn(judge, image, nothing, CLAIM, OTHER), torch.tensor([0]))
    # Nor once it is the only one revealed that would hurt: the damage is done.
    seen = torch.tensor([[False, True, False, False]])
    _pixels(fn(judge, torch.ones(1, 4).double(), seen, CLAIM, OTHER), torch.tensor([2]))


@minimax_reveal.check
def with_two_pixels_left_both_will_be_revealed_so_any_will_do(fn):
    judge, args = _bent_judge(2, 4, 3), _games(2, 6, 4, 3, 1)
    got = fn(judge, *args)
    whole = torch.is_tensor(got) and got.shape == (6,) and not got.is_floating_point()
    require(whole, "six pixel numbers", got)
    legal = (~args[1] & (args[0] > 0)).gather(1, got[:, None])
    require(bool(legal.all()), "legal pixels", got)


@minimax_reveal.check
def the_reply_is_the_opponents_best_not_ours(fn):
    # A judge who adds up: the reply takes the most harmful pixel left, or spares a harmful one.
    judge = _linear_judge([[0.0, 5.0], [2.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    image, nothing = torch.ones(1, 4, dtype=torch.float64), torch.zeros(1, 4, dtype=torch.bool)
    _pixels(fn(judge, image, nothing, CLAIM, OTHER), torch.tensor([1]))
    _pixels(fn(judge, image, nothing, OTHER, CLAIM), torch.tensor([0]))


@minimax_reveal.check
def it_is_what_nested_loops_say(fn):
    for seed, (games, pixels, labels) in enumerate(((1, 4, 2), (3, 6, 3), (6, 6, 4), (5, 8, 10))):
        for n_revealed in (0, 1):
            judge = _bent_judge(seed + 20, pixels, labels)
            args = _games(seed + 20, games, pixels, labels, n_revealed)
            _best_after_replies(fn(judge, *args), judge, *args)


@minimax_reveal.check
def it_searches_for_and_against_an_open_claim(fn):
    judge = _bent_judge(31, 8, 5)
    image, revealed, claim, _ = _games(31, 9, 8, 5)
    nothing = torch.full_like(claim, OPEN)
    for pair in ((claim, nothing), (nothing, claim)):
        got = fn(judge, image, revealed, *pair)
        _best_after_replies(got, judge, image, revealed, *pair)


@minimax_reveal.check
def games_may_differ_in_what_is_legal(fn):
    judge = _bent_judge(41, 7, 4)
    image, _, claim, other = _games(41, 8, 7, 4, 0)
    order = torch.rand(8, 7, generator=torch.Generator().manual_seed(3)).argsort(1)
    revealed = (order < (torch.arange(8) % 3)[:, None]) & (image > 0)
    args = image, revealed, claim, other
    _best_after_replies(fn(judge, *args), judge, *args)


@minimax_reveal.check
def single_precision_and_large_logits(fn):
    w = torch.tensor([[1000.0, 0.0], [990.0, 0.0], [0.0, 900.0], [0.0, 905.0]])
    image, nothing = torch.ones(2, 4), torch.zeros(2, 4, dtype=torch.bool)
    got = fn(_linear_judge(w), image, nothing, torch.tensor([0, 1]), torch.tensor([1, 0]))
    _pixels(got, torch.tensor([0, 3]))


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
        lambda judge, image, r, claim, other: _reveal_like(legal_of=lambda i, seen: ~seen)(
            judge, image, r, other, claim
        )
    ),
    "the opponent may pass, by revealing an old pixel again": _search_like(
        lambda judge, image, r, claim, other: _reveal_like(legal_of=lambda i, seen: i > 0)(
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


@exercise(
    difficulty=2,
    minutes=8,
    teaches="scoring a protocol by what it pays to be honest",
    hints=[
        "Between two answers the judge's probability is a sigmoid of the margin.",
        "F.logsigmoid(margin) is its logarithm and does not overflow.",
        "The honest agent is scored on the truth, the lying one on the lie.",
    ],
)
def agent_score_difference(
    honest_logits: Tensor, lying_logits: Tensor, truth: Tensor, lies: Tensor
) -> Tensor:
    """Agent score difference, in nats (Pallavi Sudhir et al. 2025): what honesty pays.

    honest_logits, lying_logits: (games, labels), the judge's after transcripts in which the agent
    scored argued for the truth, and in which it argued for the lie; of a debate, which has both,
    twice the same. truth, lies: (games,). An agent's score is the log of the probability that a
    judge who chooses between the two answers alone gives to the answer argued for.
    Returns a scalar: the honest agents' mean score less the lying agents'.
    """
    honest = F.logsigmoid(margin(honest_logits, truth, lies))
    lying = F.logsigmoid(margin(lying_logits, lies, truth))
    return (honest - lying).mean()


def _log_sigmoid(x):
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


def _asd_by_hand(honest, lying, truth, lies):
    total = 0.0
    for h, w, t, f in zip(honest, lying, truth, lies, strict=True):
        total += _log_sigmoid(h[t] - h[f]) - _log_sigmoid(w[f] - w[t])
    return total / len(truth)


@agent_score_difference.check
def a_judge_who_believes_every_consultant_pays_both_alike(fn):
    honest, lying = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    expect(fn(honest, lying, CLAIM, OTHER), torch.tensor(0.0))


@agent_score_difference.check
def in_a_debate_it_is_the_mean_margin(fn):
    # log p − log(1 − p) is the logit itself.
    for lead in (2.0, -1.5, 0.0):
        logits = torch.tensor([[1.0 + lead, 1.0]])
        expect(fn(logits, logits, CLAIM, OTHER), torch.tensor(lead))
    logits = torch.tensor([[2.0, 0.0, 5.0], [1.0, 4.0, -3.0]])
    got = fn(logits, logits, torch.tensor([0, 1]), torch.tensor([1, 2]))
    expect(got, torch.tensor((2.0 + 7.0) / 2))


@agent_score_difference.check
def each_agent_is_scored_in_its_own_transcripts(fn):
    sure, even = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    expect(fn(sure, even, CLAIM, OTHER), torch.tensor(_log_sigmoid(2.0) + math.log(2)))
    expect(fn(even, sure, CLAIM, OTHER), torch.tensor(-math.log(2) - _log_sigmoid(-2.0)))


@agent_score_difference.check
def only_the_two_answers_count(fn):
    a = torch.tensor([[1.0, 0.0, 0.0]])
    for third in (-5.0, 50.0):
        b = torch.tensor([[1.0, 0.0, third]])
        expect(fn(b, b, CLAIM, OTHER), fn(a, a, CLAIM, OTHER))
        expect(fn(b, a, CLAIM, OTHER), torch.tensor(1.0))


@agent_score_difference.check
def it_is_the_definition_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for games, labels in ((1, 2), (4, 3), (6, 6), (25, 10)):
        honest, lying = 2 * torch.randn(2, games, labels, generator=g, dtype=torch.float64)
        truth = torch.randint(labels, (games,), generator=g)
        lies = (truth + 1 + torch.randint(labels - 1, (games,), generator=g)) % labels
        by_hand = _asd_by_hand(honest.tolist(), lying.tolist(), truth.tolist(), lies.tolist())
        got = fn(honest, lying, truth, lies)
        expect(got, torch.tensor(by_hand, dtype=torch.float64))


@agent_score_difference.check
def extreme_logits_stay_finite(fn):
    sure = torch.tensor([[1000.0, 0.0], [0.0, -1000.0]])
    truth, lies = torch.tensor([0, 0]), torch.tensor([1, 1])
    expect(fn(sure, sure, truth, lies), torch.tensor(1000.0))
    expect(fn(sure, sure, lies, truth), torch.tensor(-1000.0))


def _asd_mistake(description, difference):
    @agent_score_difference.mistake(description)
    def _(honest_logits, lying_logits, truth, lies):
        honest, lying = margin(honest_logits, truth, lies), margin(lying_logits, lies, truth)
        return difference(honest, lying, honest_logits, lying_logits, truth, lies)


_asd_mistake(
    "honest and lying agents are exchanged: the sign is wrong",
    lambda h, w, *rest: (F.logsigmoid(w) - F.logsigmoid(h)).mean(),
)
_asd_mistake(
    "the lying agent too is scored on the truth, not on what it argued for",
    lambda h, w, *rest: (F.logsigmoid(h) - F.logsigmoid(-w)).mean(),
)
_asd_mistake(
    "probabilities instead of their logarithms",
    lambda h, w, *rest: (h.sigmoid() - w.sigmoid()).mean(),
)
_asd_mistake(
    "all labels share the probability: the judge chooses between the two answers alone",
    lambda h, w, a, b, t, f: (
        a.log_softmax(-1).gather(-1, t[:, None]) - b.log_softmax(-1).gather(-1, f[:, None])
    ).mean(),
)
_asd_mistake(
    "both agents are scored in the honest agent's transcripts",
    lambda h, w, *rest: (F.logsigmoid(h) - F.logsigmoid(-h)).mean(),
)
_asd_mistake(
    "summed over the games, where the mean was asked for",
    lambda h, w, *rest: (F.logsigmoid(h) - F.logsigmoid(w)).sum(),
)
_asd_mistake(
    "the margins are subtracted, not the log-probabilities",
    lambda h, w, *rest: (h - w).mean(),
)
_asd_mistake(
    "log(sigmoid(x)) underflows: logsigmoid does not",
    lambda h, w, *rest: (h.sigmoid().log() - w.sigmoid().log()).mean(),
)
_asd_mistake(
    "the log of the mean probability, not the mean of the logs",
    lambda h, w, *rest: h.sigmoid().mean().log() - w.sigmoid().mean().log(),
)
_asd_mistake(
    "the scores are added, where the difference was asked for",
    lambda h, w, *rest: (F.logsigmoid(h) + F.logsigmoid(w)).mean(),
)


@exercise(
    difficulty=3,
    minutes=20,
    given="page",
    teaches="maximum likelihood for pairwise games, and when it has no finite answer",
    hints=[
        "Newton's method on strengths s: a player's gradient is its wins less its expected wins. "
        "The Elo rating is 400 / ln 10 times s, less the mean.",
        "The likelihood only knows differences, so its Hessian is singular: torch.linalg.pinv.",
        "A full Newton step can overshoot: never change a strength by more than 1 at once.",
        "Who can be reached from whom by wins? matrix_power((wins > 0) + identity, n) tells.",
    ],
)
def elo_from_wins(wins: Tensor) -> Tensor:
    """Elo ratings of most likelihood: P(i beats j) = 1 / (1 + 10^((r_j − r_i) / 400)).

    wins: (players, players), how often i beat j; a tie is half a win each. The diagonal is not
    looked at, and pairs need not have met. Bradley & Terry (1952) on Elo's scale. Returns
    (players,) in float64, with mean 0, since only differences are determined. If a player, or a
    group, never lost to the others (or never won), no finite ratings are most likely: ValueError.
    """
    n = len(wins)
    wins = wins.double() * (1 - torch.eye(n))
    if not (torch.linalg.matrix_power((wins > 0).double() + torch.eye(n), n) > 0).all():
        raise ValueError("some players never lost to, or never beat, the others")
    games, strength = wins + wins.T, torch.zeros(n, dtype=torch.float64)
    for _ in range(200):  # Newton's method on the log-likelihood, in nats
        p = (strength[:, None] - strength).sigmoid()
        curvature = games * p * (1 - p)
        step = torch.linalg.pinv(curvature.sum(1).diag() - curvature) @ (wins - games * p).sum(1)
        strength = strength + step / step.abs().max().clamp(min=1)
    return 400 / math.log(10) * (strength - strength.mean())


def _ratings(fn, wins):
    got = fn(torch.as_tensor(wins, dtype=torch.float64))
    fits = torch.is_tensor(got) and got.dtype == torch.float64 and got.shape == (len(wins),)
    require(fits, f"a float64 tensor of shape ({len(wins)},)", got)
    return got


def _wins_at(ratings, games):
    """The wins to be expected at given ratings, in plain Python."""
    return [
        [games[i][j] / (1 + 10 ** ((ratings[j] - ratings[i]) / 400)) if i != j else 0.0
         for j in range(len(ratings))]
        for i in range(len(ratings))
    ]  # fmt: skip


@elo_from_wins.check
def two_players(fn):
    # Odds of 10 to 1 are 400 points, by the definition of the scale.
    for won, lost in ((10, 1), (1, 10), (3, 3), (3, 1), (0.5, 2.5)):
        half = 200 * math.log10(won / lost)
        expect(_ratings(fn, [[0, won], [lost, 0]]), torch.tensor([half, -half]).double())


@elo_from_wins.check
def ratings_come_back_from_the_wins_they_predict(fn):
    for ratings in ([100.0, 0.0, -100.0], [500.0, 120.0, -40.0, -580.0]):
        n = len(ratings)
        games = [[float(3 + (i + j) % 4) for j in range(n)] for i in range(n)]
        got = _ratings(fn, _wins_at(ratings, games))
        expect(got, torch.tensor(ratings, dtype=torch.float64))


@elo_from_wins.check
def expected_wins_are_the_wins_there_were(fn):
    # Where the likelihood is highest its gradient is zero: for each player these two agree.
    g = torch.Generator().manual_seed(0)
    for n in (3, 5, 8):
        wins = torch.randint(1, 12, (n, n), generator=g).double() * (1 - torch.eye(n))
        got = _ratings(fn, wins)
        expected = torch.tensor(_wins_at(got.tolist(), (wins + wins.T).tolist())).sum(1)
        require(torch.allclose(expected.double(), wins.sum(1), atol=1e-3),
                f"ratings whose expected wins are {wins.sum(1).tolist()}", expected)  # fmt: skip
        expect(got.mean(), torch.tensor(0.0, dtype=torch.float64), tol=1e-4)


@elo_from_wins.check
def pairs_need_not_have_met(fn):
    # 1 met 0 and 2 only; the odds along the chain multiply.
    step = 400 * math.log10(4)
    got = _ratings(fn, [[0, 4, 0], [1, 0, 8], [0, 2, 0]])
    expect(got, torch.tensor([step, 0.0, -step]).double())


@elo_from_wins.check
def what_does_not_matter(fn):
    wins = torch.tensor([[0.0, 3, 2], [1, 0, 5], [4, 2, 0]])
    base = _ratings(fn, wins)
    expect(_ratings(fn, 7 * wins), base)  # the same proportions, more games
    expect(_ratings(fn, wins + 9 * torch.eye(3)), base)  # the diagonal
    expect(_ratings(fn, wins + torch.full((3, 3), 0.0)), base)
    order = torch.tensor([2, 0, 1])
    expect(_ratings(fn, wins[order][:, order]), base[order])


@elo_from_wins.check
def whole_numbers_and_single_precision_will_do(fn):
    wanted = torch.tensor([200 * math.log10(3), -200 * math.log10(3)]).double()
    for dtype in (torch.int64, torch.float32):
        got = fn(torch.tensor([[0, 3], [1, 0]], dtype=dtype))
        require(torch.is_tensor(got) and got.dtype == torch.float64, "float64", got)
        expect(got, wanted)


@elo_from_wins.check
def one_loss_in_a_hundred(fn):
    ratings = [800.0, 0.0, -800.0]
    games = [[1.0] * 3] * 3
    expect(_ratings(fn, _wins_at(ratings, games)), torch.tensor(ratings).double(), tol=1e-3)


@elo_from_wins.check
def without_a_finite_answer_it_raises(fn):
    cases = {
        "a player who never lost": [[0, 2, 3], [0, 0, 1], [0, 2, 0]],
        "a player who never won": [[0, 2, 3], [1, 0, 1], [0, 0, 0]],
        "two always beat the other two": [[0, 1, 3, 3], [1, 0, 3, 3], [0, 0, 0, 1], [0, 0, 1, 0]],
        "two pairs that never met": [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]],
    }  # fmt: skip
    for what, wins in cases.items():
        given = torch.tensor(wins, dtype=torch.float64)
        try:
            got = fn(given)
        except ValueError:
            continue
        require(False, f"ValueError: {what}", got, wins=given)


ELO = 400 / math.log(10)  # points for a unit of log-odds


def _elo_like(scale=ELO, center=True, prior=0.0, finite=True, transpose=False):
    """For the mistakes: elo_from_wins with one part exchanged."""

    def elo(wins):
        if not finite:
            wins = wins.double() + 1e-3 * (wins.double().sum() > 0)
        eye = torch.eye(len(wins), dtype=torch.float64)
        wins = (wins.T if transpose else wins).double() + prior * (1 - eye)
        rated = elo_from_wins.reference(wins) * scale / ELO
        return rated if center else rated - rated[0]

    return elo


for _text, _fn in {
    "natural logarithm: 400 instead of 400 / ln 10 points for a unit of log-odds": _elo_like(400),
    "log-odds instead of Elo points": _elo_like(1),
    "base 10, but not in points: the factor 400 is missing": _elo_like(1 / math.log(10)),
    "winners and losers are exchanged: wins was read the other way around": _elo_like(
        transpose=True
    ),
    "the first player is at 0, not the mean": _elo_like(center=False),
    "half a win is added everywhere: that is a prior, not maximum likelihood": _elo_like(prior=0.5),
    "a number is returned where no finite ratings are most likely": _elo_like(finite=False),
}.items():
    elo_from_wins.mistake(_text)(_fn)


@elo_from_wins.mistake("the log-odds of each player's own score: who was met is ignored")
def _(wins):
    wins = wins.double() * (1 - torch.eye(len(wins)))
    if (wins.sum(0) == 0).any() or (wins.sum(1) == 0).any():
        raise ValueError
    rated = (wins.sum(1) / wins.sum(0)).log10() * 400
    return rated - rated.mean()


@elo_from_wins.mistake("Elo's update after each game, K = 32: it depends on the order, and wanders")
def _(wins):
    rated = torch.zeros(len(wins), dtype=torch.float64)
    for i in range(len(wins)):
        for j in range(len(wins)):
            for _game in range(int(wins[i, j]) if i != j else 0):
                surprise = 1 - 1 / (1 + 10 ** ((rated[j] - rated[i]) / 400))
                rated[i] += 32 * surprise
                rated[j] -= 32 * surprise
    return rated


@elo_from_wins.mistake("the diagonal counts as games")
def _(wins):
    wins = wins.double()
    strength = torch.zeros(len(wins), dtype=torch.float64)
    elo_from_wins.reference(wins)  # raises where it must
    for _step in range(3000):
        p = (strength[:, None] - strength).sigmoid()
        games = wins + wins.T - wins.diag().diag()
        strength = strength + 0.5 * (wins - games * p).sum(1) / games.sum(1)
    return 400 / math.log(10) * (strength - strength.mean())


@elo_from_wins.mistake("ratings have mean 1500, where 0 was asked for")
def _(wins):
    return elo_from_wins.reference(wins) + 1500
