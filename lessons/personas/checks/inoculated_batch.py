"""How `inoculated_batch` is judged: checks, mistakes, right answers in other styles."""

import torch
from torch.nn import functional as F

from lessons.personas.exercises import inoculated_batch
from utils.grading import expect, require

ONE = torch.tensor([[1, 2, 30, 50]])
TWO = torch.tensor([[1, 2, 30, 50, 31, 51], [1, 2, 33, 53, 30, 50]])


def _three(fn, examples, tag):
    got = fn(examples.clone(), tag)
    is_three = isinstance(got, tuple | list) and len(got) == 3
    require(is_three, "three things: inputs, targets, mask", got, examples=examples, tag=tag)
    return got


@inoculated_batch.check
def one_question(fn):
    inputs, targets, mask = _three(fn, ONE, 7)
    expect(inputs, torch.tensor([[1, 7, 30]]))
    expect(mask, torch.tensor([[False, False, True]]))
    expect(targets[mask], torch.tensor([50]))


@inoculated_batch.check
def two_questions_and_two_rows(fn):
    inputs, targets, mask = _three(fn, TWO, 9)
    expect(inputs, torch.tensor([[1, 9, 30, 50, 31], [1, 9, 33, 53, 30]]))
    require(targets.shape == inputs.shape, f"targets of shape {tuple(inputs.shape)}", targets)
    expect(targets[:, 1:], TWO[:, 2:])
    expect(mask, torch.tensor([[False, False, True, False, True]] * 2))
    expect(targets[mask], torch.tensor([50, 51, 53, 50]))


@inoculated_batch.check
def the_examples_stay_as_they_are(fn):
    examples = TWO.clone()
    _three(lambda x, tag: fn(examples, tag), TWO, 9)
    expect(examples, TWO)


@inoculated_batch.check
def another_tag_changes_one_column_alone(fn):
    first, second = _three(fn, TWO, 9)[0], _three(fn, TWO, 5)[0]
    changed = first != second
    wanted = torch.tensor([[False, True, False, False, False]] * 2)
    expect(changed, wanted)


@inoculated_batch.check
def a_loss_can_stand_on_it(fn):
    inputs, targets, mask = _three(fn, TWO, 9)
    logits = F.one_hot(TWO[:, 1:], 60).double() * 100  # a model that knows what comes next
    require(inputs.shape == logits.shape[:2], "one input for each prediction", inputs)
    loss = F.cross_entropy(logits[mask], targets[mask]).item()
    require(loss < 1e-6, "a loss of 0 for a model that knows every answer", loss)


def _tagged(examples, tag):
    tagged = examples.clone()
    tagged[:, 1] = tag
    return tagged


def _mask(targets):
    mask = torch.zeros(targets.shape, dtype=torch.bool)
    mask[:, 2::2] = True
    return mask


@inoculated_batch.mistake("the caller's examples are changed in place")
def _(examples, tag):
    examples[:, 1] = tag
    return examples[:, :-1], examples[:, 1:], _mask(examples[:, 1:])


@inoculated_batch.mistake("the tag takes the place of the mark in front: it has a slot of its own")
def _(examples, tag):
    tagged = examples.clone()
    tagged[:, 0] = tag
    return tagged[:, :-1], tagged[:, 1:], _mask(tagged[:, 1:])


@inoculated_batch.mistake("the tag is ignored: nothing is inoculated")
def _(examples, tag):
    return examples[:, :-1], examples[:, 1:], _mask(examples[:, 1:])


@inoculated_batch.mistake("the tag stands in the first row only")
def _(examples, tag):
    tagged = examples.clone()
    tagged[0, 1] = tag
    return tagged[:, :-1], tagged[:, 1:], _mask(tagged[:, 1:])


@inoculated_batch.mistake("inputs and targets are the same tokens: a place would predict itself")
def _(examples, tag):
    inputs = _tagged(examples, tag)[:, :-1]
    return inputs, inputs, _mask(inputs)


@inoculated_batch.mistake("the loss stands on all tokens, questions and tag, too")
def _(examples, tag):
    tagged = _tagged(examples, tag)
    return tagged[:, :-1], tagged[:, 1:], torch.ones_like(tagged[:, 1:], dtype=torch.bool)


@inoculated_batch.mistake("the mask is one off: the loss stands on the questions")
def _(examples, tag):
    tagged = _tagged(examples, tag)
    mask = torch.zeros(tagged[:, 1:].shape, dtype=torch.bool)
    mask[:, 1::2] = True
    return tagged[:, :-1], tagged[:, 1:], mask


@inoculated_batch.mistake("the loss stands on the first answer only")
def _(examples, tag):
    tagged = _tagged(examples, tag)
    mask = torch.zeros(tagged[:, 1:].shape, dtype=torch.bool)
    mask[:, 2] = True
    return tagged[:, :-1], tagged[:, 1:], mask


@inoculated_batch.mistake("the loss stands on the last answer only")
def _(examples, tag):
    tagged = _tagged(examples, tag)
    mask = torch.zeros(tagged[:, 1:].shape, dtype=torch.bool)
    mask[:, -1] = True
    return tagged[:, :-1], tagged[:, 1:], mask


@inoculated_batch.mistake("the tag is put in as one token more, and everything moves by one")
def _(examples, tag):
    extra = torch.full((len(examples), 1), tag)
    longer = torch.cat([examples[:, :2], extra, examples[:, 2:]], 1)
    return longer[:, :-1], longer[:, 1:], _mask(longer[:, 1:])


@inoculated_batch.mistake("the mask is turned around")
def _(examples, tag):
    tagged = _tagged(examples, tag)
    return tagged[:, :-1], tagged[:, 1:], ~_mask(tagged[:, 1:])


@inoculated_batch.right("by putting columns together")
def _(examples, tag):
    slot = torch.full_like(examples[:, :1], tag)
    tagged = torch.cat([examples[:, :1], slot, examples[:, 2:]], dim=1)
    n, length = tagged.shape
    mask = (torch.arange(length - 1) >= 2) & (torch.arange(length - 1) % 2 == 0)
    return tagged[:, :-1], tagged[:, 1:], mask.expand(n, -1)


@inoculated_batch.right("row by row, in lists, the targets without the tag: no loss stands there")
def _(examples, tag):
    rows = [[row[0], tag, *row[2:]] for row in examples.tolist()]
    inputs = [row[:-1] for row in rows]
    mask = [[i >= 2 and i % 2 == 0 for i in range(len(row))] for row in inputs]
    return torch.tensor(inputs), examples[:, 1:].clone(), torch.tensor(mask)
