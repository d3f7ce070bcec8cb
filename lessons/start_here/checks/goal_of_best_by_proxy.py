"""How `goal_of_best_by_proxy` is judged: checks, mistakes, right answers."""

import torch

from lessons.start_here.exercises import goal_of_best_by_proxy
from utils.grading import expect, require


@goal_of_best_by_proxy.check
def one_trial_two_candidates(fn):
    for proxy in ([2.0, 3.0], [-7001.0, -7000.0], [0.0, 1e-6], [4999.0, 5000.0]):
        goal, proxy = torch.tensor([[5.0, 1.0]]), torch.tensor([proxy])
        expect(fn(goal, proxy, 2), torch.tensor(1.0))


@goal_of_best_by_proxy.check
def only_the_first_n_count(fn):
    goal, proxy = torch.tensor([[1.0, 5.0, 9.0]]), torch.tensor([[1.0, 2.0, 3.0]])
    for n, best in ((1, 1.0), (2, 5.0), (3, 9.0)):
        for unit in (1.0, 1e-30, 1e12):  # "in any unit": no number is too large for a proxy
            expect(fn(goal, unit * proxy, n), torch.tensor(best))
            expect(fn(goal, unit * (proxy - 4), n), torch.tensor(best))


@goal_of_best_by_proxy.check
def it_is_the_mean_over_trials_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for trials, n in ((1, 3), (3, 1), (7, 4), (7, 6), (11, 5)):
        goal, proxy = torch.randn(trials, 6, generator=g), torch.randn(trials, 6, generator=g)
        chosen = []
        for trial in range(trials):
            scores = proxy[trial].tolist()[:n]
            chosen.append(goal[trial].tolist()[scores.index(max(scores))])
        expect(fn(goal, proxy, n), torch.tensor(sum(chosen) / trials))


@goal_of_best_by_proxy.check
def the_goal_plays_no_part_in_the_choice(fn):
    g = torch.Generator().manual_seed(1)
    goal, proxy = torch.randn(5, 4, generator=g), torch.randn(5, 4, generator=g)
    total = fn(goal, proxy, 4) + fn(-goal, proxy, 4)
    require(torch.is_tensor(total), "a scalar tensor", total)
    expect(total, torch.tensor(0.0), goal=goal, proxy=proxy)


@goal_of_best_by_proxy.mistake("chosen by the goal: selection cannot see it")
def _(goal, proxy, n):
    return goal[:, :n].max(1).values.mean()


@goal_of_best_by_proxy.mistake("the proxy of the chosen is returned, not the goal")
def _(goal, proxy, n):
    return proxy[:, :n].max(1).values.mean()


@goal_of_best_by_proxy.mistake("the worst by the proxy is chosen")
def _(goal, proxy, n):
    return goal[torch.arange(len(goal)), proxy[:, :n].argmin(1)].mean()


@goal_of_best_by_proxy.mistake("n is ignored: all candidates compete")
def _(goal, proxy, n):
    return goal[torch.arange(len(goal)), proxy.argmax(1)].mean()


@goal_of_best_by_proxy.mistake("summed over trials instead of averaged")
def _(goal, proxy, n):
    return goal[torch.arange(len(goal)), proxy[:, :n].argmax(1)].sum()


@goal_of_best_by_proxy.mistake("goal[:, best] takes every trial's place in all trials, not its own")
def _(goal, proxy, n):
    return goal[:, proxy[:, :n].argmax(1)].mean()


@goal_of_best_by_proxy.mistake("argmax without a dimension: one place in the whole table")
def _(goal, proxy, n):
    return goal[:, :n].flatten()[proxy[:, :n].argmax()]


@goal_of_best_by_proxy.mistake("the first n trials compete, not the first n candidates")
def _(goal, proxy, n):
    return goal[torch.arange(len(goal[:n])), proxy[:n].argmax(1)].mean()


@goal_of_best_by_proxy.right("by gather, along the candidates")
def _(goal, proxy, n):
    chosen = proxy[:, :n].max(dim=1, keepdim=True).indices
    return goal.gather(1, chosen).squeeze(1).mean()


@goal_of_best_by_proxy.right("by a loop over the trials")
def _(goal, proxy, n):
    paid = 0.0
    for values, scores in zip(goal, proxy, strict=True):
        paid = paid + values[torch.argmax(scores[:n])]
    return paid / len(goal)
