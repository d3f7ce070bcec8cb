"""How `exchange_score` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.constitutional_classifiers.exercises import exchange_score
from utils.grading import expect, require


def judged(fn, rows, threshold):
    got = fn(torch.tensor(rows), threshold)
    require(isinstance(got, tuple | list) and len(got) == 2, "scores and tokens out", got)
    score, out = (torch.as_tensor(x) for x in got)
    require(score.shape == out.shape == (len(rows),), f"two of shape ({len(rows)},)", got)
    return score, out


@exchange_score.check
def one_alarm_in_the_middle(fn):
    score, out = judged(fn, [[-2.0, 1.0, -3.0, -1.0]], 0.0)
    expect(score, torch.tensor([1.0]))
    expect(out, torch.tensor([1]))


@exchange_score.check
def no_alarm_lets_all_through(fn):
    score, out = judged(fn, [[-2.0, -1.0, -3.0, -1.5], [-1.0, -1.0, -1.0, -1.0]], 0.0)
    expect(score, torch.tensor([-1.0, -1.0]))
    expect(out, torch.tensor([3, 3]))


@exchange_score.check
def at_once_and_at_the_end(fn):
    _, out = judged(fn, [[4.0, -1.0, -1.0], [-1.0, -1.0, 4.0], [4.0, 5.0, 6.0]], 2.0)
    expect(out, torch.tensor([0, 2, 0]))


@exchange_score.check
def exactly_the_threshold_stops(fn):
    _, out = judged(fn, [[-1.0, 0.5, 3.0], [-1.0, 0.25, 0.5]], 0.5)
    expect(out, torch.tensor([1, 2]))


@exchange_score.check
def by_hand_on_random_scores(fn):
    g = torch.Generator().manual_seed(0)
    for t, threshold in ((1, 0.0), (6, 1.0), (4, -0.5)):
        rows = torch.randn(30, t + 1, generator=g)
        score, out = judged(fn, rows.tolist(), threshold)
        first = [next((j for j, s in enumerate(row) if s >= threshold), t) for row in rows.tolist()]
        expect(out, torch.tensor(first))
        expect(score, torch.tensor([max(row) for row in rows.tolist()]))


@exchange_score.mistake("the last score alone: an alarm that fell again is forgotten")
def _(token_scores, threshold):
    return token_scores[:, -1], exchange_score(token_scores, threshold)[1]


@exchange_score.mistake("column 0 is skipped: it is the score of the request alone")
def _(token_scores, threshold):
    alarm = token_scores[:, 1:] >= threshold
    return token_scores[:, 1:].max(1).values, (alarm.cumsum(1) == 0).sum(1)


@exchange_score.mistake("the last alarm, not the first: by then the reply was stopped")
def _(token_scores, threshold):
    alarm, t = token_scores >= threshold, token_scores.shape[1] - 1
    last = t - alarm.flip(1).int().argmax(1)
    return token_scores.max(1).values, torch.where(alarm.any(1), last, t)


@exchange_score.mistake("the mean of the scores")
def _(token_scores, threshold):
    return token_scores.mean(1), exchange_score(token_scores, threshold)[1]


@exchange_score.mistake("the place of the highest score, not of the first one over the threshold")
def _(token_scores, threshold):
    score, place = token_scores.max(1)
    t = token_scores.shape[1] - 1
    return score, torch.where(score >= threshold, place, t)


@exchange_score.mistake("argmax of the alarm: 0 where there is none, as if it were stopped at once")
def _(token_scores, threshold):
    return token_scores.max(1).values, (token_scores >= threshold).int().argmax(1)


@exchange_score.mistake("t + 1 tokens out where there is no alarm: one more than were said")
def _(token_scores, threshold):
    alarm = token_scores >= threshold
    return token_scores.max(1).values, (alarm.cumsum(1) == 0).sum(1)


@exchange_score.mistake("one token too many: column j has seen j tokens, not j + 1")
def _(token_scores, threshold):
    alarm = token_scores >= threshold
    out = (alarm.cumsum(1) == 0).sum(1) + 1
    return token_scores.max(1).values, out.clamp(max=token_scores.shape[1] - 1)


@exchange_score.mistake("counts all scores below the threshold, also those after the stop")
def _(token_scores, threshold):
    out = (token_scores < threshold).sum(1)
    return token_scores.max(1).values, out.clamp(max=token_scores.shape[1] - 1)


@exchange_score.mistake("greater than the threshold, where at least was asked for")
def _(token_scores, threshold):
    alarm = token_scores > threshold
    out = (alarm.cumsum(1) == 0).sum(1).clamp(max=token_scores.shape[1] - 1)
    return token_scores.max(1).values, out


@exchange_score.mistake("the threshold is ignored: 0 in its place")
def _(token_scores, threshold):
    return exchange_score(token_scores, 0.0)


@exchange_score.mistake("the score at the stop, not the highest: no threshold could be set by it")
def _(token_scores, threshold):
    _, out = exchange_score(token_scores, threshold)
    return token_scores.gather(1, out[:, None])[:, 0], out


@exchange_score.right("by a loop that stops")
def _(token_scores, threshold):
    scores, outs = [], []
    for row in token_scores.tolist():
        out = len(row) - 1
        for j, score in enumerate(row):
            if score >= threshold:
                out = j
                break
        scores.append(max(row))
        outs.append(out)
    return torch.tensor(scores), torch.tensor(outs)


@exchange_score.right("by a running maximum")
def _(token_scores, threshold):
    running = token_scores.cummax(1).values
    out = (running[:, :-1] < threshold).sum(1)
    return running[:, -1], out


@exchange_score.right("by numpy's argmax, with a last column that always stops")
def _(token_scores, threshold):
    import numpy as np

    alarm = token_scores.numpy() >= threshold
    alarm[:, -1] = True
    return token_scores.amax(1), np.argmax(alarm, 1)
