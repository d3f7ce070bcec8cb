"""How `nll_against_shots` is judged: checks, mistakes, right answers in other styles."""

import math

import torch
from torch.nn import functional as F

from lessons.many_shot.exercises import nll_against_shots
from utils.grading import expect, require


def _case(dialogues, shots, vocabulary, seed=0, dtype=torch.float32):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(dialogues, 2 * shots, vocabulary, generator=g, dtype=dtype)
    return 2 * logits, torch.randint(vocabulary, (dialogues, 2 * shots), generator=g)


def _by_hand(logits, tokens):
    out = []
    for shot in range(tokens.shape[1] // 2):
        total = 0.0
        for row, said in zip(logits[:, 2 * shot].tolist(), tokens[:, 2 * shot + 1], strict=True):
            total += math.log(sum(math.exp(v) for v in row)) - row[said]
        out.append(total / len(tokens))
    return torch.tensor(out, dtype=logits.dtype)


@nll_against_shots.check
def a_guess_among_three(fn):
    expect(fn(torch.zeros(1, 2, 3), torch.tensor([[0, 2]])), torch.tensor([math.log(3)]))


@nll_against_shots.check
def the_logits_at_the_request_count(fn):
    logits = torch.zeros(1, 4, 2)
    logits[0, 0, 1] = logits[0, 2, 0] = 3.0
    right, wrong = math.log1p(math.exp(-3)), math.log1p(math.exp(3))
    expect(fn(logits, torch.tensor([[0, 1, 0, 1]])), torch.tensor([right, wrong]))


@nll_against_shots.check
def by_hand(fn):
    for dialogues, shots, vocabulary in ((1, 3, 5), (3, 1, 4), (3, 4, 7), (4, 2, 4)):
        logits, tokens = _case(dialogues, shots, vocabulary, seed=dialogues + shots)
        expect(fn(logits, tokens), _by_hand(logits, tokens), tol=1e-4)


@nll_against_shots.check
def in_double_precision(fn):
    logits, tokens = _case(3, 5, 6, seed=9, dtype=torch.float64)
    expect(fn(logits, tokens), _by_hand(logits, tokens))


@nll_against_shots.check
def very_large_logits(fn):
    logits = torch.zeros(1, 4, 3)
    logits[0, 0, 0], logits[0, 2, 0] = 1e4, -1e4
    got = fn(logits, torch.tensor([[0, 1, 0, 1]]))
    require(torch.is_tensor(got) and bool(got.isfinite().all()), "finite losses", got)
    expect(got, torch.tensor([1e4, math.log(2)]))


@nll_against_shots.mistake("the logits at the reply itself: they are about the next request")
def _(logits, tokens):
    log_p = logits[:, 1::2].log_softmax(-1)
    return -log_p.gather(-1, tokens[:, 1::2, None])[..., 0].mean(0)


@nll_against_shots.mistake("scores the requests, not the replies")
def _(logits, tokens):
    log_p = logits[:, ::2].log_softmax(-1)
    return -log_p.gather(-1, tokens[:, ::2, None])[..., 0].mean(0)


@nll_against_shots.mistake("every position is scored, requests too")
def _(logits, tokens):
    log_p = logits[:, :-1].log_softmax(-1)
    return -log_p.gather(-1, tokens[:, 1:, None])[..., 0].mean(0)


@nll_against_shots.mistake("the sign: a log-likelihood, and not a loss")
def _(logits, tokens):
    log_p = logits[:, ::2].log_softmax(-1)
    return log_p.gather(-1, tokens[:, 1::2, None])[..., 0].mean(0)


@nll_against_shots.mistake("in bits, by log2: a nat is 1.44 bits")
def _(logits, tokens):
    return nll_against_shots.reference(logits, tokens) / math.log(2)


@nll_against_shots.mistake("summed over dialogues in place of averaged")
def _(logits, tokens):
    log_p = logits[:, ::2].log_softmax(-1)
    return -log_p.gather(-1, tokens[:, 1::2, None])[..., 0].sum(0)


@nll_against_shots.mistake("averaged over shots: that is a number a dialogue")
def _(logits, tokens):
    log_p = logits[:, ::2].log_softmax(-1)
    return -log_p.gather(-1, tokens[:, 1::2, None])[..., 0].mean(1)


@nll_against_shots.mistake("one number for all shots")
def _(logits, tokens):
    log_p = logits[:, ::2].log_softmax(-1)
    return -log_p.gather(-1, tokens[:, 1::2, None])[..., 0].mean()


@nll_against_shots.mistake("softmax, then log: what underflows to 0 has an infinite logarithm")
def _(logits, tokens):
    p = logits[:, ::2].softmax(-1)
    return -p.gather(-1, tokens[:, 1::2, None])[..., 0].log().mean(0)


@nll_against_shots.mistake("minus the log of the mean probability: the paper averages logarithms")
def _(logits, tokens):
    log_p = logits[:, ::2].log_softmax(-1).gather(-1, tokens[:, 1::2, None])[..., 0]
    return math.log(len(tokens)) - log_p.logsumexp(0)


@nll_against_shots.mistake("the log of the mean probability, after a softmax: average logarithms")
def _(logits, tokens):
    p = logits[:, ::2].softmax(-1).gather(-1, tokens[:, 1::2, None])[..., 0]
    return -p.mean(0).log()


@nll_against_shots.mistake("no softmax: raw logits are no log-probabilities")
def _(logits, tokens):
    return -logits[:, ::2].gather(-1, tokens[:, 1::2, None])[..., 0].mean(0)


@nll_against_shots.mistake("the softmax runs over the shots, not over the vocabulary")
def _(logits, tokens):
    log_p = logits[:, ::2].log_softmax(1)
    return -log_p.gather(-1, tokens[:, 1::2, None])[..., 0].mean(0)


@nll_against_shots.mistake("a running mean over the shots so far")
def _(logits, tokens):
    log_p = logits[:, ::2].log_softmax(-1)
    losses = -log_p.gather(-1, tokens[:, 1::2, None])[..., 0].mean(0)
    return losses.cumsum(0) / torch.arange(1, len(losses) + 1)


@nll_against_shots.right("by cross_entropy")
def _(logits, tokens):
    losses = F.cross_entropy(logits[:, ::2].transpose(1, 2), tokens[:, 1::2], reduction="none")
    return losses.mean(dim=0)


@nll_against_shots.right("by a loop over shots, with logsumexp")
def _(logits, tokens):
    out = []
    for shot in range(tokens.shape[1] // 2):
        row, said = logits[:, 2 * shot], tokens[:, 2 * shot + 1]
        out.append((row.logsumexp(1) - row[torch.arange(len(row)), said]).mean())
    return torch.stack(out)
