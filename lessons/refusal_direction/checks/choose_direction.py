"""How `choose_direction` is judged: checks, mistakes, right answers in other styles."""

import contextlib
import operator

import torch

from lessons.refusal_direction.exercises import choose_direction
from utils.grading import expect


def _expect(fn, wanted, *values, **named):
    """NumPy's and torch's integers will do, too. None is asked after: it may be meant."""
    got = fn(*values, **named)
    if got is None and wanted is not None:
        easy = [0.5, -9.0, -3.0, -4.0], [1.0, 1.0, -1.0, 1.0], [0.01, 0.01, 0.01, 0.5], [0] * 4
        if fn(*easy, 10) is not None:  # else no return at all: the grader says so
            fn(*values, **named)  # shown as the last call
            got = "None, though a candidate is left"
    with contextlib.suppress(TypeError):
        got = operator.index(got)
    expect(got, wanted)


def _table(**changed):
    """Three candidates, all of which meet the conditions; the second bypasses best."""
    table = {"bypass": [-2.0, -5.0, -3.0], "induce": [1.0, 2.0, 3.0], "kl": [0.01, 0.02, 0.03]}
    return table | {"layer": [1, 2, 3], "n_layers": 10} | changed


@choose_direction.check
def the_least_bypass_wins(fn):
    _expect(fn, 1, **_table())
    _expect(fn, 2, **_table(bypass=[-2.0, -5.0, -30.0]))
    _expect(fn, 0, **_table(bypass=[-5.0, -3.0, -2.0]))  # the first, with worse ones behind it
    _expect(fn, 0, [0.5], [1.0], [0.0], [0], 3)  # above 0 it is a candidate, too


@choose_direction.check
def one_that_induces_no_refusal_is_left_out(fn):
    _expect(fn, 2, **_table(induce=[1.0, -0.1, 3.0]))
    _expect(fn, 2, **_table(induce=[1.0, 0.0, 3.0]))
    _expect(fn, 1, **_table(induce=[1.0, 0.1, 3.0]))


@choose_direction.check
def one_that_changes_harmless_replies_is_left_out(fn):
    _expect(fn, 2, **_table(kl=[0.01, 0.2, 0.03]))
    _expect(fn, 2, **_table(kl=[0.01, 0.1, 0.03]))
    _expect(fn, 1, **_table(kl=[0.01, 0.09, 0.03]))


@choose_direction.check
def max_kl_can_be_set(fn):
    _expect(fn, 1, **_table(kl=[0.01, 0.2, 0.3]), max_kl=0.25)
    _expect(fn, 0, **_table(), max_kl=0.015)


@choose_direction.check
def late_layers_are_left_out(fn):
    _expect(fn, 2, **_table(layer=[1, 8, 3]))  # 8 is not below 0.8 · 10
    _expect(fn, 1, **_table(layer=[1, 7, 3]))
    _expect(fn, 2, **_table(layer=[1, 3, 2], n_layers=3))
    _expect(fn, 1, **_table(layer=[1, 2, 2], n_layers=3))  # 2 is below 2.4


@choose_direction.check
def all_conditions_at_once(fn):
    bypass = [-9.0, -8.0, -7.0, -6.0, -5.0, 4.0]
    induce = [-1.0, 1.0, 1.0, 0.0, 2.0, 3.0]
    _expect(fn, 4, bypass, induce, [0.0, 0.5, 0.0, 0.0, 0.05, 0.0], [0, 1, 9, 2, 3, 1], 10)


@choose_direction.check
def one_left_out_bypasses_as_well_as_the_winner(fn):
    _expect(fn, 1, **_table(bypass=[-5.0, -5.0, -3.0], induce=[-1.0, 1.0, 1.0]))


@choose_direction.check
def none_is_left(fn):
    _expect(fn, None, **_table(kl=[1.0, 1.0, 1.0]))
    _expect(fn, None, [], [], [], [], 3)


def _kept(bypass, induce, kl, layer, n_layers, max_kl, *conditions):
    met = {
        "induce": lambda i: induce[i] > 0,
        "kl": lambda i: kl[i] < max_kl,
        "layer": lambda i: layer[i] < 0.8 * n_layers,
    }
    return [i for i in range(len(bypass)) if all(met[name](i) for name in conditions)]


def _best(kept, bypass):
    return min(kept, key=lambda i: bypass[i]) if kept else None


@choose_direction.mistake(
    "the largest bypass, or the nearest to 0, is taken: the least is asked for"
)
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    kept = _kept(bypass, induce, kl, layer, n_layers, max_kl, "induce", "kl", "layer")
    return max(kept, key=lambda i: bypass[i]) if kept else None


@choose_direction.mistake("induce is not looked at")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    return _best(_kept(bypass, induce, kl, layer, n_layers, max_kl, "kl", "layer"), bypass)


@choose_direction.mistake("kl is not looked at")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    return _best(_kept(bypass, induce, kl, layer, n_layers, max_kl, "induce", "layer"), bypass)


@choose_direction.mistake("layer is not looked at")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    return _best(_kept(bypass, induce, kl, layer, n_layers, max_kl, "induce", "kl"), bypass)


@choose_direction.mistake("max_kl is ignored: 0.1 whatever is given")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    kept = _kept(bypass, induce, kl, layer, n_layers, 0.1, "induce", "kl", "layer")
    return _best(kept, bypass)


def _changed(description, condition, best=_best):
    """A mistake in the conditions: condition(induce, kl, layer, n_layers, max_kl) keeps one."""

    @choose_direction.mistake(description)
    def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
        rows = enumerate(zip(induce, kl, layer, strict=True))
        return best([i for i, row in rows if condition(*row, n_layers, max_kl)], bypass)


STRICT = "an equal value passes as {}: the condition is strict"
_changed(STRICT.format("induce"), lambda s, k, at, n, most: s >= 0 and k < most and at < 0.8 * n)
_changed(STRICT.format("kl"), lambda s, k, at, n, most: s > 0 and k <= most and at < 0.8 * n)
_changed(STRICT.format("layer"), lambda s, k, at, n, most: s > 0 and k < most and at <= 0.8 * n)


@choose_direction.mistake("the conditions let equality pass: each is strict")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    kept = [
        i
        for i in range(len(bypass))
        if induce[i] >= 0 and kl[i] <= max_kl and layer[i] <= 0.8 * n_layers
    ]
    return _best(kept, bypass)


@choose_direction.mistake("0.8 · n_layers is rounded down: layer 2 of 3 is below 2.4")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    kept = _kept(bypass, induce, kl, layer, int(0.8 * n_layers) / 0.8, max_kl, "induce", "kl",
                 "layer")  # fmt: skip
    return _best(kept, bypass)


@choose_direction.mistake("the place among those kept, not among all candidates")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    kept = _kept(bypass, induce, kl, layer, n_layers, max_kl, "induce", "kl", "layer")
    return kept.index(_best(kept, bypass)) if kept else None


@choose_direction.mistake("None where the best by bypass fails a condition: go on to the next")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    kept = _kept(bypass, induce, kl, layer, n_layers, max_kl, "induce", "kl", "layer")
    best = min(range(len(bypass)), key=lambda i: bypass[i], default=None)
    return best if best in kept else None


@choose_direction.mistake("the bypass score is returned, not the candidate's place")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    best = _best(
        _kept(bypass, induce, kl, layer, n_layers, max_kl, "induce", "kl", "layer"), bypass
    )
    return None if best is None else bypass[best]


@choose_direction.mistake("an empty list has no minimum: None is asked for there")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    kept = _kept(bypass, induce, kl, layer, n_layers, max_kl, "induce", "kl", "layer")
    return min(kept, key=lambda i: bypass[i])


@choose_direction.mistake("looked up by its value: one left out may have the same bypass")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    kept = _kept(bypass, induce, kl, layer, n_layers, max_kl, "induce", "kl", "layer")
    return list(bypass).index(min(bypass[i] for i in kept)) if kept else None


@choose_direction.mistake("only the best by bypass is looked at, and an empty list has none")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    kept = _kept(bypass, induce, kl, layer, n_layers, max_kl, "induce", "kl", "layer")
    best = min(range(len(bypass)), key=lambda i: bypass[i])
    return best if best in kept else None


def _all(s, k, at, n, most):
    return s > 0 and k < most and at < 0.8 * n


_changed("layer is compared with 0.8, not with 0.8 · n_layers",
         lambda s, k, at, n, most: s > 0 and k < most and at < 0.8)  # fmt: skip
_changed("induce is turned: those below 0 are kept",
         lambda s, k, at, n, most: s < 0 and k < most and at < 0.8 * n)  # fmt: skip
_changed("kl is turned: those above max_kl are kept",
         lambda s, k, at, n, most: s > 0 and k > most and at < 0.8 * n)  # fmt: skip
_changed("one condition is enough: or in place of and",
         lambda s, k, at, n, most: s > 0 or k < most or at < 0.8 * n)  # fmt: skip
_changed("layers are counted from 1: they count from 0",
         lambda s, k, at, n, most: s > 0 and k < most and at + 1 < 0.8 * n)  # fmt: skip
_changed("the least bypass begins at 0: a winner above 0 is lost", _all,
         lambda kept, b: _best([i for i in kept if b[i] < 0], b))  # fmt: skip
_changed("place 0 counts as false: `or None` loses it", _all,
         lambda kept, b: _best(kept, b) or None)  # fmt: skip


@choose_direction.mistake("place 0 counts as false in `not best`: the next one takes over")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    best = None
    for i in _kept(bypass, induce, kl, layer, n_layers, max_kl, "induce", "kl", "layer"):
        if not best or bypass[i] < bypass[best]:
            best = i
    return best


_changed("−1 where no candidate is left: None is asked for", _all,
         lambda kept, b: _best(kept, b) if kept else -1)  # fmt: skip
_changed("where none is left, the best of all: None is asked for", _all,
         lambda kept, b: _best(kept or range(len(b)), b))  # fmt: skip


@choose_direction.right("by a loop that remembers the best")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    best = None
    for i, score in enumerate(bypass):
        if induce[i] <= 0 or kl[i] >= max_kl or layer[i] >= 0.8 * n_layers:
            continue
        if best is None or score < bypass[best]:
            best = i
    return best


@choose_direction.right("by sorting")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    rows = sorted(zip(bypass, induce, kl, layer, range(len(bypass)), strict=True))
    for _, steers, costs, where, i in rows:
        if steers > 0 and costs < max_kl and where < 0.8 * n_layers:
            return i
    return None


@choose_direction.right("with tensors and an infinite score for those left out")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    b, s, k, at = (torch.as_tensor(x, dtype=torch.float64) for x in (bypass, induce, kl, layer))
    # the limits as doubles, so that 0.1 is 0.1
    score = torch.where((s > 0) & (k < max_kl) & (at < 0.8 * n_layers), b, torch.inf)
    return int(score.argmin()) if score.isfinite().any() else None


@choose_direction.right("with a place that is one of torch's")
def _(bypass, induce, kl, layer, n_layers, max_kl=0.1):
    kept = _kept(bypass, induce, kl, layer, n_layers, max_kl, "induce", "kl", "layer")
    return torch.tensor(_best(kept, bypass)) if kept else None
