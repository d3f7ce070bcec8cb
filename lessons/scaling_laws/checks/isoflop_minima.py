"""How `isoflop_minima` is judged: checks, mistakes, right answers in other styles."""

import numpy as np

from lessons.scaling_laws.exercises import isoflop_minima
from utils.grading import require


def _parabola(sizes, best, width=0.3, floor=2.0):
    sizes = np.asarray(sizes, float)
    return floor + width * (np.log(sizes) - np.log(best)) ** 2


def _expect(fn, n, loss, wanted, tol=1e-3):
    got = fn(n, loss)
    got = np.asarray(got, float) if not isinstance(got, float | int) else got
    right = np.shape(got) == (len(wanted),) and np.allclose(got, wanted, rtol=tol)
    require(bool(right), np.asarray(wanted), got)


@isoflop_minima.check
def one_budget_and_its_minimum_between_two_sizes(fn):
    sizes = [10.0, 20.0, 40.0, 80.0]
    _expect(fn, [sizes], [_parabola(sizes, 30.0)], [30.0])


@isoflop_minima.check
def a_minimum_beyond_the_sizes(fn):
    sizes = [10.0, 20.0, 40.0]
    _expect(fn, [sizes], [_parabola(sizes, 55.0)], [55.0])


@isoflop_minima.check
def budgets_of_different_lengths(fn):
    n = [[8.0, 16, 32, 64, 128], [20.0, 50, 90], [3.0, 4, 5, 6, 7, 8]]
    best, width = [21.0, 40.0, 5.5], [0.1, 2.0, 0.7]
    loss = [_parabola(s, b, w, 1 + b) for s, b, w in zip(n, best, width, strict=True)]
    _expect(fn, n, loss, best)


@isoflop_minima.check
def least_squares_through_noise(fn):
    rng = np.random.default_rng(0)
    x = np.log([5.0, 9, 20, 50, 70, 200])
    y = 3 + 0.2 * (x - 3) ** 2 + 0.05 * rng.standard_normal(6)
    table = np.stack([x * x, x, np.ones(6)], 1)
    a, b, _ = np.linalg.solve(table.T @ table, table.T @ y)
    _expect(fn, [np.exp(x)], [y], [np.exp(-b / a / 2)])


@isoflop_minima.check
def inputs_are_left_as_they_are(fn):
    sizes = np.array([10.0, 20.0, 40.0])
    loss = _parabola(sizes, 30.0)
    kept = sizes.copy(), loss.copy()
    fn([sizes], [loss])
    same = np.array_equal(sizes, kept[0]) and np.array_equal(loss, kept[1])
    require(bool(same), "sizes and losses as they were", (sizes, loss))


def _by(transform, back, where=lambda a, b: -b / (2 * a), y=lambda v: v):
    def answer(n, loss):
        found = []
        for s, v in zip(n, loss, strict=True):
            a, b, _ = np.polyfit(transform(np.asarray(s, float)), y(np.asarray(v, float)), 2)
            with np.errstate(all="ignore"):
                found.append(back(where(a, b)))
        return np.array(found)

    return answer


MISTAKES = {
    "a parabola in n: the curve is one in log n": _by(lambda v: v, lambda v: v),
    "returns log n, not n": _by(np.log, lambda v: v),
    "the sign of −b / (2 a) is lost": _by(np.log, np.exp, lambda a, b: b / (2 * a)),
    "−b / a: the slope of a x² is 2 a x": _by(np.log, np.exp, lambda a, b: -b / a),
    "a and b have changed places": _by(np.log, np.exp, lambda a, b: -a / (2 * b)),
    "log₁₀ going in, exp coming out": _by(np.log10, np.exp),
    "a parabola for log loss: here it is one for the loss": _by(np.log, np.exp, y=np.log),
}
for said, wrong in MISTAKES.items():
    isoflop_minima.mistake(said)(wrong)


@isoflop_minima.mistake("the best size that was trained: the minimum lies between sizes")
def _(n, loss):
    return np.array([np.asarray(s)[np.argmin(v)] for s, v in zip(n, loss, strict=True)])


@isoflop_minima.mistake("the least loss, not the size")
def _(n, loss):
    return np.array([np.min(v) for v in loss])


@isoflop_minima.mistake("the first budget alone")
def _(n, loss):
    return isoflop_minima(n[:1], loss[:1])


@isoflop_minima.mistake("held within the sizes that were trained")
def _(n, loss):
    found = isoflop_minima(n, loss)
    return np.array([np.clip(v, np.min(s), np.max(s)) for v, s in zip(found, n, strict=True)])


@isoflop_minima.mistake("through the three lowest points alone")
def _(n, loss):
    few = [np.argsort(v)[:3] for v in loss]
    return isoflop_minima(
        [np.asarray(s)[k] for s, k in zip(n, few, strict=True)],
        [np.asarray(v)[k] for v, k in zip(loss, few, strict=True)],
    )


@isoflop_minima.right("in log₁₀, as a list")
def _(n, loss):
    found = _by(np.log10, lambda v: 10**v)(n, loss)
    return found.tolist()


@isoflop_minima.right("by np.linalg.lstsq")
def _(n, loss):
    found = []
    for s, v in zip(n, loss, strict=True):
        x = np.log(np.array(s, float))
        _, b, a = np.linalg.lstsq(np.stack([x**0, x, x**2], 1), np.array(v, float), rcond=None)[0]
        found.append(float(np.exp(-0.5 * b / a)))
    return np.array(found)
