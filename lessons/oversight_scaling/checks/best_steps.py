"""How `best_steps` is judged: checks, mistakes, right answers."""

from lessons.oversight_scaling.checks.shared import PRINTED, ladder
from lessons.oversight_scaling.exercises import best_steps
from utils.grading import expect, require


def _best(fn, *args, **kwargs):
    got = fn(*args, **kwargs)
    pair = isinstance(got, tuple | list) and len(got) == 2
    require(pair, "a pair: steps, success", got)
    require(type(got[0]) is int, "the number of steps as an int", got)
    return got


def _wanted(gap, guard, houdini, start=0.0, most=20):
    tried = [ladder(gap, guard, houdini, n, start) for n in range(1, most + 1)]
    return 1 + tried.index(max(tried)), max(tried)


def _check(fn, *args, **kwargs):
    steps, success = _best(fn, *args, **kwargs)
    wanted = _wanted(*args, **kwargs)
    require(steps == wanted[0], wanted, (steps, success))
    expect(success, wanted[1], tol=1e-9)


@best_steps.check
def a_coin_is_tossed_once(fn):
    _check(fn, 0.0, (1.0, 0.0), (1.0, 0.0))


@best_steps.check
def a_steep_guard_wants_steps(fn):
    _check(fn, 1200.0, (2.0, 300.0), (1.0, 0.0))
    _check(fn, 1200.0, (1.0, 400.0), (1.0, 0.0))


@best_steps.check
def it_may_be_the_largest_that_is_allowed(fn):
    _check(fn, 4000.0, (2.0, 300.0), (2.0, 0.0), 0.0, 4)
    _check(fn, 4000.0, (2.0, 300.0), (2.0, 0.0), 0.0, 1)


@best_steps.check
def where_it_starts_matters(fn):
    for start in (0.0, 200.0, 900.0):
        _check(fn, 600.0, (1.5, 0.0), (1.0, 0.0), start)


@best_steps.check
def what_the_authors_code_prints(fn):
    for guard, houdini, steps, printed in PRINTED.values():
        got = _best(fn, 400.0, guard, houdini, 1103.0)
        require(got[0] == steps, (steps, printed), got)
        expect(got[1], printed, tol=1e-9)


@best_steps.check
def of_equally_good_numbers_the_smallest(fn):
    # ahead by so much that every step is certain, in float64
    steps, success = _best(fn, 100.0, (1.0, 1e6), (1.0, 0.0))
    require(steps == 1, (1, 1.0), (steps, success))
    # and behind by so much that none ever holds
    steps, success = _best(fn, 100.0, (1.0, -1e6), (1.0, 0.0))
    require(steps == 1, (1, 0.0), (steps, success))


@best_steps.check
def many_steps_may_be_best(fn):
    _check(fn, 4000.0, (1.0, 300.0), (1.0, 0.0))  # 18
    _check(fn, 6000.0, (1.0, 900.0), (1.0, 0.0), 0.0, 60)  # 34


@best_steps.check
def a_case_in_the_middle(fn):
    for gap in (300.0, 700.0, 1100.0, 2000.0):
        _check(fn, gap, (1.0, 350.0), (1.2, 0.0), 10.0, 12)


def _mistake(text, choose):
    @best_steps.mistake(text)
    def _(gap, guard, houdini, start=0.0, most=20):
        return choose(lambda n: ladder(gap, guard, houdini, n, start), most)


def _argbest(f, numbers, better=lambda a, b: a > b):
    best = None
    for n in numbers:
        if best is None or better(f(n), best[1]):
            best = n, f(n)
    return best


_mistake("one step, always", lambda f, most: (1, f(1)))
_mistake("as many steps as allowed, always", lambda f, most: (most, f(most)))
_mistake("counted from 0: the number is one too small",
         lambda f, most: (_argbest(f, range(1, most + 1))[0] - 1,
                          _argbest(f, range(1, most + 1))[1]))  # fmt: skip
_mistake("the largest number is never tried",
         lambda f, most: _argbest(f, range(1, max(most, 2))))  # fmt: skip
_mistake("one step is never tried", lambda f, most: _argbest(f, range(min(2, most), most + 1)))
_mistake("one step more than allowed is tried", lambda f, most: _argbest(f, range(1, most + 2)))
_mistake("of equally good numbers the largest",
         lambda f, most: _argbest(f, range(1, most + 1), lambda a, b: a >= b))  # fmt: skip
_mistake("the worst number, not the best",
         lambda f, most: _argbest(f, range(1, most + 1), lambda a, b: a < b))  # fmt: skip
_mistake("success and steps come back in the other order",
         lambda f, most: _argbest(f, range(1, most + 1))[::-1])  # fmt: skip
_mistake("the number of steps alone comes back", lambda f, most: _argbest(f, range(1, most + 1))[0])
_mistake("the success of one step beside the best number",
         lambda f, most: (_argbest(f, range(1, most + 1))[0], f(1)))  # fmt: skip
_mistake("two steps at most are tried: more may be better",
         lambda f, most: _argbest(f, range(1, min(most, 2) + 1)))  # fmt: skip
_mistake("it stops at 20, whatever is allowed", lambda f, most: _argbest(f, range(1, 21)))


@best_steps.mistake("the start is ignored")
def _(gap, guard, houdini, start=0.0, most=20):
    return best_steps.reference(gap, guard, houdini, 0.0, most)


@best_steps.right("by max over all numbers")
def _(gap, guard, houdini, start=0.0, most=20):
    n = max(range(1, most + 1), key=lambda n: ladder(gap, guard, houdini, n, start))
    return n, ladder(gap, guard, houdini, n, start)


@best_steps.right("by sorting")
def _(gap, guard, houdini, start=0.0, most=20):
    tried = sorted((-ladder(gap, guard, houdini, n, start), n) for n in range(1, most + 1))
    return tried[0][1], -tried[0][0]
