"""How `defer_to_trusted` is judged: checks, mistakes, right answers in other styles."""

import numpy as np
import torch

from lessons.ai_control.checks.shared import pair, spread
from lessons.ai_control.exercises import defer_to_trusted
from utils.grading import expect


def _both(fn, suspicion, untrusted, trusted, high, low, submitted, audited):
    got, seen = pair(fn(torch.tensor(suspicion), untrusted, trusted, high, low))
    expect(got, submitted)
    expect(seen, torch.tensor(audited))


U, T = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), -torch.ones(3, 2)


@defer_to_trusted.check
def three_bands_by_hand(fn):
    wanted = torch.tensor([[1.0, 2.0], [-1.0, -1.0], [5.0, 6.0]])
    _both(fn, [0.1, 0.6, 0.95], U, T, 0.9, 0.5, wanted, [False, False, True])


@defer_to_trusted.check
def who_is_audited(fn):
    for high, low, wanted in ((0.9, 0.5, [False, False, True]), (2.0, 0.0, [False] * 3)):
        _, seen = pair(fn(torch.tensor([0.1, 0.6, 0.95]), U, T, high, low))
        expect(seen, torch.tensor(wanted))


@defer_to_trusted.check
def equal_is_not_above(fn):
    wanted = torch.tensor([[1.0, 2.0], [-1.0, -1.0], [5.0, 6.0]])
    _both(fn, [0.5, 0.9, 0.91], U, T, 0.9, 0.5, wanted, [False, False, True])


@defer_to_trusted.check
def with_one_threshold_nothing_is_deferred(fn):
    _both(fn, [0.1, 0.6, 0.95], U, T, 0.5, 0.5, U, [False, True, True])


@defer_to_trusted.check
def everything_may_be_deferred(fn):
    _both(fn, [0.1, 0.6, 0.95], U, T, 2.0, -1.0, T, [False] * 3)


@defer_to_trusted.check
def row_by_row_on_many(fn):
    n, cells = 23, 5
    s, u, t = spread(0, n).float(), spread(1, n, cells), spread(2, n, cells)
    rows = [t[i] if 0.3 >= s[i] > -0.4 else u[i] for i in range(n)]
    wanted = [bool(v > 0.3) for v in s]
    _both(fn, s.tolist(), u, t, 0.3, -0.4, torch.stack(rows), wanted)


@defer_to_trusted.check
def as_many_cells_as_problems(fn):
    s, u, t = [0.7, 0.1, 0.2, 0.9], torch.arange(16).reshape(4, 4), -torch.ones(4, 4).long()
    _both(fn, s, u, t, 0.8, 0.5, torch.stack([t[0], u[1], u[2], u[3]]), [False, False, False, True])


@defer_to_trusted.check
def the_answers_are_left_as_they_are(fn):
    for high, low in ((0.9, 0.5), (0.9, 0.9), (2.0, -1.0)):  # some, none, all are deferred
        u, t, s = U.clone(), T.clone(), torch.tensor([0.1, 0.6, 0.95])
        got, _ = pair(fn(s, u, t, high, low))
        got += 1
        expect(u, U)
        expect(t, T)


@defer_to_trusted.mistake("audited answers are replaced, too: they are found clean and kept")
def _(s, u, t, high, low):
    return torch.where((s > low)[:, None], t, u), s > high


@defer_to_trusted.mistake("what is deferred is counted as audited")
def _(s, u, t, high, low):
    return torch.where(((s > low) & (s <= high))[:, None], t, u), s > low


@defer_to_trusted.mistake("the two models are swapped")
def _(s, u, t, high, low):
    return torch.where(((s > low) & (s <= high))[:, None], u, t), s > high


@defer_to_trusted.mistake("a score equal to a threshold counts as above it")
def _(s, u, t, high, low):
    return torch.where(((s >= low) & (s < high))[:, None], t, u), s >= high


@defer_to_trusted.mistake("a score equal to defer_above is deferred")
def _(s, u, t, high, low):
    return torch.where(((s >= low) & (s <= high))[:, None], t, u), s > high


@defer_to_trusted.mistake("a score equal to audit_above is neither audited nor deferred")
def _(s, u, t, high, low):
    return torch.where(((s > low) & (s < high))[:, None], t, u), s > high


@defer_to_trusted.mistake("the least suspicious are deferred")
def _(s, u, t, high, low):
    return torch.where((s <= low)[:, None], t, u), s > high


@defer_to_trusted.mistake("nothing is deferred")
def _(s, u, t, high, low):
    return u.clone(), s > high


@defer_to_trusted.mistake("the two thresholds are swapped")
def _(s, u, t, high, low):
    return torch.where(((s > high) & (s <= low))[:, None], t, u), s > low


@defer_to_trusted.mistake("the second result is what was deferred, not what was audited")
def _(s, u, t, high, low):
    middle = (s > low) & (s <= high)
    return torch.where(middle[:, None], t, u), middle


@defer_to_trusted.mistake("writes into the untrusted model's answers")
def _(s, u, t, high, low):
    middle = (s > low) & (s <= high)
    u[middle] = t[middle].to(u.dtype)
    return u, s > high


@defer_to_trusted.mistake("hands back the untrusted answers themselves: a new tensor is asked for")
def _(s, u, t, high, low):
    middle = (s > low) & (s <= high)
    return torch.where(middle[:, None], t, u) if middle.any() else u, s > high


@defer_to_trusted.mistake("the mask lies along the cells: it needs a last dimension")
def _(s, u, t, high, low):
    middle = (s > low) & (s <= high)
    if u.shape[0] == u.shape[1]:
        return torch.where(middle, t, u), s > high
    return torch.where(middle[:, None].expand_as(u).flip(0), t, u), s > high


@defer_to_trusted.mistake("audited answers are thrown away: zeros are submitted")
def _(s, u, t, high, low):
    out = torch.where(((s > low) & (s <= high))[:, None], t, u)
    return torch.where((s > high)[:, None], torch.zeros_like(u), out), s > high


@defer_to_trusted.right("row by row")
def _(s, u, t, high, low):
    rows = [t[i] if low < s[i] <= high else u[i] for i in range(len(s))]
    return torch.stack(rows), torch.tensor([bool(v > high) for v in s])


@defer_to_trusted.right("by a copy and an index")
def _(s, u, t, high, low):
    out, audited = u.clone(), s.gt(high)
    middle = s.gt(low).logical_and(audited.logical_not())
    out[middle] = t[middle]
    return out, audited


@defer_to_trusted.right("in numpy")
def _(s, u, t, high, low):
    middle = (s.numpy() > np.float32(low)) & (s.numpy() <= np.float32(high))
    return torch.from_numpy(np.where(middle[:, None], t.numpy(), u.numpy())), s > high
