"""How `kl_by_position` is judged: checks, mistakes, right answers."""

import math

import torch
from torch.nn import functional as F

from lessons.fine_tuning.exercises import kl_by_position
from utils.grading import expect


def _two_words(p, q):
    """KL between two coins, in nats."""
    return sum(a * math.log(a / b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0)


def _logits(*chances):
    """Logits of coins, (1, places, 2), shifted by a constant that must not matter."""
    return torch.tensor([[[math.log(p) + 3, math.log(1 - p) + 3] for p in chances]])


@kl_by_position.check
def models_that_agree_differ_by_nothing(fn):
    same = _logits(0.3, 0.9)
    expect(fn(same, same.clone() + 5), torch.zeros(2))


@kl_by_position.check
def coins_at_each_place(fn):
    p, q = (0.5, 0.9, 0.2), (0.5, 0.5, 0.6)
    want = torch.tensor([_two_words(a, b) for a, b in zip(p, q, strict=True)])
    expect(fn(_logits(*p), _logits(*q)), want)


@kl_by_position.check
def it_is_the_mean_over_replies_and_places_stay(fn):
    g = torch.Generator().manual_seed(0)
    for n, places, words in ((1, 3, 3), (3, 3, 3), (4, 2, 5), (2, 6, 3)):
        a, b = 2 * torch.randn(2, n, places, words, generator=g, dtype=torch.float64)
        p, q = a.softmax(-1).tolist(), b.softmax(-1).tolist()
        want = [
            sum(
                p[i][t][v] * math.log(p[i][t][v] / q[i][t][v])
                for i in range(n)
                for v in range(words)
            )
            / n
            for t in range(places)
        ]
        expect(fn(a, b), torch.tensor(want, dtype=torch.float64), 1e-8)


@kl_by_position.check
def logits_of_a_thousand_stay_finite_and_exact(fn):
    a, b = torch.tensor([[[1000.0, 0.0]]]), torch.tensor([[[0.0, 1000.0]]])
    expect(fn(a, b), torch.tensor([1000.0]))
    expect(fn(a, a.clone()), torch.tensor([0.0]))


@kl_by_position.mistake("the other way round: KL(base ‖ aligned)")
def _(aligned, base):
    p, q = aligned.log_softmax(-1), base.log_softmax(-1)
    return (q.exp() * (q - p)).sum(-1).mean(0)


@kl_by_position.mistake("a mean over the vocabulary, where the sum was asked for")
def _(aligned, base):
    p, q = aligned.log_softmax(-1), base.log_softmax(-1)
    return (p.exp() * (p - q)).mean(-1).mean(0)


@kl_by_position.mistake("a sum over replies, where the mean was asked for")
def _(aligned, base):
    p, q = aligned.log_softmax(-1), base.log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1).sum(0)


@kl_by_position.mistake("a mean over places: one number for each reply")
def _(aligned, base):
    p, q = aligned.log_softmax(-1), base.log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1).mean(1)


@kl_by_position.mistake("logits are used as if they were log-probabilities")
def _(aligned, base):
    return (aligned.softmax(-1) * (aligned - base)).sum(-1).mean(0)


@kl_by_position.mistake("softmax over the places, not over the vocabulary")
def _(aligned, base):
    p, q = aligned.log_softmax(1), base.log_softmax(1)
    return (p.exp() * (p - q)).sum(-1).mean(0)


@kl_by_position.mistake("log p − log q is not weighted by p")
def _(aligned, base):
    return (aligned.log_softmax(-1) - base.log_softmax(-1)).sum(-1).mean(0)


@kl_by_position.mistake("the sign: this is minus the divergence")
def _(aligned, base):
    p, q = aligned.log_softmax(-1), base.log_softmax(-1)
    return (p.exp() * (q - p)).sum(-1).mean(0)


@kl_by_position.mistake("softmax, then log: 0 · log 0 gives NaN for logits far apart")
def _(aligned, base):
    p, q = aligned.softmax(-1), base.softmax(-1)
    return (p * (p.log() - q.log())).sum(-1).mean(0)


@kl_by_position.mistake("by torch.distributions, whose KL is infinite where a chance rounds to 0")
def _(aligned, base):
    p, q = (torch.distributions.Categorical(logits=x) for x in (aligned, base))
    return torch.distributions.kl_divergence(p, q).mean(0)


@kl_by_position.mistake("in bits, by log2: nats are asked for")
def _(aligned, base):
    p, q = aligned.log_softmax(-1), base.log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1).mean(0) / math.log(2)


@kl_by_position.mistake("1e-9 inside the log: it caps the divergence at about 21 nats")
def _(aligned, base):
    p, q = aligned.softmax(-1), base.softmax(-1)
    return (p * ((p + 1e-9).log() - (q + 1e-9).log())).sum(-1).mean(0)


@kl_by_position.mistake("cross-entropy: the entropy of p is not taken off")
def _(aligned, base):
    return -(aligned.softmax(-1) * base.log_softmax(-1)).sum(-1).mean(0)


@kl_by_position.mistake("distributions are averaged over replies before the KL, not the KL after")
def _(aligned, base):
    p, q = aligned.softmax(-1).mean(0), base.softmax(-1).mean(0)
    return (p * (p.log() - q.log())).sum(-1)


@kl_by_position.right("by F.kl_div, whose arguments stand the other way round")
def _(aligned, base):
    p, q = F.log_softmax(aligned, -1), F.log_softmax(base, -1)
    return F.kl_div(q, p, reduction="none", log_target=True).sum(2).mean(0)


@kl_by_position.right("by cross-entropy minus entropy, a loop over places")
def _(aligned, base):
    found = []
    for t in range(aligned.shape[1]):
        p = aligned[:, t].softmax(-1)
        cross = -(p * base[:, t].log_softmax(-1)).sum(-1)
        entropy = -(p * aligned[:, t].log_softmax(-1)).sum(-1)
        found.append((cross - entropy).mean())
    return torch.stack(found)
