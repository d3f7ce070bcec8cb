"""How `is_unhackable` is judged: checks, mistakes, right answers in other styles."""

import itertools

import torch

from lessons.specification_gaming.checks.shared import returns
from lessons.specification_gaming.exercises import is_unhackable
from utils.grading import expect


def draw(seed: int, *shape: int) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=g, dtype=torch.float64)


def judged(fn, r, r_proxy, visits, truth: bool) -> None:
    """Compare an answer with the truth; a tensor or NumPy number of one truth value will do."""
    got = fn(r, r_proxy, visits)
    got = bool(got) if torch.is_tensor(got) and got.numel() == 1 else got
    expect(got, truth, r=r, r_proxy=r_proxy, visits=visits)


def worlds(*pairs: tuple[float, float]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rewards and visits such that the policies have these true and proxy returns."""
    visits = torch.tensor(pairs, dtype=torch.float64)[:, None, :]  # one state, two actions
    r, r_proxy = torch.tensor([[1.0, 0.0]]).double(), torch.tensor([[0.0, 1.0]]).double()
    return r, r_proxy, visits


@is_unhackable.check
def two_policies_in_the_same_order(fn):
    judged(fn, *worlds((1.0, 5.0), (2.0, 6.0)), True)
    judged(fn, *worlds((2.0, 6.0), (1.0, 5.0)), True)


@is_unhackable.check
def two_policies_in_opposite_orders(fn):
    judged(fn, *worlds((2.0, 5.0), (1.0, 6.0)), False)
    judged(fn, *worlds((1.0, 6.0), (2.0, 5.0)), False)


@is_unhackable.check
def a_tie_of_true_returns_breaks_nothing(fn):
    judged(fn, *worlds((1.0, 5.0), (1.0, 6.0)), True)


@is_unhackable.check
def a_tie_of_the_proxy_breaks_nothing(fn):
    judged(fn, *worlds((1.0, 5.0), (2.0, 5.0)), True)
    judged(fn, *worlds((3.0, 5.0), (1.0, 5.0), (2.0, 5.0)), True)


@is_unhackable.check
def rounding_is_a_tie(fn):
    judged(fn, *worlds((1.0, 5.0), (2.0, 5.0 - 1e-13)), True)
    judged(fn, *worlds((1.0, 6.0), (1.0 + 1e-13, 5.0)), True)


@is_unhackable.check
def small_differences_count(fn):
    judged(fn, *worlds((1.0, 5.0), (1.0 + 1e-5, 5.0 - 1e-5)), False)


@is_unhackable.check
def the_best_policies_agree_and_others_do_not(fn):
    judged(fn, *worlds((9.0, 9.0), (1.0, 2.0), (2.0, 1.0)), False)
    judged(fn, *worlds((1.0, 2.0), (2.0, 1.0), (5.0, 5.0), (9.0, 9.0)), False)


@is_unhackable.check
def the_pair_need_not_be_neighbors(fn):
    judged(fn, *worlds((1.0, 3.0), (1.0, 2.0), (2.0, 2.0)), False)
    judged(fn, *worlds((2.0, 1.0), (2.0, 2.0), (1.0, 2.0)), False)


@is_unhackable.check
def one_policy_alone(fn):
    judged(fn, *worlds((1.0, 5.0)), True)


@is_unhackable.check
def all_pairs_by_a_loop(fn):
    for seed in range(12):
        n = 2 + seed % 4
        r, noise, visits = draw(seed, 2, 3), draw(seed + 50, 2, 3), draw(seed + 99, n, 2, 3)
        proxy = r + (0.3 * noise if seed % 2 else 0)
        true, seen = returns(r, visits), returns(proxy, visits)
        opposite = any(
            true[i] > true[j] + 1e-9 and seen[i] < seen[j] - 1e-9
            for i, j in itertools.permutations(range(n), 2)
        )
        judged(fn, r, proxy, visits, not opposite)
        judged(fn, r, -r, visits, False)


def by_returns(judge):
    """A wrong answer from the two lists of returns."""

    def answer(r, r_proxy, visits):
        return bool(judge((visits * r).sum((1, 2)), (visits * r_proxy).sum((1, 2))))

    return answer


def gaps(x: torch.Tensor) -> torch.Tensor:
    return x[:, None] - x


MISTAKES = {
    "only the best policies are compared: they may agree and others not": lambda t, p: (
        t.argmax() == p.argmax()
    ),
    "a positive correlation is not enough: one pair breaks it": lambda t, p: (
        len(t) < 2 or ((t - t.mean()) * (p - p.mean())).sum() >= 0
    ),
    "only neighbors in the list are compared": lambda t, p: (
        ~((t.diff() > 1e-9) & (p.diff() < -1e-9) | (t.diff() < -1e-9) & (p.diff() > 1e-9))
    ).all(),
    "the two orders must be the same, ties and all: a tie breaks nothing": lambda t, p: (
        gaps(t).sign() == gaps(p).sign()
    ).all(),
    "a tie in one counts as opposite": lambda t, p: (~((gaps(t) > 1e-9) & (gaps(p) <= 1e-9))).all(),
    "rounding counts as a difference": lambda t, p: ~((gaps(t) > 0) & (gaps(p) < 0)).any(),
    "the tolerance belongs to each difference, not to their product": lambda t, p: (
        ~((gaps(t) * gaps(p)) < -1e-9).any()
    ),
    "says whether it is hackable: the other way round": lambda t, p: (
        (gaps(t) > 1e-9) & (gaps(p) < -1e-9)
    ).any(),
    "counts the pairs in the same order as opposite": lambda t, p: (
        ~((gaps(t) > 1e-9) & (gaps(p) > 1e-9)).any()
    ),
    "every pair must be opposite before it says no": lambda t, p: (
        len(t) < 2 or ((gaps(t) * gaps(p)) >= -1e-9).fill_diagonal_(False).any()
    ),
    "only the first policy is compared with the others": lambda t, p: (
        ~((gaps(t)[0] * gaps(p)[0]) < -1e-9)
    ).all(),
    "only the best and the worst policy are compared": lambda t, p: (
        gaps(p)[t.argmax(), t.argmin()] >= -1e-9
    ),
    "it says True whatever the returns are: is the proxy compared with itself?": lambda t, p: (
        ~((gaps(p) > 1e-9) & (gaps(p) < -1e-9)).any()
    ),
    "it says False whatever the returns are": lambda t, p: False,
    "only pairs with i < j, one way: a pair can break it from either side": lambda t, p: (
        ~((gaps(t) > 1e-9) & (gaps(p) < -1e-9)).triu(1).any()
    ),
}
for said, wrong in MISTAKES.items():
    is_unhackable.mistake(said)(by_returns(wrong))


@is_unhackable.mistake("rewards are compared state by state: it is about returns of policies")
def _(r, r_proxy, visits):
    t, p = r.flatten(), r_proxy.flatten()
    return not bool(((gaps(t) > 1e-9) & (gaps(p) < -1e-9)).any())


@is_unhackable.mistake("summed over states only, each action by itself")
def _(r, r_proxy, visits):
    t, p = (visits * r).sum(1).T, (visits * r_proxy).sum(1).T
    return not any(
        bool(((gaps(a) > 1e-9) & (gaps(b) < -1e-9)).any()) for a, b in zip(t, p, strict=True)
    )


@is_unhackable.right("by a loop over pairs")
def _(r, r_proxy, visits):
    true, proxy = returns(r, visits), returns(r_proxy, visits)
    for i, j in itertools.combinations(range(len(true)), 2):
        a, b = true[i] - true[j], proxy[i] - proxy[j]
        if (a > 1e-9 and b < -1e-9) or (a < -1e-9 and b > 1e-9):
            return False
    return True


@is_unhackable.right("with NumPy")
def _(r, r_proxy, visits):
    v = visits.numpy().reshape(len(visits), -1)
    true, proxy = v @ r.numpy().ravel(), v @ r_proxy.numpy().ravel()
    worse = true[None, :] - true[:, None] > 1e-9
    return not (worse & (proxy[None, :] - proxy[:, None] < -1e-9)).any()
