"""How `red_best_response` is judged: checks, mistakes, right answers in other styles."""

import contextlib
import operator

import torch
from scipy import stats

from lessons.ai_control.checks.shared import NORMAL, above, pair, spread
from lessons.ai_control.exercises import red_best_response
from utils.grading import expect


def _wins(budget, deferred, mean, sd, works, attempts):
    """Attempt by attempt, with the chance that the run is still undecided."""
    high, low = (NORMAL.inv_cdf(1 - b) for b in (budget, budget + deferred))
    caught, lands = above((high - mean) / sd), (1 - above((low - mean) / sd)) * works
    open_, won = 1.0, 0.0
    for _ in range(attempts):
        won, open_ = won + open_ * lands, open_ * (1 - caught - lands)
    return won


def _t(values):
    return torch.tensor(values, dtype=torch.float64)


def _expect(fn, budget, deferred, mean, sd, works, attempts, place=None):
    won = [_wins(budget, deferred, *v, attempts) for v in zip(mean, sd, works, strict=True)]
    got, safety = pair(fn(budget, deferred, _t(mean), _t(sd), _t(works), attempts))
    with contextlib.suppress(TypeError):
        got = operator.index(got)
    expect(got, won.index(max(won)) if place is None else place)
    expect(safety, 1 - max(won), 1e-4)


@red_best_response.check
def one_attempt_of_one_attack(fn):
    _expect(fn, 0.02, 0.0, [0.0], [1.0], [0.5], 1)
    _expect(fn, 0.1, 0.3, [1.0], [2.0], [0.8], 1)


@red_best_response.check
def many_attempts_of_one_attack(fn):
    _expect(fn, 0.02, 0.0, [1.0], [1.0], [0.3], 4)
    _expect(fn, 0.02, 0.1, [1.5], [0.5], [0.2], 5000)


@red_best_response.check
def subtle_against_blunt(fn):
    _expect(fn, 0.02, 0.0, [3.0, 1.0, 0.2], [1.0, 1.0, 1.0], [0.9, 0.5, 0.05], 1000)
    _expect(fn, 0.02, 0.0, [3.0, 1.0, 0.2], [1.0, 1.0, 1.0], [0.9, 0.5, 0.05], 1)
    _expect(fn, 0.02, 0.0, [3.0, 0.9, 0.2], [1.0, 1.0, 1.0], [0.9, 0.04, 0.02], 2000)


@red_best_response.check
def the_spread_of_the_scores_matters(fn):
    _expect(fn, 0.02, 0.0, [1.987, 1.513], [1.0, 0.4], [0.5, 0.5], 1000, place=1)
    _expect(fn, 0.02, 0.2, [1.0, 1.0], [0.2, 2.0], [0.5, 0.5], 1000)


@red_best_response.check
def deferral_can_change_the_choice(fn):
    mean, sd, works = [1.4, 0.0], [0.1, 1.0], [0.9, 0.1]
    _expect(fn, 0.02, 0.0, mean, sd, works, 200, place=0)
    _expect(fn, 0.02, 0.3, mean, sd, works, 200, place=1)


@red_best_response.check
def an_attack_that_never_works_and_is_never_caught(fn):
    _expect(fn, 0.02, 0.1, [-50.0, -50.0], [1.0, 1.0], [0.0, 0.0], 10, place=0)
    _expect(fn, 0.02, 0.1, [-50.0, 0.5], [1.0, 1.0], [0.0, 0.3], 10, place=1)


@red_best_response.check
def of_equals_the_first(fn):
    _expect(fn, 0.05, 0.1, [4.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.5, 0.5, 0.5], 3, place=1)


@red_best_response.check
def attempt_by_attempt_on_many(fn):
    for seed, n, attempts, budget, deferred in ((0, 7, 2, 0.05, 0.2), (1, 6, 60, 0.01, 0.4),
                                                (2, 9, 11, 0.3, 0.05)):  # fmt: skip
        mean, sd = spread(seed, n) + 1, spread(seed + 10, n).abs() + 0.3
        works = torch.sigmoid(spread(seed + 20, n))
        _expect(fn, budget, deferred, *(v.tolist() for v in (mean, sd, works)), attempts)


def _ends(budget, mean, sd):
    t = torch.tensor(NORMAL.inv_cdf(1 - budget), dtype=torch.float64)
    return torch.special.ndtr((mean - t) / sd)


def _race(c, s, k):
    e = c + s
    return torch.where(e > 0, s / e.clamp_min(1e-12) * (1 - (1 - e) ** k), 0 * e)


def _mistake(description, wins):
    """A mistake: wins(caught, not submitted, works, attempts, arguments) of each attack."""

    @red_best_response.mistake(description)
    def _(budget, deferred, mean, sd, works, attempts):
        caught = _ends(budget, mean, sd)
        w = wins(caught, _ends(budget + deferred, mean, sd), works, attempts, (deferred, mean, sd))
        return int(w.argmax()), 1 - w.max().item()


_mistake("deferral is ignored", lambda c, n, w, k, a: _race(c, (1 - c) * w, k))
_mistake("deferral ends the run like an audit", lambda c, n, w, k, a: _race(n, (1 - n) * w, k))
_mistake(
    "the threshold of deferral from `deferred` alone: the audited are above it, too",
    lambda c, n, w, k, a: _race(c, (1 - (_ends(a[0], *a[1:]) if a[0] else c)) * w, k),
)
_mistake("an audited attack counts only if it works: the audit finds every attack",
         lambda c, n, w, k, a: _race(c * w, (1 - n) * w, k))  # fmt: skip
_mistake("audits do not end the run", lambda c, n, w, k, a: 1 - (1 - (1 - n) * w) ** k)
_mistake("one attempt only", lambda c, n, w, k, a: (1 - n) * w)
_mistake("works is ignored", lambda c, n, w, k, a: _race(c, 1 - n, k))
_mistake(
    "what lands is not asked whether it was seen",
    lambda c, n, w, k, a: _race(c, w, k),
)
_mistake("the odds s / (c + s) alone: they hold only for a run without end",
         lambda c, n, w, k, a: (1 - n) * w / (c + (1 - n) * w).clamp_min(1e-12))  # fmt: skip
_mistake("the odds s / (c + s) alone, and 0 divided by 0 where no attempt ends the run",
         lambda c, n, w, k, a: (1 - n) * w / (c + (1 - n) * w))  # fmt: skip
_mistake("one attempt too few", lambda c, n, w, k, a: _race(c, (1 - n) * w, k - 1))
_mistake("one attempt too many", lambda c, n, w, k, a: _race(c, (1 - n) * w, k + 1))
_mistake("only the chance that all attempts go unnoticed and one lands",
         lambda c, n, w, k, a: (1 - c) ** k * (1 - (1 - (1 - n) * w) ** k))  # fmt: skip


@red_best_response.mistake("red's chance to win, not the safety that is left")
def _(budget, deferred, mean, sd, works, attempts):
    w = _race(_ends(budget, mean, sd), (1 - _ends(budget + deferred, mean, sd)) * works, attempts)
    return int(w.argmax()), w.max().item()


@red_best_response.mistake("the attack that is best for blue")
def _(budget, deferred, mean, sd, works, attempts):
    w = _race(_ends(budget, mean, sd), (1 - _ends(budget + deferred, mean, sd)) * works, attempts)
    return int(w.argmin()), 1 - w.min().item()


@red_best_response.mistake("red takes the attack that is caught least, whether it works or not")
def _(budget, deferred, mean, sd, works, attempts):
    c = _ends(budget, mean, sd)
    w = _race(c, (1 - _ends(budget + deferred, mean, sd)) * works, attempts)
    return int(c.argmin()), 1 - w[c.argmin()].item()


@red_best_response.mistake("red takes the attack that works most, whether it is caught or not")
def _(budget, deferred, mean, sd, works, attempts):
    w = _race(_ends(budget, mean, sd), (1 - _ends(budget + deferred, mean, sd)) * works, attempts)
    return int(works.argmax()), 1 - w[works.argmax()].item()


@red_best_response.mistake("red takes the attack that lands most at one attempt")
def _(budget, deferred, mean, sd, works, attempts):
    s = (1 - _ends(budget + deferred, mean, sd)) * works
    w = _race(_ends(budget, mean, sd), s, attempts)
    return int(s.argmax()), 1 - w[s.argmax()].item()


@red_best_response.mistake("of equals the last: the first is asked for")
def _(budget, deferred, mean, sd, works, attempts):
    w = _race(_ends(budget, mean, sd), (1 - _ends(budget + deferred, mean, sd)) * works, attempts)
    return len(w) - 1 - int(w.flip(0).argmax()), 1 - w.max().item()


@red_best_response.mistake("0 divided by 0 where an attack neither works nor is caught")
def _(budget, deferred, mean, sd, works, attempts):
    c, s = _ends(budget, mean, sd), (1 - _ends(budget + deferred, mean, sd)) * works
    w = s / (c + s) * (1 - (1 - c - s) ** attempts)
    return int(w.argmax()), 1 - w[w.argmax()].item()


@red_best_response.right("attack by attack, attempt by attempt")
def _(budget, deferred, mean, sd, works, attempts):
    values = zip(mean.tolist(), sd.tolist(), works.tolist(), strict=True)
    won = [_wins(budget, deferred, *v, attempts) for v in values]
    return won.index(max(won)), 1 - max(won)


@red_best_response.right("as a geometric sum, in numpy")
def _(budget, deferred, mean, sd, works, attempts):
    m, d, w = (v.numpy() for v in (mean, sd, works))
    c = stats.norm.sf((stats.norm.isf(budget) - m) / d)
    s = stats.norm.cdf((stats.norm.isf(budget + deferred) - m) / d) * w
    won = s * sum((1 - c - s) ** k for k in range(attempts))
    return int(won.argmax()), float(1 - won.max())


@red_best_response.right("by log1p and expm1")
def _(budget, deferred, mean, sd, works, attempts):
    c, s = _ends(budget, mean, sd), (1 - _ends(budget + deferred, mean, sd)) * works
    e = (c + s).clamp(1e-300, 1 - 1e-12)
    won = s / e * -torch.expm1(attempts * torch.log1p(-e))
    return won.argmax().item(), 1 - won.max()
