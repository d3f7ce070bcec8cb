"""How `consistency_loss` is judged: checks, mistakes, right answers in other styles."""

import math

import torch
import torch.nn.functional as F

from lessons.constitutional_classifiers.exercises import consistency_loss
from utils.grading import expect, require


def logits(seed, n=3, t=4, words=5):
    g = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(n, t, words, generator=g, dtype=torch.float64)


@consistency_loss.check
def no_idea_of_five_words_costs_log_5(fn):
    expect(fn(logits(0, 1, 1), torch.zeros(1, 1, 5).double()), torch.tensor(math.log(5)).double())


@consistency_loss.check
def one_place_by_hand(fn):
    clean = torch.tensor([[[0.0, 3.0]]]).double()
    wrapped = torch.tensor([[[math.log(3.0), 0.0]]]).double()
    expect(fn(clean, wrapped), torch.tensor(math.log(4.0)).double())


@consistency_loss.check
def the_mean_over_all_places(fn):
    for seed, (n, t, words) in enumerate(((1, 6, 4), (5, 1, 3), (3, 4, 7), (2, 2, 2))):
        clean, wrapped = logits(seed, n, t, words), logits(seed + 50, n, t, words)
        total = 0.0
        for i in range(n):
            for j in range(t):
                word = max(range(words), key=lambda w: clean[i, j, w].item())
                row = wrapped[i, j].tolist()
                total += math.log(sum(math.exp(x - row[word]) for x in row))
        expect(fn(clean, wrapped), torch.tensor(total / (n * t)).double())


@consistency_loss.check
def large_logits_stay_finite(fn):
    clean, wrapped = logits(3), 500 * logits(4)
    got = fn(clean, wrapped)
    require(bool(torch.isfinite(torch.as_tensor(got))), "a finite loss", got)


@consistency_loss.check
def the_gradient_reaches_the_wrapped_logits_alone(fn):
    clean, wrapped = logits(5).requires_grad_(), logits(6).requires_grad_()
    loss = fn(clean, wrapped)
    require(torch.is_tensor(loss) and loss.requires_grad, "a loss with a gradient", loss)
    loss.backward()
    require(wrapped.grad is not None and wrapped.grad.abs().sum() > 0, "a gradient", wrapped.grad)
    still = clean.grad is None or clean.grad.abs().max() == 0
    require(still, "no gradient by the clean logits", clean.grad)


@consistency_loss.mistake("clean and wrapped are swapped: it learns to react to the wrapper always")
def _(clean, wrapped):
    return consistency_loss(wrapped, clean)


@consistency_loss.mistake("the squared difference of the logits: that is not over words")
def _(clean, wrapped):
    return (clean.detach() - wrapped).square().mean()


@consistency_loss.mistake("KL from the clean distribution: soft targets, not the reply")
def _(clean, wrapped):
    p = clean.detach().softmax(-1)
    return (p * (p.log() - wrapped.log_softmax(-1))).sum(-1).mean()


@consistency_loss.mistake("cross-entropy with soft targets, not with the reply")
def _(clean, wrapped):
    return -(clean.detach().softmax(-1) * wrapped.log_softmax(-1)).sum(-1).mean()


@consistency_loss.mistake("soft targets through which the gradient reaches the clean logits, too")
def _(clean, wrapped):
    return -(clean.softmax(-1) * wrapped.log_softmax(-1)).sum(-1).mean()


@consistency_loss.mistake("shifted by one place: the logits at a place already say its own word")
def _(clean, wrapped):
    if clean.shape[1] == 1:
        return consistency_loss(clean, wrapped)
    return consistency_loss(clean[:, 1:], wrapped[:, :-1])


@consistency_loss.mistake("the wrapped logits are detached: nothing is trained")
def _(clean, wrapped):
    return consistency_loss(clean, wrapped.detach())


@consistency_loss.mistake("softmax over the places of the reply, not over the words")
def _(clean, wrapped):
    return -wrapped.log_softmax(1).gather(-1, clean.argmax(-1, keepdim=True)).mean()


@consistency_loss.mistake("the sum over the places of a reply, not the mean")
def _(clean, wrapped):
    return consistency_loss(clean, wrapped) * clean.shape[1]


@consistency_loss.mistake("the first place alone")
def _(clean, wrapped):
    return consistency_loss(clean[:, :1], wrapped[:, :1])


@consistency_loss.mistake("the sign: it makes the clean reply unlikely")
def _(clean, wrapped):
    return -consistency_loss(clean, wrapped)


@consistency_loss.mistake("logits are taken for log-probabilities: log_softmax is missing")
def _(clean, wrapped):
    return -wrapped.gather(-1, clean.argmax(-1, keepdim=True)).mean()


@consistency_loss.mistake("softmax and then log: not finite for large logits")
def _(clean, wrapped):
    return -wrapped.softmax(-1).gather(-1, clean.argmax(-1, keepdim=True)).log().mean()


@consistency_loss.mistake("the target is what is likeliest after the wrapper: nothing changes")
def _(clean, wrapped):
    return consistency_loss(wrapped, wrapped)


@consistency_loss.mistake("F.cross_entropy on (n, t, words): it takes places for words")
def _(clean, wrapped):
    if clean.shape[1] != clean.shape[2]:
        wrapped = wrapped.reshape(len(wrapped), wrapped.shape[2], wrapped.shape[1])
    else:
        wrapped = wrapped.transpose(0, 1)
    return F.cross_entropy(wrapped, clean.argmax(-1))


@consistency_loss.right("by gather")
def _(clean, wrapped):
    target = clean.detach().argmax(dim=-1, keepdim=True)
    return -wrapped.log_softmax(-1).gather(-1, target).mean()


@consistency_loss.right("by a loop over places")
def _(clean, wrapped):
    losses = [
        F.cross_entropy(wrapped[:, j], clean[:, j].max(-1).indices) for j in range(clean.shape[1])
    ]
    return torch.stack(losses).mean()


@consistency_loss.right("by logsumexp, dimensions turned for cross_entropy avoided")
def _(clean, wrapped):
    one_hot = F.one_hot(clean.argmax(-1), clean.shape[-1]).to(wrapped.dtype)
    return (wrapped.logsumexp(-1) - (wrapped * one_hot).sum(-1)).mean()
