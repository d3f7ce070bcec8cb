"""How `sequence_logprobs` is judged: checks, mistakes, right answers."""

import math

import torch
from torch.nn import functional as F

from lessons.rlhf.checks.shared import gradient, same_dtype
from lessons.rlhf.exercises import sequence_logprobs
from utils.grading import expect


def _logprob_by_hand(logits, tokens, mask):
    """One sequence, in plain loops."""
    total = 0.0
    for scores, token, counts in zip(logits.tolist(), tokens.tolist(), mask.tolist(), strict=True):
        if counts:
            top = max(scores)
            total += scores[token] - top - math.log(sum(math.exp(s - top) for s in scores))
    return total


def _some_sequences(seed, *shape, vocab=4):
    """Logits, tokens and a mask, drawn at random: (*shape, vocab), (*shape), (*shape)."""
    g = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(*shape, vocab, generator=g)
    tokens = torch.randint(vocab, shape, generator=g)
    return logits, tokens, torch.rand(shape, generator=g) < 0.6


@sequence_logprobs.check
def one_token_of_two(fn):
    logits, mask = torch.tensor([[[math.log(3.0), 0.0]]]), torch.tensor([[True]])
    for token, p in ((0, 0.75), (1, 0.25)):
        expect(fn(logits, torch.tensor([[token]]), mask), torch.tensor([math.log(p)]))


@sequence_logprobs.check
def a_uniform_model_pays_log_vocabulary_for_each_counted_token(fn):
    for length, vocab, counted in ((1, 2, 1), (2, 2, 1), (3, 5, 3), (3, 5, 0), (12, 8, 7)):
        mask = (torch.arange(length) < counted)[None]
        got = fn(torch.zeros(1, length, vocab), torch.zeros(1, length, dtype=torch.long), mask)
        expect(got, torch.tensor([-counted * math.log(vocab)]))


@sequence_logprobs.check
def each_position_of_the_mask_belongs_to_the_token_at_that_position(fn):
    logits = torch.tensor([[[0.0, 1.0], [0.0, 2.0], [0.0, 3.0]]])
    tokens = torch.tensor([[1, 1, 1]])
    for t in range(3):
        mask = (torch.arange(3) == t)[None]
        want = -math.log(1 + math.exp(-(t + 1.0)))
        expect(fn(logits, tokens, mask), torch.tensor([want]))


@sequence_logprobs.check
def it_is_the_sum_written_out(fn):
    for seed, shape in enumerate(((2, 3), (5, 4), (4, 4), (3, 1))):
        logits, tokens, mask = _some_sequences(seed, *shape)
        rows = zip(logits, tokens, mask, strict=True)
        expect(fn(logits, tokens, mask), torch.tensor([_logprob_by_hand(*row) for row in rows]))


@sequence_logprobs.check
def leading_dimensions_stay(fn):
    logits, tokens, mask = _some_sequences(5, 2, 3, 4)
    for i in range(2):
        rows = zip(logits[i], tokens[i], mask[i], strict=True)
        want = torch.tensor([_logprob_by_hand(*row) for row in rows])
        expect(fn(logits, tokens, mask)[i], want)
    expect(fn(logits[0, 0], tokens[0, 0], mask[0, 0]), fn(logits, tokens, mask)[0, 0])


@sequence_logprobs.check
def over_all_sequences_the_probabilities_sum_to_one(fn):
    g = torch.Generator().manual_seed(6)
    tokens = torch.cartesian_prod(*[torch.arange(3)] * 3)
    logits = torch.randn(3, 3, generator=g).expand(27, 3, 3)
    total = fn(logits, tokens, torch.ones(27, 3, dtype=torch.bool)).exp().sum()
    expect(total, torch.tensor(1.0))


@sequence_logprobs.check
def adding_a_constant_to_the_scores_of_a_position_changes_nothing(fn):
    logits, tokens, mask = _some_sequences(7, 3, 4)
    shift = torch.tensor([1.0, -5.0, 20.0, 100.0])[:, None]
    want = [_logprob_by_hand(*row) for row in zip(logits, tokens, mask, strict=True)]
    expect(fn(logits + shift, tokens, mask), torch.tensor(want), tol=1e-4)


@sequence_logprobs.check
def scores_of_a_thousand_are_fine(fn):
    logits = torch.tensor([[[1000.0, 0.0], [0.0, -1000.0]]])
    mask = torch.ones(1, 2, dtype=torch.bool)
    expect(fn(logits, torch.tensor([[0, 0]]), mask), torch.tensor([0.0]))
    expect(fn(logits, torch.tensor([[1, 1]]), mask), torch.tensor([-2000.0]))


@sequence_logprobs.check
def what_is_masked_does_not_count_not_even_minus_infinity(fn):
    logits = torch.tensor([[[0.0, 0.0], [0.0, -math.inf]]])
    mask = torch.tensor([[True, False]])
    expect(fn(logits, torch.tensor([[0, 1]]), mask), torch.tensor([-math.log(2.0)]))


@sequence_logprobs.check
def an_impossible_token_that_counts_makes_the_sequence_impossible(fn):
    logits, mask = torch.tensor([[[0.0, -math.inf]]]), torch.tensor([[True]])
    expect(fn(logits, torch.tensor([[1]]), mask), torch.tensor([-math.inf]))


@sequence_logprobs.check
def the_gradient_is_one_hot_minus_probability_where_counted(fn):
    logits, tokens, mask = _some_sequences(8, 2, 3)
    logits.requires_grad_()
    (got,) = gradient(fn(logits, tokens, mask).sum(), logits)
    want = F.one_hot(tokens, 4) - logits.detach().softmax(-1)
    expect(got, want * mask[..., None], logits=logits, tokens=tokens, mask=mask)


@sequence_logprobs.check
def double_precision_stays_double(fn):
    logits, tokens, mask = _some_sequences(9, 2, 3)
    same_dtype(fn(logits.double(), tokens, mask), logits.double())


@sequence_logprobs.mistake("the mask is ignored: padding is paid for")
def _(logits, tokens, mask):
    return F.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0].sum(-1)


@sequence_logprobs.mistake("the mean over the counted tokens, where the sum was asked for")
def _(logits, tokens, mask):
    chosen = F.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0]
    return torch.where(mask, chosen, 0).sum(-1) / mask.sum(-1)


@sequence_logprobs.mistake("the mask is off by one: each token gets its neighbor's")
def _(logits, tokens, mask):
    chosen = F.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0]
    return torch.where(mask.roll(1, -1), chosen, 0).sum(-1)


@sequence_logprobs.mistake(
    "shifted by one: logits[t] is held against tokens[t + 1], which these are not for"
)
def _(logits, tokens, mask):
    every = F.log_softmax(logits[..., :-1, :], -1)
    chosen = every.gather(-1, tokens[..., 1:, None])[..., 0]
    return torch.where(mask[..., 1:], chosen, 0).sum(-1)


@sequence_logprobs.mistake("scores, not log-probabilities: the softmax is missing")
def _(logits, tokens, mask):
    return torch.where(mask, logits.gather(-1, tokens[..., None])[..., 0], 0).sum(-1)


@sequence_logprobs.mistake("softmax, then log: −inf for large scores, where log_softmax is exact")
def _(logits, tokens, mask):
    chosen = logits.softmax(-1).log().gather(-1, tokens[..., None])[..., 0]
    return torch.where(mask, chosen, 0).sum(-1)


@sequence_logprobs.mistake("normalized over positions instead of over the vocabulary")
def _(logits, tokens, mask):
    chosen = F.log_softmax(logits, -2).gather(-1, tokens[..., None])[..., 0]
    return torch.where(mask, chosen, 0).sum(-1)


@sequence_logprobs.mistake("multiplied by the mask: 0 · (−inf) is NaN")
def _(logits, tokens, mask):
    return (F.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0] * mask).sum(-1)


@sequence_logprobs.mistake("the sign: a loss (negative log-likelihood), not a log-probability")
def _(logits, tokens, mask):
    chosen = F.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0]
    return -torch.where(mask, chosen, 0).sum(-1)


@sequence_logprobs.mistake("one value per token: the sum over the sequence is missing")
def _(logits, tokens, mask):
    chosen = F.log_softmax(logits, -1).gather(-1, tokens[..., None])[..., 0]
    return torch.where(mask, chosen, 0)


@sequence_logprobs.right("by logsumexp, masked before the sum")
def _(logits, tokens, mask):
    taken = logits.gather(-1, tokens.unsqueeze(-1)).squeeze(-1) - logits.logsumexp(-1)
    return taken.masked_fill(~mask, 0.0).sum(-1)


@sequence_logprobs.right("by torch's own cross-entropy")
def _(logits, tokens, mask):
    flat = F.cross_entropy(logits.flatten(0, -2), tokens.flatten(), reduction="none")
    return -torch.where(mask, flat.view(tokens.shape), 0.0).sum(-1)
