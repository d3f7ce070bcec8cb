"""How `induction_head_by_hand` is judged: checks, mistakes, right answers."""

import math

import torch

from lessons.induction_heads.checks.shared import prefix_in_loops
from lessons.induction_heads.exercises import induction_head_by_hand
from lessons.induction_heads.stream import parts
from utils import transformer
from utils.grading import require


def _built(fn, vocabulary, length):
    """The answer's model, and its probabilities whatever its class says: the weights count."""
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


def _need(fn, truth, expected, got, **given):
    """`require`, which says of a model that fails which of its parts is the first to be wrong."""
    require(truth, expected, truth or f"{got:.2f}. {_first_fault(fn(12, 20))}", **given)


@torch.no_grad()
def _first_fault(model):
    """Go through the parts in the order of the steps, and say what the first wrong one does."""
    kind = transformer.AttentionOnlyTransformer
    tokens, place = torch.arange(20)[None] % 7, torch.arange(20)
    logits, cache = kind.run_with_cache(model, tokens)
    if not logits.isfinite().all():
        return "Logits are not finite"
    back, own = (cache["pattern.0"][0].diagonal(-d, 1, 2)[:, 1:].mean(1).max() for d in (1, 0))
    if back < 0.9:
        sum_to = "at the own position" if own > 0.5 else "elsewhere, or spread out"
        return f"Layer 0: {back:.2f} of its attention is one back, the rest {sum_to}"
    pattern = cache["pattern.1"][0, :, 7:]  # queries whose token stood before
    key, token = place[None], tokens[0]
    follows = (token[place - 1][None] == token[7:, None]) & (key > 0) & (key <= place[7:, None])
    same = (token[None] == token[7:, None]) & (key < place[7:, None])
    found, earlier = ((pattern * where).sum(2).mean(1).max() for where in (follows, same))
    if found < 0.9:
        said = "the earlier occurrence itself" if earlier > 0.5 else "other keys: rest, or spread"
        return f"Layer 1: {found:.2f} of its attention is on what followed, the rest on {said}"
    new = torch.arange(12)[None]  # nothing to match
    alone = kind.run_with_hooks(model, new, {})[0]
    rests = (
        kind.run_with_cache(model, new)[1]["pattern.1"][0].diagonal(0, 1, 2)[:, 1:].mean(1).max()
    )
    if rests < 0.9:
        return (
            f"Layer 1: with nothing to match, {rests:.2f} of its attention is at its own position"
        )
    rise = logits - kind.run_with_hooks(model, tokens, {"head.1": lambda z: 0 * z})
    rise = rise[0, 7:19] - rise[0, 7:19].mean(1, keepdim=True)
    right = rise.gather(1, tokens[0, 8:, None]).mean()
    current = rise.gather(1, tokens[0, 7:19, None]).mean()
    if right < 1 < current:
        return "What layer 1 writes raises the current token's logit, and not that of the one found"
    if right < 1:
        what = "lowers" if right < -1 else "does not raise"
        return f"What layer 1 writes {what} the logit of the token that it found"
    left = alone.diagonal() - alone.median(1).values  # the current token's own logit, at rest
    left = left[1:].mean() / right
    if left.abs() > 0.1:
        side = "above" if left > 0 else "below"
        return f"At rest the current token's logit lies {side} the others': as much as copied?"
    return "All parts do their work: sharpness, or the size of the logits"


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
        _need(fn, p > 0.9, "a probability above 0.9 for B after A B A", p, tokens=[a, b, a])


@induction_head_by_hand.check
def it_continues_repeated_sequences_of_any_size(fn):
    for vocabulary, length, period in ((5, 8, 3), (12, 30, 12), (4, 6, 2), (40, 24, 11)):
        _, probabilities = _built(fn, vocabulary, length)
        generator = torch.Generator().manual_seed(vocabulary)
        order = torch.rand(6, vocabulary, generator=generator).argsort(1)
        tokens = order[:, torch.arange(length) % period]
        p = probabilities(tokens)[:, period:-1].gather(2, tokens[:, period + 1 :, None])
        low = p.min().item() if p.numel() else 1.0
        _need(fn, low > 0.9, "more than 0.9 wherever the token occurred before", low, tokens=tokens)


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
                _need(fn, got > 0.9, "more than 0.9 for what followed", got, tokens=row[: i + 1])


@induction_head_by_hand.check
def different_followers_share_alike(fn):
    _, probabilities = _built(fn, 8, 9)
    for row, followers in (([0, 1, 0, 2, 0], (1, 2)), ([7, 3, 1, 4, 1, 5, 1, 6, 1], (4, 5, 6))):
        p = probabilities(torch.tensor([row]))[0, -1]
        for token in followers:
            got = p[token].item() * len(followers)
            said = f"about 1/{len(followers)} for token {token}"
            _need(fn, 0.8 < got < 1.2, said, got / len(followers), tokens=row)


@induction_head_by_hand.check
def with_nothing_to_copy_it_does_little_harm(fn):
    for vocabulary, length in ((6, 6), (30, 20)):
        _, probabilities = _built(fn, vocabulary, length)
        generator = torch.Generator().manual_seed(1)
        order = torch.rand(200, vocabulary, generator=generator).argsort(1)[:, :length]
        p = probabilities(order)[:, :-1].gather(2, order[:, 1:, None])
        loss, most = -p.log().mean().item(), math.log(vocabulary) + 1
        _need(fn, loss <= most, f"at most {most:.2f} nats where every token is new", loss)


@induction_head_by_hand.check
def one_layer_looks_one_back_and_the_next_matches(fn):
    model, _ = _built(fn, 12, 20)
    tokens = torch.arange(20)[None] % 7
    _, cache = transformer.AttentionOnlyTransformer.run_with_cache(model, tokens)
    previous = cache["pattern.0"][0].diagonal(-1, 1, 2).mean(1).max().item()
    _need(fn, previous > 0.9, "a head of layer 0 that attends to the previous token", previous)
    matching = prefix_in_loops(cache["pattern.1"], tokens).max().item()
    _need(fn, matching > 0.9, "a head of layer 1 with a prefix matching score above 0.9", matching)


@induction_head_by_hand.check
def sequences_may_be_shorter_than_the_length(fn):
    _, probabilities = _built(fn, 6, 50)
    p = probabilities(torch.tensor([[2, 5, 1, 2]]))[0, 3, 5].item()
    _need(fn, p > 0.9, "a probability above 0.9 for B", p, tokens=[2, 5, 1, 2])


def _by_hand(vocabulary, length, change):
    """The reference's model with something about its weights changed."""
    model = induction_head_by_hand.reference(vocabulary, length)
    with torch.no_grad():
        change(model, *parts(vocabulary, length))
    return model


def _changed(description):
    """Plant as a mistake what a function does to a right model's weights."""

    def plant(change):
        induction_head_by_hand.mistake(description)(
            lambda vocabulary, length: _by_hand(vocabulary, length, change)
        )
        return change

    return plant


@_changed("layer 1 matches the token itself, not the one before it")
def _(model, token, place, before, copied):
    model.W_K[1, 0, token] = model.W_K[1, 0, before]
    model.W_K[1, 0, before] = 0


@_changed("layer 0 looks at its own position instead of one back")
def _(model, token, place, before, copied):
    model.W_K[0, 0, place, place] = torch.eye(place.stop - place.start)


@_changed("layer 0 looks two back")
def _(model, token, place, before, copied):
    n = place.stop - place.start
    model.W_K[0, 0, place, place] = torch.diag(torch.ones(n - 2), 2)


@_changed("the shift in layer 0 goes the wrong way: what it looks for is hidden by the mask")
def _(model, token, place, before, copied):
    model.W_K[0, 0, place, place] = model.W_K[0, 0, place, place].T.clone()


@_changed("scores are too small: attention stays spread over everything")
def _(model, token, place, before, copied):
    model.W_Q.div_(40)


@_changed("with nothing to match it repeats the current token")
def _(model, token, place, before, copied):
    model.W_U[token] = 0


@_changed("a minus is forgotten: the current token is raised, not lowered")
def _(model, token, place, before, copied):
    model.W_U[token].neg_()


@_changed("there is no resting place: with nothing to match it copies all tokens so far")
def _(model, token, place, before, copied):
    model.W_Q[1, 0, place] = 0


@_changed("the resting place is as strong as a match: the head looks at both")
def _(model, token, place, before, copied):
    model.W_K[1, 0, place].mul_(2)


@_changed("layer 0 writes over the part token, so that layer 1 finds nothing beside it")
def _(model, token, place, before, copied):
    model.W_O[0, 0, :, token] = model.W_O[0, 0, :, before]
    model.W_O[0, 0, :, before] = 0


@_changed("the value in layer 1 is the token before: it copies [A] after [A]")
def _(model, token, place, before, copied):
    model.W_V[1, 0, before] = model.W_V[1, 0, token]
    model.W_V[1, 0, token] = 0


@_changed("the sign of what is copied is wrong: what followed is suppressed")
def _(model, token, place, before, copied):
    model.W_O[1].neg_()


@_changed("query and key are exchanged: the query is the token before, the key the token itself")
def _(model, token, place, before, copied):
    for W in (model.W_Q, model.W_K):
        swapped = W[1, 0, before].clone()
        W[1, 0, before] = W[1, 0, token]
        W[1, 0, token] = swapped


@_changed("positions are not embedded: layer 0 cannot tell which token is the one before")
def _(model, token, place, before, copied):
    model.W_pos.zero_()


@induction_head_by_hand.right("by a narrower stream, from which what was copied is subtracted")
def _(vocabulary, length):
    V, n = vocabulary, length
    model = transformer.AttentionOnlyTransformer(V, n, 2, 1, 2 * V + n, V + n)
    token, place, before = torch.eye(2 * V + n).split([V, n, V])  # the parts of the stream
    what, where = torch.eye(V + n).split([V, n])  # the parts of a head
    sharp = 40 * (V + n) ** 0.5
    W_Q = [sharp * place.T @ where, sharp * (token.T @ what + place.T @ where)]
    W_K = [place.T @ where.roll(-1, 0), before.T @ what + place.T @ where / 2]
    W_V = [token.T @ what, token.T @ what]
    W_O = [what.T @ before, -what.T @ token]
    heads = [torch.stack(w)[:, None] for w in (W_Q, W_K, W_V, W_O)]
    for weight, x in zip(model.parameters(), (token, place, *heads, -40 * token.T), strict=True):
        weight.data.copy_(x)
    return model


@induction_head_by_hand.right("by the reference's parts, in another order of the stream")
def _(vocabulary, length):
    model = induction_head_by_hand.reference(vocabulary, length)
    order = torch.arange(model.W_E.shape[1]).flip(0)
    with torch.no_grad():
        for weight, dim in ((model.W_E, 1), (model.W_pos, 1), (model.W_U, 0), (model.W_O, 3)):
            weight.copy_(weight.index_select(dim, order))
        for weight in (model.W_Q, model.W_K, model.W_V):
            weight.copy_(weight.index_select(2, order))
    return model
