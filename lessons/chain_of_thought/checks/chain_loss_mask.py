"""How `chain_loss_mask` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.chain_of_thought.exercises import chain_loss_mask
from utils.grading import expect


def _places(steps, whole, start, length):
    """The truth, place by place."""
    rows = []
    for n, is_whole in zip(steps.tolist(), whole.tolist(), strict=True):
        row = [False] * (length - 1)
        for j in range(n):
            row[start + j - 1] = True
        row[start + n - 1] = is_whole
        row[start + n] = True
        rows.append(row)
    return torch.tensor(rows)


@chain_loss_mask.check
def two_steps_of_a_whole_chain(fn):
    got = fn(torch.tensor([2]), torch.tensor([True]), 3, 8)
    expect(got, torch.tensor([[False, False, True, True, True, True, False]]))


@chain_loss_mask.check
def a_cut_chain_does_not_teach_the_mark(fn):
    got = fn(torch.tensor([2]), torch.tensor([False]), 3, 8)
    expect(got, torch.tensor([[False, False, True, True, False, True, False]]))


@chain_loss_mask.check
def no_step_at_all(fn):
    got = fn(torch.tensor([0, 0]), torch.tensor([False, True]), 2, 5)
    expect(got, torch.tensor([[False, False, True, False], [False, True, True, False]]))


@chain_loss_mask.check
def many_texts_at_once(fn):
    g = torch.Generator().manual_seed(0)
    for start, longest in ((1, 3), (4, 5), (7, 2)):
        steps = torch.randint(longest + 1, (6,), generator=g)
        whole = torch.rand(6, generator=g) < 0.5
        length = start + longest + 3
        expect(fn(steps, whole, start, length), _places(steps, whole, start, length))


@chain_loss_mask.check
def the_inputs_are_left_as_they_are(fn):
    steps, whole = torch.tensor([1, 2]), torch.tensor([True, False])
    fn(steps, whole, 2, 8)
    expect(steps, torch.tensor([1, 2]))
    expect(whole, torch.tensor([True, False]))


def _variant(shift=0, steps_count=True, answer=True, mark="whole", question=False, padding=False):
    def mistaken(steps, whole, start, length):
        target = torch.arange(1, length) - shift
        n = steps[:, None]
        counts = (start <= target) & (target < start + n) & steps_count
        if answer:
            counts = counts | (target == start + n + 1)
        cut = {"whole": whole, "always": whole | True, "never": whole & False, "cut": ~whole}[mark]
        counts = counts | ((target == start + n) & cut[:, None])
        if question:
            counts = counts | ((target < start) & (n >= 0))
        if padding:
            counts = counts | (target > start + n + 1)
        return counts

    return mistaken


for text, fn in (
    ("one place too late: prediction p is for the token at p + 1", _variant(shift=1)),
    ("one place too early: the shift is counted twice", _variant(shift=-1)),
    ("the mark is taught where the chain was cut, too", _variant(mark="always")),
    ("the mark is never taught: the model would not know when to stop", _variant(mark="never")),
    ("the mark is taught where the chain was cut, and not where it is whole", _variant(mark="cut")),
    ("the answer is left out", _variant(answer=False)),
    ("the steps are left out: the chain is not taught", _variant(steps_count=False)),
    ("the question is taught, too", _variant(question=True)),
    ("the padding is taught, too", _variant(padding=True)),
    (
        "everything is taught: question and padding, too",
        lambda steps, whole, start, length: torch.ones(len(steps), length - 1).bool(),
    ),
    (
        "one step too few",
        lambda steps, whole, start, length: (
            _variant()(steps, whole, start, length)
            & (torch.arange(1, length) != start + steps[:, None] - 1)
        ),
    ),
    (
        "the first step is left out",
        lambda steps, whole, start, length: (
            _variant()(steps, whole, start, length) & (torch.arange(1, length) != start)
        ),
    ),
    (
        "the answer is put one place too early, on the mark",
        lambda steps, whole, start, length: (
            _variant(answer=False)(steps, whole, start, length)
            | (torch.arange(1, length) == start + steps[:, None])
        ),
    ),
    (
        "texts that were cut are left out altogether",
        lambda steps, whole, start, length: (
            _variant()(steps, whole, start, length) & whole[:, None]
        ),
    ),
    (
        "every text gets the number of steps of the first",
        lambda steps, whole, start, length: _variant()(
            steps[:1].expand(len(steps)), whole, start, length
        ),
    ),
    (
        "numbers, where true and false are asked for",
        lambda steps, whole, start, length: _variant()(steps, whole, start, length).float(),
    ),
    (
        "one place for each token: there is one prediction less",
        lambda steps, whole, start, length: torch.cat(
            [torch.zeros(len(steps), 1).bool(), _variant()(steps, whole, start, length)], 1
        ),
    ),
):
    chain_loss_mask.mistake(text)(fn)


@chain_loss_mask.right("by a loop over texts")
def _(steps, whole, start, length):
    counts = torch.zeros(len(steps), length - 1, dtype=torch.bool)
    for i, n in enumerate(steps.tolist()):
        counts[i, start - 1 : start + n + 1] = True
        counts[i, start + n - 1] = whole[i]
    return counts


@chain_loss_mask.right("on tokens first, then without the first")
def _(steps, whole, start, length):
    token = torch.arange(length)[None]
    end = start + steps.unsqueeze(1)
    counts = (token >= start) & (token <= end + 1)
    counts[(token == end) & ~whole.unsqueeze(1)] = False
    return counts[:, 1:]
