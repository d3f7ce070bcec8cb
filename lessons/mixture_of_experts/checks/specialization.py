"""How `specialization` is judged: checks, mistakes, right answers."""

import math
from collections import Counter

import numpy as np
import torch
from sklearn.metrics import normalized_mutual_info_score

from lessons.mixture_of_experts.exercises import specialization
from utils.grading import expect


def shares(*labels):
    counts = Counter(zip(*(label.tolist() for label in labels), strict=True))
    return {key: c / len(labels[0]) for key, c in counts.items()}


def entropy(*labels):
    return -sum(p * math.log(p) for p in shares(*labels).values())


def by_hand(experts, labels):
    together, e, t = shares(experts, labels), shares(experts), shares(labels)
    mutual = sum(p * math.log(p / (e[(a,)] * t[(b,)])) for (a, b), p in together.items())
    return 2 * mutual / (entropy(experts) + entropy(labels))


@specialization.check
def the_same_under_other_names_is_one(fn):
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 2])
    expect(fn(labels, labels), 1.0)
    expect(fn(torch.tensor([2, 0, 1])[labels], labels), 1.0)
    expect(fn(torch.tensor([7, 3, 5])[labels], labels), 1.0)


@specialization.check
def unrelated_is_zero(fn):
    expect(fn(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])), 0.0)
    experts, topics = torch.arange(12) % 3, torch.arange(12) // 3
    expect(fn(experts, topics), 0.0)


@specialization.check
def one_expert_tells_nothing(fn):
    expect(fn(torch.zeros(4, dtype=torch.long), torch.tensor([0, 1, 2, 2])), 0.0)
    expect(fn(torch.tensor([0, 1, 1]), torch.tensor([4, 4, 4])), 0.0)
    expect(fn(torch.tensor([3, 3]), torch.tensor([1, 1])), 0.0)
    expect(fn(torch.tensor([0]), torch.tensor([0])), 0.0)


@specialization.check
def two_experts_share_each_topic(fn):
    # I = log 2, H(E) = log 4, H(L) = log 2: 2/3
    expect(fn(torch.tensor([0, 1, 2, 3]), torch.tensor([0, 0, 1, 1])), 2 / 3)
    expect(fn(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 2, 3])), 2 / 3)


@specialization.check
def it_is_the_sum_written_out(fn):
    g = torch.Generator().manual_seed(0)
    for n, a, b in ((7, 3, 2), (30, 4, 6), (50, 2, 9)):
        experts = torch.randint(a, (n,), generator=g)
        labels = (experts + torch.randint(2, (n,), generator=g)) % b
        expect(fn(experts, labels), by_hand(experts, labels))


@specialization.check
def uneven_shares(fn):
    experts = torch.tensor([0] * 90 + [1] * 10)
    labels = torch.tensor([0] * 85 + [1] * 15)
    expect(fn(experts, labels), by_hand(experts, labels))


@specialization.mistake("not normalized: mutual information in nats")
def _(experts, labels):
    return entropy(experts) + entropy(labels) - entropy(experts, labels)


@specialization.mistake("divided by the entropy of the experts alone")
def _(experts, labels):
    mutual = entropy(experts) + entropy(labels) - entropy(experts, labels)
    return mutual / entropy(experts) if entropy(experts) > 0 else 0.0


@specialization.mistake("divided by the entropy of the labels alone")
def _(experts, labels):
    mutual = entropy(experts) + entropy(labels) - entropy(experts, labels)
    return mutual / entropy(labels) if entropy(labels) > 0 else 0.0


@specialization.mistake("divided by the sum of the entropies, not by their mean: half of it")
def _(experts, labels):
    return specialization.reference(experts, labels) / 2


@specialization.mistake("divided by the geometric mean, the root of the product")
def _(experts, labels):
    mutual = entropy(experts) + entropy(labels) - entropy(experts, labels)
    product = entropy(experts) * entropy(labels)
    return mutual / product**0.5 if product > 0 else 0.0


@specialization.mistake("divided by the joint entropy")
def _(experts, labels):
    mutual = entropy(experts) + entropy(labels) - entropy(experts, labels)
    return mutual / entropy(experts, labels) if entropy(experts, labels) > 0 else 0.0


@specialization.mistake("the share of tokens whose label equals the expert's number")
def _(experts, labels):
    return (experts == labels).double().mean().item()


@specialization.mistake("purity: the share of each expert's commonest label")
def _(experts, labels):
    best = Counter()
    for (e, _), p in shares(experts, labels).items():
        best[e] = max(best[e], p)
    return sum(best.values())


@specialization.mistake("1 where there is nothing to tell, 0 was asked for")
def _(experts, labels):
    if entropy(experts) + entropy(labels) == 0:
        return 1.0
    return specialization.reference(experts, labels)


@specialization.mistake("0/0 where there is only one expert and one label")
def _(experts, labels):
    mutual = entropy(experts) + entropy(labels) - entropy(experts, labels)
    return 2 * mutual / (entropy(experts) + entropy(labels))


@specialization.mistake("0 log 0 gives NaN: pairs that do not occur")
def _(experts, labels):
    joint = torch.zeros(int(experts.max()) + 1, int(labels.max()) + 1)
    joint.index_put_((experts, labels), torch.ones(len(experts)), accumulate=True)
    joint = joint / joint.sum()
    e, t = joint.sum(1), joint.sum(0)
    mutual = (joint * (joint / (e[:, None] * t)).log()).sum()
    return (-2 * mutual / ((e * e.log()).sum() + (t * t.log()).sum())).item()


@specialization.mistake("divided by the larger of the two entropies, not by their mean")
def _(experts, labels):
    mutual = entropy(experts) + entropy(labels) - entropy(experts, labels)
    most = max(entropy(experts), entropy(labels))
    return mutual / most if most > 0 else 0.0


@specialization.mistake("divided by the smaller of the two entropies, not by their mean")
def _(experts, labels):
    mutual = entropy(experts) + entropy(labels) - entropy(experts, labels)
    least = min(entropy(experts), entropy(labels))
    return mutual / least if least > 0 else 0.0


@specialization.mistake("0 log 0 gives NaN, which is not above 0, so that 0 comes back")
def _(experts, labels):
    joint = torch.zeros(int(experts.max()) + 1, int(labels.max()) + 1, dtype=torch.float64)
    joint.index_put_((experts, labels), torch.ones(len(experts)).double(), accumulate=True)
    joint = joint / joint.sum()
    parts = joint.sum(1), joint.sum(0), joint.flatten()
    e, t, both = (-(p * p.log()).sum().item() for p in parts)
    return 2 * (e + t - both) / (e + t) if e + t > 0 else 0.0


@specialization.mistake("the sign is wrong")
def _(experts, labels):
    return -specialization.reference(experts, labels)


@specialization.right("by scikit-learn, with its 1 for nothing put right")
def _(experts, labels):
    if len(experts.unique()) == len(labels.unique()) == 1:
        return 0.0
    return float(normalized_mutual_info_score(labels.numpy(), experts.numpy()))


@specialization.right("by loops over experts and labels")
def _(experts, labels):
    e, t = experts.numpy(), labels.numpy()
    mutual = 0.0
    for a in np.unique(e):
        for b in np.unique(t):
            both = np.mean((e == a) & (t == b))
            if both:
                mutual += both * np.log(both / (np.mean(e == a) * np.mean(t == b)))
    norm = (entropy(experts) + entropy(labels)) / 2
    return float(mutual / norm) if norm else 0.0
