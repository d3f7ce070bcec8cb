"""How `bootstrap_exponent` is judged: checks, mistakes, right answers in other styles."""

from statistics import NormalDist

import numpy as np

from lessons.scaling_laws.exercises import bootstrap_exponent
from utils.grading import require


def _pair(got):
    require(isinstance(got, tuple | list | np.ndarray) and len(got) == 2, "two numbers", got)
    return float(got[0]), float(got[1])


def _slope(runs):
    x, y = runs[:, 0], runs[:, -1]
    x = x - x.mean()
    return float((x * y).sum() / (x * x).sum())


def _line(n, noise, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 10, n)
    return np.stack([x, rng.uniform(0, 1, n), 3 - 0.5 * x + noise * rng.standard_normal(n)], 1)


@bootstrap_exponent.check
def runs_are_left_as_they_are(fn):
    runs = _line(20, 1.0)
    kept = runs.copy()
    fn(runs, _slope, draws=5)
    require(np.array_equal(runs, kept), "runs as they were", runs)


@bootstrap_exponent.check
def without_noise_there_is_no_doubt(fn):
    low, high = _pair(fn(_line(12, 0.0), _slope))
    near = abs(low + 0.5) < 1e-6 and abs(high + 0.5) < 1e-6
    require(near, (-0.5, -0.5), (low, high))


@bootstrap_exponent.check
def whole_rows_are_drawn(fn):
    runs = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0], [5.0, 50.0]])
    seen = []

    def fit(table):
        seen.append(np.array(table))
        return 0.0

    fn(runs, fit, draws=40)
    require(len(seen) == 40, "fit called once a draw: 40 times", len(seen))
    for table in seen:
        right = table.shape == runs.shape and np.array_equal(table[:, 1], 10 * table[:, 0])
        require(bool(right), "five whole rows of runs", table)
    again = any(len(np.unique(t[:, 0])) < 5 for t in seen)
    require(again, "rows drawn with replacement: some come twice", seen[-1])
    everyone = np.unique(np.concatenate([t[:, 0] for t in seen]))
    require(len(everyone) == 5, "each run drawn in some of 40 resamples", everyone)
    first = any(not np.array_equal(t, seen[0]) for t in seen)
    require(first, "another resample each time", seen[:2])


@bootstrap_exponent.check
def the_width_is_that_of_theory(fn):
    for n, level, z in ((200, 0.8, 1.2816), (100, 0.5, 0.6745), (200, 0.95, 1.96)):
        runs = _line(n, 1.0)
        x = runs[:, 0] - runs[:, 0].mean()
        fitted = runs[:, 2].mean() + _slope(runs) * x
        error = np.sqrt((x**2 * (runs[:, 2] - fitted) ** 2).sum()) / (x**2).sum()
        low, high = _pair(fn(runs, _slope, draws=800, level=level))
        wanted = 2 * z * error
        require(abs((high - low) / wanted - 1) < 0.15, f"a width near {wanted:.4f}", high - low)
        middle = abs((low + high) / 2 - _slope(runs)) < 0.35 * error
        require(bool(middle), f"around {_slope(runs):.4f}", (low, high))


@bootstrap_exponent.check
def a_skewed_fit_gives_an_uneven_interval(fn):
    runs = np.random.default_rng(1).standard_normal((80, 2))
    runs[:, 0] += 1.0

    def fit(table):
        return float(np.exp(8 * table[:, 0].mean()))

    low, high = _pair(fn(runs, fit, draws=800))
    logs = np.log(fit(runs)), runs[:, 0].std() / np.sqrt(80) * 8 * 1.2816
    wanted = np.exp(logs[0] - logs[1]), np.exp(logs[0] + logs[1])
    right = abs(low / wanted[0] - 1) < 0.4 and abs(high / wanted[1] - 1) < 0.6
    require(bool(right), f"quantiles near {wanted[0]:.4g} and {wanted[1]:.4g}", (low, high))


@bootstrap_exponent.check
def seeds(fn):
    runs = _line(30, 1.0)
    one, two, other = (_pair(fn(runs, _slope, draws=40, seed=s)) for s in (3, 3, 4))
    require(one == two, "the same interval for the same seed", two)
    require(one != other, "another one for another seed", other)


def _by(rows, interval):
    def answer(runs, fit, draws=100, level=0.8, seed=0):
        rng = np.random.default_rng(seed)
        found = [fit(rows(rng, runs)) for _ in range(draws)]
        low, high = interval(np.array(found), level)
        return float(low), float(high)

    return answer


def _drawn(rng, runs):
    return runs[rng.integers(0, len(runs), len(runs))]


def _middle(found, level):
    return np.quantile(found, [(1 - level) / 2, (1 + level) / 2])


def _each_column(rng, runs):
    n = len(runs)
    return np.stack([runs[rng.integers(0, n, n), j] for j in range(runs.shape[1])], 1)


MISTAKES = {
    "without replacement: each resample is the same runs in another order": _by(
        lambda rng, runs: runs[rng.permutation(len(runs))], _middle
    ),
    "each column is resampled on its own: a run loses its loss": _by(_each_column, _middle),
    "half of the runs in a resample: the interval is too wide": _by(
        lambda rng, runs: runs[rng.integers(0, len(runs), len(runs) // 2)], _middle
    ),
    "the last run is never drawn": _by(
        lambda rng, runs: runs[rng.integers(0, len(runs) - 1, len(runs))], _middle
    ),
    "level is a quantile: (1 − level, level) leaves 20 % on either side": _by(
        _drawn, lambda f, level: np.quantile(f, sorted([1 - level, level]))
    ),
    "level is ignored: 80 % always": _by(_drawn, lambda f, level: _middle(f, 0.8)),
    "the error of the mean over draws: more draws would make it vanish": _by(
        _drawn, lambda f, level: (f.mean() - f.std() / len(f) ** 0.5,
                                  f.mean() + f.std() / len(f) ** 0.5)
    ),
    "one standard deviation on either side, whatever the level": _by(
        _drawn, lambda f, level: (f.mean() - f.std(), f.mean() + f.std())
    ),
    "smallest and largest: no level": _by(_drawn, lambda f, level: (f.min(), f.max())),
    "low and high have changed places": _by(_drawn, lambda f, level: _middle(f, level)[::-1]),
}  # fmt: skip
for said, wrong in MISTAKES.items():
    bootstrap_exponent.mistake(said)(wrong)


@bootstrap_exponent.mistake("the generator starts anew in each draw: all resamples are the same")
def _(runs, fit, draws=100, level=0.8, seed=0):
    found = [fit(_drawn(np.random.default_rng(seed), runs)) for _ in range(draws)]
    low, high = _middle(found, level)
    return float(low), float(high)


@bootstrap_exponent.mistake("the seed is ignored: the same resamples for all seeds")
def _(runs, fit, draws=100, level=0.8, seed=0):
    return bootstrap_exponent(runs, fit, draws, level)


@bootstrap_exponent.mistake("runs is changed in place: each resample is drawn from the one before")
def _(runs, fit, draws=100, level=0.8, seed=0):
    rng, found = np.random.default_rng(seed), []
    for _ in range(draws):
        runs[:] = _drawn(rng, runs)
        found.append(fit(runs))
    low, high = _middle(found, level)
    return float(low), float(high)


@bootstrap_exponent.mistake("a normal interval, mean ± z · spread: what was found may be lopsided")
def _(runs, fit, draws=100, level=0.8, seed=0):
    rng = np.random.default_rng(seed)
    found = [fit(_drawn(rng, runs)) for _ in range(draws)]
    reach = NormalDist().inv_cdf((1 + level) / 2) * np.std(found)
    return float(np.mean(found) - reach), float(np.mean(found) + reach)


@bootstrap_exponent.mistake("a hundred draws, whatever is asked")
def _(runs, fit, draws=100, level=0.8, seed=0):
    return bootstrap_exponent(runs, fit, 100, level, seed)


@bootstrap_exponent.right("by rng.choice and np.percentile")
def _(runs, fit, draws=100, level=0.8, seed=0):
    rng, tail = np.random.default_rng(seed), 50 * (1 - level)
    found = []
    for _ in range(draws):
        found.append(fit(rng.choice(runs, size=len(runs), replace=True)))
    return np.percentile(found, tail), np.percentile(found, 100 - tail)


@bootstrap_exponent.right("by a loop over rows, with a random seed of Python's, sorted")
def _(runs, fit, draws=100, level=0.8, seed=0):
    import random

    chance = random.Random(seed)
    found = sorted(
        fit(np.array([runs[chance.randrange(len(runs))] for _ in runs])) for _ in range(draws)
    )
    cut = round((1 - level) / 2 * draws)
    return [found[cut], found[draws - 1 - cut]]
