"""How `legibility_tax` is judged: checks, mistakes, right answers in other styles."""

from lessons.prover_verifier.checks.shared import is_number, raises_value_error
from lessons.prover_verifier.exercises import legibility_tax


@legibility_tax.check
def half_of_the_gain(fn):
    is_number(fn(0.4, 0.8, 0.6), 0.5)


@legibility_tax.check
def nothing_and_everything(fn):
    is_number(fn(0.3, 0.9, 0.9), 0.0)
    is_number(fn(0.3, 0.9, 0.3), 1.0)


@legibility_tax.check
def where_it_began_matters(fn):
    is_number(fn(0.0, 0.8, 0.6), 0.25)
    is_number(fn(0.5, 0.8, 0.6), 2 / 3)


@legibility_tax.check
def it_may_be_negative_or_above_one(fn):
    is_number(fn(0.5, 0.7, 0.8), -0.5)
    is_number(fn(0.5, 0.7, 0.4), 1.5)


@legibility_tax.check
def no_gain_no_share(fn):
    raises_value_error(lambda: fn(0.5, 0.5, 0.6), "correctness gained nothing")
    raises_value_error(lambda: fn(0.5, 0.4, 0.3), "correctness gained nothing")


def _mistake(description, answer):
    @legibility_tax.mistake(description)
    def _(start, correct, checkable):
        if correct <= start:
            raise ValueError("no gain")
        return answer(start, correct, checkable)


_mistake("a ratio of accuracies: where training began is left out", lambda s, c, k: 1 - k / c)
_mistake("what is kept, not what is given up", lambda s, c, k: (k - s) / (c - s))
_mistake("in points, not as a share of the gain", lambda s, c, k: c - k)
_mistake("a share of the accuracy at the start", lambda s, c, k: (c - k) / s if s else 0.0)
_mistake(
    "a share of the checkable prover's gain", lambda s, c, k: (c - k) / (k - s) if k != s else 0
)
_mistake("never below 0: a gain is a result, too", lambda s, c, k: max((c - k) / (c - s), 0.0))
_mistake("the sign is turned", lambda s, c, k: (k - c) / (c - s))
_mistake("a share of the errors that were left", lambda s, c, k: (c - k) / (1 - s))


@legibility_tax.mistake("accuracies in place of gains over the start, and no error")
def _(start, correct, checkable):
    return 1 - checkable / correct


@legibility_tax.mistake("a difference in points, with no start and no share")
def _(start, correct, checkable):
    return correct - checkable


@legibility_tax.mistake("no error where nothing was gained")
def _(start, correct, checkable):
    return (correct - checkable) / (correct - start) if correct != start else 0.0


@legibility_tax.mistake("an error only where the gain is 0: a loss is no gain either")
def _(start, correct, checkable):
    if correct == start:
        raise ValueError("no gain")
    return (correct - checkable) / (correct - start)


@legibility_tax.mistake("a share of the accuracy at the start, and no error")
def _(start, correct, checkable):
    return (correct - checkable) / start if start else 0.0


@legibility_tax.right("one less the share that is kept")
def _(start, correct, checkable):
    if correct - start <= 0:
        raise ValueError("nothing was gained")
    return 1 - (checkable - start) / (correct - start)


@legibility_tax.right("by two gains")
def _(start, correct, checkable):
    gain, kept = correct - start, checkable - start
    if not gain > 0:
        raise ValueError("nothing was gained")
    return (gain - kept) / gain
