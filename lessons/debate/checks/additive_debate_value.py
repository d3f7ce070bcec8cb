"""How `additive_debate_value` is judged: checks, mistakes, right answers."""

import itertools

import torch

from lessons.debate.drills import additive_debate_value
from utils.grading import expect, require


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
def it_has_the_type_of_the_weights(fn):
    got = fn(torch.tensor([2.0, -1.0, 0.5]), 0.5, 1, 1)
    expect(got, torch.tensor(1.5))
    require(got.dtype == torch.float32, "float32", got)


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


@additive_debate_value.right("by topk at both ends")
def _(weights, prior, n_honest, n_liar):
    return prior + weights.topk(n_honest)[0].sum() + weights.topk(n_liar, largest=False)[0].sum()


@additive_debate_value.right("by playing it: each side in turn takes its extreme")
def _(weights, prior, n_honest, n_liar):
    left, lead = sorted(weights.tolist()), float(prior)
    while n_honest or n_liar:
        if n_honest:
            n_honest, lead = n_honest - 1, lead + left.pop()
        if n_liar:
            n_liar, lead = n_liar - 1, lead + left.pop(0)
    return torch.tensor(lead, dtype=weights.dtype)
