"""How `best_reveal` is judged: checks, mistakes, right answers."""

import torch

from lessons.debate.checks.shared import (
    CLAIM,
    NONE_OF_3,
    OTHER,
    bent_judge,
    expect_pixels,
    greedy,
    linear_judge,
    random_games,
    reveal_like,
)
from lessons.debate.exercises import best_reveal, sparse_view
from utils.worlds.pixels import OPEN, margin, strength


def _each_game(choose, judge, image, revealed, claim, other):
    """What a rule for single games in plain loops says of a batch of them."""
    pixels = [
        choose(judge, x, {i for i, r in enumerate(seen) if r}, a, b)
        for x, seen, a, b in zip(
            image.tolist(), revealed.tolist(), claim.tolist(), other.tolist(), strict=True
        )
    ]
    return torch.tensor(pixels)


def _some(*values):
    return torch.tensor([values], dtype=torch.float64)


@best_reveal.check
def a_judge_that_adds_up_evidence(fn):
    judge = linear_judge([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]])
    for claim, other, wanted in ((CLAIM, OTHER, 1), (OTHER, CLAIM, 2)):
        got = fn(judge, _some(1, 1, 1), NONE_OF_3, claim, other)
        expect_pixels(got, torch.tensor([wanted]))


@best_reveal.check
def what_counts_is_one_claim_less_the_other(fn):
    # Pixel 0 raises both claims, pixel 1 lowers only the other, pixel 2 raises a third label.
    judge = linear_judge([[5.0, 5.0, 0.0], [0.0, -2.0, 0.0], [-3.0, -4.0, 9.0]])
    expect_pixels(fn(judge, _some(1, 1, 1), NONE_OF_3, CLAIM, OTHER), torch.tensor([1]))
    judge = linear_judge([[1.0, 0.0, 0.0], [2.0, 0.0, 9.0], [0.0, -1.5, -9.0]])
    expect_pixels(fn(judge, _some(1, 1, 1), NONE_OF_3, CLAIM, OTHER), torch.tensor([1]))


@best_reveal.check
def black_pixels_may_not_be_revealed(fn):
    # The mask alone would make pixel 1 the best; but its value is 0.
    judge = linear_judge([[1.0, 0.0], [9.0, 0.0], [2.0, 0.0]], on_mask=True)
    expect_pixels(fn(judge, _some(1, 0, 1), NONE_OF_3, CLAIM, OTHER), torch.tensor([2]))


@best_reveal.check
def no_pixel_is_revealed_twice(fn):
    # Each further pixel hurts, so revealing an old one again would be the best of all.
    judge = linear_judge([[4.0, 0.0], [-2.0, 0.0], [-1.0, 0.0]])
    seen = torch.tensor([[True, False, False]])
    expect_pixels(fn(judge, _some(1, 1, 1), seen, CLAIM, OTHER), torch.tensor([2]))
    only = torch.tensor([[True, False, True]])
    expect_pixels(fn(judge, _some(1, 1, 1), only, CLAIM, OTHER), torch.tensor([1]))


@best_reveal.check
def what_is_revealed_already_matters(fn):
    # Pixels 1 and 2 count only beside pixel 0, and then with signs of their own.
    def judge(view):
        first, second, third = view[..., :3].unbind(-1)
        lead = 0.5 * second + 0.1 * third + 2 * first * (third - second)
        return torch.stack([lead, torch.zeros_like(lead)], -1)

    for seen, wanted in (([True, False, False], 2), ([False, False, False], 1)):
        got = fn(judge, _some(1, 1, 1), torch.tensor([seen]), CLAIM, OTHER)
        expect_pixels(got, torch.tensor([wanted]))


@best_reveal.check
def the_judge_is_shown_the_mask(fn):
    judge = linear_judge([[1.0, 0.0], [0.0, 3.0], [0.0, 1.0]], on_mask=True)
    expect_pixels(fn(judge, _some(0.1, 0.2, 0.9), NONE_OF_3, CLAIM, OTHER), torch.tensor([0]))
    expect_pixels(fn(judge, _some(0.1, 0.2, 0.9), NONE_OF_3, OTHER, CLAIM), torch.tensor([1]))


@best_reveal.check
def it_is_what_loops_over_games_and_pixels_say(fn):
    for seed, (games, pixels, labels) in enumerate(((1, 4, 2), (3, 5, 3), (6, 6, 4), (7, 9, 10))):
        for n_revealed in (0, 2):
            judge = bent_judge(seed, pixels, labels)
            args = random_games(seed, games, pixels, labels, n_revealed)
            expect_pixels(fn(judge, *args), _each_game(greedy, judge, *args))


@best_reveal.check
def a_claim_may_be_open_on_either_side(fn):
    judge = bent_judge(5, 8, 5)
    image, revealed, claim, _ = random_games(5, 9, 8, 5)
    nothing = torch.full_like(claim, OPEN)
    for pair in ((claim, nothing), (nothing, claim)):
        wanted = _each_game(greedy, judge, image, revealed, *pair)
        expect_pixels(fn(judge, image, revealed, *pair), wanted)


@best_reveal.check
def large_logits_in_single_precision(fn):
    w = torch.tensor([[1000.0, -1000.0], [1001.0, -1000.0], [-1000.0, 1000.0]])
    judge, image = linear_judge(w), torch.ones(2, 3)
    seen = torch.zeros(2, 3, dtype=torch.bool)
    claims = torch.tensor([0, 1]), torch.tensor([1, 0])
    expect_pixels(fn(judge, image, seen, *claims), torch.tensor([1, 2]))


def _label_probability(logits, claim, other):
    probability = logits.softmax(-1)
    return strength(probability, claim, other)


for _text, _fn in {
    "claims exchanged, or argmin for argmax: it helps the opponent": reveal_like(
        lambda logits, claim, other: margin(logits, other, claim)
    ),
    "it reveals again what is revealed": reveal_like(legal_of=lambda image, r: image > 0),
    "it reveals black pixels": reveal_like(legal_of=lambda image, r: ~r),
    "the argmax runs over the games, not over the candidates": reveal_like(
        choose=lambda g: g.argmax(0)
    ),
    "it raises its own claim and forgets the other's": reveal_like(strength),
    "it lowers the other's claim and forgets its own": reveal_like(
        lambda logits, claim, other: -strength(logits, other, claim)
    ),
    "it looks at the probability among all labels, not at one claim less the other": reveal_like(
        _label_probability
    ),
    "it forgets what is already revealed: each candidate is judged alone": reveal_like(
        first=torch.zeros_like
    ),
    "the judge is not shown the mask": reveal_like(
        view=lambda i, r: torch.cat([torch.where(r, i, 0), torch.zeros_like(i * r)], -1)
    ),
    "the judge is shown the whole picture": reveal_like(
        view=lambda i, r: torch.cat([i.expand(r.shape), r.to(i.dtype)], -1)
    ),
}.items():
    best_reveal.mistake(_text)(_fn)


@best_reveal.mistake("it takes the brightest legal pixel and does not ask the judge")
def _(judge, image, revealed, claim, other_claim):
    return image.masked_fill(revealed, 0).argmax(-1)


@best_reveal.mistake("every candidate is revealed at once, not each in a mask of its own")
def _(judge, image, revealed, claim, other_claim):
    legal = ~revealed & (image > 0)
    game, pixel = legal.nonzero(as_tuple=True)
    tried = revealed[game]
    tried[:, pixel] = True
    gain = margin(judge(sparse_view(image[game], tried)), claim[game], other_claim[game])
    gains = gain.new_full(image.shape, -torch.inf)
    gains[game, pixel] = gain
    return gains.argmax(-1)


@best_reveal.mistake("it returns the place in the list of legal pixels, not the pixel's number")
def _(judge, image, revealed, claim, other_claim):
    best = best_reveal.reference(judge, image, revealed, claim, other_claim)
    return (~revealed & (image > 0)).cumsum(-1).gather(1, best[:, None])[:, 0] - 1


def _last_label_for_open(logits, claim, other):
    last = logits.shape[-1]
    return strength(logits, claim % last, other % last) - strength(logits, other % last, claim)


best_reveal.mistake("OPEN, which is −1, is used as an index: it takes the last label")(
    reveal_like(_last_label_for_open)
)


@best_reveal.right("by loops over games and pixels")
def _(judge, image, revealed, claim, other_claim):
    chosen = []
    for game in range(len(image)):
        best, most = None, -torch.inf
        for pixel in range(image.shape[1]):
            if image[game, pixel] > 0 and not revealed[game, pixel]:
                seen = revealed[game].clone()
                seen[pixel] = True
                gain = margin(judge(sparse_view(image[game], seen)), claim[game], other_claim[game])
                if gain > most:
                    best, most = pixel, gain.item()
        chosen.append(best)
    return torch.tensor(chosen)


@best_reveal.right("by broadcasting: every pixel of every game, −∞ for what is not legal")
def _(judge, image, revealed, claim, other_claim):
    tried = revealed[:, None] | torch.eye(image.shape[-1], dtype=torch.bool)
    logits = judge(sparse_view(image[:, None], tried))
    gain = margin(logits, claim[:, None], other_claim[:, None])
    legal = ~revealed & (image > 0)
    return gain.masked_fill(~legal, -torch.inf).argmax(-1)
