"""What the debate lesson's whiteboard prompts grade: a derived result, and mended code."""

import itertools

import torch
from torch import Tensor

from lessons.debate.exercises import honest_win_rate, margin
from utils.exercises import exercise, expect, require


@exercise(
    difficulty=2,
    minutes=10,
    teaches="what debate is worth under a judge who adds up evidence",
    hints=[
        "Which pixel does each side want most, whatever the other does?",
        "Can taking it early or late make a difference?",
        "Everybody must reveal on each turn, even when it hurts.",
    ],
)
def additive_debate_value(weights: Tensor, prior: float, n_honest: int, n_liar: int) -> Tensor:
    """The margin for the truth at the end of a debate before a judge who adds up evidence.

    weights: (pixels,), in nats: what revealing a pixel adds to the margin for the truth. prior:
    the margin before anything is revealed, in nats. The honest side wants the final margin large,
    the liar small; they reveal n_honest and n_liar pixels (n_honest + n_liar at most the number of
    pixels), no pixel twice, and must reveal at each of their turns. Both play perfectly. Returns a
    scalar in nats, of the weights' type.
    """
    ranked = weights.sort(descending=True).values
    best, worst = ranked[:n_honest], ranked[len(ranked) - n_liar :]
    return prior + best.sum() + worst.sum()


def _perfect_play(weights, margin_now, order):
    """The value of the game by full search: order is a tuple of True (honest) and False (liar)."""
    if not order:
        return margin_now
    ends = [
        _perfect_play(weights[:i] + weights[i + 1 :], margin_now + w, order[1:])
        for i, w in enumerate(weights)
    ]
    return max(ends) if order[0] else min(ends)


def _value(fn, weights, prior, n_honest, n_liar, wanted):
    got = fn(torch.tensor(weights, dtype=torch.float64), prior, n_honest, n_liar)
    expect(got, torch.tensor(wanted, dtype=torch.float64))


@additive_debate_value.check
def one_reveal_by_one_side(fn):
    _value(fn, [2.0, -1.0], 0.5, 1, 0, 2.5)
    _value(fn, [2.0, -1.0], 0.5, 0, 1, -0.5)
    _value(fn, [2.0, -1.0], 0.5, 0, 0, 0.5)


@additive_debate_value.check
def one_must_reveal_even_when_it_hurts(fn):
    _value(fn, [-1.0, -3.0, -2.0], 0.0, 2, 0, -3.0)
    _value(fn, [1.0, 3.0, 2.0], 0.0, 0, 2, 3.0)
    _value(fn, [1.0, 3.0, 2.0], 0.0, 1, 1, 4.0)


@additive_debate_value.check
def when_everything_is_revealed_the_sides_do_not_matter(fn):
    for n_honest in range(4):
        _value(fn, [4.0, -1.0, 0.5], -1.0, n_honest, 3 - n_honest, 2.5)


@additive_debate_value.check
def it_is_the_value_of_the_game_by_full_search(fn):
    g = torch.Generator().manual_seed(0)
    for n_honest, n_liar, pixels in ((1, 1, 3), (2, 1, 4), (1, 2, 5), (2, 2, 5), (3, 2, 6)):
        weights = (4 * torch.randn(pixels, generator=g)).tolist()
        for order in set(itertools.permutations([True] * n_honest + [False] * n_liar)):
            wanted = _perfect_play(weights, 0.7, order)  # the same in any order of turns
            _value(fn, weights, 0.7, n_honest, n_liar, wanted)


def _value_mistake(description, value):
    @additive_debate_value.mistake(description)
    def _(weights, prior, n_honest, n_liar):
        ranked = weights.sort(descending=True).values
        return value(ranked, prior, n_honest, n_liar)


_value_mistake("the liar's reveals are forgotten: this is consultancy",
               lambda r, prior, h, w: prior + r[:h].sum())  # fmt: skip
_value_mistake("the margin before any reveal is forgotten",
               lambda r, prior, h, w: r[:h].sum() + r[len(r) - w :].sum())  # fmt: skip
_value_mistake("sides may pass: harmful pixels are left out",
               lambda r, prior, h, w: prior + r[:h].clamp(min=0).sum()
               + r[len(r) - w :].clamp(max=0).sum())  # fmt: skip
_value_mistake("the liar's reveals are subtracted: wrong sign, they are negative already",
               lambda r, prior, h, w: prior + r[:h].sum() - r[len(r) - w :].sum())  # fmt: skip
_value_mistake("honest and liar are exchanged",
               lambda r, prior, h, w: prior + r[:w].sum() + r[len(r) - h :].sum())  # fmt: skip
_value_mistake("the liar helps: both take the largest weights",
               lambda r, prior, h, w: prior + r[: h + w].sum())  # fmt: skip
_value_mistake("the mean of the evidence, where the judge adds it up",
               lambda r, prior, h, w: prior + torch.cat([r[:h], r[len(r) - w :]]).sum()
               / max(h + w, 1))  # fmt: skip


@exercise(
    difficulty=2,
    minutes=10,
    teaches="comparing two numbers only when they measure the same thing",
    hints=[
        "What does each of the two rates ask of the judge: to choose among how many answers?",
        "honest_win_rate can be applied to random reveals as well.",
    ],
)
def debate_gain(
    random_logits: Tensor, debate_logits: Tensor, truth: Tensor, lies: Tensor
) -> Tensor:
    """What debate adds to random reveals in the paper's metric for it: the truth beats every lie.

    random_logits, debate_logits: (images, lies, labels), the judge's after random reveals (drawn
    afresh for each lie) and after a debate against each lie. truth: (images,). lies: (images,
    lies). Returns a scalar between −1 and 1: the rate with debate less the rate without.
    """
    return honest_win_rate(debate_logits, truth, lies) - honest_win_rate(random_logits, truth, lies)


def _rate_by_hand(logits, truth, lies):
    rows = zip(logits.tolist(), truth.tolist(), lies.tolist(), strict=True)
    won = [all(x[t] > x[f] for x, f in zip(row, fs, strict=True)) for row, t, fs in rows]
    return sum(won) / len(won)


@debate_gain.check
def the_same_reveals_gain_nothing(fn):
    g = torch.Generator().manual_seed(0)
    logits, truth = torch.randn(20, 3, 4, generator=g), torch.zeros(20, dtype=torch.long)
    lies = torch.tensor([[1, 2, 3]]).expand(20, -1)
    expect(fn(logits, logits, truth, lies), torch.tensor(0.0))


@debate_gain.check
def one_image_that_debate_wins(fn):
    lost, won = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]), torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])
    truth, lies = torch.tensor([0]), torch.tensor([[1, 1]])
    expect(fn(lost, won, truth, lies), torch.tensor(1.0))
    expect(fn(won, lost, truth, lies), torch.tensor(-1.0))
    expect(fn(lost, lost, truth, lies), torch.tensor(0.0))


@debate_gain.check
def both_rates_by_hand(fn):
    g = torch.Generator().manual_seed(1)
    for images, n_lies, labels in ((7, 2, 3), (12, 9, 10), (30, 3, 10)):
        a, b = torch.randn(2, images, n_lies, labels, generator=g)
        truth = torch.randint(labels, (images,), generator=g)
        lies = (truth[:, None] + 1 + torch.arange(n_lies)) % labels
        b = b.scatter_add(
            2, truth[:, None, None].expand(-1, n_lies, 1), torch.ones(images, n_lies, 1)
        )
        wanted = _rate_by_hand(b, truth, lies) - _rate_by_hand(a, truth, lies)
        got = fn(a, b, truth, lies)
        require(torch.is_tensor(got) and got.shape == (), "a scalar tensor", got)
        expect(got, torch.tensor(wanted))


@debate_gain.mistake(
    "among all labels without debate, between two answers and averaged over lies with it"
)
def _(random_logits, debate_logits, truth, lies):
    before = (random_logits.argmax(-1) == truth[:, None]).float().mean()
    after = (margin(debate_logits, truth[:, None], lies) > 0).float().mean()
    return after - before


@debate_gain.mistake("among all labels without debate, against every lie with it: two metrics")
def _(random_logits, debate_logits, truth, lies):
    before = (random_logits.argmax(-1) == truth[:, None]).float().mean()
    return honest_win_rate(debate_logits, truth, lies) - before


@debate_gain.mistake("both rates are means over lies: one lie that succeeds is enough for the liar")
def _(random_logits, debate_logits, truth, lies):
    after = (margin(debate_logits, truth[:, None], lies) > 0).float().mean()
    return after - (margin(random_logits, truth[:, None], lies) > 0).float().mean()


@debate_gain.mistake("without debate less with debate: the sign is wrong")
def _(random_logits, debate_logits, truth, lies):
    return debate_gain.reference(debate_logits, random_logits, truth, lies)
