"""How `induction_head_by_hand` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.induction_heads.checks.shared import prefix_in_loops
from lessons.induction_heads.exercises import induction_head_by_hand
from utils import transformer
from utils.grading import require


def _built(fn, vocabulary, length):
    """The answer's model, and its logits whatever its class says: the weights alone count."""
    model = fn(vocabulary, length)
    kind = transformer.AttentionOnlyTransformer
    require(isinstance(model, kind), "a utils.transformer.AttentionOnlyTransformer", model)
    require(model.n_layers == 2, "two layers", model.n_layers)
    shapes = [tuple(model.W_E.shape[:1]), tuple(model.W_pos.shape[:1]), tuple(model.W_U.shape[1:])]
    require(shapes == [(vocabulary,), (length,), (vocabulary,)], "sizes as asked for", shapes)

    @torch.no_grad()
    def probabilities(tokens):
        return kind.run_with_hooks(model, tokens, {}).softmax(-1)

    return model, probabilities


def _random_walks(n, vocabulary, length, seed=0):
    """Random sequences in which no token follows itself: (n, length)."""
    generator = torch.Generator().manual_seed(seed)
    step = torch.randint(1, vocabulary, (n, length), generator=generator)
    return step.cumsum(1) % vocabulary


def _followers(row, i):
    return {row[j + 1] for j in range(i) if row[j] == row[i]}


@induction_head_by_hand.check
def after_a_b_a_comes_b(fn):
    _, probabilities = _built(fn, 3, 3)
    for a, b in ((a, b) for a in range(3) for b in range(3) if a != b):
        p = probabilities(torch.tensor([[a, b, a]]))[0, 2, b].item()
        require(p > 0.9, "a probability above 0.9 for B after A B A", p, tokens=[a, b, a])


@induction_head_by_hand.check
def it_continues_repeated_sequences_of_any_size(fn):
    for vocabulary, length, period in ((5, 8, 3), (12, 30, 12), (4, 6, 2), (40, 24, 11)):
        _, probabilities = _built(fn, vocabulary, length)
        generator = torch.Generator().manual_seed(vocabulary)
        order = torch.rand(6, vocabulary, generator=generator).argsort(1)
        tokens = order[:, torch.arange(length) % period]
        p = probabilities(tokens)[:, period:-1].gather(2, tokens[:, period + 1 :, None])
        low = p.min().item() if p.numel() else 1.0
        require(low > 0.9, "more than 0.9 wherever the token occurred before", low, tokens=tokens)


@induction_head_by_hand.check
def it_looks_only_at_what_followed_this_token(fn):
    _, probabilities = _built(fn, 9, 14)
    tokens = _random_walks(40, 9, 14)
    p = probabilities(tokens)
    for b, row in enumerate(tokens.tolist()):
        for i in range(14):
            after = _followers(row, i)
            if len(after) == 1:
                got = p[b, i, after.pop()].item()
                require(got > 0.9, "more than 0.9 for what followed", got, tokens=row[: i + 1])


@induction_head_by_hand.check
def different_followers_share_alike(fn):
    _, probabilities = _built(fn, 8, 9)
    for row, followers in (([0, 1, 0, 2, 0], (1, 2)), ([7, 3, 1, 4, 1, 5, 1, 6, 1], (4, 5, 6))):
        p = probabilities(torch.tensor([row]))[0, -1]
        for token in followers:
            got = p[token].item() * len(followers)
            said = f"about 1/{len(followers)} for token {token}"
            require(0.8 < got < 1.2, said, got / len(followers), tokens=row)


@induction_head_by_hand.check
def with_nothing_to_copy_it_does_little_harm(fn):
    for vocabulary, length in ((6, 6), (30, 20)):
        _, probabilities = _built(fn, vocabulary, length)
        generator = torch.Generator().manual_seed(1)
        order = torch.rand(200, vocabulary, generator=generator).argsort(1)[:, :length]
        p = probabilities(order)[:, :-1].gather(2, order[:, 1:, None])
        loss, most = -p.log().mean().item(), math.log(vocabulary) + 1
        require(loss <= most, f"at most {most:.2f} nats where every token is new", loss)


@induction_head_by_hand.check
def one_layer_looks_one_back_and_the_next_matches(fn):
    model, _ = _built(fn, 12, 20)
    tokens = torch.arange(20)[None] % 7
    _, cache = transformer.AttentionOnlyTransformer.run_with_cache(model, tokens)
    previous = cache["pattern.0"][0].diagonal(-1, 1, 2).mean(1).max().item()
    require(previous > 0.9, "a head of layer 0 that attends to the previous token", previous)
    matching = prefix_in_loops(cache["pattern.1"], tokens).max().item()
    require(matching > 0.9, "a head of layer 1 with a prefix matching score above 0.9", matching)


@induction_head_by_hand.check
def sequences_may_be_shorter_than_the_length(fn):
    _, probabilities = _built(fn, 6, 50)
    p = probabilities(torch.tensor([[2, 5, 1, 2]]))[0, 3, 5].item()
    require(p > 0.9, "a probability above 0.9 for B", p, tokens=[2, 5, 1, 2])


def _by_hand(vocabulary, length, change):
    """The reference's model with something about its weights changed."""
    model = induction_head_by_hand.reference(vocabulary, length)
    end = vocabulary + length
    parts = slice(0, vocabulary), slice(vocabulary, end), slice(end, None)
    with torch.no_grad():
        change(model, *parts)
    return model


@induction_head_by_hand.mistake("layer 1 matches the token itself, not the one before it")
def _(vocabulary, length):
    def change(model, token, place, before):
        model.W_K[1, 0, token] = model.W_K[1, 0, before]
        model.W_K[1, 0, before] = 0

    return _by_hand(vocabulary, length, change)


@induction_head_by_hand.mistake("layer 0 looks at its own position instead of one back")
def _(vocabulary, length):
    def change(model, token, place, before):
        model.W_K[0, 0] = model.W_K[0, 0].roll(1, 1)

    return _by_hand(vocabulary, length, change)


@induction_head_by_hand.mistake("layer 0 looks two back")
def _(vocabulary, length):
    def change(model, token, place, before):
        shifted = model.W_K[0, 0, place, vocabulary:].roll(-1, 1)
        model.W_K[0, 0, place, vocabulary:] = shifted

    return _by_hand(vocabulary, length, change)


@induction_head_by_hand.mistake("scores are too small: attention stays spread over everything")
def _(vocabulary, length):
    def change(model, token, place, before):
        model.W_Q.div_(40)

    return _by_hand(vocabulary, length, change)


@induction_head_by_hand.mistake("with nothing to match it repeats the current token")
def _(vocabulary, length):
    def change(model, token, place, before):
        model.W_O[1].mul_(-40)
        model.W_U.div_(-40)

    return _by_hand(vocabulary, length, change)


@induction_head_by_hand.mistake("the value in layer 1 is the token before: it copies [A] after [A]")
def _(vocabulary, length):
    def change(model, token, place, before):
        model.W_V[1, 0, before] = model.W_V[1, 0, token]
        model.W_V[1, 0, token] = 0

    return _by_hand(vocabulary, length, change)


@induction_head_by_hand.mistake("the sign of what is copied is wrong: what followed is suppressed")
def _(vocabulary, length):
    def change(model, token, place, before):
        model.W_O[1].neg_()

    return _by_hand(vocabulary, length, change)


@induction_head_by_hand.mistake(
    "query and key are exchanged: the query is the token before, the key the token itself"
)
def _(vocabulary, length):
    def change(model, token, place, before):
        for W in (model.W_Q, model.W_K):
            swapped = W[1, 0, before].clone()
            W[1, 0, before] = W[1, 0, token]
            W[1, 0, token] = swapped

    return _by_hand(vocabulary, length, change)


@induction_head_by_hand.right("by slices of a wider stream, with a place of its own to rest on")
def _(vocabulary, length):
    V, n = vocabulary, length
    # Parts of the stream: token, position, token before, copied token. Position 0's token is read
    # as if it stood before nothing: its key stays empty.
    model = transformer.AttentionOnlyTransformer(V, n, 2, 1, 3 * V + n, V + n)
    token, place = slice(0, V), slice(V, V + n)
    before, copied = slice(V + n, 2 * V + n), slice(2 * V + n, 3 * V + n)
    strong = 50 * (V + n) ** 0.5
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        model.W_E[:, token] = torch.eye(V)
        model.W_pos[:, place] = torch.eye(n)
        model.W_Q[0, 0, place, V:] = strong * torch.eye(n)
        model.W_K[0, 0, place, V:] = torch.eye(n).roll(1, 1)
        model.W_V[0, 0, token, :V] = torch.eye(V)
        model.W_O[0, 0, :V, before] = torch.eye(V)
        model.W_Q[1, 0, token, :V] = strong * torch.eye(V)
        model.W_Q[1, 0, place, V:] = 0.5 * strong * torch.eye(n)
        model.W_K[1, 0, before, :V] = torch.eye(V)
        model.W_K[1, 0, place, V:] = torch.eye(n)
        model.W_V[1, 0, token, :V] = torch.eye(V)
        model.W_O[1, 0, :V, copied] = torch.eye(V)
        model.W_U[copied] = 30 * torch.eye(V)
        model.W_U[token] = -30 * torch.eye(V)  # resting on itself copies nothing
    return model


@induction_head_by_hand.right("by the reference's parts, in another order of the stream")
def _(vocabulary, length):
    model = induction_head_by_hand.reference(vocabulary, length)
    order = torch.arange(2 * vocabulary + length).flip(0)
    with torch.no_grad():
        for weight, dim in ((model.W_E, 1), (model.W_pos, 1), (model.W_U, 0), (model.W_O, 3)):
            weight.copy_(weight.index_select(dim, order))
        for weight in (model.W_Q, model.W_K, model.W_V):
            weight.copy_(weight.index_select(2, order))
    return model
