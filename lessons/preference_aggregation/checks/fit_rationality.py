"""How `fit_rationality` is judged: checks, mistakes, right answers in other styles."""

import math

import torch
from scipy.optimize import minimize_scalar

from lessons.preference_aggregation.exercises import fit_rationality
from utils.grading import expect, require

F64 = torch.float64


def _odds(right, wrong, gap=1.0):
    """So many choices of the better of two options, so many of the worse."""
    rewards = torch.tensor([[gap, 0.0]], dtype=F64).repeat(right + wrong, 1)
    return (torch.arange(right + wrong) >= right).long(), rewards


def _random_choices(seed, beta, n=60, k=4):
    g = torch.Generator().manual_seed(seed)
    rewards = torch.randn(n, k, generator=g, dtype=F64)
    chances = (beta * rewards).softmax(1)
    return torch.multinomial(chances, 1, generator=g)[:, 0], rewards


def _likelihood(beta, choices, rewards):
    return (beta * rewards).log_softmax(1).gather(1, choices[:, None]).sum().item()


def _number(got, **given):
    require(isinstance(got, float), "a float", got, **given)
    return got


@fit_rationality.check
def two_options_by_hand(fn):
    for right, wrong, gap in ((3, 1, 1.0), (9, 1, 1.0), (3, 1, 2.0), (4, 2, 0.5)):
        expect(_number(fn(*_odds(right, wrong, gap))), math.log(right / wrong) / gap, tol=2e-4)


@fit_rationality.check
def somebody_who_never_errs_gets_the_most(fn):
    choices, rewards = _odds(5, 0, gap=0.1)
    require(abs(_number(fn(choices, rewards)) - 100) < 0.1, "100", fn(choices, rewards))
    got = _number(fn(choices, rewards, 7.0))
    require(abs(got - 7) < 0.01, "7, which is `most` here", got)


@fit_rationality.check
def somebody_who_prefers_the_worse_gets_nothing(fn):
    got = fn(*_odds(1, 3))
    require(abs(_number(got)) < 1e-3, "0", got)


@fit_rationality.check
def no_other_beta_is_likelier(fn):
    for seed, beta in ((0, 0.5), (1, 1.5), (2, 4.0)):
        choices, rewards = _random_choices(seed, beta)
        got = _number(fn(choices, rewards), choices=choices, rewards=rewards)
        best = _likelihood(got, choices, rewards)
        for other in (got - 0.02 - 0.01 * got, got + 0.02 + 0.01 * got):
            require(
                _likelihood(other, choices, rewards) < best, "the likeliest beta", got,
                choices=choices, rewards=rewards,
            )  # fmt: skip


@fit_rationality.check
def as_a_search_over_the_likelihood_says(fn):
    for seed, beta, k in ((5, 1.0, 2), (6, 2.0, 6)):
        choices, rewards = _random_choices(seed, beta, n=80, k=k)
        best = minimize_scalar(
            lambda b, c=choices, r=rewards: -_likelihood(b, c, r), bounds=(0, 100),
            method="bounded", options={"xatol": 1e-9},
        ).x  # fmt: skip
        expect(_number(fn(choices, rewards)), float(best), tol=5e-4)


@fit_rationality.check
def a_constant_added_to_a_choice_changes_nothing(fn):
    choices, rewards = _random_choices(8, 1.0)
    shifted = rewards + torch.arange(len(rewards), dtype=F64)[:, None]
    expect(_number(fn(choices, shifted)), float(fn(choices, rewards)), tol=5e-4)


@fit_rationality.check
def large_rewards_do_not_overflow(fn):
    choices, rewards = _odds(3, 1)
    expect(_number(fn(choices, rewards + 5000)), math.log(3), tol=5e-4)


def _search(score, most=100.0):
    low, high = 0.0, most
    for _ in range(80):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        low, high = (a, high) if score(a) < score(b) else (low, b)
    return (low + high) / 2


@fit_rationality.mistake("1/β, the temperature, is returned")
def _(choices, rewards, most=100.0):
    beta = _search(lambda b: _likelihood(b, choices, rewards), most)
    return 1 / max(beta, 1e-9)


@fit_rationality.mistake("the share of best choices, which is no β")
def _(choices, rewards, most=100.0):
    return (choices == rewards.argmax(1)).double().mean().item()


@fit_rationality.mistake("the log-odds of the best choice, whatever was at stake")
def _(choices, rewards, most=100.0):
    share = (choices == rewards.argmax(1)).double().mean().item()
    return min(most, max(0.0, math.log(max(share, 1e-12) / max(1 - share, 1e-12))))


@fit_rationality.mistake(
    "the likelihood is not normalized: without logsumexp more β is always better"
)
def _(choices, rewards, most=100.0):
    chosen = rewards.gather(1, choices[:, None]).sum().item()
    return most if chosen > 0 else 0.0


@fit_rationality.mistake("the least likely β: the sign is turned")
def _(choices, rewards, most=100.0):
    grid = [0.0, most]
    return min(grid, key=lambda b: _likelihood(b, choices, rewards))


@fit_rationality.mistake("`most` is ignored: it is always 100")
def _(choices, rewards, most=100.0):
    return _search(lambda b: _likelihood(b, choices, rewards), 100.0)


@fit_rationality.mistake("β may become negative: it is sought from 0 up")
def _(choices, rewards, most=100.0):
    low, high = -most, most
    for _ in range(100):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        up = _likelihood(a, choices, rewards) < _likelihood(b, choices, rewards)
        low, high = (a, high) if up else (low, b)
    return (low + high) / 2


@fit_rationality.mistake("exp overflows: subtract the largest reward, or use softmax")
def _(choices, rewards, most=100.0):
    chosen = rewards.gather(1, choices[:, None])[:, 0]

    def slope(beta):
        weight = (beta * rewards).exp()
        return (chosen - (weight * rewards).sum(1) / weight.sum(1)).sum().item()

    low, high = 0.0, most
    if slope(0.0) <= 0:
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return (low + high) / 2


@fit_rationality.mistake("a coarse grid: right to 0.1 only")
def _(choices, rewards, most=100.0):
    grid = [0.1 * i for i in range(int(10 * most) + 1)]
    return max(grid, key=lambda b: _likelihood(b, choices, rewards))


def _bisect(slope, most):
    low, high = 0.0, most
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slope(middle) > 0 else (low, middle)
    return (low + high) / 2


def _slope(choices, rewards, dim=1, mean=False):
    chosen = rewards.gather(1, choices[:, None])[:, 0]

    def slope(beta):
        gap = chosen - ((beta * rewards).softmax(dim) * rewards).sum(1)
        return (gap.mean() if mean else gap.sum()).item()

    return slope


@fit_rationality.mistake("1/β, the temperature, is returned")
def _(choices, rewards, most=100.0):
    return 1 / _bisect(_slope(choices, rewards), most)


@fit_rationality.mistake("no bounds: β may fall below 0, or pass `most`")
def _(choices, rewards, most=100.0):
    beta = torch.ones((), dtype=rewards.dtype, requires_grad=True)
    best = torch.optim.LBFGS([beta], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        best.zero_grad()
        loss = torch.nn.functional.cross_entropy(beta * rewards, choices)
        loss.backward()
        return loss

    best.step(closure)
    return beta.item()


@fit_rationality.mistake("the log-odds of the best choice, whatever was at stake")
def _(choices, rewards, most=100.0):
    share = (choices == rewards.argmax(1)).double().mean().item()
    if share == 1:
        return most
    return max(0.0, math.log(max(share * (rewards.shape[1] - 1) / (1 - share), 1e-12)))


@fit_rationality.mistake("softmax over the choices: the options stand in dimension 1")
def _(choices, rewards, most=100.0):
    return _bisect(_slope(choices, rewards, dim=0), most)


@fit_rationality.mistake("each choice has a β of its own, and their mean is no fit of all")
def _(choices, rewards, most=100.0):
    each = [
        _bisect(_slope(choices[i : i + 1], rewards[i : i + 1]), most) for i in range(len(choices))
    ]
    return sum(each) / len(each)


@fit_rationality.mistake("rewards[:, choices] takes every choice's option from every row")
def _(choices, rewards, most=100.0):
    chosen = rewards[:, choices].mean(1)

    def slope(beta):
        return (chosen - ((beta * rewards).softmax(1) * rewards).sum(1)).sum().item()

    return _bisect(slope, most)


@fit_rationality.right("by bisection, the mean for the sum")
def _(choices, rewards, most=100.0):
    return _bisect(_slope(choices, rewards, mean=True), most)


@fit_rationality.right("by a search over the likelihood")
def _(choices, rewards, most=100.0):
    found = minimize_scalar(
        lambda b: -_likelihood(b, choices, rewards), bounds=(0, most), method="bounded",
        options={"xatol": 1e-9},
    )  # fmt: skip
    return float(found.x)


@fit_rationality.right("by Newton's method, kept between its bounds")
def _(choices, rewards, most=100.0):
    chosen = rewards.gather(1, choices[:, None])[:, 0]
    low, high, beta = 0.0, most, min(1.0, most)
    for _ in range(200):
        p = (beta * rewards).softmax(1)
        mean = (p * rewards).sum(1)
        slope = (chosen - mean).sum().item()
        low, high = (beta, high) if slope >= 0 else (low, beta)
        curve = (p * (rewards - mean[:, None]) ** 2).sum().item()
        step = beta + slope / curve if curve > 1e-12 else math.inf
        beta = step if low < step < high else (low + high) / 2
    return beta
