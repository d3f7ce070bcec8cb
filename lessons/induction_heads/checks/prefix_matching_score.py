"""How `prefix_matching_score` is judged: checks, mistakes, right answers."""

import torch
from torch import nn

from lessons.induction_heads.checks.shared import not_before, prefix_in_loops, randn
from lessons.induction_heads.exercises import prefix_matching_score
from utils.grading import expect


def _pattern(*shape, seed=0):
    """Random causal attention of the shape (batch, head, n, n)."""
    scores = 2 * randn(*shape, seed=seed)
    return scores.masked_fill(not_before(shape[-1]), -torch.inf).softmax(-1)


def _one_hot(rows):
    """A pattern in which query i attends to key rows[i] alone: (1, 1, n, n)."""
    return nn.functional.one_hot(torch.tensor(rows), len(rows)).float()[None, None]


@prefix_matching_score.check
def the_smallest_repeat(fn):
    tokens = torch.tensor([[7, 8, 7]])
    for key, score in ((1, 1.0), (0, 0.0), (2, 0.0)):
        pattern = _one_hot([0, 1, key])
        expect(fn(pattern, tokens), torch.tensor([score]), pattern=pattern, tokens=tokens)


@prefix_matching_score.check
def a_perfect_induction_head_scores_one(fn):
    tokens = torch.tensor([[3, 1, 2, 3, 1, 2]])
    pattern = _one_hot([0, 0, 0, 1, 2, 3])
    expect(fn(pattern, tokens), torch.tensor([1.0]), pattern=pattern, tokens=tokens)


@prefix_matching_score.check
def attention_to_the_token_itself_or_to_the_previous_one_scores_nothing(fn):
    tokens = torch.tensor([[3, 1, 2, 3, 1, 2]])
    for rows in ([0, 0, 0, 0, 1, 2], [0, 1, 2, 3, 4, 5], [0, 0, 1, 2, 3, 4], [0, 0, 0, 2, 3, 4]):
        pattern = _one_hot(rows)
        expect(fn(pattern, tokens), torch.tensor([0.0]), pattern=pattern, tokens=tokens)


@prefix_matching_score.check
def every_earlier_occurrence_counts(fn):
    tokens = torch.tensor([[5, 6, 5, 9, 5]])
    cases = [([0, 0.5, 0, 0.5, 0], 1.0), ([0, 0.2, 0.5, 0.3, 0], 0.5)]
    cases += [([0, 1, 0, 0, 0], 1.0), ([0, 0, 0, 1, 0], 1.0)]
    for weights, score in cases:
        pattern = _one_hot([0, 1, 1, 3, 4])
        pattern[0, 0, 4] = torch.tensor(weights)
        expected = torch.tensor([(1 + score) / 2])  # the query at position 2 scores 1
        expect(fn(pattern, tokens), expected, pattern=pattern, tokens=tokens)


@prefix_matching_score.check
def a_token_may_follow_itself(fn):
    tokens = torch.tensor([[4, 4]])
    for key, score in ((1, 1.0), (0, 0.0)):
        pattern = _one_hot([0, key])
        expect(fn(pattern, tokens), torch.tensor([score]), pattern=pattern, tokens=tokens)


@prefix_matching_score.check
def without_repeats_it_is_zero(fn):
    tokens = torch.tensor([[0, 1, 2], [5, 4, 3]])
    expect(fn(_pattern(2, 3, 3, 3), tokens), torch.zeros(3), tokens=tokens)


@prefix_matching_score.check
def it_is_the_definition_written_out_for_any_batch(fn):
    sizes = ((1, 1, 4, 2), (3, 2, 6, 4), (2, 4, 9, 3), (5, 3, 12, 40))
    for seed, (batch, heads, n, vocabulary) in enumerate(sizes):
        tokens = torch.randint(
            vocabulary, (batch, n), generator=torch.Generator().manual_seed(seed)
        )
        pattern = _pattern(batch, heads, n, n, seed=seed)
        expected = prefix_in_loops(pattern, tokens)
        expect(fn(pattern, tokens), expected, pattern=pattern, tokens=tokens)


@prefix_matching_score.check
def sequences_with_more_repeats_weigh_more(fn):
    tokens = torch.tensor([[1, 2, 3, 1], [1, 2, 1, 2]])
    pattern = torch.cat([_one_hot([0, 1, 2, 1]), _one_hot([0, 1, 2, 3])])
    expect(fn(pattern, tokens), torch.tensor([1 / 3]), pattern=pattern, tokens=tokens)


def _matches(tokens):
    n = tokens.shape[1]
    return (tokens[:, :, None] == tokens[:, None, :]) & torch.ones(n, n).tril(-1).bool()


def _score(pattern, tokens, wanted):
    repeated = _matches(tokens).any(2)[:, None]
    attention = (pattern * wanted[:, None]).sum(3) * repeated
    return attention.sum((0, 2)) / repeated.sum().clamp(min=1)


@prefix_matching_score.mistake(
    "off by one: attention on the earlier occurrence itself, as a duplicate-token head has it"
)
def _(pattern, tokens):
    return _score(pattern, tokens, _matches(tokens))


@prefix_matching_score.mistake("off by one: the key before the earlier occurrence")
def _(pattern, tokens):
    return _score(pattern, tokens, _matches(tokens).roll(-1, dims=2))


@prefix_matching_score.mistake(
    "shifted along the wrong dimension: the queries have moved, and the keys should"
)
def _(pattern, tokens):
    match = _matches(tokens)
    moved = torch.cat([torch.zeros_like(match[:, :1]), match[:, :-1]], 1)
    return _score(pattern, tokens, moved)


@prefix_matching_score.mistake(
    "wrong mask: a token counts as its own earlier occurrence, so that every query is a repeat"
)
def _(pattern, tokens):
    n = tokens.shape[1]
    match = (tokens[:, :, None] == tokens[:, None, :]) & torch.ones(n, n).tril().bool()
    attention = (pattern * match.roll(1, dims=2).tril()[:, None]).sum(3)
    return attention.sum((0, 2)) / match.any(2).sum()


@prefix_matching_score.mistake(
    "no mask: later occurrences count too, so that a token's first place is taken for a repeat"
)
def _(pattern, tokens):
    n = tokens.shape[1]
    same = (tokens[:, :, None] == tokens[:, None, :]) & ~torch.eye(n, dtype=torch.bool)
    repeated = same.any(2)[:, None]
    attention = (pattern * same.roll(1, dims=2)[:, None]).sum(3) * repeated
    return attention.sum((0, 2)) / repeated.sum().clamp(min=1)


@prefix_matching_score.mistake("only the last occurrence counts, though several may be attended")
def _(pattern, tokens):
    match = _matches(tokens)
    last = match & (match.flip(2).cumsum(2).flip(2) == 1)
    return _score(pattern, tokens, last.roll(1, dims=2))


@prefix_matching_score.mistake("only the first occurrence counts")
def _(pattern, tokens):
    match = _matches(tokens)
    return _score(pattern, tokens, (match & (match.cumsum(2) == 1)).roll(1, dims=2))


@prefix_matching_score.mistake(
    "all queries are averaged, those without a repeat too: does a token count as its own earlier "
    "occurrence?"
)
def _(pattern, tokens):
    return (pattern * _matches(tokens).roll(1, dims=2)[:, None]).sum(3).mean((0, 2))


@prefix_matching_score.mistake("queries and keys are swapped: the pattern is transposed")
def _(pattern, tokens):
    return _score(pattern.mT, tokens, _matches(tokens).roll(1, dims=2))


@prefix_matching_score.mistake("the mean over the matching keys is taken, where their sum is meant")
def _(pattern, tokens):
    wanted = _matches(tokens).roll(1, dims=2)
    return _score(pattern / wanted.sum(2).clamp(min=1)[:, None, :, None], tokens, wanted)


@prefix_matching_score.mistake(
    "each sequence is averaged by itself first, however few repeats it has"
)
def _(pattern, tokens):
    wanted = _matches(tokens).roll(1, dims=2)
    rows = zip(pattern.split(1), tokens.split(1), wanted.split(1), strict=True)
    return torch.stack([_score(*row) for row in rows]).mean(0)


@prefix_matching_score.right("by loops over sequences, queries and earlier positions")
def _(pattern, tokens):
    total, count = torch.zeros(pattern.shape[1], dtype=pattern.dtype), 0
    for b in range(len(tokens)):
        for i in range(tokens.shape[1]):
            keys = [j + 1 for j in range(i) if tokens[b, j] == tokens[b, i]]
            if keys:
                count += 1
                total = total + pattern[b, :, i, keys].sum(-1)
    return total / max(count, 1)


@prefix_matching_score.right("by comparing queries with the tokens before the keys")
def _(pattern, tokens):
    n = tokens.shape[1]
    follows = torch.zeros(len(tokens), n, n, dtype=torch.bool)
    follows[:, :, 1:] = tokens[:, :, None] == tokens[:, None, :-1]
    follows &= torch.ones(n, n, dtype=torch.bool).tril()  # a key at the query's own place counts
    attention = torch.einsum("bhqk,bqk->bhq", pattern, follows.to(pattern.dtype))
    some = follows.any(-1)
    if not some.any():
        return torch.zeros(pattern.shape[1], dtype=pattern.dtype)
    return attention.transpose(0, 1)[:, some].mean(-1)
