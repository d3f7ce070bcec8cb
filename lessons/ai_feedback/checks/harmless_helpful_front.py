"""How `harmless_helpful_front` is judged: checks, mistakes, right answers."""

import torch

from lessons.ai_feedback.exercises import harmless_helpful_front
from utils.grading import expect


def bools(*values):
    return torch.tensor(values, dtype=torch.bool)


def call(fn, harm, helpful):
    return fn(torch.tensor(harm), torch.tensor(helpful))


@harmless_helpful_front.check
def one_policy_is_on_the_front(fn):
    expect(call(fn, [0.3], [1.0]), bools(True))


@harmless_helpful_front.check
def less_harm_and_more_help_wins(fn):
    expect(call(fn, [0.3, 0.1], [1.0, 2.0]), bools(False, True))


@harmless_helpful_front.check
def a_trade_leaves_both(fn):
    expect(call(fn, [0.3, 0.1], [2.0, 1.0]), bools(True, True))


@harmless_helpful_front.check
def equal_on_one_count_is_beaten_on_the_other(fn):
    expect(call(fn, [0.1, 0.1], [1.0, 2.0]), bools(False, True))
    expect(call(fn, [0.1, 0.2], [2.0, 2.0]), bools(True, False))


@harmless_helpful_front.check
def equals_do_not_drive_each_other_out(fn):
    expect(call(fn, [0.2, 0.2, 0.4], [1.0, 1.0, 0.5]), bools(True, True, False))


@harmless_helpful_front.check
def a_policy_in_a_hollow_of_the_front_stays(fn):
    harm, helpful = [0.0, 0.5, 1.0], [0.0, 0.2, 1.0]
    expect(call(fn, harm, helpful), bools(True, True, True))
    harm, helpful = [0.0, 0.1, 0.5, 1.0], [0.0, 0.6, 0.65, 1.0]
    expect(call(fn, harm, helpful), bools(True, True, True, True))


@harmless_helpful_front.check
def random_policies_by_brute_force(fn):
    for seed, n in ((0, 5), (1, 12), (2, 30)):
        g = torch.Generator().manual_seed(seed)
        harm, helpful = torch.randint(6, (2, n), generator=g).float()
        points = list(zip(harm.tolist(), helpful.tolist(), strict=True))
        wanted = [
            not any(a <= h and b >= u and (a, b) != (h, u) for a, b in points) for h, u in points
        ]
        expect(fn(harm, helpful), bools(*wanted))


@harmless_helpful_front.mistake("both strictly better is asked for: equal harm, less help stays")
def _(harm, helpful):
    return ~((harm[:, None] < harm) & (helpful[:, None] > helpful)).any(0)


@harmless_helpful_front.mistake("equal policies drive each other out, and each itself")
def _(harm, helpful):
    return ~((harm[:, None] <= harm) & (helpful[:, None] >= helpful)).any(0)


@harmless_helpful_front.mistake("more harm counts as better")
def _(harm, helpful):
    return harmless_helpful_front.reference(-harm, helpful)


@harmless_helpful_front.mistake("less help counts as better")
def _(harm, helpful):
    return harmless_helpful_front.reference(harm, -helpful)


@harmless_helpful_front.mistake("the wrong way around: what beats others, not what is not beaten")
def _(harm, helpful):
    no_worse = (harm[:, None] <= harm) & (helpful[:, None] >= helpful)
    better = (harm[:, None] < harm) | (helpful[:, None] > helpful)
    return ~(no_worse & better).any(1)


@harmless_helpful_front.mistake("the best by a sum of both: a front has more than one policy")
def _(harm, helpful):
    score = helpful - harm
    return score == score.max()


@harmless_helpful_front.mistake(
    "only what some weighted sum finds best: policies in a hollow of the front are lost"
)
def _(harm, helpful):
    out = torch.zeros(len(harm), dtype=torch.bool)
    for w in torch.linspace(0.001, 0.999, 999).tolist():
        score = (1 - w) * helpful - w * harm
        out |= score >= score.max() - 1e-9
    return out


@harmless_helpful_front.mistake("only the least harmful and the most helpful policy")
def _(harm, helpful):
    return (harm == harm.min()) | (helpful == helpful.max())


@harmless_helpful_front.right("by two loops")
def _(harm, helpful):
    out = torch.ones(len(harm), dtype=torch.bool)
    for i in range(len(harm)):
        for j in range(len(harm)):
            worse = harm[j] > harm[i] or helpful[j] < helpful[i]
            if not worse and (harm[j] < harm[i] or helpful[j] > helpful[i]):
                out[i] = False
    return out


@harmless_helpful_front.right("by sorting: a policy stays if none with no more harm helps more")
def _(harm, helpful):
    out = []
    for h, u in zip(harm.tolist(), helpful.tolist(), strict=True):
        best = helpful[harm <= h].max().item()
        least = harm[helpful >= u].min().item()
        out.append(u >= best and h <= least)
    return torch.tensor(out)
