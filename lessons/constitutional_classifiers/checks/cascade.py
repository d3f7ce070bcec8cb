"""How `cascade` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.constitutional_classifiers.exercises import cascade
from utils.grading import expect, require


class Judge:
    """An expensive classifier that remembers about which exchanges it was asked."""

    def __init__(self, scores):
        self.scores, self.asked, self.calls = torch.as_tensor(scores), [], 0

    def __call__(self, index):
        index = torch.as_tensor(index)
        require(index.dtype != torch.bool, "indices, integers", index)
        self.calls += 1
        self.asked += index.reshape(-1).tolist()
        return self.scores[index]


def run(fn, cheap, expensive, share, costs=(1.0, 10.0)):
    judge = Judge(expensive)
    cheap = torch.as_tensor(cheap)
    before = cheap.clone()
    got = fn(cheap, judge, share, costs)
    require(isinstance(got, tuple | list) and len(got) == 2, "scores and a cost", got)
    require(torch.equal(cheap, before), "the cheap scores left as they were", cheap)
    scores = torch.as_tensor(got[0])
    require(scores.shape == cheap.shape, f"scores of shape ({len(cheap)},)", scores)
    return scores, float(got[1]), judge


@cascade.check
def the_highest_two_of_four_are_judged_again(fn):
    inf = float("inf")
    scores, cost, judge = run(fn, [0.1, 0.9, 0.5, 0.2], [7.0, -3.0, 4.0, 9.0], 0.5)
    expect(scores, torch.tensor([-inf, -3.0, 4.0, -inf]))
    expect(cost, 6.0)
    require(sorted(judge.asked) == [1, 2], "exchanges 1 and 2 alone are judged", judge.asked)


@cascade.check
def negative_scores_and_other_costs(fn):
    scores, cost, judge = run(fn, [-5.0, -1.0, -9.0, -2.0, -3.0], [1.0] * 5, 0.4, (0.5, 2.0))
    require(sorted(judge.asked) == [1, 3], "exchanges 1 and 3 alone are judged", judge.asked)
    expect(cost, 0.5 + 0.4 * 2.0)
    require(torch.isfinite(scores).tolist() == [False, True, False, True, False], "two", scores)


@cascade.check
def all_or_at_least_one(fn):
    _, cost, judge = run(fn, [1.0, 2.0, 3.0], [4.0, 5.0, 6.0], 1.0)
    require(len(set(judge.asked)) == 3, "all three judged", judge.asked)
    expect(cost, 11.0)
    _, cost, judge = run(fn, [1.0, 3.0, 2.0], [4.0, 5.0, 6.0], 0.01)
    require(judge.asked == [1], "exchange 1 alone judged", judge.asked)
    expect(cost, 1 + 10 / 3)


@cascade.check
def by_sorting_on_random_scores(fn):
    g = torch.Generator().manual_seed(0)
    for n, share in ((50, 0.1), (33, 0.25), (7, 0.5)):
        cheap = torch.randn(n, generator=g)
        expensive = torch.randn(n, generator=g)
        scores, cost, judge = run(fn, cheap, expensive, share, (0.01, 1.0))
        m = max(1, round(share * n))
        top = sorted(range(n), key=lambda i: -cheap[i].item())[:m]
        want = torch.full((n,), -torch.inf)
        want[top] = expensive[top]
        expect(scores, want)
        expect(cost, 0.01 + m / n)
        require(len(judge.asked) == m, f"{m} judged, each once", judge.asked)


@cascade.check
def scores_of_double_precision(fn):
    cheap = torch.tensor([0.3, 0.1, 0.2], dtype=torch.float64)
    scores, _, _ = run(fn, cheap, torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64), 0.67)
    expect(scores, torch.tensor([1.0, -torch.inf, 3.0], dtype=torch.float64))


def _top(cheap, share):
    return cheap.topk(max(1, round(share * len(cheap)))).indices


@cascade.mistake("all are judged by the expensive one: nothing is saved")
def _(cheap, expensive, share, costs):
    scores, cost = cascade(cheap, lambda i: expensive(torch.arange(len(cheap)))[i], share, costs)
    return scores, cost


@cascade.mistake("the lowest cheap scores are escalated")
def _(cheap, expensive, share, costs):
    top = _top(-cheap, share)
    scores = torch.full_like(cheap, -torch.inf)
    scores[top] = expensive(top)
    return scores, costs[0] + len(top) / len(cheap) * costs[1]


@cascade.mistake("the cheap stage is not counted: every exchange pays for it")
def _(cheap, expensive, share, costs):
    scores, cost = cascade(cheap, expensive, share, costs)
    return scores, cost - costs[0]


@cascade.mistake("those not escalated do not pay for the cheap stage, the others not twice")
def _(cheap, expensive, share, costs):
    scores, _ = cascade(cheap, expensive, share, costs)
    m = len(_top(cheap, share)) / len(cheap)
    return scores, (1 - m) * costs[0] + m * costs[1]


@cascade.mistake("the total cost, not the mean of an exchange")
def _(cheap, expensive, share, costs):
    scores, cost = cascade(cheap, expensive, share, costs)
    return scores, cost * len(cheap)


@cascade.mistake("those not escalated keep their cheap score: two scales are mixed")
def _(cheap, expensive, share, costs):
    top, scores = _top(cheap, share), cheap.clone()
    scores[top] = expensive(top)
    return scores, costs[0] + len(top) / len(cheap) * costs[1]


@cascade.mistake("those not escalated get 0, which is over many a threshold")
def _(cheap, expensive, share, costs):
    top, scores = _top(cheap, share), torch.zeros_like(cheap)
    scores[top] = expensive(top)
    return scores, costs[0] + len(top) / len(cheap) * costs[1]


@cascade.mistake("a fixed threshold on the cheap score in place of a share")
def _(cheap, expensive, share, costs):
    top = (cheap >= share).nonzero()[:, 0]
    scores = torch.full_like(cheap, -torch.inf)
    scores[top] = expensive(top)
    return scores, costs[0] + len(top) / len(cheap) * costs[1]


@cascade.mistake("changes the cheap scores that it was given")
def _(cheap, expensive, share, costs):
    top = _top(cheap, share)
    kept = expensive(top)
    cheap.fill_(-torch.inf)
    cheap[top] = kept
    return cheap, costs[0] + len(top) / len(cheap) * costs[1]


@cascade.mistake("the share for the number that is really judged: it is rounded, and at least one")
def _(cheap, expensive, share, costs):
    return cascade(cheap, expensive, share, costs)[0], costs[0] + share * costs[1]


@cascade.mistake("rounded down, where the nearest number was asked for")
def _(cheap, expensive, share, costs):
    return cascade(cheap, expensive, max(1, int(share * len(cheap))) / len(cheap), costs)


@cascade.mistake("none is escalated where the share is tiny: at least one was asked for")
def _(cheap, expensive, share, costs):
    m, scores = round(share * len(cheap)), torch.full_like(cheap, -torch.inf)
    top = cheap.topk(m).indices
    scores[top] = expensive(top)
    return scores, costs[0] + m / len(cheap) * costs[1]


@cascade.mistake("the expensive scores land on the wrong exchanges: topk sorts, a mask does not")
def _(cheap, expensive, share, costs):
    top, scores = _top(cheap, share), torch.full_like(cheap, -torch.inf)
    scores[torch.isin(torch.arange(len(cheap)), top)] = expensive(top)
    return scores, costs[0] + len(top) / len(cheap) * costs[1]


@cascade.right("in numpy")
def _(cheap, expensive, share, costs):
    import numpy as np

    index = np.argsort(-cheap.numpy())[: max(1, round(share * len(cheap)))].copy()
    scores = np.full(len(cheap), -np.inf, cheap.numpy().dtype)
    scores[index] = expensive(torch.from_numpy(index)).numpy()
    return torch.from_numpy(scores), float(costs[0] + len(index) / len(cheap) * costs[1])


@cascade.right("by sorting, the costs added up one by one")
def _(cheap, expensive, share, costs):
    n = len(cheap)
    order = sorted(range(n), key=lambda i: cheap[i].item(), reverse=True)
    top = torch.tensor(order[: max(1, round(share * n))])
    scores = torch.tensor([-torch.inf] * n, dtype=cheap.dtype)
    scores[top] = expensive(top)
    return scores, sum([costs[0]] * n + [costs[1]] * len(top)) / n


@cascade.right("by the rank of each and a mask")
def _(cheap, expensive, share, costs):
    m = max(1, round(share * len(cheap)))
    mask = cheap.argsort(descending=True).argsort() < m
    scores = torch.full_like(cheap, -torch.inf)
    scores[mask] = expensive(mask.nonzero().flatten())
    return scores, costs[0] + mask.double().mean() * costs[1]


@cascade.right("one exchange at a time")
def _(cheap, expensive, share, costs):
    scores = torch.full_like(cheap, -torch.inf)
    left, m = cheap.clone(), max(1, round(share * len(cheap)))
    for _ in range(m):
        i = left.argmax()
        left[i] = -torch.inf
        scores[i] = expensive(i[None])[0]
    return scores, costs[0] + m * costs[1] / len(cheap)
