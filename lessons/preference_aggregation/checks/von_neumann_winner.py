"""How `von_neumann_winner` is judged: checks, mistakes, right answers in other styles."""

import numpy as np
import torch
from scipy.optimize import linprog

from lessons.preference_aggregation.checks.shared import ROUND, random_margins
from lessons.preference_aggregation.exercises import von_neumann_winner
from utils.grading import expect, require

F64 = torch.float64


def _is_lottery(got, n, **given):
    require(
        torch.is_tensor(got) and got.shape == (n,) and got.dtype == F64,
        f"a float64 tensor of shape ({n},)", got, **given,
    )  # fmt: skip
    require(
        bool((got >= 0).all()) and abs(got.sum().item() - 1) < 1e-6,
        "chances from 0 up whose sum is 1", got, **given,
    )  # fmt: skip
    return got


@von_neumann_winner.check
def an_answer_that_beats_all_others_gets_everything(fn):
    for best in range(3):
        margins = random_margins(best, 3).clone()
        margins[best], margins[:, best] = 0.3, -0.3
        margins[best, best] = 0
        wanted = torch.zeros(3, dtype=F64)
        wanted[best] = 1
        expect(_is_lottery(fn(margins), 3, margins=margins), wanted)


@von_neumann_winner.check
def three_that_go_round_get_the_margins_that_they_are_not_in(fn):
    expect(_is_lottery(fn(ROUND), 3, margins=ROUND), torch.tensor([0.5, 1 / 6, 1 / 3], dtype=F64))


@von_neumann_winner.check
def rock_paper_scissors_is_even(fn):
    game = torch.tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], dtype=F64)
    expect(_is_lottery(fn(game), 3, margins=game), torch.full((3,), 1 / 3, dtype=F64))


@von_neumann_winner.check
def who_loses_narrowly_to_all_is_not_in_it(fn):
    margins = torch.zeros(4, 4, dtype=F64)
    margins[1:, 1:] = ROUND
    margins[0, 1:], margins[1:, 0] = -0.05, 0.05
    expect(
        _is_lottery(fn(margins), 4, margins=margins),
        torch.tensor([0, 0.5, 1 / 6, 1 / 3], dtype=F64),
    )


@von_neumann_winner.check
def no_answer_beats_it(fn):
    for n in (1, 2, 4, 5, 8):
        for seed in range(3):
            margins = random_margins(20 * n + seed, n)
            chances = _is_lottery(fn(margins), n, margins=margins)
            worst = (chances @ margins).min().item()  # the program's value is 0: duality
            require(worst > -1e-6, "a worst margin of 0 or above", chances, margins=margins)


@von_neumann_winner.check
def ties_everywhere_are_allowed(fn):
    _is_lottery(fn(torch.zeros(3, 3, dtype=F64)), 3)


@von_neumann_winner.check
def its_input_stays_as_it_was(fn):
    margins = random_margins(5, 4)
    before = margins.clone()
    fn(margins)
    require(torch.equal(margins, before), before, margins)


def _program(margins, sign=1.0, free=True, normalize=True):
    n = len(margins)
    a = np.hstack([-sign * margins.numpy().T, np.ones((n, 1))])
    found = linprog(
        [0.0] * n + [-1.0], A_ub=a, b_ub=np.zeros(n), A_eq=[[1.0] * n + [0.0]], b_eq=[1.0],
        bounds=[(0, None)] * n + [(None, None) if free else (0, None)],
    )  # fmt: skip
    p = torch.as_tensor(found.x[:n], dtype=F64).clamp(min=0)
    return p / p.sum() if normalize else p


@von_neumann_winner.mistake("v is minimized: linprog minimizes c·x, so c must hold −1 for v")
def _(margins):
    n = len(margins)
    found = linprog(
        [0.0] * n + [1.0], A_ub=np.hstack([-margins.numpy().T, np.ones((n, 1))]),
        b_ub=np.zeros(n), A_eq=[[1.0] * n + [0.0]], b_eq=[1.0],
        bounds=[(0, None)] * n + [(None, None)],
    )  # fmt: skip
    return torch.as_tensor(found.x[:n], dtype=F64)  # unbounded: x is None


@von_neumann_winner.mistake("v is minimized: linprog minimizes c·x, so c must hold −1 for v")
def _(margins):
    n = len(margins)
    found = linprog(
        [0.0] * n + [1.0], A_ub=np.hstack([-margins.numpy().T, np.ones((n, 1))]),
        b_ub=np.zeros(n), A_eq=[[1.0] * n + [0.0]], b_eq=[1.0], bounds=[(0, None)] * n + [(-1, 1)],
    )  # fmt: skip
    return torch.as_tensor(found.x[:n], dtype=F64)


@von_neumann_winner.mistake("chances may be negative: linprog's bounds were taken off for all")
def _(margins):
    n = len(margins)
    found = linprog(
        [0.0] * n + [-1.0], A_ub=np.hstack([-margins.numpy().T, np.ones((n, 1))]),
        b_ub=np.zeros(n), A_eq=[[1.0] * n + [0.0]], b_eq=[1.0], bounds=(None, None),
    )  # fmt: skip
    return torch.as_tensor(found.x[:n], dtype=F64)


@von_neumann_winner.mistake("the last policy of self-play, which goes round the lottery")
def _(margins):
    p = torch.full((len(margins),), 1 / len(margins), dtype=F64)
    for _ in range(1000):
        p = (p.log() + 0.3 * (margins @ p)).softmax(0)
    return p


@von_neumann_winner.mistake("an even lottery over the answers that go round: margins weigh, too")
def _(margins):
    n = len(margins)
    reach = (margins > 0).double() + torch.eye(n, dtype=F64)
    for _ in range(n):
        reach = ((reach @ reach) > 0).double()
    p = (reach.sum(1) == n).double()
    return p / p.sum() if p.sum() else torch.full((n,), 1 / n, dtype=F64)


@von_neumann_winner.mistake("the matrix's null vector, made positive: weak answers are in it, too")
def _(margins):
    v = torch.linalg.svd(margins).Vh[-1].abs()
    return v / v.sum()


@von_neumann_winner.mistake("the sign is turned: the lottery that loses most")
def _(margins):
    return _program(margins, sign=-1.0)


@von_neumann_winner.mistake("an even lottery over all answers: weak ones are in it, too")
def _(margins):
    return torch.full((len(margins),), 1 / len(margins), dtype=F64)


@von_neumann_winner.mistake("an even lottery over the answers that lose to fewest")
def _(margins):
    lost = (margins < 0).sum(1)
    p = (lost == lost.min()).double()
    return p / p.sum()


@von_neumann_winner.mistake(
    "the answer with the best worst margin gets everything: it may be beaten"
)
def _(margins):
    p = torch.zeros(len(margins), dtype=F64)
    p[margins.min(1).values.argmax()] = 1.0
    return p


@von_neumann_winner.mistake("the answer with the highest Borda count gets everything")
def _(margins):
    p = torch.zeros(len(margins), dtype=F64)
    p[margins.mean(1).argmax()] = 1.0
    return p


@von_neumann_winner.mistake("proportional to Borda counts: weak answers keep a share")
def _(margins):
    p = (1 + margins.mean(1)) / 2
    return p / p.sum()


@von_neumann_winner.mistake(
    "the chances do not add up to 1: the worst margin comes last, cut it off"
)
def _(margins):
    return torch.cat([_program(margins), torch.zeros(1, dtype=F64)])


@von_neumann_winner.right("by linprog on the other player's program")
def _(margins):
    # The rival's best reply q: no answer has a margin above w against it. By symmetry q = p.
    n = len(margins)
    found = linprog(
        [0.0] * n + [1.0], A_ub=np.hstack([margins.numpy(), -np.ones((n, 1))]), b_ub=np.zeros(n),
        A_eq=[[1.0] * n + [0.0]], b_eq=[1.0], bounds=[(0, None)] * n + [(None, None)],
    )  # fmt: skip
    q = torch.as_tensor(found.x[:n], dtype=F64).clamp(min=0)
    return q / q.sum()


@von_neumann_winner.right("with linprog's default bounds: v ≥ 0 cuts nothing off, the value is 0")
def _(margins):
    return _program(margins, free=False)


@von_neumann_winner.right("as a feasibility problem: the value is known to be 0")
def _(margins):
    n = len(margins)
    found = linprog(
        np.zeros(n), A_ub=-margins.numpy().T, b_ub=np.full(n, 1e-9), A_eq=np.ones((1, n)),
        b_eq=[1.0],
    )  # fmt: skip
    p = torch.as_tensor(found.x, dtype=F64).clamp(min=0)
    return p / p.sum()


@von_neumann_winner.right("by trying every set of answers")
def _(margins):
    n = len(margins)
    for bits in range(1, 2**n):
        inside = [i for i in range(n) if bits >> i & 1]
        k = len(inside)
        a = torch.cat([margins[inside][:, inside].T, torch.ones(1, k, dtype=F64)])
        b = torch.cat([torch.zeros(k, dtype=F64), torch.ones(1, dtype=F64)])
        part = torch.linalg.lstsq(a, b[:, None], driver="gelsd").solution[:, 0]
        p = torch.zeros(n, dtype=F64)
        p[inside] = part
        if (p > -1e-9).all() and abs(p.sum() - 1) < 1e-7 and (p @ margins).min() > -1e-7:
            return p.clamp(min=0) / p.clamp(min=0).sum()
    return None
