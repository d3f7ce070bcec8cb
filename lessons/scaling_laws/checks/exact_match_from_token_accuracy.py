"""How `exact_match_from_token_accuracy` is judged: checks, mistakes, right answers."""

import itertools

import torch

from lessons.scaling_laws.exercises import exact_match_from_token_accuracy
from utils.grading import expect


def _t(values):
    return torch.tensor(values, dtype=torch.float64)


def _counted(p):
    """By going through every pattern of right and wrong tokens."""
    total = 0.0
    for pattern in itertools.product((0, 1), repeat=len(p)):
        chance = 1.0
        for right, q in zip(pattern, p, strict=True):
            chance *= q if right else 1 - q
        total += chance * all(pattern)
    return total


@exact_match_from_token_accuracy.check
def two_tokens(fn):
    expect(fn(_t([0.5, 0.5])), _t(0.25))
    expect(fn(_t([0.9, 0.2])), _t(0.18))


@exact_match_from_token_accuracy.check
def one_token_and_the_ends(fn):
    expect(fn(_t([0.3])), _t(0.3))
    expect(fn(_t([1.0, 1.0, 1.0])), _t(1.0))
    expect(fn(_t([0.9, 0.0, 0.9])), _t(0.0))


@exact_match_from_token_accuracy.check
def every_pattern_counted(fn):
    for p in ([0.2, 0.9, 0.7], [0.95, 0.9, 0.85, 0.8, 0.99]):
        expect(fn(_t(p)), _t(_counted(p)))


@exact_match_from_token_accuracy.check
def over_the_last_dimension(fn):
    table = [[0.5, 0.4], [1.0, 0.3], [0.6, 0.6]]
    expect(fn(_t(table)), _t([0.2, 0.3, 0.36]))
    expect(fn(_t([table, table])), _t([[0.2, 0.3, 0.36]] * 2))


@exact_match_from_token_accuracy.check
def single_precision_stays(fn):
    expect(fn(torch.tensor([0.5, 0.5, 0.5])), torch.tensor(0.125))


@exact_match_from_token_accuracy.check
def the_input_is_left_as_it_is(fn):
    p = _t([0.5, 0.4, 0.3])
    fn(p)
    expect(p, _t([0.5, 0.4, 0.3]))


MISTAKES = {
    "the mean: that is the token accuracy itself": lambda p: p.mean(-1),
    "the smallest: all tokens must be right at once": lambda p: p.min(-1).values,
    "the sum of log accuracies is not brought back by exp": lambda p: p.log().sum(-1),
    "the chance that at least one is right": lambda p: 1 - (1 - p).prod(-1),
    "the chance that none is right": lambda p: (1 - p).prod(-1),
    "one minus the errors added up: two errors in a string are counted twice": lambda p: (
        1 - (1 - p).sum(-1)
    ),
    "the mean to the power of the length: places differ": lambda p: p.mean(-1) ** p.shape[-1],
    "the product over the first dimension": lambda p: p.prod(0),
    "one product for the whole table": lambda p: p.prod(),
    "the root: that goes from strings to tokens": lambda p: p.prod(-1) ** (1 / p.shape[-1]),
    "the first token's accuracy to the power of the length": lambda p: p[..., 0] ** p.shape[-1],
    "six tokens always": lambda p: p.mean(-1) ** 6,
    "the last token is left out": lambda p: p[..., :-1].prod(-1),
}
for said, wrong in MISTAKES.items():
    exact_match_from_token_accuracy.mistake(said)(wrong)


@exact_match_from_token_accuracy.right("by a loop over places")
def _(token):
    found = torch.ones_like(token[..., 0])
    for place in range(token.shape[-1]):
        found = found * token[..., place]
    return found


@exact_match_from_token_accuracy.right("in logs")
def _(token):
    return token.log().sum(-1).exp()


@exact_match_from_token_accuracy.right("by cumprod")
def _(token):
    return torch.cumprod(token, -1)[..., -1]
