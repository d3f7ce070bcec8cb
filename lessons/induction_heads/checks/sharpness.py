"""How `sharpness` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.induction_heads.exercises import sharpness
from utils.grading import require

CASES = [  # gap, n_keys, d_head, share
    (1.0, 2, 1, 0.75), (1.0, 3, 4, 0.9), (0.5, 2, 1, 0.75), (0.5, 40, 104, 0.999),
    (2.0, 10, 16, 0.5), (0.25, 7, 9, 0.2), (1.0, 100, 64, 0.99),
]  # fmt: skip


def _close(got, expected, **given):
    got = got.item() if torch.is_tensor(got) and got.dim() == 0 else got
    number = isinstance(got, int | float) and not isinstance(got, bool)
    require(number and math.isclose(got, expected, rel_tol=1e-3, abs_tol=1e-6), expected, got,
            **given)  # fmt: skip


@sharpness.check
def two_keys_by_hand(fn):
    # share 3/4 against one other: e^x = 3
    _close(fn(1.0, 2, 1, 0.75), math.log(3), gap=1.0, n_keys=2, d_head=1, share=0.75)
    _close(fn(1.0, 2, 4, 0.75), 2 * math.log(3), gap=1.0, n_keys=2, d_head=4, share=0.75)


@sharpness.check
def the_softmax_gives_that_share(fn):
    for gap, n_keys, d_head, share in CASES:
        given = {"gap": gap, "n_keys": n_keys, "d_head": d_head, "share": share}
        factor = fn(gap, n_keys, d_head, share)
        factor = factor.item() if torch.is_tensor(factor) and factor.dim() == 0 else factor
        require(isinstance(factor, int | float), "a plain number", factor, **given)
        raw = torch.zeros(n_keys, dtype=torch.float64)
        raw[0] = gap
        got = (factor * raw / math.sqrt(d_head)).softmax(0)[0].item()
        odds, wanted = got / (1 - got + 1e-300), share / (1 - share)
        require(abs(odds / wanted - 1) < 0.01, f"a share of {share}", got, **given)


@sharpness.check
def an_even_share_needs_nothing_and_a_smaller_gap_more(fn):
    _close(fn(1.0, 4, 16, 0.25 + 1e-12), 0.0, gap=1.0, n_keys=4, d_head=16, share=0.25)
    whole = fn(1.0, 9, 16, 0.9)
    _close(fn(0.5, 9, 16, 0.9), 2 * whole, gap=0.5, n_keys=9, d_head=16, share=0.9)


@sharpness.mistake("√d_head is forgotten: the softmax sees the score divided by it")
def _(gap, n_keys, d_head, share):
    return math.log((n_keys - 1) * share / (1 - share)) / gap


@sharpness.mistake("d_head instead of its root")
def _(gap, n_keys, d_head, share):
    return math.log((n_keys - 1) * share / (1 - share)) * d_head / gap


@sharpness.mistake("divided by √d_head, where the division by it must be made up for")
def _(gap, n_keys, d_head, share):
    return math.log((n_keys - 1) * share / (1 - share)) / d_head**0.5 / gap


@sharpness.mistake("all n keys count as rivals, the winner among them")
def _(gap, n_keys, d_head, share):
    return math.log(n_keys * share / (1 - share)) * d_head**0.5 / gap


@sharpness.mistake("one rival, however many keys there are")
def _(gap, n_keys, d_head, share):
    return math.log(share / (1 - share)) * d_head**0.5 / gap


@sharpness.mistake("the others' share is left out: log((n − 1) · share)")
def _(gap, n_keys, d_head, share):
    return math.log((n_keys - 1) * share) * d_head**0.5 / gap


@sharpness.mistake("multiplied by the gap: a smaller one needs a larger factor")
def _(gap, n_keys, d_head, share):
    return math.log((n_keys - 1) * share / (1 - share)) * d_head**0.5 * gap


@sharpness.mistake("the gap is ignored")
def _(gap, n_keys, d_head, share):
    return math.log((n_keys - 1) * share / (1 - share)) * d_head**0.5


@sharpness.mistake("the logarithm is missing: these are the odds themselves")
def _(gap, n_keys, d_head, share):
    return (n_keys - 1) * share / (1 - share) * d_head**0.5 / gap


@sharpness.mistake("the minus: odds are upside down")
def _(gap, n_keys, d_head, share):
    return math.log((n_keys - 1) * (1 - share) / share) * d_head**0.5 / gap


@sharpness.mistake("divided by n − 1, where the odds are multiplied by it")
def _(gap, n_keys, d_head, share):
    return math.log(share / (1 - share) / (n_keys - 1)) * d_head**0.5 / gap


@sharpness.mistake("the logarithm to base 10, where the softmax has e")
def _(gap, n_keys, d_head, share):
    return math.log10((n_keys - 1) * share / (1 - share)) * d_head**0.5 / gap


@sharpness.right("by torch, as a tensor of one number")
def _(gap, n_keys, d_head, share):
    odds = torch.tensor(share / (1 - share), dtype=torch.float64)
    return (odds * (n_keys - 1)).log() * d_head**0.5 / gap


@sharpness.right("by the logarithms apart")
def _(gap, n_keys, d_head, share):
    return math.sqrt(d_head) * (math.log(n_keys - 1) + math.log(share) - math.log1p(-share)) / gap


@sharpness.right("by bisection on the softmax")
def _(gap, n_keys, d_head, share):
    low, high = -1e5, 1e5
    for _ in range(200):
        middle = (low + high) / 2
        score = middle * gap / d_head**0.5
        got = 1 / (1 + (n_keys - 1) * math.exp(min(-score, 700)))
        low, high = (middle, high) if got < share else (low, middle)
    return low
