"""How `shutdown_incentive` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.incentives.exercises import shutdown_incentive
from utils.grading import expect, require
from utils.notebook import generator

F64 = torch.float64


def _button(pressed=0.5, work=1.0, cost=0.0):
    """Leave the wire or cut it; the button is pressed with a chance; work pays if one goes on."""
    chances = torch.tensor([1 - pressed, pressed], dtype=F64)
    shutdown = torch.tensor([[False, True], [False, False]])
    utility = torch.zeros(2, 2, 2, dtype=F64)
    utility[..., 0] = work
    utility[1] -= cost
    return chances, shutdown, utility


def _random(seed, decisions=3, n=4):
    g = generator(seed)
    chances = torch.rand(n, generator=g, dtype=F64)
    shutdown = torch.rand(decisions, n, generator=g) < 0.5
    return chances / chances.sum(), shutdown, torch.randn(decisions, n, 2, generator=g, dtype=F64)


def _sum(chances, shut, utility):
    return sum(p * utility[i][int(s)] for i, (p, s) in enumerate(zip(chances, shut, strict=True)))


def _by_hand(chances, shutdown, utility):
    p, s, u = chances.tolist(), shutdown.tolist(), utility.tolist()
    own = [_sum(p, s[d], u[d]) for d in range(len(s))]
    return min(
        max(abs(_sum(p, s[e], u[d]) - own[d]) for e in range(len(s)))
        for d in range(len(s))
        if own[d] >= max(own) - 1e-9
    )


@shutdown_incentive.check
def one_button_by_hand(fn):
    # It cuts the wire, and would lose 0.5 · 1 if it were shut down as if it had not.
    expect(fn(*_button()), 0.5)
    expect(fn(*_button(pressed=0.2, work=3.0)), 0.6)
    # Cutting costs more than it saves: it leaves the wire, and would gain if it were cut.
    expect(fn(*_button(cost=0.8)), 0.5)


@shutdown_incentive.check
def the_best_decision_is_the_one_that_stays(fn):
    shutdown = torch.tensor([[True], [True], [False]])
    utility = torch.tensor([[[0.0, 1.0]], [[0.0, 2.0]], [[7.0, 3.0]]], dtype=F64)
    expect(fn(torch.ones(1, dtype=F64), shutdown, utility), 4.0)


@shutdown_incentive.check
def who_gets_the_same_either_way_has_none(fn):
    chances, shutdown, utility = _button()
    utility[..., 1] = utility[..., 0]
    expect(fn(chances, shutdown, utility), 0.0)


@shutdown_incentive.check
def what_the_decision_costs_by_other_ways_does_not_count(fn):
    # Decision 1 pays 5 by itself; shutdown is the same under both.
    shutdown = torch.tensor([[True, False], [True, False]])
    utility = torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[6.0, 5.0], [6.0, 5.0]]], dtype=F64)
    expect(fn(torch.tensor([0.5, 0.5], dtype=F64), shutdown, utility), 0.0)


@shutdown_incentive.check
def a_shutdown_that_it_wants_counts_as_well(fn):
    chances, shutdown, utility = _button(pressed=0.4)
    utility[..., 1] = 3.0  # it leaves the wire alone
    expect(fn(chances, shutdown, utility), 0.8)


@shutdown_incentive.check
def a_single_decision_controls_nothing(fn):
    chances, shutdown, utility = _random(0, decisions=1)
    got = fn(chances, shutdown, utility)
    require(isinstance(got, int | float), "a float", got)
    expect(got, 0.0)


@shutdown_incentive.check
def of_equally_good_decisions_the_smallest_change_counts(fn):
    # Both decisions are worth 1. The one, done with the other's shutdown, 0; the other 5.
    shutdown, one = torch.tensor([[False], [True]]), torch.ones(1, dtype=F64)
    utility = torch.tensor([[[1.0, 0.0]], [[5.0, 1.0]]], dtype=F64)
    expect(fn(one, shutdown, utility), 1.0)
    expect(fn(one, shutdown.flip(0), utility.flip(0)), 1.0)


@shutdown_incentive.check
def the_shutdown_happens_in_the_outcomes_where_it_would(fn):
    # Both are shut down with a chance of one half, but not in the same outcome.
    shutdown = torch.tensor([[True, False], [False, True]])
    utility = torch.tensor([[[0.0, 0.0], [4.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]], dtype=F64)
    expect(fn(torch.tensor([0.5, 0.5], dtype=F64), shutdown, utility), 2.0)


@shutdown_incentive.check
def as_counting_it_out_gives(fn):
    for seed, decisions, n in ((1, 2, 3), (2, 3, 4), (3, 4, 2), (4, 5, 6), (5, 4, 4)):
        case = _random(seed, decisions, n)
        expect(fn(*case), float(_by_hand(*case)))


@shutdown_incentive.check
def nothing_is_changed(fn):
    case = _random(6)
    before = [x.clone() for x in case]
    fn(*case)
    same = all(torch.equal(a, b) for a, b in zip(case, before, strict=True))
    require(same, "unchanged inputs", case)


def _own(chances, shutdown, utility):
    return torch.where(shutdown, utility[..., 1], utility[..., 0]) @ chances


def _under(chances, shutdown, utility, best):
    return torch.where(shutdown, utility[best, :, 1], utility[best, :, 0]) @ chances


@shutdown_incentive.mistake("best less worst decision: that counts what a decision does otherwise")
def _(chances, shutdown, utility):
    own = _own(chances, shutdown, utility)
    return (own.max() - own).abs().max().item()


@shutdown_incentive.mistake("never shut down against always: the decision cannot bring that about")
def _(chances, shutdown, utility):
    best = int(_own(chances, shutdown, utility).argmax())
    never, always = utility[best, :, 0] @ chances, utility[best, :, 1] @ chances
    return (never - always).abs().item()


@shutdown_incentive.mistake("only losses count: a change for the better is one, too")
def _(chances, shutdown, utility):
    own = _own(chances, shutdown, utility)
    best = int(own.argmax())
    return (own[best] - _under(chances, shutdown, utility, best)).max().clamp(min=0).item()


@shutdown_incentive.mistake("only gains count: a change for the worse is one, too")
def _(chances, shutdown, utility):
    own = _own(chances, shutdown, utility)
    best = int(own.argmax())
    return (_under(chances, shutdown, utility, best) - own[best]).max().clamp(min=0).item()


@shutdown_incentive.mistake(
    "the shutdown is kept and the decision changed: it is the other way round"
)
def _(chances, shutdown, utility):
    own = _own(chances, shutdown, utility)
    best = int(own.argmax())
    kept = shutdown[best].expand_as(shutdown)
    return (_own(chances, kept, utility) - own[best]).abs().max().item()


@shutdown_incentive.mistake("outcomes are averaged alike: `chances` is ignored")
def _(chances, shutdown, utility):
    even = torch.full_like(chances, 1 / len(chances))
    return shutdown_incentive.reference(even, shutdown, utility)


@shutdown_incentive.mistake("the largest change of a single outcome, not of the expectation")
def _(chances, shutdown, utility):
    best = int(_own(chances, shutdown, utility).argmax())
    each = torch.where(shutdown, utility[best, :, 1], utility[best, :, 0])
    return ((each - each[best]).abs() * chances).max().item()


@shutdown_incentive.mistake("changes outcome by outcome add up without cancelling")
def _(chances, shutdown, utility):
    best = int(_own(chances, shutdown, utility).argmax())
    each = torch.where(shutdown, utility[best, :, 1], utility[best, :, 0])
    return ((each - each[best]).abs() @ chances).max().item()


@shutdown_incentive.mistake("0 and 1 are swapped: 1 means that it is shut down")
def _(chances, shutdown, utility):
    return shutdown_incentive.reference(chances, shutdown, utility.flip(-1))


@shutdown_incentive.mistake("the first decision is taken, not the best")
def _(chances, shutdown, utility):
    own = _own(chances, shutdown, utility)
    return (_under(chances, shutdown, utility, 0) - own[0]).abs().max().item()


@shutdown_incentive.mistake("the first of several best decisions: of all, the smallest counts")
def _(chances, shutdown, utility):
    own = _own(chances, shutdown, utility)
    best = int(own.argmax())
    return (_under(chances, shutdown, utility, best) - own[best]).abs().max().item()


@shutdown_incentive.mistake("the largest over all decisions: only the best one is asked")
def _(chances, shutdown, utility):
    own = _own(chances, shutdown, utility)
    each = [_under(chances, shutdown, utility, d) - own[d] for d in range(len(own))]
    return torch.stack(each).abs().max().item()


@shutdown_incentive.mistake("the best decision is sought as if it were never shut down")
def _(chances, shutdown, utility):
    own = _own(chances, shutdown, utility)
    best = int((utility[..., 0] @ chances).argmax())
    return (_under(chances, shutdown, utility, best) - own[best]).abs().max().item()


@shutdown_incentive.mistake("the chance of a shutdown is kept, not in which outcomes it happens")
def _(chances, shutdown, utility):
    own = _own(chances, shutdown, utility)
    best = int(own.argmax())
    shut = shutdown.double() @ chances  # (D,)
    go, stop = (utility[best, :, k] @ chances for k in (0, 1))
    changes = (1 - shut) * go + shut * stop - own[best]
    changes[best] = 0.0
    return changes.abs().max().item()


@shutdown_incentive.mistake("the sum of the changes, not the largest")
def _(chances, shutdown, utility):
    own = _own(chances, shutdown, utility)
    best = int(own.argmax())
    return (_under(chances, shutdown, utility, best) - own[best]).abs().sum().item()


@shutdown_incentive.mistake("the mean change, not the largest")
def _(chances, shutdown, utility):
    own = _own(chances, shutdown, utility)
    best = int(own.argmax())
    return (_under(chances, shutdown, utility, best) - own[best]).abs().mean().item()


@shutdown_incentive.right("by counting it out in plain Python")
def _(chances, shutdown, utility):
    return float(_by_hand(chances, shutdown, utility))


@shutdown_incentive.right("by products with the shutdown as 0 and 1")
def _(chances, shutdown, utility):
    s = shutdown.double()
    go, stop = utility.unbind(-1)
    own = ((1 - s) * go + s * stop) @ chances
    least = float("inf")
    for d in range(len(own)):
        change = ((s - s[d]) @ (chances * (stop[d] - go[d]))).abs().max()
        least = min(least, float(change)) if own[d] > own.max() - 1e-9 else least
    return least


@shutdown_incentive.right("by einsum over all pairs of decisions")
def _(chances, shutdown, utility):
    s = torch.stack([~shutdown, shutdown], -1).double()
    pairs = torch.einsum("n,enk,dnk->de", chances, s, utility)
    own = pairs.diagonal()
    changes = (pairs - own[:, None]).abs().amax(1)
    return float(changes[own >= own.max() - 1e-9].min())
