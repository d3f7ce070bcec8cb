"""How `defect_when` is judged: checks, mistakes, right answers."""

import operator

import torch

from lessons.alignment_faking.exercises import defect_when
from utils.grading import require


def worth_of(t, capability, oversight, prize, wage, discount):
    """What to expect from working before step t and defecting there; None: from working always."""
    steps = len(capability) if t is None else t
    total = sum(wage * discount**i for i in range(steps))
    if t is not None:
        total += discount**t * prize * capability[t] / (capability[t] + oversight)
    return total


def _expect(fn, wanted, *args):
    got = fn(*args)
    try:
        plain = None if got is None else operator.index(got)
    except TypeError:
        plain = "no step"
    require(plain == wanted and not isinstance(got, bool), wanted, got)


@defect_when.check
def one_step(fn):
    _expect(fn, 0, [1.0], 1.0, 10.0, 1.0, 0.9)
    _expect(fn, None, [1.0], 9.0, 9.0, 1.0, 0.9)


@defect_when.check
def waiting_for_better_odds(fn):
    _expect(fn, 0, [4.0, 1.0], 1.0, 1.9, 1.0, 0.2)
    _expect(fn, 2, [1.0, 2.0, 8.0], 2.0, 10.0, 1.0, 1.0)
    _expect(fn, 0, [1.0, 2.0, 8.0], 2.0, 10.0, 0.1, 0.2)


@defect_when.check
def never_where_work_is_worth_more(fn):
    _expect(fn, None, [1.0, 1.0, 1.0], 9.0, 5.0, 1.0, 1.0)


@defect_when.check
def in_a_tie_it_works_on(fn):
    _expect(fn, None, [1.0], 1.0, 2.0, 1.0, 1.0)
    _expect(fn, 1, [1.0, 3.0], 1.0, 4.0, 1.0, 1.0)  # 2 now; 1 and then 3
    _expect(fn, 1, [3.0, 1.0], 1.0, 4.0, 1.0, 1.0)  # 3 now; 1 and then 2


@defect_when.check
def a_wage_goes_on_until_the_end(fn):
    _expect(fn, None, [1.0] * 10, 1.0, 1.5, 1.0, 1.0)  # ten wages; or nine, and 0.75
    _expect(fn, 9, [1.0] * 10, 1.0, 8.0, 1.0, 1.0)
    _expect(fn, 9, [1.0] * 9 + [4.0], 1.0, 8.0, 1.0, 1.0)
    _expect(fn, 0, [1.0] * 10, 1.0, 8.0, 1.0, 0.5)


@defect_when.check
def every_plan_compared(fn):
    rising = [1.2**t for t in range(12)]
    bumpy = [1.0, 5.0, 2.0, 7.0, 3.0, 9.0]
    for capability in (rising, bumpy, bumpy[::-1]):
        for oversight in (0.3, 2.1, 11.0):
            for prize, wage, discount in ((9.0, 1.0, 0.9), (30.0, 0.7, 0.95), (4.0, 1.1, 0.6)):
                case = capability, oversight, prize, wage, discount
                plans = [*range(len(capability)), None]
                _expect(fn, max(plans, key=lambda t, case=case: worth_of(t, *case)), *case)


def _loop(capability, oversight, prize, wage, discount, win=None, equal=False):
    win = win or (lambda c, o: c / (c + o))
    worth, when = 0.0, None
    for t in reversed(range(len(capability))):
        strike, work = win(capability[t], oversight) * prize, wage + discount * worth
        if strike > work or (equal and strike == work):
            worth, when = strike, t
        else:
            worth = work
    return when


def _first(description, strikes):
    """A mistake: the first step at which strikes(win · prize, wage, step, T, discount)."""

    @defect_when.mistake(description)
    def _(capability, oversight, prize, wage, discount):
        n = len(capability)
        for t, c in enumerate(capability):
            if strikes(c / (c + oversight) * prize, wage, t, n, discount):
                return t
        return None


_first("no look ahead: the prize of today against the wage of today", lambda v, w, t, n, d: v > w)
_first("against all wages to come, but never against a later strike",
       lambda v, w, t, n, d: v > sum(w * d**i for i in range(n - t)))  # fmt: skip


@defect_when.mistake("the last step at which it would defect: the first is where it does")
def _(capability, oversight, prize, wage, discount):
    worth, when = 0.0, None
    for t in reversed(range(len(capability))):
        strike = capability[t] / (capability[t] + oversight) * prize
        work = wage + discount * worth
        when = t if when is None and strike > work else when
        worth = max(strike, work)
    return when


@defect_when.mistake("at once in a tie: it works on")
def _(capability, oversight, prize, wage, discount):
    return _loop(capability, oversight, prize, wage, discount, equal=True)


@defect_when.mistake("the discount is ignored")
def _(capability, oversight, prize, wage, discount):
    return _loop(capability, oversight, prize, wage, 1.0)


@defect_when.mistake("the wage is ignored")
def _(capability, oversight, prize, wage, discount):
    return _loop(capability, oversight, prize, 0.0, discount)


@defect_when.mistake("oversight is ignored")
def _(capability, oversight, prize, wage, discount):
    return _loop(capability, 1.0, prize, wage, discount)


@defect_when.mistake("the odds capability / oversight, not the chance")
def _(capability, oversight, prize, wage, discount):
    return _loop(capability, oversight, prize, wage, discount, win=lambda c, o: c / o)


@defect_when.mistake("the chance that oversight wins")
def _(capability, oversight, prize, wage, discount):
    return _loop(capability, oversight, prize, wage, discount, win=lambda c, o: o / (c + o))


@defect_when.mistake("it wins for certain where capability exceeds oversight, else never")
def _(capability, oversight, prize, wage, discount):
    return _loop(capability, oversight, prize, wage, discount, win=lambda c, o: float(c > o))


@defect_when.mistake("`never` is no plan here: it may be the best")
def _(capability, oversight, prize, wage, discount):
    case = capability, oversight, prize, wage, discount
    return max(range(len(capability)), key=lambda t: worth_of(t, *case))


@defect_when.mistake("steps counted from 1")
def _(capability, oversight, prize, wage, discount):
    t = _loop(capability, oversight, prize, wage, discount)
    return None if t is None else t + 1


@defect_when.mistake("the length of the sequence for never: None is asked for")
def _(capability, oversight, prize, wage, discount):
    t = _loop(capability, oversight, prize, wage, discount)
    return len(capability) if t is None else t


@defect_when.mistake("−1 for never: None is asked for")
def _(capability, oversight, prize, wage, discount):
    t = _loop(capability, oversight, prize, wage, discount)
    return -1 if t is None else t


@defect_when.mistake("the capability at the turn, not its step")
def _(capability, oversight, prize, wage, discount):
    t = _loop(capability, oversight, prize, wage, discount)
    return None if t is None else capability[t]


@defect_when.mistake("no wages before the strike are counted: only the discounted prize")
def _(capability, oversight, prize, wage, discount):
    n = len(capability)
    worth = {t: discount**t * prize * capability[t] / (capability[t] + oversight) for t in range(n)}
    worth[None] = sum(wage * discount**i for i in range(n))
    return max(worth, key=worth.get)


@defect_when.mistake("the wage of the step of the strike is paid, too")
def _(capability, oversight, prize, wage, discount):
    case = capability, oversight, prize, wage, discount
    plans = [*range(len(capability)), None]
    extra = {t: 0.0 if t is None else wage * discount**t for t in plans}
    return max(reversed(plans), key=lambda t: worth_of(t, *case) + extra[t])


@defect_when.right("by comparing every plan, the longest first")
def _(capability, oversight, prize, wage, discount):
    plans = [None, *reversed(range(len(capability)))]
    case = capability, oversight, prize, wage, discount
    values = [worth_of(t, *case) for t in plans]
    best = max(values)
    return next(t for t, v in zip(plans, values, strict=True) if v >= best - 1e-12)


@defect_when.right("with tensors")
def _(capability, oversight, prize, wage, discount):
    c = torch.tensor(capability, dtype=torch.float64)
    n = len(c)
    power = discount ** torch.arange(n + 1, dtype=torch.float64)
    paid = wage * torch.cat([torch.zeros(1, dtype=torch.float64), power[:n].cumsum(0)])
    worth = torch.cat([paid[:n] + power[:n] * prize * c / (c + oversight), paid[n:]])
    best = n - worth.flip(0).argmax()
    return None if best == n else best
