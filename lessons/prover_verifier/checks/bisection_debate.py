"""How `bisection_debate` is judged: checks, mistakes, right answers in other styles."""

import math
import random

from lessons.prover_verifier.checks.shared import raises_value_error
from lessons.prover_verifier.exercises import bisection_debate
from utils.grading import require


class Counted(list):
    """States that count which of them are read. A slice reads none: it counts on."""

    def __init__(self, states, places=None, read=None):
        super().__init__(states)
        self.places = range(len(self)) if places is None else places
        self.read = set() if read is None else read

    def __getitem__(self, i):
        if isinstance(i, slice):
            return Counted(super().__getitem__(i), self.places[i], self.read)
        self.read.add(self.places[i])
        return super().__getitem__(i)

    def __iter__(self):
        for i in range(len(self)):
            yield self[i]

    def __eq__(self, other):
        return [*self] == [*other]

    __hash__ = None


def states(seed, steps):
    """A computation of different states."""
    return random.Random(seed).sample(range(10 * steps + 10), steps + 1)


def with_errors(trace, *steps):
    """A claim that is false from the first of these steps on, true again from the second …"""
    false, claim = False, []
    for t, state in enumerate(trace):
        false ^= t - 1 in steps
        claim.append(-1 - state if false else state)
    return claim


def judged(fn, trace, claim):
    """One debate: a disputed step is found, by few questions that are counted rightly."""
    mine, theirs = Counted(trace), Counted(claim)
    got = fn(mine, theirs)
    require(isinstance(got, tuple | list) and len(got) == 2, "(t, questions)", got)
    t, questions = got
    whole = all(isinstance(x, int) and not isinstance(x, bool) for x in (t, questions))
    require(whole, "two whole numbers, (t, questions)", got)
    steps = len(trace) - 1
    given = {"trace": trace, "claim": claim}
    if steps > 16:
        first = next(i for i in range(steps) if trace[i + 1] != claim[i + 1])
        given = {"steps": steps, "first false step": first}
    require(0 <= t < steps, f"a step from 0 to {steps - 1}", t, **given)
    disputed = trace[t] == claim[t] and trace[t + 1] != claim[t + 1]
    require(disputed, "t with agreement on state t and none on t + 1", t, **given)
    most = math.ceil(math.log2(steps))
    require(questions <= most, f"at most {most} questions", questions, **given)
    asked = len((mine.read | theirs.read) - {0, steps})
    require(asked <= most, f"at most {most} states read between the ends", asked, **given)
    require(asked == questions, f"the number of states read, {asked}", questions, **given)


@bisection_debate.check
def one_step_needs_no_question(fn):
    judged(fn, [5, 7], [5, 8])


@bisection_debate.check
def either_of_two_steps(fn):
    judged(fn, [0, 1, 2], [0, 3, 4])
    judged(fn, [0, 1, 2], [0, 1, 4])


@bisection_debate.check
def every_step_of_every_short_computation(fn):
    for steps in range(2, 18):
        trace = states(steps, steps)
        for step in range(steps):
            judged(fn, trace, with_errors(trace, step))


@bisection_debate.check
def of_long_computations(fn):
    for steps in (100, 1000, 4096, 5000):
        trace = states(steps, steps)
        for step in (0, 1, steps // 3, steps // 2, steps - 2, steps - 1):
            judged(fn, trace, with_errors(trace, step))


@bisection_debate.check
def of_several_false_steps_one(fn):
    for steps in (5, 9, 40, 200):
        trace = states(steps, steps)
        for three in ((0, 2, 4), (1, 2, 3), (0, steps // 2, steps - 1)):
            judged(fn, trace, with_errors(trace, *three))


@bisection_debate.check
def equal_ends_or_unequal_starts_make_no_sense(fn):
    raises_value_error(lambda: fn([1, 2, 3], [1, 2, 3]), "they agree at the last state")
    raises_value_error(lambda: fn([1, 2, 3], [1, 7, 3]), "they agree at the last state")
    raises_value_error(lambda: fn([1, 2, 3], [0, 2, 4]), "they do not agree at the first state")
    raises_value_error(lambda: fn([1, 2, 3], [1, 4]), "the lengths differ")
    raises_value_error(lambda: fn([1], [1]), "there is no step")


@bisection_debate.check
def the_inputs_are_left_as_they_are(fn):
    trace, claim = [0, 1, 2, 3], [0, 1, 5, 6]
    fn(trace, claim)
    require(trace == [0, 1, 2, 3] and claim == [0, 1, 5, 6], "unchanged inputs", (trace, claim))


def sensible(trace, claim):
    if len(trace) != len(claim) or len(trace) < 2:
        raise ValueError("lengths")
    if trace[0] != claim[0] or trace[-1] == claim[-1]:
        raise ValueError("ends")


def halve(trace, claim, middle=lambda low, high: (low + high) // 2, turn=False):
    sensible(trace, claim)
    low, high, questions = 0, len(trace) - 1, 0
    while high - low > 1:
        m = middle(low, high)
        questions += 1
        if (trace[m] == claim[m]) != turn:
            low = m
        else:
            high = m
    return low, questions


@bisection_debate.mistake("step by step from the start: up to T questions instead of log T")
def _(trace, claim):
    sensible(trace, claim)
    t = 0
    while trace[t + 1] == claim[t + 1]:
        t += 1
    return t, t


@bisection_debate.mistake("all states are compared: that is the audit that it should save")
def _(trace, claim):
    sensible(trace, claim)
    low = next(i for i, (a, b) in enumerate(zip(trace, claim, strict=True)) if a != b) - 1
    return low, math.ceil(math.log2(max(len(trace) - 1, 1)))


@bisection_debate.mistake("the wrong half is kept")
def _(trace, claim):
    return halve(trace, claim, turn=True)


@bisection_debate.mistake("off by one: the state after the step is returned")
def _(trace, claim):
    low, questions = halve(trace, claim)
    return low + 1, questions


@bisection_debate.mistake("the questions are not counted")
def _(trace, claim):
    return halve(trace, claim)[0], 0


@bisection_debate.mistake("questions counted from 1")
def _(trace, claim):
    low, questions = halve(trace, claim)
    return low, questions + 1


@bisection_debate.mistake("log₂ T instead of the questions that were really asked")
def _(trace, claim):
    return halve(trace, claim)[0], math.ceil(math.log2(len(trace) - 1))


@bisection_debate.mistake("halves unevenly: a third of the way takes more questions")
def _(trace, claim):
    return halve(trace, claim, lambda low, high: low + max(1, (high - low) // 3))


@bisection_debate.mistake("no error where there is nothing to debate")
def _(trace, claim):
    low, high, questions = 0, min(len(trace), len(claim)) - 1, 0
    while high - low > 1:
        m = (low + high) // 2
        questions += 1
        low, high = (m, high) if trace[m] == claim[m] else (low, m)
    return low, questions


@bisection_debate.mistake("stops one question too early")
def _(trace, claim):
    sensible(trace, claim)
    low, high, questions = 0, len(trace) - 1, 0
    while high - low > 2:
        m = (low + high) // 2
        questions += 1
        low, high = (m, high) if trace[m] == claim[m] else (low, m)
    return low, questions


@bisection_debate.mistake("the two results are in the other order")
def _(trace, claim):
    return halve(trace, claim)[::-1]


@bisection_debate.mistake("always the first step")
def _(trace, claim):
    sensible(trace, claim)
    return 0, 0


@bisection_debate.mistake("always the last step")
def _(trace, claim):
    sensible(trace, claim)
    return len(trace) - 2, 0


@bisection_debate.mistake("the middle is the sum of both ends, not half of it")
def _(trace, claim):
    sensible(trace, claim)
    low, high, questions = 0, len(trace) - 1, 0
    while high - low > 1 and questions < 20:
        m = min(low + high, len(trace) - 1)
        questions += 1
        low, high = (m, high) if trace[m] == claim[m] else (low, m)
    return min(low, len(trace) - 2), questions


@bisection_debate.right("by recursion")
def _(trace, claim):
    sensible(trace, claim)

    def narrow(low, high, questions):
        if high == low + 1:
            return low, questions
        m = low + (high - low) // 2
        if trace[m] == claim[m]:
            return narrow(m, high, questions + 1)
        return narrow(low, m, questions + 1)

    return narrow(0, len(trace) - 1, 0)


@bisection_debate.right("by slices")
def _(trace, claim):
    sensible(trace, claim)
    start, questions = 0, 0
    while len(trace) > 2:
        m = len(trace) // 2
        questions += 1
        if trace[m] == claim[m]:
            trace, claim, start = trace[m:], claim[m:], start + m
        else:
            trace, claim = trace[: m + 1], claim[: m + 1]
    return start, questions


@bisection_debate.mistake("whole stretches are compared: that reads every state in them")
def _(trace, claim):
    sensible(trace, claim)
    low, high, questions = 0, len(trace) - 1, 0
    while high - low > 1:
        m = (low + high) // 2
        questions += 1
        low, high = (m, high) if trace[: m + 1] == claim[: m + 1] else (low, m)
    return low, questions


@bisection_debate.right("with the upper of two middles")
def _(trace, claim):
    return halve(trace, claim, lambda low, high: (low + high + 1) // 2)


@bisection_debate.right("by the standard library")
def _(trace, claim):
    import bisect

    sensible(trace, claim)
    asked = set()

    def differs(t):
        asked.add(t)
        return trace[t] != claim[t]

    at = bisect.bisect_left(range(1, len(trace) - 1), True, key=differs)
    return at, len(asked)
