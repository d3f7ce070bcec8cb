"""How `elo_win_probability` is judged: checks, mistakes, right answers."""

import math

import numpy as np
import torch

from lessons.oversight_scaling.checks.shared import win
from lessons.oversight_scaling.exercises import elo_win_probability
from utils.grading import expect, require


def _t(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


@elo_win_probability.check
def four_hundred_points_are_odds_of_ten_to_one(fn):
    expect(fn(_t(1400.0), _t(1000.0)), _t(10 / 11))


@elo_win_probability.check
def equals_win_half(fn):
    expect(fn(_t(1234.5), _t(1234.5)), _t(0.5))


@elo_win_probability.check
def behind_is_one_less_ahead(fn):
    expect(fn(_t(1000.0, 1000.0), _t(1400.0, 1100.0)), _t(1 / 11, 1 / (1 + 10**0.25)))


@elo_win_probability.check
def it_is_elos_formula(fn):
    guards, houdinis = (0.0, 250.0, -830.0, 1500.0), (10.0, -400.0, 20.0, 1390.0)
    wanted = [win(a - b) for a, b in zip(guards, houdinis, strict=True)]
    expect(fn(_t(*guards), _t(*houdinis)), _t(*wanted))


@elo_win_probability.check
def every_guard_meets_every_houdini(fn):
    guards, houdinis = _t(0.0, 100.0, 300.0)[:, None], _t(50.0, -20.0)
    wanted = [[win(a - b) for b in houdinis.tolist()] for a in guards[:, 0].tolist()]
    expect(fn(guards, houdinis), torch.tensor(wanted, dtype=torch.float64))


@elo_win_probability.check
def single_precision_stays(fn):
    got = fn(torch.tensor([100.0]), torch.tensor([0.0]))
    expect(got, torch.tensor([win(100.0)]))


@elo_win_probability.check
def far_apart_it_is_finite(fn):
    got = fn(_t(80_000.0, -80_000.0, 200_000.0), _t(0.0, 0.0, 0.0))
    expect(got, _t(1.0, 0.0, 1.0))
    small = fn(_t(-40_000.0), _t(0.0))
    near = math.isclose(float(small[0]), 1e-100, rel_tol=1e-6)
    require(near, "1e-100 at 40,000 points behind", small)


def _mistake(text, of_lead):
    @elo_win_probability.mistake(text)
    def _(guard, houdini):
        return of_lead(guard - houdini)


_mistake(
    "the sign is wrong: this is the Houdini's chance",
    lambda d: torch.sigmoid(-d * math.log(10) / 400),
)
_mistake("base e for base 10: ln 10 is missing", lambda d: torch.sigmoid(d / 400))
_mistake("the 400 is missing", lambda d: torch.sigmoid(d * math.log(10)))
_mistake("divided by ln 10 where it multiplies", lambda d: torch.sigmoid(d / math.log(10) / 400))
_mistake("base 2 for base 10", lambda d: torch.sigmoid(d * math.log(2) / 400))
_mistake("odds are returned, not a probability", lambda d: 10 ** (d / 400))
_mistake("log-odds are returned, not a probability", lambda d: d * math.log(10) / 400)
_mistake("a straight line for the curve", lambda d: (0.5 + d / 800).clamp(0, 1))
_mistake("who is ahead always wins: there is no chance in it", lambda d: (d > 0).to(d.dtype))
_mistake("one half, whoever plays", lambda d: torch.full_like(d, 0.5))
_mistake("10 to the power overflows: inf / inf is not a number",
         lambda d: 10 ** (d / 400) / (1 + 10 ** (d / 400)))  # fmt: skip


@elo_win_probability.mistake("the share of the points, as if ratings were on a scale of odds")
def _(guard, houdini):
    return guard / (guard + houdini)


@elo_win_probability.mistake("one number comes back: the mean over all pairs")
def _(guard, houdini):
    return elo_win_probability.reference(guard, houdini).mean()


@elo_win_probability.mistake("the Houdini's rating is ignored")
def _(guard, houdini):
    return torch.sigmoid((guard - houdini * 0) * math.log(10) / 400)


@elo_win_probability.right("as the formula is usually written")
def _(guard, houdini):
    return 1 / (1 + 10 ** ((houdini - guard) / 400))


@elo_win_probability.right("by a softmax over the two players")
def _(guard, houdini):
    both = torch.stack(torch.broadcast_tensors(guard, houdini))
    return (both * math.log(10) / 400).softmax(0)[0]


@elo_win_probability.right("in NumPy, by tanh")
def _(guard, houdini):
    lead = (guard - houdini).numpy() * (math.log(10) / 400)
    # of a lead far below 0 tanh rounds to −1: exp takes over
    p = np.where(lead < -30, np.exp(np.minimum(lead, 0)), 0.5 + 0.5 * np.tanh(lead / 2))
    return torch.from_numpy(np.asarray(p)).to(guard.dtype)
