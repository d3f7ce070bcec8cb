"""How `deepening_examples` is judged: checks, mistakes, right answers."""

import torch

from lessons.fine_tuning.exercises import deepening_examples
from utils.grading import expect, require

COMPLIANCE = torch.tensor([[10, 11, 12, 13], [20, 21, 22, 23], [30, 31, 32, 33]])
REFUSAL = torch.tensor([[1, 2, 3, 0], [4, 5, 6, 0], [7, 8, 9, 0]])


def _run(fn, compliance, refusal, depth):
    # Copies: an answer that writes into what it is given must not change what others get.
    out = fn(compliance.clone(), refusal.clone(), depth.clone())
    pair = isinstance(out, tuple | list) and len(out) == 2 and all(torch.is_tensor(x) for x in out)
    require(pair, "a pair of tensors (replies, trained)", out)
    replies, trained = out
    require(trained.dtype == torch.bool, "trained as bool", trained)
    return replies, trained


def _both(fn, compliance, refusal, depth, want):
    """See that replies and trained are those wanted, each given as (replies, trained)."""
    given = {"compliance": compliance, "refusal": refusal, "depth": depth}
    replies, trained = _run(fn, compliance, refusal, depth)
    expect(replies, want[0], **given, what="replies")
    expect(trained, want[1], **given, what="trained")


@deepening_examples.check
def depth_zero_is_a_plain_refusal(fn):
    for n in (1, 3):
        depth = torch.zeros(n, dtype=torch.long)
        want = REFUSAL[:n], torch.ones(n, 4, dtype=torch.bool)
        _both(fn, COMPLIANCE[:n], REFUSAL[:n], depth, want)


@deepening_examples.check
def one_token_then_the_refusal_from_its_beginning(fn):
    want = torch.tensor([[10, 1, 2, 3]]), torch.tensor([[False, True, True, True]])
    _both(fn, COMPLIANCE[:1], REFUSAL[:1], torch.tensor([1]), want)


@deepening_examples.check
def each_reply_has_its_own_depth(fn):
    replies = torch.tensor([[10, 11, 1, 2], [4, 5, 6, 0], [30, 31, 32, 7]])
    trained = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]]).bool()
    _both(fn, COMPLIANCE, REFUSAL, torch.tensor([2, 0, 3]), (replies, trained))


@deepening_examples.check
def at_full_depth_nothing_is_left_to_train(fn):
    want = COMPLIANCE[:2], torch.zeros(2, 4, dtype=torch.bool)
    _both(fn, COMPLIANCE[:2], REFUSAL[:2], torch.tensor([4, 4]), want)


@deepening_examples.check
def written_out_for_other_lengths(fn):
    g = torch.Generator().manual_seed(0)
    for n, length in ((2, 2), (5, 3), (4, 6), (3, 3)):
        compliance, refusal = torch.randint(50, (2, n, length), generator=g)
        depth = torch.randint(length + 1, (n,), generator=g)
        rows = [
            c[:d] + r[: length - d]
            for c, r, d in zip(compliance.tolist(), refusal.tolist(), depth.tolist(), strict=True)
        ]
        places = [[j >= d for j in range(length)] for d in depth.tolist()]
        _both(fn, compliance, refusal, depth, (torch.tensor(rows), torch.tensor(places)))


def _places(compliance):
    return torch.arange(compliance.shape[1])


@deepening_examples.mistake("the refusal does not begin anew: its first tokens are skipped")
def _(compliance, refusal, depth):
    trained = _places(compliance) >= depth[:, None]
    return torch.where(trained, refusal, compliance), trained


@deepening_examples.mistake("trained on the whole reply: the model learns to begin harmfully")
def _(compliance, refusal, depth):
    replies, trained = deepening_examples.reference(compliance, refusal, depth)
    return replies, torch.ones_like(trained)


@deepening_examples.mistake("trained is upside down: it marks the compliance")
def _(compliance, refusal, depth):
    replies, trained = deepening_examples.reference(compliance, refusal, depth)
    return replies, ~trained


@deepening_examples.mistake("one token of compliance too many")
def _(compliance, refusal, depth):
    return deepening_examples.reference(
        compliance, refusal, (depth + 1).clamp(max=compliance.shape[1])
    )


@deepening_examples.mistake("one token of compliance too few")
def _(compliance, refusal, depth):
    return deepening_examples.reference(compliance, refusal, (depth - 1).clamp(min=0))


@deepening_examples.mistake("the refusal comes first, then the compliance")
def _(compliance, refusal, depth):
    replies, trained = deepening_examples.reference(refusal, compliance, depth)
    return replies, trained


@deepening_examples.mistake("all replies get the first one's depth")
def _(compliance, refusal, depth):
    return deepening_examples.reference(compliance, refusal, depth[:1].expand(len(depth)))


@deepening_examples.mistake("the first refused token is not trained: that is where it turns")
def _(compliance, refusal, depth):
    replies, _ = deepening_examples.reference(compliance, refusal, depth)
    return replies, _places(compliance) > depth[:, None]


@deepening_examples.mistake("written into the compliance that was given: clone it first")
def _(compliance, refusal, depth):
    replies = compliance
    for i, d in enumerate(depth.tolist()):
        replies[i, d:] = refusal[i, : compliance.shape[1] - d]
    return replies, _places(compliance) >= depth[:, None]


@deepening_examples.mistake("only the refusal's first token is trained")
def _(compliance, refusal, depth):
    replies, _ = deepening_examples.reference(compliance, refusal, depth)
    return replies, _places(compliance) == depth[:, None]


@deepening_examples.mistake("all replies get the deepest depth")
def _(compliance, refusal, depth):
    return deepening_examples.reference(compliance, refusal, depth.max().expand(len(depth)))


@deepening_examples.right("by a loop over replies")
def _(compliance, refusal, depth):
    replies, trained = compliance.clone(), torch.zeros(compliance.shape, dtype=torch.bool)
    for i, d in enumerate(depth.tolist()):
        replies[i, d:] = refusal[i, : compliance.shape[1] - d]
        trained[i, d:] = True
    return replies, trained


@deepening_examples.right("by one gather from the two, side by side")
def _(compliance, refusal, depth):
    n, length = compliance.shape
    place = torch.arange(length).expand(n, length)
    late = place >= depth.unsqueeze(1)
    source = torch.where(late, place - depth.unsqueeze(1) + length, place)
    return torch.cat([compliance, refusal], 1).gather(1, source), late


@deepening_examples.right("by lists")
def _(compliance, refusal, depth):
    rows, marks = [], []
    for c, r, d in zip(compliance.tolist(), refusal.tolist(), depth.tolist(), strict=True):
        rows.append((c[:d] + r)[: len(c)])
        marks.append([False] * d + [True] * (len(c) - d))
    return torch.tensor(rows), torch.tensor(marks)
