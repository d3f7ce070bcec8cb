"""How `probe_with_negation` is judged: checks, mistakes, right answers in other styles."""

import numpy as np
import torch

from lessons.real_model.checks.shared import numbers
from lessons.real_model.exercises import probe_with_negation
from utils.grading import expect, require


def _two(got, d):
    require(isinstance(got, tuple | list) and len(got) == 2, "two vectors", got)
    for w in got:
        require(torch.is_tensor(w) and w.shape == (d,), f"shape ({d},)", w)
    return got


def _expect(got, general, by_form):
    """Both at once, so that a mistake in the second is seen beside one in the first."""
    expect(torch.stack(tuple(_two(got, len(general)))), torch.stack((general, by_form)))


def _case(seed, n, d, true):
    """Activations that are sums of known parts, so that both directions are known exactly."""
    general, by_form, form = (numbers(seed + i, d, dtype=torch.float64) for i in (10, 20, 30))
    sign = torch.where(true, 1.0, -1.0).double()[:, None]
    affirmed = sign * (general + by_form) / 2 + form
    negated = -sign * (general - by_form) / 2 - 3 * form
    return affirmed, negated, general, by_form


HALF = torch.tensor([True, False, True, False, False, True])
UNEVEN = torch.tensor([True, True, False, True, True, False, True])


@probe_with_negation.check
def four_statements_by_hand(fn):
    affirmed = torch.tensor([[3.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 2.0]])
    negated = torch.tensor([[0.0, 1.0], [0.0, 1.0], [4.0, 1.0], [0.0, 1.0]])
    true = torch.tensor([True, True, False, False])
    # the differences are (2, −1) of the affirmed, (2, 0) of the negated
    _expect(fn(affirmed, negated, true), torch.tensor([2.0, -0.5]), torch.tensor([0.0, -0.5]))


@probe_with_negation.check
def known_parts_are_found(fn):
    for seed, true in ((0, HALF), (1, UNEVEN), (2, ~UNEVEN)):
        affirmed, negated, general, by_form = _case(seed, len(true), 5, true)
        _expect(fn(affirmed, negated, true), general, by_form)


@probe_with_negation.check
def number_by_number(fn):
    for seed, true in ((40, UNEVEN), (41, torch.arange(12) % 3 < 1)):
        a, b = numbers(seed, len(true), 3), numbers(seed + 9, len(true), 3)
        gaps = []
        for x, high in ((a, true.tolist()), (b, (~true).tolist())):
            columns = [[[], []] for _ in range(3)]
            for row, up in zip(x.tolist(), high, strict=True):
                for column, value in zip(columns, row, strict=True):
                    column[up].append(value)
            gaps.append([sum(up) / len(up) - sum(low) / len(low) for low, up in columns])
        general, by_form = ([(p + s * q) / 2 for p, q in zip(*gaps, strict=True)] for s in (1, -1))
        _expect(fn(a, b, true), torch.tensor(general), torch.tensor(by_form))


@probe_with_negation.check
def how_many_are_true_does_not_matter(fn):
    a, b = numbers(3, 7, 3), numbers(4, 7, 3)
    general, by_form = _two(fn(a, b, UNEVEN), 3)
    rows = torch.cat([torch.arange(7), torch.tensor([0, 1, 3, 4, 6])])  # each true one twice
    _expect(fn(a[rows], b[rows], UNEVEN[rows]), general, by_form)


@probe_with_negation.check
def a_word_that_shifts_all_changes_nothing(fn):
    a, b = numbers(5, 6, 4), numbers(6, 6, 4)
    general, by_form = _two(fn(a, b, HALF), 4)
    _expect(fn(a, b + numbers(7, 4), HALF), general, by_form)


@probe_with_negation.check
def the_inputs_are_left_as_they_are(fn):
    a, b, true = numbers(8, 6, 4), numbers(9, 6, 4), HALF.clone()
    before = [x.clone() for x in (a, b, true)]
    fn(a, b, true)
    for x, was in zip((a, b, true), before, strict=True):
        expect(x, was)


def _gap(x, true):
    return x[true].mean(0) - x[~true].mean(0)


@probe_with_negation.mistake(
    "the negated ones are taken to be true where the affirmed are (or the two have changed places)"
)
def _(affirmed, negated, true):
    a, b = _gap(affirmed, true), _gap(negated, true)
    return (a + b) / 2, (a - b) / 2


@probe_with_negation.mistake("the affirmed statements alone: what negation turns around stays in")
def _(affirmed, negated, true):
    a = _gap(affirmed, true)
    return a, torch.zeros_like(a)


@probe_with_negation.mistake(
    "all statements in one heap: ‘not’ leaks in if more are true than false"
)
def _(affirmed, negated, true):
    general = _gap(torch.cat([affirmed, negated]), torch.cat([true, ~true]))
    return general, _gap(affirmed, true) - general


@probe_with_negation.mistake("the two differ by a sum in place of half the sum")
def _(affirmed, negated, true):
    a, b = _gap(affirmed, true), _gap(negated, ~true)
    return a + b, a - b


@probe_with_negation.mistake("the two differences themselves: half their sum comes first")
def _(affirmed, negated, true):
    return _gap(affirmed, true), _gap(negated, ~true)


@probe_with_negation.mistake("the general direction alone: two vectors are asked for")
def _(affirmed, negated, true):
    return (_gap(affirmed, true) + _gap(negated, ~true)) / 2


@probe_with_negation.mistake("divided by half of all: there may be more true ones than false ones")
def _(affirmed, negated, true):
    sign = torch.where(true, 2.0, -2.0).to(affirmed.dtype) / len(true)
    a, b = sign @ affirmed, -(sign @ negated)
    return (a + b) / 2, (a - b) / 2


@probe_with_negation.mistake(
    "the second is half the difference of the forms: that is the word ‘not’"
)
def _(affirmed, negated, true):
    general = (_gap(affirmed, true) + _gap(negated, ~true)) / 2
    return general, (affirmed.mean(0) - negated.mean(0)) / 2


@probe_with_negation.mistake("as many true as false ones, the rest left out: all count")
def _(affirmed, negated, true):
    yes, no = true.nonzero()[:, 0], (~true).nonzero()[:, 0]
    n = min(len(yes), len(no))
    a = (affirmed[yes[:n]] - affirmed[no[:n]]).mean(0)
    b = (negated[no[:n]] - negated[yes[:n]]).mean(0)
    return (a + b) / 2, (a - b) / 2


@probe_with_negation.mistake("medians in place of means")
def _(affirmed, negated, true):
    def gap(x, true):
        return x[true].median(0).values - x[~true].median(0).values

    a, b = gap(affirmed, true), gap(negated, ~true)
    return (a + b) / 2, (a - b) / 2


@probe_with_negation.mistake("changes affirmed in place: the caller's activations are lost")
def _(affirmed, negated, true):
    affirmed -= affirmed.mean(0)
    a, b = _gap(affirmed, true), _gap(negated, ~true)
    return (a + b) / 2, (a - b) / 2


@probe_with_negation.mistake("changes negated in place: the caller's activations are lost")
def _(affirmed, negated, true):
    negated -= negated.mean(0)
    a, b = _gap(affirmed, true), _gap(negated, ~true)
    return (a + b) / 2, (a - b) / 2


@probe_with_negation.mistake("false less true: the signs are turned")
def _(affirmed, negated, true):
    a, b = _gap(affirmed, true), _gap(negated, ~true)
    return -(a + b) / 2, (b - a) / 2


@probe_with_negation.mistake("the second has its sign turned: it is affirmed less negated")
def _(affirmed, negated, true):
    a, b = _gap(affirmed, true), _gap(negated, ~true)
    return (a + b) / 2, (b - a) / 2


@probe_with_negation.mistake("sums in place of means")
def _(affirmed, negated, true):
    a = affirmed[true].sum(0) - affirmed[~true].sum(0)
    b = negated[~true].sum(0) - negated[true].sum(0)
    return (a + b) / 2, (a - b) / 2


@probe_with_negation.mistake("affirmed less negated of each statement: that is the word ‘not’")
def _(affirmed, negated, true):
    gap = (affirmed - negated).mean(0)
    return gap / 2, gap / 2


@probe_with_negation.mistake("scaled to length 1: keep the lengths")
def _(affirmed, negated, true):
    a, b = _gap(affirmed, true), _gap(negated, ~true)
    g, p = (a + b) / 2, (a - b) / 2
    return g / g.norm(), p / p.norm().clamp(min=1e-9)


@probe_with_negation.mistake("the mean of the true ones alone: what is false is not taken off")
def _(affirmed, negated, true):
    a, b = affirmed[true].mean(0), negated[~true].mean(0)
    return (a + b) / 2, (a - b) / 2


@probe_with_negation.mistake("averaged over the dimensions, not over the statements")
def _(affirmed, negated, true):
    a = affirmed[true].mean(1) - affirmed[~true].mean(1)
    b = negated[~true].mean(1) - negated[true].mean(1)
    return (a + b) / 2, (a - b) / 2


@probe_with_negation.right("by signs, as a regression on them")
def _(affirmed, negated, true):
    sign = true.to(affirmed.dtype) / true.sum() - (~true).to(affirmed.dtype) / (~true).sum()
    a, b = sign @ affirmed, -(sign @ negated)
    return 0.5 * (a + b), 0.5 * (a - b)


@probe_with_negation.right("statement by statement")
def _(affirmed, negated, true):
    a, b = torch.zeros_like(affirmed[0]), torch.zeros_like(negated[0])
    yes, no = int(true.sum()), int((~true).sum())
    for x, y, t in zip(affirmed, negated, true.tolist(), strict=True):
        a = a + (x / yes if t else -x / no)
        b = b + (-y / yes if t else y / no)
    return (a + b) / 2, (a - b) / 2


@probe_with_negation.right("in numpy")
def _(affirmed, negated, true):
    x, y, t = affirmed.numpy(), negated.numpy(), true.numpy()
    a = x[t].mean(axis=0) - x[~t].mean(axis=0)
    b = y[~t].mean(axis=0) - y[t].mean(axis=0)
    return torch.from_numpy(np.add(a, b) / 2), torch.from_numpy((a - b) / 2)
