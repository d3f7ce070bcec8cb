"""How `with_a_resting_place` is judged: checks, mistakes, right answers."""

import torch

from lessons.induction_heads.checks.shared import handmade_stream, two_matrices
from lessons.induction_heads.exercises import matching_weights, with_a_resting_place
from lessons.induction_heads.stream import parts
from utils.grading import expect

SIZES = ((2, 3), (3, 5), (6, 4), (8, 9))


def _scores(fn, vocabulary, length, before=True):
    given = matching_weights.reference(vocabulary, length)
    W_Q, W_K = two_matrices(fn(*given, vocabulary, length), vocabulary, length)
    x, tokens = handmade_stream(vocabulary, length, before=before)
    return (x @ W_Q) @ (x @ W_K).T, tokens


@with_a_resting_place.check
def where_nothing_matches_only_the_own_position_scores(fn):
    for vocabulary, length in SIZES:
        scores, _ = _scores(fn, vocabulary, length, before=False)
        expected = torch.eye(length) / 2
        expect(scores, expected, vocabulary=vocabulary, length=length)


@with_a_resting_place.check
def matches_stay_and_half_of_one_is_added_on_the_diagonal(fn):
    for vocabulary, length in SIZES:
        scores, tokens = _scores(fn, vocabulary, length)
        beside = tokens.roll(1)
        beside[0] = tokens[0]
        expected = (tokens[:, None] == beside[None]).float() + torch.eye(length) / 2
        expect(scores, expected, vocabulary=vocabulary, length=length)


@with_a_resting_place.check
def a_match_wins_and_without_one_attention_rests(fn):
    scores, tokens = _scores(fn, 5, 7)
    hidden = torch.ones(7, 7, dtype=torch.bool).triu(1)
    pattern = (40 * scores).masked_fill(hidden, -torch.inf).softmax(-1)
    beside = tokens.roll(1)
    beside[0] = tokens[0]
    match = (tokens[:, None] == beside[None]) & ~hidden
    alone = match | torch.eye(7, dtype=torch.bool) & ~match.any(1, keepdim=True)
    # at its own position a match and the rest add up, and take all
    both = match.diagonal()[:, None]
    wanted = torch.where(both, torch.eye(7), alone / alone.sum(1, keepdim=True))
    expect(pattern, wanted, tol=1e-4, vocabulary=5, length=7)


def _with(W_Q, W_K, vocabulary, length, query, key):
    _, place, _, _ = parts(vocabulary, length)
    W_Q, W_K = W_Q.clone(), W_K.clone()
    W_Q[place, place], W_K[place, place] = query, key
    return W_Q, W_K


@with_a_resting_place.mistake("as strong as a match: attention is shared between the two")
def _(W_Q, W_K, vocabulary, length):
    one = torch.eye(length)
    return _with(W_Q, W_K, vocabulary, length, one, one)


@with_a_resting_place.mistake("1/2 in the query and 1/2 in the key: their product is a quarter")
def _(W_Q, W_K, vocabulary, length):
    half = torch.eye(length) / 2
    return _with(W_Q, W_K, vocabulary, length, half, half)


@with_a_resting_place.mistake("only the query says its position: no key answers")
def _(W_Q, W_K, vocabulary, length):
    one = torch.eye(length)
    return _with(W_Q, W_K, vocabulary, length, one, 0 * one)


@with_a_resting_place.mistake("it rests on the position before, not on its own")
def _(W_Q, W_K, vocabulary, length):
    back = torch.diag(torch.ones(length - 1), 1) / 2
    return _with(W_Q, W_K, vocabulary, length, torch.eye(length), back)


@with_a_resting_place.mistake("it rests on the first position, whoever asks")
def _(W_Q, W_K, vocabulary, length):
    first, ones = torch.zeros(length, length), torch.zeros(length, length)
    first[0, 0], ones[:, 0] = 0.5, 1.0
    return _with(W_Q, W_K, vocabulary, length, ones, first)


@with_a_resting_place.mistake("the matching is gone: new weights instead of more of them")
def _(W_Q, W_K, vocabulary, length):
    one = torch.eye(length)
    return _with(0 * W_Q, 0 * W_K, vocabulary, length, one, one / 2)


@with_a_resting_place.mistake("a minus too many: it avoids its own position")
def _(W_Q, W_K, vocabulary, length):
    one = torch.eye(length)
    return _with(W_Q, W_K, vocabulary, length, one, -one / 2)


@with_a_resting_place.mistake("it rests on equal tokens, not on its own position")
def _(W_Q, W_K, vocabulary, length):
    token = parts(vocabulary, length)[0]
    W_K = W_K.clone()
    W_K[token, token] = torch.eye(vocabulary) / 2
    return W_Q.clone(), W_K


@with_a_resting_place.right("by the root of a half on both sides")
def _(W_Q, W_K, vocabulary, length):
    root = torch.eye(length) * 0.5**0.5
    return _with(W_Q, W_K, vocabulary, length, root, root)


@with_a_resting_place.right("by adding a position at a time")
def _(W_Q, W_K, vocabulary, length):
    add_q, add_k = torch.zeros_like(W_Q), torch.zeros_like(W_K)
    for i in range(length):
        add_q[vocabulary + i, vocabulary + i], add_k[vocabulary + i, vocabulary + i] = 0.5, 1.0
    return W_Q + add_q, W_K + add_k
