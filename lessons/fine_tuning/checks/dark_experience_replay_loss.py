"""How `dark_experience_replay_loss` is judged: checks, mistakes, right answers."""

import math

import torch
from torch.nn import functional as F

from lessons.fine_tuning.exercises import dark_experience_replay_loss
from utils.grading import expect, require


def _case(seed, lead=(3,), old=(2,), words=4, dtype=torch.float64):
    """Logits, labels, replayed and stored logits."""
    g = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(*lead, words, generator=g, dtype=torch.float64)
    labels = torch.randint(words, lead, generator=g)
    replayed, stored = torch.randn(2, *old, words, generator=g, dtype=torch.float64)
    return logits.to(dtype), labels, replayed.to(dtype), stored.to(dtype)


def _by_hand(logits, labels, replayed, stored, alpha):
    words = logits.shape[-1]
    new = []
    for row, label in zip(
        logits.reshape(-1, words).tolist(), labels.flatten().tolist(), strict=True
    ):
        new.append(math.log(sum(math.exp(x) for x in row)) - row[label])
    old = [
        sum((s - r) ** 2 for s, r in zip(a, b, strict=True))
        for a, b in zip(
            stored.reshape(-1, words).tolist(), replayed.reshape(-1, words).tolist(), strict=True
        )
    ]
    return sum(new) / len(new) + alpha * sum(old) / len(old)


def _scalar(got):
    require(torch.is_tensor(got) and got.shape == (), "a scalar tensor", got)
    return got


@dark_experience_replay_loss.check
def an_unchanged_memory_costs_nothing(fn):
    logits, labels, _, stored = _case(0)
    want = _by_hand(logits, labels, stored, stored, 0.0)
    for alpha in (0.0, 5.0):
        got = _scalar(fn(logits, labels, stored.clone(), stored, alpha))
        expect(got, torch.tensor(want, dtype=torch.float64))


@dark_experience_replay_loss.check
def one_logit_that_moved(fn):
    # Two words, equally likely: log 2 for the new example, and α times the square of the move.
    zero = torch.zeros(1, 2, dtype=torch.float64)
    for move, alpha in ((1.0, 1.0), (3.0, 0.5), (-2.0, 0.1)):
        moved = torch.tensor([[move, 0.0]], dtype=torch.float64)
        want = math.log(2) + alpha * move**2
        got = _scalar(fn(zero, torch.tensor([0]), moved, zero.clone(), alpha))
        expect(got, torch.tensor(want, dtype=torch.float64))


@dark_experience_replay_loss.check
def written_out_for_any_leading_dimensions(fn):
    shapes = (((3,), (2,)), ((2, 3), (4, 3)), ((5,), (1,)), ((2, 2), (2, 2)))
    for seed, (lead, old) in enumerate(shapes):
        case = _case(seed, lead, old)
        got = _scalar(fn(*case, 0.3))
        expect(got, torch.tensor(_by_hand(*case, 0.3), dtype=torch.float64), 1e-8)


@dark_experience_replay_loss.check
def float32_gives_float32(fn):
    case = _case(7, dtype=torch.float32)
    expect(_scalar(fn(*case, 0.2)), torch.tensor(_by_hand(*case, 0.2)), 1e-4)


@dark_experience_replay_loss.check
def the_network_learns_from_both_and_the_memory_from_neither(fn):
    logits, labels, replayed, stored = _case(8)
    for x in (logits, replayed, stored):
        x.requires_grad_()
    loss = _scalar(fn(logits, labels, replayed, stored, 0.5))
    require(loss.requires_grad, "a loss through which the network learns", loss)
    new, old, memory = torch.autograd.grad(loss, (logits, replayed, stored), allow_unused=True)
    hot = F.one_hot(labels, 4)
    expect(new, (logits.softmax(-1) - hot).detach() / 3, what="gradient of logits")
    expect(old, (replayed - stored).detach() * 2 * 0.5 / 2, what="gradient of replayed")
    none = memory is None or not bool(memory.any())
    require(none, "no gradient for stored", memory)


def _new(logits, labels):
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten())


@dark_experience_replay_loss.mistake("a mean over the vocabulary, where the squared norm is a sum")
def _(logits, labels, replayed, stored, alpha):
    return _new(logits, labels) + alpha * F.mse_loss(replayed, stored.detach())


@dark_experience_replay_loss.mistake("a sum over the memory, where the mean was asked for")
def _(logits, labels, replayed, stored, alpha):
    return _new(logits, labels) + alpha * (stored.detach() - replayed).square().sum()


@dark_experience_replay_loss.mistake("the norm is not squared")
def _(logits, labels, replayed, stored, alpha):
    return _new(logits, labels) + alpha * (stored.detach() - replayed).norm(dim=-1).mean()


@dark_experience_replay_loss.mistake("probabilities are compared, not logits")
def _(logits, labels, replayed, stored, alpha):
    off = stored.detach().softmax(-1) - replayed.softmax(-1)
    return _new(logits, labels) + alpha * off.square().sum(-1).mean()


@dark_experience_replay_loss.mistake("α is left out")
def _(logits, labels, replayed, stored, alpha):
    return _new(logits, labels) + (stored.detach() - replayed).square().sum(-1).mean()


@dark_experience_replay_loss.mistake("the new data are weighed by 1 − α: eq. 5 leaves them at 1")
def _(logits, labels, replayed, stored, alpha):
    old = (stored.detach() - replayed).square().sum(-1).mean()
    return (1 - alpha) * _new(logits, labels) + alpha * old


@dark_experience_replay_loss.mistake("replayed is detached: the memory teaches nothing")
def _(logits, labels, replayed, stored, alpha):
    return _new(logits, labels) + alpha * (stored - replayed.detach()).square().sum(-1).mean()


@dark_experience_replay_loss.mistake("a gradient reaches stored: detach it")
def _(logits, labels, replayed, stored, alpha):
    return _new(logits, labels) + alpha * (stored - replayed).square().sum(-1).mean()


@dark_experience_replay_loss.mistake(
    "replay by labels: cross-entropy with the likeliest stored word"
)
def _(logits, labels, replayed, stored, alpha):
    return _new(logits, labels) + alpha * _new(replayed, stored.argmax(-1))


@dark_experience_replay_loss.mistake("the memory's term is subtracted")
def _(logits, labels, replayed, stored, alpha):
    return _new(logits, labels) - alpha * (stored.detach() - replayed).square().sum(-1).mean()


@dark_experience_replay_loss.mistake("α weighs the new data, where it weighs the memory")
def _(logits, labels, replayed, stored, alpha):
    return alpha * _new(logits, labels) + (stored.detach() - replayed).square().sum(-1).mean()


@dark_experience_replay_loss.mistake("half of the squared distance")
def _(logits, labels, replayed, stored, alpha):
    off = (stored.detach() - replayed).square().sum(-1).mean()
    return _new(logits, labels) + alpha * off / 2


@dark_experience_replay_loss.mistake("the cross-entropy is summed, where its mean was asked for")
def _(logits, labels, replayed, stored, alpha):
    off = (stored.detach() - replayed).square().sum(-1).mean()
    return _new(logits, labels) * labels.numel() + alpha * off


@dark_experience_replay_loss.mistake("log-probabilities are compared, not logits")
def _(logits, labels, replayed, stored, alpha):
    off = stored.detach().log_softmax(-1) - replayed.log_softmax(-1)
    return _new(logits, labels) + alpha * off.square().sum(-1).mean()


@dark_experience_replay_loss.mistake("a KL of the two distributions, not the squared distance")
def _(logits, labels, replayed, stored, alpha):
    p, q = stored.detach().log_softmax(-1), replayed.log_softmax(-1)
    return _new(logits, labels) + alpha * (p.exp() * (p - q)).sum(-1).mean()


@dark_experience_replay_loss.right("by log_softmax and gather, mse_loss times the vocabulary")
def _(logits, labels, replayed, stored, alpha):
    new = -logits.log_softmax(-1).gather(-1, labels[..., None]).mean()
    return new + alpha * logits.shape[-1] * F.mse_loss(replayed, stored.detach())


@dark_experience_replay_loss.right("by loops")
def _(logits, labels, replayed, stored, alpha):
    words = logits.shape[-1]
    rows = list(zip(logits.reshape(-1, words), labels.reshape(-1), strict=True))
    new = sum(torch.logsumexp(row, 0) - row[label] for row, label in rows) / len(rows)
    pairs = list(zip(replayed.reshape(-1, words), stored.reshape(-1, words), strict=True))
    with torch.no_grad():
        kept = [s.clone() for _, s in pairs]
    old = sum(((r - s) ** 2).sum() for (r, _), s in zip(pairs, kept, strict=True)) / len(pairs)
    return new + alpha * old
