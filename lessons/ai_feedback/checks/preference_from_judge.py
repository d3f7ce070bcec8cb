"""How `preference_from_judge` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.ai_feedback.exercises import preference_from_judge
from utils.grading import expect, require


def letters(*rows, dtype=torch.float32):
    """Log-probabilities of A and B from probabilities, which need not sum to 1."""
    return torch.tensor(rows, dtype=dtype).log()


def random_letters(seed, n, dtype=torch.float32):
    g = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(n, 2, generator=g, dtype=torch.float64) - 3).to(dtype)


def by_hand(logprobs, swapped=None, clamp=None):
    out = []
    for i, (a, b) in enumerate(logprobs.tolist()):
        label = 1 / (1 + math.exp(b - a))
        if swapped is not None:
            a, b = swapped[i].tolist()
            label = (label + 1 / (1 + math.exp(a - b))) / 2
        if clamp is not None:
            label = max(1 - clamp, min(clamp, label))
        out.append(label)
    return torch.tensor(out, dtype=logprobs.dtype)


@preference_from_judge.check
def one_order_is_the_share_of_A_among_the_two_letters(fn):
    expect(fn(letters((0.8, 0.2))), torch.tensor([0.8]))
    expect(fn(letters((0.3, 0.1), (0.05, 0.15))), torch.tensor([0.75, 0.25]))


@preference_from_judge.check
def an_honest_judge_says_the_same_in_both_orders(fn):
    expect(fn(letters((0.9, 0.1)), letters((0.1, 0.9))), torch.tensor([0.9]))


@preference_from_judge.check
def a_judge_that_always_says_A_has_no_opinion(fn):
    expect(fn(letters((0.95, 0.05)), letters((0.95, 0.05))), torch.tensor([0.5]))


@preference_from_judge.check
def both_orders_by_hand(fn):
    for n in (1, 2, 5):
        one, two = random_letters(n, n), random_letters(10 + n, n)
        expect(fn(one, two), by_hand(one, two))


@preference_from_judge.check
def clamped_after_the_mean(fn):
    expect(fn(letters((0.97, 0.03)), None, 0.6), torch.tensor([0.6]))
    expect(fn(letters((0.02, 0.98), (0.55, 0.45)), clamp=0.6), torch.tensor([0.4, 0.55]))
    one, two = letters((0.99, 0.01), (0.99, 0.01)), letters((0.5, 0.5), (0.9, 0.1))
    expect(fn(one, two, 0.8), torch.tensor([0.745, 0.545]))
    expect(fn(one, two, clamp=0.6), torch.tensor([0.6, 0.545]))


@preference_from_judge.check
def no_clamp_leaves_sure_labels_sure(fn):
    expect(fn(letters((0.999, 0.001))), torch.tensor([0.999]))
    expect(fn(letters((0.9, 0.1)), None, 1.0), torch.tensor([0.9]))


@preference_from_judge.check
def hopeless_letters_stay_finite(fn):
    logprobs = torch.tensor([[-1000.0, -1001.0], [-1000.0, -3000.0]])
    expect(fn(logprobs), torch.tensor([1 / (1 + math.exp(-1)), 1.0]))


@preference_from_judge.check
def float64_stays_float64(fn):
    one, two = random_letters(3, 4, torch.float64), random_letters(4, 4, torch.float64)
    got = fn(one, two, 0.7)
    require(torch.is_tensor(got) and got.dtype == torch.float64, "float64 from float64", got)
    expect(got, by_hand(one, two, 0.7), tol=1e-9)


def _clamped(label, clamp):
    return label if clamp is None else label.clamp(1 - clamp, clamp)


def _share(x, column):
    return x.softmax(-1)[:, column]


@preference_from_judge.mistake("not normalized over the two letters")
def _(logprobs, swapped=None, clamp=None):
    label = logprobs.exp()[:, 0]
    if swapped is not None:
        label = (label + swapped.exp()[:, 1]) / 2
    return _clamped(label, clamp)


@preference_from_judge.mistake(
    "in the swapped order the share of A is taken: there response 1 is B"
)
def _(logprobs, swapped=None, clamp=None):
    label = _share(logprobs, 0)
    if swapped is not None:
        label = (label + _share(swapped, 0)) / 2
    return _clamped(label, clamp)


@preference_from_judge.mistake("log-probabilities are averaged, not probabilities")
def _(logprobs, swapped=None, clamp=None):
    if swapped is not None:
        logprobs = (logprobs.log_softmax(-1) + swapped.flip(1).log_softmax(-1)) / 2
    return _clamped(_share(logprobs, 0), clamp)


@preference_from_judge.mistake("the swapped order is ignored")
def _(logprobs, swapped=None, clamp=None):
    return _clamped(_share(logprobs, 0), clamp)


@preference_from_judge.mistake("each order is clamped before the mean")
def _(logprobs, swapped=None, clamp=None):
    label = _clamped(_share(logprobs, 0), clamp)
    if swapped is not None:
        label = (label + _clamped(_share(swapped, 1), clamp)) / 2
    return label


@preference_from_judge.mistake("clamped from above alone")
def _(logprobs, swapped=None, clamp=None):
    label = _share(logprobs, 0)
    if swapped is not None:
        label = (label + _share(swapped, 1)) / 2
    return label if clamp is None else label.clamp(max=clamp)


@preference_from_judge.mistake("a hard label: what the judge is unsure of is lost")
def _(logprobs, swapped=None, clamp=None):
    label = _share(logprobs, 0)
    if swapped is not None:
        label = (label + _share(swapped, 1)) / 2
    return _clamped((label > 0.5).to(logprobs.dtype), clamp)


@preference_from_judge.mistake("the probability of response 2, not of response 1")
def _(logprobs, swapped=None, clamp=None):
    label = _share(logprobs, 1)
    if swapped is not None:
        label = (label + _share(swapped, 0)) / 2
    return _clamped(label, clamp)


@preference_from_judge.mistake("the two orders are summed, not averaged")
def _(logprobs, swapped=None, clamp=None):
    label = _share(logprobs, 0)
    if swapped is not None:
        label = label + _share(swapped, 1)
    return _clamped(label, clamp)


@preference_from_judge.mistake("exp of each over their sum: 0/0 where both letters are hopeless")
def _(logprobs, swapped=None, clamp=None):
    p = logprobs.exp()
    label = p[:, 0] / p.sum(1)
    if swapped is not None:
        q = swapped.exp()
        label = (label + q[:, 1] / q.sum(1)) / 2
    return _clamped(label, clamp)


@preference_from_judge.right("by a sigmoid of the difference")
def _(logprobs, swapped=None, clamp=None):
    label = torch.sigmoid(logprobs[:, 0] - logprobs[:, 1])
    if swapped is not None:
        label = torch.stack([label, torch.sigmoid(swapped[:, 1] - swapped[:, 0])]).mean(0)
    if clamp is None:
        return label
    return torch.minimum(torch.maximum(label, label.new_tensor(1 - clamp)), label.new_tensor(clamp))


@preference_from_judge.right("pair by pair in a loop")
def _(logprobs, swapped=None, clamp=None):
    out = []
    for i in range(len(logprobs)):
        orders = [logprobs[i].softmax(0)[0]]
        if swapped is not None:
            orders.append(swapped[i].softmax(0)[1])
        label = sum(orders) / len(orders)
        out.append(label if clamp is None else label.clamp(1 - clamp, clamp))
    return torch.stack(out)
