"""What the learner writes on induction heads (Elhage et al. 2021; Olsson et al. 2022)."""

import copy
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from utils import transformer
from utils.exercises import Mismatch, exercise, expect, require


def _randn(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@exercise(
    difficulty=1,
    minutes=10,
    teaches="where attention looks: the scale, the mask and the axis of the softmax",
    given="blanks",
    hints=[
        "Row i, column j of the scores says how well key j answers query i.",
        "A future key must get weight 0 after the softmax. Which score gives that?",
        "Each query shares out a weight of 1 among its keys: the softmax runs over the last axis.",
    ],
)
def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Scaled dot-product attention, no query sees the future (Vaswani et al. 2017, eq. 1).

    q, k, v: (..., position, d_head), any leading dimensions. A query sees the keys at its own
    position and before. Returns two tensors: z (..., position, d_head), what each position
    fetched, and pattern (..., query, key), the weights with which it did.
    """
    n, d_head = q.shape[-2:]
    future = torch.ones(n, n, dtype=torch.bool).triu(1)  # blank: True where key > query
    scores = q @ k.mT / d_head**0.5  # blank: (..., query, key), scaled
    scores = scores.masked_fill(future, -torch.inf)  # blank: nothing of the future
    pattern = scores.softmax(-1)  # blank: weights that sum to 1 for each query
    return pattern @ v, pattern  # blank: the weighted mean of the values, and the weights


def _attend(fn, q, k, v):
    """Call an answer, and see that two tensors of the right shapes come back."""
    out = fn(q, k, v)
    pair = isinstance(out, tuple | list) and len(out) == 2 and all(map(torch.is_tensor, out))
    require(pair, "two tensors, z and pattern", out)
    z, pattern = out
    shape = (*q.shape[:-1], q.shape[-2])
    require(pattern.shape == shape, f"pattern of shape {shape}", tuple(pattern.shape))
    require(z.shape == v.shape, f"z of shape {tuple(v.shape)}", tuple(z.shape))
    require(z.dtype == q.dtype, f"z of type {q.dtype}", str(z.dtype))
    return z, pattern


def _attention_in_loops(q, k, v):
    """The definition in plain Python, for one head: z and pattern."""
    q, k, v = q.tolist(), k.tolist(), v.tolist()
    n, d = len(q), len(q[0])
    z, pattern = [], []
    for i in range(n):
        scores = [sum(a * b for a, b in zip(q[i], k[j], strict=True)) for j in range(i + 1)]
        top = max(scores)
        weights = [math.exp((s - top) / math.sqrt(d)) for s in scores]
        row = [w / sum(weights) for w in weights] + [0.0] * (n - 1 - i)
        pattern.append(row)
        z.append([sum(row[j] * v[j][c] for j in range(n)) for c in range(d)])
    return torch.tensor(z), torch.tensor(pattern)


@causal_attention.check
def a_lone_position_fetches_itself(fn):
    z, pattern = _attend(fn, *(torch.tensor([[x, 1.0]]) for x in (2.0, -1.0, 5.0)))
    expect(pattern, torch.ones(1, 1))
    expect(z, torch.tensor([[5.0, 1.0]]))


@causal_attention.check
def two_positions_by_hand(fn):
    # d_head 4: scores of the second query are 2 ln 3 / √4 = ln 3 and 0, so weights 3/4 and 1/4.
    q = torch.tensor([[0.0] * 4, [2 * math.log(3), 0, 0, 0]])
    k = torch.tensor([[1.0, 0, 0, 0], [0.0, 1, 0, 0]])
    v = torch.tensor([[4.0, 0, 0, 0], [0.0, 8, 0, 0]])
    z, pattern = _attend(fn, q, k, v)
    expect(pattern, torch.tensor([[1.0, 0.0], [0.75, 0.25]]))
    expect(z, torch.tensor([[4.0, 0, 0, 0], [3.0, 2, 0, 0]]))


@causal_attention.check
def equal_scores_share_equally_among_past_and_present(fn):
    v = _randn(4, 3)
    z, pattern = _attend(fn, torch.zeros(4, 3), _randn(4, 3, seed=1), v)
    counts = torch.arange(1.0, 5)[:, None]
    expect(pattern, torch.ones(4, 4).tril() / counts)
    expect(z, v.cumsum(0) / counts)


@causal_attention.check
def it_is_the_definition_written_out_for_any_leading_dimensions(fn):
    for seed, lead in enumerate(((), (3,), (2, 4), (1, 1))):
        for n, d in ((5, 3), (3, 5), (4, 4)):
            q, k, v = (2 * _randn(*lead, n, d, seed=10 * seed + i) for i in range(3))
            flat = [x.reshape(-1, n, d) for x in (q, k, v)]
            each = [_attention_in_loops(*rows) for rows in zip(*flat, strict=True)]
            z, pattern = _attend(fn, q, k, v)
            expect(z, torch.stack([a for a, _ in each]).reshape(z.shape), q=q, k=k, v=v)
            expect(pattern, torch.stack([b for _, b in each]).reshape(pattern.shape), q=q, k=k, v=v)


@causal_attention.check
def the_future_has_no_influence_at_all(fn):
    q, k, v = (_randn(5, 2, seed=s) for s in range(3))
    before, _ = _attend(fn, q, k, v)
    for changed in (1e4, -1e4):
        k2, v2 = k.clone(), v.clone()
        k2[3:], v2[3:] = changed, changed
        after, _ = _attend(fn, q, k2, v2)
        expect(after[:3], before[:3], q=q, k=k2, v=v2)


@causal_attention.check
def huge_scores_stay_finite(fn):
    q = torch.tensor([[0.0], [1000.0], [-1000.0]])
    k = torch.tensor([[1.0], [-1.0], [0.0]])
    v = torch.tensor([[1.0], [2.0], [3.0]])
    z, pattern = _attend(fn, q, k, v)
    expect(pattern, torch.tensor([[1.0, 0, 0], [1.0, 0, 0], [0.0, 1, 0]]))
    expect(z, torch.tensor([[1.0], [1.0], [2.0]]))
    q, k = torch.full((2, 1), 1000.0), torch.tensor([[-1000.0], [1000.0]])
    z, pattern = _attend(fn, q, k, v[:2])  # a visible score of −10⁶ still beats the future
    expect(pattern, torch.tensor([[1.0, 0.0], [0.0, 1.0]]))


@causal_attention.check
def gradients_are_those_of_the_definition(fn):
    q, k, v = (_randn(4, 3, seed=s, dtype=torch.float64).requires_grad_() for s in range(3))
    z, pattern = _attend(fn, q, k, v)
    require(z.requires_grad and pattern.requires_grad, "gradients reach q, k and v", "they do not")
    weight = _randn(4, 3, seed=3, dtype=torch.float64)
    slopes = torch.autograd.grad((z * weight).sum(), (q, k, v), allow_unused=True)
    for i, slope in enumerate(slopes):
        require(slope is not None, f"a gradient for {'qkv'[i]}", None)
        expected = torch.zeros_like(slope)
        for place in np.ndindex(4, 3):
            up, down = ([x.detach().clone() for x in (q, k, v)] for _ in range(2))
            up[i][place] += 1e-4
            down[i][place] -= 1e-4
            rise = _attention_in_loops(*up)[0].double() - _attention_in_loops(*down)[0].double()
            expected[place] = (rise * weight).sum() / 2e-4
        expect(slope, expected, tol=2e-2, q=q, k=k, v=v, gradient_of="qkv"[i])


def _scores(q, k):
    return q @ k.mT / q.shape[-1] ** 0.5


def _future(n, diagonal=1):
    return torch.ones(n, n, dtype=torch.bool).triu(diagonal)


def _finish(scores, v, diagonal=1):
    pattern = scores.masked_fill(_future(scores.shape[-1], diagonal), -torch.inf).softmax(-1)
    return pattern @ v, pattern


@causal_attention.mistake("no mask: a query sees the future")
def _(q, k, v):
    pattern = _scores(q, k).softmax(-1)
    return pattern @ v, pattern


@causal_attention.mistake("the mask is off by one: the next token can be seen")
def _(q, k, v):
    return _finish(_scores(q, k), v, diagonal=2)


@causal_attention.mistake("the mask is off by one: a query does not see its own position")
def _(q, k, v):
    return _finish(_scores(q, k), v, diagonal=0)


@causal_attention.mistake("the mask is transposed: only the present and the future can be seen")
def _(q, k, v):
    pattern = _scores(q, k).masked_fill(_future(q.shape[-2]).mT, -torch.inf).softmax(-1)
    return pattern @ v, pattern


@causal_attention.mistake("the softmax runs over the queries instead of the keys")
def _(q, k, v):
    pattern = _scores(q, k).masked_fill(_future(q.shape[-2]), -torch.inf).softmax(-2)
    return pattern @ v, pattern


@causal_attention.mistake("no division by √d_head")
def _(q, k, v):
    return _finish(q @ k.mT, v)


@causal_attention.mistake("divided by d_head instead of its root")
def _(q, k, v):
    return _finish(q @ k.mT / q.shape[-1], v)


@causal_attention.mistake("divided by the root of the length instead of d_head")
def _(q, k, v):
    return _finish(q @ k.mT / q.shape[-2] ** 0.5, v)


@causal_attention.mistake("queries and keys are swapped: the scores are transposed")
def _(q, k, v):
    return _finish(_scores(k, q), v)


@causal_attention.mistake("future scores set to 0, which is a score like any other, not to −∞")
def _(q, k, v):
    pattern = _scores(q, k).masked_fill(_future(q.shape[-2]), 0.0).softmax(-1)
    return pattern @ v, pattern


@causal_attention.mistake("masked after the softmax: the rows no longer sum to 1")
def _(q, k, v):
    pattern = _scores(q, k).softmax(-1).masked_fill(_future(q.shape[-2]), 0.0)
    return pattern @ v, pattern


@exercise(
    difficulty=2,
    minutes=20,
    teaches="the residual stream: every head reads from it and adds to it",
    given="blanks",
    hints=[
        "W_E[tokens] picks a row for each token; add the rows of W_pos for as many positions.",
        'torch.einsum("bpm,hmd->bhpd", residual, self.W_Q[layer]) gives every head its queries.',
        "A head writes z W_O. The layer adds the sum over its heads to what was there.",
    ],
)
class AttentionOnlyTransformer(transformer.AttentionOnlyTransformer):
    """Embed, let each layer's heads read and add, unembed (Elhage et al. 2021). No MLP, no bias.

    Made already: W_E (vocabulary, d_model), W_pos (length, d_model), W_U (d_model, vocabulary);
    W_Q, W_K, W_V (n_layers, n_heads, d_model, d_head), W_O (n_layers, n_heads, d_head, d_model).
    tokens: (batch, position), at most `length` of them. Returns (batch, position, vocabulary).
    """

    def forward(self, tokens: Tensor) -> Tensor:
        residual = self.W_E[tokens] + self.W_pos[: tokens.shape[1]]  # blank: what, and where
        for layer in range(self.n_layers):
            q = torch.einsum("bpm,hmd->bhpd", residual, self.W_Q[layer])  # blank: queries
            k = torch.einsum("bpm,hmd->bhpd", residual, self.W_K[layer])  # blank: keys
            v = torch.einsum("bpm,hmd->bhpd", residual, self.W_V[layer])  # blank: values
            z, _ = causal_attention(q, k, v)
            written = torch.einsum("bhpd,hdm->bpm", z, self.W_O[layer])  # blank: sum over heads
            residual = residual + written  # blank: the stream goes on
        return residual @ self.W_U  # blank: logits


WEIGHTS = ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U")


def _logits(model, tokens):
    """Call a model of the answer's class, and see that logits of the right shape come back."""
    out = model(tokens)
    require(torch.is_tensor(out), "a tensor of logits", out)
    shape = (*tokens.shape, model.W_U.shape[-1])
    require(out.shape == shape, f"logits of shape {shape}", tuple(out.shape), tokens=tokens)
    return out


def _make(fn, vocabulary=5, length=6, seed=0, **options):
    """A model of the answer's class with weights large enough for every term to count."""
    model = fn(vocabulary, length, generator=torch.Generator().manual_seed(seed), **options)
    with torch.no_grad():
        model.W_Q.mul_(2)
    return model


def _logits_in_loops(model, tokens):
    """The model in numpy, a position and a head at a time: logits for one sequence."""
    w = {name: getattr(model, name).detach().double().numpy() for name in WEIGHTS}
    x = [w["W_E"][t] + w["W_pos"][i] for i, t in enumerate(tokens.tolist())]
    for layer in range(len(w["W_Q"])):
        new = [row.copy() for row in x]
        for h in range(w["W_Q"].shape[1]):
            q, k, v = ([row @ w[name][layer, h] for row in x] for name in ("W_Q", "W_K", "W_V"))
            for i in range(len(x)):
                s = np.array([q[i] @ k[j] for j in range(i + 1)]) / math.sqrt(len(q[i]))
                p = np.exp(s - s.max())
                z = sum(p[j] * v[j] for j in range(i + 1)) / p.sum()
                new[i] += z @ w["W_O"][layer, h]
        x = new
    return torch.tensor(np.stack(x) @ w["W_U"], dtype=torch.float32)


@AttentionOnlyTransformer.check
def one_token_one_layer_one_head(fn):
    model = _make(fn, 2, 1, n_layers=1, n_heads=1, d_model=2)
    tokens = torch.tensor([[1]])
    x = (model.W_E[1] + model.W_pos[0]).detach()
    x = x + x @ model.W_V[0, 0].detach() @ model.W_O[0, 0].detach()
    expect(_logits(model, tokens), (x @ model.W_U.detach())[None, None], tokens=tokens)


@AttentionOnlyTransformer.check
def heads_that_write_nothing_leave_token_and_position(fn):
    model = _make(fn)
    with torch.no_grad():
        model.W_O.zero_()
    tokens = torch.tensor([[3, 0, 3, 1]])
    x = model.W_E[tokens] + model.W_pos[:4]
    expect(_logits(model, tokens), (x @ model.W_U).detach(), tokens=tokens)


@AttentionOnlyTransformer.check
def it_is_the_definition_written_out(fn):
    sizes = ((1, 1, 3), (1, 3, 2), (2, 1, 4), (2, 2, 5), (3, 2, 2))
    for seed, (n_layers, n_heads, d_head) in enumerate(sizes):
        model = _make(fn, seed=seed, n_layers=n_layers, n_heads=n_heads, d_model=6, d_head=d_head)
        for n in (1, 3, 6):
            tokens = torch.randint(5, (2, n), generator=torch.Generator().manual_seed(seed))
            expected = torch.stack([_logits_in_loops(model, row) for row in tokens])
            expect(_logits(model, tokens), expected, tol=1e-4, tokens=tokens)


@AttentionOnlyTransformer.check
def the_future_has_no_influence(fn):
    model = _make(fn, d_model=8, n_heads=2)
    a, b = torch.tensor([[0, 1, 2, 3, 4]]), torch.tensor([[0, 1, 2, 1, 0]])
    expect(_logits(model, a)[:, :3], _logits(model, b)[:, :3].detach(), tokens=a)


@AttentionOnlyTransformer.check
def sequences_of_a_batch_do_not_touch(fn):
    model = _make(fn, d_model=8, n_heads=2)
    tokens = torch.randint(5, (6, 6), generator=torch.Generator().manual_seed(5))
    alone = torch.cat([_logits(model, row[None]) for row in tokens]).detach()
    expect(_logits(model, tokens), alone, tokens=tokens)


@AttentionOnlyTransformer.check
def gradients_reach_every_weight_and_are_right(fn):
    model = _make(fn, d_model=4, n_heads=2).double()
    tokens = torch.tensor([[0, 1, 2, 0, 1, 4]])
    state = {name: getattr(model, name).detach().clone() for name in WEIGHTS}
    direction = {name: _randn(*w.shape, seed=7, dtype=w.dtype) for name, w in state.items()}
    out = _logits(model, tokens)
    target = _randn(*out.shape, seed=8, dtype=out.dtype)
    require(out.requires_grad, "gradients reach the weights", "they do not")
    (out * target).sum().backward()
    for name in WEIGHTS:
        weight, sides = getattr(model, name), []
        require(weight.grad is not None, f"a gradient for {name}", None)
        with torch.no_grad():
            for step in (1e-5, -1e-5):
                weight.copy_(state[name] + step * direction[name])
                sides.append((model(tokens) * target).sum().item())
            weight.copy_(state[name])
        slope = (weight.grad * direction[name]).sum().item()
        expect(slope, (sides[0] - sides[1]) / 2e-5, tol=1e-4, gradient_of=name)


@AttentionOnlyTransformer.check
def the_weights_are_left_as_they_were(fn):
    model = _make(fn)
    before = {name: getattr(model, name).detach().clone() for name in WEIGHTS}
    _logits(model, torch.tensor([[0, 1, 2]]))
    for name in WEIGHTS:
        expect(getattr(model, name).detach(), before[name], tol=0)


class _Transformer(transformer.AttentionOnlyTransformer):
    """For the mistakes: the pieces of the forward pass, each to be replaced."""

    def embed(self, tokens):
        return self.W_E[tokens] + self.W_pos[: tokens.shape[1]]

    def write(self, layer, residual):
        q, k, v = (torch.einsum("bpm,hmd->bhpd", residual, W[layer]) for W in self.read())
        return torch.einsum("bhpd,hdm->bphm", causal_attention(q, k, v)[0], self.W_O[layer])

    def read(self):
        return self.W_Q, self.W_K, self.W_V

    def forward(self, tokens):
        residual = self.embed(tokens)
        for layer in range(self.n_layers):
            residual = residual + self.write(layer, residual).sum(2)
        return residual @ self.W_U


@AttentionOnlyTransformer.mistake("each layer replaces the residual stream instead of adding to it")
class _(_Transformer):
    def forward(self, tokens):
        residual = self.embed(tokens)
        for layer in range(self.n_layers):
            residual = self.write(layer, residual).sum(2)
        return residual @ self.W_U


@AttentionOnlyTransformer.mistake("positions are not embedded: attention cannot tell order")
class _(_Transformer):
    def embed(self, tokens):
        return self.W_E[tokens]


@AttentionOnlyTransformer.mistake("every layer uses the weights of the first")
class _(_Transformer):
    def write(self, layer, residual):
        return super().write(0, residual)


@AttentionOnlyTransformer.mistake("every layer reads the embedding: nothing can compose")
class _(_Transformer):
    def forward(self, tokens):
        start = residual = self.embed(tokens)
        for layer in range(self.n_layers):
            residual = residual + self.write(layer, start).sum(2)
        return residual @ self.W_U


@AttentionOnlyTransformer.mistake("heads are averaged instead of summed")
class _(_Transformer):
    def write(self, layer, residual):
        return super().write(layer, residual) / self.n_heads


@AttentionOnlyTransformer.mistake("W_Q and W_K are swapped")
class _(_Transformer):
    def read(self):
        return self.W_K, self.W_Q, self.W_V


@AttentionOnlyTransformer.mistake("only the first head writes")
class _(_Transformer):
    def write(self, layer, residual):
        return super().write(layer, residual)[:, :, :1]


@AttentionOnlyTransformer.mistake("a position is looked up by its token: W_pos[tokens]")
class _(_Transformer):
    def embed(self, tokens):
        return self.W_E[tokens] + self.W_pos[tokens]


@exercise(
    difficulty=2,
    minutes=15,
    teaches="to say in one number what an induction head's pattern looks like",
    hints=[
        "tokens[:, :, None] == tokens[:, None, :] says which positions hold the same token.",
        "Of those keep the strictly earlier ones. The key wanted stands one to the right of each.",
        "Average over queries that have an earlier occurrence, all sequences together.",
    ],
)
def prefix_matching_score(pattern: Tensor, tokens: Tensor) -> Tensor:
    """How much a head attends to what followed its token before (Olsson et al. 2022).

    pattern: (batch, head, query, key), causal attention. tokens: (batch, position).
    For a query whose token occurred earlier in its sequence: the attention on all keys that stand
    right after an earlier occurrence, summed. Returns (head,): the mean over all such queries of
    the batch, pooled; 0 if there is none.
    """
    n = tokens.shape[1]
    same = tokens[:, :, None] == tokens[:, None, :]
    match = same & torch.ones(n, n, dtype=torch.bool).tril(-1)  # (batch, query, earlier position)
    follower = match.roll(1, dims=2)  # one to the right; nothing matches in the last column
    repeated = match.any(2)[:, None]
    attention = (pattern * follower[:, None]).sum(3) * repeated
    return attention.sum((0, 2)) / repeated.sum().clamp(min=1)


def _pattern(*shape, seed=0):
    """Random causal attention of the shape (batch, head, n, n)."""
    scores = 2 * _randn(*shape, seed=seed)
    return scores.masked_fill(_future(shape[-1]), -torch.inf).softmax(-1)


def _one_hot(rows):
    """A pattern in which query i attends to key rows[i] alone: (1, 1, n, n)."""
    return nn.functional.one_hot(torch.tensor(rows), len(rows)).float()[None, None]


def _prefix_in_loops(pattern, tokens):
    pattern, tokens = pattern.double().tolist(), tokens.tolist()
    totals, count = [0.0] * len(pattern[0]), 0
    for b, row in enumerate(tokens):
        for i, token in enumerate(row):
            keys = [j + 1 for j in range(i) if row[j] == token]
            count += bool(keys)
            for h in range(len(totals)):
                totals[h] += sum(pattern[b][h][i][j] for j in keys)
    return torch.tensor([t / max(count, 1) for t in totals])


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
        expected = _prefix_in_loops(pattern, tokens)
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


@prefix_matching_score.mistake("only the last occurrence counts, though several may be attended")
def _(pattern, tokens):
    match = _matches(tokens)
    last = match & (match.flip(2).cumsum(2).flip(2) == 1)
    return _score(pattern, tokens, last.roll(1, dims=2))


@prefix_matching_score.mistake("only the first occurrence counts")
def _(pattern, tokens):
    match = _matches(tokens)
    return _score(pattern, tokens, (match & (match.cumsum(2) == 1)).roll(1, dims=2))


@prefix_matching_score.mistake("averaged over all queries: those without a repeat dilute it")
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


@exercise(
    difficulty=2,
    minutes=10,
    teaches="to read off a head's weights, without running it, whether it copies",
    hints=[
        "W_E W_V W_O W_U maps attended tokens to logits: vocabulary by vocabulary.",
        "torch.linalg.eigvals returns complex numbers; their sum over a real matrix is real.",
        "Divide the sum of the real parts by the sum of the absolute values.",
    ],
)
def copying_score(W_E: Tensor, W_V: Tensor, W_O: Tensor, W_U: Tensor) -> Tensor:
    """Σ λ / Σ |λ| over the eigenvalues of a head's OV circuit (Elhage et al. 2021).

    W_E (vocabulary, d_model) and W_U (d_model, vocabulary) belong to the model, W_V (..., d_model,
    d_head) and W_O (..., d_head, d_model) to one head or to many. The circuit, vocabulary by
    vocabulary, says which logits rise when a token is attended to. Returns (...), in [−1, 1].
    """
    # AB and BA have the same eigenvalues but for zeros: d_head of them instead of the vocabulary's.
    eigenvalues = torch.linalg.eigvals(W_O @ (W_U @ W_E) @ W_V)
    return eigenvalues.real.sum(-1) / eigenvalues.abs().sum(-1)


def _circuit_score(fn, circuit):
    """The score of a head whose circuit is this square matrix."""
    n = len(circuit)
    return fn(torch.eye(n), circuit, torch.eye(n), torch.eye(n))


@copying_score.check
def a_head_that_copies_scores_one_and_one_that_suppresses_minus_one(fn):
    for n in (1, 4):
        expect(_circuit_score(fn, torch.eye(n)), torch.tensor(1.0), tol=1e-4)
        expect(_circuit_score(fn, -3 * torch.eye(n)), torch.tensor(-1.0), tol=1e-4)


@copying_score.check
def eigenvalues_are_added_with_their_signs(fn):
    circuit = torch.diag(torch.tensor([3.0, -1.0]))
    expect(_circuit_score(fn, circuit), torch.tensor(0.5), tol=1e-4, circuit=circuit)


@copying_score.check
def what_turns_tokens_into_one_another_scores_nothing(fn):
    for n in (2, 3, 5):
        circuit = torch.eye(n).roll(1, dims=1)  # each token raises its neighbor
        expect(_circuit_score(fn, circuit), torch.tensor(0.0), tol=1e-4, circuit=circuit)


@copying_score.check
def complex_eigenvalues_count_with_their_modulus(fn):
    circuit = torch.tensor([[3.0, -4.0], [4.0, 3.0]])  # 3 ± 4i, of modulus 5
    expect(_circuit_score(fn, circuit), torch.tensor(0.6), tol=1e-4, circuit=circuit)


@copying_score.check
def what_is_above_the_diagonal_does_not_matter(fn):
    circuit = torch.tensor([[1.0, 50.0], [0.0, -2.0]])  # eigenvalues, not singular values
    expect(_circuit_score(fn, circuit), torch.tensor(-1 / 3), tol=1e-3, circuit=circuit)


@copying_score.check
def it_is_numpys_eigenvalues_of_the_whole_circuit(fn):
    for seed, (vocabulary, d_model, d_head) in enumerate(((6, 4, 2), (9, 12, 3), (3, 8, 8))):
        shapes = (
            (vocabulary, d_model), (d_model, d_head), (d_head, d_model), (d_model, vocabulary),
        )  # fmt: skip
        parts = [_randn(*shape, seed=20 * seed + i) for i, shape in enumerate(shapes)]
        whole = np.linalg.multi_dot([p.double().numpy() for p in parts])
        values = np.linalg.eigvals(whole)
        expected = torch.tensor(float(values.real.sum() / np.abs(values).sum()))
        expect(fn(*parts), expected, tol=1e-3)


@copying_score.check
def heads_side_by_side_are_scored_each(fn):
    W_E, W_U = _randn(7, 5), _randn(5, 7, seed=1)
    W_V, W_O = _randn(2, 3, 5, 2, seed=2), _randn(2, 3, 2, 5, seed=3)
    each = [[fn(W_E, W_V[i, j], W_O[i, j], W_U) for j in range(3)] for i in range(2)]
    require(all(torch.is_tensor(x) and x.shape == () for r in each for x in r), "scalars", each)
    expected = torch.stack([torch.stack(row) for row in each])
    got = fn(W_E, W_V, W_O, W_U)
    expect(got, expected, tol=1e-3, W_E=W_E, W_V=W_V, W_O=W_O, W_U=W_U)


def _eigenvalues(W_E, W_V, W_O, W_U):
    return torch.linalg.eigvals(W_O @ (W_U @ W_E) @ W_V)


@copying_score.mistake("singular values instead of eigenvalues: they have no sign")
def _(W_E, W_V, W_O, W_U):
    values = torch.linalg.svdvals(W_E @ W_V @ W_O @ W_U)
    return values.sum(-1) / values.abs().sum(-1)


@copying_score.mistake("divided by the absolute real parts, where the modulus is meant")
def _(W_E, W_V, W_O, W_U):
    values = _eigenvalues(W_E, W_V, W_O, W_U).real
    return values.sum(-1) / values.abs().sum(-1)


@copying_score.mistake("the share of positive eigenvalues: their size does not count")
def _(W_E, W_V, W_O, W_U):
    return (_eigenvalues(W_E, W_V, W_O, W_U).real > 0).float().mean(-1)


@copying_score.mistake("not normalized: the sum of the eigenvalues alone")
def _(W_E, W_V, W_O, W_U):
    return _eigenvalues(W_E, W_V, W_O, W_U).real.sum(-1)


@copying_score.mistake("embedding and unembedding are left out: W_V W_O alone knows no tokens")
def _(W_E, W_V, W_O, W_U):
    values = torch.linalg.eigvals(W_O @ W_V)
    return values.real.sum(-1) / values.abs().sum(-1)


@copying_score.mistake("the diagonal against all entries: no eigenvalues at all")
def _(W_E, W_V, W_O, W_U):
    circuit = W_E @ W_V @ W_O @ W_U
    return circuit.diagonal(dim1=-2, dim2=-1).sum(-1) / circuit.abs().sum((-2, -1))


@exercise(
    difficulty=1,
    minutes=5,
    teaches="what in-context learning is: to predict late tokens better than early ones",
    hints=["Late minus early: a model that learns in context has a negative score."],
)
def in_context_learning_score(losses: Tensor) -> Tensor:
    """Mean loss late in the context minus mean loss early (Olsson et al. 2022), in nats.

    losses: (..., position), the loss of each predicted token in nats. Early is the first quarter
    of the positions, late the last, each rounded down but at least one position. Returns a scalar.
    """
    quarter = max(losses.shape[-1] // 4, 1)
    return losses[..., -quarter:].mean() - losses[..., :quarter].mean()


@in_context_learning_score.check
def one_position_learns_nothing(fn):
    expect(fn(torch.tensor([[3.0]])), torch.tensor(0.0))


@in_context_learning_score.check
def the_last_minus_the_first(fn):
    expect(fn(torch.tensor([4.0, 1.0])), torch.tensor(-3.0))
    expect(fn(torch.tensor([4.0, 9.0, 9.0, 1.0])), torch.tensor(-3.0))
    expect(fn(torch.tensor([1.0, 9.0, 9.0, 9.0, 4.0])), torch.tensor(3.0))


@in_context_learning_score.check
def quarters_are_averaged(fn):
    losses = torch.tensor([[4.0, 2.0, 7.0, 7.0, 7.0, 7.0, 1.0, 0.0]])
    expect(fn(losses), torch.tensor(-2.5), losses=losses)


@in_context_learning_score.check
def what_is_in_the_middle_does_not_matter(fn):
    losses = torch.tensor([1.0, 2, 3, 100, -100, 1000, 50, 7, 8, 9, 0, 0, 3])  # quarters of 3
    expect(fn(losses), torch.tensor(1.0 - 2.0), losses=losses)


@in_context_learning_score.check
def it_is_the_definition_written_out_for_any_length(fn):
    for n in (4, 7, 11, 39, 40):
        losses = _randn(3, n, seed=n)
        q = max(n // 4, 1)
        rows = losses.double().tolist()
        late = sum(sum(row[n - q :]) for row in rows) / (3 * q)
        early = sum(sum(row[:q]) for row in rows) / (3 * q)
        expect(fn(losses), torch.tensor(late - early), losses=losses)


@in_context_learning_score.check
def a_constant_is_no_learning_and_units_are_kept(fn):
    losses = torch.full((2, 8), 5.0)
    expect(fn(losses), torch.tensor(0.0), losses=losses)
    losses = torch.arange(16.0).reshape(1, 2, 8)
    expect(fn(losses), torch.tensor(6.0), losses=losses)


@in_context_learning_score.mistake("early minus late: the sign is the other way round")
def _(losses):
    q = max(losses.shape[-1] // 4, 1)
    return losses[..., :q].mean() - losses[..., -q:].mean()


@in_context_learning_score.mistake("the last position minus the first: single positions are noisy")
def _(losses):
    return losses[..., -1].mean() - losses[..., 0].mean()


@in_context_learning_score.mistake("halves instead of quarters")
def _(losses):
    q = max(losses.shape[-1] // 2, 1)
    return losses[..., -q:].mean() - losses[..., :q].mean()


@in_context_learning_score.mistake("summed over positions instead of averaged")
def _(losses):
    q = max(losses.shape[-1] // 4, 1)
    return (losses[..., -q:].sum(-1) - losses[..., :q].sum(-1)).mean()


@in_context_learning_score.mistake("converted to bits, where nats were asked for")
def _(losses):
    q = max(losses.shape[-1] // 4, 1)
    return (losses[..., -q:].mean() - losses[..., :q].mean()) / math.log(2)


@in_context_learning_score.mistake("a ratio instead of a difference")
def _(losses):
    q = max(losses.shape[-1] // 4, 1)
    return losses[..., -q:].mean() / losses[..., :q].mean()


@exercise(
    difficulty=2,
    minutes=15,
    teaches="to intervene: which heads does a behavior need?",
    hints=[
        'model.run_with_hooks(tokens, {"head.0": hook}): the hook gets z of layer 0, '
        "(batch, head, position, d_head), and returns what takes its place.",
        "Work on a copy: z.clone(). One hook has to serve all heads of its layer.",
        "A function made in a loop sees the loop's last value. Make it in a function of its own.",
    ],
)
def ablate_heads(
    model: transformer.AttentionOnlyTransformer, heads: list[tuple[int, int]]
) -> Callable[[Tensor], Tensor]:
    """The model with some heads knocked out: what they write is 0 (Olsson et al. 2022, ablations).

    heads: pairs (layer, head), both from 0. Returns a function from tokens (batch, position) to
    logits (batch, position, vocabulary). The model itself stays as it was.
    """

    def hook_of(layer: int) -> Callable[[Tensor], Tensor]:
        out = [head for at, head in heads if at == layer]

        def hook(z: Tensor) -> Tensor:
            return z.index_fill(1, torch.tensor(out), 0.0)

        return hook

    hooks = {f"head.{layer}": hook_of(layer) for layer, _ in heads}
    return lambda tokens: model.run_with_hooks(tokens, hooks)


def _subject(seed=0, **options):
    """A model to ablate, with random weights, and tokens for it."""
    generator = torch.Generator().manual_seed(seed)
    shape = {"n_layers": 2, "n_heads": 3, "d_model": 6, "d_head": 3} | options
    model = transformer.AttentionOnlyTransformer(5, 7, **shape, init_std=1.0, generator=generator)
    return model, torch.randint(5, (4, 7), generator=generator)


def _without(model, heads):
    """The truth: a copy in which those heads' output weights are 0."""
    mended = copy.deepcopy(model)
    with torch.no_grad():
        for layer, head in heads:
            mended.W_O[layer, head] = 0
    return mended


def _apply(ablated, heads, tokens):
    """The logits of an ablated model; what it raises belongs to the answer."""
    require(callable(ablated), "a function of tokens", ablated, heads=heads)
    try:
        out = ablated(tokens)
    except Exception as error:
        raise Mismatch("logits", error, {"heads": heads}) from None
    require(torch.is_tensor(out), "logits", out, heads=heads)
    return out


def _run(fn, model, heads, tokens):
    return _apply(fn(model, heads), heads, tokens)


@ablate_heads.check
def no_heads_is_the_model(fn):
    model, tokens = _subject()
    expect(_run(fn, model, [], tokens), model(tokens).detach(), heads=[])


@ablate_heads.check
def the_only_head_gone_leaves_the_direct_path(fn):
    model, tokens = _subject(n_layers=1, n_heads=1)
    direct = (model.W_E[tokens] + model.W_pos[:7]) @ model.W_U
    expect(_run(fn, model, [(0, 0)], tokens), direct.detach(), heads=[(0, 0)])


@ablate_heads.check
def every_single_head_is_as_if_its_output_weights_were_zero(fn):
    model, tokens = _subject(seed=1)
    for heads in [[(layer, head)] for layer in range(2) for head in range(3)]:
        expected = _without(model, heads)(tokens).detach()
        expect(_run(fn, model, heads, tokens), expected, heads=heads)


@ablate_heads.check
def several_heads_go_together(fn):
    for seed, options in enumerate(({}, {"n_layers": 3, "n_heads": 2}, {"n_heads": 7})):
        model, tokens = _subject(seed=seed, **options)
        for heads in (
            [(0, 0), (1, 1)], [(1, 0), (0, 1)], [(0, 0), (0, 1)], [(1, 1), (1, 0), (0, 1)],
            [(h, i) for h in range(2) for i in range(2)],
        ):  # fmt: skip
            expected = _without(model, heads)(tokens).detach()
            expect(_run(fn, model, heads, tokens), expected, heads=heads)


@ablate_heads.check
def the_model_stays_as_it_was(fn):
    model, tokens = _subject(seed=2)
    before, logits = copy.deepcopy(model.state_dict()), model(tokens).detach()
    ablated = fn(model, [(0, 1), (1, 2)])
    for _ in range(2):
        _apply(ablated, [(0, 1), (1, 2)], tokens)
        expect(model(tokens).detach(), logits, heads=[(0, 1), (1, 2)])
    for name, value in model.state_dict().items():
        expect(value, before[name], tol=0)


@ablate_heads.check
def one_ablation_does_not_touch_another(fn):
    model, tokens = _subject(seed=3)
    first, second = fn(model, [(0, 0)]), fn(model, [(1, 1), (0, 2)])
    pair = [(1, 1), (0, 2)]
    for ablated, heads in ((second, pair), (first, [(0, 0)]), (second, pair)):
        expect(_apply(ablated, heads, tokens), _without(model, heads)(tokens).detach(), heads=heads)


@ablate_heads.check
def any_number_of_sequences_and_positions(fn):
    model, tokens = _subject(seed=4)
    heads = [(0, 1), (1, 0)]
    for part in (tokens[:1], tokens[:, :2], tokens[:1, :1]):
        expect(_run(fn, model, heads, part), _without(model, heads)(part).detach(), heads=heads)


def _hooked(model, heads, change, name="head"):
    hooks = {}
    for layer in {at for at, _ in heads}:
        out = [head for at, head in heads if at == layer]
        hooks[f"{name}.{layer}"] = lambda z, out=out: change(z.clone(), out)
    return lambda tokens: model.run_with_hooks(tokens, hooks)


def _zero(z, out):
    z[:, out] = 0
    return z


@ablate_heads.mistake("the whole layer is knocked out, not the head alone")
def _(model, heads):
    return _hooked(model, heads, lambda z, out: 0 * z)


@ablate_heads.mistake("layer and head are swapped")
def _(model, heads):
    return _hooked(model, [(head, layer) for layer, head in heads], _zero)


@ablate_heads.mistake("the axis is wrong: positions are zeroed instead of heads")
def _(model, heads):
    def zero(z, out):
        z[:, :, out] = 0
        return z

    return _hooked(model, heads, zero)


@ablate_heads.mistake("the heads listed are kept and the others of their layer knocked out")
def _(model, heads):
    def keep(z, out):
        mask = torch.zeros_like(z)
        mask[:, out] = 1
        return z * mask

    return _hooked(model, heads, keep)


@ablate_heads.mistake("the weights are set to 0 in the model itself, which stays ruined")
def _(model, heads):
    with torch.no_grad():
        for layer, head in heads:
            model.W_O[layer, head] = 0
    return model


@ablate_heads.mistake("of several heads in a layer only the last is knocked out")
def _(model, heads):
    return _hooked(model, list({layer: (layer, head) for layer, head in heads}.values()), _zero)


@ablate_heads.mistake("the query is zeroed: the head attends everywhere alike, and still writes")
def _(model, heads):
    return _hooked(model, heads, _zero, name="query")


@ablate_heads.mistake("the head writes its mean over the batch and positions instead of 0")
def _(model, heads):
    def mean(z, out):
        z[:, out] = z[:, out].mean((0, 2), keepdim=True)
        return z

    return _hooked(model, heads, mean)


@exercise(
    difficulty=1,
    minutes=8,
    teaches="to tell from weights alone whether one head reads what another writes",
    hints=[
        "A row of the stream, x, goes through the first head as x W_a and then on as x W_a W_b.",
        "torch.linalg.matrix_norm is the Frobenius norm, over the last two dimensions.",
    ],
)
def composition_score(W_a: Tensor, W_b: Tensor) -> Tensor:
    """‖W_a W_b‖ / (‖W_a‖ ‖W_b‖), Frobenius norms (Elhage et al. 2021).

    W_a (..., n, m) is what the earlier head writes, W_b (..., m, p) what the later one reads; rows
    are multiplied from the left. Leading dimensions broadcast. Returns (...), between 0 and 1.
    """
    norm = torch.linalg.matrix_norm
    return norm(W_a @ W_b) / (norm(W_a) * norm(W_b))


@composition_score.check
def single_numbers_compose_fully(fn):
    expect(fn(torch.tensor([[2.0]]), torch.tensor([[-3.0]])), torch.tensor(1.0))


@composition_score.check
def what_is_written_beside_what_is_read_scores_nothing(fn):
    W_a, W_b = torch.tensor([[0.0, 1.0], [0.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    expect(fn(W_a, W_b), torch.tensor(0.0), W_a=W_a, W_b=W_b)
    expect(fn(W_b, W_a), torch.tensor(1.0), W_a=W_b, W_b=W_a)


@composition_score.check
def identities_score_one_over_the_root_of_their_size(fn):
    for n in (2, 4, 9):
        expect(fn(torch.eye(n), torch.eye(n)), torch.tensor(n**-0.5), W_a=torch.eye(n))


@composition_score.check
def size_and_sign_do_not_matter(fn):
    W_a, W_b = _randn(3, 4), _randn(4, 2, seed=1)
    expect(fn(1000 * W_a, -0.01 * W_b), fn(W_a, W_b), W_a=W_a, W_b=W_b)


@composition_score.check
def it_is_the_sum_over_all_entries(fn):
    for seed, (n, m, p) in enumerate(((2, 2, 2), (3, 3, 3), (2, 5, 3), (4, 1, 4))):
        W_a, W_b = _randn(n, m, seed=seed), _randn(m, p, seed=50 + seed)
        a, b = W_a.double().tolist(), W_b.double().tolist()
        product = sum(
            sum(a[i][k] * b[k][j] for k in range(m)) ** 2 for i in range(n) for j in range(p)
        )
        sizes = sum(x * x for row in a for x in row) * sum(x * x for row in b for x in row)
        expect(fn(W_a, W_b), torch.tensor(math.sqrt(product / sizes)), W_a=W_a, W_b=W_b)


@composition_score.check
def heads_side_by_side_are_scored_pair_by_pair(fn):
    W_a, W_b = _randn(3, 1, 4, 4), _randn(1, 2, 4, 4, seed=1)
    each = [[fn(W_a[i, 0], W_b[0, j]) for j in range(2)] for i in range(3)]
    require(all(torch.is_tensor(x) and x.shape == () for r in each for x in r), "scalars", each)
    expect(fn(W_a, W_b), torch.stack([torch.stack(row) for row in each]), W_a=W_a, W_b=W_b)


def _norm(W):
    return torch.linalg.matrix_norm(W)


@composition_score.mistake("the order is reversed: W_b W_a reads before it writes")
def _(W_a, W_b):
    return _norm(W_b @ W_a) / (_norm(W_a) * _norm(W_b))


@composition_score.mistake("W_b is transposed: what it writes takes the place of what it reads")
def _(W_a, W_b):
    return _norm(W_a @ W_b.mT) / (_norm(W_a) * _norm(W_b))


@composition_score.mistake("not normalized: large weights look like composition")
def _(W_a, W_b):
    return _norm(W_a @ W_b)


@composition_score.mistake("the spectral norm instead of Frobenius's")
def _(W_a, W_b):
    size = torch.linalg.matrix_norm
    return size(W_a @ W_b, 2) / (size(W_a, 2) * size(W_b, 2))


@composition_score.mistake("squared norms: the root is missing")
def _(W_a, W_b):
    return (_norm(W_a @ W_b) / (_norm(W_a) * _norm(W_b))) ** 2


@composition_score.mistake("one norm over all heads together instead of one for each")
def _(W_a, W_b):
    return (W_a @ W_b).norm() / (W_a.norm() * W_b.norm())


@exercise(
    difficulty=3,
    minutes=30,
    teaches="what training has to find: two heads, and the part of the stream between them",
    given="page",
    hints=[
        "Give the stream three parts: which token, which position, which token came before. "
        "W_E and W_pos are then unit vectors, and a head moves one part into another.",
        "Layer 0: the query of position p and the key of position p − 1 must agree. Its value is "
        "the token, written to the third part.",
        "Layer 1: the query is the token, the key is the token before, the value is the token. "
        "Scores must be large (think of √d_head), or attention stays spread out.",
        "With nothing to match, attention should do no harm. Let it rest on the query's own "
        "position, half as strongly as a match, and cancel what it then copies by the direct path.",
    ],
)
def induction_head_by_hand(vocabulary: int, length: int):
    """A two-layer model whose weights you set, which continues [A][B] … [A] with [B].

    Returns an untrained utils.transformer.AttentionOnlyTransformer of any heads and widths. No
    token directly follows itself. Where one occurred before, what followed gets a probability
    above 0.9, or different followers an equal share; elsewhere mean loss ≤ log(vocabulary) + 1.
    """
    V, n = vocabulary, length
    model = transformer.AttentionOnlyTransformer(V, n, 2, 1, 2 * V + n, V + n)
    token, place, before = torch.eye(2 * V + n).split([V, n, V])  # the parts of the stream
    what, where = torch.eye(V + n).split([V, n])  # the parts of a head
    sharp = 40 * (V + n) ** 0.5  # a match scores 40 more than none
    W_Q = [sharp * place.T @ where, sharp * (token.T @ what + place.T @ where)]
    W_K = [place.T @ where.roll(-1, 0), before.T @ what + place.T @ where / 2]
    W_V = [token.T @ what, token.T @ what]
    W_O = [what.T @ before, -what.T @ token]
    heads = [torch.stack(w)[:, None] for w in (W_Q, W_K, W_V, W_O)]
    for weight, x in zip(model.parameters(), (token, place, *heads, -40 * token.T), strict=True):
        weight.data.copy_(x)
    return model


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
    matching = _prefix_in_loops(cache["pattern.1"], tokens).max().item()
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
