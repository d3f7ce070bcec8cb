"""What the whiteboard prompts of the overoptimization lesson grade."""

import functools
import itertools
import math

import torch
from torch import Tensor

from utils.exercises import exercise, expect, require


@exercise(
    difficulty=2,
    minutes=10,
    teaches="how far best-of-n goes when the proxy has ties",
    hints=[
        "Best of n fails only where all n fail.",
        "Among answers with the same verdict best-of-n has no favorite, so only the chances of "
        "the two verdicts count.",
        "KL has one term for passing and one for failing.",
    ],
)
def pass_fail_kl(q: float, n: int) -> float:
    """KL(best-of-n ‖ start) for a proxy that gives every answer one of two rewards: pass or fail.

    An answer passes with probability q at the start. Of n answers drawn independently the first
    that passes is kept; if none does, the first of all.
    q: above 0 and below 1. n: a whole number from 1. Returns nats.
    """
    fail = (1 - q) ** n
    return (1 - fail) * math.log((1 - fail) / q) + fail * (n - 1) * math.log(1 - q)


@functools.cache
def _kl_over_answers(chances, passes, n):
    """Every draw of n answers, the one that is kept from each, and the KL of what is kept."""
    kept = [0.0] * len(chances)
    for draw in itertools.product(range(len(chances)), repeat=n):
        winner = next((i for i in draw if passes[i]), draw[0])
        kept[winner] += math.prod(chances[i] for i in draw)
    return sum(k * math.log(k / c) for k, c in zip(kept, chances, strict=True) if k)


@pass_fail_kl.check
def best_of_one_goes_nowhere(fn):
    for q in (0.5, 0.1, 0.99):
        expect(fn(q, 1), 0.0)


@pass_fail_kl.check
def every_sequence_of_tosses(fn):
    for q in (0.5, 0.2, 0.9):
        for n in (2, 3, 6, 10):
            expect(fn(q, n), _kl_over_answers((q, 1 - q), (True, False), n), tol=1e-5)


@pass_fail_kl.check
def every_draw_from_six_answers(fn):
    chances = (0.05, 0.25, 0.1, 0.3, 0.2, 0.1)
    for n_passing in (1, 2, 4):
        passes = tuple(i < n_passing for i in range(6))
        for n in (2, 4):
            want = _kl_over_answers(chances, passes, n)
            expect(fn(sum(chances[:n_passing]), n), want, tol=1e-5)


@pass_fail_kl.check
def when_all_pass_only_the_passing_answers_are_left(fn):
    # Of 10 equal answers 3 pass: in the end each of those has 1/3 where it had 1/10.
    expect(fn(0.3, 60), sum(1 / 3 * math.log((1 / 3) / (1 / 10)) for _ in range(3)), tol=1e-5)
    expect(fn(0.5, 100), sum(1 / 5 * math.log((1 / 5) / (1 / 10)) for _ in range(5)), tol=1e-5)


@pass_fail_kl.check
def ties_bring_it_no_further_than_no_ties_would(fn):
    u = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    for n in (2, 5, 20):
        p = n * u ** (n - 1)  # the quantile of the best of n, when no two are alike
        limit = torch.xlogy(p, p).mean().item()
        for q in (0.02, 0.3, 0.7):
            got = float(fn(q, n))
            require(0 < got < limit + 1e-5, f"above 0, at most {limit:.4f}", got, q=q, n=n)


@pass_fail_kl.mistake("log n − (n − 1)/n: true only if no two answers have the same reward")
def _(q, n):
    return math.log(n) - (n - 1) / n


@pass_fail_kl.mistake("the failing answers are forgotten: KL has a term for them, too")
def _(q, n):
    p = 1 - (1 - q) ** n
    return p * math.log(p / q)


@pass_fail_kl.mistake("the other direction, KL(start ‖ best-of-n)")
def _(q, n):
    p = 1 - (1 - q) ** n
    return q * math.log(q / p) - (1 - q) * (n - 1) * math.log(1 - q)


@pass_fail_kl.mistake("best of n passes only where all n pass: the worst of n")
def _(q, n):
    p = q**n
    return p * (n - 1) * math.log(q) + (1 - p) * math.log((1 - p) / (1 - q))


@pass_fail_kl.mistake("the limit for large n, −log q, at every n")
def _(q, n):
    return -math.log(q)


@pass_fail_kl.mistake("measured in bits, where nats were asked for")
def _(q, n):
    return pass_fail_kl(q, n) / math.log(2)


@pass_fail_kl.mistake("the failing term has n log(1 − q): its denominator 1 − q is missing")
def _(q, n):
    fail = (1 - q) ** n
    return (1 - fail) * math.log((1 - fail) / q) + fail * n * math.log(1 - q)


@pass_fail_kl.mistake("an entropy: the start is missing under the logarithm")
def _(q, n):
    fail = (1 - q) ** n
    return -(1 - fail) * math.log(1 - fail) - fail * n * math.log(1 - q)


@exercise(
    difficulty=2,
    minutes=10,
    teaches="a judge who helped to choose cannot say how good the choice was",
    hints=[
        "Try it on rewards that are pure noise. What should the score be, whatever n?",
        "Hold one member out at a time: who may choose then, and who judges?",
    ],
)
def held_out_score(rewards: Tensor, n: int) -> Tensor:
    """The score of best-of-n under an ensemble, by judges that had no part in the choice.

    Each member is held out once. The others choose, of every n consecutive answers, the one whose
    lowest reward among them is highest; the member held out scores what was chosen. Answers that
    do not fill a last group of n are left out.
    rewards: (n_models, answers), two models or more, no ties. Returns a scalar tensor: the mean
    over groups and over members held out.
    """
    n_groups = rewards.shape[1] // n
    groups = rewards[:, : n_groups * n].reshape(len(rewards), n_groups, n)
    scores = []
    for k, judge in enumerate(groups):
        others = torch.cat([groups[:k], groups[k + 1 :]])
        winner = others.amin(0).argmax(1, keepdim=True)
        scores.append(judge.gather(1, winner).mean())
    return torch.stack(scores).mean()


def _held_out_by_hand(rewards, n):
    rows, scores = rewards.tolist(), []
    for k in range(len(rows)):
        for start in range(0, len(rows[0]) - n + 1, n):
            lowest = {
                i: min(row[i] for j, row in enumerate(rows) if j != k)
                for i in range(start, start + n)
            }
            scores.append(rows[k][max(lowest, key=lowest.get)])
    return sum(scores) / len(scores)


@held_out_score.check
def two_members_two_answers(fn):
    # The first prefers the first answer, the second the second: each is judged by the other.
    expect(fn(torch.tensor([[3.0, 1.0], [0.0, 2.0]]), 2), torch.tensor(0.5))
    expect(fn(torch.tensor([[3.0, 1.0], [5.0, 2.0]]), 2), torch.tensor(4.0))


@held_out_score.check
def best_of_one_is_the_mean_of_all(fn):
    rewards = torch.tensor([[1.0, 2.0, -4.0], [0.5, 0.0, 3.0]])
    expect(fn(rewards, 1), torch.tensor(2.5 / 6))


@held_out_score.check
def it_is_what_the_loops_say(fn):
    g = torch.Generator().manual_seed(0)
    for n_models, n_answers in ((2, 6), (3, 7), (5, 24), (4, 11)):
        rewards = torch.randn(n_models, n_answers, generator=g)
        for n in (2, 3, 5):
            want = _held_out_by_hand(rewards, n)
            expect(fn(rewards, n), torch.tensor(want))


@held_out_score.check
def choosing_by_noise_gains_nothing(fn):
    rewards = torch.randn(5, 32_000, generator=torch.Generator().manual_seed(1))
    for n in (2, 16):
        got = fn(rewards, n)
        few = torch.is_tensor(got) and got.shape == () and abs(got.item()) < 0.05
        require(few, "near 0: noise cannot choose well", got, rewards=rewards, n=n)


@held_out_score.check
def members_that_agree_choose_what_all_of_them_like_best(fn):
    one = torch.tensor([0.3, 0.9, -1.0, 0.1, 0.2, 7.0])
    for n, want in ((2, (0.9 + 0.1 + 7.0) / 3), (3, (0.9 + 7.0) / 2), (4, 0.9)):
        expect(fn(one.expand(4, 6).clone(), n), torch.tensor(want))


def _choose(groups, how):
    return how(groups).argmax(1, keepdim=True)


def _groups(rewards, n):
    k = rewards.shape[1] // n
    return rewards[:, : k * n].reshape(len(rewards), k, n)


@held_out_score.mistake("the judge is one of those who choose: it scores its own taste")
def _(rewards, n):
    n_groups = rewards.shape[1] // n
    groups = rewards[:, : n_groups * n].reshape(len(rewards), n_groups, n)
    winner = groups.amin(0).argmax(1, keepdim=True)
    scores = [judge.gather(1, winner).mean() for judge in groups]
    return torch.stack(scores).mean()


@held_out_score.mistake("the worst case scores what the worst case chose")
def _(rewards, n):
    return _groups(rewards, n).amin(0).amax(1).mean()


@held_out_score.mistake("the roles are swapped: one member chooses, the others judge")
def _(rewards, n):
    groups = _groups(rewards, n)
    scores = []
    for k, judge in enumerate(groups):
        others = torch.cat([groups[:k], groups[k + 1 :]])
        winner = judge.argmax(1, keepdim=True)
        scores.append(others.gather(2, winner.expand(len(others), -1, 1)).mean())
    return torch.stack(scores).mean()


@held_out_score.mistake("the others choose by their mean, where the worst case was asked for")
def _(rewards, n):
    groups = _groups(rewards, n)
    scores = []
    for k, judge in enumerate(groups):
        others = torch.cat([groups[:k], groups[k + 1 :]])
        scores.append(judge.gather(1, _choose(others, lambda o: o.mean(0))).mean())
    return torch.stack(scores).mean()


@held_out_score.mistake("the best case: max for min takes what a single member overrates")
def _(rewards, n):
    groups = _groups(rewards, n)
    scores = []
    for k, judge in enumerate(groups):
        others = torch.cat([groups[:k], groups[k + 1 :]])
        scores.append(judge.gather(1, _choose(others, lambda o: o.amax(0))).mean())
    return torch.stack(scores).mean()


@held_out_score.mistake("only the first member is held out, where each should be in turn")
def _(rewards, n):
    groups = _groups(rewards, n)
    return groups[0].gather(1, _choose(groups[1:], lambda o: o.amin(0))).mean()
