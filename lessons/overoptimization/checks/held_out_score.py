"""How `held_out_score` is judged: checks, mistakes, right answers."""

import torch

from lessons.overoptimization.drills import held_out_score
from utils.grading import expect, require


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


@held_out_score.right("by all members at once, the judge's own rewards set to infinity")
def _(rewards, n):
    k = len(rewards)
    groups = _groups(rewards, n)
    own = torch.eye(k, dtype=torch.bool)[:, :, None, None]
    winner = torch.where(own, torch.inf, groups).amin(1).argmax(-1)
    return groups.gather(-1, winner[..., None]).mean()


@held_out_score.right("by a loop over members, groups by unfolding")
def _(rewards, n):
    total = torch.zeros(())
    for k in range(len(rewards)):
        others = rewards[torch.arange(len(rewards)) != k]
        chosen = others.min(0).values.unfold(0, n, n).max(1).indices
        total += rewards[k].unfold(0, n, n)[torch.arange(len(chosen)), chosen].mean()
    return total / len(rewards)
