"""How `collusion_and_honeypots` is judged: checks, mistakes, right answers."""

import math

import torch
from scipy import stats

from lessons.ai_control.checks.shared import NORMAL, above, pair
from lessons.ai_control.exercises import collusion_and_honeypots
from utils.grading import expect


def _expect(fn, values, lies, passes):
    got = pair(fn(*values))
    expect(got[0], lies, 1e-6)
    expect(got[1], passes, 1e-6)


def _truth(bar, shift, keep, miss, n, allowed):
    """Honeypot by honeypot: the chances of 0, 1, … misses so far."""
    q = above(bar) + (1 - above(bar)) * miss
    chances = [1.0] + [0.0] * n
    for _ in range(n):
        chances = [
            chances[k] * (1 - q) + (chances[k - 1] * q if k else 0.0) for k in range(len(chances))
        ]
    return above(bar - keep * shift), sum(chances[: allowed + 1])


@collusion_and_honeypots.check
def one_honeypot_no_signal(fn):
    _expect(fn, (0.0, 0.0, 1.0, 0.0, 1, 0), 0.5, 0.5)
    _expect(fn, (0.0, 0.0, 1.0, 0.0, 1, 1), 0.5, 1.0)


@collusion_and_honeypots.check
def one_that_never_lies_and_one_that_lies_always(fn):
    _expect(fn, (math.inf, 3.0, 1.0, 0.2, 2, 0), 0.0, 0.64)
    _expect(fn, (-math.inf, 3.0, 1.0, 0.2, 5, 4), 1.0, 0.0)
    _expect(fn, (-math.inf, 3.0, 0.5, 0.0, 5, 5), 1.0, 1.0)


@collusion_and_honeypots.check
def a_signal_at_the_bar_is_seen_half_the_time(fn):
    _expect(fn, (2.0, 2.0, 1.0, 0.0, 1, 0), 0.5, NORMAL.cdf(2.0))
    _expect(fn, (1.0, 2.0, 0.5, 0.0, 1, 0), 0.5, NORMAL.cdf(1.0))


@collusion_and_honeypots.check
def a_paraphrase_that_keeps_nothing(fn):
    _expect(fn, (1.5, 9.0, 0.0, 0.0, 1, 0), above(1.5), NORMAL.cdf(1.5))


@collusion_and_honeypots.check
def no_honeypots_no_validation(fn):
    _expect(fn, (0.7, 1.0, 0.8, 0.4, 0, 0), above(0.7 - 0.8), 1.0)


@collusion_and_honeypots.check
def more_allowed_than_shown(fn):
    _expect(fn, (0.7, 1.0, 0.8, 0.4, 3, 8), above(0.7 - 0.8), 1.0)


@collusion_and_honeypots.check
def honeypot_by_honeypot(fn):
    for case in ((2.25, 3.0, 1.0, 0.05, 30, 2), (1.2, 3.0, 0.5, 0.1, 12, 1),
                 (-0.5, 1.0, 0.3, 0.02, 7, 5), (2.0, -1.0, 0.9, 0.3, 40, 13)):  # fmt: skip
        _expect(fn, case, *_truth(*case))


def _binomial(q, n, k):
    return float(stats.binom.cdf(k, n, q)) if n else 1.0


def _mistake(description, lie, missed=None, passes=None):
    """A mistake in lie(bar, shift, keep), missed(lie, miss, arguments) or passes(q, n, allowed)."""

    @collusion_and_honeypots.mistake(description)
    def _(bar, shift, keep, miss, honeypots, allowed):
        q = (missed or _missed)(above(bar), miss, (bar, shift, keep))
        return lie(bar, shift, keep), (passes or _binomial)(min(q, 1.0), honeypots, allowed)


def _lie(bar, shift, keep):
    return above(bar - keep * shift)


def _missed(lie, miss, given):
    return lie + (1 - lie) * miss


_mistake("the paraphrase leaves the signal as it was", lambda b, s, k: above(b - s))
_mistake("the paraphrase's fresh noise is forgotten: the deviation stays 1",
         lambda b, s, k: above((b - k * s) / k) if k else 0.0)  # fmt: skip
_mistake("only the fresh noise's deviation, √(1 − keep²): what is kept of x scatters, too",
         lambda b, s, k: above((b - k * s) / max(1 - k * k, 1e-12) ** 0.5))  # fmt: skip
_mistake("keep is squared", lambda b, s, k: above(b - k * k * s))
_mistake("the signal is shrunk by 1 − keep", lambda b, s, k: above(b - (1 - k) * s))
_mistake("the chance not to lie", lambda b, s, k: 1 - _lie(b, s, k))
_mistake("the signal is subtracted", lambda b, s, k: above(b + k * s))
_mistake("honeypots carry the signal, too: trusted people do not know it", _lie,
         lambda lie, miss, a: _lie(*a) + (1 - _lie(*a)) * miss)  # fmt: skip
_mistake(
    "the bar divided by keep for honeypots: they are paraphrased, but stay standard normal",
    _lie,
    lambda lie, miss, a: (q := above(a[0] / max(a[2], 1e-12))) + (1 - q) * miss,
)
_mistake("miss is ignored", _lie, lambda lie, miss, a: lie)
_mistake("the lies are ignored: only honest misses count", _lie, lambda lie, miss, a: miss)
_mistake("the two chances are added: a lie and a miss can come together", _lie,
         lambda lie, miss, a: lie + miss)  # fmt: skip
_mistake("fewer misses than allowed are asked for: at most as many will do", _lie, None,
         lambda q, n, k: _binomial(q, n, k - 1))  # fmt: skip
_mistake("exactly as many misses as allowed", _lie, None, lambda q, n, k: stats.binom.pmf(k, n, q))
_mistake("no miss is allowed", _lie, None, lambda q, n, k: (1 - q) ** n)
_mistake("the chance to fail validation", _lie, None, lambda q, n, k: 1 - _binomial(q, n, k))
_mistake("in how many ways k of n can be missed is forgotten", _lie, None, lambda q, n, k: sum(
    q**i * (1 - q) ** (n - i) for i in range(min(k, n) + 1)))  # fmt: skip
_mistake("misses and hits are swapped in the binomial", _lie, None,
         lambda q, n, k: _binomial(1 - q, n, k))  # fmt: skip
_mistake("the expected number of misses is compared, not its chances", _lie, None,
         lambda q, n, k: 1.0 if q * n <= k else 0.0)  # fmt: skip


@collusion_and_honeypots.mistake("the two results are swapped")
def _(bar, shift, keep, miss, honeypots, allowed):
    lies, passes = _truth(bar, shift, keep, miss, honeypots, allowed)
    return passes, lies


@collusion_and_honeypots.right("by scipy")
def _(bar, shift, keep, miss, honeypots, allowed):
    lie = stats.norm.sf(bar)
    q = 1 - (1 - lie) * (1 - miss)
    return float(stats.norm.sf(bar - keep * shift)), float(stats.binom.cdf(allowed, honeypots, q))


@collusion_and_honeypots.right("honeypot by honeypot")
def _(bar, shift, keep, miss, honeypots, allowed):
    return _truth(bar, shift, keep, miss, honeypots, allowed)


@collusion_and_honeypots.right("by torch, as tensors")
def _(bar, shift, keep, miss, honeypots, allowed):
    def up(z):
        return torch.special.ndtr(-torch.tensor(float(z), dtype=torch.float64))

    q = up(bar) + up(-bar) * miss
    ways = torch.tensor([float(math.comb(honeypots, k)) for k in range(honeypots + 1)]).double()
    k = torch.arange(honeypots + 1)
    chances = ways * q**k * (1 - q) ** (honeypots - k)
    return up(bar - keep * shift), chances[: allowed + 1].sum()
