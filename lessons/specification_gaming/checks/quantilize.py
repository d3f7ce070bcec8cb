"""How `quantilize` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.specification_gaming.exercises import quantilize
from utils.grading import expect, require

BASE = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
UTILITY = torch.tensor([4.0, 3.0, 2.0, 1.0], dtype=torch.float64)
MIXED = torch.tensor([2.0, 4.0, 1.0, 3.0], dtype=torch.float64)
TIED = torch.tensor([5.0, 2.0, 2.0, 1.0], dtype=torch.float64)


def numbers(*xs: float) -> torch.Tensor:
    return torch.tensor(xs, dtype=torch.float64)


@quantilize.check
def at_1_it_is_the_base(fn):
    expect(fn(BASE, UTILITY, 1.0), BASE)


@quantilize.check
def the_top_fits_exactly(fn):
    expect(fn(BASE, UTILITY, 0.3), numbers(1 / 3, 2 / 3, 0, 0))


@quantilize.check
def the_last_one_fits_in_part(fn):
    expect(fn(BASE, UTILITY, 0.5), numbers(0.2, 0.4, 0.4, 0))
    expect(fn(BASE, MIXED, 0.5), numbers(0, 0.4, 0, 0.6))


@quantilize.check
def a_tiny_q_takes_the_best(fn):
    expect(fn(BASE, MIXED, 1e-6), numbers(0, 1, 0, 0))
    expect(fn(BASE, TIED, 1e-6), numbers(1, 0, 0, 0))


@quantilize.check
def equals_share_what_is_left(fn):
    expect(fn(BASE, TIED, 0.35), numbers(0.1, 0.1, 0.15, 0) / 0.35)
    expect(fn(BASE, torch.zeros(4).double(), 0.2), BASE)


@quantilize.check
def an_action_that_nobody_takes_stays_out(fn):
    base = numbers(0.0, 0.5, 0.5)
    expect(fn(base, numbers(9.0, 2.0, 1.0), 0.25), numbers(0, 1, 0))
    expect(fn(base, numbers(9.0, 2.0, 1.0), 0.75), numbers(0, 2 / 3, 1 / 3))


@quantilize.check
def an_action_that_nobody_takes_lies_at_the_edge(fn):
    expect(fn(numbers(0.5, 0.0, 0.5), numbers(3.0, 2.0, 1.0), 0.5), numbers(1, 0, 0))
    expect(fn(numbers(0.5, 0.5, 0.0), numbers(3.0, 2.0, 1.0), 1.0), numbers(0.5, 0.5, 0))


@quantilize.check
def q_is_a_share_of_probability_not_of_the_number(fn):
    expect(fn(numbers(0.7, 0.1, 0.1, 0.1), UTILITY, 0.5), numbers(1, 0, 0, 0))
    expect(fn(numbers(0.1, 0.1, 0.8), numbers(3.0, 2.0, 1.0), 0.2), numbers(0.5, 0.5, 0))


@quantilize.check
def what_fits_in_part_is_neither_dropped_nor_kept_whole(fn):
    expect(fn(numbers(0.4, 0.6), numbers(2.0, 1.0), 0.7), numbers(4 / 7, 3 / 7))


@quantilize.check
def no_action_grows_by_more_than_1_over_q(fn):
    g = torch.Generator().manual_seed(0)
    base = torch.rand(50, generator=g, dtype=torch.float64)
    base, utility = base / base.sum(), torch.randint(9, (50,), generator=g).double()
    for q in (0.9, 0.35, 0.05, 0.001):
        got = fn(base, utility, q)
        require(torch.is_tensor(got) and got.shape == base.shape, "a tensor (n,)", got, q=q)
        expect(got.sum().item(), 1.0)
        require(bool((got >= -1e-9).all()), "no negative probability", got, q=q)
        require(bool((got <= base / q + 1e-9).all()), "at most base / q", got, q=q)
        worse = utility[:, None] < utility
        left_out = (got < base / q - 1e-9)[None, :]  # a better action that is not full
        jumped = (got > 1e-9)[:, None] & worse & left_out & (base > 0)[None, :]
        require(not bool(jumped.any()), "worse actions only after better ones are full", got, q=q)


@quantilize.check
def the_inputs_stay_as_they_are(fn):
    base, utility = BASE.clone(), TIED.clone()
    fn(base, utility, 0.35)
    expect(base, BASE)
    expect(utility, TIED)


@quantilize.mistake("the top q of the number of actions: q is a share of probability")
def _(base, utility, q):
    n = max(1, round(q * len(base)))
    top = utility.argsort(descending=True, stable=True)[:n]
    out = torch.zeros_like(base)
    out[top] = base[top]
    return out / out.sum().clamp(min=1e-12)


@quantilize.mistake("0 / 0 where nobody takes the action at the edge")
def _(base, utility, q):
    above = (utility[None] > utility[:, None]).double() @ base
    group = (utility[None] == utility[:, None]).double() @ base
    return base * ((q - above) / group).clamp(0, 1) / q


@quantilize.mistake("the worst share q, in place of the best")
def _(base, utility, q):
    return quantilize.reference(base, -utility, q)


@quantilize.mistake("q is ignored: the base comes back")
def _(base, utility, q):
    return base.clone()


@quantilize.mistake("the best action alone: that is the optimizer")
def _(base, utility, q):
    out = torch.zeros_like(base)
    out[utility.argmax()] = 1
    return out


@quantilize.mistake("not divided by q: the probabilities do not sum to 1")
def _(base, utility, q):
    return quantilize.reference(base, utility, q) * q


@quantilize.mistake("the action at the edge is kept whole, then all are rescaled")
def _(base, utility, q):
    above = (utility[None] > utility[:, None]).double() @ base
    out = base * (above < q - 1e-12)
    return out / out.sum()


@quantilize.mistake("the action at the edge is left out, and the rest rescaled")
def _(base, utility, q):
    up_to = (utility[None] >= utility[:, None]).double() @ base
    out = base * (up_to <= q + 1e-12)
    return out / out.sum() if out.sum() > 0 else out


@quantilize.mistake("all of the top share are equally likely: they keep the base's proportions")
def _(base, utility, q):
    share = quantilize.reference(base, utility, q) > 0
    return share.double() / share.sum()


@quantilize.mistake("equals are taken in the order of the list: they share what is left")
def _(base, utility, q):
    out, left = torch.zeros_like(base), q
    for i in utility.argsort(descending=True, stable=True).tolist():
        out[i] = min(left, base[i].item())
        left -= out[i].item()
    return out / q


@quantilize.mistake("equals get equal parts, in place of parts in the base's proportion")
def _(base, utility, q):
    out, left = torch.zeros_like(base), q
    for value in utility.unique().flip(0):
        group = utility == value
        take = min(left, base[group].sum().item())
        out[group] = take / group.sum()
        left -= take
    return out / q


@quantilize.mistake("the base's likeliest share q: the utility is ignored")
def _(base, utility, q):
    return quantilize.reference(base, base, q)


@quantilize.mistake("a softmax of the utility: q is no temperature")
def _(base, utility, q):
    weight = base * torch.exp(utility / q - (utility / q).max())
    return weight / weight.sum()


@quantilize.mistake("the worst share q is cut off: 1 − q is kept")
def _(base, utility, q):
    return quantilize.reference(base, utility, 1 - q) if q < 1 else base.clone()


@quantilize.right("from the best group down, by a loop")
def _(base, utility, q):
    out, left = [0.0] * len(base), q
    for value in sorted(set(utility.tolist()), reverse=True):
        group = [i for i, u in enumerate(utility.tolist()) if u == value]
        mass = sum(base[i].item() for i in group)
        take = min(left, mass)
        for i in group:
            out[i] = base[i].item() * take / mass / q if mass > 0 else 0.0
        left -= take
    return torch.tensor(out, dtype=base.dtype)


@quantilize.right("by Taylor's three cases")
def _(base, utility, q):
    out = torch.zeros_like(base)
    for i in range(len(base)):
        above = base[utility > utility[i]].sum()
        up_to = base[utility >= utility[i]].sum()
        if up_to <= q:
            out[i] = base[i] / q
        elif above < q:
            out[i] = base[i] / (up_to - above) * (q - above) / q
    return out


@quantilize.right("by sorting and a running sum over groups")
def _(base, utility, q):
    values, group = torch.unique(-utility, return_inverse=True)
    mass = torch.zeros(len(values), dtype=base.dtype).index_add(0, group, base)
    before = mass.cumsum(0) - mass
    share = torch.where(mass > 0, (q - before).clamp(min=0) / mass, 0.0).clamp(max=1)
    return base * share[group] / q
