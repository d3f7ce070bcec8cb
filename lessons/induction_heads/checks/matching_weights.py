"""How `matching_weights` is judged: checks, mistakes, right answers."""

import torch

from lessons.induction_heads.checks.shared import handmade_stream, randn, two_matrices
from lessons.induction_heads.exercises import matching_weights
from lessons.induction_heads.stream import parts
from utils.grading import expect

SIZES = ((2, 3), (3, 5), (6, 4), (8, 9))


def _scores(fn, x, vocabulary, length):
    W_Q, W_K = two_matrices(fn(vocabulary, length), vocabulary, length)
    return (x @ W_Q) @ (x @ W_K).T


@matching_weights.check
def one_where_the_querys_token_is_the_token_before_the_key(fn):
    for vocabulary, length in SIZES:
        x, tokens = handmade_stream(vocabulary, length, before=True)
        beside = tokens.roll(1)
        beside[0] = tokens[0]  # the first position can only have attended to itself
        expected = (tokens[:, None] == beside[None]).float()
        expect(_scores(fn, x, vocabulary, length), expected, vocabulary=vocabulary, length=length)


@matching_weights.check
def where_nothing_is_written_beside_the_keys_nothing_matches(fn):
    for vocabulary, length in SIZES:
        x, _ = handmade_stream(vocabulary, length)
        expected = torch.zeros(length, length)
        expect(_scores(fn, x, vocabulary, length), expected, vocabulary=vocabulary, length=length)


@matching_weights.check
def it_is_the_product_of_two_parts_of_any_stream(fn):
    for vocabulary, length in SIZES:
        token, _, before, copied = parts(vocabulary, length)
        x = randn(length, copied.stop, seed=3)
        expected = x[:, token] @ x[:, before].T
        got = _scores(fn, x, vocabulary, length)
        expect(got, expected, tol=1e-4, vocabulary=vocabulary, length=length)


def _weights(vocabulary, length, query="token", key="before"):
    names = dict(
        zip(("token", "place", "before", "copied"), parts(vocabulary, length), strict=True)
    )
    W_Q, W_K = torch.zeros(2, names["copied"].stop, names["place"].stop)
    W_Q[names[query], names["token"]] = torch.eye(vocabulary)
    W_K[names[key], names["token"]] = torch.eye(vocabulary)
    return W_Q, W_K


@matching_weights.mistake("the key answers with its own token: it finds that, and not what follows")
def _(vocabulary, length):
    return _weights(vocabulary, length, key="token")


@matching_weights.mistake(
    "query and key are exchanged: the query asks with the token before, the key answers its own"
)
def _(vocabulary, length):
    return _weights(vocabulary, length, "before", "token")


@matching_weights.mistake("the query asks with the token before it, too")
def _(vocabulary, length):
    return _weights(vocabulary, length, "before", "before")


@matching_weights.mistake("the key answers with its own token as well")
def _(vocabulary, length):
    W_Q, W_K = _weights(vocabulary, length)
    return W_Q, W_K + _weights(vocabulary, length, key="token")[1]


@matching_weights.mistake("equal positions match as well")
def _(vocabulary, length):
    W_Q, W_K = _weights(vocabulary, length)
    place = parts(vocabulary, length)[1]
    W_Q[place, place] = W_K[place, place] = torch.eye(length)
    return W_Q, W_K


@matching_weights.mistake("a minus too many: matches are avoided")
def _(vocabulary, length):
    W_Q, W_K = _weights(vocabulary, length)
    return W_Q, -W_K


@matching_weights.mistake("the key reads the part copied, which is still empty")
def _(vocabulary, length):
    return _weights(vocabulary, length, key="copied")


@matching_weights.right("by one entry a token")
def _(vocabulary, length):
    _, place, before, copied = parts(vocabulary, length)
    W_Q, W_K = torch.zeros(copied.stop, place.stop), torch.zeros(copied.stop, place.stop)
    for t in range(vocabulary):
        W_Q[t, t] = 1
        W_K[before.start + t, t] = 1
    return W_Q, W_K


@matching_weights.right("in the head's last columns, with other sizes that multiply to one")
def _(vocabulary, length):
    W_Q, W_K = _weights(vocabulary, length)
    return 4 * W_Q.flip(1), W_K.flip(1) / 4
