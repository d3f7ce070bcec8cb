"""How `inverse_scaling_slope` is judged: checks, mistakes, right answers in other styles."""

import numpy as np
import torch

from lessons.scaling_laws.exercises import inverse_scaling_slope
from utils.grading import require

SIZES = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0])


def _t(values):
    return torch.tensor(values, dtype=torch.float64)


def _expect(got, wanted):
    flat = torch.as_tensor(got, dtype=torch.float64) if not isinstance(got, tuple) else None
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    right = flat is not None and flat.shape == wanted.shape
    right = right and bool(torch.allclose(flat, wanted, 1e-5, 1e-6))
    require(right, wanted, got)


@inverse_scaling_slope.check
def a_loss_of_a_tenth_with_each_doubling(fn):
    _expect(fn(SIZES, _t([0.9, 0.8, 0.7, 0.6, 0.5])), -0.1)
    _expect(fn(SIZES, _t([0.1, 0.3, 0.5, 0.7, 0.9])), 0.2)


@inverse_scaling_slope.check
def flat_is_zero(fn):
    _expect(fn(SIZES, _t([0.25] * 5)), 0.0)


@inverse_scaling_slope.check
def two_sizes_and_steps_of_a_factor_other_than_two(fn):
    _expect(fn(torch.tensor([3.0, 12.0]), _t([0.8, 0.2])), -0.3)
    sizes = torch.tensor([5.0, 50.0, 5000.0])
    _expect(fn(sizes, 0.7 - 0.02 * sizes.double().log2()), -0.02)


@inverse_scaling_slope.check
def the_line_of_least_squares(fn):
    sizes = torch.tensor([1.0, 3.0, 4.0, 10.0, 64.0, 100.0])
    y = _t([0.5, 0.2, 0.3, 0.1, 0.4, 0.35])
    _expect(fn(sizes, y), np.polyfit(np.log2(sizes.numpy()), y.numpy(), 1)[0])


@inverse_scaling_slope.check
def several_curves_at_once(fn):
    y = _t([[0.9, 0.8, 0.7, 0.6, 0.5], [0.5, 0.5, 0.5, 0.5, 0.5], [0.0, 0.0, 0.0, 0.0, 1.0]])
    _expect(fn(SIZES, y), [-0.1, 0.0, 0.2])
    _expect(fn(SIZES, y[None]), [[-0.1, 0.0, 0.2]])
    square = torch.stack([torch.arange(5.0)] * 5).double() * 0.1
    _expect(fn(SIZES, square), [0.1] * 5)


@inverse_scaling_slope.check
def whole_sizes_and_single_precision(fn):
    _expect(fn(torch.tensor([2, 4, 8]), torch.tensor([0.5, 0.25, 0.0])), -0.25)


@inverse_scaling_slope.check
def inputs_are_left_as_they_are(fn):
    sizes, y = SIZES.clone(), _t([0.9, 0.5, 0.7, 0.6, 0.5])
    fn(sizes, y)
    same = torch.equal(sizes, SIZES) and torch.equal(y, _t([0.9, 0.5, 0.7, 0.6, 0.5]))
    require(same, "inputs as they were", (sizes, y))


def _by(x_of, dim=-1):
    def answer(size, accuracy):
        x, y = x_of(size.double()), accuracy.double()
        x = x - x.mean()
        y = y - y.mean(dim, keepdim=True)
        return (x * y).sum(dim) / (x * x).sum()

    return answer


MISTAKES = {
    "a slope over the size itself: doublings count": _by(lambda s: s),
    "natural logs: the slope is that of a factor e": _by(torch.log),
    "log₁₀: the slope is that of a factor ten": _by(torch.log10),
    "the place in the list, not the size": _by(lambda s: torch.arange(len(s)).double()),
    "the sign is turned": lambda s, y: -inverse_scaling_slope(s, y),
    "over the wrong dimension": _by(torch.log2, 0),
}
for said, wrong in MISTAKES.items():
    inverse_scaling_slope.mistake(said)(wrong)


@inverse_scaling_slope.mistake("from the first to the last size alone: those between count, too")
def _(size, accuracy):
    x, y = size.double().log2(), accuracy.double()
    return (y[..., -1] - y[..., 0]) / (x[-1] - x[0])


@inverse_scaling_slope.mistake("the correlation, not the slope")
def _(size, accuracy):
    x, y = size.double().log2(), accuracy.double()
    x, y = x - x.mean(), y - y.mean(-1, keepdim=True)
    return (x * y).sum(-1) / ((x * x).sum() * (y * y).sum(-1)).sqrt().clamp(min=1e-12)


@inverse_scaling_slope.mistake("a mean above and a sum below: too small by the number of sizes")
def _(size, accuracy):
    x, y = size.double().log2(), accuracy.double()
    x, y = x - x.mean(), y - y.mean(-1, keepdim=True)
    return (x * y).mean(-1) / (x * x).sum()


@inverse_scaling_slope.mistake("the slope over the log of accuracy")
def _(size, accuracy):
    return inverse_scaling_slope(size, accuracy.double().clamp(min=1e-9).log())


@inverse_scaling_slope.mistake("the log of the size is not centered")
def _(size, accuracy):
    x, y = size.double().log2(), accuracy.double()
    return (x * y).sum(-1) / (x * x).sum()


@inverse_scaling_slope.mistake("the mean step between neighbors, whatever lies between their sizes")
def _(size, accuracy):
    return accuracy.double().diff(dim=-1).mean(-1)


@inverse_scaling_slope.mistake("one slope for all curves together")
def _(size, accuracy):
    return _by(torch.log2)(size, accuracy.double().reshape(-1, len(size)).mean(0))


@inverse_scaling_slope.mistake("the line's height at size 1 in place of its slope")
def _(size, accuracy):
    slope = inverse_scaling_slope(size, accuracy)
    return accuracy.double().mean(-1) - slope * size.double().log2().mean()


@inverse_scaling_slope.right("by np.polyfit, curve by curve")
def _(size, accuracy):
    x = np.log2(size.numpy().astype(float))
    rows = accuracy.double().numpy().reshape(-1, len(x))
    found = [np.polyfit(x, row, 1)[0] for row in rows]
    return torch.tensor(np.array(found)).reshape(accuracy.shape[:-1])


@inverse_scaling_slope.right("by torch.linalg.lstsq")
def _(size, accuracy):
    x = torch.log2(size.double())
    table = torch.stack([x, torch.ones_like(x)], 1)
    rows = accuracy.double().reshape(-1, len(x))
    return torch.linalg.lstsq(table, rows.T).solution[0].reshape(accuracy.shape[:-1])
