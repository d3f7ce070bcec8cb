"""How `previous_token_weights` is judged: checks, mistakes, right answers."""

import torch

from lessons.induction_heads.checks.shared import four_matrices, handmade_stream, visible
from lessons.induction_heads.exercises import previous_token_weights
from lessons.induction_heads.stream import parts
from utils.grading import expect, require

SIZES = ((2, 2), (3, 4), (5, 3), (7, 9))


def _scores(fn, vocabulary, length):
    """q · k of the answer's weights on a random sequence, and what each key would write."""
    W_Q, W_K, W_V, W_O = four_matrices(fn, vocabulary, length)
    x, tokens = handmade_stream(vocabulary, length)
    return (x @ W_Q) @ (x @ W_K).T, x @ W_V @ W_O, tokens


@previous_token_weights.check
def each_query_finds_the_key_before_it_and_no_other(fn):
    for vocabulary, length in SIZES:
        scores, _, _ = _scores(fn, vocabulary, length)
        expected = torch.diag(torch.ones(length - 1), -1)
        expect(visible(scores), expected, vocabulary=vocabulary, length=length)


@previous_token_weights.check
def the_token_attended_to_is_written_to_the_part_before(fn):
    for vocabulary, length in SIZES:
        _, written, tokens = _scores(fn, vocabulary, length)
        expected = torch.zeros_like(written)
        before = parts(vocabulary, length)[2]
        expected[torch.arange(length), before.start + tokens] = 1.0
        expect(written, expected, vocabulary=vocabulary, length=length)


@previous_token_weights.check
def only_positions_decide_where_to_look(fn):
    for vocabulary, length in SIZES:
        W_Q, W_K, _, _ = four_matrices(fn, vocabulary, length)
        x, _ = handmade_stream(vocabulary, length, seed=1)
        y, _ = handmade_stream(vocabulary, length, seed=2)
        scores = [visible((z @ W_Q) @ (z @ W_K).T) for z in (x, y)]
        expect(scores[0], scores[1], vocabulary=vocabulary, length=length)


@previous_token_weights.check
def with_sharp_scores_all_attention_lies_on_the_position_before(fn):
    scores, written, tokens = _scores(fn, 6, 8)
    hidden = torch.ones(8, 8, dtype=torch.bool).triu(1)
    pattern = (50 * scores).masked_fill(hidden, -torch.inf).softmax(-1)
    before = parts(6, 8)[2]
    found = (pattern @ written)[1:, before].argmax(-1)
    same = bool((found == tokens[:-1]).all())
    require(same, f"the tokens before: {tokens[:-1].tolist()}", found.tolist(), vocabulary=6)


def _weights(vocabulary, length, keys=None, where="before"):
    """Weights of this kind, with other keys or another part to write to."""
    token, place, before, copied = parts(vocabulary, length)
    W_Q, W_K, W_V = torch.zeros(3, copied.stop, place.stop)
    W_O = torch.zeros(place.stop, copied.stop)
    W_Q[place, place] = torch.eye(length)
    W_K[place, place] = torch.diag(torch.ones(length - 1), 1) if keys is None else keys
    W_V[token, token] = torch.eye(vocabulary)
    target = {"token": token, "before": before, "copied": copied}[where]
    W_O[token, target] = torch.eye(vocabulary)
    return W_Q, W_K, W_V, W_O


@previous_token_weights.mistake(
    "the shift goes the wrong way, or along the other dimension: it looks for the position after"
)
def _(vocabulary, length):
    return _weights(vocabulary, length, torch.diag(torch.ones(length - 1), -1))


@previous_token_weights.mistake("no shift: it looks at its own position")
def _(vocabulary, length):
    return _weights(vocabulary, length, torch.eye(length))


@previous_token_weights.mistake("it looks two back")
def _(vocabulary, length):
    return _weights(vocabulary, length, torch.diag(torch.ones(length - 2), 2))


@previous_token_weights.mistake(
    "both query and key are shifted, which cancels: it looks at its own position"
)
def _(vocabulary, length):
    _, W_K, W_V, W_O = _weights(vocabulary, length)
    return W_K.clone(), W_K, W_V, W_O


@previous_token_weights.mistake("written over the part token: the two tokens blur into one")
def _(vocabulary, length):
    return _weights(vocabulary, length, where="token")


@previous_token_weights.mistake("written to the part copied, where the next layer will not look")
def _(vocabulary, length):
    return _weights(vocabulary, length, where="copied")


@previous_token_weights.mistake("the value is the position: no token is carried")
def _(vocabulary, length):
    W_Q, W_K, W_V, W_O = _weights(vocabulary, length)
    _, place, before, _ = parts(vocabulary, length)
    few = min(vocabulary, length)
    W_V, W_O = torch.zeros_like(W_V), torch.zeros_like(W_O)
    W_V[place, place] = torch.eye(length)
    W_O[place, before][:few, :few] = torch.eye(few)
    return W_Q, W_K, W_V, W_O


@previous_token_weights.mistake("it matches tokens, not positions: it finds equal tokens")
def _(vocabulary, length):
    W_Q, W_K, W_V, W_O = _weights(vocabulary, length)
    token = parts(vocabulary, length)[0]
    W_Q, W_K = torch.zeros_like(W_Q), torch.zeros_like(W_K)
    W_Q[token, token] = W_K[token, token] = torch.eye(vocabulary)
    return W_Q, W_K, W_V, W_O


@previous_token_weights.right("by a roll, whose wrap nobody can see")
def _(vocabulary, length):
    return _weights(vocabulary, length, torch.eye(length).roll(1, 1))


@previous_token_weights.right("by shifting the query back, an entry at a time")
def _(vocabulary, length):
    _, place, before, copied = parts(vocabulary, length)
    W_Q = torch.zeros(copied.stop, place.stop)
    W_K, W_V, W_O = W_Q.clone(), W_Q.clone(), torch.zeros(place.stop, copied.stop)
    for i in range(length):
        W_K[place.start + i, place.start + i] = 1
        if i:
            W_Q[place.start + i, place.start + i - 1] = 1
    for t in range(vocabulary):
        W_V[t, t] = W_O[t, before.start + t] = 1
    return W_Q, W_K, W_V, W_O
